/* losses.c: losses against their definitions, computed another way: ctc by going through every way to say the labels,
 * the mean of cross_entropy with ignored, weighted and smoothed targets by its sum. The interpreter of graphs
 * computes. */
#include "lower/lower.h"
#include "oracle/oracle.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3, T = 5, S = 3, B = 4 };

static double draw(uint64_t *random) /* in [0, 1) */
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*random >> 40) / (double)(1 << 24);
}

/* The loss of the spec on inputs in the order of their declarations. */
static double loss_of(const char *spec, const double *const *inputs, const int *t, const int *s)
{
    arena *a = arena_new();
    names *n = names_new(a);
    diags *d = diags_new(a, sources_new(a));
    model_options o = {.path = "test.rnn", .text = spec, .length = strlen(spec)};
    model *m = model_check(a, n, d, &o);
    if (!m) diag_print(d, stdout, DIAG_TEXT, false);
    ck_assert_ptr_nonnull(m);
    graph *g = lower_model(a, n, m, (lower_options){.mode = LOWER_INFERENCE, .targets = true, .loss = true});
    oracle_call call = {.inputs = inputs, .batch = B, .steps = {0, T, S}, .lengths = {NULL, t, s}};
    oracle *interpreter = oracle_new(g, &call);
    double loss;
    oracle_value(interpreter, g->loss, &loss);
    oracle_free(interpreter);
    arena_free(a);
    return loss;
}

/* log p of the class at a step, from logits x[t][b][CLASSES]. */
static double log_p(const double *x, int t, int b, int k)
{
    const double *z = x + (t * B + b) * CLASSES;
    double sum = 0;
    for (int i = 0; i < CLASSES; i++) sum += exp(z[i]);
    return z[k] - log(sum);
}

/* ---- ctc --------------------------------------------------------------------------------------------------------- */

/* Does the path, a class for each step, say the labels of sequence b? */
static bool says(const int *path, int steps, int blank, const double *labels, int b, int count)
{
    int said = 0;
    for (int t = 0; t < steps; t++) {
        if (path[t] == blank || (t && path[t] == path[t - 1])) continue;
        if (said == count || path[t] != (int)labels[said * B + b]) return false;
        said++;
    }
    return said == count;
}

static double every_way(const double *x, int steps, int blank, const double *labels, int b, int count)
{
    int paths = 1;
    double sum = 0;
    for (int t = 0; t < steps; t++) paths *= CLASSES;
    for (int p = 0; p < paths; p++) {
        int path[T], rest = p;
        double one = 0;
        for (int t = 0; t < steps; t++, rest /= CLASSES) one += log_p(x, t, b, path[t] = rest % CLASSES);
        if (says(path, steps, blank, labels, b, count)) sum += exp(one);
    }
    return sum > 0 ? -log(sum) : 1e30;
}

START_TEST(ctc)
{
    static const char *const spec[] = {
        "model m {\n input x[t] : real(3)\n target y[s] : token(3)\n p = softmax(x)\n loss total ctc(p, y)\n}\n",
        "model m {\n input x[t] : real(3)\n target y[s] : token(3)\n p = softmax(x)\n loss total ctc(p, y, blank = "
        "1)\n}\n",
        "model m {\n input x[t] : real(3)\n target y[s] : token(3)\n p = softmax(x)\n loss total ctc(p, y, blank = "
        "2)\n}\n",
    };
    uint64_t random = 99 + (uint64_t)_i;
    double x[T * B * CLASSES], y[S * B], expected = 0;
    int blank = _i % CLASSES, t[B], s[B];
    bool impossible = false;
    for (int i = 0; i < T * B * CLASSES; i++) x[i] = 6 * draw(&random) - 3;
    for (int i = 0; i < S * B; i++) y[i] = (blank + (draw(&random) < 0.5 ? 1 : 2)) % CLASSES;
    for (int b = 0; b < B; b++) {
        t[b] = 1 + (int)(T * draw(&random));
        s[b] = 1 + (int)(S * draw(&random));
    }
    if (_i % 4 == 0) s[2] = 0; /* absent */
    const double *inputs[] = {x, y};
    for (int b = 0; b < B; b++) {
        double one = s[b] ? every_way(x, t[b], blank, y, b, s[b]) : 0;
        impossible = impossible || one == 1e30;
        expected += one;
    }
    double found = loss_of(spec[blank], inputs, t, s);
    ck_assert_msg(fabs(found - expected) <= 1e-12 * fabs(expected), "%d: %.17g, expected %.17g", _i, found, expected);
    ck_assert_int_eq(found > 1e29, impossible);
}
END_TEST

/* Far apart: nothing overflows, nothing is lost. One label over two steps: (y y), (y blank), (blank y). */
START_TEST(ctc_extremes)
{
    static const char spec[] =
        "model m {\n input x[t] : real(3)\n target y[s] : token(3)\n p = softmax(x)\n loss total ctc(p, y)\n}\n";
    double x[T * B * CLASSES] = {0}, y[S * B];
    int t[B] = {2, 0, 0, 0}, s[B] = {1, 0, 0, 0};
    for (int i = 0; i < S * B; i++) y[i] = 1;
    x[2] = x[B * CLASSES + 2] = 800; /* class 2 is nearly sure at both steps */
    const double *inputs[] = {x, y};
    ck_assert_double_eq_tol(loss_of(spec, inputs, t, s), 1600 - log(3), 1e-9);
}
END_TEST

/* ---- cross_entropy ----------------------------------------------------------------------------------------------- */

START_TEST(options)
{
    static const char spec[] =
        "model m {\n input x[t] : real(3)\n target y[t] : token(3)\n"
        " const w = vector(0.5, 2, 3)\n p = softmax(x)\n e = cross_entropy(p, y, smoothing = 0.3,"
        " ignore = 1, weights = w)\n loss 0.25 * e\n}\n";
    static const double w[] = {0.5, 2, 3};
    uint64_t random = 5 + (uint64_t)_i;
    double x[T * B * CLASSES], y[T * B], sum = 0, count = 0;
    int t[B] = {5, 2, 1, 4};
    for (int i = 0; i < T * B * CLASSES; i++) x[i] = 4 * draw(&random) - 2;
    for (int i = 0; i < T * B; i++) y[i] = _i ? floor(CLASSES * draw(&random)) : 1; /* 0: all are ignored */
    for (int b = 0; b < B; b++)
        for (int k = 0; k < t[b]; k++) {
            int target = (int)y[k * B + b];
            if (target == 1) continue;
            count += w[target];
            sum -= 0.7 * w[target] * log_p(x, k, b, target);
            for (int i = 0; i < CLASSES; i++) sum -= 0.1 * w[i] * log_p(x, k, b, i);
        }
    const double *inputs[] = {x, y};
    double expected = count > 0 ? 0.25 * sum / count : 0;
    ck_assert_double_eq_tol(loss_of(spec, inputs, t, NULL), expected, 1e-12);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("losses");
    TCase *all = tcase_create("losses");
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, ctc, 0, 60);
    tcase_add_test(all, ctc_extremes);
    tcase_add_loop_test(all, options, 0, 6);
    suite_add_tcase(s, all);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
