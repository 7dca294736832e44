/* source.c: the source of a model: kernels, helpers, checks of arguments, and the functions, which function.c
 * writes. */
#include "emit/files.h"

#include "base/embedded.h"

#include <string.h>

/* The kernels in their order. Where the functions that call one are listed, a model that has none of them does without;
 * `apart`: those that load the C for libtcc have it. */
enum { MOST_CALLED = 10 };
#define STREAM_CALLS "stream_products", "stream_blocks", "stream_units"
#define OUTER_CALLS "outer", "outer_blocks"
#define INIT_CALLS "init_constant", "init_uniform", "init_normal", "init_glorot", "init_orthogonal", "init_identity"
static const struct kernel {
    const char *path;
    bool apart;
    const char *called[MOST_CALLED]; /* none: always */
} kernels[] = {
    {"kernels/inline.h", false, {NULL}},
    {"kernels/compiler.h", true, {NULL}},
    {"kernels/functions.h", false, {NULL}},
    {"kernels/contract.h",
     true,
     {"contract", "contract_small", "contract_scaled", "contract_blocks", "pack_matrix", STREAM_CALLS, OUTER_CALLS}},
    {"kernels/integers.h", false, {"contract_scaled", "scaled_row"}},
    {"kernels/scaled.h", false, {"contract_scaled"}},
    {"kernels/stream.h", false, {STREAM_CALLS}},
    {"kernels/outer.h", true, {"outer_small", OUTER_CALLS}},
    {"kernels/pack.h", true, {"pack_matrix"}},
    {"kernels/rows.h",
     true,
     {"row_clear", "row_sum", "row_max", "row_softmax", "row_logsumexp", "row_softmax_logsumexp", "pack_table"}},
    {"kernels/lookup.h", false, {"row_any", "token_row", "lookup_row"}},
    {"kernels/random.h", false, {"random_key", "random_row", "random_uniform", INIT_CALLS}},
    {"kernels/init.h", true, {INIT_CALLS}},
};

static bool is_called(const writer *w, const struct kernel *k)
{
    bool any = !k->called[0];
    for (int i = 0; !any && i < MOST_CALLED && k->called[i]; i++) any = is_used(w, k->called[i]);
    return any;
}

static void write_kernels(file *f)
{
    text *out = f->w.out;
    if (!f->o.standalone) {
        text_line(out, "#include \"rnn.h\"");
        text_blank(out);
        return;
    }
    text_blank(out);
    text_line(out, "/* ==== kernels: the same text for every model ==== */");
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        const struct kernel *k = &kernels[i];
        size_t length;
        if ((k->apart && f->o.calls) || !is_called(&f->w, k)) continue;
        const char *kernel = embedded_text(k->path, &length);
        if (!kernel) BUG("%s is not built in", k->path);
        text_puts(out, arena_strndup(f->w.arena, kernel, length));
        text_blank(out);
    }
    text_line(out, "/* ==== the model ==== */");
}

static void write_sequence_helpers(file *f)
{
    text *out = f->w.out;
    const graph *g = f->g;
    for (int i = 1; i <= g->axes; i++) {
        const char *t = g->axis[i].letter;
        if (!is_used(&f->w, arena_printf(f->w.arena, "length_%s", t))) continue;
        text_blank(out);
        text_line(out, "/* Own length of a sequence%s. */",
                  g->axes > 1 ? "; one that is empty along any axis is absent altogether" : "");
        text_line(out, "RNN_SHARED size_t length_%s(const %s_args *args, size_t seq)", t, f->prefix);
        text_block(out);
        for (int j = 1; j <= g->axes; j++) {
            if (j != i)
                text_line(out, "if (args->lengths_%s && args->lengths_%s[seq] == 0) return 0;", g->axis[j].letter,
                          g->axis[j].letter);
        }
        text_line(out, "return args->lengths_%s ? (size_t)args->lengths_%s[seq] : args->%s;", t, t, g->axis[i].length);
        text_close(out, NULL);
    }
    if (is_used(&f->w, "is_present")) {
        text_blank(out);
        text_line(out, "/* Has a sequence this step? 0 or 1. */");
        text_line(out, "static size_t is_present(const %s_args *args, size_t seq)", f->prefix);
        text_block(out);
        text_line(out, "return args->lengths_%s ? (size_t)args->lengths_%s[seq] : 1;", g->axis[1].letter,
                  g->axis[1].letter);
        text_close(out, NULL);
    }
    if (is_used(&f->w, "is_ragged")) {
        text_blank(out);
        text_line(out, "/* Is any sequence shorter than the arrays? */");
        text_line(out, "RNN_SHARED int is_ragged(const %s_args *args)", f->prefix);
        text_block(out);
        if (g->axes) {
            text_open(out, "for (size_t seq = 0; seq < args->batch; seq++)");
            for (int i = 1; i <= g->axes; i++)
                text_line(out, "if (args->lengths_%s && (size_t)args->lengths_%s[seq] != args->%s) return 1;",
                          g->axis[i].letter, g->axis[i].letter, g->axis[i].length);
            text_close(out, NULL);
            text_line(out, "return 0;");
        } else {
            text_line(out, "return args == NULL;");
        }
        text_close(out, NULL);
    }
    if (is_used(&f->w, "time_of")) {
        text_blank(out);
        text_line(out, "/* Steps of a sequence before this call. */");
        text_line(out, "static uint64_t time_of(const %s_args *args, size_t seq)", f->prefix);
        text_block(out);
        text_line(out, "return args->state ? args->state->time[seq] : 0;");
        text_close(out, NULL);
    }
}

static void write_init(file *f)
{
    text *out = f->w.out;
    text_blank(out);
    text_line(out, "void %s_init(%s *params, uint64_t seed)", f->prefix, f->real);
    text_block(out);
    bool random = false;
    for (size_t i = 0; i < f->g->params.len; i++) {
        const graph_param *p = &f->g->params.data[i];
        int n = shape_size(p->shape);
        const char *key = arena_printf(f->w.arena, "%s(UINT64_C(%llu), seed, 0)", c_use(&f->w, "random_key"),
                                       (unsigned long long)c_path_hash(p->path));
        const char *at = arena_printf(f->w.arena, "params + %s", f->w.places->params[i].name);
        const char *value = c_number(&f->w, p->init.value);
        random = random || (p->init.kind != INIT_NUMBER && p->init.kind != INIT_IDENTITY);
        switch (p->init.kind) {
        case INIT_NUMBER: text_line(out, "%s(%s, %d, %s);", c_use(&f->w, "init_constant"), at, n, value); break;
        case INIT_UNIFORM:
            text_line(out, "%s(%s, %d, %s, %s);", c_use(&f->w, "init_uniform"), at, n, value, key);
            break;
        case INIT_NORMAL: text_line(out, "%s(%s, %d, %s, %s);", c_use(&f->w, "init_normal"), at, n, value, key); break;
        case INIT_GLOROT:
            text_line(out, "%s(%s, %d, %d, %s);", c_use(&f->w, "init_glorot"), at, p->shape.dim[0], p->shape.dim[1],
                      key);
            break;
        case INIT_ORTHOGONAL:
            text_line(out, "%s(%s, %d, %d, %s);", c_use(&f->w, "init_orthogonal"), at, p->shape.dim[0], p->shape.dim[1],
                      key);
            break;
        case INIT_IDENTITY:
            text_line(out, "%s(%s, %d, %d);", c_use(&f->w, "init_identity"), at, p->shape.dim[0], p->shape.dim[1]);
            break;
        }
    }
    if (!random) text_line(out, "(void)seed;");
    if (!f->g->params.len) text_line(out, "(void)params;");
    text_close(out, NULL);
}

static void write_pack_function(file *f)
{
    text *out = f->w.out;
    const pool *shared = f->m->shared;
    bool any = false;
    if (packs_in_parts(&f->w)) write_pack_parts(&f->w);
    text_blank(out);
    text_line(out, "void %s_pack(const %s *params, %s *packed)", f->prefix, f->real, f->real);
    text_block(out);
    if (packs_in_parts(&f->w)) {
        write_parallel_pack(&f->w);
        text_close(out, NULL);
        return;
    }
    for (size_t i = 1; i < shared->packings.len; i++) {
        const packing *pk = &shared->packings.data[i];
        if (pk->in_call) continue;
        any = true;
        write_packing(&f->w, pk, c_packing(&f->w, "packed", i));
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
    if (!file_carries(f)) return;
    text_blank(out);
    text_line(out, "void %s_reset(%s_state *state)", f->prefix, f->prefix);
    text_block(out);
    text_line(out, "memset(state, 0, sizeof *state);");
    text_close(out, NULL);
}

static void write_param_table(file *f)
{
    text *out = f->w.out;
    text_blank(out);
    text_line(out, "const %s_param *%s_param_table(void)", f->prefix, f->prefix);
    text_block(out);
    text_open(out, "static const %s_param table[] =", f->prefix);
    for (size_t i = 0; i < f->g->params.len; i++) {
        const graph_param *p = &f->g->params.data[i];
        text_line(out, "{\"%s\", %d, %d, %s},", p->path, p->shape.dim[0], p->shape.dim[1], f->w.places->params[i].name);
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
    text_block(out);
    text_line(out, "(void)batch;");
    text_line(out, "(void)steps;");
    if (!f->w.weights) {
        text_line(out, "if (what == %s_SIZE_PARAMS) return %s_PARAMS;", f->PREFIX, f->PREFIX);
        text_line(out, "if (what == %s_SIZE_PACKED) return %s_PACKED;", f->PREFIX, f->PREFIX);
    }
    if (file_carries(f))
        text_line(out, "if (what == %s_SIZE_STATE_BYTES) return sizeof(%s_state);", f->PREFIX, f->prefix);
    for (int e = 0; e < ENTRY_COUNT; e++) {
        const program *p = file_program(f, (entry)e);
        if (!p) continue;
        text_put(out, "if (what == %s_SIZE_%s) return %s_%s_WORK(", f->PREFIX,
                 c_upper(f->w.arena, entry_name(p->entry)), f->PREFIX, c_upper(f->w.arena, entry_name(p->entry)));
        for (int a = 1; a <= f->g->axes; a++) text_put(out, "steps[%d], ", a - 1);
        text_line(out, "batch);");
    }
    text_line(out, "return 0;");
    text_close(out, NULL);
}

/* What `loss` and `grad` in shards divide by. */
static void write_all_norms(file *f)
{
    for (int k = 0; k < f->g->losses && is_sharded(&f->w, f->m->loss); k++) {
        if (shard_norm(&f->w, k)) write_norm(&f->w, f->m->norms[k], (size_t)k);
    }
}

/* All functions, those that the entry points share in front. */
static const char *write_functions(file *f)
{
    /* `step` last: helpers are named by the others. */
    static const entry order[ENTRY_COUNT] = {ENTRY_FORWARD, ENTRY_LOSS, ENTRY_GRAD, ENTRY_STEP};
    text *functions[ENTRY_COUNT], *body = text_new(f->w.arena);
    helpers_new(&f->w);
    for (int i = 0; i < ENTRY_COUNT; i++) {
        const program *p = file_program(f, order[i]);
        f->w.out = functions[order[i]] = text_new(f->w.arena);
        if (!p) continue;
        write_check(f, p);
        if (p->entry == ENTRY_LOSS && f->m->norms) write_all_norms(f);
        write_function(&f->w, p);
    }
    if (*helpers_text(&f->w)) text_line(body, "/* ==== what the functions share ==== */");
    text_puts(body, helpers_text(&f->w));
    for (int e = 0; e < ENTRY_COUNT; e++) {
        text_blank(body);
        text_puts(body, text_string(functions[e]));
    }
    f->w.out = body;
    f->w.g = f->g;
    if (f->w.weights) weights_place(f->w.weights, &f->w);
    f->random = is_used(&f->w, "random_key");
    if (f->o.inference) f->needs = footprint_of(&f->w);
    if (file_loads(f)) weights_write_load(f->w.out, f->w.weights, &f->o);
    if (!f->w.weights) {
        write_init(f);
        write_pack_function(f);
    }
    write_reset(f);
    if (!f->w.weights) write_param_table(f);
    write_sizes_function(f);
    return text_string(body);
}

/* What the functions use: macros, questions about sequences, products in blocks, places, weights. */
static void write_front(file *f)
{
    text *out = f->w.out;
    const places *at = f->w.places;
    bool inside = f->w.weights != NULL;
    if (is_used(&f->w, "NORM")) {
        text_line(out, "/* What loss k is divided by: the caller's number, or its own count. */");
        text_line(out, "#define NORM(k, own) (args->norms ? args->norms[k] : (own))");
    }
    write_sequence_helpers(f);
    write_product_blocks(&f->w);
    if (is_used(&f->w, "shard_of")) write_shard_of(&f->w, !f->o.inference || f->random);
    places_write(out, at->packings, at->packing_count, true, "Where each matrix of integers lies in the matrices.");
    places_write(out, at->scales, at->packing_count, false, "Where its scales lie in the weights.");
    if (at->rows) {
        places_write(out, at->rows, 2 * at->param_count, true, "Where each table of integers lies in the matrices.");
        places_write(out, at->row_scales, 2 * at->param_count, false, "Where its scales lie in the weights.");
    }
    places_write(out, at->packings, at->packing_count, false,
                 inside ? "Where each matrix lies in the weights." : "Where each matrix lies in packed.");
    places_write(out, at->params, at->param_count, false,
                 inside ? "Where each parameter lies in the weights."
                        : "Where each parameter lies in params and grads.");
    if (inside && f->o.weights_as == WEIGHTS_EMBEDDED) weights_write_arrays(out, f->w.weights, &f->w, "static const");
    text_blank(out);
}

const char *write_source(file *f, const char *header_name)
{
    uses_open(&f->w);
    const char *body = write_functions(f);
    text *out = f->w.out = text_new(f->w.arena);
    file_write_head(f, ".c");
    text_line(out, "#include \"%s\"", header_name);
    text_blank(out);
    text_line(out, "typedef %s real;", f->real);
    text_line(out, "#define REAL_IS_DOUBLE %d", f->o.real_double);
    if (f->o.math_libm) text_line(out, "#define RNN_MATH_LIBM /* exp, sigmoid and tanh by libm */");
    if (f->w.weights && f->w.weights->word_count)
        text_line(out, "#define MATRIX_BITS %d /* of an integer in a matrix */", f->o.weights_bits);
    write_kernels(f);
    write_front(f);
    text_puts(out, body);
    return text_string(out);
}
