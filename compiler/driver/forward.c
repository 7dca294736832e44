/* forward.c: compiles a spec in memory and computes its outputs; see forward.h. */
#include "driver/forward.h"
#include "api/weights.h"
#include "driver/data_sizes.h"
#include "driver/trainable.h"
#include "kernels/codes.h"
#include <math.h>
#include <string.h>

int forward_compile(forward *f, arena *a, const options *o, const forward_spec *s)
{
    *f = (forward){.o = o};
    pipeline_options po = command_pipeline(o, s->path);
    command_define_by_weights(o, &po);
    po.purpose = FOR_RUN;
    po.emit.standalone = true;
    po.emit.real_double = s->real_double;
    if (s->sequences > 1 && s->sequences <= OPTIONS_MAX_NUMBER) po.emit.batch = (int)s->sequences;
    int unread = s->arrays ? data_sizes_define(a, s->arrays, s->arrays_path, &po) : 0;
    if (s->text) po.define_count = 0; /* a text of ours has nothing to choose */
    if (s->text)
        pipeline_open_text(&f->p, a, &po, s->text);
    else if (!unread)
        unread = command_open(&f->p, a, &po);
    if (unread) return unread;
    bool good = pipeline_check(&f->p);
    command_print_messages(o, &f->p);
    if (!good) return EXIT_SPEC;
    pipeline_plan(&f->p, (pipeline_dump){0});
    f->g = f->p.programs.graph;

    int code = command_load(o, &f->l, a, &f->p, 0);
    f->open = code == 0;
    return code;
}

void *forward_reals(forward *f, type t)
{
    return loaded_reals(&f->l, batch_time_rows(f->g, t.axes, f->b.steps) * (t.axes & BATCH ? f->b.sequences : 1) *
                                   (size_t)shape_size(t.shape));
}

loaded_call forward_call(forward *f, const void *params)
{
    loaded_call call = loaded_call_new(&f->l, f->b.sequences, f->b.steps);
    for (uint32_t i = 1; i <= (uint32_t)f->g->axes; i++) loaded_put(&call, FIELD_LENGTHS, i, f->b.lengths[i]);
    loaded_put(&call, FIELD_PARAMS, 0, params);
    loaded_put(&call, FIELD_PACKED, 0, loaded_pack(&f->l, params));
    for (uint32_t i = 0; i < f->g->inputs.len; i++) loaded_put(&call, FIELD_INPUT, i, f->b.input[i]);
    return call;
}

int forward_finish(loaded_call *call, entry e)
{
    loaded_work(call, e);
    int fault = loaded_run(call, e);
    return fault ? command_fault(EXIT_SYSTEM, "the generated code refuses its arguments: %s", rnn_strerror(fault)) : 0;
}

int forward_outputs(forward *f, const void *params)
{
    f->targets = f->p.loss && f->b.targets;
    const graph *g = f->targets ? f->p.loss : f->p.forward;
    void **outputs = ARENA_ARRAY(f->p.arena, void *, g->outputs.len + 1), *loss = loaded_reals(&f->l, 1);
    loaded_call call = forward_call(f, params);
    for (uint32_t i = 0; i < g->outputs.len; i++) {
        if (!node_some(g->outputs.data[i].node)) continue;
        outputs[i] = forward_reals(f, graph_type(g, g->outputs.data[i].node));
        loaded_put(&call, FIELD_OUTPUT, i, outputs[i]);
    }
    if (f->targets) loaded_put(&call, FIELD_LOSS, 0, loss);
    int code = forward_finish(&call, f->targets ? ENTRY_LOSS : ENTRY_FORWARD);
    if (code) return code;
    for (uint32_t i = 0; i < g->outputs.len; i++)
        if (outputs[i])
            batch_to_array(&f->b, &f->l, g, graph_type(g, g->outputs.data[i].node), outputs[i], g->outputs.data[i].path,
                           &f->out);
    if (f->targets) batch_to_array(&f->b, &f->l, g, type_real(SCALAR, 0), loss, "loss", &f->out);
    return f->out.error ? command_fault(EXIT_SYSTEM, "%s", f->out.error) : 0;
}

int forward_compute(forward *f, const char *weights_path, const tensors *weights, const char *data_path,
                    const tensors *data)
{
    int steps[MAX_TIME_AXES + 1];
    int code = options_steps(f->o, f->g->axis, f->g->axes, steps);
    if (!code) code = batch_from_arrays(&f->b, &f->l, f->g, data_path, data, steps);
    if (!code) code = batch_check_steps(&f->b, f->p.loss && f->b.targets ? f->p.loss : f->p.forward, data_path);
    if (code) return code;
    const char *error;
    const void *params = weights_from_tensors(&f->l, f->g, weights_path, weights, &error);
    if (params) spec_warn(weights_path, weights, &f->p);
    return params ? forward_outputs(f, params) : command_fault(EXIT_SPEC, "%s", error);
}

void forward_close(forward *f)
{
    if (f->open) loaded_close(&f->l);
    tensors_free(&f->out);
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

/* The type of the output, which says how its array is laid out; `loss` is a number. */
static type type_of(const forward *f, const char *word)
{
    const graph *g = f->targets ? f->p.loss : f->p.forward;
    for (size_t i = 0; i < g->outputs.len; i++)
        if (strcmp(g->outputs.data[i].path, word) == 0) return graph_type(g, g->outputs.data[i].node);
    return type_real(SCALAR, 0);
}

static double distance(double a, double b)
{
    if (isnan(a) && isnan(b)) return 0;
    if (a == b) return 0;
    return isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY;
}

difference forward_compare(const forward *f, const tensor *found, const double *expected, double bound)
{
    difference d = {0};
    type t = type_of(f, found->name);
    double *a = ARENA_ARRAY(f->p.arena, double, found->count);
    size_t size = (size_t)shape_size(t.shape), rows = batch_time_rows(f->g, t.axes, f->b.steps);
    tensor_to_double(found, a);
    for (size_t i = 0; i < found->count; i++) {
        size_t n = i / (rows * size), s = i / size % rows;
        if (t.axes & BATCH && !batch_inside(&f->b, f->g, t.axes, n, s)) continue;
        double off = distance(a[i], expected[i]), magnitude = isfinite(expected[i]) ? fabs(expected[i]) : 0;
        if (magnitude > d.scale) d.scale = magnitude;
        if (off > d.absolute) {
            d.absolute = off;
            d.at = i;
        }
        d.compared++;
        d.wrong += off > bound * fmax(1, magnitude);
    }
    return d;
}
