/* stream.h: products of one row, as a step of one sequence needs them: nothing but reading the matrices counts.
 *
 * What a call reads last is what the cache still holds when the next one begins, so calls take turns in direction:
 * every second one goes through the products, and through the columns of each, backwards. The order within a sum stays,
 * and so does every bit. Columns are taken in blocks as wide as keeps the adders busy; more streams of memory at once
 * would be in each other's way. Stands after contract.h.
 *
 * Or a step goes through all its products some units at a time, and makes of their sums what it makes of them while the
 * next products are being read: `stream_units` computes what belongs to 16 units. */
#ifndef RUNTIME_KERNELS_STREAM_H
#define RUNTIME_KERNELS_STREAM_H

/* C[n] = sum over k of A[k*ak] B(k, n), n < N, k < K; B packed. C overlaps neither. */
typedef struct stream_part {
    int N, K;
    const real *A;
    size_t ak;
    const real *B;
    real *C;
} stream_part;

#ifdef RNN_VECTOR

#ifdef __AVX512F__
enum { STREAM_COLS = 4 }; /* vectors of a block */
#else
enum { STREAM_COLS = 8 };
#endif

/* A block of columns from n on. */
RNN_INLINE void stream_block(const stream_part *p, int n)
{
    const real *B = p->B + (size_t)(n / CONTRACT_PANEL) * CONTRACT_PANEL * (size_t)p->K + n % CONTRACT_PANEL;
    const size_t bp = CONTRACT_PANEL * (size_t)p->K;
    if (p->N - n >= STREAM_COLS * CONTRACT_LANES) {
        contract_tile(1, STREAM_COLS, CONTRACT_LANES, p->K, p->A, 0, p->ak, B, CONTRACT_PANEL, bp, p->C + n, 0, 0,
                      NULL);
    } else {
        const int cols = (p->N - n + CONTRACT_LANES - 1) / CONTRACT_LANES;
        contract_row(cols, p->N - n - (cols - 1) * CONTRACT_LANES, p->K, p->A, p->ak, B, CONTRACT_PANEL, bp, p->C + n,
                     0);
    }
}

RNN_NO_INLINE void stream_products(int count, const stream_part *part, int backwards)
{
    const int width = STREAM_COLS * CONTRACT_LANES;
    for (int i = 0; i < count; i++) {
        const stream_part *p = part + (backwards ? count - 1 - i : i);
        const int blocks = (p->N + width - 1) / width;
        for (int b = 0; b < blocks; b++) stream_block(p, (backwards ? blocks - 1 - b : b) * width);
    }
}

/* C[16*g + n] = sum over k of A[k*ak] B(k, n) of panel g, g < groups; panels begin `stride` reals after each other. */
RNN_FORCE_INLINE void stream_units(const int groups, const int K, const real *A, size_t ak, const real *B,
                                   size_t stride, real *C)
{
    const int cols = groups * (CONTRACT_PANEL / CONTRACT_LANES), left = cols % CONTRACT_WIDE;
    for (int c = 0; c < cols - left; c += CONTRACT_WIDE) {
        const int n = c * CONTRACT_LANES;
        contract_tile(1, CONTRACT_WIDE, CONTRACT_LANES, K, A, 0, ak,
                      B + (size_t)(n / CONTRACT_PANEL) * stride + n % CONTRACT_PANEL, CONTRACT_PANEL, stride, C + n, 0,
                      0, NULL);
    }
    if (left > 0) {
        const int n = (cols - left) * CONTRACT_LANES;
        contract_tile(1, left, CONTRACT_LANES, K, A, 0, ak, B + (size_t)(n / CONTRACT_PANEL) * stride, CONTRACT_PANEL,
                      stride, C + n, 0, 0, NULL);
    }
    CONTRACT_WRITTEN(C);
}

#else

RNN_INLINE void stream_units(int groups, int K, const real *A, size_t ak, const real *B, size_t stride, real *C)
{
    for (int g = 0; g < groups; g++)
        contract(1, CONTRACT_PANEL, K, A, 0, ak, B + (size_t)g * stride, C + g * CONTRACT_PANEL, 0, 0);
}

RNN_INLINE void stream_products(int count, const stream_part *part, int backwards)
{
    (void)backwards;
    for (const stream_part *p = part; p < part + count; p++) contract(1, p->N, p->K, p->A, 0, p->ak, p->B, p->C, 0, 0);
}

#endif
#endif
