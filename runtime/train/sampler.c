/* sampler.c: draws symbols from a running model; see sampler.h. */
#include "train/sampler.h"
#include "train/fault.h"
#include "train/vocabulary.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sampler {
    const trainable *m;
    const sample_options *o;
    runner *r;
    double *log_p, *chance;
    size_t *order;
    uint64_t random;
    void (*said)(void *to, int symbol); /* NULL: nobody listens */
    void *to;
} sampler;

typedef struct writer {
    const trainable *m;
    const sample_options *o;
    FILE *out;
    char **error;
    vocabulary words;
    bool named; /* there is a vocabulary */
    size_t classes;
    bool begun; /* a symbol stands on this line */
    int *prompt;
    size_t fed, symbols; /* symbols before the sample that are not written; all of them */
} writer;

static double uniform(uint64_t *random) /* splitmix64 */
{
    uint64_t z = *random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

/* The likeliest of those not taken yet; of equals the first. */
static size_t likeliest(const double *p, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

size_t sample_draw(double *p, size_t n, const sample_options *o, double u, size_t *order)
{
    double most = p[likeliest(p, n)], all = 0, sum = 0;
    if (o->temperature == 0 || !(most > 0)) return likeliest(p, n);
    for (size_t i = 0; i < n; i++) all += p[i] = pow(p[i] / most, 1 / o->temperature);
    size_t count = 0; /* of those in `order`, all above 0: the last one is chosen where rounding leaves something */
    if (o->top_k == 0 && o->top_p >= 1) {
        for (size_t i = 0; i < n; i++)
            if (p[i] > 0) order[count++] = i;
        sum = all;
    } else {
        while (count < n && (o->top_k == 0 || count < o->top_k) && (count == 0 || sum < o->top_p * all)) {
            size_t best = likeliest(p, n);
            if (!(p[best] > 0)) break;
            order[count++] = best;
            sum += p[best];
            p[best] = -p[best]; /* taken; the sign is put back below */
        }
        for (size_t i = 0; i < count; i++) p[order[i]] = -p[order[i]];
    }
    double left = u * sum;
    size_t chosen = 0;
    while (chosen + 1 < count && left >= p[order[chosen]]) left -= p[order[chosen++]];
    return order[chosen];
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* After all symbols of the prompt but the last. */
static bool feed(runner *r, const int *prompt, size_t n)
{
    static const size_t only[1] = {0};
    for (size_t k = 1; k < n; k++)
        if (!runner_advance(r, 1, &prompt, only, k, NULL)) return false;
    return true;
}

static int draw(sampler *s)
{
    size_t classes = s->r->classes;
    for (size_t i = 0; i < classes; i++) s->chance[i] = exp(s->log_p[i]);
    return (int)sample_draw(s->chance, classes, s->o, uniform(&s->random), s->order);
}

static bool run(sampler *s, int *list, size_t n, size_t length, beam_result *result)
{
    static const size_t only[1] = {0};
    size_t before = n;
    const int *all = list;
    for (size_t i = 0; i < length && !result->ended; i++) {
        if (!runner_advance(s->r, 1, &all, only, n, s->log_p)) return false;
        int token = draw(s);
        result->log_p += s->log_p[token];
        result->ended = token == s->m->generate_end;
        if (result->ended) break;
        list[n++] = token;
        if (s->said) s->said(s->to, token);
    }
    result->count = n - before;
    result->score = result->log_p;
    memmove(list, list + before, result->count * sizeof *list);
    return true;
}

static bool draw_all(sampler *s, const int *prompt, size_t n, size_t length, beam_result *result)
{
    size_t classes = s->r->classes;
    s->log_p = calloc(classes, sizeof *s->log_p);
    s->chance = calloc(classes, sizeof *s->chance);
    s->order = calloc(classes, sizeof *s->order);
    int *list = calloc(n + length + 1, sizeof *list);
    *result = (beam_result){.symbol = list};
    bool good = s->log_p && s->chance && s->order && list;
    if (good) {
        memcpy(list, prompt, n * sizeof *list);
        good = run(s, list, n, length, result);
    } else {
        fault_no_memory(&s->r->error);
    }
    free(s->log_p);
    free(s->chance);
    free(s->order);
    if (!good) {
        free(list);
        *result = (beam_result){0};
    }
    return good;
}

/* What comes after the prompt, searched for or drawn. */
static bool go_on(sampler *s, const int *prompt, size_t n, size_t most, beam_result *result)
{
    const sample_options *o = s->o;
    size_t length = most - n + 1 < o->length ? most - n + 1 : o->length;
    if (!feed(s->r, prompt, n)) return false;
    if (!o->beam) return draw_all(s, prompt, n, length, result);
    beam_options search = {.width = o->beam,
                           .classes = s->r->classes,
                           .length = length,
                           .end = s->m->generate_end,
                           .power = o->beam_power,
                           .prompt = prompt,
                           .prompt_length = n};
    return beam_search(&search, runner_advance, s->r, result) || fault_no_memory(&s->r->error);
}

bool sample_sequence(runner *r, const runner_given *given, int first, const sample_options *o, beam_result *result)
{
    sampler s = {.m = r->m, .o = o, .r = r, .random = o->seed};
    size_t most = runner_begin(r, given);
    *result = (beam_result){0};
    if (most > 0) return go_on(&s, &first, 1, most, result);
    result->symbol = calloc(1, sizeof *result->symbol);
    return result->symbol || fault_no_memory(&r->error);
}

/* ---- symbols ----------------------------------------------------------------------------------------------------- */

static void put_symbol(void *to, int token)
{
    writer *w = to;
    const symbol *s = w->named ? &w->words.symbol[token] : NULL;
    bool newline = s && w->words.words && strcmp(s->bytes, VOCABULARY_END) == 0, apart = !s || w->words.words;
    if (apart && w->begun && !newline) fputc(' ', w->out);
    if (newline)
        fputc('\n', w->out);
    else if (s)
        fwrite(s->bytes, 1, s->length, w->out);
    else
        fprintf(w->out, "%d", token);
    w->begun = !newline;
}

/* The next symbol of the prompt; false at its end or after a fault. */
static bool next_of_prompt(writer *w, size_t *at, int *token)
{
    const char *prompt = w->o->prompt, *start;
    size_t length, n = strlen(prompt);
    if (!w->named) {
        char *end;
        *at += strspn(prompt + *at, " ");
        if (!prompt[*at]) return false;
        errno = 0;
        long v = strtol(prompt + *at, &end, 10);
        if (errno || end == prompt + *at || v < 0 || (size_t)v >= w->classes)
            return fault_set(w->error, "the prompt '%s' is no list of numbers from 0 to %zu", prompt, w->classes - 1);
        *at = (size_t)(end - prompt);
        *token = (int)v;
        return true;
    }
    if (!vocabulary_next(w->words.words, prompt, n, at, &start, &length)) return false;
    *token = vocabulary_find(&w->words, start, length);
    if (*token >= 0) return true;
    unsigned char c = (unsigned char)start[0];
    if (length == 1 && (c < ' ' || c > 126))
        return fault_set(w->error,
                         "the prompt has the byte 0x%02x, which is not among the %zu symbols of the training text", c,
                         w->words.count);
    return fault_set(w->error, "the prompt has '%.*s', which is not among the %zu symbols of the training text",
                     (int)length, start, w->words.count);
}

/* What stands before the first symbol when nobody says: the end of a line. */
static int first_symbol(const writer *w, uint64_t *random)
{
    int end = -1;
    if (w->named)
        end = w->words.words ? vocabulary_find(&w->words, VOCABULARY_END, strlen(VOCABULARY_END))
                             : vocabulary_find(&w->words, "\n", 1);
    return end >= 0 ? end : (int)(uniform(random) * (double)w->classes);
}

/* The start that the model asks for, then the prompt; without either, a first symbol. */
static bool read_prompt(writer *w, uint64_t *random)
{
    size_t at = 0, room = w->o->prompt ? strlen(w->o->prompt) : 0; /* a symbol has a byte at least */
    int token = 0;
    w->prompt = calloc(room + 2, sizeof *w->prompt);
    if (!w->prompt) return fault_no_memory(w->error);
    if (w->m->generate_first >= 0) w->prompt[w->symbols++] = w->m->generate_first;
    w->fed = w->symbols;
    while (w->o->prompt && next_of_prompt(w, &at, &token)) w->prompt[w->symbols++] = token;
    if (*w->error) return false;
    if (w->symbols == 0) {
        w->prompt[0] = first_symbol(w, random);
        w->fed = w->symbols = 1;
    }
    return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool check(writer *w)
{
    const trainable *m = w->m;
    if (!runner_check(m, w->error)) return false;
    int other = runner_needs(m);
    if (other >= 0)
        return fault_set(w->error, "the model '%s' also reads '%s'; --data gives it a file with an array of that name",
                         m->model, m->input[other].name);
    w->classes = m->input[m->generate_input].classes;
    if (!w->o->vocabulary) return true;
    w->named = true;
    if (!vocabulary_from_json(&w->words, w->o->vocabulary, w->error)) return false;
    return w->words.count == w->classes ||
           fault_set(w->error, "the checkpoint has %zu symbols, the model %zu classes", w->words.count, w->classes);
}

static bool write(writer *w, runner *r)
{
    sampler s = {.m = w->m, .o = w->o, .r = r, .random = w->o->seed, .said = put_symbol, .to = w};
    beam_result result = {0};
    if (!read_prompt(w, &s.random)) return false;
    for (size_t i = w->fed; i < w->symbols; i++) put_symbol(w, w->prompt[i]);
    bool good = go_on(&s, w->prompt, w->symbols, runner_begin(r, NULL), &result);
    for (size_t i = 0; good && w->o->beam && i < result.count; i++) put_symbol(w, result.symbol[i]);
    if (good) fputc('\n', w->out);
    free(result.symbol);
    return good || fault_pass(w->error, r->error);
}

bool sample_write(const trainable *m, const void *params, const sample_options *o, FILE *out, char **error)
{
    writer w = {.m = m, .o = o, .out = out, .error = error};
    runner r = {0};
    bool good = check(&w);
    if (good) good = runner_open(&r, m, params, o->beam ? o->beam : 1) ? write(&w, &r) : fault_no_memory(error);
    if (r.m) runner_close(&r);
    vocabulary_free(&w.words);
    free(w.prompt);
    return good;
}
