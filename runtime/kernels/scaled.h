/* scaled.h: the product of rows with a packed matrix of integers of 8 or 16 bits: C (+)= A B, where column n of B is
 * scale[n] times integers. A fourth or half of the memory; sums are those of `real`.
 *
 * Panels are those of contract.h, but a word of 32 bits has the integers of 4 (2) rows of B, one column: row k in the
 * lowest bits. Rows beyond the last are 0. Stands after integers.h and
 * contract.h. */
#ifndef RUNTIME_KERNELS_SCALED_H
#define RUNTIME_KERNELS_SCALED_H

/* Words from one panel to the next. */
#define SCALED_PANEL(K) ((size_t)(((K) + SCALED_ROWS - 1) / SCALED_ROWS) * CONTRACT_PANEL)

#if defined RNN_VECTOR && (defined RNN_SCALAR || defined __clang__ || __GNUC__ >= 9) /* __builtin_convertvector */

#ifdef RNN_SCALAR
typedef uint32_t scaled_words;
typedef uint32_t scaled_memory;
#else
typedef uint32_t scaled_words __attribute__((vector_size(CONTRACT_LANES * sizeof(uint32_t))));
typedef int32_t scaled_integers __attribute__((vector_size(CONTRACT_LANES * sizeof(int32_t))));
typedef uint32_t scaled_memory
    __attribute__((vector_size(CONTRACT_LANES * sizeof(uint32_t)), aligned(sizeof(uint32_t)), may_alias));
#endif

enum {
    SCALED_WIDE = 4, /* vectors of a tile of one row */
    SCALED_TALL = 4, /* rows of a tile of several, */
    SCALED_COLS = 2  /* and its vectors */
};

/* scaled_number of each word. */
RNN_FORCE_INLINE contract_vector scaled_numbers(scaled_words word, const int i)
{
#ifdef RNN_SCALAR
    return scaled_number(word, i);
#else
    return __builtin_convertvector((scaled_integers)(word << (SCALED_SHIFT - i * MATRIX_BITS) & SCALED_MASK),
                                   contract_vector);
#endif
}

/* sum[m][c] += A(m, k) B(k, c), k < count <= SCALED_ROWS: the rows that one word has. */
RNN_FORCE_INLINE void scaled_add(const int rows, const int cols, const int count, const real *A, size_t am, size_t ak,
                                 const uint32_t *B, size_t bp, contract_vector sum[SCALED_TALL][SCALED_WIDE])
{
    scaled_words word[SCALED_WIDE];
    CONTRACT_UNROLL
    for (int c = 0; c < cols; c++) {
        const int n = c * CONTRACT_LANES;
        word[c] = *(const scaled_memory *)(const void *)(B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL);
    }
    CONTRACT_UNROLL
    for (int i = 0; i < count; i++) {
        contract_vector b[SCALED_WIDE];
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) b[c] = scaled_numbers(word[c], i);
        CONTRACT_UNROLL
        for (int m = 0; m < rows; m++) {
            const real a = A[(size_t)m * am + (size_t)i * ak];
            CONTRACT_UNROLL
            for (int c = 0; c < cols; c++) sum[m][c] += a * b[c];
        }
    }
}

/* A tile of `rows` rows by `cols` vectors, `width` of whose columns count. */
RNN_FORCE_INLINE void scaled_tile(const int rows, const int cols, int width, int K, const real *A, size_t am, size_t ak,
                                  const uint32_t *B, size_t bp, const real *scale, real *C, size_t cm, int accumulate)
{
    const contract_vector zero = {0};
    contract_vector sum[SCALED_TALL][SCALED_WIDE];
    int k = 0;
    CONTRACT_UNROLL
    for (int m = 0; m < rows; m++) {
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) sum[m][c] = zero;
    }
    CONTRACT_ROLLED
    for (; k + SCALED_ROWS <= K; k += SCALED_ROWS) {
        scaled_add(rows, cols, SCALED_ROWS, A, am, ak, B, bp, sum);
        A += SCALED_ROWS * ak;
        B += CONTRACT_PANEL;
    }
#if MATRIX_BITS == 8
    if (K - k == 3) scaled_add(rows, cols, 3, A, am, ak, B, bp, sum);
    if (K - k == 2) scaled_add(rows, cols, 2, A, am, ak, B, bp, sum);
#endif
    if (K - k == 1) scaled_add(rows, cols, 1, A, am, ak, B, bp, sum);
    CONTRACT_UNROLL
    for (int m = 0; m < rows; m++) {
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            const int n = c * CONTRACT_LANES;
            real *to = C + (size_t)m * cm + n;
            contract_vector value = sum[m][c] * CONTRACT_CONST_AT(scale + n);
            CONTRACT_VARIES(width);
            CONTRACT_VARIES(accumulate);
            if (width - n >= CONTRACT_LANES) {
                if (accumulate) value += CONTRACT_CONST_AT(to);
                CONTRACT_AT(to) = value;
            } else {
                real part[CONTRACT_LANES];
                CONTRACT_AT(part) = value;
                contract_store_part(1, width - n, part, to, 0, accumulate);
            }
        }
    }
}

/* Tiles of `cols` vectors side by side, while one of them is full; then tiles of one. */
RNN_FORCE_INLINE void scaled_rows(const int rows, const int cols, int N, int K, const real *A, size_t am, size_t ak,
                                  const uint32_t *B, const real *scale, real *C, size_t cm, int accumulate)
{
    const size_t bp = SCALED_PANEL(K);
    const int width = cols * CONTRACT_LANES, full = N / width * width;
    for (int n = 0; n < full; n += width)
        scaled_tile(rows, cols, width, K, A, am, ak, B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL, bp,
                    scale + n, C + n, cm, accumulate);
    for (int n = full; n < N; n += CONTRACT_LANES)
        scaled_tile(rows, 1, N - n, K, A, am, ak, B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL, bp,
                    scale + n, C + n, cm, accumulate);
}

/* C[m*cm + n] = (accumulate ? C[m*cm + n] : 0) + scale[n] * sum over k of A[m*am + k*ak] * B(k, n)
 * for m < M, n < N, k < K; scale[n] is there to the end of the last panel. C overlaps neither A nor B. */
RNN_NO_INLINE void contract_scaled(int M, int N, int K, const real *A, size_t am, size_t ak, const uint32_t *B,
                                   const real *scale, real *C, size_t cm, int accumulate)
{
    for (; M >= SCALED_TALL; M -= SCALED_TALL) {
        scaled_rows(SCALED_TALL, SCALED_COLS, N, K, A, am, ak, B, scale, C, cm, accumulate);
        A += SCALED_TALL * am;
        C += SCALED_TALL * cm;
    }
    for (; M > 0; M--) {
        scaled_rows(1, SCALED_WIDE, N, K, A, am, ak, B, scale, C, cm, accumulate);
        A += am;
        C += cm;
    }
}

#else

/* C[m*cm + n] = (accumulate ? C[m*cm + n] : 0) + scale[n] * sum over k of A[m*am + k*ak] * B(k, n)
 * for m < M, n < N, k < K. C overlaps neither A nor B. */
RNN_NO_INLINE void contract_scaled(int M, int N, int K, const real *A, size_t am, size_t ak, const uint32_t *B,
                                   const real *scale, real *C, size_t cm, int accumulate)
{
    for (int n = 0; n < N; n += CONTRACT_PANEL) {
        const int width = N - n < CONTRACT_PANEL ? N - n : CONTRACT_PANEL;
        for (int m = 0; m < M; m++) {
            const uint32_t *words = B + (size_t)(n / CONTRACT_PANEL) * SCALED_PANEL(K);
            const real *a = A + (size_t)m * am;
            real sum[CONTRACT_PANEL] = {0};
            real *to = C + (size_t)m * cm + n;
            for (int k = 0; k < K; k += SCALED_ROWS) {
                const int count = K - k < SCALED_ROWS ? K - k : (int)SCALED_ROWS;
                for (int j = 0; j < width; j++) {
                    real part = 0;
                    for (int i = 0; i < count; i++) part += a[(size_t)i * ak] * scaled_number(words[j], i);
                    sum[j] += part;
                }
                a += SCALED_ROWS * ak;
                words += CONTRACT_PANEL;
            }
            for (int j = 0; j < width; j++) to[j] = (accumulate ? to[j] : 0) + scale[n + j] * sum[j];
        }
    }
}

#endif
#endif
