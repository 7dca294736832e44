/* params.c: weights as an object: drawn, read, written, packed; see rnnc.h.
 *
 * Kernels read the packed form. It is made by the first call after a change, by one thread while others wait. */
#include "api/handle.h"
#include "api/weights.h"
#include "train/safetensors.h"
#include <stdlib.h>
#include <string.h>

rnnc_weights *rnnc_weights_new(const rnnc_model *m, uint64_t seed, rnnc_error *error)
{
    if (!model_callable(m, error)) return NULL;
    rnnc_weights *w = calloc(1, sizeof *w);
    if (w && pthread_mutex_init(&w->lock, NULL) != 0) {
        free(w);
        w = NULL;
    }
    if (!w) return fault_of(error, RNNC_NO_MEMORY, "out of memory"), NULL;
    w->model = model_keep(m);
    w->params = model_room(m, m->param_reals, m->real_bytes);
    w->packed = model_room(m, loaded_size(&m->l, SIZE_PACKED, 1, NULL), m->real_bytes);
    if (!w->params || !w->packed) {
        fault_of(error, RNNC_NO_MEMORY, "no memory for %zu parameters", m->param_reals);
        rnnc_weights_free(w);
        return NULL;
    }
    rnnc_weights_init(w, seed);
    fault_none(error);
    return w;
}

void rnnc_weights_free(rnnc_weights *w)
{
    if (!w) return;
    free(w->params);
    free(w->packed);
    pthread_mutex_destroy(&w->lock);
    rnnc_free(w->model);
    free(w);
}

void rnnc_weights_init(rnnc_weights *w, uint64_t seed)
{
    if (!w) return;
    w->model->l.init(w->params, seed);
    rnnc_weights_changed(w);
}

void *rnnc_weights_data(rnnc_weights *w) { return w ? w->params : NULL; }

void rnnc_weights_changed(rnnc_weights *w)
{
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stale = true;
    pthread_mutex_unlock(&w->lock);
}

const void *handle_packed(const rnnc_weights *of)
{
    rnnc_weights *w = (rnnc_weights *)of; /* what it means stays the same */
    pthread_mutex_lock(&w->lock);
    if (w->stale) w->model->l.pack(w->params, w->packed);
    w->stale = false;
    pthread_mutex_unlock(&w->lock);
    return w->packed;
}

/* ---- by name ----------------------------------------------------------------------------------------------------- */

/* Where the parameter begins; NULL: *error says what is wrong. */
static char *find(const rnnc_weights *w, const char *word, const void *other, size_t count, rnnc_error *error)
{
    if (!w || !word || !other) return fault_of(error, RNNC_BAD_CALL, "weights, name or array is NULL"), NULL;
    const rnnc_model *m = w->model;
    for (size_t i = 0; i < m->param_count; i++) {
        const rnnc_value *p = &m->params[i];
        if (strcmp(p->name, word) != 0) continue;
        if (count == p->components) return (char *)w->params + p->offset * m->real_bytes;
        return fault_of(error, RNNC_BAD_CALL, "'%s' has %zu components, not %zu", word, p->components, count), NULL;
    }
    return fault_of(error, RNNC_BAD_CALL, "the model has no parameter '%s'", word), NULL;
}

rnnc_status rnnc_weights_get(const rnnc_weights *w, const char *word, void *to, size_t count, rnnc_error *error)
{
    const char *at = find(w, word, to, count, error);
    if (!at) return RNNC_BAD_CALL;
    memcpy(to, at, count * w->model->real_bytes);
    return fault_none(error);
}

rnnc_status rnnc_weights_set(rnnc_weights *w, const char *word, const void *from, size_t count, rnnc_error *error)
{
    char *at = find(w, word, from, count, error);
    if (!at) return RNNC_BAD_CALL;
    memcpy(at, from, count * w->model->real_bytes);
    rnnc_weights_changed(w);
    return fault_none(error);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

typedef struct transfer {
    const rnnc_weights *w;
    const char *path;
    arena *arena;
    tensors file;
    const void *params; /* read: on the arena */
    bool good;
    const char *fault;
} transfer;

static void read_file(void *of)
{
    transfer *t = of;
    t->arena = arena_new();
    loaded l = t->w->model->l;
    l.arena = t->arena;
    if (safetensors_read(t->path, &t->file))
        t->params = weights_from_tensors(&l, t->w->model->p.programs.graph, t->path, &t->file, &t->fault);
    t->good = t->params != NULL;
}

/* Nothing here is on an arena; it runs guarded for the signals alone: a file beyond the limit is an error, see
 * train/atomic.h. */
static void write_file(void *of)
{
    transfer *t = of;
    const rnnc_model *m = t->w->model;
    weights_to_tensors(&m->l, m->p.programs.graph, t->w->params, &t->file);
    t->good = !t->file.error && safetensors_write(t->path, &t->file);
}

static rnnc_status run(transfer *t, void (*work)(void *), rnnc_status otherwise, rnnc_error *error)
{
    char message[GUARD_MESSAGE];
    guard_fault broken = guard_run_apart(work, t, t->w->model->max_memory, message);
    if (broken) t->arena = NULL; /* nothing is left of it */
    rnnc_status status = fault_of_guard(error, broken, message);
    if (status == RNNC_OK && !t->good)
        status = fault_of(error, otherwise, "%s",
                          t->fault        ? t->fault
                          : t->file.error ? t->file.error
                                          : "out of memory");
    return status;
}

rnnc_status rnnc_weights_load(rnnc_weights *w, const char *path, rnnc_error *error)
{
    if (!w || !path) return fault_of(error, RNNC_BAD_CALL, "weights or path is NULL");
    transfer t = {.w = w, .path = path};
    rnnc_status status = run(&t, read_file, RNNC_BAD_DATA, error);
    if (status == RNNC_OK) {
        memcpy(w->params, t.params, w->model->param_reals * w->model->real_bytes);
        rnnc_weights_changed(w);
    }
    tensors_free(&t.file);
    arena_free(t.arena);
    return status;
}

rnnc_status rnnc_weights_save(const rnnc_weights *w, const char *path, rnnc_error *error)
{
    if (!w || !path) return fault_of(error, RNNC_BAD_CALL, "weights or path is NULL");
    transfer t = {.w = w, .path = path};
    rnnc_status status = run(&t, write_file, RNNC_FAILED, error);
    tensors_free(&t.file);
    return status;
}
