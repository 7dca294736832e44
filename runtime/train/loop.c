/* loop.c: updates until the end; see loop.h.
 *
 * An update: gradients of `accumulate` batches added up (fewer at the end of an epoch), divided by their number, the
 * optimiser's rule, weights packed once. What follows an update, always in this order: the end of the epoch;
 * validation; the table; the checkpoint. So a checkpoint never stands between two things that belong together, and a
 * training that goes on from it does what the uninterrupted one did. Nothing is allocated after the first update, but
 * by checkpoints while they are written. */
#define _GNU_SOURCE 1
#include "train/loop.h"
#include "kernels/codes.h"
#include "train/clock.h"
#include "train/curves.h"
#include "train/fault.h"
#include "train/metrics.h"
#include "train/room.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* On a terminal a line is written over; elsewhere, where lines stay, it is one every tenth of the time so far, within
 * these bounds, and before that one which says what is to be expected. */
static const double redraw_seconds = 0.2, least_seconds = 10, most_seconds = 60, estimate_seconds = 2;

typedef struct loop {
    training *t;
    const loop_options *o;
    curves curves;
    meter meter;
    void *packed, *grads;
    char *last, *best;       /* paths */
    double loss, norm, rate; /* of the update */
    double validation;       /* of the update; NAN: none */
    double started, shown;   /* seconds */
    uint64_t first_update;   /* done before this run */
    double paced;            /* when the code of now began, */
    uint64_t paced_update;   /* after so many updates */
    bool estimated;          /* what to expect of it has been said */
    uint64_t saved;          /* update of the last checkpoint that this run wrote */
    double best_loss;        /* of the weights in `best`, which those of the end of an earlier run may be */
    bool saved_best;         /* this run wrote one */
    char *code;              /* what compiled the code so far, for checkpoints */
    bool line_open;          /* on a terminal: the line that is written over stands there */
    bool finished;           /* by early stopping */
    bool left, quit;         /* as the caller wished */
    loop_end fault;          /* after a failure, with *error */
    char **error;
} loop;

/* Mutable and global, since a handler of signals has no other way to be heard. */
static volatile sig_atomic_t stop_signal;

static void on_signal(int signal) { stop_signal = signal; }

char *train_checkpoint_path(const char *folder, const char *name)
{
    char *path;
    size_t n = strlen(folder);
    return asprintf(&path, "%s%s%s.safetensors", folder, n && folder[n - 1] == '/' ? "" : "/", name) < 0 ? NULL : path;
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

static bool no_memory(loop *l)
{
    l->fault = LOOP_FAULT;
    return fault_no_memory(l->error);
}

/* `what` is not finite. Says which checkpoint still is. */
static bool not_finite(loop *l, const char *what, double value)
{
    uint64_t update = l->t->optimiser->updates;
    l->fault = LOOP_NUMERIC;
    double shown = isnan(value) ? (double)NAN : value; /* without its sign */
    if (update == 0)
        return fault_set(l->error,
                         "%s is %g before the first update; look for large numbers in the data and in the "
                         "parameters that training begins with",
                         what, shown);
    char kept[64] = "nothing was saved";
    if (l->saved || l->o->resumed)
        snprintf(kept, sizeof kept, "the checkpoint is as of update %" PRIu64, l->saved ? l->saved : l->first_update);
    return fault_set(l->error, "%s is %g after %" PRIu64 " updates (epoch %" PRIu64 "); %s; lower --rate, or --clip",
                     what, shown, update, l->t->progress.epoch + 1, kept);
}

static bool refused(loop *l, int code)
{
    if (code == METER_NO_MEMORY) return no_memory(l);
    l->fault = LOOP_FAULT;
    return fault_set(l->error, "the generated code refuses a batch: %s", rnn_strerror(code));
}

static bool file_fault(loop *l)
{
    l->fault = LOOP_FAULT;
    return false;
}

static bool unfit(loop *l, const char *why)
{
    l->fault = LOOP_UNFIT;
    return fault_set(l->error, "%s", why);
}

/* ---- one update -------------------------------------------------------------------------------------------------- */

static void divide(const trainable *m, void *reals, size_t by)
{
    if (by == 1) return;
    for (size_t i = 0; i < m->size; i++) {
        if (m->real_size == sizeof(double))
            ((double *)reals)[i] /= (double)by;
        else
            ((float *)reals)[i] /= (float)by;
    }
}

static bool add_gradient(loop *l, double *loss)
{
    training *t = l->t;
    const trainable *m = t->model;
    data_batch b = dataset_batch(t->data, PART_TRAIN, t->progress.epoch, t->progress.batch);
    if (b.fresh && m->state_bytes) m->reset(m->self, t->state);
    double real = 0;
    train_call call = {.sequences = b.sequences,
                       .input = b.input,
                       .params = t->params,
                       .packed = l->packed,
                       .state = m->state_bytes ? t->state : NULL,
                       .loss = &real,
                       .grads = l->grads,
                       .seed = t->progress.seed,
                       .update = t->optimiser->updates,
                       .sequence = b.first_sequence};
    memcpy(call.steps, b.steps, sizeof call.steps);
    memcpy(call.lengths, b.lengths, sizeof call.lengths);
    int code = m->run(m->self, TRAIN_GRAD, &call);
    if (code) return refused(l, code);
    *loss = train_real(m, &real, 0);
    return true;
}

static bool update(loop *l, size_t batches)
{
    training *t = l->t;
    const trainable *m = t->model;
    progress *p = &t->progress;
    double epoch = (double)p->epoch + (double)p->batch / (double)batches, sum = 0;
    size_t count = 0;
    memset(l->grads, 0, m->size * m->real_size);
    for (; count < l->o->accumulate && p->batch < batches; count++, p->batch++) {
        double loss = 0;
        if (!add_gradient(l, &loss)) return false;
        if (!isfinite(loss)) return not_finite(l, "the loss", loss);
        sum += loss;
    }
    divide(m, l->grads, count);
    l->loss = sum / (double)count;
    l->rate = optimiser_rate(t->optimiser, epoch);
    l->norm = optimiser_update(t->optimiser, m, t->params, l->grads, epoch);
    if (!isfinite(l->norm)) return not_finite(l, "the gradient's norm", l->norm);
    p->loss_sum += sum;
    p->loss_count += count;
    m->pack(m->self, t->params, l->packed);
    return true;
}

/* ---- validation and checkpoints ---------------------------------------------------------------------------------- */

static bool validate(loop *l, double *loss)
{
    metrics found = {0};
    int code = meter_part(&l->meter, l->t->data, PART_VALIDATE, l->t->params, l->packed, &found);
    if (code) return refused(l, code);
    metrics_finish(&l->meter, &found);
    if (!(found.weight > 0)) {
        l->fault = LOOP_UNFIT;
        return fault_set(l->error, "nothing to validate on counts, since 'ignore' or the weights leave all of it out; "
                                   "choose others with --split or --validation");
    }
    *loss = found.loss;
    return isfinite(found.loss) || not_finite(l, "the validation loss", found.loss);
}

static bool params_finite(loop *l)
{
    const trainable *m = l->t->model;
    for (size_t i = 0; i < m->size; i++) {
        double w = train_real(m, l->t->params, i);
        if (!isfinite(w)) return not_finite(l, "a parameter", w);
    }
    return true;
}

/* How to go on stands in the last checkpoint alone: the best one is the same however long training then went on. */
static bool save(loop *l, const char *path)
{
    training *t = l->t;
    if (!l->o->folder) return params_finite(l);
    bool goes_on = path == l->last;
    checkpoint c = {.model = t->model,
                    .params = t->params,
                    .state = t->model->state_bytes ? t->state : NULL,
                    .optimiser = t->optimiser,
                    .progress = t->progress,
                    .vocabulary = dataset_vocabulary(t->data),
                    .definitions = l->o->definitions,
                    .flags = goes_on ? l->o->flags : l->o->data_flags,
                    .settings = goes_on ? l->o->settings : NULL,
                    .data = goes_on ? dataset_summary(t->data) : NULL,
                    .code = goes_on ? l->code : NULL};
    if (!params_finite(l)) return false;
    return checkpoint_write(path, &c, l->error) || file_fault(l);
}

/* What is better than all that training has judged need not be better than the end of a run before. */
static bool save_best(loop *l)
{
    double loss = l->t->progress.best_loss;
    if (loss >= l->best_loss) return true;
    if (!save(l, l->best)) return false;
    l->best_loss = loss;
    l->saved_best = true;
    return true;
}

static bool save_last(loop *l)
{
    const loop_options *o = l->o;
    if (!curves_flush(&l->curves, l->error)) return file_fault(l);
    if (!save(l, l->last)) return false;
    l->saved = l->t->optimiser->updates;
    if (o->svg && !curves_draw(&l->curves, o->svg, l->t->model->model, l->error)) return file_fault(l);
    return true;
}

/* A validation that counts: for the best checkpoint and for early stopping. */
static bool validate_and_judge(loop *l)
{
    progress *p = &l->t->progress;
    if (!validate(l, &l->validation)) return false;
    if (l->validation < p->best_loss) {
        p->best_loss = l->validation;
        p->best_epoch = p->epoch;
        p->bad_epochs = 0;
        return save_best(l);
    }
    p->bad_epochs++;
    l->finished = l->o->patience && p->bad_epochs >= l->o->patience;
    return true;
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

/* Updates until the end, as far as that is known. */
static double updates_left(const loop *l, double batches)
{
    const progress *p = &l->t->progress;
    double left = INFINITY, an_epoch = ceil(batches / (double)l->o->accumulate);
    if (l->o->updates) left = (double)l->o->updates - (double)l->t->optimiser->updates;
    if (l->o->epochs)
        left = fmin(left, ((double)l->o->epochs - (double)p->epoch - (double)p->batch / batches) * an_epoch);
    return fmax(left, 0);
}

/* Updates a second, of the code of now. */
static double pace_of(const loop *l)
{
    return (double)(l->t->optimiser->updates - l->paced_update) / fmax(clock_seconds() - l->paced, 1e-9);
}

static void show_time(FILE *out, double seconds)
{
    fprintf(out, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60, (int)seconds % 60);
}

/* In a log, soon: how long an epoch will take, where that is longer than to the next line. */
static void show_estimate(loop *l, size_t batches)
{
    double seconds = clock_seconds() - l->paced, pace = pace_of(l);
    if (l->o->terminal || l->estimated || seconds < estimate_seconds || !(pace > 0)) return;
    l->estimated = true;
    double epoch = ceil((double)batches / (double)l->o->accumulate) / pace;
    if (epoch < least_seconds || epoch > 1e9) return;
    fprintf(l->o->out, "after %" PRIu64 " updates, %.4g a second: about ", l->t->optimiser->updates, pace);
    show_time(l->o->out, epoch);
    fputs(" an epoch\n", l->o->out);
    fflush(l->o->out);
}

static void show_line(loop *l, uint64_t epoch, double mean, size_t batches)
{
    FILE *out = l->o->out;
    uint64_t done = l->t->optimiser->updates;
    double pace = pace_of(l);
    if (l->o->terminal) fputs("\r", out);
    fprintf(out, "epoch %" PRIu64, epoch + 1);
    if (l->o->epochs) fprintf(out, "/%zu", l->o->epochs);
    fprintf(out, "  update %" PRIu64 "  loss %#.5g", done, mean);
    if (!isnan(l->validation)) fprintf(out, "  validation %#.5g", l->validation);
    fprintf(out, "  norm %.3g  rate %.3g  %.4g updates/s", l->norm, l->rate, pace);
    double left = updates_left(l, (double)batches) / fmax(pace, 1e-9);
    if (left >= 1 && left < 1e7) {
        fputs("  ", out);
        show_time(out, left);
        fputs(" left", out);
    }
    if (l->o->terminal) fputs("\033[K", out);
}

/* A line stays after a validation or an epoch; one in between is written over on a terminal, and rare elsewhere. */
static void show(loop *l, uint64_t epoch, double mean, size_t batches, bool stays)
{
    double now = clock_seconds(), since = now - l->shown;
    double wanted = fmin(fmax((now - l->started) / 10, least_seconds), most_seconds);
    if (!stays) show_estimate(l, batches);
    if (!stays && since < (l->o->terminal ? redraw_seconds : wanted)) return;
    show_line(l, epoch, mean, batches);
    if (stays || !l->o->terminal) fputc('\n', l->o->out);
    l->line_open = l->o->terminal && !stays;
    fflush(l->o->out);
    l->shown = clock_seconds();
}

static void end_line(loop *l)
{
    if (l->line_open) fputc('\n', l->o->out);
    l->line_open = false;
}

static void show_files(loop *l)
{
    const loop_options *o = l->o;
    uint64_t updates = l->t->optimiser->updates;
    end_line(l);
    if (!o->folder) return;
    if (o->resumed && updates == l->first_update)
        fprintf(o->out, "nothing was left to do after %" PRIu64 " updates; more --epochs or --updates go on\n",
                updates);
    fprintf(o->out, "wrote %s", l->last);
    if (l->saved_best) fprintf(o->out, ", %s (validation %.5g)", l->best, l->best_loss);
    if (o->csv) fprintf(o->out, ", %s", o->csv);
    if (o->svg) fprintf(o->out, ", %s", o->svg);
    if (!l->saved_best && isfinite(l->best_loss))
        fprintf(o->out, "; the best is still %s (validation %.5g)", l->best, l->best_loss);
    fputc('\n', o->out);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* An update and all that follows it. */
static bool advance(loop *l, size_t batches)
{
    training *t = l->t;
    const loop_options *o = l->o;
    progress *p = &t->progress;
    uint64_t epoch = p->epoch;
    bool validates = dataset_batches(t->data, PART_VALIDATE, 0) > 0;
    l->validation = NAN;
    if (!update(l, batches)) return false;
    uint64_t done = t->optimiser->updates;
    if (o->first_update && done == l->first_update + 1) o->first_update(o->context);
    double mean = p->loss_sum / (double)p->loss_count;
    bool epoch_ends = p->batch == batches, judged = o->validate_every ? done % o->validate_every == 0 : epoch_ends;
    if (epoch_ends) {
        p->epoch++;
        p->batch = 0;
        p->loss_sum = 0;
        p->loss_count = 0;
    }
    if (validates && judged && !validate_and_judge(l)) return false;
    if (epoch_ends) {
        double measure = mean;
        if (validates && !judged && !validate(l, &l->validation)) return false;
        if (validates) measure = l->validation;
        optimiser_epoch(t->optimiser, measure);
    }
    curves_add(&l->curves, done, epoch + 1, l->loss, l->norm, l->rate, l->validation, t->model->code(t->model->self));
    show(l, epoch, mean, batches, epoch_ends || !isnan(l->validation));
    bool due = epoch_ends || l->finished || (o->save_every && done % o->save_every == 0);
    return !due || save_last(l);
}

/* A last validation, where the end is at no validation of its own, before anything is saved: a loss that is not finite
 * leaves the checkpoint of before. *loss is NaN where there is none. */
static bool validate_at_end(loop *l, double *loss)
{
    training *t = l->t;
    *loss = NAN;
    if (!isnan(l->validation) || t->optimiser->updates == 0 || dataset_batches(t->data, PART_VALIDATE, 0) == 0)
        return true;
    return validate(l, loss);
}

/* It is shown, and may be the best; the state of training takes no note of it, so that one that goes on later is as if
 * it had never stopped. */
static bool judge_at_end(loop *l, double loss)
{
    training *t = l->t;
    if (isnan(loss)) return true;
    end_line(l);
    fprintf(l->o->out, "validation %.7g after %" PRIu64 " updates\n", loss, t->optimiser->updates);
    progress before = t->progress;
    if (loss >= before.best_loss) return true;
    t->progress.best_loss = loss;
    t->progress.best_epoch = before.epoch;
    t->progress.bad_epochs = 0;
    bool saved = save_best(l);
    t->progress = before;
    return saved;
}

/* ---- the code ---------------------------------------------------------------------------------------------------- */

/* Does the history "tcc, cc from update 37" end with this word? */
static bool ends_with_code(const char *history, const char *word)
{
    const char *comma = strrchr(history, ','), *last = comma ? comma + 2 : history;
    size_t n = strlen(word);
    return strncmp(last, word, n) == 0 && (last[n] == '\0' || last[n] == ' ');
}

/* Notes what made the code that does the next update. */
static bool note_code(loop *l)
{
    const char *word = l->t->model->code(l->t->model->self), *before = l->code ? l->code : l->o->code;
    char *now_is;
    if (before && ends_with_code(before, word))
        now_is = strdup(before);
    else if (!before)
        now_is = strdup(word);
    else if (asprintf(&now_is, "%s, %s from update %" PRIu64, before, word, l->t->optimiser->updates + 1) < 0)
        now_is = NULL;
    free(l->code);
    l->code = now_is;
    return now_is || no_memory(l);
}

/* Between two updates: takes better code, if there is some by now. */
static bool improve(loop *l)
{
    training *t = l->t;
    const trainable *m = t->model;
    if (!m->improve(m->self)) return true;
    m->pack(m->self, t->params, l->packed);
    end_line(l);
    l->paced = clock_seconds();
    l->paced_update = t->optimiser->updates;
    l->estimated = false;
    fprintf(l->o->out, "from update %" PRIu64 " on with the code of %s\n", t->optimiser->updates + 1, m->code(m->self));
    fflush(l->o->out);
    return note_code(l);
}

static bool at_end(const loop *l)
{
    const training *t = l->t;
    const loop_options *o = l->o;
    return l->finished || (o->epochs && t->progress.epoch >= o->epochs) ||
           (o->updates && t->optimiser->updates >= o->updates);
}

/* What the caller wants now. */
static loop_wish wish(loop *l)
{
    const loop_options *o = l->o;
    loop_news news = {.updates = l->t->optimiser->updates,
                      .loss = l->loss,
                      .validation = l->validation,
                      .seconds = clock_seconds() - l->started};
    if (!o->between) return LOOP_GO;
    return o->between(o->context, &news);
}

static bool stops(const loop *l) { return stop_signal || l->quit; }

static bool train(loop *l)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    training *t = l->t;
    while (!stops(l) && !l->left) {
        bool good = true;
        switch (wish(l)) {
        case LOOP_GO:
            if (at_end(l)) return true;
            good = improve(l) && advance(l, dataset_batches(t->data, PART_TRAIN, t->progress.epoch));
            break;
        case LOOP_WAIT: nanosleep(&moment, NULL); break;
        case LOOP_SAVE: good = save_last(l); break;
        case LOOP_LEAVE: l->left = true; break;
        case LOOP_QUIT: l->quit = true; break;
        }
        if (!good) return false;
    }
    return true;
}

static bool go(loop *l)
{
    if (!train(l)) return false;
    if (l->left) return true;
    double loss = NAN;
    if (!stops(l) && !validate_at_end(l, &loss)) return false;
    if (l->saved != l->t->optimiser->updates && !save_last(l)) return false;
    return stops(l) || judge_at_end(l, loss);
}

static bool open_loop(loop *l)
{
    const trainable *m = l->t->model;
    const char *folder = l->o->folder ? l->o->folder : "";
    l->last = train_checkpoint_path(folder, "last");
    l->best = train_checkpoint_path(folder, "best");
    l->packed = room_new(m->packed_size * m->real_size);
    l->grads = room_new(m->size * m->real_size);
    if (!l->last || !l->best || !l->packed || !l->grads || !meter_open(&l->meter, m, false)) return no_memory(l);
    if (!note_code(l)) return false;
    l->best_loss = l->t->progress.best_loss;
    if (l->first_update && l->o->folder) l->best_loss = fmin(l->best_loss, checkpoint_loss(l->best, m));
    m->pack(m->self, l->t->params, l->packed);
    size_t batches = dataset_batches(l->t->data, PART_TRAIN, l->t->progress.epoch);
    if (batches == 0)
        return unfit(l, "there is no batch to train on: more data, a smaller --batch, or another --split");
    if (l->t->progress.batch >= batches)
        return unfit(
            l, "the checkpoint stands at a batch that an epoch does not have: resume with the same data and batches");
    if (l->o->patience && dataset_batches(l->t->data, PART_VALIDATE, 0) == 0)
        return unfit(l, "patience needs a part to validate on, and the data have none");
    return curves_open(&l->curves, l->o->csv, l->first_update, l->error) || file_fault(l);
}

static void close_loop(loop *l)
{
    curves_close(&l->curves);
    meter_close(&l->meter);
    free(l->packed);
    free(l->grads);
    free(l->last);
    free(l->best);
    free(l->code);
}

loop_end train_run(training *t, const loop_options *o, char **error)
{
    enum { SIGNALS = 3 };
    static const int caught[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before[SIGNALS], handler = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    loop *l = calloc(1, sizeof *l);
    if (!l) {
        fault_no_memory(error);
        return LOOP_FAULT;
    }
    *l = (loop){.t = t,
                .o = o,
                .error = error,
                .started = clock_seconds(),
                .shown = clock_seconds(),
                .paced = clock_seconds(),
                .loss = NAN,
                .validation = NAN};
    l->first_update = l->paced_update = t->optimiser->updates;
    sigemptyset(&handler.sa_mask);
    stop_signal = 0;
    for (int i = 0; i < SIGNALS; i++) sigaction(caught[i], &handler, &before[i]);
    if (before[SIGNALS - 1].sa_handler == SIG_IGN) sigaction(SIGHUP, &before[SIGNALS - 1], NULL); /* nohup */
    bool good = open_loop(l) && go(l);
    t->model->settle(t->model->self); /* while signals do not end the process */
    for (int i = 0; i < SIGNALS; i++) sigaction(caught[i], &before[i], NULL);
    if (o->terminal && !good) fputc('\n', o->out);
    t->signal = stop_signal;
    if (good && stops(l) && o->folder)
        fprintf(o->out, "%sstopped after %" PRIu64 " updates; %s is written, --resume goes on from there\n",
                o->terminal ? "\r\033[K" : "", t->optimiser->updates, l->last);
    if (good && !stops(l) && !l->left) show_files(l);
    loop_end end = !good ? l->fault : stops(l) ? LOOP_STOPPED : l->left ? LOOP_LEFT : LOOP_DONE;
    close_loop(l);
    free(l);
    return end;
}
