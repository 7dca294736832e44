/* onnx_cells.c: an RNN, GRU or LSTM of ONNX as calls of cells, one a direction.
 *
 * layers.def says which cell: a plain one where the node does what that does, else the one with all the options of
 * ONNX. The blocks of rows of a gate that does not compute (f, where it is coupled to i) are left out. */
#include "exchange/chain.h"
#include "exchange/onnx_trace.h"
#include <string.h>

static bool usual(const recurrent *r)
{
    bool gates = r->f.kind == ACTIVATION_Sigmoid && r->g.kind == ACTIVATION_Tanh;
    bool plain = r->equations == RECURRENCE_SIMPLE
                     ? r->f.kind == ACTIVATION_Tanh || r->f.kind == ACTIVATION_Relu
                     : gates && (r->equations == RECURRENCE_GATED || r->h.kind == ACTIVATION_Tanh);
    return plain && !(r->clip > 0) && !r->peephole && !r->input_forget;
}

static const layer_info *cell_for(const recurrent *r)
{
    int flags = !usual(r) ? GENERAL
                          : (r->equations == RECURRENCE_GATED && r->reset_after ? RESET_AFTER : 0) |
                                (r->equations == RECURRENCE_SIMPLE && r->f.kind == ACTIVATION_Relu ? RECTIFIED : 0);
    for (size_t i = 0; i < layer_count; i++) {
        const layer_info *l = &layer_table[i];
        if (strcmp(l->format, "onnx") == 0 && l->kind == LAYER_RECURRENT && l->equations == r->equations &&
            l->flags == flags)
            return l;
    }
    BUG("layers.def lacks a cell for an operator of ONNX");
}

static void put_activation(text *out, const char *word, activation a)
{
    text_put(out, ", %s = %d", word, (int)a.kind);
    if (a.alpha != 0) text_put(out, ", %s_alpha = %.17g", word, a.alpha);
    if (a.beta != 0) text_put(out, ", %s_beta = %.17g", word, a.beta);
}

/* The options of a cell for all that ONNX has. */
static void put_options(text *out, const recurrent *r)
{
    bool simple = r->equations == RECURRENCE_SIMPLE;
    if (!simple) put_activation(out, "gate", r->f);
    put_activation(out, "new", simple ? r->f : r->g);
    if (r->equations == RECURRENCE_LONG_SHORT) put_activation(out, "memory", r->h);
    if (r->clip > 0) text_put(out, ", bound = %.17g", r->clip);
    if (r->peephole) text_puts(out, ", peephole = true");
    if (r->input_forget) text_puts(out, ", coupled = true");
    if (r->equations == RECURRENCE_GATED && r->reset_after) text_puts(out, ", after = true");
}

/* `count` blocks of rows after another, without those of the gate f where it is coupled. */
static void add_blocks(onnx_net *net, const char *path, const char *own, const recurrent *r, const double *values,
                       const char *order, int copies, int columns, int rank)
{
    size_t block = (size_t)r->units * (size_t)columns, kept = 0;
    double *out = ARENA_ARRAY(net->arena, double, strlen(order) * (size_t)copies * block);
    for (int k = 0; k < copies; k++)
        for (size_t g = 0; order[g]; g++) {
            if (r->input_forget && order[g] == 'f') continue;
            memcpy(out + kept++ * block, values + ((size_t)k * strlen(order) + g) * block, block * sizeof *out);
        }
    net_add_tensor(net, path, own, (shape){rank, {(int)kept * r->units, rank == 2 ? columns : 1}}, out);
}

static void add_weights(node_task *t, const recurrent *r, const char *word)
{
    static const char peepholes[] = "iof"; /* of ONNX */
    arena *a = t->net->arena;
    add_blocks(t->net, arena_printf(a, "%s.W", word), t->in[IN_W]->word, r, r->W, r->order, 1, r->inputs, 2);
    add_blocks(t->net, arena_printf(a, "%s.R", word), t->in[IN_R]->word, r, r->R, r->order, 1, r->units, 2);
    if (r->b_w) add_blocks(t->net, arena_printf(a, "%s.B", word), t->in[IN_B]->word, r, r->b_w, r->order, 2, 1, 1);
    if (r->peephole)
        add_blocks(t->net, arena_printf(a, "%s.P", word), t->in[IN_P]->word, r, r->peephole, peepholes, 1, 1, 1);
}

/* A batch, or where there is none, the dimension of 1 that exporters put in its place. */
static dim_kind batch_kind(const onnx_net *net) { return net->unbatched ? DIM_PART : DIM_BATCH; }

/* The initial state of direction d as an expression; NULL: zeros. */
static const char *initial(node_task *t, const onnx_recurrent *r, int which, int d, const char *word)
{
    net_value *s = t->in[which];
    int H = r->part[0].units, B = t->net->batch;
    if (!s) return NULL;
    if (s->data) {
        if (s->value.rank != 3 || s->value.dim[!r->layout] != B || s->kind[!r->layout] != batch_kind(t->net) ||
            net_find_kind(s, DIM_TIME) >= 0) {
            net_fail(t->net, t->n, "an initial state is not a state of each sequence");
            return NULL;
        }
        return r->directions == 1 ? s->expr : arena_printf(t->net->arena, "%s(%d:%d)", s->expr, d * H, (d + 1) * H);
    }
    const double *first = NULL;
    bool zero = true, same = true;
    for (int b = 0; b < B && s->value.count == (size_t)r->directions * (size_t)B * (size_t)H; b++) {
        const double *row = s->value.v + (size_t)(r->layout ? b * r->directions + d : d * B + b) * (size_t)H;
        if (!first) first = row;
        for (int i = 0; i < H; i++) {
            zero = zero && row[i] == 0;
            same = same && row[i] == first[i];
        }
    }
    if (!same) net_fail(t->net, t->n, "a constant initial state differs between sequences");
    if (zero || !same) return NULL;
    const char *name_of_it = arena_printf(t->net->arena, "%s_%s0", word, which == IN_H ? "h" : "c");
    text_line(t->net->head, "param %s(%d)", name_of_it, H);
    net_add_tensor(t->net, name_of_it, s->word, shape_vector(H), first);
    return name_of_it;
}

static bool is_read(const onnx_net *net, const onnx_node *n, size_t k)
{
    if (k >= n->out.len || !*n->out.data[k]) return false;
    for (size_t i = 0; i < net->m->outputs.len; i++)
        if (strcmp(net->m->outputs.data[i], n->out.data[k]) == 0) return true;
    for (size_t i = 0; i < net->m->nodes.len; i++)
        for (size_t j = 0; j < net->m->nodes.data[i].in.len; j++)
            if (strcmp(net->m->nodes.data[i].in.data[j], n->out.data[k]) == 0) return true;
    return false;
}

/* The call of one direction; its variable is `word`, that of the memory word_c. */
static void put_call(node_task *t, const onnx_recurrent *r, int d, const char *word, bool memory)
{
    const recurrent *p = &r->part[d];
    const layer_info *cell = cell_for(p);
    const char *h = initial(t, r, IN_H, d, word), *c = initial(t, r, IN_C, d, word);
    text *out = t->net->body;
    text_put(out, "%s", word);
    if (memory) text_put(out, ", %s_c", word);
    bool back = t->in[IN_X]->kind[r->layout] == DIM_BACK;
    text_put(out, " = %s%s(%s, %d", r->reverse[d] != back ? "reverse " : "", cell->cell, t->in[IN_X]->expr, p->units);
    if (cell->flags & GENERAL) put_options(out, p);
    if (h) text_put(out, ", h[0] = %s", h);
    if (c && p->equations == RECURRENCE_LONG_SHORT) text_put(out, ", c[0] = %s", c);
    text_line(out, "%s", ")");
    add_weights(t, p, word);
}

/* What the directions give, side by side: of each, its word between `before` and `after`. */
static const char *both(node_task *t, int directions, const char *const *word, const char *before, const char *after)
{
    arena *a = t->net->arena;
    const char *first = arena_printf(a, "%s%s%s", before, word[0], after);
    if (directions == 1) return *before ? net_equation(t->net, t->n, first) : first;
    return net_equation(t->net, t->n, arena_printf(a, "concat(%s, %s%s%s)", first, before, word[1], after));
}

void net_trace_recurrent(node_task *t)
{
    onnx_net *net = t->net;
    onnx_recurrent r;
    const net_value *x = t->in[IN_X];
    net->error = onnx_recurrent_of(net->arena, t->n, t->nds, &r);
    if (net->error) return;
    for (int k = IN_W; k <= IN_P; k++)
        if (k != IN_LENGTHS && k != IN_H && k != IN_C && t->in[k] && t->in[k]->data)
            net_fail(net, t->n,
                     arena_printf(net->arena, "'%s' is not constant: give it as an initializer", t->in[k]->word));
    dim_kind time = x->kind[r.layout], batch = batch_kind(net);
    if (!x->data || x->token || (time != DIM_TIME && time != DIM_BACK) || x->kind[!r.layout] != batch ||
        x->value.dim[!r.layout] != net->batch || x->kind[2] != DIM_PART)
        net_fail(net, t->n, "its X is no sequence of vectors for each sequence of the batch");
    const net_value *lengths = t->in[IN_LENGTHS];
    if (lengths && !lengths->lengths)
        for (size_t i = 0; i < lengths->value.count; i++)
            if (lengths->data || lengths->value.v[i] != net->steps)
                net_fail(net, t->n, "sequence_lens is not an input");
    if (lengths && lengths->lengths)
        net->ragged = true;
    else
        net->full = true;
    if (net->ragged && net->full) net_fail(net, t->n, "some nodes have sequence_lens, others read all steps");
    if (net->error) return;
    bool memory = is_read(net, t->n, 2);
    const char *word[2], *base = net_new_word(net, t->n);
    for (int d = 0; d < r.directions; d++) {
        word[d] = r.directions == 1 ? base : arena_printf(net->arena, "%s_%s", base, d ? "backward" : "forward");
        put_call(t, &r, d, word[d], memory);
    }
    dim_kind sequence[4] = {time, DIM_PART, batch, DIM_PART}, first[4] = {batch, time, DIM_PART, DIM_PART};
    dim_kind state[3] = {DIM_PART, batch, DIM_PART}, state_first[3] = {batch, DIM_PART, DIM_PART};
    memcpy(t->made[0].kind, r.layout ? first : sequence, sizeof first);
    for (int k = 1; k < ONNX_MAX_OUTPUTS; k++) memcpy(t->made[k].kind, r.layout ? state_first : state, sizeof state);
    if (is_read(net, t->n, 0)) t->made[0].expr = both(t, r.directions, word, "", "");
    if (is_read(net, t->n, 1)) t->made[1].expr = both(t, r.directions, word, "last(", ")");
    if (memory) t->made[2].expr = both(t, r.directions, word, "last(", "_c)");
}
