/* stream.h: products of one row, as a step of one sequence needs them: nothing but reading the matrices counts.
 *
 * What a call reads last is what the cache still holds when the next one begins, so calls take turns in direction: every
 * second one goes through the products, and through the columns of each, backwards. The order within a sum stays, and so
 * does every bit. Columns are taken in blocks as wide as keeps the adders busy; more streams of memory at once would
 * be in each other's way. Stands after contract.h. */
#ifndef RUNTIME_KERNELS_STREAM_H
#define RUNTIME_KERNELS_STREAM_H

/* C[n] = sum over k of A[k*ak] B(k, n), n < N, k < K; B packed. C overlaps neither. */
typedef struct stream_part { int N, K; const real *A; size_t ak; const real *B; real *C; } stream_part;

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
        contract_tile(1, STREAM_COLS, CONTRACT_LANES, p->K, p->A, 0, p->ak, B, CONTRACT_PANEL, bp, p->C + n, 0, 0, NULL);
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

#else

RNN_INLINE void stream_products(int count, const stream_part *part, int backwards)
{
    (void)backwards;
    for (const stream_part *p = part; p < part + count; p++)
        contract(1, p->N, p->K, p->A, 0, p->ak, p->B, p->C, 0, 0);
}

#endif
#endif
