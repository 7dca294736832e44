/* checks.c: what each entry point asks of its arguments before it writes anything. */
#include "emit/files.h"

#include <string.h>

/* A helper that looks at the lengths of one axis. */
static const char *lengths_check(file *f)
{
    return helper_add(&f->w, "Is each sequence as long as the arrays, or shorter?", "int", "lengths_fit",
                      "(const int *lengths, size_t batch, size_t steps)\n{\n"
                      "    for (size_t seq = 0; lengths && seq < batch; seq++) {\n"
                      "        if (lengths[seq] < 0 || (size_t)lengths[seq] > steps) return 0;\n"
                      "    }\n"
                      "    return 1;\n}\n");
}

/* The letters of the axes, after "tokens_fit". */
static const char *axes_suffix(const file *f, axis_set axes)
{
    text *t = text_new(f->w.arena);
    for (int a = 1; a <= f->g->axes; a++) {
        if (axes & axis_bit(a)) text_put(t, "_%s", f->g->axis[a].letter);
    }
    return text_string(t);
}

/* "tokens_fit_t(args, ": a helper that looks at the tokens of an input with such axes and components. */
static const char *tokens_check(file *f, type what)
{
    text *out = text_new(f->w.arena), *around = f->w.out;
    const char *index = NULL;
    axis_set before = f->w.loops;
    int components = shape_size(what.shape);
    f->w.out = out;
    out->depth = 1;
    uses_open(&f->w);
    open_rows(&f->w, what.axes);
    for (int a = 1; a <= f->g->axes; a++) {
        if (!(what.axes & axis_bit(a))) continue;
        const char *t = f->g->axis[a].letter;
        const char *when =
            f->g->axes == 1 && f->w.p->entry != ENTRY_STEP ? arena_printf(f->w.arena, "args->lengths_%s && ", t) : "";
        text_line(out, "if (%s%s) continue;", when, c_beyond(&f->w, a));
        index = index ? c_multiply_add(&f->w, index, c_steps(&f->w, a), c_step(&f->w, a)) : c_step(&f->w, a);
    }
    if (!index && f->g->axes) text_line(out, "if (%s == 0) continue;", c_length(&f->w, 1));
    index = c_bare(&f->w, c_in_batch(&f->w, index, false, "seq"));
    if (components > 1) {
        text_open(out, "for (size_t unit = 0; unit < %d; unit++)", components);
        index = arena_printf(f->w.arena, "(%s) * %d + unit", index, components);
    }
    text_line(out, "const int token = tokens[%s];", index);
    text_line(out, "if (token < 0 || token >= classes) return 0;");
    if (components > 1) text_close(out, NULL);
    close_rows(&f->w, before);
    text_line(out, "return 1;");
    const char *loops = text_string(out);
    f->w.out = out = text_new(f->w.arena);
    out->depth = 1;
    write_steps_and_batch(&f->w);
    text_puts(out, loops);
    bool alone = !is_used(&f->w, "args");
    uses_close(&f->w);
    text *rest = text_new(f->w.arena);
    text_line(rest, "(%sconst int *tokens, int classes)",
              alone ? "" : arena_printf(f->w.arena, "const %s_args *args, ", f->prefix));
    text_block(rest);
    text_puts(rest, text_string(out));
    text_close(rest, NULL);
    f->w.out = around;
    const char *comment =
        "Are the tokens of an input below its number of classes? Beyond the end of a sequence they may be anything.";
    const char *called = arena_printf(f->w.arena, "tokens_fit%s", axes_suffix(f, what.axes));
    called = helper_add(&f->w, comment, "int", called, text_string(rest));
    return arena_printf(f->w.arena, alone ? "%s(" : "%s(args, ", called);
}

/* "args->T < 1 || !args->x || ...": is what this entry point needs missing, or out of range? "": it needs nothing. */
static const char *missing(file *f, const program *p)
{
    const graph *g = f->g;
    const char *between = " || ";
    text *t = text_new(f->w.arena);
    for (int i = 1; i <= g->axes && p->entry != ENTRY_STEP; i++)
        text_put(t, "%sargs->%s %s %d", between, g->axis[i].length, f->o.steps[i] ? "!=" : "<",
                 f->o.steps[i] ? f->o.steps[i] : 1);
    if ((p->entry == ENTRY_LOSS || p->entry == ENTRY_GRAD) && node_some(file_loss_reads_later(f)))
        text_put(t, "%sargs->state", between);
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        if (has_input(p, i)) text_put(t, "%s!args->%s", between, c_field(f->w.arena, g, g->inputs.data[i].path));
    }
    if (p->entry == ENTRY_LOSS || p->entry == ENTRY_GRAD) text_put(t, "%s!args->loss", between);
    if (p->entry == ENTRY_GRAD) text_put(t, "%s!args->grads", between);
    return t->len ? text_string(t) + strlen(between) : "";
}

void write_check(file *f, const program *p)
{
    text *out = f->w.out;
    const graph *g = f->g;
    f->w.p = p;
    f->w.g = p->graph;
    text_blank(out);
    text_line(out, "/* Do the arguments have what %s needs? */", entry_name(p->entry));
    text_line(out, "static int check_%s(const %s_args *args)", entry_name(p->entry), f->prefix);
    text_block(out);
    text_line(out, "if (!args || args->batch < 1 || args->batch > %s_BATCH || %s!args->work)", f->PREFIX,
              !f->w.weights   ? "!args->params || !args->packed || "
              : file_loads(f) ? "!args->weights || "
                              : "");
    text_line(out, "    return %s_BAD_ARGUMENT;", f->PREFIX);
    if (*missing(f, p)) text_line(out, "if (%s) return %s_BAD_ARGUMENT;", missing(f, p), f->PREFIX);
    for (int i = 1; i <= g->axes; i++)
        text_line(out, "if (!%s(args->lengths_%s, args->batch, %s)) return %s_BAD_LENGTH;", lengths_check(f),
                  g->axis[i].letter,
                  p->entry == ENTRY_STEP ? "1" : arena_printf(f->w.arena, "args->%s", g->axis[i].length), f->PREFIX);
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (has_input(p, i) && in->type.element == TOKEN)
            text_line(out, "if (!%sargs->%s, %d)) return %s_BAD_TOKEN;", tokens_check(f, in->type),
                      c_field(f->w.arena, g, in->path), in->classes, f->PREFIX);
    }
    text_line(out, "return %s_OK;", f->PREFIX);
    text_close(out, NULL);
}
