/* trial.h: a training with one seed in a process of its own, which reports each update through a pipe.
 *
 *     trial r = {.o = &o, .seed = 1, .news = -1, .words = -1, .validation = NAN};
 *     if (!trial_start(&r)) ...                  errno says why
 *     while (trial_read(&r)) ...                 poll(r.news) in between
 *     trial_finish(&r); */
#ifndef DRIVER_TRIAL_H
#define DRIVER_TRIAL_H

#include "driver/options.h"
#include "train/curves.h"
#include "train/loop.h"
#include <sys/types.h>

enum { TRIAL_REASON = 512 };

typedef struct trial {
    const options *o; /* but for the seed */
    uint64_t seed;
    pid_t pid; /* 0: it does not run */
    bool over;
    int news, words; /* pipes: loop_news; what it writes to stderr */
    int status;      /* of waitpid */
    loop_news last;
    double validation; /* NAN: none yet */
    curve train, validate;
    char reason[TRIAL_REASON]; /* the last of what it wrote to stderr */
    size_t reason_length;
} trial;

bool trial_start(trial *r);

/* Reads what is there; false: the trial has closed its pipe. */
bool trial_read(trial *r);

/* Waits for its end. */
void trial_finish(trial *r);

bool trial_failed(const trial *r);

/* The training loss now: the mean of the last tenth of the curve; NAN: there is none. */
double trial_loss(const trial *r);

#endif
