/* wanted.c: products that nothing but the gradient by an input needs, which the caller may not want.
 *
 * A first layer's product into d_x is as much work as its product with x. Where all that a product computes leads to
 * the gradient by one input only, it is done when the caller has a place for that gradient.
 *
 * Needs: the statements. Sets: contract.wanted_by. */
#include "plan/planner.h"

enum { WANTED_BY_NONE = 0, WANTED_ALWAYS = -1 }; /* else 1 + number of the input */

typedef struct wanted {
    planner *pl;
    int *by;        /* per node */
    node_list open; /* whose operands are to be told */
} wanted;

static void want(wanted *w, node_id id, int by)
{
    if (!node_some(id) || w->by[id.i] == by || w->by[id.i] == WANTED_ALWAYS) return;
    w->by[id.i] = w->by[id.i] == WANTED_BY_NONE ? by : WANTED_ALWAYS;
    array_push(w->pl->arena, &w->open, id);
}

static void want_results(wanted *w)
{
    const graph *g = w->pl->g;
    want(w, g->loss, WANTED_ALWAYS);
    for (size_t i = 0; i < g->outputs.len; i++) want(w, g->outputs.data[i].node, WANTED_ALWAYS);
    for (size_t i = 0; i < g->extra_roots.len; i++) want(w, g->extra_roots.data[i], WANTED_ALWAYS);
    for (size_t i = 0; g->param_grad && i < g->params.len; i++) want(w, g->param_grad[i], WANTED_ALWAYS);
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++) want(w, g->input_grad[i], 1 + (int)i);
}

/* What a value is for, as long as it is an adjoint: others may be kept for a next chunk. */
static int wanted_by(const wanted *w, const stmt *s)
{
    int by = WANTED_BY_NONE;
    for (size_t i = 0; i < s->nodes.len; i++) {
        int one = w->by[s->nodes.data[i].i];
        if (one <= 0 || graph_node(w->pl->g, s->nodes.data[i])->origin.role != ROLE_ADJOINT || (by && by != one))
            return 0;
        by = one;
    }
    return by;
}

/* Depth: loops. */
static void set_region(const wanted *w, const region *r)
{
    for (size_t i = 0; i < r->items.len; i++) {
        stmt *s = r->items.data[i].stmt;
        if (s && s->kind == STMT_CONTRACT && !s->product.with_next) s->product.wanted_by = wanted_by(w, s);
        if (r->items.data[i].region) set_region(w, r->items.data[i].region);
    }
}

void plan_wanted(planner *pl)
{
    wanted w = {.pl = pl, .by = ARENA_ARRAY(pl->arena, int, pl->count)};
    want_results(&w);
    while (w.open.len) {
        node_id id = w.open.data[--w.open.len];
        const node *n = graph_node(pl->g, id);
        for (int k = 0; k < n->args; k++) want(&w, n->arg[k], w.by[id.i]);
    }
    set_region(&w, pl->p->top);
}
