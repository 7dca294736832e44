/* metrics.h: how good a model is on a part of the data.
 *
 * The loss of a part is the mean over its batches, each weighted by its valid steps (of the first target; sequences
 * where that has no steps). A target of tokens is held against the first output with as many components over the same
 * axes, taken for a distribution; a target of reals against the first output of its shape. The state is carried from
 * batch to batch as the data say, and is none of the training's. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "train/dataset.h"

typedef struct metrics {
    double loss, weight;          /* loss: a sum until metrics_finish, then the mean */
    double tokens, correct, nats; /* valid tokens; most likely class is right; sum of -log p */
    double reals, squares;        /* valid reals; sum of squared differences */
} metrics;

typedef struct meter {
    const trainable *model;
    bool outputs; /* tokens and reals, too, not the loss alone */
    void *state;
    void **output; /* of each output; NULL: not looked at */
    size_t *output_bytes;
    int *output_of; /* of each input: the output that a target is held against; -1: none */
} meter;

/* False: no memory. */
bool meter_open(meter *r, const trainable *m, bool outputs);
void meter_close(meter *r);

/* Adds a part to *to. 0, or an error code of rnn.h. */
int meter_part(meter *r, dataset *d, data_part part, const void *params, const void *packed, metrics *to);
void metrics_finish(metrics *m);

#endif
