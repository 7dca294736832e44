/* room.h: memory for arrays of reals, aligned for the kernels; free() gives it back. */
#ifndef TRAIN_ROOM_H
#define TRAIN_ROOM_H

#include <stddef.h>

/* NULL without memory. What stands in it is not known; room_zeroed: 0. */
void *room_new(size_t bytes);
void *room_zeroed(size_t bytes);

#endif
