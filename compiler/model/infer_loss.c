/* infer_loss.c: the rules of losses: what their arguments and options are; the result is a number. As in
 * infer_expr.c, a fault is reported in the last pass only. */
#include "model/infer.h"

#include <math.h>

/* An option that is a class of the softmax. */
static void check_class(infer *f, const model_expr *e, const char *word, double value, int classes)
{
    if (f->report && !(value == floor(value) && value >= 0 && value < classes))
        diag(f->c->diags, e->at, E_OPTION_VALUE, word,
             arena_printf(f->c->arena, "one of the %d classes, from 0 to %d", classes, classes - 1));
}

static model_type check_options(infer *f, model_expr *e, model_type t)
{
    const model_expr *p = e->call.args[0], *y = e->call.args[1];
    int classes = p->type.shape.dim[0];
    if (f->report && !(e->call.smoothing >= 0 && e->call.smoothing < 1))
        diag(f->c->diags, e->at, E_OPTION_VALUE, "smoothing", "a share from 0 to less than 1");
    if (e->call.ignore != -1) {
        if (!y->type.token) return is_unknown(y->type.shape) ? t : infer_not_token(f, e, t, y);
        check_class(f, e, "ignore", e->call.ignore, classes);
    }
    if (e->call.count < 3) return t;
    const model_expr *weights = e->call.args[2];
    if (weights->type.token) return infer_token_fault(f, e, t, weights);
    if (!is_unknown(weights->type.shape) && !shape_equal(weights->type.shape, p->type.shape))
        return infer_mismatch(f, e, t, p, weights);
    return t;
}

static model_type infer_cross_entropy(infer *f, model_expr *e, model_type t)
{
    const model_expr *p = e->call.args[0], *y = e->call.args[1];
    t.shape = SCALAR;
    if (p->type.token && !y->type.token && f->report) {
        diag(f->c->diags, p->at, E_TOKEN_VALUE, function_table[e->call.function].name);
        infer_note_shapes(f, p, NULL);
        diag_hint(f->c->diags, "the arguments are swapped: first the distribution, then the target, "
                               "cross_entropy(p, y)");
        return infer_fault(f, t);
    }
    if (p->type.token) return infer_token_fault(f, e, t, p);
    if (is_unknown(p->type.shape)) return t;
    if (p->type.shape.rank != 1) return infer_wanted(f, e, t, "a vector", p);
    if (y->type.token && y->type.classes != p->type.shape.dim[0])
        return infer_classes_fault(f, e, t, p->type.shape.dim[0], y);
    if (!y->type.token && !is_unknown(y->type.shape) && !shape_equal(p->type.shape, y->type.shape))
        return infer_mismatch(f, e, t, p, y);
    return check_options(f, e, t);
}

/* Both axes are read whole; one value a sequence is left. */
static model_type infer_ctc(infer *f, model_expr *e, model_type t)
{
    const model_expr *p = e->call.args[0], *y = e->call.args[1];
    model_axes both = p->type.axes | y->type.axes;
    t.shape = SCALAR;
    t.axes = 1;
    if (p->type.token) return infer_token_fault(f, e, t, p);
    if (is_unknown(p->type.shape) || (!y->type.token && is_unknown(y->type.shape))) return t;
    if (p->type.shape.rank != 1) return infer_wanted(f, e, t, "a vector", p);
    if (!y->type.token) return infer_not_token(f, e, t, y);
    if (y->type.classes != p->type.shape.dim[0]) return infer_classes_fault(f, e, t, p->type.shape.dim[0], y);
    check_class(f, e, "blank", e->call.blank, y->type.classes);
    if (!f->report) return t;
    bool fit = axes_count(p->type.axes) == 1 && axes_count(y->type.axes) == 1 && axes_count(both) == 2;
    if (!fit) {
        const char *first = axes_text(f->c->arena, f->c->model, p->type.axes);
        const char *second = axes_text(f->c->arena, f->c->model, y->type.axes);
        diag(f->c->diags, e->at, E_CTC_AXES, *first ? first : "no axis", *second ? second : "no axis");
        diag_hint(f->c->diags, "the labels have an axis of their own, as in target y[s] : token(N)");
        infer_note_shapes(f, p, y);
        return infer_fault(f, t);
    }
    e->call.over = both & ~(model_axes)1;
    return t;
}

/* K weights; means and deviations (K, D), correlations (K) where D is 2; y is (D). */
static model_type infer_mixture(infer *f, model_expr *e, model_type t)
{
    model_expr **a = e->call.args;
    t.shape = SCALAR;
    for (int i = 0; i < e->call.count; i++)
        if (a[i]->type.token) return infer_token_fault(f, e, t, a[i]);
    for (int i = 0; i < e->call.count; i++)
        if (is_unknown(a[i]->type.shape)) return t;
    if (a[0]->type.shape.rank != 1) return infer_wanted(f, e, t, "a vector", a[0]);
    if (a[1]->type.shape.rank != 2 || a[1]->type.shape.dim[0] != a[0]->type.shape.dim[0])
        return infer_wanted(f, e, t,
                            arena_printf(f->c->arena, "a mean for each of %d weights, a matrix of %d rows",
                                         a[0]->type.shape.dim[0], a[0]->type.shape.dim[0]),
                            a[1]);
    if (!shape_equal(a[1]->type.shape, a[2]->type.shape)) return infer_mismatch(f, e, t, a[1], a[2]);
    if (!shape_equal(a[3]->type.shape, shape_vector(a[1]->type.shape.dim[1])))
        return infer_wanted(
            f, e, t,
            arena_printf(f->c->arena, "a vector of %d, as many as the means have columns", a[1]->type.shape.dim[1]),
            a[3]);
    if (e->call.count < 5) return t;
    if (a[1]->type.shape.dim[1] != 2) return infer_wanted(f, e, t, "means of two dimensions for correlations", a[1]);
    return shape_equal(a[0]->type.shape, a[4]->type.shape) ? t : infer_mismatch(f, e, t, a[0], a[4]);
}

static model_type infer_distance(infer *f, model_expr *e, model_type t)
{
    const model_expr *a = e->call.args[0], *b = e->call.args[1];
    for (int i = 0; i < e->call.count; i++)
        if (e->call.args[i]->type.token) return infer_token_fault(f, e, t, e->call.args[i]);
    t.shape = SCALAR;
    if (is_unknown(a->type.shape) || is_unknown(b->type.shape)) return t;
    if (!shape_equal(a->type.shape, b->type.shape)) return infer_mismatch(f, e, t, a, b);
    if (e->call.count > 2 && e->call.args[2]->type.shape.rank > 0)
        return infer_wanted(f, e, t, "a number", e->call.args[2]);
    return t;
}

model_type infer_loss(infer *f, model_expr *e, model_type t)
{
    model_function function = e->call.function;
    if (function == FUNCTION_cross_entropy) return infer_cross_entropy(f, e, t);
    if (function == FUNCTION_gaussian_mixture) return infer_mixture(f, e, t);
    if (function == FUNCTION_ctc) return infer_ctc(f, e, t);
    return infer_distance(f, e, t);
}
