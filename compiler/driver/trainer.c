/* trainer.c: a training from the command line to its end; see trainer.h. */
#include "driver/trainer.h"
#include "driver/resume.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double calls_guess =
    200; /* not the true number: what compiles must not depend on how long training takes */

static int check_options(const options *o)
{
    if (o->value[OPTION_RESUME].given && o->value[OPTION_START].given)
        return options_fault(o, "--resume and --init exclude each other");
    return 0;
}

static int open_folder(trainer *t, const char *folder)
{
    struct stat s;
    t->last = train_checkpoint_path(folder, "last");
    t->best = train_checkpoint_path(folder, "best");
    if (!t->last || !t->best) return command_fault(EXIT_SYSTEM, "out of memory");
    const command_file made[] = {{"last.safetensors of -o", t->last}, {"best.safetensors of -o", t->best}};
    int code = command_distinct(&t->o, made, sizeof made / sizeof *made);
    if (code) return code;
    t->made = mkdir(folder, 0777) == 0;
    if (!t->made && errno != EEXIST)
        return command_fault(EXIT_SYSTEM, "%s: cannot make this folder: %s", folder, strerror(errno));
    if (stat(folder, &s) != 0 || !S_ISDIR(s.st_mode)) return command_fault(EXIT_SYSTEM, "%s: is not a folder", folder);
    code = command_can_write(t->last);
    return code ? code : command_can_write_files(&t->o);
}

/* All updates of the run, for schedules that end with it. */
static size_t all_updates(const trainer *t)
{
    const loop_options *l = &t->p.s.loop;
    size_t batches = dataset_batches(t->p.data, PART_TRAIN, 0);
    size_t by_epochs = (batches + l->accumulate - 1) / l->accumulate * l->epochs;
    if (!l->epochs) return l->updates;
    return l->updates && l->updates < by_epochs ? l->updates : by_epochs;
}

static int open_optimiser(trainer *t)
{
    char *error = NULL;
    optimiser_options *o = &t->p.s.optimiser;
    if (schedule_takes(o->schedule, "total") && o->total == 0) o->total = all_updates(t);
    if (!optimiser_check(o, &t->p.c.t, &error))
        return command_fault_line(o->groups && !t->o.value[OPTION_GROUP].given ? EXIT_SPEC : EXIT_USAGE, error);
    t->rule = optimiser_new(o, &t->p.c.t);
    return t->rule ? 0 : command_fault(EXIT_SYSTEM, "out of memory");
}

/* ---- where training begins --------------------------------------------------------------------------------------- */

static int resume(trainer *t)
{
    prepared *p = &t->p;
    char *error = NULL;
    checkpoint c = {.model = &p->c.t,
                    .params = p->params,
                    .state = p->c.t.state_bytes ? p->state : NULL,
                    .optimiser = t->rule,
                    .definitions = p->c.definitions};
    bool good = checkpoint_read(t->last, &c, &error);
    free((char *)c.vocabulary);
    if (!good) return command_fault_line(EXIT_SPEC, error);
    t->progress = c.progress;
    if (t->progress.seed == p->s.data.seed) return 0;
    if (t->o.value[OPTION_SEED].given)
        return options_fault(&t->o, "--seed: %s was trained with %llu", t->last, (unsigned long long)t->progress.seed);
    return prepare_seed(p, t->progress.seed);
}

/* Parameters that the file lacks, or has in another shape, begin as without it. */
static int begin_with(trainer *t, const char *path)
{
    prepared *p = &t->p;
    const trainable *m = &p->c.t;
    char *error = NULL;
    bool *taken = ARENA_ARRAY(p->arena, bool, m->params + 1);
    checkpoint c = {.model = m, .params = p->params, .definitions = p->c.definitions, .taken = taken};
    int code = command_can_read(path);
    if (code) return code;
    bool good = checkpoint_read(path, &c, &error);
    free((char *)c.vocabulary);
    if (!good) return command_fault_line(EXIT_SPEC, error);
    size_t drawn = 0;
    for (size_t i = 0; i < m->params; i++) {
        if (taken[i]) continue;
        if (drawn++ == 0) printf("from %s come all parameters but", path);
        printf("%s %s", drawn > 1 ? "," : "", m->param[i].name);
    }
    if (drawn) puts(", which are drawn");
    return 0;
}

static int begin(trainer *t)
{
    prepared *p = &t->p;
    if (t->o.value[OPTION_RESUME].given) return resume(t);
    t->progress = (progress){.seed = p->s.data.seed, .best_loss = INFINITY};
    p->c.t.init(p->c.t.self, p->params, t->progress.seed);
    return t->o.value[OPTION_START].given ? begin_with(t, t->o.value[OPTION_START].text) : 0;
}

static void print_count(const char *before, size_t count, const char *of)
{
    printf("%s%zu %s%s", before, count, of, count == 1 ? "" : "s");
}

/* How long it is, in updates. */
static void print_length(const trainer *t)
{
    const loop_options *l = &t->p.s.loop;
    size_t batches = dataset_batches(t->p.data, PART_TRAIN, 0), all = all_updates(t);
    if (!batches) return;
    print_count("an epoch is ", (batches + l->accumulate - 1) / l->accumulate, "update");
    if (l->accumulate > 1) printf(" of %zu batches", l->accumulate);
    if (l->epochs) print_count("; the end is after ", l->epochs, "epoch");
    if (all) print_count(l->epochs ? ", " : "; the end is after ", all, "update");
    if (l->patience) print_count(", or after ", l->patience, "validation");
    puts(l->patience ? " without progress" : "");
}

/* What a reader should know before the first line of progress. */
void trainer_announce(const trainer *t)
{
    const prepared *p = &t->p;
    const char *summary = dataset_summary(p->data);
    printf("%s: %zu parameters; %s\n", p->c.t.model, p->c.t.size, summary);
    print_length(t);
    if (t->o.value[OPTION_RESUME].given) {
        printf("goes on after %llu updates", (unsigned long long)t->rule->updates);
        if (*t->recalled) printf(", as before with%s", t->recalled);
        putchar('\n');
        resume_print_changes(p->arena, p->words.settings, settings_text(p->arena, &p->s), stdout);
        if (p->words.data && strcmp(p->words.data, summary) != 0)
            printf("the data have changed; they were %s\n", p->words.data);
    } else if (access(t->last, F_OK) == 0) {
        printf("%s of an earlier training will be replaced; --resume would go on from it\n", t->last);
    }
    if (dataset_batches(p->data, PART_VALIDATE, 0) == 0) {
        if (t->best && access(t->best, F_OK) == 0)
            printf("there is nothing to validate on: %s stays as an earlier training left it\n", t->best);
        else
            puts("there is nothing to validate on: no best.safetensors will be written");
    }
    fflush(stdout);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

int trainer_prepare(trainer *t, const options *o, const char *folder, prepare_use use)
{
    *t = (trainer){.o = *o};
    prepare_begin(&t->p, &t->o);
    const char *from = o->value[OPTION_START].text;
    int code = check_options(o);
    if (!code && folder) code = open_folder(t, folder);
    if (!code && o->value[OPTION_RESUME].given) from = t->last;
    if (!code && from) code = prepare_checkpoint(&t->p, from);
    bool resumed = from && from == t->last;
    if (!code && resumed) code = resume_recall(&t->o, from, t->p.words.flags, &t->recalled);
    if (!resumed) { /* what compiled the code of before is of no interest to a new training */
        free(t->p.words.code);
        t->p.words.code = NULL;
    }
    if (!code) code = prepare_data(&t->p, true);
    if (!code) code = prepare_model(&t->p, t->p.s.data.batch, t->p.s.data.steps, calls_guess, use);
    if (!code) code = open_optimiser(t);
    if (!code) code = begin(t);
    if (!code) command_stage(&t->o, "weights");
    t->p.s.loop.folder = folder;
    t->p.s.loop.out = stdout;
    t->p.s.loop.terminal = isatty(STDOUT_FILENO);
    return code;
}

loop_end trainer_run(trainer *t, char **error)
{
    prepared *p = &t->p;
    training run = {.model = &p->c.t,
                    .data = p->data,
                    .optimiser = t->rule,
                    .params = p->params,
                    .state = p->c.t.state_bytes ? p->state : NULL,
                    .progress = t->progress};
    loop_options *l = &p->s.loop;
    l->definitions = p->c.definitions;
    l->flags = resume_flags(&t->o);
    l->data_flags = resume_data_flags(&t->o);
    l->settings = settings_text(p->arena, &p->s);
    if (!l->code) l->code = p->words.code;
    l->resumed = l->resumed || t->o.value[OPTION_RESUME].given;
    *error = NULL;
    loop_end end = train_run(&run, l, error);
    t->progress = run.progress;
    t->signal = run.signal;
    return end;
}

int trainer_exit(const trainer *t, loop_end end, char *error)
{
    switch (end) {
    case LOOP_DONE:
    case LOOP_LEFT: return command_finish(EXIT_SUCCESS);
    case LOOP_STOPPED: return command_finish(t->signal ? EXIT_SIGNAL + t->signal : EXIT_SUCCESS);
    case LOOP_NUMERIC: return command_fault_line(EXIT_NUMERIC, error);
    case LOOP_UNFIT: return command_fault_line(EXIT_SPEC, error);
    case LOOP_FAULT: break;
    }
    return command_fault_line(EXIT_SYSTEM, error);
}

void trainer_end(trainer *t, bool failed)
{
    if (failed && t->made) rmdir(t->p.s.loop.folder); /* if nothing is in it */
    optimiser_free(t->rule);
    free(t->last);
    free(t->best);
    prepare_end(&t->p);
}
