/* storage.c: which values have memory, and where.
 *
 * A value that only its own statement reads is a local of that statement. Any other has columns of a buffer, with rows
 * over the axes that some reader needs: a value of a scan that is read within the same step needs none for the loop's
 * axis. Results of one stacked product, and vectors that one product reads side by side, are given neighbouring columns
 * of one buffer.
 *
 * Needs: stmt_of, region_of. Sets: buffers, views. */
#include "plan/planner.h"

#include <ctype.h>
#include <string.h>

/* ---- who needs memory -------------------------------------------------------------------------------------------- */

static bool has_views(const planner *pl, node_id id) /* a view, or part of a product: its users read the memory */
{
    return pl->task[id.i] == TASK_FREE;
}

static bool must_keep(const planner *pl, node_id id)
{
    const node_list *users = &pl->users[id.i];
    if (pl->task[id.i] == TASK_FREE) return false;
    if (pl->adds_to[id.i]) return false;
    if (pl->escapes[id.i] || pl->task[id.i] == TASK_STMT) return true;
    for (size_t i = 0; i < users->len; i++) {
        node_id u = users->data[i];
        if (has_views(pl, u) || pl->p->stmt_of[u.i] != pl->p->stmt_of[id.i]) return true;
    }
    return false;
}

static bool encloses(const region *outer, const region *inner)
{
    while (inner && inner != outer) inner = inner->parent;
    return inner == outer;
}

/* Axes of the loops around `from` that are not around `to`: a value that leaves them needs a row for each step. */
static axis_set axes_left(const region *from, const region *to)
{
    axis_set axes = 0;
    for (; from && !encloses(from, to); from = from->parent) axes |= plan_own_loop(from);
    return axes;
}

/* Depth: chains of views of views. */
static axis_set axes_read(const planner *pl, node_id id, const region *home)
{
    axis_set axes = 0;
    const node_list *users = &pl->users[id.i];
    for (size_t i = 0; i < users->len; i++) {
        node_id u = users->data[i];
        const node *n = graph_node(pl->g, u);
        bool is_view = has_views(pl, u) && (plan_is_inner(n) || n->op == OP_lookup);
        if (pl->escapes[u.i] || !is_view)
            axes |= axes_left(home, pl->escapes[u.i] && is_view ? pl->p->top : pl->region_of[u.i]);
        if (is_reading(n)) axes |= axis_bit(n->attr.axis) | (home->kind == REGION_ROWS ? home->rows.axes : 0);
        if (is_view) axes |= axes_read(pl, u, home);
    }
    return axes;
}

/* ---- extra rows -------------------------------------------------------------------------------------------------- */

static void raise_to(int *rows, int needed)
{
    if (*rows < needed) *rows = needed;
}

/* A reading k steps back needs k rows in front; one of a[T - k] reads index -k when T is 0. */
static void find_extra_rows(planner *pl, const node_list *order)
{
    for (size_t i = 0; i < order->len; i++) {
        const node *n = graph_node(pl->g, order->data[i]);
        if (n->op == OP_shift) {
            raise_to(&pl->before[n->arg[0].i][n->attr.axis], -n->attr.k);
            raise_to(&pl->after[n->arg[0].i][n->attr.axis], n->attr.k);
        } else if (n->op == OP_at && n->attr.from_end && n->attr.over.carry) {
            raise_to(&pl->before[n->arg[0].i][n->attr.axis], n->attr.k + 1);
        }
    }
}

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* "W_h": the product of parameter W and the vector h, at whatever step; NULL for other nodes. */
static const char *product_label(const graph *g, arena *a, const node *n)
{
    if (n->op != OP_matmul || n->origin.role == ROLE_ADJOINT) return NULL;
    for (int i = 0; i < 2; i++) {
        const node *matrix = graph_node(g, n->arg[i]);
        node_id vector = n->arg[1 - i];
        while (graph_node(g, vector)->op == OP_shift) vector = graph_node(g, vector)->arg[0];
        const char *of = graph_label(g, a, vector);
        if (matrix->op == OP_param && *of)
            return arena_printf(a, "%s_%s", last_part(g->params.data[matrix->attr.index].path), last_part(of));
    }
    return NULL;
}

const char *plan_label(const graph *g, arena *a, node_id id)
{
    const char *label = graph_label(g, a, id);
    if (*label) return label;
    const node *n = graph_node(g, id);
    const char *of = n->origin.variable ? g->variables.data[n->origin.variable].path : "loss";
    const char *product = product_label(g, a, n);
    if (product) return arena_printf(a, "%s.%s", of, product);
    return arena_printf(a, "%s%s.%s", n->origin.role == ROLE_ADJOINT ? "d_" : "", of, op_table[n->op].name);
}

/* The label as an identifier of C, everything that C has no use for turned into '_'. */
static const char *identifier(planner *pl, const char *label)
{
    text *t = text_new(pl->arena);
    for (const char *c = label; *c; c++) text_put(t, "%c", isalnum((unsigned char)*c) ? *c : '_');
    return text_string(t);
}

int plan_buffer(planner *pl, buffer b, const char *label)
{
    names *all = pl->g->names;
    name stem = name_of(all, identifier(pl, label)), n = stem;
    uint32_t version = 1, taken;
    name_map_get(&pl->buffer_names, stem, &version); /* none below it is free */
    while (name_map_get(&pl->buffer_names, n, &taken)) n = name_printf(all, "%s_v%u", stem, (unsigned)++version);
    name_map_set(pl->arena, &pl->buffer_names, stem, version);
    name_map_set(pl->arena, &pl->buffer_names, n, 1);
    b.name = n;
    array_push(pl->arena, &pl->p->buffers, b);
    return (int)pl->p->buffers.len - 1;
}

const char *plan_buffer_label(const planner *pl, node_id id, size_t members)
{
    const char *label = plan_label(pl->g, pl->arena, id);
    return members > 1 ? arena_printf(pl->arena, "%s_x%zu", label, members) : label;
}

static view view_of_shape(int buffer_number, int column, shape s)
{
    view v = {.buffer = buffer_number, .column = column};
    if (s.rank == 1) v.si = 1;
    if (s.rank == 2) v.si = s.dim[1], v.sj = 1;
    return v;
}

/* One buffer for several nodes, side by side. */
static void give_columns(planner *pl, const node_id *members, size_t count)
{
    program *p = pl->p;
    buffer b = {.storage = STORE_WORK};
    for (size_t i = 0; i < count; i++) {
        b.axes |= pl->kept_axes[members[i].i];
        b.columns += (size_t)shape_size(graph_type(pl->g, members[i]).shape);
        for (int a = 1; a <= pl->g->axes; a++) {
            raise_to(&b.before[a], pl->before[members[i].i][a]);
            raise_to(&b.after[a], pl->after[members[i].i][a]);
        }
    }
    int number = plan_buffer(pl, b, plan_buffer_label(pl, members[0], count)), column = 0;
    for (size_t i = 0; i < count; i++) {
        shape s = graph_type(pl->g, members[i]).shape;
        p->views[members[i].i] = view_of_shape(number, column, s);
        column += shape_size(s);
    }
}

static bool can_join(const planner *pl, node_id id, axis_set axes)
{
    return pl->kept[id.i] && pl->p->views[id.i].buffer == 0 && pl->kept_axes[id.i] == axes;
}

/* Results of one stacked product stand side by side. */
static void join_results(planner *pl, const stmt *s)
{
    axis_set axes = 0;
    for (size_t i = 0; i < s->nodes.len; i++) axes |= pl->kept_axes[s->nodes.data[i].i];
    for (size_t i = 0; i < s->nodes.len; i++) pl->kept_axes[s->nodes.data[i].i] = axes;
    if (s->nodes.len > 1) give_columns(pl, s->nodes.data, s->nodes.len);
}

/* So do vectors that are the operands of one product, where all of them can. */
static void join_operands(planner *pl, const stmt *s)
{
    const product_leaves *leaves = &pl->leaves[s->nodes.data[0].i];
    axis_set axes = pl->kept_axes[plan_vector(pl, &leaves->data[0]).i];
    node_list members = {0};
    for (size_t i = 0; i < leaves->len; i++) {
        node_id x = plan_vector(pl, &leaves->data[i]);
        if (!can_join(pl, x, axes)) return;
        for (size_t k = 0; k < members.len; k++) {
            if (node_is(members.data[k], x)) return;
        }
        array_push(pl->arena, &members, x);
    }
    if (members.len > 1) give_columns(pl, members.data, members.len);
}

/* Depth: loops. */
static void for_products(planner *pl, const region *r, void (*join)(planner *pl, const stmt *product))
{
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (!s)
            for_products(pl, r->items.data[i].region, join);
        else if (s->kind == STMT_CONTRACT && s->product.form == FORM_ROWS)
            join(pl, s);
    }
}

static bool has_extra_rows(const planner *pl, node_id id)
{
    for (int a = 1; a <= pl->g->axes; a++) {
        if (pl->before[id.i][a] || pl->after[id.i][a]) return true;
    }
    return false;
}

/* ---- parts side by side ------------------------------------------------------------------------------------------ */

/* May a part of the value `of` be computed where it belongs in it? Not where it stands there twice, nor what products
 * read, who may have it beside other vectors. */
static bool fits_into(const planner *pl, node_id part, node_id of)
{
    const node_list *users = &pl->users[part.i];
    int times = 0;
    if (pl->task[part.i] != TASK_POINTWISE || !pl->kept[part.i] || pl->escapes[part.i] || pl->p->views[part.i].buffer ||
        has_extra_rows(pl, part) || graph_type(pl->g, part).axes != graph_type(pl->g, of).axes ||
        (pl->kept_axes[part.i] & ~pl->kept_axes[of.i]))
        return false;
    for (size_t i = 0; i < users->len; i++) {
        times += node_is(users->data[i], of);
        if (!node_is(users->data[i], of) && pl->task[users->data[i].i] != TASK_POINTWISE &&
            pl->task[users->data[i].i] != TASK_SUM)
            return false;
    }
    return times == 1;
}

/* Elementwise parts of a concat get its columns, and nothing is left to copy. */
static void place_parts(planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    int begin = 0;
    for (int i = 0; i < n->args; i++) {
        view *whole = &pl->p->views[id.i];
        int dim = n->attr.part.dim;
        if (fits_into(pl, n->arg[i], id)) {
            if (!whole->buffer) give_columns(pl, &id, 1);
            pl->p->views[n->arg[i].i] = *whole;
            pl->p->views[n->arg[i].i].column += begin * (dim == 0 ? whole->si : whole->sj);
        }
        begin += graph_type(pl->g, n->arg[i]).shape.dim[dim];
    }
}

static void place_source(planner *pl, node_id id)
{
    program *p = pl->p;
    const node *n = graph_node(pl->g, id);
    const graph_input *in = n->op == OP_input ? &pl->g->inputs.data[n->attr.index] : NULL;
    buffer b = {.axes = n->type.axes, .columns = (size_t)shape_size(n->type.shape)};
    if (n->op == OP_param) {
        p->views[id.i] = view_of_shape(PARAM_BUFFER, pl->param_column[n->attr.index], n->type.shape);
    } else if (in && !pl->kept[id.i]) {
        b.storage = STORE_INPUT;
        b.input = n->attr.index;
        p->views[id.i] = view_of_shape(plan_buffer(pl, b, in->path), 0, n->type.shape);
    } else if (n->op == OP_literal) {
        b.storage = STORE_LITERAL;
        b.literal = n->attr.literal;
        p->views[id.i] = view_of_shape(plan_buffer(pl, b, plan_buffer_label(pl, id, 1)), 0, n->type.shape);
    }
}

bool plan_same_columns(view a, view b) { return a.column == b.column && a.si == b.si && a.sj == b.sj; }

view plan_gradient(const planner *pl, uint32_t param)
{
    return view_of_shape(GRAD_BUFFER, pl->param_column[param], pl->g->params.data[param].shape);
}

/* ---- views of views ---------------------------------------------------------------------------------------------- */

static view reshaped(view v, shape from, shape to)
{
    int step = from.dim[0] > 1 || from.rank == 1 ? (from.dim[1] > 1 ? v.sj : v.si) : v.sj;
    v.si = v.sj = 0;
    if (to.rank == 1) v.si = step;
    if (to.rank == 2) v.si = to.dim[1] * step, v.sj = step;
    return v;
}

/* Depth: chains of views of views. */
view plan_view(const planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    if (!plan_is_inner(n) || pl->task[id.i] != TASK_FREE) return pl->p->views[id.i];
    view v = plan_view(pl, n->arg[0]);
    shape from = graph_type(pl->g, n->arg[0]).shape;
    if (n->op == OP_shift) {
        v.shift[n->attr.axis] += n->attr.k;
    } else if (n->op == OP_slice) {
        v.column += n->attr.part.begin * (n->attr.part.dim == 0 ? v.si : v.sj);
    } else if (n->op == OP_transpose) {
        int si = from.rank == 1 ? 0 : v.sj;
        v.sj = v.si;
        v.si = si;
    } else {
        v = reshaped(v, from, n->type.shape);
    }
    return v;
}

void plan_storage(planner *pl)
{
    program *p = pl->p;
    const node_list order = pl->order;
    int column = 0;
    for (size_t i = 0; i < pl->g->params.len; i++) {
        pl->param_column[i] = column;
        column += shape_size(pl->g->params.data[i].shape);
    }
    array_push(pl->arena, &p->buffers, (buffer){0});
    plan_buffer(pl, (buffer){.storage = STORE_PARAMS}, "params");
    plan_buffer(pl, (buffer){.storage = STORE_GRADS}, "grads");
    for (size_t i = 0; i < order.len; i++) {
        node_id id = order.data[i];
        pl->kept[id.i] = must_keep(pl, id);
        axis_set all = graph_type(pl->g, id).axes;
        region *home = pl->region_of[id.i];
        if (pl->task[id.i] == TASK_SUM && home) /* complete when all rows are */
            home = plan_outside_rows(home);
        axis_set inside = all & ~plan_loops(home);
        pl->kept_axes[id.i] = pl->escapes[id.i] ? all : all & (inside | axes_read(pl, id, home));
    }
    bool steps = p->entry != ENTRY_STEP; /* the values of one step stay in the cache */
    if (steps && !p->pool->own_memory) plan_recompute(pl, &order);
    find_extra_rows(pl, &order);
    for_products(pl, p->top, join_results);
    for_products(pl, p->top, join_operands);
    for (size_t i = 0; i < order.len; i++) {
        if (steps && graph_node(pl->g, order.data[i])->op == OP_concat && pl->kept[order.data[i].i] &&
            !has_extra_rows(pl, order.data[i]))
            place_parts(pl, order.data[i]);
    }
    for (size_t i = 0; i < order.len; i++) {
        node_id id = order.data[i];
        bool is_table = pl->task[id.i] == TASK_SUM && graph_node(pl->g, id)->op == OP_scatter;
        if (pl->kept[id.i] && p->views[id.i].buffer == 0 && !is_table) give_columns(pl, &id, 1);
        place_source(pl, id);
    }
    plan_tables(pl);
    for (size_t i = 0; i < order.len; i++) {
        if (pl->task[order.data[i].i] == TASK_FREE && plan_is_inner(graph_node(pl->g, order.data[i])))
            p->views[order.data[i].i] = plan_view(pl, order.data[i]);
    }
}
