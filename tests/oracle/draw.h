/* draw.h: the random numbers of `uniform`, in doubles: the generator of the runtime, behind names of our own, because
 * its text defines types that have no business in the interpreter. */
#ifndef ORACLE_DRAW_H
#define ORACLE_DRAW_H

#include <stdint.h>

uint64_t draw_key(const char *path, uint64_t seed, uint64_t update); /* of a call's path */
uint64_t draw_row(uint64_t key, uint64_t sequence, uint64_t step);
double draw_uniform(uint64_t row, uint32_t component);

#endif
