/* data.c: rnnc data TASK -o F.npz [--seed N] [--count N] [-D PARAMETER=VALUE]...
 *
 * In: the name of a task of tasks/tasks.def, values for its parameters. Out: its arrays, named after the inputs and
 * targets of specs/models/TASK.rnn. The same command writes the same bytes everywhere. */
#include "driver/command.h"
#include "tasks/tasks.h"
#include "train/npz.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_DEFAULT = 1000, SEED_DEFAULT = 1, WIDTH_OF_HELP = 34 };

/* ---- help -------------------------------------------------------------------------------------------------------- */

static void print_parameter(FILE *out, const task_parameter *p)
{
    int n = fprintf(out, "      -D %s=%g", p->name, p->value);
    fprintf(out, "%*s%s (%g to %g)\n", n < WIDTH_OF_HELP ? WIDTH_OF_HELP - n : 1, "", p->meaning, p->least, p->most);
}

void data_help(FILE *out)
{
    fputs("\nTasks, each with its parameters:\n", out);
    for (int k = 0; k < TASK_COUNT; k++) {
        fprintf(out, "\n  %-18s %s\n", tasks[k].name, tasks[k].summary);
        for (int i = 0; i < TASK_PARAMETER_COUNT; i++)
            if ((int)task_parameters[i].task == k) print_parameter(out, &task_parameters[i]);
    }
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static int find_task(const options *o, task_id *which)
{
    const char *word = o->operands.data[0], *candidates[TASK_COUNT];
    for (int k = 0; k < TASK_COUNT; k++) {
        candidates[k] = tasks[k].name;
        *which = (task_id)k;
        if (strcmp(word, tasks[k].name) == 0) return 0;
    }
    const char *nearest = name_nearest(word, candidates, TASK_COUNT);
    if (nearest) return options_fault(o, "there is no task '%s'; did you mean '%s'?", word, nearest);
    return options_fault(o, "there is no task '%s'; 'rnnc help data' lists them", word);
}

static int set_parameter(const options *o, const task_parameter *p, const char *written, double *value)
{
    char *end;
    *value = strtod(written, &end);
    bool whole = p->kind == TASK_WHOLE, good = end != written && !*end && *value >= p->least && *value <= p->most;
    if (good && (!whole || *value == floor(*value))) return 0;
    return options_fault(o, "-D %s: expected a %snumber from %g to %g, found '%s'", p->name, whole ? "whole " : "",
                         p->least, p->most, written);
}

static int read_parameters(const options *o, task_id which, double *value)
{
    task_values(value);
    for (size_t k = 0; k < o->defines.len; k++) {
        const char *written = strchr(o->defines.data[k], '='), *candidates[TASK_PARAMETER_COUNT];
        const char *word = arena_strndup(o->arena, o->defines.data[k], (size_t)(written - o->defines.data[k]));
        size_t count = 0;
        int found = -1;
        for (int i = 0; i < TASK_PARAMETER_COUNT; i++) {
            if (task_parameters[i].task != which) continue;
            candidates[count++] = task_parameters[i].name;
            if (strcmp(word, task_parameters[i].name) == 0) found = i;
        }
        const char *nearest = name_nearest(word, candidates, count);
        if (found < 0 && nearest)
            return options_fault(o, "%s has no parameter '%s'; did you mean '%s'?", tasks[which].name, word, nearest);
        if (found < 0) return options_fault(o, "%s has no parameter '%s'", tasks[which].name, word);
        int code = set_parameter(o, &task_parameters[found], written + 1, &value[found]);
        if (code) return code;
    }
    return 0;
}

int command_data(const options *o)
{
    task_id which;
    double value[TASK_PARAMETER_COUNT];
    tensors made = { 0 };
    const char *path = o->value[OPTION_OUT].text;
    int code = find_task(o, &which);
    if (!code) code = read_parameters(o, which, value);
    if (!code && !path) code = options_fault(o, "-o is missing: the .npz file to write");
    if (!code) code = command_can_write(path);
    if (code) return code;
    size_t count = o->value[OPTION_SEQUENCES].given ? o->value[OPTION_SEQUENCES].number : COUNT_DEFAULT;
    uint64_t seed = o->value[OPTION_SEED].given ? o->value[OPTION_SEED].number : SEED_DEFAULT;
    if (!task_make(which, value, seed, 0, count, &made))
        code = options_fault(o, "%s", made.error);
    else if (!npz_write(path, &made))
        code = command_fault(EXIT_SYSTEM, "%s", made.error);
    tensors_free(&made);
    return code;
}
