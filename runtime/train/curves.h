/* curves.h: what training did: a table of every update (CSV) and a picture of the losses (SVG).
 *
 * A curve holds at most CURVE_POINTS points however long training takes: when it is full, neighbours become their
 * mean. */
#ifndef TRAIN_CURVES_H
#define TRAIN_CURVES_H

#include "train/plot.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CURVE_POINTS = 1024 };

typedef struct curve {
    plot_point point[CURVE_POINTS];
    size_t count;
    size_t share;        /* values in a point; 0 stands for 1 */
    double x_sum, y_sum; /* of the values that make no point yet */
    size_t pending;
} curve;

void curve_add(curve *c, double x, double y);

typedef struct curves {
    curve train, validate; /* losses by update */
    FILE *csv;             /* NULL: none */
    const char *csv_path;
} curves;

/* Begins the table at `path`; after `kept` updates: the rows of a table that is there up to that update stay, and their
 * losses are in the curves again. */
bool curves_open(curves *c, const char *path, uint64_t kept, char **error);
/* validation: NAN: none at this update. code: what compiled the code that did it. */
void curves_add(curves *c, uint64_t update, uint64_t epoch, double loss, double norm, double rate, double validation,
                const char *code);
bool curves_flush(curves *c, char **error);
void curves_close(curves *c);

/* Draws both curves, atomically. */
bool curves_draw(const curves *c, const char *path, const char *title, char **error);

#endif
