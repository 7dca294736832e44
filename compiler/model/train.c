/* train.c: the settings of `train { }`: defaults that the trainer reads, checked here. */
#include "model/context.h"

#include <math.h>
#include <string.h>

typedef enum setting_kind {
    SETTING_WHOLE,
    SETTING_NUMBER,
    SETTING_FRACTION,
    SETTING_WORD,
    SETTING_PATTERN
} setting_kind;

/* A word: one of `words`, separated by blanks. A number: at least `least`. */
static const struct setting {
    const char *key;
    setting_kind kind;
    double least;
    const char *words;
} settings[] = {
#define WHOLE(key, least) {#key, SETTING_WHOLE, least, NULL},
#define NUMBER(key) {#key, SETTING_NUMBER, 0, NULL},
#define FRACTION(key) {#key, SETTING_FRACTION, 0, NULL},
#define PATTERN(key) {#key, SETTING_PATTERN, 0, NULL},
#define WORD(key, words) {#key, SETTING_WORD, 0, words},
#include "model/train.def"
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static bool one_of(const char *words, name word)
{
    size_t n = strlen(word);
    for (const char *w = words; w; w = strchr(w, ' ')) {
        if (*w == ' ') w++;
        if (!strncmp(w, word, n) && (!w[n] || w[n] == ' ')) return true;
    }
    return false;
}

static void value_is(context *c, span at, const struct setting *k)
{
    switch (k->kind) {
    case SETTING_WHOLE:
        diag(c->diags, at, E_TRAIN_VALUE, k->key, arena_printf(c->arena, "a whole number from %g", k->least));
        break;
    case SETTING_PATTERN:
    case SETTING_NUMBER: diag(c->diags, at, E_TRAIN_VALUE, k->key, "a number, at least 0"); break;
    case SETTING_FRACTION: diag(c->diags, at, E_TRAIN_VALUE, k->key, "a number from 0 to below 1"); break;
    case SETTING_WORD: diag(c->diags, at, E_TRAIN_VALUE, k->key, arena_printf(c->arena, "one of: %s", k->words)); break;
    }
}

static void take(context *c, const tree_map *line, const struct setting *k)
{
    model_instance *s = c->model->instances.data[0];
    train_setting made = {.key = line->left->name, .pattern = line->pattern, .at = line->at};
    const tree_expr *why;
    if ((k->kind == SETTING_PATTERN) != (line->pattern != NULL)) {
        diag(c->diags, line->left->at, E_TRAIN_VALUE, k->key,
             line->pattern ? "one for all parameters" : "one for parameters of a pattern");
        diag_hint(c->diags, line->pattern ? "%s = ...; the rate of some: group \"%s\" = 0.1" : "%s \"%s\" = 0.1",
                  k->key, line->pattern ? line->pattern : "e.*");
        return;
    }
    for (size_t i = 0; i < c->model->train.len; i++)
        if (c->model->train.data[i].key == made.key && c->model->train.data[i].pattern == made.pattern) {
            diag(c->diags, line->left->at, E_REDECLARED, made.key);
            diag_add_note(c->diags, c->model->train.data[i].at, "the first is here");
            return;
        }
    if (k->kind == SETTING_WORD) {
        made.is_word = true;
        if (line->right->kind != TREE_NAME || !one_of(k->words, line->right->name)) {
            value_is(c, line->right->at, k);
            return;
        }
        made.word = line->right->name;
    } else {
        size_state state = size_eval(c, s, line->right, &made.value, &why);
        if (state == SIZE_BROKEN) return;
        double v = made.value;
        bool good = state == SIZE_KNOWN && v >= k->least && isfinite(v);
        if (k->kind == SETTING_WHOLE) good = good && v == floor(v) && v <= 9e15;
        if (k->kind == SETTING_FRACTION) good = good && v < 1;
        if (!good) {
            value_is(c, line->right->at, k);
            return;
        }
    }
    array_push(c->arena, &c->model->train, made);
}

/* What other tools call the settings. */
static const struct {
    const char *word, *key;
} aliases[] = {
    {"learning_rate", "rate"}, {"lr", "rate"},        {"weight_decay", "decay"}, {"batch_size", "batch"},
    {"gradient_clip", "clip"}, {"grad_clip", "clip"},
};

void train_expand(context *c, const tree_stmt *t)
{
    for (size_t i = 0; i < t->block.maps.len; i++) {
        const tree_map *line = &t->block.maps.data[i];
        const char *known[SETTINGS];
        const struct setting *k = NULL;
        name key = line->left->kind == TREE_NAME ? line->left->name : NULL;
        for (int j = 0; j < SETTINGS; j++) {
            known[j] = settings[j].key;
            if (key && !strcmp(key, settings[j].key)) k = &settings[j];
        }
        if (k) {
            take(c, line, k);
            continue;
        }
        diag(c->diags, line->left->at, E_TRAIN_KEY, tree_text(c, line->left));
        const char *near = key ? name_nearest(key, known, SETTINGS) : NULL;
        for (size_t j = 0; key && j < sizeof aliases / sizeof aliases[0]; j++)
            if (!strcmp(key, aliases[j].word)) near = aliases[j].key;
        if (near) diag_hint(c->diags, "did you mean '%s'?", near);
    }
}
