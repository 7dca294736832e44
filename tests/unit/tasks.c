/* tasks.c: tests of the data of `rnnc data`: each task against its definition, written down here a second time; that it
 * is the same everywhere, and that sequence n does not depend on how many there are. */
#define _GNU_SOURCE 1
#include "tasks/tasks.h"
#include <check.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 300, TEXT_ROOM = 2048 };

static tensors made; /* of the last make() */
static double value[TASK_PARAMETER_COUNT];

static void defaults(void) { task_values(value); }

static void make_seeded(task_id which, uint64_t seed, size_t first, size_t count)
{
    tensors_free(&made);
    ck_assert_msg(task_make(which, value, seed, first, count, &made), "%s", made.error);
}

static void make(task_id which) { make_seeded(which, 7, 0, COUNT); }

static double at(const char *name, size_t n, size_t t, size_t k)
{
    const tensor *x = tensors_find(&made, name);
    ck_assert_ptr_nonnull(x);
    size_t width = x->rank == 3 ? x->dims[2] : 1, steps = x->rank >= 2 ? x->dims[1] : 1,
           i = (n * steps + t) * width + k;
    ck_assert(n < x->dims[0] && t < steps && k < width);
    if (x->dtype == DTYPE_I32) return ((const int32_t *)x->data)[i];
    if (x->dtype == DTYPE_F32) return ((const float *)x->data)[i];
    ck_assert_int_eq(x->dtype, DTYPE_F64);
    return ((const double *)x->data)[i];
}

static int token(const char *name, size_t n, size_t t) { return (int)at(name, n, t, 0); }

static size_t length(const char *name, size_t n)
{
    char word[64];
    snprintf(word, sizeof word, "%s_lengths", name);
    const tensor *l = tensors_find(&made, word), *x = tensors_find(&made, name);
    return l ? (size_t)((const int32_t *)l->data)[n] : x->dims[1];
}

/* ---- random numbers ---------------------------------------------------------------------------------------------- */

START_TEST(test_functions)
{
    for (int i = 1; i < 20000; i++) {
        double x = i * 0.00173, turns = i * 0.0371 - 300;
        ck_assert_double_lt(fabs(natural_log(x) - log(x)), 1e-14 * (1 + fabs(log(x))));
        ck_assert_double_lt(fabs(sine_of_turns(turns) - sin(2 * 3.14159265358979323846 * turns)), 1e-11);
    }
    ck_assert_double_lt(fabs(natural_log(1e-300) - log(1e-300)), 1e-12);
}
END_TEST

START_TEST(test_draws)
{
    enum { MANY = 200000, SIDES = 6 };
    chance d = chance_open("test", 1, 2);
    double sum = 0, squares = 0, fourth = 0, uniform = 0;
    size_t seen[SIDES] = {0};
    for (int i = 0; i < MANY; i++) {
        double x = chance_normal(&d), u = chance_uniform(&d);
        ck_assert(u >= 0 && u < 1 && u == (double)(float)u);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        uniform += u;
        size_t k = chance_between(&d, 3, 2 + SIDES);
        ck_assert(k >= 3 && k < 3 + SIDES);
        seen[k - 3]++;
    }
    ck_assert_double_lt(fabs(sum / MANY), 0.01);
    ck_assert_double_lt(fabs(squares / MANY - 1), 0.02);
    ck_assert_double_lt(fabs(fourth / MANY - 3), 0.15);
    ck_assert_double_lt(fabs(uniform / MANY - 0.5), 0.003);
    for (int k = 0; k < SIDES; k++) ck_assert_double_lt(fabs((double)seen[k] * SIDES / MANY - 1), 0.03);
}
END_TEST

/* ---- all tasks --------------------------------------------------------------------------------------------------- */

static uint64_t hash_of_made(void)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < made.len; i++)
        for (size_t k = 0; k < made.data[i].bytes; k++)
            h = (h ^ ((const unsigned char *)made.data[i].data)[k]) * UINT64_C(0x100000001b3);
    return h;
}

/* What each task made where it was written (x86-64, gcc): every machine and compiler must make the same. */
static const uint64_t expected[TASK_COUNT] = {
    [TASK_running_sum] = UINT64_C(0x087ca25162586a3d),  [TASK_average] = UINT64_C(0x69b583e7e481f0dc),
    [TASK_sine] = UINT64_C(0x9ae7583cc8332c46),         [TASK_adding] = UINT64_C(0x276ff9547240e5a7),
    [TASK_copy_memory] = UINT64_C(0xee98279fc44f6565),  [TASK_temporal_order] = UINT64_C(0x51ee7986a9d59adf),
    [TASK_parity] = UINT64_C(0xde8db25e0a7312b5),       [TASK_reber] = UINT64_C(0x41b58c252267a6f3),
    [TASK_reversal] = UINT64_C(0xf5fbb114e1f699d1),     [TASK_program_evaluation] = UINT64_C(0x1f0003caaf970bf3),
    [TASK_noisy_stream] = UINT64_C(0x15ed41e5adf18b11), [TASK_strokes] = UINT64_C(0x856aeeb4ed6afef0),
};

START_TEST(test_same_everywhere)
{
    make_seeded((task_id)_i, 1, 0, 50);
    ck_assert_msg(hash_of_made() == expected[_i], "%s: 0x%016llx", tasks[_i].name, (unsigned long long)hash_of_made());
    uint64_t first = hash_of_made();
    make_seeded((task_id)_i, 1, 0, 50);
    ck_assert(hash_of_made() == first);
    make_seeded((task_id)_i, 2, 0, 50);
    ck_assert(hash_of_made() != first);
}
END_TEST

START_TEST(test_sequence_by_number)
{
    enum { FIRST = 3, FEW = 4 };
    tensors some = {0};
    make_seeded((task_id)_i, 1, 0, 20);
    ck_assert(task_make((task_id)_i, value, 1, FIRST, FEW, &some));
    ck_assert_uint_eq(some.len, made.len);
    for (size_t k = 0; k < some.len; k++) {
        const tensor *a = &some.data[k], *b = &made.data[k];
        size_t row = a->bytes / FEW, wide = b->bytes / 20; /* padded to the longest of more sequences */
        ck_assert_str_eq(a->name, b->name);
        ck_assert_uint_le(row, wide);
        for (size_t n = 0; n < FEW; n++)
            ck_assert(memcmp((char *)a->data + n * row, (char *)b->data + (FIRST + n) * wide, row) == 0);
    }
    tensors_free(&some);
}
END_TEST

START_TEST(test_unordered)
{
    defaults();
    value[TASK_PARAMETER_parity_shortest] = 60;
    task_parameter_id a, b;
    ck_assert(!task_agrees(TASK_parity, value, &a, &b));
    ck_assert(a == TASK_PARAMETER_parity_shortest && b == TASK_PARAMETER_parity_longest);
    ck_assert(task_agrees(TASK_sine, value, &a, &b));
    value[TASK_PARAMETER_parity_longest] = 60;
    ck_assert(task_agrees(TASK_parity, value, &a, &b));
}
END_TEST

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

START_TEST(test_running_sum)
{
    make(TASK_running_sum);
    for (size_t n = 0; n < COUNT; n++) {
        double sum = 0;
        for (size_t t = 0; t < length("x", n); t++) {
            ck_assert(at("x", n, t, 0) >= -1 && at("x", n, t, 0) < 1);
            sum += at("x", n, t, 0);
            ck_assert_double_eq(at("y", n, t, 0), sum);
        }
    }
}
END_TEST

START_TEST(test_average)
{
    value[TASK_PARAMETER_average_decay] = 0.75;
    value[TASK_PARAMETER_average_T] = 30;
    make(TASK_average);
    ck_assert_uint_eq(length("x", 0), 30);
    for (size_t n = 0; n < COUNT; n++)
        for (size_t t = 0; t < length("x", n); t++) { /* the sum of all, each with its weight */
            double sum = 0;
            for (size_t i = 0; i <= t; i++) sum += 0.25 * pow(0.75, (double)(t - i)) * at("x", n, i, 0);
            ck_assert_double_lt(fabs(at("y", n, t, 0) - sum), 1e-12);
        }
}
END_TEST

START_TEST(test_sine)
{
    make(TASK_sine);
    double shortest = INFINITY, longest = 0;
    for (size_t n = 0; n < COUNT; n++) {
        double c = 0; /* x[t+1] + x[t-1] = 2 cos(2 pi / period) x[t] */
        for (size_t t = 1; t + 1 < 50; t++) {
            ck_assert_double_eq(at("y", n, t, 0), at("x", n, t + 1, 0));
            double x = at("x", n, t, 0), both = at("x", n, t + 1, 0) + at("x", n, t - 1, 0);
            if (fabs(x) > 0.9) c = both / x / 2;
        }
        for (size_t t = 1; t + 1 < 50; t++)
            ck_assert_double_lt(fabs(at("x", n, t + 1, 0) + at("x", n, t - 1, 0) - 2 * c * at("x", n, t, 0)), 1e-5);
        shortest = fmin(shortest, 2 * 3.14159265358979 / acos(c));
        longest = fmax(longest, 2 * 3.14159265358979 / acos(c));
    }
    ck_assert(shortest > 9.99 && shortest < 11 && longest > 29 && longest < 30.01);
    value[TASK_PARAMETER_sine_noise] = 0.5;
    make(TASK_sine);
    double squares = 0;
    for (size_t n = 0; n < COUNT; n++)
        for (size_t t = 0; t + 1 < 50; t++) squares += pow(at("y", n, t, 0) - at("x", n, t + 1, 0), 2) / (COUNT * 49);
    ck_assert_double_lt(fabs(sqrt(squares) - 0.5), 0.02);
}
END_TEST

START_TEST(test_adding)
{
    double mean = 0, squares = 0;
    make(TASK_adding);
    for (size_t n = 0; n < COUNT; n++) {
        double sum = 0;
        int marks[2] = {0};
        for (size_t t = 0; t < 100; t++) {
            double x = at("x", n, t, 0), mark = at("x", n, t, 1);
            ck_assert(x >= 0 && x < 1 && (mark == 0 || mark == 1));
            marks[t >= 50] += mark == 1;
            if (mark == 1) sum += x;
        }
        ck_assert(marks[0] == 1 && marks[1] == 1);
        ck_assert_double_eq(at("y", n, 0, 0), (double)(float)sum);
        mean += sum / COUNT;
        squares += (sum - 1) * (sum - 1) / COUNT;
    }
    ck_assert_double_lt(fabs(mean - 1), 0.1);
    ck_assert_double_lt(fabs(squares - 1.0 / 6), 0.04);
}
END_TEST

/* ---- symbols ----------------------------------------------------------------------------------------------------- */

START_TEST(test_copy_memory)
{
    value[TASK_PARAMETER_copy_memory_T] = 7;
    value[TASK_PARAMETER_copy_memory_length] = 4;
    value[TASK_PARAMETER_copy_memory_symbols] = 5;
    make(TASK_copy_memory);
    bool seen[5] = {0};
    for (size_t n = 0; n < COUNT; n++) {
        ck_assert_uint_eq(length("x", n), 15);
        for (size_t t = 0; t < 15; t++) {
            int x = token("x", n, t), y = token("y", n, t);
            if (t < 4) {
                ck_assert(x >= 0 && x < 5);
                seen[x] = true;
            } else {
                ck_assert_int_eq(x, t == 10 ? 6 : 5);
            }
            ck_assert_int_eq(y, t < 11 ? 5 : token("x", n, t - 11));
        }
    }
    for (int k = 0; k < 5; k++) ck_assert(seen[k]);
}
END_TEST

START_TEST(test_temporal_order)
{
    int seen[4] = {0};
    make(TASK_temporal_order);
    for (size_t n = 0; n < COUNT; n++) {
        size_t steps = length("x", n), marks = 0, place[2] = {0};
        int which[2] = {0};
        ck_assert(steps >= 100 && steps <= 110);
        for (size_t t = 0; t < steps; t++) {
            int x = token("x", n, t);
            if (t == 0 || t == steps - 1)
                ck_assert_int_eq(x, t == 0 ? 6 : 7);
            else if (x < 4)
                ck_assert_int_ge(x, 0);
            else {
                ck_assert(x < 6 && marks < 2);
                place[marks] = t;
                which[marks++] = x - 4;
            }
        }
        ck_assert(marks == 2 && place[0] >= 10 && place[0] <= 20 && place[1] >= 50 && place[1] <= 60);
        ck_assert_int_eq(token("y", n, 0), 2 * which[0] + which[1]);
        seen[token("y", n, 0)]++;
    }
    for (int k = 0; k < 4; k++) ck_assert_int_gt(seen[k], COUNT / 8);
}
END_TEST

START_TEST(test_parity)
{
    make(TASK_parity);
    for (size_t n = 0; n < COUNT; n++) {
        int ones = 0;
        ck_assert(length("x", n) >= 1 && length("x", n) <= 50 && length("y", n) == length("x", n));
        for (size_t t = 0; t < length("x", n); t++) {
            ones += token("x", n, t);
            ck_assert_int_eq(token("y", n, t), ones % 2);
        }
    }
}
END_TEST

/* ---- the grammar ------------------------------------------------------------------------------------------------- */

/* B, T or P, a string of Reber's, the same, E: as a regular expression, whereas the task walks a graph. */
static bool in_grammar(const regex_t *inner, const char *text)
{
    char part[TEXT_ROOM];
    size_t n = strlen(text);
    if (n < 5 || text[0] != 'B' || text[n - 1] != 'E' || text[1] != text[n - 2] || !strchr("TP", text[1])) return false;
    snprintf(part, sizeof part, "%.*s", (int)(n - 4), text + 2);
    return regexec(inner, part, 0, NULL, 0) == 0;
}

/* Can a string of the grammar go on so? The ends stand for every place that a string may have come to. */
static bool begins_one(const regex_t *inner, const char *text)
{
    static const char *const ends[] = {"BTXSETE", "TXSETE", "XSETE", "VVETE",   "SETE",    "VETE",  "ETE",
                                       "TE",      "E",      "",      "BTXSEPE", "TXSEPE",  "XSEPE", "VVEPE",
                                       "SEPE",    "VEPE",   "EPE",   "PE",      "TBTXSETE"};
    char whole[TEXT_ROOM + 16];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(whole, sizeof whole, "%s%s", text, ends[i]);
        if (in_grammar(inner, whole)) return true;
    }
    return false;
}

START_TEST(test_reber)
{
    regex_t inner;
    ck_assert_int_eq(regcomp(&inner, "^B(TS*X(XT*VP)*(S|XT*VV)|PT*V(PXT*V)*(V|PS))E$", REG_EXTENDED), 0);
    ck_assert(in_grammar(&inner, "BTBTXSETE") && !in_grammar(&inner, "BTBTXSEPE") && !in_grammar(&inner, "BTBTXTETE"));
    make(TASK_reber);
    size_t longest = 0;
    for (size_t n = 0; n < COUNT; n++) {
        char text[TEXT_ROOM] = "";
        size_t steps = length("x", n);
        if (steps > longest) longest = steps;
        ck_assert(steps < TEXT_ROOM - 2 && length("y", n) == steps && length("allowed", n) == steps);
        for (size_t t = 0; t < steps; t++) {
            text[t] = "BTPSXVE"[token("x", n, t)];
            if (t + 1 < steps) ck_assert_int_eq(token("y", n, t), token("x", n, t + 1));
            for (size_t k = 0; k < 7; k++) {
                text[t + 1] = "BTPSXVE"[k];
                text[t + 2] = '\0';
                ck_assert_msg((at("allowed", n, t, k) == 1) == begins_one(&inner, text), "%s", text);
                ck_assert(at("allowed", n, t, k) == 0 || at("allowed", n, t, k) == 1);
            }
            text[t + 1] = '\0';
        }
        text[steps] = "BTPSXVE"[token("y", n, steps - 1)];
        text[steps + 1] = '\0';
        ck_assert_msg(in_grammar(&inner, text), "%s", text);
    }
    ck_assert_uint_gt(longest, 20);
    regfree(&inner);
}
END_TEST

START_TEST(test_reversal)
{
    make(TASK_reversal);
    for (size_t n = 0; n < COUNT; n++) {
        size_t letters = length("source", n);
        ck_assert(letters >= 1 && letters <= 12 && length("y", n) == letters + 1 && length("before", n) == letters + 1);
        ck_assert_int_eq(token("before", n, 0), 26);
        ck_assert_int_eq(token("y", n, letters), 26);
        for (size_t i = 0; i < letters; i++) {
            ck_assert(token("source", n, i) >= 0 && token("source", n, i) < 26);
            ck_assert_int_eq(token("y", n, letters - 1 - i), token("source", n, i));
            ck_assert_int_eq(token("before", n, i + 1), token("y", n, i));
        }
    }
}
END_TEST

/* ---- programs: a small interpreter ------------------------------------------------------------------------------- */

typedef struct interpreter {
    const char *at;
    long long name[26];
} interpreter;

static bool take(interpreter *p, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(p->at, word, n) != 0) return false;
    p->at += n;
    return true;
}

static long long expression(interpreter *p)
{
    if (!take(p, "(")) {
        if (*p->at >= 'a' && *p->at <= 'z') return p->name[*p->at++ - 'a'];
        ck_assert_msg(*p->at >= '0' && *p->at <= '9', "found '%s'", p->at);
        return strtoll(p->at, (char **)&p->at, 10);
    }
    long long a = expression(p);
    if (take(p, "+"))
        a += expression(p);
    else if (take(p, "-"))
        a -= expression(p);
    else if (take(p, "*"))
        a *= expression(p);
    else if (take(p, " if ")) {
        long long left = expression(p);
        bool greater = *p->at++ == '>';
        ck_assert(strchr("<>", p->at[-1]));
        long long right = expression(p);
        ck_assert(take(p, " else "));
        long long other = expression(p);
        if (!(greater ? left > right : left < right)) a = other;
    }
    ck_assert_msg(take(p, ")"), "found '%s'", p->at);
    return a;
}

static long long run_program(const char *text)
{
    interpreter p = {.at = text};
    while (!take(&p, "print(")) {
        long long times = 1;
        if (take(&p, "for x in range(")) {
            times = expression(&p);
            ck_assert(take(&p, "):"));
        }
        ck_assert_msg(*p.at >= 'a' && *p.at < 'x', "found '%s'", p.at);
        long long *to = &p.name[*p.at++ - 'a'];
        int sign = take(&p, "+") ? 1 : take(&p, "-") ? -1 : 0;
        ck_assert(take(&p, "="));
        long long n = expression(&p);
        *to = sign ? *to + times * sign * n : n;
        ck_assert(take(&p, "\n"));
    }
    long long result = expression(&p);
    ck_assert_str_eq(p.at, ")");
    return result;
}

static void check_programs(size_t most_digits)
{
    make(TASK_program_evaluation);
    bool has[5] = {0};
    for (size_t n = 0; n < COUNT; n++) {
        char text[TEXT_ROOM], prints[64], wanted[64];
        size_t steps = length("source", n), said = length("y", n), digits = 0;
        for (size_t t = 0; t < steps; t++) text[t] = task_characters[token("source", n, t)];
        text[steps] = '\0';
        for (size_t t = 0; t < said; t++) {
            ck_assert_int_lt(token("y", n, t), TASK_DIGITS);
            prints[t] = task_characters[token("y", n, t)];
            ck_assert_int_eq(token("before", n, t), t ? token("y", n, t - 1) : TASK_MARK);
        }
        prints[said] = '\0';
        snprintf(wanted, sizeof wanted, "%lld.", run_program(text));
        ck_assert_msg(strcmp(prints, wanted) == 0, "%s: %s, expected %s", text, prints, wanted);
        for (const char *c = text; *c; c++) {
            digits = *c >= '0' && *c <= '9' ? digits + 1 : 0;
            ck_assert_uint_le(digits, most_digits);
        }
        const char *const of[] = {"*", " if ", "for ", "\nb=", "print(("};
        for (int k = 0; k < 5; k++) has[k] = has[k] || strstr(text, of[k]);
    }
    for (int k = 0; k < 5; k++) ck_assert(has[k]);
}

START_TEST(test_program_evaluation)
{
    check_programs(2);
    value[TASK_PARAMETER_program_evaluation_length] = 6;
    value[TASK_PARAMETER_program_evaluation_nesting] = 5;
    check_programs(6);
}
END_TEST

/* ---- signals ----------------------------------------------------------------------------------------------------- */

START_TEST(test_noisy_stream)
{
    double feature[10][8] = {{0}};
    value[TASK_PARAMETER_noisy_stream_noise] = 0;
    make(TASK_noisy_stream);
    for (size_t n = 0; n < COUNT; n++) {
        size_t labels = length("y", n), steps = length("x", n), t = 0;
        ck_assert(labels >= 3 && labels <= 8);
        for (size_t s = 0; s <= labels; s++) {
            size_t rest = 0, said = 0;
            for (; t < steps && at("x", n, t, 0) == 0; t++) rest++;
            ck_assert(rest >= 1 && rest <= 4);
            if (s == labels) break;
            int symbol = token("y", n, s);
            ck_assert(symbol >= 1 && symbol <= 9);
            for (; t < steps && at("x", n, t, 0) != 0; t++, said++)
                for (size_t k = 0; k < 8; k++) {
                    if (feature[symbol][k] == 0) feature[symbol][k] = at("x", n, t, k);
                    ck_assert_double_eq(at("x", n, t, k), feature[symbol][k]);
                }
            ck_assert(said >= 2 && said <= 6);
        }
        ck_assert_uint_eq(t, steps);
    }
    for (int a = 1; a < 10; a++)
        for (int b = 1; b < a; b++) {
            double apart = 0;
            for (int k = 0; k < 8; k++) apart += pow(feature[a][k] - feature[b][k], 2);
            ck_assert_double_gt(sqrt(apart), 1);
        }
    make_seeded(TASK_noisy_stream, 99, 0, COUNT); /* another seed, the same symbols */
    for (size_t k = 0; k < 8; k++) {
        size_t t = 0;
        while (at("x", 0, t, 0) == 0) t++;
        ck_assert_double_eq(at("x", 0, t, k), feature[token("y", 0, 0)][k]);
    }
}
END_TEST

START_TEST(test_strokes)
{
    value[TASK_PARAMETER_strokes_noise] = 0;
    value[TASK_PARAMETER_strokes_T] = 200;
    make(TASK_strokes);
    for (size_t n = 0; n < COUNT; n++) {
        double height = 0; /* every stroke ends as high as it began */
        size_t ends = 0;
        for (size_t k = 0; k < 3; k++) ck_assert_double_eq(at("x", n, 0, k), k == 2);
        for (size_t t = 0; t < 200; t++) {
            for (size_t k = 0; k < 3 && t + 1 < 200; k++) ck_assert_double_eq(at("y", n, t, k), at("x", n, t + 1, k));
            double end = at("y", n, t, 2);
            ck_assert(end == 0 || end == 1);
            height += at("y", n, t, 1);
            if (end == 0) continue;
            ck_assert_double_lt(fabs(height), 1e-5);
            if (t + 1 < 200)
                ck_assert(at("y", n, t + 1, 1) == 0 && at("y", n, t + 1, 0) > 0 && at("y", n, t + 1, 2) == 0);
            ends++;
        }
        ck_assert(ends >= 4 && ends <= 24);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tasks");
    TCase *c = tcase_create("tasks");
    tcase_add_checked_fixture(c, defaults, NULL);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, test_functions);
    tcase_add_test(c, test_draws);
    tcase_add_loop_test(c, test_same_everywhere, 0, TASK_COUNT);
    tcase_add_loop_test(c, test_sequence_by_number, 0, TASK_COUNT);
    tcase_add_test(c, test_unordered);
    tcase_add_test(c, test_running_sum);
    tcase_add_test(c, test_average);
    tcase_add_test(c, test_sine);
    tcase_add_test(c, test_adding);
    tcase_add_test(c, test_copy_memory);
    tcase_add_test(c, test_temporal_order);
    tcase_add_test(c, test_parity);
    tcase_add_test(c, test_reber);
    tcase_add_test(c, test_reversal);
    tcase_add_test(c, test_program_evaluation);
    tcase_add_test(c, test_noisy_stream);
    tcase_add_test(c, test_strokes);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
