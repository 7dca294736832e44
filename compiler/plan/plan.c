/* plan.c: the steps of the plan, in their order. */
#include "plan/planner.h"

static void find_users(planner *pl)
{
    graph *g = pl->g;
    for (size_t i = 1; i < pl->count; i++) {
        const node *n = &g->nodes.data[i];
        for (int a = 0; a < n->args; a++) {
            if (node_some(n->arg[a]))
                array_push(pl->arena, &pl->users[n->arg[a].i], (node_id){(uint32_t)i});
        }
    }
    for (size_t i = 0; i < g->outputs.len; i++)
        pl->escapes[g->outputs.data[i].node.i] = true;
    if (node_some(g->loss))
        pl->escapes[g->loss.i] = true;
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++)
        pl->escapes[g->input_grad[i].i] = true;
}

static bool no_edge_cut(const planner *pl, node_id reader, int operand, const void *context)
{
    (void)pl, (void)reader, (void)operand, (void)context;
    return false;
}

/* A component of one node is no recurrence. */
static void forget_single_nodes(planner *pl, const node_list *all, int components)
{
    int *size = ARENA_ARRAY(pl->arena, int, (size_t)components + 1);
    for (size_t i = 0; i < all->len; i++)
        size[pl->component[all->data[i].i]]++;
    for (size_t i = 0; i < all->len; i++) {
        if (size[pl->component[all->data[i].i]] == 1)
            pl->component[all->data[i].i] = 0;
    }
}

program *plan_program(arena *a, graph *g, entry e, pool *shared)
{
    size_t n = g->nodes.len;
    program *p = ARENA_NEW(a, program);
    *p = (program){.entry = e, .graph = g, .pool = shared, .views = ARENA_ARRAY(a, view, n), .stmt_of = ARENA_ARRAY(a, stmt *, n)};
    planner pl = {.arena = a, .g = g, .p = p, .count = n, .users = arena_array(a, n, sizeof(node_list)),
                  .escapes = ARENA_ARRAY(a, bool, n), .task = ARENA_ARRAY(a, task, n), .form = ARENA_ARRAY(a, contract_form, n),
                  .is_product = ARENA_ARRAY(a, bool, n), .leaves = arena_array(a, n, sizeof(product_leaves)),
                  .grad_roots = ARENA_ARRAY(a, size_t, n), .adds_to = ARENA_ARRAY(a, uint32_t, n), .component = ARENA_ARRAY(a, int, n),
                  .region_of = ARENA_ARRAY(a, region *, n), .kept = ARENA_ARRAY(a, bool, n),
                  .kept_axes = ARENA_ARRAY(a, axis_set, n), .before = arena_array(a, n, sizeof *pl.before),
                  .after = arena_array(a, n, sizeof *pl.after)};
    find_users(&pl);
    node_list all = graph_order(g, a);
    int components = plan_components(&pl, &all, no_edge_cut, NULL);
    forget_single_nodes(&pl, &all, components);
    plan_products(&pl);
    plan_schedule(&pl);
    plan_storage(&pl);
    plan_operands(&pl);
    plan_history(&pl);
    return p;
}

/* ---- causality ------------------------------------------------------------------------------------------------------------------ */

/* Does a value without the time axis depend on a whole sequence? Then a value with the axis must not read it. */
static bool is_whole_sequence(const node *n, int axis)
{
    if (n->op == OP_sum_over || n->op == OP_max_over)
        return (n->attr.over.axes & axis_bit(axis)) != 0;
    if (n->op == OP_at)
        return n->attr.axis == axis && (n->attr.from_end || n->attr.k > 1);
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
        if (n->op == OP_shift && n->attr.k > 0)
            found = order.data[i];
        late[order.data[i].i] = is_whole_sequence(n, 1);
        for (int k = 0; k < n->args; k++) {
            if (!node_some(n->arg[k]) || !late[n->arg[k].i])
                continue;
            if (n->type.axes & axis_bit(1))
                found = n->arg[k];
            else
                late[order.data[i].i] = true;
        }
    }
    arena_free(a);
    return found;
}
