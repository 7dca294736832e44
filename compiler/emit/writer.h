/* writer.h: what the files of the emitter share. */
#ifndef EMIT_WRITER_H
#define EMIT_WRITER_H

#include "emit/emit.h"

/* Conventions of the generated code, for variable `h` of the spec:
 *     h_all          its buffer: [time axes][batch][components]
 *     h_row          one row of it, h_prev and h_next rows of the steps before and after
 *     h              one component, a constant within a loop
 *     t, seq, unit, col   loop variables: step (from 0), sequence, component (and second component of a matrix)
 *     T, batch       their bounds
 * Names that C or the generated code needs for itself get a '_' at the end. */
typedef struct writer {
    arena *arena;
    text *out;
    const emit_model *model;
    const emit_options *options;
    const program *p; /* of the function that is being written */
    const graph *g;
    axis_set loops;                      /* time axes whose step is in scope, the batch included when `seq` is */
    const char *step[MAX_TIME_AXES + 1]; /* how it is written; NULL: as the axis has it, see c_step */
    bool flat;                           /* `row` runs over all rows of the last time axis and the batch at once */
    int flat_axis;                       /* that time axis, 0 when the rows are those of the batch alone */
    int block_axis;                      /* in blocks of its steps, from `block` to `block_end`; 0: none */
    bool row_by_row;    /* within a region of rows: what comes before and after all rows is written around it */
    bool first_of_flat; /* addresses are those of the first such row */
    bool sharded; /* the function is for some sequences of the caller's arrays: `first_seq` and on, of `all_seqs` */
    const region *segment; /* that of segments whose function is being written: see note [segments] of plan/program.h */
    const char **name_of;  /* tables of pointwise.c, a place a node; empty between statements */
    unsigned char *marks;
    unsigned char *nesting;
    const char **array_of;         /* that of arrays.c */
    const char **state_members;    /* of each slot of the state, its name in the struct */
    struct uses *uses;             /* free names of the text in the making: see uses.c */
    struct helpers *helpers;       /* static functions that the entry points share */
    struct places *places;         /* where parameters and packed matrices lie */
    struct weights_table *weights; /* parameters inside the code; NULL: the caller's */
} writer;

/* names.c */
const char *c_identifier(arena *a, const char *label); /* dots to '_', reserved words out of the way */
const char *c_prefix(arena *a, const char *model);     /* of exported names and of the files: hides no header */
const char *c_upper(arena *a, const char *text);
const char *c_number(const writer *w, double value);             /* a literal of type real */
const char *c_label(const writer *w, node_id id);                /* identifier of a node's label, "" without one */
const char *c_field(arena *a, const graph *g, const char *name); /* member of the struct of arguments: of an input */
const char *c_output_field(arena *a, const graph *g, uint32_t output);
const char *c_gradient_field(arena *a, const graph *g, uint32_t input);
uint64_t c_path_hash(const char *path);
const char **c_state_members(arena *a, const pool *shared); /* of each slot */

/* index.c */
const char *c_steps(const writer *w, int axis);                 /* number of steps: "T", or the constant */
const char *c_rows(const writer *w, const buffer *b, int axis); /* rows along an axis: "(T + 1)" */
bool has_one_step(const writer *w, int axis);                   /* then there is no loop over it */
const char *c_step(const writer *w, int axis);                  /* the step in scope: "t", or "0" where there is one */
/* Gives the step in scope: a number is written where it is used, for anything else there is a variable. Returns what
 * was before, for reset_step. */
const char *set_step(writer *w, int axis, const char *value);
void reset_step(writer *w, int axis, const char *before);
const char *c_within(const writer *w, int axis); /* "t < length_t(args, seq)": is the step one of its sequence? */
const char *c_beyond(const writer *w, int axis); /* "t >= length_t(args, seq)" */
/* "a + b", "a + 3", "(a * b + c)": without what changes nothing, numbers as one. */
const char *c_add(const writer *w, const char *a, const char *b);
const char *c_offset(const writer *w, const char *a, long offset);
const char *c_multiply_add(const writer *w, const char *a, const char *b, const char *c);
/* Are all steps one block (where loops are unrolled), or some? Are a buffer's rows those of one block of steps? */
bool has_step_blocks(const program *p, const emit_options *o, int axis);
bool is_of_block(const writer *w, const buffer *b);
const char *c_address(const writer *w, view v); /* "h_all + ((t + 1) * batch + seq) * 8 + 4": of the row in scope */
const char *c_memory(const writer *w, const buffer *b); /* "h_all" */
/* "(t * batch + seq)": the row of a sequence, at the step `index` (NULL: without steps), in arrays of the caller or of
 * the function. */
const char *c_in_batch(const writer *w, const char *index, bool callers, const char *seq);
const char *c_flat_rows(const writer *w, int last);          /* "T * batch": of this time axis, 0 for none */
const char *c_row_address(const writer *w, const buffer *b); /* the same in a buffer that the program need not have */
const char *c_plus(const writer *w, const char *address, int offset);    /* nothing for an offset of 0 */
const char *c_param(const writer *w, const char *base, int column);      /* "params + AT_b + 4": of all parameters */
const char *c_packing(const writer *w, const char *base, size_t number); /* "packed + AT_packed_W", of the pool's */
const char *c_packed(const writer *w, size_t number);                    /* the same, in the array that is in scope */
bool is_integers(const writer *w, size_t number);                        /* with scales: see weights.h */
const char *c_scales(const writer *w, size_t number);
const char *c_lookup_table(const writer *w, const node *lookup); /* of integers, with its scales; NULL: there is none */
/* A component of a row without a pointer to it: "h_all[(t + 1) * 8 + unit]"; the same of an address and an index. */
const char *c_element(const writer *w, view v, shape have, shape domain);
const char *c_indexed(const writer *w, const char *address, const char *index);
const char *c_component(const writer *w, view v, shape have, shape domain); /* "[unit]": index into that row */
const char *c_times(const writer *w, const char *variable, int stride);     /* "unit * 3", "unit" */
/* "unit * 3 + col": a stride of 0 leaves its variable out. */
const char *c_times_plus(const writer *w, const char *a, int stride_a, const char *b, int stride_b);
const char *c_bare(const writer *w, const char *expression); /* without parentheses around all of it */
/* "unit * 3 + col": number of the component among those of the shape. */
const char *c_side_by_side(const writer *w, shape s);
bool is_side_by_side(view v, shape s);    /* do the components lie in their order, without gaps? */
void open_sequences(writer *w);           /* the loop over the batch */
void open_rows(writer *w, axis_set axes); /* loops over the axes that are not in scope yet */
void close_rows(writer *w, axis_set before);
/* The rows of a statement with variables of its own: the loops that are not open yet or, where all are, a block. */
typedef struct scope {
    axis_set before;
    bool block;
} scope;
scope open_scope(writer *w, axis_set axes);
scope open_flat_scope(writer *w, axis_set axes); /* last time axis and batch as one `row` loop */
void close_scope(writer *w, scope s);
bool rows_are_flat(const writer *w, view v, axis_set axes); /* may the view be read under open_flat_scope? */
void open_components(writer *w, shape s);                   /* loops over unit (and col) */
void close_components(writer *w, shape s);
const char *c_length(const writer *w, int axis);       /* own length of sequence `seq` */
const char *c_time(const writer *w);                   /* steps of sequence `seq` in earlier chunks and segments */
const char *c_call_time(const writer *w);              /* in earlier chunks alone */
const char *c_whole_length(const writer *w, int axis); /* length of sequence `seq` in all segments */
const char *c_place(const writer *w, int axis);        /* "t", counted from the first step of the call */
const char *c_begins(const writer *w);                 /* is this the segment that is done first? */
bool has_state(const writer *w);
bool lives_in_state(const writer *w, const buffer *b); /* the state's row is its memory */
bool is_never_absent(const writer *w);                 /* the function returned at once when its sequence is absent */
const char *c_state_seq(const writer *w);              /* number of sequence `seq` in the state */
const char *c_state(const writer *w, int slot, const char *row); /* row of a slot of the state, of sequence `seq` */
const char *c_state_component(const writer *w, shape s);         /* "[unit]": in a row of the state */
void open_if_state(writer *w);
const char *c_segment_first(const writer *w); /* steps of the call before the segment */

/* statements */
void write_pointwise(writer *w, const stmt *s);
/* With what they are made of, some units at a time. */
void write_unit_blocks(writer *w, const stmt *s, const item *products, size_t count);
void write_sums_before(writer *w, const stmt *s); /* of a pointwise statement: what is done once, before all rows */
void write_sums_after(writer *w, const stmt *s);
bool has_sums(const stmt *s);
void skip_padding(writer *w, axis_set axes); /* in a loop over rows: on to the next, in the padding */
void write_contract(writer *w, const stmt *s);
/* A block of units, into column `column` of `sums`. */
void write_units_of_product(writer *w, const stmt *s, int units, int column);
const char *c_every_second(const writer *w); /* "t & 1": is this a second time? */
/* Products of one row at once, and what is made of them: how many of the items, 0: none. */
size_t write_streamed(writer *w, const item *items, size_t count);
void write_rows(writer *w, const stmt *s);
void write_over(writer *w, const stmt *s);
void write_gather(writer *w, const stmt *s);
void write_scatter(writer *w, const stmt *s);
void write_copy(writer *w, const stmt *s);
void write_pack(writer *w, const stmt *s);
void write_count(writer *w, const stmt *s);
void write_clear(writer *w, const stmt *s);
void write_zeros(writer *w, view to, shape s); /* in the row in scope */
void write_at(writer *w, const stmt *s);       /* the `at` of a gather, whose loops are open */
void write_fill_before(writer *w, const stmt *s);
/* Rows beyond the end of several values at once: how many of the items, 0: the first is none of that kind. */
size_t write_fills_after(writer *w, const item *items, size_t count);
void write_save(writer *w, const stmt *s);
/* What a value is outside of the sequence, without a boundary equation. */
const char *c_nothing(const writer *w, const stmt *s);
void write_pass(writer *w, const stmt *s);
void write_packing(writer *w, const packing *pk, const char *base);
/* Its two halves; `part`: what follows the name of a kernel. */
void write_packing_clear(writer *w, const packing *pk, const char *base);
void write_packing_pieces(writer *w, const packing *pk, const char *base, const char *part);
void write_equation(writer *w, node_id id); /* the comment above what computes a node */

/* helpers.c: see there */
void helpers_new(writer *w);
const char *helpers_text(const writer *w);
bool is_expanded(const writer *w); /* in a step of one sequence, where a call takes time that counts */
/* "static RESULT NAME REST"; returns what it is called. */
const char *helper_add(writer *w, const char *comment, const char *result, const char *name, const char *rest);
bool helper_open(writer *w, text **around); /* what is written now is a helper; false: it cannot be */
/* Writes the call into `around`. */
void helper_close(writer *w, text *around, const stmt *s, const char *comment, const char *name);

/* segments.c */
void write_segment_functions(writer *w, const program *p); /* those that the gradient calls for each segment */
void write_segments(writer *w, const region *r);           /* the loop that calls them */
void write_segment_counts(writer *w); /* how many there are, of how many steps, and which one this is */
const char *c_segments(const writer *w, bool macro);
const char *c_segment_steps(const writer *w, bool macro);
void write_segment_rows(writer *w, text *out); /* the macro that says how many rows are in memory at once */
const char *c_segment_rows(const writer *w, bool batch, int extra);

/* function.c */
void write_region(writer *w, const region *r);
void begin_body(writer *w, const region *r); /* statements of a function, into a text of their own */
void end_body(writer *w, text *to);          /* what these mention; they themselves, and the function's end */
void write_function(writer *w, const program *p);
/* A function that returns what loss `number` is divided by. */
void write_norm(writer *w, const program *p, size_t number);
void write_steps_and_batch(writer *w);            /* the constants T and batch, where they are used */
void write_weights(writer *w);                    /* the pointers to parameters, likewise */
bool has_input(const program *p, uint32_t input); /* does the program read it? */

/* memory.c */
/* Reals, in terms of T and batch (B in a macro). */
const char *c_buffer_size(const writer *w, const buffer *b, bool macro);
void write_memory(writer *w, const program *p);                             /* pointers to the buffers that are used */
const char *c_constant(const writer *w, const program *p, const buffer *b); /* what a literal is called in reports */

/* uses.c: see there */
void uses_open(writer *w); /* a text begins */
void uses_close(writer *w);
const char *c_use(const writer *w, const char *what); /* the name itself: it is used here */
bool is_used(const writer *w, const char *what);      /* and not declared */
bool uses_take(const writer *w, const char *what);    /* likewise; from here on it is declared */

/* shards.c: see there */
size_t shard_count(const emit_options *o, entry e); /* at most; 1: this entry point takes the batch as a whole */
size_t shard_rows(const emit_options *o);           /* sequences in the largest shard of the largest batch */
bool is_sharded(const writer *w, const program *p);
/* Macro body: reals of work of all shards; `batch`, steps: its arguments. */
const char *shard_work(const writer *w, const program *p);
bool shard_norm(const writer *w, int loss); /* is what a loss is divided by found from the whole batch? */
void write_shard_of(writer *w, bool draws);
/* Moves a pointer among the arguments `part` on to row `first`; rows have so many components. */
void write_advance(writer *w, const char *member, const char *first, int components);
void write_shards(writer *w, const program *p);
/* Opens a loop whose rounds are done side by side. */
void write_parallel(writer *w, const char *counter, const char *count);

/* product_blocks.c: see there */
bool has_product_blocks(const writer *w); /* products of the function that is being written */
void write_product_blocks(writer *w);     /* the functions that are used */
bool packs_in_parts(const writer *w);
void write_pack_parts(writer *w);    /* functions that pack some of the columns or rows */
void write_parallel_pack(writer *w); /* what `pack` does */

#endif
