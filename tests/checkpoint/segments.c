/* segments.c: the gradient in segments against the whole one: the same numbers, from less memory. Prints what is
 * wrong. */
#include "cut.h"
#include "whole.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 200, BATCH = WHOLE_BATCH };

static float random_number(void) { return (float)rand() / (float)RAND_MAX * 2 - 1; }

int main(void)
{
    static float params[WHOLE_PARAMS], packed[WHOLE_PACKED + CUT_PACKED], grads[2][WHOLE_PARAMS],
        d_u[2][STEPS * BATCH * 3];
    static float u[STEPS * BATCH * 3], z[BATCH * 2];
    float *work = malloc(WHOLE_GRAD_WORK(STEPS, BATCH) * sizeof *work);
    int lengths[BATCH] = {STEPS, 0, 117};
    float losses[2];
    int bad = 0;
    if (!work) return 1;
    for (int i = 0; i < STEPS * BATCH * 3; i++) u[i] = random_number();
    for (int i = 0; i < BATCH * 2; i++) z[i] = random_number();
    whole_init(params, 1);
    whole_pack(params, packed);
    cut_pack(params, packed + WHOLE_PACKED);
    whole_args w = {.batch = BATCH,
                    .T = STEPS,
                    .lengths_t = lengths,
                    .params = params,
                    .packed = packed,
                    .u = u,
                    .z = z,
                    .work = work,
                    .loss = &losses[0],
                    .grads = grads[0],
                    .d_u = d_u[0]};
    cut_args c = {.batch = BATCH,
                  .T = STEPS,
                  .lengths_t = lengths,
                  .params = params,
                  .packed = packed + WHOLE_PACKED,
                  .u = u,
                  .z = z,
                  .work = work,
                  .loss = &losses[1],
                  .grads = grads[1],
                  .d_u = d_u[1]};
    if (whole_grad(&w) || cut_grad(&c)) {
        printf("refused\n");
        return 1;
    }
    float most = 0;
    for (int i = 0; i < WHOLE_PARAMS; i++) most = fmaxf(most, fabsf(grads[0][i]));
    for (int i = 0; i < WHOLE_PARAMS; i++) bad += !(fabsf(grads[0][i] - grads[1][i]) <= 1e-5f * most);
    for (int i = 0; i < STEPS * BATCH * 3; i++) bad += !(fabsf(d_u[0][i] - d_u[1][i]) <= 1e-6f);
    if (bad) printf("%d of the gradients differ\n", bad);
    if (!(most > 1e-4f)) printf("there is no gradient\n");
    if (fabsf(losses[0] - losses[1]) > 1e-6f) printf("losses %g and %g\n", (double)losses[0], (double)losses[1]);
    if (CUT_GRAD_WORK(STEPS, BATCH) * 4 > WHOLE_GRAD_WORK(STEPS, BATCH))
        printf("work: %zu, and in segments %zu\n", WHOLE_GRAD_WORK(STEPS, BATCH), CUT_GRAD_WORK(STEPS, BATCH));
    size_t ten = CUT_GRAD_WORK(10 * STEPS, BATCH) - CUT_GRAD_WORK(9 * STEPS, BATCH), state = STEPS / 14 * 2 * 6 * BATCH;
    if (ten > 2 * state) printf("%zu more for %d steps, where the state is %zu\n", ten, STEPS, state);
    free(work);
    return bad > 0;
}
