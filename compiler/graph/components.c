/* components.c: strongly connected components (Tarjan 1972), with a stack of its own instead of recursion.
 *
 * Comes in: a graph, some of its nodes, and which edges between them do not count; goes out: a number per node, and
 * with it which nodes lie on a cycle together. Which axis a cycle runs along is the reader's question. */
#include "graph/graph.h"

typedef struct frame {
    node_id id;
    int next;
} frame; /* operands before `next` are done */

typedef struct search {
    const graph *g;
    arena *arena;
    bool *member, *on_stack;
    uint32_t *index, *low, clock;
    ARRAY(node_id) stack;
    ARRAY(frame) frames;
    int *component, components;
    edge_cut *cut;
    const void *context;
} search;

static void enter(search *s, node_id id)
{
    s->index[id.i] = s->low[id.i] = ++s->clock;
    s->on_stack[id.i] = true;
    array_push(s->arena, &s->stack, id);
    array_push(s->arena, &s->frames, (frame){id, 0});
}

static void leave(search *s, node_id id)
{
    if (s->low[id.i] == s->index[id.i]) {
        s->components++;
        node_id top;
        do {
            top = s->stack.data[--s->stack.len];
            s->on_stack[top.i] = false;
            s->component[top.i] = s->components;
        } while (!node_is(top, id));
    }
    s->frames.len--;
    if (s->frames.len) {
        node_id above = s->frames.data[s->frames.len - 1].id;
        if (s->low[id.i] < s->low[above.i]) s->low[above.i] = s->low[id.i];
    }
}

static void search_from(search *s, node_id root)
{
    enter(s, root);
    while (s->frames.len) {
        frame *f = &s->frames.data[s->frames.len - 1];
        const node *n = graph_node(s->g, f->id);
        if (f->next == n->args) {
            leave(s, f->id);
            continue;
        }
        int operand = f->next++;
        node_id a = n->arg[operand];
        if (!node_some(a) || !s->member[a.i] || (s->cut && s->cut(s->g, f->id, operand, s->context))) continue;
        if (!s->index[a.i])
            enter(s, a);
        else if (s->on_stack[a.i] && s->index[a.i] < s->low[f->id.i])
            s->low[f->id.i] = s->index[a.i];
    }
}

int graph_components(const graph *g, const node_list *set, edge_cut *cut, const void *context, int *component)
{
    arena *scratch = arena_new();
    size_t count = g->nodes.len;
    search s = {.g = g,
                .arena = scratch,
                .member = ARENA_ARRAY(scratch, bool, count),
                .on_stack = ARENA_ARRAY(scratch, bool, count),
                .index = ARENA_ARRAY(scratch, uint32_t, count),
                .low = ARENA_ARRAY(scratch, uint32_t, count),
                .component = component,
                .cut = cut,
                .context = context};
    for (size_t i = 0; i < set->len; i++) s.member[set->data[i].i] = true;
    for (size_t i = 0; i < set->len; i++)
        if (!s.index[set->data[i].i]) search_from(&s, set->data[i]);
    arena_free(scratch);
    return s.components;
}
