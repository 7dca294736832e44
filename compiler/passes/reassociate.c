/* reassociate.c: brings the matrix products of a sum together.
 *
 * The plan computes W @ h[t-1] + V @ c[t-1] as one product with several addends, if it finds nothing else in the sum.
 * A user may write W @ h[t-1] + b + V @ c[t-1], and the adjoint of a value is a sum in the order in which its users
 * came. So a sum is rewritten as ((inside) + (outside)) + rest: `inside` the products of the recurrence that the sum
 * is part of, `outside` those that do not depend on it and can be computed for all steps at once, both in the order
 * of their parameters, which is the same for all gates of a cell; `rest` as it was.
 *
 * Before that, in adjoints, shift(a, k) + shift(b, k) becomes shift(a + b, k), so that what several gates send back
 * to h[t-1] is one sum.
 *
 * In the same way the sum of parts of a vector, each with zeros around it, becomes the parts side by side: what gates
 * that are slices of one product send back to it.
 *
 * A sum is a tree of additions of one type, each used once and without a label: a variable stays one.
 *
 * Needs: a graph without common subexpressions. Keeps: all labels, and all values but for rounding. */
#include "passes/rewrite.h"
#include <stdlib.h>

typedef struct sums {
    rewriter w;
    arena *arena;
    int *uses, *component;
    bool *inner; /* an addition within a larger sum */
} sums;

typedef struct product {
    node_id id;
    uint32_t param;
    size_t place;
} product;
typedef ARRAY(product) product_list;

static bool is_inner_add(const sums *s, node_id id, type t)
{
    const node *n = graph_node(s->w.g, id);
    return n->op == OP_add && s->uses[id.i] == 1 && !n->origin.whole && type_equal(n->type, t);
}

/* The terms of the sum, in order. */
static node_list terms_of(sums *s, node_id root)
{
    const graph *g = s->w.g;
    node_list terms = {0}, work = {0};
    type t = graph_type(g, root);
    array_push(s->arena, &work, root);
    while (work.len) {
        node_id id = work.data[--work.len];
        const node *n = graph_node(g, id);
        if (!node_is(id, root) && !is_inner_add(s, id, t)) {
            array_push(s->arena, &terms, id);
            continue;
        }
        s->inner[id.i] = true;
        array_push(s->arena, &work, n->arg[1]);
        array_push(s->arena, &work, n->arg[0]);
    }
    return terms;
}

static node_id plus(graph *g, node_id a, node_id b)
{
    return node_some(a) ? graph_pointwise(g, OP_add, a, b, NO_NODE) : b;
}

/* By node, the number of the recurrence that it is part of; 0 on no cycle. A node that reads itself is a cycle. */
static int *recurrences(const graph *g, const node_list *order, arena *a)
{
    int *component = ARENA_ARRAY(a, int, g->nodes.len);
    int count = graph_components(g, order, NULL, NULL, component);
    bool *cycle = ARENA_ARRAY(a, bool, (size_t)count + 1), *met = ARENA_ARRAY(a, bool, (size_t)count + 1);
    for (size_t i = 0; i < order->len; i++) {
        node_id id = order->data[i];
        const node *n = graph_node(g, id);
        int c = component[id.i];
        cycle[c] |= met[c];
        met[c] = true;
        for (int k = 0; k < n->args; k++) cycle[c] |= node_is(n->arg[k], id);
    }
    for (size_t i = 0; i < order->len; i++)
        if (!cycle[component[order->data[i].i]]) component[order->data[i].i] = 0;
    return component;
}

typedef void rewrite_sum(sums *s, node_id root, const node_list *terms);

/* Calls f for every sum, the largest that can be found. */
static void for_sums(graph *g, rewrite_sum *f)
{
    arena *a = arena_new();
    node_list order = graph_order(g, a);
    sums s = {.w = rewrite_begin(g, a),
              .arena = a,
              .uses = rewrite_uses(g, &order, a),
              .component = recurrences(g, &order, a),
              .inner = ARENA_ARRAY(a, bool, g->nodes.len)};
    for (size_t i = order.len; i-- > 0;) { /* a sum before the additions within it */
        node_id id = order.data[i];
        if (graph_node(g, id)->op != OP_add || s.inner[id.i]) continue;
        node_list terms = terms_of(&s, id);
        f(&s, id, &terms);
    }
    rewrite_end(&s.w);
    arena_free(a);
}

/* ---- shifts ------------------------------------------------------------------------------------------------------ */

static bool is_adjoint_shift(const sums *s, node_id id)
{
    const node *n = graph_node(s->w.g, id); /* NO_NODE has no operation */
    return n->op == OP_shift && n->args == 1 && !n->attr.over.carry && s->uses[id.i] == 1 && !n->origin.whole &&
           type_equal(graph_type(s->w.g, n->arg[0]), n->type);
}

static bool same_shift(const sums *s, node_id x, node_id y)
{
    const node *a = graph_node(s->w.g, x), *b = graph_node(s->w.g, y);
    return a->attr.axis == b->attr.axis && a->attr.k == b->attr.k && type_equal(a->type, b->type);
}

/* One shift for all terms that are shifts like terms[first]; they are struck from the list. NO_NODE when it is the
 * only one. */
static node_id joined_shift(sums *s, node_list *terms, size_t first)
{
    graph *g = s->w.g;
    node_id sum = NO_NODE, like = terms->data[first];
    int found = 0;
    for (size_t i = first; i < terms->len; i++)
        found += is_adjoint_shift(s, terms->data[i]) && same_shift(s, like, terms->data[i]);
    if (found < 2) return NO_NODE;
    node n = *graph_node(g, like);
    rewrite_on_behalf(g, &n);
    for (size_t i = first; i < terms->len; i++) {
        node_id id = terms->data[i];
        if (!is_adjoint_shift(s, id) || !same_shift(s, like, id)) continue;
        sum = plus(g, sum, graph_node(g, id)->arg[0]);
        terms->data[i] = NO_NODE;
    }
    node_id shift = graph_shift(g, sum, n.type, n.attr.axis, n.attr.k, NO_BOUNDARIES);
    graph_node(g, shift)->attr.over.carry = false;
    return shift;
}

static void join_shifts(sums *s, node_id root, const node_list *all)
{
    graph *g = s->w.g;
    node_list terms = *all;
    node_id sum = NO_NODE;
    bool any = false;
    for (size_t i = 0; i < terms.len; i++) {
        node_id term = terms.data[i];
        if (!node_some(term)) continue;
        node_id joined = is_adjoint_shift(s, term) ? joined_shift(s, &terms, i) : NO_NODE;
        any |= node_some(joined);
        terms.data[i] = node_some(joined) ? joined : term;
    }
    if (!any) return;
    node n = *graph_node(g, root);
    rewrite_on_behalf(g, &n);
    for (size_t i = 0; i < terms.len; i++)
        if (node_some(terms.data[i])) sum = plus(g, sum, terms.data[i]);
    rewrite_replace(&s->w, root, sum);
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static bool is_part(const sums *s, node_id id, type t)
{
    const node *n = graph_node(s->w.g, id);
    return n->op == OP_pad && s->uses[id.i] == 1 && !n->origin.whole && type_equal(n->type, t);
}

static int begin_of(const graph *g, node_id part) { return graph_node(g, part)->attr.part.begin; }

static int end_of(const graph *g, node_id part)
{
    int dim = graph_node(g, part)->attr.part.dim;
    return begin_of(g, part) + graph_type(g, graph_node(g, part)->arg[0]).shape.dim[dim];
}

/* The part among the terms that begins where `part` ends, along the same dimension; their number where there is
 * none. */
static size_t next_part(const sums *s, const node_list *terms, node_id part)
{
    const graph *g = s->w.g;
    type t = graph_type(g, part);
    size_t i = 0;
    while (i < terms->len && !(node_some(terms->data[i]) && is_part(s, terms->data[i], t) &&
                               graph_node(g, terms->data[i])->attr.part.dim == graph_node(g, part)->attr.part.dim &&
                               begin_of(g, terms->data[i]) == end_of(g, part)))
        i++;
    return i;
}

/* Parts that lie side by side and are all of the value, instead of each with zeros around it. The terms that it stands
 * for are struck from the list; NO_NODE where the parts leave gaps. */
static node_id joined_parts(sums *s, node_list *terms, size_t first)
{
    graph *g = s->w.g;
    node_list places = {0}, parts = {0};
    node_id last = terms->data[first];
    int dim = graph_node(g, last)->attr.part.dim, whole = graph_type(g, last).shape.dim[dim];
    for (size_t at = first; at < terms->len; at = next_part(s, terms, last)) {
        last = terms->data[at];
        array_push(s->arena, &places, (node_id){(uint32_t)at});
        array_push(s->arena, &parts, graph_node(g, last)->arg[0]);
    }
    if (parts.len < 2 || end_of(g, last) != whole) return NO_NODE;
    for (size_t i = 0; i < places.len; i++) terms->data[places.data[i].i] = NO_NODE;
    return graph_concat(g, parts.data, (int)parts.len, dim);
}

static void join_parts(sums *s, node_id root, const node_list *all)
{
    graph *g = s->w.g;
    node n = *graph_node(g, root);
    node_list terms = *all;
    node_id sum = NO_NODE;
    rewrite_on_behalf(g, &n);
    for (size_t i = 0; i < terms.len; i++) {
        node_id term = terms.data[i];
        if (node_some(term) && is_part(s, term, n.type) && begin_of(g, term) == 0) sum = joined_parts(s, &terms, i);
        if (node_some(sum)) break;
    }
    if (!node_some(sum)) return;
    for (size_t i = 0; i < terms.len; i++)
        if (node_some(terms.data[i])) sum = plus(g, sum, terms.data[i]);
    rewrite_replace(&s->w, root, sum);
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* The number of the parameter that the weight is, or is a view of; after all of them, what is none. */
static uint32_t param_of(const graph *g, node_id weight)
{
    const node *n = graph_node(g, weight);
    while (n->op == OP_transpose || n->op == OP_slice || n->op == OP_reshape) n = graph_node(g, n->arg[0]);
    return n->op == OP_param ? n->attr.index : UINT32_MAX;
}

static int by_param(const void *x, const void *y)
{
    const product *a = x, *b = y;
    if (a->param != b->param) return a->param < b->param ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

static node_id chain(graph *g, product_list *l)
{
    if (l->len > 1) qsort(l->data, l->len, sizeof *l->data, by_param);
    node_id sum = NO_NODE;
    for (size_t i = 0; i < l->len; i++) sum = plus(g, sum, l->data[i].id);
    return sum;
}

static void chain_products(sums *s, node_id root, const node_list *terms)
{
    graph *g = s->w.g;
    node n = *graph_node(g, root);
    product_list inside = {0}, outside = {0};
    node_list rest = {0};
    for (size_t i = 0; i < terms->len; i++) {
        node_id id = terms->data[i];
        bool weight_first;
        if (s->uses[id.i] != 1 || !type_equal(graph_type(g, id), n.type) ||
            !graph_is_rows_product(g, id, &weight_first)) {
            array_push(s->arena, &rest, id);
            continue;
        }
        product p = {id, param_of(g, graph_node(g, id)->arg[weight_first ? 0 : 1]), i};
        if (s->component[id.i] && s->component[id.i] == s->component[root.i])
            array_push(s->arena, &inside, p);
        else
            array_push(s->arena, &outside, p);
    }
    if (inside.len < 2 && outside.len < 2) return;
    rewrite_on_behalf(g, &n);
    node_id sum = chain(g, &inside), others = chain(g, &outside);
    if (node_some(others)) sum = plus(g, sum, others);
    for (size_t i = 0; i < rest.len; i++) sum = plus(g, sum, rest.data[i]);
    rewrite_replace(&s->w, root, sum);
}

void pass_reassociate(graph *g)
{
    for_sums(g, join_shifts);
    graph_compact(g);
    for_sums(g, join_parts);
    graph_compact(g);
    for_sums(g, chain_products);
}
