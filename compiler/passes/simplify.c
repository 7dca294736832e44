/* simplify.c: local rewrites that are right for every value, infinities and NaN included, but for the sign of a
 * zero.
 *
 * Each rule looks at a node and what its operands are now, and gives a node that can stand for it, or none. Every
 * rule makes the graph smaller, brings a negation nearer to an addition, which it turns into a subtraction, or has
 * fewer components negated, divided or scaled, so the rounds end.
 * Multiplication by 0 is not folded: it is NaN for infinities. A denominator (`norm`) is not folded, since the
 * caller may give another.
 *
 * Needs: a verified graph, differentiated if it is to be. Keeps: all values but for rounding; copies that are read
 * in time, or of nodes read with boundaries: there they tell apart what differs outside of the sequence. */
#include "passes/rewrite.h"
#include <float.h>
#include <math.h>

typedef node_id rule(rewriter *w, const node *n);

static node_id binary(graph *g, op o, node_id a, node_id b) { return graph_pointwise(g, o, a, b, NO_NODE); }

static node_id as_type(graph *g, node_id id, type t)
{
    return type_equal(graph_type(g, id), t) ? id : graph_expand(g, id, t);
}

/* Whether the node is of that operation; then *inner becomes its first operand. */
static bool is_op(rewriter *w, node_id id, op o, node_id *inner)
{
    const node *n = graph_node(w->g, id);
    if (n->op != o) return false;
    *inner = rewrite_arg(w, n, 0);
    return true;
}

/* A number, or one that is stretched. */
static bool is_constant(rewriter *w, node_id id, double *value)
{
    is_op(w, id, OP_expand, &id);
    const node *n = graph_node(w->g, id);
    *value = n->attr.number;
    return n->op == OP_number;
}

static bool is_value(rewriter *w, node_id id, double wanted)
{
    double value;
    return is_constant(w, id, &value) && value == wanted;
}

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

static node_id simpler_add(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), b = rewrite_arg(w, n, 1), inner;
    if (is_value(w, a, 0)) return as_type(w->g, b, n->type);
    if (is_value(w, b, 0)) return as_type(w->g, a, n->type);
    if (is_op(w, b, OP_neg, &inner)) return binary(w->g, OP_sub, a, inner);
    if (is_op(w, a, OP_neg, &inner)) return binary(w->g, OP_sub, b, inner);
    return NO_NODE;
}

static node_id simpler_sub(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), b = rewrite_arg(w, n, 1), inner;
    if (is_value(w, b, 0)) return as_type(w->g, a, n->type);
    if (is_op(w, b, OP_neg, &inner)) return binary(w->g, OP_add, a, inner);
    return NO_NODE;
}

/* Factors are merged only while nothing comes near the range of a float: c * (d * x) may be in it where c * d is
 * not. */
#define LARGEST_FACTOR 1e15
#define SMALLEST_FACTOR 1e-15

static bool is_factor(double v) { return fabs(v) <= LARGEST_FACTOR && fabs(v) >= SMALLEST_FACTOR; }

/* c * x in either order, c a number. */
static bool is_scaled(rewriter *w, const node *n, double *c, node_id *x)
{
    if (n->op != OP_mul) return false;
    for (int i = 0; i < 2; i++) {
        *x = rewrite_arg(w, n, 1 - i);
        if (is_constant(w, rewrite_arg(w, n, i), c)) return true;
    }
    return false;
}

/* s * (c * v), where s has fewer components than v, is (c * s) * v. */
static node_id scaled_less(rewriter *w, const node *n)
{
    double c;
    node_id v;
    for (int i = 0; i < 2; i++) {
        node_id s = rewrite_arg(w, n, i), of = rewrite_arg(w, n, 1 - i);
        if (shape_size(graph_type(w->g, s).shape) >= shape_size(graph_type(w->g, of).shape) ||
            !is_scaled(w, graph_node(w->g, of), &c, &v))
            continue;
        return as_type(w->g, binary(w->g, OP_mul, binary(w->g, OP_mul, graph_number(w->g, c), s), v), n->type);
    }
    return NO_NODE;
}

/* c * (x / d), where d is a multiple of c, is x / (d / c): 2 * (x / 512) is x / 256. */
static node_id divided_less(rewriter *w, const node *n, double c, node_id x)
{
    double d;
    const node *quotient = graph_node(w->g, x);
    if (quotient->op != OP_div || !is_constant(w, rewrite_arg(w, quotient, 1), &d) || !is_factor(c) || !is_factor(d) ||
        fmod(d, c) != 0)
        return NO_NODE;
    node_id of = rewrite_arg(w, quotient, 0);
    return as_type(w->g, binary(w->g, OP_div, of, graph_number(w->g, d / c)), n->type);
}

static node_id simpler_mul(rewriter *w, const node *n)
{
    double c, d;
    node_id x, y;
    if (node_is(rewrite_arg(w, n, 0), rewrite_arg(w, n, 1)))
        return graph_pointwise(w->g, OP_square, rewrite_arg(w, n, 0), NO_NODE, NO_NODE);
    if (!is_scaled(w, n, &c, &x)) return scaled_less(w, n);
    if (c == 1) return as_type(w->g, x, n->type);
    if (is_scaled(w, graph_node(w->g, x), &d, &y) && is_factor(c) && is_factor(d) && is_factor(c * d))
        return as_type(w->g, binary(w->g, OP_mul, graph_number(w->g, c * d), y), n->type);
    return divided_less(w, n, c, x);
}

/* a / sqrt(b), where one root divides many components, is a * (1 / sqrt(b)): a root that is not 0 lies far within the
 * range of a float, and so does its reciprocal. */
static node_id simpler_div(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), b = rewrite_arg(w, n, 1), root = b, radicand, inner;
    if (is_value(w, b, 1)) return as_type(w->g, a, n->type);
    if (is_op(w, a, OP_neg, &inner) && type_equal(graph_type(w->g, inner), n->type)) /* an addition may take it */
        return graph_pointwise(w->g, OP_neg, binary(w->g, OP_div, inner, b), NO_NODE, NO_NODE);
    is_op(w, b, OP_expand, &root);
    if (!is_op(w, root, OP_sqrt, &radicand) || shape_size(graph_type(w->g, root).shape) == shape_size(n->type.shape))
        return NO_NODE;
    node_id reciprocal = binary(w->g, OP_div, graph_number(w->g, 1), root);
    return as_type(w->g, binary(w->g, OP_mul, a, reciprocal), n->type);
}

/* The square needs no libm; the derivative of one is 2 * x ^ 1. */
static node_id simpler_pow(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), b = rewrite_arg(w, n, 1);
    if (!is_value(w, b, 1) && !is_value(w, b, 2)) return NO_NODE;
    a = as_type(w->g, a, n->type);
    return is_value(w, b, 1) ? a : graph_pointwise(w->g, OP_square, a, NO_NODE, NO_NODE);
}

/* t % 1: the number of a step is whole. */
static node_id simpler_mod(rewriter *w, const node *n)
{
    bool whole = graph_node(w->g, rewrite_arg(w, n, 0))->op == OP_step;
    return whole && is_value(w, rewrite_arg(w, n, 1), 1) ? as_type(w->g, graph_number(w->g, 0), n->type) : NO_NODE;
}

static node_id simpler_neg(rewriter *w, const node *n)
{
    node_id inner;
    return is_op(w, rewrite_arg(w, n, 0), OP_neg, &inner) ? inner : NO_NODE;
}

static node_id simpler_select(rewriter *w, const node *n)
{
    double c;
    if (!is_constant(w, rewrite_arg(w, n, 0), &c)) return NO_NODE;
    return as_type(w->g, rewrite_arg(w, n, c != 0 ? 1 : 2), n->type);
}

static node_id simpler_and(rewriter *w, const node *n)
{
    for (int i = 0; i < 2; i++) {
        double c;
        node_id other = rewrite_arg(w, n, 1 - i);
        if (!is_constant(w, rewrite_arg(w, n, i), &c)) continue;
        if (c == 0) return as_type(w->g, graph_number(w->g, 0), n->type);
        if (op_is_condition(graph_node(w->g, other)->op)) return as_type(w->g, other, n->type);
    }
    return NO_NODE;
}

/* ---- what changes nothing ---------------------------------------------------------------------------------------- */

static node_id simpler_expand(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), inner;
    if (type_equal(graph_type(w->g, a), n->type)) return a;
    shape s;
    if (is_op(w, a, OP_expand, &inner) && shape_broadcast(graph_type(w->g, inner).shape, n->type.shape, &s))
        return as_type(w->g, inner, n->type);
    return NO_NODE;
}

static node_id simpler_copy(rewriter *w, const node *n, node_id id)
{
    node_id a = rewrite_arg(w, n, 0);
    return rewrite_is_read(w, id) || rewrite_is_bounded(w, a) ? NO_NODE : a;
}

/* ---- layout ------------------------------------------------------------------------------------------------------ */

static node_id simpler_transpose(rewriter *w, const node *n)
{
    node_id inner;
    bool twice = is_op(w, rewrite_arg(w, n, 0), OP_transpose, &inner);
    return twice && type_equal(graph_type(w->g, inner), n->type) ? inner : NO_NODE;
}

static node_id simpler_reshape(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), inner;
    if (type_equal(graph_type(w->g, a), n->type)) return a;
    if (!is_op(w, a, OP_reshape, &inner)) return NO_NODE;
    return type_equal(graph_type(w->g, inner), n->type) ? inner : graph_reshape(w->g, inner, n->type.shape);
}

static node_id simpler_concat(rewriter *w, const node *n) { return n->args == 1 ? rewrite_arg(w, n, 0) : NO_NODE; }

static node_id simpler_pad(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0);
    return type_equal(graph_type(w->g, a), n->type) ? a : NO_NODE;
}

static node_id simpler_slice(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0);
    if (type_equal(graph_type(w->g, a), n->type)) return a;
    const node *c = graph_node(w->g, a);
    int dim = n->attr.part.dim, begin = n->attr.part.begin, length = n->type.shape.dim[dim];
    if (c->op != OP_concat || c->attr.part.dim != dim) return NO_NODE;
    for (int i = 0; i < c->args; i++) {
        node_id part = rewrite_arg(w, c, i);
        int size = graph_type(w->g, part).shape.dim[dim];
        if (begin == 0 && length == size) return as_type(w->g, part, n->type);
        if (begin < size) return NO_NODE;
        begin -= size;
    }
    return NO_NODE;
}

/* op(A') is op(A) with the flag turned. A vector has no such flag: its transpose is a row. */
static node_id simpler_matmul(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), b = rewrite_arg(w, n, 1), inner;
    bool ta = n->attr.matmul.ta, tb = n->attr.matmul.tb, any = false;
    if (is_op(w, a, OP_transpose, &inner) && graph_type(w->g, inner).shape.rank == 2) a = inner, ta = !ta, any = true;
    if (is_op(w, b, OP_transpose, &inner) && graph_type(w->g, inner).shape.rank == 2) b = inner, tb = !tb, any = true;
    return any ? graph_matmul(w->g, a, ta, b, tb) : NO_NODE;
}

/* A sign moves out of the sum. */
static node_id simpler_sum(rewriter *w, const node *n)
{
    node_id a = rewrite_arg(w, n, 0), inner;
    if (type_equal(graph_type(w->g, a), n->type)) return a;
    if (!is_op(w, a, OP_neg, &inner)) return NO_NODE;
    node_id sum = graph_sum(w->g, inner, n->type.shape);
    return graph_pointwise(w->g, OP_neg, sum, NO_NODE, NO_NODE);
}

/* ---- every pointwise operation ----------------------------------------------------------------------------------- */

/* A result that a float cannot hold is left to the generated code. */
static node_id folded(rewriter *w, const node *n)
{
    double v[3] = {0};
    if (n->op == OP_expand || n->op == OP_copy || n->op == OP_norm || n->type.element != REAL) return NO_NODE;
    for (int i = 0; i < n->args; i++)
        if (!is_constant(w, rewrite_arg(w, n, i), &v[i])) return NO_NODE;
    double y = op_value(n->op, v[0], v[1], v[2]);
    if (!(fabs(y) <= FLT_MAX)) return NO_NODE;
    return as_type(w->g, graph_number(w->g, y), n->type);
}

enum { MOST = 3 }; /* operands of a pointwise operation */

/* Do operands of these types give the node's type without being stretched first? */
static bool gives(rewriter *w, const node *n, const node_id arg[MOST])
{
    axis_set axes = 0;
    bool reaches = false;
    for (int i = 0; i < MOST && i < n->args; i++) {
        type t = graph_type(w->g, arg[i]);
        shape s;
        if (!shape_broadcast(t.shape, n->type.shape, &s) || !shape_equal(s, n->type.shape)) return false;
        axes |= t.axes;
        reaches |= shape_equal(t.shape, n->type.shape);
    }
    return reaches && axes == n->type.axes;
}

/* Pointwise operations stretch their operands by themselves. */
static node_id without_expands(rewriter *w, const node *n)
{
    node_id arg[MOST] = {NO_NODE, NO_NODE, NO_NODE};
    bool any = false;
    if (n->args < 2) return NO_NODE;
    for (int i = 0; i < MOST && i < n->args; i++) arg[i] = rewrite_arg(w, n, i);
    for (int i = 0; i < MOST && i < n->args; i++) {
        node_id stretched = arg[i], inner;
        if (!is_op(w, arg[i], OP_expand, &inner)) continue;
        arg[i] = inner;
        if (gives(w, n, arg))
            any = true;
        else
            arg[i] = stretched;
    }
    return any ? graph_pointwise(w->g, n->op, arg[0], arg[1], arg[2]) : NO_NODE;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static rule *const rules[OP_COUNT] = {
    [OP_add] = simpler_add,
    [OP_sub] = simpler_sub,
    [OP_mul] = simpler_mul,
    [OP_div] = simpler_div,
    [OP_mod] = simpler_mod,
    [OP_neg] = simpler_neg,
    [OP_select] = simpler_select,
    [OP_and] = simpler_and,
    [OP_expand] = simpler_expand,
    [OP_matmul] = simpler_matmul,
    [OP_transpose] = simpler_transpose,
    [OP_reshape] = simpler_reshape,
    [OP_concat] = simpler_concat,
    [OP_slice] = simpler_slice,
    [OP_pad] = simpler_pad,
    [OP_sum] = simpler_sum,
    [OP_pow] = simpler_pow,
};

static node_id simpler(rewriter *w, node_id id)
{
    node n = *graph_node(w->g, id); /* a copy, since nodes move when others are made */
    node_id to = NO_NODE;
    rewrite_on_behalf(w->g, &n);
    if (op_table[n.op].class == POINTWISE_OP) to = folded(w, &n);
    if (!node_some(to) && rules[n.op]) to = rules[n.op](w, &n);
    if (n.op == OP_copy) to = simpler_copy(w, &n, id);
    if (!node_some(to) && op_table[n.op].class == POINTWISE_OP) to = without_expands(w, &n);
    return to;
}

static bool one_round(graph *g)
{
    arena *a = arena_new();
    node_list order = graph_order(g, a);
    rewriter w = rewrite_begin(g, a);
    for (size_t i = 0; i < order.len; i++) {
        node_id to = simpler(&w, order.data[i]);
        if (node_some(to)) rewrite_replace(&w, order.data[i], to);
    }
    rewrite_end(&w);
    bool changed = w.changed;
    arena_free(a);
    return changed;
}

void pass_simplify(graph *g)
{
    while (one_round(g)) graph_compact(g);
}
