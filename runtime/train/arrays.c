/* arrays.c: every fault of a data file is found here, before anything is computed; see arrays.h. */
#define _GNU_SOURCE 1
#include "train/arrays.h"
#include "train/fault.h"
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct checker {
    array_set *s;
    const array_rules *r;
    char **error;
    const char *sequences_from; /* the array that said how many */
    const char *steps_from[TRAIN_MAX_AXES + 1];
    const char *lengths_from[TRAIN_MAX_AXES + 1];
} checker;

static bool has_axis(const train_value *v, int axis) { return v->axes >> axis & 1; }

static size_t time_axes(const checker *c, const train_value *v)
{
    size_t n = 0;
    for (int i = 1; i <= c->r->axes; i++) n += has_axis(v, i);
    return n;
}

/* The length of axis t is T. */
static char capital(const checker *c, int axis) { return (char)toupper((unsigned char)c->r->axis_name[axis][0]); }

size_t arrays_rows(const array_set *s, const array_rules *r, const train_value *v)
{
    size_t rows = 1;
    for (int i = 1; i <= r->axes; i++)
        if (has_axis(v, i)) rows *= s->steps[i];
    return rows;
}

/* Is the row-major step inside the sequence? */
static bool inside(const array_set *s, const array_rules *r, const train_value *v, size_t sequence, size_t step)
{
    for (int i = r->axes; i >= 1; i--) {
        if (s->lengths[i] && s->lengths[i][sequence] == 0) return false; /* absent, along whatever axis */
        if (!has_axis(v, i)) continue;
        size_t at = step % s->steps[i];
        step /= s->steps[i];
        if (s->lengths[i] && at >= (size_t)s->lengths[i][sequence]) return false;
    }
    return true;
}

/* ---- text for messages, malloc'ed -------------------------------------------------------------------------------- */

/* "(N, T, 8)": the array that a value is in a file. */
static char *wanted_shape(const checker *c, const train_value *v)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (!f) return NULL;
    fputs("(N", f);
    for (int i = 1; i <= c->r->axes; i++)
        if (has_axis(v, i)) fprintf(f, ", %c", capital(c, i));
    for (int i = 0; i < v->rank; i++) fprintf(f, ", %zu", v->dims[i]);
    fputs(")", f);
    fclose(f);
    return text;
}

/* "sequence 2 (the first is 0), t = 7": the place of a value; steps count from 1, as in the language. */
static char *place_text(const checker *c, const train_value *v, size_t sequence, size_t step)
{
    size_t at[TRAIN_MAX_AXES + 1] = {0}, n;
    for (int i = c->r->axes; i >= 1; i--)
        if (has_axis(v, i)) {
            at[i] = step % c->s->steps[i] + 1;
            step /= c->s->steps[i];
        }
    char *text = NULL;
    FILE *f = open_memstream(&text, &n);
    if (!f) return NULL;
    fprintf(f, "sequence %zu (the first is 0)", sequence);
    for (int i = 1; i <= c->r->axes; i++)
        if (has_axis(v, i)) fprintf(f, ", %s = %zu", c->r->axis_name[i], at[i]);
    fclose(f);
    return text;
}

/* ---- what is there ----------------------------------------------------------------------------------------------- */

static const train_value *find_value(const checker *c, const char *word, size_t length)
{
    for (size_t i = 0; i < c->r->values; i++)
        if (strlen(c->r->value[i].name) == length && strncmp(c->r->value[i].name, word, length) == 0)
            return &c->r->value[i];
    return NULL;
}

size_t lengths_stem(const char *word)
{
    size_t n = strlen(word), tail = strlen(LENGTHS_SUFFIX);
    return n > tail && strcmp(word + n - tail, LENGTHS_SUFFIX) == 0 ? n - tail : 0;
}

/* The value whose lengths an array of this word holds, or NULL. An input may itself be called x_lengths. */
static const train_value *lengths_of(const checker *c, const char *word)
{
    size_t stem = lengths_stem(word);
    if (!stem || find_value(c, word, strlen(word))) return NULL;
    return find_value(c, word, stem);
}

/* An array that belongs to nothing: most often a name that is not quite right. */
static bool unknown_name(const checker *c, const char *word)
{
    char *names = NULL;
    size_t n;
    FILE *f = open_memstream(&names, &n);
    for (size_t i = 0; f && i < c->r->values; i++) fprintf(f, "%s'%s'", i ? ", " : "", c->r->value[i].name);
    if (f) fclose(f);
    fault_set(c->error,
              "%s: the model has no input or target '%s'; it has %s, and lengths as NAME" LENGTHS_SUFFIX
              ": rename the array, or leave it out",
              c->s->path, word, f && names ? names : "others");
    free(names);
    return false;
}

static bool check_names(const checker *c)
{
    array_set *s = c->s;
    for (size_t i = 0; i < s->data->len; i++) {
        const char *word = s->data->data[i].name;
        if (!find_value(c, word, strlen(word)) && !lengths_of(c, word)) return unknown_name(c, word);
    }
    for (size_t i = 0; i < c->r->values; i++) {
        const train_value *v = &c->r->value[i];
        s->array[i] = tensors_find(s->data, v->name);
        if (s->array[i]) continue;
        s->targets = s->targets && !v->target;
        if (v->target && c->r->targets_optional) continue;
        char *shape = wanted_shape(c, v);
        fault_set(c->error, "%s: the %s '%s' is missing; it is an array of shape %s", s->path,
                  v->target ? "target" : "input", v->name, shape ? shape : "?");
        free(shape);
        return false;
    }
    return true;
}

/* An array's extent; an error where two arrays disagree. */
static bool set_extent(const checker *c, size_t *extent, const char **from, char what, const char *word, size_t found)
{
    const char *path = c->s->path;
    if (found == 0) return fault_set(c->error, "%s: '%s' is empty: %c = 0", path, word, what);
    if (found > INT_MAX / 2) return fault_set(c->error, "%s: '%s' is too large: %c = %zu", path, word, what, found);
    if (*extent && *extent != found && *from)
        return fault_set(c->error, "%s: '%s' has %c = %zu, but '%s' has %c = %zu", path, word, what, found, *from, what,
                         *extent);
    if (*extent && *extent != found)
        return fault_set(c->error, "%s: '%s' has %c = %zu, but --steps says %c = %zu", path, word, what, found, what,
                         *extent);
    if (*extent) return true;
    *extent = found;
    *from = word;
    return true;
}

/* A number a step and a vector of one component differ in a dimension of 1: the type that such an array has. */
static const char *type_of(const train_value *v, const tensor *t, size_t axes)
{
    bool one = v->rank == 1 && v->dims[0] == 1;
    if (v->token) return NULL;
    if (one && t->rank == axes) return "real";
    return v->rank == 0 && t->rank == axes + 1 && t->dims[axes] == 1 ? "real(1)" : NULL;
}

static bool check_shape(checker *c, const train_value *v, const tensor *t)
{
    array_set *s = c->s;
    size_t axes = time_axes(c, v) + 1;
    bool fits = t->rank == axes + (size_t)v->rank;
    for (size_t i = 0; fits && i < (size_t)v->rank; i++) fits = t->dims[axes + i] == v->dims[i];
    if (!fits) {
        char *found = shape_to_text(t->rank, t->dims), *wanted = wanted_shape(c, v);
        const char *type = type_of(v, t, axes);
        fault_set(c->error, "%s: '%s' has shape %s, expected %s%s%s%s", s->path, v->name, found ? found : "?",
                  wanted ? wanted : "?", type ? "; the type that has this shape is '" : "", type ? type : "",
                  type ? "'" : "");
        free(found);
        free(wanted);
        return false;
    }
    if (v->token && !dtype_is_integer(t->dtype))
        return fault_set(c->error, "%s: '%s' is %s, but tokens are integers; store it as int64", s->path, v->name,
                         dtype_name(t->dtype));
    if (!v->token && !dtype_is_real(t->dtype))
        return fault_set(c->error, "%s: '%s' is %s, but reals are floats; store it as float32", s->path, v->name,
                         dtype_name(t->dtype));
    bool ok = set_extent(c, &s->sequences, &c->sequences_from, 'N', v->name, t->dims[0]);
    for (int i = 1, d = 1; ok && i <= c->r->axes; i++)
        if (has_axis(v, i)) ok = set_extent(c, &s->steps[i], &c->steps_from[i], capital(c, i), v->name, t->dims[d++]);
    return ok;
}

/* ---- lengths ----------------------------------------------------------------------------------------------------- */

/* One column of lengths, for one axis: that of sequence n stands at data[n * stride]. */
static bool read_lengths(checker *c, const tensor *t, int axis, const int64_t *data, size_t stride)
{
    array_set *s = c->s;
    const char *letter = c->r->axis_name[axis];
    bool first = !s->lengths[axis];
    if (first) {
        s->lengths[axis] = malloc(s->sequences * sizeof *s->lengths[axis]);
        if (!s->lengths[axis]) return fault_no_memory(c->error);
        c->lengths_from[axis] = t->name;
    }
    for (size_t n = 0; n < s->sequences; n++) {
        int64_t length = data[n * stride];
        if ((uint64_t)length > s->steps[axis]) /* so is a negative one */
            return fault_set(c->error, "%s: '%s': sequence %zu has length %lld along %s, but the arrays have %zu steps",
                             s->path, t->name, n, (long long)length, letter, s->steps[axis]);
        if (first)
            s->lengths[axis][n] = (int)length;
        else if (s->lengths[axis][n] != length)
            return fault_set(c->error, "%s: '%s' and '%s' disagree: sequence %zu has length %d and %lld along %s",
                             s->path, c->lengths_from[axis], t->name, n, s->lengths[axis][n], (long long)length,
                             letter);
    }
    return true;
}

static bool check_lengths_shape(const checker *c, const tensor *t, size_t axes)
{
    bool fits = t->rank == (axes == 1 ? 1 : 2) && t->dims[0] == c->s->sequences && (axes == 1 || t->dims[1] == axes);
    if (fits) return true;
    char *found = shape_to_text(t->rank, t->dims);
    if (axes == 1)
        fault_set(c->error, "%s: '%s' has shape %s, expected (%zu)", c->s->path, t->name, found ? found : "?",
                  c->s->sequences);
    else
        fault_set(c->error, "%s: '%s' has shape %s, expected (%zu, %zu)", c->s->path, t->name, found ? found : "?",
                  c->s->sequences, axes);
    free(found);
    return false;
}

static bool read_length_array(checker *c, const tensor *t, const train_value *v)
{
    const char *path = c->s->path;
    size_t axes = time_axes(c, v), bad;
    if (!tensors_find(c->s->data, v->name))
        return fault_set(c->error, "%s: '%s' is there, but '%s' is not", path, t->name, v->name);
    if (axes == 0)
        return fault_set(c->error, "%s: '%s' has no length: it has no time axis; leave '%s' out", path, v->name,
                         t->name);
    if (!check_lengths_shape(c, t, axes)) return false;
    int64_t *data = malloc((t->count + 1) * sizeof *data);
    if (!data) return fault_no_memory(c->error);
    bool ok = dtype_is_integer(t->dtype) && tensor_to_int64(t, data, &bad);
    if (!ok)
        fault_set(c->error, "%s: '%s' is %s, but lengths are integers; store it as int64", path, t->name,
                  dtype_name(t->dtype));
    for (int i = 1, column = 0; ok && i <= c->r->axes; i++)
        if (has_axis(v, i)) ok = read_lengths(c, t, i, data + column++, axes);
    free(data);
    return ok;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* A part of an array, as an array without a shape. */
static tensor slice(const tensor *t, size_t first, size_t count)
{
    size_t size = dtype_size(t->dtype);
    return (tensor){.name = t->name,
                    .dtype = t->dtype,
                    .rank = 1,
                    .dims = {count},
                    .count = count,
                    .bytes = count * size,
                    .data = (char *)t->data + first * size};
}

/* One by one: what does not fit 63 bits may be padding. */
static int64_t token_at(const tensor *t, size_t at)
{
    int64_t v;
    size_t bad;
    tensor one = slice(t, at, 1);
    return tensor_to_int64(&one, &v, &bad) ? v : INT64_MAX;
}

void arrays_tokens(const tensor *t, size_t first, size_t count, size_t classes, int *out)
{
    for (size_t i = 0; i < count; i++) {
        int64_t v = token_at(t, first + i);
        out[i] = v >= 0 && (uint64_t)v < classes ? (int)v : -1;
    }
}

void arrays_reals(const tensor *t, size_t first, size_t count, size_t real_size, void *out)
{
    tensor part = slice(t, first, count);
    if (real_size == sizeof(double))
        tensor_to_double(&part, out);
    else
        tensor_to_float(&part, out);
}

static bool check_tokens(const checker *c, const train_value *v, const tensor *t)
{
    array_set *s = c->s;
    size_t rows = arrays_rows(s, c->r, v);
    for (size_t n = 0; n < s->sequences; n++)
        for (size_t k = 0; k < rows; k++) {
            int64_t token = token_at(t, n * rows + k);
            if ((token >= 0 && (uint64_t)token < v->classes) || !inside(s, c->r, v, n, k)) continue;
            char *place = place_text(c, v, n, k);
            fault_set(c->error, "%s: '%s' holds the token %lld at %s, expected 0 to %zu", s->path, v->name,
                      (long long)token, place ? place : "?", v->classes - 1);
            free(place);
            return false;
        }
    return true;
}

size_t alignment_steps(const int *labels, size_t stride, size_t count)
{
    size_t steps = count;
    for (size_t i = 1; i < count; i++) steps += labels[i * stride] == labels[(i - 1) * stride];
    return steps;
}

/* Labels of ctc: no blank among them, and steps enough to say them in. */
static bool check_alignment(const checker *c, const train_value *v, const tensor *t)
{
    array_set *s = c->s;
    size_t rows = arrays_rows(s, c->r, v);
    int *labels = malloc((rows + 1) * sizeof *labels);
    if (!labels) return fault_no_memory(c->error);
    bool ok = true;
    for (size_t n = 0; ok && n < s->sequences; n++) {
        size_t count = 0, steps = s->lengths[v->aligned] ? (size_t)s->lengths[v->aligned][n] : s->steps[v->aligned];
        while (count < rows && inside(s, c->r, v, n, count)) count++;
        arrays_tokens(t, n * rows, count, v->classes, labels);
        size_t needed = alignment_steps(labels, 1, count);
        for (size_t i = 0; ok && i < count; i++)
            if (labels[i] == v->blank)
                ok = fault_set(c->error, "%s: '%s': sequence %zu holds the blank of 'ctc', %d, as label %zu", s->path,
                               v->name, n, v->blank, i);
        if (ok && steps && needed > steps)
            ok = fault_set(c->error,
                           "%s: '%s': the %zu labels of sequence %zu need %zu steps along %s, and it has %zu: 'ctc' "
                           "wants a step for each, and one between equal ones",
                           s->path, v->name, count, n, needed, c->r->axis_name[v->aligned], steps);
    }
    free(labels);
    return ok;
}

static bool is_beyond(const checker *c, double x)
{
    return c->r->real_size == sizeof(float) && isfinite(x) && !isfinite((float)x);
}

/* A number of a row that is none to compute with. True: it was a warning, the first of its kind. */
static bool report_real(const checker *c, const train_value *v, size_t sequence, size_t step, size_t component,
                        double x)
{
    array_set *s = c->s;
    char *place = place_text(c, v, sequence, step);
    const char *at = place ? place : "?";
    bool allowed = c->r->nan_allowed && !is_beyond(c, x);
    if (is_beyond(c, x))
        fault_set(c->error,
                  "%s: '%s' holds %g at %s, component %zu, which is more than a float can be: --real double computes "
                  "with it",
                  s->path, v->name, x, at, component);
    else if (!allowed || !s->warning)
        fault_set(allowed ? &s->warning : c->error,
                  "%s: '%s' holds %s at %s, component %zu; replace it, or mark the end of the sequence in "
                  "'%s" LENGTHS_SUFFIX "'",
                  s->path, v->name, isnan(x) ? "NaN" : "an infinite number", at, component, v->name);
    free(place);
    return allowed;
}

/* A NaN or an infinity in a target or an input would make every later parameter NaN, and makes NaN of what is computed
 * from it where nothing is trained; in the padding it is nothing. What is beyond the reals that are computed with would
 * be an infinity that the file does not have. */
static bool check_reals(const checker *c, const train_value *v, const tensor *t)
{
    array_set *s = c->s;
    size_t rows = arrays_rows(s, c->r, v), size = v->components;
    double *row = malloc(size * sizeof *row);
    if (!row) return fault_no_memory(c->error);
    bool ok = true;
    for (size_t n = 0; ok && n < s->sequences; n++)
        for (size_t k = 0; ok && k < rows; k++) {
            if (!inside(s, c->r, v, n, k)) continue;
            arrays_reals(t, (n * rows + k) * size, size, sizeof *row, row);
            for (size_t i = 0; ok && i < size; i++)
                if (!isfinite(row[i]) || is_beyond(c, row[i])) ok = report_real(c, v, n, k, i, row[i]);
        }
    free(row);
    return ok;
}

bool arrays_check(array_set *s, const array_rules *r, char **error)
{
    checker c = {.s = s, .r = r, .error = error};
    s->array = calloc(r->values + 1, sizeof *s->array);
    s->targets = true;
    if (!s->array) return fault_no_memory(error);
    bool ok = check_names(&c);
    for (size_t i = 0; ok && i < r->values; i++)
        if (s->array[i]) ok = check_shape(&c, &r->value[i], s->array[i]);
    for (size_t i = 0; ok && i < s->data->len; i++) {
        const train_value *v = lengths_of(&c, s->data->data[i].name);
        if (v) ok = read_length_array(&c, &s->data->data[i], v);
    }
    for (size_t i = 0; ok && i < r->values; i++) {
        if (!s->array[i]) continue;
        if (r->value[i].token)
            ok = check_tokens(&c, &r->value[i], s->array[i]);
        else
            ok = check_reals(&c, &r->value[i], s->array[i]);
        if (ok && r->value[i].aligned) ok = check_alignment(&c, &r->value[i], s->array[i]);
    }
    return ok;
}

void arrays_free(array_set *s)
{
    free(s->array);
    free(s->warning);
    for (int i = 0; i <= TRAIN_MAX_AXES; i++) free(s->lengths[i]);
    *s = (array_set){0};
}
