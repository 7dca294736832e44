/* verify.c: the rules that every pass must keep.
 *
 * Comes in: a graph and the name of the pass that made it; goes out: nothing, or the process aborts saying which node
 * breaks which rule. Every node is checked, needed or not. */
#include "graph/graph.h"
#include "graph/rules.h"

static void check_id(const graph *g, const char *after, node_id id, const char *what)
{
    if (id.i >= g->nodes.len) BUG("after %s: %s is no node", after, what);
}

static void check_node(const graph *g, const char *after, node_id id)
{
    const node *n = graph_node(g, id);
    if (n->op <= OP_none || n->op >= OP_COUNT) BUG("after %s: node %u has no operation", after, id.i);
    const char *op_name = op_table[n->op].name;
    if (op_table[n->op].arity >= 0 && op_table[n->op].arity != n->args)
        BUG("after %s: node %u (%s) has %d operands", after, id.i, op_name, n->args);
    for (int i = 0; i < n->args; i++) {
        if (n->arg[i].i >= g->nodes.len) BUG("after %s: node %u (%s): operand %d is no node", after, id.i, op_name, i);
        if (!node_some(n->arg[i]) && !(is_reading(n) && i > 0))
            BUG("after %s: node %u (%s): operand %d is absent", after, id.i, op_name, i);
    }
    type t;
    const char *why = graph_rule(g, n, &t);
    if (why) BUG("after %s: node %u (%s): %s", after, id.i, op_name, why);
    if (!type_equal(t, n->type))
        BUG("after %s: node %u (%s): its type does not follow from its operands", after, id.i, op_name);
    if (n->origin.variable >= g->variables.len)
        BUG("after %s: node %u (%s): its variable is none of the graph's", after, id.i, op_name);
    if (n->origin.whole && n->origin.variable == 0)
        BUG("after %s: node %u (%s): it is the whole of no variable", after, id.i, op_name);
    if (g->sources && n->origin.at.file > g->sources->len)
        BUG("after %s: node %u (%s): its place is in no file", after, id.i, op_name);
}

/* Without what readings read, operands come before users: repeatedly takes the nodes whose operands are all taken. */
static void check_cycles(const graph *g, const char *after, arena *scratch)
{
    size_t count = g->nodes.len, edges = 0;
    uint32_t *waits = ARENA_ARRAY(scratch, uint32_t, count);     /* operands not yet taken */
    uint32_t *first = ARENA_ARRAY(scratch, uint32_t, count + 1); /* users of i: users[first[i]] .. first[i + 1] */
    for (size_t i = 1; i < count; i++)
        for (int j = is_reading(&g->nodes.data[i]); j < g->nodes.data[i].args; j++)
            if (node_some(g->nodes.data[i].arg[j])) {
                first[g->nodes.data[i].arg[j].i]++;
                waits[i]++;
                edges++;
            }
    for (size_t i = 0, sum = 0; i <= count; i++) {
        sum += i < count ? first[i] : 0;
        first[i] = (uint32_t)sum;
    }
    uint32_t *users = ARENA_ARRAY(scratch, uint32_t, edges);
    for (size_t i = 1; i < count; i++)
        for (int j = is_reading(&g->nodes.data[i]); j < g->nodes.data[i].args; j++)
            if (node_some(g->nodes.data[i].arg[j])) users[--first[g->nodes.data[i].arg[j].i]] = (uint32_t)i;

    uint32_t *ready = ARENA_ARRAY(scratch, uint32_t, count);
    size_t taken = 0, len = 0;
    for (size_t i = 1; i < count; i++)
        if (waits[i] == 0) ready[len++] = (uint32_t)i;
    while (taken < len) {
        uint32_t i = ready[taken++];
        for (uint32_t u = first[i]; u < first[i + 1]; u++)
            if (--waits[users[u]] == 0) ready[len++] = users[u];
    }
    for (size_t i = 1; i < count; i++)
        if (waits[i])
            BUG("after %s: node %zu (%s) lies on or behind a cycle without a shift", after, i,
                op_table[g->nodes.data[i].op].name);
}

static bool same_boundaries(const node *a, const node *b)
{
    for (int side = 0; side < 2; side++) {
        int na = side ? a->attr.after : a->attr.before, nb = side ? b->attr.after : b->attr.before;
        for (int i = 0; i < na || i < nb; i++)
            if (!node_is(node_boundary(a, side, i), node_boundary(b, side, i))) return false;
    }
    return true;
}

static void check_boundaries(const graph *g, const char *after, arena *scratch)
{
    node_id(*reader)[MAX_TIME_AXES + 1] = arena_array(scratch, g->nodes.len, sizeof *reader);
    for (uint32_t i = 1; i < g->nodes.len; i++) {
        const node *n = &g->nodes.data[i];
        if (!is_reading(n)) continue;
        node_id *first = &reader[n->arg[0].i][n->attr.axis];
        if (!node_some(*first))
            *first = (node_id){i};
        else if (!same_boundaries(graph_node(g, *first), n))
            BUG("after %s: nodes %u and %u read node %u with different boundaries", after, first->i, i, n->arg[0].i);
    }
}

static void check_roots(const graph *g, const char *after)
{
    check_id(g, after, g->loss, "the loss");
    if (node_some(g->loss) && !type_equal(graph_type(g, g->loss), type_real(SCALAR, 0)))
        BUG("after %s: the loss is no scalar without axes", after);
    for (size_t i = 0; i < g->outputs.len; i++) check_id(g, after, g->outputs.data[i].node, "an output");
    for (size_t i = 0; i < g->extra_roots.len; i++) check_id(g, after, g->extra_roots.data[i], "an extra root");
    for (size_t i = 0; g->param_grad && i < g->params.len; i++) {
        check_id(g, after, g->param_grad[i], "the gradient of a parameter");
        if (node_some(g->param_grad[i]) &&
            !type_equal(graph_type(g, g->param_grad[i]), type_real(g->params.data[i].shape, 0)))
            BUG("after %s: the gradient of '%s' has another type", after, g->params.data[i].path);
    }
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++) {
        check_id(g, after, g->input_grad[i], "the gradient of an input");
        if (node_some(g->input_grad[i]) && !type_equal(graph_type(g, g->input_grad[i]), g->inputs.data[i].type))
            BUG("after %s: the gradient of '%s' has another type", after, g->inputs.data[i].path);
    }
}

void graph_verify(const graph *g, const char *after)
{
    if (g->axes < 0 || g->axes > MAX_TIME_AXES) BUG("after %s: %d time axes", after, g->axes);
    for (uint32_t i = 1; i < g->nodes.len; i++) check_node(g, after, (node_id){i});
    check_roots(g, after);
    arena *scratch = arena_new();
    check_cycles(g, after, scratch);
    check_boundaries(g, after, scratch);
    arena_free(scratch);
}
