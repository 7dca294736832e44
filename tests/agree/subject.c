/* subject.c: see subject.h. */
#include "agree/subject.h"
#include "api/loaded.h"
#include "derive/derive.h"
#include "oracle/oracle.h"
#include "passes/passes.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { GUARD = 0 }; /* the sanitizer watches the ends */
#else
enum { GUARD = 256 }; /* bytes on both sides */
#endif
enum { GUARD_BYTE = 0xA5 };

double random_unit(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*random >> 40) / (double)(1 << 24);
}

int random_below(uint64_t *random, int n) { return (int)(random_unit(random) * n); }

/* ---- models ------------------------------------------------------------------------------------------------------ */

static bool check(pipeline *p, arena *a, const subject *s, pipeline_options o)
{
    *p = (pipeline){.arena = a, .options = o, .names = names_new(a), .sources = sources_new(a)};
    p->diags = diags_new(a, p->sources);
    p->text = s->text;
    p->length = strlen(s->text);
    if (pipeline_check(p)) return true;
    diag_print(p->diags, stderr, DIAG_TEXT, false);
    return false;
}

static pipeline_options options_of(const subject *s, const variant *v)
{
    pipeline_options o = {.path = s->path,
                          .defines = (model_define *)s->defines,
                          .define_count = s->define_count,
                          .data_size = 7,
                          .purpose = v->purpose,
                          .block_rows = v->block_rows,
                          .own_memory = v->own_memory};
    o.emit = (emit_options){.prefix = "m",
                            .standalone = !v->with_header,
                            .real_double = v->real_double,
                            .inference = v->inference,
                            .batch = v->batch ? v->batch : 8,
                            .unroll = v->unroll < 0 ? 0
                                      : v->unroll   ? v->unroll
                                                    : 1,
                            .threads = v->threads,
                            .segment = v->segment};
    for (int i = 1; i <= MAX_TIME_AXES; i++) o.emit.steps[i] = i <= s->p.model->axes ? v->steps : 0;
    return o;
}

static graph *plain(const subject *s, lower_options o, bool derive)
{
    graph *g = lower_model(s->arena, s->p.names, s->p.model, o);
    if (derive) derive_gradients(g);
    return g;
}

subject *subject_open(const char *label, const char *spec, const model_define *defines, size_t count)
{
    arena *a = arena_new();
    subject *s = ARENA_NEW(a, subject);
    s->arena = a;
    s->name = label;
    s->text = spec;
    s->scratch = arena_new();
    s->path = arena_printf(a, "%s", label);
    s->define_count = count;
    for (size_t i = 0; i < count; i++) s->defines[i] = defines[i];
    pipeline_options o = {.path = s->path, .defines = s->defines, .define_count = count, .data_size = 7};
    if (!check(&s->p, a, s, o)) {
        arena_free(s->scratch);
        arena_free(a);
        return NULL;
    }
    bool loss = s->p.model->losses.len > 0;
    s->forward = plain(s, (lower_options){.mode = LOWER_INFERENCE, .outputs = true, .targets = !loss}, false);
    s->interface = s->forward;
    if (loss) {
        s->loss =
            plain(s, (lower_options){.mode = LOWER_INFERENCE, .outputs = true, .loss = true, .targets = true}, false);
        s->grad = plain(s, (lower_options){.mode = LOWER_TRAINING, .loss = true, .targets = true}, true);
        s->train = plain(s, (lower_options){.mode = LOWER_TRAINING, .loss = true, .targets = true}, false);
        s->interface = s->loss;
    }
    return s;
}

void subject_forget(subject *s)
{
    arena_free(s->scratch);
    s->scratch = arena_new();
}

void subject_close(subject *s)
{
    arena_free(s->scratch);
    arena_free(s->arena);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static void find(built *c, const char *symbol, void *to)
{
    void *address = jit_symbol(c->jit, arena_printf(c->arena, "m_%s", symbol));
    memcpy(to, &address, sizeof address);
}

/* Fields carry numbers of the interface of their own build; without targets it is another one than the subject's. */
static void renumber(built *c, const graph *own)
{
    const graph *g = c->s->interface;
    field *fields = ARENA_ARRAY(c->arena, field, c->c.field_count + 1);
    memcpy(fields, c->c.fields, c->c.field_count * sizeof *fields);
    for (size_t i = 0; i < c->c.field_count; i++) {
        uint32_t *index = &fields[i].index;
        name path = NULL;
        if (fields[i].role == FIELD_INPUT || fields[i].role == FIELD_INPUT_GRAD) {
            path = own->inputs.data[*index].path;
            for (*index = 0; strcmp(g->inputs.data[*index].path, path) != 0;) ++*index;
        } else if (fields[i].role == FIELD_OUTPUT) {
            path = own->outputs.data[*index].path;
            for (*index = 0; strcmp(g->outputs.data[*index].path, path) != 0;) ++*index;
        }
    }
    c->c.fields = fields;
}

built *subject_build(const subject *s, const variant *v)
{
    arena *a = arena_new();
    built *c = ARENA_NEW(a, built);
    *c = (built){.s = s, .v = v, .arena = a};
    pipeline p;
    if (!check(&p, a, s, options_of(s, v))) {
        arena_free(a);
        return NULL;
    }
    pipeline_compile(&p, (pipeline_dump){0});
    c->c = p.c;
    renumber(c, p.programs.graph);
    c->programs = p.programs;
    if (v->cc) setenv("CC", v->cc, 1);
    char *error = NULL;
    loaded_text calls = loaded_text_for(v->calls ? JIT_TCC : JIT_CC, a, &p);
    if (v->threads > 1) calls.text = arena_printf(a, "#define WORTH_THREADS 0\n%s", calls.text);
    c->jit = jit_compile(&(jit_options){.backend = v->cc ? JIT_CC : JIT_TCC,
                                        .cc_options = v->options,
                                        .imports = calls.imports,
                                        .import_count = calls.import_count,
                                        .include_dir = v->with_header ? "runtime" : NULL},
                         calls.text, &error);
    if (!c->jit) {
        printf("%s, %s: does not compile: %.2000s\n", s->name, v->name, error ? error : "out of memory");
        free(error);
        arena_free(a);
        return NULL;
    }
    static const char *const entries[] = {"step", "forward", "loss", "grad"};
    find(c, "init", &c->init);
    find(c, "pack", &c->pack);
    find(c, "sizes", &c->sizes);
    find(c, "reset", &c->reset);
    for (size_t e = 0; e <= ENTRY_GRAD; e++) find(c, entries[e], &c->entry[e]);
    return c;
}

void built_close(built *c)
{
    if (!c) return;
    jit_free(c->jit);
    arena_free(c->arena);
}

/* ---- the oracle -------------------------------------------------------------------------------------------------- */

/* An oracle for graph g, which may lack inputs of the interface. */
static oracle *consult(const subject *s, const graph *g, const feed *f)
{
    oracle_call *call = ARENA_NEW(s->arena, oracle_call);
    const double **inputs = ARENA_ARRAY(s->arena, const double *, g->inputs.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++)
        for (size_t k = 0; k < s->interface->inputs.len; k++)
            if (!strcmp(s->interface->inputs.data[k].path, g->inputs.data[i].path)) inputs[i] = f->inputs[k];
    *call = (oracle_call){.inputs = inputs,
                          .params = f->params,
                          .batch = f->batch,
                          .seed = f->seed,
                          .update = f->update,
                          .sequence0 = f->sequence,
                          .norms = f->norms};
    for (int i = 1; i <= MAX_TIME_AXES; i++) {
        call->steps[i] = f->steps[i];
        call->lengths[i] = f->lengths[i];
    }
    return oracle_new(g, call);
}

static answer *answer_new(const subject *s, const feed *f)
{
    const graph *g = s->interface;
    arena *a = s->scratch;
    answer *r = ARENA_NEW(a, answer);
    r->outputs = ARENA_ARRAY(a, double *, g->outputs.len + 1);
    for (size_t i = 0; i < g->outputs.len; i++)
        r->outputs[i] = ARENA_ARRAY(a, double, type_count(graph_type(g, g->outputs.data[i].node), f));
    r->grads = ARENA_ARRAY(a, double, param_count(s));
    r->input_grads = ARENA_ARRAY(a, double *, g->inputs.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++)
        r->input_grads[i] = ARENA_ARRAY(a, double, type_count(g->inputs.data[i].type, f));
    return r;
}

static void ask_gradients(const subject *s, oracle *o, answer *r)
{
    const graph *g = s->grad;
    double *to = r->grads;
    for (size_t i = 0; i < g->params.len; i++) {
        if (node_some(g->param_grad[i])) oracle_value(o, g->param_grad[i], to);
        to += shape_size(g->params.data[i].shape);
    }
    for (size_t i = 0; i < g->inputs.len; i++)
        for (size_t k = 0; k < s->interface->inputs.len; k++)
            if (!strcmp(s->interface->inputs.data[k].path, g->inputs.data[i].path) && node_some(g->input_grad[i]))
                oracle_value(o, g->input_grad[i], r->input_grads[k]);
}

answer *oracle_run(const subject *s, entry e, const feed *f)
{
    answer *r = answer_new(s, f);
    const graph *g = e == ENTRY_GRAD ? s->grad : e == ENTRY_LOSS ? s->loss : s->forward;
    oracle *o = consult(s, g, f);
    for (size_t i = 0; i < g->outputs.len; i++)
        for (size_t k = 0; k < s->interface->outputs.len; k++)
            if (!strcmp(s->interface->outputs.data[k].path, g->outputs.data[i].path) &&
                node_some(g->outputs.data[i].node))
                oracle_value(o, g->outputs.data[i].node, r->outputs[k]);
    if (e == ENTRY_LOSS || e == ENTRY_GRAD) oracle_value(o, g->loss, &r->loss);
    if (e == ENTRY_GRAD) ask_gradients(s, o, r);
    oracle_free(o);
    return r;
}

double oracle_training_loss(const subject *s, const feed *f)
{
    double loss;
    oracle *o = consult(s, s->train, f);
    oracle_value(o, s->train->loss, &loss);
    oracle_free(o);
    return loss;
}

const double *oracle_norms(const subject *s, const feed *f)
{
    const graph *g = s->train;
    double *norms = ARENA_ARRAY(s->arena, double, (size_t)g->losses + 1);
    oracle *o = consult(s, g, f);
    for (size_t i = 0; i < (size_t)g->losses; i++) norms[i] = 1;
    for (size_t i = 1; i < g->nodes.len; i++)
        if (g->nodes.data[i].op == OP_norm)
            oracle_value(o, (node_id){(uint32_t)i}, &norms[g->nodes.data[i].attr.index]);
    oracle_free(o);
    return norms;
}

/* ---- the C ------------------------------------------------------------------------------------------------------- */

/* Arrays of one call, between guards. */
typedef struct guarded {
    unsigned char *block;
    size_t bytes;
} guarded;
typedef struct guards {
    arena *arena;
    ARRAY(guarded) list;
} guards;

static void *guard(guards *g, size_t bytes)
{
    unsigned char *block = malloc(bytes + 2 * GUARD + 1);
    if (!block) abort();
    memset(block, GUARD_BYTE, bytes + 2 * GUARD);
    array_push(g->arena, &g->list, (guarded){block, bytes});
    return block + GUARD;
}

/* Frees them; false when a guard was overwritten. */
static bool unguard(guards *g)
{
    bool intact = true;
    for (size_t i = 0; i < g->list.len; i++) {
        const guarded *b = &g->list.data[i];
        for (size_t k = 0; k != GUARD; k++)
            intact &= b->block[k] == GUARD_BYTE && b->block[GUARD + b->bytes + k] == GUARD_BYTE;
        free(b->block);
    }
    return intact;
}

static size_t real_bytes(const built *c) { return c->v->real_double ? sizeof(double) : sizeof(float); }

static void *reals(const built *c, guards *g, size_t n, const double *values, double fill)
{
    void *to = guard(g, n * real_bytes(c));
    for (size_t i = 0; i < n; i++) {
        double v = values ? values[i] : fill;
        if (c->v->real_double)
            ((double *)to)[i] = v;
        else
            ((float *)to)[i] = (float)v;
    }
    return to;
}

static void read_reals(const built *c, const void *from, size_t n, double *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = c->v->real_double ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

static int *tokens(guards *g, const double *values, size_t n)
{
    int *to = guard(g, n * sizeof(int));
    for (size_t i = 0; i < n; i++) to[i] = (int)values[i];
    return to;
}

size_t state_size(const built *c) { return c->sizes(SIZE_STATE_BYTES, 1, (size_t[MAX_TIME_AXES]){0}); }

void *state_new(const built *c)
{
    void *state = arena_alloc(c->s->arena, state_size(c));
    memset(state, 0x7f, state_size(c));
    c->reset(state);
    return state;
}

answer *built_run(const built *c, entry e, const feed *f, const run_options *o)
{
    static const run_options none = {.garbage = 1e9};
    if (!o) o = &none;
    const subject *s = c->s;
    const graph *g = s->interface;
    guards held = {.arena = s->scratch};
    answer *r = answer_new(s, f);
    uint64_t *words = guard(&held, c->c.field_count * sizeof *words);
    void **arrays = ARENA_ARRAY(s->scratch, void *, c->c.field_count);
    size_t steps[MAX_TIME_AXES + 1];
    for (int i = 0; i < MAX_TIME_AXES; i++) steps[i] = (size_t)f->steps[i + 1];
    size_t params = param_count(s), packed = c->sizes(SIZE_PACKED, 1, steps);
    size_t work = c->sizes((int)emit_work_size((entry)e), (size_t)f->batch, steps);
    void *in = reals(c, &held, params, f->params, 0);
    for (size_t i = 0; i < c->c.field_count; i++) {
        const field *fd = &c->c.fields[i];
        const void *p = NULL;
        uint64_t n = 0;
        switch (fd->role) {
        case FIELD_BATCH: n = (uint64_t)f->batch; break;
        case FIELD_STEPS: n = (uint64_t)f->steps[fd->index]; break;
        case FIELD_SEED: n = f->seed; break;
        case FIELD_UPDATE: n = f->update; break;
        case FIELD_SEQUENCE: n = f->sequence; break;
        case FIELD_LENGTHS: {
            int *lengths = NULL;
            if (f->lengths[fd->index]) {
                lengths = guard(&held, (size_t)f->batch * sizeof(int));
                memcpy(lengths, f->lengths[fd->index], (size_t)f->batch * sizeof(int));
            }
            p = lengths;
            break;
        }
        case FIELD_PARAMS: p = in; break;
        case FIELD_PACKED: {
            void *to = reals(c, &held, packed, NULL, NAN);
            c->pack(in, to);
            p = to;
            break;
        }
        case FIELD_INPUT: {
            type t = g->inputs.data[fd->index].type;
            size_t count = type_count(t, f);
            if (t.element == TOKEN)
                p = tokens(&held, f->inputs[fd->index], count);
            else
                p = reals(c, &held, count, f->inputs[fd->index], 0);
            break;
        }
        case FIELD_OUTPUT:
            p = arrays[i] = reals(c, &held, type_count(graph_type(g, g->outputs.data[fd->index].node), f), NULL, -77);
            break;
        case FIELD_STATE: p = o->state; break;
        case FIELD_WORK: p = reals(c, &held, work, NULL, o->garbage); break;
        case FIELD_LOSS: p = arrays[i] = reals(c, &held, 1, NULL, -77); break;
        case FIELD_GRADS: p = arrays[i] = reals(c, &held, params, o->grads, 0); break;
        case FIELD_INPUT_GRAD:
            p = arrays[i] = reals(c, &held, type_count(g->inputs.data[fd->index].type, f), NULL, -77);
            break;
        case FIELD_NORMS: p = f->norms ? reals(c, &held, (size_t)g->losses, f->norms, 0) : NULL; break;
        }
        words[i] = p ? (uint64_t)(uintptr_t)p : n;
    }
    if (o->spoil) o->spoil(c, words, o->context);
    r->code = c->entry[e](words);
    for (size_t i = 0; i < c->c.field_count; i++) {
        const field *fd = &c->c.fields[i];
        if (fd->role == FIELD_OUTPUT)
            read_reals(c, arrays[i], type_count(graph_type(g, g->outputs.data[fd->index].node), f),
                       r->outputs[fd->index]);
        if (fd->role == FIELD_LOSS) read_reals(c, arrays[i], 1, &r->loss);
        if (fd->role == FIELD_GRADS) read_reals(c, arrays[i], params, r->grads);
        if (fd->role == FIELD_INPUT_GRAD)
            read_reals(c, arrays[i], type_count(g->inputs.data[fd->index].type, f), r->input_grads[fd->index]);
    }
    r->overrun = !unguard(&held);
    return r;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static double largest(const double *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    return m;
}

typedef struct worst {
    double distance;
    char *what;
    size_t size;
} worst;

static void compare(worst *w, const char *kind, const char *path, const double *got, const double *expected, size_t n,
                    double scale)
{
    for (size_t i = 0; i < n; i++) {
        double d = fabs(got[i] - expected[i]);
        if (!(d == 0)) d = d / fmax(scale, 1e-6);
        if (isnan(d)) d = INFINITY;
        if (d <= w->distance) continue;
        w->distance = d;
        snprintf(w->what, w->size, "%s %s[%zu] is %.17g, expected %.17g", kind, path, i, got[i], expected[i]);
    }
}

static bool has_gradient(const subject *s, size_t input)
{
    const graph_input *in = &s->interface->inputs.data[input];
    return in->type.element == REAL && !in->target;
}

/* Does this entry of the C write the output? One that depends on a target is not of `forward` and `step`. */
static bool has_output(const subject *s, entry e, size_t k)
{
    const graph *g = e == ENTRY_LOSS ? s->loss : s->forward;
    for (size_t i = 0; i < g->outputs.len; i++)
        if (!strcmp(g->outputs.data[i].path, s->interface->outputs.data[k].path) && node_some(g->outputs.data[i].node))
            return true;
    return false;
}

double answer_distance(const subject *s, entry e, const feed *f, const answer *got, const answer *expected, char *what,
                       size_t size)
{
    const graph *g = s->interface;
    worst w = {0, what, size};
    snprintf(what, size, "equal");
    if (e == ENTRY_LOSS || e == ENTRY_GRAD)
        compare(&w, "the", "loss", &got->loss, &expected->loss, 1, fmax(fabs(expected->loss), 0.1));
    if (e == ENTRY_GRAD) {
        double scale = largest(expected->grads, param_count(s));
        const double *a = got->grads, *b = expected->grads;
        for (size_t i = 0; i < g->params.len; i++) {
            size_t n = (size_t)shape_size(g->params.data[i].shape);
            compare(&w, "gradient of", g->params.data[i].path, a, b, n, fmax(largest(b, n), 1e-2 * scale));
            a += n;
            b += n;
        }
        for (size_t i = 0; i < g->inputs.len; i++) {
            size_t n = type_count(g->inputs.data[i].type, f);
            if (has_gradient(s, i))
                compare(&w, "gradient of input", g->inputs.data[i].path, got->input_grads[i], expected->input_grads[i],
                        n, fmax(largest(expected->input_grads[i], n), 1e-3 * scale));
        }
        return w.distance;
    }
    for (size_t i = 0; i < g->outputs.len; i++) {
        size_t n = type_count(graph_type(g, g->outputs.data[i].node), f);
        if (has_output(s, e, i))
            compare(&w, "output", g->outputs.data[i].path, got->outputs[i], expected->outputs[i], n,
                    fmax(largest(expected->outputs[i], n), 1e-3));
    }
    return w.distance;
}

bool answer_same_bits(const subject *s, entry e, const feed *f, const answer *a, const answer *b)
{
    const graph *g = s->interface;
    bool same = a->code == b->code && !memcmp(&a->loss, &b->loss, sizeof a->loss);
    same &= !memcmp(a->grads, b->grads, param_count(s) * sizeof(double));
    for (size_t i = 0; i < g->inputs.len; i++)
        same &= !memcmp(a->input_grads[i], b->input_grads[i], type_count(g->inputs.data[i].type, f) * sizeof(double));
    for (size_t i = 0; i < g->outputs.len; i++)
        same &= !memcmp(a->outputs[i], b->outputs[i],
                        type_count(graph_type(g, g->outputs.data[i].node), f) * sizeof(double));
    (void)e;
    return same;
}
