/* explain.c: rnnc explain SPEC: the equations of the forward pass and those of backpropagation through time that the
 * compiler derived from them, each with the place of its equation in the spec; --stage prints what a stage made. */
#include "driver/command.h"
#include <stdlib.h>
#include <string.h>

enum { REAL_FLOAT, REAL_DOUBLE }; /* the words of --real */
enum { STAND_IN = 16 };           /* for sizes that come from data */

typedef enum section { SECTION_FORWARD, SECTION_LOSS, SECTION_BACKWARD, SECTION_GRADIENTS, SECTION_COUNT } section;

static bool is_gradient(const graph *g, node_id id)
{
    for (size_t i = 0; g->param_grad && i < g->params.len; i++)
        if (node_is(g->param_grad[i], id)) return true;
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++)
        if (node_is(g->input_grad[i], id)) return true;
    return false;
}

static bool is_of_loss(const model *m, uint32_t variable)
{
    for (size_t i = 0; i < m->losses.len; i++)
        if (m->losses.data[i].value == variable || m->losses.data[i].weight == variable) return true;
    return variable == 0;
}

static section section_of(const graph *g, const model *m, node_id id)
{
    const node *n = graph_node(g, id);
    if (is_gradient(g, id)) return SECTION_GRADIENTS;
    if (n->origin.role == ROLE_ADJOINT) return SECTION_BACKWARD;
    return is_of_loss(m, n->origin.variable) ? SECTION_LOSS : SECTION_FORWARD;
}

/* A part of an equation that one node uses is written out there, unless it is read in time. */
static void inline_parts(graph *g, arena *a, node_list order)
{
    int *users = ARENA_ARRAY(a, int, g->nodes.len);
    for (size_t i = 0; i < order.len; i++) {
        const node *n = graph_node(g, order.data[i]);
        for (int j = 0; j < n->args; j++) users[n->arg[j].i] += is_reading(n) ? 2 : 1;
    }
    for (size_t i = 0; i < order.len; i++)
        if (users[order.data[i].i] == 1) graph_node(g, order.data[i])->origin.part = 0;
}

/* "hello.rnn:6", the place of an equation, or "". */
static const char *place_of(arena *a, const graph *g, span at)
{
    const source *s = g->sources ? source_of(g->sources, at) : NULL;
    if (!s) return "";
    const char *slash = strrchr(s->path, '/');
    return arena_printf(a, "%s:%u", slash ? slash + 1 : s->path, (unsigned)source_place(s, at.begin).line);
}

static bool has_equation(const graph *g, arena *a, node_id id)
{
    op o = graph_node(g, id)->op;
    return o != OP_param && o != OP_input && *graph_label(g, a, id);
}

/* A node that stands for an input itself would read x[t] = x[t]. */
static bool says_nothing(const graph *g, node_id id)
{
    const node *n = graph_node(g, id), *of = n->op == OP_copy ? graph_node(g, n->arg[0]) : NULL;
    return of && of->op == OP_input && of->origin.variable == n->origin.variable && n->origin.whole;
}

/* What the names of the backward equations mean. */
static void print_derivatives(text *out)
{
    text_line(out, "    d_v: the derivative of the loss by v; d_v.1: that by v.1, or, where there is none, a part of "
                   "these equations");
    text_line(out,
              "    d_v.carry[t]: what flows from step t into d_v at the step that v was read from, such as v[t-1]");
    text_line(out, "    d_v and its parts are 0 beyond either end of time");
}

static void print_section(text *out, const graph *g, const model *m, arena *a, node_list order, section wanted)
{
    static const char *const titles[SECTION_COUNT] = {
        "forward",
        "loss",
        "backward",
        "gradients",
    };
    bool any = false;
    const char *last = "";
    for (size_t i = 0; i < order.len; i++) {
        node_id id = order.data[i];
        if (!has_equation(g, a, id) || section_of(g, m, id) != wanted) continue;
        if (says_nothing(g, id)) continue;
        const char *equation = graph_equation(g, a, id);
        if (!any) {
            text_blank(out);
            text_line(out, "%s", titles[wanted]);
            if (wanted == SECTION_BACKWARD) print_derivatives(out);
        }
        any = true;
        const origin *from = &graph_node(g, id)->origin;
        const char *line = place_of(a, g, from->variable ? g->variables.data[from->variable].at : from->at);
        text_line(out, "    %-18s %s", strcmp(line, last) == 0 ? "" : line, equation);
        last = line;
    }
}

/* Parameters that the loss does not depend on. */
static void print_other_gradients(text *out, const graph *g)
{
    for (size_t i = 0; g->param_grad && i < g->params.len; i++)
        if (!node_some(g->param_grad[i])) text_line(out, "    %-18s d_%s = 0", "", g->params.data[i].path);
}

/* ---- notation that a reader may not know, as far as it occurs ---------------------------------------------------- */

static bool over_batch(const node *n)
{
    axis_set over = n->attr.over.axes;
    return (n->op == OP_sum_over || n->op == OP_scatter) && (over & BATCH) && over != BATCH;
}

static void print_notation(text *out, const graph *g, node_list order)
{
    static const struct {
        op op;
        const char *written, *means;
    } words[] = {
        {OP_lookup, "lookup(A, i)", "row i of A; lookup(A', i) is A @ onehot(i)"},
        {OP_pick, "pick(v, i)", "component i of v"},
        {OP_iota, "iota(n)", "the vector (0, 1, ..., n-1); i == iota(n) is onehot(i)"},
        {OP_scatter, "scatter(i, v)", "the matrix that has v as row i, and 0 elsewhere"},
        {OP_pad, "pad(v, 4:8 of 9)", "v as components 4 to 7 of 9, the others 0"},
        {OP_reshape, "reshape(v, ...)", "the components of v, in their order, in another shape"},
        {OP_uniform, "uniform", "random numbers from [0, 1), one for each component"},
        {OP_count, "count(t)", "the number of steps of all sequences of the batch; count(sequences): of sequences"},
    };
    bool there[OP_COUNT] = {false}, all = false, any = false;
    for (size_t i = 0; i < order.len; i++) {
        const node *n = graph_node(g, order.data[i]);
        there[n->op] = true;
        all |= over_batch(n);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) any |= there[words[i].op];
    if (!any && !all) return;
    text_blank(out);
    text_line(out, "notation");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (there[words[i].op]) text_line(out, "    %-18s %s", words[i].written, words[i].means);
    if (all)
        text_line(out, "    %-18s %s", "sum over t",
                  "where the result is one for the whole batch, as in gradients: over its sequences, too");
}

static void print_equations(text *out, graph *g, const model *m, arena *a)
{
    text_line(out, "model %s", g->model);
    node_list order = graph_spec_order(g, a);
    inline_parts(g, a, order);
    for (int s = 0; s < SECTION_COUNT; s++) print_section(out, g, m, a, order, (section)s);
    print_other_gradients(out, g);
    print_notation(out, g, order);
}

/* Why one step at a time cannot be computed, if that is so. */
static void print_step(text *out, const pipeline *p, arena *a)
{
    if (!node_some(p->later) && !p->many_axes) return;
    text_blank(out);
    if (p->many_axes) {
        text_line(out, "There is no step function: the model has several time axes.");
        return;
    }
    const graph *g = p->forward;
    text_line(out, "There is no step function: %s reads a later step: %s",
              place_of(a, g, graph_node(g, p->later)->origin.at), graph_equation(g, a, p->later));
}

/* The numbers that only the plan's predictions and the C have in them. */
static int read_sizes(const options *o, pipeline *p)
{
    enum { BATCH_OF_PLAN = 32 };
    static const option_id sizes[] = {OPTION_BATCH, OPTION_STEPS, OPTION_REAL, OPTION_CHECKPOINT};
    bool given = o->value[OPTION_STAGE].given;
    stage at = (stage)o->value[OPTION_STAGE].number;
    bool fits = given && (at == STAGE_plan || at == STAGE_program || at == STAGE_c);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !fits; i++)
        if (o->value[sizes[i]].given)
            return options_fault(o, "--batch, --steps, --real and --checkpoint go with --stage plan, program or c");
    if (given && at == STAGE_plan) p->options.emit.batch = BATCH_OF_PLAN;
    if (o->value[OPTION_BATCH].given) p->options.emit.batch = (int)o->value[OPTION_BATCH].number;
    p->options.emit.real_double = o->value[OPTION_REAL].number == REAL_DOUBLE;
    graph_axis axes[MAX_TIME_AXES + 1];
    for (int i = 1; i <= p->model->axes; i++)
        axes[i] = (graph_axis){p->model->axis[i].letter, p->model->axis[i].length};
    int code = options_steps(o, axes, p->model->axes, p->options.emit.steps);
    return code ? code : command_root(o, p, 0);
}

static int explain(const options *o, arena *a)
{
    pipeline_options po = command_pipeline(o, o->operands.data[0]);
    po.data_size = STAND_IN;
    if (!o->value[OPTION_STAGE].given) po.purpose = FOR_EXPLAIN;
    pipeline p;
    int unread = command_open(&p, a, &po);
    if (unread) return unread;
    text *out = text_new(a);
    bool stage_given = o->value[OPTION_STAGE].given;
    stage wanted = (stage)o->value[OPTION_STAGE].number;
    bool good = pipeline_check(&p);
    command_print_messages(o, &p);
    if (!good) return EXIT_SPEC;
    int wrong = read_sizes(o, &p);
    if (wrong) return wrong;
    pipeline_compile(&p, (pipeline_dump){stage_given ? wanted : STAGE_passes, stage_given ? out : text_new(a)});
    int uncut = command_segments(&p);
    if (uncut) return uncut;
    if (!stage_given) print_equations(out, p.grad ? p.grad : p.forward, p.model, a);
    if (!stage_given) print_step(out, &p, a);
    fputs(text_string(out), stdout);
    return command_finish(EXIT_SUCCESS);
}

int command_explain(const options *o)
{
    arena *a = arena_new();
    int code = explain(o, a);
    arena_free(a);
    return code;
}
