/* in_state.c: which values of `step` can live in the state.
 *
 * A value that is read one step back, and written after everything else has read the step before, needs one row: the
 * one that the state keeps from call to call. Nothing is copied in or out. That holds where the call has one
 * sequence, and returns at once when that one is absent; the emitter knows.
 *
 * Needs: all statements. Sets: buffer.in_state. */
#include "plan/planner.h"

typedef struct candidate { int buffer, axis; bool fits, written; } candidate;

static bool reads_before(const candidate *c, view v) { return v.buffer == c->buffer && v.shift[c->axis] != 0; }

/* Nothing may read the step before behind the statement that writes this one. */
static void read(candidate *c, view v)
{
    if (c->written && reads_before(c, v))
        c->fits = false;
}

static bool same_place(view a, view b) { return a.column == b.column && a.si == b.si && a.sj == b.sj; }

/* A component may be overwritten where nothing but the same component is made of it. */
static void visit_pointwise(const planner *pl, candidate *c, const stmt *s)
{
    const store *writes = NULL;
    for (size_t i = 0; i < s->stores.len; i++) {
        if (s->stores.data[i].to.buffer == c->buffer)
            writes = &s->stores.data[i];
        else
            read(c, plan_view(pl, s->stores.data[i].node));
    }
    for (size_t i = 0; i < s->nodes.len; i++) {
        const node *n = graph_node(pl->g, s->nodes.data[i]);
        for (int a = 0; a < n->args; a++) {
            view v = plan_view(pl, n->arg[a]);
            read(c, v);
            shape have = graph_type(pl->g, n->arg[a]).shape;
            if (writes && reads_before(c, v) &&
                (have.rank != s->shape.rank || shape_size(have) != shape_size(s->shape) || !same_place(v, writes->to)))
                c->fits = false;
        }
    }
    if (writes) {
        c->fits = c->fits && writes->mode == STORE_SET && !c->written;
        c->written = true;
    }
}

static void visit_product(candidate *c, const contract *p)
{
    for (size_t i = 0; i < p->addends.len; i++) {
        read(c, p->addends.data[i].a);
        read(c, p->addends.data[i].guard.at);
    }
    read(c, p->a);
    read(c, p->b);
    c->fits = c->fits && p->to.buffer != c->buffer;
}

static void visit(const planner *pl, candidate *c, const stmt *s)
{
    bool plain = s->kind == STMT_ROWS || (s->kind == STMT_COPY && s->op != OP_input);
    if (s->kind == STMT_POINTWISE) {
        visit_pointwise(pl, c, s);
        return;
    }
    if (s->kind == STMT_CONTRACT) {
        visit_product(c, &s->product);
        return;
    }
    for (size_t i = 0; i < s->from.len; i++) {
        read(c, s->from.data[i]);
        c->fits = c->fits && (plain || s->from.data[i].buffer != c->buffer);
    }
    if (s->to.buffer == c->buffer && s->kind != STMT_FILL_BEFORE && s->kind != STMT_SAVE)
        c->fits = false;
}

/* Depth: loops. */
static void visit_region(const planner *pl, candidate *c, const region *r)
{
    for (size_t i = 0; i < r->items.len; i++) {
        if (r->items.data[i].stmt)
            visit(pl, c, r->items.data[i].stmt);
        else
            visit_region(pl, c, r->items.data[i].region);
    }
}

/* One row of the state, alone in its buffer, which begins as zeros. */
static bool is_candidate(const planner *pl, const stmt *s)
{
    const buffer *b = &pl->p->buffers.data[s->to.buffer];
    bool zeros = true;
    for (size_t i = 0; i < s->boundary.len; i++)
        zeros = zeros && !node_some(s->boundary.data[i]);
    return s->kind == STMT_FILL_BEFORE && s->state && s->rows == 1 && zeros && b->before[s->axis] == 1 &&
           b->after[s->axis] == 0 &&
           s->axes == (BATCH | axis_bit(s->axis)) && b->axes == s->axes && b->columns == shape_size(s->shape) &&
           graph_type(pl->g, s->nodes.data[0]).element == REAL;
}

void plan_in_state(planner *pl)
{
    const region *top = pl->p->top;
    if (pl->p->entry != ENTRY_STEP)
        return;
    for (size_t i = 0; i < pl->g->outputs.len; i++) {       /* of an absent sequence they are 0, all of them */
        node_id out = pl->g->outputs.data[i].node;
        if (node_some(out) && graph_type(pl->g, out).axes != (BATCH | axis_bit(1)))
            return;
    }
    for (size_t i = 0; i < top->items.len; i++) {
        const stmt *s = top->items.data[i].stmt;
        if (!s || !is_candidate(pl, s))
            continue;
        candidate c = {.buffer = s->to.buffer, .axis = s->axis, .fits = true};
        visit_region(pl, &c, top);
        if (c.fits && c.written)
            pl->p->buffers.data[s->to.buffer].in_state = s->state;
    }
}
