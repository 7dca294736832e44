/* onnx_recurrent.c: the operators RNN, GRU and LSTM as recurrent.h knows them. */
#include "exchange/onnx_eval.h"
#include <string.h>

/* The operators: equations, order of the blocks of rows, default activations of f, g, h. */
static const struct {
    const char *op;
    recurrence equations;
    const char *order;
    int activations;
    activation_kind usual[3];
} operators[] = {
    {"RNN", RECURRENCE_SIMPLE, "h", 1, {ACTIVATION_Tanh, ACTIVATION_Tanh, ACTIVATION_Tanh}},
    {"GRU", RECURRENCE_GATED, "zrh", 2, {ACTIVATION_Sigmoid, ACTIVATION_Tanh, ACTIVATION_Tanh}},
    {"LSTM", RECURRENCE_LONG_SHORT, "iofc", 3, {ACTIVATION_Sigmoid, ACTIVATION_Tanh, ACTIVATION_Tanh}},
};
enum { OPERATORS = sizeof operators / sizeof *operators };

static const struct {
    const char *word;
    double alpha, beta;
} activations[] = {
#define ROW(name, alpha, beta) {#name, alpha, beta},
    ACTIVATIONS(ROW)
#undef ROW
};

static int operator_of(const onnx_node *n)
{
    for (int i = 0; i < OPERATORS; i++)
        if (strcmp(operators[i].op, n->op) == 0) return i;
    return -1;
}

const char *onnx_recurrent_operator(recurrence equations)
{
    for (int i = 0; i < OPERATORS; i++)
        if (operators[i].equations == equations) return operators[i].op;
    BUG("no operator of ONNX has these equations");
}

const char *onnx_activation(activation_kind kind) { return activations[kind].word; }

void onnx_activation_takes(activation_kind kind, bool *alpha, bool *beta)
{
    *alpha = activations[kind].alpha != 0;
    *beta = activations[kind].beta != 0 || kind == ACTIVATION_Affine;
}

static bool same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a | 0x20) != (*b | 0x20)) return false; /* small and capital letters are the same to ONNX */
    return *a == *b;
}

static const char *read_activations(arena *a, const onnx_node *n, int which, int direction, activation *to)
{
    const onnx_attribute *words = onnx_find(n, "activations"), *alpha = onnx_find(n, "activation_alpha");
    const onnx_attribute *beta = onnx_find(n, "activation_beta");
    int count = operators[which].activations;
    size_t next_alpha = 0, next_beta = 0;
    /* alpha and beta are given for those activations that have them, in their order, and may end early */
    for (int i = 0; i < count * (direction + 1); i++) {
        activation_kind kind = operators[which].usual[i % count];
        if (words) {
            if ((size_t)i >= words->strings.len) return arena_printf(a, "%s lacks activations", n->op);
            for (kind = 0; kind < ACTIVATION_COUNT && !same_word(words->strings.data[i], activations[kind].word);)
                kind++;
            if (kind == ACTIVATION_COUNT)
                return arena_printf(a, "%s: there is no activation '%s'", n->op, words->strings.data[i]);
        }
        activation made = {kind, activations[kind].alpha, activations[kind].beta};
        bool has_alpha, has_beta;
        onnx_activation_takes(kind, &has_alpha, &has_beta);
        if (has_alpha && alpha && next_alpha < alpha->floats.len) made.alpha = alpha->floats.data[next_alpha++];
        if (has_beta && beta && next_beta < beta->floats.len) made.beta = beta->floats.data[next_beta++];
        if (i >= count * direction) to[i - count * direction] = made;
    }
    return NULL;
}

static const char *check(arena *a, const onnx_node *n, const char *what, const nd *t, int rank, const int *dim)
{
    bool good = t->rank == rank;
    for (int i = 0; good && i < rank; i++) good = t->dim[i] == dim[i];
    if (good) return NULL;
    const char *found = "", *wanted = "";
    for (int i = 0; i < t->rank; i++) found = arena_printf(a, "%s%s%d", found, i ? ", " : "", t->dim[i]);
    for (int i = 0; i < rank; i++) wanted = arena_printf(a, "%s%s%d", wanted, i ? ", " : "", dim[i]);
    return arena_printf(a, "%s '%s': %s is (%s), expected (%s)", n->op, n->word, what, found, wanted);
}

static const char *check_shapes(arena *a, const onnx_node *n, const nd *const *in, int d, int G, int H, int D)
{
    const char *error = check(a, n, "W", in[IN_W], 3, (int[]){d, G * H, D});
    if (!error) error = check(a, n, "R", in[IN_R], 3, (int[]){d, G * H, H});
    if (!error && in[IN_B]) error = check(a, n, "B", in[IN_B], 2, (int[]){d, 2 * G * H});
    if (!error && in[IN_P]) error = check(a, n, "P", in[IN_P], 2, (int[]){d, 3 * H});
    return error;
}

const char *onnx_recurrent_of(arena *a, const onnx_node *n, const nd *const *in, onnx_recurrent *r)
{
    int which = operator_of(n);
    const onnx_attribute *direction = onnx_find(n, "direction");
    const char *word = direction && direction->s ? direction->s : "forward";
    bool both = strcmp(word, "bidirectional") == 0;
    int64_t layout = onnx_int(n, "layout", 0);
    if (layout != 0 && layout != 1) return arena_printf(a, "%s: there is no layout %lld", n->op, (long long)layout);
    *r = (onnx_recurrent){.directions = 1 + both, .layout = (int)layout};
    r->reverse[0] = strcmp(word, "reverse") == 0;
    r->reverse[1] = true;
    if (!both && !r->reverse[0] && strcmp(word, "forward") != 0)
        return arena_printf(a, "%s: there is no direction '%s'", n->op, word);
    if (!in[IN_X] || !in[IN_W] || !in[IN_R] || in[IN_X]->rank != 3 || in[IN_W]->rank != 3 || in[IN_R]->rank != 3)
        return arena_printf(a, "%s '%s' needs X, W and R of three dimensions", n->op, n->word);
    int G = (int)strlen(operators[which].order), H = in[IN_R]->dim[2], D = in[IN_X]->dim[2];
    const char *error = check_shapes(a, n, in, r->directions, G, H, D);
    if (!error && onnx_int(n, "hidden_size", H) != H)
        error = arena_printf(a, "%s '%s': hidden_size is %lld, but R has %d columns", n->op, n->word,
                             (long long)onnx_int(n, "hidden_size", H), H);
    for (int k = 0; k < r->directions && !error; k++) {
        activation f[3] = {{ACTIVATION_Tanh, 0, 0}};
        error = read_activations(a, n, which, k, f);
        size_t gates = (size_t)G * (size_t)H;
        const double *B = in[IN_B] ? in[IN_B]->v + (size_t)k * 2 * gates : NULL;
        r->part[k] = (recurrent){.equations = operators[which].equations,
                                 .order = operators[which].order,
                                 .inputs = D,
                                 .units = H,
                                 .outputs = H,
                                 .W = in[IN_W]->v + (size_t)k * gates * (size_t)D,
                                 .R = in[IN_R]->v + (size_t)k * gates * (size_t)H,
                                 .b_w = B,
                                 .b_r = B ? B + gates : NULL,
                                 .peephole = in[IN_P] ? in[IN_P]->v + (size_t)k * 3 * (size_t)H : NULL,
                                 .f = f[0],
                                 .g = f[1],
                                 .h = f[2],
                                 .clip = onnx_float(n, "clip", 0),
                                 .reset_after = onnx_int(n, "linear_before_reset", 0) != 0,
                                 .input_forget = onnx_int(n, "input_forget", 0) != 0};
    }
    return error;
}
