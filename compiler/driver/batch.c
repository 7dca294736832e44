/* batch.c: from the arrays of a file to the layout of generated C, and back; see batch.h. Every fault of the data is
 * found here, before anything is computed. */
#include "driver/batch.h"
#include "driver/command.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const loaded *l;
    const graph *g;
    const char *path;
    const tensors *data;
    batch *b;
    const char *sequences_from; /* the array that said how many */
    const char *steps_from[MAX_TIME_AXES + 1];
    const char *lengths_from[MAX_TIME_AXES + 1];
} reader;

static const char suffix[] = "_lengths";

static int time_axes(axis_set axes)
{
    int n = 0;
    for (int i = 1; i <= MAX_TIME_AXES; i++) n += (axes & axis_bit(i)) != 0;
    return n;
}

size_t batch_time_rows(const graph *g, axis_set axes, const size_t *steps)
{
    size_t rows = 1;
    for (int i = 1; i <= g->axes; i++)
        if (axes & axis_bit(i)) rows *= steps[i];
    return rows;
}

bool batch_inside(const batch *b, const graph *g, axis_set axes, size_t n, size_t s)
{
    for (int i = g->axes; i >= 1; i--) {
        if (b->lengths[i] && b->lengths[i][n] == 0) return false;
        if (!(axes & axis_bit(i))) continue;
        size_t step = s % b->steps[i];
        s /= b->steps[i];
        if (b->lengths[i] && step >= (size_t)b->lengths[i][n]) return false;
    }
    return true;
}

/* "(N, T, 8)": the array that a value of this type is in a file. */
static const char *wanted_shape(arena *a, const graph *g, type t)
{
    text *out = text_new(a);
    const char *separator = "";
    text_put(out, "(");
    if (t.axes & BATCH) {
        text_put(out, "N");
        separator = ", ";
    }
    for (int i = 1; i <= g->axes; i++)
        if (t.axes & axis_bit(i)) {
            text_put(out, "%s%s", separator, g->axis[i].length);
            separator = ", ";
        }
    for (int i = 0; i < t.shape.rank; i++) text_put(out, ", %d", t.shape.dim[i]);
    text_put(out, ")");
    return text_string(out);
}

static const char *found_shape(arena *a, const tensor *t)
{
    text *out = text_new(a);
    text_put(out, "(");
    for (size_t i = 0; i < t->rank; i++) text_put(out, "%s%zu", i ? ", " : "", t->dims[i]);
    text_put(out, ")");
    return text_string(out);
}

/* "N = 3 as in 'x'": the array's extent, or the message that two arrays disagree. */
static int set_extent(reader *r, size_t *extent, const char **from, const char *what, const char *word, size_t found)
{
    if (found == 0) return command_fault(EXIT_SPEC, "%s: '%s' is empty: %s = 0", r->path, word, what);
    if (found > INT_MAX / 2)
        return command_fault(EXIT_SPEC, "%s: '%s' is too large: %s = %zu", r->path, word, what, found);
    if (*extent && *extent != found)
        return command_fault(EXIT_SPEC, "%s: '%s' has %s = %zu, but %s %s = %zu", r->path, word, what, found,
                             *from ? arena_printf(r->l->arena, "'%s' has", *from) : "--steps says", what, *extent);
    if (!*extent) {
        *extent = found;
        *from = word;
    }
    return 0;
}

/* ---- what is there ----------------------------------------------------------------------------------------------- */

static const graph_input *find_input(const graph *g, const char *word, size_t length)
{
    for (size_t i = 0; i < g->inputs.len; i++)
        if (strlen(g->inputs.data[i].path) == length && strncmp(g->inputs.data[i].path, word, length) == 0)
            return &g->inputs.data[i];
    return NULL;
}

/* The input whose lengths an array of this word holds, or NULL. An input may itself be called x_lengths. */
static const graph_input *lengths_of(const graph *g, const char *word)
{
    size_t n = strlen(word), tail = sizeof suffix - 1;
    if (n <= tail || strcmp(word + n - tail, suffix) != 0 || find_input(g, word, n)) return NULL;
    return find_input(g, word, n - tail);
}

/* Arrays that belong to nothing: most often a name that is not quite right. */
static int check_names(const reader *r)
{
    const graph *g = r->g;
    arena *a = r->l->arena;
    const char **known = ARENA_ARRAY(a, const char *, 2 * g->inputs.len + 1);
    size_t count = 0;
    for (size_t i = 0; i < g->inputs.len; i++) {
        known[count++] = g->inputs.data[i].path;
        known[count++] = arena_printf(a, "%s%s", g->inputs.data[i].path, suffix);
    }
    for (size_t i = 0; i < r->data->len; i++) {
        const char *word = r->data->data[i].name;
        if (find_input(g, word, strlen(word)) || lengths_of(g, word)) continue;
        const char *nearest = name_nearest(word, known, count);
        if (nearest)
            return command_fault(EXIT_SPEC, "%s: the model has no input or target '%s'; did you mean '%s'?", r->path,
                                 word, nearest);
        return command_fault(EXIT_SPEC, "%s: the model has no input or target '%s'; leave the array out", r->path,
                             word);
    }
    for (size_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (tensors_find(r->data, in->path)) continue;
        if (in->target)
            r->b->targets = false;
        else
            return command_fault(EXIT_SPEC, "%s: the input '%s' is missing; it is an array of shape %s", r->path,
                                 in->path, wanted_shape(a, g, in->type));
    }
    return 0;
}

static bool is_float(dtype d)
{
    return d == DTYPE_F64 || d == DTYPE_F32 || d == DTYPE_F16 || d == DTYPE_BF16;
}

static bool is_integer(dtype d)
{
    return d >= DTYPE_I64 && d <= DTYPE_U8;
}

static int check_shape(reader *r, const graph_input *in, const tensor *t)
{
    type ty = in->type;
    size_t axes = (size_t)time_axes(ty.axes) + 1, rank = axes + (size_t)ty.shape.rank;
    bool fits = t->rank == rank;
    for (int i = 0; fits && i < ty.shape.rank; i++) fits = t->dims[axes + (size_t)i] == (size_t)ty.shape.dim[i];
    if (!fits)
        return command_fault(EXIT_SPEC, "%s: '%s' has shape %s, expected %s", r->path, in->path,
                             found_shape(r->l->arena, t), wanted_shape(r->l->arena, r->g, ty));
    if (ty.element == TOKEN && !is_integer(t->dtype))
        return command_fault(EXIT_SPEC, "%s: '%s' is %s, but tokens are integers; store it as int64", r->path, in->path,
                             dtype_name(t->dtype));
    if (ty.element == REAL && !is_float(t->dtype))
        return command_fault(EXIT_SPEC, "%s: '%s' is %s, but reals are floats; store it as float32", r->path, in->path,
                             dtype_name(t->dtype));
    int code = set_extent(r, &r->b->sequences, &r->sequences_from, "N", in->path, t->dims[0]);
    for (int i = 1, d = 1; !code && i <= r->g->axes; i++)
        if (ty.axes & axis_bit(i))
            code = set_extent(r, &r->b->steps[i], &r->steps_from[i], r->g->axis[i].length, in->path, t->dims[d++]);
    return code;
}

/* ---- lengths ----------------------------------------------------------------------------------------------------- */

/* One column of lengths, for one axis: value n stands at data[n * stride]. */
static int read_lengths(reader *r, const tensor *t, int axis, const int64_t *data, size_t stride)
{
    batch *b = r->b;
    const char *letter = r->g->axis[axis].letter;
    bool first = !b->lengths[axis];
    if (first) {
        b->lengths[axis] = ARENA_ARRAY(r->l->arena, int, b->sequences);
        r->lengths_from[axis] = t->name;
    }
    for (size_t n = 0; n < b->sequences; n++) {
        int64_t length = data[n * stride];
        if (length < 0 || (uint64_t)length > b->steps[axis])
            return command_fault(EXIT_SPEC,
                                 "%s: '%s': sequence %zu has length %lld along %s, but the arrays have %zu steps",
                                 r->path, t->name, n, (long long)length, letter, b->steps[axis]);
        if (first)
            b->lengths[axis][n] = (int)length;
        else if (b->lengths[axis][n] != length)
            return command_fault(EXIT_SPEC, "%s: '%s' and '%s' disagree: sequence %zu has length %d and %lld along %s",
                                 r->path, r->lengths_from[axis], t->name, n, b->lengths[axis][n], (long long)length,
                                 letter);
    }
    return 0;
}

static int read_length_array(reader *r, const tensor *t, const graph_input *in)
{
    size_t axes = (size_t)time_axes(in->type.axes), bad;
    if (axes == 0)
        return command_fault(EXIT_SPEC, "%s: '%s' has no length: it has no time axis; leave '%s' out", r->path,
                             in->path, t->name);
    bool fits = t->dims[0] == r->b->sequences && (axes == 1 ? t->rank == 1 : t->rank == 2 && t->dims[1] == axes);
    if (t->rank == 0 || !fits)
        return command_fault(EXIT_SPEC, "%s: '%s' has shape %s, expected (%zu%s)", r->path, t->name,
                             found_shape(r->l->arena, t), r->b->sequences,
                             axes == 1 ? "" : arena_printf(r->l->arena, ", %zu", axes));
    int64_t *data = ARENA_ARRAY(r->l->arena, int64_t, t->count);
    if (!is_integer(t->dtype) || !tensor_to_int64(t, data, &bad))
        return command_fault(EXIT_SPEC, "%s: '%s' is %s, but lengths are integers; store it as int64", r->path, t->name,
                             dtype_name(t->dtype));
    int code = 0;
    for (int i = 1, column = 0; !code && i <= r->g->axes; i++)
        if (in->type.axes & axis_bit(i)) code = read_lengths(r, t, i, data + column++, axes);
    return code;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* "sequence 2 (the first is 0), t = 7": the place of a value; steps count from 1, as in the language. */
static const char *place_text(const reader *r, axis_set axes, size_t n, size_t s)
{
    size_t step[MAX_TIME_AXES + 1] = { 0 };
    for (int i = r->g->axes; i >= 1; i--)
        if (axes & axis_bit(i)) {
            step[i] = s % r->b->steps[i] + 1;
            s /= r->b->steps[i];
        }
    text *out = text_new(r->l->arena);
    text_put(out, "sequence %zu (the first is 0)", n);
    for (int i = 1; i <= r->g->axes; i++)
        if (axes & axis_bit(i)) text_put(out, ", %s = %zu", r->g->axis[i].letter, step[i]);
    return text_string(out);
}

/* A token in the padding may be anything, and becomes none. */
static int read_tokens(reader *r, const graph_input *in, const tensor *t, void **to)
{
    size_t rows = batch_time_rows(r->g, in->type.axes, r->b->steps), bad;
    int64_t *data = ARENA_ARRAY(r->l->arena, int64_t, t->count);
    for (size_t i = 0; i < t->count; i++) { /* one by one: what does not fit 63 bits may be padding */
        tensor one = *t;
        one.count = 1;
        one.bytes = dtype_size(t->dtype);
        one.data = (char *)t->data + i * dtype_size(t->dtype);
        if (!tensor_to_int64(&one, &data[i], &bad)) data[i] = INT64_MAX;
    }
    int *out = ARENA_ARRAY(r->l->arena, int, t->count);
    for (size_t n = 0; n < r->b->sequences; n++)
        for (size_t s = 0; s < rows; s++) {
            int64_t v = data[n * rows + s];
            bool good = v >= 0 && v < in->classes;
            if (!good && batch_inside(r->b, r->g, in->type.axes, n, s))
                return command_fault(EXIT_SPEC, "%s: '%s' holds the token %lld at %s, expected 0 to %d", r->path,
                                     in->path, (long long)v, place_text(r, in->type.axes, n, s), in->classes - 1);
            out[batch_index(r->b->sequences, n, s, 1, 0)] = good ? (int)v : -1;
        }
    *to = out;
    return 0;
}

static void read_reals(reader *r, const graph_input *in, const tensor *t, void **to)
{
    size_t rows = batch_time_rows(r->g, in->type.axes, r->b->steps), size = (size_t)shape_size(in->type.shape);
    double *data = ARENA_ARRAY(r->l->arena, double, t->count);
    tensor_to_double(t, data);
    *to = loaded_reals(r->l, t->count);
    for (size_t n = 0; n < r->b->sequences; n++)
        for (size_t s = 0; s < rows; s++)
            for (size_t i = 0; i < size; i++)
                loaded_set_real(r->l, *to, batch_index(r->b->sequences, n, s, size, i),
                                data[(n * rows + s) * size + i]);
}

int batch_check_steps(batch *b, const graph *g, const char *path)
{
    axis_set used = 0;
    for (size_t i = 1; i < g->nodes.len; i++) used |= g->nodes.data[i].type.axes;
    for (int i = 1; i <= g->axes; i++) {
        if (b->steps[i]) continue;
        if (used & axis_bit(i))
            return command_fault(EXIT_SPEC, "%s: no array has the axis %s; give its number of steps with --steps %s=N",
                                 path, g->axis[i].letter, g->axis[i].letter);
        b->steps[i] = 1;
    }
    return 0;
}

int batch_from_arrays(batch *b, const loaded *l, const graph *g, const char *path, const tensors *data,
                      const int *steps)
{
    *b = (batch){ .input = ARENA_ARRAY(l->arena, void *, g->inputs.len + 1), .targets = true };
    reader r = { .l = l, .g = g, .path = path, .data = data, .b = b };
    for (int i = 1; i <= g->axes; i++) b->steps[i] = (size_t)steps[i];
    int code = check_names(&r);
    for (size_t i = 0; !code && i < g->inputs.len; i++) {
        const tensor *t = tensors_find(data, g->inputs.data[i].path);
        if (t) code = check_shape(&r, &g->inputs.data[i], t);
    }
    for (size_t i = 0; !code && i < data->len; i++) {
        const graph_input *in = lengths_of(g, data->data[i].name);
        if (in && tensors_find(data, in->path))
            code = read_length_array(&r, &data->data[i], in);
        else if (in)
            code = command_fault(EXIT_SPEC, "%s: '%s' is there, but '%s' is not", path, data->data[i].name, in->path);
    }
    for (size_t i = 0; !code && i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        const tensor *t = tensors_find(data, in->path);
        if (!t) continue;
        if (in->type.element == TOKEN)
            code = read_tokens(&r, in, t, &b->input[i]);
        else
            read_reals(&r, in, t, &b->input[i]);
    }
    return code;
}

/* ---- back -------------------------------------------------------------------------------------------------------- */

void batch_to_array(const batch *b, const loaded *l, const graph *g, type t, const void *reals, const char *word,
                    tensors *to)
{
    size_t dims[TENSOR_MAX_RANK], rank = 0, rows = batch_time_rows(g, t.axes, b->steps),
                                  size = (size_t)shape_size(t.shape);
    size_t sequences = t.axes & BATCH ? b->sequences : 1;
    if (t.axes & BATCH) dims[rank++] = b->sequences;
    for (int i = 1; i <= g->axes; i++)
        if (t.axes & axis_bit(i)) dims[rank++] = b->steps[i];
    for (int i = 0; i < t.shape.rank; i++) dims[rank++] = (size_t)t.shape.dim[i];
    tensor *out = tensors_add(to, word, l->real_double ? DTYPE_F64 : DTYPE_F32, rank, dims, NULL);
    if (!out) return; /* to->error says why */
    for (size_t n = 0; n < sequences; n++)
        for (size_t s = 0; s < rows; s++)
            for (size_t i = 0; i < size; i++)
                loaded_set_real(l, out->data, (n * rows + s) * size + i,
                                loaded_real(l, reals, batch_index(sequences, n, s, size, i)));
}
