/* eval.c: rnnc eval SPEC --weights W.safetensors (--text F | --words F | --data F.npz) [--part P]
 *
 * In: a spec, weights, data. Out: loss; of targets of tokens the accuracy, perplexity and, for characters, bits per
 * character; of targets of reals the mean square error. */
#include "driver/prepare.h"
#include "train/metrics.h"
#include <math.h>
#include <stdlib.h>

static const double calls_guess = 100;
enum { PART_ALL }; /* the first word of --part; the others are the parts */

static int measure(prepared *p, metrics *found)
{
    const trainable *m = &p->c.t;
    meter r;
    void *packed = arena_alloc(p->arena, (m->packed_size + 1) * m->real_size);
    if (!meter_open(&r, m, true)) {
        meter_close(&r);
        return command_fault(EXIT_SYSTEM, "out of memory");
    }
    m->pack(m->self, p->params, packed);
    uint64_t part = p->o->value[OPTION_PART].number;
    int code = 0;
    for (int i = 0; !code && i < PART_COUNT; i++)
        if (part == PART_ALL || part == (uint64_t)i + 1)
            code = meter_part(&r, p->data, (data_part)i, p->params, packed, found);
    meter_close(&r);
    if (code) return command_fault(EXIT_SYSTEM, "the generated code refuses a batch (error %d)", code);
    metrics_finish(found);
    return 0;
}

static int print(const prepared *p, const metrics *m)
{
    if (m->weight == 0) return command_fault(EXIT_SPEC, "this part of the data is empty; see --part and --split");
    printf("loss %.9g\n", m->loss);
    if (m->tokens > 0) {
        double nats = m->nats / m->tokens;
        printf("accuracy %.6f\n", m->correct / m->tokens);
        printf("perplexity %.6g\n", exp(nats));
        if (p->s.data.text) printf("bits per character %.6g\n", nats / log(2));
    }
    if (m->reals > 0) printf("mean square error %.9g\n", m->squares / m->reals);
    return command_finish(isfinite(m->loss) ? EXIT_SUCCESS : EXIT_NUMERIC);
}

static int evaluate(prepared *p)
{
    const char *weights = p->o->value[OPTION_WEIGHTS].text;
    int code = prepare_checkpoint(p, weights);
    if (!code) code = prepare_data(p, false);
    if (!code) code = prepare_model(p, p->s.data.batch, p->s.data.steps, calls_guess);
    if (!code) code = prepare_weights(p, weights, true);
    metrics found = { 0 };
    if (!code) code = measure(p, &found);
    return code ? code : print(p, &found);
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
