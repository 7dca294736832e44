/* grad_time.c: gradients of recurrences, of graphs over two axes, and the oracle itself over long and padded
 * sequences. */
#include "unit/grad_bench.h"

/* ---- recurrences ------------------------------------------------------------------------------------------------- */

/* h = tanh(W h[t + k] + U x + c), with boundaries on both sides. */
static node_id recurrence(bench *b, node_id x, int axis, int k, axis_set axes, int edges)
{
    graph *g = b->g;
    shape s = shape_vector(2);
    node_id edge[2] = {leaf(b, s, NO_AXES), leaf(b, s, ON_B)};
    int before = k < 0 ? edges : 0, after = k > 0 ? edges : 0;
    node_id past = graph_shift(g, NO_NODE, type_real(s, axes), axis, k, (boundary_values){edge, before, after});
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
            if (k == 0) continue;
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
    node_id c1 = graph_shift(g, NO_NODE, v, 1, -1, NO_BOUNDARIES),
            h2 = graph_shift(g, NO_NODE, v, 1, -2, (boundary_values){edge, 2, 0});
    node_id gate = unary(b, OP_sigmoid, leaf(b, v.shape, ON_T));
    node_id c = binary(b, OP_add, binary(b, OP_mul, c1, gate), h2);
    node_id h = unary(b, OP_tanh, c);
    graph_set_operand(g, c1, c);
    graph_set_operand(g, h2, h);
    node_id last = graph_at(g, h, v, 1, true, 0, (boundary_values){edge, 2, 0}),
            first = graph_at(g, h, v, 1, false, -1, (boundary_values){edge, 2, 0});
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
    node_id begin = graph_at(g, unary(b, OP_copy, e), (type){0}, 2, false, 1, NO_BOUNDARIES);
    node_id past = graph_shift(g, NO_NODE, type_real(s, ON_T), 1, -1, (boundary_values){&begin, 1, 0});
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

/* ---- the oracle itself ------------------------------------------------------------------------------------------- */

/* A thousand steps, and no value depends on what lies beyond a sequence. */
START_TEST(long_and_padded)
{
    enum { LONG = 1000 };
    static double x[LONG * 2], h[LONG * 2];
    static const int lengths[2] = {LONG, 10};
    for (int i = 0; i < LONG * 2; i++) x[i] = i % 2 == 1 && i / 2 >= lengths[1] ? NAN : 1;
    bench *b = new_bench(FULL, false);
    graph *g = b->g;
    array_push(b->arena, &g->inputs, (graph_input){.path = "x", .type = type_real(SCALAR, ON_T)});
    node_id past = graph_shift(g, NO_NODE, type_real(SCALAR, ON_T), 1, -1, NO_BOUNDARIES);
    node_id sum = binary(b, OP_add, past, graph_input_node(g, 0));
    graph_set_operand(g, past, sum);
    b->call = (oracle_call){
        .inputs = (const double *const[]){x}, .batch = 2, .steps = {0, LONG, 1}, .lengths = {NULL, lengths, NULL}};
    oracle *o = oracle_new(g, &b->call);
    ck_assert_uint_eq(oracle_size(o, sum), LONG * 2);
    oracle_value(o, sum, h);
    for (int i = 0; i < LONG * 2; i++) ck_assert_double_eq(h[i], i % 2 == 1 && i / 2 >= lengths[1] ? 0 : i / 2 + 1);
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
        for (int i = 0; i < 4; i++) ck_assert_double_eq(first[t * 6 + 2 + i], second[t * 6 + i]);
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
    Suite *s = suite_create("gradients in time");
    TCase *t = tcase_create("gradients");
    tcase_set_timeout(t, 300);
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
