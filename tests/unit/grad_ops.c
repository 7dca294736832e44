/* grad_ops.c: the gradient of every operation against central differences (grad_bench.h).
 *
 * Pointwise operations are taken from ops.def one by one; every other one has its cases in a table, and an operation
 * without a case fails the suite. */
#include "unit/grad_bench.h"

/* ---- pointwise operations ---------------------------------------------------------------------------------------- */

static const axis_set AXES[][3] = {
    {3, 3, 3}, {0, 3, 5}, {3, 0, 1}, {5, 3, 0}, {1, 3, 3}, {0, 0, 0}, {0, 7, 3},
};
enum { AXES_COUNT = sizeof AXES / sizeof *AXES, SHAPES_COUNT = 7 };

static shape pointwise_shape(int which, int operand)
{
    shape m = shape_matrix(2, 3), column = shape_vector(2), row = shape_matrix(1, 3), v = shape_vector(3);
    shape of[SHAPES_COUNT][3] = {{SCALAR, SCALAR, SCALAR}, {v, v, v},        {SCALAR, v, SCALAR}, {v, SCALAR, v},
                                 {column, m, SCALAR},      {m, row, column}, {m, SCALAR, m}};
    return of[which][operand];
}

/* The operation on leaves of the given shapes and axes. */
static node_id apply(bench *b, op o, int shapes, const axis_set *axes)
{
    graph *g = b->g;
    node_id x[3] = {{0}};
    for (int i = 0; i < op_table[o].arity; i++) x[i] = leaf(b, pointwise_shape(shapes, i), axes[i]);
    if (o == OP_expand)
        return graph_expand(g, x[0], type_real(shapes == 4 ? shape_matrix(2, 3) : pointwise_shape(shapes, 0), ON_TS));
    if (o == OP_norm) {
        node_id whole = graph_type(g, x[0]).shape.rank ? graph_sum(g, x[0], SCALAR) : x[0];
        axis_set over = graph_type(g, whole).axes;
        return graph_norm(g, over ? graph_sum_over(g, whole, over, false) : whole, 0);
    }
    if (o == OP_select) x[0] = binary(b, OP_gt, x[0], graph_number(g, 0));
    if (o == OP_eq || o == OP_ne || o == OP_not || o == OP_and || o == OP_or) x[0] = unary(b, OP_relu, x[0]);
    return graph_pointwise(g, o, x[0], x[1], x[2]);
}

static void check_pointwise(op o, int shapes, int axes, enum lengths which)
{
    bool positive = o == OP_log || o == OP_sqrt || o == OP_pow || o == OP_norm;
    bench *b = new_bench(which, positive);
    node_id y = apply(b, o, shapes, AXES[axes]);
    set_loss(b, binary(b, OP_mul, y, leaf(b, SCALAR, NO_AXES)));
    ck_assert(loss_uses(b, o));
    check_gradients(
        b, arena_printf(b->arena, "%s, shapes %d, axes %d, lengths %d", op_table[o].name, shapes, axes, which));
    arena_free(b->arena);
}

START_TEST(pointwise)
{
    op o = (op)_i;
    if (op_table[o].class != POINTWISE_OP || o == OP_cut) /* `cut` has a test of its own */
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
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(d[i], b->params.data[i], 1e-12);
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
    b->g->loss = op_table[o].arity == 1   ? unary(b, o, a)
                 : op_table[o].arity == 2 ? binary(b, o, a, c)
                                          : graph_pointwise(b->g, o, a, c, graph_number(b->g, 5));
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
    static const double at[] = {1, 2, 3, 5, 6}; /* of clip(x, 2, 5): as clamp and hardtanh of PyTorch */
    for (int i = 0; i < 5; i++) {
        ck_assert_double_eq(slope_at(OP_clip, at[i], 2, 0), i >= 1 && i <= 3);
        ck_assert_double_eq(slope_at(OP_clip, at[i], 2, 1), i < 1);
        ck_assert_double_eq(slope_at(OP_clip_flat, at[i], 2, 0), i == 2);
    }
    ck_assert_double_eq(slope_at(OP_pow, 0, 2, 0), 0);
    ck_assert_double_eq(slope_at(OP_pow, 0, 2, 1), 0);
    ck_assert_double_eq(slope_at(OP_pow, -2, 2, 0), -4);
    ck_assert_double_eq(slope_at(OP_pow, 0, 1, 0), 1);
    ck_assert_double_eq(slope_at(OP_pow, 4, 0.5, 0), 0.25);
    ck_assert_double_eq(slope_at(OP_pow, 2, -1, 0), -0.25);
    for (int operand = 0; operand < 2; operand++) /* not finite: 0 */
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
    b->g->loss = graph_maximum(b->g, x, SCALAR);
    derive_gradients(b->g);
    double *d = value(b, b->g->param_grad[0]);
    for (int i = 0; i < 4; i++) ck_assert_double_eq(d[i], i == 1 || i == 2 ? 0.5 : 0);
    arena_free(b->arena);

    b = new_bench(FULL, false);
    node_id v = leaf(b, SCALAR, ON_T);
    for (int i = 0; i < T * B; i++)
        b->inputs.data[0][i] = i / B < 2 ? 5 : 1; /* the first two steps of every sequence */
    b->g->loss = graph_sum_over(b->g, graph_max_over(b->g, v, 2, false), ON_B, false);
    derive_gradients(b->g);
    d = value(b, b->g->input_grad[0]);
    for (int i = 0; i < T * B; i++) ck_assert_double_eq(d[i], i / B < 2 ? 0.5 : 0);
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
    for (int i = 0; i < B; i++) b->inputs.data[1][i] = 100;
    g->loss = graph_sum_over(g, top, ON_B, false);
    derive_gradients(g);
    *graph_node(g, top) = *graph_node(g, carried);
    double *d = value(b, g->input_grad[0]);
    for (int i = 0; i < T * B; i++) ck_assert_double_eq(d[i], 0);
    arena_free(b->arena);
}
END_TEST

/* ---- the other operations ---------------------------------------------------------------------------------------- */

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
    if (axes >= (int)(sizeof of / sizeof *of)) return NO_NODE;
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
    if (which >= 8) return NO_NODE;
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    return which < 6 ? graph_sum(b->g, leaf(b, from, axes), to[which / 2])
                     : graph_sum(b->g, leaf(b, shape_vector(3), axes), SCALAR);
}

static node_id build_maximum(bench *b, int which)
{
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    shape from = which < 2 ? shape_vector(4) : shape_matrix(2, 3);
    shape to[] = {SCALAR, SCALAR, shape_vector(2), shape_matrix(1, 3)};
    return which < 8 ? graph_maximum(b->g, leaf(b, from, axes), to[which / 2]) : NO_NODE;
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
    static const axis_set of[][2] = {{3, 3}, {3, 2}, {7, 4}, {7, 2}, {7, 7}, {1, 1},
                                     {1, 2}, {1, 3}, {5, 2}, {0, 2}, {0, 3}, {0, 1}};
    if (which >= (int)(sizeof of / sizeof *of)) return NO_NODE;
    return graph_sum_over(b->g, leaf(b, shape_vector(2), of[which][0]), of[which][1], which % 2);
}

static node_id build_max_over(bench *b, int which)
{
    static const axis_set of[][2] = {{3, 2}, {7, 2}, {7, 4}, {5, 4}};
    if (which >= (int)(sizeof of / sizeof *of)) return NO_NODE;
    return graph_max_over(b->g, leaf(b, shape_vector(2), of[which][0]), of[which][1], false);
}

/* Offsets beyond the lengths too; without, with absent, and with all boundaries; operands with fewer axes. */
static node_id build_shift(bench *b, int which)
{
    static const axis_set of[] = {3, 7, 1, 0};
    int k = which % 13 - 6, edges = which / 13 % 3, axes = which / 39;
    if (axes >= (int)(sizeof of / sizeof *of)) return NO_NODE;
    shape s = shape_vector(2);
    node_id x = leaf(b, s, of[axes]), edge[4] = {{0}};
    if (edges) {
        edge[0] = leaf(b, s, NO_AXES);
        edge[1] = edges == 2 ? leaf(b, s, axes == 1 ? ON_S : ON_B) : NO_NODE;
        edge[2] = edges == 2 ? edge[0] : NO_NODE;
        edge[3] = leaf(b, s, ON_B);
    }
    return graph_shift(b->g, x, (type){0}, 1, k, (boundary_values){edge, edges ? 2 : 0, edges ? 2 : 0});
}

static node_id build_at(bench *b, int which)
{
    static const axis_set of[] = {3, 7, 1, 0};
    int k = which % 9 - 2, edges = which / 18 % 2, axes = which / 36;
    bool from_end = which / 9 % 2;
    if (axes >= (int)(sizeof of / sizeof *of)) return NO_NODE;
    shape s = shape_vector(2);
    node_id x = leaf(b, s, of[axes]), edge[5];
    for (int i = 0; i < 5; i++) edge[i] = i == 1 ? NO_NODE : leaf(b, s, i % 2 ? ON_B : NO_AXES);
    return graph_at(b->g, x, (type){0}, 1, from_end, k, (boundary_values){edge, edges ? 3 : 0, edges ? 2 : 0});
}

static node_id build_put(bench *b, int which)
{
    static const axis_set of[] = {1, 5, 0};
    int k = which % 8 - 1, axes = which / 16;
    if (axes >= (int)(sizeof of / sizeof *of)) return NO_NODE;
    return graph_put(b->g, leaf(b, shape_vector(2), of[axes]), 1, which / 8 % 2, k);
}

static node_id build_concat(bench *b, int which)
{
    node_id x[3];
    shape of[][3] = {{shape_vector(2), shape_vector(1), shape_vector(3)},
                     {shape_matrix(1, 2), shape_matrix(3, 2), shape_matrix(1, 2)},
                     {shape_matrix(2, 1), shape_matrix(2, 3), shape_matrix(2, 2)}};
    if (which >= 3) return NO_NODE;
    for (int i = 0; i < 3; i++) x[i] = leaf(b, of[which][i], (axis_set[]){ON_T, NO_AXES, ON_B}[i]);
    return graph_concat(b->g, x, 3, which == 2);
}

static node_id build_slice(bench *b, int which)
{
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    if (which >= 6) return NO_NODE;
    return which < 2 ? graph_slice(b->g, leaf(b, shape_vector(5), axes), 0, 1, 3)
                     : graph_slice(b->g, leaf(b, shape_matrix(3, 4), axes), which / 2 - 1, 1, 2);
}

static node_id build_pad(bench *b, int which)
{
    axis_set axes = which % 2 ? ON_T : NO_AXES;
    if (which >= 6) return NO_NODE;
    return which < 2 ? graph_pad(b->g, leaf(b, shape_vector(2), axes), 0, 1, 5)
                     : graph_pad(b->g, leaf(b, shape_matrix(3, 2), axes), which / 2 - 1, 1, 6);
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
    if (which >= (int)(sizeof of / sizeof *of) + 1) return NO_NODE;
    if (which == (int)(sizeof of / sizeof *of)) { /* what is read outside is none */
        node_id before = graph_shift(b->g, tokens(b, ON_T), (type){0}, 1, -1, NO_BOUNDARIES);
        return graph_lookup(b->g, leaf(b, shape_matrix(CLASSES, 3), NO_AXES), before);
    }
    node_id matrix = leaf(b, shape_matrix(CLASSES, 3), of[which][0]);
    return graph_lookup(b->g, matrix, tokens(b, of[which][1]));
}

static node_id build_pick(bench *b, int which)
{
    static const axis_set of[][2] = {{0, 3}, {3, 3}, {1, 3}, {3, 1}, {5, 3}};
    if (which >= (int)(sizeof of / sizeof *of)) return NO_NODE;
    node_id vector = leaf(b, shape_vector(CLASSES), of[which][0]);
    return graph_pick(b->g, vector, tokens(b, of[which][1]));
}

static node_id build_scatter(bench *b, int which)
{
    static const axis_set of[][3] = {{3, 3, 3}, {3, 3, 2}, {3, 3, 0}, {7, 3, 7},
                                     {3, 5, 7}, {3, 5, 2}, {3, 0, 3}, {1, 3, 3}};
    if (which >= (int)(sizeof of / sizeof *of)) return NO_NODE;
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
    if (op_table[o].class == POINTWISE_OP) return;
    int variants = 0;
    for (int lengths = 0; lengths < LENGTHS; lengths++)
        for (int which = 0;; which++) {
            bench *b = new_bench((enum lengths)lengths, false);
            node_id y = builders[o](b, which);
            if (node_some(y)) {
                set_loss(b, y);
                ck_assert(loss_uses(b, o));
                check_gradients(b,
                                arena_printf(b->arena, "%s, variant %d, lengths %d", op_table[o].name, which, lengths));
                variants++;
            }
            arena_free(b->arena);
            if (!node_some(y)) break;
        }
    ck_assert_int_gt(variants, 0);
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
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
