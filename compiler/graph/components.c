/* components.c: which nodes of a graph lie on a cycle together.
 *
 * Comes in: a graph, some of its nodes, and which edges between them do not count; goes out: a number per node. Which
 * axis a cycle runs along is the reader's question. */
#include "base/components.h"
#include "graph/graph.h"

typedef struct part {
    const graph *g;
    bool *member;
    edge_cut *cut;
    const void *context;
} part; /* of the graph, in which the edges go from reader to operand */

static bool operand_of(const void *in, uint32_t reader, uint32_t k, uint32_t *to)
{
    const part *p = in;
    const node *n = graph_node(p->g, (node_id){reader});
    if (k >= (uint32_t)n->args) return false;
    node_id a = n->arg[k];
    bool counts = node_some(a) && p->member[a.i] && !(p->cut && p->cut(p->g, (node_id){reader}, (int)k, p->context));
    *to = counts ? a.i : reader;
    return true;
}

int graph_components(const graph *g, const node_list *set, edge_cut *cut, const void *context, int *component)
{
    arena *scratch = arena_new();
    part p = {.g = g, .member = ARENA_ARRAY(scratch, bool, g->nodes.len), .cut = cut, .context = context};
    uint32_t *root = ARENA_ARRAY(scratch, uint32_t, set->len);
    for (size_t i = 0; i < set->len; i++) {
        root[i] = set->data[i].i;
        p.member[root[i]] = true;
    }
    int components = components_find((uint32_t)g->nodes.len, root, set->len, operand_of, &p, component);
    arena_free(scratch);
    return components;
}
