/* feed.c: random inputs of a subject, and parts of them: one sequence, some steps, other padding; see subject.h. */
#include "agree/subject.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t type_count(type t, const feed *f)
{
    size_t n = (size_t)shape_size(t.shape);
    if (t.axes & BATCH) n *= (size_t)f->batch;
    for (int i = 1; i <= MAX_TIME_AXES; i++)
        if (t.axes & axis_bit(i)) n *= (size_t)f->steps[i];
    return n;
}

bool is_valid(const feed *f, type t, size_t row, int *seq)
{
    *seq = 0;
    if (t.axes & BATCH) {
        *seq = (int)(row % (size_t)f->batch);
        row /= (size_t)f->batch;
    }
    bool valid = true;
    for (int i = MAX_TIME_AXES; i >= 1; i--) {
        if (f->lengths[i] && f->lengths[i][*seq] == 0 && (t.axes & BATCH)) valid = false;
        if (!(t.axes & axis_bit(i))) continue;
        size_t at = row % (size_t)f->steps[i];
        row /= (size_t)f->steps[i];
        if (f->lengths[i] && at >= (size_t)f->lengths[i][*seq]) valid = false;
    }
    return valid;
}

size_t param_count(const subject *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->interface->params.len; i++) n += (size_t)shape_size(s->interface->params.data[i].shape);
    return n;
}

/* Labels that ctc can align with the steps: no blank, no repeats, and where lengths are free, no more than steps: what
 * is impossible costs 1e30, beside which no difference is seen. */
static void settle_labels(feed *f, const graph_input *in, double *labels)
{
    int axis = 1;
    while (!(in->type.axes & axis_bit(axis))) axis++;
    for (int b = 0; b < f->batch; b++) {
        for (int s = 0; s < f->steps[axis]; s++) {
            double *label = &labels[s * f->batch + b], before = s ? label[-f->batch] : -1;
            while (*label == in->blank || *label == before) *label = fmod(*label + 1, in->classes);
        }
        if (f->lengths[axis] && f->lengths[in->aligned][b] > 0 && f->lengths[axis][b] > f->lengths[in->aligned][b])
            f->lengths[axis][b] = f->lengths[in->aligned][b];
    }
}

feed *feed_new(const subject *s, uint64_t *random, feed_size size)
{
    arena *a = s->arena;
    const graph *g = s->interface;
    feed *f = ARENA_NEW(a, feed);
    f->batch = size.batch;
    f->seed = 11;
    f->update = 5;
    f->sequence = 40;
    for (int i = 1; i <= g->axes; i++) {
        f->steps[i] = i == 1 || size.square ? size.steps : 1 + (size.steps + 2 * i) % 6;
        if (!size.ragged) continue;
        f->lengths[i] = ARENA_ARRAY(a, int, (size_t)size.batch);
        for (int b = 0; b < size.batch; b++)
            f->lengths[i][b] = b == 1 && i == g->axes ? 0
                               : b == 0               ? f->steps[i]
                                                      : 1 + random_below(random, f->steps[i]);
    }
    f->inputs = ARENA_ARRAY(a, double *, g->inputs.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        size_t n = type_count(in->type, f);
        f->inputs[i] = ARENA_ARRAY(a, double, n);
        for (size_t k = 0; k < n; k++) {
            double u = random_unit(random);
            f->inputs[i][k] =
                in->type.element == TOKEN ? floor(u * in->classes) : (double)(float)(in->target ? u : 2 * u - 1);
        }
        if (in->aligned && in->classes > 2) settle_labels(f, in, f->inputs[i]);
    }
    double *p = f->params = ARENA_ARRAY(a, double, param_count(s));
    for (size_t i = 0; i < g->params.len; i++) { /* of a size that keeps sums over a row near 1 */
        shape of = g->params.data[i].shape;
        double most = fmin(0.6, 1.5 / sqrt(of.dim[1]));
        for (int k = 0; k < shape_size(of); k++) *p++ = (double)(float)(most * (2 * random_unit(random) - 1));
    }
    return f;
}

feed *feed_copy(const subject *s, const feed *f)
{
    feed *to = ARENA_NEW(s->arena, feed);
    *to = *f;
    const graph *g = s->interface;
    to->inputs = ARENA_ARRAY(s->arena, double *, g->inputs.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++) {
        size_t n = type_count(g->inputs.data[i].type, f);
        to->inputs[i] = ARENA_ARRAY(s->arena, double, n);
        memcpy(to->inputs[i], f->inputs[i], n * sizeof(double));
    }
    for (int i = 1; i <= MAX_TIME_AXES; i++) {
        if (!f->lengths[i]) continue;
        to->lengths[i] = ARENA_ARRAY(s->arena, int, (size_t)f->batch);
        memcpy(to->lengths[i], f->lengths[i], (size_t)f->batch * sizeof(int));
    }
    return to;
}

/* Rows of `from` to `to`: sequences from `seq` on, steps of axis 1 from `first` on. */
static void cut_array(type t, const double *from, const feed *f, double *to, const feed *part, int seq, int first)
{
    size_t width = (size_t)shape_size(t.shape), rows = type_count(t, part) / width;
    for (size_t r = 0; r < rows; r++) {
        size_t rest = r, at = 0, stride = 1;
        if (t.axes & BATCH) {
            at = rest % (size_t)part->batch + (size_t)seq;
            rest /= (size_t)part->batch;
            stride = (size_t)f->batch;
        }
        for (int i = MAX_TIME_AXES; i >= 1; i--) {
            if (!(t.axes & axis_bit(i))) continue;
            at += (rest % (size_t)part->steps[i] + (i == 1 ? (size_t)first : 0)) * stride;
            rest /= (size_t)part->steps[i];
            stride *= (size_t)f->steps[i];
        }
        memcpy(to + r * width, from + at * width, width * sizeof(double));
    }
}

static void cut_inputs(const subject *s, const feed *f, feed *part, int seq, int first)
{
    const graph *g = s->interface;
    part->inputs = ARENA_ARRAY(s->arena, double *, g->inputs.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++) {
        type t = g->inputs.data[i].type;
        part->inputs[i] = ARENA_ARRAY(s->arena, double, type_count(t, part));
        cut_array(t, f->inputs[i], f, part->inputs[i], part, seq, first);
    }
}

feed *feed_sequence(const subject *s, const feed *f, int seq)
{
    feed *part = ARENA_NEW(s->arena, feed);
    *part = *f;
    part->batch = 1;
    part->sequence += (uint64_t)seq;
    for (int i = 1; i <= MAX_TIME_AXES; i++) {
        if (!f->lengths[i]) continue;
        part->lengths[i] = NULL;
        part->steps[i] = f->lengths[i][seq]; /* cut to its own length: no padding at all */
    }
    cut_inputs(s, f, part, seq, 0);
    return part;
}

feed *feed_chunk(const subject *s, const feed *f, int first, int count)
{
    feed *part = ARENA_NEW(s->arena, feed);
    *part = *f;
    part->steps[1] = count;
    if (f->lengths[1]) {
        part->lengths[1] = ARENA_ARRAY(s->arena, int, (size_t)f->batch);
        for (int b = 0; b < f->batch; b++) {
            int left = f->lengths[1][b] - first;
            part->lengths[1][b] = left < 0 ? 0 : left > count ? count : left;
        }
    }
    cut_inputs(s, f, part, 0, first);
    return part;
}

void feed_pad(const subject *s, feed *f, double real, double token)
{
    const graph *g = s->interface;
    for (size_t i = 0; i < g->inputs.len; i++) {
        type t = g->inputs.data[i].type;
        size_t width = (size_t)shape_size(t.shape), rows = type_count(t, f) / width;
        int seq;
        for (size_t r = 0; r < rows; r++) {
            if (is_valid(f, t, r, &seq)) continue;
            for (size_t k = 0; k < width; k++) f->inputs[i][r * width + k] = t.element == TOKEN ? token : real;
        }
    }
}
