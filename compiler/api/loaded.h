/* loaded.h: generated C, compiled in memory and called.
 *
 *     loaded l;
 *     if (!loaded_open(&l, a, &p, &(jit_options){.backend = JIT_TCC}, &error)) ...
 *     loaded_call call = loaded_call_new(&l, batch, steps);
 *     loaded_put(&call, FIELD_PARAMS, 0, params);
 *     loaded_work(&call, ENTRY_GRAD);
 *     int code = loaded_run(&call, ENTRY_GRAD);        0, or an error code of rnn.h
 *     loaded_close(&l);
 *
 * Arrays of reals are float or double as the C was emitted. Memory comes from the arena. */
#ifndef API_LOADED_H
#define API_LOADED_H

#include "api/pipeline.h"
#include "jit/jit.h"

typedef struct loaded {
    arena *arena;
    jit *jit;
    const emitted *c;
    bool real_double;
    void (*init)(void *params, uint64_t seed);
    void (*pack)(const void *params, void *packed);
    void (*reset)(void *state);                  /* NULL where nothing is carried */
    int (*entry[ENTRY_COUNT])(const void *args); /* NULL where the model has none */
    size_t (*sizes)(int what, size_t batch, const size_t *steps);
} loaded;

/* how: of the backend, cache, notice. False: *error says why, in the arena. */
bool loaded_open(loaded *l, arena *a, const pipeline *p, const jit_options *how, const char **error);
/* The same with what was compiled from a loaded_text of the pipeline's programs. Takes the code over. */
void loaded_of(loaded *l, arena *a, const pipeline *p, const emitted *c, jit *code);
void loaded_close(loaded *l);

/* The C of the pipeline's programs for a compiler. The C compiler gets what a build writes. libtcc gets the same
 * programs as calls of the kernels of this process, which are optimised; with the functions that it imports. */
typedef struct loaded_text {
    const emitted *c;
    const char *text;
    const jit_import *imports;
    size_t import_count;
} loaded_text;
loaded_text loaded_text_for(jit_backend backend, arena *a, const pipeline *p);

/* What to compile with when nobody says: tcc where it can be used; cc where the work (in multiplications) is worth the
 * wait or there is no tcc. False when there is neither. */
bool loaded_backend(jit_backend *backend, double work);

/* How the C compiler is to be asked: with OpenMP where the code is for several threads. libtcc knows none of it: its
 * code does the same work in one. */
jit_options loaded_cc(const pipeline *p, const jit_options *how);

/* Zeroed reals of the type; reading and writing one. */
void *loaded_reals(const loaded *l, size_t count);
double loaded_real(const loaded *l, const void *reals, size_t i);
void loaded_set_real(const loaded *l, void *reals, size_t i, double value);

size_t loaded_size(const loaded *l, emit_size what, size_t batch, const size_t *steps);

/* Parameters as `init` draws them; the packed form of parameters. */
void *loaded_init(const loaded *l, uint64_t seed);
void *loaded_pack(const loaded *l, const void *params);

/* Arguments of a call: all NULL but the numbers of sequences and steps. steps[axis], axis from 1. */
typedef struct loaded_call {
    const loaded *l;
    uint64_t *words;
    size_t batch;
    size_t steps[MAX_TIME_AXES + 1];
    void *work; /* once it has some */
    size_t work_count;
} loaded_call;
loaded_call loaded_call_new(const loaded *l, size_t batch, const size_t *steps);

/* Sets the field; nothing when the C has no such field (an input that nothing reads). */
void loaded_put(loaded_call *call, field_role what, uint32_t index, const void *pointer);
void loaded_put_number(loaded_call *call, field_role what, uint32_t index, uint64_t number);

void loaded_work(loaded_call *call, entry e); /* gives the call its memory */
void loaded_spoil(const loaded_call *call);   /* fills that with NaN: what reads it before writing shows */
int loaded_run(const loaded_call *call, entry e);

#endif
