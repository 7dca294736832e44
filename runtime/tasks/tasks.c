/* tasks.c: the tables of tasks, and from sequences to arrays; see tasks.h.
 *
 * The rows of all sequences are collected one after the other, as doubles; at the end they are laid out as data files
 * have them: (N, steps, width), 0 beyond a sequence's end, in 4 bytes an element. */
#include "tasks/tasks.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const task tasks[TASK_COUNT] = {
#define TASK(name, ...) {#name, __VA_ARGS__},
#include "tasks/tasks.def"
};

#define WHOLE TASK_WHOLE
#define REAL TASK_REAL_NUMBER
const task_parameter task_parameters[TASK_PARAMETER_COUNT] = {
#define PARAMETER(task, name, ...) {TASK_##task, #name, __VA_ARGS__},
#include "tasks/tasks.def"
};
#undef REAL

#define TOKEN DTYPE_I32
#define REAL DTYPE_F32
#define EXACT DTYPE_F64
#define ONE TASK_ONE
#define STEPS TASK_STEPS
#define VARIED TASK_VARIED
const task_array task_arrays[TASK_ARRAY_COUNT] = {
#define TENSOR(task, name, ...) {TASK_##task, #name, __VA_ARGS__},
#include "tasks/tasks.def"
};

static const struct {
    task_parameter_id least, most;
} ordered[] = {
#define ORDERED(task, a, b) {TASK_PARAMETER_##task##_##a, TASK_PARAMETER_##task##_##b},
#include "tasks/tasks.def"
};

static void (*const makers[TASK_COUNT])(task_sequence *) = {
#define TASK(name, ...) task_##name,
#include "tasks/tasks.def"
};

void task_values(double value[TASK_PARAMETER_COUNT])
{
    for (int i = 0; i < TASK_PARAMETER_COUNT; i++) value[i] = task_parameters[i].value;
}

size_t task_whole(const task_sequence *s, task_parameter_id parameter) { return (size_t)s->parameter[parameter]; }

void task_put(task_sequence *s, task_array_id array, double value)
{
    task_rows *r = &s->rows[array];
    if (r->len == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 1024;
        double *more = cap > SIZE_MAX / sizeof *more / 2 ? NULL : realloc(r->value, cap * sizeof *more);
        if (!more) {
            s->failed = true;
            return;
        }
        r->value = more;
        r->cap = cap;
    }
    r->value[r->len++] = value;
}

/* ---- from rows to arrays ----------------------------------------------------------------------------------------- */

static void store(tensor *t, size_t i, double value)
{
    if (t->dtype == DTYPE_I32) ((int32_t *)t->data)[i] = (int32_t)value;
    if (t->dtype == DTYPE_F32) ((float *)t->data)[i] = (float)value;
    if (t->dtype == DTYPE_F64) ((double *)t->data)[i] = value;
}

static size_t longest(const int32_t *length, size_t count)
{
    size_t most = 0;
    for (size_t n = 0; n < count; n++)
        if ((size_t)length[n] > most) most = (size_t)length[n];
    return most;
}

/* One array and, where its sequences differ in length, their lengths. */
static bool add_array(tensors *out, const task_array *a, const task_rows *rows, const int32_t *length, size_t count)
{
    char word[64];
    size_t dims[TENSOR_MAX_RANK] = {count}, rank = 1, steps = longest(length, count), at = 0;
    if (a->steps != TASK_ONE) dims[rank++] = steps;
    if (a->width > 1) dims[rank++] = a->width;
    tensor *t = tensors_add(out, a->name, a->dtype, rank, dims, NULL);
    if (!t) return false;
    for (size_t n = 0; n < count; n++)
        for (size_t i = 0; i < (size_t)length[n] * a->width; i++) store(t, n * steps * a->width + i, rows->value[at++]);
    snprintf(word, sizeof word, "%s_lengths", a->name);
    return a->steps != TASK_VARIED || tensors_add(out, word, DTYPE_I32, 1, dims, length);
}

/* Makes the sequences; length[array][n] are their steps. */
static bool make_rows(task_id which, const double *value, uint64_t seed, size_t first, size_t count, task_rows *rows,
                      int32_t **length)
{
    task_sequence s = {.parameter = value, .rows = rows};
    for (size_t n = 0; n < count && !s.failed; n++) {
        size_t before[TASK_ARRAY_COUNT];
        for (int i = 0; i < TASK_ARRAY_COUNT; i++) before[i] = rows[i].len;
        s.chance = chance_open(tasks[which].name, seed, first + n);
        makers[which](&s);
        for (int i = 0; i < TASK_ARRAY_COUNT; i++)
            if (task_arrays[i].task == which)
                length[i][n] = (int32_t)((rows[i].len - before[i]) / task_arrays[i].width);
    }
    return !s.failed;
}

bool task_agrees(task_id which, const double value[TASK_PARAMETER_COUNT], task_parameter_id *a, task_parameter_id *b)
{
    for (size_t i = 0; i < sizeof ordered / sizeof *ordered; i++) {
        *a = ordered[i].least;
        *b = ordered[i].most;
        if (task_parameters[*a].task == which && value[*a] > value[*b]) return false;
    }
    return true;
}

bool task_make(task_id which, const double value[TASK_PARAMETER_COUNT], uint64_t seed, size_t first, size_t count,
               tensors *out)
{
    task_rows rows[TASK_ARRAY_COUNT] = {{0}};
    int32_t *length[TASK_ARRAY_COUNT] = {0};
    bool good = true;
    for (int i = 0; good && i < TASK_ARRAY_COUNT; i++)
        if (task_arrays[i].task == which) good = (length[i] = calloc(count + 1, sizeof **length)) != NULL;
    good = good && make_rows(which, value, seed, first, count, rows, length);
    for (int i = 0; good && i < TASK_ARRAY_COUNT; i++)
        if (task_arrays[i].task == which) good = add_array(out, &task_arrays[i], &rows[i], length[i], count);
    for (int i = 0; i < TASK_ARRAY_COUNT; i++) {
        free(rows[i].value);
        free(length[i]);
    }
    return good || tensors_fail(out, "there is no memory for %zu sequences; make fewer with --count", count);
}
