/* main.c: the network on the board: a step for each reading of the sensor. It holds the results against PyTorch's. */
#include "board.h"
#include "expected.h"
#include "net.h"

static net_state state;
static float work[NET_STEP_WORK(1, 1)];

int main(void)
{
    const unsigned steps = sizeof samples / sizeof samples[0];
    float scores[4], worst = 0;
    net_args args = {.batch = 1, .T = 1, .fc = scores, .state = &state, .work = work};
    net_reset(&state);
    for (unsigned t = 0; t < steps; t++) {
        args.x = samples[t];
        if (net_step(&args) != NET_OK) return 1;
        for (int i = 0; i < 4; i++) {
            const float d = scores[i] - expected[t][i], size = d < 0 ? -d : d;
            if (!(size <= worst)) worst = size;
        }
    }
    board_say("steps", steps);
    board_say("largest difference from PyTorch, in billionths", (unsigned)(worst * 1e9f));
    return !(worst < 1e-5f);
}
