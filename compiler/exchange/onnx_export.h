/* onnx_export.h: a checked model with its weights as an ONNX graph. */
#ifndef EXCHANGE_ONNX_EXPORT_H
#define EXCHANGE_ONNX_EXPORT_H

#include "exchange/maps.h"
#include "exchange/onnx_file.h"

/* The graph that computes the outputs which depend on no target: inputs are [T, B, ...] or [B, ...], numbers have a
 * last dimension of 1. lengths: sequences have lengths of their own, which are an input, NAME_lengths. NULL, or what
 * ONNX has no operator for. */
const char *onnx_export(arena *a, const model *m, const tensors *weights, bool lengths, onnx_model *out);

#endif
