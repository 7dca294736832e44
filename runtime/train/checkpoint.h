/* checkpoint.h: one safetensors file from which training goes on to the same bits, and any tool can read the weights.
 *
 * Tensors: every parameter under its name; the optimiser's arrays as "optimiser/0/NAME", ...; the carried state as
 * "carried/state" (bytes). No parameter has a name with a slash. Metadata, all of it text: what made the file
 * ("rnnc"), model, hash, the words below (definitions, vocabulary, ...), the numbers of the optimiser and of the run
 * (decimal, reals as hexadecimal floats), and "checksum": the sum modulo 2^64 of the 64-bit FNV-1a hashes of all
 * other entries, tensors with name, type, shape and bytes, metadata with key and value, in any order. One changed bit
 * changes it for certain. Written atomically (train/atomic.h). */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "train/optimiser.h"
#include "train/tensor.h"

/* The numbers of a run besides the arrays. */
typedef struct progress {
    uint64_t epoch, batch; /* the next one: batch `batch` of epoch `epoch` */
    uint64_t seed;
    double best_loss;                /* best validation loss; +inf: none yet */
    uint64_t best_epoch, bad_epochs; /* for early stopping */
    double loss_sum;                 /* of the epoch so far */
    uint64_t loss_count;
} progress;

typedef struct checkpoint {
    const trainable *model;
    void *params, *state; /* state: NULL or state_bytes bytes */
    optimiser *optimiser; /* NULL: weights alone */
    bool *taken; /* of weights alone: those of the parameters that fit are taken, and noted here; NULL: all must */
    progress progress;
    const char *vocabulary;              /* JSON, or NULL */
    const char *definitions;             /* "V=65 H=128 C=lstm": what the model was compiled with */
    const char *flags, *settings, *data; /* lines: what was asked for, what came of it, which data; NULL: not kept */
    const char *code;                    /* what compiled it, "tcc, cc from update 37"; NULL: not kept */
} checkpoint;

/* Errors are one clear line, malloc'ed; *error is NULL before.
 * False: what was at `path` before is untouched. */
bool checkpoint_write(const char *path, const checkpoint *c, char **error);
/* Notes the checksum of what `t` holds now; for who changes what a checkpoint has. False: t->error says why. */
bool checkpoint_seal(tensors *t);
/* Fills in the arrays that c points to and its progress; c->vocabulary is then owned by the caller (malloc'ed; NULL:
 * the file has none). After a failure nothing that c points to is changed.
 * With an optimiser, the file must be a checkpoint of the same spec with one of the same rule, in the same type of
 * reals; and with the carried state, if c has room for one. Without, weights are enough: any safetensors file with the
 * parameters' names and shapes, or with some of them where c has `taken`, in F32, F64, F16 or BF16. A checkpoint of another model is refused with what differs:
 * the first tensor that is missing, extra or of another shape, the definitions, or the hash. */
bool checkpoint_read(const char *path, checkpoint *c, char **error);
/* The metadata that says how to go on, each malloc'ed, NULL when absent: known before a model is compiled. */
#define CHECKPOINT_WORDS(X) X(vocabulary) X(definitions) X(flags) X(settings) X(data) X(code)
#define CHECKPOINT_WORDS_READ(X) CHECKPOINT_WORDS(X) X(hash)
#define CHECKPOINT_WORD(word) char *word;
typedef struct checkpoint_words {
    CHECKPOINT_WORDS_READ(CHECKPOINT_WORD)
} checkpoint_words;
#undef CHECKPOINT_WORD
bool checkpoint_peek(const char *path, checkpoint_words *w, char **error);
void checkpoint_words_free(checkpoint_words *w);
/* The validation loss of the weights in a checkpoint of this very spec; +inf: there is no such file, or no such
 * number. */
double checkpoint_loss(const char *path, const trainable *m);
/* Is a tensor of this name one of the run (optimiser, state), not a weight? */
bool checkpoint_tensor_of_run(const char *name);

#endif
