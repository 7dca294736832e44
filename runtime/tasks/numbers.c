/* numbers.c: tasks whose data are numbers: running_sum, average, sine, adding. */
#if defined __clang__
#pragma STDC FP_CONTRACT OFF
#endif
#include "tasks/tasks.h"

void task_running_sum(task_sequence *s)
{
    double sum = 0;
    for (size_t t = task_whole(s, TASK_PARAMETER_running_sum_T); t > 0; t--) {
        double x = 2 * chance_uniform(&s->chance) - 1;
        sum += x; /* exact: x is a multiple of 2^-23 */
        task_put(s, TASK_ARRAY_running_sum_x, x);
        task_put(s, TASK_ARRAY_running_sum_y, sum);
    }
}

void task_average(task_sequence *s)
{
    double average = 0, decay = s->parameter[TASK_PARAMETER_average_decay];
    for (size_t t = task_whole(s, TASK_PARAMETER_average_T); t > 0; t--) {
        double x = 2 * chance_uniform(&s->chance) - 1;
        average = decay * average + (1 - decay) * x;
        task_put(s, TASK_ARRAY_average_x, x);
        task_put(s, TASK_ARRAY_average_y, average);
    }
}

void task_sine(task_sequence *s)
{
    double shortest = s->parameter[TASK_PARAMETER_sine_shortest], longest = s->parameter[TASK_PARAMETER_sine_longest];
    double noise = s->parameter[TASK_PARAMETER_sine_noise];
    double phase = chance_uniform(&s->chance),
           step = 1 / (shortest + (longest - shortest) * chance_uniform(&s->chance));
    size_t steps = task_whole(s, TASK_PARAMETER_sine_T);
    for (size_t t = 0; t < steps; t++) {
        double x = sine_of_turns(phase + (double)t * step);
        task_put(s, TASK_ARRAY_sine_x, noise > 0 ? x + noise * chance_normal(&s->chance) : x);
        task_put(s, TASK_ARRAY_sine_y, sine_of_turns(phase + (double)(t + 1) * step));
    }
}

void task_adding(task_sequence *s)
{
    size_t steps = task_whole(s, TASK_PARAMETER_adding_T), half = steps / 2;
    size_t first = chance_below(&s->chance, half), second = chance_between(&s->chance, half, steps - 1);
    double sum = 0;
    for (size_t t = 0; t < steps; t++) {
        double x = chance_uniform(&s->chance);
        int marked = t == first || t == second;
        task_put(s, TASK_ARRAY_adding_x, x);
        task_put(s, TASK_ARRAY_adding_x, marked);
        sum += marked ? x : 0;
    }
    task_put(s, TASK_ARRAY_adding_y, sum);
}
