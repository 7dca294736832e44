/* onnx_trace.c: what one node of an ONNX graph computes, as an equation or as dimensions moved about.
 *
 * In: a node and its operands. Out: its outputs: their values in this trace (onnx_eval.h), and, where they depend on
 * inputs, the kinds of their dimensions and the variable that holds them; or a fault that says what is not
 * supported. */
#include "exchange/onnx_trace.h"
#include "exchange/chain.h"
#include <math.h>
#include <string.h>

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

static void trace_function(node_task *t)
{
    const char *right = onnx_function_text(t->net->arena, t->n, t->in[0]->expr);
    net_trace_same(t);
    t->made[0].token = t->made[0].lengths = false;
    if (!right || t->in[0]->token || t->in[0]->lengths)
        net_fail(t->net, t->n, "only of constants, not of what depends on inputs");
    else
        t->made[0].expr = net_equation(t->net, t->n, right);
}

static void trace_clip(node_task *t)
{
    arena *a = t->net->arena;
    double low, high;
    const char *right = t->in[0]->expr;
    for (size_t k = 1; k < t->n->in.len; k++)
        if (t->in[k] && t->in[k]->data) net_fail(t->net, t->n, "only between constants");
    onnx_clip_bounds(t->n, t->nds, &low, &high);
    net_trace_same(t);
    if (isfinite(low)) right = arena_printf(a, "max(%s, %.17g)", right, low);
    if (isfinite(high)) right = arena_printf(a, "min(%s, %.17g)", right, high);
    t->made[0].expr = net_equation(t->net, t->n, right);
}

/* What Softmax and Reduce... go over: all components, all of time, or something else. */
typedef enum range_kind { OVER_COMPONENTS, OVER_TIME, OVER_OTHER } range_kind;

static range_kind range_of(const net_value *x, const bool named[ND_MAX_RANK])
{
    bool time = false, part = false, other = false, left = false;
    for (int i = 0; i < x->value.rank; i++) {
        bool is_time = x->kind[i] == DIM_TIME || x->kind[i] == DIM_BACK;
        if (x->kind[i] == DIM_PART && x->value.dim[i] == 1) continue;
        time = time || (named[i] && is_time);
        part = part || (named[i] && x->kind[i] == DIM_PART);
        other = other || (named[i] && x->kind[i] != DIM_PART && !is_time);
        left = left || (!named[i] && x->kind[i] == DIM_PART);
    }
    if (other || (time && part) || (part && left)) return OVER_OTHER;
    return time ? OVER_TIME : part || !left ? OVER_COMPONENTS : OVER_OTHER;
}

static void trace_softmax(node_task *t)
{
    const net_value *x = t->in[0];
    bool named[ND_MAX_RANK] = {false}, logarithm = t->n->op[0] == 'L';
    named[onnx_axis(onnx_int(t->n, "axis", t->net->m->opset < 13 ? 1 : -1), x->value.rank)] = true;
    range_kind range = range_of(x, named);
    net_trace_same(t);
    if (range == OVER_OTHER || (range == OVER_TIME && logarithm))
        net_fail(t->net, t->n, "only over all components, or Softmax over time");
    t->net->full = t->net->full || range == OVER_TIME;
    t->made[0].expr = net_equation(t->net, t->n,
                                   arena_printf(t->net->arena,
                                                range == OVER_TIME ? "softmax(%s over t)"
                                                : logarithm        ? "%s - logsumexp(%s)"
                                                                   : "softmax(%s)",
                                                x->expr, x->expr));
}

static void trace_reduce(node_task *t)
{
    const net_value *x = t->in[0];
    net_value *y = &t->made[0];
    bool named[ND_MAX_RANK] = {false};
    char word[16] = {0};
    for (int i = 0; i < 15 && t->n->op[6 + i]; i++) word[i] = (char)(t->n->op[6 + i] | 0x20); /* "mean" */
    onnx_reduced(t->net->arena, t->n, t->nds, named);
    range_kind range = range_of(x, named);
    if (range == OVER_OTHER || x->token || (range == OVER_TIME && word[0] == 'l')) {
        net_fail(t->net, t->n, "only over all components or over time");
        return;
    }
    for (int i = 0, k = 0; i < x->value.rank; i++)
        if (!named[i] || y->value.rank == x->value.rank) y->kind[k++] = named[i] ? DIM_PART : x->kind[i];
    t->net->full = t->net->full || range == OVER_TIME;
    y->expr = net_equation(
        t->net, t->n,
        arena_printf(t->net->arena, range == OVER_TIME ? "%s(%s over t)" : "vector(%s(%s))", word, x->expr));
}

/* A layer norm is a cell. Where it has no shift, that is 0. */
static void trace_layer_norm(node_task *t)
{
    onnx_net *net = t->net;
    const net_value *x = t->in[0], *scale = t->in[1], *shift = t->n->in.len > 2 ? t->in[2] : NULL;
    const char *cell = layer_find("onnx", LAYER_NORM, 0, 0, 0, NULL)->cell;
    bool named[ND_MAX_RANK] = {false};
    int n = net_components(x);
    for (int i = onnx_axis(onnx_int(t->n, "axis", -1), x->value.rank); i < x->value.rank; i++) named[i] = true;
    if (range_of(x, named) != OVER_COMPONENTS || !x->data || x->token || scale->data || (shift && shift->data) ||
        scale->value.count != (size_t)n) {
        net_fail(net, t->n, "only of all components, with constants");
        return;
    }
    for (size_t k = 1; k < t->n->out.len; k++)
        if (*t->n->out.data[k]) net_fail(net, t->n, "only its first output");
    net_trace_same(t);
    double epsilon = onnx_float(t->n, "epsilon", LAYER_NORM_EPSILON);
    bool usual = (float)epsilon == (float)LAYER_NORM_EPSILON;
    const char *option = usual ? "" : arena_printf(net->arena, ", epsilon = %.9g", epsilon);
    t->made[0].expr = net_equation(net, t->n, arena_printf(net->arena, "%s(%s%s)", cell, x->expr, option));
    net_add_tensor(net, arena_printf(net->arena, "%s.Scale", t->made[0].expr), scale->word, shape_vector(n),
                   scale->value.v);
    net_add_tensor(net, arena_printf(net->arena, "%s.B", t->made[0].expr), shift ? shift->word : scale->word,
                   shape_vector(n), shift ? shift->value.v : ARENA_ARRAY(net->arena, double, (size_t)n));
}

/* A constant operand as text: a number, or a new parameter whose components are those of x. NULL: neither. */
static const char *constant_text(node_task *t, const net_value *c, const net_value *x)
{
    arena *a = t->net->arena;
    const nd *v = &c->value;
    bool same = true;
    for (size_t i = 1; i < v->count; i++) same = same && v->v[i] == v->v[0];
    if (same && v->count && !isfinite(v->v[0])) net_fail(t->net, t->n, "a constant is not finite");
    if (same && v->count) return arena_printf(a, v->v[0] < 0 ? "(%.17g)" : "%.17g", v->v[0]);
    int part = net_one_part(x), n = net_components(x), after = part >= 0 ? x->value.rank - 1 - part : -1;
    if (part < 0 || v->count != (size_t)n || v->rank <= after || v->dim[v->rank - 1 - after] != n) return NULL;
    const char *word = net_new_word(t->net, t->n);
    text_line(t->net->head, "param %s(%d)", word, n);
    net_add_tensor(t->net, word, c->word, shape_vector(n), v->v);
    return word;
}

/* The operand that depends on inputs and has the most components. */
static const net_value *widest(const node_task *t)
{
    const net_value *found = NULL;
    for (size_t k = 0; k < t->n->in.len; k++)
        if (t->in[k]->data && (!found || net_components(t->in[k]) > net_components(found))) found = t->in[k];
    return found;
}

/* Dimension by dimension from the end, the same kind, or one that is 1 long. */
static bool fit(const net_value *x, const net_value *y)
{
    for (int i = 1; i <= x->value.rank && i <= y->value.rank; i++) {
        int p = x->value.rank - i, q = y->value.rank - i;
        if (x->kind[p] != y->kind[q] && x->value.dim[p] != 1 && y->value.dim[q] != 1) return false;
    }
    return true;
}

/* Operand k as text, which goes with the others; NULL: it does not. */
static const char *operand(node_task *t, size_t k)
{
    const net_value *x = t->in[k], *most = widest(t);
    if (!x->data) return constant_text(t, x, most);
    for (size_t i = 0; i < t->n->in.len; i++)
        if (t->in[i]->data && (t->in[i]->token || !fit(x, t->in[i]))) return NULL;
    int n = net_components(x), m = net_components(most);
    if (n == 1 && m > 1) return arena_printf(t->net->arena, "%s(0)", x->expr); /* a number goes with any shape */
    return n == m ? x->expr : NULL;
}

/* The dimensions of what comes of the operands; no constant adds components. */
static void stretch(node_task *t)
{
    net_value *y = &t->made[0];
    for (int i = 0; i < y->value.rank; i++) {
        y->kind[i] = DIM_PART;
        for (size_t k = 0; k < t->n->in.len; k++) {
            int p = i - (y->value.rank - t->in[k]->value.rank);
            if (t->in[k]->data && p >= 0 && y->kind[i] == DIM_PART) y->kind[i] = t->in[k]->kind[p];
        }
    }
    if (net_components(y) != net_components(widest(t)))
        net_fail(t->net, t->n, "a constant stretches its other operand");
}

/* Is the constant c in x already? */
static bool has_bias(const net_value *x, const net_value *c) { return x->bias && strcmp(x->bias, c->word) == 0; }

static void trace_arithmetic(node_task *t)
{
    const net_value *a = t->in[0], *b = t->in[t->n->in.len > 1];
    bool done = has_bias(a, b) || has_bias(b, a);
    if (t->n->in.len != 2 || !onnx_binary_text(t->net->arena, t->n->op, "", "")) {
        net_fail(t->net, t->n, "only of two operands, or of constants");
        return;
    }
    stretch(t);
    if (done) {
        t->made[0].expr = a->data ? a->expr : b->expr;
        return;
    }
    const char *left = operand(t, 0), *right = operand(t, 1);
    if (left && right)
        t->made[0].expr = net_equation(t->net, t->n, onnx_binary_text(t->net->arena, t->n->op, left, right));
    else
        net_fail(t->net, t->n, "its operands vary differently");
}

static void trace_where(node_task *t)
{
    const char *c = operand(t, 0), *yes = operand(t, 1), *no = operand(t, 2);
    stretch(t);
    if (c && yes && no)
        t->made[0].expr = net_equation(t->net, t->n, arena_printf(t->net->arena, "if %s then %s else %s", c, yes, no));
    else
        net_fail(t->net, t->n, "its operands vary differently");
}

/* Between types of numbers nothing changes; whole numbers are tokens and lengths. */
static void trace_cast(node_task *t)
{
    const net_value *x = t->in[0];
    int64_t to = onnx_int(t->n, "to", 1);
    net_trace_same(t);
    t->made[0].expr = x->expr;
    if (to == ONNX_TYPE_BOOL && !x->token && !x->lengths)
        t->made[0].expr = net_equation(t->net, t->n, arena_printf(t->net->arena, "%s != 0", x->expr));
    else if (t->made[0].value.integer && !x->value.integer && !x->token)
        net_fail(t->net, t->n, "it cuts off what comes after the point");
}

/* The value times a matrix: a linear layer. M is N x K, its rows the outputs. */
static void linear(node_task *t, const net_value *x, const char *own, int N, int K, const double *M, const net_value *b,
                   double beta)
{
    onnx_net *net = t->net;
    const char *cell = layer_find("onnx", LAYER_DENSE, 0, 0, 0, NULL)->cell;
    if (x->token || net_one_part(x) == -2 || net_components(x) != K) {
        net_fail(net, t->n, "only vectors are multiplied");
        return;
    }
    t->made[0].expr =
        net_equation(net, t->n, arena_printf(net->arena, "%s(%s, %d%s)", cell, x->expr, N, b ? "" : ", bias = false"));
    net_add_tensor(net, arena_printf(net->arena, "%s.W", t->made[0].expr), own, shape_matrix(N, K), M);
    if (!b) return;
    double *values = ARENA_ARRAY(net->arena, double, (size_t)N);
    for (int i = 0; i < N; i++) values[i] = beta * b->value.v[b->value.count == 1 ? 0 : i];
    net_add_tensor(net, arena_printf(net->arena, "%s.B", t->made[0].expr), b->word, shape_vector(N), values);
}

static const double *matrix(arena *a, const nd *m, bool transposed, double factor)
{
    int rows = m->dim[0], columns = m->dim[1];
    double *out = ARENA_ARRAY(a, double, m->count);
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++)
            out[transposed ? k * rows + i : i * columns + k] = factor * m->v[i * columns + k];
    return out;
}

/* A linear layer may be two nodes: the vector that the one reader of a MatMul adds to it. NULL: there is none. */
static const net_value *added_bias(const node_task *t, int N)
{
    const onnx_net *net = t->net;
    const char *product = t->n->out.data[0];
    const onnx_node *reader = NULL;
    for (size_t i = 0; i < net->m->outputs.len; i++)
        if (strcmp(net->m->outputs.data[i], product) == 0) return NULL;
    for (size_t i = 0; i < net->m->nodes.len; i++)
        for (size_t k = 0; k < net->m->nodes.data[i].in.len; k++) {
            if (strcmp(net->m->nodes.data[i].in.data[k], product) != 0) continue;
            if (reader) return NULL;
            reader = &net->m->nodes.data[i];
        }
    if (!reader || strcmp(reader->op, "Add") != 0 || reader->in.len != 2) return NULL;
    const net_value *c = net_find(net, reader->in.data[strcmp(reader->in.data[0], product) == 0]);
    return c && !c->data && c->value.rank == 1 && c->value.count == (size_t)N ? c : NULL;
}

static void trace_product(node_task *t)
{
    bool gemm = t->n->op[0] == 'G';
    const net_value *x = t->in[0], *m = t->in[1], *c = t->n->in.len > 2 ? t->in[2] : NULL;
    if (!x->data || m->data || (c && c->data) || (gemm && onnx_int(t->n, "transA", 0)) || m->value.rank != 2) {
        net_fail(t->net, t->n, "only a value times a constant matrix");
        return;
    }
    bool rows = gemm && onnx_int(t->n, "transB", 0); /* the matrix has the outputs as rows */
    int N = m->value.dim[rows ? 0 : 1], K = m->value.dim[rows ? 1 : 0];
    memcpy(t->made[0].kind, x->kind, sizeof x->kind);
    if (x->value.rank < 1 || x->kind[x->value.rank - 1] != DIM_PART ||
        (c && c->value.count != (size_t)N && c->value.count != 1)) {
        net_fail(t->net, t->n, "only vectors are multiplied");
        return;
    }
    if (!gemm) c = added_bias(t, N);
    if (!gemm && c) t->made[0].bias = c->word;
    linear(t, x, m->word, N, K, matrix(t->net->arena, &m->value, !rows, gemm ? onnx_float(t->n, "alpha", 1) : 1), c,
           gemm ? onnx_float(t->n, "beta", 1) : 1);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

typedef void tracer(node_task *t);
static const struct {
    const char *op;
    tracer *trace;
    bool moves; /* the value stays the same */
} tracers[] = {
    {"RNN", net_trace_recurrent, false},
    {"GRU", net_trace_recurrent, false},
    {"LSTM", net_trace_recurrent, false},
    {"Gemm", trace_product, false},
    {"MatMul", trace_product, false},
    {"Clip", trace_clip, false},
    {"Where", trace_where, false},
    {"Cast", trace_cast, false},
    {"ReduceMean", trace_reduce, false},
    {"ReduceSum", trace_reduce, false},
    {"ReduceMax", trace_reduce, false},
    {"ReduceMin", trace_reduce, false},
    {"ReduceLogSumExp", trace_reduce, false},
    {"LayerNormalization", trace_layer_norm, false},
    {"Softmax", trace_softmax, false},
    {"LogSoftmax", trace_softmax, false},
    {"Gather", net_trace_gather, false},
    {"Slice", net_trace_slice, false},
    {"Split", net_trace_split, false},
    {"Concat", net_trace_concat, false},
    {"ReverseSequence", net_trace_reverse, false},
    {"Transpose", net_trace_transpose, true},
    {"Squeeze", net_trace_squeeze, true},
    {"Unsqueeze", net_trace_unsqueeze, true},
    {"Reshape", net_trace_reshape, true},
    {"Flatten", net_trace_reshape, true},
    {"Expand", net_trace_expand, true},
    {"Tile", net_trace_expand, true},
    {"Identity", net_trace_same, true},
    {"Dropout", net_trace_same, true},

};

static void trace_data(node_task *t)
{
    tracer *trace = onnx_is_function(t->n->op) ? trace_function : onnx_binary(t->n->op) ? trace_arithmetic : NULL;
    for (size_t i = 0; i < sizeof tracers / sizeof *tracers; i++) {
        if (strcmp(tracers[i].op, t->n->op) != 0) continue;
        trace = tracers[i].trace;
        if (tracers[i].moves) t->made[0].expr = t->in[0]->expr;
    }
    if (trace)
        trace(t);
    else
        net_fail(t->net, t->n, "this operator is not supported here; docs/deployment.md lists those that are");
}

void net_trace_node(onnx_net *net, const onnx_node *n)
{
    node_task t = {.net = net, .n = n};
    nd out[ONNX_MAX_OUTPUTS] = {{0}};
    bool data = false;
    if (n->in.len > ONNX_MAX_INPUTS) net_fail(net, n, "it has too many operands");
    for (size_t i = 0; i < n->in.len && !net->error; i++) {
        const char *word = n->in.data[i];
        t.in[i] = *word ? net_find(net, word) : NULL;
        if (*word && !t.in[i]) net_fail(net, n, arena_printf(net->arena, "nothing gives it '%s'", word));
        if (!t.in[i]) continue;
        t.nds[i] = &t.in[i]->value;
        data = data || t.in[i]->data;
        if (t.in[i]->data && !t.in[i]->expr) net_fail(net, n, "it reads a state that is not computed");
    }
    if (net->error) return;
    net->error = onnx_eval(net->arena, net->m->opset, n, t.nds, out);
    if (strcmp(n->op, "Shape") == 0 || strcmp(n->op, "Size") == 0) data = false; /* known once the inputs' shapes are */
    for (int k = 0; k < ONNX_MAX_OUTPUTS; k++) t.made[k] = (net_value){.value = out[k], .data = data, .input = -1};
    t.out = out;
    if (data && !net->error) trace_data(&t);
    for (size_t k = 0; k < n->out.len && k < ONNX_MAX_OUTPUTS && !net->error; k++) {
        if (!*n->out.data[k]) continue;
        t.made[k].word = n->out.data[k];
        net_add_value(net, t.made[k]);
    }
}
