/* axes.c: sets of axes: bit 0 is the batch, which is no time axis; see model_axes. */
#include "model/context.h"

int axes_count(model_axes set)
{
    int n = 0;
    for (set >>= 1; set; set &= set - 1) n++;
    return n;
}

int axes_first(model_axes set)
{
    for (int axis = 1; axis <= MODEL_MAX_AXES; axis++)
        if (set & axes_of(axis)) return axis;
    return 0;
}

int axes_only(model_axes set) { return axes_count(set) == 1 ? axes_first(set) : 0; }

const char *axes_text(arena *a, const model *m, model_axes set)
{
    const char *s = "";
    for (int axis = 1; axis <= m->axes; axis++)
        if (set & axes_of(axis)) s = arena_printf(a, "%s%s%s", s, *s ? ", " : "", m->axis[axis].letter);
    return s;
}
