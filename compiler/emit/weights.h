/* weights.h: parameters that are part of the generated C: where each lies, and the arrays or the file that hold them.
 *
 * One array `weights` has every matrix as its kernel reads it, and every parameter that is read as it is. The code
 * names places in it, `weights + AT_Wi`; those that no function mentions are left out. */
#ifndef EMIT_WEIGHTS_H
#define EMIT_WEIGHTS_H

#include "emit/writer.h"

typedef struct weights_part {
    const char *place;    /* "AT_Wi": the enumerator */
    const char *what;     /* of the spec: "Wi (8, 4)" */
    size_t count, offset; /* reals; both 0: nothing reads it */
    double *values;
} weights_part;

typedef struct weights_table {
    const char *base;       /* the array in scope of the functions */
    weights_part *params;   /* by number of the parameter */
    weights_part *packings; /* by number of the packing; in_call ones are empty */
    size_t param_count, packing_count;
    size_t total; /* reals */
} weights_table;

/* Names the places; `o->weights` has the values. */
weights_table *weights_open(arena *a, const emit_model *m, const emit_options *o, const char *base);

/* "weights + AT_b + 4": column `column` of the parameters. The rest of the column within the parameter is in
 * *column. */
const char *weights_param(arena *a, const weights_table *t, const graph *g, int *column);
const char *weights_packed(arena *a, const weights_table *t, int number);

/* Lays out what `body` mentions. */
void weights_place(weights_table *t, const char *body);

/* The enumerators of the places; the array; the function that checks the file; the file. */
void weights_write_places(text *out, const weights_table *t);
void weights_write_array(text *out, const weights_table *t, const writer *w, const char *declaration);
void weights_write_load(text *out, const weights_table *t, const emit_options *o);
unsigned char *weights_blob(arena *a, const weights_table *t, bool real_double, size_t *length);

#define WEIGHTS_MAGIC "RNNCWGTS"
enum { WEIGHTS_ALIGN = 16, WEIGHTS_BLOB_HEAD = 64, WEIGHTS_BLOB_HASHED = 40, WEIGHTS_BLOB_VERSION = 2 };

#endif
