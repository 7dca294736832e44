/* infer.c: shapes and axes of all variables, as the least fixpoint of their equations.
 *
 * A variable starts without a shape and without axes. A pass takes every equation with what is known so far; shapes
 * only rise in rank, axes are only added, so the passes end. An operand of unknown shape is taken to agree with its
 * neighbours: that settles recurrences such as h = tanh(W @ h[t-1] + b). Where the neighbours are numbers, which go
 * with anything, it waits: 1 - z[t-1] is a number only when nothing else says what z is (settle_numbers). When nothing
 * changes any more, one more pass over the same rules reports what does not fit.
 *
 * The sizes in the data of a call, `x(D)`, and the axis that `t` stands for in a cell become known on the way. */
#include "model/infer.h"

#include <math.h>
#include <string.h>

enum { MAX_PASSES = 1000 };

/* ---- declared shapes --------------------------------------------------------------------------------------------- */

static size_state misplaced_index(infer *f, const model_variable *v, const tree_expr *index)
{
    diag(f->c->diags, index->at, E_INDEX_PLACE, index->name);
    if (v->kind == VARIABLE_PARAM)
        diag_hint(f->c->diags,
                  "a parameter that begins there: const start(%s < 4) = ..., and start + %s with %s(4) = 0",
                  index->name, v->word, v->word);
    return SIZE_BROKEN;
}

/* SIZE_KNOWN when all are; then *out has the shape. */
static size_state declared_shape(infer *f, const model_variable *v, const tree_exprs *dims, shape *out)
{
    model_instance *s = v->scope;
    shape made = {(int)dims->len, {1, 1}};
    if (dims->len > 2) {
        diag(f->c->diags, dims->data[2]->at, E_SHAPE_WANTED, "a declaration", "at most two sizes",
             arena_printf(f->c->arena, "%u", (unsigned)dims->len));
        return SIZE_BROKEN;
    }
    for (size_t i = 0; i < dims->len; i++) {
        double value;
        const tree_expr *dim = dims->data[i], *index = constant_index(dim);
        if (index && v->kind != VARIABLE_CONST) return misplaced_index(f, v, index);
        if (index) dim = dim->binary.right;
        const tree_expr *why = dim;
        size_state state = size_eval(f->c, s, dim, &value, &why);
        if (state == SIZE_LATER) return state;
        if (state == SIZE_NOT_CONSTANT) {
            size_require(f->c, s, dim, &value);
            if (v->kind == VARIABLE_CONST && dim->kind == TREE_BINARY && dim->binary.op == TREE_LE)
                diag_hint(f->c->diags, "an index counts from 0 and ends below a size, as in %s(i < 4)", v->word);
        }
        if (state != SIZE_KNOWN) return SIZE_BROKEN;
        if (size_whole(f->c, dim->at, value, &made.dim[i])) continue;
        infer_note_calls(f);
        return SIZE_BROKEN;
    }
    if ((double)made.dim[0] * made.dim[1] > MODEL_MAX_COMPONENTS) {
        diag(f->c->diags, span_join(dims->data[0]->at, dims->data[dims->len - 1]->at), E_TOO_LARGE, "this value",
             (int)MODEL_MAX_COMPONENTS);
        infer_note_calls(f);
        return SIZE_BROKEN;
    }
    *out = made;
    return SIZE_KNOWN;
}

static void infer_declared(infer *f, model_variable *v)
{
    const tree_decl *d = v->decl;
    if (v->type.poisoned || !is_unknown(v->type.shape)) return;
    shape s = SCALAR;
    const tree_exprs *dims = v->kind == VARIABLE_INPUT ? &d->type.dims : &d->dims;
    size_state state = declared_shape(f, v, dims, &s);
    if (state == SIZE_LATER) return;
    if (state != SIZE_KNOWN) {
        v->type.poisoned = true;
        f->changed = true;
        return;
    }
    if (v->type.token) {
        if (s.rank != 1) {
            diag(f->c->diags, d->type.at, E_SHAPE_WANTED, "'token'", "the number of its classes, as in token(65)",
                 arena_printf(f->c->arena, "%d sizes", s.rank));
            v->type.poisoned = true;
        } else if (s.dim[0] > MODEL_MAX_CLASSES) {
            diag(f->c->diags, dims->data[0]->at, E_TOKEN_CLASSES, s.dim[0], (int)MODEL_MAX_CLASSES);
            v->type.poisoned = true;
        }
        v->type.classes = s.dim[0];
        s = SCALAR;
    }
    f->changed = true;
    if (v->kind == VARIABLE_CONST && !constant_evaluate(f->c, v, s)) {
        infer_note_calls(f);
        v->type.poisoned = true;
        return;
    }
    v->type.shape = s;
    if (v->kind != VARIABLE_PARAM) return;
    if (v->init.kind == MODEL_UNIFORM && v->init.value < 0) v->init.value = 1 / sqrt((double)s.dim[1]);
    bool matrix = v->init.kind == MODEL_GLOROT || v->init.kind == MODEL_ORTHOGONAL || v->init.kind == MODEL_IDENTITY;
    if (matrix && s.rank != 2) {
        static const char *const word[] = {
            [MODEL_GLOROT] = "glorot", [MODEL_ORTHOGONAL] = "orthogonal", [MODEL_IDENTITY] = "identity"};
        diag(f->c->diags, d->value->at, E_INIT_SHAPE, word[v->init.kind], v->word, model_shape_text(f->c->arena, s));
    }
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

/* v's shape rises to s where that has a higher rank. */
static void join_shape(infer *f, model_variable *v, shape s)
{
    if (s.rank <= v->type.shape.rank) return;
    v->type.shape = s;
    f->changed = true;
}

static void join(infer *f, model_variable *v, model_type t)
{
    if (t.poisoned && !v->type.poisoned) {
        v->type.poisoned = true;
        f->changed = true;
    }
    if (v->type.poisoned) return;
    if (t.token && !v->type.token) {
        v->type.token = true;
        v->type.classes = t.classes;
        f->changed = true;
    }
    if (t.axes & ~v->type.axes) {
        v->type.axes |= t.axes;
        f->changed = true;
    }
    join_shape(f, v, t.token ? SCALAR : t.shape);
}

static bool accepts(shape v, shape s) { return shape_equal(v, s) || s.rank == 0; }

static void check_equation(infer *f, uint32_t number, const char *what, span at, const model_expr *e, model_type t)
{
    model_variable *v = variable(f->c, number);
    if (t.poisoned || v->type.poisoned || (!t.token && is_unknown(t.shape))) return;
    if (accepts(v->type.shape, t.shape) && t.token == v->type.token) return;
    tree_id seen = variable_seen(f->c, number, f->scope);
    diag(f->c->diags, at, E_SHAPE_DECLARED, seen.text, infer_shown(f, v->type), what, infer_shown(f, t));
    diag_add_note(f->c->diags, seen.at, "'%s' is defined here", seen.text);
    infer_note_shapes(f, e, NULL);
    v->type.poisoned = true;
}

static void infer_variable(infer *f, uint32_t number)
{
    model_variable *v = variable(f->c, number);
    f->scope = v->scope;
    if (v->kind == VARIABLE_PARAM || v->kind == VARIABLE_INPUT) {
        infer_declared(f, v);
        return;
    }
    if (v->kind == VARIABLE_CONST && v->decl && v->decl->has_dims) infer_declared(f, v);
    if (!v->value) return;
    model_type t = infer_expr(f, v->value);
    join(f, v, t);
    for (size_t i = 0; i < v->boundaries.len; i++) join(f, v, variable(f->c, v->boundaries.data[i].variable)->type);
    if (!f->report) return;
    check_equation(f, number, v->kind == VARIABLE_CONST ? "value" : "equation", v->value->at, v->value, t);
    for (size_t i = 0; i < v->boundaries.len; i++) {
        const model_variable *b = variable(f->c, v->boundaries.data[i].variable);
        check_equation(f, number, "boundary value", b->hidden ? b->at : v->boundaries.data[i].at, b->value, b->type);
    }
    if (is_unknown(v->type.shape)) v->type.poisoned = true;
}

/* Shapes that follow from nothing: no equation is at fault, so the first of these variables is named. */
static void unknown_shapes(infer *f, const uint32_t *order)
{
    if (diag_error_count(f->c->diags)) return;
    for (size_t i = 0; i + 1 < f->c->model->variables.len; i++) {
        const model_variable *v = variable(f->c, order[i]);
        if (!is_unknown(v->type.shape) || v->hidden) continue;
        f->scope = v->scope;
        tree_id seen = variable_seen(f->c, order[i], f->scope);
        diag(f->c->diags, seen.at, E_SHAPE_UNKNOWN, seen.text);
        diag_hint(f->c->diags, "a boundary equation gives it one: const zero(8) = 0 or zero(8, 4), and %s[0] = zero",
                  seen.text);
        infer_note_calls(f);
        return;
    }
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void wrong_data(infer *f, const model_instance *s, const struct model_data *d, const char *what)
{
    const model_variable *v = variable(f->c, d->variable);
    f->scope = s->parent;
    diag(f->c->diags, v->hidden ? v->at : s->at, E_ARGUMENT_SHAPE, s->cell->name.text, what, d->param->name.text,
         infer_shown(f, v->type));
    diag_add_note(f->c->diags, d->param->name.at, "'%s' is declared here", d->param->name.text);
    if (!v->hidden) diag_add_note(f->c->diags, v->at, "'%s' is %s", v->word, infer_shown(f, v->type));
    const tree_type *want = &d->param->type;
    if (v->type.token && !want->token)
        infer_hint_token(f, v->type);
    else if (!want->token && want->dims.len == 1 && v->type.shape.rank == 0)
        diag_hint(f->c->diags, "vector(x) is the vector of one component x");
    infer_note_calls(f);
    variable(f->c, d->variable)->type.poisoned = true;
}

static const char *rank_text(size_t rank) { return rank == 0 ? "a scalar" : rank == 1 ? "a vector" : "a matrix"; }

/* The sizes in x(D) from the data; in the last pass: that data of known sizes have them. */
static void bind_data(infer *f, model_instance *s, const struct model_data *d)
{
    const tree_type *want = &d->param->type;
    model_type t = variable(f->c, d->variable)->type;
    if (t.poisoned || (!t.token && is_unknown(t.shape))) return;
    if (want->token != t.token) {
        if (f->report) wrong_data(f, s, d, want->token ? "a token" : rank_text(want->dims.len));
        return;
    }
    int have[2] = {t.token ? t.classes : t.shape.dim[0], t.shape.dim[1]};
    int rank = t.token ? 1 : t.shape.rank;
    if (rank != (int)want->dims.len) {
        if (f->report) wrong_data(f, s, d, rank_text(want->dims.len));
        return;
    }
    for (int i = 0; i < rank && i < 2; i++) {
        const tree_expr *dim = want->dims.data[i];
        symbol *found = dim->kind == TREE_NAME ? scope_find(s, dim->name) : NULL;
        if (found && found->kind == SYMBOL_SIZE && !found->size->expr && !found->size->known && !found->size->broken) {
            found->size->known = true;
            found->size->value = have[i];
            f->changed = true;
            continue;
        }
        double value = 0;
        const tree_expr *why = dim;
        if (!f->report) continue;
        if (size_eval(f->c, s, dim, &value, &why) != SIZE_KNOWN) {
            size_require(f->c, s, dim, &value);
        } else if (value != have[i]) {
            wrong_data(f, s, d, arena_printf(f->c->arena, "%g as %s", value, tree_text(f->c, dim)));
            return;
        }
    }
}

/* `t` in a cell: the one time axis of its data; of several, the one that is called t. */
static void bind_axis(infer *f, model_instance *s)
{
    model_axes set = 0;
    if (s->axis || !s->cell) return;
    for (size_t i = 0; i < s->data.len; i++) set |= variable(f->c, s->data.data[i].variable)->type.axes;
    int axis = axes_only(set);
    for (int i = 1; axes_count(set) > 1 && i <= f->c->model->axes; i++)
        if (set & axes_of(i) && f->c->model->axis[i].letter == f->c->word_t) axis = i;
    if (!axis) return;
    s->axis = axis;
    f->changed = true;
}

/* A call on data without time in a model with one axis: `t` is that axis. In a call in a call: the caller's. */
static bool default_axes(infer *f)
{
    for (size_t i = 1; i < f->c->model->instances.len; i++) {
        model_instance *s = f->c->model->instances.data[i];
        model_axes set = 0;
        if (s->axis) continue;
        for (size_t k = 0; k < s->data.len; k++) set |= variable(f->c, s->data.data[k].variable)->type.axes;
        int axis = s->parent->cell ? s->parent->axis : f->c->model->axes == 1 ? 1 : 0;
        if (axes_count(set) > 0 || !axis) continue;
        s->axis = axis;
        return true;
    }
    return false;
}

/* `size` statements are for shapes, counts and offsets: whole numbers. */
static void check_sizes(infer *f)
{
    for (size_t i = 0; i < f->c->model->sizes.len; i++) {
        model_size *z = f->c->model->sizes.data[i];
        const tree_expr *e = z->expr;
        double value;
        int whole;
        if (size_value(f->c, z, &value) != SIZE_KNOWN) continue;
        z->broken = !size_whole(f->c, e ? e->at : z->at, value, &whole);
    }
}

/* ---- the passes -------------------------------------------------------------------------------------------------- */

static void reads(const model_expr *e, void (*visit)(void *, uint32_t), void *to)
{
    switch (e->kind) {
    case EXPR_VARIABLE:
    case EXPR_SHIFT:
    case EXPR_AT: visit(to, e->read.variable); return;
    case EXPR_CALL:
        for (int i = 0; i < e->call.count; i++) reads(e->call.args[i], visit, to);
        return;
    case EXPR_SLICE: reads(e->slice.operand, visit, to); return;
    case EXPR_POISON:
    case EXPR_NUMBER:
    case EXPR_LITERAL:
    case EXPR_SIZE:
    case EXPR_STEP: return;
    }
}

typedef struct visit_state {
    context *c;
    ARRAY(uint32_t) stack;
    char *state;
} visit_state;

static void push_unvisited(void *to, uint32_t v)
{
    visit_state *s = to;
    if (!s->state[v]) array_push(s->c->arena, &s->stack, v);
}

/* All variables, each after what it reads where that is possible: few passes then suffice. Iterative. */
static uint32_t *reading_order(context *c)
{
    size_t n = c->model->variables.len, made = 0;
    uint32_t *order = ARENA_ARRAY(c->arena, uint32_t, n);
    visit_state s = {.c = c, .state = ARENA_ARRAY(c->arena, char, n)};
    for (uint32_t root = 1; root < n; root++) {
        push_unvisited(&s, root);
        while (s.stack.len) {
            uint32_t v = s.stack.data[s.stack.len - 1];
            if (s.state[v]) {
                s.stack.len--;
                if (s.state[v] == 1) order[made++] = v;
                s.state[v] = 2;
                continue;
            }
            s.state[v] = 1;
            const model_variable *at = variable(c, v);
            if (at->value) reads(at->value, push_unvisited, &s);
            for (size_t i = 0; i < at->boundaries.len; i++) push_unvisited(&s, at->boundaries.data[i].variable);
            for (size_t i = 0; at->scope && i < at->scope->data.len; i++)
                push_unvisited(&s, at->scope->data.data[i].variable);
        }
    }
    return order;
}

static void pass(infer *f, const uint32_t *order)
{
    context *c = f->c;
    for (size_t i = 0; i + 1 < c->model->variables.len; i++) {
        model_instance *s = variable(c, order[i])->scope;
        for (size_t k = 0; !f->report && s && k < s->data.len; k++) bind_data(f, s, &s->data.data[k]);
        if (!f->report && s) bind_axis(f, s);
        infer_variable(f, order[i]);
    }
}

static bool settle(infer *f, uint32_t number)
{
    const model_variable *v = variable(f->c, number);
    if (v->kind != VARIABLE_EQUATION || v->type.poisoned || v->type.token || !is_unknown(v->type.shape)) return false;
    infer_variable(f, number);
    return !is_unknown(v->type.shape);
}

/* Recurrences of nothing but numbers, c = 0.9 * c[t-1] + 1: no pass before has found a shape for them. Each is settled
 * with all that has waited for it (`open` to i) before what reads it comes; so nothing is a number too early. */
static void settle_numbers(infer *f, const uint32_t *order)
{
    size_t open = 0;
    f->settle = true;
    for (size_t i = 0; i + 1 < f->c->model->variables.len; i++) {
        for (bool found = settle(f, order[i]); found;) {
            found = false;
            for (size_t k = open; k < i; k++) found = settle(f, order[k]) || found;
        }
        while (open <= i && !is_unknown(variable(f->c, order[open])->type.shape)) open++;
    }
    f->settle = false;
}

void infer_model(context *c)
{
    infer f = {.c = c};
    check_sizes(&f);
    const uint32_t *order = reading_order(c);
    int passes = 0;
    do {
        f.changed = false;
        pass(&f, order);
        if (!f.changed && default_axes(&f)) f.changed = true;
        if (!f.changed) settle_numbers(&f, order);
    } while (f.changed && ++passes < MAX_PASSES);
    f.report = true;
    for (size_t i = 0; i < c->model->instances.len; i++) {
        model_instance *s = c->model->instances.data[i];
        for (size_t k = 0; k < s->data.len; k++) bind_data(&f, s, &s->data.data[k]);
    }
    pass(&f, order);
    infer_report_row_product(&f);
    unknown_shapes(&f, order);
}
