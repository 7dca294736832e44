/* model.c: from the text of a spec to a model that can be called; see rnnc.h.
 *
 * In: text and options. Out: a handle with messages, descriptions, C and machine code, all on its arena. Compiling runs
 * guarded, on a stack of its own: memory that runs out and broken invariants end it, and not the process. */
#define _GNU_SOURCE 1
#include "api/handle.h"
#include "base/version.h"
#include "train/room.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SEQUENCES = 256 }; /* of a call, where nobody says */

const char *rnnc_version(void) { return RNNC_VERSION; }

/* ---- faults ------------------------------------------------------------------------------------------------------ */

rnnc_status fault_none(rnnc_error *error)
{
    if (error) *error = (rnnc_error){RNNC_OK, ""};
    return RNNC_OK;
}

rnnc_status fault_of(rnnc_error *error, rnnc_status status, const char *format, ...)
{
    va_list args;
    if (!error) return status;
    error->status = status;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return status;
}

rnnc_status fault_of_guard(rnnc_error *error, guard_fault fault, const char *message)
{
    switch (fault) {
    case GUARD_MEMORY: return fault_of(error, RNNC_NO_MEMORY, "%s", message);
    case GUARD_BUG: return fault_of(error, RNNC_BUG, "%s", message);
    case GUARD_NONE: break;
    }
    return fault_none(error);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Half of what the machine has: the host and its other threads live there, too. */
static size_t memory_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (size_t)pages / 2 * (size_t)bytes : SIZE_MAX / 2;
}

void *model_room(const rnnc_model *m, size_t count, size_t size)
{
    size_t bytes;
    if (!size_mul(count, size, &bytes) || bytes > m->max_memory) return NULL;
    return room_zeroed(bytes);
}

/* ---- compiling --------------------------------------------------------------------------------------------------- */

typedef struct compiling {
    rnnc_model *m;
    const char *text, *path; /* one of them */
    const rnnc_options *o;
} compiling;

/* The caller's text of `use "path"`, copied. */
static const char *load(void *context, const char *path, size_t *length)
{
    const compiling *c = context;
    const char *used = c->o->load ? c->o->load(c->o->load_context, path) : NULL;
    if (!used || strlen(used) > SOURCE_MAX_BYTES) return NULL;
    *length = strlen(used);
    return arena_strndup(c->m->arena, used, *length);
}

static const char *copy(arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

static pipeline_options options_of(compiling *c)
{
    const rnnc_options *o = c->o;
    arena *a = c->m->arena;
    pipeline_options p = {.path = copy(a, c->path   ? c->path
                                          : o->file ? o->file
                                                    : "spec.rnn"),
                          .model = o->model ? copy(a, o->model) : NULL,
                          .defines = ARENA_ARRAY(a, model_define, o->define_count + 1),
                          .define_count = o->define_count,
                          .data_size = (int)o->data_size,
                          .purpose = o->grad_of_evaluation ? FOR_RUN : FOR_BUILD};
    for (size_t i = 0; i < o->define_count; i++)
        p.defines[i] = (model_define){copy(a, o->defines[i].name), copy(a, o->defines[i].value), false};
    if (o->load || !c->path) {
        p.load = load;
        p.load_context = c;
    }
    p.emit = (emit_options){.standalone = true,
                            .real_double = o->real == RNNC_DOUBLE,
                            .batch = (int)(o->max_sequences ? o->max_sequences : MAX_SEQUENCES),
                            .threads = (int)o->threads,
                            .unroll = 1};
    return p;
}

static void end(rnnc_model *m, rnnc_status status, const char *error)
{
    m->status = status;
    m->error = error;
}

/* Machine code of the C. */
static void load_code(rnnc_model *m, rnnc_jit how)
{
    jit_backend backend = how == RNNC_JIT_CC ? JIT_CC : JIT_TCC;
    const char *error;
    if (how == RNNC_JIT_NONE) return;
    if (how == RNNC_JIT_AUTO && !loaded_backend(&backend, 0))
        end(m, RNNC_FAILED, "neither libtcc nor a C compiler is here; set CC");
    else if (!loaded_open(&m->l, m->arena, &m->p, &(jit_options){.backend = backend}, &error))
        end(m, RNNC_FAILED, error);
}

static void compile(void *of)
{
    compiling *c = of;
    rnnc_model *m = c->m;
    m->arena = arena_new();
    pipeline_options o = options_of(c);
    const char *fault = NULL;
    if (c->path)
        fault = pipeline_read(&m->p, m->arena, &o);
    else if (strlen(c->text) > SOURCE_MAX_BYTES)
        fault = arena_printf(m->arena, "%s: a spec has at most %d MiB", o.path, SOURCE_MAX_BYTES >> 20);
    else
        pipeline_open_text(&m->p, m->arena, &o, c->text);
    if (fault) {
        end(m, RNNC_FAILED, fault);
        return;
    }
    bool good = pipeline_check(&m->p);
    m->p.text = ""; /* the caller's; nobody reads it any more */
    describe_messages(m);
    if (!good) return; /* describe_messages has said why */
    pipeline_compile(&m->p, (pipeline_dump){0});
    describe_values(m);
    end(m, RNNC_OK, "");
    load_code(m, c->o->jit);
}

/* What is wrong with the arguments; NULL: nothing. */
static const char *wrong(const char *given, const rnnc_options *o)
{
    if (!given) return "there is no spec: text or path is NULL";
    if (o->define_count && !o->defines) return "define_count says that there are definitions, and defines is NULL";
    for (size_t i = 0; i < o->define_count; i++)
        if (!o->defines[i].name || !o->defines[i].value) return "a definition without name or value";
    if (o->max_sequences > INT32_MAX) return "max_sequences is beyond what an int holds";
    if (o->threads > EMIT_MAX_THREADS) return "threads: at most 256";
    if (o->data_size > MODEL_MAX_CLASSES) return "data_size is beyond what a token may have";
    return NULL;
}

/* After a fault nothing is left of the arena. */
static void forget(rnnc_model *m)
{
    if (m->l.jit) loaded_close(&m->l);
    free(m->report);
    m->report = NULL;
    m->arena = NULL;
    m->p = (pipeline){0};
    m->l = (loaded){0};
    m->message_count = m->input_count = m->output_count = m->param_count = m->param_reals = 0;
    m->inputs = m->outputs = m->params = NULL;
}

static rnnc_model *compile_any(compiling c)
{
    static const rnnc_options none;
    char message[GUARD_MESSAGE];
    if (!c.o) c.o = &none;
    rnnc_model *m = c.m = calloc(1, sizeof *m);
    if (!m) return NULL;
    if (pthread_mutex_init(&m->lock, NULL) != 0) return free(m), NULL;
    atomic_init(&m->users, 1);
    m->max_memory = c.o->max_memory ? c.o->max_memory : memory_of_machine();
    m->real_bytes = c.o->real == RNNC_DOUBLE ? sizeof(double) : sizeof(float);
    const char *fault = wrong(c.path ? c.path : c.text, c.o);
    if (fault) {
        end(m, RNNC_BAD_CALL, fault);
        return m;
    }
    end(m, RNNC_BUG, "a wrong spec without a message");
    guard_fault broken = guard_run_apart(compile, &c, m->max_memory, message);
    if (broken) forget(m);
    switch (broken) {
    case GUARD_NONE: break;
    case GUARD_MEMORY: end(m, RNNC_NO_MEMORY, "out of memory"); break;
    case GUARD_BUG: end(m, RNNC_BUG, (m->report = strdup(message)) ? m->report : "a bug"); break;
    }
    return m;
}

rnnc_model *rnnc_compile(const char *spec, const rnnc_options *options)
{
    return compile_any((compiling){.text = spec, .o = options});
}

rnnc_model *rnnc_compile_file(const char *path, const rnnc_options *options)
{
    return compile_any((compiling){.path = path, .o = options});
}

rnnc_status rnnc_status_of(const rnnc_model *m) { return m ? m->status : RNNC_NO_MEMORY; }

const char *rnnc_error_of(const rnnc_model *m) { return m ? m->error : "out of memory"; }

/* ---- lifetime ---------------------------------------------------------------------------------------------------- */

rnnc_model *model_keep(const rnnc_model *m)
{
    rnnc_model *kept = (rnnc_model *)m; /* the count alone changes, and any thread may change it */
    atomic_fetch_add(&kept->users, 1);
    return kept;
}

void rnnc_free(rnnc_model *m)
{
    if (!m || atomic_fetch_sub(&m->users, 1) > 1) return;
    for (call_work *w = m->idle, *next; w; w = next) {
        next = w->next;
        free(w->memory);
        free(w);
    }
    if (m->l.jit) loaded_close(&m->l);
    pthread_mutex_destroy(&m->lock);
    arena_free(m->arena);
    free(m->report);
    free(m);
}

bool model_callable(const rnnc_model *m, rnnc_error *error)
{
    if (!m) return fault_of(error, RNNC_BAD_CALL, "the model is NULL"), false;
    if (m->l.jit) return true;
    if (m->status == RNNC_OK)
        fault_of(error, RNNC_BAD_CALL, "the model was compiled with RNNC_JIT_NONE: it has no code");
    else
        fault_of(error, RNNC_BAD_CALL, "the model did not compile: %s", m->error);
    return false;
}
