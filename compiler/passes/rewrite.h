/* rewrite.h: how a pass replaces nodes; private to passes/.
 *
 * A pass makes new nodes, or takes others that exist, and says which node each replaces. Nothing in the graph
 * changes until rewrite_end, which redirects all operands and roots; until then rewrite_arg tells what stands for an
 * operand. */
#ifndef PASSES_REWRITE_H
#define PASSES_REWRITE_H

#include "passes/passes.h"

typedef struct readings {
    node_id along[MAX_TIME_AXES + 1];
} readings;

typedef struct rewriter {
    graph *g;
    arena *arena;
    ARRAY(node_id) to;    /* what stands for each node; itself where nothing does */
    ARRAY(readings) read; /* by axis, one of the readings of the node and of all that it stands for */
    bool changed;
} rewriter;

rewriter rewrite_begin(graph *g, arena *a);
void rewrite_end(rewriter *w);

node_id rewrite_arg(rewriter *w, const node *n, int i); /* what stands for the operand */

/* Lets `to`, of the same type, stand for `from`, and pass on its name (see note [names move]). False, and nothing
 * happens, where both are read in time with different boundaries: then they differ outside of the sequence. */
bool rewrite_replace(rewriter *w, node_id from, node_id to);

bool rewrite_is_read(rewriter *w, node_id id);    /* by a shift or an at */
bool rewrite_is_bounded(rewriter *w, node_id id); /* by one that has boundary operands */

/* Nodes made from here on are parts of the equation that `n` belongs to. */
void rewrite_on_behalf(graph *g, const node *n);

/* How often each node is an operand of nodes that the roots need, or a root. */
int *rewrite_uses(const graph *g, const node_list *order, arena *a);

/* What passes_run calls: */
#define PASS(name, required, when, why) void pass_##name(graph *g);
#include "passes/passes.def"

#endif
