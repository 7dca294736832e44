/* compose.c: what the language has as one function and the graph as several operations. Each is written as its
 * equation. */
#include "lower/context.h"

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

static node_id above_zero(lowering *l, node_id x, node_id yes, node_id no)
{
    node_id positive = op2(l, OP_gt, x, number(l, 0));
    return op3(l, OP_select, positive, yes, no);
}

static node_id gelu(lowering *l, node_id x)
{
    node_id e = op1(l, OP_erf, op2(l, OP_mul, x, number(l, 0.70710678118654752)));
    node_id half = op2(l, OP_mul, x, number(l, 0.5));
    return op2(l, OP_mul, half, op2(l, OP_add, e, number(l, 1)));
}

static node_id elu(lowering *l, node_id x, node_id a)
{
    node_id below = op2(l, OP_sub, op1(l, OP_exp, x), number(l, 1));
    return above_zero(l, x, x, op2(l, OP_mul, a, below));
}

node_id lower_composite(lowering *l, const model_expr *e, const node_id *arg)
{
    node_id x = arg[0];
    bool second = e->call.count > 1;
    switch (e->call.function) {
    case FUNCTION_gelu: return gelu(l, x);
    case FUNCTION_silu: return op2(l, OP_mul, x, op1(l, OP_sigmoid, x));
    case FUNCTION_elu: return elu(l, x, second ? arg[1] : number(l, 1));
    case FUNCTION_leaky_relu: return above_zero(l, x, x, op2(l, OP_mul, second ? arg[1] : number(l, 0.01), x));
    case FUNCTION_hard_sigmoid: {
        node_id line = op2(l, OP_add, op2(l, OP_mul, x, number(l, 0.2)), number(l, 0.5));
        return op3(l, OP_clip_flat, line, number(l, 0), number(l, 1));
    }
    case FUNCTION_hard_tanh: return op3(l, OP_clip_flat, x, number(l, -1), number(l, 1));
    case FUNCTION_softsign: return op2(l, OP_div, x, op2(l, OP_add, op1(l, OP_abs, x), number(l, 1)));
    case FUNCTION_log_sigmoid: return op1(l, OP_neg, op1(l, OP_softplus, op1(l, OP_neg, x)));
    case FUNCTION_clip: return op3(l, OP_clip, x, arg[1], arg[2]);
    case FUNCTION_ceil: return op1(l, OP_neg, op1(l, OP_floor, op1(l, OP_neg, x)));
#define FUNCTION(id, word, class, least, most, over, usage) OTHER_##class(id)
#define OTHER_OPERATOR(id) case FUNCTION_##id:
#define OTHER_OPERATION(id) case FUNCTION_##id:
#define OTHER_COMPOSITE(id)
#define OTHER_SPECIAL(id) case FUNCTION_##id:
#define OTHER_LOSS(id) case FUNCTION_##id:
#include "model/functions.def"
    case FUNCTION_COUNT: break;
    }
    BUG("function %d is not written out", (int)e->call.function);
}

/* ---- over axes --------------------------------------------------------------------------------------------------- */

static node_id max_over(lowering *l, node_id x, axis_set over)
{
    for (int axis = 1; axis <= l->g->axes; axis++)
        if (over & axis_bit(axis)) x = graph_max_over(l->g, x, axis_bit(axis), true);
    return x;
}

/* The mean is over the valid steps; of none it is 0. */
static node_id mean_over(lowering *l, node_id x, axis_set over)
{
    node_id sum = graph_sum_over(l->g, x, over, true), steps = NO_NODE;
    for (int axis = 1; axis <= l->g->axes; axis++) {
        if (!(over & axis_bit(axis))) continue;
        node_id length = graph_length(l->g, axis);
        steps = node_some(steps) ? op2(l, OP_mul, steps, length) : length;
    }
    return op2(l, OP_div, sum, op2(l, OP_max, steps, number(l, 1)));
}

/* exp(x - m) / sum of it; m, the largest, is there for the range of exp and takes no gradient. */
static node_id softmax_over(lowering *l, node_id x, axis_set over)
{
    node_id largest = op1(l, OP_cut, max_over(l, x, over));
    node_id e = op1(l, OP_exp, op2(l, OP_sub, x, largest));
    node_id sum = graph_sum_over(l->g, e, over, true);
    return op2(l, OP_div, e, above_zero(l, sum, sum, number(l, 1)));
}

static node_id lower_over(lowering *l, const model_expr *e, node_id x)
{
    axis_set over = e->call.over;
    model_function f = e->call.function;
    if (f == FUNCTION_sum) return graph_sum_over(l->g, x, over, true);
    if (f == FUNCTION_mean) return mean_over(l, x, over);
    if (f == FUNCTION_softmax) return softmax_over(l, x, over);
    if (f == FUNCTION_max) return max_over(l, x, over);
    if (f == FUNCTION_min) return op1(l, OP_neg, max_over(l, op1(l, OP_neg, x), over));
    BUG("function %d over axes", (int)f);
}

/* ---- over components --------------------------------------------------------------------------------------------- */

static node_id largest(lowering *l, const model_expr *e, node_id x)
{
    shape to = lower_type(e->type).shape;
    return shape_equal(graph_type(l->g, x).shape, to) ? x : graph_maximum(l->g, x, to);
}

static node_id total(lowering *l, const model_expr *e, node_id x)
{
    shape from = graph_type(l->g, x).shape, to = lower_type(e->type).shape;
    return shape_equal(from, to) ? x : graph_sum(l->g, x, to);
}

/* softmax and logsumexp of each row or column; m, the largest of each, as in softmax_over. */
static node_id each_line(lowering *l, const model_expr *e, node_id x)
{
    shape from = graph_type(l->g, x).shape;
    shape to = e->call.extent == EACH_ROW ? shape_vector(from.dim[0]) : shape_matrix(1, from.dim[1]);
    node_id m = op1(l, OP_cut, graph_maximum(l->g, x, to));
    node_id exps = op1(l, OP_exp, op2(l, OP_sub, x, m)), sum = graph_sum(l->g, exps, to);
    if (e->call.function == FUNCTION_softmax) return op2(l, OP_div, exps, sum);
    return op2(l, OP_add, m, op1(l, OP_log, sum));
}

node_id lower_reduction(lowering *l, const model_expr *e, node_id x)
{
    model_function f = e->call.function;
    if (e->call.over) return lower_over(l, e, x);
    if (e->call.extent != WHOLE && (f == FUNCTION_softmax || f == FUNCTION_logsumexp)) return each_line(l, e, x);
    if (f == FUNCTION_softmax) return graph_softmax(l->g, x);
    if (f == FUNCTION_logsumexp) return graph_logsumexp(l->g, x);
    if (f == FUNCTION_sum) return total(l, e, x);
    if (f == FUNCTION_norm) return op1(l, OP_sqrt, total(l, e, op1(l, OP_square, x)));
    if (f == FUNCTION_max) return largest(l, e, x);
    if (f == FUNCTION_min) return op1(l, OP_neg, largest(l, e, op1(l, OP_neg, x)));
    if (f != FUNCTION_mean) BUG("function %d over components", (int)f);
    double count = (double)shape_size(graph_type(l->g, x).shape) / shape_size(lower_type(e->type).shape);
    return op2(l, OP_div, total(l, e, x), number(l, count));
}

/* ---- random ------------------------------------------------------------------------------------------------------ */

/* x + s * n: n is normal, made of two uniform numbers: Box, Muller, A note on the generation of random normal deviates
 * (1958). */
static node_id gaussian_noise(lowering *l, const model_expr *e, const node_id *arg)
{
    type t = lower_type(e->type);
    if (l->options.mode != LOWER_TRAINING)
        return type_equal(graph_type(l->g, arg[0]), t) ? arg[0] : graph_expand(l->g, arg[0], t);
    axis_set own = t.axes & ~e->call.over;
    node_id u = graph_uniform(l->g, e->call.path, t.shape, own);
    node_id v = graph_uniform(l->g, name_printf(l->g->names, "%s.angle", e->call.path), t.shape, own);
    node_id above_0 = op2(l, OP_sub, number(l, 1), u);
    node_id radius = op1(l, OP_sqrt, op2(l, OP_mul, number(l, -2), op1(l, OP_log, above_0)));
    node_id n = op2(l, OP_mul, radius, op1(l, OP_cos, op2(l, OP_mul, number(l, 6.28318530717958648), v)));
    return op2(l, OP_add, arg[0], op2(l, OP_mul, arg[1], n));
}

node_id lower_random(lowering *l, const model_expr *e, const node_id *arg)
{
    if (e->call.function == FUNCTION_gaussian_noise) return gaussian_noise(l, e, arg);
    type t = lower_type(e->type);
    bool drop = e->call.function == FUNCTION_dropout, training = l->options.mode == LOWER_TRAINING;
    node_id p = arg[drop ? 1 : 2];
    const node *constant = graph_node(l->g, p);
    if (constant->op == OP_number && constant->attr.number == 0) return arg[0];
    if (!training && drop) return arg[0];
    if (!training) {
        node_id difference = op2(l, OP_sub, arg[1], arg[0]);
        return op2(l, OP_add, arg[0], op2(l, OP_mul, p, difference));
    }
    double known = constant->op == OP_number ? constant->attr.number : -1;
    node_id hit = op2(l, OP_lt, graph_uniform(l->g, e->call.path, t.shape, t.axes & ~e->call.over), p);
    if (!drop) return op3(l, OP_select, hit, arg[1], arg[0]);
    node_id scale =
        known >= 0 ? number(l, 1 / (1 - known)) : op2(l, OP_div, number(l, 1), op2(l, OP_sub, number(l, 1), p));
    return op3(l, OP_select, hit, number(l, 0), op2(l, OP_mul, arg[0], scale));
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

static node_id sum_all(lowering *l, node_id x)
{
    return graph_type(l->g, x).shape.rank ? graph_sum(l->g, x, SCALAR) : x;
}

static node_id mean_all(lowering *l, node_id x)
{
    int size = shape_size(graph_type(l->g, x).shape);
    return size == 1 ? sum_all(l, x) : op2(l, OP_div, sum_all(l, x), number(l, size));
}

/* A token that is none, and one that is ignored, reads 0. */
static node_id unless_ignored(lowering *l, const model_expr *e, node_id y, node_id value)
{
    if (e->call.ignore < 0) return value;
    const node *from = graph_node(l->g, y);
    if (from->op == OP_input) {
        l->g->inputs.data[from->attr.index].ignores = true;
        l->g->inputs.data[from->attr.index].ignored = (int)e->call.ignore;
    }
    node_id ignored = op2(l, OP_eq, y, number(l, e->call.ignore));
    return op3(l, OP_select, ignored, number(l, 0), value);
}

/* -sum(w q log p) on the logits z; q: (1 - smoothing) of the target and the rest spread over all N classes. With
 * log p = z - all, all = logsumexp(z), the part of the target y is w(y) (all - z(y)), that of a distribution y
 * sum(w y) all - sum(w y z), and that of all classes (sum(w) all - sum(w z)) / N. */
static node_id cross_entropy(lowering *l, const model_expr *e)
{
    node_id z = lower_expr(l, model_logits(l->m, e->call.args[0], FUNCTION_softmax));
    node_id y = lower_expr(l, e->call.args[1]);
    node_id w = e->call.count > 2 ? lower_expr(l, e->call.args[2]) : NO_NODE;
    node_id all = graph_logsumexp(l->g, z), loss;
    bool token = graph_type(l->g, y).element == TOKEN;
    if (token) {
        loss = op2(l, OP_sub, all, graph_pick(l->g, z, y));
        if (node_some(w)) loss = op2(l, OP_mul, graph_pick(l->g, w, y), loss);
    } else {
        node_id q = node_some(w) ? op2(l, OP_mul, w, y) : y;
        node_id weight = graph_sum(l->g, q, SCALAR), inner = graph_sum(l->g, op2(l, OP_mul, q, z), SCALAR);
        loss = op2(l, OP_sub, op2(l, OP_mul, weight, all), inner);
    }
    double smoothing = e->call.smoothing;
    if (smoothing > 0) {
        int classes = shape_size(graph_type(l->g, z).shape);
        node_id sum_w = node_some(w) ? graph_sum(l->g, w, SCALAR) : number(l, classes);
        node_id sum_z = graph_sum(l->g, node_some(w) ? op2(l, OP_mul, w, z) : z, SCALAR);
        node_id spread = op2(l, OP_sub, op2(l, OP_mul, sum_w, all), sum_z);
        loss = op2(l, OP_add, op2(l, OP_mul, number(l, 1 - smoothing), loss),
                   op2(l, OP_mul, number(l, smoothing / classes), spread));
    }
    return token ? unless_ignored(l, e, y, loss) : loss;
}

typedef struct counted {
    lowering *l;
    node_id count;
} counted;

static void count_target(void *to, const model_expr *e)
{
    counted *c = to;
    lowering *l = c->l;
    node_id y = lower_expr(l, e->call.args[1]);
    if (graph_type(l->g, y).element != TOKEN) return;
    node_id one = e->call.count > 2 ? graph_pick(l->g, lower_expr(l, e->call.args[2]), y) : number(l, 1);
    one = unless_ignored(l, e, y, one);
    c->count = node_some(c->count) ? op2(l, OP_max, c->count, one) : one;
}

node_id lower_counted(lowering *l, const model_expr *value)
{
    counted c = {.l = l};
    model_each_counted(l->m, value, count_target, &c);
    return c.count;
}

/* -y log s(z) - (1 - y) log(1 - s(z)) = softplus(z) - y * z */
static node_id binary_cross_entropy(lowering *l, const model_expr *e)
{
    node_id z = lower_expr(l, model_logits(l->m, e->call.args[0], FUNCTION_sigmoid));
    node_id y = lower_expr(l, e->call.args[1]);
    return sum_all(l, op2(l, OP_sub, op1(l, OP_softplus, z), op2(l, OP_mul, y, z)));
}

static node_id huber(lowering *l, node_id d, node_id delta)
{
    node_id near = op2(l, OP_mul, number(l, 0.5), op1(l, OP_square, d));
    node_id far = op2(l, OP_mul, delta, op2(l, OP_sub, d, op2(l, OP_mul, number(l, 0.5), delta)));
    return op3(l, OP_select, op2(l, OP_le, d, delta), near, far);
}

/* log N(y; m, s) of each component of the mixture, with correlation r of the two dimensions where there is one:
 * Graves, Generating sequences with recurrent neural networks (2013), equations 24 and 25. */
static node_id log_densities(lowering *l, node_id m, node_id s, node_id y, node_id r)
{
    static const double log_two_pi = 1.8378770664093454836;
    graph *g = l->g;
    int dimensions = graph_type(g, m).shape.dim[1];
    shape each = shape_vector(graph_type(g, m).shape.dim[0]);
    node_id d = op2(l, OP_div, op2(l, OP_sub, graph_transpose(g, y), m), s);
    node_id square = graph_sum(g, op1(l, OP_square, d), each);
    node_id scale = graph_sum(g, op1(l, OP_log, s), each);
    if (node_some(r)) {
        node_id d0 = graph_reshape(g, graph_slice(g, d, 1, 0, 1), each),
                d1 = graph_reshape(g, graph_slice(g, d, 1, 1, 1), each);
        node_id left = op2(l, OP_sub, number(l, 1), op1(l, OP_square, r));
        node_id cross = op2(l, OP_mul, number(l, 2), op2(l, OP_mul, r, op2(l, OP_mul, d0, d1)));
        square = op2(l, OP_div, op2(l, OP_sub, square, cross), left);
        scale = op2(l, OP_add, scale, op2(l, OP_mul, number(l, 0.5), op1(l, OP_log, left)));
    }
    node_id exponent = op2(l, OP_add, op2(l, OP_mul, number(l, 0.5), square), scale);
    return op1(l, OP_neg, op2(l, OP_add, exponent, number(l, 0.5 * dimensions * log_two_pi)));
}

/* -log sum_k w(k) N_k(y) on the logits z of w: logsumexp(z) - logsumexp(z + log N). */
static node_id gaussian_mixture(lowering *l, const model_expr *e)
{
    node_id z = lower_expr(l, model_logits(l->m, e->call.args[0], FUNCTION_softmax)), arg[5] = {{0}};
    for (int i = 1; i < e->call.count; i++) arg[i] = lower_expr(l, e->call.args[i]);
    node_id joint = op2(l, OP_add, z, log_densities(l, arg[1], arg[2], arg[3], arg[4]));
    node_id all = graph_logsumexp(l->g, z);
    return op2(l, OP_sub, all, graph_logsumexp(l->g, joint));
}

node_id lower_loss_function(lowering *l, const model_expr *e)
{
    model_function f = e->call.function;
    if (f == FUNCTION_cross_entropy) return cross_entropy(l, e);
    if (f == FUNCTION_binary_cross_entropy) return binary_cross_entropy(l, e);
    if (f == FUNCTION_gaussian_mixture) return gaussian_mixture(l, e);
    if (f == FUNCTION_ctc) return lower_ctc(l, e);
    node_id a = lower_expr(l, e->call.args[0]), b = lower_expr(l, e->call.args[1]);
    node_id d = op2(l, OP_sub, a, b);
    if (f == FUNCTION_mean_square) return mean_all(l, op1(l, OP_square, d));
    node_id distance = op1(l, OP_abs, d);
    if (f == FUNCTION_absolute) return mean_all(l, distance);
    node_id delta = e->call.count > 2 ? lower_expr(l, e->call.args[2]) : number(l, 1);
    return mean_all(l, huber(l, distance, delta));
}
