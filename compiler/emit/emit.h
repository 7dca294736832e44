/* emit.h: programs to C text. Prints what the plan decided; it cannot fail.
 *
 * One model gives a header and a source with the entry points init, reset, pack, step (where it exists), forward, loss
 * and grad (where the model has a loss). Every entry point takes one struct of arguments, `PREFIX_args`, whose members
 * are all one machine word wide (a pointer, size_t or uint64_t), so that a program that loads the C at run time can
 * fill it in by the table `fields`. */
#ifndef EMIT_EMIT_H
#define EMIT_EMIT_H

#include "plan/plan.h"

/* Where the numbers of emit_options.weights go: into the source; a second source; a file that the program loads. */
typedef enum weights_as { WEIGHTS_EMBEDDED, WEIGHTS_EXTERN, WEIGHTS_BLOB } weights_as;

enum { EMIT_MAX_THREADS = 256 };

/* By these who writes the files knows those of rnnc: in the first line of C, at the beginning of a blob of weights. */
#define EMIT_MARK ": made by rnnc "
#define EMIT_BLOB_MARK "RNNCWGTS"

typedef struct emit_options {
    const char *prefix;  /* of every exported name; the model's name by default */
    const char *command; /* quoted in the head comment; NULL */
    bool standalone;     /* paste the kernels instead of including rnn.h */
    /* Standalone, for libtcc: the kernels are functions of the program that loads the C, and so is the elementwise work
     * on whole rows, since libtcc does not optimise loops; calls.h opens the text. */
    bool calls;
    bool real_double;
    bool math_libm;        /* exp, sigmoid and tanh of floats by libm; those of doubles always are */
    bool inference;        /* no grad, no loss: weights inside need that */
    bool training;         /* loss and grad alone, where the model has them: for who never lets it run by itself */
    const double *weights; /* values of the parameters, for code that has them inside; NULL: the caller's */
    weights_as weights_as;
    int weights_bits; /* 8, 16: packed matrices as integers and scales, see weights.h; 0: as reals. Floats, no threads */
    int batch;        /* most sequences in a call */
    int steps[MAX_TIME_AXES + 1]; /* fixed number of steps of an axis; 0: given by the caller */
    int threads; /* shards of a batch that are computed at the same time, EMIT_MAX_THREADS at most; 0, 1: none */
    int segment; /* the gradient in segments of so many steps; 0: it keeps the values of all steps */
    int unroll;  /* time loops by this factor; 1: rolled; 0: fully (needs steps) */
} emit_options;

typedef enum field_role {
    FIELD_BATCH,      /* size_t: sequences in this call */
    FIELD_STEPS,      /* size_t: steps along axis `index` */
    FIELD_LENGTHS,    /* const int *: own length of each sequence along axis `index`; NULL: all full */
    FIELD_PARAMS,     /* const real *: in the order of the table of parameters */
    FIELD_PACKED,     /* const real *: what `pack` made of them */
    FIELD_INPUT,      /* const real * or const int * (tokens): input `index`, [time axes][batch][components] */
    FIELD_OUTPUT,     /* real *: output `index`, may be NULL */
    FIELD_STATE,      /* PREFIX_state *: carried from call to call; NULL: starts afresh, keeps nothing */
    FIELD_WORK,       /* real *: memory of the call, PREFIX_..._WORK(steps) reals */
    FIELD_LOSS,       /* real *: one value */
    FIELD_GRADS,      /* real *: accumulated into, laid out like params */
    FIELD_INPUT_GRAD, /* real *: gradient of real input `index`, written; may be NULL */
    FIELD_NORMS,      /* const real *: denominators of the losses instead of this call's own; NULL */
    FIELD_SEED,
    FIELD_UPDATE,
    FIELD_SEQUENCE, /* uint64_t: keys of random masks; number of the first sequence */
} field_role;

typedef struct field {
    field_role role;
    uint32_t index;
    const char *name;
} field;

/* What the functions of an inference build need. Parts are the largest first. */
typedef struct footprint_part {
    const char *what;
    size_t bytes;
} footprint_part;
typedef struct footprint_need {
    size_t bytes;
    ARRAY(footprint_part) parts;
} footprint_need;
typedef struct footprint {
    footprint_need flash; /* weights and other constants, without machine code */
    footprint_need ram;   /* of the caller: weights unless inside, state, work */
    footprint_need stack; /* a bound */
    bool inside, grows;   /* the weights are in the flash; the RAM depends on the number of steps, which is not fixed */
    const char *of, *timed; /* the entry point that needs the RAM, and the one whose operations are counted */
    size_t state, work;
    double each_step[2], once[2]; /* operations of one sequence: in products, elsewhere */
} footprint;

typedef struct emitted {
    const char *header, *source; /* text of PREFIX.h and PREFIX.c */
    const char *weights_source;  /* WEIGHTS_EXTERN: text of PREFIX_weights.c; else NULL */
    const unsigned char *blob;   /* WEIGHTS_BLOB: the file PREFIX.bin, of blob_length bytes; else NULL */
    size_t blob_length;
    const footprint *needs;   /* of an inference build; else NULL */
    const double *rounded;    /* with weights_bits, the parameters as the C has them; else NULL */
    double rounding, largest; /* then: the largest error of these, the largest of those that became integers */
    const char *header_name;  /* "char_lm.h": what the source includes */
    field *fields;
    size_t field_count;
    bool loss_carries; /* loss and grad take a state: chunks of a sequence may follow each other */
} emitted;

/* The programs of one model; any of step, loss, grad may be NULL. They share a pool. The inference graph's parameters,
 * inputs and outputs are those of the interface. For shards of a batch, norms[k] computes what loss k is divided by
 * from the whole batch, NULL where it is not. */
typedef struct emit_model {
    const program *step, *forward, *loss, *grad, **norms;
    const pool *shared;
    const graph *graph;
} emit_model;

/* The needs as lines, each after `before`. */
void footprint_write(text *out, const footprint *f, const char *before);

/* Header and source as one file, the source where PREFIX_IMPLEMENTATION is defined. */
const char *emit_single_header(arena *a, const emitted *e);

bool c_is_keyword(const char *word); /* of C: no prefix */

emitted emit_c(arena *a, const emit_model *m, const emit_options *o);

/* Signatures of the generated functions, for loading them:
 *   void   PREFIX_init(real *params, uint64_t seed);
 *   void   PREFIX_pack(const real *params, real *packed);
 *   void   PREFIX_reset(PREFIX_state *state);
 *   int    PREFIX_step, _forward, _loss, _grad(const PREFIX_args *args);   0, or an error code below 0, nothing written
 *   size_t PREFIX_sizes(PREFIX_size what, size_t batch, const size_t *steps);
 * with `what` from 0 in this order: reals in params, reals in packed, bytes of the state, reals of work for step,
 * forward, loss, grad. */
typedef enum emit_size {
    SIZE_PARAMS,
    SIZE_PACKED,
    SIZE_STATE_BYTES,
    SIZE_STEP,
    SIZE_FORWARD,
    SIZE_LOSS,
    SIZE_GRAD
} emit_size;
static inline emit_size emit_work_size(entry e) { return (emit_size)((int)SIZE_STEP + (int)e); }

#endif
