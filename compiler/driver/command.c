/* command.c: what the commands share: faults that have no place in a spec, messages that have one, files. */
#define _GNU_SOURCE 1
#include "driver/command.h"
#include "kernels/codes.h"
#include "train/atomic.h"
#include "train/checkpoint.h"
#include "train/clock.h"
#include "train/metrics.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

int command_unread(const tensors *t)
{
    return command_fault(tensors_lack_memory(t) ? EXIT_SYSTEM : EXIT_SPEC, "%s", t->error);
}

int command_measured(int code)
{
    if (code == METER_NO_MEMORY) return command_fault(EXIT_SYSTEM, "out of memory");
    return code ? command_fault(EXIT_SYSTEM, "the generated code refuses a batch: %s", rnn_strerror(code)) : 0;
}

void command_notice(const char *line) { fprintf(stderr, "rnnc: note: %s\n", line); }

int command_open(pipeline *p, arena *a, const pipeline_options *o)
{
    const char *fault = pipeline_read(p, a, o);
    if (!fault) return 0;
    return command_fault(p->length > SOURCE_MAX_BYTES ? EXIT_SPEC : EXIT_SYSTEM, "%s", fault);
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

/* ---- files that must differ -------------------------------------------------------------------------------------- */

/* The same name, or two names of one file: links, other ways to write a path. Devices take whatever is written. */
static bool same_file(const char *a, const char *b)
{
    struct stat s, t;
    bool there = stat(a, &s) == 0;
    if (there && !S_ISREG(s.st_mode)) return false;
    if (strcmp(a, b) == 0) return true;
    return there && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

typedef ARRAY(command_file) file_list;

static void add_file(const options *o, file_list *l, const char *what, const char *path)
{
    if (path) array_push(o->arena, l, (command_file){what, path});
}

int command_distinct(const options *o, const command_file *also, size_t count)
{
    file_list read = {0}, written = {0};
    for (size_t i = 0; i < o->operands.len; i++) add_file(o, &read, options_operand(o), o->operands.data[i]);
    for (size_t i = 0; i < count; i++) add_file(o, &written, also[i].what, also[i].path);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *what = arena_printf(o->arena, "--%s", options_name((option_id)i));
        if (options_is_read((option_id)i)) add_file(o, &read, what, o->value[i].text);
        if (options_is_written((option_id)i)) add_file(o, &written, what, o->value[i].text);
    }
    for (size_t i = 0; i < written.len; i++) {
        const command_file *w = &written.data[i];
        for (size_t k = 0; k < read.len; k++)
            if (same_file(w->path, read.data[k].path))
                return options_fault(o, "%s and %s name the same file, which would be overwritten: %s", w->what,
                                     read.data[k].what, w->path);
        for (size_t k = 0; k < i; k++)
            if (same_file(w->path, written.data[k].path))
                return options_fault(o, "%s and %s name the same file: %s", written.data[k].what, w->what, w->path);
    }
    return 0;
}

int command_can_write_files(const options *o)
{
    int code = 0;
    for (int i = 0; !code && i < OPTION_COUNT; i++)
        if (options_is_written((option_id)i) && o->value[i].given) code = command_can_write(o->value[i].text);
    return code;
}

/* ---- the spec ---------------------------------------------------------------------------------------------------- */

void command_print_stand_ins(const model *m)
{
    int found = 0;
    for (size_t i = 0; i < m->sizes.len; i++) {
        const model_size *z = m->sizes.data[i];
        if (!z->from_data) continue;
        printf("%s%s = %g", found++ ? ", " : "", z->word, z->value);
    }
    if (found) printf(" %s in for what comes from data; -D sets it\n", found > 1 ? "stand" : "stands");
}

pipeline_options command_pipeline(const options *o, const char *path)
{
    pipeline_options p = {.path = path, .model = o->value[OPTION_MODEL].text};
    p.defines = ARENA_ARRAY(o->arena, model_define, o->defines.len + 1);
    for (size_t i = 0; i < o->defines.len; i++) {
        const char *define = o->defines.data[i];
        size_t n = strcspn(define, "=");
        p.defines[i] = (model_define){arena_strndup(o->arena, define, n), define + n + 1, false};
    }
    p.define_count = o->defines.len;
    p.emit = (emit_options){.batch = 1, .unroll = 1, .threads = (int)o->value[OPTION_THREADS].number};
    p.passed = command_stage;
    p.passed_context = o;
    const option_value *k = &o->value[OPTION_CHECKPOINT];
    if (k->given) p.emit.segment = k->number == OPTIONS_AUTO ? 1 : (int)k->number; /* 1: until command_root */
    return p;
}

int command_root(const options *o, pipeline *p, size_t steps)
{
    const option_value *k = &o->value[OPTION_CHECKPOINT];
    if (!k->given || k->number != OPTIONS_AUTO) return 0;
    int given[MAX_TIME_AXES + 1];
    graph_axis axes[MAX_TIME_AXES + 1];
    const model *m = p->model;
    for (int i = 1; i <= m->axes; i++) axes[i] = (graph_axis){m->axis[i].letter, m->axis[i].length};
    int code = options_steps(o, axes, m->axes, given);
    if (code) return code;
    if (m->axes && given[1]) steps = (size_t)given[1];
    if (!steps) return options_fault(o, "--checkpoint auto needs --steps: how long sequences are");
    p->options.emit.segment = (int)lround(sqrt((double)steps));
    return 0;
}

int command_segments(const pipeline *p)
{
    if (p->options.emit.segment && !p->grad)
        return command_fault(EXIT_SPEC, "%s: --checkpoint is about the gradient, and there is none: leave it out",
                             p->options.path);
    if (!p->segments_forbidden) return 0;
    if (!p->segments_forbidden_by)
        return command_fault(EXIT_SPEC, "%s: --checkpoint cuts sequences of one time axis; the model has %s",
                             p->options.path, p->model->axes ? "several" : "none");
    static const char *const need[] = {
        [SEGMENTS_NEED_LATER] = "needs later steps; leave it out",
        [SEGMENTS_NEED_DATA] =
            "reads data ahead; give it those steps as another input, the same data shifted, or leave it out",
        [SEGMENTS_NEED_ALL] = "needs the whole of it on the way back; leave it out, or take sum, mean or last",
    };
    return command_fault(EXIT_SPEC, "%s: --checkpoint cannot cut the sequence: %s %s", p->options.path,
                         p->segments_forbidden_by, need[p->segments_need]);
}

/* Is a size or cell of this name (`length` characters) defined? */
static bool is_defined(const pipeline_options *po, const char *word, size_t length)
{
    for (size_t i = 0; i < po->define_count; i++)
        if (strlen(po->defines[i].word) == length && strncmp(po->defines[i].word, word, length) == 0) return true;
    return false;
}

void command_define(arena *a, pipeline_options *po, const char *definitions, bool optional)
{
    size_t most = po->define_count + strlen(definitions) / 2 + 1, count = po->define_count;
    model_define *all = ARENA_ARRAY(a, model_define, most);
    for (size_t i = 0; i < count; i++) all[i] = po->defines[i];
    for (const char *at = definitions; *(at += strspn(at, " "));) {
        size_t n = strcspn(at, " "), word = strcspn(at, "= ");
        if (word < n && !is_defined(po, at, word))
            all[count++] =
                (model_define){arena_strndup(a, at, word), arena_strndup(a, at + word + 1, n - word - 1), optional};
        at += n;
    }
    po->defines = all;
    po->define_count = count;
}

/* Files without metadata are weights, too; what is wrong with a file is said where it is read. */
void command_define_by_weights(const options *o, pipeline_options *po)
{
    checkpoint_words words;
    char *error = NULL;
    const char *path = o->value[OPTION_WEIGHTS].text;
    if (!path) return;
    bool good = checkpoint_peek(path, &words, &error);
    if (good && words.definitions) command_define(o->arena, po, words.definitions, true);
    checkpoint_words_free(&words);
    free(error);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* The clock since the start, and what the process has had of processors in all. */
void command_stage(const void *of, const char *what)
{
    const options *o = of;
    if (!o->value[OPTION_VERBOSE].given) return;
    printf("%9.2f ms %9.2f ms  %s\n", 1e3 * (clock_seconds() - o->started), 1e3 * clock_process_seconds(), what);
    fflush(stdout);
}

/* ---- compiling in memory ----------------------------------------------------------------------------------------- */

int command_lacks_compiler(void)
{
    return command_fault(EXIT_SYSTEM, "neither libtcc nor a C compiler is here; set CC");
}

int command_load(const options *o, loaded *l, arena *a, const pipeline *p, double work)
{
    jit_backend backend = (jit_backend)o->value[OPTION_JIT].number;
    const char *error;
    if (!o->value[OPTION_JIT].given && !loaded_backend(&backend, work)) return command_lacks_compiler();
    if (loaded_open(l, a, p, &(jit_options){COMMAND_JIT(backend)}, &error)) return 0;
    return command_fault(EXIT_SYSTEM, "%s", error);
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
