/* shards.c: one model as built without threads and with three, called on the same batches: prints every bit that
 * comes out of the second, and holds it against the first. */
#include "one.h"
#include "three.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = ONE_BATCH, MOST = 8, STEPS = 6, WORK = 1 << 20 };
typedef struct answer {
    float loss, h[STEPS * BATCH * 4], d_u[STEPS * BATCH * 3], grads[ONE_PARAMS];
} answer;

static int faults;

static void near(const char *what, int batch, const float *a, const float *b, size_t n)
{
    float most = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmaxf(most, fabsf(b[i]));
        off = fmaxf(off, fabsf(a[i] - b[i]));
    }
    if (off <= 1e-5F * most) return;
    printf("%s of %d sequences: off by %g of %g\n", what, batch, (double)off, (double)most);
    faults++;
}

static void print(const char *what, const float *a, size_t n)
{
    printf("%s", what);
    for (size_t i = 0; i < n; i++) printf(" %a", (double)a[i]);
    putchar('\n');
}

/* Twice, the state carried; norms NULL or given. */
static void run(size_t batch, const float *norms)
{
    static float params[ONE_PARAMS], packed[ONE_PACKED], u[STEPS * BATCH * 3], z[STEPS * BATCH * 4], m[STEPS * BATCH];
    static float work[WORK];
    static one_state state;
    static three_state states;
    const int lengths[MOST] = {6, 6, 2, 0, 6, 5, 6, 1};
    one_init(params, 3);
    one_pack(params, packed);
    one_reset(&state);
    three_reset(&states);
    for (size_t i = 0; i < STEPS * batch * 3; i++) u[i] = (float)((int)(i * 37 % 19) - 9) / 9;
    for (size_t i = 0; i < STEPS * batch * 4; i++) z[i] = (float)((int)(i * 23 % 17) - 8) / 8;
    for (size_t i = 0; i < STEPS * batch; i++) m[i] = (float)(i * 5 % 3) / 2;
    if (THREE_GRAD_WORK(STEPS, batch) > WORK) exit(3);
    for (int chunk = 0; chunk < 2; chunk++) {
        answer a = {0}, b = {0};
        one_args of = {.batch = batch,
                       .T = STEPS,
                       .lengths_t = lengths,
                       .params = params,
                       .packed = packed,
                       .u = u,
                       .z = z,
                       .m = m,
                       .h = a.h,
                       .state = &state,
                       .work = work,
                       .loss = &a.loss,
                       .norms = norms,
                       .grads = a.grads,
                       .d_u = a.d_u,
                       .seed = 4,
                       .update = 5,
                       .sequence = 6};
        three_args three = {.batch = batch,
                            .T = STEPS,
                            .lengths_t = lengths,
                            .params = params,
                            .packed = packed,
                            .u = u,
                            .z = z,
                            .m = m,
                            .h = b.h,
                            .state = &states,
                            .work = work,
                            .loss = &b.loss,
                            .norms = norms,
                            .grads = b.grads,
                            .d_u = b.d_u,
                            .seed = 4,
                            .update = 5,
                            .sequence = 6};
        if (one_forward(&of) || three_forward(&three)) exit(3);
        if (memcmp(a.h, b.h, sizeof a.h)) printf("outputs of %zu sequences differ\n", batch), faults++;
        if (memcmp(&state, &states, sizeof state)) printf("states of %zu sequences differ\n", batch), faults++;
        of.T = three.T = 1; /* one more step */
        of.lengths_t = three.lengths_t = NULL;
        if (one_step(&of) || three_step(&three)) exit(3);
        if (memcmp(a.h, b.h, sizeof a.h)) printf("a step of %zu sequences differs\n", batch), faults++;
        of.T = three.T = STEPS;
        of.lengths_t = three.lengths_t = lengths;
        if (one_loss(&of) || three_loss(&three)) exit(3);
        near("loss", (int)batch, &b.loss, &a.loss, 1);
        print("outputs", b.h, STEPS * batch * 4);
        print("loss", &b.loss, 1);
        if (one_grad(&of) || three_grad(&three)) exit(3);
        near("loss with dropout", (int)batch, &b.loss, &a.loss, 1);
        near("d_u", (int)batch, b.d_u, a.d_u, STEPS * batch * 3);
        near("gradients", (int)batch, b.grads, a.grads, ONE_PARAMS);
        print("loss", &b.loss, 1);
        print("d_u", b.d_u, STEPS * batch * 3);
        print("gradients", b.grads, ONE_PARAMS);
    }
}

int main(void)
{
    const float norms[3] = {70, 1, 90};
    for (size_t batch = 1; batch <= BATCH; batch++) {
        run(batch, NULL);
        run(batch, norms);
    }
    return faults > 0;
}
