/* stream.c: a step of one sequence, whose state is updated in place: prints what is wrong. The model `stream` has an
 * input x and an output h of 8 numbers; its state has h. */
#include "stream.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static float params[STREAM_PARAMS], packed[STREAM_PACKED], work[STREAM_STEP_WORK(1, 1)], all[STREAM_FORWARD_WORK(1, 1)];

static int failed;

static void expect(int condition, const char *what)
{
    if (!condition) printf("%s\n", what);
    failed |= !condition;
}

int main(void)
{
    const float x[8] = {1, -1, .5f, .25f, 0, 2, -2, .1f};
    float h[8], again[8];
    int length = 0;
    stream_state state, before;
    stream_args a = {0};
    stream_init(params, 1);
    stream_pack(params, packed);
    stream_reset(&state);
    a.batch = 1, a.T = 99, a.params = params, a.packed = packed, a.x = x, a.h = h, a.work = work, a.state = &state;
    for (int i = 0; i < 3; i++) expect(stream_step(&a) == STREAM_OK, "a step is refused");
    expect(state.time[0] == 3 && memcmp(h, state.h[0][0], sizeof h) == 0, "the state is not the output of the step");

    before = state;
    a.lengths_t = &length;
    expect(stream_step(&a) == STREAM_OK && memcmp(&state, &before, sizeof state) == 0,
           "an absent sequence changes the state");
    for (int i = 0; i < 8; i++) expect(!(h[i] < 0) && !(h[i] > 0), "the output of an absent sequence is not 0");
    length = 2;
    expect(stream_step(&a) == STREAM_BAD_LENGTH, "a length beyond the step is taken");
    length = 1;
    expect(stream_step(&a) == STREAM_OK && state.time[0] == 4, "a sequence that is there is not stepped");

    a.lengths_t = NULL, a.state = NULL;
    memset(work, -1, sizeof work); /* NaN */
    expect(stream_step(&a) == STREAM_OK, "a step without a state is refused");
    stream_reset(&state);
    a.state = &state, a.h = again;
    expect(stream_step(&a) == STREAM_OK && memcmp(h, again, sizeof h) == 0, "no state is not a new one");
    a.T = 1, a.state = NULL, a.work = all;
    expect(stream_forward(&a) == STREAM_OK, "forward refuses its arguments");
    for (int i = 0; i < 8; i++) expect(fabsf(h[i] - again[i]) < 1e-6f, "forward differs");
    expect(stream_step(NULL) == STREAM_BAD_ARGUMENT, "no arguments are taken");
    return failed;
}
