/* explain.c: rnnc explain SPEC: the equations of the forward pass and those of backpropagation through time that the
 * compiler derived from them, each with the place of its equation in the spec; --stage prints what a stage made. */
#include "driver/command.h"
#include <stdlib.h>
#include <string.h>

enum { STAND_IN = 16 }; /* for sizes that come from data */

typedef enum section { SECTION_FORWARD, SECTION_LOSS, SECTION_BACKWARD, SECTION_GRADIENTS, SECTION_COUNT } section;

static bool is_gradient(const graph *g, node_id id)
{
    for (size_t i = 0; g->param_grad && i < g->params.len; i++)
        if (node_is(g->param_grad[i], id)) return true;
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++)
        if (node_is(g->input_grad[i], id)) return true;
    return false;
}

static section section_of(const graph *g, node_id id)
{
    const node *n = graph_node(g, id);
    if (is_gradient(g, id)) return SECTION_GRADIENTS;
    if (n->origin.role == ROLE_ADJOINT) return SECTION_BACKWARD;
    return n->origin.variable == 0 ? SECTION_LOSS : SECTION_FORWARD;
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

static void print_section(text *out, const graph *g, arena *a, node_list order, section wanted, const char *title)
{
    bool any = false;
    const char *last = "";
    for (size_t i = 0; i < order.len; i++) {
        node_id id = order.data[i];
        if (!has_equation(g, a, id) || section_of(g, id) != wanted) continue;
        if (!any) {
            text_blank(out);
            text_line(out, "%s", title);
        }
        any = true;
        const origin *from = &graph_node(g, id)->origin;
        const char *line = place_of(a, g, from->variable ? g->variables.data[from->variable].at : from->at);
        text_line(out, "    %-18s %s", strcmp(line, last) == 0 ? "" : line, graph_equation(g, a, id));
        last = line;
    }
}

/* Parameters that the loss does not depend on. */
static void print_other_gradients(text *out, const graph *g)
{
    for (size_t i = 0; g->param_grad && i < g->params.len; i++)
        if (!node_some(g->param_grad[i])) text_line(out, "    %-18s d_%s = 0", "", g->params.data[i].path);
}

static void print_equations(text *out, const graph *g, arena *a)
{
    static const char *const titles[SECTION_COUNT] = {
        "forward",
        "loss",
        "backward: d_v is the derivative of the loss by v",
        "gradients",
    };
    text_line(out, "model %s", g->model);
    node_list order = graph_order(g, a);
    for (int s = 0; s < SECTION_COUNT; s++) print_section(out, g, a, order, (section)s, titles[s]);
    print_other_gradients(out, g);
}

static int explain(const options *o, arena *a)
{
    pipeline_options po = command_pipeline(o, o->operands.data[0]);
    po.data_size = STAND_IN;
    pipeline p;
    if (!pipeline_open(&p, a, &po)) return EXIT_SYSTEM;
    text *out = text_new(a);
    bool stage_given = o->value[OPTION_STAGE].given;
    stage wanted = (stage)o->value[OPTION_STAGE].number;
    bool good = pipeline_check(&p);
    command_print_messages(o, &p);
    if (!good) return EXIT_SPEC;
    pipeline_compile(&p, (pipeline_dump){ stage_given ? wanted : STAGE_passes, stage_given ? out : text_new(a) });
    if (!stage_given) print_equations(out, p.grad ? p.grad : p.forward, a);
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
