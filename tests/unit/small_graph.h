/* small_graph.h: graphs of one time axis, by hand: for the tests of passes. */
#ifndef UNIT_SMALL_GRAPH_H
#define UNIT_SMALL_GRAPH_H

#include "graph/graph.h"

static const axis_set BT = BATCH | 2;
enum { N = 3 }; /* components of vectors */

static inline graph *new_graph(arena *a)
{
    names *n = names_new(a);
    graph *g = graph_new(a, n);
    g->axis[1] = (graph_axis){name_of(n, "t"), name_of(n, "T")};
    g->axes = 1;
    g->losses = 1;
    return g;
}

static inline node_id new_param(graph *g, shape s)
{
    const char *path = arena_printf(g->arena, "p%zu", g->params.len);
    array_push(g->arena, &g->params, (graph_param){.path = path, .shape = s});
    return graph_param_node(g, (uint32_t)g->params.len - 1);
}

static inline node_id new_input(graph *g, shape s, axis_set axes)
{
    const char *path = arena_printf(g->arena, "x%zu", g->inputs.len);
    array_push(g->arena, &g->inputs, (graph_input){.path = path, .type = type_real(s, axes)});
    return graph_input_node(g, (uint32_t)g->inputs.len - 1);
}

static inline void new_output(graph *g, node_id id)
{
    const char *path = arena_printf(g->arena, "y%zu", g->outputs.len);
    array_push(g->arena, &g->outputs, (graph_output){.path = path, .node = id});
}

static inline void label(graph *g, node_id id, const char *path)
{
    array_push(g->arena, &g->variables, (graph_variable){.path = path});
    graph_node(g, id)->origin = (origin){.variable = (uint32_t)g->variables.len - 1, .whole = true};
}

static inline node_id unary(graph *g, op o, node_id a) { return graph_pointwise(g, o, a, NO_NODE, NO_NODE); }
static inline node_id binary(graph *g, op o, node_id a, node_id b) { return graph_pointwise(g, o, a, b, NO_NODE); }
static inline node_id one_back(graph *g, node_id a)
{
    return graph_shift(g, a, graph_type(g, a), 1, -1, NO_BOUNDARIES);
}

static inline void run_pass(graph *g, void (*run)(graph *g), const char *what)
{
    graph_verify(g, "the test");
    run(g);
    graph_verify(g, what);
    graph_compact(g);
}

#endif
