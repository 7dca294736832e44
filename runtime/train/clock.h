/* clock.h: seconds, of the clock that nobody sets and of this process's share of the processors. */
#ifndef TRAIN_CLOCK_H
#define TRAIN_CLOCK_H

double clock_seconds(void);
double clock_process_seconds(void);

#endif
