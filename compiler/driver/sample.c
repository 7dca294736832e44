/* sample.c: rnnc sample SPEC --weights W.safetensors [--length N] [--temperature X] [--prompt TEXT] ...
 *
 * In: a spec with a line `generate x[t+1] ~ p`, weights. Out: on standard output, what the model writes; the same for
 * the same seed. */
#include "driver/prepare.h"
#include "train/sampler.h"
#include <stdlib.h>

enum { LENGTH_DEFAULT = 500, SEED_DEFAULT = 1 };

static uint64_t number_or(const options *o, option_id id, uint64_t otherwise)
{
    return o->value[id].given ? o->value[id].number : otherwise;
}

static double decimal_or(const options *o, option_id id, double otherwise)
{
    return o->value[id].given ? o->value[id].decimal : otherwise;
}

static int check_options(const options *o)
{
    const option_value *top_p = &o->value[OPTION_TOP_P];
    if (!o->value[OPTION_WEIGHTS].given) return options_fault(o, "--weights is missing");
    if (top_p->given && (top_p->decimal <= 0 || top_p->decimal > 1))
        return options_fault(o, "--top-p: expected a number above 0, at most 1, found '%s'", top_p->text);
    return 0;
}

static int write(prepared *p)
{
    const options *o = p->o;
    sample_options how = { .length = number_or(o, OPTION_LENGTH, LENGTH_DEFAULT),
                           .temperature = decimal_or(o, OPTION_TEMPERATURE, 1),
                           .top_k = number_or(o, OPTION_TOP_K, 0),
                           .top_p = decimal_or(o, OPTION_TOP_P, 1),
                           .seed = number_or(o, OPTION_SEED, SEED_DEFAULT),
                           .prompt = o->value[OPTION_PROMPT].text };
    const char *weights = o->value[OPTION_WEIGHTS].text;
    char *error = NULL;
    int code = prepare_checkpoint(p, weights);
    how.vocabulary = p->words.vocabulary;
    if (!code) code = prepare_model(p, 1, 1, (double)how.length);
    if (!code) code = prepare_weights(p, weights, true);
    if (code) return code;
    if (!sample_write(&p->c.t, p->params, &how, stdout, &error)) return prepare_fault(EXIT_SPEC, error);
    return command_finish(EXIT_SUCCESS);
}

int command_sample(const options *o)
{
    int code = check_options(o);
    if (code) return code;
    prepared p;
    prepare_begin(&p, o);
    code = write(&p);
    prepare_end(&p);
    return code;
}
