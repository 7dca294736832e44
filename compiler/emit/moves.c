/* moves.c: statements that are neither elementwise nor products: reductions of rows, gathers and scatters, copies. */
#include "emit/writer.h"

#include <string.h>

/* ---- over components --------------------------------------------------------------------------------------------- */

static const char *row_function(op o)
{
    if (o == OP_sum) return "row_sum";
    if (o == OP_maximum) return "row_max";
    if (o == OP_logsumexp) return "row_logsumexp";
    BUG("%s is no function of a row", op_table[o].name);
}

/* Sums and maxima that keep one dimension, or whose components do not stand side by side. */
static void write_by_component(writer *w, const stmt *s, shape from)
{
    bool sum = s->rows.op == OP_sum;
    const char *none = sum ? "0" : "real_minus_infinity()";
    int over_unit = s->shape.rank == 1 && from.dim[0] > 1 ? s->to.si : 0; /* (m,n) -> (m) */
    int over_col = s->shape.rank == 2 && from.dim[1] > 1 ? s->to.sj : 0;  /* (m,n) -> (1,n) */
    if (over_unit || over_col)
        text_line(w->out, "for (size_t unit = 0; unit < %d; unit++) to[%s] = %s;", shape_size(s->shape),
                  c_times(w, "unit", over_unit + over_col), none);
    else
        text_line(w->out, "to[0] = %s;", none);
    open_components(w, from);
    const char *to = arena_printf(w->arena, "to[%s]", c_times_plus(w, "unit", over_unit, "col", over_col));
    const char *here = arena_printf(w->arena, "from%s", c_component(w, s->from.data[0], from, from));
    if (sum)
        text_line(w->out, "%s += %s;", to, here);
    else
        text_line(w->out, "%s = real_max(%s, %s);", to, to, here);
    close_components(w, from);
}

void write_rows(writer *w, const stmt *s)
{
    shape from = graph_type(w->g, graph_node(w->g, s->nodes.data[0])->arg[0]).shape;
    for (size_t i = 0; i < s->nodes.len; i++) write_equation(w, s->nodes.data[i]);
    scope rows = open_scope(w, s->axes);
    text_line(w->out, "const real *from = %s;", c_address(w, s->from.data[0]));
    text_line(w->out, "real *to = %s;", c_address(w, s->to));
    bool simple = is_side_by_side(s->from.data[0], from) && shape_size(s->shape) == 1;
    if (s->stores.len)
        text_line(w->out, "%s = %s(%d, from, to);", c_element(w, s->stores.data[0].to, SCALAR, SCALAR),
                  c_use(w, "row_softmax_logsumexp"), shape_size(from));
    else if (s->rows.op == OP_softmax)
        text_line(w->out, "%s(%d, from, to);", c_use(w, "row_softmax"), shape_size(from));
    else if (simple)
        text_line(w->out, "to[0] = %s(%d, from);", c_use(w, row_function(s->rows.op)), shape_size(from));
    else
        write_by_component(w, s, from);
    close_scope(w, rows);
}

/* ---- over axes --------------------------------------------------------------------------------------------------- */

void write_over(writer *w, const stmt *s)
{
    const node *n = graph_node(w->g, s->nodes.data[0]);
    axis_set over = n->attr.over.axes;
    write_equation(w, s->nodes.data[0]);
    scope rows = open_scope(w, n->type.axes);
    open_components(w, s->shape);
    const char *to = c_element(w, s->to, s->shape, s->shape);
    text_line(w->out, "int any = 0;");
    text_line(w->out, "real most = 0;");
    const char *slot =
        s->over.state ? arena_printf(w->arena, "%s%s", c_state(w, s->over.state, "0"), c_state_component(w, s->shape))
                      : NULL;
    if (w->segment) text_line(w->out, "if (%s > 0) { any = 1; most = %s; }", c_segment_first(w), to);
    if (slot) text_line(w->out, "%sif (%s) { any = 1; most = %s; }", w->segment ? "else " : "", c_time(w), slot);
    axis_set outer = w->loops;
    open_rows(w, over);
    const char *valid = NULL;
    for (int a = 1; a <= w->g->axes; a++) {
        if (!(over & axis_bit(a))) continue;
        valid = valid ? arena_printf(w->arena, "%s && %s", valid, c_within(w, a)) : c_within(w, a);
    }
    if (valid) text_open(w->out, "if (%s)", valid);
    text_line(w->out, "const real here = %s;", c_element(w, s->from.data[0], s->shape, s->shape));
    text_line(w->out, "most = any ? real_max(most, here) : here;");
    text_line(w->out, "any = 1;");
    if (valid) text_close(w->out, NULL);
    close_rows(w, outer);
    text_line(w->out, "%s = most;", to);
    if (slot) text_line(w->out, "if (args->state) %s = most;", slot);
    close_components(w, s->shape);
    close_scope(w, rows);
}

void write_count(writer *w, const stmt *s)
{
    axis_set over = graph_node(w->g, s->nodes.data[0])->attr.over.axes, before = w->loops;
    text_block(w->out);
    text_line(w->out, "size_t valid = 0;");
    axis_set seq = over & BATCH;
    open_rows(w, seq);
    const char *product = NULL;
    for (int a = 1; a <= w->g->axes; a++) {
        if (over & axis_bit(a))
            product = product ? arena_printf(w->arena, "%s * %s", product, c_length(w, a)) : c_length(w, a);
    }
    if (!product) product = w->g->axes ? arena_printf(w->arena, "%s > 0", c_length(w, 1)) : "1";
    text_line(w->out, "valid += %s;", product);
    close_rows(w, before);
    text_line(w->out, "%s = (real)valid;", c_element(w, s->to, SCALAR, SCALAR));
    text_close(w->out, NULL);
}

/* Zeros in the row at `to`. */
void write_zeros(writer *w, view to, shape s)
{
    if (shape_size(s) > 1 && is_side_by_side(to, s)) {
        text_line(w->out, "memset(%s, 0, %d * sizeof(real));", c_address(w, to), shape_size(s));
        return;
    }
    open_components(w, s);
    text_line(w->out, "%s = 0;", c_element(w, to, s, s));
    close_components(w, s);
}

void write_clear(writer *w, const stmt *s)
{
    axis_set before = w->loops;
    open_rows(w, s->axes);
    if (s->clear.state) {
        open_components(w, s->shape);
        text_line(w->out, "%s = %s ? %s%s : 0;", c_element(w, s->to, s->shape, s->shape), c_time(w),
                  c_state(w, s->clear.state, "0"), c_state_component(w, s->shape));
        close_components(w, s->shape);
    } else {
        write_zeros(w, s->to, s->shape);
    }
    close_rows(w, before);
}

/* ---- gather and scatter ------------------------------------------------------------------------------------------ */

static void write_token(writer *w, view token)
{
    text_line(w->out, "const real token = %s;", c_element(w, token, SCALAR, SCALAR));
}

/* A row of integers; false: the table is of reals. */
static bool write_scaled_row(writer *w, const stmt *s)
{
    const node *n = graph_node(w->g, s->nodes.data[0]);
    const char *table = s->to.si == 1 || shape_size(s->shape) == 1 ? c_lookup_table(w, n) : NULL;
    if (!table) return false;
    text_line(w->out, "%s(%d, %s, %s, %d, %s);", c_use(w, "scaled_row"), shape_size(s->shape), table,
              c_element(w, s->from.data[1], SCALAR, SCALAR), graph_type(w->g, n->arg[0]).shape.dim[0],
              c_address(w, s->to));
    return true;
}

void write_gather(writer *w, const stmt *s)
{
    write_equation(w, s->nodes.data[0]);
    scope rows = open_scope(w, s->axes);
    if (s->gather.op == OP_at) {
        write_at(w, s);
        close_scope(w, rows);
        return;
    }
    if (write_scaled_row(w, s)) {
        close_scope(w, rows);
        return;
    }
    view from = s->from.data[0];
    text_line(w->out, "const real *from = %s;", c_address(w, from));
    text_line(w->out, "real *to = %s;", c_address(w, s->to));
    write_token(w, s->from.data[1]);
    /* in the padding it may be anything */
    const char *known = arena_printf(w->arena, "token >= 0 && token < %d",
                                     graph_type(w->g, graph_node(w->g, s->nodes.data[0])->arg[0]).shape.dim[0]);
    if (s->gather.op == OP_pick)
        text_line(w->out, "to[0] = %s ? from[(size_t)token%s] : 0;", known,
                  from.si > 1 ? arena_printf(w->arena, " * %d", from.si) : "");
    else
        text_line(w->out, "for (size_t unit = 0; unit < %d; unit++) to[unit] = %s ? from[(size_t)token * %d + %s] : 0;",
                  shape_size(s->shape), known, from.si, c_times(w, "unit", from.sj));
    close_scope(w, rows);
}

/* "t < length && s < length": is the row in scope one of its sequence? NULL when always. */
static const char *valid_row(const writer *w, axis_set axes)
{
    const char *test = NULL;
    if (is_never_absent(w)) return NULL;
    for (int a = 1; a <= w->g->axes; a++) {
        if (!(axes & axis_bit(a))) continue;
        test = test ? arena_printf(w->arena, "%s && %s", test, c_within(w, a)) : c_within(w, a);
    }
    if (!test && (axes & BATCH) && w->g->axes) test = arena_printf(w->arena, "%s > 0", c_length(w, 1));
    return test;
}

static void write_valid(writer *w, const char *row)
{
    text_line(w->out, strstr(row, "&&") ? "const int valid = !%s || (%s);" : "const int valid = !%s || %s;",
              c_use(w, "ragged"), row);
}

void write_scatter(writer *w, const stmt *s)
{
    axis_set before = w->loops;
    const node *n = graph_node(w->g, s->nodes.data[0]);
    shape v = graph_type(w->g, n->arg[1]).shape;
    write_equation(w, s->nodes.data[0]);
    if (!s->scatter.add) {
        open_rows(w, n->type.axes);
        text_line(w->out, "for (size_t unit = 0; unit < %d; unit++) %s = 0;", shape_size(s->shape),
                  c_indexed(w, c_address(w, s->to), "unit"));
        close_rows(w, before);
    }
    scope rows = open_scope(w, s->axes);
    if (!is_never_absent(w)) skip_padding(w, s->axes);
    write_token(w, s->from.data[0]);
    text_line(w->out, "if (token < 0) continue;");
    text_line(w->out, "const real *from = %s;", c_address(w, s->from.data[1]));
    text_line(w->out, "real *to = %s + (size_t)token * %d;", c_address(w, s->to), s->to.si);
    text_line(w->out, "for (size_t unit = 0; unit < %d; unit++) to[%s] += from[%s];", shape_size(v),
              c_times(w, "unit", s->to.sj), c_times(w, "unit", s->from.data[1].si));
    close_scope(w, rows);
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

static void write_input_copy(writer *w, const stmt *s)
{
    const node *n = graph_node(w->g, s->nodes.data[0]);
    const buffer callers = {.storage = STORE_INPUT,
                            .axes = n->type.axes,
                            .columns = (size_t)shape_size(n->type.shape),
                            .input = n->attr.index};
    scope rows = open_scope(w, s->axes);
    const char *valid = valid_row(w, s->axes);
    if (valid) write_valid(w, valid);
    open_components(w, s->shape);
    const char *to = c_element(w, s->to, s->shape, s->shape);
    const char *from = c_indexed(w, c_row_address(w, &callers), c_side_by_side(w, s->shape));
    text_line(w->out, valid ? "%s = valid ? (real)%s : %s;" : "%s = (real)%s;", to, from, c_nothing(w, s));
    close_components(w, s->shape);
    close_scope(w, rows);
}

/* Where `valid` chooses, what is chosen is read before, as in pointwise.c. */
static void write_components_out(writer *w, const stmt *s, bool chosen)
{
    open_components(w, s->shape);
    const char *unit = c_side_by_side(w, s->shape), *from = c_element(w, s->from.data[0], s->shape, s->shape);
    if (chosen) text_line(w->out, "const real value = %s;", from);
    text_line(w->out, "to[%s] = %s;", unit, chosen ? "valid ? value : 0" : from);
    close_components(w, s->shape);
}

static void write_copy_out(writer *w, const stmt *s)
{
    axis_set before = w->loops;
    int size = shape_size(s->shape);
    const char *out = s->copy.target == COPY_TO_OUTPUT ? c_output_field(w->arena, w->g, (uint32_t)s->copy.index)
                                                       : c_gradient_field(w->arena, w->g, (uint32_t)s->copy.index);
    text_open(w->out, "if (%s->%s)", c_use(w, "args"), out);
    open_rows(w, s->axes);
    const char *index = NULL;
    for (int a = 1; a <= w->g->axes; a++) {
        if (s->axes & axis_bit(a)) index = index ? c_multiply_add(w, index, c_steps(w, a), c_step(w, a)) : c_step(w, a);
    }
    if (s->axes & BATCH) index = c_in_batch(w, index, w->sharded, "seq");
    const char *valid = valid_row(w, s->axes);
    if (valid) write_valid(w, valid);
    if (index && strcmp(index, "0") != 0)
        text_line(w->out, "real *to = args->%s + %s;", out, c_times(w, index, size));
    else
        text_line(w->out, "real *to = args->%s;", out);
    if (is_side_by_side(s->from.data[0], s->shape) && (!valid || size > 1)) {
        text_line(w->out, "%smemcpy(to, %s, %d * sizeof(real));", valid ? "if (valid) " : "",
                  c_address(w, s->from.data[0]), size);
        if (valid) text_line(w->out, "else memset(to, 0, %d * sizeof(real));", size);
    } else {
        write_components_out(w, s, valid != NULL);
    }
    close_rows(w, before);
    text_close(w->out, NULL);
}

static void copy_components(writer *w, shape part, view from, view to)
{
    text_block(w->out);
    text_line(w->out, "const real *from = %s;", c_address(w, from));
    text_line(w->out, "real *to = %s;", c_address(w, to));
    open_components(w, part);
    text_line(w->out, "to%s = from%s;", c_component(w, to, part, part), c_component(w, from, part, part));
    close_components(w, part);
    text_close(w->out, NULL);
}

/* Is each part of a concat there already? */
static bool is_complete(const stmt *s)
{
    bool complete = true;
    for (size_t i = 0; i < s->from.len; i++) complete = complete && !s->from.data[i].buffer;
    return complete;
}

/* concat, pad, and views that cannot be seen as a view. */
static void write_layout(writer *w, const stmt *s)
{
    const node *n = graph_node(w->g, s->nodes.data[0]);
    write_equation(w, s->nodes.data[0]);
    if (is_complete(s)) return;
    scope rows = open_scope(w, s->axes);
    int dim = n->attr.part.dim, begin = n->op == OP_pad ? n->attr.part.begin : 0;
    if (n->op == OP_pad) {
        open_components(w, s->shape);
        text_line(w->out, "%s = 0;", c_element(w, s->to, s->shape, s->shape));
        close_components(w, s->shape);
    }
    for (int i = 0; i < n->args; i++) {
        shape part = graph_type(w->g, n->arg[i]).shape;
        view to = s->to, from = s->from.data[i];
        if (n->op == OP_reshape) {
            to.si = part.dim[1];
            to.sj = 1;
        }
        to.column += begin * (dim == 0 ? to.si : to.sj);
        begin += part.dim[dim];
        if (from.buffer) copy_components(w, part, from, to);
    }
    close_scope(w, rows);
}

void write_copy(writer *w, const stmt *s)
{
    text *around;
    bool apart, out = s->copy.target != COPY_TO_VIEW;
    if (!out && s->copy.op != OP_input) {
        write_layout(w, s);
        return;
    }
    const char *member =
        s->copy.target == COPY_TO_OUTPUT ? c_output_field(w->arena, w->g, (uint32_t)s->copy.index)
        : out                            ? c_gradient_field(w->arena, w->g, (uint32_t)s->copy.index)
              : c_field(w->arena, w->g, w->g->inputs.data[graph_node(w->g, s->nodes.data[0])->attr.index].path);
    apart = helper_open(w, &around);
    if (out)
        write_copy_out(w, s);
    else
        write_input_copy(w, s);
    if (apart)
        helper_close(w, around, s,
                     arena_printf(w->arena,
                                  out ? "%s for the caller; 0 beyond the end of a sequence."
                                      : "The input %s as the loops read it; nothing beyond the end of a sequence.",
                                  member),
                     arena_printf(w->arena, out ? "write_%s" : "read_%s", member));
}
