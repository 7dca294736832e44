/* op.c: the table of operations, expanded from ops.def. */
#include "graph/graph.h"

const op_info op_table[OP_COUNT] = {
    [OP_none] = {"none", SOURCE, 0, 0, "none", ""},
#define POINTWISE(name, arity, precedence, notation, c, ...)                                                           \
    [OP_##name] = {#name, POINTWISE_OP, arity, precedence, notation, c},
#define OTHER(name, class, arity, notation) [OP_##name] = {#name, class, arity, 0, notation, ""},
#include "graph/ops.def"
};
