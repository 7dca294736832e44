/* recurrent.c: the equations of recurrent.h, one step after the other. */
#include "exchange/recurrent.h"
#include <math.h>
#include <string.h>

static double activation_value(activation a, double x)
{
    switch (a.kind) {
    case ACTIVATION_Sigmoid: return 1 / (1 + exp(-x));
    case ACTIVATION_Tanh: return tanh(x);
    case ACTIVATION_Relu: return x > 0 ? x : 0;
    case ACTIVATION_Affine: return a.alpha * x + a.beta;
    case ACTIVATION_LeakyRelu: return x >= 0 ? x : a.alpha * x;
    case ACTIVATION_ThresholdedRelu: return x >= a.alpha ? x : 0;
    case ACTIVATION_ScaledTanh: return a.alpha * tanh(a.beta * x);
    case ACTIVATION_HardSigmoid: return fmin(fmax(a.alpha * x + a.beta, 0), 1);
    case ACTIVATION_Elu: return x >= 0 ? x : a.alpha * (exp(x) - 1);
    case ACTIVATION_Softsign: return x / (1 + fabs(x));
    case ACTIVATION_Softplus: return log(1 + exp(x));
    case ACTIVATION_COUNT: break;
    }
    BUG("no such activation");
}

/* What a step works on. */
typedef struct step {
    const recurrent *r;
    const double *x, *h; /* the input; the output of the step before */
    double *sum;         /* [units]: what the activation is taken of */
} step;

static double row(const double *M, int row, int columns, const double *v)
{
    double sum = 0;
    for (int k = 0; k < columns; k++) sum += M[(size_t)row * (size_t)columns + (size_t)k] * v[k];
    return sum;
}

static int block(const recurrent *r, char letter)
{
    const char *at = strchr(r->order, letter);
    if (!at || !letter) BUG("no gate %c in %s", letter, r->order);
    return (int)(at - r->order) * r->units;
}

static double from_input(const step *s, int at)
{
    return row(s->r->W, at, s->r->inputs, s->x) + (s->r->b_w ? s->r->b_w[at] : 0);
}

static double from_state(const step *s, int at)
{
    return row(s->r->R, at, s->r->outputs, s->h) + (s->r->b_r ? s->r->b_r[at] : 0);
}

static double activate(const recurrent *r, activation a, double x)
{
    if (r->clip > 0) x = fmin(fmax(x, -r->clip), r->clip);
    return activation_value(a, x);
}

static double gate(const step *s, char letter, int unit, double peephole)
{
    int at = block(s->r, letter) + unit;
    return activate(s->r, s->r->f, from_input(s, at) + from_state(s, at) + peephole);
}

static void step_simple(const step *s, double *out)
{
    for (int u = 0; u < s->r->units; u++) out[u] = gate(s, 'h', u, 0);
}

static void step_gated(const step *s, double *out)
{
    const recurrent *r = s->r;
    int H = r->units, h = block(r, 'h');
    for (int u = 0; u < H; u++) s->sum[u] = gate(s, 'r', u, 0) * s->h[u];
    for (int u = 0; u < H; u++) {
        double reset = gate(s, 'r', u, 0), z = gate(s, 'z', u, 0), n;
        double before = row(r->R, h + u, H, s->sum) + (r->b_r ? r->b_r[h + u] : 0);
        n = activate(r, r->g, from_input(s, h + u) + (r->reset_after ? reset * from_state(s, h + u) : before));
        out[u] = (1 - z) * n + z * s->h[u];
    }
}

static void step_long_short(const step *s, double *c, double *out)
{
    const recurrent *r = s->r;
    int H = r->units;
    const double *p = r->peephole;
    for (int u = 0; u < H; u++) {
        double i = gate(s, 'i', u, p ? p[u] * c[u] : 0);
        double f = r->input_forget ? 1 - i : gate(s, 'f', u, p ? p[2 * H + u] * c[u] : 0);
        int at = block(r, 'c') + u;
        c[u] = f * c[u] + i * activate(r, r->g, from_input(s, at) + from_state(s, at));
        s->sum[u] = gate(s, 'o', u, p ? p[H + u] * c[u] : 0) * activate(r, r->h, c[u]);
    }
    for (int k = 0; k < r->outputs; k++) out[k] = r->projection ? row(r->projection, k, H, s->sum) : s->sum[k];
}

void recurrent_run(arena *a, const recurrent *r, const double *x, int steps, bool reverse, double *h, double *c,
                   double *y)
{
    double *sum = ARENA_ARRAY(a, double, (size_t)r->units);
    for (int n = 0; n < steps; n++) {
        int t = reverse ? steps - 1 - n : n;
        double *out = y + (size_t)t * (size_t)r->outputs;
        step s = {r, x + (size_t)t * (size_t)r->inputs, h, sum};
        switch (r->equations) {
        case RECURRENCE_SIMPLE: step_simple(&s, out); break;
        case RECURRENCE_GATED: step_gated(&s, out); break;
        case RECURRENCE_LONG_SHORT: step_long_short(&s, c, out); break;
        }
        memcpy(h, out, (size_t)r->outputs * sizeof *h);
    }
}
