/* passes.h: graph to graph. The passes stand in passes.def, in their order, each with the reason for its place. */
#ifndef PASSES_PASSES_H
#define PASSES_PASSES_H

#include "graph/graph.h"

/* Runs all passes that `disabled` does not name (a bit for each line of passes.def, 0: all run), verifying the graph
 * after each, then compacts the graph and names its parts. */
void passes_run(graph *g, unsigned disabled);

/* The passes that also run before differentiation: equal readings become one, whose adjoint is then one sum. */
void passes_prepare(graph *g, unsigned disabled);

typedef enum pass {
#define PASS(name, required, when, why) PASS_##name,
#include "passes/passes.def"
    PASS_COUNT
} pass;

#endif
