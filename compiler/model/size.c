/* size.c: numbers known when compiled: sizes, options, indices, offsets.
 *
 * A size that comes from the shape of a call's data is known later, when shapes are inferred; an expression with it is
 * then LATER, and is evaluated again. */
#include "model/context.h"

#include <math.h>
#include <string.h>

size_state size_value(context *c, model_size *z, double *value)
{
    if (z->broken) return SIZE_BROKEN;
    if (z->known) return *value = z->value, SIZE_KNOWN;
    if (!z->expr) return SIZE_LATER;
    if (z->busy) {
        diag(c->diags, z->at, E_SIZE_LOOP, z->word);
        z->broken = true;
        return SIZE_BROKEN;
    }
    const tree_expr *why = NULL;
    const int indices = c->indices; /* not those of this size */
    z->busy = true;
    c->indices = 0;
    size_state state = size_eval(c, z->scope, z->expr, value, &why);
    c->indices = indices;
    z->busy = false;
    if (state == SIZE_NOT_CONSTANT) {
        diag(c->diags, why->at, E_NOT_CONSTANT, arena_printf(c->arena, "'%s'", tree_text(c, why)));
        state = SIZE_BROKEN;
    }
    if (state == SIZE_BROKEN) z->broken = true;
    if (state == SIZE_KNOWN) {
        z->known = true;
        z->value = *value;
    }
    return state;
}

static size_state eval_name(context *c, model_instance *s, const tree_expr *e, double *value, const tree_expr **why)
{
    for (int i = 0; i < c->indices; i++)
        if (c->index[i].word == e->name) return *value = c->index[i].value, SIZE_KNOWN;
    symbol *found = scope_find(s, e->name);
    if (found && found->kind == SYMBOL_SIZE) return size_value(c, found->size, value);
    if (!found && !strcmp(e->name, "true")) return *value = 1, SIZE_KNOWN;
    if (!found && !strcmp(e->name, "false")) return *value = 0, SIZE_KNOWN;
    if (!found && !strcmp(e->name, "pi")) return *value = 3.14159265358979323846, SIZE_KNOWN;
    if (found && found->kind == SYMBOL_VARIABLE) {
        model_variable *v = variable(c, found->variable);
        if (constant_is_number(v)) return v->used = true, *value = v->value->value, SIZE_KNOWN;
        if (v->type.poisoned) return SIZE_BROKEN;
    }
    *why = e;
    return SIZE_NOT_CONSTANT;
}

static double binary(tree_binary op, double a, double b)
{
    switch (op) {
    case TREE_ADD: return a + b;
    case TREE_SUB: return a - b;
    case TREE_MUL: return a * b;
    case TREE_DIV: return a / b;
    case TREE_MATMUL: return a * b;
    case TREE_MOD: return a - b * floor(a / b);
    case TREE_POW: return pow(a, b);
    case TREE_LT: return a < b;
    case TREE_LE: return a <= b;
    case TREE_GT: return a > b;
    case TREE_GE: return a >= b;
    case TREE_EQ: return a == b;
    case TREE_NE: return a != b;
    case TREE_AND: return a != 0 && b != 0;
    case TREE_OR: return a != 0 || b != 0;
    }
    return 0;
}

static double sign_of(double x) { return (x > 0) - (x < 0); }
static double square_of(double x) { return x * x; }
static double sigmoid_of(double x) { return 1 / (1 + exp(-x)); }
static double relu_of(double x) { return x > 0 ? x : 0; }

/* The functions of numbers that sizes and constants are made with. */
static bool eval_function(name word, size_t count, const double *a, double *value)
{
    static const struct {
        const char *word;
        double (*of)(double);
    } one[] = {
        {"sqrt", sqrt},
        {"floor", floor},
        {"ceil", ceil},
        {"abs", fabs},
        {"exp", exp},
        {"log", log},
        {"sin", sin},
        {"cos", cos},
        {"tanh", tanh},
        {"erf", erf},
        {"sign", sign_of},
        {"square", square_of},
        {"sigmoid", sigmoid_of},
        {"relu", relu_of},
    };
    if (count == 2 && !strcmp(word, "min")) return *value = a[0] < a[1] ? a[0] : a[1], true;
    if (count == 2 && !strcmp(word, "max")) return *value = a[0] > a[1] ? a[0] : a[1], true;
    for (size_t i = 0; count == 1 && i < sizeof one / sizeof *one; i++)
        if (!strcmp(word, one[i].word)) return *value = one[i].of(a[0]), true;
    return false;
}

static size_state eval_call(context *c, model_instance *s, const tree_expr *e, double *value, const tree_expr **why)
{
    double args[2] = {0};
    *why = e;
    const tree_expr *callee = e->call.callee;
    if (callee->kind != TREE_NAME || e->call.args.len > 2 || e->call.options.len || e->call.over.len ||
        e->call.direction != TREE_FORWARD)
        return SIZE_NOT_CONSTANT;
    size_state worst = SIZE_KNOWN;
    for (size_t i = 0; i < e->call.args.len; i++) {
        size_state one = size_eval(c, s, e->call.args.data[i], &args[i], why);
        if (one > worst) worst = one;
    }
    if (worst == SIZE_KNOWN && !eval_function(callee->name, e->call.args.len, args, value)) {
        *why = e;
        return SIZE_NOT_CONSTANT;
    }
    return worst;
}

static size_state eval(context *c, model_instance *s, const tree_expr *e, double *value, const tree_expr **why)
{
    double a = 0, b = 0;
    size_state left, right;
    switch (e->kind) {
    case TREE_NUMBER: return *value = e->number, SIZE_KNOWN;
    case TREE_NAME: return eval_name(c, s, e, value, why);
    case TREE_CALL: return eval_call(c, s, e, value, why);
    case TREE_UNARY:
        if (e->unary.op == TREE_TRANSPOSE) return *why = e, SIZE_NOT_CONSTANT;
        left = size_eval(c, s, e->unary.operand, &a, why);
        if (left == SIZE_KNOWN) *value = e->unary.op == TREE_NEG ? -a : a == 0;
        return left;
    case TREE_BINARY:
        left = size_eval(c, s, e->binary.left, &a, why);
        if (left == SIZE_NOT_CONSTANT) return left;
        right = size_eval(c, s, e->binary.right, &b, why);
        if (left == SIZE_KNOWN && right == SIZE_KNOWN) *value = binary(e->binary.op, a, b);
        return left > right ? left : right;
    case TREE_IF:
        left = size_eval(c, s, e->branch.condition, &a, why);
        if (left != SIZE_KNOWN) return left;
        return size_eval(c, s, a != 0 ? e->branch.yes : e->branch.no, value, why);
    case TREE_TIME:
    case TREE_RANGE: break;
    }
    *why = e;
    return SIZE_NOT_CONSTANT;
}

size_state size_eval(context *c, model_instance *s, const tree_expr *e, double *value, const tree_expr **why)
{
    if (c->depth >= MODEL_MAX_DEPTH) {
        diag(c->diags, e->at, E_TOO_DEEP, MODEL_MAX_DEPTH);
        return SIZE_BROKEN;
    }
    c->depth++;
    size_state state = eval(c, s, e, value, why);
    c->depth--;
    return state;
}

bool size_require(context *c, model_instance *s, const tree_expr *e, double *value)
{
    const tree_expr *why = e;
    size_state state = size_eval(c, s, e, value, &why);
    if (state == SIZE_KNOWN) return true;
    if (state == SIZE_BROKEN) return false;
    if (state == SIZE_LATER) {
        diag(c->diags, e->at, E_NOT_CONSTANT,
             arena_printf(c->arena, "'%s', which follows from the shape of data", tree_text(c, e)));
        return false;
    }
    if (why->kind == TREE_NAME && !scope_find(s, why->name))
        unknown_name(c, s, why->name, why->at);
    else {
        diag(c->diags, why->at, E_NOT_CONSTANT, arena_printf(c->arena, "'%s'", tree_text(c, why)));
        const symbol *found = why->kind == TREE_NAME ? scope_find(s, why->name) : NULL;
        if (found && found->kind == SYMBOL_VARIABLE && variable(c, found->variable)->kind == VARIABLE_EQUATION)
            diag_hint(c->diags, "a number that an equation says is not known then; size %s = 4 or const %s = 4 is",
                      why->name, why->name);
    }
    return false;
}

bool size_whole(context *c, span at, double value, int *out)
{
    if (!(value >= 1 && value <= MODEL_MAX_COMPONENTS) || value != floor(value)) {
        diag(c->diags, at, E_SIZE_VALUE, (int)MODEL_MAX_COMPONENTS, isnan(value) ? (double)NAN : value); /* not -nan */
        return false;
    }
    *out = (int)value;
    return true;
}
