/* function.c: one entry point: its loops and statements, and what stands around them. */
#include "emit/writer.h"
#include "plan/cost.h"

#include <ctype.h>
#include <string.h>

bool has_input(const program *p, uint32_t input)
{
    for (size_t i = 1; i < p->graph->nodes.len; i++) {
        const node *n = &p->graph->nodes.data[i];
        if (n->op == OP_input && n->attr.index == input) return true;
    }
    return false;
}

/* ---- comments ---------------------------------------------------------------------------------------------------- */

/* The text of a span on one line, fit for a comment. */
static const char *quote(const writer *w, span at, const char **where)
{
    const source *src = w->g->sources ? source_of(w->g->sources, at) : NULL;
    if (!src) return NULL;
    text *t = text_new(w->arena);
    bool gap = false, comment = false;
    for (uint32_t i = at.begin; i < at.end && i < src->length; i++) {
        char c = src->text[i];
        comment = c == '#' || (comment && c != '\n');
        if (comment || isspace((unsigned char)c)) {
            gap = true;
            continue;
        }
        text_put(t, gap ? " %c" : "%c", c == '/' && i > at.begin && src->text[i - 1] == '*' ? '|' : c);
        gap = false;
    }
    const char *slash = strrchr(src->path, '/');
    *where = arena_printf(w->arena, "%s:%u", slash ? slash + 1 : src->path, source_place(src, at.begin).line);
    return text_string(t);
}

/* A value under its equation in the spec, anything else under the equation that was derived. */
void write_equation(writer *w, node_id id)
{
    const node *n = graph_node(w->g, id);
    const char *where = NULL, *equation = NULL;
    if (n->origin.whole && n->origin.role == ROLE_VALUE)
        equation = quote(w, w->g->variables.data[n->origin.variable].at, &where);
    if (equation) {
        text_line(w->out, "/* %s  %s */", where, equation);
        return;
    }
    text_line(w->out, "/* %s */", graph_equation(w->g, w->arena, id));
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

static void write_cost(writer *w, const program *p)
{
    plan_tally products = {.count = 0};
    plan_tally_region(&products, p->graph, p->top, 1, 0);
    text *t = text_new(w->arena);
    for (size_t i = 0; i < products.count; i++) {
        text_put(t, "%s%.0f", i ? " + " : "", products.operations[i]);
        for (int a = 1; a <= p->graph->axes; a++) {
            if (products.axes[i] & axis_bit(a) && p->entry != ENTRY_STEP) text_put(t, " %s", p->graph->axis[a].length);
        }
        if (products.axes[i] & BATCH) text_put(t, " batch");
    }
    text_line(w->out, "/* ---- %s: %s flops in matrix products; memory: see the macro %s_%s_WORK ---- */",
              entry_name(p->entry), t->len ? text_string(t) : "no", c_upper(w->arena, w->options->prefix),
              c_upper(w->arena, entry_name(p->entry)));
}

/* ---- statements and regions -------------------------------------------------------------------------------------- */

static void write_stmt(writer *w, const stmt *s)
{
    switch (s->kind) {
    case STMT_POINTWISE: write_pointwise(w, s); return;
    case STMT_CONTRACT: write_contract(w, s); return;
    case STMT_ROWS: write_rows(w, s); return;
    case STMT_OVER: write_over(w, s); return;
    case STMT_PACK: write_pack(w, s); return;
    case STMT_GATHER: write_gather(w, s); return;
    case STMT_SCATTER: write_scatter(w, s); return;
    case STMT_COPY: write_copy(w, s); return;
    case STMT_FILL_BEFORE: write_fill_before(w, s); return;
    case STMT_CLEAR: write_clear(w, s); return;
    case STMT_PASS: write_pass(w, s); return;
    case STMT_COUNT: write_count(w, s); return;
    case STMT_SAVE: write_save(w, s); return;
    case STMT_FILL_AFTER: break; /* of several values at once: write_items */
    }
    BUG("a statement that is written with its neighbours stands alone");
}

/* The first of the items, with those behind it that are written as one with it; returns how many. */
static size_t write_items(writer *w, const item *items, size_t count)
{
    size_t together = write_streamed(w, items, count);
    if (!together) together = write_fills_after(w, items, count);
    if (together) return together;
    if (items->stmt)
        write_stmt(w, items->stmt);
    else
        write_region(w, items->region);
    return 1;
}

static void write_body(writer *w, const region *r)
{
    for (size_t i = 0; i < r->items.len;) i += write_items(w, r->items.data + i, r->items.len - i);
}

/* What a scan does in one of its steps. */
static void write_one_step(writer *w, const region *r, const char *step)
{
    text_block(w->out);
    const char *before = set_step(w, r->scan.axis, step);
    write_body(w, r);
    reset_step(w, r->scan.axis, before);
    text_close(w->out, NULL);
}

/* `factor` copies of the body in a loop, then a loop over what remains. */
static void write_unrolled(writer *w, const region *r, int factor)
{
    const char *t = w->g->axis[r->scan.axis].letter, *T = c_steps(w, r->scan.axis);
    text_line(w->out, "size_t %s_next = 0;", t);
    text_open(w->out, "for (; %s_next + %d <= %s; %s_next += %d)", t, factor, T, t, factor);
    for (int k = 0; k < factor; k++)
        write_one_step(w, r,
                       r->scan.direction > 0 ? arena_printf(w->arena, "%s_next + %d", t, k)
                                             : arena_printf(w->arena, "%s - 1 - (%s_next + %d)", T, t, k));
    text_close(w->out, NULL);
    text_open(w->out, "for (; %s_next < %s; %s_next++)", t, T, t);
    write_one_step(w, r,
                   r->scan.direction > 0 ? arena_printf(w->arena, "%s_next", t)
                                         : arena_printf(w->arena, "%s - 1 - %s_next", T, t));
    text_close(w->out, NULL);
}

static void write_loop(writer *w, const region *r)
{
    const char *t = w->g->axis[r->scan.axis].letter, *T = c_steps(w, r->scan.axis);
    int steps = w->segment ? 0 : w->options->steps[r->scan.axis], unroll = w->options->unroll;
    bool one = has_one_step(w, r->scan.axis);
    axis_set before = w->loops;
    text_blank(w->out);
    if (one)
        text_line(w->out, "/* one step of %s */", t);
    else
        text_line(w->out, r->scan.direction > 0 ? "/* scan over %s, forward */" : "/* scan over %s, backward */", t);
    w->loops |= axis_bit(r->scan.axis);
    if (one) {
        write_body(w, r);
    } else if (unroll == 0 && steps > 0) {
        for (int k = 0; k < steps; k++)
            write_one_step(w, r, arena_printf(w->arena, "%d", r->scan.direction > 0 ? k : steps - 1 - k));
    } else if (unroll > 1) {
        text_block(w->out);
        write_unrolled(w, r, unroll);
        text_close(w->out, NULL);
    } else {
        bool block = w->block_axis == r->scan.axis;
        if (r->scan.direction > 0)
            text_open(w->out, "for (size_t %s = %s; %s < %s; %s++)", t, block ? "block" : "0", t,
                      block ? "block_end" : T, t);
        else
            text_open(w->out, "for (size_t %s = %s; %s-- > %s;)", t, block ? "block_end" : T, t, block ? "block" : "0");
        w->block_axis = 0;
        write_body(w, r);
        text_close(w->out, NULL);
    }
    w->loops = before;
    text_blank(w->out);
}

static void write_blocks_of_steps(writer *w, const region *r)
{
    const char *T = c_steps(w, r->blocks.axis);
    if (!has_step_blocks(w->p, w->options, r->blocks.axis)) {
        write_body(w, r);
        return;
    }
    text_blank(w->out);
    text_line(w->out, "/* some steps at a time, so that what is handed on stays in the cache */");
    text_block(w->out);
    text_line(w->out, "const size_t block_steps = %d / %s + 1;", r->blocks.rows, c_use(w, "batch"));
    if (r->blocks.direction > 0) {
        text_open(w->out, "for (size_t block = 0, block_end; block < %s; block = block_end)", T);
        text_line(w->out, "block_end = %s - block < block_steps ? %s : block + block_steps;", T, T);
    } else {
        text_open(w->out, "for (size_t block, block_end = %s; block_end > 0; block_end = block)", T);
        text_line(w->out, "block = block_end < block_steps ? 0 : block_end - block_steps;");
    }
    for (size_t i = 0; i < r->items.len;) {
        w->block_axis = r->blocks.axis;
        i += write_items(w, r->items.data + i, r->items.len - i);
    }
    w->block_axis = 0;
    text_close(w->out, NULL);
    text_close(w->out, NULL);
    text_blank(w->out);
}

/* Statements one after the other for each row. */
static void write_each_row(writer *w, const region *r)
{
    axis_set before = w->loops;
    bool sums = false;
    for (size_t i = 0; i < r->items.len; i++) {
        write_sums_before(w, r->items.data[i].stmt);
        sums = sums || has_sums(r->items.data[i].stmt);
    }
    open_rows(w, before | r->rows.axes);
    if (sums) skip_padding(w, w->loops);
    w->row_by_row = true;
    for (size_t i = 0; i < r->items.len; i++) write_stmt(w, r->items.data[i].stmt);
    w->row_by_row = false;
    close_rows(w, before);
    for (size_t i = 0; i < r->items.len; i++) write_sums_after(w, r->items.data[i].stmt);
}

/* Depth: loops. */
void write_region(writer *w, const region *r)
{
    switch (r->kind) {
    case REGION_ONCE: write_body(w, r); break;
    case REGION_SCAN: write_loop(w, r); break;
    case REGION_ROWS: write_each_row(w, r); break;
    case REGION_SEGMENTS:
        if (r == w->segment)
            write_body(w, r);
        else
            write_segments(w, r);
        break;
    case REGION_BLOCKS: write_blocks_of_steps(w, r); break;
    }
}

/* ---- the function ------------------------------------------------------------------------------------------------ */

static void write_end(writer *w, const program *p)
{
    if (node_some(p->graph->loss) && (p->entry == ENTRY_LOSS || p->entry == ENTRY_GRAD)) {
        text_blank(w->out);
        text_line(w->out, "*args->loss = %s;", c_element(w, p->loss, SCALAR, SCALAR));
    }
    if (has_state(w)) {
        text *around;
        bool apart = helper_open(w, &around);
        open_if_state(w);
        text_line(w->out, "for (size_t seq = 0; seq < %s; seq++) args->state->time[%s] += %s;", c_use(w, "batch"),
                  c_state_seq(w), c_length(w, 1));
        text_close(w->out, NULL);
        if (apart) helper_close(w, around, NULL, "The steps of this call, for the next.", "save_time");
    }
    if (!w->sharded) text_line(w->out, "return 0;");
}

static void begin_function(writer *w, const program *p)
{
    w->p = p;
    w->g = p->graph;
    w->loops = 0;
    w->name_of = ARENA_ARRAY(w->arena, const char *, w->g->nodes.len);
    w->marks = ARENA_ARRAY(w->arena, unsigned char, w->g->nodes.len);
    w->nesting = ARENA_ARRAY(w->arena, unsigned char, w->g->nodes.len);
    w->array_of = ARENA_ARRAY(w->arena, const char *, w->g->nodes.len);
}

void begin_body(writer *w, const region *r)
{
    w->out = text_new(w->arena);
    w->out->depth = 1;
    uses_open(w);
    write_region(w, r);
}

void write_steps_and_batch(writer *w)
{
    if (uses_take(w, "batch")) {
        if (w->options->batch == 1)
            text_line(w->out, "const size_t batch = 1;");
        else
            text_line(w->out, "const size_t batch = %s->batch;", c_use(w, "args"));
    }
    for (int a = 1; a <= w->g->axes; a++) {
        const char *T = w->g->axis[a].length;
        if (uses_take(w, T)) text_line(w->out, "const size_t %s = %s->%s;", T, c_use(w, "args"), T);
    }
}

void write_weights(writer *w)
{
    bool loads = w->weights && w->options->weights_as == WEIGHTS_BLOB, integers = loads && uses_take(w, "matrices");
    if (uses_take(w, "params")) text_line(w->out, "const real *params = %s->params;", c_use(w, "args"));
    if (integers) (void)c_use(w, "weights");
    if (loads && uses_take(w, "weights")) text_line(w->out, "const real *weights = %s->weights;", c_use(w, "args"));
    if (integers)
        text_line(w->out, "const uint32_t *matrices = (const uint32_t *)(const void *)(weights + %s_WEIGHTS);",
                  c_upper(w->arena, w->options->prefix));
}

void end_body(writer *w, text *to)
{
    const char *statements = text_string(w->out);
    w->out = text_new(w->arena);
    w->out->depth = 1;
    write_memory(w, w->p);
    text_blank(w->out);
    text_puts(w->out, statements);
    const char *body = text_string(w->out);
    w->out = to;
    text *counts = text_new(w->arena);
    counts->depth = 1;
    w->out = counts;
    if (w->p->segment) write_segment_counts(w);
    w->out = to;
    write_steps_and_batch(w);
    if (uses_take(w, "ragged")) {
        if (w->p->entry == ENTRY_STEP)
            text_line(w->out, "const int ragged = args->lengths_%s != NULL;", w->g->axis[1].letter);
        else
            text_line(w->out, "const int ragged = %s(args);", c_use(w, "is_ragged"));
    }
    write_weights(w);
    if (uses_take(w, "grads")) text_line(w->out, "real *grads = args->grads;");
    if (uses_take(w, "work")) text_line(w->out, "real *work = args->work;");
    text_puts(w->out, text_string(counts));
    text_puts(w->out, body);
    text_close(w->out, NULL);
    uses_close(w);
}

void write_norm(writer *w, const program *p, size_t number)
{
    text *to = w->out;
    begin_function(w, p);
    begin_body(w, p->top);
    text_line(w->out, "return %s;", c_element(w, p->loss, SCALAR, SCALAR));
    text_blank(to);
    text_line(to, "/* What loss %zu is divided by. */", number);
    text_line(to, "static real norm_%zu(const %s_args *args)", number, w->options->prefix);
    text_block(to);
    end_body(w, to);
}

/* An absent sequence leaves the state as it is, and zeros as outputs. */
static void write_absence(writer *w, const program *p)
{
    text_open(w->out, "if (!%s(args, 0))", c_use(w, "is_present"));
    for (uint32_t i = 0; i < p->graph->outputs.len; i++) {
        node_id out = p->graph->outputs.data[i].node;
        const char *output = c_output_field(w->arena, w->g, i);
        if (node_some(out))
            text_line(w->out, "if (args->%s) memset(args->%s, 0, %d * sizeof(real));", output, output,
                      shape_size(graph_type(w->g, out).shape));
    }
    text_line(w->out, "return 0;");
    text_close(w->out, NULL);
}

/* The exported function, or what it does with one shard of the batch. */
static void write_signature(writer *w, const program *p)
{
    const char *prefix = w->options->prefix, *word = entry_name(p->entry);
    if (w->sharded) {
        text_line(w->out, "static void %s_shard(const %s_args *args, size_t first_seq, size_t all_seqs)", word, prefix);
        text_block(w->out);
        if (!is_used(w, "first_seq")) text_line(w->out, "(void)first_seq;");
        if (!is_used(w, "all_seqs")) text_line(w->out, "(void)all_seqs;");
        return;
    }
    text_line(w->out, "int %s_%s(const %s_args *args)", prefix, word, prefix);
    text_block(w->out);
    text_line(w->out, "const int status = check_%s(args);", word);
    text_line(w->out, "if (status) return status;");
    if (is_never_absent(w)) write_absence(w, p);
}

void write_function(writer *w, const program *p)
{
    text *to = w->out;
    w->sharded = is_sharded(w, p);
    begin_function(w, p);
    if (p->segment) write_segment_functions(w, p);
    begin_body(w, p->top);
    write_end(w, p);
    text *statements = w->out;
    w->out = to;
    text_blank(to);
    write_cost(w, p);
    write_signature(w, p);
    w->out = statements;
    end_body(w, to);
    if (w->sharded) write_shards(w, p);
    w->sharded = false;
}
