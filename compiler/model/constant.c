/* constant.c: constants: a number, vector(), rows() and arithmetic on them; or a value for each of their indices,
 *
 *     const A(i < n, j < n) = if i < j then 0 else (2 * i + 1) / n
 *
 * whose right side is one number that is computed for each component, once the sizes are known. An index is known in that
 * expression alone. Here is what constants have beyond other values; their shapes are infer.c's. */
#include "model/context.h"

#include <math.h>
#include <stdlib.h>

/* ---- without indices --------------------------------------------------------------------------------------------- */

static bool is_constant(const model_expr *e)
{
    if (e->kind == EXPR_NUMBER || e->kind == EXPR_LITERAL || e->kind == EXPR_SIZE) return true;
    if (e->kind != EXPR_CALL) return false;
    model_function f = e->call.function;
    bool arithmetic = f == FUNCTION_add || f == FUNCTION_sub || f == FUNCTION_mul || f == FUNCTION_div ||
                      f == FUNCTION_mod || f == FUNCTION_pow || f == FUNCTION_neg;
    if (!arithmetic && f != FUNCTION_vector && f != FUNCTION_rows && function_table[f].class != OPERATION) return false;
    for (int i = 0; i < e->call.count; i++)
        if (!is_constant(e->call.args[i])) return false;
    return true;
}

/* ---- indices ----------------------------------------------------------------------------------------------------- */

const tree_expr *constant_index(const tree_expr *dim)
{
    bool index = dim->kind == TREE_BINARY && dim->binary.op == TREE_LT && dim->binary.left->kind == TREE_NAME;
    return index ? dim->binary.left : NULL;
}

bool constant_has_indices(const tree_decl *d)
{
    for (size_t i = 0; i < d->dims.len; i++)
        if (constant_index(d->dims.data[i])) return true;
    return false;
}

/* Each index is a name of its own. */
static bool check_indices(context *c, const model_instance *s, const tree_decl *d)
{
    bool good = true;
    name before = NULL;
    for (size_t i = 0; i < d->dims.len; i++) {
        const tree_expr *index = constant_index(d->dims.data[i]);
        if (!index) continue;
        const symbol *found = scope_find(s, index->name);
        bool axis = found ? found->kind == SYMBOL_AXIS : s->cell && index->name == c->word_t;
        bool taken = axis || found || index->name == before;
        before = index->name;
        if (!taken) continue;
        good = false;
        if (axis)
            diag(c->diags, index->at, E_AXIS_NAME, index->name);
        else
            diag(c->diags, index->at, E_REDECLARED, index->name);
        if (found) diag_add_note(c->diags, found->at, "'%s' is declared here", index->name);
        diag_hint(c->diags, "an index is a name of its own, as i and j in A(i < 4, j < 4)");
    }
    return good;
}

bool constant_is_number(const model_variable *v)
{
    return v->kind == VARIABLE_CONST && v->value && v->value->kind == EXPR_NUMBER && !(v->decl && v->decl->has_dims);
}

/* -D NAME=0.5 sets a number of the model. */
static void define_number(context *c, model_variable *v)
{
    const char *given = expand_defined(c, v->word);
    if (!given) return;
    char *end;
    v->value->value = strtod(given, &end);
    if (end == given || *end || !isfinite(v->value->value)) {
        diag(c->diags, NO_SPAN, E_BAD_DEFINE, v->word, given, "a number");
        v->type.poisoned = true;
    }
}

void constant_expand(context *c, model_instance *s, const tree_decl *d, uint32_t number)
{
    double value;
    const tree_expr *why;
    naming at = {variable(c, number)->path, false};
    model_expr *e;
    if (d->value && constant_has_indices(d)) {
        e = expr_new(c, check_indices(c, s, d) ? EXPR_LITERAL : EXPR_POISON, d->value->at);
    } else if (d->value && size_eval(c, s, d->value, &value, &why) == SIZE_KNOWN) {
        e = expr_new(c, EXPR_NUMBER, d->value->at);
        e->value = value;
    } else if (d->value) {
        e = expand_expr(c, s, d->value, &at);
    } else {
        e = expr_new(c, EXPR_NUMBER, d->at);
    }
    if (e->kind != EXPR_POISON && !is_constant(e))
        diag(c->diags, e->at, E_NOT_CONSTANT, arena_printf(c->arena, "'%s'", tree_text(c, d->value)));
    variable(c, number)->value = e;
    variable(c, number)->type.poisoned = e->kind == EXPR_POISON;
    if (!s->cell && constant_is_number(variable(c, number))) define_number(c, variable(c, number));
}

/* ---- components -------------------------------------------------------------------------------------------------- */

/* Component `number` of what the declaration says. */
static bool evaluate(context *c, const model_variable *v, shape s, int number, double *value)
{
    const tree_decl *d = v->decl;
    const int at[2] = {number / s.dim[1], number % s.dim[1]};
    c->indices = 0;
    for (size_t i = 0; i < d->dims.len; i++) {
        const tree_expr *index = constant_index(d->dims.data[i]);
        if (index) c->index[c->indices++] = (struct constant_index){index->name, at[i]};
    }
    bool good = size_require(c, v->scope, d->value, value);
    c->indices = 0;
    if (!good || isfinite(*value)) return good;
    diag(c->diags, d->value->at, E_CONSTANT_VALUE, v->word,
         d->dims.len == 2 ? arena_printf(c->arena, "(%d, %d)", at[0], at[1]) : arena_printf(c->arena, "(%d)", at[0]),
         isnan(*value) ? (double)NAN : *value);
    return false;
}

bool constant_evaluate(context *c, const model_variable *v, shape s)
{
    model_expr *e = v->value;
    const tree_decl *d = v->decl;
    if (!e || e->kind != EXPR_LITERAL || e->literal) return true;
    size_t count = (size_t)s.dim[0] * (size_t)s.dim[1];
    if (count > MODEL_MAX_COMPUTED) {
        diag(c->diags, span_join(d->dims.data[0]->at, d->dims.data[d->dims.len - 1]->at), E_TOO_LARGE,
             "a constant that is computed", (int)MODEL_MAX_COMPUTED);
        return false;
    }
    double *values = ARENA_ARRAY(c->arena, double, count);
    for (size_t i = 0; i < count; i++)
        if (!evaluate(c, v, s, (int)i, &values[i])) return false;
    e->literal = values;
    e->type.shape = s;
    return true;
}
