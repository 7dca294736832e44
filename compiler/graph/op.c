/* op.c: the table of operations and their values, expanded from ops.def. */
#include "graph/graph.h"
#include <math.h>

const op_info op_table[OP_COUNT] = {
    [OP_none] = {"none", SOURCE, 0, 0, "none", ""},
#define POINTWISE(name, arity, precedence, notation, c, ...)                                                           \
    [OP_##name] = {#name, POINTWISE_OP, arity, precedence, notation, c},
#define OTHER(name, class, arity, notation) [OP_##name] = {#name, class, arity, 0, notation, ""},
#include "graph/ops.def"
};

bool op_is_comparison(op o) { return op_table[o].precedence == PRECEDENCE_COMPARISON; }

bool op_is_condition(op o)
{
    int own = op_table[o].precedence;
    return (own >= PRECEDENCE_OR && own <= PRECEDENCE_COMPARISON) || o == OP_not;
}

double op_value(op o, double a, double b, double c)
{
    (void)b;
    (void)c;
    switch (o) {
/* clang-format off */
#define POINTWISE(name, arity, precedence, notation, text, value, da, db, dc) case OP_##name: return (value);
#define OTHER(name, class, arity, notation) case OP_##name:
/* clang-format on */
#include "graph/ops.def"
    case OP_none:
    case OP_COUNT: break;
    }
    BUG("%s is not pointwise", op_table[o].name);
}
