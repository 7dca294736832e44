/* run.c: rnnc run SPEC --weights W.safetensors --data D.npz -o OUT.npz [--grad G.safetensors [--adjoint NAME,...]]
 *
 * In: a spec, weights, a file of arrays. Out: the outputs, the loss and the gradients of the whole file as one batch,
 * dropout off: how a model is held against another framework. Everything is checked before anything is computed, and
 * computed before anything is written. */
#include "driver/batch.h"
#include "driver/command.h"
#include "driver/probed.h"
#include "api/weights.h"
#include "train/npz.h"
#include "train/safetensors.h"
#include <stdlib.h>
#include <string.h>

enum { REAL_FLOAT, REAL_DOUBLE }; /* the words of --real */

typedef struct run {
    const options *o;
    arena *arena;
    pipeline p;
    const graph *g; /* the interface */
    loaded l;
    bool open;
    tensors weights, data, out, grads;
    batch b;
    void *params;
    void **outputs, **input_grads; /* by number; NULL: not computed */
    void *loss, *d_params;
} run;

static const char *value(const run *r, option_id id)
{
    return r->o->value[id].text;
}

static int check_options(const options *o)
{
    if (!o->value[OPTION_DATA].given) return options_fault(o, "--data is missing");
    if (!o->value[OPTION_OUT].given) return options_fault(o, "-o is missing");
    if (!o->value[OPTION_WEIGHTS].given && !o->value[OPTION_INIT].given)
        return options_fault(o, "--weights is missing (or --init SEED, to draw the parameters)");
    if (o->value[OPTION_WEIGHTS].given && o->value[OPTION_INIT].given)
        return options_fault(o, "--weights and --init exclude each other");
    if (o->value[OPTION_ADJOINT].given && !o->value[OPTION_GRAD].given)
        return options_fault(o, "--adjoint adds to the file of --grad, which is missing");
    command_files in = { 0 }, out = { 0 };
    command_add_file(&in, "SPEC", o->operands.data[0]);
    command_add_file(&in, "--weights", o->value[OPTION_WEIGHTS].text);
    command_add_file(&in, "--data", o->value[OPTION_DATA].text);
    command_add_file(&out, "-o", o->value[OPTION_OUT].text);
    command_add_file(&out, "--grad", o->value[OPTION_GRAD].text);
    return command_distinct(o, &in, &out);
}

/* ---- before ------------------------------------------------------------------------------------------------------ */

static int read_files(run *r)
{
    const char *weights = value(r, OPTION_WEIGHTS), *data = value(r, OPTION_DATA), *grad = value(r, OPTION_GRAD);
    int code = weights ? command_can_read(weights) : 0;
    if (!code) code = command_can_read(data);
    if (!code) code = command_can_write(value(r, OPTION_OUT));
    if (!code && grad) code = command_can_write(grad);
    if (code) return code;
    if (weights && !safetensors_read(weights, &r->weights)) return command_fault(EXIT_SPEC, "%s", r->weights.error);
    if (!npz_read(data, &r->data)) return command_fault(EXIT_SPEC, "%s", r->data.error);
    return 0;
}

static bool is_output(const graph *g, const char *word)
{
    for (size_t i = 0; i < g->outputs.len; i++)
        if (strcmp(g->outputs.data[i].path, word) == 0) return true;
    return false;
}

static int compile(run *r)
{
    pipeline_options po = command_pipeline(r->o, r->o->operands.data[0]);
    command_define_by_weights(r->o, &po);
    po.purpose = FOR_RUN;
    po.emit.standalone = true;
    po.emit.real_double = r->o->value[OPTION_REAL].number == REAL_DOUBLE;
    int unread = command_open(&r->p, r->arena, &po);
    if (unread) return unread;
    bool good = pipeline_check(&r->p);
    command_print_messages(r->o, &r->p);
    if (!good) return EXIT_SPEC;
    lower_probes *probes = &r->p.options.probes;
    uint32_t *variable = NULL;
    const char *adjoint = value(r, OPTION_ADJOINT);
    int code = adjoint ? probed_find_list(&r->p, adjoint, &variable, &probes->count) : 0;
    if (code) return code;
    probes->variable = variable;
    /* The C is made for as many sequences as the file has; what is wrong with its arrays is found later. */
    for (size_t i = 0; i < r->data.len; i++)
        if (r->data.data[i].rank && r->data.data[i].dims[0] > (size_t)r->p.options.emit.batch &&
            r->data.data[i].dims[0] <= OPTIONS_MAX_NUMBER)
            r->p.options.emit.batch = (int)r->data.data[i].dims[0];
    pipeline_compile(&r->p, (pipeline_dump){ 0 });
    r->g = r->p.programs.graph;
    if (r->p.loss && is_output(r->g, "loss"))
        return command_fault(
            EXIT_SPEC, "%s: an output is called 'loss', which is the name of the loss; write 'output loss as ...'",
            po.path);
    if (r->o->value[OPTION_GRAD].given && !r->p.loss)
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
    return 3 * rows * (double)weights_offset(r->g, (uint32_t)r->g->params.len);
}

static int load(run *r)
{
    int code = command_load(r->o, &r->l, r->arena, &r->p, work_of(r));
    r->open = code == 0;
    return code;
}

static int check_targets(const run *r)
{
    if (!r->o->value[OPTION_GRAD].given || r->b.targets) return 0;
    for (size_t i = 0; i < r->g->inputs.len; i++)
        if (r->g->inputs.data[i].target && !r->b.input[i])
            return command_fault(EXIT_SPEC, "%s: --grad needs the loss, and the target '%s' is missing",
                                 value(r, OPTION_DATA), r->g->inputs.data[i].path);
    return 0;
}

static int prepare(run *r)
{
    int steps[MAX_TIME_AXES + 1];
    int code = options_steps(r->o, r->g->axis, r->g->axes, steps);
    if (!code) code = batch_from_arrays(&r->b, &r->l, r->g, value(r, OPTION_DATA), &r->data, steps);
    if (!code) code = check_targets(r);
    if (!code)
        code = batch_check_steps(&r->b, r->p.loss && r->b.targets ? r->p.loss : r->p.forward, value(r, OPTION_DATA));
    if (code) return code;
    const char *error = NULL;
    if (r->o->value[OPTION_INIT].given)
        r->params = loaded_init(&r->l, r->o->value[OPTION_INIT].number);
    else
        r->params = weights_from_tensors(&r->l, r->g, value(r, OPTION_WEIGHTS), &r->weights, &error);
    return error ? command_fault(EXIT_SPEC, "%s", error) : 0;
}

/* ---- computing --------------------------------------------------------------------------------------------------- */

static size_t reals_of(const run *r, type t)
{
    return batch_time_rows(r->g, t.axes, r->b.steps) * (t.axes & BATCH ? r->b.sequences : 1) *
           (size_t)shape_size(t.shape);
}

static loaded_call new_call(run *r)
{
    loaded_call call = loaded_call_new(&r->l, r->b.sequences, r->b.steps);
    for (uint32_t i = 1; i <= (uint32_t)r->g->axes; i++) loaded_put(&call, FIELD_LENGTHS, i, r->b.lengths[i]);
    loaded_put(&call, FIELD_PARAMS, 0, r->params);
    loaded_put(&call, FIELD_PACKED, 0, loaded_pack(&r->l, r->params));
    for (uint32_t i = 0; i < r->g->inputs.len; i++) loaded_put(&call, FIELD_INPUT, i, r->b.input[i]);
    return call;
}

static int finish_call(loaded_call *call, entry e)
{
    loaded_work(call, e);
    int fault = loaded_run(call, e);
    return fault ? command_fault(EXIT_SYSTEM, "the generated code refuses its arguments (error %d)", fault) : 0;
}

static int compute_outputs(run *r)
{
    bool with_loss = r->p.loss && r->b.targets;
    const graph *g = with_loss ? r->p.loss : r->p.forward;
    loaded_call call = new_call(r);
    r->outputs = ARENA_ARRAY(r->arena, void *, g->outputs.len + 1);
    for (uint32_t i = 0; i < g->outputs.len; i++) {
        if (!node_some(g->outputs.data[i].node)) continue;
        r->outputs[i] = loaded_reals(&r->l, reals_of(r, graph_type(g, g->outputs.data[i].node)));
        loaded_put(&call, FIELD_OUTPUT, i, r->outputs[i]);
    }
    if (with_loss) loaded_put(&call, FIELD_LOSS, 0, r->loss = loaded_reals(&r->l, 1));
    int code = finish_call(&call, with_loss ? ENTRY_LOSS : ENTRY_FORWARD);
    for (uint32_t i = 0; !code && i < g->outputs.len; i++)
        if (r->outputs[i])
            batch_to_array(&r->b, &r->l, g, graph_type(g, g->outputs.data[i].node), r->outputs[i],
                           g->outputs.data[i].path, &r->out);
    if (!code && with_loss) batch_to_array(&r->b, &r->l, g, type_real(SCALAR, 0), r->loss, "loss", &r->out);
    return code;
}

static int compute_gradients(run *r)
{
    loaded_call call = new_call(r);
    r->d_params = loaded_reals(&r->l, loaded_size(&r->l, SIZE_PARAMS, 1, NULL));
    r->input_grads = ARENA_ARRAY(r->arena, void *, r->g->inputs.len + 1);
    loaded_put(&call, FIELD_GRADS, 0, r->d_params);
    loaded_put(&call, FIELD_LOSS, 0, loaded_reals(&r->l, 1));
    for (uint32_t i = 0; i < r->g->inputs.len; i++) {
        const graph_input *in = &r->g->inputs.data[i];
        if (in->target || in->type.element != REAL) continue;
        r->input_grads[i] = loaded_reals(&r->l, reals_of(r, in->type));
        loaded_put(&call, FIELD_INPUT_GRAD, i, r->input_grads[i]);
    }
    int code = finish_call(&call, ENTRY_GRAD);
    if (code) return code;
    weights_to_tensors(&r->l, r->g, r->d_params, &r->grads);
    for (size_t i = 0; i < r->g->inputs.len; i++) {
        const graph_input *in = &r->g->inputs.data[i];
        const char *word = in->probe ? arena_printf(r->arena, "adjoint.%s", r->p.model->variables.data[in->probe].path)
                                     : arena_printf(r->arena, "input.%s", in->path);
        if (r->input_grads[i]) batch_to_array(&r->b, &r->l, r->g, in->type, r->input_grads[i], word, &r->grads);
    }
    return 0;
}

/* ---- after ------------------------------------------------------------------------------------------------------- */

static int write_files(run *r)
{
    bool grads = r->o->value[OPTION_GRAD].given;
    if (r->out.error) return command_fault(EXIT_SYSTEM, "%s", r->out.error);
    if (r->grads.error) return command_fault(EXIT_SYSTEM, "%s", r->grads.error);
    if (!r->out.len)
        return command_fault(EXIT_SPEC, "%s: without its targets the model computes nothing", value(r, OPTION_DATA));
    if (!npz_write(value(r, OPTION_OUT), &r->out)) return command_fault(EXIT_SYSTEM, "%s", r->out.error);
    if (grads && !safetensors_write(value(r, OPTION_GRAD), &r->grads))
        return command_fault(EXIT_SYSTEM, "%s", r->grads.error);
    return 0;
}

int command_run(const options *o)
{
    int code = check_options(o);
    if (code) return code;
    run r = { .o = o, .arena = arena_new() };
    code = read_files(&r);
    if (!code) code = compile(&r);
    if (!code) code = load(&r);
    if (!code) code = prepare(&r);
    if (!code) code = compute_outputs(&r);
    if (!code && o->value[OPTION_GRAD].given) code = compute_gradients(&r);
    if (!code) code = write_files(&r);
    if (r.open) loaded_close(&r.l);
    tensors_free(&r.weights);
    tensors_free(&r.data);
    tensors_free(&r.out);
    tensors_free(&r.grads);
    arena_free(r.arena);
    return code;
}
