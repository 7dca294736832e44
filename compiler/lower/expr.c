/* expr.c: expressions of the model to nodes. Each expression is lowered once; its nodes carry its place in the spec. */
#include "lower/context.h"

_Static_assert((int)MODEL_MAX_AXES <= (int)MAX_TIME_AXES, "the graph has as many axes as the model");
_Static_assert((int)MODEL_MAX_COMPONENTS <= (int)MAX_COMPONENTS, "the graph has values as large as the model's");

type lower_type(model_type t)
{
    shape s = {t.shape.rank, {t.shape.dim[0], t.shape.dim[1]}};
    return (type){t.token ? TOKEN : REAL, s, t.axes};
}

/* ---- readings in time -------------------------------------------------------------------------------------------- */

/* The boundary values of a variable, brought to its shape. */
static node_id *boundary_nodes(lowering *l, uint32_t v)
{
    const model_variable *at = var(l, v);
    if (l->boundary[v]) return l->boundary[v];
    l->boundary[v] = ARENA_ARRAY(l->g->arena, node_id, at->boundaries.len + 1);
    for (size_t i = 0; i < at->boundaries.len; i++) {
        uint32_t b = at->boundaries.data[i].variable;
        node_id n = l->of_variable[b];
        type to = lower_type(at->type);
        to.axes = graph_type(l->g, n).axes;
        l->boundary[v][i] = type_equal(graph_type(l->g, n), to) ? n : graph_expand(l->g, n, to);
    }
    return l->boundary[v];
}

static node_id lower_reading(lowering *l, const model_expr *e)
{
    uint32_t v = e->read.variable;
    const model_variable *at = var(l, v);
    node_id operand[2 * MODEL_MAX_BOUNDARY] = {{0}};
    int before = 0, after = 0;
    if (at->boundaries.len && at->boundary_axis == e->read.axis) {
        const node_id *made = boundary_nodes(l, v);
        for (size_t i = 0; i < at->boundaries.len; i++) {
            const model_boundary *b = &at->boundaries.data[i];
            int *count = b->after ? &after : &before;
            if (b->slot + 1 > *count) *count = b->slot + 1;
        }
        for (size_t i = 0; i < at->boundaries.len; i++) {
            const model_boundary *b = &at->boundaries.data[i];
            operand[b->after ? before + b->slot : b->slot] = made[i];
        }
    }
    type of = lower_type(at->type);
    boundary_values outside = {operand, before, after};
    node_id reading = e->kind == EXPR_SHIFT
                          ? graph_shift(l->g, NO_NODE, of, e->read.axis, e->read.k, outside)
                          : graph_at(l->g, NO_NODE, of, e->read.axis, e->read.from_end, e->read.k, outside);
    array_push(l->g->arena, &l->readings, (pending){reading, v, e->read.axis});
    return reading;
}

static node_id lower_step(lowering *l, const model_expr *e)
{
    node_id step = graph_step(l->g, e->read.axis);
    if (!e->read.from_end) return step;
    node_id length = graph_length(l->g, e->read.axis);
    return op2(l, OP_sub, op2(l, OP_add, length, number(l, 1)), step);
}

/* ---- layout ------------------------------------------------------------------------------------------------------ */

static node_id lower_slice(lowering *l, const model_expr *e)
{
    node_id n = lower_expr(l, e->slice.operand);
    shape to = lower_type(e->type).shape;
    for (int i = 0; i < e->slice.ranges; i++) {
        const model_range *r = &e->slice.range[i];
        if (graph_type(l->g, n).shape.dim[i] != r->length) n = graph_slice(l->g, n, i, r->begin, r->length);
    }
    return shape_equal(graph_type(l->g, n).shape, to) ? n : graph_reshape(l->g, n, to);
}

/* concat, vector: one below the other; rows: vectors lie down first. */
static node_id lower_concat(lowering *l, const model_expr *e)
{
    node_id *part = ARENA_ARRAY(l->g->arena, node_id, (size_t)e->call.count);
    for (int i = 0; i < e->call.count; i++) {
        node_id n = lower_expr(l, e->call.args[i]);
        int rank = graph_type(l->g, n).shape.rank;
        if (rank == 0) n = graph_reshape(l->g, n, shape_vector(1));
        if (rank == 1 && e->call.function == FUNCTION_rows) n = graph_transpose(l->g, n);
        part[i] = n;
    }
    return e->call.count == 1 ? part[0] : graph_concat(l->g, part, e->call.count, 0);
}

static node_id lower_onehot(lowering *l, const model_expr *token)
{
    int classes = token->type.classes;
    node_id x = lower_expr(l, token);
    return op2(l, OP_eq, x, graph_iota(l->g, classes));
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

static const model_expr *untransposed(const model_expr *e, bool *transposed)
{
    *transposed = e->kind == EXPR_CALL && e->call.function == FUNCTION_transpose;
    return *transposed ? e->call.args[0] : e;
}

/* W @ onehot(x), also by another name, is a row of W'. */
static node_id lower_matmul(lowering *l, const model_expr *e)
{
    bool ta, tb;
    const model_expr *a = untransposed(e->call.args[0], &ta), *b = untransposed(e->call.args[1], &tb);
    const model_expr *token = tb ? NULL : model_logits(l->m, b, FUNCTION_onehot);
    node_id left = lower_expr(l, a);
    type of = graph_type(l->g, left);
    if (token && of.shape.rank == 2 && !of.axes) {
        node_id x = lower_expr(l, token);
        return graph_lookup(l->g, ta ? left : graph_transpose(l->g, left), x);
    }
    node_id right = lower_expr(l, b);
    return graph_matmul(l->g, left, ta, right, tb);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* The operation of an operator or of an elementwise function; OP_none for the others. */
static const op operation[FUNCTION_COUNT] = {
#define FUNCTION(id, word, class, least, most, over, usage) ENTRY_##class(id)
#define ENTRY_OPERATOR(id) [FUNCTION_##id] = OP_##id,
#define ENTRY_OPERATION(id) [FUNCTION_##id] = OP_##id,
#define ENTRY_COMPOSITE(id)
#define ENTRY_SPECIAL(id)
#define ENTRY_LOSS(id)
#include "model/functions.def"
};

static node_id lower_special(lowering *l, const model_expr *e)
{
    node_id arg[3] = {{0}};
    model_function f = e->call.function;
    if (f == FUNCTION_matmul) return lower_matmul(l, e);
    if (f == FUNCTION_concat || f == FUNCTION_rows || f == FUNCTION_vector) return lower_concat(l, e);
    if (f == FUNCTION_onehot) return lower_onehot(l, e->call.args[0]);
    for (int i = 0; i < e->call.count && i < 3; i++) arg[i] = lower_expr(l, e->call.args[i]);
    if (f == FUNCTION_transpose) return graph_transpose(l->g, arg[0]);
    if (f == FUNCTION_lookup) return graph_lookup(l->g, arg[0], arg[1]);
    if (f == FUNCTION_outer) return graph_matmul(l->g, arg[0], false, arg[1], true);
    if (function_is_random(f)) return lower_random(l, e, arg);
    if (f == FUNCTION_max && e->call.count == 2) return op2(l, OP_max, arg[0], arg[1]);
    if (f == FUNCTION_min && e->call.count == 2) return op2(l, OP_min, arg[0], arg[1]);
    return lower_reduction(l, e, arg[0]);
}

static node_id lower_call(lowering *l, const model_expr *e)
{
    function_class class = function_table[e->call.function].class;
    node_id arg[3] = {{0}};
    if (class == SPECIAL) return lower_special(l, e);
    if (class == LOSS) return lower_loss_function(l, e);
    for (int i = 0; i < e->call.count; i++) arg[i] = lower_expr(l, e->call.args[i]);
    if (class == COMPOSITE) return lower_composite(l, e, arg);
    return graph_pointwise(l->g, operation[e->call.function], arg[0], arg[1], arg[2]);
}

static node_id lower(lowering *l, const model_expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER: return number(l, e->value);
    case EXPR_SIZE: return number(l, e->size->value);
    case EXPR_LITERAL: return graph_literal(l->g, lower_type(e->type).shape, e->literal);
    case EXPR_VARIABLE: return l->of_variable[e->read.variable];
    case EXPR_SHIFT: return e->read.k ? lower_reading(l, e) : l->of_variable[e->read.variable];
    case EXPR_AT: return lower_reading(l, e);
    case EXPR_STEP: return lower_step(l, e);
    case EXPR_CALL: return lower_call(l, e);
    case EXPR_SLICE: return lower_slice(l, e);
    case EXPR_POISON: break;
    }
    BUG("expression %d in a checked model", (int)e->kind);
}

node_id lower_expr(lowering *l, const model_expr *e)
{
    node_id *made = &l->of_expr[e->number];
    if (node_some(*made)) return *made;
    span outer = l->g->current.at;
    l->g->current.at = e->at;
    *made = lower(l, e);
    l->g->current.at = outer;
    return *made;
}
