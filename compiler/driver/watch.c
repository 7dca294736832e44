/* watch.c: rnnc watch SPEC (--text F | --words F | --data F.npz) [-o DIR]: trains, and goes on with the spec as it is
 * edited.
 *
 * Between two updates it looks at the spec and the files that it uses: by their times, sizes and numbers, then by their
 * text, so that it does not matter how an editor saves. A changed spec is compiled; if nothing is wrong with it,
 * training goes on with that. Parameters whose name and shape are as before keep their values and what the optimiser
 * knows of them, the others begin. Keys, where standard input is a terminal, are read between two updates, too. */
#define _GNU_SOURCE 1
#include "base/hash.h"
#include "driver/trainer.h"
#include "train/clock.h"
#include "train/sampler.h"
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    SAMPLE_LENGTH = 200,
    STILL_MS = 3,     /* a file that stands still so long is whole */
    STILL_TRIES = 100 /* of one that does not */
};
static const double look_seconds = 0.005; /* between two looks at the files */
static const double rate_step = 1.25;     /* of the keys + and - */

/* A file that the spec is made of. */
typedef struct watched {
    char *path;
    struct stat seen;
    uint64_t text; /* hash of what was compiled */
} watched;

typedef struct watch {
    const options *o;
    trainer *now, *next; /* next: compiled, to be gone on with */
    watched *file;
    size_t files;
    double looked;
    bool paused, keys;
    double rate; /* factor of the keys */
    int version;
    struct termios before; /* the terminal, where there are keys */
} watch;

/* A line of its own, where the line of progress may stand. */
static void begin_line(const watch *w)
{
    if (w->now->p.s.loop.terminal) fputs("\r\033[K", stdout);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static uint64_t hash_file(const char *path)
{
    uint64_t h = HASH_START;
    unsigned char chunk[4096];
    FILE *f = fopen(path, "rb");
    for (size_t n; f && (n = fread(chunk, 1, sizeof chunk, f)) > 0;) h = hash_bytes(h, chunk, n);
    if (f) fclose(f);
    return h;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Takes the path over. */
static bool watch_file(watch *w, char *path, uint64_t compiled_text)
{
    if (!path) return false;
    for (size_t i = 0; i < w->files; i++)
        if (strcmp(w->file[i].path, path) == 0) {
            w->file[i].text = compiled_text;
            free(path);
            return true;
        }
    watched *more = realloc(w->file, (w->files + 1) * sizeof *more);
    if (!more) {
        free(path);
        return false;
    }
    w->file = more;
    w->file[w->files++] = (watched){.path = path, .text = compiled_text};
    return true;
}

/* The files that were compiled: the spec, and those that it uses, whose paths count from its folder. Standard cells are
 * no files. */
static bool watch_files(watch *w, const sources *s)
{
    const char *spec = w->o->operands.data[0], *slash = strrchr(spec, '/');
    bool good = true;
    for (size_t i = 0; s && i < s->len; i++) {
        const source *of = s->data[i];
        struct stat there;
        char *path;
        bool prefixed = slash && of->path[0] != '/' && strcmp(of->path, spec) != 0;
        if (asprintf(&path, "%.*s%s", prefixed ? (int)(slash - spec) + 1 : 0, spec, of->path) < 0) return false;
        if (stat(path, &there) == 0)
            good = watch_file(w, path, hash_bytes(HASH_START, of->text, of->length)) && good;
        else
            free(path);
    }
    return good;
}

/* Has a file moved or changed since the last look? One that is not there is about to be put there. */
static bool look(watch *w)
{
    bool moved = false;
    for (size_t i = 0; i < w->files; i++) {
        struct stat s;
        if (stat(w->file[i].path, &s) != 0) continue;
        moved = moved || !same_file(&s, &w->file[i].seen);
        w->file[i].seen = s;
    }
    return moved;
}

/* Has the text of a file changed, and is it whole? An editor may be about to write it: nothing counts before it stands
 * still for a moment. */
static bool changed(watch *w)
{
    const struct timespec moment = {.tv_nsec = STILL_MS * 1000000L};
    bool other = false;
    if (!look(w)) return false;
    for (int i = 0; i < STILL_TRIES; i++) {
        nanosleep(&moment, NULL);
        if (!look(w)) break;
    }
    for (size_t i = 0; i < w->files; i++) {
        if (access(w->file[i].path, R_OK) != 0) continue;
        uint64_t now_is = hash_file(w->file[i].path);
        other = other || now_is != w->file[i].text;
        w->file[i].text = now_is;
    }
    return other;
}

/* ---- from version to version ------------------------------------------------------------------------------------- */

/* What another version has of a parameter. */
typedef enum likeness { MISSING, RESHAPED, SAME } likeness;

static likeness find(const trainable *m, const train_param *p, const train_param **found)
{
    for (size_t i = 0; i < m->params; i++) {
        const train_param *q = *found = &m->param[i];
        if (strcmp(p->name, q->name) != 0) continue;
        return p->rank == q->rank && p->dims[0] == q->dims[0] && p->dims[1] == q->dims[1] ? SAME : RESHAPED;
    }
    return MISSING;
}

static void copy(const trainable *m, void *to, const train_param *p, const void *from, const train_param *q)
{
    memcpy((char *)to + p->offset * m->real_size, (const char *)from + q->offset * m->real_size,
           p->size * m->real_size);
}

/* Prints `word` and the parameters of which the other version has this. */
static void print_names(const char *word, const trainable *of, const trainable *other, likeness which)
{
    const char *before = word;
    const train_param *found;
    for (size_t i = 0; i < of->params; i++) {
        if (find(other, &of->param[i], &found) != which) continue;
        printf("%s %s", before, of->param[i].name);
        before = ",";
    }
}

/* Gives the next version what the one that runs has learned, and says so. */
static void carry(watch *w)
{
    trainer *from = w->now, *to = w->next;
    const trainable *a = &from->p.c.t, *b = &to->p.c.t;
    optimiser *x = from->rule, *y = to->rule;
    bool same_rule = x->options.rule == y->options.rule && a->real_size == b->real_size;
    for (size_t i = 0; a->real_size == b->real_size && i < b->params; i++) {
        const train_param *p = &b->param[i], *q;
        if (find(a, p, &q) != SAME) continue;
        copy(b, to->p.params, p, from->p.params, q);
        for (int s = 0; same_rule && s < y->slots; s++) copy(b, y->slot[s], p, x->slot[s], q);
    }
    y->updates = x->updates;
    to->progress = from->progress;
    to->progress.best_loss = INFINITY; /* of another model */
    to->progress.bad_epochs = 0;
    size_t batches = dataset_batches(to->p.data, PART_TRAIN, to->progress.epoch);
    if (batches != dataset_batches(from->p.data, PART_TRAIN, to->progress.epoch)) {
        to->progress.batch = 0;
        to->progress.loss_sum = 0;
        to->progress.loss_count = 0;
    }
    bool same_state = a->state_bytes == b->state_bytes && strcmp(a->state_layout, b->state_layout) == 0;
    if (b->state_bytes && same_state) memcpy(to->p.state, from->p.state, b->state_bytes);
    if (b->state_bytes && !same_state) b->reset(b->self, to->p.state);
    begin_line(w);
    printf("version %d, from update %llu:", ++w->version, (unsigned long long)x->updates + 1);
    print_names(" kept", b, a, SAME);
    print_names("; of another shape:", b, a, RESHAPED);
    print_names("; new:", b, a, MISSING);
    print_names("; gone:", a, b, MISSING);
    if (b->state_bytes && !same_state) fputs("; the carried state begins anew", stdout);
    puts(same_rule ? "" : "; the optimiser begins anew");
    fflush(stdout);
}

static trainer *prepare_version(watch *w, int *code)
{
    trainer *t = calloc(1, sizeof *t);
    if (!t) {
        *code = command_fault(EXIT_SYSTEM, "out of memory");
        return NULL;
    }
    const char *folder = w->o->value[OPTION_OUT].given ? w->o->value[OPTION_OUT].text : ".";
    *code = trainer_prepare(t, w->o, folder, isatty(STDIN_FILENO) ? PREPARE_FOR_BOTH : PREPARE_TO_TRAIN); /* key s */
    loop_options *l = &t->p.s.loop;
    if (!w->o->value[OPTION_EPOCHS].given && !w->o->value[OPTION_UPDATES].given) l->epochs = l->updates = 0;
    if (t->p.c.p.sources && !watch_files(w, t->p.c.p.sources)) *code = command_fault(EXIT_SYSTEM, "out of memory");
    return t;
}

static void free_version(trainer *t, bool failed)
{
    if (t) trainer_end(t, failed);
    free(t);
}

/* Compiles what is there now; true: that is w->next. */
static bool compile(watch *w)
{
    int code;
    begin_line(w);
    fflush(stdout);
    options o = *w->o; /* it goes on from what is in memory */
    o.started = clock_seconds();
    o.value[OPTION_RESUME].given = o.value[OPTION_START].given = false;
    o.value[OPTION_START].text = NULL;
    const options *given = w->o;
    w->o = &o;
    w->next = prepare_version(w, &code);
    w->o = given;
    if (!code) return true;
    free_version(w->next, false);
    w->next = NULL;
    command_notice("training goes on with the last good version");
    return false;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void open_keys(watch *w)
{
    struct termios raw;
    w->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &w->before) == 0;
    if (!w->keys) return;
    raw = w->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    puts("keys: p pause, s sample, w write, + and - rate, q quit");
}

static void close_keys(watch *w)
{
    if (w->keys) tcsetattr(STDIN_FILENO, TCSANOW, &w->before);
    w->keys = false;
}

static void sample(watch *w)
{
    char *error = NULL;
    sample_options how = {.length = SAMPLE_LENGTH,
                          .temperature = 1,
                          .top_p = 1,
                          .seed = w->now->rule->updates + 1,
                          .vocabulary = dataset_vocabulary(w->now->p.data)};
    if (!sample_write(&w->now->p.c.t, w->now->p.params, &how, stdout, &error)) puts(error ? error : "out of memory");
    free(error);
    fflush(stdout);
}

static void change_rate(watch *w, double by)
{
    w->rate *= by;
    w->now->rule->options.rate *= by;
    printf("rate %.4g\n", w->now->rule->options.rate);
    fflush(stdout);
}

static loop_wish read_key(watch *w)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    if (!w->keys || poll(&in, 1, 0) <= 0) return LOOP_GO;
    if (read(STDIN_FILENO, &key, 1) != 1) {
        w->keys = false; /* the terminal has gone: nothing to put back */
        return LOOP_GO;
    }
    begin_line(w);
    switch (key) {
    case 'p':
        w->paused = !w->paused;
        puts(w->paused ? "paused; p goes on" : "goes on");
        fflush(stdout);
        break;
    case 's': sample(w); break;
    case 'w':
        printf("writes %s\n", w->now->last);
        fflush(stdout);
        return LOOP_SAVE;
    case '+': change_rate(w, rate_step); break;
    case '-': change_rate(w, 1 / rate_step); break;
    case 'q': return LOOP_QUIT;
    default: break;
    }
    return LOOP_GO;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static loop_wish between(void *context, const loop_news *news)
{
    (void)news;
    watch *w = context;
    loop_wish wish = read_key(w);
    if (wish != LOOP_GO) return wish;
    if (clock_seconds() - w->looked >= look_seconds) {
        bool other = changed(w);
        w->looked = clock_seconds();
        if (other && compile(w)) return LOOP_LEAVE;
    }
    return w->paused ? LOOP_WAIT : LOOP_GO;
}

static void report_first(void *context)
{
    watch *w = context;
    begin_line(w);
    command_stage(&w->now->o, "first update");
}

/* Versions, one after the other, until one ends. */
static int run(watch *w)
{
    for (;;) {
        char *error;
        loop_options *l = &w->now->p.s.loop;
        l->between = between;
        l->first_update = report_first;
        l->context = w;
        loop_end end = trainer_run(w->now, &error);
        if (end != LOOP_LEFT) return trainer_exit(w->now, end, error);
        carry(w);
        l = &w->next->p.s.loop;
        l->resumed = true; /* for the curves */
        w->next->rule->options.rate *= w->rate;
        free_version(w->now, false);
        w->now = w->next;
        w->next = NULL;
    }
}

int command_watch(const options *o)
{
    int code;
    watch w = {.o = o, .rate = 1, .version = 1};
    w.now = prepare_version(&w, &code);
    if (!code) {
        trainer_announce(w.now);
        open_keys(&w);
        fflush(stdout);
        code = run(&w);
        close_keys(&w);
    }
    free_version(w.now, code != 0);
    for (size_t i = 0; i < w.files; i++) free(w.file[i].path);
    free(w.file);
    return code;
}
