/* weights.h: a weight file as the parameters of a model, and gradients as such a file. */
#ifndef API_WEIGHTS_H
#define API_WEIGHTS_H

#include "api/loaded.h"
#include "train/tensor.h"

/* The values of all parameters, in the order of the array of parameters, from the tensors of the file `path`, all finite
 * in the reals that are computed with. NULL: as below. */
double *weights_values(arena *a, const graph *g, bool real_double, const char *path, const tensors *file,
                       const char **error);

/* The parameters from the tensors of the file `path`. NULL: *error is one line: a tensor that is missing, that belongs
 * to no parameter, whose shape or
 * type is wrong, or that holds a number that is not finite. */
void *weights_from_tensors(const loaded *l, const graph *g, const char *path, const tensors *file, const char **error);

/* Appends every parameter, or its gradient laid out like it, under its name. A fault is to->error. */
void weights_to_tensors(const loaded *l, const graph *g, const void *params, tensors *to);

#endif
