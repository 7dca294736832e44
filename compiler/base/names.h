/* names.h: interned strings. Two names are the same exactly when their pointers are. */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include "base/arena.h"

typedef const char *name;        /* NUL-terminated, owned by the table's arena */
typedef struct names names;

names *names_new(arena *a);
name name_of(names *n, const char *text);
name name_of_length(names *n, const char *text, size_t length);
name name_printf(names *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The candidate nearest to `wanted` in edit distance, or NULL when none is near enough to suggest. */
const char *name_nearest(const char *wanted, const char *const *candidates, size_t count);

#endif
