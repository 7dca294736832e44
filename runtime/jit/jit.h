/* jit.h: C text to machine code in this process.
 *
 * Two backends: libtcc compiles in milliseconds and may call functions of the host by name; the system's C compiler
 * takes longer and optimises. Both may be used from several threads at once (libtcc works for one at a time).
 *
 *     char *error;
 *     jit *j = jit_compile(&(jit_options){.backend = JIT_CC}, "int twice(int x) { return 2 * x; }", &error);
 *     int (*twice)(int) = (int (*)(int))jit_symbol(j, "twice");
 */
#ifndef JIT_JIT_H
#define JIT_JIT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum jit_backend { JIT_TCC, JIT_CC } jit_backend;

/* A function or object of the host that the text may use by this name. */
typedef struct jit_import { const char *name; const void *address; } jit_import;

typedef struct jit_options {
    jit_backend backend;
    const char *include_dir;         /* where the text finds its headers, or NULL */
    const jit_import *imports;       /* for JIT_TCC only: a shared object cannot be given addresses */
    size_t import_count;
    const char *const *cc_options;   /* for JIT_CC: ends with NULL; NULL itself: -O3 -march=native */
} jit_options;

typedef struct jit jit;

/* Can this backend be used here? libtcc: built in, and it compiles; cc: $CC (or cc) is in the PATH. */
bool jit_available(jit_backend backend);

/* NULL on failure; *error is then text for the caller to free: one line, or one and the compiler's own messages.
 * JIT_CC runs $CC (or cc; split at blanks, no shell) in a private folder below $TMPDIR, which is gone on return. */
jit *jit_compile(const jit_options *o, const char *c_text, char **error);

/* A function or object of the text; NULL: it has none of this name. Valid until jit_free. */
void *jit_symbol(jit *j, const char *name);

void jit_free(jit *j);               /* NULL is fine */

#endif
