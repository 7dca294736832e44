/* point.c: a random point to compute at; see point.h.
 *
 * In: a graph, and a batch with its numbers of sequences and steps. Out: its lengths and inputs. */
#include "driver/point.h"
#include "train/arrays.h"
#include <math.h>

uint64_t point_draw(uint64_t *random)
{
    uint64_t z = *random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

double point_real(uint64_t *random) { return (double)(point_draw(random) >> 11) * 0x1p-52 - 1; }

void point_lengths(batch *b, const graph *g, arena *a, uint64_t *random)
{
    for (int axis = 1; axis <= g->axes; axis++) {
        b->lengths[axis] = ARENA_ARRAY(a, int, b->sequences);
        for (size_t n = 0; n < b->sequences; n++)
            b->lengths[axis][n] = n == 0 ? (int)b->steps[axis] : (int)(1 + point_draw(random) % b->steps[axis]);
        if (b->sequences >= POINT_ABSENT) b->lengths[axis][b->sequences - 1] = 0;
    }
}

size_t point_reals(const batch *b, const graph *g, const graph_input *in)
{
    return batch_time_rows(g, in->type.axes, b->steps) * b->sequences * (size_t)shape_size(in->type.shape);
}

static void *draw_input(const batch *b, const graph *g, arena *a, const graph_input *in, uint64_t *random)
{
    size_t rows = batch_time_rows(g, in->type.axes, b->steps), size = (size_t)shape_size(in->type.shape);
    size_t count = point_reals(b, g, in);
    double *reals = ARENA_ARRAY(a, double, count);
    int *tokens = ARENA_ARRAY(a, int, count);
    for (size_t n = 0; n < b->sequences && !in->probe; n++)
        for (size_t s = 0; s < rows; s++)
            for (size_t i = 0; i < size; i++) {
                size_t at = batch_index(b->sequences, n, s, size, i);
                bool inside = batch_inside(b, g, in->type.axes, n, s);
                reals[at] = inside ? point_real(random) : NAN;
                tokens[at] = inside ? (int)(point_draw(random) % (uint64_t)(in->classes > 0 ? in->classes : 1)) : -1;
            }
    return in->type.element == TOKEN ? (void *)tokens : (void *)reals;
}

/* Labels that ctc can align with the steps: no blanks, and no more than there is room for. */
static void mend_labels(const batch *b, const graph_input *in, int *labels)
{
    int axis = 1;
    while (!(in->type.axes & axis_bit(axis))) axis++;
    for (size_t n = 0; n < b->sequences; n++) {
        int *length = &b->lengths[axis][n];
        for (int s = 0; s < *length; s++) {
            int *label = &labels[(size_t)s * b->sequences + n];
            if (*label == in->blank) *label = (*label + 1) % in->classes;
        }
        while (*length > 1 && b->lengths[in->aligned][n] > 0 &&
               alignment_steps(labels + n, b->sequences, (size_t)*length) > (size_t)b->lengths[in->aligned][n])
            labels[(size_t)-- * length * b->sequences + n] = -1;
    }
}

void point_inputs(batch *b, const graph *g, arena *a, uint64_t *random)
{
    b->input = ARENA_ARRAY(a, void *, g->inputs.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++) { /* labels first: they set lengths */
        const graph_input *in = &g->inputs.data[i];
        if (!in->aligned) continue;
        b->input[i] = draw_input(b, g, a, in, random);
        mend_labels(b, in, b->input[i]);
    }
    for (size_t i = 0; i < g->inputs.len; i++)
        if (!g->inputs.data[i].aligned) b->input[i] = draw_input(b, g, a, &g->inputs.data[i], random);
}
