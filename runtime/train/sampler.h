/* sampler.h: a trained model runs freely: a symbol is drawn from its distribution, or searched for, and is its next
 * input; until the symbol that ends a sequence, where the model has one. */
#ifndef TRAIN_SAMPLER_H
#define TRAIN_SAMPLER_H

#include "train/decode.h"
#include "train/runner.h"
#include <stdio.h>

typedef struct sample_options {
    size_t length;      /* most symbols after the prompt, that of the end among them */
    double temperature; /* p ^ (1 / temperature), made to add up to 1; 0: the likeliest */
    size_t top_k;       /* draw from so many; 0: from all */
    double top_p;       /* draw from the likeliest that have so much together; 1: from all */
    uint64_t seed;
    size_t beam;            /* follow so many hypotheses and take the best; 0: draw */
    double beam_power;      /* which is the one of highest log p / symbols ^ beam_power */
    const char *prompt;     /* NULL: begins after the end of a line, or with a random symbol */
    const char *vocabulary; /* of the checkpoint; NULL: symbols are numbers */
} sample_options;

/* A model whose only input is the generated one: writes the prompt and the sample. False: *error is one clear line
 * (malloc'ed). */
bool sample_write(const trainable *m, const void *params, const sample_options *o, FILE *out, char **error);

/* What comes after `first` in a sequence with these data (NULL: none), as a beam_result, whose symbols are the
 * caller's to free. The options' seed counts, prompt and vocabulary do not. False: r->error says why. */
bool sample_sequence(runner *r, const runner_given *given, int first, const sample_options *o, beam_result *result);

/* Draws from p[0 ... n - 1], not necessarily adding up to 1, as the options say; u: 0 <= u < 1. `order` has room for n
 * numbers. p is overwritten. What sample_write does at each symbol; tests count what it draws. */
size_t sample_draw(double *p, size_t n, const sample_options *o, double u, size_t *order);

#endif
