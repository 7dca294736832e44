/* footprint.h: what the generated functions need: memory, stack, operations. */
#ifndef EMIT_FOOTPRINT_H
#define EMIT_FOOTPRINT_H

#include "emit/weights.h"

/* Once all functions are written: which kernels they call is read from the names that they use. */
footprint *footprint_of(const writer *w);

#endif
