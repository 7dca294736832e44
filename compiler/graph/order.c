/* order.c: the canonical order of a graph.
 *
 * Comes in: a graph; goes out: its needed nodes, operands before users. A depth-first walk from the roots in operand
 * order; what a shift reads is put off to a worklist and walked after, in the order of discovery, which cuts every
 * cycle of a sound recurrence. A cycle through an `at` (a value that reads one step of itself) is cut where the walk
 * closes it; any other `at` comes after what it reads. The order depends only on the roots and on what points to
 * what. */
#include "graph/graph.h"
#include <string.h>

typedef struct frame {
    node_id node;
    int next;
} frame; /* operands before `next` are done */

typedef struct walk {
    const graph *g;
    arena *arena;
    bool *seen;
    ARRAY(frame) stack;
    node_list put_off; /* the worklist */
    node_list order;
} walk;

static void enter(walk *w, node_id id)
{
    if (!node_some(id) || w->seen[id.i]) return;
    w->seen[id.i] = true;
    const node *n = graph_node(w->g, id);
    if (n->op == OP_shift) array_push(w->arena, &w->put_off, n->arg[0]);
    array_push(w->arena, &w->stack, (frame){id, n->op == OP_shift ? 1 : 0});
}

static void walk_from(walk *w, node_id root)
{
    enter(w, root);
    while (w->stack.len) {
        frame *top = &w->stack.data[w->stack.len - 1];
        const node *n = graph_node(w->g, top->node);
        if (top->next < n->args) {
            enter(w, n->arg[top->next++]);
        } else {
            array_push(w->arena, &w->order, top->node);
            w->stack.len--;
        }
    }
}

node_list graph_order(const graph *g, arena *a)
{
    walk w = {.g = g, .arena = a, .seen = ARENA_ARRAY(a, bool, g->nodes.len)};
    node_list roots = graph_roots(g, a);
    for (size_t i = 0; i < roots.len; i++) walk_from(&w, roots.data[i]);
    for (size_t i = 0; i < w.put_off.len; i++) walk_from(&w, w.put_off.data[i]);
    return w.order;
}

static void renumber(const uint32_t *number, node_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) ids[i].i = number[ids[i].i];
}

void graph_compact(graph *g)
{
    arena *scratch = arena_new();
    node_list order = graph_order(g, scratch);
    uint32_t *number = ARENA_ARRAY(scratch, uint32_t, g->nodes.len);
    for (size_t i = 0; i < order.len; i++) number[order.data[i].i] = (uint32_t)i + 1;

    node *nodes = ARENA_ARRAY(scratch, node, order.len + 1); /* back to their place below: there are many passes */
    for (size_t i = 0; i < order.len; i++) {
        nodes[i] = *graph_node(g, order.data[i]);
        renumber(number, nodes[i].arg, (size_t)nodes[i].args);
        nodes[i].origin.of = number[nodes[i].origin.of];
    }
    if (order.len) memcpy(g->nodes.data + 1, nodes, order.len * sizeof *nodes);
    g->nodes.len = order.len + 1;

    renumber(number, &g->loss, 1);
    renumber(number, g->extra_roots.data, g->extra_roots.len);
    for (size_t i = 0; i < g->outputs.len; i++) renumber(number, &g->outputs.data[i].node, 1);
    if (g->param_grad) renumber(number, g->param_grad, g->params.len);
    if (g->input_grad) renumber(number, g->input_grad, g->inputs.len);
    arena_free(scratch);
}
