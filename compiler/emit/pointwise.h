/* pointwise.h: what the two ways of writing an elementwise statement share: pointwise.c, a loop over components;
 * arrays.c, calls on whole rows. */
#ifndef EMIT_POINTWISE_H
#define EMIT_POINTWISE_H

#include "emit/writer.h"

/* What is the same for all components: an expression, and the constant before their loop that has its value. */
typedef struct fixed {
    const char *expression, *constant;
} fixed;

typedef struct pointwise {
    writer *w;
    const stmt *s;
    const char **to;  /* pointer that each store goes through */
    node_list reads;  /* values read from memory */
    node_list early;  /* of these, what is read into a constant first: see note [loads before choices] */
    node_list locals; /* nodes of the statement with a constant of their own */
    ARRAY(fixed) fixed;
    int temporaries;
    name_map names;         /* taken in the statement */
    const char **name_of;   /* per node: its constant, or the pointer to its row */
    unsigned char *marks;   /* per node: the lists that it is in */
    unsigned char *nesting; /* per node: operations inside its expression */
    const item *products;   /* done in blocks of units, with the statement: see write_unit_blocks */
    size_t product_count;   /* 0: none */
} pointwise;

enum { MOST_NESTING = 64 }; /* operations inside operations of one expression */
enum { OF_STATEMENT = 1, READ = 2, EARLY = 4, LOCAL = 8, STORED = 16, USED = 32, SHARED = 64 };

static inline bool is(const pointwise *p, node_id id, unsigned mark) { return (p->marks[id.i] & mark) != 0; }

/* A node that is a store of its operand: see TASK_SUM. */
static inline bool pointwise_is_sum(const node *n) { return n->op == OP_sum_over || n->op == OP_scatter; }

bool pointwise_is_inline(const node *n);                         /* a number or the like: written where it is read */
const char *pointwise_source(const pointwise *p, const node *n); /* that, as an expression */
const char *pointwise_place(const pointwise *p, const node *n);  /* put: is this the place? */
shape pointwise_stored(const writer *w, const store *st);        /* the shape of what is stored */
node_id pointwise_value(const pointwise *p, const store *st);    /* and its value: of a sum, the summand */

/* arrays.c */
bool pointwise_fits_arrays(const pointwise *p);
void pointwise_write_arrays(pointwise *p);

#endif
