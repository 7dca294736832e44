/* time.c: what depends on what, and when: loops in time, their directions, the order of the variables.
 *
 * The dependence graph has an edge per reading, labelled with its offset. An expression is a tree: each of its readings
 * reaches its root and nothing else, so the strongly connected components of variables are those of single operations.
 * A component without edges is a map over time; one whose offsets are all <= 0 recurs forward, all >= 0 backward, and
 * the part with offset 0 must be acyclic. All searches are iterative: the graph is the user's. */
#include "base/components.h"
#include "model/context.h"

#include <string.h>

typedef struct edge {
    uint32_t to;      /* the variable that is read */
    int axis, k;      /* shift; k = 0: at the same step */
    model_axes whole; /* axes that are read whole: h[T], sum(h over t) */
    span at;
} edge;

typedef struct edges {
    edge *data;
    size_t len, cap;
} edges;

typedef struct search {
    context *c;
    edges *of;      /* per variable: what it reads */
    int *component; /* per variable, from 1 */
    int components;

} search;

/* ---- edges ------------------------------------------------------------------------------------------------------- */

static void add_edge(search *s, uint32_t from, edge e) { array_push(s->c->arena, &s->of[from], e); }

static void collect(search *s, uint32_t from, const model_expr *e, model_axes whole)
{
    switch (e->kind) {
    case EXPR_VARIABLE:
    case EXPR_SHIFT:
    case EXPR_AT: {
        edge made = {.to = e->read.variable, .whole = whole, .at = e->at};
        if (e->kind == EXPR_SHIFT && e->read.k) {
            made.axis = e->read.axis;
            made.k = e->read.k;
        }
        if (e->kind == EXPR_AT) made.whole |= axes_of(e->read.axis);
        add_edge(s, from, made);
        if (e->kind == EXPR_VARIABLE || (e->kind == EXPR_SHIFT && !e->read.k)) return;
        const model_variable *v = variable(s->c, e->read.variable);
        for (size_t i = 0; i < v->boundaries.len; i++)
            add_edge(s, from, (edge){.to = v->boundaries.data[i].variable, .whole = whole, .at = e->at});
        return;
    }
    case EXPR_CALL:
        if (!function_is_random(e->call.function)) whole |= e->call.over;
        for (int i = 0; i < e->call.count; i++) collect(s, from, e->call.args[i], whole);
        return;
    case EXPR_SLICE: collect(s, from, e->slice.operand, whole); return;
    case EXPR_POISON:
    case EXPR_NUMBER:
    case EXPR_LITERAL:
    case EXPR_SIZE:
    case EXPR_STEP: return;
    }
}

static bool at_once(const edge *e) { return e->k == 0; }

/* ---- components -------------------------------------------------------------------------------------------------- */

static bool read_of(const void *in, uint32_t reader, uint32_t k, uint32_t *to)
{
    const edges *of = &((const search *)in)->of[reader];
    if (k >= of->len) return false;
    *to = of->data[k].to;
    return true;
}

static void components(search *s)
{
    uint32_t n = (uint32_t)s->c->model->variables.len;
    uint32_t *root = ARENA_ARRAY(s->c->arena, uint32_t, n);
    size_t roots = 0;
    for (uint32_t v = 1; v < n; v++) root[roots++] = v;
    s->components = components_find(n, root, roots, read_of, s, s->component);
}

/* ---- loops at one time ------------------------------------------------------------------------------------------- */

static tree_id as_seen(const context *c, uint32_t v) { return variable_seen(c, v, variable(c, v)->scope); }

static const char *shown_word(const context *c, uint32_t v) { return as_seen(c, v).text; }

static void loop_report(search *s, const uint32_t *path, size_t from, size_t to)
{
    context *c = s->c;
    const char *chain = "";
    int words = 0;
    for (size_t i = from; i < to; i++) {
        if (variable(c, path[i])->hidden) continue;
        if (++words <= 12)
            chain = arena_printf(c->arena, "%s%s -> ", chain, shown_word(c, path[i]));
        else if (words == 13)
            chain = arena_printf(c->arena, "%s... -> ", chain);
    }
    size_t first = from;
    while (first + 1 < to && variable(c, path[first])->hidden) first++;
    chain = arena_printf(c->arena, "%s%s", chain, shown_word(c, path[first]));
    /* Name the last step of the chain: its reader and the reading. */
    const model_variable *reader = variable(c, path[to - 1]);
    const edge *closing = NULL;
    for (size_t i = 0; i < s->of[path[to - 1]].len; i++) {
        const edge *e = &s->of[path[to - 1]].data[i];
        if (e->to == path[from] && at_once(e) && !closing) closing = e;
    }
    const char *letter = "t";
    for (int i = c->model->axes; i >= 1; i--)
        if (variable(c, path[first])->type.axes & axes_of(i)) letter = c->model->axis[i].letter;
    diag(c->diags, closing ? closing->at : reader->at, E_ALGEBRAIC_LOOP, chain, letter);
    for (size_t i = from; i < to && i < from + 6; i++) {
        tree_id seen = as_seen(c, path[i]);
        if (!variable(c, path[i])->hidden) diag_add_note(c->diags, seen.at, "'%s' is defined here", seen.text);
    }
    diag_hint(c->diags, "one of them must read an earlier step: write %s[%s-1]", shown_word(c, path[first]), letter);
}

/* A cycle of edges at offset 0 inside the component; reports it. Depth-first, iterative. */
static bool loop_find(search *s, const uint32_t *members, size_t count, int which, char *mark, uint32_t *at)
{
    ARRAY(uint32_t) path = {0};
    for (size_t r = 0; r < count; r++) {
        if (mark[members[r]]) continue;
        array_push(s->c->arena, &path, members[r]);
        mark[members[r]] = 1;
        at[members[r]] = 0;
        while (path.len) {
            uint32_t v = path.data[path.len - 1];
            if (at[v] == s->of[v].len) {
                mark[v] = 2;
                path.len--;
                continue;
            }
            const edge *e = &s->of[v].data[at[v]++];
            if (s->component[e->to] != which || !at_once(e)) continue;
            if (mark[e->to] == 1) {
                size_t from = 0;
                while (path.data[from] != e->to) from++;
                loop_report(s, path.data, from, path.len);
                return true;
            }
            if (mark[e->to]) continue;
            mark[e->to] = 1;
            at[e->to] = 0;
            array_push(s->c->arena, &path, e->to);
        }
    }
    return false;
}

/* ---- one component ----------------------------------------------------------------------------------------------- */

typedef struct facts {
    const edge *earlier, *later, *other, *whole;
    uint32_t whole_reader;
    int axis, other_axis;
} facts;

/* All of an axis may be read inside a loop along another one: attention does. */
static void find_whole(const search *s, const uint32_t *members, size_t count, int which, facts *f)
{
    model_axes forbidden = f->axis ? axes_of(f->axis) : ~(model_axes)0;
    for (size_t i = 0; i < count && !f->whole; i++)
        for (size_t k = 0; k < s->of[members[i]].len && !f->whole; k++) {
            const edge *e = &s->of[members[i]].data[k];
            if (s->component[e->to] != which || !(e->whole & forbidden)) continue;
            f->whole = e;
            f->whole_reader = members[i];
        }
}

static facts look(const search *s, const uint32_t *members, size_t count, int which)
{
    facts f = {0};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < s->of[members[i]].len; k++) {
            const edge *e = &s->of[members[i]].data[k];
            if (s->component[e->to] != which || at_once(e)) continue;
            if (!f.axis) f.axis = e->axis;
            if (e->axis != f.axis && !f.other) {
                f.other = e;
                f.other_axis = e->axis;
            }
            if (e->k < 0 && !f.earlier) f.earlier = e;
            if (e->k > 0 && !f.later) f.later = e;
        }
    find_whole(s, members, count, which, &f);
    return f;
}

static bool check_component(search *s, const uint32_t *members, size_t count, char *mark, uint32_t *at)
{
    context *c = s->c;
    int which = s->component[members[0]];
    facts f = look(s, members, count, which);
    bool loops = count > 1;
    for (size_t k = 0; !loops && k < s->of[members[0]].len; k++) loops = s->of[members[0]].data[k].to == members[0];
    if (!loops) return true;
    uint32_t shown = members[0];
    for (size_t i = count; i-- > 0;)
        if (!variable(c, members[i])->hidden) shown = members[i];
    const char *word = shown_word(c, shown);
    const edge *step = f.earlier ? f.earlier : f.later;
    if (f.whole) {
        diag(c->diags, f.whole->at, E_WHOLE_IN_LOOP, shown_word(c, f.whole_reader), shown_word(c, f.whole->to),
             shown_word(c, f.whole_reader));
        diag_hint(c->diags, "inside a recurrence read a step, as in %s[t-1]", shown_word(c, f.whole->to));
        return false;
    }
    if (f.other) {
        const char *letter = c->model->axis[f.axis].letter, *other = c->model->axis[f.other_axis].letter;
        if (!letter || !other) return false; /* an axis that the error in its data left open */
        diag(c->diags, as_seen(c, shown).at, E_TWO_AXES, word, letter, other);
        diag_add_note(c->diags, step->at, "along %s here", letter);
        diag_add_note(c->diags, f.other->at, "along %s here", other);
        diag_hint(c->diags, "a variable recurs along one axis; over the others it is a map");
        return false;
    }
    if (f.earlier && f.later) {
        diag(c->diags, as_seen(c, shown).at, E_CLASHING_DIRECTIONS, word);
        diag_add_note(c->diags, f.earlier->at, "an earlier step is read here");
        diag_add_note(c->diags, f.later->at, "a later step is read here");
        diag_hint(c->diags, "two variables, one for each direction, can be joined: concat(f, b)");
        return false;
    }
    if (loop_find(s, members, count, which, mark, at)) return false;
    for (size_t i = 0; i < count; i++) {
        variable(c, members[i])->scan = f.earlier ? -1 : 1;
        variable(c, members[i])->scan_axis = f.axis;
    }
    return true;
}

static bool check_components(search *s)
{
    size_t n = s->c->model->variables.len;
    uint32_t *start = ARENA_ARRAY(s->c->arena, uint32_t, (size_t)s->components + 2);
    uint32_t *member = ARENA_ARRAY(s->c->arena, uint32_t, n);
    uint32_t *at = ARENA_ARRAY(s->c->arena, uint32_t, n);
    char *mark = ARENA_ARRAY(s->c->arena, char, n);
    bool good = true;
    for (size_t v = 1; v < n; v++) start[s->component[v] + 1]++;
    for (int i = 1; i < s->components + 2; i++) start[i] += start[i - 1];
    uint32_t *fill = ARENA_ARRAY(s->c->arena, uint32_t, (size_t)s->components + 2);
    memcpy(fill, start, ((size_t)s->components + 2) * sizeof *fill);
    for (size_t v = 1; v < n; v++) member[fill[s->component[v]]++] = (uint32_t)v;
    for (int i = 1; i <= s->components; i++)
        if (!check_component(s, member + start[i], start[i + 1] - start[i], mark, at)) good = false;
    return good;
}

/* ---- the ends that last() reads, the order ----------------------------------------------------------------------- */

/* A name for another variable ends where that one does. */
static bool ends_at_start(const context *c, uint32_t v, int axis)
{
    for (size_t guard = 0; guard < c->model->variables.len; guard++) {
        const model_variable *at = variable(c, v);
        if (at->scan) return at->scan > 0 && at->scan_axis == axis;
        if (at->reversed) return true;
        if (!at->value || at->value->kind != EXPR_VARIABLE) return false;
        v = at->value->read.variable;
    }
    return false;
}

static uint32_t named_value(const context *c, uint32_t v)
{
    for (size_t guard = 0; guard < c->model->variables.len; guard++) {
        const model_variable *at = variable(c, v);
        if (at->half[0] || !at->value || at->value->kind != EXPR_VARIABLE) break;
        v = at->value->read.variable;
    }
    return v;
}

static void read_end(context *c, model_expr *e, uint32_t v, int axis)
{
    bool start = ends_at_start(c, v, axis);
    e->kind = EXPR_AT;
    memset(&e->read, 0, sizeof e->read);
    e->read.variable = v;
    e->read.axis = axis;
    e->read.from_end = !start;
    e->read.k = start ? 1 : 0;
}

/* Half i of a bidirectional result at its own end. With the input added to it (residual) the result is no longer its
 * halves side by side, and has its part of the components read there. */
static model_expr *end_of_half(context *c, uint32_t v, int i, int axis, span at)
{
    const model_variable *both = variable(c, v), *half = variable(c, both->half[i]);
    bool side_by_side = both->value->kind == EXPR_CALL && both->value->call.function == FUNCTION_concat;
    model_expr *end = expr_new(c, EXPR_AT, at);
    read_end(c, end, both->half[i], axis);
    if (!side_by_side) end->read.variable = v;
    end->type = side_by_side ? half->type : both->type;
    end->type.axes &= ~axes_of(axis);
    if (side_by_side) return end;
    model_expr *part = expr_new(c, EXPR_SLICE, at);
    int rows = both->type.shape.dim[0] / 2;
    part->slice.operand = end;
    part->slice.ranges = 1;
    part->slice.range[0] = (model_range){.begin = i * rows, .length = rows};
    part->type = end->type;
    part->type.shape.dim[0] = rows;
    return part;
}

static void resolve_last(context *c, model_expr *e)
{
    switch (e->kind) {
    case EXPR_SLICE: resolve_last(c, e->slice.operand); return;
    case EXPR_CALL: break;
    case EXPR_POISON:
    case EXPR_NUMBER:
    case EXPR_LITERAL:
    case EXPR_SIZE:
    case EXPR_VARIABLE:
    case EXPR_SHIFT:
    case EXPR_AT:
    case EXPR_STEP: return;
    }
    if (e->call.function != FUNCTION_last) {
        for (int i = 0; i < e->call.count; i++) resolve_last(c, e->call.args[i]);
        return;
    }
    int axis = axes_first(e->call.over);
    uint32_t v = named_value(c, e->call.args[0]->read.variable);
    const model_variable *both = variable(c, v);
    if (!both->half[0]) {
        read_end(c, e, v, axis);
        return;
    }
    e->call.function = FUNCTION_concat;
    e->call.count = 2;
    e->call.over = 0;
    e->call.args = ARENA_ARRAY(c->arena, model_expr *, 2);
    for (int i = 0; i < 2; i++) e->call.args[i] = end_of_half(c, v, i, axis, e->at);
}

/* Each variable after what it reads, shifts excepted. Iterative. */
static void order(search *s)
{
    model *m = s->c->model;
    size_t n = m->variables.len;
    char *state = ARENA_ARRAY(s->c->arena, char, n);
    uint32_t *next = ARENA_ARRAY(s->c->arena, uint32_t, n);
    ARRAY(uint32_t) stack = {0};
    m->order = ARENA_ARRAY(s->c->arena, uint32_t, n);
    for (uint32_t root = 1; root < n; root++) {
        if (state[root]) continue;
        array_push(s->c->arena, &stack, root);
        state[root] = 1;
        while (stack.len) {
            uint32_t v = stack.data[stack.len - 1];
            if (next[v] == s->of[v].len) {
                stack.len--;
                m->order[m->ordered++] = v;
                continue;
            }
            const edge *e = &s->of[v].data[next[v]++];
            if (!at_once(e) || state[e->to]) continue;
            state[e->to] = 1;
            array_push(s->c->arena, &stack, e->to);
        }
    }
}

/* Whatever reads, at any step, what depends on a target depends on it, too. */
static void spread_targets(search *s)
{
    size_t n = s->c->model->variables.len;
    edges *readers = ARENA_ARRAY(s->c->arena, edges, n);
    ARRAY(uint32_t) open = {0};
    for (uint32_t v = 1; v < n; v++) {
        for (size_t i = 0; i < s->of[v].len; i++)
            array_push(s->c->arena, &readers[s->of[v].data[i].to], (edge){.to = v});
        if (variable(s->c, v)->on_target) array_push(s->c->arena, &open, v);
    }
    while (open.len) {
        uint32_t v = open.data[--open.len];
        for (size_t i = 0; i < readers[v].len; i++) {
            uint32_t r = readers[v].data[i].to;
            if (variable(s->c, r)->on_target) continue;
            variable(s->c, r)->on_target = true;
            array_push(s->c->arena, &open, r);
        }
    }
}

void time_check(context *c)
{
    size_t n = c->model->variables.len;
    search s = {.c = c};
    s.of = ARENA_ARRAY(c->arena, edges, n);
    s.component = ARENA_ARRAY(c->arena, int, n);
    for (uint32_t v = 1; v < n; v++)
        if (variable(c, v)->value) collect(&s, v, variable(c, v)->value, 0);
    components(&s);
    if (!check_components(&s) || diag_error_count(c->diags)) return;
    for (uint32_t v = 1; v < n; v++)
        if (variable(c, v)->value) resolve_last(c, variable(c, v)->value);
    order(&s);
    spread_targets(&s);
}
