/* header.c: the header of a model: sizes, state, the struct of arguments, functions. */
#include "emit/files.h"

#include "base/version.h"

#include <string.h>

/* ---- the struct of arguments ------------------------------------------------------------------------------------- */

static const char *shape_comment(const file *f, type t)
{
    text *out = text_new(f->w.arena);
    for (int a = 1; a <= f->g->axes; a++) {
        if (t.axes & axis_bit(a)) text_put(out, "[%s]", f->g->axis[a].length);
    }
    if (t.axes & BATCH) text_put(out, "[batch]");
    for (int i = 0; i < t.shape.rank; i++) text_put(out, "[%d]", t.shape.dim[i]);
    return out->len ? text_string(out) : "one value";
}

static void add_field(file *f, field_role what, uint32_t index, const char *ctype, const char *member,
                      const char *comment)
{
    array_push(f->w.arena, &f->f, (field){what, index, member});
    const char *declaration =
        arena_printf(f->w.arena, "%s%s%s;", ctype, ctype[strlen(ctype) - 1] == '*' ? "" : " ", member);
    text_line(f->w.out, "%-31s /* %s */", declaration, comment);
}

/* Whether the function `sizes` has an answer to it other than 0. */
static bool has_size(const file *f, emit_size what)
{
    if (what == SIZE_PARAMS || what == SIZE_PACKED) return !f->w.weights;
    return what == SIZE_STATE_BYTES ? file_carries(f) : file_program(f, (entry)((int)what - (int)SIZE_STEP)) != NULL;
}

static bool has_grad(const file *f) { return f->m->grad != NULL; }

static const char *pointer_to(const file *f, bool constant, bool token)
{
    return arena_printf(f->w.arena, "%s%s *", constant ? "const " : "", token ? "int" : f->real);
}

/* The entry points that write an output; one that depends on a target is only computed with the loss. */
static const char *writers_of(const file *f, bool target_free)
{
    bool step = file_carries(f), loss = file_has_loss(f);
    if (!target_free) return "loss";
    if (!loss) return step ? "step and forward" : "forward";
    return step ? "step, forward and loss" : "forward and loss";
}

/* Inputs, targets and outputs. */
static void add_value_fields(file *f)
{
    arena *a = f->w.arena;
    const graph *g = f->g;
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (f->o.inference && !has_input(f->m->forward, i)) continue;
        const char *note = in->type.element == TOKEN
                               ? arena_printf(a, "%s: 0 to %d%s", shape_comment(f, in->type), in->classes - 1,
                                              in->target ? "; target" : "")
                               : arena_printf(a, "%s%s", shape_comment(f, in->type), in->target ? "; target" : "");
        add_field(f, FIELD_INPUT, i, pointer_to(f, true, in->type.element == TOKEN), c_field(a, g, in->path), note);
    }
    for (uint32_t i = 0; i < g->outputs.len; i++) {
        bool target_free = node_some(f->m->forward->graph->outputs.data[i].node);
        add_field(f, FIELD_OUTPUT, i, pointer_to(f, false, false), c_output_field(a, g, i),
                  arena_printf(a, "%s: written by %s, unless NULL",
                               shape_comment(f, graph_type(g, g->outputs.data[i].node)), writers_of(f, target_free)));
    }
}

static void write_args(file *f)
{
    arena *a = f->w.arena;
    const graph *g = f->g;
    text_blank(f->w.out);
    text_line(f->w.out,
              "/* Arguments of every function. Set what you do not use to 0: `%s_args a = {0};`. Every array is the "
              "caller's.",
              f->prefix);
    text_line(f->w.out, " * Arrays over time are laid out [step][sequence][component]; nothing is read or kept beyond "
                        "a sequence's own length,");
    text_line(f->w.out, " * and outputs there are 0. */");
    text_open(f->w.out, "typedef struct %s_args", f->prefix);
    add_field(f, FIELD_BATCH, 0, "size_t", "batch",
              arena_printf(a, "sequences in this call, 1 to %s_BATCH", f->PREFIX));
    for (int i = 1; i <= g->axes; i++) {
        const char *T = g->axis[i].length;
        add_field(f, FIELD_STEPS, (uint32_t)i, "size_t", T,
                  f->o.steps[i] ? arena_printf(a, "steps of %s: %d, fixed", g->axis[i].letter, f->o.steps[i])
                                : arena_printf(a, "steps of %s, at least 1%s", g->axis[i].letter,
                                               file_carries(f) ? "; step takes it for 1" : ""));
    }
    for (int i = 1; i <= g->axes; i++) {
        add_field(f, FIELD_LENGTHS, (uint32_t)i, "const int *", arena_printf(a, "lengths_%s", g->axis[i].letter),
                  arena_printf(a, "[batch]: own length of each sequence, 0 to %s; NULL: all %s", g->axis[i].length,
                               g->axis[i].length));
    }
    if (!f->w.weights) {
        add_field(f, FIELD_PARAMS, 0, pointer_to(f, true, false), "params",
                  arena_printf(a, "[%s_PARAMS], see %s_param_table", f->PREFIX, f->prefix));
        add_field(f, FIELD_PACKED, 0, pointer_to(f, true, false), "packed",
                  arena_printf(a, "[%s_PACKED]: what %s_pack made of params", f->PREFIX, f->prefix));
    } else if (f->o.weights_as == WEIGHTS_BLOB) {
        text_line(f->w.out, "%-31s /* from %s_load */", arena_printf(a, "const %s *weights;", f->real), f->prefix);
    }
    add_value_fields(f);
    node_id later = file_loss_reads_later(f);
    if (file_carries(f))
        add_field(f, FIELD_STATE, 0, arena_printf(a, "%s_state *", f->prefix), "state",
                  arena_printf(a, "goes on from there, and is updated; NULL: a fresh start, nothing kept%s%s%s",
                               node_some(later) ? "; for loss and grad NULL, since " : "",
                               node_some(later) ? graph_equation(f->m->loss->graph, a, later) : "",
                               node_some(later) ? " needs later steps" : ""));
    add_field(f, FIELD_WORK, 0, pointer_to(f, false, false), "work",
              arena_printf(a, "memory of the call: %s_*_WORK", f->PREFIX));
    if (file_has_loss(f)) {
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
                add_field(
                    f, FIELD_INPUT_GRAD, i, pointer_to(f, false, false), c_gradient_field(a, g, i),
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

/* ---- the header -------------------------------------------------------------------------------------------------- */

static const char *axes_arguments(const file *f)
{
    text *t = text_new(f->w.arena);
    for (int i = 1; i <= f->g->axes; i++) text_put(t, "%s, ", f->g->axis[i].length);
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
        if (f->w.weights->word_count)
            text_line(out, "#define %s_MATRICES %zu /* inside: words of 32 bits, for integers of %d */", f->PREFIX,
                      f->w.weights->word_count, f->o.weights_bits);
    } else {
        text_line(out, "#define %s_PARAMS %zu", f->PREFIX, graph_param_offset(f->g, f->g->params.len));
        text_line(out, "#define %s_PACKED %zu", f->PREFIX, f->m->shared->packed_size);
    }
    if (f->o.threads > 1)
        text_line(out,
                  "#define %s_THREADS %d /* where it is compiled with OpenMP (-fopenmp); else one does the same */",
                  f->PREFIX, f->o.threads);
    if (shard_count(&f->o, ENTRY_FORWARD) > 1) {
        text_line(out,
                  "#define %s_SHARD(batch) (%s_ROWS(batch) > 3 ? (%s_ROWS(batch) + 1) / 2 * 2 : %s_ROWS(batch)) /* "
                  "sequences for a thread */",
                  f->PREFIX, f->PREFIX, f->PREFIX, f->PREFIX);
        text_line(out, "#define %s_ROWS(batch) (((size_t)(batch) + %s_THREADS - 1) / %s_THREADS)", f->PREFIX, f->PREFIX,
                  f->PREFIX);
    }
    for (int e = 0; e < ENTRY_COUNT; e++) {
        const program *p = file_program(f, (entry)e);
        if (!p) continue;
        f->w.p = p;
        f->w.g = p->graph;
        const char *ENTRY = c_upper(f->w.arena, entry_name(p->entry));
        bool sharded = is_sharded(&f->w, p);
        if (p->by_rows) write_segment_rows(&f->w, out);
        text_put(out, "#define %s_%s_%s(%sbatch) (16", f->PREFIX, ENTRY, sharded ? "SHARD" : "WORK", axes_arguments(f));
        for (size_t b = 1; b < p->buffers.len; b++) {
            if (p->buffers.data[b].storage == STORE_WORK)
                text_put(out, " + \\\n    %s", c_buffer_size(&f->w, &p->buffers.data[b], true));
        }
        text_line(out, ")");
        if (sharded)
            text_line(out, "#define %s_%s_WORK(%sbatch) (%s)", f->PREFIX, ENTRY, axes_arguments(f),
                      shard_work(&f->w, p));
    }
    f->w.g = f->g;
}

static void write_state(file *f)
{
    text *out = f->w.out;
    const pool *shared = f->m->shared;
    if (!file_carries(f)) return;
    text_blank(out);
    text_line(out, "/* What one call leaves for the next part of the same sequences. %s_reset starts new ones. */",
              f->prefix);
    text_open(out, "typedef struct %s_state", f->prefix);
    text_line(out, "uint64_t time[%s_BATCH]; /* steps seen */", f->PREFIX);
    for (size_t i = 1; i < shared->states.len; i++) {
        const state_slot *s = &shared->states.data[i];
        text_line(out, "%s %s[%d][%s_BATCH][%d];", f->real, f->w.state_members[i], s->rows, f->PREFIX, s->columns);
    }
    text_close(out, arena_printf(f->w.arena, " %s_state;", f->prefix));
}

/* Why there is no `step` and no state. */
static void write_missing_step(file *f)
{
    const graph *g = f->m->forward->graph;
    bool axes_forbid;
    node_id later = plan_reads_later(g, &axes_forbid);
    if (file_carries(f)) return;
    if (node_some(later) && !axes_forbid)
        text_line(f->w.out, "/* There is no %s_step, and no state to carry: %s needs later steps. */", f->prefix,
                  graph_equation(g, f->w.arena, later));
    else
        text_line(f->w.out, "/* There is no %s_step, and no state to carry: the model has %s. */", f->prefix,
                  axes_forbid ? "several time axes" : "no time axis");
}

static void declare_weights(file *f)
{
    text *out = f->w.out;
    switch (f->o.weights_as) {
    case WEIGHTS_EMBEDDED: text_line(out, "/* The weights are inside: nothing is loaded or packed. */"); return;
    case WEIGHTS_EXTERN:
        text_line(out, "/* The weights are constants in %s_weights.c: nothing is loaded or packed. */", f->prefix);
        if (f->w.weights->total)
            text_line(out, "extern const %s %s_weights[%s_WEIGHTS];", f->real, f->prefix, f->PREFIX);
        if (f->w.weights->word_count)
            text_line(out, "extern const uint32_t %s_matrices[%s_MATRICES];", f->prefix, f->PREFIX);
        return;
    case WEIGHTS_BLOB:
        text_line(out,
                  "/* Checks the bytes of %s.bin, and points *weights into them: for the args of each call. `bytes` "
                  "must be aligned for %s,",
                  f->prefix, f->real);
        text_line(out,
                  " * and stay. 0, or: %s_BAD_WEIGHTS, damaged or no such file; %s_OTHER_WEIGHTS, those of another "
                  "model, type or",
                  f->PREFIX, f->PREFIX);
        text_line(out, " * version of the format; %s_BAD_ARGUMENT. */", f->PREFIX);
        text_line(out, "#define %s_BLOB %zu /* its bytes */", f->PREFIX,
                  weights_blob_length(f->w.weights, f->o.real_double));
        text_line(out, "int %s_load(const void *bytes, size_t length, const %s **weights);", f->prefix, f->real);
        return;
    }
}

static bool reads_tokens(const file *f)
{
    for (int e = 0; e < ENTRY_COUNT; e++) {
        const program *p = file_program(f, (entry)e);
        for (uint32_t i = 0; p && i < f->g->inputs.len; i++)
            if (f->g->inputs.data[i].type.element == TOKEN && has_input(p, i)) return true;
    }
    return false;
}

/* The codes that a function of this model can return; their numbers are those of kernels/codes.h in every model. */
static void write_codes(file *f)
{
    text *t = text_new(f->w.arena);
    text_put(t, "enum { %s_OK = 0, %s_BAD_ARGUMENT = -1", f->PREFIX, f->PREFIX);
    if (f->g->axes) text_put(t, ", %s_BAD_LENGTH = -2", f->PREFIX);
    if (reads_tokens(f)) text_put(t, ", %s_BAD_TOKEN = -3", f->PREFIX);
    if (file_loads(f)) text_put(t, ", %s_BAD_WEIGHTS = -4, %s_OTHER_WEIGHTS = -5", f->PREFIX, f->PREFIX);
    text_line(f->w.out, "%s };", text_string(t));
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
        text_line(out, "void %s_init(%s *params, uint64_t seed); /* initial values */", p, f->real);
        text_line(out, "void %s_pack(const %s *params, %s *packed); /* after every change of params */", p, f->real,
                  f->real);
    }
    if (file_carries(f)) text_line(out, "void %s_reset(%s_state *state); /* new sequences */", p, p);
    text_blank(out);
    write_missing_step(f);
    text_line(out, "/* These return 0, or one of the codes below 0 and write nothing. */");
    static const char *const what[ENTRY_COUNT] = {[ENTRY_STEP] = "one step: what the state holds goes on",
                                                  [ENTRY_FORWARD] = "all steps",
                                                  [ENTRY_LOSS] = "all steps and the loss",
                                                  [ENTRY_GRAD] = "loss and its gradient by every parameter"};
    for (int e = 0; e < ENTRY_COUNT; e++) {
        if (file_program(f, (entry)e))
            text_line(out, "int %s_%s(const %s_args *args); /* %s */", p, entry_name((entry)e), p, what[e]);
    }
    write_codes(f);
    text_blank(out);
    if (!f->w.weights) {
        text_line(out, "/* The parameters: name, rows and columns (row-major; a vector has one column), where it "
                       "begins in params. */");
        text_line(out, "typedef struct %s_param { const char *name; size_t rows, columns, offset; } %s_param;", p, p);
        text_line(out, "enum { %s_PARAM_COUNT = %zu };", f->PREFIX, f->g->params.len);
        text_line(out, "const %s_param *%s_param_table(void);", p, p);
        text_blank(out);
    }
    text_line(out,
              "/* The sizes above as numbers, and the size of the state in bytes. `steps`, read for sizes of WORK, has "
              "one number");
    text_line(out, " * for each time axis. */");
    text_line(out, "typedef enum %s_size {", p);
    static const char *const sizes[] = {
        [SIZE_PARAMS] = "PARAMS", [SIZE_PACKED] = "PACKED",   [SIZE_STATE_BYTES] = "STATE_BYTES",
        [SIZE_STEP] = "STEP",     [SIZE_FORWARD] = "FORWARD", [SIZE_LOSS] = "LOSS",
        [SIZE_GRAD] = "GRAD"};
    int next = 0; /* a size keeps its number where others are left out */
    for (int i = 0; i <= SIZE_GRAD; i++) {
        if (!has_size(f, (emit_size)i)) continue;
        text_put(out, "%s    %s_SIZE_%s", next ? ",\n" : "", f->PREFIX, sizes[i]);
        if (i != next) text_put(out, " = %d", i);
        next = i + 1;
    }
    text_end(out);
    text_line(out, "} %s_size;", p);
    text_line(out, "size_t %s_sizes(%s_size what, size_t batch, const size_t *steps);", p, p);
}

const char *write_header(file *f)
{
    text *out = f->w.out = text_new(f->w.arena);
    file_write_head(f, ".h");
    if (f->needs) {
        text_blank(out);
        text_line(out, "/* What %s needs, for up to %d sequence%s at once:", f->prefix, f->o.batch,
                  f->o.batch > 1 ? "s" : "");
        footprint_write(out, f->needs, " *     ");
        text_line(out, " */");
    }
    text_line(out, "#ifndef %s_H", f->PREFIX);
    text_line(out, "#define %s_H", f->PREFIX);
    text_blank(out);
    if (!f->o.calls) {
        text_line(out, "#include <stddef.h>");
        text_line(out, "#include <stdint.h>");
        text_blank(out);
    }
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
