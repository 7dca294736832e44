/* optimiser.c: tests of the rules, schedules, clipping and groups.
 *
 * The rules are held against recurrences of one component written here in long double, from the papers' equations and
 * not from the loops under test, and where there is one against a closed form. (tests/train_torch holds them against
 * torch.optim.) */
#define _GNU_SOURCE 1
#include "train/optimiser.h"
#include "train/checkpoint.h"
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 23 }; /* not a multiple of anything, so that loops have a rest */

static train_param params[] = {
    {.name = "a.W", .rank = 2, .dims = {3, 4}, .offset = 0, .size = 12},
    {.name = "a.b", .rank = 1, .dims = {4}, .offset = 12, .size = 4},
    {.name = "b.W", .rank = 1, .dims = {7}, .offset = 16, .size = 7},
};

static trainable model_of(size_t real_size)
{
    return (trainable){.model = "m", .hash = "0", .real_size = real_size, .size = SIZE, .param = params, .params = 3};
}

/* An array of reals of either type. */
typedef struct array {
    size_t real_size;
    union {
        float f[SIZE];
        double d[SIZE];
    } of;
} array;

static void *reals(array *a) { return &a->of; }
static double get(const array *a, size_t i) { return a->real_size == sizeof(double) ? a->of.d[i] : (double)a->of.f[i]; }
static void set(array *a, size_t i, double v)
{
    if (a->real_size == sizeof(double))
        a->of.d[i] = v;
    else
        a->of.f[i] = (float)v;
}

/* A weight to begin with, and the gradient of component i in update t. */
static double weight_at(size_t i) { return cos((double)i) / 2; }
static double gradient_at(size_t i, uint64_t t)
{
    return sin((double)i * 3 + (double)t * (double)t) * (i % 5 ? 1 : 1e-3);
}

static void put_weights(array *w)
{
    for (size_t i = 0; i < SIZE; i++) set(w, i, weight_at(i));
}

static void put_gradient(array *g, uint64_t t)
{
    for (size_t i = 0; i < SIZE; i++) set(g, i, gradient_at(i, t));
}

static optimiser *make(const optimiser_options *o, const trainable *m)
{
    optimiser *p = optimiser_new(o, m);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

/* One component: its weight and what the rule remembers. */
typedef struct component {
    long double w, first, second;
} component;

static void reference(const optimiser_options *o, component *c, long double g, int t)
{
    long double r = o->rate, old = c->w;
    if (o->rule != RULE_adamw) g += o->weight_decay * old;
    switch (o->rule) {
    case RULE_sgd: c->w -= r * g; break;
    case RULE_momentum:
    case RULE_nesterov:
        c->first = o->momentum * c->first + g;
        c->w -= o->rule == RULE_momentum ? r * c->first : r * g + r * o->momentum * c->first;
        break;
    case RULE_rmsprop:
        c->first = c->first * o->rho + g * g * (1 - o->rho);
        c->second = o->momentum * c->second + g / (o->epsilon + sqrtl(c->first));
        c->w -= r * c->second;
        break;
    case RULE_adagrad:
        c->first += g * g;
        c->w -= r / (sqrtl(c->first) + o->epsilon) * g;
        break;
    case RULE_adadelta: {
        c->first = c->first * o->rho + g * g * (1 - o->rho);
        long double s = sqrtl((c->second + o->epsilon) / (c->first + o->epsilon)) * g;
        c->second = c->second * o->rho + s * s * (1 - o->rho);
        c->w -= r * s;
        break;
    }
    case RULE_adam:
    case RULE_adamw:
        c->first = o->beta1 * c->first + (1 - o->beta1) * g;
        c->second = o->beta2 * c->second + (1 - o->beta2) * g * g;
        c->w -= r * (c->first / (1 - powl(o->beta1, t))) / (sqrtl(c->second / (1 - powl(o->beta2, t))) + o->epsilon);
        if (o->rule == RULE_adamw) c->w -= r * o->weight_decay * old;
        break;
    case RULE_COUNT: ck_abort();
    }
}

static void follow(optimiser_options o, size_t real_size, double bound)
{
    trainable m = model_of(real_size);
    optimiser *p = make(&o, &m);
    array w = {.real_size = real_size}, g = w;
    component c[SIZE] = {{0}};
    put_weights(&w);
    for (size_t i = 0; i < SIZE; i++) c[i].w = get(&w, i);
    for (int t = 1; t <= 50; t++) {
        put_gradient(&g, (uint64_t)t);
        for (size_t i = 0; i < SIZE; i++) reference(&o, &c[i], get(&g, i), t);
        optimiser_update(p, &m, reals(&w), reals(&g), 0);
        for (size_t i = 0; i < SIZE; i++)
            ck_assert_msg(fabsl(c[i].w - get(&w, i)) <= bound * (1 + fabsl(c[i].w)),
                          "%s, update %d, component %zu: %.17g, not %.17Lg", optimiser_rule_name(o.rule), t, i,
                          get(&w, i), c[i].w);
    }
    ck_assert_uint_eq(p->updates, 50);
    optimiser_free(p);
}

START_TEST(rules_follow_their_equations)
{
    optimiser_options o = optimiser_defaults((optimiser_rule)_i, SCHEDULE_constant);
    follow(o, sizeof(double), 1e-13);
    follow(o, sizeof(float), 3e-6);
    o.weight_decay = 0.3;
    o.rate *= 3;
    o.epsilon *= 1000;
    if (optimiser_takes(o.rule, "momentum")) o.momentum = 0.6;
    if (optimiser_takes(o.rule, "rho")) o.rho = 0.7;
    if (optimiser_takes(o.rule, "beta1")) o.beta1 = 0.5, o.beta2 = 0.8;
    follow(o, sizeof(double), 1e-13);
    follow(o, sizeof(float), 3e-6);
}
END_TEST

/* The step of a component from weight 1 after `updates` with the gradient 2 throughout, nothing decaying. */
static double moved(optimiser_rule r, int updates)
{
    trainable m = model_of(sizeof(double));
    optimiser_options o = optimiser_defaults(r, SCHEDULE_constant);
    o.rate = 0.1;
    o.epsilon = r == RULE_adadelta ? 1e-6 : 0;
    o.weight_decay = 0;
    optimiser *p = make(&o, &m);
    array w = {.real_size = sizeof(double)}, g = w;
    for (size_t i = 0; i < SIZE; i++) set(&w, i, 1);
    for (int t = 0; t < updates; t++) {
        for (size_t i = 0; i < SIZE; i++) set(&g, i, 2);
        optimiser_update(p, &m, reals(&w), reals(&g), 0);
    }
    optimiser_free(p);
    return get(&w, 7) - 1;
}

START_TEST(rules_have_their_closed_forms)
{
    const double near = 1e-12;
    /* sgd: -r g t; momentum: -r g sum of (1 - mu^k) / (1 - mu); nesterov likewise, one further. */
    ck_assert_double_eq_tol(moved(RULE_sgd, 5), -1, near);
    ck_assert_double_eq_tol(moved(RULE_momentum, 3), -0.2 * (1 + 1.9 + 2.71), near);
    ck_assert_double_eq_tol(moved(RULE_nesterov, 2), -0.2 * (1.9 + 2.71), near);
    /* rmsprop: the first step is r / sqrt(1 - rho); adagrad: r / sqrt(k). */
    ck_assert_double_eq_tol(moved(RULE_rmsprop, 1), -0.1 / sqrt(0.01), near);
    ck_assert_double_eq_tol(moved(RULE_adagrad, 3), -0.1 * (1 + 1 / sqrt(2) + 1 / sqrt(3)), near);
    /* adadelta: the first step is r g sqrt(eps / ((1 - rho) g^2 + eps)). */
    ck_assert_double_eq_tol(moved(RULE_adadelta, 1), -0.2 * sqrt(1e-6 / (0.1 * 4 + 1e-6)), near);
    /* adam: with a constant gradient every step is r sign(g), whatever its size. */
    ck_assert_double_eq_tol(moved(RULE_adam, 1), -0.1, near);
    ck_assert_double_eq_tol(moved(RULE_adam, 7), -0.7, near);
    ck_assert_double_eq_tol(moved(RULE_adamw, 7), -0.7, near);
}
END_TEST

START_TEST(first_adam_step_is_the_sign)
{
    trainable m = model_of(sizeof(float));
    optimiser_options o = optimiser_defaults(RULE_adam, SCHEDULE_constant);
    o.epsilon = 0;
    optimiser *p = make(&o, &m);
    array w = {.real_size = sizeof(float)}, g = w;
    put_gradient(&g, 3);
    for (size_t i = 0; i < SIZE; i++) set(&w, i, 0);
    optimiser_update(p, &m, reals(&w), reals(&g), 0);
    for (size_t i = 0; i < SIZE; i++) ck_assert_double_eq_tol(get(&w, i), -copysign(0.001, gradient_at(i, 3)), 1e-9);
    optimiser_free(p);
}
END_TEST

START_TEST(decay_is_decoupled_for_adamw_alone)
{
    for (optimiser_rule r = 0; r < RULE_COUNT; r++) {
        trainable m = model_of(sizeof(double));
        optimiser_options o = optimiser_defaults(r, SCHEDULE_constant);
        o.weight_decay = 0.5;
        o.rate = 0.01;
        optimiser *p = make(&o, &m);
        array w = {.real_size = sizeof(double)}, g = w;
        put_weights(&w);
        optimiser_update(p, &m, reals(&w), reals(&g), 0); /* the gradient is 0 */
        for (size_t i = 0; i < SIZE; i++) {
            bool exact = r == RULE_adamw || r == RULE_sgd || r == RULE_momentum;
            if (exact)
                ck_assert_double_eq_tol(get(&w, i), 0.995 * weight_at(i), 1e-15);
            else
                ck_assert((get(&w, i) - weight_at(i)) * weight_at(i) < 0); /* towards 0, or beyond */
        }
        optimiser_free(p);
    }
}
END_TEST

/* ---- schedules --------------------------------------------------------------------------------------------------- */

static double rate_at(const optimiser_options *o, uint64_t updates, double epoch)
{
    trainable m = model_of(sizeof(float));
    optimiser *p = make(o, &m);
    p->updates = updates;
    double r = optimiser_rate(p, epoch);
    optimiser_free(p);
    return r;
}

static optimiser_options scheduled(schedule_kind s)
{
    optimiser_options o = optimiser_defaults(RULE_sgd, s);
    o.rate = 2;
    return o;
}

START_TEST(schedules_by_epoch)
{
    optimiser_options o = scheduled(SCHEDULE_constant);
    ck_assert_double_eq(rate_at(&o, 1000, 99.5), 2);
    o = scheduled(SCHEDULE_step);
    o.factor = 0.5;
    o.every = 3;
    static const double steps[] = {2, 2, 2, 1, 1, 1, 0.5};
    for (int e = 0; e < 7; e++) ck_assert_double_eq(rate_at(&o, 0, e + 0.99), steps[e]);
    o = scheduled(SCHEDULE_halving);
    ck_assert(o.factor == 0.5 && o.after == 4);
    static const double halves[] = {2, 2, 2, 2, 1, 0.5, 0.25};
    for (int e = 0; e < 7; e++) ck_assert_double_eq(rate_at(&o, 0, e + 0.5), halves[e]);
    o = scheduled(SCHEDULE_exponential);
    o.factor = 0.25;
    ck_assert_double_eq(rate_at(&o, 0, 0), 2);
    ck_assert_double_eq(rate_at(&o, 0, 0.5), 1);
    ck_assert_double_eq(rate_at(&o, 0, 2), 0.125);
}
END_TEST

START_TEST(schedules_by_update)
{
    optimiser_options o = scheduled(SCHEDULE_cosine);
    o.total = 100;
    ck_assert_double_eq(rate_at(&o, 0, 0), 2);
    ck_assert_double_eq_tol(rate_at(&o, 25, 0), 1 + sqrt(0.5), 1e-14);
    ck_assert_double_eq_tol(rate_at(&o, 50, 0), 1, 1e-14);
    ck_assert_double_eq_tol(rate_at(&o, 100, 0), 0, 1e-14);
    ck_assert_double_eq_tol(rate_at(&o, 150, 0), 0, 1e-14);
    o.schedule = SCHEDULE_linear;
    ck_assert_double_eq(rate_at(&o, 25, 0), 1.5);
    ck_assert_double_eq(rate_at(&o, 100, 0), 0);
    o.warm_up = 20; /* 1/20, 2/20, ..., 1, then down over the 80 that are left */
    ck_assert_double_eq(rate_at(&o, 0, 0), 0.1);
    ck_assert_double_eq(rate_at(&o, 9, 0), 1);
    ck_assert_double_eq(rate_at(&o, 19, 0), 2);
    ck_assert_double_eq(rate_at(&o, 20, 0), 2);
    ck_assert_double_eq(rate_at(&o, 40, 0), 1.5);
    ck_assert_double_eq(rate_at(&o, 100, 0), 0);
    o.schedule = SCHEDULE_cosine;
    ck_assert_double_eq(rate_at(&o, 4, 0), 0.5);
    ck_assert_double_eq_tol(rate_at(&o, 60, 0), 1, 1e-14);
    for (schedule_kind s = 0; s < SCHEDULE_COUNT; s++) { /* warming up combines with all */
        optimiser_options with = scheduled(s), without = with;
        with.total = without.total = 1000;
        without.warm_up = 0;
        with.warm_up = 10;
        ck_assert_double_eq_tol(rate_at(&with, 4, 0.5), rate_at(&without, 0, 0.5) / 2, 1e-14);
    }
}
END_TEST

/* As torch's ReduceLROnPlateau(patience=2, factor=0.5): the third bad epoch in a row lowers the rate. */
START_TEST(plateau_lowers_after_patience)
{
    trainable m = model_of(sizeof(float));
    optimiser_options o = scheduled(SCHEDULE_plateau);
    o.factor = 0.5;
    o.patience = 2;
    optimiser *p = make(&o, &m);
    static const struct {
        double loss, rate;
    } epochs[] = {
        {5, 2},        {4, 2},      {4, 2},   {3.9999, 2}, {4.1, 1},        {4, 1},    {3.99, 1},  {NAN, 1},
        {INFINITY, 1}, {3.99, 0.5}, {3, 0.5}, {-1, 0.5},   {-1.00001, 0.5}, {-1, 0.5}, {-1, 0.25}, {-2, 0.25},
    };
    for (size_t e = 0; e < sizeof epochs / sizeof *epochs; e++) {
        optimiser_epoch(p, epochs[e].loss);
        ck_assert_msg(optimiser_rate(p, (double)e) == epochs[e].rate, "epoch %zu: %g", e, optimiser_rate(p, (double)e));
    }
    optimiser_free(p);
    o.schedule = SCHEDULE_constant;
    p = make(&o, &m);
    for (int e = 0; e < 20; e++) optimiser_epoch(p, 1);
    ck_assert_double_eq(optimiser_rate(p, 20), 2);
    optimiser_free(p);
}
END_TEST

/* ---- clipping, groups -------------------------------------------------------------------------------------------- */

static const size_t real_sizes[] = {sizeof(float), sizeof(double)};

/* One update by sgd with rate 1 from weight 0: the weights are the clipped gradient with its sign turned. */
static double clipped(size_t real_size, double clip_norm, double clip_value, array *g, array *w)
{
    trainable m = model_of(real_size);
    optimiser_options o = optimiser_defaults(RULE_sgd, SCHEDULE_constant);
    o.rate = 1;
    o.clip_norm = clip_norm;
    o.clip_value = clip_value;
    optimiser *p = make(&o, &m);
    *w = (array){.real_size = real_size};
    double norm = optimiser_update(p, &m, reals(w), reals(g), 0);
    ck_assert(p->updates == isfinite(norm));
    for (size_t i = 0; i < SIZE && isfinite(norm); i++) ck_assert(get(w, i) == -get(g, i));
    optimiser_free(p);
    return norm;
}

START_TEST(clipping)
{
    size_t size = real_sizes[_i];
    const double near = size == sizeof(float) ? 1e-6 : 1e-14;
    array g = {.real_size = size}, w;
    set(&g, 3, 3);
    set(&g, 22, -4);
    array original = g;
    ck_assert_double_eq(clipped(size, 0, 0, &g, &w), 5);
    ck_assert_double_eq(get(&g, 22), -4);
    ck_assert_double_eq(clipped(size, 5.1, 0, &g, &w), 5);
    ck_assert_double_eq(get(&g, 22), -4);
    ck_assert_double_eq(clipped(size, 1, 0, &g, &w), 5);
    ck_assert_double_eq_tol(get(&g, 3), 3 / (5 + 1e-6), near);
    ck_assert_double_eq_tol(get(&g, 22), -4 / (5 + 1e-6), near);
    g = original;
    ck_assert_double_eq(clipped(size, 0, 3.5, &g, &w), 5);
    ck_assert(get(&g, 3) == 3 && get(&g, 22) == -3.5);
    g = original;
    ck_assert_double_eq(clipped(size, 1, 2, &g, &w), 5); /* 2, -2, then to the norm 1 */
    ck_assert_double_eq_tol(get(&g, 22), -2 / (sqrt(8) + 1e-6), near);
    for (size_t i = 0; i < SIZE; i++) set(&g, i, 1e30); /* squares that a float does not hold */
    ck_assert_double_eq_tol(clipped(size, 1, 0, &g, &w) / (1e30 * sqrt(SIZE)), 1, 1e-7);
    ck_assert_double_eq_tol(get(&g, 5), 1 / sqrt(SIZE), 1e-6);
}
END_TEST

/* A model that is large enough: three threads do what one does, to the bit but for the norm that clips. */
START_TEST(threads_share_an_update)
{
    enum { LARGE = (1 << 19) + 7 };
    train_param parts[] = {
        {.name = "a", .rank = 1, .dims = {250001}, .offset = 0, .size = 250001},
        {.name = "b", .rank = 1, .dims = {LARGE - 250001}, .offset = 250001, .size = LARGE - 250001}};
    optimiser_options o = optimiser_defaults(_i ? RULE_adam : RULE_sgd, SCHEDULE_constant);
    rate_group halves[] = {{.pattern = "b", .factor = 0.5}};
    float *w[4], *g[4];
    double norm[4];
    o.group = halves;
    o.groups = 1;
    for (int k = 0; k < 4; k++) { /* one and three threads, without and with clipping */
        trainable m = {.model = "m",
                       .hash = "0",
                       .real_size = sizeof(float),
                       .size = LARGE,
                       .param = parts,
                       .params = 2,
                       .threads = k % 2 ? 3 : 1};
        o.clip_norm = k < 2 ? 0 : 2;
        optimiser *p = make(&o, &m);
        w[k] = calloc(LARGE, sizeof(float));
        g[k] = calloc(LARGE, sizeof(float));
        ck_assert(w[k] && g[k]);
        for (uint64_t t = 1; t <= 2; t++) {
            for (size_t i = 0; i < LARGE; i++) g[k][i] = (float)gradient_at(i, t);
            norm[k] = optimiser_update(p, &m, w[k], g[k], 0);
        }
        optimiser_free(p);
    }
    ck_assert_int_eq(memcmp(w[0], w[1], LARGE * sizeof(float)), 0);
    ck_assert_double_eq_tol(norm[3] / norm[2], 1, 1e-12);
    for (size_t i = 0; i < LARGE; i++) {
        ck_assert_msg(fabsf(w[3][i] - w[2][i]) <= 1e-5F * fabsf(w[2][i]), "weight %zu: %g, %g", i, (double)w[3][i],
                      (double)w[2][i]);
    }
    ck_assert(w[0][LARGE - 1] != 0);
    for (int k = 0; k < 4; k++) {
        free(w[k]);
        free(g[k]);
    }
}
END_TEST

START_TEST(a_norm_that_is_no_number_changes_nothing)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t at = 0; at < SIZE; at++)
        for (optimiser_rule r = 0; r < RULE_COUNT; r++) {
            trainable m = model_of(real_sizes[_i]);
            optimiser_options o = optimiser_defaults(r, SCHEDULE_constant);
            o.clip_norm = o.clip_value = 1;
            optimiser *p = make(&o, &m);
            array w = {.real_size = m.real_size}, g = w;
            put_weights(&w);
            put_gradient(&g, 1);
            optimiser_update(p, &m, reals(&w), reals(&g), 0);
            put_gradient(&g, 2);
            set(&g, at, bad[at % 3]);
            array w0 = w, g0 = g, slots[OPTIMISER_MAX_SLOTS];
            for (int s = 0; s < p->slots; s++) memcpy(reals(&slots[s]), p->slot[s], SIZE * m.real_size);
            ck_assert(!isfinite(optimiser_update(p, &m, reals(&w), reals(&g), 0)));
            ck_assert_mem_eq(reals(&w), reals(&w0), SIZE * m.real_size);
            ck_assert_mem_eq(reals(&g), reals(&g0), SIZE * m.real_size);
            for (int s = 0; s < p->slots; s++) ck_assert_mem_eq(p->slot[s], reals(&slots[s]), SIZE * m.real_size);
            ck_assert_uint_eq(p->updates, 1);
            optimiser_free(p);
        }
}
END_TEST

START_TEST(groups_have_their_rates)
{
    trainable m = model_of(sizeof(double));
    optimiser_options o = optimiser_defaults(RULE_sgd, SCHEDULE_constant);
    rate_group group[] = {{"a.b", 0}, {"a.*", 0.5}, {"*.b", 7}}; /* the first that fits counts */
    o.rate = 0.1;
    o.group = group;
    o.groups = 3;
    char *error = NULL;
    ck_assert(optimiser_check(&o, &m, &error));
    optimiser *p = make(&o, &m);
    array w = {.real_size = sizeof(double)}, g = w;
    put_weights(&w);
    for (size_t i = 0; i < SIZE; i++) set(&g, i, 1);
    optimiser_update(p, &m, reals(&w), reals(&g), 0);
    for (size_t i = 0; i < SIZE; i++)
        ck_assert_double_eq_tol(get(&w, i), weight_at(i) - (i < 12 ? 0.05 : i < 16 ? 0 : 0.1), 1e-15);
    optimiser_free(p);
    group[1].pattern = "c.?";
    ck_assert(!optimiser_check(&o, &m, &error) && strstr(error, "no parameter fits the pattern 'c.?'"));
    free(error);
}
END_TEST

/* ---- going on ---------------------------------------------------------------------------------------------------- */

static void train(optimiser *p, const trainable *m, array *w, uint64_t from, uint64_t to)
{
    for (uint64_t t = from; t < to; t++) {
        array g = {.real_size = m->real_size};
        put_gradient(&g, t);
        optimiser_update(p, m, reals(w), reals(&g), (double)t / 5);
        if (t % 5 == 4) optimiser_epoch(p, t < 20 ? 10 - (double)t / 10 : 20);
    }
}

START_TEST(resumed_is_the_same_to_the_bit)
{
    char path[] = "/tmp/rnnc-optimiser-XXXXXX", *error = NULL;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    for (int k = 0; k < 2 * SCHEDULE_COUNT; k++) {
        trainable m = model_of(real_sizes[k % 2]);
        optimiser_options o = optimiser_defaults((optimiser_rule)_i, (schedule_kind)(k / 2));
        o.weight_decay = 0.01;
        o.clip_norm = 2;
        o.warm_up = 30;
        o.total = 90;
        o.patience = 2;
        optimiser *p = make(&o, &m), *q = make(&o, &m), *r = make(&o, &m);
        array w = {.real_size = m.real_size}, half = w, back = w;
        put_weights(&w);
        put_weights(&half);
        train(p, &m, &w, 0, 80);
        train(q, &m, &half, 0, 37);
        checkpoint c = {.model = &m, .params = reals(&half), .optimiser = q};
        ck_assert_msg(checkpoint_write(path, &c, &error), "%s", error);
        checkpoint d = {.model = &m, .params = reals(&back), .optimiser = r};
        ck_assert_msg(checkpoint_read(path, &d, &error), "%s", error);
        train(r, &m, &back, 37, 80);
        ck_assert_mem_eq(reals(&w), reals(&back), SIZE * m.real_size);
        for (int s = 0; s < p->slots; s++) ck_assert_mem_eq(p->slot[s], r->slot[s], SIZE * m.real_size);
        optimiser_free(p);
        optimiser_free(q);
        optimiser_free(r);
    }
    unlink(path);
}
END_TEST

/* ---- names and options ------------------------------------------------------------------------------------------- */

/* The words of train { } and those of the lists here are the same. */
static const char *words_of(const char *key)
{
#define WHOLE(key, least)
#define NUMBER(key)
#define FRACTION(key)
#define PATTERN(key)
#define WORD(name, words)                                                                                              \
    if (strcmp(key, #name) == 0) return words;
#include "model/train.def"
    return "";
}

START_TEST(names_are_those_of_the_language)
{
    char *words = strdup(words_of("optimiser")), *rest = words;
    int n = 0;
    optimiser_rule r = RULE_COUNT;
    for (char *w; (w = strtok_r(rest, " ", &rest)); n++)
        ck_assert_msg(optimiser_rule_of(w, &r) && strcmp(optimiser_rule_name(r), w) == 0, "%s", w);
    ck_assert_int_eq(n, RULE_COUNT);
    free(words);
    rest = words = strdup(words_of("schedule"));
    schedule_kind s = SCHEDULE_COUNT;
    n = 0;
    for (char *w; (w = strtok_r(rest, " ", &rest)); n++)
        ck_assert_msg(schedule_of(w, &s) && strcmp(schedule_name(s), w) == 0, "%s", w);
    ck_assert_int_eq(n, SCHEDULE_COUNT);
    free(words);
    ck_assert(!optimiser_rule_of("Adam", &r) && !optimiser_rule_of("", &r) && !schedule_of("cos", &s));
}
END_TEST

START_TEST(options_are_checked)
{
    trainable m = model_of(sizeof(float));
    char *error = NULL;
    for (optimiser_rule r = 0; r < RULE_COUNT; r++)
        for (schedule_kind s = 0; s < SCHEDULE_COUNT; s++) {
            optimiser_options o = optimiser_defaults(r, s);
            if (schedule_takes(s, "total")) o.total = 10;
            ck_assert_msg(optimiser_check(&o, &m, &error), "%s", error);
            ck_assert(optimiser_takes(r, "rate") && o.rate > 0);
        }
    ck_assert(optimiser_takes(RULE_adam, "beta2") && !optimiser_takes(RULE_sgd, "momentum"));
    ck_assert(schedule_takes(SCHEDULE_step, "every") && !schedule_takes(SCHEDULE_step, "after"));
    ck_assert(optimiser_defaults(RULE_adamw, SCHEDULE_constant).weight_decay == 0.01);
#define REFUSED(schedule_of_it, change, part)                                                                          \
    do {                                                                                                               \
        optimiser_options o = optimiser_defaults(RULE_adam, schedule_of_it);                                           \
        o.change;                                                                                                      \
        ck_assert(!optimiser_check(&o, &m, &error));                                                                   \
        ck_assert_msg(strstr(error, part) && !strchr(error, '\n'), "%s", error);                                       \
        free(error);                                                                                                   \
        error = NULL;                                                                                                  \
    } while (0)
    REFUSED(SCHEDULE_constant, rate = -1, "rate is -1: ");
    REFUSED(SCHEDULE_constant, rate = NAN, "rate is ");
    REFUSED(SCHEDULE_constant, rate = INFINITY, "rate is inf: ");
    REFUSED(SCHEDULE_constant, beta1 = 1, "beta1 is 1: choose a number from 0 to below 1");
    REFUSED(SCHEDULE_constant, epsilon = 0, "epsilon is 0: choose a number well above 0, since a gradient that is 0");
    REFUSED(SCHEDULE_constant, epsilon = 1e-50, "epsilon is 1e-50: "); /* 0 as float */
    REFUSED(SCHEDULE_constant, clip_norm = -2, "clip is -2: ");
    REFUSED(SCHEDULE_constant, weight_decay = -2, "weight decay is -2: ");
    REFUSED(SCHEDULE_step, factor = 0, "factor is 0: ");
    REFUSED(SCHEDULE_plateau, factor = 1.5, "factor is 1.5: ");
    REFUSED(SCHEDULE_step, every = 0, "every is 0");
    REFUSED(SCHEDULE_cosine, total = 0, "cosine has 0 updates");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("optimiser");
    TCase *c = tcase_create("optimiser");
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, rules_follow_their_equations, 0, RULE_COUNT);
    tcase_add_test(c, rules_have_their_closed_forms);
    tcase_add_test(c, first_adam_step_is_the_sign);
    tcase_add_test(c, decay_is_decoupled_for_adamw_alone);
    tcase_add_test(c, schedules_by_epoch);
    tcase_add_test(c, schedules_by_update);
    tcase_add_test(c, plateau_lowers_after_patience);
    tcase_add_loop_test(c, clipping, 0, 2);
    tcase_add_loop_test(c, a_norm_that_is_no_number_changes_nothing, 0, 2);
    tcase_add_test(c, groups_have_their_rates);
    tcase_add_loop_test(c, threads_share_an_update, 0, 2);
    tcase_add_loop_test(c, resumed_is_the_same_to_the_bit, 0, RULE_COUNT);
    tcase_add_test(c, names_are_those_of_the_language);
    tcase_add_test(c, options_are_checked);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
