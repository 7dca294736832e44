/* trial.c: see trial.h. */
#define _GNU_SOURCE 1
#include "driver/trial.h"
#include "driver/trainer.h"
#include "train/metrics.h"
#include "train/room.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- in its process ---------------------------------------------------------------------------------------------- */

static loop_wish tell(void *context, const loop_news *news)
{
    ssize_t n = write(*(int *)context, news, sizeof *news);
    return n == (ssize_t)sizeof *news || errno == EINTR ? LOOP_GO : LOOP_QUIT;
}

/* The validation loss at the end; NAN: there is nothing to validate on. 0, or the exit status after a message. */
static int final_validation(trainer *t, double *loss)
{
    const trainable *m = &t->p.c.t;
    meter gauge;
    metrics found = {0};
    *loss = NAN;
    if (dataset_batches(t->p.data, PART_VALIDATE, 0) == 0) return 0;
    void *packed = room_new(m->packed_size * m->real_size);
    int code = METER_NO_MEMORY;
    if (meter_open(&gauge, m, false) && packed) {
        m->pack(m->self, t->p.params, packed);
        code = meter_part(&gauge, t->p.data, PART_VALIDATE, t->p.params, packed, &found);
    }
    if (!code) metrics_finish(&gauge, &found);
    meter_close(&gauge);
    free(packed);
    *loss = found.loss;
    return command_measured(code);
}

static int work(trial *r, int news)
{
    trainer t;
    char *error;
    options o = *r->o;
    o.value[OPTION_SEED] = (option_value){.given = true, .text = "", .number = r->seed};
    int code = trainer_prepare(&t, &o, NULL, PREPARE_TO_TRAIN);
    if (!code) {
        loop_options *l = &t.p.s.loop;
        FILE *quiet = fopen("/dev/null", "w");
        l->out = quiet ? quiet : stderr;
        l->terminal = false;
        l->csv = l->svg = NULL; /* of all runs */
        l->between = tell;
        l->context = &news;
        loop_end end = trainer_run(&t, &error);
        code = end == LOOP_STOPPED ? 0 : trainer_exit(&t, end, error); /* what it has done by then counts */
        loop_news last = {.updates = t.rule->updates, .loss = NAN, .seconds = -1};
        if (end == LOOP_DONE && !code) code = final_validation(&t, &last.validation);
        if (end == LOOP_DONE && !code) tell(&news, &last);
        if (quiet) fclose(quiet);
    }
    trainer_end(&t, code != 0);
    return code;
}

bool trial_start(trial *r)
{
    int news[2], words[2];
    if (pipe2(news, O_CLOEXEC) != 0) return false;
    if (pipe2(words, O_CLOEXEC) != 0) return close(news[0]), close(news[1]), false;
    fflush(stdout);
    fflush(stderr);
    pid_t parent = getpid();
    r->pid = fork();
    if (r->pid == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        if (signal(SIGHUP, SIG_DFL) == SIG_IGN) signal(SIGHUP, SIG_IGN); /* nohup */
        signal(SIGPIPE, SIG_IGN);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody reads any more */
        if (getppid() != parent) _exit(EXIT_SYSTEM);
        dup2(words[1], STDERR_FILENO);
        close(news[0]);
        close(words[0]);
        int code = work(r, news[1]);
        fflush(stderr);
        _exit(code);
    }
    close(news[1]);
    close(words[1]);
    r->news = news[0];
    r->words = words[0];
    fcntl(r->news, F_SETFL, O_NONBLOCK);
    fcntl(r->words, F_SETFL, O_NONBLOCK);
    if (r->pid > 0) return true;
    r->pid = 0;
    return close(r->news), close(r->words), false;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void take(trial *r, const loop_news *n)
{
    if (!isnan(n->validation)) {
        r->validation = n->validation;
        if (n->seconds >= 0) curve_add(&r->validate, (double)n->updates, n->validation);
    }
    if (n->seconds < 0) return; /* the end */
    if (!isnan(n->loss)) curve_add(&r->train, (double)n->updates, n->loss);
    r->last = *n;
}

bool trial_read(trial *r)
{
    enum { NEWS_READ = 128 };
    loop_news news[NEWS_READ];
    ssize_t n;
    while ((n = read(r->news, news, sizeof news)) > 0)
        for (size_t i = 0; i < (size_t)n / sizeof *news; i++) take(r, &news[i]);
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void read_words(trial *r)
{
    char chunk[TRIAL_REASON];
    ssize_t n;
    while ((n = read(r->words, chunk, sizeof chunk)) > 0)
        for (ssize_t i = 0; i < n; i++) {
            if (r->reason_length + 1 == TRIAL_REASON) /* the last words count */
                memmove(r->reason, r->reason + TRIAL_REASON / 2, r->reason_length -= TRIAL_REASON / 2);
            r->reason[r->reason_length++] = chunk[i];
            r->reason[r->reason_length] = '\0';
        }
}

void trial_finish(trial *r)
{
    while (waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR) continue;
    read_words(r);
    close(r->news);
    close(r->words);
    r->pid = 0;
    r->over = true;
}

bool trial_failed(const trial *r) { return r->over && !(WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0); }

double trial_loss(const trial *r)
{
    const curve *c = &r->train;
    size_t n = c->count / 10 + (c->count > 0);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += c->point[c->count - 1 - i].y;
    return n ? sum / (double)n : NAN;
}
