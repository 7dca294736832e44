/* isolate.c: what is read in time, or by a function of a row, gets memory of its own where it has none that does.
 *
 * Readings at other steps need rows outside the sequence: for boundary values, and for what earlier chunks held.
 * Views and sources have no such rows, nor has a value that does not vary over the axis it is read along, nor a
 * gradient that is added directly to the caller's array. For such values the readings get a copy, stretched over the
 * axis where it lacks one.
 *
 * Softmax and logsumexp read components that stand side by side. A column of a matrix is a view whose components do
 * not: they get a copy of it.
 *
 * Needs: a verified graph. Keeps: all values and labels; every pass that drops copies must have run. */
#include "passes/rewrite.h"

/* Does the reading need rows outside of what one call computes? */
static bool needs_rows(const node *reading)
{
    return reading->op == OP_shift || (reading->attr.over.carry && reading->attr.from_end);
}

static bool owns_rows(const graph *g, const bool *gradient, node_id id)
{
    const node *n = graph_node(g, id);
    if (op_table[n->op].class == SOURCE) return n->op == OP_uniform || n->op == OP_count;
    if (n->op == OP_shift || n->op == OP_reshape || n->op == OP_slice || n->op == OP_transpose) return false;
    return !(n->op == OP_add && gradient[id.i]);
}

static bool is_row_function(const node *n) { return n->op == OP_softmax || n->op == OP_logsumexp; }

/* Is it a view in which numbers that belong to nothing of it may stand between its components? */
static bool lies_across(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    for (; n->op == OP_shift || n->op == OP_reshape || n->op == OP_slice || n->op == OP_transpose;
         n = graph_node(g, n->arg[0])) {
        shape from = graph_type(g, n->arg[0]).shape;
        bool across = n->op == OP_transpose || (n->op == OP_slice && n->attr.part.dim == 1);
        if (across && from.dim[0] > 1 && from.dim[1] > 1) return true;
    }
    return false;
}

/* The copy is the variable from now on, and what it copies a part of its equation. */
static node_id copy_of(graph *g, node_id id, type t)
{
    g->current = graph_node(g, id)->origin;
    bool same = type_equal(t, graph_type(g, id));
    node_id copy = same ? graph_pointwise(g, OP_copy, id, NO_NODE, NO_NODE) : graph_expand(g, id, t);
    graph_node(g, id)->origin.whole = false;
    graph_node(g, id)->origin.of = 0;
    return copy;
}

static bool *gradient_roots(const graph *g, arena *a)
{
    bool *gradient = ARENA_ARRAY(a, bool, g->nodes.len);
    for (size_t i = 0; g->param_grad && i < g->params.len; i++) gradient[g->param_grad[i].i] = true;
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++) gradient[g->input_grad[i].i] = true;
    return gradient;
}

void pass_isolate(graph *g)
{
    arena *a = arena_new();
    size_t count = g->nodes.len;
    bool *gradient = gradient_roots(g, a);
    /* By the axis that the node lacks; [0]: for readings along axes that it has. */
    node_id(*copy)[MAX_TIME_AXES + 1] = arena_array(a, count, sizeof *copy);
    for (uint32_t i = 1; i < count; i++) {
        node n = g->nodes.data[i];
        if (is_row_function(&n) && lies_across(g, n.arg[0]) && !node_some(copy[n.arg[0].i][0]))
            copy[n.arg[0].i][0] = copy_of(g, n.arg[0], graph_type(g, n.arg[0]));
        if (!is_reading(&n) || !needs_rows(&n)) continue;
        type t = graph_type(g, n.arg[0]);
        bool has_axis = t.axes & axis_bit(n.attr.axis);
        t.axes |= has_axis ? 0 : axis_bit(n.attr.axis) | BATCH;
        node_id *slot = &copy[n.arg[0].i][has_axis ? 0 : n.attr.axis];
        if (!node_some(*slot) && !(has_axis && owns_rows(g, gradient, n.arg[0]))) *slot = copy_of(g, n.arg[0], t);
    }
    for (uint32_t i = 1; i < count; i++) { /* readings that need no rows read the same memory */
        const node *n = &g->nodes.data[i];
        if (is_row_function(n) && lies_across(g, n->arg[0])) n->arg[0] = copy[n->arg[0].i][0];
        if (!is_reading(n)) continue;
        bool has_axis = graph_type(g, n->arg[0]).axes & axis_bit(n->attr.axis);
        node_id to = copy[n->arg[0].i][has_axis ? 0 : n->attr.axis];
        if (node_some(to)) graph_set_operand(g, (node_id){i}, to);
    }
    g->current = (origin){0};
    arena_free(a);
}
