/* in_state.c: which values of `step` can live in the state.
 *
 * A value that is read one step back, and written after everything else has read the step before, needs one row: the
 * one that the state keeps from call to call. Nothing is copied in or out. That holds where the call has one
 * sequence, and returns at once when that one is absent; the emitter knows.
 *
 * Needs: all statements. Sets: buffer.in_state. */
#include "plan/planner.h"

/* By the number of a buffer. `writes`: the store of the statement that is being visited. */
typedef struct candidate {
    bool fits, written;
    int axis;
    const store *writes;
} candidate;

static bool reads_before(const candidate *c, view v) { return v.shift[c->axis] != 0; }

/* Nothing may read the step before behind the statement that writes this one. */
static void read(candidate *of, view v)
{
    candidate *c = &of[v.buffer];
    if (c->written && reads_before(c, v)) c->fits = false;
}

/* A component may be overwritten where nothing but the same component is made of it. */
static void visit_pointwise(const planner *pl, candidate *of, const stmt *s)
{
    for (size_t i = 0; i < s->stores.len; i++) of[s->stores.data[i].to.buffer].writes = &s->stores.data[i];
    for (size_t i = 0; i < s->stores.len; i++) {
        view v = plan_view(pl, s->stores.data[i].node);
        if (v.buffer != s->stores.data[i].to.buffer) read(of, v);
    }
    for (size_t i = 0; i < s->nodes.len; i++) {
        const node *n = graph_node(pl->g, s->nodes.data[i]);
        for (int a = 0; a < n->args; a++) {
            view v = plan_view(pl, n->arg[a]);
            candidate *c = &of[v.buffer];
            read(of, v);
            shape have = graph_type(pl->g, n->arg[a]).shape;
            if (c->writes && reads_before(c, v) &&
                (have.rank != s->shape.rank || shape_size(have) != shape_size(s->shape) ||
                 !plan_same_columns(v, c->writes->to)))
                c->fits = false;
        }
    }
    for (size_t i = 0; i < s->stores.len; i++) {
        candidate *c = &of[s->stores.data[i].to.buffer];
        if (!c->writes) continue;
        c->fits = c->fits && c->writes->mode == STORE_SET && !c->written;
        c->written = true;
        c->writes = NULL;
    }
}

static void visit_product(candidate *of, const contract *p)
{
    for (size_t i = 0; i < p->addends.len; i++) {
        read(of, p->addends.data[i].a);
        read(of, p->addends.data[i].guard.at);
    }
    read(of, p->a);
    read(of, p->b);
    of[p->to.buffer].fits = false;
}

static void visit(const planner *pl, candidate *of, const stmt *s)
{
    bool plain = s->kind == STMT_ROWS || (s->kind == STMT_COPY && s->copy.op != OP_input);
    if (s->kind == STMT_POINTWISE) {
        visit_pointwise(pl, of, s);
        return;
    }
    if (s->kind == STMT_CONTRACT) {
        visit_product(of, &s->product);
        return;
    }
    for (size_t i = 0; i < s->from.len; i++) {
        read(of, s->from.data[i]);
        if (!plain) of[s->from.data[i].buffer].fits = false;
    }
    if (s->kind != STMT_FILL_BEFORE && s->kind != STMT_SAVE) of[s->to.buffer].fits = false;
}

/* Depth: loops. */
static void visit_region(const planner *pl, candidate *of, const region *r)
{
    for (size_t i = 0; i < r->items.len; i++) {
        if (r->items.data[i].stmt)
            visit(pl, of, r->items.data[i].stmt);
        else
            visit_region(pl, of, r->items.data[i].region);
    }
}

/* One row of the state, alone in its buffer, which begins as zeros. */
static bool is_candidate(const planner *pl, const stmt *s)
{
    if (!s || s->kind != STMT_FILL_BEFORE) return false;
    const buffer *b = &pl->p->buffers.data[s->to.buffer];
    int axis = s->fill.axis;
    bool zeros = true;
    for (size_t i = 0; i < s->fill.boundary.len; i++) zeros = zeros && !node_some(s->fill.boundary.data[i]);
    return s->fill.state && s->fill.rows == 1 && zeros && b->before[axis] == 1 && b->after[axis] == 0 &&
           s->axes == (BATCH | axis_bit(axis)) && b->axes == s->axes && b->columns == (size_t)shape_size(s->shape) &&
           graph_type(pl->g, s->nodes.data[0]).element == REAL;
}

void plan_in_state(planner *pl)
{
    const region *top = pl->p->top;
    if (pl->p->entry != ENTRY_STEP) return;
    for (size_t i = 0; i < pl->g->outputs.len; i++) { /* of an absent sequence they are 0, all of them */
        node_id out = pl->g->outputs.data[i].node;
        if (node_some(out) && graph_type(pl->g, out).axes != (BATCH | axis_bit(1))) return;
    }
    candidate *of = ARENA_ARRAY(pl->arena, candidate, pl->p->buffers.len);
    for (size_t i = 0; i < top->items.len; i++) {
        const stmt *s = top->items.data[i].stmt;
        if (is_candidate(pl, s)) of[s->to.buffer] = (candidate){.fits = true, .axis = s->fill.axis};
    }
    visit_region(pl, of, top);
    for (size_t i = 0; i < top->items.len; i++) {
        const stmt *s = top->items.data[i].stmt;
        if (is_candidate(pl, s) && of[s->to.buffer].fits && of[s->to.buffer].written)
            pl->p->buffers.data[s->to.buffer].in_state = s->fill.state;
    }
}
