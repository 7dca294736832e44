/* tier.c: the first tier runs while the second is compiled; see tier.h.
 *
 * The compiler starts with the second call of tier_advance that comes a moment after the first: what is over by then
 * needs none. */
#define _GNU_SOURCE 1
#include "api/tier.h"
#include "train/clock.h"
#include <stdlib.h>
#include <string.h>

static const double moment = 0.1; /* seconds */

static void say(const tier *t, const char *error)
{
    const char *why = error ? error : "out of memory";
    if (t->how.notice)
        t->how.notice(arena_printf(t->l->arena, "%.*s; the code of libtcc goes on", (int)strcspn(why, "\n"), why));
}

bool tier_open(tier *t, loaded *l, arena *a, const pipeline *p, bool wait, void (*notice)(const char *line),
               const char **error)
{
    *t = (tier){.l = l, .p = p, .text = loaded_text_for(JIT_CC, a, p)};
    t->how = loaded_cc(p, &(jit_options){.backend = JIT_CC, .cache = true, .notice = notice});
    jit *cached = jit_cached(&t->how, t->text.text);
    if (cached) {
        loaded_of(l, a, p, t->text.c, cached);
        return true;
    }
    t->first = !wait && loaded_open(l, a, p, &(jit_options){.backend = JIT_TCC}, error);
    if (t->first) t->how.low_priority = true;
    return t->first || loaded_open(l, a, p, &t->how, error);
}

/* Puts the second tier's code into the place of the first's. */
static void replace(tier *t, jit *code)
{
    static const emit_size same[] = {SIZE_PARAMS, SIZE_PACKED, SIZE_STATE_BYTES};
    loaded next;
    loaded_of(&next, t->l->arena, t->p, t->text.c, code);
    if (next.c->field_count != t->l->c->field_count) BUG("two codes of one program take different arguments");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (loaded_size(&next, same[i], 1, NULL) != loaded_size(t->l, same[i], 1, NULL))
            BUG("two codes of one program lay out size %d differently", (int)same[i]);
    loaded_close(t->l);
    *t->l = next;
    t->first = false;
}

bool tier_advance(tier *t)
{
    char *error = NULL;
    if (!t->first) return false;
    if (!t->begun) {
        t->begun = true;
        t->started = clock_seconds();
    }
    if (!t->job) {
        if (clock_seconds() - t->started < moment) return false;
        t->job = jit_start(&t->how, t->text.text, &error);
        if (!t->job) say(t, error);
        t->first = t->job != NULL;
        free(error);
        return false;
    }
    if (!jit_ended(t->job)) return false;
    jit *code = jit_finish(t->job, &error);
    t->job = NULL;
    if (code)
        replace(t, code);
    else
        say(t, error);
    free(error);
    t->first = false;
    return code != NULL;
}

void tier_settle(tier *t)
{
    jit_cancel(t->job);
    t->job = NULL;
    t->first = false;
}
