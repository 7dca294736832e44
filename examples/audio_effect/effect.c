/* effect.c: the trained amplifier as a program: a WAV file through it, sample by sample, as a plug-in would.
 *
 *     effect IN.wav OUT.wav [EXPECTED.wav]
 *
 * It prints how much faster than real time one core was. With EXPECTED.wav, what the amplifier itself made of IN.wav,
 * it prints the error-to-signal ratio: the energy of the difference by the energy of what was expected.
 *
 * All memory of the network is one `effect`, 1.4 KB; nothing is allocated. */
#include "amp.h"
#include "wav.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 512 }; /* samples in a call, as a host of plug-ins has it */

typedef struct effect {
    amp_state state;
    float work[AMP_STEP_WORK(1, 1)];
} effect;

static void effect_reset(effect *e) { amp_reset(&e->state); }

/* What a plug-in calls for a block; `from` and `to` may be the same. */
static void effect_process(effect *e, const float *from, float *to, size_t count)
{
    amp_args args = {.batch = 1, .T = 1, .state = &e->state, .work = e->work};
    for (size_t i = 0; i < count; i++) {
        args.x = from + i;
        args.out = to + i;
        if (amp_step(&args) != AMP_OK) abort(); /* only wrong arguments are refused */
    }
}

static _Noreturn void give_up(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    exit(1);
}

typedef struct measured {
    double seconds;       /* of the processor */
    double error, signal; /* energies */
} measured;

/* Everything in `in` through the effect to `out`; `expected` may be NULL. */
static measured run(wav *in, wav *out, wav *expected)
{
    static effect e;
    measured m = {0};
    float x[BLOCK], y[BLOCK], wanted[BLOCK];
    effect_reset(&e);
    for (size_t count; (count = wav_read(in, x, BLOCK)) > 0;) {
        const clock_t before = clock();
        effect_process(&e, x, y, count);
        m.seconds += (double)(clock() - before) / CLOCKS_PER_SEC;
        wav_write(out, y, count);
        if (!expected) continue;
        const size_t known = wav_read(expected, wanted, count);
        for (size_t i = 0; i < known; i++) {
            m.error += pow((double)wanted[i] - (double)y[i], 2);
            m.signal += pow((double)wanted[i], 2);
        }
    }
    return m;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: %s IN.wav OUT.wav [EXPECTED.wav]\n", argv[0]);
        return 2;
    }
    wav in, out, expected;
    for (int i = 1; i < argc; i++) {
        if (i != 2 && strcmp(argv[i], argv[2]) == 0) give_up(argv[2], "would be read and written at once");
    }
    const char *wrong = wav_open(&in, argv[1]);
    if (wrong) give_up(argv[1], wrong);
    if (argc == 4 && (wrong = wav_open(&expected, argv[3]))) give_up(argv[3], wrong);
    if ((wrong = wav_create(&out, argv[2], in.format, in.rate))) give_up(argv[2], wrong);
    const measured m = run(&in, &out, argc == 4 ? &expected : NULL);
    const double seconds = (double)out.samples / in.rate;
    if ((wrong = wav_close(&in))) give_up(argv[1], wrong);
    if ((wrong = wav_close(&out))) give_up(argv[2], wrong);
    printf("%.2f seconds at %u Hz, %.3f seconds of the processor: ", seconds, out.rate, m.seconds);
    if (m.seconds > 0) {
        printf("real-time factor %.4f, %.0f times faster than real time\n", m.seconds / seconds, seconds / m.seconds);
    } else {
        puts("too short to be timed");
    }
    const double ratio = m.error / m.signal;
    if (m.signal > 0) printf("error-to-signal ratio %.3g (%.1f dB)\n", ratio, 10 * log10(ratio));
    return 0;
}
