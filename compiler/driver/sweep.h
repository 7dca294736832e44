/* sweep.h: -D NAME=A,B,...: each combination of the values in turn, the last definition changing first. */
#ifndef DRIVER_SWEEP_H
#define DRIVER_SWEEP_H

#include "driver/options.h"

/* How many values a list has, and one of them. */
size_t sweep_values(const char *list);
const char *sweep_value(arena *a, const char *list, size_t which);

/* How many combinations the definitions of the command line have. */
size_t sweep_count(const options *o);

/* The command line with combination number k for one spec; *label: "C=lstm H=64", what has several values, "" for
 * none. */
options sweep_options(const options *o, const char *spec, size_t k, const char **label);

#endif
