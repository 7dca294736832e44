/* arrays.c: writes a data file for the tests of training:  arrays PATH KIND N
 *
 * KIND reals: x (N, 9, 2), y (N, 9), the running mean of x; pair: and z (N, 9), zeros; tags: x (N, 9) of 5 classes, y
 * (N, 9), the class before, and x_lengths (N); blank: the same, but y is 0; mixed: x (N, 9) of 5 classes, v (N, 9, 2),
 * w (N, 4), y (N, 9), the class x % 3. Numbers come from a generator with a fixed start, so that the file is the same
 * everywhere. */
#include "train/npz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 9, CLASSES = 5 };

static unsigned state = 7;

static unsigned draw(void) { return (state = state * 1664525u + 1013904223u) >> 8; }

static void add_reals(tensors *t, size_t n)
{
    float *x = malloc(n * STEPS * 2 * sizeof *x), *y = malloc(n * STEPS * sizeof *y);
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (size_t s = 0; s < STEPS; s++) {
            for (size_t k = 0; k < 2; k++) {
                float v = (float)(draw() % 2001) / 1000 - 1;
                x[(i * STEPS + s) * 2 + k] = v;
                sum += v;
            }
            y[i * STEPS + s] = sum / (float)(2 * (s + 1));
        }
    }
    tensors_add(t, "x", DTYPE_F32, 3, (size_t[]){n, STEPS, 2}, x);
    tensors_add(t, "y", DTYPE_F32, 2, (size_t[]){n, STEPS}, y);
    free(x);
    free(y);
}

static void add_tags(tensors *t, size_t n, bool blank)
{
    int *x = malloc(n * STEPS * sizeof *x), *y = malloc(n * STEPS * sizeof *y), *lengths = malloc(n * sizeof *lengths);
    for (size_t i = 0; i < n; i++) {
        int before = 0;
        lengths[i] = 3 + (int)(draw() % (STEPS - 2));
        for (size_t s = 0; s < STEPS; s++) {
            x[i * STEPS + s] = (int)(draw() % CLASSES);
            y[i * STEPS + s] = blank ? 0 : before;
            before = x[i * STEPS + s];
        }
    }
    tensors_add(t, "x", DTYPE_I32, 2, (size_t[]){n, STEPS}, x);
    tensors_add(t, "y", DTYPE_I32, 2, (size_t[]){n, STEPS}, y);
    tensors_add(t, "x_lengths", DTYPE_I32, 1, (size_t[]){n}, lengths);
    free(x);
    free(y);
    free(lengths);
}

static void add_mixed(tensors *t, size_t n)
{
    int *x = malloc(n * STEPS * sizeof *x), *y = malloc(n * STEPS * sizeof *y);
    for (size_t i = 0; i < n * STEPS; i++) {
        x[i] = (int)(draw() % CLASSES);
        y[i] = x[i] % 3;
    }
    tensors_add(t, "x", DTYPE_I32, 2, (size_t[]){n, STEPS}, x);
    tensors_add(t, "v", DTYPE_F32, 3, (size_t[]){n, STEPS, 2}, NULL);
    tensors_add(t, "w", DTYPE_F32, 2, (size_t[]){n, 4}, NULL);
    tensors_add(t, "y", DTYPE_I32, 2, (size_t[]){n, STEPS}, y);
    free(x);
    free(y);
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    tensors t = {0};
    size_t n = (size_t)atoi(argv[3]);
    bool pair = strcmp(argv[2], "pair") == 0;
    if (pair || strcmp(argv[2], "reals") == 0)
        add_reals(&t, n);
    else if (strcmp(argv[2], "mixed") == 0)
        add_mixed(&t, n);
    else
        add_tags(&t, n, strcmp(argv[2], "blank") == 0);
    if (pair) tensors_add(&t, "z", DTYPE_F32, 2, (size_t[]){n, STEPS}, NULL);
    bool good = npz_write(argv[1], &t);
    if (!good) fprintf(stderr, "%s\n", t.error);
    tensors_free(&t);
    return good ? 0 : 1;
}
