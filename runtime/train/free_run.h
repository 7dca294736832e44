/* free_run.h: how good a model is that runs freely: what it says of each sequence of a part of the data, from the first
 * symbol on, against the target that its distribution is trained on. */
#ifndef TRAIN_FREE_RUN_H
#define TRAIN_FREE_RUN_H

#include "train/bleu.h"
#include "train/dataset.h"
#include "train/sampler.h"

typedef struct free_metrics {
    double sequences, right; /* those that are there; said without a fault */
    double symbols, edits;   /* wanted; insertions, deletions and changes that make them of the said */
    bleu bleu;
} free_metrics;

/* Is there a target that free running is held against? False: *error says why not. */
bool free_run_check(const trainable *m, char **error);

/* Adds a part to *to. `o`: as for sample_sequence; its length 0: twice the steps of the target. False: *error. */
bool free_run_part(const trainable *m, const void *params, dataset *d, data_part part, const sample_options *o,
                   free_metrics *to, char **error);

#endif
