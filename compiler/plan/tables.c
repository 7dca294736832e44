/* tables.c: tokens choose rows of tables.
 *
 * A lookup that only elementwise statements read is no statement: they read the row where it lies. lookup(E, x) is a
 * row of E itself; for lookup(W', x), whose rows are columns of W, `pack` writes W' out, and side by side all that the
 * same token chooses a row of: the gates of a cell. A scatter of elementwise values is a store of the statement that
 * computes them, into a table of the same kind. Tables have a spare row, of zeros to read or to spill into: the row of
 * a token that is none.
 *
 * plan_in_place: needs users, tasks of the other nodes; sets task. plan_tables: needs regions; sets views and
 * buffers. */
#include "plan/planner.h"

/* Larger tables would be slower to write with every update than a few of their rows are to gather. */
enum { MAX_TABLE = 1 << 20 };

static bool is_transposed_param(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    return n->op == OP_transpose && graph_node(g, n->arg[0])->op == OP_param &&
           graph_type(g, n->arg[0]).shape.rank == 2;
}

static bool read_elementwise(const planner *pl, node_id id)
{
    const node_list *users = &pl->users[id.i];
    for (size_t i = 0; i < users->len; i++) {
        if (pl->task[users->data[i].i] != TASK_POINTWISE) return false;
    }
    return users->len > 0 && !pl->escapes[id.i];
}

static bool can_read_in_place(const planner *pl, node_id id)
{
    const graph *g = pl->g;
    const node *n = graph_node(g, id);
    shape table = graph_type(g, n->arg[0]).shape;
    bool transposed = is_transposed_param(g, n->arg[0]);
    if (pl->p->pool->rows_apart && (transposed || graph_node(g, n->arg[0])->op == OP_param)) return false;
    if (n->op != OP_lookup || graph_type(g, n->arg[0]).axes || table.rank != 2 || !read_elementwise(pl, id))
        return false;
    if (transposed) return shape_size(table) <= MAX_TABLE;
    return !plan_is_inner(graph_node(g, n->arg[0]));
}

static bool can_add_in_place(const planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    if (n->op != OP_scatter || n->type.axes || pl->adds_to[id.i] || n->type.shape.rank != 2) return false;
    type token = graph_type(pl->g, n->arg[0]), added = graph_type(pl->g, n->arg[1]);
    return pl->task[n->arg[1].i] == TASK_POINTWISE && added.shape.rank == 1 && (token.axes & ~added.axes) == 0 &&
           added.axes == n->attr.over.axes;
}

void plan_in_place(planner *pl)
{
    for (uint32_t i = 1; i < pl->count; i++) {
        if (can_read_in_place(pl, (node_id){i}))
            pl->task[i] = TASK_FREE;
        else if (can_add_in_place(pl, (node_id){i}))
            pl->task[i] = TASK_SUM;
    }
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static by_token *row_by(planner *pl, const node *n, int rows, int stride)
{
    by_token *row = ARENA_NEW(pl->arena, by_token);
    *row = (by_token){.token = plan_view(pl, n->arg[n->op == OP_scatter ? 0 : 1]), .rows = rows, .stride = stride};
    return row;
}

/* Zeros for lookups of what is no table of ours: one array, as long as the longest row. */
static int zeros(planner *pl, size_t columns)
{
    for (size_t i = 1; i < pl->p->buffers.len; i++) {
        buffer *b = &pl->p->buffers.data[i];
        if (b->storage == STORE_LITERAL && !b->literal) {
            b->columns = b->columns > columns ? b->columns : columns;
            return (int)i;
        }
    }
    return plan_buffer(pl, (buffer){.storage = STORE_LITERAL, .columns = columns}, "zeros");
}

static bool same_table(const planner *pl, node_id x, node_id y)
{
    const graph *g = pl->g;
    const node *a = graph_node(g, x), *b = graph_node(g, y);
    if (a->op != b->op || pl->task[x.i] != pl->task[y.i]) return false;
    if (a->op == OP_scatter) return node_is(a->arg[0], b->arg[0]) && a->type.shape.dim[0] == b->type.shape.dim[0];
    return is_transposed_param(g, a->arg[0]) && is_transposed_param(g, b->arg[0]) && node_is(a->arg[1], b->arg[1]) &&
           graph_type(g, a->arg[0]).shape.dim[0] == graph_type(g, b->arg[0]).shape.dim[0];
}

static int rows_of(const graph *g, const node *n)
{
    return n->op == OP_scatter ? n->type.shape.dim[0] : graph_type(g, n->arg[0]).shape.dim[0];
}

static int columns_of(const graph *g, const node *n)
{
    return n->op == OP_scatter ? n->type.shape.dim[1] : graph_type(g, n->arg[0]).shape.dim[1];
}

/* One table for lookups, or scatters, of the same token, side by side. */
static void make_table(planner *pl, const node_list *members)
{
    const graph *g = pl->g;
    const node *first = graph_node(g, members->data[0]);
    int rows = rows_of(g, first), columns = 0;
    packing pk = {.K = rows, .table = true};
    for (size_t i = 0; i < members->len; i++) {
        const node *n = graph_node(g, members->data[i]);
        if (n->op == OP_lookup) {
            view whole = plan_view(pl, graph_node(g, n->arg[0])->arg[0]);
            packed_piece piece = {.matrix = whole, .transposed = true, .k = rows, .n = columns_of(g, n), .n0 = columns};
            array_push(pl->arena, &pk.pieces, piece);
        }
        columns += columns_of(g, n);
    }
    pk.N = columns;
    buffer b = {.storage = first->op == OP_lookup ? STORE_TABLE : STORE_WORK,
                .columns = (size_t)(rows + 1) * (size_t)columns};
    if (b.storage == STORE_TABLE) b.packing = plan_packing(pl, pk);
    int number = plan_buffer(pl, b, plan_buffer_label(pl, members->data[0], members->len));
    for (size_t i = 0, column = 0; i < members->len; i++) {
        const node *n = graph_node(g, members->data[i]);
        view *v = &pl->p->views[members->data[i].i];
        *v = (view){.buffer = number, .column = (int)column, .si = columns, .sj = 1};
        if (n->op == OP_lookup)
            *v = (view){.buffer = number, .column = (int)column, .si = 1, .row = row_by(pl, n, rows, columns)};
        column += (size_t)columns_of(g, n);
    }
}

/* The row lies in other memory: a parameter, a matrix of the spec, or one that the call computes. */
static void read_rows(planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    view v = plan_view(pl, n->arg[0]);
    by_token *row = row_by(pl, n, rows_of(pl->g, n), v.si);
    row->none = (view){.buffer = zeros(pl, columns_of(pl->g, n)), .si = 1};
    pl->p->views[id.i] = (view){.buffer = v.buffer, .column = v.column, .si = v.sj, .row = row};
}

view plan_added_row(planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    view v = pl->p->views[id.i];
    return (view){.buffer = v.buffer, .column = v.column, .si = v.sj, .row = row_by(pl, n, rows_of(pl->g, n), v.si)};
}

void plan_tables(planner *pl)
{
    const graph *g = pl->g;
    const node_list order = pl->order;
    bool *done = ARENA_ARRAY(pl->arena, bool, pl->count);
    for (size_t i = 0; i < order.len; i++) {
        node_id id = order.data[i];
        const node *n = graph_node(g, id);
        bool reads = n->op == OP_lookup && pl->task[id.i] == TASK_FREE,
             adds = n->op == OP_scatter && pl->task[id.i] == TASK_SUM;
        if (done[id.i] || (!reads && !adds)) continue;
        if (reads && !is_transposed_param(g, n->arg[0])) {
            read_rows(pl, id);
            continue;
        }
        node_list members = {0};
        for (size_t k = i; k < order.len; k++) {
            if (!done[order.data[k].i] && same_table(pl, id, order.data[k])) {
                done[order.data[k].i] = true;
                array_push(pl->arena, &members, order.data[k]);
            }
        }
        make_table(pl, &members);
    }
}
