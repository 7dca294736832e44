/* chance.h: random numbers for data, the same on every machine.
 *
 * A chance is a key and a counter: number i is a function of both (random.h of the kernels). Beyond that only
 * arithmetic and square roots are used, which IEEE 754 rounds in one way; logarithm and sine are series of our own,
 * since those of a libm differ in their last bits. */
#ifndef TASKS_CHANCE_H
#define TASKS_CHANCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct chance {
    uint64_t key, count;
} chance;

/* The numbers of sequence n of a task, which is known by its name. */
chance chance_open(const char *task, uint64_t seed, uint64_t n);

size_t chance_below(chance *d, size_t n);                    /* a whole number from 0 to n - 1; n < 2^32 */
size_t chance_between(chance *d, size_t least, size_t most); /* from least to most */
double chance_uniform(chance *d);                            /* in [0, 1): a multiple of 2^-24, exact as a float */
double chance_normal(chance *d);                             /* mean 0, standard deviation 1 */

double sine_of_turns(double turns); /* sin(2 pi turns), |turns| < 2^31 */
double natural_log(double x);       /* x > 0, finite; for chance_normal, and for tests, which hold it against log */

#endif
