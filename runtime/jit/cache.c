/* cache.c: a folder of shared objects; see cache.h.
 *
 * A key is a hash of 128 bits over the text, the compiler (its words, and for each that is a program the path, size and
 * time of change of its file; its --version), the options and what /proc/cpuinfo says of the processor. Asking the
 * compiler for its version takes longer than all the rest, so that is done after a compilation only: the answer is
 * noted in the folder, under the identity of the compiler's files, and the keys that are looked for are made with
 * it. */
#define _GNU_SOURCE 1
#include "jit/cache.h"
#include "jit/message.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LIMIT_MIB = 256,       /* of all entries together */
    OBJECT_MAX = 64 << 20, /* bytes of an entry */
    VERSION_MAX = 1 << 12, /* bytes of what --version prints */
    CPU_MAX = 1 << 13,     /* bytes of /proc/cpuinfo */
    STALE_SECONDS = 600    /* a temporary file this old has lost its writer */
};

extern char **environ;

static const char entry_end[] = ".so", version_end[] = ".version", temporary_end[] = ".tmp";

/* What stands after the object in an entry. */
typedef struct trailer {
    char magic[8];
    uint64_t bytes, checksum;
} trailer;
static const char trailer_magic[8] = "rnnc so";

/* ---- hashes ------------------------------------------------------------------------------------------------------ */

typedef struct hash {
    uint64_t a, b;
} hash;

static const hash hash_start = {0xCBF29CE484222325u, 0x9E3779B97F4A7C15u};

/* FNV-1a, and the same with another prime and a rotation. */
static void mix(hash *h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++) {
        h->a = (h->a ^ p[i]) * 0x100000001B3u;
        h->b = (h->b << 23 | h->b >> 41) * 0xD6E8FEB86659FD93u + p[i];
    }
}

static void mix_text(hash *h, const char *text) { mix(h, text, strlen(text) + 1); }

/* ---- the folder -------------------------------------------------------------------------------------------------- */

/* Malloc'ed; NULL: none is wanted, or nobody says where the user's files are. */
static char *folder_wanted(void)
{
    const char *own = getenv("RNNC_CACHE"), *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path;
    if (own && (!*own || strcmp(own, "off") == 0)) return NULL;
    if (own) return strdup(own);
    if (caches && caches[0] == '/') return asprintf(&path, "%s/rnnc", caches) < 0 ? NULL : path;
    if (!home || !*home) return NULL;
    return asprintf(&path, "%s/.cache/rnnc", home) < 0 ? NULL : path;
}

static bool make_folders(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        int fault = mkdir(path, 0700) != 0 && errno != EEXIST ? errno : 0;
        *at = '/';
        if (fault) return errno = fault, false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool cache_open(cache *c, cache_use use, char **fault)
{
    struct stat s;
    *fault = NULL;
    *c = (cache){.folder = folder_wanted(), .limit = (uint64_t)LIMIT_MIB << 20};
    const char *mib = getenv("RNNC_CACHE_MIB");
    if (mib && *mib >= '0' && *mib <= '9') c->limit = (uint64_t)strtoul(mib, NULL, 10) << 20;
    if (!c->folder) return false;
    if (use == CACHE_USE && !make_folders(c->folder))
        jit_fail(fault, "the cache %s cannot be made: %s", c->folder, strerror(errno));
    else if (stat(c->folder, &s) != 0)
        jit_fail(fault, "the cache %s cannot be read: %s", c->folder, strerror(errno));
    else if (!S_ISDIR(s.st_mode))
        jit_fail(fault, "the cache %s is not a folder", c->folder);
    else if (s.st_uid != geteuid() || s.st_mode & (S_IWGRP | S_IWOTH))
        jit_fail(fault, "the cache %s can be written by others and is not used: chmod go-w, or set RNNC_CACHE",
                 c->folder);
    else
        return true;
    cache_close(c);
    return false;
}

void cache_close(cache *c)
{
    free(c->folder);
    c->folder = NULL;
}

/* "FOLDER/NAMEEND", malloc'ed. */
static char *path_of(const cache *c, const char *name, const char *end)
{
    char *path;
    return asprintf(&path, "%s/%s%s", c->folder, name, end) < 0 ? NULL : path;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* The whole of it, malloc'ed and NUL-terminated, at most `most` bytes. NULL: it cannot be read or is larger. */
static char *read_all(int fd, size_t most, size_t *length)
{
    size_t room = 1 << 14, n = 0;
    char *bytes = malloc(room + 1);
    ssize_t k = 0;
    while (bytes && n <= most && ((k = read(fd, bytes + n, room - n)) > 0 || (k < 0 && errno == EINTR))) {
        if (k < 0) continue;
        n += (size_t)k;
        if (n < room) continue;
        char *more = realloc(bytes, (room *= 2) + 1);
        if (!more) free(bytes);
        bytes = more;
    }
    if (bytes && (k < 0 || n > most)) {
        free(bytes);
        return NULL;
    }
    if (bytes) bytes[n] = '\0';
    *length = n;
    return bytes;
}

static char *read_path(const char *path, size_t most, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = fd < 0 ? NULL : read_all(fd, most, length);
    if (fd >= 0) close(fd);
    return bytes;
}

/* The first bytes that one read gives: /proc has a processor for each core, and one is enough. */
static size_t read_some(const char *path, char *to, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, to, room - 1);
    if (fd >= 0) close(fd);
    to[n < 0 ? 0 : n] = '\0';
    return n < 0 ? 0 : (size_t)n;
}

/* Two pieces as a file that appears whole. 0, or an errno. */
static int write_whole(const char *path, const void *first, size_t first_bytes, const void *second, size_t second_bytes)
{
    char *temporary;
    static const mode_t own = 0600;
    if (asprintf(&temporary, "%s.%ld%s", path, (long)getpid(), temporary_end) < 0) return ENOMEM;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, own), fault = fd < 0 ? errno : 0;
    const void *piece[] = {first, second};
    size_t bytes[] = {first_bytes, second_bytes};
    for (int i = 0; i < 2; i++)
        for (size_t at = 0; !fault && at < bytes[i];) {
            ssize_t n = write(fd, (const char *)piece[i] + at, bytes[i] - at);
            if (n < 0 && errno != EINTR) fault = errno;
            if (n > 0) at += (size_t)n;
        }
    if (fd >= 0 && close(fd) != 0 && !fault) fault = errno;
    if (!fault && rename(temporary, path) != 0) fault = errno;
    if (fault && fd >= 0) unlink(temporary);
    free(temporary);
    return fault;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* Lines of the first processor that do not change from moment to moment. */
static void mix_processor(hash *h)
{
    static const char *const keys[] = {"vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU "};
    char text[CPU_MAX], *rest;
    read_some("/proc/cpuinfo", text, sizeof text);
    char *end = strstr(text, "\n\n");
    if (end) *end = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (strncmp(line, keys[i], strlen(keys[i])) == 0) mix_text(h, line);
}

/* The file that the word of a command runs, malloc'ed; NULL: none. */
static char *program_of(const char *word)
{
    const char *path = getenv("PATH");
    char *folders = strdup(path ? path : "/bin:/usr/bin"), *rest, *at, *found = NULL;
    if (strchr(word, '/')) found = access(word, X_OK) == 0 ? realpath(word, NULL) : NULL;
    for (char *f = folders ? strtok_r(folders, ":", &rest) : NULL; f && !found && !strchr(word, '/');
         f = strtok_r(NULL, ":", &rest)) {
        if (asprintf(&at, "%s/%s", f, word) < 0) break;
        if (access(at, X_OK) == 0) found = realpath(at, NULL);
        free(at);
    }
    free(folders);
    return found;
}

/* The words, and the files of those that are programs: `ccache gcc` has two. */
static void mix_command(hash *h, const char *const *command)
{
    for (size_t i = 0; command[i]; i++) {
        struct stat s;
        char *path = command[i][0] == '-' ? NULL : program_of(command[i]);
        mix_text(h, command[i]);
        if (path && stat(path, &s) == 0 && S_ISREG(s.st_mode)) {
            int64_t of_file[] = {s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
            mix_text(h, path);
            mix(h, of_file, sizeof of_file);
        }
        free(path);
    }
}

/* What COMMAND --version prints, malloc'ed; NULL: it cannot be run. */
static char *run_version(const char *const *command)
{
    size_t count = 0, length;
    int ends[2];
    pid_t pid;
    while (command[count]) count++;
    const char **argv = calloc(count + 2, sizeof *argv);
    if (!argv || pipe2(ends, O_CLOEXEC) != 0) return free(argv), NULL;
    for (size_t i = 0; i < count; i++) argv[i] = command[i];
    argv[count] = "--version";
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    int fault = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!fault) fault = posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    if (!fault) fault = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!fault) fault = posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    char *said = fault ? NULL : read_all(ends[0], VERSION_MAX, &length);
    close(ends[0]);
    while (!fault && waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    free(argv);
    return said;
}

static void print_hash(char text[33], hash h) { snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, h.a, h.b); }

/* As it is noted, or, with `ask`, as it is now. Malloc'ed; NULL: it is not known. */
static char *version_of(const cache *c, const char *const *command, hash identity, bool ask)
{
    char name[33];
    size_t length;
    print_hash(name, identity);
    char *path = path_of(c, name, version_end);
    char *noted = path ? read_path(path, VERSION_MAX, &length) : NULL, *version = ask ? run_version(command) : NULL;
    if (path && version && (!noted || strcmp(noted, version) != 0))
        write_whole(path, version, strlen(version), NULL, 0);
    free(path);
    if (!version) return noted;
    free(noted);
    return version;
}

cache_key cache_key_of(const cache *c, const compilation *of, bool ask)
{
    cache_key k = {0};
    hash h = hash_start;
    mix_command(&h, of->command);
    char *version = version_of(c, of->command, h, ask);
    if (!version) return k;
    mix_text(&h, version);
    free(version);
    for (size_t i = 0; of->options[i]; i++) mix_text(&h, of->options[i]);
    mix_processor(&h);
    mix_text(&h, of->text);
    print_hash(k.text, h);
    k.known = true;
    return k;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

static uint64_t checksum(const cache_key *k, const void *bytes, size_t n)
{
    hash h = hash_start;
    mix_text(&h, k->text);
    mix(&h, bytes, n);
    return h.a ^ h.b;
}

static bool is_whole(const cache_key *k, const char *bytes, size_t n)
{
    trailer t;
    if (n < sizeof t) return false;
    memcpy(&t, bytes + n - sizeof t, sizeof t);
    return memcmp(t.magic, trailer_magic, sizeof t.magic) == 0 && t.bytes == n - sizeof t &&
           t.checksum == checksum(k, bytes, n - sizeof t);
}

void *cache_load(const cache *c, const cache_key *k)
{
    char *path = k->known ? path_of(c, k->text, entry_end) : NULL;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    void *handle = NULL;
    if (fd >= 0) {
        size_t n = 0;
        char *bytes = read_all(fd, OBJECT_MAX, &n);
        bool whole = bytes && is_whole(k, bytes, n);
        free(bytes);
        if (whole) handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle)
            futimens(fd, NULL); /* used now: the time of change says which has waited for longest */
        else
            unlink(path);
        close(fd);
    }
    free(path);
    return handle;
}

typedef struct file {
    char name[NAME_MAX + 1];
    uint64_t bytes;
    struct timespec used;
} file;

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

/* All entries, malloc'ed. Removes what writers that were killed have left. */
static file *list(const cache *c, size_t *count)
{
    file *all = NULL;
    size_t room = 0;
    *count = 0;
    DIR *d = opendir(c->folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat s;
        if (fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode)) continue;
        if (ends_in(e->d_name, temporary_end) && time(NULL) - s.st_mtime > STALE_SECONDS)
            unlinkat(dirfd(d), e->d_name, 0);
        if (!ends_in(e->d_name, entry_end)) continue;
        if (*count == room) {
            file *more = realloc(all, (room = 2 * room + 64) * sizeof *all);
            if (!more) break;
            all = more;
        }
        snprintf(all[*count].name, sizeof all->name, "%s", e->d_name);
        all[*count].bytes = (uint64_t)s.st_size;
        all[(*count)++].used = s.st_mtim;
    }
    if (d) closedir(d);
    return all;
}

static int latest_first(const void *a, const void *b)
{
    const struct timespec *x = &((const file *)a)->used, *y = &((const file *)b)->used;
    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? 1 : -1;
    return x->tv_nsec == y->tv_nsec ? 0 : x->tv_nsec < y->tv_nsec ? 1 : -1;
}

static cache_size remove_beyond(const cache *c, uint64_t limit)
{
    size_t count;
    uint64_t sum = 0;
    cache_size gone = {0};
    file *all = list(c, &count);
    if (count) qsort(all, count, sizeof *all, latest_first);
    for (size_t i = 0; i < count; i++) {
        sum += all[i].bytes;
        if (sum <= limit) continue;
        char *path = path_of(c, all[i].name, "");
        if (path && unlink(path) == 0) {
            gone.entries++;
            gone.bytes += all[i].bytes;
        }
        free(path);
    }
    free(all);
    return gone;
}

bool cache_store(const cache *c, const cache_key *k, const char *object, char **fault)
{
    size_t n = 0;
    char *bytes = read_path(object, OBJECT_MAX, &n), *path = path_of(c, k->text, entry_end);
    int failed = !bytes || !path ? ENOMEM : 0;
    if (!failed) {
        trailer t = {.bytes = n, .checksum = checksum(k, bytes, n)};
        memcpy(t.magic, trailer_magic, sizeof t.magic);
        failed = write_whole(path, bytes, n, &t, sizeof t);
    }
    free(bytes);
    free(path);
    if (!failed)
        remove_beyond(c, c->limit);
    else
        jit_fail(fault, "the cache %s cannot be written: %s", c->folder, strerror(failed));
    return !failed;
}

cache_size cache_measure(const cache *c)
{
    size_t count;
    cache_size size = {0};
    file *all = list(c, &count);
    for (size_t i = 0; i < count; i++) size.bytes += all[i].bytes;
    size.entries = count;
    free(all);
    return size;
}

cache_size cache_clear(const cache *c)
{
    DIR *d = opendir(c->folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (ends_in(e->d_name, version_end)) unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    return remove_beyond(c, 0);
}
