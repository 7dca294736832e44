/* recurrent.h: one recurrent layer in one direction, computed plainly in double from the tensors of another tool.
 *
 * The equations are those of the operators RNN, GRU and LSTM of ONNX, whose options make them those of the layers of
 * PyTorch and Keras, too. Each gate owns a block of rows of W, R and the biases; `order` names the blocks:
 *
 *     simple       h: h = f(W x + R h' + b)
 *     gated        z, r, h: z = f(...), r = f(...), n = g(W x + R (r * h') + b) or, with the reset after the product,
 *                  g(W x + b_w + r * (R h' + b_r)); h = (1 - z) * n + z * h'
 *     long short   i, f, c, o: c = f * c' + i * g(...), h = o * h(c); peepholes of i and f read c', that of o reads c
 *
 * Nothing of the compiler's graphs or of its maps of weights is used: what is compared with this shares no code with
 * it. */
#ifndef EXCHANGE_RECURRENT_H
#define EXCHANGE_RECURRENT_H

#include "base/arena.h"
#include <stdbool.h>

typedef enum recurrence { RECURRENCE_SIMPLE, RECURRENCE_GATED, RECURRENCE_LONG_SHORT } recurrence;

/* The activations of ONNX. */
/* clang-format off */
#define ACTIVATIONS(X)                                                                                                 \
    X(Sigmoid, 0, 0) X(Tanh, 0, 0) X(Relu, 0, 0) X(Affine, 1, 0) X(LeakyRelu, 0.01, 0) X(ThresholdedRelu, 1, 0)        \
    X(ScaledTanh, 1, 1) X(HardSigmoid, 0.2, 0.5) X(Elu, 1, 0) X(Softsign, 0, 0) X(Softplus, 0, 0)
/* clang-format on */
#define ACTIVATION_ENUMERATOR(name, alpha, beta) ACTIVATION_##name,
typedef enum activation_kind { ACTIVATIONS(ACTIVATION_ENUMERATOR) ACTIVATION_COUNT } activation_kind;

typedef struct activation {
    activation_kind kind;
    double alpha, beta;
} activation;

typedef struct recurrent {
    recurrence equations;
    const char *order;          /* "ifco": the letters of the blocks of rows */
    int inputs, units, outputs; /* outputs: units, or the rows of `projection` */
    const double *W, *R;        /* (gates * units, inputs), (gates * units, outputs) */
    const double *b_w, *b_r;    /* (gates * units); NULL: 0 */
    const double *peephole;     /* (3 * units): i, o, f; NULL: none */
    const double *projection;   /* (outputs, units); NULL: none */
    activation f, g, h;         /* of gates, of what is new, of the memory */
    double clip;                /* bound of what activations are taken of; 0: none */
    bool reset_after, input_forget;
} recurrent;

/* y[step][outputs] of a sequence x[step][inputs]; reverse: from its last step to its first. h (outputs) and c (units)
 * are the state before, and then after. */
void recurrent_run(arena *a, const recurrent *r, const double *x, int steps, bool reverse, double *h, double *c,
                   double *y);

#endif
