/* lower.c: checked model -> graph.
 *
 * In: a model without faults, a mode, the roots. Out: a verified graph. Variables are lowered in the model's order,
 * each after what it reads; only readings in time may come before the variable that they read, and get it at the end.
 *
 * Note [shared nodes]. Boundaries belong to a variable, but in the graph to a node: two variables that are one node
 * (g = h, or dropout when it does nothing) may have different ones. The second such variable gets a copy. */
#include "lower/context.h"
#include <string.h>

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static init lower_init(model_init i)
{
    static const init_kind kind[] = {
        [MODEL_NUMBER] = INIT_NUMBER, [MODEL_UNIFORM] = INIT_UNIFORM,       [MODEL_NORMAL] = INIT_NORMAL,
        [MODEL_GLOROT] = INIT_GLOROT, [MODEL_ORTHOGONAL] = INIT_ORTHOGONAL, [MODEL_IDENTITY] = INIT_IDENTITY};
    return (init){kind[i.kind], i.value};
}

static void fill_axes(lowering *l)
{
    graph *g = l->g;
    g->axes = l->m->axes;
    g->axis[0] = (graph_axis){name_of(g->names, "b"), name_of(g->names, "B")};
    for (int i = 1; i <= g->axes; i++) g->axis[i] = (graph_axis){l->m->axis[i].letter, l->m->axis[i].length};
}

static void fill_variables(lowering *l)
{
    graph *g = l->g;
    g->variables.len = 0;
    for (uint32_t v = 0; v < l->m->variables.len; v++) {
        const model_variable *at = var(l, v);
        array_push(g->arena, &g->variables, (graph_variable){at->path, at->equation});
    }
}

static void current(lowering *l, uint32_t v)
{
    l->g->current = (origin){.variable = v, .role = ROLE_VALUE, .at = var(l, v)->equation};
}

static bool has_input(const graph *g, const char *path)
{
    for (size_t i = 0; i < g->inputs.len; i++)
        if (!strcmp(g->inputs.data[i].path, path)) return true;
    return false;
}

/* A probe or seed, see lower.h: none of its inputs may have the same name in C. */
static node_id probe_input(lowering *l, uint32_t v, bool seed)
{
    graph *g = l->g;
    const char *path = arena_printf(g->arena, "%s_%u", seed ? "seed" : "probe", v);
    while (has_input(g, path)) path = arena_printf(g->arena, "%s_", path);
    graph_input in = {.path = name_of(g->names, path),
                      .type = lower_type(var(l, v)->type),
                      .at = var(l, v)->at,
                      .probe = v,
                      .seed = seed};
    array_push(g->arena, &g->inputs, in);
    return graph_input_node(g, (uint32_t)g->inputs.len - 1);
}

static bool is_probed(const lowering *l, uint32_t v)
{
    const lower_probes *p = &l->options.probes;
    for (size_t i = 0; i < p->count; i++)
        if (p->variable[i] == v) return true;
    return false;
}

/* The variable is the sum from now on, and what was its value a part of its equation. */
static void add_probe(lowering *l, uint32_t v)
{
    node_id n = l->of_variable[v];
    origin whole = graph_node(l->g, n)->origin;
    node_id probe = probe_input(l, v, false);
    l->of_variable[v] = op2(l, OP_add, n, probe);
    if (whole.variable == v) graph_node(l->g, n)->origin.whole = false;
    graph_node(l->g, l->of_variable[v])->origin.whole = true;
}

static void fill_sources(lowering *l)
{
    graph *g = l->g;
    for (uint32_t v = 1; v < l->m->variables.len; v++) {
        const model_variable *at = var(l, v);
        type t = lower_type(at->type);
        current(l, v);
        g->current.whole = true;
        if (at->kind == VARIABLE_PARAM) {
            array_push(g->arena, &g->params, (graph_param){at->path, t.shape, lower_init(at->init), at->at});
            l->of_variable[v] = graph_param_node(g, (uint32_t)g->params.len - 1);
        }
        if (at->kind == VARIABLE_INPUT && (!at->target || l->options.targets)) {
            graph_input in = {
                .path = at->path, .type = t, .classes = at->type.classes, .target = at->target, .at = at->at};
            array_push(g->arena, &g->inputs, in);
            l->of_variable[v] = graph_input_node(g, (uint32_t)g->inputs.len - 1);
        }
    }
    for (uint32_t v = 1; v < l->m->variables.len; v++) { /* behind the spec's inputs */
        if (var(l, v)->kind != VARIABLE_INPUT || !is_probed(l, v)) continue;
        current(l, v);
        add_probe(l, v);
    }
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

static node_id filled(lowering *l, shape s, double value)
{
    double *values = ARENA_ARRAY(l->g->arena, double, (size_t)shape_size(s));
    for (int i = 0; i < shape_size(s); i++) values[i] = value;
    return graph_literal(l->g, s, values);
}

static void lower_variable(lowering *l, uint32_t v)
{
    graph *g = l->g;
    const model_variable *at = var(l, v);
    if (!at->value || at->kind == VARIABLE_PARAM || at->kind == VARIABLE_INPUT) return;
    if (at->on_target && !l->options.targets) return;
    current(l, v);
    size_t start = g->nodes.len;
    type want = lower_type(at->type);
    node_id n;
    if (at->kind == VARIABLE_CONST && at->value->kind == EXPR_NUMBER && want.shape.rank)
        n = filled(l, want.shape, at->value->value);
    else
        n = lower_expr(l, at->value);
    g->current.at = at->equation;
    if (!type_equal(graph_type(g, n), want)) n = graph_expand(g, n, want);
    if (n.i >= start) graph_node(g, n)->origin.whole = true;
    l->of_variable[v] = n;
    if (is_probed(l, v)) add_probe(l, v);
}

/* ---- readings: see note [shared nodes] --------------------------------------------------------------------------- */

static bool bounded(const lowering *l, uint32_t v, int axis)
{
    return var(l, v)->boundaries.len && var(l, v)->boundary_axis == axis;
}

static void attach_readings(lowering *l)
{
    graph *g = l->g;
    size_t axes = (size_t)g->axes + 1;
    uint32_t *owner = ARENA_ARRAY(g->arena, uint32_t, g->nodes.len * axes); /* who reads a node along an axis */
    node_id *copy = ARENA_ARRAY(g->arena, node_id, l->m->variables.len);
    for (size_t i = 0; i < l->readings.len; i++) {
        pending p = l->readings.data[i];
        node_id n = l->of_variable[p.variable];
        uint32_t *first = &owner[n.i * axes + (size_t)p.axis];
        if (!*first) *first = p.variable;
        bool shared = *first == p.variable || (!bounded(l, *first, p.axis) && !bounded(l, p.variable, p.axis));
        if (!shared && !node_some(copy[p.variable])) {
            current(l, p.variable);
            g->current.whole = true;
            copy[p.variable] = graph_pointwise(g, OP_copy, n, NO_NODE, NO_NODE);
        }
        graph_set_operand(g, p.reading, shared ? n : copy[p.variable]);
    }
}

/* ---- roots ------------------------------------------------------------------------------------------------------- */

/* What the sum is divided by: the number of valid steps, or the sum of what each step counts. */
static node_id lower_denominator(lowering *l, axis_set axes, node_id counts)
{
    graph *g = l->g;
    if (!node_some(counts)) return op2(l, OP_max, graph_count(g, axes), number(l, 1));
    type all = type_real(SCALAR, axes);
    if (!type_equal(graph_type(g, counts), all)) counts = graph_expand(g, counts, all);
    node_id count = graph_sum_over(g, counts, axes, false);
    node_id positive = op2(l, OP_gt, count, number(l, 0));
    return op3(l, OP_select, positive, count, number(l, 1));
}

/* 1 at the last step of each of these axes, 0 at the others. */
static node_id at_the_end(lowering *l, axis_set axes)
{
    node_id end = number(l, 1);
    for (int i = 1; i <= l->g->axes; i++) {
        if (!(axes & axis_bit(i))) continue;
        node_id step = graph_step(l->g, i), length = graph_length(l->g, i);
        end = op2(l, OP_and, end, op2(l, OP_eq, step, length));
    }
    return end;
}

/* What the steps of a loss are, before they are added up. */
typedef struct loss_terms {
    node_id value;  /* of a step, times its weight */
    node_id counts; /* how much a step counts; NO_NODE: each one, once */
    axis_set axes;
} loss_terms;

static loss_terms lower_terms(lowering *l, uint32_t index)
{
    const model_loss *at = &l->m->losses.data[index];
    loss_terms t = {.value = l->of_variable[at->value], .counts = NO_NODE};
    current(l, at->value);
    l->g->current.at = at->at;
    node_id weight = at->weight ? l->of_variable[at->weight] : NO_NODE;
    if (node_some(weight)) t.value = op2(l, OP_mul, t.value, weight);
    t.axes = graph_type(l->g, t.value).axes;
    bool last = l->options.probes.last && (t.axes & ~(axis_set)BATCH);
    node_id end = last ? at_the_end(l, t.axes) : NO_NODE;
    if (last) t.value = op3(l, OP_select, end, t.value, number(l, 0));
    if (at->total || !t.axes) return t;
    const model_expr *made_of = var(l, at->value)->value;
    if (made_of) t.counts = lower_counted(l, made_of);
    if (node_some(weight)) t.counts = node_some(t.counts) ? op2(l, OP_mul, t.counts, weight) : weight;
    if (last) t.counts = node_some(t.counts) ? op3(l, OP_select, end, t.counts, number(l, 0)) : end;
    return t;
}

/* Mean over the valid steps: the sum of the values over norm(number of steps); weighted: over norm(sum of the weights);
 * targets that are ignored or weighted count as such. A loss without axes, such as a penalty on a parameter, is itself;
 * each shard of a batch has its share of it. */
static node_id lower_loss(lowering *l, uint32_t index)
{
    graph *g = l->g;
    loss_terms t = lower_terms(l, index);
    if (!t.axes) return l->options.shards ? op2(l, OP_div, t.value, graph_norm(g, number(l, 1), index)) : t.value;
    node_id sum = graph_sum_over(g, t.value, t.axes, false);
    if (l->m->losses.data[index].total) return sum;
    return op2(l, OP_div, sum, graph_norm(g, lower_denominator(l, t.axes, t.counts), index));
}

static node_id sequence_sum(lowering *l, node_id value, axis_set axes)
{
    type all = type_real(SCALAR, axes | BATCH);
    if (!type_equal(graph_type(l->g, value), all)) value = graph_expand(l->g, value, all);
    axis_set time = axes & ~(axis_set)BATCH;
    return time ? graph_sum_over(l->g, value, time, false) : value;
}

/* What each sequence adds to a loss. To one without axes, each adds the same, and counts once. */
static void lower_parts(lowering *l, uint32_t index)
{
    graph *g = l->g;
    const model_loss *at = &l->m->losses.data[index];
    loss_terms t = lower_terms(l, index);
    node_id counts = node_some(t.counts) ? t.counts : number(l, 1);
    name sum = name_printf(g->names, "loss..%u.sum", index), count = name_printf(g->names, "loss..%u.count", index);
    loss_part counted = at->total ? LOSS_TOTAL_COUNT : LOSS_COUNT;
    array_push(g->arena, &g->outputs,
               (graph_output){sum, sequence_sum(l, t.value, t.axes), at->at, LOSS_SUM, (int)index});
    array_push(g->arena, &g->outputs,
               (graph_output){count, sequence_sum(l, counts, t.axes), at->at, counted, (int)index});
}

/* The denominator alone. */
static void lower_norm(lowering *l, uint32_t index)
{
    const graph *g = l->g;
    if (!node_some(l->of_variable[l->m->losses.data[index].value])) return;
    const node *quotient = graph_node(g, lower_loss(l, index));
    const node *norm = quotient->op == OP_div ? graph_node(g, quotient->arg[1]) : NULL;
    if (norm && norm->op == OP_norm) l->g->loss = norm->arg[0];
}

static void lower_roots(lowering *l)
{
    graph *g = l->g;
    if (l->options.norm) {
        lower_norm(l, l->options.norm - 1);
        return;
    }
    for (size_t i = 0; l->options.outputs && i < l->m->outputs.len; i++) {
        const model_output *o = &l->m->outputs.data[i];
        if (!node_some(l->of_variable[o->variable])) continue;
        array_push(g->arena, &g->outputs,
                   (graph_output){.path = o->word, .node = l->of_variable[o->variable], .at = o->at});
    }
    if (l->options.probes.seeded) {
        node_id v = l->of_variable[l->options.probes.seeded];
        current(l, l->options.probes.seeded);
        node_id seed = probe_input(l, l->options.probes.seeded, true), product = op2(l, OP_mul, v, seed);
        if (graph_type(g, product).shape.rank) product = graph_sum(g, product, SCALAR);
        g->loss = graph_sum_over(g, product, graph_type(g, product).axes, false);
        return;
    }
    for (uint32_t i = 0; l->options.loss && i < l->m->losses.len; i++) {
        if (!node_some(l->of_variable[l->m->losses.data[i].value])) continue;
        node_id one = lower_loss(l, i);
        g->loss = node_some(g->loss) ? op2(l, OP_add, g->loss, one) : one;
        if (l->options.parts) lower_parts(l, i);
    }
}

graph *lower_model(arena *a, names *n, const model *m, lower_options options)
{
    lowering l = {.g = graph_new(a, n), .m = m, .options = options};
    l.of_variable = ARENA_ARRAY(a, node_id, m->variables.len);
    l.of_expr = ARENA_ARRAY(a, node_id, m->exprs);
    l.boundary = ARENA_ARRAY(a, node_id *, m->variables.len);
    l.g->sources = m->sources;
    l.g->model = m->word;
    l.g->losses = (int)m->losses.len;
    fill_axes(&l);
    fill_variables(&l);
    fill_sources(&l);
    for (size_t i = 0; i < m->ordered; i++) lower_variable(&l, m->order[i]);
    lower_roots(&l);
    attach_readings(&l);
    l.g->current = (origin){0};
    graph_compact(l.g);
    graph_verify(l.g, "lower");
    return l.g;
}
