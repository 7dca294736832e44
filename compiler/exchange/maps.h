/* maps.h: tensors of another tool to parameters of a model, and back, by the `weights FORMAT { }` lines of its cells.
 *
 * A line says that a sum of row ranges of foreign tensors is a stack of parameters. A foreign tensor is found by the
 * path of the call and the word of the line: "h.0.forward.weight_ih". */
#ifndef EXCHANGE_MAPS_H
#define EXCHANGE_MAPS_H

#include "model/model.h"
#include "train/tensor.h"

typedef struct foreign {
    const char *path; /* "h.0.forward.weight_ih" */
    const char *own;  /* its name in the file: "rnn.weight_ih_l0" */
    shape shape;      /* of values; row-major */
    const double *values;
    bool used;
} foreign;
typedef ARRAY(foreign) foreigns;

/* Appends every parameter of the model to `out`, as F64, and marks the tensors that it used. What only fills vectors
 * and is not there at all is 0: *zeros lists these parameters, NULL when there are none. Returns NULL, or what is
 * wrong. */
const char *maps_import(arena *a, const model *m, const char *format, foreigns *from, tensors *out, const char **zeros);

/* Appends to `to` the foreign tensors that the parameters in `from` make, with path and shape, in the order of the
 * model. Of a sum, the first tensor gets all and the others are 0. Parameters that no line of this format mentions
 * are listed in *left. Returns NULL, or what is wrong. */
typedef ARRAY(const model_variable *) model_parameters;
const char *maps_export(arena *a, const model *m, const char *format, const tensors *from, foreigns *to,
                        model_parameters *left);

/* The words of a tensor's dimensions: "(4, 8)". */
const char *tensor_shape_text(arena *a, const tensor *t);

#endif
