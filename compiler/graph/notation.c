/* notation.c: a node's equation in the notation of the language.
 *
 * Comes in: a node; goes out: "d_a[t] = d_h[t] * (1 - square(h[t]))". The right side is written down to named nodes
 * (name.c), with no more parentheses than the precedences of ops.def ask for. The batch is never written. Values that
 * only stretch, and the denominators of losses, are written as what they are made from.
 *
 * Note [strength]. An expression has a strength: 0 for `if` and `sum over`, which reach as far right as they can, the
 * precedence of its operation for infix and prefix, above all those for calls and names. It stands in parentheses where
 * its place asks for more. */
#include "graph/graph.h"
#include "graph/print.h"

enum {
    LOWEST = 0,
    POSTFIX = 8, /* ', ( ) and [ ] after an operand */
    ATOM = 9,
    MAX_NESTING = 200, /* an expression nested deeper, or with more terms, is cut short by `...`: */
    MAX_TERMS = 2000,  /* it is there to be read */
};

typedef struct writer {
    text *out;
    const graph *g;
    int nesting, terms;
} writer;

static void write_node(writer *w, node_id id, int strength);

/* "[t, s]" with the place `here` instead of the letter of `axis` (0: nowhere); a value without time axes has none. */
static void write_index(writer *w, axis_set axes, int axis, const char *here)
{
    const char *separator = "[";
    for (int i = 1; i <= w->g->axes; i++)
        if ((axes & axis_bit(i)) || i == axis) {
            text_put(w->out, "%s%s", separator, i == axis ? here : w->g->axis[i].letter);
            separator = ", ";
        }
    if (separator[0] == ',') text_put(w->out, "]");
}

static void write_call(writer *w, const char *function, const node *n)
{
    text_put(w->out, "%s(", function);
    for (int i = 0; i < n->args; i++) {
        text_put(w->out, "%s", i ? ", " : "");
        write_node(w, n->arg[i], LOWEST);
    }
    text_put(w->out, ")");
}

static void write_infix(writer *w, const char *sign, int precedence, node_id a, node_id b)
{
    bool to_right = precedence == PRECEDENCE_POWER, chains = precedence != PRECEDENCE_COMPARISON;
    write_node(w, a, to_right || !chains ? precedence + 1 : precedence);
    text_put(w->out, " %s ", sign);
    write_node(w, b, to_right ? precedence - 1 : precedence + 1);
}

static void write_select(writer *w, const node *n)
{
    text_put(w->out, "if ");
    write_node(w, n->arg[0], LOWEST + 1);
    text_put(w->out, " then ");
    write_node(w, n->arg[1], LOWEST + 1);
    text_put(w->out, " else ");
    write_node(w, n->arg[2], LOWEST);
}

static void write_pointwise(writer *w, const node *n)
{
    const op_info *o = &op_table[n->op];
    if (n->op == OP_copy || n->op == OP_expand || n->op == OP_norm)
        write_node(w, n->arg[0], LOWEST);
    else if (n->op == OP_select)
        write_select(w, n);
    else if (o->precedence == 0)
        write_call(w, o->notation, n);
    else if (n->args == 2)
        write_infix(w, o->notation, o->precedence, n->arg[0], n->arg[1]);
    else if (*o->notation == '^') {
        write_node(w, n->arg[0], POSTFIX);
        text_put(w->out, "%s", o->notation);
    } else {
        text_put(w->out, "%s", o->notation);
        write_node(w, n->arg[0], o->precedence + 1);
    }
}

static void write_matmul(writer *w, const node *n)
{
    write_node(w, n->arg[0], n->attr.matmul.ta ? POSTFIX : PRECEDENCE_PRODUCT);
    text_put(w->out, n->attr.matmul.ta ? "' @ " : " @ ");
    write_node(w, n->arg[1], n->attr.matmul.tb ? POSTFIX : PRECEDENCE_PRODUCT + 1);
    text_put(w->out, n->attr.matmul.tb ? "'" : "");
}

static void write_over_components(writer *w, const node *n)
{
    text_put(w->out, "%s(", op_table[n->op].notation);
    write_node(w, n->arg[0], LOWEST);
    text_put(w->out, n->type.shape.rank == 0 ? ")" : n->type.shape.rank == 1 ? ", rows)" : ", columns)");
}

/* "t, s": the batch is never written. */
static void write_letters(writer *w, axis_set axes)
{
    const char *separator = "";
    for (int i = 1; i <= w->g->axes; i++)
        if (axes & axis_bit(i)) {
            text_put(w->out, "%s%s", separator, w->g->axis[i].letter);
            separator = ", ";
        }
}

/* "sum over t of "; for the batch alone "sum over the batch of ". */
static void write_over(writer *w, const char *what, axis_set axes)
{
    text_put(w->out, "%s over ", what);
    if (axes == BATCH) text_put(w->out, "the batch");
    write_letters(w, axes);
    text_put(w->out, " of ");
}

static void write_scatter(writer *w, const node *n)
{
    if (n->attr.over.axes) write_over(w, "sum", n->attr.over.axes);
    write_call(w, "scatter", n);
}

/* A reading: "h[t-1]", "h[T]". What is read has a name, or is put in parentheses. */
static void write_reading(writer *w, const node *n)
{
    const node_attr *at = &n->attr;
    const char *here = graph_place_text(w->out->arena, w->g, at->axis, at->from_end, at->k);
    if (n->op == OP_shift && at->k)
        here = arena_printf(w->out->arena, "%s%+d", w->g->axis[at->axis].letter, at->k);
    else if (n->op == OP_shift)
        here = w->g->axis[at->axis].letter;
    const char *label = graph_label(w->g, w->out->arena, n->arg[0]);
    if (*label) {
        text_put(w->out, "%s", label);
        write_index(w, graph_type(w->g, n->arg[0]).axes, at->axis, here);
    } else {
        write_node(w, n->arg[0], POSTFIX);
        text_put(w->out, "[%s]", here);
    }
}

static void write_put(writer *w, const node *n)
{
    const node_attr *at = &n->attr;
    text_put(w->out, "if %s == %s then ", w->g->axis[at->axis].letter,
             graph_place_text(w->out->arena, w->g, at->axis, at->from_end, at->k));
    write_node(w, n->arg[0], LOWEST + 1);
    text_put(w->out, " else 0");
}

static void write_slice(writer *w, const node *n)
{
    int dim = n->attr.part.dim, begin = n->attr.part.begin, end = begin + n->type.shape.dim[dim];
    write_node(w, n->arg[0], POSTFIX);
    text_put(w->out, dim == 1 ? "(:, %d:%d)" : n->type.shape.rank == 2 ? "(%d:%d, :)" : "(%d:%d)", begin, end);
}

/* "pad(v, 4:8 of 8)": zeros but for these components. */
static void write_pad(writer *w, const node *n)
{
    int dim = n->attr.part.dim, begin = n->attr.part.begin;
    int end = begin + graph_type(w->g, n->arg[0]).shape.dim[dim];
    text_put(w->out, "pad(");
    write_node(w, n->arg[0], LOWEST);
    if (n->type.shape.rank < 2)
        text_put(w->out, ", %d:%d of %d)", begin, end, n->type.shape.dim[0]);
    else
        text_put(w->out, dim == 1 ? ", (:, %d:%d) of %s)" : ", (%d:%d, :) of %s)", begin, end,
                 shape_text(w->out->arena, n->type.shape));
}

static void write_shaped(writer *w, const node *n)
{
    text_put(w->out, "reshape(");
    write_node(w, n->arg[0], LOWEST);
    text_put(w->out, ", %s)", shape_text(w->out->arena, n->type.shape));
}

static void write_vector(writer *w, int count, const double *values)
{
    enum { SHOWN = 16 };
    for (int i = 0; i < count && i < SHOWN; i++)
        text_put(w->out, "%s%s", i ? ", " : "vector(", graph_number_text(w->out->arena, values[i]));
    text_put(w->out, count > SHOWN ? ", ...)" : ")");
}

/* A long one: how it begins. */
static void write_literal(writer *w, const node *n)
{
    enum { SHOWN = 8 };
    shape s = n->type.shape;
    if (s.rank < 2) {
        write_vector(w, s.dim[0], n->attr.literal);
        return;
    }
    for (int i = 0; i < s.dim[0] && i < SHOWN; i++) {
        text_put(w->out, i ? ", " : "rows(");
        write_vector(w, s.dim[1], n->attr.literal + (size_t)i * (size_t)s.dim[1]);
    }
    text_put(w->out, s.dim[0] > SHOWN ? ", ...)" : ")");
}

static void write_count(writer *w, const node *n)
{
    if (n->attr.over.axes == BATCH) {
        text_put(w->out, "count(sequences)");
        return;
    }
    text_put(w->out, "count(");
    write_letters(w, n->attr.over.axes);
    text_put(w->out, ")");
}

static int strength_of(const writer *w, node_id id)
{
    const node *n = graph_node(w->g, id);
    while (n->op == OP_copy || n->op == OP_expand || n->op == OP_norm) {
        if (*graph_label(w->g, w->out->arena, n->arg[0])) return ATOM;
        n = graph_node(w->g, n->arg[0]);
    }
    if (n->op == OP_select || n->op == OP_put || n->op == OP_sum_over || n->op == OP_max_over ||
        (n->op == OP_scatter && n->attr.over.axes))
        return LOWEST;
    if (n->op == OP_number) return n->attr.number < 0 ? op_table[OP_neg].precedence : ATOM;
    if (n->op == OP_matmul) return PRECEDENCE_PRODUCT; /* like `*` */
    if (n->op == OP_transpose || n->op == OP_slice) return POSTFIX;
    return op_table[n->op].precedence ? op_table[n->op].precedence : ATOM;
}

/* What has no operands: what comes in, and numbers. */
static void write_source(writer *w, const node *n)
{
    const graph *g = w->g;
    if (n->op == OP_param)
        text_put(w->out, "%s", g->params.data[n->attr.index].path);
    else if (n->op == OP_number)
        text_put(w->out, "%s", graph_number_text(w->out->arena, n->attr.number));
    else if (n->op == OP_literal)
        write_literal(w, n);
    else if (n->op == OP_iota)
        text_put(w->out, "iota(%d)", n->type.shape.dim[0]);
    else if (n->op == OP_step || n->op == OP_length)
        text_put(w->out, "%s", n->op == OP_step ? g->axis[n->attr.axis].letter : g->axis[n->attr.axis].length);
    else {
        text_put(w->out, "%s", n->op == OP_input ? g->inputs.data[n->attr.index].path : "uniform");
        write_index(w, n->type.axes, 0, "");
    }
}

static void write_operation(writer *w, const node *n)
{
    switch (n->op) {
    case OP_none:
    case OP_COUNT: break;
    case OP_param:
    case OP_input:
    case OP_number:
    case OP_literal:
    case OP_iota:
    case OP_step:
    case OP_length:
    case OP_uniform: write_source(w, n); break;
    case OP_count: write_count(w, n); break;
#define POINTWISE(name, ...) case OP_##name:
#include "graph/ops.def"
        write_pointwise(w, n);
        break;
    case OP_matmul: write_matmul(w, n); break;
    case OP_sum:
    case OP_maximum: write_over_components(w, n); break;
    case OP_sum_over:
    case OP_max_over:
        write_over(w, op_table[n->op].notation, n->attr.over.axes);
        write_node(w, n->arg[0], LOWEST);
        break;
    case OP_shift:
    case OP_at: write_reading(w, n); break;
    case OP_put: write_put(w, n); break;
    case OP_slice: write_slice(w, n); break;
    case OP_pad: write_pad(w, n); break;
    case OP_transpose:
        write_node(w, n->arg[0], POSTFIX);
        text_put(w->out, "'");
        break;
    case OP_reshape: write_shaped(w, n); break;
    case OP_scatter: write_scatter(w, n); break;
    case OP_softmax:
    case OP_logsumexp:
    case OP_concat:
    case OP_lookup:
    case OP_pick: write_call(w, op_table[n->op].notation, n); break;
    }
}

static void write_node(writer *w, node_id id, int strength)
{
    if (!node_some(id)) {
        text_put(w->out, "0");
        return;
    }
    const char *label = graph_label(w->g, w->out->arena, id);
    if (*label) {
        text_put(w->out, "%s", label);
        write_index(w, graph_type(w->g, id).axes, 0, "");
        return;
    }
    if (w->nesting >= MAX_NESTING || w->terms >= MAX_TERMS) {
        text_put(w->out, "...");
        return;
    }
    w->nesting++;
    w->terms++;
    bool parentheses = strength_of(w, id) < strength;
    text_put(w->out, "%s", parentheses ? "(" : "");
    write_operation(w, graph_node(w->g, id));
    text_put(w->out, "%s", parentheses ? ")" : "");
    w->nesting--;
}

const char *graph_equation(const graph *g, arena *a, node_id id)
{
    writer w = {.out = text_new(a), .g = g};
    const node *n = graph_node(g, id);
    const char *label = graph_label(g, a, id);
    if (*label) {
        text_put(w.out, "%s", label);
        write_index(&w, n->type.axes, 0, "");
        text_put(w.out, " = ");
    }
    write_operation(&w, n);
    return text_string(w.out);
}
