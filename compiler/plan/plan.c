/* plan.c: the steps of the plan, in their order. */
#include "plan/planner.h"

static void find_users(planner *pl)
{
    graph *g = pl->g;
    for (size_t i = 1; i < pl->count; i++) {
        const node *n = &g->nodes.data[i];
        for (int a = 0; a < n->args; a++) {
            if (node_some(n->arg[a])) array_push(pl->arena, &pl->users[n->arg[a].i], (node_id){(uint32_t)i});
        }
    }
    for (size_t i = 0; i < g->outputs.len; i++) pl->escapes[g->outputs.data[i].node.i] = true;
    if (node_some(g->loss)) pl->escapes[g->loss.i] = true;
    for (size_t i = 0; i < g->extra_roots.len; i++) pl->escapes[g->extra_roots.data[i].i] = true;
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++) pl->escapes[g->input_grad[i].i] = true;
}

/* A component of one node is no recurrence. */
static void forget_single_nodes(planner *pl, int components)
{
    const node_list *all = &pl->order;
    int *size = ARENA_ARRAY(pl->arena, int, (size_t)components + 1);
    for (size_t i = 0; i < all->len; i++) size[pl->component[all->data[i].i]]++;
    for (size_t i = 0; i < all->len; i++) {
        if (size[pl->component[all->data[i].i]] == 1) pl->component[all->data[i].i] = 0;
    }
}

const char *entry_name(entry e)
{
    switch (e) {
    case ENTRY_STEP: return "step";
    case ENTRY_FORWARD: return "forward";
    case ENTRY_LOSS: return "loss";
    case ENTRY_GRAD: return "grad";
    }
    BUG("no such entry point");
}

program *plan_program(arena *a, graph *g, entry e, pool *shared)
{
    plan_ways ways = {.way = NULL};
    if (e == ENTRY_GRAD && shared->segment) ways = plan_segments(a, g);
    bool ahead = (e == ENTRY_FORWARD || e == ENTRY_LOSS) && shared->segments_ahead && g->axes == 1;
    if (ahead) ways = plan_segments_ahead(a, g);
    size_t n = g->nodes.len;
    program *p = ARENA_NEW(a, program);
    *p = (program){.entry = e,
                   .graph = g,
                   .pool = shared,
                   .views = ARENA_ARRAY(a, view, n),
                   .stmt_of = ARENA_ARRAY(a, stmt *, n),
                   .placed = ARENA_ARRAY(a, placing, n),
                   .segment = ways.way ? shared->segment : 0,
                   .by_rows = ways.way && ahead};
    planner pl = {.arena = a,
                  .g = g,
                  .p = p,
                  .count = n,
                  .order = graph_spec_order(g, a),
                  .ways = ways,
                  .store = ARENA_ARRAY(a, int, n),
                  .users = arena_array(a, n, sizeof(node_list)),
                  .escapes = ARENA_ARRAY(a, bool, n),
                  .task = ARENA_ARRAY(a, task, n),
                  .form = ARENA_ARRAY(a, contract_form, n),
                  .is_product = ARENA_ARRAY(a, bool, n),
                  .leaves = arena_array(a, n, sizeof(product_leaves)),
                  .guard = ARENA_ARRAY(a, plan_guard, n),
                  .grad_roots = ARENA_ARRAY(a, size_t, n),
                  .adds_to = ARENA_ARRAY(a, uint32_t, n),
                  .component = ARENA_ARRAY(a, int, n),
                  .region_of = ARENA_ARRAY(a, region *, n),
                  .kept = ARENA_ARRAY(a, bool, n),
                  .kept_axes = ARENA_ARRAY(a, axis_set, n),
                  .param_column = ARENA_ARRAY(a, int, g->params.len),
                  .before = arena_array(a, n, sizeof *pl.before),
                  .after = arena_array(a, n, sizeof *pl.after)};
    find_users(&pl);
    int components = graph_components(g, &pl.order, NULL, NULL, pl.component);
    forget_single_nodes(&pl, components);
    plan_products(&pl);
    plan_guards(&pl);
    plan_schedule(&pl);
    plan_rows(&pl);
    plan_storage(&pl);
    plan_operands(&pl);
    bool blocks = p->by_rows ? plan_segment_rows(&pl) : !p->segment;
    plan_history(&pl);
    plan_streams(&pl);
    plan_wanted(&pl);
    plan_in_state(&pl);
    if (e != ENTRY_STEP && blocks) plan_step_blocks(&pl);
    if (e != ENTRY_STEP && !shared->own_memory) plan_reuse(&pl);
    return p;
}
