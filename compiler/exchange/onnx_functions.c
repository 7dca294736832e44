/* onnx_functions.c: the operators of ONNX that work element by element: what each computes, and how the language says
 * it.
 *
 * In a text, X and Y are the operands, A and B the numbers that attributes give. */
#include "exchange/onnx_eval.h"
#include <math.h>
#include <string.h>

/* ---- of one operand ---------------------------------------------------------------------------------------------- */

typedef double unary(double x, double a, double b);

/* clang-format off */
static double op_abs(double x, double a, double b) { (void)a; (void)b; return fabs(x); }
static double op_ceil(double x, double a, double b) { (void)a; (void)b; return ceil(x); }
static double op_cos(double x, double a, double b) { (void)a; (void)b; return cos(x); }
static double op_elu(double x, double a, double b) { (void)b; return x > 0 ? x : a * expm1(x); }
static double op_erf(double x, double a, double b) { (void)a; (void)b; return erf(x); }
static double op_exp(double x, double a, double b) { (void)a; (void)b; return exp(x); }
static double op_floor(double x, double a, double b) { (void)a; (void)b; return floor(x); }
static double op_gelu(double x, double a, double b) { (void)a; (void)b; return x * (1 + erf(x / sqrt(2))) / 2; }
static double op_hard(double x, double a, double b) { return fmin(fmax(a * x + b, 0), 1); }
static double op_hard_swish(double x, double a, double b) { (void)a; (void)b; return x * op_hard(x, 1. / 6, 0.5); }
static double op_leaky(double x, double a, double b) { (void)b; return x < 0 ? a * x : x; }
static double op_log(double x, double a, double b) { (void)a; (void)b; return log(x); }
static double op_neg(double x, double a, double b) { (void)a; (void)b; return -x; }
static double op_reciprocal(double x, double a, double b) { (void)a; (void)b; return 1 / x; }
static double op_relu(double x, double a, double b) { (void)a; (void)b; return x > 0 ? x : 0; }
static double op_selu(double x, double a, double b) { return b * (x > 0 ? x : a * expm1(x)); }
static double op_sigmoid(double x, double a, double b) { (void)a; (void)b; return 1 / (1 + exp(-x)); }
static double op_sign(double x, double a, double b) { (void)a; (void)b; return (x > 0) - (x < 0); }
static double op_sin(double x, double a, double b) { (void)a; (void)b; return sin(x); }
static double op_softplus(double x, double a, double b) { (void)a; (void)b; return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double op_softsign(double x, double a, double b) { (void)a; (void)b; return x / (1 + fabs(x)); }
static double op_sqrt(double x, double a, double b) { (void)a; (void)b; return sqrt(x); }
static double op_tanh(double x, double a, double b) { (void)a; (void)b; return tanh(x); }
static double op_mish(double x, double a, double b) { return x * tanh(op_softplus(x, a, b)); }
static double op_swish(double x, double a, double b) { (void)b; return x / (1 + exp(-a * x)); }
static double op_not(double x, double a, double b) { (void)a; (void)b; return x == 0; }
/* clang-format on */

/* function: the function of the language that it is; NULL: it takes the text. */
static const struct function {
    const char *op, *function, *text;
    unary *value;
    const char *a, *b; /* the attributes, and what they are where they are missing */
    double a_usual, b_usual;
} functions[] = {
    {"Abs", "abs", NULL, op_abs, NULL, NULL, 0, 0},
    {"Ceil", "ceil", NULL, op_ceil, NULL, NULL, 0, 0},
    {"Cos", "cos", NULL, op_cos, NULL, NULL, 0, 0},
    {"Elu", NULL, "elu(X, A)", op_elu, "alpha", NULL, 1, 0},
    {"Erf", "erf", NULL, op_erf, NULL, NULL, 0, 0},
    {"Exp", "exp", NULL, op_exp, NULL, NULL, 0, 0},
    {"Floor", "floor", NULL, op_floor, NULL, NULL, 0, 0},
    {"Gelu", NULL, "gelu(X)", op_gelu, NULL, NULL, 0, 0},
    {"HardSigmoid", NULL, "clip(A * X + B, 0, 1)", op_hard, "alpha", "beta", 0.2, 0.5},
    {"HardSwish", NULL, "X * clip(X / 6 + 0.5, 0, 1)", op_hard_swish, NULL, NULL, 0, 0},
    {"LeakyRelu", NULL, "leaky_relu(X, A)", op_leaky, "alpha", NULL, 0.01, 0},
    {"Log", "log", NULL, op_log, NULL, NULL, 0, 0},
    {"Mish", NULL, "X * tanh(softplus(X))", op_mish, NULL, NULL, 0, 0},
    {"Neg", NULL, "-X", op_neg, NULL, NULL, 0, 0},
    {"Not", NULL, "not X", op_not, NULL, NULL, 0, 0},
    {"Reciprocal", NULL, "1 / X", op_reciprocal, NULL, NULL, 0, 0},
    {"Relu", "relu", NULL, op_relu, NULL, NULL, 0, 0},
    {"Selu", NULL, "B * elu(X, A)", op_selu, "alpha", "gamma", 1.67326319217681884765625, 1.05070102214813232421875},
    {"Sigmoid", "sigmoid", NULL, op_sigmoid, NULL, NULL, 0, 0},
    {"Sign", "sign", NULL, op_sign, NULL, NULL, 0, 0},
    {"Sin", "sin", NULL, op_sin, NULL, NULL, 0, 0},
    {"Softplus", "softplus", NULL, op_softplus, NULL, NULL, 0, 0},
    {"Softsign", "softsign", NULL, op_softsign, NULL, NULL, 0, 0},
    {"Sqrt", "sqrt", NULL, op_sqrt, NULL, NULL, 0, 0},
    {"Swish", NULL, "X * sigmoid(A * X)", op_swish, "alpha", NULL, 1, 0},
    {"Tanh", "tanh", NULL, op_tanh, NULL, NULL, 0, 0},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static const struct function *function_of(const char *op)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].op, op) == 0) return &functions[i];
    return NULL;
}

/* Puts what the letters stand for into a text. */
static const char *filled(arena *a, const char *text, const char *const operands[2], const double numbers[2])
{
    const char *out = "";
    for (; *text; text++) {
        bool operand = *text == 'X' || *text == 'Y', number = *text == 'A' || *text == 'B';
        if (operand)
            out = arena_printf(a, "%s%s", out, operands[*text - 'X']);
        else if (number)
            out = arena_printf(a, numbers[*text - 'A'] < 0 ? "%s(%.17g)" : "%s%.17g", out, numbers[*text - 'A']);
        else
            out = arena_printf(a, "%s%c", out, *text);
    }
    return out;
}

static void numbers_of(const struct function *f, const onnx_node *n, double numbers[2])
{
    numbers[0] = f->a ? onnx_float(n, f->a, f->a_usual) : 0;
    numbers[1] = f->b ? onnx_float(n, f->b, f->b_usual) : 0;
}

bool onnx_is_function(const char *op) { return function_of(op) != NULL; }

const char *onnx_function_text(arena *a, const onnx_node *n, const char *x)
{
    const struct function *f = function_of(n->op);
    double numbers[2];
    if (!f) return NULL;
    if (f->function) return arena_printf(a, "%s(%s)", f->function, x);
    numbers_of(f, n, numbers);
    return filled(a, f->text, (const char *const[]){x, x}, numbers);
}

bool onnx_function_values(const onnx_node *n, const nd *x, nd *out)
{
    const struct function *f = function_of(n->op);
    const onnx_attribute *approximate = onnx_find(n, "approximate");
    double numbers[2];
    if (!f || (approximate && approximate->s && strcmp(approximate->s, "none") != 0)) return false;
    numbers_of(f, n, numbers);
    for (size_t i = 0; i < x->count; i++) out->v[i] = f->value(x->v[i], numbers[0], numbers[1]);
    return true;
}

const char *onnx_operator_of(const char *function)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (functions[i].function && strcmp(functions[i].function, function) == 0) return functions[i].op;
    return NULL;
}

/* ---- of two operands --------------------------------------------------------------------------------------------- */

/* clang-format off */
static double op_add(double x, double y) { return x + y; }
static double op_sub(double x, double y) { return x - y; }
static double op_mul(double x, double y) { return x * y; }
static double op_div(double x, double y) { return x / y; }
static double op_mod(double x, double y) { return x - floor(x / y) * y; }
static double op_max(double x, double y) { return fmax(x, y); }
static double op_min(double x, double y) { return fmin(x, y); }
static double op_equal(double x, double y) { return x == y; }
static double op_less(double x, double y) { return x < y; }
static double op_greater(double x, double y) { return x > y; }
static double op_less_equal(double x, double y) { return x <= y; }
static double op_greater_equal(double x, double y) { return x >= y; }
static double op_and(double x, double y) { return x != 0 && y != 0; }
static double op_or(double x, double y) { return x != 0 || y != 0; }
/* clang-format on */

/* One without a text is computed of constants only: shapes. */
static const struct {
    const char *op, *text;
    double (*value)(double x, double y);
} binaries[] = {
    {"Add", "X + Y", op_add},
    {"Sub", "X - Y", op_sub},
    {"Mul", "X * Y", op_mul},
    {"Div", "X / Y", op_div},
    {"Pow", "X ^ Y", pow},
    {"Max", "max(X, Y)", op_max},
    {"Min", "min(X, Y)", op_min},
    {"Sum", "X + Y", op_add},
    {"Mod", NULL, op_mod},
    {"Equal", "X == Y", op_equal},
    {"Less", "X < Y", op_less},
    {"LessOrEqual", "X <= Y", op_less_equal},
    {"GreaterOrEqual", "X >= Y", op_greater_equal},
    {"Greater", "X > Y", op_greater},
    {"And", "X and Y", op_and},
    {"Or", "X or Y", op_or},
};
enum { BINARIES = sizeof binaries / sizeof *binaries };

double (*onnx_binary(const char *op))(double x, double y)
{
    for (int i = 0; i < BINARIES; i++)
        if (strcmp(binaries[i].op, op) == 0) return binaries[i].value;
    return NULL;
}

const char *onnx_binary_text(arena *a, const char *op, const char *x, const char *y)
{
    for (int i = 0; i < BINARIES; i++)
        if (strcmp(binaries[i].op, op) == 0 && binaries[i].text)
            return filled(a, binaries[i].text, (const char *const[]){x, y}, (const double[]){0, 0});
    return NULL;
}
