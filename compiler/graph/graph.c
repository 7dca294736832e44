/* graph.c: making nodes.
 *
 * Comes in: operands and attributes; goes out: a node whose type follows from them (rules.c) and whose origin is the
 * graph's current one. Operands that do not fit are a broken invariant of the caller. */
#include "graph/graph.h"
#include "graph/rules.h"
#include <string.h>

graph *graph_new(arena *a, names *n)
{
    graph *g = ARENA_NEW(a, graph);
    g->arena = a;
    g->names = n;
    g->axis[0] = (graph_axis){name_of(n, "b"), name_of(n, "B")};
    array_push(a, &g->nodes, (node){.op = OP_none, .type = {REAL, SCALAR, 0}});
    array_push(a, &g->variables, (graph_variable){.path = name_of(n, "")});
    return g;
}

size_t graph_param_offset(const graph *g, size_t index)
{
    size_t offset = 0;
    for (size_t i = 0; i < index; i++) offset += (size_t)shape_size(g->params.data[i].shape);
    return offset;
}

static void check_operands(const graph *g, const node *n)
{
    for (int i = 0; i < n->args; i++) {
        if (n->arg[i].i >= g->nodes.len) BUG("graph_%s: operand %d is no node", op_table[n->op].name, i);
        if (!node_some(n->arg[i]) && !is_reading(n)) BUG("graph_%s: operand %d is absent", op_table[n->op].name, i);
    }
}

/* Adds `n` with copies of its operands; n.type holds what they leave open. */
static node_id add(graph *g, node n, const node_id *arg, int args)
{
    n.args = args;
    n.arg = ARENA_ARRAY(g->arena, node_id, (size_t)args);
    if (args) memcpy(n.arg, arg, (size_t)args * sizeof *arg);
    check_operands(g, &n);
    type t;
    const char *why = graph_rule(g, &n, &t);
    if (why) BUG("graph_%s: %s", op_table[n.op].name, why);
    n.type = t;
    n.origin = g->current;
    if (g->nodes.len > UINT32_MAX) BUG("too many nodes");
    node_id id = {(uint32_t)g->nodes.len};
    array_push(g->arena, &g->nodes, n);
    return id;
}

static node_id add_source(graph *g, node n) { return add(g, n, NULL, 0); }

static node_id add_unary(graph *g, node n, node_id a) { return add(g, n, &a, 1); }

node_id graph_param_node(graph *g, uint32_t index)
{
    return add_source(g, (node){.op = OP_param, .attr.index = index});
}

node_id graph_input_node(graph *g, uint32_t index)
{
    return add_source(g, (node){.op = OP_input, .attr.index = index});
}

node_id graph_number(graph *g, double value) { return add_source(g, (node){.op = OP_number, .attr.number = value}); }

node_id graph_literal(graph *g, shape s, const double *values)
{
    double *copy = ARENA_ARRAY(g->arena, double, (size_t)shape_size(s));
    memcpy(copy, values, (size_t)shape_size(s) * sizeof *copy);
    return add_source(g, (node){.op = OP_literal, .type.shape = s, .attr.literal = copy});
}

node_id graph_iota(graph *g, int n) { return add_source(g, (node){.op = OP_iota, .type.shape = shape_vector(n)}); }

node_id graph_step(graph *g, int axis) { return add_source(g, (node){.op = OP_step, .attr.axis = axis}); }

node_id graph_length(graph *g, int axis) { return add_source(g, (node){.op = OP_length, .attr.axis = axis}); }

node_id graph_count(graph *g, axis_set axes) { return add_source(g, (node){.op = OP_count, .attr.over.axes = axes}); }

node_id graph_uniform(graph *g, name path, shape s, axis_set axes)
{
    return add_source(g, (node){.op = OP_uniform, .type = type_real(s, axes), .attr.path = path});
}

node_id graph_pointwise(graph *g, op o, node_id a, node_id b, node_id c)
{
    if (op_table[o].class != POINTWISE_OP) BUG("graph_pointwise: '%s' is not pointwise", op_table[o].name);
    if (o == OP_expand || o == OP_norm) BUG("graph_pointwise: '%s' has a constructor of its own", op_table[o].name);
    node_id arg[] = {a, b, c};
    for (int i = op_table[o].arity; i < 3; i++)
        if (node_some(arg[i])) BUG("graph_pointwise: too many operands for '%s'", op_table[o].name);
    return add(g, (node){.op = o}, arg, op_table[o].arity);
}

node_id graph_expand(graph *g, node_id a, type to) { return add_unary(g, (node){.op = OP_expand, .type = to}, a); }

node_id graph_norm(graph *g, node_id a, uint32_t loss)
{
    return add_unary(g, (node){.op = OP_norm, .attr.index = loss}, a);
}

node_id graph_matmul(graph *g, node_id a, bool ta, node_id b, bool tb)
{
    return add(g, (node){.op = OP_matmul, .attr.matmul = {ta, tb}}, (node_id[]){a, b}, 2);
}

node_id graph_sum(graph *g, node_id a, shape to) { return add_unary(g, (node){.op = OP_sum, .type.shape = to}, a); }

node_id graph_maximum(graph *g, node_id a, shape to)
{
    return add_unary(g, (node){.op = OP_maximum, .type.shape = to}, a);
}

node_id graph_softmax(graph *g, node_id a) { return add_unary(g, (node){.op = OP_softmax}, a); }

node_id graph_logsumexp(graph *g, node_id a) { return add_unary(g, (node){.op = OP_logsumexp}, a); }

node_id graph_sum_over(graph *g, node_id a, axis_set axes, bool carry)
{
    return add_unary(g, (node){.op = OP_sum_over, .attr.over = {axes, carry}}, a);
}

node_id graph_max_over(graph *g, node_id a, axis_set axes, bool carry)
{
    return add_unary(g, (node){.op = OP_max_over, .attr.over = {axes, carry}}, a);
}

/* The type of what is read is that of `a`, and its axes may also be promised by `of_a`. */
static node_id add_reading(graph *g, node n, node_id a, type of_a, boundary_values outside)
{
    if (outside.before < 0 || outside.after < 0) BUG("graph_%s: a negative number of boundaries", op_table[n.op].name);
    size_t count = (size_t)outside.before + (size_t)outside.after;
    node_id *arg = ARENA_ARRAY(g->arena, node_id, count + 1);
    arg[0] = a;
    if (count) memcpy(arg + 1, outside.value, count * sizeof *arg);
    n.attr.before = outside.before;
    n.attr.after = outside.after;
    n.attr.over.carry = true;
    n.type = of_a;
    if (node_some(a)) {
        n.type = graph_type(g, a);
        n.type.axes |= of_a.axes;
    }
    return add(g, n, arg, (int)count + 1);
}

node_id graph_shift(graph *g, node_id a, type of_a, int axis, int k, boundary_values outside)
{
    node n = {.op = OP_shift, .attr = {.axis = axis, .k = k}};
    return add_reading(g, n, a, of_a, outside);
}

node_id graph_at(graph *g, node_id a, type of_a, int axis, bool from_end, int k, boundary_values outside)
{
    node n = {.op = OP_at, .attr = {.axis = axis, .k = k, .from_end = from_end}};
    return add_reading(g, n, a, of_a, outside);
}

void graph_set_operand(graph *g, node_id reading, node_id a)
{
    node *n = graph_node(g, reading);
    if (!is_reading(n)) BUG("graph_set_operand: '%s' is no reading", op_table[n->op].name);
    n->arg[0] = a;
    check_operands(g, n);
    type t;
    const char *why = graph_rule(g, n, &t);
    if (why) BUG("graph_set_operand: %s", why);
}

node_id graph_put(graph *g, node_id a, int axis, bool from_end, int k)
{
    return add_unary(g, (node){.op = OP_put, .attr = {.axis = axis, .k = k, .from_end = from_end}}, a);
}

node_id graph_concat(graph *g, const node_id *parts, int count, int dim)
{
    return add(g, (node){.op = OP_concat, .attr.part.dim = dim}, parts, count);
}

/* The operand's shape with another length along `dim`. */
static shape shape_along(const graph *g, node_id a, int dim, int length)
{
    shape s = graph_type(g, a).shape;
    if (dim < 0 || dim >= s.rank) BUG("dimension %d of a value of rank %d", dim, s.rank);
    s.dim[dim] = length;
    return s;
}

node_id graph_slice(graph *g, node_id a, int dim, int begin, int length)
{
    shape s = shape_along(g, a, dim, length);
    return add_unary(g, (node){.op = OP_slice, .type.shape = s, .attr.part = {dim, begin}}, a);
}

node_id graph_pad(graph *g, node_id a, int dim, int begin, int length)
{
    shape s = shape_along(g, a, dim, length);
    return add_unary(g, (node){.op = OP_pad, .type.shape = s, .attr.part = {dim, begin}}, a);
}

node_id graph_transpose(graph *g, node_id a) { return add_unary(g, (node){.op = OP_transpose}, a); }

/* A scalar in another shape is no view, but elementwise: many, like numbers, have no memory to be seen differently. */
node_id graph_reshape(graph *g, node_id a, shape to)
{
    type of = graph_type(g, a);
    if (of.shape.rank == 0) return graph_expand(g, a, (type){of.element, to, of.axes});
    return add_unary(g, (node){.op = OP_reshape, .type.shape = to}, a);
}

node_id graph_lookup(graph *g, node_id matrix, node_id token)
{
    return add(g, (node){.op = OP_lookup}, (node_id[]){matrix, token}, 2);
}

node_id graph_pick(graph *g, node_id vector, node_id token)
{
    return add(g, (node){.op = OP_pick}, (node_id[]){vector, token}, 2);
}

node_id graph_scatter(graph *g, node_id token, node_id vector, int rows, axis_set over)
{
    shape s = shape_matrix(rows, graph_type(g, vector).shape.dim[0]);
    return add(g, (node){.op = OP_scatter, .type.shape = s, .attr.over.axes = over}, (node_id[]){token, vector}, 2);
}

node_list graph_roots(const graph *g, arena *a)
{
    node_list roots = {0};
    if (node_some(g->loss)) array_push(a, &roots, g->loss);
    for (size_t i = 0; i < g->outputs.len; i++)
        if (node_some(g->outputs.data[i].node)) array_push(a, &roots, g->outputs.data[i].node);
    for (size_t i = 0; g->param_grad && i < g->params.len; i++)
        if (node_some(g->param_grad[i])) array_push(a, &roots, g->param_grad[i]);
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++)
        if (node_some(g->input_grad[i])) array_push(a, &roots, g->input_grad[i]);
    for (size_t i = 0; i < g->extra_roots.len; i++) array_push(a, &roots, g->extra_roots.data[i]);
    return roots;
}
