/* threads.c SPEC: threads that each compile the spec, call it and free it, while all of them call one model that they
 * share, with the same weights; every loss must be that of the first call. */
#include "rnnc.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, ROUNDS = 12, CALLS = 20, SEQUENCES = 2, STEPS = 3 };

static const int x[STEPS * SEQUENCES] = {0, 1, 1, 2, 2, 3}, y[STEPS * SEQUENCES] = {1, 2, 2, 3, 3, 0};

typedef struct shared {
    const char *path;
    rnnc_model *model;
    rnnc_weights *weights;
    float loss;
} shared;

static float loss_of(const rnnc_model *m, const rnnc_weights *w)
{
    const void *inputs[] = {x, y};
    rnnc_error error;
    float loss = -1, *grads = calloc(rnnc_param_reals(m) + 1, sizeof *grads);
    rnnc_call call = {.sequences = SEQUENCES, .steps = {STEPS}, .inputs = inputs, .loss = &loss, .grads = grads};
    if (rnnc_grad(m, w, &call, &error) != RNNC_OK) fprintf(stderr, "%s\n", error.text);
    free(grads);
    return loss;
}

static void *work(void *of)
{
    const shared *s = of;
    for (int i = 0; i < ROUNDS; i++) {
        rnnc_model *wrong = rnnc_compile("model m { a = b @ }", NULL);
        if (rnnc_status_of(wrong) != RNNC_BAD_SPEC) return (void *)s;
        rnnc_free(wrong);
        rnnc_model *m = rnnc_compile_file(s->path, NULL);
        rnnc_weights *w = rnnc_weights_new(m, 1, NULL);
        for (int k = 0; k < CALLS; k++)
            if (loss_of(m, w) != s->loss || loss_of(s->model, s->weights) != s->loss) return (void *)s;
        rnnc_weights_free(w);
        rnnc_free(m);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    shared s = {.path = argv[argc - 1]};
    pthread_t thread[THREADS];
    int failed = 0;
    s.model = rnnc_compile_file(s.path, NULL);
    s.weights = rnnc_weights_new(s.model, 1, NULL);
    s.loss = loss_of(s.model, s.weights);
    rnnc_weights_changed(s.weights); /* so that the threads meet weights that nobody has packed yet */
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, work, &s) != 0) exit(3);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(thread[i], &result);
        failed += result != NULL;
    }
    printf("%d threads, %d failed, loss %g\n", THREADS, failed, (double)s.loss);
    rnnc_weights_free(s.weights);
    rnnc_free(s.model);
    return failed || !(s.loss > 0);
}
