/* compare.c: rnnc compare A.rnn B.rnn ... [-D C=lstm,gru] --seeds N: trains variants side by side.
 *
 * In: specs, definitions with several values, data. Out: a table of means and spreads over the seeds; the curves. Every
 * spec with every combination of values is a variant, and every variant with every seed a run: a process of its own, as
 * many at once as there are processors. A run reports each update through a pipe. */
#define _GNU_SOURCE 1
#include "driver/sweep.h"
#include "driver/trainer.h"
#include "driver/trial.h"
#include "plan/cost.h"
#include "train/atomic.h"
#include "train/clock.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEEDS = 3, RUNS_MAX = 1024, POINTS = 64, REDRAW_MS = 250 };

typedef struct variant {
    const char *name;
    options o;
    size_t params;
    double flops; /* in the matrix products of an update */
} variant;

typedef struct comparison {
    const options *o;
    arena *arena;
    variant *variant;
    trial *run;
    size_t variants, runs, seeds, begun, jobs;
    int drawn; /* lines of the table that stands on the terminal */
    bool terminal;
} comparison;

/* A handler of signals has no other way to be heard. */
static volatile sig_atomic_t stopped;

static void on_signal(int signal) { stopped = signal; }

/* ---- variants ---------------------------------------------------------------------------------------------------- */

/* Operations in the products of a region. Depth: loops. */
static double flops_of(const program *p, const region *r, const plan_sizes *sizes)
{
    double sum = 0;
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (!s)
            sum += flops_of(p, r->items.data[i].region, sizes);
        else if (s->kind == STMT_CONTRACT)
            sum += plan_operations(p->graph, s) * plan_row_count(p, sizes, s->axes);
    }
    return sum;
}

/* Checks the variant by preparing a training of it. */
static int measure(variant *v)
{
    trainer t;
    int code = trainer_prepare(&t, &v->o, NULL, PREPARE_TO_TRAIN);
    if (!code && dataset_batches(t.p.data, PART_TRAIN, 0) == 0)
        code = command_fault(EXIT_SPEC, "%s: there is no batch to train on: more data, or a smaller --batch", v->name);
    if (!code) {
        const program *grad = t.p.c.p.programs.grad;
        data_batch b = dataset_batch(t.p.data, PART_TRAIN, 0, 0);
        plan_sizes sizes = {.batch = (double)b.sequences};
        for (int a = 1; a <= t.p.c.t.axes; a++) sizes.steps[a] = (double)b.steps[a];
        v->params = t.p.c.t.size;
        v->flops = flops_of(grad, grad->top, &sizes) * (double)t.p.s.loop.accumulate;
    }
    trainer_end(&t, code != 0);
    return code;
}

/* "lstm" of "specs/lstm.rnn", with what is defined. */
static const char *title_of(arena *a, const char *spec, const char *label, bool many)
{
    const char *slash = strrchr(spec, '/'), *base = slash ? slash + 1 : spec, *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    if (*label && !many) return label;
    return arena_printf(a, "%.*s%s%s", (int)n, base, *label ? " " : "", label);
}

static int make_variants(comparison *c)
{
    const options *o = c->o;
    size_t each = sweep_count(o), specs = o->operands.len;
    c->seeds = o->value[OPTION_SEEDS].given ? o->value[OPTION_SEEDS].number : SEEDS;
    if (each > RUNS_MAX || c->seeds > RUNS_MAX || specs * each * c->seeds > RUNS_MAX)
        return options_fault(o, "more than %d runs: fewer values or seeds", RUNS_MAX);
    c->variants = specs * each;
    c->runs = c->variants * c->seeds;
    c->variant = ARENA_ARRAY(c->arena, variant, c->variants);
    c->run = ARENA_ARRAY(c->arena, trial, c->runs);
    uint64_t first = o->value[OPTION_SEED].given ? o->value[OPTION_SEED].number : 1;
    for (size_t i = 0; i < c->variants; i++) {
        const char *label, *spec = o->operands.data[i / each];
        variant *v = &c->variant[i];
        v->o = sweep_options(o, spec, i % each, &label);
        v->name = title_of(c->arena, spec, label, specs > 1);
        int code = measure(v);
        if (code) return code;
        for (size_t s = 0; s < c->seeds; s++)
            c->run[s * c->variants + i] =
                (trial){.o = &v->o, .seed = first + s, .news = -1, .words = -1, .validation = NAN};
    }
    return 0;
}

/* Variant by variant with the first seed, then with the next. */
static const variant *variant_of(const comparison *c, const trial *r)
{
    return &c->variant[(size_t)(r - c->run) % c->variants];
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

typedef struct spread {
    double sum, squares;
    size_t count;
} spread;

static void add(spread *s, double x)
{
    if (!isfinite(x)) return;
    s->sum += x;
    s->squares += x * x;
    s->count++;
}

enum { CELL = 24 };

/* "1.234 +- 0.012": mean and standard deviation over the seeds. */
static void show_spread(const spread *s)
{
    char cell[CELL + 1] = "-";
    double n = (double)s->count, mean = s->sum / fmax(n, 1);
    if (s->count == 1) snprintf(cell, sizeof cell, "%.5g", mean);
    if (s->count > 1)
        snprintf(cell, sizeof cell, "%.5g +- %.2g", mean, sqrt(fmax(0, (s->squares - n * mean * mean) / (n - 1))));
    printf("  %-*s", CELL, cell);
}

static void show_row(const comparison *c, const variant *v, int width)
{
    spread pace = {0}, train = {0}, validation = {0};
    size_t over = 0, lost = 0;
    double updates = 0;
    for (size_t i = 0; i < c->runs; i++) {
        const trial *r = &c->run[i];
        if (variant_of(c, r) != v) continue;
        if (r->last.seconds > 0) add(&pace, (double)r->last.updates / r->last.seconds);
        if (!trial_failed(r)) add(&train, trial_loss(r));
        if (!trial_failed(r)) add(&validation, r->validation);
        updates += (double)r->last.updates;
        over += r->over;
        lost += trial_failed(r);
    }
    printf("%-*s %10zu %12.4g %10.0f %9.1f", width, v->name, v->params, v->flops, updates / (double)c->seeds,
           pace.count ? pace.sum / (double)pace.count : 0);
    show_spread(&train);
    show_spread(&validation);
    printf("  %zu/%zu", over - lost, c->seeds);
    if (lost) printf(", %zu failed", lost);
    fputs(c->terminal ? "\033[K\n" : "\n", stdout);
}

static void show(comparison *c)
{
    int width = (int)strlen("variant");
    for (size_t i = 0; i < c->variants; i++)
        if ((int)strlen(c->variant[i].name) > width) width = (int)strlen(c->variant[i].name);
    if (c->drawn) printf("\033[%dA\r", c->drawn);
    printf("%-*s %10s %12s %10s %9s  %-*s  %-*s  %s\n", width, "variant", "parameters", "flops/update", "updates",
           "updates/s", CELL, "training loss", CELL, "validation loss", "seeds");
    for (size_t i = 0; i < c->variants; i++) show_row(c, &c->variant[i], width);
    c->drawn = c->terminal ? (int)c->variants + 1 : 0;
    fflush(stdout);
}

/* A line when a run is over, where nobody sees a table change. */
static void show_end(const comparison *c, const trial *r)
{
    if (c->terminal) return;
    printf("%s, seed %" PRIu64 ": ", variant_of(c, r)->name, r->seed);
    if (trial_failed(r))
        printf("failed after %" PRIu64 " updates\n", r->last.updates);
    else
        printf("%" PRIu64 " updates, loss %.5g, validation %.5g\n", r->last.updates, trial_loss(r), r->validation);
    fflush(stdout);
}

/* ---- the curves -------------------------------------------------------------------------------------------------- */

static int write_csv(const comparison *c, const char *path)
{
    char *table = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&table, &length);
    if (!f) return command_fault(EXIT_SYSTEM, "out of memory");
    fputs("variant,seed,update,loss,validation_loss\n", f);
    for (size_t i = 0; i < c->runs; i++) {
        const trial *r = &c->run[i];
        for (size_t k = 0; k < r->train.count; k++)
            fprintf(f, "%s,%" PRIu64 ",%.12g,%.12g,\n", variant_of(c, r)->name, r->seed, r->train.point[k].x,
                    r->train.point[k].y);
        for (size_t k = 0; k < r->validate.count; k++)
            fprintf(f, "%s,%" PRIu64 ",%.12g,,%.12g\n", variant_of(c, r)->name, r->seed, r->validate.point[k].x,
                    r->validate.point[k].y);
    }
    atomic_file to;
    atomic_begin(&to, path);
    if (fclose(f) != 0)
        atomic_fail(&to, ENOMEM);
    else
        atomic_write(&to, table, length);
    int fault = atomic_commit(&to);
    free(table);
    return fault ? command_fault(EXIT_SYSTEM, "%s: cannot be written: %s", path, strerror(fault)) : 0;
}

/* The mean over the seeds, in at most POINTS points; how many there are. */
static size_t mean_curve(const comparison *c, const variant *v, double most, plot_point *to)
{
    spread x[POINTS] = {{0}}, y[POINTS] = {{0}};
    size_t n = 0;
    for (size_t i = 0; i < c->runs; i++) {
        const curve *of = &c->run[i].train;
        for (size_t k = 0; variant_of(c, &c->run[i]) == v && k < of->count; k++) {
            size_t at = (size_t)(of->point[k].x / (most * 1.0001) * POINTS);
            add(&x[at], of->point[k].x);
            add(&y[at], of->point[k].y);
        }
    }
    for (size_t i = 0; i < POINTS; i++)
        if (y[i].count) to[n++] = (plot_point){x[i].sum / (double)x[i].count, y[i].sum / (double)y[i].count};
    return n;
}

static int draw(const comparison *c, const char *path)
{
    plot p;
    char *error = NULL;
    double most = 1, least = INFINITY, high = -INFINITY;
    plot_point *points = ARENA_ARRAY(c->arena, plot_point, c->variants * POINTS);
    size_t *count = ARENA_ARRAY(c->arena, size_t, c->variants);
    for (size_t i = 0; i < c->runs; i++)
        for (size_t k = 0; k < c->run[i].train.count; k++) most = fmax(most, c->run[i].train.point[k].x);
    for (size_t i = 0; i < c->variants; i++) {
        count[i] = mean_curve(c, &c->variant[i], most, points + i * POINTS);
        for (size_t k = 0; k < count[i]; k++) {
            least = fmin(least, points[i * POINTS + k].y);
            high = fmax(high, points[i * POINTS + k].y);
        }
    }
    if (plot_begin(&p, "training loss, mean over seeds")) {
        p.x = plot_exact(0, most);
        p.y = plot_range_of_losses(isfinite(least) ? least : 0, isfinite(high) ? high : 1);
        plot_axes(&p, "update", "loss");
        for (size_t i = 0; i < c->variants; i++)
            if (count[i]) plot_line(&p, points + i * POINTS, count[i], c->variant[i].name, (int)i);
    }
    if (plot_end(&p, path, &error)) return 0;
    return command_fault_line(EXIT_SYSTEM, error);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static size_t running(const comparison *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->begun; i++) n += c->run[i].pid != 0;
    return n;
}

/* Waits for news, a moment at most. */
static void wait_for_news(const comparison *c)
{
    struct pollfd *at = calloc(c->begun + 1, sizeof *at);
    nfds_t n = 0;
    for (size_t i = 0; at && i < c->begun; i++)
        if (c->run[i].pid) at[n++] = (struct pollfd){.fd = c->run[i].news, .events = POLLIN};
    poll(at, n, REDRAW_MS);
    free(at);
}

/* 0, or the exit status after a message. */
static int run_all(comparison *c)
{
    double shown = 0;
    bool told = false;
    int code = 0;
    while (c->begun < c->runs || running(c)) {
        while (!stopped && c->begun < c->runs && running(c) < c->jobs)
            if (!trial_start(&c->run[c->begun++])) {
                stopped = SIGTERM;
                c->begun--;
                code = command_fault(EXIT_SYSTEM, "no process can be made: %s", strerror(errno));
            }
        if (stopped && !running(c)) break;
        for (size_t i = 0; stopped && !told && i < c->begun; i++)
            if (c->run[i].pid) kill(c->run[i].pid, SIGTERM);
        told = told || stopped;
        wait_for_news(c);
        for (size_t i = 0; i < c->begun; i++) {
            trial *r = &c->run[i];
            if (!r->pid || trial_read(r)) continue;
            trial_finish(r);
            show_end(c, r);
        }
        if (c->terminal && clock_seconds() - shown > REDRAW_MS / 1e3) {
            show(c);
            shown = clock_seconds();
        }
    }
    show(c);
    return code;
}

/* What the runs that failed have said. */
static int say_failures(const comparison *c)
{
    int code = 0;
    for (size_t i = 0; i < c->begun; i++) {
        const trial *r = &c->run[i];
        if (!trial_failed(r) || stopped) continue;
        const char *why = strstr(r->reason, "rnnc: error: ");
        why = why ? why + strlen("rnnc: error: ") : *r->reason ? r->reason : "it was ended by a signal";
        fprintf(stderr, "rnnc: error: %s, seed %" PRIu64 ": %.*s\n", variant_of(c, r)->name, r->seed,
                (int)strcspn(why, "\n"), why);
        if (!code) code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : EXIT_SYSTEM;
    }
    return code;
}

static void catch_signals(void)
{
    struct sigaction handler = {.sa_handler = on_signal}, before;
    sigemptyset(&handler.sa_mask);
    sigaction(SIGINT, &handler, NULL);
    sigaction(SIGTERM, &handler, NULL);
    sigaction(SIGHUP, &handler, &before);
    if (before.sa_handler == SIG_IGN) sigaction(SIGHUP, &before, NULL); /* nohup */
}

int command_compare(const options *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    comparison c = {.o = o, .arena = o->arena, .terminal = isatty(STDOUT_FILENO)};
    c.jobs = o->value[OPTION_JOBS].given ? o->value[OPTION_JOBS].number : cores > 0 ? (size_t)cores : 1;
    int code = command_distinct(o, NULL, 0);
    if (!code) code = command_can_write_files(o);
    if (!code) code = make_variants(&c);
    if (code) return code;
    catch_signals();
    code = run_all(&c);
    int failed = say_failures(&c);
    if (!code) code = stopped ? EXIT_SIGNAL + stopped : failed;
    const char *csv = o->value[OPTION_CSV].text, *svg = o->value[OPTION_SVG].text;
    int unwritten = csv ? write_csv(&c, csv) : 0;
    if (!unwritten && svg) unwritten = draw(&c, svg);
    return unwritten ? unwritten : command_finish(code);
}
