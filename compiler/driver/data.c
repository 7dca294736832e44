/* data.c: rnnc data TASK [-o F.npz [--seed N] [--count N] [-D PARAMETER=VALUE]...]
 *
 * In: the name of a task of tasks/tasks.def, values for its parameters. Out: its arrays, named after the inputs and
 * targets of specs/models/TASK.rnn; the same command writes the same bytes everywhere. Without -o: what the task is. */
#include "driver/command.h"
#include "tasks/tasks.h"
#include "train/npz.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_DEFAULT = 1000, SEED_DEFAULT = 1, SHAPE_ROOM = 64 };

/* ---- what tasks there are ---------------------------------------------------------------------------------------- */

void data_help(FILE *out)
{
    fputs("\nTasks; 'rnnc data TASK' says more of one:\n\n", out);
    for (int k = 0; k < TASK_COUNT; k++) fprintf(out, "  %-18s  %s\n", tasks[k].name, tasks[k].summary);
}

static void print_array(const task_array *a)
{
    static const char *const steps[] = {[TASK_ONE] = "", [TASK_STEPS] = ", T", [TASK_VARIED] = ", T"};
    char word[SHAPE_ROOM], width[SHAPE_ROOM] = "";
    if (a->width > 1) snprintf(width, sizeof width, ", %zu", a->width);
    snprintf(word, sizeof word, "%s (N%s%s)", a->name, steps[a->steps], width);
    printf("  %-18s  %s: %s\n", word, a->dtype == DTYPE_I32 ? "tokens" : "reals", a->meaning);
}

/* All that tasks.def says of a task. */
static void describe(task_id which)
{
    bool has_parameters = false, varied = false;
    printf("%s: %s\nsource: %s\n", tasks[which].name, tasks[which].summary, tasks[which].source);
    for (int i = 0; i < TASK_PARAMETER_COUNT; i++) {
        const task_parameter *p = &task_parameters[i];
        char word[SHAPE_ROOM];
        if (p->task != which) continue;
        if (!has_parameters) puts("parameters");
        has_parameters = true;
        snprintf(word, sizeof word, "%s = %.10g", p->name, p->value);
        printf("  %-18s  %s (%.10g to %.10g)\n", word, p->meaning, p->least, p->most);
    }
    printf("arrays of N sequences\n");
    for (int i = 0; i < TASK_ARRAY_COUNT; i++) {
        if (task_arrays[i].task != which) continue;
        print_array(&task_arrays[i]);
        varied = varied || task_arrays[i].steps == TASK_VARIED;
    }
    if (varied) puts("sequences differ in length: NAME_lengths (N) beside each array over T");
    printf("learned by specs/models/%s.rnn\n", tasks[which].name);
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
    return options_fault(o, "-D %s: expected a %snumber from %.10g to %.10g, found '%s'", p->name,
                         whole ? "whole " : "", p->least, p->most, written);
}

static int read_parameters(const options *o, task_id which, double *value)
{
    task_values(value);
    for (size_t k = 0; k < o->defines.len; k++) {
        const char *written = strchr(o->defines.data[k], '='), *candidates[TASK_PARAMETER_COUNT];
        const char *word = arena_strndup(o->arena, o->defines.data[k], (size_t)(written - o->defines.data[k]));
        const char *all = "";
        size_t count = 0;
        int found = -1;
        for (int i = 0; i < TASK_PARAMETER_COUNT; i++) {
            if (task_parameters[i].task != which) continue;
            all = arena_printf(o->arena, "%s%s%s", all, count ? ", " : "", task_parameters[i].name);
            candidates[count++] = task_parameters[i].name;
            if (strcmp(word, task_parameters[i].name) == 0) found = i;
        }
        const char *nearest = name_nearest(word, candidates, count);
        if (found < 0 && nearest)
            return options_fault(o, "%s has no parameter '%s'; did you mean '%s'?", tasks[which].name, word, nearest);
        if (found < 0) return options_fault(o, "%s has no parameter '%s'; it has %s", tasks[which].name, word, all);
        int code = set_parameter(o, &task_parameters[found], written + 1, &value[found]);
        if (code) return code;
    }
    task_parameter_id a, b;
    if (task_agrees(which, value, &a, &b)) return 0;
    return options_fault(o, "-D %s: %.10g is above %s, %.10g", task_parameters[a].name, value[a],
                         task_parameters[b].name, value[b]);
}

static int write(const options *o, task_id which, const double *value, const char *path)
{
    tensors made = {0};
    size_t count = o->value[OPTION_SEQUENCES].given ? o->value[OPTION_SEQUENCES].number : COUNT_DEFAULT;
    uint64_t seed = o->value[OPTION_SEED].given ? o->value[OPTION_SEED].number : SEED_DEFAULT;
    int code = command_can_write(path);
    if (code) return code;
    if (!task_make(which, value, seed, 0, count, &made) || !npz_write(path, &made))
        code = command_fault(EXIT_SYSTEM, "%s", made.error);
    tensors_free(&made);
    return code;
}

int command_data(const options *o)
{
    task_id which;
    double value[TASK_PARAMETER_COUNT];
    const char *path = o->value[OPTION_OUT].text;
    int code = find_task(o, &which);
    if (!code) code = read_parameters(o, which, value);
    if (code) return code;
    if (path) return write(o, which, value, path);
    if (o->defines.len || o->value[OPTION_SEQUENCES].given || o->value[OPTION_SEED].given)
        return options_fault(o, "-o is missing: the .npz file to write");
    describe(which);
    return command_finish(EXIT_SUCCESS);
}
