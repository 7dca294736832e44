/* loaded.c: compiles emitted C in memory, finds its functions, fills in their arguments by the table of fields; see
 * loaded.h. The struct of arguments is a row of words, one for each field. */
#include "api/loaded.h"
#include "base/embedded.h"
#include "kernels/exports.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(void *) == sizeof(uint64_t) && sizeof(size_t) == sizeof(uint64_t), "arguments are 64-bit words");

/* Multiplications: some ten seconds of tcc's code, whose products are calls of optimised kernels. The C compiler takes
 * up to thirty before it has done anything. */
static const double worth_cc = 1e11;

bool loaded_backend(jit_backend *backend, double work)
{
    bool tcc = jit_available(JIT_TCC), cc = jit_available(JIT_CC);
    *backend = cc && (!tcc || work > worth_cc) ? JIT_CC : JIT_TCC;
    return cc || tcc;
}

/* OpenMP keeps its threads for the next call: the library that they wait in must stay when the code goes. */
static const char *const cc_options_of_threads[] = {"-O3", "-march=native", "-fopenmp", "-Wl,-z,nodelete", NULL};

jit_options loaded_cc(const pipeline *p, const jit_options *how)
{
    jit_options o = *how;
    if (p->options.emit.threads > 1 && !o.cc_options) o.cc_options = cc_options_of_threads;
    return o;
}

/* Stores the address of PREFIX_name in the pointer to a function at `to`; false when the C has none. */
static bool find(loaded *l, const char *prefix, const char *suffix, void *to)
{
    void *address = jit_symbol(l->jit, arena_printf(l->arena, "%s_%s", prefix, suffix));
    memcpy(to, &address, sizeof address); /* ISO C has no cast from an object's to a function's address */
    return address != NULL;
}

static const emitted *emit(arena *a, const pipeline *p, const emit_options *o)
{
    emitted *c = ARENA_NEW(a, emitted);
    *c = emit_c(a, &p->programs, o);
    pipeline_passed(p, o->calls ? "C for libtcc" : "C for cc");
    return c;
}

static loaded_text text_for_tcc(arena *a, const pipeline *p)
{
    loaded_text t = {0};
    emit_options o = p->options.emit;
    const kernel_export *exports = kernel_exports(o.real_double, &t.import_count);
    jit_import *imports = ARENA_ARRAY(a, jit_import, t.import_count);
    text *out = text_new(a);
    text_line(out, "#define REAL_LIBM(name) name%s", o.real_double ? "" : "##f");
    text_puts(out, embedded_text("kernels/calls.h", NULL));
    text_line(out, "#define real %s", o.real_double ? "double" : "float");
    for (size_t i = 0; i < t.import_count; i++) {
        text_line(out, "%s;", exports[i].prototype);
        imports[i].name = exports[i].name;
        memcpy(&imports[i].address, &exports[i].address, sizeof imports[i].address);
    }
    text_line(out, "#undef real");
    o.standalone = o.calls = true;
    t.c = emit(a, p, &o);
    text_puts(out, pipeline_one_text(a, t.c));
    t.text = text_string(out);
    t.imports = imports;
    return t;
}

loaded_text loaded_text_for(jit_backend backend, arena *a, const pipeline *p)
{
    if (backend == JIT_TCC) return text_for_tcc(a, p);
    const emitted *c = p->c.source ? &p->c : emit(a, p, &p->options.emit);
    return (loaded_text){.c = c, .text = pipeline_one_text(a, c)};
}

void loaded_of(loaded *l, arena *a, const pipeline *p, const emitted *c, jit *code)
{
    *l = (loaded){.arena = a, .jit = code, .c = c, .real_double = p->options.emit.real_double};
    const char *prefix = arena_strndup(a, c->header_name, strlen(c->header_name) - 2); /* "hello.h" */
    bool found = find(l, prefix, "init", &l->init);
    found &= find(l, prefix, "pack", &l->pack);
    found &= find(l, prefix, "sizes", &l->sizes);
    find(l, prefix, "reset", &l->reset);
    for (size_t e = 0; e <= ENTRY_GRAD; e++) find(l, prefix, entry_name((entry)e), &l->entry[e]);
    if (!found) BUG("the C of %s lacks init, pack or sizes", prefix);
}

bool loaded_open(loaded *l, arena *a, const pipeline *p, const jit_options *how, const char **error)
{
    char *message;
    loaded_text t = loaded_text_for(how->backend, a, p);
    jit_options of = how->backend == JIT_CC ? loaded_cc(p, how) : *how;
    of.imports = t.imports;
    of.import_count = t.import_count;
    jit *code = jit_compile(&of, t.text, &message);
    if (!code) {
        *l = (loaded){0};
        *error = message ? arena_strndup(a, message, strlen(message)) : "out of memory";
        free(message);
        return false;
    }
    loaded_of(l, a, p, t.c, code);
    return true;
}

void loaded_close(loaded *l)
{
    jit_free(l->jit);
    l->jit = NULL;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void *loaded_reals(const loaded *l, size_t count)
{
    return arena_array(l->arena, count, l->real_double ? sizeof(double) : sizeof(float));
}

double loaded_real(const loaded *l, const void *reals, size_t i)
{
    return l->real_double ? ((const double *)reals)[i] : (double)((const float *)reals)[i];
}

void loaded_set_real(const loaded *l, void *reals, size_t i, double value)
{
    if (l->real_double)
        ((double *)reals)[i] = value;
    else
        ((float *)reals)[i] = (float)value;
}

/* Generated C takes the steps as an array that begins with axis 1. */
size_t loaded_size(const loaded *l, emit_size what, size_t batch, const size_t *steps)
{
    static const size_t none[MAX_TIME_AXES + 1];
    return l->sizes((int)what, batch, (steps ? steps : none) + 1);
}

void *loaded_init(const loaded *l, uint64_t seed)
{
    void *params = loaded_reals(l, loaded_size(l, SIZE_PARAMS, 1, NULL));
    l->init(params, seed);
    return params;
}

void *loaded_pack(const loaded *l, const void *params)
{
    void *packed = loaded_reals(l, loaded_size(l, SIZE_PACKED, 1, NULL));
    l->pack(params, packed);
    return packed;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

void loaded_put_number(loaded_call *call, field_role what, uint32_t index, uint64_t number)
{
    for (size_t i = 0; i < call->l->c->field_count; i++) {
        const field *f = &call->l->c->fields[i];
        if (f->role == what && f->index == index) call->words[i] = number;
    }
}

void loaded_put(loaded_call *call, field_role what, uint32_t index, const void *pointer)
{
    loaded_put_number(call, what, index, (uint64_t)(uintptr_t)pointer);
}

loaded_call loaded_call_new(const loaded *l, size_t batch, const size_t *steps)
{
    loaded_call call = {.l = l, .words = ARENA_ARRAY(l->arena, uint64_t, l->c->field_count + 1), .batch = batch};
    memcpy(call.steps, steps, sizeof call.steps);
    loaded_put_number(&call, FIELD_BATCH, 0, batch);
    for (uint32_t i = 1; i <= MAX_TIME_AXES; i++) loaded_put_number(&call, FIELD_STEPS, i, steps[i]);
    return call;
}

void loaded_work(loaded_call *call, entry e)
{
    emit_size what = emit_work_size(e);
    call->work_count = loaded_size(call->l, what, call->batch, call->steps);
    call->work = loaded_reals(call->l, call->work_count);
    loaded_put(call, FIELD_WORK, 0, call->work);
}

void loaded_spoil(const loaded_call *call)
{
    memset(call->work, 0xFF, call->work_count * (call->l->real_double ? sizeof(double) : sizeof(float)));
}

int loaded_run(const loaded_call *call, entry e)
{
    if (!call->l->entry[e]) BUG("the C has no such entry point");
    return call->l->entry[e](call->words);
}
