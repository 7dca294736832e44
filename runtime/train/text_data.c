/* text_data.c: from the bytes of a text to ids, streams, blocks and batches; see text_data.h.
 *
 * The ids of a file are kept as bytes for characters and as int for words. A batch is written into one of a few buffers
 * when it is asked for. */
#define _GNU_SOURCE 1
#include "train/text_data.h"
#include "train/dataset_split.h"
#include "train/fault.h"
#include "train/vocabulary.h"
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { READ_FIRST = 1 << 16 }; /* bytes of the first buffer for a file */

/* A text as B streams of `blocks` blocks of T steps. */
typedef struct stream {
    unsigned char *byte; /* ids of characters, or NULL */
    int *word;           /* ids of words, or NULL */
    size_t count;        /* of ids before the cut */
    size_t blocks;
} stream;

struct text_data {
    data_options options;
    const char *path;
    vocabulary vocabulary;
    char *json;
    stream text, validation; /* validation: of a file of its own; else empty */
    data_split split;
    int *buffer[PART_COUNT][2]; /* inputs and targets of a batch */
    const void **input[PART_COUNT];
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The whole file; pipes are files, too. */
static char *read_file(const char *path, size_t *n, char **error)
{
    struct stat s;
    size_t room = READ_FIRST, got;
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    *n = 0;
    if (!f || fstat(fileno(f), &s) != 0) {
        fault_set(error, "%s: cannot be opened: %s", path, strerror(errno));
        if (f) fclose(f);
        return NULL;
    }
    if (S_ISREG(s.st_mode) && s.st_size > 0) room = (size_t)s.st_size + 1; /* so that the end is met in one reading */
    do {
        char *grown = realloc(text, room);
        if (!grown) {
            free(text);
            fclose(f);
            fault_no_memory(error);
            return NULL;
        }
        text = grown;
        errno = 0;
        got = fread(text + *n, 1, room - *n, f);
        *n += got;
        if (*n == room) room *= 2;
    } while (got && !ferror(f));
    bool ok = !ferror(f) || fault_set(error, "%s: cannot be read: %s", path, strerror(errno));
    fclose(f);
    if (ok && *n == 0) ok = fault_set(error, "%s: is empty: give a text", path);
    if (ok) return text;
    free(text);
    return NULL;
}

/* "line 3, column 5" of a byte: for messages. */
static void place_of(const char *text, size_t at, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at; i++) {
        ++*column;
        if (text[i] != '\n') continue;
        ++*line;
        *column = 1;
    }
}

static bool unknown_symbol(const text_data *d, const char *path, const char *text, size_t at, char **error)
{
    size_t line, column;
    unsigned char c = (unsigned char)text[at];
    place_of(text, at, &line, &column);
    const char *of = d->options.validation && path == d->options.validation ? d->path : "the checkpoint";
    if (c > ' ' && c < 127)
        return fault_set(error,
                         "%s: line %zu, column %zu: the character '%c' is not in the vocabulary of %s: take it "
                         "out, or train on a text that has it",
                         path, line, column, c, of);
    return fault_set(error,
                     "%s: line %zu, column %zu: the byte 0x%02x is not in the vocabulary of %s: take it out, or "
                     "train on a text that has it",
                     path, line, column, c, of);
}

/* The text as ids. */
static bool encode(const text_data *d, stream *s, const char *path, const char *text, size_t n, char **error)
{
    bool words = d->vocabulary.words;
    size_t at = 0, length, i = 0;
    const char *found;
    s->count = 0;
    if (!words) s->count = n;
    while (words && vocabulary_next(true, text, n, &at, &found, &length)) s->count++;
    if (s->count == 0) return fault_set(error, "%s: holds no words: give a text", path);
    if (words ? !(s->word = calloc(s->count, sizeof *s->word)) : !(s->byte = malloc(s->count)))
        return fault_no_memory(error);
    for (at = 0; vocabulary_next(words, text, n, &at, &found, &length); i++) {
        int id = vocabulary_find(&d->vocabulary, found, length);
        if (id < 0) return unknown_symbol(d, path, text, (size_t)(found - text), error);
        if (words)
            s->word[i] = id;
        else
            s->byte[i] = (unsigned char)id;
    }
    return true;
}

/* The number of blocks; a text shorter than one is an error. */
static bool lay_out(const text_data *d, stream *s, const char *path, char **error)
{
    size_t b = d->options.batch, t = d->options.steps, block;
    const char *what = d->vocabulary.words ? "words" : "characters";
    if (b == 0 || t == 0 || b > INT_MAX || t > INT_MAX || __builtin_mul_overflow(b, t, &block) || block > INT_MAX)
        return fault_set(error,
                         "a batch of %zu sequences of %zu steps is not possible: their product goes from 1 to %d", b, t,
                         INT_MAX);
    s->blocks = s->count / block;
    return s->blocks > 0 ||
           fault_set(error,
                     "%s: is too short: %zu %s, but one block of %zu sequences x %zu steps needs %zu; give a "
                     "longer text, fewer sequences (--batch) or fewer steps (--steps)",
                     path, s->count, what, b, t, block);
}

static bool read_vocabulary(text_data *d, const char *text, size_t n, const char *vocabulary_of, char **error)
{
    bool words = d->options.words != NULL;
    vocabulary *v = &d->vocabulary;
    if (!vocabulary_of && words) return vocabulary_of_words(v, text, n, d->options.vocabulary, error);
    if (!vocabulary_of) return vocabulary_of_characters(v, text, n, error);
    if (!vocabulary_from_json(v, vocabulary_of, error)) return false;
    if (v->words != words)
        return fault_set(error, "%s: the checkpoint was trained on %s: give the text with %s", d->path,
                         v->words ? "words" : "characters", v->words ? "--words" : "--text");
    return true;
}

static bool read_texts(text_data *d, const char *vocabulary_of, char **error)
{
    size_t n, m;
    const char *other = d->options.validation;
    char *text = read_file(d->path, &n, error);
    if (!text) return false;
    bool ok = read_vocabulary(d, text, n, vocabulary_of, error) && encode(d, &d->text, d->path, text, n, error) &&
              lay_out(d, &d->text, d->path, error);
    free(text);
    if (!ok || !other) return ok;
    text = read_file(other, &m, error);
    ok = text && encode(d, &d->validation, other, text, m, error) && lay_out(d, &d->validation, other, error);
    free(text);
    return ok;
}

text_data *text_data_open(const data_options *o, const char *vocabulary_of, char **error)
{
    text_data *d = calloc(1, sizeof *d);
    if (!d) return fault_no_memory(error), NULL;
    d->options = *o;
    d->path = o->words ? o->words : o->text;
    bool ok = read_texts(d, vocabulary_of, error);
    if (ok) {
        d->split = data_split_of(o, d->text.blocks);
        d->json = vocabulary_to_json(&d->vocabulary);
        ok = d->json || fault_no_memory(error);
    }
    if (ok) return d;
    text_data_close(d);
    return NULL;
}

void text_data_close(text_data *d)
{
    if (!d) return;
    for (int p = 0; p < PART_COUNT; p++) {
        free(d->buffer[p][0]);
        free(d->buffer[p][1]);
        free(d->input[p]);
    }
    free(d->text.byte);
    free(d->text.word);
    free(d->validation.byte);
    free(d->validation.word);
    free(d->json);
    vocabulary_free(&d->vocabulary);
    free(d);
}

size_t text_data_symbols(const text_data *d) { return d->vocabulary.count; }

size_t text_data_steps(const text_data *d) { return d->text.count; }

const char *text_data_vocabulary(const text_data *d) { return d->json; }

/* ---- the model --------------------------------------------------------------------------------------------------- */

static const char option_name[2][8] = {"--text", "--words"};

/* A text is one sequence of tokens, and its target another: x[t] : token(V), y[t] : token(V). */
static bool check_value(const text_data *d, const trainable *m, const train_value *v, char **error)
{
    const char *option = option_name[d->options.words != NULL];
    if (!v->token || v->axes != 3)
        return fault_set(error, "%s: %s gives tokens over one time axis, but '%s' is none; give arrays (--data)",
                         m->model, option, v->name);
    if (v->classes < d->vocabulary.count)
        return fault_set(error,
                         "%s: has %zu different %s, but '%s' is token(%zu); write its size `from data`, or as at "
                         "least %zu",
                         d->path, d->vocabulary.count, d->vocabulary.words ? "words" : "characters", v->name,
                         v->classes, d->vocabulary.count);
    return true;
}

bool text_data_bind(text_data *d, const trainable *m, char **error)
{
    size_t slot[2], count[2] = {0, 0}, size = d->options.batch * d->options.steps;
    for (size_t i = 0; i < m->inputs; i++) {
        if (!check_value(d, m, &m->input[i], error)) return false;
        slot[m->input[i].target] = i;
        count[m->input[i].target]++;
    }
    if (count[0] != 1 || count[1] > 1 || m->axes != 1)
        return fault_set(error,
                         "%s: has %zu inputs and %zu targets over %d time axes; %s gives one input and one target "
                         "over one; give arrays (--data)",
                         m->model, count[0], count[1], m->axes, option_name[d->options.words != NULL]);
    if (d->options.batch > m->max_sequences)
        return fault_set(error, "%s: was compiled for %zu sequences, fewer than a batch of %zu", m->model,
                         m->max_sequences, d->options.batch);
    for (int p = 0; p < PART_COUNT; p++) {
        free(d->input[p]);
        d->input[p] = calloc(m->inputs, sizeof *d->input[p]);
        if (!d->input[p]) return fault_no_memory(error);
        for (size_t k = 0; k < 2; k++) {
            if (!d->buffer[p][k]) d->buffer[p][k] = calloc(size, sizeof *d->buffer[p][k]);
            if (!d->buffer[p][k]) return fault_no_memory(error);
            if (count[k]) d->input[p][slot[k]] = d->buffer[p][k];
        }
    }
    return true;
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static const stream *stream_of(const text_data *d, data_part part)
{
    return part == PART_VALIDATE && d->options.validation ? &d->validation : &d->text;
}

size_t text_data_batches(const text_data *d, data_part part)
{
    const stream *s = stream_of(d, part);
    return s == &d->validation ? s->blocks : data_split_count(&d->split, part);
}

static int id_at(const stream *s, size_t at) { return s->byte ? s->byte[at] : s->word[at]; }

data_batch text_data_batch(text_data *d, data_part part, size_t index)
{
    const stream *s = stream_of(d, part);
    size_t b = d->options.batch, t = d->options.steps, length = s->blocks * t, count = length * b;
    size_t block = s == &d->validation ? index : d->split.first[part] + index;
    for (size_t n = 0; n < b; n++)
        for (size_t k = 0; k < t; k++) {
            size_t at = n * length + block * t + k;
            d->buffer[part][0][k * b + n] = id_at(s, at);
            d->buffer[part][1][k * b + n] = id_at(s, at + 1 < count ? at + 1 : 0);
        }
    data_batch batch = {.sequences = b, .input = d->input[part], .fresh = index == 0};
    batch.steps[1] = t;
    return batch;
}

char *text_data_summary(const text_data *d)
{
    char *line;
    int n = asprintf(&line, "%zu %s, %zu different; blocks of %zu x %zu: %zu train, %zu validate, %zu test",
                     d->text.count, d->vocabulary.words ? "words" : "characters", d->vocabulary.count, d->options.batch,
                     d->options.steps, text_data_batches(d, PART_TRAIN), text_data_batches(d, PART_VALIDATE),
                     text_data_batches(d, PART_TEST));
    return n < 0 ? NULL : line;
}
