/* places.h: names for where each parameter and each packed matrix lies: the code says `params + AT_b`, and not 96.
 *
 * The caller's arrays have every parameter in `params`, `grads`, every matrix in `packed`. Where the weights are part
 * of the code, one array has both: see weights.h. */
#ifndef EMIT_PLACES_H
#define EMIT_PLACES_H

#include "emit/writer.h"

typedef struct weight_place {
    const char *name;      /* "AT_Wi": the enumerator */
    const char *what;      /* of the spec: "Wi (8, 4)"; NULL: there is none, or nothing reads it */
    size_t count, offset;  /* reals; of integers: words */
    bool integers;         /* in the array of matrices */
    const double *reals;   /* what lies there; */
    const uint32_t *words; /* of integers: see weights.h */
} weight_place;

enum { WORD_BITS = 32 };

typedef struct places {
    weight_place *params;            /* by number of the parameter */
    weight_place *packings;          /* by number of the packing; those of a call have none */
    weight_place *scales;            /* likewise; there where the packing is integers */
    weight_place *rows, *row_scales; /* by places_table: tables of integers that lookups read, and their scales */
    size_t param_count, packing_count;
} places;

/* Names the places, those of the caller's arrays. Of integers of so many bits: with a place for scales. */
places *places_new(arena *a, const emit_model *m, int bits);

/* The parameter that has this column of all parameters. */
size_t places_param(const places *p, size_t column);

/* The number of the table that a lookup reads, in places.rows; -1: it is none of integers. */
int places_table(const places *p, const graph *g, const node *lookup);

/* Place number `i` of all: packed matrices, scales, tables, their scales, parameters; NULL after the last. */
weight_place *places_all(const places *p, size_t i);

/* The enumerators of some of them: those of reals, or those of integers. */
void places_write(text *out, const weight_place *all, size_t count, bool integers, const char *comment);

#endif
