/* batch.c: from the arrays of a file to the layout of generated C, and back; see batch.h. train/arrays.h finds every
 * fault of the data, before anything is computed. */
#include "driver/batch.h"
#include "driver/command.h"
#include "train/arrays.h"
#include <stdlib.h>
#include <string.h>

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

/* ---- forth ------------------------------------------------------------------------------------------------------- */

train_value batch_value(name path, type t)
{
    return (train_value){.name = path,
                         .token = t.element == TOKEN,
                         .components = (size_t)shape_size(t.shape),
                         .rank = t.shape.rank,
                         .dims = {(size_t)t.shape.dim[0], (size_t)t.shape.dim[1]},
                         .axes = t.axes};
}

train_value batch_input(const graph_input *in)
{
    train_value v = batch_value(in->path, in->type);
    v.target = in->target;
    v.classes = (size_t)in->classes;
    v.aligned = in->aligned;
    v.blank = in->blank;
    v.ignores = in->ignores;
    v.ignored = in->ignored;
    return v;
}

/* Inputs of the spec: probes stand behind them. */
static size_t spec_inputs(const graph *g)
{
    size_t n = 0;
    while (n < g->inputs.len && !g->inputs.data[n].probe) n++;
    return n;
}

/* What the arrays are held against. NaN gets a warning only: what comes of it may be the user's question. */
static array_rules describe_graph(const loaded *l, const graph *g)
{
    arena *a = l->arena;
    train_value *value = ARENA_ARRAY(a, train_value, g->inputs.len + 1);
    const char **axis = ARENA_ARRAY(a, const char *, MAX_TIME_AXES + 1);
    for (size_t i = 0; i < g->inputs.len; i++) value[i] = batch_input(&g->inputs.data[i]);
    for (int i = 0; i <= g->axes; i++) axis[i] = g->axis[i].letter;
    return (array_rules){.value = value,
                         .values = spec_inputs(g),
                         .axes = g->axes,
                         .axis_name = axis,
                         .targets_optional = true,
                         .real_size = l->real_double ? sizeof(double) : sizeof(float),
                         .nan_allowed = true};
}

/* A name that is not quite right: the nearest one. */
static int check_names(arena *a, const array_rules *r, const char *path, const tensors *data)
{
    const char **known = ARENA_ARRAY(a, const char *, 2 * r->values + 1);
    size_t count = 0;
    for (size_t i = 0; i < r->values; i++) {
        known[count++] = r->value[i].name;
        known[count++] = arena_printf(a, "%s_lengths", r->value[i].name);
    }
    for (size_t i = 0; i < data->len; i++) {
        const char *word = data->data[i].name, *nearest = name_nearest(word, known, count);
        bool right = false;
        for (size_t k = 0; k < count; k++) right = right || strcmp(word, known[k]) == 0;
        if (!right && nearest)
            return command_fault(EXIT_SPEC, "%s: the model has no input or target '%s'; did you mean '%s'?", path, word,
                                 nearest);
    }
    return 0;
}

/* One array in the layout of generated C. */
static void *lay_out(const batch *b, const loaded *l, const graph *g, const graph_input *in, const tensor *t)
{
    size_t rows = batch_time_rows(g, in->type.axes, b->steps), size = (size_t)shape_size(in->type.shape);
    size_t real_size = l->real_double ? sizeof(double) : sizeof(float);
    bool token = in->type.element == TOKEN;
    void *out = token ? (void *)ARENA_ARRAY(l->arena, int, t->count) : loaded_reals(l, t->count);
    for (size_t n = 0; n < b->sequences; n++)
        for (size_t s = 0; s < rows; s++) {
            size_t to = batch_index(b->sequences, n, s, size, 0), from = (n * rows + s) * size;
            if (token)
                arrays_tokens(t, from, size, (size_t)in->classes, (int *)out + to);
            else
                arrays_reals(t, from, size, real_size, (char *)out + to * real_size);
        }
    return out;
}

static void *zeros(const batch *b, const loaded *l, const graph *g, type t)
{
    return loaded_reals(l, batch_time_rows(g, t.axes, b->steps) * b->sequences * (size_t)shape_size(t.shape));
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
    array_rules rules = describe_graph(l, g);
    array_set set = {.path = path, .data = data};
    char *error = NULL;
    *b = (batch){.input = ARENA_ARRAY(l->arena, void *, g->inputs.len + 1)};
    int code = check_names(l->arena, &rules, path, data);
    if (code) return code;
    for (int i = 1; i <= g->axes; i++) set.steps[i] = (size_t)steps[i];
    if (!arrays_check(&set, &rules, &error)) code = command_fault_line(EXIT_SPEC, error);
    if (!code && set.warning) fprintf(stderr, "rnnc: warning: %s\n", set.warning);
    b->sequences = set.sequences;
    b->targets = set.targets;
    for (int i = 1; !code && i <= g->axes; i++) {
        b->steps[i] = set.steps[i];
        if (!set.lengths[i]) continue;
        b->lengths[i] = ARENA_ARRAY(l->arena, int, b->sequences);
        memcpy(b->lengths[i], set.lengths[i], b->sequences * sizeof *b->lengths[i]);
    }
    for (size_t i = 0; !code && i < g->inputs.len; i++) {
        if (i >= rules.values)
            b->input[i] = zeros(b, l, g, g->inputs.data[i].type);
        else if (set.array[i])
            b->input[i] = lay_out(b, l, g, &g->inputs.data[i], set.array[i]);
    }
    arrays_free(&set);
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
