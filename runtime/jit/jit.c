/* jit.c: the two backends of jit.h.
 *
 * In: C text. Out: a TCCState that holds the code, or a handle of dlopen. libtcc keeps its state in globals, so one
 * mutex guards every call into it. The system's compiler is called in cc.c. */
#define _GNU_SOURCE 1
#include "jit/jit.h"
#include "jit/cc.h"
#include "jit/message.h"
#include "jit/tcc_host.h"
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_LIBTCC
#include <libtcc.h>
#endif

struct jit {
    jit_backend backend;
    void *handle; /* JIT_TCC: the TCCState; JIT_CC: of dlopen */
};

void messages_add(messages *m, const char *s, unsigned long n)
{
    if (n > MESSAGES_MAX - m->len) n = MESSAGES_MAX - m->len;
    memcpy(m->text + m->len, s, n);
    m->len += (unsigned)n;
    m->text[m->len] = '\0';
}

void *jit_fail(char **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (vasprintf(error, format, args) < 0) *error = NULL;
    va_end(args);
    return NULL;
}

static jit *new_jit(jit_backend backend, void *handle)
{
    jit *j = malloc(sizeof *j);
    if (j) *j = (jit){backend, handle};
    return j;
}

/* ---- libtcc ------------------------------------------------------------------------------------------------------ */

#ifdef HAVE_LIBTCC
static pthread_mutex_t tcc_lock = PTHREAD_MUTEX_INITIALIZER;

/* Version 0.9.27 takes where to put the code, later ones have dropped that argument and this macro. */
#ifdef TCC_RELOCATE_AUTO
#define relocate(s) tcc_relocate((s), TCC_RELOCATE_AUTO)
#else
#define relocate(s) tcc_relocate(s)
#endif

static void on_message(void *opaque, const char *text)
{
    messages *m = opaque;
    if (m->len) messages_add(m, "\n", 1);
    messages_add(m, text, strlen(text));
}

/* The state with the code in it; NULL after a failure, *m says why. */
static TCCState *compile_locked(const jit_options *o, const char *c_text, messages *m)
{
    TCCState *s = tcc_new();
    if (!s) return NULL;
    tcc_set_error_func(s, m, on_message);
    bool ok = tcc_set_output_type(s, TCC_OUTPUT_MEMORY) == 0;
    if (ok && o->include_dir) ok = tcc_add_include_path(s, o->include_dir) == 0;
    ok = ok && tcc_compile_string(s, c_text) == 0;
    for (size_t i = 0; ok && i < o->import_count; i++)
        ok = tcc_add_symbol(s, o->imports[i].name, o->imports[i].address) == 0;
    if (ok && relocate(s) == 0 && !tcc_host_short()) return s;
    tcc_delete(s);
    if (tcc_host_short()) m->len = 0;
    return NULL;
}

/* Calls of libtcc, under the lock. */
typedef struct locked {
    const jit_options *o;
    const char *c_text;
    messages *m;
    TCCState *s;
} locked;

static void compile_in(void *context)
{
    locked *l = context;
    l->s = compile_locked(l->o, l->c_text, l->m);
}

static jit *compile_tcc(const jit_options *o, const char *c_text, char **error)
{
    messages *m = calloc(1, sizeof *m);
    if (!m) return jit_fail(error, "out of memory");
    locked l = {.o = o, .c_text = c_text, .m = m};
    pthread_mutex_lock(&tcc_lock);
    if (!tcc_host_run(compile_in, &l)) m->len = 0;
    TCCState *s = l.s;
    if (s) tcc_set_error_func(s, NULL, NULL); /* m does not live as long as s */
    jit *j = s ? new_jit(JIT_TCC, s) : NULL;
    if (s && !j) tcc_delete(s);
    pthread_mutex_unlock(&tcc_lock);
    if (!j) jit_fail(error, "libtcc: %s", m->len ? m->text : "out of memory");
    free(m);
    return j;
}

static void *symbol_tcc(jit *j, const char *name)
{
    pthread_mutex_lock(&tcc_lock);
    void *p = tcc_get_symbol(j->handle, name);
    pthread_mutex_unlock(&tcc_lock);
    return p;
}

static void free_tcc(jit *j)
{
    pthread_mutex_lock(&tcc_lock);
    if (!tcc_host_lost()) tcc_delete(j->handle); /* else it would wait for itself */
    pthread_mutex_unlock(&tcc_lock);
}
#else
static jit *compile_tcc(const jit_options *o, const char *c_text, char **error)
{
    (void)o, (void)c_text;
    return jit_fail(error, "libtcc is not built in: use the cc backend, or build with libtcc");
}

static void *symbol_tcc(jit *j, const char *name) { return (void)j, (void)name, NULL; }
static void free_tcc(jit *j) { (void)j; }
#endif

/* ---- cc ---------------------------------------------------------------------------------------------------------- */

static jit *jit_of(void *handle, char **error)
{
    jit *j = handle ? new_jit(JIT_CC, handle) : NULL;
    if (handle && !j) {
        dlclose(handle);
        jit_fail(error, "out of memory");
    }
    return j;
}

jit *jit_cached(const jit_options *o, const char *c_text)
{
    char *error = NULL;
    jit *j = o->backend == JIT_CC && o->cache ? jit_of(cc_cached(o, c_text), &error) : NULL;
    free(error);
    return j;
}

jit_job *jit_start(const jit_options *o, const char *c_text, char **error)
{
    *error = NULL;
    return (jit_job *)cc_start(o, c_text, error);
}

bool jit_ended(jit_job *j) { return cc_ended((cc_job *)j); }
void jit_cancel(jit_job *j) { cc_cancel((cc_job *)j); }

jit *jit_finish(jit_job *j, char **error)
{
    *error = NULL;
    return jit_of(cc_finish((cc_job *)j, false, error), error);
}

/* Those that would end the process in the middle, unless it ignores them: they wait until nothing is left behind. */
static void block_signals(sigset_t *before)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction now;
        if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(&blocked, ending[i]);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, before);
}

static jit *compile_cc(const jit_options *o, const char *c_text, char **error)
{
    sigset_t before;
    jit *j = jit_cached(o, c_text);
    if (j) return j;
    block_signals(&before);
    cc_job *job = cc_start(o, c_text, error);
    if (job) j = jit_of(cc_finish(job, true, error), error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return j;
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

jit *jit_compile(const jit_options *o, const char *c_text, char **error)
{
    *error = NULL;
    return o->backend == JIT_TCC ? compile_tcc(o, c_text, error) : compile_cc(o, c_text, error);
}

bool jit_available(jit_backend backend)
{
    char *error = NULL;
    if (backend == JIT_CC) return cc_available();
    jit *j = jit_compile(&(jit_options){.backend = JIT_TCC}, "int probe;", &error);
    bool works = j != NULL;
    jit_free(j);
    free(error);
    return works;
}

void *jit_symbol(jit *j, const char *name)
{
    return j->backend == JIT_TCC ? symbol_tcc(j, name) : dlsym(j->handle, name);
}

void jit_free(jit *j)
{
    if (!j) return;
    if (j->backend == JIT_TCC)
        free_tcc(j);
    else
        dlclose(j->handle);
    free(j);
}
