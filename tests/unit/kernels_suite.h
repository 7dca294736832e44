/* kernels_suite.h: the tests of the kernels that are the same for floats and doubles. kernels.c and kernels_double.c
 * set the type, include this, and add what holds for their type alone. */
#ifndef TESTS_UNIT_KERNELS_SUITE_H
#define TESTS_UNIT_KERNELS_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "rnn.h"

#if REAL_IS_DOUBLE
#define EPSILON 2.3e-16
#else
#define EPSILON 1.2e-7
#endif

/* In long loops: ck_assert makes a system call each time. */
#define EXPECT(condition, ...)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) ck_abort_msg(__VA_ARGS__);                                                                   \
    } while (0)

static const real GUARD = (real)12345.5; /* stands where nothing may be written */

/* By the bits alone: under -ffast-math compilers assume that there is none, and these tests run there, too. */
RNN_INLINE int is_nan(real x)
{
    return !real_is_finite(x) && (real_to_bits(x) & ~REAL_INFINITY_BITS & ~real_to_bits((real)-0.0)) != 0;
}

static int is_minus_infinity(real x) { return real_to_bits(x) == real_to_bits(real_minus_infinity()); }

static real not_a_number(void)
{
#if REAL_IS_DOUBLE
    return real_from_bits((int64_t)0x7ff8000000000000);
#else
    return real_from_bits(0x7fc00000);
#endif
}

static real infinity(void) { return -real_minus_infinity(); }

static real *reals(size_t n)
{
    real *x = malloc((n ? n : 1) * sizeof *x);
    EXPECT(x, "no memory");
    return x;
}

/* n different numbers in [-1, 1) in an allocation that ends with the last of them, where sanitizers watch. */
static real *noise(size_t n, uint64_t key)
{
    real *x = reals(n);
    init_uniform(x, n, 1, key);
    return x;
}

/* ---- contract ---------------------------------------------------------------------------------------------------- */

/* n reals that end where a page begins that nobody may touch: a reading beyond them ends the test. */
enum { GUARD_PAGE = 65536 }; /* a multiple of the page of every usual system */

struct guarded {
    char *pages;
    size_t size; /* without the page beyond */
    real *x;
};

static struct guarded guarded_reals(size_t n)
{
    struct guarded g = {.size = (n * sizeof(real) + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE};
    g.pages = aligned_alloc(GUARD_PAGE, g.size + GUARD_PAGE);
    EXPECT(g.pages && mprotect(g.pages + g.size, GUARD_PAGE, PROT_NONE) == 0, "no guarded memory");
    g.x = (real *)(void *)(g.pages + g.size) - n;
    return g;
}

static void guarded_free(struct guarded g)
{
    EXPECT(mprotect(g.pages + g.size, GUARD_PAGE, PROT_READ | PROT_WRITE) == 0, "the guard cannot be lifted");
    free(g.pages);
}

struct product {
    int M, N, K;
    int by_columns; /* A is read along its columns: am = 1 */
    int packed;
    int accumulate;
    int gap; /* unused columns to the right of C and, where it is plain, of B */
};

/* A plain B ends with column N-1 of the last row, and what is unused beside it is NaN. */
static struct guarded plain_matrix(const struct product *p, const real *W)
{
    const size_t ld = (size_t)(p->N + p->gap), size = p->K > 0 ? (size_t)p->K * ld - (size_t)p->gap : 0;
    const struct guarded B = guarded_reals(size);
    for (size_t i = 0; i < size; i++) {
        const size_t column = i % ld;
        B.x[i] = column < (size_t)p->N ? W[i / ld * (size_t)p->N + column] : not_a_number();
    }
    return B;
}

static struct guarded packed_matrix(const struct product *p, const real *W)
{
    const size_t size = CONTRACT_PACKED(p->K, p->N);
    const struct guarded B = guarded_reals(size);
    const int upper = p->K / 3, left = p->N / 2; /* packed in four pieces */
    memset(B.x, 0, size * sizeof *B.x);
    for (int i = 0; i < 4; i++) {
        const int k0 = i / 2 ? upper : 0, n0 = i % 2 ? left : 0;
        pack_matrix(i / 2 ? p->K - upper : upper, i % 2 ? p->N - left : left, W + (size_t)k0 * (size_t)p->N + n0,
                    (size_t)p->N, 1, B.x, k0, n0, p->K);
    }
    return B;
}

static void check_product(struct product p)
{
    const size_t M = (size_t)p.M, N = (size_t)p.N, K = (size_t)p.K, ld = N + (size_t)p.gap;
    const size_t am = p.by_columns ? 1 : K + 3, ak = p.by_columns ? M + 2 : 1;
    real *A = noise(p.by_columns ? K * ak : M * am, 1), *W = noise(K * N, 2), *C = noise(M * ld, 3);
    const struct guarded B = p.packed ? packed_matrix(&p, W) : plain_matrix(&p, W);
    double *expected = malloc((M * ld + 1) * sizeof *expected);
    EXPECT(expected, "no memory");
    for (size_t m = 0; m < M; m++) {
        for (size_t n = 0; n < ld; n++) {
            double sum = p.accumulate ? (double)C[m * ld + n] : 0;
            for (size_t k = 0; n < N && k < K; k++) sum += (double)A[m * am + k * ak] * (double)W[k * N + n];
            if (n >= N)
                C[m * ld + n] = GUARD;
            else if (!p.accumulate)
                C[m * ld + n] = not_a_number(); /* must not be read */
            expected[m * ld + n] = n < N ? sum : (double)GUARD;
        }
    }
    if (p.packed)
        contract(p.M, p.N, p.K, A, am, ak, B.x, C, ld, p.accumulate);
    else
        outer(p.M, p.N, p.K, A, ak, am, B.x, ld, C, ld);
    for (size_t i = 0; i < M * ld; i++) {
        EXPECT(fabs((double)C[i] - expected[i]) <= EPSILON * (4 + p.K / 2.0),
               "%d x %d x %d %s%s%s gap %d: C[%zu][%zu] = %g, not %g", p.M, p.N, p.K, p.by_columns ? "columns " : "",
               p.packed ? "packed " : "", p.accumulate ? "added" : "", p.gap, i / ld, i % ld, (double)C[i],
               expected[i]);
    }
    guarded_free(B);
    free(A), free(W), free(C), free(expected);
}

/* One shape in all its variants. */
static void check_shape(int M, int N, int K)
{
    for (int i = 0; i < 16; i++) {
        if (!(i & 6)) continue; /* outer always adds */
        check_product((struct product){.M = M,
                                       .N = N,
                                       .K = K,
                                       .by_columns = i & 1,
                                       .packed = i >> 1 & 1,
                                       .accumulate = i >> 2 & 1,
                                       .gap = i >> 3 & 1 ? 5 : 0});
    }
}

START_TEST(test_contract_small)
{
    static const int N[] = {0, 1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 47, 64, 65, 79, 100, 127, 131, 145};
    static const int K[] = {0, 1, 2, 7, 20};
    for (int M = 0; M <= 14; M++) {
        for (size_t n = 0; n < sizeof N / sizeof *N; n++) {
            for (size_t k = 0; k < sizeof K / sizeof *K; k++) check_shape(M, N[n], K[k]);
        }
    }
}
END_TEST

START_TEST(test_contract_large)
{
    check_shape(1, 300, 513);
    check_shape(2, 272, 300);
    check_shape(50, 512, 128);
    check_shape(65, 130, 700);
    check_shape(131, 37, 257);
    check_shape(7, 16, 256);
    check_shape(1030, 101, 260); /* rows of A that begin in different pages */
}
END_TEST

/* The small forms, whose shapes are constants, against the large ones, which may add up in another order; a row has the
 * same bits whatever rows stand beside it. */
#define CHECK_SMALL(N, K)                                                                                              \
    do {                                                                                                               \
        for (int M = 0; M < 4; M++) {                                                                                  \
            real *A = noise(4 * (K), 1), *W = noise((K) * (N), 2), *B = noise(CONTRACT_PACKED(K, N), 3);               \
            real *C = noise(4 * (N), 4), *D = noise(4 * (N), 4), *E = noise((K) * (N), 5), *F = noise((K) * (N), 5);   \
            pack_matrix(K, N, W, N, 1, B, 0, 0, K);                                                                    \
            for (int add = 0; add < 2; add++) {                                                                        \
                contract_small(M, N, K, A, K, 1, B, C, N, add);                                                        \
                for (int m = 0; m < M; m++) contract(1, N, K, A + m * (K), K, 1, B, D + m * (N), N, add);              \
                for (int i = 0; i < 4 * (N); i++)                                                                      \
                    EXPECT(fabs((double)(C[i] - D[i])) <= 20 * EPSILON, "contract_small");                             \
                memcpy(D, C, 4 * (N) * sizeof *C);                                                                     \
                if (add) continue;                                                                                     \
                for (int m = 0; m < M; m++) contract_small(1, N, K, A + m * (K), K, 1, B, C + m * (N), N, add);        \
                ck_assert_mem_eq(C, D, 4 * (N) * sizeof *C);                                                           \
            }                                                                                                          \
            outer_small(K, N, M, A, K, 1, C, N, E, N);                                                                 \
            outer(K, N, M, A, K, 1, C, N, F, N);                                                                       \
            for (int i = 0; i < (K) * (N); i++) EXPECT(fabs((double)(E[i] - F[i])) <= 20 * EPSILON, "outer_small");    \
            free(A), free(W), free(B), free(C), free(D), free(E), free(F);                                             \
        }                                                                                                              \
    } while (0)

START_TEST(test_small)
{
    CHECK_SMALL(1, 1);
    CHECK_SMALL(3, 7);
    CHECK_SMALL(16, 16);
    CHECK_SMALL(33, 5);
    CHECK_SMALL(64, 16);
    CHECK_SMALL(150, 9);
}
END_TEST

START_TEST(test_contract_padding)
{
    /* Whatever stands in the padding of a packed matrix, C is the same. */
    real *A = noise(7 * 9, 1), *B = noise(CONTRACT_PACKED(9, 20), 2), C[7 * 20], D[7 * 20];
    contract(7, 20, 9, A, 9, 1, B, C, 20, 0);
    for (size_t k = 0; k < 9; k++) {
        for (size_t n = 20; n < 32; n++) B[contract_packed_index(k, n, 9)] = not_a_number();
    }
    contract(7, 20, 9, A, 9, 1, B, D, 20, 0);
    ck_assert_mem_eq(C, D, sizeof C);
    free(A), free(B);
}
END_TEST

START_TEST(test_pack)
{
    real W[3 * 20], packed[CONTRACT_PACKED(5, 23)];
    for (int i = 0; i < 3 * 20; i++) W[i] = (real)i;
    memset(packed, 0, sizeof packed);
    pack_matrix(3, 20, W, 1, 3, packed, 2, 3, 5); /* W read along its columns */
    for (size_t k = 0; k < 5; k++) {
        for (size_t n = 0; n < 32; n++) {
            const real expected = k >= 2 && n >= 3 && n < 23 ? (real)((k - 2) + (n - 3) * 3) : 0;
            ck_assert(packed[n / 16 * 16 * 5 + k * 16 + n % 16] == expected);
        }
    }
}
END_TEST

/* ---- functions --------------------------------------------------------------------------------------------------- */

START_TEST(test_special_values)
{
    const real nan = not_a_number(), inf = infinity();
#ifndef __FAST_MATH__
    ck_assert(is_nan(real_exp(nan)) && is_nan(real_exp(-nan)) && is_nan(real_sigmoid(nan)) && is_nan(real_tanh(nan)));
    ck_assert(is_nan(real_softplus(nan)) && is_nan(real_sign(nan)) && is_nan(real_log(-1)) && is_nan(real_sqrt(-1)));
    ck_assert(is_nan(real_min(nan, 1)) && is_nan(real_min(1, nan)));
    ck_assert(is_nan(real_max(nan, 1)) && is_nan(real_max(1, nan)));
    ck_assert(is_nan(real_mod(1, 0)) && real_exp(inf) == inf && real_exp(1000) == inf);
#endif
    ck_assert(real_exp(0) == 1 && real_exp(-inf) == 0 && real_exp(-1000) == 0);
    ck_assert(real_sigmoid(0) == (real)0.5 && real_sigmoid(inf) == 1 && real_sigmoid(-inf) == 0);
    ck_assert(real_tanh(0) == 0 && real_tanh(inf) == 1 && real_tanh(-inf) == -1 && real_tanh((real)1e-9) == (real)1e-9);
    ck_assert(real_softplus(1000) == 1000 && real_softplus(-1000) == 0 && real_softplus(-20) > 0);
    ck_assert(!real_is_finite(inf) && !real_is_finite(nan) && real_is_finite(0) && real_is_finite((real)1e38));
}
END_TEST

START_TEST(test_simple_functions)
{
    ck_assert(real_min(1, 2) == 1 && real_min(2, 1) == 1 && real_max(1, 2) == 2 && real_max(2, 1) == 2);
    ck_assert(real_mod(7, 3) == 1 && real_mod(-7, 3) == 2 && real_mod(7, -3) == -2 && real_mod(-7, -3) == -1);
    ck_assert(real_mod(6, 3) == 0 && real_mod(-6, 3) == 0);
    ck_assert(real_select(1 < 2, 3, -4) == 3 && real_select(2 < 1, 3, -4) == -4);
    ck_assert(real_truth(1 < 2) == 1 && real_truth(2 < 1) == 0);
    ck_assert(real_sign(3) == 1 && real_sign(-3) == -1 && real_sign(0) == 0);
    ck_assert(real_square(-3) == 9 && real_abs(-3) == 3 && real_sqrt(9) == 3 && real_pow(2, 5) == 32);
    ck_assert(real_floor((real)-1.5) == -2 && real_floor((real)1.5) == 1);
    ck_assert(fabs((double)real_erf(1) - 0.842700792949715) < 4 * EPSILON);
    ck_assert(fabs((double)real_sin(1) - 0.841470984807897) < 4 * EPSILON);
    ck_assert(fabs((double)real_cos(1) - 0.540302305868140) < 4 * EPSILON);
    ck_assert(fabs((double)real_log(2) - 0.693147180559945) < 4 * EPSILON);
}
END_TEST

/* ---- rows -------------------------------------------------------------------------------------------------------- */

START_TEST(test_rows)
{
    for (int n = 1; n < 100; n++) {
        real *z = noise((size_t)n, (uint64_t)n), *p = reals((size_t)n);
        double sum = 0, exps = 0, total = 0, largest = -1;
        for (int i = 0; i < n; i++) {
            z[i] *= 30;
            sum += (double)z[i];
            exps += exp((double)z[i]);
            largest = fmax(largest, (double)z[i]);
            if (i == 0) largest = (double)z[0];
        }
        row_softmax(n, z, p);
        for (int i = 0; i < n; i++) {
            ck_assert_double_le(fabs((double)p[i] - exp((double)z[i]) / exps), 40 * EPSILON);
            total += (double)p[i];
        }
        ck_assert_double_le(fabs(total - 1), 20 * EPSILON);
        ck_assert_double_le(fabs((double)row_sum(n, z) - sum), 30 * n * EPSILON);
        ck_assert((double)row_max(n, z) == largest);
        ck_assert_double_le(fabs((double)row_logsumexp(n, z) - log(exps)), 100 * EPSILON);
        row_softmax(n, z, z);
        ck_assert_mem_eq(z, p, (size_t)n * sizeof *z);
#ifndef __FAST_MATH__
        z[n / 2] = not_a_number();
        ck_assert(is_nan(row_max(n, z)));
#endif
        free(z), free(p);
    }
}
END_TEST

START_TEST(test_rows_extremes)
{
    const real low = real_minus_infinity();
    real z[40] = {0}, p[40];
    ck_assert(row_sum(0, z) == 0 && is_minus_infinity(row_max(0, z)) && is_minus_infinity(row_logsumexp(0, z)));
    row_softmax(0, z, p);
    for (int n = 1; n <= 40; n += 13) {
        for (int i = 0; i < n; i++) z[i] = low, p[i] = 7;
        ck_assert(is_minus_infinity(row_logsumexp(n, z)));
        row_softmax(n, z, p);
        for (int i = 0; i < n; i++) ck_assert(p[i] == 0);
        z[n - 1] = 1000; /* would overflow as it stands */
        row_softmax(n, z, p);
        ck_assert(fabs((double)p[n - 1] - 1) <= 4 * EPSILON && (n == 1 || p[0] == 0));
        ck_assert(row_logsumexp(n, z) == 1000);
    }
    row_copy(40, z, p);
    ck_assert_mem_eq(z, p, sizeof z);
    row_clear(40, z);
    for (int i = 0; i < 40; i++) ck_assert(z[i] == 0);
}
END_TEST

/* ---- random ------------------------------------------------------------------------------------------------------ */

START_TEST(test_uniform_is_fixed)
{
    /* The same for both types and on every compiler: masks depend on it. */
    const uint64_t key = random_key(1, 2, 3), row = random_row(key, 4, 5);
    ck_assert_uint_eq(key, UINT64_C(0xd0734750fde362b3));
    ck_assert_uint_eq(row, UINT64_C(0x90bb69b7166551de));
    ck_assert((double)random_uniform(row, 0) == 15704342.0 / 16777216);
    ck_assert((double)random_uniform(row, 6) == 12818091.0 / 16777216);
}
END_TEST

enum { DRAWS = 1 << 20, LAGS = 4 };

/* u(i) for i counted along components, steps, sequences or updates. */
static double along(int axis, uint32_t i)
{
    const uint64_t key = random_key(77, 1, axis == 3 ? i : 5);
    return (double)random_uniform(random_row(key, axis == 2 ? i : 3, axis == 1 ? i : 9), axis == 0 ? i : 2);
}

START_TEST(test_uniform_statistics)
{
    double *u = malloc(DRAWS * sizeof *u);
    for (int axis = 0; axis < 4; axis++) {
        double sum = 0, squares = 0, lagged[LAGS] = {0};
        int bins[64] = {0}, pairs[16][16] = {{0}};
        for (uint32_t i = 0; i < DRAWS; i++) {
            u[i] = along(axis, i);
            EXPECT(u[i] >= 0 && u[i] < 1, "%g", u[i]);
            sum += u[i];
            squares += (u[i] - 0.5) * (u[i] - 0.5);
            bins[(int)(u[i] * 64)]++;
            if (i > 0) pairs[(int)(u[i] * 16)][(int)(u[i - 1] * 16)]++;
            for (uint32_t lag = 1; lag <= LAGS && lag <= i; lag++) lagged[lag - 1] += (u[i] - 0.5) * (u[i - lag] - 0.5);
        }
        /* five standard deviations */
        ck_assert_double_le(fabs(sum / DRAWS - 0.5), 5 * 0.2887 / 1024);
        ck_assert_double_le(fabs(squares / DRAWS - 1 / 12.0), 5 * 0.0745 / 1024);
        for (int lag = 0; lag < LAGS; lag++) ck_assert_double_le(fabs(lagged[lag] / DRAWS), 5 / 12.0 / 1024);
        double chi = 0, chi_pairs = 0;
        for (int i = 0; i < 64; i++) chi += pow(bins[i] - DRAWS / 64.0, 2) / (DRAWS / 64.0);
        for (int i = 0; i < 256; i++) chi_pairs += pow(pairs[i / 16][i % 16] - DRAWS / 256.0, 2) / (DRAWS / 256.0);
        ck_assert_double_le(fabs(chi - 63), 5 * sqrt(2 * 63.0));
        ck_assert_double_le(fabs(chi_pairs - 255), 5 * sqrt(2 * 255.0));
    }
    free(u);
}
END_TEST

START_TEST(test_uniform_rows_differ)
{
    /* Neighbouring rows, sequences and keys are not correlated component by component. */
    const uint64_t key = random_key(1, 0, 0);
    const uint64_t others[] = {random_row(key, 0, 1), random_row(key, 1, 0), random_row(random_key(1, 1, 0), 0, 0),
                               random_row(random_key(1, 0, 1), 0, 0), random_row(random_key(2, 0, 0), 0, 0)};
    for (size_t o = 0; o < sizeof others / sizeof *others; o++) {
        double product = 0;
        for (uint32_t i = 0; i < DRAWS; i++) {
            const double u = (double)random_uniform(random_row(key, 0, 0), i), v = (double)random_uniform(others[o], i);
            product += (u - 0.5) * (v - 0.5);
        }
        ck_assert_double_le(fabs(product / DRAWS), 5 / 12.0 / 1024);
    }
}
END_TEST

START_TEST(test_init)
{
    const size_t n = 200000;
    real *w = reals(n);
    double sum = 0, squares = 0, fourth = 0;
    init_normal(w, n, 2, 5);
    for (size_t i = 0; i < n; i++) {
        sum += (double)w[i];
        squares += pow((double)w[i], 2);
        fourth += pow((double)w[i], 4);
    }
    const double count = (double)n;
    ck_assert_double_le(fabs(sum / count), 5 * 2 / sqrt(count));
    ck_assert_double_le(fabs(squares / count - 4), 5 * 4 * sqrt(2 / count));
    ck_assert_double_le(fabs(fourth / count - 48), 5 * 16 * sqrt(96 / count));
    init_glorot(w, 30, 20, 6);
    double largest = 0;
    for (int i = 0; i < 600; i++) largest = fmax(largest, fabs((double)w[i]));
    ck_assert(largest <= sqrt(6 / 50.0) && largest > 0.97 * sqrt(6 / 50.0));
    init_constant(w, 10, 3);
    ck_assert(w[0] == 3 && w[9] == 3);
    init_identity(w, 2, 3);
    ck_assert(w[0] == 1 && w[1] == 0 && w[2] == 0 && w[3] == 0 && w[4] == 1 && w[5] == 0);
    free(w);
}
END_TEST

START_TEST(test_orthogonal)
{
    static const int shapes[][2] = {{1, 1}, {1, 5}, {5, 1}, {40, 40}, {20, 50}, {50, 20}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int rows = shapes[s][0], cols = shapes[s][1], by_rows = rows <= cols;
        const int count = by_rows ? rows : cols, n = by_rows ? cols : rows;
        real *w = reals((size_t)rows * (size_t)cols);
        init_orthogonal(w, rows, cols, s);
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < count; j++) {
                double dot = 0;
                for (int k = 0; k < n; k++) {
                    dot += by_rows ? (double)w[i * cols + k] * (double)w[j * cols + k]
                                   : (double)w[k * cols + i] * (double)w[k * cols + j];
                }
                EXPECT(fabs(dot - (i == j)) <= 10 * EPSILON, "%d x %d: %d . %d = %g", rows, cols, i, j, dot);
            }
        }
        free(w);
    }
}
END_TEST

START_TEST(test_errors)
{
    ck_assert_str_eq(rnn_strerror(RNN_OK), "no error");
    for (int code = RNN_OTHER_WEIGHTS; code < RNN_OK; code++) {
        ck_assert_str_ne(rnn_strerror(code), rnn_strerror(RNN_OK));
        ck_assert_str_ne(rnn_strerror(code), rnn_strerror(17));
    }
    ck_assert_str_eq(rnn_strerror(17), "unknown error code");
}
END_TEST

/* Runs everything, and one test of the including file's own. */

/* Products of one row: what `contract` computes, and the same bits in either direction. */
START_TEST(test_stream)
{
    static const int shapes[][2] = {{1, 1}, {16, 5}, {64, 64}, {100, 33}, {129, 7}, {257, 40}, {512, 300}};
    for (size_t i = 0; i + 1 < sizeof shapes / sizeof *shapes; i++) {
        stream_part parts[2];
        real *C[2][2], *expected[2];
        for (int p = 0; p < 2; p++) {
            const int N = shapes[i + (size_t)p][0], K = shapes[i + (size_t)p][1];
            real *W = noise((size_t)N * (size_t)K, 7 + (uint64_t)p), *B = reals(CONTRACT_PACKED(K, N));
            for (size_t k = 0; k < CONTRACT_PACKED(K, N); k++) B[k] = 0;
            pack_matrix(K, N, W, (size_t)N, 1, B, 0, 0, K);
            free(W);
            parts[p] = (stream_part){N, K, noise(2 * (size_t)K, 9), 2, B, NULL};
            expected[p] = reals((size_t)N);
            contract(1, N, K, parts[p].A, 0, 2, B, expected[p], 0, 0);
            for (int d = 0; d < 2; d++) {
                C[p][d] = reals((size_t)N + 1);
                C[p][d][N] = GUARD;
            }
        }
        for (int d = 0; d < 2; d++) {
            for (int p = 0; p < 2; p++) parts[p].C = C[p][d];
            stream_products(2, parts, d);
        }
        for (int p = 0; p < 2; p++) {
            const int N = parts[p].N;
            EXPECT(C[p][0][N] == GUARD && C[p][1][N] == GUARD, "%d columns: beyond the last", N);
            for (int n = 0; n < N; n++) {
                EXPECT(real_to_bits(C[p][0][n]) == real_to_bits(C[p][1][n]), "%d: backwards differs at %d", N, n);
                EXPECT(fabs((double)(C[p][0][n] - expected[p][n])) < EPSILON * 10 * parts[p].K, "%d: wrong at %d", N,
                       n);
            }
            free((void *)(uintptr_t)parts[p].A);
            free((void *)(uintptr_t)parts[p].B);
            free(expected[p]);
            for (int d = 0; d < 2; d++) free(C[p][d]);
        }
    }
}
END_TEST

static int run_suite(const char *name, const TTest *own)
{
    Suite *suite = suite_create(name);
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, test_contract_small);
    tcase_add_test(all, test_contract_large);
    tcase_add_test(all, test_small);
    tcase_add_test(all, test_contract_padding);
    tcase_add_test(all, test_pack);
    tcase_add_test(all, test_stream);
    tcase_add_test(all, own);
    tcase_add_test(all, test_special_values);
    tcase_add_test(all, test_simple_functions);
    tcase_add_test(all, test_rows);
    tcase_add_test(all, test_rows_extremes);
    tcase_add_test(all, test_uniform_is_fixed);
    tcase_add_test(all, test_uniform_statistics);
    tcase_add_test(all, test_uniform_rows_differ);
    tcase_add_test(all, test_init);
    tcase_add_test(all, test_orthogonal);
    tcase_add_test(all, test_errors);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

#endif
