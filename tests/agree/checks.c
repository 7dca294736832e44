/* checks.c: see checks.h. A check prints a line when it fails. */
#include "agree/checks.h"
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const variant DEFAULT = {.name = "tcc", .real_double = true};
static const double ROUNDING = 1e-11;

__attribute__((format(printf, 4, 5))) static bool expect(tally *t, const subject *s, bool holds, const char *format,
                                                         ...)
{
    if (holds) {
        t->passed++;
        return true;
    }
    t->failed++;
    va_list args;
    va_start(args, format);
    printf("%s: ", s->name);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    return false;
}

static bool has_entry(const built *c, entry e) { return c->entry[e] != NULL; }

static const char *const ENTRIES[] = {"step", "forward", "loss", "grad"};

/* ---- agreement --------------------------------------------------------------------------------------------------- */

void check_agreement(tally *t, subject *s, const variant *v, double bound, uint64_t seed, int rounds)
{
    static const feed_size sizes[] = {{3, 5, false, false}, {4, 7, true, false}, {1, 1, false, false},
                                      {2, 2, true, false},  {8, 3, true, false}, {5, 6, true, false}};
    built *c = subject_build(s, v);
    if (!expect(t, s, c != NULL, "%s: no C", v->name)) return;
    for (int round = 0; round < rounds; round++) {
        feed_size size = sizes[round % 6];
        if (v->steps) size = (feed_size){size.batch, v->steps, size.ragged, true};
        if (v->batch && size.batch > v->batch) size.batch = v->batch;
        feed *f = feed_new(s, &seed, size);
        for (entry e = ENTRY_FORWARD; e <= ENTRY_GRAD; e++) {
            if (!has_entry(c, e)) continue;
            char what[300];
            answer *got = built_run(c, e, f, NULL), *expected = oracle_run(s, e, f);
            double d = answer_distance(s, e, f, got, expected, what, sizeof what);
            expect(t, s, !got->overrun, "%s, %s: writes beyond an array", v->name, ENTRIES[e]);
            expect(t, s, got->code == 0 && d <= bound, "%s, %s, batch %d, steps %d%s: code %d, off by %.3g: %s",
                   v->name, ENTRIES[e], f->batch, f->steps[1], size.ragged ? ", ragged" : "", got->code, d, what);
        }
        subject_forget(s);
    }
    built_close(c);
}

/* ---- meaning ----------------------------------------------------------------------------------------------------- */

/* Whatever stands in padding, in work memory, and in outputs before. */
static void check_padding(tally *t, const subject *s, const built *c, uint64_t *seed)
{
    feed *f = feed_new(s, seed, (feed_size){4, 5, true, false});
    for (entry e = ENTRY_FORWARD; e <= ENTRY_GRAD; e++) {
        if (!has_entry(c, e)) continue;
        static const double real[] = {NAN, 1e9, INFINITY}, token[] = {-1, 1e9, -1};
        const answer *base = built_run(c, e, f, NULL);
        for (int i = 0; i < 3; i++) {
            feed *padded = feed_copy(s, f);
            feed_pad(s, padded, real[i], token[i]);
            expect(t, s, answer_same_bits(s, e, f, built_run(c, e, padded, NULL), base),
                   "%s: %g in the padding changes the result", ENTRIES[e], real[i]);
            expect(t, s, answer_same_bits(s, e, f, built_run(c, e, f, &(run_options){.garbage = real[i]}), base),
                   "%s: %g in work memory changes the result", ENTRIES[e], real[i]);
        }
    }
}

/* Copies sequence `seq` of a type's array to or from an answer of that sequence alone. */
static void take_sequence(type ty, const feed *f, const double *all, int seq, const feed *one, double *to)
{
    size_t width = (size_t)shape_size(ty.shape), rows = type_count(ty, one) / width;
    for (size_t r = 0; r < rows; r++) {
        size_t rest = r, at = 0, stride = 1;
        if (ty.axes & BATCH) {
            at = (size_t)seq;
            stride = (size_t)f->batch;
        }
        for (int i = MAX_TIME_AXES; i >= 1; i--) {
            if (!(ty.axes & axis_bit(i))) continue;
            at += rest % (size_t)one->steps[i] * stride;
            rest /= (size_t)one->steps[i];
            stride *= (size_t)f->steps[i];
        }
        memcpy(to + r * width, all + at * width, width * sizeof(double));
    }
}

static bool is_absent(const feed *f, int seq)
{
    for (int i = 1; i <= MAX_TIME_AXES; i++)
        if (f->lengths[i] && f->lengths[i][seq] == 0) return true;
    return false;
}

/* Does the denominator of a loss have a gradient (weights that are computed)? Then those of the sequences do not add
 * up: each changes the denominator of all. */
static bool norms_have_gradients(const subject *s)
{
    const graph *g = s->train;
    bool *moving = ARENA_ARRAY(s->scratch, bool, g->nodes.len), again = true, found = false;
    while (again) {
        again = false;
        for (size_t i = 1; i < g->nodes.len; i++) {
            const node *n = &g->nodes.data[i];
            bool moves = n->op == OP_param;
            if (n->op == OP_input) moves = n->type.element == REAL && !g->inputs.data[n->attr.index].target;
            for (int k = 0; k < n->args; k++) moves |= moving[n->arg[k].i];
            again |= moves && !moving[i];
            moving[i] |= moves;
            found |= moves && n->op == OP_norm;
        }
    }
    return found;
}

static void check_alone(tally *t, const subject *s, const built *c, uint64_t *seed)
{
    feed *f = feed_new(s, seed, (feed_size){4, 6, true, false});
    const graph *g = s->interface;
    f->norms = s->loss ? oracle_norms(s, f) : NULL;
    for (entry e = ENTRY_FORWARD; e <= ENTRY_GRAD; e++) {
        if (!has_entry(c, e) || (e == ENTRY_GRAD && norms_have_gradients(s))) continue;
        answer *all = built_run(c, e, f, NULL), *sum = built_run(c, e, f, NULL);
        memset(sum->grads, 0, param_count(s) * sizeof(double));
        double loss = 0;
        char what[300];
        for (int b = 0; b < f->batch; b++) {
            if (is_absent(f, b)) continue;
            feed *one = feed_sequence(s, f, b);
            answer *alone = built_run(c, e, one, NULL), *part = built_run(c, e, one, NULL);
            for (size_t i = 0; i < param_count(s); i++) sum->grads[i] += alone->grads[i];
            loss += alone->loss;
            for (size_t i = 0; i < g->outputs.len; i++) {
                type ty = graph_type(g, g->outputs.data[i].node);
                if (ty.axes & BATCH) take_sequence(ty, f, all->outputs[i], b, one, part->outputs[i]);
            }
            for (size_t i = 0; i < g->inputs.len; i++)
                take_sequence(g->inputs.data[i].type, f, all->input_grads[i], b, one, part->input_grads[i]);
            double d = answer_distance(s, e == ENTRY_GRAD ? e : ENTRY_FORWARD, one, part, alone, what, sizeof what);
            if (e != ENTRY_GRAD)
                expect(t, s, d <= ROUNDING, "%s: sequence %d is not what it is alone: %s", ENTRIES[e], b, what);
            else {
                memcpy(part->grads, alone->grads, param_count(s) * sizeof(double));
                part->loss = alone->loss;
                d = answer_distance(s, e, one, part, alone, what, sizeof what);
                expect(t, s, d <= 1e-9, "grad: sequence %d is not what it is alone: %s", b, what);
            }
        }
        if (e == ENTRY_FORWARD) continue;
        sum->loss = loss;
        double d = answer_distance(s, e, f, sum, all, what, sizeof what);
        expect(t, s, d <= ROUNDING, "%s: the batch is not the sum of its sequences: %s", ENTRIES[e], what);
    }
}

/* Rows of `part` (steps from `first` on) into the array of the whole. Values without the axis: of sequences that have
 * steps in this part. */
static void put_chunk(type ty, const feed *f, double *all, const feed *part, int first, const double *from)
{
    size_t width = (size_t)shape_size(ty.shape), rows = type_count(ty, part) / width;
    int seq;
    for (size_t r = 0; r < rows; r++) {
        if (!(ty.axes & axis_bit(1)) && !is_valid(part, ty, r, &seq)) continue;
        size_t at = ty.axes & axis_bit(1) ? r + (size_t)first * (ty.axes & BATCH ? (size_t)f->batch : 1) : r;
        memcpy(all + at * width, from + r * width, width * sizeof(double));
    }
}

static void clear_outputs(const subject *s, const feed *f, answer *r)
{
    const graph *g = s->interface;
    for (size_t i = 0; i < g->outputs.len; i++)
        memset(r->outputs[i], 0, type_count(graph_type(g, g->outputs.data[i].node), f) * sizeof(double));
}

static void put_outputs(const subject *s, const feed *f, answer *to, const feed *part, int first, const answer *from)
{
    const graph *g = s->interface;
    for (size_t i = 0; i < g->outputs.len; i++)
        put_chunk(graph_type(g, g->outputs.data[i].node), f, to->outputs[i], part, first, from->outputs[i]);
}

/* Are all losses means or sums over steps, so that those of the chunks add up to the whole? One without time is that of
 * the sequence so far, in every chunk. */
static bool losses_have_steps(const subject *s)
{
    for (size_t i = 1; i < s->loss->nodes.len; i++) {
        const node *n = &s->loss->nodes.data[i];
        if (n->op == OP_norm) {
            const node *own = graph_node(s->loss, n->arg[0]);
            if (!(own->op == OP_count || own->op == OP_sum_over) || !(own->attr.over.axes & 2)) return false;
        }
        if (n->op == OP_sum_over && (n->attr.over.axes & BATCH) && !(n->attr.over.axes & 2)) return false;
    }
    const node *l = graph_node(s->loss, s->loss->loss);
    return l->op == OP_div || l->op == OP_mul || l->op == OP_add;
}

/* Gradients of the parts of a sequence, with the state carried, are numbers. */
static void check_chunk_gradients(tally *t, const subject *s, const built *c, const feed *f)
{
    void *state = state_new(c); /* the state that `grad` leaves is the training graph's: dropout is on */
    size_t count = param_count(s);
    for (int i = 0; i < 2; i++) {
        feed *part = feed_chunk(s, f, i * 3, i ? 4 : 3);
        answer *r = built_run(c, ENTRY_GRAD, part, &(run_options){.state = state, .garbage = NAN});
        expect(t, s, r->code == 0 && isfinite(r->loss), "grad on a chunk: code %d, loss %g", r->code, r->loss);
        size_t bad = 0;
        for (size_t k = 0; k < count; k++) bad += !isfinite(r->grads[k]);
        expect(t, s, bad == 0, "grad on chunk %d: %zu of %zu gradients are not finite", i + 1, bad, count);
    }
}

static void check_chunks(tally *t, const subject *s, const built *c, uint64_t *seed)
{
    if (!c->programs.shared->carries) {
        expect(t, s, !c->entry[ENTRY_STEP], "there is a step, but nothing carries");
        return;
    }
    feed *f = feed_new(s, seed, (feed_size){4, 7, true, false});
    const answer *whole = built_run(c, ENTRY_FORWARD, f, NULL);
    char what[300];
    static const int cuts[][3] = {{3, 4}, {1, 6}, {2, 1, 4}, {6, 1}};
    for (size_t k = 0; k < 4; k++) {
        void *state = state_new(c);
        answer *parts = built_run(c, ENTRY_FORWARD, f, NULL);
        clear_outputs(s, f, parts);
        for (int i = 0, first = 0; i < 3 && cuts[k][i]; first += cuts[k][i++]) {
            feed *part = feed_chunk(s, f, first, cuts[k][i]);
            put_outputs(s, f, parts, part, first,
                        built_run(c, ENTRY_FORWARD, part, &(run_options){.state = state, .garbage = NAN}));
        }
        double d = answer_distance(s, ENTRY_FORWARD, f, parts, whole, what, sizeof what);
        expect(t, s, d <= ROUNDING, "forward in chunks of %d, %d, %d: %s", cuts[k][0], cuts[k][1], cuts[k][2], what);
    }
    if (has_entry(c, ENTRY_STEP)) {
        void *state = state_new(c);
        answer *parts = built_run(c, ENTRY_FORWARD, f, NULL);
        clear_outputs(s, f, parts);
        for (int i = 0; i < f->steps[1]; i++) {
            feed *part = feed_chunk(s, f, i, 1);
            put_outputs(s, f, parts, part, i,
                        built_run(c, ENTRY_STEP, part, &(run_options){.state = state, .garbage = NAN}));
        }
        double d = answer_distance(s, ENTRY_FORWARD, f, parts, whole, what, sizeof what);
        expect(t, s, d <= ROUNDING, "step by step: %s", what);
    }
    if (!has_entry(c, ENTRY_LOSS)) return;
    feed *normed = feed_copy(s, f);
    normed->norms = oracle_norms(s, f);
    if (c->c.loss_carries && has_entry(c, ENTRY_GRAD)) check_chunk_gradients(t, s, c, normed);
    if (!losses_have_steps(s)) return;
    double sum = 0, all = built_run(c, ENTRY_LOSS, normed, NULL)->loss;
    void *state = state_new(c);
    if (!c->c.loss_carries) {
        for (entry e = ENTRY_LOSS; e <= ENTRY_GRAD; e++) {
            int code =
                has_entry(c, e) ? built_run(c, e, normed, &(run_options){.state = state, .garbage = 1})->code : -1;
            expect(t, s, code == -1, "%s takes a state although the loss needs later steps: code %d", ENTRIES[e], code);
        }
        return;
    }
    for (int i = 0; i < 2; i++)
        sum += built_run(c, ENTRY_LOSS, feed_chunk(s, normed, i * 3, i ? 4 : 3),
                         &(run_options){.state = state, .garbage = NAN})
                   ->loss;
    expect(t, s, fabs(sum - all) <= ROUNDING * fabs(all), "loss in two chunks: %.17g, whole %.17g", sum, all);
}

static bool takes_state(const built *c, entry e)
{
    return c->programs.shared->carries && (e < ENTRY_LOSS || c->c.loss_carries);
}

static void check_absent(tally *t, const subject *s, const built *c, uint64_t *seed)
{
    feed *f = feed_new(s, seed, (feed_size){3, 4, true, false});
    for (int i = 1; i <= s->interface->axes; i++)
        for (int b = 0; b < 3; b++) f->lengths[i][b] = 0;
    feed_pad(s, f, NAN, -1);
    const graph *g = s->interface;
    for (entry e = ENTRY_FORWARD; e <= ENTRY_GRAD; e++) {
        if (!has_entry(c, e) || !g->axes) continue;
        void *state = takes_state(c, e) ? state_new(c) : NULL, *before = NULL;
        if (state) { /* in the middle of a sequence */
            built_run(c, e, feed_new(s, seed, (feed_size){3, 2, false, false}),
                      &(run_options){.state = state, .garbage = 1});
            before = arena_alloc(s->arena, state_size(c));
            memcpy(before, state, state_size(c));
        }
        answer *r = built_run(c, e, f, &(run_options){.state = state, .garbage = 1e9});
        expect(t, s, r->code == 0, "%s of absent sequences: code %d", ENTRIES[e], r->code);
        expect(t, s, !state || !memcmp(state, before, state_size(c)), "%s of absent sequences changes the state",
               ENTRIES[e]);
        bool zero = true;
        for (size_t i = 0; e == ENTRY_FORWARD && i < g->outputs.len; i++) {
            type ty = graph_type(g, g->outputs.data[i].node);
            bool written = node_some(s->forward->outputs.data[0].node) && s->forward->outputs.len == g->outputs.len;
            for (size_t k = 0; written && (ty.axes & BATCH) && k < type_count(ty, f); k++)
                zero &= r->outputs[i][k] == 0;
        }
        expect(t, s, zero, "%s: outputs of absent sequences are not 0", ENTRIES[e]);
        bool none = true;
        for (size_t i = 0; e == ENTRY_GRAD && i < param_count(s); i++) none &= r->grads[i] == 0;
        expect(t, s, none, "absent sequences have a gradient");
    }
}

static void check_accumulation(tally *t, const subject *s, const built *c, uint64_t *seed)
{
    if (!has_entry(c, ENTRY_GRAD)) return;
    feed *f = feed_new(s, seed, (feed_size){3, 4, true, false});
    size_t n = param_count(s);
    double *start = ARENA_ARRAY(s->arena, double, n);
    for (size_t i = 0; i < n; i++) start[i] = random_unit(seed);
    answer *once = built_run(c, ENTRY_GRAD, f, NULL);
    answer *more = built_run(c, ENTRY_GRAD, f, &(run_options){.grads = start, .garbage = NAN});
    answer *twice = built_run(c, ENTRY_GRAD, f, &(run_options){.grads = more->grads, .garbage = NAN});
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs(more->grads[i] - start[i] - once->grads[i]));
        worst = fmax(worst, fabs(twice->grads[i] - start[i] - 2 * once->grads[i]));
    }
    double largest = 1;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(once->grads[i]));
    expect(t, s, worst <= 1e-13 * largest, "gradients do not accumulate: off by %g", worst);
}

/* Only the gradients by inputs are not there when the caller has no place for them. */
static void forget_input_grads(const built *c, uint64_t *words, void *context)
{
    (void)context;
    for (size_t i = 0; i < c->c.field_count; i++)
        if (c->c.fields[i].role == FIELD_INPUT_GRAD) words[i] = 0;
}

static void check_unwanted(tally *t, const subject *s, const built *c, uint64_t *seed)
{
    if (!has_entry(c, ENTRY_GRAD)) return;
    feed *f = feed_new(s, seed, (feed_size){3, 4, true, false});
    answer *all = built_run(c, ENTRY_GRAD, f, &(run_options){.garbage = NAN});
    answer *some = built_run(c, ENTRY_GRAD, f, &(run_options){.garbage = NAN, .spoil = forget_input_grads});
    bool same = some->code == 0 && memcmp(&all->loss, &some->loss, sizeof all->loss) == 0 &&
                memcmp(all->grads, some->grads, param_count(s) * sizeof *all->grads) == 0;
    expect(t, s, same && !some->overrun, "loss and gradients differ where those by the inputs are not asked for");
}

/* Memory for the largest call must be enough for any. */
static void check_memory(tally *t, const subject *s, const built *c)
{
    enum { MOST_STEPS = 9, MOST_BATCH = 4 };
    for (entry e = ENTRY_FORWARD; e <= ENTRY_GRAD; e++) {
        bool grows = true;
        for (size_t T = 1; has_entry(c, e) && T <= MOST_STEPS; T++) {
            for (size_t B = 1; B <= MOST_BATCH; B++) {
                size_t here = c->sizes((int)emit_work_size((entry)e), B, (size_t[MAX_TIME_AXES]){T, T});
                size_t longer = c->sizes((int)emit_work_size((entry)e), B, (size_t[MAX_TIME_AXES]){T + 1, T + 1});
                size_t wider = c->sizes((int)emit_work_size((entry)e), B + 1, (size_t[MAX_TIME_AXES]){T, T});
                grows &= longer >= here && wider >= here;
            }
        }
        expect(t, s, grows, "%s: less memory for a larger call", ENTRIES[e]);
    }
}

void check_meaning(tally *t, subject *s, int threads, int cut, uint64_t seed)
{
    variant v = DEFAULT;
    v.threads = threads;
    v.segment = v.block_rows = cut;
    built *c = subject_build(s, &v);
    if (!expect(t, s, c != NULL, "no C")) return;
    check_memory(t, s, c);
    static void (*const checks[])(tally *, const subject *, const built *, uint64_t *) = {
        check_padding, check_alone, check_chunks, check_absent, check_accumulation, check_unwanted,
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        checks[i](t, s, c, &seed);
        subject_forget(s);
    }
    built_close(c);
}

bool check_segments(tally *t, subject *s, uint64_t seed)
{
    static const variant cuts[] = {
        {.name = "--checkpoint 1", .real_double = true, .segment = 1},
        {.name = "--checkpoint 2, calls", .real_double = true, .segment = 2, .calls = true},
        {.name = "--checkpoint 2 --threads 3", .real_double = true, .segment = 2, .threads = 3},
        {.name = "--checkpoint 3", .real_double = true, .segment = 3},
        {.name = "--checkpoint 3 --steps 5 --unroll full", .real_double = true, .segment = 3, .steps = 5, .unroll = -1},
        {.name = "--checkpoint 20 --unroll 3", .real_double = true, .segment = 20, .unroll = 3},
    };
    built *c = subject_build(s, &cuts[0]);
    bool cut = c && c->programs.grad && c->programs.grad->segment;
    if (c) built_close(c);
    for (size_t i = 0; cut && i < sizeof cuts / sizeof *cuts; i++) check_agreement(t, s, &cuts[i], 1e-9, seed, 6);
    return cut;
}

/* ---- differences ------------------------------------------------------------------------------------------------- */

static double moved(subject *s, const built *c, const feed *f, double *x, double to)
{
    double kept = *x;
    *x = to;
    double loss = built_run(c, ENTRY_LOSS, f, NULL)->loss;
    *x = kept;
    subject_forget(s);
    return loss;
}

typedef struct difference_check {
    tally *t;
    subject *s;
    const built *c;
    feed *f;
    double largest;
    uint64_t *seed;
    int most;
} difference_check;

static void compare_differences(const difference_check *k, const char *path, double *x, const double *derived, size_t n)
{
    const double h = 1e-5;
    double worst = 0;
    size_t at = 0, count = n < (size_t)k->most ? n : (size_t)k->most;
    for (size_t j = 0; j < count; j++) {
        size_t i = count == n ? j : (size_t)random_below(k->seed, (int)n);
        double difference =
            (moved(k->s, k->c, k->f, &x[i], x[i] + h) - moved(k->s, k->c, k->f, &x[i], x[i] - h)) / (2 * h);
        double off = fabs(difference - derived[i]) / fmax(k->largest, fmax(fabs(difference), fabs(derived[i])));
        if (isnan(off)) off = INFINITY;
        if (off <= worst) continue;
        worst = off;
        at = i;
    }
    expect(k->t, k->s, worst <= 1e-6, "gradient of %s[%zu] is %.12g, off by %.3g from differences", path, at,
           derived[at], worst);
}

void check_differences(tally *t, subject *s, uint64_t seed, int most)
{
    static const variant training = {.name = "tcc", .real_double = true, .purpose = FOR_GRADCHECK};
    if (!s->loss) return;
    built *c = subject_build(s, &training);
    if (!expect(t, s, c != NULL, "no C")) return;
    const graph *g = s->interface;
    feed *f = feed_new(s, &seed, (feed_size){3, 4, true, false});
    arena *kept = arena_new();
    const answer *r = built_run(c, ENTRY_GRAD, f, NULL);
    size_t n = param_count(s);
    difference_check k = {t, s, c, f, 1e-9, &seed, most};
    double *grads = ARENA_ARRAY(kept, double, n), *to = grads, *x = f->params;
    memcpy(grads, r->grads, n * sizeof(double));
    double **inputs = ARENA_ARRAY(kept, double *, g->inputs.len + 1);
    for (size_t i = 0; i < g->inputs.len; i++) {
        size_t count = type_count(g->inputs.data[i].type, f);
        inputs[i] = ARENA_ARRAY(kept, double, count);
        memcpy(inputs[i], r->input_grads[i], count * sizeof(double));
    }
    for (size_t i = 0; i < n; i++) k.largest = fmax(k.largest, fabs(grads[i]));
    for (size_t i = 0; i < g->params.len; i++) {
        size_t count = (size_t)shape_size(g->params.data[i].shape);
        compare_differences(&k, g->params.data[i].path, x, to, count);
        x += count;
        to += count;
    }
    for (size_t i = 0; i < g->inputs.len; i++) {
        const graph_input *in = &g->inputs.data[i];
        if (in->type.element == REAL && !in->target)
            compare_differences(&k, in->path, f->inputs[i], inputs[i], type_count(in->type, f));
    }
    arena_free(kept);
    built_close(c);
    subject_forget(s);
}

/* ---- variants ---------------------------------------------------------------------------------------------------- */

void check_variants(tally *t, subject *s, uint64_t seed)
{
    static const variant variants[] = {
        {.name = "--unroll 3", .real_double = true, .unroll = 3},
        {.name = "--batch 1", .real_double = true, .batch = 1},
        {.name = "--inference", .real_double = true, .inference = true},
        {.name = "rnn.h", .real_double = true, .with_header = true},
        {.name = "float", .real_double = false},
        {.name = "--steps 4", .real_double = true, .steps = 4},
        {.name = "--steps 4 --unroll full", .real_double = true, .steps = 4, .unroll = -1},
        {.name = "--steps 4 --unroll 3", .real_double = true, .steps = 4, .unroll = 3},
        {.name = "--threads 3", .real_double = true, .threads = 3},
        {.name = "blocks of steps", .real_double = true, .block_rows = 6},
        {.name = "blocks of steps --threads 3", .real_double = true, .block_rows = 2, .threads = 3},
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        check_agreement(t, s, &variants[i], variants[i].real_double ? 1e-10 : 2e-4, seed, 4);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

typedef struct fault {
    field_role role;
    int code;
    bool number; /* set the word itself, else what it points to */
    uint64_t value;
    bool optional; /* not every entry reads it */
} fault;

typedef struct spoiling {
    const fault *fault;
    uint32_t index;
    bool done;
} spoiling;

static void spoil(const built *c, uint64_t *words, void *context)
{
    spoiling *k = context;
    k->done = false;
    for (size_t i = 0; i < c->c.field_count; i++) {
        const field *fd = &c->c.fields[i];
        if (fd->role != k->fault->role || fd->index != k->index) continue;
        if (k->fault->number)
            words[i] = k->fault->value;
        else if (words[i])
            ((int *)(uintptr_t)words[i])[0] = (int)k->fault->value;
        else
            continue;
        k->done = true;
    }
}

static bool is_untouched(const subject *s, const feed *f, const answer *r)
{
    const graph *g = s->interface;
    bool same = r->loss == -77 || r->loss == 0;
    for (size_t i = 0; i < param_count(s); i++) same &= r->grads[i] == 0;
    for (size_t i = 0; i < g->outputs.len; i++)
        for (size_t k = 0; k < type_count(graph_type(g, g->outputs.data[i].node), f); k++)
            same &= r->outputs[i][k] == -77;
    for (size_t i = 0; i < g->inputs.len; i++)
        for (size_t k = 0; k < type_count(g->inputs.data[i].type, f); k++)
            same &= r->input_grads[i][k] == -77 || r->input_grads[i][k] == 0;
    return same;
}

static void check_fault(tally *t, const subject *s, const built *c, const fault *x, uint32_t index, uint64_t *seed)
{
    feed *f = feed_new(s, seed, (feed_size){3, 4, true, false});
    for (entry e = ENTRY_STEP; e <= ENTRY_GRAD; e++) {
        if (!has_entry(c, e)) continue;
        expect(t, s, c->entry[e](NULL) == -1, "%s accepts no arguments at all", ENTRIES[e]);
        feed *used = e == ENTRY_STEP ? feed_chunk(s, f, 0, 1) : f;
        void *state = takes_state(c, e) ? state_new(c) : NULL;
        spoiling k = {x, index, false};
        answer *r = built_run(c, e, used, &(run_options){.state = state, .garbage = 1, .spoil = spoil, .context = &k});
        if (!k.done || (x->optional && r->code == 0)) continue;
        expect(t, s, r->code == x->code, "%s: field role %d set to %llu: code %d, expected %d", ENTRIES[e],
               (int)x->role, (unsigned long long)x->value, r->code, x->code);
        expect(t, s, is_untouched(s, used, r), "%s: writes in spite of a bad argument (role %d)", ENTRIES[e],
               (int)x->role);
        expect(t, s, !state || !memcmp(state, state_new(c), state_size(c)),
               "%s: a bad argument (role %d) changes the state", ENTRIES[e], (int)x->role);
    }
}

void check_faults(tally *t, subject *s, uint64_t seed)
{
    static const fault faults[] = {
        {FIELD_BATCH, -1, true, 0, false},
        {FIELD_BATCH, -1, true, 9, false},
        {FIELD_PARAMS, -1, true, 0, false},
        {FIELD_PACKED, -1, true, 0, false},
        {FIELD_WORK, -1, true, 0, false},
        {FIELD_INPUT, -1, true, 0, true},
        {FIELD_LENGTHS, -2, false, 8, false},
        {FIELD_LENGTHS, -2, false, (uint64_t)-1, false},
        {FIELD_LOSS, -1, true, 0, true},
        {FIELD_GRADS, -1, true, 0, true},
        {FIELD_BATCH, -1, true, UINT64_MAX, false},
    };
    built *c = subject_build(s, &DEFAULT);
    if (!expect(t, s, c != NULL, "no C")) return;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (uint32_t k = 0; k <= MAX_TIME_AXES; k++) check_fault(t, s, c, &faults[i], k, &seed);
    for (uint32_t i = 0; i < s->interface->inputs.len; i++) {
        if (s->interface->inputs.data[i].type.element != TOKEN) continue;
        fault token = {FIELD_INPUT, -3, false, (uint64_t)s->interface->inputs.data[i].classes, true};
        check_fault(t, s, c, &token, i, &seed);
        token.value = (uint64_t)-1;
        check_fault(t, s, c, &token, i, &seed);
    }
    subject_forget(s);
    built_close(c);
}
