/* jit_cache.c: tests of the cache of compiled objects, and of compilers that run beside the caller.
 *
 * The compiler is a script that writes a line into a log for each compilation, so that one can be told from a hit. */
#define _GNU_SOURCE 1
#include "jit/cache.h"
#include "jit/jit.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef int unary(int);

enum { PATH = 128, LONG_PATH = 1024 };
static char root[] = "/tmp/rnnc-cache-XXXXXX";
static char tmp[PATH], store[PATH], script[PATH], record[PATH];
static int notices;

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
}

/* A compiler of this version; `before` is done before it compiles. */
static void make_compiler(const char *version, const char *before)
{
    char text[512];
    snprintf(text, sizeof text,
             "#!/bin/sh\ncase $1 in --version) echo '%s'; exit;; esac\necho run >> %s\n%s\nexec cc \"$@\"\n", version,
             record, before);
    write_file(script, text, 0700);
}

static void set_up(void)
{
    strcpy(root + strlen(root) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(tmp, sizeof tmp, "%s/tmp", root);
    snprintf(store, sizeof store, "%s/a/cache", root);
    snprintf(script, sizeof script, "%s/cc.sh", root);
    snprintf(record, sizeof record, "%s/log", root);
    ck_assert(mkdir(tmp, 0700) == 0);
    setenv("TMPDIR", tmp, 1);
    setenv("RNNC_CACHE", store, 1);
    unsetenv("RNNC_CACHE_MIB");
    setenv("CC", script, 1);
    make_compiler("first", "");
    notices = 0;
}

static void tear_down(void)
{
    char command[PATH + 16];
    snprintf(command, sizeof command, "rm -rf %s", root);
    ck_assert(system(command) == 0);
}

static size_t entries(const char *folder, const char *end)
{
    DIR *d = opendir(folder);
    size_t count = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name), m = strlen(end);
        count += e->d_name[0] != '.' && n >= m && strcmp(e->d_name + n - m, end) == 0;
    }
    if (d) closedir(d);
    return count;
}

/* The path of the one entry. */
static void entry_path(char *path, size_t room)
{
    DIR *d = opendir(store);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strlen(e->d_name) > 3 && strcmp(e->d_name + strlen(e->d_name) - 3, ".so") == 0)
            snprintf(path, room, "%s/%s", store, e->d_name);
    closedir(d);
}

static size_t compilations(void)
{
    size_t count = 0;
    FILE *f = fopen(record, "r");
    for (int c; f && (c = fgetc(f)) != EOF;) count += c == '\n';
    if (f) fclose(f);
    return count;
}

static void on_notice(const char *line)
{
    notices++;
    ck_assert_ptr_nonnull(strstr(line, "the cache "));
    ck_assert_ptr_null(strchr(line, '\n'));
}

static const char *const quick[] = {"-O0", NULL}, *const other[] = {"-O1", NULL};

static jit_options caching(void)
{
    return (jit_options){.backend = JIT_CC, .cc_options = quick, .cache = true, .notice = on_notice};
}

/* Compiles with the cache, and holds the result against what it must be. */
static void compile(const jit_options *o, int add)
{
    char text[64], *error;
    snprintf(text, sizeof text, "int f(int x) { return x + %d; }", add);
    jit *j = jit_compile(o, text, &error);
    ck_assert_msg(j != NULL, "%s", error);
    void *p = jit_symbol(j, "f");
    unary *f;
    memcpy(&f, &p, sizeof f);
    ck_assert_int_eq(f(1), 1 + add);
    jit_free(j);
    ck_assert_uint_eq(entries(tmp, ""), 0);
    ck_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void compiles(const jit_options *o, int add, size_t times)
{
    size_t before = compilations();
    compile(o, add);
    ck_assert_uint_eq(compilations() - before, times);
}

START_TEST(the_second_time_is_a_hit)
{
    jit_options o = caching();
    compiles(&o, 1, 1);
    compiles(&o, 1, 0);
    compiles(&o, 2, 1); /* another text */
    o.cc_options = other;
    compiles(&o, 1, 1); /* other flags */
    compiles(&o, 1, 0);
    ck_assert_uint_eq(entries(store, ".so"), 3);
    o.cache = false;
    compiles(&o, 1, 1);
    ck_assert_ptr_null(jit_cached(&o, "int f(int x) { return x + 1; }"));
    ck_assert_int_eq(notices, 0);
}
END_TEST

START_TEST(another_compiler_is_another_entry)
{
    jit_options o = caching();
    compiles(&o, 1, 1);
    make_compiler("second", "");
    compiles(&o, 1, 1);
    compiles(&o, 1, 0);
    setenv("CC", "cc -DOTHER", 1);
    compile(&o, 1);
    ck_assert_uint_eq(entries(store, ".so"), 3);
    setenv("CC", script, 1);
    compiles(&o, 1, 0);
    struct timespec times[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    ck_assert(utimensat(AT_FDCWD, script, times, 0) == 0);
    compiles(&o, 1, 1); /* its file has changed */
    make_compiler("third!", "");
    ck_assert(utimensat(AT_FDCWD, script, times, 0) == 0); /* another version behind the same file: a wrapper */
    compiles(&o, 1, 0);
    compiles(&o, 2, 1); /* here it is noticed */
    compiles(&o, 1, 1);
}
END_TEST

/* Each byte of the entry counts; a short one, an empty one and one with more at its end are none. */
START_TEST(damaged_entries_are_made_anew)
{
    jit_options o = caching();
    struct stat s;
    char path[LONG_PATH];
    compiles(&o, 1, 1);
    entry_path(path, sizeof path);
    ck_assert(stat(path, &s) == 0);
    for (int i = 0; i < 12; i++) {
        off_t at = i < 9 ? s.st_size * i / 8 - (i == 8) : 0;
        char byte;
        int fd = open(path, O_RDWR);
        ck_assert(fd >= 0);
        if (i < 9)
            ck_assert(pread(fd, &byte, 1, at) == 1 && (byte ^= 4, pwrite(fd, &byte, 1, at) == 1));
        else if (i < 11)
            ck_assert(ftruncate(fd, i == 9 ? s.st_size / 2 : 0) == 0);
        else
            ck_assert(pwrite(fd, "x", 1, s.st_size) == 1);
        close(fd);
        compiles(&o, 1, 1);
        compiles(&o, 1, 0);
    }
    /* The entry of another text, whole as it is. */
    char second[LONG_PATH + 8];
    snprintf(second, sizeof second, "%s.kept", path);
    ck_assert(rename(path, second) == 0);
    compiles(&o, 2, 1);
    entry_path(path, sizeof path);
    ck_assert(rename(second, path) == 0);
    compiles(&o, 2, 1);
    ck_assert_int_eq(notices, 0);
}
END_TEST

START_TEST(without_a_cache_it_goes_on)
{
    jit_options o = caching();
    char path[LONG_PATH];
    setenv("RNNC_CACHE", "off", 1);
    compiles(&o, 1, 1);
    compiles(&o, 1, 1);
    setenv("RNNC_CACHE", "", 1);
    compiles(&o, 1, 1);
    ck_assert_int_eq(notices, 0);
    snprintf(path, sizeof path, "%s/below", script); /* a file where a folder must be */
    setenv("RNNC_CACHE", path, 1);
    compiles(&o, 1, 1);
    ck_assert_int_eq(notices, 1);
    setenv("RNNC_CACHE", script, 1);
    compiles(&o, 1, 1);
    ck_assert_int_eq(notices, 2);
    ck_assert(mkdir(store, 0700) == 0 || errno == ENOENT);
    setenv("RNNC_CACHE", store, 1);
    compiles(&o, 1, 1);
    ck_assert(chmod(store, 0777) == 0); /* anybody could put code there */
    compiles(&o, 1, 1);
    ck_assert_int_eq(notices, 3);
    ck_assert(chmod(store, 0700) == 0);
    compiles(&o, 1, 0);
}
END_TEST

START_TEST(a_full_disk_costs_the_cache)
{
    jit_options o = caching();
    struct rlimit limit;
    struct stat s;
    char path[LONG_PATH];
    compiles(&o, 1, 1);
    entry_path(path, sizeof path);
    ck_assert(stat(path, &s) == 0 && unlink(path) == 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)s.st_size - 1; /* the object has room, the entry lacks a byte */
    ck_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    compiles(&o, 1, 1);
    ck_assert_int_eq(notices, 1);
    ck_assert_uint_eq(entries(store, ".so") + entries(store, ".tmp"), 0);
}
END_TEST

START_TEST(the_folder_is_found)
{
    cache c;
    char *fault, path[LONG_PATH];
    unsetenv("RNNC_CACHE");
    setenv("HOME", root, 1);
    setenv("XDG_CACHE_HOME", tmp, 1);
    ck_assert(cache_open(&c, CACHE_USE, &fault));
    snprintf(path, sizeof path, "%s/rnnc", tmp);
    ck_assert_str_eq(c.folder, path);
    cache_close(&c);
    unsetenv("XDG_CACHE_HOME");
    ck_assert(!cache_open(&c, CACHE_LOOK, &fault) && strstr(fault, "cannot be read"));
    free(fault);
    ck_assert(cache_open(&c, CACHE_USE, &fault));
    snprintf(path, sizeof path, "%s/.cache/rnnc", root);
    ck_assert_str_eq(c.folder, path);
    cache_close(&c);
    unsetenv("HOME");
    ck_assert(!cache_open(&c, CACHE_USE, &fault) && !fault);
}
END_TEST

/* What was used last stays, within the limit. */
START_TEST(the_oldest_go)
{
    cache c;
    char *fault = NULL, text[1024];
    cache_key k[4] = {{true, "0"}, {true, "1"}, {true, "2"}, {true, "3"}};
    ck_assert(cache_open(&c, CACHE_USE, &fault));
    memset(text, 'x', sizeof text);
    text[1000] = '\0';
    write_file(record, text, 0600);
    c.limit = 3 * 1024 + 100; /* an entry has 1024 bytes: the text, its length, its checksum, a word */
    for (int i = 0; i < 3; i++) {
        char path[LONG_PATH];
        struct timespec times[] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        ck_assert(cache_store(&c, &k[i], record, &fault));
        snprintf(path, sizeof path, "%s/%d.so", store, i);
        ck_assert(utimensat(AT_FDCWD, path, times, 0) == 0);
    }
    cache_size size = cache_measure(&c);
    ck_assert(size.entries == 3 && size.bytes == 3 * 1024);
    ck_assert(cache_store(&c, &k[3], record, &fault));
    char first[LONG_PATH], second[LONG_PATH];
    snprintf(first, sizeof first, "%s/0.so", store);
    snprintf(second, sizeof second, "%s/1.so", store);
    ck_assert(access(first, F_OK) != 0 && access(second, F_OK) == 0);
    size = cache_clear(&c);
    ck_assert(size.entries == 3 && cache_measure(&c).entries == 0);
    cache_close(&c);
}
END_TEST

START_TEST(a_hit_counts_as_use)
{
    jit_options o = caching();
    struct stat s;
    char path[LONG_PATH];
    struct timespec times[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    compiles(&o, 1, 1);
    entry_path(path, sizeof path);
    ck_assert(utimensat(AT_FDCWD, path, times, 0) == 0);
    compiles(&o, 1, 0);
    ck_assert(stat(path, &s) == 0 && s.st_mtim.tv_sec > 1000);
    setenv("RNNC_CACHE_MIB", "0", 1);
    compiles(&o, 2, 1);
    ck_assert_uint_eq(entries(store, ".so"), 0);
}
END_TEST

START_TEST(processes_share_it)
{
    enum { PROCESSES = 6 };
    jit_options o = caching();
    pid_t pid[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        if ((pid[i] = fork()) == 0) {
            for (int k = 0; k < 3; k++) {
                char *error, text[64];
                snprintf(text, sizeof text, "int f(int x) { return x + %d; }", k);
                jit *j = jit_compile(&o, text, &error);
                void *p = j ? jit_symbol(j, "f") : NULL;
                unary *f;
                memcpy(&f, &p, sizeof f);
                if (!p || f(1) != 1 + k) _exit(1);
            }
            _exit(0);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert(waitpid(pid[i], &status, 0) == pid[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(entries(store, ".so"), 3);
    ck_assert_uint_eq(entries(store, ".tmp"), 0);
    ck_assert_uint_eq(entries(tmp, ""), 0);
    compiles(&o, 2, 0);
}
END_TEST

/* ---- beside the caller ------------------------------------------------------------------------------------------- */

static const char text_of_job[] = "int f(int x) { return x + 9; }";

START_TEST(a_job_ends)
{
    jit_options o = caching();
    const struct timespec pause = {.tv_nsec = 5000000};
    char *error;
    o.low_priority = true;
    jit_job *job = jit_start(&o, text_of_job, &error);
    ck_assert_msg(job != NULL, "%s", error);
    while (!jit_ended(job)) nanosleep(&pause, NULL);
    jit *j = jit_finish(job, &error);
    ck_assert_msg(j != NULL, "%s", error);
    jit_free(j);
    compiles(&o, 9, 0);
    j = jit_cached(&o, text_of_job);
    ck_assert_ptr_nonnull(j);
    jit_free(j);
    setenv("CC", "/bin/false", 1);
    job = jit_start(&o, text_of_job, &error);
    ck_assert_ptr_nonnull(job);
    ck_assert_ptr_null(jit_finish(job, &error));
    ck_assert_ptr_nonnull(strstr(error, "/bin/false failed with status 1"));
    free(error);
    setenv("CC", "no-such-compiler", 1);
    ck_assert_ptr_null(jit_start(&o, text_of_job, &error));
    free(error);
    ck_assert_uint_eq(entries(tmp, ""), 0);
}
END_TEST

/* How many processes run a command line that has the word? */
static int processes(const char *word)
{
    DIR *d = opendir("/proc");
    int count = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[PATH + 256], line[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        FILE *f = strtol(e->d_name, NULL, 10) > 0 ? fopen(path, "r") : NULL;
        size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
        if (f) fclose(f);
        for (size_t i = 0; i < n; i++) line[i] = line[i] ? line[i] : ' ';
        line[n] = '\0';
        count += strstr(line, word) != NULL;
    }
    closedir(d);
    return count;
}

static void wait_for_compiler(size_t runs)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    while (compilations() < runs || processes(" 98.7") == 0) nanosleep(&pause, NULL);
}

START_TEST(a_cancelled_job_leaves_nothing)
{
    jit_options o = caching();
    char *error;
    make_compiler("slow", "(while :; do : > $TMPDIR/x$RANDOM; done) & sleep 98.7 & wait");
    jit_job *job = jit_start(&o, text_of_job, &error);
    ck_assert_ptr_nonnull(job);
    wait_for_compiler(1);
    ck_assert(!jit_ended(job));
    jit_cancel(job);
    jit_cancel(NULL);
    ck_assert_uint_eq(entries(tmp, ""), 0);
    ck_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    for (int i = 0; processes(" 98.7") && i < 100; i++) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    ck_assert_int_eq(processes(" 98.7"), 0);
}
END_TEST

/* A process that a signal ends while it waits for the compiler takes that along, and its folder. */
START_TEST(a_signal_leaves_nothing)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    jit_options o = caching();
    make_compiler("slow", "sleep 98.7");
    pid_t pid = fork();
    if (pid == 0) {
        char *error;
        signal(signals[_i], SIG_DFL);
        jit_compile(&o, text_of_job, &error);
        _exit(0);
    }
    wait_for_compiler(1);
    int status;
    ck_assert(kill(pid, signals[_i]) == 0 && waitpid(pid, &status, 0) == pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == signals[_i]);
    ck_assert_uint_eq(entries(tmp, ""), 0);
    for (int i = 0; processes(" 98.7") && i < 100; i++) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    ck_assert_int_eq(processes(" 98.7"), 0);
}
END_TEST

START_TEST(what_was_killed_goes_with_the_next)
{
    jit_options o = caching();
    char left[LONG_PATH], young[LONG_PATH], foreign[LONG_PATH], inside[LONG_PATH + 8];
    struct timespec times[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    snprintf(left, sizeof left, "%s/rnnc-cc-abcdef", tmp);
    snprintf(young, sizeof young, "%s/rnnc-cc-ABCDEF", tmp);
    snprintf(foreign, sizeof foreign, "%s/rnnc-cc-abcdefg", tmp);
    snprintf(inside, sizeof inside, "%s/jit.c", left);
    ck_assert(mkdir(left, 0700) == 0 && mkdir(young, 0700) == 0 && mkdir(foreign, 0700) == 0);
    write_file(inside, "", 0600);
    ck_assert(utimensat(AT_FDCWD, left, times, 0) == 0 && utimensat(AT_FDCWD, foreign, times, 0) == 0);
    char *error;
    jit *j = jit_compile(&o, text_of_job, &error);
    ck_assert_msg(j != NULL, "%s", error);
    jit_free(j);
    ck_assert(access(left, F_OK) != 0 && access(young, F_OK) == 0 && access(foreign, F_OK) == 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("jit_cache");
    TCase *c = tcase_create("cache");
    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, the_second_time_is_a_hit);
    tcase_add_test(c, another_compiler_is_another_entry);
    tcase_add_test(c, damaged_entries_are_made_anew);
    tcase_add_test(c, without_a_cache_it_goes_on);
    tcase_add_test(c, a_full_disk_costs_the_cache);
    tcase_add_test(c, the_folder_is_found);
    tcase_add_test(c, the_oldest_go);
    tcase_add_test(c, a_hit_counts_as_use);
    tcase_add_test(c, processes_share_it);
    tcase_add_test(c, a_job_ends);
    tcase_add_test(c, a_cancelled_job_leaves_nothing);
    tcase_add_loop_test(c, a_signal_leaves_nothing, 0, 3);
    tcase_add_test(c, what_was_killed_goes_with_the_next);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
