/* checks.h: what must hold for every model; used on written specs (tests/agree) and on random ones (tests/fuzz). */
#ifndef AGREE_CHECKS_H
#define AGREE_CHECKS_H

#include "agree/subject.h"

typedef struct tally {
    int passed, failed;
} tally;

/* The variant and the oracle give the same numbers on several batches. `bound`: relative to the largest. */
void check_agreement(tally *t, subject *s, const variant *v, double bound, uint64_t seed, int rounds);

/* What a call means, in doubles by libtcc: see design of batches, chunks and padding in docs/language.md. threads, cut:
 * threads and segment of a variant. */
void check_meaning(tally *t, subject *s, int threads, int cut, uint64_t seed);

/* The gradient of the training loss is what differences say, at most `most` entries of each array. */
void check_differences(tally *t, subject *s, uint64_t seed, int most);

/* Gradients in segments of several lengths. False: of this model they cannot be. */
bool check_segments(tally *t, subject *s, uint64_t seed);

/* Ways of building that must not change numbers: --steps, --unroll, --batch, --inference, with rnn.h. */
void check_variants(tally *t, subject *s, uint64_t seed);

/* Bad arguments give an error code, and nothing is written. */
void check_faults(tally *t, subject *s, uint64_t seed);

#endif
