/* vectors.c: what a target needs to be held against the oracle: weights, inputs, and the outputs that the oracle
 * computes from them.
 *
 *     vectors SPEC BATCH STEPS DIR [NAME=VALUE]...
 *
 * writes DIR/w.safetensors, for `rnnc build --weights`, and DIR/vectors.h, for driver.c: the arrays as constants, and
 * lists of the inputs, outputs and axes. Weights and inputs are random floats; the oracle computes with them in
 * doubles. */
#include "agree/subject.h"
#include "train/safetensors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_spec(const char *path)
{
    enum { MOST = 1 << 16 };
    char *spec = calloc(1, MOST);
    FILE *f = fopen(path, "rb");
    if (!f || !spec || !fread(spec, 1, MOST - 1, f)) {
        fprintf(stderr, "vectors: %s cannot be read\n", path);
        exit(3);
    }
    fclose(f);
    return spec;
}

static bool write_weights(const subject *s, const feed *f, const char *path)
{
    const graph *g = s->interface;
    tensors all = {0};
    const double *from = f->params;
    for (size_t i = 0; i < g->params.len; i++) {
        shape of = g->params.data[i].shape;
        const size_t dims[] = {(size_t)of.dim[0], (size_t)of.dim[1]};
        tensor *t = tensors_add(&all, g->params.data[i].path, DTYPE_F32, (size_t)of.rank, dims, NULL);
        if (!t) return false;
        for (int k = 0; k < shape_size(of); k++) ((float *)t->data)[k] = (float)*from++;
    }
    bool written = safetensors_write(path, &all);
    tensors_free(&all);
    return written;
}

static void write_array(FILE *out, const char *kind, name of, type t, const double *values, size_t n)
{
    bool token = t.element == TOKEN;
    fprintf(out, "static const %s %s_%s[] = {", token ? "int" : "float", kind, of);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s", i % 8 ? " " : "\n    ");
        if (token)
            fprintf(out, "%d,", (int)values[i]);
        else
            fprintf(out, "%.8ef,", values[i]);
    }
    fprintf(out, "\n};\n");
}

/* Of a list of inputs or outputs: name, type, how many numbers, whether it varies over the first axis, along which
 * `step` goes. */
static void write_entry(FILE *out, name of, type t, size_t n)
{
    fprintf(out, " X(%s, %s, %zu, %d)", of, t.element == TOKEN ? "int" : "float", n, (t.axes & axis_bit(1)) != 0);
}

static void write_vectors(subject *s, const feed *f, FILE *out)
{
    const graph *g = s->interface;
    const answer *a = oracle_run(s, ENTRY_FORWARD, f);
    fprintf(out, "/* vectors.h: made by vectors.c from %s. */\n#define BATCH %d\n#define STEPS %d\n#define AXES(X)",
            s->path, f->batch, f->steps[1]);
    for (int i = 1; i <= g->axes; i++)
        fprintf(out, " X(%s, %s, %d)", g->axis[i].letter, g->axis[i].length, f->steps[i]);
    fprintf(out, "\n#define WORK_OF(MACRO) MACRO(");
    for (int i = 1; i <= g->axes; i++) fprintf(out, "%d, ", f->steps[i]);
    fprintf(out, "BATCH)\n#define INPUTS(X)");
    for (size_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (!in->target) write_entry(out, in->path, in->type, type_count(in->type, f));
    }
    fprintf(out, "\n#define OUTPUTS(X)");
    for (size_t i = 0; i < g->outputs.len; i++) {
        type t = graph_type(g, g->outputs.data[i].node);
        write_entry(out, g->outputs.data[i].path, t, type_count(t, f));
    }
    fprintf(out, "\n");
    for (size_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (!in->target) write_array(out, "in", in->path, in->type, f->inputs[i], type_count(in->type, f));
    }
    for (size_t i = 0; i < g->outputs.len; i++) {
        type t = graph_type(g, g->outputs.data[i].node);
        write_array(out, "want", g->outputs.data[i].path, t, a->outputs[i], type_count(t, f));
    }
}

int main(int argc, char **argv)
{
    enum { SIZES = 8 };
    if (argc < 5 || argc > 5 + SIZES) return 2;
    model_define defines[SIZES] = {0};
    size_t count = 0;
    for (int i = 5; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) return 2;
        *equals = '\0';
        defines[count++] = (model_define){.word = argv[i], .value = equals + 1};
    }
    char *spec = read_spec(argv[1]), path[4096];
    subject *s = subject_open(argv[1], spec, defines, count);
    if (!s) return 1;
    uint64_t random = 7;
    const feed *f = feed_new(s, &random, (feed_size){.batch = atoi(argv[2]), .steps = atoi(argv[3])});
    snprintf(path, sizeof path, "%s/w.safetensors", argv[4]);
    bool written = write_weights(s, f, path);
    snprintf(path, sizeof path, "%s/vectors.h", argv[4]);
    FILE *out = fopen(path, "w");
    if (out) write_vectors(s, f, out);
    written = written && out && fclose(out) == 0;
    subject_close(s);
    free(spec);
    return written ? 0 : 3;
}
