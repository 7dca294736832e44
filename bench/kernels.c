/* kernels.c: how fast the kernels of rnnc are in this machine; bench.py compiles it with -O3 -march=native and calls
 * it, as limits.c.
 *
 *     kernels_contract    GF/s of the product for one shape
 *     kernels_function    ns an element of a function, in a plain loop */
#include "measure.h"

typedef float real;
#define REAL_IS_DOUBLE 0
#include "rnn.h"

enum { FUNCTION_ELEMENTS = 4096 };
double kernels_contract(int M, int N, int K, int is_gradient, double least);
double kernels_function(int which, double least);
const char *kernels_function_name(int which);

/* The product of M rows with a packed matrix; for the gradient of a weight, the sum over K rows of outer products. */
double kernels_contract(int M, int N, int K, int is_gradient, double least)
{
    const size_t m = (size_t)M, n = (size_t)N, k = (size_t)K;
    float *A = floats(m * k), *B = floats(k * n), *packed = floats(CONTRACT_PACKED(k, n)), *C = floats(m * n);
    double seconds;
    memset(packed, 0, CONTRACT_PACKED(k, n) * sizeof *packed);
    memset(C, 0, m * n * sizeof *C);
    pack_matrix(K, N, B, n, 1, packed, 0, 0, K);
    MEASURE(seconds, least, {
        if (is_gradient)
            outer(M, N, K, A, m, 1, B, n, C, n);
        else
            contract(M, N, K, A, k, 1, packed, C, n, 0);
        __asm__ volatile("" : : "r"(C) : "memory");
    });
    free(A), free(B), free(packed), free(C);
    return 2.0 * M * N * K / seconds * 1e-9;
}

#define FUNCTIONS(X) X(0, real_exp) X(1, real_sigmoid) X(2, real_tanh) X(3, real_softplus)

double kernels_function(int which, double least)
{
    float *x = floats(FUNCTION_ELEMENTS), *y = floats(FUNCTION_ELEMENTS);
    double seconds = 0;
#define CASE(number, function)                                                                                         \
    if (which == (number)) {                                                                                           \
        MEASURE(seconds, least, {                                                                                      \
            for (int i = 0; i < FUNCTION_ELEMENTS; i++) y[i] = function(x[i]);                                         \
            __asm__ volatile("" : : "r"(y) : "memory");                                                                \
        });                                                                                                            \
    }
    FUNCTIONS(CASE)
    free(x), free(y);
    return seconds * 1e9 / FUNCTION_ELEMENTS;
}

/* NULL: there is none of this number. */
const char *kernels_function_name(int which)
{
#define NAME(number, function)                                                                                         \
    if (which == (number)) return #function;
    FUNCTIONS(NAME)
    return NULL;
}
