/* weights.h: parameters that are part of the generated C: where each lies, and the arrays or the file that hold them.
 *
 * One array `weights` has every matrix as its kernel reads it, and every parameter that is read as it is. The code
 * names places in it, `weights + AT_Wi`; those that no function uses are left out.
 *
 * With emit_options.weights_bits, matrices of products and tables of tokens stand in another array `matrices`, as
 * integers of so many bits, and `weights` has a scale for each row (of W in W @ x, or that a token chooses): the largest
 * number of the row is the largest integer. What is read as it is stays reals, of the values that the integers have. */
#ifndef EMIT_WEIGHTS_H
#define EMIT_WEIGHTS_H

#include "emit/places.h"

typedef struct weights_table {
    places *at;
    int bits;                    /* of an integer; 0: there are none */
    const char *base, *matrices; /* the arrays in scope of the functions */
    double *values;              /* of all parameters, in their order; then, as the integers have them */
    double rounding, largest;    /* of what became integers: the largest error, the largest number */
    size_t total, word_count;    /* reals in `weights`, words in `matrices` */
} weights_table;

/* Takes the values of `o->weights`. `at`: the places, which weights_place moves. */
weights_table *weights_open(arena *a, const emit_model *m, const emit_options *o, places *at, const char *prefix);

/* Reals or words from a place to the next. */
size_t weights_room(const weight_place *p);

/* Lays out what the functions use, with its numbers. */
void weights_place(weights_table *t, const writer *w);

/* The arrays, declared with `before`; the function that checks the file; the file. */
void weights_write_arrays(text *out, const weights_table *t, const writer *w, const char *before);
void weights_write_load(text *out, const weights_table *t, const emit_options *o);
unsigned char *weights_blob(arena *a, const weights_table *t, bool real_double, size_t *length);
size_t weights_blob_length(const weights_table *t, bool real_double);

enum { WEIGHTS_ALIGN = 16, WEIGHTS_BLOB_HEAD = 64, WEIGHTS_BLOB_HASHED = 40, WEIGHTS_BLOB_VERSION = 2 };

#endif
