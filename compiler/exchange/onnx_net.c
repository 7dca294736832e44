/* onnx_net.c: traces an ONNX graph and writes it as a spec; see onnx_net.h.
 *
 * A file does not say which dimension of an input is time. The readings that its number of dimensions allows are
 * tried one after the other, until every node is understood (onnx_trace.c): an RNN, GRU or LSTM knows which
 * dimension of its X is which. */
#include "exchange/onnx_trace.h"
#include "syntax/syntax.h"
#include <ctype.h>
#include <string.h>

enum { TRACE_STEPS = 5, TRACE_BATCH = 2, TRACES_MAX = 1024 };

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

/* Names of a file that differ may be one word of the language; then a number tells them apart. TensorFlow's end in ":0",
 * which says nothing. */
static const char *unlike(onnx_net *net, const char *own, bool (*taken)(const onnx_net *net, const char *word))
{
    size_t length = strlen(own);
    if (length > 2 && strcmp(own + length - 2, ":0") == 0) own = arena_strndup(net->arena, own, length - 2);
    const char *word = clean(net->arena, own), *first = word;
    for (int i = 2; taken(net, word); i++) word = arena_printf(net->arena, "%s_%d", first, i);
    return word;
}

static bool is_expr(const onnx_net *net, const char *word)
{
    uint32_t number;
    return name_map_get(&net->by_expr, name_of(net->names, word), &number);
}

static const char *input_word(onnx_net *net, const char *own) { return unlike(net, own, is_expr); }

static bool is_output(const onnx_net *net, const char *word)
{
    for (size_t i = 0; i < net->output_words.len; i++)
        if (strcmp(net->output_words.data[i], word) == 0) return true;
    return false;
}

static void name_outputs(onnx_net *net)
{
    for (size_t i = 0; i < net->m->outputs.len; i++) {
        const char *word = unlike(net, net->m->outputs.data[i], is_output);
        array_push(net->arena, &net->output_words, word);
    }
}

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

bool net_is_merged(dim_kind kind, dim_kind apart[2])
{
    apart[0] = kind == DIM_TIME_BATCH ? DIM_TIME : DIM_BATCH;
    apart[1] = kind == DIM_TIME_BATCH ? DIM_BATCH : DIM_TIME;
    return kind == DIM_TIME_BATCH || kind == DIM_BATCH_TIME;
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

/* How dimensions may be read, the likely ones first: of each number of dimensions, of numbers or whole numbers, with a
 * batch or for one sequence alone. Real numbers that look rows up are tokens. */
typedef struct net_reading {
    int rank;
    bool integer, unbatched, token;
    dim_kind kind[3];
} net_reading;
static const net_reading readings[] = {
    {3, false, false, false, {DIM_TIME, DIM_BATCH, DIM_PART}},
    {3, false, false, false, {DIM_BATCH, DIM_TIME, DIM_PART}},
    {3, false, false, false, {DIM_PART, DIM_BATCH, DIM_PART}},
    {3, false, false, false, {DIM_BATCH, DIM_PART, DIM_PART}},
    {2, false, false, false, {DIM_BATCH, DIM_PART, DIM_PART}},
    {2, false, false, false, {DIM_BATCH, DIM_TIME, DIM_PART}},
    {2, false, false, false, {DIM_TIME, DIM_BATCH, DIM_PART}},
    {2, false, false, true, {DIM_BATCH, DIM_TIME, DIM_PART}},
    {2, false, false, true, {DIM_TIME, DIM_BATCH, DIM_PART}},
    {2, true, false, true, {DIM_TIME, DIM_BATCH, DIM_PART}},
    {2, true, false, true, {DIM_BATCH, DIM_TIME, DIM_PART}},
    {1, true, false, false, {DIM_BATCH, DIM_PART, DIM_PART}},
    {3, false, true, false, {DIM_TIME, DIM_PART, DIM_PART}},
    {3, false, true, false, {DIM_PART, DIM_TIME, DIM_PART}},
    {3, false, true, false, {DIM_PART, DIM_PART, DIM_PART}},
    {2, false, true, false, {DIM_TIME, DIM_PART, DIM_PART}},
    {2, false, true, false, {DIM_PART, DIM_PART, DIM_PART}},
    {2, false, true, false, {DIM_PART, DIM_TIME, DIM_PART}},
    {2, true, true, true, {DIM_TIME, DIM_PART, DIM_PART}},
    {2, true, true, true, {DIM_PART, DIM_TIME, DIM_PART}},
    {1, false, true, false, {DIM_TIME, DIM_PART, DIM_PART}},
    {1, false, true, false, {DIM_PART, DIM_PART, DIM_PART}},
    {1, true, true, true, {DIM_TIME, DIM_PART, DIM_PART}},
};

/* Reading number `number` of an input; NULL: there is none. */
static const net_reading *reading(const onnx_input *in, bool unbatched, int number)
{
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        const net_reading *r = &readings[i];
        if (r->rank == in->rank && r->integer == in->integer && r->unbatched == unbatched && !number--) return r;
    }
    return NULL;
}

/* The sizes of time and batch that the file fixes; false when two inputs differ. */
static bool fixed_sizes(onnx_net *net, const net_reading *const *read)
{
    int size[DIM_COUNT] = {[DIM_BATCH] = net->unbatched};
    for (size_t i = 0; i < net->m->inputs.len; i++)
        for (int k = 0; k < net->m->inputs.data[i].rank; k++) {
            int dim = net->m->inputs.data[i].dim[k], *known = &size[read[i]->kind[k]];
            if (read[i]->kind[k] == DIM_PART || dim < 0) continue;
            if (*known && *known != dim) return false;
            *known = dim;
        }
    net->open_steps = !size[DIM_TIME];
    net->open_batch = !size[DIM_BATCH];
    net->steps = size[DIM_TIME] ? size[DIM_TIME] : TRACE_STEPS;
    net->batch = size[DIM_BATCH] ? size[DIM_BATCH] : TRACE_BATCH;
    return true;
}

static void start_inputs(onnx_net *net, const net_reading *const *read)
{
    for (size_t i = 0; i < net->m->inputs.len; i++) {
        const onnx_input *in = &net->m->inputs.data[i];
        int dim[ND_MAX_RANK];
        for (int k = 0; k < in->rank; k++) {
            dim_kind kind = read[i]->kind[k];
            dim[k] = kind == DIM_TIME ? net->steps : kind == DIM_BATCH ? net->batch : in->dim[k];
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
                       .lengths = in->integer && !read[i]->token,
                       .token = read[i]->token,
                       .expr = input_word(net, in->word)};
        memcpy(v.kind, read[i]->kind, sizeof read[i]->kind);
        for (size_t k = 0; k < v.value.count && v.lengths; k++) v.value.v[k] = net->steps;
        net_add_value(net, v);
    }
}

static onnx_net *trace(arena *a, const onnx_model *m, bool unbatched, const net_reading *const *read)
{
    onnx_net *net = ARENA_NEW(a, onnx_net);
    *net = (onnx_net){
        .arena = a, .m = m, .head = text_new(a), .body = text_new(a), .names = names_new(a), .unbatched = unbatched};
    net->classes = ARENA_ARRAY(a, int, m->inputs.len + 1);
    net->head->depth = net->body->depth = 1;
    if (!fixed_sizes(net, read)) {
        net->error = "the inputs differ in their numbers of steps or sequences";
        return net;
    }
    for (size_t i = 0; i < m->initializers.len; i++)
        net_add_value(
            net,
            (net_value){.word = m->initializers.data[i].word, .value = m->initializers.data[i].value, .input = -1});
    start_inputs(net, read);
    for (net->reached = 0; net->reached < m->nodes.len && !net->error; net->reached++)
        net_trace_node(net, &m->nodes.data[net->reached]);
    for (size_t i = 0; i < m->outputs.len && !net->error; i++) {
        const net_value *v = net_find(net, m->outputs.data[i]);
        if (!v || !v->data || !v->expr || v->token || v->lengths)
            net->error =
                arena_printf(a, "the output '%s' does not depend on the inputs as a vector", m->outputs.data[i]);
        else if (net_find_kind(v, DIM_BACK) >= 0)
            net->error = arena_printf(a, "the output '%s' runs backwards in time", m->outputs.data[i]);
    }
    name_outputs(net);
    for (size_t i = 0; i < m->inputs.len && !net->error; i++) {
        const net_value *v = net_find(net, m->inputs.data[i].word);
        if (v->token && !net->classes[i])
            net->error = arena_printf(a, "the input '%s' of whole numbers looks nothing up", v->word);
        if (v->lengths && !net->ragged)
            net->error = arena_printf(a, "the input '%s' of whole numbers is no sequence_lens", v->word);
    }
    return net;
}

/* Tries the readings one after the other. The trace that understands the graph, or else gets furthest, becomes *best. */
static void try_readings(arena *a, const onnx_model *m, bool unbatched, onnx_net **best)
{
    size_t n = m->inputs.len, i = 0;
    int *number = ARENA_ARRAY(a, int, n + 1);
    const net_reading **read = ARENA_ARRAY(a, const net_reading *, n + 1);
    for (size_t k = 0; k < n; k++)
        if (!(read[k] = reading(&m->inputs.data[k], unbatched, 0))) return;
    for (int tries = 0; tries < TRACES_MAX && i < n + !n; tries++) {
        onnx_net *net = trace(a, m, unbatched, read);
        if (!*best || !net->error || net->reached > (*best)->reached) *best = net;
        if (!net->error) return;
        for (i = 0; i < n; i++) {
            const net_reading *next = reading(&m->inputs.data[i], unbatched, ++number[i]);
            if (!next) number[i] = 0;
            read[i] = next ? next : reading(&m->inputs.data[i], unbatched, 0);
            if (next) break;
        }
    }
}

onnx_net *onnx_trace(arena *a, const onnx_model *m, const char **error)
{
    onnx_net *best = NULL;
    try_readings(a, m, false, &best);
    if (!best || best->error) try_readings(a, m, true, &best);
    for (size_t i = 0; i < m->inputs.len && !best; i++) {
        const onnx_input *in = &m->inputs.data[i];
        if (reading(in, false, 0) || reading(in, true, 0)) continue;
        *error = arena_printf(a,
                              "the input '%s' has %d dimensions: inputs are sequences of vectors or of whole numbers, "
                              "states, or lengths",
                              in->word, in->rank);
        return NULL;
    }
    if (!best) *error = "some inputs have a batch, others cannot have one";
    if (best) *error = best->error;
    return best && !best->error ? best : NULL;
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
        const char *expr = net_find(net, net->m->outputs.data[i])->expr, *as = net->output_words.data[i];
        text_line(out, strcmp(expr, as) == 0 ? "output %s" : "output %s as %s", expr, as);
    }
    text_close(out, NULL);
    return text_string(out);
}
