/* optimiser.h: from a gradient to the next parameters: clipping, the learning rate, the rule.
 *
 * The rules stand in optimisers.def, each with its equations and their source. */
#ifndef TRAIN_OPTIMISER_H
#define TRAIN_OPTIMISER_H

#include "train/trainable.h"

typedef enum optimiser_rule {
#define OPTIMISER(name, slots, source) RULE_##name,
#include "train/optimisers.def"
    RULE_COUNT
} optimiser_rule;

typedef struct rate_group { const char *pattern; double factor; } rate_group;      /* shell pattern of parameter names */

typedef enum schedule_kind {
#define SCHEDULE(name, equation) SCHEDULE_##name,
#include "train/schedules.def"
    SCHEDULE_COUNT
} schedule_kind;

typedef struct optimiser_options {
    optimiser_rule rule;
    double rate, momentum, beta1, beta2, rho, epsilon, weight_decay;
    double clip_norm, clip_value;           /* 0: none */
    schedule_kind schedule;
    double factor;                          /* of step, exponential, halving, plateau */
    size_t every, after;                    /* epochs (step), epoch after which (halving) */
    size_t warm_up, total;                  /* updates: rising to the rate; of a cosine */
    size_t patience;                        /* epochs: plateau */
    rate_group *group;
    size_t groups;
} optimiser_options;

/* All that changes while training, so all that a checkpoint must keep: plain numbers and `slots` arrays like params. */
typedef struct optimiser {
    optimiser_options options;
    size_t size, real_size;
    int slots;
    void *slot[3];                          /* moments, in reals of the model's type */
    uint64_t updates;
    double scale;                           /* what plateau has made of the rate */
    double best;                            /* best validation loss that plateau has seen */
    size_t bad_epochs;
} optimiser;

optimiser *optimiser_new(const optimiser_options *o, const trainable *m);
void optimiser_free(optimiser *p);
double optimiser_rate(const optimiser *p, double epoch);    /* the rate of the next update; epoch counts from 0, with its fraction */
/* One update. Clips grads in place, then changes params. Returns the gradient's norm before clipping; a non-finite norm changes nothing. */
double optimiser_update(optimiser *p, const trainable *m, void *params, void *grads, double epoch);
void optimiser_epoch(optimiser *p, double validation_loss);                         /* for plateau */
const char *optimiser_rule_name(optimiser_rule r);
bool optimiser_rule_of(const char *text, optimiser_rule *out);
bool schedule_of(const char *text, schedule_kind *out);

#endif
