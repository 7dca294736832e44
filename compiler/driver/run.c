/* run.c: rnnc run SPEC --weights W.safetensors --data D.npz -o OUT.npz [--grad G.safetensors [--adjoint NAME,...]]
 *
 * In: a spec, weights, a file of arrays. Out: the outputs, the loss and the gradients of the whole file as one batch,
 * dropout off: how a model is held against another framework. Everything is checked before anything is computed, and
 * computed before anything is written. */
#include "api/weights.h"
#include "driver/data_sizes.h"
#include "driver/forward.h"
#include "driver/probed.h"
#include "driver/trainable.h"
#include "train/npz.h"
#include "train/safetensors.h"
#include <stdlib.h>
#include <string.h>

enum { REAL_FLOAT, REAL_DOUBLE }; /* the words of --real */

typedef struct run {
    const options *o;
    arena *arena;
    forward f;
    tensors weights, data, grads;
    void *params;
} run;

static const char *value(const run *r, option_id id) { return r->o->value[id].text; }

static int check_options(const options *o)
{
    if (!o->value[OPTION_DATA].given) return options_fault(o, "--data is missing");
    if (!o->value[OPTION_OUT].given) return options_fault(o, "-o is missing: the .npz file to write");
    if (!o->value[OPTION_WEIGHTS].given && !o->value[OPTION_INIT].given)
        return options_fault(o, "--weights is missing (or --init SEED, to draw the parameters)");
    if (o->value[OPTION_WEIGHTS].given && o->value[OPTION_INIT].given)
        return options_fault(o, "--weights and --init exclude each other");
    if (o->value[OPTION_CHECKPOINT].given && !o->value[OPTION_GRAD].given)
        return options_fault(o, "--checkpoint is about gradients: it goes with --grad G.safetensors");
    if (o->value[OPTION_ADJOINT].given && !o->value[OPTION_GRAD].given)
        return options_fault(o, "--adjoint adds to the file of --grad, which is missing");
    return command_distinct(o, &(command_file){"-o", o->value[OPTION_OUT].text}, 1);
}

/* ---- before ------------------------------------------------------------------------------------------------------ */

static int read_files(run *r)
{
    const char *weights = value(r, OPTION_WEIGHTS), *data = value(r, OPTION_DATA);
    int code = weights ? command_can_read(weights) : 0;
    if (!code) code = command_can_read(data);
    if (!code) code = command_can_write(value(r, OPTION_OUT));
    if (!code) code = command_can_write_files(r->o);
    if (code) return code;
    if (weights && !safetensors_read(weights, &r->weights)) return command_unread(&r->weights);
    if (!npz_read(data, &r->data)) return command_unread(&r->data);
    return 0;
}

static bool is_output(const graph *g, const char *word)
{
    for (size_t i = 0; i < g->outputs.len; i++)
        if (strcmp(g->outputs.data[i].path, word) == 0) return true;
    return false;
}

/* Steps of the first input over time in the file; 0: there is none. */
static size_t steps_of(const run *r)
{
    const model *m = r->f.p.model;
    for (size_t i = 1; i < m->variables.len; i++) {
        const model_variable *v = &m->variables.data[i];
        bool over_time = v->kind == VARIABLE_INPUT && v->type.axes & ~(model_axes)BATCH;
        const tensor *t = over_time ? tensors_find(&r->data, v->path) : NULL;
        if (t && t->rank > 1) return t->dims[1];
    }
    return 0;
}

static int compile(run *r)
{
    pipeline_options po = command_pipeline(r->o, r->o->operands.data[0]);
    command_define_by_weights(r->o, &po);
    po.purpose = FOR_RUN;
    po.emit.standalone = true;
    po.emit.real_double = r->o->value[OPTION_REAL].number == REAL_DOUBLE;
    int unread = data_sizes_define(r->arena, &r->data, value(r, OPTION_DATA), &po);
    if (!unread) unread = command_open(&r->f.p, r->arena, &po);
    if (unread) return unread;
    bool good = pipeline_check(&r->f.p);
    command_print_messages(r->o, &r->f.p);
    if (!good) return EXIT_SPEC;
    lower_probes *probes = &r->f.p.options.probes;
    uint32_t *variable = NULL;
    const char *adjoint = value(r, OPTION_ADJOINT);
    int code = adjoint ? probed_find_list(&r->f.p, adjoint, &variable, &probes->count) : 0;
    if (code) return code;
    probes->variable = variable;
    /* The C is made for as many sequences as the file has; what is wrong with its arrays is found later. */
    for (size_t i = 0; i < r->data.len; i++)
        if (r->data.data[i].rank && r->data.data[i].dims[0] > (size_t)r->f.p.options.emit.batch &&
            r->data.data[i].dims[0] <= OPTIONS_MAX_NUMBER)
            r->f.p.options.emit.batch = (int)r->data.data[i].dims[0];
    int uncut = command_root(r->o, &r->f.p, steps_of(r));
    if (uncut) return uncut;
    pipeline_plan(&r->f.p, (pipeline_dump){0});
    uncut = command_segments(&r->f.p);
    if (uncut) return uncut;
    r->f.g = r->f.p.programs.graph;
    if (r->f.p.loss && is_output(r->f.g, "loss"))
        return command_fault(
            EXIT_SPEC, "%s: an output is called 'loss', which is the name of the loss; write 'output loss as ...'",
            po.path);
    if (r->o->value[OPTION_GRAD].given && !r->f.p.loss)
        return command_fault(EXIT_SPEC, "%s: the model has no loss, so --grad has no gradients to write", po.path);
    return 0;
}

/* Multiplications of forward and backward, roughly: each parameter twice or thrice a step. */
static double work_of(const run *r)
{
    double rows = 0;
    for (size_t i = 0; i < r->data.len; i++) {
        const tensor *t = &r->data.data[i];
        double steps = t->rank > 1 ? (double)t->dims[0] * (double)t->dims[1] : (double)t->count;
        if (steps > rows) rows = steps;
    }
    return 3 * rows * (double)graph_param_offset(r->f.g, r->f.g->params.len);
}

static int load(run *r)
{
    int code = command_load(r->o, &r->f.l, r->arena, &r->f.p, work_of(r));
    r->f.open = code == 0;
    return code;
}

static int check_targets(const run *r)
{
    if (!r->o->value[OPTION_GRAD].given || r->f.b.targets) return 0;
    for (size_t i = 0; i < r->f.g->inputs.len; i++)
        if (r->f.g->inputs.data[i].target && !r->f.b.input[i])
            return command_fault(EXIT_SPEC, "%s: --grad needs the loss, and the target '%s' is missing",
                                 value(r, OPTION_DATA), r->f.g->inputs.data[i].path);
    return 0;
}

static int prepare(run *r)
{
    int steps[MAX_TIME_AXES + 1];
    int code = options_steps(r->o, r->f.g->axis, r->f.g->axes, steps);
    if (!code) code = batch_from_arrays(&r->f.b, &r->f.l, r->f.g, value(r, OPTION_DATA), &r->data, steps);
    if (!code) code = check_targets(r);
    const graph *g = r->f.p.loss && r->f.b.targets ? r->f.p.loss : r->f.p.forward;
    if (!code) code = batch_check_steps(&r->f.b, g, value(r, OPTION_DATA));
    if (code) return code;
    const char *error = NULL;
    if (r->o->value[OPTION_INIT].given)
        r->params = loaded_init(&r->f.l, r->o->value[OPTION_INIT].number);
    else
        r->params = weights_from_tensors(&r->f.l, r->f.g, value(r, OPTION_WEIGHTS), &r->weights, &error);
    if (!error && value(r, OPTION_WEIGHTS)) spec_warn(value(r, OPTION_WEIGHTS), &r->weights, &r->f.p);
    return error ? command_fault(EXIT_SPEC, "%s", error) : 0;
}

/* ---- computing --------------------------------------------------------------------------------------------------- */

static int compute_gradients(run *r)
{
    forward *f = &r->f;
    loaded_call call = forward_call(f, r->params);
    void *d_params = loaded_reals(&f->l, loaded_size(&f->l, SIZE_PARAMS, 1, NULL));
    void **d_inputs = ARENA_ARRAY(r->arena, void *, f->g->inputs.len + 1); /* NULL: not computed */
    loaded_put(&call, FIELD_GRADS, 0, d_params);
    loaded_put(&call, FIELD_LOSS, 0, loaded_reals(&f->l, 1));
    for (uint32_t i = 0; i < f->g->inputs.len; i++) {
        const graph_input *in = &f->g->inputs.data[i];
        if (in->target || in->type.element != REAL) continue;
        d_inputs[i] = forward_reals(f, in->type);
        loaded_put(&call, FIELD_INPUT_GRAD, i, d_inputs[i]);
    }
    int code = forward_finish(&call, ENTRY_GRAD);
    if (code) return code;
    weights_to_tensors(&f->l, f->g, d_params, &r->grads);
    for (size_t i = 0; i < f->g->inputs.len; i++) {
        const graph_input *in = &f->g->inputs.data[i];
        const char *word = in->probe ? arena_printf(r->arena, "adjoint.%s", f->p.model->variables.data[in->probe].path)
                                     : arena_printf(r->arena, "input.%s", in->path);
        if (d_inputs[i]) batch_to_array(&f->b, &f->l, f->g, in->type, d_inputs[i], word, &r->grads);
    }
    return 0;
}

/* ---- after ------------------------------------------------------------------------------------------------------- */

static int write_files(run *r)
{
    bool grads = r->o->value[OPTION_GRAD].given;
    if (r->grads.error) return command_fault(EXIT_SYSTEM, "%s", r->grads.error);
    if (!r->f.out.len)
        return command_fault(EXIT_SPEC, "%s: without its targets the model computes nothing", value(r, OPTION_DATA));
    if (!npz_write(value(r, OPTION_OUT), &r->f.out)) return command_fault(EXIT_SYSTEM, "%s", r->f.out.error);
    if (grads && !safetensors_write(value(r, OPTION_GRAD), &r->grads))
        return command_fault(EXIT_SYSTEM, "%s", r->grads.error);
    return 0;
}

int command_run(const options *o)
{
    int code = check_options(o);
    if (code) return code;
    run r = {.o = o, .arena = arena_new(), .f.o = o};
    code = read_files(&r);
    if (!code) code = compile(&r);
    if (!code) code = load(&r);
    if (!code) code = prepare(&r);
    if (!code) code = forward_outputs(&r.f, r.params);
    if (!code && o->value[OPTION_GRAD].given) code = compute_gradients(&r);
    if (!code) code = write_files(&r);
    forward_close(&r.f);
    tensors_free(&r.weights);
    tensors_free(&r.data);
    tensors_free(&r.grads);
    arena_free(r.arena);
    return code;
}
