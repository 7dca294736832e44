/* init.h: initial values of parameters. Stands after random.h. */
#ifndef RUNTIME_KERNELS_INIT_H
#define RUNTIME_KERNELS_INIT_H

/* w[i] = value. */
RNN_NO_INLINE void init_constant(real *w, size_t n, real value)
{
    for (size_t i = 0; i < n; i++) w[i] = value;
}

/* Uniform in [-a, a). */
RNN_NO_INLINE void init_uniform(real *w, size_t n, real a, uint64_t key)
{
    for (size_t i = 0; i < n; i++) w[i] = a * (2 * random_at(key, 0, i) - 1);
}

/* Normal with mean 0 and standard deviation s, by Box and Muller: sqrt(-2 ln u) cos(2 pi v), u in (0, 1]. */
RNN_NO_INLINE void init_normal(real *w, size_t n, real s, uint64_t key)
{
    for (size_t i = 0; i < n; i++) {
        const real u = 1 - random_at(key, 0, i);
        const real v = random_at(key, 1, i);
        w[i] = s * real_sqrt(-2 * real_log(u)) * real_cos((real)6.283185307179586 * v);
    }
}

/* Glorot and Bengio 2010: uniform in [-a, a), a = sqrt(6 / (rows + cols)). */
RNN_NO_INLINE void init_glorot(real *w, int rows, int cols, uint64_t key)
{
    init_uniform(w, (size_t)rows * (size_t)cols, real_sqrt(6 / ((real)rows + (real)cols)), key);
}

/* 1 on the diagonal, 0 elsewhere; w is rows x cols. */
RNN_NO_INLINE void init_identity(real *w, int rows, int cols)
{
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < cols; j++) w[(size_t)i * (size_t)cols + (size_t)j] = i == j ? 1 : 0;
    }
}

/* a . b over n elements that lie `stride` apart. */
RNN_INLINE real random_dot(int n, size_t stride, const real *a, const real *b)
{
    real sum = 0;
    for (int i = 0; i < n; i++) sum += a[(size_t)i * stride] * b[(size_t)i * stride];
    return sum;
}

/* Orthonormal rows where rows <= cols, orthonormal columns otherwise (Saxe et al. 2014): normal numbers, made
 * orthogonal by Gram and Schmidt's modified process, each vector twice, which suffices (Giraud et al. 2005). */
RNN_NO_INLINE void init_orthogonal(real *w, int rows, int cols, uint64_t key)
{
    const int by_rows = rows <= cols;
    const int count = by_rows ? rows : cols, n = by_rows ? cols : rows;
    const size_t next = by_rows ? (size_t)cols : 1;   /* from a vector to the next */
    const size_t stride = by_rows ? 1 : (size_t)cols; /* from an element to the next */
    init_normal(w, (size_t)rows * (size_t)cols, 1, key);
    for (int i = 0; i < count; i++) {
        real *v = w + (size_t)i * next;
        for (int pass = 0; pass < 2; pass++) {
            for (int j = 0; j < i; j++) {
                const real *u = w + (size_t)j * next;
                const real d = random_dot(n, stride, u, v);
                for (int k = 0; k < n; k++) v[(size_t)k * stride] -= d * u[(size_t)k * stride];
            }
            const real norm = real_sqrt(random_dot(n, stride, v, v));
            for (int k = 0; k < n; k++) v[(size_t)k * stride] /= norm;
        }
    }
}

#endif
