/* components.c: strongly connected components (Tarjan 1972), with a stack of its own instead of recursion.
 *
 * A component with a cycle is a recurrence; which axis it runs along is the reader's question. */
#include "plan/planner.h"

typedef struct frame { node_id id; int next; } frame;

typedef struct search {
    planner *pl;
    bool *member;
    uint32_t *index, *low;
    bool *on_stack;
    ARRAY(node_id) stack;
    ARRAY(frame) frames;
    uint32_t clock;
    int components;
    carried_edge *skip;
    const void *context;
} search;

static void enter(search *s, node_id id)
{
    s->index[id.i] = s->low[id.i] = ++s->clock;
    s->on_stack[id.i] = true;
    array_push(s->pl->arena, &s->stack, id);
    array_push(s->pl->arena, &s->frames, (frame){id, 0});
}

static void leave(search *s, node_id id)
{
    if (s->low[id.i] == s->index[id.i]) {
        s->components++;
        node_id top;
        do {
            top = s->stack.data[--s->stack.len];
            s->on_stack[top.i] = false;
            s->pl->component[top.i] = s->components;
        } while (!node_is(top, id));
    }
    s->frames.len--;
    if (s->frames.len) {
        node_id above = s->frames.data[s->frames.len - 1].id;
        if (s->low[id.i] < s->low[above.i])
            s->low[above.i] = s->low[id.i];
    }
}

static void visit(search *s, node_id root)
{
    enter(s, root);
    while (s->frames.len) {
        frame *f = &s->frames.data[s->frames.len - 1];
        const node *n = graph_node(s->pl->g, f->id);
        if (f->next == n->args) {
            leave(s, f->id);
            continue;
        }
        int operand = f->next++;
        node_id a = n->arg[operand];
        if (!node_some(a) || !s->member[a.i] || s->skip(s->pl, f->id, operand, s->context))
            continue;
        if (!s->index[a.i])
            enter(s, a);
        else if (s->on_stack[a.i] && s->index[a.i] < s->low[f->id.i])
            s->low[f->id.i] = s->index[a.i];
    }
}

int plan_components(planner *pl, const node_list *set, carried_edge *skip, const void *context)
{
    search s = {.pl = pl, .member = ARENA_ARRAY(pl->arena, bool, pl->count), .index = ARENA_ARRAY(pl->arena, uint32_t, pl->count),
                .low = ARENA_ARRAY(pl->arena, uint32_t, pl->count), .on_stack = ARENA_ARRAY(pl->arena, bool, pl->count),
                .skip = skip, .context = context};
    for (size_t i = 0; i < set->len; i++)
        s.member[set->data[i].i] = true;
    for (size_t i = 0; i < set->len; i++) {
        if (!s.index[set->data[i].i])
            visit(&s, set->data[i]);
    }
    return s.components;
}
