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

#endif
