/* graph.c: the graph by itself: shapes, types, canonical order, the verifier, names and equations. The network of the
 * last two is h = tanh(W h[t-1] + U x + b) with a mean square loss, built by hand, and its gradient. */
#include "graph/graph.h"
#include "derive/derive.h"
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static graph *new_graph(arena *a)
{
    names *n = names_new(a);
    graph *g = graph_new(a, n);
    g->axis[1] = (graph_axis){name_of(n, "t"), name_of(n, "T")};
    g->axis[2] = (graph_axis){name_of(n, "s"), name_of(n, "S")};
    g->axes = 2;
    g->losses = 1;
    return g;
}

static node_id new_param(graph *g, const char *path, shape s)
{
    array_push(g->arena, &g->params, (graph_param){.path = path, .shape = s});
    return graph_param_node(g, (uint32_t)g->params.len - 1);
}

static node_id new_input(graph *g, const char *path, type t, int classes)
{
    array_push(g->arena, &g->inputs, (graph_input){.path = path, .type = t, .classes = classes});
    return graph_input_node(g, (uint32_t)g->inputs.len - 1);
}

static origin whole(graph *g, const char *path)
{
    array_push(g->arena, &g->variables, (graph_variable){.path = path});
    return (origin){.variable = (uint32_t)g->variables.len - 1, .whole = true};
}

static node_id binary(graph *g, op o, node_id a, node_id b) { return graph_pointwise(g, o, a, b, NO_NODE); }

static node_id unary(graph *g, op o, node_id a) { return graph_pointwise(g, o, a, NO_NODE, NO_NODE); }

static const axis_set BT = BATCH | 2, BS = BATCH | 4, BTS = BATCH | 2 | 4;

static void ck_type(const graph *g, node_id id, shape s, axis_set axes)
{
    type t = graph_type(g, id);
    ck_assert_str_eq(shape_text(g->arena, t.shape), shape_text(g->arena, s));
    ck_assert_uint_eq(t.axes, axes);
    ck_assert_int_eq(t.element, REAL);
}

/* h = tanh(W h[t-1] + U x + b), loss = sum over b and t of square(h - y) / count. `mirrored` makes the independent
 * nodes in another order: the structure is the same, the numbers are not. */
static graph *tanh_rnn(arena *a, bool mirrored)
{
    graph *g = new_graph(a);
    node_id W = new_param(g, "W", shape_matrix(3, 3)), U = new_param(g, "U", shape_matrix(3, 2));
    node_id b = new_param(g, "b", shape_vector(3));
    node_id x = new_input(g, "x", type_real(shape_vector(2), BT), 0);
    node_id y = new_input(g, "y", type_real(shape_vector(3), BT), 0);
    g->inputs.data[1].target = true;
    origin of_a = whole(g, "a"), of_h = whole(g, "h");
    g->current = of_a;
    g->current.whole = false;
    node_id before = graph_shift(g, NO_NODE, type_real(shape_vector(3), BT), 1, -1, NO_BOUNDARIES), Wh, Ux;
    if (mirrored) {
        Ux = graph_matmul(g, U, false, x, false);
        Wh = graph_matmul(g, W, false, before, false);
    } else {
        Wh = graph_matmul(g, W, false, before, false);
        Ux = graph_matmul(g, U, false, x, false);
    }
    node_id sum = binary(g, OP_add, Wh, Ux);
    g->current = of_a;
    node_id act = binary(g, OP_add, sum, b);
    g->current = of_h;
    node_id h = unary(g, OP_tanh, act);
    graph_set_operand(g, before, h);
    g->current = (origin){0};
    node_id each = graph_sum(g, unary(g, OP_square, binary(g, OP_sub, h, y)), SCALAR);
    if (mirrored) graph_number(g, 3); /* a node that nobody needs */
    node_id total = graph_sum_over(g, each, BT, false);
    g->loss = binary(g, OP_div, total, graph_norm(g, graph_count(g, BT), 0));
    array_push(a, &g->outputs, (graph_output){.path = "h", .node = h});
    return g;
}

static const char *printed(const graph *g)
{
    text *out = text_new(g->arena);
    graph_print(out, g);
    return text_string(out);
}

/* ---- shapes and types -------------------------------------------------------------------------------------------- */

static void ck_broadcast(shape a, shape b, const char *expected)
{
    arena *m = arena_new();
    shape out = SCALAR;
    const char *found = shape_broadcast(a, b, &out) ? shape_text(m, out) : "no";
    ck_assert_str_eq(found, expected);
    found = shape_broadcast(b, a, &out) ? shape_text(m, out) : "no";
    ck_assert_str_eq(found, expected);
    arena_free(m);
}

START_TEST(shapes_broadcast)
{
    ck_broadcast(SCALAR, SCALAR, "scalar");
    ck_broadcast(SCALAR, shape_vector(4), "(4)");
    ck_broadcast(SCALAR, shape_matrix(4, 5), "(4, 5)");
    ck_broadcast(shape_vector(4), shape_vector(4), "(4)");
    ck_broadcast(shape_vector(4), shape_vector(1), "no");
    ck_broadcast(shape_vector(4), shape_matrix(4, 5), "(4, 5)");
    ck_broadcast(shape_vector(5), shape_matrix(4, 5), "no");
    ck_broadcast(shape_matrix(1, 5), shape_matrix(4, 5), "(4, 5)");
    ck_broadcast(shape_matrix(4, 1), shape_matrix(4, 5), "no");
    ck_broadcast(shape_vector(4), shape_matrix(1, 5), "no");
}
END_TEST

static void ck_matmul(shape a, bool ta, shape b, bool tb, const char *expected)
{
    arena *m = arena_new();
    shape out = SCALAR;
    const char *found = shape_matmul(a, ta, b, tb, &out) ? shape_text(m, out) : "no";
    ck_assert_str_eq(found, expected);
    arena_free(m);
}

START_TEST(shapes_multiply)
{
    shape m34 = shape_matrix(3, 4), m45 = shape_matrix(4, 5), v3 = shape_vector(3), v4 = shape_vector(4);
    ck_matmul(m34, false, m45, false, "(3, 5)");
    ck_matmul(m34, false, m45, true, "no");
    ck_matmul(m45, true, m34, true, "(5, 3)");
    ck_matmul(m34, true, m34, false, "(4, 4)");
    ck_matmul(m34, false, m34, true, "(3, 3)");
    ck_matmul(m34, false, v4, false, "(3)");
    ck_matmul(m34, true, v3, false, "(4)");
    ck_matmul(v3, true, m34, false, "(1, 4)");
    ck_matmul(v3, false, v4, true, "(3, 4)");
    ck_matmul(v3, true, v3, false, "(1)");
    ck_matmul(v3, false, v3, false, "no");
    ck_matmul(SCALAR, false, v3, false, "no");
}
END_TEST

START_TEST(types_follow)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    node_id v = new_input(g, "v", type_real(shape_vector(3), BT), 0);
    node_id w = new_input(g, "w", type_real(shape_vector(3), BS), 0);
    node_id k = new_input(g, "k", (type){TOKEN, SCALAR, BT}, 7);
    node_id E = new_param(g, "E", shape_matrix(7, 3));
    ck_type(g, binary(g, OP_add, v, w), shape_vector(3), BTS);
    ck_type(g, graph_matmul(g, v, false, w, true), shape_matrix(3, 3), BTS);
    ck_type(g, graph_sum(g, E, shape_vector(7)), shape_vector(7), 0);
    ck_type(g, graph_sum(g, E, shape_matrix(1, 3)), shape_matrix(1, 3), 0);
    ck_type(g, graph_softmax(g, v), shape_vector(3), BT);
    ck_type(g, graph_logsumexp(g, v), SCALAR, BT);
    ck_type(g, graph_sum_over(g, v, 2, false), shape_vector(3), BATCH);
    ck_type(g, graph_sum_over(g, v, BT, false), shape_vector(3), 0);
    ck_type(g, graph_sum_over(g, E, 2, false), shape_matrix(7, 3), BATCH);
    ck_type(g, graph_max_over(g, v, 2, false), shape_vector(3), BATCH);
    ck_type(g, graph_shift(g, v, (type){0}, 1, 2, NO_BOUNDARIES), shape_vector(3), BT);
    ck_type(g, graph_shift(g, E, (type){0}, 1, 2, NO_BOUNDARIES), shape_matrix(7, 3), BT);
    ck_type(g, graph_at(g, v, (type){0}, 1, true, 0, NO_BOUNDARIES), shape_vector(3), BATCH);
    ck_type(g, graph_put(g, w, 1, false, 1), shape_vector(3), BTS);
    ck_type(g, graph_concat(g, (node_id[]){v, w}, 2, 0), shape_vector(6), BTS);
    ck_type(g, graph_concat(g, (node_id[]){E, E}, 2, 1), shape_matrix(7, 6), 0);
    ck_type(g, graph_slice(g, E, 0, 2, 5), shape_matrix(5, 3), 0);
    ck_type(g, graph_pad(g, v, 0, 2, 5), shape_vector(5), BT);
    ck_type(g, graph_transpose(g, v), shape_matrix(1, 3), BT);
    ck_type(g, graph_reshape(g, E, shape_vector(21)), shape_vector(21), 0);
    ck_type(g, graph_lookup(g, E, k), shape_vector(3), BT);
    ck_type(g, graph_pick(g, w, k), SCALAR, BTS);
    ck_type(g, graph_scatter(g, k, v, 7, BT), shape_matrix(7, 3), 0);
    ck_type(g, graph_scatter(g, k, v, 7, 2), shape_matrix(7, 3), BATCH);
    ck_type(g, graph_count(g, BT), SCALAR, 0);
    ck_type(g, graph_length(g, 1), SCALAR, BATCH);
    ck_type(g, graph_step(g, 2), SCALAR, BS);
    ck_type(g, binary(g, OP_eq, k, graph_iota(g, 7)), shape_vector(7), BT);
    ck_type(g, graph_expand(g, v, type_real(shape_matrix(3, 2), BTS)), shape_matrix(3, 2), BTS);
    graph_verify(g, "the test");
    arena_free(a);
}
END_TEST

/* Constructors refuse operands that do not fit: each of these aborts. */
static void misfit(int which)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    node_id v = new_input(g, "v", type_real(shape_vector(3), BT), 0);
    node_id w = new_param(g, "w", shape_vector(4));
    node_id k = new_input(g, "k", (type){TOKEN, SCALAR, BT}, 7);
    node_id E = new_param(g, "E", shape_matrix(7, 3));
    switch (which) {
    case 0: binary(g, OP_add, v, w); break;
    case 1: binary(g, OP_add, v, k); break;
    case 2: graph_matmul(g, E, false, w, false); break;
    case 3: graph_sum(g, E, shape_vector(3)); break;
    case 4: graph_softmax(g, E); break;
    case 5: graph_shift(g, v, (type){0}, 1, -1, (boundary_values){&w, 1, 0}); break; /* another shape */
    case 6: graph_shift(g, v, (type){0}, 1, -1, (boundary_values){&v, 1, 0}); break; /* varies over t */
    case 7: graph_shift(g, v, (type){0}, 3, -1, NO_BOUNDARIES); break;               /* no such axis */
    case 8: graph_put(g, v, 1, false, 1); break;
    case 9: graph_concat(g, (node_id[]){v, E}, 2, 0); break;
    case 10: graph_slice(g, v, 0, 2, 2); break;
    case 11: graph_reshape(g, v, shape_vector(4)); break;
    case 12: graph_lookup(g, E, v); break;
    case 13: graph_max_over(g, v, BT, false); break;
    case 14: graph_sum_over(g, v, 8, false); break;
    case 15: graph_expand(g, v, type_real(shape_vector(3), BATCH)); break;
    case 16: graph_norm(g, graph_count(g, BT), 1); break; /* no such loss */
    case 17: unary(g, OP_add, v); break;                  /* an operand is missing */
    case 18: graph_set_operand(g, graph_softmax(g, v), v); break;
    case 19: graph_param_node(g, 2); break;
    case 20: graph_sum_over(g, v, BATCH, false); break; /* steps of no sequence */
    case 21: graph_max_over(g, v, 4, false); break;     /* v lacks s */
    }
}
enum { MISFITS = 22 };

/* The message of an expected abort is no news. */
static void hush(void) { ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); }

START_TEST(misfits_abort)
{
    hush();
    misfit(_i);
}
END_TEST

/* ---- order ------------------------------------------------------------------------------------------------------- */

START_TEST(order_is_canonical)
{
    arena *a = arena_new();
    graph *g = tanh_rnn(a, false), *m = tanh_rnn(a, true);
    ck_assert_str_ne(printed(g), printed(m));
    graph_compact(g);
    graph_compact(m);
    ck_assert_str_eq(printed(g), printed(m));
    size_t count = g->nodes.len;
    const char *once = printed(g);
    graph_compact(g);
    ck_assert_uint_eq(g->nodes.len, count);
    ck_assert_str_eq(printed(g), once);
    derive_gradients(g);
    derive_gradients(m);
    graph_compact(g);
    graph_compact(m);
    graph_verify(g, "compact");
    ck_assert_str_eq(printed(g), printed(m));
    arena_free(a);
}
END_TEST

START_TEST(order_puts_operands_first)
{
    arena *a = arena_new();
    graph *g = tanh_rnn(a, false);
    derive_gradients(g);
    node_list order = graph_order(g, a);
    size_t *number = ARENA_ARRAY(a, size_t, g->nodes.len);
    for (size_t i = 0; i < order.len; i++) number[order.data[i].i] = i + 1;
    for (size_t i = 0; i < order.len; i++) {
        const node *n = graph_node(g, order.data[i]);
        for (int j = n->op == OP_shift; j < n->args; j++) ck_assert_uint_lt(number[n->arg[j].i], i + 1);
    }
    ck_assert_uint_gt(order.len, 20);
    arena_free(a);
}
END_TEST

/* A chain far deeper than any stack. */
START_TEST(order_is_iterative)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    node_id x = new_param(g, "x", SCALAR);
    for (int i = 0; i < 300000; i++) x = unary(g, OP_neg, x);
    g->loss = x;
    ck_assert_uint_eq(graph_order(g, a).len, 300001);
    graph_compact(g);
    graph_verify(g, "compact");
    arena_free(a);
}
END_TEST

/* ---- the verifier: each broken rule is caught -------------------------------------------------------------------- */

static node_id find(const graph *g, op o)
{
    for (uint32_t i = 1; i < g->nodes.len; i++)
        if (g->nodes.data[i].op == o) return (node_id){i};
    ck_abort_msg("no such node");
    return NO_NODE;
}

static void break_rule(graph *g, int which)
{
    node *tanh_node = graph_node(g, find(g, OP_tanh)), *shift = graph_node(g, find(g, OP_shift));
    switch (which) {
    case 0: tanh_node->type.shape = shape_vector(4); break;
    case 1: tanh_node->type.axes = BATCH; break;
    case 2: tanh_node->arg[0].i = (uint32_t)g->nodes.len; break;
    case 3: tanh_node->arg[0] = NO_NODE; break;
    case 4: tanh_node->arg[0] = find(g, OP_tanh); break; /* a cycle without a shift */
    case 5: shift->arg[0] = NO_NODE; break;              /* never set */
    case 6: shift->attr.before = 1; break;               /* a boundary that is no operand */
    case 7: shift->attr.axis = 3; break;
    case 8: tanh_node->origin.variable = 99; break;
    case 9: tanh_node->origin.variable = 0; break; /* whole of nothing */
    case 10: tanh_node->op = OP_none; break;
    case 11: tanh_node->op = OP_add; break; /* arity */
    case 12: g->loss = find(g, OP_tanh); break;
    case 13: g->outputs.data[0].node.i = 1000; break;
    case 14: graph_node(g, find(g, OP_matmul))->attr.matmul.tb = true; break;
    case 15:
        g->param_grad = ARENA_ARRAY(g->arena, node_id, 3);
        g->param_grad[0] = find(g, OP_tanh);
        break;
    case 16: { /* readings that disagree */
        node_id edge = graph_literal(g, shape_vector(3), (double[]){1, 2, 3});
        graph_shift(g, find(g, OP_tanh), (type){0}, 1, -2, (boundary_values){&edge, 1, 0});
        break;
    }
    case 17: graph_node(g, find(g, OP_sum_over))->attr.over.axes = BATCH; break;
    }
}
enum { RULES = 18 };

START_TEST(verify_catches)
{
    arena *a = arena_new();
    graph *g = tanh_rnn(a, false);
    break_rule(g, _i);
    hush();
    graph_verify(g, "the test");
}
END_TEST

START_TEST(verify_accepts)
{
    arena *a = arena_new();
    graph *g = tanh_rnn(a, false);
    graph_verify(g, "the test");
    node_id none = NO_NODE; /* an absent boundary is as good as none */
    graph_shift(g, find(g, OP_tanh), (type){0}, 1, -2, (boundary_values){&none, 1, 0});
    derive_gradients(g);
    graph_verify(g, "derive");
    arena_free(a);
}
END_TEST

/* ---- names and equations ----------------------------------------------------------------------------------------- */

/* The equation of the node with that label. */
static const char *equation(const graph *g, const char *label)
{
    for (uint32_t i = 1; i < g->nodes.len; i++)
        if (strcmp(graph_label(g, g->arena, (node_id){i}), label) == 0)
            return graph_equation(g, g->arena, (node_id){i});
    return "none";
}

START_TEST(equations_of_values)
{
    arena *a = arena_new();
    graph *g = tanh_rnn(a, false);
    graph_compact(g);
    graph_name_parts(g);
    ck_assert_str_eq(equation(g, "h"), "h[t] = tanh(a[t])");
    ck_assert_str_eq(equation(g, "a"), "a[t] = W @ h[t-1] + U @ x[t] + b");
    ck_assert_str_eq(equation(g, "loss.1"), "loss.1[t] = (h[t] - y[t])^2");
    ck_assert_str_eq(equation(g, "loss.2"), "none");
    ck_assert_str_eq(equation(g, "loss"), "loss = (sum over t of sum(loss.1[t])) / count(t)");
    arena_free(a);
}
END_TEST

/* The adjoints of h = tanh(W h[t-1]) as a derivation would make them. */
START_TEST(equations_of_adjoints)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    node_id W = new_param(g, "W", shape_matrix(3, 3));
    origin of_a = whole(g, "a"), of_h = whole(g, "h");
    type vector = type_real(shape_vector(3), BT);
    g->current = (origin){0};
    node_id before = graph_shift(g, NO_NODE, vector, 1, -1, NO_BOUNDARIES);
    g->current = of_a;
    node_id act = graph_matmul(g, W, false, before, false);
    g->current = of_h;
    node_id h = unary(g, OP_tanh, act);
    graph_set_operand(g, before, h);
    g->current = (origin){.variable = of_h.variable, .role = ROLE_ADJOINT};
    node_id after = graph_shift(g, NO_NODE, vector, 1, 1, NO_BOUNDARIES), back = graph_matmul(g, W, true, after, false);
    node_id end = graph_put(g, graph_literal(g, shape_vector(3), (double[]){1, -0.5, 0.1}), 1, true, 0);
    g->current.whole = true;
    node_id d_h = binary(g, OP_add, back, end);
    g->current = (origin){.variable = of_a.variable, .role = ROLE_ADJOINT};
    node_id slope = binary(g, OP_sub, graph_number(g, 1), unary(g, OP_square, h));
    g->current.whole = true;
    node_id d_a = binary(g, OP_mul, d_h, slope);
    graph_set_operand(g, after, d_a);
    g->current = (origin){0};
    g->param_grad = ARENA_ARRAY(a, node_id, 1);
    g->param_grad[0] = graph_sum_over(g, graph_matmul(g, d_a, false, before, true), BT, false);
    graph_verify(g, "the test");
    graph_name_parts(g);
    ck_assert_str_eq(equation(g, "a"), "a[t] = W @ h[t-1]");
    ck_assert_str_eq(equation(g, "d_h"), "d_h[t] = W' @ d_a[t+1] + (if t == T then vector(1, -0.5, 0.1) else 0)");
    ck_assert_str_eq(equation(g, "d_a"), "d_a[t] = d_h[t] * (1 - h[t]^2)");
    ck_assert_str_eq(equation(g, "d_W"), "d_W = sum over t of d_a[t] @ h[t-1]'");
    arena_free(a);
}
END_TEST

/* A node for each way of writing. */
static node_id sample(graph *g, int which)
{
    node_id v = (node_id){1}, w = (node_id){2}, c = (node_id){3}, k = (node_id){4}, E = (node_id){5};
    node_id sum = binary(g, OP_add, v, w), one = graph_number(g, 1), minus = graph_number(g, -2.5);
    switch (which) {
    case 0: return binary(g, OP_sub, v, sum);
    case 1: return binary(g, OP_sub, sum, v);
    case 2: return binary(g, OP_mul, sum, unary(g, OP_neg, v));
    case 3: return unary(g, OP_neg, binary(g, OP_pow, v, unary(g, OP_neg, c)));
    case 4: return binary(g, OP_pow, unary(g, OP_neg, v), binary(g, OP_pow, c, c));
    case 5: return binary(g, OP_and, binary(g, OP_lt, c, one), unary(g, OP_not, binary(g, OP_eq, c, one)));
    case 6: return binary(g, OP_add, graph_pointwise(g, OP_select, c, v, w), one);
    case 7: return graph_pointwise(g, OP_select, binary(g, OP_eq, c, one), v, graph_pointwise(g, OP_select, c, v, w));
    case 8: return graph_at(g, v, (type){0}, 1, true, 2, NO_BOUNDARIES);
    case 9: return graph_at(g, v, (type){0}, 1, false, 1, NO_BOUNDARIES);
    case 10: return graph_matmul(g, E, false, graph_slice(g, sum, 0, 0, 3), false);
    case 11: return graph_matmul(g, sum, false, v, true);
    case 12: return graph_slice(g, E, 1, 1, 2);
    case 13: return graph_slice(g, E, 0, 1, 2);
    case 14: return graph_transpose(g, E);
    case 15: return graph_scatter(g, k, v, 7, BT);
    case 16: return binary(g, OP_div, graph_max_over(g, v, 2, false), graph_length(g, 1));
    case 17: return binary(g, OP_mod, graph_step(g, 1), graph_number(g, 4));
    case 18: return binary(g, OP_mul, minus, graph_expand(g, sum, type_real(shape_matrix(3, 2), BTS)));
    case 19: return graph_concat(g, (node_id[]){v, w}, 2, 0);
    case 20: return graph_sum(g, E, shape_vector(7));
    case 21: return graph_pick(g, w, k);
    case 22: return graph_shift(g, sum, (type){0}, 1, 3, NO_BOUNDARIES);
    case 23: return graph_sum_over(g, graph_length(g, 1), BATCH, false);
    case 24: return binary(g, OP_max, v, graph_number(g, 0.1));
    case 25: return graph_shift(g, c, (type){0}, 2, -1, NO_BOUNDARIES);
    }
    return NO_NODE;
}

START_TEST(notation_of_each)
{
    static const char *const expected[] = {
        "v[t] - (v[t] + w[s])",
        "v[t] + w[s] - v[t]",
        "(v[t] + w[s]) * -v[t]",
        "-v[t] ^ -c[t, s]",
        "(-v[t]) ^ c[t, s] ^ c[t, s]",
        "c[t, s] < 1 and not (c[t, s] == 1)",
        "(if c[t, s] then v[t] else w[s]) + 1",
        "if c[t, s] == 1 then v[t] else if c[t, s] then v[t] else w[s]",
        "v[T-2]",
        "v[1]",
        "E @ (v[t] + w[s])(0:3)",
        "(v[t] + w[s]) @ v[t]'",
        "E(:, 1:3)",
        "E(1:3, :)",
        "E'",
        "sum over t of scatter(k[t], v[t])",
        "(max over t of v[t]) / T",
        "t % 4",
        "-2.5 * (v[t] + w[s])",
        "concat(v[t], w[s])",
        "sum(E, rows)",
        "pick(w[s], k[t])",
        "(v[t] + w[s])[t+3]",
        "sum over the batch of T",
        "max(v[t], 0.1)",
        "c[t, s-1]",
    };
    arena *a = arena_new();
    graph *g = new_graph(a);
    new_input(g, "v", type_real(shape_vector(3), BT), 0);
    new_input(g, "w", type_real(shape_vector(3), BS), 0);
    new_input(g, "c", type_real(SCALAR, BTS), 0);
    new_input(g, "k", (type){TOKEN, SCALAR, BT}, 7);
    new_param(g, "E", shape_matrix(7, 3));
    for (int i = 0; i < (int)(sizeof expected / sizeof *expected); i++)
        ck_assert_str_eq(graph_equation(g, a, sample(g, i)), expected[i]);
    ck_assert(!node_some(sample(g, (int)(sizeof expected / sizeof *expected))));
    arena_free(a);
}
END_TEST

/* Text is there to be read: deep and shared expressions are cut short, not written out or followed without end. */
START_TEST(notation_is_bounded)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    node_id x = new_param(g, "x", SCALAR), deep = x, wide = x;
    for (int i = 0; i < 100000; i++) deep = unary(g, OP_neg, deep);
    for (int i = 0; i < 64; i++) wide = binary(g, OP_add, wide, wide);
    ck_assert_ptr_nonnull(strstr(graph_equation(g, a, deep), "..."));
    ck_assert_ptr_nonnull(strstr(graph_equation(g, a, wide), "..."));
    arena_free(a);
}
END_TEST

START_TEST(parts_are_numbered_once)
{
    arena *a = arena_new();
    graph *g = tanh_rnn(a, false);
    derive_gradients(g);
    graph_compact(g);
    graph_name_parts(g);
    for (uint32_t i = 1; i < g->nodes.len; i++)
        for (uint32_t j = i + 1; j < g->nodes.len; j++) {
            const char *label = graph_label(g, a, (node_id){i});
            bool is_source = op_table[g->nodes.data[i].op].class == SOURCE;
            ck_assert(!*label || is_source || strcmp(label, graph_label(g, a, (node_id){j})) != 0);
        }
    const char *before = printed(g);
    graph_name_parts(g);
    ck_assert_str_eq(printed(g), before);
    arena_free(a);
}
END_TEST

START_TEST(print_is_readable)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    g->model = "m";
    node_id x = new_input(g, "x", type_real(shape_vector(2), BT), 0), v = new_param(g, "v", shape_vector(2));
    node_id edges[] = {v, NO_NODE, v};
    node_id y = graph_shift(g, x, (type){0}, 1, -1, (boundary_values){edges, 2, 1});
    node_id half = graph_number(g, 0.5);
    g->current = whole(g, "z");
    array_push(a, &g->outputs, (graph_output){.path = "z", .node = binary(g, OP_mul, y, half)});
    ck_assert_str_eq(printed(g), "graph m\n"
                                 "axis t to T\n"
                                 "axis s to S\n"
                                 "param v : (2)\n"
                                 "input x : (2) [b, t]\n"
                                 "%1 = input <x> : (2) [b, t]  # x\n"
                                 "%2 = param <v> : (2)  # v\n"
                                 "%3 = shift %1 before %2, 0 after %2 <t-1> : (2) [b, t]\n"
                                 "%4 = number <0.5> : scalar\n"
                                 "%5 = mul %3, %4 : (2) [b, t]  # z\n"
                                 "output z = %5\n");
    arena_free(a);
}
END_TEST

/* ---- components and products over rows --------------------------------------------------------------------------- */

static bool cuts_shifts(const graph *g, node_id reader, int operand, const void *context)
{
    return operand == 0 && graph_node(g, reader)->op == OP_shift &&
           graph_node(g, reader)->attr.axis == *(const int *)context;
}

/* h = tanh(h[t-1] + x), o = exp(h). */
START_TEST(components_are_cycles)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    node_id x = new_input(g, "x", type_real(shape_vector(2), BT), 0);
    node_id past = graph_shift(g, NO_NODE, type_real(shape_vector(2), BT), 1, -1, NO_BOUNDARIES);
    node_id sum = binary(g, OP_add, past, x), h = unary(g, OP_tanh, sum), o = unary(g, OP_exp, h);
    graph_set_operand(g, past, h);
    int c[8] = {0}, axis = 1;
    node_id ids[] = {o, h, sum, past, x};
    node_list all = {.data = ids, .len = 5};
    ck_assert_int_eq(graph_components(g, &all, NULL, NULL, c), 3);
    ck_assert(c[h.i] == c[sum.i] && c[h.i] == c[past.i]);
    ck_assert(0 < c[x.i] && c[x.i] < c[h.i] && c[h.i] < c[o.i]);
    ck_assert_int_eq(graph_components(g, &all, cuts_shifts, &axis, c), 5);
    ck_assert(c[past.i] < c[sum.i] && c[sum.i] < c[h.i]);
    axis = 2;
    ck_assert_int_eq(graph_components(g, &all, cuts_shifts, &axis, c), 3);
    all.len = 3; /* without `past` there is no cycle */
    ck_assert_int_eq(graph_components(g, &all, NULL, NULL, c), 3);
    arena_free(a);
}
END_TEST

/* As the C has it, real_max(a, 0): folding must not make -0 or NaN of it. */
START_TEST(rectified_values)
{
    double below = op_value(OP_relu, -1, 0, 0), lowest = op_value(OP_relu, -INFINITY, 0, 0);
    ck_assert(below == 0 && !signbit(below) && lowest == 0);
    ck_assert(op_value(OP_relu, 2, 0, 0) == 2 && isnan(op_value(OP_relu, NAN, 0, 0)));
}
END_TEST

START_TEST(products_over_rows)
{
    arena *a = arena_new();
    graph *g = new_graph(a);
    node_id W = new_param(g, "W", shape_matrix(3, 2)), U = new_param(g, "U", shape_matrix(2, 3));
    node_id x = new_input(g, "x", type_real(shape_vector(2), BT), 0);
    node_id M = new_input(g, "M", type_real(shape_matrix(3, 2), BT), 0);
    bool first;
    ck_assert(graph_is_rows_product(g, graph_matmul(g, W, false, x, false), &first) && first);
    ck_assert(graph_is_rows_product(g, graph_matmul(g, x, true, U, false), &first) && !first);
    ck_assert(!graph_is_rows_product(g, graph_matmul(g, M, false, x, false), &first)); /* both vary */
    ck_assert(!graph_is_rows_product(g, graph_matmul(g, W, false, U, false), &first)); /* none does */
    ck_assert(!graph_is_rows_product(g, graph_matmul(g, U, false, M, false), &first)); /* no vector */
    ck_assert(!graph_is_rows_product(g, x, &first));
    arena_free(a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("graph");
    TCase *t = tcase_create("graph");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, shapes_broadcast);
    tcase_add_test(t, shapes_multiply);
    tcase_add_test(t, types_follow);
    tcase_add_loop_test_raise_signal(t, misfits_abort, SIGABRT, 0, MISFITS);
    tcase_add_test(t, order_is_canonical);
    tcase_add_test(t, order_puts_operands_first);
    tcase_add_test(t, order_is_iterative);
    tcase_add_loop_test_raise_signal(t, verify_catches, SIGABRT, 0, RULES);
    tcase_add_test(t, verify_accepts);
    tcase_add_test(t, equations_of_values);
    tcase_add_test(t, equations_of_adjoints);
    tcase_add_test(t, notation_of_each);
    tcase_add_test(t, notation_is_bounded);
    tcase_add_test(t, parts_are_numbered_once);
    tcase_add_test(t, print_is_readable);
    tcase_add_test(t, components_are_cycles);
    tcase_add_test(t, rectified_values);
    tcase_add_test(t, products_over_rows);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
