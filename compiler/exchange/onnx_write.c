/* onnx_write.c: writes an ONNX file: the parts of a graph that onnx_export.c makes.
 *
 * In: plain structures (onnx_file.h). Out: a file, or what is wrong. The structures of protobuf-c are made on the
 * arena, and their text is copied, since they want it writable. */
#include "exchange/onnx_file.h"

#ifndef HAVE_ONNX

bool onnx_save(arena *a, const char *path, const onnx_model *m, const char **error)
{
    (void)a;
    (void)path;
    (void)m;
    *error = onnx_missing;
    return false;
}

#else

#include "onnx/onnx.pb-c.h"
#include "train/atomic.h"
#include <string.h>

enum { IR_VERSION = 7 };

static char *own(arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

static ProtobufCBinaryData bytes_of(arena *a, const char *s)
{
    return (ProtobufCBinaryData){strlen(s), (uint8_t *)own(a, s)};
}

static Onnx__TensorProto *make_tensor(arena *a, const onnx_named *n)
{
    Onnx__TensorProto *t = ARENA_NEW(a, Onnx__TensorProto);
    onnx__tensor_proto__init(t);
    t->name = own(a, n->word);
    t->n_dims = (size_t)n->value.rank;
    t->dims = ARENA_ARRAY(a, int64_t, t->n_dims + 1);
    for (size_t i = 0; i < t->n_dims; i++) t->dims[i] = n->value.dim[i];
    t->has_data_type = true;
    t->data_type = n->value.integer ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    t->n_float_data = n->value.integer ? 0 : n->value.count;
    t->n_int64_data = n->value.integer ? n->value.count : 0;
    t->float_data = ARENA_ARRAY(a, float, t->n_float_data + 1);
    t->int64_data = ARENA_ARRAY(a, int64_t, t->n_int64_data + 1);
    for (size_t i = 0; i < t->n_float_data; i++) t->float_data[i] = (float)n->value.v[i];
    for (size_t i = 0; i < t->n_int64_data; i++) t->int64_data[i] = (int64_t)n->value.v[i];
    return t;
}

static Onnx__TensorShapeProto__Dimension *make_dimension(arena *a, int size)
{
    Onnx__TensorShapeProto__Dimension *dim = ARENA_NEW(a, Onnx__TensorShapeProto__Dimension);
    onnx__tensor_shape_proto__dimension__init(dim);
    if (size < 0) {
        dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        dim->dim_param = own(a, size == DIM_ANY_STEPS ? "T" : "B");
    } else {
        dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dim->dim_value = size;
    }
    return dim;
}

static Onnx__ValueInfoProto *make_info(arena *a, const onnx_input *in)
{
    Onnx__ValueInfoProto *p = ARENA_NEW(a, Onnx__ValueInfoProto);
    Onnx__TypeProto__Tensor *t = ARENA_NEW(a, Onnx__TypeProto__Tensor);
    onnx__value_info_proto__init(p);
    onnx__type_proto__tensor__init(t);
    p->name = own(a, in->word);
    p->type = ARENA_NEW(a, Onnx__TypeProto);
    onnx__type_proto__init(p->type);
    p->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    p->type->tensor_type = t;
    t->has_elem_type = true;
    t->elem_type = in->narrow    ? ONNX__TENSOR_PROTO__DATA_TYPE__INT32
                   : in->integer ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
                                 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    t->shape = ARENA_NEW(a, Onnx__TensorShapeProto);
    onnx__tensor_shape_proto__init(t->shape);
    t->shape->n_dim = (size_t)in->rank;
    t->shape->dim = ARENA_ARRAY(a, Onnx__TensorShapeProto__Dimension *, t->shape->n_dim + 1);
    for (int i = 0; i < in->rank; i++) t->shape->dim[i] = make_dimension(a, in->dim[i]);
    return p;
}

static Onnx__AttributeProto *make_attribute(arena *a, const onnx_attribute *from)
{
    Onnx__AttributeProto *p = ARENA_NEW(a, Onnx__AttributeProto);
    onnx__attribute_proto__init(p);
    p->name = own(a, from->word);
    p->has_type = true;
    switch (from->kind) {
    case ATTRIBUTE_FLOAT:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        p->has_f = true;
        p->f = (float)from->f;
        break;
    case ATTRIBUTE_INT:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        p->has_i = true;
        p->i = from->i;
        break;
    case ATTRIBUTE_STRING:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        p->has_s = true;
        p->s = bytes_of(a, from->s);
        break;
    case ATTRIBUTE_FLOATS:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        p->n_floats = from->floats.len;
        p->floats = ARENA_ARRAY(a, float, p->n_floats);
        for (size_t i = 0; i < p->n_floats; i++) p->floats[i] = (float)from->floats.data[i];
        break;
    case ATTRIBUTE_STRINGS:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
        p->n_strings = from->strings.len;
        p->strings = ARENA_ARRAY(a, ProtobufCBinaryData, p->n_strings);
        for (size_t i = 0; i < p->n_strings; i++) p->strings[i] = bytes_of(a, from->strings.data[i]);
        break;
    case ATTRIBUTE_INTS:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        p->n_ints = from->ints.len;
        p->ints = ARENA_ARRAY(a, int64_t, p->n_ints + 1);
        for (size_t i = 0; i < p->n_ints; i++) p->ints[i] = from->ints.data[i];
        break;
    case ATTRIBUTE_TENSOR:
    case ATTRIBUTE_OTHER: BUG("an attribute of a kind that onnx_export.c does not make");
    }
    return p;
}

static Onnx__NodeProto *make_node(arena *a, const onnx_node *n)
{
    Onnx__NodeProto *p = ARENA_NEW(a, Onnx__NodeProto);
    onnx__node_proto__init(p);
    p->op_type = own(a, n->op);
    p->name = own(a, n->word);
    p->n_input = n->in.len;
    p->n_output = n->out.len;
    p->n_attribute = n->attributes.len;
    p->input = ARENA_ARRAY(a, char *, p->n_input + 1);
    p->output = ARENA_ARRAY(a, char *, p->n_output + 1);
    p->attribute = ARENA_ARRAY(a, Onnx__AttributeProto *, p->n_attribute + 1);
    for (size_t i = 0; i < p->n_input; i++) p->input[i] = own(a, n->in.data[i]);
    for (size_t i = 0; i < p->n_output; i++) p->output[i] = own(a, n->out.data[i]);
    for (size_t i = 0; i < p->n_attribute; i++) p->attribute[i] = make_attribute(a, &n->attributes.data[i]);
    return p;
}

static Onnx__GraphProto *make_graph(arena *a, const onnx_model *m)
{
    Onnx__GraphProto *g = ARENA_NEW(a, Onnx__GraphProto);
    onnx__graph_proto__init(g);
    g->name = own(a, "model");
    g->n_node = m->nodes.len;
    g->n_initializer = m->initializers.len;
    g->n_input = m->inputs.len;
    g->n_output = m->results.len;
    g->node = ARENA_ARRAY(a, Onnx__NodeProto *, g->n_node + 1);
    g->initializer = ARENA_ARRAY(a, Onnx__TensorProto *, g->n_initializer + 1);
    g->input = ARENA_ARRAY(a, Onnx__ValueInfoProto *, g->n_input + 1);
    g->output = ARENA_ARRAY(a, Onnx__ValueInfoProto *, g->n_output + 1);
    for (size_t i = 0; i < g->n_node; i++) g->node[i] = make_node(a, &m->nodes.data[i]);
    for (size_t i = 0; i < g->n_initializer; i++) g->initializer[i] = make_tensor(a, &m->initializers.data[i]);
    for (size_t i = 0; i < g->n_input; i++) g->input[i] = make_info(a, &m->inputs.data[i]);
    for (size_t i = 0; i < g->n_output; i++) g->output[i] = make_info(a, &m->results.data[i]);
    return g;
}

bool onnx_save(arena *a, const char *path, const onnx_model *m, const char **error)
{
    Onnx__ModelProto p;
    Onnx__OperatorSetIdProto opset, *opsets = &opset;
    onnx__model_proto__init(&p);
    onnx__operator_set_id_proto__init(&opset);
    opset.domain = own(a, "");
    opset.has_version = true;
    opset.version = m->opset;
    p.has_ir_version = true;
    p.ir_version = IR_VERSION;
    p.producer_name = own(a, "rnnc");
    p.n_opset_import = 1;
    p.opset_import = &opsets;
    p.graph = make_graph(a, m);
    size_t length = onnx__model_proto__get_packed_size(&p);
    uint8_t *bytes = arena_alloc(a, length + 1);
    onnx__model_proto__pack(&p, bytes);
    atomic_file f;
    atomic_begin(&f, path);
    atomic_write(&f, bytes, length);
    int failed = atomic_commit(&f);
    if (failed) *error = arena_printf(a, "cannot be written: %s", strerror(failed));
    return !failed;
}

#endif
