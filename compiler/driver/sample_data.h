/* sample_data.h: rnnc sample --data: what a model says of each sequence of a file. */
#ifndef DRIVER_SAMPLE_DATA_H
#define DRIVER_SAMPLE_DATA_H

#include "driver/prepare.h"
#include "train/sampler.h"

/* What a sequence is run on is in the npz file `path`: every input but the generated one, whose first symbol it has
 * where the model names none. A model with labels of ctc and without `generate` decodes them. One line a sequence on
 * standard output or, where `out` is no NULL, arrays: NAME (N, longest), NAME_lengths and NAME_log_p, where NAME is the
 * generated input, or the labels. 0, or the exit status after a message. */
int sample_from_data(prepared *p, const sample_options *how, const char *path, const char *out);

#endif
