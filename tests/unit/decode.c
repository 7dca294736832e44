/* decode.c: searches against going through everything: every sequence of a small model, every way to say labels; BLEU
 * and edit distance on examples counted by hand. */
#include "train/decode.h"
#include "train/bleu.h"
#include "train/metrics.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double draw(uint64_t *random) /* in [0, 1) */
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*random >> 40) / (double)(1 << 24);
}

/* ---- symbol by symbol -------------------------------------------------------------------------------------------- */

enum { SYMBOLS = 3, LENGTH = 5, START = 1 };

/* A model whose distributions depend on all that was said, and on nothing else. */
typedef struct model {
    uint64_t seed;
    size_t calls, hypotheses;
    int before[1024][LENGTH + 2]; /* the hypotheses of the call before */
    size_t length;
} model;

static void distribution(const model *m, const int *symbol, size_t n, double *log_p)
{
    uint64_t random = m->seed;
    for (size_t i = 0; i < n; i++) random = random * 31 + (uint64_t)symbol[i] + 7;
    double sum = 0;
    for (int c = 0; c < SYMBOLS; c++) sum += log_p[c] = exp(4 * draw(&random));
    for (int c = 0; c < SYMBOLS; c++) log_p[c] = log(log_p[c] / sum);
}

/* Also checks that a parent is what it is said to be. */
static bool advance(void *self, size_t count, const int *const *symbol, const size_t *parent, size_t n, double *log_p)
{
    model *m = self;
    int now[1024][LENGTH + 2];
    ck_assert_uint_le(count, 1024);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_lt(parent[i], m->hypotheses ? m->hypotheses : 1);
        if (m->hypotheses) {
            ck_assert_uint_eq(n, m->length + 1);
            ck_assert_mem_eq(m->before[parent[i]], symbol[i], m->length * sizeof(int));
        }
        memcpy(now[i], symbol[i], n * sizeof(int));
        distribution(m, symbol[i], n, log_p + i * SYMBOLS);
    }
    memcpy(m->before, now, sizeof now);
    m->hypotheses = count;
    m->length = n;
    m->calls++;
    return true;
}

typedef struct winner {
    int symbol[LENGTH + 1];
    size_t count;
    double score;
} winner;

/* Every sequence that ends, and every one that reaches the length. */
static void go_through(const model *m, int end, double power, int *symbol, size_t drawn, double log_p, winner *to)
{
    double p[SYMBOLS];
    distribution(m, symbol, drawn + 1, p);
    for (int c = 0; c < SYMBOLS; c++) {
        double all = log_p + p[c], score = all / pow((double)drawn + 1, power);
        symbol[drawn + 1] = c;
        if (c != end && drawn + 1 < LENGTH) {
            go_through(m, end, power, symbol, drawn + 1, all, to);
        } else if (score > to->score) {
            to->score = score;
            to->count = drawn + (c != end);
            memcpy(to->symbol, symbol + 1, to->count * sizeof *symbol);
        }
    }
}

static beam_result search(model *m, size_t width, int end, double power)
{
    const int start = START;
    beam_options o = {.width = width,
                      .classes = SYMBOLS,
                      .length = LENGTH,
                      .end = end,
                      .power = power,
                      .prompt = &start,
                      .prompt_length = 1};
    beam_result r;
    ck_assert(beam_search(&o, advance, m, &r));
    return r;
}

START_TEST(a_beam_of_everything_finds_the_best)
{
    static const double powers[] = {0, 0.6, 1};
    size_t ended = 0, full = 0;
    for (uint64_t seed = 0; seed < 60; seed++)
        for (int end = -1; end < 2; end++)
            for (int k = 0; k < 3; k++) {
                model m = {.seed = seed};
                int symbol[LENGTH + 1] = {START};
                winner wanted = {.score = -INFINITY};
                go_through(&m, end, powers[k], symbol, 0, 0, &wanted);
                beam_result r = search(&m, 1000000, end, powers[k]);
                ck_assert_uint_eq(r.count, wanted.count);
                ck_assert_mem_eq(r.symbol, wanted.symbol, r.count * sizeof *r.symbol);
                ck_assert_double_eq_tol(r.score, wanted.score, 1e-12);
                ck_assert_int_eq(r.ended, wanted.count < LENGTH);
                ended += r.ended;
                full += !r.ended;
                free(r.symbol);
            }
    ck_assert_uint_gt(ended, 50);
    ck_assert_uint_gt(full, 50);
}
END_TEST

START_TEST(a_beam_of_one_is_greedy)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        model m = {.seed = seed};
        int symbol[LENGTH + 1] = {START};
        size_t n = 0;
        double log_p = 0;
        bool ended = false;
        while (n < LENGTH && !ended) {
            double p[SYMBOLS];
            int most = 0;
            distribution(&m, symbol, n + 1, p);
            for (int c = 1; c < SYMBOLS; c++)
                if (p[c] > p[most]) most = c;
            log_p += p[most];
            ended = most == 0;
            if (!ended) symbol[++n] = most;
        }
        beam_result r = search(&m, 1, 0, 0);
        ck_assert_uint_eq(r.count, n);
        ck_assert_int_eq(r.ended, ended);
        ck_assert_mem_eq(r.symbol, symbol + 1, n * sizeof *symbol);
        ck_assert_double_eq_tol(r.log_p, log_p, 1e-12);
        free(r.symbol);
    }
}
END_TEST

/* A wider beam is on the whole better, a narrow one finds less than all. */
START_TEST(a_wider_beam_finds_more)
{
    double sum[4] = {0};
    static const size_t widths[] = {1, 2, 5, 243};
    for (uint64_t seed = 0; seed < 200; seed++)
        for (int k = 0; k < 4; k++) {
            model m = {.seed = seed};
            beam_result r = search(&m, widths[k], -1, 0);
            sum[k] += r.score;
            free(r.symbol);
        }
    for (int k = 0; k < 3; k++) ck_assert_double_lt(sum[k], sum[k + 1]);
}
END_TEST

/* With an end that is nearly certain, nothing that goes on can win: the search stops at once. */
static bool advance_to_the_end(void *self, size_t count, const int *const *symbol, const size_t *parent, size_t n,
                               double *log_p)
{
    (void)symbol, (void)parent, (void)n;
    for (size_t i = 0; i < count * SYMBOLS; i++) log_p[i] = log(i % SYMBOLS == 0 ? 0.98 : 0.01);
    ++*(int *)self;
    return true;
}

START_TEST(a_decided_search_stops)
{
    const int start = START;
    int calls = 0;
    beam_options o = {.width = 4, .classes = SYMBOLS, .length = 1000, .end = 0, .prompt = &start, .prompt_length = 1};
    beam_result r;
    ck_assert(beam_search(&o, advance_to_the_end, &calls, &r));
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(r.count, 0);
    ck_assert(r.ended);
    free(r.symbol);
}
END_TEST

/* ---- ctc --------------------------------------------------------------------------------------------------------- */

enum { STEPS = 5, CLASSES = 3, WAYS = 243 };

static size_t merge(const int *path, int blank, int *label)
{
    size_t count = 0;
    for (int t = 0; t < STEPS; t++)
        if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) label[count++] = path[t];
    return count;
}

/* The probability of each labelling, numbered: a digit of 1 to CLASSES - 1 for each label. */
static void all_labels(const double *log_p, int blank, double *p, int (*label)[STEPS], size_t *count)
{
    for (int i = 0; i < 1 << 2 * STEPS; i++) p[i] = 0;
    for (int way = 0; way < WAYS; way++) {
        int path[STEPS], said[STEPS], rest = way, number = 0;
        double log_way = 0;
        for (int t = 0; t < STEPS; t++, rest /= CLASSES) {
            path[t] = rest % CLASSES;
            log_way += log_p[t * CLASSES + path[t]];
        }
        size_t n = merge(path, blank, said);
        for (size_t i = 0; i < n; i++) number = number * 4 + said[i] + 1;
        p[number] += exp(log_way);
        memcpy(label[number], said, sizeof said);
        count[number] = n;
    }
}

static void draw_frames(uint64_t *random, double *log_p)
{
    for (int t = 0; t < STEPS; t++) {
        double sum = 0;
        for (int c = 0; c < CLASSES; c++) sum += log_p[t * CLASSES + c] = exp(3 * draw(random));
        for (int c = 0; c < CLASSES; c++) log_p[t * CLASSES + c] = log(log_p[t * CLASSES + c] / sum);
    }
}

START_TEST(a_beam_of_all_prefixes_finds_the_likeliest_labels)
{
    static double p[1 << 2 * STEPS];
    static int label[1 << 2 * STEPS][STEPS];
    static size_t count[1 << 2 * STEPS];
    uint64_t random = 1;
    size_t not_greedy = 0;
    for (int round = 0; round < 200; round++) {
        double log_p[STEPS * CLASSES], score, path_score;
        int blank = round % CLASSES, said[STEPS], greedy[STEPS], best = 0;
        size_t n;
        draw_frames(&random, log_p);
        all_labels(log_p, blank, p, label, count);
        for (int i = 0; i < 1 << 2 * STEPS; i++)
            if (p[i] > p[best]) best = i;
        ck_assert(ctc_beam(log_p, STEPS, CLASSES, blank, 1000, said, &n, &score));
        ck_assert_uint_eq(n, count[best]);
        ck_assert_mem_eq(said, label[best], n * sizeof *said);
        ck_assert_double_eq_tol(score, log(p[best]), 1e-12);

        /* Greedily: what the likeliest of all ways says. */
        int path[STEPS], wanted[STEPS];
        double path_wanted = 0;
        for (int t = 0; t < STEPS; t++) {
            path[t] = 0;
            for (int c = 1; c < CLASSES; c++)
                if (log_p[t * CLASSES + c] > log_p[t * CLASSES + path[t]]) path[t] = c;
            path_wanted += log_p[t * CLASSES + path[t]];
        }
        size_t wanted_count = merge(path, blank, wanted);
        size_t greedy_count = ctc_greedy(log_p, STEPS, CLASSES, blank, greedy, &path_score);
        ck_assert_uint_eq(greedy_count, wanted_count);
        ck_assert_mem_eq(greedy, wanted, wanted_count * sizeof *wanted);
        ck_assert_double_eq_tol(path_score, path_wanted, 1e-12);
        not_greedy += greedy_count != n || memcmp(greedy, said, n * sizeof *said) != 0;

        /* A narrow beam sees part of the probability, never more than all. */
        for (size_t width = 1; width < 8; width++) {
            ck_assert(ctc_beam(log_p, STEPS, CLASSES, blank, width, said, &n, &score));
            int number = 0;
            for (size_t i = 0; i < n; i++) number = number * 4 + said[i] + 1;
            ck_assert_double_le(score, log(p[number]) + 1e-12);
        }
    }
    ck_assert_uint_gt(not_greedy, 10);
}
END_TEST

START_TEST(no_steps_are_no_labels)
{
    int label[1];
    size_t count = 9;
    double score = 1;
    ck_assert(ctc_beam(NULL, 0, CLASSES, 0, 4, label, &count, &score));
    ck_assert_uint_eq(count, 0);
    ck_assert_double_eq(score, 0);
    ck_assert_uint_eq(ctc_greedy(NULL, 0, CLASSES, 0, label, &score), 0);
}
END_TEST

/* ---- measures ---------------------------------------------------------------------------------------------------- */

START_TEST(bleu_counts_n_grams)
{
    /* 6 of 6, 3 of 5, 2 of 4 and 1 of 3: their product is 1 / 10. */
    const int wanted[] = {1, 2, 3, 4, 5, 6}, said[] = {1, 2, 3, 4, 6, 5};
    bleu b = {0};
    ck_assert_double_eq(bleu_score(&b), 0);
    ck_assert(bleu_add(&b, said, 6, wanted, 6));
    ck_assert_double_eq_tol(bleu_score(&b), pow(0.1, 0.25), 1e-12);

    /* A second sentence, 4 of 4, 3 of 3, 2 of 2, 1 of 1, which is too short: 10 symbols for 12. */
    ck_assert(bleu_add(&b, wanted, 4, wanted, 6));
    double product = 10.0 / 10 * 6 / 8 * 4 / 6 * 2 / 4;
    ck_assert_double_eq_tol(bleu_score(&b), exp(1 - 12.0 / 10) * pow(product, 0.25), 1e-12);

    /* "the the the the the the the" for "the cat is on the mat", as in the paper: 2 of 7, and nothing else. */
    const int the[] = {1, 1, 1, 1, 1, 1, 1}, cat[] = {1, 2, 3, 4, 1, 5};
    b = (bleu){0};
    ck_assert(bleu_add(&b, the, 7, cat, 6));
    ck_assert_double_eq(b.match[0], 2);
    ck_assert_double_eq(b.grams[0], 7);
    ck_assert_double_eq(b.match[1], 0);
    ck_assert_double_eq(bleu_score(&b), 0);
}
END_TEST

START_TEST(edit_distance_is_levenshtein)
{
    size_t row[16];
    const int kitten[] = {'k', 'i', 't', 't', 'e', 'n'}, sitting[] = {'s', 'i', 't', 't', 'i', 'n', 'g'};
    ck_assert_uint_eq(edit_distance(kitten, 6, sitting, 7, row), 3);
    ck_assert_uint_eq(edit_distance(sitting, 7, kitten, 6, row), 3);
    ck_assert_uint_eq(edit_distance(kitten, 6, sitting, 0, row), 6);
    ck_assert_uint_eq(edit_distance(kitten, 0, sitting, 7, row), 7);
    ck_assert_uint_eq(edit_distance(kitten, 6, kitten, 6, row), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("decode");
    TCase *c = tcase_create("decode");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_beam_of_everything_finds_the_best);
    tcase_add_test(c, a_beam_of_one_is_greedy);
    tcase_add_test(c, a_wider_beam_finds_more);
    tcase_add_test(c, a_decided_search_stops);
    tcase_add_test(c, a_beam_of_all_prefixes_finds_the_likeliest_labels);
    tcase_add_test(c, no_steps_are_no_labels);
    tcase_add_test(c, bleu_counts_n_grams);
    tcase_add_test(c, edit_distance_is_levenshtein);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
