/* chance.c: see chance.h. No product is fused with a sum here: that would round once less where a machine can. */
#if defined __clang__
#pragma STDC FP_CONTRACT OFF
#endif
#include "tasks/chance.h"
#include "train/hash.h"
typedef double real;
#define REAL_IS_DOUBLE 1
#include "kernels/inline.h"
#include "kernels/compiler.h"
#include "kernels/functions.h"
#include "kernels/random.h"

chance chance_open(const char *task, uint64_t seed, uint64_t n)
{
    return (chance){.key = random_key(hash_bytes(HASH_START, task, strlen(task)), seed, n)};
}

static uint64_t next(chance *d) { return random_mix(d->key + ++d->count * RANDOM_STEP); }

size_t chance_below(chance *d, size_t n) { return (size_t)((next(d) >> 32) * (uint64_t)n >> 32); }

size_t chance_between(chance *d, size_t least, size_t most) { return least + chance_below(d, most - least + 1); }

double chance_uniform(chance *d) { return (double)(next(d) >> 40) * (1 / 16777216.0); }

/* Box and Muller: sqrt(-2 ln u) cos(2 pi v), u in (0, 1]. */
double chance_normal(chance *d)
{
    double u = 1 - chance_uniform(d), v = chance_uniform(d);
    return sqrt(-2 * natural_log(u)) * sine_of_turns(v + 0.25);
}

/* Reduced to a quarter of a turn, y in [-pi/2, pi/2]: y - y^3/3! + ... - y^19/19!, by Horner's rule. */
double sine_of_turns(double turns)
{
    enum { LAST = 19 };
    double x = turns - floor(turns + 0.5);
    if (x > 0.25) x = 0.5 - x;
    if (x < -0.25) x = -0.5 - x;
    double y = 6.283185307179586477 * x, square = y * y, sum = 1;
    for (int k = LAST; k > 1; k -= 2) sum = 1 - sum * (square / (k * (k - 1)));
    return y * sum;
}

/* x = 2^e m, m near 1: e ln 2 + 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1), |s| < 0.172. */
double natural_log(double x)
{
    enum { LAST = 21 };
    int e;
    double m = frexp(x, &e), sum = 0;
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    double s = (m - 1) / (m + 1), square = s * s;
    for (int k = LAST; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
    return 2 * s * sum + e * 0.69314718055994531;
}
