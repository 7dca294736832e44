/* ours.c: a compiled model as a contestant of bench.py, which compiles this beside every model.c that `rnnc build
 * --prefix model` wrote, as one shared object. What is repeated is chosen by -DBENCH_STEP, -DBENCH_FORWARD or
 * -DBENCH_GRAD. Models for the benchmark call their input x, what they are trained on y, and their output h.
 *
 * A training step packs the weights and clears the gradients, then forward, backpropagation through time and all
 * gradients. The other two run on weights that were packed before. */
#include "model.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RING = 64 }; /* steps of data that streaming goes around in */

typedef struct ours {
    model_args args;
    float *params, *packed, *grads, *work, loss;
    const float *x; /* of RING steps, where one step is repeated */
    float *h;
    size_t T, batch, width_x, width_h, step;
    model_state *state;
} ours;

static void *bytes(size_t n)
{
    void *p = aligned_alloc(64, (n + 64) / 64 * 64);
    if (!p) exit(3);
    memset(p, 0, n);
    return p;
}

/* x, y, h: arrays over T steps, or RING steps where one is repeated; width_x, width_h: numbers of x and h in a step. */
ours *ours_create(size_t T, size_t batch, const void *x, size_t width_x, const void *y, float *h, size_t width_h);
ours *ours_create(size_t T, size_t batch, const void *x, size_t width_x, const void *y, float *h, size_t width_h)
{
    ours *o = bytes(sizeof *o);
    o->params = bytes(MODEL_PARAMS * sizeof(float));
    o->packed = bytes(MODEL_PACKED * sizeof(float));
    o->grads = bytes(MODEL_PARAMS * sizeof(float));
    o->T = T, o->batch = batch, o->x = x, o->h = h, o->width_x = width_x, o->width_h = width_h;
    o->args.batch = batch, o->args.T = T, o->args.params = o->params, o->args.packed = o->packed, o->args.x = x;
#if defined BENCH_GRAD
    o->args.y = y, o->args.loss = &o->loss, o->args.grads = o->grads;
    o->args.work = o->work = bytes(MODEL_GRAD_WORK(T, batch) * sizeof(float));
#elif defined BENCH_FORWARD
    (void)y;
    o->args.h = h;
    o->args.work = o->work = bytes(MODEL_FORWARD_WORK(T, batch) * sizeof(float));
#else
    (void)y;
    o->args.T = 1;
    o->args.state = o->state = bytes(sizeof *o->state);
    o->args.work = o->work = bytes(MODEL_STEP_WORK(1, batch) * sizeof(float));
#endif
    return o;
}

float *ours_params(ours *o);
float *ours_params(ours *o) { return o->params; }

const float *ours_grads(const ours *o);
const float *ours_grads(const ours *o) { return o->grads; }

double ours_loss(const ours *o);
double ours_loss(const ours *o) { return (double)o->loss; }

size_t ours_param_count(void);
size_t ours_param_count(void) { return MODEL_PARAM_COUNT; }

/* After the weights were written; streaming begins anew. */
void ours_prepare(ours *o);
void ours_prepare(ours *o)
{
    model_pack(o->params, o->packed);
    o->step = 0;
#ifdef BENCH_STEP
    model_reset(o->state);
#endif
}

static int once(ours *o)
{
#if defined BENCH_GRAD
    model_pack(o->params, o->packed);
    memset(o->grads, 0, MODEL_PARAMS * sizeof(float));
    return model_grad(&o->args);
#elif defined BENCH_FORWARD
    return model_forward(&o->args);
#else
    const size_t at = o->step++ % RING;
    o->args.x = o->x + at * o->width_x;
    o->args.h = o->h + at * o->width_h;
    return model_step(&o->args);
#endif
}

/* Seconds of the processor for so many repetitions; negative where the model refused its arguments. */
double ours_run(ours *o, size_t times);
double ours_run(ours *o, size_t times)
{
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t n = 0; n < times; n++) {
        if (once(o) != 0) return -1;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}
