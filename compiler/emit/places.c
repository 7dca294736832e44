/* places.c: see places.h. */
#include "emit/places.h"

/* The names that are given. */
typedef struct given {
    arena *arena;
    names *names;
    name_map taken;
} given;

/* "AT_h_Wi" of "h.Wi". */
static const char *place_name(given *g, const char *before, const char *path, const char *after)
{
    arena *a = g->arena;
    char *stem = arena_printf(a, "AT_%s%s%s", before, path, after);
    for (char *c = stem; *c; c++) *c = *c == '.' ? '_' : *c;
    name word = name_of(g->names, stem);
    uint32_t taken = 0;
    for (int tries = 2; name_map_get(&g->taken, word, &taken); tries++)
        word = name_printf(g->names, "%s_v%d", stem, tries);
    name_map_set(a, &g->taken, word, 1);
    return word;
}

/* Words that hold K integers. */
static int words_of_column(int K, int bits) { return (int)(((size_t)K * (size_t)bits + WORD_BITS - 1) / WORD_BITS); }

/* As the equations have it: W @ x takes W, the gradient W'. */
static void place_packing(given *of, places *p, size_t number, const graph *g, const packing *pk, int bits)
{
    arena *a = of->arena;
    text *t = text_new(a);
    const char *first = NULL;
    bool as_it_is = true;
    for (size_t i = 0; i < pk->pieces.len; i++) {
        const packed_piece *x = &pk->pieces.data[i];
        const char *path = g->params.data[places_param(p, (size_t)x->matrix.column)].path;
        if (!i) first = path;
        if (!i) as_it_is = pk->table || x->transposed;
        text_put(t, "%s%s%s", i ? ", " : "", path, pk->table || x->transposed ? "" : "'");
    }
    bool integers = bits && !pk->table;
    size_t reals = pk->table ? plan_table_size(pk->K, pk->N) : plan_packed_size(pk->K, pk->N);
    size_t words = plan_packed_size(words_of_column(pk->K, bits), pk->N);
    const char *which = text_string(t), *after = as_it_is ? "" : "_transposed";
    p->packings[number] = (weight_place){.name = place_name(of, pk->table ? "table_" : "packed_", first, after),
                                         .what = arena_printf(a, "%s, %s", which,
                                                              pk->table  ? "a row for each token"
                                                              : integers ? "packed for products, as integers"
                                                                         : "packed for products"),
                                         .count = integers ? words : reals,
                                         .offset = pk->offset,
                                         .integers = integers};
    if (integers)
        p->scales[number] = (weight_place){.name = place_name(of, "scales_", first, after),
                                           .what = arena_printf(a, "%s, a scale for each row", which),
                                           .count = plan_packed_size(1, pk->N)};
}

/* ---- tables of integers ------------------------------------------------------------------------------------------ */

/* The parameter whose rows (transposed: columns) an operand has, as 2 * number + transposed; -1: it is something else. */
static int table_of(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    bool transposed = n->op == OP_transpose;
    if (transposed) n = graph_node(g, n->arg[0]);
    return n->op == OP_param && n->type.shape.rank == 2 ? 2 * (int)n->attr.index + transposed : -1;
}

int places_table(const places *p, const graph *g, const node *lookup)
{
    int table = lookup->op == OP_lookup ? table_of(g, lookup->arg[0]) : -1;
    return table >= 0 && p->rows && p->rows[table].what ? table : -1;
}

/* Does every product that reads a parameter have a scale for each of its rows alone? Then a row is the same integers for
 * a product and for a lookup. *none: no product reads it. */
static bool rows_have_scales(const places *p, const pool *shared, const graph *g, size_t param, bool *none)
{
    bool rows = true;
    *none = true;
    for (size_t i = 1; i < shared->packings.len; i++) {
        const packing *pk = &shared->packings.data[i];
        for (size_t k = 0; k < pk->pieces.len && !pk->in_call; k++) {
            const packed_piece *x = &pk->pieces.data[k];
            if (places_param(p, (size_t)x->matrix.column) != param) continue;
            int stride = x->transposed ? x->matrix.sj : x->matrix.si;
            *none = false;
            rows = rows && stride == 1 && x->k == pk->K && x->k == g->params.data[param].shape.dim[1];
        }
    }
    return rows;
}

/* A table that a token chooses rows of becomes integers, with a scale for each row; where products have the same numbers
 * as other integers, it stays reals. */
static void place_tables(given *of, places *p, const graph *g, const pool *shared, int bits)
{
    arena *a = of->arena;
    bool *read = ARENA_ARRAY(a, bool, 2 * p->param_count + 1);
    p->rows = ARENA_ARRAY(a, weight_place, 2 * p->param_count + 1);
    p->row_scales = ARENA_ARRAY(a, weight_place, 2 * p->param_count + 1);
    for (uint32_t i = 1; i < g->nodes.len; i++) {
        const node *n = graph_node(g, (node_id){i});
        int table = n->op == OP_lookup ? table_of(g, n->arg[0]) : -1;
        if (table >= 0) read[table] = true;
    }
    for (size_t i = 0; i < 2 * p->param_count; i++) {
        const graph_param *x = &g->params.data[i / 2];
        bool transposed = i % 2, none, rows = rows_have_scales(p, shared, g, i / 2, &none);
        if (!read[i] || (transposed ? !none || read[i - 1] : !rows)) continue;
        int K = x->shape.dim[transposed], N = x->shape.dim[!transposed];
        const char *after = transposed ? "_transposed" : "",
                   *which = arena_printf(a, "%s%s", x->path, transposed ? "'" : "");
        p->rows[i] = (weight_place){.name = place_name(of, "rows_", x->path, after),
                                    .what = arena_printf(a, "%s, a row for each token, as integers", which),
                                    .count = (size_t)K * (size_t)words_of_column(N, bits),
                                    .integers = true};
        p->row_scales[i] = (weight_place){.name = place_name(of, "row_scales_", x->path, after),
                                          .what = arena_printf(a, "%s, a scale for each token", which),
                                          .count = (size_t)K};
    }
}

places *places_new(arena *a, const emit_model *m, int bits)
{
    const graph *g = m->graph;
    const pool *shared = m->shared;
    places *p = ARENA_ARRAY(a, places, 1);
    given of = {.arena = a, .names = g->names};
    p->params = ARENA_ARRAY(a, weight_place, g->params.len + 1);
    p->packings = ARENA_ARRAY(a, weight_place, shared->packings.len + 1);
    p->scales = ARENA_ARRAY(a, weight_place, shared->packings.len + 1);
    size_t offset = 0;
    for (size_t i = 0; i < g->params.len; i++) {
        const graph_param *x = &g->params.data[i];
        p->params[i] = (weight_place){.name = place_name(&of, "", x->path, ""),
                                      .what = arena_printf(a, "%s %s", x->path, shape_text(a, x->shape)),
                                      .count = (size_t)shape_size(x->shape),
                                      .offset = offset};
        offset += p->params[i].count;
        p->param_count++;
    }
    for (size_t i = 0; i < shared->packings.len; i++) {
        const packing *pk = &shared->packings.data[i];
        if (i > 0 && !pk->in_call) place_packing(&of, p, i, g, pk, bits);
        p->packing_count++;
    }
    if (bits) place_tables(&of, p, g, shared, bits);
    return p;
}

size_t places_param(const places *p, size_t column)
{
    size_t first = 0, end = p->param_count;
    while (first + 1 < end) {
        size_t middle = first + (end - first) / 2;
        if (p->params[middle].offset <= column)
            first = middle;
        else
            end = middle;
    }
    return first;
}

weight_place *places_all(const places *p, size_t i)
{
    if (i < p->packing_count) return &p->packings[i];
    i -= p->packing_count;
    if (i < p->packing_count) return &p->scales[i];
    i -= p->packing_count;
    size_t tables = p->rows ? 2 * p->param_count : 0;
    if (i < tables) return &p->rows[i];
    i -= tables;
    if (i < tables) return &p->row_scales[i];
    i -= tables;
    return i < p->param_count ? &p->params[i] : NULL;
}

void places_write(text *out, const weight_place *all, size_t count, bool integers, const char *comment)
{
    const weight_place *before = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!all[i].what || all[i].integers != integers) continue;
        if (!before) {
            text_blank(out);
            text_line(out, "/* %s */", comment);
            text_open(out, "enum");
        } else {
            text_line(out, "%s = %zu, /* %s */", before->name, before->offset, before->what);
        }
        before = &all[i];
    }
    if (!before) return;
    text_line(out, "%s = %zu /* %s */", before->name, before->offset, before->what);
    text_close(out, ";");
}
