/* rewrite.c: replacing nodes.
 *
 * Comes in: which node another one stands for; goes out: a graph whose operands and roots are redirected. Replaced
 * nodes stay until the graph is compacted.
 *
 * Note [names move]. A labelled node, one that is a whole variable, passes its origin to the node that stands for
 * it, unless that one has a label of its own. Parameters and inputs have one always. Where a value and an adjoint
 * become one node, it is the value: it exists before the adjoint is wanted. An adjoint passes on, too, of what it is
 * the adjoint. */
#include "passes/rewrite.h"

/* Takes note of the nodes that were made since the last call. */
static void catch_up(rewriter *w)
{
    size_t from = w->to.len;
    for (size_t i = from; i < w->g->nodes.len; i++) {
        array_push(w->arena, &w->to, (node_id){(uint32_t)i});
        array_push(w->arena, &w->read, (readings){0});
    }
    for (size_t i = from; i < w->g->nodes.len; i++) { /* readings may read later nodes */
        const node *n = &w->g->nodes.data[i];
        if (is_reading(n)) w->read.data[rewrite_arg(w, n, 0).i].along[n->attr.axis] = (node_id){(uint32_t)i};
    }
}

rewriter rewrite_begin(graph *g, arena *a)
{
    rewriter w = {.g = g, .arena = a};
    catch_up(&w);
    return w;
}

static node_id now(rewriter *w, node_id id)
{
    if (w->to.len < w->g->nodes.len) catch_up(w);
    node_id last = id;
    while (!node_is(w->to.data[last.i], last)) last = w->to.data[last.i];
    while (!node_is(id, last)) { /* shortens the path for the next time */
        node_id next = w->to.data[id.i];
        w->to.data[id.i] = last;
        id = next;
    }
    return last;
}

node_id rewrite_arg(rewriter *w, const node *n, int i) { return now(w, n->arg[i]); }

/* What carries over chunks reads history where an adjoint reads nothing. */
static bool same_boundaries(rewriter *w, const node *x, const node *y)
{
    if (x->attr.over.carry != y->attr.over.carry) return false;
    for (int side = 0; side < 2; side++) {
        int nx = side ? x->attr.after : x->attr.before, ny = side ? y->attr.after : y->attr.before;
        for (int i = 0; i < nx || i < ny; i++)
            if (!node_is(now(w, node_boundary(x, side, i)), now(w, node_boundary(y, side, i)))) return false;
    }
    return true;
}

static bool readings_agree(rewriter *w, node_id x, node_id y)
{
    for (int axis = 1; axis <= w->g->axes; axis++) {
        node_id rx = w->read.data[x.i].along[axis], ry = w->read.data[y.i].along[axis];
        if (node_some(rx) && node_some(ry) && !same_boundaries(w, graph_node(w->g, rx), graph_node(w->g, ry)))
            return false;
    }
    return true;
}

/* See note [names move]. */
static void move_name(graph *g, node_id from, node_id to)
{
    node *f = graph_node(g, from), *t = graph_node(g, to);
    if (t->op == OP_param || t->op == OP_input) return;
    bool value_wins = t->origin.role == ROLE_ADJOINT && f->origin.role == ROLE_VALUE;
    if (t->origin.role == ROLE_ADJOINT && !t->origin.of) t->origin.of = f->origin.of;
    bool label_moves = t->origin.role == f->origin.role && f->origin.whole && !t->origin.whole;
    if (!value_wins && !label_moves) return;
    t->origin = f->origin;
    f->origin.whole = false;
}

bool rewrite_replace(rewriter *w, node_id from, node_id to)
{
    from = now(w, from);
    to = now(w, to);
    if (node_is(from, to) || !readings_agree(w, from, to)) return false;
    if (!type_equal(graph_type(w->g, from), graph_type(w->g, to)))
        BUG("node %u cannot stand for node %u: their types differ", to.i, from.i);
    for (int axis = 1; axis <= w->g->axes; axis++)
        if (node_some(w->read.data[from.i].along[axis]))
            w->read.data[to.i].along[axis] = w->read.data[from.i].along[axis];
    w->to.data[from.i] = to;
    move_name(w->g, from, to);
    w->changed = true;
    return true;
}

bool rewrite_is_read(rewriter *w, node_id id)
{
    id = now(w, id);
    for (int axis = 1; axis <= w->g->axes; axis++)
        if (node_some(w->read.data[id.i].along[axis])) return true;
    return false;
}

bool rewrite_is_bounded(rewriter *w, node_id id)
{
    id = now(w, id);
    for (int axis = 1; axis <= w->g->axes; axis++) {
        const node *r = graph_node(w->g, w->read.data[id.i].along[axis]);
        if (r->attr.before + r->attr.after > 0) return true;
    }
    return false;
}

static void redirect(rewriter *w, node_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) ids[i] = now(w, ids[i]);
}

void rewrite_end(rewriter *w)
{
    graph *g = w->g;
    for (size_t i = 1; i < g->nodes.len; i++) {
        node *n = &g->nodes.data[i];
        redirect(w, n->arg, (size_t)n->args);
        n->origin.of = now(w, (node_id){n->origin.of}).i;
    }
    redirect(w, &g->loss, 1);
    redirect(w, g->extra_roots.data, g->extra_roots.len);
    for (size_t i = 0; i < g->outputs.len; i++) redirect(w, &g->outputs.data[i].node, 1);
    if (g->param_grad) redirect(w, g->param_grad, g->params.len);
    if (g->input_grad) redirect(w, g->input_grad, g->inputs.len);
    g->current = (origin){0};
}

void rewrite_on_behalf(graph *g, const node *n)
{
    g->current = n->origin;
    g->current.whole = false;
    g->current.part = g->current.of = 0;
}

int *rewrite_uses(const graph *g, const node_list *order, arena *a)
{
    int *uses = ARENA_ARRAY(a, int, g->nodes.len);
    for (size_t i = 0; i < order->len; i++) {
        const node *n = graph_node(g, order->data[i]);
        for (int k = 0; k < n->args; k++) uses[n->arg[k].i]++;
    }
    node_list roots = graph_roots(g, a);
    for (size_t i = 0; i < roots.len; i++) uses[roots.data[i].i]++;
    return uses;
}
