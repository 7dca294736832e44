/* print.c: the graph as text, one node a line:
 *
 *     %7 = tanh %6 : (8) [b, t]  # h
 *
 * operands, then attributes in angle brackets, the type, and the node's label if it has one. Axes, parameters and
 * inputs come first, roots last. */
#include "graph/print.h"
#include "graph/graph.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *graph_number_text(arena *a, double value)
{
    if (value == floor(value) && fabs(value) < 1e15) return arena_printf(a, "%.0f", value);
    for (int digits = 1; digits < 17; digits++) {
        const char *s = arena_printf(a, "%.*g", digits, value);
        if (strtod(s, NULL) == value) return s;
    }
    return arena_printf(a, "%.17g", value);
}

const char *graph_place_text(arena *a, const graph *g, int axis, bool from_end, int k)
{
    const char *length = g->axis[axis].length;
    if (!from_end) return arena_printf(a, "%d", k);
    if (k == 0) return length;
    return arena_printf(a, k > 0 ? "%s-%d" : "%s+%d", length, abs(k));
}

static void print_axes(text *out, const graph *g, axis_set axes)
{
    const char *separator = "";
    text_put(out, "[");
    for (int i = 0; i <= g->axes; i++)
        if (axes & axis_bit(i)) {
            text_put(out, "%s%s", separator, g->axis[i].letter);
            separator = ", ";
        }
    text_put(out, "]");
}

static void print_type(text *out, const graph *g, type t)
{
    text_put(out, " : %s%s", t.element == TOKEN ? "token " : "", shape_text(out->arena, t.shape));
    if (t.axes) {
        text_put(out, " ");
        print_axes(out, g, t.axes);
    }
}

static void print_literal(text *out, const node *n)
{
    for (int i = 0; i < shape_size(n->type.shape); i++)
        text_put(out, "%s%s", i ? ", " : "", graph_number_text(out->arena, n->attr.literal[i]));
}

/* What stands in the angle brackets; false when the operation has no attributes. */
static bool print_attributes(text *out, const graph *g, const node *n)
{
    const node_attr *at = &n->attr;
    const char *letter = g->axis[at->axis].letter;
    if (n->op == OP_param)
        text_put(out, " <%s", g->params.data[at->index].path);
    else if (n->op == OP_input)
        text_put(out, " <%s", g->inputs.data[at->index].path);
    else if (n->op == OP_norm)
        text_put(out, " <%u", at->index);
    else if (n->op == OP_number)
        text_put(out, " <%s", graph_number_text(out->arena, at->number));
    else if (n->op == OP_uniform)
        text_put(out, " <\"%s\"", at->path);
    else if (n->op == OP_literal) {
        text_put(out, " <");
        print_literal(out, n);
    } else if (n->op == OP_step || n->op == OP_length)
        text_put(out, " <%s", letter);
    else if (n->op == OP_shift)
        text_put(out, " <%s%+d", letter, at->k);
    else if (n->op == OP_at || n->op == OP_put)
        text_put(out, " <%s = %s", letter, graph_place_text(out->arena, g, at->axis, at->from_end, at->k));
    else if (n->op == OP_count || n->op == OP_scatter || op_table[n->op].class == AXIS) {
        text_put(out, " <over ");
        print_axes(out, g, at->over.axes);
        text_put(out, "%s", at->over.carry ? ", carried" : "");
    } else if (n->op == OP_concat || n->op == OP_slice || n->op == OP_pad)
        text_put(out, n->op == OP_concat ? " <dim %d" : " <dim %d from %d", at->part.dim, at->part.begin);
    else if (n->op == OP_matmul && (at->matmul.ta || at->matmul.tb))
        text_put(out, " <%s @ %s", at->matmul.ta ? "a'" : "a", at->matmul.tb ? "b'" : "b");
    else
        return false;
    return true;
}

static void print_operands(text *out, const node *n)
{
    for (int i = 0; i < n->args; i++) {
        const char *before = !is_reading(n) || i == 0   ? i ? ", " : " "
                             : i == 1 && n->attr.before ? " before "
                             : i == 1 + n->attr.before  ? " after "
                                                        : ", ";
        if (node_some(n->arg[i]))
            text_put(out, "%s%%%u", before, n->arg[i].i);
        else
            text_put(out, "%s0", before);
    }
}

static void print_node(text *out, const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    text_put(out, "%%%u = %s", id.i, op_table[n->op].name);
    print_operands(out, n);
    if (print_attributes(out, g, n)) text_put(out, ">");
    print_type(out, g, n->type);
    const char *label = graph_label(g, out->arena, id);
    if (*label) text_put(out, "  # %s", label);
    text_end(out);
}

static void print_declarations(text *out, const graph *g)
{
    text_line(out, "graph %s", g->model ? g->model : "");
    for (int i = 1; i <= g->axes; i++) text_line(out, "axis %s to %s", g->axis[i].letter, g->axis[i].length);
    for (size_t i = 0; i < g->params.len; i++) {
        text_put(out, "param %s", g->params.data[i].path);
        print_type(out, g, type_real(g->params.data[i].shape, 0));
        text_end(out);
    }
    for (size_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        text_put(out, "%s %s", in->target ? "target" : "input", in->path);
        print_type(out, g, in->type);
        if (in->type.element == TOKEN) text_put(out, " of %d", in->classes);
        text_end(out);
    }
}

static void print_gradients(text *out, const graph *g)
{
    for (size_t i = 0; g->param_grad && i < g->params.len; i++)
        if (node_some(g->param_grad[i])) text_line(out, "grad %s = %%%u", g->params.data[i].path, g->param_grad[i].i);
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++)
        if (node_some(g->input_grad[i])) text_line(out, "grad %s = %%%u", g->inputs.data[i].path, g->input_grad[i].i);
}

void graph_print(text *out, const graph *g)
{
    print_declarations(out, g);
    for (uint32_t i = 1; i < g->nodes.len; i++) print_node(out, g, (node_id){i});
    if (node_some(g->loss)) text_line(out, "loss = %%%u", g->loss.i);
    for (size_t i = 0; i < g->outputs.len; i++)
        text_line(out, "output %s = %%%u", g->outputs.data[i].path, g->outputs.data[i].node.i);
    print_gradients(out, g);
}
