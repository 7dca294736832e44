/* contract.h: the product of rows with a packed matrix, C (+)= A B, and what it shares with outer.h: together nearly
 * all of the time of a recurrent net.
 *
 * B, K x N, is packed into panels of 16 columns: panel p begins at B + p*16*K, and its row k at + k*16. The last panel
 * is padded with zeros. Weights are packed once for many products.
 *
 * A tile of C, some rows by some vectors, stays in registers while k runs: each k loads a few vectors of B and
 * multiplies them by one number of A for every row. A strip is the tiles below one another; it reads the same columns
 * of B again for each tile. Each part of k reads and writes all of C, so tiles are deep: k is cut only where that part
 * of B would leave the second cache, and rows so that their part of A stays there. Whatever the shape of the tile, a
 * component of C is the same sum in the same order: a row does not depend on the rows beside it.
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

#ifdef RNN_VECTOR

/* The tile fills the registers: 24 of 32, or 12 (8 without three-operand instructions) of 16. Where vectors are wide it
 * is tall, so that the columns of B that the tiles of a strip read again and again stay in the first cache. Vectors that
 * the compiler takes to pieces spill: a vector of one number is a number. */
#if defined RNN_SCALAR
enum { CONTRACT_BYTES = (int)sizeof(real), CONTRACT_ROWS = 4, CONTRACT_COLS = 2 };
#elif defined __AVX512F__
#define CONTRACT_TALL
enum { CONTRACT_BYTES = 64, CONTRACT_ROWS = 12, CONTRACT_COLS = 2 };
#elif defined __AVX__
enum { CONTRACT_BYTES = 32, CONTRACT_ROWS = 6, CONTRACT_COLS = 2 };
#elif defined __aarch64__
enum { CONTRACT_BYTES = 16, CONTRACT_ROWS = 6, CONTRACT_COLS = 4 };
#else
enum { CONTRACT_BYTES = 16, CONTRACT_ROWS = 4, CONTRACT_COLS = 2 };
#endif
enum {
    CONTRACT_LANES = CONTRACT_BYTES / (int)sizeof(real),
    CONTRACT_AHEAD = CONTRACT_ROWS >= 12, /* a tall tile has the time to read ahead, */
    CONTRACT_WIDE = 8,     /* vectors of a tile of one row, which would not keep the adders busy otherwise */
    CONTRACT_DEPTH = 1024, /* the most rows of B in a block */
    CONTRACT_HEIGHT = 480, /* the most rows of A in a block, */
    CONTRACT_AREA = (512 << 10) / (int)sizeof(real), /* and numbers: half of the second cache */
};

#ifdef RNN_SCALAR
typedef real contract_vector;
typedef real contract_memory;
#else
typedef real contract_vector __attribute__((vector_size(CONTRACT_BYTES)));
typedef real contract_memory __attribute__((vector_size(CONTRACT_BYTES), aligned(sizeof(real)), may_alias));
#endif

#define CONTRACT_AT(pointer) (*(contract_memory *)(void *)(pointer))
#define CONTRACT_CONST_AT(pointer) (*(const contract_memory *)(const void *)(pointer))
/* What clang has to be told. With -O3 it makes several loops of one that has a condition which does not vary, and only
 * then unrolls them: too late for an array of sums to become registers. So conditions are said to vary. Loops over k it
 * would unroll until there are not registers enough. And the first number that a loop reads it would take from the vector
 * in which it has just been written: then that loop cannot become vectors, so it must not know what was written. */
#ifdef __clang__
#define CONTRACT_UNROLL _Pragma("clang loop unroll(full)")
#define CONTRACT_ROLLED _Pragma("clang loop unroll(disable)")
#define CONTRACT_VARIES(integer) __asm__("" : "+r"(integer))
#define CONTRACT_WRITTEN(C) __asm__ volatile("" : : "r"(C) : "memory")
#else
#define CONTRACT_UNROLL _Pragma("GCC unroll 16")
#define CONTRACT_ROLLED
#define CONTRACT_VARIES(integer) ((void)0)
#define CONTRACT_WRITTEN(C) ((void)0)
#endif

/* C = part, or C += part, for the first n components of the last vectors of a tile, n < CONTRACT_LANES. */
RNN_NO_INLINE void contract_store_part(int rows, int n, const real *part, real *C, size_t cm, int accumulate)
{
    for (int m = 0; m < rows; m++) {
        int i = 0;
#define CONTRACT_PIECE(size) /* constant sizes become vectors */                                                       \
    if ((n & (size)) && (size) < CONTRACT_LANES) {                                                                     \
        for (int j = i; j < i + (size); j++) C[j] = accumulate ? C[j] + part[j] : part[j];                             \
        i += (size);                                                                                                   \
    }
        CONTRACT_PIECE(8)
        CONTRACT_PIECE(4)
        CONTRACT_PIECE(2)
        CONTRACT_PIECE(1)
#undef CONTRACT_PIECE
        part += CONTRACT_LANES;
        C += cm;
    }
}

/* One tile: C[m][n] = (accumulate ? C[m][n] : 0) + sum_k A[m][k] B[k][n], m < rows, n < (cols - 1) * LANES + last.
 * `rows` and `cols` are constants where it is expanded, so that `sum` becomes registers. Of the last vector of B all is
 * read, and `last` components of C are written; where that is not all, `part` holds a vector for each row meanwhile. */
RNN_FORCE_INLINE void contract_tile(const int rows, const int cols, int last, int K, const real *A, size_t am,
                                    size_t ak, const real *B, size_t bk, size_t bp, real *C, size_t cm, int accumulate,
                                    real *part)
{
    const contract_vector zero = {0};
    contract_vector sum[CONTRACT_ROWS][CONTRACT_WIDE];
    const real *row[(CONTRACT_ROWS + 3) / 4]; /* every fourth row of A: few pointers to step */
    CONTRACT_UNROLL
    for (int m = 0; m < rows; m++) {
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            sum[m][c] = zero;
            if (rows > 1) __builtin_prefetch(C + (size_t)m * cm + c * CONTRACT_LANES, 1);
        }
    }
    for (int m = 0; m < rows; m += 4) row[m / 4] = A + (size_t)m * am;
    CONTRACT_ROLLED
    for (int k = 0; k < K; k++) {
        contract_vector b[CONTRACT_WIDE];
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            const int n = c * CONTRACT_LANES;
            b[c] = CONTRACT_CONST_AT(B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL);
        }
        if (CONTRACT_AHEAD && rows > 1) __builtin_prefetch(row[0] + (size_t)(2 * rows - 1) * am, 0, 2);
        CONTRACT_UNROLL
        for (int m = 0; m < rows; m++) {
            const real a = row[m / 4][(size_t)(m % 4) * am];
            CONTRACT_UNROLL
            for (int c = 0; c < cols; c++) sum[m][c] += a * b[c];
        }
        CONTRACT_UNROLL
        for (int m = 0; m < rows; m += 4) row[m / 4] += ak;
        B += bk;
    }
    CONTRACT_UNROLL
    for (int m = 0; m < rows; m++) {
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            real *at = C + (size_t)m * cm + c * CONTRACT_LANES;
            CONTRACT_VARIES(last);
            CONTRACT_VARIES(accumulate);
            if (c == cols - 1 && last < CONTRACT_LANES) {
                CONTRACT_AT(part + m * CONTRACT_LANES) = sum[m][c];
            } else {
                if (accumulate) sum[m][c] += CONTRACT_CONST_AT(at);
                CONTRACT_AT(at) = sum[m][c];
            }
        }
    }
    if (last < CONTRACT_LANES) contract_store_part(rows, last, part, C + (cols - 1) * CONTRACT_LANES, cm, accumulate);
}

/* The height of the next tile of M rows. The last rows are shared out: 8 are 4 and 4 in tiles of 6, not 6 and 2. Tiles
 * of all heights would cost compilers more time than they save. */
RNN_INLINE int contract_height(int M)
{
#ifdef CONTRACT_TALL
    if (M >= 18 || M == 12) return 12;
    if (M >= 8) return 8;
    if (M >= 6) return 6;
#else
    if (M > CONTRACT_ROWS + 2 || M == CONTRACT_ROWS) return CONTRACT_ROWS;
#endif
    return M > 3 ? 4 : M > 1 ? 2 : 1;
}

/* M rows of tiles of `cols` vectors. */
RNN_FORCE_INLINE void contract_strip(const int cols, int last, int M, int K, const real *A, size_t am, size_t ak,
                                     const real *B, size_t bk, size_t bp, real *C, size_t cm, int accumulate)
{
#define CONTRACT_TILE(rows) contract_tile(rows, cols, last, K, A, am, ak, B, bk, bp, C, cm, accumulate, part)
    real part[CONTRACT_ROWS * CONTRACT_LANES];
    while (M > 0) {
        const int rows = contract_height(M);
        switch (rows) {
        case 1: CONTRACT_TILE(1); break;
        case 2: CONTRACT_TILE(2); break;
        case 4: CONTRACT_TILE(4); break;
#ifdef CONTRACT_TALL
        case 6: CONTRACT_TILE(6); break;
        case 8: CONTRACT_TILE(8); break;
#endif
        default: CONTRACT_TILE(CONTRACT_ROWS); break;
        }
        A += (size_t)rows * am;
        C += (size_t)rows * cm;
        M -= rows;
    }
#undef CONTRACT_TILE
}

/* The strips, one function for each width, so that all products share them. */
#define CONTRACT_STRIP(name, cols)                                                                                     \
    RNN_NO_INLINE void name(int last, int M, int K, const real *A, size_t am, size_t ak, const real *B, size_t bk,     \
                            size_t bp, real *C, size_t cm, int accumulate)                                             \
    {                                                                                                                  \
        contract_strip(cols, last, M, K, A, am, ak, B, bk, bp, C, cm, accumulate);                                     \
    }
CONTRACT_STRIP(contract_strip_1, 1)
CONTRACT_STRIP(contract_strip_2, 2)
#if defined __aarch64__
CONTRACT_STRIP(contract_strip_4, 4)
#endif
#undef CONTRACT_STRIP

/* A strip of 1 to CONTRACT_COLS vectors; 3 are 2 and 1. */
RNN_INLINE void contract_columns(int cols, int last, int M, int K, const real *A, size_t am, size_t ak, const real *B,
                                 size_t bk, size_t bp, real *C, size_t cm, int accumulate)
{
    if (cols >= 2) {
        const int n = 2 * CONTRACT_LANES;
#if defined __aarch64__
        if (cols == 4) {
            contract_strip_4(last, M, K, A, am, ak, B, bk, bp, C, cm, accumulate);
            return;
        }
#endif
        contract_strip_2(cols == 2 ? last : (int)CONTRACT_LANES, M, K, A, am, ak, B, bk, bp, C, cm, accumulate);
        B += (size_t)(n / CONTRACT_PANEL) * bp + (size_t)(n % CONTRACT_PANEL);
        C += n;
    }
    if (cols % 2) contract_strip_1(last, M, K, A, am, ak, B, bk, bp, C, cm, accumulate);
}

/* One row: 1 to CONTRACT_WIDE vectors at once. */
RNN_NO_INLINE void contract_row(int cols, int last, int K, const real *A, size_t ak, const real *B, size_t bk,
                                size_t bp, real *C, int accumulate)
{
    real part[CONTRACT_LANES];
#define CONTRACT_CASE(cols)                                                                                            \
    case cols: contract_tile(1, cols, last, K, A, 0, ak, B, bk, bp, C, 0, accumulate, part); break
    switch (cols) {
        CONTRACT_CASE(1);
        CONTRACT_CASE(2);
        CONTRACT_CASE(3);
        CONTRACT_CASE(4);
        CONTRACT_CASE(5);
        CONTRACT_CASE(6);
        CONTRACT_CASE(7);
    default: contract_tile(1, CONTRACT_WIDE, last, K, A, 0, ak, B, bk, bp, C, 0, accumulate, part); break;
    }
#undef CONTRACT_CASE
}

/* All columns of one block of rows of B, K <= CONTRACT_DEPTH. */
RNN_INLINE void contract_block(int M, int N, int K, const real *A, size_t am, size_t ak, const real *B, size_t bp,
                               real *C, size_t cm, int accumulate)
{
    const int wide = M == 1 ? (int)CONTRACT_WIDE : (int)CONTRACT_COLS;
    for (int n = 0; n < N; n += wide * CONTRACT_LANES) {
        const real *b = B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL;
        const int left = (N - n + CONTRACT_LANES - 1) / CONTRACT_LANES;
        const int cols = left < wide ? left : wide;
        const int end = N - n - (cols - 1) * CONTRACT_LANES;
        const int last = end < CONTRACT_LANES ? end : (int)CONTRACT_LANES;
        if (M == 1)
            contract_row(cols, last, K, A, ak, b, CONTRACT_PANEL, bp, C + n, accumulate);
        else
            contract_columns(cols, last, M, K, A, am, ak, b, CONTRACT_PANEL, bp, C + n, cm, accumulate);
    }
}

/* C[m*cm + n] = (accumulate ? C[m*cm + n] : 0) + sum over k of A[m*am + k*ak] * B(k, n)
 * for m < M, n < N, k < K; B packed. C overlaps neither A nor B. */
RNN_NO_INLINE void contract(int M, int N, int K, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                            int accumulate)
{
    const int blocks = (K + CONTRACT_DEPTH - 1) / CONTRACT_DEPTH, deep = blocks > 1 ? (K + blocks - 1) / blocks : K;
    const int fits = CONTRACT_AREA / (deep > 0 ? deep : 1) / CONTRACT_ROWS * CONTRACT_ROWS;
    const int height = fits < CONTRACT_HEIGHT ? fits : (int)CONTRACT_HEIGHT;
    for (int m = 0; m < M; m += height) {
        const int rows = M - m < height ? M - m : height;
        int k = 0, add = accumulate;
        do {
            const int depth = K - k < deep ? K - k : deep;
            contract_block(rows, N, depth, A + (size_t)m * am + (size_t)k * ak, am, ak, B + (size_t)k * CONTRACT_PANEL,
                           CONTRACT_PANEL * (size_t)K, C + (size_t)m * cm, cm, add);
            add = 1;
            k += deep;
        } while (k < K);
    }
}

/* One row by so few vectors that each addition would wait for the one before it: even and odd k have sums of their own,
 * which are added up at the end. Of the last vector `last` components count, as in contract_tile. */
RNN_FORCE_INLINE void contract_narrow(const int cols, const int last, const int K, const real *A, size_t ak,
                                      const real *B, size_t bp, real *C, int accumulate, real *part)
{
    const contract_vector zero = {0};
    contract_vector even[CONTRACT_WIDE / 2], odd[CONTRACT_WIDE / 2];
    CONTRACT_UNROLL
    for (int c = 0; c < cols; c++) even[c] = odd[c] = zero;
    for (int k = 0; k < K; k++) {
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            const int n = c * CONTRACT_LANES;
            even[c] += A[0] * CONTRACT_CONST_AT(B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL);
        }
        A += ak;
        B += CONTRACT_PANEL;
        if (++k == K) break;
        CONTRACT_UNROLL
        for (int c = 0; c < cols; c++) {
            const int n = c * CONTRACT_LANES;
            odd[c] += A[0] * CONTRACT_CONST_AT(B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL);
        }
        A += ak;
        B += CONTRACT_PANEL;
    }
    CONTRACT_UNROLL
    for (int c = 0; c < cols; c++) {
        real *at = C + c * CONTRACT_LANES;
        even[c] += odd[c];
        if (c == cols - 1 && last < CONTRACT_LANES) {
            CONTRACT_AT(part) = even[c];
        } else {
            if (accumulate) even[c] += CONTRACT_CONST_AT(at);
            CONTRACT_AT(at) = even[c];
        }
    }
    if (last < CONTRACT_LANES && cols == 1 && !accumulate) /* a constant: a call would take as long as the product */
        memcpy(C, part, (size_t)last * sizeof(real));
    else if (last < CONTRACT_LANES)
        contract_store_part(1, last, part, C + (cols - 1) * CONTRACT_LANES, 0, accumulate);
}

/* The same as `contract` up to rounding where N and K are small constants: expanded where it stands, without a call or
 * a loop over columns. */
RNN_FORCE_INLINE void contract_small(int M, const int N, const int K, const real *A, size_t am, size_t ak,
                                     const real *B, real *C, size_t cm, int accumulate)
{
    const int wide = CONTRACT_WIDE * CONTRACT_LANES, left = N % wide;
    const int cols = (left + CONTRACT_LANES - 1) / CONTRACT_LANES, last = left - (cols - 1) * CONTRACT_LANES;
    const size_t bp = CONTRACT_PANEL * (size_t)K;
    real part[CONTRACT_LANES];
    for (int m = 0; m < M; m++) {
        const real *a = A + (size_t)m * am;
        real *c = C + (size_t)m * cm;
        for (int n = 0; n < N - left; n += wide) {
            contract_tile(1, CONTRACT_WIDE, CONTRACT_LANES, K, a, 0, ak,
                          B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL, CONTRACT_PANEL, bp, c + n, 0,
                          accumulate, part);
        }
        if (left > 0) {
            const int n = N - left;
            const real *b = B + (size_t)(n / CONTRACT_PANEL) * bp + n % CONTRACT_PANEL;
            if (2 * cols <= CONTRACT_WIDE)
                contract_narrow(cols, last, K, a, ak, b, bp, c + n, accumulate, part);
            else
                contract_tile(1, cols, last, K, a, 0, ak, b, CONTRACT_PANEL, bp, c + n, 0, accumulate, part);
        }
    }
    CONTRACT_WRITTEN(C);
}

#else

/* C[m*cm + n] = (accumulate ? C[m*cm + n] : 0) + sum over k of A[m*am + k*ak] * B(k, n)
 * for m < M, n < N, k < K; B packed. C overlaps neither A nor B. */
RNN_NO_INLINE void contract(int M, int N, int K, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                            int accumulate)
{
    for (int n = 0; n < N; n += CONTRACT_PANEL) {
        const int width = N - n < CONTRACT_PANEL ? N - n : CONTRACT_PANEL;
        const real *panel = B + (size_t)n * (size_t)K;
        for (int m = 0; m < M; m++) {
            real sum[CONTRACT_PANEL] = {0};
            real *out = C + (size_t)m * cm + n;
            for (int k = 0; k < K; k++) {
                const real a = A[(size_t)m * am + (size_t)k * ak];
                const real *b = panel + (size_t)k * CONTRACT_PANEL;
                for (int j = 0; j < width; j++) sum[j] += a * b[j];
            }
            for (int j = 0; j < width; j++) out[j] = accumulate ? out[j] + sum[j] : sum[j];
        }
    }
}

RNN_INLINE void contract_small(int M, int N, int K, const real *A, size_t am, size_t ak, const real *B, real *C,
                               size_t cm, int accumulate)
{
    contract(M, N, K, A, am, ak, B, C, cm, accumulate);
}

#endif
#endif
