/* metrics.h: how good a model is on a part of the data.
 *
 * The loss of a part is that of one batch of all its sequences, however they are cut into batches: of each loss, what
 * the sequences add to its sum, divided by what they add to its count. A target is held
 * against the output that a loss compares it with; where that is none, against the first that fits: tokens against
 * one with as many components over the same axes, taken for a distribution; labels of ctc against that over the axis
 * that they are aligned with, decoded greedily (the likeliest class of each step, repeats merged, blanks dropped);
 * reals against one of their shape. Each target has figures of its own. An output that is one number and depends on a
 * target is a measure of the spec's own: its mean over valid steps, or over sequences. The state is carried from
 * batch to batch as the data say, and is none of the training's. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "train/dataset.h"

/* Tokens of one class. */
typedef struct class_tally {
    double right, guessed, there;
} class_tally;

typedef struct metrics {
    double loss, weight;     /* of all that was metered; what it was divided by, of all losses: 0: nothing counts */
    size_t beam;             /* the caller's: decode labels a second time, by a beam so wide; 0: no */
    class_tally *tally;      /* of one target, the caller's; NULL: not counted */
    size_t tallied, classes; /* the number of that input, its classes */
} metrics;

/* Of a target that is held against an output. */
typedef struct target_sum {
    double tokens, correct;  /* valid tokens; those whose class is the most likely one */
    double chances, nats;    /* of them those of which the chance is known; sum of its -log */
    double reals, squares;   /* valid reals; sum of squared differences */
    double answers;          /* of them those that are 0 or 1 beside a chance; `correct`: on the same side of 0.5 */
    double sequences, right; /* of tokens over time, of labels: those that are there; all of the sequence is right */
    double labels, edits;    /* of ctc: valid labels; insertions, deletions and changes that make them of the decoded */
    double beam_edits;
} target_sum;

/* Of a loss: what the sequences add to its sum and its count. */
typedef struct loss_sum {
    double sum, count;
    bool total; /* the sum is not divided */
} loss_sum;

/* Of an output that measures. */
typedef struct measure_sum {
    double sum, count;
} measure_sum;

typedef struct meter {
    const trainable *model;
    bool outputs; /* tokens and reals, too, not the loss alone */
    void *state;
    void **output; /* of each output; NULL: not looked at */
    size_t *output_bytes;
    int *output_of;       /* of each input: the output that a target is held against; -1: none */
    target_sum *target;   /* of each input, over the parts so far; 0 where it is held against nothing */
    loss_sum *loss;       /* of each loss, until metrics_finish */
    measure_sum *measure; /* of each output, over the parts so far; not of the loss alone */
} meter;

/* False: no memory. */
bool meter_open(meter *r, const trainable *m, bool outputs);
void meter_close(meter *r);

/* Adds a part to the meter and to *to. 0, an error code of rnn.h, or METER_NO_MEMORY. metrics_finish: the loss of the
 * parts since the last time. */
enum { METER_NO_MEMORY = 1 }; /* the codes of rnn.h are negative */
int meter_part(meter *r, dataset *d, data_part part, const void *params, const void *packed, metrics *to);
void metrics_finish(meter *r, metrics *to);

/* The number of the output that a target is held against; -1: none. */
int metrics_output(const trainable *m, const train_value *target);

/* Decodes the distributions p[step][sequence][class] of sequence n of a batch, over its own `steps`: greedily, or by a
 * beam (0: greedily). `label` has room for `steps`; see decode.h for *score. False: no memory. */
bool metrics_labels(const trainable *m, const train_value *v, const void *p, size_t sequences, size_t n, size_t steps,
                    size_t beam, int *label, size_t *count, double *score);

/* How many insertions, deletions and changes turn a into b (Levenshtein); row: room for b_count + 1. */
size_t edit_distance(const int *a, size_t a_count, const int *b, size_t b_count, size_t *row);

/* 2 right / (guessed + there): the harmonic mean of precision and recall; 0 for a class that is neither. */
double tally_f1(class_tally t);
/* The mean over the classes that are there or guessed; NAN: there is none. */
double metrics_macro_f1(const metrics *m);

#endif
