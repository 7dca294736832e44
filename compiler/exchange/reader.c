/* reader.c: see reader.h. */
#include "exchange/reader.h"
#include <string.h>

chain_layer *reader_layer(chain *c, const char *path)
{
    for (size_t i = 0; i < c->layers.len; i++)
        if (strcmp(c->layers.data[i]->path, path) == 0) return c->layers.data[i];
    chain_layer *l = ARENA_NEW(c->arena, chain_layer);
    l->path = path;
    l->layers = 1;
    array_push(c->arena, &c->layers, l);
    return l;
}

const chain_tensor *reader_need(reader *r, const chain_layer *l, const char *word, int layer, bool reverse, int rank)
{
    const chain_tensor *t = chain_find(l, word, layer, reverse);
    arena *a = r->c->arena;
    if (!t) {
        r->error =
            arena_printf(a, "the layer '%s' lacks its tensor '%s'%s%s", l->path, word,
                         l->layers > 1 ? arena_printf(a, " of layer %d", layer) : "", reverse ? ", reverse" : "");
    } else if (t->shape.rank != rank) {
        r->error = arena_printf(a, "'%s' is %s; expected a %s", t->own, model_shape_text(a, t->shape),
                                rank == 2 ? "matrix" : "vector");
        t = NULL;
    }
    return t;
}
