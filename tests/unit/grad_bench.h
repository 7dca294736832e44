/* grad_bench.h: gradients against central differences, both by the oracle, in doubles.
 *
 * A case builds a value from parameters and inputs; check_gradients makes a loss of it, differentiates, and moves every
 * parameter and every entry of every real input a little. Each case runs over full batches, over ragged ones, and with
 * a sequence that is absent. */
#ifndef UNIT_GRAD_BENCH_H
#define UNIT_GRAD_BENCH_H

#include "derive/derive.h"
#include "oracle/oracle.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { T = 5, S = 3, B = 3, CLASSES = 4 };
static const axis_set NO_AXES = 0, ON_B = BATCH, ON_T = BATCH | 2, ON_S = BATCH | 4, ON_TS = BATCH | 2 | 4;

/* ---- a graph with its values ------------------------------------------------------------------------------------- */

typedef struct bench {
    arena *arena;
    graph *g;
    bool positive; /* the values: in (0.6, 1.6), else also their negatives */
    uint64_t random;
    ARRAY(double) params;
    ARRAY(double *) inputs;
    oracle_call call;
} bench;

static inline double draw(bench *b) /* in [0, 1) */
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(b->random >> 40) / (double)(1 << 24);
}

static inline double draw_value(bench *b)
{
    double v = 0.6 + draw(b);
    return b->positive || draw(b) < 0.5 ? v : -v;
}

enum lengths { FULL, RAGGED, ABSENT, LENGTHS };

static inline bench *new_bench(enum lengths which, bool positive)
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
    b->call =
        (oracle_call){.batch = B, .steps = {0, T, S}, .lengths = {NULL, t[which], s[which]}, .seed = 7, .update = 3};
    return b;
}

/* A value over the axes: a parameter where there are none, else an input. */
static inline node_id leaf(bench *b, shape s, axis_set axes)
{
    graph *g = b->g;
    if (!axes) {
        for (int i = 0; i < shape_size(s); i++) array_push(b->arena, &b->params, draw_value(b));
        const char *path = arena_printf(b->arena, "p%zu", g->params.len);
        array_push(b->arena, &g->params, (graph_param){.path = path, .shape = s});
        return graph_param_node(g, (uint32_t)g->params.len - 1);
    }
    int size = shape_size(s) * B * (axes & 2 ? T : 1) * (axes & 4 ? S : 1);
    double *values = ARENA_ARRAY(b->arena, double, (size_t)size);
    for (int i = 0; i < size; i++) values[i] = draw_value(b);
    array_push(b->arena, &b->inputs, values);
    array_push(b->arena, &g->inputs,
               (graph_input){.path = arena_printf(b->arena, "x%zu", g->inputs.len), .type = type_real(s, axes)});
    return graph_input_node(g, (uint32_t)g->inputs.len - 1);
}

/* Tokens, one in five of them none. */
static inline node_id tokens(bench *b, axis_set axes)
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

static inline node_id unary(bench *b, op o, node_id x) { return graph_pointwise(b->g, o, x, NO_NODE, NO_NODE); }

static inline node_id binary(bench *b, op o, node_id x, node_id z) { return graph_pointwise(b->g, o, x, z, NO_NODE); }

/* A scalar that feels every component and step of y differently: the sum over all of y (w + y / 2), w some weights. */
static inline void set_loss(bench *b, node_id y)
{
    graph *g = b->g;
    shape s = graph_type(g, y).shape;
    double *weights = ARENA_ARRAY(b->arena, double, (size_t)shape_size(s));
    for (int i = 0; i < shape_size(s); i++) weights[i] = 0.3 + draw(b);
    node_id w = s.rank ? graph_literal(g, s, weights) : graph_number(g, weights[0]);
    node_id half = binary(b, OP_mul, y, graph_number(g, 0.5));
    node_id each = binary(b, OP_mul, y, binary(b, OP_add, w, half));
    if (s.rank) each = graph_sum(g, each, SCALAR);
    axis_set axes = graph_type(g, each).axes;
    g->loss = axes ? graph_sum_over(g, each, axes, false) : each;
}

/* ---- gradients by differentiation and by differences ------------------------------------------------------------- */

static inline void bind(bench *b)
{
    b->call.params = b->params.data;
    b->call.inputs = (const double *const *)b->inputs.data;
}

static inline double *value(bench *b, node_id id)
{
    bind(b);
    oracle *o = oracle_new(b->g, &b->call);
    double *out = ARENA_ARRAY(b->arena, double, oracle_size(o, id));
    oracle_value(o, id, out);
    oracle_free(o);
    return out;
}

static inline double loss(bench *b)
{
    double out;
    bind(b);
    oracle *o = oracle_new(b->g, &b->call);
    oracle_value(o, b->g->loss, &out);
    oracle_free(o);
    return out;
}

static inline double difference(bench *b, double *x)
{
    double kept = *x, h = 1e-5;
    *x = kept + h;
    double above = loss(b);
    *x = kept - h;
    double below = loss(b);
    *x = kept;
    return (above - below) / (2 * h);
}

typedef struct comparison {
    bench *b;
    const char *what;
    double largest;
    bool apply;
} comparison;

/* Once to find the largest gradient of the case, once to compare with it. */
static inline void compare(comparison *c, const char *path, node_id grad, double *x, size_t count)
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

static inline void check_gradients(bench *b, const char *what)
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
            if (t.element == REAL) compare(&c, g->inputs.data[i].path, g->input_grad[i], b->inputs.data[i], count);
        }
    }
}

static inline bool loss_uses(const bench *b, op o)
{
    node_list order = graph_order(b->g, b->arena);
    for (size_t i = 0; i < order.len; i++)
        if (graph_node(b->g, order.data[i])->op == o) return true;
    return false;
}

#endif
