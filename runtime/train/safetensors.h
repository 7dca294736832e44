/* safetensors.h: weight files: u64 N, N bytes of JSON, then the data of all tensors without a gap. */
#ifndef TRAIN_SAFETENSORS_H
#define TRAIN_SAFETENSORS_H

#include "train/tensor.h"

/* Reads the whole file into `out` ({0} before): tensors in the order of the header, metadata in `notes`.
 * False: out->error says why and out holds nothing else. */
bool safetensors_read(const char *path, tensors *out);

/* Writes tensors and notes in the order given, atomically (atomic.h). False: t->error says why. */
bool safetensors_write(const char *path, tensors *t);

#endif
