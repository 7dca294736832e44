/* outer.h: the sum over rows of outer products, C += A' B: the gradient of a weight matrix is that sum over all steps
 * and sequences.
 *
 * A and B are row-major and lie as the passes left them. The tiles are those of contract.h, with the rows as the inner
 * dimension. A strip of B, as wide as a tile, is copied for a block of rows, so that its rows lie side by side, as wide
 * as whole vectors. Where the rows of A lie far apart, walking down its columns would miss in the caches and in the
 * tables of the processor: then blocks of A are copied instead, and each meets all of B. Stands after contract.h. */
#ifndef RUNTIME_KERNELS_OUTER_H
#define RUNTIME_KERNELS_OUTER_H

#ifdef RNN_VECTOR

enum {
    OUTER_STRIP = CONTRACT_COLS * CONTRACT_LANES, /* columns of B in a strip */
    OUTER_DEPTH = 128,                            /* rows of a strip */
    OUTER_FAR = 1024 / (int)sizeof(real),         /* rows of A that are so long */
    OUTER_FAR_COLUMNS = 4 * CONTRACT_ROWS,        /* of A, in a block */
    OUTER_FAR_DEPTH = 256                         /* rows of that block */
};

/* A strip of n columns of B, n <= OUTER_STRIP, and `rows` rows, rows <= OUTER_DEPTH. */
RNN_NO_INLINE void outer_strip(int M, int n, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br,
                               real *C, size_t cm)
{
    real b[OUTER_DEPTH * OUTER_STRIP];
    const int cols = (n + CONTRACT_LANES - 1) / CONTRACT_LANES;
    const int width = cols * CONTRACT_LANES;
    for (int r = 0; r < rows; r++) {
        real *to = b + (size_t)r * (size_t)width;
        if (n == OUTER_STRIP) {
            memcpy(to, B + (size_t)r * br, OUTER_STRIP * sizeof(real));
        } else {
            for (int j = 0; j < n; j++) to[j] = B[(size_t)r * br + (size_t)j];
            for (int j = n; j < width; j++) to[j] = 0;
        }
    }
    contract_columns(cols, n - (cols - 1) * CONTRACT_LANES, M, rows, A, am, ar, b, (size_t)width, CONTRACT_PANEL, C, cm,
                     1);
}

/* M columns of A, copied, in `rows` rows, rows <= OUTER_FAR_DEPTH: whole vectors of B are read where they are. */
RNN_INLINE void outer_far_block(int M, int N, int rows, const real *a, const real *B, size_t br, real *C, size_t cm)
{
    int n = 0;
    while (N - n >= CONTRACT_LANES) {
        const int left = (N - n) / CONTRACT_LANES;
        const int cols = left < CONTRACT_COLS ? left : (int)CONTRACT_COLS;
        contract_columns(cols, CONTRACT_LANES, M, rows, a, 1, OUTER_FAR_COLUMNS, B + n, br, CONTRACT_PANEL, C + n, cm,
                         1);
        n += cols * CONTRACT_LANES;
    }
    for (int r = 0; n < N && r < rows; r += OUTER_DEPTH) {
        outer_strip(M, N - n, rows - r < OUTER_DEPTH ? rows - r : (int)OUTER_DEPTH, a + r * OUTER_FAR_COLUMNS,
                    OUTER_FAR_COLUMNS, 1, B + (size_t)r * br + n, br, C + n, cm);
    }
}

RNN_NO_INLINE void outer_far(int M, int N, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br,
                             real *C, size_t cm)
{
    real a[OUTER_FAR_DEPTH * OUTER_FAR_COLUMNS];
    for (int m = 0; m < M; m += OUTER_FAR_COLUMNS) {
        const int width = M - m < OUTER_FAR_COLUMNS ? M - m : (int)OUTER_FAR_COLUMNS;
        for (int r = 0; r < rows; r++) {
            const real *from = A + (size_t)r * ar + (size_t)m * am;
            for (int i = 0; i < width; i++) a[r * OUTER_FAR_COLUMNS + i] = from[(size_t)i * am];
        }
        outer_far_block(width, N, rows, a, B, br, C + (size_t)m * cm, cm);
    }
}

/* C[m*cm + n] += sum over r of A[r*ar + m*am] * B[r*br + n] for m < M, n < N, r < rows. C overlaps neither A nor B. */
RNN_NO_INLINE void outer(int M, int N, int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C,
                         size_t cm)
{
    const int is_far = ar >= OUTER_FAR;
    const int depth = is_far ? (int)OUTER_FAR_DEPTH : (int)OUTER_DEPTH;
    for (int r = 0; r < rows; r += depth) {
        const int count = rows - r < depth ? rows - r : depth;
        const real *a = A + (size_t)r * ar, *b = B + (size_t)r * br;
        if (is_far) {
            outer_far(M, N, count, a, ar, am, b, br, C, cm);
        } else {
            for (int n = 0; n < N; n += OUTER_STRIP)
                outer_strip(M, N - n < OUTER_STRIP ? N - n : (int)OUTER_STRIP, count, a, ar, am, b + n, br, C + n, cm);
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
