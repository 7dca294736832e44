/* onednn.c: recurrent layers of oneDNN as a contestant of bench.py, which compiles this once for each oneDNN that it
 * finds (2.6 and later; the two ways in which its C interface makes primitives are hidden behind three macros).
 *
 * In:  shapes of a stack of layers; weights in the plain formats ldigo and ldgo, written into onednn_array.
 * Out: outputs and gradients in arrays of the same kind; the seconds of the processor for some repetitions.
 *
 * oneDNN chooses the formats that it likes best for the weights. In training the weights change with every step, so
 * bringing them into these formats is part of the step. Gradients are added up by oneDNN, so clearing them is, too. */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_PIECES = 4, MAX_REORDERS = 12, RING = 64 }; /* RING: steps of data that streaming goes around in */
typedef enum cell { CELL_RNN, CELL_LSTM, CELL_LSTM_PEEPHOLE, CELL_GRU_BEFORE, CELL_GRU } cell;

/* What a primitive reads and writes. The gradient of each has the number of its argument plus DIFF. */
typedef enum role { SRC, SRC_H, SRC_C, W_LAYER, W_ITER, W_PEEPHOLE, BIAS, DST, DST_H, DST_C, ROLES } role;
static const int arguments[ROLES] = {
    DNNL_ARG_SRC_LAYER,        DNNL_ARG_SRC_ITER, DNNL_ARG_SRC_ITER_C, DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_WEIGHTS_ITER,
    DNNL_ARG_WEIGHTS_PEEPHOLE, DNNL_ARG_BIAS,     DNNL_ARG_DST_LAYER,  DNNL_ARG_DST_ITER,      DNNL_ARG_DST_ITER_C,
};
enum { DIFF = DNNL_ARG_DIFF_SRC_LAYER - DNNL_ARG_SRC_LAYER };

typedef struct shape {
    int cell, layers, directions, inputs, units;
} shape;

/* ---- two versions of one interface ------------------------------------------------------------------------------- */

#if DNNL_VERSION_MAJOR < 3
typedef const dnnl_memory_desc_t *format;
#define LSTM(pass, ...) dnnl_lstm_##pass##_desc_init_v3(&op, kind, way, __VA_ARGS__, 0)
#define GRU(cell, pass, ...) dnnl_##cell##_##pass##_desc_init(&op, kind, way, __VA_ARGS__, 0)
#define RNN(pass, ...) dnnl_vanilla_rnn_##pass##_desc_init(&op, kind, dnnl_eltwise_tanh, way, __VA_ARGS__, 0, 0, 0)
#else
typedef const_dnnl_memory_desc_t format;
#define HINT_forward
#define HINT_backward hint,
#define LSTM(pass, ...)                                                                                                \
    dnnl_lstm_##pass##_primitive_desc_create(&made, engine, kind, way, __VA_ARGS__, 0, HINT_##pass NULL)
#define GRU(cell, pass, ...)                                                                                           \
    dnnl_##cell##_##pass##_primitive_desc_create(&made, engine, kind, way, __VA_ARGS__, 0, HINT_##pass NULL)
#define RNN(pass, ...)                                                                                                 \
    dnnl_vanilla_rnn_##pass##_primitive_desc_create(&made, engine, kind, dnnl_eltwise_tanh, way, __VA_ARGS__, 0, 0, 0, \
                                                    HINT_##pass NULL)
#endif
#define STATES_2(m)                                                                                                    \
    m[SRC], m[SRC_H], m[SRC_C], m[W_LAYER], m[W_ITER], m[W_PEEPHOLE], NULL, m[BIAS], m[DST], m[DST_H], m[DST_C]
#define STATES_1(m) m[SRC], m[SRC_H], m[W_LAYER], m[W_ITER], m[BIAS], m[DST], m[DST_H]

static void must(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success) return;
    fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
    exit(3);
}

static format describe(int rank, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
#if DNNL_VERSION_MAJOR < 3
    dnnl_memory_desc_t *made = malloc(sizeof *made);
    if (!made) exit(3);
    must(dnnl_memory_desc_init_by_tag(made, rank, dims, dnnl_f32, tag), "memory_desc");
#else
    dnnl_memory_desc_t made;
    must(dnnl_memory_desc_create_with_tag(&made, rank, dims, dnnl_f32, tag), "memory_desc");
#endif
    return made;
}

/* hint: the forward primitive of a backward one, otherwise NULL. diff: formats of the gradients, read with a hint. */
static dnnl_primitive_desc_t choose(dnnl_engine_t engine, const shape *s, dnnl_prop_kind_t kind, const format m[ROLES],
                                    const format diff[ROLES], const_dnnl_primitive_desc_t hint)
{
    const dnnl_rnn_direction_t way = s->directions == 2 ? dnnl_bidirectional_concat : dnnl_unidirectional_left2right;
    dnnl_primitive_desc_t made = NULL;
    dnnl_status_t status = dnnl_invalid_arguments;
#if DNNL_VERSION_MAJOR < 3
    dnnl_rnn_desc_t op;
#endif
    switch ((cell)s->cell) {
    case CELL_RNN: status = hint ? RNN(backward, STATES_1(m), STATES_1(diff)) : RNN(forward, STATES_1(m)); break;
    case CELL_LSTM:
    case CELL_LSTM_PEEPHOLE:
        status = hint ? LSTM(backward, STATES_2(m), STATES_2(diff)) : LSTM(forward, STATES_2(m));
        break;
    case CELL_GRU_BEFORE:
        status = hint ? GRU(gru, backward, STATES_1(m), STATES_1(diff)) : GRU(gru, forward, STATES_1(m));
        break;
    case CELL_GRU:
        status = hint ? GRU(lbr_gru, backward, STATES_1(m), STATES_1(diff)) : GRU(lbr_gru, forward, STATES_1(m));
        break;
    }
    must(status, hint ? "no backward primitive for this shape" : "no forward primitive for this shape");
#if DNNL_VERSION_MAJOR < 3
    must(dnnl_primitive_desc_create(&made, &op, NULL, engine, hint), "primitive_desc");
#endif
    return made;
}

/* ---- a stack of layers ------------------------------------------------------------------------------------------- */

typedef struct reorder {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[2];
} reorder;

typedef struct pass {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[2 * ROLES + 1];
    int count;
} pass;

typedef struct piece { /* one primitive: layers of one kind */
    shape shape;
    size_t sizes[ROLES];
    float *plain[ROLES], *diff[ROLES];
    format formats[ROLES];
    pass forward[2], backward; /* forward[1]: with the states exchanged, for every other step of streaming */
} piece;

typedef struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int training, streaming, count, T, B, reorders;
    size_t step;
    piece pieces[MAX_PIECES];
    reorder reorder[MAX_REORDERS];
    float *x, *h; /* streaming: RING steps of input and output */
} onednn;

static float *floats(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    if (!x) exit(3);
    memset(x, 0, n * sizeof *x);
    return x;
}

static dnnl_memory_t memory(onednn *net, format md, void *data)
{
    dnnl_memory_t made;
    must(dnnl_memory_create(&made, md, net->engine, data), "memory");
    return made;
}

static void add(pass *p, int argument, dnnl_memory_t data)
{
    p->args[p->count].arg = argument;
    p->args[p->count++].memory = data;
}

/* The plain weights in the format that a primitive asks for: themselves, or a copy that net->reorder renews. */
static dnnl_memory_t weights(onednn *net, piece *p, role r, const_dnnl_primitive_desc_t chosen)
{
    const format wanted = dnnl_primitive_desc_query_md(chosen, dnnl_query_exec_arg_md, arguments[r]);
    dnnl_memory_t plain = memory(net, p->formats[r], p->plain[r]);
    if (dnnl_memory_desc_equal(wanted, p->formats[r])) return plain;
    dnnl_memory_t copy = memory(net, wanted, floats(dnnl_memory_desc_get_size(wanted) / sizeof(float) + 1));
    dnnl_primitive_desc_t made;
    reorder *re = &net->reorder[net->reorders++];
    must(dnnl_reorder_primitive_desc_create(&made, p->formats[r], net->engine, wanted, net->engine, NULL), "reorder");
    must(dnnl_primitive_create(&re->primitive, made), "reorder");
    re->args[0].arg = DNNL_ARG_FROM, re->args[0].memory = plain;
    re->args[1].arg = DNNL_ARG_TO, re->args[1].memory = copy;
    return copy;
}

static int is_weight(role r) { return r == W_LAYER || r == W_ITER; }

static void shapes(onednn *net, piece *p)
{
    const shape *s = &p->shape;
    static const int gates_of[] = {1, 4, 4, 3, 3};
    const int gates = gates_of[s->cell], biases = s->cell == CELL_GRU ? 4 : gates;
    const int two = s->cell == CELL_LSTM || s->cell == CELL_LSTM_PEEPHOLE;
    const dnnl_dim_t L = s->layers, D = s->directions, I = s->inputs, H = s->units, T = net->T, B = net->B;
    /* The first states are given, as zeros: without them 2.6 computes wrong gradients of W_ITER. */
    const struct {
        int used, rank;
        dnnl_dims_t dims;
        dnnl_format_tag_t tag;
    } table[ROLES] = {
        [SRC] = {1, 3, {T, B, I}, dnnl_tnc},
        [DST] = {1, 3, {T, B, D * H}, dnnl_tnc},
        [SRC_H] = {1, 4, {L, D, B, H}, dnnl_ldnc},
        [SRC_C] = {two, 4, {L, D, B, H}, dnnl_ldnc},
        [DST_H] = {net->streaming, 4, {L, D, B, H}, dnnl_ldnc},
        [DST_C] = {net->streaming && two, 4, {L, D, B, H}, dnnl_ldnc},
        [W_LAYER] = {1, 5, {L, D, I, gates, H}, dnnl_ldigo},
        [W_ITER] = {1, 5, {L, D, H, gates, H}, dnnl_ldigo},
        [W_PEEPHOLE] = {s->cell == CELL_LSTM_PEEPHOLE, 4, {L, D, 3, H}, dnnl_ldgo},
        [BIAS] = {1, 4, {L, D, biases, H}, dnnl_ldgo},
    };
    format any[ROLES] = {0};
    for (int r = 0; r < ROLES; r++) {
        if (!table[r].used) continue;
        p->sizes[r] = 1;
        for (int i = 0; i < table[r].rank; i++) p->sizes[r] *= (size_t)table[r].dims[i];
        p->formats[r] = describe(table[r].rank, table[r].dims, table[r].tag);
        any[r] = is_weight((role)r) ? describe(table[r].rank, table[r].dims, dnnl_format_tag_any) : p->formats[r];
        if (!p->plain[r]) p->plain[r] = floats(p->sizes[r]);
        if (net->training) p->diff[r] = floats(p->sizes[r]);
    }

    const dnnl_prop_kind_t kind = net->training ? dnnl_forward_training : dnnl_forward_inference;
    dnnl_primitive_desc_t forward = choose(net->engine, s, kind, any, NULL, NULL);
    dnnl_memory_t data[ROLES] = {0}, workspace = NULL;
    for (int k = 0; k < 1 + net->streaming; k++) {
        must(dnnl_primitive_create(&p->forward[k].primitive, forward), "primitive");
        for (int r = 0; r < ROLES; r++) {
            const int swapped = !k           ? r
                                : r == SRC_H ? DST_H
                                : r == SRC_C ? DST_C
                                : r == DST_H ? SRC_H
                                : r == DST_C ? SRC_C
                                             : r;
            if (!p->formats[r]) continue;
            if (!k)
                data[r] =
                    is_weight((role)r) ? weights(net, p, (role)r, forward) : memory(net, p->formats[r], p->plain[r]);
            else if (swapped != r)
                data[r] = memory(net, p->formats[r], p->plain[swapped]);
            add(&p->forward[k], arguments[r], data[r]);
        }
    }
    if (!net->training) return;
    const format space = dnnl_primitive_desc_query_md(forward, dnnl_query_exec_arg_md, DNNL_ARG_WORKSPACE);
    if (space && dnnl_memory_desc_get_size(space)) {
        workspace = memory(net, space, floats(dnnl_memory_desc_get_size(space) / sizeof(float) + 1));
        add(&p->forward[0], DNNL_ARG_WORKSPACE, workspace);
        add(&p->backward, DNNL_ARG_WORKSPACE, workspace);
    }
    dnnl_primitive_desc_t backward = choose(net->engine, s, dnnl_backward, any, p->formats, forward);
    must(dnnl_primitive_create(&p->backward.primitive, backward), "primitive");
    for (int r = 0; r < ROLES; r++) {
        if (!p->formats[r]) continue;
        add(&p->backward, arguments[r], is_weight((role)r) ? weights(net, p, (role)r, backward) : data[r]);
        add(&p->backward, arguments[r] + DIFF, memory(net, p->formats[r], p->diff[r]));
    }
}

/* A stack of `count` pieces, each reading what the one before it wrote. T = 0: streaming, one step a call. */
onednn *onednn_create(int training, int T, int B, int count, const shape *stack);
onednn *onednn_create(int training, int T, int B, int count, const shape *stack)
{
    onednn *net = calloc(1, sizeof *net);
    if (!net || count > MAX_PIECES) exit(3);
    net->training = training, net->streaming = !T, net->T = T ? T : 1, net->B = B, net->count = count;
    must(dnnl_engine_create(&net->engine, dnnl_cpu, 0), "engine");
    must(dnnl_stream_create(&net->stream, net->engine, dnnl_stream_default_flags), "stream");
    for (int i = 0; i < count; i++) {
        piece *p = &net->pieces[i];
        p->shape = stack[i];
        if (i) p->plain[SRC] = p[-1].plain[DST];
        shapes(net, p);
        if (!i || !training) continue;
        /* One array is the gradient of the output of a piece and of the input of the next. */
        for (int k = 0; k < p[-1].backward.count; k++) {
            if (p[-1].backward.args[k].arg == DNNL_ARG_DIFF_DST_LAYER)
                p[-1].backward.args[k].memory = memory(net, p[-1].formats[DST], p->diff[SRC]);
        }
    }
    net->x = floats((size_t)RING * net->pieces[0].sizes[SRC]);
    net->h = floats((size_t)RING * net->pieces[count - 1].sizes[DST]);
    return net;
}

/* The plain array of a role, or with diff its gradient, of a piece; size is set. */
float *onednn_array(onednn *net, int i, int r, int diff, size_t *size);
float *onednn_array(onednn *net, int i, int r, int diff, size_t *size)
{
    piece *p = &net->pieces[i];
    *size = p->sizes[r];
    return diff ? p->diff[r] : p->plain[r];
}

/* The RING steps of input (output = 0) or output of streaming. */
float *onednn_ring(onednn *net, int output);
float *onednn_ring(onednn *net, int output) { return output ? net->h : net->x; }

static void execute(const onednn *net, const pass *p)
{
    must(dnnl_primitive_execute(p->primitive, net->stream, p->count, p->args), "execute");
}

static void renew_weights(const onednn *net)
{
    for (int i = 0; i < net->reorders; i++)
        must(dnnl_primitive_execute(net->reorder[i].primitive, net->stream, 2, net->reorder[i].args), "reorder");
}

static void train(onednn *net)
{
    renew_weights(net);
    for (int i = 0; i < net->count; i++) execute(net, &net->pieces[i].forward[0]);
    for (int i = net->count; i-- > 0;) {
        piece *p = &net->pieces[i];
        for (int r = W_LAYER; r <= BIAS; r++) {
            if (p->diff[r]) memset(p->diff[r], 0, p->sizes[r] * sizeof(float));
        }
        execute(net, &p->backward);
    }
}

static void stream(onednn *net)
{
    const piece *first = &net->pieces[0], *last = &net->pieces[net->count - 1];
    const size_t at = net->step % RING, in = first->sizes[SRC], out = last->sizes[DST];
    memcpy(first->plain[SRC], net->x + at * in, in * sizeof(float));
    for (int i = 0; i < net->count; i++) execute(net, &net->pieces[i].forward[net->step % 2]);
    memcpy(net->h + at * out, last->plain[DST], out * sizeof(float));
    net->step++;
}

/* After the weights were written; streaming begins anew. */
void onednn_prepare(onednn *net);
void onednn_prepare(onednn *net)
{
    renew_weights(net);
    net->step = 0;
    for (int i = 0; i < net->count; i++) {
        for (int r = 0; r < ROLES; r++) {
            if (r == SRC_H || r == SRC_C || r == DST_H || r == DST_C)
                memset(net->pieces[i].plain[r], 0, net->pieces[i].sizes[r] * sizeof(float));
        }
    }
}

/* Repeats a training step, a pass over sequences, or a step of streaming. Seconds of the processor. */
double onednn_run(onednn *net, size_t times);
double onednn_run(onednn *net, size_t times)
{
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t n = 0; n < times; n++) {
        if (net->training)
            train(net);
        else if (net->streaming)
            stream(net);
        else
            for (int i = 0; i < net->count; i++) execute(net, &net->pieces[i].forward[0]);
    }
    must(dnnl_stream_wait(net->stream), "wait");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

const char *onednn_version(void);
const char *onednn_version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
