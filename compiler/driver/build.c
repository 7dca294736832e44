/* build.c: rnnc build SPEC -o DIR: writes PREFIX.h and PREFIX.c, both or none; `-o -` prints them as one text. */
#define _GNU_SOURCE 1
#include "driver/command.h"
#include "train/atomic.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REAL_FLOAT, REAL_DOUBLE }; /* the words of --real */
enum { MATH_POLY, MATH_LIBM };    /* the words of --math */
enum { PREFIX_MAX = 100 };        /* characters of --prefix */
enum {
    UNROLL_MAX = 64,         /* largest factor */
    UNROLL_MAX_STEPS = 1024, /* most steps that `full` writes out */
    UNROLL_AUTO_STEPS = 8,   /* most fixed steps that `auto` writes out */
};

/* ---- options ----------------------------------------------------------------------------------------------------- */

static bool is_keyword(const char *word)
{
    static const char *const words[] = { "auto",    "break",  "case",     "char",   "const",    "continue", "default",
                                         "do",      "double", "else",     "enum",   "extern",   "float",    "for",
                                         "goto",    "if",     "inline",   "int",    "long",     "register", "restrict",
                                         "return",  "short",  "signed",   "sizeof", "static",   "struct",   "switch",
                                         "typedef", "union",  "unsigned", "void",   "volatile", "while" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0) return true;
    return false;
}

static int check_prefix(const options *o)
{
    const char *prefix = o->value[OPTION_PREFIX].text;
    if (!prefix) return 0;
    bool good = !isdigit((unsigned char)prefix[0]) && prefix[0] != '_' && !is_keyword(prefix);
    for (const char *c = prefix; *c; c++) good = good && (isalnum((unsigned char)*c) || *c == '_');
    if (good && strlen(prefix) <= PREFIX_MAX) return 0;
    return options_fault(o, "--prefix: expected a name that C allows, of at most %d letters, digits and _, found '%s'",
                         PREFIX_MAX, prefix);
}

/* Every time axis has a fixed number of steps. */
static bool steps_fixed(const emit_options *e, int axes, int most)
{
    for (int i = 1; i <= axes; i++)
        if (e->steps[i] == 0 || e->steps[i] > most) return false;
    return axes > 0;
}

static int read_unroll(const options *o, int axes, emit_options *e)
{
    const char *word = o->value[OPTION_UNROLL].text;
    e->unroll = 1;
    if (!word || strcmp(word, "auto") == 0) {
        if (steps_fixed(e, axes, UNROLL_AUTO_STEPS)) e->unroll = 0;
        return 0;
    }
    if (strcmp(word, "full") == 0) {
        if (!steps_fixed(e, axes, OPTIONS_MAX_STEPS))
            return options_fault(o, "--unroll full needs the number of steps: --steps N");
        if (!steps_fixed(e, axes, UNROLL_MAX_STEPS))
            return options_fault(o, "--unroll full: at most %d steps can be written out", UNROLL_MAX_STEPS);
        e->unroll = 0;
        return 0;
    }
    char *end;
    long n = strtol(word, &end, 10);
    if (*end || n < 1 || n > UNROLL_MAX)
        return options_fault(o, "--unroll: expected a whole number from 1 to %d, full or auto, found '%s'", UNROLL_MAX,
                             word);
    e->unroll = (int)n;
    return 0;
}

static void read_emit_options(const options *o, emit_options *e)
{
    e->prefix = o->value[OPTION_PREFIX].text;
    e->command = options_text(o);
    e->standalone = o->value[OPTION_STANDALONE].given;
    e->inference = o->value[OPTION_INFERENCE].given;
    e->math_libm = o->value[OPTION_MATH].number == MATH_LIBM;
    e->real_double = o->value[OPTION_REAL].number == REAL_DOUBLE;
    if (o->value[OPTION_BATCH].given) e->batch = (int)o->value[OPTION_BATCH].number;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int write_fault(const char *path, int fault)
{
    return command_fault(EXIT_SYSTEM, "%s: cannot be written: %s", path, strerror(fault));
}

/* Both files lie complete under other names before the first of them takes its place. */
static int write_pair(const char *header_path, const char *h_text, const char *source_path, const char *c_text)
{
    atomic_file h, c;
    atomic_begin(&h, header_path);
    atomic_begin(&c, source_path);
    atomic_write(&h, h_text, strlen(h_text));
    atomic_write(&c, c_text, strlen(c_text));
    const char *failed = h.fault ? header_path : source_path;
    int fault = h.fault ? h.fault : c.fault;
    if (fault) {
        atomic_fail(&h, ECANCELED);
        atomic_fail(&c, ECANCELED);
    }
    int header_fault = atomic_commit(&h);
    if (header_fault && !fault) {
        failed = header_path;
        fault = header_fault;
        atomic_fail(&c, ECANCELED);
    }
    int source_fault = atomic_commit(&c);
    if (source_fault && !fault) fault = source_fault;
    return fault ? write_fault(failed, fault) : 0;
}

static int write_files(arena *a, const char *folder, const emitted *c)
{
    bool made = mkdir(folder, 0777) == 0;
    if (!made && errno != EEXIST)
        return command_fault(EXIT_SYSTEM, "%s: cannot make this folder: %s", folder, strerror(errno));
    struct stat s;
    if (stat(folder, &s) != 0 || !S_ISDIR(s.st_mode)) return command_fault(EXIT_SYSTEM, "%s: is not a folder", folder);
    size_t n = strlen(folder);
    const char *slash = n && folder[n - 1] == '/' ? "" : "/";
    char *header_path = arena_printf(a, "%s%s%s", folder, slash, c->header_name);
    char *source_path = arena_strndup(a, header_path, strlen(header_path));
    source_path[strlen(source_path) - 1] = 'c';
    int code = write_pair(header_path, c->header, source_path, c->source);
    if (code && made) rmdir(folder);
    return code;
}

static int build(const options *o, arena *a)
{
    pipeline_options po = command_pipeline(o, o->operands.data[0]);
    po.purpose = FOR_BUILD;
    read_emit_options(o, &po.emit);
    pipeline p;
    int unread = command_open(&p, a, &po);
    if (unread) return unread;
    bool good = pipeline_check(&p);
    command_print_messages(o, &p);
    if (!good) return EXIT_SPEC;
    graph_axis axes[MAX_TIME_AXES + 1];
    for (int i = 0; i <= p.model->axes; i++) axes[i] = (graph_axis){ p.model->axis[i].letter, p.model->axis[i].length };
    int code = options_steps(o, axes, p.model->axes, p.options.emit.steps);
    if (!code) code = read_unroll(o, p.model->axes, &p.options.emit);
    if (code) return code;
    pipeline_compile(&p, (pipeline_dump){ 0 });
    const char *folder = o->value[OPTION_OUT].given ? o->value[OPTION_OUT].text : ".";
    if (strcmp(folder, "-") != 0) return write_files(a, folder, &p.c);
    fputs(pipeline_one_text(a, &p.c), stdout);
    return command_finish(EXIT_SUCCESS);
}

int command_build(const options *o)
{
    int code = check_prefix(o);
    if (code) return code;
    arena *a = arena_new();
    code = build(o, a);
    arena_free(a);
    return code;
}
