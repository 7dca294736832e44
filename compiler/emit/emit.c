/* emit.c: the two files of a model: the header with sizes, arguments and functions, and the source.
 *
 * Comes in: the planned programs and the options. Goes out: their text, and the table of the arguments' members. */
#include "emit/footprint.h"

#include "base/embedded.h"
#include "base/version.h"

#include <string.h>

typedef ARRAY(field) fields;

typedef struct file {
    writer w;
    emit_options o;
    const emit_model *m;
    const graph *g;
    const char *prefix, *PREFIX, *real;
    footprint *needs;               /* of an inference build */
    bool random;                    /* a function draws */
    fields f;
} file;

static const program *programs(const emit_model *m, int i)
{
    const program *all[] = {m->step, m->forward, m->loss, m->grad};
    return i < 4 ? all[i] : NULL;
}

/* ---- the struct of arguments -------------------------------------------------------------------------------------------------- */

static const char *shape_comment(const file *f, type t)
{
    text *out = text_new(f->w.arena);
    for (int a = 1; a <= f->g->axes; a++) {
        if (t.axes & axis_bit(a))
            text_put(out, "[%s]", f->g->axis[a].length);
    }
    if (t.axes & BATCH)
        text_put(out, "[batch]");
    for (int i = 0; i < t.shape.rank; i++)
        text_put(out, "[%d]", t.shape.dim[i]);
    return out->len ? text_string(out) : "one value";
}

static void add_field(file *f, field_role what, uint32_t index, const char *ctype, const char *member, const char *comment)
{
    array_push(f->w.arena, &f->f, (field){what, index, member});
    const char *declaration = arena_printf(f->w.arena, "%s%s%s;", ctype, ctype[strlen(ctype) - 1] == '*' ? "" : " ", member);
    text_line(f->w.out, "%-31s /* %s */", declaration, comment);
}

static bool has_grad(const file *f) { return f->m->grad != NULL; }
static bool has_loss(const file *f) { return f->m->loss != NULL || f->m->grad != NULL; }
static bool carries(const file *f) { return f->m->shared->carries; }

/* What the loss reads of later steps although the outputs read none; NO_NODE: nothing. Then loss and grad take no state. */
static node_id loss_reads_later(const file *f)
{
    bool axes_forbid;
    return f->m->loss && carries(f) ? plan_reads_later(f->m->loss->graph, &axes_forbid) : NO_NODE;
}

static const char *pointer_to(const file *f, bool constant, bool token)
{
    return arena_printf(f->w.arena, "%s%s *", constant ? "const " : "", token ? "int" : f->real);
}

/* The entry points that write an output; one that depends on a target is only computed with the loss. */
static const char *writers_of(const file *f, bool target_free)
{
    text *t = text_new(f->w.arena);
    if (target_free)
        text_put(t, carries(f) ? "step, forward" : "forward");
    if (has_loss(f))
        text_put(t, target_free ? " and loss" : "loss");
    return text_string(t);
}

static void write_args(file *f)
{
    arena *a = f->w.arena;
    const graph *g = f->g;
    text_blank(f->w.out);
    text_line(f->w.out, "/* Arguments of %s. Set what you do not use to 0: `%s_args a = {0};`. Every array is the caller's.",
              !f->o.inference ? "step, forward, loss and grad" : f->m->step ? "step and forward" : "forward", f->prefix);
    text_line(f->w.out, " * Arrays over time are laid out [step][sequence][component]; nothing is read or kept beyond a sequence's own length,");
    text_line(f->w.out, " * and outputs there are 0. */");
    text_open(f->w.out, "typedef struct %s_args", f->prefix);
    add_field(f, FIELD_BATCH, 0, "size_t", "batch", arena_printf(a, "sequences in this call, 1 to %s_BATCH", f->PREFIX));
    for (int i = 1; i <= g->axes; i++) {
        const char *T = g->axis[i].length;
        add_field(f, FIELD_STEPS, (uint32_t)i, "size_t", T,
                  f->o.steps[i] ? arena_printf(a, "steps of %s: %d, fixed", g->axis[i].letter, f->o.steps[i]) :
                                  arena_printf(a, "steps of %s, at least 1%s", g->axis[i].letter, carries(f) ? "; step takes it for 1" : ""));
    }
    for (int i = 1; i <= g->axes; i++) {
        add_field(f, FIELD_LENGTHS, (uint32_t)i, "const int *", arena_printf(a, "lengths_%s", g->axis[i].letter),
                  arena_printf(a, "[batch]: own length of each sequence, 0 to %s; NULL: all %s", g->axis[i].length, g->axis[i].length));
    }
    if (!f->w.weights) {
        add_field(f, FIELD_PARAMS, 0, pointer_to(f, true, false), "params", arena_printf(a, "[%s_PARAMS], see %s_param_table", f->PREFIX, f->prefix));
        add_field(f, FIELD_PACKED, 0, pointer_to(f, true, false), "packed",
                  arena_printf(a, "[%s_PACKED]: what %s_pack made of params", f->PREFIX, f->prefix));
    } else if (f->o.weights_as == WEIGHTS_BLOB) {
        text_line(f->w.out, "%-31s /* from %s_load */", arena_printf(a, "const %s *weights;", f->real), f->prefix);
    }
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (f->o.inference && !has_input(f->m->forward, i))
            continue;
        const char *note = in->type.element == TOKEN ? arena_printf(a, "%s: 0 to %d%s", shape_comment(f, in->type), in->classes - 1,
                                                                    in->target ? "; target" : "") :
                                                       arena_printf(a, "%s%s", shape_comment(f, in->type), in->target ? "; target" : "");
        add_field(f, FIELD_INPUT, i, pointer_to(f, true, in->type.element == TOKEN), c_field(a, g, in->path), note);
    }
    for (uint32_t i = 0; i < g->outputs.len; i++) {
        bool target_free = node_some(f->m->forward->graph->outputs.data[i].node);
        add_field(f, FIELD_OUTPUT, i, pointer_to(f, false, false), c_output_field(a, g, i),
                  arena_printf(a, "%s: written by %s, unless NULL", shape_comment(f, graph_type(g, g->outputs.data[i].node)),
                               writers_of(f, target_free)));
    }
    node_id later = loss_reads_later(f);
    if (carries(f))
        add_field(f, FIELD_STATE, 0, arena_printf(a, "%s_state *", f->prefix), "state",
                  arena_printf(a, "goes on from there, and is updated; NULL: a fresh start, nothing kept%s%s%s",
                               node_some(later) ? "; for loss and grad NULL, since " : "",
                               node_some(later) ? graph_equation(f->m->loss->graph, a, later) : "",
                               node_some(later) ? " needs later steps" : ""));
    add_field(f, FIELD_WORK, 0, pointer_to(f, false, false), "work", arena_printf(a, "memory of the call: %s_*_WORK", f->PREFIX));
    if (has_loss(f)) {
        add_field(f, FIELD_LOSS, 0, pointer_to(f, false, false), "loss", "written by loss and grad: one value");
        add_field(f, FIELD_NORMS, 0, pointer_to(f, true, false), "norms",
                  arena_printf(a, "[%d]: what each loss is divided by; NULL: its own count", g->losses));
    }
    if (has_grad(f)) {
        add_field(f, FIELD_GRADS, 0, pointer_to(f, false, false), "grads",
                  arena_printf(a, "[%s_PARAMS], laid out like params: grad ADDS to it", f->PREFIX));
        for (uint32_t i = 0; i < g->inputs.len; i++) {
            const graph *gg = f->m->grad->graph;
            if (gg->input_grad && node_some(gg->input_grad[i]))
                add_field(f, FIELD_INPUT_GRAD, i, pointer_to(f, false, false), c_gradient_field(a, g, i),
                          arena_printf(a, "%s: written by grad, unless NULL", shape_comment(f, g->inputs.data[i].type)));
        }
    }
    if (!f->o.inference || f->random) {
        add_field(f, FIELD_SEED, 0, "uint64_t", "seed", "of random masks");
        add_field(f, FIELD_UPDATE, 0, "uint64_t", "update", "number of the update, for new masks each time");
        add_field(f, FIELD_SEQUENCE, 0, "uint64_t", "sequence", "number of the first sequence, where a batch is split");
    }
    text_close(f->w.out, arena_printf(a, " %s_args;", f->prefix));
}

/* ---- the header ------------------------------------------------------------------------------------------------------------------ */

static size_t params_size(const graph *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->params.len; i++)
        n += (size_t)shape_size(g->params.data[i].shape);
    return n;
}

static void write_head(file *f, const char *ending)
{
    text_line(f->w.out, "/* %s%s: made by rnnc " RNNC_VERSION " from the model `%s`; do not edit.", f->prefix, ending, f->g->model);
    if (f->o.command)
        text_line(f->w.out, " * %s", f->o.command);
    text_line(f->w.out, " * This file is the output of a compiler and carries no licence of it: it is yours. */");
}

static const char *axes_arguments(const file *f)
{
    text *t = text_new(f->w.arena);
    for (int i = 1; i <= f->g->axes; i++)
        text_put(t, "%s, ", f->g->axis[i].length);
    return text_string(t);
}

static void write_sizes(file *f)
{
    text *out = f->w.out;
    text_blank(out);
    text_line(out, "/* Sizes in numbers of `%s`, for the arrays that the caller provides. */", f->real);
    text_line(out, "#define %s_BATCH %d", f->PREFIX, f->o.batch);
    if (f->w.weights) {
        text_line(out, "#define %s_WEIGHTS %zu /* inside */", f->PREFIX, f->w.weights->total);
    } else {
        text_line(out, "#define %s_PARAMS %zu", f->PREFIX, params_size(f->g));
        text_line(out, "#define %s_PACKED %zu", f->PREFIX, f->m->shared->packed_size);
    }
    for (int i = 0; i < 4; i++) {
        const program *p = programs(f->m, i);
        if (!p)
            continue;
        f->w.p = p;
        f->w.g = p->graph;
        text_put(out, "#define %s_%s_WORK(%sbatch) (16", f->PREFIX, c_upper(f->w.arena, entry_name(p->entry)), axes_arguments(f));
        for (size_t b = 1; b < p->buffers.len; b++) {
            if (p->buffers.data[b].storage == STORE_WORK)
                text_put(out, " + \\\n    %s", c_buffer_size(&f->w, &p->buffers.data[b], true));
        }
        text_line(out, ")");
    }
    f->w.g = f->g;
}

static void write_state(file *f)
{
    text *out = f->w.out;
    const pool *shared = f->m->shared;
    if (!carries(f))
        return;
    text_blank(out);
    text_line(out, "/* What one call leaves for the next part of the same sequences. %s_reset starts new ones. */", f->prefix);
    text_open(out, "typedef struct %s_state", f->prefix);
    text_line(out, "uint64_t time[%s_BATCH]; /* steps seen */", f->PREFIX);
    for (size_t i = 1; i < shared->states.len; i++) {
        const state_slot *s = &shared->states.data[i];
        text_line(out, "%s %s[%d][%s_BATCH][%d];", f->real, c_state_member(f->w.arena, shared, (int)i), s->rows, f->PREFIX, s->columns);
    }
    text_close(out, arena_printf(f->w.arena, " %s_state;", f->prefix));
}

/* Why there is no `step` and no state. */
static void write_missing_step(file *f)
{
    const graph *g = f->m->forward->graph;
    bool axes_forbid;
    node_id later = plan_reads_later(g, &axes_forbid);
    if (carries(f))
        return;
    if (node_some(later) && !axes_forbid)
        text_line(f->w.out, "/* There is no %s_step, and no state to carry: %s needs later steps. */", f->prefix,
                  graph_equation(g, f->w.arena, later));
    else
        text_line(f->w.out, "/* There is no %s_step, and no state to carry: the model has %s. */", f->prefix,
                  axes_forbid ? "several time axes" : "no time axis");
}

static bool loads(const file *f) { return f->w.weights && f->o.weights_as == WEIGHTS_BLOB; }

static void declare_weights(file *f)
{
    text *out = f->w.out;
    switch (f->o.weights_as) {
    case WEIGHTS_EMBEDDED:
        text_line(out, "/* The weights are inside: nothing is loaded or packed. */");
        return;
    case WEIGHTS_EXTERN:
        text_line(out, "/* The weights are constants in %s_weights.c: nothing is loaded or packed. */", f->prefix);
        text_line(out, "extern const %s %s_weights[%s_WEIGHTS];", f->real, f->prefix, f->PREFIX);
        return;
    case WEIGHTS_BLOB:
        text_line(out, "/* Checks the bytes of %s.bin, and points *weights into them: for the args of each call. `bytes` must be aligned for %s,", f->prefix,
                  f->real);
        text_line(out, " * and stay. 0, or: %s_BAD_WEIGHTS, damaged or no such file; %s_OTHER_WEIGHTS, those of another model, type or", f->PREFIX, f->PREFIX);
        text_line(out, " * version of the format; %s_BAD_ARGUMENT. */", f->PREFIX);
        text_line(out, "#define %s_BLOB %zu /* its bytes */", f->PREFIX,
                  WEIGHTS_BLOB_HEAD + f->w.weights->total * (f->o.real_double ? sizeof(double) : sizeof(float)));
        text_line(out, "int %s_load(const void *bytes, size_t length, const %s **weights);", f->prefix, f->real);
        return;
    }
}

static void write_declarations(file *f)
{
    text *out = f->w.out;
    const char *p = f->prefix;
    text_blank(out);
    text_line(out, "/* Every function is reentrant, allocates nothing and prints nothing. */");
    if (f->w.weights)
        declare_weights(f);
    else {
        text_line(out, "void %s_init(%s *params, uint64_t seed);           /* initial values */", p, f->real);
        text_line(out, "void %s_pack(const %s *params, %s *packed);   /* after every change of params */", p, f->real, f->real);
    }
    if (carries(f))
        text_line(out, "void %s_reset(%s_state *state);                    /* new sequences */", p, p);
    text_blank(out);
    write_missing_step(f);
    text_line(out, "/* These return 0, or one of the codes below 0 and write nothing. */");
    for (int i = 0; i < 4; i++) {
        const program *q = programs(f->m, i);
        static const char *const what[] = {"one step: what the state holds goes on", "all steps",
                                           "all steps and the loss", "loss and its gradient by every parameter"};
        if (q)
            text_line(out, "int %s_%s(const %s_args *args);   /* %s */", p, entry_name(q->entry), p, what[i]);
    }
    text_line(out, "enum { %s_OK = 0, %s_BAD_ARGUMENT = -1, %s_BAD_LENGTH = -2, %s_BAD_TOKEN = -3%s };", f->PREFIX, f->PREFIX, f->PREFIX,
              f->PREFIX, loads(f) ? arena_printf(f->w.arena, ", %s_BAD_WEIGHTS = -4, %s_OTHER_WEIGHTS = -5", f->PREFIX, f->PREFIX) : "");
    text_blank(out);
    if (!f->w.weights) {
        text_line(out, "/* The parameters: name, rows and columns (row-major; a vector has one column), where it begins in params. */");
        text_line(out, "typedef struct %s_param { const char *name; size_t rows, columns, offset; } %s_param;", p, p);
        text_line(out, "enum { %s_PARAM_COUNT = %zu };", f->PREFIX, f->g->params.len);
        text_line(out, "const %s_param *%s_param_table(void);", p, p);
        text_blank(out);
    }
    text_line(out, "/* The sizes above as numbers, and the size of the state in bytes. `steps` has one number for each time axis; it is read for WORK sizes. */");
    text_line(out, "typedef enum %s_size {", p);
    static const char *const sizes[] = {"PARAMS", "PACKED", "STATE_BYTES", "STEP", "FORWARD", "LOSS", "GRAD"};
    for (int i = 0; i < 7; i++)
        text_line(out, "    %s_SIZE_%s%s", f->PREFIX, sizes[i], i < 6 ? "," : "");
    text_line(out, "} %s_size;", p);
    text_line(out, "size_t %s_sizes(%s_size what, size_t batch, const size_t *steps);", p, p);
}

static const char *write_header(file *f)
{
    text *out = f->w.out = text_new(f->w.arena);
    write_head(f, ".h");
    if (f->needs) {
        text_blank(out);
        text_line(out, "/* What %s needs, for up to %d sequence%s at once:", f->prefix, f->o.batch, f->o.batch > 1 ? "s" : "");
        footprint_write(out, f->needs, " *     ");
        text_line(out, " */");
    }
    text_line(out, "#ifndef %s_H", f->PREFIX);
    text_line(out, "#define %s_H", f->PREFIX);
    text_blank(out);
    text_line(out, "#include <stddef.h>");
    text_line(out, "#include <stdint.h>");
    text_blank(out);
    text_line(out, "#ifdef __cplusplus");
    text_line(out, "extern \"C\" {");
    text_line(out, "#endif");
    write_sizes(f);
    write_state(f);
    write_args(f);
    write_declarations(f);
    text_blank(out);
    text_line(out, "#ifdef __cplusplus");
    text_line(out, "}");
    text_line(out, "#endif");
    text_line(out, "#endif");
    return text_string(out);
}

/* ---- the source ---------------------------------------------------------------------------------------------------------------------- */

static bool mentions_any(const char *body, const char *const *words)
{
    for (; *words; words++) {
        if (c_mentions(body, *words))
            return true;
    }
    return false;
}

static void write_kernels(file *f, const char *body)
{
    text *out = f->w.out;
    if (!f->o.standalone) {
        text_line(out, "#include \"rnn.h\"");
        return;
    }
    static const char *const products[] = {"contract", "contract_small", "pack_matrix", "outer", NULL};
    static const char *const outer[] = {"outer", "outer_small", NULL}, *const pack[] = {"pack_matrix", NULL};
    static const char *const rows[] = {"row_clear", "row_sum", "row_max", "row_softmax", "row_logsumexp", "row_softmax_logsumexp",
                                       "pack_table", NULL};
    static const char *const lookup[] = {"row_any", "token_row", "lookup_row", NULL};
    static const char *const random[] = {"random_key", "random_row", "random_uniform", NULL}, *const none[] = {NULL};
    const struct { const char *path; bool exported; const char *const *functions; } parts[] = {    /* NULL: always */
        {"kernels/compiler.h", false, NULL}, {"kernels/functions.h", false, NULL}, {"kernels/contract.h", true, products},
        {"kernels/outer.h", true, outer}, {"kernels/pack.h", true, pack}, {"kernels/rows.h", true, rows},
        {"kernels/lookup.h", false, lookup}, {"kernels/random.h", false, f->w.weights ? random : NULL},
        {"kernels/init.h", true, f->w.weights ? none : NULL}};
    text_blank(out);
    text_line(out, "/* ==== kernels: the same text for every model ==== */");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t length;
        if ((parts[i].functions && !mentions_any(body, parts[i].functions)) || (parts[i].exported && f->o.calls))
            continue;
        const char *kernel = embedded_text(parts[i].path, &length);
        if (!kernel)
            BUG("%s is not built in", parts[i].path);
        text_puts(out, arena_strndup(f->w.arena, kernel, length));
        text_blank(out);
    }
    text_line(out, "/* ==== the model ==== */");
}

static void write_sequence_helpers(file *f, const char *body)
{
    text *out = f->w.out;
    const graph *g = f->g;
    for (int i = 1; i <= g->axes; i++) {
        const char *t = g->axis[i].letter;
        if (!c_mentions(body, arena_printf(f->w.arena, "length_%s", t)))
            continue;
        text_blank(out);
        text_line(out, "/* Own length of a sequence%s. */", g->axes > 1 ? "; one that is empty along any axis is absent altogether" : "");
        text_line(out, "static size_t length_%s(const %s_args *args, size_t seq)", t, f->prefix);
        text_open(out, "%s", "");
        for (int j = 1; j <= g->axes; j++) {
            if (j != i)
                text_line(out, "if (args->lengths_%s && args->lengths_%s[seq] == 0) return 0;", g->axis[j].letter, g->axis[j].letter);
        }
        text_line(out, "return args->lengths_%s ? (size_t)args->lengths_%s[seq] : args->%s;", t, t, g->axis[i].length);
        text_close(out, NULL);
    }
    if (c_mentions(body, "is_ragged")) {
        text_blank(out);
        text_line(out, "/* Is any sequence shorter than the arrays? */");
        text_line(out, "static int is_ragged(const %s_args *args)", f->prefix);
        text_open(out, "%s", "");
        if (g->axes) {
            text_open(out, "for (size_t seq = 0; seq < args->batch; seq++)");
            for (int i = 1; i <= g->axes; i++)
                text_line(out, "if (args->lengths_%s && (size_t)args->lengths_%s[seq] != args->%s) return 1;", g->axis[i].letter,
                          g->axis[i].letter, g->axis[i].length);
            text_close(out, NULL);
            text_line(out, "return 0;");
        } else {
            text_line(out, "return args == NULL;");
        }
        text_close(out, NULL);
    }
    if (carries(f) && c_mentions(body, "time_of")) {
        text_blank(out);
        text_line(out, "/* Steps of a sequence before this call. */");
        text_line(out, "static uint64_t time_of(const %s_args *args, size_t seq)", f->prefix);
        text_open(out, "%s", "");
        text_line(out, "return args->state ? args->state->time[seq] : 0;");
        text_close(out, NULL);
    }
}

static void write_token_check(file *f, const graph_input *in)
{
    text *out = f->w.out;
    const char *member = c_field(f->w.arena, f->g, in->path), *index = NULL;
    axis_set before = f->w.loops;
    open_rows(&f->w, in->type.axes);
    for (int a = 1; a <= f->g->axes; a++) {
        if (!(in->type.axes & axis_bit(a)))
            continue;
        const char *t = f->g->axis[a].letter;
        text_line(out, "if (%s >= %s) continue;", t, c_length(&f->w, a));
        index = index ? arena_printf(f->w.arena, "(%s * %s + %s)", index, c_steps(&f->w, a), t) : t;
    }
    if (!index && f->g->axes)
        text_line(out, "if (%s == 0) continue;", c_length(&f->w, 1));
    index = index ? arena_printf(f->w.arena, "%s * batch + seq", index) : "seq";
    int components = shape_size(in->type.shape);
    if (components > 1) {
        text_line(out, "for (size_t unit = 0; unit < %d; unit++)", components);
        index = arena_printf(f->w.arena, "(%s) * %d + unit", index, components);
    }
    text_line(out, "%sif (args->%s[%s] < 0 || args->%s[%s] >= %d) return %s_BAD_TOKEN;", components > 1 ? "    " : "", member, index, member,
              index, in->classes, f->PREFIX);
    close_rows(&f->w, before);
}

static void write_check(file *f, const program *p)
{
    text *out = f->w.out;
    const graph *g = f->g;
    f->w.p = p;
    f->w.g = p->graph;
    text_blank(out);
    text_line(out, "static int check_%s(const %s_args *args)", entry_name(p->entry), f->prefix);
    text_open(out, "%s", "");
    text_line(out, "if (!args || args->batch < 1 || args->batch > %s_BATCH || %s!args->work)", f->PREFIX,
              !f->w.weights ? "!args->params || !args->packed || " : loads(f) ? "!args->weights || " : "");
    text_line(out, "    return %s_BAD_ARGUMENT;", f->PREFIX);
    for (int i = 1; i <= g->axes; i++) {
        if (f->o.steps[i] && p->entry != ENTRY_STEP)
            text_line(out, "if (args->%s != %d) return %s_BAD_ARGUMENT;", g->axis[i].length, f->o.steps[i], f->PREFIX);
        else
            text_line(out, "if (args->%s < 1) return %s_BAD_ARGUMENT;", g->axis[i].length, f->PREFIX);
    }
    if ((p->entry == ENTRY_LOSS || p->entry == ENTRY_GRAD) && node_some(loss_reads_later(f)))
        text_line(out, "if (args->state) return %s_BAD_ARGUMENT;", f->PREFIX);
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        if (has_input(p, i))
            text_line(out, "if (!args->%s) return %s_BAD_ARGUMENT;", c_field(f->w.arena, g, g->inputs.data[i].path), f->PREFIX);
    }
    if (p->entry == ENTRY_LOSS || p->entry == ENTRY_GRAD)
        text_line(out, "if (!args->loss%s) return %s_BAD_ARGUMENT;", p->entry == ENTRY_GRAD ? " || !args->grads" : "", f->PREFIX);
    for (int i = 1; i <= g->axes; i++) {
        const char *t = g->axis[i].letter;
        text_line(out, "for (size_t seq = 0; args->lengths_%s && seq < args->batch; seq++)", t);
        text_line(out, "    if (args->lengths_%s[seq] < 0 || (size_t)args->lengths_%s[seq] > args->%s) return %s_BAD_LENGTH;", t, t,
                  g->axis[i].length, f->PREFIX);
    }
    text *body = text_new(f->w.arena);
    body->depth = 1;
    f->w.out = body;
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        if (has_input(p, i) && g->inputs.data[i].type.element == TOKEN)
            write_token_check(f, &g->inputs.data[i]);
    }
    f->w.out = out;
    const char *checks = text_string(body);
    if (c_mentions(checks, "batch"))
        text_line(out, "const size_t batch = args->batch;");
    for (int i = 1; i <= g->axes; i++) {
        if (c_mentions(checks, g->axis[i].length))
            text_line(out, "const size_t %s = args->%s;", g->axis[i].length, g->axis[i].length);
    }
    text_puts(out, checks);
    text_line(out, "return %s_OK;", f->PREFIX);
    text_close(out, NULL);
}

static void write_init(file *f)
{
    text *out = f->w.out;
    size_t offset = 0;
    text_blank(out);
    text_line(out, "void %s_init(%s *params, uint64_t seed)", f->prefix, f->real);
    text_open(out, "%s", "");
    bool random = false;
    for (size_t i = 0; i < f->g->params.len; i++) {
        const graph_param *p = &f->g->params.data[i];
        int n = shape_size(p->shape);
        const char *key = arena_printf(f->w.arena, "random_key(UINT64_C(%llu), seed, 0)", (unsigned long long)c_path_hash(p->path));
        const char *at = arena_printf(f->w.arena, "params + %zu", offset), *value = c_number(&f->w, p->init.value);
        const char *comment = arena_printf(f->w.arena, "/* %s */", p->path);
        random = random || (p->init.kind != INIT_NUMBER && p->init.kind != INIT_IDENTITY);
        switch (p->init.kind) {
        case INIT_NUMBER:
            text_line(out, "init_constant(%s, %d, %s); %s", at, n, value, comment);
            break;
        case INIT_UNIFORM:
            text_line(out, "init_uniform(%s, %d, %s, %s); %s", at, n, value, key, comment);
            break;
        case INIT_NORMAL:
            text_line(out, "init_normal(%s, %d, %s, %s); %s", at, n, value, key, comment);
            break;
        case INIT_GLOROT:
            text_line(out, "init_glorot(%s, %d, %d, %s); %s", at, p->shape.dim[0], p->shape.dim[1], key, comment);
            break;
        case INIT_ORTHOGONAL:
            text_line(out, "init_orthogonal(%s, %d, %d, %s); %s", at, p->shape.dim[0], p->shape.dim[1], key, comment);
            break;
        case INIT_IDENTITY:
            text_line(out, "init_identity(%s, %d, %d); %s", at, p->shape.dim[0], p->shape.dim[1], comment);
            break;
        }
        offset += (size_t)n;
    }
    if (!random)
        text_line(out, "(void)seed;");
    if (!f->g->params.len)
        text_line(out, "(void)params;");
    text_close(out, NULL);
}

static void write_pack_function(file *f)
{
    text *out = f->w.out;
    const pool *shared = f->m->shared;
    bool any = false;
    text_blank(out);
    text_line(out, "void %s_pack(const %s *params, %s *packed)", f->prefix, f->real, f->real);
    text_open(out, "%s", "");
    for (size_t i = 1; i < shared->packings.len; i++) {
        const packing *pk = &shared->packings.data[i];
        if (pk->in_call)
            continue;
        any = true;
        write_packing(&f->w, pk, arena_printf(f->w.arena, "packed + %zu", pk->offset));
    }
    if (!any) {
        text_line(out, "(void)params;");
        text_line(out, "(void)packed;");
    }
    text_close(out, NULL);
}

static void write_reset(file *f)
{
    text *out = f->w.out;
    if (!carries(f))
        return;
    text_blank(out);
    text_line(out, "void %s_reset(%s_state *state)", f->prefix, f->prefix);
    text_open(out, "%s", "");
    text_line(out, "memset(state, 0, sizeof *state);");
    text_close(out, NULL);
}

static void write_param_table(file *f)
{
    text *out = f->w.out;
    size_t offset = 0;
    text_blank(out);
    text_line(out, "const %s_param *%s_param_table(void)", f->prefix, f->prefix);
    text_open(out, "%s", "");
    text_open(out, "static const %s_param table[] =", f->prefix);
    for (size_t i = 0; i < f->g->params.len; i++) {
        const graph_param *p = &f->g->params.data[i];
        text_line(out, "{\"%s\", %d, %d, %zu},", p->path, p->shape.dim[0], p->shape.dim[1], offset);
        offset += (size_t)shape_size(p->shape);
    }
    text_line(out, "{NULL, 0, 0, 0}");
    text_close(out, ";");
    text_line(out, "return table;");
    text_close(out, NULL);
}

static void write_sizes_function(file *f)
{
    text *out = f->w.out;
    text_blank(out);
    text_line(out, "size_t %s_sizes(%s_size what, size_t batch, const size_t *steps)", f->prefix, f->prefix);
    text_open(out, "%s", "");
    text_line(out, "(void)batch;");
    text_line(out, "(void)steps;");
    if (!f->w.weights) {
        text_line(out, "if (what == %s_SIZE_PARAMS) return %s_PARAMS;", f->PREFIX, f->PREFIX);
        text_line(out, "if (what == %s_SIZE_PACKED) return %s_PACKED;", f->PREFIX, f->PREFIX);
    }
    if (carries(f))
        text_line(out, "if (what == %s_SIZE_STATE_BYTES) return sizeof(%s_state);", f->PREFIX, f->prefix);
    for (int i = 0; i < 4; i++) {
        const program *p = programs(f->m, i);
        if (!p)
            continue;
        text_put(out, "if (what == %s_SIZE_%s) return %s_%s_WORK(", f->PREFIX, c_upper(f->w.arena, entry_name(p->entry)), f->PREFIX,
                 c_upper(f->w.arena, entry_name(p->entry)));
        for (int a = 1; a <= f->g->axes; a++)
            text_put(out, "steps[%d], ", a - 1);
        text_line(out, "batch);");
    }
    text_line(out, "return 0;");
    text_close(out, NULL);
}

static const char *write_source(file *f, const char *header_name)
{
    text *body = text_new(f->w.arena);
    for (int i = 0; i < 4; i++) {
        if (!programs(f->m, i))
            continue;
        f->w.out = body;
        write_check(f, programs(f->m, i));
        write_function(&f->w, programs(f->m, i));
    }
    f->w.g = f->g;
    if (f->w.weights)
        weights_place(f->w.weights, text_string(body));
    f->random = c_mentions(text_string(body), "random_key");
    if (f->o.inference)
        f->needs = footprint_of(f->w.arena, f->m, &f->o, f->w.weights, text_string(body));
    if (loads(f))
        weights_write_load(f->w.out, f->w.weights, &f->o);
    if (!f->w.weights) {
        write_init(f);
        write_pack_function(f);
    }
    write_reset(f);
    if (!f->w.weights)
        write_param_table(f);
    write_sizes_function(f);

    text *out = f->w.out = text_new(f->w.arena);
    write_head(f, ".c");
    text_line(out, "#include \"%s\"", header_name);
    text_blank(out);
    text_line(out, "typedef %s real;", f->real);
    text_line(out, "#define REAL_IS_DOUBLE %d", f->o.real_double);
    if (f->o.math_libm)
        text_line(out, "#define RNN_MATH_LIBM /* exp, sigmoid and tanh by libm */");
    write_kernels(f, text_string(body));
    text_blank(out);
    text_line(out, "/* The iterations of the loop that follows do not depend on each other. */");
    text_line(out, "#if defined __clang__");
    text_line(out, "#pragma clang diagnostic ignored \"-Wpass-failed\" /* a loop that is not worth vectors is fine */");
    text_line(out, "#define RNN_INDEPENDENT _Pragma(\"clang loop vectorize(assume_safety)\")");
    text_line(out, "#elif defined __GNUC__ && !defined __TINYC__");
    text_line(out, "#define RNN_INDEPENDENT _Pragma(\"GCC ivdep\")");
    text_line(out, "#else");
    text_line(out, "#define RNN_INDEPENDENT");
    text_line(out, "#endif");
    if (c_mentions(text_string(body), "NORM"))
        text_line(out, "#define NORM(k, own) (args->norms ? args->norms[k] : (own))");
    write_sequence_helpers(f, text_string(body));
    if (f->w.weights) {
        weights_write_places(out, f->w.weights);
        if (f->o.weights_as == WEIGHTS_EMBEDDED)
            weights_write_array(out, f->w.weights, &f->w, "static const real weights");
        text_blank(out);
    }
    text_puts(out, text_string(body));
    return text_string(out);
}

static const char *write_weights_source(file *f, const char *header_name)
{
    text *out = f->w.out = text_new(f->w.arena);
    write_head(f, "_weights.c");
    text_line(out, "#include \"%s\"", header_name);
    weights_write_array(out, f->w.weights, &f->w, arena_printf(f->w.arena, "const %s %s_weights", f->real, f->prefix));
    return text_string(out);
}

emitted emit_c(arena *a, const emit_model *m, const emit_options *o)
{
    file f = {.w = {.arena = a, .model = m, .g = m->graph}, .o = *o, .m = m, .g = m->graph};
    f.o.prefix = f.prefix = c_prefix(a, o->prefix ? o->prefix : m->graph->model);
    f.w.options = &f.o;
    f.PREFIX = c_upper(a, f.prefix);
    f.real = o->real_double ? "double" : "float";
    emitted e = {.header_name = arena_printf(a, "%s.h", f.prefix)};
    if (o->weights)
        f.w.weights = weights_open(a, m, &f.o, o->weights_as == WEIGHTS_EXTERN ? arena_printf(a, "%s_weights", f.prefix) : "weights");
    e.source = write_source(&f, e.header_name);
    e.header = write_header(&f);
    if (o->weights && o->weights_as == WEIGHTS_EXTERN)
        e.weights_source = write_weights_source(&f, e.header_name);
    if (o->weights && o->weights_as == WEIGHTS_BLOB)
        e.blob = weights_blob(a, f.w.weights, o->real_double, &e.blob_length);
    e.needs = f.needs;
    e.fields = f.f.data;
    e.field_count = f.f.len;
    e.loss_carries = carries(&f) && !node_some(loss_reads_later(&f));
    return e;
}

const char *emit_single_header(arena *a, const emitted *e)
{
    const char *line = arena_printf(a, "#include \"%s\"\n", e->header_name), *at = strstr(e->source, line);
    if (!at)
        BUG("the source does not include %s", e->header_name);
    const char *stem = c_upper(a, arena_strndup(a, e->header_name, strlen(e->header_name) - strlen(".h")));
    text *out = text_new(a);
    text_puts(out, e->header);
    text_blank(out);
    text_line(out, "/* ==== the source: in one file of the program, #define %s_IMPLEMENTATION before #include \"%s\" ==== */", stem, e->header_name);
    text_line(out, "#if defined %s_IMPLEMENTATION && !defined %s_IMPLEMENTED", stem, stem);
    text_line(out, "#define %s_IMPLEMENTED", stem);
    text_puts(out, at + strlen(line));
    text_line(out, "#endif");
    return text_string(out);
}
