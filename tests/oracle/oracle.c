/* oracle.c: the interpreter of graphs; see oracle.h.
 *
 * A value is asked for by node, sequence and steps, computed when it is asked for the first time, and kept. An
 * operation asks for its operands through value_of. Where one is not known yet, that is put on a stack, and the
 * operation is tried again when what it lacked is there: so a recurrence over any number of steps needs no recursion
 * here.
 *
 * What each pointwise operation computes is the `value` column of ops.def; each other one has eval_<name> below. */
#include "oracle/oracle.h"
#include "oracle/draw.h"
#include <math.h>
#include <string.h>

/* Which value of a node: sequence 0 .. batch - 1, steps from 1. What the node has no axis for is ignored. */
typedef struct where {
    int sequence;
    int step[MAX_TIME_AXES + 1];
} where;

typedef struct wanted {
    node_id node;
    where at;
} wanted;

enum state { UNKNOWN, WAITING, KNOWN };

typedef struct memory {
    double *value;        /* [sequence][steps ...][component]; NULL until the first is asked for */
    unsigned char *state; /* [sequence][steps ...], enum state */
} memory;

struct oracle {
    arena *arena;
    const graph *g;
    const oracle_call *call;
    memory *of; /* by number of the node */
    ARRAY(wanted) stack;
    bool lacking; /* the operation under way asked for something that is not known */
};

/* ---- lengths and places ------------------------------------------------------------------------------------------ */

static int length_of(const oracle *o, int sequence, int axis)
{
    const int *lengths = o->call->lengths[axis];
    return lengths ? lengths[sequence] : o->call->steps[axis];
}

static bool is_present(const oracle *o, int sequence)
{
    for (int axis = 1; axis <= o->g->axes; axis++)
        if (length_of(o, sequence, axis) == 0) return false;
    return true;
}

static bool has_axis(type t, int axis) { return (t.axes & axis_bit(axis)) != 0; }

/* Where among a node's values, counted in values of all components, [sequence][steps ...]. */
static size_t slot_of(const oracle *o, type t, const where *at)
{
    size_t slot = has_axis(t, 0) ? (size_t)at->sequence : 0;
    for (int axis = 1; axis <= o->g->axes; axis++)
        if (has_axis(t, axis)) slot = slot * (size_t)o->call->steps[axis] + (size_t)(at->step[axis] - 1);
    return slot;
}

/* The same in the layout of the caller's arrays, [steps ...][sequence]. */
static size_t outer_slot_of(const oracle *o, type t, const where *at)
{
    size_t slot = 0;
    for (int axis = 1; axis <= o->g->axes; axis++)
        if (has_axis(t, axis)) slot = slot * (size_t)o->call->steps[axis] + (size_t)(at->step[axis] - 1);
    return has_axis(t, 0) ? slot * (size_t)o->call->batch + (size_t)at->sequence : slot;
}

static size_t slots_of(const oracle *o, type t)
{
    size_t slots = has_axis(t, 0) ? (size_t)o->call->batch : 1;
    for (int axis = 1; axis <= o->g->axes; axis++)
        if (has_axis(t, axis)) slots *= (size_t)o->call->steps[axis];
    return slots;
}

/* Walks over the places that `axes` span: over present sequences and their own steps. *at holds the place along the
 * other axes; first_place begins, next_place goes on, for as long as they return true. */
static bool first_place(const oracle *o, axis_set axes, where *at)
{
    if (axes & BATCH) {
        at->sequence = 0;
        while (at->sequence < o->call->batch && !is_present(o, at->sequence)) at->sequence++;
        if (at->sequence == o->call->batch) return false;
    }
    for (int axis = 1; axis <= o->g->axes; axis++)
        if (axes & axis_bit(axis)) at->step[axis] = 1;
    return true;
}

static bool next_place(const oracle *o, axis_set axes, where *at)
{
    for (int axis = o->g->axes; axis >= 1; axis--) {
        if (!(axes & axis_bit(axis))) continue;
        if (at->step[axis] < length_of(o, at->sequence, axis)) {
            at->step[axis]++;
            return true;
        }
        at->step[axis] = 1;
    }
    if (!(axes & BATCH)) return false;
    do at->sequence++;
    while (at->sequence < o->call->batch && !is_present(o, at->sequence));
    return at->sequence < o->call->batch;
}

/* ---- operands ---------------------------------------------------------------------------------------------------- */

static memory *memory_of(oracle *o, node_id id)
{
    memory *m = &o->of[id.i];
    if (!m->value) {
        type t = graph_type(o->g, id);
        size_t slots = slots_of(o, t);
        m->value = arena_array(o->arena, slots, (size_t)shape_size(t.shape) * sizeof *m->value);
        m->state = ARENA_ARRAY(o->arena, unsigned char, slots);
    }
    return m;
}

/* The components of a node at a place; NULL when they are not known yet: then the operation ends without a result, and
 * is done again later. */
static const double *value_of(oracle *o, node_id id, const where *at)
{
    type t = graph_type(o->g, id);
    memory *m = memory_of(o, id);
    size_t slot = slot_of(o, t, at);
    if (m->state[slot] == KNOWN) return m->value + slot * (size_t)shape_size(t.shape);
    if (m->state[slot] == WAITING) BUG("the value of node %u depends on itself", id.i);
    o->lacking = true;
    array_push(o->arena, &o->stack, (wanted){id, *at});
    return NULL;
}

/* An operation under way: node n at a place, its components to `out`, operands through arg(). */
typedef struct task {
    oracle *o;
    const node *n;
    where at;
    double *out;
} task;

static const double *arg(const task *x, int i) { return value_of(x->o, x->n->arg[i], &x->at); }

static shape arg_shape(const task *x, int i) { return graph_type(x->o->g, x->n->arg[i]).shape; }

static int size_of(const task *x) { return shape_size(x->n->type.shape); }

/* ---- sources ----------------------------------------------------------------------------------------------------- */

static void eval_param(const task *x)
{
    const double *from = x->o->call->params;
    for (uint32_t i = 0; i < x->n->attr.index; i++) from += shape_size(x->o->g->params.data[i].shape);
    memcpy(x->out, from, (size_t)size_of(x) * sizeof *from);
}

static void eval_input(const task *x)
{
    const double *all = x->o->call->inputs[x->n->attr.index];
    int size = size_of(x), classes = x->o->g->inputs.data[x->n->attr.index].classes;
    memcpy(x->out, all + outer_slot_of(x->o, x->n->type, &x->at) * (size_t)size, (size_t)size * sizeof *all);
    if (x->n->type.element == TOKEN && !(x->out[0] >= 0 && x->out[0] < classes)) x->out[0] = -1;
}

static void eval_number(const task *x) { x->out[0] = x->n->attr.number; }

static void eval_literal(const task *x) { memcpy(x->out, x->n->attr.literal, (size_t)size_of(x) * sizeof *x->out); }

static void eval_iota(const task *x)
{
    for (int i = 0; i < size_of(x); i++) x->out[i] = i;
}

static void eval_step(const task *x) { x->out[0] = x->at.step[x->n->attr.axis]; }

static void eval_length(const task *x) { x->out[0] = length_of(x->o, x->at.sequence, x->n->attr.axis); }

static void eval_count(const task *x)
{
    axis_set over = x->n->attr.over.axes;
    where at = x->at;
    x->out[0] = 0;
    for (bool more = first_place(x->o, over, &at); more; more = next_place(x->o, over, &at)) x->out[0]++;
}

/* Without a time axis the step is 0; the first axis gives the step, each further one mixes the row again. */
static void eval_uniform(const task *x)
{
    const oracle_call *call = x->o->call;
    uint64_t sequence = has_axis(x->n->type, 0) ? call->sequence0 + (uint64_t)x->at.sequence : 0;
    uint64_t row = draw_key(x->n->attr.path, call->seed, call->update);
    bool mixed = false;
    for (int axis = 1; axis <= x->o->g->axes; axis++)
        if (has_axis(x->n->type, axis)) {
            row = draw_row(row, sequence, (uint64_t)x->at.step[axis]);
            mixed = true;
        }
    if (!mixed) row = draw_row(row, sequence, 0);
    for (int i = 0; i < size_of(x); i++) x->out[i] = draw_uniform(row, (uint32_t)i);
}

/* ---- pointwise --------------------------------------------------------------------------------------------------- */

/* Component (i, j) of an operand that stretches: a vector along columns, a row along rows, a scalar along both. */
static double component(const double *v, shape s, int i, int j)
{
    if (s.rank == 0) return v[0];
    if (s.rank == 1) return v[i];
    return v[(s.dim[0] == 1 ? 0 : i) * s.dim[1] + j];
}

static void eval_pointwise(const task *x)
{
    const double *v[3] = {0};
    shape s[3] = {SCALAR, SCALAR, SCALAR}, to = x->n->type.shape;
    for (int k = 0; k < x->n->args; k++) {
        v[k] = arg(x, k);
        s[k] = arg_shape(x, k);
    }
    if (x->o->lacking) return;
    for (int i = 0; i < to.dim[0]; i++)
        for (int j = 0; j < to.dim[1]; j++) {
            double a[3] = {0};
            for (int k = 0; k < x->n->args; k++) a[k] = component(v[k], s[k], i, j);
            x->out[i * to.dim[1] + j] = op_value(x->n->op, a[0], a[1], a[2]);
        }
    if (x->n->op == OP_norm && x->o->call->norms) x->out[0] = x->o->call->norms[x->n->attr.index];
}

/* ---- products and components ------------------------------------------------------------------------------------- */

static double entry(const double *v, shape s, bool transposed, int i, int j)
{
    return transposed ? v[j * s.dim[1] + i] : v[i * s.dim[1] + j];
}

static void eval_matmul(const task *x)
{
    const double *a = arg(x, 0), *b = arg(x, 1);
    if (!a || !b) return;
    shape sa = arg_shape(x, 0), sb = arg_shape(x, 1), to = x->n->type.shape;
    bool ta = x->n->attr.matmul.ta, tb = x->n->attr.matmul.tb;
    for (int i = 0; i < to.dim[0]; i++)
        for (int j = 0; j < to.dim[1]; j++) {
            double sum = 0;
            for (int k = 0; k < sa.dim[ta ? 0 : 1]; k++) sum += entry(a, sa, ta, i, k) * entry(b, sb, tb, k, j);
            x->out[i * to.dim[1] + j] = sum;
        }
}

static void eval_sum(const task *x)
{
    const double *a = arg(x, 0);
    if (!a) return;
    shape from = arg_shape(x, 0), to = x->n->type.shape;
    memset(x->out, 0, (size_t)size_of(x) * sizeof *x->out);
    for (int i = 0; i < from.dim[0]; i++)
        for (int j = 0; j < from.dim[1]; j++) x->out[to.rank == 0 ? 0 : to.rank == 1 ? i : j] += a[i * from.dim[1] + j];
}

static double largest(const double *v, int size)
{
    double m = v[0];
    for (int i = 1; i < size; i++) m = v[i] > m ? v[i] : m;
    return m;
}

static void eval_maximum(const task *x)
{
    const double *a = arg(x, 0);
    if (!a) return;
    shape from = arg_shape(x, 0), to = x->n->type.shape;
    for (int k = 0; k < size_of(x); k++) x->out[k] = -INFINITY;
    for (int i = 0; i < from.dim[0]; i++)
        for (int j = 0; j < from.dim[1]; j++) {
            double *most = &x->out[to.rank == 0 ? 0 : to.rank == 1 ? i : j], here = a[i * from.dim[1] + j];
            *most = here > *most || here != here ? here : *most;
        }
}

static double log_sum_exp(const double *v, int size)
{
    double m = largest(v, size), sum = 0;
    for (int i = 0; i < size; i++) sum += exp(v[i] - m);
    return m + log(sum);
}

static void eval_softmax(const task *x)
{
    const double *a = arg(x, 0);
    for (int i = 0; a && i < size_of(x); i++) x->out[i] = exp(a[i] - log_sum_exp(a, size_of(x)));
}

static void eval_logsumexp(const task *x)
{
    const double *a = arg(x, 0);
    if (a) x->out[0] = log_sum_exp(a, shape_size(arg_shape(x, 0)));
}

/* ---- over axes --------------------------------------------------------------------------------------------------- */

static void eval_sum_over(const task *x)
{
    axis_set over = x->n->attr.over.axes;
    where at = x->at;
    memset(x->out, 0, (size_t)size_of(x) * sizeof *x->out);
    for (bool more = first_place(x->o, over, &at); more; more = next_place(x->o, over, &at)) {
        const double *a = value_of(x->o, x->n->arg[0], &at);
        for (int i = 0; a && i < size_of(x); i++) x->out[i] += a[i];
    }
}

static void eval_max_over(const task *x)
{
    axis_set over = x->n->attr.over.axes;
    where at = x->at;
    memset(x->out, 0, (size_t)size_of(x) * sizeof *x->out);
    bool first = true;
    for (bool more = first_place(x->o, over, &at); more; more = next_place(x->o, over, &at)) {
        const double *a = value_of(x->o, x->n->arg[0], &at);
        for (int i = 0; a && i < size_of(x); i++)
            x->out[i] = first || a[i] > x->out[i] || a[i] != a[i] ? a[i] : x->out[i];
        first = false;
    }
}

/* ---- time: see note [reading in time] in graph.h ----------------------------------------------------------------- */

static void fill(const task *x, const double *from)
{
    for (int i = 0; from && i < size_of(x); i++) x->out[i] = from[i];
}

/* What is read at the index: the operand inside 1..T, a boundary outside, and beyond those 0, for tokens none. */
static void read_at(const task *x, int index)
{
    const node_attr *attr = &x->n->attr;
    int last = length_of(x->o, x->at.sequence, attr->axis);
    if (index >= 1 && index <= last) {
        where at = x->at;
        at.step[attr->axis] = index;
        fill(x, value_of(x->o, x->n->arg[0], &at));
        return;
    }
    int slot = -1; /* which of the boundary operands */
    if (index < 1 && -index < attr->before) slot = -index;
    if (index > last && index - last - 1 < attr->after) slot = attr->before + index - last - 1;
    if (slot >= 0 && node_some(x->n->arg[1 + slot])) {
        fill(x, arg(x, 1 + slot));
        return;
    }
    for (int i = 0; i < size_of(x); i++) x->out[i] = x->n->type.element == TOKEN ? -1 : 0;
}

static int place_of(const task *x)
{
    const node_attr *attr = &x->n->attr;
    return attr->from_end ? length_of(x->o, x->at.sequence, attr->axis) - attr->k : attr->k;
}

static void eval_shift(const task *x) { read_at(x, x->at.step[x->n->attr.axis] + x->n->attr.k); }

static void eval_at(const task *x) { read_at(x, place_of(x)); }

static void eval_put(const task *x)
{
    memset(x->out, 0, (size_t)size_of(x) * sizeof *x->out);
    if (x->at.step[x->n->attr.axis] == place_of(x)) fill(x, arg(x, 0));
}

/* ---- layout ------------------------------------------------------------------------------------------------------ */

/* Copies the matrix `from` to rows and columns of the result that begin at (row, column). */
static void place_matrix(const task *x, const double *from, shape s, int row, int column)
{
    for (int i = 0; from && i < s.dim[0]; i++)
        for (int j = 0; j < s.dim[1]; j++)
            x->out[(row + i) * x->n->type.shape.dim[1] + column + j] = from[i * s.dim[1] + j];
}

static void eval_concat(const task *x)
{
    int begin[2] = {0, 0};
    for (int k = 0; k < x->n->args; k++) {
        place_matrix(x, arg(x, k), arg_shape(x, k), begin[0], begin[1]);
        begin[x->n->attr.part.dim] += arg_shape(x, k).dim[x->n->attr.part.dim];
    }
}

static void eval_pad(const task *x)
{
    int dim = x->n->attr.part.dim, begin = x->n->attr.part.begin;
    memset(x->out, 0, (size_t)size_of(x) * sizeof *x->out);
    place_matrix(x, arg(x, 0), arg_shape(x, 0), dim == 0 ? begin : 0, dim == 1 ? begin : 0);
}

static void eval_slice(const task *x)
{
    const double *a = arg(x, 0);
    shape from = arg_shape(x, 0), to = x->n->type.shape;
    int dim = x->n->attr.part.dim, begin = x->n->attr.part.begin;
    int row = dim == 0 ? begin : 0, column = dim == 1 ? begin : 0;
    for (int i = 0; a && i < to.dim[0]; i++)
        for (int j = 0; j < to.dim[1]; j++) x->out[i * to.dim[1] + j] = a[(row + i) * from.dim[1] + column + j];
}

static void eval_transpose(const task *x)
{
    const double *a = arg(x, 0);
    shape from = arg_shape(x, 0);
    for (int i = 0; a && i < from.dim[0]; i++)
        for (int j = 0; j < from.dim[1]; j++) x->out[j * from.dim[0] + i] = a[i * from.dim[1] + j];
}

static void eval_reshape(const task *x) { fill(x, arg(x, 0)); }

/* ---- gather and scatter: a token that is none reads 0 and adds nothing ------------------------------------------- */

static void eval_lookup(const task *x)
{
    const double *a = arg(x, 0), *token = arg(x, 1);
    if (!a || !token) return;
    for (int j = 0; j < size_of(x); j++) x->out[j] = token[0] < 0 ? 0 : a[(int)token[0] * size_of(x) + j];
}

static void eval_pick(const task *x)
{
    const double *a = arg(x, 0), *token = arg(x, 1);
    if (a && token) x->out[0] = token[0] < 0 ? 0 : a[(int)token[0]];
}

static void eval_scatter(const task *x)
{
    axis_set over = x->n->attr.over.axes;
    int columns = x->n->type.shape.dim[1];
    where at = x->at;
    memset(x->out, 0, (size_t)size_of(x) * sizeof *x->out);
    for (bool more = first_place(x->o, over, &at); more; more = next_place(x->o, over, &at)) {
        const double *token = value_of(x->o, x->n->arg[0], &at), *v = value_of(x->o, x->n->arg[1], &at);
        for (int j = 0; token && v && token[0] >= 0 && j < columns; j++) x->out[(int)token[0] * columns + j] += v[j];
    }
}

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

static void evaluate(const task *x)
{
    switch (x->n->op) {
#define POINTWISE(name, ...)                                                                                           \
    case OP_##name:                                                                                                    \
        eval_pointwise(x);                                                                                             \
        return;
#define OTHER(name, ...)                                                                                               \
    case OP_##name:                                                                                                    \
        eval_##name(x);                                                                                                \
        return;
#include "graph/ops.def"
    case OP_none:
    case OP_COUNT: break;
    }
    BUG("no operation");
}

/* The components of a node at a place, with all that they need. */
static const double *demand(oracle *o, node_id id, const where *at)
{
    array_push(o->arena, &o->stack, (wanted){id, *at});
    while (o->stack.len) {
        wanted top = o->stack.data[o->stack.len - 1];
        const node *n = graph_node(o->g, top.node);
        memory *m = memory_of(o, top.node);
        size_t slot = slot_of(o, n->type, &top.at);
        if (m->state[slot] == KNOWN) {
            o->stack.len--;
            continue;
        }
        m->state[slot] = WAITING;
        o->lacking = false;
        evaluate(&(task){o, n, top.at, m->value + slot * (size_t)shape_size(n->type.shape)});
        if (!o->lacking) {
            m->state[slot] = KNOWN;
            o->stack.len--;
        }
    }
    return value_of(o, id, at);
}

oracle *oracle_new(const graph *g, const oracle_call *call)
{
    arena *a = arena_new();
    oracle *o = ARENA_NEW(a, oracle);
    o->arena = a;
    o->g = g;
    o->call = call;
    o->of = ARENA_ARRAY(a, memory, g->nodes.len);
    return o;
}

void oracle_free(oracle *o)
{
    if (o) arena_free(o->arena);
}

size_t oracle_size(const oracle *o, node_id id)
{
    type t = graph_type(o->g, id);
    return slots_of(o, t) * (size_t)shape_size(t.shape);
}

void oracle_value(oracle *o, node_id id, double *out)
{
    type t = graph_type(o->g, id);
    size_t size = (size_t)shape_size(t.shape);
    memset(out, 0, oracle_size(o, id) * sizeof *out);
    where at = {0};
    for (bool more = first_place(o, t.axes, &at); more; more = next_place(o, t.axes, &at))
        memcpy(out + outer_slot_of(o, t, &at) * size, demand(o, id, &at), size * sizeof *out);
}
