/* names.h: interned strings. Two names are the same exactly when their pointers are. */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

typedef const char *name; /* NUL-terminated, owned by the table's arena */
typedef struct names names;

names *names_new(arena *a);
name name_of(names *n, const char *text);
name name_of_length(names *n, const char *text, size_t length);
name name_printf(names *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers by interned name: open addressing. An empty one is all zero. */
typedef struct name_map {
    name *key;
    uint32_t *value;
    size_t len, cap;
} name_map;
bool name_map_get(const name_map *m, name key, uint32_t *value);    /* false, and *value stays, where there is none */
void name_map_set(arena *a, name_map *m, name key, uint32_t value); /* in place of an earlier one */

/* The candidate nearest to `wanted` in edit distance, or NULL when none is near enough to suggest. */
const char *name_nearest(const char *wanted, const char *const *candidates, size_t count);

#endif
