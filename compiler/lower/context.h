/* context.h: what the files of lower/ share. */
#ifndef LOWER_CONTEXT_H
#define LOWER_CONTEXT_H

#include "lower/lower.h"

typedef struct pending {
    node_id reading;
    uint32_t variable;
    int axis;
} pending;

typedef struct lowering {
    graph *g;
    const model *m;
    lower_options options;
    node_id *of_variable;    /* NO_NODE: not lowered */
    node_id *of_expr;        /* by model_expr.number */
    node_id **boundary;      /* by variable, then as in model_variable.boundaries; NULL: not made yet */
    ARRAY(pending) readings; /* their first operand is set at the end */
} lowering;

static inline const model_variable *var(const lowering *l, uint32_t v) { return &l->m->variables.data[v]; }

/* ---- expr.c */
node_id lower_expr(lowering *l, const model_expr *e);
type lower_type(model_type t);

/* ---- compose.c: what is made of several operations */
node_id lower_composite(lowering *l, const model_expr *e, const node_id *arg);
node_id lower_reduction(lowering *l, const model_expr *e, node_id arg);
node_id lower_random(lowering *l, const model_expr *e, const node_id *arg);
node_id lower_loss_function(lowering *l, const model_expr *e);
node_id lower_counted(lowering *l, const model_expr *value); /* what a step counts in the mean; NO_NODE: 1 */

/* ---- align.c */
node_id lower_ctc(lowering *l, const model_expr *e);

static inline node_id op1(lowering *l, op o, node_id a) { return graph_pointwise(l->g, o, a, NO_NODE, NO_NODE); }
static inline node_id op2(lowering *l, op o, node_id a, node_id b) { return graph_pointwise(l->g, o, a, b, NO_NODE); }
static inline node_id op3(lowering *l, op o, node_id a, node_id b, node_id c)
{
    return graph_pointwise(l->g, o, a, b, c);
}
static inline node_id number(lowering *l, double value) { return graph_number(l->g, value); }

#endif
