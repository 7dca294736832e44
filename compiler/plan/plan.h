/* plan.h: graph to program: what is computed together, in which loops and where it is kept. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/text.h"
#include "plan/program.h"

/* `inference` is the graph of `forward`: it decides whether state can be carried. */
pool *plan_pool_new(arena *a, const graph *inference);
size_t plan_packed_size(int K, int N);         /* reals of a packed matrix */
size_t plan_packed_index(int k, int n, int K); /* where component (k, n) of one of K rows lies */

size_t plan_table_size(int K, int N); /* reals of a table */

/* Plans the roots of a compacted, verified graph with named parts. The graph must outlive the program. */
program *plan_program(arena *a, graph *g, entry e, pool *shared);

const char *entry_name(entry e); /* "step", and so on */

/* What a node is called in programs: its label or, without one, after its equation and operation: "h.matmul". */
const char *plan_label(const graph *g, arena *a, node_id id);

/* Does the node, which varies over the axis, depend on later steps of it, or on how many there are? */
bool plan_reads_ahead(const graph *g, node_id root, int axis);

/* Can the gradient not be computed in segments of its steps? The reading at an earlier step, or the sum over steps,
 * that the way back would have to know before it begins; NO_NODE: it can. For a compacted graph of one time axis with
 * adjoints. */
node_id plan_segments_forbid(graph *g);

/* Steps of a segment where a call has so many sequences; 0: there are no segments. */
int plan_segment_steps(const program *p, int batch);

node_id plan_summed(const node *n); /* what a sum or scatter adds up */

/* May shards of a batch compute it, each some of the sequences? Not where what a loss is divided by moves with
 * parameters or inputs, or is drawn: then the gradient of one sequence depends on the others. */
bool plan_splits(const graph *g);

/* The number of the buffer that has the memory of the view. */
int plan_memory(const program *p, view v);

void plan_print(text *out, const program *p); /* explain --stage program */

/* Is a product with a matrix of so many numbers expanded where it stands instead of called? Small ones are: neither a
 * call nor the kernel's many tiles, which take compilers longer than the rest. With one sequence there are no rows to
 * share the reading of a matrix between, so more products are small. */
bool plan_is_small(int numbers, bool one_row);

/* Why the model has no `step` and cannot carry state from chunk to chunk: the node that reads a later step, or NO_NODE
 * when every value depends on earlier steps only. Several time axes forbid it, too: then *axes_forbid is set, whatever
 * the node. */
node_id plan_reads_later(const graph *g, bool *axes_forbid);

#endif
