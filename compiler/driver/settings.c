/* settings.c: the numbers and words of a training, from three places; see settings.h and settings.def.
 *
 * In: the command line, the checked model. Out: settings, or a message. A flag that would have no effect is a fault of
 * the command line: --momentum of a rule without momentum, --chunk of a text. */
#include "driver/settings.h"
#include <stdlib.h>
#include <string.h>

enum { BATCH_DEFAULT = 32, STEPS_DEFAULT = 50, EPOCHS_DEFAULT = 10 };
static const double text_split[PART_COUNT] = {0.90, 0.05, 0.05}, array_split[PART_COUNT] = {0.90, 0.10, 0};

static const train_setting *spec_setting(const model *m, const char *key)
{
    for (size_t i = 0; i < m->train.len; i++)
        if (strcmp(m->train.data[i].key, key) == 0) return &m->train.data[i];
    return NULL;
}

/* The number of option or line of the spec; false: neither is there. */
static bool number(const options *o, const model *m, option_id id, const char *key, double *value)
{
    const train_setting *s = spec_setting(m, key);
    const option_value *v = &o->value[id];
    if (v->given)
        *value = options_is_decimal(id) ? v->decimal : (double)v->number;
    else if (s)
        *value = s->value;
    return v->given || s;
}

/* ---- the rule and its options ------------------------------------------------------------------------------------ */

static int read_words(settings *s, const options *o, const model *m)
{
    optimiser_rule rule = RULE_adam;
    schedule_kind schedule = SCHEDULE_constant;
    const train_setting *of_rule = spec_setting(m, "optimiser"), *of_schedule = spec_setting(m, "schedule");
    if (of_rule && !optimiser_rule_of(of_rule->word, &rule)) BUG("no optimiser %s", of_rule->word);
    if (of_schedule && !schedule_of(of_schedule->word, &schedule)) BUG("no schedule %s", of_schedule->word);
    if (o->value[OPTION_OPTIMISER].given) rule = (optimiser_rule)o->value[OPTION_OPTIMISER].number;
    if (o->value[OPTION_SCHEDULE].given) schedule = (schedule_kind)o->value[OPTION_SCHEDULE].number;
    s->optimiser = optimiser_defaults(rule, schedule);
    return 0;
}

/* An option that the rule (or schedule) `word` does not have. In the spec it is a fault, too, unless a flag chose
 * another rule. */
static int check_taken(const options *o, const model *m, option_id id, const char *key, bool takes, option_id chooser,
                       const char *word)
{
    if (takes) return 0;
    if (o->value[id].given) return options_fault(o, "--%s has no effect with %s", options_name(id), word);
    if (spec_setting(m, key) && !o->value[chooser].given)
        return command_fault(EXIT_SPEC, "%s: train { %s } has no effect with %s", o->operands.data[0], key, word);
    return 0;
}

static int check_all_taken(const settings *s, const options *o, const model *m)
{
    int code = 0;
#define takes_rule(option)                                                                                             \
    optimiser_takes(s->optimiser.rule, option), OPTION_OPTIMISER, optimiser_rule_name(s->optimiser.rule)
#define takes_schedule(option)                                                                                         \
    schedule_takes(s->optimiser.schedule, option), OPTION_SCHEDULE, schedule_name(s->optimiser.schedule)
#define TAKEN(kind, ID, key, option, of)                                                                               \
    if (!code) code = check_taken(o, m, OPTION_##ID, #key, takes_##of(#option));
#include "driver/settings.def"
    return code;
}

/* "embed.*=0.1,p.*=2" */
static int read_groups(settings *s, const options *o, const model *m)
{
    const char *written = o->value[OPTION_GROUP].text;
    if (!written) {
        s->optimiser.group = ARENA_ARRAY(o->arena, rate_group, m->train.len + 1);
        for (size_t i = 0; i < m->train.len; i++)
            if (m->train.data[i].pattern)
                s->optimiser.group[s->optimiser.groups++] =
                    (rate_group){m->train.data[i].pattern, m->train.data[i].value};
        return 0;
    }
    s->optimiser.group = ARENA_ARRAY(o->arena, rate_group, strlen(written));
    for (const char *at = written;;) {
        size_t n = strcspn(at, ",");
        const char *word = arena_strndup(o->arena, at, n), *equals = strrchr(word, '=');
        char *end = NULL;
        double factor = equals ? strtod(equals + 1, &end) : 0;
        if (!equals || equals == word || end == equals + 1 || *end)
            return options_fault(o, "--group: expected PATTERN=FACTOR, found '%s'", word);
        s->optimiser.group[s->optimiser.groups++] =
            (rate_group){arena_strndup(o->arena, word, (size_t)(equals - word)), factor};
        if (!at[n]) return 0;
        at += n + 1;
    }
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static int read_split(settings *s, const options *o, const model *m)
{
    bool arrays = s->data.arrays != NULL;
    memcpy(s->data.split, arrays ? array_split : text_split, sizeof s->data.split);
    const train_setting *held_out = spec_setting(m, "validation");
    const char *written = o->value[OPTION_SPLIT].text;
    if (!written && held_out) {
        s->data.split[PART_TRAIN] = 1 - held_out->value;
        s->data.split[PART_VALIDATE] = held_out->value;
        s->data.split[PART_TEST] = 0;
    }
    double sum = 0;
    const char *at = written;
    for (int i = 0; written && i < PART_COUNT; i++) {
        char *end;
        s->data.split[i] = strtod(at, &end);
        bool last = i == PART_COUNT - 1, good = end != at && s->data.split[i] >= 0 && s->data.split[i] <= 1;
        if (!good || *end != (last ? '\0' : ','))
            return options_fault(o, "--split: expected three shares, as in 0.9,0.05,0.05, found '%s'", written);
        sum += s->data.split[i];
        at = end + 1;
    }
    if (written && (sum > 1 + 1e-9 || sum < 1 - 1e-9))
        return options_fault(o, "--split: the shares add up to %g, not to 1", sum);
    return 0;
}

static int check_data_flags(const settings *s, const options *o)
{
    static const option_id of_arrays[] = {OPTION_CHUNK, OPTION_NO_SHUFFLE, OPTION_BUCKET};
    int given = (s->data.text != NULL) + (s->data.words != NULL) + (s->data.arrays != NULL);
    if (given == 0) return options_fault(o, "data is missing: one of --text, --words and --data");
    if (given > 1) return options_fault(o, "only one of --text, --words and --data may be given");
    if (s->data.arrays && o->value[OPTION_BLOCK].given)
        return options_fault(o, "--steps is for texts; arrays have steps of their own (--chunk cuts them)");
    if (!s->data.words && o->value[OPTION_VOCABULARY].given)
        return options_fault(o, "--vocabulary has no effect without --words");
    for (size_t i = 0; i < sizeof of_arrays / sizeof *of_arrays; i++)
        if (!s->data.arrays && o->value[of_arrays[i]].given)
            return options_fault(o, "--%s has no effect without --data", options_name(of_arrays[i]));
    return 0;
}

int settings_read(settings *s, const options *o, const model *m, bool to_train)
{
    *s = (settings){.data = {.batch = BATCH_DEFAULT, .steps = STEPS_DEFAULT, .seed = 1}, .loop = {.accumulate = 1}};
    s->data.text = o->value[OPTION_TEXT].text;
    s->data.words = o->value[OPTION_WORDS].text;
    s->data.arrays = o->value[OPTION_DATA].text;
    s->data.validation = o->value[OPTION_VALIDATION].text;
    s->data.vocabulary = o->value[OPTION_VOCABULARY].number;
    s->data.no_shuffle = o->value[OPTION_NO_SHUFFLE].given;
    s->data.bucket = o->value[OPTION_BUCKET].given;
    int code = check_data_flags(s, o);
    if (!code) code = read_split(s, o, m);
    if (!code) code = read_words(s, o, m);
    if (!code && to_train) code = check_all_taken(s, o, m);
    if (!code) code = read_groups(s, o, m);
    if (code) return code;
    double v;
#define WHOLE(ID, key, member)                                                                                         \
    if (number(o, m, OPTION_##ID, #key, &v)) s->member = (size_t)v;
#define REAL_SETTING(ID, key, member)                                                                                  \
    if (number(o, m, OPTION_##ID, #key, &v)) s->member = v;
#include "driver/settings.def"
    /* What runs freely runs whole sequences, however training cut them; the loss is the same. */
    if (s->data.text || s->data.words || o->value[OPTION_FREE].given) s->data.chunk = 0;
    /* The updates of a flag stand in the place of the spec's epochs. */
    if (o->value[OPTION_UPDATES].given && !o->value[OPTION_EPOCHS].given) s->loop.epochs = 0;
    if (!s->loop.updates && !s->loop.epochs) s->loop.epochs = EPOCHS_DEFAULT;
    s->loop.validate_every = o->value[OPTION_VALIDATE_EVERY].number;
    s->loop.save_every = o->value[OPTION_SAVE_EVERY].number;
    s->loop.csv = o->value[OPTION_CSV].text;
    s->loop.svg = o->value[OPTION_SVG].text;
    return 0;
}

const char *settings_text(arena *a, const settings *s)
{
    text *t = text_new(a);
    const optimiser_options *o = &s->optimiser;
    text_put(t, "optimiser = %s\n", optimiser_rule_name(o->rule));
    text_put(t, "schedule = %s\n", schedule_name(o->schedule));
#define WHOLE(ID, key, member)                                                                                         \
    text_put(t, #key " = %s\n", s->member ? arena_printf(a, "%llu", (unsigned long long)s->member) : "none");
#define REAL_SETTING(ID, key, member) text_put(t, #key " = %.9g\n", s->member);
#include "driver/settings.def"
    text_put(t, "group =%s", o->groups ? "" : " none");
    for (size_t i = 0; i < o->groups; i++) text_put(t, " %s=%.9g", o->group[i].pattern, o->group[i].factor);
    text_put(t, "\nsplit = %.9g,%.9g,%.9g\n", s->data.split[PART_TRAIN], s->data.split[PART_VALIDATE],
             s->data.split[PART_TEST]);
    text_put(t, "validation = %s\n", s->data.validation ? "a file of its own" : "a share of the data");
    text_put(t, "validate-every = %zu\n", s->loop.validate_every);
    text_put(t, "order = %s%s", s->data.no_shuffle ? "as in the file" : "shuffled",
             s->data.bucket ? ", by length" : "");
    return text_string(t);
}
