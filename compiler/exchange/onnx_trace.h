/* onnx_trace.h: what the files share that trace a graph; none but them includes it. */
#ifndef EXCHANGE_ONNX_TRACE_H
#define EXCHANGE_ONNX_TRACE_H

#include "exchange/onnx_net.h"

/* What a node works on: its operands, and what it gives, with its shape. */
typedef struct node_task {
    onnx_net *net;
    const onnx_node *n;
    net_value *in[ONNX_MAX_INPUTS];
    const nd *nds[ONNX_MAX_INPUTS];
    nd *out;
    net_value made[ONNX_MAX_OUTPUTS];
} node_task;

/* ---- onnx_net.c: the first fault is kept; a new variable, called like the operator; one with this right side. */
void net_fail(onnx_net *net, const onnx_node *n, const char *what);
const char *net_new_word(onnx_net *net, const onnx_node *n);
const char *net_equation(onnx_net *net, const onnx_node *n, const char *right);
void net_add_value(onnx_net *net, net_value v); /* in place of an earlier one of its word */
void net_add_tensor(onnx_net *net, const char *path, const char *own, shape s, const double *values);

/* The product of the parts; the dimension of this kind, or -1; the only part that is not 1 long, -1: there is none, -2:
 * several. */
int net_components(const net_value *v);
int net_find_kind(const net_value *v, dim_kind kind);
int net_one_part(const net_value *v);

/* Is it batch and time in one, and which of them is first? */
bool net_is_merged(dim_kind kind, dim_kind apart[2]);

/* ---- onnx_trace_moves.c */
void net_trace_transpose(node_task *t);
void net_trace_reshape(node_task *t);
void net_trace_squeeze(node_task *t);
void net_trace_unsqueeze(node_task *t);
void net_trace_same(node_task *t);
void net_trace_expand(node_task *t);
void net_trace_reverse(node_task *t);
void net_trace_gather(node_task *t);
void net_trace_slice(node_task *t);
void net_trace_split(node_task *t);
void net_trace_concat(node_task *t);

/* ---- onnx_trace.c */
void net_trace_node(onnx_net *net, const onnx_node *n);

/* ---- onnx_cells.c: RNN, GRU, LSTM */
void net_trace_recurrent(node_task *t);

#endif
