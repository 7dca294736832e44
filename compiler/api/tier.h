/* tier.h: code that works at once and becomes faster beside that: libtcc's first, the C compiler's when it is ready.
 *
 *     tier t;
 *     if (!tier_open(&t, &l, a, &p, notice, &error)) ...     l: loaded, as by loaded_open
 *     while (...) {
 *         loaded_run(...);
 *         if (tier_advance(&t)) ...                          l is now other code: fill in calls and `packed` anew
 *     }
 *     tier_settle(&t);                                       nothing runs beside the caller any more
 *
 * Both are made from the same programs: parameters, states and gradients mean the same to either, and results are the
 * same up to rounding. What the cache has needs no first tier. */
#ifndef API_TIER_H
#define API_TIER_H

#include "api/loaded.h"

typedef struct tier {
    loaded *l;
    const pipeline *p;
    loaded_text text; /* of the second tier */
    jit_options how;
    jit_job *job; /* NULL: no compiler runs */
    bool first;   /* l is the first tier's, and there is to be another */
    bool begun;   /* since `started`: seconds */
    double started;
} tier;

/* Opens l with what there is: the second tier's code if it is in the cache, else the first's, else the second's when it
 * is compiled. `wait`: for the second's in any case. notice: gets a line when the cache or the compiler fails. */
bool tier_open(tier *t, loaded *l, arena *a, const pipeline *p, bool wait, void (*notice)(const char *line),
               const char **error);
bool tier_advance(tier *t);
void tier_settle(tier *t);

#endif
