/* onnx_trace.c: what one node of an ONNX graph computes, as an equation or as dimensions moved about.
 *
 * In: a node and its operands. Out: its outputs: their values in this trace (onnx_eval.h), and, where they depend on
 * inputs, the kinds of their dimensions and the variable that holds them; or a fault that says what is not
 * supported. */
#include "exchange/onnx_trace.h"
#include "exchange/chain.h"
#include <math.h>
#include <string.h>

/* Are all parts before this dimension 1 long? Then rows of it are neighbours. */
static bool first_part(const net_value *v, int axis)
{
    for (int i = 0; i < axis; i++)
        if (v->kind[i] == DIM_PART && v->value.dim[i] != 1) return false;
    return true;
}

/* ---- dimensions moved about -------------------------------------------------------------------------------------- */

static void trace_transpose(node_task *t)
{
    const net_value *x = t->in[0];
    const onnx_attribute *perm = onnx_find(t->n, "perm");
    int last = -1;
    for (int i = 0; i < x->value.rank; i++) {
        int from = perm ? onnx_axis(perm->ints.data[i], x->value.rank) : x->value.rank - 1 - i;
        t->made[0].kind[i] = x->kind[from];
        if (x->kind[from] != DIM_PART || x->value.dim[from] == 1) continue;
        if (from < last) net_fail(t->net, t->n, "it exchanges dimensions that are neither time nor batch");
        last = from;
    }
}

/* Gives the dimensions of a new shape their kinds: time and batch come in the same order as before. */
static void trace_reshape(node_task *t)
{
    const net_value *x = t->in[0];
    net_value *y = &t->made[0];
    int at = 0, rank = x->value.rank;
    for (int i = 0; i < y->value.rank; i++) {
        while (at < rank && x->kind[at] == DIM_PART && x->value.dim[at] == 1 && y->value.dim[i] != 1) at++;
        if (at < rank && x->kind[at] != DIM_PART && x->value.dim[at] == y->value.dim[i]) {
            y->kind[i] = x->kind[at++];
            continue;
        }
        y->kind[i] = DIM_PART;
        int size = y->value.dim[i], product = 1;
        if (!size) break;
        while (at < rank && x->kind[at] == DIM_PART && product < size) product *= x->value.dim[at++];
        /* one dimension becomes several: its rest is taken by those after it */
        if (product != size && product % (size ? size : 1) == 0) {
            int rest = product / size;
            while (rest > 1 && i + 1 < y->value.rank && rest % y->value.dim[i + 1] == 0) {
                rest /= y->value.dim[++i];
                y->kind[i] = DIM_PART;
            }
            product = rest == 1 ? size : 0;
        }
        if (product != size) net_fail(t->net, t->n, "it merges time or batch with another dimension");
    }
    while (at < rank && x->kind[at] == DIM_PART && x->value.dim[at] == 1) at++;
    if (at != rank || net_components(x) != net_components(y))
        net_fail(t->net, t->n, "it merges time or batch with another dimension");
}

/* Which of `rank` dimensions the node names, if it names any; onnx_eval has checked that they are there. */
static bool named_axes(const node_task *t, int rank, bool named[ND_MAX_RANK])
{
    int64_t *axes = NULL;
    size_t count;
    bool given = onnx_ints(t->net->arena, t->n, "axes", t->nds, 1, &axes, &count);
    for (size_t i = 0; i < count; i++) named[onnx_axis(axes[i], rank)] = true;
    return given;
}

/* The dimensions that Squeeze and Unsqueeze name are exactly those: of a batch of 1, a reshape could not tell which. */
static void trace_squeeze(node_task *t)
{
    const net_value *x = t->in[0];
    bool drop[ND_MAX_RANK] = {false}, given = named_axes(t, x->value.rank, drop);
    for (int i = 0, k = 0; i < x->value.rank; i++) {
        if (!(given ? drop[i] : x->value.dim[i] == 1))
            t->made[0].kind[k++] = x->kind[i];
        else if (x->kind[i] != DIM_PART)
            net_fail(t->net, t->n, "it drops time or batch");
    }
}

static void trace_unsqueeze(node_task *t)
{
    const net_value *x = t->in[0];
    bool added[ND_MAX_RANK] = {false};
    int rank = t->made[0].value.rank;
    named_axes(t, rank, added);
    for (int i = 0, k = 0; i < rank; i++) t->made[0].kind[i] = added[i] ? DIM_PART : x->kind[k++];
}

static void trace_same(node_task *t)
{
    memcpy(t->made[0].kind, t->in[0]->kind, sizeof t->made[0].kind);
    t->made[0].token = t->in[0]->token;
    t->made[0].lengths = t->in[0]->lengths;
    t->made[0].input = t->in[0]->input;
}

/* ---- parts of values --------------------------------------------------------------------------------------------- */

static const char *rows_text(onnx_net *net, const net_value *x, int axis, int begin, int end)
{
    int each = net_components(x) / x->value.dim[axis];
    return arena_printf(net->arena, "%s(%d:%d)", x->expr, begin * each, end * each);
}

/* x at step `step`, from 0. */
static const char *step_text(node_task *t, const net_value *x, int step, bool from_end)
{
    int T = x->value.dim[net_find_kind(x, DIM_TIME)];
    t->net->full = true;
    if (t->net->ragged) net_fail(t->net, t->n, "it reads a step beside sequence_lens");
    if (!from_end) return arena_printf(t->net->arena, "%s[%d]", x->expr, step + 1);
    int back = T - 1 - step;
    return back ? arena_printf(t->net->arena, "%s[T-%d]", x->expr, back)
                : arena_printf(t->net->arena, "%s[T]", x->expr);
}

static void lookup(node_task *t)
{
    onnx_net *net = t->net;
    const net_value *x = t->in[1], *table = t->in[0];
    shape s = {2, {table->value.dim[0], table->value.rank == 2 ? table->value.dim[1] : 1}};
    if (table->value.rank != 2 || onnx_int(t->n, "axis", 0) != 0 || !x->token) {
        net_fail(net, t->n, "it looks up, and not rows of a matrix by an input of whole numbers");
        return;
    }
    if (x->input >= 0 && !net->classes[x->input]) net->classes[x->input] = s.dim[0];
    if (x->input >= 0 && net->classes[x->input] != s.dim[0])
        net_fail(net, t->n, "two tables with different numbers of rows");
    const char *cell = layer_find("onnx", LAYER_EMBEDDING, 0, 0, 0, NULL)->cell;
    t->made[0].expr = net_equation(net, t->n, arena_printf(net->arena, "%s(%s, %d)", cell, x->expr, s.dim[1]));
    for (int i = 0; i < x->value.rank; i++) t->made[0].kind[i] = x->kind[i];
    net_add_tensor(net, arena_printf(net->arena, "%s.W", t->made[0].expr), table->word, s, table->value.v);
}

static void trace_gather(node_task *t)
{
    const net_value *x = t->in[0], *index = t->in[1];
    if (index->data) {
        if (x->data)
            net_fail(t->net, t->n, "both operands depend on inputs");
        else
            lookup(t);
        return;
    }
    int axis = onnx_axis(onnx_int(t->n, "axis", 0), x->value.rank);
    if (index->value.count != 1 || x->kind[axis] == DIM_BATCH || !first_part(x, axis) || x->token) {
        net_fail(t->net, t->n, "only one step or one part of a value can be taken");
        return;
    }
    int k = (int)index->value.v[0], size = x->value.dim[axis];
    bool from_end = k < 0;
    if (from_end) k += size;
    bool time = x->kind[axis] == DIM_TIME;
    t->made[0].expr =
        net_equation(t->net, t->n, time ? step_text(t, x, k, from_end) : rows_text(t->net, x, axis, k, k + 1));
    for (int i = 0; i < t->made[0].value.rank; i++) {
        int from = i < axis ? i : i - index->value.rank + 1;
        t->made[0].kind[i] = i >= axis && i < axis + index->value.rank ? DIM_PART : x->kind[from];
    }
}

static void trace_slice(node_task *t)
{
    const net_value *x = t->in[0];
    net_value *y = &t->made[0];
    int64_t *start, *axes;
    size_t n, count;
    int cut = -1;
    memcpy(y->kind, x->kind, sizeof y->kind);
    for (int i = 0; i < x->value.rank; i++)
        if (y->value.dim[i] != x->value.dim[i]) cut = cut == -1 ? i : -2;
    y->expr = x->expr;
    if (cut == -1) return;
    if (cut < 0 || x->kind[cut] == DIM_BATCH || !first_part(x, cut) || x->token) {
        net_fail(t->net, t->n, "only one step or a part of one dimension can be taken");
        return;
    }
    bool given = onnx_ints(t->net->arena, t->n, "axes", t->nds, 3, &axes, &count);
    int64_t begin = 0;
    onnx_ints(t->net->arena, t->n, "starts", t->nds, 1, &start, &n);
    for (size_t i = 0; i < n; i++)
        if (onnx_axis(given && i < count ? axes[i] : (int64_t)i, x->value.rank) == cut) begin = start[i];
    bool from_end = begin < 0;
    int size = x->value.dim[cut], first = (int)(from_end ? begin + size : begin);
    if (x->kind[cut] == DIM_PART) {
        y->expr = net_equation(t->net, t->n, rows_text(t->net, x, cut, first, first + y->value.dim[cut]));
        return;
    }
    if (y->value.dim[cut] != 1) net_fail(t->net, t->n, "of time, only one step can be taken");
    y->kind[cut] = DIM_PART;
    y->expr = net_equation(t->net, t->n, step_text(t, x, first, from_end));
}

static bool same_kinds(const net_value *a, const net_value *b)
{
    if (a->value.rank != b->value.rank) return false;
    for (int i = 0; i < a->value.rank; i++)
        if (a->kind[i] != b->kind[i]) return false;
    return true;
}

static void trace_concat(node_task *t)
{
    int axis = onnx_axis(onnx_int(t->n, "axis", 0), t->in[0]->value.rank);
    const char *list = "";
    for (size_t k = 0; k < t->n->in.len; k++) {
        const net_value *x = t->in[k];
        if (!x->data || x->token || !same_kinds(x, t->in[0]) || x->kind[axis] != DIM_PART || !first_part(x, axis)) {
            net_fail(t->net, t->n, "only parts of values that vary alike can be put side by side");
            return;
        }
        list = arena_printf(t->net->arena, "%s%s%s", list, k ? ", " : "", x->expr);
    }
    memcpy(t->made[0].kind, t->in[0]->kind, sizeof t->made[0].kind);
    t->made[0].expr = t->n->in.len == 1 ? t->in[0]->expr
                                        : net_equation(t->net, t->n, arena_printf(t->net->arena, "concat(%s)", list));
}

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

static void trace_function(node_task *t)
{
    trace_same(t);
    t->made[0].expr =
        net_equation(t->net, t->n, arena_printf(t->net->arena, "%s(%s)", onnx_function(t->n->op), t->in[0]->expr));
}

static void trace_softmax(node_task *t)
{
    const net_value *x = t->in[0];
    trace_same(t);
    if (net_one_part(x) != x->value.rank - 1 && net_components(x) != 1)
        net_fail(t->net, t->n, "only over all components");
    const char *right = t->n->op[0] == 'S' ? arena_printf(t->net->arena, "softmax(%s)", x->expr)
                                           : arena_printf(t->net->arena, "%s - logsumexp(%s)", x->expr, x->expr);
    t->made[0].expr = net_equation(t->net, t->n, right);
}

static void trace_mean(node_task *t)
{
    const net_value *x = t->in[0];
    trace_same(t);
    if (net_one_part(x) != x->value.rank - 1 && net_components(x) != 1)
        net_fail(t->net, t->n, "only over all components");
    t->made[0].token = t->made[0].lengths = false;
    t->made[0].expr = net_equation(t->net, t->n, arena_printf(t->net->arena, "vector(mean(%s))", x->expr));
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

static const char *operand(node_task *t, int k)
{
    const net_value *x = t->in[k], *other = t->in[1 - k];
    if (!x->data) return constant_text(t, x, other);
    if (!other->data || x->token || other->token) return x->token ? NULL : x->expr;
    /* both vary: dimension by dimension from the end, the same kind, or one that is 1 long */
    const net_value *y = other;
    for (int i = 1; i <= x->value.rank && i <= y->value.rank; i++) {
        int p = x->value.rank - i, q = y->value.rank - i;
        bool one = x->value.dim[p] == 1 || y->value.dim[q] == 1;
        if (x->kind[p] != y->kind[q] && !one) return NULL;
    }
    int n = net_components(x), m = net_components(y);
    if (n == 1 && m > 1) return arena_printf(t->net->arena, "%s(0)", x->expr); /* a number goes with any shape */
    return n == m || m == 1 ? x->expr : NULL;
}

/* Is the constant c in x already? */
static bool has_bias(const net_value *x, const net_value *c) { return x->bias && strcmp(x->bias, c->word) == 0; }

static void trace_arithmetic(node_task *t)
{
    const net_value *a = t->in[0], *b = t->in[1];
    bool done = has_bias(a, b) || has_bias(b, a);
    const char op = t->n->op[0], *left = done && !a->data ? "" : operand(t, 0);
    const char *right = done && !b->data ? "" : operand(t, 1);
    net_value *y = &t->made[0];
    if (!left || !right) {
        net_fail(t->net, t->n, "its operands vary differently");
        return;
    }
    for (int i = 0; i < y->value.rank; i++) {
        int p = i - (y->value.rank - a->value.rank), q = i - (y->value.rank - b->value.rank);
        dim_kind ka = a->data && p >= 0 ? a->kind[p] : DIM_PART, kb = b->data && q >= 0 ? b->kind[q] : DIM_PART;
        y->kind[i] = ka != DIM_PART ? ka : kb;
    }
    int n = a->data ? net_components(a) : 0, m = b->data ? net_components(b) : 0;
    if (net_components(y) != (n > m ? n : m)) {
        net_fail(t->net, t->n, "a constant stretches its other operand");
        return;
    }
    if (done) {
        y->expr = a->data ? a->expr : b->expr;
        return;
    }
    y->expr = net_equation(t->net, t->n,
                           arena_printf(t->net->arena, "%s %c %s", left,
                                        op == 'A'   ? '+'
                                        : op == 'S' ? '-'
                                        : op == 'M' ? '*'
                                        : op == 'P' ? '^'
                                                    : '/',
                                        right));
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
    {"RNN", net_trace_recurrent, false},  {"GRU", net_trace_recurrent, false}, {"LSTM", net_trace_recurrent, false},
    {"Gemm", trace_product, false},       {"MatMul", trace_product, false},    {"Add", trace_arithmetic, false},
    {"Sub", trace_arithmetic, false},     {"Mul", trace_arithmetic, false},    {"Div", trace_arithmetic, false},
    {"Gather", trace_gather, false},      {"Softmax", trace_softmax, false},   {"LogSoftmax", trace_softmax, false},
    {"Transpose", trace_transpose, true}, {"Squeeze", trace_squeeze, true},    {"Unsqueeze", trace_unsqueeze, true},
    {"Slice", trace_slice, false},        {"Concat", trace_concat, false},     {"Reshape", trace_reshape, true},
    {"Flatten", trace_reshape, true},     {"Identity", trace_same, true},      {"Dropout", trace_same, true},
    {"Cast", trace_same, true},           {"Pow", trace_arithmetic, false},    {"ReduceMean", trace_mean, false},
};

static void trace_data(node_task *t)
{
    tracer *trace = onnx_function(t->n->op) ? trace_function : NULL;
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
    if (strcmp(n->op, "Shape") == 0) data = false; /* known once the inputs' shapes are */
    for (int k = 0; k < ONNX_MAX_OUTPUTS; k++) t.made[k] = (net_value){.value = out[k], .data = data, .input = -1};
    t.out = out;
    if (data && !net->error) trace_data(&t);
    for (size_t k = 0; k < n->out.len && k < ONNX_MAX_OUTPUTS && !net->error; k++) {
        if (!*n->out.data[k]) continue;
        t.made[k].word = n->out.data[k];
        net_add_value(net, t.made[k]);
    }
}
