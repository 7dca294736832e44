/* array.c: growth of arrays on an arena, by doubling. */
#include "base/array.h"
#include <string.h>

enum { FIRST_CAPACITY = 4 };

void *array_grow(arena *a, void *data, size_t *cap, size_t size)
{
    size_t more = FIRST_CAPACITY, bytes;
    if (*cap && !size_mul(*cap, 2, &more)) BUG("an array of more than SIZE_MAX / 2 elements");
    if (!size_mul(*cap, size, &bytes)) BUG("an array larger than the address space");
    void *grown = arena_array(a, more, size);
    if (bytes) memcpy(grown, data, bytes);
    *cap = more;
    return grown;
}
