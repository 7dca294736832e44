/* data_sizes.h: the sizes of a spec that come `from data`, read off arrays: the number of classes of the tokens, the
 * dimension of the reals, in whose types they stand. */
#ifndef DRIVER_DATA_SIZES_H
#define DRIVER_DATA_SIZES_H

#include "driver/command.h"
#include "train/tensor.h"

/* What knows the arrays. Each function gives 0 where it does not know. */
typedef struct data_source {
    size_t (*classes)(const void *data, const char *value);
    size_t (*dimension)(const void *data, const char *value, size_t rank, size_t k);
    const tensor *(*array)(const void *data, const char *value); /* NULL: the data are no arrays */
    const void *data;
    const char *path; /* for messages */
    bool partial;     /* arrays may be missing: something stands in for their sizes */
} data_source;

/* *sizes: "V=65 D=3". Returns 0, or the exit status after a message. */
int data_sizes_read(arena *a, const model *m, const data_source *s, const char **sizes);

/* Defines the sizes that the arrays of a file give, where neither the command line nor weights have defined them. The
 * spec is checked for that; what is wrong with it is said later. */
int data_sizes_define(arena *a, const tensors *arrays, const char *path, pipeline_options *po);

#endif
