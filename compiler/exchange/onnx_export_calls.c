/* onnx_export_calls.c: operators and functions of the language as nodes; see onnx_export.h.
 *
 * In: the call of a function. Out: the word of its value, [..., components], a number being one component. What is true
 * is 1; conditions are of ONNX's own type where they are read as such. */
#include "exchange/onnx_eval.h"
#include "exchange/onnx_exporter.h"
#include <string.h>

/* The parameter that a matrix is, with or without '; false: it is none. */
static bool is_matrix(const exporter *x, const model_expr *e, uint32_t *v, bool *transposed)
{
    *transposed = e->kind == EXPR_CALL && e->call.function == FUNCTION_transpose;
    if (*transposed) e = e->call.args[0];
    *v = e->kind == EXPR_VARIABLE ? e->read.variable : 0;
    return *v && exporter_variable(x, *v)->kind == VARIABLE_PARAM;
}

/* W @ v is v times the transpose of W; of a onehot, a row of that. */
static const char *product(exporter *x, const model_expr *e)
{
    const model_expr *v = e->call.args[1];
    uint32_t W;
    bool transposed;
    if (!is_matrix(x, e->call.args[0], &W, &transposed) || v->type.shape.rank != 1)
        return exporter_unknown(x, "a product that is not a parameter times a vector");
    const char *matrix = exporter_parameter(x, W, !transposed);
    if (v->kind == EXPR_CALL && v->call.function == FUNCTION_onehot)
        return exporter_apply(x, "Gather", matrix, exporter_translate(x, v->call.args[0]));
    return exporter_apply(x, "MatMul", exporter_translate(x, v), matrix);
}

static const char *concat(exporter *x, const model_expr *e)
{
    ARRAY(const char *) parts = {0};
    for (int i = 0; i < e->call.count; i++) {
        if (e->call.args[i]->type.axes != e->type.axes)
            return exporter_unknown(x, "concat of values that vary differently");
        array_push(x->a, &parts, exporter_translate(x, e->call.args[i]));
    }
    onnx_node *n = exporter_node(x, "Concat");
    for (size_t i = 0; i < parts.len; i++) array_push(x->a, &n->in, parts.data[i]);
    array_push(x->a, &n->out, n->word);
    exporter_set_int(x, "axis", -1);
    return n->word;
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */

static const char *cast(exporter *x, const char *value, int type)
{
    const char *made = exporter_apply(x, "Cast", value, NULL);
    exporter_set_int(x, "to", type);
    return made;
}

static const char *comparison_of(model_function f)
{
    static const struct {
        model_function function;
        const char *op;
    } known[] = {
        {FUNCTION_lt, "Less"},  {FUNCTION_le, "LessOrEqual"}, {FUNCTION_gt, "Greater"}, {FUNCTION_ge, "GreaterOrEqual"},
        {FUNCTION_eq, "Equal"}, {FUNCTION_and, "And"},        {FUNCTION_or, "Or"},      {FUNCTION_ne, "Equal"},
        {FUNCTION_not, "Not"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].function == f) return known[i].op;
    return NULL;
}

/* An expression as a condition: is it other than 0? At most MODEL_MAX_DEPTH deep. */
static const char *condition(exporter *x, const model_expr *e)
{
    const char *op = e->kind == EXPR_CALL ? comparison_of(e->call.function) : NULL;
    if (!op) return cast(x, exporter_translate(x, e), ONNX_TYPE_BOOL);
    model_function f = e->call.function;
    const model_expr *a = e->call.args[0], *b = e->call.count > 1 ? e->call.args[1] : NULL;
    bool logic = f == FUNCTION_and || f == FUNCTION_or || f == FUNCTION_not;
    const char *left = logic ? condition(x, a) : exporter_translate(x, a);
    const char *right = !b ? NULL : logic ? condition(x, b) : exporter_translate(x, b);
    const char *made = exporter_apply(x, op, left, right);
    return f == FUNCTION_ne ? exporter_apply(x, "Not", made, NULL) : made;
}

static const char *choice(exporter *x, const model_expr *e)
{
    const char *c = condition(x, e->call.args[0]), *yes = exporter_translate(x, e->call.args[1]);
    const char *no = exporter_translate(x, e->call.args[2]), *made = exporter_apply(x, "Where", c, yes);
    array_push(x->a, &x->out->nodes.data[x->out->nodes.len - 1].in, no);
    return made;
}

/* ---- element by element ------------------------------------------------------------------------------------------ */

static const char *binary(exporter *x, model_function f, const char *a, const char *b)
{
    switch ((int)f) { /* some of all */
    case FUNCTION_add: return exporter_apply(x, "Add", a, b);
    case FUNCTION_sub: return exporter_apply(x, "Sub", a, b);
    case FUNCTION_mul: return exporter_apply(x, "Mul", a, b);
    case FUNCTION_div: return exporter_apply(x, "Div", a, b);
    case FUNCTION_pow: return exporter_apply(x, "Pow", a, b);
    case FUNCTION_max: return exporter_apply(x, "Max", a, b);
    case FUNCTION_min: return exporter_apply(x, "Min", a, b);
    case FUNCTION_mod: { /* a - floor(a / b) * b */
        const char *whole = exporter_apply(x, "Floor", exporter_apply(x, "Div", a, b), NULL);
        return exporter_apply(x, "Sub", a, exporter_apply(x, "Mul", whole, b));
    }
    default: return NULL;
    }
}

static const char *clipped(exporter *x, const char *v, double low, double high)
{
    const char *above = exporter_apply(x, "Max", v, exporter_number(x, low));
    return exporter_apply(x, "Min", above, exporter_number(x, high));
}

/* v where it is above 0, else below. */
static const char *where_above(exporter *x, const char *v, const char *below)
{
    const char *made = exporter_apply(x, "Where", exporter_apply(x, "Greater", v, exporter_number(x, 0)), v);
    array_push(x->a, &x->out->nodes.data[x->out->nodes.len - 1].in, below);
    return made;
}

/* Functions that ONNX composes of others; `a` is the second argument. */
static const char *composed(exporter *x, model_function f, const char *v, const char *a, const char *b)
{
    const char *s;
    switch ((int)f) { /* some of all */
    case FUNCTION_neg: return exporter_apply(x, "Neg", v, NULL);
    case FUNCTION_cut: return v;
    case FUNCTION_square: return exporter_apply(x, "Mul", v, v);
    case FUNCTION_silu: return exporter_apply(x, "Mul", v, exporter_apply(x, "Sigmoid", v, NULL));
    case FUNCTION_gelu:
        s = exporter_apply(x, "Erf", exporter_apply(x, "Mul", v, exporter_number(x, 0.70710678118654752)), NULL);
        s = exporter_apply(x, "Add", s, exporter_number(x, 1));
        return exporter_apply(x, "Mul", exporter_apply(x, "Mul", v, exporter_number(x, 0.5)), s);
    case FUNCTION_elu:
        s = exporter_apply(x, "Sub", exporter_apply(x, "Exp", v, NULL), exporter_number(x, 1));
        return where_above(x, v, a ? exporter_apply(x, "Mul", a, s) : s);
    case FUNCTION_leaky_relu: return where_above(x, v, exporter_apply(x, "Mul", a ? a : exporter_number(x, 0.01), v));
    case FUNCTION_hard_sigmoid:
        s = exporter_apply(x, "Mul", v, exporter_number(x, 0.2));
        s = exporter_apply(x, "Add", s, exporter_number(x, 0.5));
        return clipped(x, s, 0, 1);
    case FUNCTION_hard_tanh: return clipped(x, v, -1, 1);
    case FUNCTION_clip: return exporter_apply(x, "Min", exporter_apply(x, "Max", v, a), b);
    case FUNCTION_log_sigmoid:
        s = exporter_apply(x, "Softplus", exporter_apply(x, "Neg", v, NULL), NULL);
        return exporter_apply(x, "Neg", s, NULL);
    default: return NULL;
    }
}

static const char *elementwise(exporter *x, const model_expr *e)
{
    model_function f = e->call.function;
    const char *op = onnx_operator_of(function_table[f].name), *arg[3] = {NULL}, *made = NULL;
    for (int i = 0; i < e->call.count && i < 3; i++) arg[i] = exporter_translate(x, e->call.args[i]);
    if (e->call.count == 2) made = binary(x, f, arg[0], arg[1]);
    if (!made && op && e->call.count == 1) made = exporter_apply(x, op, arg[0], NULL);
    return made ? made : composed(x, f, arg[0], arg[1], arg[2]);
}

/* ---- over components, over time ---------------------------------------------------------------------------------- */

/* ReduceSum has its axes as an operand, the others as an attribute. */
static const char *reduce(exporter *x, const char *op, const char *of, int axis, bool keep)
{
    bool operand = strcmp(op, "ReduceSum") == 0;
    const char *made = exporter_apply(x, op, of, operand ? exporter_index(x, 1, axis) : NULL);
    onnx_attribute axes = {.word = "axes", .kind = ATTRIBUTE_INTS};
    array_push(x->a, &axes.ints, axis);
    if (!operand) exporter_set(x, &axes);
    exporter_set_int(x, "keepdims", keep);
    return made;
}

/* A function of all components, or of all steps; NULL: it is none, or of something else. */
static const char *reduction(exporter *x, const model_expr *e)
{
    static const struct {
        model_function function;
        const char *op;
    } known[] = {{FUNCTION_sum, "ReduceSum"}, {FUNCTION_mean, "ReduceMean"},           {FUNCTION_max, "ReduceMax"},
                 {FUNCTION_min, "ReduceMin"}, {FUNCTION_logsumexp, "ReduceLogSumExp"}, {FUNCTION_softmax, "Softmax"},
                 {FUNCTION_norm, "ReduceSum"}};
    model_function f = e->call.function;
    const model_expr *of = e->call.args[0];
    const char *op = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].function == f) op = known[i].op;
    if (!op || e->call.count != 1 || of->type.shape.rank > 1 || e->call.extent != WHOLE) return NULL;
    if (e->call.over && !(of->type.axes & 2)) return NULL;
    if (e->call.over && x->lengths)
        return exporter_unknown(x, arena_printf(x->a, "'%s' over time, with --lengths", function_table[f].name));
    const char *v = exporter_translate(x, of), *made;
    int axis = e->call.over ? 0 : -1;
    if (f == FUNCTION_norm) v = exporter_apply(x, "Mul", v, v);
    if (f == FUNCTION_softmax) {
        made = exporter_apply(x, op, v, NULL);
        exporter_set_int(x, "axis", axis);
        return made;
    }
    made = reduce(x, op, v, axis, !e->call.over);
    return f == FUNCTION_norm ? exporter_apply(x, "Sqrt", made, NULL) : made;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* The row of the unit matrix that a token chooses. */
static const char *onehot(exporter *x, const model_expr *e)
{
    int n = e->type.shape.dim[0];
    double *unit = ARENA_ARRAY(x->a, double, (size_t)n *(size_t)n);
    for (int i = 0; i < n; i++) unit[(size_t)i * (size_t)n + (size_t)i] = 1;
    const char *matrix = exporter_constant(x, exporter_fresh(x, "unit"), 2, (int[]){n, n}, unit, false);
    return exporter_apply(x, "Gather", matrix, exporter_translate(x, e->call.args[0]));
}

/* At most MODEL_MAX_DEPTH deep. */
const char *exporter_call(exporter *x, const model_expr *e)
{
    model_function f = e->call.function;
    uint32_t table;
    bool transposed;
    const char *made = NULL;
    if (f == FUNCTION_matmul) return product(x, e);
    if (e->type.shape.rank > 1)
        return exporter_unknown(x, arena_printf(x->a, "'%s' of a matrix", function_table[f].name));
    if (f == FUNCTION_concat || f == FUNCTION_vector) return concat(x, e);
    if (f == FUNCTION_dropout || f == FUNCTION_gaussian_noise) return exporter_translate(x, e->call.args[0]);
    if (f == FUNCTION_onehot) return onehot(x, e);
    if (f == FUNCTION_select) return choice(x, e);
    if (f == FUNCTION_lookup && is_matrix(x, e->call.args[0], &table, &transposed) && !transposed) {
        const char *token = exporter_translate(x, e->call.args[1]);
        return exporter_apply(x, "Gather", exporter_parameter(x, table, false), token);
    }
    if (comparison_of(f)) return cast(x, condition(x, e), ONNX_TYPE_FLOAT);
    made = reduction(x, e);
    if (!made && !e->call.over) made = elementwise(x, e);
    return made ? made : exporter_unknown(x, arena_printf(x->a, "'%s'", function_table[f].name));
}
