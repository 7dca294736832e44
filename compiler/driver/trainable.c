/* trainable.c: pipeline and loaded C as a trainable; see trainable.h.
 *
 * The hash is that of the checked model as text, with the literals in full: names of files, comments, layout, the
 * settings of training and how it runs freely do not change it, every equation, size and initial value does. */
#include "driver/trainable.h"
#include "base/hash.h"
#include "driver/batch.h"
#include "train/room.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REAL_FLOAT, REAL_DOUBLE }; /* the words of --real */
enum { TIERED = JIT_CC + 1 };     /* of --jit, after the backends */

static const char *const backend_names[] = {[JIT_TCC] = "tcc", [JIT_CC] = "cc"};

/* ---- definitions and hash ---------------------------------------------------------------------------------------- */

static const char *definitions_of(const pipeline *p)
{
    text *t = text_new(p->arena);
    const char *before = "";
    for (size_t i = 0; i < p->options.define_count; i++, before = " ")
        text_put(t, "%s%s=%s", before, p->options.defines[i].word, p->options.defines[i].value);
    for (size_t i = 0; i < p->model->sizes.len; i++) {
        const model_size *z = p->model->sizes.data[i];
        if (!z->from_data) continue;
        text_put(t, "%s%s=%.17g", before, z->word, z->value);
        before = " ";
    }
    return text_string(t);
}

static const char *hash_of(const pipeline *p)
{
    text *t = text_new(p->arena);
    model_print(t, p->model);
    uint64_t h = HASH_START;
    for (const char *line = text_string(t), *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end) end++;
        const char *word = line + strspn(line, " ");
        if (strncmp(word, "train ", 6) != 0 && strncmp(word, "generate ", 9) != 0)
            h = hash_bytes(h, line, (size_t)(end - line));
    }
    for (size_t i = 1; i < p->model->variables.len; i++) {
        const model_variable *v = &p->model->variables.data[i];
        h = hash_bytes(h, &v->init.value, v->kind == VARIABLE_PARAM ? sizeof v->init.value : 0);
        if (!v->value || v->value->kind != EXPR_LITERAL) continue;
        size_t count = (size_t)v->type.shape.dim[0] * (size_t)v->type.shape.dim[1];
        h = hash_bytes(h, v->value->literal, count * sizeof *v->value->literal);
    }
    return arena_printf(p->arena, "%016llx", (unsigned long long)h);
}

void spec_warn_other(const char *path, const char *trained, const char *now)
{
    if (!trained || strcmp(trained, now) == 0) return;
    fprintf(stderr,
            "rnnc: warning: %s: was trained with another spec (hash %s, now %s); the weights fit this one, too\n", path,
            trained, now);
}

void spec_warn(const char *path, const tensors *weights, const pipeline *p)
{
    spec_warn_other(path, tensors_find_note(weights, "hash"), hash_of(p));
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

/* `generate x[t+1] ~ p` reads p from the generated code, so p is an output even where the spec does not say so. */
static void add_generated(arena *a, model *m)
{
    if (!m->generate.input) return;
    for (size_t i = 0; i < m->outputs.len; i++)
        if (m->outputs.data[i].variable == m->generate.from) return;
    array_push(a, &m->outputs,
               (model_output){m->variables.data[m->generate.from].path, m->generate.from, m->generate.at});
}

int compiled_check(compiled *c, arena *a, const options *o, const compile_options *how)
{
    *c = (compiled){.arena = a, .o = o};
    pipeline_options po = command_pipeline(o, o->operands.data[0]);
    if (how->definitions) command_define(a, &po, how->definitions, true);
    if (how->data_sizes) command_define(a, &po, how->data_sizes, false);
    po.data_size = (int)how->data_size;
    po.purpose = FOR_BUILD;
    po.emit.standalone = true;
    po.emit.real_double = o->value[OPTION_REAL].number == REAL_DOUBLE;
    int unread = command_open(&c->p, a, &po);
    if (unread) return unread;
    bool good = pipeline_check(&c->p);
    if (!how->silent && (!good || !how->quiet)) command_print_messages(o, &c->p);
    if (!good) return EXIT_SPEC;
    c->definitions = definitions_of(&c->p);
    c->hash = hash_of(&c->p);
    add_generated(a, c->p.model);
    return 0;
}

/* ---- what training sees ------------------------------------------------------------------------------------------ */

static void describe_params(compiled *c, const graph *g)
{
    trainable *t = &c->t;
    t->params = g->params.len;
    t->param = ARENA_ARRAY(c->arena, train_param, t->params + 1);
    size_t offset = 0;
    for (size_t i = 0; i < t->params; i++) {
        const graph_param *p = &g->params.data[i];
        size_t size = (size_t)shape_size(p->shape);
        t->param[i] = (train_param){.name = p->path, .rank = p->shape.rank, .offset = offset, .size = size};
        for (int k = 0; k < 2; k++) t->param[i].dims[k] = (size_t)p->shape.dim[k];
        offset += size;
    }
}

/* A loss function, or a difference in an expression of the spec's own: of two variables, one the target. */
static bool compares(model_function f) { return f == FUNCTION_sub || function_table[f].class == LOSS; }

/* The variable that a loss compares with this target, 0 for none: a in mean_square(a, y), in (y - a) ^ 2. `by`: in which
 * function. */
static uint32_t compared_in(const model_expr *e, name target, const model *m, model_function *by)
{
    if (e->kind != EXPR_CALL) return 0;
    if (e->call.count > 1 && compares(e->call.function)) {
        const model_expr *first = e->call.args[0], *second = e->call.args[1];
        bool both = first->kind == EXPR_VARIABLE && second->kind == EXPR_VARIABLE;
        *by = e->call.function;
        if (both && m->variables.data[second->read.variable].path == target) return first->read.variable;
        if (both && m->variables.data[first->read.variable].path == target) return second->read.variable;
    }
    uint32_t found = 0;
    for (int i = 0; !found && i < e->call.count; i++) found = compared_in(e->call.args[i], target, m, by);
    return found;
}

static int compared_with(const graph *g, const model *m, name target, model_function *by)
{
    for (size_t i = 0; i < m->losses.len; i++) {
        const model_expr *value = m->variables.data[m->losses.data[i].value].value;
        uint32_t found = value ? compared_in(value, target, m, by) : 0;
        for (size_t k = 0; found && k < m->outputs.len; k++)
            for (size_t o = 0; m->outputs.data[k].variable == found && o < g->outputs.len; o++)
                if (g->outputs.data[o].path == m->outputs.data[k].word) return (int)o + 1;
    }
    return 0;
}

/* Does a cross-entropy, or ctc, take the softmax of this variable? */
static bool is_logits_in(const model *m, const model_expr *e, uint32_t variable)
{
    if (e->kind != EXPR_CALL) return false;
    if (e->call.function == FUNCTION_cross_entropy || e->call.function == FUNCTION_ctc) {
        const model_expr *logits = model_logits(m, e->call.args[0], FUNCTION_softmax);
        if (logits && logits->kind == EXPR_VARIABLE && logits->read.variable == variable) return true;
    }
    for (int i = 0; i < e->call.count; i++)
        if (is_logits_in(m, e->call.args[i], variable)) return true;
    return false;
}

static train_scale scale_of(const model *m, uint32_t variable)
{
    const model_expr *value = m->variables.data[variable].value;
    bool known = m->variables.data[variable].kind == VARIABLE_EQUATION && value;
    if (known && (model_logits(m, value, FUNCTION_softmax) || model_logits(m, value, FUNCTION_sigmoid)))
        return TRAIN_CHANCES;
    for (size_t i = 0; i < m->losses.len; i++) {
        const model_expr *loss = m->variables.data[m->losses.data[i].value].value;
        if (loss && is_logits_in(m, loss, variable)) return TRAIN_LOGITS;
    }
    return TRAIN_ANY_SCALE;
}

static train_part train_part_of(loss_part part)
{
    switch (part) {
    case LOSS_NO_PART: return TRAIN_NO_PART;
    case LOSS_SUM: return TRAIN_SUM;
    case LOSS_COUNT: return TRAIN_COUNT;
    case LOSS_TOTAL_COUNT: return TRAIN_TOTAL_COUNT;
    }
    BUG("no such part of a loss");
}

static void describe_values(compiled *c, const graph *g)
{
    trainable *t = &c->t;
    const model_generate *generate = &c->p.model->generate;
    t->generate_input = t->generate_output = -1;
    t->inputs = g->inputs.len;
    t->outputs = g->outputs.len;
    t->losses = c->p.model->losses.len;
    t->input = ARENA_ARRAY(c->arena, train_value, t->inputs + 1);
    t->output = ARENA_ARRAY(c->arena, train_value, t->outputs + 1);
    for (size_t i = 0; i < t->inputs; i++) {
        const graph_input *in = &g->inputs.data[i];
        t->input[i] = batch_input(in);
        model_function by = FUNCTION_sub;
        if (in->target) t->input[i].compared = compared_with(g, c->p.model, in->path, &by);
        t->input[i].binary = t->input[i].compared && by == FUNCTION_binary_cross_entropy;
        if (generate->input && c->p.model->variables.data[generate->input].path == in->path) t->generate_input = (int)i;
    }
    if (generate->input) {
        t->generate_axis = generate->axis;
        t->generate_first = generate->first.given ? generate->first.token : -1;
        t->generate_end = generate->end.given ? generate->end.token : -1;
    }
    for (size_t i = 0; i < t->outputs; i++) {
        const graph_output *out = &g->outputs.data[i];
        t->output[i] = batch_value(out->path, graph_type(g, out->node));
        t->output[i].part = train_part_of(out->part);
        t->output[i].loss = (size_t)out->loss;
        for (size_t k = 0; k < c->p.model->outputs.len; k++) {
            const model_output *from = &c->p.model->outputs.data[k];
            if (from->word != out->path) continue;
            if (generate->input && from->variable == generate->from) t->generate_output = (int)i;
            const train_value *v = &t->output[i];
            t->output[i].scale = scale_of(c->p.model, from->variable);
            t->output[i].measures = c->p.model->variables.data[from->variable].on_target && !v->token && v->rank == 0;
        }
    }
    if (t->generate_output >= 0)
        t->generate_ahead = plan_reads_ahead(g, g->outputs.data[t->generate_output].node, t->generate_axis);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void call_init(void *self, void *params, uint64_t seed) { ((compiled *)self)->l.init(params, seed); }

static void call_pack(void *self, const void *params, void *packed) { ((compiled *)self)->l.pack(params, packed); }

static void call_reset(void *self, void *state)
{
    compiled *c = self;
    if (c->l.reset) c->l.reset(state);
}

static bool call_has(void *self, train_entry e) { return ((compiled *)self)->l.entry[ENTRY_STEP + e] != NULL; }

/* Memory of the call: kept from call to call, larger when one needs more. */
static void *work_for(compiled *c, entry e)
{
    size_t reals = loaded_size(&c->l, emit_work_size(e), c->call.batch, c->call.steps);
    size_t bytes = reals * c->t.real_size;
    if (c->work && bytes <= c->work_bytes) return c->work;
    free(c->work);
    c->work = room_new(bytes);
    c->work_bytes = c->work ? bytes : 0;
    return c->work;
}

static int call_run(void *self, train_entry which, const train_call *t)
{
    compiled *c = self;
    loaded_call *call = &c->call;
    entry e = (entry)(ENTRY_STEP + which);
    memset(call->words, 0, (c->l.c->field_count + 1) * sizeof *call->words);
    call->batch = t->sequences;
    loaded_put_number(call, FIELD_BATCH, 0, t->sequences);
    for (uint32_t i = 1; i <= (uint32_t)c->t.axes; i++) {
        call->steps[i] = t->steps[i];
        loaded_put_number(call, FIELD_STEPS, i, t->steps[i]);
        loaded_put(call, FIELD_LENGTHS, i, t->lengths[i]);
    }
    loaded_put(call, FIELD_PARAMS, 0, t->params);
    loaded_put(call, FIELD_PACKED, 0, t->packed);
    for (uint32_t i = 0; t->input && i < c->t.inputs; i++) loaded_put(call, FIELD_INPUT, i, t->input[i]);
    for (uint32_t i = 0; t->output && i < c->t.outputs; i++) loaded_put(call, FIELD_OUTPUT, i, t->output[i]);
    loaded_put(call, FIELD_STATE, 0, t->state);
    loaded_put(call, FIELD_LOSS, 0, t->loss);
    loaded_put(call, FIELD_GRADS, 0, t->grads);
    loaded_put_number(call, FIELD_SEED, 0, t->seed);
    loaded_put_number(call, FIELD_UPDATE, 0, t->update);
    loaded_put_number(call, FIELD_SEQUENCE, 0, t->sequence);
    loaded_put(call, FIELD_WORK, 0, work_for(c, e));
    return loaded_run(call, e);
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static const char *call_code(void *self) { return ((compiled *)self)->code; }

static bool call_improve(void *self)
{
    compiled *c = self;
    if (!c->tiered || !tier_advance(&c->tier)) return false;
    c->code = backend_names[JIT_CC];
    return true;
}

static void call_settle(void *self)
{
    compiled *c = self;
    if (c->tiered) tier_settle(&c->tier);
}

/* One code for all of it, or tiers. */
static int open_code(compiled *c, const compile_options *how, double work)
{
    bool here[] = {[JIT_TCC] = jit_available(JIT_TCC), [JIT_CC] = jit_available(JIT_CC)};
    const option_value *asked = &c->o->value[how->tiers ? OPTION_TIERS : OPTION_JIT];
    jit_backend backend = (jit_backend)asked->number;
    bool tiers = how->tiers && (!asked->given || asked->number == TIERED);
    const char *error;
    if (!here[JIT_TCC] && !here[JIT_CC] && (tiers || !asked->given)) return command_lacks_compiler();
    bool tiered = tiers && here[JIT_TCC] && here[JIT_CC];
    if (tiers && !tiered) {
        backend = here[JIT_TCC] ? JIT_TCC : JIT_CC;
        if (asked->given && here[JIT_TCC])
            command_notice("there is no C compiler (set CC): the code of libtcc goes on");
        if (asked->given && here[JIT_CC]) command_notice("libtcc is not built in: the C compiler's code alone is used");
    } else if (!asked->given) {
        loaded_backend(&backend, work);
    }
    c->tiered = tiered;
    c->open = tiered ? tier_open(&c->tier, &c->l, c->arena, &c->p, how->optimised, command_notice, &error)
                     : loaded_open(&c->l, c->arena, &c->p, &(jit_options){COMMAND_JIT(backend)}, &error);
    if (!c->open) return command_fault(EXIT_SYSTEM, "%s", error);
    c->code = backend_names[!tiered ? backend : c->tier.first ? JIT_TCC : JIT_CC];
    return 0;
}

/* What is carried, in order; names are those of the spec's variables. */
static const char *state_layout(const compiled *c)
{
    const pool *shared = c->p.programs.shared;
    text *t = text_new(c->arena);
    text_put(t, "%d sequences, %zu bytes a real", c->p.options.emit.batch, c->t.real_size);
    for (size_t i = 1; i < shared->states.len; i++) {
        const state_slot *s = &shared->states.data[i];
        text_put(t, ", %s %d x %d", s->name, s->rows, s->columns);
    }
    return text_string(t);
}

int compiled_load(compiled *c, const compile_options *how)
{
    enum { ROUNDS = 3 }; /* each parameter is read forward and twice backward */
    c->p.options.emit.batch = (int)how->sequences;
    c->p.options.emit.training = !how->generates;
    c->p.options.loss_parts = true;
    int uncut = command_root(c->o, &c->p, how->call_steps);
    if (uncut) return uncut;
    pipeline_plan(&c->p, (pipeline_dump){0});
    uncut = command_segments(&c->p);
    if (uncut) return uncut;
    const graph *g = c->p.programs.graph;
    size_t params = graph_param_offset(g, g->params.len);
    int code = open_code(c, how, ROUNDS * (double)params * (double)how->sequences * (double)how->steps * how->calls);
    if (code) return code;
    command_stage(c->o, c->tiered && !c->tier.first ? "code, from the cache" : "code");

    size_t none[MAX_TIME_AXES + 1] = {0};
    c->call = loaded_call_new(&c->l, 1, none);
    trainable *t = &c->t;
    *t = (trainable){.model = c->p.model->word,
                     .hash = c->hash,
                     .real_size = c->p.options.emit.real_double ? sizeof(double) : sizeof(float),
                     .size = params,
                     .packed_size = loaded_size(&c->l, SIZE_PACKED, 1, NULL),
                     .state_bytes = c->l.c->loss_carries ? loaded_size(&c->l, SIZE_STATE_BYTES, 1, NULL) : 0,
                     .step_state_bytes = c->l.entry[ENTRY_STEP] ? loaded_size(&c->l, SIZE_STATE_BYTES, 1, NULL) : 0,
                     .max_sequences = how->sequences,
                     .threads = c->p.options.emit.threads,
                     .axes = g->axes,
                     .self = c,
                     .init = call_init,
                     .pack = call_pack,
                     .reset = call_reset,
                     .run = call_run,
                     .has = call_has,
                     .code = call_code,
                     .improve = call_improve,
                     .settle = call_settle};
    for (int i = 1; i <= g->axes; i++) t->axis_name[i] = g->axis[i].letter;
    t->state_layout = state_layout(c);
    describe_params(c, g);
    describe_values(c, g);
    return 0;
}

void compiled_close(compiled *c)
{
    if (c->tiered) tier_settle(&c->tier);
    if (c->open) loaded_close(&c->l);
    free(c->work);
    *c = (compiled){0};
}
