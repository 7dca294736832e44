/* vocabulary.c: counting, sorting, finding and storing symbols; see vocabulary.h. */
#define _GNU_SOURCE 1
#include "train/vocabulary.h"
#include "train/fault.h"
#include "train/hash.h"
#include <jansson.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES = 256,
    FIRST_SLOTS = 1024,       /* of a hash table; a power of two, as all its sizes */
    SYMBOLS_MAX = INT_MAX / 4 /* ids are int */
};

/* ---- symbols of a text ------------------------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

bool vocabulary_next(bool words, const char *text, size_t n, size_t *at, const char **start, size_t *length)
{
    while (words && *at < n && is_blank(text[*at])) ++*at;
    if (*at == n) return false;
    *start = text + *at;
    *length = 1;
    if (words && **start == '\n') {
        ++*at;
        *start = VOCABULARY_END;
        *length = sizeof VOCABULARY_END - 1;
        return true;
    }
    if (words)
        while (*at + *length < n && !is_blank(text[*at + *length]) && text[*at + *length] != '\n') ++*length;
    *at += *length;
    return true;
}

/* ---- the hash table ---------------------------------------------------------------------------------------------- */

static uint64_t hash(const char *bytes, size_t length)
{
    uint64_t h = hash_bytes(HASH_START, bytes, length);
    return h ^ h >> 32;
}

/* The slot that holds the symbol, or the free one where it belongs. */
static size_t find_slot(const vocabulary *v, const char *bytes, size_t length)
{
    size_t i = (size_t)hash(bytes, length) & (v->slots - 1);
    while (v->slot[i] >= 0) {
        const symbol *s = &v->symbol[v->slot[i]];
        if (s->length == length && memcmp(s->bytes, bytes, length) == 0) break;
        i = (i + 1) & (v->slots - 1);
    }
    return i;
}

/* Makes the table anew over all symbols, at most half full with one more of them. */
static bool index_symbols(vocabulary *v)
{
    size_t slots = FIRST_SLOTS;
    while (slots / 4 <= v->count) slots *= 2;
    int *slot = malloc(slots * sizeof *slot);
    if (!slot) return false;
    memset(slot, -1, slots * sizeof *slot);
    free(v->slot);
    v->slot = slot;
    v->slots = slots;
    for (size_t i = 0; i < v->count; i++) slot[find_slot(v, v->symbol[i].bytes, v->symbol[i].length)] = (int)i;
    return true;
}

/* Appends a symbol and returns its id; -1 without memory. The list grows with the table: a quarter of the slots. */
static int add_symbol(vocabulary *v, const char *bytes, size_t length)
{
    if (v->count >= SYMBOLS_MAX) return -1;
    if (v->count >= v->slots / 4) {
        if (!index_symbols(v)) return -1;
        symbol *grown = realloc(v->symbol, v->slots / 4 * sizeof *grown);
        if (!grown) return -1;
        v->symbol = grown;
    }
    symbol s = {malloc(length + 1), length};
    if (!s.bytes) return -1;
    memcpy(s.bytes, bytes, length);
    s.bytes[length] = '\0';
    size_t at = find_slot(v, bytes, length);
    v->symbol[v->count] = s;
    v->slot[at] = (int)v->count;
    return (int)v->count++;
}

int vocabulary_find(const vocabulary *v, const char *bytes, size_t length)
{
    if (!v->slots) return -1;
    int id = v->slot[find_slot(v, bytes, length)];
    if (id < 0 && v->words) id = v->slot[find_slot(v, VOCABULARY_UNKNOWN, sizeof VOCABULARY_UNKNOWN - 1)];
    return id;
}

void vocabulary_free(vocabulary *v)
{
    for (size_t i = 0; i < v->count; i++) free(v->symbol[i].bytes);
    free(v->symbol);
    free(v->slot);
    *v = (vocabulary){0};
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

bool vocabulary_of_characters(vocabulary *v, const char *text, size_t n, char **error)
{
    bool seen[BYTES] = {false};
    *v = (vocabulary){.words = false};
    for (size_t i = 0; i < n; i++) seen[(unsigned char)text[i]] = true;
    for (int i = 0; i < BYTES; i++) {
        char c = (char)i;
        if (!seen[i] || add_symbol(v, &c, 1) >= 0) continue;
        vocabulary_free(v);
        return fault_no_memory(error);
    }
    return true;
}

/* A word of the text with how often it stands there. */
typedef struct counted {
    symbol symbol;
    uint64_t count;
} counted;

static int compare_bytes(const symbol *a, const symbol *b)
{
    size_t n = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->bytes, b->bytes, n);
    return order ? order : a->length < b->length ? -1 : a->length > b->length;
}

static int by_frequency(const void *x, const void *y)
{
    const counted *a = x, *b = y;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    return compare_bytes(&a->symbol, &b->symbol);
}

static bool is_word(const symbol *s, const char *word)
{
    return s->length == strlen(word) && memcmp(s->bytes, word, s->length) == 0;
}

/* All words in `all`, counted; <unk> is among them even where the text does not have it. */
static counted *count_words(vocabulary *all, const char *text, size_t n)
{
    uint64_t *count = NULL;
    size_t room = 0, at = 0, length;
    const char *word;
    bool ok = add_symbol(all, VOCABULARY_UNKNOWN, sizeof VOCABULARY_UNKNOWN - 1) == 0;
    while (ok && vocabulary_next(true, text, n, &at, &word, &length)) {
        int id = all->slot[find_slot(all, word, length)];
        if (id < 0) id = add_symbol(all, word, length);
        ok = id >= 0;
        if (ok && (size_t)id >= room) {
            size_t wanted = all->slots;
            uint64_t *grown = realloc(count, wanted * sizeof *grown);
            ok = grown != NULL;
            if (!ok) break;
            memset(grown + room, 0, (wanted - room) * sizeof *grown);
            count = grown;
            room = wanted;
        }
        if (ok) count[id]++;
    }
    counted *c = ok ? malloc(all->count * sizeof *c) : NULL;
    for (size_t i = 0; c && i < all->count; i++) c[i] = (counted){all->symbol[i], i < room ? count[i] : 0};
    free(count);
    return c;
}

/* Moves the `keep` words that stay to the front: <unk>, <eos>, then the most frequent ones. <unk> takes over the counts
 * of the others. Returns how many stay. */
static size_t keep_words(counted *c, size_t n, size_t keep)
{
    size_t kept = 0, special = 0, unknown = n;
    for (size_t i = 0; i < n; i++)
        special += is_word(&c[i].symbol, VOCABULARY_UNKNOWN) || is_word(&c[i].symbol, VOCABULARY_END);
    size_t others = keep > special ? keep - special : 0;
    uint64_t lost = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_unknown = is_word(&c[i].symbol, VOCABULARY_UNKNOWN);
        if (is_unknown) unknown = kept;
        if (is_unknown || is_word(&c[i].symbol, VOCABULARY_END)) {
            c[kept++] = c[i];
        } else if (others) {
            others--;
            c[kept++] = c[i];
        } else {
            lost += c[i].count;
        }
    }
    if (unknown < n) c[unknown].count += lost;
    return kept;
}

bool vocabulary_of_words(vocabulary *v, const char *text, size_t n, size_t keep, char **error)
{
    vocabulary all = {.words = true};
    *v = (vocabulary){.words = true};
    counted *c = count_words(&all, text, n);
    bool ok = c != NULL;
    size_t kept = all.count;
    if (ok) qsort(c, all.count, sizeof *c, by_frequency);
    if (ok && keep && keep < all.count) {
        kept = keep_words(c, all.count, keep);
        qsort(c, kept, sizeof *c, by_frequency);
    }
    for (size_t i = 0; ok && i < kept; i++) ok = add_symbol(v, c[i].symbol.bytes, c[i].symbol.length) >= 0;
    free(c);
    vocabulary_free(&all);
    if (ok) return true;
    vocabulary_free(v);
    return fault_no_memory(error);
}

/* ---- as text ----------------------------------------------------------------------------------------------------- */

/* Appends the symbol as a JSON string in ASCII. */
static char *put_symbol(char *to, const symbol *s)
{
    static const char hex[] = "0123456789abcdef", escape[4] = {'\\', 'u', '0', '0'};
    *to++ = '"';
    for (size_t i = 0; i < s->length; i++) {
        unsigned char c = (unsigned char)s->bytes[i];
        if (c == '"' || c == '\\') *to++ = '\\';
        if (c >= ' ' && c < 127) {
            *to++ = (char)c;
        } else {
            memcpy(to, escape, sizeof escape);
            to[4] = hex[c >> 4];
            to[5] = hex[c & 15];
            to += 6;
        }
    }
    *to++ = '"';
    return to;
}

char *vocabulary_to_json(const vocabulary *v)
{
    size_t room = 3; /* brackets and NUL; a byte takes at most 6, a symbol 2 quotes and a comma */
    for (size_t i = 0; i < v->count; i++) room += 6 * v->symbol[i].length + 3;
    char *json = malloc(room), *to = json;
    if (!json) return NULL;
    *to++ = '[';
    for (size_t i = 0; i < v->count; i++) {
        if (i) *to++ = ',';
        to = put_symbol(to, &v->symbol[i]);
    }
    *to++ = ']';
    *to = '\0';
    return json;
}

/* The bytes of a JSON string whose code points are bytes; false where one is above 255. */
static bool to_bytes(const char *utf8, size_t n, char *out, size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)utf8[i];
        if (c >= 0xc4) return false; /* 0xc2 and 0xc3 begin the code points 128 to 255 */
        if (c >= 0xc2) c = (unsigned char)((c & 3) << 6 | ((unsigned char)utf8[++i] & 0x3f));
        out[(*length)++] = (char)c;
    }
    return true;
}

static bool add_json(vocabulary *v, const json_t *string, char **error)
{
    size_t n = json_string_length(string), length;
    char *bytes = malloc(n + 1);
    if (!bytes) return fault_no_memory(error);
    bool ok = json_is_string(string) && to_bytes(json_string_value(string), n, bytes, &length) && length > 0;
    if (!ok)
        fault_set(error, "the vocabulary's symbol %zu is no string of bytes", v->count);
    else if (v->slots && v->slot[find_slot(v, bytes, length)] >= 0)
        ok = fault_set(error, "the vocabulary has its symbol %zu twice", v->count);
    else if (add_symbol(v, bytes, length) < 0)
        ok = fault_no_memory(error);
    if (ok && length > 1) v->words = true;
    free(bytes);
    return ok;
}

bool vocabulary_from_json(vocabulary *v, const char *json, char **error)
{
    json_error_t why;
    json_t *array = json_loads(json, JSON_ALLOW_NUL, &why);
    *v = (vocabulary){0};
    bool ok = json_is_array(array) && json_array_size(array) > 0;
    if (!ok) fault_set(error, "the vocabulary is no JSON array of strings");
    for (size_t i = 0; ok && i < json_array_size(array); i++) ok = add_json(v, json_array_get(array, i), error);
    json_decref(array);
    if (ok && v->words && vocabulary_find(v, VOCABULARY_UNKNOWN, sizeof VOCABULARY_UNKNOWN - 1) < 0)
        ok = fault_set(error, "the vocabulary is of words and lacks %s", VOCABULARY_UNKNOWN);
    if (!ok) vocabulary_free(v);
    return ok;
}
