/* torch.c: a state dict of PyTorch as a chain of layers.
 *
 * In: tensors named as PyTorch names them, in the order of the file. A name is the path of a module and a leaf:
 *
 *     encoder.rnn.weight_ih_l0_reverse      of nn.RNN, nn.GRU, nn.LSTM; without _l0, of their cells
 *     head.weight, head.bias                of nn.Linear; of nn.Embedding, where it has no bias and can be the first
 *
 * Which of the three a recurrent layer is, the rows of weight_hh say: 1, 3 or 4 for a unit. Whether it is tanh or relu
 * says no tensor. Out: a chain, not in order yet, or what is wrong. */
#include "exchange/torch.h"
#include "exchange/reader.h"
#include <ctype.h>
#include <string.h>

static const char *const recurrent_words[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"};

/* Takes a leaf like weight_ih_l0_reverse apart; false when it is none of a recurrent layer. */
static bool recurrent_leaf(arena *a, const char *leaf, chain_tensor *t)
{
    for (size_t i = 0; i < sizeof recurrent_words / sizeof *recurrent_words; i++) {
        size_t n = strlen(recurrent_words[i]);
        if (strncmp(leaf, recurrent_words[i], n) != 0) continue;
        const char *rest = leaf + n;
        t->word = recurrent_words[i];
        if (!*rest) return true;
        if (strncmp(rest, "_l", 2) != 0 || !isdigit((unsigned char)rest[2])) continue;
        for (rest += 2; isdigit((unsigned char)*rest) && t->layer < CHAIN_MAX_LAYERS; rest++)
            t->layer = 10 * t->layer + (*rest - '0');
        t->reverse = strcmp(rest, "_reverse") == 0;
        if (!*rest || t->reverse) return true;
    }
    if (strcmp(leaf, "weight") != 0 && strcmp(leaf, "bias") != 0) return false;
    *t = (chain_tensor){.word = arena_printf(a, "%s", leaf)};
    return true;
}

static void add_tensor(reader *r, const tensor *t)
{
    arena *a = r->c->arena;
    const char *dot = strrchr(t->name, '.'), *leaf = dot ? dot + 1 : t->name;
    chain_tensor made = {0};
    bool known = recurrent_leaf(a, leaf, &made);
    made.own = arena_printf(a, "%s", t->name);
    made.values = chain_values(a, t, &made.shape);
    if (!made.values) {
        r->error = arena_printf(a,
                                "'%s' is %s of shape %s; no layer that rnnc knows has such a tensor: they are vectors "
                                "and matrices of real numbers",
                                t->name, dtype_name(t->dtype), tensor_shape_text(a, t));
        return;
    }
    if (!known) {
        array_push(a, &r->c->loose, (foreign){made.own, made.own, made.shape, made.values, false});
        return;
    }
    chain_layer *l = reader_layer(r->c, dot ? arena_strndup(a, t->name, (size_t)(dot - t->name)) : "h");
    if (made.layer >= l->layers) l->layers = made.layer + 1;
    if (made.reverse) l->both = true;
    array_push(a, &l->tensors, made);
}

static void set_part(reader *r, chain_layer *l, int layer, bool reverse)
{
    recurrent *p = &l->part[layer * (1 + l->both) + reverse];
    const chain_tensor *W = reader_need(r, l, "weight_ih", layer, reverse, 2),
                       *R = reader_need(r, l, "weight_hh", layer, reverse, 2);
    bool relu = l->info->flags & RECTIFIED, simple = l->info->equations == RECURRENCE_SIMPLE;
    *p = (recurrent){
        .equations = l->info->equations,
        .order = l->info->order,
        .inputs = layer ? l->outputs : l->inputs,
        .units = l->units,
        .outputs = l->outputs / (1 + l->both),
        .W = reader_values(W),
        .R = reader_values(R),
        .b_w = reader_values(chain_find(l, "bias_ih", layer, reverse)),
        .b_r = reader_values(chain_find(l, "bias_hh", layer, reverse)),
        .projection = reader_values(chain_find(l, "weight_hr", layer, reverse)),
        .f = {simple ? relu ? ACTIVATION_Relu : ACTIVATION_Tanh : ACTIVATION_Sigmoid, 0, 0},
        .g = {ACTIVATION_Tanh, 0, 0},
        .h = {ACTIVATION_Tanh, 0, 0},
        .reset_after = l->info->flags & RESET_AFTER,
    };
}

static void finish_recurrent(reader *r, chain_layer *l)
{
    arena *a = r->c->arena;
    const chain_tensor *W = reader_need(r, l, "weight_ih", 0, false, 2),
                       *R = reader_need(r, l, "weight_hh", 0, false, 2);
    const chain_tensor *projection = chain_find(l, "weight_hr", 0, false);
    if (!W || !R) return;
    int out = R->shape.dim[1], rows = R->shape.dim[0];
    l->units = projection ? projection->shape.dim[1] : out;
    l->inputs = W->shape.dim[1];
    l->outputs = out * (1 + l->both);
    const char *chosen = chain_choice(a, r->choices, l->path);
    if (rows % l->units == 0)
        l->info = layer_find("torch", LAYER_RECURRENT, (size_t)(rows / l->units), PROJECTED, projection ? PROJECTED : 0,
                             chosen);
    if (!chosen) chain_note_other(r->c, l, layer_other(l->info, PROJECTED));
    if (!l->info) {
        r->error = arena_printf(a, "'%s' is %s: %s%s has no layer with so many rows for %d units", R->own,
                                model_shape_text(a, R->shape), chosen ? chosen : "PyTorch",
                                chosen ? ", chosen with -D," : "", l->units);
        return;
    }
    l->bias = chain_find(l, "bias_ih", 0, false);
    l->part = ARENA_ARRAY(a, recurrent, (size_t)l->layers * (1 + (size_t)l->both));
    for (int k = 0; k < l->layers && !r->error; k++)
        for (int d = 0; d <= l->both && !r->error; d++) set_part(r, l, k, d);
}

static void finish_flat(reader *r, chain_layer *l)
{
    const chain_tensor *found = chain_find(l, "weight", 0, false);
    if (found && found->shape.rank != 2) {
        r->error =
            arena_printf(r->c->arena,
                         "'%s' %s: no layer that rnnc knows has such a tensor (a LayerNorm or BatchNorm has); take "
                         "it out, or write a spec with a parameter of that name and give it with --spec",
                         found->own, model_shape_text(r->c->arena, found->shape));
        return;
    }
    const chain_tensor *W = reader_need(r, l, "weight", 0, false, 2), *b = chain_find(l, "bias", 0, false);
    if (!W) return;
    const char *chosen = chain_choice(r->c->arena, r->choices, l->path);
    const layer_info *embed = layer_find("torch", LAYER_EMBEDDING, 0, 0, 0, chosen);
    const layer_info *dense = layer_find("torch", LAYER_DENSE, 0, 0, 0, chosen);
    l->info = dense ? dense : embed;
    if (!b && dense && embed) l->first = embed;
    if (!l->info) {
        r->error = arena_printf(r->c->arena, "-D %s=%s: '%s' is a matrix, not such a layer", l->path, chosen, W->own);
        return;
    }
    bool rows = l->info->kind == LAYER_EMBEDDING;
    l->bias = b;
    l->inputs = W->shape.dim[rows ? 0 : 1];
    l->units = l->outputs = W->shape.dim[rows ? 1 : 0];
    l->part = ARENA_NEW(r->c->arena, recurrent);
    l->part->W = W->values;
    l->part->b_w = reader_values(b);
}

chain *torch_read(arena *a, const tensors *file, chain_choices *choices, const char **error)
{
    reader r = {.c = ARENA_NEW(a, chain), .choices = choices};
    r.c->arena = a;
    r.c->format = "torch";
    for (size_t i = 0; i < file->len && !r.error; i++) add_tensor(&r, &file->data[i]);
    for (size_t i = 0; i < r.c->layers.len && !r.error; i++) {
        chain_layer *l = r.c->layers.data[i];
        if (chain_find(l, "weight", 0, false) || chain_find(l, "bias", 0, false))
            finish_flat(&r, l);
        else
            finish_recurrent(&r, l);
    }
    if (!r.error && !r.c->layers.len && !r.c->loose.len) r.error = "the file has no tensors";
    *error = r.error;
    return r.error ? NULL : r.c;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Takes ".word" off the end of a path; false when it does not end so. */
static bool take_word(char *path, const char *word)
{
    size_t n = strlen(path), m = strlen(word);
    if (n <= m || path[n - m - 1] != '.' || strcmp(path + n - m, word) != 0) return false;
    path[n - m - 1] = '\0';
    return true;
}

/* Takes the number of a layer of a stack off the end of a path; 0 where there is none. */
static const char *take_number(arena *a, char *path)
{
    char *dot = strrchr(path, '.');
    if (!dot || !isdigit((unsigned char)dot[1])) return "0";
    const char *number = arena_printf(a, "%s", dot + 1);
    *dot = '\0';
    return number;
}

const char *torch_name(arena *a, const foreign *f)
{
    char *path = arena_printf(a, "%s", f->path), *dot = strrchr(path, '.');
    if (!dot) return path;
    const char *word = dot + 1;
    *dot = '\0';
    bool is_recurrent = false;
    for (size_t i = 0; i < sizeof recurrent_words / sizeof *recurrent_words; i++)
        is_recurrent = is_recurrent || strcmp(word, recurrent_words[i]) == 0;
    if (!is_recurrent) return arena_printf(a, "%s.%s", path, word);
    bool reverse = take_word(path, "backward");
    if (!reverse) take_word(path, "forward");
    const char *number = take_number(a, path);
    return arena_printf(a, "%s.%s_l%s%s", path, word, number, reverse ? "_reverse" : "");
}
