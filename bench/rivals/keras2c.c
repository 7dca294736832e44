/* keras2c.c: a stateful layer as keras2c writes it without `malloc`, as a contestant of rivals.py: the weights are
 * arrays inside of the function, and so come to lie on the stack with each call. */
#include "k2c_include.h"

void step(const float *x, float *h);
void step(const float *x, float *h)
{
    static float state[2 * UNITS];
    float kernel_array[] = {
#include "kernel.inc"
    };
    float recurrent_array[] = {
#include "recurrent.inc"
    };
    float bias_array[] = {
#include "bias.inc"
    };
    float work[8 * UNITS] = {0};
    k2c_tensor input = {(float *)x, 2, UNITS, {1, UNITS, 1, 1, 1}}, output = {h, 1, UNITS, {UNITS, 1, 1, 1, 1}};
    k2c_tensor kernel = {kernel_array, 2, GATES * UNITS * UNITS, {GATES * UNITS, UNITS, 1, 1, 1}};
    k2c_tensor recurrent = {recurrent_array, 2, GATES * UNITS * UNITS, {GATES * UNITS, UNITS, 1, 1, 1}};
    k2c_tensor bias = {bias_array,
                       1,
                       sizeof bias_array / sizeof bias_array[0],
                       {sizeof bias_array / sizeof bias_array[0], 1, 1, 1, 1}};
#ifdef LSTM
    k2c_lstm(&output, &input, state, &kernel, &recurrent, &bias, work, 0, 0, k2c_sigmoid, k2c_tanh);
#else
    k2c_gru(&output, &input, state, &kernel, &recurrent, &bias, work, 1, 0, 0, k2c_sigmoid, k2c_tanh);
#endif
}
