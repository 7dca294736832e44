/* build.c: rnnc build SPEC -o DIR: writes PREFIX.h and PREFIX.c, or with --weights what else holds the weights: all or
 * none; `-o -` prints them as one text. */
#define _GNU_SOURCE 1
#include "api/weights.h"
#include "driver/command.h"
#include "driver/outputs.h"
#include "driver/trainable.h"
#include "train/atomic.h"
#include "train/checkpoint.h"
#include "train/safetensors.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REAL_FLOAT, REAL_DOUBLE }; /* the words of --real */
enum { MATH_POLY, MATH_LIBM };    /* the words of --math */
enum { BITS_8, BITS_16 };         /* the words of --weights-bits */
enum { PREFIX_MAX = 100 };        /* characters of --prefix */
enum {
    UNROLL_MAX = 64,         /* largest factor */
    UNROLL_MAX_STEPS = 1024, /* most steps that `full` writes out */
    UNROLL_AUTO_STEPS = 8,   /* most fixed steps that `auto` writes out */
};

/* ---- options ----------------------------------------------------------------------------------------------------- */

static int check_prefix(const options *o)
{
    const char *prefix = o->value[OPTION_PREFIX].text;
    if (!prefix) return 0;
    bool good = !isdigit((unsigned char)prefix[0]) && prefix[0] != '_' && !c_is_keyword(prefix);
    for (const char *c = prefix; *c; c++) good = good && (isalnum((unsigned char)*c) || *c == '_');
    if (good && strlen(prefix) <= PREFIX_MAX) return 0;
    return options_fault(o, "--prefix: expected a name that C allows, of at most %d letters, digits and _, found '%s'",
                         PREFIX_MAX, prefix);
}

static int check_bits(const options *o)
{
    bool integers = o->value[OPTION_WEIGHTS_BITS].given;
    if (integers && !o->value[OPTION_WEIGHTS].given)
        return options_fault(o, "--weights-bits says how the weights are kept: it needs --weights W.safetensors");
    if (integers && o->value[OPTION_REAL].number == REAL_DOUBLE)
        return options_fault(o, "--weights-bits computes with floats: leave out --real double");
    if (integers && o->value[OPTION_THREADS].given)
        return options_fault(o, "--weights-bits: one thread computes products with integers; leave out --threads");
    if (o->value[OPTION_ROUNDED].given && !integers)
        return options_fault(o, "--rounded writes what --weights-bits makes of the weights: it needs that, 8 or 16");
    return command_distinct(o, NULL, 0);
}

static int check_weights(const options *o)
{
    bool to_stdout = o->value[OPTION_OUT].given && strcmp(o->value[OPTION_OUT].text, "-") == 0;
    if (!o->value[OPTION_WEIGHTS_AS].given) return 0;
    if (!o->value[OPTION_WEIGHTS].given)
        return options_fault(o, "--weights-as says where the weights go: it needs --weights W.safetensors");
    if (to_stdout && o->value[OPTION_WEIGHTS_AS].number != WEIGHTS_EMBEDDED)
        return options_fault(o, "--weights-as %s writes a file of its own: -o DIR", o->value[OPTION_WEIGHTS_AS].text);
    return 0;
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
    e->inference = o->value[OPTION_INFERENCE].given || o->value[OPTION_WEIGHTS].given;
    e->weights_as = (weights_as)o->value[OPTION_WEIGHTS_AS].number;
    if (o->value[OPTION_WEIGHTS_BITS].given) e->weights_bits = o->value[OPTION_WEIGHTS_BITS].number == BITS_8 ? 8 : 16;
    e->math_libm = o->value[OPTION_MATH].number == MATH_LIBM;
    e->real_double = o->value[OPTION_REAL].number == REAL_DOUBLE;
    if (o->value[OPTION_BATCH].given) e->batch = (int)o->value[OPTION_BATCH].number;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int write_fault(const char *path, int fault)
{
    return command_fault(EXIT_SYSTEM, "%s: cannot be written: %s", path, strerror(fault));
}

typedef struct new_file {
    const char *path;
    const void *bytes;
    size_t length;
    const char *mark; /* that every such file of rnnc begins with, see outputs.h */
} new_file;

enum { MOST_FILES = 3 };

/* Nothing is written over a file of somebody else, nor over another that the command line names. */
static int check_files(const options *o, const new_file *file, size_t count)
{
    command_file made[MOST_FILES];
    for (size_t i = 0; i < count; i++) {
        made[i] = (command_file){"what -o writes", file[i].path};
        if (outputs_is_foreign(file[i].path, file[i].mark))
            return command_fault(EXIT_SPEC,
                                 "%s: is there, and rnnc has not written it; remove it, or choose another folder (-o) "
                                 "or name (--prefix)",
                                 file[i].path);
    }
    return command_distinct(o, made, count);
}

/* All files lie complete under other names before the first of them takes its place. */
static int write_all(const new_file *file, size_t count)
{
    atomic_file f[MOST_FILES];
    size_t failed = count;
    int fault = 0;
    for (size_t i = 0; i < count; i++) {
        atomic_begin(&f[i], file[i].path);
        atomic_write(&f[i], file[i].bytes, file[i].length);
        if (!f[i].fault || fault) continue;
        failed = i;
        fault = f[i].fault;
    }
    for (size_t i = 0; i < count; i++) {
        if (fault) atomic_fail(&f[i], ECANCELED);
        int this_fault = atomic_commit(&f[i]);
        if (!this_fault || fault) continue;
        failed = i;
        fault = this_fault;
    }
    return fault ? write_fault(file[failed].path, fault) : 0;
}

/* The file of weights again, with its notes, of numbers that the C has. */
static int write_rounded(const options *o, const pipeline *p, const tensors *file)
{
    const char *path = o->value[OPTION_ROUNDED].text;
    const graph *g = p->programs.graph;
    if (!path) return 0;
    tensors all = {0}, out = {0};
    bool good = true;
    for (uint32_t i = 0; good && i < g->params.len; i++) {
        const tensor *t = tensors_find(file, g->params.data[i].path);
        good = tensors_add(&all, t->name, DTYPE_F64, t->rank, t->dims, p->c.rounded + graph_param_offset(g, i));
    }
    for (size_t i = 0; good && i < file->note_count; i++)
        good = tensors_note(&out, file->notes[i].key, file->notes[i].value);
    good = good && outputs_like(p->arena, &all, file, &out);
    if (tensors_find_note(file, "checksum")) good = good && checkpoint_seal(&out);
    good = good && safetensors_write(path, &out);
    int code = good ? 0 : command_fault(EXIT_SYSTEM, "%s", all.error ? all.error : out.error);
    tensors_free(&all);
    tensors_free(&out);
    return code;
}

/* The files of the C; before them that of --rounded, without which there is no C. */
static int write_files(const options *o, const pipeline *p, const tensors *weights, const char *folder)
{
    arena *a = p->arena;
    const emitted *c = &p->c;
    bool single = o->value[OPTION_SINGLE_HEADER].given;
    bool made = mkdir(folder, 0777) == 0;
    if (!made && errno != EEXIST)
        return command_fault(EXIT_SYSTEM, "%s: cannot make this folder: %s", folder, strerror(errno));
    struct stat s;
    if (stat(folder, &s) != 0 || !S_ISDIR(s.st_mode)) return command_fault(EXIT_SYSTEM, "%s: is not a folder", folder);
    size_t n = strlen(folder), count = 0;
    int stem = (int)strlen(c->header_name) - 2; /* without ".h" */
    const char *slash = n && folder[n - 1] == '/' ? "" : "/";
    const char *header = single ? emit_single_header(a, c) : c->header;
    new_file file[MOST_FILES];
    file[count++] =
        (new_file){arena_printf(a, "%s%s%s", folder, slash, c->header_name), header, strlen(header), EMIT_MARK};
    if (!single)
        file[count++] = (new_file){arena_printf(a, "%s%s%.*s.c", folder, slash, stem, c->header_name), c->source,
                                   strlen(c->source), EMIT_MARK};
    if (c->weights_source)
        file[count++] = (new_file){arena_printf(a, "%s%s%.*s_weights.c", folder, slash, stem, c->header_name),
                                   c->weights_source, strlen(c->weights_source), EMIT_MARK};
    if (c->blob)
        file[count++] = (new_file){arena_printf(a, "%s%s%.*s.bin", folder, slash, stem, c->header_name), c->blob,
                                   c->blob_length, EMIT_BLOB_MARK};
    int code = check_files(o, file, count);
    if (!code) code = write_rounded(o, p, weights);
    if (!code) code = write_all(file, count);
    if (code && made) rmdir(folder);
    return code;
}

/* Writes the C again, with the parameters of the file inside. */
static int put_weights_in(const options *o, arena *a, pipeline *p, tensors *file)
{
    const char *path = o->value[OPTION_WEIGHTS].text, *error = NULL;
    if (!path) return 0;
    int code = command_can_read(path);
    if (code) return code;
    if (safetensors_read(path, file))
        p->options.emit.weights = weights_values(a, p->programs.graph, p->options.emit.real_double, path, file, &error);
    else
        error = arena_printf(a, "%s", file->error);
    if (!error) spec_warn(path, file, p);
    if (error) return command_fault(EXIT_SPEC, "%s", error);
    p->c = emit_c(a, &p->programs, &p->options.emit);
    return 0;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static const option_id limits[] = {OPTION_MAX_FLASH, OPTION_MAX_RAM, OPTION_MAX_STACK};
enum { LIMITS = sizeof limits / sizeof *limits };

static bool read_bytes(const char *word, size_t *bytes)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(word, &end, 10);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
    if (!isdigit((unsigned char)word[0]) || errno || n == 0 || n > SIZE_MAX >> shift || end[shift != 0]) return false;
    *bytes = (size_t)n << shift;
    return true;
}

static int check_limits(const options *o)
{
    size_t bytes;
    for (int i = 0; i < LIMITS; i++) {
        const char *word = o->value[limits[i]].text;
        if (word && !read_bytes(word, &bytes))
            return options_fault(o, "--%s: expected a number of bytes, such as 32768, 32K or 1M, found '%s'",
                                 options_name(limits[i]), word);
        if (word && !o->value[OPTION_INFERENCE].given && !o->value[OPTION_WEIGHTS].given)
            return options_fault(o, "--%s is for a build without loss and gradients: --inference or --weights",
                                 options_name(limits[i]));
    }
    return 0;
}

/* The largest parts by name. */
static const char *largest(arena *a, const footprint_need *n)
{
    enum { LARGEST = 4 };
    text *t = text_new(a);
    size_t rest = n->bytes;
    for (size_t i = 0; i < n->parts.len && i < LARGEST; i++) {
        text_put(t, "%s%s: %zu", i ? "; " : "", n->parts.data[i].what, n->parts.data[i].bytes);
        rest -= n->parts.data[i].bytes;
    }
    if (rest) text_put(t, "; the rest: %zu", rest);
    return text_string(t);
}

static int print_needs(arena *a, const emitted *c)
{
    text *t = text_new(a);
    footprint_write(t, c->needs, "");
    if (c->rounded && c->largest > 0)
        text_line(t, "bits   rounded by at most %.2g, of numbers up to %.2g", c->rounding, c->largest);
    else if (c->rounded)
        text_line(t, "bits   nothing became integers: no product has a parameter that is a matrix");
    fputs(text_string(t), stdout);
    return command_finish(EXIT_SUCCESS);
}

static int keep_limits(const options *o, arena *a, const footprint *f)
{
    static const char *const room[] = {"without the machine code, constants take", "RAM takes", "the stack may take"};
    const footprint_need *needs[] = {&f->flash, &f->ram, &f->stack};
    const char *spec = o->operands.data[0];
    int code = 0;
    for (int i = 0; i < LIMITS; i++) {
        const char *word = o->value[limits[i]].text;
        size_t most;
        if (!word || !read_bytes(word, &most)) continue;
        if (limits[i] == OPTION_MAX_RAM && f->grows)
            code =
                command_fault(EXIT_SPEC,
                              "%s: there is no step, and the memory of forward grows with the steps: --max-ram needs "
                              "--steps N",
                              spec);
        else if (needs[i]->bytes > most)
            code = command_fault(EXIT_SPEC, "%s: %s %zu bytes, more than --%s %s (%s)", spec, room[i], needs[i]->bytes,
                                 options_name(limits[i]), word, largest(a, needs[i]));
    }
    return code;
}

/* Says so where names do not begin as they were asked to. */
static void note_prefix(const pipeline *p, arena *a)
{
    const char *asked = p->options.emit.prefix ? p->options.emit.prefix : p->model->word, *header = p->c.header_name;
    int stem = (int)strlen(header) - 2; /* without ".h" */
    if (strncmp(asked, header, (size_t)stem) != 0)
        command_notice(arena_printf(a,
                                    "files and names begin with '%.*s': '%s' is a word of C or of its library, or one "
                                    "that the generated code uses itself",
                                    stem, header, asked));
}

static int build(const options *o, arena *a, tensors *weights)
{
    pipeline_options po = command_pipeline(o, o->operands.data[0]);
    command_define_by_weights(o, &po);
    po.purpose = FOR_BUILD;
    read_emit_options(o, &po.emit);
    pipeline p;
    int unread = command_open(&p, a, &po);
    if (unread) return unread;
    bool good = pipeline_check(&p);
    command_print_messages(o, &p);
    if (!good) return EXIT_SPEC;
    graph_axis axes[MAX_TIME_AXES + 1];
    for (int i = 0; i <= p.model->axes; i++) axes[i] = (graph_axis){p.model->axis[i].letter, p.model->axis[i].length};
    int code = options_steps(o, axes, p.model->axes, p.options.emit.steps);
    if (!code) code = command_root(o, &p, 0);
    if (!code) code = read_unroll(o, p.model->axes, &p.options.emit);
    if (code) return code;
    pipeline_compile(&p, (pipeline_dump){0});
    code = command_segments(&p);
    if (code) return code;
    code = put_weights_in(o, a, &p, weights);
    if (!code && p.c.needs) code = keep_limits(o, a, p.c.needs);
    if (code) return code;
    note_prefix(&p, a);
    const char *folder = o->value[OPTION_OUT].given ? o->value[OPTION_OUT].text : ".";
    if (strcmp(folder, "-") != 0) {
        code = write_files(o, &p, weights, folder);
        return !code && p.c.needs ? print_needs(a, &p.c) : code;
    }
    fputs(o->value[OPTION_SINGLE_HEADER].given ? emit_single_header(a, &p.c) : pipeline_one_text(a, &p.c), stdout);
    code = write_rounded(o, &p, weights);
    return code ? code : command_finish(EXIT_SUCCESS);
}

int command_build(const options *o)
{
    int code = check_prefix(o);
    if (!code) code = check_bits(o);
    if (!code) code = check_weights(o);
    if (!code) code = check_limits(o);
    if (code) return code;
    arena *a = arena_new();
    tensors weights = {0};
    code = build(o, a, &weights);
    tensors_free(&weights);
    arena_free(a);
    return code;
}
