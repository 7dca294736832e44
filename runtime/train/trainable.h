/* trainable.h: a compiled model, as training sees it: sizes, names and calls. Who compiled it, and how, is not known
 * here.
 *
 * Reals are float or double (`real_size` 4 or 8); arrays are laid out as generated C wants them: [time
 * axes][sequence][component]. */
#ifndef TRAIN_TRAINABLE_H
#define TRAIN_TRAINABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRAIN_MAX_AXES = 6 };

typedef struct train_param {
    const char *name;
    int rank;
    size_t dims[2];
    size_t offset, size;
} train_param; /* in reals */

/* What an output of one number a sequence is for a loss: what the sequence adds to the sum of its values; to what a mean
 * divides that by; of a total, which is not divided, to the number of its steps. */
typedef enum train_part { TRAIN_NO_PART, TRAIN_SUM, TRAIN_COUNT, TRAIN_TOTAL_COUNT } train_part;

/* What the components of an output are, as far as is known: a softmax or sigmoid, or what a loss takes the softmax of. */
typedef enum train_scale { TRAIN_ANY_SCALE, TRAIN_CHANCES, TRAIN_LOGITS } train_scale;

typedef struct train_value { /* an input, target or output */
    const char *name;
    bool token, target;
    size_t classes;     /* of a token */
    size_t components;  /* of one row */
    int rank;           /* of one row as it stands in a data file: (N, T, dims...); 0: a scalar or a token */
    size_t dims[2];     /* their product is `components` */
    uint32_t axes;      /* bit 0: the batch; bit i: time axis number i */
    int aligned, blank; /* labels that ctc aligns with this time axis, and their blank; aligned 0: no */
    bool ignores;
    int ignored;       /* a target of this class does not count */
    int compared;      /* a target: 1 + the output that a loss compares it with; 0: none, as far as is known */
    bool binary;       /* a target: of a binary_cross_entropy */
    train_scale scale; /* an output */
    bool measures;     /* an output: one number that depends on a target; how good a model is */
    train_part part;   /* an output: not of the spec, but of a loss, */
    size_t loss;       /* this one */
} train_value;

typedef enum train_entry { TRAIN_STEP, TRAIN_FORWARD, TRAIN_LOSS, TRAIN_GRAD } train_entry;

/* One call. Pointers are NULL where not wanted; `input` has one array for each of trainable.inputs (reals or int
 * tokens). */
typedef struct train_call {
    size_t sequences, steps[TRAIN_MAX_AXES + 1]; /* steps[axis], axis from 1 */
    const int *lengths[TRAIN_MAX_AXES + 1];      /* [sequences]; NULL: all full */
    const void *const *input;
    void *const *output; /* one for each of trainable.outputs; NULL entries are not computed for */
    const void *params, *packed;
    void *state;        /* carried; NULL: every sequence begins */
    void *loss, *grads; /* one real; trainable.size reals, added to */
    uint64_t seed, update, sequence;
} train_call;

typedef struct trainable {
    const char *model; /* its name */
    const char *hash;  /* of what was compiled: spec text and definitions */
    size_t real_size;
    size_t size, packed_size; /* reals in params and grads; in packed */
    size_t state_bytes;       /* that loss and grad carry from call to call; 0: nothing */
    const char *state_layout; /* the same text: the bytes mean the same */
    size_t step_state_bytes;  /* that `step` carries, where there is one */
    size_t max_sequences;     /* that the code was compiled for */
    int threads;              /* that an update may use; 0, 1: one */
    int axes;                 /* time axes */
    const char *axis_name[TRAIN_MAX_AXES + 1];
    train_param *param;
    size_t params;
    train_value *input, *output;
    size_t inputs, outputs;
    size_t losses;                                   /* those that the outputs have parts of */
    int generate_input, generate_output;             /* of the line `generate x[t+1] ~ p from 1 until 0`; -1 without */
    int generate_axis, generate_first, generate_end; /* t; the tokens 1 and 0, -1 where none is said */
    bool generate_ahead;                             /* p depends on later steps of t: nothing can be generated */

    void *self;
    void (*init)(void *self, void *params, uint64_t seed);
    void (*pack)(void *self, const void *params, void *packed);
    void (*reset)(void *self, void *state);
    int (*run)(void *self, train_entry e,
               const train_call *c); /* 0, or an error code of rnn.h; allocates work as needed */
    bool (*has)(void *self, train_entry e);

    /* What made the code that runs now; between two updates: other code that computes the same up to rounding takes its
     * place (then parameters must be packed anew); nothing is prepared any more beside the caller. */
    const char *(*code)(void *self);
    bool (*improve)(void *self);
    void (*settle)(void *self);
} trainable;

/* Real number i of an array of them. */
static inline double train_real(const trainable *m, const void *reals, size_t i)
{
    return m->real_size == sizeof(double) ? ((const double *)reals)[i] : (double)((const float *)reals)[i];
}

#endif
