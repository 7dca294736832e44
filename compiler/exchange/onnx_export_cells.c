/* onnx_export_cells.c: the call of a cell that ONNX has an operator for, as a node RNN, GRU or LSTM.
 *
 * layers.def says which cells these are. A plain one says all by its name; one for all that ONNX has says the rest in
 * its options, which become attributes. Both directions of a call are two nodes. */
#include "exchange/chain.h"
#include "exchange/onnx_eval.h"
#include "exchange/onnx_exporter.h"
#include <string.h>

/* The line of layers.def for a call of a standard cell with an operator of its own; NULL: it is translated. */
static const layer_info *operator_for(const exporter *x, const model_instance *s)
{
    const char *word = s->cell ? s->cell->name.text : "";
    const source *from = s->cell ? source_of(x->m->sources, s->cell->name.at) : NULL;
    if (!from || strcmp(from->path, arena_printf(x->a, "cells/%s.rnn", word)) != 0) return NULL;
    for (size_t i = 0; i < layer_count; i++) {
        const layer_info *l = &layer_table[i];
        if (strcmp(l->format, "onnx") == 0 && l->kind == LAYER_RECURRENT && strcmp(l->cell, word) == 0) return l;
    }
    return NULL;
}

bool exporter_has_operator(const exporter *x, const model_instance *s) { return operator_for(x, s) != NULL; }

/* An option of a cell; 0 where it has none of this name. */
static double option(const model_instance *s, const char *word)
{
    double value = 0;
    return model_size_value(s, word, &value) ? value : 0;
}

/* ---- operands ---------------------------------------------------------------------------------------------------- */

/* The tensor of the call as an initializer with a direction in front. Where the gates are coupled it has no rows for f,
 * which ONNX wants: of each run of rows in the order of `gates`, they are 0. */
static const char *weight(exporter *x, const model_instance *s, const char *word, const char *gates, int copies)
{
    const char *path = arena_printf(x->a, "%s.%s", s->path, word), *f = strchr(gates, 'f');
    const foreign *from = NULL;
    for (size_t i = 0; i < x->foreigns.len; i++)
        if (strcmp(x->foreigns.data[i].path, path) == 0) from = &x->foreigns.data[i];
    if (!from) return exporter_fail(x, arena_printf(x->a, "'%s' is missing", path));
    int all = (int)strlen(gates), dim[3] = {1, from->shape.dim[0], from->shape.dim[1]};
    if (!f || option(s, "coupled") == 0)
        return exporter_constant(x, path, from->shape.rank + 1, dim, from->values, false);
    size_t block = (size_t)(dim[1] / (copies * (all - 1))) * (size_t)dim[2], before = (size_t)(f - gates) * block;
    size_t after = (size_t)(all - 1) * block - before;
    double *values = ARENA_ARRAY(x->a, double, (size_t)(copies * all) * block);
    for (int k = 0; k < copies; k++) {
        double *to = values + (size_t)(k * all) * block;
        const double *rows = from->values + (size_t)(k * (all - 1)) * block;
        memcpy(to, rows, before * sizeof *to);
        memcpy(to + before + block, rows + before, after * sizeof *to);
    }
    dim[1] = dim[1] / (all - 1) * all;
    return exporter_constant(x, path, from->shape.rank + 1, dim, values, false);
}

/* [1, B, H] made of one row, or one number, for all sequences. */
static const char *spread(exporter *x, const char *row, const char *data, int units)
{
    const char *one = exporter_index(x, 1, 1), *width = exporter_index(x, 1, units);
    const char *batch = exporter_apply(x, "Gather", exporter_apply(x, "Shape", data, NULL), one);
    const char *dims = exporter_apply(x, "Concat", one, batch);
    array_push(x->a, &x->out->nodes.data[x->out->nodes.len - 1].in, width);
    exporter_set_int(x, "axis", 0);
    return exporter_apply(x, "Expand", row, dims);
}

/* The state before the first step of result number k of a call, [1, B, H]; "" where it is 0. */
static const char *initial(exporter *x, const model_instance *s, size_t k, const char *data)
{
    const model_variable *v = exporter_variable(x, s->results[k]);
    if (!v->boundaries.len) return "";
    const model_boundary *b = &v->boundaries.data[0];
    model_type type = exporter_variable(x, b->variable)->type;
    if (v->boundaries.len > 1 || b->slot || b->after != s->reversed ||
        (type.axes && (type.axes != 1 || !type.shape.rank)))
        return exporter_unknown(
            x, arena_printf(x->a, "the boundary value of '%s', which is no vector before the first step", v->path));
    const char *value = exporter_read(x, b->variable);
    if (!type.axes) return spread(x, value, data, v->type.shape.dim[0]);
    return exporter_apply(x, "Unsqueeze", value, exporter_index(x, 1, 0));
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

/* The activation that these options of a cell choose goes to the ends of the lists. */
static void add_activation(exporter *x, const model_instance *s, const char *word, onnx_attribute *words,
                           onnx_attribute *alpha, onnx_attribute *beta)
{
    double kind = option(s, word);
    if (!(kind >= 0 && kind < ACTIVATION_COUNT) || kind != (int)kind) {
        exporter_unknown(x, arena_printf(x->a, "%s = %g of '%s'", word, kind, s->path));
        return;
    }
    array_push(x->a, &words->strings, onnx_activation((activation_kind)kind));
    bool has_alpha, has_beta;
    onnx_activation_takes((activation_kind)kind, &has_alpha, &has_beta);
    if (has_alpha) array_push(x->a, &alpha->floats, option(s, arena_printf(x->a, "%s_alpha", word)));
    if (has_beta) array_push(x->a, &beta->floats, option(s, arena_printf(x->a, "%s_beta", word)));
}

static void set_options(exporter *x, const layer_info *l, const model_instance *s)
{
    static const char *const chosen[][3] = {[RECURRENCE_SIMPLE] = {"new"},
                                            [RECURRENCE_GATED] = {"gate", "new"},
                                            [RECURRENCE_LONG_SHORT] = {"gate", "new", "memory"}};
    onnx_attribute words = {.word = "activations", .kind = ATTRIBUTE_STRINGS},
                   alpha = {.word = "activation_alpha", .kind = ATTRIBUTE_FLOATS},
                   beta = {.word = "activation_beta", .kind = ATTRIBUTE_FLOATS};
    if (!(l->flags & GENERAL)) {
        if (l->flags & RECTIFIED) array_push(x->a, &words.strings, onnx_activation(ACTIVATION_Relu));
        if (words.strings.len) exporter_set(x, &words);
        if (l->flags & RESET_AFTER) exporter_set_int(x, "linear_before_reset", 1);
        return;
    }
    for (int i = 0; i < 3 && chosen[l->equations][i]; i++)
        add_activation(x, s, chosen[l->equations][i], &words, &alpha, &beta);
    exporter_set(x, &words);
    if (alpha.floats.len) exporter_set(x, &alpha);
    if (beta.floats.len) exporter_set(x, &beta);
    if (option(s, "after") != 0) exporter_set_int(x, "linear_before_reset", 1);
    if (option(s, "coupled") != 0) exporter_set_int(x, "input_forget", 1);
    if (option(s, "bound") > 0)
        exporter_set(x, &(onnx_attribute){.word = "clip", .kind = ATTRIBUTE_FLOAT, .f = option(s, "bound")});
}

/* ---- the node ---------------------------------------------------------------------------------------------------- */

void exporter_recurrent(exporter *x, const model_instance *s)
{
    const layer_info *l = operator_for(x, s);
    uint32_t data = s->data.data[0].variable;
    const char *in[] = {"", "", "", "", "", "", "", ""};
    size_t count = sizeof in / sizeof *in;
    if (exporter_variable(x, data)->type.axes != 3)
        exporter_unknown(x, arena_printf(x->a, "'%s', which does not run over time", s->path));
    in[IN_X] = exporter_read(x, data);
    in[IN_W] = weight(x, s, "W", l->order, 1);
    in[IN_R] = weight(x, s, "R", l->order, 1);
    in[IN_B] = weight(x, s, "B", l->order, 2);
    if (x->lengths) in[IN_LENGTHS] = x->lengths;
    for (size_t k = 0; k < s->cell->results.len; k++) in[IN_H + k] = initial(x, s, k, in[IN_X]);
    if (option(s, "peephole") != 0) in[IN_P] = weight(x, s, "P", "iof", 1);
    if (x->error) return;
    while (!*in[count - 1]) count--;
    onnx_node *n = exporter_node(x, onnx_recurrent_operator(l->equations));
    for (size_t i = 0; i < count; i++) array_push(x->a, &n->in, in[i]);
    const char *y = arena_printf(x->a, "%s_Y", n->word);
    array_push(x->a, &n->out, y);
    exporter_set_int(x, "hidden_size", exporter_variable(x, s->results[0])->type.shape.dim[0]);
    if (s->reversed) exporter_set(x, &(onnx_attribute){.word = "direction", .kind = ATTRIBUTE_STRING, .s = "reverse"});
    set_options(x, l, s);
    for (size_t k = 0; k < s->cell->results.len; k++) x->made[s->results[k]] = x->out->nodes.len - 1;
    x->word[s->results[0]] = exporter_apply(x, "Squeeze", y, exporter_index(x, 1, 1));
}

const char *exporter_state(exporter *x, uint32_t v)
{
    onnx_node *n = &x->out->nodes.data[x->made[v]];
    size_t k = x->node[v]->results[0] == v ? 1 : 2;
    while (n->out.len <= k) array_push(x->a, &n->out, "");
    n->out.data[k] = arena_printf(x->a, "%s_Y_%c", n->word, k == 1 ? 'h' : 'c');
    return exporter_apply(x, "Squeeze", n->out.data[k], exporter_index(x, 1, 0));
}
