/* passes_random.c: the passes on random graphs, one by one and all of them, whose values the oracle compares before and
 * after. */
#include "derive/derive.h"
#include "oracle/oracle.h"
#include "passes/rewrite.h"
#include "unit/small_graph.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

/* ---- random graphs ----------------------------------------------------------------------------------------------- */

enum { STEPS = 5, BATCHES = 3, GRAPHS = 150 };

typedef struct maker {
    graph *g;
    uint64_t random;
    ARRAY(node_id) vectors; /* N components over batch and time */
    node_id W[3], v[3];
} maker;

static unsigned draw(maker *m, unsigned below)
{
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(m->random >> 40) % below;
}

static node_id some(maker *m) { return m->vectors.data[draw(m, (unsigned)m->vectors.len)]; }

static node_id some_product(maker *m)
{
    node_id W = m->W[draw(m, 3)];
    bool turned = draw(m, 2);
    W = draw(m, 3) ? W : graph_transpose(m->g, W);
    return graph_matmul(m->g, W, turned, some(m), false);
}

/* A number for each row, made of sums; x if it has to do with one vector. */
static node_id some_sum(maker *m, node_id x)
{
    graph *g = m->g;
    node_id s = graph_sum(g, x, SCALAR);
    switch (draw(m, 4)) {
    case 0: return s;
    case 1: return binary(g, OP_div, s, graph_number(g, draw(m, 2) ? N : 2));
    case 2: return graph_sum(g, binary(g, OP_sub, some(m), binary(g, OP_mul, s, some(m))), SCALAR);
    case 3:
        return unary(g, OP_tanh, graph_sum(g, binary(g, OP_mul, unary(g, OP_tanh, s), unary(g, OP_neg, x)), SCALAR));
    }
    return s;
}

static node_id some_vector(maker *m)
{
    static const double constants[] = {0, 1, 1, 2, -0.5};
    graph *g = m->g;
    type t = type_real(shape_vector(N), BT);
    node_id c = graph_number(g, constants[draw(m, 5)]), parts[] = {some(m), some(m)};
    if (draw(m, 2)) c = graph_expand(g, c, t);
    node_id x = some(m);
    switch (draw(m, 17)) {
    case 0: return binary(g, OP_mul, some(m), c);
    case 1: return binary(g, OP_add, c, some(m));
    case 2: return binary(g, OP_sub, some(m), c);
    case 3: return unary(g, OP_neg, some(m));
    case 4: return binary(g, OP_add, unary(g, OP_neg, some(m)), some(m));
    case 5: return binary(g, OP_mul, some(m), graph_expand(g, m->v[draw(m, 3)], t));
    case 6:
        return binary(g, OP_add, binary(g, OP_add, some_product(m), m->v[draw(m, 3)]),
                      binary(g, OP_add, some_product(m), some_product(m)));
    case 7: return graph_slice(g, graph_concat(g, parts, 2, 0), 0, (int)draw(m, 2) * N, N);
    case 8: return graph_reshape(g, graph_transpose(g, graph_reshape(g, some(m), shape_matrix(1, N))), shape_vector(N));
    case 9: return graph_pointwise(g, OP_select, c, some(m), some(m));
    case 10: return unary(g, OP_copy, some(m));
    case 11: return binary(g, OP_mul, some(m), graph_softmax(g, some(m)));
    case 12: return binary(g, OP_add, binary(g, OP_add, some_product(m), some_product(m)), some(m));
    case 13: return binary(g, OP_mul, c, binary(g, OP_mul, graph_number(g, 3), some(m)));
    case 14: return binary(g, OP_sub, x, some_sum(m, x));
    case 15: return binary(g, OP_mul, some_sum(m, x), binary(g, OP_mul, c, some(m)));
    case 16: return binary(g, OP_div, x, unary(g, OP_exp, unary(g, OP_tanh, some_sum(m, x))));
    }
    return some(m);
}

/* A recurrent network: readings that are set in the end, each of a copy with boundaries of its own; then whatever
 * the dice say; the loss at every step and at the end. */
static graph *random_graph(arena *a, uint64_t seed)
{
    maker m = {.g = new_graph(a), .random = seed * 977 + 5};
    graph *g = m.g;
    enum { READINGS = 4 };
    node_id reading[READINGS];
    type t = type_real(shape_vector(N), BT);
    for (int i = 0; i < 3; i++) m.W[i] = new_param(g, shape_matrix(N, N));
    for (int i = 0; i < 3; i++) m.v[i] = new_param(g, shape_vector(N));
    array_push(a, &m.vectors, new_input(g, shape_vector(N), BT));
    array_push(a, &m.vectors, new_input(g, shape_vector(N), BT));
    for (int i = 0; i < READINGS; i++) {
        node_id at_start[] = {m.v[draw(&m, 3)], NO_NODE};
        reading[i] =
            graph_shift(g, NO_NODE, t, 1, -1 - (int)draw(&m, 2), (boundary_values){at_start, (int)draw(&m, 3), 0});
        array_push(a, &m.vectors, reading[i]);
    }
    for (int i = 0; i < 24; i++) {
        node_id id = some_vector(&m);
        id = draw(&m, 3) ? id : unary(g, OP_tanh, id);
        if (draw(&m, 3) == 0) label(g, id, arena_printf(a, "n%d", i));
        array_push(a, &m.vectors, id);
    }
    for (int i = 0; i < READINGS; i++) graph_set_operand(g, reading[i], unary(g, OP_copy, unary(g, OP_tanh, some(&m))));
    node_id last = m.vectors.data[m.vectors.len - 1];
    node_id each = graph_sum(g, unary(g, OP_square, unary(g, OP_tanh, binary(g, OP_add, last, some(&m)))), SCALAR);
    node_id end = graph_at(g, unary(g, OP_sin, some(&m)), t, 1, true, 0, NO_BOUNDARIES);
    g->loss = binary(g, OP_add, graph_sum_over(g, each, BT, false),
                     graph_sum_over(g, graph_sum(g, end, SCALAR), BATCH, false));
    new_output(g, last);
    new_output(g, some(&m));
    graph_verify(g, "the maker");
    derive_gradients(g);
    graph_verify(g, "derive");
    return g;
}

/* The values of all roots, one after the other. */
static double *values(const graph *g, arena *a, size_t *count)
{
    static const int lengths[BATCHES] = {STEPS, 2, 0};
    double x[2][STEPS * BATCHES * N], params[3 * N * N + 3 * N];
    const double *inputs[] = {x[0], x[1]};
    for (int i = 0; i < STEPS * BATCHES * N; i++) x[0][i] = sin(i * 1.7), x[1][i] = cos(i * 0.9);
    for (int i = 0; i < 3 * N * N + 3 * N; i++) params[i] = 0.6 * sin(i * 2.3 + 1);
    oracle_call call = {
        .inputs = inputs, .params = params, .batch = BATCHES, .steps = {0, STEPS}, .lengths = {NULL, lengths}};
    oracle *o = oracle_new(g, &call);
    node_list roots = graph_roots(g, a);
    *count = 0;
    for (size_t i = 0; i < roots.len; i++) *count += oracle_size(o, roots.data[i]);
    double *out = ARENA_ARRAY(a, double, *count), *at = out;
    for (size_t i = 0; i < roots.len; i++) {
        oracle_value(o, roots.data[i], at);
        at += oracle_size(o, roots.data[i]);
    }
    oracle_free(o);
    return out;
}

static void ck_same_values(const graph *g, const graph *h, arena *a)
{
    size_t count, other;
    double *x = values(g, a, &count), *y = values(h, a, &other);
    ck_assert_uint_eq(count, other);
    for (size_t i = 0; i < count; i++)
        if (!(fabs(x[i] - y[i]) <= 1e-12 * (1 + fabs(x[i]))))
            ck_abort_msg("value %zu of %zu: %.17g before, %.17g after", i, count, x[i], y[i]);
}

START_TEST(single_passes_keep_values)
{
    static const struct {
        const char *name;
        void (*run)(graph *g);
    } each[] = {
#define PASS(name, required, when, why) {#name, pass_##name},
#include "passes/passes.def"
    };
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        arena *a = arena_new();
        graph *g = random_graph(a, seed), *h = random_graph(a, seed);
        graph_compact(h);
        run_pass(h, each[_i].run, each[_i].name);
        ck_same_values(g, h, a);
        arena_free(a);
    }
}
END_TEST

START_TEST(all_passes_keep_values)
{
    size_t before = 0, after = 0;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        arena *a = arena_new();
        graph *g = random_graph(a, seed), *h = random_graph(a, seed);
        passes_run(h, (unsigned)_i);
        graph_verify(h, "all passes");
        ck_same_values(g, h, a);
        graph_compact(g);
        before += g->nodes.len;
        after += h->nodes.len;
        arena_free(a);
    }
    if (_i == 0) ck_assert_uint_lt(after, before * 85 / 100);
}
END_TEST

/* The same graph gives the same nodes. */
START_TEST(passes_are_canonical)
{
    arena *a = arena_new();
    graph *g = random_graph(a, 3), *h = random_graph(a, 3);
    graph_compact(h); /* other numbers to begin with */
    passes_run(g, 0);
    passes_run(h, 0);
    text *p = text_new(a), *q = text_new(a);
    graph_print(p, g);
    graph_print(q, h);
    ck_assert_str_eq(text_string(p), text_string(q));
    arena_free(a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("passes_random");
    TCase *c = tcase_create("passes_random");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, single_passes_keep_values, 0, PASS_COUNT);
    tcase_add_loop_test(c, all_passes_keep_values, 0, 1 << PASS_COUNT);
    tcase_add_test(c, passes_are_canonical);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
