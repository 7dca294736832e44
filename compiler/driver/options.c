/* options.c: reads the command line by the tables of commands and options.
 *
 * In: argv. Out: a value for each option and the operands, or one message with the usage line and, where a word is
 * nearly right, a suggestion. Long options take `--name VALUE` and `--name=VALUE`, short ones `-o VALUE` and `-oVALUE`;
 * `--` ends them, a lone `-` is a value. Given twice, the later one counts. */
#include "driver/options.h"
#include "api/pipeline.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
    FLAG,
    TEXT,
    FILE_READ,
    FILE_WRITTEN,
    NUMBER,
    NUMBER_OR_AUTO,
    SEED,
    DECIMAL,
    CHOICE,
    LIST
} option_kind;

#define IN(command) (1u << COMMAND_##command)
#define TRAINING (IN(train) | IN(watch) | IN(compare))
#define ALL ((1u << COMMAND_COUNT) - 1)
#define OF_SPECS (ALL & ~(IN(data) | IN(cache) | IN(help)))

/* The words of --optimiser and --schedule, each after a |, in the order of their enumerators. */
static const char optimiser_choices[] =
#define OPTIMISER(name, ...) "|" #name
#include "train/optimisers.def"
    ;
static const char schedule_choices[] =
#define SCHEDULE(name, ...) "|" #name
#include "train/schedules.def"
    ;

static const struct option {
    const char *name;
    char letter;
    option_kind kind;
    const char *argument;
    unsigned commands;
    const char *help;
} option_table[OPTION_COUNT] = {
#define OPTION(id, ...) {__VA_ARGS__},
#include "driver/options.def"
};

static const struct {
    const char *name, *operands;
    size_t least, most;
    const char *summary;
} commands[COMMAND_COUNT] = {
#define COMMAND(name, ...) {#name, __VA_ARGS__},
#include "driver/commands.def"
};

/* ---- saying what is wrong ---------------------------------------------------------------------------------------- */

static void print_usage(FILE *out, command c)
{
    const char *operands = commands[c].operands;
    fprintf(out, "usage: rnnc %s%s%s%s\n", commands[c].name, *operands ? " " : "", operands,
            c == COMMAND_help ? "" : " [OPTION]...");
}

int options_fault(const options *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "rnnc %s: %s\n", commands[o->command].name, arena_vprintf(o->arena, format, args));
    va_end(args);
    print_usage(stderr, o->command);
    return EXIT_USAGE;
}

static int unknown_option(const options *o, const char *word)
{
    const char *candidates[OPTION_COUNT];
    size_t count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_table[i].commands & 1u << o->command)
            candidates[count++] = option_table[i].name;
        else if (strncmp(word, "--", 2) == 0 && strcmp(option_table[i].name, word + 2) == 0)
            return options_fault(o, "'%s' is no option of this command", word);
    }
    for (int c = 0; c < COMMAND_COUNT; c++) {
        if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, commands[c].name) == 0)
            return options_fault(o, "there is no option '%s', but a command 'rnnc %s'", word, commands[c].name);
    }
    const char *nearest = strncmp(word, "--", 2) == 0 ? name_nearest(word + 2, candidates, count) : NULL;
    if (nearest) return options_fault(o, "there is no option '%s'; did you mean '--%s'?", word, nearest);
    return options_fault(o, "there is no option '%s'", word);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* A whole number from `least` to `most`; false when it is none. */
static bool read_number(const char *written, uint64_t least, uint64_t most, uint64_t *number)
{
    if (*written < '0' || *written > '9') return false;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(written, &end, 10);
    if (errno || *end || n < least || n > most) return false;
    *number = n;
    return true;
}

static int set_number(options *o, option_id id, const char *written)
{
    uint64_t least = option_table[id].kind == SEED ? 0 : 1;
    int most = id == OPTION_THREADS ? (int)EMIT_MAX_THREADS
               : id == OPTION_BEAM  ? (int)OPTIONS_MAX_BEAM
                                    : (int)OPTIONS_MAX_NUMBER;
    if (read_number(written, least, (uint64_t)most, &o->value[id].number)) return 0;
    return options_fault(o, "--%s: expected a whole number from %d to %d%s, found '%s'", option_table[id].name,
                         (int)least, most, option_table[id].kind == NUMBER_OR_AUTO ? ", or auto" : "", written);
}

static int set_decimal(options *o, option_id id, const char *written)
{
    char *end = NULL;
    double x = *written == '.' || (*written >= '0' && *written <= '9') ? strtod(written, &end) : -1;
    o->value[id].decimal = x;
    if (end && x >= 0 && isfinite(x) && !*end) return 0;
    return options_fault(o, "--%s: expected a number, at least 0, found '%s'", option_table[id].name, written);
}

/* The number of `word` among words with | between them; false when it is none of them. */
static bool find_choice(const char *choices, const char *word, uint64_t *number)
{
    size_t length = strlen(word);
    *number = 0;
    for (const char *c = choices;; (*number)++) {
        size_t n = strcspn(c, "|");
        if (n == length && strncmp(c, word, n) == 0) return true;
        if (!c[n]) return false;
        c += n + 1;
    }
}

static int set_value(options *o, option_id id, const char *written)
{
    const struct option *p = &option_table[id];
    o->value[id].given = true;
    o->value[id].text = written;
    switch (p->kind) {
    case FLAG: break;
    case TEXT:
    case FILE_READ:
    case FILE_WRITTEN:
        if (!*written) return options_fault(o, "--%s: found an empty word", p->name);
        break;
    case NUMBER_OR_AUTO:
        o->value[id].number = OPTIONS_AUTO;
        return strcmp(written, "auto") == 0 ? 0 : set_number(o, id, written);
    case NUMBER:
    case SEED: return set_number(o, id, written);
    case DECIMAL: return set_decimal(o, id, written);
    case CHOICE:
        if (!find_choice(p->argument, written, &o->value[id].number))
            return options_fault(o, "--%s: expected %s, found '%s'", p->name, p->argument, written);
        break;
    case LIST:
        if (!strchr(written, '=') || *written == '=' || !strchr(written, '=')[1])
            return options_fault(o, "-%c: expected %s, found '%s'", p->letter, p->argument, written);
        array_push(o->arena, &o->defines, written);
        break;
    }
    return 0;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* The option that a word names, and its value if it stands in the same word. OPTION_COUNT: none. */
static option_id find_option(const options *o, const char *word, const char **value)
{
    bool is_long = word[1] == '-';
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *p = &option_table[i];
        if (!(p->commands & 1u << o->command)) continue;
        size_t n = strlen(p->name);
        if (is_long) {
            if (strncmp(word + 2, p->name, n) != 0 || (word[2 + n] && word[2 + n] != '=')) continue;
            *value = word[2 + n] ? word + 3 + n : NULL;
            return (option_id)i;
        }
        if (!p->letter || word[1] != p->letter || (p->kind == FLAG && word[2])) continue;
        *value = word[2] ? word + 2 : NULL;
        return (option_id)i;
    }
    return OPTION_COUNT;
}

static int read_option(options *o, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *value = NULL;
    option_id id = find_option(o, word, &value);
    if (id == OPTION_COUNT) return unknown_option(o, arena_strndup(o->arena, word, strcspn(word, "=")));
    if (option_table[id].kind == FLAG) {
        if (value) return options_fault(o, "--%s takes no value", option_table[id].name);
        return set_value(o, id, "");
    }
    if (!value && *i + 1 == argc) return options_fault(o, "'%s' needs %s", word, option_table[id].argument);
    return set_value(o, id, value ? value : argv[++*i]);
}

int options_read(options *o, arena *a, command c, int argc, char **argv)
{
    *o = (options){.arena = a, .command = c};
    bool operands_only = false;
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        if (operands_only || word[0] != '-' || !word[1])
            array_push(a, &o->operands, word);
        else if (strcmp(word, "--") == 0)
            operands_only = true;
        else {
            int code = read_option(o, argc, argv, &i);
            if (code) return code;
        }
    }
    if (o->value[OPTION_HELP].given) return 0;
    if (o->operands.len < commands[c].least) return options_fault(o, "%s is missing", commands[c].operands);
    if (o->operands.len > commands[c].most)
        return options_fault(o, "'%s' is one operand too many", o->operands.data[commands[c].most]);
    return 0;
}

const char *options_name(option_id id) { return option_table[id].name; }

bool options_is_decimal(option_id id) { return option_table[id].kind == DECIMAL; }
bool options_is_read(option_id id) { return option_table[id].kind == FILE_READ; }
bool options_is_written(option_id id) { return option_table[id].kind == FILE_WRITTEN; }

const char *options_operand(const options *o)
{
    const char *word = commands[o->command].operands;
    return arena_strndup(o->arena, word, strcspn(word, "."));
}

bool command_find(const char *word, command *c, const char **nearest)
{
    const char *candidates[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        candidates[i] = commands[i].name;
        if (strcmp(word, commands[i].name) == 0) {
            *c = (command)i;
            return true;
        }
    }
    *nearest = name_nearest(word, candidates, COMMAND_COUNT);
    return false;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static int steps_fault(const options *o, const char *written)
{
    return options_fault(o,
                         "--steps: expected a whole number from 1 to %d, or t=N,s=N for axes of the model, found '%s'",
                         OPTIONS_MAX_STEPS, written);
}

int options_steps(const options *o, const graph_axis *axis, int axes, int *steps)
{
    for (int i = 0; i <= axes; i++) steps[i] = 0;
    if (!o->value[OPTION_STEPS].given) return 0;
    uint64_t number;
    const char *written = o->value[OPTION_STEPS].text;
    if (read_number(written, 1, OPTIONS_MAX_STEPS, &number)) {
        for (int i = 1; i <= axes; i++) steps[i] = (int)number;
        return 0;
    }
    for (const char *part = written;;) {
        size_t n = strcspn(part, ",");
        const char *word = arena_strndup(o->arena, part, n), *equals = strchr(word, '=');
        int found = 0;
        for (int i = 1; equals && i <= axes; i++)
            if (strlen(axis[i].letter) == (size_t)(equals - word) &&
                strncmp(axis[i].letter, word, (size_t)(equals - word)) == 0)
                found = i;
        if (!found || !read_number(equals + 1, 1, OPTIONS_MAX_STEPS, &number)) return steps_fault(o, word);
        if (steps[found]) return options_fault(o, "--steps: %s is there twice", axis[found].letter);
        steps[found] = (int)number;
        if (!part[n]) return 0;
        part += n + 1;
    }
}

/* ---- options that are kept in a file ----------------------------------------------------------------------------- */

static bool is_file(option_id id) { return options_is_read(id) || options_is_written(id); }

const char *options_lines(const options *o, options_choice choice, const option_id *list, size_t count)
{
    text *t = text_new(o->arena);
    const char *before = "";
    for (int i = 0; i < OPTION_COUNT; i++) {
        bool listed = false;
        for (size_t k = 0; k < count; k++) listed = listed || list[k] == (option_id)i;
        bool kept = option_table[i].kind != LIST && !is_file((option_id)i);
        if (!o->value[i].given || !kept || listed != (choice == OPTIONS_ONLY)) continue;
        text_put(t, "%s%s=%s", before, option_table[i].name, o->value[i].text);
        before = "\n";
    }
    return *before ? text_string(t) : NULL;
}

option_id options_find(const options *o, const char *word)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_table[i].commands & 1u << o->command && strcmp(option_table[i].name, word) == 0) return (option_id)i;
    return OPTION_COUNT;
}

bool options_give(options *o, const char *word, const char *written)
{
    option_id id = options_find(o, word);
    return id != OPTION_COUNT && set_value(o, id, written) == 0;
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

const char *options_text(const options *o)
{
    text *t = text_new(o->arena);
    const char *path = o->operands.data[0], *slash = strrchr(path, '/');
    text_put(t, "rnnc %s %s", commands[o->command].name, slash ? slash + 1 : path);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *p = &option_table[i];
        bool is_place = i == OPTION_OUT || i == OPTION_FORMAT || i == OPTION_COLOR;
        if (!o->value[i].given || is_place) continue;
        switch (p->kind) {
        case FLAG: text_put(t, " --%s", p->name); break;
        case TEXT:
        case FILE_READ:
        case FILE_WRITTEN:
        case NUMBER:
        case NUMBER_OR_AUTO:
        case SEED:
        case DECIMAL:
        case CHOICE: {
            const char *folder = is_file((option_id)i) ? strrchr(o->value[i].text, '/') : NULL;
            text_put(t, " --%s %s", p->name, folder ? folder + 1 : o->value[i].text);
            break;
        }
        case LIST:
            for (size_t d = 0; d < o->defines.len; d++) text_put(t, " -%c %s", p->letter, o->defines.data[d]);
            break;
        }
    }
    return text_string(t);
}

void options_help(FILE *out)
{
    fputs("rnnc: from the equations of a recurrent network to C, with backpropagation through time\n\n", out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  rnnc %-9s %-10s %s\n", commands[i].name, commands[i].operands, commands[i].summary);
    fputs("\n'rnnc help COMMAND' lists a command's options; 'rnnc --version' says which version this is.\n"
          "Exit status: 0 done, 1 the spec or the data is wrong, 2 the command line is wrong, 3 the system failed,\n"
          "4 a numeric check failed, 128 + N stopped by signal N (130: Ctrl-C).\n",
          out);
}

enum { ELSE = 1 << 30 };
_Static_assert((int)COMMAND_COUNT <= 30, "a set of commands has a bit for each, and one for ELSE");

/* The commands that a part of a help text names in front, and how many characters that takes; 0: it is for all. */
static size_t part_head(const struct option *p, const char *part, unsigned *whose)
{
    *whose = 0;
    for (size_t at = 0;; at += 2) {
        size_t n = strcspn(part + at, ",:; ");
        unsigned found = n == 4 && strncmp(part + at, "else", n) == 0 ? ELSE : 0;
        for (int i = 0; i < COMMAND_COUNT; i++)
            if (p->commands & 1u << i && strlen(commands[i].name) == n && strncmp(part + at, commands[i].name, n) == 0)
                found = 1u << i;
        if (!found) return 0;
        *whose |= found;
        at += n;
        if (strncmp(part + at, ": ", 2) == 0) return at + 2;
        if (strncmp(part + at, ", ", 2) != 0) return 0;
    }
}

/* The parts of an option's help that concern the command. */
static void print_help(FILE *out, const struct option *p, command c)
{
    unsigned named = 0, whose;
    const char *between = "";
    for (const char *part = p->help; part; part = strstr(part, "; ") ? strstr(part, "; ") + 2 : NULL)
        if (part_head(p, part, &whose)) named |= whose;
    for (const char *part = p->help, *end; part; part = end ? end + 2 : NULL) {
        size_t head = part_head(p, part, &whose);
        end = strstr(part, "; ");
        int length = (int)((end ? (size_t)(end - part) : strlen(part)) - head);
        if (head && !(whose & (named & 1u << c ? 1u << c : ELSE))) continue;
        fprintf(out, "%s%.*s", *between && part[head] == '(' ? " " : between, length, part + head);
        between = "; ";
    }
    fputc('\n', out);
}

void options_help_command(FILE *out, command c)
{
    print_usage(out, c);
    fprintf(out, "%c%s.\n\n", commands[c].summary[0] - 'a' + 'A', commands[c].summary + 1);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *p = &option_table[i];
        if (!(p->commands & 1u << c)) continue;
        char letter[] = {p->letter ? '-' : ' ', p->letter ? p->letter : ' ', p->letter ? ',' : ' ', '\0'};
        int n = fprintf(out, "  %s --%s%s%s", letter, p->name, p->argument ? " " : "", p->argument ? p->argument : "");
        if (n > 33) n = fprintf(out, "\n") - 1;
        fprintf(out, "%*s", 34 - n, "");
        print_help(out, p, c);
    }
    if (c == COMMAND_data) data_help(out);
}
