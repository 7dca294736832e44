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
    FILE *out;
    char **error;
    vocabulary words;
    bool named; /* there is a vocabulary */
    size_t classes;
    const void *params;
    void *packed, *state, *p; /* p: one row of reals */
    double *chance;
    size_t *order;
    const void **input;
    void **output;
    int token;
    uint64_t random;
    bool begun; /* a symbol has been written */
} sampler;

static double uniform(sampler *s) /* splitmix64 */
{
    uint64_t z = s->random += 0x9E3779B97F4A7C15u;
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
        double *rest = p;
        while (count < n && (o->top_k == 0 || count < o->top_k) && (count == 0 || sum < o->top_p * all)) {
            size_t best = likeliest(rest, n);
            if (!(rest[best] > 0)) break;
            order[count++] = best;
            sum += rest[best];
            rest[best] = -rest[best]; /* taken; the sign is put back below */
        }
        for (size_t i = 0; i < count; i++) p[order[i]] = -p[order[i]];
    }
    double left = u * sum;
    size_t chosen = 0;
    while (chosen + 1 < count && left >= p[order[chosen]]) left -= p[order[chosen++]];
    return order[chosen];
}

/* ---- symbols ----------------------------------------------------------------------------------------------------- */

static void put_symbol(sampler *s, int token)
{
    if (!s->named) {
        fprintf(s->out, "%s%d", s->begun ? " " : "", token);
    } else {
        const symbol *w = &s->words.symbol[token];
        bool newline = s->words.words && strcmp(w->bytes, VOCABULARY_END) == 0;
        if (newline) {
            fputc('\n', s->out);
        } else {
            if (s->words.words && s->begun) fputc(' ', s->out);
            fwrite(w->bytes, 1, w->length, s->out);
        }
        s->begun = !newline;
        return;
    }
    s->begun = true;
}

/* The next symbol of the prompt; false at its end or after a fault. */
static bool next_of_prompt(sampler *s, size_t *at, int *token)
{
    const char *prompt = s->o->prompt, *start;
    size_t length, n = strlen(prompt);
    if (!s->named) {
        char *end;
        *at += strspn(prompt + *at, " ");
        if (!prompt[*at]) return false;
        errno = 0;
        long v = strtol(prompt + *at, &end, 10);
        if (errno || end == prompt + *at || v < 0 || (size_t)v >= s->classes)
            return fault_set(s->error, "the prompt '%s' is no list of numbers from 0 to %zu", prompt, s->classes - 1);
        *at = (size_t)(end - prompt);
        *token = (int)v;
        return true;
    }
    if (!vocabulary_next(s->words.words, prompt, n, at, &start, &length)) return false;
    *token = vocabulary_find(&s->words, start, length);
    if (*token >= 0) return true;
    return fault_set(s->error, "the prompt has '%.*s', which is not among the %zu symbols of the training text",
                     (int)length, start, s->words.count);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static bool step(sampler *s, int token)
{
    const trainable *m = s->m;
    s->token = token;
    train_call call = { .sequences = 1,
                        .input = s->input,
                        .output = s->output,
                        .params = s->params,
                        .packed = s->packed,
                        .state = s->state,
                        .seed = s->o->seed };
    for (int a = 1; a <= m->axes; a++) call.steps[a] = 1;
    int code = m->run(m->self, TRAIN_STEP, &call);
    return !code || fault_set(s->error, "the generated code refuses a step (error %d)", code);
}

static int draw(sampler *s)
{
    for (size_t i = 0; i < s->classes; i++)
        s->chance[i] = s->m->real_size == sizeof(double) ? ((double *)s->p)[i] : (double)((float *)s->p)[i];
    return (int)sample_draw(s->chance, s->classes, s->o, uniform(s), s->order);
}

/* What stands before the first symbol when nobody says: the end of a line. */
static int first_symbol(sampler *s)
{
    int end = -1;
    if (s->named)
        end = s->words.words ? vocabulary_find(&s->words, VOCABULARY_END, strlen(VOCABULARY_END))
                             : vocabulary_find(&s->words, "\n", 1);
    return end >= 0 ? end : (int)(uniform(s) * (double)s->classes);
}

static bool run(sampler *s)
{
    size_t at = 0, fed = 0;
    int token = 0;
    while (s->o->prompt && next_of_prompt(s, &at, &token)) {
        put_symbol(s, token);
        if (!step(s, token)) return false;
        fed++;
    }
    if (*s->error) return false;
    if (!fed && !step(s, first_symbol(s))) return false;
    for (size_t i = 0; i < s->o->length; i++) {
        token = draw(s);
        put_symbol(s, token);
        if (i + 1 < s->o->length && !step(s, token)) return false;
    }
    fputc('\n', s->out);
    return true;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static bool check(sampler *s)
{
    const trainable *m = s->m;
    if (m->generate_input < 0 || m->generate_output < 0)
        return fault_set(s->error, "the model '%s' has no line 'generate x[t+1] ~ p', which says how it runs free",
                         m->model);
    if (!m->has(m->self, TRAIN_STEP))
        return fault_set(s->error, "the model '%s' cannot run step by step: it reads later steps", m->model);
    for (size_t i = 0; i < m->inputs; i++)
        if (!m->input[i].target && (int)i != m->generate_input)
            return fault_set(s->error, "the model '%s' also reads '%s', which no sample says", m->model,
                             m->input[i].name);
    s->classes = m->input[m->generate_input].classes;
    if (!s->o->vocabulary) return true;
    s->named = true;
    if (!vocabulary_from_json(&s->words, s->o->vocabulary, s->error)) return false;
    return s->words.count == s->classes ||
           fault_set(s->error, "the checkpoint has %zu symbols, the model %zu classes", s->words.count, s->classes);
}

static bool make_room(sampler *s, const void *params)
{
    const trainable *m = s->m;
    s->packed = aligned_alloc(64, (m->packed_size * m->real_size + 64) / 64 * 64);
    s->state = aligned_alloc(64, (m->state_bytes + 64) / 64 * 64);
    s->p = calloc(s->classes + 1, m->real_size);
    s->chance = calloc(s->classes + 1, sizeof *s->chance);
    s->order = calloc(s->classes + 1, sizeof *s->order);
    s->input = calloc(m->inputs + 1, sizeof *s->input);
    s->output = calloc(m->outputs + 1, sizeof *s->output);
    if (!s->packed || !s->state || !s->p || !s->chance || !s->order || !s->input || !s->output)
        return fault_set(s->error, "out of memory");
    s->input[m->generate_input] = &s->token;
    s->output[m->generate_output] = s->p;
    m->pack(m->self, params, s->packed);
    if (m->state_bytes) m->reset(m->self, s->state);
    return true;
}

bool sample_write(const trainable *m, const void *params, const sample_options *o, FILE *out, char **error)
{
    sampler s = { .m = m, .o = o, .out = out, .error = error, .params = params, .random = o->seed };
    bool good = check(&s) && make_room(&s, params) && run(&s);
    vocabulary_free(&s.words);
    free(s.packed);
    free(s.state);
    free(s.p);
    free(s.chance);
    free(s.order);
    free(s.input);
    free(s.output);
    return good;
}
