/* atomic.c: write to a temporary file, flush it, rename it, flush the folder; see atomic.h. */
#define _GNU_SOURCE 1
#include "train/atomic.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_TRIES = 1000 }; /* temporary names tried before giving up */

static const char temporary_start[] = ".rnnc-", temporary_end[] = ".tmp";

void atomic_fail(atomic_file *f, int fault)
{
    if (!f->fault) f->fault = fault;
}

/* The folder's part of a path with its last slash: "a/b" gives 2, "b" gives 0. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0;
}

/* Removes a temporary file whose writer was killed. The writer of one holds its lock until the file has its own name,
 * so a lock that can be had means that nobody writes any more; the name may have passed to another file meanwhile. */
static void remove_stale(int folder, const char *name)
{
    struct stat opened, named;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    if (fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) && opened.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        named.st_ino == opened.st_ino && named.st_dev == opened.st_dev)
        unlinkat(folder, name, 0);
    close(fd);
}

/* What writers that were killed have left in the target's folder. Failures are none: nothing depends on it. */
static void remove_all_stale(const atomic_file *f)
{
    const size_t start = sizeof temporary_start - 1, end = sizeof temporary_end - 1;
    int n = folder_length(f->target);
    char *path = n ? strndup(f->target, (size_t)n) : strdup(".");
    DIR *folder = path ? opendir(path) : NULL;
    for (const struct dirent *e; folder && (e = readdir(folder));) {
        size_t length = strlen(e->d_name);
        if (length > start + end && strncmp(e->d_name, temporary_start, start) == 0 &&
            strcmp(e->d_name + length - end, temporary_end) == 0)
            remove_stale(dirfd(folder), e->d_name);
    }
    if (folder) closedir(folder);
    free(path);
}

/* Takes the lock that says that a writer lives; false: who cleans up was faster, and has removed the file. */
static bool lock_temporary(int fd)
{
    struct stat s;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK; /* a file system without locks */
    return fstat(fd, &s) == 0 && s.st_nlink > 0;
}

/* Of try i. False: no memory. */
static bool name_temporary(atomic_file *f, int i)
{
    if (asprintf(&f->temp, "%.*s%s%ld-%d%s", folder_length(f->target), f->target, temporary_start, (long)getpid(), i,
                 temporary_end) >= 0)
        return true;
    f->temp = NULL;
    atomic_fail(f, ENOMEM);
    return false;
}

static void forget_temporary(atomic_file *f)
{
    free(f->temp);
    f->temp = NULL;
}

/* A file without a name is gone with its writer, however that ends. Not every file system has them, and a name is
 * given later through /proc. */
static bool open_nameless(atomic_file *f)
{
#ifdef O_TMPFILE
    int n = folder_length(f->target);
    char *folder = n ? strndup(f->target, (size_t)n) : strdup(".");
    if (folder && access("/proc/self/fd", X_OK) == 0) f->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    free(folder);
    if (f->fd >= 0) flock(f->fd, LOCK_EX | LOCK_NB);
#endif
    return f->nameless = f->fd >= 0;
}

static void open_temporary(atomic_file *f)
{
    remove_all_stale(f);
    if (open_nameless(f)) return;
    for (int i = 0; i < NAME_TRIES; i++) {
        if (!name_temporary(f, i)) return;
        f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd >= 0 && lock_temporary(f->fd)) return;
        int fault = f->fd >= 0 ? EEXIST : errno;
        if (f->fd >= 0) close(f->fd);
        f->fd = -1;
        forget_temporary(f);
        if (fault != EEXIST) {
            atomic_fail(f, fault);
            return;
        }
    }
    atomic_fail(f, EEXIST);
}

/* The name of a moment, from which the file takes the place of its target: a link cannot replace one. */
static void link_temporary(atomic_file *f)
{
    char file[32];
    snprintf(file, sizeof file, "/proc/self/fd/%d", f->fd);
    for (int i = 0; i < NAME_TRIES; i++) {
        if (!name_temporary(f, i) || linkat(AT_FDCWD, file, AT_FDCWD, f->temp, AT_SYMLINK_FOLLOW) == 0) return;
        int fault = errno;
        forget_temporary(f);
        if (fault != EEXIST) {
            atomic_fail(f, fault);
            return;
        }
    }
    atomic_fail(f, EEXIST);
}

void atomic_begin(atomic_file *f, const char *path)
{
    struct stat s;
    *f = (atomic_file){.fd = -1};
    bool exists = stat(path, &s) == 0;
    f->target = exists ? realpath(path, NULL) : strdup(path);
    if (!f->target)
        atomic_fail(f, errno);
    else if (exists && S_ISDIR(s.st_mode))
        atomic_fail(f, EISDIR);
    else if (exists && !S_ISREG(s.st_mode)) {
        f->fd = open(path, O_WRONLY | O_CLOEXEC);
        if (f->fd < 0) atomic_fail(f, errno);
    } else {
        open_temporary(f);
        if (exists && f->fd >= 0 && fchmod(f->fd, s.st_mode & 07777) != 0) atomic_fail(f, errno);
    }
}

void atomic_write(atomic_file *f, const void *data, size_t n)
{
    const char *p = data;
    while (n && !f->fault) {
        ssize_t k = write(f->fd, p, n);
        if (k < 0 && errno != EINTR) atomic_fail(f, errno);
        if (k <= 0) continue;
        p += k;
        n -= (size_t)k;
    }
}

/* The new name itself must reach the disk. A folder that cannot be opened or flushed at all is no failure. */
static void flush_folder(atomic_file *f)
{
    int n = folder_length(f->target);
    if (n) f->target[n] = '\0';
    int fd = open(n ? f->target : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    if (fsync(fd) != 0 && errno != EINVAL) atomic_fail(f, errno);
    close(fd);
}

int atomic_commit(atomic_file *f)
{
    if (!f->fault && (f->temp || f->nameless) && fsync(f->fd) != 0) atomic_fail(f, errno);
    if (!f->fault && f->nameless) link_temporary(f);
    if (!f->fault && f->temp) { /* before it is closed, and with that unlocked */
        if (rename(f->temp, f->target) != 0)
            atomic_fail(f, errno);
        else {
            forget_temporary(f);
            flush_folder(f);
        }
    }
    if (f->temp) unlink(f->temp);
    if (f->fd >= 0 && close(f->fd) != 0) atomic_fail(f, errno);
    free(f->temp);
    free(f->target);
    int fault = f->fault;
    *f = (atomic_file){.fd = -1, .fault = fault};
    return fault;
}
