/* name.c: how nodes are called.
 *
 * A parameter, an input and the node that is a whole variable have the spec's names; an adjoint is `d_` and the name of
 * its value. Of the rest, those that text must refer to get a number within their equation: `h.2`, and `d_h.2` is the
 * adjoint of that. What else the adjoints of an equation are made of has numbers above those of its values, so that it
 * is not taken for an adjoint of one. Nodes of no equation belong to the loss.
 *
 * Note [no name]. Sources, readings of a named node (`h[t-1]`), and views of one (`W'`, `a(0:8)`, a value that only
 * stretches) are written out where they are used. What they refer to has a name, since their use is not pointwise. */
#include "graph/graph.h"

static bool is_view(const node *n) { return n->op == OP_transpose || n->op == OP_slice; }

static bool is_inline_source(const node *n) { return op_table[n->op].class == SOURCE && n->op != OP_uniform; }

/* The gradient that `id` is, or NULL. Parameters have no axes, and neither have their gradients. */
static const char *gradient_path(const graph *g, node_id id)
{
    for (size_t i = 0; g->param_grad && !graph_type(g, id).axes && i < g->params.len; i++)
        if (node_is(g->param_grad[i], id)) return g->params.data[i].path;
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++)
        if (node_is(g->input_grad[i], id)) return g->inputs.data[i].path;
    return NULL;
}

static bool has_own_name(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    return n->origin.whole || n->op == OP_param || n->op == OP_input || node_is(g->loss, id) ||
           gradient_path(g, id) != NULL;
}

/* What is known of the users of a node. */
typedef struct uses {
    int count;
    bool not_pointwise, by_reading;
} uses;

static void count_uses(const graph *g, arena *scratch, node_list order, uses *of)
{
    for (size_t i = 0; i < order.len; i++) {
        const node *n = graph_node(g, order.data[i]);
        for (int j = 0; j < n->args; j++) {
            uses *u = &of[n->arg[j].i];
            u->count++;
            u->not_pointwise |= op_table[n->op].class != POINTWISE_OP && n->op != OP_sum_over;
            u->by_reading |= is_reading(n);
        }
    }
    node_list roots = graph_roots(g, scratch);
    for (size_t i = 0; i < roots.len; i++) of[roots.data[i].i].not_pointwise = true;
}

static bool needs_part(const node *n, const uses *u)
{
    if (is_inline_source(n)) return false;
    if (is_reading(n) || is_view(n)) return u->by_reading;
    return u->count > 1 || u->not_pointwise;
}

void graph_name_parts(graph *g)
{
    arena *scratch = arena_new();
    node_list order = graph_order(g, scratch);
    uses *of = ARENA_ARRAY(scratch, uses, g->nodes.len);
    count_uses(g, scratch, order, of);
    uint32_t *last = ARENA_ARRAY(scratch, uint32_t, g->variables.len);
    bool *taken = ARENA_ARRAY(scratch, bool, g->nodes.len); /* is there an adjoint of the part already? */
    for (size_t i = 1; i < g->nodes.len; i++) g->nodes.data[i].origin.part = 0;
    for (int adjoints = 0; adjoints < 2; adjoints++) /* values first: adjoints are called after them */
        for (size_t i = 0; i < order.len; i++) {
            node *n = graph_node(g, order.data[i]);
            if ((n->origin.role == ROLE_ADJOINT) != adjoints || has_own_name(g, order.data[i]) ||
                !needs_part(n, &of[order.data[i].i]))
                continue;
            const node *value = &g->nodes.data[n->origin.of];
            bool follows = n->origin.of && value->origin.part && value->origin.role == ROLE_VALUE &&
                           value->origin.variable == n->origin.variable && !taken[n->origin.of];
            taken[n->origin.of] |= follows;
            n->origin.part = follows ? value->origin.part : ++last[n->origin.variable];
        }
    arena_free(scratch);
}

const char *graph_label(const graph *g, arena *a, node_id id)
{
    if (!node_some(id)) return "";
    const node *n = graph_node(g, id);
    const char *d = n->origin.role == ROLE_ADJOINT ? "d_" : "";
    const char *variable = g->variables.data[n->origin.variable].path;
    if (n->origin.whole) return arena_printf(a, "%s%s", d, variable);
    if (n->op == OP_param) return g->params.data[n->attr.index].path;
    if (n->op == OP_input) return g->inputs.data[n->attr.index].path;
    if (n->origin.part) return arena_printf(a, "%s%s.%u", d, n->origin.variable ? variable : "loss", n->origin.part);
    const char *of = gradient_path(g, id);
    if (of) return arena_printf(a, "d_%s", of);
    return node_is(g->loss, id) ? "loss" : "";
}
