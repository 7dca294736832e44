/* spec_order.c: the order in which a reader of the spec expects its equations.
 *
 * Comes in: a graph; goes out: its needed nodes, operands before users, as graph_order has them; but where the operands
 * leave a choice, the values of one body (the model's, or that of one call of a cell) come in the order of their
 * equations, and adjoints in the reverse of it. Bodies follow each other as in graph_order. */
#include "base/heap.h"
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

/* Gradients of parameters and inputs come last. */
typedef enum way { FORWARD, BACKWARD, GRADIENT } way;

/* Where a node would stand, if it had no operands. */
typedef struct wish {
    way way;
    uint32_t body;
    int64_t place; /* of its equation */
    uint32_t rank; /* in graph_order */
} wish;

/* The body of a variable: its call, "h" of "h.i" and "" of the model's, and the file that it is written in. */
static name body_of(names *bodies, const graph_variable *v, bool result)
{
    const char *dot = result ? v->path + strlen(v->path) : strrchr(v->path, '.');
    return name_printf(bodies, "%.*s in %u", dot ? (int)(dot - v->path) : 0, v->path, v->at.file);
}

/* Of each variable the number of its body, in the order in which graph_order comes to their values. What the call `h`
 * returns is `h`, and of the body of `h.i`. */
static uint32_t *number_bodies(const graph *g, arena *a, const node_list *order, uint32_t *count)
{
    uint32_t *body = ARENA_ARRAY(a, uint32_t, g->variables.len), number = 0;
    names *bodies = names_new(a);
    name_map number_of = {0};
    for (size_t i = 1; i < g->variables.len; i++)
        name_map_set(a, &number_of, body_of(bodies, &g->variables.data[i], false), 0);
    *count = 0;
    for (size_t i = 0; i < order->len; i++) {
        const node *n = graph_node(g, order->data[i]);
        uint32_t variable = n->origin.variable;
        if (!variable || !n->origin.whole || !n->args || body[variable]) continue;
        name own = body_of(bodies, &g->variables.data[variable], true);
        if (!name_map_get(&number_of, own, &number)) own = body_of(bodies, &g->variables.data[variable], false);
        (void)name_map_get(&number_of, own, &number);
        if (!number) name_map_set(a, &number_of, own, number = ++*count);
        body[variable] = number;
    }
    return body;
}

static int by_wish(const void *x, const void *y)
{
    const wish *a = x, *b = y;
    if (a->way != b->way) return a->way < b->way ? -1 : 1;
    if (a->body != b->body) return a->body < b->body ? -1 : 1;
    if (a->place != b->place) return a->place < b->place ? -1 : 1;
    return a->rank < b->rank ? -1 : 1;
}

static void set_gradient(wish *wishes, uint32_t number)
{
    if (number) wishes[number - 1] = (wish){GRADIENT, 0, 0, number - 1};
}

/* Of the node at each place of graph_order, its place by the wishes. What is of no equation stands behind all others:
 * it is of the loss, with whose adjoints the way back begins. */
static uint32_t *find_wishes(const graph *g, arena *a, const node_list *order)
{
    uint32_t bodies, *body = number_bodies(g, a, order, &bodies), *wanted = ARENA_ARRAY(a, uint32_t, order->len);
    wish *wishes = ARENA_ARRAY(a, wish, order->len);
    uint32_t *place_of = ARENA_ARRAY(a, uint32_t, g->nodes.len);
    for (size_t i = 0; i < order->len; i++) {
        const origin *from = &graph_node(g, order->data[i])->origin;
        uint32_t own = from->variable ? body[from->variable] : bodies + 1;
        int64_t at = (int64_t)g->variables.data[from->variable].at.begin;
        wishes[i] = from->role == ROLE_ADJOINT ? (wish){BACKWARD, bodies + 1 - own, -at, (uint32_t)i}
                                               : (wish){FORWARD, own, at, (uint32_t)i};
        place_of[order->data[i].i] = (uint32_t)i + 1;
    }
    for (size_t i = 0; g->param_grad && i < g->params.len; i++) set_gradient(wishes, place_of[g->param_grad[i].i]);
    for (size_t i = 0; g->input_grad && i < g->inputs.len; i++) set_gradient(wishes, place_of[g->input_grad[i].i]);
    qsort(wishes, order->len, sizeof *wishes, by_wish);
    for (size_t i = 0; i < order->len; i++) wanted[wishes[i].rank] = (uint32_t)i;
    return wanted;
}

typedef struct sorting {
    const graph *g;
    arena *arena, *scratch;
    node_list order, sorted;
    uint32_t *wanted; /* of each place in `order` */
    uint32_t *rank;   /* of each node: 1 + its place in `order` */
    uint32_t *lacks;  /* at each place: operands that are not sorted */
    node_list *users; /* that come later */
    heap ready;       /* wishes of those that lack none */
} sorting;

static bool is_source(const sorting *s, node_id id) { return graph_node(s->g, id)->args == 0; }

/* Sources come in front of their first user; what is read at another step is not waited for. */
static void find_users(sorting *s)
{
    for (size_t i = 0; i < s->order.len; i++) {
        const node *n = graph_node(s->g, s->order.data[i]);
        for (int k = 0; k < n->args; k++) {
            uint32_t operand = s->rank[n->arg[k].i];
            if (!operand || operand > i) continue;
            array_push(s->scratch, &s->users[operand - 1], s->order.data[i]);
            s->lacks[i] += !is_source(s, n->arg[k]);
        }
    }
    for (size_t i = 0; i < s->order.len; i++) {
        if (!s->lacks[i] && !(is_source(s, s->order.data[i]) && s->users[i].len))
            heap_push(s->scratch, &s->ready, s->wanted[i]);
    }
}

static void put(sorting *s, uint32_t i)
{
    const node *n = graph_node(s->g, s->order.data[i]);
    for (int k = 0; k < n->args; k++) {
        uint32_t operand = s->rank[n->arg[k].i];
        if (!operand || operand > i || !is_source(s, n->arg[k]) || !s->users[operand - 1].len) continue;
        s->users[operand - 1].len = 0;
        array_push(s->arena, &s->sorted, n->arg[k]);
    }
    array_push(s->arena, &s->sorted, s->order.data[i]);
    for (size_t k = 0; k < s->users[i].len; k++) {
        uint32_t user = s->rank[s->users[i].data[k].i] - 1;
        if (!--s->lacks[user]) heap_push(s->scratch, &s->ready, s->wanted[user]);
    }
}

node_list graph_spec_order(const graph *g, arena *a)
{
    arena *scratch = arena_new();
    sorting s = {.g = g, .arena = a, .scratch = scratch, .order = graph_order(g, scratch)};
    s.wanted = find_wishes(g, scratch, &s.order);
    s.rank = ARENA_ARRAY(scratch, uint32_t, g->nodes.len);
    s.lacks = ARENA_ARRAY(scratch, uint32_t, s.order.len);
    s.users = arena_array(scratch, s.order.len + 1, sizeof *s.users);
    uint32_t *at = ARENA_ARRAY(scratch, uint32_t, s.order.len); /* who has a wish */
    for (size_t i = 0; i < s.order.len; i++) {
        s.rank[s.order.data[i].i] = (uint32_t)i + 1;
        at[s.wanted[i]] = (uint32_t)i;
    }
    find_users(&s);
    while (s.ready.len) put(&s, at[heap_pop(&s.ready)]);
    arena_free(scratch);
    return s.sorted;
}
