/* model.c: a spec, read, parsed and checked: the parts of this folder in their order. */
#include "model/context.h"

#include "syntax/syntax.h"

#include <string.h>

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void add_cells(context *c, const tree_file *f)
{
    for (size_t i = 0; i < f->cells.len; i++) {
        const tree_cell *cell = f->cells.data[i];
        model_function fn;
        uint32_t old;
        if (function_named(cell->name.text, &fn)) {
            diag(c->diags, cell->name.at, E_FUNCTION_NAME, cell->name.text);
            continue;
        }
        if (name_map_get(&c->cells, cell->name.text, &old)) {
            diag(c->diags, cell->name.at, E_REDECLARED, cell->name.text);
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the map holds places of this list */
            diag_add_note(c->diags, c->cell_list.data[old]->name.at, "'%s' is declared here", cell->name.text);
            continue;
        }
        name_map_set(c->arena, &c->cells, cell->name.text, (uint32_t)c->cell_list.len);
        array_push(c->arena, &c->cell_list, cell);
    }
}

/* `use "x.rnn"`: its cells; its own uses come after it, each path once. False when one cannot be read. */
static bool load_uses(context *c)
{
    bool good = true;
    name_map loaded = {0};
    name_map_set(c->arena, &loaded, name_of(c->names, c->options->path), 1);
    for (size_t i = 0; i < c->files.len; i++) {
        const tree_file *f = c->files.data[i];
        for (size_t k = 0; k < f->uses.len; k++) {
            const tree_use *u = &f->uses.data[k];
            name path = name_of(c->names, u->path);
            uint32_t old;
            size_t length = 0;
            if (name_map_get(&loaded, path, &old)) continue;
            name_map_set(c->arena, &loaded, path, 1);
            const char *content = c->options->load ? c->options->load(c->options->context, u->path, &length) : NULL;
            if (!content) {
                diag(c->diags, u->at, E_CANNOT_USE, u->path);
                good = false;
                continue;
            }
            size_t errors = diag_error_count(c->diags);
            tree_file *used = syntax_parse(c->arena, c->names, c->diags,
                                           sources_add(diag_sources(c->diags), u->path, content, length));
            good = good && diag_error_count(c->diags) == errors;
            add_cells(c, used);
            array_push(c->arena, &c->files, used);
        }
    }
    return good;
}

static const tree_model *choose(context *c, const tree_file *f)
{
    const char *list = "";
    for (size_t i = 0; i < f->models.len; i++) {
        const tree_model *m = f->models.data[i];
        if (c->options->model && !strcmp(m->name.text, c->options->model)) return m;
        list = arena_printf(c->arena, "%s%s%s", list, i ? ", " : "", m->name.text);
    }
    if (c->options->model) {
        diag(c->diags, NO_SPAN, E_UNKNOWN_MODEL, c->options->model);
        if (*list) diag_hint(c->diags, "'%s' has: %s", c->options->path, list);
        return NULL;
    }
    if (f->models.len == 1) return f->models.data[0];
    if (!f->models.len) {
        diag(c->diags, NO_SPAN, E_NO_MODEL, c->options->path);
        return NULL;
    }
    diag(c->diags, NO_SPAN, E_WHICH_MODEL, c->options->path);
    diag_hint(c->diags, "--model NAME, one of: %s", list);
    return NULL;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* What is read: marks variables, and what their equations read in turn. */
typedef struct reach {
    const context *c;
    bool *reached;
    ARRAY(uint32_t) work;
} reach;

static void reach_variable(reach *r, uint32_t v)
{
    if (!v || r->reached[v]) return;
    r->reached[v] = true;
    array_push(r->c->arena, &r->work, v);
}

/* Depth: that of an expression, which is limited. */
static void reach_expr(reach *r, const model_expr *e)
{
    if (e->kind == EXPR_VARIABLE || e->kind == EXPR_SHIFT || e->kind == EXPR_AT) reach_variable(r, e->read.variable);
    for (int i = 0; e->kind == EXPR_CALL && i < e->call.count; i++) reach_expr(r, e->call.args[i]);
    if (e->kind == EXPR_SLICE) reach_expr(r, e->slice.operand);
}

static void reach_all(reach *r)
{
    while (r->work.len) {
        const model_variable *v = &r->c->model->variables.data[r->work.data[--r->work.len]];
        if (v->value) reach_expr(r, v->value);
        for (size_t i = 0; i < v->boundaries.len; i++) reach_variable(r, v->boundaries.data[i].variable);
        for (int i = 0; i < 2; i++) reach_variable(r, v->half[i]);
    }
}

/* From what the model computes, and from what nobody reads and no branch names: that is the user's mistake. */
static void reach_roots(reach *r)
{
    const model *m = r->c->model;
    for (size_t i = 0; i < m->outputs.len; i++) reach_variable(r, m->outputs.data[i].variable);
    for (size_t i = 0; i < m->losses.len; i++) {
        reach_variable(r, m->losses.data[i].value);
        reach_variable(r, m->losses.data[i].weight);
    }
    reach_variable(r, m->generate.from);
    for (uint32_t v = 1; v < m->variables.len; v++) {
        const model_variable *at = &m->variables.data[v];
        if (!at->used && !at->mentioned && !at->hidden) reach_variable(r, v);
    }
    reach_all(r);
}

/* Equations of the model that no branch of the model's own leads to: what else names them is a recurrence that nothing
 * but itself reads yet. Branches in its cells do not make it disappear. */
static void reach_unread(context *c, reach *live)
{
    const model *m = c->model;
    reach named = {.c = c, .reached = ARENA_ARRAY(c->arena, bool, m->variables.len)};
    for (uint32_t v = 1; v < m->variables.len; v++)
        if (m->variables.data[v].mentioned_by_model && !live->reached[v]) reach_variable(&named, v);
    reach_all(&named);
    for (uint32_t v = 1; v < m->variables.len; v++) {
        const model_variable *at = &m->variables.data[v];
        bool of_model = at->kind == VARIABLE_EQUATION && !at->hidden && !strchr(at->path, '.');
        if (of_model && !named.reached[v]) reach_variable(live, v);
    }
    reach_all(live);
}

/* What only branches not taken use is no part of the model: parameters, and equations with all that only they use. */
static void drop_mentioned(context *c)
{
    model *m = c->model;
    reach live = {.c = c, .reached = ARENA_ARRAY(c->arena, bool, m->variables.len)};
    reach dead = {.c = c, .reached = ARENA_ARRAY(c->arena, bool, m->variables.len)};
    reach_roots(&live);
    reach_unread(c, &live);
    for (uint32_t v = 1; v < m->variables.len; v++)
        if (m->variables.data[v].mentioned && !live.reached[v]) reach_variable(&dead, v);
    reach_all(&dead);
    for (uint32_t v = 1; v < m->variables.len; v++) /* a recurrence that nothing but itself reads */
        if (!dead.reached[v]) reach_variable(&live, v);
    reach_all(&live);
    for (uint32_t i = 1; i < m->variables.len; i++) {
        model_variable *v = &m->variables.data[i];
        bool kind = v->kind == VARIABLE_PARAM || v->kind == VARIABLE_EQUATION;
        if (!kind || live.reached[i] || !dead.reached[i]) continue;
        v->kind = VARIABLE_CONST;
        v->decl = NULL;
        v->value = expr_new(c, EXPR_NUMBER, v->at);
        v->value->type.shape = SCALAR;
        v->boundaries.len = 0;
        v->half[0] = v->half[1] = 0;
        v->hidden = v->mentioned = true;
    }
}

model *model_check(arena *a, names *n, diags *d, const model_options *options)
{
    context c = {.arena = a, .names = n, .diags = d, .options = options};
    c.word_rows = name_of(n, "rows");
    c.word_columns = name_of(n, "columns");
    c.word_t = name_of(n, "t");
    c.word_T = name_of(n, "T");
    c.define_used = ARENA_ARRAY(a, bool, options->define_count + 1);
    c.model = ARENA_NEW(a, model);
    c.model->sources = diag_sources(d);
    tree_file *f = syntax_parse(a, n, d, sources_add(diag_sources(d), options->path, options->text, options->length));
    bool unreadable = diag_error_count(d) > 0;
    add_cells(&c, f);
    array_push(a, &c.files, f);
    unreadable = !load_uses(&c) || unreadable;
    if (unreadable) return NULL; /* of a text that cannot be read, names and shapes say nothing */
    const tree_model *chosen = choose(&c, f);
    if (!chosen) return NULL;
    expand_model(&c, chosen);
    if (c.full) return NULL;
    drop_mentioned(&c);
    infer_model(&c);
    rules_check(&c);
    time_check(&c);
    if (diag_error_count(d) == 0) weights_check(&c);
    return diag_error_count(d) ? NULL : c.model;
}
