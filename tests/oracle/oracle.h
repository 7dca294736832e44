/* oracle.h: the meaning of a graph, computed slowly and plainly in doubles. What the compiler makes is held against it.
 *
 * Each sequence is evaluated by itself, over its own steps 1..T: there is no padding to be read by mistake, no
 * schedule, no storage to be shared. What has no batch axis is a sum over the sequences. A sequence of length 0 along
 * any time axis is absent: it adds nothing to sums and counts, and its values are written as 0.
 *
 * An oracle_call is one call on whole sequences. To check chunks, evaluate the whole and compare with the parts. */
#ifndef ORACLE_ORACLE_H
#define ORACLE_ORACLE_H

#include "graph/graph.h"

typedef struct oracle_call {
    /* One array per graph input, [time axes in the order of their numbers][batch][component], as far as the input has
     * these axes. Tokens are numbers; what is not among 0 .. classes - 1 is none. */
    const double *const *inputs;
    const double *params; /* all parameters in the order of graph.params, row-major */
    int batch;
    int steps[MAX_TIME_AXES + 1];          /* by number of the axis: the steps that the arrays have room for */
    const int *lengths[MAX_TIME_AXES + 1]; /* by number of the axis: of each sequence; NULL: all have `steps` */
    uint64_t seed, update, sequence0;      /* of `uniform`; sequence0: number of the batch's first sequence */
    const double *norms;                   /* denominators of the losses; NULL: the graph's own */
} oracle_call;

typedef struct oracle oracle;

/* The graph and what the call points to must stay as they are while the oracle is used. */
oracle *oracle_new(const graph *g, const oracle_call *call);
void oracle_free(oracle *o);

/* The number of values of a node: over its axes (padded to `steps`, and the batch) and components. */
size_t oracle_size(const oracle *o, node_id id);

/* Writes them in the layout of the inputs, zeros beyond the length of each sequence. */
void oracle_value(oracle *o, node_id id, double *out);

#endif
