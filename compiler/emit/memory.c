/* memory.c: the memory of a function: how large each buffer is, and the names for where it lies in `work`.
 *
 * In: the buffers of a program, and which of them the statements that have been written use. Out: a pointer for each of
 * these; the others are stepped over, so that all functions of an entry point agree. */
#include "emit/writer.h"

#include <string.h>

static const char *c_all_steps(const writer *w, int axis, bool macro)
{
    const char *T = w->g->axis[axis].length;
    return macro ? arena_printf(w->arena, "(size_t)(%s)", T) : c_use(w, T);
}

/* Of the rows of a block of steps, which has at most block_rows + batch; or of all, where there are fewer. */
static const char *block_size(const writer *w, const buffer *b, int axis, bool macro)
{
    const char *batch = macro ? "(size_t)(batch)" : c_use(w, "batch"), *T;
    if (w->p->segment) /* the last one may be shorter, but its rows lie where those of the others do */
        T = c_use(w, "segment_steps");
    else if (w->options->steps[axis])
        T = arena_printf(w->arena, "%d", w->options->steps[axis]);
    else
        T = c_all_steps(w, axis, macro);
    const char *all = arena_printf(w->arena, "%s * %s", T, batch);
    const char *block = arena_printf(w->arena, "%d + %s", b->block_rows, batch);
    return arena_printf(
        w->arena, b->columns % 16 == 0 ? "(%s < %s ? %s : %s) * %zu" : "((%s < %s ? %s : %s) * %zu + 15) / 16 * 16",
        all, block, all, block, b->columns);
}

const char *c_buffer_size(const writer *w, const buffer *b, bool macro)
{
    text *t = text_new(w->arena);
    size_t constant = b->columns;
    if (b->kept) text_put(t, "%s * %d * ", c_segments(w, macro), b->kept);
    for (int a = 1; a <= w->g->axes; a++) {
        int extra = b->before[a] + b->after[a], steps = w->p->entry == ENTRY_STEP ? 1 : w->options->steps[a];
        if (!(b->axes & axis_bit(a))) continue;
        if (w->p->by_rows && macro) {
            const char *rows = c_segment_rows(w, (b->axes & BATCH) != 0, extra);
            return arena_printf(w->arena, constant % 16 == 0 ? "%s" : "(%s + 15) / 16 * 16",
                                c_times(w, rows, (int)b->columns));
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
        text_put(t, extra ? "(%s + %d) * " : "%s * ", c_all_steps(w, a, macro), extra);
    }
    if (b->axes & BATCH) text_put(t, "%s * ", macro ? "(size_t)(batch)" : c_use(w, "batch"));
    if (!t->len) return arena_printf(w->arena, "%zu", (constant + 15) / 16 * 16);
    if (constant == 1)
        return arena_printf(w->arena, "(%.*s + 15) / 16 * 16", (int)(t->len - strlen(" * ")), text_string(t));
    return arena_printf(w->arena, constant % 16 == 0 ? "%s%zu" : "(%s%zu + 15) / 16 * 16", text_string(t), constant);
}

enum { MOST_MEMBERS = 8 };

/* What a function has to do with a buffer. */
typedef struct buffer_use {
    bool used;   /* by its own name */
    bool needed; /* the memory: for its values or for those in their place */
    size_t values;
    uint32_t first[MOST_MEMBERS]; /* the nodes of the first of them, in the order of their columns */
} buffer_use;

static const char *memory_name(const writer *w, const buffer *b) { return arena_printf(w->arena, "%s_all", b->name); }

static void add_value(buffer_use *u, const view *views, uint32_t number)
{
    size_t k = u->values < MOST_MEMBERS ? u->values : MOST_MEMBERS;
    u->values++;
    for (; k > 0 && views[u->first[k - 1]].column > views[number].column; k--) {
        if (k < MOST_MEMBERS) u->first[k] = u->first[k - 1];
    }
    if (k < MOST_MEMBERS) u->first[k] = number;
}

/* Of each buffer; here they are declared. */
static buffer_use *find_uses(const writer *w, const program *p, arena *scratch)
{
    buffer_use *of = ARENA_ARRAY(scratch, buffer_use, p->buffers.len);
    for (size_t i = 1; i < p->buffers.len; i++) {
        const buffer *b = &p->buffers.data[i];
        of[i].used = uses_take(w, memory_name(w, b));
        of[i].needed = of[i].needed || of[i].used;
        if (b->storage == STORE_PLACE && of[i].used) of[b->place_of].needed = true;
    }
    for (uint32_t i = 1; i < p->graph->nodes.len; i++) {
        if (p->stmt_of[i]) add_value(&of[p->views[i].buffer], p->views, i);
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
        if (b->storage != STORE_PLACE || !of[i].used) continue;
        text *t = text_new(w->arena);
        write_members(w, p, &of[i], t);
        text_line(w->out, "real *const %s = %s; /* %s: in the place of what nothing reads any more */",
                  memory_name(w, b), memory_name(w, &p->buffers.data[b->place_of]), text_string(t));
    }
}

const char *c_constant(const writer *w, const program *p, const buffer *b)
{
    return arena_printf(w->arena, "constant %s of %s", b->name, entry_name(p->entry));
}

static void write_literal(writer *w, const program *p, const buffer *b)
{
    (void)c_use(w, c_constant(w, p, b)); /* for the footprint */
    enum { A_LINE = 6 };
    const char *declared = arena_printf(w->arena, "static const real %s_all[%zu] =", b->name, b->columns);
    text *line = text_new(w->arena);
    bool many = b->columns > (size_t)2 * A_LINE && b->literal;
    if (many) text_open(w->out, "%s", declared);
    for (size_t k = 0; b->literal && k < b->columns; k++) {
        bool last = k + 1 == b->columns, ends = many && k % A_LINE == A_LINE - 1;
        text_put(line, "%s%s", c_number(w, b->literal[k]), last ? "" : ends ? "," : ", ");
        if (!many || !(ends || last)) continue;
        text_line(w->out, "%s", text_string(line));
        line = text_new(w->arena);
    }
    if (many)
        text_close(w->out, ";");
    else
        text_line(w->out, "%s {%s};", declared, b->literal ? text_string(line) : "0");
}

void write_memory(writer *w, const program *p)
{
    arena *scratch = arena_new();
    const buffer_use *of = find_uses(w, p, scratch);
    size_t end = p->buffers.len;
    while (end > 1 && !of[end - 1].needed) end--;
    for (size_t i = 1; i < end; i++) {
        const buffer *b = &p->buffers.data[i];
        if (!of[i].needed) { /* of another function, or done without */
            if (b->storage == STORE_WORK)
                text_line(w->out, "%s += %s; /* %s is not used here */", c_use(w, "work"), c_buffer_size(w, b, false),
                          b->name);
            continue;
        }
        if (b->storage == STORE_LITERAL) write_literal(w, p, b);
        if (b->storage != STORE_WORK) continue;
        text *t = text_new(w->arena);
        for (int a = 1; a <= w->g->axes; a++) {
            if (b->axes & axis_bit(a))
                text_put(t, "[%s]",
                         is_of_block(w, b) ? "steps of a block"
                         : !p->segment     ? c_bare(w, c_rows(w, b, a))
                         : b->before[a] + b->after[a]
                             ? arena_printf(w->arena, "segment_steps + %d", b->before[a] + b->after[a])
                             : "segment_steps");
        }
        if (b->kept) text_put(t, "[segment_count][%d]", b->kept);
        text_put(t, "%s[%zu]: ", b->axes & BATCH ? "[batch]" : "", b->columns);
        if (b->kept)
            text_put(t, "what segments begin with");
        else if (!of[i].values)
            text_put(t, "a matrix, packed by this call");
        write_members(w, p, &of[i], t);
        const char *memory = lives_in_state(w, b) ? arena_printf(w->arena, "args->state ? args->state->%s[0][0] : work",
                                                                 w->state_members[b->in_state])
                                                  : "work";
        text_line(w->out, "real *const %s_all = %s; /* %s */", b->name, memory, text_string(t));
        text_line(w->out, "%s += %s;", c_use(w, "work"), c_buffer_size(w, b, false));
    }
    write_places(w, p, of);
    arena_free(scratch);
}
