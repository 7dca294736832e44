/* rules.c: the type of a node from its operation, operands and attributes.
 *
 * Comes in: a node whose operands exist and whose type holds what the operands leave open (`to`, `length`); goes out:
 * its whole type, or a sentence saying which rule is broken. The constructors make types with it and the verifier
 * compares with it, so there is one rule per operation.
 *
 * Note [batch of a count]. What depends on how many steps a sequence has differs between sequences: reading from the
 * back, a sum over time of something that lacks that axis, the step since the sequence's start. Such nodes have the
 * batch axis even where their operands lack it. For the same reason no node has a time axis without the batch. */
#include "graph/rules.h"

static type arg_type(const graph *g, const node *n, int i) { return graph_type(g, n->arg[i]); }

static const char *all_real(const graph *g, const node *n)
{
    for (int i = 0; i < n->args; i++)
        if (arg_type(g, n, i).element != REAL) return "an operand is a token";
    return NULL;
}

static axis_set axes_of_args(const graph *g, const node *n)
{
    axis_set axes = 0;
    for (int i = 0; i < n->args; i++) axes |= arg_type(g, n, i).axes;
    return axes;
}

static bool is_time_axis(const graph *g, int axis) { return axis >= 1 && axis <= g->axes; }

static bool are_axes(const graph *g, axis_set axes) { return axes < axis_bit(g->axes + 1); }

/* What is left of `axes` after a reduction over `over`; see note [batch of a count]. */
static axis_set axes_after(axis_set axes, axis_set over)
{
    bool counts_steps = (over & ~(axis_set)BATCH) != 0;
    return (counts_steps ? axes | BATCH : axes) & ~over;
}

static const char *rule_param(const graph *g, const node *n, type *out)
{
    if (n->attr.index >= g->params.len) return "no such parameter";
    *out = type_real(g->params.data[n->attr.index].shape, 0);
    return NULL;
}

static const char *rule_input(const graph *g, const node *n, type *out)
{
    if (n->attr.index >= g->inputs.len) return "no such input";
    *out = g->inputs.data[n->attr.index].type;
    return NULL;
}

static const char *rule_number(const graph *g, const node *n, type *out)
{
    (void)g;
    (void)n;
    *out = type_real(SCALAR, 0);
    return NULL;
}

static const char *rule_literal(const graph *g, const node *n, type *out)
{
    (void)g;
    *out = type_real(n->type.shape, 0);
    return n->attr.literal ? NULL : "a literal without values";
}

static const char *rule_iota(const graph *g, const node *n, type *out)
{
    (void)g;
    *out = type_real(n->type.shape, 0);
    return n->type.shape.rank == 1 ? NULL : "iota is a vector";
}

static const char *rule_step(const graph *g, const node *n, type *out)
{
    if (!is_time_axis(g, n->attr.axis)) return "no such time axis";
    *out = type_real(SCALAR, axis_bit(n->attr.axis) | BATCH);
    return NULL;
}

static const char *rule_length(const graph *g, const node *n, type *out)
{
    *out = type_real(SCALAR, BATCH);
    return is_time_axis(g, n->attr.axis) ? NULL : "no such time axis";
}

static const char *rule_count(const graph *g, const node *n, type *out)
{
    axis_set over = n->attr.over.axes;
    if (!over || !are_axes(g, over)) return "no such axes";
    *out = type_real(SCALAR, over & BATCH ? 0 : BATCH);
    return NULL;
}

static const char *rule_uniform(const graph *g, const node *n, type *out)
{
    *out = type_real(n->type.shape, n->type.axes);
    if (!n->attr.path) return "a random node without a path";
    return are_axes(g, n->type.axes) ? NULL : "no such axes";
}

/* `copy`, `cut` and `expand` keep tokens, `select` chooses between them, comparisons compare them. */
static const char *pointwise_element(const graph *g, const node *n, element *out)
{
    *out = REAL;
    if (op_is_comparison(n->op)) return NULL;
    if (n->op == OP_copy || n->op == OP_cut || n->op == OP_expand) {
        *out = arg_type(g, n, 0).element;
        return NULL;
    }
    if (n->op == OP_select) {
        *out = arg_type(g, n, 1).element;
        return arg_type(g, n, 0).element != REAL || arg_type(g, n, 2).element != *out ? "elements differ" : NULL;
    }
    return all_real(g, n);
}

/* The shape that all operands stretch to is that of one of them. */
static bool common_shape(const graph *g, const node *n, shape *out)
{
    for (int i = 0; i < n->args; i++) {
        shape to = arg_type(g, n, i).shape, s;
        int agree = 0;
        for (int j = 0; j < n->args; j++)
            agree += shape_broadcast(arg_type(g, n, j).shape, to, &s) && shape_equal(s, to);
        if (agree == n->args) {
            *out = to;
            return true;
        }
    }
    return false;
}

static const char *rule_pointwise(const graph *g, const node *n, type *out)
{
    const char *why = pointwise_element(g, n, &out->element);
    if (why) return why;
    if (!common_shape(g, n, &out->shape)) return "the operands' shapes do not agree";
    out->axes = axes_of_args(g, n);
    if (n->op == OP_norm && (out->shape.rank != 0 || out->axes)) return "a denominator is a scalar without axes";
    if (n->op == OP_norm && n->attr.index >= (uint32_t)g->losses) return "no such loss";
    if (n->op == OP_expand) {
        shape to = n->type.shape, s;
        if (!shape_broadcast(out->shape, to, &s) || !shape_equal(s, to) || (out->axes & ~n->type.axes) ||
            !are_axes(g, n->type.axes))
            return "the operand does not stretch to the type asked for";
        out->shape = to;
        out->axes = n->type.axes;
    }
    return NULL;
}

static const char *rule_matmul(const graph *g, const node *n, type *out)
{
    out->element = REAL;
    out->axes = axes_of_args(g, n);
    if (!shape_matmul(arg_type(g, n, 0).shape, n->attr.matmul.ta, arg_type(g, n, 1).shape, n->attr.matmul.tb,
                      &out->shape))
        return "the inner sizes do not agree";
    return all_real(g, n);
}

static const char *over_components(const graph *g, const node *n, type *out)
{
    shape from = arg_type(g, n, 0).shape, to = n->type.shape;
    *out = type_real(to, arg_type(g, n, 0).axes);
    bool rows = from.rank == 2 && shape_equal(to, shape_vector(from.dim[0]));
    bool columns = from.rank == 2 && shape_equal(to, shape_matrix(1, from.dim[1]));
    if (to.rank != 0 && !rows && !columns) return "the result is a scalar, of (m,n) also (m) or (1,n)";
    return all_real(g, n);
}

static const char *rule_sum(const graph *g, const node *n, type *out) { return over_components(g, n, out); }

static const char *rule_maximum(const graph *g, const node *n, type *out) { return over_components(g, n, out); }

static const char *rule_softmax(const graph *g, const node *n, type *out)
{
    *out = arg_type(g, n, 0);
    return out->shape.rank == 1 ? all_real(g, n) : "the operand is no vector";
}

static const char *rule_logsumexp(const graph *g, const node *n, type *out)
{
    *out = type_real(SCALAR, arg_type(g, n, 0).axes);
    return arg_type(g, n, 0).shape.rank == 1 ? all_real(g, n) : "the operand is no vector";
}

static const char *rule_sum_over(const graph *g, const node *n, type *out)
{
    type a = arg_type(g, n, 0);
    axis_set over = n->attr.over.axes;
    if (!over || !are_axes(g, over)) return "no such axes";
    *out = type_real(a.shape, axes_after(a.axes, over));
    return all_real(g, n);
}

static const char *rule_max_over(const graph *g, const node *n, type *out)
{
    axis_set over = n->attr.over.axes;
    if (over <= BATCH || (over & (over - 1))) return "a maximum runs over one time axis";
    if (!(arg_type(g, n, 0).axes & over)) return "a maximum runs over an axis that its operand lacks";
    return rule_sum_over(g, n, out);
}

static const char *boundary_rule(const graph *g, const node *n, axis_set axes)
{
    if (n->args != 1 + n->attr.before + n->attr.after) return "operands and numbers of boundaries differ";
    for (int i = 1; i < n->args; i++) {
        if (!node_some(n->arg[i])) continue;
        type b = arg_type(g, n, i);
        if (b.element != n->type.element || !shape_equal(b.shape, n->type.shape))
            return "a boundary's shape or element differs from what is read";
        if (b.axes & axis_bit(n->attr.axis)) return "a boundary varies over the axis that it bounds";
        if (b.axes & ~axes) return "a boundary has an axis that the result lacks";
    }
    return NULL;
}

static const char *reading_rule(const graph *g, const node *n, axis_set axes, type *out)
{
    if (!is_time_axis(g, n->attr.axis)) return "no such time axis";
    if (!are_axes(g, axes)) return "no such axes";
    *out = (type){n->type.element, n->type.shape, axes};
    if (node_some(n->arg[0])) {
        type a = arg_type(g, n, 0);
        if (a.element != out->element || !shape_equal(a.shape, out->shape))
            return "what is read has another shape or element";
        if (a.axes & ~(axes | axis_bit(n->attr.axis))) return "what is read has an axis that the result lacks";
    }
    return boundary_rule(g, n, axes);
}

static const char *rule_shift(const graph *g, const node *n, type *out)
{
    return reading_rule(g, n, n->type.axes | axis_bit(n->attr.axis) | BATCH, out);
}

static const char *rule_at(const graph *g, const node *n, type *out)
{
    return reading_rule(g, n, (n->type.axes & ~axis_bit(n->attr.axis)) | BATCH, out);
}

static const char *rule_put(const graph *g, const node *n, type *out)
{
    *out = arg_type(g, n, 0);
    if (!is_time_axis(g, n->attr.axis)) return "no such time axis";
    if (out->axes & axis_bit(n->attr.axis)) return "the operand varies over the axis already";
    out->axes |= axis_bit(n->attr.axis) | BATCH;
    return all_real(g, n);
}

static const char *rule_concat(const graph *g, const node *n, type *out)
{
    if (n->args == 0) return "nothing to concatenate";
    int dim = n->attr.part.dim;
    *out = arg_type(g, n, 0);
    if (dim < 0 || dim >= out->shape.rank) return "no such dimension";
    for (int i = 1; i < n->args; i++) {
        type a = arg_type(g, n, i);
        if (a.shape.rank != out->shape.rank || a.shape.dim[1 - dim] != out->shape.dim[1 - dim])
            return "the parts differ in rank or in the other dimension";
        if (a.shape.dim[dim] > MAX_COMPONENTS - out->shape.dim[dim]) return "too many components";
        out->shape.dim[dim] += a.shape.dim[dim];
    }
    out->axes = axes_of_args(g, n);
    return all_real(g, n);
}

/* `inner` lies within `outer` along attr.part.dim, and they agree in the other dimension. */
static bool lies_within(const node *n, shape inner, shape outer)
{
    int dim = n->attr.part.dim, begin = n->attr.part.begin;
    return inner.rank == outer.rank && dim >= 0 && dim < outer.rank && inner.dim[1 - dim] == outer.dim[1 - dim] &&
           begin >= 0 && inner.dim[dim] >= 1 && begin <= outer.dim[dim] - inner.dim[dim];
}

static const char *rule_slice(const graph *g, const node *n, type *out)
{
    *out = type_real(n->type.shape, arg_type(g, n, 0).axes);
    return lies_within(n, n->type.shape, arg_type(g, n, 0).shape) ? all_real(g, n) : "the slice lies outside";
}

static const char *rule_pad(const graph *g, const node *n, type *out)
{
    *out = type_real(n->type.shape, arg_type(g, n, 0).axes);
    return lies_within(n, arg_type(g, n, 0).shape, n->type.shape) ? all_real(g, n) : "the operand lies outside";
}

static const char *rule_transpose(const graph *g, const node *n, type *out)
{
    type a = arg_type(g, n, 0);
    *out = type_real(shape_matrix(a.shape.dim[1], a.shape.dim[0]), a.axes);
    return a.shape.rank > 0 ? all_real(g, n) : "a scalar has no transpose";
}

static const char *rule_reshape(const graph *g, const node *n, type *out)
{
    type a = arg_type(g, n, 0);
    *out = type_real(n->type.shape, a.axes);
    return shape_size(a.shape) == shape_size(n->type.shape) ? all_real(g, n) : "the numbers of components differ";
}

static const char *rule_lookup(const graph *g, const node *n, type *out)
{
    type matrix = arg_type(g, n, 0), token = arg_type(g, n, 1);
    *out = type_real(shape_vector(matrix.shape.dim[1]), matrix.axes | token.axes);
    if (matrix.element != REAL || matrix.shape.rank != 2) return "the table is no matrix";
    return token.element == TOKEN && token.shape.rank == 0 ? NULL : "the row is no token";
}

static const char *rule_pick(const graph *g, const node *n, type *out)
{
    type vector = arg_type(g, n, 0), token = arg_type(g, n, 1);
    *out = type_real(SCALAR, vector.axes | token.axes);
    if (vector.element != REAL || vector.shape.rank != 1) return "the operand is no vector";
    return token.element == TOKEN && token.shape.rank == 0 ? NULL : "the component is no token";
}

static const char *rule_scatter(const graph *g, const node *n, type *out)
{
    type token = arg_type(g, n, 0), vector = arg_type(g, n, 1);
    axis_set over = n->attr.over.axes;
    if (!are_axes(g, over)) return "no such axes";
    if (token.element != TOKEN || token.shape.rank != 0) return "the row is no token";
    if (vector.element != REAL || vector.shape.rank != 1) return "what is scattered is no vector";
    *out = type_real(n->type.shape, axes_after(token.axes | vector.axes, over));
    bool fits = n->type.shape.rank == 2 && n->type.shape.dim[1] == vector.shape.dim[0];
    return fits ? NULL : "the result's shape is wrong";
}

static const char *apply_rule(const graph *g, const node *n, type *out)
{
    switch (n->op) {
    case OP_none:
    case OP_COUNT:
        return "no operation";
/* clang-format off */
#define POINTWISE(name, ...) case OP_##name: return rule_pointwise(g, n, out);
#define OTHER(name, ...) case OP_##name: return rule_##name(g, n, out);
/* clang-format on */
#include "graph/ops.def"
    }
    return "no operation";
}

const char *graph_rule(const graph *g, const node *n, type *out)
{
    *out = n->type;
    const char *why = apply_rule(g, n, out);
    if (why) return why;
    if ((out->axes & ~(axis_set)BATCH) && !(out->axes & BATCH))
        return "steps without the sequences that they belong to";
    shape s = out->shape;
    if (s.rank < 0 || s.rank > 2 || s.dim[0] < 1 || s.dim[1] < 1 || (s.rank < 2 && s.dim[1] != 1) ||
        (s.rank < 1 && s.dim[0] != 1))
        return "a shape that none has";
    if (s.dim[0] > MAX_COMPONENTS / s.dim[1]) return "too many components";
    return NULL;
}

bool graph_is_rows_product(const graph *g, node_id id, bool *weight_first)
{
    const node *n = graph_node(g, id);
    if (n->op != OP_matmul) return false;
    type a = graph_type(g, n->arg[0]), b = graph_type(g, n->arg[1]);
    *weight_first = a.axes == 0 && b.axes != 0;
    type w = *weight_first ? a : b, x = *weight_first ? b : a;
    return w.axes == 0 && x.axes != 0 && (x.shape.dim[0] == 1 || x.shape.dim[1] == 1) &&
           (size_t)shape_size(n->type.shape) * (size_t)shape_size(x.shape) == (size_t)shape_size(w.shape);
}
