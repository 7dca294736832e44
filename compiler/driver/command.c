/* command.c: what the commands share: faults that have no place in a spec, messages that have one, files. */
#define _GNU_SOURCE 1
#include "driver/command.h"
#include "train/atomic.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int command_fault(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("rnnc: error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

int command_can_write(const char *path)
{
    atomic_file f;
    atomic_begin(&f, path);
    int fault = f.fault;
    atomic_fail(&f, ECANCELED);
    if (atomic_commit(&f) == ECANCELED && !fault) return 0;
    return command_fault(EXIT_SYSTEM, "%s: cannot be written: %s", path, strerror(fault));
}

int command_can_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return command_fault(EXIT_SYSTEM, "%s: cannot be read: %s", path, strerror(errno));
    bool failed = fgetc(f) == EOF && ferror(f);
    int fault = errno;
    fclose(f);
    if (failed) return command_fault(EXIT_SYSTEM, "%s: cannot be read: %s", path, strerror(fault));
    return 0;
}

pipeline_options command_pipeline(const options *o, const char *path)
{
    pipeline_options p = { .path = path, .model = o->value[OPTION_MODEL].text };
    p.defines = ARENA_ARRAY(o->arena, model_define, o->defines.len + 1);
    for (size_t i = 0; i < o->defines.len; i++) {
        const char *define = o->defines.data[i];
        size_t n = strcspn(define, "=");
        p.defines[i] = (model_define){ arena_strndup(o->arena, define, n), define + n + 1 };
    }
    p.define_count = o->defines.len;
    p.emit = (emit_options){ .batch = 1, .unroll = 1 };
    return p;
}

/* The words of --message-format and --color, in the order of options.def. */
enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum { FORMAT_TEXT, FORMAT_JSON };

void command_print_messages(const options *o, const pipeline *p)
{
    const char *no_color = getenv("NO_COLOR");
    bool plain = (no_color && *no_color) || !isatty(STDERR_FILENO);
    uint64_t color = o->value[OPTION_COLOR].number;
    diags_sort(p->diags);
    diag_print(p->diags, stderr, o->value[OPTION_FORMAT].number == FORMAT_JSON ? DIAG_JSON : DIAG_TEXT,
               color == COLOR_ALWAYS || (color == COLOR_AUTO && !plain));
}

int command_finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    return command_fault(EXIT_SYSTEM, "standard output cannot be written: %s", strerror(errno));
}
