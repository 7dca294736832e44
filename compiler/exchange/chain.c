/* chain.c: layers in order, as a spec, and computed; see chain.h. */
#include "exchange/chain.h"
#include "syntax/syntax.h"
#include <ctype.h>
#include <string.h>

enum { ORDERS_TRIED = 1 << 20 };

const layer_info layer_table[] = {
#define LAYER(format, cell, kind, equations, order, flags)                                                             \
    {#format, cell, LAYER_##kind, RECURRENCE_##equations, order, flags},
#include "exchange/layers.def"
};
const size_t layer_count = sizeof layer_table / sizeof *layer_table;

const layer_info *layer_find(const char *format, layer_kind kind, size_t gates, int mask, int flags, const char *cell)
{
    for (size_t i = 0; i < layer_count; i++) {
        const layer_info *l = &layer_table[i];
        if (strcmp(l->format, format) != 0 || l->kind != kind || strlen(l->order) != gates) continue;
        if ((l->flags & mask) == flags && (!cell || strcmp(l->cell, cell) == 0)) return l;
    }
    return NULL;
}

const layer_info *layer_other(const layer_info *l, int mask)
{
    for (size_t i = 0; l && i < layer_count; i++) {
        const layer_info *o = &layer_table[i];
        if (o != l && strcmp(o->format, l->format) == 0 && o->kind == l->kind && strcmp(o->order, l->order) == 0 &&
            (o->flags & mask) == (l->flags & mask))
            return o;
    }
    return NULL;
}

const double *chain_values(arena *a, const tensor *t, shape *out)
{
    if (!dtype_is_real(t->dtype) || t->rank > 2 || t->count > MODEL_MAX_COMPONENTS || !t->count) return NULL;
    *out = (shape){(int)t->rank, {1, 1}};
    for (size_t i = 0; i < t->rank; i++) out->dim[i] = (int)t->dims[i];
    double *values = ARENA_ARRAY(a, double, t->count);
    tensor_to_double(t, values);
    return values;
}

const chain_tensor *chain_find(const chain_layer *l, const char *word, int layer, bool reverse)
{
    for (size_t i = 0; i < l->tensors.len; i++) {
        const chain_tensor *t = &l->tensors.data[i];
        if (strcmp(t->word, word) == 0 && t->layer == layer && t->reverse == reverse) return t;
    }
    return NULL;
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

const char *chain_choice(arena *a, chain_choices *c, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < c->count; i++)
        if (strncmp(c->choice[i], path, n) == 0 && c->choice[i][n] == '=') {
            c->taken[i] = true;
            return arena_printf(a, "%s", c->choice[i] + n + 1);
        }
    return NULL;
}

static bool follows(const chain_layer *before, const chain_layer *l)
{
    if (l->info->kind == LAYER_EMBEDDING) return !before;
    return !before || before->outputs == l->inputs;
}

/* The layer as what it is when it comes first, or back. */
static void swap_first(chain_layer *l)
{
    const layer_info *info = l->info;
    int inputs = l->inputs;
    l->info = l->first;
    l->first = info;
    l->inputs = l->outputs;
    l->units = l->outputs = inputs;
}

/* A search through the orders that fit: depth first, in the order of the file. */
typedef struct search {
    chain *c;
    chain_layer *order[CHAIN_MAX_LAYERS], *first[CHAIN_MAX_LAYERS];
    bool used[CHAIN_MAX_LAYERS];
    bool swapped, first_swapped; /* the layer that comes first is what it is there */
    int found, tried;
} search;

static void extend(search *s, size_t at)
{
    size_t n = s->c->layers.len;
    if (at == n) {
        if (s->found++ > 0) return;
        memcpy(s->first, s->order, n * sizeof *s->first);
        s->first_swapped = s->swapped;
        return;
    }
    for (size_t i = 0; i < n && s->found < 2 && s->tried < ORDERS_TRIED; i++) {
        chain_layer *l = s->c->layers.data[i];
        if (s->used[i] || !follows(at ? s->order[at - 1] : NULL, l)) continue;
        s->tried++;
        s->used[i] = true;
        s->order[at] = l;
        s->swapped = s->swapped || (at == 0 && l->first);
        if (at == 0 && l->first) swap_first(l);
        extend(s, at + 1); /* at most CHAIN_MAX_LAYERS deep */
        if (at == 0 && l->first) {
            swap_first(l);
            s->swapped = false;
            if (!s->found) extend(s, at + 1);
        }
        s->used[i] = false;
    }
}

void chain_note_other(chain *c, const chain_layer *l, const layer_info *other)
{
    if (!other) return;
    array_push(c->arena, &c->notes,
               arena_printf(c->arena,
                            "'%s' is taken for the cell '%s', which no tensor tells from '%s'; -D %s=%s chooses "
                            "that one",
                            l->path, l->info->cell, other->cell, l->path, other->cell));
}

static const char *order_given(chain *c, const char *order)
{
    size_t n = 0;
    for (const char *at = order;; at++) {
        size_t length = strcspn(at, ","), k = n;
        while (k < c->layers.len &&
               (strlen(c->layers.data[k]->path) != length || strncmp(c->layers.data[k]->path, at, length) != 0))
            k++;
        if (k >= c->layers.len)
            return arena_printf(c->arena, "--order: there is no layer '%.*s', or it stands there twice", (int)length,
                                at);
        chain_layer *moved = c->layers.data[k];
        c->layers.data[k] = c->layers.data[n];
        c->layers.data[n++] = moved;
        at += length;
        if (!*at) break;
    }
    if (n < c->layers.len) return arena_printf(c->arena, "--order: the layer '%s' is missing", c->layers.data[n]->path);
    chain_layer *first = c->layers.data[0];
    if (first->first && n > 1 && c->layers.data[1]->inputs == first->inputs) {
        swap_first(first);
        chain_note_other(c, first, first->first);
    }
    for (size_t i = 1; i < n; i++) {
        const chain_layer *l = c->layers.data[i], *before = c->layers.data[i - 1];
        if (!follows(before, l))
            return arena_printf(c->arena, "'%s' takes %d components, but '%s' before it gives %d", l->path, l->inputs,
                                before->path, before->outputs);
    }
    return NULL;
}

const char *chain_order(chain *c, const chain_choices *choices, bool *other)
{
    size_t n = c->layers.len;
    *other = false;
    for (size_t i = 0; i < choices->count; i++)
        if (!choices->taken[i])
            return arena_printf(c->arena, "-D %s: there is no layer of that name to choose a cell for",
                                choices->choice[i]);
    if (c->loose.len && strncmp(c->loose.data[0].own, "arr_", 4) == 0)
        return arena_printf(
            c->arena,
            "'%s' is what numpy calls an array saved without a name; docs/deployment.md has a line that "
            "saves them with the names of Keras",
            c->loose.data[0].own);
    if (c->loose.len)
        return arena_printf(c->arena,
                            "'%s' %s: no layer that rnnc knows has such a tensor; take it out, or write a spec "
                            "with a parameter of that name and give it with --spec",
                            c->loose.data[0].own, model_shape_text(c->arena, c->loose.data[0].shape));
    if (n > CHAIN_MAX_LAYERS) return arena_printf(c->arena, "more than %d layers", CHAIN_MAX_LAYERS);
    if (choices->order) return order_given(c, choices->order);
    search *s = ARENA_NEW(c->arena, search);
    s->c = c;
    extend(s, 0);
    if (!s->found) {
        text *list = text_new(c->arena);
        for (size_t i = 0; i < n; i++) {
            const chain_layer *l = c->layers.data[i];
            text_put(list, "%s%s: %d to %d", i ? ", " : "", l->path, l->inputs, l->outputs);
        }
        return arena_printf(c->arena,
                            "in no order does each layer take what the one before it gives (%s); write the "
                            "spec yourself and give it with --spec",
                            text_string(list));
    }
    *other = s->found > 1;
    memcpy(c->layers.data, s->first, n * sizeof *s->first);
    if (!s->first_swapped) return NULL;
    swap_first(c->layers.data[0]);
    chain_note_other(c, c->layers.data[0], c->layers.data[0]->first);
    return NULL;
}

/* ---- as a spec --------------------------------------------------------------------------------------------------- */

/* A name for a layer that the language has no other meaning for, and that no layer before it has. *call is the name
 * without what had to be added, where that may name a call. */
static const char *word_for(const chain *c, size_t index, const char **call)
{
    arena *a = c->arena;
    const char *path = c->layers.data[index]->path;
    char *word = arena_printf(a, "%s%s", isalpha((unsigned char)*path) ? "" : "layer_", path);
    for (char *k = word; *k; k++)
        if (!isalnum((unsigned char)*k)) *k = '_';
    if (strlen(word) > SYNTAX_MAX_NAME - 8) word[SYNTAX_MAX_NAME - 8] = '\0';
    bool taken = model_word_taken(a, word) || strcmp(word, "x") == 0 || strcmp(word, "t") == 0;
    bool reserved = syntax_is_reserved(word);
    *call = word;
    if (taken) word = arena_printf(a, "%s_layer", word);
    if (reserved) *call = word;
    for (size_t i = 0; i < index; i++)
        if (strcmp(c->layers.data[i]->word, word) == 0) return *call = arena_printf(a, "%s_%zu", word, index);
    return word;
}

static bool is_recurrent(const chain_layer *l) { return l->info->kind == LAYER_RECURRENT; }

/* The number of the layer that reads the last step only; the number of layers when none does, or the output does. */
static size_t reads_last(const chain *c)
{
    size_t at = c->layers.len + 1;
    for (size_t i = 0; c->last && i < c->layers.len; i++)
        if (is_recurrent(c->layers.data[i])) at = i + 1;
    return at;
}

const char *chain_spec(chain *c, const char *word, const char *from)
{
    text *out = text_new(c->arena);
    const chain_layer *first = c->layers.data[0];
    const char *before = "x";
    size_t last = reads_last(c);
    text_line(out, "# %s.rnn: made by rnnc import from %s.", word, from);
    text_open(out, "model %s", word);
    text_line(out, "input x[t] : %s(%d)", first->info->kind == LAYER_EMBEDDING ? "token" : "real", first->inputs);
    for (size_t i = 0; i < c->layers.len; i++) {
        chain_layer *l = c->layers.data[i];
        l->word = word_for(c, i, &l->call);
        text_put(out, "%s = %s%s(", l->word, l->both ? "bidirectional " : "", l->info->cell);
        text_put(out, i == last ? "last(%s), %d" : "%s, %d", before, is_recurrent(l) ? l->units : l->outputs);
        if (l->info->flags & PROJECTED) text_put(out, ", %d", l->outputs / (1 + l->both));
        if (l->layers > 1) text_put(out, ", layers = %d", l->layers);
        if (l->info->kind == LAYER_DENSE && !l->bias) text_puts(out, ", bias = false");
        if (strcmp(l->call, l->word) != 0) text_put(out, ", name = %s", l->call);
        text_put(out, ")");
        if (strcmp(l->path, l->call) != 0) text_put(out, "    # %s", l->path);
        text_end(out);
        before = l->word;
    }
    if (last == c->layers.len) {
        text_line(out, "y = last(%s)", before);
        before = "y";
    }
    text_line(out, "output %s", before);
    text_close(out, NULL);
    return text_string(out);
}

/* A layer of a stack, in one direction: what one call of a cell is. */
typedef struct unit {
    const chain_layer *l;
    int layer;
    bool reverse;
    const char *path; /* of the call */
    bool bound;
} unit;
typedef ARRAY(unit) units;

static units list_units(const chain *c, bool by_word)
{
    units all = {0};
    for (size_t i = 0; i < c->layers.len; i++) {
        const chain_layer *l = c->layers.data[i];
        for (int k = 0; k < l->layers; k++)
            for (int d = 0; d <= l->both; d++) {
                const char *stack = l->layers > 1 ? arena_printf(c->arena, ".%d", k) : "";
                const char *direction = !l->both ? "" : d ? ".backward" : ".forward";
                const char *path = arena_printf(c->arena, "%s%s%s", by_word ? l->call : l->path, stack, direction);
                array_push(c->arena, &all, (unit){l, k, d == 1, path, by_word});
            }
    }
    return all;
}

/* Gives each unit the path of a call of m. */
static const char *bind(const chain *c, const model *m, units *all)
{
    bool *taken = ARENA_ARRAY(c->arena, bool, m->instances.len + 1);
    size_t unbound = 0, calls = 0, next = 0;
    for (size_t i = 0; i < m->weights.len; i++) {
        const model_weights *w = &m->weights.data[i];
        if (strcmp(w->format, c->format) != 0) continue;
        for (size_t u = 0; u < all->len; u++)
            if (!all->data[u].bound && strcmp(all->data[u].path, w->instance->path) == 0)
                all->data[u].bound = taken[w->instance->number] = true;
    }
    uint32_t *open = ARENA_ARRAY(c->arena, uint32_t, m->instances.len + 1);
    for (size_t i = 0; i < m->weights.len; i++) {
        const model_weights *w = &m->weights.data[i];
        if (strcmp(w->format, c->format) != 0 || taken[w->instance->number]) continue;
        taken[w->instance->number] = true;
        open[calls++] = w->instance->number;
    }
    for (size_t u = 0; u < all->len; u++) unbound += !all->data[u].bound;
    if (unbound != calls)
        return arena_printf(c->arena,
                            "%zu layers have no call of their name, and %zu calls of the spec no layer: "
                            "'rnnc check -v' lists the calls",
                            unbound, calls);
    for (size_t u = 0; u < all->len; u++)
        if (!all->data[u].bound) all->data[u].path = m->instances.data[open[next++]]->path;
    return NULL;
}

bool chain_foreigns(const chain *c, const model *m, foreigns *all, const char **error)
{
    units list = list_units(c, !m);
    *error = m ? bind(c, m, &list) : NULL;
    for (size_t u = 0; u < list.len && !*error; u++)
        for (size_t k = 0; k < list.data[u].l->tensors.len; k++) {
            const chain_tensor *t = &list.data[u].l->tensors.data[k];
            if (t->layer != list.data[u].layer || t->reverse != list.data[u].reverse) continue;
            const char *path = arena_printf(c->arena, "%s.%s", list.data[u].path, t->word);
            array_push(c->arena, all, (foreign){path, t->own, t->shape, t->values, false});
        }
    for (size_t i = 0; i < c->loose.len; i++) array_push(c->arena, all, c->loose.data[i]);
    return !*error;
}

/* ---- computed ---------------------------------------------------------------------------------------------------- */

/* W x + b of each step, or row x of W. */
static void run_flat(const chain_layer *l, const double *x, int steps, double *y)
{
    bool lookup = l->info->kind == LAYER_EMBEDDING;
    const double *W = l->part[0].W, *b = l->part[0].b_w;
    size_t n = (size_t)l->inputs, m = (size_t)l->outputs;
    for (size_t t = 0; t < (size_t)steps; t++)
        for (size_t i = 0; i < m; i++) {
            double sum = b ? b[i] : 0;
            if (lookup) sum += W[(size_t)x[t] * m + i];
            for (size_t k = 0; !lookup && k < n; k++) sum += W[i * n + k] * x[t * n + k];
            y[t * m + i] = sum;
        }
}

static const double *run_recurrent(arena *a, const chain_layer *l, const double *x, int steps)
{
    size_t directions = 1 + (size_t)l->both, outputs = (size_t)l->outputs, width = outputs / directions;
    size_t all = (size_t)steps * outputs, own = (size_t)steps * width;
    for (int k = 0; k < l->layers; k++) {
        double *both = ARENA_ARRAY(a, double, all);
        for (size_t d = 0; d < directions; d++) {
            const recurrent *r = &l->part[(size_t)k * directions + d];
            double *h = ARENA_ARRAY(a, double, width), *c = ARENA_ARRAY(a, double, (size_t)r->units);
            double *y = ARENA_ARRAY(a, double, own);
            recurrent_run(a, r, x, steps, d == 1, h, c, y);
            for (size_t t = 0; t < (size_t)steps; t++)
                memcpy(both + (t * directions + d) * width, y + t * width, width * sizeof *y);
        }
        x = both;
    }
    return x;
}

/* One step that has, of each direction, the step that it comes to last. */
static const double *last_step(arena *a, const chain_layer *l, const double *x, int steps)
{
    size_t width = (size_t)l->outputs, half = l->both ? width / 2 : width;
    double *y = ARENA_ARRAY(a, double, width);
    memcpy(y, x + (size_t)(steps - 1) * width, half * sizeof *y);
    memcpy(y + half, x + half, (width - half) * sizeof *y);
    return y;
}

void chain_run(const chain *c, const double *x, int steps, double *y)
{
    size_t last = reads_last(c);
    for (size_t i = 0; i < c->layers.len; i++) {
        const chain_layer *l = c->layers.data[i];
        if (i == last) {
            x = last_step(c->arena, c->layers.data[i - 1], x, steps);
            steps = 1;
        }
        if (is_recurrent(l)) {
            x = run_recurrent(c->arena, l, x, steps);
            continue;
        }
        size_t all = (size_t)steps * (size_t)l->outputs;
        double *out = ARENA_ARRAY(c->arena, double, all);
        run_flat(l, x, steps, out);
        x = out;
    }
    const chain_layer *end = c->layers.data[c->layers.len - 1];
    if (last == c->layers.len) {
        x = last_step(c->arena, end, x, steps);
        steps = 1;
    }
    memcpy(y, x, (size_t)steps * (size_t)end->outputs * sizeof *y);
}
