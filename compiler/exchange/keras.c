/* keras.c: the weights of a Keras model as a chain of layers.
 *
 * In: arrays named by the paths of Keras's variables, in the order of the file: a path of parts with / between them,
 * the last of which says what the array is:
 *
 *     lstm/lstm_cell/kernel, .../recurrent_kernel, .../bias         LSTM, GRU, SimpleRNN
 *     bidirectional/forward_lstm/lstm_cell/kernel, .../backward_... both directions
 *     dense/kernel, dense/bias; embedding/embeddings
 *
 * A part that ends in _cell, with or without a number, and a suffix :0 mean nothing. The matrices are those of x W,
 * so units are columns. A GRU has its reset after the product when its bias has two rows. Out: a chain, not in order
 * yet, or what is wrong. */
#include "exchange/reader.h"
#include <ctype.h>
#include <string.h>

static const char *const words[] = {"kernel", "recurrent_kernel", "bias", "embeddings"};

/* Does the part of a path name a cell: lstm_cell, gru_cell_3? */
static bool is_cell(const char *part)
{
    static const char cell[] = "_cell";
    const char *at = strstr(part, cell);
    if (!at) return false;
    for (at += strlen(cell); *at; at++)
        if (*at != '_' && !isdigit((unsigned char)*at)) return false;
    return true;
}

static bool begins(const char *part, const char *with) { return strncmp(part, with, strlen(with)) == 0; }

/* Cuts the last part off a path and returns it; the path is then "" where that was all. */
static const char *cut_part(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash) {
        static const char none[] = "";
        return none;
    }
    *slash = '\0';
    return slash + 1;
}

/* The path of the layer that the array `own` belongs to; fills in the word and the direction. */
static const char *take_apart(arena *a, const char *own, chain_tensor *t, bool *both)
{
    char *path = arena_printf(a, "/%s", own), *colon = strrchr(path, ':');
    if (colon) *colon = '\0';
    const char *leaf = cut_part(path);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], leaf) == 0) t->word = words[i];
    char *last = strrchr(path, '/');
    if (last && is_cell(last + 1)) cut_part(path);
    last = strrchr(path, '/');
    t->reverse = last && begins(last + 1, "backward_");
    *both = last && (t->reverse || begins(last + 1, "forward_"));
    if (*both) cut_part(path);
    return *path ? path + 1 : "h";
}

static void add_tensor(reader *r, const tensor *t)
{
    arena *a = r->c->arena;
    chain_tensor made = {.own = arena_printf(a, "%s", t->name)};
    bool both;
    const char *path = take_apart(a, t->name, &made, &both);
    made.values = chain_values(a, t, &made.shape);
    if (!made.values) {
        r->error = arena_printf(a,
                                "'%s' is %s of shape %s; no layer that rnnc knows has such an array: they are vectors "
                                "and matrices of real numbers",
                                t->name, dtype_name(t->dtype), tensor_shape_text(a, t));
        return;
    }
    if (!made.word) {
        array_push(a, &r->c->loose, (foreign){made.own, made.own, made.shape, made.values, false});
        return;
    }
    if (strcmp(made.word, "bias") == 0 && made.shape.rank == 2) /* row after row */
        made.shape = shape_vector(made.shape.dim[0] * made.shape.dim[1]);
    chain_layer *l = reader_layer(r->c, path);
    l->both = l->both || both;
    array_push(a, &l->tensors, made);
}

/* W of W x from that of x W. */
static const double *transpose(arena *a, const chain_tensor *t)
{
    if (!t) return NULL;
    size_t n = (size_t)t->shape.dim[0], m = (size_t)t->shape.dim[1];
    size_t all = n * m;
    double *out = ARENA_ARRAY(a, double, all);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++) out[k * n + i] = t->values[i * m + k];
    return out;
}

static void set_part(reader *r, chain_layer *l, bool reverse)
{
    arena *a = r->c->arena;
    const chain_tensor *W = reader_need(r, l, "kernel", 0, reverse, 2);
    const chain_tensor *R = reader_need(r, l, "recurrent_kernel", 0, reverse, 2),
                       *b = chain_find(l, "bias", 0, reverse);
    bool relu = l->info->flags & RECTIFIED, simple = l->info->equations == RECURRENCE_SIMPLE;
    bool after = l->info->flags & RESET_AFTER;
    l->part[reverse] = (recurrent){
        .equations = l->info->equations,
        .order = l->info->order,
        .inputs = l->inputs,
        .units = l->units,
        .outputs = l->units,
        .W = transpose(a, W),
        .R = transpose(a, R),
        .b_w = reader_values(b),
        .b_r = b && after ? b->values + strlen(l->info->order) * (size_t)l->units : NULL,
        .f = {simple ? relu ? ACTIVATION_Relu : ACTIVATION_Tanh : ACTIVATION_Sigmoid, 0, 0},
        .g = {ACTIVATION_Tanh, 0, 0},
        .h = {ACTIVATION_Tanh, 0, 0},
        .reset_after = after,
    };
}

static void finish_recurrent(reader *r, chain_layer *l)
{
    arena *a = r->c->arena;
    const chain_tensor *W = reader_need(r, l, "kernel", 0, false, 2);
    const chain_tensor *R = reader_need(r, l, "recurrent_kernel", 0, false, 2), *b = chain_find(l, "bias", 0, false);
    if (!W || !R) return;
    l->units = R->shape.dim[0];
    l->inputs = W->shape.dim[0];
    l->outputs = l->units * (1 + l->both);
    l->bias = b;
    const char *chosen = chain_choice(a, r->choices, l->path);
    size_t gates = R->shape.dim[1] % l->units ? 0 : (size_t)(R->shape.dim[1] / l->units);
    bool rows = b && (size_t)b->shape.dim[0] == 2 * gates * (size_t)l->units; /* a bias of input and state */
    l->info = layer_find("keras", LAYER_RECURRENT, gates, b ? RESET_AFTER : 0, rows ? RESET_AFTER : 0, chosen);
    if (!l->info) {
        r->error =
            arena_printf(a, "'%s' is %s%s%s: %s%s has no layer with so many columns for %d units", R->own,
                         model_shape_text(a, R->shape), b ? ", its bias " : "", b ? model_shape_text(a, b->shape) : "",
                         chosen ? chosen : "Keras", chosen ? ", chosen with -D," : "", l->units);
        return;
    }
    if (!chosen) chain_note_other(r->c, l, layer_other(l->info, b ? RESET_AFTER : 0));
    l->part = ARENA_ARRAY(a, recurrent, 2);
    for (int d = 0; d <= l->both && !r->error; d++) set_part(r, l, d == 1);
}

static void finish_flat(reader *r, chain_layer *l)
{
    bool embeds = chain_find(l, "embeddings", 0, false);
    const chain_tensor *W = reader_need(r, l, embeds ? "embeddings" : "kernel", 0, false, 2);
    const chain_tensor *b = chain_find(l, "bias", 0, false);
    if (!W) return;
    l->info = layer_find("keras", embeds ? LAYER_EMBEDDING : LAYER_DENSE, 0, 0, 0, NULL);
    l->bias = b;
    l->inputs = W->shape.dim[0];
    l->units = l->outputs = W->shape.dim[1];
    l->part = ARENA_NEW(r->c->arena, recurrent);
    l->part->W = embeds ? W->values : transpose(r->c->arena, W);
    l->part->b_w = reader_values(b);
}

chain *keras_read(arena *a, const tensors *file, chain_choices *choices, const char **error)
{
    reader r = {.c = ARENA_NEW(a, chain), .choices = choices};
    r.c->arena = a;
    r.c->format = "keras";
    for (size_t i = 0; i < file->len && !r.error; i++) add_tensor(&r, &file->data[i]);
    for (size_t i = 0; i < r.c->layers.len && !r.error; i++) {
        chain_layer *l = r.c->layers.data[i];
        if (chain_find(l, "recurrent_kernel", 0, false) || l->both)
            finish_recurrent(&r, l);
        else
            finish_flat(&r, l);
    }
    if (!r.error && !r.c->layers.len && !r.c->loose.len) r.error = "the file has no arrays";
    *error = r.error;
    return r.error ? NULL : r.c;
}
