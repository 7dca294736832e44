/* array_data.h: batches from the arrays of an npz file; the part of dataset.h behind --data.
 *
 * The first sequences of the file train, the next ones validate, the rest tests. An epoch takes the training sequences
 * in an order that the seed and the epoch's number give (or as they stand), in groups of `batch`; the last group may be
 * smaller. A batch is as long as its longest sequence. With chunks, a group makes several batches of up to `chunk`
 * steps each, between which the state is carried. */
#ifndef TRAIN_ARRAY_DATA_H
#define TRAIN_ARRAY_DATA_H

#include "train/dataset.h"
#include "train/tensor.h"

/* Of arrays as they are read: 1 and the largest token within the lengths, 0: there is none; dimension k of an array of
 * this rank, 0: it has another. */
size_t arrays_classes(const tensors *data, const char *value);
size_t arrays_dimension(const tensors *data, const char *value, size_t rank, size_t k);

typedef struct array_data array_data;

array_data *array_data_open(const data_options *o, char **error);
void array_data_close(array_data *d);
size_t array_data_symbols(const array_data *d);
size_t array_data_steps(const array_data *d);
size_t array_data_classes(const array_data *d, const char *value);
size_t array_data_dimension(const array_data *d, const char *value, size_t rank, size_t k);
const tensor *array_data_array(const array_data *d, const char *value); /* NULL: there is none */
bool array_data_bind(array_data *d, const trainable *m, char **error);
size_t array_data_batches(array_data *d, data_part part, uint64_t epoch);
data_batch array_data_batch(array_data *d, data_part part, uint64_t epoch, size_t index);
char *array_data_summary(const array_data *d); /* malloc'ed */

#endif
