/* maps.c: applies the lines of `weights FORMAT { }`; see maps.h. The model has checked each line: rows agree, ranges
 * neither overlap nor leave gaps, every parameter is there once. What is checked here is the file. */
#include "exchange/maps.h"
#include <math.h>
#include <string.h>

const char *tensor_shape_text(arena *a, const tensor *t)
{
    text *out = text_new(a);
    text_puts(out, "(");
    for (size_t i = 0; i < t->rank; i++) text_put(out, "%s%zu", i ? ", " : "", t->dims[i]);
    text_puts(out, ")");
    return text_string(out);
}

static const model_variable *variable(const model *m, uint32_t number) { return &m->variables.data[number]; }

static const char *foreign_path(arena *a, const model_weights *w, name word)
{
    return arena_printf(a, "%s.%s", w->instance->path, word);
}

static foreign *find(const foreigns *all, const char *path)
{
    for (size_t i = 0; i < all->len; i++)
        if (strcmp(all->data[i].path, path) == 0) return &all->data[i];
    return NULL;
}

/* The shape that the lines of one block give the tensor `word`: as many rows as their ranges reach. */
static shape wanted_shape(const model *m, const model_weights *w, const weight_foreign *f)
{
    shape s = w->shape;
    int rows = 0;
    for (size_t i = 0; i < m->weights.len; i++) {
        const model_weights *line = &m->weights.data[i];
        if (line->instance != w->instance || line->format != w->format) continue;
        for (size_t k = 0; k < line->foreign.len; k++) {
            const weight_foreign *o = &line->foreign.data[k];
            if (o->word == f->word && o->begin + o->length > rows) rows = o->begin + o->length;
        }
    }
    s.dim[0] = rows;
    if (!f->transposed) return s;
    return shape_matrix(s.dim[1], s.dim[0]);
}

/* ---- import ------------------------------------------------------------------------------------------------------ */

/* Entry (i, j) of the rows of f that its line means. */
static double entry(const foreign *t, const weight_foreign *f, int i, int j)
{
    size_t r = (size_t)f->begin + (size_t)i, c = (size_t)j, columns = (size_t)t->shape.dim[1];
    return f->transposed ? t->values[c * columns + r] : t->values[r * columns + c];
}

/* How many of the line's tensors are there; *missing is the first that is not. */
static size_t count_given(arena *a, const model_weights *w, const foreigns *from, const char **missing)
{
    size_t given = 0;
    *missing = NULL;
    for (size_t i = 0; i < w->foreign.len; i++) {
        const char *path = foreign_path(a, w, w->foreign.data[i].word);
        if (find(from, path))
            given++;
        else if (!*missing)
            *missing = path;
    }
    return given;
}

static const char *check_shapes(arena *a, const model *m, const model_weights *w, const foreigns *from)
{
    for (size_t i = 0; i < w->foreign.len; i++) {
        const weight_foreign *f = &w->foreign.data[i];
        foreign *t = find(from, foreign_path(a, w, f->word));
        shape wanted = wanted_shape(m, w, f);
        t->used = true;
        if (!shape_equal(t->shape, wanted))
            return arena_printf(a, "'%s' is %s, but the layer '%s' (%s) takes %s", t->own,
                                model_shape_text(a, t->shape), w->instance->path, w->instance->cell->name.text,
                                model_shape_text(a, wanted));
    }
    return NULL;
}

/* Entry (i, j) of the stack of the pieces goes to piece number k at (r, c). */
static void find_piece(const model *m, const model_weights *w, int i, size_t *k, int *r)
{
    *k = 0;
    *r = i;
    for (;; (*k)++) {
        const weight_piece *p = &w->pieces.data[*k];
        shape s = variable(m, p->variable)->type.shape;
        int rows = p->transposed ? s.dim[1] : s.dim[0];
        if (*r < rows) return;
        *r -= rows;
    }
}

static double *piece_entry(const model *m, const weight_piece *p, double *values, int r, int c)
{
    shape s = variable(m, p->variable)->type.shape;
    return p->transposed ? &values[(size_t)c * (size_t)s.dim[1] + (size_t)r]
                         : &values[(size_t)r * (size_t)s.dim[1] + (size_t)c];
}

static void fill(arena *a, const model *m, const model_weights *w, const foreigns *from, double **values)
{
    const foreign **t = ARENA_ARRAY(a, const foreign *, w->foreign.len);
    for (size_t k = 0; k < w->foreign.len; k++) t[k] = find(from, foreign_path(a, w, w->foreign.data[k].word));
    for (int i = 0; i < w->shape.dim[0]; i++) {
        size_t k;
        int r;
        find_piece(m, w, i, &k, &r);
        for (int j = 0; j < w->shape.dim[1]; j++) {
            double sum = 0;
            for (size_t f = 0; f < w->foreign.len; f++) sum += entry(t[f], &w->foreign.data[f], i, j);
            *piece_entry(m, &w->pieces.data[k], values[w->pieces.data[k].variable], r, j) = sum;
        }
    }
}

static const char *import_line(arena *a, const model *m, const model_weights *w, foreigns *from, double **values,
                               const char **zeros)
{
    const char *missing;
    size_t given = count_given(a, w, from, &missing);
    if (missing && (given || w->shape.rank > 1))
        return arena_printf(a, "the layer '%s' (%s) lacks its tensor '%s' %s", w->instance->path,
                            w->instance->cell->name.text, strrchr(missing, '.') + 1, model_shape_text(a, w->shape));
    for (size_t i = 0; missing && i < w->pieces.len; i++)
        *zeros = arena_printf(a, "%s%s%s", *zeros ? *zeros : "", *zeros ? ", " : "",
                              variable(m, w->pieces.data[i].variable)->path);
    if (missing) return NULL;
    const char *error = check_shapes(a, m, w, from);
    if (!error) fill(a, m, w, from, values);
    return error;
}

/* A parameter of the model itself, or of a cell without lines of this format: by its own name. */
static const char *import_own(arena *a, const model_variable *v, foreigns *from, double *values)
{
    foreign *t = find(from, v->path);
    if (!t)
        return arena_printf(a, "nothing is there for the parameter '%s' %s%s", v->path,
                            model_shape_text(a, v->type.shape),
                            v->scope && v->scope->cell ? "; its cell has no 'weights { }' for this format" : "");
    t->used = true;
    if (!shape_equal(t->shape, v->type.shape))
        return arena_printf(a, "'%s' is %s, but the parameter '%s' is %s", t->own, model_shape_text(a, t->shape),
                            v->path, model_shape_text(a, v->type.shape));
    memcpy(values, t->values, (size_t)(t->shape.dim[0] * t->shape.dim[1]) * sizeof *values);
    return NULL;
}

static bool *mapped_parameters(arena *a, const model *m, const char *format)
{
    bool *mapped = ARENA_ARRAY(a, bool, m->variables.len + 1);
    for (size_t i = 0; i < m->weights.len; i++) {
        const model_weights *w = &m->weights.data[i];
        for (size_t k = 0; strcmp(w->format, format) == 0 && k < w->pieces.len; k++)
            mapped[w->pieces.data[k].variable] = true;
    }
    return mapped;
}

/* A tensor with a number that no network computes with. NULL: there is none. */
static const char *find_infinite(arena *a, const foreigns *all)
{
    for (size_t i = 0; i < all->len; i++) {
        const foreign *t = &all->data[i];
        size_t count = (size_t)t->shape.dim[0] * (size_t)t->shape.dim[1];
        for (size_t k = 0; k < count; k++)
            if (!isfinite(t->values[k]))
                return arena_printf(a, "'%s' has the number %g: weights must be finite", t->own, t->values[k]);
    }
    return NULL;
}

const char *maps_import(arena *a, const model *m, const char *format, foreigns *from, tensors *out, const char **zeros)
{
    double **values = ARENA_ARRAY(a, double *, m->variables.len + 1);
    const bool *mapped = mapped_parameters(a, m, format);
    const char *error = find_infinite(a, from);
    *zeros = NULL;
    for (uint32_t v = 1; v < m->variables.len; v++) {
        shape s = variable(m, v)->type.shape;
        if (variable(m, v)->kind != VARIABLE_PARAM) continue;
        values[v] = ARENA_ARRAY(a, double, (size_t)s.dim[0] * (size_t)s.dim[1]);
        if (!mapped[v] && !error) error = import_own(a, variable(m, v), from, values[v]);
    }
    for (size_t i = 0; !error && i < m->weights.len; i++)
        if (strcmp(m->weights.data[i].format, format) == 0)
            error = import_line(a, m, &m->weights.data[i], from, values, zeros);
    for (size_t i = 0; !error && i < from->len; i++)
        if (!from->data[i].used)
            error = arena_printf(a, "the tensor '%s' %s is not used: the layer has no place for it", from->data[i].own,
                                 model_shape_text(a, from->data[i].shape));
    for (uint32_t v = 1; !error && v < m->variables.len; v++) {
        shape s = variable(m, v)->type.shape;
        size_t dims[2] = {(size_t)s.dim[0], (size_t)s.dim[1]};
        if (values[v] && !tensors_add(out, variable(m, v)->path, DTYPE_F64, (size_t)s.rank, dims, values[v]))
            error = out->error;
    }
    return error;
}

/* ---- export ------------------------------------------------------------------------------------------------------ */

/* The foreign tensor of this path, made of zeros where it is new; values may be written. */
static double *export_tensor(arena *a, const model *m, const model_weights *w, const weight_foreign *f, foreigns *to)
{
    const char *path = foreign_path(a, w, f->word);
    foreign *t = find(to, path);
    if (!t) {
        shape s = wanted_shape(m, w, f);
        double *values = ARENA_ARRAY(a, double, (size_t)s.dim[0] * (size_t)s.dim[1]);
        array_push(a, to, (foreign){.path = path, .own = path, .shape = s, .values = values});
        t = &to->data[to->len - 1];
    }
    return (double *)t->values;
}

static void export_line(arena *a, const model *m, const model_weights *w, double *const *params, foreigns *to)
{
    for (size_t i = 1; i < w->foreign.len; i++) export_tensor(a, m, w, &w->foreign.data[i], to);
    const weight_foreign *first = &w->foreign.data[0];
    double *values = export_tensor(a, m, w, first, to);
    shape s = wanted_shape(m, w, first);
    for (int i = 0; i < w->shape.dim[0]; i++) {
        size_t k;
        int r;
        find_piece(m, w, i, &k, &r);
        for (int j = 0; j < w->shape.dim[1]; j++) {
            const weight_piece *p = &w->pieces.data[k];
            size_t row = (size_t)first->begin + (size_t)i, columns = (size_t)s.dim[1];
            size_t at = first->transposed ? (size_t)j * columns + row : row * columns + (size_t)j;
            values[at] = *piece_entry(m, p, params[p->variable], r, j);
        }
    }
}

const char *maps_export(arena *a, const model *m, const char *format, const tensors *from, foreigns *to,
                        model_parameters *left)
{
    double **params = ARENA_ARRAY(a, double *, m->variables.len + 1);
    const bool *mapped = mapped_parameters(a, m, format);
    for (uint32_t v = 1; v < m->variables.len; v++) {
        if (variable(m, v)->kind != VARIABLE_PARAM) continue;
        shape s = variable(m, v)->type.shape;
        const tensor *t = tensors_find(from, variable(m, v)->path);
        if (!t) return arena_printf(a, "the tensor '%s' is missing", variable(m, v)->path);
        bool fits = t->rank == (size_t)s.rank;
        for (int i = 0; fits && i < s.rank; i++) fits = t->dims[i] == (size_t)s.dim[i];
        if (!fits)
            return arena_printf(a, "'%s' has shape %s, but the parameter is %s", t->name, tensor_shape_text(a, t),
                                model_shape_text(a, s));
        params[v] = ARENA_ARRAY(a, double, t->count);
        tensor_to_double(t, params[v]);
        if (!mapped[v]) array_push(a, left, variable(m, v));
    }
    for (size_t i = 0; i < m->weights.len; i++)
        if (strcmp(m->weights.data[i].format, format) == 0) export_line(a, m, &m->weights.data[i], params, to);
    return NULL;
}
