/* guard.c: products that need not be done at every step.
 *
 * `if C then a else b` reads one of its arms. A product whose result is read only where C holds, or one of whose
 * operands is 0 wherever C does not, can be left out at steps at which C holds for no sequence of the batch; its result
 * there is 0. So the idle groups of a clockwork network cost nothing, neither forwards nor backwards.
 *
 * Two analyses over the graph give every node at most one condition. `nonzero`: the value is 0 where the condition
 * fails; from operands to users. `needed`: where the condition fails, any finite value would do; from users to
 * operands. Readings at other steps end both. What is read only as a factor of 0 must be finite, so `needed` does not
 * reach through operations that make something infinite of a finite number.
 *
 * A condition is made of the number of the step, lengths and data by elementwise operations: it belongs to no
 * recurrence, and is there before any product that it guards.
 *
 * Needs: users, component, task, form, leaves. Sets: guard. */
#include "plan/planner.h"

typedef enum knowledge { NOTHING, CONDITION, ALWAYS } knowledge;
typedef struct fact {
    knowledge known; /* NOTHING: no reader yet; nothing known of zeros */
    plan_guard when;
} fact;

typedef struct analysis {
    planner *pl;
    const graph *g;
    arena *arena;
    unsigned char *fit; /* may the node be part of a condition: 0 not known, 1 yes, 2 no */
    fact *nonzero, *needed;
} analysis;

static bool same_guard(plan_guard a, plan_guard b)
{
    return node_is(a.condition, b.condition) && a.negated == b.negated;
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */

static bool is_fit_alone(const analysis *x, node_id id)
{
    const node *n = graph_node(x->g, id);
    op_class class = op_table[n->op].class;
    if (n->op == OP_param || n->op == OP_uniform || n->op == OP_norm || x->pl->component[id.i]) return false;
    return (class == SOURCE && !(n->op == OP_input && n->type.shape.rank)) ||
           (class == POINTWISE_OP && n->type.shape.rank == 0);
}

/* Operands come before users in `order`, so one walk does. */
static void find_fit(analysis *x, const node_list *order)
{
    for (size_t i = 0; i < order->len; i++) {
        node_id id = order->data[i];
        const node *n = graph_node(x->g, id);
        bool fit = is_fit_alone(x, id);
        for (int a = 0; a < n->args && fit; a++) fit = x->fit[n->arg[a].i] == 1;
        x->fit[id.i] = fit ? 1 : 2;
    }
}

/* The guard that this condition gives, `not C` being C turned round. */
static bool guard_of(const analysis *x, node_id c, bool negated, plan_guard *out)
{
    while (graph_node(x->g, c)->op == OP_not) {
        c = graph_node(x->g, c)->arg[0];
        negated = !negated;
    }
    *out = (plan_guard){c, negated};
    return x->fit[c.i] == 1 && op_table[graph_node(x->g, c)->op].class == POINTWISE_OP && graph_type(x->g, c).axes;
}

/* Does a value with these axes have a row of its own for each row of the condition? */
static bool covers(const analysis *x, node_id value, plan_guard when)
{
    axis_set axes = graph_type(x->g, when.condition).axes;
    return (graph_type(x->g, value).axes & axes) == axes;
}

/* ---- nonzero ----------------------------------------------------------------------------------------------------- */

static bool is_zero(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    if (n->op == OP_expand) n = graph_node(g, n->arg[0]);
    return n->op == OP_number && n->attr.number == 0;
}

/* An operation of several operands that is 0 where all of them are. */
static fact all_of(const analysis *x, const node *n)
{
    fact f = {.known = NOTHING};
    for (int i = 0; i < n->args; i++) {
        fact operand = node_some(n->arg[i]) ? x->nonzero[n->arg[i].i] : (fact){.known = NOTHING};
        if (!node_some(n->arg[i]) || is_zero(x->g, n->arg[i])) continue;
        if (operand.known != CONDITION || (f.known == CONDITION && !same_guard(f.when, operand.when)))
            return (fact){.known = NOTHING};
        f = operand;
    }
    return f;
}

static fact either_of(const analysis *x, const node *n)
{
    fact a = x->nonzero[n->arg[0].i];
    return a.known == CONDITION ? a : x->nonzero[n->arg[1].i];
}

static fact nonzero_select(const analysis *x, const node *n)
{
    fact f = {.known = CONDITION};
    if (is_zero(x->g, n->arg[2]) && guard_of(x, n->arg[0], false, &f.when)) return f;
    if (is_zero(x->g, n->arg[1]) && guard_of(x, n->arg[0], true, &f.when)) return f;
    node arms = *n;
    arms.arg = n->arg + 1;
    arms.args = 2;
    return all_of(x, &arms);
}

static fact nonzero_pointwise(const analysis *x, const node *n)
{
    if (n->op == OP_select) return nonzero_select(x, n);
    if (n->op == OP_mul) return either_of(x, n);
    if (n->op == OP_div) return x->nonzero[n->arg[0].i];
    if (n->op == OP_norm || op_value(n->op, 0, 0, 0) != 0) return (fact){.known = NOTHING};
    return all_of(x, n);
}

static fact nonzero_of(const analysis *x, const node *n)
{
    switch (op_table[n->op].class) {
    case POINTWISE_OP: return nonzero_pointwise(x, n);
    case CONTRACTION: return either_of(x, n);
    case LAYOUT: return all_of(x, n);
    case REDUCTION: return n->op == OP_sum || n->op == OP_maximum ? all_of(x, n) : (fact){.known = NOTHING};
    case GATHER: return n->op == OP_pick ? x->nonzero[n->arg[0].i] : (fact){.known = NOTHING};
    case SOURCE:
    case AXIS:
    case SHIFT:
    case PLACE:
    case SCATTER: return (fact){.known = NOTHING};
    }
    BUG("operation without a class");
}

/* ---- needed ------------------------------------------------------------------------------------------------------ */

/* Finite for finite operands, whatever they are? */
static bool is_tame(op o)
{
    return o != OP_exp && o != OP_log && o != OP_sqrt && o != OP_div && o != OP_pow && o != OP_mod && o != OP_norm;
}

/* Where user n needs its operand i; n is needed at `at`. */
static fact needed_by(const analysis *x, const node *n, int i, fact at)
{
    fact f = {.known = CONDITION};
    op_class class = op_table[n->op].class;
    if (n->op == OP_select && i > 0) return guard_of(x, n->arg[0], i == 2, &f.when) ? f : at;
    if ((n->op == OP_mul || class == CONTRACTION) && x->nonzero[n->arg[1 - i].i].known == CONDITION)
        return x->nonzero[n->arg[1 - i].i];
    if (class == POINTWISE_OP) return is_tame(n->op) ? at : (fact){.known = ALWAYS};
    return class == CONTRACTION || class == LAYOUT || class == REDUCTION || class == GATHER ? at
                                                                                            : (fact){.known = ALWAYS};
}

static void need(analysis *x, node_id operand, fact f)
{
    fact *have = &x->needed[operand.i];
    if (f.known == CONDITION && !covers(x, operand, f.when)) f.known = ALWAYS;
    if (have->known == NOTHING)
        *have = f;
    else if (f.known != CONDITION || have->known != CONDITION || !same_guard(f.when, have->when))
        have->known = ALWAYS;
}

static void find_needed(analysis *x, const node_list *order)
{
    for (size_t i = 0; i < order->len; i++) { /* first what other steps read: those come anywhere in the order */
        const node *n = graph_node(x->g, order->data[i]);
        if (x->pl->escapes[order->data[i].i]) x->needed[order->data[i].i].known = ALWAYS;
        for (int a = 0; a < n->args && is_reading(n); a++) x->needed[n->arg[a].i].known = ALWAYS;
    }
    for (uint32_t i = 0; x->g->param_grad && i < x->g->params.len; i++) x->needed[x->g->param_grad[i].i].known = ALWAYS;
    for (size_t i = order->len; i-- > 0;) {
        const node *n = graph_node(x->g, order->data[i]);
        fact at = x->needed[order->data[i].i];
        if (at.known == NOTHING) at.known = ALWAYS;
        for (int a = 0; a < n->args; a++) {
            if (node_some(n->arg[a])) need(x, n->arg[a], needed_by(x, n, a, at));
        }
    }
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

static void guard(analysis *x, node_id matmul, bool needed_too)
{
    fact f = x->nonzero[matmul.i];
    if (f.known != CONDITION && needed_too) f = x->needed[matmul.i];
    if (f.known != CONDITION || !covers(x, matmul, f.when)) return;
    planner *pl = x->pl;
    pl->guard[matmul.i] = f.when;
    array_push(pl->arena, &pl->users[f.when.condition.i], matmul); /* so the condition has memory, out of the loop */
}

void plan_guards(planner *pl)
{
    arena *a = arena_new();
    analysis x = {.pl = pl,
                  .g = pl->g,
                  .arena = a,
                  .fit = ARENA_ARRAY(a, unsigned char, pl->count),
                  .nonzero = arena_array(a, pl->count, sizeof(fact)),
                  .needed = arena_array(a, pl->count, sizeof(fact))};
    const node_list *order = &pl->order;
    find_fit(&x, order);
    for (size_t i = 0; i < order->len; i++)
        x.nonzero[order->data[i].i] = nonzero_of(&x, graph_node(pl->g, order->data[i]));
    find_needed(&x, order);
    for (size_t i = 0; i < order->len; i++) {
        node_id id = order->data[i];
        if (!pl->is_product[id.i]) continue;
        if (pl->form[id.i] == FORM_ROWS) {
            for (size_t k = 0; k < pl->leaves[id.i].len; k++) guard(&x, pl->leaves[id.i].data[k].matmul, true);
        } else if (pl->form[id.i] == FORM_OUTER) {
            guard(&x, graph_node(pl->g, id)->arg[0], false);
        }
    }
    arena_free(a);
}
