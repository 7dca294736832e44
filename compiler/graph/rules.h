/* rules.h: the type rule of every operation; private to graph/. */
#ifndef GRAPH_RULES_H
#define GRAPH_RULES_H

#include "graph/graph.h"

/* The type that follows from a node's operation, operands and attributes, or why they do not fit (then *out is
 * undefined). Where operands leave something open (the shape of a slice, the axes of `expand`), the node's own type
 * says what was asked for. Operands must be numbers of nodes; only a reading's first operand may be absent. */
const char *graph_rule(const graph *g, const node *n, type *out);

#endif
