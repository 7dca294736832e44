/* generate.c: random well-formed specs.
 *
 * A spec is a row of groups. A group has an axis and a direction: its variables read each other, and themselves, at
 * earlier steps in that direction, and at the same step only those before them; so the dependences always make sense.
 * Of the groups before, a variable may read any step, reductions over the axis, and its ends. Every variable is
 * given its axes beforehand: its equation ends with a term over exactly these, and reads nothing that has others.
 *
 * Conditions are of steps and inputs alone, and nothing is compared that was computed, so that rounding does not
 * choose branches. Values are squashed, so that they stay near 1. */
#include "fuzz/generate.h"
#include "agree/subject.h"
#include <string.h>

enum { ALONG_T = 1, ALONG_S = 2, SIZES = 5, MOST = 40, MOST_PARAMS = 200 };
static const int SIZE[SIZES] = {1, 2, 3, 5, 17};

typedef struct form {
    int rank, m, n;
} form; /* scalar, vector (m), matrix (m, n) */

typedef struct variable {
    char word[12];
    form form;
    unsigned axes;
    int group;
    bool input;
} variable;

typedef struct token {
    char word[12];
    unsigned axes;
    int classes;
} token;

typedef struct generator {
    arena *arena;
    uint64_t random;
    text *head, *body; /* declarations; equations */
    variable variables[MOST];
    int count;
    token tokens[4];
    int token_count;
    bool two_axes;
    int params;
    form param_forms[MOST_PARAMS];
    int group, first, planned; /* the group being made: its number, its first variable, one beyond its last */
    char axis;                 /* of the group: 't' or 's' */
    int direction;             /* -1: reads earlier steps; 1: later ones */
    int current;               /* the variable being defined; -1: of no group, a boundary value */
} generator;

static int below(generator *g, int n) { return random_below(&g->random, n); }
static bool chance(generator *g, int percent) { return below(g, 100) < percent; }
static int size_of(generator *g) { return SIZE[below(g, SIZES - (chance(g, 85) ? 1 : 0))]; }
static form vector_of(int m) { return (form){1, m, 1}; }
static const form scalar_form = {0, 1, 1};
static bool same_form(form a, form b) { return a.rank == b.rank && a.m == b.m && a.n == b.n; }
static unsigned bit(char axis) { return axis == 't' ? ALONG_T : ALONG_S; }

#define PRINT(...) arena_printf(g->arena, __VA_ARGS__)

static const char *expression(generator *g, form f, unsigned axes, int depth);

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* A new one or, now and then, one that is used already. */
static const char *param(generator *g, form f)
{
    int from = below(g, g->params + 1);
    for (int i = from; i < g->params && chance(g, 25); i++)
        if (same_form(g->param_forms[i], f)) return PRINT("P%d", i);
    if (g->params < MOST_PARAMS) g->param_forms[g->params] = f;
    const char *word = PRINT("P%d", g->params++);
    if (f.rank == 0)
        text_line(g->head, "param %s", word);
    else if (f.rank == 1)
        text_line(g->head, "param %s(%d)", word, f.m);
    else
        text_line(g->head, "param %s(%d, %d)", word, f.m, f.n);
    return word;
}

/* ---- variables at some step -------------------------------------------------------------------------------------- */

static const char *offset(char axis, int k)
{
    static const char *const of_t[] = {"[t-3]", "[t-2]", "[t-1]", "", "[t+1]", "[t+2]", "[t+3]"};
    static const char *const of_s[] = {"[s-3]", "[s-2]", "[s-1]", "", "[s+1]", "[s+2]", "[s+3]"};
    return (axis == 't' ? of_t : of_s)[k + 3];
}

static int far(generator *g) { return chance(g, 65) ? 1 : chance(g, 70) ? 2 : 3; }

/* The variable read somewhere in time, so that the value has no axes outside of `axes`; NULL: that cannot be. */
static const char *reading(generator *g, int i, unsigned axes)
{
    const variable *v = &g->variables[i];
    bool own = v->group == g->group && g->current >= 0;
    unsigned extra = v->axes & ~axes;
    if (own) {
        if (extra) return NULL;
        bool shifted = i >= g->current || chance(g, 50);
        if (shifted && !(v->axes & bit(g->axis))) return NULL;
        return PRINT("%s%s", v->word, shifted ? offset(g->axis, g->direction * far(g)) : "");
    }
    if (v->group > g->group || (g->current < 0 && v->group == g->group)) return NULL;
    if (extra == 3) return NULL;
    if (extra) {
        static const char *const ends_t[] = {"[T]", "[1]", "[T-1]", "[2]"}, *const ends_s[] = {"[S]", "[1]", "[S-1]",
                                                                                               "[2]"};
        return PRINT("%s%s", v->word,
                     (extra == ALONG_T ? ends_t : ends_s)[v->axes == 3 ? 2 * below(g, 2) : below(g, 4)]);
    }
    if (!v->axes || chance(g, 60)) return v->word;
    char axis = v->axes == 3 ? (chance(g, 50) ? 't' : 's') : v->axes == ALONG_T ? 't' : 's';
    return PRINT("%s%s", v->word, offset(axis, chance(g, 70) ? -far(g) : far(g)));
}

static const char *atom(generator *g, form f, unsigned axes)
{
    int found[MOST], n = 0;
    for (int i = 0; i < g->planned; i++)
        if (same_form(g->variables[i].form, f)) found[n++] = i;
    for (int tries = 0; n && tries < 4; tries++) {
        const char *r = reading(g, found[below(g, n)], axes);
        if (r) return r;
    }
    if (f.rank == 0 && chance(g, 50)) return PRINT("0.%d", 1 + below(g, 9));
    return param(g, f);
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */

static const char *condition(generator *g, unsigned axes)
{
    char axis = axes & ALONG_T && (chance(g, 70) || !(axes & ALONG_S)) ? 't' : axes & ALONG_S ? 's' : 'b';
    if (axis == 'b') return chance(g, 50) ? "xb > 0.1" : "kb == 1 or xb * xb > 1";
    switch (below(g, 9)) {
    case 0: return PRINT("%c %% 2 == 0", axis);
    case 1: return PRINT("%c %% 3 == 1 and not (%c > 4)", axis, axis);
    case 2: return PRINT("%c > 2 or x%c(0) < 0", axis, axis);
    case 3: return PRINT("x%c(0) >= 0.2", axis);
    case 4: return PRINT("k%c == 1", axis);
    case 5: return PRINT("k%c[%c-1] != 0 and (2 * %c + 1) %% 3 < 2", axis, axis, axis);
    case 6: return PRINT("max(x%c) > 0.5 or kb == 0 and -%c %% 2 == 0", axis, axis);
    case 7: return PRINT("not xb > 0.1 and x%c[%c-1](1) < x%c(0)", axis, axis, axis);
    default: return PRINT("%c <= 3", axis);
    }
}

/* The condition of a choice between values of a form: one number, or one for each component. */
static const char *condition_of(generator *g, form f, unsigned axes)
{
    if (f.rank == 0 || chance(g, 60)) return condition(g, axes);
    const char *number = axes & ALONG_T ? "xt(0)" : axes & ALONG_S ? "xs(0)" : "xb";
    return PRINT("%s * %s > 0.05", number, param(g, f));
}

/* ---- expressions ------------------------------------------------------------------------------------------------- */

static const char *squash(generator *g, const char *e)
{
    /* clang-format off */
    static const char *const with[] = {
        "tanh(%s)", "sigmoid(%s)", "sin(%s)", "softsign(%s)", "0.3 * cos(%s)", "relu(%s)", "0.3 * softplus(%s)",
        "exp(-square(%s))", "0.2 * gelu(%s)", "0.5 * erf(%s)", "hard_tanh(%s)", "0.4 * (%s)", "-tanh(%s)",
        "0.5 * abs(%s)", "0.3 * silu(%s)", "elu(%s)", "leaky_relu(%s, 0.2)", "hard_sigmoid(%s)",
        "0.4 * log_sigmoid(%s)", "clip(%s, -0.7, 0.6)", "log(1.2 + abs(%s))", "0.5 * sqrt(0.3 + square(%s))",
        "(0.2 + abs(%s)) ^ 0.7", "max(%s, -0.3)", "min(0.4, %s)", "0.5 * elu(%s, 0.3)"
    };
    /* clang-format on */
    const char *pattern = with[chance(g, 45) ? 0 : below(g, (int)(sizeof with / sizeof *with))];
    const char *at = strstr(pattern, "%s");
    return PRINT("%.*s%s%s", (int)(at - pattern), pattern, e, at + 2);
}

/* A reduction over an axis that the result lacks. Over the group's own axis, what is reduced is of the groups
 * before. */
static const char *reduction(generator *g, form f, unsigned axes, int depth)
{
    char axis = axes & ALONG_T || (g->two_axes && !(axes & ALONG_S) && chance(g, 50)) ? 's' : 't';
    if (axes & bit(axis) || (axis == 's' && !g->two_axes)) return NULL;
    static const char *const over[] = {"sum", "mean", "max", "min"};
    generator kept = *g;
    if (axis == g->axis) g->current = -1;
    const char *e = expression(g, f, axes | bit(axis), depth - 1);
    const char *anchor = PRINT("0.2 * x%c(0)", axis);
    const char *r;
    if (f.rank == 1 && chance(g, 30)) {
        const char *score = expression(g, scalar_form, axes | bit(axis), depth - 1);
        r = PRINT("sum(softmax(1.5 * (%s) + %s over %c) * (%s) over %c)", score, anchor, axis, e, axis);
    } else {
        r = PRINT("%s(tanh(%s) + %s over %c)", over[below(g, 4)], e, anchor, axis);
    }
    g->current = kept.current;
    return r;
}

/* A vector whose components need not stand side by side: a column or a row of a matrix. */
static const char *part(generator *g, form f, unsigned axes, int depth)
{
    int others = 2 + below(g, 2), k = below(g, others);
    switch (below(g, 4)) {
    case 0: return PRINT("%s(:, %d)", param(g, (form){2, f.m, others}), k);
    case 1: return PRINT("%s'(:, %d)", param(g, (form){2, others, f.m}), k);
    case 2: return PRINT("%s(%d, :)", param(g, (form){2, others, f.m}), k);
    default: {
        const char *of = expression(g, f, axes, depth - 1);
        return PRINT("outer(%s, %s)(:, %d)", of, expression(g, vector_of(others), axes, depth - 1), k);
    }
    }
}

/* What softmax and logsumexp read. */
static const char *row(generator *g, form f, unsigned axes, int depth)
{
    if (chance(g, 40)) return part(g, f, axes, depth);
    return PRINT("1.5 * (%s)", expression(g, f, axes, depth - 1));
}

static const char *scalar(generator *g, unsigned axes, int depth)
{
    form v = vector_of(size_of(g));
    switch (below(g, 16)) {
    case 9: return PRINT("min(%s)", atom(g, v, axes));
    case 10: return PRINT("norm(%s)", atom(g, (form){2, 2 + below(g, 2), 2}, axes));
    case 11: return axes & ALONG_T ? "0.2 * ((2 * t + 1) % 3) + 0.5 ^ t" : "(xb % 0.7)";
    case 12: return axes & ALONG_S ? "(1 / s - floor(s / 2) * 0.1)" : "xb ^ 2";
    case 13:
        return PRINT("(if %s then log(square(xb)) else %s)", axes ? "xb != 0" : "abs(xb) > 0.1",
                     atom(g, scalar_form, axes));
    case 0: return PRINT("sum(%s)", expression(g, v, axes, depth - 1));
    case 1: return PRINT("mean(%s)", expression(g, v, axes, depth - 1));
    case 2: return PRINT("max(%s)", atom(g, v, axes));
    case 3: return PRINT("sqrt(0.1 + sum(square(%s)))", expression(g, v, axes, depth - 1));
    case 4: return PRINT("sum((%s) * (%s))", expression(g, v, axes, depth - 1), expression(g, v, axes, depth - 1));
    case 5: return PRINT("logsumexp(%s)", row(g, v, axes, depth));
    case 6: return axes & ALONG_T ? "0.1 * t" : "xb";
    case 7: return axes & ALONG_S ? "0.2 * s" : "xb * xb";
    case 8: return PRINT("norm(%s)", expression(g, v, axes, depth - 1));
    default: return atom(g, scalar_form, axes);
    }
}

/* Sums over what sums are a part of. */
static const char *normalised(generator *g, const char *e)
{
    switch (below(g, 5)) {
    case 0: return PRINT("((%s) - mean(%s))", e, e);
    case 1: return PRINT("((%s) - mean(%s)) / sqrt(0.1 + mean(square((%s) - mean(%s))))", e, e, e, e);
    case 2: return PRINT("(%s) / sqrt(0.2 + mean(square(%s)))", e, e);
    case 3: return PRINT("((%s) - 0.3 * sum(%s)) / (0.5 + sum(square(%s)))", e, e, e);
    default: return PRINT("exp((%s) - logsumexp(%s))", e, e);
    }
}

static const char *vector(generator *g, form f, unsigned axes, int depth)
{
    form from = vector_of(size_of(g));
    switch (below(g, 19)) {
    case 15:
        if (chance(g, 50)) return PRINT("logsumexp(%s, rows)", expression(g, (form){2, f.m, 3}, axes, depth - 1));
        return PRINT("%s(%s, rows)", chance(g, 50) ? "min" : "max", atom(g, (form){2, f.m, 2}, axes));
    case 10:
        return PRINT("%s(%s, %s)", chance(g, 50) ? "min" : "max", expression(g, f, axes, depth - 1),
                     expression(g, f, axes, depth - 1));
    case 11:
        return PRINT("%s(%s, rows)", chance(g, 50) ? "mean" : "norm",
                     expression(g, (form){2, f.m, 3}, axes, depth - 1));
    case 12: return PRINT("%s' @ (%s)", param(g, (form){2, from.m, f.m}), expression(g, from, axes, depth - 1));
    case 16:
        return PRINT("gaussian_noise(%s, 0.2 * (%s))", expression(g, f, axes, depth - 1),
                     expression(g, chance(g, 50) ? f : scalar_form, axes, depth - 1));
    case 13: return PRINT("zoneout(%s, %s, 0.3)", expression(g, f, axes, depth - 1), expression(g, f, axes, depth - 1));
    case 14: {
        if (f.m != 2) break;
        const char *first = expression(g, scalar_form, axes, depth - 1);
        return PRINT("vector(%s, %s)", first, expression(g, scalar_form, axes, depth - 1));
    }
    case 0:
    case 1:
    case 2: return PRINT("%s @ (%s)", param(g, (form){2, f.m, from.m}), expression(g, from, axes, depth - 1));
    case 3: {
        if (f.m < 2) break;
        int k = 1 + below(g, f.m - 1);
        return PRINT("concat(%s, %s)", expression(g, vector_of(k), axes, depth - 1),
                     expression(g, vector_of(f.m - k), axes, depth - 1));
    }
    case 4: return PRINT("softmax(%s)", row(g, f, axes, depth));
    case 17: return part(g, f, axes, depth);
    case 18: return normalised(g, expression(g, f, axes, depth - 1));
    case 5: {
        const token *k = &g->tokens[below(g, g->token_count)];
        if (k->axes & ~axes) break;
        char axis = k->axes == ALONG_T ? 't' : 's';
        const char *at = !k->axes || chance(g, 60) ? "" : offset(axis, chance(g, 70) ? -far(g) : far(g));
        const char *table = param(g, (form){2, k->classes, f.m});
        if (chance(g, 30)) return PRINT("lookup(%s - 0.4 * square(%s), %s%s)", table, table, k->word, at);
        if (chance(g, 50)) return PRINT("lookup(%s, %s%s)", table, k->word, at);
        return PRINT("%s @ onehot(%s%s)", param(g, (form){2, f.m, k->classes}), k->word, at);
    }
    case 6:
        return PRINT("(%s) @ (%s)", expression(g, (form){2, f.m, from.m}, axes, depth - 1),
                     expression(g, from, axes, depth - 1));
    case 7: return PRINT("sum(%s, rows)", expression(g, (form){2, f.m, 2}, axes, depth - 1));
    case 8:
        return chance(g, 50) ? PRINT("dropout(%s, 0.3)", expression(g, f, axes, depth - 1))
                             : PRINT("cut(%s)", expression(g, f, axes, depth - 1));
    case 9: {
        for (int i = 0; i < g->planned; i++) {
            const variable *v = &g->variables[(i + g->count) % g->planned];
            if (v->form.rank != 1 || v->form.m <= f.m) continue;
            const char *r = reading(g, (i + g->count) % g->planned, axes);
            int first = below(g, v->form.m - f.m);
            if (r) return PRINT("%s(%d:%d)", r, first, first + f.m);
        }
        break;
    }
    default: break;
    }
    return atom(g, f, axes);
}

static const char *matrix(generator *g, form f, unsigned axes, int depth)
{
    switch (below(g, 9)) {
    case 5:
        return PRINT("(%s) * (%s)'", expression(g, f, axes, depth - 1), expression(g, vector_of(f.n), axes, depth - 1));
    case 6:
        return PRINT("dropout((%s)%s)", expression(g, f, axes, depth - 1),
                     axes & ALONG_T ? " + 0.1 * t, 0.4 over t" : ", 0.4");
    case 7: {
        if (f.m != 2) break;
        const char *first = expression(g, vector_of(f.n), axes, depth - 1);
        return PRINT("rows(%s, %s)", first, expression(g, vector_of(f.n), axes, depth - 1));
    }
    case 0:
    case 1:
        return PRINT("outer(%s, %s)", expression(g, vector_of(f.m), axes, depth - 1),
                     expression(g, vector_of(f.n), axes, depth - 1));
    case 2: return PRINT("(%s)'", expression(g, (form){2, f.n, f.m}, axes, depth - 1));
    case 3:
        return PRINT("(%s) * (%s)", expression(g, vector_of(f.m), axes, depth - 1), expression(g, f, axes, depth - 1));
    case 4:
        return PRINT("(%s) @ (%s)", expression(g, (form){2, f.m, 2}, axes, depth - 1),
                     expression(g, (form){2, 2, f.n}, axes, depth - 1));
    case 8:
        return PRINT("softmax(1.5 * (%s), %s)", expression(g, f, axes, depth - 1), chance(g, 50) ? "rows" : "columns");
    default: break;
    }
    return atom(g, f, axes);
}

/* An expression of the form, over at most these axes. Depth bounds the recursion. */
static const char *expression(generator *g, form f, unsigned axes, int depth)
{
    if (depth <= 0) return atom(g, f, axes);
    switch (below(g, 12)) {
    case 0: return PRINT("(%s + %s)", expression(g, f, axes, depth - 1), expression(g, f, axes, depth - 1));
    case 1: return PRINT("(%s - %s)", expression(g, f, axes, depth - 1), expression(g, f, axes, depth - 1));
    case 2: return PRINT("(%s) * (%s)", expression(g, f, axes, depth - 1), expression(g, f, axes, depth - 1));
    case 3:
        return PRINT("(%s) / (1.5 + square(%s))", expression(g, f, axes, depth - 1), expression(g, f, axes, depth - 1));
    case 4: return PRINT("(%s) * (%s)", expression(g, scalar_form, axes, depth - 1), expression(g, f, axes, depth - 1));
    case 5:
        return PRINT("(if %s then %s else %s)", condition_of(g, f, axes), expression(g, f, axes, depth - 1),
                     expression(g, f, axes, depth - 1));
    case 6: {
        const char *r = reduction(g, f, axes, depth);
        if (r) return r;
        break;
    }
    case 7: return squash(g, expression(g, f, axes, depth - 1));
    default: break;
    }
    return f.rank == 0 ? scalar(g, axes, depth) : f.rank == 1 ? vector(g, f, axes, depth) : matrix(g, f, axes, depth);
}

/* ---- groups of equations ----------------------------------------------------------------------------------------- */

static const char *anchor(unsigned axes)
{
    switch (axes) {
    case ALONG_T: return "(0.3 * xt(0))";
    case ALONG_S: return "(0.3 * xs(1))";
    case ALONG_T | ALONG_S: return "(0.3 * xt(1) * xs(0))";
    default: return "(0.3 * xb)";
    }
}

static void boundaries(generator *g, int i)
{
    const variable *v = &g->variables[i];
    if (!(v->axes & bit(g->axis)) || (v->form.rank < 2 && !chance(g, 40))) return; /* a matrix does not always follow */
    int slots = chance(g, 60) ? 1 : 2;
    generator kept = *g;
    g->current = -1;
    g->planned = g->first;
    for (int k = 0; k < slots; k++) {
        const char *e = expression(g, v->form, v->axes & ~bit(g->axis), 1);
        if (g->direction < 0)
            text_line(g->body, "%s[%d] = %s", v->word, -k, e);
        else
            text_line(g->body, "%s[%c+%d] = %s", v->word, g->axis == 't' ? 'T' : 'S', k + 1, e);
    }
    g->current = kept.current;
    g->planned = kept.planned;
}

static void equations(generator *g, int count, int depth)
{
    g->group++;
    g->first = g->count;
    g->axis = g->two_axes && chance(g, 35) ? 's' : 't';
    g->direction = chance(g, 65) ? -1 : 1;
    for (int i = 0; i < count; i++) {
        variable *v = &g->variables[g->count++];
        arena *a = g->arena;
        strcpy(v->word, arena_printf(a, "v%d", g->count));
        int kind = below(g, 10);
        v->form = kind < 2 ? scalar_form : kind < 8 ? vector_of(size_of(g)) : (form){2, 2 + below(g, 2), 2};
        v->axes = chance(g, 85) ? bit(g->axis) : 0;
        if (g->two_axes && chance(g, 35)) v->axes |= bit(g->axis == 't' ? 's' : 't');
        v->group = g->group;
        v->input = false;
    }
    g->planned = g->count;
    for (int i = g->first; i < g->count; i++) {
        const variable *v = &g->variables[i];
        g->current = i;
        const char *e = expression(g, v->form, v->axes, depth);
        const char *self = v->axes & bit(g->axis) && chance(g, 50) ? reading(g, i, v->axes) : NULL;
        if (self && v->form.rank == 1)
            self = PRINT("%s @ %s + ", param(g, (form){2, v->form.m, v->form.m}), self);
        else if (self)
            self = PRINT("0.7 * %s + ", self);
        const char *factor = v->form.rank ? PRINT("%s * ", param(g, v->form)) : "";
        text_line(g->body, "%s = %s + %s%s", v->word, squash(g, PRINT("%s%s", self ? self : "", e)), factor,
                  anchor(v->axes));
        if (v->axes != 3 || g->direction > 0 || self) boundaries(g, i); /* v[0] must say along which axis */
    }
    g->current = -1;
}

/* A call of a cell. */
static void call(generator *g, int depth)
{
    /* clang-format off */
    static const char *const cells[] = {
        "rnn", "lstm", "gru", "gru_before", "qrnn", "mgu", "lstm_peephole", "lstm_zoneout", "lstm_layer_norm", "conv",
        "minlstm", "hornn", "rhn", "slstm", "mlstm", "delta_rule", "linear_attention", "fast_weights", "lstm_dropout",
        "ligru", "clock", "mixed", "nested"
    };
    /* clang-format on */
    enum { CELLS_WITHOUT_WAYS = 2, CELLS_IN_ALL = sizeof cells / sizeof *cells };
    static const char *const ways[] = {"", "", "reverse ", "bidirectional "};
    g->group++;
    g->first = g->planned = g->count;
    g->axis = g->two_axes && chance(g, 35) ? 's' : 't';
    g->current = -1;
    int way = below(g, 4), units = way == 3 ? 2 : size_of(g);
    const char *cell =
        cells[chance(g, 40) ? below(g, 4) : below(g, way ? CELLS_IN_ALL - CELLS_WITHOUT_WAYS : CELLS_IN_ALL)];
    bool layers = chance(g, 25) && strcmp(cell, "nested") != 0 && strcmp(cell, "mixed") != 0;
    const char *data = expression(g, vector_of(2 + below(g, 3)), bit(g->axis), depth);
    variable *v = &g->variables[g->count];
    strcpy(v->word, PRINT("v%d", g->count + 1));
    text_line(g->body, "%s = %s%s(tanh(%s) + %s, %d%s)", v->word, ways[way], cell, data, anchor(bit(g->axis)), units,
              layers ? chance(g, 50) ? ", layers = 2, dropout = 0.2" : ", layers = 2, residual = true" : "");
    v->form = vector_of(way == 3 ? 2 * units : units);
    v->axes = bit(g->axis);
    v->group = g->group;
    v->input = false;
    g->count++;
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

static void add_input(generator *g, const char *word, form f, unsigned axes)
{
    variable *v = &g->variables[g->count++];
    strcpy(v->word, word);
    v->form = f;
    v->axes = axes;
    v->group = 0;
    v->input = true;
    const char *at = axes == ALONG_T ? "[t]" : axes == ALONG_S ? "[s]" : axes ? "[t, s]" : "";
    if (f.rank == 0)
        text_line(g->head, "input %s%s : real", word, at);
    else if (f.rank == 1)
        text_line(g->head, "input %s%s : real(%d)", word, at, f.m);
    else
        text_line(g->head, "input %s%s : real(%d, %d)", word, at, f.m, f.n);
}

static void add_token(generator *g, const char *word, unsigned axes)
{
    token *k = &g->tokens[g->token_count++];
    strcpy(k->word, word);
    k->axes = axes;
    k->classes = 2 + below(g, 4);
    text_line(g->head, "input %s%s : token(%d)", word,
              axes == ALONG_T   ? "[t]"
              : axes == ALONG_S ? "[s]"
                                : "",
              k->classes);
}

static void losses(generator *g)
{
    int inputs = 0;
    while (g->variables[inputs].input) inputs++;
    for (int i = 0, n = 1 + below(g, 3); i < n; i++) {
        int which = i == 0 ? g->count - 1 : inputs + below(g, g->count - inputs);
        const variable *v = &g->variables[which];
        const char *at = v->axes == ALONG_T ? "[t]" : v->axes == ALONG_S ? "[s]" : v->axes ? "[t, s]" : "";
        const char *weight = "";
        if (chance(g, 20) && v->axes == ALONG_T) {
            text_line(g->head, "target w%d[t] : real", i);
            weight = PRINT(" weight w%d + 0.1", i);
        }
        switch (v->form.rank == 1 ? below(g, 10) : 0) {
        case 6:
            text_line(g->head, "target y%d%s : token(3)", i, at);
            text_line(g->body, "loss cross_entropy(softmax(dense(%s, 3)), y%d, %s)%s", v->word, i,
                      chance(g, 50) ? "ignore = 1, smoothing = 0.2" : "weights = vector(1, 2, 0.5)", weight);
            break;
        case 7:
            text_line(g->head, "target y%d%s : real(%d)", i, at, v->form.m);
            text_line(g->body, "loss %s(%s, y%d)%s", chance(g, 50) ? "absolute" : "huber", v->word, i, weight);
            break;
        case 8:
            text_line(g->head, "target y%d%s : real(2)", i, at);
            text_line(g->body, "o%d = tanh(dense(%s, 12))", i, v->word);
            text_line(
                g->body,
                "loss gaussian_mixture(softmax(o%d(0:2)), rows(o%d(2:4), o%d(4:6)), exp(rows(o%d(6:8), o%d(8:10))), "
                "y%d, 0.9 * o%d(10:12))%s",
                i, i, i, i, i, i, i, weight);
            break;
        case 9:
            text_line(g->head, "target y%d%s : real(%d)", i, at, v->form.m);
            text_line(g->body, "loss 0.3 * cross_entropy(softmax(%s), square(y%d))%s", v->word, i, weight);
            break;
        case 0: text_line(g->body, "loss 0.7 * sum(square(%s - 0.3))%s", v->word, weight); break;
        case 1: text_line(g->body, "loss total 0.2 * mean(%s * %s)", v->word, v->word); break;
        case 2:
            text_line(g->head, "target y%d%s : token(3)", i, at);
            text_line(g->body, "loss cross_entropy(softmax(dense(%s, 3)), y%d)%s", v->word, i, weight);
            break;
        case 3:
            text_line(g->head, "target y%d%s : real(%d)", i, at, v->form.m);
            text_line(g->body, "loss binary_cross_entropy(sigmoid(%s), y%d)%s", v->word, i, weight);
            break;
        default:
            text_line(g->head, "target y%d%s : real(%d)", i, at, v->form.m);
            text_line(g->body, "loss mean_square(%s, y%d)%s", v->word, i, weight);
            break;
        }
    }
    for (int i = inputs; i < g->count; i++)
        if (i == g->count - 1 || chance(g, 40)) text_line(g->body, "output %s", g->variables[i].word);
}

static const char CELLS[] = "cell clock(x(D), H) -> y {\n"
                            "    param W(H,H), U(H,D)\n"
                            "    y = if t % 3 == 1 then tanh(W @ y[t-1] + U @ x) else y[t-1]\n"
                            "}\n"
                            "cell mixed(x(D), H) -> y {\n"
                            "    param A(H,H), B(H,H)\n"
                            "    y = tanh(A @ y[t-2] + dense(x, H) + B @ z[t-1])\n"
                            "    z = sigmoid(y) * z[t-1] + 0.5 * y\n"
                            "}\n"
                            "cell nested(x(D), H) -> y {\n"
                            "    a = mixed(x, H)\n"
                            "    r = lstm(a, H)\n"
                            "    y = a + 0.5 * r\n"
                            "}\n";

const char *generate_spec(arena *a, uint64_t seed, bool terse)
{
    generator *g = ARENA_NEW(a, generator);
    *g = (generator){.arena = a,
                     .random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1,
                     .head = text_new(a),
                     .body = text_new(a),
                     .current = -1};
    for (int i = 0; i < 8; i++) random_unit(&g->random);
    g->two_axes = chance(g, 35);
    add_input(g, "xt", vector_of(2 + below(g, 3)), ALONG_T);
    if (g->two_axes) add_input(g, "xs", vector_of(2 + below(g, 3)), ALONG_S);
    add_input(g, "xb", scalar_form, 0);
    if (chance(g, 20)) add_input(g, "xm", (form){2, 2, 3}, ALONG_T);
    if (g->two_axes && chance(g, 20)) add_input(g, "xx", vector_of(3), ALONG_T | ALONG_S);
    add_token(g, "kt", ALONG_T);
    if (g->two_axes) add_token(g, "ks", ALONG_S);
    add_token(g, "kb", 0);
    g->planned = g->count;
    int groups = terse ? 1 : 1 + below(g, 3);
    for (int i = 0; i < groups; i++) {
        if (chance(g, 30))
            call(g, terse ? 1 : 2);
        else
            equations(g, 1 + below(g, terse ? 1 : 3), terse ? 2 : 2 + below(g, 2));
    }
    losses(g);
    return PRINT("%smodel random {\n%s%s}\n", CELLS, text_string(g->head), text_string(g->body));
}
