/* sample_data.c: sequence by sequence, data in, symbols out; see sample_data.h. */
typedef double real;
#define REAL_IS_DOUBLE 1
#include "driver/sample_data.h"
#include "kernels/codes.h"
#include "kernels/inline.h"
#include "kernels/compiler.h"
#include "kernels/functions.h"
#include "kernels/random.h"
#include "train/arrays.h"
#include "train/metrics.h"
#include "train/npz.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What random numbers are for: the key of random_key. */
enum { SYMBOLS_OF_SEQUENCE = 3 };

typedef struct sampled {
    prepared *p;
    const trainable *m;
    const sample_options *how;
    const char *path;
    int labels; /* the target that is decoded; -1: the model generates */
    tensors data;
    array_rules rules;
    array_set set;
    runner r;
    runner_given given;
    void **buffer;     /* of each input */
    void **output;     /* of each output; of ctc: the distributions of a sequence */
    beam_result *said; /* of each sequence */
} sampled;

/* ---- before ------------------------------------------------------------------------------------------------------ */

static int labels_of(const trainable *m)
{
    for (size_t i = 0; i < m->inputs; i++)
        if (m->input[i].aligned && metrics_output(m, &m->input[i]) >= 0) return (int)i;
    return -1;
}

/* Everything that nobody must give is a target to the rules. */
static int read_data(sampled *s)
{
    const trainable *m = s->m;
    train_value *value = ARENA_ARRAY(s->p->arena, train_value, m->inputs + 1);
    char *error = NULL;
    int code = command_can_read(s->path);
    if (code) return code;
    if (!npz_read(s->path, &s->data)) return command_unread(&s->data);
    memcpy(value, m->input, m->inputs * sizeof *value);
    if (s->labels < 0) value[m->generate_input].target = true;
    s->rules = (array_rules){.value = value,
                             .values = m->inputs,
                             .axes = m->axes,
                             .axis_name = m->axis_name,
                             .real_size = m->real_size,
                             .targets_optional = true};
    s->set = (array_set){.path = s->path, .data = &s->data};
    if (!arrays_check(&s->set, &s->rules, &error)) return command_fault_line(EXIT_SPEC, error);
    if (s->set.sequences == 0) {
        command_fault(EXIT_SPEC, "%s: no array of the model '%s' is in it, so there is nothing to run on", s->path,
                      m->model);
        return EXIT_SPEC;
    }
    if (s->labels < 0 && m->generate_first < 0 && !s->set.array[m->generate_input])
        return command_fault(EXIT_SPEC,
                             "%s: nothing says how '%s' begins; write 'generate ... from TOKEN', or add an array '%s', "
                             "whose first symbols count",
                             s->path, m->input[m->generate_input].name, m->input[m->generate_input].name);
    return 0;
}

static int open_model(sampled *s)
{
    const trainable *m = s->m;
    s->given.input = (const void **)ARENA_ARRAY(s->p->arena, void *, m->inputs + 1);
    s->buffer = ARENA_ARRAY(s->p->arena, void *, m->inputs + 1);
    s->said = ARENA_ARRAY(s->p->arena, beam_result, s->set.sequences + 1);
    for (size_t i = 0; i < m->inputs; i++) {
        if (m->input[i].target || !s->set.array[i]) continue;
        size_t size = arrays_rows(&s->set, &s->rules, &m->input[i]) * m->input[i].components;
        s->given.input[i] = s->buffer[i] = arena_alloc(s->p->arena, (size + 1) * sizeof(double));
    }
    if (s->labels >= 0) {
        size_t steps = s->set.steps[m->input[s->labels].aligned];
        s->output = ARENA_ARRAY(s->p->arena, void *, m->outputs + 1);
        s->output[metrics_output(m, &m->input[s->labels])] =
            arena_alloc(s->p->arena, (steps * m->input[s->labels].classes + 1) * sizeof(double));
        return 0;
    }
    size_t width = s->how->beam ? s->how->beam : 1;
    return runner_open(&s->r, m, s->p->params, width) ? 0 : command_fault(EXIT_SYSTEM, "out of memory");
}

/* ---- a sequence -------------------------------------------------------------------------------------------------- */

static void give(sampled *s, size_t n)
{
    const trainable *m = s->m;
    for (int a = 1; a <= m->axes; a++) {
        s->given.steps[a] = s->set.steps[a] ? s->set.steps[a] : 1;
        s->given.length[a] = s->set.lengths[a] ? (size_t)s->set.lengths[a][n] : s->given.steps[a];
    }
    for (size_t i = 0; i < m->inputs; i++) {
        if (!s->buffer[i]) continue;
        const train_value *v = &m->input[i];
        size_t size = arrays_rows(&s->set, &s->rules, v) * v->components;
        if (v->token)
            arrays_tokens(s->set.array[i], n * size, size, v->classes, s->buffer[i]);
        else
            arrays_reals(s->set.array[i], n * size, size, m->real_size, s->buffer[i]);
    }
}

static int generate(sampled *s, size_t n)
{
    const trainable *m = s->m;
    const train_value *own = &m->input[m->generate_input];
    sample_options how = *s->how;
    int first = m->generate_first;
    how.seed = random_key(SYMBOLS_OF_SEQUENCE, s->how->seed, n);
    if (first < 0) {
        size_t rows = arrays_rows(&s->set, &s->rules, own);
        if (s->given.length[m->generate_axis] == 0) return 0; /* it has no first symbol: it is absent */
        arrays_tokens(s->set.array[m->generate_input], n * rows, 1, own->classes, &first);
    }
    if (sample_sequence(&s->r, &s->given, first, &how, &s->said[n])) return 0;
    return command_fault(EXIT_SYSTEM, "%s", s->r.error ? s->r.error : "out of memory");
}

static int decode_labels(sampled *s, size_t n, const void *packed)
{
    const trainable *m = s->m;
    const train_value *v = &m->input[s->labels];
    beam_result *said = &s->said[n];
    train_call c = {
        .sequences = 1, .input = s->given.input, .output = s->output, .params = s->p->params, .packed = packed};
    int length[TRAIN_MAX_AXES + 1];
    for (int a = 1; a <= m->axes; a++) {
        c.steps[a] = v->axes >> a & 1 ? 1 : s->given.steps[a];
        length[a] = v->axes >> a & 1 ? 1 : (int)s->given.length[a]; /* how many labels there are nobody knows */
        c.lengths[a] = &length[a];
    }
    int code = m->run(m->self, TRAIN_FORWARD, &c);
    if (code) return command_fault(EXIT_SYSTEM, "the generated code refuses a sequence: %s", rnn_strerror(code));
    size_t steps = s->given.length[v->aligned];
    said->symbol = calloc(steps + 1, sizeof *said->symbol);
    if (said->symbol && metrics_labels(m, v, s->output[metrics_output(m, v)], 1, 0, steps, s->how->beam, said->symbol,
                                       &said->count, &said->log_p))
        return 0;
    return command_fault(EXIT_SYSTEM, "out of memory");
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static void print(const sampled *s)
{
    for (size_t n = 0; n < s->set.sequences; n++) {
        for (size_t i = 0; i < s->said[n].count; i++) printf("%s%d", i ? " " : "", s->said[n].symbol[i]);
        putchar('\n');
    }
}

static int save(const sampled *s, const char *path)
{
    size_t count = s->set.sequences, longest = 1;
    arena *a = s->p->arena;
    const char *word = s->m->input[s->labels < 0 ? s->m->generate_input : s->labels].name;
    tensors t = {0};
    int64_t *lengths = ARENA_ARRAY(a, int64_t, count);
    double *log_p = ARENA_ARRAY(a, double, count);
    for (size_t n = 0; n < count; n++) {
        lengths[n] = (int64_t)s->said[n].count;
        log_p[n] = s->said[n].log_p;
        if (s->said[n].count > longest) longest = s->said[n].count;
    }
    int32_t *all = ARENA_ARRAY(a, int32_t, count * longest);
    for (size_t n = 0; n < count; n++)
        for (size_t i = 0; i < s->said[n].count; i++) all[n * longest + i] = s->said[n].symbol[i];
    bool good = tensors_add(&t, word, DTYPE_I32, 2, (size_t[]){count, longest}, all) &&
                tensors_add(&t, arena_printf(a, "%s_lengths", word), DTYPE_I64, 1, &count, lengths) &&
                tensors_add(&t, arena_printf(a, "%s_log_p", word), DTYPE_F64, 1, &count, log_p) && npz_write(path, &t);
    int code = good ? 0 : command_fault(EXIT_SYSTEM, "%s", t.error);
    tensors_free(&t);
    return code;
}

static int run(sampled *s)
{
    int code = read_data(s);
    if (!code) code = open_model(s);
    if (code) return code;
    void *packed = arena_alloc(s->p->arena, (s->m->packed_size + 1) * s->m->real_size);
    s->m->pack(s->m->self, s->p->params, packed);
    for (size_t n = 0; !code && n < s->set.sequences; n++) {
        give(s, n);
        code = s->labels < 0 ? generate(s, n) : decode_labels(s, n, packed);
    }
    return code;
}

/* Labels are decoded, not drawn, and as many as they are. */
static int check_options(const options *o)
{
    static const option_id others[] = {OPTION_TEMPERATURE, OPTION_TOP_K,  OPTION_TOP_P,
                                       OPTION_SEED,        OPTION_LENGTH, OPTION_LENGTH_NORM};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (o->value[others[i]].given)
            return options_fault(o, "--%s has no effect: the model has labels of ctc, which are decoded",
                                 options_name(others[i]));
    return 0;
}

int sample_from_data(prepared *p, const sample_options *how, const char *path, const char *out)
{
    sampled s = {.p = p, .m = &p->c.t, .how = how, .path = path, .labels = -1};
    char *error = NULL;
    if (s.m->generate_input < 0) s.labels = labels_of(s.m);
    if (s.labels >= 0) {
        int code = check_options(p->o);
        if (code) return code;
    } else if (!runner_check(s.m, &error)) {
        return command_fault_line(EXIT_SPEC, error);
    }
    int code = run(&s);
    if (!code && out) code = save(&s, out);
    if (!code && !out) print(&s);
    for (size_t n = 0; s.said && n < s.set.sequences; n++) free(s.said[n].symbol);
    if (s.r.m) runner_close(&s.r);
    arrays_free(&s.set);
    tensors_free(&s.data);
    return code;
}
