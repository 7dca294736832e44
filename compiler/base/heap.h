/* heap.h: numbers of which the smallest is taken first; each push and pop in the logarithm of their count.
 *
 *     heap h = {0};
 *     heap_push(a, &h, 7);
 *     while (h.len) use(heap_pop(&h)); */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/array.h"

typedef ARRAY(size_t) heap; /* none is above a smaller one: that of i stands at (i - 1) / 2 */

void heap_push(arena *a, heap *h, size_t number);

/* h->len > 0. */
size_t heap_pop(heap *h);

#endif
