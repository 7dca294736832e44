/* derive.h: reverse-mode differentiation of a graph over time: backpropagation through time. */
#ifndef DERIVE_DERIVE_H
#define DERIVE_DERIVE_H

#include "graph/graph.h"

/* Adds to the graph the adjoint of every parameter and of every real input that g->loss depends on, and sets
 * g->param_grad and g->input_grad (NO_NODE where the loss does not depend on it).
 * Needs: a loss; a verified graph. Keeps: every node there was. */
void derive_gradients(graph *g);

/* ---- between derive.c and adjoints.c ----------------------------------------------------------------------------- */

/* What flows from node n, whose adjoint is d, into its operand number i: an expression of n's shape and axes for
 * pointwise nodes, of the operand's own for the others; NO_NODE when nothing flows. */
node_id derive_contribution(graph *g, node_id n, node_id d, int i);

/* Can anything flow into operand i of such a node? */
bool derive_flows(op o, int i);

#endif
