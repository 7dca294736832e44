/* probed.c: from a spec, data and parameters to calls of `grad`; see probed.h. */
#include "driver/probed.h"
#include "api/weights.h"
#include "driver/data_sizes.h"
#include "driver/point.h"
#include "driver/trainable.h"
#include "kernels/codes.h"
#include "train/npz.h"
#include "train/safetensors.h"
#include <stdlib.h>
#include <string.h>

enum { STAND_IN = 5 }; /* for sizes that come from data */

/* The arrays of --data; none where it is not given. The caller frees them. */
static int read_data(const options *o, tensors *data)
{
    const char *path = o->value[OPTION_DATA].text;
    int code = path ? command_can_read(path) : 0;
    if (!code && path && !npz_read(path, data)) code = command_unread(data);
    return code;
}

int probed_check(probed *m, const options *o, const char *path, model_define *define, size_t count)
{
    *m = (probed){.o = o, .arena = arena_new()};
    pipeline_options po = command_pipeline(o, path);
    po.defines = define;
    po.define_count = count;
    po.purpose = FOR_RUN;
    po.data_size = STAND_IN;
    po.emit.standalone = po.emit.real_double = true;
    tensors data = {0};
    int unread = read_data(o, &data);
    if (!unread && data.len) unread = data_sizes_define(m->arena, &data, o->value[OPTION_DATA].text, &po);
    tensors_free(&data);
    if (!unread) unread = command_open(&m->p, m->arena, &po);
    if (unread) return unread;
    bool good = pipeline_check(&m->p);
    command_print_messages(o, &m->p);
    return good ? 0 : EXIT_SPEC;
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

static bool can_probe(const model_variable *v)
{
    bool kind = (v->kind == VARIABLE_EQUATION && v->value) || (v->kind == VARIABLE_INPUT && !v->target);
    return kind && !v->type.token && (v->type.axes & BATCH);
}

int probed_find(const pipeline *p, const char *word, uint32_t *variable)
{
    const model *of = p->model;
    const char **known = ARENA_ARRAY(p->arena, const char *, of->variables.len + 1), *path = p->options.path;
    size_t count = 0;
    uint32_t found = 0;
    for (uint32_t v = 1; v < of->variables.len; v++) {
        const model_variable *at = &of->variables.data[v];
        if (strcmp(at->path, word) == 0) found = v;
        if (!at->hidden && can_probe(at)) known[count++] = at->path;
    }
    if (!found) {
        const char *nearest = name_nearest(word, known, count);
        return command_fault(EXIT_SPEC, "%s: the model '%s' has no variable '%s'%s%s%s", path, of->word, word,
                             nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    }
    /* `g = h`: what the network reads may be either. */
    while (can_probe(&of->variables.data[found]) && of->variables.data[found].value &&
           of->variables.data[found].value->kind == EXPR_VARIABLE)
        found = of->variables.data[found].value->read.variable;
    if (!can_probe(&of->variables.data[found]))
        return command_fault(EXIT_SPEC, "%s: '%s' is no real value of a sequence", path, word);
    *variable = found;
    return 0;
}

int probed_find_list(const pipeline *p, const char *list, uint32_t **variable, size_t *count)
{
    *count = 0;
    *variable = ARENA_ARRAY(p->arena, uint32_t, strlen(list) + 1);
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        uint32_t v = 0;
        int code = probed_find(p, arena_strndup(p->arena, at, length), &v);
        if (code) return code;
        bool new = true;
        for (size_t i = 0; i < *count; i++) new = new && (*variable)[i] != v;
        if (new) (*variable)[(*count)++] = v;
        at += length + (at[length] == ',');
    }
    return 0;
}

int probed_input(const graph *g, uint32_t variable, bool seeded)
{
    for (size_t i = 0; i < g->inputs.len; i++)
        if (g->inputs.data[i].probe == variable && g->inputs.data[i].seed == seeded) return (int)i;
    BUG("the variable %u has no probe", variable);
}

/* ---- data and parameters ----------------------------------------------------------------------------------------- */

static int compile(probed *m, const tensors *data, size_t sequences, int steps)
{
    int *of = ARENA_ARRAY(m->arena, int, MAX_TIME_AXES + 1);
    m->p.options.emit.batch = (int)sequences;
    for (size_t i = 0; i < data->len; i++)
        if (data->data[i].rank && data->data[i].dims[0] <= OPTIONS_MAX_NUMBER &&
            data->data[i].dims[0] > (size_t)m->p.options.emit.batch)
            m->p.options.emit.batch = (int)data->data[i].dims[0];
    pipeline_plan(&m->p, (pipeline_dump){0});
    m->g = m->p.programs.graph;
    int code = options_steps(m->o, m->g->axis, m->g->axes, of);
    if (code) return code;
    double rows = m->p.options.emit.batch;
    for (int i = 1; i <= m->g->axes; i++) rows *= of[i] ? of[i] : steps;
    code = command_load(m->o, &m->l, m->arena, &m->p, 3 * rows * (double)graph_param_offset(m->g, m->g->params.len));
    m->open = code == 0;
    if (code) return code;
    if (data->len) {
        const char *path = m->o->value[OPTION_DATA].text;
        code = batch_from_arrays(&m->b, &m->l, m->g, path, data, of);
        return code ? code : batch_check_steps(&m->b, m->p.loss, path);
    }
    m->b.sequences = sequences;
    for (int i = 1; i <= m->g->axes; i++) m->b.steps[i] = (size_t)(of[i] ? of[i] : steps);
    for (int axis = 1; axis <= m->g->axes; axis++) { /* labels may become shorter */
        m->b.lengths[axis] = ARENA_ARRAY(m->arena, int, sequences);
        for (size_t n = 0; n < sequences; n++) m->b.lengths[axis][n] = (int)m->b.steps[axis];
    }
    uint64_t random = m->o->value[OPTION_SEED].given ? m->o->value[OPTION_SEED].number : 1;
    point_inputs(&m->b, m->g, m->arena, &random);
    return 0;
}

static int take_params(probed *m)
{
    const char *path = m->o->value[OPTION_WEIGHTS].text;
    if (!path) {
        m->params = loaded_init(&m->l, m->o->value[OPTION_INIT].given ? m->o->value[OPTION_INIT].number : 1);
        return 0;
    }
    tensors file = {0};
    const char *error = NULL;
    int code = command_can_read(path);
    if (!code && !safetensors_read(path, &file)) code = command_unread(&file);
    if (!code) m->params = weights_from_tensors(&m->l, m->g, path, &file, &error);
    if (!code && !error) spec_warn(path, &file, &m->p);
    tensors_free(&file);
    return error ? command_fault(EXIT_SPEC, "%s", error) : code;
}

static int check_targets(const probed *m)
{
    for (size_t i = 0; i < m->g->inputs.len; i++)
        if (!m->b.input[i] && !m->p.options.probes.seeded)
            return command_fault(EXIT_SPEC, "%s: the loss needs the target '%s', which is missing",
                                 m->o->value[OPTION_DATA].text, m->g->inputs.data[i].path);
    return 0;
}

static void prepare_call(probed *m)
{
    m->call = loaded_call_new(&m->l, m->b.sequences, m->b.steps);
    m->d_params = loaded_reals(&m->l, loaded_size(&m->l, SIZE_PARAMS, 1, NULL));
    m->packed = loaded_pack(&m->l, m->params);
    m->d_input = ARENA_ARRAY(m->arena, double *, m->g->inputs.len + 1);
    for (uint32_t i = 1; i <= (uint32_t)m->g->axes; i++) loaded_put(&m->call, FIELD_LENGTHS, i, m->b.lengths[i]);
    loaded_put(&m->call, FIELD_PARAMS, 0, m->params);
    loaded_put(&m->call, FIELD_PACKED, 0, m->packed);
    loaded_put(&m->call, FIELD_LOSS, 0, &m->loss);
    loaded_put(&m->call, FIELD_GRADS, 0, m->d_params);
    for (uint32_t i = 0; i < m->g->inputs.len; i++) {
        const graph_input *in = &m->g->inputs.data[i];
        loaded_put(&m->call, FIELD_INPUT, i, m->b.input[i]);
        if (in->target || in->type.element != REAL) continue;
        m->d_input[i] = loaded_reals(&m->l, point_reals(&m->b, m->g, in));
        loaded_put(&m->call, FIELD_INPUT_GRAD, i, m->d_input[i]);
    }
    loaded_work(&m->call, ENTRY_GRAD);
}

int probed_load(probed *m, size_t sequences, int steps)
{
    tensors data = {0};
    int code = read_data(m->o, &data);
    if (!code) code = compile(m, &data, sequences, steps);
    tensors_free(&data);
    if (!code) code = check_targets(m);
    if (!code) code = take_params(m);
    if (!code) prepare_call(m);
    return code;
}

int probed_run(probed *m)
{
    memset(m->d_params, 0, loaded_size(&m->l, SIZE_PARAMS, 1, NULL) * sizeof *m->d_params);
    int fault = loaded_run(&m->call, ENTRY_GRAD);
    return fault ? command_fault(EXIT_SYSTEM, "the generated code refuses its arguments: %s", rnn_strerror(fault)) : 0;
}

void probed_close(probed *m)
{
    if (m->open) loaded_close(&m->l);
    arena_free(m->arena);
    *m = (probed){0};
}
