/* onnx_proof.c: random inputs for an ONNX graph and its spec, and what the graph makes of them (onnx_eval.h).
 *
 * In: a traced graph. Out: arrays for both sides. The graph's arrays have the file's layout, the spec's are
 * (sequence, step, component). */
#include "exchange/onnx_trace.h"
#include <string.h>

static size_t stride_of(const nd *a, int dimension)
{
    size_t stride = 1;
    for (int i = dimension + 1; i < a->rank; i++) stride *= (size_t)a->dim[i];
    return stride;
}

/* A dimension of an array, or one of those that are merged in it. */
typedef struct axis {
    dim_kind kind;
    int extent;
    size_t stride;
} axis;

static int axes_of(const net_value *v, const nd *a, const onnx_proof *p, axis axes[2 * ND_MAX_RANK])
{
    int count = 0;
    for (int i = 0; i < a->rank; i++) {
        dim_kind apart[2];
        size_t stride = stride_of(a, i);
        if (!net_is_merged(v->kind[i], apart)) {
            axes[count++] = (axis){v->kind[i], a->dim[i], stride};
            continue;
        }
        int size[2] = {apart[0] == DIM_BATCH ? p->batch : p->steps, apart[1] == DIM_BATCH ? p->batch : p->steps};
        axes[count++] = (axis){apart[0], size[0], stride * (size_t)size[1]};
        axes[count++] = (axis){apart[1], size[1], stride};
    }
    return count;
}

/* Numbers of v in the order sequence, step, component. */
static double *to_rows(const onnx_net *net, const onnx_proof *p, const net_value *v, const nd *a)
{
    int rank = 0, at[2 * ND_MAX_RANK] = {0};
    axis all[2 * ND_MAX_RANK], axes[2 * ND_MAX_RANK];
    static const dim_kind kinds[] = {DIM_BATCH, DIM_TIME, DIM_PART};
    int count = axes_of(v, a, p, all);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int i = 0; i < count; i++)
            if (all[i].kind == kinds[k]) axes[rank++] = all[i];
    double *out = ARENA_ARRAY(net->arena, double, a->count + 1);
    for (size_t o = 0; o < a->count; o++) {
        size_t from = 0;
        for (int i = 0; i < rank; i++) from += (size_t)at[i] * axes[i].stride;
        out[o] = a->v[from];
        for (int i = rank; i-- > 0;) {
            if (++at[i] < axes[i].extent) break;
            at[i] = 0;
        }
    }
    return out;
}

static const char *put_lengths(const onnx_net *net, const onnx_proof *p, tensors *data)
{
    size_t n = (size_t)p->batch;
    int64_t *lengths = ARENA_ARRAY(net->arena, int64_t, n);
    for (size_t i = 0; i < n; i++) lengths[i] = p->lengths[i];
    for (size_t i = 0; net->ragged && i < net->m->inputs.len; i++) {
        const net_value *v = net_find(net, net->m->inputs.data[i].word);
        bool time = false;
        for (int k = 0; k < v->value.rank; k++) time = time || v->kind[k] == DIM_TIME;
        if (time && !tensors_add(data, arena_printf(net->arena, "%s_lengths", v->expr), DTYPE_I64, 1, &n, lengths))
            return data->error;
    }
    return NULL;
}

static const char *put_input(const onnx_net *net, const onnx_proof *p, const net_value *v, const nd *a, tensors *data)
{
    double *rows = to_rows(net, p, v, a);
    int64_t *tokens = ARENA_ARRAY(net->arena, int64_t, a->count + 1);
    size_t dims[3] = {(size_t)p->batch}, rank = 1;
    size_t parts = a->count / (size_t)p->batch;
    for (int k = 0; k < a->rank; k++)
        if (v->kind[k] == DIM_TIME) {
            dims[rank++] = (size_t)p->steps;
            parts /= (size_t)p->steps;
        }
    if (!v->token) dims[rank++] = parts;
    for (size_t k = 0; k < a->count; k++) tokens[k] = v->token ? (int64_t)rows[k] : 0;
    bool good =
        tensors_add(data, v->expr, v->token ? DTYPE_I64 : DTYPE_F64, rank, dims, v->token ? (void *)tokens : rows);
    return good ? NULL : data->error;
}

const char *onnx_inputs(const onnx_net *net, onnx_proof *p, double (*draw)(uint64_t *), uint64_t seed, tensors *data)
{
    if (!net->open_steps) p->steps = net->steps;
    if (!net->open_batch) p->batch = net->batch;
    p->inputs = ARENA_ARRAY(net->arena, nd, net->m->inputs.len + 1);
    for (size_t i = 0; i < net->m->inputs.len; i++) {
        const net_value *v = net_find(net, net->m->inputs.data[i].word);
        int dim[ND_MAX_RANK];
        for (int k = 0; k < v->value.rank; k++)
            dim[k] = v->kind[k] == DIM_TIME ? p->steps : v->kind[k] == DIM_BATCH ? p->batch : v->value.dim[k];
        nd a = nd_new(net->arena, v->value.rank, dim, v->value.integer);
        for (size_t k = 0; k < a.count; k++) {
            double x = draw(&seed);
            int token = (int)((x + 1) / 2 * net->classes[i]);
            a.v[k] = v->lengths ? p->lengths[k] : v->token ? (token < net->classes[i] ? token : 0) : x;
        }
        p->inputs[i] = a;
        const char *error = v->lengths ? NULL : put_input(net, p, v, &a, data);
        if (error) return error;
    }
    return put_lengths(net, p, data);
}

/* The values of a run, by name. */
typedef ARRAY(onnx_named) named_values;

static const nd *find(const named_values *all, const char *word)
{
    for (size_t i = all->len; i-- > 0;)
        if (strcmp(all->data[i].word, word) == 0) return &all->data[i].value;
    return NULL;
}

static const char *run_node(const onnx_net *net, const onnx_node *n, named_values *all)
{
    const nd *in[ONNX_MAX_INPUTS] = {NULL};
    nd out[ONNX_MAX_OUTPUTS] = {{0}}, copies[ONNX_MAX_INPUTS];
    for (size_t i = 0; i < n->in.len; i++) {
        const nd *found = *n->in.data[i] ? find(all, n->in.data[i]) : NULL;
        if (!found) continue;
        copies[i] = *found;
        in[i] = &copies[i];
    }
    const char *error = onnx_eval(net->arena, net->m->opset, n, in, out);
    for (size_t k = 0; k < n->out.len && k < ONNX_MAX_OUTPUTS && !error; k++)
        array_push(net->arena, all, (onnx_named){n->out.data[k], out[k]});
    return error;
}

const char *onnx_outputs(const onnx_net *net, const onnx_proof *p, double **outputs, size_t *counts)
{
    named_values all = {0};
    for (size_t i = 0; i < net->m->initializers.len; i++) array_push(net->arena, &all, net->m->initializers.data[i]);
    for (size_t i = 0; i < net->m->inputs.len; i++)
        array_push(net->arena, &all, (onnx_named){net->m->inputs.data[i].word, p->inputs[i]});
    for (size_t i = 0; i < net->m->nodes.len; i++) {
        const char *error = run_node(net, &net->m->nodes.data[i], &all);
        if (error) return error;
    }
    for (size_t i = 0; i < net->m->outputs.len; i++) {
        const nd *found = find(&all, net->m->outputs.data[i]);
        if (!found) return "an output is not computed";
        outputs[i] = to_rows(net, p, net_find(net, net->m->outputs.data[i]), found);
        counts[i] = found->count;
    }
    return NULL;
}
