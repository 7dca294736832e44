/* align.c: ctc, the loss of labels that nobody has aligned with the steps: a recurrence as any other.
 *
 * In: ctc(p, y), p a softmax over t with a blank among its classes, y labels over s. Out: -log of the probability
 * that the outputs of all steps, drawn from p, are y once repeats are merged and blanks are dropped: Graves,
 * Fernandez, Gomez, Schmidhuber, Connectionist temporal classification (2006), equations 5 to 8.
 *
 * Note [two lattices]. Let a[t,s] be the log of the probability of having read, by step t, the labels up to s, the step
 * itself being label s; b[t,s] the same, the step being a blank behind label s; b0[t] blanks only. With q[t,k] = log p:
 *
 *     a[t,s] = q[t, y[s]] + log(exp(a[t-1,s]) + exp(b[t-1,s-1]) + exp(a[t-1,s-1]) if y[s] != y[s-1])
 *     b[t,s] = q[t, blank] + log(exp(b[t-1,s]) + exp(a[t-1,s]))
 *     b0[t]  = q[t, blank] + b0[t-1],   b[t,0] = b0[t],   a[0,s] = b[0,s] = a[t,0] = log 0,   b0[0] = 0
 *
 * and the loss is -log(exp(a[T,S]) + exp(b[T,S])). Nothing else is special about it: derivatives, lengths, loops and
 * code are those of every recurrence along t over a map along s. log 0 is -1e30: finite, so that no inf - inf comes
 * up, and so low that adding any sum of logs leaves it where it is. */
#include "lower/context.h"

static const double log_zero = -1e30, impossible = -1e29; /* below: there is no alignment */

/* log(exp x + exp y + exp z), z optional. The largest is taken out for the range of exp, and takes no gradient. */
static node_id log_sum(lowering *l, node_id x, node_id y, node_id z)
{
    node_id largest = op2(l, OP_max, x, y);
    if (node_some(z)) largest = op2(l, OP_max, largest, z);
    largest = op1(l, OP_cut, largest);
    node_id ex = op1(l, OP_exp, op2(l, OP_sub, x, largest)), ey = op1(l, OP_exp, op2(l, OP_sub, y, largest));
    node_id sum = op2(l, OP_add, ex, ey);
    if (node_some(z)) sum = op2(l, OP_add, sum, op1(l, OP_exp, op2(l, OP_sub, z, largest)));
    return op2(l, OP_add, largest, op1(l, OP_log, sum));
}

/* The only time axis of p, and of y: the model has checked that. */
static int time_axis(axis_set set)
{
    for (int axis = 1; axis <= MAX_TIME_AXES; axis++)
        if (set & axis_bit(axis)) return axis;
    BUG("a value of ctc does not run over time");
}

/* a at the step before; `before`: its value in front of the first. NO_NODE as `a`: set later. */
static node_id earlier(lowering *l, node_id a, type of, int axis, node_id before)
{
    return graph_shift(l->g, a, of, axis, -1, (boundary_values){&before, node_some(before), 0});
}

static node_id at_ends(lowering *l, node_id a, int t, int s, node_id before)
{
    node_id end = graph_at(l->g, a, graph_type(l->g, a), t, true, 0, (boundary_values){&before, 1, 0});
    return graph_at(l->g, end, graph_type(l->g, end), s, true, 0, NO_BOUNDARIES);
}

node_id lower_ctc(lowering *l, const model_expr *e)
{
    graph *g = l->g;
    node_id z = lower_expr(l, model_logits(l->m, e->call.args[0], FUNCTION_softmax));
    node_id y = lower_expr(l, e->call.args[1]);
    type over_t = type_real(SCALAR, graph_type(g, z).axes);
    type lattice = type_real(SCALAR, over_t.axes | graph_type(g, y).axes);
    int t = time_axis(over_t.axes), s = time_axis(graph_type(g, y).axes);
    node_id never = number(l, log_zero);
    const node *labels = graph_node(g, y);
    if (labels->op == OP_input) {
        g->inputs.data[labels->attr.index].aligned = t;
        g->inputs.data[labels->attr.index].blank = (int)e->call.blank;
    }

    node_id all = graph_logsumexp(g, z);
    node_id q_blank = op2(l, OP_sub, graph_reshape(g, graph_slice(g, z, 0, (int)e->call.blank, 1), SCALAR), all);
    node_id q_label = op2(l, OP_sub, graph_pick(g, z, y), all);
    node_id other = op2(l, OP_ne, y, earlier(l, y, graph_type(g, y), s, NO_NODE));

    node_id b0_before = earlier(l, NO_NODE, over_t, t, NO_NODE);
    node_id a_before = earlier(l, NO_NODE, lattice, t, never), b_before = earlier(l, NO_NODE, lattice, t, never);
    node_id a_skip = op3(l, OP_select, other, earlier(l, a_before, lattice, s, never), never);
    node_id b_left = earlier(l, b_before, lattice, s, b0_before);
    node_id b0 = op2(l, OP_add, q_blank, b0_before);
    node_id a = op2(l, OP_add, q_label, log_sum(l, a_before, b_left, a_skip));
    node_id b = op2(l, OP_add, q_blank, log_sum(l, b_before, a_before, NO_NODE));
    graph_set_operand(g, b0_before, b0);
    graph_set_operand(g, a_before, a);
    graph_set_operand(g, b_before, b);

    node_id sum = log_sum(l, at_ends(l, a, t, s, never), at_ends(l, b, t, s, never), NO_NODE);
    return op3(l, OP_select, op2(l, OP_gt, sum, number(l, impossible)), op1(l, OP_neg, sum), number(l, -log_zero));
}
