/* measure.h: the clock of the processor, arrays of floats, and MEASURE, for limits.c and kernels.c. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *floats(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    if (!x) exit(3);
    for (size_t i = 0; i < n; i++) x[i] = (float)(i * 7919 % 1009) / 1009 - 0.5F;
    return x;
}

/* Repeats `work` until `least` seconds are over; the seconds of one repetition. */
#define MEASURE(seconds_of_one, least, work)                                                                           \
    do {                                                                                                               \
        const double start_ = now();                                                                                   \
        size_t times_ = 0, block_ = 1;                                                                                 \
        double passed_ = 0;                                                                                            \
        while (passed_ < (least)) {                                                                                    \
            for (size_t i_ = 0; i_ < block_; i_++) {                                                                   \
                work;                                                                                                  \
            }                                                                                                          \
            times_ += block_, passed_ = now() - start_;                                                                \
            if (passed_ < (least) / 8) block_ *= 2;                                                                    \
        }                                                                                                              \
        (seconds_of_one) = passed_ / (double)times_;                                                                   \
    } while (0)

#endif
