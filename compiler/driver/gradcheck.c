/* gradcheck.c: rnnc gradcheck SPEC: every derivative against differences of the loss.
 *
 * The training graph in double at a random point: parameters as `init` draws them, moved a little; random inputs;
 * sequences of different lengths, one absent; NaN and impossible tokens in the padding, NaN in the work memory of every
 * call; dropout with fixed masks.
 * For components of every parameter and every real input, n = (8 (L(+h) - L(-h)) - (L(+2h) - L(-2h))) / 12h must agree
 * with the derivative a that the generated code gives: |a - n| <= 1e-6 max(|a|, |n|, largest derivative). A step that
 * crosses a kink is seen as a disagreement that goes away with a smaller step. The smaller the step, the more the
 * rounding of the losses counts: what it can make of n is measured and forgiven, see note [rounding]. */
#include "driver/batch.h"
#include "driver/command.h"
#include "driver/point.h"
#include "kernels/codes.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_DEFAULT = POINT_ABSENT,
    STEPS_DEFAULT = 5,
    STAND_IN = 5,        /* for sizes that come from data */
    COMPONENTS_MAX = 32, /* checked of a tensor; of a larger one, as many at random */
    STEP_SIZES = 6,      /* h, h / 8, h / 64, ... */
};
static const double forgiven_most = 10; /* bounds: a step whose n is less certain than that tells nothing */
static const double bound = 1e-6, step_size = 1e-3, moved = 0.1;

typedef struct checker {
    const options *o;
    arena *arena;
    pipeline p;
    const graph *g;
    loaded l;
    bool open;
    batch b;
    double *params, *packed, *d_params;
    double **d_input; /* by number; NULL: none */
    loaded_call loss_call, grad_call;
    double loss, largest; /* derivative */
    uint64_t random;
    bool failed;
} checker;

/* ---- the random point -------------------------------------------------------------------------------------------- */

static void draw_point(checker *c)
{
    const option_value *v = c->o->value;
    c->b.sequences = v[OPTION_BATCH].given ? (size_t)v[OPTION_BATCH].number : BATCH_DEFAULT;
    point_lengths(&c->b, c->g, c->arena, &c->random);
    point_inputs(&c->b, c->g, c->arena, &c->random);
    size_t count = loaded_size(&c->l, SIZE_PARAMS, 1, NULL);
    c->params = loaded_init(&c->l, v[OPTION_SEED].given ? v[OPTION_SEED].number : 1);
    for (size_t i = 0; i < count; i++) c->params[i] += moved * point_real(&c->random);
    c->packed = loaded_pack(&c->l, c->params);
}

/* ---- loss and derivatives ---------------------------------------------------------------------------------------- */

static loaded_call new_call(checker *c, entry e)
{
    loaded_call call = loaded_call_new(&c->l, c->b.sequences, c->b.steps);
    for (uint32_t i = 1; i <= (uint32_t)c->g->axes; i++) loaded_put(&call, FIELD_LENGTHS, i, c->b.lengths[i]);
    loaded_put(&call, FIELD_PARAMS, 0, c->params);
    loaded_put(&call, FIELD_PACKED, 0, c->packed);
    for (uint32_t i = 0; i < c->g->inputs.len; i++) loaded_put(&call, FIELD_INPUT, i, c->b.input[i]);
    loaded_put(&call, FIELD_LOSS, 0, &c->loss);
    loaded_put_number(&call, FIELD_SEED, 0, 7);
    loaded_put_number(&call, FIELD_UPDATE, 0, 1);
    loaded_work(&call, e);
    return call;
}

static double loss_at(checker *c, double *component, double value)
{
    double before = *component;
    *component = value;
    c->l.pack(c->params, c->packed);
    loaded_spoil(&c->loss_call);
    if (loaded_run(&c->loss_call, ENTRY_LOSS)) c->loss = NAN;
    *component = before;
    return c->loss;
}

static double difference(checker *c, double *component, double h)
{
    double x = *component;
    double near = loss_at(c, component, x + h) - loss_at(c, component, x - h);
    double far = loss_at(c, component, x + 2 * h) - loss_at(c, component, x - 2 * h);
    return (8 * near - far) / (12 * h);
}

static void find_largest(checker *c, const double *d, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fabs(d[i]) > c->largest) c->largest = fabs(d[i]);
}

/* The derivatives again, in work memory as the first call left it: they must be the same to the bit. */
static int compute_again(checker *c, size_t count)
{
    double *first = ARENA_ARRAY(c->arena, double, count), loss = c->loss;
    memcpy(first, c->d_params, count * sizeof *first);
    memset(c->d_params, 0, count * sizeof *first);
    for (uint32_t i = 0; i < c->g->inputs.len; i++)
        if (c->d_input[i]) memset(c->d_input[i], 0, point_reals(&c->b, c->g, &c->g->inputs.data[i]) * sizeof(double));
    int fault = loaded_run(&c->grad_call, ENTRY_GRAD);
    if (fault) return command_fault(EXIT_SYSTEM, "the generated code refuses its arguments: %s", rnn_strerror(fault));
    bool same_gradient = memcmp(first, c->d_params, count * sizeof *first) == 0;
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the bits are what is meant, NaN or not */
    if (same_gradient && memcmp(&loss, &c->loss, sizeof loss) == 0) return 0;
    return command_fault(EXIT_NUMERIC, "a second call gives other derivatives: one reads what it has not written");
}

static int compute_derivatives(checker *c)
{
    c->loss_call = new_call(c, ENTRY_LOSS);
    c->grad_call = new_call(c, ENTRY_GRAD);
    size_t count = loaded_size(&c->l, SIZE_PARAMS, 1, NULL);
    c->d_params = ARENA_ARRAY(c->arena, double, count);
    c->d_input = ARENA_ARRAY(c->arena, double *, c->g->inputs.len + 1);
    loaded_put(&c->grad_call, FIELD_GRADS, 0, c->d_params);
    for (uint32_t i = 0; i < c->g->inputs.len; i++) {
        const graph_input *in = &c->g->inputs.data[i];
        if (in->target || in->type.element != REAL) continue;
        c->d_input[i] = ARENA_ARRAY(c->arena, double, point_reals(&c->b, c->g, in));
        loaded_put(&c->grad_call, FIELD_INPUT_GRAD, i, c->d_input[i]);
    }
    loaded_spoil(&c->grad_call);
    int fault = loaded_run(&c->grad_call, ENTRY_GRAD);
    if (fault) return command_fault(EXIT_SYSTEM, "the generated code refuses its arguments: %s", rnn_strerror(fault));
    fault = compute_again(c, count);
    if (fault) return fault;
    double loss = c->loss;
    find_largest(c, c->d_params, count);
    for (uint32_t i = 0; i < c->g->inputs.len; i++) {
        const graph_input *in = &c->g->inputs.data[i];
        if (c->d_input[i]) find_largest(c, c->d_input[i], point_reals(&c->b, c->g, in));
    }
    loaded_spoil(&c->loss_call);
    if (loaded_run(&c->loss_call, ENTRY_LOSS) == 0 && isfinite(loss) && fabs(c->loss - loss) <= bound * fabs(loss))
        return 0;
    if (!isfinite(loss) || !isfinite(c->loss))
        return command_fault(EXIT_NUMERIC, "the loss is not finite for these random data and parameters; another "
                                           "--seed draws others");
    return command_fault(EXIT_NUMERIC, "at this point the loss is %.17g beside the derivatives and %.17g alone", loss,
                         c->loss);
}

/* ---- one tensor -------------------------------------------------------------------------------------------------- */

typedef struct worst {
    double error, a, n;
    size_t at;
} worst;

/* How far rounding moves the loss where the component is x, at least by its own unit in the last place: by how much
 * more than its derivative (d) says the loss moves, when the component moves so little that only rounding differs.
 *
 * Note [rounding]: with r of that in each loss, n is off by up to (8 * 2r + 2r) / 12h = 1.5 r / h. Twice as much is
 * forgiven, since r is the largest of a few. A move is some units in the last place of the component or, where that
 * is more, of the loss: so small beside h that a wrong derivative does not look like rounding. */
static double rounding(checker *c, double *component, double d)
{
    enum { MOVES = 6 };
    double x = *component, at_x = loss_at(c, component, x), most = DBL_EPSILON * fabs(at_x);
    double unit = fmax(fmax(fabs(x), DBL_EPSILON) * 0x1p-44, c->largest > 0 ? 4 * most / c->largest : 0);
    for (int i = 1; i <= MOVES; i++)
        for (int sign = -1; sign <= 1; sign += 2) {
            double there = x + sign * i * unit, moved_by = loss_at(c, component, there) - at_x;
            most = fmax(most, fabs(moved_by - d * (there - x)));
        }
    return most;
}

/* The error of component `at` with the step size that agrees best. */
static void check_component(checker *c, double *values, const double *d, size_t at, worst *w)
{
    worst best = {.error = INFINITY};
    double h = step_size, forgiven = 0;
    for (int i = 0; i < 2 * STEP_SIZES && best.error > (i < STEP_SIZES ? bound / 100 : bound); i++, h /= 8) {
        if (i == STEP_SIZES) { /* once more, with what rounding may have done */
            forgiven = 3 * rounding(c, &values[at], d[at]);
            h = step_size;
        }
        double n = difference(c, &values[at], h), scale = fmax(fmax(fabs(d[at]), fabs(n)), c->largest);
        if (forgiven / h > forgiven_most * bound * scale) continue;
        double off = fabs(d[at] - n) - forgiven / h, error = d[at] == n || off < 0 ? 0 : off / scale;
        if (error < best.error || i == 0) best = (worst){isnan(error) ? INFINITY : error, d[at], n, at};
    }
    if (best.error >= w->error) *w = best;
}

static void print_tensor(checker *c, const char *word, shape s, size_t checked, size_t count, worst w)
{
    bool good = w.error <= bound;
    printf("  %-20s %-12s %4zu of %-8zu %.1e%s\n", word, shape_text(c->arena, s), checked, count, w.error,
           good ? "" : "  WRONG");
    if (good) return;
    printf("      component %zu: derivative %.12g, difference %.12g\n", w.at, w.a, w.n);
    c->failed = true;
}

static void check_param(checker *c, uint32_t index)
{
    const graph_param *p = &c->g->params.data[index];
    size_t offset = graph_param_offset(c->g, index), count = (size_t)shape_size(p->shape);
    size_t checked = count < COMPONENTS_MAX ? count : COMPONENTS_MAX;
    worst w = {0};
    for (size_t i = 0; i < checked; i++)
        check_component(c, c->params + offset, c->d_params + offset,
                        checked == count ? i : point_draw(&c->random) % count, &w);
    print_tensor(c, p->path, p->shape, checked, count, w);
}

/* Components inside the sequences are moved; the derivative by padding must be 0. */
static void check_input(checker *c, uint32_t index)
{
    const graph_input *in = &c->g->inputs.data[index];
    size_t rows = batch_time_rows(c->g, in->type.axes, c->b.steps), size = (size_t)shape_size(in->type.shape);
    size_t inside = 0, checked = 0, total = c->b.sequences * rows * size;
    size_t *places = ARENA_ARRAY(c->arena, size_t, total);
    worst w = {0};
    for (size_t n = 0; n < c->b.sequences; n++)
        for (size_t s = 0; s < rows; s++)
            for (size_t i = 0; i < size; i++) {
                size_t at = batch_index(c->b.sequences, n, s, size, i);
                if (batch_inside(&c->b, c->g, in->type.axes, n, s))
                    places[inside++] = at;
                else if (c->d_input[index][at] != 0)
                    w = (worst){INFINITY, c->d_input[index][at], 0, at};
            }
    for (; checked < inside && checked < COMPONENTS_MAX; checked++) {
        size_t pick = inside <= COMPONENTS_MAX ? checked : point_draw(&c->random) % inside;
        check_component(c, c->b.input[index], c->d_input[index], places[pick], &w);
    }
    print_tensor(c, arena_printf(c->arena, "input.%s", in->path), in->type.shape, checked, inside, w);
}

/* ---- cut(x) ------------------------------------------------------------------------------------------------------ */

static const model_expr *find_cut(const model_expr *e)
{
    if (e->kind == EXPR_SLICE) return find_cut(e->slice.operand);
    if (e->kind != EXPR_CALL) return NULL;
    if (e->call.function == FUNCTION_cut) return e;
    const model_expr *found = NULL;
    for (int i = 0; i < e->call.count && !found; i++) found = find_cut(e->call.args[i]);
    return found;
}

/* A wrong derivative may be what the spec says: the first equation with a cut(x), which only differences see
 * through. */
static void print_cut(const checker *c)
{
    const model *m = c->p.model;
    const model_expr *cut = NULL;
    for (size_t i = 1; i < m->variables.len && !cut; i++)
        if (m->variables.data[i].value) cut = find_cut(m->variables.data[i].value);
    const source *s = cut ? source_of(c->p.sources, cut->at) : NULL;
    if (s)
        printf("%s:%u: cut(x) lets no gradient pass: what it hides is in the differences, not in the derivatives\n",
               s->path, source_place(s, cut->at.begin).line);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* Multiplications of all evaluations of the loss, roughly. */
static double work_of(const checker *c)
{
    double evaluations = 4.0 * COMPONENTS_MAX * (double)c->g->params.len, rows = (double)c->p.options.emit.batch;
    for (int i = 1; i <= c->g->axes; i++) rows *= (double)c->b.steps[i];
    return evaluations * rows * (double)graph_param_offset(c->g, c->g->params.len);
}

static int prepare(checker *c)
{
    const options *o = c->o;
    pipeline_options po = command_pipeline(o, o->operands.data[0]);
    po.purpose = FOR_GRADCHECK;
    po.data_size = STAND_IN;
    po.emit.standalone = po.emit.real_double = true;
    po.emit.batch = o->value[OPTION_BATCH].given ? (int)o->value[OPTION_BATCH].number : BATCH_DEFAULT;
    int unread = command_open(&c->p, c->arena, &po);
    if (unread) return unread;
    bool good = pipeline_check(&c->p);
    command_print_messages(o, &c->p);
    if (!good) return EXIT_SPEC;
    int uncut = command_root(o, &c->p, STEPS_DEFAULT);
    if (uncut) return uncut;
    pipeline_plan(&c->p, (pipeline_dump){0});
    uncut = command_segments(&c->p);
    if (uncut) return uncut;
    c->g = c->p.programs.graph;
    if (!c->p.loss)
        return command_fault(EXIT_SPEC, "%s: the model has no loss, so there is nothing to derive", po.path);
    int steps[MAX_TIME_AXES + 1] = {0};
    int code = options_steps(o, c->g->axis, c->g->axes, steps);
    if (code) return code;
    /* Axes of different lengths, so that they cannot be taken for each other. */
    for (int i = 1; i <= c->g->axes; i++)
        c->b.steps[i] = steps[i] ? (size_t)steps[i] : (size_t)(i == 1 ? STEPS_DEFAULT : STEPS_DEFAULT - 1);
    code = command_load(o, &c->l, c->arena, &c->p, work_of(c));
    c->open = code == 0;
    return code;
}

static void check_all(checker *c)
{
    printf("model %s: %zu sequences", c->g->model, c->b.sequences);
    for (int i = 1; i <= c->g->axes; i++) printf(", %s = %zu", c->g->axis[i].length, c->b.steps[i]);
    printf(", loss %.6g, largest derivative %.3g\n", c->loss, c->largest);
    command_print_stand_ins(c->p.model);
    printf("  %-20s %-12s %-16s relative error, at most %g\n", "derivative by", "shape", "checked", bound);
    for (uint32_t i = 0; i < c->g->params.len; i++) check_param(c, i);
    for (uint32_t i = 0; i < c->g->inputs.len; i++)
        if (c->d_input[i]) check_input(c, i);
    if (c->failed) print_cut(c);
    if (!c->failed && c->largest == 0)
        puts("every derivative is 0: for these random data and parameters the loss depends on nothing; another --seed "
             "draws others");
}

int command_gradcheck(const options *o)
{
    checker c = {
        .o = o, .arena = arena_new(), .random = o->value[OPTION_SEED].given ? o->value[OPTION_SEED].number : 1};
    int code = prepare(&c);
    if (!code) {
        draw_point(&c);
        code = compute_derivatives(&c);
    }
    if (!code) {
        check_all(&c);
        code = command_finish(c.failed ? EXIT_NUMERIC : EXIT_SUCCESS);
    }
    if (c.open) loaded_close(&c.l);
    arena_free(c.arena);
    return code;
}
