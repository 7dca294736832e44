/* components.c: strongly connected components (Tarjan 1972), with a stack of its own instead of recursion: the graph is
 * the user's. */
#include "base/components.h"
#include "base/array.h"

typedef struct frame {
    uint32_t node, next; /* edges before `next` are done */
} frame;

typedef struct search {
    arena *arena;
    uint32_t *index, *low, clock; /* index 0: not seen yet */
    ARRAY(uint32_t) stack;        /* seen, and of no component yet */
    ARRAY(frame) frames;
    int *component, components;
} search;

static void enter(search *s, uint32_t v)
{
    s->index[v] = s->low[v] = ++s->clock;
    s->component[v] = 0;
    array_push(s->arena, &s->stack, v);
    array_push(s->arena, &s->frames, (frame){v, 0});
}

static void leave(search *s, uint32_t v)
{
    if (s->low[v] == s->index[v]) {
        s->components++;
        uint32_t top;
        do {
            top = s->stack.data[--s->stack.len];
            s->component[top] = s->components;
        } while (top != v);
    }
    s->frames.len--;
    if (s->frames.len) {
        uint32_t above = s->frames.data[s->frames.len - 1].node;
        if (s->low[v] < s->low[above]) s->low[above] = s->low[v];
    }
}

int components_find(uint32_t nodes, const uint32_t *root, size_t roots, components_edge *edge, const void *graph,
                    int *component)
{
    arena *scratch = arena_new();
    search s = {.arena = scratch,
                .index = ARENA_ARRAY(scratch, uint32_t, nodes),
                .low = ARENA_ARRAY(scratch, uint32_t, nodes),
                .component = component};
    for (size_t i = 0; i < roots; i++) {
        if (!s.index[root[i]]) enter(&s, root[i]);
        while (s.frames.len) {
            frame *f = &s.frames.data[s.frames.len - 1];
            uint32_t from = f->node, to;
            if (!edge(graph, from, f->next++, &to))
                leave(&s, from);
            else if (!s.index[to])
                enter(&s, to);
            else if (!s.component[to] && s.index[to] < s.low[from])
                s.low[from] = s.index[to];
        }
    }
    arena_free(scratch);
    return s.components;
}
