/* cc.c: a C compiler beside the caller; see cc.h.
 *
 * In: C text. Out: a handle of dlopen. The compiler's output comes through a pipe that is read whenever somebody asks
 * how far it is; its end, and the compiler's status, say that it is done. */
#define _GNU_SOURCE 1
#include "jit/cc.h"
#include "jit/cache.h"
#include "jit/message.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 10,       /* between two looks at signals and at the compiler */
    REMOVE_TRIES = 500, /* of a folder into which what is being killed may still write; 2 ms apart */
    STALE_SECONDS = 60, /* a folder younger than this may not have its lock yet */
    LOW_PRIORITY = 10   /* nice */
};

static const char folder_start[] = "rnnc-cc-";
enum { FOLDER_LENGTH = sizeof folder_start - 1 + 6 };

extern char **environ;

struct cc_job {
    jit_options options;
    const char *text;                                  /* the caller's */
    char *folder, *source, *object, *include, *tmpdir; /* tmpdir: "TMPDIR=folder" */
    int lock;                                          /* the folder, open and locked */
    char *words;                                       /* $CC, cut into those of command */
    const char **command, *const *flags;
    char **argv, **env;
    pid_t pid;       /* 0: there is none (any more) */
    pid_t guard;     /* the same */
    int leash;       /* the guard waits for its end; -1: there is none */
    int out, status; /* the pipe's end; -1: it has ended */
    messages said;
};

/* $CC or cc, to be freed. */
static char *compiler(void)
{
    const char *cc = getenv("CC");
    return strdup(cc && cc[strspn(cc, " \t")] ? cc : "cc");
}

/* Cuts `words` in place; a row that ends with NULL, to be freed. */
static const char **cut(char *words)
{
    const char **row = words ? calloc(strlen(words) / 2 + 2, sizeof *row) : NULL;
    char *rest;
    size_t n = 0;
    for (char *w = row ? strtok_r(words, " \t", &rest) : NULL; w; w = strtok_r(NULL, " \t", &rest)) row[n++] = w;
    return row;
}

static const char *const *flags_of(const jit_options *o)
{
    static const char *const optimise[] = {"-O3", "-march=native", NULL};
    return o->cc_options ? o->cc_options : optimise;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static void empty(int folder)
{
    int fd = dup(folder);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d) rewinddir(d);
    for (struct dirent *e; d && (e = readdir(d));) unlinkat(folder, e->d_name, 0);
    if (d) closedir(d);
}

/* Removes a folder whose process was killed: one that nobody has locked. */
static void remove_stale(int tmp, const char *name)
{
    struct stat s;
    int fd = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    if (fstat(fd, &s) == 0 && s.st_uid == geteuid() && time(NULL) - s.st_mtime > STALE_SECONDS &&
        flock(fd, LOCK_EX | LOCK_NB) == 0) {
        empty(fd);
        unlinkat(tmp, name, AT_REMOVEDIR);
    }
    close(fd);
}

static void remove_all_stale(const char *tmp)
{
    DIR *d = opendir(tmp);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strlen(e->d_name) == FOLDER_LENGTH && strncmp(e->d_name, folder_start, sizeof folder_start - 1) == 0)
            remove_stale(dirfd(d), e->d_name);
    if (d) closedir(d);
}

static bool make_folder(cc_job *j, char **error)
{
    const char *tmp = getenv("TMPDIR");
    if (!tmp || !*tmp) tmp = "/tmp";
    remove_all_stale(tmp);
    if (asprintf(&j->folder, "%s/%sXXXXXX", tmp, folder_start) < 0) j->folder = NULL;
    if (!j->folder) return jit_fail(error, "out of memory");
    if (!mkdtemp(j->folder)) {
        jit_fail(error, "cannot make a folder in %s: %s: set TMPDIR to a folder that can be written", tmp,
                 strerror(errno));
        free(j->folder);
        j->folder = NULL;
        return false;
    }
    j->lock = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->lock >= 0) flock(j->lock, LOCK_EX | LOCK_NB); /* a file system without locks: nobody cleans up there */
    return true;
}

/* What was killed may be about to make a file. */
static void remove_folder(cc_job *j)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; j->folder && i < REMOVE_TRIES; i++) {
        if (j->lock >= 0) empty(j->lock);
        if (rmdir(j->folder) == 0 || errno != ENOTEMPTY) break;
        nanosleep(&pause, NULL);
    }
    if (j->lock >= 0) close(j->lock);
}

static bool write_source(const cc_job *j, char **error)
{
    FILE *f = fopen(j->source, "we");
    bool ok = f && fputs(j->text, f) >= 0;
    if (f && fclose(f) != 0) ok = false;
    if (!ok) jit_fail(error, "cannot write %s: %s", j->source, strerror(errno));
    return ok;
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

/* Paths, argument list and environment. */
static bool prepare(cc_job *j, char **error)
{
    size_t n = 0, words = 0, flags = 0, variables = 0;
    j->words = compiler();
    j->command = cut(j->words);
    j->flags = flags_of(&j->options);
    if (asprintf(&j->source, "%s/jit.c", j->folder) < 0) j->source = NULL;
    if (asprintf(&j->object, "%s/jit.so", j->folder) < 0) j->object = NULL;
    if (asprintf(&j->tmpdir, "TMPDIR=%s", j->folder) < 0) j->tmpdir = NULL;
    if (j->options.include_dir && asprintf(&j->include, "-I%s", j->options.include_dir) < 0) j->include = NULL;
    while (j->command && j->command[words]) words++;
    while (j->flags[flags]) flags++;
    while (environ[variables]) variables++;
    j->argv = calloc(words + flags + 8, sizeof *j->argv);
    j->env = calloc(variables + 2, sizeof *j->env);
    if (!j->command || !j->source || !j->object || !j->tmpdir || !j->argv || !j->env ||
        (j->options.include_dir && !j->include))
        return jit_fail(error, "out of memory");
    for (size_t i = 0; i < words; i++) j->argv[n++] = (char *)j->command[i];
    for (size_t i = 0; i < flags; i++) j->argv[n++] = (char *)j->flags[i];
    if (j->include) j->argv[n++] = j->include;
    const char *const last[] = {"-fPIC", "-shared", "-o", j->object, j->source, "-lm"};
    memcpy(j->argv + n, last, sizeof last);
    n = 0;
    for (size_t i = 0; i < variables; i++)
        if (strncmp(environ[i], "TMPDIR=", 7) != 0) j->env[n++] = environ[i];
    j->env[n] = j->tmpdir;
    return true;
}

/* Starts argv[0] with these files, in a group of its own; its signals are as in a fresh process. 0 or an errno. */
static int spawn(pid_t *pid, const posix_spawn_file_actions_t *files, char *const *argv, char *const *env)
{
    posix_spawnattr_t attributes;
    sigset_t none, ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    sigaddset(&ignored, SIGCHLD);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): compiler() is never without a word */
    int fault = posix_spawnp(pid, argv[0], files, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    if (fault) *pid = 0;
    return fault;
}

/* The compiler, its output going into `out`. */
static int spawn_compiler(cc_job *j, int out)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    int fault = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!fault) fault = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (!fault) fault = posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    if (!fault) fault = spawn(&j->pid, &files, j->argv, j->env);
    posix_spawn_file_actions_destroy(&files);
    if (!fault && j->options.low_priority) setpriority(PRIO_PGRP, (id_t)j->pid, LOW_PRIORITY);
    return fault;
}

/* The guard waits for the end of a pipe to which this process alone writes: it comes with the end of the process,
 * whatever that is. What then still runs or lies about goes. Without a guard, the next compilation cleans up. */
static void spawn_guard(cc_job *j)
{
    static const char script[] = "read -r end; kill -s KILL -- \"-$1\"; "
                                 "for i in 1 2 3 4 5; do rm -rf -- \"$2\" && break; sleep 1; done";
    char group[24];
    const char *const argv[] = {_PATH_BSHELL, "-c", script, "rnnc", group, j->folder, NULL};
    int ends[2];
    posix_spawn_file_actions_t files;
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    snprintf(group, sizeof group, "%ld", (long)j->pid);
    posix_spawn_file_actions_init(&files);
    int fault = posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO);
    if (!fault) fault = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!fault) fault = posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    if (!fault) spawn(&j->guard, &files, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    close(ends[0]);
    j->leash = ends[1];
}

static bool run(cc_job *j, char **error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return jit_fail(error, "cannot make a pipe: %s", strerror(errno));
    int fault = spawn_compiler(j, ends[1]);
    if (!fault) spawn_guard(j);
    close(ends[1]);
    j->out = ends[0];
    fcntl(j->out, F_SETFL, O_NONBLOCK);
    if (!fault) return true;
    return jit_fail(error, "cannot run the C compiler '%s': %s: install one, or set CC", j->argv[0], strerror(fault));
}

static void drain(cc_job *j)
{
    char chunk[4096];
    ssize_t n = 1;
    while (j->out >= 0 && n != 0) {
        n = read(j->out, chunk, sizeof chunk);
        if (n > 0) messages_add(&j->said, chunk, (size_t)n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            close(j->out);
            j->out = -1;
        }
    }
}

/* Its status is taken, so that it is no zombie. A host that ignores SIGCHLD has none: then dlopen tells. */
static bool reaped(cc_job *j, int how)
{
    pid_t found;
    if (!j->pid) return true;
    while ((found = waitpid(j->pid, &j->status, how)) < 0 && errno == EINTR) continue;
    if (found == 0) return false;
    if (found < 0) j->status = 0;
    j->pid = 0;
    return true;
}

static void stop(cc_job *j)
{
    if (j->pid && kill(-j->pid, SIGKILL) != 0) kill(j->pid, SIGKILL);
    reaped(j, 0);
}

static void dismiss_guard(cc_job *j)
{
    if (j->guard) kill(j->guard, SIGKILL);
    while (j->guard && waitpid(j->guard, NULL, 0) < 0 && errno == EINTR) continue;
    if (j->leash >= 0) close(j->leash);
}

static void close_job(cc_job *j)
{
    stop(j);
    if (j->out >= 0) close(j->out);
    remove_folder(j);
    dismiss_guard(j);
    free(j->folder);
    free(j->source);
    free(j->object);
    free(j->include);
    free(j->tmpdir);
    free(j->words);
    free(j->command);
    free(j->argv);
    free(j->env);
    free(j);
}

/* ---- from text to handle ----------------------------------------------------------------------------------------- */

cc_job *cc_start(const jit_options *o, const char *c_text, char **error)
{
    if (o->import_count) return jit_fail(error, "the cc backend takes no imports: paste what the text calls");
    cc_job *j = calloc(1, sizeof *j);
    if (!j) return jit_fail(error, "out of memory");
    *j = (cc_job){.options = *o, .text = c_text, .lock = -1, .out = -1, .leash = -1};
    if (make_folder(j, error) && prepare(j, error) && write_source(j, error) && run(j, error)) return j;
    close_job(j);
    return NULL;
}

bool cc_ended(cc_job *j)
{
    drain(j);
    return j->out < 0 && reaped(j, WNOHANG);
}

void cc_cancel(cc_job *j)
{
    if (j) close_job(j);
}

static bool interrupted(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
                                         sigismember(&pending, SIGHUP) == 1);
}

#define REMEDY "set CC to a C compiler that works"

/* Puts what was made into the cache; says why it cannot. */
static void keep(const cc_job *j)
{
    cache c;
    char *fault = NULL;
    compilation of = {.text = j->text, .command = j->command, .options = j->flags};
    if (cache_open(&c, CACHE_USE, &fault)) {
        cache_key k = cache_key_of(&c, &of, true);
        if (k.known) cache_store(&c, &k, j->object, &fault);
        cache_close(&c);
    }
    if (fault && j->options.notice) j->options.notice(fault);
    free(fault);
}

void *cc_finish(cc_job *j, bool interruptible, char **error)
{
    void *handle = NULL;
    bool stopped = false;
    while (!stopped && !cc_ended(j)) {
        struct pollfd end = {.fd = j->out, .events = POLLIN};
        poll(&end, j->out >= 0, POLL_MS);
        stopped = interruptible && interrupted();
    }
    const char *name = j->argv[0];
    for (size_t n = strlen(j->said.text); n && j->said.text[n - 1] == '\n'; n--) j->said.text[n - 1] = '\0';
    const char *between = j->said.text[0] ? "\n" : "";
    if (stopped)
        jit_fail(error, "interrupted");
    else if (WIFSIGNALED(j->status))
        jit_fail(error, "%s was ended by signal %d: " REMEDY "%s%s", name, WTERMSIG(j->status), between, j->said.text);
    else if (WEXITSTATUS(j->status) != 0)
        jit_fail(error, "%s failed with status %d: " REMEDY "%s%s", name, WEXITSTATUS(j->status), between,
                 j->said.text);
    else if (!(handle = dlopen(j->object, RTLD_NOW | RTLD_LOCAL)))
        jit_fail(error, "cannot load what %s made: %s: " REMEDY, name, dlerror());
    else if (j->options.cache && !j->options.include_dir)
        keep(j);
    close_job(j);
    return handle;
}

void *cc_cached(const jit_options *o, const char *c_text)
{
    cache c;
    char *fault = NULL, *words = compiler();
    const char **command = cut(words);
    void *handle = NULL;
    if (command && !o->include_dir && cache_open(&c, CACHE_LOOK, &fault)) {
        cache_key k =
            cache_key_of(&c, &(compilation){.text = c_text, .command = command, .options = flags_of(o)}, false);
        handle = cache_load(&c, &k);
        cache_close(&c);
    }
    free(fault); /* said when something is put there */
    free(command);
    free(words);
    return handle;
}

/* Is the first word of $CC a program in the PATH? */
bool cc_available(void)
{
    char *words = compiler(), *rest, *at;
    const char **command = cut(words), *word = command ? command[0] : NULL, *path = getenv("PATH");
    char *folders = strdup(path ? path : "/bin:/usr/bin");
    bool found = word && strchr(word, '/') && access(word, X_OK) == 0;
    for (char *f = folders ? strtok_r(folders, ":", &rest) : NULL; f && word && !found; f = strtok_r(NULL, ":", &rest))
        if (!strchr(word, '/') && asprintf(&at, "%s/%s", f, word) >= 0) {
            found = access(at, X_OK) == 0;
            free(at);
        }
    free(folders);
    free(command);
    free(words);
    return found;
}
