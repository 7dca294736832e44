/* heap.c: a binary heap in an array; see heap.h. */
#include "base/heap.h"

void heap_push(arena *a, heap *h, size_t number)
{
    array_push(a, h, number);
    for (size_t i = h->len - 1; i > 0 && h->data[(i - 1) / 2] > number; i = (i - 1) / 2) {
        h->data[i] = h->data[(i - 1) / 2];
        h->data[(i - 1) / 2] = number;
    }
}

size_t heap_pop(heap *h)
{
    size_t least = h->data[0], moved = h->data[--h->len], i = 0;
    for (size_t k = 1; k < h->len; k = 2 * i + 1) {
        k += k + 1 < h->len && h->data[k + 1] < h->data[k];
        if (h->data[k] >= moved) break;
        h->data[i] = h->data[k];
        i = k;
    }
    h->data[i] = moved;
    return least;
}
