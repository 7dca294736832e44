/* print.c: a program as text: explain --stage program. One line a statement, loops indented, buffers first. */
#include "plan/planner.h"

typedef struct printer {
    arena *arena;
    text *out;
    const program *p;
} printer;

static const char *label(const printer *pr, node_id id) { return plan_label(pr->p->graph, pr->arena, id); }

static const char *axes_text(const printer *pr, axis_set axes)
{
    text *t = text_new(pr->arena);
    for (int a = 1; a <= pr->p->graph->axes; a++) {
        if (axes & axis_bit(a)) text_put(t, "[%s]", pr->p->graph->axis[a].letter);
    }
    if (axes & BATCH) text_put(t, "[b]");
    return text_string(t);
}

/* "h[t-1] + 8": buffer, shifted rows, column. Depth: the token of a table. */
static const char *view_text(const printer *pr, view v)
{
    const buffer *b = &pr->p->buffers.data[v.buffer];
    text *t = text_new(pr->arena);
    text_put(t, "%s", v.buffer ? b->name : "-");
    for (int a = 1; a <= pr->p->graph->axes; a++) {
        if (v.shift[a]) text_put(t, "[%s%+d]", pr->p->graph->axis[a].letter, v.shift[a]);
    }
    if (v.row) text_put(t, "[%s]", view_text(pr, v.row->token));
    if (v.column) text_put(t, "+%d", v.column);
    return text_string(t);
}

static const char *node_labels(const printer *pr, const stmt *s)
{
    text *t = text_new(pr->arena);
    const char *separator = "";
    for (size_t i = 0; i < s->nodes.len; i++) {
        text_put(t, "%s%s", separator, label(pr, s->nodes.data[i]));
        separator = ", ";
    }
    return text_string(t);
}

static const char *guard_text(const printer *pr, row_guard c)
{
    return c.at.buffer ? arena_printf(pr->arena, " %s %s", c.negated ? "unless" : "where", view_text(pr, c.at)) : "";
}

static void print_contract(const printer *pr, const stmt *s)
{
    const contract *c = &s->product;
    static const char *const forms[] = {"rows", "outer", "each"};
    text_put(pr->out, "contract %s %s%s", forms[c->form], axes_text(pr, s->axes),
             c->form == FORM_OUTER ? " summed" : "");
    text_put(pr->out, " -> %s (%s)", view_text(pr, c->to), node_labels(pr, s));
    if (c->form == FORM_ROWS)
        text_put(pr->out, " n=%d k=", c->N);
    else
        text_put(pr->out, c->form == FORM_OUTER ? " m=%d n=%d" : " m=%d n=%d k=%d", c->M, c->N, c->K);
    for (size_t i = 0; i < c->addends.len; i++)
        text_put(pr->out, "%s%d of %s%s", i ? " + " : "", c->addends.data[i].K, view_text(pr, c->addends.data[i].a),
                 guard_text(pr, c->addends.data[i].guard));
    if (c->form != FORM_ROWS)
        text_put(pr->out, " of %s, %s%s", view_text(pr, c->a), view_text(pr, c->b), guard_text(pr, c->guard));
    text_line(pr->out, "%s", c->add ? ", added" : "");
}

static void print_pointwise(const printer *pr, const stmt *s)
{
    text_line(pr->out, "pointwise %s%s", axes_text(pr, s->axes), s->shape.rank ? shape_text(pr->arena, s->shape) : "");
    pr->out->depth++;
    for (size_t i = 0; i < s->nodes.len; i++) {
        if (*graph_label(pr->p->graph, pr->arena, s->nodes.data[i]))
            text_line(pr->out, "%s", graph_equation(pr->p->graph, pr->arena, s->nodes.data[i]));
    }
    for (size_t i = 0; i < s->stores.len; i++)
        text_line(pr->out, "store %s %s %s", view_text(pr, s->stores.data[i].to),
                  s->stores.data[i].mode == STORE_SET ? "=" : "+=", label(pr, s->stores.data[i].node));
    pr->out->depth--;
}

static void print_stmt(const printer *pr, const stmt *s)
{
    static const char *const kinds[] = {[STMT_ROWS] = "rows",
                                        [STMT_OVER] = "over",
                                        [STMT_PACK] = "pack",
                                        [STMT_GATHER] = "gather",
                                        [STMT_SCATTER] = "scatter",
                                        [STMT_COPY] = "copy",
                                        [STMT_FILL_BEFORE] = "fill before",
                                        [STMT_FILL_AFTER] = "fill after",
                                        [STMT_COUNT] = "count",
                                        [STMT_SAVE] = "save",
                                        [STMT_CLEAR] = "clear",
                                        [STMT_PASS] = "pass"};
    static const char *const passes[] = {" in front, to the store", " from the store, to the front",
                                         " to the front of the next", " to the end of the one before"};
    if (s->kind == STMT_POINTWISE) {
        print_pointwise(pr, s);
    } else if (s->kind == STMT_CONTRACT) {
        print_contract(pr, s);
    } else if (s->kind == STMT_PACK) {
        text_line(pr->out, "pack %d", s->pack.packing);
    } else if (s->kind == STMT_COPY && s->copy.target != COPY_TO_VIEW) {
        const graph *g = pr->p->graph;
        text_line(pr->out, "copy %s %s -> %s %s", axes_text(pr, s->axes), view_text(pr, s->from.data[0]),
                  s->copy.target == COPY_TO_OUTPUT ? "output" : "gradient of input",
                  s->copy.target == COPY_TO_OUTPUT ? g->outputs.data[s->copy.index].path
                                                   : g->inputs.data[s->copy.index].path);
    } else {
        text_line(pr->out, "%s %s -> %s (%s)%s", kinds[s->kind], axes_text(pr, s->axes), view_text(pr, s->to),
                  node_labels(pr, s),
                  s->kind == STMT_PASS                            ? passes[s->pass.what]
                  : s->kind == STMT_FILL_AFTER && s->fill.in_loop ? " of this step"
                                                                  : "");
    }
}

static const char *towards(int direction) { return direction > 0 ? "forward" : "backward"; }

static void print_loop(const printer *pr, const region *r)
{
    switch (r->kind) {
    case REGION_ONCE: break;
    case REGION_SCAN:
        text_line(pr->out, "scan %s %s", pr->p->graph->axis[r->scan.axis].letter, towards(r->scan.direction));
        break;
    case REGION_ROWS: text_line(pr->out, "each row of %s", axes_text(pr, r->rows.axes)); break;
    case REGION_SEGMENTS:
        text_line(pr->out, pr->p->by_rows ? "each segment of about %d rows" : "each segment of %d steps, %s",
                  pr->p->segment, r->segments.direction > 0 ? "there" : "back");
        break;
    case REGION_BLOCKS:
        text_line(pr->out, "blocks of %d rows of %s %s", r->blocks.rows, pr->p->graph->axis[r->blocks.axis].letter,
                  towards(r->blocks.direction));
        break;
    }
}

/* Depth: loops. */
static void print_region(const printer *pr, const region *r)
{
    print_loop(pr, r);
    if (r->kind != REGION_ONCE) pr->out->depth++;
    for (size_t i = 0; i < r->items.len; i++) {
        if (r->items.data[i].stmt)
            print_stmt(pr, r->items.data[i].stmt);
        else
            print_region(pr, r->items.data[i].region);
    }
    if (r->kind != REGION_ONCE) pr->out->depth--;
}

void plan_print(text *out, const program *p)
{
    printer pr = {.arena = out->arena, .out = out, .p = p};
    text_line(out, "program %s", entry_name(p->entry));
    out->depth++;
    for (size_t i = 1; i < p->buffers.len; i++) {
        const buffer *b = &p->buffers.data[i];
        if (b->storage != STORE_WORK && b->storage != STORE_PLACE) continue;
        text_put(out, "buffer %s %s%s[%zu]", b->name,
                 b->kept ? arena_printf(out->arena, "[segments][%d]", b->kept) : "", axes_text(&pr, b->axes),
                 b->columns);
        for (int a = 1; a <= p->graph->axes; a++) {
            if (b->before[a] || b->after[a])
                text_put(out, " %s: %d before, %d after", p->graph->axis[a].letter, b->before[a], b->after[a]);
        }
        if (b->block_rows) text_put(out, " rows of a block");
        if (b->storage == STORE_PLACE) text_put(out, " in the place of %s", p->buffers.data[b->place_of].name);
        text_put(out, "\n");
    }
    print_region(&pr, p->top);
    out->depth--;
}
