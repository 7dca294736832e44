/* sampler.h: a trained model runs free: a symbol is drawn from its distribution and is its next input. */
#ifndef TRAIN_SAMPLER_H
#define TRAIN_SAMPLER_H

#include "train/trainable.h"
#include <stdio.h>

typedef struct sample_options {
    size_t length;      /* symbols after the prompt */
    double temperature; /* p ^ (1 / temperature), made to add up to 1; 0: the likeliest */
    size_t top_k;       /* draw from so many; 0: from all */
    double top_p;       /* draw from the likeliest that have so much together; 1: from all */
    uint64_t seed;
    const char *prompt;     /* NULL: begins after the end of a line, or with a random symbol */
    const char *vocabulary; /* of the checkpoint; NULL: symbols are numbers */
} sample_options;

/* Writes the prompt and the sample. False: *error is one clear line (malloc'ed). */
bool sample_write(const trainable *m, const void *params, const sample_options *o, FILE *out, char **error);

/* Draws from p[0 ... n - 1], not necessarily adding up to 1, as the options say; u: 0 <= u < 1. `order` has room for n
 * numbers. p is overwritten. */
size_t sample_draw(double *p, size_t n, const sample_options *o, double u, size_t *order);

#endif
