/* forward.h: the outputs of a spec on arrays: what `run` writes, `parity` compares and `import` proves. Dropout is off.
 *
 *     forward f;
 *     int code = forward_compile(&f, a, o, &(forward_spec){ .path = path, .sequences = 1 });
 *     if (!code) code = forward_compute(&f, params, "R.npz", &inputs);
 *     forward_close(&f);
 *
 * Each step returns 0, or an exit status after one message. */
#ifndef DRIVER_FORWARD_H
#define DRIVER_FORWARD_H

#include "driver/batch.h"
#include "driver/command.h"

typedef struct forward {
    const options *o;
    pipeline p;
    const graph *g; /* the interface */
    loaded l;
    bool open, targets; /* targets: the loss has been computed, too */
    batch b;
    tensors out; /* outputs by their names, in the layout of a data file, and `loss` */
} forward;

/* What is compiled. */
typedef struct forward_spec {
    const char *path, *text; /* the file; or its text, and what to call it */
    size_t sequences;        /* for so many */
    bool real_double;
    const tensors *arrays; /* for sizes that come from data; NULL: none */
    const char *arrays_path;
} forward_spec;
int forward_compile(forward *f, arena *a, const options *o, const forward_spec *s);

/* Fills in f->out from the parameters of `weights` (the file weights_path) and the arrays of `data` (the file
 * data_path). */
int forward_compute(forward *f, const char *weights_path, const tensors *weights, const char *data_path,
                    const tensors *data);
void forward_close(forward *f);

/* The parts of forward_compute, once f->b holds the arrays, for whoever prepares them on his own or wants gradients. */
int forward_outputs(forward *f, const void *params);      /* fills in f->out */
loaded_call forward_call(forward *f, const void *params); /* with lengths, parameters and inputs */
int forward_finish(loaded_call *call, entry e);           /* calls; 0, or an exit status after a message */
void *forward_reals(forward *f, type t);                  /* zeros for an array of that type */

/* How far an output is from what was expected. */
typedef struct difference {
    double absolute, scale; /* scale: the largest number expected */
    size_t at;              /* the element with the largest difference */
    size_t compared, wrong;
} difference;

/* Compares an array of f->out with `expected`, laid out like it, inside the sequences. A number is wrong when
 * |found - expected| > bound * max(1, |expected|). Neither NaN nor an infinity is near to anything but itself. */
difference forward_compare(const forward *f, const tensor *found, const double *expected, double bound);

#endif
