/* rules.c: what else must hold, once shapes and axes are known: distributions, losses, outputs, boundaries, and that
 * nothing is declared for nothing. */
#include "model/context.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

/* ---- distributions ----------------------------------------------------------------------------------------------- */

const model_expr *model_logits(const model *m, const model_expr *e, model_function distribution)
{
    for (size_t guard = 0; guard <= m->variables.len; guard++) {
        bool same = e->kind == EXPR_VARIABLE || (e->kind == EXPR_SHIFT && e->read.k == 0);
        if (!same) {
            bool is = e->kind == EXPR_CALL && e->call.function == distribution && !e->call.over && !e->call.scope &&
                      e->call.extent == WHOLE;
            return is ? e->call.args[0] : NULL;
        }
        const model_variable *v = &m->variables.data[e->read.variable];
        if (v->kind != VARIABLE_EQUATION || !v->value) return NULL;
        e = v->value;
    }
    return NULL;
}

/* Depth: bounded as that of expressions; names: by `left`. */
static void each_counted(const model *m, const model_expr *e, size_t left, void (*visit)(void *, const model_expr *),
                         void *to)
{
    if (e->kind == EXPR_VARIABLE || (e->kind == EXPR_SHIFT && e->read.k == 0)) {
        const model_variable *v = &m->variables.data[e->read.variable];
        if (left && v->kind == VARIABLE_EQUATION && v->value) each_counted(m, v->value, left - 1, visit, to);
        return;
    }
    if (e->kind != EXPR_CALL) return;
    model_function f = e->call.function;
    if (f == FUNCTION_cross_entropy && (e->call.ignore >= 0 || e->call.count > 2)) visit(to, e);
    bool linear = f == FUNCTION_add || f == FUNCTION_sub || f == FUNCTION_mul || f == FUNCTION_div || f == FUNCTION_neg;
    for (int i = 0; linear && i < e->call.count; i++) each_counted(m, e->call.args[i], left, visit, to);
}

void model_each_counted(const model *m, const model_expr *e, void (*visit)(void *, const model_expr *), void *to)
{
    enum { NAMES = 50 };
    each_counted(m, e, NAMES, visit, to);
}

static void wants_distribution(context *c, const model_expr *e, model_function distribution)
{
    const model_expr *p = e->call.args[0];
    if (p->type.poisoned || p->type.token || model_logits(c->model, p, distribution)) return;
    const char *word = function_table[distribution].name;
    diag(c->diags, p->at, E_NOT_DISTRIBUTION, function_table[e->call.function].name, word);
    if (p->kind != EXPR_VARIABLE) {
        diag_hint(c->diags, "write %s(%s(...), y) around the value before its nonlinearity",
                  function_table[e->call.function].name, word);
        return;
    }
    const model_variable *v = variable(c, p->read.variable);
    diag_add_note(c->diags, v->at, "'%s' is defined here", v->word);
    diag_hint(c->diags, "if '%s' holds logits, write %s(%s(%s), ...)", v->word, function_table[e->call.function].name,
              word, v->word);
}

static void check_expr(context *c, const model_expr *e)
{
    switch (e->kind) {
    case EXPR_CALL: break;
    case EXPR_SLICE: check_expr(c, e->slice.operand); return;
    case EXPR_POISON:
    case EXPR_NUMBER:
    case EXPR_LITERAL:
    case EXPR_SIZE:
    case EXPR_VARIABLE:
    case EXPR_SHIFT:
    case EXPR_AT:
    case EXPR_STEP: return;
    }
    for (int i = 0; i < e->call.count; i++) check_expr(c, e->call.args[i]);
    bool random = e->call.function == FUNCTION_dropout || e->call.function == FUNCTION_zoneout;
    const model_expr *p = random ? e->call.args[e->call.count - 1] : NULL;
    if (p && (p->kind == EXPR_NUMBER || p->kind == EXPR_SIZE)) {
        double value = p->kind == EXPR_SIZE ? p->size->value : p->value;
        if (!(value >= 0 && value < 1)) diag(c->diags, p->at, E_OPTION_VALUE, "p", "a probability below 1");
    }
    if (e->call.function == FUNCTION_cross_entropy || e->call.function == FUNCTION_ctc ||
        e->call.function == FUNCTION_gaussian_mixture)
        wants_distribution(c, e, FUNCTION_softmax);
    if (e->call.function == FUNCTION_binary_cross_entropy) wants_distribution(c, e, FUNCTION_sigmoid);
    if (e->call.function != FUNCTION_softmax || e->call.over || e->call.extent != WHOLE) return;
    const model_expr *inner = model_logits(c->model, e->call.args[0], FUNCTION_softmax);
    if (!inner) return;
    diag(c->diags, e->at, E_DOUBLE_SOFTMAX);
    if (e->call.args[0]->kind == EXPR_VARIABLE) {
        const model_variable *v = variable(c, e->call.args[0]->read.variable);
        diag_add_note(c->diags, v->at, "'%s' is defined here", v->word);
    }
    diag_hint(c->diags, "one softmax is enough: the loss works on what stands inside it");
}

/* ---- boundaries -------------------------------------------------------------------------------------------------- */

static void find_axis(const model_expr *e, uint32_t v, int *axis, bool *several)
{
    if (e->kind == EXPR_CALL)
        for (int i = 0; i < e->call.count; i++) find_axis(e->call.args[i], v, axis, several);
    if (e->kind == EXPR_SLICE) find_axis(e->slice.operand, v, axis, several);
    if (e->kind != EXPR_SHIFT || e->read.variable != v || !e->read.k) return;
    if (*axis && *axis != e->read.axis) *several = true;
    *axis = e->read.axis;
}

/* Along which axis the boundaries lie, or 0 and a message: as written, or the only one, or the one that the variable
 * recurs along. */
static int boundary_axis(context *c, uint32_t number)
{
    model_variable *v = variable(c, number);
    bool several = false;
    int axis = v->boundary_axis;
    if (!axis) axis = axes_only(v->type.axes);
    if (!axis && v->scope && v->scope->cell) axis = v->scope->axis;
    if (!axis && v->value) find_axis(v->value, number, &axis, &several);
    if (axis && !several && (v->type.axes & axes_of(axis))) return axis;
    span at = v->boundaries.data[0].at;
    if (!axes_count(v->type.axes))
        diag(c->diags, at, E_NO_TIME, v->word);
    else
        diag(c->diags, at, E_WHICH_AXIS, v->word, axes_text(c->arena, c->model, v->type.axes));
    diag_add_note(c->diags, v->at, "'%s' is defined here", v->word);
    return 0;
}

static void check_boundaries(context *c, uint32_t number)
{
    model_variable *v = variable(c, number);
    if (!v->boundaries.len || v->type.poisoned) return;
    v->boundary_axis = boundary_axis(c, number);
    for (size_t i = 0; v->boundary_axis && i < v->boundaries.len; i++) {
        const model_boundary *b = &v->boundaries.data[i];
        if (!(variable(c, b->variable)->type.axes & axes_of(v->boundary_axis))) continue;
        const char *letter = c->model->axis[v->boundary_axis].letter;
        diag(c->diags, variable(c, b->variable)->value ? variable(c, b->variable)->value->at : b->at, E_BOUNDARY_VARIES,
             v->word, letter);
        diag_hint(c->diags, "a boundary is one value: that of a single step, as in e[%s]",
                  c->model->axis[v->boundary_axis].length);
    }
}

/* ---- the model's statements -------------------------------------------------------------------------------------- */

static void check_losses(context *c)
{
    for (size_t i = 0; i < c->model->losses.len; i++) {
        const model_loss *l = &c->model->losses.data[i];
        const uint32_t parts[2] = {l->value, l->weight};
        for (int k = 0; k < 2; k++) {
            const model_variable *v = variable(c, parts[k]);
            if (!parts[k] || v->type.poisoned || (!v->type.token && v->type.shape.rank == 0)) continue;
            diag(c->diags, v->value ? v->value->at : v->at, E_LOSS_SHAPE,
                 v->type.token ? "a token" : model_shape_text(c->arena, v->type.shape));
            if (!v->type.token) diag_hint(c->diags, "sum(...) or mean(...) of it is a number");
        }
    }
}

static void check_outputs(context *c)
{
    for (size_t i = 0; i < c->model->outputs.len; i++) {
        const model_output *o = &c->model->outputs.data[i];
        const model_variable *v = variable(c, o->variable);
        if (!v->type.poisoned && !v->type.axes) diag(c->diags, o->at, E_OUTPUT_CONSTANT, o->word);
    }
}

static void check_mark(context *c, struct model_mark *mark, const model_variable *x)
{
    if (!mark->given) return;
    if (mark->written >= 0 && mark->written < x->type.classes && mark->written == floor(mark->written))
        mark->token = (int)mark->written;
    else
        diag(c->diags, mark->at, E_GENERATE,
             arena_printf(c->arena, "%g is no class of '%s', which has %d, numbered from 0", mark->written, x->word,
                          x->type.classes));
}

static void check_generate(context *c)
{
    model_generate *g = &c->model->generate;
    if (!g->input) return;
    const model_variable *x = variable(c, g->input), *p = variable(c, g->from);
    if (x->type.poisoned || p->type.poisoned) return;
    const char *wrong = NULL;
    if (x->kind != VARIABLE_INPUT || !x->type.token)
        wrong = arena_printf(c->arena, "'%s' is no input of tokens", x->word);
    else if (!(x->type.axes >> g->axis & 1))
        wrong = arena_printf(c->arena, "'%s' does not run over '%s'; declare it as %s[%s] : token(...)", x->word,
                             c->model->axis[g->axis].letter, x->word, c->model->axis[g->axis].letter);
    else if (!p->value || !model_logits(c->model, p->value, FUNCTION_softmax))
        wrong = "expected a distribution, a softmax, after '~'";
    else if (p->type.shape.dim[0] != x->type.classes)
        wrong = arena_printf(c->arena, "the distribution has %d classes, '%s' has %d", p->type.shape.dim[0], x->word,
                             x->type.classes);
    else if (p->type.axes != x->type.axes)
        wrong = "the distribution and the input run over different axes";
    if (wrong) {
        diag(c->diags, g->at, E_GENERATE, wrong);
        return;
    }
    check_mark(c, &g->first, x);
    check_mark(c, &g->end, x);
}

static void check_total(context *c)
{
    double total = 0;
    for (size_t i = 1; i < c->model->variables.len; i++) {
        const model_variable *v = variable(c, (uint32_t)i);
        if (v->kind == VARIABLE_PARAM && !v->type.poisoned)
            total += (double)v->type.shape.dim[0] * v->type.shape.dim[1];
    }
    if (total > MODEL_MAX_COMPONENTS)
        diag(c->diags, c->model->at, E_TOO_LARGE, "the parameters of this model together", (int)MODEL_MAX_COMPONENTS);
}

static void warn_unused(context *c)
{
    for (size_t i = 1; i < c->model->variables.len; i++) {
        const model_variable *v = variable(c, (uint32_t)i);
        if (v->used || v->mentioned || v->hidden || v->type.poisoned) continue;
        if (v->kind == VARIABLE_EQUATION && v->word[0] == '_') continue; /* it holds a place among results */
        const char *what = "the variable";
        switch (v->kind) {
        case VARIABLE_EQUATION: break;
        case VARIABLE_INPUT: what = v->target ? "the target" : "the input"; break;
        case VARIABLE_PARAM: what = "the parameter"; break;
        case VARIABLE_CONST: what = "the constant"; break;
        }
        diag(c->diags, v->at, W_UNUSED, what, v->word);
    }
}

/* Another cell may have such a parameter, so this is no error before somebody trains. */
static void warn_patterns(context *c)
{
    const model *m = c->model;
    const char **known = ARENA_ARRAY(c->arena, const char *, m->variables.len);
    int count = 0;
    for (uint32_t v = 1; v < m->variables.len; v++)
        if (variable(c, v)->kind == VARIABLE_PARAM) known[count++] = variable(c, v)->path;
    for (size_t i = 0; i < m->train.len; i++) {
        const train_setting *t = &m->train.data[i];
        int fits = 0;
        while (t->pattern && fits < count && fnmatch(t->pattern, known[fits], 0) != 0) fits++;
        if (!t->pattern || fits < count) continue;
        diag(c->diags, t->at, W_TRAIN_PATTERN, t->pattern);
        const char *near = name_nearest(t->pattern, known, count);
        if (near) diag_hint(c->diags, "did you mean '%s'?", near);
    }
}

/* The cross entropies with `ignore` or `weights` in an expression: the first, and whether all count the same steps. */
typedef struct counted {
    const model_expr *first;
    bool differ;
} counted;

static bool same_read(const model_expr *a, const model_expr *b)
{
    return a->kind == EXPR_VARIABLE && b->kind == EXPR_VARIABLE && a->read.variable == b->read.variable;
}

static bool same_count(const model_expr *a, const model_expr *b)
{
    bool same = a->call.ignore == b->call.ignore && a->call.count == b->call.count;
    for (int i = 1; same && i < a->call.count; i++) same = same_read(a->call.args[i], b->call.args[i]);
    return same;
}

static void note_counted(void *to, const model_expr *e)
{
    counted *s = to;
    if (!s->first) s->first = e;
    s->differ = s->differ || !same_count(s->first, e);
}

static bool is_sum(const model_expr *e)
{
    return e->kind == EXPR_CALL && (e->call.function == FUNCTION_add || e->call.function == FUNCTION_sub);
}

static counted count_of(const context *c, const model_expr *e)
{
    counted found = {0};
    model_each_counted(c->model, e, note_counted, &found);
    return found;
}

/* A sum is divided by one number: wrong where its terms count different steps. */
static void warn_mixed_means(context *c)
{
    for (size_t i = 0; i < c->model->losses.len; i++) {
        const model_loss *at = &c->model->losses.data[i];
        const model_expr *e = variable(c, at->value)->value, *left = e;
        while (left && left->kind == EXPR_VARIABLE) left = e = variable(c, left->read.variable)->value;
        counted all = left ? count_of(c, left) : (counted){0};
        if (at->total || !all.first || !is_sum(left)) continue;
        bool mixed = all.differ;
        for (; is_sum(left); left = left->call.args[0]) mixed = mixed || !count_of(c, left->call.args[1]).first;
        if (!mixed && count_of(c, left).first) continue;
        diag(c->diags, e->at, W_MIXED_MEANS);
        diag_hint(c->diags, "write a loss for each term: losses add up, and each is divided by what it counts");
    }
}

static void warn_no_result(context *c)
{
    const model *m = c->model;
    if (m->losses.len) return;
    if (!m->outputs.len) diag(c->diags, m->at, W_NO_RESULT, m->word);
    const model_variable *target = NULL;
    for (uint32_t i = 1; i < m->variables.len && !target; i++)
        if (variable(c, i)->target) target = variable(c, i);
    if (!target) return;
    diag(c->diags, m->at, W_NO_LOSS, m->word);
    diag_add_note(c->diags, target->at, "'%s' is declared here", target->word);
    for (uint32_t i = 1; i < m->variables.len; i++)
        if (!strcmp(variable(c, i)->word, "loss"))
            diag_hint(c->diags, "a loss is written without '=', as in loss mean_square(h, y)");
}

void rules_check(context *c)
{
    for (uint32_t v = 1; v < c->model->variables.len; v++) {
        if (variable(c, v)->value) check_expr(c, variable(c, v)->value);
        check_boundaries(c, v);
    }
    check_losses(c);
    check_outputs(c);
    check_generate(c);
    check_total(c);
    if (diag_error_count(c->diags)) return;
    warn_no_result(c);
    warn_mixed_means(c);
    warn_unused(c);
    warn_patterns(c);
}
