/* dataset.h: where batches come from: a text of characters or words, or arrays of an npz file.
 *
 * A data set is split into three parts. An epoch is one pass over the training part, in batches whose order depends on
 * the seed and the epoch's number alone, so that a position (epoch, batch) says everything that is needed to resume.
 * text_data.h and array_data.h say what a batch is, vocabulary.h what a symbol is, arrays.h what a file is. */
#ifndef TRAIN_DATASET_H
#define TRAIN_DATASET_H

#include "train/tensor.h"
#include "train/trainable.h"

typedef enum data_part { PART_TRAIN, PART_VALIDATE, PART_TEST, PART_COUNT } data_part;

/* The paths must live as long as the data set. */
typedef struct data_options {
    const char *text, *words, *arrays; /* path of the data; one of them */
    const char *validation;            /* a file of its own; the share for validation then trains, too. NULL: none */
    double split[PART_COUNT];          /* shares; text: 0.90 0.05 0.05; arrays: 0.90 0.10 0 */
    size_t batch, steps;               /* sequences in a batch; steps of a block of text */
    size_t chunk;                      /* arrays: steps of a call, state carried in between; 0: whole sequences */
    bool no_shuffle, bucket;           /* arrays: given order; batches of similar lengths */
    size_t vocabulary;                 /* words: how many are kept, <unk> among them; 0: all */
    uint64_t seed;
} data_options;

/* A batch: what goes into a train_call. Memory is the data set's, valid until the next batch of the same part. */
typedef struct data_batch {
    size_t sequences, steps[TRAIN_MAX_AXES + 1];
    const int *lengths[TRAIN_MAX_AXES + 1];
    const void *const *input;
    bool fresh;              /* begins new sequences: reset the state before */
    uint64_t first_sequence; /* number of its first sequence, for random masks */
} data_batch;

typedef struct dataset dataset;

/* NULL: *error is one clear line (malloc'ed): place and remedy. `vocabulary_of`: the vocabulary of a checkpoint (see
 * dataset_vocabulary), or NULL; then ids are those of the checkpoint, and a symbol that it lacks is an error (words:
 * <unk>). */
dataset *dataset_open(const data_options *o, const char *vocabulary_of, char **error);
void dataset_close(dataset *d);

/* Number of symbols of a text (characters, words); for arrays the largest token of all inputs and targets plus one (0:
 * there is none). The size that a spec takes `from data`: known before the spec is compiled. */
size_t dataset_symbols(const dataset *d);
/* The same of one input or target alone; dimension `k` of its array, if that has `rank` of them. 0: the data do not
 * say. */
size_t dataset_classes(const dataset *d, const char *value);
size_t dataset_dimension(const dataset *d, const char *value, size_t rank, size_t k);
/* Its array as it stands in the file; NULL: there is none. */
const tensor *dataset_array(const dataset *d, const char *value);
/* About how many steps the file has, over all sequences: what a pass over it costs. Known before the spec is
 * compiled. */
size_t dataset_steps(const dataset *d);
/* Symbols by id, as text for the metadata of a checkpoint (one JSON array of strings; bytes as code points 0 to 255).
 * NULL: arrays. */
const char *dataset_vocabulary(const dataset *d);

/* Fits the data to the compiled model, which outlives the data set: names, shapes, classes, values. False: *error says
 * what does not fit. After a success no batch can fail. */
bool dataset_bind(dataset *d, const trainable *m, char **error);

/* How many batches an epoch has; with chunks, as many as its groups of sequences need. 0: the part is empty. */
size_t dataset_batches(dataset *d, data_part part, uint64_t epoch);
/* Batch number `index` of an epoch. */
data_batch dataset_batch(dataset *d, data_part part, uint64_t epoch, size_t index);
/* A line for people, once bound: how many symbols, blocks or sequences in each part. */
const char *dataset_summary(const dataset *d);

#endif
