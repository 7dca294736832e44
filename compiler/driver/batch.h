/* batch.h: arrays of a data file as one batch in the layout of generated C, and back.
 *
 * A file holds one array for each input and target: (N, ...) without time, (N, T, ...) over one axis, (N, T, S, ...)
 * over two, the shape of the value last. Generated C wants [time axes][batch][components]. Lengths come from integer
 * arrays NAME_lengths: (N) for a NAME over one axis, (N, number of axes) over several. */
#ifndef DRIVER_BATCH_H
#define DRIVER_BATCH_H

#include "api/loaded.h"
#include "train/tensor.h"
#include "train/trainable.h"

typedef struct batch {
    size_t sequences;
    size_t steps[MAX_TIME_AXES + 1]; /* of each time axis; 0: no array says */
    int *lengths[MAX_TIME_AXES + 1]; /* [sequences]; NULL: all full */
    void **input;                    /* of each input of the graph: reals or int; NULL: not given; probes: zeros */
    bool targets;                    /* every target is given */
} batch;

/* Checks the arrays of `data`, the file `path`, against the graph's inputs and fills in *b. `steps`: numbers of steps
 * that the user gave, 0 for none. 0, or EXIT_SPEC after one message. */
int batch_from_arrays(batch *b, const loaded *l, const graph *g, const char *path, const tensors *data,
                      const int *steps);

/* Every axis that the values of a graph vary over needs a number of steps: 0, or EXIT_SPEC after a message. Axes that
 * this graph has no value over get one step. */
int batch_check_steps(batch *b, const graph *g, const char *path);

/* A value and an input of a graph, as data files and training see them. */
train_value batch_value(name path, type t);
train_value batch_input(const graph_input *in);

/* Rows of a value over some axes, and the place of (sequence, step of all its time axes row-major, component) in the
 * generated layout. */
size_t batch_time_rows(const graph *g, axis_set axes, const size_t *steps);
static inline size_t batch_index(size_t sequences, size_t n, size_t s, size_t components, size_t i)
{
    return (s * sequences + n) * components + i;
}

/* Is step s (row-major over the time axes of `axes`) inside sequence n? One that is empty along any axis is absent. */
bool batch_inside(const batch *b, const graph *g, axis_set axes, size_t n, size_t s);

/* Appends a value of type t that generated C wrote, as an array in the file's layout. A fault is to->error. */
void batch_to_array(const batch *b, const loaded *l, const graph *g, type t, const void *reals, const char *word,
                    tensors *to);

#endif
