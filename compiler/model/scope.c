/* scope.c: what a name means in a model or in a call of a cell. */
#include "model/context.h"

#include "base/embedded.h"
#include "syntax/syntax.h"

#include <string.h>
#include <strings.h>

const function_info function_table[FUNCTION_COUNT] = {
#define FUNCTION(id, word, class, least, most, over, usage) [FUNCTION_##id] = {word, class, least, most, over, usage},
#include "model/functions.def"
};

bool function_is_random(model_function f)
{
    return f == FUNCTION_dropout || f == FUNCTION_zoneout || f == FUNCTION_gaussian_noise;
}

/* ---- symbols ----------------------------------------------------------------------------------------------------- */

symbol *scope_find(const model_instance *s, name word)
{
    uint32_t i;
    return name_map_get(&s->names->index, word, &i) ? &s->names->symbols.data[i] : NULL;
}

bool model_size_value(const model_instance *s, const char *word, double *value)
{
    for (size_t i = 0; i < s->names->symbols.len; i++) {
        const symbol *found = &s->names->symbols.data[i];
        if (found->kind != SYMBOL_SIZE || strcmp(found->word, word) != 0) continue;
        *value = found->size->value;
        return true;
    }
    return false;
}

bool function_named(name word, model_function *f)
{
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        if (function_table[i].class == OPERATOR) continue;
        if (strcmp(function_table[i].name, word) != 0 || i == FUNCTION_matmul || i == FUNCTION_transpose) continue;
        *f = (model_function)i;
        return true;
    }
    return false;
}

bool model_word_taken(arena *a, const char *word)
{
    for (int i = 0; i < FUNCTION_COUNT; i++)
        if (strcmp(function_table[i].name, word) == 0) return true;
    return syntax_is_reserved(word) || embedded_text(arena_printf(a, "cells/%s.rnn", word), NULL);
}

symbol *scope_add(context *c, model_instance *s, tree_id id, symbol_kind kind)
{
    model_function f;
    symbol *old = scope_find(s, id.text);
    if (old) {
        if (old->kind == SYMBOL_AXIS) {
            diag(c->diags, id.at, E_AXIS_NAME, id.text);
            diag_add_note(c->diags, old->at, "the axis comes from here");
        } else {
            diag(c->diags, id.at, E_REDECLARED, id.text);
            diag_add_note(c->diags, old->at, "'%s' is declared here", id.text);
        }
        return NULL;
    }
    if (function_named(id.text, &f)) {
        diag(c->diags, id.at, E_FUNCTION_NAME, id.text); /* and go on: it is what the user means by it */
    }
    symbol added = {.word = id.text, .kind = kind, .at = id.at};
    name_map_set(c->arena, &s->names->index, id.text, (uint32_t)s->names->symbols.len);
    array_push(c->arena, &s->names->symbols, added);
    return &s->names->symbols.data[s->names->symbols.len - 1];
}

/* T, where t is an axis; a cell knows no other. */
static bool is_length(const context *c, const model_instance *s, name word)
{
    if (s->cell) return word == c->word_T;
    for (int i = 1; i <= c->model->axes; i++)
        if (c->model->axis[i].length == word) return true;
    return false;
}

void unknown_name(context *c, const model_instance *s, name word, span at)
{
    diag(c->diags, at, E_UNKNOWN_NAME, word);
    if (!diag_was_kept(c->diags)) return;
    ARRAY(const char *) known = {0};
    for (size_t i = 0; i < s->names->symbols.len; i++) array_push(c->arena, &known, s->names->symbols.data[i].word);
    const char *near = name_nearest(word, known.data, known.len);
    if (is_length(c, s, word))
        diag_hint(c->diags, "'%s' is the length of a sequence and stands inside [ ] only, as in h[%s]", word, word);
    else if (near)
        diag_hint(c->diags, "did you mean '%s'?", near);
    else if (s->cell)
        diag_hint(c->diags, "a cell sees its own names only: pass the value as data");
}

/* The standard cell that lies under a path of the embedded texts; NULL: another text does. */
static const char *standard_cell(context *c, const char *path)
{
    static const char folder[] = "cells/", ending[] = ".rnn";
    size_t n = strlen(path), around = strlen(folder) + strlen(ending);
    if (n <= around || strncmp(path, folder, strlen(folder)) != 0) return NULL;
    return arena_strndup(c->arena, path + strlen(folder), n - around);
}

/* Is `word` one of the names in "Linear, fc."? */
static bool is_listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    while (*list && *list != '.') {
        size_t length = strcspn(list, ",.");
        if (length == n && strncmp(list, word, n) == 0) return true;
        list += length;
        list += strspn(list, ", ");
    }
    return false;
}

/* How the function is called here that another language calls `word`; NULL: it is none of those that are known. The
 * first line of a standard cell reads "# CALL: what it is; elsewhere NAME, NAME." */
static const char *as_written_here(context *c, const char *word)
{
    static const struct {
        const char *word, *hint;
    } aliases[] = {
#define FUNCTION_ALIAS(word, hint) {word, hint},
#include "model/functions.def"
    };
    static const char elsewhere[] = "; elsewhere ";
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(word, aliases[i].word) == 0) return aliases[i].hint;
    const char *path;
    for (size_t i = 0; (path = embedded_path(i)); i++) {
        if (!standard_cell(c, path)) continue;
        const char *line = embedded_text(path, NULL), *call = line + strspn(line, "# ");
        size_t length = strcspn(line, "\n");
        const char *list = strstr(arena_strndup(c->arena, line, length), elsewhere);
        if (list && is_listed(list + strlen(elsewhere), word)) return arena_strndup(c->arena, call, strcspn(call, ":"));
    }
    return NULL;
}

void suggest_function(context *c, const model_instance *s, name word)
{
    ARRAY(const char *) known = {0};
    if (!diag_was_kept(c->diags)) return;
    const char *here = as_written_here(c, word);
    if (here) {
        diag_hint(c->diags, "here that is %s", here);
        return;
    }
    for (int i = 0; i < FUNCTION_COUNT; i++)
        if (function_table[i].class != OPERATOR) array_push(c->arena, &known, function_table[i].name);
    for (size_t i = 0; i < c->cell_list.len; i++) array_push(c->arena, &known, c->cell_list.data[i]->name.text);
    for (size_t i = 0; i < s->names->symbols.len; i++) array_push(c->arena, &known, s->names->symbols.data[i].word);
    const char *path;
    for (size_t i = 0; (path = embedded_path(i)); i++) {
        const char *cell = standard_cell(c, path);
        if (cell) array_push(c->arena, &known, cell);
    }
    const char *near = name_nearest(word, known.data, known.len);
    for (size_t i = 0; i < known.len; i++)
        if (!strcasecmp(word, known.data[i])) near = known.data[i];
    if (near) diag_hint(c->diags, "did you mean '%s'?", near);
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

/* A cell of the files that were read, else one of the standard cells, which is parsed when it is first met. */
const tree_cell *cell_find(context *c, name word)
{
    uint32_t i;
    if (name_map_get(&c->cells, word, &i)) return c->cell_list.data[i];
    size_t length;
    const char *path = arena_printf(c->arena, "cells/%s.rnn", word);
    const char *content = embedded_text(path, &length);
    if (!content) return NULL;
    tree_file *f =
        syntax_parse(c->arena, c->names, c->diags, sources_add(diag_sources(c->diags), path, content, length));
    for (size_t k = 0; k < f->cells.len; k++) {
        const tree_cell *cell = f->cells.data[k];
        if (name_map_get(&c->cells, cell->name.text, &i)) continue;
        name_map_set(c->arena, &c->cells, cell->name.text, (uint32_t)c->cell_list.len);
        array_push(c->arena, &c->cell_list, cell);
    }
    return name_map_get(&c->cells, word, &i) ? c->cell_list.data[i] : NULL;
}
