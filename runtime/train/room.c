/* room.c: aligned memory; see room.h.
 *
 * The first touch of a page is a fault, which for pages of 4 KiB costs as much as ten thousand multiplications: of the
 * first update of a small LSTM, that is a third. Large arrays ask for large pages, which also serve every later
 * update. */
#define _GNU_SOURCE 1
#include "train/room.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, LARGE_PAGE = 2 << 20, LARGE = 2 * LARGE_PAGE };

void *room_new(size_t bytes)
{
    size_t unit = bytes >= LARGE ? LARGE_PAGE : ALIGNMENT;
    if (bytes > SIZE_MAX - unit) return NULL;
    size_t rounded = bytes / unit * unit + unit;
    void *room = aligned_alloc(unit, rounded);
#ifdef MADV_HUGEPAGE
    if (room && unit == LARGE_PAGE) madvise(room, rounded, MADV_HUGEPAGE); /* a wish: without, all works as well */
#endif
    return room;
}

void *room_zeroed(size_t bytes)
{
    void *room = room_new(bytes);
    if (room) memset(room, 0, bytes);
    return room;
}
