/* onnx_eval.c: operators on arrays; see onnx_eval.h. */
#include "exchange/onnx_eval.h"
#include <limits.h>
#include <math.h>
#include <string.h>

/* What an operator works on. */
typedef struct task {
    arena *a;
    int opset;
    const onnx_node *n;
    const nd *const *in;
    nd *out;
} task;
typedef const char *operation(const task *t);

static const char *fault(const task *t, const char *what)
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

/* Advances an index over the dimensions of n; false after the last. */
static bool step(const nd *n, int *at)
{
    for (int i = n->rank; i-- > 0;) {
        if (++at[i] < n->dim[i]) return true;
        at[i] = 0;
    }
    return false;
}

static size_t offset(const nd *n, const int *at)
{
    size_t o = 0;
    for (int i = 0; i < n->rank; i++) o = o * (size_t)n->dim[i] + (size_t)at[i];
    return o;
}

/* The element of n that index `at` of the broadcast shape of `rank` dimensions means. */
static double stretched(const nd *n, const int *at, int rank)
{
    size_t o = 0;
    for (int i = 0; i < n->rank; i++) o = o * (size_t)n->dim[i] + (size_t)(n->dim[i] == 1 ? 0 : at[rank - n->rank + i]);
    return n->v[o];
}

/* The shape that two arrays stretch to; false when they do not fit. */
static bool broadcast(const nd *a, const nd *b, int *rank, int *dim)
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

static double op_softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double op_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double op_relu(double x) { return x > 0 ? x : 0; }
static double op_softsign(double x) { return x / (1 + fabs(x)); }
static double op_neg(double x) { return -x; }

static const struct {
    const char *op, *function;
    double (*value)(double);
} functions[] = {
    {"Tanh", "tanh", tanh},
    {"Sigmoid", "sigmoid", op_sigmoid},
    {"Relu", "relu", op_relu},
    {"Exp", "exp", exp},
    {"Log", "log", log},
    {"Sqrt", "sqrt", sqrt},
    {"Abs", "abs", fabs},
    {"Softplus", "softplus", op_softplus},
    {"Softsign", "softsign", op_softsign},
    {"Neg", "-", op_neg},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

const char *onnx_function(const char *op)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].op, op) == 0) return functions[i].function;
    return NULL;
}

const char *onnx_operator_of(const char *function)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].function, function) == 0) return functions[i].op;
    return NULL;
}

static const char *eval_function(const task *t)
{
    double (*value)(double) = NULL;
    for (int i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].op, t->n->op) == 0) value = functions[i].value;
    t->out[0] = nd_new(t->a, t->in[0]->rank, t->in[0]->dim, false);
    for (size_t i = 0; i < t->out[0].count; i++) t->out[0].v[i] = value(t->in[0]->v[i]);
    return NULL;
}

static const char *eval_arithmetic(const task *t)
{
    const nd *a = t->in[0], *b = t->in[1];
    int rank, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    if (!a || !b || !broadcast(a, b, &rank, dim)) return fault(t, "the shapes of its operands do not fit");
    t->out[0] = nd_new(t->a, rank, dim, a->integer && b->integer);
    char op = t->n->op[0]; /* Add, Sub, Mul, Div, Pow */
    for (size_t i = 0; i < t->out[0].count; i++, step(&t->out[0], at)) {
        double x = stretched(a, at, rank), y = stretched(b, at, rank);
        double z = op == 'A' ? x + y : op == 'S' ? x - y : op == 'M' ? x * y : op == 'P' ? pow(x, y) : x / y;
        t->out[0].v[i] = op == 'D' && t->out[0].integer ? trunc(z) : z;
    }
    return NULL;
}

static const char *eval_same(const task *t)
{
    t->out[0] = *t->in[0];
    if (strcmp(t->n->op, "Cast") == 0) {
        int64_t to = onnx_int(t->n, "to", 1);
        t->out[0].integer = to >= 2 && to <= 9; /* the whole numbers and bool of ONNX; read as such only where exact */
    }
    return NULL;
}

static const char *eval_softmax(const task *t)
{
    const nd *x = t->in[0];
    int axis = onnx_axis(onnx_int(t->n, "axis", t->opset < 13 ? 1 : -1), x->rank);
    if (axis < 0 || axis != x->rank - 1) return fault(t, "only over the last dimension");
    bool logarithm = t->n->op[0] == 'L';
    size_t n = (size_t)x->dim[axis];
    t->out[0] = nd_new(t->a, x->rank, x->dim, false);
    for (size_t i = 0; n && i + n <= x->count; i += n) {
        double most = -INFINITY, sum = 0;
        for (size_t k = 0; k < n; k++) most = fmax(most, x->v[i + k]);
        for (size_t k = 0; k < n; k++) sum += exp(x->v[i + k] - most);
        for (size_t k = 0; k < n; k++)
            t->out[0].v[i + k] = logarithm ? x->v[i + k] - most - log(sum) : exp(x->v[i + k] - most) / sum;
    }
    return NULL;
}

static const char *eval_reduce_mean(const task *t)
{
    const nd *x = t->in[0];
    int64_t *axes = NULL;
    size_t count, n = x->rank ? (size_t)x->dim[x->rank - 1] : 0;
    if (!onnx_ints(t->a, t->n, "axes", t->in, 1, &axes, &count) || count != 1 || !n ||
        onnx_axis(axes[0], x->rank) != x->rank - 1)
        return fault(t, "only over the last dimension");
    int dim[ND_MAX_RANK];
    memcpy(dim, x->dim, sizeof dim);
    dim[x->rank - 1] = 1;
    t->out[0] = nd_new(t->a, x->rank - !onnx_int(t->n, "keepdims", 1), dim, false);
    for (size_t i = 0; i < t->out[0].count; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += x->v[i * n + k];
        t->out[0].v[i] = sum / (double)n;
    }
    return NULL;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* A matrix on the right, or two matrices: other products do not come from networks that rnnc knows. */
static const char *eval_matmul(const task *t)
{
    const nd *a = t->in[0], *b = t->in[1];
    if (!a || !b || b->rank != 2 || a->rank < 1 || a->dim[a->rank - 1] != b->dim[0])
        return fault(t, "only products with a matrix on the right");
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

static const char *eval_gemm(const task *t)
{
    const nd *a = t->in[0], *b = t->in[1], *c = t->in[2];
    bool ta = onnx_int(t->n, "transA", 0), tb = onnx_int(t->n, "transB", 0);
    if (!a || !b || a->rank != 2 || b->rank != 2) return fault(t, "only products of matrices");
    int M = a->dim[ta], K = a->dim[!ta], N = b->dim[!tb], rank, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    nd *out = &t->out[0];
    *out = nd_new(t->a, 2, (int[]){M, N}, false);
    if (b->dim[tb] != K || (c && (!broadcast(out, c, &rank, dim) || rank != 2 || dim[0] != M || dim[1] != N)))
        return fault(t, "the shapes of its operands do not fit");
    double alpha = onnx_float(t->n, "alpha", 1), beta = onnx_float(t->n, "beta", 1);
    for (size_t o = 0; o < out->count; o++, step(out, at)) {
        double sum = 0;
        for (int k = 0; k < K; k++) {
            int left[2] = {ta ? k : at[0], ta ? at[0] : k}, right[2] = {tb ? at[1] : k, tb ? k : at[1]};
            sum += a->v[offset(a, left)] * b->v[offset(b, right)];
        }
        out->v[o] = alpha * sum + (c ? beta * stretched(c, at, 2) : 0);
    }
    return NULL;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static const char *eval_shape(const task *t)
{
    t->out[0] = nd_new(t->a, 1, &t->in[0]->rank, true);
    for (int i = 0; i < t->in[0]->rank; i++) t->out[0].v[i] = t->in[0]->dim[i];
    return NULL;
}

static const char *eval_constant(const task *t)
{
    const onnx_attribute *value = onnx_find(t->n, "value");
    if (!value || !value->t) return fault(t, "only a constant that is a tensor");
    t->out[0] = *value->t;
    return NULL;
}

/* The rank, and `dim`, that an operand says; -1: *error says why not. */
static int new_shape(const task *t, const nd *shape, int *dim, const char **error)
{
    double size = 1;
    if (!shape || shape->count > ND_MAX_RANK) {
        *error = fault(t, "its shape is missing or too long");
        return -1;
    }
    int rank = (int)shape->count;
    for (int i = 0; i < rank; i++) {
        if (shape->v[i] > 0) size *= shape->v[i];
        if (!(fabs(shape->v[i]) <= ND_MAX_COUNT && size <= ND_MAX_COUNT)) {
            *error = fault(t, "its shape is too large");
            return -1;
        }
        dim[i] = (int)shape->v[i];
    }
    return rank;
}

static const char *eval_constant_of_shape(const task *t)
{
    int dim[ND_MAX_RANK];
    const char *error;
    int rank = new_shape(t, t->in[0], dim, &error);
    if (rank < 0) return error;
    const onnx_attribute *value = onnx_find(t->n, "value");
    t->out[0] = nd_new(t->a, rank, dim, value && value->t && value->t->integer);
    for (size_t i = 0; value && value->t && i < t->out[0].count; i++) t->out[0].v[i] = value->t->v[0];
    return NULL;
}

static const char *eval_reshape(const task *t)
{
    int dim[ND_MAX_RANK], open = -1;
    const char *error;
    int rank = new_shape(t, t->in[1], dim, &error);
    if (rank < 0) return error;
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] == 0 && i < t->in[0]->rank && !onnx_int(t->n, "allowzero", 0)) dim[i] = t->in[0]->dim[i];
        if (dim[i] < 0)
            open = i;
        else
            count *= (size_t)dim[i];
    }
    if (open >= 0) {
        dim[open] = count ? (int)(t->in[0]->count / count) : 0;
        count *= (size_t)dim[open];
    }
    if (count != t->in[0]->count) return fault(t, "the new shape has another number of elements");
    t->out[0] = *t->in[0];
    t->out[0].rank = rank;
    memcpy(t->out[0].dim, dim, sizeof dim);
    return NULL;
}

static const char *eval_flatten(const task *t)
{
    const nd *x = t->in[0];
    int64_t axis = onnx_int(t->n, "axis", 1);
    size_t first = 1;
    if (axis < 0) axis += x->rank;
    for (int i = 0; i < axis && i < x->rank; i++) first *= (size_t)x->dim[i];
    t->out[0] = *x;
    t->out[0].rank = 2;
    t->out[0].dim[0] = (int)first;
    t->out[0].dim[1] = first ? (int)(x->count / first) : 0;
    return NULL;
}

static const char *eval_squeeze(const task *t)
{
    const nd *x = t->in[0];
    int64_t *axes = NULL;
    size_t count;
    bool given = onnx_ints(t->a, t->n, "axes", t->in, 1, &axes, &count), drop[ND_MAX_RANK] = {false};
    for (size_t i = 0; i < count; i++) {
        int axis = onnx_axis(axes[i], x->rank);
        if (axis < 0 || x->dim[axis] != 1) return fault(t, "an axis is not there, or not 1 long");
        drop[axis] = true;
    }
    t->out[0] = *x;
    t->out[0].rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (given ? !drop[i] : x->dim[i] != 1) t->out[0].dim[t->out[0].rank++] = x->dim[i];
    return NULL;
}

static const char *eval_unsqueeze(const task *t)
{
    const nd *x = t->in[0];
    int64_t *axes = NULL;
    size_t count;
    bool added[ND_MAX_RANK] = {false};
    if (!onnx_ints(t->a, t->n, "axes", t->in, 1, &axes, &count) || x->rank + (int)count > ND_MAX_RANK)
        return fault(t, "its axes are missing, or too many");
    t->out[0] = *x;
    t->out[0].rank = x->rank + (int)count;
    for (size_t i = 0; i < count; i++) {
        int axis = onnx_axis(axes[i], t->out[0].rank);
        if (axis < 0 || added[axis]) return fault(t, "an axis is out of range, or there twice");
        added[axis] = true;
    }
    for (int i = 0, k = 0; i < t->out[0].rank; i++) t->out[0].dim[i] = added[i] ? 1 : x->dim[k++];
    return NULL;
}

static const char *eval_transpose(const task *t)
{
    const nd *x = t->in[0];
    const onnx_attribute *perm = onnx_find(t->n, "perm");
    int order[ND_MAX_RANK], dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0}, from[ND_MAX_RANK];
    bool taken[ND_MAX_RANK] = {false};
    if (perm && perm->ints.len != (size_t)x->rank) return fault(t, "perm is not as long as its operand has dimensions");
    for (int i = 0; i < x->rank; i++) {
        order[i] = perm ? onnx_axis(perm->ints.data[i], x->rank) : x->rank - 1 - i;
        if (order[i] < 0 || taken[order[i]]) return fault(t, "perm is no permutation");
        taken[order[i]] = true;
        dim[i] = x->dim[order[i]];
    }
    t->out[0] = nd_new(t->a, x->rank, dim, x->integer);
    for (size_t o = 0; o < x->count; o++, step(&t->out[0], at)) {
        for (int i = 0; i < x->rank; i++) from[order[i]] = at[i];
        t->out[0].v[o] = x->v[offset(x, from)];
    }
    return NULL;
}

static const char *eval_expand(const task *t)
{
    nd shape = {0};
    int rank, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    const char *error;
    shape.rank = new_shape(t, t->in[1], shape.dim, &error);
    if (shape.rank < 0) return error;
    if (!broadcast(t->in[0], &shape, &rank, dim)) return fault(t, "the shapes do not fit");
    t->out[0] = nd_new(t->a, rank, dim, t->in[0]->integer);
    for (size_t o = 0; o < t->out[0].count; o++, step(&t->out[0], at)) t->out[0].v[o] = stretched(t->in[0], at, rank);
    return NULL;
}

static const char *eval_concat(const task *t)
{
    const nd *x = t->in[0];
    int axis = x ? onnx_axis(onnx_int(t->n, "axis", 0), x->rank) : -1, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    if (axis < 0) return fault(t, "its axis is out of range");
    memcpy(dim, x->dim, sizeof dim);
    for (size_t k = 1; k < t->n->in.len; k++) {
        if (!t->in[k] || t->in[k]->rank != x->rank) return fault(t, "the shapes do not fit");
        for (int i = 0; i < x->rank; i++)
            if (i != axis && t->in[k]->dim[i] != x->dim[i]) return fault(t, "the shapes do not fit");
        dim[axis] += t->in[k]->dim[axis];
    }
    t->out[0] = nd_new(t->a, x->rank, dim, x->integer);
    for (size_t o = 0; o < t->out[0].count; o++, step(&t->out[0], at)) {
        int from[ND_MAX_RANK];
        size_t k = 0;
        memcpy(from, at, sizeof from);
        while (from[axis] >= t->in[k]->dim[axis]) from[axis] -= t->in[k++]->dim[axis];
        t->out[0].v[o] = t->in[k]->v[offset(t->in[k], from)];
    }
    return NULL;
}

static const char *eval_gather(const task *t)
{
    const nd *x = t->in[0], *index = t->in[1];
    int axis = x ? onnx_axis(onnx_int(t->n, "axis", 0), x->rank) : -1, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0},
        rank = 0;
    if (axis < 0 || !index || x->rank - 1 + index->rank > ND_MAX_RANK) return fault(t, "its axis is out of range");
    for (int i = 0; i < axis; i++) dim[rank++] = x->dim[i];
    for (int i = 0; i < index->rank; i++) dim[rank++] = index->dim[i];
    for (int i = axis + 1; i < x->rank; i++) dim[rank++] = x->dim[i];
    t->out[0] = nd_new(t->a, rank, dim, x->integer);
    for (size_t o = 0; o < t->out[0].count; o++, step(&t->out[0], at)) {
        int from[ND_MAX_RANK];
        double row = index->v[offset(index, at + axis)];
        if (row < 0) row += x->dim[axis];
        if (!(row >= 0 && row < x->dim[axis])) return fault(t, "an index is out of range");
        memcpy(from, at, sizeof from);
        from[axis] = (int)row;
        for (int i = axis + 1; i < x->rank; i++) from[i] = at[i - 1 + index->rank];
        t->out[0].v[o] = x->v[offset(x, from)];
    }
    return NULL;
}

static const char *eval_slice(const task *t)
{
    const nd *x = t->in[0];
    int64_t *start, *end, *axes, *steps;
    size_t n, ends, count, step_count;
    int begin[ND_MAX_RANK] = {0}, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    if (!onnx_ints(t->a, t->n, "starts", t->in, 1, &start, &n) ||
        !onnx_ints(t->a, t->n, "ends", t->in, 2, &end, &ends) || n != ends)
        return fault(t, "its starts and ends are missing");
    bool given = onnx_ints(t->a, t->n, "axes", t->in, 3, &axes, &count);
    bool stepped = onnx_ints(t->a, t->n, "steps", t->in, 4, &steps, &step_count);
    memcpy(dim, x->dim, sizeof dim);
    for (size_t i = 0; i < n; i++) {
        int axis = onnx_axis(given && i < count ? axes[i] : (int64_t)i, x->rank);
        if (axis < 0 || (stepped && i < step_count && steps[i] != 1)) return fault(t, "only steps of 1 along an axis");
        int64_t size = x->dim[axis], b = start[i] < 0 ? start[i] + size : start[i],
                e = end[i] < 0 ? end[i] + size : end[i];
        b = b < 0 ? 0 : b > size ? size : b;
        e = e < b ? b : e > size ? size : e;
        begin[axis] = (int)b;
        dim[axis] = (int)(e - b);
    }
    t->out[0] = nd_new(t->a, x->rank, dim, x->integer);
    for (size_t o = 0; o < t->out[0].count; o++, step(&t->out[0], at)) {
        int from[ND_MAX_RANK];
        for (int i = 0; i < x->rank; i++) from[i] = at[i] + begin[i];
        t->out[0].v[o] = x->v[offset(x, from)];
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

static void run_sequence(const task *t, const onnx_recurrent *r, int d, int b, int steps)
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
        memcpy(t->out[0].v + offset(&t->out[0], r->layout ? first : at), y + (size_t)s * (size_t)H,
               (size_t)H * sizeof *y);
    }
}

static const char *eval_recurrent(const task *t)
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
        if (initial->count != t->out[1 + k].count) return fault(t, "an initial state has another shape");
        memcpy(t->out[1 + k].v, initial->v, initial->count * sizeof *initial->v);
    }
    if (lengths && lengths->count != (size_t)B) return fault(t, "sequence_lens has another length than the batch");
    for (int k = 0; k < d; k++)
        for (int b = 0; b < B; b++) {
            double own = lengths ? lengths->v[b] : T;
            if (!(own >= 0 && own <= T)) return fault(t, "a number of sequence_lens is out of range");
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
    {"RNN", 3, eval_recurrent},   {"GRU", 3, eval_recurrent},          {"LSTM", 3, eval_recurrent},
    {"Gemm", 2, eval_gemm},       {"MatMul", 2, eval_matmul},          {"Add", 2, eval_arithmetic},
    {"Sub", 2, eval_arithmetic},  {"Mul", 2, eval_arithmetic},         {"Div", 2, eval_arithmetic},
    {"Pow", 2, eval_arithmetic},  {"ReduceMean", 1, eval_reduce_mean}, {"Gather", 2, eval_gather},
    {"Softmax", 1, eval_softmax}, {"LogSoftmax", 1, eval_softmax},     {"Transpose", 1, eval_transpose},
    {"Squeeze", 1, eval_squeeze}, {"Unsqueeze", 1, eval_unsqueeze},    {"Slice", 1, eval_slice},
    {"Concat", 1, eval_concat},   {"Reshape", 2, eval_reshape},        {"Flatten", 1, eval_flatten},
    {"Identity", 1, eval_same},   {"Dropout", 1, eval_same},           {"Cast", 1, eval_same},
    {"Shape", 1, eval_shape},     {"Constant", 0, eval_constant},      {"ConstantOfShape", 1, eval_constant_of_shape},
    {"Expand", 2, eval_expand},
};

const char *onnx_eval(arena *a, int opset, const onnx_node *n, const nd *const *in, nd *out)
{
    task t = {a, opset, n, in, out};
    operation *run = onnx_function(n->op) ? eval_function : NULL;
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
        if (!in[i]) return fault(&t, "an operand is missing");
    return run(&t);
}
