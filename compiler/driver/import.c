/* import.c: rnnc import MODEL -o DIR [--spec S.rnn]: a network that another tool has trained, as a spec and its
 * weights.
 *
 * In: a state dict of PyTorch (.safetensors), arrays of Keras (.npz), or ONNX. Out: DIR/NAME.rnn and
 * DIR/NAME.safetensors, both or none, and what was understood. Before anything is written, the spec is compiled and
 * run in double on random sequences of different lengths, and held against the other tool's own equations
 * (exchange/recurrent.h), which share no code with the compiler. With --spec the structure is the user's, and only
 * the weights are written. */
#define _GNU_SOURCE 1
#include "driver/forward.h"
#include "driver/outputs.h"
#include "exchange/chain.h"
#include "exchange/onnx_net.h"
#include "syntax/syntax.h"
#include "train/checkpoint.h"
#include "train/npz.h"
#include "train/safetensors.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The proof: its data, and how far two computations in double may be apart. */
enum { PROOF_SEQUENCES = 3, PROOF_STEPS = 7, PROOF_SEED = 1 };
static const int proof_lengths[PROOF_SEQUENCES] = {PROOF_STEPS, 3, 5};
static const double proof_bound = 1e-9;

typedef struct import {
    const options *o;
    arena *arena;
    const char *path, *word; /* of the file; the model's name */
    tensors file, params;
    chain *chain; /* of a state dict; or */
    onnx_model onnx;
    onnx_net *net; /* of ONNX */
    foreigns foreigns;
    const char *spec, *zeros; /* the text; parameters that the file says nothing of */
    forward f;
} import;

static int fault(const import *k, const char *what) { return command_fault(EXIT_SPEC, "%s: %s", k->path, what); }

/* ---- reading ----------------------------------------------------------------------------------------------------- */

typedef chain *reader(arena *a, const tensors *file, chain_choices *choices, const char **error);

static const char pickle[] =
    "a pickle may run code and is not read; docs/deployment.md has a script that writes it as .safetensors";

/* What files end with: who reads them, or what to do instead. */
static const struct {
    const char *suffix;
    bool (*open)(const char *path, tensors *out);
    reader *read;
    const char *advice;
} kinds[] = {
    {".safetensors", safetensors_read, torch_read, NULL},
    {".npz", npz_read, keras_read, NULL},
    {".keras", NULL, NULL, "Keras's own file is not read; docs/deployment.md has a line that writes it as .npz"},
    {".h5", NULL, NULL, "Keras's own file is not read; docs/deployment.md has a line that writes it as .npz"},
    {".pt", NULL, NULL, pickle},
    {".pth", NULL, NULL, pickle},
    {".bin", NULL, NULL, pickle},
    {".ckpt", NULL, NULL, pickle},
    {".pkl", NULL, NULL, pickle},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}

static int find_kind(const import *k, size_t *kind)
{
    for (*kind = 0; *kind < KINDS && !ends_with(k->path, kinds[*kind].suffix);) ++*kind;
    if (*kind == KINDS)
        return fault(
            k, "its name ends in nothing that rnnc imports: .safetensors, .npz or .onnx (see docs/deployment.md)");
    if (kinds[*kind].advice) return fault(k, kinds[*kind].advice);
    return 0;
}

/* The name of the file as that of a model. */
static const char *model_word(arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    char *word = arena_printf(a, "%s%s", isalpha((unsigned char)*file) ? "" : "m_", file);
    char *dot = strrchr(word, '.');
    if (dot) *dot = '\0';
    for (char *c = word; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    if (strlen(word) > SYNTAX_MAX_NAME) word[SYNTAX_MAX_NAME] = '\0';
    return syntax_is_reserved(word) ? arena_printf(a, "%s_", word) : word;
}

static int read_onnx(import *k)
{
    const options *o = k->o;
    const char *error;
    if (o->value[OPTION_SPEC].given || o->value[OPTION_ORDER].given || o->value[OPTION_LAST_STEP].given ||
        o->defines.len)
        return options_fault(o,
                             "an ONNX file says what the network is; --spec, --order, --last and -D do not go with it");
    int code = command_can_read(k->path);
    if (code) return code;
    if (!onnx_load(k->arena, k->path, &k->onnx, &error)) return fault(k, error);
    k->net = onnx_trace(k->arena, &k->onnx, &error);
    return k->net ? 0 : fault(k, error);
}

static int read_model(import *k)
{
    if (ends_with(k->path, ".onnx")) return read_onnx(k);
    size_t kind;
    int code = find_kind(k, &kind);
    if (!code) code = command_can_read(k->path);
    if (code) return code;
    if (!kinds[kind].open(k->path, &k->file)) return command_unread(&k->file);
    for (size_t i = 0; i < k->file.len; i++)
        if (checkpoint_tensor_of_run(k->file.data[i].name))
            return fault(k, "is a checkpoint of 'rnnc train' and needs no import: --weights takes it as it is");
    const options *o = k->o;
    bool other, to_order = !o->value[OPTION_SPEC].given;
    chain_choices choices = {
        .choice = o->defines.data, .count = to_order ? o->defines.len : 0, .order = o->value[OPTION_ORDER].text};
    choices.taken = ARENA_ARRAY(k->arena, bool, choices.count + 1);
    const char *error;
    k->chain = kinds[kind].read(k->arena, &k->file, &choices, &error);
    if (!k->chain) return fault(k, error);
    k->chain->last = o->value[OPTION_LAST_STEP].given;
    if (!to_order) return 0;
    error = chain_order(k->chain, &choices, &other);
    if (error) return fault(k, error);
    for (size_t i = 0; i < k->chain->notes.len; i++) printf("note: %s\n", k->chain->notes.data[i]);
    if (other) printf("note: the layers fit in other orders, too; --order NAME,NAME,... chooses one\n");
    return 0;
}

/* ---- proof ------------------------------------------------------------------------------------------------------- */

/* Numbers between -1 and 1, the same on every machine. */
static double draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-52 - 1;
}

/* x [sequence][step][inputs], or tokens. */
static double *draw_input(const import *k, size_t *components)
{
    const chain_layer *first = k->chain->layers.data[0];
    bool token = first->info->kind == LAYER_EMBEDDING;
    uint64_t state = PROOF_SEED;
    *components = token ? 1 : (size_t)first->inputs;
    size_t count = *components * PROOF_SEQUENCES * PROOF_STEPS;
    double *x = ARENA_ARRAY(k->arena, double, count);
    for (size_t i = 0; i < count; i++) {
        double v = draw(&state);
        x[i] = token ? (double)(int)((v + 1) / 2 * first->inputs) : 2 * v;
        if (token && x[i] >= first->inputs) x[i] = first->inputs - 1;
    }
    return x;
}

static bool put_input(const import *k, const double *x, size_t components, tensors *data)
{
    size_t dims[3] = {PROOF_SEQUENCES, PROOF_STEPS, components}, n = PROOF_SEQUENCES, rows = n * PROOF_STEPS;
    bool token = k->chain->layers.data[0]->info->kind == LAYER_EMBEDDING;
    int64_t *tokens = ARENA_ARRAY(k->arena, int64_t, rows), lengths[PROOF_SEQUENCES];
    for (size_t i = 0; token && i < rows; i++) tokens[i] = (int64_t)x[i];
    for (size_t i = 0; i < n; i++) lengths[i] = proof_lengths[i];
    return tensors_add(data, "x", token ? DTYPE_I64 : DTYPE_F64, token ? 2 : 3, dims, token ? (void *)tokens : x) &&
           tensors_add(data, "x_lengths", DTYPE_I64, 1, &n, lengths);
}

static int compare(const import *k, const tensor *found, const double *expected, size_t *compared, double *most)
{
    difference d = forward_compare(&k->f, found, expected, proof_bound);
    *compared += d.compared;
    if (d.absolute > *most) *most = d.absolute;
    if (!d.wrong) return 0;
    return command_fault(
        EXIT_NUMERIC,
        "%s: the spec does not compute what the network does: %zu of %zu numbers of '%s' differ, by up to "
        "%.3g; nothing is written",
        k->path, d.wrong, d.compared, found->name, d.absolute);
}

static int compare_chain(const import *k, const double *x, size_t components, size_t *compared, double *most)
{
    if (k->f.out.len != 1) BUG("the spec has %zu outputs", k->f.out.len);
    const tensor *found = &k->f.out.data[0];
    size_t each = found->count / PROOF_SEQUENCES;
    double *expected = ARENA_ARRAY(k->arena, double, found->count);
    for (size_t n = 0; n < PROOF_SEQUENCES; n++)
        chain_run(k->chain, x + n * PROOF_STEPS * components, proof_lengths[n], expected + n * each);
    return compare(k, found, expected, compared, most);
}

static int compare_onnx(const import *k, const onnx_proof *p, size_t *compared, double *most)
{
    size_t n = k->onnx.outputs.len, *counts = ARENA_ARRAY(k->arena, size_t, n + 1);
    double **expected = ARENA_ARRAY(k->arena, double *, n + 1);
    const char *error = onnx_outputs(k->net, p, expected, counts);
    if (error) return fault(k, error);
    int code = 0;
    for (size_t i = 0; i < n && !code; i++) {
        const tensor *found = tensors_find(&k->f.out, k->net->output_words.data[i]);
        if (!found || found->count != counts[i]) BUG("the spec's output %zu has another shape", i);
        code = compare(k, found, expected[i], compared, most);
    }
    return code;
}

static const char *draw_inputs(import *k, tensors *data, double **x, size_t *components, onnx_proof *p)
{
    if (k->net) return onnx_inputs(k->net, p, draw, PROOF_SEED, data);
    *x = draw_input(k, components);
    return put_input(k, *x, *components, data) ? NULL : data->error;
}

/* Lengths for as many sequences and steps as the file wants. */
static const int *onnx_lengths(const import *k)
{
    int n = k->net->open_batch ? PROOF_SEQUENCES : k->net->batch;
    int *lengths = ARENA_ARRAY(k->arena, int, (size_t)n);
    for (int i = 0; i < n; i++) {
        lengths[i] = proof_lengths[i % PROOF_SEQUENCES];
        if (!k->net->open_steps && (lengths[i] > k->net->steps || i == 0)) lengths[i] = k->net->steps;
    }
    return lengths;
}

static int prove(import *k)
{
    size_t components = 0, compared = 0;
    double *x = NULL, most = 0;
    tensors data = {0};
    onnx_proof p = {.steps = PROOF_STEPS, .batch = PROOF_SEQUENCES, .lengths = proof_lengths};
    if (k->net) p.lengths = onnx_lengths(k);
    const char *error = draw_inputs(k, &data, &x, &components, &p);
    int code = error ? fault(k, error) : 0;
    if (!code) code = forward_compute(&k->f, k->path, &k->params, "the proof", &data);
    if (!code)
        code = k->net ? compare_onnx(k, &p, &compared, &most) : compare_chain(k, x, components, &compared, &most);
    if (!code)
        printf("proved: %zu numbers of %d random sequences%s, largest difference %.2g (in double)\n", compared,
               k->net ? p.batch : PROOF_SEQUENCES, !k->net || k->net->ragged ? " of different lengths" : "", most);
    tensors_free(&data);
    return code;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int make_spec(import *k)
{
    const char *given = k->o->value[OPTION_SPEC].text, *slash = strrchr(k->path, '/');
    forward_spec s = {.path = given, .sequences = PROOF_SEQUENCES, .real_double = true};
    if (given) return forward_compile(&k->f, k->arena, k->o, &s);
    const char *file = slash ? slash + 1 : k->path;
    k->spec = k->net ? onnx_spec(k->net, k->word, file) : chain_spec(k->chain, k->word, file);
    s.path = arena_printf(k->arena, "%s.rnn", k->word);
    s.text = k->spec;
    if (k->net && !k->net->open_batch) s.sequences = (size_t)k->net->batch;
    return forward_compile(&k->f, k->arena, k->o, &s);
}

static int load(import *k)
{
    const char *error = NULL, *format = k->net ? "onnx" : k->chain->format;
    if (k->net) k->foreigns = k->net->tensors;
    if (k->net || chain_foreigns(k->chain, k->spec ? NULL : k->f.p.model, &k->foreigns, &error))
        error = maps_import(k->arena, k->f.p.model, format, &k->foreigns, &k->params, &k->zeros);
    if (error) return fault(k, error);
    for (size_t i = 0; k->net && i < k->params.len; i++) { /* they become floats, see outputs_like */
        char *why = NULL;
        if (tensor_is_finite(&k->params.data[i], sizeof(float), ", and weights of ONNX become floats", &why)) continue;
        error = arena_printf(k->arena, "%s", why ? why : "out of memory");
        free(why);
        return fault(k, error);
    }
    if (k->zeros) printf("note: the file has no tensors for %s; they are 0\n", k->zeros);
    return 0;
}

static int check_paths(const import *k)
{
    const char *folder = k->o->value[OPTION_OUT].text;
    bool makes_spec = !k->o->value[OPTION_SPEC].given;
    const command_file made[] = {
        {"what -o writes", outputs_path(k->arena, folder, k->word, ".safetensors")},
        {"the spec that -o writes", makes_spec ? outputs_path(k->arena, folder, k->word, ".rnn") : NULL}};
    return command_distinct(k->o, made, sizeof made / sizeof *made);
}

static int write(import *k)
{
    const char *folder = k->o->value[OPTION_OUT].text;
    tensors made = {0};
    int code = outputs_like(k->arena, &k->params, &k->file, &made)
                   ? outputs_write(k->arena, folder, k->word, k->spec, &made)
                   : command_fault(EXIT_SYSTEM, "%s", made.error);
    tensors_free(&made);
    if (code) return code;
    if (k->spec) printf("%s", k->spec);
    printf("%s%s%s\n", k->spec ? outputs_path(k->arena, folder, k->word, ".rnn") : "", k->spec ? ", " : "",
           outputs_path(k->arena, folder, k->word, ".safetensors"));
    return 0;
}

static int import_model(import *k)
{
    int code = check_paths(k);
    if (!code) code = read_model(k);
    if (!code) code = make_spec(k);
    if (!code) code = load(k);
    if (!code && k->spec) code = prove(k);
    if (!code && !k->spec)
        printf(
            "loaded %zu tensors as %zu parameters; the structure is the spec's own: rnnc parity holds it against the "
            "network\n",
            k->foreigns.len, k->params.len);
    return code ? code : write(k);
}

int command_import(const options *o)
{
    if (!o->value[OPTION_OUT].given) return options_fault(o, "-o is missing: the folder for the spec and its weights");
    if (o->value[OPTION_SPEC].given && (o->value[OPTION_ORDER].given || o->value[OPTION_LAST_STEP].given))
        return options_fault(o, "--spec says what the network is; --order and --last do not go with it");
import k = {.o = o, .arena = arena_new(), .path = o->operands.data[0] };
    k.word = model_word(k.arena, k.path);
    int code = import_model(&k);
    forward_close(&k.f);
    tensors_free(&k.file);
    tensors_free(&k.params);
    arena_free(k.arena);
    return code ? (fflush(stdout), code) : command_finish(0);
}
