/* kernels_scaled.c: products by matrices of integers, 8 bits each; kernels_scaled16.c has those of 16. */
typedef float real;
#define REAL_IS_DOUBLE 0
#ifndef MATRIX_BITS
#define MATRIX_BITS 8
#endif
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "rnn.h"

enum { LARGEST = (1 << (MATRIX_BITS - 1)) - 1 };

static uint32_t random_state = 1;

static int random_below(int n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int)((random_state >> 8) % (uint32_t)n);
}

static void *room(size_t bytes)
{
    void *p = calloc(bytes ? bytes : 1, 1);
    if (!p) ck_abort_msg("no memory");
    return p;
}

/* One product of random integers, against the sums in double. Every array ends with its last number, where sanitizers
 * watch; what stands between the rows of C must stay. */
static void check_product(int M, int N, int K, size_t am, size_t ak, size_t cm, int accumulate)
{
    const real guard = 12345.5f, before = 0.75f;
    const size_t columns = ((size_t)N + CONTRACT_PANEL - 1) / CONTRACT_PANEL * CONTRACT_PANEL;
    uint32_t *B = room(columns / CONTRACT_PANEL * SCALED_PANEL(K) * sizeof *B);
    int *integer = room((size_t)K * (size_t)N * sizeof *integer);
    const size_t a_count = (size_t)(M - 1) * am + (size_t)(K - 1) * ak + 1, c_count = (size_t)(M - 1) * cm + (size_t)N;
    real *A = room(a_count * sizeof *A), *C = room(c_count * sizeof *C), *scale = room(columns * sizeof *scale);
    for (size_t i = 0; i < a_count; i++) A[i] = (real)(random_below(2001) - 1000) / 1000;
    for (size_t i = 0; i < c_count; i++) C[i] = i % cm < (size_t)N ? before : guard;
    for (int n = 0; n < N; n++) {
        scale[n] = (real)ldexp(1 + n % 3, -SCALED_SHIFT);
        for (int k = 0; k < K; k++) {
            const int x = random_below(2 * LARGEST + 1) - LARGEST;
            uint32_t *panel = B + (size_t)(n / CONTRACT_PANEL) * SCALED_PANEL(K);
            integer[k * N + n] = x;
            panel[k / SCALED_ROWS * CONTRACT_PANEL + n % CONTRACT_PANEL] |=
                ((uint32_t)x & (0xffffffffu >> SCALED_SHIFT)) << k % SCALED_ROWS * MATRIX_BITS;
        }
    }
    contract_scaled(M, N, K, A, am, ak, B, scale, C, cm, accumulate);
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            double sum = 0, size = 1, found = C[(size_t)m * cm + (size_t)n];
            for (int k = 0; k < K; k++) {
                const double part = (double)A[(size_t)m * am + (size_t)k * ak] * integer[k * N + n] * (1 + n % 3);
                sum += part;
                size += fabs(part);
            }
            if (!(fabs(found - (accumulate ? before : 0) - sum) <= 1e-6 * size))
                ck_abort_msg("%d x %d x %d, row %d, column %d: %g, expected %g", M, N, K, m, n, found, sum);
        }
    }
    for (size_t i = 0; i < c_count; i++) {
        if (i % cm >= (size_t)N && C[i] != guard) ck_abort_msg("%d x %d x %d: wrote behind a row", M, N, K);
    }
    free(B);
    free(integer);
    free(A);
    free(C);
    free(scale);
}

START_TEST(test_products)
{
    for (int M = 1; M <= 9; M++) {
        for (int N = 1; N <= 150; N += N < 40 ? 1 : 7) {
            for (int K = 1; K <= 13; K++) check_product(M, N, K, (size_t)K, 1, (size_t)N + 3, (M + N + K) % 2);
        }
    }
    check_product(33, 512, 128, 128, 1, 512, 0);
    check_product(3, 70, 41, 1, 5, 80, 1); /* A transposed */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernels_scaled");
    TCase *products = tcase_create("products");
    tcase_add_test(products, test_products);
    suite_add_tcase(suite, products);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
