/* main.c: rnnc COMMAND ...: finds the command, reads its options, calls it. */
#define _GNU_SOURCE 1
#include "driver/command.h"
#include "train/clock.h"
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int (*const functions[COMMAND_COUNT])(const options *) = {
#define COMMAND(name, ...) command_##name,
#include "driver/commands.def"
};

static int unknown_command(const char *word, const char *nearest)
{
    if (nearest)
        fprintf(stderr, "rnnc: there is no command '%s'; did you mean '%s'?\n", word, nearest);
    else
        fprintf(stderr, "rnnc: there is no command '%s'\n", word);
    fputs("usage: rnnc COMMAND ...; 'rnnc help' lists the commands\n", stderr);
    return EXIT_USAGE;
}

/* A command takes some megabytes in small pieces and touches all of it once. For pages of 4 KiB that is thousands of
 * faults, milliseconds of the way to the first update: so the heap begins large and asks for large pages. Both are
 * wishes. A large array still has a mapping of its own, which goes back when it is freed. */
static void prepare_heap(void)
{
#if defined M_TOP_PAD && defined MADV_HUGEPAGE
    enum { HEAP = 16 << 20, LARGE_PAGE = 2 << 20, LARGE_ARRAY = 4 << 20 };
    mallopt(M_TOP_PAD, HEAP);
    mallopt(M_MMAP_THRESHOLD, LARGE_ARRAY);
    void *volatile first = malloc(1); /* it begins; a compiler may leave out what is freed unused */
    free(first);
    uintptr_t end = (uintptr_t)sbrk(0) / LARGE_PAGE * LARGE_PAGE, from = end - HEAP + LARGE_PAGE;
    madvise((void *)from, end - from, MADV_HUGEPAGE);
#endif
}

/* Work that a signal has stopped ends of that signal, after saving: $? is then the same number, and a loop of a shell
 * around it ends as well. */
static void end_of_signal(int code)
{
    if (code <= EXIT_SIGNAL) return;
    fflush(NULL);
    signal(code - EXIT_SIGNAL, SIG_DFL);
    raise(code - EXIT_SIGNAL);
}

int main(int argc, char **argv)
{
    const double started = clock_seconds();
    prepare_heap();
    signal(SIGXFSZ, SIG_IGN); /* a file beyond the limit is an error like any other, see train/atomic.h */
    const char *word = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        fputs("usage: rnnc COMMAND ...; 'rnnc help' lists the commands\n", stderr);
        return EXIT_USAGE;
    }
    if (strcmp(word, "--version") == 0) {
        puts("rnnc " RNNC_VERSION);
        return command_finish(EXIT_SUCCESS);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) word = "help";
    command c;
    const char *nearest;
    if (!command_find(word, &c, &nearest)) return unknown_command(word, nearest);
    arena *a = arena_new();
    options o;
    int code = options_read(&o, a, c, argc, argv);
    o.started = started;
    if (code == 0 && o.value[OPTION_HELP].given) {
        options_help_command(stdout, c);
        code = command_finish(EXIT_SUCCESS);
    } else if (code == 0) {
        code = functions[c](&o);
    }
    arena_free(a);
    end_of_signal(code);
    return code;
}
