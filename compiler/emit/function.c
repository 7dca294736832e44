/* function.c: one entry point: its memory, its loops, its statements. */
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

typedef struct cost {
    axis_set axes;
    double flops;
} cost;

/* Floating-point operations of the products, by the axes whose rows they are done for. Depth: loops. */
static void add_costs(const program *p, const region *r, cost *costs, size_t *count, size_t cap)
{
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (!s) {
            add_costs(p, r->items.data[i].region, costs, count, cap);
            continue;
        }
        if (s->kind != STMT_CONTRACT) continue;
        double each = plan_operations(p->graph, s);
        size_t k = 0;
        while (k < *count && costs[k].axes != s->axes) k++;
        if (k == *count && *count < cap) costs[(*count)++] = (cost){.axes = s->axes};
        if (k < *count) costs[k].flops += each;
    }
}

static void write_cost(writer *w, const program *p)
{
    cost costs[16] = {{0}};
    size_t count = 0;
    add_costs(p, p->top, costs, &count, sizeof costs / sizeof *costs);
    text *t = text_new(w->arena);
    for (size_t i = 0; i < count; i++) {
        text_put(t, "%s%.0f", i ? " + " : "", costs[i].flops);
        for (int a = 1; a <= p->graph->axes; a++) {
            if (costs[i].axes & axis_bit(a) && p->entry != ENTRY_STEP) text_put(t, " %s", p->graph->axis[a].length);
        }
        if (costs[i].axes & BATCH) text_put(t, " batch");
    }
    text_line(w->out, "/* ---- %s: %s flops in matrix products; memory: see the macro %s_%s_WORK ---- */",
              entry_name(p->entry), count ? text_string(t) : "no", c_upper(w->arena, w->options->prefix),
              c_upper(w->arena, entry_name(p->entry)));
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Of the rows of a block of steps, which has at most block_rows + batch; or of all, where there are fewer. */
static const char *block_size(const writer *w, const buffer *b, int axis, bool macro)
{
    const char *batch = macro ? "(size_t)(batch)" : "batch", *T = w->g->axis[axis].length;
    if (w->p->segment) /* the last one may be shorter, but its rows lie where those of the others do */
        T = "segment_steps";
    else if (w->options->steps[axis])
        T = arena_printf(w->arena, "%d", w->options->steps[axis]);
    else if (macro)
        T = arena_printf(w->arena, "(size_t)(%s)", T);
    const char *all = arena_printf(w->arena, "%s * %s", T, batch);
    const char *block = arena_printf(w->arena, "%d + %s", b->block_rows, batch);
    return arena_printf(w->arena,
                        b->columns % 16 == 0 ? "(%s < %s ? %s : %s) * %d" : "((%s < %s ? %s : %s) * %d + 15) / 16 * 16",
                        all, block, all, block, b->columns);
}

const char *c_buffer_size(const writer *w, const buffer *b, bool macro)
{
    text *t = text_new(w->arena);
    size_t constant = (size_t)b->columns;
    if (b->kept) text_put(t, "%s * %d * ", c_segments(w, macro), b->kept);
    for (int a = 1; a <= w->g->axes; a++) {
        int extra = b->before[a] + b->after[a], steps = w->p->entry == ENTRY_STEP ? 1 : w->options->steps[a];
        if (!(b->axes & axis_bit(a))) continue;
        if (w->p->by_rows && macro) {
            const char *rows = c_segment_rows(w, (b->axes & BATCH) != 0, extra);
            return arena_printf(w->arena, constant % 16 == 0 ? "%s * %zu" : "(%s * %zu + 15) / 16 * 16", rows,
                                constant);
        }
        if (is_of_block(w, b)) return block_size(w, b, a, macro);
        if (w->p->segment) {
            text_put(t, extra ? "(%s + %d) * " : "%s * ", c_segment_steps(w, macro), extra);
            continue;
        }
        if (steps) {
            constant *= (size_t)(steps + extra);
            continue;
        }
        const char *T = macro ? arena_printf(w->arena, "(size_t)(%s)", w->g->axis[a].length) : w->g->axis[a].length;
        text_put(t, extra ? "(%s + %d) * " : "%s * ", T, extra);
    }
    if (b->axes & BATCH) text_put(t, macro ? "(size_t)(batch) * " : "batch * ");
    if (!t->len) return arena_printf(w->arena, "%zu", (constant + 15) / 16 * 16);
    if (constant == 1)
        return arena_printf(w->arena, "(%.*s + 15) / 16 * 16", (int)(t->len - strlen(" * ")), text_string(t));
    return arena_printf(w->arena, constant % 16 == 0 ? "%s%zu" : "(%s%zu + 15) / 16 * 16", text_string(t), constant);
}

enum { MOST_MEMBERS = 8 };

/* What a function has to do with a buffer. */
typedef struct buffer_use {
    bool mentioned; /* by its own name */
    bool needed;    /* the memory: for its values or for those in their place */
    size_t values;
    uint32_t first[MOST_MEMBERS]; /* the nodes of the first of them */
} buffer_use;

static const char *memory_name(const writer *w, const buffer *b) { return arena_printf(w->arena, "%s_all", b->name); }

/* Of each buffer, in one walk through the text of the function and one through the nodes. */
static buffer_use *find_uses(const writer *w, const program *p, arena *scratch, const char *body)
{
    buffer_use *of = ARENA_ARRAY(scratch, buffer_use, p->buffers.len);
    names *words = names_new(scratch);
    name_map number_of = {0};
    for (size_t i = 1; i < p->buffers.len; i++)
        name_map_set(scratch, &number_of, name_of(words, memory_name(w, &p->buffers.data[i])), (uint32_t)i);
    size_t length;
    for (const char *at = c_next_word(body, body, &length); at; at = c_next_word(body, at + length, &length)) {
        uint32_t number = 0;
        if (name_map_get(&number_of, name_of_length(words, at, length), &number)) of[number].mentioned = true;
    }
    for (size_t i = 1; i < p->buffers.len; i++) {
        const buffer *b = &p->buffers.data[i];
        of[i].needed = of[i].needed || of[i].mentioned;
        if (b->storage == STORE_PLACE && of[i].mentioned) of[b->place_of].needed = true;
    }
    for (uint32_t i = 1; i < p->graph->nodes.len; i++) {
        buffer_use *u = &of[p->views[i].buffer];
        if (p->stmt_of[i] && u->values++ < MOST_MEMBERS) u->first[u->values - 1] = i;
    }
    return of;
}

static void write_members(writer *w, const program *p, const buffer_use *u, text *t)
{
    for (size_t i = 0; i < u->values && i < MOST_MEMBERS; i++)
        text_put(t, "%s%s %s", i ? ", " : "", plan_label(p->graph, w->arena, (node_id){u->first[i]}),
                 shape_text(w->arena, p->graph->nodes.data[u->first[i]].type.shape));
    if (u->values > MOST_MEMBERS) text_put(t, ", ...");
}

/* Values in the place of others have a name of their own for it. */
static void write_places(writer *w, const program *p, const buffer_use *of)
{
    for (size_t i = 1; i < p->buffers.len; i++) {
        const buffer *b = &p->buffers.data[i];
        if (b->storage != STORE_PLACE || !of[i].mentioned) continue;
        text *t = text_new(w->arena);
        write_members(w, p, &of[i], t);
        text_line(w->out, "real *const %s = %s; /* %s: in the place of what nothing reads any more */",
                  memory_name(w, b), memory_name(w, &p->buffers.data[b->place_of]), text_string(t));
    }
}

static void write_memory(writer *w, const program *p, const char *body)
{
    arena *scratch = arena_new();
    const buffer_use *of = find_uses(w, p, scratch, body);
    size_t end = p->buffers.len;
    while (end > 1 && !of[end - 1].needed) end--;
    for (size_t i = 1; i < end; i++) {
        const buffer *b = &p->buffers.data[i];
        if (!of[i].needed) { /* of another function, or done without */
            if (b->storage == STORE_WORK)
                text_line(w->out, "work += %s; /* %s */", c_buffer_size(w, b, false), b->name);
            continue;
        }
        if (b->storage == STORE_LITERAL) {
            text_put(w->out, "static const real %s_all[%d] = {", b->name, b->columns);
            for (int k = 0; b->literal && k < b->columns; k++)
                text_put(w->out, "%s%s", k ? ", " : "", c_number(w, b->literal[k]));
            text_line(w->out, b->literal ? "};" : "0};");
        }
        if (b->storage != STORE_WORK) continue;
        text *t = text_new(w->arena);
        for (int a = 1; a <= w->g->axes; a++) {
            if (b->axes & axis_bit(a))
                text_put(t, "[%s]",
                         is_of_block(w, b) ? "steps of a block"
                         : !p->segment     ? c_rows(w, b, a)
                         : b->before[a] + b->after[a]
                             ? arena_printf(w->arena, "segment_steps + %d", b->before[a] + b->after[a])
                             : "segment_steps");
        }
        if (b->kept) text_put(t, "[segment_count][%d]", b->kept);
        text_put(t, "%s[%d]: ", b->axes & BATCH ? "[batch]" : "", b->columns);
        if (b->kept) text_put(t, "what segments begin with");
        write_members(w, p, &of[i], t);
        const char *memory = lives_in_state(w, b) ? arena_printf(w->arena, "args->state ? args->state->%s[0][0] : work",
                                                                 w->state_members[b->in_state])
                                                  : "work";
        text_line(w->out, "real *const %s_all = %s; /* %s */", b->name, memory, text_string(t));
        text_line(w->out, "work += %s;", c_buffer_size(w, b, false));
    }
    write_places(w, p, of);
    arena_free(scratch);
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
    case STMT_FILL_AFTER: write_fill_after(w, s); return;
    case STMT_COUNT: write_count(w, s); return;
    case STMT_SAVE: write_save(w, s); return;
    }
}

static void write_body(writer *w, const region *r, const char *step)
{
    text *to = w->out;
    if (step) {
        text_block(to);
        w->out = text_new(w->arena);
        w->out->depth = to->depth;
    }
    for (size_t i = 0; i < r->items.len; i++) {
        size_t streamed = write_streamed(w, r->items.data + i, r->items.len - i);
        if (streamed)
            i += streamed - 1;
        else if (r->items.data[i].stmt)
            write_stmt(w, r->items.data[i].stmt);
        else
            write_region(w, r->items.data[i].region);
    }
    if (!step) return;
    const char *statements = text_string(w->out), *t = w->g->axis[r->axis].letter;
    w->out = to;
    if (c_mentions(statements, t)) text_line(to, "const size_t %s = %s;", t, step);
    text_puts(to, statements);
    text_close(to, NULL);
}

/* `factor` copies of the body in a loop, then a loop over what remains. */
static void write_unrolled(writer *w, const region *r, int factor)
{
    const char *t = w->g->axis[r->axis].letter, *T = c_steps(w, r->axis);
    text_line(w->out, "size_t %s_next = 0;", t);
    text_open(w->out, "for (; %s_next + %d <= %s; %s_next += %d)", t, factor, T, t, factor);
    for (int k = 0; k < factor; k++)
        write_body(w, r,
                   r->direction > 0 ? arena_printf(w->arena, "%s_next + %d", t, k)
                                    : arena_printf(w->arena, "%s - 1 - (%s_next + %d)", T, t, k));
    text_close(w->out, NULL);
    text_open(w->out, "for (; %s_next < %s; %s_next++)", t, T, t);
    write_body(w, r,
               r->direction > 0 ? arena_printf(w->arena, "%s_next", t)
                                : arena_printf(w->arena, "%s - 1 - %s_next", T, t));
    text_close(w->out, NULL);
}

static void write_loop(writer *w, const region *r)
{
    const char *t = w->g->axis[r->axis].letter, *T = c_steps(w, r->axis);
    int steps = w->p->entry == ENTRY_STEP ? 1
                : w->segment              ? 0
                                          : w->options->steps[r->axis],
        unroll = w->options->unroll;
    axis_set before = w->loops;
    text_blank(w->out);
    if (steps == 1)
        text_line(w->out, "/* one step of %s */", t);
    else
        text_line(w->out, r->direction > 0 ? "/* scan over %s, forward */" : "/* scan over %s, backward */", t);
    w->loops |= axis_bit(r->axis);
    if (steps == 1 || (unroll == 0 && steps > 0)) {
        for (int k = 0; k < steps; k++)
            write_body(w, r, arena_printf(w->arena, "%d", r->direction > 0 ? k : steps - 1 - k));
    } else if (unroll > 1) {
        text_block(w->out);
        write_unrolled(w, r, unroll);
        text_close(w->out, NULL);
    } else {
        bool block = w->block_axis == r->axis;
        if (r->direction > 0)
            text_open(w->out, "for (size_t %s = %s; %s < %s; %s++)", t, block ? "block" : "0", t,
                      block ? "block_end" : T, t);
        else
            text_open(w->out, "for (size_t %s = %s; %s-- > %s;)", t, block ? "block_end" : T, t, block ? "block" : "0");
        w->block_axis = 0;
        write_body(w, r, NULL);
        text_close(w->out, NULL);
    }
    w->loops = before;
    text_blank(w->out);
}

static void write_blocks_of_steps(writer *w, const region *r)
{
    const char *T = c_steps(w, r->block_axis);
    if (!has_step_blocks(w->p, w->options, r->block_axis)) {
        write_body(w, r, NULL);
        return;
    }
    text_blank(w->out);
    text_line(w->out, "/* some steps at a time, so that what is handed on stays in the cache */");
    text_block(w->out);
    text_line(w->out, "const size_t block_steps = %d / batch + 1;", r->block_rows);
    if (r->direction > 0) {
        text_open(w->out, "for (size_t block = 0, block_end; block < %s; block = block_end)", T);
        text_line(w->out, "block_end = %s - block < block_steps ? %s : block + block_steps;", T, T);
    } else {
        text_open(w->out, "for (size_t block, block_end = %s; block_end > 0; block_end = block)", T);
        text_line(w->out, "block = block_end < block_steps ? 0 : block_end - block_steps;");
    }
    for (size_t i = 0; i < r->items.len; i++) {
        w->block_axis = r->block_axis;
        if (r->items.data[i].stmt)
            write_stmt(w, r->items.data[i].stmt);
        else
            write_region(w, r->items.data[i].region);
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
    open_rows(w, before | r->rows);
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
    if (r->segments && r != w->segment)
        write_segments(w, r);
    else if (r->block_axis)
        write_blocks_of_steps(w, r);
    else if (r->axis)
        write_loop(w, r);
    else if (r->rows)
        write_each_row(w, r);
    else
        write_body(w, r, NULL);
}

/* ---- the function ------------------------------------------------------------------------------------------------ */

static bool is_of_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Not behind "." or "->". */
static bool begins_word(const char *code, const char *at)
{
    return at == code || !(is_of_word(at[-1]) || at[-1] == '>' || at[-1] == '.');
}

const char *c_next_word(const char *code, const char *from, size_t *length)
{
    for (const char *at = from; *at;) {
        if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");
            if (!end) return NULL;
            at = end + 2;
            continue;
        }
        size_t n = 0;
        while (is_of_word(at[n])) n++;
        *length = n;
        if (n && begins_word(code, at)) return at;
        at += n ? n : 1;
    }
    return NULL;
}

/* strstr is fast, and most words are not there. */
bool c_mentions(const char *code, const char *word)
{
    size_t n = strlen(word);
    const char *comment = strstr(code, "/*"), *at = strstr(code, word);
    while (at) {
        if (comment && comment < at) {
            const char *end = strstr(comment + 2, "*/");
            if (!end) return false;
            comment = strstr(end, "/*");
            if (at < end) at = strstr(end, word);
            continue;
        }
        if (begins_word(code, at) && !is_of_word(at[n])) return true;
        at = strstr(at + 1, word);
    }
    return false;
}

static void write_end(writer *w, const program *p)
{
    if (node_some(p->graph->loss) && (p->entry == ENTRY_LOSS || p->entry == ENTRY_GRAD)) {
        text_blank(w->out);
        text_line(w->out, "*args->loss = %s;", c_element(w, p->loss, SCALAR, SCALAR));
    }
    if (has_state(w)) {
        text *around;
        bool apart = helper_open(w, &around);
        text_open(w->out, "if (args->state)");
        text_line(w->out, "for (size_t seq = 0; seq < batch; seq++) args->state->time[%s] += %s;", c_state_seq(w),
                  c_length(w, 1));
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
    write_region(w, r);
}

void write_steps_and_batch(writer *w, const char *body)
{
    if (c_mentions(body, "batch"))
        text_line(w->out, "const size_t batch = %s;", w->options->batch == 1 ? "1" : "args->batch");
    for (int a = 1; a <= w->g->axes; a++) {
        const char *T = w->g->axis[a].length;
        if (c_mentions(body, T)) text_line(w->out, "const size_t %s = args->%s;", T, T);
    }
}

void write_weights(writer *w, const char *body)
{
    if (c_mentions(body, "params")) text_line(w->out, "const real *params = args->params;");
    if (w->weights && w->options->weights_as == WEIGHTS_BLOB && c_mentions(body, "weights"))
        text_line(w->out, "const real *weights = args->weights;");
}

void end_body(writer *w, text *to)
{
    const char *statements = text_string(w->out);
    w->out = text_new(w->arena);
    w->out->depth = 1;
    write_memory(w, w->p, statements);
    text_blank(w->out);
    text_puts(w->out, statements);
    const char *body = text_string(w->out);
    w->out = to;
    write_steps_and_batch(w, body);
    if (c_mentions(body, "ragged"))
        text_line(w->out,
                  w->p->entry == ENTRY_STEP ? "const int ragged = args->lengths_%s != NULL;"
                                            : "const int ragged = is_ragged(args);",
                  w->g->axis[1].letter);
    write_weights(w, body);
    if (c_mentions(body, "grads")) text_line(w->out, "real *grads = args->grads;");
    if (c_mentions(body, "work")) text_line(w->out, "real *work = args->work;");
    if (w->p->segment) write_segment_counts(w, body);
    text_puts(w->out, body);
    text_close(w->out, NULL);
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
    text_open(w->out, "if (!is_present(args, 0))");
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
static void write_signature(writer *w, const program *p, const char *statements)
{
    const char *prefix = w->options->prefix, *word = entry_name(p->entry);
    if (w->sharded) {
        text_line(w->out, "static void %s_shard(const %s_args *args, size_t first_seq, size_t all_seqs)", word, prefix);
        text_block(w->out);
        if (!c_mentions(statements, "first_seq")) text_line(w->out, "(void)first_seq;");
        if (!c_mentions(statements, "all_seqs")) text_line(w->out, "(void)all_seqs;");
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
    write_signature(w, p, text_string(statements));
    w->out = statements;
    end_body(w, to);
    if (w->sharded) write_shards(w, p);
    w->sharded = false;
}
