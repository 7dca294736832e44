/* onnx_file.h: an ONNX model as plain structures.
 *
 * Tensors are row-major arrays of doubles, whole numbers too. Names are those of the file; "" is a value that is left
 * out. */
#ifndef EXCHANGE_ONNX_FILE_H
#define EXCHANGE_ONNX_FILE_H

#include "base/array.h"
#include <stdbool.h>
#include <stdint.h>

enum { ND_MAX_RANK = 8, ND_MAX_COUNT = 1 << 28 };

typedef struct nd {
    int rank, dim[ND_MAX_RANK];
    size_t count;
    double *v;
    bool integer;
} nd;
nd nd_new(arena *a, int rank, const int *dim, bool integer); /* zeros */

typedef enum onnx_attribute_kind {
    ATTRIBUTE_OTHER,
    ATTRIBUTE_FLOAT,
    ATTRIBUTE_INT,
    ATTRIBUTE_STRING,
    ATTRIBUTE_TENSOR,
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_INTS,
    ATTRIBUTE_STRINGS,
} onnx_attribute_kind;

typedef struct onnx_attribute {
    const char *word;
    onnx_attribute_kind kind; /* the member that counts */
    double f;
    int64_t i;
    const char *s; /* NULL: none */
    nd *t;         /* NULL: none */
    ARRAY(int64_t) ints;
    ARRAY(double) floats;
    ARRAY(const char *) strings;
} onnx_attribute;

typedef struct onnx_node {
    const char *op, *word;
    ARRAY(const char *) in;
    ARRAY(const char *) out;
    ARRAY(onnx_attribute) attributes;
} onnx_node;

typedef struct onnx_named {
    const char *word;
    nd value;
} onnx_named;

typedef struct onnx_input {
    const char *word;
    bool integer, narrow;       /* narrow, of a model that is written: whole numbers of 32 bits, not 64 */
    int rank, dim[ND_MAX_RANK]; /* -1: any */
} onnx_input;

typedef struct onnx_model {
    const char *path;
    int opset;
    ARRAY(onnx_node) nodes; /* each after those that it reads */
    ARRAY(onnx_named) initializers;
    ARRAY(onnx_input) inputs; /* initializers are none */
    ARRAY(const char *) outputs;
    ARRAY(onnx_input) results; /* of a model that is written: its outputs with their shapes */
} onnx_model;

/* The numbers of types in ONNX, as a Cast has them. */
enum { ONNX_TYPE_FLOAT = 1, ONNX_TYPE_INT64 = 7, ONNX_TYPE_BOOL = 9 };

/* Dimensions of a model that is written: of any size, called T or B. */
enum { DIM_ANY_STEPS = -1, DIM_ANY_BATCH = -2 };

/* Writes a file, whole or not at all: initializers as float, or as whole numbers of 64 bits. False: *error says why. */
bool onnx_save(arena *a, const char *path, const onnx_model *m, const char **error);

/* What is said where protobuf-c or the schema was not there when rnnc was built. */
extern const char onnx_missing[];

/* Reads a file. False: *error says why. */
bool onnx_load(arena *a, const char *path, onnx_model *m, const char **error);

const onnx_attribute *onnx_find(const onnx_node *n, const char *word);
int64_t onnx_int(const onnx_node *n, const char *word, int64_t otherwise);
double onnx_float(const onnx_node *n, const char *word, double otherwise);

#endif
