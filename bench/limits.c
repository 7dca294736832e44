/* limits.c: what one core of this machine can do; bench.py compiles it with -O3 -march=native and calls it. Each
 * function measures once, for about `least` seconds of the processor: bench.py repeats and takes medians.
 *
 *     limits_peak    GF/s of multiply-adds that wait for nothing
 *     limits_work    so many rounds of these, not timed
 *     limits_read    GB/s of reading an array again and again */
#include "measure.h"

#if defined __AVX512F__
enum { LANES = 16 };
#elif defined __AVX__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
enum { CHAINS = 12, PEAK_STEPS = 20000 };

double limits_peak(double least);
void limits_work(size_t rounds);
double limits_read(size_t bytes, double least);

/* Twelve chains, each of which waits for nothing but itself. */
void limits_work(size_t rounds)
{
    volatile float half = 0.5F;
    vector s[CHAINS], a, b;
    float sum = 0;
    for (int i = 0; i < LANES; i++) a[i] = b[i] = half;
    for (int k = 0; k < CHAINS; k++) s[k] = a * (float)k;
    for (size_t i = 0; i < rounds * PEAK_STEPS; i++) {
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++) s[k] = s[k] * a + b;
    }
    for (int k = 0; k < CHAINS; k++) sum += s[k][0];
    half = sum;
}

double limits_peak(double least)
{
    double seconds;
    MEASURE(seconds, least, limits_work(1));
    return 2.0 * CHAINS * PEAK_STEPS * LANES / seconds * 1e-9;
}

double limits_read(size_t bytes, double least)
{
    enum { TOGETHER = 8 };
    const size_t n = bytes / sizeof(vector) / TOGETHER * TOGETHER;
    vector *x = (vector *)(void *)floats(n * LANES), s[TOGETHER] = {{0}};
    volatile float sink;
    double seconds;
    MEASURE(seconds, least, {
        for (size_t i = 0; i < n; i += TOGETHER) {
#pragma GCC unroll 8
            for (size_t k = 0; k < TOGETHER; k++) s[k] += x[i + k];
        }
        __asm__ volatile("" : : "r"(x) : "memory");
    });
    for (int k = 0; k < TOGETHER; k++) sink = s[k][0];
    (void)sink;
    free(x);
    return (double)(n * sizeof *x) / seconds * 1e-9;
}
