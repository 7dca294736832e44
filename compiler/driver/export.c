/* export.c: rnnc export SPEC --weights W.safetensors -o M.safetensors|M.onnx
 *
 * In: a spec and its weights. Out: the same numbers as a state dict of PyTorch, by the lines `weights torch { }` of
 * the cells: h.weight_ih_l0, h.weight_ih_l0_reverse, p.dense.weight. Where PyTorch has two biases and we one, the
 * second is 0. Parameters that no such line mentions keep their names. */
#include "driver/command.h"
#include "driver/outputs.h"
#include "driver/trainable.h"
#include "exchange/onnx_export.h"
#include "exchange/torch.h"
#include "train/safetensors.h"
#include <stdlib.h>
#include <string.h>

typedef struct export
{
    const options *o;
    arena *arena;
    pipeline p;
    tensors weights, out;
}
export;

static bool ends_with(const options *o, const char *suffix)
{
    const char *path = o->value[OPTION_OUT].text;
    return strlen(path) > strlen(suffix) && strcmp(path + strlen(path) - strlen(suffix), suffix) == 0;
}

static bool wants_onnx(const options *o) { return ends_with(o, ".onnx"); }

static int check_options(const options *o)
{
    if (!o->value[OPTION_WEIGHTS].given) return options_fault(o, "--weights is missing");
    if (!o->value[OPTION_OUT].given) return options_fault(o, "-o is missing: the file to write, .safetensors or .onnx");
    if (!wants_onnx(o) && !ends_with(o, ".safetensors"))
        return options_fault(o, "-o: expected a name that ends in .safetensors or .onnx, found '%s'",
                             o->value[OPTION_OUT].text);
    if (o->value[OPTION_LENGTHS].given && !wants_onnx(o))
        return options_fault(o, "--lengths makes an input of ONNX: -o M.onnx");
    return command_distinct(o, &(command_file){"-o", o->value[OPTION_OUT].text}, 1);
}

static int read_files(export *k)
{
    const char *weights = k->o->value[OPTION_WEIGHTS].text;
    pipeline_options po = command_pipeline(k->o, k->o->operands.data[0]);
    int code = command_can_read(weights);
    if (!code) code = command_can_write(k->o->value[OPTION_OUT].text);
    if (code) return code;
    command_define_by_weights(k->o, &po);
    if (!safetensors_read(weights, &k->weights)) return command_unread(&k->weights);
    code = command_open(&k->p, k->arena, &po);
    if (code) return code;
    bool good = pipeline_check(&k->p);
    command_print_messages(k->o, &k->p);
    return good ? 0 : EXIT_SPEC;
}

static int write(export *k)
{
    foreigns all = {0};
    model_parameters left = {0};
    const char *weights = k->o->value[OPTION_WEIGHTS].text;
    const char *error = maps_export(k->arena, k->p.model, "torch", &k->weights, &all, &left);
    if (error) return command_fault(EXIT_SPEC, "%s: %s", weights, error);
    spec_warn(weights, &k->weights, &k->p);
    tensors wide = {0};
    for (size_t i = 0; i < all.len; i++) {
        const foreign *f = &all.data[i];
        size_t dims[2] = {(size_t)f->shape.dim[0], (size_t)f->shape.dim[1]};
        tensors_add(&wide, torch_name(k->arena, f), DTYPE_F64, (size_t)f->shape.rank, dims, f->values);
    }
    for (size_t i = 0; i < left.len; i++) {
        const tensor *t = tensors_find(&k->weights, left.data[i]->path);
        double *values = ARENA_ARRAY(k->arena, double, t->count);
        tensor_to_double(t, values);
        tensors_add(&wide, t->name, DTYPE_F64, t->rank, t->dims, values);
    }
    if (left.len == 1) printf("note: '%s' keeps its name: no 'weights torch { }' mentions it\n", left.data[0]->path);
    if (left.len > 1)
        printf("note: %zu tensors keep their names, '%s' to '%s': no 'weights torch { }' mentions them\n", left.len,
               left.data[0]->path, left.data[left.len - 1]->path);
    bool good = !wide.error && outputs_like(k->arena, &wide, &k->weights, &k->out) &&
                safetensors_write(k->o->value[OPTION_OUT].text, &k->out);
    int code = good ? 0 : command_fault(EXIT_SYSTEM, "%s", wide.error ? wide.error : k->out.error);
    tensors_free(&wide);
    return code;
}

/* The tensors of the file are floats. */
static int check_floats(const export *k)
{
    for (size_t i = 0; i < k->weights.len; i++) {
        char *why = NULL;
        if (tensor_is_finite(&k->weights.data[i], sizeof(float), ", as an ONNX file has them", &why)) continue;
        int code = command_fault(EXIT_SPEC, "%s: %s", k->o->value[OPTION_WEIGHTS].text, why ? why : "out of memory");
        free(why);
        return code;
    }
    return 0;
}

static int write_onnx(export *k)
{
    onnx_model made;
    int code = check_floats(k);
    if (code) return code;
    bool lengths = k->o->value[OPTION_LENGTHS].given;
    const char *error = onnx_export(k->arena, k->p.model, &k->weights, lengths, &made);
    if (error) return command_fault(EXIT_SPEC, "%s: %s", k->o->operands.data[0], error);
    spec_warn(k->o->value[OPTION_WEIGHTS].text, &k->weights, &k->p);
    if (onnx_save(k->arena, k->o->value[OPTION_OUT].text, &made, &error)) return 0;
    return command_fault(EXIT_SYSTEM, "%s: %s", k->o->value[OPTION_OUT].text, error);
}

int command_export(const options *o)
{
    int code = check_options(o);
    if (code) return code;
    export k = {.o = o, .arena = arena_new()};
    code = read_files(&k);
    if (!code) code = wants_onnx(o) ? write_onnx(&k) : write(&k);
    tensors_free(&k.weights);
    tensors_free(&k.out);
    arena_free(k.arena);
    return code ? (fflush(stdout), code) : command_finish(0);
}
