/* onnx_trace_moves.c: operators of ONNX that move dimensions about, take parts of values or put them together.
 *
 * In: a node and its operands. Out: the kinds of its outputs' dimensions, and where a part is taken, an equation. */
#include "exchange/chain.h"
#include "exchange/onnx_trace.h"
#include <string.h>

/* Are all parts before this dimension 1 long? Then rows of it are neighbours. */
static bool first_part(const net_value *v, int axis)
{
    for (int i = 0; i < axis; i++)
        if (v->kind[i] == DIM_PART && v->value.dim[i] != 1) return false;
    return true;
}

/* ---- dimensions moved about -------------------------------------------------------------------------------------- */

void net_trace_transpose(node_task *t)
{
    const net_value *x = t->in[0];
    const onnx_attribute *perm = onnx_find(t->n, "perm");
    int last = -1;
    for (int i = 0; i < x->value.rank; i++) {
        int from = perm ? onnx_axis(perm->ints.data[i], x->value.rank) : x->value.rank - 1 - i;
        t->made[0].kind[i] = x->kind[from];
        if (x->kind[from] != DIM_PART || x->value.dim[from] == 1) continue;
        if (from < last) net_fail(t->net, t->n, "it exchanges dimensions that are neither time nor batch");
        last = from;
    }
}

/* The dimensions of a value with those apart that have been merged. */
typedef struct dims {
    int count, size[2 * ND_MAX_RANK];
    dim_kind kind[2 * ND_MAX_RANK];
} dims;

static void add_dim(dims *d, dim_kind kind, int size)
{
    d->kind[d->count] = kind;
    d->size[d->count++] = size;
}

static dims apart(const net_value *x, const onnx_net *net)
{
    dims d = {0};
    for (int i = 0; i < x->value.rank; i++) {
        dim_kind merged[2];
        if (!net_is_merged(x->kind[i], merged)) {
            add_dim(&d, x->kind[i], x->value.dim[i]);
            continue;
        }
        for (int k = 0; k < 2; k++) add_dim(&d, merged[k], merged[k] == DIM_BATCH ? net->batch : net->steps);
    }
    return d;
}

/* Dimensions `first` and then `kind` become one; DIM_COUNT: they cannot. */
static dim_kind merge(dim_kind first, dim_kind kind)
{
    if (first == DIM_BATCH && kind == DIM_TIME) return DIM_BATCH_TIME;
    if (first == DIM_TIME && kind == DIM_BATCH) return DIM_TIME_BATCH;
    return first == DIM_PART && kind == DIM_PART ? DIM_PART : DIM_COUNT;
}

/* Gives the dimensions of a new shape their kinds. Time, batch and components come in the same order as before: batch and
 * time may become one dimension, for others of these kinds there is no vector. */
void net_trace_reshape(node_task *t)
{
    net_value *y = &t->made[0];
    dims x = apart(t->in[0], t->net);
    int at = 0;
    bool good = true;
    for (int i = 0; i < y->value.rank; i++) {
        int need = y->value.dim[i];
        bool any = false;
        y->kind[i] = DIM_PART;
        good = good && need > 0;
        while (good && at < x.count && (need > 1 || !any)) {
            bool part = x.kind[at] == DIM_PART, fits = need % x.size[at] == 0;
            if (need == 1 && x.size[at] != 1) break; /* a dimension that is new */
            if (!(part && x.size[at] == 1 && need > 1)) {
                y->kind[i] = any ? merge(y->kind[i], x.kind[at]) : x.kind[at];
                any = true;
            }
            good = y->kind[i] != DIM_COUNT && (fits || (part && x.size[at] % need == 0));
            if (good && !fits) { /* components become several dimensions */
                x.size[at] /= need;
                need = 1;
            } else if (good) {
                need /= x.size[at++];
            }
        }
        good = good && need == 1;
    }
    while (at < x.count && x.kind[at] == DIM_PART && x.size[at] == 1) at++;
    if (!good || at != x.count) net_fail(t->net, t->n, "it merges time or batch with another dimension");
    t->made[0].token = t->in[0]->token;
}

/* Which of `rank` dimensions the node names, if it names any; onnx_eval has checked that they are there. */
static bool named_axes(const node_task *t, int rank, bool named[ND_MAX_RANK])
{
    int64_t *axes = NULL;
    size_t count;
    bool given = onnx_ints(t->net->arena, t->n, "axes", t->nds, 1, &axes, &count);
    for (size_t i = 0; i < count; i++) named[onnx_axis(axes[i], rank)] = true;
    return given;
}

/* The dimensions that Squeeze and Unsqueeze name are exactly those: of a batch of 1, a reshape could not tell which. */
void net_trace_squeeze(node_task *t)
{
    const net_value *x = t->in[0];
    bool drop[ND_MAX_RANK] = {false}, given = named_axes(t, x->value.rank, drop);
    for (int i = 0, k = 0; i < x->value.rank; i++) {
        if (!(given ? drop[i] : x->value.dim[i] == 1))
            t->made[0].kind[k++] = x->kind[i];
        else if (x->kind[i] != DIM_PART)
            net_fail(t->net, t->n, "it drops time or batch");
    }
    t->made[0].token = x->token;
}

void net_trace_unsqueeze(node_task *t)
{
    const net_value *x = t->in[0];
    bool added[ND_MAX_RANK] = {false};
    int rank = t->made[0].value.rank;
    named_axes(t, rank, added);
    for (int i = 0, k = 0; i < rank; i++) t->made[0].kind[i] = added[i] ? DIM_PART : x->kind[k++];
    t->made[0].token = x->token;
}

void net_trace_same(node_task *t)
{
    memcpy(t->made[0].kind, t->in[0]->kind, sizeof t->made[0].kind);
    t->made[0].token = t->in[0]->token;
    t->made[0].lengths = t->in[0]->lengths;
    t->made[0].input = t->in[0]->input;
}

/* Expand and Tile of a value, where they leave it as it is but for new dimensions in front. */
void net_trace_expand(node_task *t)
{
    const net_value *x = t->in[0];
    net_value *y = &t->made[0];
    int more = y->value.rank - x->value.rank;
    for (int i = 0; i < y->value.rank; i++) y->kind[i] = i < more ? DIM_PART : x->kind[i - more];
    if (y->value.count != x->value.count) net_fail(t->net, t->n, "it repeats a value that depends on inputs");
    y->token = x->token;
}

/* ---- one direction of time and the other ------------------------------------------------------------------------- */

static void turn(node_task *t, int axis)
{
    net_trace_same(t);
    t->made[0].kind[axis] = t->in[0]->kind[axis] == DIM_TIME ? DIM_BACK : DIM_TIME;
    t->made[0].expr = t->in[0]->expr;
}

void net_trace_reverse(node_task *t)
{
    const net_value *x = t->in[0], *lengths = t->in[1];
    int time = onnx_axis(onnx_int(t->n, "time_axis", 0), x->value.rank);
    int batch = onnx_axis(onnx_int(t->n, "batch_axis", 1), x->value.rank);
    bool whole = !lengths->data;
    for (size_t i = 0; i < lengths->value.count && whole; i++) whole = lengths->value.v[i] == t->net->steps;
    if ((x->kind[time] != DIM_TIME && x->kind[time] != DIM_BACK) ||
        (x->kind[batch] != DIM_BATCH && x->value.dim[batch] != 1) || !(whole || lengths->lengths)) {
        net_fail(t->net, t->n, "it turns something else than each sequence of the batch");
        return;
    }
    t->net->ragged = t->net->ragged || !whole;
    t->net->full = t->net->full || whole;
    turn(t, time);
}

/* ---- parts of values --------------------------------------------------------------------------------------------- */

static const char *rows_text(onnx_net *net, const net_value *x, int axis, int begin, int end)
{
    int each = net_components(x) / x->value.dim[axis];
    return arena_printf(net->arena, "%s(%d:%d)", x->expr, begin * each, end * each);
}

/* x at step `step` of dimension `axis`, from 0, as the file numbers them. Sequences of different lengths have the same
 * first step only. */
static const char *step_text(node_task *t, const net_value *x, int axis, int step, bool from_end)
{
    arena *a = t->net->arena;
    int steps = x->value.dim[axis], back = from_end ? steps - 1 - step : step;
    if (from_end || step) t->net->full = true;
    if (t->net->ragged && t->net->full) net_fail(t->net, t->n, "it reads a step beside sequence_lens");
    if ((x->kind[axis] == DIM_TIME) != from_end) return arena_printf(a, "%s[%d]", x->expr, back + 1);
    return back ? arena_printf(a, "%s[T-%d]", x->expr, back) : arena_printf(a, "%s[T]", x->expr);
}

static void lookup(node_task *t)
{
    onnx_net *net = t->net;
    const net_value *x = t->in[1], *table = t->in[0];
    shape s = {2, {table->value.dim[0], table->value.rank == 2 ? table->value.dim[1] : 1}};
    if (table->value.rank != 2 || onnx_int(t->n, "axis", 0) != 0 || !x->token) {
        net_fail(net, t->n, "it looks up, and not rows of a matrix by an input of whole numbers");
        return;
    }
    if (x->input >= 0 && !net->classes[x->input]) net->classes[x->input] = s.dim[0];
    if (x->input >= 0 && net->classes[x->input] != s.dim[0])
        net_fail(net, t->n, "two tables with different numbers of rows");
    const char *cell = layer_find("onnx", LAYER_EMBEDDING, 0, 0, 0, NULL)->cell;
    t->made[0].expr = net_equation(net, t->n, arena_printf(net->arena, "%s(%s, %d)", cell, x->expr, s.dim[1]));
    for (int i = 0; i < x->value.rank; i++) t->made[0].kind[i] = x->kind[i];
    net_add_tensor(net, arena_printf(net->arena, "%s.W", t->made[0].expr), table->word, s, table->value.v);
}

/* Can the node take parts of this dimension of x? */
static bool can_cut(const net_value *x, int axis)
{
    return x->kind[axis] <= DIM_BACK && (x->kind[axis] != DIM_PART || first_part(x, axis)) && !x->token;
}

void net_trace_gather(node_task *t)
{
    const net_value *x = t->in[0], *index = t->in[1];
    if (index->data) {
        if (x->data)
            net_fail(t->net, t->n, "both operands depend on inputs");
        else
            lookup(t);
        return;
    }
    int axis = onnx_axis(onnx_int(t->n, "axis", 0), x->value.rank);
    if (index->value.count != 1 || !can_cut(x, axis)) {
        net_fail(t->net, t->n, "only one step or one part of a value can be taken");
        return;
    }
    int k = (int)index->value.v[0], size = x->value.dim[axis];
    bool from_end = k < 0;
    if (from_end) k += size;
    t->made[0].expr = net_equation(t->net, t->n,
                                   x->kind[axis] != DIM_PART ? step_text(t, x, axis, k, from_end)
                                                             : rows_text(t->net, x, axis, k, k + 1));
    for (int i = 0; i < t->made[0].value.rank; i++) {
        int from = i < axis ? i : i - index->value.rank + 1;
        t->made[0].kind[i] = i >= axis && i < axis + index->value.rank ? DIM_PART : x->kind[from];
    }
}

/* Was the first number that the node takes of dimension `axis` counted from the end? */
static bool starts_at_end(const node_task *t, int axis)
{
    int64_t *starts, *axes = NULL;
    size_t n, count;
    bool given = onnx_ints(t->net->arena, t->n, "axes", t->nds, 3, &axes, &count), from_end = false;
    onnx_ints(t->net->arena, t->n, "starts", t->nds, 1, &starts, &n);
    for (size_t i = 0; i < n; i++)
        if (onnx_axis(given && i < count ? axes[i] : (int64_t)i, t->in[0]->value.rank) == axis)
            from_end = starts[i] < 0;
    return from_end;
}

void net_trace_slice(node_task *t)
{
    const net_value *x = t->in[0];
    net_value *y = &t->made[0];
    onnx_range ranges[ND_MAX_RANK];
    int cut = -1;
    onnx_ranges(t->net->arena, t->n, t->nds, ranges); /* onnx_eval has checked them */
    net_trace_same(t);
    for (int i = 0; i < x->value.rank; i++)
        if (ranges[i].count != x->value.dim[i] || (ranges[i].step < 0 && ranges[i].count > 1)) cut = cut == -1 ? i : -2;
    y->expr = x->expr;
    if (cut == -1) return;
    const onnx_range *r = &ranges[cut < 0 ? 0 : cut];
    bool turned = cut >= 0 && r->step == -1 && r->count == x->value.dim[cut];
    if (cut >= 0 && turned && (x->kind[cut] == DIM_TIME || x->kind[cut] == DIM_BACK)) {
        t->net->full = true;
        turn(t, cut);
        return;
    }
    if (cut < 0 || !can_cut(x, cut) || (r->step != 1 && r->count > 1)) {
        net_fail(t->net, t->n, "only one step, neighbours of one dimension or all of time backwards can be taken");
        return;
    }
    if (x->kind[cut] == DIM_PART) {
        y->expr = net_equation(t->net, t->n, rows_text(t->net, x, cut, r->begin, r->begin + r->count));
        return;
    }
    if (r->count != 1) net_fail(t->net, t->n, "of time, only one step can be taken");
    y->kind[cut] = DIM_PART;
    y->expr = net_equation(t->net, t->n, step_text(t, x, cut, r->begin, starts_at_end(t, cut)));
}

void net_trace_split(node_task *t)
{
    const net_value *x = t->in[0];
    int axis = onnx_axis(onnx_int(t->n, "axis", 0), x->value.rank), begin = 0;
    if (x->kind[axis] != DIM_PART || !can_cut(x, axis)) {
        net_fail(t->net, t->n, "only components can be split");
        return;
    }
    for (size_t k = 0; k < t->n->out.len; k++) {
        int end = begin + t->made[k].value.dim[axis];
        memcpy(t->made[k].kind, x->kind, sizeof x->kind);
        t->made[k].expr = net_equation(t->net, t->n, rows_text(t->net, x, axis, begin, end));
        begin = end;
    }
}

static bool same_kinds(const net_value *a, const net_value *b)
{
    if (a->value.rank != b->value.rank) return false;
    for (int i = 0; i < a->value.rank; i++)
        if (a->kind[i] != b->kind[i]) return false;
    return true;
}

void net_trace_concat(node_task *t)
{
    int axis = onnx_axis(onnx_int(t->n, "axis", 0), t->in[0]->value.rank);
    const char *list = "";
    for (size_t k = 0; k < t->n->in.len; k++) {
        const net_value *x = t->in[k];
        if (!x->data || x->token || !same_kinds(x, t->in[0]) || x->kind[axis] != DIM_PART || !first_part(x, axis)) {
            net_fail(t->net, t->n, "only parts of values that vary alike can be put side by side");
            return;
        }
        list = arena_printf(t->net->arena, "%s%s%s", list, k ? ", " : "", x->expr);
    }
    memcpy(t->made[0].kind, t->in[0]->kind, sizeof t->made[0].kind);
    t->made[0].expr = t->n->in.len == 1 ? t->in[0]->expr
                                        : net_equation(t->net, t->n, arena_printf(t->net->arena, "concat(%s)", list));
}
