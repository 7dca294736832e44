/* rnnc.h: the compiler of recurrence equations as a library.
 *
 *     rnnc_model *m = rnnc_compile(text, &(rnnc_options){ .file = "hello.rnn" });
 *     if (rnnc_status_of(m) != RNNC_OK) fputs(rnnc_report(m), stderr);
 *     rnnc_weights *w = rnnc_weights_new(m, 1, NULL);
 *     const void *inputs[] = { x, y };
 *     float loss;
 *     rnnc_call call = { .sequences = 2, .steps = { 3 }, .inputs = inputs, .loss = &loss, .grads = grads };
 *     if (rnnc_grad(m, w, &call, &error) != RNNC_OK) fputs(error.text, stderr);
 *     rnnc_weights_free(w);
 *     rnnc_free(m);
 *
 * Nothing here prints, exits, installs a handler of signals or keeps anything outside of the objects that it returns.
 * Whatever stands in a spec, the process goes on: a fault is a status and a line of text.
 *
 * Arrays. Reals are float, or double with RNNC_DOUBLE; tokens are int. An array over axes is laid out
 * [steps of each time axis, in their order][sequence][component], the components of a matrix row by row: where a data
 * file has (N, T, C), a call has [T][N][C]. What lies beyond the length of a sequence is not read; outputs there are 0.
 * All arrays of a call are the caller's.
 *
 * Threads. A model does not change: any number of threads may call it at once. Weights may be read by any number of
 * threads (every call reads them), and changed by one while no other uses them. A state belongs to one call at a time.
 *
 * Lifetimes. Every string and struct that a function returns is the object's own and lives as long as that. Objects may
 * be freed in any order: weights and states keep what they need of their model. NULL may be freed. */
#ifndef RNNC_H
#define RNNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RNNC_API __attribute__((visibility("default")))
#else
#define RNNC_API
#endif

/* "0.1.0" */
RNNC_API const char *rnnc_version(void);

/* ---- faults ------------------------------------------------------------------------------------------------------ */

typedef enum rnnc_status {
    RNNC_OK = 0,
    RNNC_BAD_SPEC = 1,  /* the spec is wrong: see the messages */
    RNNC_BAD_CALL = 2,  /* the call is wrong: an argument is missing or out of range, the model has no such function */
    RNNC_FAILED = 3,    /* the system failed: a file, a compiler */
    RNNC_BAD_DATA = 4,  /* a token, a length or a file of weights does not fit the model */
    RNNC_NO_MEMORY = 5, /* there is not enough, or less than the work may take */
    RNNC_BUG = 6        /* a fault of rnnc; please report it */
} rnnc_status;

/* Filled in by functions that can fail; they take NULL, too. Cleared by a success. */
typedef struct rnnc_error {
    rnnc_status status;
    char text[1024]; /* what is wrong and what to do, without a final newline; "" after a success */
} rnnc_error;

/* ---- compiling --------------------------------------------------------------------------------------------------- */

typedef struct rnnc_model rnnc_model;

typedef enum rnnc_real { RNNC_FLOAT, RNNC_DOUBLE } rnnc_real;

/* What makes machine code of the generated C. tcc takes milliseconds; cc ($CC -O3 -march=native) a second or so, and
 * its code is faster. */
typedef enum rnnc_jit {
    RNNC_JIT_AUTO, /* tcc where it was built in and works, else cc */
    RNNC_JIT_TCC,
    RNNC_JIT_CC,
    RNNC_JIT_NONE /* nothing: messages, shapes and the C alone; calls are refused */
} rnnc_jit;

/* A size or a cell of the model: { "H", "256" }, { "C", "gru" }. */
typedef struct rnnc_define {
    const char *name, *value;
} rnnc_define;

/* Everything may be 0. Read during the call alone. */
typedef struct rnnc_options {
    const char *file;  /* what messages and comments call the spec; NULL: "spec.rnn" */
    const char *model; /* which, where the spec has several */
    const rnnc_define *defines;
    size_t define_count;
    size_t data_size; /* stands in for every size `from data` without a definition; 0: that is an error */
    rnnc_real real;
    rnnc_jit jit;
    size_t max_sequences; /* most sequences in a call; 0: 256. A state has room for so many */
    size_t threads; /* a call computes in so many, by OpenMP where the C compiler made the code; 0: 1. Fixes the bits */
    bool grad_of_evaluation; /* grad has dropout and zoneout as forward has them, without random numbers */
    size_t max_memory; /* most bytes that compiling, or the work of one call, may take; 0: the memory of the machine */
    /* The text of `use "PATH"`, NUL-terminated (it is copied), or NULL where there is none. `load` NULL: rnnc_compile
     * reads no files, so that `use` is an error; rnnc_compile_file reads them, PATH seen from the spec's folder. */
    const char *(*load)(void *context, const char *path);
    void *load_context;
} rnnc_options;

/* Compiles a spec: its text, or a file. NULL only without memory for the model itself; else ask rnnc_status_of.
 * `options` may be NULL. */
RNNC_API rnnc_model *rnnc_compile(const char *spec, const rnnc_options *options);
RNNC_API rnnc_model *rnnc_compile_file(const char *path, const rnnc_options *options);
RNNC_API void rnnc_free(rnnc_model *m);

/* How compiling ended. RNNC_OK: the model can be called (but for RNNC_JIT_NONE). RNNC_FAILED: the spec is right, but no
 * machine code could be made of it; all but calls works. NULL is RNNC_NO_MEMORY. */
RNNC_API rnnc_status rnnc_status_of(const rnnc_model *m);
/* The first error or the fault of the system, in a line or some more; "" with RNNC_OK. */
RNNC_API const char *rnnc_error_of(const rnnc_model *m);

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/* A place in a text: from (line, column) to the character before (end_line, end_column), all counted from 1, columns in
 * characters. file NULL: no place, and the numbers are 0. */
typedef struct rnnc_place {
    const char *file;
    unsigned line, column, end_line, end_column;
} rnnc_place;

typedef struct rnnc_note {
    rnnc_place at;
    const char *text;
    bool hint; /* what to do; else where something comes from */
} rnnc_note;

typedef enum rnnc_severity { RNNC_ERROR, RNNC_WARNING } rnnc_severity;

typedef struct rnnc_message {
    rnnc_severity severity;
    const char *code; /* "shape-mismatch": its name in docs/errors.md */
    const char *text;
    rnnc_place at;
    const rnnc_note *notes;
    size_t note_count;
} rnnc_message;

/* In the order of their places; warnings may be there with RNNC_OK. Of many errors the first 20 are kept. */
RNNC_API size_t rnnc_message_count(const rnnc_model *m);
RNNC_API const rnnc_message *rnnc_message_at(const rnnc_model *m, size_t index); /* NULL: there is none */

/* All messages as `rnnc check` prints them, with the lines of the spec; or the fault of the system. "" for none. */
RNNC_API const char *rnnc_report(const rnnc_model *m);

/* ---- what the model is ------------------------------------------------------------------------------------------- */

enum { RNNC_MAX_AXES = 6 }; /* time axes */

/* The axes that a value has: the batch, time axis i (from 0). */
#define RNNC_OVER_BATCH 1u
#define RNNC_OVER_TIME(i) (2u << (i))

typedef enum rnnc_kind { RNNC_INPUT, RNNC_TARGET, RNNC_OUTPUT, RNNC_PARAM } rnnc_kind;

typedef struct rnnc_value {
    const char *name;
    rnnc_kind kind;
    bool token;        /* an int from 0 to classes - 1; else reals */
    size_t classes;    /* of a token */
    int rank;          /* 0: a scalar or token; 1: a vector; 2: a matrix */
    size_t dims[2];    /* of one row; 1 beyond the rank */
    size_t components; /* of one row: dims[0] * dims[1] */
    unsigned axes;     /* RNNC_OVER_BATCH, RNNC_OVER_TIME(i) */
    size_t offset;     /* RNNC_PARAM: where it begins among all parameters, in reals */
    bool of_targets;   /* RNNC_OUTPUT: depends on a target, so that loss alone writes it */
} rnnc_value;

/* The values of a model that compiled, in the order that calls take them in; inputs and targets are one list. */
RNNC_API const rnnc_value *rnnc_inputs(const rnnc_model *m, size_t *count);
RNNC_API const rnnc_value *rnnc_outputs(const rnnc_model *m, size_t *count);
RNNC_API const rnnc_value *rnnc_params(const rnnc_model *m, size_t *count);

RNNC_API const char *rnnc_name(const rnnc_model *m);                   /* of the model; "" when it did not compile */
RNNC_API size_t rnnc_axes(const rnnc_model *m);                        /* how many time axes */
RNNC_API const char *rnnc_axis_name(const rnnc_model *m, size_t axis); /* "t"; NULL: there is none */
RNNC_API size_t rnnc_param_reals(const rnnc_model *m);                 /* of all parameters together */
RNNC_API size_t rnnc_real_bytes(const rnnc_model *m);                  /* 4 or 8 */
RNNC_API size_t rnnc_max_sequences(const rnnc_model *m);               /* of a call */

typedef enum rnnc_entry { RNNC_STEP, RNNC_FORWARD, RNNC_LOSS, RNNC_GRAD } rnnc_entry;
/* Has the model this function? step needs that no output reads a later step; loss and grad need a loss. */
RNNC_API bool rnnc_has(const rnnc_model *m, rnnc_entry which);

/* The C of the model, as `rnnc build --standalone` writes it; "" when the spec is wrong. */
RNNC_API const char *rnnc_c_header(const rnnc_model *m);
RNNC_API const char *rnnc_c_source(const rnnc_model *m);

/* ---- weights ----------------------------------------------------------------------------------------------------- */

typedef struct rnnc_weights rnnc_weights;

/* Parameters with the initial values of the spec, drawn with this seed. NULL: *error says why. */
RNNC_API rnnc_weights *rnnc_weights_new(const rnnc_model *m, uint64_t seed, rnnc_error *error);
RNNC_API void rnnc_weights_free(rnnc_weights *w);
RNNC_API void rnnc_weights_init(rnnc_weights *w, uint64_t seed); /* draws them again */

/* One parameter, row by row; `count` is its number of reals. */
RNNC_API rnnc_status rnnc_weights_get(const rnnc_weights *w, const char *name, void *to, size_t count,
                                      rnnc_error *error);
RNNC_API rnnc_status rnnc_weights_set(rnnc_weights *w, const char *name, const void *from, size_t count,
                                      rnnc_error *error);

/* All of them: rnnc_param_reals reals, each parameter at its offset. To be written in place, too; say so then. */
RNNC_API void *rnnc_weights_data(rnnc_weights *w);
RNNC_API void rnnc_weights_changed(rnnc_weights *w);

/* A safetensors file with every parameter under its name (F64, F32, F16 or BF16; a checkpoint of `rnnc train` is one).
 * After a failure the weights, or the file that was there, are what they were. */
RNNC_API rnnc_status rnnc_weights_load(rnnc_weights *w, const char *path, rnnc_error *error);
RNNC_API rnnc_status rnnc_weights_save(const rnnc_weights *w, const char *path, rnnc_error *error);

/* ---- state ------------------------------------------------------------------------------------------------------- */

typedef struct rnnc_state rnnc_state;

/* What one call leaves for the next part of the same sequences: at the start of new ones. NULL: *error says why; a
 * model that reads later steps carries nothing. All calls that it passes between have the same number of sequences (one
 * that has ended goes on with length 0), until it is reset. */
RNNC_API rnnc_state *rnnc_state_new(const rnnc_model *m, rnnc_error *error);
RNNC_API void rnnc_state_free(rnnc_state *s);
RNNC_API void rnnc_state_reset(rnnc_state *s);
/* Its bytes, to be kept and put back; they fit the same model with the same max_sequences. */
RNNC_API void *rnnc_state_data(rnnc_state *s, size_t *bytes);

/* ---- calls ------------------------------------------------------------------------------------------------------- */

typedef struct rnnc_call {
    size_t sequences;                  /* at least 1 */
    size_t steps[RNNC_MAX_AXES];       /* of each time axis, at least 1; step takes all for 1 */
    const int *lengths[RNNC_MAX_AXES]; /* [sequences]: own length of each, 0 to steps[i]; NULL: all full */
    const void *const *inputs;         /* one array for each of rnnc_inputs; step and forward take no targets: NULL */
    void *const *outputs;     /* one for each of rnnc_outputs, NULL where not wanted; not for grad. NULL: none */
    void *loss;               /* loss, grad: one real is written; NULL: not wanted */
    void *grads;              /* grad: rnnc_param_reals reals; the gradient is ADDED */
    void *const *input_grads; /* grad: one array for each of rnnc_inputs, NULL where not wanted: written. NULL: none */
    rnnc_state *state;        /* goes on from there, and is updated; NULL: a fresh start, nothing kept */
    const void *norms; /* one real for each loss: what it is divided by, where a batch is split; NULL: its own count */
    uint64_t seed, update;   /* of random masks: other ones for each update */
    uint64_t first_sequence; /* number of the first sequence for random masks, where a batch is split */
} rnnc_call;

/* One step; all steps; all steps and the loss; the loss and its gradients. After a failure nothing has been written. */
RNNC_API rnnc_status rnnc_step(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error);
RNNC_API rnnc_status rnnc_forward(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error);
RNNC_API rnnc_status rnnc_loss(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error);
RNNC_API rnnc_status rnnc_grad(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error);

/* Elements of the array of a value in such a call; 0: more than can be. */
RNNC_API size_t rnnc_count(const rnnc_value *v, const rnnc_call *call);

#ifdef __cplusplus
}
#endif
#endif
