/* data_sizes.c: see data_sizes.h. */
#include "driver/data_sizes.h"
#include "train/array_data.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { STAND_IN = 5 };

/* What the data say about one size: the number of classes of the tokens, the dimension of the reals it stands in. */
typedef struct data_size {
    size_t classes, extent;
    const char *of;                /* whose extent that is */
    const model_variable *used_by; /* the first with it in its type */
} data_size;

static bool is_size(const tree_expr *e, const model_size *z)
{
    return e->kind == TREE_NAME && strcmp(e->name, z->word) == 0;
}

/* An input or target whose type needs the size, when nothing has said the size. */
static int nothing_said(const data_source *s, const model_size *z, const model_variable *v)
{
    const tensor *t = s->array(s->data, v->path);
    if (!t)
        return command_fault(EXIT_SPEC,
                             "%s: the size %s comes from '%s', and there is no such array: add it, or -D %s=65",
                             s->path, z->word, v->path, z->word);
    if (v->type.token && !dtype_is_integer(t->dtype))
        return command_fault(EXIT_SPEC, "%s: '%s' is %s, but tokens are integers; store it as int64", s->path, v->path,
                             dtype_name(t->dtype));
    if (v->type.token)
        return command_fault(EXIT_SPEC,
                             "%s: the size %s comes from '%s', which holds no token from 0 to %d inside its sequences",
                             s->path, z->word, v->path, INT_MAX - 1);
    size_t dims = v->decl->type.dims.len, rank = (size_t)__builtin_popcount(v->type.axes) + dims;
    char *found = shape_to_text(t->rank, t->dims);
    int code =
        command_fault(EXIT_SPEC, "%s: '%s' has shape %s, expected are %zu dimensions, and %s of them says the size %s",
                      s->path, v->path, found ? found : "?", rank, dims == 1 ? "the last" : "one", z->word);
    free(found);
    return code;
}

/* Adds what the array of an input or target says. Of tokens the largest number of classes counts; dimensions must be
 * the same. */
static int add_value(const data_source *s, const model_size *z, const model_variable *v, data_size *to)
{
    const tree_type *written = &v->decl->type;
    size_t before = (size_t)__builtin_popcount(v->type.axes);
    for (size_t i = 0; i < written->dims.len; i++) {
        if (!is_size(written->dims.data[i], z)) continue;
        if (!to->used_by) to->used_by = v;
        size_t found = v->type.token ? s->classes(s->data, v->path)
                                     : s->dimension(s->data, v->path, before + written->dims.len, before + i);
        if (v->type.token && found > to->classes) to->classes = found;
        if (v->type.token || found == 0) continue;
        if (to->extent && to->extent != found)
            return command_fault(EXIT_SPEC, "%s: the size %s is %zu for '%s', but %zu for '%s': give them two sizes",
                                 s->path, z->word, to->extent, to->of, found, v->path);
        to->extent = found;
        to->of = v->path;
    }
    return 0;
}

int data_sizes_read(arena *a, const model *m, const data_source *s, const char **sizes)
{
    text *t = text_new(a);
    for (size_t i = 0; i < m->sizes.len; i++) {
        const model_size *z = m->sizes.data[i];
        data_size found = {0};
        for (size_t k = 1; z->from_data && k < m->variables.len; k++) {
            const model_variable *v = &m->variables.data[k];
            int code = v->kind == VARIABLE_INPUT ? add_value(s, z, v, &found) : 0;
            if (code) return code;
        }
        size_t size = found.extent ? found.extent : found.classes;
        if (size) text_put(t, " %s=%zu", z->word, size);
        const model_variable *v = size ? NULL : found.used_by;
        if (v && s->array && (!s->partial || s->array(s->data, v->path))) return nothing_said(s, z, v);
    }
    *sizes = text_string(t);
    return 0;
}

/* ---- arrays of a file -------------------------------------------------------------------------------------------- */

static size_t classes(const void *data, const char *value) { return arrays_classes(data, value); }

static size_t dimension(const void *data, const char *value, size_t rank, size_t k)
{
    return arrays_dimension(data, value, rank, k);
}

static const tensor *array(const void *data, const char *value) { return tensors_find(data, value); }

int data_sizes_define(arena *a, const tensors *arrays, const char *path, pipeline_options *po)
{
    pipeline first;
    pipeline_options trial = *po;
    data_source s = {classes, dimension, array, arrays, path, po->data_size > 0};
    const char *sizes = "";
    trial.data_size = STAND_IN;
    trial.passed = NULL;
    int code = command_open(&first, a, &trial);
    if (code || !pipeline_check(&first)) return code;
    code = data_sizes_read(a, first.model, &s, &sizes);
    if (!code) command_define(a, po, sizes, true);
    return code;
}
