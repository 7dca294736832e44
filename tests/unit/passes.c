/* passes.c: each rewrite on a graph built by hand. */
#include "passes/rewrite.h"
#include "unit/small_graph.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

/* A node as nested calls, `add(x0, matmul(p0', x1))`. What is read in time is not followed, but for sources. Depth:
 * the tests'. */
static const char *written(const graph *g, node_id id)
{
    arena *a = g->arena;
    if (!node_some(id)) return "none";
    const node *n = graph_node(g, id);
    if (n->op == OP_param || n->op == OP_input)
        return arena_printf(a, "%s%u", n->op == OP_param ? "p" : "x", n->attr.index);
    if (n->op == OP_number) return arena_printf(a, "%g", n->attr.number);
    if (op_table[n->op].class == SOURCE) return op_table[n->op].name;
    const char *out = arena_printf(a, "%s(", op_table[n->op].name);
    for (int i = 0; i < n->args; i++) {
        const node *of = graph_node(g, n->arg[i]);
        bool followed = !(n->op == OP_shift && i == 0) || op_table[of->op].class == SOURCE;
        bool transposed = n->op == OP_matmul && (i == 0 ? n->attr.matmul.ta : n->attr.matmul.tb);
        out = arena_printf(a, "%s%s%s%s", out, i ? ", " : "", followed ? written(g, n->arg[i]) : op_table[of->op].name,
                           transposed ? "'" : "");
    }
    return arena_printf(a, "%s)", out);
}

/* `id` as the only output, after the pass. */
static void ck_after(graph *g, void (*run)(graph *g), node_id id, const char *expected)
{
    g->outputs.len = 0;
    new_output(g, id);
    type before = graph_type(g, id);
    run_pass(g, run, "the pass");
    ck_assert_str_eq(written(g, g->outputs.data[0].node), expected);
    ck_assert(type_equal(graph_type(g, g->outputs.data[0].node), before));
}

/* ---- simplify ---------------------------------------------------------------------------------------------------- */

typedef struct leaves {
    node_id x, y, s, v, A, one, zero, two;
} leaves;

static leaves new_leaves(graph *g)
{
    leaves l;
    l.x = new_input(g, shape_vector(N), BT);
    l.y = new_input(g, shape_vector(N), BT);
    l.s = new_input(g, SCALAR, BT);
    l.v = new_param(g, shape_vector(N));
    l.A = new_param(g, shape_matrix(N, N));
    l.one = graph_number(g, 1);
    l.zero = graph_number(g, 0);
    l.two = graph_number(g, 2);
    return l;
}

#define SIMPLIFIES(expression, expected)                                                                               \
    do {                                                                                                               \
        arena *a = arena_new();                                                                                        \
        graph *g = new_graph(a);                                                                                       \
        leaves l = new_leaves(g);                                                                                      \
        (void)l;                                                                                                       \
        ck_after(g, pass_simplify, (expression), (expected));                                                          \
        arena_free(a);                                                                                                 \
    } while (0)

START_TEST(simplify_arithmetic)
{
    SIMPLIFIES(binary(g, OP_mul, l.x, l.one), "x0");
    SIMPLIFIES(binary(g, OP_mul, l.one, l.x), "x0");
    SIMPLIFIES(binary(g, OP_mul, graph_expand(g, l.one, graph_type(g, l.x)), l.v), "expand(p0)");
    SIMPLIFIES(binary(g, OP_mul, l.zero, l.x), "mul(0, x0)");
    SIMPLIFIES(binary(g, OP_add, l.x, l.zero), "x0");
    SIMPLIFIES(binary(g, OP_add, l.zero, l.x), "x0");
    SIMPLIFIES(binary(g, OP_sub, l.x, l.zero), "x0");
    SIMPLIFIES(binary(g, OP_sub, l.zero, l.x), "sub(0, x0)");
    SIMPLIFIES(binary(g, OP_div, l.x, l.one), "x0");
    SIMPLIFIES(binary(g, OP_div, l.one, l.x), "div(1, x0)");
    SIMPLIFIES(unary(g, OP_neg, unary(g, OP_neg, l.x)), "x0");
    SIMPLIFIES(binary(g, OP_add, l.x, unary(g, OP_neg, l.y)), "sub(x0, x1)");
    SIMPLIFIES(binary(g, OP_add, unary(g, OP_neg, l.x), l.y), "sub(x1, x0)");
    SIMPLIFIES(binary(g, OP_sub, l.x, unary(g, OP_neg, l.y)), "add(x0, x1)");
    SIMPLIFIES(binary(g, OP_mul, l.two, binary(g, OP_mul, l.x, l.two)), "mul(4, x0)");
    SIMPLIFIES(binary(g, OP_mul, graph_number(g, 1e20), binary(g, OP_mul, graph_number(g, 1e20), l.x)),
               "mul(1e+20, mul(1e+20, x0))");
    SIMPLIFIES(binary(g, OP_div, l.x, unary(g, OP_sqrt, l.s)), "mul(x0, div(1, sqrt(x2)))");
    SIMPLIFIES(binary(g, OP_div, l.s, unary(g, OP_sqrt, l.s)), "div(x2, sqrt(x2))");
    SIMPLIFIES(binary(g, OP_div, l.x, unary(g, OP_sqrt, l.y)), "div(x0, sqrt(x1))");
    SIMPLIFIES(binary(g, OP_div, l.x, l.s), "div(x0, x2)");
    SIMPLIFIES(binary(g, OP_mul, l.x, l.x), "square(x0)");
    SIMPLIFIES(binary(g, OP_mul, l.s, binary(g, OP_mul, l.two, l.x)), "mul(mul(2, x2), x0)");
    SIMPLIFIES(binary(g, OP_mul, binary(g, OP_mul, l.x, l.two), l.y), "mul(mul(x0, 2), x1)");
    SIMPLIFIES(binary(g, OP_mul, l.two, binary(g, OP_div, l.x, graph_number(g, 8))), "div(x0, 4)");
    SIMPLIFIES(binary(g, OP_mul, binary(g, OP_div, l.x, l.two), l.two), "x0");
    SIMPLIFIES(binary(g, OP_mul, l.two, binary(g, OP_div, l.x, graph_number(g, 3))), "mul(2, div(x0, 3))");
    SIMPLIFIES(binary(g, OP_sub, l.x, binary(g, OP_div, unary(g, OP_neg, l.s), l.two)), "add(x0, div(x2, 2))");
    SIMPLIFIES(binary(g, OP_pow, l.x, l.one), "x0");
    SIMPLIFIES(binary(g, OP_pow, l.x, l.two), "square(x0)");
    SIMPLIFIES(binary(g, OP_pow, graph_expand(g, l.s, graph_type(g, l.x)), l.two), "square(expand(x2))");
    SIMPLIFIES(binary(g, OP_pow, l.two, l.x), "pow(2, x0)");
}
END_TEST

START_TEST(simplify_constants)
{
    SIMPLIFIES(binary(g, OP_add, l.one, l.two), "3");
    SIMPLIFIES(unary(g, OP_exp, binary(g, OP_sub, l.two, l.two)), "1");
    SIMPLIFIES(binary(g, OP_mod, graph_number(g, 7), graph_number(g, 4)), "3");
    SIMPLIFIES(binary(g, OP_add, graph_expand(g, l.one, graph_type(g, l.x)), l.two), "expand(3)");
    SIMPLIFIES(unary(g, OP_log, l.zero), "log(0)");
    SIMPLIFIES(graph_norm(g, l.two, 0), "norm(2)");
    SIMPLIFIES(graph_pointwise(g, OP_select, l.one, l.x, l.y), "x0");
    SIMPLIFIES(graph_pointwise(g, OP_select, l.zero, l.x, l.y), "x1");
    SIMPLIFIES(graph_pointwise(g, OP_select, binary(g, OP_lt, l.one, l.two), l.v, l.x), "expand(p0)");
    SIMPLIFIES(binary(g, OP_and, l.x, binary(g, OP_lt, l.two, l.one)), "expand(0)");
    SIMPLIFIES(binary(g, OP_and, l.two, binary(g, OP_lt, l.x, l.y)), "lt(x0, x1)");
    SIMPLIFIES(binary(g, OP_and, binary(g, OP_lt, l.s, l.one), l.two), "lt(x2, 1)");
    SIMPLIFIES(binary(g, OP_and, l.x, l.two), "and(x0, 2)");
}
END_TEST

START_TEST(simplify_stretching)
{
    SIMPLIFIES(graph_expand(g, l.x, graph_type(g, l.x)), "x0");
    SIMPLIFIES(graph_expand(g, graph_expand(g, l.two, type_real(SCALAR, BT)), graph_type(g, l.x)), "expand(2)");
    SIMPLIFIES(binary(g, OP_mul, l.x, graph_expand(g, l.v, graph_type(g, l.x))), "mul(x0, p0)");
    SIMPLIFIES(binary(g, OP_mul, graph_expand(g, l.s, graph_type(g, l.x)), l.v), "mul(x2, p0)");
    SIMPLIFIES(binary(g, OP_mul, graph_expand(g, l.v, graph_type(g, l.x)), l.v), "mul(expand(p0), p0)");
    SIMPLIFIES(graph_sum_over(g, graph_expand(g, l.v, graph_type(g, l.x)), BT, false), "sum_over(expand(p0))");
    SIMPLIFIES(unary(g, OP_tanh, unary(g, OP_copy, l.x)), "tanh(x0)");
}
END_TEST

START_TEST(simplify_layout)
{
    SIMPLIFIES(graph_transpose(g, graph_transpose(g, l.A)), "p1");
    SIMPLIFIES(graph_transpose(g, graph_transpose(g, l.x)), "transpose(transpose(x0))");
    SIMPLIFIES(graph_matmul(g, graph_transpose(g, l.A), false, l.x, false), "matmul(p1', x0)");
    SIMPLIFIES(graph_matmul(g, graph_transpose(g, l.A), true, graph_transpose(g, l.A), false), "matmul(p1, p1')");
    SIMPLIFIES(graph_matmul(g, l.x, false, graph_transpose(g, l.y), false), "matmul(x0, transpose(x1))");
    SIMPLIFIES(graph_reshape(g, graph_reshape(g, l.x, shape_matrix(1, N)), shape_vector(N)), "x0");
    SIMPLIFIES(graph_reshape(g, graph_reshape(g, l.x, shape_matrix(1, N)), shape_matrix(N, 1)), "reshape(x0)");
    node_id parts[2];
    SIMPLIFIES((parts[0] = l.x, parts[1] = l.v, graph_slice(g, graph_concat(g, parts, 2, 0), 0, 0, N)), "x0");
    SIMPLIFIES((parts[0] = l.x, parts[1] = l.v, graph_slice(g, graph_concat(g, parts, 2, 0), 0, N, N)), "expand(p0)");
    SIMPLIFIES((parts[0] = l.x, parts[1] = l.v, graph_slice(g, graph_concat(g, parts, 2, 0), 0, 1, N)),
               "slice(concat(x0, p0))");
    SIMPLIFIES(graph_slice(g, l.x, 0, 0, N), "x0");
    SIMPLIFIES(graph_pad(g, l.x, 0, 0, N), "x0");
    SIMPLIFIES(graph_sum(g, l.s, SCALAR), "x2");
    SIMPLIFIES(graph_sum(g, unary(g, OP_neg, l.x), SCALAR), "neg(sum(x0))");
    SIMPLIFIES(graph_sum(g, unary(g, OP_tanh, l.x), SCALAR), "sum(tanh(x0))");
}
END_TEST

/* Copies that are read in time, and copies of what is read with boundaries, stay. */
START_TEST(simplify_keeps_copies)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id read = unary(g, OP_copy, l.x), bounded = unary(g, OP_tanh, l.y), of_bounded = unary(g, OP_copy, bounded);
    new_output(g, one_back(g, read));
    new_output(g, graph_shift(g, bounded, graph_type(g, bounded), 1, -1, (boundary_values){&l.v, 1, 0}));
    new_output(g, of_bounded);
    run_pass(g, pass_simplify, "simplify");
    ck_assert_int_eq(graph_node(g, graph_node(g, g->outputs.data[0].node)->arg[0])->op, OP_copy);
    ck_assert_str_eq(written(g, g->outputs.data[2].node), "copy(tanh(x1))");
    arena_free(a);
}
END_TEST

/* x * 1 with a boundary is not x, read without one. */
START_TEST(simplify_minds_boundaries)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id same = binary(g, OP_mul, l.x, l.one);
    new_output(g, graph_shift(g, same, graph_type(g, same), 1, -1, (boundary_values){&l.v, 1, 0}));
    new_output(g, one_back(g, l.x));
    run_pass(g, pass_simplify, "simplify");
    ck_assert_int_eq(graph_node(g, graph_node(g, g->outputs.data[0].node)->arg[0])->op, OP_mul);
    arena_free(a);
}
END_TEST

/* Nor is an adjoint, read as nothing before this call, one with a value, read from the call before. */
START_TEST(simplify_minds_chunks)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id value = one_back(g, l.x), adjoint = one_back(g, binary(g, OP_mul, l.x, l.one));
    graph_node(g, value)->attr.over.carry = true;
    graph_node(g, adjoint)->attr.over.carry = false;
    new_output(g, value);
    new_output(g, adjoint);
    run_pass(g, pass_simplify, "simplify");
    ck_assert_int_eq(graph_node(g, graph_node(g, g->outputs.data[1].node)->arg[0])->op, OP_mul);
    arena_free(a);
}
END_TEST

/* The label of what is replaced goes to what replaces it, unless that has one; inputs have. */
START_TEST(simplify_moves_labels)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id inner = unary(g, OP_tanh, l.x), labelled = unary(g, OP_exp, l.x);
    node_id u = binary(g, OP_mul, inner, l.one), v = binary(g, OP_add, labelled, l.zero);
    node_id w = binary(g, OP_div, l.y, l.one);
    label(g, labelled, "e");
    label(g, u, "u");
    label(g, v, "v");
    label(g, w, "w");
    new_output(g, u);
    new_output(g, v);
    new_output(g, w);
    run_pass(g, pass_simplify, "simplify");
    ck_assert_str_eq(graph_label(g, a, g->outputs.data[0].node), "u");
    ck_assert_str_eq(graph_label(g, a, g->outputs.data[1].node), "e");
    ck_assert_str_eq(graph_label(g, a, g->outputs.data[2].node), "x1");
    arena_free(a);
}
END_TEST

/* A chain longer than any stack of calls. */
START_TEST(simplify_long_chains)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id id = l.x;
    for (int i = 0; i < 200000; i++) id = binary(g, OP_mul, l.two, binary(g, OP_mul, graph_number(g, 0.5), id));
    ck_after(g, pass_simplify, id, "x0");
    arena_free(a);
}
END_TEST

/* ---- sums -------------------------------------------------------------------------------------------------------- */

#define SUMS(expression, expected)                                                                                     \
    do {                                                                                                               \
        arena *a = arena_new();                                                                                        \
        graph *g = new_graph(a);                                                                                       \
        leaves l = new_leaves(g);                                                                                      \
        (void)l;                                                                                                       \
        ck_after(g, pass_sums, graph_sum(g, (expression), SCALAR), (expected));                                        \
        arena_free(a);                                                                                                 \
    } while (0)

/* What is made of another sum of the row. */
static node_id of_sum(graph *g, node_id x) { return unary(g, OP_tanh, graph_sum(g, x, SCALAR)); }

static node_id minus_mean(graph *g, node_id x)
{
    return binary(g, OP_sub, x, binary(g, OP_div, graph_sum(g, x, SCALAR), graph_number(g, N)));
}

START_TEST(sums_move_factors)
{
    SUMS(binary(g, OP_mul, l.s, l.x), "mul(x2, sum(x0))");
    SUMS(binary(g, OP_mul, l.x, l.y), "sum(mul(x0, x1))");
    SUMS(binary(g, OP_mul, binary(g, OP_mul, l.x, l.s), l.y), "mul(x2, sum(mul(x0, x1)))");
    SUMS(binary(g, OP_div, unary(g, OP_neg, l.x), l.s), "neg(div(sum(x0), x2))");
    SUMS(binary(g, OP_div, l.s, l.x), "sum(div(x2, x0))");
    SUMS(graph_expand(g, l.s, graph_type(g, l.x)), "mul(x2, 3)");
    SUMS(binary(g, OP_add, binary(g, OP_mul, l.s, l.x), l.y), "sum(add(mul(x2, x0), x1))");
    SUMS(binary(g, OP_sub, l.x, l.s), "sum(sub(x0, x2))");
}
END_TEST

/* What else reads the product needs it anyway. */
START_TEST(sums_mind_other_readers)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id scaled = binary(g, OP_mul, l.s, l.x);
    new_output(g, scaled);
    new_output(g, graph_sum(g, scaled, SCALAR));
    run_pass(g, pass_sums, "sums");
    ck_assert_str_eq(written(g, g->outputs.data[1].node), "sum(mul(x2, x0))");
    arena_free(a);
}
END_TEST

START_TEST(sums_need_not_wait)
{
    SUMS(binary(g, OP_add, binary(g, OP_mul, of_sum(g, l.x), l.x), l.y), "add(mul(tanh(sum(x0)), sum(x0)), sum(x1))");
    SUMS(binary(g, OP_sub, l.y, binary(g, OP_mul, binary(g, OP_mul, of_sum(g, l.x), l.x), l.y)),
         "sub(sum(x1), mul(tanh(sum(x0)), sum(mul(x0, x1))))");
    SUMS(binary(g, OP_add, binary(g, OP_mul, of_sum(g, l.x), l.x), binary(g, OP_add, l.y, l.v)),
         "add(mul(tanh(sum(x0)), sum(x0)), sum(add(x1, p0)))");
    SUMS(binary(g, OP_sub, l.x, of_sum(g, l.x)), "sum(sub(x0, tanh(sum(x0))))");
    SUMS(unary(g, OP_square, minus_mean(g, l.x)), "sum(square(sub(x0, div(sum(x0), 3))))");
    SUMS(binary(g, OP_mul, l.y, minus_mean(g, l.x)), "sum(mul(x1, sub(x0, div(sum(x0), 3))))");
}
END_TEST

START_TEST(sums_of_differences_from_the_mean)
{
    SUMS(minus_mean(g, l.x), "mul(0, sum(x0))");
    SUMS(binary(g, OP_add, l.x, binary(g, OP_mul, graph_number(g, 2), graph_sum(g, l.x, SCALAR))), "mul(7, sum(x0))");
    SUMS(binary(g, OP_sub, l.x, graph_sum(g, l.x, SCALAR)), "mul(-2, sum(x0))");
    SUMS(binary(g, OP_sub, l.x, graph_sum(g, l.y, SCALAR)), "sum(sub(x0, sum(x1)))");
    SUMS(binary(g, OP_add, binary(g, OP_mul, of_sum(g, l.y), minus_mean(g, l.x)), l.y), "sum(x1)");
}
END_TEST

/* Of the rows and columns of a matrix: what is constant along these. */
static void ck_sum_of_rows(shape to, bool stretched, const char *expected)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id M = new_input(g, shape_matrix(N, N), BT);
    node_id of = stretched ? graph_expand(g, l.x, graph_type(g, M)) : binary(g, OP_mul, l.x, M);
    ck_after(g, pass_sums, graph_sum(g, of, to), expected);
    arena_free(a);
}

START_TEST(sums_of_matrices)
{
    ck_sum_of_rows(shape_vector(N), false, "mul(x0, sum(x3))");
    ck_sum_of_rows(shape_matrix(1, N), false, "sum(mul(x0, x3))");
    ck_sum_of_rows(SCALAR, false, "sum(mul(x0, x3))");
    ck_sum_of_rows(shape_vector(N), true, "mul(x0, 3)");
}
END_TEST

/* ---- cse --------------------------------------------------------------------------------------------------------- */

static node_id mask(graph *g, const char *path) { return graph_uniform(g, name_of(g->names, path), SCALAR, BT); }

static bool merged(graph *g)
{
    run_pass(g, pass_cse, "cse");
    return node_is(g->outputs.data[0].node, g->outputs.data[1].node);
}

#define MERGES(yes, x, y)                                                                                              \
    do {                                                                                                               \
        arena *a = arena_new();                                                                                        \
        graph *g = new_graph(a);                                                                                       \
        leaves l = new_leaves(g);                                                                                      \
        (void)l;                                                                                                       \
        new_output(g, (x));                                                                                            \
        new_output(g, (y));                                                                                            \
        ck_assert_int_eq(merged(g), (yes));                                                                            \
        arena_free(a);                                                                                                 \
    } while (0)

START_TEST(cse_merges)
{
    const double p[] = {1, 2}, q[] = {1, 2}, r[] = {1, 3};
    MERGES(true, unary(g, OP_tanh, unary(g, OP_exp, l.x)), unary(g, OP_tanh, unary(g, OP_exp, l.x)));
    MERGES(false, unary(g, OP_tanh, l.x), unary(g, OP_tanh, l.y));
    MERGES(true, binary(g, OP_add, l.x, l.y), binary(g, OP_add, l.y, l.x));
    MERGES(false, binary(g, OP_sub, l.x, l.y), binary(g, OP_sub, l.y, l.x));
    MERGES(true, graph_number(g, 2), l.two);
    MERGES(false, graph_number(g, 0.0), graph_number(g, -0.0));
    MERGES(true, graph_literal(g, shape_vector(2), p), graph_literal(g, shape_vector(2), q));
    MERGES(false, graph_literal(g, shape_vector(2), p), graph_literal(g, shape_vector(2), r));
    MERGES(false, unary(g, OP_copy, l.x), unary(g, OP_copy, l.x));
    MERGES(true, mask(g, "d"), mask(g, "d"));
    MERGES(false, mask(g, "d"), mask(g, "e"));
    MERGES(false, graph_matmul(g, l.A, false, l.x, false), graph_matmul(g, l.A, true, l.x, false));
    MERGES(false, graph_slice(g, l.x, 0, 0, 1), graph_slice(g, l.x, 0, 1, 1));
    MERGES(true, one_back(g, l.x), one_back(g, l.x));
    MERGES(false, one_back(g, l.x), graph_shift(g, l.x, graph_type(g, l.x), 1, -2, NO_BOUNDARIES));
    MERGES(false, graph_sum_over(g, l.x, 2, false), graph_sum_over(g, l.x, BT, false));
    MERGES(false, graph_sum_over(g, l.x, BT, true), graph_sum_over(g, l.x, BT, false));
}
END_TEST

/* Two shifts that read equal nodes, which come later, are equal in the end. */
START_TEST(cse_sees_through_shifts)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id p = one_back(g, unary(g, OP_tanh, l.x)), q = one_back(g, unary(g, OP_tanh, l.x));
    new_output(g, unary(g, OP_exp, p));
    new_output(g, unary(g, OP_exp, q));
    ck_assert(merged(g));
    arena_free(a);
}
END_TEST

/* Equal variables with different values before the first step stay two; a value that is also an adjoint stays the
 * value. */
START_TEST(cse_minds_boundaries_and_roles)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id p = unary(g, OP_tanh, l.x), q = unary(g, OP_tanh, l.x), w = new_param(g, shape_vector(N));
    new_output(g, p);
    new_output(g, q);
    new_output(g, graph_shift(g, p, graph_type(g, p), 1, -1, (boundary_values){&l.v, 1, 0}));
    new_output(g, graph_shift(g, q, graph_type(g, q), 1, -1, (boundary_values){&w, 1, 0}));
    ck_assert(!merged(g));

    g = new_graph(a);
    l = new_leaves(g);
    p = unary(g, OP_tanh, l.x);
    q = unary(g, OP_tanh, l.x);
    label(g, p, "of");
    graph_node(g, p)->origin.role = ROLE_ADJOINT;
    label(g, q, "value");
    new_output(g, p);
    new_output(g, q);
    ck_assert(merged(g));
    ck_assert_str_eq(graph_label(g, a, g->outputs.data[0].node), "value");
    arena_free(a);
}
END_TEST

/* ---- reassociate ------------------------------------------------------------------------------------------------- */

/* h = tanh(A h[t-1] + v + B x + C c[t-1] + D y), c = h * x: products inside and outside of the recurrence, mixed. The
 * parameters C and A stand in another order than in the sum. */
START_TEST(reassociate_products)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    shape square = shape_matrix(N, N);
    type t = type_real(shape_vector(N), BT);
    node_id C = new_param(g, square), A = new_param(g, square), B = new_param(g, square), D = new_param(g, square);
    node_id v = new_param(g, shape_vector(N));
    node_id x = new_input(g, shape_vector(N), BT), y = new_input(g, shape_vector(N), BT);
    node_id h1 = graph_shift(g, NO_NODE, t, 1, -1, NO_BOUNDARIES),
            c1 = graph_shift(g, NO_NODE, t, 1, -1, NO_BOUNDARIES);
    node_id sum = binary(g, OP_add, graph_matmul(g, A, false, h1, false), v);
    sum = binary(g, OP_add, sum, graph_matmul(g, B, false, x, false));
    sum = binary(g, OP_add, sum, graph_matmul(g, C, false, c1, false));
    sum = binary(g, OP_add, sum, graph_matmul(g, D, false, y, false));
    label(g, sum, "a");
    node_id h = unary(g, OP_tanh, sum);
    graph_set_operand(g, h1, h);
    graph_set_operand(g, c1, binary(g, OP_mul, h, x));
    new_output(g, h);
    run_pass(g, pass_reassociate, "reassociate");
    node_id of_h = graph_node(g, g->outputs.data[0].node)->arg[0];
    ck_assert_str_eq(written(g, of_h), "add(add(add(matmul(p0, shift(mul)), matmul(p1, shift(tanh))), "
                                       "add(matmul(p2, x0), matmul(p3, x1))), p4)");
    ck_assert_str_eq(graph_label(g, a, of_h), "a");
    arena_free(a);
}
END_TEST

/* Outside of recurrences; what is used elsewhere or varies less is no part of the chain, and a labelled sum stays
 * one. */
START_TEST(reassociate_leaves_others)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id B = new_param(g, shape_matrix(N, N)), still = new_input(g, shape_vector(N), BATCH);
    node_id used = graph_matmul(g, B, true, l.x, false), less = graph_matmul(g, B, false, still, false);
    node_id sum = binary(g, OP_add, used, graph_matmul(g, B, false, l.x, false));
    sum = binary(g, OP_add, binary(g, OP_add, sum, less), graph_matmul(g, l.A, false, l.y, false));
    new_output(g, used);
    new_output(g, sum);
    node_id inner = binary(g, OP_add, graph_matmul(g, B, false, l.x, false), l.v);
    label(g, inner, "inner");
    new_output(g, binary(g, OP_add, inner, graph_matmul(g, l.A, false, l.y, false)));
    run_pass(g, pass_reassociate, "reassociate");
    ck_assert_str_eq(written(g, g->outputs.data[1].node),
                     "add(add(add(matmul(p1, x1), matmul(p2, x0)), matmul(p2', x0)), matmul(p2, x3))");
    ck_assert_str_eq(written(g, g->outputs.data[2].node), "add(add(matmul(p2, x0), p0), matmul(p1, x1))");
    arena_free(a);
}
END_TEST

/* What two gates send back through shifts of their own is one sum. */
START_TEST(reassociate_shifts)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id p = graph_shift(g, graph_matmul(g, l.A, true, l.x, false), graph_type(g, l.x), 1, 1, NO_BOUNDARIES);
    node_id q = graph_shift(g, graph_matmul(g, l.A, false, l.y, false), graph_type(g, l.x), 1, 1, NO_BOUNDARIES);
    node_id r = graph_shift(g, unary(g, OP_exp, l.y), graph_type(g, l.x), 1, 2, NO_BOUNDARIES);
    graph_node(g, p)->attr.over.carry = graph_node(g, q)->attr.over.carry = graph_node(g, r)->attr.over.carry = false;
    new_output(g, binary(g, OP_add, binary(g, OP_add, p, r), binary(g, OP_add, l.x, q)));
    run_pass(g, pass_reassociate, "reassociate");
    ck_assert_str_eq(written(g, g->outputs.data[0].node), "add(add(shift(add), shift(exp)), x0)");
    arena_free(a);
}
END_TEST

/* Parts that fill a vector are put side by side, in whatever order they are added; parts that leave a gap are not. */
START_TEST(reassociate_parts)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id p = graph_pad(g, l.y, 0, N, 2 * N), q = graph_pad(g, l.x, 0, 0, 2 * N);
    node_id z = new_input(g, shape_vector(2 * N), BT);
    new_output(g, binary(g, OP_add, binary(g, OP_add, p, z), q));
    p = graph_pad(g, l.y, 0, N, 3 * N), q = graph_pad(g, l.x, 0, 0, 3 * N);
    new_output(g, binary(g, OP_add, p, q));
    p = graph_pad(g, l.y, 0, 1, N + 1), q = graph_pad(g, l.x, 0, 0, N + 1);
    new_output(g, binary(g, OP_add, p, q));
    run_pass(g, pass_reassociate, "reassociate");
    ck_assert_str_eq(written(g, g->outputs.data[0].node), "add(concat(x0, x1), x3)");
    ck_assert_str_eq(written(g, g->outputs.data[1].node), "add(pad(x1), pad(x0))");
    ck_assert_str_eq(written(g, g->outputs.data[2].node), "add(pad(x1), pad(x0))");
    arena_free(a);
}
END_TEST

/* ---- isolate ----------------------------------------------------------------------------------------------------- */

START_TEST(isolate_copies)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    node_id part = graph_slice(g, l.x, 0, 0, 2), own = unary(g, OP_tanh, l.x);
    label(g, part, "part");
    node_id p = one_back(g, part), q = graph_shift(g, part, graph_type(g, part), 1, -2, NO_BOUNDARIES);
    node_id back = graph_at(g, l.s, graph_type(g, l.s), 1, true, 0, NO_BOUNDARIES);
    node_id front = graph_at(g, l.y, graph_type(g, l.y), 1, false, 1, NO_BOUNDARIES);
    graph_node(g, back)->attr.over.carry = graph_node(g, front)->attr.over.carry = true;
    node_id all[] = {p, q, one_back(g, own), back, front, one_back(g, p), one_back(g, l.two)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) new_output(g, all[i]);
    run_pass(g, pass_isolate, "isolate");
    const char *read[sizeof all / sizeof *all];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        read[i] = written(g, graph_node(g, g->outputs.data[i].node)->arg[0]);
    ck_assert_str_eq(read[0], "copy(slice(x0))");
    ck_assert(node_is(graph_node(g, g->outputs.data[0].node)->arg[0], graph_node(g, g->outputs.data[1].node)->arg[0]));
    ck_assert_str_eq(graph_label(g, a, graph_node(g, g->outputs.data[0].node)->arg[0]), "part");
    ck_assert_str_eq(read[2], "tanh(x0)");
    ck_assert_str_eq(read[3], "copy(x2)");
    ck_assert_str_eq(read[4], "x1");
    ck_assert_str_eq(read[5], "copy(shift(copy))");
    ck_assert_str_eq(read[6], "expand(2)");
    arena_free(a);
}
END_TEST

/* Whatever is disabled, what the plan counts on is there. */
START_TEST(required_passes_run)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    leaves l = new_leaves(g);
    new_output(g, one_back(g, binary(g, OP_mul, l.x, l.one)));
    new_output(g, one_back(g, l.y));
    passes_run(g, ~0u);
    ck_assert_str_eq(written(g, graph_node(g, g->outputs.data[0].node)->arg[0]), "mul(x0, 1)");
    ck_assert_str_eq(written(g, graph_node(g, g->outputs.data[1].node)->arg[0]), "copy(x1)");
    arena_free(a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("passes");
    TCase *c = tcase_create("passes");
    tcase_add_test(c, simplify_arithmetic);
    tcase_add_test(c, simplify_constants);
    tcase_add_test(c, simplify_stretching);
    tcase_add_test(c, simplify_layout);
    tcase_add_test(c, simplify_keeps_copies);
    tcase_add_test(c, simplify_minds_boundaries);
    tcase_add_test(c, simplify_minds_chunks);
    tcase_add_test(c, simplify_moves_labels);
    tcase_add_test(c, simplify_long_chains);
    tcase_add_test(c, sums_move_factors);
    tcase_add_test(c, sums_mind_other_readers);
    tcase_add_test(c, sums_need_not_wait);
    tcase_add_test(c, sums_of_differences_from_the_mean);
    tcase_add_test(c, sums_of_matrices);
    tcase_add_test(c, cse_merges);
    tcase_add_test(c, cse_sees_through_shifts);
    tcase_add_test(c, cse_minds_boundaries_and_roles);
    tcase_add_test(c, reassociate_products);
    tcase_add_test(c, reassociate_leaves_others);
    tcase_add_test(c, reassociate_shifts);
    tcase_add_test(c, reassociate_parts);
    tcase_add_test(c, isolate_copies);
    tcase_add_test(c, required_passes_run);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
