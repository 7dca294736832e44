/* call.c: calls of cells: a cell is instantiated anew for every call, layer and direction.
 *
 * In: a call in the tree. Out: the variables of its results, and an instance in the model: the cell's own variables
 * under the path of the call. The data of a call are variables: a hidden one is made for an expression. */
#include "model/context.h"

#include <string.h>

typedef struct call_options {
    int layers;
    double dropout;
    bool residual;
    name word; /* name = ... */
} call_options;

typedef struct call {
    const tree_expr *tree;
    const tree_cell *cell;
    model_instance *caller;
    call_options options;
    uint32_t *data; /* one a data parameter, in order */
    size_t data_count, results;
    model_size **sizes; /* values of the size parameters, then of the options of the cell; NULL: default */
    ARRAY(struct start {
        const tree_option *option;
        uint32_t variable;
    })
    starts;
} call;

/* ---- arguments --------------------------------------------------------------------------------------------------- */

/* Reports a cell that calls itself, or calls that are nested too deeply. */
static bool too_deep(context *c, const model_instance *s, const tree_expr *e, const tree_cell *cell)
{
    const model_instance *same = s;
    while (same->cell != cell && same->parent) same = same->parent;
    if (same->cell != cell) {
        if (s->depth < MODEL_MAX_CELL_DEPTH) return false;
        diag(c->diags, e->at, E_CELL_DEPTH, MODEL_MAX_CELL_DEPTH);
        return c->full = true;
    }
    const char *chain = cell->name.text;
    for (const model_instance *i = s; i && i->cell; i = i->parent) {
        chain = arena_printf(c->arena, "%s -> %s", i->cell->name.text, chain);
        if (i->cell == cell) break;
    }
    diag(c->diags, e->at, E_CELL_RECURSION, cell->name.text, chain);
    diag_hint(c->diags, "a cell is copied into its call; recurrence in time is written h[t-1], a stack layers=N");
    return true;
}

static model_size *size_argument(context *c, model_instance *s, name word, const tree_expr *e)
{
    model_size *z = ARENA_NEW(c->arena, model_size);
    z->word = word;
    z->at = e->at;
    z->expr = e;
    z->scope = s;
    return z;
}

static size_t size_count(const tree_cell *cell)
{
    size_t n = 0;
    for (size_t i = 0; i < cell->params.len; i++) n += !cell->params.data[i].is_data;
    return n;
}

static bool bad_option(context *c, const tree_option *o, const char *what)
{
    diag(c->diags, o->value->at, E_OPTION_VALUE, o->name.text, what);
    return false;
}

static bool standard_option(context *c, call *k, const tree_option *o, bool *known)
{
    const char *word = o->name.text;
    double value;
    *known = true;
    if (!strcmp(word, "name")) {
        if (o->value->kind != TREE_NAME) return bad_option(c, o, "a name");
        k->options.word = o->value->name;
        return true;
    }
    if (!strcmp(word, "layers")) {
        if (!size_require(c, k->caller, o->value, &value)) return false;
        if (!(value >= 1 && value <= MODEL_MAX_INSTANCES) || value != (int)value)
            return bad_option(c, o, "a whole number of layers, from 1");
        k->options.layers = (int)value;
        return true;
    }
    if (!strcmp(word, "dropout")) {
        if (!size_require(c, k->caller, o->value, &value)) return false;
        if (!(value >= 0 && value < 1)) return bad_option(c, o, "a probability below 1");
        k->options.dropout = value;
        return true;
    }
    if (!strcmp(word, "residual")) {
        if (!size_require(c, k->caller, o->value, &value)) return false;
        k->options.residual = value != 0;
        return true;
    }
    *known = false;
    return true;
}

static void unknown_option(context *c, const tree_cell *cell, const tree_option *o)
{
    ARRAY(const char *) known = {0};
    static const char *const standard[] = {"layers", "dropout", "residual", "name"};
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) array_push(c->arena, &known, standard[i]);
    for (size_t i = 0; i < cell->options.len; i++) array_push(c->arena, &known, cell->options.data[i].name.text);
    diag(c->diags, o->name.at, E_UNKNOWN_OPTION, cell->name.text, o->name.text);
    const char *near = name_nearest(o->name.text, known.data, known.len);
    if (near)
        diag_hint(c->diags, "did you mean '%s'?", near);
    else
        diag_add_note(c->diags, cell->name.at, "the cell is written here");
}

/* Options of the cell win over layers, dropout, residual, name; a size parameter may be given by its name, too. */
static bool take_option(context *c, call *k, const tree_option *o)
{
    if (o->time) {
        struct start start = {o, 0};
        array_push(c->arena, &k->starts, start);
        return true;
    }
    size_t sizes = size_count(k->cell), at = 0;
    for (size_t i = 0; i < k->cell->options.len; i++)
        if (k->cell->options.data[i].name.text == o->name.text) {
            k->sizes[sizes + i] = size_argument(c, k->caller, o->name.text, o->value);
            return true;
        }
    for (size_t i = 0; i < k->cell->params.len; i++) {
        if (k->cell->params.data[i].is_data) continue;
        if (k->cell->params.data[i].name.text == o->name.text && !k->sizes[at]) {
            k->sizes[at] = size_argument(c, k->caller, o->name.text, o->value);
            return true;
        }
        at++;
    }
    bool known;
    if (!standard_option(c, k, o, &known)) return false;
    if (!known) unknown_option(c, k->cell, o);
    return known;
}

static bool take_arguments(context *c, call *k, naming *at, name path)
{
    const tree_cell *cell = k->cell;
    size_t given = k->tree->call.args.len, next = 0, sizes = 0;
    naming inside = {at->path, false};
    bool good = true;
    for (size_t i = 0; i < cell->params.len; i++) {
        const tree_param *p = &cell->params.data[i];
        bool missing = next >= given;
        if (!p->is_data) {
            sizes++;
            if (k->sizes[sizes - 1]) continue;
            if (!missing) {
                const tree_expr *e = k->tree->call.args.data[next++];
                k->sizes[sizes - 1] = size_argument(c, k->caller, p->name.text, e);
                continue;
            }
        } else if (!missing) {
            const tree_expr *e = k->tree->call.args.data[next++];
            model_expr *value = expand_expr(c, k->caller, e, &inside);
            k->data[k->data_count++] = variable_of(c, k->caller, path, p->name.text, value);
            continue;
        }
        good = false;
    }
    if (good && next == given) return true;
    const char *list = "";
    for (size_t i = 0; i < cell->params.len; i++)
        list = arena_printf(c->arena, "%s%s%s", list, i ? ", " : "", cell->params.data[i].name.text);
    diag(c->diags, k->tree->at, E_ARGUMENT_COUNT, cell->name.text, arena_printf(c->arena, "(%s)", list),
         (unsigned)given);
    diag_add_note(c->diags, cell->name.at, "the cell is written here");
    return false;
}

/* ---- one instance ------------------------------------------------------------------------------------------------ */

static bool bind_names(context *c, call *k, model_instance *s, const uint32_t *data)
{
    size_t sizes = 0, datas = 0;
    bool good = true;
    for (size_t i = 0; i < k->cell->params.len; i++) {
        const tree_param *p = &k->cell->params.data[i];
        symbol *added = scope_add(c, s, p->name, p->is_data ? SYMBOL_VARIABLE : SYMBOL_SIZE);
        if (p->is_data) {
            struct model_data d = {p, data[datas]};
            array_push(c->arena, &s->data, d);
            if (added) added->variable = data[datas];
            datas++;
        } else if (added) {
            added->size = k->sizes[sizes++];
        }
        good = good && added;
    }
    /* The sizes in the shapes of data: known when shapes are. */
    for (size_t i = 0; i < k->cell->params.len; i++) {
        const tree_param *p = &k->cell->params.data[i];
        for (size_t d = 0; p->is_data && d < p->type.dims.len; d++) {
            const tree_expr *dim = p->type.dims.data[d];
            if (dim->kind != TREE_NAME || scope_find(s, dim->name)) continue;
            model_size *z = ARENA_NEW(c->arena, model_size);
            z->word = dim->name;
            z->at = dim->at;
            z->scope = s;
            symbol *added = scope_add(c, s, (tree_id){dim->name, dim->at}, SYMBOL_SIZE);
            if (added) added->size = z;
            good = good && added;
        }
    }
    for (size_t i = 0; i < k->cell->options.len; i++) {
        symbol *added = scope_add(c, s, k->cell->options.data[i].name, SYMBOL_SIZE);
        if (!added) return false;
        model_size *given = k->sizes[sizes + i];
        added->size = given ? given : size_argument(c, s, added->word, k->cell->options.data[i].value);
    }
    return good;
}

/* Makes variables for the results, or takes those of the caller, before the body is expanded. */
static bool bind_results(context *c, model_instance *s, uint32_t *results)
{
    for (size_t i = 0; i < s->cell->results.len; i++) {
        tree_id id = s->cell->results.data[i];
        symbol *found = scope_find(s, id.text);
        if (found) {
            diag(c->diags, id.at, E_RESULT_UNDEFINED, s->cell->name.text, id.text);
            return false;
        }
        if (!results[i]) {
            results[i] = variable_new(c, s, VARIABLE_EQUATION, path_below(c, s->path, id.text), id.text, id.at);
            variable(c, results[i])->used = true;
        }
        symbol *added = scope_add(c, s, id, SYMBOL_VARIABLE);
        if (!added) return false;
        added->variable = results[i];
        variable(c, results[i])->reversed = s->reversed;
        variable(c, results[i])->scope = s;
    }
    uint32_t *kept = ARENA_ARRAY(c->arena, uint32_t, s->cell->results.len + 1);
    memcpy(kept, results, s->cell->results.len * sizeof *kept);
    s->results = kept;
    return true;
}

static bool instantiate(context *c, call *k, name path, bool reversed, const uint32_t *data, uint32_t *results)
{
    if (c->model->instances.len >= MODEL_MAX_INSTANCES && !c->full) {
        diag(c->diags, k->tree->at, E_TOO_MANY, MODEL_MAX_INSTANCES, "calls of cells");
        c->full = true;
    }
    if (c->full) return false;
    model_instance *s = ARENA_NEW(c->arena, model_instance);
    s->number = (uint32_t)c->model->instances.len;
    s->path = path;
    s->parent = k->caller;
    s->cell = k->cell;
    s->at = k->tree->at;
    s->reversed = k->caller->reversed != reversed;
    s->names = ARENA_NEW(c->arena, model_scope);
    s->depth = k->caller->depth + 1;
    array_push(c->arena, &c->model->instances, s);
    if (!bind_names(c, k, s, data) || !bind_results(c, s, results)) return false;
    expand_body(c, s, &k->cell->body);
    if (c->full) return false;
    for (size_t i = 0; i < k->starts.len; i++) {
        const tree_option *o = k->starts.data[i].option;
        symbol *found = scope_find(s, o->name.text);
        if (!found || found->kind != SYMBOL_VARIABLE) {
            unknown_name(c, s, o->name.text, o->name.at);
            continue;
        }
        boundary_add(c, s, found->variable, o->name, o->time, k->starts.data[i].variable, true);
    }
    for (size_t i = 0; i < k->cell->results.len; i++) {
        model_variable *v = variable(c, results[i]);
        if (v->value || v->type.poisoned) continue;
        diag(c->diags, k->cell->results.data[i].at, E_RESULT_UNDEFINED, k->cell->name.text,
             k->cell->results.data[i].text);
        v->type.poisoned = true;
    }
    return true;
}

/* ---- layers and directions --------------------------------------------------------------------------------------- */

static uint32_t *fresh(context *c, const call *k)
{
    return ARENA_ARRAY(c->arena, uint32_t, k->results ? k->results : 1);
}

static void results_make(context *c, call *k, name path, uint32_t *results)
{
    for (size_t i = 0; i < k->results; i++) {
        tree_id id = k->cell->results.data[i];
        if (results[i]) continue;
        results[i] = variable_new(c, k->caller, VARIABLE_EQUATION, path_below(c, path, id.text), id.text, id.at);
        variable(c, results[i])->used = true;
    }
}

/* One layer: the cell, its reverse, or both with their results side by side. */
static bool one_layer(context *c, call *k, name path, const uint32_t *data, uint32_t *results)
{
    if (k->tree->call.direction != TREE_BIDIRECTIONAL)
        return instantiate(c, k, path, k->tree->call.direction == TREE_REVERSE, data, results);
    uint32_t *forward = fresh(c, k), *backward = fresh(c, k);
    if (!instantiate(c, k, path_below(c, path, name_of(c->names, "forward")), false, data, forward) ||
        !instantiate(c, k, path_below(c, path, name_of(c->names, "backward")), true, data, backward))
        return false;
    results_make(c, k, path, results);
    for (size_t i = 0; i < k->results; i++) {
        model_expr *both = expr_call(c, FUNCTION_concat, k->tree->at, 2);
        both->call.args[0] = expr_variable(c, forward[i], k->tree->at);
        both->call.args[1] = expr_variable(c, backward[i], k->tree->at);
        model_variable *v = variable(c, results[i]);
        v->value = both;
        v->half[0] = forward[i];
        v->half[1] = backward[i];
    }
    return true;
}

static uint32_t dropped(context *c, call *k, name path, uint32_t v)
{
    model_expr *drop = expr_call(c, FUNCTION_dropout, k->tree->at, 2);
    model_expr *p = expr_new(c, EXPR_NUMBER, k->tree->at);
    name word = name_of(c->names, "dropout");
    p->value = k->options.dropout;
    drop->call.args[0] = expr_variable(c, v, k->tree->at);
    drop->call.args[1] = p;
    uint32_t made = variable_of(c, k->caller, path, word, drop);
    drop->call.path = variable(c, made)->path;
    variable(c, made)->reversed = variable(c, v)->reversed;
    return made;
}

/* A layer with its input added to its first result. */
static bool residual_layer(context *c, call *k, name path, const uint32_t *data, uint32_t *results)
{
    uint32_t *inner = fresh(c, k);
    for (size_t i = 1; i < k->results; i++) inner[i] = results[i];
    if (!one_layer(c, k, path, data, inner)) return false;
    for (size_t i = 1; i < k->results; i++) results[i] = inner[i];
    results_make(c, k, path, results);
    model_expr *sum = expr_call(c, FUNCTION_add, k->tree->at, 2);
    sum->call.args[0] = expr_variable(c, inner[0], k->tree->at);
    sum->call.args[1] = expr_variable(c, data[0], k->tree->at);
    model_variable *v = variable(c, results[0]);
    v->value = sum;
    v->reversed = variable(c, inner[0])->reversed;
    memcpy(v->half, variable(c, inner[0])->half, sizeof v->half);
    return true;
}

static bool all_layers(context *c, call *k, name path, uint32_t *results)
{
    int layers = k->options.layers;
    uint32_t *data = ARENA_ARRAY(c->arena, uint32_t, k->data_count + 1);
    memcpy(data, k->data, k->data_count * sizeof *data);
    for (int i = 0; i < layers; i++) {
        name below = layers == 1 ? path : path_below(c, path, name_printf(c->names, "%d", i));
        uint32_t *out = i == layers - 1 ? results : fresh(c, k);
        bool residual = k->options.residual && k->data_count && (i > 0 || layers == 1);
        if (!(residual ? residual_layer : one_layer)(c, k, below, data, out)) return false;
        if (layers > 1)
            for (size_t r = 0; r < k->results; r++) variable(c, out[r])->layered = true;
        if (i < layers - 1) data[0] = k->options.dropout > 0 ? dropped(c, k, below, out[0]) : out[0];
    }
    return true;
}

static void poison_results(context *c, uint32_t *results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (results[i]) variable(c, results[i])->type.poisoned = true;
}

bool expand_call(context *c, model_instance *s, const tree_expr *e, const tree_cell *cell, naming *at,
                 uint32_t *results, size_t count)
{
    call k = {.tree = e, .cell = cell, .caller = s, .results = cell->results.len};
    k.options.layers = 1;
    k.data = ARENA_ARRAY(c->arena, uint32_t, cell->params.len + 1);
    k.sizes = ARENA_ARRAY(c->arena, model_size *, cell->params.len + cell->options.len + 1);
    bool good = !too_deep(c, s, e, cell);
    if (good && count > k.results) {
        diag(c->diags, e->at, E_RESULT_COUNT, cell->name.text, (unsigned)k.results, (unsigned)count);
        diag_add_note(c->diags, cell->name.at, "the cell is written here");
        good = false;
    }
    for (size_t i = 0; good && i < e->call.options.len; i++) good = take_option(c, &k, &e->call.options.data[i]);
    name path = at->path;
    if (good && (!at->whole || k.options.word))
        path = path_unique(c, path_below(c, k.options.word ? (s->path[0] ? s->path : NULL) : at->path,
                                         k.options.word ? k.options.word : e->call.callee->name));
    good = good && take_arguments(c, &k, at, path);
    naming inside = {path, false};
    for (size_t i = 0; good && i < k.starts.len; i++) {
        const tree_option *o = k.starts.data[i].option;
        model_expr *value = expand_expr(c, s, o->value, &inside);
        k.starts.data[i].variable = variable_of(c, s, path, name_printf(c->names, "%s0", o->name.text), value);
    }
    uint32_t *all = fresh(c, &k);
    for (size_t i = 0; good && i < count && i < k.results; i++) all[i] = results[i];
    if (good && e->call.over.len) {
        diag(c->diags, e->at, E_OVER, cell->name.text);
        good = false;
    }
    good = good && all_layers(c, &k, path, all);
    if (!good) {
        poison_results(c, results, count);
        return false;
    }
    for (size_t i = 0; i < count; i++) results[i] = all[i];
    return true;
}
