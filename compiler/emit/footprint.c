/* footprint.c: what the generated functions need.
 *
 * In: programs and options. Out: bytes of constants, bytes of the caller's memory, a bound for the stack,
 * floating-point operations, each with its parts. Memory is that of `step`, where there is one, and of `forward` as
 * well, where the number of steps is fixed. */
#include "emit/footprint.h"
#include "plan/cost.h"

#include <stdlib.h>
#include <string.h>

/* Stack, in bytes: above what gcc and clang use with optimisation, for x86-64 with the largest vectors down to
 * Cortex-M. */
enum {
    STACK_ENTRY = 512,     /* an entry point and its check */
    STACK_BUFFER = 24,     /* more for each of its buffers */
    STACK_SEGMENT = 160,   /* the arguments of a segment, and its function */
    STACK_PRODUCTS = 1664, /* contract and below */
    STACK_ROWS = 448,      /* softmax and the like, and below */
};

static void add_part(arena *a, footprint_need *n, const char *what, size_t bytes)
{
    if (!bytes) return;
    array_push(a, &n->parts, (footprint_part){what, bytes});
    n->bytes += bytes;
}

static int compare_parts(const void *x, const void *y)
{
    const footprint_part *p = x, *q = y;
    if (p->bytes != q->bytes) return p->bytes < q->bytes ? 1 : -1;
    return strcmp(p->what, q->what);
}

static void sort_parts(footprint_need *n)
{
    if (n->parts.len) qsort(n->parts.data, n->parts.len, sizeof *n->parts.data, compare_parts);
}

static size_t real_size(const emit_options *o) { return o->real_double ? sizeof(double) : sizeof(float); }

/* ---- constants --------------------------------------------------------------------------------------------------- */

static void add_weights(arena *a, footprint_need *to, const places *at, size_t real)
{
    const weight_place *part;
    for (size_t i = 0; (part = places_all(at, i)); i++) {
        size_t size = part->integers ? sizeof(uint32_t) : real;
        if (part->what) add_part(a, to, part->what, weights_room(part) * size);
    }
}

/* Those that are in the text: of some constants only the packed form is. */
static void add_literals(const writer *w, footprint_need *to, const program *p)
{
    for (size_t i = 1; p && i < p->buffers.len; i++) {
        const buffer *b = &p->buffers.data[i];
        const char *what = b->storage == STORE_LITERAL ? c_constant(w, p, b) : NULL;
        if (what && is_used(w, what)) add_part(w->arena, to, what, b->columns * real_size(w->options));
    }
}

/* ---- the caller's memory ----------------------------------------------------------------------------------------- */

/* The bytes that the macro of the same buffer says; 0 for none, or where the number of steps is not fixed: then
 * *grows. */
static size_t buffer_bytes(const program *p, const buffer *b, const emit_options *o, bool *grows)
{
    enum { ALIGN = 16 };
    if (b->storage != STORE_WORK) return 0;
    size_t shards = shard_count(o, p->entry), rows = shards > 1 ? shard_rows(o) : (size_t)o->batch;
    if (!(b->axes & BATCH)) rows = 1;
    size_t reals = b->columns * rows;
    if (p->by_rows && (b->axes & axis_bit(1))) { /* as many as the macro of the rows says */
        size_t most = (size_t)p->segment, all = (size_t)o->steps[1] * rows;
        *grows = *grows || !o->steps[1];
        reals = b->columns * ((o->steps[1] && all <= most ? all : most + (size_t)p->segment_more * rows) +
                              (size_t)(b->before[1] + b->after[1]) * rows);
    }
    for (int i = 1; i <= p->graph->axes; i++) {
        if (!(b->axes & axis_bit(i)) || p->by_rows) continue;
        int steps = p->entry == ENTRY_STEP ? 1 : o->steps[i];
        *grows = *grows || !steps;
        reals *= (size_t)(steps + b->before[i] + b->after[i]);
        size_t block = b->columns * ((size_t)b->block_rows + rows);
        if (b->block_rows && has_step_blocks(p, o, i) && reals > block) reals = block;
    }
    return (reals + ALIGN - 1) / ALIGN * ALIGN * real_size(o) * shards;
}

static void add_work(arena *a, footprint_need *to, const program *p, const emit_options *o, bool *grows)
{
    enum { SPARE = 16 };
    add_part(a, to, "work, to align it", SPARE * real_size(o) * shard_count(o, p->entry));
    for (size_t i = 1; i < p->buffers.len; i++)
        add_part(a, to, arena_printf(a, "work %s of %s", p->buffers.data[i].name, entry_name(p->entry)),
                 buffer_bytes(p, &p->buffers.data[i], o, grows));
}

static void add_state(arena *a, footprint *f, const pool *shared, const emit_options *o)
{
    size_t before = f->ram.bytes;
    if (!shared->carries) return;
    add_part(a, &f->ram, "state, steps seen", sizeof(uint64_t) * (size_t)o->batch);
    for (size_t i = 1; i < shared->states.len; i++) {
        const state_slot *s = &shared->states.data[i];
        add_part(a, &f->ram, arena_printf(a, "state %s", s->name),
                 (size_t)s->rows * (size_t)s->columns * (size_t)o->batch * real_size(o));
    }
    size_t padding = (8 - (f->ram.bytes - before) % 8) % 8; /* of the struct */
    f->ram.bytes += padding;
    f->state = f->ram.bytes - before;
}

static void add_params(arena *a, footprint *f, const emit_model *m, const emit_options *o)
{
    add_part(a, &f->ram, "params", graph_param_offset(m->graph, m->graph->params.len) * real_size(o));
    add_part(a, &f->ram, "packed", m->shared->packed_size * real_size(o));
}

static void find_ram(arena *a, footprint *f, const emit_model *m, const emit_options *o, bool inside)
{
    footprint_need step = {0}, forward = {0};
    bool grows = false, step_grows = false;
    if (!inside) add_params(a, f, m, o);
    add_state(a, f, m->shared, o);
    add_work(a, &forward, m->forward, o, &grows);
    if (m->step) add_work(a, &step, m->step, o, &step_grows);
    f->grows = grows && !m->step && !m->forward->by_rows;
    bool take_step = m->step && (grows || step.bytes > forward.bytes);
    const footprint_need *work = take_step ? &step : &forward;
    f->of = take_step ? "step" : "forward";
    f->work = work->bytes;
    f->ram.bytes += work->bytes;
    for (size_t i = 0; i < work->parts.len; i++) array_push(a, &f->ram.parts, work->parts.data[i]);
}

/* ---- stack ------------------------------------------------------------------------------------------------------- */

/* The sums of a block of units (write_unit_blocks), at most. Depth: loops. */
static size_t sums_of_units(const region *r)
{
    size_t most = 0;
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        size_t sums = s ? 0 : sums_of_units(r->items.data[i].region);
        for (size_t k = i; s && s->kind == STMT_CONTRACT && s->product.epilogue;) {
            sums += r->items.data[k].stmt->nodes.len * PANEL;
            const stmt *before = k ? r->items.data[--k].stmt : NULL;
            if (!before || before->kind != STMT_CONTRACT || !before->product.with_next) break;
        }
        most = sums > most ? sums : most;
    }
    return most;
}

static void find_stack(const writer *w, footprint *f)
{
    arena *a = w->arena;
    const emit_model *m = w->model;
    const emit_options *o = w->options;
    static const char *const rows[] = {"row_softmax", "row_softmax_logsumexp", "row_logsumexp", "row_max", "row_sum"};
    size_t buffers = 0, sums = 0;
    const program *both[] = {m->forward, m->step};
    for (int i = 0; i < 2; i++) {
        size_t own = both[i] ? sums_of_units(both[i]->top) : 0;
        sums = own > sums ? own : sums;
        buffers = both[i] && both[i]->buffers.len > buffers ? both[i]->buffers.len : buffers;
    }
    add_part(a, &f->stack, "the function itself", STACK_ENTRY + STACK_BUFFER * buffers);
    if (m->forward->by_rows) {
        add_part(a, &f->stack, "the call for a segment", STACK_SEGMENT);
        add_part(a, &f->stack, "lengths within a segment", sizeof(int) * (size_t)o->batch);
    }
    static const char *const products[] = {"contract",        "contract_scaled", "contract_blocks",
                                           "stream_products", "stream_blocks",   "stream_units"};
    bool any = false;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) any = any || is_used(w, products[i]);
    if (any) add_part(a, &f->stack, "products", STACK_PRODUCTS);
    if (is_used(w, "stream_units")) add_part(a, &f->stack, "sums of a block of units", sums * real_size(o));
    any = false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) any = any || is_used(w, rows[i]);
    if (any) add_part(a, &f->stack, "softmax and sums", STACK_ROWS);
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

/* Depth: loops. */
static void count_operations(footprint *f, const program *p, const region *r)
{
    for (size_t i = 0; i < r->items.len; i++) {
        const stmt *s = r->items.data[i].stmt;
        if (!s) {
            count_operations(f, p, r->items.data[i].region);
            continue;
        }
        double *to = s->axes & ~(axis_set)BATCH || p->entry == ENTRY_STEP ? f->each_step : f->once;
        to[s->kind == STMT_CONTRACT ? 0 : 1] += plan_operations(p->graph, s);
    }
}

footprint *footprint_of(const writer *w)
{
    arena *a = w->arena;
    const emit_model *m = w->model;
    const emit_options *o = w->options;
    const weights_table *t = w->weights;
    footprint *f = ARENA_ARRAY(a, footprint, 1);
    const program *timed = m->step ? m->step : m->forward;
    f->inside = t != NULL;
    f->timed = entry_name(timed->entry);
    if (t) add_weights(a, &f->flash, t->at, real_size(o));
    add_literals(w, &f->flash, m->step);
    add_literals(w, &f->flash, m->forward);
    find_ram(a, f, m, o, t != NULL);
    find_stack(w, f);
    count_operations(f, timed, timed->top);
    sort_parts(&f->flash);
    sort_parts(&f->ram);
    sort_parts(&f->stack);
    return f;
}

void footprint_write(text *out, const footprint *f, const char *before)
{
    text_line(out, "%sflash  %zu bytes of %s; the machine code is not counted", before, f->flash.bytes,
              f->inside ? "weights and other constants" : "constants");
    if (f->grows)
        text_line(out, "%sRAM    grows with the steps of %s", before, f->of);
    else
        text_line(out, "%sRAM    %zu bytes for %s: work %zu, state %zu%s, besides args, inputs and outputs", before,
                  f->ram.bytes, f->of, f->work, f->state, f->inside ? "" : ", params, packed");
    text_line(out, "%sstack  below %zu bytes, compiled with optimisation", before, f->stack.bytes);
    if (f->once[0] + f->once[1] > 0)
        text_line(out, "%stime   %.0f flops a sequence and %.0f a step of each, %.0f of these in products", before,
                  f->once[0] + f->once[1], f->each_step[0] + f->each_step[1], f->each_step[0]);
    else
        text_line(out, "%stime   %.0f flops a step, %.0f of these in products", before,
                  f->each_step[0] + f->each_step[1], f->each_step[0]);
}
