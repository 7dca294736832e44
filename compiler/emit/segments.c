/* segments.c: a gradient that runs through the sequence in segments of its steps: a function for each way, the loops
 * that call them, and the rows that pass from segment to segment. See note [segments] of plan/program.h.
 *
 * Within these functions `args` are those of the segment: its T, lengths, and places in the caller's arrays.
 * `all_args` are those of the call, `segment_first` is the number of steps before the segment. */
#include "emit/writer.h"

#include <string.h>

enum { TIME = 1 };

static const char *letter(const writer *w) { return w->g->axis[TIME].letter; }
static const char *length(const writer *w) { return w->g->axis[TIME].length; }

/* The steps of the call, in a macro or as a member of `args`. */
static const char *steps_of(const writer *w, const char *args)
{
    if (w->options->steps[TIME]) return arena_printf(w->arena, "%d", w->options->steps[TIME]);
    if (!args) return arena_printf(w->arena, "(size_t)(%s)", length(w));
    return arena_printf(w->arena, "%s->%s", c_use(w, args), length(w));
}

/* As many as have about so many rows, or a fixed number; never more than there are. */
static const char *segment_steps(const writer *w, const char *args)
{
    const char *T = steps_of(w, args), *most = arena_printf(w->arena, "%d", w->p->segment);
    if (w->p->by_rows && w->options->batch == 1)
        most = arena_printf(w->arena, "%d", plan_segment_steps(w->p, 1));
    else if (w->p->by_rows)
        most = arena_printf(w->arena, "%d / %s->batch + %d", w->p->segment, c_use(w, args), w->p->segment_more);
    return arena_printf(w->arena, "(%s < %s ? %s : %s)", T, most, T, most);
}

static const char *segments(const writer *w, const char *args)
{
    if (args) return arena_printf(w->arena, "((%s + segment_steps - 1) / segment_steps)", steps_of(w, args));
    return arena_printf(w->arena, "((%s + %d) / %d)", steps_of(w, args), w->p->segment - 1, w->p->segment);
}

const char *c_segment_steps(const writer *w, bool macro)
{
    return macro ? segment_steps(w, NULL) : c_use(w, "segment_steps");
}

const char *c_segments(const writer *w, bool macro) { return macro ? segments(w, NULL) : c_use(w, "segment_count"); }

static const char *rows_macro(const writer *w)
{
    return arena_printf(w->arena, "%s_%s_ROWS", c_upper(w->arena, w->options->prefix),
                        c_upper(w->arena, entry_name(w->p->entry)));
}

/* No less for more steps or sequences, so that memory for the largest call is enough for any. */
void write_segment_rows(writer *w, text *out)
{
    const char *T = length(w);
    const char *more = w->p->segment_more > 1 ? arena_printf(w->arena, "%d * ", w->p->segment_more) : "";
    text_line(out,
              "#define %s(%s, batch) ((size_t)(%s) * (batch) > %d ? %d + %s(size_t)(batch) : (size_t)(%s) * (batch)) "
              "/* in memory at once */",
              rows_macro(w), T, T, w->p->segment, w->p->segment, more, T);
}

const char *c_segment_rows(const writer *w, bool batch, int extra)
{
    const char *T = w->options->steps[TIME] ? steps_of(w, NULL) : length(w), *sequences = batch ? "batch" : "1";
    const char *rows = arena_printf(w->arena, "%s(%s, %s)", rows_macro(w), T, sequences);
    if (!extra) return rows;
    const char *more = !batch       ? arena_printf(w->arena, "%d", extra)
                       : extra == 1 ? "(size_t)(batch)"
                                    : arena_printf(w->arena, "%d * (size_t)(batch)", extra);
    return arena_printf(w->arena, "(%s + %s)", rows, more);
}

void write_segment_counts(writer *w)
{
    const char *args = w->segment ? "all_args" : "args";
    bool first = w->segment && uses_take(w, "segment_first"), count = uses_take(w, "segment_count");
    if (first) (void)c_use(w, "segment_index");
    if (uses_take(w, "segment_steps") || first || count)
        text_line(w->out, "const size_t segment_steps = %s;", c_bare(w, segment_steps(w, args)));
    if (count) text_line(w->out, "const size_t segment_count = %s;", c_bare(w, segments(w, args)));
    if (first) text_line(w->out, "const size_t segment_first = segment_index * segment_steps;");
}

static const char *way_name(const writer *w, const region *r)
{
    if (w->p->by_rows) return arena_printf(w->arena, "segment_%s", entry_name(w->p->entry));
    return r->segments.direction > 0 ? "segment_there" : "segment_back";
}

/* ---- the arguments of a segment ---------------------------------------------------------------------------------- */

/* Of all arrays, whatever entry point reads or writes them, so that all can share it. */
static const char *write_segment_args(writer *w)
{
    const char *prefix = w->options->prefix, *t = letter(w), *T = length(w);
    const graph *g = w->model->graph, *training = w->model->grad ? w->model->grad->graph : NULL;
    text *around = w->out, *rest = text_new(w->arena);
    w->out = rest;
    text_line(rest, "(const %s_args *args, size_t first, size_t steps, size_t batch, int *lengths)", prefix);
    text_block(rest);
    text_line(rest, "%s_args part = *args;", prefix);
    text_line(rest, "part.%s = args->%s - first < steps ? args->%s - first : steps;", T, T, T);
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (!(in->type.axes & axis_bit(TIME))) continue;
        if (!w->options->inference || has_input(w->model->forward, i))
            write_advance(w, c_field(w->arena, g, in->path), "first * batch", shape_size(in->type.shape));
        if (training && training->input_grad && node_some(training->input_grad[i]))
            write_advance(w, c_gradient_field(w->arena, g, i), "first * batch", shape_size(in->type.shape));
    }
    for (uint32_t i = 0; i < g->outputs.len; i++) {
        type of = graph_type(g, g->outputs.data[i].node);
        if (of.axes & axis_bit(TIME))
            write_advance(w, c_output_field(w->arena, g, i), "first * batch", shape_size(of.shape));
    }
    text_open(rest, "for (size_t seq = 0; args->lengths_%s && seq < args->batch; seq++)", t);
    text_line(rest, "const size_t own = (size_t)args->lengths_%s[seq];", t);
    text_line(rest, "lengths[seq] = (int)(own <= first ? 0 : own - first < part.%s ? own - first : part.%s);", T, T);
    text_close(rest, NULL);
    text_line(rest, "if (args->lengths_%s) part.lengths_%s = lengths;", t, t);
    text_line(rest, "return part;");
    text_close(rest, NULL);
    w->out = around;
    return helper_add(w, "The arguments for some steps of all. The caller's arrays are of `batch` sequences.",
                      arena_printf(w->arena, "%s_args", prefix), "segment_of", text_string(rest));
}

/* ---- the ways ---------------------------------------------------------------------------------------------------- */

/* What both functions have beside the segment's arguments; shards of a batch say which sequences they are of. */
static const char *shard_parameters(const writer *w) { return w->sharded ? ", size_t first_seq, size_t all_seqs" : ""; }
static const char *shard_arguments(const writer *w)
{
    return w->sharded ? arena_printf(w->arena, ", %s, %s", c_use(w, "first_seq"), c_use(w, "all_seqs")) : "";
}

static void write_way(writer *w, const region *r)
{
    const char *prefix = w->options->prefix;
    text *to = w->out;
    w->segment = r;
    uses_open(w);
    begin_body(w, r);
    text_blank(to);
    if (w->p->by_rows)
        text_line(to, "/* Some steps of %s. What they read of the steps before stands in front of theirs. */",
                  entry_name(w->p->entry));
    else if (r->segments.direction > 0)
        text_line(to, "/* A segment on the way there: what sums over the steps need that the way back reads; the state "
                      "it begins with is kept. */");
    else
        text_line(to, "/* A segment on the way back: its values again, from the state it begins with; its adjoints, "
                      "from those of the segment behind. */");
    text_line(to, "static void %s(const %s_args *args, const %s_args *all_args, size_t segment_index%s)",
              way_name(w, r), prefix, prefix, shard_parameters(w));
    text_block(to);
    text *body = text_new(w->arena);
    body->depth = to->depth;
    end_body(w, body);
    static const char *const parameters[] = {"all_args", "segment_index", "first_seq", "all_seqs"};
    for (size_t i = 0; i < (w->sharded ? 4 : 2); i++)
        if (!uses_take(w, parameters[i])) text_line(to, "(void)%s;", parameters[i]);
    uses_close(w);
    text_puts(to, text_string(body));
    to->depth = body->depth;
    w->out = to;
    w->segment = NULL;
}

void write_segment_functions(writer *w, const program *p)
{
    for (size_t i = 0; i < p->top->items.len; i++) {
        const region *r = p->top->items.data[i].region;
        if (r && r->kind == REGION_SEGMENTS) write_way(w, r);
    }
}

void write_segments(writer *w, const region *r)
{
    const char *PREFIX = c_upper(w->arena, w->options->prefix);
    text_blank(w->out);
    if (r->segments.direction > 0)
        text_open(w->out, "for (size_t segment_index = 0; segment_index < %s; segment_index++)", c_segments(w, false));
    else
        text_open(w->out, "for (size_t segment_index = %s; segment_index-- > 0;)", c_segments(w, false));
    text_line(w->out, "int segment_lengths[%s_BATCH];", PREFIX);
    text_line(w->out, "const %s_args segment_args = %s(args, segment_index * %s, segment_steps, %s, segment_lengths);",
              w->options->prefix, write_segment_args(w), c_segment_steps(w, false),
              c_use(w, w->sharded ? "all_seqs" : "batch"));
    text_line(w->out, "%s(&segment_args, args, segment_index%s);", way_name(w, r), shard_arguments(w));
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

/* Opens the loops over the rows: the step so that the address of the view is that of this row of the buffer, or of this
 * step. */
static void open_passed(writer *w, const stmt *s, int before)
{
    const char *t = letter(w);
    if (s->pass.rows == 1) {
        text_block(w->out);
        (void)set_step(w, TIME, arena_printf(w->arena, "%d", s->pass.what == PASS_BACK ? 0 : before - 1));
    } else if (s->pass.what == PASS_BACK)
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
    const char *step = w->step[TIME];
    axis_set before = w->loops;
    view v = s->to;
    int front = b->before[TIME];
    v.shift[TIME] -= s->pass.what == PASS_BACK ? 0 : front;
    text_line(w->out, "/* %s %s */", plan_label(w->g, w->arena, s->nodes.data[0]), pass_comment(s));
    open_passed(w, s, front);
    const char *here = c_component(w, s->to, s->shape, s->shape), *stride = "";
    if (s->axes & BATCH) stride = arena_printf(w->arena, "%s * ", c_use(w, "batch"));
    if (s->pass.what == PASS_ON || s->pass.what == PASS_BACK) {
        const char *far =
            arena_printf(w->arena, "%s + %s * %s%zu", s->pass.what == PASS_ON ? "to" : "from",
                         s->pass.what == PASS_ON ? c_use(w, length(w)) : c_segment_steps(w, false), stride, b->columns);
        text_line(w->out, "real *%s = %s;", s->pass.what == PASS_ON ? "to" : "from", c_address(w, v));
        text_line(w->out, "real *%s = %s;", s->pass.what == PASS_ON ? "from" : "to", far);
    } else {
        const buffer *shelf = &w->p->buffers.data[s->pass.store];
        const char *kept = c_add(w, c_times(w, c_use(w, "segment_index"), shelf->kept), c_step(w, TIME));
        kept = c_offset(w, kept, shelf->kept - front);
        if (strchr(kept, ' ')) kept = arena_printf(w->arena, "(%s)", kept);
        const char *row = s->axes & BATCH ? c_in_batch(w, kept, false, "seq") : kept;
        text_line(w->out, "real *%s = %s;", s->pass.what == PASS_KEEP ? "from" : "to", c_address(w, v));
        text_line(w->out, "real *%s = %s + %s * %zu;", s->pass.what == PASS_KEEP ? "to" : "from", c_memory(w, shelf),
                  row, shelf->columns);
    }
    open_components(w, s->shape);
    const char *flat = arena_printf(w->arena, "[%s]", c_side_by_side(w, s->shape));
    if (s->pass.what == PASS_RESTORE && s->axes & BATCH) /* behind the end of a sequence stands padding */
        text_line(w->out, "to%s = %s > 0 ? from%s : %s;", here, c_length(w, TIME), flat, c_nothing(w, s));
    else
        text_line(w->out, "to%s = from%s;", s->pass.what == PASS_KEEP ? flat : here,
                  s->pass.what == PASS_RESTORE ? flat : here);
    close_components(w, s->shape);
    reset_step(w, TIME, step);
    w->loops &= ~axis_bit(TIME);
    close_rows(w, before);
    text_close(w->out, NULL);
    w->loops = before;
}
