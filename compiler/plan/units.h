/* units.h: the parts of a region, which schedule.c puts in order. */
#ifndef PLAN_UNITS_H
#define PLAN_UNITS_H

#include "plan/planner.h"

typedef struct unit {
    node_id id; /* NO_NODE for a scan */
    region *scan;
    int number;      /* of a scan: that of its nodes in `home` */
    node_list nodes; /* of a scan */
    size_t lacks;    /* operands that are not there */
    bool listed;     /* lacked none: done, or in a list of the builder */
    bool done;
} unit;
typedef ARRAY(unit) units;

typedef struct division {
    planner *pl;
    region *r;
    node_list set;      /* the nodes of the region */
    const bool *member; /* per node: is it one of them? */
    int *home;          /* per node: number of the scan that it belongs to, 0: this region */
    units units;
    arena *scratch; /* of the units */
} division;

/* Splits the region's nodes into scans, ways through segments and single nodes. Comes in: `home` all 0. */
void plan_divide(division *d);

/* Is the operand a value of another iteration of a loop around the region `context`? */
bool plan_is_carried(const graph *g, node_id reader, int operand, const void *context);

#endif
