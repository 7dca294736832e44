/* draw.c: see draw.h. */
typedef double real;
#define REAL_IS_DOUBLE 1
#include "oracle/draw.h"
#include "kernels/inline.h"
#include "kernels/compiler.h"
#include "kernels/functions.h"
#include "kernels/random.h"

/* FNV-1a with 64 bits (Fowler, Noll, Vo). */
static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++) h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

uint64_t draw_key(const char *path, uint64_t seed, uint64_t update) { return random_key(hash(path), seed, update); }

uint64_t draw_row(uint64_t key, uint64_t sequence, uint64_t step) { return random_row(key, sequence, step); }

double draw_uniform(uint64_t row, uint32_t component) { return random_uniform(row, component); }
