/* eval.c: rnnc eval SPEC --weights W.safetensors (--text F | --words F | --data F.npz) [--part P]
 *
 * In: a spec, weights, data. Out: loss; of targets of tokens the accuracy, perplexity and, for characters, bits per
 * character, and with --f1 that of each class of the first such target; of labels of ctc the label error rate; of targets
 * of reals the mean square error; and the mean of each output that is one number and depends on a target. */
#include "driver/prepare.h"
#include "train/metrics.h"
#include <math.h>
#include <stdlib.h>

static const double calls_guess = 100;
enum { PART_ALL }; /* the first word of --part; the others are the parts */

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

static void print_f1(const metrics *m)
{
    printf("F1 %.6f\n", metrics_macro_f1(m));
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

static void print_measures(const meter *r)
{
    for (size_t i = 0; i < r->model->outputs; i++)
        if (r->measure[i].count > 0)
            printf("%s %.9g\n", r->model->output[i].name, r->measure[i].sum / r->measure[i].count);
}

static int measure(prepared *p, meter *r, metrics *found)
{
    const trainable *m = &p->c.t;
    void *packed = arena_alloc(p->arena, (m->packed_size + 1) * m->real_size);
    if (!meter_open(r, m, true)) return command_fault(EXIT_SYSTEM, "out of memory");
    m->pack(m->self, p->params, packed);
    if (p->o->value[OPTION_F1].given) add_tally(p, r, found);
    uint64_t part = p->o->value[OPTION_PART].number;
    int code = 0;
    for (int i = 0; !code && i < PART_COUNT; i++)
        if (part == PART_ALL || part == (uint64_t)i + 1)
            code = meter_part(r, p->data, (data_part)i, p->params, packed, found);
    if (code) return command_fault(EXIT_SYSTEM, "the generated code refuses a batch (error %d)", code);
    metrics_finish(found);
    return 0;
}

static int print(const prepared *p, const meter *r, const metrics *m)
{
    if (m->weight == 0) return command_fault(EXIT_SPEC, "this part of the data is empty; see --part and --split");
    printf("loss %.9g\n", m->loss);
    if (m->tokens > 0) {
        double nats = m->nats / m->tokens;
        printf("accuracy %.6f\n", m->correct / m->tokens);
        printf("perplexity %.6g\n", exp(nats));
        if (p->s.data.text) printf("bits per character %.6g\n", nats / log(2));
    }
    if (m->labels > 0) printf("label error rate %.6f\n", m->edits / m->labels);
    if (m->tally) print_f1(m);
    if (m->reals > 0) printf("mean square error %.9g\n", m->squares / m->reals);
    print_measures(r);
    return command_finish(isfinite(m->loss) ? EXIT_SUCCESS : EXIT_NUMERIC);
}

static int evaluate(prepared *p)
{
    const char *weights = p->o->value[OPTION_WEIGHTS].text;
    int code = prepare_checkpoint(p, weights);
    if (!code) code = prepare_data(p, false);
    if (!code) code = prepare_model(p, p->s.data.batch, p->s.data.steps, calls_guess);
    if (!code) code = prepare_weights(p, weights, true);
    if (!code) code = check_measures(p);
    if (code) return code;
    metrics found = { 0 };
    meter r;
    code = measure(p, &r, &found);
    if (!code) code = print(p, &r, &found);
    meter_close(&r);
    return code;
}

int command_eval(const options *o)
{
    if (!o->value[OPTION_WEIGHTS].given) return options_fault(o, "--weights is missing");
    prepared p;
    prepare_begin(&p, o);
    int code = evaluate(&p);
    prepare_end(&p);
    return code;
}
