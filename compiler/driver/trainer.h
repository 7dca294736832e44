/* trainer.h: a training, as train, watch and compare do it.
 *
 *     trainer t;
 *     int code = trainer_prepare(&t, o, folder, PREPARE_TO_TRAIN);
 *     if (!code) {
 *         trainer_announce(&t);
 *         loop_end end = trainer_run(&t, &error);
 *         code = trainer_exit(&t, end, error);
 *     }
 *     trainer_end(&t, code != 0);
 *
 * A trainer stays where it is in memory. */
#ifndef DRIVER_TRAINER_H
#define DRIVER_TRAINER_H

#include "driver/prepare.h"

typedef struct trainer {
    options o; /* those of a training that goes on are added to the given ones */
    prepared p;
    char *last, *best;    /* paths */
    bool made;            /* the folder */
    const char *recalled; /* flags of before, where training goes on */
    optimiser *rule;
    progress progress;
    int signal; /* that stopped it; 0: none */
} trainer;

/* All until the first update: what can be found wrong is found here. folder NULL: no checkpoints. 0, or the exit status
 * after a message. How to train is then in t->p.s.loop, which may be changed. */
int trainer_prepare(trainer *t, const options *o, const char *folder, prepare_use use);

/* Prints what a reader should know before the first line of progress. */
void trainer_announce(const trainer *t);

loop_end trainer_run(trainer *t, char **error);

/* The exit status, after a message where there is an error, which it frees; EXIT_SIGNAL + the signal that stopped it. */
int trainer_exit(const trainer *t, loop_end end, char *error);

/* failed: a folder that was made for nothing goes. */
void trainer_end(trainer *t, bool failed);

#endif
