/* point.h: random inputs of a model, in double, in the layout of generated C. */
#ifndef DRIVER_POINT_H
#define DRIVER_POINT_H

#include "driver/batch.h"

enum { POINT_ABSENT = 4 }; /* a batch of so many sequences has one that is absent */

uint64_t point_draw(uint64_t *random); /* splitmix64 */
double point_real(uint64_t *random);   /* in [-1, 1) */

/* Lengths for the batch's sequences: the first sequence is full, the last of POINT_ABSENT or more absent, the others
 * are as long as chance has it. */
void point_lengths(batch *b, const graph *g, arena *a, uint64_t *random);

/* Every input of the graph: reals in [-1, 1), any token; NaN and impossible tokens in the padding; 0 for probes. Labels
 * of ctc are such that can be aligned, and shorter for that where need be; b->lengths of their axis must be there. */
void point_inputs(batch *b, const graph *g, arena *a, uint64_t *random);

/* Reals that an input of the graph has in this batch. */
size_t point_reals(const batch *b, const graph *g, const graph_input *in);

#endif
