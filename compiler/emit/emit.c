/* emit.c: the files of a model: the header with sizes, arguments and functions, and the source; with weights, a third.
 *
 * Comes in: the planned programs and the options. Goes out: their text, and the table of the arguments' members. */
#include "emit/files.h"

#include "base/version.h"

#include <string.h>

const program *file_program(const file *f, entry e)
{
    const program *const all[ENTRY_COUNT] = {[ENTRY_STEP] = f->m->step,
                                             [ENTRY_FORWARD] = f->m->forward,
                                             [ENTRY_LOSS] = f->m->loss,
                                             [ENTRY_GRAD] = f->m->grad};
    bool of_training = e == ENTRY_LOSS || e == ENTRY_GRAD;
    return f->o.training && f->m->loss && !of_training ? NULL : all[e];
}

bool file_has_loss(const file *f) { return f->m->loss != NULL || f->m->grad != NULL; }
bool file_carries(const file *f) { return f->m->shared->carries; }

node_id file_loss_reads_later(const file *f)
{
    bool axes_forbid;
    return f->m->loss && file_carries(f) ? plan_reads_later(f->m->loss->graph, &axes_forbid) : NO_NODE;
}

bool file_loads(const file *f) { return f->w.weights && f->o.weights_as == WEIGHTS_BLOB; }

void file_write_head(file *f, const char *ending)
{
    text_line(f->w.out, "/* %s%s" EMIT_MARK RNNC_VERSION " from the model `%s`; do not edit.", f->prefix, ending,
              f->g->model);
    if (f->o.command) text_line(f->w.out, " * %s", f->o.command);
    text_line(f->w.out, " * This file is the output of a compiler and carries no licence of it: it is yours. */");
}

static const char *write_weights_source(file *f, const char *header_name)
{
    text *out = f->w.out = text_new(f->w.arena);
    file_write_head(f, "_weights.c");
    text_line(out, "#include \"%s\"", header_name);
    weights_write_arrays(out, f->w.weights, &f->w, "const");
    return text_string(out);
}

static void note_rounding(const file *f, emitted *e)
{
    e->rounded = f->w.weights->values;
    e->rounding = f->w.weights->rounding;
    e->largest = f->w.weights->largest;
}

emitted emit_c(arena *a, const emit_model *m, const emit_options *o)
{
    file f = {.w = {.arena = a, .model = m, .g = m->graph}, .o = *o, .m = m, .g = m->graph};
    f.o.prefix = f.prefix = c_prefix(a, o->prefix ? o->prefix : m->graph->model);
    f.w.options = &f.o;
    f.PREFIX = c_upper(a, f.prefix);
    f.w.state_members = c_state_members(a, m->shared);
    f.real = o->real_double ? "double" : "float";
    emitted e = {.header_name = arena_printf(a, "%s.h", f.prefix)};
    f.w.places = places_new(a, m, o->weights ? o->weights_bits : 0);
    if (o->weights) f.w.weights = weights_open(a, m, &f.o, f.w.places, f.prefix);
    e.source = write_source(&f, e.header_name);
    e.header = write_header(&f);
    if (o->weights && o->weights_as == WEIGHTS_EXTERN) e.weights_source = write_weights_source(&f, e.header_name);
    if (o->weights && o->weights_as == WEIGHTS_BLOB)
        e.blob = weights_blob(a, f.w.weights, o->real_double, &e.blob_length);
    if (o->weights && o->weights_bits) note_rounding(&f, &e);
    e.needs = f.needs;
    e.fields = f.f.data;
    e.field_count = f.f.len;
    e.loss_carries = file_carries(&f) && !node_some(file_loss_reads_later(&f));
    return e;
}

const char *emit_single_header(arena *a, const emitted *e)
{
    const char *line = arena_printf(a, "#include \"%s\"\n", e->header_name), *at = strstr(e->source, line);
    if (!at) BUG("the source does not include %s", e->header_name);
    const char *stem = c_upper(a, arena_strndup(a, e->header_name, strlen(e->header_name) - strlen(".h")));
    text *out = text_new(a);
    text_puts(out, e->header);
    text_blank(out);
    text_line(
        out, "/* ==== the source: in one file of the program, #define %s_IMPLEMENTATION before #include \"%s\" ==== */",
        stem, e->header_name);
    text_line(out, "#if defined %s_IMPLEMENTATION && !defined %s_IMPLEMENTED", stem, stem);
    text_line(out, "#define %s_IMPLEMENTED", stem);
    text_puts(out, at + strlen(line));
    text_line(out, "#endif");
    return text_string(out);
}
