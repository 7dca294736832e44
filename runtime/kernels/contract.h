/* contract.h: the matrix product, C (+)= A B, which is nearly all of the time of a recurrent net.
 *
 * B is read in panels of 16 columns: panel p begins at B + p*bp and its row k at + k*bk. That covers two layouts:
 *     packed  bk = 16, bp = 16 * (rows): weights, laid out once by pack_matrix, the last panel padded with zeros;
 *     plain   bk = leading dimension, bp = 16: a row-major matrix, of which nothing beyond column N-1 is touched
 *             (bp tells the two apart: the padding of panels is read, though it changes nothing in C).
 *
 * A tile of C, some rows by some vectors, stays in registers while k runs: each k loads a few vectors of B and
 * multiplies them by one number of A for every row. A strip is the tiles below one another; it reads the same columns
 * of B again for each tile, so k is cut into blocks that keep them in the cache.
 *
 * Full speed needs fused multiply-add: gcc -std=c99 turns it off unless it is given -ffp-contract=fast. */
#ifndef RUNTIME_KERNELS_CONTRACT_H
#define RUNTIME_KERNELS_CONTRACT_H

enum { CONTRACT_PANEL = 16 };

/* The number of reals in a packed K x N matrix; a constant where K and N are. */
#define CONTRACT_PACKED(K, N) (((size_t)(N) + 15) / 16 * 16 * (size_t)(K))

/* The index of row k, column n in a packed matrix of Ktotal rows. */
RNN_INLINE size_t contract_packed_index(size_t k, size_t n, size_t Ktotal)
{
    return n / CONTRACT_PANEL * CONTRACT_PANEL * Ktotal + k * CONTRACT_PANEL + n % CONTRACT_PANEL;
}

/* Copies the K x N matrix W[k*wk + n*wn] into rows k0.. and columns n0.. of a packed matrix of Ktotal rows, so that
 * stacked matrices are packed piece by piece. The caller clears `packed` (and with it the padding) beforehand. */
RNN_INLINE void pack_matrix(int K, int N, const real *W, size_t wk, size_t wn, real *packed, int k0, int n0,
                            int Ktotal)
{
    for (int n = 0; n < N; n++) {
        real *column = packed + contract_packed_index((size_t)k0, (size_t)n0 + (size_t)n, (size_t)Ktotal);
        for (int k = 0; k < K; k++) column[(size_t)k * CONTRACT_PANEL] = W[(size_t)k * wk + (size_t)n * wn];
    }
}

#ifdef RNN_VECTOR

/* The tile fills the registers: 24 of 32, or 12 (8 without three-operand instructions) of 16. */
#if defined __AVX512F__
enum { CONTRACT_BYTES = 64, CONTRACT_ROWS = 6, CONTRACT_COLS = 4 };
#elif defined __AVX__
enum { CONTRACT_BYTES = 32, CONTRACT_ROWS = 6, CONTRACT_COLS = 2 };
#elif defined __aarch64__
enum { CONTRACT_BYTES = 16, CONTRACT_ROWS = 6, CONTRACT_COLS = 4 };
#else
enum { CONTRACT_BYTES = 16, CONTRACT_ROWS = 4, CONTRACT_COLS = 2 };
#endif
enum {
    CONTRACT_LANES = CONTRACT_BYTES / (int)sizeof(real),
    CONTRACT_WIDE = 8,    /* vectors of a tile of one or two rows, which would not keep the adders busy otherwise */
    CONTRACT_DEPTH = 256, /* rows of B in a block */
};

typedef real contract_vector __attribute__((vector_size(CONTRACT_BYTES)));
typedef real contract_memory __attribute__((vector_size(CONTRACT_BYTES), aligned(sizeof(real)), may_alias));

#define CONTRACT_AT(pointer) (*(contract_memory *)(void *)(pointer))
#define CONTRACT_CONST_AT(pointer) (*(const contract_memory *)(const void *)(pointer))
#ifdef __clang__
#define CONTRACT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CONTRACT_UNROLL _Pragma("GCC unroll 8")
#endif

/* One tile: C[m][n] = (accumulate ? C[m][n] : 0) + sum_k A[m][k] B[k][n], m < rows, n < cols * CONTRACT_LANES.
 * `rows` and `cols` are constants where it is expanded, so that `sum` becomes registers. */
RNN_FORCE_INLINE void contract_tile(const int rows, const int cols, int K, const real *A, size_t am, size_t ak,
                                    const real *B, size_t bk, size_t bp, real *C, size_t cm, int accumulate)
{
    const contract_vector zero = {0};
    contract_vector sum[CONTRACT_ROWS][CONTRACT_WIDE];
    CONTRACT_UNROLL
    for (int m = 0; m < rows; m++) {
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) sum[m][c] = zero;
    }
    for (int k = 0; k < K; k++) {
        contract_vector b[CONTRACT_WIDE];
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            const int n = c * CONTRACT_LANES;
            b[c] = CONTRACT_CONST_AT(B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL);
        }
        CONTRACT_UNROLL
        for (int m = 0; m < rows; m++) {
            const real a = A[(size_t)m * am];
            CONTRACT_UNROLL
            for (int c = 0; c < cols; c++) sum[m][c] += a * b[c];
        }
        A += ak;
        B += bk;
    }
    CONTRACT_UNROLL
    for (int m = 0; m < rows; m++) {
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            real *at = C + (size_t)m * cm + c * CONTRACT_LANES;
            if (accumulate) sum[m][c] += CONTRACT_CONST_AT(at);
            CONTRACT_AT(at) = sum[m][c];
        }
    }
}

/* M rows of tiles of `cols` vectors. The last rows are shared out: 8 are 4 and 4, not 6 and 2. */
RNN_FORCE_INLINE void contract_strip(const int cols, int M, int K, const real *A, size_t am, size_t ak, const real *B,
                                     size_t bk, size_t bp, real *C, size_t cm, int accumulate)
{
#define CONTRACT_TILE(rows) contract_tile(rows, cols, K, A, am, ak, B, bk, bp, C, cm, accumulate)
    while (M > 0) {
        int rows = M;
        if (M > CONTRACT_ROWS) rows = M <= CONTRACT_ROWS + 2 ? 4 : CONTRACT_ROWS;
        switch (rows) {
        case 1: CONTRACT_TILE(1); break;
        case 2: CONTRACT_TILE(2); break;
        case 3: CONTRACT_TILE(3); break;
        case 4: CONTRACT_TILE(4); break;
        case 5: CONTRACT_TILE(5); break;
        default: CONTRACT_TILE(CONTRACT_ROWS); break;
        }
        A += (size_t)rows * am;
        C += (size_t)rows * cm;
        M -= rows;
    }
#undef CONTRACT_TILE
}

/* The strips, one function for each width, so that all calls of `contract` share them. */
#define CONTRACT_STRIP(name, cols)                                                                                    \
    RNN_NO_INLINE void name(int M, int K, const real *A, size_t am, size_t ak, const real *B, size_t bk, size_t bp,   \
                            real *C, size_t cm, int accumulate)                                                       \
    {                                                                                                                 \
        contract_strip(cols, M, K, A, am, ak, B, bk, bp, C, cm, accumulate);                                          \
    }
CONTRACT_STRIP(contract_strip_1, 1)
CONTRACT_STRIP(contract_strip_2, 2)
#if defined __AVX512F__ || defined __aarch64__
CONTRACT_STRIP(contract_strip_3, 3)
CONTRACT_STRIP(contract_strip_4, 4)
#endif
#undef CONTRACT_STRIP

/* One or two rows. */
RNN_NO_INLINE void contract_strip_wide(int M, int K, const real *A, size_t am, size_t ak, const real *B, size_t bk,
                                       size_t bp, real *C, size_t cm, int accumulate)
{
    if (M == 1) contract_tile(1, CONTRACT_WIDE, K, A, am, ak, B, bk, bp, C, cm, accumulate);
    if (M == 2) contract_tile(2, CONTRACT_WIDE / 2, K, A, am, ak, B, bk, bp, C, cm, accumulate);
}

/* The last n columns, fewer than a vector has. The padding of packed panels can be read; the end of a plain matrix is
 * copied into rows as wide as a vector, and so is C. */
RNN_NO_INLINE void contract_edge(int M, int n, int K, const real *A, size_t am, size_t ak, const real *B, size_t bk,
                                 size_t bp, real *C, size_t cm, int accumulate)
{
    real b[CONTRACT_DEPTH * CONTRACT_LANES];
    real c[CONTRACT_ROWS * CONTRACT_LANES];
    if (bp == CONTRACT_PANEL) {
        memset(b, 0, (size_t)K * CONTRACT_LANES * sizeof(real));
        for (int k = 0; k < K; k++) {
            for (int j = 0; j < n; j++) b[k * CONTRACT_LANES + j] = B[(size_t)k * bk + (size_t)j];
        }
        B = b;
        bk = CONTRACT_LANES;
    }
    while (M > 0) {
        const int rows = M < CONTRACT_ROWS ? M : CONTRACT_ROWS;
        contract_strip_1(rows, K, A, am, ak, B, bk, 0, c, CONTRACT_LANES, 0);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < n; j++) {
                const real sum = c[i * CONTRACT_LANES + j];
                C[(size_t)i * cm + (size_t)j] = accumulate ? C[(size_t)i * cm + (size_t)j] + sum : sum;
            }
        }
        A += (size_t)rows * am;
        C += (size_t)rows * cm;
        M -= rows;
    }
}

/* All columns of one block of rows of B, K <= CONTRACT_DEPTH. */
RNN_INLINE void contract_block(int M, int N, int K, const real *A, size_t am, size_t ak, const real *B, size_t bk,
                               size_t bp, real *C, size_t cm, int accumulate)
{
    const int wide = M == 1 ? CONTRACT_WIDE : M == 2 ? CONTRACT_WIDE / 2 : CONTRACT_COLS;
    int n = 0;
    while (n < N) {
        const real *b = B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL;
        const int left = (N - n) / CONTRACT_LANES;
        int cols = left < wide ? left : wide;
        if (left == 0) {
            contract_edge(M, N - n, K, A, am, ak, b, bk, bp, C + n, cm, accumulate);
            return;
        }
        if (cols > CONTRACT_COLS && cols < wide) cols = CONTRACT_COLS;
#define CONTRACT_CALL(strip) strip(M, K, A, am, ak, b, bk, bp, C + n, cm, accumulate)
        switch (cols) {
        case 1: CONTRACT_CALL(contract_strip_1); break;
#if defined __AVX512F__ || defined __aarch64__
        case 2: CONTRACT_CALL(contract_strip_2); break;
        case 3: CONTRACT_CALL(contract_strip_3); break;
        case 4: CONTRACT_CALL(contract_strip_4); break;
#else
        case 2: CONTRACT_CALL(contract_strip_2); break;
#endif
        default: CONTRACT_CALL(contract_strip_wide); break;
        }
#undef CONTRACT_CALL
        n += cols * CONTRACT_LANES;
    }
}

/* C[m*cm + n] = (accumulate ? C[m*cm + n] : 0) + sum over k of A[m*am + k*ak] * B[n/16*bp + k*bk + n%16]
 * for m < M, n < N, k < K. C overlaps neither A nor B. */
RNN_NO_INLINE void contract(int M, int N, int K, const real *A, size_t am, size_t ak, const real *B, size_t bk,
                            size_t bp, real *C, size_t cm, int accumulate)
{
    int k = 0;
    do {
        const int depth = K - k < CONTRACT_DEPTH ? K - k : CONTRACT_DEPTH;
        contract_block(M, N, depth, A + (size_t)k * ak, am, ak, B + (size_t)k * bk, bk, bp, C, cm, accumulate);
        accumulate = 1;
        k += CONTRACT_DEPTH;
    } while (k < K);
}

#else

/* C[m*cm + n] = (accumulate ? C[m*cm + n] : 0) + sum over k of A[m*am + k*ak] * B[n/16*bp + k*bk + n%16]
 * for m < M, n < N, k < K. C overlaps neither A nor B. */
RNN_NO_INLINE void contract(int M, int N, int K, const real *A, size_t am, size_t ak, const real *B, size_t bk,
                            size_t bp, real *C, size_t cm, int accumulate)
{
    for (int n = 0; n < N; n += CONTRACT_PANEL) {
        const int width = N - n < CONTRACT_PANEL ? N - n : CONTRACT_PANEL;
        const real *panel = B + (size_t)(n / CONTRACT_PANEL) * bp;
        for (int m = 0; m < M; m++) {
            real sum[CONTRACT_PANEL] = {0};
            real *out = C + (size_t)m * cm + n;
            for (int k = 0; k < K; k++) {
                const real a = A[(size_t)m * am + (size_t)k * ak];
                const real *b = panel + (size_t)k * bk;
                for (int j = 0; j < width; j++) sum[j] += a * b[j];
            }
            for (int j = 0; j < width; j++) out[j] = accumulate ? out[j] + sum[j] : sum[j];
        }
    }
}

#endif
#endif
