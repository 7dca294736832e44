/* schedule.c: from nodes to regions of statements.
 *
 * A region holds a set of nodes. Its strongly connected components with a cycle become loop regions (scans), one level
 * deeper and with the readings along that loop's axis cut; all else runs in this region, over all its rows at once.
 * Elementwise work that only a scan reads moves into it. Then statements are listed: whatever is no elementwise work as
 * soon as its operands are there (products that read the same vectors together), and only when nothing of that kind is
 * left, all elementwise work of one domain that can be done as one statement.
 *
 * Needs: task, form, leaves. Sets: regions, statements, stmt_of, region_of. */
#include "plan/planner.h"

typedef struct unit {
    node_id id; /* NO_NODE for a scan */
    region *scan;
    int number;      /* of a scan: that of its nodes in `home` */
    node_list nodes; /* of a scan */
    bool done;
} unit;

typedef ARRAY(unit *) unit_list;

typedef struct builder {
    planner *pl;
    region *r;
    node_list set;
    bool *member;
    bool *done; /* per node: computed by what has been listed */
    bool *open; /* per node: in the statement under construction */
    int *home;  /* per node: number of the scan that it belongs to, 0: this region */
    ARRAY(unit) units;
    size_t first;   /* all units before are done */
    arena *scratch; /* gone with the builder: what has an entry per node would add up, region by region */
} builder;

/* ---- which edges a loop cuts ------------------------------------------------------------------------------------- */

axis_set plan_loops(const region *r)
{
    axis_set axes = 0;
    for (; r; r = r->parent) axes |= r->rows | (r->axis ? axis_bit(r->axis) : 0);
    return axes;
}

/* A shift along an enclosing loop's axis reads another iteration of it. */
static bool is_carried(const graph *g, node_id reader, int operand, const void *context)
{
    const node *n = graph_node(g, reader);
    return n->op == OP_shift && operand == 0 && (plan_loops(context) & axis_bit(n->attr.axis));
}

/* ---- scans ------------------------------------------------------------------------------------------------------- */

static bool is_along(const graph *g, node_id reader, int operand, const void *axis)
{
    const node *n = graph_node(g, reader);
    return n->op == OP_shift && operand == 0 && n->attr.axis == *(const int *)axis;
}

/* Does a loop along the axis do for the whole recurrence, so that nothing inside it recurs? */
static bool does_alone(const planner *pl, const node_list *nodes, int axis)
{
    arena *a = arena_new();
    int *component = ARENA_ARRAY(a, int, pl->count);
    bool alone = graph_components(pl->g, nodes, is_along, &axis, component) == (int)nodes->len;
    arena_free(a);
    return alone;
}

/* The loop of a recurrence: an axis that all its nodes have and that shifts inside it run along; of several the first
 * that leaves no loop inside, else the first. */
static void choose_loop(const builder *b, const node_list *nodes, int number, region *scan)
{
    const planner *pl = b->pl;
    int direction[MAX_TIME_AXES + 1] = {0}, candidates = 0;
    axis_set common = ~(axis_set)0;
    for (size_t i = 0; i < nodes->len; i++) common &= graph_type(pl->g, nodes->data[i]).axes;
    for (size_t i = 0; i < nodes->len; i++) {
        const node *n = graph_node(pl->g, nodes->data[i]);
        if (n->op != OP_shift || b->home[n->arg[0].i] != number || !(common & axis_bit(n->attr.axis))) continue;
        int towards = n->attr.k < 0 ? 1 : -1;
        candidates += !direction[n->attr.axis];
        if (direction[n->attr.axis] && direction[n->attr.axis] != towards) BUG("a recurrence runs in two directions");
        direction[n->attr.axis] = towards;
    }
    for (int axis = MAX_TIME_AXES; axis >= 1; axis--) scan->axis = direction[axis] ? axis : scan->axis;
    for (int axis = MAX_TIME_AXES; axis >= 1 && candidates > 1; axis--)
        scan->axis = direction[axis] && does_alone(pl, nodes, axis) ? axis : scan->axis;
    if (!scan->axis) BUG("a recurrence without an axis");
    scan->direction = direction[scan->axis];
}

static void add_scan(builder *b, const node_list *nodes, int number)
{
    unit u = {.scan = ARENA_NEW(b->pl->arena, region), .nodes = *nodes, .number = number};
    u.scan->parent = b->r;
    choose_loop(b, nodes, number, u.scan);
    array_push(b->pl->arena, &b->units, u);
}

static void put_into(builder *b, node_id id, int scan, placing why)
{
    b->home[id.i] = scan;
    b->pl->p->placed[id.i] = why;
}

/* Elementwise nodes whose users all stand in one scan move there. Users come later in the order, so one walk backwards
 * does. */
static void sink_into_scans(builder *b, const int *axis_of_home)
{
    planner *pl = b->pl;
    int *home = b->home;
    for (size_t i = b->set.len; i-- > 0;) {
        node_id id = b->set.data[i];
        const node_list *users = &pl->users[id.i];
        if (home[id.i] || pl->task[id.i] != TASK_POINTWISE || pl->escapes[id.i] || users->len == 0) continue;
        int to = home[users->data[0].i];
        bool fits = to && (graph_type(pl->g, id).axes & axis_bit(axis_of_home[to]));
        for (size_t k = 0; fits && k < users->len; k++)
            fits = home[users->data[k].i] == to && pl->task[users->data[k].i] == TASK_POINTWISE;
        if (fits) put_into(b, id, to, PLACED_BY_READER);
    }
}

/* What a chain of views is a view of. */
static node_id viewed(const planner *pl, node_id id)
{
    while (pl->task[id.i] == TASK_FREE && plan_is_inner(graph_node(pl->g, id))) id = graph_node(pl->g, id)->arg[0];
    return id;
}

/* Of each scan; of each node: where it may go (0: it stays), the component of the last scan that it is made of. */
typedef struct sums {
    const int *axis, *component;
    int *to, *made_of;
} sums;

/* Components are numbered operands first. */
static int *last_scans(const builder *b)
{
    planner *pl = b->pl;
    int *last = ARENA_ARRAY(b->scratch, int, pl->count), components = 0;
    for (size_t i = 0; i < b->set.len; i++)
        components = pl->component[b->set.data[i].i] > components ? pl->component[b->set.data[i].i] : components;
    node_list *nodes = arena_array(b->scratch, (size_t)components + 1, sizeof *nodes);
    for (size_t i = 0; i < b->set.len; i++)
        array_push(b->scratch, &nodes[pl->component[b->set.data[i].i]], b->set.data[i]);
    for (int c = 1; c <= components; c++) {
        for (size_t i = 0; i < nodes[c].len; i++) {
            node_id id = nodes[c].data[i];
            const node *n = graph_node(pl->g, id);
            last[id.i] = nodes[c].len > 1 ? c : 0;
            for (int k = 0; nodes[c].len == 1 && k < n->args; k++) {
                if (node_some(n->arg[k]) && b->member[n->arg[k].i] && last[n->arg[k].i] > last[id.i])
                    last[id.i] = last[n->arg[k].i];
            }
        }
    }
    return last;
}

/* Is the value there before a scan begins? Depth: boundary values of boundary values. */
static bool comes_before(const builder *b, node_id id, const sums *s, int scan)
{
    const planner *pl = b->pl;
    const node *n = graph_node(pl->g, id);
    if (op_table[n->op].class == SOURCE)
        return pl->task[id.i] == TASK_FREE || !b->member[id.i] || s->made_of[id.i] < s->component[scan];
    if (n->op == OP_shift && pl->task[id.i] == TASK_FREE) {
        for (int i = 1; i < n->args; i++) {
            if (node_some(n->arg[i]) && !comes_before(b, n->arg[i], s, scan)) return false;
        }
    }
    node_id base = viewed(pl, id);
    int home = b->home[base.i], component = home ? s->component[home] : s->made_of[base.i];
    return !b->member[base.i] || (home != scan && component < s->component[scan]);
}

/* Is a row of it made of rows of its operands? */
static bool goes_by_rows(const planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    return pl->task[id.i] == TASK_POINTWISE ||
           (pl->task[id.i] == TASK_STMT && (op_table[n->op].class == REDUCTION || n->op == OP_concat));
}

static int scan_of(const builder *b, node_id id, const sums *s) { return b->home[id.i] ? b->home[id.i] : s->to[id.i]; }

/* The scan that an elementwise node outside of scans could be computed in: the last of those that compute an operand,
 * when the other operands are there. */
static int scan_of_operands(const builder *b, node_id id, const sums *s)
{
    const planner *pl = b->pl;
    const node *n = graph_node(pl->g, id);
    int to = 0;
    for (int i = 0; i < n->args; i++) {
        int here = node_some(n->arg[i]) && goes_by_rows(pl, n->arg[i]) ? scan_of(b, n->arg[i], s) : 0;
        if (here && (!to || s->component[here] > s->component[to])) to = here;
    }
    if (!to || !(graph_type(pl->g, id).axes & axis_bit(s->axis[to]))) return 0;
    for (int i = 0; i < n->args; i++) {
        node_id a = n->arg[i];
        if (node_some(a) && (scan_of(b, a, s) != to || !goes_by_rows(pl, a)) &&
            (s->to[a.i] || !comes_before(b, a, s, to)))
            return 0;
    }
    return to;
}

/* Sums over a loop's steps of what the loop computes are added up within it. Elementwise values made of that for such
 * sums and for products move there, too: then what they are made of often needs no memory. */
static void sink_sums(builder *b, const int *axis, const int *component)
{
    planner *pl = b->pl;
    sums s = {axis, component, ARENA_ARRAY(b->scratch, int, pl->count), last_scans(b)};
    for (size_t i = 0; i < b->set.len; i++) {
        node_id id = b->set.data[i];
        const node *n = graph_node(pl->g, id);
        if (b->home[id.i]) continue;
        if (goes_by_rows(pl, id) && !pl->escapes[id.i] && n->op != OP_uniform) s.to[id.i] = scan_of_operands(b, id, &s);
        if (pl->task[id.i] != TASK_SUM || n->attr.over.carry) continue;
        node_id from = plan_summed(n);
        int to = scan_of(b, from, &s);
        bool token = n->op != OP_scatter || (to && comes_before(b, n->arg[0], &s, to));
        if (to && goes_by_rows(pl, from) && (n->attr.over.axes & axis_bit(axis[to])) && token) s.to[id.i] = to;
    }
    for (size_t i = b->set.len; i-- > 0;) { /* users first: elementwise values go for sums and products alone */
        node_id id = b->set.data[i];
        const node_list *users = &pl->users[id.i];
        for (size_t k = 0; s.to[id.i] && goes_by_rows(pl, id) && k < users->len; k++) {
            if (s.to[users->data[k].i] != s.to[id.i] && graph_node(pl->g, users->data[k])->op != OP_matmul)
                s.to[id.i] = 0;
        }
    }
    for (size_t i = 0; i < b->set.len; i++) {
        node_id id = b->set.data[i];
        node_id from = pl->task[id.i] == TASK_SUM ? plan_summed(graph_node(pl->g, id)) : NO_NODE;
        bool good = !node_some(from) || b->home[from.i] == s.to[id.i];
        const node *n = graph_node(pl->g, id);
        for (int k = 0; s.to[id.i] && !node_some(from) && k < n->args;
             k++) { /* an operand may have stayed, after all */
            if (node_some(n->arg[k]) && b->home[n->arg[k].i] != s.to[id.i])
                good = good && comes_before(b, n->arg[k], &s, s.to[id.i]);
        }
        if (s.to[id.i] && good) put_into(b, id, s.to[id.i], PLACED_BY_SUM);
    }
}

/* Splits the region's nodes into scans and single nodes. */
static void make_units(builder *b)
{
    planner *pl = b->pl;
    int components = graph_components(pl->g, &b->set, is_carried, b->r, pl->component);
    int *size = ARENA_ARRAY(pl->arena, int, (size_t)components + 1);
    for (size_t i = 0; i < b->set.len; i++) size[pl->component[b->set.data[i].i]]++;

    int *home = b->home;
    int *scan_of = ARENA_ARRAY(pl->arena, int, (size_t)components + 1);
    int *axis_of_home = ARENA_ARRAY(pl->arena, int, (size_t)components + 2);
    int *component_of_home = ARENA_ARRAY(pl->arena, int, (size_t)components + 2);
    node_list *nodes = arena_array(pl->arena, (size_t)components + 2, sizeof *nodes);
    int scans = 0;
    for (size_t i = 0; i < b->set.len; i++) {
        int c = pl->component[b->set.data[i].i];
        if (size[c] < 2) continue;
        if (!scan_of[c]) scan_of[c] = ++scans;
        put_into(b, b->set.data[i], scan_of[c], PLACED_BY_LOOP);
        array_push(pl->arena, &nodes[scan_of[c]], b->set.data[i]);
    }
    for (int s = 1; s <= scans; s++) {
        add_scan(b, &nodes[s], s);
        axis_of_home[s] = b->units.data[b->units.len - 1].scan->axis;
        component_of_home[s] = pl->component[nodes[s].data[0].i];
    }
    sink_into_scans(b, axis_of_home);
    sink_sums(b, axis_of_home, component_of_home);
    sink_into_scans(b, axis_of_home);
    for (int s = 1; s <= scans; s++) b->units.data[s - 1].nodes.len = 0;
    for (size_t i = 0; i < b->set.len; i++) {
        node_id id = b->set.data[i];
        if (home[id.i])
            array_push(pl->arena, &b->units.data[home[id.i] - 1].nodes, id);
        else
            array_push(pl->arena, &b->units, (unit){.id = id});
    }
}

/* The two ways through the segments, as units; all other nodes are units of their own. */
static void make_ways(builder *b)
{
    planner *pl = b->pl;
    unit ways[WAY_BACK + 1] = {{.number = 0}};
    for (size_t i = 0; i < b->set.len; i++) {
        node_id id = b->set.data[i];
        way w = pl->ways.way[id.i];
        b->home[id.i] = (int)w;
        if (w)
            array_push(pl->arena, &ways[w].nodes, id);
        else
            array_push(pl->arena, &b->units, (unit){.id = id});
    }
    for (int w = WAY_THERE; w <= WAY_BACK; w++) {
        ways[w].number = w;
        ways[w].scan = ARENA_NEW(pl->arena, region);
        *ways[w].scan = (region){.parent = b->r, .segments = w == WAY_THERE ? 1 : -1};
        if (ways[w].nodes.len) array_push(pl->arena, &b->units, ways[w]);
    }
}

region *plan_segment_region(region *r)
{
    while (r && !r->segments) r = r->parent;
    return r;
}

/* ---- readiness --------------------------------------------------------------------------------------------------- */

/* Are the operands of a node there, apart from those of the scan number `own`? `in_statement`: those in the open
 * statement count, too. */
static bool operands_ready(const builder *b, node_id id, int own, bool in_statement)
{
    const node *n = graph_node(b->pl->g, id);
    node_id condition = b->pl->guard[id.i].condition;
    if (node_some(condition) && b->member[condition.i] && !b->done[condition.i] &&
        !(own && b->home[condition.i] == own))
        return false;
    for (int i = 0; i < n->args; i++) {
        node_id a = n->arg[i];
        if (!node_some(a) || !b->member[a.i] || b->done[a.i] || (own && b->home[a.i] == own) ||
            is_carried(b->pl->g, id, i, b->r))
            continue;
        if (!(in_statement && b->open[a.i] && b->pl->task[a.i] == TASK_POINTWISE)) return false;
    }
    return true;
}

static bool scan_ready(const builder *b, const unit *u)
{
    for (size_t i = 0; i < u->nodes.len; i++) {
        if (!operands_ready(b, u->nodes.data[i], u->number, false)) return false;
    }
    return true;
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
}

static node_id vector_of(const planner *pl, const product_leaf *leaf)
{
    return graph_node(pl->g, leaf->matmul)->arg[leaf->weight_first ? 1 : 0];
}

/* Do two products read the same vectors, so that one product with stacked rows does both? */
static bool reads_same(const planner *pl, node_id x, node_id y)
{
    const product_leaves *a = &pl->leaves[x.i], *b = &pl->leaves[y.i];
    if (a->len != b->len) return false;
    for (size_t i = 0; i < a->len; i++) {
        plan_guard g = pl->guard[a->data[i].matmul.i], h = pl->guard[b->data[i].matmul.i];
        if (!node_is(vector_of(pl, &a->data[i]), vector_of(pl, &b->data[i])) || !node_is(g.condition, h.condition) ||
            g.negated != h.negated)
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
    if (s->product.form != FORM_ROWS) {
        b->done[u->id.i] = true;
        return;
    }
    for (size_t i = b->first; i < b->units.len; i++) {
        unit *v = &b->units.data[i];
        if (!v->done && node_some(v->id) && pl->task[v->id.i] == TASK_STMT && pl->is_product[v->id.i] &&
            pl->form[v->id.i] == FORM_ROWS && reads_same(pl, u->id, v->id) && operands_ready(b, v->id, 0, false))
            put_node(b, s, v);
    }
    for (size_t i = 0; i < s->nodes.len; i++) b->done[s->nodes.data[i].i] = true;
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
    for (size_t i = b->first; i < b->units.len; i++) {
        unit *v = &b->units.data[i];
        if (!v->done && !v->scan && graph_node(g, v->id)->op == other &&
            node_is(graph_node(g, v->id)->arg[0], n->arg[0]))
            return v;
    }
    return NULL;
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
    b->done[u->id.i] = true;
    if (other) {
        put_node(b, s, other);
        b->done[other->id.i] = true;
    }
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
        if (!elementwise || b->open[u.i] || !b->member[u.i] || b->home[u.i]) return false;
        type of_user = domain_of(pl, u);
        if (of_user.axes != d.axes || !shape_equal(of_user.shape, d.shape)) return false;
    }
    return true;
}

/* Opens all units of a domain that can be computed together; returns them, operands first. */
static void open_domain(builder *b, type domain, unit_list *group)
{
    planner *pl = b->pl;
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = b->first; i < b->units.len; i++) {
            unit *u = &b->units.data[i];
            if (u->done || u->scan || b->open[u->id.i] ||
                (pl->task[u->id.i] != TASK_POINTWISE && pl->task[u->id.i] != TASK_SUM))
                continue;
            type d = domain_of(pl, u->id);
            if (d.axes != domain.axes || !shape_equal(d.shape, domain.shape) || !operands_ready(b, u->id, 0, true))
                continue;
            array_push(pl->arena, group, u);
            b->open[u->id.i] = true;
            again = true;
        }
    }
    for (size_t i = group->len; i-- > 0;) {
        if (can_wait(b, group->data[i]->id)) b->open[group->data[i]->id.i] = false;
    }
}

/* One pointwise statement: everything of one domain that can be computed together and that something waits for.
 * `without_axes`: of a domain without axes. */
static bool add_pointwise(builder *b, bool without_axes)
{
    planner *pl = b->pl;
    for (size_t i = b->first; i < b->units.len; i++) {
        unit *first = &b->units.data[i];
        if (first->done || first->scan ||
            (pl->task[first->id.i] != TASK_POINTWISE && pl->task[first->id.i] != TASK_SUM) ||
            (without_axes && domain_of(pl, first->id).axes) || !operands_ready(b, first->id, 0, true))
            continue;
        unit_list group = {0};
        type d = domain_of(pl, first->id);
        stmt *s = NULL;
        open_domain(b, d, &group);
        for (size_t k = 0; k < group.len; k++) {
            unit *u = group.data[k];
            if (!b->open[u->id.i]) continue;
            if (!s) {
                s = add_stmt(b, STMT_POINTWISE);
                s->axes = d.axes;
                s->shape = d.shape;
            }
            put_node(b, s, u);
            b->open[u->id.i] = false;
            b->done[u->id.i] = true;
        }
        if (s) return true;
    }
    return false;
}

/* ---- a region ---------------------------------------------------------------------------------------------------- */

static void build_region(planner *pl, region *r, const node_list *set);

/* Nodes without code: done as soon as their operands are. First of all, so that products that read the same vectors are
 * ready at the same time. */
static void add_free(builder *b)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = b->first; i < b->units.len; i++) {
            unit *u = &b->units.data[i];
            if (u->done || u->scan || b->pl->task[u->id.i] != TASK_FREE || !operands_ready(b, u->id, 0, false))
                continue;
            b->pl->region_of[u->id.i] = b->r;
            b->done[u->id.i] = u->done = again = true;
        }
    }
}

static void add_region(builder *b, unit *u)
{
    array_push(b->pl->arena, &b->r->items, (item){.region = u->scan});
    build_region(b->pl, u->scan, &u->nodes);
    for (size_t i = 0; i < u->nodes.len; i++) b->done[u->nodes.data[i].i] = true;
    u->done = true;
}

/* Everything that is ready and not elementwise. */
static bool add_ready(builder *b)
{
    bool any = false;
    add_free(b);
    for (size_t i = b->first; i < b->units.len; i++) {
        unit *u = &b->units.data[i];
        if (u->done || (!u->scan && b->pl->task[u->id.i] != TASK_STMT)) continue;
        if (u->scan ? !scan_ready(b, u) : !operands_ready(b, u->id, 0, false)) continue;
        if (u->scan)
            add_region(b, u);
        else
            add_single(b, u);
        add_free(b);
        any = true;
    }
    return any;
}

/* Depth: one level for each time axis that a recurrence runs along. */
static void build_region(planner *pl, region *r, const node_list *set)
{
    arena *scratch = arena_new();
    builder b = {.pl = pl,
                 .r = r,
                 .set = *set,
                 .member = ARENA_ARRAY(scratch, bool, pl->count),
                 .done = ARENA_ARRAY(scratch, bool, pl->count),
                 .open = ARENA_ARRAY(scratch, bool, pl->count),
                 .home = ARENA_ARRAY(scratch, int, pl->count),
                 .scratch = scratch};
    for (size_t i = 0; i < set->len; i++) b.member[set->data[i].i] = true;
    if (pl->ways.way && r == pl->p->top)
        make_ways(&b);
    else
        make_units(&b);
    size_t left;
    do {
        while (add_ready(&b)) {
        }
        bool progress = add_pointwise(&b, true) || add_pointwise(&b, false); /* what is done once, first */
        left = 0;
        while (b.first < b.units.len && b.units.data[b.first].done) b.first++;
        for (size_t i = b.first; i < b.units.len; i++) left += !b.units.data[i].done;
        if (left && !progress) BUG("%zu units of a region can never run", left);
    } while (left);
    arena_free(scratch);
}

void plan_schedule(planner *pl)
{
    node_list all = graph_order(pl->g, pl->arena);
    pl->p->top = ARENA_NEW(pl->arena, region);
    build_region(pl, pl->p->top, &all);
}
