/* main.c: rnnc COMMAND ...: finds the command, reads its options, calls it. */
#define _GNU_SOURCE 1
#include "driver/command.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int (*const functions[COMMAND_COUNT])(const options *) = {
#define COMMAND(name, ...) command_##name,
#include "driver/commands.def"
#undef COMMAND
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

int main(int argc, char **argv)
{
    const double started = command_seconds();
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
    return code;
}
