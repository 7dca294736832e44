/* outputs.h: what `import` and `export` write. */
#ifndef DRIVER_OUTPUTS_H
#define DRIVER_OUTPUTS_H

#include "base/arena.h"
#include "train/tensor.h"

/* Writes FOLDER/WORD.safetensors, and FOLDER/WORD.rnn where there is a spec; both or none, and none over a spec of
 * another text, which somebody may have edited. 0, or an exit status after one message. */
int outputs_write(arena *a, const char *folder, const char *word, const char *spec, tensors *params);
const char *outputs_path(arena *a, const char *folder, const char *word, const char *suffix);

/* `params`, all F64, as F32, unless a tensor of `like` is F64: then as they are. NULL and to->error: out of memory. */
tensors *outputs_like(arena *a, const tensors *params, const tensors *like, tensors *to);

#endif
