/* optimiser.c: clipping, the learning rate and the rules; see optimiser.h.
 *
 * In: a gradient, the options, the state of the rule. Out: changed parameters and state. The loops over parameters
 * stand in optimiser_real.h, once for float and once for double; here is what depends on no type: options and their
 * defaults, schedules, groups. All state between two updates lies in the struct `optimiser`; the same state, gradient
 * and epoch give the same bits. */
#define _GNU_SOURCE 1
#include "train/optimiser.h"
#include "train/fault.h"
#include "train/parts.h"
#include <float.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLIP_EPSILON 1e-6     /* torch.nn.utils.clip_grad_norm_: clip / (norm + 1e-6) */
#define PLATEAU_PROGRESS 1e-4 /* torch's ReduceLROnPlateau: a loss must be better by this share */

enum { SUMS = 8 };
enum { WORTH_PARTS = 1 << 19 }; /* parameters: an update of some 500 us */

/* What the rules read, made for one update. */
typedef struct coefficients {
    double rate, decay, momentum, rho, epsilon, beta1, beta2;
    double correction1, correction2; /* of adam's moments: 1 - beta^t */
} coefficients;

#define REAL float
#define SQRT sqrtf
#define RULE(x) x##_float
#include "train/optimiser_real.h"
#undef REAL
#undef SQRT
#undef RULE
#define REAL double
#define SQRT sqrt
#define RULE(x) x##_double
#include "train/optimiser_real.h"
#undef REAL
#undef SQRT
#undef RULE

static const char *const rule_names[RULE_COUNT] = {
#define OPTIMISER(name, slots, source) #name,
#include "train/optimisers.def"
};

static const int rule_slots[RULE_COUNT] = {
#define OPTIMISER(name, slots, source) slots,
#include "train/optimisers.def"
};

static const char *const schedule_names[SCHEDULE_COUNT] = {
#define SCHEDULE(name, equation) #name,
#include "train/schedules.def"
};

#define OPTIMISER(name, slots, source)                                                                                 \
    _Static_assert((slots) <= OPTIMISER_MAX_SLOTS, #name " keeps more arrays than there is room for");
#include "train/optimisers.def"

const char *optimiser_rule_name(optimiser_rule r) { return rule_names[r]; }
const char *schedule_name(schedule_kind s) { return schedule_names[s]; }

/* The place of a word, or -1. */
static int place(const char *const *words, int n, const char *text)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], text) == 0) return i;
    return -1;
}

bool optimiser_rule_of(const char *text, optimiser_rule *out)
{
    int i = place(rule_names, RULE_COUNT, text);
    if (i >= 0) *out = (optimiser_rule)i;
    return i >= 0;
}

bool schedule_of(const char *text, schedule_kind *out)
{
    int i = place(schedule_names, SCHEDULE_COUNT, text);
    if (i >= 0) *out = (schedule_kind)i;
    return i >= 0;
}

optimiser_options optimiser_defaults(optimiser_rule r, schedule_kind s)
{
    optimiser_options o = {.rule = r, .schedule = s};
#define TAKES(name, parameter, value)                                                                                  \
    if (r == RULE_##name) o.parameter = value;
#include "train/optimisers.def"
#define TAKES(name, parameter, value)                                                                                  \
    if (s == SCHEDULE_##name) o.parameter = value;
#include "train/schedules.def"
    return o;
}

bool optimiser_takes(optimiser_rule r, const char *option)
{
#define TAKES(name, parameter, value)                                                                                  \
    if (r == RULE_##name && strcmp(option, #parameter) == 0) return true;
#include "train/optimisers.def"
    return false;
}

bool schedule_takes(schedule_kind s, const char *option)
{
#define TAKES(name, parameter, value)                                                                                  \
    if (s == SCHEDULE_##name && strcmp(option, #parameter) == 0) return true;
#include "train/schedules.def"
    return false;
}

/* Adam without bias correction (beta = 0) and momentum 0 are sound; 1 would never forget. */
static bool share_is(const char *option, double v, char **error)
{
    if (v >= 0 && v < 1) return true;
    return fault_set(error, "%s is %g: choose a number from 0 to below 1", option, v);
}

static bool amount_is(const char *option, double v, char **error)
{
    if (v >= 0 && isfinite(v)) return true;
    return fault_set(error, "%s is %g: choose a number that is not negative", option, v);
}

/* Where every gradient of a parameter has been 0 so far, as of a token that no data hold, epsilon alone is what is
 * divided by. */
static bool epsilon_is(const optimiser_options *o, char **error)
{
    if (!optimiser_takes(o->rule, "epsilon") || (o->epsilon >= FLT_MIN && isfinite(o->epsilon))) return true;
    return fault_set(error, "epsilon is %g: choose a number well above 0, since a gradient that is 0 is divided by it",
                     o->epsilon);
}

static bool groups_are(const optimiser_options *o, const trainable *m, char **error)
{
    for (size_t g = 0; g < o->groups; g++) {
        size_t i = 0;
        while (i < m->params && fnmatch(o->group[g].pattern, m->param[i].name, 0) != 0) i++;
        if (i == m->params)
            return fault_set(error, "no parameter fits the pattern '%s' of a rate: 'rnnc check -v' lists the names",
                             o->group[g].pattern);
        if (!amount_is("the factor of a rate", o->group[g].factor, error)) return false;
    }
    return true;
}

bool optimiser_check(const optimiser_options *o, const trainable *m, char **error)
{
    bool ok = amount_is("rate", o->rate, error) && share_is("momentum", o->momentum, error) &&
              share_is("beta1", o->beta1, error) && share_is("beta2", o->beta2, error) &&
              share_is("rho", o->rho, error) && epsilon_is(o, error) &&
              amount_is("weight decay", o->weight_decay, error) && amount_is("clip", o->clip_norm, error) &&
              amount_is("clip of values", o->clip_value, error);
    if (!ok) return false;
    if (schedule_takes(o->schedule, "factor") && !(o->factor > 0 && o->factor <= 1))
        return fault_set(error, "factor is %g: choose a number above 0, at most 1", o->factor);
    if (schedule_takes(o->schedule, "every") && o->every == 0)
        return fault_set(error, "schedule %s needs a number of epochs: every is 0", schedule_names[o->schedule]);
    if (schedule_takes(o->schedule, "total") && o->total <= o->warm_up)
        return fault_set(error, "schedule %s has %zu updates, and %zu of them warm up: train longer, or warm up less",
                         schedule_names[o->schedule], o->total, o->warm_up);
    return groups_are(o, m, error);
}

static double group_factor(const optimiser_options *o, const char *name)
{
    for (size_t g = 0; g < o->groups; g++)
        if (fnmatch(o->group[g].pattern, name, 0) == 0) return o->group[g].factor;
    return 1;
}

optimiser *optimiser_new(const optimiser_options *o, const trainable *m)
{
    optimiser *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (optimiser){.options = *o, .size = m->size, .real_size = m->real_size, .scale = 1, .best = INFINITY};
    bool ok = (p->group_factor = calloc(m->params + 1, sizeof *p->group_factor)) != NULL;
    for (; ok && p->slots < rule_slots[o->rule]; p->slots++)
        ok = (p->slot[p->slots] = calloc(m->size + 1, m->real_size)) != NULL;
    if (!ok) {
        optimiser_free(p);
        return NULL;
    }
    for (size_t i = 0; i < m->params; i++) p->group_factor[i] = group_factor(o, m->param[i].name);
    p->options.group = NULL;
    p->options.groups = 0;
    return p;
}

void optimiser_free(optimiser *p)
{
    if (!p) return;
    for (int i = 0; i < OPTIMISER_MAX_SLOTS; i++) free(p->slot[i]);
    free(p->group_factor);
    free(p);
}

/* How far linear and cosine have come, from 0 to 1. */
static double fallen(const optimiser *p)
{
    const optimiser_options *o = &p->options;
    if (p->updates <= o->warm_up) return 0;
    if (p->updates >= o->total) return 1;
    return (double)(p->updates - o->warm_up) / (double)(o->total - o->warm_up);
}

static double scheduled(const optimiser *p, double epoch)
{
    const optimiser_options *o = &p->options;
    switch (o->schedule) {
    case SCHEDULE_constant: return 1;
    case SCHEDULE_step: return pow(o->factor, floor(epoch / (double)o->every));
    case SCHEDULE_halving: return pow(o->factor, fmax(0, floor(epoch) + 1 - (double)o->after));
    case SCHEDULE_exponential: return pow(o->factor, epoch);
    case SCHEDULE_linear: return 1 - fallen(p);
    case SCHEDULE_cosine: return (1 + cos(acos(-1) * fallen(p))) / 2;
    case SCHEDULE_plateau: return p->scale;
    case SCHEDULE_COUNT: break;
    }
    return 1;
}

double optimiser_rate(const optimiser *p, double epoch)
{
    const optimiser_options *o = &p->options;
    double rate = o->rate * scheduled(p, epoch);
    return p->updates < o->warm_up ? rate * (double)(p->updates + 1) / (double)o->warm_up : rate;
}

double optimiser_update(optimiser *p, const trainable *m, void *params, void *grads, double epoch)
{
    const optimiser_options *o = &p->options;
    double t = (double)p->updates + 1;
    coefficients k = {
        .rate = optimiser_rate(p, epoch),
        .decay = o->weight_decay,
        .momentum = o->momentum,
        .rho = o->rho,
        .epsilon = o->epsilon,
        .beta1 = o->beta1,
        .beta2 = o->beta2,
        .correction1 = 1 - pow(o->beta1, t),
        .correction2 = 1 - pow(o->beta2, t),
    };
    double norm =
        p->real_size == sizeof(double) ? update_double(p, m, &k, params, grads) : update_float(p, m, &k, params, grads);
    if (isfinite(norm)) p->updates++;
    return norm;
}

void optimiser_epoch(optimiser *p, double validation_loss)
{
    if (p->options.schedule != SCHEDULE_plateau) return;
    /* The first finite loss is progress; a loss that is no number never is. */
    if (isfinite(p->best) ? validation_loss < p->best - PLATEAU_PROGRESS * fabs(p->best) : isfinite(validation_loss)) {
        p->best = validation_loss;
        p->bad_epochs = 0;
    } else if (++p->bad_epochs > p->options.patience) {
        p->scale *= p->options.factor;
        p->bad_epochs = 0;
    }
}
