/* check.c: rnnc check SPEC...: says what is wrong with specs and is quiet about the others; -v lists the parameters. */
#include "driver/command.h"
#include <stdlib.h>

enum { STAND_IN = 16 }; /* for sizes that come from data: a check sees none */

static int check_one(const options *o, const char *path)
{
    arena *a = arena_new();
    pipeline_options po = command_pipeline(o, path);
    po.data_size = STAND_IN;
    pipeline p;
    int code = command_open(&p, a, &po);
    if (!code) {
        code = pipeline_check(&p) ? EXIT_SUCCESS : EXIT_SPEC;
        command_print_messages(o, &p);
        if (code == EXIT_SUCCESS && o->value[OPTION_VERBOSE].given) {
            text *t = text_new(a);
            model_print_parameters(t, p.model);
            fputs(text_string(t), stdout);
            command_print_stand_ins(p.model);
        }
    }
    arena_free(a);
    return code;
}

/* The worst status of all: a file that cannot be read counts more than a spec that is wrong. */
int command_check(const options *o)
{
    int code = EXIT_SUCCESS;
    for (size_t i = 0; i < o->operands.len; i++) {
        int one = check_one(o, o->operands.data[i]);
        if (one > code) code = one;
    }
    return command_finish(code);
}
