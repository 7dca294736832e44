/* arrays.h: the arrays of a data file, held against a model.
 *
 * A file holds one array for each input and target: (N, ...) without time, (N, T, ...) over one axis, (N, T, S, ...)
 * over two, the shape of the value last. Integer arrays NAME_lengths give the lengths of sequences: (N) for a NAME over
 * one axis, (N, number of axes) over several; several for one axis must agree. What lies beyond a length is padding:
 * anything may stand there. Inside, tokens are in range and reals are not NaN. */
#ifndef TRAIN_ARRAYS_H
#define TRAIN_ARRAYS_H

#include "train/tensor.h"
#include "train/trainable.h"

/* What a file is held against. */
typedef struct array_rules {
    const train_value *value; /* inputs and targets */
    size_t values;
    int axes;                     /* time axes */
    const char *const *axis_name; /* [axis]: one small letter; its length is the capital */
    bool targets_optional;
    size_t real_size; /* of the reals that are computed with: a float cannot be all that a file may hold */
    bool nan_allowed; /* numbers that are not finite are a warning and no fault */
} array_rules;

typedef struct array_set {
    const char *path; /* of the file, for messages */
    const tensors *data;
    const tensor **array; /* of each value; NULL: a target that is not there */
    size_t sequences;
    size_t steps[TRAIN_MAX_AXES + 1]; /* of each time axis; given, or 0: an array says */
    int *lengths[TRAIN_MAX_AXES + 1]; /* [sequences]; NULL: all full */
    bool targets;                     /* every target is there */
    char *warning;                    /* one line about numbers that are not finite, where they are allowed; NULL */
} array_set;

/* Fills in the rest of *s. False: *error is one clear line. arrays_free either way; path and data stay the caller's. */
bool arrays_check(array_set *s, const array_rules *r, char **error);
void arrays_free(array_set *s);

/* What the lengths of NAME are called: NAME and this. How long NAME is in such a word; 0: the word is none. */
#define LENGTHS_SUFFIX "_lengths"
size_t lengths_stem(const char *word);

/* Steps of a value over its axes. */
size_t arrays_rows(const array_set *s, const array_rules *r, const train_value *v);

/* `count` elements of an array from `first` on, as tokens (-1: none of `classes`; such as may stand in the padding), or
 * as reals of 4 or 8 bytes. */
void arrays_tokens(const tensor *t, size_t first, size_t count, size_t classes, int *out);
void arrays_reals(const tensor *t, size_t first, size_t count, size_t real_size, void *out);

/* The fewest steps that labels of ctc can be aligned with: one each, and a blank between equal ones. */
size_t alignment_steps(const int *labels, size_t stride, size_t count);

#endif
