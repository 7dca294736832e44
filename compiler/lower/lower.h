/* lower.h: the checked model as a graph.
 *
 * One model is lowered once for each use: with dropout and losses for training, without for running. Everything that the
 * language composes (losses, means, norms, distributions over an axis, dropout) is written out here in operations. */
#ifndef LOWER_LOWER_H
#define LOWER_LOWER_H

#include "graph/graph.h"
#include "model/model.h"

typedef enum lower_mode { LOWER_TRAINING, LOWER_INFERENCE } lower_mode;

typedef struct lower_options {
    lower_mode mode;    /* training: dropout and zoneout draw; inference: their expectation */
    bool outputs, loss; /* the roots */
    bool targets;       /* targets are given: without, they and the outputs that depend on them are left out */
} lower_options;

/* The graph lives in `a`; it is compact (only what the roots need, in canonical order) and verified. `params`, in the
 * order of declaration, and `axis` are the same for all options; variables have the model's numbers. */
graph *lower_model(arena *a, names *n, const model *m, lower_options options);

#endif
