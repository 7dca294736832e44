/* call.c: calls of a compiled model, and the state that passes between them; see rnnc.h.
 *
 * In: a model, weights, a struct of pointers and numbers. Out: what the generated C writes. The C checks lengths and
 * tokens before it writes anything; what it refuses is looked for again here, to be named. */
#include "api/handle.h"
#include "kernels/codes.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)RNNC_MAX_AXES == (int)MAX_TIME_AXES, "rnnc.h says how many time axes there may be");
_Static_assert((int)RNNC_STEP == (int)ENTRY_STEP && (int)RNNC_GRAD == (int)ENTRY_GRAD, "entries in one order");

/* A call under way. */
typedef struct running {
    const rnnc_model *m;
    const graph *g;
    const rnnc_weights *w;
    const rnnc_call *c;
    entry e;
    size_t steps[MAX_TIME_AXES + 1]; /* steps[axis], axis from 1 */
    rnnc_error *error;
} running;

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

size_t rnnc_count(const rnnc_value *v, const rnnc_call *call)
{
    if (!v || !call) return 0;
    size_t n = v->components;
    bool fits = !(v->axes & RNNC_OVER_BATCH) || size_mul(n, call->sequences, &n);
    for (unsigned i = 0; fits && i < RNNC_MAX_AXES; i++)
        if (v->axes & RNNC_OVER_TIME(i)) fits = size_mul(n, call->steps[i], &n);
    return fits ? n : 0;
}

/* Reals of all buffers of a program, as a double, which does not overflow. */
static double work_estimate(const running *r, const program *p)
{
    double reals = 0;
    for (size_t i = 1; i < p->buffers.len; i++) {
        const buffer *b = &p->buffers.data[i];
        double size = b->storage == STORE_WORK ? (double)b->columns : 0;
        if (b->axes & BATCH) size *= (double)r->c->sequences;
        for (int axis = 1; axis <= r->g->axes; axis++)
            if (b->axes & axis_bit(axis)) size *= (double)r->steps[axis] + b->before[axis] + b->after[axis];
        reals += size;
    }
    return reals;
}

static const program *program_of(const running *r)
{
    const emit_model *p = &r->m->p.programs;
    switch (r->e) {
    case ENTRY_STEP: return p->step;
    case ENTRY_FORWARD: return p->forward;
    case ENTRY_LOSS: return p->loss;
    case ENTRY_GRAD: return p->grad;
    }
    return NULL;
}

/* Bytes of the call's memory; 0 after a fault: more than the model may take. */
static size_t work_bytes(running *r)
{
    double estimate = work_estimate(r, program_of(r)) * (double)r->m->real_bytes;
    size_t bytes = 0;
    if (estimate <= (double)r->m->max_memory)
        bytes = loaded_size(&r->m->l, emit_work_size(r->e), r->c->sequences, r->steps) * r->m->real_bytes;
    if (bytes && bytes <= r->m->max_memory) return bytes;
    fault_of(r->error, RNNC_NO_MEMORY, "%s of %zu sequences would take %.3g MB; max_memory allows %.3g MB",
             entry_name(r->e), r->c->sequences, estimate / 1e6, (double)r->m->max_memory / 1e6);
    return 0;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Memory that an earlier call has left, or new; NULL: there is none. */
static call_work *take(const rnnc_model *of, size_t bytes)
{
    rnnc_model *m = (rnnc_model *)of; /* the list of idle memory is no part of what a model is */
    pthread_mutex_lock(&m->lock);
    call_work *w = m->idle;
    if (w) m->idle = w->next;
    pthread_mutex_unlock(&m->lock);
    if (!w) w = calloc(1, sizeof *w);
    if (!w || (w->memory && bytes <= w->bytes)) return w;
    free(w->memory);
    w->memory = model_room(m, bytes, 1);
    w->bytes = w->memory ? bytes : 0;
    if (w->memory) return w;
    free(w);
    return NULL;
}

static void give_back(const rnnc_model *of, call_work *w)
{
    rnnc_model *m = (rnnc_model *)of;
    pthread_mutex_lock(&m->lock);
    w->next = m->idle;
    m->idle = w;
    pthread_mutex_unlock(&m->lock);
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static rnnc_status check_steps(running *r)
{
    size_t rows = r->c->sequences;
    if (rows < 1 || rows > rnnc_max_sequences(r->m))
        return fault_of(r->error, RNNC_BAD_CALL, "%zu sequences; the model was compiled for 1 to %zu (max_sequences)",
                        rows, rnnc_max_sequences(r->m));
    for (int i = 1; i <= r->g->axes; i++) {
        r->steps[i] = r->e == ENTRY_STEP ? 1 : r->c->steps[i - 1];
        if (r->steps[i] < 1)
            return fault_of(r->error, RNNC_BAD_CALL, "steps[%d], the number of steps of %s, is 0", i - 1,
                            r->g->axis[i].letter);
        if (!size_mul(rows, r->steps[i], &rows) || rows > INT_MAX)
            return fault_of(r->error, RNNC_BAD_CALL, "sequences and steps are together more than %d", INT_MAX);
    }
    return RNNC_OK;
}

static rnnc_status check(running *r)
{
    if (!model_callable(r->m, r->error)) return RNNC_BAD_CALL;
    r->g = r->m->p.programs.graph;
    if (!r->m->l.entry[r->e])
        return fault_of(r->error, RNNC_BAD_CALL,
                        r->e == ENTRY_STEP ? "there is no step: an output reads a later step"
                                           : "the model has no loss");
    if (!r->c || !r->w) return fault_of(r->error, RNNC_BAD_CALL, "the %s NULL", r->c ? "weights are" : "call is");
    if (r->w->model != r->m) return fault_of(r->error, RNNC_BAD_CALL, "the weights are those of another model");
    if (r->c->state && r->c->state->model != r->m)
        return fault_of(r->error, RNNC_BAD_CALL, "the state is that of another model");
    if (r->c->state && r->e >= ENTRY_LOSS && !r->m->p.c.loss_carries)
        return fault_of(r->error, RNNC_BAD_CALL, "%s reads later steps, so it carries no state", entry_name(r->e));
    if (r->c->state && r->c->state->sequences && r->c->state->sequences != r->c->sequences)
        return fault_of(r->error, RNNC_BAD_CALL,
                        "the state is that of %zu sequences, the call has %zu; other sequences have a state of "
                        "their own, or reset this one",
                        r->c->state->sequences, r->c->sequences);
    if (r->e == ENTRY_GRAD && !r->c->grads) return fault_of(r->error, RNNC_BAD_CALL, "grads is NULL");
    for (size_t i = 0; r->c->outputs && r->e < ENTRY_LOSS && i < r->m->output_count; i++)
        if (r->c->outputs[i] && r->m->outputs[i].of_targets)
            return fault_of(r->error, RNNC_BAD_CALL, "'%s' depends on targets: loss computes it, %s does not",
                            r->m->outputs[i].name, entry_name(r->e));
    return check_steps(r);
}

/* ---- what was refused -------------------------------------------------------------------------------------------- */

static rnnc_status refuse_argument(const running *r)
{
    for (size_t i = 0; i < r->m->input_count; i++) {
        bool wanted = r->m->inputs[i].kind == RNNC_INPUT || r->e >= ENTRY_LOSS || !r->m->p.programs.loss;
        if (wanted && (!r->c->inputs || !r->c->inputs[i]))
            return fault_of(r->error, RNNC_BAD_CALL, "the array of '%s' is NULL", r->m->inputs[i].name);
    }
    return fault_of(r->error, RNNC_BAD_CALL, "an argument of %s is NULL or out of range", entry_name(r->e));
}

static rnnc_status refuse_length(const running *r)
{
    for (int axis = 1; axis <= r->g->axes; axis++) {
        const int *lengths = r->c->lengths[axis - 1];
        for (size_t n = 0; lengths && n < r->c->sequences; n++)
            if (lengths[n] < 0 || (size_t)lengths[n] > r->steps[axis])
                return fault_of(r->error, RNNC_BAD_DATA,
                                "sequence %zu (the first is 0) has %d steps of %s; there are %zu", n, lengths[n],
                                r->g->axis[axis].letter, r->steps[axis]);
    }
    return fault_of(r->error, RNNC_BAD_DATA, "the length of a sequence is out of range");
}

/* Is row s (row-major over the time axes that the value has) inside of sequence n? */
static bool inside(const running *r, const rnnc_value *v, size_t n, size_t s)
{
    for (int axis = r->g->axes; axis >= 1; axis--) {
        const int *lengths = r->c->lengths[axis - 1];
        if (lengths && lengths[n] == 0) return false;
        if (!(v->axes & RNNC_OVER_TIME(axis - 1))) continue;
        if (lengths && s % r->steps[axis] >= (size_t)lengths[n]) return false;
        s /= r->steps[axis];
    }
    return true;
}

static rnnc_status refuse_token(const running *r)
{
    for (size_t i = 0; i < r->m->input_count; i++) {
        const rnnc_value *v = &r->m->inputs[i];
        const int *tokens = v->token && r->c->inputs ? r->c->inputs[i] : NULL;
        size_t rows = 1;
        for (int axis = 1; axis <= r->g->axes; axis++)
            if (v->axes & RNNC_OVER_TIME(axis - 1)) rows *= r->steps[axis];
        for (size_t s = 0; tokens && s < rows; s++)
            for (size_t n = 0; n < r->c->sequences; n++) {
                int token = tokens[s * r->c->sequences + n];
                if ((token < 0 || (size_t)token >= v->classes) && inside(r, v, n, s))
                    return fault_of(r->error, RNNC_BAD_DATA,
                                    "'%s': %d in sequence %zu, row %zu (from 0) is none of %zu classes", v->name, token,
                                    n, s, v->classes);
            }
    }
    return fault_of(r->error, RNNC_BAD_DATA, "a token is out of range");
}

static rnnc_status refused(const running *r, int code)
{
    switch (code) {
    case RNN_BAD_ARGUMENT: return refuse_argument(r);
    case RNN_BAD_LENGTH: return refuse_length(r);
    case RNN_BAD_TOKEN: return refuse_token(r);
    }
    return fault_of(r->error, RNNC_BUG, "%s returns %d", entry_name(r->e), code);
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static void put_arrays(const running *r, loaded_call *call)
{
    const rnnc_call *c = r->c;
    for (uint32_t i = 0; c->inputs && i < r->m->input_count; i++) loaded_put(call, FIELD_INPUT, i, c->inputs[i]);
    for (uint32_t i = 0; c->outputs && i < r->m->output_count; i++) loaded_put(call, FIELD_OUTPUT, i, c->outputs[i]);
    for (uint32_t i = 0; c->input_grads && i < r->m->input_count; i++)
        loaded_put(call, FIELD_INPUT_GRAD, i, c->input_grads[i]);
    for (uint32_t i = 1; i <= (uint32_t)r->g->axes; i++) {
        loaded_put_number(call, FIELD_STEPS, i, r->steps[i]);
        loaded_put(call, FIELD_LENGTHS, i, c->lengths[i - 1]);
    }
}

/* What the loss does not depend on has no gradient in the C, and is 0. */
static void clear_input_grads(const running *r)
{
    for (size_t i = 0; r->e == ENTRY_GRAD && r->c->input_grads && i < r->m->input_count; i++) {
        bool written = false;
        for (size_t k = 0; k < r->m->l.c->field_count; k++) {
            const field *f = &r->m->l.c->fields[k];
            written = written || (f->role == FIELD_INPUT_GRAD && f->index == i);
        }
        if (!written && r->c->input_grads[i] && !r->m->inputs[i].token)
            memset(r->c->input_grads[i], 0, rnnc_count(&r->m->inputs[i], r->c) * r->m->real_bytes);
    }
}

static rnnc_status run_in(running *r, call_work *memory, size_t bytes)
{
    double loss;
    const rnnc_call *c = r->c;
    loaded_call call = {.l = &r->m->l, .words = (uint64_t *)(void *)((char *)memory->memory + bytes)};
    memset(call.words, 0, r->m->l.c->field_count * sizeof *call.words);
    loaded_put_number(&call, FIELD_BATCH, 0, c->sequences);
    put_arrays(r, &call);
    loaded_put(&call, FIELD_PARAMS, 0, r->w->params);
    loaded_put(&call, FIELD_PACKED, 0, handle_packed(r->w));
    loaded_put(&call, FIELD_STATE, 0, c->state ? c->state->data : NULL);
    loaded_put(&call, FIELD_WORK, 0, memory->memory);
    loaded_put(&call, FIELD_LOSS, 0, c->loss ? c->loss : &loss);
    loaded_put(&call, FIELD_NORMS, 0, c->norms);
    loaded_put(&call, FIELD_GRADS, 0, c->grads);
    loaded_put_number(&call, FIELD_SEED, 0, c->seed);
    loaded_put_number(&call, FIELD_UPDATE, 0, c->update);
    loaded_put_number(&call, FIELD_SEQUENCE, 0, c->first_sequence);
    int code = loaded_run(&call, r->e);
    if (code) return refused(r, code);
    if (c->state) c->state->sequences = c->sequences;
    clear_input_grads(r);
    return fault_none(r->error);
}

static rnnc_status run(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *c, entry e, rnnc_error *error)
{
    running r = {.m = m, .w = w, .c = c, .e = e, .error = error};
    rnnc_status status = check(&r);
    if (status != RNNC_OK) return status;
    size_t bytes = work_bytes(&r), words = (m->l.c->field_count + 1) * sizeof(uint64_t);
    if (!bytes) return RNNC_NO_MEMORY;
    bytes += (sizeof(uint64_t) - bytes % sizeof(uint64_t)) % sizeof(uint64_t);
    call_work *memory = take(m, bytes + words);
    if (!memory) return fault_of(error, RNNC_NO_MEMORY, "no memory for %zu bytes of work", bytes + words);
    status = run_in(&r, memory, bytes);
    give_back(m, memory);
    return status;
}

rnnc_status rnnc_step(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error)
{
    return run(m, w, call, ENTRY_STEP, error);
}

rnnc_status rnnc_forward(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error)
{
    return run(m, w, call, ENTRY_FORWARD, error);
}

rnnc_status rnnc_loss(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error)
{
    return run(m, w, call, ENTRY_LOSS, error);
}

rnnc_status rnnc_grad(const rnnc_model *m, const rnnc_weights *w, const rnnc_call *call, rnnc_error *error)
{
    return run(m, w, call, ENTRY_GRAD, error);
}

/* ---- state ------------------------------------------------------------------------------------------------------- */

rnnc_state *rnnc_state_new(const rnnc_model *m, rnnc_error *error)
{
    if (!model_callable(m, error)) return NULL;
    if (!m->l.reset) {
        fault_of(error, RNNC_BAD_CALL, "the model carries no state: an output reads a later step, or there is no time");
        return NULL;
    }
    rnnc_state *s = calloc(1, sizeof *s);
    if (s) s->bytes = loaded_size(&m->l, SIZE_STATE_BYTES, 1, NULL);
    if (s) s->data = model_room(m, s->bytes, 1);
    if (!s || !s->data) {
        free(s);
        fault_of(error, RNNC_NO_MEMORY, "no memory for a state of %zu sequences", rnnc_max_sequences(m));
        return NULL;
    }
    s->model = model_keep(m);
    rnnc_state_reset(s);
    fault_none(error);
    return s;
}

void rnnc_state_free(rnnc_state *s)
{
    if (!s) return;
    rnnc_free(s->model);
    free(s->data);
    free(s);
}

void rnnc_state_reset(rnnc_state *s)
{
    if (!s) return;
    s->model->l.reset(s->data);
    s->sequences = 0;
}

void *rnnc_state_data(rnnc_state *s, size_t *bytes)
{
    if (bytes) *bytes = s ? s->bytes : 0;
    return s ? s->data : NULL;
}
