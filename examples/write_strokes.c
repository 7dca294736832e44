/* write_strokes.c: a trained specs/models/strokes.rnn writes: samples of the pen as a picture, SVG on standard output.
 *
 *     rnnc train specs/models/strokes.rnn --data strokes.npz -o run
 *     rnnc build specs/models/strokes.rnn --standalone --inference -o DIR
 *     cc -O2 -std=c11 -IDIR -Iruntime examples/write_strokes.c DIR/strokes.c build/librnnc.a -ljansson -lm \
 *         -o write_strokes
 *     ./write_strokes run/best.safetensors [SEED] >strokes.svg
 *
 * A step takes where the pen went and says where it may go next: weights w, means m, standard deviations s and
 * correlations r of Gaussians, and e, the chance that the stroke ends. One of the Gaussians is drawn, a point of it,
 * and the end; these are the next input: Graves, arXiv:1308.0850 (2013), section 4. librnnc.a is here only to read the
 * file. */
#include "strokes.h"
#include "train/safetensors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { K = 6, LINES = 8, POINTS = 60 }; /* Gaussians of the spec */

static float params[STROKES_PARAMS], packed[STROKES_PACKED], work[STROKES_STEP_WORK(1, 1)];
static strokes_state state;

/* Puts each tensor of the file at its place in params. */
static void read_weights(const char *path)
{
    tensors file = {0};
    const strokes_param *param = strokes_param_table();
    if (!safetensors_read(path, &file)) {
        fprintf(stderr, "%s\n", file.error);
        exit(1);
    }
    for (int i = 0; i < STROKES_PARAM_COUNT; i++) {
        const tensor *t = tensors_find(&file, param[i].name);
        if (!t || t->count != param[i].rows * param[i].columns) {
            fprintf(stderr, "%s: no '%s' as the model has it\n", path, param[i].name);
            exit(1);
        }
        tensor_to_float(t, params + param[i].offset);
    }
    tensors_free(&file);
    strokes_pack(params, packed);
}

static uint64_t draws; /* state of xorshift64*: Vigna, arXiv:1402.6246 (2014) */

static float uniform(void)
{
    draws ^= draws >> 12;
    draws ^= draws << 25;
    draws ^= draws >> 27;
    return (float)(draws * UINT64_C(2685821657736338717) >> 40) / 16777216.0f;
}

static float normal(void)
{
    const float u = 1 - uniform();
    return sqrtf(-2 * logf(u)) * cosf(6.2831853f * uniform());
}

/* The next offset and end of stroke, by what the model says. */
static void draw(const float *w, const float *m, const float *s, const float *r, float e, float *x)
{
    int k = 0;
    for (float left = uniform() - w[0]; left > 0 && k + 1 < K; left -= w[k]) k++;
    const float a = normal(), b = normal();
    x[0] = m[2 * k] + s[2 * k] * a;
    x[1] = m[2 * k + 1] + s[2 * k + 1] * (r[k] * a + sqrtf(1 - r[k] * r[k]) * b);
    x[2] = uniform() < e ? 1 : 0;
}

static void write_line(int line)
{
    float x[3] = {0, 0, 1}, w[K], m[2 * K], s[2 * K], r[K], e, across = 1, up = 0;
    strokes_args args = {.batch = 1,
                         .T = 1,
                         .params = params,
                         .packed = packed,
                         .x = x,
                         .w = w,
                         .m = m,
                         .s = s,
                         .r = r,
                         .e = &e,
                         .state = &state,
                         .work = work};
    strokes_reset(&state);
    printf("<path d=\"M1,%d", 8 * line + 7);
    for (int i = 0; i < POINTS; i++) {
        const int lifted = x[2] == 1;
        if (strokes_step(&args) != STROKES_OK) exit(1);
        draw(w, m, s, r, e, x);
        across += x[0];
        up += x[1];
        printf(" %c%.2f,%.2f", lifted ? 'M' : 'L', (double)across, (double)((float)(8 * line + 7) - up));
    }
    puts("\"/>");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s WEIGHTS.safetensors [SEED]\n", argv[0]);
        return 2;
    }
    read_weights(argv[1]);
    draws = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    draws = (draws + 1) * UINT64_C(0x9e3779b97f4a7c15); /* no small number to begin with, and not 0 */
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 %d\" fill=\"none\" stroke=\"black\" "
           "stroke-width=\"0.15\">\n",
           8 * LINES + 2);
    for (int line = 0; line < LINES; line++) write_line(line);
    puts("</svg>");
    return 0;
}
