/* jit.c: tests of both backends: what they compile, what they say when they cannot, and that they leave nothing. */
#define _GNU_SOURCE 1
#include "jit/jit.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int unary(int);

static char folder[] = "/tmp/rnnc-jit-XXXXXX";

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("TMPDIR", folder, 1);
}

static void remove_folder(void) { rmdir(folder); }

/* No file below TMPDIR and no child process, running or dead. */
static void assert_nothing_left(void)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));) ck_assert_msg(e->d_name[0] == '.', "%s was left", e->d_name);
    closedir(d);
    ck_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static jit *compile(jit_backend backend, const char *text, char **error)
{
    static const char *const quick[] = {"-O0", NULL};
    return jit_compile(&(jit_options){.backend = backend, .cc_options = quick}, text, error);
}

static unary *function(jit *j, const char *name)
{
    unary *f;
    void *p = jit_symbol(j, name);
    memcpy(&f, &p, sizeof f);
    return f;
}

static void assert_fails(jit_backend backend, const char *text, const char *why)
{
    char *error;
    ck_assert_ptr_null(compile(backend, text, &error));
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error, why) != NULL, "'%s' lacks '%s'", error, why);
    free(error);
    assert_nothing_left();
}

START_TEST(compiles_and_finds)
{
    char *error;
    jit *j = compile(_i, "#include <math.h>\nint base = 40; int f(int x) { return base + (int)sqrt(x); }", &error);
    ck_assert_msg(j != NULL, "%s", error);
    ck_assert_ptr_null(error);
    assert_nothing_left();
    jit *k = compile(_i, "int base = 7; int f(int x) { return base + x; }", &error);
    ck_assert_msg(k != NULL, "%s", error);
    ck_assert_int_eq(function(j, "f")(4), 42);
    ck_assert_int_eq(function(k, "f")(4), 11);
    *(int *)jit_symbol(j, "base") = 1;
    ck_assert_int_eq(function(j, "f")(4), 3);
    ck_assert_ptr_null(jit_symbol(j, "no_such_name"));
    jit_free(j);
    ck_assert_int_eq(function(k, "f")(5), 12);
    jit_free(k);
    jit_free(NULL);
}
END_TEST

START_TEST(errors_name_the_line)
{
    assert_fails(_i, "int ok;\n#line 8 \"char_lm.rnn\"\nint f( { return 1; }\n", "char_lm.rnn:8");
    assert_fails(_i, "int f(void) { return 1;", ":1");
    assert_fails(_i, "int no_such_function(int); int f(int x) { return no_such_function(x); }", "no_such_function");
}
END_TEST

START_TEST(include_folder_is_used)
{
    char path[64], *error;
    snprintf(path, sizeof path, "%s/rnn_test.h", folder);
    FILE *f = fopen(path, "w");
    ck_assert(f && fputs("enum { SEVEN = 7 };\n", f) >= 0 && fclose(f) == 0);
    const char *text = "#include \"rnn_test.h\"\nint f(int x) { return x * SEVEN; }";
    jit *j = jit_compile(&(jit_options){.backend = _i, .include_dir = folder}, text, &error);
    unlink(path);
    ck_assert_msg(j != NULL, "%s", error);
    ck_assert_int_eq(function(j, "f")(6), 42);
    jit_free(j);
    assert_fails(_i, text, "rnn_test.h");
}
END_TEST

static int host_function(int x) { return x + 100; }

START_TEST(imports_reach_the_host)
{
    char *error;
    unary *f = host_function;
    jit_import import = {.name = "kernel"};
    memcpy(&import.address, &f, sizeof f);
    jit_options o = {.backend = _i, .imports = &import, .import_count = 1};
    jit *j = jit_compile(&o, "int kernel(int); int f(int x) { return 2 * kernel(x); }", &error);
    if (_i == JIT_CC) {
        ck_assert(!j && strstr(error, "takes no imports"));
        free(error);
        return;
    }
    ck_assert_msg(j != NULL, "%s", error);
    ck_assert_int_eq(function(j, "f")(1), 202);
    jit_free(j);
}
END_TEST

static void *compile_many(void *backend)
{
    for (int i = 0; i < 3; i++) {
        char text[64], *error;
        int key = (int)(random() & 0xffff);
        snprintf(text, sizeof text, "int f(int x) { return x ^ %d; }", key);
        jit *j = compile(*(jit_backend *)backend, text, &error);
        bool ok = j && function(j, "f")(5) == (5 ^ key);
        jit_free(j);
        if (!ok) return error ? error : (char *)"a wrong result";
    }
    return NULL;
}

START_TEST(threads_may_compile_at_once)
{
    pthread_t threads[4];
    jit_backend backend = _i;
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, compile_many, &backend), 0);
    for (int i = 0; i < 4; i++) {
        void *fault;
        pthread_join(threads[i], &fault);
        ck_assert_msg(!fault, "%s", (char *)fault);
    }
    assert_nothing_left();
}
END_TEST

START_TEST(cc_is_found_by_the_environment)
{
    char *error;
    setenv("CC", "no-such-compiler -O1", 1);
    ck_assert(!jit_available(JIT_CC));
    assert_fails(JIT_CC, "int x;", "cannot run the C compiler 'no-such-compiler'");
    setenv("CC", "/bin/sh -c :", 1); /* succeeds and makes nothing */
    ck_assert(jit_available(JIT_CC));
    assert_fails(JIT_CC, "int x;", "cannot load what /bin/sh made");
    setenv("CC", "/bin/false", 1);
    assert_fails(JIT_CC, "int x;", "/bin/false failed with status 1: set CC to a C compiler that works");
    setenv("CC", " cc  -DSEVEN=7 ", 1);
    jit *j = compile(JIT_CC, "int f(int x) { return x + SEVEN; }", &error);
    ck_assert_msg(j != NULL, "%s", error);
    ck_assert_int_eq(function(j, "f")(1), 8);
    jit_free(j);
    unsetenv("CC");
    ck_assert(jit_available(JIT_CC));
    setenv("TMPDIR", "/no/such/folder", 1);
    assert_fails(JIT_CC, "int x;", "cannot make a folder in /no/such/folder");
}
END_TEST

START_TEST(full_disk_is_reported)
{
    struct rlimit limit;
    char *text = calloc(1, 100000);
    memset(text, ' ', 99999);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 50000;
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_fails(JIT_CC, text, "File too large");
    limit.rlim_cur = 500;
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_fails(JIT_CC, "int f(int x) { return x; }", "cc "); /* now the compiler cannot write */
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    free(text);
}
END_TEST

START_TEST(ignored_children_do_no_harm)
{
    char *error;
    signal(SIGCHLD, SIG_IGN);
    jit *j = jit_compile(&(jit_options){.backend = JIT_CC}, "int f(int x) { return x; }", &error);
    ck_assert_msg(j != NULL, "%s", error);
    jit_free(j);
    signal(SIGCHLD, SIG_DFL);
    assert_nothing_left();
}
END_TEST

START_TEST(much_is_said)
{
    char *error, *text = malloc(1 << 20), *p = text;
    for (int i = 0; i < 5000; i++) p += sprintf(p, "#warning %d\n", i);
    sprintf(p, "#error end\n");
    ck_assert_ptr_null(compile(_i, text, &error));
    ck_assert_ptr_nonnull(strstr(error, "warning"));
    ck_assert_uint_le(strlen(error), 20000);
    free(error);
    free(text);
    assert_nothing_left();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("jit");
    TCase *c = tcase_create("backends");
    int first = JIT_TCC;
    unsetenv("CC");
    if (!jit_available(JIT_TCC)) {
        puts("libtcc is not available: its tests are skipped");
        first = JIT_CC;
    }
    tcase_set_timeout(c, 120);
    tcase_add_unchecked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, compiles_and_finds, first, JIT_CC + 1);
    tcase_add_loop_test(c, errors_name_the_line, first, JIT_CC + 1);
    tcase_add_loop_test(c, include_folder_is_used, first, JIT_CC + 1);
    tcase_add_loop_test(c, imports_reach_the_host, first, JIT_CC + 1);
    tcase_add_loop_test(c, threads_may_compile_at_once, first, JIT_CC + 1);
    tcase_add_loop_test(c, much_is_said, first, JIT_CC + 1);
    tcase_add_test(c, cc_is_found_by_the_environment);
    tcase_add_test(c, full_disk_is_reported);
    tcase_add_test(c, ignored_children_do_no_harm);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
