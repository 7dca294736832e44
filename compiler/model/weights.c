/* weights.c: the `weights FORMAT { }` maps of cells: how a foreign tool lays the same parameters out.
 *
 *     bias_ih(0:2*H) + bias_hh(0:2*H) = rows(br, bz)
 *
 * Left, a sum of foreign tensors, of their transposes or of row ranges of them; right, our parameters, or their
 * transposes, stacked. Checked for every call: the rows agree, a foreign tensor's ranges neither overlap nor leave
 * gaps, every parameter of the cell is there once. */
#include "model/context.h"

#include <string.h>

typedef struct check {
    context *c;
    model_instance *s;
    name format;
    size_t first;
} check;

static bool form(check *k, span at, const char *expected)
{
    diag(k->c->diags, at, E_WEIGHTS_FORM, expected);
    return false;
}

/* ---- the right side ---------------------------------------------------------------------------------------------- */

static const char parameters[] = "parameters on the right: W, W' or rows(W, V)";

static bool add_piece(check *k, model_weights *w, const tree_expr *e)
{
    bool transposed = e->kind == TREE_UNARY && e->unary.op == TREE_TRANSPOSE;
    if (transposed) e = e->unary.operand;
    if (e->kind != TREE_NAME) return form(k, e->at, parameters);
    symbol *found = scope_find(k->s, e->name);
    if (!found) {
        unknown_name(k->c, k->s, e->name, e->at);
        return false;
    }
    if (found->kind != SYMBOL_VARIABLE) return form(k, e->at, parameters);
    const model_variable *v = variable(k->c, found->variable);
    if (v->kind == VARIABLE_CONST && v->mentioned) return true; /* not part of this call's model */
    if (v->kind != VARIABLE_PARAM) return form(k, e->at, parameters);
    array_push(k->c->arena, &w->pieces, (weight_piece){found->variable, transposed});
    return true;
}

static bool right_side(check *k, model_weights *w, const tree_expr *e)
{
    bool stack = e->kind == TREE_CALL && e->call.callee->kind == TREE_NAME && e->call.callee->name == k->c->word_rows;
    if (!stack) return add_piece(k, w, e);
    for (size_t i = 0; i < e->call.args.len; i++)
        if (!add_piece(k, w, e->call.args.data[i])) return false;
    return true;
}

static shape piece_shape(const context *c, weight_piece p)
{
    shape s = variable(c, p.variable)->type.shape;
    if (!p.transposed) return s;
    return shape_matrix(s.dim[1], s.dim[0]);
}

/* Pieces stand one below the other; vectors one after the other. */
static bool stack(check *k, model_weights *w)
{
    for (size_t i = 0; i < w->pieces.len; i++) {
        shape s = piece_shape(k->c, w->pieces.data[i]), first = piece_shape(k->c, w->pieces.data[0]);
        if (s.rank == 0) s = shape_vector(1);
        if (i == 0)
            w->shape = s;
        else if (s.rank == w->shape.rank && s.dim[1] == w->shape.dim[1])
            w->shape.dim[0] += s.dim[0];
        else {
            diag(k->c->diags, w->at, E_WEIGHTS_COLUMNS, variable(k->c, w->pieces.data[0].variable)->word,
                 model_shape_text(k->c->arena, first), variable(k->c, w->pieces.data[i].variable)->word,
                 model_shape_text(k->c->arena, s));
            return false;
        }
    }
    return true;
}

/* ---- the left side ----------------------------------------------------------------------------------------------- */

static bool add_foreign(check *k, model_weights *w, const tree_expr *e)
{
    bool transposed = e->kind == TREE_UNARY && e->unary.op == TREE_TRANSPOSE;
    if (transposed) e = e->unary.operand;
    const tree_expr *word = e->kind == TREE_CALL && !transposed ? e->call.callee : e;
    weight_foreign made = {.whole = true, .transposed = transposed};
    if (word->kind != TREE_NAME) return form(k, e->at, "tensors on the left: name, name', name(0:H) or a sum of them");
    made.word = word->name;
    if (e->kind == TREE_CALL) {
        double from = 0, to = 0;
        const tree_expr *range = e->call.args.len == 1 ? e->call.args.data[0] : e;
        if (range->kind != TREE_RANGE || !range->range.end || e->call.options.len)
            return form(k, e->at, "a range of rows, as in name(0:2*H)");
        if (range->range.first && !size_require(k->c, k->s, range->range.first, &from)) return false;
        if (!size_require(k->c, k->s, range->range.end, &to)) return false;
        if (!(from >= 0 && to > from && to <= MODEL_MAX_COMPONENTS)) return form(k, range->at, "a range from 0 up");
        made = (weight_foreign){word->name, (int)from, (int)(to - from), false, false};
    }
    array_push(k->c->arena, &w->foreign, made);
    return true;
}

static bool left_side(check *k, model_weights *w, const tree_expr *e)
{
    enum { TERMS = 16 };
    const tree_expr *terms[TERMS];
    int count = 0;
    for (; e->kind == TREE_BINARY && e->binary.op == TREE_ADD && count < TERMS - 1; e = e->binary.left)
        terms[count++] = e->binary.right;
    terms[count++] = e;
    while (count)
        if (!add_foreign(k, w, terms[--count])) return false;
    for (size_t i = 0; i < w->foreign.len; i++) {
        weight_foreign *f = &w->foreign.data[i];
        if (f->whole) f->length = w->shape.dim[0];
        if (f->length == w->shape.dim[0] || !w->pieces.len) continue;
        diag(k->c->diags, w->at, E_WEIGHTS_SHAPE, f->word, f->length, w->shape.dim[0]);
        return false;
    }
    return true;
}

/* ---- coverage ---------------------------------------------------------------------------------------------------- */

static const model_weights *line(const check *k, size_t i) { return &k->c->model->weights.data[i]; }

static void parameters_once(check *k, span at)
{
    context *c = k->c;
    for (uint32_t v = 1; v < c->model->variables.len; v++) {
        const model_variable *p = variable(c, v);
        int found = 0;
        if (p->kind != VARIABLE_PARAM || p->scope != k->s) continue;
        for (size_t i = k->first; i < c->model->weights.len; i++)
            for (size_t j = 0; j < line(k, i)->pieces.len; j++) {
                if (line(k, i)->pieces.data[j].variable != v) continue;
                if (++found == 2) diag(c->diags, line(k, i)->at, E_WEIGHTS_TWICE, k->format, p->word);
            }
        if (found) continue;
        diag(c->diags, at, E_WEIGHTS_MISSING, k->format, p->word);
        diag_add_note(c->diags, p->at, "'%s' is declared here", p->word);
    }
}

/* The ranges of one foreign tensor, in any order, make up 0 .. its rows. */
static void foreign_once(check *k, const weight_foreign *f, span at)
{
    int rows = 0, covered = 0;
    for (size_t i = k->first; i < k->c->model->weights.len; i++)
        for (size_t j = 0; j < line(k, i)->foreign.len; j++) {
            const weight_foreign *o = &line(k, i)->foreign.data[j];
            if (o->word != f->word) continue;
            if (o != f && o->begin < f->begin + f->length && f->begin < o->begin + o->length && o->length &&
                f->length) {
                diag(k->c->diags, at, E_WEIGHTS_TWICE, k->format,
                     f->whole ? f->word
                              : arena_printf(k->c->arena, "%s(%d:%d)", f->word, f->begin, f->begin + f->length));
                return;
            }
            covered += o->length;
            if (o->begin + o->length > rows) rows = o->begin + o->length;
        }
    if (covered < rows)
        diag(k->c->diags, at, E_WEIGHTS_MISSING, k->format,
             arena_printf(k->c->arena, "all of %s(0:%d)", f->word, rows));
}

static void check_map(context *c, model_instance *s, const tree_stmt *t)
{
    check k = {c, s, t->block.format.text, c->model->weights.len};
    for (size_t i = 0; i < t->block.maps.len; i++) {
        const tree_map *m = &t->block.maps.data[i];
        model_weights w = {.format = k.format, .instance = s, .at = m->at};
        if (!right_side(&k, &w, m->right) || !stack(&k, &w) || !left_side(&k, &w, m->left)) return;
        if (w.pieces.len) array_push(c->arena, &c->model->weights, w);
    }
    parameters_once(&k, t->block.format.at);
    for (size_t i = k.first; i < c->model->weights.len; i++)
        for (size_t j = 0; j < line(&k, i)->foreign.len; j++)
            foreign_once(&k, &line(&k, i)->foreign.data[j], line(&k, i)->at);
}

void weights_check(context *c)
{
    for (size_t i = 1; i < c->model->instances.len; i++) {
        model_instance *s = c->model->instances.data[i];
        for (size_t k = 0; k < s->cell->body.len; k++)
            if (s->cell->body.data[k]->kind == TREE_WEIGHTS) check_map(c, s, s->cell->body.data[k]);
    }
}
