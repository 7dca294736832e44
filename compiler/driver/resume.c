/* resume.c: flags from a checkpoint; see resume.h.
 *
 * In: the command line, and the lines of flags that the earlier run kept. Out: a command line with both, where what is
 * given now counts more. A flag of now also replaces what would contradict it: the end that was asked for, and the
 * options of another optimiser or schedule. */
#include "driver/resume.h"
#include "driver/command.h"
#include <stdlib.h>
#include <string.h>

/* Nor are the paths of files. */
static const option_id not_kept[] = {
    OPTION_OUT, OPTION_RESUME, OPTION_FORMAT, OPTION_COLOR, OPTION_HELP, OPTION_VERBOSE,
};

static const option_id of_data[] = {OPTION_SPLIT, OPTION_BATCH, OPTION_BLOCK, OPTION_CHUNK};
enum { OF_DATA = sizeof of_data / sizeof *of_data };

const char *resume_flags(const options *o)
{
    return options_lines(o, OPTIONS_ALL_BUT, not_kept, sizeof not_kept / sizeof *not_kept);
}

const char *resume_data_flags(const options *o) { return options_lines(o, OPTIONS_ONLY, of_data, OF_DATA); }

/* The value of a line "KEYxVALUE" (x: the separator) up to its end; NULL: there is no such line. */
static const char *line_value(arena *a, const char *lines, const char *key, const char *separator)
{
    size_t n = strlen(key), m = strlen(separator);
    for (const char *at = lines; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncmp(at, key, n) == 0 && strncmp(at + n, separator, m) == 0)
            return arena_strndup(a, at + n + m, strcspn(at + n + m, "\n"));
    return NULL;
}

/* Does the command line choose another rule or schedule than the flags of before? */
static bool chooses_anew(const options *o, const char *flags, option_id chooser)
{
    const char *before = line_value(o->arena, flags, options_name(chooser), "=");
    return o->value[chooser].given && (!before || strcmp(before, o->value[chooser].text) != 0);
}

/* Whose option is it? OPTION_COUNT: that of neither. */
static option_id chooser_of(option_id id)
{
    enum { rule = OPTION_OPTIMISER, schedule = OPTION_SCHEDULE };
#define TAKEN(kind, ID, key, option, of)                                                                               \
    if (id == OPTION_##ID) return (option_id)of;
#include "driver/settings.def"
    return OPTION_COUNT;
}

/* Does the command line say otherwise than this flag of before? */
static bool replaced(const options *given, const char *flags, option_id id)
{
    const option_value *v = given->value;
    option_id chooser = chooser_of(id);
    if (v[id].given) return true;
    if (id == OPTION_EPOCHS || id == OPTION_UPDATES) return v[OPTION_EPOCHS].given || v[OPTION_UPDATES].given;
    return chooser != OPTION_COUNT && chooses_anew(given, flags, chooser);
}

int resume_recall(options *o, const char *path, const char *flags, const char **recalled)
{
    options given = *o;
    text *t = text_new(o->arena);
    for (const char *at = flags; at && *at;) {
        size_t n = strcspn(at, "\n"), end = strcspn(at, "=\n");
        const char *word = arena_strndup(o->arena, at, end);
        const char *value = end < n ? arena_strndup(o->arena, at + end + 1, n - end - 1) : "";
        option_id id = options_find(o, word);
        if (id == OPTION_COUNT || !replaced(&given, flags, id)) {
            if (id == OPTION_COUNT || !options_give(o, word, value))
                return command_fault(EXIT_SPEC,
                                     "%s: was trained with --%s %s, which this rnnc does not know: begin with --init",
                                     path, word, value);
            text_put(t, " --%s%s%s", word, *value ? " " : "", value);
        }
        at += n + (at[n] == '\n');
    }
    *recalled = text_string(t);
    return 0;
}

void resume_recall_data(options *o, const char *flags)
{
    for (int i = 0; i < OF_DATA; i++) {
        option_id id = of_data[i];
        const char *value = line_value(o->arena, flags, options_name(id), "=");
        bool arrays = o->value[OPTION_DATA].given, fits = id == OPTION_BLOCK   ? !arrays
                                                          : id == OPTION_CHUNK ? arrays
                                                                               : true;
        if (value && fits && !o->value[id].given) options_give(o, options_name(id), value);
    }
}

void resume_print_changes(arena *a, const char *before, const char *now, FILE *out)
{
    for (const char *at = now; at && *at;) {
        size_t n = strcspn(at, "\n"), key = strcspn(at, " \n");
        const char *line = arena_strndup(a, at, n), *was = line_value(a, before, arena_strndup(a, at, key), " = ");
        if (before && !was) fprintf(out, "now %s\n", line);
        if (was && strcmp(was, line + key + strlen(" = ")) != 0) fprintf(out, "now %s (was %s)\n", line, was);
        at += n + (at[n] == '\n');
    }
}
