/* expand.c: the statements of a model, or of a cell for one call, to variables.
 *
 * First every name of the body is declared, so that equations may stand in any order; then the right sides are
 * expanded. A name on the left of a call is handed down to the call: the cell's result is that variable. */
#include "model/context.h"

#include <stdlib.h>
#include <string.h>

/* ---- variables --------------------------------------------------------------------------------------------------- */

model_variable *variable(const context *c, uint32_t number) { return &c->model->variables.data[number]; }

name path_below(context *c, name path, name word)
{
    return path && path[0] ? name_printf(c->names, "%s.%s", path, word) : word;
}

name path_unique(context *c, name path)
{
    uint32_t last, taken;
    name made = path;
    if (name_map_get(&c->paths, path, &last)) {
        do made = name_printf(c->names, "%s%u", path, (unsigned)++last);
        while (name_map_get(&c->paths, made, &taken));
        name_map_set(c->arena, &c->paths, path, last);
    }
    name_map_set(c->arena, &c->paths, made, 1);
    return made;
}

uint32_t variable_new(context *c, model_instance *s, model_variable_kind kind, name path, name word, span at)
{
    if (c->model->variables.len >= MODEL_MAX_VARIABLES && !c->full) {
        diag(c->diags, at, E_TOO_MANY, MODEL_MAX_VARIABLES, "variables");
        c->full = true;
    }
    model_variable v = {.kind = kind, .path = path, .word = word, .at = at, .equation = at, .scope = s};
    v.type.shape.rank = -1;
    v.path = path_unique(c, path);
    array_push(c->arena, &c->model->variables, v);
    return (uint32_t)c->model->variables.len - 1;
}

tree_id variable_seen(const context *c, uint32_t number, const model_instance *from)
{
    for (size_t i = 0; from && from->cell && from->results && i < from->cell->results.len; i++) {
        name word = from->cell->results.data[i].text;
        if (from->results[i] == number) return (tree_id){.text = word, .at = scope_find(from, word)->at};
    }
    const model_variable *v = variable(c, number);
    return (tree_id){.text = v->word, .at = v->at};
}

uint32_t variable_of(context *c, model_instance *s, name path, name word, model_expr *value)
{
    if (value->kind == EXPR_VARIABLE) return value->read.variable;
    uint32_t made = variable_new(c, s, VARIABLE_EQUATION, path_below(c, path, word), word, value->at);
    model_variable *v = variable(c, made);
    v->value = value;
    v->hidden = v->used = true;
    v->type.poisoned = value->kind == EXPR_POISON;
    return made;
}

/* ---- boundary equations ------------------------------------------------------------------------------------------ */

void boundary_add(context *c, model_instance *s, uint32_t number, tree_id word, const tree_expr *at, uint32_t value,
                  bool override)
{
    time_index index;
    model_variable *v = variable(c, number);
    if (!index_parse(c, s, at, &index)) return;
    bool after = index.base == INDEX_END && index.k >= 1;
    bool before = index.base == INDEX_NUMBER && index.k <= 0;
    int slot = after ? index.k - 1 : -index.k;
    if ((!after && !before) || slot >= MODEL_MAX_BOUNDARY) {
        const char *w = word.text;
        diag(c->diags, at->at, E_BOUNDARY_INDEX, w, w, w, tree_text(c, at));
        return;
    }
    if (v->kind != VARIABLE_EQUATION) {
        diag(c->diags, word.at, E_BOUNDARY_OF, word.text,
             v->kind == VARIABLE_INPUT   ? "an input"
             : v->kind == VARIABLE_PARAM ? "a parameter"
                                         : "a constant");
        return;
    }
    model_boundary made = {after, slot, value, at->at};
    for (size_t i = 0; i < v->boundaries.len; i++) {
        model_boundary *old = &v->boundaries.data[i];
        if (old->after != after || old->slot != slot) continue;
        if (override) {
            *old = made;
            return;
        }
        diag(c->diags, word.at, E_REDECLARED, arena_printf(c->arena, "%s[%s]", word.text, tree_text(c, at)));
        diag_add_note(c->diags, old->at, "the first is here");
        return;
    }
    if (index.axis) v->boundary_axis = index.axis;
    array_push(c->arena, &v->boundaries, made);
}

/* Is a step meant, t or t+1? Sizes have longer names or are declared. */
static bool names_step(const model_instance *s, const tree_expr *e)
{
    while (e->kind == TREE_BINARY) e = e->binary.left;
    if (e->kind != TREE_NAME || e->name[0] < 'a' || e->name[0] > 'z' || e->name[1]) return false;
    const symbol *found = scope_find(s, e->name);
    return !found || found->kind == SYMBOL_AXIS;
}

/* h[t] = ...: says so once. A name that has no other equation is declared without a value, so that what reads it is
 * no second error. */
static void report_step(context *c, model_instance *s, const tree_stmt *t, name_map *seen)
{
    if (t->kind != TREE_EQUATION || !t->equation.time || !names_step(s, t->equation.time)) return;
    tree_id id = t->equation.left.data[0];
    uint32_t old;
    diag(c->diags, id.at, E_STEP_EQUATION, id.text, tree_text(c, t->equation.time));
    if (t->equation.time->kind == TREE_NAME)
        diag_hint(c->diags, "write %s = ...", id.text);
    else
        diag_hint(c->diags, "shift both sides: %s[t+1] = f(%s[t], x[t+1]) is written %s = f(%s[t-1], x)", id.text,
                  id.text, id.text, id.text);
    if (name_map_get(seen, id.text, &old)) return;
    symbol *found = scope_find(s, id.text);
    if (!found) {
        found = scope_add(c, s, id, SYMBOL_VARIABLE);
        found->variable = variable_new(c, s, VARIABLE_EQUATION, path_below(c, s->path, id.text), id.text, id.at);
    }
    if (found->kind != SYMBOL_VARIABLE || variable(c, found->variable)->kind != VARIABLE_EQUATION) return;
    name_map_set(c->arena, seen, id.text, 1);
    variable(c, found->variable)->type.poisoned = true;
}

static void expand_boundary(context *c, model_instance *s, const tree_stmt *t)
{
    if (names_step(s, t->equation.time)) return; /* reported */
    tree_id id = t->equation.left.data[0];
    symbol *found = scope_find(s, id.text);
    if (!found || found->kind != SYMBOL_VARIABLE) {
        unknown_name(c, s, id.text, id.at);
        return;
    }
    uint32_t v = found->variable;
    bool own = !s->cell;
    for (size_t i = 0; i < s->data.len; i++)
        if (s->data.data[i].variable == v) {
            diag(c->diags, id.at, E_BOUNDARY_OF, id.text, "data of the cell");
            return;
        }
    if (own && variable(c, v)->layered) {
        diag(c->diags, id.at, E_BOUNDARY_OF, id.text, "the result of several layers");
        diag_hint(c->diags, "initial values of all layers are options of the call, by the names in the cell: "
                            "layers = 2, h[0] = v");
        return;
    }
    name word = name_printf(c->names, "%s0", id.text);
    naming at = {path_below(c, s->path, word), true};
    model_expr *value = expand_expr(c, s, t->equation.right, &at);
    uint32_t start = variable_of(c, s, s->path, word, value);
    boundary_add(c, s, v, id, t->equation.time, start, false);
}

/* ---- declarations ------------------------------------------------------------------------------------------------ */

static const char *statement_word(tree_stmt_kind kind)
{
    switch (kind) {
    case TREE_SIZE: return "size";
    case TREE_CELL_NAME: return "cell NAME = ...";
    case TREE_INPUT: return "input";
    case TREE_TARGET: return "target";
    case TREE_PARAM: return "param";
    case TREE_CONST: return "const";
    case TREE_EQUATION: return "an equation";
    case TREE_OUTPUT: return "output";
    case TREE_LOSS: return "loss";
    case TREE_GENERATE: return "generate";
    case TREE_TRAIN: return "train";
    case TREE_WEIGHTS: return "weights";
    }
    BUG("statement %d", (int)kind);
}

static bool statement_fits(const model_instance *s, tree_stmt_kind kind)
{
    switch (kind) {
    case TREE_SIZE:
    case TREE_PARAM:
    case TREE_CONST:
    case TREE_EQUATION: return true;
    case TREE_WEIGHTS: return s->cell != NULL;
    case TREE_CELL_NAME:
    case TREE_INPUT:
    case TREE_TARGET:
    case TREE_OUTPUT:
    case TREE_LOSS:
    case TREE_GENERATE:
    case TREE_TRAIN: return s->cell == NULL;
    }
    return false;
}

const char *expand_defined(context *c, name word)
{
    for (size_t i = 0; i < c->options->define_count; i++)
        if (!strcmp(c->options->defines[i].word, word)) {
            c->define_used[i] = true;
            return c->options->defines[i].value;
        }
    return NULL;
}

static void size_define(context *c, model_size *z, const char *value)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (end == value || *end || number < 1 || number > MODEL_MAX_COMPONENTS) {
        diag(c->diags, NO_SPAN, E_BAD_DEFINE, z->word, value,
             arena_printf(c->arena, "a whole number from 1 to %d", MODEL_MAX_COMPONENTS));
        z->broken = true;
        return;
    }
    z->known = true;
    z->value = (double)number;
}

static void declare_size(context *c, model_instance *s, const tree_decl *d)
{
    model_size *z = ARENA_NEW(c->arena, model_size);
    *z = (model_size){.word = d->name.text, .at = d->name.at, .from_data = d->from_data, .expr = d->value, .scope = s};
    if (++s->names->sizes > MODEL_MAX_SIZES) {
        diag(c->diags, d->at, E_TOO_MANY, MODEL_MAX_SIZES, "sizes");
        c->full = true;
        return;
    }
    symbol *added = scope_add(c, s, d->name, SYMBOL_SIZE);
    if (!added) return;
    added->size = z;
    const char *given = s->cell ? NULL : expand_defined(c, d->name.text);
    if (!s->cell) array_push(c->arena, &c->model->sizes, z);
    if (given) {
        size_define(c, z, given);
        z->from_data = false;
    } else if (d->from_data && c->options->data_size > 0) {
        z->known = true;
        z->value = c->options->data_size;
    } else if (d->from_data) {
        diag(c->diags, d->name.at, E_SIZE_FROM_DATA, d->name.text);
        diag_hint(c->diags, "give it here: -D %s=65", d->name.text);
        z->broken = true;
    }
}

static void declare_cell(context *c, model_instance *s, const tree_stmt *t)
{
    name word = t->cell_name.cell.text;
    span at = t->cell_name.cell.at;
    symbol *added = scope_add(c, s, t->cell_name.name, SYMBOL_CELL);
    const char *given = expand_defined(c, t->cell_name.name.text);
    if (given) word = name_of(c->names, given);
    const tree_cell *cell = cell_find(c, word);
    if (added) added->cell = cell;
    if (cell) return;
    diag(c->diags, given ? t->cell_name.name.at : at, E_UNKNOWN_CELL, word);
    suggest_function(c, s, word);
}

/* The letter of an axis, which the first input over it declares. */
static int declare_axis(context *c, model_instance *s, tree_id id)
{
    model *m = c->model;
    for (int i = 1; i <= m->axes; i++)
        if (m->axis[i].letter == id.text) return i;
    if (m->axes == MODEL_MAX_AXES) {
        diag(c->diags, id.at, E_TOO_MANY, MODEL_MAX_AXES, "axes");
        return 0;
    }
    symbol *added = scope_add(c, s, id, SYMBOL_AXIS);
    if (!added) return 0;
    char capital[2] = {(char)(id.text[0] - 'a' + 'A'), 0};
    m->axes++;
    m->axis[m->axes] = (model_axis){id.text, name_of(c->names, capital), id.at};
    added->axis = m->axes;
    return m->axes;
}

static void declare_input(context *c, model_instance *s, const tree_decl *d, bool target)
{
    model_type type = {.token = d->type.token, .shape.rank = -1, .axes = 1};
    for (size_t i = 0; i < d->axes.len; i++) {
        tree_id id = d->axes.data[i];
        int axis = 0;
        if (id.text[0] < 'a' || id.text[0] > 'z' || id.text[1])
            diag(c->diags, id.at, E_INDEX, arena_printf(c->arena, "'%s'; an axis is one lower-case letter", id.text));
        else
            axis = declare_axis(c, s, id);
        if (axis)
            type.axes |= axes_of(axis);
        else
            type.poisoned = true;
    }
    uint32_t number = variable_new(c, s, VARIABLE_INPUT, d->name.text, d->name.text, d->name.at);
    model_variable *v = variable(c, number);
    v->type = type;
    v->target = v->on_target = target;
    v->decl = d;
    v->equation = d->at;
    symbol *added = scope_add(c, s, d->name, SYMBOL_VARIABLE);
    if (added) added->variable = number;
}

static bool init_named(context *c, model_instance *s, const tree_expr *e, model_init *out)
{
    static const struct {
        const char *word;
        model_init_kind kind;
        size_t args;
    } table[] = {
        {"uniform", MODEL_UNIFORM, 1},       {"normal", MODEL_NORMAL, 1},     {"glorot", MODEL_GLOROT, 0},
        {"orthogonal", MODEL_ORTHOGONAL, 0}, {"identity", MODEL_IDENTITY, 0},
    };
    bool call = e->kind == TREE_CALL && e->call.callee->kind == TREE_NAME && !e->call.options.len && !e->call.over.len;
    name word = call ? e->call.callee->name : e->kind == TREE_NAME ? e->name : NULL;
    for (size_t i = 0; word && i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].word, word) != 0 || (call ? e->call.args.len : 0) != table[i].args) continue;
        out->kind = table[i].kind;
        if (table[i].args && !size_require(c, s, e->call.args.data[0], &out->value)) out->value = 0;
        return true;
    }
    return false;
}

/* A parameter or a constant. */
static void declare_value(context *c, model_instance *s, const tree_decl *d, model_variable_kind kind)
{
    uint32_t number = variable_new(c, s, kind, path_below(c, s->path, d->name.text), d->name.text, d->name.at);
    model_variable *v = variable(c, number);
    v->decl = d;
    v->equation = d->at;
    symbol *added = scope_add(c, s, d->name, SYMBOL_VARIABLE);
    if (added) added->variable = number;
}

/* After all names of the body are declared: an init may name a size that stands below. */
static void expand_init(context *c, model_instance *s, const tree_decl *d, model_variable *v)
{
    v->init = (model_init){d->dims.len == 2 ? MODEL_UNIFORM : MODEL_NUMBER, 0};
    if (d->dims.len == 2) v->init.value = -1; /* 1 / sqrt(columns), when they are known */
    if (!d->value || constant_has_indices(d) || init_named(c, s, d->value, &v->init)) return;
    const tree_expr *why = d->value;
    size_state state = size_eval(c, s, d->value, &v->init.value, &why);
    v->init.kind = MODEL_NUMBER;
    if (state == SIZE_KNOWN || state == SIZE_BROKEN) return;
    diag(c->diags, d->value->at, E_INIT, arena_printf(c->arena, "'%s'", tree_text(c, d->value)));
    static const char *const remedy[][2] = {{"xavier", "glorot"},
                                            {"zeros", "0"},
                                            {"ones", "1"},
                                            {"eye", "identity"},
                                            {"gaussian", "normal(s)"},
                                            {"normal", "normal(s), s the standard deviation; the mean is 0"},
                                            {"uniform", "uniform(a), from -a to a"}};
    const char *said = tree_text(c, d->value);
    for (size_t i = 0; i < sizeof remedy / sizeof *remedy; i++)
        if (!strncmp(said, remedy[i][0], strlen(remedy[i][0]))) {
            diag_hint(c->diags, "here that is %s", remedy[i][1]);
            return;
        }
}

/* The names on the left of an equation. A result of the cell has its variable already. */
static void declare_equation(context *c, model_instance *s, const tree_stmt *t, name_map *seen)
{
    if (t->equation.time) return;
    for (size_t i = 0; i < t->equation.left.len; i++) {
        tree_id id = t->equation.left.data[i];
        symbol *found = scope_find(s, id.text);
        uint32_t old;
        bool result = false;
        for (size_t k = 0; s->cell && k < s->cell->results.len; k++)
            result = result || s->cell->results.data[k].text == id.text;
        if (found && result && !name_map_get(seen, id.text, &old)) {
            name_map_set(c->arena, seen, id.text, 1);
            model_variable *v = variable(c, found->variable);
            v->equation = t->at;
            found->at = id.at;
            continue;
        }
        bool again = found && found->kind == SYMBOL_VARIABLE &&
                     variable(c, found->variable)->kind == VARIABLE_EQUATION && name_map_get(seen, id.text, &old);
        symbol *added = scope_add(c, s, id, SYMBOL_VARIABLE);
        if (!added) {
            if (again) diag_hint(c->diags, "an equation is no assignment: give the second value a name of its own");
            continue;
        }
        name_map_set(c->arena, seen, id.text, 1);
        uint32_t made = variable_new(c, s, VARIABLE_EQUATION, path_below(c, s->path, id.text), id.text, id.at);
        added->variable = made;
        variable(c, made)->equation = t->at;
    }
}

static void declare(context *c, model_instance *s, const tree_stmt *t, name_map *seen)
{
    if (!statement_fits(s, t->kind)) {
        diag(c->diags, t->at, E_MISPLACED, statement_word(t->kind), s->cell ? "cell" : "model");
        return;
    }
    switch (t->kind) {
    case TREE_SIZE:
        for (size_t i = 0; i < t->decls.len; i++) declare_size(c, s, &t->decls.data[i]);
        break;
    case TREE_CELL_NAME: declare_cell(c, s, t); break;
    case TREE_INPUT:
    case TREE_TARGET:
        for (size_t i = 0; i < t->decls.len; i++) declare_input(c, s, &t->decls.data[i], t->kind == TREE_TARGET);
        break;
    case TREE_PARAM:
        for (size_t i = 0; i < t->decls.len; i++) declare_value(c, s, &t->decls.data[i], VARIABLE_PARAM);
        break;
    case TREE_CONST:
        for (size_t i = 0; i < t->decls.len; i++) declare_value(c, s, &t->decls.data[i], VARIABLE_CONST);
        break;
    case TREE_EQUATION: declare_equation(c, s, t, seen); break;
    case TREE_OUTPUT:
    case TREE_LOSS:
    case TREE_GENERATE:
    case TREE_TRAIN:
    case TREE_WEIGHTS: break;
    }
}

/* ---- right sides ------------------------------------------------------------------------------------------------- */

static const tree_cell *called_cell(context *c, const model_instance *s, const tree_expr *e)
{
    if (e->kind != TREE_CALL || e->call.callee->kind != TREE_NAME) return NULL;
    symbol *found = scope_find(s, e->call.callee->name);
    model_function f;
    if (found) return found->kind == SYMBOL_CELL ? found->cell : NULL;
    return function_named(e->call.callee->name, &f) ? NULL : cell_find(c, e->call.callee->name);
}

/* Where the calls in the equation of a variable lie: under its path. A result of a cell is a variable of the caller
 * where that names it, whose path may be outside of the call's (the last of several layers, the second result,
 * name = ...); what belongs to the call lies in the call all the same. */
static name equation_path(context *c, const model_instance *s, const model_variable *v, name word)
{
    size_t length = strlen(s->path);
    bool inside = !length || (!strncmp(v->path, s->path, length) && (!v->path[length] || v->path[length] == '.'));
    return inside ? v->path : path_below(c, s->path, word);
}

static void expand_equation(context *c, model_instance *s, const tree_stmt *t)
{
    size_t count = t->equation.left.len;
    uint32_t *left = ARENA_ARRAY(c->arena, uint32_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        symbol *found = scope_find(s, t->equation.left.data[i].text);
        if (!found || found->kind != SYMBOL_VARIABLE) return;
        model_variable *v = variable(c, found->variable);
        if (v->kind != VARIABLE_EQUATION || v->value) return; /* declared twice: reported */
        left[i] = found->variable;
    }
    naming at = {equation_path(c, s, variable(c, left[0]), t->equation.left.data[0].text), true};
    const tree_cell *cell = called_cell(c, s, t->equation.right);
    if (cell) {
        expand_call(c, s, t->equation.right, cell, &at, left, count);
        return;
    }
    if (count > 1) {
        diag(c->diags, t->equation.right->at, E_RESULTS_OF);
        for (size_t i = 0; i < count; i++) variable(c, left[i])->type.poisoned = true;
        return;
    }
    model_expr *value = expand_expr(c, s, t->equation.right, &at);
    variable(c, left[0])->value = value;
    if (value->kind == EXPR_POISON) variable(c, left[0])->type.poisoned = true;
}

static void expand_outputs(context *c, model_instance *s, const tree_stmt *t)
{
    for (size_t i = 0; i < t->outputs.len; i++) {
        tree_id id = t->outputs.data[i].name, as = t->outputs.data[i].as;
        symbol *found = scope_find(s, id.text);
        if (!found) {
            unknown_name(c, s, id.text, id.at);
            continue;
        }
        if (found->kind != SYMBOL_VARIABLE) {
            diag(c->diags, id.at, E_NOT_A_VALUE, id.text, found->kind == SYMBOL_SIZE ? "a size" : "no variable");
            continue;
        }
        variable(c, found->variable)->used = true;
        model_output made = {as.text ? as.text : id.text, found->variable, as.text ? as.at : id.at};
        for (size_t k = 0; k < c->model->outputs.len; k++)
            if (c->model->outputs.data[k].word == made.word) {
                diag(c->diags, made.at, E_REDECLARED, made.word);
                diag_add_note(c->diags, c->model->outputs.data[k].at, "the first output of that name");
            }
        array_push(c->arena, &c->model->outputs, made);
    }
}

static void expand_loss(context *c, model_instance *s, const tree_stmt *t)
{
    size_t count = c->model->losses.len + 1;
    name word = count == 1 ? name_of(c->names, "loss") : name_printf(c->names, "loss%u", (unsigned)count);
    naming at = {word, false};
    model_expr *value = expand_expr(c, s, t->loss.value, &at);
    model_loss made = {.total = t->loss.total, .at = t->at};
    made.value = variable_new(c, s, VARIABLE_EQUATION, word, word, t->at);
    model_variable *v = variable(c, made.value);
    v->value = value;
    v->hidden = v->used = true;
    v->type.poisoned = value->kind == EXPR_POISON;
    if (t->loss.weight) {
        model_expr *weight = expand_expr(c, s, t->loss.weight, &at);
        made.weight = variable_of(c, s, word, name_of(c->names, "weight"), weight);
    }
    array_push(c->arena, &c->model->losses, made);
}

static struct model_mark mark_of(context *c, model_instance *s, const tree_expr *e)
{
    struct model_mark made = {0};
    if (!e) return made;
    made.at = e->at;
    made.given = size_require(c, s, e, &made.written);
    return made;
}

static void expand_generate(context *c, model_instance *s, const tree_stmt *t)
{
    symbol *found = scope_find(s, t->generate.name.text);
    time_index index;
    model_generate made = {.at = t->at};
    naming at = {name_of(c->names, "generate"), false};
    if (!found || found->kind != SYMBOL_VARIABLE) {
        unknown_name(c, s, t->generate.name.text, t->generate.name.at);
        return;
    }
    made.input = found->variable;
    if (!index_parse(c, s, t->generate.time, &index)) return;
    if (index.base != INDEX_STEP || index.k != 1) {
        diag(c->diags, t->generate.time->at, E_GENERATE, "expected the next step, as in x[t+1] ~ p");
        return;
    }
    made.axis = index.axis;
    model_expr *from = expand_expr(c, s, t->generate.from, &at);
    made.from = variable_of(c, s, NULL, at.path, from);
    made.first = mark_of(c, s, t->generate.first);
    made.end = mark_of(c, s, t->generate.end);
    if (c->model->generate.input) {
        diag(c->diags, t->at, E_GENERATE, "there are two of them");
        diag_add_note(c->diags, c->model->generate.at, "the first is here");
    }
    c->model->generate = made;
}

/* The variable that this declaration has made; 0: none, its name stands for another. */
static uint32_t declared(const context *c, const model_instance *s, const tree_decl *d)
{
    const symbol *found = scope_find(s, d->name.text);
    bool own = found && found->kind == SYMBOL_VARIABLE && variable(c, found->variable)->decl == d;
    return own ? found->variable : 0;
}

static void expand_statement(context *c, model_instance *s, const tree_stmt *t)
{
    switch (t->kind) {
    case TREE_SIZE:
    case TREE_CELL_NAME:
    case TREE_INPUT:
    case TREE_TARGET:
    case TREE_WEIGHTS: break;
    case TREE_PARAM:
        for (size_t i = 0; i < t->decls.len; i++) {
            uint32_t v = declared(c, s, &t->decls.data[i]);
            if (v) expand_init(c, s, &t->decls.data[i], variable(c, v));
        }
        break;
    case TREE_CONST: break; /* before all others: their numbers may be used in sizes */
    case TREE_EQUATION:
        if (t->equation.time)
            expand_boundary(c, s, t);
        else
            expand_equation(c, s, t);
        break;
    case TREE_OUTPUT: expand_outputs(c, s, t); break;
    case TREE_LOSS: expand_loss(c, s, t); break;
    case TREE_GENERATE: expand_generate(c, s, t); break;
    case TREE_TRAIN: train_expand(c, t); break;
    }
}

static void expand_consts(context *c, model_instance *s, const tree_stmt *t)
{
    if (t->kind != TREE_CONST) return;
    for (size_t i = 0; i < t->decls.len; i++) {
        uint32_t v = declared(c, s, &t->decls.data[i]);
        if (v) constant_expand(c, s, &t->decls.data[i], v);
    }
}

/* Equations first: a boundary, an output or a loss may be that of a result of a call. */
void expand_body(context *c, model_instance *s, const tree_stmts *body)
{
    name_map seen = {0};
    for (size_t i = 0; i < body->len; i++) declare(c, s, body->data[i], &seen);
    for (size_t i = 0; i < body->len; i++) report_step(c, s, body->data[i], &seen);
    for (size_t i = 0; i < body->len; i++) expand_consts(c, s, body->data[i]);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < body->len && !c->full; i++) {
            const tree_stmt *t = body->data[i];
            bool equation = t->kind == TREE_EQUATION && !t->equation.time;
            if (statement_fits(s, t->kind) && equation == (round == 0)) expand_statement(c, s, t);
        }
}

void expand_model(context *c, const tree_model *t)
{
    model_instance *s = ARENA_NEW(c->arena, model_instance);
    s->path = name_of(c->names, "");
    s->names = ARENA_NEW(c->arena, model_scope);
    array_push(c->arena, &c->model->instances, s);
    model_variable none = {0};
    array_push(c->arena, &c->model->variables, none);
    c->model->word = t->name.text;
    c->model->at = t->name.at;
    expand_body(c, s, &t->body);
    for (size_t i = 0; i < c->options->define_count; i++) {
        if (c->define_used[i] || c->options->defines[i].optional) continue;
        diag(c->diags, NO_SPAN, E_UNKNOWN_DEFINE, c->options->defines[i].word);
        ARRAY(const char *) known = {0};
        for (size_t k = 0; k < s->names->symbols.len; k++) {
            const symbol *at = &s->names->symbols.data[k];
            bool number = at->kind == SYMBOL_VARIABLE && constant_is_number(variable(c, at->variable));
            if (at->kind == SYMBOL_SIZE || at->kind == SYMBOL_CELL || number) array_push(c->arena, &known, at->word);
        }
        const char *near = name_nearest(c->options->defines[i].word, known.data, known.len);
        if (near) diag_hint(c->diags, "did you mean '%s'?", near);
    }
}
