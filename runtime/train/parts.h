/* parts.h: work in several threads. */
#ifndef TRAIN_PARTS_H
#define TRAIN_PARTS_H

enum { PARTS_MAX = 256 };

/* work(context, part) for every part from 0 to count - 1, each in a thread of its own, the first in the caller's;
 * returns when all have ended. Where a thread cannot be had, the caller does its part. */
void parts_run(int count, void (*work)(void *context, int part), void *context);

#endif
