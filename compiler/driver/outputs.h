/* outputs.h: what `build`, `import` and `export` write. Under names that rnnc chose (-o FOLDER) nothing is replaced that
 * rnnc has not written. */
#ifndef DRIVER_OUTPUTS_H
#define DRIVER_OUTPUTS_H

#include "base/arena.h"
#include "train/tensor.h"
#include <stdbool.h>

/* Is there a file at `path`, not empty, in whose first line `mark` does not stand? */
bool outputs_is_foreign(const char *path, const char *mark);

/* Writes FOLDER/WORD.safetensors, and FOLDER/WORD.rnn where there is a spec; both or none, and none over a spec of
 * another text, which somebody may have edited, or over weights without any of these names. 0, or an exit status after one message. */
int outputs_write(arena *a, const char *folder, const char *word, const char *spec, tensors *params);
const char *outputs_path(arena *a, const char *folder, const char *word, const char *suffix);

/* `params`, all F64, as F32, unless a tensor of `like` is F64: then as they are. NULL and to->error: out of memory. */
tensors *outputs_like(arena *a, const tensors *params, const tensors *like, tensors *to);

#endif
