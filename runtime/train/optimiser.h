/* optimiser.h: from a gradient to the next parameters: clipping, the learning rate, the rule.
 *
 * The rules stand in optimisers.def, each with its equations, its source and the options it takes; the schedules of the
 * rate in schedules.def. */
#ifndef TRAIN_OPTIMISER_H
#define TRAIN_OPTIMISER_H

#include "train/trainable.h"

typedef enum optimiser_rule {
#define OPTIMISER(name, slots, source) RULE_##name,
#include "train/optimisers.def"
    RULE_COUNT
} optimiser_rule;

/* A shell pattern of parameter names; what their rate is multiplied by, 0 freezes them. The first that fits counts. */
typedef struct rate_group {
    const char *pattern;
    double factor;
} rate_group;

typedef enum schedule_kind {
#define SCHEDULE(name, equation) SCHEDULE_##name,
#include "train/schedules.def"
    SCHEDULE_COUNT
} schedule_kind;

typedef struct optimiser_options {
    optimiser_rule rule;
    double rate, momentum, beta1, beta2, rho, epsilon, weight_decay;
    double clip_norm, clip_value; /* 0: none; with both, components first, then the norm of what is left */
    schedule_kind schedule;
    double factor;         /* of step, exponential, halving, plateau */
    size_t every, after;   /* epochs (step), epochs at the full rate (halving) */
    size_t warm_up, total; /* updates: rising to the rate; until linear and cosine are down */
    size_t patience;       /* epochs: plateau */
    rate_group *group;     /* read by optimiser_check and optimiser_new only */
    size_t groups;
} optimiser_options;

enum { OPTIMISER_MAX_SLOTS = 3 };

/* All that changes while training, so all that a checkpoint must keep: plain numbers and `slots` arrays like params. */
typedef struct optimiser {
    optimiser_options options;
    size_t size, real_size;
    int slots;
    void *slot[OPTIMISER_MAX_SLOTS]; /* moments, in reals of the model's type */
    double *group_factor;            /* of each parameter; does not change */
    uint64_t updates;
    double scale;        /* what plateau has made of the rate */
    double best;         /* best validation loss that plateau has seen */
    uint64_t bad_epochs; /* since then */
} optimiser;

/* The defaults of a rule and a schedule; 0 where neither takes an option, and for clipping, warm_up and groups. */
optimiser_options optimiser_defaults(optimiser_rule r, schedule_kind s);
/* Does the rule or the schedule take the option, named as in optimiser_options ("beta1")? Rate is taken by all. */
bool optimiser_takes(optimiser_rule r, const char *option);
bool schedule_takes(schedule_kind s, const char *option);
/* Is every number in its range, and does every pattern fit a parameter? False: *error is one clear line (malloc'ed). */
bool optimiser_check(const optimiser_options *o, const trainable *m, char **error);

optimiser *optimiser_new(const optimiser_options *o, const trainable *m); /* NULL: out of memory */
void optimiser_free(optimiser *p);
/* The rate of the next update; epoch counts from 0, with its fraction. */
double optimiser_rate(const optimiser *p, double epoch);
/* One update. Clips grads in place, then changes params. Returns the gradient's norm before clipping; a norm that is
 * not finite changes nothing. */
double optimiser_update(optimiser *p, const trainable *m, void *params, void *grads, double epoch);
void optimiser_epoch(optimiser *p, double validation_loss); /* for plateau */
const char *optimiser_rule_name(optimiser_rule r);
bool optimiser_rule_of(const char *text, optimiser_rule *out);
const char *schedule_name(schedule_kind s);
bool schedule_of(const char *text, schedule_kind *out);

#endif
