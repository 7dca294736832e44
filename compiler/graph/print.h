/* print.h: pieces of text that graph/'s printers share; private to graph/. */
#ifndef GRAPH_PRINT_H
#define GRAPH_PRINT_H

#include "graph/graph.h"

/* The shortest decimal that reads back as the value. */
const char *graph_number_text(arena *a, double value);

/* The step that `at` and `put` mean: "1", "T", "T-2". */
const char *graph_place_text(arena *a, const graph *g, int axis, bool from_end, int k);

#endif
