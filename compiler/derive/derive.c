/* derive.c: the adjoint of every node, in reverse order.
 *
 * The adjoint of a node is the sum of what its users send back. Users come after their operands in graph_order, so
 * walking it backwards meets every user before the operand, except around a recurrence: there a shift reads a node
 * that comes later. The adjoint of shift(v, k) is a shift by -k of its own adjoint; it is made first, with its
 * operand open, and the operand is set when the walk comes to the shift. That is all there is to "through time".
 *
 * In: a graph with a loss. Out: adjoint nodes, param_grad and input_grad. Which rule belongs to which operation
 * stands in ops.def (pointwise) and adjoints.c (the others). */
#include "derive/derive.h"

typedef ARRAY(node_id) contributions;

typedef struct tape {
    graph *g;
    arena *arena;
    node_list order;
    bool *active;        /* lies between a parameter or real input and the loss */
    contributions *into; /* what has been sent back into each node */
    node_id *back;       /* of a shift: the reading of its adjoint, with its operand open */
    size_t nodes;        /* there were before any adjoint */
} tape;

static bool is_leaf_of_gradient(const graph *g, const node *n)
{
    if (n->op == OP_param) return true;
    return n->op == OP_input && n->type.element == REAL && !g->inputs.data[n->attr.index].target;
}

/* Nodes that depend on a leaf: to a fixpoint, because recurrences read nodes that come later. */
static void mark_dependent(tape *t, bool *depends)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < t->order.len; i++) {
            uint32_t id = t->order.data[i].i;
            const node *n = &t->g->nodes.data[id];
            bool now = is_leaf_of_gradient(t->g, n);
            for (int a = 0; a < n->args && !now; a++) now = depends[n->arg[a].i] && derive_flows(n->op, a);
            if (now && !depends[id]) depends[id] = again = true;
        }
    }
}

/* Nodes from which the loss is reached along operands that something flows into. */
static void mark_reaching(tape *t, bool *reaches)
{
    ARRAY(node_id) work = {0};
    reaches[t->g->loss.i] = true;
    array_push(t->arena, &work, t->g->loss);
    while (work.len) {
        const node *n = graph_node(t->g, work.data[--work.len]);
        for (int a = 0; a < n->args; a++) {
            node_id from = n->arg[a];
            if (!node_some(from) || reaches[from.i] || !derive_flows(n->op, a) ||
                graph_type(t->g, from).element != REAL)
                continue;
            reaches[from.i] = true;
            array_push(t->arena, &work, from);
        }
    }
}

/* Sums a contribution of type `from` down to the type of the operand it flows into: the adjoint of broadcasting. */
static node_id unbroadcast(graph *g, node_id c, type from, type to)
{
    axis_set gone = from.axes & ~to.axes;
    type whole = graph_type(g, c);
    if (gone & ~whole.axes || shape_size(whole.shape) < shape_size(to.shape)) {
        whole.axes |= from.axes;
        whole.shape = shape_size(whole.shape) < shape_size(from.shape) ? from.shape : whole.shape;
        c = graph_expand(g, c, whole);
    }
    if (gone) c = graph_sum_over(g, c, gone, false);
    shape s = graph_type(g, c).shape;
    if (shape_equal(s, to.shape)) return c;
    if (shape_size(s) == shape_size(to.shape)) return graph_reshape(g, c, to.shape);
    return graph_sum(g, c, to.shape);
}

static void send(tape *t, node_id operand, node_id c) { array_push(t->arena, &t->into[operand.i], c); }

/* Makes, for every active shift, the reading of its adjoint that its operand will receive. */
static void open_shifts(tape *t)
{
    graph *g = t->g;
    for (size_t i = 0; i < t->order.len; i++) {
        node_id id = t->order.data[i];
        node n = *graph_node(g, id);
        if (n.op != OP_shift || !t->active[id.i] || !t->active[n.arg[0].i]) continue;
        g->current = graph_node(g, n.arg[0])->origin;
        g->current.role = ROLE_ADJOINT;
        g->current.whole = false;
        node_id back = graph_shift(g, NO_NODE, n.type, n.attr.axis, -n.attr.k, NO_BOUNDARIES);
        graph_node(g, back)->attr.over.carry = false;
        t->back[id.i] = back;
        send(t, n.arg[0], unbroadcast(g, back, n.type, graph_type(g, n.arg[0])));
    }
}

/* ---- note [untaken sides] ----------------------------------------------------------------------------------------
 *
 * The adjoint of a side of `if C` is 0 where the other side is taken. Multiplied by the derivative of what stands
 * there it need not stay 0: nobody has seen to it that log(x) is finite where it is not used. So what flows back is
 * derived from the adjoint of the side taken, and the condition put around the result: if C then d / x else 0, and
 * not (if C then d else 0) / x. Products and readings at other steps end that: the condition holds for rows of its
 * own steps. So does an operand that lacks an axis or components over which the condition varies. */

enum { MOST_SIDES = 8 }; /* of choices inside each other; an adjoint under more of them is multiplied as it is */

typedef struct side {
    node_id condition;
    bool otherwise;
} side;

static bool is_zero(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    return n->op == OP_number && n->attr.number == 0;
}

/* Is d 0 wherever the other side of a choice of the spec is taken? Conditions of our own rules are younger nodes. */
static bool is_of_side(const tape *t, node_id d, side *s, node_id *inner)
{
    const node *n = graph_node(t->g, d);
    if (n->op != OP_select || n->arg[0].i >= t->nodes) return false;
    *s = (side){n->arg[0], is_zero(t->g, n->arg[1])};
    *inner = n->arg[s->otherwise ? 2 : 1];
    return s->otherwise || is_zero(t->g, n->arg[2]);
}

static node_id of_side(graph *g, side s, node_id value)
{
    node_id zero = graph_number(g, 0);
    return graph_pointwise(g, OP_select, s.condition, s.otherwise ? zero : value, s.otherwise ? value : zero);
}

/* Can the condition be put around what flows back through such an operation? It gives each row from that row. */
static bool keeps_sides(const graph *g, op o, side s)
{
    op_class class = op_table[o].class;
    return class == POINTWISE_OP ||
           ((class == REDUCTION || class == LAYOUT || class == AXIS) && graph_type(g, s.condition).shape.rank == 0);
}

/* Two contributions; of the same side, their sum is of that side, too. */
static node_id plus(tape *t, node_id a, node_id b)
{
    side of_a, of_b;
    node_id in_a, in_b;
    bool same = is_of_side(t, a, &of_a, &in_a) && is_of_side(t, b, &of_b, &in_b) &&
                node_is(of_a.condition, of_b.condition) && of_a.otherwise == of_b.otherwise;
    if (!same) return graph_pointwise(t->g, OP_add, a, b, NO_NODE);
    return of_side(t->g, of_a, graph_pointwise(t->g, OP_add, in_a, in_b, NO_NODE));
}

static node_id stretched(tape *t, node_id d, type to)
{
    side s;
    node_id inner;
    if (!is_of_side(t, d, &s, &inner)) return graph_expand(t->g, d, to);
    return of_side(t->g, s, graph_expand(t->g, inner, to));
}

/* The adjoint of a node: the sum of its contributions, of exactly the node's type, named after it. */
static node_id total(tape *t, node_id id)
{
    graph *g = t->g;
    contributions *c = &t->into[id.i];
    type want = graph_type(g, id);
    origin here = graph_node(g, id)->origin;
    here.role = ROLE_ADJOINT;
    g->current = here;
    g->current.whole = false;
    if (c->len == 0) return graph_expand(g, graph_number(g, 0), want);
    node_id sum = c->data[0];
    for (size_t i = 1; i < c->len; i++) sum = plus(t, sum, c->data[i]);
    if (!type_equal(graph_type(g, sum), want)) sum = stretched(t, sum, want);
    node *n = graph_node(g, sum);
    if (here.whole && !n->origin.whole) n->origin = here;
    if (n->origin.role == ROLE_ADJOINT && !n->origin.of) n->origin.of = id.i;
    return sum;
}

/* Has the value a row and a component of its own for each of the condition? */
static bool covers(const graph *g, type value, side s)
{
    type c = graph_type(g, s.condition);
    return !(c.axes & ~value.axes) && (c.shape.rank == 0 || shape_equal(c.shape, value.shape));
}

/* What flows from a node into its operand a, of the type of the operand; d is the adjoint of the node. */
static node_id contribution(tape *t, node_id id, node_id d, int a)
{
    graph *g = t->g;
    node n = *graph_node(g, id);
    type to = graph_type(g, n.arg[a]);
    side sides[MOST_SIDES], s;
    int count = 0;
    node_id value = d, inner;
    while (count < MOST_SIDES && is_of_side(t, value, &s, &inner) && keeps_sides(g, n.op, s)) {
        sides[count++] = s;
        value = inner;
    }
    node_id c = derive_contribution(g, id, value, a);
    if (!node_some(c)) return NO_NODE;
    type from = graph_type(g, c);
    if (op_table[n.op].class == POINTWISE_OP) /* made of d and operands that may lack axes of the result */
        from = (type){REAL, n.type.shape, from.axes | n.type.axes};
    if (node_is(c, value) && type_equal(graph_type(g, d), to)) return d;
    if (n.op == OP_select && count < MOST_SIDES && is_of_side(t, c, &sides[count], &inner)) { /* that of the choice */
        c = inner;
        count++;
    }
    for (int i = count; i-- > 0;)
        if (!covers(g, to, sides[i])) c = of_side(g, sides[i], c);
    c = unbroadcast(g, c, from, to);
    for (int i = count; i-- > 0;)
        if (covers(g, to, sides[i])) c = of_side(g, sides[i], c);
    return c;
}

static void send_back(tape *t, node_id id, node_id d)
{
    graph *g = t->g;
    node n = *graph_node(g, id);
    g->current = n.origin;
    g->current.role = ROLE_ADJOINT;
    g->current.whole = false;
    for (int a = 0; a < n.args; a++) {
        node_id operand = n.arg[a];
        if (!node_some(operand) || !t->active[operand.i] || !derive_flows(n.op, a)) continue;
        if (n.op == OP_shift && a == 0) {
            graph_set_operand(g, t->back[id.i], d);
            continue;
        }
        node_id c = contribution(t, id, d, a);
        if (node_some(c)) send(t, operand, c);
    }
}

static void collect(tape *t, size_t nodes_before)
{
    graph *g = t->g;
    g->param_grad = ARENA_ARRAY(g->arena, node_id, g->params.len + 1);
    g->input_grad = ARENA_ARRAY(g->arena, node_id, g->inputs.len + 1);
    for (size_t i = 1; i < nodes_before; i++) {
        node n = g->nodes.data[i];
        if (!t->active[i] || !is_leaf_of_gradient(g, &n)) continue;
        node_id *slot = n.op == OP_param ? &g->param_grad[n.attr.index] : &g->input_grad[n.attr.index];
        node_id d = t->into[i].data[0]; /* the total, see derive_gradients */
        *slot = node_some(*slot) ? graph_pointwise(g, OP_add, *slot, d, NO_NODE) : d;
    }
}

void derive_gradients(graph *g)
{
    arena *a = arena_new();
    size_t count = g->nodes.len;
    tape t = {.g = g,
              .arena = a,
              .nodes = count,
              .order = graph_order(g, a),
              .active = ARENA_ARRAY(a, bool, count),
              .into = arena_array(a, count, sizeof(contributions)),
              .back = ARENA_ARRAY(a, node_id, count)};
    bool *reaches = ARENA_ARRAY(a, bool, count);
    mark_dependent(&t, t.active);
    mark_reaching(&t, reaches);
    for (size_t i = 0; i < count; i++) t.active[i] = t.active[i] && reaches[i];

    open_shifts(&t);
    if (t.active[g->loss.i]) send(&t, g->loss, graph_number(g, 1));
    for (size_t i = t.order.len; i-- > 0;) {
        node_id id = t.order.data[i];
        if (!t.active[id.i]) continue;
        node_id d = total(&t, id);
        send_back(&t, id, d);
        t.into[id.i].len = 0;
        send(&t, id, d);
    }
    collect(&t, count);
    g->current = (origin){0};
    arena_free(a);
}
