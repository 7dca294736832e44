/* units.c: what a region is made of: scans, and single nodes.
 *
 * Strongly connected components with a cycle become loop regions (scans), one level deeper and with the readings along
 * that loop's axis cut; all else runs in this region, over all its rows at once. Elementwise work that only a scan
 * reads moves into it, and so does what is made of its values for sums.
 *
 * Needs: task, form, leaves. Sets: component, placed. */
#include "plan/units.h"

/* ---- which edges a loop cuts ------------------------------------------------------------------------------------- */

axis_set plan_own_loop(const region *r)
{
    switch (r->kind) {
    case REGION_SCAN: return axis_bit(r->scan.axis);
    case REGION_ROWS: return r->rows.axes;
    case REGION_ONCE:
    case REGION_SEGMENTS:
    case REGION_BLOCKS: return 0; /* all rows of the call, of the segment, of the block */
    }
    BUG("no such region");
}

axis_set plan_loops(const region *r)
{
    axis_set axes = 0;
    for (; r; r = r->parent) axes |= plan_own_loop(r);
    return axes;
}

/* A shift along an enclosing loop's axis reads another iteration of it. */
bool plan_is_carried(const graph *g, node_id reader, int operand, const void *context)
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
static void choose_loop(const division *d, const node_list *nodes, int number, region *scan)
{
    const planner *pl = d->pl;
    int direction[MAX_TIME_AXES + 1] = {0}, candidates = 0, chosen = 0;
    axis_set common = ~(axis_set)0;
    for (size_t i = 0; i < nodes->len; i++) common &= graph_type(pl->g, nodes->data[i]).axes;
    for (size_t i = 0; i < nodes->len; i++) {
        const node *n = graph_node(pl->g, nodes->data[i]);
        if (n->op != OP_shift || d->home[n->arg[0].i] != number || !(common & axis_bit(n->attr.axis))) continue;
        int towards = n->attr.k < 0 ? 1 : -1;
        candidates += !direction[n->attr.axis];
        if (direction[n->attr.axis] && direction[n->attr.axis] != towards) BUG("a recurrence runs in two directions");
        direction[n->attr.axis] = towards;
    }
    for (int axis = MAX_TIME_AXES; axis >= 1; axis--) chosen = direction[axis] ? axis : chosen;
    for (int axis = MAX_TIME_AXES; axis >= 1 && candidates > 1; axis--)
        chosen = direction[axis] && does_alone(pl, nodes, axis) ? axis : chosen;
    if (!chosen) BUG("a recurrence without an axis");
    scan->scan.axis = chosen;
    scan->scan.direction = direction[chosen];
}

static void add_scan(division *d, const node_list *nodes, int number)
{
    unit u = {.scan = ARENA_NEW(d->pl->arena, region), .nodes = *nodes, .number = number};
    u.scan->kind = REGION_SCAN;
    u.scan->parent = d->r;
    choose_loop(d, nodes, number, u.scan);
    array_push(d->scratch, &d->units, u);
}

static void put_into(division *d, node_id id, int scan, placing why)
{
    d->home[id.i] = scan;
    d->pl->p->placed[id.i] = why;
}

/* Elementwise nodes whose users all stand in one scan move there. Users come later in the order, so one walk backwards
 * does. */
static void sink_into_scans(division *d, const int *axis_of_home)
{
    planner *pl = d->pl;
    int *home = d->home;
    for (size_t i = d->set.len; i-- > 0;) {
        node_id id = d->set.data[i];
        const node_list *users = &pl->users[id.i];
        if (home[id.i] || pl->task[id.i] != TASK_POINTWISE || pl->escapes[id.i] || users->len == 0) continue;
        int to = home[users->data[0].i];
        bool fits = to && (graph_type(pl->g, id).axes & axis_bit(axis_of_home[to]));
        for (size_t k = 0; fits && k < users->len; k++)
            fits = home[users->data[k].i] == to && pl->task[users->data[k].i] == TASK_POINTWISE;
        if (fits) put_into(d, id, to, PLACED_BY_READER);
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
static int *last_scans(const division *d)
{
    planner *pl = d->pl;
    int *last = ARENA_ARRAY(d->scratch, int, pl->count), components = 0;
    for (size_t i = 0; i < d->set.len; i++)
        components = pl->component[d->set.data[i].i] > components ? pl->component[d->set.data[i].i] : components;
    node_list *nodes = arena_array(d->scratch, (size_t)components + 1, sizeof *nodes);
    for (size_t i = 0; i < d->set.len; i++)
        array_push(d->scratch, &nodes[pl->component[d->set.data[i].i]], d->set.data[i]);
    for (int c = 1; c <= components; c++) {
        for (size_t i = 0; i < nodes[c].len; i++) {
            node_id id = nodes[c].data[i];
            const node *n = graph_node(pl->g, id);
            last[id.i] = nodes[c].len > 1 ? c : 0;
            for (int k = 0; nodes[c].len == 1 && k < n->args; k++) {
                if (node_some(n->arg[k]) && d->member[n->arg[k].i] && last[n->arg[k].i] > last[id.i])
                    last[id.i] = last[n->arg[k].i];
            }
        }
    }
    return last;
}

/* Is the value there before a scan begins? Depth: boundary values of boundary values. */
static bool comes_before(const division *d, node_id id, const sums *s, int scan)
{
    const planner *pl = d->pl;
    const node *n = graph_node(pl->g, id);
    if (op_table[n->op].class == SOURCE)
        return pl->task[id.i] == TASK_FREE || !d->member[id.i] || s->made_of[id.i] < s->component[scan];
    if (n->op == OP_shift && pl->task[id.i] == TASK_FREE) {
        for (int i = 1; i < n->args; i++) {
            if (node_some(n->arg[i]) && !comes_before(d, n->arg[i], s, scan)) return false;
        }
    }
    node_id base = viewed(pl, id);
    int home = d->home[base.i], component = home ? s->component[home] : s->made_of[base.i];
    return !d->member[base.i] || (home != scan && component < s->component[scan]);
}

/* Is a row of it made of rows of its operands? */
static bool goes_by_rows(const planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    return pl->task[id.i] == TASK_POINTWISE ||
           (pl->task[id.i] == TASK_STMT && (op_table[n->op].class == REDUCTION || n->op == OP_concat));
}

static int scan_of(const division *d, node_id id, const sums *s) { return d->home[id.i] ? d->home[id.i] : s->to[id.i]; }

/* The scan that an elementwise node outside of scans could be computed in: the last of those that compute an operand,
 * when the other operands are there. */
static int scan_of_operands(const division *d, node_id id, const sums *s)
{
    const planner *pl = d->pl;
    const node *n = graph_node(pl->g, id);
    int to = 0;
    for (int i = 0; i < n->args; i++) {
        int here = node_some(n->arg[i]) && goes_by_rows(pl, n->arg[i]) ? scan_of(d, n->arg[i], s) : 0;
        if (here && (!to || s->component[here] > s->component[to])) to = here;
    }
    if (!to || !(graph_type(pl->g, id).axes & axis_bit(s->axis[to]))) return 0;
    for (int i = 0; i < n->args; i++) {
        node_id a = n->arg[i];
        if (node_some(a) && (scan_of(d, a, s) != to || !goes_by_rows(pl, a)) &&
            (s->to[a.i] || !comes_before(d, a, s, to)))
            return 0;
    }
    return to;
}

/* Sums over a loop's steps of what the loop computes are added up within it. Elementwise values made of that for such
 * sums and for products move there, too: then what they are made of often needs no memory. */
static void sink_sums(division *d, const int *axis, const int *component)
{
    planner *pl = d->pl;
    sums s = {axis, component, ARENA_ARRAY(d->scratch, int, pl->count), last_scans(d)};
    for (size_t i = 0; i < d->set.len; i++) {
        node_id id = d->set.data[i];
        const node *n = graph_node(pl->g, id);
        if (d->home[id.i]) continue;
        if (goes_by_rows(pl, id) && !pl->escapes[id.i] && n->op != OP_uniform) s.to[id.i] = scan_of_operands(d, id, &s);
        if (pl->task[id.i] != TASK_SUM || n->attr.over.carry) continue;
        node_id from = plan_summed(n);
        int to = scan_of(d, from, &s);
        bool token = n->op != OP_scatter || (to && comes_before(d, n->arg[0], &s, to));
        if (to && goes_by_rows(pl, from) && (n->attr.over.axes & axis_bit(axis[to])) && token) s.to[id.i] = to;
    }
    for (size_t i = d->set.len; i-- > 0;) { /* users first: elementwise values go for sums and products alone */
        node_id id = d->set.data[i];
        const node_list *users = &pl->users[id.i];
        for (size_t k = 0; s.to[id.i] && goes_by_rows(pl, id) && k < users->len; k++) {
            if (s.to[users->data[k].i] != s.to[id.i] && graph_node(pl->g, users->data[k])->op != OP_matmul)
                s.to[id.i] = 0;
        }
    }
    for (size_t i = 0; i < d->set.len; i++) {
        node_id id = d->set.data[i];
        node_id from = pl->task[id.i] == TASK_SUM ? plan_summed(graph_node(pl->g, id)) : NO_NODE;
        bool good = !node_some(from) || d->home[from.i] == s.to[id.i];
        const node *n = graph_node(pl->g, id);
        /* An operand may have stayed, after all. */
        for (int k = 0; s.to[id.i] && !node_some(from) && k < n->args; k++) {
            if (node_some(n->arg[k]) && d->home[n->arg[k].i] != s.to[id.i])
                good = good && comes_before(d, n->arg[k], &s, s.to[id.i]);
        }
        if (s.to[id.i] && good) put_into(d, id, s.to[id.i], PLACED_BY_SUM);
    }
}

/* Splits the region's nodes into scans and single nodes. */
static void split(division *d)
{
    planner *pl = d->pl;
    int components = graph_components(pl->g, &d->set, plan_is_carried, d->r, pl->component);
    int *size = ARENA_ARRAY(d->scratch, int, (size_t)components + 1);
    for (size_t i = 0; i < d->set.len; i++) size[pl->component[d->set.data[i].i]]++;

    int *home = d->home;
    int *scan_of = ARENA_ARRAY(d->scratch, int, (size_t)components + 1);
    int *axis_of_home = ARENA_ARRAY(d->scratch, int, (size_t)components + 2);
    int *component_of_home = ARENA_ARRAY(d->scratch, int, (size_t)components + 2);
    node_list *nodes = arena_array(d->scratch, (size_t)components + 2, sizeof *nodes);
    int scans = 0;
    for (size_t i = 0; i < d->set.len; i++) {
        int c = pl->component[d->set.data[i].i];
        if (size[c] < 2) continue;
        if (!scan_of[c]) scan_of[c] = ++scans;
        put_into(d, d->set.data[i], scan_of[c], PLACED_BY_LOOP);
        array_push(d->scratch, &nodes[scan_of[c]], d->set.data[i]);
    }
    for (int s = 1; s <= scans; s++) {
        add_scan(d, &nodes[s], s);
        axis_of_home[s] = d->units.data[d->units.len - 1].scan->scan.axis;
        component_of_home[s] = pl->component[nodes[s].data[0].i];
    }
    if (scans) {
        sink_into_scans(d, axis_of_home);
        sink_sums(d, axis_of_home, component_of_home);
        sink_into_scans(d, axis_of_home);
    }
    for (int s = 1; s <= scans; s++) d->units.data[s - 1].nodes.len = 0;
    for (size_t i = 0; i < d->set.len; i++) {
        node_id id = d->set.data[i];
        if (home[id.i])
            array_push(d->scratch, &d->units.data[home[id.i] - 1].nodes, id);
        else
            array_push(d->scratch, &d->units, (unit){.id = id});
    }
}

/* The two ways through the segments, as units; all other nodes are units of their own. */
static void split_ways(division *d)
{
    planner *pl = d->pl;
    unit ways[WAY_BACK + 1] = {{.number = 0}};
    for (size_t i = 0; i < d->set.len; i++) {
        node_id id = d->set.data[i];
        way w = pl->ways.way[id.i];
        d->home[id.i] = (int)w;
        if (w)
            array_push(d->scratch, &ways[w].nodes, id);
        else
            array_push(d->scratch, &d->units, (unit){.id = id});
    }
    for (int w = WAY_THERE; w <= WAY_BACK; w++) {
        ways[w].number = w;
        ways[w].scan = ARENA_NEW(pl->arena, region);
        *ways[w].scan =
            (region){.kind = REGION_SEGMENTS, .parent = d->r, .segments.direction = w == WAY_THERE ? 1 : -1};
        if (ways[w].nodes.len) array_push(d->scratch, &d->units, ways[w]);
    }
}

region *plan_segment_region(region *r)
{
    while (r && r->kind != REGION_SEGMENTS) r = r->parent;
    return r;
}

void plan_divide(division *d)
{
    if (d->pl->ways.way && d->r == d->pl->p->top)
        split_ways(d);
    else
        split(d);
}
