/* forward.h: the outputs of a spec on arrays: what `parity` compares and `import` proves. Dropout is off.
 *
 *     forward f;
 *     int code = forward_compile(&f, a, o, text, path, batch, real_double);
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

/* Compiles the spec at `path`, or `spec` when that is given and `path` only names it, for `sequences`. */
int forward_compile(forward *f, arena *a, const options *o, const char *spec, const char *path, size_t sequences,
                    bool real_double);

/* Fills in f->out from the parameters of `weights` (the file weights_path) and the arrays of `data` (the file
 * data_path). */
int forward_compute(forward *f, const char *weights_path, const tensors *weights, const char *data_path,
                    const tensors *data);
void forward_close(forward *f);

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
