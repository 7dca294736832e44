/* rnnc.c: what `rnnc build --inference --standalone --weights` wrote, as a contestant of rivals.py. */
#include "model.h"

void step(const float *x, float *h);
void step(const float *x, float *h)
{
    static model_state state;
    static float work[MODEL_STEP_WORK(1, 1)];
    const model_args args = {.batch = 1, .T = 1, .x = x, .h = h, .state = &state, .work = work};
    model_step(&args);
}
