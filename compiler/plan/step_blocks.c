/* step_blocks.c: a scan and the products around it, some steps at a time.
 *
 * A product over all steps writes what a scan reads, or reads what one wrote: streamed through memory, where the
 * batch is large or the sequence long. Where each of its rows is needed at its own step only, the product joins the
 * scan in a region of blocks: for a few steps the product in front, the scan, the products behind, so that what they
 * hand on is still in the second cache.
 *
 * A product behind may read what the scan computes at the same step and at steps that the scan did before; a product in
 * front is read at the same step. Neither may read or write what statements that it passes on its way write or read.
 * One between two scans goes where it hands on more. Small products stay where they are, and so do those with matrices
 * beyond the cache. Where a product joins, so does elementwise work on rows that the block makes or reads.
 *
 * Needs: the whole program. Sets: regions. */
#include "plan/planner.h"

#include <string.h>

enum {
    BLOCK_NUMBERS = 3 << 16, /* what the products of a block touch; half suits a cache of 1 MB beside the matrices */
    BLOCK_LEAST = 1 << 12,   /* numbers of the matrices of products that join: smaller are not worth the loop, */
    BLOCK_MOST = 1 << 18,    /* larger would be streamed through the cache again for each block */
    MAX_DISTANCE = 64,       /* statements between a product and its scan */
};

typedef struct touched {
    bool known;
    plan_touches t;
} touched;

typedef struct joined {
    size_t at;
    item it;
} joined;

typedef struct blocks {
    planner *pl;
    touched *of_item;     /* what each item of the outermost region touches, found when first asked */
    int axis, direction;  /* of the scan */
    region *made;         /* the region of blocks */
    ARRAY(joined) joined; /* what came into it, and from where */
    size_t products;      /* of these */
    arena *scratch;
    bool *written, *read;           /* per buffer: in the scan, or by what joined it */
    bool *mine_read, *mine_written; /* per buffer, false between calls */
} blocks;

/* ---- what a statement touches ------------------------------------------------------------------------------------ */

/* Depth: views of views. */
static void touch_node(const planner *pl, arena *a, plan_touches *t, node_id id)
{
    if (!node_some(id)) return;
    array_push(a, &t->read, plan_view(pl, id));
    const node *n = graph_node(pl->g, id);
    for (int i = 0; pl->task[id.i] == TASK_FREE && i < n->args; i++) touch_node(pl, a, t, n->arg[i]);
}

static void touch_product(arena *a, plan_touches *t, const contract *c)
{
    for (size_t i = 0; i < c->addends.len; i++) {
        array_push(a, &t->read, c->addends.data[i].a);
        array_push(a, &t->read, c->addends.data[i].guard.at);
    }
    array_push(a, &t->read, c->a);
    array_push(a, &t->read, c->b);
    array_push(a, &t->read, c->guard.at);
    array_push(a, &t->written, c->to);
}

void plan_touch_stmt(const planner *pl, arena *a, plan_touches *t, const stmt *s)
{
    bool computes =
        s->kind != STMT_FILL_BEFORE && s->kind != STMT_FILL_AFTER && s->kind != STMT_SAVE && s->kind != STMT_CLEAR;
    for (size_t i = 0; i < s->nodes.len; i++) {
        const node *n = graph_node(pl->g, s->nodes.data[i]);
        array_push(a, &t->written, plan_view(pl, s->nodes.data[i]));
        for (int k = 0; computes && k < n->args; k++) touch_node(pl, a, t, n->arg[k]);
    }
    for (size_t i = 0; i < s->stores.len; i++) array_push(a, &t->written, s->stores.data[i].to);
    for (size_t i = 0; i < s->from.len; i++) array_push(a, &t->read, s->from.data[i]);
    if (s->kind == STMT_CONTRACT) touch_product(a, t, &s->product);
    array_push(a, &t->written, s->to);
}

/* Depth: loops. */
static void touch_item(const planner *pl, arena *a, plan_touches *t, const item *it)
{
    if (it->stmt) plan_touch_stmt(pl, a, t, it->stmt);
    for (size_t i = 0; it->region && i < it->region->items.len; i++) touch_item(pl, a, t, &it->region->items.data[i]);
}

static void mark(const plan_views *list, bool *set, bool value)
{
    for (size_t i = 0; i < list->len; i++) {
        const view *v = &list->data[i];
        set[v->buffer] = value;
        if (v->row) set[v->row->token.buffer] = set[v->row->none.buffer] = value;
    }
}

/* Parameters stay, and gradients are added to in any order. */
static bool mentions(const plan_views *list, const bool *set)
{
    for (size_t i = 0; i < list->len; i++) {
        const view *v = &list->data[i];
        if ((v->buffer > GRAD_BUFFER && set[v->buffer]) ||
            (v->row && (set[v->row->token.buffer] || set[v->row->none.buffer])))
            return true;
    }
    return false;
}

static const plan_touches *touched_by(const blocks *b, const region *r, size_t at)
{
    touched *t = &b->of_item[at];
    if (!t->known) touch_item(b->pl, b->scratch, &t->t, &r->items.data[at]);
    t->known = true;
    return &t->t;
}

/* May the item change places with all items from `from` to `to`? */
static bool passes(const blocks *b, const region *r, size_t at, size_t from, size_t to)
{
    const plan_touches *mine = touched_by(b, r, at);
    bool free = true;
    mark(&mine->read, b->mine_read, true);
    mark(&mine->written, b->mine_written, true);
    b->mine_read[0] = b->mine_written[0] = false;
    for (size_t i = from; i < to && free; i++) {
        const plan_touches *its = touched_by(b, r, i);
        free = !mentions(&its->read, b->mine_written) && !mentions(&its->written, b->mine_written) &&
               !mentions(&its->written, b->mine_read);
    }
    mark(&mine->read, b->mine_read, false);
    mark(&mine->written, b->mine_written, false);
    return free;
}

/* ---- which products ---------------------------------------------------------------------------------------------- */

static bool over_rows_of(const blocks *b, view v)
{
    return b->pl->p->buffers.data[v.buffer].axes == (BATCH | axis_bit(b->axis)) && !v.row;
}

/* Of a view of what is computed in a block: are its rows there when the block's are? */
static bool is_there(const blocks *b, view v) { return !b->written[v.buffer] || v.shift[b->axis] * b->direction <= 0; }

/* A product over all steps of the scan's axis and the batch that can be done some steps at a time. */
static bool is_product_of_rows(const blocks *b, const stmt *s)
{
    if (!s || s->kind != STMT_CONTRACT || s->axes != (BATCH | axis_bit(b->axis))) return false;
    const contract *c = &s->product;
    if (c->form == FORM_OUTER)
        return c->add && !c->guard.at.buffer && over_rows_of(b, c->a) && over_rows_of(b, c->b) && is_there(b, c->a) &&
               is_there(b, c->b);
    bool fits = c->form == FORM_ROWS && over_rows_of(b, c->to);
    for (size_t i = 0; fits && i < c->addends.len; i++) {
        const addend *part = &c->addends.data[i];
        fits = !part->guard.at.buffer && !b->pl->p->pool->packings.data[part->packing].in_call &&
               over_rows_of(b, part->a) && is_there(b, part->a);
    }
    return fits;
}

static bool is_suited(const blocks *b, const stmt *s)
{
    const contract *c = &s->product;
    int inner = c->form == FORM_OUTER ? c->M : 0;
    for (size_t i = 0; i < c->addends.len; i++) inner += c->addends.data[i].K;
    return b->pl->p->pool->block_rows || ((long)c->N * inner >= BLOCK_LEAST && (long)c->N * inner <= BLOCK_MOST);
}

/* Is the result read at its own step only, so that the scan can run behind it block by block? */
static bool read_at_step(const blocks *b, const stmt *s)
{
    const buffer *to = &b->pl->p->buffers.data[s->product.to.buffer];
    return s->product.form == FORM_ROWS && to->before[b->axis] == 0 && to->after[b->axis] == 0;
}

/* ---- which elementwise work -------------------------------------------------------------------------------------- */

static bool is_elementwise(const stmt *s)
{
    if (!s || (s->kind != STMT_POINTWISE && s->kind != STMT_ROWS)) return false;
    for (size_t i = 0; i < s->stores.len; i++) {
        if (s->stores.data[i].mode == STORE_SUM) return false;
    }
    return true;
}

/* Elementwise work on all rows of the scan's axis and the batch that can be done some steps at a time: of what it reads
 * the rows are there, and what it writes is read at its own step. */
static bool is_work_on_rows(const blocks *b, const region *r, size_t at)
{
    const item *it = &r->items.data[at];
    axis_set rows = BATCH | axis_bit(b->axis);
    bool fits = it->stmt ? it->stmt->kind == STMT_POINTWISE && it->stmt->axes == rows && is_elementwise(it->stmt)
                         : it->region && it->region->kind == REGION_ROWS && it->region->rows.axes == rows;
    for (size_t i = 0; fits && it->region && i < it->region->items.len; i++)
        fits = is_elementwise(it->region->items.data[i].stmt);
    if (!fits) return false;
    const plan_touches *t = touched_by(b, r, at);
    for (size_t i = 0; fits && i < t->read.len; i++) fits = !t->read.data[i].row && is_there(b, t->read.data[i]);
    for (size_t i = 0; fits && i < t->written.len; i++) {
        const buffer *to = &b->pl->p->buffers.data[t->written.data[i].buffer];
        fits = !t->written.data[i].row && to->before[b->axis] == 0 && to->after[b->axis] == 0;
    }
    return fits;
}

static bool hands_on(const blocks *b, const plan_touches *t)
{
    return mentions(&t->read, b->written) || mentions(&t->written, b->read);
}

/* ---- between two scans ------------------------------------------------------------------------------------------- */

/* Of a product: is the result larger than what it is made of? */
static bool is_larger(const blocks *b, const stmt *s)
{
    if (!s || s->kind != STMT_CONTRACT) return true;
    int inner = 0;
    for (size_t i = 0; i < s->product.addends.len; i++) inner += s->product.addends.data[i].K;
    return s->product.form == FORM_ROWS && s->product.N > inner && read_at_step(b, s);
}

/* Is the result larger than what it is made of, and another scan the first to read it? Then it stands in front of that
 * one. */
static bool suits_reader(blocks *b, const region *r, size_t at)
{
    if (!is_larger(b, r->items.data[at].stmt)) return false;
    bool suits = false, ends = false;
    size_t reader = at;
    do {
        mark(&touched_by(b, r, reader)->written, b->mine_written, true);
        b->mine_written[0] = false;
        while (++reader < r->items.len && reader <= at + MAX_DISTANCE &&
               !mentions(&touched_by(b, r, reader)->read, b->mine_written)) {
        }
        ends = reader >= r->items.len || reader > at + MAX_DISTANCE || !is_work_on_rows(b, r, reader);
    } while (!ends);
    if (reader < r->items.len && reader <= at + MAX_DISTANCE) {
        const region *its = r->items.data[reader].region;
        suits = its && its->kind == REGION_SCAN && its->scan.axis == b->axis;
    }
    for (size_t i = at; i < reader && i < r->items.len; i++)
        mark(&touched_by(b, r, i)->written, b->mine_written, false);
    return suits;
}

static void join(blocks *b, region *r, size_t at)
{
    item *it = &r->items.data[at];
    const plan_touches *t = touched_by(b, r, at);
    mark(&t->read, b->read, true);
    mark(&t->written, b->written, true);
    for (int i = 0; i <= GRAD_BUFFER; i++) b->read[i] = b->written[i] = false;
    array_push(b->pl->arena, &b->made->items, *it);
    array_push(b->scratch, &b->joined, ((joined){at, *it}));
    b->products += it->stmt && it->stmt->kind == STMT_CONTRACT;
    *it = (item){0}; /* its place is empty */
    b->of_item[at] = (touched){.known = true};
}

/* Without products the scan is better off alone. */
static void undo(blocks *b, region *r)
{
    for (size_t i = 0; i < b->joined.len; i++) {
        r->items.data[b->joined.data[i].at] = b->joined.data[i].it;
        b->of_item[b->joined.data[i].at] = (touched){0};
    }
}

static int columns_touched(const blocks *b)
{
    bool *seen = ARENA_ARRAY(b->scratch, bool, b->pl->p->buffers.len);
    int columns = 0;
    for (size_t i = 0; i < b->made->items.len; i++) {
        const stmt *s = b->made->items.data[i].stmt;
        if (!s || s->kind != STMT_CONTRACT) continue;
        const contract *c = &s->product;
        seen[c->to.buffer] = seen[c->a.buffer] = seen[c->b.buffer] = true;
        for (size_t k = 0; k < c->addends.len; k++) seen[c->addends.data[k].a.buffer] = true;
    }
    for (size_t i = GRAD_BUFFER + 1; i < b->pl->p->buffers.len; i++)
        columns += seen[i] ? (int)b->pl->p->buffers.data[i].columns : 0;
    if (!columns) BUG("products that touch no buffer");
    return columns;
}

/* ---- the region -------------------------------------------------------------------------------------------------- */

static bool joins_in_front(const blocks *b, const region *r, size_t i, size_t at)
{
    const stmt *s = r->items.data[i].stmt;
    bool fits = is_product_of_rows(b, s) ? is_suited(b, s) && read_at_step(b, s)
                                         : is_work_on_rows(b, r, i) && hands_on(b, touched_by(b, r, i));
    return fits && passes(b, r, i, i + 1, at);
}

static bool joins_behind(blocks *b, const region *r, size_t i, size_t at)
{
    const stmt *s = r->items.data[i].stmt;
    bool fits = is_product_of_rows(b, s)
                    ? is_suited(b, s) && !(s->product.form == FORM_ROWS && b->read[s->product.to.buffer])
                    : is_work_on_rows(b, r, i) && hands_on(b, touched_by(b, r, i));
    return fits && !suits_reader(b, r, i) && passes(b, r, i, at + 1, i);
}

/* What joins in front of item number `at`, nearest last; then the scan; then what joins behind. */
static void gather_items(blocks *b, region *r, size_t at)
{
    size_t first = at > MAX_DISTANCE ? at - MAX_DISTANCE : 0;
    const plan_touches *inside = touched_by(b, r, at);
    mark(&inside->read, b->read, true);
    mark(&inside->written, b->written, true);
    for (size_t i = at; i-- > first;) {
        if (joins_in_front(b, r, i, at)) join(b, r, i);
    }
    for (size_t i = 0, k = b->made->items.len; i + 1 < k; i++) {
        item swap = b->made->items.data[i];
        b->made->items.data[i] = b->made->items.data[--k];
        b->made->items.data[k] = swap;
    }
    array_push(b->pl->arena, &b->made->items, r->items.data[at]);
    for (size_t i = at + 1; i < r->items.len && i <= at + MAX_DISTANCE; i++) {
        if (joins_behind(b, r, i, at)) join(b, r, i);
    }
}

/* sets: of four sets of buffers, memory that the next scan takes over. */
static void make_blocks(planner *pl, arena *scratch, touched *of_item, region *r, size_t at, bool *sets)
{
    size_t buffers = pl->p->buffers.len;
    region *scan = r->items.data[at].region;
    blocks b = {.pl = pl,
                .scratch = scratch,
                .of_item = of_item,
                .axis = scan->scan.axis,
                .direction = scan->scan.direction,
                .made = ARENA_NEW(pl->arena, region),
                .written = sets,
                .read = sets + buffers,
                .mine_read = sets + 2 * buffers,
                .mine_written = sets + 3 * buffers};
    memset(sets, 0, 4 * buffers * sizeof *sets);
    gather_items(&b, r, at);
    if (!b.products) {
        undo(&b, r);
        return;
    }
    b.made->kind = REGION_BLOCKS;
    b.made->parent = r;
    b.made->blocks.axis = b.axis;
    b.made->blocks.direction = b.direction;
    b.made->blocks.rows = pl->p->pool->block_rows ? pl->p->pool->block_rows : BLOCK_NUMBERS / columns_touched(&b);
    scan->parent = b.made;
    r->items.data[at] = (item){.region = b.made};
    of_item[at] = (touched){0};
}

static region *outermost(const program *p)
{
    for (size_t i = 0; i < p->top->items.len; i++) {
        region *r = p->top->items.data[i].region;
        if (r && r->kind == REGION_SEGMENTS) return r;
    }
    return p->top;
}

void plan_step_blocks(planner *pl)
{
    region *r = outermost(pl->p);
    arena *scratch = arena_new();
    touched *of_item = ARENA_ARRAY(scratch, touched, r->items.len);
    bool *sets = ARENA_ARRAY(scratch, bool, 4 * pl->p->buffers.len);
    for (size_t i = 0; i < r->items.len; i++) {
        const region *scan = r->items.data[i].region;
        if (scan && scan->kind == REGION_SCAN) make_blocks(pl, scratch, of_item, r, i, sets);
    }
    arena_free(scratch);
    size_t left = 0;
    for (size_t i = 0; i < r->items.len; i++) {
        if (r->items.data[i].stmt || r->items.data[i].region) r->items.data[left++] = r->items.data[i];
    }
    r->items.len = left;
}
