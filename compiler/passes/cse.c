/* cse.c: common subexpressions.
 *
 * Nodes with the same operation, attributes, operands and type have the same value; the first in canonical order
 * stands for all. That may make users equal, too. They come later in the order, except that a shift may read a node
 * that comes later: so it is done again until nothing changes. Two recurrences that are equal only if they are equal
 * stay two.
 *
 * A copy is never merged: it was put there to be another node than its operand. Random nodes are equal when their
 * paths are.
 *
 * Needs: a verified graph. Keeps: all values; a label of every set of merged nodes (see note [names move] in
 * rewrite.c). */
#include "passes/rewrite.h"
#include <string.h>

typedef struct numbering {
    rewriter w;
    node_id *slot; /* open addressing; a power of two */
    size_t mask;
} numbering;

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static uint64_t bits(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

static bool commutes(op o) { return o == OP_add || o == OP_mul || o == OP_eq || o == OP_ne; }

/* The operands as they are now, those of commuting operations in order of their numbers. */
static node_id key_arg(numbering *v, const node *n, int i)
{
    if (!commutes(n->op)) return rewrite_arg(&v->w, n, i);
    node_id a = rewrite_arg(&v->w, n, 0), b = rewrite_arg(&v->w, n, 1);
    return (a.i < b.i) == (i == 0) ? a : b;
}

/* A hash may leave out what equal() compares; it may not count what equal() ignores. */
static uint64_t hash(numbering *v, const node *n)
{
    uint64_t h = mix(n->op, n->type.axes);
    h = mix(h, (uint64_t)n->type.shape.dim[0] << 32 | (uint32_t)n->type.shape.dim[1]);
    h = mix(h, bits(n->attr.number));
    h = mix(h, (uint64_t)n->attr.index << 32 | (uint32_t)n->attr.axis);
    h = mix(h, (uint64_t)(uint32_t)n->attr.k << 32 | (uint32_t)n->attr.part.begin);
    for (int i = 0; i < n->args; i++) h = mix(h, key_arg(v, n, i).i);
    return h;
}

static bool equal_literals(const node *x, const node *y)
{
    if (!x->attr.literal || !y->attr.literal) return x->attr.literal == y->attr.literal;
    return memcmp(x->attr.literal, y->attr.literal, (size_t)shape_size(x->type.shape) * sizeof(double)) == 0;
}

static bool equal_attributes(const node *x, const node *y)
{
    const node_attr *a = &x->attr, *b = &y->attr;
    return a->index == b->index && bits(a->number) == bits(b->number) && a->path == b->path && a->axis == b->axis &&
           a->k == b->k && a->from_end == b->from_end && a->before == b->before && a->after == b->after &&
           a->over.axes == b->over.axes && a->over.carry == b->over.carry && a->part.dim == b->part.dim &&
           a->part.begin == b->part.begin && a->matmul.ta == b->matmul.ta && a->matmul.tb == b->matmul.tb &&
           equal_literals(x, y);
}

static bool equal(numbering *v, node_id ix, node_id iy)
{
    const node *x = graph_node(v->w.g, ix), *y = graph_node(v->w.g, iy);
    if (x->op != y->op || x->args != y->args || !type_equal(x->type, y->type) || !equal_attributes(x, y)) return false;
    for (int i = 0; i < x->args; i++)
        if (!node_is(key_arg(v, x, i), key_arg(v, y, i))) return false;
    return true;
}

/* Lets an equal node that came before stand for this one, or remembers it. */
static void number(numbering *v, node_id id)
{
    if (graph_node(v->w.g, id)->op == OP_copy) return;
    size_t at = hash(v, graph_node(v->w.g, id)) & v->mask;
    while (node_some(v->slot[at])) {
        if (equal(v, v->slot[at], id) && rewrite_replace(&v->w, id, v->slot[at])) return;
        at = (at + 1) & v->mask;
    }
    v->slot[at] = id;
}

static bool one_round(graph *g)
{
    arena *a = arena_new();
    node_list order = graph_order(g, a);
    numbering v = {.w = rewrite_begin(g, a), .mask = 15};
    while (v.mask < order.len * 2) v.mask = v.mask * 2 + 1;
    v.slot = ARENA_ARRAY(a, node_id, v.mask + 1);
    for (size_t i = 0; i < order.len; i++) number(&v, order.data[i]);
    rewrite_end(&v.w);
    bool changed = v.w.changed;
    arena_free(a);
    return changed;
}

void pass_cse(graph *g)
{
    while (one_round(g)) {
    }
}
