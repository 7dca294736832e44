/* sums.c: sums over components that need less work, or need not wait for another sum.
 *
 *     sum(s * v)          = s * sum(v)             s constant along what is summed; so with v / s and -v
 *     sum(a + b)          = sum(a) + sum(b)        where that takes away a sweep
 *     sum(x - c * sum(x)) = (1 - c * n) * sum(x)   c a number, n components: 0 for a difference from the mean
 *
 * A sum over what another sum is a part of begins when that one has ended: each such sum is one more sweep over the
 * row. What flows back through a normalisation, q * d + r * g * dy, is summed in turn, and q is made of a sum: but
 * q * sum(d) + r * sum(g * dy) needs no q for its sums, and all of them are of one sweep. So a node has a level, the
 * number of such sums on the way to it through elementwise work, and a sum is taken apart where the parts have a lower
 * one. Otherwise only a factor moves out, of a product that nothing else reads.
 *
 * Products of two vectors stay as they are, and a number is not taken off each component but for the third line: a sum
 * of small differences would become a difference of large sums. Sums over time stay, too: such a factor may be infinite
 * where there is no step to sum over.
 *
 * Needs: a verified graph; simplified, it has more to find. Keeps: all values but for rounding, and for results that
 * leave the range of a float on the one way alone. */
#include "passes/rewrite.h"

enum {
    MOST_TERMS = 3,   /* of a sum that is taken apart */
    MOST_FACTORS = 6, /* of a term, of each kind */
};

typedef struct factors {
    node_id id[MOST_FACTORS];
    int len;
} factors;

/* outer / under * sum(product of inner) */
typedef struct term {
    bool negative;
    factors outer, under; /* constant along what is summed */
    factors inner;
    bool is_zero; /* differences from a mean: 0, if they are numbers at all */
} term;

typedef struct sums {
    rewriter w;
    arena *arena;
    size_t count;     /* of nodes that were there before */
    int *uses;        /* of these */
    ARRAY(int) level; /* by node */
    /* The sum that is looked at: */
    shape from, to;
    term terms[MOST_TERMS];
    int len;
    bool shared;  /* a product that is taken apart is read elsewhere, too */
    bool centred; /* the last term was a difference from a share of the sum */
} sums;

/* ---- levels ------------------------------------------------------------------------------------------------------ */

static int level_of(sums *s, const node *n)
{
    int level = 0;
    op_class class = op_table[n->op].class;
    if (class != POINTWISE_OP && class != REDUCTION) return 0;
    for (int i = 0; i < n->args; i++) {
        int of_operand = s->level.data[rewrite_arg(&s->w, n, i).i];
        if (of_operand > level) level = of_operand;
    }
    return level + (class == REDUCTION);
}

/* Of the nodes that were made since the last call, operands first. */
static void catch_up(sums *s)
{
    while (s->level.len < s->w.g->nodes.len) {
        int level = level_of(s, &s->w.g->nodes.data[s->level.len]);
        array_push(s->arena, &s->level, level);
    }
}

/* Of the terms from number `first` on. */
static int level_of_terms(const sums *s, int first)
{
    int level = 0;
    for (int i = first; i < s->len; i++) {
        const factors *inner = &s->terms[i].inner;
        for (int k = 0; k < inner->len; k++) {
            if (s->level.data[inner->id[k].i] > level) level = s->level.data[inner->id[k].i];
        }
    }
    return level;
}

/* ---- terms ------------------------------------------------------------------------------------------------------- */

/* Constant along what is summed. */
static bool is_constant(const sums *s, node_id id)
{
    shape to;
    return shape_broadcast(graph_type(s->w.g, id).shape, s->to, &to) && shape_equal(to, s->to);
}

static bool is_full(const sums *s, node_id id) { return shape_equal(graph_type(s->w.g, id).shape, s->from); }

static double components(const sums *s) { return (double)shape_size(s->from) / (double)shape_size(s->to); }

/* What is taken apart is computed nevertheless where something else reads it. */
static bool is_shared(const sums *s, node_id id) { return id.i < s->count && s->uses[id.i] > 1; }

static bool add_factor(factors *f, node_id id)
{
    if (f->len == MOST_FACTORS) return false;
    f->id[f->len++] = id;
    return true;
}

/* Multiplies the term by `id`, factor by factor; false where there are too many. */
static bool multiply(sums *s, term *t, node_id id)
{
    factors left = {{id}, 1};
    while (left.len) {
        id = left.id[--left.len];
        const node *n = graph_node(s->w.g, id);
        node_id a = n->args > 0 ? rewrite_arg(&s->w, n, 0) : NO_NODE;
        node_id b = n->args > 1 ? rewrite_arg(&s->w, n, 1) : NO_NODE;
        bool divided = n->op == OP_div && is_constant(s, b), fits = true;
        if (is_constant(s, id)) {
            fits = add_factor(&t->outer, id);
        } else if (n->op == OP_mul || n->op == OP_neg || divided || (n->op == OP_expand && is_constant(s, a))) {
            s->shared |= is_shared(s, id);
            t->negative ^= n->op == OP_neg;
            if (n->op == OP_mul) fits = add_factor(&left, b);
            if (divided) fits = add_factor(&t->under, b);
            fits = fits && add_factor(&left, a);
        } else {
            fits = add_factor(&t->inner, id);
        }
        if (!fits) return false;
    }
    return true;
}

/* n * c where the node is c * sum(x) for a number c; else 0. */
static double share_of_sum(sums *s, node_id id, node_id x)
{
    double share = components(s);
    const node *n = graph_node(s->w.g, id);
    if (n->op == OP_expand) n = graph_node(s->w.g, rewrite_arg(&s->w, n, 0));
    for (int i = 0; i < 2 && (n->op == OP_mul || n->op == OP_div); i++) {
        const node *number = graph_node(s->w.g, rewrite_arg(&s->w, n, 1 - i));
        if (number->op != OP_number || number->attr.number == 0 || (n->op == OP_div && i == 1)) continue;
        share = n->op == OP_mul ? share * number->attr.number : share / number->attr.number;
        n = graph_node(s->w.g, rewrite_arg(&s->w, n, i));
    }
    bool is_it = n->op == OP_sum && node_is(rewrite_arg(&s->w, n, 0), x) && shape_equal(n->type.shape, s->to);
    return is_it ? share : 0;
}

/* x + c * sum(x), x - c * sum(x): then x stands for it, with the factor 1 + n * c or 1 - n * c. */
static bool is_centred(sums *s, term *t)
{
    node n = *graph_node(s->w.g, t->inner.id[0]);
    if (t->inner.len != 1 || (n.op != OP_add && n.op != OP_sub) || t->outer.len == MOST_FACTORS) return false;
    node_id x = rewrite_arg(&s->w, &n, 0);
    double share = share_of_sum(s, rewrite_arg(&s->w, &n, 1), x), factor = 1 + (n.op == OP_add ? share : -share);
    if (share == 0 || !is_full(s, x)) return false;
    t->inner.id[0] = x;
    t->is_zero = factor == 0;
    return add_factor(&t->outer, graph_number(s->w.g, factor));
}

static bool add_term(sums *s, const term *t)
{
    bool full = t->inner.len == 0;
    for (int i = 0; i < t->inner.len; i++) full |= is_full(s, t->inner.id[i]);
    if (!full || s->len == MOST_TERMS) return false;
    s->terms[s->len++] = *t;
    return true;
}

/* Adds t * id to the terms, id an addition as two where that lowers the level; false where there are too many. Depth:
 * additions within one another, at most `left`. */
static bool collect(sums *s, node_id id, term t, int left)
{
    if (!multiply(s, &t, id)) return false;
    s->centred = is_centred(s, &t);
    const node *n = graph_node(s->w.g, t.inner.id[0]);
    if (s->centred || t.inner.len != 1 || (n->op != OP_add && n->op != OP_sub) || left == 0) return add_term(s, &t);
    node_id a = rewrite_arg(&s->w, n, 0), b = rewrite_arg(&s->w, n, 1);
    term first = t, second = t;
    int before = s->len;
    first.inner.len = second.inner.len = 0;
    second.negative ^= n->op == OP_sub;
    if (is_full(s, a) && is_full(s, b) && collect(s, a, first, left - 1) && collect(s, b, second, left - 1) &&
        level_of_terms(s, before) < s->level.data[t.inner.id[0].i])
        return true;
    s->len = before;
    return add_term(s, &t);
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

static node_id binary(sums *s, op o, node_id a, node_id b) { return graph_pointwise(s->w.g, o, a, b, NO_NODE); }

static node_id sum_of_term(sums *s, const term *t)
{
    node_id value = t->inner.len ? t->inner.id[0] : graph_number(s->w.g, components(s));
    for (int i = 1; i < t->inner.len; i++) value = binary(s, OP_mul, value, t->inner.id[i]);
    if (t->inner.len) value = graph_sum(s->w.g, value, s->to);
    for (int i = 0; i < t->outer.len; i++) value = binary(s, OP_mul, t->outer.id[i], value);
    for (int i = 0; i < t->under.len; i++) value = binary(s, OP_div, value, t->under.id[i]);
    return value;
}

static node_id sum_of_terms(sums *s)
{
    node_id sum = NO_NODE;
    for (int i = 0; i < s->len; i++) {
        if (s->terms[i].is_zero && (node_some(sum) || i + 1 < s->len)) continue;
        node_id value = sum_of_term(s, &s->terms[i]);
        if (node_some(sum))
            sum = binary(s, s->terms[i].negative ? OP_sub : OP_add, sum, value);
        else
            sum = s->terms[i].negative ? graph_pointwise(s->w.g, OP_neg, value, NO_NODE, NO_NODE) : value;
    }
    return sum;
}

static bool is_better(const sums *s, node_id summed)
{
    const term *t = &s->terms[0];
    if (level_of_terms(s, 0) < s->level.data[summed.i]) return true;
    if (s->len > 1 || t->outer.len + t->under.len + t->negative == 0) return false;
    return t->inner.len == 0 || s->centred || !s->shared;
}

static void simplify_sum(sums *s, node_id id)
{
    node n = *graph_node(s->w.g, id);
    node_id summed = rewrite_arg(&s->w, &n, 0);
    rewrite_on_behalf(s->w.g, &n);
    s->from = graph_type(s->w.g, summed).shape;
    s->to = n.type.shape;
    s->len = 0;
    s->shared = s->centred = false;
    bool found = collect(s, summed, (term){.negative = false}, MOST_TERMS);

    if (!found || !is_better(s, summed)) return;
    node_id sum = sum_of_terms(s);
    if (!type_equal(graph_type(s->w.g, sum), n.type)) sum = graph_expand(s->w.g, sum, n.type);
    catch_up(s);
    rewrite_replace(&s->w, id, sum);
}

void pass_sums(graph *g)
{
    arena *a = arena_new();
    node_list order = graph_order(g, a);
    sums s = {.w = rewrite_begin(g, a), .arena = a, .count = g->nodes.len, .uses = rewrite_uses(g, &order, a)};
    s.level.data = ARENA_ARRAY(a, int, s.count);
    s.level.len = s.level.cap = s.count;
    for (size_t i = 0; i < order.len; i++) {
        node_id id = order.data[i];
        s.level.data[id.i] = level_of(&s, graph_node(g, id));
        if (graph_node(g, id)->op == OP_sum) simplify_sum(&s, id);
    }
    rewrite_end(&s.w);
    arena_free(a);
}
