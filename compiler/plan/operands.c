/* operands.c: fills in the statements: what they read and write as views, which packed matrices products meet, and what
 * leaves the program: outputs and gradients.
 *
 * Needs: views. Sets: stmt.from, to, stores, product; packings; the statements that copy out. */
#include "plan/planner.h"

#include <string.h>

/* ---- packed matrices --------------------------------------------------------------------------------------------- */

static bool same_view(view a, view b) { return a.buffer == b.buffer && plan_same_columns(a, b); }

static bool same_packing(const packing *a, const packing *b)
{
    if (a->K != b->K || a->N != b->N || a->table != b->table || a->pieces.len != b->pieces.len || a->in_call ||
        b->in_call)
        return false;
    for (size_t i = 0; i < a->pieces.len; i++) {
        const packed_piece *x = &a->pieces.data[i], *y = &b->pieces.data[i];
        if (!same_view(x->matrix, y->matrix) || x->transposed != y->transposed || x->k0 != y->k0 || x->n0 != y->n0)
            return false;
    }
    return true;
}

/* A matrix made of constants alone is one itself, in the layout of the kernel: its buffer; 0: it is none. */
static int packed_constants(planner *pl, const packing *pk)
{
    program *p = pl->p;
    for (size_t i = 0; i < pk->pieces.len; i++) {
        const buffer *b = &p->buffers.data[pk->pieces.data[i].matrix.buffer];
        if (b->storage != STORE_LITERAL || !b->literal) return 0;
    }
    size_t size = plan_packed_size(pk->K, pk->N);
    double *packed = ARENA_ARRAY(pl->arena, double, size);
    for (size_t i = 0; i < pk->pieces.len; i++) {
        const packed_piece *x = &pk->pieces.data[i];
        const double *from = p->buffers.data[x->matrix.buffer].literal + x->matrix.column;
        int down = x->transposed ? x->matrix.sj : x->matrix.si, across = x->transposed ? x->matrix.si : x->matrix.sj;
        for (int k = 0; k < x->k; k++)
            for (int n = 0; n < x->n; n++)
                packed[plan_packed_index(x->k0 + k, x->n0 + n, pk->K)] = from[k * down + n * across];
    }
    for (size_t i = 1; i < p->buffers.len; i++) {
        const buffer *b = &p->buffers.data[i];
        bool alike = b->storage == STORE_LITERAL && b->literal && b->columns == size;
        if (alike && memcmp(b->literal, packed, size * sizeof *packed) == 0) return (int)i;
    }
    return plan_buffer(pl, (buffer){.storage = STORE_LITERAL, .columns = size, .literal = packed},
                       arena_printf(pl->arena, "packed_%zu", p->pool->packings.len));
}

/* The number of this packing in the pool. Those made of parameters alone are shared by all programs and filled by
 * `pack`; others are constants of a program, or filled by the call, into memory of the call. */
int plan_packing(planner *pl, packing pk)
{
    pool *shared = pl->p->pool;
    for (size_t i = 1; i < shared->packings.len; i++) {
        if (same_packing(&pk, &shared->packings.data[i])) return (int)i;
    }
    if (pk.in_call && !pk.buffer) {
        buffer b = {.storage = STORE_WORK, .columns = plan_packed_size(pk.K, pk.N)};
        pk.buffer = plan_buffer(pl, b, arena_printf(pl->arena, "packed_%zu", shared->packings.len));
    } else if (!pk.in_call) {
        pk.offset = shared->packed_size;
        shared->packed_size += pk.table ? plan_table_size(pk.K, pk.N) : plan_packed_size(pk.K, pk.N);
    }
    array_push(shared->arena, &shared->packings, pk);
    return (int)shared->packings.len - 1;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* The view of a vector, whatever its shape: component i at column + i * si. */
static view vector_view(const planner *pl, node_id id)
{
    view v = plan_view(pl, id);
    shape s = graph_type(pl->g, id).shape;
    if (s.rank == 2 && s.dim[0] == 1) v.si = v.sj;
    v.sj = 0;
    return v;
}

static bool continues(view a, int length, view b)
{
    for (int i = 1; i <= MAX_TIME_AXES; i++) {
        if (a.shift[i] != b.shift[i]) return false;
    }
    return a.buffer == b.buffer && a.si == 1 && b.si == 1 && b.column == a.column + length;
}

/* W x is component n = sum over k of op(W)(n, k) x(k); x W is sum over k of x(k) op(W)(k, n). */
static packed_piece piece_of(const planner *pl, const product_leaf *leaf, int K, int N)
{
    const node *m = graph_node(pl->g, leaf->matmul);
    bool flipped = leaf->weight_first ? m->attr.matmul.ta : m->attr.matmul.tb;
    node_id weight = plan_weight(pl, leaf);
    packed_piece piece = {.matrix = plan_view(pl, weight), .k = K, .n = N};
    piece.transposed = leaf->weight_first ? !flipped : flipped;
    if (graph_type(pl->g, weight).shape.rank == 1) piece.matrix.sj = 0; /* a column */
    return piece;
}

static bool by_parameters(const packing *pk)
{
    for (size_t i = 0; i < pk->pieces.len; i++) {
        if (pk->pieces.data[i].matrix.buffer != PARAM_BUFFER) return false;
    }
    return true;
}

static row_guard guard_of(const planner *pl, node_id matmul)
{
    plan_guard g = pl->guard[matmul.i];
    return node_some(g.condition) ? (row_guard){plan_view(pl, g.condition), g.negated} : (row_guard){.negated = false};
}

static void rows_product(planner *pl, stmt *s)
{
    contract *c = &s->product;
    const product_leaves *first = &pl->leaves[s->nodes.data[0].i];
    for (size_t r = 0; r < s->nodes.len; r++) c->N += shape_size(graph_type(pl->g, s->nodes.data[r]).shape);
    c->to = plan_view(pl, s->nodes.data[0]);
    for (size_t l = 0; l < first->len;) {
        node_id x = plan_vector(pl, &first->data[l]);
        plan_guard g = pl->guard[first->data[l].matmul.i], next;
        addend part = {.a = vector_view(pl, x), .guard = guard_of(pl, first->data[l].matmul)};
        packing pk = {.N = c->N};
        do {
            int K = shape_size(graph_type(pl->g, x).shape), n0 = 0;
            for (size_t r = 0; r < s->nodes.len; r++) {
                int N = shape_size(graph_type(pl->g, s->nodes.data[r]).shape);
                packed_piece piece = piece_of(pl, &pl->leaves[s->nodes.data[r].i].data[l], K, N);
                piece.k0 = part.K;
                piece.n0 = n0;
                n0 += N;
                array_push(pl->arena, &pk.pieces, piece);
            }
            part.K += K;
            if (++l == first->len) break;
            x = plan_vector(pl, &first->data[l]);
            next = pl->guard[first->data[l].matmul.i];
        } while (continues(part.a, part.K, vector_view(pl, x)) && node_is(g.condition, next.condition) &&
                 g.negated == next.negated);
        pk.K = part.K;
        c->K += part.K;
        pk.in_call = !by_parameters(&pk);
        pk.buffer = packed_constants(pl, &pk);
        part.packing = plan_packing(pl, pk);
        if (pk.in_call && !pk.buffer) {
            stmt *pack = plan_stmt(pl, STMT_PACK);
            pack->pack.packing = part.packing;
            plan_insert_before(pl, pl->p->top, s, pack);
        }
        array_push(pl->arena, &c->addends, part);
    }
}

static view result_view(const planner *pl, node_id id, bool *add)
{
    *add = pl->adds_to[id.i] != 0;
    return *add ? plan_gradient(pl, pl->adds_to[id.i] - 1) : plan_view(pl, id);
}

static view swapped(view v, bool swap)
{
    if (swap) {
        int si = v.si;
        v.si = v.sj;
        v.sj = si;
    }
    return v;
}

static void clear_before(planner *pl, stmt *s, node_id id);

/* What each segment adds to is cleared in front of all. */
static void add_to_cleared(planner *pl, stmt *s, node_id id, bool *add)
{
    if (*add || graph_type(pl->g, id).axes & ~(axis_set)BATCH || !plan_segment_region(pl->region_of[id.i])) return;
    clear_before(pl, s, id);
    *add = true;
}

static void other_product(planner *pl, stmt *s)
{
    contract *c = &s->product;
    node_id id = s->nodes.data[0];
    const node *n = graph_node(pl->g, id);
    const node *m = c->form == FORM_OUTER ? graph_node(pl->g, n->arg[0]) : n;
    shape a = graph_type(pl->g, m->arg[0]).shape;
    c->K = a.dim[m->attr.matmul.ta ? 0 : 1];
    c->M = a.dim[m->attr.matmul.ta ? 1 : 0];
    c->N = shape_size(m->type.shape) / c->M;
    c->to = result_view(pl, id, &c->add);
    if (c->form == FORM_OUTER) {
        c->a = vector_view(pl, m->arg[0]);
        c->b = vector_view(pl, m->arg[1]);
        c->K = 0;
        c->guard = guard_of(pl, n->arg[0]);
        s->axes = m->type.axes;
        add_to_cleared(pl, s, id, &c->add);
        return;
    }
    c->a = swapped(plan_view(pl, m->arg[0]), m->attr.matmul.ta);
    c->b = swapped(plan_view(pl, m->arg[1]), m->attr.matmul.tb);
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

/* Sums over time of earlier chunks live on in the state, under a name that the other programs give them, too: nodes
 * without one are counted among those of their variable. */
static int state_for(planner *pl, node_id id, int rows)
{
    const graph *g = pl->g;
    const node *n = graph_node(g, id);
    name label = name_printf(g->names, "%s.%s", graph_label(g, pl->arena, id), op_table[n->op].name);
    if (!*graph_label(g, pl->arena, id)) {
        int before = 0;
        for (uint32_t i = 1; i < id.i; i++) {
            const node *m = graph_node(g, (node_id){i});
            before += m->op == n->op && m->attr.over.carry && m->origin.variable == n->origin.variable &&
                      !*graph_label(g, pl->arena, (node_id){i});
        }
        label = name_printf(g->names, "%s.%d", plan_label(g, pl->arena, id), before + 1);
    }
    return plan_state(pl->p,
                      (state_slot){.name = label, .of = n->op, .rows = rows, .columns = shape_size(n->type.shape)});
}

static bool is_cleared(const region *r, int number)
{
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (s && s->kind == STMT_CLEAR && s->to.buffer == number) return true;
    }
    return false;
}

/* A sum that a loop adds to, or a table, of zeros in front of it. */
static void clear_before(planner *pl, stmt *s, node_id id)
{
    region *around = plan_around_sum(pl, id);
    view to = pl->p->views[id.i];
    bool table = graph_node(pl->g, id)->op == OP_scatter;
    if (table && is_cleared(pl->p->top, to.buffer)) return;
    stmt *clear = plan_stmt(pl, STMT_CLEAR);
    clear->axes = graph_type(pl->g, id).axes;
    clear->shape = graph_type(pl->g, id).shape;
    clear->to = to;
    if (table) {
        clear->shape = shape_vector((int)pl->p->buffers.data[to.buffer].columns);
        clear->to = (view){.buffer = to.buffer, .si = 1};
    }
    array_push(pl->arena, &clear->nodes, id);
    plan_insert_before(pl, around ? around : plan_outside_rows(pl->region_of[id.i]), s, clear);
}

/* A sum that goes on from call to call is kept for the next one when the loop is done. */
static void save_sum(planner *pl, stmt *s, node_id id, int state)
{
    region *top = pl->p->top;
    stmt *save = plan_stmt(pl, STMT_SAVE);
    for (size_t i = 0; i < top->items.len; i++) {
        stmt *clear = top->items.data[i].stmt;
        if (clear && clear->kind == STMT_CLEAR && node_is(clear->nodes.data[0], id)) clear->clear.state = state;
    }
    save->axes = graph_type(pl->g, id).axes;
    save->shape = s->shape;
    save->to = pl->p->views[id.i];
    save->save.state = state;
    array_push(pl->arena, &save->nodes, id);
    array_push(pl->arena, &top->items, (item){.stmt = save});
}

static void pointwise_stores(planner *pl, stmt *s)
{
    for (size_t i = 0; i < s->nodes.len; i++) {
        node_id id = s->nodes.data[i];
        const node *n = graph_node(pl->g, id);
        if (!pl->kept[id.i] && !pl->adds_to[id.i]) continue;
        store st = {.node = id};
        bool add;
        st.to = result_view(pl, id, &add);
        st.mode = add ? STORE_ADD : pl->task[id.i] == TASK_SUM ? STORE_SUM : STORE_SET;
        if (st.mode == STORE_SUM && n->attr.over.carry && pl->p->pool->carries) st.state = state_for(pl, id, 1);
        bool table = n->op == OP_scatter && pl->task[id.i] == TASK_SUM;
        if (st.mode == STORE_SUM && (table || plan_around_sum(pl, id))) {
            st.mode = STORE_ADD;
            clear_before(pl, s, id);
            if (st.state) save_sum(pl, s, id, st.state);
            st.state = 0;
        }
        if (table) st.to = plan_added_row(pl, id);
        array_push(pl->arena, &s->stores, st);
    }
}

static void plain_operands(planner *pl, stmt *s)
{
    node_id id = s->nodes.data[0];
    const node *n = graph_node(pl->g, id);
    bool add;
    s->to = result_view(pl, id, &add);
    for (int i = 0; i < n->args; i++) {
        view v = node_some(n->arg[i]) ? plan_view(pl, n->arg[i]) : (view){0};
        array_push(pl->arena, &s->from, n->op == OP_concat && v.buffer == s->to.buffer ? (view){0} : v);
    }
    if (s->nodes.len > 1)
        array_push(pl->arena, &s->stores, (store){.node = s->nodes.data[1], .to = plan_view(pl, s->nodes.data[1])});
    if (n->op == OP_max_over && n->attr.over.carry && pl->p->pool->carries) s->over.state = state_for(pl, id, 1);
    if (n->op == OP_at) {
        s->gather.axis = n->attr.axis;
        if (n->attr.over.carry && !n->attr.from_end && pl->p->pool->carries) s->gather.state = state_for(pl, id, 1);
    }
    if (n->op == OP_scatter || n->op == OP_max_over) s->axes = n->type.axes | n->attr.over.axes;
    s->shape = n->type.shape;
    if (n->op == OP_scatter) {
        add_to_cleared(pl, s, id, &add);
        s->scatter.add = add;
    }
}

static void fill_stmt(planner *pl, stmt *s)
{
    if (s->kind == STMT_POINTWISE)
        pointwise_stores(pl, s);
    else if (s->kind == STMT_CONTRACT && s->product.form == FORM_ROWS)
        rows_product(pl, s);
    else if (s->kind == STMT_CONTRACT)
        other_product(pl, s);
    else
        plain_operands(pl, s);
}

/* Depth: loops. The items grow while statements that pack are put in front. */
static void fill_region(planner *pl, region *r)
{
    ARRAY(item) items = {0};
    for (size_t i = 0; i < r->items.len; i++) array_push(pl->arena, &items, r->items.data[i]);
    for (size_t i = 0; i < items.len; i++) {
        if (items.data[i].stmt)
            fill_stmt(pl, items.data[i].stmt);
        else
            fill_region(pl, items.data[i].region);
    }
}

/* ---- what leaves the program ------------------------------------------------------------------------------------- */

static void copy_out(planner *pl, node_id id, copy_target target, uint32_t index)
{
    stmt *s = plan_stmt(pl, STMT_COPY);
    s->axes = graph_type(pl->g, id).axes;
    s->shape = graph_type(pl->g, id).shape;
    s->copy.op = OP_copy;
    s->copy.target = target;
    s->copy.index = (int)index;
    array_push(pl->arena, &s->from, plan_view(pl, id));
    region *cut = s->axes & ~(axis_set)BATCH ? plan_segment_region(pl->region_of[id.i]) : NULL;
    array_push(pl->arena, cut ? &cut->items : &pl->p->top->items, (item){.stmt = s});
}

void plan_operands(planner *pl)
{
    graph *g = pl->g;
    fill_region(pl, pl->p->top);
    for (size_t i = 0; i < pl->extra_adds.len; i++) {
        node_id id = pl->extra_adds.data[i];
        stmt *s = plan_stmt(pl, STMT_POINTWISE);
        s->shape = graph_type(g, id).shape;
        array_push(pl->arena, &s->stores,
                   (store){.node = id, .to = plan_gradient(pl, pl->extra_to.data[i]), .mode = STORE_ADD});
        array_push(pl->arena, &pl->p->top->items, (item){.stmt = s});
    }
    for (uint32_t i = 0; i < g->outputs.len; i++) copy_out(pl, g->outputs.data[i].node, COPY_TO_OUTPUT, i);
    for (uint32_t i = 0; g->input_grad && i < g->inputs.len; i++) {
        if (node_some(g->input_grad[i])) copy_out(pl, g->input_grad[i], COPY_TO_INPUT_GRAD, i);
    }
    if (node_some(g->loss)) pl->p->loss = plan_view(pl, g->loss);
}
