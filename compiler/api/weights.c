/* weights.c: tensors by name to the array of parameters and back; see weights.h. */
#include "api/weights.h"
#include "train/checkpoint.h"
#include <stdlib.h>
#include <string.h>

static bool is_param(const graph *g, const char *word)
{
    for (size_t i = 0; i < g->params.len; i++)
        if (strcmp(g->params.data[i].path, word) == 0) return true;
    return false;
}

/* The tensor in the file that belongs to no parameter, or NULL; of several the one nearest to `wanted`. What a
 * checkpoint keeps besides weights is none. */
static const char *stranger(arena *a, const graph *g, const tensors *file, const char *wanted)
{
    const char **words = ARENA_ARRAY(a, const char *, file->len + 1);
    size_t count = 0;
    for (size_t i = 0; i < file->len; i++)
        if (!is_param(g, file->data[i].name) && !checkpoint_tensor_of_run(file->data[i].name))
            words[count++] = file->data[i].name;
    const char *nearest = wanted ? name_nearest(wanted, words, count) : NULL;
    return nearest ? nearest : words[0];
}

static const char *check_names(arena *a, const graph *g, const char *path, const tensors *file)
{
    for (size_t i = 0; i < g->params.len; i++) {
        const graph_param *p = &g->params.data[i];
        if (tensors_find(file, p->path)) continue;
        const char *extra = stranger(a, g, file, p->path);
        if (extra)
            return arena_printf(
                a,
                "%s: the tensor '%s' %s is missing, and '%s' belongs to no parameter; 'rnnc check -v' lists the names",
                path, p->path, shape_text(a, p->shape), extra);
        return arena_printf(a, "%s: the tensor '%s' %s is missing; 'rnnc check -v' lists the names", path, p->path,
                            shape_text(a, p->shape));
    }
    const char *extra = stranger(a, g, file, NULL);
    if (extra)
        return arena_printf(
            a, "%s: the tensor '%s' belongs to no parameter; take it out ('rnnc check -v' lists the names)", path,
            extra);
    return NULL;
}

static const char *check_tensor(arena *a, const graph_param *p, const char *path, const tensor *t)
{
    bool fits = t->rank == (size_t)p->shape.rank;
    for (int i = 0; fits && i < p->shape.rank; i++) fits = t->dims[i] == (size_t)p->shape.dim[i];
    if (!fits) {
        text *found = text_new(a);
        for (size_t i = 0; i < t->rank; i++) text_put(found, "%s%zu", i ? ", " : "", t->dims[i]);
        return arena_printf(a, "%s: '%s' has shape (%s), but the parameter is %s", path, p->path, text_string(found),
                            shape_text(a, p->shape));
    }
    switch (t->dtype) {
    case DTYPE_F64:
    case DTYPE_F32:
    case DTYPE_F16:
    case DTYPE_BF16: return NULL;
    case DTYPE_F8_E4M3:
    case DTYPE_F8_E5M2:
    case DTYPE_I64:
    case DTYPE_I32:
    case DTYPE_I16:
    case DTYPE_I8:
    case DTYPE_U64:
    case DTYPE_U32:
    case DTYPE_U16:
    case DTYPE_U8:
    case DTYPE_BOOL: break;
    }
    return arena_printf(a, "%s: '%s' is %s, expected F32, F64, F16 or BF16", path, p->path, dtype_name(t->dtype));
}

/* What is computed with a NaN or an infinity says nothing; what is beyond a float would become one. */
static const char *check_finite(arena *a, const char *path, const tensor *t, bool real_double)
{
    char *why = NULL;
    if (tensor_is_finite(t, real_double ? sizeof(double) : sizeof(float), REAL_REMEDY, &why)) return NULL;
    const char *error = arena_printf(a, "%s: %s", path, why ? why : "out of memory");
    free(why);
    return error;
}

double *weights_values(arena *a, const graph *g, bool real_double, const char *path, const tensors *file,
                       const char **error)
{
    *error = check_names(a, g, path, file);
    if (*error) return NULL;
    double *values = ARENA_ARRAY(a, double, graph_param_offset(g, g->params.len) + 1);
    for (uint32_t i = 0; i < g->params.len; i++) {
        const graph_param *p = &g->params.data[i];
        const tensor *t = tensors_find(file, p->path);
        *error = check_tensor(a, p, path, t);
        if (!*error) *error = check_finite(a, path, t, real_double);
        if (*error) return NULL;
        tensor_to_double(t, values + graph_param_offset(g, i));
    }
    return values;
}

void *weights_from_tensors(const loaded *l, const graph *g, const char *path, const tensors *file, const char **error)
{
    const double *values = weights_values(l->arena, g, l->real_double, path, file, error);
    if (!values) return NULL;
    size_t count = loaded_size(l, SIZE_PARAMS, 1, NULL);
    void *params = loaded_reals(l, count);
    for (size_t k = 0; k < count; k++) loaded_set_real(l, params, k, values[k]);
    return params;
}

void weights_to_tensors(const loaded *l, const graph *g, const void *params, tensors *to)
{
    size_t offset = 0;
    for (size_t i = 0; i < g->params.len; i++) {
        const graph_param *p = &g->params.data[i];
        size_t dims[2] = {(size_t)p->shape.dim[0], (size_t)p->shape.dim[1]};
        const char *start = (const char *)params + offset * (l->real_double ? sizeof(double) : sizeof(float));
        if (!tensors_add(to, p->path, l->real_double ? DTYPE_F64 : DTYPE_F32, (size_t)p->shape.rank, dims, start))
            return;
        offset += (size_t)shape_size(p->shape);
    }
}
