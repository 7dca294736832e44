/* rows.h: functions of one row of n contiguous numbers, and the sum of many rows.
 *
 * Sums and maxima run in ROWS_LANES interleaved parts: that is the order in which vector code adds, written out,
 * so that compilers need no licence to reorder, and it rounds less than one running sum does. */
#ifndef RUNTIME_KERNELS_ROWS_H
#define RUNTIME_KERNELS_ROWS_H

enum {
    ROWS_LANES = 16,
};

RNN_INLINE void row_clear(int n, real *x)
{
    for (int i = 0; i < n; i++) x[i] = 0;
}

RNN_INLINE void row_copy(int n, const real *from, real *to)
{
    for (int i = 0; i < n; i++) to[i] = from[i];
}

/* Copies the K x N matrix W[k*wk + n*wn] into rows of `ld` numbers, in blocks, since one of the two is read across. */
RNN_NO_INLINE void pack_table(int K, int N, const real *W, size_t wk, size_t wn, real *table, size_t ld)
{
    for (int k0 = 0; k0 < K; k0 += ROWS_LANES) {
        const int end = K - k0 < ROWS_LANES ? K : k0 + ROWS_LANES;
        for (int n = 0; n < N; n++) {
            for (int k = k0; k < end; k++) table[(size_t)k * ld + (size_t)n] = W[(size_t)k * wk + (size_t)n * wn];
        }
    }
}

/* The largest element; NaN where there is one; -infinity of none. */
RNN_INLINE real row_max(int n, const real *x)
{
    real lane[ROWS_LANES];
    real max;
    int i = 0;
    if (n <= 0) return real_minus_infinity();
    max = x[0];
    if (n >= ROWS_LANES) {
        for (int j = 0; j < ROWS_LANES; j++) lane[j] = x[j];
        for (i = ROWS_LANES; i + ROWS_LANES <= n; i += ROWS_LANES) {
            for (int j = 0; j < ROWS_LANES; j++) lane[j] = real_max(lane[j], x[i + j]);
        }
        for (int j = 0; j < ROWS_LANES; j++) max = real_max(max, lane[j]);
    }
    for (; i < n; i++) max = real_max(max, x[i]);
    return max;
}

RNN_INLINE real row_sum(int n, const real *x)
{
    real lane[ROWS_LANES] = {0};
    real sum = 0;
    int i = 0;
    for (; i + 4 * ROWS_LANES <= n; i += 4 * ROWS_LANES) { /* each addition to a lane waits for the one before */
        for (int j = 0; j < ROWS_LANES; j++)
            lane[j] += (x[i + j] + x[i + ROWS_LANES + j]) + (x[i + 2 * ROWS_LANES + j] + x[i + 3 * ROWS_LANES + j]);
    }
    for (; i + ROWS_LANES <= n; i += ROWS_LANES) {
        for (int j = 0; j < ROWS_LANES; j++) lane[j] += x[i + j];
    }
    for (; i < n; i++) sum += x[i];
    for (int half = ROWS_LANES / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) lane[j] += lane[j + half];
    }
    return sum + lane[0];
}

/* The sum over j of e^(z[j] - max), all of which go to p where p is not NULL. p may be z. */
RNN_INLINE real row_exp_sum(int n, const real *z, real max, real *p)
{
    real lane[ROWS_LANES] = {0};
    real e[ROWS_LANES];
    real rest = 0;
    int i = 0;
    for (; i + ROWS_LANES <= n; i += ROWS_LANES) {
        for (int j = 0; j < ROWS_LANES; j++) e[j] = real_exp(z[i + j] - max);
        for (int j = 0; j < ROWS_LANES; j++) lane[j] += e[j];
        if (p) row_copy(ROWS_LANES, e, p + i);
    }
    if (i < n) {
        const int left = n - i;
        RNN_INDEPENDENT
        for (int j = 0; j < left; j++) e[j] = real_exp(z[i + j] - max);
        for (int j = 0; j < left; j++) rest += e[j];
        if (p) row_copy(left, e, p + i);
    }
    return n < ROWS_LANES ? rest : rest + row_sum(ROWS_LANES, lane);
}

/* p[i] = e^(z[i] - m) / sum over j of e^(z[j] - m), m = max z, which does not overflow. All zeros where every z is
 * -infinity. p may be z. Returns the sum below the line, 0 where every z is -infinity. */
RNN_INLINE real row_softmax_sum(int n, const real *z, real *p, real *max)
{
    real sum, scale;
    *max = row_max(n, z);
    if (real_to_bits(*max) == real_to_bits(real_minus_infinity())) {
        row_clear(n, p);
        return 0;
    }
    sum = row_exp_sum(n, z, *max, p);
    scale = 1 / sum;
    for (int i = 0; i < n; i++) p[i] *= scale;
    return sum;
}

/* The same; needs no logarithm. */
RNN_INLINE void row_softmax(int n, const real *z, real *p)
{
    real max;
    (void)row_softmax_sum(n, z, p, &max);
}

/* The same; returns log of the sum over j of e^z[j], as row_logsumexp does. */
RNN_INLINE real row_softmax_logsumexp(int n, const real *z, real *p)
{
    real max;
    const real sum = row_softmax_sum(n, z, p, &max);
    return sum == 0 ? max : max + real_log(sum);
}

/* log of the sum over j of e^z[j]; -infinity where n is 0 or every z is -infinity. */
RNN_INLINE real row_logsumexp(int n, const real *z)
{
    const real max = row_max(n, z);
    if (real_to_bits(max) == real_to_bits(real_minus_infinity())) return max;
    return max + real_log(row_exp_sum(n, z, max, NULL));
}

#endif
