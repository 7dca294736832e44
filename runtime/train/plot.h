/* plot.h: pictures as SVG: curves over linear or logarithmic axes, and surfaces as coloured cells.
 *
 *     plot p;
 *     if (plot_begin(&p, "a title")) {
 *         p.x = plot_range(1, 100, false), p.y = plot_range(1e-20, 10, true);
 *         plot_axes(&p, "step t", "norm");
 *         plot_line(&p, points, count, "lstm", 0);
 *     }
 *     good = plot_end(&p, "picture.svg", &error);
 */
#ifndef TRAIN_PLOT_H
#define TRAIN_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct plot_point {
    double x, y;
} plot_point;

/* What an axis shows. Logarithmic: least and most are powers of ten, and points that are not positive are not shown. */
typedef struct plot_scale {
    double least, most;
    bool log;
} plot_scale;

typedef struct plot {
    FILE *out; /* into `text`; NULL: no memory */
    char *text;
    size_t length;
    plot_scale x, y;
    int legend, rows; /* the legend stands on the right of the axes: how wide it is, and its rows */
} plot;

bool plot_begin(plot *p, const char *title);
/* Writes the file, whole or not at all, after plot_begin in any case. False: *error is one line. */
bool plot_end(plot *p, const char *path, char **error);

/* A scale with a round number at either end that shows least to most, both finite. */
plot_scale plot_range(double least, double most, bool log);
/* Of losses: logarithmic, where they fall to a hundredth. */
plot_scale plot_range_of_losses(double least, double most);
/* The same from `least` to `most` as they are. */
plot_scale plot_exact(double least, double most);

void plot_axes(plot *p, const char *x_word, const char *y_word);

/* A curve, number `row` of the colours and dashes, and its word in that row of the legend. Breaks at points that are
 * not shown. */
void plot_line(plot *p, const plot_point *points, size_t count, const char *word, int row);

/* A cell of a surface whose colour says log10 of its magnitude: white 0, blue below (to `least`), red above (to
 * `most`); a value that is no number is black. Spans x0..x1 and y0..y1. plot_colours draws what colour means what. */
typedef struct plot_colours {
    double least, most;
} plot_colours;
void plot_cell(plot *p, plot_colours c, double x0, double x1, double y0, double y1, double magnitude);
void plot_colour_bar(plot *p, plot_colours c, const char *word);

#endif
