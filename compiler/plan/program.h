/* program.h: what the plan makes of a graph: regions of loops, statements from a closed set, buffers with their places.
 *
 * A program computes the roots of one graph in one call. Its top region is done once; the others, loops of several
 * kinds, are inside. The emitter prints it and decides nothing. Nodes keep their identity: a statement names the nodes
 * that it computes, so names, equations and places in the spec come from the graph.
 *
 * Note [padding]. Sequences of a batch have their own lengths. Rows beyond a sequence's end ("padding") hold garbage,
 * which stays in its own lane, until something would mix lanes or steps: a product summed over rows, a reading at t +
 * k, an output. For the buffers that are read so, FILL_AFTER overwrites the rows beyond the end with the boundary value
 * or 0. Sums over axes skip invalid rows by selection. Nothing of this runs when all lengths equal the number of steps.
 *
 * Note [history]. A buffer that is read at t - k has `before` rows in front of step 1: FILL_BEFORE writes the boundary
 * values there or, in a later chunk, what the state kept of the chunk before; SAVE keeps the last rows of every
 * sequence for the next.
 *
 * Note [segments]. A gradient with program.segment runs through the sequence twice, in segments: two regions of
 * REGION_SEGMENTS. Within them T, lengths and the callers' arrays are those of the segment, and buffers over time have
 * its rows only. Rows in front and behind pass from segment to segment: on the way there the last rows go in front of
 * the next segment (PASS_ON), and what stands in front of each is kept for the way back (PASS_KEEP, PASS_RESTORE); on
 * the way back the first rows go behind the segment before (PASS_BACK). The time axis of all such buffers is number 1,
 * the only one. `forward` and `loss` have the way there alone, in segments of about so many rows, whatever the batch.
 */
#ifndef PLAN_PROGRAM_H
#define PLAN_PROGRAM_H

#include "graph/graph.h"

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

typedef enum storage {
    STORE_PARAMS,  /* the caller's parameters; column is the parameter's offset */
    STORE_LITERAL, /* constants of the spec */
    STORE_INPUT,   /* the caller's array of an input: [time axes][batch][columns] */
    STORE_GRADS,   /* the caller's gradients, accumulated into */
    STORE_TABLE,   /* a table that `pack` made: see packing */
    STORE_WORK,    /* this call's memory */
    STORE_PLACE,   /* the memory of another buffer, place_of: see reuse.c */
} storage;

/* Rows of `columns` reals over the axes, the batch innermost: [time axes by number][batch][column]. */
typedef struct buffer {
    storage storage;
    name name; /* unique in the program, an identifier in C */
    axis_set axes;
    size_t columns;
    int before[MAX_TIME_AXES + 1]; /* extra rows in front of step 1, and after step T */
    int after[MAX_TIME_AXES + 1];
    uint32_t input;        /* STORE_INPUT */
    const double *literal; /* STORE_LITERAL; NULL: zeros */
    int packing;           /* STORE_TABLE */
    int in_state;          /* `step` of one sequence: the slot of the state that may hold both steps, 0 for none */
    int place_of;          /* STORE_PLACE: its number; it has memory of its own */
    int block_rows;        /* STORE_WORK: rows of a block of steps alone, which has about so many; 0: of all steps */
    int kept;              /* such a group of rows for each segment; 0: it is no store of what segments begin with */
} buffer;

enum { PARAM_BUFFER = 1, GRAD_BUFFER = 2 }; /* numbers of the buffers that every program has */

/* Where the components of a node's value lie: component (i, j) of the row that `shift` steps away stands in column
 * `column + i * si + j * sj`. Strides are 0 along what is broadcast. */
typedef struct view {
    int buffer; /* number in program.buffers; 0: no memory, the value is computed where it is read */
    int column;
    int si, sj;
    int shift[MAX_TIME_AXES + 1];
    const struct by_token *row; /* which row of a table; NULL: no table */
} view;

/* Row number `token` of a table of `rows` rows, each `stride` after the one before; where the token is none, the row at
 * `none` or, in a table with a spare row (buffer 0), row number `rows`. */
typedef struct by_token {
    view token, none;
    int rows, stride;
} by_token;

/* ---- statements -------------------------------------------------------------------------------------------------- */

typedef enum stmt_kind {
    STMT_POINTWISE,   /* for every row of `axes` and component of `shape`: the nodes, in order; then the stores */
    STMT_CONTRACT,    /* a matrix product: see contract */
    STMT_ROWS,        /* sum, maximum, softmax (stores[0] may be its logsumexp), logsumexp of each row's components */
    STMT_OVER,        /* max_over */
    STMT_PACK,        /* a packed matrix that this call computed the pieces of */
    STMT_GATHER,      /* lookup, pick, at */
    STMT_SCATTER,     /* scatter */
    STMT_COPY,        /* concat, pad, an input into work, a value into an output or an input's gradient */
    STMT_FILL_BEFORE, /* see note [history] */
    STMT_FILL_AFTER,  /* see note [padding] */
    STMT_COUNT,       /* count: valid steps of this call */
    STMT_SAVE,        /* see note [history] */
    STMT_CLEAR,       /* zeros, or what the state holds, for the sums of a loop that follows */
    STMT_PASS,        /* rows that pass from segment to segment: see pass and note [segments] */
} stmt_kind;

/* SET writes. SUM adds up what the target lacks axes for: the target is cleared first (or begins with the state's sum,
 * where state > 0). ADD adds to what the target holds, the caller's gradient or a sum that CLEAR began in front of the
 * loop. Both skip padding, and add in the order in which the rows are computed: within a step sequence by sequence, the
 * steps in the loop's order. */
typedef enum store_mode { STORE_SET, STORE_SUM, STORE_ADD } store_mode;
typedef struct store {
    node_id node;
    view to;
    store_mode mode;
    int state;
} store;

/* Products, as the kernel sees them: C[m][n] (+)= sum over k of A[m][k] B[k][n]. */
typedef enum contract_form {
    FORM_ROWS,  /* rows times a packed matrix: m the rows of `axes`, n and k components */
    FORM_OUTER, /* sum over the rows of `axes` of outer products: m and n components, k the rows */
    FORM_EACH,  /* a small product for each row of `axes`: plain loops */
} contract_form;

/* A matrix in the layout of the kernel, put together from pieces: piece component (k, n) is matrix component (k, n) or
 * (n, k). A table is row-major instead, with a row of zeros after the last: what lookups of tokens read, side by
 * side. */
typedef struct packed_piece {
    view matrix;
    bool transposed;
    int k, n;
    int k0, n0;
} packed_piece;
typedef struct packing {
    int K, N;
    ARRAY(packed_piece) pieces;
    bool in_call, table;
    size_t offset;
    int buffer; /* in_call: of the program; a constant, or filled by a STMT_PACK */
} packing;

/* Where a product, or a part of it, has to be done: at steps at which the value `at` is not 0 (negated: is 0) for any
 * sequence of the batch; elsewhere its result is 0. at.buffer 0: at all. See guard.c. */
typedef struct row_guard {
    view at;
    bool negated;
} row_guard;

typedef struct addend {
    view a;
    int K;
    int packing;
    row_guard guard;
} addend; /* A's columns and the packed matrix that they meet */

struct stmt;
typedef struct contract {
    contract_form form;
    int M, N, K;           /* FORM_ROWS: M is 0, it is the number of rows */
    ARRAY(addend) addends; /* FORM_ROWS: added up into one result */
    view a, b;             /* FORM_OUTER, FORM_EACH: component (m, k) of a, (k, n) of b */
    view to;
    bool add;        /* to a gradient of the caller; else it sets */
    row_guard guard; /* FORM_OUTER: rows that count */
    int wanted_by;   /* 1 + number of the input whose gradient alone needs it; 0: it is always needed */
    bool with_next;  /* FORM_ROWS: the next statement of the region is a product that may as well be done first */
    /* FORM_ROWS: the elementwise statement behind it. With one row it may be applied to the results of this product and
     * those in front of it that are `with_next`, some units at a time, while they are in registers or cache: nothing
     * else reads them. See streams.c. */
    struct stmt *epilogue;
} contract;

typedef enum copy_target { COPY_TO_VIEW, COPY_TO_OUTPUT, COPY_TO_INPUT_GRAD } copy_target;

/* Rows of a value that its next segment reads. */
typedef enum passing {
    PASS_KEEP,    /* those in front of the segment, to the store */
    PASS_RESTORE, /* from the store, in front of the segment */
    PASS_ON,      /* the segment's last, to where they are in front of the next one */
    PASS_BACK,    /* the segment's first, to where they are behind the one before */
} passing;

/* First what every statement has: a list that its kind has no use for is empty, a view has no buffer. Then what only
 * its kind has, in a member that is named for it. */
typedef struct stmt {
    stmt_kind kind;
    axis_set axes; /* the domain's axes, those of the enclosing loops included */
    shape shape;
    ARRAY(node_id) nodes; /* what it computes, operands first; FILL, SAVE, CLEAR, PASS: whose rows these are */
    /* The operands of ROWS, OVER, GATHER, SCATTER, COPY (buffer 0: the part of a concat is in its place); the boundary
     * values of FILL, nearest first. What POINTWISE reads, its nodes tell. */
    ARRAY(view) from;
    /* The result, of all but POINTWISE, CONTRACT, PACK and a COPY that goes out. FILL, SAVE, PASS: the value with the
     * extra rows. */
    view to;
    ARRAY(store) stores; /* POINTWISE; ROWS: the logsumexp of a softmax */
    union {
        contract product;
        struct {
            op op;
        } rows;
        struct {
            int state; /* slot in the states, here and below; 0 for none */
        } over, clear;
        struct {
            int packing;
        } pack;
        struct {
            op op;
            int axis, state; /* of at */
        } gather;
        struct {
            bool add; /* to a gradient of the caller; else the target is cleared first */
        } scatter;
        struct {
            op op;
            copy_target target;
            int index; /* of the output or input */
        } copy;
        struct {                     /* FILL_BEFORE, FILL_AFTER */
            int axis, rows;          /* extra rows before or after; axis 0: one row a sequence */
            int state;               /* FILL_BEFORE */
            bool in_loop;            /* FILL_AFTER: the row of the loop's step alone */
            ARRAY(node_id) boundary; /* the nodes of `from`; NO_NODE: 0 */
        } fill;
        struct {
            int axis, rows; /* the last rows of the axis; axis 0: a sum */
            int state;
        } save;
        struct {
            passing what;
            int rows;
            int store; /* PASS_KEEP, PASS_RESTORE: the buffer of the store */
        } pass;
    };
} stmt;

typedef struct region region;
/* One of them. */
typedef struct item {
    stmt *stmt;
    region *region;
} item;

/* How often the items of a region are done, in their order. */
typedef enum region_kind {
    REGION_ONCE,     /* once: the top region */
    REGION_SCAN,     /* for each step, since these read one another */
    REGION_ROWS,     /* for each row, so that what one statement computes is in the cache for the next: see rows.c */
    REGION_SEGMENTS, /* for each segment of the steps: see note [segments] */
    REGION_BLOCKS,   /* for some steps at a time: a scan in it does these, a product their rows. See step_blocks.c */
} region_kind;

/* What every region has, then what only its kind has, as in a statement. A direction is +1 from the first step on, -1
 * from the last one back. */
struct region {
    region_kind kind;
    region *parent; /* NULL: it is the top */
    ARRAY(item) items;
    union {
        struct {
            int axis, direction;
        } scan;
        struct {
            axis_set axes;
        } rows;
        struct {
            int direction; /* the way there, the way back */
        } segments;
        struct {
            int axis, direction;
            int rows; /* about so many in a block */
        } blocks;
    };
};

enum { PANEL = 16 }; /* columns of a panel of a packed matrix: CONTRACT_PANEL of the kernels */

/* What a call keeps for the next chunk, for each sequence: the last rows of a history, a sum or maximum so far, an
 * early step. Slots of several programs with the same name, operation and columns are one. */
typedef struct state_slot {
    name name;
    op of; /* sum_over, max_over, at; OP_none: rows of the value itself */
    int rows, columns;
} state_slot;

/* What the programs of one model share: the packed matrices and the state. */
typedef struct pool {
    arena *arena;
    ARRAY(packing) packings;  /* packings.data[0] is none */
    ARRAY(state_slot) states; /* states.data[0] is none */
    size_t packed_size;       /* reals */
    int segment;              /* steps of a segment in the gradient; 0: the sequence is not cut */
    bool segments_ahead;      /* `forward` and `loss` go in segments where nothing needs a later step */
    int block_rows;           /* rows of a block of steps, whatever the size of its products; 0: as suits the cache */
    bool own_memory;          /* each kept value has memory of its own, and none is computed again: for tests */
    bool carries;             /* state passes from chunk to chunk, and `step` exists: see plan_reads_later */
    bool rows_apart;          /* lookups in parameters are statements of their own: the rows are integers */
    bool shards;              /* calls of all steps may be for some of the sequences of the caller's arrays: then only
                               * copies of these are read in rows, since rows of one step and the next do not meet */
} pool;

/* Why a node is computed inside of a loop over time, or is not. */
typedef enum placing {
    PLACED_OUTSIDE,   /* it is part of no recurrence: all its rows at once */
    PLACED_BY_LOOP,   /* it is part of the recurrence */
    PLACED_BY_READER, /* elementwise, and only the loop reads it */
    PLACED_BY_STEP,   /* a product that the loop reads, where there is one step */
    PLACED_BY_SUM,    /* made of what the loop computes, and added up there or read by a product behind the loop */
} placing;

typedef enum entry { ENTRY_STEP, ENTRY_FORWARD, ENTRY_LOSS, ENTRY_GRAD } entry;
enum { ENTRY_COUNT = ENTRY_GRAD + 1 };

typedef struct program {
    entry entry;
    const graph *graph;
    ARRAY(buffer) buffers; /* buffers.data[0] is none */
    pool *pool;
    region *top;
    view *views;     /* of each node; buffer 0 where it is computed in place */
    stmt **stmt_of;  /* the statement that computes each node; NULL for none */
    placing *placed; /* of each node */
    int segment;     /* steps of a segment; 0: no segments */
    /* `segment` counts rows: a segment has as many steps as have so many for the sequences of a call, and `more`, the
     * most rows that stand in front of one. */
    bool by_rows;
    int segment_more;
    view loss;
} program;

#endif
