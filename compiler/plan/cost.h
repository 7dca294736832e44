/* cost.h: what statements do and move, and how long a machine would take for it: a model, not a measurement. */
#ifndef PLAN_COST_H
#define PLAN_COST_H

#include "base/text.h"
#include "plan/program.h"

/* How often things are done: what the program leaves open. */
typedef struct plan_sizes {
    double steps[MAX_TIME_AXES + 1], batch;
    int real_size;
} plan_sizes;

/* Floating-point operations of one row of a statement; of a sum of outer products, of one row of those. */
double plan_operations(const graph *g, const stmt *s);

/* Operations of one row of the statements of a region, by the axes whose rows these are; `product` and `other`: what an
 * operation of either kind counts. */
enum { PLAN_AXIS_SETS = 1 << (MAX_TIME_AXES + 1) };
typedef struct plan_tally {
    size_t count;
    axis_set axes[PLAN_AXIS_SETS];
    double operations[PLAN_AXIS_SETS];
} plan_tally;
void plan_tally_region(plan_tally *t, const graph *g, const region *r, double product, double other);

/* Rows of an axis set. A step function has one step. */
double plan_row_count(const program *p, const plan_sizes *sizes, axis_set axes);

/* Of a statement in all its rounds. `again`: bytes that each round of the innermost loop around it reads or writes
 * anew, matrices above all. `rows`: bytes that are different ones in each round. */
typedef struct plan_cost {
    double flops, again, rows, rounds;
} plan_cost;
plan_cost plan_cost_of(const program *p, const plan_sizes *sizes, const stmt *s, axis_set loops);

/* Where bytes come from: the smallest level that holds them all. */
typedef struct plan_level {
    const char *name;
    double holds, per_cycle;
} plan_level; /* bytes; bytes per cycle */
const plan_level *plan_level_for(double bytes);
double plan_flops_per_cycle(const stmt *s, int real_size);
const char *plan_machine(arena *a); /* the model in words */

void plan_report(text *out, const program *p, const plan_sizes *sizes); /* explain --stage plan, see report.c */

#endif
