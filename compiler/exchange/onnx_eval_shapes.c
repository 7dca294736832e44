/* onnx_eval_shapes.c: operators that move, choose and make elements; see onnx_eval.h. */
#include "exchange/onnx_operators.h"
#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

const char *eval_shape(const eval_task *t)
{
    int rank = t->in[0]->rank;
    int64_t from = onnx_int(t->n, "start", 0), to = onnx_int(t->n, "end", rank);
    from = from < 0 ? from + rank : from;
    to = to < 0 ? to + rank : to;
    from = from < 0 ? 0 : from > rank ? rank : from;
    to = to < from ? from : to > rank ? rank : to;
    t->out[0] = nd_new(t->a, 1, (int[]){(int)(to - from)}, true);
    for (int i = 0; i < (int)(to - from); i++) t->out[0].v[i] = t->in[0]->dim[from + i];
    return NULL;
}

const char *eval_size(const eval_task *t)
{
    t->out[0] = nd_new(t->a, 0, NULL, true);
    t->out[0].v[0] = (double)t->in[0]->count;
    return NULL;
}

/* A constant that is a tensor, a number or a list. */
const char *eval_constant(const eval_task *t)
{
    const onnx_attribute *value = onnx_find(t->n, "value"), *one = onnx_find(t->n, "value_int"),
                         *real = onnx_find(t->n, "value_float"), *list = onnx_find(t->n, "value_ints"),
                         *reals = onnx_find(t->n, "value_floats");
    size_t n = list ? list->ints.len : reals ? reals->floats.len : 1;
    if (value && value->t) {
        t->out[0] = *value->t;
        return NULL;
    }
    if (!one && !real && !list && !reals) return eval_fault(t, "only a constant that is a tensor, or numbers");
    t->out[0] = nd_new(t->a, list || reals, (int[]){(int)n}, one || list);
    for (size_t i = 0; i < n; i++)
        t->out[0].v[i] = one    ? (double)one->i
                         : real ? real->f
                         : list ? (double)list->ints.data[i]
                                : reals->floats.data[i];
    return NULL;
}

const char *eval_range(const eval_task *t)
{
    double v[3];
    for (int i = 0; i < 3; i++) {
        if (t->in[i]->count != 1) return eval_fault(t, "its operands are not numbers");
        v[i] = t->in[i]->v[0];
    }
    double n = fmax(ceil((v[1] - v[0]) / v[2]), 0);
    if (!(n <= ND_MAX_COUNT)) return eval_fault(t, "it is too long");
    t->out[0] = nd_new(t->a, 1, (int[]){(int)n}, t->in[0]->integer);
    for (size_t i = 0; i < t->out[0].count; i++) t->out[0].v[i] = v[0] + (double)i * v[2];
    return NULL;
}

/* The rank, and `dim`, that an operand says; -1: *error says why not. */
static int new_shape(const eval_task *t, const nd *shape, int *dim, const char **error)
{
    double size = 1;
    if (!shape || shape->count > ND_MAX_RANK) {
        *error = eval_fault(t, "its shape is missing or too long");
        return -1;
    }
    int rank = (int)shape->count;
    for (int i = 0; i < rank; i++) {
        if (shape->v[i] > 0) size *= shape->v[i];
        if (!(fabs(shape->v[i]) <= ND_MAX_COUNT && size <= ND_MAX_COUNT)) {
            *error = eval_fault(t, "its shape is too large");
            return -1;
        }
        dim[i] = (int)shape->v[i];
    }
    return rank;
}

const char *eval_constant_of_shape(const eval_task *t)
{
    int dim[ND_MAX_RANK];
    const char *error;
    int rank = new_shape(t, t->in[0], dim, &error);
    if (rank < 0) return error;
    const onnx_attribute *value = onnx_find(t->n, "value");
    t->out[0] = nd_new(t->a, rank, dim, value && value->t && value->t->integer);
    for (size_t i = 0; value && value->t && i < t->out[0].count; i++) t->out[0].v[i] = value->t->v[0];
    return NULL;
}

const char *eval_reshape(const eval_task *t)
{
    int dim[ND_MAX_RANK], open = -1;
    const char *error;
    int rank = new_shape(t, t->in[1], dim, &error);
    if (rank < 0) return error;
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] == 0 && i < t->in[0]->rank && !onnx_int(t->n, "allowzero", 0)) dim[i] = t->in[0]->dim[i];
        if (dim[i] < 0)
            open = i;
        else
            count *= (size_t)dim[i];
    }
    if (open >= 0) {
        dim[open] = count ? (int)(t->in[0]->count / count) : 0;
        count *= (size_t)dim[open];
    }
    if (count != t->in[0]->count) return eval_fault(t, "the new shape has another number of elements");
    t->out[0] = *t->in[0];
    t->out[0].rank = rank;
    memcpy(t->out[0].dim, dim, sizeof dim);
    return NULL;
}

const char *eval_flatten(const eval_task *t)
{
    const nd *x = t->in[0];
    int64_t axis = onnx_int(t->n, "axis", 1);
    size_t first = 1;
    if (axis < 0) axis += x->rank;
    for (int i = 0; i < axis && i < x->rank; i++) first *= (size_t)x->dim[i];
    t->out[0] = *x;
    t->out[0].rank = 2;
    t->out[0].dim[0] = (int)first;
    t->out[0].dim[1] = first ? (int)(x->count / first) : 0;
    return NULL;
}

const char *eval_squeeze(const eval_task *t)
{
    const nd *x = t->in[0];
    int64_t *axes = NULL;
    size_t count;
    bool given = onnx_ints(t->a, t->n, "axes", t->in, 1, &axes, &count), drop[ND_MAX_RANK] = {false};
    for (size_t i = 0; i < count; i++) {
        int axis = onnx_axis(axes[i], x->rank);
        if (axis < 0 || x->dim[axis] != 1) return eval_fault(t, "an axis is not there, or not 1 long");
        drop[axis] = true;
    }
    t->out[0] = *x;
    t->out[0].rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (given ? !drop[i] : x->dim[i] != 1) t->out[0].dim[t->out[0].rank++] = x->dim[i];
    return NULL;
}

const char *eval_unsqueeze(const eval_task *t)
{
    const nd *x = t->in[0];
    int64_t *axes = NULL;
    size_t count;
    bool added[ND_MAX_RANK] = {false};
    if (!onnx_ints(t->a, t->n, "axes", t->in, 1, &axes, &count) || x->rank + (int)count > ND_MAX_RANK)
        return eval_fault(t, "its axes are missing, or too many");
    t->out[0] = *x;
    t->out[0].rank = x->rank + (int)count;
    for (size_t i = 0; i < count; i++) {
        int axis = onnx_axis(axes[i], t->out[0].rank);
        if (axis < 0 || added[axis]) return eval_fault(t, "an axis is out of range, or there twice");
        added[axis] = true;
    }
    for (int i = 0, k = 0; i < t->out[0].rank; i++) t->out[0].dim[i] = added[i] ? 1 : x->dim[k++];
    return NULL;
}

const char *eval_transpose(const eval_task *t)
{
    const nd *x = t->in[0];
    const onnx_attribute *perm = onnx_find(t->n, "perm");
    int order[ND_MAX_RANK], dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0}, from[ND_MAX_RANK];
    bool taken[ND_MAX_RANK] = {false};
    if (perm && perm->ints.len != (size_t)x->rank)
        return eval_fault(t, "perm is not as long as its operand has dimensions");
    for (int i = 0; i < x->rank; i++) {
        order[i] = perm ? onnx_axis(perm->ints.data[i], x->rank) : x->rank - 1 - i;
        if (order[i] < 0 || taken[order[i]]) return eval_fault(t, "perm is no permutation");
        taken[order[i]] = true;
        dim[i] = x->dim[order[i]];
    }
    t->out[0] = nd_new(t->a, x->rank, dim, x->integer);
    for (size_t o = 0; o < x->count; o++, eval_next(&t->out[0], at)) {
        for (int i = 0; i < x->rank; i++) from[order[i]] = at[i];
        t->out[0].v[o] = x->v[eval_offset(x, from)];
    }
    return NULL;
}

const char *eval_expand(const eval_task *t)
{
    nd shape = {0};
    int rank, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    const char *error;
    shape.rank = new_shape(t, t->in[1], shape.dim, &error);
    if (shape.rank < 0) return error;
    if (!eval_broadcast(t->in[0], &shape, &rank, dim)) return eval_fault(t, "the shapes do not fit");
    t->out[0] = nd_new(t->a, rank, dim, t->in[0]->integer);
    for (size_t o = 0; o < t->out[0].count; o++, eval_next(&t->out[0], at))
        t->out[0].v[o] = eval_stretched(t->in[0], at, rank);
    return NULL;
}

const char *eval_tile(const eval_task *t)
{
    const nd *x = t->in[0];
    int dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0}, from[ND_MAX_RANK];
    const char *error;
    int rank = new_shape(t, t->in[1], dim, &error);
    if (rank < 0) return error;
    if (rank != x->rank) return eval_fault(t, "its repeats are not as many as its operand has dimensions");
    double size = 1;
    for (int i = 0; i < rank; i++) size = dim[i] < 0 ? INFINITY : size * x->dim[i] * dim[i];
    if (!(size <= ND_MAX_COUNT)) return eval_fault(t, "its shape is too large");
    for (int i = 0; i < rank; i++) dim[i] *= x->dim[i];
    t->out[0] = nd_new(t->a, rank, dim, x->integer);
    for (size_t o = 0; o < t->out[0].count; o++, eval_next(&t->out[0], at)) {
        for (int i = 0; i < rank; i++) from[i] = at[i] % x->dim[i];
        t->out[0].v[o] = x->v[eval_offset(x, from)];
    }
    return NULL;
}

const char *eval_concat(const eval_task *t)
{
    const nd *x = t->in[0];
    int axis = x ? onnx_axis(onnx_int(t->n, "axis", 0), x->rank) : -1, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0};
    if (axis < 0) return eval_fault(t, "its axis is out of range");
    memcpy(dim, x->dim, sizeof dim);
    for (size_t k = 1; k < t->n->in.len; k++) {
        if (!t->in[k] || t->in[k]->rank != x->rank) return eval_fault(t, "the shapes do not fit");
        for (int i = 0; i < x->rank; i++)
            if (i != axis && t->in[k]->dim[i] != x->dim[i]) return eval_fault(t, "the shapes do not fit");
        dim[axis] += t->in[k]->dim[axis];
    }
    t->out[0] = nd_new(t->a, x->rank, dim, x->integer);
    for (size_t o = 0; o < t->out[0].count; o++, eval_next(&t->out[0], at)) {
        int from[ND_MAX_RANK];
        size_t k = 0;
        memcpy(from, at, sizeof from);
        while (from[axis] >= t->in[k]->dim[axis]) from[axis] -= t->in[k++]->dim[axis];
        t->out[0].v[o] = t->in[k]->v[eval_offset(t->in[k], from)];
    }
    return NULL;
}

const char *eval_gather(const eval_task *t)
{
    const nd *x = t->in[0], *index = t->in[1];
    int axis = x ? onnx_axis(onnx_int(t->n, "axis", 0), x->rank) : -1, dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0},
        rank = 0;
    if (axis < 0 || !index || x->rank - 1 + index->rank > ND_MAX_RANK) return eval_fault(t, "its axis is out of range");
    for (int i = 0; i < axis; i++) dim[rank++] = x->dim[i];
    for (int i = 0; i < index->rank; i++) dim[rank++] = index->dim[i];
    for (int i = axis + 1; i < x->rank; i++) dim[rank++] = x->dim[i];
    t->out[0] = nd_new(t->a, rank, dim, x->integer);
    for (size_t o = 0; o < t->out[0].count; o++, eval_next(&t->out[0], at)) {
        int from[ND_MAX_RANK];
        double row = index->v[eval_offset(index, at + axis)];
        if (row < 0) row += x->dim[axis];
        if (!(row >= 0 && row < x->dim[axis])) return eval_fault(t, "an index is out of range");
        memcpy(from, at, sizeof from);
        from[axis] = (int)row;
        for (int i = axis + 1; i < x->rank; i++) from[i] = at[i - 1 + index->rank];
        t->out[0].v[o] = x->v[eval_offset(x, from)];
    }
    return NULL;
}

/* `count` of every `step` numbers of each dimension, from `begin`. */
static nd part_of(arena *a, const nd *x, const onnx_range *ranges)
{
    int dim[ND_MAX_RANK], at[ND_MAX_RANK] = {0}, from[ND_MAX_RANK];
    for (int i = 0; i < x->rank; i++) dim[i] = ranges[i].count;
    nd y = nd_new(a, x->rank, dim, x->integer);
    for (size_t o = 0; o < y.count; o++, eval_next(&y, at)) {
        for (int i = 0; i < x->rank; i++) from[i] = ranges[i].begin + at[i] * ranges[i].step;
        y.v[o] = x->v[eval_offset(x, from)];
    }
    return y;
}

const char *onnx_ranges(arena *a, const onnx_node *n, const nd *const *in, onnx_range ranges[ND_MAX_RANK])
{
    const nd *x = in[0];
    int64_t *starts, *ends, *axes, *steps;
    size_t count, end_count, axis_count, step_count;
    if (!onnx_ints(a, n, "starts", in, 1, &starts, &count) || !onnx_ints(a, n, "ends", in, 2, &ends, &end_count) ||
        count != end_count)
        return arena_printf(a, "%s '%s': its starts and ends are missing", n->op, n->word);
    bool given = onnx_ints(a, n, "axes", in, 3, &axes, &axis_count);
    bool stepped = onnx_ints(a, n, "steps", in, 4, &steps, &step_count);
    for (int i = 0; i < x->rank; i++) ranges[i] = (onnx_range){0, 1, x->dim[i]};
    for (size_t i = 0; i < count; i++) {
        int axis = onnx_axis(given && i < axis_count ? axes[i] : (int64_t)i, x->rank);
        int64_t step = stepped && i < step_count ? steps[i] : 1;
        if (axis < 0 || !step || step > INT_MAX || step < -INT_MAX)
            return arena_printf(a, "%s '%s': an axis or a step is out of range", n->op, n->word);
        int64_t size = x->dim[axis], last = step > 0 ? size : size - 1, first = step > 0 ? 0 : -1;
        int64_t b = starts[i] < 0 ? starts[i] + size : starts[i], e = ends[i] < 0 ? ends[i] + size : ends[i];
        b = b < 0 ? 0 : b > last ? last : b;
        e = e < first ? first : e > size ? size : e;
        int64_t span = step > 0 ? e - b : b - e, stride = step > 0 ? step : -step;
        ranges[axis] = (onnx_range){(int)b, (int)step, span > 0 ? (int)((span + stride - 1) / stride) : 0};
    }
    return NULL;
}

const char *eval_slice(const eval_task *t)
{
    onnx_range ranges[ND_MAX_RANK];
    const char *error = onnx_ranges(t->a, t->n, t->in, ranges);
    if (!error) t->out[0] = part_of(t->a, t->in[0], ranges);
    return error;
}

const char *eval_split(const eval_task *t)
{
    const nd *x = t->in[0];
    int axis = onnx_axis(onnx_int(t->n, "axis", 0), x->rank), parts = (int)t->n->out.len, begin = 0;
    onnx_range ranges[ND_MAX_RANK];
    int64_t *sizes = NULL;
    size_t count;
    bool given = onnx_ints(t->a, t->n, "split", t->in, 1, &sizes, &count);
    if (axis < 0 || !parts || parts > ONNX_MAX_OUTPUTS || (given && count != (size_t)parts))
        return eval_fault(t, "its axis or its number of parts is out of range");
    int size = x->dim[axis], each = (size + parts - 1) / parts; /* the last part is the smaller one */
    for (int i = 0; i < x->rank; i++) ranges[i] = (onnx_range){0, 1, x->dim[i]};
    for (int k = 0; k < parts; k++) {
        int64_t part = given ? sizes[k] : each < size - begin ? each : size - begin;
        if (part < 0 || part > size - begin) return eval_fault(t, "its parts do not fit");
        ranges[axis] = (onnx_range){begin, 1, (int)part};
        t->out[k] = part_of(t->a, x, ranges);
        begin += (int)part;
    }
    return begin == size ? NULL : eval_fault(t, "its parts do not fit");
}

/* Each sequence backwards, up to its own length. */
const char *eval_reverse(const eval_task *t)
{
    const nd *x = t->in[0], *lengths = t->in[1];
    int time = onnx_axis(onnx_int(t->n, "time_axis", 0), x->rank), at[ND_MAX_RANK] = {0}, from[ND_MAX_RANK];
    int batch = onnx_axis(onnx_int(t->n, "batch_axis", 1), x->rank);
    if (time < 0 || batch < 0 || time == batch || lengths->count != (size_t)x->dim[batch])
        return eval_fault(t, "its axes or its lengths do not fit");
    t->out[0] = nd_new(t->a, x->rank, x->dim, x->integer);
    for (size_t o = 0; o < x->count; o++, eval_next(x, at)) {
        double own = lengths->v[at[batch]];
        if (!(own >= 0 && own <= x->dim[time])) return eval_fault(t, "a length is out of range");
        memcpy(from, at, sizeof from);
        if (at[time] < own) from[time] = (int)own - 1 - at[time];
        t->out[0].v[o] = x->v[eval_offset(x, from)];
    }
    return NULL;
}
