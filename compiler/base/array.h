/* array.h: growable arrays on an arena.
 *
 *     ARRAY(int) v = {0};
 *     array_push(a, &v, 7);
 *     for (size_t i = 0; i < v.len; i++) use(v.data[i]);
 *
 * Growth copies into a new block; the old one goes with the arena. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include "base/arena.h"

#define ARRAY(T)                                                                                                       \
    struct {                                                                                                           \
        T *data;                                                                                                       \
        size_t len, cap;                                                                                               \
    }

#define array_push(a, v, ...)                                                                                          \
    ((v)->len == (v)->cap ? ((v)->data = array_grow((a), (v)->data, &(v)->cap, sizeof *(v)->data)) : (v)->data,        \
     (v)->data[(v)->len++] = (__VA_ARGS__))

/* Doubles *cap and returns a larger block that begins with the old one's contents. */
void *array_grow(arena *a, void *data, size_t *cap, size_t size);

#endif
