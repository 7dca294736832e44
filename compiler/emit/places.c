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
