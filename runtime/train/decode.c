/* decode.c: beam search, and the two ways to decode ctc; see decode.h. */
#include "train/decode.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- the best candidates ----------------------------------------------------------------------------------------- */

typedef struct candidate {
    size_t from; /* hypothesis; of ctc: entry of the beam */
    int symbol;  /* -1, of ctc: the entry stays as it is */
    double log_p;
    double blank, label; /* of ctc: of the ways that end with a blank, with the last label; log_p is their sum */
} candidate;

typedef struct candidates {
    candidate *best; /* likeliest first */
    size_t count, most;
} candidates;

/* Of equals the first that was offered stays in front. */
static void offer(candidates *c, candidate new)
{
    if (!(new.log_p > -INFINITY)) return;
    if (c->count == c->most && !(new.log_p > c->best[c->count - 1].log_p)) return;
    size_t at = c->count < c->most ? c->count++ : c->count - 1;
    for (; at > 0 && new.log_p > c->best[at - 1].log_p; at--) c->best[at] = c->best[at - 1];
    c->best[at] = new;
}

static size_t power_of(size_t base, size_t exponent, size_t most)
{
    size_t n = 1;
    while (exponent-- && n < most) n = n > most / base ? most : n * base;
    return n < most ? n : most;
}

/* ---- beam search ------------------------------------------------------------------------------------------------- */

typedef struct beam {
    const beam_options *o;
    size_t count, length; /* hypotheses; symbols of each, the prompt's among them */
    int *symbol, *next;   /* [width][room]: of this step and of the one before */
    size_t room;
    double *log_p; /* of each hypothesis */
    size_t *parent;
    const int **pointer;
    double *distribution;
    candidates chosen;
    beam_result *best;
} beam;

static double score_of(const beam_options *o, double log_p, size_t symbols)
{
    return o->power > 0 ? log_p / pow((double)symbols, o->power) : log_p;
}

static bool elect(beam *b, const int *symbol, double log_p, bool ended)
{
    size_t drawn = b->length - b->o->prompt_length + ended;
    double score = score_of(b->o, log_p, drawn);
    if (b->best->symbol && !(score > b->best->score)) return true;
    int *copy = malloc((drawn + 1) * sizeof *copy);
    if (!copy) return false;
    free(b->best->symbol);
    *b->best = (beam_result){copy, drawn - ended, ended, log_p, score};
    memcpy(copy, symbol + b->o->prompt_length, b->best->count * sizeof *copy);
    return true;
}

/* No hypothesis of the beam can become better: what follows only makes it less likely, but longer. */
static bool decided(const beam *b)
{
    if (!b->best->symbol) return b->count == 0;
    for (size_t i = 0; i < b->count; i++)
        if (score_of(b->o, b->log_p[i], b->o->length) > b->best->score) return false;
    return true;
}

/* The hypotheses of the next step, out of those of this one. */
static bool follow(beam *b)
{
    const beam_options *o = b->o;
    size_t live = 0;
    for (size_t k = 0; k < b->chosen.count; k++) {
        const candidate *c = &b->chosen.best[k];
        const int *from = b->symbol + c->from * b->room;
        if (c->symbol == o->end) {
            if (!elect(b, from, c->log_p, true)) return false;
            continue;
        }
        int *to = b->next + live * b->room;
        memcpy(to, from, b->length * sizeof *to);
        to[b->length] = c->symbol;
        b->log_p[live] = c->log_p;
        b->parent[live++] = c->from;
    }
    int *keep = b->symbol;
    b->symbol = b->next;
    b->next = keep;
    b->count = live;
    b->length++;
    return true;
}

static bool search(beam *b, decode_advance *advance, void *self)
{
    const beam_options *o = b->o;
    for (size_t drawn = 0; drawn < o->length && !decided(b); drawn++) {
        for (size_t i = 0; i < b->count; i++) b->pointer[i] = b->symbol + i * b->room;
        if (!advance(self, b->count, b->pointer, b->parent, b->length, b->distribution)) return false;
        b->chosen.count = 0;
        for (size_t i = 0; i < b->count; i++)
            for (size_t c = 0; c < o->classes; c++)
                offer(&b->chosen, (candidate){.from = i,
                                              .symbol = (int)c,
                                              .log_p = b->log_p[i] + b->distribution[i * o->classes + c]});
        if (!follow(b)) return false;
    }
    for (size_t i = 0; i < b->count; i++) /* those that have not ended when the length is reached */
        if (b->length - o->prompt_length == o->length && !elect(b, b->symbol + i * b->room, b->log_p[i], false))
            return false;
    return true;
}

bool beam_search(const beam_options *o, decode_advance *advance, void *self, beam_result *result)
{
    size_t width = power_of(o->classes, o->length, o->width); /* more hypotheses there cannot be */
    beam b = {.o = o, .count = 1, .length = o->prompt_length, .room = o->prompt_length + o->length, .best = result};
    *result = (beam_result){.log_p = -INFINITY, .score = -INFINITY};
    b.symbol = calloc(width * b.room, sizeof *b.symbol);
    b.next = calloc(width * b.room, sizeof *b.next);
    b.log_p = calloc(width, sizeof *b.log_p);
    b.parent = calloc(width, sizeof *b.parent);
    b.pointer = calloc(width, sizeof *b.pointer);
    b.distribution = malloc(width * o->classes * sizeof *b.distribution);
    b.chosen = (candidates){.best = calloc(width, sizeof *b.chosen.best), .most = width};
    bool good = b.symbol && b.next && b.log_p && b.parent && b.pointer && b.distribution && b.chosen.best;
    if (good) memcpy(b.symbol, o->prompt, o->prompt_length * sizeof *b.symbol);
    good = good && search(&b, advance, self);
    if (good && !result->symbol) good = (result->symbol = calloc(1, sizeof *result->symbol)) != NULL;
    free(b.symbol);
    free(b.next);
    free(b.log_p);
    free(b.parent);
    free(b.pointer);
    free(b.distribution);
    free(b.chosen.best);
    if (!good) {
        free(result->symbol);
        result->symbol = NULL;
    }
    return good;
}

/* ---- ctc --------------------------------------------------------------------------------------------------------- */

size_t ctc_greedy(const double *log_p, size_t steps, size_t classes, int blank, int *label, double *score)
{
    size_t count = 0;
    *score = 0;
    int before = -1;
    for (size_t t = 0; t < steps; t++, log_p += classes) {
        int best = 0;
        for (size_t c = 1; c < classes; c++)
            if (log_p[c] > log_p[best]) best = (int)c;
        *score += log_p[best];
        if (best != before && best != blank) label[count++] = best;
        before = best;
    }
    return count;
}

enum { NONE = -1 };

/* A beginning of labels, in a tree of them, so that two ways to the same one meet. */
typedef struct prefix {
    int label;
    ptrdiff_t parent, first_child, next_sibling;
} prefix;

/* An entry of the beam: log probability of the ways that end with a blank, and with the last label. */
typedef struct entry {
    ptrdiff_t prefix;
    double blank, label;
} entry;

typedef struct ctc {
    size_t classes;
    int blank;
    prefix *tree;
    size_t prefixes;
    entry *entry, *next;
    size_t entries;
    ptrdiff_t *place; /* of a prefix in the beam; NONE: it is not there */
    ptrdiff_t *child; /* [classes]: of the entry at hand, by label */
    double *arriving; /* [entries]: what comes to an entry from its parent in the beam */
    candidates chosen;
} ctc;

static double log_add(double a, double b)
{
    double most = a > b ? a : b, least = a > b ? b : a;
    return least > -INFINITY ? most + log1p(exp(least - most)) : most;
}

static void children_of(ctc *c, ptrdiff_t p, bool set)
{
    for (ptrdiff_t k = c->tree[p].first_child; k != NONE; k = c->tree[k].next_sibling)
        c->child[c->tree[k].label] = set ? k : NONE;
}

/* log p of adding a label to an entry: after the same label only where a blank stands between. */
static double extended(const ctc *c, const entry *e, int label, const double *log_p)
{
    double before = c->tree[e->prefix].label == label ? e->blank : log_add(e->blank, e->label);
    return before + log_p[label];
}

static void step(ctc *c, const double *log_p)
{
    c->chosen.count = 0;
    for (size_t i = 0; i < c->entries; i++) c->arriving[i] = -INFINITY;
    for (size_t i = 0; i < c->entries; i++) {
        const prefix *p = &c->tree[c->entry[i].prefix];
        ptrdiff_t at = p->parent == NONE ? NONE : c->place[p->parent];
        if (at != NONE) c->arriving[i] = extended(c, &c->entry[at], p->label, log_p);
    }
    for (size_t i = 0; i < c->entries; i++) {
        const entry *e = &c->entry[i];
        const prefix *p = &c->tree[e->prefix];
        candidate stay = {.from = i, .symbol = NONE, .blank = log_add(e->blank, e->label) + log_p[c->blank]};
        stay.label = log_add(p->label == NONE ? -INFINITY : e->label + log_p[p->label], c->arriving[i]);
        stay.log_p = log_add(stay.blank, stay.label);
        offer(&c->chosen, stay);
        children_of(c, e->prefix, true);
        for (int k = 0; k < (int)c->classes; k++) {
            if (k == c->blank || (c->child[k] != NONE && c->place[c->child[k]] != NONE)) continue;
            double log = extended(c, e, k, log_p);
            offer(&c->chosen, (candidate){.from = i, .symbol = k, .log_p = log, .blank = -INFINITY, .label = log});
        }
        children_of(c, e->prefix, false);
    }
}

static ptrdiff_t child_of(ctc *c, ptrdiff_t parent, int label)
{
    for (ptrdiff_t k = c->tree[parent].first_child; k != NONE; k = c->tree[k].next_sibling)
        if (c->tree[k].label == label) return k;
    ptrdiff_t made = (ptrdiff_t)c->prefixes++;
    c->tree[made] = (prefix){label, parent, NONE, c->tree[parent].first_child};
    c->tree[parent].first_child = made;
    c->place[made] = NONE;
    return made;
}

/* The candidates are the beam of the next step. */
static void take_chosen(ctc *c)
{
    for (size_t i = 0; i < c->entries; i++) c->place[c->entry[i].prefix] = NONE;
    for (size_t i = 0; i < c->chosen.count; i++) {
        const candidate *k = &c->chosen.best[i];
        ptrdiff_t p = c->entry[k->from].prefix;
        if (k->symbol != NONE) p = child_of(c, p, k->symbol);
        c->next[i] = (entry){p, k->blank, k->label};
        c->place[p] = (ptrdiff_t)i;
    }
    entry *keep = c->entry;
    c->entry = c->next;
    c->next = keep;
    c->entries = c->chosen.count;
}

static size_t spell(const ctc *c, ptrdiff_t p, int *label)
{
    size_t count = 0;
    for (ptrdiff_t k = p; c->tree[k].parent != NONE; k = c->tree[k].parent) count++;
    size_t at = count;
    for (ptrdiff_t k = p; c->tree[k].parent != NONE; k = c->tree[k].parent) label[--at] = c->tree[k].label;
    return count;
}

/* Labels of at most `steps` classes: so many prefixes there can be, and no more are in a beam. */
static size_t useful_width(size_t width, size_t classes, size_t steps)
{
    size_t labels = classes > 1 ? classes - 1 : 1, all = 1;
    for (size_t t = 1; t <= steps && all < width; t++) all += power_of(labels, t, width);
    return all < width ? all : width;
}

bool ctc_beam(const double *log_p, size_t steps, size_t classes, int blank, size_t width, int *label, size_t *count,
              double *score)
{
    width = useful_width(width, classes, steps);
    size_t most = 1 + steps * width;
    ctc c = {.classes = classes, .blank = blank};
    c.tree = malloc(most * sizeof *c.tree);
    c.place = malloc(most * sizeof *c.place);
    c.child = malloc(classes * sizeof *c.child);
    c.entry = calloc(width, sizeof *c.entry);
    c.next = calloc(width, sizeof *c.next);
    c.arriving = calloc(width, sizeof *c.arriving);
    c.chosen = (candidates){.best = calloc(width, sizeof *c.chosen.best), .most = width};
    bool good = c.tree && c.place && c.child && c.entry && c.next && c.arriving && c.chosen.best;
    if (good) {
        for (size_t k = 0; k < classes; k++) c.child[k] = NONE;
        c.tree[c.prefixes++] = (prefix){NONE, NONE, NONE, NONE};
        c.place[0] = 0;
        c.entry[c.entries++] = (entry){.prefix = 0, .blank = 0, .label = -INFINITY};
        for (size_t t = 0; t < steps; t++) {
            step(&c, log_p + t * classes);
            take_chosen(&c);
        }
        *count = c.entries ? spell(&c, c.entry[0].prefix, label) : 0;
        *score = c.entries ? log_add(c.entry[0].blank, c.entry[0].label) : -INFINITY;
    }
    free(c.tree);
    free(c.place);
    free(c.child);
    free(c.entry);
    free(c.next);
    free(c.arriving);
    free(c.chosen.best);
    return good;
}
