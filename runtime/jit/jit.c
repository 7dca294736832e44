/* jit.c: the two backends of jit.h.
 *
 * In: C text. Out: a TCCState that holds the code, or a handle of dlopen. libtcc keeps its state in globals, so one
 * mutex guards every call into it. For cc the text goes to a file in a new folder; the folder, which is also the
 * compiler's TMPDIR, is removed as soon as the shared object is mapped (its pages outlive the name). */
#define _GNU_SOURCE 1
#include "jit/jit.h"
#include "jit/tcc_host.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_LIBTCC
#include <libtcc.h>
#endif

enum { MESSAGES_MAX = 1 << 14 };   /* bytes kept of what a compiler says */

extern char **environ;

struct jit {
    jit_backend backend;
    void *handle;   /* JIT_TCC: the TCCState; JIT_CC: of dlopen */
};

/* What a compiler said, cut at MESSAGES_MAX. */
typedef struct messages { char text[MESSAGES_MAX + 1]; size_t len; } messages;

static void add_message(messages *m, const char *s, size_t n)
{
    if (n > MESSAGES_MAX - m->len) n = MESSAGES_MAX - m->len;
    memcpy(m->text + m->len, s, n);
    m->len += n;
    m->text[m->len] = '\0';
}

/* Sets *error and returns NULL; without memory even for the message, *error is NULL. */
__attribute__((format(printf, 2, 3))) static void *fail(char **error, const char *format, ...)
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

/* ---- libtcc --------------------------------------------------------------------------------------------------- */

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
    if (m->len) add_message(m, "\n", 1);
    add_message(m, text, strlen(text));
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
typedef struct locked { const jit_options *o; const char *c_text; messages *m; TCCState *s; } locked;

static void compile_in(void *context)
{
    locked *l = context;
    l->s = compile_locked(l->o, l->c_text, l->m);
}

static jit *compile_tcc(const jit_options *o, const char *c_text, char **error)
{
    messages *m = calloc(1, sizeof *m);
    if (!m) return fail(error, "out of memory");
    locked l = {.o = o, .c_text = c_text, .m = m};
    pthread_mutex_lock(&tcc_lock);
    if (!tcc_host_run(compile_in, &l)) m->len = 0;
    TCCState *s = l.s;
    if (s) tcc_set_error_func(s, NULL, NULL);   /* m does not live as long as s */
    jit *j = s ? new_jit(JIT_TCC, s) : NULL;
    if (s && !j) tcc_delete(s);
    pthread_mutex_unlock(&tcc_lock);
    if (!j) fail(error, "libtcc: %s", m->len ? m->text : "out of memory");
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
    if (!tcc_host_lost()) tcc_delete(j->handle);    /* else it would wait for itself */
    pthread_mutex_unlock(&tcc_lock);
}
#else
static jit *compile_tcc(const jit_options *o, const char *c_text, char **error)
{
    (void)o, (void)c_text;
    return fail(error, "libtcc is not built in: use the cc backend, or build with libtcc");
}

static void *symbol_tcc(jit *j, const char *name) { return (void)j, (void)name, NULL; }
static void free_tcc(jit *j) { (void)j; }
#endif

/* ---- cc ------------------------------------------------------------------------------------------------------- */

typedef struct build {
    const jit_options *o;
    char *folder, *source, *object, *include, *tmpdir;   /* tmpdir: "TMPDIR=folder" */
    char *command;                                       /* $CC, cut into words */
    char **argv, **env;
    messages *said;
    char **error;
} build;

/* The compiler's command, to be freed. */
static char *compiler(void)
{
    const char *cc = getenv("CC");
    return strdup(cc && cc[strspn(cc, " \t")] ? cc : "cc");
}

static bool make_folder(build *b)
{
    const char *tmp = getenv("TMPDIR");
    if (!tmp || !*tmp) tmp = "/tmp";
    if (asprintf(&b->folder, "%s/rnnc-XXXXXX", tmp) < 0) return b->folder = NULL, fail(b->error, "out of memory");
    if (mkdtemp(b->folder)) return true;
    fail(b->error, "cannot make a folder in %s: %s: set TMPDIR to a folder that can be written", tmp, strerror(errno));
    free(b->folder);
    b->folder = NULL;
    return false;
}

static void remove_folder(build *b)
{
    DIR *d = b->folder ? opendir(b->folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    if (b->folder) rmdir(b->folder);
}

static bool write_source(build *b, const char *c_text)
{
    FILE *f = fopen(b->source, "we");
    bool ok = f && fputs(c_text, f) >= 0;
    if (f && fclose(f) != 0) ok = false;
    if (!ok) fail(b->error, "cannot write %s: %s", b->source, strerror(errno));
    return ok;
}

/* Paths, argument list and environment. */
static bool prepare(build *b)
{
    static const char *const optimise[] = {"-O3", "-march=native", NULL};
    const char *const *options = b->o->cc_options ? b->o->cc_options : optimise;
    size_t n = 0, option_count = 0, env_count = 0;
    b->command = compiler();
    if (asprintf(&b->source, "%s/jit.c", b->folder) < 0) b->source = NULL;
    if (asprintf(&b->object, "%s/jit.so", b->folder) < 0) b->object = NULL;
    if (asprintf(&b->tmpdir, "TMPDIR=%s", b->folder) < 0) b->tmpdir = NULL;
    if (b->o->include_dir && asprintf(&b->include, "-I%s", b->o->include_dir) < 0) b->include = NULL;
    while (options[option_count]) option_count++;
    while (environ[env_count]) env_count++;
    if (b->command) b->argv = calloc(strlen(b->command) + option_count + 8, sizeof *b->argv);
    b->env = calloc(env_count + 2, sizeof *b->env);
    if (!b->source || !b->object || !b->tmpdir || !b->argv || !b->env || (b->o->include_dir && !b->include))
        return fail(b->error, "out of memory");
    char *rest;
    for (char *w = strtok_r(b->command, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) b->argv[n++] = w;
    for (size_t i = 0; i < option_count; i++) b->argv[n++] = (char *)options[i];
    if (b->include) b->argv[n++] = b->include;
    const char *const last[] = {"-fPIC", "-shared", "-o", b->object, b->source, "-lm"};
    memcpy(b->argv + n, last, sizeof last);
    n = 0;
    for (size_t i = 0; i < env_count; i++)
        if (strncmp(environ[i], "TMPDIR=", 7) != 0) b->env[n++] = environ[i];
    b->env[n] = b->tmpdir;
    return true;
}

/* Starts the compiler with its output going into `out`; 0 or an errno. Its signals are as in a fresh process. */
static int start(build *b, int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    sigaddset(&ignored, SIGCHLD);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int fault = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!fault) fault = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (!fault) fault = posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    if (!fault) fault = posix_spawnp(pid, b->argv[0], &files, &attributes, b->argv, b->env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return fault;
}

static bool run_compiler(build *b)
{
    int ends[2], status = 0;
    pid_t pid;
    char chunk[4096];
    ssize_t n;
    if (pipe2(ends, O_CLOEXEC) != 0) return fail(b->error, "cannot make a pipe: %s", strerror(errno));
    int fault = start(b, ends[1], &pid);
    close(ends[1]);
    while (!fault && ((n = read(ends[0], chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0) add_message(b->said, chunk, (size_t)n);
    close(ends[0]);
    if (fault)
        return fail(b->error, "cannot run the C compiler '%s': %s: install one, or set CC", b->argv[0],
                    strerror(fault));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) break;   /* a host that ignores SIGCHLD has no status: then dlopen tells */
    if (WIFSIGNALED(status))
        return fail(b->error, "%s was ended by signal %d\n%s", b->argv[0], WTERMSIG(status), b->said->text);
    if (WEXITSTATUS(status) != 0)
        return fail(b->error, "%s failed with status %d\n%s", b->argv[0], WEXITSTATUS(status), b->said->text);
    return true;
}

static jit *load(build *b)
{
    void *handle = dlopen(b->object, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return fail(b->error, "cannot load what %s made: %s", b->argv[0], dlerror());
    jit *j = new_jit(JIT_CC, handle);
    if (!j) {
        dlclose(handle);
        fail(b->error, "out of memory");
    }
    return j;
}

static jit *compile_cc(const jit_options *o, const char *c_text, char **error)
{
    build b = {.o = o, .error = error, .said = calloc(1, sizeof *b.said)};
    jit *j = NULL;
    if (o->import_count) return free(b.said), fail(error, "the cc backend takes no imports: paste what the text calls");
    if (!b.said) fail(error, "out of memory");
    else if (make_folder(&b) && prepare(&b) && write_source(&b, c_text) && run_compiler(&b)) j = load(&b);
    remove_folder(&b);
    free(b.folder);
    free(b.source);
    free(b.object);
    free(b.include);
    free(b.tmpdir);
    free(b.command);
    free(b.argv);
    free(b.env);
    free(b.said);
    return j;
}

/* Is the first word of $CC a program in the PATH? */
static bool cc_available(void)
{
    char *command = compiler(), *rest, *at;
    const char *path = getenv("PATH");
    char *folders = strdup(path ? path : "/bin:/usr/bin");
    char *word = command ? strtok_r(command, " \t", &rest) : NULL;
    bool found = word && strchr(word, '/') && access(word, X_OK) == 0;
    for (char *f = folders ? strtok_r(folders, ":", &rest) : NULL; f && word && !found; f = strtok_r(NULL, ":", &rest))
        if (!strchr(word, '/') && asprintf(&at, "%s/%s", f, word) >= 0) {
            found = access(at, X_OK) == 0;
            free(at);
        }
    free(folders);
    free(command);
    return found;
}

/* ---- either --------------------------------------------------------------------------------------------------- */

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
    if (j->backend == JIT_TCC) free_tcc(j);
    else dlclose(j->handle);
    free(j);
}
