/* loop.h: training: updates until the end, validation, checkpoints, progress.
 *
 *     training t = { .model = m, .data = d, .optimiser = p, .params = params, .state = state };
 *     loop_end end = train_run(&t, &options, &error);
 *
 * What stands in a training after update k, and so in the checkpoint of it, depends on the model, the data and the
 * options alone, not on how often training was interrupted before. */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "train/checkpoint.h"
#include "train/dataset.h"
#include <stdio.h>

typedef struct training {
    const trainable *model;
    dataset *data; /* bound to the model */
    optimiser *optimiser;
    void *params, *state; /* the caller's; state: NULL where the model carries none */
    progress progress;
    int signal; /* out: that stopped it; 0: none */
} training;

/* What the caller wants between two updates. */
typedef enum loop_wish {
    LOOP_GO,
    LOOP_WAIT,  /* ask again in a moment */
    LOOP_SAVE,  /* write last.safetensors, and ask again */
    LOOP_LEAVE, /* end at once and write nothing more: something else goes on with these arrays */
    LOOP_QUIT   /* end after saving, as of a signal */
} loop_wish;

/* How far it is. */
typedef struct loop_news {
    uint64_t updates;  /* done */
    double loss;       /* of the last one; NAN: there was none yet */
    double validation; /* after it; NAN: there was none then */
    double seconds;    /* since this run began */
} loop_news;

typedef struct loop_options {
    size_t epochs, updates; /* end after so many; 0: not because of these */
    size_t accumulate;      /* batches to an update, from 1 */
    size_t validate_every;  /* updates; 0: after every epoch */
    size_t save_every;      /* updates; 0: after every epoch alone */
    size_t patience;        /* validations without progress until it ends; 0: goes on */
    const char *folder;     /* of last.safetensors and best.safetensors; NULL: none are written */
    loop_wish (*between)(void *context, const loop_news *news); /* asked before the first update and after each; NULL */
    void (*first_update)(void *context); /* told as soon as the first update of this run is done; NULL */
    void *context;
    const char *csv, *svg;        /* files for the curves; NULL: none */
    const char *definitions;      /* for the checkpoints */
    const char *flags, *settings; /* for the last one: how to go on */
    const char *data_flags;       /* for the best one: how the data were cut and split */
    const char *code;             /* of the checkpoint that the training comes from, see checkpoint.h; NULL */
    bool resumed;                 /* the training comes from a checkpoint: the curves in csv go on */
    bool terminal;                /* `out` is one: a line is written over and over */
    FILE *out;                    /* progress */
} loop_options;

typedef enum loop_end {
    LOOP_DONE,
    LOOP_LEFT,    /* as the caller wished */
    LOOP_STOPPED, /* by SIGINT, SIGTERM or SIGHUP, or as the caller wished, after saving */
    LOOP_NUMERIC, /* a loss, gradient or parameter is not finite; nothing was saved since */
    LOOP_UNFIT,   /* data or options do not fit */
    LOOP_FAULT    /* the system: memory, files */
} loop_end;

/* *error is one clear line (malloc'ed) for the last three; NULL: memory ran out (fault.h). */
loop_end train_run(training *t, const loop_options *o, char **error);

/* FOLDER/NAME.safetensors, malloc'ed; NULL without memory. */
char *train_checkpoint_path(const char *folder, const char *name);

#endif
