/* segments.c: which nodes of a gradient are computed on the way there and which on the way back, when the sequence
 * is run through in segments of its steps. Forward and loss have no way back: they go in segments, where nothing needs
 * a later step, so that no more than one segment's values are in memory, and these in the second cache.
 *
 * On the way there, segments one after the other forwards, everything is computed that sums over the steps need
 * which the way back reads, and what is read at earlier steps: the state that each segment begins with is kept. On
 * the way back, segments backwards, a segment's values are computed again from that state, and its adjoints from
 * those at the beginning of the segment behind it. So only one segment's values are in memory at a time. A node that
 * both ways need gets a twin for the way back.
 *
 * A value with the time axis belongs to the way back alone when it depends on later steps or on a value of the whole
 * sequence. That does not go where such a value is read at earlier steps (a recurrence backwards in time, its
 * adjoint forwards), or where a sum of such values over the steps is read at each step: it would take a third way.
 *
 * Needs: a graph of one time axis with adjoints, compacted. Sets: nodes, twins among them. */
#include "plan/planner.h"

#include <string.h>

enum { TIME = 1 }; /* the axis */

typedef struct split {
    graph *g;
    arena *arena;
    node_list order;
    bool *late;         /* with the axis: of the way back alone; without: made of a value of the whole sequence */
    bool *there, *back; /* needed on these ways: nodes with the axis, and sums over it */
} split;

static bool over_time(const graph *g, node_id id) { return node_some(id) && (graph_type(g, id).axes & axis_bit(TIME)); }

/* Has the node no rows for each step, but an operand that has? */
static bool is_collected(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    bool any = false;
    for (int i = 0; i < n->args; i++) any = any || over_time(g, n->arg[i]);
    return any && !over_time(g, id);
}

static bool is_late(const split *s, node_id id)
{
    const node *n = graph_node(s->g, id);
    bool late = (n->op == OP_shift && n->attr.k > 0) || is_collected(s->g, id);
    for (int i = 0; i < n->args; i++) late = late || (node_some(n->arg[i]) && s->late[n->arg[i].i]);
    return late;
}

static void find_late(split *s)
{
    bool again = true;
    while (again) { /* a shift stands before what it reads: until nothing is new */
        again = false;
        for (size_t i = 0; i < s->order.len; i++) {
            node_id id = s->order.data[i];
            if (!s->late[id.i] && is_late(s, id)) s->late[id.i] = again = true;
        }
    }
}

/* A sum over the steps of what only the way back computes. */
static bool collects_late(const split *s, node_id id)
{
    const node *n = graph_node(s->g, id);
    for (int i = 0; i < n->args && is_collected(s->g, id); i++) {
        if (over_time(s->g, n->arg[i]) && s->late[n->arg[i].i]) return true;
    }
    return false;
}

/* Marks the values without the axis that the way back reads, through others without it, and returns a sum of its own
 * among them. */
static node_id read_on_the_way_back(const split *s, bool *read)
{
    node_list open = {0};
    node_id own = NO_NODE;
    for (size_t i = 0; i < s->order.len; i++) {
        if (over_time(s->g, s->order.data[i]) && s->late[s->order.data[i].i])
            array_push(s->arena, &open, s->order.data[i]);
    }
    while (open.len) {
        const node *n = graph_node(s->g, open.data[--open.len]);
        for (int i = 0; i < n->args; i++) {
            node_id a = n->arg[i];
            if (!node_some(a) || over_time(s->g, a) || read[a.i]) continue;
            read[a.i] = true;
            if (collects_late(s, a))
                own = a;
            else if (!is_collected(s->g, a))
                array_push(s->arena, &open, a);
        }
    }
    return own;
}

static split split_new(arena *a, graph *g)
{
    split s = {.g = g,
               .arena = a,
               .order = graph_order(g, a),
               .late = ARENA_ARRAY(a, bool, g->nodes.len),
               .there = ARENA_ARRAY(a, bool, g->nodes.len),
               .back = ARENA_ARRAY(a, bool, g->nodes.len)};
    find_late(&s);
    return s;
}

node_id plan_segments_forbid(graph *g)
{
    arena *a = arena_new();
    split s = split_new(a, g);
    node_id found = read_on_the_way_back(&s, ARENA_ARRAY(a, bool, g->nodes.len));
    for (size_t i = 0; i < s.order.len && !node_some(found); i++) {
        const node *n = graph_node(g, s.order.data[i]);
        bool earlier =
            (n->op == OP_shift && n->attr.k < 0) || (n->op == OP_at && n->attr.from_end && n->attr.over.carry);
        if (earlier && s.late[n->arg[0].i]) found = s.order.data[i];
    }
    arena_free(a);
    return found;
}

/* ---- which way needs what ---------------------------------------------------------------------------------------- */

static void need(split *s, bool *needed, node_list *open, node_id id)
{
    if (!needed[id.i]) array_push(s->arena, open, id);
    needed[id.i] = true;
}

/* All with the axis that the needed nodes are made of. */
static void need_operands(split *s, bool *needed, node_list *open)
{
    while (open->len) {
        const node *n = graph_node(s->g, open->data[--open->len]);
        for (int i = 0; i < n->args; i++) {
            if (over_time(s->g, n->arg[i])) need(s, needed, open, n->arg[i]);
        }
    }
}

static void find_ways(split *s)
{
    bool *read = ARENA_ARRAY(s->arena, bool, s->g->nodes.len);
    node_list there = {0}, back = {0};
    read_on_the_way_back(s, read);
    for (size_t i = 0; i < s->order.len; i++) {
        node_id id = s->order.data[i];
        const node *n = graph_node(s->g, id);
        if (is_collected(s->g, id)) {
            bool first =
                !collects_late(s, id) && (read[id.i] || n->attr.over.carry || n->op == OP_at || n->op == OP_max_over);
            need(s, first ? s->there : s->back, first ? &there : &back, id);
        } else if (over_time(s->g, id) && s->late[id.i]) {
            need(s, s->back, &back, id);
        } else if (n->op == OP_shift && over_time(s->g, id)) {
            need(s, s->there, &there, id);
        }
    }
    for (size_t i = 0; s->g->input_grad && i < s->g->inputs.len; i++) {
        if (over_time(s->g, s->g->input_grad[i])) need(s, s->back, &back, s->g->input_grad[i]);
    }
    need_operands(s, s->there, &there);
    need_operands(s, s->back, &back);
}

/* ---- twins ------------------------------------------------------------------------------------------------------- */

static node_id copy_of(graph *g, node_id id)
{
    node n = *graph_node(g, id);
    node_id *arg = ARENA_ARRAY(g->arena, node_id, (size_t)n.args + 1);
    if (n.args) memcpy(arg, n.arg, (size_t)n.args * sizeof *arg);
    n.arg = arg;
    array_push(g->arena, &g->nodes, n);
    return (node_id){(uint32_t)g->nodes.len - 1};
}

plan_ways plan_segments(arena *a, graph *g)
{
    size_t before = g->nodes.len;
    split s = split_new(a, g);
    find_ways(&s);
    node_id *twin = ARENA_ARRAY(a, node_id, before);
    for (size_t i = 0; i < s.order.len; i++) {
        node_id id = s.order.data[i];
        if (s.there[id.i] && s.back[id.i]) twin[id.i] = copy_of(g, id);
    }
    plan_ways w = {.way = ARENA_ARRAY(a, way, g->nodes.len), .twin_of = ARENA_ARRAY(a, node_id, g->nodes.len)};
    for (uint32_t i = 1; i < before; i++) {
        w.way[i] = s.there[i] ? WAY_THERE : s.back[i] ? WAY_BACK : WAY_NONE;
        w.way[twin[i].i] = WAY_BACK;
        w.twin_of[twin[i].i] = (node_id){i};
    }
    w.way[0] = WAY_NONE;
    w.twin_of[0] = NO_NODE;
    for (uint32_t i = 1; i < g->nodes.len; i++) {
        node *n = graph_node(g, (node_id){i});
        for (int k = 0; w.way[i] == WAY_BACK && k < n->args; k++) {
            if (n->arg[k].i < before && node_some(twin[n->arg[k].i])) n->arg[k] = twin[n->arg[k].i];
        }
    }
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++) {
        if (node_some(twin[g->input_grad[i].i])) g->input_grad[i] = twin[g->input_grad[i].i];
    }
    /* What segments begin with is computed on the way there, whoever reads it there. */
    for (uint32_t i = 1; i < before; i++) {
        if (node_some(twin[i]) && graph_node(g, (node_id){i})->op == OP_shift)
            array_push(g->arena, &g->extra_roots, ((node_id){i}));
    }
    return w;
}

/* ---- forward and loss -------------------------------------------------------------------------------------------- */

/* All that has rows is computed on the way there, and so are sums over the steps. */
plan_ways plan_segments_ahead(arena *a, graph *g)
{
    split s = split_new(a, g);
    bool any = false;
    plan_ways w = {.way = ARENA_ARRAY(a, way, g->nodes.len), .twin_of = ARENA_ARRAY(a, node_id, g->nodes.len)};
    for (size_t i = 0; i < s.order.len; i++) {
        node_id id = s.order.data[i];
        if (over_time(g, id) && s.late[id.i]) return (plan_ways){.way = NULL};
        any = any || (over_time(g, id) && graph_node(g, id)->op != OP_input);
        w.way[id.i] = over_time(g, id) || is_collected(g, id) ? WAY_THERE : WAY_NONE;
    }
    return any ? w : (plan_ways){.way = NULL};
}

/* Is a matrix of a product over all rows of a segment larger than the cache? Every segment reads it anew. */
static bool has_large_matrix(const program *p, const region *r)
{
    enum { LARGE_NUMBERS = 1 << 18 };
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        for (size_t k = 0; s && s->kind == STMT_CONTRACT && k < s->product.addends.len; k++) {
            const packing *pk = &p->pool->packings.data[s->product.addends.data[k].packing];
            if ((long)pk->K * pk->N > LARGE_NUMBERS) return true;
        }
    }
    return false;
}

/* What stands in front of a segment is copied there, which must not be more than the segment itself. */
bool plan_segment_rows(const planner *pl)
{
    enum {
        ROWS = 160,           /* their values stay in the second cache, and fill a product's tiles */
        ROWS_OF_LARGE = 1024, /* so that arithmetic hides the reading of a large matrix */
    };
    program *p = pl->p;
    bool large = false;
    p->segment_more = 1;
    for (size_t i = 1; i < p->buffers.len; i++) {
        int before = p->buffers.data[i].before[TIME];
        if (before > p->segment_more) p->segment_more = before;
    }
    for (size_t i = 0; i < p->top->items.len; i++) {
        const region *r = p->top->items.data[i].region;
        large = large || (r && r->kind == REGION_SEGMENTS && has_large_matrix(p, r));
    }
    p->segment = p->pool->block_rows ? p->pool->block_rows : large ? ROWS_OF_LARGE : ROWS;
    return large || p->pool->block_rows;
}

int plan_segment_steps(const program *p, int batch)
{
    return p->by_rows ? p->segment / (batch > 0 ? batch : 1) + p->segment_more : p->segment;
}
