/* onnx_operators.h: what the files share that compute operators; none but them includes it. */
#ifndef EXCHANGE_ONNX_OPERATORS_H
#define EXCHANGE_ONNX_OPERATORS_H

#include "exchange/onnx_eval.h"

/* What an operator works on. */
typedef struct eval_task {
    arena *a;
    int opset;
    const onnx_node *n;
    const nd *const *in;
    nd *out;
} eval_task;
typedef const char *operation(const eval_task *t); /* NULL, or what is wrong */

/* ---- onnx_eval.c: the message names the node. Advances an index over the dimensions of n; false after the last. */
const char *eval_fault(const eval_task *t, const char *what);
bool eval_next(const nd *n, int *at);
size_t eval_offset(const nd *n, const int *at);

/* The element of n that index `at` of the broadcast shape of `rank` dimensions means; that shape, false when the
 * arrays do not fit. */
double eval_stretched(const nd *n, const int *at, int rank);
bool eval_broadcast(const nd *a, const nd *b, int *rank, int *dim);

/* ---- onnx_eval_shapes.c */
operation eval_shape, eval_size, eval_constant, eval_constant_of_shape, eval_range, eval_reshape, eval_flatten,
    eval_squeeze, eval_unsqueeze, eval_transpose, eval_expand, eval_tile, eval_concat, eval_split, eval_gather,
    eval_slice, eval_reverse;

#endif
