/* history.c: rows outside the sequence, see the notes [padding] and [history] in program.h.
 *
 * For every kept value: FILL_BEFORE in front of the first item that reads steps before it, and SAVE at the end where
 * chunks carry; FILL_AFTER where rows beyond the end would reach other steps or lanes: within the loop that makes them,
 * when the same loop reads them or zeros are all that is asked for, so that products may follow the loop in blocks of
 * steps; otherwise once, in front of the first reader.
 *
 * Needs: filled statements. Sets: FILL and SAVE statements, states. */
#include "plan/planner.h"

typedef struct needs {
    node_id before, after; /* a shift or `at` that reads such rows, and so knows the boundary values; NO_NODE */
    bool clean;            /* zeros in the padding: a product sums over rows */
} needs;

/* ---- which item reads a value ------------------------------------------------------------------------------------ */

static bool stmt_in(const region *r, const stmt *s) /* depth: loops */
{
    for (size_t i = 0; i < r->items.len; i++) {
        const item *it = &r->items.data[i];
        if (it->stmt ? it->stmt == s : stmt_in(it->region, s)) return true;
    }
    return false;
}

static size_t index_of(const region *r, const stmt *s)
{
    for (size_t i = 0; i < r->items.len; i++) {
        const item *it = &r->items.data[i];
        if (it->stmt ? it->stmt == s : stmt_in(it->region, s)) return i;
    }
    return r->items.len;
}

static void insert(planner *pl, region *r, size_t at, stmt *s)
{
    array_push(pl->arena, &r->items, (item){.stmt = s});
    for (size_t i = r->items.len - 1; i > at; i--) r->items.data[i] = r->items.data[i - 1];
    r->items.data[at] = (item){.stmt = s};
}

void plan_insert_before(planner *pl, region *r, const stmt *first, stmt *s) { insert(pl, r, index_of(r, first), s); }

/* The first item of `r`, not before number `from`, in which a user of a node reads it, through views and products.
 * Depth: chains of views. */
static size_t first_through(const planner *pl, const region *r, node_id user, size_t from)
{
    if (pl->p->stmt_of[user.i]) {
        size_t at = index_of(r, pl->p->stmt_of[user.i]);
        return at >= from ? at : r->items.len;
    }
    size_t first = r->items.len;
    const node_list *users = &pl->users[user.i];
    for (size_t i = 0; i < users->len; i++) {
        size_t at = first_through(pl, r, users->data[i], from);
        first = at < first ? at : first;
    }
    return first;
}

/* What of a node's rows a reader wants. */
typedef enum wanted {
    ANY_ROWS,
    ROWS_BEFORE, /* steps before: of a shift back, of an end that may lie before step 1 */
    ROWS_AFTER,  /* steps after: of a shift ahead */
} wanted;

static bool wants(const node *reader, node_id id, int axis, wanted rows)
{
    if (rows == ANY_ROWS) return true;
    if ((reader->op != OP_shift && reader->op != OP_at) || reader->attr.axis != axis || !node_is(reader->arg[0], id))
        return false;
    if (reader->op == OP_at) return rows == ROWS_BEFORE;
    return rows == ROWS_BEFORE ? reader->attr.k < 0 : reader->attr.k > 0;
}

/* What no node says: what goes out may be a view of the memory, and so may a boundary value, at another step of another
 * axis. */
static bool reads_memory(const stmt *s, int memory)
{
    bool out = s->kind == STMT_COPY && s->copy.target != COPY_TO_VIEW,
         fills = s->kind == STMT_FILL_BEFORE || s->kind == STMT_FILL_AFTER;
    for (size_t i = 0; i < s->from.len && (out || fills); i++) {
        if (s->from.data[i].buffer == memory) return true;
    }
    return false;
}

/* The first item of `r`, not before number `from`, that reads such rows of the node. Whatever reads boundary rows
 * depends on the boundary values, so these are computed by then. */
static size_t first_reader(const planner *pl, const region *r, node_id id, size_t from, int axis, wanted rows)
{
    size_t first = r->items.len;
    const node_list *users = &pl->users[id.i];
    for (size_t i = 0; i < users->len; i++) {
        if (!wants(graph_node(pl->g, users->data[i]), id, axis, rows)) continue;
        size_t at = first_through(pl, r, users->data[i], from);
        first = at < first ? at : first;
    }
    int memory = plan_view(pl, id).buffer;
    for (size_t i = from; i < first; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (s && reads_memory(s, memory)) first = i;
    }
    return first;
}

static bool is_loop_over(const region *r, int axis) { return r->kind == REGION_SCAN && r->scan.axis == axis; }

/* The region in which the whole of the value is made: outside of the loop over `axis`. */
static region *outside_loop(region *r, int axis)
{
    r = plan_outside_rows(r);
    for (region *up = r; up; up = up->parent) {
        if (is_loop_over(up, axis)) return up->parent;
    }
    return r;
}

region *plan_around_sum(const planner *pl, node_id id)
{
    region *around = NULL;
    for (region *r = pl->region_of[id.i]; r && r->parent; r = r->parent) {
        bool of_steps = r->kind == REGION_SCAN && (graph_node(pl->g, id)->attr.over.axes & axis_bit(r->scan.axis));
        if (r->kind == REGION_SEGMENTS || of_steps) around = r->parent;
    }
    return around;
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

/* A statement about extra rows of a value. */
static stmt *about_rows(planner *pl, stmt_kind kind, node_id id)
{
    stmt *s = plan_stmt(pl, kind);
    s->axes = pl->kept_axes[id.i];
    s->shape = graph_type(pl->g, id).shape;
    s->to = plan_view(pl, id);
    array_push(pl->arena, &s->nodes, id);
    return s;
}

static stmt *fill(planner *pl, stmt_kind kind, node_id id, int axis, int rows)
{
    stmt *s = about_rows(pl, kind, id);
    s->fill.axis = axis;
    s->fill.rows = rows;
    return s;
}

static void add_boundaries(planner *pl, stmt *s, node_id reading, bool after)
{
    const node *n = graph_node(pl->g, reading);
    int first = 1 + (after ? n->attr.before : 0), count = after ? n->attr.after : n->attr.before;
    for (int i = 0; i < count && n->args > 1; i++) {
        node_id b = n->arg[first + i];
        array_push(pl->arena, &s->from, node_some(b) ? plan_view(pl, b) : (view){0});
        array_push(pl->arena, &s->fill.boundary, b);
    }
}

/* ---- segments ---------------------------------------------------------------------------------------------------- */

static stmt *pass_rows(planner *pl, passing what, node_id id, int rows)
{
    stmt *s = about_rows(pl, STMT_PASS, id);
    s->pass.what = what;
    s->pass.rows = rows;
    return s;
}

/* The store of what each segment begins with, of a node of the way there. */
static int store_of(planner *pl, node_id id)
{
    enum { TIME = 1 };
    if (!pl->store[id.i]) {
        buffer b = {.storage = STORE_WORK,
                    .axes = graph_type(pl->g, id).axes & BATCH,
                    .columns = (size_t)shape_size(graph_type(pl->g, id).shape),
                    .kept = pl->before[id.i][TIME]};
        pl->store[id.i] = plan_buffer(pl, b, plan_buffer_label(pl, id, 1));
    }
    return pl->store[id.i];
}

/* Rows in front of a segment on the way back: those of the way there. */
static void restore_before(planner *pl, region *r, node_id id, int axis)
{
    node_id there = pl->ways.twin_of[id.i];
    if (!node_some(there)) BUG("a segment begins with a value that the way there does not compute");
    stmt *s = pass_rows(pl, PASS_RESTORE, id, pl->before[id.i][axis]);
    s->pass.store = store_of(pl, there);
    insert(pl, r, first_reader(pl, r, id, 0, axis, ROWS_BEFORE), s);
}

static void pass_on(planner *pl, region *r, const stmt *filled, node_id id, int rows)
{
    if (pl->p->entry == ENTRY_GRAD) { /* there is a way back */
        stmt *keep = pass_rows(pl, PASS_KEEP, id, rows);
        keep->pass.store = store_of(pl, id);
        insert(pl, r, index_of(r, filled) + 1, keep);
    }
    array_push(pl->arena, &r->items, (item){.stmt = pass_rows(pl, PASS_ON, id, rows)});
}

static void fill_before(planner *pl, node_id id, int axis, node_id reading)
{
    region *cut = plan_segment_region(pl->region_of[id.i]);
    if (cut && cut->segments.direction < 0) {
        restore_before(pl, cut, id, axis);
        return;
    }
    int rows = pl->before[id.i][axis];
    stmt *s = fill(pl, STMT_FILL_BEFORE, id, axis, rows);
    add_boundaries(pl, s, reading, false);
    region *r = outside_loop(pl->region_of[id.i], axis);
    stmt *save = NULL;
    if (graph_node(pl->g, reading)->attr.over.carry && pl->p->pool->carries) {
        const char *label = graph_label(pl->g, pl->arena, id);
        if (!*label) BUG("a value that time is read of has no name");
        s->fill.state = plan_state(
            pl->p, (state_slot){.name = name_of(pl->g->names, label), .rows = rows, .columns = shape_size(s->shape)});
        save = about_rows(pl, STMT_SAVE, id);
        save->save.axis = axis;
        save->save.rows = rows;
        save->save.state = s->fill.state;
    }
    insert(pl, r, first_reader(pl, r, id, 0, axis, ROWS_BEFORE), s);
    if (save) array_push(pl->arena, cut ? &cut->items : &pl->p->top->items, (item){.stmt = save});
    if (cut) pass_on(pl, cut, s, id, rows);
}

/* Is the value made in a loop over the axis that reads it at later steps, or nobody needs more of it than zeros? */
static bool filled_in_loop(const planner *pl, node_id id, int axis, node_id reading)
{
    const region *home = plan_outside_rows(pl->region_of[id.i]);
    if (!(plan_loops(home) & axis_bit(axis))) return false;
    const region *loop = home;
    while (!is_loop_over(loop, axis)) loop = loop->parent;
    return loop->scan.direction < 0 || !node_some(reading);
}

static void fill_after(planner *pl, node_id id, int axis, node_id reading, bool clean)
{
    int rows = pl->after[id.i][axis];
    region *whole = pl->task[id.i] == TASK_SUM ? plan_around_sum(pl, id) : NULL;
    region *r = whole ? whole : outside_loop(pl->region_of[id.i], axis);
    stmt *s = fill(pl, STMT_FILL_AFTER, id, axis, rows);
    region *cut = plan_segment_region(pl->region_of[id.i]);
    if (cut && rows > 0) array_push(pl->arena, &cut->items, (item){.stmt = pass_rows(pl, PASS_BACK, id, rows)});
    if (node_some(reading)) add_boundaries(pl, s, reading, true);
    if (filled_in_loop(pl, id, axis, reading)) {
        stmt *inner = fill(pl, STMT_FILL_AFTER, id, axis, rows);
        inner->fill.in_loop = true;
        if (node_some(reading)) add_boundaries(pl, inner, reading, true);
        region *home = plan_outside_rows(pl->region_of[id.i]);
        insert(pl, home, index_of(home, pl->p->stmt_of[id.i]) + 1, inner);
        if (rows > 0) insert(pl, r, index_of(r, pl->p->stmt_of[id.i]), s);
        return;
    }
    size_t made = index_of(r, pl->p->stmt_of[id.i]) + 1, any = first_reader(pl, r, id, made, axis, ANY_ROWS);
    size_t after = node_some(reading) ? first_reader(pl, r, id, made, axis, ROWS_AFTER) : any;
    insert(pl, r, after, s);
    if (clean && any < after) /* zeros first; the boundary values may not be there yet */
        insert(pl, r, any, fill(pl, STMT_FILL_AFTER, id, axis, 0));
}

/* ---- what each value needs --------------------------------------------------------------------------------------- */

static bool read_by_outer(const planner *pl, node_id id) /* depth: chains of views */
{
    const node_list *users = &pl->users[id.i];
    for (size_t i = 0; i < users->len; i++) {
        node_id u = users->data[i];
        const node *n = graph_node(pl->g, u);
        if (plan_is_inner(n) && read_by_outer(pl, u)) return true;
        if (n->op == OP_matmul && pl->task[u.i] == TASK_FREE && pl->users[u.i].len == 1 &&
            graph_node(pl->g, pl->users[u.i].data[0])->op == OP_sum_over)
            return true;
    }
    return false;
}

static needs needs_of(const planner *pl, node_id id, int axis)
{
    needs n = {.clean = read_by_outer(pl, id)};
    const node_list *users = &pl->users[id.i];
    for (size_t i = 0; i < users->len; i++) {
        const node *u = graph_node(pl->g, users->data[i]);
        bool here = is_reading(u) && u->attr.axis == axis && node_is(u->arg[0], id);
        if (!here) continue;
        if (u->op == OP_shift ? u->attr.k < 0 : u->attr.from_end && u->attr.over.carry) n.before = users->data[i];
        if (u->op == OP_shift && u->attr.k > 0) n.after = users->data[i];
    }
    return n;
}

void plan_history(planner *pl)
{
    const node_list order = pl->order;
    for (size_t i = 0; i < order.len; i++) {
        node_id id = order.data[i];
        axis_set axes = graph_type(pl->g, id).axes;
        if (!pl->kept[id.i] || !axes) continue;
        bool cleaned = graph_node(pl->g, id)->op == OP_input; /* the copy writes zeros */
        for (int axis = 1; axis <= pl->g->axes; axis++) {
            needs n = needs_of(pl, id, axis);
            if (node_some(n.before)) fill_before(pl, id, axis, n.before);
            if (axes & axis_bit(axis) && (node_some(n.after) || (n.clean && !cleaned))) {
                fill_after(pl, id, axis, n.after, n.clean);
            }
        }
        if (axes == BATCH && read_by_outer(pl, id)) { /* one row a sequence: absent ones are cleared */
            stmt *s = fill(pl, STMT_FILL_AFTER, id, 0, 0);
            region *r = plan_outside_rows(pl->region_of[id.i]), *cut = plan_segment_region(r);
            r = cut ? cut->parent : r;
            insert(pl, r, first_reader(pl, r, id, index_of(r, pl->p->stmt_of[id.i]) + 1, 0, ANY_ROWS), s);
        }
    }
}
