/* onnx_eval.c: operators on arrays; see onnx_eval.h. */
#include "exchange/onnx_operators.h"
#include <limits.h>
#include <math.h>
#include <string.h>

const char *eval_fault(const eval_task *t, const char *what)
{
    return arena_printf(t->a, "%s '%s': %s", t->n->op, t->n->word, what);
}

int onnx_axis(int64_t axis, int rank)
{
    if (axis < 0) axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

bool onnx_ints(arena *a, const onnx_node *n, const char *word, const nd *const *in, size_t k, int64_t **ints,
               size_t *count)
{
    const onnx_attribute *given = onnx_find(n, word);
    *count = 0;
    if (given) {
        *ints = given->ints.data;
        *count = given->ints.len;
        return true;
    }
    if (k >= n->in.len || !in[k]) return false;
    *count = in[k]->count;
    *ints = ARENA_ARRAY(a, int64_t, *count + 1);
    for (size_t i = 0; i < *count; i++)
        (*ints)[i] = in[k]->v[i] > (double)INT_MAX ? INT_MAX : in[k]->v[i] < INT_MIN ? INT_MIN : (int64_t)in[k]->v[i];
    return true;
}

bool eval_next(const nd *n, int *at)
{
    for (int i = n->rank; i-- > 0;) {
        if (++at[i] < n->dim[i]) return true;
        at[i] = 0;
    }
    return false;
}

size_t eval_offset(const nd *n, const int *at)
{
    size_t o = 0;
    for (int i = 0; i < n->rank; i++) o = o * (size_t)n->dim[i] + (size_t)at[i];
    return o;
}

double eval_stretched(const nd *n, const int *at, int rank)
{
    size_t o = 0;
    for (int i = 0; i < n->rank; i++) o = o * (size_t)n->dim[i] + (size_t)(n->dim[i] == 1 ? 0 : at[rank - n->rank + i]);
    return n->v[o];
}

bool eval_broadcast(const nd *a, const nd *b, int *rank, int *dim)
{
    *rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < *rank; i++) {
        int p = i - (*rank - a->rank), q = i - (*rank - b->rank);
        int x = p >= 0 ? a->dim[p] : 1, y = q >= 0 ? b->dim[q] : 1;
        if (x != y && x != 1 && y != 1) return false;
        dim[i] = x == 1 ? y : x;
    }
    return true;
}

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

static const char *eval_function(const eval_task *t)
{
    t->out[0] = nd_new(t->a, t->in[0]->rank, t->in[0]->dim, strcmp(t->n->op, "Not") == 0);
    return onnx_function_values(t->n, t->in[0], &t->out[0]) ? NULL : eval_fault(t, "only the exact function");
}

/* Sum, Max and Min have any number of operands. */
static const char *eval_arithmetic(const eval_task *t)
{
    double (*value)(double x, double y) = onnx_binary(t->n->op);
    bool divides = strcmp(t->n->op, "Div") == 0;
    nd sum = *t->in[0];
    for (size_t k = 1; k < t->n->in.len; k++) {
        const nd *b = t->in[k];
        int rank, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
        if (!b || !eval_broadcast(&sum, b, &rank, dim)) return eval_fault(t, "the shapes of its operands do not fit");
        nd out = nd_new(t->a, rank, dim, sum.integer && b->integer);
        for (size_t i = 0; i < out.count; i++, eval_next(&out, at)) {
            double z = value(eval_stretched(&sum, at, rank), eval_stretched(b, at, rank));
            out.v[i] = divides && out.integer ? trunc(z) : z;
        }
        sum = out;
    }
    t->out[0] = sum;
    return NULL;
}

void onnx_clip_bounds(const onnx_node *n, const nd *const *in, double *low, double *high)
{
    const nd *least = n->in.len > 1 ? in[1] : NULL, *most = n->in.len > 2 ? in[2] : NULL;
    *low = least && least->count ? least->v[0] : onnx_float(n, "min", -INFINITY);
    *high = most && most->count ? most->v[0] : onnx_float(n, "max", INFINITY);
}

static const char *eval_clip(const eval_task *t)
{
    double low, high;
    onnx_clip_bounds(t->n, t->in, &low, &high);
    t->out[0] = nd_new(t->a, t->in[0]->rank, t->in[0]->dim, t->in[0]->integer);
    for (size_t i = 0; i < t->out[0].count; i++) t->out[0].v[i] = fmin(fmax(t->in[0]->v[i], low), high);
    return NULL;
}

static const char *eval_where(const eval_task *t)
{
    const nd *c = t->in[0], *x = t->in[1], *y = t->in[2];
    int rank, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    nd both = {0};
    if (!eval_broadcast(x, y, &both.rank, both.dim) || !eval_broadcast(c, &both, &rank, dim))
        return eval_fault(t, "the shapes of its operands do not fit");
    t->out[0] = nd_new(t->a, rank, dim, x->integer && y->integer);
    for (size_t i = 0; i < t->out[0].count; i++, eval_next(&t->out[0], at))
        t->out[0].v[i] = eval_stretched(eval_stretched(c, at, rank) != 0 ? x : y, at, rank);
    return NULL;
}

static const char *eval_same(const eval_task *t)
{
    t->out[0] = *t->in[0];
    return NULL;
}

static const char *eval_cast(const eval_task *t)
{
    int64_t to = onnx_int(t->n, "to", 1);
    nd *y = &t->out[0];
    *y = nd_new(t->a, t->in[0]->rank, t->in[0]->dim, to >= 2 && to <= 9); /* the whole numbers and bool of ONNX */
    for (size_t i = 0; i < y->count; i++) {
        double x = t->in[0]->v[i];
        y->v[i] = to == ONNX_TYPE_BOOL ? x != 0 : y->integer ? trunc(x) : x;
    }
    return NULL;
}

/* How many numbers lie before dimension `axis`, and from one of it to the next. */
static void around(const nd *x, int axis, size_t *before, size_t *stride)
{
    *before = *stride = 1;
    for (int i = 0; i < axis; i++) *before *= (size_t)x->dim[i];
    for (int i = axis + 1; i < x->rank; i++) *stride *= (size_t)x->dim[i];
}

static const char *eval_softmax(const eval_task *t)
{
    const nd *x = t->in[0];
    int axis = onnx_axis(onnx_int(t->n, "axis", t->opset < 13 ? 1 : -1), x->rank);
    if (axis < 0 || (t->opset < 13 && axis != x->rank - 1))
        return eval_fault(t, "only over one dimension that is there");
    bool logarithm = t->n->op[0] == 'L';
    size_t n = (size_t)x->dim[axis], before, stride;
    around(x, axis, &before, &stride);
    t->out[0] = nd_new(t->a, x->rank, x->dim, false);
    for (size_t i = 0; n && i < before * stride; i++) {
        const size_t at = i / stride * n * stride + i % stride;
        const double *from = x->v + at;
        double most = -INFINITY, sum = 0, *to = t->out[0].v + at;
        for (size_t k = 0; k < n; k++) most = fmax(most, from[k * stride]);
        for (size_t k = 0; k < n; k++) sum += exp(from[k * stride] - most);
        for (size_t k = 0; k < n; k++)
            to[k * stride] = logarithm ? from[k * stride] - most - log(sum) : exp(from[k * stride] - most) / sum;
    }
    return NULL;
}

bool onnx_reduced(arena *a, const onnx_node *n, const nd *const *in, bool named[ND_MAX_RANK])
{
    int64_t *axes = NULL;
    size_t count;
    bool given = onnx_ints(a, n, "axes", in, 1, &axes, &count);
    for (int i = 0; i < in[0]->rank; i++)
        named[i] = (!given || !count) && !(onnx_int(n, "noop_with_empty_axes", 0) && given);
    for (size_t i = 0; i < count; i++) {
        int axis = onnx_axis(axes[i], in[0]->rank);
        if (axis < 0) return false;
        named[axis] = true;
    }
    return true;
}

/* ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceProd, ReduceLogSumExp */
static const char *eval_reduce(const eval_task *t)
{
    const nd *x = t->in[0];
    bool named[ND_MAX_RANK] = {false}, kept = onnx_int(t->n, "keepdims", 1) != 0;
    int dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0}, rank = 0;
    char op = t->n->op[strlen("Reduce")], second = t->n->op[strlen("Reduce") + 1];
    if (!onnx_reduced(t->a, t->n, t->in, named)) return eval_fault(t, "an axis is out of range");
    for (int i = 0; i < x->rank; i++) dim[i] = named[i] ? 1 : x->dim[i];
    nd out = nd_new(t->a, x->rank, dim, x->integer && second != 'e' && op != 'L');
    for (size_t i = 0; i < out.count; i++)
        out.v[i] = op == 'P' ? 1 : op != 'M' || second == 'e' ? 0 : second == 'a' ? -INFINITY : INFINITY;
    for (size_t i = 0; i < x->count; i++, eval_next(x, at)) {
        int to[ND_MAX_RANK];
        for (int k = 0; k < x->rank; k++) to[k] = named[k] ? 0 : at[k];
        double *sum = &out.v[eval_offset(&out, to)], v = op == 'L' ? exp(x->v[i]) : x->v[i];
        *sum = op == 'P'                    ? *sum * v
               : op != 'M' || second == 'e' ? *sum + v
               : second == 'a'              ? fmax(*sum, v)
                                            : fmin(*sum, v);
    }
    for (size_t i = 0; i < out.count && op == 'L'; i++) out.v[i] = log(out.v[i]);
    for (size_t i = 0; i < out.count && op == 'M' && second == 'e'; i++)
        out.v[i] *= (double)out.count / (double)x->count;
    for (int i = 0; i < x->rank; i++)
        if (kept || !named[i]) out.dim[rank++] = dim[i];
    out.rank = rank;
    t->out[0] = out;
    return NULL;
}

/* Over the last dimensions; scale and shift have theirs. */
static const char *eval_layer_norm(const eval_task *t)
{
    const nd *x = t->in[0], *scale = t->in[1], *shift = t->n->in.len > 2 ? t->in[2] : NULL;
    int axis = onnx_axis(onnx_int(t->n, "axis", -1), x->rank);
    size_t n = 1;
    for (int i = axis; i >= 0 && i < x->rank; i++) n *= (size_t)x->dim[i];
    if (axis < 0 || scale->count != n || (shift && shift->count != n) || !n)
        return eval_fault(t, "the shapes of its operands do not fit");
    t->out[0] = nd_new(t->a, x->rank, x->dim, false);
    for (size_t i = 0; i + n <= x->count; i += n) {
        double mean = 0, variance = 0;
        for (size_t k = 0; k < n; k++) mean += x->v[i + k] / (double)n;
        for (size_t k = 0; k < n; k++) variance += (x->v[i + k] - mean) * (x->v[i + k] - mean) / (double)n;
        double deviation = sqrt(variance + onnx_float(t->n, "epsilon", LAYER_NORM_EPSILON));
        for (size_t k = 0; k < n; k++)
            t->out[0].v[i + k] = (x->v[i + k] - mean) / deviation * scale->v[k] + (shift ? shift->v[k] : 0);
    }
    return NULL;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* A matrix on the right, or two matrices: other products do not come from networks that rnnc knows. */
static const char *eval_matmul(const eval_task *t)
{
    const nd *a = t->in[0], *b = t->in[1];
    if (!a || !b || b->rank != 2 || a->rank < 1 || a->dim[a->rank - 1] != b->dim[0])
        return eval_fault(t, "only products with a matrix on the right");
    int dim[ND_MAX_RANK];
    memcpy(dim, a->dim, sizeof dim);
    dim[a->rank - 1] = b->dim[1];
    t->out[0] = nd_new(t->a, a->rank, dim, false);
    size_t K = (size_t)b->dim[0], N = (size_t)b->dim[1], M = K ? a->count / K : 0;
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++)
            for (size_t k = 0; k < K; k++) t->out[0].v[i * N + j] += a->v[i * K + k] * b->v[k * N + j];
    return NULL;
}

static const char *eval_gemm(const eval_task *t)
{
    const nd *a = t->in[0], *b = t->in[1], *c = t->in[2];
    bool ta = onnx_int(t->n, "transA", 0), tb = onnx_int(t->n, "transB", 0);
    if (!a || !b || a->rank != 2 || b->rank != 2) return eval_fault(t, "only products of matrices");
    int M = a->dim[ta], K = a->dim[!ta], N = b->dim[!tb], rank, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    nd *out = &t->out[0];
    *out = nd_new(t->a, 2, (int[]){M, N}, false);
    if (b->dim[tb] != K || (c && (!eval_broadcast(out, c, &rank, dim) || rank != 2 || dim[0] != M || dim[1] != N)))
        return eval_fault(t, "the shapes of its operands do not fit");
    double alpha = onnx_float(t->n, "alpha", 1), beta = onnx_float(t->n, "beta", 1);
    for (size_t o = 0; o < out->count; o++, eval_next(out, at)) {
        double sum = 0;
        for (int k = 0; k < K; k++) {
            int left[2] = {ta ? k : at[0], ta ? at[0] : k}, right[2] = {tb ? at[1] : k, tb ? k : at[1]};
            sum += a->v[eval_offset(a, left)] * b->v[eval_offset(b, right)];
        }
        out->v[o] = alpha * sum + (c ? beta * eval_stretched(c, at, 2) : 0);
    }
    return NULL;
}

/* ---- recurrent --------------------------------------------------------------------------------------------------- */

/* The state of sequence b in direction d of an initial or final state: [d][b] or, batch first, [b][d]. */
static double *state_of(const nd *s, const onnx_recurrent *r, int B, int d, int b)
{
    size_t at = r->layout ? (size_t)b * (size_t)r->directions + (size_t)d : (size_t)d * (size_t)B + (size_t)b;
    return s->v + at * (size_t)r->part[0].units;
}

static void run_sequence(const eval_task *t, const onnx_recurrent *r, int d, int b, int steps)
{
    const recurrent *p = &r->part[d];
    const nd *X = t->in[IN_X];
    int T = X->dim[r->layout], B = X->dim[!r->layout], D = p->inputs, H = p->units;
    double *x = ARENA_ARRAY(t->a, double, 1 + (size_t)steps * (size_t)D),
           *y = ARENA_ARRAY(t->a, double, 1 + (size_t)steps * (size_t)H);
    double *h = state_of(&t->out[1], r, B, d, b), *c = state_of(&t->out[2], r, B, d, b);
    for (int s = 0; s < steps; s++) {
        size_t row = r->layout ? (size_t)b * (size_t)T + (size_t)s : (size_t)s * (size_t)B + (size_t)b;
        memcpy(x + (size_t)s * (size_t)D, X->v + row * (size_t)D, (size_t)D * sizeof *x);
    }
    recurrent_run(t->a, p, x, steps, r->reverse[d], h, c, y);
    for (int s = 0; s < steps; s++) {
        int at[4] = {s, d, b, 0}, first[4] = {b, s, d, 0};
        memcpy(t->out[0].v + eval_offset(&t->out[0], r->layout ? first : at), y + (size_t)s * (size_t)H,
               (size_t)H * sizeof *y);
    }
}

static const char *eval_recurrent(const eval_task *t)
{
    onnx_recurrent r;
    const char *error = onnx_recurrent_of(t->a, t->n, t->in, &r);
    if (error) return error;
    const nd *X = t->in[IN_X], *lengths = t->in[IN_LENGTHS];
    int T = X->dim[r.layout], B = X->dim[!r.layout], H = r.part[0].units, d = r.directions;
    t->out[0] = nd_new(t->a, 4, r.layout ? (int[]){B, T, d, H} : (int[]){T, d, B, H}, false);
    for (int k = 0; k < 2; k++) {
        const nd *initial = t->in[k ? IN_C : IN_H];
        t->out[1 + k] = nd_new(t->a, 3, r.layout ? (int[]){B, d, H} : (int[]){d, B, H}, false);
        if (!initial) continue;
        if (initial->count != t->out[1 + k].count) return eval_fault(t, "an initial state has another shape");
        memcpy(t->out[1 + k].v, initial->v, initial->count * sizeof *initial->v);
    }
    if (lengths && lengths->count != (size_t)B) return eval_fault(t, "sequence_lens has another length than the batch");
    for (int k = 0; k < d; k++)
        for (int b = 0; b < B; b++) {
            double own = lengths ? lengths->v[b] : T;
            if (!(own >= 0 && own <= T)) return eval_fault(t, "a number of sequence_lens is out of range");
            run_sequence(t, &r, k, b, (int)own);
        }
    return NULL;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    int operands; /* that must be there */
    operation *run;
} operations[] = {
    {"RNN", 3, eval_recurrent},
    {"GRU", 3, eval_recurrent},
    {"LSTM", 3, eval_recurrent},
    {"Gemm", 2, eval_gemm},
    {"MatMul", 2, eval_matmul},
    {"Clip", 1, eval_clip},
    {"Where", 3, eval_where},
    {"ReduceMean", 1, eval_reduce},
    {"ReduceSum", 1, eval_reduce},
    {"ReduceMax", 1, eval_reduce},
    {"ReduceMin", 1, eval_reduce},
    {"ReduceLogSumExp", 1, eval_reduce},
    {"ReduceProd", 1, eval_reduce},
    {"LayerNormalization", 2, eval_layer_norm},
    {"Gather", 2, eval_gather},
    {"Softmax", 1, eval_softmax},
    {"LogSoftmax", 1, eval_softmax},
    {"Transpose", 1, eval_transpose},
    {"Squeeze", 1, eval_squeeze},
    {"Unsqueeze", 1, eval_unsqueeze},
    {"Slice", 1, eval_slice},
    {"Split", 1, eval_split},
    {"Concat", 1, eval_concat},
    {"Reshape", 2, eval_reshape},
    {"Flatten", 1, eval_flatten},
    {"ReverseSequence", 2, eval_reverse},
    {"Identity", 1, eval_same},
    {"Dropout", 1, eval_same},
    {"Cast", 1, eval_cast},
    {"Shape", 1, eval_shape},
    {"Size", 1, eval_size},
    {"Constant", 0, eval_constant},
    {"ConstantOfShape", 1, eval_constant_of_shape},
    {"Range", 3, eval_range},
    {"Expand", 2, eval_expand},
    {"Tile", 2, eval_tile},
};

const char *onnx_eval(arena *a, int opset, const onnx_node *n, const nd *const *in, nd *out)
{
    eval_task t = {a, opset, n, in, out};
    operation *run = onnx_is_function(n->op) ? eval_function : onnx_binary(n->op) ? eval_arithmetic : NULL;
    int operands = 1;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].op, n->op) == 0) {
            run = operations[i].run;
            operands = operations[i].operands;
        }
    if (!run)
        return arena_printf(a, "the operator %s ('%s') is not supported; docs/deployment.md lists those that are",
                            n->op, n->word);
    for (int i = 0; i < operands; i++)
        if (!in[i]) return eval_fault(&t, "an operand is missing");
    return run(&t);
}
