/* grad_ops.c: the gradient of every operation against central differences, both by the oracle, in doubles.
 *
 * A case builds a value from parameters and inputs; the harness makes a loss of it, differentiates, and moves every
 * parameter and every entry of every real input a little. Each case runs over full batches, over ragged ones, and with
 * a sequence that is absent. Pointwise operations are taken from ops.def one by one; every other one has its cases in a
 * table, and an operation without a case fails the suite. */
#include "derive/derive.h"
#include "oracle/oracle.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { T = 5, S = 3, B = 3, CLASSES = 4 };
static const axis_set NO_AXES = 0, ON_B = BATCH, ON_T = BATCH | 2, ON_S = BATCH | 4, ON_TS = BATCH | 2 | 4;

/* ---- a graph with its values ------------------------------------------------------------------------------------ */

typedef struct bench {
    arena *arena;
    graph *g;
    bool positive;                      /* the values: in (0.6, 1.6), else also their negatives */
    uint64_t random;
    ARRAY(double) params;
    ARRAY(double *) inputs;
    oracle_call call;
} bench;

static double draw(bench *b)            /* in [0, 1) */
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(b->random >> 40) / (double)(1 << 24);
}

static double draw_value(bench *b)
{
    double v = 0.6 + draw(b);
    return b->positive || draw(b) < 0.5 ? v : -v;
}

enum lengths { FULL, RAGGED, ABSENT, LENGTHS };

static bench *new_bench(enum lengths which, bool positive)
{
    static const int t[LENGTHS][B] = {{T, T, T}, {4, 1, T}, {T, 0, 3}};
    static const int s[LENGTHS][B] = {{S, S, S}, {1, S, 2}, {S, S, 2}};
    arena *a = arena_new();
    bench *b = ARENA_NEW(a, bench);
    names *n = names_new(a);
    b->arena = a;
    b->positive = positive;
    b->random = 12345;
    b->g = graph_new(a, n);
    b->g->axis[1] = (graph_axis){name_of(n, "t"), name_of(n, "T")};
    b->g->axis[2] = (graph_axis){name_of(n, "s"), name_of(n, "S")};
    b->g->axes = 2;
    b->g->losses = 1;
    b->call = (oracle_call){.batch = B, .steps = {0, T, S}, .lengths = {NULL, t[which], s[which]},
                            .seed = 7, .update = 3};
    return b;
}

/* A value over the axes: a parameter where there are none, else an input. */
static node_id leaf(bench *b, shape s, axis_set axes)
{
    graph *g = b->g;
    if (!axes) {
        for (int i = 0; i < shape_size(s); i++)
            array_push(b->arena, &b->params, draw_value(b));
        const char *path = arena_printf(b->arena, "p%zu", g->params.len);
        array_push(b->arena, &g->params, (graph_param){.path = path, .shape = s});
        return graph_param_node(g, (uint32_t)g->params.len - 1);
    }
    int size = shape_size(s) * B * (axes & 2 ? T : 1) * (axes & 4 ? S : 1);
    double *values = ARENA_ARRAY(b->arena, double, (size_t)size);
    for (int i = 0; i < size; i++)
        values[i] = draw_value(b);
    array_push(b->arena, &b->inputs, values);
    array_push(b->arena, &g->inputs, (graph_input){.path = arena_printf(b->arena, "x%zu", g->inputs.len),
                                                   .type = type_real(s, axes)});
    return graph_input_node(g, (uint32_t)g->inputs.len - 1);
}

/* Tokens, one in five of them none. */
static node_id tokens(bench *b, axis_set axes)
{
    node_id id = leaf(b, SCALAR, axes);
    graph_input *in = &b->g->inputs.data[b->g->inputs.len - 1];
    in->type.element = TOKEN;
    in->classes = CLASSES;
    graph_node(b->g, id)->type.element = TOKEN;
    double *values = b->inputs.data[b->inputs.len - 1];
    for (int i = 0; i < B * (axes & 2 ? T : 1) * (axes & 4 ? S : 1); i++)
        values[i] = floor(draw(b) * (CLASSES + 1)) - 1;
    return id;
}

static node_id unary(bench *b, op o, node_id x)
{
    return graph_pointwise(b->g, o, x, NO_NODE, NO_NODE);
}

static node_id binary(bench *b, op o, node_id x, node_id z)
{
    return graph_pointwise(b->g, o, x, z, NO_NODE);
}

/* A scalar that feels every component and step of y differently: the sum over all of y (w + y / 2), w some weights. */
static void set_loss(bench *b, node_id y)
{
    graph *g = b->g;
    shape s = graph_type(g, y).shape;
    double *weights = ARENA_ARRAY(b->arena, double, (size_t)shape_size(s));
    for (int i = 0; i < shape_size(s); i++)
        weights[i] = 0.3 + draw(b);
    node_id w = s.rank ? graph_literal(g, s, weights) : graph_number(g, weights[0]);
    node_id half = binary(b, OP_mul, y, graph_number(g, 0.5));
    node_id each = binary(b, OP_mul, y, binary(b, OP_add, w, half));
    if (s.rank)
        each = graph_sum(g, each, SCALAR);
    axis_set axes = graph_type(g, each).axes;
    g->loss = axes ? graph_sum_over(g, each, axes, false) : each;
}

/* ---- gradients by differentiation and by differences ------------------------------------------------------------ */

static void bind(bench *b)
{
    b->call.params = b->params.data;
    b->call.inputs = (const double *const *)b->inputs.data;
}

static double *value(bench *b, node_id id)
{
    bind(b);
    oracle *o = oracle_new(b->g, &b->call);
    double *out = ARENA_ARRAY(b->arena, double, oracle_size(o, id));
    oracle_value(o, id, out);
    oracle_free(o);
    return out;
}

static double loss(bench *b)
{
    double out;
    bind(b);
    oracle *o = oracle_new(b->g, &b->call);
    oracle_value(o, b->g->loss, &out);
    oracle_free(o);
    return out;
}

static double difference(bench *b, double *x)
{
    double kept = *x, h = 1e-5;
    *x = kept + h;
    double above = loss(b);
    *x = kept - h;
    double below = loss(b);
    *x = kept;
    return (above - below) / (2 * h);
}

typedef struct comparison { bench *b; const char *what; double largest; bool apply; } comparison;

/* Once to find the largest gradient of the case, once to compare with it. */
static void compare(comparison *c, const char *path, node_id grad, double *x, size_t count)
{
    double *derived = node_some(grad) ? value(c->b, grad) : ARENA_ARRAY(c->b->arena, double, count);
    for (size_t i = 0; i < count; i++) {
        double n = difference(c->b, &x[i]), scale = fmax(c->largest, fmax(fabs(derived[i]), fabs(n)));
        if (!c->apply)
            c->largest = fmax(c->largest, fabs(n));
        else if (!(fabs(derived[i] - n) <= 1e-6 * scale))
            ck_abort_msg("%s: gradient of %s[%zu] is %.12g, by differences %.12g", c->what, path, i, derived[i], n);
    }
}

static void check_gradients(bench *b, const char *what)
{
    graph *g = b->g;
    graph_verify(g, "building");
    derive_gradients(g);
    graph_compact(g);
    graph_verify(g, "derive");
    ck_assert_msg(isfinite(loss(b)), "%s: the loss is no number", what);
    comparison c = {b, what, 0, false};
    for (int pass = 0; pass < 2; pass++, c.apply = true) {
        double *p = b->params.data;
        for (size_t i = 0; i < g->params.len; i++) {
            compare(&c, g->params.data[i].path, g->param_grad[i], p, (size_t)shape_size(g->params.data[i].shape));
            p += shape_size(g->params.data[i].shape);
        }
        for (size_t i = 0; i < g->inputs.len; i++) {
            type t = g->inputs.data[i].type;
            size_t count = (size_t)shape_size(t.shape) * B * (t.axes & 2 ? T : 1) * (t.axes & 4 ? S : 1);
            if (t.element == REAL)
                compare(&c, g->inputs.data[i].path, g->input_grad[i], b->inputs.data[i], count);
        }
    }
}

static bool loss_uses(const bench *b, op o)
{
    node_list order = graph_order(b->g, b->arena);
    for (size_t i = 0; i < order.len; i++)
        if (graph_node(b->g, order.data[i])->op == o)
            return true;
    return false;
}

/* ---- pointwise operations --------------------------------------------------------------------------------------- */

static const axis_set AXES[][3] = {
    {3, 3, 3}, {0, 3, 5}, {3, 0, 1}, {5, 3, 0}, {1, 3, 3}, {0, 0, 0}, {0, 7, 3},
};
enum { AXES_COUNT = sizeof AXES / sizeof *AXES, SHAPES_COUNT = 7 };

static shape pointwise_shape(int which, int operand)
{
    shape m = shape_matrix(2, 3), column = shape_vector(2), row = shape_matrix(1, 3), v = shape_vector(3);
    shape of[SHAPES_COUNT][3] = {{SCALAR, SCALAR, SCALAR}, {v, v, v}, {SCALAR, v, SCALAR}, {v, SCALAR, v},
                                 {column, m, SCALAR}, {m, row, column}, {m, SCALAR, m}};
    return of[which][operand];
}

/* The operation on leaves of the given shapes and axes. */
static node_id apply(bench *b, op o, int shapes, const axis_set *axes)
{
    graph *g = b->g;
    node_id x[3] = {{0}};
    for (int i = 0; i < op_table[o].arity; i++)
        x[i] = leaf(b, pointwise_shape(shapes, i), axes[i]);
    if (o == OP_expand)
        return graph_expand(g, x[0], type_real(shapes == 4 ? shape_matrix(2, 3) : pointwise_shape(shapes, 0), ON_TS));
    if (o == OP_norm) {
        node_id whole = graph_type(g, x[0]).shape.rank ? graph_sum(g, x[0], SCALAR) : x[0];
        axis_set over = graph_type(g, whole).axes;
        return graph_norm(g, over ? graph_sum_over(g, whole, over, false) : whole, 0);
    }
    if (o == OP_select)
        x[0] = binary(b, OP_gt, x[0], graph_number(g, 0));
    if (o == OP_eq || o == OP_ne || o == OP_not || o == OP_and || o == OP_or)
        x[0] = unary(b, OP_relu, x[0]);
    return graph_pointwise(g, o, x[0], x[1], x[2]);
}

static void check_pointwise(op o, int shapes, int axes, enum lengths which)
{
    bool positive = o == OP_log || o == OP_sqrt || o == OP_pow || o == OP_norm;
    bench *b = new_bench(which, positive);
    node_id y = apply(b, o, shapes, AXES[axes]);
    set_loss(b, binary(b, OP_mul, y, leaf(b, SCALAR, NO_AXES)));
    ck_assert(loss_uses(b, o));
    check_gradients(b, arena_printf(b->arena, "%s, shapes %d, axes %d, lengths %d", op_table[o].name, shapes, axes,
                                    which));
    arena_free(b->arena);
}

START_TEST(pointwise)
{
    op o = (op)_i;
    if (op_table[o].class != POINTWISE_OP || o == OP_cut)     /* `cut` has a test of its own */
        return;
    for (int shapes = 0; shapes < SHAPES_COUNT; shapes++)
        for (int axes = 0; axes < AXES_COUNT; axes++)
            if (shapes < 2 || axes < 2 || shapes == axes)
                check_pointwise(o, shapes, axes, (enum lengths)((shapes + axes) % LENGTHS));
}
END_TEST

/* d(cut(x) x)/dx = x: nothing flows through the first factor. */
START_TEST(cut)
{
    bench *b = new_bench(RAGGED, false);
    node_id x = leaf(b, shape_vector(3), NO_AXES);
    b->g->loss = graph_sum(b->g, binary(b, OP_mul, unary(b, OP_cut, x), x), SCALAR);
    derive_gradients(b->g);
    double *d = value(b, b->g->param_grad[0]);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(d[i], b->params.data[i], 1e-12);
    arena_free(b->arena);
}
END_TEST

/* What the gradient is where there is none; see ops.def. */
static double slope_at(op o, double x, double z, int operand)
{
    bench *b = new_bench(FULL, false);
    node_id a = leaf(b, SCALAR, NO_AXES), c = leaf(b, SCALAR, NO_AXES);
    b->params.data[0] = x;
    b->params.data[1] = z;
    b->g->loss = op_table[o].arity == 1 ? unary(b, o, a) : binary(b, o, a, c);
    derive_gradients(b->g);
    node_id d = b->g->param_grad[operand];
    double slope = node_some(d) ? *value(b, d) : 0;
    arena_free(b->arena);
    return slope;
}

START_TEST(kinks)
{
    ck_assert_double_eq(slope_at(OP_abs, 0, 0, 0), 0);
    ck_assert_double_eq(slope_at(OP_relu, 0, 0, 0), 0);
    ck_assert_double_eq(slope_at(OP_sqrt, 0, 0, 0), 0);
    for (int operand = 0; operand < 2; operand++) {
        ck_assert_double_eq(slope_at(OP_min, 2, 2, operand), 0.5);
        ck_assert_double_eq(slope_at(OP_max, 2, 2, operand), 0.5);
    }
    ck_assert_double_eq(slope_at(OP_pow, 0, 2, 0), 0);
    ck_assert_double_eq(slope_at(OP_pow, 0, 2, 1), 0);
    ck_assert_double_eq(slope_at(OP_pow, -2, 2, 0), -4);
    ck_assert_double_eq(slope_at(OP_pow, 0, 1, 0), 1);
    ck_assert_double_eq(slope_at(OP_pow, 4, 0.5, 0), 0.25);
    ck_assert_double_eq(slope_at(OP_pow, 2, -1, 0), -0.25);
    for (int operand = 0; operand < 2; operand++)           /* not finite: 0 */
        for (int which = 0; which < 3; which++)
            ck_assert_double_eq(slope_at(OP_pow, 0, (double[]){0.5, 0, -1}[which], operand), 0);
}
END_TEST

/* Components that attain the maximum share what flows back. */
START_TEST(tied_maxima)
{
    bench *b = new_bench(FULL, false);
    node_id x = leaf(b, shape_vector(4), NO_AXES);
    memcpy(b->params.data, (double[]){1, 3, 3, 2}, 4 * sizeof(double));
    b->g->loss = graph_maximum(b->g, x);
    derive_gradients(b->g);
    double *d = value(b, b->g->param_grad[0]);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(d[i], i == 1 || i == 2 ? 0.5 : 0);
    arena_free(b->arena);

    b = new_bench(FULL, false);
    node_id v = leaf(b, SCALAR, ON_T);
    for (int i = 0; i < T * B; i++)
        b->inputs.data[0][i] = i / B < 2 ? 5 : 1;             /* the first two steps of every sequence */
    b->g->loss = graph_sum_over(b->g, graph_max_over(b->g, v, 2, false), ON_B, false);
    derive_gradients(b->g);
    d = value(b, b->g->input_grad[0]);
    for (int i = 0; i < T * B; i++)
        ck_assert_double_eq(d[i], i / B < 2 ? 0.5 : 0);
    arena_free(b->arena);
}
END_TEST

/* The maximum lies in an earlier chunk: here the node, once differentiated, becomes an input that is larger than all
 * steps. */
START_TEST(maximum_of_an_earlier_chunk)
{
    bench *b = new_bench(RAGGED, false);
    graph *g = b->g;
    node_id v = leaf(b, SCALAR, ON_T), carried = leaf(b, SCALAR, ON_B), top = graph_max_over(g, v, 2, true);
    for (int i = 0; i < B; i++)
        b->inputs.data[1][i] = 100;
    g->loss = graph_sum_over(g, top, ON_B, false);
    derive_gradients(g);
    *graph_node(g, top) = *graph_node(g, carried);
    double *d = value(b, g->input_grad[0]);
    for (int i = 0; i < T * B; i++)
        ck_assert_double_eq(d[i], 0);
    arena_free(b->arena);
}
END_TEST

/* ---- the other operations --------------------------------------------------------------------------------------- */

/* Builds variant number `which`; NO_NODE when there are no more. */
typedef node_id builder(bench *b, int which);

static node_id times_leaf(bench *b, node_id x, axis_set axes)
{
    return binary(b, OP_mul, x, leaf(b, graph_type(b->g, x).shape, axes));
}

static node_id build_param(bench *b, int which)
{
    shape of[] = {SCALAR, shape_vector(3), shape_matrix(2, 3)};
    return which < 3 ? unary(b, OP_exp, leaf(b, of[which], NO_AXES)) : NO_NODE;
}

static node_id build_input(bench *b, int which)
{
    axis_set of[] = {ON_B, ON_T, ON_S, ON_TS};
    return which < 4 ? unary(b, OP_exp, leaf(b, shape_vector(2), of[which])) : NO_NODE;
}

static node_id build_number(bench *b, int which)
{
    return which < 1 ? times_leaf(b, graph_number(b->g, -1.5), ON_T) : NO_NODE;
}

static node_id build_literal(bench *b, int which)
{
    double values[] = {1, -2, 3, 0.5, 0, 7};
    shape of[] = {shape_vector(6), shape_matrix(2, 3)};
    return which < 2 ? times_leaf(b, graph_literal(b->g, of[which], values), ON_T) : NO_NODE;
}

static node_id build_iota(bench *b, int which)
{
    return which < 1 ? times_leaf(b, graph_iota(b->g, 4), ON_T) : NO_NODE;
}

static node_id build_step(bench *b, int which)
{
    return which < 4 ? times_leaf(b, graph_step(b->g, 1 + which % 2), which < 2 ? ON_TS : NO_AXES) : NO_NODE;
}

static node_id build_length(bench *b, int which)
{
    return which < 4 ? times_leaf(b, graph_length(b->g, 1 + which % 2), which < 2 ? ON_TS : NO_AXES) : NO_NODE;
}

static node_id build_count(bench *b, int which)
{
    axis_set of[] = {ON_B, ON_T, ON_TS, 2, 2 | 4};
    return which < 5 ? times_leaf(b, graph_count(b->g, of[which]), ON_T) : NO_NODE;
}

static node_id build_uniform(bench *b, int which)
{
    axis_set of[] = {NO_AXES, ON_B, ON_T, ON_TS};
    return which < 4 ? times_leaf(b, graph_uniform(b->g, "p.dropout", shape_vector(3), of[which]), ON_T) : NO_NODE;
}

/* Every transposition, ranks and axes of both operands; the sizes are made to agree. */
static node_id build_matmul(bench *b, int which)
{
    static const axis_set of[][2] = {{0, 3}, {3, 0}, {3, 3}, {3, 5}, {0, 0}, {1, 3}, {7, 1}};
    bool ta = which & 1, tb = which & 2;
    int ra = which & 4 ? 1 : 2, rb = which & 8 ? 1 : 2, axes = which / 16;
    if (axes >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    int m = ra == 1 && ta ? 1 : 2, n = rb == 1 && !tb ? 1 : 4;
    int k = (ra == 1 && !ta) || (rb == 1 && tb) ? 1 : 3;
    shape sa = ra == 1 ? shape_vector(m * k) : ta ? shape_matrix(k, m) : shape_matrix(m, k);
    shape sb = rb == 1 ? shape_vector(k * n) : tb ? shape_matrix(n, k) : shape_matrix(k, n);
    node_id x = leaf(b, sa, of[axes][0]);
    return graph_matmul(b->g, x, ta, leaf(b, sb, of[axes][1]), tb);
}

static node_id build_sum(bench *b, int which)
{
    shape from = shape_matrix(2, 3), to[] = {SCALAR, shape_vector(2), shape_matrix(1, 3)};
    if (which >= 8)
        return NO_NODE;
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    return which < 6 ? graph_sum(b->g, leaf(b, from, axes), to[which / 2]) :
                       graph_sum(b->g, leaf(b, shape_vector(3), axes), SCALAR);
}

static node_id build_maximum(bench *b, int which)
{
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    return which < 4 ? graph_maximum(b->g, leaf(b, which < 2 ? shape_vector(4) : shape_matrix(2, 3), axes)) : NO_NODE;
}

static node_id build_softmax(bench *b, int which)
{
    return which < 2 ? graph_softmax(b->g, leaf(b, shape_vector(4), which ? ON_T : NO_AXES)) : NO_NODE;
}

static node_id build_logsumexp(bench *b, int which)
{
    return which < 2 ? graph_logsumexp(b->g, leaf(b, shape_vector(4), which ? ON_T : NO_AXES)) : NO_NODE;
}

/* Also over axes that the operand lacks: then it counts once per step. */
static node_id build_sum_over(bench *b, int which)
{
    static const axis_set of[][2] = {{3, 3}, {3, 2}, {7, 4}, {7, 2}, {7, 7}, {1, 1}, {1, 2}, {1, 3}, {5, 2}, {0, 2},
                                     {0, 3}, {0, 1}};
    if (which >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    return graph_sum_over(b->g, leaf(b, shape_vector(2), of[which][0]), of[which][1], which % 2);
}

static node_id build_max_over(bench *b, int which)
{
    static const axis_set of[][2] = {{3, 2}, {7, 2}, {7, 4}, {5, 4}};
    if (which >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    return graph_max_over(b->g, leaf(b, shape_vector(2), of[which][0]), of[which][1], false);
}

/* Offsets beyond the lengths too; without, with absent, and with all boundaries; operands with fewer axes. */
static node_id build_shift(bench *b, int which)
{
    static const axis_set of[] = {3, 7, 1, 0};
    int k = which % 13 - 6, edges = which / 13 % 3, axes = which / 39;
    if (axes >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    shape s = shape_vector(2);
    node_id x = leaf(b, s, of[axes]), edge[4] = {{0}};
    if (edges) {
        edge[0] = leaf(b, s, NO_AXES);
        edge[1] = edges == 2 ? leaf(b, s, axes == 1 ? ON_S : ON_B) : NO_NODE;
        edge[2] = edges == 2 ? edge[0] : NO_NODE;
        edge[3] = leaf(b, s, ON_B);
    }
    return graph_shift(b->g, x, (type){0}, 1, k, edge, edges ? 2 : 0, edges ? 2 : 0);
}

static node_id build_at(bench *b, int which)
{
    static const axis_set of[] = {3, 7, 1, 0};
    int k = which % 9 - 2, edges = which / 18 % 2, axes = which / 36;
    bool from_end = which / 9 % 2;
    if (axes >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    shape s = shape_vector(2);
    node_id x = leaf(b, s, of[axes]), edge[5];
    for (int i = 0; i < 5; i++)
        edge[i] = i == 1 ? NO_NODE : leaf(b, s, i % 2 ? ON_B : NO_AXES);
    return graph_at(b->g, x, (type){0}, 1, from_end, k, edge, edges ? 3 : 0, edges ? 2 : 0);
}

static node_id build_put(bench *b, int which)
{
    static const axis_set of[] = {1, 5, 0};
    int k = which % 8 - 1, axes = which / 16;
    if (axes >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    return graph_put(b->g, leaf(b, shape_vector(2), of[axes]), 1, which / 8 % 2, k);
}

static node_id build_concat(bench *b, int which)
{
    node_id x[3];
    shape of[][3] = {{shape_vector(2), shape_vector(1), shape_vector(3)},
                     {shape_matrix(1, 2), shape_matrix(3, 2), shape_matrix(1, 2)},
                     {shape_matrix(2, 1), shape_matrix(2, 3), shape_matrix(2, 2)}};
    if (which >= 3)
        return NO_NODE;
    for (int i = 0; i < 3; i++)
        x[i] = leaf(b, of[which][i], (axis_set[]){ON_T, NO_AXES, ON_B}[i]);
    return graph_concat(b->g, x, 3, which == 2);
}

static node_id build_slice(bench *b, int which)
{
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    if (which >= 6)
        return NO_NODE;
    return which < 2 ? graph_slice(b->g, leaf(b, shape_vector(5), axes), 0, 1, 3) :
                       graph_slice(b->g, leaf(b, shape_matrix(3, 4), axes), which / 2 - 1, 1, 2);
}

static node_id build_pad(bench *b, int which)
{
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    if (which >= 6)
        return NO_NODE;
    return which < 2 ? graph_pad(b->g, leaf(b, shape_vector(2), axes), 0, 1, 5) :
                       graph_pad(b->g, leaf(b, shape_matrix(3, 2), axes), which / 2 - 1, 1, 6);
}

static node_id build_transpose(bench *b, int which)
{
    shape of[] = {shape_vector(3), shape_matrix(2, 3), shape_matrix(1, 3)};
    return which < 6 ? graph_transpose(b->g, leaf(b, of[which / 2], which % 2 ? ON_T : NO_AXES)) : NO_NODE;
}

static node_id build_reshape(bench *b, int which)
{
    shape of[] = {shape_vector(1), shape_vector(6), shape_matrix(2, 3), shape_matrix(1, 6)};
    shape to[] = {SCALAR, shape_matrix(2, 3), shape_vector(6), shape_matrix(3, 2)};
    return which < 4 ? graph_reshape(b->g, leaf(b, of[which], which % 2 ? ON_T : NO_AXES), to[which]) : NO_NODE;
}

static node_id build_lookup(bench *b, int which)
{
    static const axis_set of[][2] = {{0, 3}, {0, 7}, {1, 3}, {3, 3}, {3, 1}, {5, 3}};
    if (which >= (int)(sizeof of / sizeof *of) + 1)
        return NO_NODE;
    if (which == (int)(sizeof of / sizeof *of)) {       /* what is read outside is none */
        node_id before = graph_shift(b->g, tokens(b, ON_T), (type){0}, 1, -1, NULL, 0, 0);
        return graph_lookup(b->g, leaf(b, shape_matrix(CLASSES, 3), NO_AXES), before);
    }
    node_id matrix = leaf(b, shape_matrix(CLASSES, 3), of[which][0]);
    return graph_lookup(b->g, matrix, tokens(b, of[which][1]));
}

static node_id build_pick(bench *b, int which)
{
    static const axis_set of[][2] = {{0, 3}, {3, 3}, {1, 3}, {3, 1}, {5, 3}};
    if (which >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    node_id vector = leaf(b, shape_vector(CLASSES), of[which][0]);
    return graph_pick(b->g, vector, tokens(b, of[which][1]));
}

static node_id build_scatter(bench *b, int which)
{
    static const axis_set of[][3] = {{3, 3, 3}, {3, 3, 2}, {3, 3, 0}, {7, 3, 7},
                                     {3, 5, 7}, {3, 5, 2}, {3, 0, 3}, {1, 3, 3}};
    if (which >= (int)(sizeof of / sizeof *of))
        return NO_NODE;
    node_id token = tokens(b, of[which][0]);
    return graph_scatter(b->g, token, leaf(b, shape_vector(2), of[which][1]), CLASSES, of[which][2]);
}

static builder *const builders[OP_COUNT] = {
#define OTHER(name, ...) [OP_##name] = build_##name,
#include "graph/ops.def"
};

START_TEST(operation)
{
    op o = (op)_i;
    if (op_table[o].class == POINTWISE_OP)
        return;
    int variants = 0;
    for (int lengths = 0; lengths < LENGTHS; lengths++)
        for (int which = 0;; which++) {
            bench *b = new_bench((enum lengths)lengths, false);
            node_id y = builders[o](b, which);
            if (node_some(y)) {
                set_loss(b, y);
                ck_assert(loss_uses(b, o));
                check_gradients(b, arena_printf(b->arena, "%s, variant %d, lengths %d", op_table[o].name, which,
                                                lengths));
                variants++;
            }
            arena_free(b->arena);
            if (!node_some(y))
                break;
        }
    ck_assert_int_gt(variants, 0);
}
END_TEST

/* ---- recurrences ------------------------------------------------------------------------------------------------ */

/* h = tanh(W h[t + k] + U x + c), with boundaries on both sides. */
static node_id recurrence(bench *b, node_id x, int axis, int k, axis_set axes, int edges)
{
    graph *g = b->g;
    shape s = shape_vector(2);
    node_id edge[2] = {leaf(b, s, NO_AXES), leaf(b, s, ON_B)};
    int before = k < 0 ? edges : 0, after = k > 0 ? edges : 0;
    node_id past = graph_shift(g, NO_NODE, type_real(s, axes), axis, k, edge, before, after);
    node_id Wh = graph_matmul(g, leaf(b, shape_matrix(2, 2), NO_AXES), false, past, false);
    node_id Ux = graph_matmul(g, leaf(b, shape_matrix(2, graph_type(g, x).shape.dim[0]), NO_AXES), false, x, false);
    node_id h = unary(b, OP_tanh, binary(b, OP_add, binary(b, OP_add, Wh, Ux), leaf(b, s, NO_AXES)));
    graph_set_operand(g, past, h);
    return h;
}

START_TEST(recurrences)
{
    for (int k = -3; k <= 3; k++)
        for (int edges = 0; edges < 3; edges++) {
            if (k == 0)
                continue;
            bench *b = new_bench((enum lengths)_i, false);
            node_id h = recurrence(b, leaf(b, shape_vector(3), ON_T), 1, k, ON_T, edges);
            set_loss(b, h);
            check_gradients(b, arena_printf(b->arena, "recurrence with offset %d, %d boundaries", k, edges));
            arena_free(b->arena);
        }
}
END_TEST

/* Two variables that read each other, one of them twice: c = c[t-1] a + h[t-2], h = tanh(c), with a last state read. */
START_TEST(mutual_recurrence)
{
    bench *b = new_bench((enum lengths)_i, false);
    graph *g = b->g;
    type v = type_real(shape_vector(2), ON_T);
    node_id edge[2] = {leaf(b, v.shape, NO_AXES), leaf(b, v.shape, ON_B)};
    node_id c1 = graph_shift(g, NO_NODE, v, 1, -1, NULL, 0, 0), h2 = graph_shift(g, NO_NODE, v, 1, -2, edge, 2, 0);
    node_id gate = unary(b, OP_sigmoid, leaf(b, v.shape, ON_T));
    node_id c = binary(b, OP_add, binary(b, OP_mul, c1, gate), h2);
    node_id h = unary(b, OP_tanh, c);
    graph_set_operand(g, c1, c);
    graph_set_operand(g, h2, h);
    node_id last = graph_at(g, h, v, 1, true, 0, edge, 2, 0), first = graph_at(g, h, v, 1, false, -1, edge, 2, 0);
    set_loss(b, binary(b, OP_add, binary(b, OP_mul, last, h), first));
    check_gradients(b, "mutual recurrence");
    arena_free(b->arena);
}
END_TEST

/* An encoder over s that runs backwards; a decoder over t that begins with its end and attends to all of it. */
START_TEST(attention)
{
    bench *b = new_bench((enum lengths)_i, false);
    graph *g = b->g;
    shape s = shape_vector(2);
    node_id e = recurrence(b, leaf(b, s, ON_S), 2, 1, ON_S, 1);
    node_id begin = graph_at(g, unary(b, OP_copy, e), (type){0}, 2, false, 1, NULL, 0, 0);
    node_id past = graph_shift(g, NO_NODE, type_real(s, ON_T), 1, -1, &begin, 1, 0);
    node_id score = graph_reshape(g, graph_matmul(g, past, true, e, false), SCALAR);
    node_id top = unary(b, OP_cut, graph_max_over(g, score, 4, false));
    node_id weight = unary(b, OP_exp, binary(b, OP_sub, score, top));
    node_id share = binary(b, OP_div, weight, graph_sum_over(g, weight, 4, false));
    node_id context = graph_sum_over(g, binary(b, OP_mul, share, e), 4, false);
    node_id x = leaf(b, s, ON_T), W = leaf(b, shape_matrix(2, 6), NO_AXES);
    node_id all = graph_concat(g, (node_id[]){past, context, x}, 3, 0);
    node_id h = unary(b, OP_tanh, graph_matmul(g, W, false, all, false));
    graph_set_operand(g, past, h);
    set_loss(b, h);
    check_gradients(b, "attention");
    arena_free(b->arena);
}
END_TEST

/* ---- the oracle itself ------------------------------------------------------------------------------------------ */

/* A thousand steps, and no value depends on what lies beyond a sequence. */
START_TEST(long_and_padded)
{
    enum { LONG = 1000 };
    static double x[LONG * 2], h[LONG * 2];
    static const int lengths[2] = {LONG, 10};
    for (int i = 0; i < LONG * 2; i++)
        x[i] = i % 2 == 1 && i / 2 >= lengths[1] ? NAN : 1;
    bench *b = new_bench(FULL, false);
    graph *g = b->g;
    array_push(b->arena, &g->inputs, (graph_input){.path = "x", .type = type_real(SCALAR, ON_T)});
    node_id past = graph_shift(g, NO_NODE, type_real(SCALAR, ON_T), 1, -1, NULL, 0, 0);
    node_id sum = binary(b, OP_add, past, graph_input_node(g, 0));
    graph_set_operand(g, past, sum);
    b->call = (oracle_call){.inputs = (const double *const[]){x}, .batch = 2, .steps = {0, LONG, 1},
                            .lengths = {NULL, lengths, NULL}};
    oracle *o = oracle_new(g, &b->call);
    ck_assert_uint_eq(oracle_size(o, sum), LONG * 2);
    oracle_value(o, sum, h);
    for (int i = 0; i < LONG * 2; i++)
        ck_assert_double_eq(h[i], i % 2 == 1 && i / 2 >= lengths[1] ? 0 : i / 2 + 1);
    oracle_free(o);
    arena_free(b->arena);
}
END_TEST

/* Random numbers are those of the sequence and the step, whatever the batch. */
START_TEST(random_by_sequence)
{
    bench *b = new_bench(FULL, false);
    node_id u = graph_uniform(b->g, "p", shape_vector(2), ON_T);
    double *first = value(b, u);
    b->call.sequence0 = 1;
    double *second = value(b, u);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < 4; i++)
            ck_assert_double_eq(first[t * 6 + 2 + i], second[t * 6 + i]);
    b->call.update++;
    double *third = value(b, u);
    int same = 0;
    for (int i = 0; i < T * B * 2; i++) {
        same += second[i] == third[i];
        ck_assert(third[i] >= 0 && third[i] < 1);
    }
    ck_assert_int_eq(same, 0);
    arena_free(b->arena);
}
END_TEST

/* The caller's denominator takes the place of the graph's. */
START_TEST(given_norm)
{
    bench *b = new_bench(FULL, false);
    b->g->loss = binary(b, OP_div, graph_number(b->g, 6), graph_norm(b->g, graph_count(b->g, ON_T), 0));
    ck_assert_double_eq(loss(b), 6.0 / (B * T));
    b->call.norms = (const double[]){2};
    ck_assert_double_eq(loss(b), 3);
    arena_free(b->arena);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gradients of operations");
    TCase *t = tcase_create("gradients");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, pointwise, OP_none + 1, OP_COUNT);
    tcase_add_test(t, cut);
    tcase_add_test(t, kinks);
    tcase_add_test(t, tied_maxima);
    tcase_add_test(t, maximum_of_an_earlier_chunk);
    tcase_add_loop_test(t, operation, OP_none + 1, OP_COUNT);
    tcase_add_loop_test(t, recurrences, 0, LENGTHS);
    tcase_add_loop_test(t, mutual_recurrence, 0, LENGTHS);
    tcase_add_loop_test(t, attention, 0, LENGTHS);
    tcase_add_test(t, long_and_padded);
    tcase_add_test(t, random_by_sequence);
    tcase_add_test(t, given_norm);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
