/* onnx_net.c: traces an ONNX graph and writes it as a spec; see onnx_net.h.
 *
 * A file does not say which dimension of an input is time. The readings that its number of dimensions allows are
 * tried one after the other, until every node is understood (onnx_trace.c): an RNN, GRU or LSTM knows which
 * dimension of its X is which. */
#include "exchange/onnx_trace.h"
#include "syntax/syntax.h"
#include <ctype.h>
#include <string.h>

enum { TRACE_STEPS = 5, TRACE_BATCH = 2, READINGS = 4, TRACES_MAX = 1024 };

net_value *net_find(const onnx_net *net, const char *word)
{
    uint32_t number;
    return name_map_get(&net->by_word, name_of(net->names, word), &number) ? &net->values.data[number] : NULL;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const char *clean(arena *a, const char *own)
{
    char *word = arena_printf(a, "%s%s", isalpha((unsigned char)*own) ? "" : "v", own);
    for (char *c = word; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    if (strlen(word) > SYNTAX_MAX_NAME - 8) word[SYNTAX_MAX_NAME - 8] = '\0';
    bool taken = model_word_taken(a, word) || strcmp(word, "t") == 0 || strcmp(word, "loss") == 0;
    return taken ? arena_printf(a, "%s_", word) : word;
}

/* A new variable, called like the operator: "lstm2". */
const char *net_new_word(onnx_net *net, const onnx_node *n)
{
    char *word;
    uint32_t taken;
    do {
        word = arena_printf(net->arena, "%s%d", n->op, ++net->words);
        for (char *c = word; *c; c++) *c = (char)tolower((unsigned char)*c);
    } while (name_map_get(&net->by_expr, name_of(net->names, word), &taken));
    return word;
}

const char *onnx_output_word(const onnx_net *net, size_t i) { return clean(net->arena, net->m->outputs.data[i]); }

/* ---- values ------------------------------------------------------------------------------------------------------ */

void net_fail(onnx_net *net, const onnx_node *n, const char *what)
{
    if (!net->error) net->error = arena_printf(net->arena, "%s '%s': %s", n->op, n->word, what);
}

int net_components(const net_value *v)
{
    int n = 1;
    for (int i = 0; i < v->value.rank; i++)
        if (v->kind[i] == DIM_PART) n *= v->value.dim[i];
    return n;
}

int net_find_kind(const net_value *v, dim_kind kind)
{
    for (int i = 0; i < v->value.rank; i++)
        if (v->kind[i] == kind) return i;
    return -1;
}

/* The only dimension of parts that is not 1 long; -1: there is none, -2: several. */
int net_one_part(const net_value *v)
{
    int found = -1;
    for (int i = 0; i < v->value.rank; i++)
        if (v->kind[i] == DIM_PART && v->value.dim[i] != 1) found = found == -1 ? i : -2;
    return found;
}

void net_add_value(onnx_net *net, net_value v)
{
    uint32_t number = (uint32_t)net->values.len;
    array_push(net->arena, &net->values, v);
    name_map_set(net->arena, &net->by_word, name_of(net->names, v.word), number);
    if (v.expr) name_map_set(net->arena, &net->by_expr, name_of(net->names, v.expr), number);
}

const char *net_equation(onnx_net *net, const onnx_node *n, const char *right)
{
    const char *word = net_new_word(net, n);
    text_line(net->body, "%s = %s", word, right);
    return word;
}

void net_add_tensor(onnx_net *net, const char *path, const char *own, shape s, const double *values)
{
    array_push(net->arena, &net->tensors, (foreign){path, own, s, values, false});
}

/* ---- readings ---------------------------------------------------------------------------------------------------- */

/* Reading number `number` of an input's dimensions; false: there is none. */
static bool reading(const onnx_input *in, int number, dim_kind *kind)
{
    static const dim_kind sequence[READINGS][3] = {{DIM_TIME, DIM_BATCH, DIM_PART},
                                                   {DIM_BATCH, DIM_TIME, DIM_PART},
                                                   {DIM_PART, DIM_BATCH, DIM_PART},
                                                   {DIM_BATCH, DIM_PART, DIM_PART}};
    int readings = in->rank == 3 && !in->integer ? READINGS : in->rank == 2 && in->integer ? 2 : 1;
    bool known = in->rank == 3 ? !in->integer : in->rank == 2 || (in->rank == 1 && in->integer);
    if (number >= readings || !known) return false;
    memcpy(kind, sequence[number], 3 * sizeof *kind);
    if (in->rank == 2 && !in->integer) kind[0] = DIM_BATCH, kind[1] = DIM_PART;
    if (in->rank == 1) kind[0] = DIM_BATCH;
    return true;
}

/* The sizes of time and batch that the file fixes; false when two inputs differ. */
static bool fixed_sizes(onnx_net *net, dim_kind (*kind)[ND_MAX_RANK])
{
    int size[3] = {0, 0, 0};
    for (size_t i = 0; i < net->m->inputs.len; i++)
        for (int k = 0; k < net->m->inputs.data[i].rank; k++) {
            int dim = net->m->inputs.data[i].dim[k], *known = &size[kind[i][k]];
            if (kind[i][k] == DIM_PART || dim < 0) continue;
            if (*known && *known != dim) return false;
            *known = dim;
        }
    net->open_steps = !size[DIM_TIME];
    net->open_batch = !size[DIM_BATCH];
    net->steps = size[DIM_TIME] ? size[DIM_TIME] : TRACE_STEPS;
    net->batch = size[DIM_BATCH] ? size[DIM_BATCH] : TRACE_BATCH;
    return true;
}

static void start_inputs(onnx_net *net, dim_kind (*kind)[ND_MAX_RANK])
{
    for (size_t i = 0; i < net->m->inputs.len; i++) {
        const onnx_input *in = &net->m->inputs.data[i];
        int dim[ND_MAX_RANK];
        for (int k = 0; k < in->rank; k++) {
            dim[k] = kind[i][k] == DIM_TIME ? net->steps : kind[i][k] == DIM_BATCH ? net->batch : in->dim[k];
            if (dim[k] < 0 && !net->error)
                net->error = arena_printf(net->arena,
                                          "the input '%s': its dimension %d, which is neither time nor batch, is "
                                          "not fixed",
                                          in->word, k);
        }
        double size = 1;
        for (int k = 0; k < in->rank; k++) size *= dim[k];
        if (!net->error && size > ND_MAX_COUNT)
            net->error = arena_printf(net->arena, "the input '%s' is too large", in->word);
        if (net->error) return;
        net_value v = {.word = in->word,
                       .value = nd_new(net->arena, in->rank, dim, in->integer),
                       .data = true,
                       .input = (int)i,
                       .lengths = in->integer && in->rank == 1,
                       .token = in->integer && in->rank == 2,
                       .expr = clean(net->arena, in->word)};
        memcpy(v.kind, kind[i], sizeof v.kind);
        for (size_t k = 0; k < v.value.count && v.lengths; k++) v.value.v[k] = net->steps;
        net_add_value(net, v);
    }
}

static onnx_net *trace(arena *a, const onnx_model *m, dim_kind (*kind)[ND_MAX_RANK])
{
    onnx_net *net = ARENA_NEW(a, onnx_net);
    *net = (onnx_net){.arena = a, .m = m, .head = text_new(a), .body = text_new(a), .names = names_new(a)};
    net->classes = ARENA_ARRAY(a, int, m->inputs.len + 1);
    net->head->depth = net->body->depth = 1;
    if (!fixed_sizes(net, kind)) {
        net->error = "the inputs differ in their numbers of steps or sequences";
        return net;
    }
    for (size_t i = 0; i < m->initializers.len; i++)
        net_add_value(
            net,
            (net_value){.word = m->initializers.data[i].word, .value = m->initializers.data[i].value, .input = -1});
    start_inputs(net, kind);
    for (net->reached = 0; net->reached < m->nodes.len && !net->error; net->reached++)
        net_trace_node(net, &m->nodes.data[net->reached]);
    for (size_t i = 0; i < m->outputs.len && !net->error; i++) {
        const net_value *v = net_find(net, m->outputs.data[i]);
        if (!v || !v->data || !v->expr || v->token || v->lengths)
            net->error =
                arena_printf(a, "the output '%s' does not depend on the inputs as a vector", m->outputs.data[i]);
    }
    for (size_t i = 0; i < m->inputs.len && !net->error; i++) {
        const net_value *v = net_find(net, m->inputs.data[i].word);
        if (v->token && !net->classes[i])
            net->error = arena_printf(a, "the input '%s' of whole numbers looks nothing up", v->word);
        if (v->lengths && !net->ragged)
            net->error = arena_printf(a, "the input '%s' of whole numbers is no sequence_lens", v->word);
    }
    return net;
}

onnx_net *onnx_trace(arena *a, const onnx_model *m, const char **error)
{
    size_t n = m->inputs.len;
    int *number = ARENA_ARRAY(a, int, n + 1);
    dim_kind(*kind)[ND_MAX_RANK] = arena_array(a, n + 1, sizeof *kind);
    onnx_net *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (!reading(&m->inputs.data[i], 0, kind[i])) {
            *error =
                arena_printf(a,
                             "the input '%s' has %d dimensions: inputs are sequences of vectors or of whole numbers, "
                             "states, or lengths",
                             m->inputs.data[i].word, m->inputs.data[i].rank);
            return NULL;
        }
    for (int tries = 0; tries < TRACES_MAX; tries++) {
        onnx_net *net = trace(a, m, kind);
        if (!net->error) return net;
        if (!best || net->reached > best->reached) best = net;
        size_t i = 0;
        while (i < n && !reading(&m->inputs.data[i], ++number[i], kind[i])) {
            number[i] = 0;
            reading(&m->inputs.data[i], 0, kind[i]);
            i++;
        }
        if (i == n) break;
    }
    *error = best->error;
    return NULL;
}

/* ---- as a spec --------------------------------------------------------------------------------------------------- */

const char *onnx_spec(const onnx_net *net, const char *word, const char *from)
{
    text *out = text_new(net->arena);
    text_line(out, "# %s.rnn: made by rnnc import from %s.", word, from);
    text_open(out, "model %s", word);
    for (size_t i = 0; i < net->m->inputs.len; i++) {
        const net_value *v = net_find(net, net->m->inputs.data[i].word);
        if (v->lengths) continue; /* NAME_lengths of the other inputs */
        text_put(out, "input %s%s : ", v->expr, net_find_kind(v, DIM_TIME) >= 0 ? "[t]" : "");
        text_line(out, v->token ? "token(%d)" : "real(%d)", v->token ? net->classes[i] : net_components(v));
    }
    text_puts(out, text_string(net->head));
    text_puts(out, text_string(net->body));
    for (size_t i = 0; i < net->m->outputs.len; i++) {
        const char *expr = net_find(net, net->m->outputs.data[i])->expr, *as = onnx_output_word(net, i);
        text_line(out, strcmp(expr, as) == 0 ? "output %s" : "output %s as %s", expr, as);
    }
    text_close(out, NULL);
    return text_string(out);
}
