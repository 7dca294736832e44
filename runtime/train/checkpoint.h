/* checkpoint.h: one safetensors file from which training goes on to the same bits, and which any tool can read the weights from.
 *
 * Tensors: every parameter under its name; the optimiser's arrays as "optimiser.0.NAME", ...; the carried state as "state" (bytes).
 * Metadata: numbers as decimal or hexadecimal-float text, vocabulary, model name and hash, definitions, checksum of all tensors.
 * Written atomically (train/atomic.h). */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "train/optimiser.h"

/* The numbers of a run besides the arrays. */
typedef struct progress {
    uint64_t epoch, batch;                  /* the next one: batch `batch` of epoch `epoch` */
    uint64_t seed;
    double best_loss;                       /* best validation loss; +inf: none yet */
    uint64_t best_epoch, bad_epochs;        /* for early stopping */
    double loss_sum;                        /* of the epoch so far */
    uint64_t loss_count;
} progress;

typedef struct checkpoint {
    const trainable *model;
    void *params, *state;                   /* state: NULL or state_bytes bytes */
    optimiser *optimiser;                   /* NULL: weights alone */
    progress progress;
    const char *vocabulary;                 /* JSON, or NULL */
    const char *definitions;                /* "V=65 H=128 C=lstm": what the model was compiled with */
} checkpoint;

/* False: *error is one clear line (malloc'ed). What was there before is untouched. */
bool checkpoint_write(const char *path, const checkpoint *c, char **error);
/* Fills in the arrays that c points to and its progress; c->vocabulary is then owned by the caller (malloc'ed). With an optimiser, the file must
 * hold one of the same rule; without, weights are enough (any safetensors file with the parameters' names and shapes). A checkpoint of
 * another model is refused with what differs: the first tensor that is missing, extra or of another shape, or the hash. */
bool checkpoint_read(const char *path, checkpoint *c, char **error);
/* Metadata alone, before a model is compiled: vocabulary and definitions (malloc'ed; NULL when absent). */
bool checkpoint_peek(const char *path, char **vocabulary, char **definitions, char **error);

#endif
