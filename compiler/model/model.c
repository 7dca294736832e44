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
    name_map loaded = { 0 };
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
        diag(c->diags, (span){ 0, 0, 0 }, E_UNKNOWN_MODEL, c->options->model);
        if (*list) diag_hint(c->diags, "'%s' has: %s", c->options->path, list);
        return NULL;
    }
    if (f->models.len == 1) return f->models.data[0];
    diag(c->diags, (span){ 0, 0, 0 }, f->models.len ? E_WHICH_MODEL : E_NO_MODEL, c->options->path);
    if (f->models.len) diag_hint(c->diags, "--model NAME, one of: %s", list);
    return NULL;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* Parameters that only branches not taken use are no part of the model. */
static void drop_mentioned(context *c)
{
    for (size_t i = 1; i < c->model->variables.len; i++) {
        model_variable *v = &c->model->variables.data[i];
        if (v->kind == VARIABLE_PARAM && !v->used && v->mentioned) {
            v->kind = VARIABLE_CONST;
            v->decl = NULL;
            v->value = expr_new(c, EXPR_NUMBER, v->at);
            v->value->type.shape = (model_shape){ 0, { 1, 1 } };
            v->hidden = true;
        }
    }
}

model *model_check(arena *a, names *n, diags *d, const model_options *options)
{
    context c = { .arena = a, .names = n, .diags = d, .options = options };
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
