/* sweep.c: combinations of definitions; see sweep.h. */
#include "driver/sweep.h"
#include <string.h>

size_t sweep_values(const char *list)
{
    size_t n = 1;
    for (; *list; list++) n += *list == ',';
    return n;
}

const char *sweep_value(arena *a, const char *list, size_t which)
{
    for (; which; which--) list += strcspn(list, ",") + 1;
    return arena_strndup(a, list, strcspn(list, ","));
}

static const char *list_of(const char *define) { return strchr(define, '=') + 1; }

size_t sweep_count(const options *o)
{
    size_t n = 1;
    for (size_t i = 0; i < o->defines.len; i++) n *= sweep_values(list_of(o->defines.data[i]));
    return n;
}

options sweep_options(const options *o, const char *spec, size_t k, const char **label)
{
    options one = *o;
    size_t n = o->defines.len;
    const char **define = ARENA_ARRAY(o->arena, const char *, n + 1);
    text *t = text_new(o->arena);
    for (size_t i = n; i-- > 0;) {
        const char *written = o->defines.data[i], *list = list_of(written);
        size_t values = sweep_values(list);
        define[i] =
            arena_printf(o->arena, "%.*s%s", (int)(list - written), written, sweep_value(o->arena, list, k % values));
        k /= values;
    }
    for (size_t i = 0; i < n; i++)
        if (sweep_values(list_of(o->defines.data[i])) > 1) text_put(t, "%s%s", t->len ? " " : "", define[i]);
    one.operands.len = one.operands.cap = 0;
    one.defines.len = one.defines.cap = 0;
    one.operands.data = NULL;
    one.defines.data = NULL;
    array_push(o->arena, &one.operands, spec);
    for (size_t i = 0; i < n; i++) array_push(o->arena, &one.defines, define[i]);
    *label = text_string(t);
    return one;
}
