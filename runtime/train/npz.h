/* npz.h: numpy's archives of arrays: a zip file of NAME.npy members. */
#ifndef TRAIN_NPZ_H
#define TRAIN_NPZ_H

#include "train/tensor.h"

/* Reads all members (stored or deflated, npy version 1 to 3, either byte order, C or Fortran order) into `out` ({0}
 * before), named without ".npy". False: out->error says why and out holds nothing else. */
bool npz_read(const char *path, tensors *out);

/* Writes at least one tensor, uncompressed as numpy.savez does, atomically (atomic.h), the same bytes for the same
 * tensors. Notes are not written: the format has no place for them. False: t->error says why. */
bool npz_write(const char *path, tensors *t);

#endif
