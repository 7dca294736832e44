/* print.c: a checked model as text: what each name is, and its equation with all calls expanded. */
#include "model/context.h"
#include <string.h>

static const model_variable *var(const model *m, uint32_t v) { return &m->variables.data[v]; }

const char *model_type_text(arena *a, const model *m, model_type t)
{
    const char *s = t.token             ? arena_printf(a, "token(%d)", t.classes)
                    : t.shape.rank == 0 ? "real"
                                        : arena_printf(a, "real%s", model_shape_text(a, t.shape));
    const char *time = axes_text(a, m, t.axes);
    if (t.axes & 1) return arena_printf(a, "%s over b%s%s", s, *time ? ", " : "", time);
    return *time ? arena_printf(a, "%s over %s", s, time) : s;
}

static void print_args(text *out, const model *m, const model_expr *e)
{
    text_put(out, "%s(", function_table[e->call.function].name);
    for (int i = 0; i < e->call.count; i++) {
        if (i) text_put(out, i == 2 && e->call.function == FUNCTION_cross_entropy ? ", weights = " : ", ");
        model_print_expr(out, m, e->call.args[i]);
    }
    if (e->call.smoothing > 0) text_put(out, ", smoothing = %g", e->call.smoothing);
    if (e->call.function == FUNCTION_cross_entropy && e->call.ignore >= 0)
        text_put(out, ", ignore = %g", e->call.ignore);
    if (e->call.function == FUNCTION_ctc) text_put(out, ", blank = %g", e->call.blank);
    if (e->call.extent != WHOLE) text_put(out, e->call.extent == EACH_ROW ? ", rows" : ", columns");
    const char *over = axes_text(out->arena, m, e->call.over);
    text_put(out, "%s%s)", *over ? " over " : "", over);
}

static void print_call(text *out, const model *m, const model_expr *e)
{
    model_function f = e->call.function;
    if (f == FUNCTION_transpose) {
        model_print_expr(out, m, e->call.args[0]);
        text_put(out, "'");
    } else if (f == FUNCTION_select) {
        text_put(out, "(if ");
        model_print_expr(out, m, e->call.args[0]);
        text_put(out, " then ");
        model_print_expr(out, m, e->call.args[1]);
        text_put(out, " else ");
        model_print_expr(out, m, e->call.args[2]);
        text_put(out, ")");
    } else if (function_table[f].class == OPERATOR && e->call.count == 1) {
        text_put(out, f == FUNCTION_not ? "(not " : "(-");
        model_print_expr(out, m, e->call.args[0]);
        text_put(out, ")");
    } else if (function_table[f].class == OPERATOR || f == FUNCTION_matmul) {
        text_put(out, "(");
        model_print_expr(out, m, e->call.args[0]);
        text_put(out, " %s ", function_table[f].name);
        model_print_expr(out, m, e->call.args[1]);
        text_put(out, ")");
    } else {
        print_args(out, m, e);
    }
}

static void print_offset(text *out, int k)
{
    if (k) text_put(out, "%+d", k);
}

static void print_slice(text *out, const model *m, const model_expr *e)
{
    model_print_expr(out, m, e->slice.operand);
    text_put(out, "(");
    for (int i = 0; i < e->slice.ranges; i++) {
        const model_range *r = &e->slice.range[i];
        if (i) text_put(out, ", ");
        if (r->single)
            text_put(out, "%d", r->begin);
        else
            text_put(out, "%d:%d", r->begin, r->begin + r->length);
    }
    text_put(out, ")");
}

static void print_vector(text *out, int count, const double *values)
{
    enum { SHOWN = 16 };
    for (int i = 0; i < count && i < SHOWN; i++) text_put(out, "%s%g", i ? ", " : "vector(", values[i]);
    text_put(out, count > SHOWN ? ", ...)" : ")");
}

static void print_literal(text *out, shape s, const double *values)
{
    enum { SHOWN = 8 };
    if (s.rank < 2) {
        print_vector(out, s.dim[0], values);
        return;
    }
    for (int i = 0; i < s.dim[0] && i < SHOWN; i++) {
        text_put(out, i ? ", " : "rows(");
        print_vector(out, s.dim[1], values + (size_t)i * (size_t)s.dim[1]);
    }
    text_put(out, s.dim[0] > SHOWN ? ", ...)" : ")");
}

void model_print_expr(text *out, const model *m, const model_expr *e)
{
    switch (e->kind) {
    case EXPR_POISON: text_put(out, "?"); return;
    case EXPR_NUMBER: text_put(out, "%.17g", e->value); return;
    case EXPR_SIZE: text_put(out, "%.17g", e->size->value); return;
    case EXPR_LITERAL: print_literal(out, e->type.shape, e->literal); return;
    case EXPR_VARIABLE: text_put(out, "%s", var(m, e->read.variable)->path); return;
    case EXPR_SHIFT:
        text_put(out, "%s[%s", var(m, e->read.variable)->path, m->axis[e->read.axis].letter);
        print_offset(out, e->read.k);
        text_put(out, "]");
        return;
    case EXPR_AT:
        text_put(out, "%s[", var(m, e->read.variable)->path);
        if (e->read.from_end) {
            text_put(out, "%s", m->axis[e->read.axis].length);
            print_offset(out, -e->read.k);
        } else {
            text_put(out, "%d", e->read.k);
        }
        text_put(out, "]");
        return;
    case EXPR_STEP:
        if (e->read.from_end)
            text_put(out, "(%s - %s + 1)", m->axis[e->read.axis].length, m->axis[e->read.axis].letter);
        else
            text_put(out, "%s", m->axis[e->read.axis].letter);
        return;
    case EXPR_CALL: print_call(out, m, e); return;
    case EXPR_SLICE: print_slice(out, m, e); return;
    }
}

static void print_init(text *out, const model_variable *v)
{
    switch (v->init.kind) {
    case MODEL_NUMBER: text_put(out, " = %g", v->init.value); break;
    case MODEL_UNIFORM: text_put(out, " = uniform(%g)", v->init.value); break;
    case MODEL_NORMAL: text_put(out, " = normal(%g)", v->init.value); break;
    case MODEL_GLOROT: text_put(out, " = glorot"); break;
    case MODEL_ORTHOGONAL: text_put(out, " = orthogonal"); break;
    case MODEL_IDENTITY: text_put(out, " = identity"); break;
    }
}

static void print_variable(text *out, const model *m, const model_variable *v)
{
    static const char *const kind[] = {[VARIABLE_EQUATION] = "",
                                       [VARIABLE_INPUT] = "input ",
                                       [VARIABLE_PARAM] = "param ",
                                       [VARIABLE_CONST] = "const "};
    text_put(out, "%s%s : %s", v->target ? "target " : kind[v->kind], v->path, model_type_text(out->arena, m, v->type));
    if (v->kind == VARIABLE_PARAM) print_init(out, v);
    if (v->value) {
        text_put(out, " = ");
        model_print_expr(out, m, v->value);
    }
    if (v->scan) text_put(out, "    # %s along %s", v->scan < 0 ? "forward" : "backward", m->axis[v->scan_axis].letter);
    text_end(out);
    for (size_t i = 0; i < v->boundaries.len; i++) {
        const model_boundary *b = &v->boundaries.data[i];
        const char *at = b->after ? arena_printf(out->arena, "%s+%d", m->axis[v->boundary_axis].length, b->slot + 1)
                                  : arena_printf(out->arena, "%d", -b->slot);
        text_line(out, "%s[%s] = %s", v->path, at, var(m, b->variable)->path);
    }
}

static void print_generate(text *out, const model *m)
{
    const model_generate *g = &m->generate;
    text_put(out, "generate %s[%s+1] ~ %s", var(m, g->input)->path, m->axis[g->axis].letter, var(m, g->from)->path);
    if (g->first.given) text_put(out, " from %d", g->first.token);
    if (g->end.given) text_put(out, " until %d", g->end.token);
    text_end(out);
}

void model_print(text *out, const model *m)
{
    text_open(out, "model %s", m->word);
    for (size_t i = 0; i < m->sizes.len; i++)
        text_line(out, "size %s = %g", m->sizes.data[i]->word, m->sizes.data[i]->value);
    for (size_t i = 1; i < m->variables.len; i++)
        if (m->variables.data[i].kind != VARIABLE_EQUATION) print_variable(out, m, &m->variables.data[i]);
    for (size_t i = 0; i < m->ordered; i++)
        if (var(m, m->order[i])->kind == VARIABLE_EQUATION) print_variable(out, m, var(m, m->order[i]));
    for (size_t i = 0; i < m->outputs.len; i++)
        text_line(out, "output %s as %s", var(m, m->outputs.data[i].variable)->path, m->outputs.data[i].word);
    for (size_t i = 0; i < m->losses.len; i++) {
        const model_loss *l = &m->losses.data[i];
        text_put(out, "loss %s%s", l->total ? "total " : "", var(m, l->value)->path);
        if (l->weight) text_put(out, " weight %s", var(m, l->weight)->path);
        text_end(out);
    }
    if (m->generate.input) print_generate(out, m);
    for (size_t i = 0; i < m->train.len; i++) {
        const train_setting *s = &m->train.data[i];
        if (s->is_word)
            text_line(out, "train %s = %s", s->key, s->word);
        else if (s->pattern)
            text_line(out, "train %s \"%s\" = %g", s->key, s->pattern, s->value);
        else
            text_line(out, "train %s = %g", s->key, s->value);
    }
    text_close(out, NULL);
}

/* "a (N, S, T, 3)": inputs and targets as data have them. */
static void print_layouts(text *out, const model *m)
{
    for (size_t i = 1; i < m->variables.len; i++) {
        const model_variable *v = &m->variables.data[i];
        if (v->kind != VARIABLE_INPUT) continue;
        text_put(out, "%s in data: (N", v->path);
        for (int axis = 1; axis <= m->axes; axis++)
            if (v->type.axes & axes_of(axis)) text_put(out, ", %s", m->axis[axis].length);
        for (int k = 0; k < v->type.shape.rank; k++) text_put(out, ", %d", v->type.shape.dim[k]);
        text_line(out, ")");
    }
}

void model_print_parameters(text *out, const model *m)
{
    size_t widest = 0, total = 0;
    for (size_t i = 1; i < m->variables.len; i++) {
        const model_variable *v = &m->variables.data[i];
        size_t n = v->kind == VARIABLE_PARAM ? strlen(v->path) : 0;
        if (n > widest) widest = n;
    }
    for (size_t i = 1; i < m->variables.len; i++) {
        const model_variable *v = &m->variables.data[i];
        if (v->kind != VARIABLE_PARAM) continue;
        shape s = v->type.shape;
        size_t count = (size_t)s.dim[0] * (size_t)s.dim[1];
        total += count;
        text_put(out, "%-*s  %-12s %9zu ", (int)widest, v->path, model_shape_text(out->arena, s), count);
        print_init(out, v);
        text_end(out);
    }
    text_line(out, "%-*s  %-12s %9zu", (int)widest, "", "all", total);
    if (m->axes > 1) print_layouts(out, m);
}
