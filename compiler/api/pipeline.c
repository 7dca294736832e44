/* pipeline.c: the compiler, stage after stage.
 *
 * In: the path of a spec and what to make of it. Out: the checked model, its graphs, the programs and their C, all on
 * one arena; messages in p->diags. pipeline_check, pipeline_plan and pipeline_compile are the whole compiler. */
#include "api/pipeline.h"
#include "base/guard.h"
#include "derive/derive.h"
#include "passes/passes.h"
#include "plan/cost.h"
#include "syntax/syntax.h"
#include <errno.h>
#include <string.h>

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* The whole file, NUL-terminated; NULL when it cannot be read or is larger than a spec may be: errno says which.
 * Nothing on the arena is made while the file is open. */
static const char *read_file(arena *a, const char *path, size_t *length)
{
    enum { FIRST = 1 << 14 };
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    size_t n = 1, len = 0, room = FIRST;
    char *bytes = guard_alloc(room);
    errno = 0;
    while (bytes && len <= SOURCE_MAX_BYTES && (n = fread(bytes + len, 1, room - len, f)) > 0) {
        len += n;
        if (len < room) continue;
        char *more = guard_realloc(bytes, room *= 2);
        if (!more) guard_free(bytes);
        bytes = more;
    }
    int fault = !bytes ? ENOMEM : ferror(f) ? errno : len > SOURCE_MAX_BYTES ? EFBIG : 0;
    fclose(f);
    *length = len; /* of a file that is too large, too: the caller may tell it from one that cannot be read */
    const char *all = fault ? NULL : arena_strndup(a, bytes, len);
    guard_free(bytes);
    errno = fault;
    return all;
}

/* The text of `use "path"`: a path is relative to the spec's folder. */
static const char *load_used(void *context, const char *path, size_t *length)
{
    pipeline *p = context;
    const char *slash = strrchr(p->options.path, '/');
    int folder = slash && path[0] != '/' ? (int)(slash - p->options.path) + 1 : 0;
    return read_file(p->arena, arena_printf(p->arena, "%.*s%s", folder, p->options.path, path), length);
}

void pipeline_open_text(pipeline *p, arena *a, const pipeline_options *o, const char *spec)
{
    *p = (pipeline){.arena = a, .options = *o, .names = names_new(a), .sources = sources_new(a)};
    p->diags = diags_new(a, p->sources);
    p->text = spec;
    p->length = spec ? strlen(spec) : 0;
}

const char *pipeline_read(pipeline *p, arena *a, const pipeline_options *o)
{
    pipeline_open_text(p, a, o, NULL);
    p->text = read_file(a, o->path, &p->length);
    if (p->text) return NULL;
    return arena_printf(a, "%s: cannot be read: %s", o->path,
                        errno == EFBIG ? arena_printf(a, "a spec has at most %d MiB", SOURCE_MAX_BYTES >> 20)
                                       : strerror(errno));
}

/* ---- printing stages --------------------------------------------------------------------------------------------- */

/* The tree as its own file would be read: the pipeline keeps none, since a model comes from several files. */
static void print_tree(const pipeline *p, text *out)
{
    sources *s = sources_new(p->arena);
    syntax_print(out, syntax_parse(p->arena, p->names, diags_new(p->arena, s),
                                   sources_add(s, p->options.path, p->text, p->length)));
}

static void print_graph(text *out, const char *title, const graph *g)
{
    if (!g) return;
    text_blank(out);
    text_line(out, "# %s", title);
    graph_print(out, g);
}

static void print_graphs(const pipeline *p, text *out)
{
    print_graph(out, "forward", p->forward);
    print_graph(out, "loss", p->loss);
    print_graph(out, "grad", p->grad);
}

static void print_program(text *out, const program *of)
{
    if (!of) return;
    text_blank(out);
    plan_print(out, of);
}

static void report_program(text *out, const program *of, const plan_sizes *sizes)
{
    if (!of) return;
    text_blank(out);
    plan_report(out, of, sizes);
}

/* Reasons and predictions; where the number of steps is not fixed, for STAND_IN_STEPS of them. */
static void report_programs(const pipeline *p, text *out)
{
    enum { STAND_IN_STEPS = 100 };
    const emit_options *o = &p->options.emit;
    plan_sizes sizes = {.batch = o->batch, .real_size = o->real_double ? sizeof(double) : sizeof(float)};
    for (int i = 1; i <= MAX_TIME_AXES; i++) sizes.steps[i] = o->steps[i] ? o->steps[i] : STAND_IN_STEPS;
    text_line(out, "predicted for %s", plan_machine(p->arena));
    report_program(out, p->programs.step, &sizes);
    report_program(out, p->programs.forward, &sizes);
    report_program(out, p->programs.loss, &sizes);
    report_program(out, p->programs.grad, &sizes);
}

static void print_programs(const pipeline *p, text *out)
{
    print_program(out, p->programs.step);
    print_program(out, p->programs.forward);
    print_program(out, p->programs.loss);
    print_program(out, p->programs.grad);
}

/* ---- the stages -------------------------------------------------------------------------------------------------- */

bool pipeline_check(pipeline *p)
{
    const pipeline_options *o = &p->options;
    p->model = model_check(p->arena, p->names, p->diags,
                           &(model_options){.path = o->path,
                                            .text = p->text,
                                            .length = p->length,
                                            .defines = o->defines,
                                            .define_count = o->define_count,
                                            .model = o->model,
                                            .data_size = o->data_size,
                                            .load = o->load ? o->load : load_used,
                                            .context = o->load ? o->load_context : p});
    if (p->model && !o->emit.prefix) p->options.emit.prefix = p->model->word;
    return p->model != NULL;
}

static uint32_t input_number(const graph *g, name path)
{
    uint32_t i = 0;
    while (i < g->inputs.len && g->inputs.data[i].path != path) i++;
    return i;
}

/* Numbers the inputs and outputs of the graph without targets as the one with targets does: they share an interface. */
static void align(graph *g, const graph *interface)
{
    for (size_t i = 1; i < g->nodes.len; i++) {
        node *n = &g->nodes.data[i];
        if (n->op == OP_input) n->attr.index = input_number(interface, g->inputs.data[n->attr.index].path);
    }
    g->inputs.len = 0;
    for (size_t i = 0; i < interface->inputs.len; i++) array_push(g->arena, &g->inputs, interface->inputs.data[i]);
    graph_output *outputs = ARENA_ARRAY(g->arena, graph_output, interface->outputs.len);
    for (size_t i = 0, k = 0; i < interface->outputs.len; i++) {
        outputs[i] = interface->outputs.data[i];
        bool same = k < g->outputs.len && g->outputs.data[k].path == outputs[i].path;
        outputs[i].node = same ? g->outputs.data[k++].node : NO_NODE;
    }
    g->outputs.data = outputs;
    g->outputs.len = g->outputs.cap = interface->outputs.len;
}

/* `forward` serves step, too, so it has no target; without a loss there is no other graph that could take one. */
static void lower(pipeline *p)
{
    const pipeline_options *o = &p->options;
    bool loss = (p->model->losses.len > 0 || o->probes.seeded) && !o->emit.inference;
    lower_options forward = {.mode = LOWER_INFERENCE, .outputs = true, .targets = !loss && !o->emit.inference};
    lower_options loss_options = {.mode = LOWER_INFERENCE,
                                  .outputs = true,
                                  .loss = true,
                                  .targets = true,
                                  .parts = o->loss_parts,
                                  .probes = o->probes};
    lower_options grad_options = {.mode = LOWER_TRAINING, .loss = true, .targets = true, .probes = o->probes};
    if (o->purpose == FOR_GRADCHECK) loss_options.mode = LOWER_TRAINING;
    if (o->purpose == FOR_EXPLAIN) grad_options.outputs = true;
    if (o->purpose == FOR_RUN) grad_options.mode = LOWER_INFERENCE;
    p->forward = lower_model(p->arena, p->names, p->model, forward);
    loss_options.shards = grad_options.shards = o->emit.threads > 1;
    if (!loss) return;
    p->loss = lower_model(p->arena, p->names, p->model, loss_options);
    p->grad = lower_model(p->arena, p->names, p->model, grad_options);
    align(p->forward, p->loss);
}

/* What loss k is divided by, as a program of its own: a shard of a batch cannot know. */
static const program *plan_norm(const pipeline *p, uint32_t k, pool *shared)
{
    lower_options options = {.mode = LOWER_INFERENCE, .targets = true, .shards = true, .norm = k + 1};
    graph *g = lower_model(p->arena, p->names, p->model, options);
    if (!node_some(g->loss)) return NULL;
    align(g, p->loss);
    g->outputs.len = 0;
    passes_run(g, 0);
    return plan_program(p->arena, g, ENTRY_LOSS, shared);
}

/* What the user wrote for a node, and where; the node's equation, where that is not one line. */
static const char *written(const pipeline *p, const graph *g, node_id id)
{
    span at = graph_node(g, id)->origin.at;
    const source *s = source_of(p->sources, at);
    if (!s || memchr(s->text + at.begin, '\n', at.end - at.begin)) return graph_equation(g, p->arena, id);
    return arena_printf(p->arena, "%.*s (%s:%u)", (int)(at.end - at.begin), s->text + at.begin, s->path,
                        (unsigned)source_place(s, at.begin).line);
}

static bool reads_data(const graph *g, const node *n)
{
    if (n->op != OP_shift) return false;
    while (n->op == OP_shift || n->op == OP_copy) n = graph_node(g, n->arg[0]);
    return n->op == OP_input;
}

/* Can the gradient not be computed in segments? */
static void forbid_segments(pipeline *p)
{
    bool many;
    p->segments_forbidden = p->grad->axes != 1;
    if (p->segments_forbidden) return;
    node_id found = plan_segments_forbid(p->grad), later = plan_reads_later(p->loss, &many);
    p->segments_forbidden = node_some(found);
    if (!p->segments_forbidden) return;
    const node *n = node_some(later) ? graph_node(p->loss, later) : NULL;
    p->segments_forbidden_by = !n                  ? written(p, p->grad, found)
                               : n->op == OP_shift ? graph_equation(p->loss, p->arena, later)
                                                   : written(p, p->loss, later);
    p->segments_need = !n ? SEGMENTS_NEED_ALL : reads_data(p->loss, n) ? SEGMENTS_NEED_DATA : SEGMENTS_NEED_LATER;
}

static void plan(pipeline *p)
{
    pool *shared = plan_pool_new(p->arena, p->forward);
    shared->segment = p->grad && !p->segments_forbidden ? p->options.emit.segment : 0;
    shared->block_rows = p->options.block_rows;
    shared->own_memory = p->options.own_memory;
    shared->rows_apart = p->options.emit.weights_bits != 0;
    shared->segments_ahead = !p->options.own_memory && p->options.emit.unroll == 1;
    emit_model *m = &p->programs;
    shared->shards = p->options.emit.threads > 1;
    if (shared->carries) m->step = plan_program(p->arena, p->forward, ENTRY_STEP, shared);
    m->forward = plan_program(p->arena, p->forward, ENTRY_FORWARD, shared);
    if (p->loss) m->loss = plan_program(p->arena, p->loss, ENTRY_LOSS, shared);
    if (p->grad) m->grad = plan_program(p->arena, p->grad, ENTRY_GRAD, shared);
    shared->segments_ahead = false;
    if (p->loss && shared->shards) {
        m->norms = ARENA_ARRAY(p->arena, const program *, (size_t)p->loss->losses);
        for (uint32_t k = 0; k < (uint32_t)p->loss->losses; k++) m->norms[k] = plan_norm(p, k, shared);
    }
    m->shared = shared;
    m->graph = p->loss ? p->loss : p->forward;
}

/* Prints what the stage made when that is the one to print; true: stop there. */
static bool dumped(const pipeline *p, pipeline_dump dump, stage s)
{
    if (!dump.to || dump.stage != s) return false;
    switch (s) {
    case STAGE_tree: print_tree(p, dump.to); break;
    case STAGE_model: model_print(dump.to, p->model); break;
    case STAGE_graph: print_graphs(p, dump.to); break;
    case STAGE_derive: print_graph(dump.to, "grad", p->grad); break;
    case STAGE_passes: print_graphs(p, dump.to); break;
    case STAGE_plan: report_programs(p, dump.to); break;
    case STAGE_program: print_programs(p, dump.to); break;
    case STAGE_c: text_puts(dump.to, pipeline_one_text(p->arena, &p->c)); break;
    case STAGE_COUNT: break;
    }
    return true;
}

void pipeline_passed(const pipeline *p, const char *what)
{
    if (p->options.passed) p->options.passed(p->options.passed_context, what);
}

void pipeline_plan(pipeline *p, pipeline_dump dump)
{
    /* text -> tree -> model: that was pipeline_check */
    if (dumped(p, dump, STAGE_tree) || dumped(p, dump, STAGE_model)) return;

    /* model -> graphs */
    lower(p);
    pipeline_passed(p, "graph");
    if (dumped(p, dump, STAGE_graph)) return;

    /* graph -> graph with adjoints; equal readings are one before, so that their adjoint is one sum */
    if (p->grad) {
        passes_prepare(p->grad, 0);
        derive_gradients(p->grad);
    }
    pipeline_passed(p, "derive");
    if (dumped(p, dump, STAGE_derive)) return;

    /* graph -> simpler graph */
    passes_run(p->forward, 0);
    if (p->loss) passes_run(p->loss, 0);
    if (p->grad) passes_run(p->grad, 0);
    p->later = plan_reads_later(p->forward, &p->many_axes);
    pipeline_passed(p, "passes");
    if (p->grad && p->options.emit.segment) forbid_segments(p);
    if (dumped(p, dump, STAGE_passes)) return;

    /* graph -> program */
    plan(p);
    pipeline_passed(p, "plan");
    if (!dumped(p, dump, STAGE_plan)) dumped(p, dump, STAGE_program);
}

void pipeline_compile(pipeline *p, pipeline_dump dump)
{
    pipeline_plan(p, dump);
    if (dump.to && dump.stage < STAGE_c) return;

    /* programs -> C */
    p->c = emit_c(p->arena, &p->programs, &p->options.emit);
    dumped(p, dump, STAGE_c);
}

const char *pipeline_one_text(arena *a, const emitted *c)
{
    const char *line = arena_printf(a, "#include \"%s\"\n", c->header_name), *at = strstr(c->source, line);
    if (!at) BUG("the source does not include %s", c->header_name);
    text *out = text_new(a);
    text_puts(out, c->header);
    text_puts(out, arena_strndup(a, c->source, (size_t)(at - c->source)));
    text_puts(out, at + strlen(line));
    return text_string(out);
}
