/* streams.c: products that do not wait for each other, side by side.
 *
 * With one row a product does nothing but read its matrix, and the kernel for that (kernels/stream.h) takes several
 * products at once to go through all of them forwards and backwards in turn. `step` has one step: what was taken out
 * of a scan, to be one product over all steps, gains nothing there, and goes back beside the products of the scan.
 *
 * Needs: all statements. Sets: contract.with_next; moves statements of `step`. */
#include "plan/planner.h"

/* One packed matrix, whole, at every step. */
static bool is_simple(const stmt *s)
{
    return s && s->kind == STMT_CONTRACT && s->product.form == FORM_ROWS && s->product.addends.len == 1 &&
           !s->product.addends.data[0].guard.at.buffer;
}

static bool reads(const stmt *later, const stmt *product)
{
    return later->product.addends.data[0].a.buffer == product->product.to.buffer;
}

/* May the product be done behind the statement instead of in front of it? */
static bool can_pass(const stmt *product, const stmt *s)
{
    if (is_simple(s))
        return !reads(s, product);
    if (!s || s->kind != STMT_FILL_BEFORE)
        return false;
    for (size_t i = 0; i < s->from.len; i++) {
        if (s->from.data[i].buffer == product->product.to.buffer)
            return false;
    }
    return true;
}

static void move_items(region *r, size_t from, size_t to)
{
    item moved = r->items.data[from];
    for (; from < to; from++)
        r->items.data[from] = r->items.data[from + 1];
    r->items.data[to] = moved;
}

/* Products that stand in front of a scan of one step become its first. */
static void move_into(planner *pl, region *top, size_t *scan_at)
{
    region *scan = top->items.data[*scan_at].region;
    for (size_t i = *scan_at; i-- > 0;) {
        stmt *s = top->items.data[i].stmt;
        bool free = is_simple(s);
        for (size_t k = i + 1; free && k < *scan_at; k++)
            free = can_pass(s, top->items.data[k].stmt);
        if (!free)
            continue;
        move_items(top, i, top->items.len - 1);
        top->items.len--;
        (*scan_at)--;
        array_push(pl->arena, &scan->items, (item){.stmt = s});
        for (size_t k = scan->items.len - 1; k > 0; k--)
            scan->items.data[k] = scan->items.data[k - 1];
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
    size_t first = 0;                   /* of those that are independent so far */
    for (size_t i = 0; i < r->items.len; i++) {
        if (r->items.data[i].region)
            find_neighbours(r->items.data[i].region);
        stmt *s = r->items.data[i].stmt, *before = i ? r->items.data[i - 1].stmt : NULL;
        bool free = is_simple(s) && is_simple(before) && s->axes == before->axes;
        for (size_t k = first; free && k < i; k++)
            free = !reads(s, r->items.data[k].stmt);
        if (free)
            before->product.with_next = true;
        else
            first = i;
    }
}

void plan_streams(planner *pl)
{
    region *top = pl->p->top;
    for (size_t i = 0; pl->p->entry == ENTRY_STEP && i < top->items.len; i++) {
        if (top->items.data[i].region && top->items.data[i].region->axis)
            move_into(pl, top, &i);
    }
    find_neighbours(top);
}
