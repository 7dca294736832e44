/* integers.h: integers of 8 or 16 bits in words of 32, and rows of them that tokens choose.
 *
 * Whoever includes this says how many bits:
 *     #define MATRIX_BITS 8         or 16
 * A word has 4 (2) numbers, the first in its lowest bits. A number is taken out of its word as the upper bits of an
 * integer, since that is one operation less than all of its sign; its scale has the 2^-24 (2^-16) that this is too
 * much. */
#ifndef RUNTIME_KERNELS_INTEGERS_H
#define RUNTIME_KERNELS_INTEGERS_H

enum {
    SCALED_ROWS = 32 / MATRIX_BITS, /* numbers of a word: of a matrix B, so many rows */
    SCALED_SHIFT = 32 - MATRIX_BITS
};

#define SCALED_MASK ((uint32_t)0xffffffff << SCALED_SHIFT)

/* Number i of a word, times 2^SCALED_SHIFT. */
RNN_FORCE_INLINE real scaled_number(uint32_t word, int i)
{
    return (real)(int32_t)(word << (SCALED_SHIFT - i * MATRIX_BITS) & SCALED_MASK);
}

/* to[i] = number i of the row that a token chooses, i < n, times the row's scale; zeros where the token is none. Each row
 * begins with a word. */
RNN_INLINE void scaled_row(int n, const uint32_t *table, const real *scales, real token, int rows, real *to)
{
    const int known = token >= 0 && token < (real)rows;
    const size_t row = known ? (size_t)token : 0;
    const uint32_t *word = table + row * (size_t)((n + SCALED_ROWS - 1) / SCALED_ROWS);
    const real scale = known ? scales[row] : 0;
    int i = 0;
    for (; i + SCALED_ROWS <= n; i += SCALED_ROWS) {
        for (int k = 0; k < SCALED_ROWS; k++) to[i + k] = scale * scaled_number(*word, k);
        word++;
    }
    for (int k = 0; i + k < n; k++) to[i + k] = scale * scaled_number(*word, k);
}

#endif
