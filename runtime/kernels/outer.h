/* outer.h: the sum over rows of outer products, C += A' B: the gradient of a weight matrix is that sum over all steps
 * and sequences.
 *
 * A and B are row-major and lie as the passes left them. The tiles are those of contract.h, with the rows as the inner
 * dimension, and read both where they are; only a strip of B that ends within a vector is copied. A tile that is tall
 * has time to fetch what it reads, and reads ahead for the tile below. Others wait where the rows of A lie far apart,
 * each in another set of the caches and another page: then blocks of A are copied, and each meets all of B. Stands
 * after contract.h. */
#ifndef RUNTIME_KERNELS_OUTER_H
#define RUNTIME_KERNELS_OUTER_H

#ifdef RNN_VECTOR

enum {
    OUTER_STRIP = CONTRACT_COLS * CONTRACT_LANES, /* columns of B in a strip */
    OUTER_DEPTH = 256,                            /* the most rows in a block, */
    OUTER_COLUMNS = 264,                          /* and columns of A: whole tiles, in half of the second cache */
    OUTER_FAR = 1024 / (int)sizeof(real),         /* rows of A that are so long are copied, */
    OUTER_FAR_COLUMNS = 48,                       /* so many columns at once, */
    OUTER_FAR_AHEAD = 16                          /* and are fetched so many rows ahead */
};

/* A strip of n columns of B, the last of which fill no vector, n < OUTER_STRIP. */
RNN_NO_INLINE void outer_part(int n, int M, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br,
                              real *C, size_t cm)
{
    real b[OUTER_DEPTH * OUTER_STRIP] __attribute__((aligned(CONTRACT_BYTES)));
    const int cols = (n + CONTRACT_LANES - 1) / CONTRACT_LANES;
    const int width = cols * CONTRACT_LANES;
    for (int r = 0; r < rows; r++) {
        real *to = b + (size_t)r * (size_t)width;
        for (int j = 0; j < n; j++) to[j] = B[(size_t)r * br + (size_t)j];
        for (int j = n; j < width; j++) to[j] = 0;
    }
    contract_columns(cols, n - (cols - 1) * CONTRACT_LANES, M, rows, A, am, ar, b, (size_t)width, CONTRACT_PANEL, C, cm,
                     1);
}

/* M columns of A by all of B, in `rows` rows, rows <= OUTER_DEPTH. */
RNN_NO_INLINE void outer_block(int M, int N, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br,
                               real *C, size_t cm)
{
    for (int n = 0; n < N; n += OUTER_STRIP) {
        const int left = N - n < OUTER_STRIP ? N - n : (int)OUTER_STRIP;
        if (left % CONTRACT_LANES)
            outer_part(left, M, rows, A, ar, am, B + n, br, C + n, cm);
        else
            contract_columns(left / CONTRACT_LANES, CONTRACT_LANES, M, rows, A, am, ar, B + n, br, CONTRACT_PANEL,
                             C + n, cm, 1);
    }
}

/* The same with the columns of A copied, M <= OUTER_FAR_COLUMNS. */
RNN_NO_INLINE void outer_far(int M, int N, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br,
                             real *C, size_t cm)
{
    real a[OUTER_DEPTH * OUTER_FAR_COLUMNS] __attribute__((aligned(CONTRACT_BYTES)));
    const int whole = am == 1 ? M / CONTRACT_LANES * CONTRACT_LANES : 0;
    for (int r = 0; r < rows; r++) {
        const real *from = A + (size_t)r * ar;
        real *to = a + r * OUTER_FAR_COLUMNS;
        for (int m = 0; m < M; m += 64 / (int)sizeof(real))
            __builtin_prefetch(from + OUTER_FAR_AHEAD * ar + (size_t)m * am);
        for (int m = 0; m < whole; m += CONTRACT_LANES) CONTRACT_AT(to + m) = CONTRACT_CONST_AT(from + m);
        for (int m = whole; m < M; m++) to[m] = from[(size_t)m * am];
    }
    outer_block(M, N, rows, a, OUTER_FAR_COLUMNS, 1, B, br, C, cm);
}

/* C[m*cm + n] += sum over r of A[r*ar + m*am] * B[r*br + n] for m < M, n < N, r < rows. C overlaps neither A nor B. */
RNN_NO_INLINE void outer(int M, int N, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C,
                         size_t cm)
{
    const int is_far = !CONTRACT_AHEAD && ar >= OUTER_FAR;
    /* where vectors are narrow, both parts had better stay in the first cache */
    const int most = CONTRACT_AHEAD || is_far ? (int)OUTER_DEPTH : (int)OUTER_DEPTH / 2;
    const int wide = is_far ? (int)OUTER_FAR_COLUMNS : (int)OUTER_COLUMNS;
    const int blocks = (rows + most - 1) / most, deep = blocks > 1 ? (rows + blocks - 1) / blocks : rows;
    for (int r = 0; r < rows; r += deep) {
        const int depth = rows - r < deep ? rows - r : deep;
        for (int m = 0; m < M; m += wide) {
            const int width = M - m < wide ? M - m : wide;
            const real *a = A + (size_t)r * ar + (size_t)m * am, *b = B + (size_t)r * br;
            real *c = C + (size_t)m * cm;
            if (is_far)
                outer_far(width, N, depth, a, ar, am, b, br, c, cm);
            else
                outer_block(width, N, depth, a, ar, am, b, br, c, cm);
        }
    }
}

#else

/* C[m*cm + n] += sum over r of A[r*ar + m*am] * B[r*br + n] for m < M, n < N, r < rows. C overlaps neither A nor B. */
RNN_NO_INLINE void outer(int M, int N, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C,
                         size_t cm)
{
    for (int r = 0; r < rows; r++) {
        for (int m = 0; m < M; m++) {
            const real a = A[(size_t)r * ar + (size_t)m * am];
            RNN_INDEPENDENT
            for (int n = 0; n < N; n++) C[(size_t)m * cm + (size_t)n] += a * B[(size_t)r * br + (size_t)n];
        }
    }
}

#endif
/* The same where M and N are small constants. */
RNN_FORCE_INLINE void outer_small(const int M, const int N, int rows, const real *A, size_t ar, size_t am,
                                  const real *B, size_t br, real *C, size_t cm)
{
    for (int r = 0; r < rows; r++) {
        for (int m = 0; m < M; m++) {
            const real a = A[(size_t)r * ar + (size_t)m * am];
            RNN_INDEPENDENT
            for (int n = 0; n < N; n++) C[(size_t)m * cm + (size_t)n] += a * B[(size_t)r * br + (size_t)n];
        }
    }
}

#endif
