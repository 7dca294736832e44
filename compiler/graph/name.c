/* name.c: how nodes are called.
 *
 * A parameter, an input and the node that is a whole variable have the spec's names; an adjoint is `d_` and the name of
 * its value. Through a reading of h at another step, h[t-1], the adjoint of h gets `d_h.carry`. Of the rest, those that text must refer to get a number within their equation: `h.2`, and `d_h.2` is the
 * adjoint of that. What else the adjoints of an equation are made of has numbers above those of its values, so that it
 * is not taken for an adjoint of one. Nodes of no equation belong to the loss.
 *
 * Note [no name]. Sources, readings of a named node (`h[t-1]`), and views of one (`W'`, `a(0:8)`, a value that only
 * stretches) are written out where they are used. What they refer to has a name, since their use is not pointwise. */
#include "graph/graph.h"
#include <string.h>

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

/* The variable whose adjoint at another step gets this node: it is the adjoint of a reading. 0: it is not. */
static uint32_t carried(const graph *g, const node *n)
{
    const node *of = &g->nodes.data[n->origin.of];
    if (n->origin.role != ROLE_ADJOINT || !n->origin.of || of->op != OP_shift) return 0;
    const origin *read = &graph_node(g, of->arg[0])->origin;
    return read->whole && read->role == ROLE_VALUE ? read->variable : 0;
}

/* Has the spec a variable whose adjoint is called so? */
static bool carry_is_taken(const graph *g, arena *scratch, uint32_t variable)
{
    const char *word = arena_printf(scratch, "%s.carry", g->variables.data[variable].path);
    for (size_t i = 0; i < g->variables.len; i++)
        if (g->variables.data[i].path && strcmp(g->variables.data[i].path, word) == 0) return true;
    return false;
}

void graph_name_parts(graph *g)
{
    arena *scratch = arena_new();
    node_list order = graph_order(g, scratch);
    uses *of = ARENA_ARRAY(scratch, uses, g->nodes.len);
    count_uses(g, scratch, order, of);
    uint32_t *last = ARENA_ARRAY(scratch, uint32_t, g->variables.len);
    uint32_t *carries = ARENA_ARRAY(scratch, uint32_t, g->variables.len);
    bool *taken = ARENA_ARRAY(scratch, bool, g->nodes.len); /* is there an adjoint of the part already? */
    for (size_t i = 1; i < g->nodes.len; i++) g->nodes.data[i].origin.part = g->nodes.data[i].origin.carry = 0;
    for (int adjoints = 0; adjoints < 2; adjoints++) /* values first: adjoints are called after them */
        for (size_t i = 0; i < order.len; i++) {
            node *n = graph_node(g, order.data[i]);
            if ((n->origin.role == ROLE_ADJOINT) != adjoints || has_own_name(g, order.data[i]) ||
                !needs_part(n, &of[order.data[i].i]))
                continue;
            uint32_t variable = carried(g, n);
            if (variable && !carry_is_taken(g, scratch, variable)) {
                n->origin.carry = true;
                n->origin.variable = variable;
                n->origin.part = ++carries[variable];
                continue;
            }
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
    if (n->origin.carry && n->origin.part == 1) return arena_printf(a, "d_%s.carry", variable);
    if (n->origin.carry) return arena_printf(a, "d_%s.carry.%u", variable, n->origin.part);
    if (n->origin.part) return arena_printf(a, "%s%s.%u", d, n->origin.variable ? variable : "loss", n->origin.part);
    const char *of = gradient_path(g, id);
    if (of) return arena_printf(a, "d_%s", of);
    return node_is(g->loss, id) ? "loss" : "";
}
