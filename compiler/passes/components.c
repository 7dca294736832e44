/* components.c: which nodes lie on a cycle together: strongly connected components (Tarjan 1972), with a stack of
 * its own instead of recursion.
 *
 * Comes in: a graph and its order; goes out: a number per node. Only cycles have one; a node that reads itself is a
 * cycle. */
#include "passes/rewrite.h"

typedef struct frame { node_id id; int next; bool self; } frame;     /* operands before `next` are done */

typedef struct search {
    const graph *g;
    arena *arena;
    uint32_t *index, *low, clock;
    bool *on_stack;
    ARRAY(node_id) stack;
    ARRAY(frame) frames;
    int *component, components;
} search;

static void enter(search *s, node_id id)
{
    s->index[id.i] = s->low[id.i] = ++s->clock;
    s->on_stack[id.i] = true;
    array_push(s->arena, &s->stack, id);
    array_push(s->arena, &s->frames, (frame){.id = id});
}

static void leave(search *s, frame f)
{
    if (s->low[f.id.i] == s->index[f.id.i]) {
        bool cycle = f.self || !node_is(s->stack.data[s->stack.len - 1], f.id);
        int number = cycle ? ++s->components : 0;
        node_id top;
        do {
            top = s->stack.data[--s->stack.len];
            s->on_stack[top.i] = false;
            s->component[top.i] = number;
        } while (!node_is(top, f.id));
    }
    s->frames.len--;
    if (s->frames.len) {
        node_id above = s->frames.data[s->frames.len - 1].id;
        if (s->low[f.id.i] < s->low[above.i])
            s->low[above.i] = s->low[f.id.i];
    }
}

static void search_from(search *s, node_id root)
{
    enter(s, root);
    while (s->frames.len) {
        frame *f = &s->frames.data[s->frames.len - 1];
        const node *n = graph_node(s->g, f->id);
        if (f->next == n->args) {
            leave(s, *f);
            continue;
        }
        node_id a = n->arg[f->next++];
        f->self |= node_is(a, f->id);
        if (!node_some(a))
            continue;
        if (!s->index[a.i])
            enter(s, a);
        else if (s->on_stack[a.i] && s->index[a.i] < s->low[f->id.i])
            s->low[f->id.i] = s->index[a.i];
    }
}

int *rewrite_recurrences(const graph *g, const node_list *order, arena *a)
{
    size_t count = g->nodes.len;
    search s = {.g = g, .arena = a, .index = ARENA_ARRAY(a, uint32_t, count), .low = ARENA_ARRAY(a, uint32_t, count),
                .on_stack = ARENA_ARRAY(a, bool, count), .component = ARENA_ARRAY(a, int, count)};
    for (size_t i = 0; i < order->len; i++)
        if (!s.index[order->data[i].i])
            search_from(&s, order->data[i]);
    return s.component;
}
