/* arrays.c: writes the data files of tests/losses:  arrays FOLDER
 *
 * labels.npz: x (4, 6), what each step says, of 4 classes; y (4, 3), labels: decoded, they are 2 edits away from 9
 * labels. short.npz: the same, but sequence 2 has too few steps for its labels; blank.npz: sequence 1 has a blank as
 * label. tags.npz: x (4, 5), y (4, 5), of 4 classes; answers.npz: y as
 * zeros and ones. */
#include "train/npz.h"
#include <stdio.h>

enum { N = 4, T = 6, S = 3 };

static int save(const char *folder, const char *file, tensors *t)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    bool good = npz_write(path, t);
    if (!good) fprintf(stderr, "%s\n", t->error);
    tensors_free(t);
    return good ? 0 : 1;
}

static int labels(const char *folder, const char *file, const int *x, const int *y, const int *steps, const int *count)
{
    tensors t = {0};
    tensors_add(&t, "x", DTYPE_I32, 2, (size_t[]){N, T}, x);
    tensors_add(&t, "y", DTYPE_I32, 2, (size_t[]){N, S}, y);
    tensors_add(&t, "x_lengths", DTYPE_I32, 1, (size_t[]){N}, steps);
    tensors_add(&t, "y_lengths", DTYPE_I32, 1, (size_t[]){N}, count);
    return save(folder, file, &t);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    /* Decoded: 1 2 | 1 1 | 3 | 1 2 1; wanted: 1 2 | 1 2 | 1 3 | 1 2 1. */
    int x[N * T] = {1, 1, 0, 2, 9, 9, 1, 0, 1, 0, 0, 9, 0, 3, 3, 0, 3, 9, 1, 2, 2, 1, 0, 0};
    int y[N * S] = {1, 2, -1, 1, 2, -1, 1, 3, -1, 1, 2, 1}, steps[N] = {4, 5, 4, 6}, count[N] = {2, 2, 2, 3};
    int code = labels(argv[1], "labels.npz", x, y, steps, count);
    y[3] = 0;
    code |= labels(argv[1], "blank.npz", x, y, steps, count);
    y[3] = 1;
    y[7] = 1;
    steps[2] = 2;
    code |= labels(argv[1], "short.npz", x, y, steps, count);

    /* Of the first eight steps: class 1 is there 4 times, guessed 3, right 2; 2: 3, 4, 3; 3: 1, 0, 0; 0 is guessed
     * once. The others are of class 0, which does not count. */
    int a[N * 5] = {1, 1, 2, 0, 2, 2, 2, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    int b[N * 5] = {1, 1, 1, 1, 2, 2, 2, 3};
    tensors t = {0};
    tensors_add(&t, "x", DTYPE_I32, 2, (size_t[]){N, 5}, a);
    tensors_add(&t, "y", DTYPE_I32, 2, (size_t[]){N, 5}, b);
    code |= save(argv[1], "tags.npz", &t);

    float answer[N * 5 * 4] = {0}; /* of five steps as guessed; of 15 two components are wrong: 50 of 80 are right */
    for (int i = 0; i < N * 5; i++) answer[i * 4 + b[i]] = 1;
    tensors answers = {0};
    tensors_add(&answers, "x", DTYPE_I32, 2, (size_t[]){N, 5}, a);
    tensors_add(&answers, "y", DTYPE_F32, 3, (size_t[]){N, 5, 4}, answer);
    code |= save(argv[1], "answers.npz", &answers);
    return code;
}
