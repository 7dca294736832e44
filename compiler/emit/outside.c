/* outside.c: rows outside of the sequence: what stands in front of the first step and behind the last, what the state
 * keeps of them, and the one step that an `at` reads, which may be such a row.
 *
 * See the notes [padding] and [history] of plan/program.h. */
#include "emit/writer.h"

#include <string.h>

/* ---- boundary values --------------------------------------------------------------------------------------------- */

/* What a value is where there is no step and no boundary equation: a token is none. */
const char *c_nothing(const writer *w, const stmt *s)
{
    return graph_type(w->g, s->nodes.data[0]).element == TOKEN ? "-1" : "0";
}

/* The values beyond one end, nearest first, of the statement that reads them there or puts them there. */
typedef struct boundaries {
    const stmt *of;
    const node_id *nodes; /* NO_NODE: nothing */
    const view *at;
    size_t count;
} boundaries;

/* Those of one side of an `at`. */
static boundaries boundaries_read(const node *n, const stmt *s, bool after)
{
    size_t first = 1 + (size_t)(after ? n->attr.before : 0), count = (size_t)(after ? n->attr.after : n->attr.before);
    return (boundaries){s, n->arg + first, s->from.data + first, n->args > 1 ? count : 0};
}

static boundaries boundaries_filled(const stmt *s)
{
    return (boundaries){s, s->fill.boundary.data, s->from.data, s->fill.boundary.len};
}

/* A boundary value's component. */
static const char *boundary(writer *w, const boundaries *beyond, size_t i)
{
    if (!node_some(beyond->nodes[i])) return c_nothing(w, beyond->of);
    const node *n = graph_node(w->g, beyond->nodes[i]);
    if (n->op == OP_number) return c_number(w, n->attr.number);
    return c_element(w, beyond->at[i], n->type.shape, beyond->of->shape);
}

/* The boundary value number `which` (an expression), nothing beyond the last. */
static const char *boundary_value(writer *w, const boundaries *beyond, const char *which)
{
    const char *value = c_nothing(w, beyond->of);
    for (size_t i = beyond->count; i-- > 0;)
        value = arena_printf(w->arena, "%s == %zu ? %s : %s", which, i, boundary(w, beyond, i), value);
    return value;
}

/* ---- one step ---------------------------------------------------------------------------------------------------- */

/* Step k, counted from the start of the sequence: in this call, in an earlier one that left it in the state, or not
 * there. */
static void write_at_front(writer *w, const stmt *s, const char *to)
{
    const node *n = graph_node(w->g, s->nodes.data[0]);
    const char *length = c_length(w, s->gather.axis), *before;
    int k = n->attr.k;
    boundaries outside = boundaries_read(n, s, k >= 1);
    if (k < 1) {
        text_line(w->out, "%s = %s;", to, boundary_value(w, &outside, arena_printf(w->arena, "%d", -k)));
        return;
    }
    if (!has_state(w) && !w->segment) { /* the call is the whole sequence */
        text_line(w->out, "%s = %s;", to,
                  boundary_value(w, &outside, arena_printf(w->arena, "%d - %s", k - 1, length)));
        text_open(w->out, "if (%s >= %d)", length, k);
        before = set_step(w, s->gather.axis, arena_printf(w->arena, "%d", k - 1));
        text_line(w->out, "%s = %s;", to, c_element(w, s->from.data[0], s->shape, s->shape));
        reset_step(w, s->gather.axis, before);
        text_close(w->out, NULL);
        return;
    }
    const char *beyond =
        boundary_value(w, &outside, arena_printf(w->arena, "%d - (%s)", k - 1, c_add(w, c_time(w), length)));
    const char *slot = s->gather.state ? arena_printf(w->arena, "%s%s", c_state(w, s->gather.state, "0"),
                                                      c_state_component(w, s->shape))
                                       : NULL;
    text_line(w->out, "%s%s = %s;", w->segment ? arena_printf(w->arena, "if (%s) ", c_begins(w)) : "", to,
              slot ? arena_printf(w->arena, "%s >= %d ? %s : %s", c_time(w), k, slot, beyond) : beyond);
    text_open(w->out, "if (%s < %d && %s >= %d)", c_time(w), k, c_add(w, c_time(w), length), k);
    before = set_step(w, s->gather.axis, arena_printf(w->arena, "%d - %s", k - 1, c_time(w)));
    text_line(w->out, "%s = %s;", to, c_element(w, s->from.data[0], s->shape, s->shape));
    reset_step(w, s->gather.axis, before);
    if (slot) text_line(w->out, "if (args->state) %s = %s;", slot, to);
    text_close(w->out, NULL);
}

void write_at(writer *w, const stmt *s)
{
    const node *n = graph_node(w->g, s->nodes.data[0]);
    view from = s->from.data[0];
    const buffer *b = &w->p->buffers.data[from.buffer];
    const char *length = c_length(w, s->gather.axis), *step;
    bool carried = n->attr.over.carry;
    open_components(w, s->shape);
    const char *to = c_element(w, s->to, s->shape, s->shape);
    axis_set before = w->loops;
    w->loops |= axis_bit(s->gather.axis);
    if (n->attr.from_end && carried && b->before[s->gather.axis] > n->attr.k) {
        /* index T - k counts from 1 and may lie in the rows in front: `before` keeps the row number positive */
        view v = from;
        v.shift[s->gather.axis] -= n->attr.k + 1;
        if (w->segment)
            text_open(w->out, "if (%s == 0 || %s > 0)", c_segment_first(w), length);
        else
            text_block(w->out);
        step = set_step(w, s->gather.axis, length);
        text_line(w->out, "%s = %s;", to, c_element(w, v, s->shape, s->shape));
        reset_step(w, s->gather.axis, step);
        text_close(w->out, NULL);
    } else if (n->attr.from_end && w->segment) {
        const char *whole = c_whole_length(w, s->gather.axis);
        text_line(w->out, "if (%s) %s = %s;", c_begins(w), to, c_nothing(w, s));
        text_open(w->out, "if (%s > %s + %d && %s - segment_first - %d < %s)", whole, c_segment_first(w), n->attr.k,
                  whole, n->attr.k + 1, c_steps(w, s->gather.axis));
        step = set_step(w, s->gather.axis, arena_printf(w->arena, "%s - segment_first - %d", whole, n->attr.k + 1));
        text_line(w->out, "%s = %s;", to, c_element(w, from, s->shape, s->shape));
        reset_step(w, s->gather.axis, step);
        text_close(w->out, NULL);
    } else if (n->attr.from_end) {
        text_line(w->out, "%s = %s;", to, c_nothing(w, s));
        text_open(w->out, "if (%s > %d)", length, n->attr.k);
        step = set_step(w, s->gather.axis, arena_printf(w->arena, "%s - %d", length, n->attr.k + 1));
        text_line(w->out, "%s = %s;", to, c_element(w, from, s->shape, s->shape));
        reset_step(w, s->gather.axis, step);
        text_close(w->out, NULL);
    } else {
        write_at_front(w, s, to);
    }
    w->loops = before;
    close_components(w, s->shape);
}

/* ---- all rows ---------------------------------------------------------------------------------------------------- */

/* Opens a loop over the rows before a step, the last one first; returns how far back a row is: "0" where there is
 * one. */
static const char *open_ago(writer *w, int rows)
{
    if (rows == 1) return "0";
    text_open(w->out, "for (size_t ago = 0; ago < %d; ago++)", rows);
    return "ago";
}

static void close_ago(writer *w, int rows)
{
    if (rows > 1) text_close(w->out, NULL);
}

/* "length + 1 - ago" */
static const char *back_from(const writer *w, const char *step, int offset, const char *ago)
{
    const char *from = c_offset(w, step, offset);
    return strcmp(ago, "0") == 0 ? from : arena_printf(w->arena, "%s - %s", from, ago);
}

static void write_before(writer *w, const stmt *s)
{
    const buffer *b = &w->p->buffers.data[s->to.buffer];
    axis_set before = w->loops, others = s->axes & ~(BATCH | axis_bit(s->fill.axis));
    open_rows(w, others);
    const char *ago = open_ago(w, s->fill.rows);
    if (s->axes & BATCH) open_sequences(w);
    w->loops |= s->axes;
    /* index -ago is row number before - 1 - ago */
    view v = s->to;
    v.shift[s->fill.axis] -= b->before[s->fill.axis];
    const char *step = set_step(w, s->fill.axis, back_from(w, "0", b->before[s->fill.axis] - 1, ago));
    text_line(w->out, "real *to = %s;", c_address(w, v));
    const char *unit = c_side_by_side(w, s->shape);
    if (s->fill.state) text_line(w->out, "const uint64_t seen = %s;", c_call_time(w));
    open_components(w, s->shape);
    const boundaries beyond = boundaries_filled(s);
    const char *value = s->fill.rows > 1 ? boundary_value(w, &beyond, s->fill.state ? "ago - seen" : "ago")
                        : beyond.count   ? boundary(w, &beyond, 0)
                                         : c_nothing(w, s);
    if (beyond.count && (s->axes & BATCH)) /* of an absent sequence even the boundary is padding */
        value = arena_printf(w->arena, "%s == 0 ? %s : %s", c_length(w, s->fill.axis), c_nothing(w, s), value);
    const char *slot = s->fill.state ? arena_printf(w->arena, "%s[%s]", c_state(w, s->fill.state, ago), unit) : NULL;
    text_line(w->out, "to%s = %s;", c_component(w, s->to, s->shape, s->shape),
              slot ? arena_printf(w->arena, "seen > %s ? %s : %s", ago, slot, value) : value);
    close_components(w, s->shape);
    reset_step(w, s->fill.axis, step);
    if (s->axes & BATCH) text_close(w->out, NULL);
    close_ago(w, s->fill.rows);
    w->loops = before | others;
    close_rows(w, before);
}

void write_fill_before(writer *w, const stmt *s)
{
    const buffer *b = &w->p->buffers.data[s->to.buffer];
    const char *label = plan_label(w->g, w->arena, s->nodes.data[0]);
    text *around;
    if (lives_in_state(w, b)) {
        text_line(w->out, "if (!args->state) memset(%s, 0, %zu * sizeof(real));", c_memory(w, b), b->columns);
        return;
    }
    if (w->segment) text_open(w->out, "if (%s == 0)", c_segment_first(w));
    bool apart = helper_open(w, &around);
    if (!apart) text_line(w->out, "/* %s before step 1 */", label);
    write_before(w, s);
    if (apart)
        helper_close(w, around, s,
                     arena_printf(w->arena,
                                  s->fill.state
                                      ? "%s before the first step: from the call before, or the boundary values."
                                      : "%s before the first step.",
                                  label),
                     arena_printf(w->arena, "load_%s", c_identifier(w->arena, label)));
    if (w->segment) text_close(w->out, NULL);
}

/* One row a sequence: absent ones are cleared. */
static void clear_absent(writer *w, const stmt *s)
{
    axis_set before = w->loops;
    if (!w->g->axes) return;
    text_open(w->out, "if (%s)", c_use(w, "ragged"));
    open_rows(w, s->axes);
    text_line(w->out, "if (%s) continue;", c_length(w, 1));
    write_zeros(w, s->to, s->shape);
    close_rows(w, before);
    text_close(w->out, NULL);
}

/* The row of a step beyond the end of its sequence: zeros, or boundary values. */
static void write_beyond(writer *w, const stmt *s)
{
    const boundaries beyond = boundaries_filled(s);
    const char *nothing = c_nothing(w, s);
    if (!beyond.count && strcmp(nothing, "0") == 0) {
        write_zeros(w, s->to, s->shape);
        return;
    }
    const char *value = boundary_value(w, &beyond, arena_printf(w->arena, "%s - own", c_step(w, s->fill.axis)));
    if (beyond.count) value = arena_printf(w->arena, "own == 0 ? %s : %s", nothing, value);
    text_line(w->out, "real *to = %s;", c_address(w, s->to));
    open_components(w, s->shape);
    text_line(w->out, "to%s = %s;", c_component(w, s->to, s->shape, s->shape), value);
    close_components(w, s->shape);
}

/* Zeros in the row of the loop's step. */
static bool clears_step(const writer *w, const stmt *s)
{
    return s && s->kind == STMT_FILL_AFTER && s->fill.in_loop && !s->fill.boundary.len &&
           strcmp(c_nothing(w, s), "0") == 0;
}

static const char *labels_of(const writer *w, const item *items, size_t count)
{
    text *t = text_new(w->arena);
    for (size_t i = 0; i < count; i++)
        text_put(t, "%s%s", i ? ", " : "", graph_label(w->g, w->arena, items[i].stmt->nodes.data[0]));
    return text_string(t);
}

/* Of values with the same axes, which are filled alike. */
static void write_after(writer *w, const item *items, size_t count)
{
    const stmt *s = items->stmt;
    const char *t = w->g->axis[s->fill.axis].letter, *T = c_steps(w, s->fill.axis), *step = w->step[s->fill.axis];
    axis_set before = w->loops;
    bool further = s->fill.rows && !(w->loops & axis_bit(s->fill.axis)); /* than the last step */
    text_line(w->out, "/* %s beyond the end */", labels_of(w, items, count));
    const char *ragged = c_use(w, "ragged");
    if (s->fill.rows == 0 || s->fill.in_loop) text_open(w->out, "if (%s)", ragged);
    open_rows(w, s->axes & ~(BATCH | axis_bit(s->fill.axis)));
    if (further) {
        text_open(w->out, "for (size_t %s = %s ? 0 : %s; %s < %s; %s++)", t, ragged, T, t, c_offset(w, T, s->fill.rows),
                  t);
        w->step[s->fill.axis] = t;
        w->loops |= axis_bit(s->fill.axis);
    }
    axis_set inside = w->loops;
    open_rows(w, s->axes);
    text_line(w->out, "const size_t own = %s;", c_length(w, s->fill.axis));
    if (!further && has_one_step(w, s->fill.axis))
        text_line(w->out, "if (own > 0) continue;");
    else
        text_line(w->out, "if (%s < own) continue;", c_step(w, s->fill.axis));
    if (w->segment && s->fill.rows && !s->fill.in_loop)
        text_line(w->out, "if (%s > %s + %s) continue; /* it goes on */", c_whole_length(w, s->fill.axis),
                  c_segment_first(w), T);
    for (size_t i = 0; i < count; i++) write_beyond(w, items[i].stmt);
    close_rows(w, inside);
    if (further) text_close(w->out, NULL);
    reset_step(w, s->fill.axis, step);
    w->loops = before | (s->axes & ~(BATCH | axis_bit(s->fill.axis)));
    close_rows(w, before);
    if (s->fill.rows == 0 || s->fill.in_loop) text_close(w->out, NULL);
}

size_t write_fills_after(writer *w, const item *items, size_t count)
{
    const stmt *s = items->stmt;
    size_t n = 1;
    if (!s || s->kind != STMT_FILL_AFTER) return 0;
    if (!s->fill.axis) {
        clear_absent(w, s);
        return n;
    }
    while (clears_step(w, s) && n < count && clears_step(w, items[n].stmt) && items[n].stmt->axes == s->axes &&
           items[n].stmt->fill.axis == s->fill.axis)
        n++;
    write_after(w, items, n);
    return n;
}

/* A sum so far. */
static void save_sum(writer *w, const stmt *s)
{
    axis_set before = w->loops;
    open_if_state(w);
    open_rows(w, s->axes);
    open_components(w, s->shape);
    text_line(w->out, "%s%s = %s;", c_state(w, s->save.state, "0"), c_state_component(w, s->shape),
              c_element(w, s->to, s->shape, s->shape));
    close_components(w, s->shape);
    close_rows(w, before);
    text_close(w->out, NULL);
}

static void save_rows(writer *w, const stmt *s)
{
    bool one = has_one_step(w, s->save.axis);
    axis_set before = w->loops;
    open_if_state(w);
    const char *ago = open_ago(w, s->save.rows);
    open_sequences(w);
    w->loops |= s->axes;
    if (one)
        text_line(w->out, "if (%s) continue;", c_beyond(w, s->save.axis));
    else
        text_line(w->out, "if (%s == 0) continue;", c_length(w, s->save.axis));
    /* `ago` steps before the last: row length - 1 - ago, plus the rows in front */
    const buffer *b = &w->p->buffers.data[s->to.buffer];
    view v = s->to;
    v.shift[s->save.axis] -= b->before[s->save.axis];
    const char *last = one ? "1" : c_length(w, s->save.axis);
    const char *step = set_step(w, s->save.axis, back_from(w, last, b->before[s->save.axis] - 1, ago));
    const char *slot = c_state(w, s->save.state, ago);
    if (shape_size(s->shape) > 1 && is_side_by_side(v, s->shape)) {
        text_line(w->out, "memcpy(%s, %s, %d * sizeof(real));", slot, c_address(w, v), shape_size(s->shape));
    } else {
        open_components(w, s->shape);
        text_line(w->out, "%s[%s] = %s;", slot, c_side_by_side(w, s->shape), c_element(w, v, s->shape, s->shape));
        close_components(w, s->shape);
    }
    reset_step(w, s->save.axis, step);
    text_close(w->out, NULL);
    close_ago(w, s->save.rows);
    text_close(w->out, NULL);
    w->loops = before;
}

void write_save(writer *w, const stmt *s)
{
    const char *label = plan_label(w->g, w->arena, s->nodes.data[0]);
    text *around;
    if (s->save.axis && lives_in_state(w, &w->p->buffers.data[s->to.buffer])) return;
    bool apart = helper_open(w, &around);
    if (s->save.axis)
        save_rows(w, s);
    else
        save_sum(w, s);
    if (apart)
        helper_close(w, around, s, arena_printf(w->arena, "%s for the next call.", label),
                     arena_printf(w->arena, "save_%s", c_identifier(w->arena, label)));
}
