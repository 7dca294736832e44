/* runner.h: a trained model runs freely: what its line `generate x[t+1] ~ p` expects next, after the symbols so far.
 *
 * A model that has `step` takes one for each symbol, and every hypothesis has a state of its own. One that has none,
 * because of a second axis (an encoder and a decoder), runs `forward` on all symbols so far, with the other axes' data
 * in full: the same numbers, at a cost that grows with the square of the length. Either way the distribution must not
 * read later steps. */
#ifndef TRAIN_RUNNER_H
#define TRAIN_RUNNER_H

#include "train/trainable.h"

/* Data of one sequence: what no one generates. Arrays are [time axes][component], as many steps as `steps` says, of
 * which the first `length` are the sequence. */
typedef struct runner_given {
    const void **input; /* of each of trainable.inputs; NULL: not given */
    size_t steps[TRAIN_MAX_AXES + 1], length[TRAIN_MAX_AXES + 1];
} runner_given;

typedef struct runner {
    const trainable *m;
    const void *params;
    size_t width, classes;
    const runner_given *given;
    void *packed;
    char *state, *next_state; /* [width] */
    size_t state_bytes;
    void **buffer, *p; /* of each input; of the distribution */
    size_t *buffer_bytes, p_bytes;
    int *lengths[TRAIN_MAX_AXES + 1];
    const void **input;
    void **output;
    char *error; /* malloc'ed; NULL: none */
} runner;

/* Can this model run freely, and say for which input? False: *error says why not. */
bool runner_check(const trainable *m, char **error);
/* The first input that must be given; -1: there is none. */
int runner_needs(const trainable *m);

/* At most `width` hypotheses at a time, no more than the model was compiled for. False: no memory. */
bool runner_open(runner *r, const trainable *m, const void *params, size_t width);
void runner_close(runner *r);

/* The next sequence. `given` must live until the next one; NULL: nothing is given. Returns how many symbols it can
 * take: 0 where it is absent, SIZE_MAX without a bound. */
size_t runner_begin(runner *r, const runner_given *given);

/* See decode_advance in decode.h; `self` is the runner. False: r->error says why. log_p may be NULL: the symbol is fed
 * and nobody asks what comes next. */
bool runner_advance(void *self, size_t count, const int *const *symbol, const size_t *parent, size_t n, double *log_p);

#endif
