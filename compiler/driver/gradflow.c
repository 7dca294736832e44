/* gradflow.c: rnnc gradflow SPEC...: how the gradient of the loss reaches earlier steps.
 *
 * In: specs, each with every combination of the definitions `-D NAME=A,B`; data and parameters, random unless they are
 * given. Out: for chosen variables the norm of d loss / d h[t] (over components and sequences) against t, as a table
 * and a picture; a line for each on stdout. With --grid it is a surface: surface.c. */
#include "driver/gradflow.h"
#include "driver/sweep.h"
#include "train/atomic.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 16, CURVES_MAX = 64 };

typedef struct flow {
    const char *label, *of; /* the variable */
    size_t steps;
    double *norm; /* of step i + 1 */
} flow;

typedef struct flows {
    const options *o;
    arena *arena;
    ARRAY(flow) all;
} flows;

/* ---- files ------------------------------------------------------------------------------------------------------- */

int gradflow_write(const char *path, const text *t)
{
    atomic_file f;
    atomic_begin(&f, path);
    atomic_write(&f, text_string(t), t->len);
    int fault = atomic_commit(&f);
    return fault ? command_fault(EXIT_SYSTEM, "%s: cannot be written: %s", path, strerror(fault)) : 0;
}

int gradflow_draw(plot *p, const char *path)
{
    char *error = NULL;
    return plot_end(p, path, &error) ? 0 : command_fault_line(EXIT_SYSTEM, error);
}

/* ---- which variables --------------------------------------------------------------------------------------------- */

typedef struct memories {
    const probed *m;
    bool *is; /* variables that a recurrence remembers */
} memories;

/* Depth: that of an expression, which the model limits. */
static void find_memories(memories *x, const model_expr *e)
{
    const model_variable *of = e->kind == EXPR_SHIFT ? &x->m->p.model->variables.data[e->read.variable] : NULL;
    if (of && of->scan && !of->type.token) x->is[e->read.variable] = true;
    for (int i = 0; e->kind == EXPR_CALL && i < e->call.count; i++) find_memories(x, e->call.args[i]);
    if (e->kind == EXPR_SLICE) find_memories(x, e->slice.operand);
}

static int choose(probed *m, uint32_t **variable, size_t *count)
{
    const model *of = m->p.model;
    if (m->o->value[OPTION_ADJOINT].given)
        return probed_find_list(&m->p, m->o->value[OPTION_ADJOINT].text, variable, count);
    memories x = {m, ARENA_ARRAY(m->arena, bool, of->variables.len)};
    for (size_t v = 1; v < of->variables.len; v++)
        if (of->variables.data[v].kind == VARIABLE_EQUATION && of->variables.data[v].value)
            find_memories(&x, of->variables.data[v].value);
    *variable = ARENA_ARRAY(m->arena, uint32_t, of->variables.len);
    *count = 0;
    for (uint32_t v = 1; v < of->variables.len; v++)
        if (x.is[v]) (*variable)[(*count)++] = v;
    if (*count) return 0;
    return command_fault(EXIT_SPEC, "%s: the model '%s' remembers nothing; choose variables with --adjoint",
                         m->p.options.path, of->word);
}

/* ---- norms ------------------------------------------------------------------------------------------------------- */

/* The axis that the variable recurs along, or its first. 0: none. */
static int axis_of(const graph *g, const model_variable *v)
{
    if (v->scan) return v->scan_axis;
    int axis = 1;
    while (axis <= g->axes && !(v->type.axes & axis_bit(axis))) axis++;
    return axis <= g->axes ? axis : 0;
}

static void add_flow(flows *f, const probed *m, uint32_t variable, int axis, const char *label)
{
    uint32_t input = (uint32_t)probed_input(m->g, variable, false);
    type t = m->g->inputs.data[input].type;
    size_t rows = batch_time_rows(m->g, t.axes, m->b.steps), size = (size_t)shape_size(t.shape), inner = 1;
    for (int i = axis + 1; i <= m->g->axes; i++)
        if (t.axes & axis_bit(i)) inner *= m->b.steps[i];
    const char *of = m->p.model->variables.data[variable].path;
    flow one = {.label = arena_strndup(f->arena, label, strlen(label)), .of = arena_strndup(f->arena, of, strlen(of))};
    one.steps = m->b.steps[axis];
    one.norm = ARENA_ARRAY(f->arena, double, one.steps);
    for (size_t s = 0; s < rows; s++) {
        const double *d = m->d_input[input] + s * m->b.sequences * size;
        for (size_t i = 0; i < m->b.sequences * size; i++) one.norm[s / inner % one.steps] += d[i] * d[i];
    }
    for (size_t i = 0; i < one.steps; i++) one.norm[i] = isnan(one.norm[i]) ? (double)NAN : sqrt(one.norm[i]);
    array_push(f->arena, &f->all, one);
}

/* "file C=lstm h": of these words, what distinguishes curves. */
static const char *label_of(const flows *f, const probed *m, const char *variant, uint32_t variable, bool several)
{
    const char *path = m->p.options.path, *slash = strrchr(path, '/'), *word = slash ? slash + 1 : path;
    const char *dot = strrchr(word, '.');
    text *t = text_new(f->arena);
    if (f->o->operands.len > 1) text_put(t, "%.*s ", (int)(dot ? dot - word : (long)strlen(word)), word);
    if (*variant) text_put(t, "%s ", variant);
    if (several || !t->len) text_put(t, "%s ", m->p.model->variables.data[variable].path);
    return arena_strndup(f->arena, text_string(t), t->len - 1);
}

static int add_spec(flows *f, probed *m, const char *variant)
{
    uint32_t *variable;
    size_t count;
    int code = choose(m, &variable, &count);
    if (!code && !m->p.model->losses.len)
        code = command_fault(EXIT_SPEC, "%s: the model '%s' has no loss", m->p.options.path, m->p.model->word);
    if (code) return code;
    m->p.options.probes = (lower_probes){variable, count, 0, f->o->value[OPTION_LAST].given};
    bool given = f->o->value[OPTION_BATCH].given;
    code = probed_load(m, given ? (size_t)f->o->value[OPTION_BATCH].number : SEQUENCES, GRADFLOW_STEPS);
    if (!code) code = probed_run(m);
    for (size_t i = 0; !code && i < count; i++) {
        const model_variable *v = &m->p.model->variables.data[variable[i]];
        int axis = axis_of(m->g, v);
        if (!axis)
            return command_fault(EXIT_SPEC, "%s: '%s' is one value a sequence, without steps", m->p.options.path,
                                 v->path);
        if (f->all.len == CURVES_MAX)
            return command_fault(EXIT_USAGE, "more than %d curves; choose variables with --adjoint", CURVES_MAX);
        add_flow(f, m, variable[i], axis, label_of(f, m, variant, variable[i], count > 1));
    }
    return code;
}

/* ---- combinations of definitions --------------------------------------------------------------------------------- */

static int add_combinations(flows *f, const char *path)
{
    pipeline_options written = command_pipeline(f->o, path);
    command_define_by_weights(f->o, &written);
    size_t combinations = 1, n = written.define_count;
    for (size_t i = 0; i < n; i++) combinations *= sweep_values(written.defines[i].value);
    int code = 0;
    for (size_t k = 0; !code && k < combinations; k++) {
        model_define *define = ARENA_ARRAY(f->arena, model_define, n + 1);
        text *variant = text_new(f->arena);
        size_t rest = k;
        for (size_t i = n; i-- > 0;) { /* the last definition changes first */
            size_t values = sweep_values(written.defines[i].value);
            define[i] =
                (model_define){written.defines[i].word, sweep_value(f->arena, written.defines[i].value, rest % values),
                               written.defines[i].optional};
            rest /= values;
        }
        for (size_t i = 0; i < n; i++)
            if (sweep_values(written.defines[i].value) > 1)
                text_put(variant, "%s%s=%s", variant->len ? " " : "", define[i].word, define[i].value);
        probed m;
        code = probed_check(&m, f->o, path, define, n);
        if (!code) code = add_spec(f, &m, text_string(variant));
        probed_close(&m);
    }
    return code;
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

/* Least and largest norm that is neither 0 nor infinite. */
static void range_of(const flows *f, double *least, double *most, size_t *steps)
{
    *least = INFINITY;
    *most = 0;
    *steps = 1;
    for (size_t k = 0; k < f->all.len; k++) {
        const flow *one = &f->all.data[k];
        if (one->steps > *steps) *steps = one->steps;
        for (size_t i = 0; i < one->steps; i++) {
            if (!(one->norm[i] > 0) || !isfinite(one->norm[i])) continue;
            *least = fmin(*least, one->norm[i]);
            *most = fmax(*most, one->norm[i]);
        }
    }
    if (*most == 0) *least = *most = 1;
}

/* "d loss / d h[t]"; of several variables d v[t]. */
static const char *what_of(const flows *f)
{
    const char *of = NULL;
    for (size_t k = 0; k < f->all.len; k++) {
        const char *own = f->all.data[k].of;
        of = !of || strcmp(own, of) == 0 ? own : "v";
    }
    return arena_printf(f->arena, "d loss / d %s[t]", of);
}

static int draw(const flows *f, const char *path)
{
    double least, most;
    size_t steps;
    range_of(f, &least, &most, &steps);
    plot p;
    bool end = f->o->value[OPTION_LAST].given;
    if (plot_begin(&p, arena_printf(f->arena, "%s%s", what_of(f), end ? ", loss at the last step" : ""))) {
        p.x = plot_exact(1, (double)steps);
        p.y = plot_range(least, most, true);
        plot_axes(&p, "step t", "norm");
        plot_point *point = ARENA_ARRAY(f->arena, plot_point, steps);
        for (size_t k = 0; k < f->all.len; k++) {
            const flow *one = &f->all.data[k];
            for (size_t i = 0; i < one->steps; i++) point[i] = (plot_point){(double)(i + 1), one->norm[i]};
            plot_line(&p, point, one->steps, one->label, (int)k);
        }
    }
    return gradflow_draw(&p, path);
}

static int write_table(const flows *f, const char *path)
{
    double least, most;
    size_t steps;
    text *t = text_new(f->arena);
    range_of(f, &least, &most, &steps);
    text_put(t, "t");
    for (size_t k = 0; k < f->all.len; k++) text_put(t, ",%s", f->all.data[k].label);
    for (size_t i = 0; i < steps; i++) {
        text_put(t, "\n%zu", i + 1);
        for (size_t k = 0; k < f->all.len; k++) {
            const flow *one = &f->all.data[k];
            text_puts(t, i < one->steps ? arena_printf(f->arena, ",%.17g", one->norm[i]) : ",");
        }
    }
    text_put(t, "\n");
    return gradflow_write(path, t);
}

/* What the gradient is multiplied with on its way back over one step: the geometric mean. */
static int print_summary(const flows *f)
{
    const char *head = arena_printf(f->arena, "norm of %s", what_of(f));
    printf("%-28s %-12s %-12s %s\n", head, "t = 1", "t = T", "factor a step back");
    for (size_t k = 0; k < f->all.len; k++) {
        const flow *one = &f->all.data[k];
        double first = one->norm[0], last = one->norm[one->steps - 1];
        printf("%-28s %-12.4g %-12.4g", one->label, first, last);
        if (one->steps > 1 && first > 0 && last > 0)
            printf(" %.4g", pow(first / last, 1.0 / (double)(one->steps - 1)));
        else
            printf(" -");
        printf("\n");
    }
    return command_finish(EXIT_SUCCESS);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int check_options(const options *o)
{
    const option_value *v = o->value;
    if (v[OPTION_GRID].given != v[OPTION_OUTPUT].given) return options_fault(o, "--grid and --output belong together");
    if (v[OPTION_GRID].given && (v[OPTION_ADJOINT].given || v[OPTION_LAST].given || v[OPTION_BATCH].given))
        return options_fault(o, "--grid excludes --adjoint, --last and --batch");
    if (v[OPTION_GRID].given && o->operands.len > 1) return options_fault(o, "--grid takes one spec");
    if (v[OPTION_WEIGHTS].given && v[OPTION_INIT].given)
        return options_fault(o, "--weights and --init exclude each other");
    int code = command_distinct(o, NULL, 0);
    return code ? code : command_can_write_files(o);
}

int command_gradflow(const options *o)
{
    int code = check_options(o);
    if (code) return code;
    flows f = {.o = o, .arena = arena_new()};
    const char *csv = o->value[OPTION_CSV].text, *svg = o->value[OPTION_SVG].text;
    if (o->value[OPTION_GRID].given) {
        pipeline_options written = command_pipeline(o, o->operands.data[0]);
        command_define_by_weights(o, &written);
        code = gradflow_surface(o, written.defines, written.define_count);
    } else {
        for (size_t i = 0; !code && i < o->operands.len; i++) code = add_combinations(&f, o->operands.data[i]);
        if (!code && csv) code = write_table(&f, csv);
        if (!code && svg) code = draw(&f, svg);
        if (!code) code = print_summary(&f);
    }
    arena_free(f.arena);
    return code;
}
