/* data_sizes.c: see data_sizes.h. */
#include "driver/data_sizes.h"
#include "train/array_data.h"
#include <string.h>

enum { STAND_IN = 5 };

/* What the data say about one size: the number of classes of the tokens, the dimension of the reals it stands in. */
typedef struct data_size {
    size_t classes, extent;
    const char *of; /* whose extent that is */
} data_size;

static bool is_size(const tree_expr *e, const model_size *z)
{
    return e->kind == TREE_NAME && strcmp(e->name, z->word) == 0;
}

/* Adds what the array of an input or target says. Of tokens the largest number of classes counts; dimensions must be
 * the same. */
static int add_value(const data_source *s, const model_size *z, const model_variable *v, data_size *to)
{
    const tree_type *written = &v->decl->type;
    size_t before = (size_t)__builtin_popcount(v->type.axes);
    for (size_t i = 0; i < written->dims.len; i++) {
        if (!is_size(written->dims.data[i], z)) continue;
        size_t found = v->type.token ? s->classes(s->data, v->path)
                                     : s->dimension(s->data, v->path, before + written->dims.len, before + i);
        if (v->type.token && found > to->classes) to->classes = found;
        if (v->type.token || found == 0) continue;
        if (to->extent && to->extent != found)
            return command_fault(EXIT_SPEC, "%s: the size %s is %zu for '%s', but %zu for '%s': give them two sizes",
                                 s->path, z->word, to->extent, to->of, found, v->path);
        *to = (data_size){to->classes, found, v->path};
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

int data_sizes_define(arena *a, const tensors *arrays, const char *path, pipeline_options *po)
{
    pipeline first;
    pipeline_options trial = *po;
    data_source s = {classes, dimension, arrays, path};
    const char *sizes;
    trial.data_size = STAND_IN;
    trial.passed = NULL;
    int code = command_open(&first, a, &trial);
    if (code || !pipeline_check(&first)) return code;
    code = data_sizes_read(a, first.model, &s, &sizes);
    if (!code) command_define(a, po, sizes, true);
    return code;
}
