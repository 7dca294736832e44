/* runner.c: the two ways to run freely, by `step` and by `forward`; see runner.h. */
#include "train/runner.h"
#include "kernels/codes.h"
#include "train/fault.h"
#include "train/room.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static bool has_step(const trainable *m) { return m->has(m->self, TRAIN_STEP); }

/* ---- what the model allows --------------------------------------------------------------------------------------- */

bool runner_check(const trainable *m, char **error)
{
    if (m->generate_input < 0 || m->generate_output < 0)
        return fault_set(error, "the model '%s' has no line 'generate x[t+1] ~ p', which says how it runs free",
                         m->model);
    const train_value *v = &m->input[m->generate_input];
    if (v->axes != (1u | 1u << m->generate_axis))
        return fault_set(error, "the model '%s' cannot run freely: '%s' has other axes besides %s", m->model, v->name,
                         m->axis_name[m->generate_axis]);
    if (m->generate_ahead)
        return fault_set(error, "the model '%s' cannot run step by step: '%s' depends on later steps of %s", m->model,
                         m->output[m->generate_output].name, m->axis_name[m->generate_axis]);
    return true;
}

int runner_needs(const trainable *m)
{
    for (size_t i = 0; i < m->inputs; i++)
        if (!m->input[i].target && (int)i != m->generate_input) return (int)i;
    return -1;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

bool runner_open(runner *r, const trainable *m, const void *params, size_t width)
{
    *r = (runner){.m = m, .params = params, .width = width, .classes = m->input[m->generate_input].classes};
    r->state_bytes = has_step(m) ? (m->step_state_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : 0;
    r->packed = room_new(m->packed_size * m->real_size);
    r->state = room_new(width * r->state_bytes);
    r->next_state = room_new(width * r->state_bytes);
    r->buffer = calloc(m->inputs + 1, sizeof *r->buffer);
    r->buffer_bytes = calloc(m->inputs + 1, sizeof *r->buffer_bytes);
    r->input = calloc(m->inputs + 1, sizeof *r->input);
    r->output = calloc(m->outputs + 1, sizeof *r->output);
    bool good = r->packed && r->state && r->next_state && r->buffer && r->buffer_bytes && r->input && r->output;
    for (int a = 1; good && a <= m->axes; a++) {
        r->lengths[a] = calloc(width, sizeof *r->lengths[a]);
        good = r->lengths[a] != NULL;
    }
    if (good) m->pack(m->self, params, r->packed);
    return good;
}

void runner_close(runner *r)
{
    for (size_t i = 0; r->buffer && i < r->m->inputs; i++) free(r->buffer[i]);
    for (int a = 1; a <= TRAIN_MAX_AXES; a++) free(r->lengths[a]);
    free(r->packed);
    free(r->state);
    free(r->next_state);
    free(r->buffer);
    free(r->buffer_bytes);
    free(r->input);
    free(r->output);
    free(r->p);
    free(r->error);
    *r = (runner){0};
}

static bool grow(runner *r, void **buffer, size_t *bytes, size_t wanted)
{
    if (wanted <= *bytes && *buffer) return true;
    free(*buffer);
    *buffer = malloc(wanted + 1);
    *bytes = *buffer ? wanted : 0;
    return *buffer || fault_no_memory(&r->error);
}

/* ---- a sequence -------------------------------------------------------------------------------------------------- */

size_t runner_begin(runner *r, const runner_given *given)
{
    const trainable *m = r->m;
    r->given = given;
    if (r->state_bytes) m->reset(m->self, r->state);
    size_t most = SIZE_MAX;
    for (size_t i = 0; given && i < m->inputs; i++) {
        if (m->input[i].target || (int)i == m->generate_input || !given->input[i]) continue;
        for (int a = 1; a <= m->axes; a++) {
            if (!(m->input[i].axes >> a & 1)) continue;
            if (given->length[a] == 0) return 0;
            if (a == m->generate_axis && given->length[a] < most) most = given->length[a];
        }
    }
    return most;
}

/* Does what is given vary over the axis? */
static bool is_given(const trainable *m, const runner_given *given, int axis)
{
    for (size_t i = 0; given && i < m->inputs; i++)
        if (!m->input[i].target && (int)i != m->generate_input && given->input[i] && m->input[i].axes >> axis & 1)
            return true;
    return false;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static bool call(runner *r, train_entry e, train_call *c)
{
    const trainable *m = r->m;
    c->input = r->input;
    c->output = r->output;
    c->params = r->params;
    c->packed = r->packed;
    int code = m->run(m->self, e, c);
    return !code || fault_set(&r->error, "the generated code refuses a step: %s", rnn_strerror(code));
}

/* Row `row` of the distributions in r->p, as logarithms. Nothing can be drawn where a chance is NaN. */
static bool put_log(runner *r, size_t row, double *log_p)
{
    for (size_t c = 0; c < r->classes; c++) {
        size_t i = row * r->classes + c;
        double p = train_real(r->m, r->p, i);
        log_p[c] = log(p);
        if (isnan(log_p[c]))
            return fault_set(&r->error,
                             "a symbol's chance is NaN: the weights, or what the model reads, are not finite");
    }
    return true;
}

/* One step for each hypothesis, which goes on with the state of its parent. */
static bool advance_by_step(runner *r, size_t count, const int *const *symbol, const size_t *parent, size_t n,
                            double *log_p)
{
    const trainable *m = r->m;
    if (!grow(r, &r->p, &r->p_bytes, r->classes * m->real_size)) return false;
    for (size_t i = 0; i < m->inputs; i++) {
        const train_value *v = &m->input[i];
        r->input[i] = r->given && !v->target ? r->given->input[i] : NULL;
        size_t row = v->components * (v->token ? sizeof(int) : m->real_size);
        if (r->input[i] && v->axes >> m->generate_axis & 1) r->input[i] = (const char *)r->input[i] + (n - 1) * row;
    }
    for (size_t i = 0; i < count; i++) {
        char *state = r->next_state + i * r->state_bytes;
        train_call c = {.sequences = 1, .state = r->state_bytes ? state : NULL};
        memcpy(state, r->state + parent[i] * r->state_bytes, r->state_bytes);
        for (int a = 1; a <= m->axes; a++) c.steps[a] = 1;
        r->input[m->generate_input] = &symbol[i][n - 1];
        r->output[m->generate_output] = r->p;
        if (!call(r, TRAIN_STEP, &c)) return false;
        if (log_p && !put_log(r, 0, log_p + i * r->classes)) return false;
    }
    char *keep = r->state;
    r->state = r->next_state;
    r->next_state = keep;
    return true;
}

/* A given input for each of `count` hypotheses, of the first `steps` of its steps. */
static bool repeat_input(runner *r, size_t input, size_t count, const size_t *steps)
{
    const trainable *m = r->m;
    const train_value *v = &m->input[input];
    const char *from = r->given->input[input];
    size_t bytes = v->components * (v->token ? sizeof(int) : m->real_size), rows = 1;
    for (int a = 1; a <= m->axes; a++)
        if (v->axes >> a & 1) rows *= steps[a];
    if (!grow(r, &r->buffer[input], &r->buffer_bytes[input], rows * count * bytes)) return false;
    char *to = r->buffer[input];
    for (size_t row = 0; row < rows; row++) {
        size_t at = 0, stride = 1, rest = row;
        for (int a = m->axes; a >= 1; a--) {
            if (!(v->axes >> a & 1)) continue;
            at += rest % steps[a] * stride;
            rest /= steps[a];
            stride *= r->given->steps[a];
        }
        for (size_t i = 0; i < count; i++, to += bytes) memcpy(to, from + at * bytes, bytes);
    }
    r->input[input] = r->buffer[input];
    return true;
}

/* All symbols so far of all hypotheses at once. */
static bool advance_by_forward(runner *r, size_t count, const int *const *symbol, size_t n, double *log_p)
{
    const trainable *m = r->m;
    size_t own = (size_t)m->generate_input, rows = n * count;
    train_call c = {.sequences = count};
    for (int a = 1; a <= m->axes; a++) {
        bool given = is_given(m, r->given, a);
        c.steps[a] = a == m->generate_axis ? n : given ? r->given->steps[a] : 1;
        if (a == m->generate_axis || !given) continue;
        for (size_t i = 0; i < count; i++) r->lengths[a][i] = (int)r->given->length[a];
        c.lengths[a] = r->lengths[a];
    }
    for (size_t i = 0; i < m->inputs; i++) {
        r->input[i] = NULL;
        if (m->input[i].target || i == own || !r->given || !r->given->input[i]) continue;
        if (!repeat_input(r, i, count, c.steps)) return false;
    }
    if (!grow(r, &r->buffer[own], &r->buffer_bytes[own], rows * sizeof(int))) return false;
    if (!grow(r, &r->p, &r->p_bytes, rows * r->classes * m->real_size)) return false;
    int *to = r->buffer[own];
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < count; i++) *to++ = symbol[i][t];
    r->input[own] = r->buffer[own];
    r->output[m->generate_output] = r->p;
    if (!call(r, TRAIN_FORWARD, &c)) return false;
    for (size_t i = 0; i < count; i++)
        if (!put_log(r, (n - 1) * count + i, log_p + i * r->classes)) return false;
    return true;
}

bool runner_advance(void *self, size_t count, const int *const *symbol, const size_t *parent, size_t n, double *log_p)
{
    runner *r = self;
    if (has_step(r->m)) return advance_by_step(r, count, symbol, parent, n, log_p);
    return !log_p || advance_by_forward(r, count, symbol, n, log_p);
}
