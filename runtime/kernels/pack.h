/* pack.h: weights into the layout that contract.h reads. Stands after contract.h and functions.h. */
#ifndef RUNTIME_KERNELS_PACK_H
#define RUNTIME_KERNELS_PACK_H

#if defined RNN_VECTOR && !defined RNN_SCALAR &&                                                                       \
    (defined __clang__ || __GNUC__ >= 12) /* which know __builtin_shufflevector */

enum { PACK_SQUARE = 4 };

typedef real pack_vector __attribute__((vector_size(PACK_SQUARE * sizeof(real))));
typedef real pack_memory __attribute__((vector_size(PACK_SQUARE * sizeof(real)), aligned(sizeof(real)), may_alias));

/* A square of 4 x 4, transposed: to[k*CONTRACT_PANEL + n] = W[k + n*wn]. */
RNN_FORCE_INLINE void pack_square(const real *W, size_t wn, real *to)
{
#define PACK_ROW(n) (*(const pack_memory *)(const void *)(W + (n)*wn))
    const pack_vector a = PACK_ROW(0), b = PACK_ROW(1), c = PACK_ROW(2), d = PACK_ROW(3);
    const pack_vector ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const pack_vector cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
#define PACK_TO(k) (*(pack_memory *)(void *)(to + (k)*CONTRACT_PANEL))
    PACK_TO(0) = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
    PACK_TO(1) = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
    PACK_TO(2) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    PACK_TO(3) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
#undef PACK_ROW
#undef PACK_TO
}

/* The squares of a matrix that is packed transposed. Returns how many of the K rows they cover. */
RNN_INLINE int pack_squares(int K, const real *W, size_t wn, real *to)
{
    int k = 0;
    for (; k + PACK_SQUARE <= K; k += PACK_SQUARE) {
        for (int n = 0; n < CONTRACT_PANEL; n += PACK_SQUARE)
            pack_square(W + (size_t)k + (size_t)n * wn, wn, to + (size_t)k * CONTRACT_PANEL + n);
    }
    return k;
}

#else

RNN_INLINE int pack_squares(int K, const real *W, size_t wn, real *to)
{
    (void)K, (void)W, (void)wn, (void)to;
    return 0;
}

#endif

/* Copies the K x N matrix W[k*wk + n*wn] into rows k0.. and columns n0.. of a packed matrix of Ktotal rows, so that
 * stacked matrices are packed piece by piece. The caller clears the padding beforehand: the columns beyond the last. */
RNN_NO_INLINE void pack_matrix(int K, int N, const real *W, size_t wk, size_t wn, real *packed, int k0, int n0,
                               int Ktotal)
{
    for (int n = 0; n < N;) {
        const int first = (n0 + n) % CONTRACT_PANEL;
        const int width = CONTRACT_PANEL - first < N - n ? CONTRACT_PANEL - first : N - n;
        const real *from = W + (size_t)n * wn;
        real *to = packed + contract_packed_index((size_t)k0, (size_t)n0 + (size_t)n, (size_t)Ktotal);
        int k = 0;
        if (width == CONTRACT_PANEL && wk == 1) k = pack_squares(K, from, wn, to);
        for (; k < K; k++) {
            const real *row = from + (size_t)k * wk;
            if (width == CONTRACT_PANEL && wn == 1) {
                memcpy(to + (size_t)k * CONTRACT_PANEL, row, CONTRACT_PANEL * sizeof(real));
            } else {
                for (int j = 0; j < width; j++) to[(size_t)k * CONTRACT_PANEL + (size_t)j] = row[(size_t)j * wn];
            }
        }
        n += width;
    }
}

#endif
