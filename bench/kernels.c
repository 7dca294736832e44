/* kernels.c: how fast the kernels are on this machine, beside the most that one core can do.
 *
 *     cc -O3 -march=native -Iruntime bench/kernels.c -lm && ./a.out
 *
 * Prints GF/s of `contract` for the shapes of recurrent nets (and percent of the core's multiply-add peak), and
 * nanoseconds an element of the elementwise functions. The best of several rounds counts. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L
#endif
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef BENCH_DOUBLE
typedef double real;
#define REAL_IS_DOUBLE 1
#else
typedef float real;
#define REAL_IS_DOUBLE 0
#endif
#include "rnn.h"

enum { ROUNDS = 7, PEAK_STEPS = 2000000, ELEMENTS = 4096 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#ifdef RNN_VECTOR
/* Ten chains of multiply-adds, each of which waits for nothing but itself. GF/s. */
static double peak(void)
{
    double best = 0;
    contract_vector a = {0}, b = {0};
    volatile real sink = 0;
    for (int i = 0; i < CONTRACT_LANES; i++) a[i] = b[i] = (real)0.5 + sink;
    for (int round = 0; round < ROUNDS; round++) {
        contract_vector s0 = a, s1 = s0 + a, s2 = s1 + a, s3 = s2 + a, s4 = s3 + a;
        contract_vector s5 = s4 + a, s6 = s5 + a, s7 = s6 + a, s8 = s7 + a, s9 = s8 + a;
        const double start = seconds();
        for (int i = 0; i < PEAK_STEPS; i++) {
            s0 = s0 * a + b, s1 = s1 * a + b, s2 = s2 * a + b, s3 = s3 * a + b, s4 = s4 * a + b;
            s5 = s5 * a + b, s6 = s6 * a + b, s7 = s7 * a + b, s8 = s8 * a + b, s9 = s9 * a + b;
        }
        const double rate = 2.0 * 10 * PEAK_STEPS * CONTRACT_LANES / (seconds() - start) * 1e-9;
        s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9;
        sink = s0[0] * 0;
        if (rate > best) best = rate;
    }
    return best;
}
#else
static double peak(void) { return 0; }
#endif

static real *reals(size_t n)
{
    real *x = malloc(n * sizeof *x);
    if (!x) exit(3);
    for (size_t i = 0; i < n; i++) x[i] = (real)(i * 7919 % 1009) / 1009 - (real)0.5;
    return x;
}

/* One shape; A by columns and B plain where it is the gradient of a weight, otherwise A by rows and B packed. */
static void shape(const char *name, int M, int N, int K, int is_gradient, double limit)
{
    const size_t m = (size_t)M, n = (size_t)N, k = (size_t)K;
    real *A = reals(m * k), *W = reals(k * n), *B = reals(CONTRACT_PACKED(k, n)), *C = reals(m * n);
    const double flops = 2.0 * M * N * K;
    const int repeats = 1 + (int)(2e8 / flops);
    double best = 1e9;
    memset(B, 0, CONTRACT_PACKED(k, n) * sizeof *B);
    pack_matrix(K, N, W, n, 1, B, 0, 0, K);
    for (int round = 0; round < ROUNDS; round++) {
        const double start = seconds();
        for (int i = 0; i < repeats; i++) {
            if (is_gradient) contract(M, N, K, A, 1, m, W, n, CONTRACT_PANEL, C, n, 1);
            else contract(M, N, K, A, k, 1, B, CONTRACT_PANEL, k * CONTRACT_PANEL, C, n, 0);
        }
        const double time = (seconds() - start) / repeats;
        if (time < best) best = time;
    }
    printf("%-28s %4d x %4d x %4d  %7.1f GF/s  %5.1f%%\n", name, M, N, K, flops / best * 1e-9,
           limit > 0 ? flops / best * 1e-7 / limit : 0);
    free(A), free(W), free(B), free(C);
}

#define TIME_FUNCTION(function)                                                                                       \
    do {                                                                                                              \
        double best = 1e9;                                                                                            \
        for (int round = 0; round < ROUNDS; round++) {                                                                \
            const double start = seconds();                                                                           \
            for (int i = 0; i < 1000; i++) {                                                                          \
                for (int j = 0; j < ELEMENTS; j++) y[j] = function(x[j]);                                             \
                __asm__ volatile("" : : "r"(y) : "memory");                                                           \
            }                                                                                                         \
            const double time = (seconds() - start) * 1e9 / 1000 / ELEMENTS;                                          \
            if (time < best) best = time;                                                                             \
        }                                                                                                             \
        printf("%-28s %7.3f ns an element\n", #function, best);                                                       \
    } while (0)

int main(void)
{
    real *x = reals(ELEMENTS), *y = reals(ELEMENTS);
    const double limit = peak();
    printf("peak %31.1f GF/s\n", limit);
    shape("LSTM step, packed", 50, 512, 128, 0, limit);
    shape("LSTM backward step, packed", 50, 128, 512, 0, limit);
    shape("projection, packed", 2500, 512, 128, 0, limit);
    shape("weight gradient, plain", 512, 128, 2500, 1, limit);
    shape("softmax gradient, plain", 65, 128, 2500, 1, limit);
    shape("softmax layer, packed", 2500, 65, 128, 0, limit);
    shape("small batch, packed", 7, 100, 100, 0, limit);
    shape("one vector, packed", 1, 512, 128, 0, limit);
    shape("two vectors, packed", 2, 512, 128, 0, limit);
    shape("large, packed", 1000, 1000, 1000, 0, limit);
    TIME_FUNCTION(real_exp);
    TIME_FUNCTION(real_sigmoid);
    TIME_FUNCTION(real_tanh);
    TIME_FUNCTION(real_softplus);
    free(x), free(y);
    return 0;
}
