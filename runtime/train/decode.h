/* decode.h: what a model says, searched for: sequences of high probability under a model that goes on from symbol to
 * symbol, and labels under the distributions of ctc.
 *
 * Who computes the distributions is the caller's matter. Probabilities are natural logarithms; -INFINITY is none. Of
 * equal candidates the one that comes first counts: hypotheses in their order, then symbols in theirs. */
#ifndef TRAIN_DECODE_H
#define TRAIN_DECODE_H

#include <stdbool.h>
#include <stddef.h>

/* ---- symbol by symbol -------------------------------------------------------------------------------------------- */

/* The distributions after `count` hypotheses of n symbols each: log_p[i * classes + c]. Hypothesis i is number
 * parent[i] of the call before (of the only one before the first call), with symbol[i][n - 1] added. False: it
 * failed. */
typedef bool decode_advance(void *self, size_t count, const int *const *symbol, const size_t *parent, size_t n,
                            double *log_p);

typedef struct beam_options {
    size_t width;   /* hypotheses that are followed at a time */
    size_t classes; /* symbols */
    size_t length;  /* most symbols after the prompt, that of the end among them */
    int end;        /* ends a hypothesis; -1: none does */
    double power;   /* hypotheses are compared by log p / symbols ^ power */
    const int *prompt;
    size_t prompt_length; /* at least 1: that of a start; the last one is not fed yet, those before are */
} beam_options;

typedef struct beam_result {
    int *symbol;  /* after the prompt, without the end; malloc'ed */
    size_t count; /* of them */
    bool ended;
    double log_p, score; /* of all of them and the end; score: log_p / symbols ^ power */
} beam_result;

/* Beam search: of all ways to add a symbol to the hypotheses, the `width` likeliest are kept; one that ends leaves the
 * beam and stands for election, and so do those that reach the length. It stops when no hypothesis that is left can
 * have a better score. With width 1 it is greedy; with a width of all sequences it is exact. False: no memory, or
 * `advance` failed. */
bool beam_search(const beam_options *o, decode_advance *advance, void *self, beam_result *result);

/* ---- ctc --------------------------------------------------------------------------------------------------------- */

/* Of distributions log_p[t * classes + c] over `steps` steps. `label` has room for `steps` labels. */

/* The likeliest class of each step, repeats merged, then blanks dropped. Returns how many labels there are. *score: the
 * log probability of these classes. */
size_t ctc_greedy(const double *log_p, size_t steps, size_t classes, int blank, int *label, double *score);

/* Prefix beam search: of all beginnings of labels, by the probability of all ways to say them, the `width` likeliest
 * are kept from step to step; with a width of all of them it finds the likeliest labels. *score: their log
 * probability, as far as the beam saw it. False: no memory. */
bool ctc_beam(const double *log_p, size_t steps, size_t classes, int blank, size_t width, int *label, size_t *count,
              double *score);

#endif
