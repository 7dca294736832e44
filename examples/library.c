/* library.c: a program that compiles equations while it runs, and trains them.
 *
 *     cc library.c $(pkg-config --cflags --libs rnnc) -o library
 *     ./library [SPEC]
 *
 * Without SPEC it takes the equations below: the network is to say whether it has seen an even number of ones. With
 * SPEC it says what is wrong with that file, and where, as data. */
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEQUENCES = 16, STEPS = 8, UPDATES = 1000 };

static const char spec[] = "model parity {\n"
                           "    input  x[t] : token(2)\n"
                           "    target y[t] : token(2)\n"
                           "    h = gru(onehot(x), 8)\n"
                           "    p = softmax(dense(h, 2))\n"
                           "    output p\n"
                           "    loss cross_entropy(p, y)\n"
                           "}\n";

static void print_messages(const rnnc_model *m)
{
    for (size_t i = 0; i < rnnc_message_count(m); i++) {
        const rnnc_message *at = rnnc_message_at(m, i);
        printf("%s in line %u, columns %u to %u: %s (%s)\n", at->severity == RNNC_ERROR ? "error" : "warning",
               at->at.line, at->at.column, at->at.end_column - 1, at->text, at->code);
        for (size_t k = 0; k < at->note_count; k++) printf("    %s\n", at->notes[k].text);
    }
}

/* Ones and zeros, and the parity of those so far: [step][sequence]. */
static void draw(int *x, int *y, unsigned *seed)
{
    for (int t = 0; t < STEPS; t++)
        for (int n = 0; n < SEQUENCES; n++) {
            int i = t * SEQUENCES + n;
            *seed = *seed * 1664525u + 1013904223u;
            x[i] = (int)(*seed >> 31);
            y[i] = x[i] ^ (t ? y[i - SEQUENCES] : 0);
        }
}

static int train(const rnnc_model *m)
{
    rnnc_error error;
    rnnc_weights *w = rnnc_weights_new(m, 1, &error);
    size_t count = rnnc_param_reals(m);
    float *params = rnnc_weights_data(w), *grads = calloc(count, sizeof *grads), loss = 0;
    int x[STEPS * SEQUENCES], y[STEPS * SEQUENCES];
    const void *inputs[] = {x, y}; /* in the order of rnnc_inputs */
    rnnc_call call = {.sequences = SEQUENCES, .steps = {STEPS}, .inputs = inputs, .loss = &loss, .grads = grads};
    unsigned seed = 1;
    rnnc_status status = w && grads ? RNNC_OK : RNNC_NO_MEMORY;
    for (int update = 1; status == RNNC_OK && update <= UPDATES; update++) {
        draw(x, y, &seed);
        for (size_t i = 0; i < count; i++) grads[i] = 0;
        status = rnnc_grad(m, w, &call, &error); /* adds to grads */
        for (size_t i = 0; i < count; i++) params[i] -= 0.5f * grads[i];
        rnnc_weights_changed(w);
        if (update == 1 || update % 250 == 0) printf("update %d: loss %.4f\n", update, (double)loss);
    }
    if (status != RNNC_OK) fprintf(stderr, "%s\n", error.text);
    free(grads);
    rnnc_weights_free(w);
    return status != RNNC_OK;
}

int main(int argc, char **argv)
{
    rnnc_model *m = argc > 1 ? rnnc_compile_file(argv[1], NULL) : rnnc_compile(spec, NULL);
    int failed = rnnc_status_of(m) != RNNC_OK;
    print_messages(m);
    if (rnnc_status_of(m) != RNNC_OK && rnnc_status_of(m) != RNNC_BAD_SPEC) fprintf(stderr, "%s\n", rnnc_error_of(m));
    if (!failed && argc == 1) failed = train(m);
    rnnc_free(m);
    return failed;
}
