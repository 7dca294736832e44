/* rnn.h: what generated C includes when it is not standalone: the kernels for its type, and the error codes.
 *
 * The including file says which type it computes with, before anything else:
 *     typedef float real;           or double
 *     #define REAL_IS_DOUBLE 0      or 1
 * With -DRNN_USE_LIBRARY the products and the functions of rows are those of librnn.a, built for several instruction
 * sets, instead of static functions: what a compiler that does not optimise should call. */
#ifndef RUNTIME_RNN_H
#define RUNTIME_RNN_H

#include "kernels/codes.h"
#include "kernels/inline.h"
#include "kernels/compiler.h"
#include "kernels/functions.h"
#include "kernels/contract.h"
#ifdef MATRIX_BITS
#include "kernels/integers.h"
#include "kernels/scaled.h"
#endif
#include "kernels/stream.h"
#include "kernels/outer.h"
#include "kernels/pack.h"
#include "kernels/rows.h"
#include "kernels/lookup.h"
#include "kernels/random.h"
#include "kernels/init.h"

#ifdef RNN_USE_LIBRARY
#if REAL_IS_DOUBLE
#define RNN_LIBRARY(name) rnn_f64_##name
#else
#define RNN_LIBRARY(name) rnn_f32_##name
#endif
#ifdef __cplusplus
extern "C" {
#endif
#define KERNEL(name, parameters, arguments) void RNN_LIBRARY(name) parameters;
#define KERNEL_REAL(name, parameters, arguments) real RNN_LIBRARY(name) parameters;
#include "kernels/kernels.def"
#undef KERNEL
#undef KERNEL_REAL
#ifdef __cplusplus
}
#endif
#define contract RNN_LIBRARY(contract)
#define outer RNN_LIBRARY(outer)
#define pack_matrix RNN_LIBRARY(pack_matrix)
#define row_softmax RNN_LIBRARY(row_softmax)
#define row_softmax_logsumexp RNN_LIBRARY(row_softmax_logsumexp)
#define row_max RNN_LIBRARY(row_max)
#define row_sum RNN_LIBRARY(row_sum)
#define row_logsumexp RNN_LIBRARY(row_logsumexp)
#endif

#endif
