/* sample.c: rnnc sample SPEC --weights W.safetensors [--data D.npz] [--beam K | --temperature X] [--prompt TEXT] ...
 *
 * In: a spec with a line `generate x[t+1] ~ p`, or with labels of ctc; weights; data, where the model reads more than
 * what it generates. Out: what the model says, on standard output or as arrays; the same for the same seed. */
#include "driver/sample_data.h"
#include <stdlib.h>

enum { LENGTH_DEFAULT = 500, LENGTH_DEFAULT_DATA = 100, SEED_DEFAULT = 1 };

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
    static const option_id drawing[] = {OPTION_TEMPERATURE, OPTION_TOP_K, OPTION_TOP_P};
    const option_value *v = o->value, *top_p = &v[OPTION_TOP_P];
    if (!v[OPTION_WEIGHTS].given) return options_fault(o, "--weights is missing");
    if (top_p->given && (top_p->decimal <= 0 || top_p->decimal > 1))
        return options_fault(o, "--top-p: expected a number above 0, at most 1, found '%s'", top_p->text);
    for (size_t i = 0; i < sizeof drawing / sizeof *drawing; i++)
        if (v[OPTION_BEAM].given && v[drawing[i]].given)
            return options_fault(o, "--beam and --%s exclude each other: a beam draws nothing",
                                 options_name(drawing[i]));
    if (v[OPTION_LENGTH_NORM].given && !v[OPTION_BEAM].given)
        return options_fault(o, "--length-norm has no effect without --beam");
    if (v[OPTION_PROMPT].given && v[OPTION_DATA].given)
        return options_fault(o, "--prompt and --data exclude each other: the data say how a sequence begins");
    if (v[OPTION_OUT].given && !v[OPTION_DATA].given)
        return options_fault(o, "-o has no effect without --data: a text is printed");
    return command_distinct(o, &(command_file){"-o", v[OPTION_OUT].text}, 1);
}

static int write(prepared *p)
{
    const options *o = p->o;
    const char *weights = o->value[OPTION_WEIGHTS].text, *data = o->value[OPTION_DATA].text,
               *out = o->value[OPTION_OUT].text;
    sample_options how = {.length = number_or(o, OPTION_LENGTH, data ? LENGTH_DEFAULT_DATA : LENGTH_DEFAULT),
                          .temperature = decimal_or(o, OPTION_TEMPERATURE, 1),
                          .top_k = number_or(o, OPTION_TOP_K, 0),
                          .top_p = decimal_or(o, OPTION_TOP_P, 1),
                          .seed = number_or(o, OPTION_SEED, SEED_DEFAULT),
                          .beam = number_or(o, OPTION_BEAM, 0),
                          .beam_power = decimal_or(o, OPTION_LENGTH_NORM, 0),
                          .prompt = o->value[OPTION_PROMPT].text};
    char *error = NULL;
    int code = prepare_checkpoint(p, weights);
    if (!code && out) code = command_can_write(out);
    how.vocabulary = p->words.vocabulary;
    if (!code) code = prepare_model(p, how.beam ? how.beam : 1, 1, (double)how.length, PREPARE_TO_RUN);
    if (!code) code = prepare_weights(p, weights);
    if (!code && data) code = sample_from_data(p, &how, data, out);
    if (code || data) return code ? code : command_finish(EXIT_SUCCESS);
    if (!sample_write(&p->c.t, p->params, &how, stdout, &error)) return command_fault_line(EXIT_SPEC, error);
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
