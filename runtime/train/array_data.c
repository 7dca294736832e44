/* array_data.c: from the arrays of an npz file to batches in the layout of generated C; see array_data.h.
 *
 * Arrays stay as they were read; a batch is converted into the buffers of its part when it is asked for. The order of
 * an epoch is a function of seed and epoch, and is kept for as long as the epoch is the same. */
#define _GNU_SOURCE 1
typedef double real;
#define REAL_IS_DOUBLE 1
#include "train/array_data.h"
#include "kernels/inline.h"
#include "kernels/compiler.h"
#include "kernels/functions.h"
#include "kernels/random.h"
#include "train/arrays.h"
#include "train/dataset_split.h"
#include "train/fault.h"
#include "train/npz.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What random numbers are for: keys of random_key. */
enum { ORDER_OF_SEQUENCES = 1, ORDER_OF_GROUPS = 2 };

/* The batches of a part in an epoch: groups of sequences, each cut into chunks. */
typedef struct schedule {
    bool made;
    uint64_t epoch;
    size_t count, groups; /* sequences that are not absent; groups of up to `batch` of them */
    size_t *order;        /* the sequences' numbers in the file */
    size_t *start;        /* of each group in `order` */
    size_t *first_batch;  /* of each group; one more: the number of batches */
} schedule;

typedef struct sized {
    size_t number, length, place;
} sized;

typedef struct array_file {
    tensors data;
    array_set set;
} array_file;

struct array_data {
    data_options options;
    array_file file, validation;
    size_t symbols;
    const trainable *model;
    array_rules rules;
    data_split split;
    schedule schedule[PART_COUNT];
    sized *sorted; /* room for sorting by length */
    void **buffer[PART_COUNT];
    int *lengths[PART_COUNT][TRAIN_MAX_AXES + 1];
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* The integer array of lengths of an array: its own, or one of another array with as many sequences and steps; NULL. */
static const tensor *lengths_for(const tensors *data, const tensor *t)
{
    const tensor *other = NULL;
    for (size_t i = 0; t->rank >= 2 && i < data->len; i++) {
        const tensor *l = &data->data[i];
        size_t stem = lengths_stem(l->name);
        if (!stem || !dtype_is_integer(l->dtype)) continue;
        if (l->rank < 1 || l->rank > 2 || l->dims[0] != t->dims[0]) continue;
        if (l->rank == 2 && l->dims[1] + 1 > t->rank) continue;
        if (strlen(t->name) == stem && strncmp(t->name, l->name, stem) == 0) return l;
        for (size_t k = 0; l->rank == 1 && k < data->len; k++) {
            const tensor *of = &data->data[k];
            if (strlen(of->name) == stem && strncmp(of->name, l->name, stem) == 0 && of->rank >= 2 &&
                of->dims[1] == t->dims[1])
                other = l;
        }
    }
    return other;
}

/* Is element `at` of an array before the end of its sequence, as far as `lengths` say? */
static bool before_end(const tensor *t, const int64_t *length, size_t columns, size_t at)
{
    size_t index[TENSOR_MAX_RANK] = {0};
    for (size_t k = t->rank; k-- > 0; at /= t->dims[k]) index[k] = at % t->dims[k];
    for (size_t k = 0; k < columns; k++)
        if ((int64_t)index[k + 1] >= length[index[0] * columns + k]) return false;
    return true;
}

/* Raises *symbols to 1 and the largest token inside the sequences; of reals and of lengths nothing. False: no
 * memory. */
static bool largest_token(const tensors *data, const tensor *t, size_t *symbols)
{
    size_t columns = 0, bad;
    int64_t *length = NULL;
    if (!dtype_is_integer(t->dtype) || lengths_stem(t->name)) return true;
    const tensor *l = lengths_for(data, t);
    if (l) {
        length = malloc((l->count + 1) * sizeof *length);
        if (!length) return false;
        if (tensor_to_int64(l, length, &bad)) columns = l->rank == 1 ? 1 : l->dims[1];
    }
    for (size_t i = 0; i < t->count; i++) {
        int token;
        arrays_tokens(t, i, 1, INT_MAX, &token);
        if (token >= 0 && (size_t)token >= *symbols && before_end(t, length, columns, i)) *symbols = (size_t)token + 1;
    }
    free(length);
    return true;
}

static bool read_arrays(array_file *f, const char *path, size_t *symbols, char **error)
{
    if (!npz_read(path, &f->data)) return tensors_fault(&f->data, error);
    if (f->data.len == 0) return fault_set(error, "%s: holds no arrays: save it with numpy.savez", path);
    f->set.path = path;
    f->set.data = &f->data;
    for (size_t i = 0; i < f->data.len; i++)
        if (!largest_token(&f->data, &f->data.data[i], symbols)) return fault_no_memory(error);
    return true;
}

array_data *array_data_open(const data_options *o, char **error)
{
    array_data *d = calloc(1, sizeof *d);
    if (!d) return fault_no_memory(error), NULL;
    d->options = *o;
    if (read_arrays(&d->file, o->arrays, &d->symbols, error) &&
        (!o->validation || read_arrays(&d->validation, o->validation, &d->symbols, error)))
        return d;
    array_data_close(d);
    return NULL;
}

/* What bind has made. */
static void unbind(array_data *d)
{
    for (int p = 0; p < PART_COUNT; p++) {
        schedule *s = &d->schedule[p];
        free(s->order);
        free(s->start);
        free(s->first_batch);
        *s = (schedule){0};
        for (size_t i = 0; d->buffer[p] && i < d->rules.values; i++) free(d->buffer[p][i]);
        free(d->buffer[p]);
        d->buffer[p] = NULL;
        for (int i = 0; i <= TRAIN_MAX_AXES; i++) {
            free(d->lengths[p][i]);
            d->lengths[p][i] = NULL;
        }
    }
    free(d->sorted);
    d->sorted = NULL;
    array_file *file[] = {&d->file, &d->validation};
    for (int i = 0; i < 2; i++) {
        const char *path = file[i]->set.path;
        arrays_free(&file[i]->set);
        file[i]->set = (array_set){.path = path, .data = &file[i]->data};
    }
}

void array_data_close(array_data *d)
{
    if (!d) return;
    unbind(d);
    tensors_free(&d->file.data);
    tensors_free(&d->validation.data);
    free(d);
}

size_t array_data_symbols(const array_data *d) { return d->symbols; }

size_t arrays_classes(const tensors *data, const char *value)
{
    const tensor *t = tensors_find(data, value);
    size_t classes = 0;
    return t && largest_token(data, t, &classes) ? classes : 0;
}

size_t arrays_dimension(const tensors *data, const char *value, size_t rank, size_t k)
{
    const tensor *t = tensors_find(data, value);
    return t && t->rank == rank && k < rank ? t->dims[k] : 0;
}

size_t array_data_classes(const array_data *d, const char *value)
{
    size_t first = arrays_classes(&d->file.data, value), second = arrays_classes(&d->validation.data, value);
    return first > second ? first : second;
}

size_t array_data_steps(const array_data *d)
{
    size_t most = 0;
    for (size_t i = 0; i < d->file.data.len; i++) {
        const tensor *t = &d->file.data.data[i];
        size_t steps = t->rank > 1 ? t->dims[0] * t->dims[1] : t->count;
        if (steps > most) most = steps;
    }
    return most;
}

size_t array_data_dimension(const array_data *d, const char *value, size_t rank, size_t k)
{
    return arrays_dimension(&d->file.data, value, rank, k);
}

const tensor *array_data_array(const array_data *d, const char *value) { return tensors_find(&d->file.data, value); }

/* ---- the model --------------------------------------------------------------------------------------------------- */

static const array_file *file_of(const array_data *d, data_part part)
{
    return part == PART_VALIDATE && d->options.validation ? &d->validation : &d->file;
}

static size_t sequences_of(const array_data *d, data_part part)
{
    const array_file *f = file_of(d, part);
    return f == &d->validation ? f->set.sequences : data_split_count(&d->split, part);
}

/* Steps that a batch of this file may have along an axis. */
static size_t steps_room(const array_data *d, const array_file *f, int axis)
{
    size_t steps = f->set.steps[axis], chunk = d->options.chunk;
    return chunk && chunk < steps ? chunk : steps;
}

static bool check_file(array_data *d, array_file *f, char **error)
{
    if (!arrays_check(&f->set, &d->rules, error)) return false;
    for (int i = 1; i <= d->rules.axes; i++)
        if (f->set.steps[i] == 0)
            return fault_set(error, "%s: no array has the axis %s; give the model an input or a target over it",
                             f->set.path, d->rules.axis_name[i]);
    return true;
}

/* Chunks are parts of one sequence: what the model makes of the whole must be made of what it carries. */
static bool check_chunk(const array_data *d, const trainable *m, char **error)
{
    if (!d->options.chunk) return true;
    if (m->axes != 1)
        return fault_set(error, "%s: --chunk cuts one time axis, and the model has %d; leave it out", m->model,
                         m->axes);
    if (m->state_bytes == 0)
        return fault_set(error,
                         "%s: --chunk needs a state that goes from call to call, and the model carries none; "
                         "leave it out",
                         m->model);
    for (size_t i = 0; i < m->inputs; i++)
        if (m->input[i].target && !(m->input[i].axes & 2))
            return fault_set(error,
                             "%s: with --chunk the target '%s', which has no time axis, would count once a chunk; "
                             "leave --chunk out",
                             m->model, m->input[i].name);
    return true;
}

/* Steps of a sequence along an axis. */
static size_t length_of(const array_set *s, int axis, size_t sequence)
{
    return s->lengths[axis] ? (size_t)s->lengths[axis][sequence] : s->steps[axis];
}

static bool is_absent(const array_set *s, int axes, size_t sequence)
{
    for (int i = 1; i <= axes; i++)
        if (length_of(s, i, sequence) == 0) return true;
    return false;
}

/* The sequences of a part, as they stand in the file, without those that are absent: they would make batches in which
 * nothing is, and losses of 0. Returns how many there are. */
static size_t list_sequences(const array_data *d, data_part part, size_t *order)
{
    const array_set *set = &file_of(d, part)->set;
    size_t first = set == &d->validation.set ? 0 : d->split.first[part], n = 0;
    for (size_t i = first; i < first + sequences_of(d, part); i++)
        if (!is_absent(set, d->rules.axes, i)) order[n++] = i;
    return n;
}

/* Memory for the batches of a part. */
static bool make_room(array_data *d, data_part part, char **error)
{
    const array_file *f = file_of(d, part);
    const trainable *m = d->model;
    schedule *s = &d->schedule[part];
    size_t b = d->options.batch;
    s->order = calloc(sequences_of(d, part) + 1, sizeof *s->order);
    s->count = s->order ? list_sequences(d, part, s->order) : 0;
    s->groups = s->count / b + (s->count % b != 0);
    s->start = calloc(s->groups + 1, sizeof *s->start);
    s->first_batch = calloc(s->groups + 1, sizeof *s->first_batch);
    d->buffer[part] = calloc(m->inputs + 1, sizeof *d->buffer[part]);
    bool ok = s->order && s->start && s->first_batch && d->buffer[part];
    if (s->count < b) b = s->count;
    for (size_t i = 0; ok && i < m->inputs; i++) {
        const train_value *v = &m->input[i];
        size_t size = b * v->components * (v->token ? sizeof(int) : m->real_size);
        for (int k = 1; k <= m->axes; k++)
            if (v->axes >> k & 1) size *= steps_room(d, f, k); /* at most the array itself, in the wider type */
        d->buffer[part][i] = malloc(size + 1);
        ok = d->buffer[part][i] != NULL;
    }
    for (int k = 1; ok && k <= m->axes; k++) {
        if (!f->set.lengths[k]) continue;
        d->lengths[part][k] = calloc(b + 1, sizeof *d->lengths[part][k]);
        ok = d->lengths[part][k] != NULL;
    }
    return ok || fault_no_memory(error);
}

bool array_data_bind(array_data *d, const trainable *m, char **error)
{
    unbind(d);
    d->model = m;
    d->rules = (array_rules){
        .value = m->input, .values = m->inputs, .axes = m->axes, .axis_name = m->axis_name, .real_size = m->real_size};
    if (d->options.batch == 0 || d->options.batch > m->max_sequences)
        return fault_set(error, "%s: was compiled for 1 to %zu sequences, and a batch has %zu", m->model,
                         m->max_sequences, d->options.batch);
    if (!check_chunk(d, m, error) || !check_file(d, &d->file, error)) return false;
    if (d->options.validation && !check_file(d, &d->validation, error)) return false;
    d->split = data_split_of(&d->options, d->file.set.sequences);
    d->sorted = calloc(d->file.set.sequences, sizeof *d->sorted);
    if (!d->sorted) return fault_no_memory(error);
    for (int p = 0; p < PART_COUNT; p++)
        if (!make_room(d, (data_part)p, error)) return false;
    return true;
}

/* ---- the order of an epoch --------------------------------------------------------------------------------------- */

/* Fisher and Yates' shuffle. The remainder of 64 random bits is uniform but for n / 2^64. */
static void shuffle(size_t *list, size_t n, uint64_t key)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)(random_row(key, 0, i) % i), keep = list[i - 1];
        list[i - 1] = list[k];
        list[k] = keep;
    }
}

static int by_length(const void *x, const void *y)
{
    const sized *a = x, *b = y;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Sequences of similar lengths side by side, those of the same length as they were. */
static void sort_by_length(array_data *d, const array_set *set, size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        d->sorted[i] = (sized){.number = order[i], .place = i};
        for (int k = 1; k <= d->rules.axes; k++) d->sorted[i].length += length_of(set, k, order[i]);
    }
    qsort(d->sorted, n, sizeof *d->sorted, by_length);
    for (size_t i = 0; i < n; i++) order[i] = d->sorted[i].number;
}

static size_t group_size(const array_data *d, const schedule *s, size_t group)
{
    size_t left = s->count - s->start[group];
    return left < d->options.batch ? left : d->options.batch;
}

/* Steps of the longest sequence of a group. */
static size_t group_steps(const array_data *d, const array_set *set, const schedule *s, size_t group, int axis)
{
    size_t longest = 0;
    for (size_t i = 0; i < group_size(d, s, group); i++) {
        size_t length = length_of(set, axis, s->order[s->start[group] + i]);
        if (length > longest) longest = length;
    }
    return longest;
}

static const schedule *schedule_of(array_data *d, data_part part, uint64_t epoch)
{
    schedule *s = &d->schedule[part];
    const data_options *o = &d->options;
    const array_set *set = &file_of(d, part)->set;
    if (part != PART_TRAIN) epoch = 0; /* these stand as in the file in every epoch */
    if (s->made && s->epoch == epoch) return s;
    list_sequences(d, part, s->order);
    for (size_t g = 0; g < s->groups; g++) s->start[g] = g * o->batch;
    if (part == PART_TRAIN) {
        if (!o->no_shuffle) shuffle(s->order, s->count, random_key(ORDER_OF_SEQUENCES, o->seed, epoch));
        if (o->bucket) sort_by_length(d, set, s->order, s->count);
        if (o->bucket && !o->no_shuffle) shuffle(s->start, s->groups, random_key(ORDER_OF_GROUPS, o->seed, epoch));
    }
    for (size_t g = 0; g < s->groups; g++) {
        size_t steps = o->chunk ? group_steps(d, set, s, g, 1) : 1, chunk = o->chunk ? o->chunk : 1;
        s->first_batch[g + 1] = s->first_batch[g] + steps / chunk + (steps % chunk != 0);
    }
    s->epoch = epoch;
    s->made = true;
    return s;
}

size_t array_data_batches(array_data *d, data_part part, uint64_t epoch)
{
    const schedule *s = schedule_of(d, part, epoch);
    return s->first_batch[s->groups];
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

/* Where a batch lies: its sequences, and its steps from `from[axis]` on. */
typedef struct window {
    const array_set *set;
    const size_t *sequence;
    size_t sequences, from[TRAIN_MAX_AXES + 1], steps[TRAIN_MAX_AXES + 1];
} window;

/* The row of an array that row `step` of the batch comes from; both row-major over the value's axes. */
static size_t row_in_file(const array_data *d, const window *w, const train_value *v, size_t step)
{
    size_t row = 0, stride = 1;
    for (int i = d->rules.axes; i >= 1; i--) {
        if (!(v->axes >> i & 1)) continue;
        row += (w->from[i] + step % w->steps[i]) * stride;
        step /= w->steps[i];
        stride *= w->set->steps[i];
    }
    return row;
}

/* One input: from [sequence][time axes][component] to [time axes][sequence][component]. */
static void fill(const array_data *d, const window *w, size_t input, void *out)
{
    const train_value *v = &d->rules.value[input];
    const tensor *t = w->set->array[input];
    size_t rows = 1, rows_in_file = arrays_rows(w->set, &d->rules, v), size = v->components;
    for (int i = 1; i <= d->rules.axes; i++)
        if (v->axes >> i & 1) rows *= w->steps[i];
    for (size_t k = 0; k < rows; k++) {
        size_t row = row_in_file(d, w, v, k);
        for (size_t n = 0; n < w->sequences; n++) {
            size_t at = (w->sequence[n] * rows_in_file + row) * size, to = (k * w->sequences + n) * size;
            if (v->token)
                arrays_tokens(t, at, size, v->classes, (int *)out + to);
            else
                arrays_reals(t, at, size, d->model->real_size, (char *)out + to * d->model->real_size);
        }
    }
}

data_batch array_data_batch(array_data *d, data_part part, uint64_t epoch, size_t index)
{
    const schedule *s = schedule_of(d, part, epoch);
    const array_set *set = &file_of(d, part)->set;
    size_t low = 0, high = s->groups, chunk = d->options.chunk; /* the last group that begins at `index` or before */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s->first_batch[middle] <= index)
            low = middle;
        else
            high = middle;
    }
    window w = {.set = set, .sequence = s->order + s->start[low], .sequences = group_size(d, s, low)};
    data_batch b = {.sequences = w.sequences,
                    .input = (const void *const *)d->buffer[part],
                    .fresh = index == s->first_batch[low],
                    .first_sequence = s->start[low]};
    for (int i = 1; i <= d->rules.axes; i++) {
        size_t steps = group_steps(d, set, s, low, i);
        if (chunk) w.from[i] = (index - s->first_batch[low]) * chunk;
        steps -= w.from[i];
        w.steps[i] = b.steps[i] = chunk && steps > chunk ? chunk : steps;
        b.lengths[i] = d->lengths[part][i];
        for (size_t n = 0; set->lengths[i] && n < w.sequences; n++) {
            size_t length = length_of(set, i, w.sequence[n]);
            length = length > w.from[i] ? length - w.from[i] : 0;
            d->lengths[part][i][n] = (int)(length < w.steps[i] ? length : w.steps[i]);
        }
    }
    for (size_t i = 0; i < d->rules.values; i++) fill(d, &w, i, d->buffer[part][i]);
    return b;
}

char *array_data_summary(const array_data *d)
{
    char *line, *chunk = NULL, *absent = NULL;
    size_t train = d->schedule[PART_TRAIN].count, validate = d->schedule[PART_VALIDATE].count,
           test = d->schedule[PART_TEST].count, all = train + validate + test, in_files = 0;
    for (int p = 0; p < PART_COUNT; p++) in_files += sequences_of(d, (data_part)p);
    bool good = !d->options.chunk || asprintf(&chunk, " in chunks of %zu steps", d->options.chunk) >= 0;
    good = good && (in_files == all || asprintf(&absent, "; %zu without a step left out", in_files - all) >= 0);
    good = good && asprintf(&line, "%zu sequences: %zu train, %zu validate, %zu test; batches of %zu%s%s%s", all, train,
                            validate, test, d->options.batch, d->options.bucket ? " of similar lengths" : "",
                            chunk ? chunk : "", absent ? absent : "") >= 0;
    free(chunk);
    free(absent);
    return good ? line : NULL;
}
