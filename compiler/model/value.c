/* value.c: expressions of the tree to expressions of the model: names resolved, compile-time branches taken, readings
 * in time turned into the direction of the call that they stand in. Calls of cells are call.c's. */
#include "model/context.h"

#include "syntax/syntax.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

model_expr *expr_new(context *c, model_expr_kind kind, span at)
{
    model_expr *e = ARENA_NEW(c->arena, model_expr);
    e->kind = kind;
    e->at = at;
    e->number = c->model->exprs++;
    e->type.shape.rank = -1;
    e->type.poisoned = kind == EXPR_POISON;
    return e;
}

static model_expr *poison(context *c, span at) { return expr_new(c, EXPR_POISON, at); }

model_expr *expr_variable(context *c, uint32_t v, span at)
{
    model_expr *e = expr_new(c, EXPR_VARIABLE, at);
    e->read.variable = v;
    variable(c, v)->used = true;
    return e;
}

model_expr *expr_call(context *c, model_function f, span at, int count)
{
    model_expr *e = expr_new(c, EXPR_CALL, at);
    e->call.function = f;
    e->call.count = count;
    e->call.args = ARENA_ARRAY(c->arena, model_expr *, (size_t)count);
    return e;
}

static model_expr *expr_number(context *c, double value, span at)
{
    model_expr *e = expr_new(c, EXPR_NUMBER, at);
    e->value = value;
    return e;
}

const char *tree_text(context *c, const tree_expr *e)
{
    enum { SHOWN = 48 };
    text *t = text_new(c->arena);
    syntax_print_expr(t, e);
    const char *s = text_string(t);
    return strlen(s) <= SHOWN ? s : arena_printf(c->arena, "%.*s...", SHOWN - 3, s);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* `t` in a cell is the axis of the call's data; other letters are the model's axes. *scope is then the call, else
 * NULL. */
static bool axis_letter(context *c, model_instance *s, name word, int *axis, model_instance **scope)
{
    *axis = 0;
    *scope = NULL;
    if (s->cell && word == c->word_t) return *scope = s, true;
    for (int i = 1; i <= c->model->axes; i++)
        if (c->model->axis[i].letter == word) return *axis = i, true;
    return false;
}

static bool axis_length(context *c, model_instance *s, name word, int *axis, model_instance **scope)
{
    *axis = 0;
    *scope = NULL;
    if (s->cell && word == c->word_T) return *scope = s, true;
    for (int i = 1; i <= c->model->axes; i++)
        if (c->model->axis[i].length == word) return *axis = i, true;
    return false;
}

static bool is_letter(name word) { return word[0] >= 'a' && word[0] <= 'z' && !word[1]; }

static bool bad_index(context *c, const tree_expr *e)
{
    diag(c->diags, e->at, E_INDEX, arena_printf(c->arena, "'%s'", tree_text(c, e)));
    return false;
}

/* Adds sign * e to the index. */
static bool index_add(context *c, model_instance *s, const tree_expr *e, int sign, time_index *out, double *k)
{
    if (c->depth >= MODEL_MAX_DEPTH) {
        diag(c->diags, e->at, E_TOO_DEEP, MODEL_MAX_DEPTH);
        return false;
    }
    if (e->kind == TREE_BINARY && (e->binary.op == TREE_ADD || e->binary.op == TREE_SUB)) {
        c->depth++;
        bool good = index_add(c, s, e->binary.left, sign, out, k) &&
                    index_add(c, s, e->binary.right, e->binary.op == TREE_SUB ? -sign : sign, out, k);
        c->depth--;
        return good;
    }
    if (e->kind == TREE_NAME) {
        int axis;
        model_instance *scope;
        bool step = axis_letter(c, s, e->name, &axis, &scope);
        if (step || axis_length(c, s, e->name, &axis, &scope)) {
            if (out->base != INDEX_NUMBER || sign < 0) return bad_index(c, e);
            out->base = step ? INDEX_STEP : INDEX_END;
            out->axis = axis;
            out->scope = scope;
            return true;
        }
        if (is_letter(e->name) && !scope_find(s, e->name)) {
            diag(c->diags, e->at, E_NO_SUCH_AXIS, e->name);
            const char *list = "";
            for (int i = 1; i <= c->model->axes; i++)
                list = arena_printf(c->arena, "%s%s%s", list, i > 1 ? ", " : "", c->model->axis[i].letter);
            if (*list)
                diag_hint(c->diags, "the axes of this model: %s", list);
            else
                diag_hint(c->diags, "data that run over time say so: input x[%s] : real(4)", e->name);
            return false;
        }
    }
    double value;
    if (!size_require(c, s, e, &value)) return false;
    *k += sign * value;
    return true;
}

bool index_parse(context *c, model_instance *s, const tree_expr *e, time_index *out)
{
    double k = 0;
    *out = (time_index){.base = INDEX_NUMBER};
    if (e->kind == TREE_RANGE) return bad_index(c, e);
    if (!index_add(c, s, e, 1, out, &k)) return false;
    if (!(fabs(k) <= MODEL_MAX_OFFSET) || k != floor(k)) {
        diag(c->diags, e->at, E_OFFSET, k, MODEL_MAX_OFFSET);
        return false;
    }
    out->k = (int)k;
    if (s->cell && out->base == INDEX_NUMBER) out->scope = s;
    if (!s->reversed || !out->scope) return true;
    switch (out->base) { /* time runs the other way round: index i is T + 1 - i */
    case INDEX_STEP: out->k = -out->k; break;
    case INDEX_NUMBER:
        out->base = INDEX_END;
        out->k = 1 - out->k;
        break;
    case INDEX_END:
        out->base = INDEX_NUMBER;
        out->k = 1 - out->k;
        break;
    }
    return true;
}

static model_expr *reading(context *c, uint32_t v, const time_index *i, span at)
{
    model_expr *e = expr_new(c, i->base == INDEX_STEP ? EXPR_SHIFT : EXPR_AT, at);
    e->read.variable = v;
    e->read.axis = i->axis;
    e->read.scope = i->scope;
    e->read.from_end = i->base == INDEX_END;
    e->read.k = e->read.from_end ? -i->k : i->k;
    variable(c, v)->used = true;
    return e;
}

static model_expr *expand_time(context *c, model_instance *s, const tree_expr *e, naming *at)
{
    const tree_expr *operand = e->time.operand;
    if (operand->kind != TREE_NAME) {
        diag(c->diags, operand->at, E_READ_NAME);
        return poison(c, e->at);
    }
    model_expr *value = expand_expr(c, s, operand, at);
    if (value->kind == EXPR_POISON) return value;
    if (value->kind != EXPR_VARIABLE) {
        diag(c->diags, operand->at, E_READ_NAME);
        return poison(c, e->at);
    }
    for (size_t i = 0; i < e->time.index.len; i++) {
        time_index index;
        if (!index_parse(c, s, e->time.index.data[i], &index)) return poison(c, e->at);
        if (index.base == INDEX_STEP && index.k == 0 && e->time.index.len > 1) continue;
        uint32_t v = variable_of(c, s, at->path, operand->name, value);
        value = reading(c, v, &index, e->at);
    }
    return value;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static model_expr *expand_name(context *c, model_instance *s, const tree_expr *e)
{
    symbol *found = scope_find(s, e->name);
    int axis;
    model_instance *scope;
    if (axis_letter(c, s, e->name, &axis, &scope) && (!found || found->kind == SYMBOL_AXIS)) {
        model_expr *step = expr_new(c, EXPR_STEP, e->at);
        step->read.axis = axis;
        step->read.scope = scope;
        step->read.from_end = scope && s->reversed;
        return step;
    }
    if (!found) {
        double value;
        const tree_expr *why;
        model_function f;
        if (size_eval(c, s, e, &value, &why) == SIZE_KNOWN) return expr_number(c, value, e->at);
        if (function_named(e->name, &f))
            diag(c->diags, e->at, E_NOT_A_VALUE, e->name, "a function");
        else if (cell_find(c, e->name))
            diag(c->diags, e->at, E_NOT_A_VALUE, e->name, "a cell");
        else
            unknown_name(c, s, e->name, e->at);
        return poison(c, e->at);
    }
    switch (found->kind) {
    case SYMBOL_VARIABLE: return expr_variable(c, found->variable, e->at);
    case SYMBOL_SIZE: {
        model_expr *size = expr_new(c, EXPR_SIZE, e->at);
        size->size = found->size;
        return size;
    }
    case SYMBOL_AXIS: break;
    case SYMBOL_CELL: diag(c->diags, e->at, E_NOT_A_VALUE, e->name, "a cell"); break;
    }
    return poison(c, e->at);
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

static model_function function_of(tree_binary op)
{
    switch (op) {
    case TREE_ADD: return FUNCTION_add;
    case TREE_SUB: return FUNCTION_sub;
    case TREE_MUL: return FUNCTION_mul;
    case TREE_DIV: return FUNCTION_div;
    case TREE_MATMUL: return FUNCTION_matmul;
    case TREE_MOD: return FUNCTION_mod;
    case TREE_POW: return FUNCTION_pow;
    case TREE_LT: return FUNCTION_lt;
    case TREE_LE: return FUNCTION_le;
    case TREE_GT: return FUNCTION_gt;
    case TREE_GE: return FUNCTION_ge;
    case TREE_EQ: return FUNCTION_eq;
    case TREE_NE: return FUNCTION_ne;
    case TREE_AND: return FUNCTION_and;
    case TREE_OR: return FUNCTION_or;
    }
    BUG("binary %d", (int)op);
}

static model_expr *expand_unary(context *c, model_instance *s, const tree_expr *e, naming *at)
{
    static const model_function table[] = {
        [TREE_NEG] = FUNCTION_neg, [TREE_NOT] = FUNCTION_not, [TREE_TRANSPOSE] = FUNCTION_transpose};
    model_expr *call = expr_call(c, table[e->unary.op], e->at, 1);
    call->call.args[0] = expand_expr(c, s, e->unary.operand, at);
    return call;
}

static model_expr *expand_binary(context *c, model_instance *s, const tree_expr *e, naming *at)
{
    model_expr *call = expr_call(c, function_of(e->binary.op), e->at, 2);
    call->call.args[0] = expand_expr(c, s, e->binary.left, at);
    call->call.args[1] = expand_expr(c, s, e->binary.right, at);
    return call;
}

/* The names in a branch that is not taken are used all the same, as far as warnings go; a parameter that only such
 * branches use is left out of the model. */
static void mention(context *c, model_instance *s, const tree_expr *e)
{
    ARRAY(const tree_expr *) open = {0};
    array_push(c->arena, &open, e);
    while (open.len) {
        const tree_expr *next = open.data[--open.len];
        if (!next) continue;
        switch (next->kind) {
        case TREE_NUMBER: break;
        case TREE_NAME: {
            symbol *found = scope_find(s, next->name);
            if (!found || found->kind != SYMBOL_VARIABLE) break;
            variable(c, found->variable)->mentioned = true;
            variable(c, found->variable)->mentioned_by_model |= !s->cell;
            break;
        }
        case TREE_TIME:
            array_push(c->arena, &open, next->time.operand);
            for (size_t i = 0; i < next->time.index.len; i++) array_push(c->arena, &open, next->time.index.data[i]);
            break;
        case TREE_CALL:
            array_push(c->arena, &open, next->call.callee);
            for (size_t i = 0; i < next->call.args.len; i++) array_push(c->arena, &open, next->call.args.data[i]);
            for (size_t i = 0; i < next->call.options.len; i++) {
                array_push(c->arena, &open, next->call.options.data[i].time);
                array_push(c->arena, &open, next->call.options.data[i].value);
            }
            break;
        case TREE_RANGE:
            array_push(c->arena, &open, next->range.first);
            array_push(c->arena, &open, next->range.end);
            break;
        case TREE_UNARY: array_push(c->arena, &open, next->unary.operand); break;
        case TREE_BINARY:
            array_push(c->arena, &open, next->binary.left);
            array_push(c->arena, &open, next->binary.right);
            break;
        case TREE_IF:
            array_push(c->arena, &open, next->branch.condition);
            array_push(c->arena, &open, next->branch.yes);
            array_push(c->arena, &open, next->branch.no);
            break;
        }
    }
}

static model_expr *expand_branch(context *c, model_instance *s, const tree_expr *e, naming *at)
{
    double value;
    const tree_expr *why;
    if (size_eval(c, s, e->branch.condition, &value, &why) == SIZE_KNOWN) {
        mention(c, s, value != 0 ? e->branch.no : e->branch.yes);
        return expand_expr(c, s, value != 0 ? e->branch.yes : e->branch.no, at);
    }
    model_expr *call = expr_call(c, FUNCTION_select, e->at, 3);
    call->call.args[0] = expand_expr(c, s, e->branch.condition, at);
    call->call.args[1] = expand_expr(c, s, e->branch.yes, at);
    call->call.args[2] = expand_expr(c, s, e->branch.no, at);
    return call;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* v(t-1), where v[t-1] is meant, or v(x) with a token x: says so. */
static bool is_step(context *c, model_instance *s, const tree_expr *e)
{
    double value;
    const tree_expr *why = e;
    int axis;
    model_instance *scope;
    if (!e || size_eval(c, s, e, &value, &why) != SIZE_NOT_CONSTANT || why->kind != TREE_NAME) return false;
    const symbol *found = scope_find(s, why->name);
    if (found && found->kind == SYMBOL_VARIABLE && variable(c, found->variable)->type.token) {
        diag(c->diags, why->at, E_NOT_CONSTANT, arena_printf(c->arena, "'%s'", why->name));
        diag_hint(c->diags, "the component of v that a token x says is sum(onehot(x) * v)");
        return true;
    }
    if ((found && found->kind != SYMBOL_AXIS) || !axis_letter(c, s, why->name, &axis, &scope)) return false;
    diag(c->diags, why->at, E_NOT_CONSTANT, arena_printf(c->arena, "'%s'", why->name));
    diag_hint(c->diags, "a step is read with [ ], as in h[%s-1]", why->name);
    return true;
}

static model_expr *expand_part(context *c, model_instance *s, const tree_expr *e, model_expr *operand)
{
    if (operand->kind == EXPR_POISON) return operand;
    size_t count = e->call.args.len;
    if (count < 1 || count > 2 || e->call.options.len || e->call.over.len) {
        diag(c->diags, e->at, E_PART_RANK, "one or two indices, as in a(0:8) or A(0, :)", (unsigned)count,
             arena_printf(c->arena, "'%s'", tree_text(c, e->call.callee)));
        return poison(c, e->at);
    }
    model_expr *part = expr_new(c, EXPR_SLICE, e->at);
    part->slice.operand = operand;
    part->slice.ranges = (int)count;
    part->slice.scope = s;
    for (size_t i = 0; i < count; i++) {
        const tree_expr *arg = e->call.args.data[i];
        bool range = arg->kind == TREE_RANGE;
        if (range ? is_step(c, s, arg->range.first) || is_step(c, s, arg->range.end) : is_step(c, s, arg))
            return poison(c, e->at);
        part->slice.range[i].single = !range;
        part->slice.range[i].first = range ? arg->range.first : arg;
        part->slice.range[i].end = range ? arg->range.end : NULL;
    }
    return part;
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static bool expand_over(context *c, model_instance *s, const tree_expr *e, model_expr *call)
{
    model_function f = call->call.function;
    if (e->call.over.len && !function_table[f].over) {
        diag(c->diags, e->at, E_OVER, function_table[f].name);
        diag_hint(c->diags, "%s", function_table[f].usage);
        return false;
    }
    for (size_t i = 0; i < e->call.over.len; i++) {
        int axis;
        model_instance *scope;
        tree_id id = e->call.over.data[i];
        if (!axis_letter(c, s, id.text, &axis, &scope)) {
            diag(c->diags, id.at, E_NO_SUCH_AXIS, id.text);
            return false;
        }
        if (scope)
            call->call.scope = scope;
        else
            call->call.over |= axes_of(axis);
    }
    return true;
}

/* Where the option is kept; NULL: the function has none of that name. */
static double *option_slot(model_expr *call, const char *word)
{
#define FUNCTION_OPTION(function_, word_, member)                                                                      \
    if (call->call.function == FUNCTION_##function_ && !strcmp(word, word_)) return &call->call.member;
#include "model/functions.def"
    return NULL;
}

static bool expand_function_options(context *c, model_instance *s, const tree_expr *e, model_expr *call, naming *at)
{
    model_function f = call->call.function;
    bool random = function_is_random(f);
    name word = name_of(c->names, function_table[f].name);
    for (size_t i = 0; i < e->call.options.len; i++) {
        const tree_option *o = &e->call.options.data[i];
        if (random && !o->time && !strcmp(o->name.text, "name") && o->value->kind == TREE_NAME) {
            word = o->value->name;
            continue;
        }
        double *slot = o->time ? NULL : option_slot(call, o->name.text);
        if (slot) {
            if (!size_require(c, s, o->value, slot)) return false;
            continue;
        }
        if (f == FUNCTION_cross_entropy && !o->time && !strcmp(o->name.text, "weights") && call->call.count == 2) {
            naming inside = {at->path, false};
            model_expr **args = ARENA_ARRAY(c->arena, model_expr *, 3);
            args[2] = expand_expr(c, s, o->value, &inside);
            call->call.args = args;
            call->call.count = 3;
            continue;
        }
        diag(c->diags, o->name.at, E_UNKNOWN_OPTION, function_table[f].name, o->name.text);
        diag_hint(c->diags, "%s", function_table[f].usage);
        return false;
    }
    if (random) call->call.path = path_unique(c, path_below(c, at->path, word));
    return true;
}

static const char *argument_count(context *c, int least, int most)
{
    if (most == MANY) return arena_printf(c->arena, "%d or more arguments", least);
    if (least == most) return arena_printf(c->arena, "%d argument%s", least, least == 1 ? "" : "s");
    return arena_printf(c->arena, "%d %s %d arguments", least, most == least + 1 ? "or" : "to", most);
}

/* `rows` and `columns` as the second argument of a reduction. */
static bool expand_extent(context *c, model_instance *s, const tree_expr *e, model_expr *call)
{
    model_function f = call->call.function;
    bool elementwise = f == FUNCTION_max || f == FUNCTION_min;
    bool reduction = elementwise || f == FUNCTION_sum || f == FUNCTION_mean || f == FUNCTION_norm ||
                     f == FUNCTION_softmax || f == FUNCTION_logsumexp;
    if (!reduction || call->call.count != 2) return true;
    const tree_expr *which = e->call.args.data[1];
    if (which->kind == TREE_NAME && !scope_find(s, which->name)) {
        if (which->name == c->word_rows) call->call.extent = EACH_ROW;
        if (which->name == c->word_columns) call->call.extent = EACH_COLUMN;
    }
    if (call->call.extent != WHOLE) call->call.count = 1;
    if (call->call.extent != WHOLE || elementwise) return true;
    diag(c->diags, which->at, E_SHAPE_WANTED, arena_printf(c->arena, "'%s'", function_table[f].name),
         "'rows' or 'columns'", arena_printf(c->arena, "'%s'", tree_text(c, which)));
    return false;
}

/* vector(1, 2, 4) of numbers known now is a literal. */
static bool literal_vector(context *c, model_expr *call)
{
    size_t count = (size_t)call->call.count;
    model_expr **args = call->call.args;
    for (size_t i = 0; i < count; i++) {
        bool negative = args[i]->kind == EXPR_CALL && args[i]->call.function == FUNCTION_neg;
        if ((negative ? args[i]->call.args[0] : args[i])->kind != EXPR_NUMBER) return false;
    }
    double *values = ARENA_ARRAY(c->arena, double, count);
    for (size_t i = 0; i < count; i++)
        values[i] = args[i]->kind == EXPR_NUMBER ? args[i]->value : -args[i]->call.args[0]->value;
    call->kind = EXPR_LITERAL;
    call->literal = values;
    call->type.shape = shape_vector((int)count);
    return true;
}

static model_expr *expand_function(context *c, model_instance *s, const tree_expr *e, model_function f, naming *at)
{
    const function_info *info = &function_table[f];
    int count = (int)e->call.args.len;
    if (e->call.direction != TREE_FORWARD) {
        diag(c->diags, e->at, E_CELL_ONLY, e->call.direction == TREE_REVERSE ? "reversed" : "bidirectional",
             info->name);
        return poison(c, e->at);
    }
    if (count < info->least || count > info->most) {
        diag(c->diags, e->at, E_ARGUMENT_COUNT, info->name, argument_count(c, info->least, info->most),
             (unsigned)count);
        diag_hint(c->diags, "%s", info->usage);
        return poison(c, e->at);
    }
    model_expr *call = expr_call(c, f, e->at, count);
    call->call.ignore = -1;
    if (!expand_over(c, s, e, call) || !expand_function_options(c, s, e, call, at) || !expand_extent(c, s, e, call))
        return poison(c, e->at);
    bool random = function_is_random(f); /* `over` is of the mask */
    if ((call->call.over || call->call.scope) && call->call.count != 1 && !random) {
        diag(c->diags, e->at, E_ARGUMENT_COUNT, info->name, "1 argument before 'over'", (unsigned)count);
        return poison(c, e->at);
    }
    naming inside = {at->path, false};
    for (int i = 0; i < call->call.count && i < count; i++)
        call->call.args[i] = expand_expr(c, s, e->call.args.data[i], &inside);
    if (f == FUNCTION_vector) literal_vector(c, call);
    if (f == FUNCTION_last) {
        call->call.args[0] =
            expr_variable(c, variable_of(c, s, at->path, name_of(c->names, "last"), call->call.args[0]), e->at);
        if (!call->call.over && !call->call.scope && s->cell) call->call.scope = s;
    }
    return call;
}

static model_expr *expand_callee(context *c, model_instance *s, const tree_expr *e, naming *at)
{
    const tree_expr *callee = e->call.callee;
    naming inside = {at->path, false};
    if (callee->kind != TREE_NAME) return expand_part(c, s, e, expand_expr(c, s, callee, &inside));
    symbol *found = scope_find(s, callee->name);
    if (found && found->kind == SYMBOL_VARIABLE) {
        if (e->call.direction == TREE_FORWARD) return expand_part(c, s, e, expand_name(c, s, callee));
        diag(c->diags, e->at, E_CELL_ONLY, e->call.direction == TREE_REVERSE ? "reversed" : "bidirectional",
             callee->name);
        return poison(c, e->at);
    }
    model_function f;
    if (!found && function_named(callee->name, &f)) return expand_function(c, s, e, f, &inside);
    const tree_cell *cell = found && found->kind == SYMBOL_CELL ? found->cell : cell_find(c, callee->name);
    if (!cell) {
        if (found && found->kind == SYMBOL_CELL) return poison(c, e->at); /* reported where it was named */
        diag(c->diags, callee->at, E_UNKNOWN_FUNCTION, callee->name);
        suggest_function(c, s, callee->name);
        return poison(c, e->at);
    }
    uint32_t result = 0;
    if (!expand_call(c, s, e, cell, at, &result, 1)) return poison(c, e->at);
    return expr_variable(c, result, e->at);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static model_expr *expand(context *c, model_instance *s, const tree_expr *e, naming *at)
{
    naming inside = {at->path, false};
    switch (e->kind) {
    case TREE_NUMBER: return expr_number(c, e->number, e->at);
    case TREE_NAME: return expand_name(c, s, e);
    case TREE_TIME: return expand_time(c, s, e, &inside);
    case TREE_CALL: return expand_callee(c, s, e, at);
    case TREE_UNARY: return expand_unary(c, s, e, &inside);
    case TREE_BINARY: return expand_binary(c, s, e, &inside);
    case TREE_IF: return expand_branch(c, s, e, &inside);
    case TREE_RANGE: break;
    }
    diag(c->diags, e->at, E_NOT_A_VALUE, tree_text(c, e), "a range");
    return poison(c, e->at);
}

model_expr *expand_expr(context *c, model_instance *s, const tree_expr *e, naming *at)
{
    if (c->full) return poison(c, e->at);
    if (c->depth >= MODEL_MAX_DEPTH) {
        diag(c->diags, e->at, E_TOO_DEEP, MODEL_MAX_DEPTH);
        c->full = true;
        return poison(c, e->at);
    }
    c->depth++;
    model_expr *made = expand(c, s, e, at);
    c->depth--;
    return made;
}
