/* causality.c: does a model need later steps? Then it cannot run step by step, and a sequence cannot come in chunks.
 * Does a sequence need the others of its batch? Then a batch cannot be computed in shards.
 *
 * Three ways to need one: a reading of t + k; a value that depends on the whole sequence (a sum over t, its end) where
 * it is read at each step; several time axes, of which the others are whole. */
#include "plan/plan.h"

/* Does a value without the time axis depend on a whole sequence? Then a value with the axis must not read it. */
static bool is_whole_sequence(const node *n, int axis)
{
    if (n->op == OP_sum_over || n->op == OP_max_over) return (n->attr.over.axes & axis_bit(axis)) != 0;
    if (n->op == OP_at) return n->attr.axis == axis && (n->attr.from_end || n->attr.k > 1);
    return n->op == OP_length && n->attr.axis == axis;
}

node_id plan_reads_later(const graph *g, bool *axes_forbid)
{
    *axes_forbid = g->axes > 1;
    arena *a = arena_new();
    bool *late = ARENA_ARRAY(a, bool, g->nodes.len);
    node_list order = graph_order(g, a);
    node_id found = NO_NODE;
    for (size_t i = 0; i < order.len && !node_some(found); i++) {
        const node *n = graph_node(g, order.data[i]);
        if (n->op == OP_shift && n->attr.k > 0) found = order.data[i];
        late[order.data[i].i] = is_whole_sequence(n, 1);
        for (int k = 0; k < n->args; k++) {
            if (!node_some(n->arg[k]) || !late[n->arg[k].i]) continue;
            if (n->type.axes & axis_bit(1))
                found = n->arg[k];
            else
                late[order.data[i].i] = true;
        }
    }
    arena_free(a);
    return found;
}

/* The nodes that `root` is made of. */
static bool *made_of(const graph *g, arena *a, node_id root)
{
    bool *found = ARENA_ARRAY(a, bool, g->nodes.len);
    node_list open = {0};
    array_push(a, &open, root);
    found[root.i] = true;
    while (open.len) {
        const node *n = graph_node(g, open.data[--open.len]);
        for (int k = 0; k < n->args; k++) {
            if (!node_some(n->arg[k]) || found[n->arg[k].i]) continue;
            found[n->arg[k].i] = true;
            array_push(a, &open, n->arg[k]);
        }
    }
    return found;
}

bool plan_reads_ahead(const graph *g, node_id root, int axis)
{
    arena *a = arena_new();
    bool *counts = made_of(g, a, root), *late = ARENA_ARRAY(a, bool, g->nodes.len), changed = true, ahead = false;
    while (changed && !ahead) { /* a shift along another axis stands before what it reads: until nothing is new */
        changed = false;
        for (uint32_t i = 1; i < g->nodes.len; i++) {
            const node *n = graph_node(g, (node_id){i});
            if (!counts[i] || late[i]) continue;
            bool varies = (n->type.axes & axis_bit(axis)) != 0, reads = false;
            for (int k = 0; k < n->args; k++) reads = reads || (node_some(n->arg[k]) && late[n->arg[k].i]);
            if (n->op == OP_shift && n->attr.axis == axis && n->attr.k > 0) ahead = true;
            ahead = ahead || (reads && varies);
            late[i] = is_whole_sequence(n, axis) || reads;
            changed = changed || late[i];
        }
    }
    arena_free(a);
    return ahead;
}

bool plan_splits(const graph *g)
{
    arena *a = arena_new();
    bool *moves = ARENA_ARRAY(a, bool, g->nodes.len), changed = true, splits = true;
    while (changed) {
        changed = false;
        for (uint32_t i = 1; i < g->nodes.len; i++) {
            const node *n = graph_node(g, (node_id){i});
            if (moves[i]) continue;
            moves[i] = n->op == OP_param || n->op == OP_uniform;
            if (n->op == OP_input) moves[i] = n->type.element == REAL && !g->inputs.data[n->attr.index].target;
            for (int k = 0; k < n->args; k++) moves[i] = moves[i] || (node_some(n->arg[k]) && moves[n->arg[k].i]);
            changed = changed || moves[i];
            splits = splits && !(moves[i] && n->op == OP_norm);
        }
    }
    arena_free(a);
    return splits;
}
