/* sampler.c: tests of drawing a symbol: whatever the options, the frequencies are those that they say.
 *
 * Frequencies are counted over u = (k + 1/2) / DRAWS, so that there is no chance in them: each differs by at most one
 * draw for each symbol from what it should be. */
#include "train/sampler.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 6, DRAWS = 60000 };
static const double p0[N] = {0.05, 0.30, 0.10, 0.30, 0, 0.25};

static size_t draw(const double *p, const sample_options *o, double u)
{
    double copy[N];
    size_t order[N];
    memcpy(copy, p, sizeof copy);
    size_t chosen = sample_draw(copy, N, o, u, order);
    ck_assert(chosen < N);
    return chosen;
}

/* The frequencies must be those of `weight`, which need not add up to 1. */
static void frequencies(sample_options o, const double *p, const double *weight)
{
    double found[N] = {0}, sum = 0;
    for (int k = 0; k < DRAWS; k++) found[draw(p, &o, (k + 0.5) / DRAWS)]++;
    for (int i = 0; i < N; i++) sum += weight[i];
    for (int i = 0; i < N; i++) {
        double wanted = weight[i] / sum * DRAWS;
        ck_assert_msg(fabs(found[i] - wanted) <= N && (found[i] == 0 || weight[i] > 0),
                      "T %g, top-k %zu, top-p %g: symbol %d drawn %g times, expected %g", o.temperature, o.top_k,
                      o.top_p, i, found[i], wanted);
    }
}

START_TEST(temperature)
{
    static const double all[] = {0.5, 1, 2, 7};
    for (size_t t = 0; t < sizeof all / sizeof *all; t++) {
        double weight[N], twice[N];
        for (int i = 0; i < N; i++) {
            weight[i] = p0[i] > 0 ? exp(log(p0[i]) / all[t]) : 0;
            twice[i] = 2 * p0[i];
        }
        frequencies((sample_options){.temperature = all[t], .top_p = 1}, p0, weight);
        frequencies((sample_options){.temperature = all[t], .top_p = 1}, twice, weight);
    }
    frequencies((sample_options){.temperature = 1e-4, .top_p = 1}, p0, (double[N]){0, 1, 0, 1});
    frequencies((sample_options){.temperature = 1e6, .top_p = 1}, p0, (double[N]){1, 1, 1, 1, 0, 1});
    frequencies((sample_options){.temperature = 0, .top_p = 1}, p0, (double[N]){0, 1});
}
END_TEST

START_TEST(the_k_likeliest)
{
    frequencies((sample_options){.temperature = 1, .top_k = 1, .top_p = 1}, p0, (double[N]){0, 1});
    frequencies((sample_options){.temperature = 1, .top_k = 2, .top_p = 1}, p0, (double[N]){0, 30, 0, 30});
    frequencies((sample_options){.temperature = 1, .top_k = 4, .top_p = 1}, p0, (double[N]){0, 30, 10, 30, 0, 25});
    frequencies((sample_options){.temperature = 1, .top_k = 99, .top_p = 1}, p0, p0);
    frequencies((sample_options){.temperature = 0.5, .top_k = 3, .top_p = 1}, p0, (double[N]){0, 900, 0, 900, 0, 625});
}
END_TEST

START_TEST(the_likeliest_with_p_together)
{
    frequencies((sample_options){.temperature = 1, .top_p = 0.01}, p0, (double[N]){0, 1});
    frequencies((sample_options){.temperature = 1, .top_p = 0.31}, p0, (double[N]){0, 1, 0, 1});
    frequencies((sample_options){.temperature = 1, .top_p = 0.8}, p0, (double[N]){0, 30, 0, 30, 0, 25});
    frequencies((sample_options){.temperature = 1, .top_p = 0.9}, p0, (double[N]){0, 30, 10, 30, 0, 25});
    frequencies((sample_options){.temperature = 1, .top_p = 0.999}, p0, p0);
    /* After the temperature: at 1/2 the three likeliest weigh 900, 900, 625 of 2550. */
    frequencies((sample_options){.temperature = 0.5, .top_p = 0.72}, p0, (double[N]){0, 900, 0, 900, 0, 625});
    frequencies((sample_options){.temperature = 0.5, .top_p = 0.70}, p0, (double[N]){0, 1, 0, 1});
    frequencies((sample_options){.temperature = 1, .top_k = 2, .top_p = 0.9}, p0, (double[N]){0, 1, 0, 1});
    frequencies((sample_options){.temperature = 1, .top_k = 4, .top_p = 0.1}, p0, (double[N]){0, 1});
}
END_TEST

/* A symbol of probability 0 is never drawn, at no end of u. */
START_TEST(the_impossible)
{
    static const double ends[] = {0, 0x1p-53, 0.5, 1 - 0x1p-53};
    for (unsigned k = 0; k < 4000; k++) {
        double p[N] = {0};
        for (int i = 1; i < N - 1; i++) p[i] = (double)((k * 2654435761u >> (i * 5)) % 1000) / 7;
        p[2] += 1e-3;
        for (size_t e = 0; e < sizeof ends / sizeof *ends; e++)
            for (int kind = 0; kind < 3; kind++) {
                sample_options o = {.temperature = kind == 2 ? 0.7 : 1, .top_k = kind == 1 ? 5 : 0, .top_p = 1};
                size_t chosen = draw(p, &o, ends[e]);
                ck_assert_msg(p[chosen] > 0, "symbol %zu of probability 0 was drawn", chosen);
            }
    }
    ck_assert_uint_eq(draw((double[N]){0}, &(sample_options){.temperature = 1, .top_p = 1}, 0.5), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sampler");
    TCase *c = tcase_create("drawing");
    tcase_add_test(c, temperature);
    tcase_add_test(c, the_k_likeliest);
    tcase_add_test(c, the_likeliest_with_p_together);
    tcase_add_test(c, the_impossible);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
