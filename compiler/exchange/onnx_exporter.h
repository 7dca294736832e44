/* onnx_exporter.h: what the files share that write a model as an ONNX graph; none but them includes it. */
#ifndef EXCHANGE_ONNX_EXPORTER_H
#define EXCHANGE_ONNX_EXPORTER_H

#include "exchange/onnx_export.h"

typedef struct exporter {
    arena *a;
    const model *m;
    const tensors *weights;
    onnx_model *out;
    const char *error;
    foreigns foreigns;
    const char **word; /* of each variable: its value in the graph; NULL: none yet */
    bool *needed;
    const model_instance **node; /* of each variable: the call whose result it is and that becomes a node */
    size_t *made;                /* of each variable with a node: its number in out->nodes */
    const char *lengths;         /* the input with the sequences' numbers of steps; NULL: all run to the end */
    int words;
} exporter;

static inline const model_variable *exporter_variable(const exporter *x, uint32_t v)
{
    return &x->m->variables.data[v];
}

/* ---- onnx_export.c: the first fault is kept, and a fault is ""; what there is no operator for. */
const char *exporter_fail(exporter *x, const char *what);
const char *exporter_unknown(exporter *x, const char *what);

/* A new node without operands; one of two operands (second NULL: one) and one result, which is returned; an attribute
 * of the last node. */
onnx_node *exporter_node(exporter *x, const char *op);
const char *exporter_apply(exporter *x, const char *op, const char *first, const char *second);
void exporter_set(exporter *x, const onnx_attribute *attribute);
void exporter_set_int(exporter *x, const char *word, int64_t value);

/* Constants: an array, a whole number (rank 0) or a list of one (rank 1). */
const char *exporter_constant(exporter *x, const char *word, int rank, const int *dim, const double *v, bool integer);
const char *exporter_index(exporter *x, int rank, int value);

const char *exporter_number(exporter *x, double value);
const char *exporter_fresh(exporter *x, const char *op); /* a new word */

/* The value of a variable that has been reached, or of a parameter; a parameter, or its transpose, as an initializer; of
 * an expression. */
const char *exporter_read(exporter *x, uint32_t v);
const char *exporter_parameter(exporter *x, uint32_t v, bool transposed);
const char *exporter_translate(exporter *x, const model_expr *e);

/* ---- onnx_export_calls.c: the value of a call. */
const char *exporter_call(exporter *x, const model_expr *e);

/* ---- onnx_export_cells.c: whether the call of a cell becomes a node; the node; result v of one at the step at which
 * its direction ends. */
bool exporter_has_operator(const exporter *x, const model_instance *s);
void exporter_recurrent(exporter *x, const model_instance *s);
const char *exporter_state(exporter *x, uint32_t v);

#endif
