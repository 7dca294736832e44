/* closed_form.c: the derivatives of specs/models/two_weights.rnn by hand, to hold `rnnc gradflow` and `rnnc run`
 * against.
 *
 *     closed_form make D.npz W.safetensors        two sequences, the second shorter, and parameters
 *     closed_form surface CSV                     d o[t] / d w1 and o[t] over the table's values of w1
 *     closed_form flow all|last CSV               norm of d loss / d h[t] over both sequences
 *     closed_form adjoint G.safetensors           d loss / d h[t] of each sequence
 *
 * The last three exit with 1 and say where they differ by more than 1e-6 of the largest derivative. */
#include "train/npz.h"
#include "train/safetensors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 60, SEQUENCES = 2, SECOND = 41 };
static const double w1 = 1.15, w2 = 0.8, b = -0.1, bound = 1e-6;

static int length_of(int sequence) { return sequence ? SECOND : STEPS; }
static double x_at(int sequence, int t) { return sin(0.7 * t + sequence) + 0.3 * cos(2.3 * t); }
static double y_at(int sequence, int t) { return 0.5 * cos(0.4 * t - sequence); }

/* ---- by hand ----------------------------------------------------------------------------------------------------- */

/* h[0] .. h[STEPS] of a sequence. */
static void states(int sequence, double weight, double *h)
{
    h[0] = 0;
    for (int t = 1; t <= STEPS; t++) h[t] = weight * tanh(h[t - 1]) + w2 * x_at(sequence, t) + b;
}

/* d o[t] / d w1, forward: the derivative of a state from that of the one before. */
static double by_weight(double weight, int until, double *output)
{
    double h[STEPS + 1], d = 0;
    states(0, weight, h);
    for (int t = 1; t <= until; t++) {
        double before = tanh(h[t - 1]);
        d = before + weight * (1 - before * before) * d;
    }
    *output = tanh(h[until]);
    return (1 - *output * *output) * d;
}

/* d loss / d h[t] of a sequence, backward. The loss is the mean over the steps that count. */
static void by_state(int sequence, int last, double *d)
{
    double h[STEPS + 2], after = 0;
    int length = length_of(sequence), counted = last ? SEQUENCES : STEPS + SECOND;
    states(sequence, w1, h);
    for (int t = 0; t <= STEPS; t++) d[t] = 0;
    for (int t = length; t >= 1; t--) {
        double o = tanh(h[t]);
        double direct = !last || t == length ? (o - y_at(sequence, t)) * (1 - o * o) / counted : 0;
        after = direct + w1 * (1 - o * o) * after;
        d[t] = after;
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static double *add(tensors *to, const char *word, size_t rank, size_t rows, size_t columns)
{
    const size_t dims[2] = {rows, columns};
    tensor *t = tensors_add(to, word, DTYPE_F64, rank, dims, NULL);
    if (!t) exit(2);
    return t->data;
}

static int make(const char *data, const char *weights)
{
    tensors d = {0}, w = {0};
    double *x = add(&d, "x", 2, SEQUENCES, STEPS), *y = add(&d, "y", 2, SEQUENCES, STEPS);
    for (int n = 0; n < SEQUENCES; n++)
        for (int t = 1; t <= STEPS; t++) {
            x[n * STEPS + t - 1] = x_at(n, t);
            y[n * STEPS + t - 1] = y_at(n, t);
        }
    const size_t dims[1] = {SEQUENCES};
    tensor *lengths = tensors_add(&d, "x_lengths", DTYPE_I64, 1, dims, NULL);
    if (!lengths) return 2;
    for (int n = 0; n < SEQUENCES; n++) ((int64_t *)lengths->data)[n] = length_of(n);
    *add(&w, "w1", 0, 1, 1) = w1;
    *add(&w, "w2", 0, 1, 1) = w2;
    *add(&w, "b", 0, 1, 1) = b;
    bool good = npz_write(data, &d) && safetensors_write(weights, &w);
    tensors_free(&d);
    tensors_free(&w);
    return good ? 0 : 2;
}

static FILE *table(const char *path, const char *header)
{
    char line[200];
    FILE *f = fopen(path, "r");
    if (f && fgets(line, sizeof line, f) && strcmp(line, header) == 0) return f;
    fprintf(stderr, "%s: expected %s", path, header);
    exit(1);
}

static int differs(const char *what, int t, double found, double expected, double largest)
{
    if (fabs(found - expected) <= bound * fmax(largest, fabs(expected))) return 0;
    fprintf(stderr, "%s at t = %d: %.12g, by hand %.12g\n", what, t, found, expected);
    return 1;
}

/* ---- comparisons ------------------------------------------------------------------------------------------------- */

static int check_surface(const char *path)
{
    FILE *f = table(path, "w1,t,o,derivative\n");
    double weight, o, d, largest = 0, least = INFINITY;
    int t, rows = 0, wrong = 0;
    while (fscanf(f, "%lf,%d,%lf,%lf\n", &weight, &t, &o, &d) == 4) {
        double output, derivative = by_weight(weight, t, &output);
        wrong += differs("o", t, o, output, 0) + differs("d o / d w1", t, d, derivative, 0);
        largest = fmax(largest, fabs(d));
        if (t == STEPS) least = fmin(least, fabs(d));
        rows++;
    }
    fclose(f);
    printf("%d rows, magnitudes up to %.3g, at the last step from %.3g\n", rows, largest, least);
    return wrong || !rows;
}

static int check_flow(int last, const char *path)
{
    FILE *f = table(path, "t,h\n");
    double d[SEQUENCES][STEPS + 1], found;
    int t, rows = 0, wrong = 0;
    for (int n = 0; n < SEQUENCES; n++) by_state(n, last, d[n]);
    while (fscanf(f, "%d,%lf\n", &t, &found) == 2 && t <= STEPS) {
        wrong += differs("norm of d loss / d h", t, found, hypot(d[0][t], d[1][t]), 0);
        rows++;
    }
    fclose(f);
    return wrong || rows != STEPS;
}

static int check_adjoint(const char *path)
{
    tensors g = {0};
    if (!safetensors_read(path, &g)) return 2;
    const tensor *found = NULL;
    int wrong = 0;
    for (size_t i = 0; i < g.len; i++)
        if (strcmp(g.data[i].name, "adjoint.h") == 0) found = &g.data[i];
    for (int n = 0; found && n < SEQUENCES; n++) {
        double d[STEPS + 1];
        by_state(n, 0, d);
        for (int t = 1; t <= STEPS; t++)
            wrong += differs("d loss / d h", t, ((const double *)found->data)[n * STEPS + t - 1], d[t], 0);
    }
    if (!found) fprintf(stderr, "%s has no adjoint.h\n", path);
    wrong += !found;
    tensors_free(&g);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "make") == 0) return make(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "surface") == 0) return check_surface(argv[2]);
    if (argc == 4 && strcmp(argv[1], "flow") == 0) return check_flow(strcmp(argv[2], "last") == 0, argv[3]);
    if (argc == 3 && strcmp(argv[1], "adjoint") == 0) return check_adjoint(argv[2]);
    return 2;
}
