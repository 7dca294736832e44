/* draw.h: random numbers for data, the same on every machine.
 *
 * A draw is a key and a counter: number i is a function of both (random.h of the kernels). Beyond that only arithmetic
 * and square roots are used, which IEEE 754 rounds in one way; logarithm and sine are series of our own, since those of
 * a libm differ in their last bits. */
#ifndef TASKS_DRAW_H
#define TASKS_DRAW_H

#include <stddef.h>
#include <stdint.h>

typedef struct draw {
    uint64_t key, count;
} draw;

/* The numbers of sequence n of a task, which is known by its name. */
draw draw_open(const char *task, uint64_t seed, uint64_t n);

size_t draw_below(draw *d, size_t n);                       /* a whole number from 0 to n - 1; n < 2^32 */
size_t draw_between(draw *d, size_t least, size_t most);    /* from least to most */
double draw_uniform(draw *d);                               /* in [0, 1): a multiple of 2^-24, exact as a float */
double draw_normal(draw *d);                                /* mean 0, standard deviation 1 */

double sine_of_turns(double turns);                         /* sin(2 pi turns), |turns| < 2^31 */
double natural_log(double x);                               /* x > 0, finite */

#endif
