/* describe.c: messages, values and C of a model as data; see rnnc.h.
 *
 * In: a pipeline after its stages. Out: arrays of the structs of rnnc.h on the model's arena, and functions that hand
 * them out. */
#define _GNU_SOURCE 1
#include "api/handle.h"
#include <stdlib.h>
#include <string.h>

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static rnnc_place place_of(const sources *s, span at)
{
    const source *in = source_of(s, at);
    if (!in) return (rnnc_place){0};
    place begin = source_place(in, at.begin), last = source_place(in, at.end);
    return (rnnc_place){in->path, begin.line, begin.column, last.line, last.column};
}

static rnnc_message message_of(arena *a, const diags *d, const diag_message *m)
{
    const sources *s = diag_sources(d);
    rnnc_note *notes = ARENA_ARRAY(a, rnnc_note, m->note_count + 1);
    for (size_t i = 0; i < m->note_count; i++)
        notes[i] = (rnnc_note){place_of(s, m->notes[i].at), m->notes[i].text, m->notes[i].hint};
    return (rnnc_message){.severity = m->severity == DIAG_ERROR ? RNNC_ERROR : RNNC_WARNING,
                          .code = m->slug,
                          .text = m->text,
                          .at = place_of(s, m->at),
                          .notes = notes,
                          .note_count = m->note_count};
}

static const char *error_line(arena *a, const rnnc_message *m)
{
    if (!m->at.file) return m->text;
    return arena_printf(a, "%s:%u:%u: %s [%s]", m->at.file, m->at.line, m->at.column, m->text, m->code);
}

/* All messages as text; NULL without memory. */
static char *report_of(const diags *d)
{
    char *report = NULL;
    size_t length;
    FILE *f = open_memstream(&report, &length);
    if (!f) return NULL;
    diag_print(d, f, DIAG_TEXT, false);
    bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(report);
        return NULL;
    }
    return report;
}

void describe_messages(rnnc_model *m)
{
    diags *d = m->p.diags;
    diags_sort(d);
    m->message_count = diag_message_count(d);
    m->messages = ARENA_ARRAY(m->arena, rnnc_message, m->message_count + 1);
    for (size_t i = 0; i < m->message_count; i++) m->messages[i] = message_of(m->arena, d, diag_get(d, i));
    m->report = report_of(d);
    if (!m->report) guard_raise(GUARD_MEMORY, "out of memory");
    for (size_t i = 0; i < m->message_count; i++) {
        if (m->messages[i].severity != RNNC_ERROR) continue;
        m->status = RNNC_BAD_SPEC;
        m->error = error_line(m->arena, &m->messages[i]);
        return;
    }
}

size_t rnnc_message_count(const rnnc_model *m) { return m ? m->message_count : 0; }

const rnnc_message *rnnc_message_at(const rnnc_model *m, size_t index)
{
    return index < rnnc_message_count(m) ? &m->messages[index] : NULL;
}

/* A fault of the system has no message about the spec. */
const char *rnnc_report(const rnnc_model *m)
{
    bool told = m && m->report && (m->status == RNNC_OK || m->status == RNNC_BAD_SPEC);
    return told ? m->report : rnnc_error_of(m);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static rnnc_value value_of(name word, rnnc_kind kind, type t)
{
    return (rnnc_value){.name = word,
                        .kind = kind,
                        .token = t.element == TOKEN,
                        .rank = t.shape.rank,
                        .dims = {(size_t)t.shape.dim[0], (size_t)t.shape.dim[1]},
                        .components = (size_t)t.shape.dim[0] * (size_t)t.shape.dim[1],
                        .axes = t.axes};
}

void describe_values(rnnc_model *m)
{
    const graph *g = m->p.programs.graph;
    arena *a = m->arena;
    m->inputs = ARENA_ARRAY(a, rnnc_value, g->inputs.len + 1);
    m->outputs = ARENA_ARRAY(a, rnnc_value, g->outputs.len + 1);
    m->params = ARENA_ARRAY(a, rnnc_value, g->params.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        m->inputs[i] = value_of(in->path, in->target ? RNNC_TARGET : RNNC_INPUT, in->type);
        if (in->type.element == TOKEN) m->inputs[i].classes = (size_t)in->classes;
    }
    for (size_t i = 0; i < g->outputs.len; i++) {
        const graph_output *out = &g->outputs.data[i];
        m->outputs[i] = value_of(out->path, RNNC_OUTPUT, graph_type(g, out->node));
        m->outputs[i].of_targets = !node_some(m->p.programs.forward->graph->outputs.data[i].node);
    }
    for (size_t i = 0; i < g->params.len; i++) {
        m->params[i] = value_of(g->params.data[i].path, RNNC_PARAM, type_real(g->params.data[i].shape, 0));
        m->params[i].offset = m->param_reals;
        m->param_reals += m->params[i].components;
    }
    m->input_count = g->inputs.len;
    m->output_count = g->outputs.len;
    m->param_count = g->params.len;
}

static const rnnc_value *hand_out(const rnnc_value *values, size_t n, size_t *count)
{
    if (count) *count = n;
    return values;
}

const rnnc_value *rnnc_inputs(const rnnc_model *m, size_t *count)
{
    return m ? hand_out(m->inputs, m->input_count, count) : hand_out(NULL, 0, count);
}

const rnnc_value *rnnc_outputs(const rnnc_model *m, size_t *count)
{
    return m ? hand_out(m->outputs, m->output_count, count) : hand_out(NULL, 0, count);
}

const rnnc_value *rnnc_params(const rnnc_model *m, size_t *count)
{
    return m ? hand_out(m->params, m->param_count, count) : hand_out(NULL, 0, count);
}

const char *rnnc_name(const rnnc_model *m) { return m && m->p.model ? m->p.model->word : ""; }

size_t rnnc_axes(const rnnc_model *m) { return m && m->p.programs.graph ? (size_t)m->p.programs.graph->axes : 0; }

const char *rnnc_axis_name(const rnnc_model *m, size_t axis)
{
    return axis < rnnc_axes(m) ? m->p.programs.graph->axis[axis + 1].letter : NULL;
}

size_t rnnc_param_reals(const rnnc_model *m) { return m ? m->param_reals : 0; }

size_t rnnc_real_bytes(const rnnc_model *m) { return m ? m->real_bytes : 0; }

size_t rnnc_max_sequences(const rnnc_model *m) { return m ? (size_t)m->p.options.emit.batch : 0; }

bool rnnc_has(const rnnc_model *m, rnnc_entry which)
{
    if (!m) return false;
    const emit_model *p = &m->p.programs;
    switch (which) {
    case RNNC_STEP: return p->step != NULL;
    case RNNC_FORWARD: return p->forward != NULL;
    case RNNC_LOSS: return p->loss != NULL;
    case RNNC_GRAD: return p->grad != NULL;
    }
    return false;
}

const char *rnnc_c_header(const rnnc_model *m) { return m && m->p.c.header ? m->p.c.header : ""; }

const char *rnnc_c_source(const rnnc_model *m) { return m && m->p.c.source ? m->p.c.source : ""; }
