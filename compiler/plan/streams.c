/* streams.c: products that do not wait for each other, side by side.
 *
 * With one row a product does nothing but read its matrix, and the kernel for that (kernels/stream.h) takes several
 * products at once to go through all of them forwards and backwards in turn. `step` has one step: what was taken out
 * of a scan, to be one product over all steps, gains nothing there, and goes back beside the products of the scan.
 *
 * Where an elementwise statement is all that reads such products, they and it may be done for some units at a time: the
 * processor makes values of one block of units while it reads the weights of the next, and sums need no memory. That
 * takes products whose columns are those units several times over (the gates), in whole panels.
 *
 * Needs: all statements. Sets: contract.with_next, contract.epilogue; moves statements of `step`. */
#include "plan/planner.h"

#include <string.h>

/* One packed matrix, whole, at every step. */
static bool is_simple(const stmt *s)
{
    return s->kind == STMT_CONTRACT && s->product.form == FORM_ROWS && s->product.addends.len == 1 &&
           !s->product.addends.data[0].guard.at.buffer;
}

static bool reads(const stmt *later, const stmt *product)
{
    return later->product.addends.data[0].a.buffer == product->product.to.buffer;
}

/* May the product be done behind the statement instead of in front of it? */
static bool can_pass(const stmt *product, const stmt *s)
{
    if (s && is_simple(s)) return !reads(s, product);
    if (!s || s->kind != STMT_FILL_BEFORE) return false;
    for (size_t i = 0; i < s->from.len; i++) {
        if (s->from.data[i].buffer == product->product.to.buffer) return false;
    }
    return true;
}

static void move_items(region *r, size_t from, size_t to)
{
    item moved = r->items.data[from];
    for (; from < to; from++) r->items.data[from] = r->items.data[from + 1];
    r->items.data[to] = moved;
}

/* Products that stand in front of a scan of one step become its first. */
static void move_into(planner *pl, region *top, size_t *scan_at)
{
    region *scan = top->items.data[*scan_at].region;
    for (size_t i = *scan_at; i-- > 0;) {
        stmt *s = top->items.data[i].stmt;
        bool free = s && is_simple(s);
        for (size_t k = i + 1; free && k < *scan_at; k++) free = can_pass(s, top->items.data[k].stmt);
        if (!free) continue;
        move_items(top, i, top->items.len - 1);
        top->items.len--;
        (*scan_at)--;
        array_push(pl->arena, &scan->items, (item){.stmt = s});
        for (size_t k = scan->items.len - 1; k > 0; k--) scan->items.data[k] = scan->items.data[k - 1];
        scan->items.data[0] = (item){.stmt = s};
        for (size_t k = 0; k < s->nodes.len; k++) {
            pl->p->placed[s->nodes.data[k].i] = PLACED_BY_STEP;
            pl->region_of[s->nodes.data[k].i] = scan;
        }
    }
}

/* Depth: loops. */
static void find_neighbours(region *r)
{
    size_t first = 0; /* of those that are independent so far */
    for (size_t i = 0; i < r->items.len; i++) {
        if (r->items.data[i].region) find_neighbours(r->items.data[i].region);
        stmt *s = r->items.data[i].stmt, *before = i ? r->items.data[i - 1].stmt : NULL;
        bool free = s && before && is_simple(s) && is_simple(before) && s->axes == before->axes;
        for (size_t k = first; free && k < i; k++) free = !reads(s, r->items.data[k].stmt);
        if (free)
            before->product.with_next = true;
        else
            first = i;
    }
}

/* ---- blocks of units --------------------------------------------------------------------------------------------- */

/* Are the columns of the product the components of the statement, so many times over, and is it their only reader? */
static bool is_made_of_units(const planner *pl, const stmt *product, const stmt *s)
{
    const contract *c = &product->product;
    int units = s->shape.dim[0];
    enum { LEAST_GROUPS = 3 }; /* sums at a time: fewer would leave the adders waiting */
    if (product->nodes.len < LEAST_GROUPS || c->N != units * (int)product->nodes.len || product->axes != s->axes)
        return false;
    for (size_t i = 0; i < product->nodes.len; i++) {
        node_id id = product->nodes.data[i];
        const node_list *users = &pl->users[id.i];
        bool fits =
            !pl->escapes[id.i] && shape_size(graph_type(pl->g, id).shape) == units && pl->p->views[id.i].si == 1;
        for (size_t k = 0; fits && k < users->len; k++) fits = pl->p->stmt_of[users->data[k].i] == s;
        if (!fits) return false;
    }
    /* What it reads stays until all of it is read; the emitter sees to the state's row. */
    for (size_t i = 0; i < s->stores.len; i++) {
        view to = s->stores.data[i].to, from = c->addends.data[0].a;
        if (to.buffer == from.buffer && memcmp(to.shift, from.shift, sizeof to.shift) == 0) return false;
    }
    for (size_t i = 1; i < pl->count; i++) { /* its memory is free while the statement runs */
        if (pl->p->views[i].buffer == c->to.buffer && pl->p->stmt_of[i] != product) return false;
    }
    return true;
}

/* Elementwise in vectors of whole panels, with nothing that counts components or adds up rows. */
static bool goes_by_blocks(const planner *pl, const stmt *s)
{
    bool fits = s->kind == STMT_POINTWISE && s->shape.rank == 1 && s->shape.dim[0] % PANEL == 0 &&
                s->shape.dim[0] >= 2 * PANEL && (s->axes & BATCH);
    for (size_t i = 0; fits && i < s->stores.len; i++)
        fits = s->stores.data[i].mode == STORE_SET &&
               shape_size(graph_type(pl->g, s->stores.data[i].node).shape) == s->shape.dim[0];
    for (size_t i = 0; fits && i < s->nodes.len; i++) {
        const node *n = graph_node(pl->g, s->nodes.data[i]);
        fits = n->op != OP_uniform && n->op != OP_scatter && n->op != OP_iota;
        for (int a = 0; fits && a < n->args; a++) fits = graph_node(pl->g, n->arg[a])->op != OP_iota;
    }
    return fits;
}

/* Depth: loops. */
static void find_epilogues(planner *pl, region *r)
{
    for (size_t i = 0; i < r->items.len; i++) {
        if (r->items.data[i].region) find_epilogues(pl, r->items.data[i].region);
        stmt *s = r->items.data[i].stmt, *before = i ? r->items.data[i - 1].stmt : NULL;
        bool fits = s && before && is_simple(before) && goes_by_blocks(pl, s) && is_made_of_units(pl, before, s);
        for (size_t k = i - 1; fits && k-- > 0;) {
            const stmt *product = r->items.data[k].stmt;
            if (!product || !is_simple(product) || !product->product.with_next) break;
            fits = is_made_of_units(pl, product, s);
        }
        if (fits) before->product.epilogue = s;
    }
}

void plan_streams(planner *pl)
{
    region *top = pl->p->top;
    for (size_t i = 0; pl->p->entry == ENTRY_STEP && i < top->items.len; i++) {
        if (top->items.data[i].region && top->items.data[i].region->kind == REGION_SCAN) move_into(pl, top, &i);
    }
    find_neighbours(top);
    find_epilogues(pl, top);
}
