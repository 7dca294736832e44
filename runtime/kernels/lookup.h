/* lookup.h: where tokens point to, and whether a guard holds for any row. */
#ifndef RUNTIME_KERNELS_LOOKUP_H
#define RUNTIME_KERNELS_LOOKUP_H

/* The row of a table with a spare last row that a token chooses; the spare one where it is none, or anything in the
 * padding. */
RNN_INLINE size_t token_row(real token, int rows)
{
    return token >= 0 && token < (real)rows ? (size_t)token : (size_t)rows;
}

/* The same in a matrix without a spare row. */
RNN_INLINE const real *lookup_row(const real *matrix, size_t stride, real token, int rows, const real *none)
{
    return token >= 0 && token < (real)rows ? matrix + (size_t)token * stride : none;
}

/* Is any of n numbers, `stride` apart, different from 0 (wanted 1), or 0 (wanted 0)? */
RNN_INLINE int row_any(int n, const real *x, int stride, int wanted)
{
    int i = 0;
    while (i < n && (x[(size_t)i * (size_t)stride] != 0) != wanted) i++;
    return i < n;
}

#endif
