/* checkpoint.c: writes and reads checkpoints; see checkpoint.h for what lies where.
 *
 * A file that claims to be a checkpoint (metadata "rnnc" or "checksum") is verified first; then everything is held
 * against the model and the optimiser; only when all of it fits are the caller's arrays touched. */
#define _GNU_SOURCE 1
#include "train/checkpoint.h"
#include "train/fault.h"
#include "train/hash.h"
#include "train/safetensors.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "checkpoint 1"
#define STATE "carried/state"
#define ARRAYS "optimiser/"
#define DAMAGED "the file is damaged: take an older checkpoint"

/* Metadata of the run: progress, then the optimiser. WHOLE(key, lvalue), REAL(key, lvalue) of a checkpoint *c. */
#define PROGRESS(WHOLE, REAL)                                                                                          \
    WHOLE("epoch", c->progress.epoch)                                                                                  \
    WHOLE("batch", c->progress.batch)                                                                                  \
    WHOLE("seed", c->progress.seed)                                                                                    \
    REAL("best_loss", c->progress.best_loss)                                                                           \
    WHOLE("best_epoch", c->progress.best_epoch)                                                                        \
    WHOLE("bad_epochs", c->progress.bad_epochs)                                                                        \
    REAL("loss_sum", c->progress.loss_sum)                                                                             \
    WHOLE("loss_count", c->progress.loss_count)
#define COUNTERS(WHOLE, REAL)                                                                                          \
    WHOLE("optimiser.updates", c->optimiser->updates)                                                                  \
    REAL("optimiser.scale", c->optimiser->scale)                                                                       \
    REAL("optimiser.best", c->optimiser->best)                                                                         \
    WHOLE("optimiser.bad_epochs", c->optimiser->bad_epochs)

bool checkpoint_tensor_of_run(const char *name)
{
    return strcmp(name, STATE) == 0 || strncmp(name, ARRAYS, strlen(ARRAYS)) == 0;
}

/* ---- the checksum ------------------------------------------------------------------------------------------------ */

/* With the NUL, so that "ab", "c" is not "a", "bc". */
static uint64_t hash_text(uint64_t hash, const char *text) { return hash_bytes(hash, text, strlen(text) + 1); }

enum { CHECKSUM_TEXT = 17 };

static void checksum(const tensors *t, char out[CHECKSUM_TEXT])
{
    uint64_t sum = 0;
    for (size_t i = 0; i < t->note_count; i++) {
        const tensor_note *n = &t->notes[i];
        if (strcmp(n->key, "checksum") != 0)
            sum += hash_text(hash_text(hash_text(HASH_START, "note"), n->key), n->value);
    }
    for (size_t i = 0; i < t->len; i++) {
        const tensor *x = &t->data[i];
        uint64_t h = hash_text(hash_text(hash_text(HASH_START, "tensor"), x->name), dtype_name(x->dtype)),
                 rank = x->rank;
        h = hash_bytes(h, &rank, sizeof rank);
        for (size_t d = 0; d < x->rank; d++) {
            uint64_t n = x->dims[d];
            h = hash_bytes(h, &n, sizeof n);
        }
        sum += hash_bytes(h, x->data, x->bytes);
    }
    snprintf(out, CHECKSUM_TEXT, "%016" PRIx64, sum);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static dtype real_dtype(const trainable *m) { return m->real_size == sizeof(double) ? DTYPE_F64 : DTYPE_F32; }

static bool note_whole(tensors *t, const char *key, uint64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, v);
    return tensors_note(t, key, text);
}

static bool note_real(tensors *t, const char *key, double v)
{
    char text[64];
    snprintf(text, sizeof text, "%a", v);
    return tensors_note(t, key, text);
}

static bool put_notes(tensors *t, const checkpoint *c)
{
    const trainable *m = c->model;
    bool ok = tensors_note(t, "rnnc", FORMAT) && tensors_note(t, "model", m->model) && tensors_note(t, "hash", m->hash);
#define WORD(word)                                                                                                     \
    if (c->word) ok = ok && tensors_note(t, #word, c->word);
    CHECKPOINT_WORDS(WORD)
#undef WORD
#define WHOLE(key, v) ok = ok && note_whole(t, key, v);
#define REAL(key, v) ok = ok && note_real(t, key, v);
    PROGRESS(WHOLE, REAL)
    if (!c->optimiser) return ok;
    ok = ok && tensors_note(t, "optimiser", optimiser_rule_name(c->optimiser->options.rule));
    COUNTERS(WHOLE, REAL)
#undef WHOLE
#undef REAL
    return ok;
}

/* "optimiser/0/W"; malloc'ed, NULL without memory. */
static char *array_name(int slot, const char *param)
{
    char *name;
    return asprintf(&name, ARRAYS "%d/%s", slot, param) < 0 ? NULL : name;
}

static bool put_param(tensors *t, const trainable *m, const train_param *p, const char *name, const void *array)
{
    const char *start = (const char *)array + p->offset * m->real_size;
    return tensors_add(t, name, real_dtype(m), (size_t)p->rank, p->dims, start);
}

static bool put_tensors(tensors *t, const checkpoint *c)
{
    const trainable *m = c->model;
    for (size_t i = 0; i < m->params; i++)
        if (!put_param(t, m, &m->param[i], m->param[i].name, c->params)) return false;
    for (int s = 0; c->optimiser && s < c->optimiser->slots; s++)
        for (size_t i = 0; i < m->params; i++) {
            char *name = array_name(s, m->param[i].name);
            bool ok = name ? put_param(t, m, &m->param[i], name, c->optimiser->slot[s]) : tensors_no_memory(t);
            free(name);
            if (!ok) return false;
        }
    if (!c->state || !m->state_bytes) return true;
    return tensors_add(t, STATE, DTYPE_U8, 1, &m->state_bytes, c->state);
}

bool checkpoint_seal(tensors *t)
{
    char sum[CHECKSUM_TEXT];
    checksum(t, sum);
    return tensors_note(t, "checksum", sum);
}

bool checkpoint_write(const char *path, const checkpoint *c, char **error)
{
    tensors t = {0};
    bool ok = put_notes(&t, c) && put_tensors(&t, c) && checkpoint_seal(&t) && safetensors_write(path, &t);
    if (!ok) tensors_fault(&t, error);
    tensors_free(&t);
    return ok;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* A file being read. The first fault is kept in *error. */
typedef struct reader {
    const char *path;
    tensors file;
    bool whole; /* a checkpoint, its checksum right; else weights of another tool */
    char **error;
} reader;

static const char *note(const reader *r, const char *key) { return tensors_find_note(&r->file, key); }

static bool open_file(reader *r)
{
    char sum[CHECKSUM_TEXT];
    if (!safetensors_read(r->path, &r->file)) return tensors_fault(&r->file, r->error);
    const char *format = note(r, "rnnc"), *claimed = note(r, "checksum");
    if (!format && !claimed) return true;
    checksum(&r->file, sum);
    if (!format || !claimed || strcmp(sum, claimed) != 0)
        return fault_set(r->error, "%s: the checksum is wrong; " DAMAGED, r->path);
    if (strcmp(format, FORMAT) != 0)
        return fault_set(r->error, "%s: its format is '%s', this rnnc reads '" FORMAT "': take the rnnc that wrote it",
                         r->path, format);
    return r->whole = true;
}

static bool get_whole(const reader *r, const char *key, uint64_t *out)
{
    const char *text = note(r, key);
    char *end = NULL;
    errno = 0;
    *out = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (end && !*end && !errno) return true;
    return fault_set(r->error, "%s: metadata '%s' is missing or no whole number; " DAMAGED, r->path, key);
}

static bool get_real(const reader *r, const char *key, double *out)
{
    const char *text = note(r, key);
    char *end = NULL;
    *out = text && *text ? strtod(text, &end) : 0;
    if (end && !*end) return true;
    return fault_set(r->error, "%s: metadata '%s' is missing or no number; " DAMAGED, r->path, key);
}

/* A fault of a tensor, with what differs between the models: their names, or what they were compiled with. */
static bool other_model(const reader *r, const checkpoint *c, const char *fault)
{
    const char *of = note(r, "model"), *with = note(r, "definitions");
    if (of && strcmp(of, c->model->model) != 0)
        return fault_set(r->error,
                         "%s: %s; it belongs to model '%s', this is model '%s': give the spec that it was trained from",
                         r->path, fault, of, c->model->model);
    if (with && c->definitions && strcmp(with, c->definitions) != 0)
        return fault_set(r->error, "%s: %s; it was made with %s, this is %s: the same -D fits", r->path, fault, with,
                         c->definitions);
    return fault_set(r->error, "%s: %s; 'rnnc check -v' lists what the model has", r->path, fault);
}

static bool same_shape(const train_param *p, const tensor *t)
{
    return t->rank == (size_t)p->rank && (!t->rank || memcmp(t->dims, p->dims, t->rank * sizeof *t->dims) == 0);
}

/* Holds the tensor `name` against parameter p. Exact: it must be of the model's type. */
static bool check_tensor(const reader *r, const checkpoint *c, const train_param *p, const char *name, bool exact)
{
    const trainable *m = c->model;
    const tensor *t = tensors_find(&r->file, name);
    char *want = shape_to_text((size_t)p->rank, p->dims), *have = t ? shape_to_text(t->rank, t->dims) : NULL,
         *fault = NULL;
    bool fits = t && same_shape(p, t), good = fits;
    if (!t)
        fault_set(&fault, "the tensor '%s' %s is missing", name, want ? want : "");
    else if (!fits)
        fault_set(&fault, "the tensor '%s' has shape %s, the model has %s", name, have ? have : "", want ? want : "");
    if (!fits)
        fault ? other_model(r, c, fault) : fault_no_memory(r->error);
    else if (exact && t->dtype != real_dtype(m))
        good = fault_set(r->error, "%s: '%s' is %s, but the model computes in %s: train on with the other --real",
                         r->path, name, dtype_name(t->dtype), dtype_name(real_dtype(m)));
    else if (!dtype_is_real(t->dtype))
        good = fault_set(r->error, "%s: '%s' is %s, expected F32, F64, F16 or BF16: convert it", r->path, name,
                         dtype_name(t->dtype));
    free(want);
    free(have);
    free(fault);
    return good;
}

static const train_param *param_of(const trainable *m, const char *name)
{
    for (size_t i = 0; i < m->params; i++)
        if (strcmp(m->param[i].name, name) == 0) return &m->param[i];
    return NULL;
}

/* What is computed with a NaN or an infinity says nothing; what is beyond a float would become one. */
static bool check_finite(const reader *r, const trainable *m, const char *name)
{
    char *why = NULL;
    if (tensor_is_finite(tensors_find(&r->file, name), m->real_size, REAL_REMEDY, &why)) return true;
    why ? fault_set(r->error, "%s: %s", r->path, why) : fault_no_memory(r->error);
    free(why);
    return false;
}

/* Notes which parameters fit. */
static bool some_fit(const reader *r, const checkpoint *c)
{
    bool any = false;
    for (size_t i = 0; i < c->model->params; i++) {
        const train_param *p = &c->model->param[i];
        const tensor *t = tensors_find(&r->file, p->name);
        c->taken[i] = t && same_shape(p, t);
        any = any || c->taken[i];
    }
    return any;
}

/* Where not all must fit, one must: else a fault says what does not. */
static bool check_weights(const reader *r, const checkpoint *c, bool exact)
{
    const trainable *m = c->model;
    if (c->taken && some_fit(r, c)) {
        for (size_t i = 0; i < m->params; i++) {
            const char *name = m->param[i].name;
            if (c->taken[i] && !(check_tensor(r, c, &m->param[i], name, exact) && check_finite(r, m, name)))
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < m->params; i++)
        if (!check_tensor(r, c, &m->param[i], m->param[i].name, exact) || !check_finite(r, m, m->param[i].name))
            return false;
    for (size_t i = 0; i < r->file.len; i++) {
        const char *name = r->file.data[i].name;
        if (param_of(m, name) || (r->whole && checkpoint_tensor_of_run(name))) continue;
        char *fault = NULL;
        fault_set(&fault, "the tensor '%s' belongs to no parameter", name);
        other_model(r, c, fault);
        free(fault);
        return false;
    }
    return true;
}

static bool check_spec(const reader *r, const checkpoint *c)
{
    const char *hash = note(r, "hash"), *of = note(r, "model"), *definitions = note(r, "definitions");
    if (!hash || strcmp(hash, c->model->hash) == 0) return true;
    if (of && strcmp(of, c->model->model) != 0)
        return fault_set(r->error,
                         "%s: belongs to model '%s', this is model '%s'; its weights fit: begin with "
                         "'rnnc train --init'",
                         r->path, of, c->model->model);
    if (definitions && c->definitions && strcmp(definitions, c->definitions) != 0)
        return fault_set(r->error, "%s: was made with %s, this is %s: use the same, or begin with 'rnnc train --init'",
                         r->path, definitions, c->definitions);
    return fault_set(r->error,
                     "%s: the spec has changed since (hash %s, now %s): go back to it, or take the "
                     "weights with 'rnnc train --init'",
                     r->path, hash, c->model->hash);
}

static bool check_resumable(const reader *r)
{
    if (r->whole && note(r, "optimiser")) return true;
    return fault_set(r->error, "%s: holds weights, but no state of an optimiser: begin with --init instead", r->path);
}

static bool check_run(const reader *r, const checkpoint *c)
{
    const trainable *m = c->model;
    const optimiser *p = c->optimiser;
    const char *rule = note(r, "optimiser"), *mine = optimiser_rule_name(p->options.rule);
    if (strcmp(rule, mine) != 0)
        return fault_set(r->error, "%s: was trained by %s, not by %s: use the same optimiser, or begin with --init",
                         r->path, rule, mine);
    for (int s = 0; s < p->slots; s++)
        for (size_t i = 0; i < m->params; i++) {
            char *name = array_name(s, m->param[i].name);
            bool ok = name ? check_tensor(r, c, &m->param[i], name, true) : fault_no_memory(r->error);
            free(name);
            if (!ok) return false;
        }
    if (!c->state || !m->state_bytes) return true;
    const tensor *t = tensors_find(&r->file, STATE);
    if (t && t->dtype == DTYPE_U8 && t->bytes == m->state_bytes) return true;
    return fault_set(r->error, "%s: the carried state has %zu bytes, the model's has %zu: train on with the same batch",
                     r->path, t ? t->bytes : 0, m->state_bytes);
}

static bool read_numbers(const reader *r, checkpoint *c)
{
    bool ok = true;
#define WHOLE(key, v) ok = ok && get_whole(r, key, &v);
#define REAL(key, v) ok = ok && get_real(r, key, &v);
    if (!r->whole) return true;
    PROGRESS(WHOLE, REAL)
    if (!c->optimiser) return ok;
    COUNTERS(WHOLE, REAL)
#undef WHOLE
#undef REAL
    return ok;
}

static void take_array(const reader *r, const trainable *m, const train_param *p, const char *name, void *array)
{
    const tensor *t = tensors_find(&r->file, name);
    void *to = (char *)array + p->offset * m->real_size;
    if (m->real_size == sizeof(double))
        tensor_to_double(t, to);
    else
        tensor_to_float(t, to);
}

/* All names of arrays, [slot][parameter], made before anything is changed; NULL without memory. */
static char **array_names(const trainable *m, int slots)
{
    size_t n = (size_t)slots * m->params, made = 0;
    char **names = calloc(n + 1, sizeof *names);
    while (names && made < n && (names[made] = array_name((int)(made / m->params), m->param[made % m->params].name)))
        made++;
    if (names && made == n) return names;
    for (size_t i = 0; names && i < made; i++) free(names[i]);
    free(names);
    return NULL;
}

static void take_run(const reader *r, const checkpoint *c, char **names)
{
    const trainable *m = c->model;
    for (int s = 0; s < c->optimiser->slots; s++)
        for (size_t i = 0; i < m->params; i++)
            take_array(r, m, &m->param[i], names[(size_t)s * m->params + i], c->optimiser->slot[s]);
    if (c->state && m->state_bytes) memcpy(c->state, tensors_find(&r->file, STATE)->data, m->state_bytes);
}

/* Into *c, once everything fits. */
static bool take(const reader *r, checkpoint *c)
{
    const trainable *m = c->model;
    const char *symbols = note(r, "vocabulary");
    optimiser counters = {0};
    checkpoint read = *c;
    read.progress = (progress){.best_loss = INFINITY};
    if (c->optimiser) {
        counters = *c->optimiser;
        read.optimiser = &counters;
    }
    if (!read_numbers(r, &read)) return false;
    char *vocabulary = symbols ? strdup(symbols) : NULL, **names = array_names(m, counters.slots);
    bool ok = names && (!symbols || vocabulary);
    if (ok) {
        for (size_t i = 0; i < m->params; i++)
            if (!c->taken || c->taken[i]) take_array(r, m, &m->param[i], m->param[i].name, c->params);
        if (c->optimiser) {
            take_run(r, c, names);
            *c->optimiser = counters;
        }
        c->progress = read.progress;
        c->vocabulary = vocabulary;
    } else {
        free(vocabulary);
        fault_no_memory(r->error);
    }
    for (size_t i = 0; names && i < (size_t)counters.slots * m->params; i++) free(names[i]);
    free(names);
    return ok;
}

bool checkpoint_read(const char *path, checkpoint *c, char **error)
{
    reader r = {.path = path, .error = error};
    bool resumes = c->optimiser != NULL;
    bool ok = open_file(&r) && (!resumes || check_resumable(&r)) && check_weights(&r, c, resumes) &&
              (!resumes || check_spec(&r, c)) && (!resumes || check_run(&r, c)) && take(&r, c);
    tensors_free(&r.file);
    return ok;
}

/* A copy of an entry; NULL where it is absent, or without memory: *ok is then false. */
static char *copy_note(const reader *r, const char *key, bool *ok)
{
    const char *text = note(r, key);
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) *ok = fault_no_memory(r->error);
    return copy;
}

bool checkpoint_peek(const char *path, checkpoint_words *w, char **error)
{
    reader r = {.path = path, .error = error};
    bool ok = open_file(&r);
    *w = (checkpoint_words){0};
#define WORD(word) w->word = ok ? copy_note(&r, #word, &ok) : NULL;
    CHECKPOINT_WORDS_READ(WORD)
#undef WORD
    tensors_free(&r.file);
    return ok;
}

void checkpoint_words_free(checkpoint_words *w)
{
#define WORD(word) free(w->word);
    CHECKPOINT_WORDS_READ(WORD)
#undef WORD
    *w = (checkpoint_words){0};
}

double checkpoint_loss(const char *path, const trainable *m)
{
    char *error = NULL;
    double loss = INFINITY;
    reader r = {.path = path, .error = &error};
    const char *hash = open_file(&r) ? note(&r, "hash") : NULL;
    if (!hash || strcmp(hash, m->hash) != 0 || !get_real(&r, "best_loss", &loss)) loss = INFINITY;
    free(error);
    tensors_free(&r.file);
    return loss;
}
