/* footprint.h: what the generated functions need: memory, stack, operations. */
#ifndef EMIT_FOOTPRINT_H
#define EMIT_FOOTPRINT_H

#include "emit/weights.h"

/* Of `body`, the text of all functions, nothing is read but which kernels it calls. `t` NULL: the weights are the
 * caller's. */
footprint *footprint_of(arena *a, const emit_model *m, const emit_options *o, const weights_table *t, const char *body);

#endif
