/* handle.h: what stands behind the types of rnnc.h; internal to api/. */
#ifndef API_HANDLE_H
#define API_HANDLE_H

#include "api/loaded.h"
#include "api/pipeline.h"
#include "api/rnnc.h"
#include "base/guard.h"
#include <pthread.h>
#include <stdatomic.h>

/* Memory of a call, kept for the next one. */
typedef struct call_work {
    struct call_work *next;
    size_t bytes;
    void *memory;
} call_work;

struct rnnc_model {
    atomic_size_t users; /* the caller, weights and states */
    rnnc_status status;
    const char *error; /* on the arena, or a literal */
    arena *arena;
    pipeline p;
    loaded l; /* l.jit NULL: no machine code */
    rnnc_message *messages;
    size_t message_count;
    char *report; /* malloc'ed */
    rnnc_value *inputs, *outputs, *params;
    size_t input_count, output_count, param_count, param_reals;
    size_t real_bytes, max_memory;
    pthread_mutex_t lock; /* of what follows */
    call_work *idle;
};

struct rnnc_weights {
    rnnc_model *model;
    void *params, *packed;
    pthread_mutex_t lock; /* of what follows, and of packed while it is stale */
    bool stale;           /* packed is not that of params */
};

struct rnnc_state {
    rnnc_model *model;
    void *data;
    size_t bytes;
    size_t sequences; /* of the calls that it goes on from; 0: it begins */
};

/* Another user of the model; rnnc_free takes one away, and frees what has none. */
rnnc_model *model_keep(const rnnc_model *m);

/* Can it be called? */
bool model_callable(const rnnc_model *m, rnnc_error *error);

/* Zeroed and aligned for kernels; NULL when that is more than there is or than the model may take. free() frees it. */
void *model_room(const rnnc_model *m, size_t count, size_t size);

/* The packed form of the parameters as they are now. */
const void *handle_packed(const rnnc_weights *w);

/* Describe what compiled, on its arena. */
void describe_messages(rnnc_model *m);
void describe_values(rnnc_model *m);

/* Fill in *error, which may be NULL. */
rnnc_status fault_none(rnnc_error *error);
rnnc_status fault_of(rnnc_error *error, rnnc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
rnnc_status fault_of_guard(rnnc_error *error, guard_fault fault, const char *message);

#endif
