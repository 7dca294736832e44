/* graph.h: a model as a dataflow graph over time.
 *
 * A node is an operation on nodes. Its value has an element kind, a shape (rank 0, 1 or 2) and a set of axes: the batch
 * and time axes that it varies over. Operands broadcast over axes that they lack. Nothing in the graph says in which
 * order, in which loops or in which memory: that is the plan's. Time is operations (shift, at, put, sum_over), so the
 * graph has cycles, each of them through a shift; without the first operand of shifts it is acyclic.
 *
 * Note [reading in time]. Let T be a sequence's own length and t its steps 1..T. `shift` reads a[t + k], `at` reads
 * a[k] (from the front) or a[T - k] (from the back). Where the index lies outside 1..T the value is a boundary
 * operand: the `before` ones stand for the indices 0, -1, ..., the `after` ones for T+1, T+2, ...; an absent operand
 * (NO_NODE) and every index further out is 0. Boundary operands lack the axis. All readings of one node carry the
 * same boundary operands. Steps are counted from the start of the sequence, not of the call. `put(v, k)` is v at that
 * place if the place is one of the steps of this call, and 0 elsewhere. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/array.h"
#include "base/names.h"
#include "base/shape.h"
#include "base/source.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- values ------------------------------------------------------------------------------------------------------ */

enum { MAX_TIME_AXES = 6, MAX_COMPONENTS = 1 << 28 };

typedef enum element { REAL, TOKEN } element;

typedef uint32_t axis_set; /* bit 0: the batch; bit i: time axis number i */
enum { BATCH = 1 };
static inline axis_set axis_bit(int axis) { return (axis_set)1 << axis; }

typedef struct type {
    element element;
    shape shape;
    axis_set axes;
} type;
static inline type type_real(shape s, axis_set axes) { return (type){REAL, s, axes}; }
static inline bool type_equal(type a, type b)
{
    return a.element == b.element && shape_equal(a.shape, b.shape) && a.axes == b.axes;
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

typedef enum op {
    OP_none,
#define POINTWISE(name, ...) OP_##name,
#define OTHER(name, ...) OP_##name,
#include "graph/ops.def"
    OP_COUNT
} op;

typedef enum op_class {
    SOURCE,
    POINTWISE_OP,
    CONTRACTION,
    REDUCTION,
    AXIS,
    SHIFT,
    PLACE,
    LAYOUT,
    GATHER,
    SCATTER,
} op_class;

typedef struct op_info {
    const char *name;
    op_class class;
    int arity;
    int precedence;
    const char *notation, *c;
} op_info;
extern const op_info op_table[OP_COUNT];
/* op_info.precedence of what is written infix or prefix. */
enum {
    PRECEDENCE_OR = 1,
    PRECEDENCE_AND,
    PRECEDENCE_COMPARISON,
    PRECEDENCE_SUM,
    PRECEDENCE_PRODUCT,
    PRECEDENCE_SIGN,
    PRECEDENCE_POWER
};
bool op_is_comparison(op o);
bool op_is_condition(op o);                          /* is its value 0 or 1? Comparisons, and, or, not */
double op_value(op o, double a, double b, double c); /* of a pointwise operation, of one component */

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

typedef struct node_id {
    uint32_t i;
} node_id;
#define NO_NODE ((node_id){0})
static inline bool node_is(node_id a, node_id b) { return a.i == b.i; }
static inline bool node_some(node_id a) { return a.i != 0; }

/* Where a node comes from: explanations, comments, names in C and messages read only this. */
typedef enum role { ROLE_VALUE, ROLE_ADJOINT } role;
typedef struct origin {
    uint32_t variable; /* number in graph.variables, 0 for none */
    bool whole;        /* the node is that variable (or its adjoint), not a part of its equation */
    uint32_t part;     /* > 0: numbered part of the equation (see graph_name_parts) */
    bool carry;        /* of an adjoint: the part is what the variable's adjoint at another step gets from this one */
    role role;
    uint32_t of; /* of an adjoint: number of the node that it is the adjoint of; 0: of none, or of one that has gone */
    span at;     /* the expression in the spec */
} origin;

typedef struct node_attr {
    uint32_t index;        /* param, input, norm */
    double number;         /* number */
    const double *literal; /* literal: shape_size values */
    name path;             /* uniform: the path of the call that draws, "h2.dropout" */
    int axis;              /* step, length, shift, at, put */
    int k;                 /* shift: offset; at, put: place */
    bool from_end;         /* at, put: place counts back from T */
    int before, after;     /* shift, at: numbers of boundary operands; args: a, before..., after... */
    struct {
        axis_set axes;
        bool carry; /* of these and shift, at: what earlier chunks of the sequence held counts, too. False in adjoints:
                     * gradients are cut between chunks */
    } over;
    struct {
        int dim, begin;
    } part; /* concat, slice, pad */
    struct {
        bool ta, tb;
    } matmul;
} node_attr;

typedef struct node {
    op op;
    type type;
    node_id *arg;
    int args;
    node_attr attr;
    origin origin;
} node;

/* Its first operand is read in time, so that it may come later in the order. */
static inline bool is_reading(const node *n) { return n->op == OP_shift || n->op == OP_at; }
/* Of a reading: the boundary operand for index number i in front of the first step, or behind the last one, from 0. */
static inline node_id node_boundary(const node *n, bool after, int i)
{
    if (i >= (after ? n->attr.after : n->attr.before)) return NO_NODE;
    return n->arg[1 + (after ? n->attr.before : 0) + i];
}

/* ---- the graph --------------------------------------------------------------------------------------------------- */

typedef struct graph_axis {
    name letter, length;
} graph_axis; /* "t", "T" */
typedef struct graph_variable {
    name path;
    span at;
} graph_variable; /* "h1.i" and its equation */

typedef enum init_kind {
    INIT_NUMBER,
    INIT_UNIFORM,
    INIT_NORMAL,
    INIT_GLOROT,
    INIT_ORTHOGONAL,
    INIT_IDENTITY
} init_kind;
typedef struct init {
    init_kind kind;
    double value;
} init;
typedef struct graph_param {
    name path;
    shape shape;
    init init;
    span at;
} graph_param; /* in the order of the params array */
typedef struct graph_input {
    name path;
    type type;
    int classes;
    bool target;
    span at;
    int aligned, blank; /* labels that ctc aligns with this axis, with this blank; aligned 0: no */
    bool ignores;
    int ignored;    /* a target of this class does not count in the loss */
    uint32_t probe; /* variable that it is the probe of, or the seed: see lower_probes; 0: of the spec */
    bool seed;
} graph_input;
/* What a sequence adds to a loss: to the sum of its values, and to what a mean divides that by; of a total, which is
 * not divided, its steps. Summed over all sequences of all batches they give the loss of a whole set of data. */
typedef enum loss_part { LOSS_NO_PART, LOSS_SUM, LOSS_COUNT, LOSS_TOTAL_COUNT } loss_part;

typedef struct graph_output {
    name path;
    node_id node;
    span at;
    loss_part part; /* LOSS_NO_PART: an output of the spec */
    int loss;       /* of a part: the number of the loss */
} graph_output;

typedef struct graph {
    arena *arena;
    names *names;
    const sources *sources; /* for comments that quote the spec; may be NULL */
    name model;
    ARRAY(node) nodes;                  /* nodes.data[0] is no node */
    graph_axis axis[MAX_TIME_AXES + 1]; /* axis[0] is the batch: "b", "B" */
    int axes;                           /* time axes: numbers 1..axes */
    ARRAY(graph_variable) variables;    /* variables.data[0] is no variable */
    ARRAY(graph_param) params;
    ARRAY(graph_input) inputs;
    ARRAY(graph_output) outputs;
    node_id loss;               /* a scalar without axes; NO_NODE when the model has none here */
    int losses;                 /* loss statements, so many `norm`s */
    node_id *param_grad;        /* after derive: adjoint of each parameter, NO_NODE: zero */
    node_id *input_grad;        /* of each input; NO_NODE for tokens and targets, or zero */
    ARRAY(node_id) extra_roots; /* that no result is made of: see plan/segments.c */
    origin current;             /* given to nodes as they are made */
} graph;

graph *graph_new(arena *a, names *n);
static inline node *graph_node(const graph *g, node_id id) { return &g->nodes.data[id.i]; }
static inline type graph_type(const graph *g, node_id id) { return g->nodes.data[id.i].type; }

/* Where parameter `index` begins in the array of parameters: they lie one after the other, row-major. Of the count of
 * parameters: how many numbers these are. */
size_t graph_param_offset(const graph *g, size_t index);

/* Making nodes. The result's type follows from the operands' (the shape rules); operands that do not fit are a BUG: the
 * checked model has no such expression. Pointers to nodes are invalid after a node is made. */
node_id graph_param_node(graph *g, uint32_t index);
node_id graph_input_node(graph *g, uint32_t index);
node_id graph_number(graph *g, double value);
node_id graph_literal(graph *g, shape s, const double *values); /* copies */
node_id graph_iota(graph *g, int n);
node_id graph_step(graph *g, int axis);
node_id graph_length(graph *g, int axis);
node_id graph_count(graph *g, axis_set axes);
node_id graph_uniform(graph *g, name path, shape s, axis_set axes);
node_id graph_pointwise(graph *g, op o, node_id a, node_id b, node_id c); /* NO_NODE beyond the arity */
node_id graph_expand(graph *g, node_id a, type to);                       /* a, broadcast to shape and axes of `to` */
node_id graph_norm(graph *g, node_id a, uint32_t loss);
node_id graph_matmul(graph *g, node_id a, bool ta, node_id b, bool tb);
node_id graph_sum(graph *g, node_id a, shape to);
node_id graph_maximum(graph *g, node_id a, shape to);
node_id graph_softmax(graph *g, node_id a);
node_id graph_logsumexp(graph *g, node_id a);
node_id graph_sum_over(graph *g, node_id a, axis_set axes, bool carry);
node_id graph_max_over(graph *g, node_id a, axis_set axes, bool carry);
/* What a reading gives where the index lies outside of 1..T: `before` values, then `after` values, as the note [reading
 * in time] counts them. */
typedef struct boundary_values {
    const node_id *value;
    int before, after;
} boundary_values;
#define NO_BOUNDARIES ((boundary_values){0})
/* Readings carry across chunks (attr.over.carry is true). `a` may be NO_NODE for a variable that is not lowered yet:
 * give its type, and set it later. */
node_id graph_shift(graph *g, node_id a, type of_a, int axis, int k, boundary_values outside);
node_id graph_at(graph *g, node_id a, type of_a, int axis, bool from_end, int k, boundary_values outside);
void graph_set_operand(graph *g, node_id reading, node_id a);
node_id graph_put(graph *g, node_id a, int axis, bool from_end, int k);
node_id graph_concat(graph *g, const node_id *parts, int count, int dim);
node_id graph_slice(graph *g, node_id a, int dim, int begin, int length);
node_id graph_pad(graph *g, node_id a, int dim, int begin, int length); /* to `length` along dim */
node_id graph_transpose(graph *g, node_id a);                           /* a vector (n) gives the row (1, n) */
node_id graph_reshape(graph *g, node_id a, shape to);
node_id graph_lookup(graph *g, node_id matrix, node_id token);
node_id graph_pick(graph *g, node_id vector, node_id token);
node_id graph_scatter(graph *g, node_id token, node_id vector, int rows, axis_set over);

/* All roots: loss, outputs, gradients, extra ones. */
typedef ARRAY(node_id) node_list;
node_list graph_roots(const graph *g, arena *a);

/* The nodes that the roots need, operands before users; the first operand of a shift (and of an `at`, which may read
 * a value defined through it) comes wherever it comes. Canonical: depends on the structure, not on numbers.
 * Iterative. */
node_list graph_order(const graph *g, arena *a);

/* The same nodes, where operands leave a choice in the order of the spec: see spec_order.c. */
node_list graph_spec_order(const graph *g, arena *a);

/* The same graph with only the nodes that the roots need, numbered in canonical order. */
void graph_compact(graph *g);

/* Numbers from 1 the strongly connected components of the nodes of `set`, in an order in which operands come first,
 * into component[], and returns how many there are. Edges for which `cut` holds do not count; NULL cuts none. */
typedef bool edge_cut(const graph *g, node_id reader, int operand, const void *context);
int graph_components(const graph *g, const node_list *set, edge_cut *cut, const void *context, int *component);

/* Is the node a product W x, or x W, of a matrix without axes and a vector that varies? Over all rows these are one
 * product. */
bool graph_is_rows_product(const graph *g, node_id id, bool *weight_first);

/* Aborts with BUG when the graph breaks a rule: types, operands, cycles without shift, boundaries that differ between
 * readings of one node, origins out of range. `after` names the pass. */
void graph_verify(const graph *g, const char *after);

/* Gives every node that needs a name and is no variable (two users, or a user that is not pointwise) a part number
 * within its variable's equation, in canonical order; an adjoint of a part that of the part. */
void graph_name_parts(graph *g);
const char *graph_label(const graph *g, arena *a, node_id id); /* "h1.i", "h1.i.2", "d_h1.i"; "" when it has none */

/* ---- printing ---------------------------------------------------------------------------------------------------- */

void graph_print(text *out, const graph *g); /* one node a line: explain --stage graph */
/* The node's equation in the notation of the language: "d_a[t] = d_h[t] * (1 - square(h[t]))": down to named nodes. */
const char *graph_equation(const graph *g, arena *a, node_id id);

#endif
