/* dataset_split.h: how many of n blocks or sequences each part of a data set gets: the first ones train, the next ones
 * validate, the rest tests. */
#ifndef TRAIN_DATASET_SPLIT_H
#define TRAIN_DATASET_SPLIT_H

#include "train/dataset.h"

/* Part p has the numbers first[p] to first[p + 1] - 1. */
typedef struct data_split {
    size_t first[PART_COUNT + 1];
} data_split;

/* Shares are rounded down; what is left over goes to the last part whose share is not 0. A part that trains at all gets
 * at least one. With a validation file of its own, the share for validation trains, too. */
data_split data_split_of(const data_options *o, size_t n);

static inline size_t data_split_count(const data_split *s, data_part part)
{
    return s->first[part + 1] - s->first[part];
}

#endif
