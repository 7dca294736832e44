/* optimiser_real.h: the loops over parameters of one type. optimiser.c includes it twice: REAL is the type, SQRT its
 * root, RULE(x) the name of a function of that type.
 *
 * The equations stand in optimisers.def. Coefficients are rounded once from double; loops have no branches and no
 * aliases, so that the compiler makes vectors of them. No include guard: it is meant to be expanded more than once. */

typedef struct RULE(range) {
    REAL *w;
    const REAL *g;
    REAL *slot[OPTIMISER_MAX_SLOTS]; /* NULL beyond the rule's */
    size_t n;
} RULE(range);

static void RULE(sgd)(const RULE(range) * x, const coefficients *k)
{
    REAL *restrict w = x->w;
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay;
    for (size_t i = 0; i < x->n; i++) w[i] -= rate * (g[i] + decay * w[i]);
}

static void RULE(momentum)(const RULE(range) * x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict m = x->slot[0];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, keep = (REAL)k->momentum;
    for (size_t i = 0; i < x->n; i++) {
        m[i] = keep * m[i] + (g[i] + decay * w[i]);
        w[i] -= rate * m[i];
    }
}

static void RULE(nesterov)(const RULE(range) * x, const coefficients *k)
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

static void RULE(rmsprop)(const RULE(range) * x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict v = x->slot[0], *restrict m = x->slot[1];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, keep = (REAL)k->momentum, epsilon = (REAL)k->epsilon;
    const REAL old = (REAL)k->rho, new = (REAL)(1 - k->rho);
    for (size_t i = 0; i < x->n; i++) {
        REAL d = g[i] + decay * w[i];
        v[i] = old * v[i] + new *d *d;
        m[i] = keep * m[i] + d / (SQRT(v[i]) + epsilon);
        w[i] -= rate * m[i];
    }
}

static void RULE(adagrad)(const RULE(range) * x, const coefficients *k)
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

static void RULE(adadelta)(const RULE(range) * x, const coefficients *k)
{
    REAL *restrict w = x->w, *restrict v = x->slot[0], *restrict u = x->slot[1];
    const REAL *restrict g = x->g;
    const REAL rate = (REAL)k->rate, decay = (REAL)k->decay, epsilon = (REAL)k->epsilon;
    const REAL old = (REAL)k->rho, new = (REAL)(1 - k->rho);
    for (size_t i = 0; i < x->n; i++) {
        REAL d = g[i] + decay * w[i];
        v[i] = old * v[i] + new *d *d;
        REAL s = d * SQRT(u[i] + epsilon) / SQRT(v[i] + epsilon);
        u[i] = old * u[i] + new *s *s;
        w[i] -= rate * s;
    }
}

/* What adam and adamw share; `keep` is 1 - r weight_decay where the decay is decoupled, `decay` is that of L2. */
static void RULE(moments)(const RULE(range) * x, const coefficients *k, double keep_weight, double l2)
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

static void RULE(adam)(const RULE(range) * x, const coefficients *k) { RULE(moments)(x, k, 1, k->decay); }
static void RULE(adamw)(const RULE(range) * x, const coefficients *k)
{
    RULE(moments)(x, k, 1 - k->rate * k->decay, 0);
}

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

/* An update, cut into ranges of parameters for several threads. */
typedef struct RULE(cut) {
    const optimiser *p;
    const trainable *m;
    const coefficients *k;
    REAL *w, *g;
    double by; /* gradients are multiplied by it; 1: they are not */
    int parts;
    double squares[PARTS_MAX]; /* of each part */
} RULE(cut);

static size_t RULE(begin)(const RULE(cut) * c, int part) { return c->p->size / (size_t)c->parts * (size_t)part; }
static size_t RULE(end)(const RULE(cut) * c, int part)
{
    return part + 1 == c->parts ? c->p->size : RULE(begin)(c, part + 1);
}

static void RULE(square_part)(void *context, int part)
{
    RULE(cut) *c = context;
    size_t begin = RULE(begin)(c, part);
    c->squares[part] = RULE(squares)(c->g + begin, RULE(end)(c, part) - begin);
}

static double RULE(norm)(RULE(cut) * c)
{
    double sum = 0;
    parts_run(c->parts, RULE(square_part), c);
    for (int i = 0; i < c->parts; i++) sum += c->squares[i];
    return sqrt(sum);
}

static void RULE(update_part)(void *context, int part)
{
    static void (*const rules[RULE_COUNT])(const RULE(range) *, const coefficients *) = {
#define OPTIMISER(name, slots, source) RULE(name),
#include "train/optimisers.def"
    };
    const RULE(cut) *c = context;
    size_t begin = RULE(begin)(c, part), end = RULE(end)(c, part);
    coefficients k = *c->k;
    if (c->by < 1) RULE(multiply)(c->g + begin, end - begin, c->by);
    for (size_t i = 0; i < c->m->params; i++) {
        size_t at = c->m->param[i].offset, next = at + c->m->param[i].size;
        at = at > begin ? at : begin;
        next = next < end ? next : end;
        if (at >= next) continue;
        RULE(range) x = {.w = c->w + at, .g = c->g + at, .n = next - at};
        for (int s = 0; s < c->p->slots; s++) x.slot[s] = (REAL *)c->p->slot[s] + at;
        k.rate = c->k->rate * c->p->group_factor[i];
        rules[c->p->options.rule](&x, &k);
    }
}

/* Clips, updates, returns the norm before. */
static double RULE(update)(const optimiser *p, const trainable *m, const coefficients *k, REAL *w, REAL *g)
{
    const optimiser_options *o = &p->options;
    RULE(cut) c = {.p = p, .m = m, .k = k, .w = w, .g = g, .by = 1, .parts = 1};
    if (p->size >= WORTH_PARTS && m->threads > 1) c.parts = m->threads < PARTS_MAX ? m->threads : PARTS_MAX;
    double norm = RULE(norm)(&c);
    if (!isfinite(norm)) return norm;
    if (o->clip_value > 0) RULE(clamp)(g, p->size, o->clip_value);
    if (o->clip_norm > 0) c.by = o->clip_norm / ((o->clip_value > 0 ? RULE(norm)(&c) : norm) + CLIP_EPSILON);
    parts_run(c.parts, RULE(update_part), &c);
    return norm;
}
