/* products.c: recognises matrix products.
 *
 * Three forms. FORM_ROWS: a matrix without axes meets a vector that varies over rows (W @ x): over all rows that is one
 * product of matrices, X W'. Several of these that are added up are one product whose inner dimension is the sum of
 * theirs. FORM_OUTER: a sum over all rows of outer products: the gradient of W, sum over t of d_a[t] x[t]', is the
 * product d_A' X. FORM_EACH: everything else, row by row.
 *
 * Needs: users, component. Sets: task, form, is_product, leaves, adds_to. */
#include "plan/planner.h"

bool plan_is_inner(const node *n)
{
    return n->op == OP_shift || n->op == OP_reshape || n->op == OP_slice || n->op == OP_transpose;
}

node_id plan_weight(const planner *pl, const product_leaf *leaf)
{
    return graph_node(pl->g, leaf->matmul)->arg[leaf->weight_first ? 0 : 1];
}

node_id plan_vector(const planner *pl, const product_leaf *leaf)
{
    return graph_node(pl->g, leaf->matmul)->arg[leaf->weight_first ? 1 : 0];
}

node_id plan_summed(const node *n) { return n->arg[n->op == OP_scatter ? 1 : 0]; }

static bool single_use(const planner *pl, node_id id) { return pl->users[id.i].len == 1 && !pl->escapes[id.i]; }

/* ---- FORM_ROWS --------------------------------------------------------------------------------------------------- */

/* Is the node such a product, or a sum of nothing else? Those under a sum belong to its component and are used nowhere
 * else. `made`: what is known of the operands. */
static bool is_made_of_products(const planner *pl, node_id id, const bool *made)
{
    const node *n = graph_node(pl->g, id);
    bool weight_first, sum = n->op == OP_add;
    for (int a = 0; sum && a < n->args; a++) {
        node_id x = n->arg[a];
        sum = made[x.i] && type_equal(graph_type(pl->g, x), n->type) && single_use(pl, x) &&
              pl->component[x.i] == pl->component[id.i];
    }
    return sum || graph_is_rows_product(pl->g, id, &weight_first);
}

static product_leaves collect_sum(planner *pl, node_id root)
{
    product_leaves leaves = {0};
    ARRAY(node_id) work = {0};
    array_push(pl->arena, &work, root);
    while (work.len) {
        node_id id = work.data[--work.len];
        const node *n = graph_node(pl->g, id);
        product_leaf leaf = {.matmul = id};
        if (graph_is_rows_product(pl->g, id, &leaf.weight_first)) {
            array_push(pl->arena, &leaves, leaf);
            continue;
        }
        array_push(pl->arena, &work, n->arg[1]);
        array_push(pl->arena, &work, n->arg[0]);
    }
    return leaves;
}

static void absorb(planner *pl, node_id root, const product_leaves *leaves)
{
    for (size_t i = 0; i < leaves->len; i++) {
        for (node_id id = leaves->data[i].matmul; !node_is(id, root); id = pl->users[id.i].data[0])
            pl->task[id.i] = TASK_FREE;
    }
}

static void find_rows_products(planner *pl)
{
    const node_list *order = &pl->order;
    bool *made = ARENA_ARRAY(pl->arena, bool, pl->count);
    for (size_t i = 0; i < order->len; i++) made[order->data[i].i] = is_made_of_products(pl, order->data[i], made);
    for (size_t i = order->len; i-- > 0;) { /* users first, so that the largest sums are found */
        node_id id = order->data[i];
        if (!made[id.i] || pl->task[id.i] == TASK_FREE) continue;
        pl->is_product[id.i] = true;
        pl->form[id.i] = FORM_ROWS;
        pl->leaves[id.i] = collect_sum(pl, id);
        absorb(pl, id, &pl->leaves[id.i]);
        pl->task[id.i] = TASK_STMT;
    }
}

/* ---- FORM_OUTER -------------------------------------------------------------------------------------------------- */

/* sum_over of the outer product of two vectors that both vary over exactly the axes summed. */
static bool is_outer_sum(const planner *pl, node_id id)
{
    const graph *g = pl->g;
    const node *n = graph_node(g, id);
    if (n->op != OP_sum_over || n->type.axes != 0 || (n->attr.over.axes & BATCH) == 0) return false;
    const node *m = graph_node(g, n->arg[0]);
    if (m->op != OP_matmul || !single_use(pl, n->arg[0])) return false;
    type a = graph_type(g, m->arg[0]), b = graph_type(g, m->arg[1]);
    int inner = a.shape.dim[m->attr.matmul.ta ? 0 : 1];
    return inner == 1 && a.axes == m->type.axes && b.axes == m->type.axes;
}

static void find_outer_sums(planner *pl)
{
    for (size_t i = 0; i < pl->order.len; i++) {
        node_id id = pl->order.data[i];
        if (!is_outer_sum(pl, id)) continue;
        pl->is_product[id.i] = true;
        pl->form[id.i] = FORM_OUTER;
        pl->task[id.i] = TASK_STMT;
        pl->task[graph_node(pl->g, id)->arg[0].i] = TASK_FREE;
    }
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

static bool adds_directly(const planner *pl, node_id id)
{
    const node *n = graph_node(pl->g, id);
    return pl->task[id.i] == TASK_SUM || n->op == OP_scatter || (pl->is_product[id.i] && pl->form[id.i] == FORM_OUTER);
}

/* A node on the walk down from a parameter's gradient; it belongs to this gradient alone when it has no other users and
 * is the gradient of no other parameter. */
typedef struct part {
    node_id id;
    size_t users, roots;
} part;

/* The parts of a parameter's gradient are added to the caller's array where they are computed. */
static void find_parts_of(planner *pl, uint32_t param)
{
    ARRAY(part) work = {0};
    array_push(pl->arena, &work, (part){pl->g->param_grad[param], 0, 1});
    while (work.len) {
        part top = work.data[--work.len];
        uint32_t id = top.id.i;
        const node *n = graph_node(pl->g, top.id);
        bool here_only = pl->users[id].len == top.users && pl->grad_roots[id] == top.roots && !pl->escapes[id];
        if (n->op == OP_add && here_only && pl->task[id] == TASK_POINTWISE &&
            type_equal(graph_type(pl->g, n->arg[0]), n->type) && type_equal(graph_type(pl->g, n->arg[1]), n->type)) {
            pl->task[id] = TASK_FREE;
            array_push(pl->arena, &work, (part){n->arg[1], 1, 0});
            array_push(pl->arena, &work, (part){n->arg[0], 1, 0});
        } else if (here_only && adds_directly(pl, top.id)) {
            pl->adds_to[id] = param + 1;
        } else {
            pl->escapes[id] = true;
            array_push(pl->arena, &pl->extra_adds, top.id);
            array_push(pl->arena, &pl->extra_to, param);
        }
    }
}

/* Reals are read where the caller keeps them, unless a product over rows needs zeros in the padding, or rows are those
 * of a shard. Tokens are checked and copied. */
static task input_task(const planner *pl, node_id id)
{
    const graph *g = pl->g;
    if (graph_type(g, id).element == TOKEN || (pl->p->pool->shards && pl->p->entry != ENTRY_STEP)) return TASK_STMT;
    for (size_t i = 0; i < pl->users[id.i].len; i++) {
        node_id user = pl->users[id.i].data[i];
        const node *n = graph_node(g, user);
        if (n->op == OP_matmul && pl->task[user.i] == TASK_FREE &&
            graph_node(g, pl->users[user.i].data[0])->op == OP_sum_over)
            return TASK_STMT;
        if (plan_is_inner(n)) return TASK_STMT;
    }
    return pl->escapes[id.i] ? TASK_STMT : TASK_FREE;
}

static task plain_task(const node *n)
{
    switch (op_table[n->op].class) {
    case SOURCE: return n->op == OP_uniform ? TASK_POINTWISE : n->op == OP_count ? TASK_STMT : TASK_FREE;
    case POINTWISE_OP: return TASK_POINTWISE;
    case AXIS: return n->op == OP_sum_over ? TASK_SUM : TASK_STMT;
    case PLACE: return n->op == OP_put ? TASK_POINTWISE : TASK_STMT;
    case LAYOUT: return plan_is_inner(n) ? TASK_FREE : TASK_STMT;
    case SHIFT: return TASK_FREE;
    case CONTRACTION:
    case REDUCTION:
    case GATHER:
    case SCATTER: return TASK_STMT;
    }
    BUG("operation without a class");
}

void plan_products(planner *pl)
{
    for (size_t i = 0; i < pl->order.len; i++) {
        node_id id = pl->order.data[i];
        const node *n = graph_node(pl->g, id);
        pl->task[id.i] = plain_task(n);
        pl->is_product[id.i] = n->op == OP_matmul;
        pl->form[id.i] = FORM_EACH;
    }
    find_rows_products(pl);
    find_outer_sums(pl);
    for (uint32_t i = 0; pl->g->param_grad && i < pl->g->params.len; i++) pl->grad_roots[pl->g->param_grad[i].i]++;
    for (uint32_t i = 0; pl->g->param_grad && i < pl->g->params.len; i++) {
        if (node_some(pl->g->param_grad[i])) find_parts_of(pl, i);
    }
    for (size_t i = 0; i < pl->order.len; i++) {
        node_id id = pl->order.data[i];
        if (graph_node(pl->g, id)->op == OP_input) pl->task[id.i] = input_task(pl, id);
    }
    plan_in_place(pl);
}
