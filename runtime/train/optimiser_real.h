/* optimiser_real.h: the loops over parameters of one type. optimiser.c includes it twice: REAL is the type, SQRT its
 * root, RULE(x) the name of a function of that type.
 *
 * The equations stand in optimisers.def. Coefficients are rounded once from double; loops have no branches and no
 * aliases, so that the compiler makes vectors of them. No include guard: it is meant to be expanded more than once. */

typedef struct RULE(range) {
    REAL *w;
    const REAL *g;
    REAL *slot[OPTIMISER_MAX_SLOTS];   /* NULL beyond the rule's */
    size_t n;
} RULE(range);

static void RULE(sgd)(const RULE(range) *x, const coefficients *k)
{
    REAL *restrict w = x->w;
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay;
    for (size_t i = 0; i < x->n; i++) w[i] -= rate * (g[i] + decay * w[i]);
}

static void RULE(momentum)(const RULE(range) *x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict m = x->slot[0];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, keep = (REAL)k->momentum;
    for (size_t i = 0; i < x->n; i++) {
        m[i] = keep * m[i] + (g[i] + decay * w[i]);
        w[i] -= rate * m[i];
    }
}

static void RULE(nesterov)(const RULE(range) *x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict m = x->slot[0];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, keep = (REAL)k->momentum;
    for (size_t i = 0; i < x->n; i++) {
        REAL d = g[i] + decay * w[i];
        m[i] = keep * m[i] + d;
        w[i] -= rate * (d + keep * m[i]);
    }
}

static void RULE(rmsprop)(const RULE(range) *x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict v = x->slot[0], *restrict m = x->slot[1];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, keep = (REAL)k->momentum, epsilon = (REAL)k->epsilon;
    const REAL old = (REAL)k->rho, new = (REAL)(1 - k->rho);
    for (size_t i = 0; i < x->n; i++) {
        REAL d = g[i] + decay * w[i];
        v[i] = old * v[i] + new * d * d;
        m[i] = keep * m[i] + d / (SQRT(v[i]) + epsilon);
        w[i] -= rate * m[i];
    }
}

static void RULE(adagrad)(const RULE(range) *x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict v = x->slot[0];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, epsilon = (REAL)k->epsilon;
    for (size_t i = 0; i < x->n; i++) {
        REAL d = g[i] + decay * w[i];
        v[i] += d * d;
        w[i] -= rate * d / (SQRT(v[i]) + epsilon);
    }
}

static void RULE(adadelta)(const RULE(range) *x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict v = x->slot[0], *restrict u = x->slot[1];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, epsilon = (REAL)k->epsilon;
    const REAL old = (REAL)k->rho, new = (REAL)(1 - k->rho);
    for (size_t i = 0; i < x->n; i++) {
        REAL d = g[i] + decay * w[i];
        v[i] = old * v[i] + new * d * d;
        REAL s = d * SQRT(u[i] + epsilon) / SQRT(v[i] + epsilon);
        u[i] = old * u[i] + new * s * s;
        w[i] -= rate * s;
    }
}

/* What adam and adamw share; `keep` is 1 - r weight_decay where the decay is decoupled, `decay` is that of L2. */
static void RULE(moments)(const RULE(range) *x, const coefficients *k, double keep_weight, double l2)
{
    REAL *restrict w = x->w, *restrict m = x->slot[0], *restrict v = x->slot[1];
    const REAL *restrict g = x->g;
    const REAL keep = (REAL)keep_weight, decay = (REAL)l2, epsilon = (REAL)k->epsilon;
    const REAL old1 = (REAL)k->beta1, new1 = (REAL)(1 - k->beta1), old2 = (REAL)k->beta2, new2 = (REAL)(1 - k->beta2);
    const REAL rate = (REAL)(k->rate / k->correction1), root = (REAL)sqrt(k->correction2);
    for (size_t i = 0; i < x->n; i++) {
        REAL d = g[i] + decay * w[i];
        m[i] = old1 * m[i] + new1 * d;
        v[i] = old2 * v[i] + new2 * d * d;
        w[i] = keep * w[i] - rate * m[i] / (SQRT(v[i]) / root + epsilon);
    }
}

static void RULE(adam)(const RULE(range) *x, const coefficients *k) { RULE(moments)(x, k, 1, k->decay); }
static void RULE(adamw)(const RULE(range) *x, const coefficients *k) { RULE(moments)(x, k, 1 - k->rate * k->decay, 0); }

/* Sum of squares. Independent sums, since one would be a chain of additions; their order is fixed, so are the bits. */
static double RULE(squares)(const REAL *g, size_t n)
{
    double sum[SUMS] = {0}, rest = 0;
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t j = 0; j < SUMS; j++) sum[j] += (double)g[i + j] * (double)g[i + j];
    for (; i < n; i++) rest += (double)g[i] * (double)g[i];
    for (size_t j = 0; j < SUMS; j++) rest += sum[j];
    return rest;
}

static void RULE(clamp)(REAL *g, size_t n, double limit)
{
    const REAL high = (REAL)limit, low = -high;
    for (size_t i = 0; i < n; i++) {
        REAL d = g[i] > high ? high : g[i];
        g[i] = d < low ? low : d;
    }
}

static void RULE(multiply)(REAL *g, size_t n, double by)
{
    const REAL factor = (REAL)by;
    for (size_t i = 0; i < n; i++) g[i] *= factor;
}

/* Clips, updates, returns the norm before. */
static double RULE(update)(const optimiser *p, const trainable *m, coefficients *k, REAL *w, REAL *g)
{
    static void (*const rules[RULE_COUNT])(const RULE(range) *, const coefficients *) = {
#define OPTIMISER(name, slots, source) RULE(name),
#include "train/optimisers.def"
    };
    const optimiser_options *o = &p->options;
    double norm = sqrt(RULE(squares)(g, p->size));
    if (!isfinite(norm)) return norm;
    if (o->clip_value > 0) RULE(clamp)(g, p->size, o->clip_value);
    if (o->clip_norm > 0) {
        double left = o->clip_value > 0 ? sqrt(RULE(squares)(g, p->size)) : norm;
        double by = o->clip_norm / (left + CLIP_EPSILON);
        if (by < 1) RULE(multiply)(g, p->size, by);
    }
    double rate = k->rate;
    for (size_t i = 0; i < m->params; i++) {
        size_t at = m->param[i].offset;
        RULE(range) x = {.w = w + at, .g = g + at, .n = m->param[i].size};
        for (int s = 0; s < p->slots; s++) x.slot[s] = (REAL *)p->slot[s] + at;
        k->rate = rate * p->group_factor[i];
        rules[o->rule](&x, k);
    }
    return norm;
}
