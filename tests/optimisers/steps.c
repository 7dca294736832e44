/* steps.c: updates of an optimiser, for compare.py.
 *
 *     steps float|double RULE SCHEDULE N [OPTION=VALUE ...] < in > out
 *
 * in: N weights; then for each update, which is an epoch here, N components of the gradient and the validation loss
 * after it. out: for each update the norm of the gradient, the rate, the N weights. All numbers are doubles, binary.
 * The first half of the parameters belongs to "a", the second to "b"; group=F multiplies the rate of "b". */
#include "train/optimiser.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_reals(size_t real_size, void *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v;
        if (fread(&v, sizeof v, 1, stdin) != 1) return false;
        if (real_size == sizeof v)
            ((double *)to)[i] = v;
        else
            ((float *)to)[i] = (float)v;
    }
    return true;
}

static void put(double v) { fwrite(&v, sizeof v, 1, stdout); }

static bool set(optimiser_options *o, rate_group *b, const char *option, double v)
{
#define REAL(member)                                                                                                   \
    if (strcmp(option, #member) == 0) return o->member = v, true;
#define WHOLE(member)                                                                                                  \
    if (strcmp(option, #member) == 0) return o->member = (size_t)v, true;
    /* clang-format off */
    REAL(rate) REAL(momentum) REAL(beta1) REAL(beta2) REAL(rho) REAL(epsilon) REAL(weight_decay)
    REAL(clip_norm) REAL(clip_value) REAL(factor)
    WHOLE(every) WHOLE(after) WHOLE(warm_up) WHOLE(total) WHOLE(patience)
        /* clang-format on */
        if (strcmp(option, "group") != 0) return false;
    *b = (rate_group){"b", v};
    o->group = b;
    o->groups = 1;
    return true;
}

int main(int argc, char **argv)
{
    optimiser_rule rule;
    schedule_kind schedule;
    if (argc < 5 || !optimiser_rule_of(argv[2], &rule) || !schedule_of(argv[3], &schedule)) return 2;
    size_t n = strtoul(argv[4], NULL, 10), half = n / 2;
    train_param params[] = {{.name = "a", .rank = 1, .dims = {half}, .offset = 0, .size = half},
                            {.name = "b", .rank = 1, .dims = {n - half}, .offset = half, .size = n - half}};
    trainable m = {.model = "m",
                   .hash = "",
                   .size = n,
                   .param = params,
                   .params = 2,
                   .real_size = strcmp(argv[1], "double") == 0 ? sizeof(double) : sizeof(float)};
    optimiser_options o = optimiser_defaults(rule, schedule);
    rate_group b;
    for (int i = 5; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) return 2;
        *equals = '\0';
        if (!set(&o, &b, argv[i], strtod(equals + 1, NULL))) return 2;
    }
    char *error = NULL;
    if (!optimiser_check(&o, &m, &error)) return fprintf(stderr, "%s\n", error), 2;
    optimiser *p = optimiser_new(&o, &m);
    void *w = calloc(n, m.real_size), *g = calloc(n, m.real_size);
    if (!p || !w || !g || !read_reals(m.real_size, w, n)) return 3;
    double loss;
    for (int epoch = 0; read_reals(m.real_size, g, n) && fread(&loss, sizeof loss, 1, stdin) == 1; epoch++) {
        double rate = optimiser_rate(p, epoch);
        put(optimiser_update(p, &m, w, g, epoch));
        put(rate);
        for (size_t i = 0; i < n; i++) put(m.real_size == sizeof(double) ? ((double *)w)[i] : (double)((float *)w)[i]);
        optimiser_epoch(p, loss);
    }
    optimiser_free(p);
    free(w);
    free(g);
    return 0;
}
