/* train_step.c: one training step of bench/c1.rnn, as bench/train_step.py times it: the weights are packed, the
 * gradients cleared, then forward, backpropagation through time and every gradient. */
#include "c1.h"
#include <stdlib.h>

extern const int param_count;
const int param_count = C1_PARAM_COUNT;
int train_step(const float *params, const int *x, const int *y, float *loss, float *grads);

/* params and grads: C1_PARAMS numbers. x, y: [T][batch]. Returns 0, or what c1_grad found wrong. */
int train_step(const float *params, const int *x, const int *y, float *loss, float *grads)
{
    enum { T = 50 };
    static float packed[C1_PACKED], *work;
    if (!work) work = malloc(C1_GRAD_WORK(T, C1_BATCH) * sizeof *work);
    if (!work) return 1;
    const c1_args args = { .batch = C1_BATCH, .T = T, .params = params, .packed = packed, .x = x, .y = y,
                           .work = work, .loss = loss, .grads = grads };
    for (size_t i = 0; i < C1_PARAMS; i++) grads[i] = 0;    /* c1_grad adds */
    c1_pack(params, packed);
    return c1_grad(&args);
}
