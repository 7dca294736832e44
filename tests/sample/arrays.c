/* arrays.c: data for tests/sample, and the likeliest sequences by going through all of them.
 *
 *     arrays FOLDER                          writes the data files, see below
 *     arrays best P.npz SAID.npz END POWER   is SAID, what a beam found, the best that `p` of P allows?
 *
 * sources.npz: N sources of the decoder in run.sh, ragged, one of them absent; images.npz: N images; sources_all.npz
 * and images_all.npz: each with every beginning, START and LENGTH - 1 symbols. cycle.npz: two sequences to say;
 * frames.npz: two steps that say nothing greedily, and label 1 together. */
#include "train/npz.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 10, S = 3, D = 3, CLASSES = 3, LENGTH = 5, START = 1, BEGINNINGS = 81 };

static int save(const char *folder, const char *file, tensors *t)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    bool good = npz_write(path, t);
    if (!good) fprintf(stderr, "%s\n", t->error);
    tensors_free(t);
    return good ? 0 : 1;
}

/* Symbol t of beginning number b. */
static int symbol_of(int b, int t)
{
    for (int i = 1; i < t; i++) b /= CLASSES;
    return t == 0 ? START : b % CLASSES;
}

static void add_beginnings(tensors *t)
{
    int before[N * BEGINNINGS * LENGTH];
    for (int n = 0; n < N * BEGINNINGS; n++)
        for (int k = 0; k < LENGTH; k++) before[n * LENGTH + k] = symbol_of(n % BEGINNINGS, k);
    tensors_add(t, "before", DTYPE_I32, 2, (size_t[]){N * BEGINNINGS, LENGTH}, before);
    tensors_add(t, "y", DTYPE_I32, 2, (size_t[]){N * BEGINNINGS, LENGTH}, before); /* something to train on */
}

static int write_all(const char *folder)
{
    static const int source[N][S] = {{0, 1, 2}, {2, 2, 9}, {1, 9, 9}, {9, 9, 9}, {2, 1, 0},
                                     {1, 1, 1}, {0, 2, 0}, {0, 0, 9}, {1, 2, 9}, {2, 0, 2}};
    static const int length[N] = {3, 2, 1, 0, 3, 3, 3, 2, 2, 3};
    int sources[N * BEGINNINGS][S], lengths[N * BEGINNINGS];
    float image[N][D], images[N * BEGINNINGS][D];
    tensors t = {0};
    tensors_add(&t, "source", DTYPE_I32, 2, (size_t[]){N, S}, source);
    tensors_add(&t, "source_lengths", DTYPE_I32, 1, (size_t[]){N}, length);
    int code = save(folder, "sources.npz", &t);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < D; i++) image[n][i] = (float)sin(3 * n + i);
    tensors_add(&t, "image", DTYPE_F32, 2, (size_t[]){N, D}, image);
    code |= save(folder, "images.npz", &t);

    for (int n = 0; n < N * BEGINNINGS; n++) {
        memcpy(sources[n], source[n / BEGINNINGS], sizeof sources[n]);
        memcpy(images[n], image[n / BEGINNINGS], sizeof images[n]);
        lengths[n] = length[n / BEGINNINGS];
    }
    tensors_add(&t, "source", DTYPE_I32, 2, (size_t[]){N * BEGINNINGS, S}, sources);
    tensors_add(&t, "source_lengths", DTYPE_I32, 1, (size_t[]){N * BEGINNINGS}, lengths);
    add_beginnings(&t);
    code |= save(folder, "sources_all.npz", &t);
    tensors_add(&t, "image", DTYPE_F32, 2, (size_t[]){N * BEGINNINGS, D}, images);
    add_beginnings(&t);
    code |= save(folder, "images_all.npz", &t);

    /* The model says 2 3 4 5 6 7 and ends. */
    const int y[2][7] = {{2, 3, 4, 5, 6, 7, 0}, {2, 3, 4, 5, 7, 6, 0}};
    const int x[2][7] = {{1, 2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 7, 6}};
    tensors_add(&t, "before", DTYPE_I32, 2, (size_t[]){2, 7}, x);
    tensors_add(&t, "y", DTYPE_I32, 2, (size_t[]){2, 7}, y);
    code |= save(folder, "cycle.npz", &t);

    const float frames[2][2] = {{logf(0.6F), logf(0.4F)}, {logf(0.6F), logf(0.4F)}};
    const int label = 1;
    tensors_add(&t, "x", DTYPE_F32, 3, (size_t[]){1, 2, 2}, frames);
    tensors_add(&t, "y", DTYPE_I32, 2, (size_t[]){1, 1}, &label);
    return code | save(folder, "frames.npz", &t);
}

/* ---- the best ---------------------------------------------------------------------------------------------------- */

typedef struct winner {
    int symbol[LENGTH];
    int count;
    double score, log_p;
} winner;

/* p[beginning][step][class] of one sequence: every way to go on, up to the end or the length. */
static winner best_of(const double *p, int end, double power)
{
    winner best = {.score = -INFINITY};
    for (int all = 0; all < BEGINNINGS * CLASSES; all++) {
        double log_p = 0;
        int drawn = 0, symbol = -2, b = all % BEGINNINGS;
        while (drawn < LENGTH && symbol != end) {
            symbol = drawn + 1 < LENGTH ? symbol_of(b, drawn + 1) : all / BEGINNINGS;
            log_p += log(p[(b * LENGTH + drawn++) * CLASSES + symbol]);
        }
        double score = log_p / pow(drawn, power);
        if (!(score > best.score + 1e-13)) continue;
        best = (winner){.count = drawn - (symbol == end), .score = score, .log_p = log_p};
        for (int i = 0; i < best.count; i++) best.symbol[i] = i + 1 < LENGTH ? symbol_of(b, i + 1) : all / BEGINNINGS;
    }
    return best;
}

static double *read_doubles(const tensors *t, const char *name, size_t *count)
{
    const tensor *found = tensors_find(t, name);
    if (!found) return NULL;
    double *to = malloc((found->count + 1) * sizeof *to);
    if (to) tensor_to_double(found, to);
    *count = found->count;
    return to;
}

static int compare(char **argv)
{
    tensors in = {0}, out = {0};
    size_t p_count = 0, said_count = 0, lengths = 0, log_ps = 0;
    if (!npz_read(argv[2], &in) || !npz_read(argv[3], &out)) return fprintf(stderr, "cannot read\n"), 1;
    double *p = read_doubles(&in, "p", &p_count), *said = read_doubles(&out, "before", &said_count),
           *length = read_doubles(&out, "before_lengths", &lengths),
           *log_p = read_doubles(&out, "before_log_p", &log_ps);
    int code = p && said && length && log_p && p_count == N * BEGINNINGS * LENGTH * CLASSES && lengths == N ? 0 : 1;
    for (int n = 0; !code && n < N; n++) {
        bool absent = p[(size_t)n * BEGINNINGS * LENGTH * CLASSES] == 0;
        winner best = {0};
        if (!absent) best = best_of(p + (size_t)n * BEGINNINGS * LENGTH * CLASSES, atoi(argv[4]), atof(argv[5]));
        code = (int)length[n] != best.count || fabs(log_p[n] - best.log_p) > 1e-9;
        for (int i = 0; i < best.count && !code; i++)
            code = (int)said[(size_t)n * (said_count / N) + (size_t)i] != best.symbol[i];
        if (code)
            fprintf(stderr, "sequence %d: %g symbols, log p %.12g; the best has %d, %.12g\n", n, length[n], log_p[n],
                    best.count, best.log_p);
    }
    free(p), free(said), free(length), free(log_p);
    tensors_free(&in);
    tensors_free(&out);
    return code;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "best") == 0) return compare(argv);
    return argc == 2 ? write_all(argv[1]) : 2;
}
