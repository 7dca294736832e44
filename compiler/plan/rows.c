/* rows.c: statements that go over the same rows go over them together.
 *
 * A run of elementwise statements, functions of rows and gathers over the same axes becomes one region, executed row by
 * row: what one computes and the others read is then still in cache and, unless something else reads it, needs memory
 * for one row only. Logits of a large vocabulary, their softmax and the gradient are never streamed through memory one
 * after the other. Statements in between that the later ones do not need are moved behind. Within a scan the rows of
 * one step stay in cache anyway, and one statement for all of them lets the processor work on several at a time: there
 * statements stay apart, but for sums over components, which follow what they add up in each row. That is read from
 * the first cache then, and needs memory for one row; what is made of a sum waits for the next statement.
 *
 * Needs: regions, statements, stmt_of. Sets: regions, region_of. */
#include "plan/planner.h"

enum { MAX_STRETCH = 64 }; /* statements looked at for one group */

typedef enum position { ELSEWHERE, IN_GROUP, BEHIND } position;

typedef struct grouping {
    planner *pl;
    region *r;          /* whose statements are grouped */
    position *place_of; /* of each node, while a group is put together */
    int *seen;          /* per node: number of the statement whose operands were walked last */
    int walks;
} grouping;

region *plan_outside_rows(region *r)
{
    while (r->kind == REGION_ROWS) r = r->parent;
    return r;
}

static bool over_rows(const grouping *gr, const stmt *s)
{
    bool kind =
        s && (s->kind == STMT_POINTWISE || s->kind == STMT_ROWS || (s->kind == STMT_GATHER && s->gather.op != OP_at));
    axis_set rows = kind ? s->axes & ~plan_loops(gr->r) : 0;
    return (rows & BATCH) && (rows & ~(axis_set)BATCH);
}

/* Does it go over components? */
static bool is_long(const planner *pl, const stmt *s)
{
    return s->kind == STMT_ROWS || shape_size(s->shape) > 1 ||
           (s->kind == STMT_GATHER &&
            shape_size(graph_type(pl->g, graph_node(pl->g, s->nodes.data[0])->arg[0]).shape) > 1);
}

static void set_place(grouping *gr, const stmt *s, position at)
{
    for (size_t i = 0; i < s->nodes.len; i++) gr->place_of[s->nodes.data[i].i] = at;
}

typedef struct operand {
    node_id id;
    bool same_row;
} operand;

/* Can the statement be computed row by row with the group, in front of all that is to go behind? What it reads of the
 * group must be of its own row, and no sum over rows. */
static bool fits(grouping *gr, const stmt *s)
{
    planner *pl = gr->pl;
    ARRAY(operand) work = {0};
    gr->walks++;
    for (size_t i = 0; i < s->nodes.len; i++) array_push(pl->arena, &work, (operand){s->nodes.data[i], true});
    while (work.len) {
        operand top = work.data[--work.len];
        const node *n = graph_node(pl->g, top.id);
        bool of_statement = pl->p->stmt_of[top.id.i] == s, free = pl->task[top.id.i] == TASK_FREE;
        if (!of_statement && gr->place_of[top.id.i] == BEHIND) return false;
        if (!of_statement && gr->place_of[top.id.i] == IN_GROUP && (!top.same_row || pl->task[top.id.i] == TASK_SUM))
            return false;
        if (!of_statement && (!free || gr->seen[top.id.i] == gr->walks * 2 + top.same_row)) continue;
        gr->seen[top.id.i] = gr->walks * 2 + top.same_row;
        bool same_row = top.same_row && n->op != OP_shift && n->op != OP_at;
        for (int a = 0; a < n->args; a++) {
            if (node_some(n->arg[a]) && pl->p->stmt_of[n->arg[a].i] != s)
                array_push(pl->arena, &work, (operand){n->arg[a], same_row});
        }
    }
    return true;
}

/* The statements that can join item number `first`, from it on; the others of the stretch go to `behind`. */
static size_t collect(grouping *gr, size_t first, region *group, region *behind)
{
    planner *pl = gr->pl;
    const region *r = gr->r;
    axis_set axes = r->items.data[first].stmt->axes;
    size_t i = first;
    for (; i < r->items.len && i < first + MAX_STRETCH && r->items.data[i].stmt; i++) {
        stmt *s = r->items.data[i].stmt;
        bool joins = over_rows(gr, s) && s->axes == axes && fits(gr, s);
        set_place(gr, s, joins ? IN_GROUP : BEHIND);
        array_push(pl->arena, joins ? &group->items : &behind->items, (item){.stmt = s});
    }
    for (size_t k = first; k < i; k++) set_place(gr, r->items.data[k].stmt, ELSEWHERE);
    return i;
}

static bool is_worth_it(const planner *pl, const region *group)
{
    size_t count = 0;
    for (size_t i = 0; i < group->items.len; i++) count += is_long(pl, group->items.data[i].stmt);
    return count > 1;
}

/* The statements of the group stand in a region of their own. */
static void close_group(planner *pl, region *r, region *group, axis_set rows)
{
    group->kind = REGION_ROWS;
    group->parent = r;
    group->rows.axes = rows;
    for (size_t k = 0; k < group->items.len; k++) {
        const stmt *member = group->items.data[k].stmt;
        for (size_t j = 0; j < member->nodes.len; j++) pl->region_of[member->nodes.data[j].i] = group;
    }
}

/* ---- sums within a scan ------------------------------------------------------------------------------------------ */

/* A sum or maximum of what the elementwise statement computes. */
static bool is_sum_of(const planner *pl, const stmt *sum, const stmt *s)
{
    return sum && sum->kind == STMT_ROWS && sum->axes == s->axes && shape_size(sum->shape) == 1 &&
           pl->p->stmt_of[graph_node(pl->g, sum->nodes.data[0])->arg[0].i] == s;
}

/* The elementwise statement, item number `at` of a scan, with the sums of what it computes; NULL where there are
 * none. They stand behind it in their order. A product's epilogue has to stand behind the product. */
static region *group_with_sums(planner *pl, region *r, size_t at)
{
    const stmt *s = r->items.data[at].stmt, *before = at ? r->items.data[at - 1].stmt : NULL;
    size_t left = at + 1;
    if (s->kind != STMT_POINTWISE || (s->axes & ~plan_loops(r)) != BATCH || (before && before->kind == STMT_CONTRACT))
        return NULL;
    region *group = ARENA_NEW(pl->arena, region);
    array_push(pl->arena, &group->items, r->items.data[at]);
    for (size_t i = left; i < r->items.len; i++) {
        if (is_sum_of(pl, r->items.data[i].stmt, s))
            array_push(pl->arena, &group->items, r->items.data[i]);
        else
            r->items.data[left++] = r->items.data[i];
    }
    r->items.len = left;
    if (group->items.len == 1) return NULL;
    close_group(pl, r, group, BATCH);
    return group;
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

/* Depth: loops. */
static void group_region(grouping *gr, region *r)
{
    planner *pl = gr->pl;
    region done = {0};
    for (size_t i = 0; i < r->items.len;) {
        stmt *s = r->items.data[i].stmt;
        if (!s) group_region(gr, r->items.data[i].region);
        region *sums = s && r->kind == REGION_SCAN ? group_with_sums(pl, r, i) : NULL;
        if (sums) {
            array_push(pl->arena, &done.items, (item){.region = sums});
            i++;
            continue;
        }
        gr->r = r;
        if (!s || !over_rows(gr, s) || !is_long(pl, s)) {
            array_push(pl->arena, &done.items, r->items.data[i++]);
            continue;
        }
        region *group = ARENA_NEW(pl->arena, region), behind = {0};
        size_t end = collect(gr, i, group, &behind);
        if (!is_worth_it(pl, group)) {
            array_push(pl->arena, &done.items, r->items.data[i++]);
            continue;
        }
        close_group(pl, r, group, s->axes & ~plan_loops(r));
        array_push(pl->arena, &done.items, (item){.region = group});
        for (size_t k = 0; k < behind.items.len; k++) /* these may make groups of their own */
            r->items.data[end - behind.items.len + k] = behind.items.data[k];
        i = end - behind.items.len;
    }
    r->items = done.items;
}

void plan_rows(planner *pl)
{
    arena *scratch = arena_new();
    grouping gr = {
        .pl = pl, .place_of = ARENA_ARRAY(scratch, position, pl->count), .seen = ARENA_ARRAY(scratch, int, pl->count)};
    group_region(&gr, pl->p->top);
    arena_free(scratch);
}
