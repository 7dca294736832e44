/* curves.c: the table and the picture of a training; see curves.h. */
#include "train/curves.h"
#include "train/atomic.h"
#include "train/fault.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "update,epoch,loss,gradient_norm,rate,validation_loss\n";

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
    if (line[n] != '\n' && sscanf(line + n, "%lf", validation) != 1) return false;
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
    while (old && getline(&line, &room, old) > 0) {
        if (!read_row(line, &update, &loss, &validation) || update > kept) continue;
        atomic_write(&f, line, strlen(line));
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

void curves_add(curves *c, uint64_t update, uint64_t epoch, double loss, double norm, double rate, double validation)
{
    curve_add(&c->train, (double)update, loss);
    if (!isnan(validation)) curve_add(&c->validate, (double)update, validation);
    if (!c->csv) return;
    fprintf(c->csv, "%llu,%llu,%.12g,%.12g,%.12g,", (unsigned long long)update, (unsigned long long)epoch, loss, norm,
            rate);
    if (!isnan(validation)) fprintf(c->csv, "%.12g", validation);
    fputc('\n', c->csv);
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

enum { WIDTH = 760, HEIGHT = 460, LEFT = 76, RIGHT = 20, TOP = 52, BOTTOM = 60, TICKS = 6 };

typedef struct frame {
    double x_most, y_least, y_most;
} frame;

static double place_x(const frame *f, double x)
{
    return LEFT + x / f->x_most * (WIDTH - LEFT - RIGHT);
}

static double place_y(const frame *f, double y)
{
    return HEIGHT - BOTTOM - (y - f->y_least) / (f->y_most - f->y_least) * (HEIGHT - TOP - BOTTOM);
}

static void stretch(frame *f, const curve *c)
{
    for (size_t i = 0; i < c->count; i++) {
        f->x_most = fmax(f->x_most, c->point[i].x);
        f->y_least = fmin(f->y_least, c->point[i].y);
        f->y_most = fmax(f->y_most, c->point[i].y);
    }
}

/* A step of 1, 2 or 5 times a power of ten that gives about TICKS marks. */
static double tick_step(double range)
{
    double power = pow(10, floor(log10(range / TICKS))), n = range / TICKS / power;
    return power * (n <= 1 ? 1 : n <= 2 ? 2 : n <= 5 ? 5 : 10);
}

static frame frame_of(const curves *c)
{
    frame f = { .x_most = 1, .y_least = INFINITY, .y_most = -INFINITY };
    stretch(&f, &c->train);
    stretch(&f, &c->validate);
    if (!(f.y_least <= f.y_most)) f.y_least = f.y_most = 0;
    if (f.y_most - f.y_least < 1e-9 * (1 + fabs(f.y_most))) f.y_most = f.y_least + 1;
    double step = tick_step(f.y_most - f.y_least);
    f.y_least = floor(f.y_least / step) * step;
    f.y_most = ceil(f.y_most / step) * step;
    return f;
}

static void draw_axes(FILE *out, const frame *f)
{
    double step = tick_step(f->y_most - f->y_least);
    for (int i = 0; f->y_least + i * step <= f->y_most * (1 + 1e-9) + 1e-12; i++) {
        double y = f->y_least + i * step, at = place_y(f, y);
        fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", LEFT, WIDTH - RIGHT, at,
                at);
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", LEFT - 8, at + 4, y);
    }
    step = fmax(1, tick_step(f->x_most));
    for (int i = 0; i * step <= f->x_most; i++) {
        double at = place_x(f, i * step);
        fprintf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#444\"/>\n", at, at, HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 5);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.9g</text>\n", at, HEIGHT - BOTTOM + 20,
                i * step);
    }
    fprintf(out, "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"#444\"/>\n", LEFT, TOP, HEIGHT - BOTTOM,
            WIDTH - RIGHT);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">update</text>\n", (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - 16);
    fprintf(out, "<text x=\"20\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 20 %d)\">loss</text>\n",
            (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2);
}

static void draw_curve(FILE *out, const frame *f, const curve *c, const char *word, const char *colour, int row)
{
    if (!c->count) return;
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" points=\"", colour);
    for (size_t i = 0; i < c->count; i++)
        fprintf(out, "%s%.1f,%.1f", i ? " " : "", place_x(f, c->point[i].x), place_y(f, c->point[i].y));
    fputs("\"/>\n", out);
    for (size_t i = 0; c->count <= 40 && i < c->count; i++)
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n", place_x(f, c->point[i].x),
                place_y(f, c->point[i].y), colour);
    int y = TOP + 16 + 20 * row;
    fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"3\"/>\n", WIDTH - 150,
            WIDTH - 126, y - 4, y - 4, colour);
    fprintf(out, "<text x=\"%d\" y=\"%d\">%s</text>\n", WIDTH - 118, y, word);
}

static void draw_escaped(FILE *out, const char *word)
{
    for (; *word; word++) {
        if (*word == '<' || *word == '&')
            fputs(*word == '<' ? "&lt;" : "&amp;", out);
        else
            fputc(*word, out);
    }
}

static void draw(FILE *out, const curves *c, const char *title)
{
    frame f = frame_of(c);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\""
            " font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    fprintf(out, "<text x=\"%d\" y=\"30\" font-size=\"17\">", LEFT);
    draw_escaped(out, title);
    fputs("</text>\n", out);
    draw_axes(out, &f);
    draw_curve(out, &f, &c->train, "training", "#2f6fb0", 0);
    draw_curve(out, &f, &c->validate, "validation", "#c8501e", 1);
    fputs("</svg>\n", out);
}

bool curves_draw(const curves *c, const char *path, const char *title, char **error)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) return fault_set(error, "%s: cannot be written: %s", path, strerror(errno));
    draw(out, c, title);
    int fault = fclose(out) ? errno : 0;
    if (!fault) {
        atomic_file f;
        atomic_begin(&f, path);
        atomic_write(&f, text, n);
        fault = atomic_commit(&f);
    }
    free(text);
    return !fault || fault_set(error, "%s: cannot be written: %s", path, strerror(fault));
}
