/* reuse.c: values over time take the memory of others that nothing reads any more.
 *
 * The gradient of a gate stands where the gate stood, a gradient of logits where the logits stood: less memory, and
 * what is written is in the cache, since it was just read or because there is less of it.
 *
 * Rows stand for themselves: two values can share memory when, row by row and column by column, all that touches the
 * one comes before all that touches the other, or an elementwise statement reads the one and sets the other in the same
 * place. Statements stand in the order in which a row meets them: a row of a scan, of a block of steps or of a region
 * of rows is met in one round of the loop. So values that are read at other steps, or within loops over axes that they
 * lack, stay where they are.
 *
 * What only one region of blocks of steps touches needs memory for the rows of one block, which then stay in the cache:
 * the next block's take their place.
 *
 * Needs: the whole program. Sets: buffer.place_of, block_rows. */
#include "plan/planner.h"

#include <string.h>

typedef struct access {
    size_t at; /* place of the statement in the program */
    view v;
    size_t from, to; /* columns that it may touch */
    bool same;       /* component by component, of an elementwise statement */
    bool reads;
} access;

typedef struct memory {
    bool stays;
    bool found;             /* it has been touched, */
    const region *block;    /* by this region of blocks alone; NULL: elsewhere, too */
    ARRAY(access) accesses; /* in the order of the statements */
} memory;

/* A buffer that may share memory, and where it is touched last. Candidates are numbered in the order of the buffers;
 * lists of them are linked by these numbers, 0 ends one. */
typedef struct candidate {
    size_t number, last;
    size_t next; /* of those that are touched last at the same place, with larger numbers */
    bool placed; /* it stands in the place of another */
    bool part;   /* what touches it last touches some columns of it */
    bool set;    /* what touches it last sets all of it, so that nothing takes its place there */
} candidate;

/* Memories that nothing touches any more and that do for the same buffers: which came free last stands last. */
typedef struct free_memories {
    const buffer *like;
    ARRAY(size_t) candidates;
} free_memories;

typedef struct reuse {
    planner *pl;
    memory *of;                  /* of each buffer */
    ARRAY(candidate) candidates; /* in the order of the buffers; 0 is none */
    arena *scratch;
    size_t *touched_at[2]; /* the candidates that are touched last at each place; [1]: with `set` */
    size_t passed;         /* those of the places before this one are free */
    ARRAY(free_memories) freed;
    ARRAY(size_t) passing; /* of one place */
    ARRAY(size_t) parts;   /* candidates with `part`, and such as have been */
    size_t at;
    const region *r; /* of the statement in question */
} reuse;

/* ---- who touches what -------------------------------------------------------------------------------------------- */

/* Is the row in question the only one of the value that a round of the loops around it touches? */
static bool is_own_row(const reuse *u, view v, const stmt *s)
{
    const buffer *b = &u->pl->p->buffers.data[v.buffer];
    axis_set loops = plan_loops(u->r);
    for (const region *r = u->r; r; r = r->parent) loops |= r->kind == REGION_BLOCKS ? axis_bit(r->blocks.axis) : 0;
    bool others = s->kind == STMT_FILL_BEFORE || (s->kind == STMT_FILL_AFTER && !s->fill.in_loop) ||
                  s->kind == STMT_SAVE || s->kind == STMT_CLEAR || s->kind == STMT_OVER ||
                  (s->kind == STMT_GATHER && s->gather.op == OP_at);
    for (int a = 1; a <= MAX_TIME_AXES; a++) {
        if (v.shift[a]) return false;
    }
    return !(loops & ~b->axes) && !(loops && others) && s->kind != STMT_PASS;
}

static const region *blocks_around(const region *r)
{
    while (r && r->kind != REGION_BLOCKS) r = r->parent;
    return r;
}

static void touch(reuse *u, const stmt *s, access found)
{
    if (!found.v.buffer) return;
    memory *m = &u->of[found.v.buffer];
    const region *block = blocks_around(u->r);
    m->block = !m->found || m->block == block ? block : NULL;
    m->found = true;
    found.at = u->at;
    m->stays = m->stays || found.v.row || !is_own_row(u, found.v, s);
    if (!found.same) found.from = 0, found.to = u->pl->p->buffers.data[found.v.buffer].columns;
    array_push(u->scratch, &m->accesses, found);
}

static void touch_all(reuse *u, const stmt *s, const plan_touches *t)
{
    for (size_t i = 0; i < t->read.len; i++) {
        const view *v = &t->read.data[i];
        touch(u, s, (access){.v = *v, .reads = true});
        if (v->row) {
            touch(u, s, (access){.v = v->row->token, .reads = true});
            touch(u, s, (access){.v = v->row->none, .reads = true});
        }
    }
    for (size_t i = 0; i < t->written.len; i++) touch(u, s, (access){.v = t->written.data[i]});
}

static access columns_of(const planner *pl, const stmt *s, node_id id, view v)
{
    shape have = graph_type(pl->g, id).shape;
    int last = v.column + (have.dim[0] - 1) * v.si + (have.rank == 2 ? (have.dim[1] - 1) * v.sj : 0);
    return (access){.v = v, .from = (size_t)v.column, .to = (size_t)last + 1, .same = shape_equal(have, s->shape)};
}

/* Operands that the statement computes itself are no memory. */
static void touch_pointwise(reuse *u, const stmt *s)
{
    planner *pl = u->pl;
    plan_touches all = {0}, rest = {0};
    plan_touch_stmt(pl, u->scratch, &all, s);
    for (size_t i = 0; i < s->nodes.len; i++) {
        const node *n = graph_node(pl->g, s->nodes.data[i]);
        for (int k = 0; k < n->args; k++) {
            access read = columns_of(pl, s, n->arg[k], plan_view(pl, n->arg[k]));
            read.reads = true;
            if (pl->p->stmt_of[n->arg[k].i] != s) touch(u, s, read);
        }
    }
    for (size_t i = 0; i < s->stores.len; i++) {
        const store *st = &s->stores.data[i];
        access write = columns_of(pl, s, st->node, st->to);
        write.same = write.same && st->mode == STORE_SET;
        touch(u, s, write);
    }
    for (size_t i = 0; i < all.read.len; i++) {
        if (all.read.data[i].row) array_push(u->scratch, &rest.read, all.read.data[i]);
    }
    touch_all(u, s, &rest);
}

static void touch_packing(reuse *u, const stmt *s)
{
    const packing *pk = &u->pl->p->pool->packings.data[s->pack.packing];
    for (size_t i = 0; i < pk->pieces.len; i++) touch(u, s, (access){.v = pk->pieces.data[i].matrix, .reads = true});
}

/* Products side by side, and what is made of their results units by units, have one place. Depth: loops. */
static void touch_region(reuse *u, const region *r)
{
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (!s) {
            touch_region(u, r->items.data[i].region);
            continue;
        }
        plan_touches t = {0};
        u->r = r;
        if (s->kind == STMT_POINTWISE) {
            touch_pointwise(u, s);
        } else if (s->kind == STMT_PACK) {
            touch_packing(u, s);
        } else {
            plan_touch_stmt(u->pl, u->scratch, &t, s);
            touch_all(u, s, &t);
        }
        u->at += !(s->kind == STMT_CONTRACT && (s->product.with_next || s->product.epilogue));
    }
}

/* ---- which can share --------------------------------------------------------------------------------------------- */

static bool in_same_place(const access *read, const access *set)
{
    return read->reads && !set->reads && read->same && set->same && plan_same_columns(read->v, set->v);
}

/* Accesses stand in the order of their statements, so most pairs need no look. */
static bool can_follow(const memory *before, const memory *after)
{
    const access *first = after->accesses.data, *end = first + after->accesses.len;
    for (size_t i = before->accesses.len; i-- > 0 && before->accesses.data[i].at >= first->at;) {
        const access *x = &before->accesses.data[i];
        for (const access *y = first; y < end && y->at <= x->at; y++) {
            bool apart = x->to <= y->from || y->to <= x->from;
            if (!apart && !(x->at == y->at && in_same_place(x, y))) return false;
        }
    }
    return true;
}

/* Does the memory of `a` do for `b`? */
static bool is_alike(const buffer *a, const buffer *b)
{
    return a->axes == b->axes && a->columns == b->columns && (!a->block_rows || b->block_rows);
}

static bool can_share(const reuse *u, size_t number)
{
    const buffer *b = &u->pl->p->buffers.data[number];
    for (int a = 1; a <= MAX_TIME_AXES; a++) {
        if (b->before[a] || b->after[a]) return false;
    }
    return b->storage == STORE_WORK && (b->axes & BATCH) && (b->axes & ~(axis_set)BATCH) && !b->kept && !b->in_state &&
           !u->of[number].stays && u->of[number].accesses.len;
}

static size_t first_access(const memory *m) { return m->accesses.data[0].at; }

static size_t last_access(const memory *m) { return m->accesses.data[m->accesses.len - 1].at; }

/* ---- what is free, and when -------------------------------------------------------------------------------------- */

/* Notes where the candidate is touched last. */
static void enlist(reuse *u, size_t k)
{
    candidate *c = &u->candidates.data[k];
    const memory *m = &u->of[c->number];
    const access *end = &m->accesses.data[m->accesses.len - 1];
    c->last = last_access(m);
    if (!c->part && end->to - end->from < u->pl->p->buffers.data[c->number].columns) {
        c->part = true;
        array_push(u->scratch, &u->parts, k);
    }
    c->set = !end->reads && !c->part;
    size_t *link = &u->touched_at[c->set][c->last];
    while (*link && *link < k) link = &u->candidates.data[*link].next;
    c->next = *link;
    *link = k;
}

static void strike(reuse *u, size_t k)
{
    size_t *link = &u->touched_at[u->candidates.data[k].set][u->candidates.data[k].last];
    while (*link && *link != k) link = &u->candidates.data[*link].next;
    if (*link) *link = u->candidates.data[k].next;
}

static void add_free(reuse *u, size_t k)
{
    const buffer *buffers = u->pl->p->buffers.data, *own = &buffers[u->candidates.data[k].number];
    size_t i = 0;
    for (; i < u->freed.len; i++)
        if (is_alike(u->freed.data[i].like, own) && is_alike(own, u->freed.data[i].like)) break;
    if (i == u->freed.len) array_push(u->scratch, &u->freed, (free_memories){.like = own});
    array_push(u->scratch, &u->freed.data[i].candidates, k);
}

/* What is not touched from `at` on is free; of one place those with larger numbers first. */
static void pass(reuse *u, size_t at)
{
    for (; u->passed < at; u->passed++) {
        size_t x = u->touched_at[0][u->passed], y = u->touched_at[1][u->passed];
        u->passing.len = 0;
        while (x || y) {
            size_t *k = !y || (x && x < y) ? &x : &y;
            array_push(u->scratch, &u->passing, *k);
            *k = u->candidates.data[*k].next;
        }
        for (size_t i = u->passing.len; i-- > 0;) add_free(u, u->passing.data[i]);
    }
}

/* Of two: which comes free last, since that is in the cache; of several the first, since most come free in their
 * order. */
static size_t later(const reuse *u, size_t a, size_t b)
{
    const candidate *x = &u->candidates.data[a], *y = &u->candidates.data[b];
    if (!a || !b) return a ? a : b;
    return x->last != y->last ? (x->last > y->last ? a : b) : a < b ? a : b;
}

static bool can_take(const reuse *u, size_t k, size_t number)
{
    const candidate *p = &u->candidates.data[k];
    const buffer *buffers = u->pl->p->buffers.data;
    return !p->placed && p->number != number && is_alike(&buffers[p->number], &buffers[number]) &&
           can_follow(&u->of[p->number], &u->of[number]);
}

/* The candidate whose memory does for the buffer; 0: none. What is touched after the buffer begins can only be one of
 * which some columns are; then come those that the first statement of the buffer touches, then those that are free. */
static size_t predecessor(reuse *u, size_t number)
{
    size_t best = 0, first = first_access(&u->of[number]);
    pass(u, first);
    for (size_t i = 0; i < u->parts.len; i++) {
        size_t k = u->parts.data[i];
        if (u->candidates.data[k].last > first && can_take(u, k, number)) best = later(u, best, k);
    }
    for (size_t k = best ? 0 : u->touched_at[0][first]; k && !best; k = u->candidates.data[k].next)
        if (can_take(u, k, number)) best = k;
    if (best) return best;
    for (size_t i = 0; i < u->freed.len; i++) {
        const free_memories *f = &u->freed.data[i];
        if (f->candidates.len && is_alike(f->like, &u->pl->p->buffers.data[number]))
            best = later(u, best, f->candidates.data[f->candidates.len - 1]);
    }
    return best;
}

/* Those that begin later come later; in the order of the buffers where they begin together. */
static size_t *in_order(const reuse *u)
{
    size_t *begin = ARENA_ARRAY(u->scratch, size_t, u->at + 2);
    size_t *order = ARENA_ARRAY(u->scratch, size_t, u->candidates.len);
    for (size_t i = 1; i < u->candidates.len; i++) begin[first_access(&u->of[u->candidates.data[i].number]) + 1]++;
    for (size_t at = 1; at <= u->at + 1; at++) begin[at] += begin[at - 1];
    for (size_t i = 1; i < u->candidates.len; i++)
        order[begin[first_access(&u->of[u->candidates.data[i].number])]++] = i;
    return order;
}

/* What touches the one memory from now on touches the other. */
static void take_place(reuse *u, size_t k, size_t from)
{
    size_t number = u->candidates.data[k].number, home = u->candidates.data[from].number;
    memory *m = &u->of[home], *moved = &u->of[number];
    if (u->candidates.data[from].last < u->passed) {
        for (size_t i = 0; i < u->freed.len; i++) {
            free_memories *f = &u->freed.data[i];
            if (f->candidates.len && f->candidates.data[f->candidates.len - 1] == from) f->candidates.len--;
        }
    } else {
        strike(u, from);
    }
    strike(u, k);
    u->candidates.data[k].placed = true;
    for (size_t i = 0; i < moved->accesses.len; i++) {
        array_push(u->scratch, &m->accesses, moved->accesses.data[i]);
        for (access *x = &m->accesses.data[m->accesses.len - 1]; x > m->accesses.data && x[-1].at > x->at; x--) {
            access later = x[-1];
            x[-1] = *x;
            *x = later;
        }
    }
    enlist(u, from);
    buffer *b = &u->pl->p->buffers.data[number], *own = &u->pl->p->buffers.data[home];
    b->storage = STORE_PLACE;
    b->place_of = (int)home;
    if (own->block_rows && own->block_rows < b->block_rows) own->block_rows = b->block_rows; /* the larger block's */
    b->block_rows = own->block_rows;
}

int plan_memory(const program *p, view v)
{
    const buffer *b = &p->buffers.data[v.buffer];
    return b->storage == STORE_PLACE ? b->place_of : v.buffer;
}

static void find_block_rows(const reuse *u)
{
    for (size_t i = 1; i < u->candidates.len; i++) {
        buffer *b = &u->pl->p->buffers.data[u->candidates.data[i].number];
        const region *block = u->of[u->candidates.data[i].number].block;
        if (block && b->axes == (BATCH | axis_bit(block->blocks.axis))) b->block_rows = block->blocks.rows;
    }
}

void plan_reuse(planner *pl)
{
    reuse u = {.pl = pl, .scratch = arena_new(), .at = 1};
    u.of = arena_array(u.scratch, pl->p->buffers.len, sizeof(memory));
    touch_region(&u, pl->p->top);
    for (int i = 0; i < 2; i++) u.touched_at[i] = ARENA_ARRAY(u.scratch, size_t, u.at + 1);
    array_push(u.scratch, &u.candidates, (candidate){0});
    for (size_t i = 1; i < pl->p->buffers.len; i++) {
        if (can_share(&u, i)) array_push(u.scratch, &u.candidates, (candidate){.number = i});
    }
    for (size_t k = u.candidates.len - 1; k > 0; k--) enlist(&u, k);
    find_block_rows(&u);
    const size_t *order = in_order(&u);
    for (size_t i = 0; i + 1 < u.candidates.len; i++) {
        size_t from = predecessor(&u, u.candidates.data[order[i]].number);
        if (from) take_place(&u, order[i], from);
    }
    arena_free(u.scratch);
}
