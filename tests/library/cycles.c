/* cycles.c N SPEC: compiles the spec, calls it and frees it all, N times; then the process must be as large as after
 * the first tenth. Every tenth spec is wrong, every other model is freed before its weights. */
#include "rnnc.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 2, STEPS = 3 };

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 16);
    if (!f || !text || fread(text, 1, (1 << 16) - 1, f) == 0) exit(3);
    fclose(f);
    return text;
}

/* Bytes of the process that are in memory. */
static size_t resident(void)
{
    unsigned long pages = 0, of_these = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &pages, &of_these) != 2) exit(3);
    fclose(f);
    return of_these * 4096;
}

static int cycle(const char *text, int number, float *first)
{
    rnnc_options o = {.file = "hello.rnn"};
    rnnc_error error;
    rnnc_model *m = rnnc_compile(number % 10 == 9 ? "model m { a = b @ }" : text, &o);
    if (number % 10 == 9) {
        int wrong = rnnc_status_of(m) == RNNC_BAD_SPEC && rnnc_message_count(m) > 0 && *rnnc_report(m);
        rnnc_free(m);
        return wrong;
    }
    rnnc_weights *w = rnnc_weights_new(m, 1, &error);
    rnnc_state *s = rnnc_state_new(m, &error);
    const int x[STEPS * SEQUENCES] = {0, 1, 1, 2, 2, 3}, y[STEPS * SEQUENCES] = {1, 2, 2, 3, 3, 0};
    const void *inputs[] = {x, y};
    float loss = -1, p[STEPS * SEQUENCES * 4], *grads = calloc(rnnc_param_reals(m), sizeof *grads);
    void *outputs[] = {p, NULL};
    rnnc_call call = {
        .sequences = SEQUENCES, .steps = {STEPS}, .inputs = inputs, .outputs = outputs, .loss = &loss, .grads = grads};
    int good = rnnc_grad(m, w, &call, &error) == RNNC_OK && rnnc_loss(m, w, &call, &error) == RNNC_OK;
    call.state = s;
    good = good && rnnc_forward(m, w, &call, &error) == RNNC_OK && rnnc_step(m, w, &call, &error) == RNNC_OK;
    if (!good) fprintf(stderr, "cycle %d: %s; %s\n", number, error.text, rnnc_report(m));
    if (number == 0) *first = loss;
    if (number % 2) rnnc_free(m);
    rnnc_weights_free(w);
    rnnc_state_free(s);
    if (number % 2 == 0) rnnc_free(m);
    free(grads);
    return good && loss == *first;
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[1]) : 0;
    char *text = read_file(argv[2]);
    size_t early = 0, blocks = 0;
    float first = 0;
    for (int i = 0; i < count; i++) {
        if (!cycle(text, i, &first)) return 1;
        if (i != count / 10) continue;
        early = resident();
        blocks = mallinfo2().uordblks;
    }
    size_t growth = resident() > early ? resident() - early : 0, kept = mallinfo2().uordblks;
    printf("%d cycles; since cycle %d: %zu KiB more in memory, %zd bytes more in use\n", count, count / 10,
           growth >> 10, (ptrdiff_t)kept - (ptrdiff_t)blocks);
    free(text);
    return count >= 100 && (growth > 1 << 20 || kept > blocks + (4 << 10));
}
