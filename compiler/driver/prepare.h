/* prepare.h: what train, eval and sample need first: the checkpoint's words, the data, the compiled model, parameters.
 *
 *     prepared p;
 *     prepare_begin(&p, o);
 *     int code = prepare_checkpoint(&p, path);          what the checkpoint says about vocabulary and sizes
 *     if (!code) code = prepare_data(&p, true);         settings and data
 *     if (!code) code = prepare_model(&p, batch, steps, calls, PREPARE_TO_RUN);
 *     prepare_end(&p);
 *
 * Each returns 0, or the exit status after a message. */
#ifndef DRIVER_PREPARE_H
#define DRIVER_PREPARE_H

#include "driver/settings.h"
#include "driver/trainable.h"

typedef struct prepared {
    const options *o;
    arena *arena;
    checkpoint_words words; /* of the checkpoint; NULL: there is none */
    const char *checkpoint; /* its path */
    settings s;
    dataset *data;          /* NULL: a sample needs none */
    const char *data_sizes; /* "V=65 D=3": sizes of the spec that come from data; NULL: no data */
    compiled c;
    void *params, *state;
} prepared;

void prepare_begin(prepared *p, const options *o);
void prepare_end(prepared *p);
int prepare_checkpoint(prepared *p, const char *path);
int prepare_data(prepared *p, bool to_train);

/* Compiles, makes room for parameters and state, fits the data to the model. calls: about how many of so many
 * sequences and steps. A training may go on with better code; it begins with that where the checkpoint did. */
typedef enum prepare_use { PREPARE_TO_RUN, PREPARE_TO_TRAIN, PREPARE_FOR_BOTH } prepare_use;
int prepare_model(prepared *p, size_t sequences, size_t steps, double calls, prepare_use use);

/* Opens the data again, in the order of another seed. */
int prepare_seed(prepared *p, uint64_t seed);

/* Parameters from the file of weights of prepare_checkpoint; where it is of another spec there is a warning. */
int prepare_weights(prepared *p, const char *path);

#endif
