/* onnx_eval.h: the operators of ONNX, computed plainly in double from their definitions: the other side of the
 * proof. */
#ifndef EXCHANGE_ONNX_EVAL_H
#define EXCHANGE_ONNX_EVAL_H

#include "exchange/onnx_file.h"
#include "exchange/recurrent.h"

enum { ONNX_MAX_INPUTS = 16, ONNX_MAX_OUTPUTS = 16 };

/* Computes the node's outputs from its inputs (NULL: left out). Returns NULL, or what is wrong or not known. */
const char *onnx_eval(arena *a, int opset, const onnx_node *n, const nd *const *in, nd *out);

/* An RNN, GRU or LSTM as it stands in the file: one part a direction. */
typedef struct onnx_recurrent {
    int directions, layout; /* layout 1: batch first; 0: time first */
    bool reverse[2];
    recurrent part[2];
} onnx_recurrent;

/* The inputs of these operators. */
enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_P };

/* NULL, or what is wrong. in[IN_X] says the size of the input. */
const char *onnx_recurrent_of(arena *a, const onnx_node *n, const nd *const *in, onnx_recurrent *r);

/* ---- onnx_functions.c: element by element. Of one operand: is it one; what the language calls it, of `x` (NULL: it
 * has no word for it); its values, false where its attributes ask for what is not known. */
bool onnx_is_function(const char *op);
const char *onnx_function_text(arena *a, const onnx_node *n, const char *x);
bool onnx_function_values(const onnx_node *n, const nd *x, nd *out);

/* Of two operands, likewise; NULL: it is none. */
double (*onnx_binary(const char *op))(double x, double y);
const char *onnx_binary_text(arena *a, const char *op, const char *x, const char *y);

/* The other way round: the operator that is this function of the language, or NULL; the operator of these equations;
 * the word for an activation. Which of the numbers alpha and beta an activation has. */
const char *onnx_operator_of(const char *function);
const char *onnx_recurrent_operator(recurrence equations);
const char *onnx_activation(activation_kind kind);
void onnx_activation_takes(activation_kind kind, bool *alpha, bool *beta);

/* An axis as it is written, -1 the last: from 0, or -1 when it is out of range. */
int onnx_axis(int64_t axis, int rank);

/* What Clip leaves unchanged, infinite where there is no bound. Which dimensions a Reduce... goes over; false: one is
 * not there. */
void onnx_clip_bounds(const onnx_node *n, const nd *const *in, double *low, double *high);
bool onnx_reduced(arena *a, const onnx_node *n, const nd *const *in, bool named[ND_MAX_RANK]);

#define LAYER_NORM_EPSILON 1e-5 /* of a LayerNormalization that does not say it */

/* Slice: what it takes of each dimension; NULL, or what is wrong. */
typedef struct onnx_range {
    int begin, step, count;
} onnx_range;
const char *onnx_ranges(arena *a, const onnx_node *n, const nd *const *in, onnx_range ranges[ND_MAX_RANK]);

/* The whole numbers of an attribute, or of input number `k`, where newer opsets have them; false when there are
 * none. */
bool onnx_ints(arena *a, const onnx_node *n, const char *word, const nd *const *in, size_t k, int64_t **ints,
               size_t *count);

#endif
