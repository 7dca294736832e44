/* subject.h: one model under test: its C as built in several ways, and what the oracle says, on the same inputs.
 *
 *     subject *s = subject_open("lstm", text, NULL, 0);
 *     feed *f = feed_new(s, &random, (feed_size){.batch = 3, .steps = 5, .ragged = true});
 *     built *c = subject_build(s, &(variant){.name = "tcc", .real_double = true});
 *     answer *got = built_run(c, ENTRY_GRAD, f, NULL), *expected = oracle_run(s, ENTRY_GRAD, f);
 *
 * Every array that a call may touch stands between guards; work memory has the size that the C asks for, and holds
 * garbage before the call. */
#ifndef AGREE_SUBJECT_H
#define AGREE_SUBJECT_H

#include "api/pipeline.h"
#include "jit/jit.h"

typedef struct subject {
    arena *arena;   /* of this, and of what goes in */
    arena *scratch; /* of answers, until subject_forget */
    const char *name, *text, *path;
    model_define defines[8];
    size_t define_count;
    pipeline p;         /* as built by default; p.programs.graph is the interface */
    graph *loss, *grad; /* for the oracle, before the passes; NULL: there is no loss */
    graph *forward;
    graph *train; /* the loss of the training graph */
    graph *interface;
} subject;

typedef struct variant {
    const char *name;
    const char *cc;             /* NULL: libtcc in this process; else the compiler, */
    const char *const *options; /* and its options */
    bool real_double, with_header, inference;
    int threads; /* the batch in so many shards, however small */
    bool calls;  /* libtcc: as the commands use it, with calls of kernels */
    purpose purpose;
    int steps, unroll, batch; /* 0: by default; unroll -1: full */
    int segment;              /* steps of a segment; 0: the gradient is not cut */
    int block_rows;           /* of blocks of steps; 0: by default */
    bool own_memory;          /* nothing is computed again, or takes the place of another value */
} variant;

typedef struct built {
    const subject *s;
    const variant *v;
    arena *arena;
    jit *jit;
    emitted c;
    emit_model programs;
    void (*init)(void *, uint64_t);
    void (*pack)(const void *, void *);
    void (*reset)(void *);
    int (*entry[ENTRY_COUNT])(const void *);
    size_t (*sizes)(int, size_t, const size_t *);
} built;

/* What goes in. Arrays are laid out [time axes][batch][component]; tokens are numbers. */
typedef struct feed {
    int batch;
    int steps[MAX_TIME_AXES + 1];
    int *lengths[MAX_TIME_AXES + 1]; /* NULL: full */
    double **inputs;
    double *params;
    const double *norms;
    uint64_t seed, update, sequence;
} feed;

typedef struct feed_size {
    int batch, steps;
    bool ragged;
    bool square; /* all axes have `steps`; else axes after the first have numbers of their own */
} feed_size;

/* What comes out; arrays that the entry does not write keep what was there. */
typedef struct answer {
    int code;
    double loss;
    double **outputs, *grads, **input_grads;
    bool overrun; /* a guard was hit */
} answer;

typedef struct run_options {
    void *state;                                                   /* of state_new */
    const double *grads;                                           /* what the gradients hold before; NULL: 0 */
    double garbage;                                                /* in work memory and outputs */
    void (*spoil)(const built *c, uint64_t *words, void *context); /* before the call */
    void *context;
} run_options;

/* NULL when the spec has errors, which are printed. */
subject *subject_open(const char *label, const char *spec, const model_define *defines, size_t count);
void subject_forget(subject *s); /* all answers */
void subject_close(subject *s);

/* NULL when it does not compile: the reason is printed. */
built *subject_build(const subject *s, const variant *v);
void built_close(built *c);

feed *feed_new(const subject *s, uint64_t *random, feed_size size);
feed *feed_copy(const subject *s, const feed *f);
/* Sequence `seq` alone; the steps from `first` (axis 1) on, `count` of them. */
feed *feed_sequence(const subject *s, const feed *f, int seq);
feed *feed_chunk(const subject *s, const feed *f, int first, int count);
/* Overwrites what stands beyond each sequence's own length. */
void feed_pad(const subject *s, feed *f, double real, double token);

double random_unit(uint64_t *random); /* in [0, 1) */
int random_below(uint64_t *random, int n);

size_t type_count(type t, const feed *f);
size_t param_count(const subject *s);
bool is_valid(const feed *f, type t, size_t row, int *seq); /* a row of the array: is it inside its sequence? */

answer *oracle_run(const subject *s, entry e, const feed *f);
double oracle_training_loss(const subject *s, const feed *f);
const double *oracle_norms(const subject *s, const feed *f); /* denominators of the losses, training graph */

answer *built_run(const built *c, entry e, const feed *f, const run_options *o);
void *state_new(const built *c);
size_t state_size(const built *c);

/* The largest difference between two answers, relative to the largest number of the kind; 0 when equal. `what` names
 * the place. Infinite where one is NaN and the other is not, or both are. */
double answer_distance(const subject *s, entry e, const feed *f, const answer *got, const answer *expected, char *what,
                       size_t size);
bool answer_same_bits(const subject *s, entry e, const feed *f, const answer *a, const answer *b);

#endif
