/* segments.c: a gradient that runs through the sequence in segments of its steps: a function for each way, the loops
 * that call them, and the rows that pass from segment to segment. See note [segments] of plan/program.h.
 *
 * Within these functions `args` are those of the segment: its T, lengths, and places in the caller's arrays.
 * `all_args` are those of the call, `segment_first` is the number of steps before the segment. */
#include "emit/writer.h"

#include <stdlib.h>

enum { TIME = 1 };

static const char *letter(const writer *w) { return w->g->axis[TIME].letter; }
static const char *length(const writer *w) { return w->g->axis[TIME].length; }

/* The steps of the call, in a macro or as a member of `args`. */
static const char *steps_of(const writer *w, const char *args)
{
    if (w->options->steps[TIME]) return arena_printf(w->arena, "%d", w->options->steps[TIME]);
    return arena_printf(w->arena, args ? "%s->%s" : "%s(size_t)(%s)", args ? args : "", length(w));
}

static const char *segment_steps(const writer *w, const char *args)
{
    const char *T = steps_of(w, args);
    return arena_printf(w->arena, "(%s < %d ? %s : %d)", T, w->p->segment, T, w->p->segment);
}

static const char *segments(const writer *w, const char *args)
{
    return arena_printf(w->arena, "((%s + %d) / %d)", steps_of(w, args), w->p->segment - 1, w->p->segment);
}

const char *c_segment_steps(const writer *w, bool macro) { return macro ? segment_steps(w, NULL) : "segment_steps"; }

const char *c_segments(const writer *w, bool macro) { return macro ? segments(w, NULL) : "segment_count"; }

void write_segment_counts(writer *w, const char *body)
{
    const char *args = w->segment ? "all_args" : "args";
    if (c_mentions(body, "segment_steps"))
        text_line(w->out, "const size_t segment_steps = %s; /* rows of a segment */", segment_steps(w, args));
    if (c_mentions(body, "segment_count")) text_line(w->out, "const size_t segment_count = %s;", segments(w, args));
    if (w->segment && c_mentions(body, "segment_first"))
        text_line(w->out, "const size_t segment_first = segment_index * %d;", w->p->segment);
}

static const char *way_name(const region *r) { return r->segments > 0 ? "segment_there" : "segment_back"; }

/* ---- the arguments of a segment ---------------------------------------------------------------------------------- */

/* On to the segment's rows of an array of the caller. */
static void write_shift(writer *w, const char *member, int columns, bool optional)
{
    const char *where = optional ? arena_printf(w->arena, "if (part.%s) ", member) : "";
    text_line(w->out, "%spart.%s += first * batch * %d;", where, member, columns);
}

static void write_segment_args(writer *w, const program *p)
{
    const char *prefix = w->options->prefix, *t = letter(w), *T = length(w);
    text_blank(w->out);
    text_line(w->out,
              "/* The arguments for %d steps of all: number `segment` of such segments. The caller's arrays "
              "are of `batch` sequences. */",
              p->segment);
    text_line(w->out, "static %s_args segment_of(const %s_args *args, size_t segment, size_t batch, int *lengths)",
              prefix, prefix);
    text_open(w->out, "%s", "");
    text_line(w->out, "%s_args part = *args;", prefix);
    text_line(w->out, "const size_t first = segment * %d;", p->segment);
    text_line(w->out, "part.%s = args->%s - first < %d ? args->%s - first : %d;", T, T, p->segment, T, p->segment);
    for (uint32_t i = 0; i < w->g->inputs.len; i++) {
        const graph_input *in = &w->g->inputs.data[i];
        bool timed = (in->type.axes & axis_bit(TIME)) != 0;
        if (timed && has_input(p, i))
            write_shift(w, c_field(w->arena, w->g, in->path), shape_size(in->type.shape), false);
        if (timed && w->g->input_grad && node_some(w->g->input_grad[i]))
            write_shift(w, c_gradient_field(w->arena, w->g, i), shape_size(in->type.shape), true);
    }
    text_open(w->out, "for (size_t seq = 0; args->lengths_%s && seq < args->batch; seq++)", t);
    text_line(w->out, "const size_t own = (size_t)args->lengths_%s[seq];", t);
    text_line(w->out, "lengths[seq] = (int)(own <= first ? 0 : own - first < part.%s ? own - first : part.%s);", T, T);
    text_close(w->out, NULL);
    text_line(w->out, "if (args->lengths_%s) part.lengths_%s = lengths;", t, t);
    text_line(w->out, "return part;");
    text_close(w->out, NULL);
}

/* ---- the ways ---------------------------------------------------------------------------------------------------- */

/* What both functions have beside the segment's arguments; shards of a batch say which sequences they are of. */
static const char *shard_parameters(const writer *w) { return w->sharded ? ", size_t first_seq, size_t all_seqs" : ""; }
static const char *shard_arguments(const writer *w) { return w->sharded ? ", first_seq, all_seqs" : ""; }

static void write_way(writer *w, const region *r)
{
    const char *prefix = w->options->prefix;
    text *to = w->out;
    w->segment = r;
    begin_body(w, r);
    text_blank(to);
    if (r->segments > 0)
        text_line(to, "/* A segment on the way there: what sums over the steps need that the way back reads; the state "
                      "it begins with is kept. */");
    else
        text_line(to, "/* A segment on the way back: its values again, from the state it begins with; its adjoints, "
                      "from those of the segment behind. */");
    text_line(to, "static void %s(const %s_args *args, const %s_args *all_args, size_t segment_index%s)", way_name(r),
              prefix, prefix, shard_parameters(w));
    text_open(to, "%s", "");
    static const char *const parameters[] = {"all_args", "segment_index", "first_seq", "all_seqs"};
    for (size_t i = 0; i < (w->sharded ? 4 : 2); i++)
        if (!c_mentions(text_string(w->out), parameters[i])) text_line(to, "(void)%s;", parameters[i]);
    end_body(w, to);
    w->segment = NULL;
}

void write_segment_functions(writer *w, const program *p)
{
    write_segment_args(w, p);
    for (size_t i = 0; i < p->top->items.len; i++) {
        const region *r = p->top->items.data[i].region;
        if (r && r->segments) write_way(w, r);
    }
}

void write_segments(writer *w, const region *r)
{
    const char *PREFIX = c_upper(w->arena, w->options->prefix);
    text_blank(w->out);
    if (r->segments > 0)
        text_open(w->out, "for (size_t segment_index = 0; segment_index < segment_count; segment_index++)");
    else
        text_open(w->out, "for (size_t segment_index = segment_count; segment_index-- > 0;)");
    text_line(w->out, "int segment_lengths[%s_BATCH];", PREFIX);
    text_line(w->out, "const %s_args segment_args = segment_of(args, segment_index, %s, segment_lengths);",
              w->options->prefix, w->sharded ? "all_seqs" : "batch");
    text_line(w->out, "%s(&segment_args, args, segment_index%s);", way_name(r), shard_arguments(w));
    text_close(w->out, NULL);
    text_blank(w->out);
}

/* ---- rows that pass ---------------------------------------------------------------------------------------------- */

static const char *pass_comment(const stmt *s)
{
    switch (s->pass.what) {
    case PASS_KEEP: return "before this segment, for the way back";
    case PASS_RESTORE: return "before this segment, as on the way there";
    case PASS_ON: return "for the segment behind";
    case PASS_BACK: return "for the segment before";
    }
    BUG("no such pass");
}

/* Opens the loops over the rows: `t` so that the address of the view is that of row `t` of the buffer, or of step
 * `t`. */
static void open_passed(writer *w, const stmt *s, int before)
{
    const char *t = letter(w);
    if (s->pass.what == PASS_BACK)
        text_open(w->out, "for (size_t %s = %d; %s-- > 0;)", t, s->pass.rows, t);
    else if (before == s->pass.rows)
        text_open(w->out, "for (size_t %s = 0; %s < %d; %s++)", t, t, before, t);
    else
        text_open(w->out, "for (size_t %s = %d; %s < %d; %s++)", t, before - s->pass.rows, t, before, t);
    w->loops |= axis_bit(TIME);
    open_rows(w, s->axes);
}

void write_pass(writer *w, const stmt *s)
{
    const buffer *b = &w->p->buffers.data[s->to.buffer];
    axis_set before = w->loops;
    view v = s->to;
    int front = b->before[TIME];
    v.shift[TIME] -= s->pass.what == PASS_BACK ? 0 : front;
    text_line(w->out, "/* %s %s */", plan_label(w->g, w->arena, s->nodes.data[0]), pass_comment(s));
    open_passed(w, s, front);
    const char *here = c_component(w, s->to, s->shape, s->shape), *stride = s->axes & BATCH ? "batch * " : "";
    if (s->pass.what == PASS_ON || s->pass.what == PASS_BACK) {
        const char *far = arena_printf(w->arena, "%s + %s * %s%d", s->pass.what == PASS_ON ? "to" : "from",
                                       s->pass.what == PASS_ON ? length(w) : "segment_steps", stride, b->columns);
        text_line(w->out, "real *%s = %s;", s->pass.what == PASS_ON ? "to" : "from", c_address(w, v));
        text_line(w->out, "real *%s = %s;", s->pass.what == PASS_ON ? "from" : "to", far);
    } else {
        const buffer *shelf = &w->p->buffers.data[s->pass.store];
        const char *kept = arena_printf(w->arena, "segment_index * %d + %s", shelf->kept, letter(w));
        if (front != shelf->kept)
            kept = arena_printf(w->arena, front > shelf->kept ? "%s - %d" : "%s + %d", kept, abs(front - shelf->kept));
        const char *row = arena_printf(w->arena, s->axes & BATCH ? "((%s) * batch + seq)" : "(%s)", kept);
        text_line(w->out, "real *%s = %s;", s->pass.what == PASS_KEEP ? "from" : "to", c_address(w, v));
        text_line(w->out, "real *%s = %s_all + %s * %d;", s->pass.what == PASS_KEEP ? "to" : "from", shelf->name, row,
                  shelf->columns);
    }
    open_components(w, s->shape);
    const char *flat = arena_printf(w->arena, "[%s]", c_side_by_side(w, s->shape));
    if (s->pass.what == PASS_RESTORE && s->axes & BATCH) /* behind the end of a sequence stands padding */
        text_line(w->out, "to%s = %s > 0 ? from%s : %s;", here, c_length(w, TIME), flat, c_nothing(w, s));
    else
        text_line(w->out, "to%s = from%s;", s->pass.what == PASS_KEEP ? flat : here,
                  s->pass.what == PASS_RESTORE ? flat : here);
    close_components(w, s->shape);
    w->loops &= ~axis_bit(TIME);
    close_rows(w, before);
    text_close(w->out, NULL);
    w->loops = before;
}
