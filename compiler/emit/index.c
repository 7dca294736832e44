/* index.c: where a value lies: loops over rows and components, and addresses within them. */
#include "emit/weights.h"

#include <stdlib.h>
#include <string.h>

/* ---- sums and products of what stands in the text ---------------------------------------------------------------- */

static bool is_number(const char *code, long *number)
{
    char *end;
    *number = strtol(code, &end, 10);
    return *code && !*end;
}

const char *c_offset(const writer *w, const char *a, long offset)
{
    long number;
    if (is_number(a, &number)) return arena_printf(w->arena, "%ld", number + offset);
    return offset ? arena_printf(w->arena, offset > 0 ? "%s + %ld" : "%s - %ld", a, labs(offset)) : a;
}

const char *c_add(const writer *w, const char *a, const char *b)
{
    long number;
    if (is_number(a, &number)) return c_offset(w, b, number);
    return is_number(b, &number) ? c_offset(w, a, number) : arena_printf(w->arena, "%s + %s", a, b);
}

const char *c_multiply_add(const writer *w, const char *a, const char *b, const char *c)
{
    long x, y;
    const char *product = arena_printf(w->arena, "%s * %s", a, b);
    if (is_number(a, &x) && is_number(b, &y))
        product = arena_printf(w->arena, "%ld", x * y);
    else if (is_number(a, &x) && (x == 0 || x == 1))
        product = x ? b : "0";
    if (strcmp(c, "0") == 0) return product;
    const char *sum = c_add(w, product, c);
    return strchr(sum, ' ') && *product != '0' ? arena_printf(w->arena, "(%s)", sum) : sum;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

bool has_one_step(const writer *w, int axis)
{
    return w->p->entry == ENTRY_STEP || (w->options->steps[axis] == 1 && !w->segment);
}

const char *c_step(const writer *w, int axis)
{
    if (w->step[axis]) return w->step[axis];
    return has_one_step(w, axis) ? "0" : w->g->axis[axis].letter;
}

const char *set_step(writer *w, int axis, const char *value)
{
    const char *before = w->step[axis];
    long number;
    w->step[axis] = is_number(value, &number) ? value : w->g->axis[axis].letter;
    if (w->step[axis] != value) text_line(w->out, "const size_t %s = %s;", w->step[axis], value);
    return before;
}

void reset_step(writer *w, int axis, const char *before) { w->step[axis] = before; }

const char *c_steps(const writer *w, int axis)
{
    if (has_one_step(w, axis)) return "1";
    if (w->options->steps[axis] && !w->segment) return arena_printf(w->arena, "%d", w->options->steps[axis]);
    return c_use(w, w->g->axis[axis].length);
}

const char *c_rows(const writer *w, const buffer *b, int axis)
{
    int extra = b->before[axis] + b->after[axis];
    const char *rows = c_offset(w, c_steps(w, axis), extra);
    return strchr(rows, ' ') ? arena_printf(w->arena, "(%s)", rows) : rows;
}

/* The last time axis of a set, 0 for none. */
static int last_axis(const graph *g, axis_set axes)
{
    int last = 0;
    for (int i = 1; i <= g->axes; i++) last = axes & axis_bit(i) ? i : last;
    return last;
}

bool has_step_blocks(const program *p, const emit_options *o, int axis)
{
    return p->entry != ENTRY_STEP && o->steps[axis] != 1 && o->unroll == 1;
}

bool is_of_block(const writer *w, const buffer *b)
{
    return b->block_rows && has_step_blocks(w->p, w->options, last_axis(w->g, b->axes));
}

const char *c_in_batch(const writer *w, const char *index, bool callers, const char *seq)
{
    if (!index || strcmp(index, "0") == 0) return seq;
    return c_multiply_add(w, index, c_use(w, callers ? "all_seqs" : "batch"), seq);
}

/* "((t + 1) * batch + seq)": the number of the row in scope, counting rows that the buffer lacks axes for once. */
static const char *row_number(const writer *w, const buffer *b, view v)
{
    const char *index = NULL;
    bool flat = w->flat && (b->axes & BATCH) && (!w->flat_axis || (b->axes & axis_bit(w->flat_axis)));
    for (int i = 1; i <= w->g->axes; i++) {
        if (!(b->axes & axis_bit(i)) || lives_in_state(w, b)) continue;
        int offset = b->before[i] + v.shift[i];
        const char *step = flat && i == w->flat_axis ? "0" : c_step(w, i);
        if (flat && i == w->flat_axis && w->block_axis == i) step = "block";
        if (is_of_block(w, b)) step = strcmp(step, "block") == 0 ? "0" : arena_printf(w->arena, "(%s - block)", step);
        const char *here = c_offset(w, step, offset);
        if (strchr(here, ' ') && here != step) here = arena_printf(w->arena, "(%s)", here);
        index = index ? c_multiply_add(w, index, c_rows(w, b, i), here) : here;
    }
    if (!(b->axes & BATCH)) return index;
    return c_in_batch(w, index, w->sharded && b->storage == STORE_INPUT,
                      !flat              ? "seq"
                      : w->first_of_flat ? "0"
                                         : "row");
}

/* The row that a token chooses, of a table that lacks axes. */
static const char *chosen_row(const writer *w, view v)
{
    const by_token *by = v.row;
    const char *token = c_indexed(w, c_address(w, by->token), "0");
    view first = v;
    first.row = NULL;
    const char *base = c_address(w, first);
    if (by->none.buffer)
        return arena_printf(w->arena, "%s(%s, %d, %s, %d, %s)", c_use(w, "lookup_row"), base, by->stride, token,
                            by->rows, c_address(w, by->none));
    return arena_printf(w->arena, "%s + %s(%s, %d) * %d", base, c_use(w, "token_row"), token, by->rows, by->stride);
}

const char *c_packing(const writer *w, const char *base, size_t number)
{
    return arena_printf(w->arena, "%s + %s", base, c_use(w, w->places->packings[number].name));
}

bool is_integers(const writer *w, size_t number) { return w->places->packings[number].integers; }

const char *c_packed(const writer *w, size_t number)
{
    if (!w->weights) return c_packing(w, arena_printf(w->arena, "%s->packed", c_use(w, "args")), number);
    return c_packing(w, c_use(w, is_integers(w, number) ? w->weights->matrices : w->weights->base), number);
}

const char *c_scales(const writer *w, size_t number)
{
    return arena_printf(w->arena, "%s + %s", c_use(w, w->weights->base), c_use(w, w->places->scales[number].name));
}

const char *c_lookup_table(const writer *w, const node *lookup)
{
    int table = places_table(w->places, w->g, lookup);
    if (table < 0) return NULL;
    const char *rows =
        arena_printf(w->arena, "%s + %s", c_use(w, w->weights->matrices), c_use(w, w->places->rows[table].name));
    return arena_printf(w->arena, "%s, %s + %s", rows, c_use(w, w->weights->base),
                        c_use(w, w->places->row_scales[table].name));
}

const char *c_plus(const writer *w, const char *address, int offset)
{
    return offset ? arena_printf(w->arena, "%s + %d", address, offset) : address;
}

const char *c_param(const writer *w, const char *base, int column)
{
    const weight_place *p = &w->places->params[places_param(w->places, (size_t)column)];
    return c_plus(w, arena_printf(w->arena, "%s + %s", c_use(w, base), c_use(w, p->name)), column - (int)p->offset);
}

const char *c_memory(const writer *w, const buffer *b) { return c_use(w, arena_printf(w->arena, "%s_all", b->name)); }

/* What `v` says of a buffer: the row, and the column in it. */
static const char *address_in(const writer *w, const buffer *b, view v)
{
    if (b->storage == STORE_PARAMS) return c_param(w, w->weights ? w->weights->base : "params", v.column);
    if (b->storage == STORE_GRADS) return c_param(w, "grads", v.column);
    const char *row = row_number(w, b, v);
    const char *base = b->storage == STORE_TABLE ? c_packed(w, (size_t)b->packing)
                       : b->storage == STORE_INPUT
                           ? arena_printf(w->arena, "%s->%s", c_use(w, "args"),
                                          c_field(w->arena, w->g, w->g->inputs.data[b->input].path))
                           : c_memory(w, b);
    long number = 0;
    if (!row || is_number(row, &number)) return c_plus(w, base, (int)number * (int)b->columns + v.column);
    base = b->columns == 1 ? arena_printf(w->arena, "%s + %s", base, c_bare(w, row))
                           : arena_printf(w->arena, "%s + %s * %zu", base, row, b->columns);
    return c_plus(w, base, v.column);
}

const char *c_row_address(const writer *w, const buffer *b) { return address_in(w, b, (view){.column = 0}); }

/* Depth: the token of a table. */
const char *c_address(const writer *w, view v)
{
    return v.row ? chosen_row(w, v) : address_in(w, &w->p->buffers.data[v.buffer], v);
}

/* Strides of operand components along the domain's two dimensions: what the operand lacks is broadcast. */
static void strides(view v, shape have, shape domain, int *over_unit, int *over_col)
{
    *over_unit = have.dim[0] > 1 || domain.dim[0] == 1 ? v.si : 0;
    *over_col = have.rank == 2 && domain.rank == 2 ? v.sj : 0;
}

const char *c_times(const writer *w, const char *variable, int stride)
{
    return stride == 1 ? variable : arena_printf(w->arena, "%s * %d", variable, stride);
}

const char *c_times_plus(const writer *w, const char *a, int stride_a, const char *b, int stride_b)
{
    if (stride_a && stride_b)
        return arena_printf(w->arena, "%s + %s", c_times(w, a, stride_a), c_times(w, b, stride_b));
    return stride_a ? c_times(w, a, stride_a) : stride_b ? c_times(w, b, stride_b) : "0";
}

/* "unit * 3 + col"; "0" where there is one. */
static const char *component(const writer *w, view v, shape have, shape domain)
{
    int si, sj;
    strides(v, have, domain, &si, &sj);
    bool unit = si && domain.dim[0] > 1, col = sj && domain.rank == 2 && domain.dim[1] > 1;
    return c_times_plus(w, "unit", unit ? si : 0, "col", col ? sj : 0);
}

const char *c_component(const writer *w, view v, shape have, shape domain)
{
    return arena_printf(w->arena, "[%s]", component(w, v, have, domain));
}

/* Where the first operator outside of all parentheses begins, at the end where there is none. */
static size_t first_term(const char *expression)
{
    int depth = 0;
    size_t i = 0;
    for (; expression[i] && (depth || expression[i] != ' '); i++)
        depth += (expression[i] == '(') - (expression[i] == ')');
    return i;
}

const char *c_bare(const writer *w, const char *expression)
{
    size_t length = strlen(expression);
    if (*expression != '(' || first_term(expression) != length) return expression;
    return arena_printf(w->arena, "%.*s", (int)length - 2, expression + 1);
}

const char *c_indexed(const writer *w, const char *address, const char *index)
{
    size_t base = first_term(address);
    if (!address[base]) return arena_printf(w->arena, "%s[%s]", address, index);
    const char *offset = address + base + strlen(" + ");
    if (strcmp(index, "0") != 0) return arena_printf(w->arena, "%.*s[%s + %s]", (int)base, address, offset, index);
    return arena_printf(w->arena, "%.*s[%s]", (int)base, address, c_bare(w, offset));
}

const char *c_element(const writer *w, view v, shape have, shape domain)
{
    return c_indexed(w, c_address(w, v), component(w, v, have, domain));
}

const char *c_side_by_side(const writer *w, shape s)
{
    if (s.dim[0] > 1 && s.dim[1] > 1) return arena_printf(w->arena, "unit * %d + col", s.dim[1]);
    return s.dim[0] > 1 ? "unit" : s.dim[1] > 1 ? "col" : "0";
}

bool is_side_by_side(view v, shape s)
{
    if (s.rank < 2) return s.rank == 0 || v.si == 1;
    return v.sj == 1 && v.si == s.dim[1];
}

/* ---- loops ------------------------------------------------------------------------------------------------------- */

void open_sequences(writer *w) { text_open(w->out, "for (size_t seq = 0; seq < %s; seq++)", c_use(w, "batch")); }

void open_rows(writer *w, axis_set axes)
{
    for (int i = 1; i <= w->g->axes; i++) {
        const char *t = w->g->axis[i].letter;
        bool block = w->block_axis == i;
        if ((axes & axis_bit(i)) && !(w->loops & axis_bit(i)) && !has_one_step(w, i))
            text_open(w->out, "for (size_t %s = %s; %s < %s; %s++)", t, block ? "block" : "0", t,
                      block ? "block_end" : c_steps(w, i), t);
    }
    if ((axes & BATCH) && !(w->loops & BATCH)) open_sequences(w);
    w->loops |= axes;
}

/* Depth: the token of a table. */
bool rows_are_flat(const writer *w, view v, axis_set axes)
{
    const buffer *b = &w->p->buffers.data[v.buffer];
    if (v.row) return rows_are_flat(w, v.row->token, axes);
    axis_set new_axes = axes & ~w->loops;
    int last = last_axis(w->g, new_axes);
    axis_set both = BATCH | (last ? axis_bit(last) : 0);
    if (last && last_axis(w->g, b->axes) > last) /* rows of an enclosing loop's axis stand in between */
        return false;
    return (new_axes & BATCH) && ((b->axes & both) == 0 || (b->axes & both) == both);
}

const char *c_flat_rows(const writer *w, int last)
{
    const char *batch = c_use(w, "batch");
    if (!last || has_one_step(w, last)) return batch;
    if (last == w->block_axis) return arena_printf(w->arena, "(block_end - block) * %s", batch);
    return arena_printf(w->arena, "%s * %s", c_steps(w, last), batch);
}

/* Loops over the axes that are not in scope yet, last time axis and batch as one `row` loop. */
static void open_flat_rows(writer *w, axis_set axes)
{
    axis_set new_axes = axes & ~w->loops;
    if (!(new_axes & BATCH)) {
        open_rows(w, axes);
        return;
    }
    int last = last_axis(w->g, new_axes);
    axis_set outer = new_axes & ~(BATCH | (last ? axis_bit(last) : 0));
    axis_set before = w->loops;
    open_rows(w, outer);
    w->loops = before | axes;
    w->flat = true;
    w->flat_axis = last;
    text_open(w->out, "for (size_t row = 0; row < %s; row++)", c_flat_rows(w, last));
}

/* How many loops there are over the axes. */
static int loops_over(const writer *w, axis_set axes)
{
    int loops = (axes & BATCH) != 0;
    for (int i = 1; i <= w->g->axes; i++) loops += (axes & axis_bit(i)) && !has_one_step(w, i);
    return loops;
}

void close_rows(writer *w, axis_set before)
{
    axis_set opened = w->loops & ~before;
    int loops = loops_over(w, opened);
    if (w->flat && w->flat_axis && !has_one_step(w, w->flat_axis) && (opened & BATCH)) loops--;
    while (loops-- > 0) text_close(w->out, NULL);
    w->loops = before;
    w->flat = false;
    w->flat_axis = 0;
}

scope open_scope(writer *w, axis_set axes)
{
    scope s = {w->loops, loops_over(w, axes & ~w->loops) == 0};
    if (s.block) text_block(w->out);
    open_rows(w, axes);
    return s;
}

scope open_flat_scope(writer *w, axis_set axes)
{
    scope s = {w->loops, false};
    open_flat_rows(w, axes);
    return s;
}

void close_scope(writer *w, scope s)
{
    if (s.block) text_close(w->out, NULL);
    close_rows(w, s.before);
}

void open_components(writer *w, shape s)
{
    if (s.dim[0] > 1) text_open(w->out, "for (size_t unit = 0; unit < %d; unit++)", s.dim[0]);
    if (s.rank == 2 && s.dim[1] > 1) text_open(w->out, "for (size_t col = 0; col < %d; col++)", s.dim[1]);
}

void close_components(writer *w, shape s)
{
    if (s.rank == 2 && s.dim[1] > 1) text_close(w->out, NULL);
    if (s.dim[0] > 1) text_close(w->out, NULL);
}

/* ---- sequences --------------------------------------------------------------------------------------------------- */

static const char *length_in(const writer *w, int axis, const char *args)
{
    const char *function = arena_printf(w->arena, "length_%s", w->g->axis[axis].letter);
    return arena_printf(w->arena, "%s(%s, seq)", c_use(w, w->p->entry == ENTRY_STEP ? "is_present" : function),
                        c_use(w, args));
}

const char *c_length(const writer *w, int axis) { return length_in(w, axis, "args"); }

const char *c_within(const writer *w, int axis)
{
    if (w->p->entry == ENTRY_STEP) return c_length(w, axis);
    if (has_one_step(w, axis)) return arena_printf(w->arena, "%s > 0", c_length(w, axis));
    return arena_printf(w->arena, "%s < %s", c_step(w, axis), c_length(w, axis));
}

const char *c_beyond(const writer *w, int axis)
{
    if (w->p->entry == ENTRY_STEP) return arena_printf(w->arena, "!%s", c_length(w, axis));
    if (has_one_step(w, axis)) return arena_printf(w->arena, "%s == 0", c_length(w, axis));
    return arena_printf(w->arena, "%s >= %s", c_step(w, axis), c_length(w, axis));
}

bool has_state(const writer *w) { return w->model->shared->carries; }

bool lives_in_state(const writer *w, const buffer *b)
{
    return b->in_state && w->options->batch == 1 && !w->options->calls;
}

bool is_never_absent(const writer *w)
{
    for (size_t i = 1; i < w->p->buffers.len; i++) {
        if (lives_in_state(w, &w->p->buffers.data[i])) return true;
    }
    return false;
}

const char *c_state_seq(const writer *w)
{
    return w->sharded ? arena_printf(w->arena, "%s + seq", c_use(w, "first_seq")) : "seq";
}

const char *c_call_time(const writer *w)
{
    if (!has_state(w)) return "0";
    return arena_printf(w->arena, "%s(%s, %s)", c_use(w, "time_of"), c_use(w, "args"), c_state_seq(w));
}

const char *c_time(const writer *w)
{
    if (!w->segment) return c_call_time(w);
    const char *first = c_use(w, "segment_first");
    return has_state(w) ? arena_printf(w->arena, "(%s + %s)", c_call_time(w), first) : first;
}

const char *c_whole_length(const writer *w, int axis) { return length_in(w, axis, w->segment ? "all_args" : "args"); }

const char *c_place(const writer *w, int axis)
{
    return w->segment ? c_add(w, c_use(w, "segment_first"), c_step(w, axis)) : c_step(w, axis);
}

const char *c_begins(const writer *w)
{
    const char *index = c_use(w, "segment_index");
    if (w->segment->segments.direction > 0) return arena_printf(w->arena, "%s == 0", index);
    return arena_printf(w->arena, "%s + 1 == %s", index, c_use(w, "segment_count"));
}

const char *c_state_component(const writer *w, shape s) { return arena_printf(w->arena, "[%s]", c_side_by_side(w, s)); }

const char *c_state(const writer *w, int slot, const char *row)
{
    return arena_printf(w->arena, "%s->state->%s[%s][%s]", c_use(w, "args"), w->state_members[slot], row,
                        c_state_seq(w));
}

void open_if_state(writer *w) { text_open(w->out, "if (%s->state)", c_use(w, "args")); }

const char *c_segment_first(const writer *w) { return c_use(w, "segment_first"); }
