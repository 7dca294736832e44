/* recompute.c: values that are computed again where they are read, instead of being kept.
 *
 * What one statement computes and another reads is written once and read when it has often left the cache: for the
 * adjoints, megabytes later. Where such a value is one sum, difference or product of what is kept anyway, of parameters
 * and of one number for each row, its readers compute it themselves: g * d beside d, 1 - z beside z. No reader may have
 * to read more than one value instead, so nothing is streamed that was not before.
 *
 * Needs: statements, kept, kept_axes. Sets: kept; moves nodes between statements, and drops those that are left empty. */
#include "plan/planner.h"

static bool is_cheap(op o)
{
    return o == OP_add || o == OP_sub || o == OP_mul || o == OP_neg || o == OP_square || o == OP_copy;
}

/* Is it there for whoever reads rows over these axes, whatever becomes of the value that is made of it? */
static bool is_at_hand(const planner *pl, node_id id, axis_set axes)
{
    const node *n = graph_node(pl->g, id);
    if (n->op == OP_param || n->op == OP_number || n->op == OP_literal) return true;
    return pl->kept[id.i] && (axes & ~pl->kept_axes[id.i] & n->type.axes) == 0 &&
           (pl->task[id.i] == TASK_POINTWISE || n->op == OP_concat ||
            (pl->task[id.i] == TASK_STMT && shape_size(n->type.shape) == 1));
}

static bool is_read_by(const planner *pl, node_id id, const stmt *s)
{
    for (size_t i = 0; i < pl->users[id.i].len; i++) {
        if (pl->p->stmt_of[pl->users[id.i].data[i].i] == s) return true;
    }
    return false;
}

/* Values of many components that the statement would have to read as well. */
static int more_to_read(const planner *pl, const node *n, const stmt *s)
{
    int more = 0;
    for (int a = 0; a < n->args; a++)
        more += pl->kept[n->arg[a].i] && shape_size(graph_type(pl->g, n->arg[a]).shape) > 1 &&
                !is_read_by(pl, n->arg[a], s);
    return more;
}

static bool is_worth_it(const planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    if (!pl->kept[id.i] || pl->escapes[id.i] || pl->task[id.i] != TASK_POINTWISE || !is_cheap(n->op) ||
        shape_size(n->type.shape) == 1 || !(n->type.axes & BATCH))
        return false;
    for (int a = 0; a < n->args; a++) {
        if (!is_at_hand(pl, n->arg[a], pl->kept_axes[id.i])) return false;
    }
    for (size_t i = 0; i < pl->users[id.i].len; i++) {
        const stmt *s = pl->p->stmt_of[pl->users[id.i].data[i].i];
        if (!s || s->kind != STMT_POINTWISE || s->axes != n->type.axes || !shape_equal(s->shape, n->type.shape) ||
            (s != pl->p->stmt_of[id.i] && more_to_read(pl, n, s) > 1))
            return false;
    }
    return true;
}

static void put_in_front(planner *pl, stmt *s, node_id id)
{
    for (size_t i = 0; i < s->nodes.len; i++) {
        if (node_is(s->nodes.data[i], id)) return;
    }
    array_push(pl->arena, &s->nodes, id);
    for (size_t i = s->nodes.len - 1; i > 0; i--) s->nodes.data[i] = s->nodes.data[i - 1];
    s->nodes.data[0] = id;
}

/* Where no reader is in the statement that made the value, it is made by the readers alone. */
static void leave_to_readers(planner *pl, node_id id)
{
    stmt *home = pl->p->stmt_of[id.i];
    node_id reader = pl->users[id.i].data[0];
    size_t left = 0;
    if (is_read_by(pl, id, home)) return;
    for (size_t i = 0; i < home->nodes.len; i++)
        if (!node_is(home->nodes.data[i], id)) home->nodes.data[left++] = home->nodes.data[i];
    home->nodes.len = left;
    pl->p->stmt_of[id.i] = pl->p->stmt_of[reader.i];
    pl->region_of[id.i] = pl->region_of[reader.i];
}

static bool is_empty(const item *it)
{
    if (it->region) return it->region->items.len == 0;
    return it->stmt->kind == STMT_POINTWISE && it->stmt->nodes.len == 0;
}

static void drop_empty(region *r)
{
    size_t left = 0;
    for (size_t i = 0; i < r->items.len; i++) {
        item it = r->items.data[i];
        if (it.region) drop_empty(it.region);
        if (!is_empty(&it)) r->items.data[left++] = it;
    }
    r->items.len = left;
}

/* A value with operands that are computed again would be a chain of work: what it is made of stays. */
void plan_recompute(planner *pl, const node_list *order)
{
    bool *needed = ARENA_ARRAY(pl->arena, bool, pl->count);
    for (size_t i = order->len; i-- > 0;) {
        node_id id = order->data[i];
        const node *n = graph_node(pl->g, id);
        if (needed[id.i] || !is_worth_it(pl, id)) continue;
        for (int a = 0; a < n->args; a++) needed[n->arg[a].i] = true;
        for (size_t k = 0; k < pl->users[id.i].len; k++)
            put_in_front(pl, pl->p->stmt_of[pl->users[id.i].data[k].i], id);
        leave_to_readers(pl, id);
        pl->kept[id.i] = false;
    }
    drop_empty(pl->p->top);
}
