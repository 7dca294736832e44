/* pointwise.c: elementwise statements: a loop over rows, a loop over components, a line a value.
 *
 * A value that has a name or more than one reader is a constant of the innermost loop; any other stands inside its
 * reader's expression, unless that would nest deeper than a reader or a compiler likes.
 *
 * Note [loads before choices]. In a[i] && b[i] the load of b[i] is conditional. gcc 12 -O3 with AVX-512 vectorises short
 * loops of such loads over several rows and takes the mask of the first vector for all: wrong values, without a warning.
 * Every row may be read, so what && and || read is read before, into a constant; that needs no masks. What real_select
 * reads are arguments, which are no choice of C's.
 *
 * Note [the same for all]. What all components read, or depend on, is a constant before their loop. As an element of an
 * array it might be changed by a store of the loop, as far as compilers know, and the length of a sequence is a call:
 * gcc 12 reads or compares anew in each round, and makes no vectors of such a loop. */
#include "emit/pointwise.h"

#include <string.h>

static void enlist(pointwise *p, node_list *l, node_id id, unsigned char mark)
{
    p->marks[id.i] |= mark;
    array_push(p->w->arena, l, id);
}

bool pointwise_is_inline(const node *n)
{
    return n->op == OP_number || n->op == OP_iota || n->op == OP_step || n->op == OP_length;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool take(pointwise *p, const char *word)
{
    uint32_t taken = 0;
    name n = name_of(p->w->g->names, word);
    if (name_map_get(&p->names, n, &taken)) return false;
    name_map_set(p->w->arena, &p->names, n, 1);
    return true;
}

/* "h.i" and "h_i" are one identifier in C. */
static const char *unique(pointwise *p, const char *stem)
{
    const char *n = stem;
    for (int tries = 2; !take(p, n); tries++) n = arena_printf(p->w->arena, "%s_v%d", stem, tries);
    return n;
}

/* "h_row", "h_prev", "h_prev4", "h_next": the row that a value is read from. */
static const char *pointer_name(pointwise *p, node_id id)
{
    const writer *w = p->w;
    const graph *g = w->g;
    text *t = text_new(w->arena);
    node_id owner = id;
    int shift = 0;
    bool part = false;
    while (!*graph_label(g, w->arena, owner) || graph_node(g, owner)->op == OP_shift) {
        const node *n = graph_node(g, owner);
        if (n->args == 0 || (op_table[n->op].class != SHIFT && op_table[n->op].class != LAYOUT)) break;
        shift += n->op == OP_shift ? n->attr.k : 0;
        part = part || n->op != OP_shift;
        owner = n->arg[0];
    }
    text_put(t, "%s_", c_identifier(w->arena, plan_label(g, w->arena, owner)));
    if (shift == 0)
        text_put(t, part ? "part" : "row");
    else if (shift == 1 || shift == -1)
        text_put(t, shift < 0 ? "prev" : "next");
    else
        text_put(t, "%s%d", shift < 0 ? "prev" : "next", shift < 0 ? -shift : shift);
    return unique(p, text_string(t));
}

/* Marks what the statement computes and stores, and what it uses once or more often. */
static void find_marks(pointwise *p)
{
    for (size_t i = 0; i < p->s->nodes.len; i++) p->marks[p->s->nodes.data[i].i] |= OF_STATEMENT;
    for (size_t i = 0; i < p->s->stores.len; i++) p->marks[p->s->stores.data[i].node.i] |= STORED;
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        const node *n = graph_node(p->w->g, p->s->nodes.data[i]);
        for (int a = 0; a < n->args; a++) p->marks[n->arg[a].i] |= is(p, n->arg[a], USED) ? SHARED : USED;
    }
}

/* The next statement finds the tables as this one did. */
static void clear_marks(pointwise *p)
{
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        node_id id = p->s->nodes.data[i];
        const node *n = graph_node(p->w->g, id);
        p->marks[id.i] = 0;
        p->name_of[id.i] = NULL;
        for (int a = 0; a < n->args; a++) {
            p->marks[n->arg[a].i] = 0;
            p->name_of[n->arg[a].i] = NULL;
        }
    }
    for (size_t i = 0; i < p->s->stores.len; i++) {
        p->marks[p->s->stores.data[i].node.i] = 0;
        p->name_of[p->s->stores.data[i].node.i] = NULL;
    }
}

/* "to_h": the row that a value is stored to. */
static void name_targets(pointwise *p)
{
    writer *w = p->w;
    p->to = ARENA_ARRAY(w->arena, const char *, p->s->stores.len + 1);
    for (size_t i = 0; i < p->s->stores.len; i++) {
        const char *label = plan_label(w->g, w->arena, p->s->stores.data[i].node);
        p->to[i] = arena_printf(w->arena, "to_%s", c_identifier(w->arena, label));
        while (!take(p, p->to[i])) p->to[i] = arena_printf(w->arena, "%s_v%zu", p->to[i], i);
    }
}

/* Notes and returns how deep the expression of a node nests where it has no constant. */
static int nest(pointwise *p, node_id id)
{
    const node *n = graph_node(p->w->g, id);
    int deepest = 0;
    for (int a = 0; a < n->args; a++)
        if (is(p, n->arg[a], OF_STATEMENT) && !is(p, n->arg[a], LOCAL) && p->nesting[n->arg[a].i] > deepest)
            deepest = p->nesting[n->arg[a].i];
    p->nesting[id.i] = (unsigned char)(deepest + 1);
    return deepest + 1;
}

/* What the statement reads, and which of its values get a constant. */
static void find_names(pointwise *p)
{
    const graph *g = p->w->g;
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        const node *n = graph_node(g, p->s->nodes.data[i]);
        for (int a = 0; a < n->args; a++) {
            node_id x = n->arg[a];
            if (n->op == OP_scatter && a == 0) /* the token: in the address of the row */
                continue;
            if (is(p, x, OF_STATEMENT | READ) || pointwise_is_inline(graph_node(g, x))) continue;
            p->name_of[x.i] = pointer_name(p, x);
            enlist(p, &p->reads, x, READ);
        }
    }
    for (size_t i = 0; i < p->s->stores.len; i++) {
        node_id x = p->s->stores.data[i].node;
        if (is(p, x, OF_STATEMENT | READ) || pointwise_is_inline(graph_node(g, x))) continue;
        p->name_of[x.i] = pointer_name(p, x);
        enlist(p, &p->reads, x, READ);
    }
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        node_id x = p->s->nodes.data[i];
        if (pointwise_is_sum(graph_node(g, x))) continue;
        const char *label = c_label(p->w, x);
        bool named = *label && graph_node(g, x)->origin.whole, deep = nest(p, x) >= MOST_NESTING;
        if (!named && !deep && is(p, x, USED) && !is(p, x, SHARED | STORED) && graph_node(g, x)->op != OP_uniform)
            continue;
        if (!*label && is(p, x, STORED)) label = c_identifier(p->w->arena, plan_label(g, p->w->arena, x));
        p->name_of[x.i] = unique(p, *label ? label : arena_printf(p->w->arena, "tmp%d", ++p->temporaries));
        enlist(p, &p->locals, x, LOCAL);
    }
}

/* ---- expressions ------------------------------------------------------------------------------------------------- */

/* Strengths of C expressions, after the precedences of ops.def: what is weaker than its place stands in parentheses. */
enum { WEAKEST = 0, ATOM = 9 };

static const char *expression(pointwise *p, node_id id, int *strength);

static const char *operand(pointwise *p, node_id id, int least)
{
    int strength;
    const char *e = expression(p, id, &strength);
    return strength < least ? arena_printf(p->w->arena, "(%s)", e) : e;
}

static const char *substitute(pointwise *p, const node *n);

/* An operand where C wants a truth value: a comparison as it is, any other value compared with 0. */
static const char *condition(pointwise *p, node_id id)
{
    const node *n = graph_node(p->w->g, id);
    if (!p->name_of[id.i] && op_is_condition(n->op)) return substitute(p, n);
    return arena_printf(p->w->arena, "%s != 0", operand(p, id, ATOM));
}

/* How strong operand i must be where it stands in the C text of the operation. */
static int least_strength(const node *n, int i)
{
    int own = op_table[n->op].precedence;
    if (strchr(op_table[n->op].c, '(')) return WEAKEST;
    if (own == 0) return ATOM;
    return op_table[n->op].arity == 1 || own < PRECEDENCE_SUM ? ATOM : i == 0 ? own : own + 1;
}

static const char *substitute(pointwise *p, const node *n)
{
    writer *w = p->w;
    text *t = text_new(w->arena);
    bool logical = n->op == OP_and || n->op == OP_or || n->op == OP_not;
    if (n->op == OP_norm) (void)c_use(w, "NORM");
    for (const char *c = op_table[n->op].c; *c; c++) {
        if (*c != '$') {
            text_put(t, "%c", *c);
            continue;
        }
        c++;
        if (*c == 'k') {
            text_put(t, "%u", n->attr.index);
            continue;
        }
        int i = *c - 'a';
        if (logical)
            text_put(t, "(%s)", condition(p, n->arg[i]));
        else
            text_puts(t, n->op == OP_select && i == 0 ? condition(p, n->arg[i])
                                                      : operand(p, n->arg[i], least_strength(n, i)));
    }
    return text_string(t);
}

const char *pointwise_source(const pointwise *p, const node *n)
{
    writer *w = p->w;
    if (n->op == OP_number) return c_number(w, n->attr.number);
    if (n->op == OP_iota) return p->s->shape.dim[0] > 1 ? "(real)(int)unit" : "0";
    if (n->op == OP_step)
        return arena_printf(w->arena, "(real)(%s)", c_offset(w, c_add(w, c_time(w), c_step(w, n->attr.axis)), 1));
    return arena_printf(w->arena, "(real)(%s)", c_add(w, c_call_time(w), c_whole_length(w, n->attr.axis)));
}

const char *pointwise_place(const pointwise *p, const node *n)
{
    writer *w = p->w;
    if (n->attr.from_end)
        return arena_printf(w->arena, "%s == %s", c_offset(w, c_place(w, n->attr.axis), n->attr.k + 1),
                            c_whole_length(w, n->attr.axis));
    return arena_printf(w->arena, "%s == %d", c_offset(w, c_add(w, c_time(w), c_step(w, n->attr.axis)), 1), n->attr.k);
}

/* Is its value its operand's? */
static bool passes_on(op o) { return o == OP_copy || o == OP_cut || o == OP_expand; }

/* The constant that has the value of an expression, or the expression. */
static const char *fixed_name(const pointwise *p, const char *value)
{
    for (size_t i = 0; i < p->fixed.len; i++)
        if (strcmp(p->fixed.data[i].expression, value) == 0) return p->fixed.data[i].constant;
    return value;
}

/* How a node is written where it is read. Depth: chains of nodes without a constant, at most MOST_NESTING. */
static const char *expression(pointwise *p, node_id id, int *strength)
{
    writer *w = p->w;
    const node *n = graph_node(w->g, id);
    *strength = ATOM;
    if (is(p, id, READ) && !is(p, id, EARLY))
        return arena_printf(w->arena, "%s%s", p->name_of[id.i],
                            c_component(w, w->p->views[id.i], n->type.shape, p->s->shape));
    if (p->name_of[id.i]) return p->name_of[id.i];
    if (pointwise_is_inline(n)) return fixed_name(p, pointwise_source(p, n));
    if (n->op == OP_put)
        return arena_printf(w->arena, "real_select(%s, %s, 0)", fixed_name(p, pointwise_place(p, n)),
                            operand(p, n->arg[0], WEAKEST));
    if (passes_on(n->op)) return expression(p, n->arg[0], strength);
    if (op_is_condition(n->op)) return arena_printf(w->arena, "real_truth(%s)", substitute(p, n));
    if (strchr(op_table[n->op].c, '(') == NULL) *strength = op_table[n->op].precedence;
    return substitute(p, n);
}

static const char *defining(pointwise *p, node_id id)
{
    const node *n = graph_node(p->w->g, id);
    if (n->op == OP_uniform)
        return arena_printf(p->w->arena, "%s(%s_key, (uint32_t)(%s))", c_use(p->w, "random_uniform"), p->name_of[id.i],
                            c_side_by_side(p->w, n->type.shape));
    const char *own = p->name_of[id.i];
    p->name_of[id.i] = NULL;
    int strength;
    const char *e = expression(p, id, &strength);
    p->name_of[id.i] = own;
    return e;
}

/* Operations whose C text may leave out operands but the first. */
static bool is_lazy(op o) { return o == OP_and || o == OP_or; }

/* Reads behind a choice are made before it, as constants of the component; see note [loads before choices]. The walk
 * follows what expression() writes in place: depth as there. */
static void read_before(pointwise *p, node_id id, bool chosen)
{
    const node *n = graph_node(p->w->g, id);
    if (is(p, id, READ)) {
        if (chosen && !is(p, id, EARLY)) enlist(p, &p->early, id, EARLY);
        return;
    }
    for (int a = 0; is(p, id, OF_STATEMENT) && a < n->args; a++)
        if (!is(p, n->arg[a], LOCAL)) read_before(p, n->arg[a], chosen || (a > 0 && is_lazy(n->op)));
}

/* A store may take the place of what the statement reads. */
static bool is_overwritten(const pointwise *p, node_id id)
{
    const program *of = p->w->p;
    const view *from = &of->views[id.i];
    for (size_t i = 0; i < p->s->stores.len; i++) {
        const view *to = &p->s->stores.data[i].to;
        if (plan_memory(of, *to) == plan_memory(of, *from) && to->column == from->column &&
            memcmp(to->shift, from->shift, sizeof to->shift) == 0)
            return true;
    }
    return false;
}

/* Constants are computed before the first store. */
static bool stores_constants(const pointwise *p)
{
    for (size_t i = 0; i < p->s->stores.len; i++) {
        if (!is(p, pointwise_value(p, &p->s->stores.data[i]), LOCAL)) return false;
    }
    return true;
}

/* A constant for what is read of an operand. */
static void write_read(pointwise *p, node_id id)
{
    writer *w = p->w;
    const char *at = unique(p, arena_printf(w->arena, "%s_at", p->name_of[id.i]));
    text_line(w->out, "const real %s = %s%s;", at, p->name_of[id.i],
              c_component(w, w->p->views[id.i], graph_type(w->g, id).shape, p->s->shape));
    p->name_of[id.i] = at;
    p->marks[id.i] |= EARLY;
}

static void write_fixed(pointwise *p, const char *c_type, const char *stem, const char *value)
{
    if (fixed_name(p, value) != value) return;
    const char *constant = unique(p, stem);
    text_line(p->w->out, "const %s %s = %s;", c_type, constant, value);
    array_push(p->w->arena, &p->fixed, (fixed){value, constant});
}

/* Before the loop over components; see note [the same for all]. */
static void write_same_for_all(pointwise *p)
{
    const writer *w = p->w;
    for (size_t i = 0; i < p->reads.len; i++) {
        node_id id = p->reads.data[i];
        const char *at = c_component(w, w->p->views[id.i], graph_type(w->g, id).shape, p->s->shape);
        if (strcmp(at, "[0]") == 0) write_read(p, id);
    }
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        const node *n = graph_node(w->g, p->s->nodes.data[i]);
        if (n->op == OP_put) write_fixed(p, "int", "is_here", pointwise_place(p, n));
        for (int a = 0; a < n->args; a++) {
            const node *x = graph_node(w->g, n->arg[a]);
            if (x->op == OP_step) write_fixed(p, "real", "step_here", pointwise_source(p, x));
            if (x->op == OP_length) write_fixed(p, "real", "length_here", pointwise_source(p, x));
        }
    }
}

static void write_early_reads(pointwise *p)
{
    writer *w = p->w;
    for (size_t i = 0; !stores_constants(p) && i < p->reads.len; i++) {
        node_id id = p->reads.data[i];
        if (!is(p, id, EARLY) && is_overwritten(p, id)) enlist(p, &p->early, id, EARLY);
    }
    for (size_t i = 0; i < p->locals.len; i++) read_before(p, p->locals.data[i], false);
    for (size_t i = 0; i < p->s->nodes.len; i++)
        if (pointwise_is_sum(graph_node(w->g, p->s->nodes.data[i])) || is(p, p->s->nodes.data[i], STORED))
            read_before(p, p->s->nodes.data[i], false);
    for (size_t i = 0; i < p->early.len; i++) write_read(p, p->early.data[i]);
}

/* ---- the statement ----------------------------------------------------------------------------------------------- */

static bool needs_sequence(const pointwise *p)
{
    for (size_t i = 0; i < p->s->stores.len; i++) {
        if (p->s->stores.data[i].mode != STORE_SET && p->s->axes) return true;
    }
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        const node *n = graph_node(p->w->g, p->s->nodes.data[i]);
        if (n->op == OP_uniform || n->op == OP_put) return true;
        for (int a = 0; a < n->args; a++) {
            op o = graph_node(p->w->g, n->arg[a])->op;
            if (o == OP_step || o == OP_length) return true;
        }
    }
    return false;
}

/* Not where no loop is left to open. */
static bool can_be_flat(const pointwise *p)
{
    const writer *w = p->w;
    if (needs_sequence(p) || !(p->s->axes & ~w->loops)) return false;
    for (size_t i = 0; i < p->reads.len; i++) {
        if (!rows_are_flat(w, w->p->views[p->reads.data[i].i], p->s->axes)) return false;
    }
    for (size_t i = 0; i < p->s->stores.len; i++) {
        if (!rows_are_flat(w, p->s->stores.data[i].to, p->s->axes)) return false;
    }
    return true;
}

/* Of a table a row is stored, where the statement adds to it, or all of it, where that was done before. */
shape pointwise_stored(const writer *w, const store *st)
{
    return graph_type(w->g, st->to.row ? plan_summed(graph_node(w->g, st->node)) : st->node).shape;
}

node_id pointwise_value(const pointwise *p, const store *st)
{
    const node *n = graph_node(p->w->g, st->node);
    return pointwise_is_sum(n) && is(p, st->node, OF_STATEMENT) ? plan_summed(n) : st->node;
}

/* Sums begin at 0, or with what the state holds. */
void write_sums_before(writer *w, const stmt *of)
{
    for (size_t i = 0; i < of->stores.len; i++) {
        const store *st = &of->stores.data[i];
        if (st->mode != STORE_SUM) continue;
        axis_set before = w->loops;
        shape s = pointwise_stored(w, st);
        open_rows(w, w->p->buffers.data[st->to.buffer].axes);
        open_components(w, s);
        const char *to = c_element(w, st->to, s, s);
        if (st->state)
            text_line(w->out, "%s = %s ? %s%s : 0;", to, c_time(w), c_state(w, st->state, "0"),
                      c_state_component(w, s));
        else
            text_line(w->out, "%s = 0;", to);
        close_components(w, s);
        close_rows(w, before);
    }
}

void write_sums_after(writer *w, const stmt *of)
{
    for (size_t i = 0; i < of->stores.len; i++) {
        const store *st = &of->stores.data[i];
        if (!st->state) continue;
        axis_set before = w->loops;
        shape s = pointwise_stored(w, st);
        open_if_state(w);
        open_rows(w, w->p->buffers.data[st->to.buffer].axes);
        open_components(w, s);
        text_line(w->out, "%s%s = %s;", c_state(w, st->state, "0"), c_state_component(w, s),
                  c_element(w, st->to, s, s));
        close_components(w, s);
        close_rows(w, before);
        text_close(w->out, NULL);
    }
}

bool has_sums(const stmt *s)
{
    for (size_t i = 0; s->kind == STMT_POINTWISE && i < s->stores.len; i++) {
        if (s->stores.data[i].mode != STORE_SET && s->axes) return true;
    }
    return false;
}

void skip_padding(writer *w, axis_set axes)
{
    bool timed = false;
    for (int a = 1; a <= w->g->axes; a++) {
        if (!(axes & axis_bit(a))) continue;
        timed = true;
        text_line(w->out, "if (%s && %s) continue;", c_use(w, "ragged"), c_beyond(w, a));
    }
    if (!timed && w->g->axes) text_line(w->out, "if (%s && %s == 0) continue;", c_use(w, "ragged"), c_length(w, 1));
}

/* Where the components of a value begin: those of the row or, in blocks of units, of the block. */
static const char *block_address(const pointwise *p, const char *row, view v, shape have)
{
    if (!p->product_count || have.dim[0] == 1 || !v.si) return row;
    return arena_printf(p->w->arena, v.si == 1 ? "%s + first_unit" : "%s + first_unit * %d", row, v.si);
}

static const char *read_address(const pointwise *p, node_id id)
{
    const writer *w = p->w;
    view v = w->p->views[id.i];
    int column = 0, units = p->s->shape.dim[0];
    for (size_t i = 0; i < p->product_count; i++) {
        const contract *c = &p->products[i].stmt->product;
        if (v.buffer == c->to.buffer) return c_plus(w, "sums", column + (v.column - c->to.column) / units * PANEL);
        column += c->N / units * PANEL;
    }
    return block_address(p, c_address(w, v), v, graph_type(w->g, id).shape);
}

/* The product that reads all of what the store overwrites, block by block; NULL. */
static const contract *reader_of(const pointwise *p, const store *st)
{
    for (size_t i = 0; i < p->product_count; i++) {
        const contract *c = &p->products[i].stmt->product;
        if (c->addends.data[0].a.buffer == st->to.buffer && lives_in_state(p->w, &p->w->p->buffers.data[st->to.buffer]))
            return c;
    }
    return NULL;
}

/* What a product still reads is written aside, where the product's result would be. */
static const char *store_address(const pointwise *p, const store *st)
{
    const contract *reader = reader_of(p, st);
    return block_address(p, c_address(p->w, reader ? reader->to : st->to), st->to, pointwise_stored(p->w, st));
}

/* Pointers to rows, and the keys of random rows. */
static void write_pointers(pointwise *p)
{
    writer *w = p->w;
    for (size_t i = 0; i < p->reads.len; i++) {
        node_id id = p->reads.data[i];
        text_line(w->out, "const real *%s = %s;", p->name_of[id.i], read_address(p, id));
    }
    for (size_t i = 0; i < p->s->stores.len; i++)
        text_line(w->out, "real *%s = %s;", p->to[i], store_address(p, &p->s->stores.data[i]));
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        const node *n = graph_node(w->g, p->s->nodes.data[i]);
        if (n->op != OP_uniform) continue;
        const char *key = arena_printf(w->arena, "%s(UINT64_C(%llu), args->seed, args->update)", c_use(w, "random_key"),
                                       (unsigned long long)c_path_hash(n->attr.path));
        const char *sequence = n->type.axes & BATCH ? "args->sequence + seq" : "0";
        bool timed = false;
        for (int a = 1; a <= w->g->axes; a++) { /* mixed once for each time axis */
            if (!(n->type.axes & axis_bit(a))) continue;
            timed = true;
            key = arena_printf(w->arena, "%s(%s, %s, %s)", c_use(w, "random_row"), key, sequence,
                               c_offset(w, c_add(w, c_time(w), c_step(w, a)), 1));
        }
        if (!timed) key = arena_printf(w->arena, "%s(%s, %s, 0)", c_use(w, "random_row"), key, sequence);
        text_line(w->out, "const uint64_t %s_key = %s;", p->name_of[p->s->nodes.data[i].i], key);
    }
}

static void write_components(pointwise *p)
{
    writer *w = p->w;
    shape block = p->s->shape;
    if (p->product_count) block.dim[0] = PANEL;
    if (block.dim[0] > 1 || block.dim[1] > 1) {
        write_same_for_all(p);
        text_line(w->out, "RNN_INDEPENDENT");
    }
    open_components(w, block);
    write_early_reads(p);
    for (size_t i = 0; i < p->locals.len; i++) {
        node_id id = p->locals.data[i];
        if (*graph_label(w->g, w->arena, id)) write_equation(w, id);
        text_line(w->out, "const real %s = %s;", p->name_of[id.i], defining(p, id));
    }
    for (size_t i = 0; i < p->s->stores.len; i++) {
        const store *st = &p->s->stores.data[i];
        node_id value = pointwise_value(p, st);
        text_line(w->out, "%s%s %s %s;", p->to[i], c_component(w, st->to, pointwise_stored(w, st), p->s->shape),
                  st->mode == STORE_SET ? "=" : "+=", operand(p, value, WEAKEST));
    }
    close_components(w, block);
}

/* Opens the loop over blocks of units, and computes what they are made of. */
static void open_unit_blocks(const pointwise *p)
{
    writer *w = p->w;
    int units = p->s->shape.dim[0], blocks = units / PANEL, column = 0;
    for (size_t i = 0; i < p->product_count; i++) column += p->products[i].stmt->product.N / units * PANEL;
    text_line(w->out, "/* %d units at a time; every second step begins with the last, which the cache still holds */",
              PANEL);
    text_open(w->out, "for (size_t unit_block = 0; unit_block < %d; unit_block++)", blocks);
    text_line(w->out, "const size_t first_unit = %d * (%s ? %d - unit_block : unit_block);", PANEL, c_every_second(w),
              blocks - 1);
    text_line(w->out, "real sums[%d];", column);
    column = 0;
    for (size_t i = 0; i < p->product_count; i++) {
        write_units_of_product(w, p->products[i].stmt, units, column);
        column += p->products[i].stmt->product.N / units * PANEL;
    }
}

static void close_unit_blocks(const pointwise *p)
{
    writer *w = p->w;
    text_close(w->out, NULL);
    for (size_t i = 0; i < p->s->stores.len; i++) {
        const store *st = &p->s->stores.data[i];
        const contract *reader = reader_of(p, st);
        if (reader)
            text_line(w->out, "memcpy(%s, %s, %d * sizeof(real));", c_address(w, st->to), c_address(w, reader->to),
                      p->s->shape.dim[0]);
    }
}

void write_pointwise(writer *w, const stmt *s) { write_unit_blocks(w, s, NULL, 0); }

void write_unit_blocks(writer *w, const stmt *s, const item *products, size_t count)
{
    pointwise p = {.w = w,
                   .s = s,
                   .name_of = w->name_of,
                   .marks = w->marks,
                   .nesting = w->nesting,
                   .products = products,
                   .product_count = count};
    find_marks(&p);
    find_names(&p);
    name_targets(&p);
    for (size_t i = 0; i < s->nodes.len; i++) {
        if (!is(&p, s->nodes.data[i], LOCAL) && is(&p, s->nodes.data[i], STORED)) write_equation(w, s->nodes.data[i]);
    }
    if (!w->row_by_row) write_sums_before(w, s);
    scope rows = can_be_flat(&p) ? open_flat_scope(w, s->axes) : open_scope(w, s->axes);
    if (has_sums(s) && !w->row_by_row) skip_padding(w, s->axes);
    if (count) open_unit_blocks(&p);
    write_pointers(&p);
    if (w->options->calls && pointwise_fits_arrays(&p))
        pointwise_write_arrays(&p);
    else
        write_components(&p);
    if (count) close_unit_blocks(&p);
    close_scope(w, rows);
    if (!w->row_by_row) write_sums_after(w, s);
    clear_marks(&p);
}
