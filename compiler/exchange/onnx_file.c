/* onnx_file.c: reads ONNX files by the schema that libonnx-dev brings, see onnx_file.h.
 *
 * In: a file. Out: the parts of its graph that rnnc reads, with every tensor converted. Without protobuf-c or the
 * schema (HAVE_ONNX) there is nothing but a message that says what is missing. */
#include "exchange/onnx_file.h"
#include <string.h>

enum { DIM_MAX = 1 << 28 };

nd nd_new(arena *a, int rank, const int *dim, bool integer)
{
    nd n = {.rank = rank, .count = 1, .integer = integer};
    for (int i = 0; i < rank; i++) {
        n.dim[i] = dim[i];
        if (dim[i] < 0 || __builtin_mul_overflow(n.count, (size_t)dim[i], &n.count) || n.count > ND_MAX_COUNT)
            n.count = SIZE_MAX / sizeof(double) - 1; /* the arena says that there is no memory for it */
    }
    n.v = ARENA_ARRAY(a, double, n.count + 1);
    return n;
}

const onnx_attribute *onnx_find(const onnx_node *n, const char *word)
{
    for (size_t i = 0; i < n->attributes.len; i++)
        if (strcmp(n->attributes.data[i].word, word) == 0) return &n->attributes.data[i];
    return NULL;
}

int64_t onnx_int(const onnx_node *n, const char *word, int64_t otherwise)
{
    const onnx_attribute *a = onnx_find(n, word);
    return a ? a->i : otherwise;
}

double onnx_float(const onnx_node *n, const char *word, double otherwise)
{
    const onnx_attribute *a = onnx_find(n, word);
    return a ? a->f : otherwise;
}

const char onnx_missing[] = "this rnnc was built without ONNX; install libprotobuf-c-dev, protobuf-c-compiler and "
                            "libonnx-dev (names of Debian's packages), then 'make deps' and 'make'";

#ifndef HAVE_ONNX

bool onnx_load(arena *a, const char *path, onnx_model *m, const char **error)
{
    (void)a;
    (void)path;
    (void)m;
    *error = onnx_missing;
    return false;
}

#else

#include "onnx/onnx.pb-c.h"
#include "train/tensor.h"
#include <stdio.h>

typedef Onnx__TensorProto tensor_proto;

typedef struct loader {
    arena *a;
    onnx_model *m;
    const char *error;
} loader;

static char *copy(loader *l, const char *s) { return arena_strndup(l->a, s ? s : "", s ? strlen(s) : 0); }

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

/* The types of ONNX that are read: the type of the raw bytes. */
static bool raw_type(int type, dtype *d)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: *d = DTYPE_F32; return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: *d = DTYPE_F64; return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16: *d = DTYPE_F16; return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16: *d = DTYPE_BF16; return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: *d = DTYPE_I64; return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32: *d = DTYPE_I32; return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: *d = DTYPE_BOOL; return true;
    default: return false; /* an int of the file, not an enum */
    }
}

static bool is_integer(dtype d) { return d == DTYPE_I64 || d == DTYPE_I32 || d == DTYPE_BOOL; }

static void fill(loader *l, nd *n, const tensor_proto *t, dtype d)
{
    size_t bytes = n->count * dtype_size(d);
    if (t->has_raw_data) {
        if (t->raw_data.len != bytes) {
            l->error = arena_printf(l->a, "the tensor '%s' has %zu bytes, expected %zu", t->name ? t->name : "",
                                    t->raw_data.len, bytes);
            return;
        }
        tensor raw = {.dtype = d, .count = n->count, .bytes = bytes, .data = arena_alloc(l->a, bytes)};
        if (bytes) memcpy(raw.data, t->raw_data.data, bytes); /* aligned for its type */
        tensor_to_double(&raw, n->v);
        return;
    }
    size_t given = d == DTYPE_F32   ? t->n_float_data
                   : d == DTYPE_F64 ? t->n_double_data
                   : d == DTYPE_I64 ? t->n_int64_data
                                    : t->n_int32_data;
    if (given != n->count || d == DTYPE_F16 || d == DTYPE_BF16) {
        l->error = arena_printf(l->a, "the tensor '%s' has %zu numbers, expected %zu", t->name ? t->name : "", given,
                                n->count);
        return;
    }
    for (size_t i = 0; i < given; i++)
        n->v[i] = d == DTYPE_F32   ? (double)t->float_data[i]
                  : d == DTYPE_F64 ? t->double_data[i]
                  : d == DTYPE_I64 ? (double)t->int64_data[i]
                                   : (double)t->int32_data[i];
}

static nd read_tensor(loader *l, const tensor_proto *t)
{
    dtype d = DTYPE_F32;
    int dim[ND_MAX_RANK] = {0};
    size_t count = 1;
    const char *word = t->name ? t->name : "";
    if (!raw_type(t->data_type, &d))
        l->error =
            arena_printf(l->a, "the tensor '%s' is of type %d of ONNX, which rnnc does not read", word, t->data_type);
    else if (t->n_external_data || (t->has_data_location && t->data_location))
        l->error = arena_printf(l->a, "the tensor '%s' lies in another file; save the model in one", word);
    else if (t->n_dims > ND_MAX_RANK)
        l->error = arena_printf(l->a, "the tensor '%s' has more than %d dimensions", word, ND_MAX_RANK);
    for (size_t i = 0; i < t->n_dims && !l->error; i++) {
        if (t->dims[i] < 0 || t->dims[i] > DIM_MAX || (t->dims[i] && count > DIM_MAX / (size_t)t->dims[i]))
            l->error = arena_printf(l->a, "the tensor '%s' is too large", word);
        else
            count *= (size_t)(dim[i] = (int)t->dims[i]);
    }
    if (l->error) return (nd){0};
    nd n = nd_new(l->a, (int)t->n_dims, dim, is_integer(d));
    fill(l, &n, t, d);
    return n;
}

/* ---- the graph --------------------------------------------------------------------------------------------------- */

static char *bytes_text(loader *l, ProtobufCBinaryData b)
{
    return arena_strndup(l->a, b.len ? (const char *)b.data : "", b.len);
}

/* Attributes that rnnc reads, by name. Another kind under one of these names would not be seen. */
static const struct {
    const char *word;
    onnx_attribute_kind kind;
} attributes[] = {
    {"activation_alpha", ATTRIBUTE_FLOATS},
    {"activation_beta", ATTRIBUTE_FLOATS},
    {"activations", ATTRIBUTE_STRINGS},
    {"allowzero", ATTRIBUTE_INT},
    {"alpha", ATTRIBUTE_FLOAT},
    {"approximate", ATTRIBUTE_STRING},
    {"axes", ATTRIBUTE_INTS},
    {"axis", ATTRIBUTE_INT},
    {"batch_axis", ATTRIBUTE_INT},
    {"beta", ATTRIBUTE_FLOAT},
    {"clip", ATTRIBUTE_FLOAT},
    {"direction", ATTRIBUTE_STRING},
    {"end", ATTRIBUTE_INT},
    {"ends", ATTRIBUTE_INTS},
    {"epsilon", ATTRIBUTE_FLOAT},
    {"gamma", ATTRIBUTE_FLOAT},
    {"hidden_size", ATTRIBUTE_INT},
    {"input_forget", ATTRIBUTE_INT},
    {"keepdims", ATTRIBUTE_INT},
    {"layout", ATTRIBUTE_INT},
    {"linear_before_reset", ATTRIBUTE_INT},
    {"max", ATTRIBUTE_FLOAT},
    {"min", ATTRIBUTE_FLOAT},
    {"noop_with_empty_axes", ATTRIBUTE_INT},
    {"num_outputs", ATTRIBUTE_INT},
    {"perm", ATTRIBUTE_INTS},
    {"split", ATTRIBUTE_INTS},
    {"start", ATTRIBUTE_INT},
    {"starts", ATTRIBUTE_INTS},
    {"time_axis", ATTRIBUTE_INT},
    {"to", ATTRIBUTE_INT},
    {"transA", ATTRIBUTE_INT},
    {"transB", ATTRIBUTE_INT},
    {"value", ATTRIBUTE_TENSOR},
    {"value_float", ATTRIBUTE_FLOAT},
    {"value_floats", ATTRIBUTE_FLOATS},
    {"value_int", ATTRIBUTE_INT},
    {"value_ints", ATTRIBUTE_INTS},
};

/* The kinds of the file; files of the first version of ONNX do not say them. */
static onnx_attribute_kind kind_of(const Onnx__AttributeProto *p)
{
    switch ((int)p->type) { /* an int of the file, not an enum */
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: return ATTRIBUTE_FLOAT;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: return ATTRIBUTE_INT;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: return ATTRIBUTE_STRING;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: return ATTRIBUTE_TENSOR;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS: return ATTRIBUTE_FLOATS;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS: return ATTRIBUTE_INTS;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS: return ATTRIBUTE_STRINGS;
    default: return ATTRIBUTE_OTHER;
    }
}

static void check_attribute(loader *l, const onnx_node *n, const Onnx__AttributeProto *p, onnx_attribute *a)
{
    static const char *const words[] = {[ATTRIBUTE_OTHER] = "of another kind",
                                        [ATTRIBUTE_FLOAT] = "a float",
                                        [ATTRIBUTE_INT] = "an int",
                                        [ATTRIBUTE_STRING] = "a string",
                                        [ATTRIBUTE_TENSOR] = "a tensor",
                                        [ATTRIBUTE_FLOATS] = "floats",
                                        [ATTRIBUTE_INTS] = "ints",
                                        [ATTRIBUTE_STRINGS] = "strings"};
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes && !l->error; i++) {
        if (strcmp(attributes[i].word, a->word) != 0) continue;
        if (p->has_type && a->kind != attributes[i].kind)
            l->error = arena_printf(l->a, "%s '%s': the attribute '%s' is %s, expected %s", n->op, n->word, a->word,
                                    words[a->kind], words[attributes[i].kind]);
        a->kind = attributes[i].kind;
    }
}

static onnx_attribute read_attribute(loader *l, const onnx_node *n, const Onnx__AttributeProto *p)
{
    onnx_attribute a = {.word = copy(l, p->name), .kind = kind_of(p), .f = (double)p->f, .i = p->i};
    check_attribute(l, n, p, &a);
    if (p->has_s) a.s = bytes_text(l, p->s);
    if (p->t) {
        a.t = ARENA_NEW(l->a, nd);
        *a.t = read_tensor(l, p->t);
    }
    for (size_t i = 0; i < p->n_ints; i++) array_push(l->a, &a.ints, p->ints[i]);
    for (size_t i = 0; i < p->n_floats; i++) array_push(l->a, &a.floats, (double)p->floats[i]);
    for (size_t i = 0; i < p->n_strings; i++) array_push(l->a, &a.strings, bytes_text(l, p->strings[i]));
    return a;
}

static void read_node(loader *l, const Onnx__NodeProto *p)
{
    onnx_node n = {.op = copy(l, p->op_type), .word = copy(l, p->name)};
    if (p->domain && *p->domain && strcmp(p->domain, "ai.onnx") != 0)
        n.op = arena_printf(l->a, "%s of %s", n.op, p->domain);
    for (size_t i = 0; i < p->n_input; i++) array_push(l->a, &n.in, copy(l, p->input[i]));
    for (size_t i = 0; i < p->n_output; i++) array_push(l->a, &n.out, copy(l, p->output[i]));
    for (size_t i = 0; i < p->n_attribute && !l->error; i++)
        array_push(l->a, &n.attributes, read_attribute(l, &n, p->attribute[i]));
    array_push(l->a, &l->m->nodes, n);
}

static bool is_initializer(const onnx_model *m, const char *word)
{
    for (size_t i = 0; i < m->initializers.len; i++)
        if (strcmp(m->initializers.data[i].word, word) == 0) return true;
    return false;
}

static void read_input(loader *l, const Onnx__ValueInfoProto *p)
{
    onnx_input in = {.word = copy(l, p->name)};
    dtype d;
    if (is_initializer(l->m, in.word)) return;
    bool is_tensor = p->type && p->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    const Onnx__TypeProto__Tensor *t = is_tensor ? p->type->tensor_type : NULL;
    if (!t || !t->shape || !raw_type(t->elem_type, &d) || t->shape->n_dim > ND_MAX_RANK) {
        l->error =
            arena_printf(l->a, "the input '%s' is no tensor of numbers with a known number of dimensions", in.word);
        return;
    }
    in.integer = is_integer(d);
    in.rank = (int)t->shape->n_dim;
    for (int i = 0; i < in.rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = t->shape->dim[i];
        bool fixed = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value > 0 &&
                     dim->dim_value <= DIM_MAX;
        in.dim[i] = fixed ? (int)dim->dim_value : -1;
    }
    array_push(l->a, &l->m->inputs, in);
}

static void read_graph(loader *l, const Onnx__ModelProto *p)
{
    const Onnx__GraphProto *g = p->graph;
    for (size_t i = 0; i < p->n_opset_import; i++)
        if (!p->opset_import[i]->domain || !*p->opset_import[i]->domain) l->m->opset = (int)p->opset_import[i]->version;
    for (size_t i = 0; i < g->n_initializer && !l->error; i++) {
        onnx_named n = {copy(l, g->initializer[i]->name), read_tensor(l, g->initializer[i])};
        array_push(l->a, &l->m->initializers, n);
    }
    for (size_t i = 0; i < g->n_input && !l->error; i++) read_input(l, g->input[i]);
    for (size_t i = 0; i < g->n_node && !l->error; i++) read_node(l, g->node[i]);
    for (size_t i = 0; i < g->n_output; i++) array_push(l->a, &l->m->outputs, copy(l, g->output[i]->name));
}

static uint8_t *read_bytes(arena *a, const char *path, size_t *length)
{
    FILE *f = fopen(path, "rb");
    ARRAY(uint8_t) bytes = {0};
    uint8_t block[1 << 16];
    size_t n;
    if (!f) return NULL;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        while (bytes.cap < bytes.len + n) bytes.data = array_grow(a, bytes.data, &bytes.cap, 1);
        memcpy(bytes.data + bytes.len, block, n);
        bytes.len += n;
    }
    bool failed = ferror(f);
    fclose(f);
    *length = bytes.len;
    return failed || !bytes.len ? NULL : bytes.data;
}

bool onnx_load(arena *a, const char *path, onnx_model *m, const char **error)
{
    size_t length;
    loader l = {.a = a, .m = m};
    *m = (onnx_model){.path = path};
    const uint8_t *bytes = read_bytes(a, path, &length);
    Onnx__ModelProto *p = bytes ? onnx__model_proto__unpack(NULL, length, bytes) : NULL;
    if (!p || !p->graph)
        l.error = "it is no ONNX file";
    else
        read_graph(&l, p);
    if (p) onnx__model_proto__free_unpacked(p, NULL);
    *error = l.error;
    return !l.error;
}

#endif
