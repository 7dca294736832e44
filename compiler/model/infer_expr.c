/* infer_expr.c: the rules: the type of an expression from the types of its operands.
 *
 * In the passes before the last a fault gives an unknown shape and no message, since it may still go away; in the last
 * it is reported, with the variables that the shapes come from, and poisons. */
#include "model/infer.h"

#include <math.h>

const char *model_shape_text(arena *a, shape s)
{
    if (s.rank < 0) return "unknown";
    if (s.rank == 0) return "a scalar";
    if (s.rank == 1) return arena_printf(a, "(%d)", s.dim[0]);
    return arena_printf(a, "(%d, %d)", s.dim[0], s.dim[1]);
}

const char *infer_shown(infer *f, model_type t)
{
    return t.token ? arena_printf(f->c->arena, "a token of %d classes", t.classes)
                   : model_shape_text(f->c->arena, t.shape);
}

static int instance_axis(const model_instance *s, int axis) { return s ? s->axis : axis; }

/* ---- reporting --------------------------------------------------------------------------------------------------- */

/* In the last pass a fault is reported by the caller, and poisons; before, it may still go away. */
model_type infer_fault(infer *f, model_type t)
{
    t.shape = UNKNOWN;
    t.poisoned = f->report;
    t.token = false;
    return t;
}

void infer_note_calls(infer *f)
{
    int shown_calls = 0;
    for (const model_instance *s = f->scope; s && s->cell && shown_calls < 3; s = s->parent, shown_calls++)
        diag_add_note(f->c->diags, s->at, "in this call of '%s'", s->cell->name.text);
}

/* Where the shape of an operand comes from: its variables, the first few. */
static void note_variables(infer *f, const model_expr *e, int *left)
{
    if (*left == 0 || f->notes == sizeof f->noted / sizeof *f->noted) return;
    switch (e->kind) {
    case EXPR_VARIABLE:
    case EXPR_SHIFT:
    case EXPR_AT: {
        const model_variable *v = variable(f->c, e->read.variable);
        if (v->hidden || is_unknown(v->type.shape)) return;
        for (int i = 0; i < f->notes; i++)
            if (f->noted[i] == e->read.variable) return;
        f->noted[f->notes++] = e->read.variable;
        --*left;
        tree_id seen = variable_seen(f->c, e->read.variable, f->scope);
        diag_add_note(f->c->diags, seen.at, "%s is %s, %s here", seen.text, infer_shown(f, v->type),
                      v->kind == VARIABLE_EQUATION ? "defined" : "declared");
        return;
    }
    case EXPR_CALL:
        for (int i = 0; i < e->call.count; i++) note_variables(f, e->call.args[i], left);
        return;
    case EXPR_SLICE: note_variables(f, e->slice.operand, left); return;
    case EXPR_POISON:
    case EXPR_NUMBER:
    case EXPR_LITERAL:
    case EXPR_SIZE:
    case EXPR_STEP: return;
    }
}

void infer_note_shapes(infer *f, const model_expr *a, const model_expr *b)
{
    int left = 3;
    f->notes = 0;
    if (a) note_variables(f, a, &left);
    left = 3;
    if (b) note_variables(f, b, &left);
    infer_note_calls(f);
}

static void hint_product(infer *f, shape x, shape y)
{
    if (x.rank == 1 && y.rank == 1)
        diag_hint(f->c->diags, "a vector is a column: sum(v * w) is the inner product, outer(v, w) the outer one");
    else if (x.rank == 1 && y.rank == 2)
        diag_hint(
            f->c->diags,
            "a vector is a column and stands on the right: A @ v; for this (%d, %d) matrix A' @ v, and so in other "
            "products like this one",
            y.dim[0], y.dim[1]);
    else if (x.rank == 2 && y.rank >= 1 && x.dim[0] == y.dim[0])
        diag_hint(f->c->diags, "the columns of the left side meet the rows of the right: the transpose of A is A'");
    else if (x.rank == 0 || y.rank == 0)
        diag_hint(f->c->diags, "the product with a scalar is written *");
}

static bool is_one(shape s) { return s.rank == 1 && s.dim[0] == 1; }

static void report_mismatch(infer *f, const model_expr *e, const model_expr *a, const model_expr *b)
{
    shape x = a->type.shape, y = b->type.shape;
    diag(f->c->diags, e->at, E_SHAPE_MISMATCH, function_table[e->call.function].name, infer_shown(f, a->type),
         infer_shown(f, b->type));
    infer_note_shapes(f, a, b);
    if (e->call.function == FUNCTION_matmul)
        hint_product(f, x, y);
    else if (x.rank == 1 && y.rank == 2 && x.dim[0] == y.dim[1])
        diag_hint(f->c->diags, "a vector scales rows; to scale columns write its transpose, v'");
    else if (is_one(x) != is_one(y) && (x.rank == 0 || y.rank == 0))
        diag_hint(f->c->diags, "the number in a vector of one component v is v(0)");
}

static bool is_row_product(const model_expr *e, shape v, shape A)
{
    return e->call.function == FUNCTION_matmul && v.rank == 1 && A.rank == 2 && v.dim[0] == A.dim[0];
}

static bool stands_before(span a, span b) { return a.file == b.file ? a.begin < b.begin : a.file < b.file; }

model_type infer_mismatch(infer *f, const model_expr *e, model_type t, const model_expr *a, const model_expr *b)
{
    if (!f->report) return infer_fault(f, t);
    if (!is_row_product(e, a->type.shape, b->type.shape)) {
        report_mismatch(f, e, a, b);
    } else if (!f->row_product.at || stands_before(e->at, f->row_product.at->at)) {
        f->row_product.at = e;
        f->row_product.scope = f->scope;
    }
    return infer_fault(f, t);
}

void infer_report_row_product(infer *f)
{
    const model_expr *e = f->row_product.at;
    f->scope = f->row_product.scope;
    if (e) report_mismatch(f, e, e->call.args[0], e->call.args[1]);
}

model_type infer_wanted(infer *f, const model_expr *e, model_type t, const char *what, const model_expr *arg)
{
    if (!f->report) return infer_fault(f, t);
    diag(f->c->diags, arg->at, E_SHAPE_WANTED, arena_printf(f->c->arena, "'%s'", function_table[e->call.function].name),
         what, infer_shown(f, arg->type));
    infer_note_shapes(f, arg, NULL);
    return infer_fault(f, t);
}

void infer_hint_token(infer *f, model_type t)
{
    diag_hint(f->c->diags, "onehot(x) makes a vector of a token, lookup(E, x) a learned one, with param E(%d, N)",
              t.classes);
}

model_type infer_token_fault(infer *f, const model_expr *e, model_type t, const model_expr *arg)
{
    if (!f->report) return infer_fault(f, t);
    diag(f->c->diags, arg->at, E_TOKEN_VALUE, function_table[e->call.function].name);
    infer_note_shapes(f, arg, NULL);
    infer_hint_token(f, arg->type);
    return infer_fault(f, t);
}

/* ---- readings ---------------------------------------------------------------------------------------------------- */

/* A call whose cell reads in time, on data without time: said once, at the call. */
static model_type cell_time(infer *f, const model_instance *s, model_type t)
{
    diag(f->c->diags, s->at, E_CELL_TIME, s->cell->name.text);
    diag_add_note(f->c->diags, s->cell->name.at, "the cell is written here");
    return infer_fault(f, t);
}

static model_type infer_shift(infer *f, model_expr *e)
{
    const model_variable *v = variable(f->c, e->read.variable);
    model_type t = v->type;
    int axis = instance_axis(e->read.scope, e->read.axis);
    if (axis) t.axes |= axes_of(axis) | 1;
    if (!f->report || t.poisoned) return t;
    e->read.axis = axis;
    if (axis && v->type.axes & axes_of(axis)) return t;
    if (!axis) return cell_time(f, e->read.scope, t);
    diag(f->c->diags, e->at, E_LACKS_AXIS, v->word, f->c->model->axis[axis].letter);
    diag_add_note(f->c->diags, v->at, "'%s' is %s here", v->word,
                  v->kind == VARIABLE_PARAM   ? "a parameter, declared"
                  : v->kind == VARIABLE_CONST ? "a constant, declared"
                                              : "defined");
    infer_note_calls(f);
    return infer_fault(f, t);
}

static model_type infer_at(infer *f, model_expr *e)
{
    const model_variable *v = variable(f->c, e->read.variable);
    model_type t = v->type;
    int axis = instance_axis(e->read.scope, e->read.axis);
    if (!axis) axis = axes_only(t.axes);
    t.axes &= ~axes_of(axis);
    if (!f->report || t.poisoned) return t;
    if (axis && v->type.axes & axes_of(axis)) {
        e->read.axis = axis;
        e->read.scope = NULL;
        bool outside = e->read.from_end ? e->read.k < 0 : e->read.k <= 0;
        if (outside && v->kind == VARIABLE_INPUT && !(f->scope && f->scope->cell)) {
            diag(f->c->diags, e->at, W_OUTSIDE, v->word);
            if (!e->read.from_end && v->type.shape.rank == 1)
                diag_hint(f->c->diags, "steps count from 1; a component is read with ( ), as in %s(0)", v->word);
        }
        bool end = e->read.from_end ? e->read.k == 0 : e->read.k == 1;
        if (v->half[0] && end) {
            diag(f->c->diags, e->at, W_BIDIRECTIONAL_END, v->word);
            diag_hint(f->c->diags, "last(%s) takes each half at its own end", v->word);
        }
        return t;
    }
    if (axis)
        diag(f->c->diags, e->at, E_LACKS_AXIS, v->word, f->c->model->axis[axis].letter);
    else if (axes_count(t.axes) > 1)
        diag(f->c->diags, e->at, E_WHICH_AXIS, v->word, axes_text(f->c->arena, f->c->model, t.axes));
    else
        diag(f->c->diags, e->at, E_NO_TIME, v->word);
    diag_add_note(f->c->diags, v->at, "'%s' is %s here", v->word,
                  v->kind == VARIABLE_PARAM ? "a parameter, declared" : "defined");
    infer_note_calls(f);
    return infer_fault(f, t);
}

static model_type infer_step(infer *f, model_expr *e)
{
    model_type t = {.shape = SCALAR};
    int axis = instance_axis(e->read.scope, e->read.axis);
    if (axis) t.axes = axes_of(axis) | 1;
    if (!f->report) return t;
    e->read.axis = axis;
    return axis ? t : cell_time(f, e->read.scope, t);
}

/* ---- operators and elementwise functions ------------------------------------------------------------------------- */

static bool broadcast(shape a, shape b, shape *out)
{
    if (is_unknown(a)) return *out = b, true;
    if (is_unknown(b)) return *out = a, true;
    return shape_broadcast(a, b, out);
}

/* Numbers go with operands of any shape, so beside them an unknown one stays unknown, until it is settled. */
static shape beside_unknown(const infer *f, shape s) { return s.rank == 0 && !f->settle ? UNKNOWN : s; }

static bool compares(model_function f)
{
    return f == FUNCTION_eq || f == FUNCTION_ne || f == FUNCTION_lt || f == FUNCTION_le || f == FUNCTION_gt ||
           f == FUNCTION_ge;
}

static model_type infer_elementwise(infer *f, model_expr *e, model_type t)
{
    int first = 0;
    bool blank = false;
    t.shape = UNKNOWN;
    if (e->call.function == FUNCTION_select) {
        const model_expr *condition = e->call.args[0];
        if (condition->type.token) {
            if (!f->report) return infer_fault(f, t);
            diag(f->c->diags, condition->at, E_CONDITION, infer_shown(f, condition->type));
            infer_note_shapes(f, condition, NULL);
            diag_hint(f->c->diags, "a token is compared: x == 3");
            return infer_fault(f, t);
        }
        first = condition->type.shape.rank == 0; /* one number chooses between values of any shape */
    }
    for (int i = first; i < e->call.count; i++) {
        const model_expr *arg = e->call.args[i];
        if (arg->type.token && !compares(e->call.function)) return infer_token_fault(f, e, t, arg);
        if (!broadcast(t.shape, arg->type.token ? SCALAR : arg->type.shape, &t.shape))
            return infer_mismatch(f, e, t, e->call.args[first], arg);
        blank = blank || (!arg->type.token && is_unknown(arg->type.shape));
    }
    if (blank) t.shape = beside_unknown(f, t.shape);
    return t;
}

static model_type infer_matmul(infer *f, model_expr *e, model_type t)
{
    const model_expr *a = e->call.args[0], *b = e->call.args[1];
    shape x = a->type.shape, y = b->type.shape;
    if (a->type.token) return infer_token_fault(f, e, t, a);
    if (b->type.token) return infer_token_fault(f, e, t, b);
    t.shape = UNKNOWN;
    if (is_unknown(x)) return t;
    if (is_unknown(y)) {
        if (x.rank == 2) t.shape = shape_vector(x.dim[0]);
        return t;
    }
    return shape_matmul(x, false, y, false, &t.shape) ? t : infer_mismatch(f, e, t, a, b);
}

/* ---- reductions -------------------------------------------------------------------------------------------------- */

static bool over_axes(infer *f, model_expr *e, model_axes axes)
{
    model_axes over = e->call.over | axes_of(instance_axis(e->call.scope, 0));
    if (!f->report) return true;
    bool missing = over & ~axes || (e->call.scope && !e->call.scope->axis);
    if (!missing) {
        e->call.over = over;
        e->call.scope = NULL;
        return true;
    }
    const char *lacking = over & ~axes ? axes_text(f->c->arena, f->c->model, over & ~axes) : "t";
    diag(f->c->diags, e->at, E_OVER_LACKS_AXIS, function_table[e->call.function].name, lacking, lacking);
    infer_note_shapes(f, e->call.args[0], NULL);
    return false;
}

static model_type infer_reduction(infer *f, model_expr *e, model_type t)
{
    model_expr *arg = e->call.args[0];
    model_function fn = e->call.function;
    if (e->call.count == 2) return infer_elementwise(f, e, t);
    if (arg->type.token) return infer_token_fault(f, e, t, arg);
    t.shape = arg->type.shape;
    model_axes set = e->call.over | axes_of(instance_axis(e->call.scope, 0));
    if (e->call.over || e->call.scope) {
        if (!over_axes(f, e, t.axes)) return infer_fault(f, t);
        if (fn != FUNCTION_softmax) t.axes &= ~set;
        return t;
    }
    bool unknown = is_unknown(t.shape), whole = e->call.extent == WHOLE;
    if (!unknown && !whole && t.shape.rank != 2) return infer_wanted(f, e, t, "a matrix", arg);
    if (!unknown && whole && t.shape.rank != 1 && (fn == FUNCTION_softmax || fn == FUNCTION_logsumexp))
        return infer_wanted(f, e, t, "a vector", arg);
    if (fn == FUNCTION_softmax || (unknown && !whole)) return t;
    t.shape = whole                        ? SCALAR
              : e->call.extent == EACH_ROW ? shape_vector(t.shape.dim[0])
                                           : shape_matrix(1, t.shape.dim[1]);
    return t;
}

static model_type infer_last(infer *f, model_expr *e, model_type t)
{
    const model_variable *v = variable(f->c, e->call.args[0]->read.variable);
    int axis = axes_first(e->call.over);
    if (!axis) axis = instance_axis(e->call.scope, 0);
    if (!axis) axis = axes_only(v->type.axes);
    t = v->type;
    t.axes &= ~axes_of(axis);
    if (!f->report || t.poisoned) return t;
    if (axis && v->type.axes & axes_of(axis) && axes_count(e->call.over) <= 1) {
        e->call.over = axes_of(axis);
        e->call.scope = NULL;
        return t;
    }
    if (!axis && axes_count(v->type.axes) > 1) {
        diag(f->c->diags, e->at, E_WHICH_AXIS, v->word, axes_text(f->c->arena, f->c->model, v->type.axes));
        diag_hint(f->c->diags, "write last(%s over t)", v->word);
    } else {
        diag(f->c->diags, e->at, E_NO_TIME, v->word);
    }
    infer_note_calls(f);
    return infer_fault(f, t);
}

/* ---- shapes and tokens ------------------------------------------------------------------------------------------- */

static model_type infer_concat(infer *f, model_expr *e, model_type t)
{
    bool rows = e->call.function == FUNCTION_rows, matrix = false;
    long total = 0;
    int columns = 0;
    const model_expr *first = NULL;
    t.shape = UNKNOWN;
    for (int i = 0; i < e->call.count; i++) {
        const model_expr *arg = e->call.args[i];
        shape s = arg->type.shape;
        if (arg->type.token) return infer_token_fault(f, e, t, arg);
        if (is_unknown(s)) return t;
        if (rows && s.rank == 0) return infer_wanted(f, e, t, "vectors", arg);
        bool flat = rows ? s.rank == 1 : s.rank < 2;
        int width = rows && flat ? s.dim[0] : s.dim[1];
        if (!first) {
            first = arg;
            columns = width;
            matrix = rows || s.rank == 2;
        } else if (width != columns || (!rows && matrix != (s.rank == 2))) {
            return infer_mismatch(f, e, t, first, arg);
        }
        total += rows && flat ? 1 : s.dim[0];
        if (total > MODEL_MAX_COMPONENTS) total = MODEL_MAX_COMPONENTS + 1L; /* too large, whatever follows */
    }
    t.shape = matrix ? shape_matrix((int)total, columns) : shape_vector((int)total);
    return t;
}

static model_type infer_vector(infer *f, model_expr *e, model_type t)
{
    for (int i = 0; i < e->call.count; i++) {
        const model_expr *arg = e->call.args[i];
        if (arg->type.token) return infer_token_fault(f, e, t, arg);
        if (arg->type.shape.rank > 0) return infer_wanted(f, e, t, "numbers", arg);
    }
    t.shape = shape_vector(e->call.count);
    return t;
}

static model_type infer_outer(infer *f, model_expr *e, model_type t)
{
    int dim[2] = {1, 1};
    for (int i = 0; i < 2; i++) {
        const model_expr *arg = e->call.args[i];
        if (arg->type.token) return infer_token_fault(f, e, t, arg);
        if (is_unknown(arg->type.shape)) return t.shape = UNKNOWN, t;
        if (arg->type.shape.rank != 1) return infer_wanted(f, e, t, "vectors", arg);
        dim[i] = arg->type.shape.dim[0];
    }
    t.shape = shape_matrix(dim[0], dim[1]);
    return t;
}

model_type infer_not_token(infer *f, const model_expr *e, model_type t, const model_expr *arg)
{
    if (!f->report) return infer_fault(f, t);
    diag(f->c->diags, arg->at, E_TOKEN_WANTED, function_table[e->call.function].name, infer_shown(f, arg->type));
    infer_note_shapes(f, arg, NULL);
    return infer_fault(f, t);
}

model_type infer_classes_fault(infer *f, const model_expr *e, model_type t, int components, const model_expr *token)
{
    if (!f->report) return infer_fault(f, t);
    diag(f->c->diags, e->at, E_CLASSES, function_table[e->call.function].name, components, token->type.classes);
    infer_note_shapes(f, e->call.args[0], e->call.count > 1 ? e->call.args[1] : NULL);
    return infer_fault(f, t);
}

static model_type infer_onehot(infer *f, model_expr *e, model_type t)
{
    const model_expr *arg = e->call.args[0];
    if (!arg->type.token) {
        t.shape = UNKNOWN;
        return is_unknown(arg->type.shape) ? t : infer_not_token(f, e, t, arg);
    }
    t.shape = shape_vector(arg->type.classes);
    return t;
}

static model_type infer_lookup(infer *f, model_expr *e, model_type t)
{
    const model_expr *table = e->call.args[0], *token = e->call.args[1];
    t.shape = UNKNOWN;
    if (table->type.token) return infer_token_fault(f, e, t, table);
    if (is_unknown(table->type.shape) || (!token->type.token && is_unknown(token->type.shape))) return t;
    if (table->type.shape.rank != 2) return infer_wanted(f, e, t, "a matrix", table);
    if (!token->type.token) return infer_not_token(f, e, t, token);
    if (table->type.shape.dim[0] != token->type.classes)
        return infer_classes_fault(f, e, t, table->type.shape.dim[0], token);
    t.shape = shape_vector(table->type.shape.dim[1]);
    return t;
}

static model_type infer_random(infer *f, model_expr *e, model_type t)
{
    const model_expr *p = e->call.args[e->call.count - 1], *second = e->call.args[1];
    bool noise = e->call.function == FUNCTION_gaussian_noise, two = noise || e->call.function == FUNCTION_zoneout;
    for (int i = 0; i < e->call.count; i++)
        if (e->call.args[i]->type.token) return infer_token_fault(f, e, t, e->call.args[i]);
    if (!noise && p->type.shape.rank > 0) return infer_wanted(f, e, t, "a number as probability", p);
    t.shape = e->call.args[0]->type.shape;
    if (two && !broadcast(t.shape, second->type.shape, &t.shape))
        return infer_mismatch(f, e, t, e->call.args[0], second);
    if (two && is_unknown(second->type.shape)) t.shape = beside_unknown(f, t.shape);
    bool over = e->call.over || e->call.scope;
    return over && !over_axes(f, e, t.axes) ? infer_fault(f, t) : t;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static bool range_value(infer *f, model_expr *e, const tree_expr *at, int otherwise, int *out)
{
    double value;
    const tree_expr *why = at;
    *out = otherwise;
    if (!at) return true;
    if (f->report) {
        if (!size_require(f->c, e->slice.scope, at, &value)) return false;
    } else if (size_eval(f->c, e->slice.scope, at, &value, &why) != SIZE_KNOWN) {
        return false;
    }
    if (value != floor(value) || fabs(value) > MODEL_MAX_COMPONENTS) value = -1;
    *out = (int)value;
    return true;
}

static model_type infer_slice(infer *f, model_expr *e, model_type t)
{
    const model_expr *arg = e->slice.operand;
    shape s = arg->type.shape;
    t.shape = UNKNOWN;
    t.token = false;
    if (arg->type.token || (!is_unknown(s) && s.rank != e->slice.ranges)) {
        if (!f->report) return infer_fault(f, t);
        diag(f->c->diags, e->at, E_PART_RANK,
             arg->type.token || s.rank == 0 ? "no index"
             : s.rank == 1                  ? "one index"
                                            : "two indices, as in A(0, :)",
             (unsigned)e->slice.ranges, infer_shown(f, arg->type));
        infer_note_shapes(f, arg, NULL);
        return infer_fault(f, t);
    }
    if (is_unknown(s)) return t;
    int dims[2], kept = 0;
    for (int i = 0; i < s.rank; i++) {
        model_range *r = &e->slice.range[i];
        int begin, end;
        if (!range_value(f, e, r->first, 0, &begin) || !range_value(f, e, r->end, s.dim[i], &end))
            return infer_fault(f, t);
        if (r->single) end = begin + 1;
        if (begin < 0 || end <= begin || end > s.dim[i]) {
            if (!f->report) return infer_fault(f, t);
            diag(f->c->diags, e->at, E_PART_RANGE, begin, end, s.dim[i]);
            infer_note_shapes(f, arg, NULL);
            diag_hint(f->c->diags, "components count from 0; the end of a range is not part of it");
            return infer_fault(f, t);
        }
        r->begin = begin;
        r->length = end - begin;
        if (!r->single) dims[kept++] = r->length;
    }
    t.shape = kept == 0 ? SCALAR : kept == 1 ? shape_vector(dims[0]) : shape_matrix(dims[0], dims[1]);
    return t;
}

/* ---- expressions ------------------------------------------------------------------------------------------------- */

static model_type infer_special(infer *f, model_expr *e, model_type t)
{
    const model_expr *arg = e->call.args[0];
    switch (e->call.function) {
    case FUNCTION_matmul: return infer_matmul(f, e, t);
    case FUNCTION_transpose:
        if (arg->type.token) return infer_token_fault(f, e, t, arg);
        t.shape = UNKNOWN;
        if (is_unknown(arg->type.shape)) return t;
        if (arg->type.shape.rank == 0) return infer_wanted(f, e, t, "a vector or a matrix", arg);
        t.shape = shape_matrix(arg->type.shape.dim[1], arg->type.shape.dim[0]);
        return t;
    case FUNCTION_sum:
    case FUNCTION_mean:
    case FUNCTION_max:
    case FUNCTION_min:
    case FUNCTION_norm:
    case FUNCTION_softmax:
    case FUNCTION_logsumexp: return infer_reduction(f, e, t);
    case FUNCTION_last: return infer_last(f, e, t);
    case FUNCTION_concat:
    case FUNCTION_rows: return infer_concat(f, e, t);
    case FUNCTION_vector: return infer_vector(f, e, t);
    case FUNCTION_outer: return infer_outer(f, e, t);
    case FUNCTION_onehot: return infer_onehot(f, e, t);
    case FUNCTION_lookup: return infer_lookup(f, e, t);
    case FUNCTION_dropout:
    case FUNCTION_gaussian_noise:
    case FUNCTION_zoneout: return infer_random(f, e, t);
#define FUNCTION(id, text, class, least, most, over, usage) OTHER_##class(id)
#define OTHER_OPERATOR(id) case FUNCTION_##id:
#define OTHER_OPERATION(id) case FUNCTION_##id:
#define OTHER_COMPOSITE(id) case FUNCTION_##id:
#define OTHER_SPECIAL(id)
#define OTHER_LOSS(id) case FUNCTION_##id:
#include "model/functions.def"
    case FUNCTION_COUNT: break;
    }
    BUG("function %d has no rule", (int)e->call.function);
}

static model_type infer_call(infer *f, model_expr *e)
{
    model_type t = {.shape = UNKNOWN};
    bool blank = false;
    for (int i = 0; i < e->call.count; i++) {
        model_type arg = infer_expr(f, e->call.args[i]);
        t.axes |= arg.axes;
        t.poisoned = t.poisoned || arg.poisoned;
        blank = blank || (!arg.token && is_unknown(arg.shape));
    }
    if (t.poisoned || (f->report && blank)) {
        t.poisoned = f->report || t.poisoned;
        return t;
    }
    switch (function_table[e->call.function].class) {
    case OPERATOR:
    case OPERATION:
    case COMPOSITE: return infer_elementwise(f, e, t);
    case SPECIAL: return infer_special(f, e, t);
    case LOSS: return infer_loss(f, e, t);
    }
    BUG("function %d has no class", (int)e->call.function);
}

static model_type infer_new(infer *f, model_expr *e)
{
    model_type t = {.shape = SCALAR};
    switch (e->kind) {
    case EXPR_POISON: t.poisoned = true; return t;
    case EXPR_NUMBER: return t;
    case EXPR_SIZE: {
        double value;
        if (f->report && size_value(f->c, e->size, &value) != SIZE_KNOWN) t.poisoned = true;
        return t;
    }
    case EXPR_LITERAL: return e->type;
    case EXPR_VARIABLE: return variable(f->c, e->read.variable)->type;
    case EXPR_SHIFT: return infer_shift(f, e);
    case EXPR_AT: return infer_at(f, e);
    case EXPR_STEP: return infer_step(f, e);
    case EXPR_CALL: return infer_call(f, e);
    case EXPR_SLICE:
        t = infer_expr(f, e->slice.operand);
        if (t.poisoned) return t;
        return infer_slice(f, e, t);
    }
    BUG("expression %d", (int)e->kind);
}

model_type infer_expr(infer *f, model_expr *e)
{
    model_type t = infer_new(f, e);
    if (!t.poisoned && !t.token && !is_unknown(t.shape) &&
        (double)t.shape.dim[0] * t.shape.dim[1] > MODEL_MAX_COMPONENTS) {
        if (f->report) diag(f->c->diags, e->at, E_TOO_LARGE, "this value", (int)MODEL_MAX_COMPONENTS);
        t = infer_fault(f, t);
    }
    e->type = t;
    return t;
}
