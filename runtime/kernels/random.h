/* random.h: random numbers that are functions of what they are for.
 *
 * A mask of dropout must be the same in the forward and the backward pass, in every thread and backend. So there is
 * no generator with a state: a key, a row and a component are mixed into the number. All of it is arithmetic on
 * unsigned integers and one exact conversion: the same numbers from every compiler, in floats and in doubles.
 *
 * random_mix is the finaliser "Mix13" of D. Stafford, as in SplitMix64 (Steele, Lea, Flood: Fast splittable
 * pseudorandom number generators, 2014); random_component applies the finaliser of MurmurHash3 for 32 bits
 * (A. Appleby, public domain) twice, with half of the row before each: 32 bits, since few machines multiply vectors
 * of 64. */
#ifndef RUNTIME_KERNELS_RANDOM_H
#define RUNTIME_KERNELS_RANDOM_H

/* 2^64 over the golden ratio, odd. */
#define RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

RNN_INLINE uint64_t random_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* What the numbers are for: the place in the model, the seed of the run, the number of the update. */
RNN_INLINE uint64_t random_key(uint64_t path_hash, uint64_t seed, uint64_t update)
{
    uint64_t key = random_mix(path_hash + RANDOM_STEP);
    key = random_mix((key ^ seed) + RANDOM_STEP);
    return random_mix((key ^ update) + RANDOM_STEP);
}

/* The numbers of one sequence of the batch at one step of time. */
RNN_INLINE uint64_t random_row(uint64_t key, uint64_t sequence, uint64_t step)
{
    const uint64_t row = random_mix((key ^ sequence) + RANDOM_STEP);
    return random_mix((row ^ step) + RANDOM_STEP);
}

RNN_FORCE_INLINE uint32_t random_mix32(uint32_t x)
{
    x = (x ^ (x >> 16)) * UINT32_C(0x85ebca6b);
    x = (x ^ (x >> 13)) * UINT32_C(0xc2b2ae35);
    return x ^ (x >> 16);
}

/* 32 random bits for a component of the row. */
RNN_FORCE_INLINE uint32_t random_component(uint64_t row, uint32_t component)
{
    const uint32_t low = (uint32_t)row;
    const uint32_t high = (uint32_t)(row >> 32);
    return random_mix32(random_mix32(component * UINT32_C(0x9e3779b9) + low) ^ high);
}

/* Uniform in [0, 1): a multiple of 2^-24. */
RNN_FORCE_INLINE real random_uniform(uint64_t row, uint32_t component)
{
    return (real)(int32_t)(random_component(row, component) >> 8) * (real)(1 / 16777216.0f);
}

/* The i-th number of a stream, uniform in [0, 1); `stream` tells apart the numbers that one i needs. */
RNN_INLINE real random_at(uint64_t key, uint64_t stream, size_t i)
{
    return random_uniform(random_row(key, stream, (uint64_t)i >> 16), (uint32_t)(i & 0xffff));
}

/* w[i] = value. */
RNN_INLINE void init_constant(real *w, size_t n, real value)
{
    for (size_t i = 0; i < n; i++) w[i] = value;
}

/* Uniform in [-a, a). */
RNN_INLINE void init_uniform(real *w, size_t n, real a, uint64_t key)
{
    for (size_t i = 0; i < n; i++) w[i] = a * (2 * random_at(key, 0, i) - 1);
}

/* Normal with mean 0 and standard deviation s, by Box and Muller: sqrt(-2 ln u) cos(2 pi v), u in (0, 1]. */
RNN_INLINE void init_normal(real *w, size_t n, real s, uint64_t key)
{
    for (size_t i = 0; i < n; i++) {
        const real u = 1 - random_at(key, 0, i);
        const real v = random_at(key, 1, i);
        w[i] = s * real_sqrt(-2 * real_log(u)) * real_cos((real)6.283185307179586 * v);
    }
}

/* Glorot and Bengio 2010: uniform in [-a, a), a = sqrt(6 / (rows + cols)). */
RNN_INLINE void init_glorot(real *w, int rows, int cols, uint64_t key)
{
    init_uniform(w, (size_t)rows * (size_t)cols, real_sqrt(6 / ((real)rows + (real)cols)), key);
}

/* 1 on the diagonal, 0 elsewhere; w is rows x cols. */
RNN_INLINE void init_identity(real *w, int rows, int cols)
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
RNN_INLINE void init_orthogonal(real *w, int rows, int cols, uint64_t key)
{
    const int by_rows = rows <= cols;
    const int count = by_rows ? rows : cols, n = by_rows ? cols : rows;
    const size_t next = by_rows ? (size_t)cols : 1; /* from a vector to the next */
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
