/* onnx_export.c: equations to nodes; see onnx_export.h.
 *
 * A call of a standard cell that layers.def gives an operator of ONNX is one node; its weights are what the cell's
 * `weights onnx { }` says. Every other equation is translated operation by operation; a reading of another step, but
 * for the first and the last, has no operator. The variables are taken in the model's order, those that an output
 * needs. */
#include "exchange/onnx_eval.h"
#include "exchange/onnx_exporter.h"
#include <string.h>

enum { OPSET = 14 };

static const model_variable *variable(const exporter *x, uint32_t v) { return exporter_variable(x, v); }

const char *exporter_fail(exporter *x, const char *what)
{
    if (!x->error) x->error = what;
    return "";
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

const char *exporter_fresh(exporter *x, const char *op) { return arena_printf(x->a, "%s_%d", op, ++x->words); }

onnx_node *exporter_node(exporter *x, const char *op)
{
    array_push(x->a, &x->out->nodes, (onnx_node){.op = op, .word = exporter_fresh(x, op)});
    return &x->out->nodes.data[x->out->nodes.len - 1];
}

void exporter_set(exporter *x, const onnx_attribute *attribute)
{
    array_push(x->a, &x->out->nodes.data[x->out->nodes.len - 1].attributes, *attribute);
}

void exporter_set_int(exporter *x, const char *word, int64_t value)
{
    exporter_set(x, &(onnx_attribute){.word = word, .kind = ATTRIBUTE_INT, .i = value});
}

const char *exporter_apply(exporter *x, const char *op, const char *first, const char *second)
{
    onnx_node *n = exporter_node(x, op);
    array_push(x->a, &n->in, first);
    if (second) array_push(x->a, &n->in, second);
    array_push(x->a, &n->out, n->word);
    return n->word;
}

const char *exporter_constant(exporter *x, const char *word, int rank, const int *dim, const double *values,
                              bool integer)
{
    nd v = nd_new(x->a, rank, dim, integer);
    memcpy(v.v, values, v.count * sizeof *v.v);
    array_push(x->a, &x->out->initializers, (onnx_named){word, v});
    return word;
}

const char *exporter_number(exporter *x, double value)
{
    return exporter_constant(x, exporter_fresh(x, "number"), 1, (int[]){1}, &value, false);
}

const char *exporter_index(exporter *x, int rank, int value)
{
    double v = value;
    return exporter_constant(x, exporter_fresh(x, "index"), rank, (int[]){1}, &v, true);
}

const char *exporter_parameter(exporter *x, uint32_t v, bool transposed)
{
    const model_variable *p = variable(x, v);
    shape s = p->type.shape;
    const tensor *t = tensors_find(x->weights, p->path);
    if (!t) return exporter_fail(x, arena_printf(x->a, "the tensor '%s' is missing", p->path));
    double *values = ARENA_ARRAY(x->a, double, t->count + 1), *turned = ARENA_ARRAY(x->a, double, t->count + 1);
    tensor_to_double(t, values);
    for (int i = 0; i < s.dim[0]; i++)
        for (int k = 0; k < s.dim[1]; k++)
            turned[transposed ? k * s.dim[0] + i : i * s.dim[1] + k] = values[i * s.dim[1] + k];
    int dim[2] = {s.dim[transposed], s.dim[!transposed]};
    return exporter_constant(x, exporter_fresh(x, p->path), s.rank ? s.rank : 1, dim, turned, false);
}

/* ---- expressions ------------------------------------------------------------------------------------------------- */

const char *exporter_unknown(exporter *x, const char *what)
{
    return exporter_fail(x, arena_printf(x->a, "%s: ONNX export has no operator for it", what));
}

const char *exporter_read(exporter *x, uint32_t v)
{
    const model_variable *p = variable(x, v);
    if (!x->word[v] && p->kind == VARIABLE_PARAM) x->word[v] = exporter_parameter(x, v, false);
    if (x->word[v]) return x->word[v];
    return exporter_unknown(x, arena_printf(x->a, "'%s'%s", p->path, x->node[v] ? ", the memory at every step" : ""));
}

/* One step, counted from either end. Where sequences have lengths, it is the first or the last. */
static const char *end(exporter *x, const model_expr *e)
{
    uint32_t v = e->read.variable;
    bool last = e->read.from_end && e->read.k == 0, first = !e->read.from_end && e->read.k == 1;
    if (x->node[v] && (x->node[v]->reversed ? first : last)) return exporter_state(x, v);
    const char *of = exporter_read(x, v);
    int step = e->read.from_end ? -1 - e->read.k : e->read.k - 1;
    if (e->read.from_end ? e->read.k < 0 : e->read.k < 1) return exporter_unknown(x, "a step outside of the sequence");
    if (x->lengths && !first && !last)
        return exporter_unknown(x, arena_printf(x->a,
                                                "a step of '%s' that is neither the first nor the last, with "
                                                "--lengths",
                                                variable(x, v)->path));
    if (x->lengths && last) { /* there it is the first of the reversed sequence */
        const char *lengths = exporter_apply(x, "Cast", x->lengths, NULL);
        exporter_set_int(x, "to", ONNX_TYPE_INT64);
        of = exporter_apply(x, "ReverseSequence", of, lengths);
        exporter_set_int(x, "time_axis", 0);
        exporter_set_int(x, "batch_axis", 1);
        step = 0;
    }
    const char *made = exporter_apply(x, "Gather", of, exporter_index(x, 0, step));
    exporter_set_int(x, "axis", 0);
    return made;
}

static const char *slice(exporter *x, const model_expr *e)
{
    const model_range *r = &e->slice.range[0];
    if (e->slice.ranges != 1 || e->slice.operand->type.shape.rank != 1)
        return exporter_unknown(x, "a part of a matrix");
    const char *of = exporter_translate(x, e->slice.operand);
    const char *starts = exporter_index(x, 1, r->begin), *ends = exporter_index(x, 1, r->begin + r->length);
    const char *axes = exporter_index(x, 1, -1);
    const char *made = exporter_apply(x, "Slice", of, starts);
    onnx_node *n = &x->out->nodes.data[x->out->nodes.len - 1];
    array_push(x->a, &n->in, ends);
    array_push(x->a, &n->in, axes);
    return made;
}

/* At most MODEL_MAX_DEPTH deep. */
const char *exporter_translate(exporter *x, const model_expr *e)
{
    if (x->error) return "";
    switch (e->kind) {
    case EXPR_NUMBER: return exporter_number(x, e->value);
    case EXPR_SIZE: return exporter_number(x, e->size->value);
    case EXPR_VARIABLE: return exporter_read(x, e->read.variable);
    case EXPR_CALL: return exporter_call(x, e);
    case EXPR_AT: return end(x, e);
    case EXPR_SLICE: return slice(x, e);
    case EXPR_SHIFT:
        return exporter_unknown(x, arena_printf(x->a, "'%s' at another step, outside of a cell that ONNX has",
                                                variable(x, e->read.variable)->path));
    case EXPR_STEP: return exporter_unknown(x, "the number of the step");
    case EXPR_LITERAL:
        if (e->type.shape.rank != 1) return exporter_unknown(x, "a constant matrix");
        return exporter_constant(x, exporter_fresh(x, "vector"), 1, (int[]){e->type.shape.dim[0]}, e->literal, false);
    case EXPR_POISON: break;
    }
    return exporter_unknown(x, "this");
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

static void need_expr(exporter *x, const model_expr *e)
{
    switch (e->kind) {
    case EXPR_VARIABLE:
    case EXPR_SHIFT:
    case EXPR_AT: x->needed[e->read.variable] = true; break;
    case EXPR_CALL:
        for (int i = 0; i < e->call.count; i++) need_expr(x, e->call.args[i]);
        break;
    case EXPR_SLICE: need_expr(x, e->slice.operand); break;
    case EXPR_NUMBER:
    case EXPR_LITERAL:
    case EXPR_SIZE:
    case EXPR_STEP:
    case EXPR_POISON: break;
    }
}

static void need_variable(exporter *x, uint32_t v)
{
    const model_instance *s = x->node[v];
    if (!s) {
        if (variable(x, v)->kind == VARIABLE_EQUATION && variable(x, v)->value) need_expr(x, variable(x, v)->value);
        return;
    }
    x->needed[s->data.data[0].variable] = true;
    for (size_t k = 0; k < s->cell->results.len; k++) {
        const model_variable *r = variable(x, s->results[k]);
        for (size_t i = 0; i < r->boundaries.len; i++) x->needed[r->boundaries.data[i].variable] = true;
    }
}

static onnx_input shape_of(const model_variable *v, const char *word)
{
    onnx_input in = {.word = word, .integer = v->type.token};
    if (v->type.axes & 2) in.dim[in.rank++] = DIM_ANY_STEPS;
    in.dim[in.rank++] = DIM_ANY_BATCH;
    if (!v->type.token) in.dim[in.rank++] = v->type.shape.rank ? v->type.shape.dim[0] : 1;
    return in;
}

static void export_outputs(exporter *x)
{
    for (size_t i = 0; i < x->m->outputs.len && !x->error; i++) {
        const model_output *o = &x->m->outputs.data[i];
        const model_variable *v = variable(x, o->variable);
        if (v->on_target) continue;
        if (v->type.shape.rank > 1) {
            exporter_unknown(x, arena_printf(x->a, "the output '%s', a matrix", o->word));
            return;
        }
        const char *value = exporter_read(x, o->variable);
        onnx_node *n = exporter_node(x, "Identity");
        array_push(x->a, &n->in, value);
        array_push(x->a, &n->out, o->word);
        array_push(x->a, &x->out->outputs, o->word);
        array_push(x->a, &x->out->results, shape_of(v, o->word));
    }
    if (!x->error && !x->out->results.len) exporter_fail(x, "the model has no output that depends on no target");
}

/* The first input over time has the lengths of the sequences. */
static void add_lengths(exporter *x)
{
    for (size_t v = 1; v < x->m->variables.len && !x->lengths; v++) {
        const model_variable *p = variable(x, (uint32_t)v);
        if (p->kind != VARIABLE_INPUT || p->target || !(p->type.axes & 2)) continue;
        x->lengths = arena_printf(x->a, "%s_lengths", p->path);
        onnx_input in = {.word = x->lengths, .integer = true, .narrow = true, .rank = 1, .dim = {DIM_ANY_BATCH}};
        array_push(x->a, &x->out->inputs, in);
    }
    if (!x->lengths) exporter_fail(x, "--lengths: no input of the model runs over time");
}

const char *onnx_export(arena *a, const model *m, const tensors *weights, bool lengths, onnx_model *out)
{
    exporter x = {.a = a, .m = m, .weights = weights, .out = out};
    model_parameters left = {0};
    *out = (onnx_model){.opset = OPSET};
    x.word = ARENA_ARRAY(a, const char *, m->variables.len);
    x.needed = ARENA_ARRAY(a, bool, m->variables.len);
    x.node = ARENA_ARRAY(a, const model_instance *, m->variables.len);
    x.made = ARENA_ARRAY(a, size_t, m->variables.len);
    if (m->axes > 1) return "the model has several axes of time: ONNX export has no operators for them";
    x.error = maps_export(a, m, "onnx", weights, &x.foreigns, &left);
    for (size_t i = 1; i < m->instances.len; i++)
        for (size_t k = 0;
             exporter_has_operator(&x, m->instances.data[i]) && k < m->instances.data[i]->cell->results.len; k++)
            x.node[m->instances.data[i]->results[k]] = m->instances.data[i];
    for (size_t i = 0; i < m->outputs.len; i++)
        if (!variable(&x, m->outputs.data[i].variable)->on_target) x.needed[m->outputs.data[i].variable] = true;
    for (size_t i = m->ordered; i-- > 0;)
        if (x.needed[m->order[i]]) need_variable(&x, m->order[i]);
    if (lengths) add_lengths(&x);
    for (size_t i = 0; i < m->ordered && !x.error; i++) {
        uint32_t v = m->order[i];
        const model_variable *p = variable(&x, v);
        if (!x.needed[v]) continue;
        if (p->kind == VARIABLE_INPUT) {
            array_push(a, &out->inputs, shape_of(p, p->path));
            x.word[v] = p->path;
        } else if (x.node[v] && !x.word[x.node[v]->results[0]]) {
            exporter_recurrent(&x, x.node[v]);
        } else if (!x.node[v] && p->kind == VARIABLE_EQUATION && p->value) {
            x.word[v] = exporter_translate(&x, p->value);
        }
    }
    export_outputs(&x);
    return x.error;
}
