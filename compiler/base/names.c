/* names.c: a hash table of strings (FNV-1a, open addressing, at most half full), numbers by name, and the nearest
 * name. */
#include "base/names.h"
#include <stdint.h>
#include <string.h>

enum { FIRST_SLOTS = 256, NEAREST_MAX_LENGTH = 64 };

typedef struct slot {
    name text;
    size_t length;
    uint32_t hash;
} slot;

struct names {
    arena *arena;
    slot *slots;
    size_t slot_count, used;
};

names *names_new(arena *a)
{
    names *n = ARENA_NEW(a, names);
    n->arena = a;
    n->slot_count = FIRST_SLOTS;
    n->slots = ARENA_ARRAY(a, slot, FIRST_SLOTS);
    return n;
}

static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < length; i++) h = (h ^ (unsigned char)text[i]) * 16777619u;
    return h;
}

/* The slot that holds the text, or the free one where it belongs. */
static slot *find(slot *slots, size_t count, const char *text, size_t length, uint32_t hash)
{
    for (size_t i = hash & (count - 1);; i = (i + 1) & (count - 1)) {
        slot *s = &slots[i];
        if (!s->text) return s;
        if (s->hash == hash && s->length == length && memcmp(s->text, text, length) == 0) return s;
    }
}

static void grow(names *n)
{
    size_t count = n->slot_count * 2;
    slot *slots = ARENA_ARRAY(n->arena, slot, count);
    for (size_t i = 0; i < n->slot_count; i++) {
        const slot *s = &n->slots[i];
        if (s->text) *find(slots, count, s->text, s->length, s->hash) = *s;
    }
    n->slots = slots;
    n->slot_count = count;
}

name name_of_length(names *n, const char *text, size_t length)
{
    uint32_t hash = hash_of(text, length);
    slot *s = find(n->slots, n->slot_count, text, length, hash);
    if (s->text) return s->text;
    if ((n->used + 1) * 2 > n->slot_count) {
        grow(n);
        s = find(n->slots, n->slot_count, text, length, hash);
    }
    *s = (slot){arena_strndup(n->arena, text, length), length, hash};
    n->used++;
    return s->text;
}

name name_of(names *n, const char *text) { return name_of_length(n, text, strlen(text)); }

name name_printf(names *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(n->arena, format, args);
    va_end(args);
    return name_of(n, text);
}

/* ---- names to numbers -------------------------------------------------------------------------------------------- */

/* Names are aligned to 16 bytes: the low bits of their addresses tell nothing. */
static size_t slot_of(const name_map *m, name key)
{
    size_t mask = m->cap - 1;
    size_t i = ((uintptr_t)key >> 4) * 0x9E3779B1u & mask;
    while (m->key[i] && m->key[i] != key) i = (i + 1) & mask;
    return i;
}

bool name_map_get(const name_map *m, name key, uint32_t *value)
{
    if (!m->cap) return false;
    size_t i = slot_of(m, key);
    if (!m->key[i]) return false;
    *value = m->value[i];
    return true;
}

void name_map_set(arena *a, name_map *m, name key, uint32_t value)
{
    if (2 * m->len >= m->cap) {
        name_map old = *m;
        m->cap = old.cap ? 2 * old.cap : 16;
        m->key = ARENA_ARRAY(a, name, m->cap);
        m->value = ARENA_ARRAY(a, uint32_t, m->cap);
        for (size_t i = 0; i < old.cap; i++) {
            if (!old.key[i]) continue;
            size_t k = slot_of(m, old.key[i]);
            m->key[k] = old.key[i];
            m->value[k] = old.value[i];
        }
    }
    size_t i = slot_of(m, key);
    if (!m->key[i]) m->len++;
    m->key[i] = key;
    m->value[i] = value;
}

/* ---- the nearest name -------------------------------------------------------------------------------------------- */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours that turn a into b (Damerau, restricted). */
static size_t edit_distance(const char *a, size_t m, const char *b, size_t n)
{
    size_t rows[3][NEAREST_MAX_LENGTH + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= n; j++) above[j] = before[j] = j;
    for (size_t i = 1; i <= m; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[n];
}

const char *name_nearest(const char *wanted, const char *const *candidates, size_t count)
{
    size_t length = strlen(wanted);
    if (length > NEAREST_MAX_LENGTH) return NULL;
    const char *best = NULL;
    size_t best_distance = length < 2 ? 0 : length < 6 ? 1 : length / 3; /* farther is no likely slip */
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other > NEAREST_MAX_LENGTH) continue;
        size_t distance = edit_distance(wanted, length, candidates[i], other);
        if (distance < best_distance || (distance == best_distance && distance > 0 && !best)) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
