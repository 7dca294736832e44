/* plot.c: axes, curves, surfaces as SVG; see plot.h. Written into memory, then to the file. */
#include "train/plot.h"
#include "train/atomic.h"
#include "train/fault.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 760, HEIGHT = 460, LEFT = 76, RIGHT = 20, TOP = 52, BOTTOM = 60, TICKS = 6 };
enum { LEGEND_LINE = 28, LEGEND_ROW = 20, LETTER = 8, DOTS = 40, BAR = 24, BAR_PARTS = 48 };

/* Curve number `row`: each colour, then each again in dashes. */
static const char *const colours[] = {"#2f6fb0", "#c8501e", "#3a8a4a", "#8a4fa8", "#b08a20", "#4a4a4a"};
static const char *const dashes[] = {"", " stroke-dasharray=\"7 3\"", " stroke-dasharray=\"2 3\"",
                                     " stroke-dasharray=\"9 3 2 3\""};
enum { COLOURS = sizeof colours / sizeof *colours, DASHES = sizeof dashes / sizeof *dashes };

static void put_escaped(FILE *out, const char *word)
{
    for (; *word; word++) {
        if (*word == '<' || *word == '&')
            fputs(*word == '<' ? "&lt;" : "&amp;", out);
        else
            fputc(*word, out);
    }
}

bool plot_begin(plot *p, const char *title)
{
    *p = (plot){.x = {0, 1, false}, .y = {0, 1, false}};
    p->out = open_memstream(&p->text, &p->length);
    if (!p->out) return false;
    fprintf(p->out, "<text x=\"%d\" y=\"30\" font-size=\"17\">", LEFT);
    put_escaped(p->out, title);
    fputs("</text>\n", p->out);
    return true;
}

bool plot_end(plot *p, const char *path, char **error)
{
    int fault = p->out ? 0 : ENOMEM, width = WIDTH + p->legend;
    int height = TOP + (p->rows + 1) * LEGEND_ROW > HEIGHT ? TOP + (p->rows + 1) * LEGEND_ROW : HEIGHT;
    char head[300]; /* how large the picture is, its legend says */
    snprintf(head, sizeof head,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\""
             " font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
             width, height, width, height);
    if (p->out) fputs("</svg>\n", p->out);
    if (p->out && fclose(p->out)) fault = errno;
    if (!fault) {
        atomic_file f;
        atomic_begin(&f, path);
        atomic_write(&f, head, strlen(head));
        atomic_write(&f, p->text, p->length);
        fault = atomic_commit(&f);
    }
    free(p->text);
    return !fault || fault_set(error, "%s: cannot be written: %s", path, strerror(fault));
}

/* ---- scales ------------------------------------------------------------------------------------------------------ */

/* A step of 1, 2 or 5 times a power of ten that gives about TICKS marks. */
static double tick_step(double range)
{
    double power = pow(10, floor(log10(range / TICKS))), n = range / TICKS / power;
    return power * (n <= 1 ? 1 : n <= 2 ? 2 : n <= 5 ? 5 : 10);
}

plot_scale plot_range(double least, double most, bool log)
{
    if (log) {
        least = pow(10, floor(log10(least)));
        most = pow(10, ceil(log10(most)));
        return (plot_scale){least, most > least ? most : 10 * least, true};
    }
    if (!(least <= most)) least = most = 0;
    if (most - least < 1e-9 * (1 + fabs(most))) most = least + 1;
    double step = tick_step(most - least);
    return (plot_scale){floor(least / step) * step, ceil(most / step) * step, false};
}

plot_scale plot_range_of_losses(double least, double most)
{
    return plot_range(least, most, least > 0 && isfinite(most) && least < most / 100);
}

plot_scale plot_exact(double least, double most) { return (plot_scale){least, most > least ? most : least + 1, false}; }

/* Where a value stands between 0 and 1. */
static double part_of(const plot_scale *s, double v)
{
    if (s->log) return log(v / s->least) / log(s->most / s->least);
    return (v - s->least) / (s->most - s->least);
}

static double place_x(const plot *p, double x) { return LEFT + part_of(&p->x, x) * (WIDTH - LEFT - RIGHT); }

static double place_y(const plot *p, double y) { return HEIGHT - BOTTOM - part_of(&p->y, y) * (HEIGHT - TOP - BOTTOM); }

static bool is_shown(const plot_scale *s, double v) { return isfinite(v) && (!s->log || v > 0); }

/* ---- axes -------------------------------------------------------------------------------------------------------- */

/* The marks of a scale from *first on, each `*by` above or times the one before. */
static size_t marks_of(const plot_scale *s, double *first, double *by)
{
    if (s->log) {
        double decades = round(log10(s->most / s->least)), each = fmax(1, ceil(decades / TICKS));
        *first = s->least;
        *by = pow(10, each);
        return (size_t)(decades / each) + 1;
    }
    *by = tick_step(s->most - s->least);
    *first = ceil(s->least / *by - 1e-9) * *by;
    return (size_t)floor((s->most - *first) / *by + 1e-9) + 1;
}

static double mark(const plot_scale *s, double first, double by, size_t i)
{
    double at = s->log ? first * pow(by, (double)i) : first + (double)i * by;
    return !s->log && fabs(at) < by * 1e-9 ? 0 : at;
}

void plot_axes(plot *p, const char *x_word, const char *y_word)
{
    double first, by;
    size_t count = marks_of(&p->y, &first, &by);
    for (size_t i = 0; i < count; i++) {
        double y = mark(&p->y, first, by, i), at = place_y(p, y);
        fprintf(p->out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", LEFT, WIDTH - RIGHT,
                at, at);
        fprintf(p->out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", LEFT - 8, at + 4, y);
    }
    count = marks_of(&p->x, &first, &by);
    for (size_t i = 0; i < count; i++) {
        double x = mark(&p->x, first, by, i), at = place_x(p, x);
        fprintf(p->out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#444\"/>\n", at, at,
                HEIGHT - BOTTOM, HEIGHT - BOTTOM + 5);
        fprintf(p->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.9g</text>\n", at, HEIGHT - BOTTOM + 20, x);
    }
    fprintf(p->out, "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"#444\"/>\n", LEFT, TOP, HEIGHT - BOTTOM,
            WIDTH - RIGHT);
    fprintf(p->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16);
    put_escaped(p->out, x_word);
    fprintf(p->out, "</text>\n<text x=\"20\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 20 %d)\">",
            (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2);
    put_escaped(p->out, y_word);
    fputs("</text>\n", p->out);
}

/* ---- curves ------------------------------------------------------------------------------------------------------ */

void plot_line(plot *p, const plot_point *points, size_t count, const char *word, int row)
{
    const char *colour = colours[row % COLOURS], *dash = dashes[row / COLOURS % DASHES];
    bool open = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_shown(&p->x, points[i].x) || !is_shown(&p->y, points[i].y)) {
            if (open) fputs("\"/>\n", p->out);
            open = false;
            continue;
        }
        if (!open)
            fprintf(p->out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\"%s points=\"", colour, dash);
        fprintf(p->out, "%s%.1f,%.1f", open ? " " : "", place_x(p, points[i].x), place_y(p, points[i].y));
        open = true;
    }
    if (open) fputs("\"/>\n", p->out);
    for (size_t i = 0; count <= DOTS && i < count; i++)
        if (is_shown(&p->x, points[i].x) && is_shown(&p->y, points[i].y))
            fprintf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n", place_x(p, points[i].x),
                    place_y(p, points[i].y), colour);
    int y = TOP + 4 + LEGEND_ROW * row, wide = LEGEND_LINE + 16 + LETTER * (int)strlen(word);
    if (wide > p->legend) p->legend = wide;
    if (row >= p->rows) p->rows = row + 1;
    fprintf(p->out, "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"3\"%s/>\n", WIDTH,
            WIDTH + LEGEND_LINE, y - 4, y - 4, colour, dash);
    fprintf(p->out, "<text x=\"%d\" y=\"%d\">", WIDTH + LEGEND_LINE + 8, y);
    put_escaped(p->out, word);
    fputs("</text>\n", p->out);
}

/* ---- surfaces ---------------------------------------------------------------------------------------------------- */

/* From white towards blue (vanishing) or red (exploding), in log10. */
static void put_colour(FILE *out, plot_colours c, double exponent)
{
    static const double none[] = {255, 255, 255}, blue[] = {20, 50, 130}, red[] = {170, 20, 20};
    double part = exponent < 0 ? exponent / c.least : exponent / c.most;
    const double *end = exponent < 0 ? blue : red;
    part = fmin(1, fmax(0, part));
    fprintf(out, "#%02x%02x%02x", (unsigned)(none[0] + part * (end[0] - none[0])),
            (unsigned)(none[1] + part * (end[1] - none[1])), (unsigned)(none[2] + part * (end[2] - none[2])));
}

static void put_rectangle(plot *p, double left, double top, double width, double height)
{
    fprintf(p->out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"", left, top, width, height);
}

void plot_cell(plot *p, plot_colours c, double x0, double x1, double y0, double y1, double magnitude)
{
    double left = place_x(p, x0), bottom = place_y(p, y0);
    put_rectangle(p, left, place_y(p, y1), place_x(p, x1) - left + 0.3, bottom - place_y(p, y1) + 0.3);
    if (isnan(magnitude))
        fputs("#000", p->out);
    else
        put_colour(p->out, c, magnitude > 0 ? log10(magnitude) : c.least);
    fputs("\"/>\n", p->out);
}

void plot_colour_bar(plot *p, plot_colours c, const char *word)
{
    double left = WIDTH - 330, width = 200.0 / BAR_PARTS, range = c.most - c.least;
    for (int i = 0; i < BAR_PARTS; i++) {
        put_rectangle(p, left + i * width, TOP - 40, width + 0.3, BAR / 2.0);
        put_colour(p->out, c, c.least + (i + 0.5) / BAR_PARTS * range);
        fputs("\"/>\n", p->out);
    }
    const double marks[] = {c.least, 0, c.most};
    for (int i = 0; i < 3; i++)
        fprintf(p->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" font-size=\"11\">1e%+.0f</text>\n",
                left + (marks[i] - c.least) / range * 200, TOP - 16, marks[i]);
    fprintf(p->out, "<text x=\"%.1f\" y=\"%d\" font-size=\"12\">", left + 214, TOP - 29);
    put_escaped(p->out, word);
    fputs("</text>\n", p->out);
}
