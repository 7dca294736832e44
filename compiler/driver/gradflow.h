/* gradflow.h: what gradflow.c and surface.c share. */
#ifndef DRIVER_GRADFLOW_H
#define DRIVER_GRADFLOW_H

#include "driver/probed.h"
#include "train/plot.h"

enum { GRADFLOW_STEPS = 100 };

/* Writes a table, whole or not at all. */
int gradflow_write(const char *path, const text *t);

/* Ends the picture and writes it. */
int gradflow_draw(plot *p, const char *path);

/* rnnc gradflow --grid: a spec, with the definitions of the options, at a grid of values of a parameter. */
int gradflow_surface(const options *o, model_define *define, size_t defines);

#endif
