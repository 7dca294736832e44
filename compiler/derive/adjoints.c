/* adjoints.c: what flows back through one operation.
 *
 * Pointwise operations state it in the adjoint columns of ops.def, written in the small vocabulary below; every other
 * operation has a function adjoint_<name> here. d is the adjoint of the node's result. */
#include "derive/derive.h"

#include <string.h>

/* ---- the vocabulary of ops.def ----------------------------------------------------------------------------------- */

#define NONE NO_NODE
#define NUM(v) graph_number(g, (v))
#define OP1(o, x) graph_pointwise(g, OP_##o, (x), NO_NODE, NO_NODE)
#define OP2(o, x, z) binary(g, OP_##o, (x), (z))
#define NEG(x) OP1(neg, x)
#define EXP(x) OP1(exp, x)
#define LOG(x) OP1(log, x)
#define SIGN(x) OP1(sign, x)
#define SQUARE(x) OP1(square, x)
#define SIGMOID(x) OP1(sigmoid, x)
#define SIN(x) OP1(sin, x)
#define COS(x) OP1(cos, x)
#define FLOOR(x) OP1(floor, x)
#define ADD(x, z) OP2(add, x, z)
#define SUB(x, z) OP2(sub, x, z)
#define MUL(x, z) OP2(mul, x, z)
#define DIV(x, z) OP2(div, x, z)
#define POW(x, z) OP2(pow, x, z)
#define LT(x, z) OP2(lt, x, z)
#define GT(x, z) OP2(gt, x, z)
#define EQ(x, z) OP2(eq, x, z)
#define AND(x, z) OP2(and, x, z)
#define IF(x, y, z) graph_pointwise(g, OP_select, (x), (y), (z))
#define SHARE(wins, ties) ADD(wins, MUL(NUM(0.5), ties))

/* C leaves the order of arguments open; the nodes' numbers must not depend on it, so operands arrive here made. Their
 * relative order still may: graph_order renumbers canonically. */
static node_id binary(graph *g, op o, node_id x, node_id z) { return graph_pointwise(g, o, x, z, NO_NODE); }

static node_id pointwise(graph *g, op o, const node_id *arg, node_id y, node_id d, int i)
{
    node_id a = arg[0], b = op_table[o].arity > 1 ? arg[1] : NO_NODE, c = op_table[o].arity > 2 ? arg[2] : NO_NODE;
    (void)a, (void)b, (void)c, (void)y, (void)d;
    switch (o) {
#define POINTWISE(name, arity, precedence, notation, text, value, da, db, dc)                                          \
    case OP_##name:                                                                                                    \
        if (i == 0) return da;                                                                                         \
        return i == 1 ? db : dc;
#define OTHER(name, class, arity, notation) case OP_##name:
#include "graph/ops.def"
    case OP_none:
    case OP_COUNT: break;
    }
    BUG("%s is not pointwise", op_table[o].name);
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

typedef struct adjoint {
    graph *g;
    node n;
    node_id id, d;
    int i;
} adjoint; /* n: a copy, since nodes move */

#define SOURCE_HAS_NO_OPERAND(source)                                                                                  \
    static node_id adjoint_##source(const adjoint *x) { BUG("%s has no operand", op_table[x->n.op].name); }
SOURCE_HAS_NO_OPERAND(param)
SOURCE_HAS_NO_OPERAND(input)
SOURCE_HAS_NO_OPERAND(number)
SOURCE_HAS_NO_OPERAND(literal)
SOURCE_HAS_NO_OPERAND(iota)
SOURCE_HAS_NO_OPERAND(step)
SOURCE_HAS_NO_OPERAND(length)
SOURCE_HAS_NO_OPERAND(count)
SOURCE_HAS_NO_OPERAND(uniform)

/* C = op(A) op(B):  d_A = d op(B)' (transposed again where A was), d_B = op(A)' d. */
static node_id adjoint_matmul(const adjoint *x)
{
    bool ta = x->n.attr.matmul.ta, tb = x->n.attr.matmul.tb;
    node_id a = x->n.arg[0], b = x->n.arg[1];
    if (x->i == 0) return ta ? graph_matmul(x->g, b, tb, x->d, true) : graph_matmul(x->g, x->d, false, b, !tb);
    return tb ? graph_matmul(x->g, x->d, true, a, ta) : graph_matmul(x->g, a, !ta, x->d, false);
}

static type operand_type(const adjoint *x) { return graph_type(x->g, x->n.arg[x->i]); }

static node_id adjoint_sum(const adjoint *x)
{
    return graph_expand(x->g, x->d, (type){REAL, operand_type(x).shape, x->n.type.axes});
}

/* The share of each component that attains the maximum y: d / (number of those that do). */
static node_id shared(const adjoint *x, node_id attains, node_id how_many)
{
    node_id each = graph_pointwise(x->g, OP_div, x->d, how_many, NO_NODE);
    return graph_pointwise(x->g, OP_mul, attains, each, NO_NODE);
}

static node_id adjoint_maximum(const adjoint *x)
{
    node_id attains = graph_pointwise(x->g, OP_eq, x->n.arg[0], x->id, NO_NODE);
    return shared(x, attains, graph_sum(x->g, attains, x->n.type.shape));
}

/* p = softmax(z):  d_z = p * (d - sum(d * p)) */
static node_id adjoint_softmax(const adjoint *x)
{
    graph *g = x->g;
    node_id along = graph_sum(g, MUL(x->d, x->id), SCALAR);
    return MUL(x->id, SUB(x->d, along));
}

static node_id adjoint_logsumexp(const adjoint *x)
{
    graph *g = x->g;
    node_id p = graph_softmax(g, x->n.arg[0]);
    return MUL(p, x->d);
}

/* d, for every step of the axes summed over; as often as there are steps along those that the operand lacks. */
static node_id adjoint_sum_over(const adjoint *x)
{
    graph *g = x->g;
    type to = operand_type(x);
    axis_set lacking = x->n.attr.over.axes & ~to.axes;
    node_id d = lacking ? MUL(x->d, graph_count(g, lacking)) : x->d;
    to.axes |= graph_type(g, d).axes;
    return graph_expand(g, d, to);
}

/* No step attains a maximum that an earlier chunk has carried over, or that of no steps at all. */
static node_id adjoint_max_over(const adjoint *x)
{
    graph *g = x->g;
    node_id attains = graph_pointwise(x->g, OP_eq, x->n.arg[0], x->id, NO_NODE);
    node_id ties = graph_sum_over(g, attains, x->n.attr.over.axes, false);
    return shared(x, attains, OP2(max, ties, NUM(1)));
}

/* A reading of the adjoint at one place, for the boundary value that was read there; it belongs to this call alone. */
static node_id local_at(const adjoint *x, bool from_end, int k)
{
    node_id id = graph_at(x->g, x->d, x->n.type, x->n.attr.axis, from_end, k, NO_BOUNDARIES);
    graph_node(x->g, id)->attr.over.carry = false;
    return id;
}

/* Boundary operand i of y[t] = a[t + k]: `before` number j stands for index -j, so it was read at t = -j - k; `after`
 * number j for T + 1 + j, read at t = T - (k - 1 - j). */
static node_id adjoint_shift(const adjoint *x)
{
    int k = x->n.attr.k, j = x->i - 1;
    if (x->i == 0) BUG("the operand of a shift is handled by the walk");
    if (j < x->n.attr.before) return -j - k >= 1 ? local_at(x, false, -j - k) : NO_NODE;
    j -= x->n.attr.before;
    return k - 1 - j >= 0 ? local_at(x, true, k - 1 - j) : NO_NODE;
}

/* d where the sequence's length is n, else 0. */
static node_id where_length(const adjoint *x, int n)
{
    graph *g = x->g;
    if (n < 0) return NO_NODE;
    node_id length = graph_length(g, x->n.attr.axis);
    node_id is = EQ(length, NUM(n));
    return IF(is, x->d, NUM(0));
}

static node_id adjoint_at(const adjoint *x)
{
    int k = x->n.attr.k, j = x->i - 1;
    bool from_end = x->n.attr.from_end;
    if (x->i == 0) return graph_put(x->g, x->d, x->n.attr.axis, from_end, k);
    if (j < x->n.attr.before) { /* index -j */
        if (from_end) return where_length(x, k - j);
        return k == -j ? x->d : NO_NODE;
    }
    j -= x->n.attr.before; /* index T + 1 + j */
    if (!from_end) return where_length(x, k - 1 - j);
    return k == -1 - j ? x->d : NO_NODE;
}

static node_id adjoint_put(const adjoint *x) { return local_at(x, x->n.attr.from_end, x->n.attr.k); }

static node_id adjoint_concat(const adjoint *x)
{
    int dim = x->n.attr.part.dim, begin = 0;
    for (int i = 0; i < x->i; i++) begin += graph_type(x->g, x->n.arg[i]).shape.dim[dim];
    return graph_slice(x->g, x->d, dim, begin, operand_type(x).shape.dim[dim]);
}

static node_id adjoint_slice(const adjoint *x)
{
    int dim = x->n.attr.part.dim;
    return graph_pad(x->g, x->d, dim, x->n.attr.part.begin, operand_type(x).shape.dim[dim]);
}

static node_id adjoint_pad(const adjoint *x)
{
    int dim = x->n.attr.part.dim;
    return graph_slice(x->g, x->d, dim, x->n.attr.part.begin, operand_type(x).shape.dim[dim]);
}

static node_id adjoint_transpose(const adjoint *x)
{
    shape s = operand_type(x).shape;
    return s.rank == 2 ? graph_transpose(x->g, x->d) : graph_reshape(x->g, x->d, s);
}

static node_id adjoint_reshape(const adjoint *x) { return graph_reshape(x->g, x->d, operand_type(x).shape); }

static node_id adjoint_lookup(const adjoint *x)
{
    type matrix = operand_type(x);
    return graph_scatter(x->g, x->n.arg[1], x->d, matrix.shape.dim[0], x->n.type.axes & ~matrix.axes);
}

static node_id adjoint_pick(const adjoint *x)
{
    graph *g = x->g;
    node_id hot = EQ(x->n.arg[1], graph_iota(g, operand_type(x).shape.dim[0]));
    return MUL(x->d, hot);
}

static node_id adjoint_scatter(const adjoint *x) { return graph_lookup(x->g, x->d, x->n.arg[0]); }

/* ---- the table --------------------------------------------------------------------------------------------------- */

node_id derive_contribution(graph *g, node_id id, node_id d, int i)
{
    node n = *graph_node(g, id);
    adjoint x = {g, n, id, d, i};
    switch (n.op) {
/* clang-format off */
#define POINTWISE(name, ...) case OP_##name: return pointwise(g, n.op, n.arg, id, d, i);
#define OTHER(name, ...) case OP_##name: return adjoint_##name(&x);
/* clang-format on */
#include "graph/ops.def"
    case OP_none:
    case OP_COUNT: break;
    }
    BUG("no adjoint for operation %d", (int)n.op);
}

bool derive_flows(op o, int i)
{
    static const char *const column[OP_COUNT][3] = {
#define POINTWISE(name, arity, precedence, notation, c, value, da, db, dc) [OP_##name] = {#da, #db, #dc},
#include "graph/ops.def"
    };
    if (o == OP_lookup || o == OP_pick) return i == 0;
    if (o == OP_scatter) return i == 1;
    return !column[o][0] || (i < 3 && strcmp(column[o][i], "NONE") != 0);
}
