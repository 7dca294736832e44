/* onnx_net.h: an ONNX graph as a spec.
 *
 * Every value of the graph that depends on its inputs is a vector that runs over the batch and perhaps over time: its
 * dimensions are told apart into time, batch and parts, whose product is the number of components, row-major. What only
 * moves dimensions about (Transpose, Squeeze, Reshape, ...) writes nothing into the spec; what does not depend on the
 * inputs is computed when it is read (onnx_eval.h). */
#ifndef EXCHANGE_ONNX_NET_H
#define EXCHANGE_ONNX_NET_H

#include "exchange/maps.h"
#include "exchange/onnx_eval.h"

/* What a dimension is. Merged ones run over the first kind outside, over the second inside. */
typedef enum dim_kind {
    DIM_PART,
    DIM_TIME,
    DIM_BACK, /* time, the last step first */
    DIM_BATCH,
    DIM_BATCH_TIME,
    DIM_TIME_BATCH,
    DIM_COUNT
} dim_kind;

typedef struct net_value {
    const char *word; /* in the file */
    nd value;
    bool data; /* depends on inputs */
    bool token, lengths;
    dim_kind kind[ND_MAX_RANK];
    const char *expr; /* its variable in the spec */
    int input;        /* number of the graph's input that it is, or -1 */
    const char *bias; /* a product to which this constant is added already, by its word; or NULL */
} net_value;

typedef struct onnx_net {
    arena *arena;
    const onnx_model *m;
    int steps, batch;            /* that it was traced with */
    bool open_steps, open_batch; /* the file lets them be any */
    bool unbatched;              /* no input has a batch: one sequence */
    ARRAY(net_value) values;
    names *names;
    name_map by_word, by_expr; /* numbers of the values, the last of each word in the file and variable of the spec */
    int *classes;              /* of inputs of tokens */
    text *head, *body;         /* declarations, equations */
    foreigns tensors;
    bool ragged, full;                /* recurrent nodes with sequence_lens; without */
    ARRAY(const char *) output_words; /* what the spec calls the outputs */
    const char *error;
    size_t reached; /* nodes that were understood */
    int words;
} onnx_net;

/* Traces the graph. NULL and *error: what is not supported. */
onnx_net *onnx_trace(arena *a, const onnx_model *m, const char **error);

/* The whole spec. */
const char *onnx_spec(const onnx_net *net, const char *word, const char *from);

/* What the proof computes on. */
typedef struct onnx_proof {
    int steps, batch;   /* those of the file, where it fixes them */
    const int *lengths; /* of each sequence; they count where the graph has sequence_lens */
    nd *inputs;         /* in the order of m->inputs */
} onnx_proof;

/* Draws inputs (numbers between -1 and 1 come from `draw`), for the graph and, as arrays of the spec, into `data`.
 * Returns NULL, or what is wrong. */
const char *onnx_inputs(const onnx_net *net, onnx_proof *p, double (*draw)(uint64_t *), uint64_t seed, tensors *data);

/* Computes the graph's outputs from p->inputs, each in the layout of the spec's array: sequence, step, component.
 * Returns NULL, or what is wrong. */
const char *onnx_outputs(const onnx_net *net, const onnx_proof *p, double **outputs, size_t *counts);

/* The value of this name; NULL: none. */
net_value *net_find(const onnx_net *net, const char *word);

#endif
