/* train_text.c: trains the model of specs/models/char_lm.rnn to predict the next byte of a text, then lets it write.
 *
 *     rnnc build specs/models/char_lm.rnn -D V=97 --batch 32 -o DIR        V: the number of different bytes in TEXT
 *     cc -O3 -DV=97 -IDIR -Iruntime examples/train_text.c DIR/char_lm.c build/librnn.a -lm -o train_text
 *     ./train_text TEXT UPDATES
 *
 * The text is cut into CHAR_LM_BATCH streams that are read side by side, T bytes an update. The state passes from one
 * update to the next, the gradient does not: truncated backpropagation through time. Adam: Kingma and Ba,
 * arXiv:1412.6980 (2014). */
#include "char_lm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { B = CHAR_LM_BATCH, T = 40, MAX_TEXT = 1 << 25, REPORTS = 12, SAMPLE = 600 };

static unsigned char text[MAX_TEXT], symbols[V];    /* symbols[k]: the byte that token k stands for */
static int tokens[MAX_TEXT], x[T * B], y[T * B];    /* arrays over time are [step][sequence] */
static float params[CHAR_LM_PARAMS], packed[CHAR_LM_PACKED], grads[CHAR_LM_PARAMS];
static float first[CHAR_LM_PARAMS], second[CHAR_LM_PARAMS], p[V];    /* Adam's moments; a distribution */
static char_lm_state state;

static size_t read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(text, 1, MAX_TEXT, file) : 0, classes = 0;
    int token_of[256] = { 0 }, found[256] = { 0 };
    for (size_t i = 0; i < length; i++) found[text[i]] = 1;
    for (int byte = 0; byte < 256; byte++) {
        if (found[byte] && classes < V) symbols[classes] = (unsigned char)byte;
        if (found[byte]) token_of[byte] = (int)classes++;
    }
    for (size_t i = 0; i < length; i++) tokens[i] = token_of[text[i]];
    if (length < 2 * B * (T + 1) || classes != V) {
        fprintf(stderr, "%s: %zu bytes, %zu different ones; the model was built for %d\n", path, length, classes, V);
        exit(1);
    }
    fclose(file);
    return length;
}

/* One update by Adam, the gradient's norm cut to 5. */
static void update(int number, float rate)
{
    double square = 0;
    for (int i = 0; i < CHAR_LM_PARAMS; i++) square += (double)grads[i] * grads[i];
    const float scale = square > 25 ? (float)(5 / sqrt(square)) : 1;
    rate *= sqrtf(1 - powf(0.999f, (float)number)) / (1 - powf(0.9f, (float)number));
    for (int i = 0; i < CHAR_LM_PARAMS; i++) {
        const float g = scale * grads[i];
        first[i] += 0.1f * (g - first[i]);
        second[i] += 0.001f * (g * g - second[i]);
        params[i] -= rate * first[i] / (sqrtf(second[i]) + 1e-8f);
        grads[i] = 0;    /* char_lm_grad adds */
    }
    char_lm_pack(params, packed);
}

/* Writes SAMPLE bytes: each is drawn from p ^ (1 / temperature) and is the next input. */
static void sample(char_lm_args args, double temperature)
{
    int token = 0, random = 1;
    while (token < V - 1 && symbols[token] != '\n') token++;
    args.batch = 1;
    args.x = &token;
    args.p = p;
    char_lm_reset(&state);
    for (int i = 0; i < SAMPLE && char_lm_step(&args) == CHAR_LM_OK; i++) {
        double sum = 0;
        for (int k = 0; k < V; k++) sum += p[k] = powf(p[k], (float)(1 / temperature));
        random = (int)((random * 48271LL) % 2147483647);
        sum *= random / 2147483647.0;
        for (token = 0; token < V - 1 && (sum -= p[token]) > 0;) token++;
        putchar(symbols[token]);
    }
}

int main(int argc, char **argv)
{
    const int updates = argc == 3 ? atoi(argv[2]) : 0;
    if (updates < 1) return fprintf(stderr, "usage: train_text TEXT UPDATES\n"), 2;
    const size_t stream = (read_text(argv[1]) - 1) / B;
    float loss = 0, *work = malloc(CHAR_LM_GRAD_WORK(T, B) * sizeof *work);
    if (!work) return fprintf(stderr, "out of memory\n"), 3;
    char_lm_args args = { .batch = B, .T = T, .params = params, .packed = packed, .x = x, .y = y, .state = &state,
                          .work = work, .loss = &loss, .grads = grads, .seed = 1 };
    char_lm_init(params, 1);
    char_lm_pack(params, packed);
    char_lm_reset(&state);

    double sum = 0;    /* of the losses since the last report */
    for (int n = 1, counted = 0; n <= updates; n++) {
        const size_t chunk = (size_t)(n - 1) % (stream / T);
        if (chunk == 0) char_lm_reset(&state);
        for (size_t t = 0; t < T; t++)
            for (size_t b = 0; b < B; b++) {
                const int *from = tokens + b * stream + chunk * T + t;
                x[t * B + b] = from[0];
                y[t * B + b] = from[1];
            }
        args.update = (uint64_t)n;    /* another mask of dropout each time */
        if (char_lm_grad(&args) != CHAR_LM_OK) return fprintf(stderr, "char_lm_grad: bad arguments\n"), 1;
        update(n, 0.006f * (1 - 0.9f * (float)n / (float)updates));
        sum += loss, counted++;
        if (n == 1 || n * REPORTS / updates != (n - 1) * REPORTS / updates) {
            sum /= counted;
            printf("update %5d of %d: loss %.3f nats, %.2f bits a byte\n", n, updates, sum, sum / log(2));
            fflush(stdout);
            sum = 0, counted = 0;
        }
    }
    printf("\n");
    sample(args, 0.5);
    printf("\n");
    free(work);
    return 0;
}
