/* weights.h: parameters that are part of the generated C: where each lies, and the arrays or the file that hold them.
 *
 * One array `weights` has every matrix as its kernel reads it, and every parameter that is read as it is. The code
 * names places in it, `weights + AT_Wi`; those that no function mentions are left out. */
#ifndef EMIT_WEIGHTS_H
#define EMIT_WEIGHTS_H

#include "emit/places.h"

typedef struct weights_table {
    places *at;
    const char *base; /* the array in scope of the functions */
    double **params;  /* values by number of the parameter */
    double **packed;  /* by number of the packing; NULL: of a call */
    size_t total;     /* reals */
} weights_table;

/* Takes the values of `o->weights`. `at`: the places, which weights_place moves. */
weights_table *weights_open(arena *a, const emit_model *m, const emit_options *o, places *at, const char *base);

/* Lays out what `body` mentions. */
void weights_place(weights_table *t, const char *body);

/* The array; the function that checks the file; the file. */
void weights_write_array(text *out, const weights_table *t, const writer *w, const char *declaration);
void weights_write_load(text *out, const weights_table *t, const emit_options *o);
unsigned char *weights_blob(arena *a, const weights_table *t, bool real_double, size_t *length);

enum { WEIGHTS_ALIGN = 16, WEIGHTS_BLOB_HEAD = 64, WEIGHTS_BLOB_HASHED = 40, WEIGHTS_BLOB_VERSION = 2 };

#endif
