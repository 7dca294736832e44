/* eval.c: rnnc eval SPEC --weights W.safetensors (--text F | --words F | --data F.npz) [--part P]
 *
 * In: a spec, weights, data. Out: loss; of each target, with its name where there are several: of tokens the accuracy,
 * perplexity and, for characters, bits per character, and with --f1 that of each class of the first such target; of
 * labels of ctc the label error rate; of reals the mean square error, and the accuracy where they are 0 or 1; and the mean of each output that is one number
 * and depends on a target. With --free, what a model with `generate` says by itself is held against the target: whole
 * sequences, error rate, BLEU. */
#include "driver/prepare.h"
#include "driver/resume.h"
#include "train/free_run.h"
#include "train/metrics.h"
#include <math.h>
#include <stdlib.h>

enum { PART_ALL };          /* the first word of --part; the others are the parts */
enum { FREE_SYMBOLS = 10 }; /* of a sequence, about: each is a step, or a call for all that was said so far */

static void add_tally(prepared *p, const meter *r, metrics *found)
{
    const trainable *m = &p->c.t;
    for (size_t i = 0; i < m->inputs && !found->tally; i++) {
        if (r->output_of[i] < 0 || !m->input[i].token || m->input[i].aligned) continue;
        found->tallied = i;
        found->classes = m->input[i].classes;
        found->tally = ARENA_ARRAY(p->arena, class_tally, found->classes);
    }
}

static void print_f1(const metrics *m, const char *of)
{
    printf("F1%s %.6f\n", of, metrics_macro_f1(m));
    for (size_t i = 0; i < m->classes; i++) {
        class_tally t = m->tally[i];
        if (t.guessed + t.there == 0) continue;
        printf("class %zu: F1 %.6f, precision %.6f, recall %.6f, %.0f times\n", i, tally_f1(t),
               t.guessed > 0 ? t.right / t.guessed : 0, t.there > 0 ? t.right / t.there : 0, t.there);
    }
}

/* A number of a whole sequence would be one of each chunk. */
static int check_measures(const prepared *p)
{
    const trainable *m = &p->c.t;
    for (size_t i = 0; i < m->outputs && p->s.data.chunk; i++)
        if (m->output[i].measures && m->output[i].axes == 1)
            return command_fault(EXIT_SPEC,
                                 "%s: --chunk cuts sequences, and the output '%s' is one number of a whole one; "
                                 "leave --chunk out",
                                 m->model, m->output[i].name);
    return 0;
}

/* NaN without its sign. */
static double shown(double x) { return isnan(x) ? (double)NAN : x; }

static void print_measures(const meter *r)
{
    for (size_t i = 0; i < r->model->outputs; i++)
        if (r->measure[i].count > 0)
            printf("%s %.9g\n", r->model->output[i].name, shown(r->measure[i].sum / r->measure[i].count));
}

static bool is_wanted(const prepared *p, int part)
{
    uint64_t wanted = p->o->value[OPTION_PART].number;
    return wanted == PART_ALL || wanted == (uint64_t)part + 1;
}

static int measure(prepared *p, meter *r, metrics *found)
{
    const trainable *m = &p->c.t;
    void *packed = arena_alloc(p->arena, (m->packed_size + 1) * m->real_size);
    if (!meter_open(r, m, true)) return command_fault(EXIT_SYSTEM, "out of memory");
    m->pack(m->self, p->params, packed);
    if (p->o->value[OPTION_F1].given) add_tally(p, r, found);
    int code = 0;
    for (int i = 0; !code && i < PART_COUNT; i++)
        if (is_wanted(p, i)) code = meter_part(r, p->data, (data_part)i, p->params, packed, found);
    if (!code) metrics_finish(r, found);
    return command_measured(code);
}

static int run_freely(prepared *p)
{
    const option_value *v = p->o->value;
    sample_options how = {.length = v[OPTION_LENGTH].number,
                          .top_p = 1,
                          .beam = v[OPTION_BEAM].number,
                          .beam_power = v[OPTION_LENGTH_NORM].decimal};
    free_metrics found = {0};
    char *error = NULL;
    bool good = true;
    for (int i = 0; good && i < PART_COUNT; i++)
        if (is_wanted(p, i)) good = free_run_part(&p->c.t, p->params, p->data, (data_part)i, &how, &found, &error);
    if (!good) return command_fault_line(EXIT_SPEC, error);
    if (found.sequences == 0) return 0;
    printf("free running: whole sequences %.6f\n", found.right / found.sequences);
    if (found.symbols > 0) printf("free running: error rate %.6f\n", found.edits / found.symbols);
    printf("free running: BLEU %.6f\n", bleu_score(&found.bleu));
    return 0;
}

/* `of`: " of y", or nothing where there is one target. */
static void print_target(const prepared *p, const target_sum *s, const char *of, size_t beam)
{
    if (s->tokens > 0) {
        double nats = s->nats / s->chances;
        printf("accuracy%s %.6f\n", of, s->correct / s->tokens);
        if (s->chances > 0) printf("perplexity%s %.6g\n", of, exp(nats));
        if (s->chances > 0 && p->s.data.text) printf("bits per character %.6g\n", nats / log(2));
    }
    if (s->labels > 0) printf("label error rate%s %.6f\n", of, s->edits / s->labels);
    if (s->labels > 0 && beam) printf("label error rate%s, beam of %zu, %.6f\n", of, beam, s->beam_edits / s->labels);
    if (s->sequences > 0 && p->s.data.arrays && !p->s.data.chunk)
        printf("whole sequences%s %.6f\n", of, s->right / s->sequences);
    if (s->answers > 0) printf("accuracy%s %.6f\n", of, s->correct / s->answers);
    if (s->reals > 0) printf("mean square error%s %.9g\n", of, shown(s->squares / s->reals));
}

static int print(prepared *p, const meter *r, const metrics *m)
{
    const trainable *t = &p->c.t;
    size_t held = 0;
    if (m->weight == 0)
        return command_fault(EXIT_SPEC, "nothing in this part of the data counts; see --part and --split");
    printf("loss %.9g\n", shown(m->loss));
    for (size_t i = 0; i < t->inputs; i++) held += r->output_of[i] >= 0;
    for (size_t i = 0; i < t->inputs; i++) {
        const char *of = held > 1 ? arena_printf(p->arena, " of %s", t->input[i].name) : "";
        print_target(p, &r->target[i], of, m->beam);
        if (m->tally && m->tallied == i) print_f1(m, of);
    }
    print_measures(r);
    int code = p->o->value[OPTION_FREE].given ? run_freely(p) : 0;
    if (code) return code;
    if (isfinite(m->loss)) return command_finish(EXIT_SUCCESS);
    return command_fault(EXIT_NUMERIC, "the loss is %g; look for large numbers in the data and in the weights",
                         shown(m->loss));
}

/* What nothing would come of. */
static int check_search(const prepared *p)
{
    const option_value *v = p->o->value;
    const trainable *m = &p->c.t;
    char *error = NULL;
    if (v[OPTION_FREE].given && !free_run_check(m, &error)) return command_fault_line(EXIT_SPEC, error);
    bool labels = false;
    for (size_t i = 0; i < m->inputs; i++)
        labels = labels || (m->input[i].aligned && metrics_output(m, &m->input[i]) >= 0);
    if (v[OPTION_BEAM].given && !v[OPTION_FREE].given && !labels)
        return options_fault(p->o, "--beam has no effect without --free: the model has no labels of ctc");
    return 0;
}

static int check_options(const options *o)
{
    const option_value *v = o->value;
    if (!v[OPTION_WEIGHTS].given) return options_fault(o, "--weights is missing");
    if (v[OPTION_FREE].given && !v[OPTION_DATA].given) return options_fault(o, "--free needs --data: sequences");
    if (v[OPTION_FREE].given && v[OPTION_CHUNK].given)
        return options_fault(o, "--free and --chunk exclude each other: a sequence is run as a whole");
    if (v[OPTION_LENGTH].given && !v[OPTION_FREE].given)
        return options_fault(o, "--length has no effect without --free");
    if (v[OPTION_LENGTH_NORM].given && !(v[OPTION_FREE].given && v[OPTION_BEAM].given))
        return options_fault(o, "--length-norm has no effect without --free and --beam");
    return 0;
}

/* o: those of the training that say how data are cut and split are added. */
static int evaluate(prepared *p, options *o)
{
    const char *weights = p->o->value[OPTION_WEIGHTS].text;
    int code = prepare_checkpoint(p, weights);
    if (!code) resume_recall_data(o, p->words.flags);
    if (!code) code = prepare_data(p, false);
    size_t beam = p->o->value[OPTION_BEAM].number, sequences = p->s.data.batch;
    if (beam > sequences) sequences = beam;
    double calls = code ? 0 : (double)dataset_steps(p->data) / (double)sequences / (double)p->s.data.steps;
    if (o->value[OPTION_FREE].given) calls *= FREE_SYMBOLS * (beam ? (double)beam : 1);
    if (!code) code = prepare_model(p, sequences, p->s.data.steps, calls, PREPARE_TO_RUN);
    if (!code) code = prepare_weights(p, weights);
    if (!code) code = check_measures(p);
    if (!code) code = check_search(p);
    if (code) return code;
    metrics found = {.beam = beam};
    meter r;
    code = measure(p, &r, &found);
    if (!code) code = print(p, &r, &found);
    meter_close(&r);
    return code;
}

int command_eval(const options *o)
{
    int code = check_options(o);
    if (code) return code;
    prepared p;
    options all = *o;
    prepare_begin(&p, &all);
    code = evaluate(&p, &all);
    prepare_end(&p);
    return code;
}
