/* planner.h: what the files of the plan share while they work on one program. */
#ifndef PLAN_PLANNER_H
#define PLAN_PLANNER_H

#include "plan/plan.h"

/* How a node is computed. */
typedef enum task {
    TASK_FREE,      /* no code: a source, a view of other memory, or part of a product that another node stands for */
    TASK_POINTWISE, /* in a pointwise statement */
    TASK_SUM,  /* sum_over, scatter of elementwise values: a store of a pointwise statement over the operand's domain */
    TASK_STMT, /* a statement of its own kind */
} task;

typedef struct product_leaf {
    node_id matmul;
    bool weight_first;
} product_leaf; /* W x, or x W */
typedef ARRAY(product_leaf) product_leaves;

/* The step's products matter where the condition holds (negated: where it does not); NO_NODE: everywhere. */
typedef struct plan_guard {
    node_id condition;
    bool negated;
} plan_guard;

/* The way on which a node is computed where the sequence is run through in segments: see segments.c. */
typedef enum way { WAY_NONE, WAY_THERE, WAY_BACK } way;
typedef struct plan_ways {
    way *way;
    node_id *twin_of;
} plan_ways; /* of each node; twin_of: what a twin for the way back repeats */

typedef struct planner {
    arena *arena; /* the program's */
    graph *g;
    program *p;
    size_t count;     /* nodes */
    node_list order;  /* those that the roots need, operands first: graph_spec_order */
    node_list *users; /* of each node */
    bool *escapes;    /* a root, besides its users */
    task *task;
    contract_form *form; /* of nodes that stand for a product */
    bool *is_product;
    product_leaves *leaves;    /* FORM_ROWS: what is added up */
    plan_guard *guard;         /* of products: of each leaf of FORM_ROWS, of the outer product under a FORM_OUTER */
    size_t *grad_roots;        /* of how many parameters the node is the gradient */
    uint32_t *adds_to;         /* 1 + number of the parameter whose gradient the node is added to directly, 0 */
    ARRAY(node_id) extra_adds; /* nodes that are kept and also added to a gradient: see products.c */
    ARRAY(uint32_t) extra_to;
    /* Strongly connected component; until plan_schedule: of the whole graph, 0 where there is no loop. */
    int *component;
    region **region_of; /* the innermost region that computes each node */
    bool *kept;         /* the value has memory of its own */
    axis_set *kept_axes;
    int *param_column;     /* of each parameter, in the caller's arrays */
    name_map buffer_names; /* those that are taken; of a stem: the last version of it */
    plan_ways ways;        /* ways.way NULL: no segments */
    int *store;            /* buffer of what each segment begins with, of nodes of the way there; 0: none */
    int (*before)[MAX_TIME_AXES + 1], (*after)[MAX_TIME_AXES + 1]; /* extra rows of kept nodes */
} planner;

/* segments.c: the ways of the nodes. Of a gradient; makes twins. */
plan_ways plan_segments(arena *a, graph *g);
plan_ways plan_segments_ahead(arena *a, graph *g); /* of `forward` and `loss`: there alone; NULL: not possible */
/* Their size; true: it leaves the cache. Needs buffers and operands. */
bool plan_segment_rows(const planner *pl);

/* products.c: which nodes are matrix products, alone, added up, or summed over rows. Needs users. Sets task, form,
 * leaves. */
void plan_products(planner *pl);
node_id plan_weight(const planner *pl, const product_leaf *leaf);
node_id plan_vector(const planner *pl, const product_leaf *leaf);
bool plan_is_inner(const node *n); /* shift, reshape, slice, transpose: a view of its operand's memory */

/* guard.c: which products are not needed at every step. Makes them users of their conditions. */
void plan_guards(planner *pl);

/* schedule.c, of what units.c finds: regions and statements. */
void plan_schedule(planner *pl);

/* rows.c: statements over the same rows in one region. Needs regions; sets regions, region_of. */
void plan_rows(planner *pl);
region *plan_outside_rows(region *r); /* the innermost region around it, or itself, that does not go row by row */

region *plan_segment_region(region *r); /* the region of segments around it, or itself; NULL */

/* The loops around a region, and rows. */
axis_set plan_loops(const region *r);
axis_set plan_own_loop(const region *r); /* that of the region alone */
stmt *plan_stmt(planner *pl, stmt_kind kind);

/* tables.c: lookups that read rows in place, and scatters that add to them. */
void plan_in_place(planner *pl);              /* which; sets their task */
void plan_tables(planner *pl);                /* their memory and views */
view plan_added_row(planner *pl, node_id id); /* the row that a scatter of TASK_SUM adds to */

/* storage.c: which values have memory, in which buffers, seen through which views. */
void plan_storage(planner *pl);
view plan_view(const planner *pl, node_id id); /* where the node's value lies */
bool plan_same_columns(view a, view b);        /* do the components lie in the same columns, of whatever buffers? */
/* Adds a buffer; its name is an identifier made of the label, another than those of all buffers before. */
int plan_buffer(planner *pl, buffer b, const char *label);
const char *plan_buffer_label(const planner *pl, node_id id, size_t members); /* after the first of these nodes */
view plan_gradient(const planner *pl, uint32_t param); /* where the caller's gradient of a parameter lies */

/* recompute.c: values that their readers compute again. */
void plan_recompute(planner *pl, const node_list *order);

/* operands.c: the operands and results of statements as views; packed matrices; what goes out. */
void plan_operands(planner *pl);

/* Puts a statement in front of the item of `r` that is, or contains, `first`. */
void plan_insert_before(planner *pl, region *r, const stmt *first, stmt *s);

int plan_state(program *p, state_slot slot); /* the slot's number in the pool */
int plan_packing(planner *pl, packing pk);   /* the packed matrix's number in the pool */

/* history.c: rows outside the sequence: FILL and SAVE statements. */
void plan_history(planner *pl);

/* A sum is done when the loops along axes that it runs over are: the region around the outermost of them, NULL when
 * there is none. */
region *plan_around_sum(const planner *pl, node_id id);

/* in_state.c: values of `step` that may live in the state. */
void plan_in_state(planner *pl);

/* step_blocks.c: scans and the products around them, some steps at a time. */
void plan_step_blocks(planner *pl);

/* What a statement reads and writes, through whatever views; the lists lie in `a`. */
typedef ARRAY(view) plan_views;
typedef struct plan_touches {
    plan_views read, written;
} plan_touches;
void plan_touch_stmt(const planner *pl, arena *a, plan_touches *t, const stmt *s);

/* reuse.c: values that take the memory of others. */
void plan_reuse(planner *pl);

/* streams.c: products of one row side by side. */
void plan_streams(planner *pl);

/* wanted.c: products that only the gradient by an input needs. */
void plan_wanted(planner *pl);

#endif
