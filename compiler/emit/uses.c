/* uses.c: the names that text uses and that something in front of it declares: sizes, pointers, parameters, helpers,
 * kernels, places of weights.
 *
 * A function is written before what stands in front of it. Whoever writes such a name takes it from c_use, which notes
 * it among the free names of the text in the making; a declaration takes it from there. What is left at the text's end
 * is free in what is around it: a helper's in the function, a function's in the file. */
#include "emit/writer.h"

typedef struct uses {
    names *names;
    name_map of; /* 1: used and not declared */
    ARRAY(name) all;
    struct uses *around;
} uses;

void uses_open(writer *w)
{
    uses *inner = ARENA_NEW(w->arena, uses);
    *inner = (uses){.names = w->uses ? w->uses->names : names_new(w->arena), .around = w->uses};
    w->uses = inner;
}

void uses_close(writer *w)
{
    const uses *inner = w->uses;
    w->uses = inner->around;
    for (size_t i = 0; i < inner->all.len; i++) {
        uint32_t used = 0;
        if (name_map_get(&inner->of, inner->all.data[i], &used) && used) (void)c_use(w, inner->all.data[i]);
    }
}

const char *c_use(const writer *w, const char *what)
{
    uses *u = w->uses;
    name n = name_of(u->names, what);
    uint32_t used = 0;
    if (!name_map_get(&u->of, n, &used)) array_push(w->arena, &u->all, n);
    if (!used) name_map_set(w->arena, &u->of, n, 1);
    return what;
}

bool is_used(const writer *w, const char *what)
{
    uint32_t used = 0;
    return name_map_get(&w->uses->of, name_of(w->uses->names, what), &used) && used;
}

bool uses_take(const writer *w, const char *what)
{
    bool used = is_used(w, what);
    if (used) name_map_set(w->arena, &w->uses->of, name_of(w->uses->names, what), 0);
    return used;
}
