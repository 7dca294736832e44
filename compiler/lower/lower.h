/* lower.h: the checked model as a graph.
 *
 * One model is lowered once for each use: with dropout and losses for training, without for running. Everything that
 * the language composes (losses, means, norms, distributions over an axis, dropout) is written out here in
 * operations. */
#ifndef LOWER_LOWER_H
#define LOWER_LOWER_H

#include "graph/graph.h"
#include "model/model.h"

typedef enum lower_mode { LOWER_TRAINING, LOWER_INFERENCE } lower_mode;

/* What is differentiated, where that is not the spec's loss alone.
 *
 * A probe is an input of zeros, of a variable's own type, that is added to the variable: the gradient of the probe is
 * the adjoint of the variable, d loss / d h[t]. A seed is such an input, too: the loss is sum(seed * variable), so
 * that a seed that is 1 at one place gives the gradient of the variable there. Both stand behind the spec's inputs. */
typedef struct lower_probes {
    const uint32_t *variable; /* numbers of the model's variables, each once */
    size_t count;
    uint32_t seeded; /* 0: the loss is that of the spec */
    bool last;       /* losses count at the last step of each sequence alone */
} lower_probes;

typedef struct lower_options {
    lower_mode mode;    /* training: dropout and zoneout draw; inference: their expectation */
    bool outputs, loss; /* the roots */
    bool targets;       /* targets are given: without, they and the outputs that depend on them are left out */
    bool shards;   /* of a batch compute this: what is no sum over its sequences is divided by their number, a norm */
    uint32_t norm; /* not 0: the root is what loss number `norm` - 1 is divided by alone, none for one that is not */
    bool parts;    /* with outputs and loss: what each sequence adds to each loss is an output, too */
    lower_probes probes;
} lower_options;

/* The graph lives in `a`; it is compact (only what the roots need, in canonical order) and verified. `params`, in the
 * order of declaration, and `axis` are the same for all options; variables have the model's numbers. */
graph *lower_model(arena *a, names *n, const model *m, lower_options options);

#endif
