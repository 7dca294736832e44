/* hash.h: FNV-1a (Fowler, Noll and Vo), 64 bits. Each step is a bijection of the hash so far, so that one changed byte
 * never goes unnoticed. The runtime includes nothing of the compiler, so base/hash.h says it again. */
#ifndef TRAIN_HASH_H
#define TRAIN_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) hash = (hash ^ at[i]) * HASH_PRIME;
    return hash;
}

#endif
