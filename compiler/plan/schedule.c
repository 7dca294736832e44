/* schedule.c: from nodes to regions of statements.
 *
 * A region holds a set of nodes, which units.c splits into scans and single nodes. Statements are listed: whatever is
 * no elementwise work as soon as its operands are there (products that read the same vectors together), and only when
 * nothing of that kind is left, all elementwise work of one domain that can be done as one statement. A unit counts
 * the operands that it lacks; a node that is done tells the units that wait for it.
 *
 * Needs: task, form, leaves. Sets: regions, statements, stmt_of, region_of. */
#include "plan/units.h"

#include "base/heap.h"

#include <stdlib.h>

/* Numbers of units. */
typedef ARRAY(size_t) unit_list;

/* Units that are gone through in their order, round by round: what comes in behind the last one taken is still of this
 * round. */
typedef struct rounds {
    heap now, later;
    size_t last; /* taken, where the round has begun */
    bool begun;
} rounds;

/* A unit that waits for a node; `next`: the next one that does. */
typedef struct edge {
    size_t unit;
    struct edge *next;
} edge;

/* Of each node. The regions of one depth use them one after the other, and leave them empty. */
typedef struct tables {
    arena *arena;
    bool *member;
    bool *done;     /* computed by what has been listed */
    bool *open;     /* in the statement under construction */
    int *home;      /* number of the scan that it belongs to, 0: this region */
    edge **waiting; /* its first edge */
    struct tables *inner;
} tables;

typedef struct builder {
    planner *pl;
    region *r;
    tables *of;
    units units;
    rounds ready;          /* lack no operand: with statements of their own, or scans */
    unit_list elementwise; /* lack no operand: elementwise; some may be done by now */
    size_t left;           /* units that are not done */
    arena *scratch;        /* gone with the builder */
} builder;

/* ---- readiness --------------------------------------------------------------------------------------------------- */

static bool is_elementwise(const planner *pl, const unit *u)
{
    return !u->scan && (pl->task[u->id.i] == TASK_POINTWISE || pl->task[u->id.i] == TASK_SUM);
}

/* Is the unit to wait for the node, which is none of its own? */
static bool is_awaited(const builder *b, const unit *u, node_id id)
{
    return node_some(id) && b->of->member[id.i] && !(u->scan && b->of->home[id.i] == u->number);
}

static void wait_for(builder *b, size_t number, node_id operand)
{
    edge *e = ARENA_NEW(b->scratch, edge);
    *e = (edge){number, b->of->waiting[operand.i]};
    b->of->waiting[operand.i] = e;
    b->units.data[number].lacks++;
}

/* Operands of a node of the unit. */
static void find_operands(builder *b, size_t number, node_id id)
{
    const unit *u = &b->units.data[number];
    const node *n = graph_node(b->pl->g, id);
    node_id condition = b->pl->guard[id.i].condition;
    if (is_awaited(b, u, condition)) wait_for(b, number, condition);
    for (int i = 0; i < n->args; i++) {
        if (is_awaited(b, u, n->arg[i]) && !plan_is_carried(b->pl->g, id, i, b->r)) wait_for(b, number, n->arg[i]);
    }
}

static void insert(builder *b, rounds *r, size_t number)
{
    heap_push(b->scratch, r->begun && number < r->last ? &r->later : &r->now, number);
}

/* The first of the round; false at its end, and then the next one begins. */
static bool take_next(rounds *r, size_t *number)
{
    r->begun = r->now.len > 0;
    if (r->begun) {
        *number = r->last = heap_pop(&r->now);
    } else {
        heap now = r->now;
        r->now = r->later;
        r->later = now;
    }
    return r->begun;
}

static size_t waiting_in(const rounds *r) { return r->now.len + r->later.len; }

/* One of those that wait, in any order. */
static size_t number_in(const rounds *r, size_t i)
{
    return i < r->now.len ? r->now.data[i] : r->later.data[i - r->now.len];
}

/* Nodes without code are done as soon as they lack nothing, so that products that read the same vectors are ready at
 * the same time; they go to `done`. */
static void list_ready(builder *b, size_t number, node_list *done)
{
    unit *u = &b->units.data[number];
    if (u->listed || u->lacks) return;
    u->listed = true;
    if (!u->scan && b->pl->task[u->id.i] == TASK_FREE) {
        b->pl->region_of[u->id.i] = b->r;
        u->done = true;
        b->left--;
        array_push(b->scratch, done, u->id);
    } else {
        if (is_elementwise(b->pl, u))
            array_push(b->scratch, &b->elementwise, number);
        else
            insert(b, &b->ready, number);
    }
}

/* In the open statement, elementwise values are there for those that join it. */
static bool is_there(const builder *b, node_id id)
{
    return b->of->done[id.i] || (b->of->open[id.i] && b->pl->task[id.i] == TASK_POINTWISE);
}

/* The nodes of `done` are computed: tells those that wait. */
static void finish(builder *b, node_list *done)
{
    while (done->len) {
        node_id id = done->data[--done->len];
        bool was_there = is_there(b, id);
        b->of->done[id.i] = true;
        b->of->open[id.i] = false;
        for (const edge *e = b->of->waiting[id.i]; e; e = e->next) {
            b->units.data[e->unit].lacks -= !was_there;
            list_ready(b, e->unit, done);
        }
    }
}

static void finish_node(builder *b, node_id id)
{
    node_list done = {0};
    array_push(b->scratch, &done, id);
    finish(b, &done);
}

static void find_ready(builder *b)
{
    node_list done = {0};
    b->left = b->units.len;
    for (size_t i = b->units.len; i-- > 0;) { /* the last edge of a node is found first: so that is its first unit */
        const unit *u = &b->units.data[i];
        if (!u->scan) find_operands(b, i, u->id);
        for (size_t k = 0; u->scan && k < u->nodes.len; k++) find_operands(b, i, u->nodes.data[k]);
    }
    for (size_t i = 0; i < b->units.len; i++) list_ready(b, i, &done);
    finish(b, &done);
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

stmt *plan_stmt(planner *pl, stmt_kind kind)
{
    stmt *s = ARENA_NEW(pl->arena, stmt);
    s->kind = kind;
    return s;
}

static stmt *add_stmt(builder *b, stmt_kind kind)
{
    stmt *s = plan_stmt(b->pl, kind);
    array_push(b->pl->arena, &b->r->items, (item){.stmt = s});
    return s;
}

static void put_node(builder *b, stmt *s, unit *u)
{
    array_push(b->pl->arena, &s->nodes, u->id);
    b->pl->p->stmt_of[u->id.i] = s;
    b->pl->region_of[u->id.i] = b->r;
    u->done = true;
    b->left--;
}

/* Do two products read the same vectors, so that one product with stacked rows does both? */
static bool reads_same(const planner *pl, node_id x, node_id y)
{
    const product_leaves *a = &pl->leaves[x.i], *b = &pl->leaves[y.i];
    if (a->len != b->len) return false;
    for (size_t i = 0; i < a->len; i++) {
        plan_guard g = pl->guard[a->data[i].matmul.i], h = pl->guard[b->data[i].matmul.i];
        if (!node_is(plan_vector(pl, &a->data[i]), plan_vector(pl, &b->data[i])) ||
            !node_is(g.condition, h.condition) || g.negated != h.negated)
            return false;
    }
    return true;
}

static void add_product(builder *b, unit *u)
{
    planner *pl = b->pl;
    stmt *s = add_stmt(b, STMT_CONTRACT);
    s->axes = graph_type(pl->g, u->id).axes;
    s->product.form = pl->form[u->id.i];
    put_node(b, s, u);
    heap beside = {0};
    for (size_t i = 0; s->product.form == FORM_ROWS && i < waiting_in(&b->ready); i++) {
        const unit *v = &b->units.data[number_in(&b->ready, i)];
        if (!v->done && !v->scan && pl->is_product[v->id.i] && pl->form[v->id.i] == FORM_ROWS &&
            reads_same(pl, u->id, v->id))
            heap_push(b->scratch, &beside, number_in(&b->ready, i));
    }
    while (beside.len) put_node(b, s, &b->units.data[heap_pop(&beside)]);
    for (size_t i = 0; i < s->nodes.len; i++) finish_node(b, s->nodes.data[i]);
}

static stmt_kind kind_of(const node *n)
{
    switch (op_table[n->op].class) {
    case SOURCE: return n->op == OP_count ? STMT_COUNT : STMT_COPY;
    case REDUCTION: return STMT_ROWS;
    case AXIS: return STMT_OVER;
    case GATHER:
    case PLACE: return STMT_GATHER;
    case SCATTER: return STMT_SCATTER;
    case LAYOUT: return STMT_COPY;
    case POINTWISE_OP:
    case CONTRACTION:
    case SHIFT: break;
    }
    BUG("%s has no statement of its own", op_table[n->op].name);
}

/* Softmax and logsumexp of one vector are one statement, which takes the exponentials once. */
static unit *other_of_row(const builder *b, const unit *u)
{
    const graph *g = b->pl->g;
    const node *n = graph_node(g, u->id);
    if (n->op != OP_softmax && n->op != OP_logsumexp) return NULL;
    op other = n->op == OP_softmax ? OP_logsumexp : OP_softmax;
    unit *found = NULL;
    for (size_t i = 0; i < waiting_in(&b->ready); i++) {
        unit *v = &b->units.data[number_in(&b->ready, i)];
        if (!v->done && !v->scan && graph_node(g, v->id)->op == other &&
            node_is(graph_node(g, v->id)->arg[0], n->arg[0]) && (!found || v < found))
            found = v;
    }
    return found;
}

static void add_single(builder *b, unit *u)
{
    const node *n = graph_node(b->pl->g, u->id);
    if (b->pl->is_product[u->id.i]) {
        add_product(b, u);
        return;
    }
    stmt *s = add_stmt(b, kind_of(n));
    unit *other = other_of_row(b, u);
    if (other && n->op == OP_logsumexp) { /* the softmax first */
        unit *softmax = other;
        other = u;
        u = softmax;
        n = graph_node(b->pl->g, u->id);
    }
    if (s->kind == STMT_ROWS) s->rows.op = n->op;
    if (s->kind == STMT_GATHER) s->gather.op = n->op;
    if (s->kind == STMT_COPY) s->copy.op = n->op;
    s->axes = n->type.axes;
    s->shape = n->type.shape;
    put_node(b, s, u);
    if (other) put_node(b, s, other);
    for (size_t i = 0; i < s->nodes.len; i++) finish_node(b, s->nodes.data[i]);
}

static type domain_of(const planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    return pl->task[id.i] == TASK_SUM ? graph_type(pl->g, plan_summed(n)) : n->type;
}

/* Could the node wait for a later statement of its domain? Yes when all its readers are elementwise, of the same
 * domain, and do not stand in the open statement. */
static bool can_wait(const builder *b, node_id id)
{
    const planner *pl = b->pl;
    const node_list *users = &pl->users[id.i];
    if (pl->task[id.i] != TASK_POINTWISE || pl->escapes[id.i] || users->len == 0) return false;
    type d = domain_of(pl, id);
    for (size_t i = 0; i < users->len; i++) {
        node_id u = users->data[i];
        bool elementwise = pl->task[u.i] == TASK_POINTWISE || pl->task[u.i] == TASK_SUM;
        if (!elementwise || b->of->open[u.i] || !b->of->member[u.i] || b->of->home[u.i]) return false;
        type of_user = domain_of(pl, u);
        if (of_user.axes != d.axes || !shape_equal(of_user.shape, d.shape)) return false;
    }
    return true;
}

static bool is_of_domain(const planner *pl, const unit *u, type domain)
{
    type d = domain_of(pl, u->id);
    return d.axes == domain.axes && shape_equal(d.shape, domain.shape);
}

/* Puts the node into the open statement, or takes it out again (joining NULL). What lacks nothing more joins it. */
static void set_open(builder *b, node_id id, bool open, rounds *joining)
{
    bool was_there = is_there(b, id);
    type domain = domain_of(b->pl, id);
    b->of->open[id.i] = open;
    for (const edge *e = b->of->waiting[id.i]; e && is_there(b, id) != was_there; e = e->next) {
        unit *u = &b->units.data[e->unit];
        u->lacks = was_there ? u->lacks + 1 : u->lacks - 1;
        if (joining && !u->lacks && is_elementwise(b->pl, u) && is_of_domain(b->pl, u, domain))
            insert(b, joining, e->unit);
    }
}

/* Opens all units of a domain that can be computed together; returns them, operands first. */
static void open_domain(builder *b, type domain, unit_list *group)
{
    rounds joining = {.begun = false};
    size_t number;
    for (size_t i = 0; i < b->elementwise.len; i++) {
        if (is_of_domain(b->pl, &b->units.data[b->elementwise.data[i]], domain))
            insert(b, &joining, b->elementwise.data[i]);
    }
    while (waiting_in(&joining)) {
        while (take_next(&joining, &number)) {
            array_push(b->scratch, group, number);
            set_open(b, b->units.data[number].id, true, &joining);
        }
    }
    for (size_t i = group->len; i-- > 0;) {
        node_id id = b->units.data[group->data[i]].id;
        if (can_wait(b, id)) set_open(b, id, false, NULL);
    }
}

static int by_number(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Those that are not done, in the order of the units. */
static void tidy(const builder *b, unit_list *l)
{
    size_t left = 0;
    for (size_t i = 0; i < l->len; i++) {
        if (!b->units.data[l->data[i]].done) l->data[left++] = l->data[i];
    }
    l->len = left;
    if (left) qsort(l->data, left, sizeof *l->data, by_number);
}

/* One pointwise statement: everything of one domain that can be computed together and that something waits for.
 * `without_axes`: of a domain without axes. */
static bool add_pointwise(builder *b, bool without_axes)
{
    tidy(b, &b->elementwise);
    for (size_t i = 0; i < b->elementwise.len; i++) {
        type d = domain_of(b->pl, b->units.data[b->elementwise.data[i]].id);
        unit_list group = {0};
        stmt *s = NULL;
        if (without_axes && d.axes) continue;
        open_domain(b, d, &group);
        for (size_t k = 0; k < group.len; k++) {
            unit *u = &b->units.data[group.data[k]];
            if (!b->of->open[u->id.i]) continue;
            if (!s) {
                s = add_stmt(b, STMT_POINTWISE);
                s->axes = d.axes;
                s->shape = d.shape;
            }
            u->listed = true;
            put_node(b, s, u);
            finish_node(b, u->id);
        }
        if (s) return true;
    }
    return false;
}

/* ---- a region ---------------------------------------------------------------------------------------------------- */

static tables *tables_new(arena *a, size_t count)
{
    tables *t = ARENA_NEW(a, tables);
    *t = (tables){.arena = a,
                  .member = ARENA_ARRAY(a, bool, count),
                  .done = ARENA_ARRAY(a, bool, count),
                  .open = ARENA_ARRAY(a, bool, count),
                  .home = ARENA_ARRAY(a, int, count),
                  .waiting = ARENA_ARRAY(a, edge *, count)};
    return t;
}

static tables *inner_tables(builder *b)
{
    if (!b->of->inner) b->of->inner = tables_new(b->of->arena, b->pl->count);
    return b->of->inner;
}

static void build_region(planner *pl, region *r, const node_list *set, tables *t);

static void add_region(builder *b, unit *u)
{
    array_push(b->pl->arena, &b->r->items, (item){.region = u->scan});
    build_region(b->pl, u->scan, &u->nodes, inner_tables(b));
    u->done = true;
    b->left--;
    for (size_t i = 0; i < u->nodes.len; i++) finish_node(b, u->nodes.data[i]);
}

/* Everything that is ready and not elementwise. */
static bool add_ready(builder *b)
{
    bool any = false;
    size_t number;
    while (take_next(&b->ready, &number)) {
        unit *u = &b->units.data[number];
        if (u->done) continue; /* beside another one */
        if (u->scan)
            add_region(b, u);
        else
            add_single(b, u);
        any = true;
    }
    return any;
}

/* Depth: one level for each time axis that a recurrence runs along. */
static void build_region(planner *pl, region *r, const node_list *set, tables *t)
{
    builder b = {.pl = pl, .r = r, .of = t, .scratch = arena_new()};
    for (size_t i = 0; i < set->len; i++) t->member[set->data[i].i] = true;
    division d = {.pl = pl, .r = r, .set = *set, .member = t->member, .home = t->home, .scratch = b.scratch};
    plan_divide(&d);
    b.units = d.units;
    find_ready(&b);
    while (b.left) {
        while (add_ready(&b)) {
        }
        bool progress = add_pointwise(&b, true) || add_pointwise(&b, false); /* what is done once, first */
        if (b.left && !progress) BUG("%zu units of a region can never run", b.left);
    }
    for (size_t i = 0; i < set->len; i++) {
        uint32_t id = set->data[i].i;
        t->member[id] = t->done[id] = t->open[id] = false;
        t->home[id] = 0;
        t->waiting[id] = NULL;
    }
    arena_free(b.scratch);
}

void plan_schedule(planner *pl)
{
    arena *scratch = arena_new();
    pl->p->top = ARENA_NEW(pl->arena, region);
    build_region(pl, pl->p->top, &pl->order, tables_new(scratch, pl->count));
    arena_free(scratch);
}
