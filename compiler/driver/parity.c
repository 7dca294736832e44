/* parity.c: rnnc parity SPEC --weights W.safetensors --reference R.npz [--bound X]
 *
 * In: a spec, weights, and a file with the inputs of the model and the outputs that another tool computed from them.
 * Out: for each output the largest difference, absolute and relative, and where it is; exit status 4 when a number is
 * further off than the bound: |found - expected| > bound * max(1, |expected|). What lies beyond the length of a
 * sequence is not compared. */
#include "driver/forward.h"
#include "train/arrays.h"
#include "train/npz.h"
#include "train/safetensors.h"
#include <math.h>
#include <string.h>

enum { REAL_FLOAT, REAL_DOUBLE }; /* the words of --real */
static const double default_bound = 1e-5;

typedef struct parity {
    const options *o;
    arena *arena;
    forward f;
    const char *path; /* of the reference */
    tensors weights, reference;
    tensors inputs; /* what of the reference the model reads: borrowed */
    double bound;
} parity;

static int check_options(const options *o)
{
    if (!o->value[OPTION_WEIGHTS].given) return options_fault(o, "--weights is missing");
    if (!o->value[OPTION_REFERENCE].given) return options_fault(o, "--reference is missing");
    return 0;
}

static int read_files(parity *k)
{
    const char *weights = k->o->value[OPTION_WEIGHTS].text;
    int code = command_can_read(weights);
    if (!code) code = command_can_read(k->path);
    if (code) return code;
    if (!safetensors_read(weights, &k->weights)) return command_unread(&k->weights);
    if (!npz_read(k->path, &k->reference)) return command_unread(&k->reference);
    return 0;
}

/* ---- which array is what ----------------------------------------------------------------------------------------- */

static bool is_input(const graph *g, const char *word)
{
    for (size_t i = 0; i < g->inputs.len; i++) {
        size_t n = strlen(g->inputs.data[i].path);
        bool begins = strncmp(word, g->inputs.data[i].path, n) == 0;
        if (begins && (!word[n] || strcmp(word + n, LENGTHS_SUFFIX) == 0)) return true;
    }
    return false;
}

static bool is_output(const parity *k, const char *word)
{
    for (size_t i = 0; i < k->f.g->outputs.len; i++)
        if (strcmp(k->f.g->outputs.data[i].path, word) == 0) return true;
    return k->f.p.loss && strcmp(word, "loss") == 0;
}

/* Takes the inputs out of the file; every array must be an input or an output, and one of them an output. */
static int sort_arrays(parity *k)
{
    const graph *g = k->f.g;
    const char **known = ARENA_ARRAY(k->arena, const char *, g->inputs.len + g->outputs.len + 1);
    size_t count = 0, outputs = 0;
    for (size_t i = 0; i < g->inputs.len; i++) known[count++] = g->inputs.data[i].path;
    for (size_t i = 0; i < g->outputs.len; i++) known[count++] = g->outputs.data[i].path;
    k->inputs.data = ARENA_ARRAY(k->arena, tensor, k->reference.len + 1);
    for (size_t i = 0; i < k->reference.len; i++) {
        const tensor *t = &k->reference.data[i];
        bool input = is_input(g, t->name), output = is_output(k, t->name);
        if (input) k->inputs.data[k->inputs.len++] = *t;
        if (output) outputs++;
        if (input || output) continue;
        const char *nearest = name_nearest(t->name, known, count);
        return command_fault(EXIT_SPEC, "%s: the model has no input or output '%s'%s%s%s", k->path, t->name,
                             nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    }
    if (outputs) return 0;
    return command_fault(EXIT_SPEC,
                         "%s: none of its arrays is an output of the model, so there is nothing to compare%s%s%s",
                         k->path, g->outputs.len ? "; it may hold '" : "",
                         g->outputs.len ? g->outputs.data[0].path : "", g->outputs.len ? "'" : "");
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static const char *dims_text(arena *a, const tensor *t)
{
    text *out = text_new(a);
    for (size_t i = 0; i < t->rank; i++) text_put(out, "%s%zu", i ? ", " : "(", t->dims[i]);
    text_puts(out, t->rank ? ")" : "()");
    return text_string(out);
}

/* "(0, 3, 1)": the indices of element `at`. */
static const char *place_text(arena *a, const tensor *t, size_t at)
{
    const char *inside = "";
    for (size_t i = t->rank; i-- > 0; at /= t->dims[i])
        inside = arena_printf(a, "%zu%s%s", at % t->dims[i], *inside ? ", " : "", inside);
    return arena_printf(a, "(%s)", inside);
}

static bool has_shape(const tensor *a, const tensor *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

static int compare_output(const parity *k, const tensor *found, int width)
{
    const tensor *expected = tensors_find(&k->reference, found->name);
    if (!expected) {
        printf("%-*s  not in the reference\n", width, found->name);
        return 0;
    }
    if (!has_shape(found, expected))
        return command_fault(EXIT_SPEC, "%s: '%s' has shape %s, but the model's is %s", k->path, found->name,
                             dims_text(k->arena, expected), dims_text(k->arena, found));
    double *numbers = ARENA_ARRAY(k->arena, double, expected->count);
    tensor_to_double(expected, numbers);
    difference d = forward_compare(&k->f, found, numbers, k->bound);
    double relative = d.scale > 0 ? d.absolute / d.scale : d.absolute > 0 ? INFINITY : 0;
    printf("%-*s  largest difference %.3g, relative %.3g", width, found->name, d.absolute, relative);
    if (d.absolute > 0 && found->rank) printf(", at %s", place_text(k->arena, found, d.at));
    if (d.wrong) printf("; %zu of %zu numbers beyond the bound of %g", d.wrong, d.compared, k->bound);
    putchar('\n');
    return d.wrong ? EXIT_NUMERIC : 0;
}

static int compare_all(const parity *k)
{
    int width = 0, worst = 0;
    const tensors *out = &k->f.out;
    for (size_t i = 0; i < k->reference.len; i++) {
        const tensor *t = &k->reference.data[i];
        if (is_output(k, t->name) && !is_input(k->f.g, t->name) && !tensors_find(out, t->name))
            return command_fault(EXIT_SPEC, "%s: '%s' cannot be computed without all targets", k->path, t->name);
    }
    for (size_t i = 0; i < out->len; i++)
        if ((int)strlen(out->data[i].name) > width) width = (int)strlen(out->data[i].name);
    for (size_t i = 0; i < out->len; i++) {
        int code = compare_output(k, &out->data[i], width);
        if (code && code != EXIT_NUMERIC) return code;
        if (code) worst = code;
    }
    return worst;
}

int command_parity(const options *o)
{
    int code = check_options(o);
    if (code) return code;
    parity k = {.o = o, .arena = arena_new(), .path = o->value[OPTION_REFERENCE].text, .bound = default_bound};
    if (o->value[OPTION_BOUND].given) k.bound = o->value[OPTION_BOUND].decimal;
    code = read_files(&k);
    size_t sequences = code || !k.reference.len || !k.reference.data[0].rank ? 1 : k.reference.data[0].dims[0];
    for (size_t i = 0; !code && i < k.reference.len; i++)
        if (k.reference.data[i].rank && k.reference.data[i].dims[0] > sequences)
            sequences = k.reference.data[i].dims[0];
    forward_spec spec = {.path = o->operands.data[0],
                         .sequences = sequences,
                         .arrays = &k.reference,
                         .arrays_path = k.path,
                         .real_double = o->value[OPTION_REAL].number == REAL_DOUBLE};
    if (!code) code = forward_compile(&k.f, k.arena, o, &spec);
    if (!code) code = sort_arrays(&k);
    if (!code) code = forward_compute(&k.f, o->value[OPTION_WEIGHTS].text, &k.weights, k.path, &k.inputs);
    if (!code) code = compare_all(&k);
    forward_close(&k.f);
    tensors_free(&k.weights);
    tensors_free(&k.reference);
    arena_free(k.arena);
    return code ? (fflush(stdout), code) : command_finish(0);
}
