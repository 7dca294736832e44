/* train_text.c: trains the model of specs/models/char_lm.rnn to predict the next byte of a text, then lets it write.
 *
 *     rnnc build specs/models/char_lm.rnn -D V=96 --batch 32 --standalone -o DIR     V: different bytes in TEXT
 *     cc -O3 -DV=96 -IDIR examples/train_text.c DIR/char_lm.c -lm -o train_text
 *     ./train_text TEXT UPDATES
 *
 * The text is cut into B streams that are read side by side, T bytes an update. The state passes from one update to the
 * next, the gradient does not: truncated backpropagation through time. Adam: Kingma and Ba, arXiv:1412.6980 (2014). */
#include "char_lm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { B = CHAR_LM_BATCH, T = 40, MAX_TEXT = 1 << 25, REPORT = 100, SAMPLE = 600 };

static unsigned char text[MAX_TEXT], byte_of[256]; /* byte_of[k]: what token k stands for */
static int token_of[256], x[T * B], y[T * B];      /* arrays over time are [step][sequence] */
static float params[CHAR_LM_PARAMS], packed[CHAR_LM_PACKED], grads[CHAR_LM_PARAMS], p[V];
static float first[CHAR_LM_PARAMS], second[CHAR_LM_PARAMS]; /* moments of the gradient */
static char_lm_state state;

/* Reads the text and numbers the bytes that occur in it; returns its length. */
static size_t read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(text, 1, MAX_TEXT, file) : 0;
    int classes = 0;
    for (size_t i = 0; i < length; i++) token_of[text[i]] = 1;
    for (int byte = 0; byte < 256; byte++)
        if (token_of[byte]) byte_of[token_of[byte] = classes++] = (unsigned char)byte;
    if (length < 2 * B * (T + 1) || classes != V) {
        fprintf(stderr, "%s: %zu bytes, %d different; the model was built for %d\n", path, length, classes, V);
        exit(1);
    }
    fclose(file);
    return length;
}

/* One update by Adam, the norm of the gradient cut to 5. */
static void update(int n, float rate)
{
    double square = 0;
    for (int i = 0; i < CHAR_LM_PARAMS; i++) square += (double)grads[i] * grads[i];
    const float scale = square > 25 ? (float)(5 / sqrt(square)) : 1;
    rate *= sqrtf(1 - powf(0.999f, (float)n)) / (1 - powf(0.9f, (float)n));
    for (int i = 0; i < CHAR_LM_PARAMS; i++) {
        const float g = scale * grads[i];
        first[i] += 0.1f * (g - first[i]);
        second[i] += 0.001f * (g * g - second[i]);
        params[i] -= rate * first[i] / (sqrtf(second[i]) + 1e-8f);
        grads[i] = 0; /* char_lm_grad adds */
    }
    char_lm_pack(params, packed);
}

/* Writes SAMPLE bytes: each is drawn from p ^ (1 / temperature) and is the next input. */
static void sample(char_lm_args args, float temperature)
{
    int token = token_of['\n'];
    args.batch = 1;
    args.x = &token;
    args.p = p;
    char_lm_reset(&state);
    for (int i = 0; i < SAMPLE && char_lm_step(&args) == CHAR_LM_OK; i++) {
        float sum = 0;
        for (int k = 0; k < V; k++) sum += p[k] = powf(p[k], 1 / temperature);
        sum *= (float)rand() / (float)RAND_MAX;
        for (token = 0; token < V - 1 && (sum -= p[token]) > 0;) token++;
        putchar(byte_of[token]);
    }
}

int main(int argc, char **argv)
{
    const int updates = argc == 3 ? atoi(argv[2]) : 0;
    if (updates < 1) return fprintf(stderr, "usage: train_text TEXT UPDATES\n"), 2;
    const size_t stream = (read_text(argv[1]) - 1) / B; /* bytes of each */
    float loss = 0, mean = 0, *work = malloc(CHAR_LM_GRAD_WORK(T, B) * sizeof *work);
    if (!work) return fprintf(stderr, "out of memory\n"), 3;
    char_lm_args args = {.batch = B, .T = T, .params = params, .packed = packed, .x = x, .y = y};
    args.state = &state, args.work = work, args.loss = &loss, args.grads = grads;
    char_lm_init(params, 1);
    char_lm_pack(params, packed);

    printf("a guess costs log(%d) = %.3f nats a byte\n", V, log(V));
    for (int n = 1; n <= updates; n++) {
        const size_t chunk = (size_t)(n - 1) % (stream / T);
        if (chunk == 0) char_lm_reset(&state);
        for (size_t i = 0; i < T * B; i++) {
            const unsigned char *from = text + i % B * stream + chunk * T + i / B;
            x[i] = token_of[from[0]];
            y[i] = token_of[from[1]];
        }
        args.update = (uint64_t)n; /* other masks of dropout each time */
        if (char_lm_grad(&args) != CHAR_LM_OK) return fprintf(stderr, "char_lm_grad: bad arguments\n"), 1;
        update(n, 0.006f * (1 - 0.9f * (float)n / (float)updates));
        mean += loss / REPORT;
        if (n % REPORT) continue;
        printf("update %5d of %d: loss %.3f nats a byte\n", n, updates, mean);
        fflush(stdout);
        mean = 0;
    }
    printf("\n");
    sample(args, 0.5f);
    printf("\n");
    free(work);
    return 0;
}
