/* jit.h: C text to machine code in this process.
 *
 * Two backends: libtcc compiles in milliseconds and may call functions of the host by name; the system's C compiler
 * takes longer and optimises. Both may be used from several threads at once (libtcc works for one at a time).
 *
 *     char *error;
 *     jit *j = jit_compile(&(jit_options){.backend = JIT_CC}, "int twice(int x) { return 2 * x; }", &error);
 *     int (*twice)(int) = (int (*)(int))jit_symbol(j, "twice");
 *
 * What the system's compiler has made may be kept in a folder for the next time (`cache`; see cache.h), and it may work
 * beside the caller:
 *
 *     jit_job *job = jit_start(&options, text, &error);
 *     while (!jit_ended(job)) ...                       something else
 *     jit *j = jit_finish(job, &error);                 or jit_cancel(job) */
#ifndef JIT_JIT_H
#define JIT_JIT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum jit_backend { JIT_TCC, JIT_CC } jit_backend;

/* A function or object of the host that the text may use by this name. */
typedef struct jit_import {
    const char *name;
    const void *address;
} jit_import;

typedef struct jit_options {
    jit_backend backend;
    const char *include_dir;   /* where the text finds its headers, or NULL */
    const jit_import *imports; /* for JIT_TCC only: a shared object cannot be given addresses */
    size_t import_count;
    const char *const *cc_options; /* for JIT_CC: ends with NULL; NULL itself: -O3 -march=native */
    bool cache;        /* JIT_CC: look into the cache first, and put there what was compiled; not with include_dir */
    bool low_priority; /* JIT_CC: whoever waits for a processor goes first */
    /* Called at most once by a compilation, with what is wrong with the cache, in one line; NULL: nobody wants to
     * know. */
    void (*notice)(const char *line);
} jit_options;

typedef struct jit jit;

/* Can this backend be used here? libtcc: built in, and it compiles; cc: $CC (or cc) is in the PATH. */
bool jit_available(jit_backend backend);

/* NULL on failure; *error is then text for the caller to free: one line, or one and the compiler's own messages. JIT_CC
 * runs $CC (or cc; split at blanks, no shell) in a private folder below $TMPDIR, which is gone on return. SIGINT,
 * SIGTERM and SIGHUP end the compiler and fail the call, and are then delivered. */
jit *jit_compile(const jit_options *o, const char *c_text, char **error);

/* What the cache has for the text and these options; NULL: nothing. */
jit *jit_cached(const jit_options *o, const char *c_text);

/* A compiler that runs beside the caller; JIT_CC. It has ended, and its folder is gone, after jit_finish or jit_cancel,
 * or a moment after the process was killed. *o must live as long. NULL: *error says why. */
typedef struct jit_job jit_job;
jit_job *jit_start(const jit_options *o, const char *c_text, char **error);
bool jit_ended(jit_job *j);                /* does not wait */
jit *jit_finish(jit_job *j, char **error); /* waits; NULL: *error says why */
void jit_cancel(jit_job *j);               /* ends the compiler and all that it has started; NULL is fine */

/* A function or object of the text; NULL: it has none of this name. Valid until jit_free. */
void *jit_symbol(jit *j, const char *name);

void jit_free(jit *j); /* NULL is fine */

#endif
