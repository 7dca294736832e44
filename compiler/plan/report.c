/* report.c: what the plan decided and why: explain --stage plan.
 *
 * In: a program and the numbers of steps and sequences. Out: for each product, loop and statement that computes, how
 * it is done, where, and what it takes by the model of cost.h. The reasons are those of the program: in which region
 * a statement stands, what stands in one statement, program.placed; nothing is analysed anew. Boundary rows, copies
 * and the like are one line at the end. */
#include "plan/cost.h"
#include "plan/planner.h"

#include <math.h>

typedef struct report {
    arena *arena;
    text *out;
    const program *p;
    const plan_sizes *sizes;
    const region **made_in; /* of each node: the region of its statement; NULL */
    double flops, bytes, cycles, in_products, moved;
} report;

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const char *scaled(arena *a, double x, const char *unit)
{
    static const char *const prefix[] = {"", "k", "M", "G", "T"};
    enum { PREFIXES = sizeof prefix / sizeof *prefix };
    int i = 0;
    while (x >= 1000 && i < PREFIXES - 1) x /= 1000, i++;
    return arena_printf(a, i && x < 100 ? "%.1f %s%s" : "%.0f %s%s", x, prefix[i], unit);
}

static const char *label(const report *r, node_id id) { return plan_label(r->p->graph, r->arena, id); }

static const char *letter(const report *r, int axis) { return r->p->graph->axis[axis].letter; }

/* "T * batch = 2500 rows", "batch = 50 rows", "one row". */
static const char *rows_text(const report *r, axis_set axes)
{
    text *t = text_new(r->arena);
    const char *separator = "";
    for (int a = 1; a <= r->p->graph->axes; a++) {
        if (!(axes & axis_bit(a)) || r->p->entry == ENTRY_STEP) continue;
        text_put(t, "%s%s", separator, r->p->graph->axis[a].length);
        separator = " * ";
    }
    if (axes & BATCH) text_put(t, "%sbatch", separator);
    if (!t->len) return "one row";
    text_put(t, " = %.0f rows", plan_row_count(r->p, r->sizes, axes));
    return text_string(t);
}

static const char *labels_text(const report *r, const stmt *s)
{
    enum { MOST = 8 };
    text *t = text_new(r->arena);
    for (size_t i = 0; i < s->nodes.len && i < MOST; i++)
        text_put(t, "%s%s", i ? ", " : "", label(r, s->nodes.data[i]));
    if (s->nodes.len > MOST) text_put(t, ", ... (%zu)", s->nodes.len);
    return text_string(t);
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

static const region *scan_around(const region *r)
{
    while (r && r->kind != REGION_SCAN) r = r->parent;
    return r;
}

static bool is_inside(const region *inner, const region *outer)
{
    while (inner && inner != outer) inner = inner->parent;
    return inner != NULL;
}

/* The scan in the same region as `home`'s statements that computes an operand of the node; through views and parts of
 * products. */
static const region *scan_read(const report *r, node_id id, const region *home)
{
    const graph *g = r->p->graph;
    arena *a = arena_new();
    bool *seen = ARENA_ARRAY(a, bool, g->nodes.len);
    node_list open = {0};
    const region *found = NULL;
    array_push(a, &open, id);
    while (open.len && !found) {
        node_id at = open.data[--open.len];
        const node *n = graph_node(g, at);
        for (int k = 0; k < n->args && !found; k++) {
            node_id x = n->arg[k];
            if (!node_some(x) || seen[x.i]) continue;
            seen[x.i] = true;
            const region *scan = scan_around(r->made_in[x.i]);
            if (scan && !is_inside(home, scan))
                found = scan;
            else if (!r->p->stmt_of[x.i])
                array_push(a, &open, x);
        }
    }
    arena_free(a);
    return found;
}

/* A scan that reads what the statement computes. */
static const region *scan_reading(const report *r, const stmt *s, const region *home)
{
    const graph *g = r->p->graph;
    for (uint32_t i = 1; i < g->nodes.len; i++) {
        const region *scan = scan_around(r->made_in[i]);
        const node *n = graph_node(g, (node_id){i});
        for (int k = 0; scan && !is_inside(home, scan) && k < n->args; k++) {
            if (node_some(n->arg[k]) && r->p->stmt_of[n->arg[k].i] == s) return scan;
        }
    }
    return NULL;
}

/* The region of a statement; values that it computes again may be of another one. */
static const region *home_of(const report *r, const stmt *s)
{
    size_t i = 0;
    while (r->p->stmt_of[s->nodes.data[i].i] != s) i++;
    return r->made_in[s->nodes.data[i].i];
}

static const char *scan_name(const report *r, const region *scan)
{
    return arena_printf(r->arena, "the %s scan over %s", scan->scan.direction > 0 ? "forward" : "backward",
                        letter(r, scan->scan.axis));
}

/* NULL: it has to do with no scan. */
static const char *outside_reason(const report *r, const stmt *s, const region *home)
{
    const region *read = NULL, *reading = scan_reading(r, s, home);
    for (size_t i = 0; i < s->nodes.len && !read; i++) read = scan_read(r, s->nodes.data[i], home);
    const char *it = s->nodes.len > 1 ? "these" : label(r, s->nodes.data[0]);
    if (read && reading)
        return arena_printf(r->arena, "between: made of what %s before it computes, and read by %s behind it",
                            scan_name(r, read), scan_name(r, reading));
    if (read) return arena_printf(r->arena, "behind %s, since nothing in it reads %s", scan_name(r, read), it);
    if (reading)
        return arena_printf(r->arena, "before %s, since it reads nothing that the scan computes",
                            scan_name(r, reading));
    return NULL;
}

static const char *inside_reason(const report *r, const stmt *s, const region *scan)
{
    int by[PLACED_BY_SUM + 1] = {0};
    for (size_t i = 0; i < s->nodes.len; i++)
        by[r->p->placed[s->nodes.data[i].i]] += r->p->stmt_of[s->nodes.data[i].i] == s;
    text *t = text_new(r->arena);
    text_put(t, "in %s:", scan_name(r, scan));
    const char *separator = "";
    if (by[PLACED_BY_LOOP]) {
        text_put(t, s->nodes.len == 1 ? " it is part of the recurrence" : " values of the recurrence: %d",
                 by[PLACED_BY_LOOP]);
        separator = ",";
    }
    if (by[PLACED_BY_READER]) {
        text_put(t, "%s read by nothing else: %d", separator, by[PLACED_BY_READER]);
        separator = ",";
    }
    if (by[PLACED_BY_STEP])
        text_put(t, "%s with one step beside the products of the loop: %d", separator, by[PLACED_BY_STEP]);
    if (by[PLACED_BY_SUM])
        text_put(t, "%s made of these, for sums and products behind it: %d", separator, by[PLACED_BY_SUM]);
    return text_string(t);
}

/* ---- how --------------------------------------------------------------------------------------------------------- */

static const char *kernel_text(const report *r, const stmt *s, int numbers)
{
    bool one = r->sizes->batch <= 1;
    if (plan_is_small(numbers, one)) return "expanded in place, since the matrix is small";
    if (!one || s->product.form != FORM_ROWS || (s->axes & ~(axis_set)BATCH & ~plan_loops(home_of(r, s))))
        return "tiles of rows by panels of 16 columns";
    return s->product.epilogue
               ? "one row by panels of 16 columns, every second time backwards; 16 units at a time, with the products "
                 "beside it, and at once what is made of these"
               : "one row by panels of 16 columns, every second time backwards";
}

static void put_rows_product(const report *r, const stmt *s)
{
    const contract *c = &s->product;
    axis_set rows = s->axes & ~plan_loops(home_of(r, s));
    text_put(r->out, "how    %s of %d by a packed matrix %d x %d; %s", rows_text(r, rows), c->K, c->K, c->N,
             kernel_text(r, s, c->N * c->K));
    if (s->nodes.len > 1) text_put(r->out, "; %zu products stacked, since they read the same vector", s->nodes.len);
    if (c->addends.len > 1) text_put(r->out, "; %zu parts added up in place", c->addends.len);
    bool guarded = false, in_call = false, constant = false;
    for (size_t i = 0; i < c->addends.len; i++) {
        guarded = guarded || c->addends.data[i].guard.at.buffer;
        const packing *pk = &r->p->pool->packings.data[c->addends.data[i].packing];
        bool known = pk->in_call && r->p->buffers.data[pk->buffer].storage == STORE_LITERAL;
        in_call = in_call || (pk->in_call && !known);
        constant = constant || known;
    }
    if (guarded) text_put(r->out, "; only at steps at which a condition holds");
    text_line(r->out, in_call ? "; packed by the call" : constant ? "; a constant, packed" : "; packed by `pack`");
}

static void put_product(const report *r, const stmt *s)
{
    const contract *c = &s->product;
    for (size_t i = 0; i < s->nodes.len; i++)
        text_line(r->out, "product  %s", graph_equation(r->p->graph, r->arena, s->nodes.data[i]));
    r->out->depth++;
    if (c->form == FORM_ROWS)
        put_rows_product(r, s);
    else if (c->form == FORM_OUTER)
        text_line(r->out, "how    one sum of outer products: %d x %d, over %s; %s%s", c->M, c->N, rows_text(r, s->axes),
                  plan_is_small(c->M * c->N, r->sizes->batch <= 1) ? "expanded in place, since it is small"
                                                                   : "by tiles",
                  c->guard.at.buffer ? "; only at steps at which a condition holds" : "");
    else
        text_line(r->out, "how    for each of %s a product %d x %d by %d x %d in plain loops, since %s",
                  rows_text(r, s->axes), c->M, c->K, c->K, c->N,
                  s->axes ? "no matrix is the same for all rows" : "it is done once");
    r->out->depth--;
}

static void put_elementwise(const report *r, const stmt *s)
{
    size_t values = 0;
    for (size_t i = 0; i < s->nodes.len; i++) values += graph_label(r->p->graph, r->arena, s->nodes.data[i])[0] != '\0';
    text *computed = text_new(r->arena);
    enum { MOST = 8 };
    size_t listed = 0;
    for (size_t i = 0; i < s->nodes.len && listed < MOST; i++) {
        const char *word = graph_label(r->p->graph, r->arena, s->nodes.data[i]);
        if (*word) text_put(computed, "%s%s", listed++ ? ", " : "", word);
    }
    if (values > MOST) text_put(computed, ", ... (%zu)", values);
    text_line(r->out, "elementwise  %s", values ? text_string(computed) : labels_text(r, s));
    r->out->depth++;
    size_t set = 0, sums = 0, tables = 0, again = 0;
    for (size_t i = 0; i < s->stores.len; i++) {
        set += s->stores.data[i].mode == STORE_SET;
        sums += s->stores.data[i].mode != STORE_SET;
    }
    for (size_t i = 0; i < s->nodes.len; i++) {
        const node *n = graph_node(r->p->graph, s->nodes.data[i]);
        again += r->p->stmt_of[s->nodes.data[i].i] != s;
        for (int k = 0; k < n->args; k++) tables += node_some(n->arg[k]) && r->p->views[n->arg[k].i].row != NULL;
    }
    axis_set rows = s->axes & ~plan_loops(home_of(r, s));
    text_put(r->out, "how    one loop: %s of %d; operations: %zu, kept in memory: %zu", rows_text(r, rows),
             shape_size(s->shape), s->nodes.len, set);
    if (sums) text_put(r->out, ", added up here: %zu", sums);
    if (again) text_put(r->out, ", computed again instead of read: %zu", again);
    if (tables) text_put(r->out, ", rows of tables read in place: %zu", tables);
    text_end(r->out);
    r->out->depth--;
}

static void put_other(const report *r, const stmt *s)
{
    axis_set rows = s->axes & ~plan_loops(home_of(r, s));
    const char *equation = graph_equation(r->p->graph, r->arena, s->nodes.data[0]);
    const char *what = s->kind == STMT_ROWS     ? "rows"
                       : s->kind == STMT_OVER   ? "over steps"
                       : s->kind == STMT_GATHER ? "gather"
                                                : "scatter";
    text_line(r->out, "%s  %s", what, s->nodes.len > 1 ? labels_text(r, s) : equation);
    r->out->depth++;
    text_line(r->out, "how    a pass over %s%s", rows_text(r, rows), s->nodes.len > 1 ? " for both" : "");
    r->out->depth--;
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

/* Bytes that one round of a region's loop touches: what they need of a cache to be there at the next round. Depth:
 * loops. */
static double touched(const report *r, const region *at, axis_set loops)
{
    double bytes = 0;
    for (size_t i = 0; i < at->items.len; i++) {
        const stmt *s = at->items.data[i].stmt;
        if (!s) {
            bytes += touched(r, at->items.data[i].region, loops);
            continue;
        }
        plan_cost c = plan_cost_of(r->p, r->sizes, s, loops);
        bytes += (c.again + c.rows) / c.rounds;
    }
    return bytes;
}

typedef struct bound {
    double cycles;
    const char *by;
} bound;

static bound bound_of(const report *r, const stmt *s, const region *home, const plan_cost *c)
{
    const plan_level *again = plan_level_for(touched(r, home, plan_loops(home))), *rows = plan_level_for(c->rows);
    double arithmetic = c->flops / plan_flops_per_cycle(s, r->sizes->real_size);
    double reused = plan_loops(home) ? c->again / again->per_cycle : 0, fresh = c->rows / rows->per_cycle;
    double most = arithmetic > reused ? arithmetic : reused;
    const char *by = arithmetic > reused ? "arithmetic"
                                         : arena_printf(r->arena, "bytes from %s, the same at each step", again->name);
    if (fresh > most) return (bound){fresh, arena_printf(r->arena, "bytes from %s", rows->name)};
    return (bound){most, by};
}

static void put_cost(report *r, const stmt *s, const region *home)
{
    plan_cost c = plan_cost_of(r->p, r->sizes, s, plan_loops(home));
    bound b = bound_of(r, s, home, &c);
    text_line(r->out, "cost   %s, %s; bound by %s: %s", scaled(r->arena, c.flops, "flop"),
              scaled(r->arena, c.again + c.rows, "B"), b.by, scaled(r->arena, b.cycles, "cycles"));
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

static bool computes(const stmt *s)
{
    return s->nodes.len &&
           (s->kind == STMT_POINTWISE || s->kind == STMT_CONTRACT || s->kind == STMT_ROWS || s->kind == STMT_OVER ||
            (s->kind == STMT_GATHER && s->gather.op != OP_at) || s->kind == STMT_SCATTER);
}

static void put_stmt(report *r, const stmt *s, const region *home)
{
    text_blank(r->out);
    if (s->kind == STMT_POINTWISE)
        put_elementwise(r, s);
    else if (s->kind == STMT_CONTRACT)
        put_product(r, s);
    else
        put_other(r, s);
    const region *scan = scan_around(home);
    r->out->depth++;
    const char *where = scan ? inside_reason(r, s, scan) : outside_reason(r, s, home);
    if (where) text_line(r->out, "where  %s", where);
    if (s->kind == STMT_CONTRACT && s->product.wanted_by)
        text_line(r->out, "when   the caller has a place for the gradient by %s: nothing else needs it",
                  r->p->graph->inputs.data[s->product.wanted_by - 1].path);
    put_cost(r, s, home);
    r->out->depth--;
}

/* What a scan reads of its own earlier steps; a row's group of statements is part of it. */
static const char *carried(const report *r, const region *scan)
{
    text *t = text_new(r->arena);
    const graph *g = r->p->graph;
    for (uint32_t i = 1; i < g->nodes.len; i++) {
        const node *n = graph_node(g, (node_id){i});
        const region *made_in = r->made_in[n->op == OP_shift ? n->arg[0].i : i];
        while (made_in && made_in->kind == REGION_ROWS) made_in = made_in->parent;
        if (n->op != OP_shift || n->attr.axis != scan->scan.axis || r->p->placed[i] != PLACED_BY_LOOP ||
            made_in != scan)
            continue;
        text_put(t, "%s%s[%s%+d]", t->len ? ", " : "", label(r, n->arg[0]), letter(r, scan->scan.axis), n->attr.k);
    }
    return text_string(t);
}

static void put_region(report *r, const region *at);

static void put_items(report *r, const region *at)
{
    for (size_t i = 0; i < at->items.len; i++) {
        const stmt *s = at->items.data[i].stmt;
        if (!s)
            put_region(r, at->items.data[i].region);
        else if (computes(s))
            put_stmt(r, s, at);
    }
}

static void put_segments(report *r, const region *at)
{
    bool there = at->segments.direction > 0;
    int batch = (int)r->sizes->batch, steps = plan_segment_steps(r->p, batch);
    if (r->p->by_rows)
        text_line(r->out,
                  "segments of %d steps: the values of about %d rows are in memory, and in the cache; nothing reads a "
                  "later step",
                  steps, steps * batch);
    else
        text_line(r->out, "segments of %d steps, %s: %s", steps, there ? "there" : "back",
                  there ? "what sums need that the way back reads; the state that each begins with is kept"
                        : "their values again from that state, and their adjoints");
}

/* How often what follows is done, and why. */
static void put_loop(report *r, const region *at)
{
    int batch = r->sizes->batch > 0 ? r->sizes->batch : 1;
    switch (at->kind) {
    case REGION_ONCE: break;
    case REGION_SCAN: {
        double steps = plan_row_count(r->p, r->sizes, axis_bit(at->scan.axis));
        text_line(r->out, "scan over %s, %s: %.0f step%s, one after the other, since they read %s",
                  letter(r, at->scan.axis), at->scan.direction > 0 ? "forward" : "backward", steps,
                  steps > 1 ? "s" : "", carried(r, at));
        break;
    }
    case REGION_ROWS:
        text_line(r->out,
                  "map over %s: each goes through all of these while it is in the cache, since they read no other row",
                  rows_text(r, at->rows.axes));
        break;
    case REGION_SEGMENTS: put_segments(r, at); break;
    case REGION_BLOCKS: {
        int steps = at->blocks.rows / batch + 1;
        text_line(r->out,
                  "blocks of %d steps of %s: what products and scan hand on, about %d rows, is still in the cache; "
                  "each product is read, or reads, at the scan's own step",
                  steps, letter(r, at->blocks.axis), steps * batch);
        break;
    }
    }
}

/* Depth: loops. */
static void put_region(report *r, const region *at)
{
    bool loop = at->kind != REGION_ONCE;
    if (loop) text_blank(r->out);
    put_loop(r, at);
    r->out->depth += loop;
    put_items(r, at);
    r->out->depth -= loop;
}

/* Notes where each node is computed, and adds up the costs. Depth: loops. */
static void survey(report *r, const region *at)
{
    for (size_t i = 0; i < at->items.len; i++) {
        const stmt *s = at->items.data[i].stmt;
        if (!s) {
            survey(r, at->items.data[i].region);
            continue;
        }
        for (size_t k = 0; computes(s) && k < s->nodes.len; k++)
            if (r->p->stmt_of[s->nodes.data[k].i] == s) r->made_in[s->nodes.data[k].i] = at;
    }
    for (size_t i = 0; i < at->items.len; i++) {
        const stmt *s = at->items.data[i].stmt;
        if (!s) continue;
        plan_cost c = plan_cost_of(r->p, r->sizes, s, plan_loops(at));
        r->flops += c.flops;
        r->bytes += c.again + c.rows;
        r->moved += computes(s) ? 0 : c.again + c.rows;
        if (!computes(s)) continue;
        double cycles = bound_of(r, s, at, &c).cycles;
        r->cycles += cycles;
        r->in_products += s->kind == STMT_CONTRACT ? cycles : 0;
    }
}

static void put_memory(report *r)
{
    double numbers = 0;
    size_t arrays = 0, without = 0;
    plan_sizes at_once = *r->sizes;
    int steps = plan_segment_steps(r->p, (int)r->sizes->batch);
    double segments = steps ? ceil(at_once.steps[1] / steps) : 1;
    if (steps && steps < at_once.steps[1]) at_once.steps[1] = steps;
    for (size_t i = 1; i < r->p->buffers.len; i++) {
        const buffer *b = &r->p->buffers.data[i];
        without += b->storage == STORE_PLACE;
        arrays += b->storage == STORE_WORK;
        double rows = plan_row_count(r->p, &at_once, b->axes), block = b->block_rows + at_once.batch;
        if (b->block_rows && rows > block) rows = block;
        numbers += b->storage == STORE_WORK ? rows * b->columns * (b->kept ? b->kept * segments : 1) : 0;
    }
    text_line(
        r->out, "memory for the work: %s in %zu arrays%s", scaled(r->arena, numbers * r->sizes->real_size, "B"), arrays,
        without ? arena_printf(r->arena, "; %zu more take the place of what nothing reads any more", without) : "");
}

void plan_report(text *out, const program *p, const plan_sizes *sizes)
{
    report r = {.arena = out->arena,
                .out = out,
                .p = p,
                .sizes = sizes,
                .made_in = ARENA_ARRAY(out->arena, const region *, p->graph->nodes.len)};
    survey(&r, p->top);
    text_put(out, "program %s:", entry_name(p->entry));
    for (int a = 1; a <= p->graph->axes && p->entry != ENTRY_STEP; a++)
        text_put(out, " %s = %.0f,", p->graph->axis[a].length, sizes->steps[a]);
    text_line(out, " batch = %.0f: %s, %s; about %s, %.0f%% of them in products", sizes->batch,
              scaled(r.arena, r.flops, "flop"), scaled(r.arena, r.bytes, "B"), scaled(r.arena, r.cycles, "cycles"),
              r.cycles > 0 ? 100 * r.in_products / r.cycles : 0);
    out->depth++;
    put_region(&r, p->top);
    text_blank(out);
    text_line(out, "the rest (copies in and out, boundary rows, what the state keeps): %s",
              scaled(r.arena, r.moved, "B"));
    put_memory(&r);
    out->depth--;
}
