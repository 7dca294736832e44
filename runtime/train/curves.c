/* curves.c: the table and the picture of a training; see curves.h. */
#include "train/curves.h"
#include "train/atomic.h"
#include "train/fault.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "update,epoch,loss,gradient_norm,rate,validation_loss,code\n";

/* ---- points ------------------------------------------------------------------------------------------------------ */

static void halve(curve *c)
{
    for (size_t i = 0; i < c->count / 2; i++) {
        c->point[i].x = (c->point[2 * i].x + c->point[2 * i + 1].x) / 2;
        c->point[i].y = (c->point[2 * i].y + c->point[2 * i + 1].y) / 2;
    }
    c->count /= 2;
    c->share *= 2;
}

void curve_add(curve *c, double x, double y)
{
    if (c->share == 0) c->share = 1;
    c->x_sum += x;
    c->y_sum += y;
    if (++c->pending < c->share) return;
    if (c->count == CURVE_POINTS) {
        halve(c);
        return; /* the point now waits for as many values again */
    }
    c->point[c->count].x = c->x_sum / (double)c->pending;
    c->point[c->count++].y = c->y_sum / (double)c->pending;
    c->x_sum = c->y_sum = 0;
    c->pending = 0;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static bool table_fault(const curves *c, int fault, char **error)
{
    return fault_set(error, "%s: cannot be written: %s", c->csv_path, strerror(fault));
}

/* Reads a row; false: it is none, or not whole. */
static bool read_row(const char *line, uint64_t *update, double *loss, double *validation)
{
    unsigned long long u, epoch;
    double norm, rate;
    int n = 0;
    *validation = NAN;
    if (sscanf(line, "%llu,%llu,%lf,%lf,%lf,%n", &u, &epoch, loss, &norm, &rate, &n) != 5 || !n) return false;
    if (line[n] != ',' && line[n] != '\n' && sscanf(line + n, "%lf", validation) != 1) return false;
    *update = u;
    return line[strlen(line) - 1] == '\n';
}

/* Copies the rows up to update `kept` of the table that is there. */
static bool keep_rows(curves *c, uint64_t kept, char **error)
{
    FILE *old = kept ? fopen(c->csv_path, "r") : NULL;
    if (kept && !old && errno != ENOENT)
        return fault_set(error, "%s: cannot be read: %s", c->csv_path, strerror(errno));
    atomic_file f;
    atomic_begin(&f, c->csv_path);
    atomic_write(&f, header, sizeof header - 1);
    char *line = NULL;
    size_t room = 0;
    uint64_t update;
    double loss, validation;
    bool with_code = false; /* an older rnnc wrote no such column */
    while (old && getline(&line, &room, old) > 0) {
        with_code = with_code || strcmp(line, header) == 0;
        if (!read_row(line, &update, &loss, &validation) || update > kept) continue;
        atomic_write(&f, line, strlen(line) - 1);
        const char *end = with_code ? "\n" : ",\n";
        atomic_write(&f, end, strlen(end));
        curve_add(&c->train, (double)update, loss);
        if (!isnan(validation)) curve_add(&c->validate, (double)update, validation);
    }
    free(line);
    if (old) fclose(old);
    int fault = atomic_commit(&f);
    return !fault || table_fault(c, fault, error);
}

bool curves_open(curves *c, const char *path, uint64_t kept, char **error)
{
    c->csv_path = path;
    if (!path) return true;
    if (!keep_rows(c, kept, error)) return false;
    c->csv = fopen(path, "a");
    return c->csv || table_fault(c, errno, error);
}

void curves_add(curves *c, uint64_t update, uint64_t epoch, double loss, double norm, double rate, double validation,
                const char *code)
{
    curve_add(&c->train, (double)update, loss);
    if (!isnan(validation)) curve_add(&c->validate, (double)update, validation);
    if (!c->csv) return;
    fprintf(c->csv, "%llu,%llu,%.12g,%.12g,%.12g,", (unsigned long long)update, (unsigned long long)epoch, loss, norm,
            rate);
    if (!isnan(validation)) fprintf(c->csv, "%.12g", validation);
    fprintf(c->csv, ",%s\n", code);
}

bool curves_flush(curves *c, char **error)
{
    if (!c->csv || (fflush(c->csv) == 0 && !ferror(c->csv))) return true;
    return table_fault(c, errno, error);
}

void curves_close(curves *c)
{
    if (c->csv) fclose(c->csv);
    c->csv = NULL;
}

/* ---- the picture ------------------------------------------------------------------------------------------------- */

static void stretch(const curve *c, double *x_most, double *y_least, double *y_most)
{
    for (size_t i = 0; i < c->count; i++) {
        *x_most = fmax(*x_most, c->point[i].x);
        *y_least = fmin(*y_least, c->point[i].y);
        *y_most = fmax(*y_most, c->point[i].y);
    }
}

bool curves_draw(const curves *c, const char *path, const char *title, char **error)
{
    plot p;
    if (plot_begin(&p, title)) {
        double x_most = 1, y_least = INFINITY, y_most = -INFINITY;
        stretch(&c->train, &x_most, &y_least, &y_most);
        stretch(&c->validate, &x_most, &y_least, &y_most);
        p.x = plot_exact(0, x_most);
        p.y = plot_range_of_losses(y_least, y_most);
        plot_axes(&p, "update", "loss");
        if (c->train.count) plot_line(&p, c->train.point, c->train.count, "training", 0);
        if (c->validate.count) plot_line(&p, c->validate.point, c->validate.count, "validation", 1);
    }
    return plot_end(&p, path, error);
}
