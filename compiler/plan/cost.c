/* cost.c: operations and bytes of statements, and the machine that `rnnc explain --stage plan` predicts by.
 *
 * In: a program, the numbers of steps and sequences. Out: flops, bytes, and the level of memory that they come from.
 * Rows that several values share, such as the operand of a stacked product, count once in a statement. */
#include "plan/cost.h"
#include "plan/plan.h"

/* ---- the machine: a core with vectors of 512 bits, in round numbers ---------------------------------------------- */

enum {
    PRODUCT_FLOPS = 64, /* a cycle, floats: two fused multiply-adds of 16 */
    OTHER_FLOPS = 8,    /* exp and tanh among them, each counted as one */
    KIB = 1024,
    MIB = 1024 * KIB,
};

static const plan_level levels[] = {
    {"L1", 32 * KIB, 128}, {"L2", 1 * MIB, 48}, {"L3", 32 * MIB, 16}, {"memory", 0, 6}, /* holds everything */
};

const plan_level *plan_level_for(double bytes)
{
    size_t i = 0;
    while (levels[i].holds > 0 && bytes > levels[i].holds) i++;
    return &levels[i];
}

double plan_flops_per_cycle(const stmt *s, int real_size)
{
    return (s->kind == STMT_CONTRACT ? PRODUCT_FLOPS : OTHER_FLOPS) * (double)sizeof(float) / real_size;
}

const char *plan_machine(arena *a)
{
    text *t = text_new(a);
    text_put(t, "%d float operations a cycle in products, %d elsewhere; bytes a cycle:", PRODUCT_FLOPS, OTHER_FLOPS);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        text_put(t, "%s %.0f from %s", i ? "," : "", levels[i].per_cycle, levels[i].name);
        if (levels[i].holds > 0)
            text_put(t, levels[i].holds < MIB ? " (%.0f KiB)" : " (%.0f MiB)",
                     levels[i].holds / (levels[i].holds < MIB ? KIB : MIB));
    }
    return text_string(t);
}

bool plan_is_small(int numbers, bool one_row)
{
    enum { SMALL = 256, SMALL_OF_ONE = 4096 };
    return numbers <= (one_row ? SMALL_OF_ONE : SMALL);
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

/* Sums into memory are an addition each. */
static double elementwise_operations(const graph *g, const stmt *s)
{
    double count = 0;
    for (size_t i = 0; i < s->nodes.len; i++) {
        op which = graph_node(g, s->nodes.data[i])->op;
        bool moves = which == OP_copy || which == OP_cut || which == OP_expand || which == OP_norm;
        if (op_table[which].class == POINTWISE_OP && !moves) count += shape_size(s->shape);
    }
    for (size_t i = 0; i < s->stores.len; i++) {
        if (s->stores.data[i].mode != STORE_SET) count += shape_size(s->shape);
    }
    return count;
}

/* A softmax is a maximum, a difference, an exponential, a sum and a quotient. */
static double row_operations(const graph *g, const stmt *s)
{
    enum { SOFTMAX = 5 };
    double each = shape_size(graph_type(g, graph_node(g, s->nodes.data[0])->arg[0]).shape);
    return s->rows.op == OP_softmax || s->rows.op == OP_logsumexp ? SOFTMAX * each : each;
}

double plan_operations(const graph *g, const stmt *s)
{
    const contract *c = &s->product;
    if (s->kind == STMT_CONTRACT) return 2.0 * (c->M ? c->M : 1) * c->N * (c->K ? c->K : 1);
    if (s->kind == STMT_POINTWISE) return elementwise_operations(g, s);
    if (s->kind == STMT_OVER || s->kind == STMT_SCATTER) return shape_size(s->shape);
    return s->kind == STMT_ROWS && s->nodes.len ? row_operations(g, s) : 0;
}

/* Depth: loops. */
void plan_tally_region(plan_tally *t, const graph *g, const region *r, double product, double other)
{
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (!s) {
            plan_tally_region(t, g, r->items.data[i].region, product, other);
            continue;
        }
        double operations = plan_operations(g, s) * (s->kind == STMT_CONTRACT ? product : other);
        size_t k = 0;
        while (k < t->count && t->axes[k] != s->axes) k++;
        if (operations <= 0) continue;
        if (k == t->count) t->axes[t->count++] = s->axes;
        t->operations[k] += operations;
    }
}

double plan_row_count(const program *p, const plan_sizes *sizes, axis_set axes)
{
    double rows = axes & BATCH ? sizes->batch : 1;
    for (int a = 1; a <= p->graph->axes; a++) {
        if (axes & axis_bit(a) && p->entry != ENTRY_STEP) rows *= sizes->steps[a];
    }
    return rows;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

typedef struct tally {
    const program *p;
    const plan_sizes *sizes;
    axis_set loops;
    plan_cost *cost;
} tally;

/* `reals` numbers of each row of memory with these axes. */
static void add_bytes(tally *t, axis_set axes, double reals)
{
    double bytes = plan_row_count(t->p, t->sizes, axes) * reals * t->sizes->real_size;
    if (t->loops && (axes & t->loops) != t->loops)
        t->cost->again += bytes * t->cost->rounds / plan_row_count(t->p, t->sizes, axes & t->loops);
    else
        t->cost->rows += bytes;
}

static void add_view(tally *t, view v, double reals)
{
    if (v.buffer)
        add_bytes(t, t->p->buffers.data[v.buffer].axes | (v.row ? t->p->buffers.data[v.row->token.buffer].axes : 0),
                  reals);
}

/* Was the view read before in the statement? */
static bool is_known(const view *seen, size_t count, view v)
{
    for (size_t i = 0; i < count; i++) {
        bool same = seen[i].buffer == v.buffer && seen[i].column == v.column;
        for (int a = 1; a <= MAX_TIME_AXES; a++) same = same && seen[i].shift[a] == v.shift[a];
        if (same) return true;
    }
    return false;
}

static void add_operands(tally *t, const stmt *s)
{
    enum { MOST = 64 };
    view seen[MOST];
    size_t count = 0;
    for (size_t i = 0; i < s->nodes.len; i++) {
        const node *n = graph_node(t->p->graph, s->nodes.data[i]);
        for (int k = 0; k < n->args; k++) {
            view v = node_some(n->arg[k]) ? t->p->views[n->arg[k].i] : (view){0};
            if (!v.buffer || t->p->stmt_of[n->arg[k].i] == s || is_known(seen, count, v)) continue;
            if (count < MOST) seen[count++] = v;
            int whole = shape_size(graph_type(t->p->graph, n->arg[k]).shape), taken = shape_size(s->shape);
            add_view(t, v, s->kind == STMT_GATHER && taken < whole ? taken : whole);
        }
    }
}

static void add_contract(tally *t, const stmt *s)
{
    const contract *c = &s->product;
    for (size_t i = 0; i < c->addends.len; i++) {
        add_view(t, c->addends.data[i].a, c->addends.data[i].K);
        add_bytes(t, 0, (double)plan_packed_size(c->addends.data[i].K, c->N));
    }
    if (c->form == FORM_ROWS) {
        add_view(t, c->to, c->N);
        return;
    }
    double inner = c->form == FORM_EACH ? c->K : 1;
    add_view(t, c->a, c->M * inner);
    add_view(t, c->b, c->N * inner);
    add_view(t, c->to, (double)c->M * c->N * (c->add ? 2 : 1));
}

plan_cost plan_cost_of(const program *p, const plan_sizes *sizes, const stmt *s, axis_set loops)
{
    plan_cost c = {.rounds = plan_row_count(p, sizes, loops)};
    tally t = {p, sizes, loops, &c};
    c.flops = plan_operations(p->graph, s) * plan_row_count(p, sizes, s->axes);
    if (s->kind == STMT_CONTRACT) {
        add_contract(&t, s);
        return c;
    }
    add_operands(&t, s);
    for (size_t i = 0; i < s->stores.len; i++)
        add_view(&t, s->stores.data[i].to, shape_size(s->shape) * (s->stores.data[i].mode == STORE_SET ? 1.0 : 2.0));
    if (s->kind != STMT_POINTWISE) add_view(&t, s->to, shape_size(s->shape));
    return c;
}
