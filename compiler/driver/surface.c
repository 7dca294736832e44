/* surface.c: rnnc gradflow SPEC --grid W=A:B:N --output o: the derivative of o[t] by a parameter, over its values and
 * t.
 *
 * In: a spec, one component of a parameter, the range of its values. Out: d o[t] / d w for each value and step, as a
 * table and a picture: the weights where gradients vanish and where they explode. The loss is o[t] itself, by a seed
 * that is 1 there (lower/lower.h): one call of `grad` for each value and step. */
#include "driver/gradflow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 4096, EXPONENT_MAX = 12, SURFACE_SEQUENCES = 1 };

typedef struct grid {
    const char *word; /* "w1", "W(0,1)" */
    double from, to;
    size_t values;
    size_t component; /* among all parameters */
} grid;

typedef struct surface {
    const options *o;
    probed m;
    grid g;
    const char *output;
    size_t steps;
    double *d, *value; /* [value of the grid][step] */
} surface;

/* ---- the grid ---------------------------------------------------------------------------------------------------- */

static int parse(surface *s)
{
    const char *written = s->o->value[OPTION_GRID].text, *equals = strchr(written, '=');
    int n = 0;
    long values = 0;
    grid *g = &s->g;
    if (equals && equals != written && sscanf(equals + 1, "%lf:%lf:%ld%n", &g->from, &g->to, &values, &n) == 3 &&
        !equals[1 + n] && isfinite(g->from) && isfinite(g->to) && g->from < g->to && values >= 2 &&
        values <= VALUES_MAX) {
        g->word = arena_strndup(s->m.arena, written, (size_t)(equals - written));
        g->values = (size_t)values;
        return 0;
    }
    return options_fault(s->o, "--grid: expected W=A:B:N with A below B and N from 2 to %d, found '%s'", VALUES_MAX,
                         written);
}

/* The place of W, W(i) or W(i,j) among the parameters. */
static int find_component(surface *s)
{
    const graph *g = s->m.g;
    const char *word = s->g.word, *path = s->m.p.options.path, *bracket = strchr(word, '(');
    size_t length = bracket ? (size_t)(bracket - word) : strlen(word);
    const char **known = ARENA_ARRAY(s->m.arena, const char *, g->params.len + 1);
    for (uint32_t i = 0; i < g->params.len; i++) {
        const graph_param *p = &g->params.data[i];
        known[i] = p->path;
        if (strlen(p->path) != length || strncmp(p->path, word, length) != 0) continue;
        int row = 0, column = 0, n = 0;
        bool good = bracket ? sscanf(bracket, "(%d)%n", &row, &n) == 1 && n && !bracket[n] : p->shape.rank == 0;
        if (!good && bracket) good = sscanf(bracket, "(%d,%d)%n", &row, &column, &n) == 2 && n && !bracket[n];
        if (!good || row < 0 || column < 0 || row >= p->shape.dim[0] || column >= p->shape.dim[1])
            return command_fault(EXIT_SPEC, "%s: --grid wants one number of '%s', which is %s", path, p->path,
                                 shape_text(s->m.arena, p->shape));
        s->g.component = graph_param_offset(g, i) + (size_t)row * (size_t)p->shape.dim[1] + (size_t)column;
        return 0;
    }
    const char *stem = arena_strndup(s->m.arena, word, length), *nearest = name_nearest(stem, known, g->params.len);
    return command_fault(EXIT_SPEC, "%s: the model has no parameter '%s'%s%s%s", path, stem,
                         nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static double value_at(const grid *g, size_t i)
{
    return g->from + (g->to - g->from) * (double)i / (double)(g->values - 1);
}

/* ---- computing --------------------------------------------------------------------------------------------------- */

static int find_output(surface *s, uint32_t *variable)
{
    int code = probed_find(&s->m.p, s->output, variable);
    if (code) return code;
    model_type t = s->m.p.model->variables.data[*variable].type;
    int axes = 0;
    for (int i = 1; i <= s->m.p.model->axes; i++) axes += (t.axes & axis_bit(i)) != 0;
    if (t.shape.rank == 0 && axes == 1) return 0;
    return command_fault(EXIT_SPEC, "%s: --output wants one number a step over one axis; '%s' is %s",
                         s->m.p.options.path, s->output, model_type_text(s->m.arena, s->m.p.model, t));
}

static int compute(surface *s, uint32_t variable)
{
    probed *m = &s->m;
    uint32_t input = (uint32_t)probed_input(m->g, variable, true);
    const graph_input *in = &m->g->inputs.data[input];
    double *seed = m->b.input[input];
    int axis = 1;
    while (!(in->type.axes & axis_bit(axis))) axis++;
    s->steps = m->b.lengths[axis] ? (size_t)m->b.lengths[axis][0] : m->b.steps[axis];
    s->d = ARENA_ARRAY(m->arena, double, s->g.values * s->steps + 1);
    s->value = ARENA_ARRAY(m->arena, double, s->g.values * s->steps + 1);
    int code = 0;
    for (size_t i = 0; i < s->g.values; i++) {
        m->params[s->g.component] = value_at(&s->g, i);
        m->l.pack(m->params, m->packed);
        for (size_t t = 0; !code && t < s->steps; t++) {
            double *at = &seed[batch_index(m->b.sequences, 0, t, 1, 0)];
            *at = 1;
            code = probed_run(m);
            *at = 0;
            s->d[i * s->steps + t] = m->d_params[s->g.component];
            s->value[i * s->steps + t] = m->loss;
        }
    }
    return code;
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

static int write_surface(const surface *s, const char *path)
{
    text *t = text_new(s->m.arena);
    text_put(t, "%s,t,%s,derivative\n", strchr(s->g.word, ',') ? "weight" : s->g.word, s->output);
    for (size_t i = 0; i < s->g.values; i++)
        for (size_t k = 0; k < s->steps; k++)
            text_put(t, "%.17g,%zu,%.17g,%.17g\n", value_at(&s->g, i), k + 1, s->value[i * s->steps + k],
                     s->d[i * s->steps + k]);
    return gradflow_write(path, t);
}

/* Powers of ten around all values, 1 among them. */
static plot_colours colours_of(const surface *s)
{
    plot_colours c = {-1, 1};
    for (size_t i = 0; i < s->g.values * s->steps; i++) {
        double magnitude = fabs(s->d[i]);
        if (!(magnitude > 0) || !isfinite(magnitude)) continue;
        c.least = fmin(c.least, fmax(-EXPONENT_MAX, floor(log10(magnitude))));
        c.most = fmax(c.most, fmin(EXPONENT_MAX, ceil(log10(magnitude))));
    }
    return c;
}

static int draw_surface(const surface *s, const char *path)
{
    plot p;
    if (plot_begin(&p, arena_printf(s->m.arena, "d %s[t] / d %s", s->output, s->g.word))) {
        double half = (s->g.to - s->g.from) / (double)(s->g.values - 1) / 2;
        plot_colours c = colours_of(s);
        p.x = plot_exact(s->g.from - half, s->g.to + half);
        p.y = plot_exact(0.5, (double)s->steps + 0.5);
        for (size_t i = 0; i < s->g.values; i++)
            for (size_t k = 0; k < s->steps; k++) {
                double x = value_at(&s->g, i), y = (double)(k + 1);
                plot_cell(&p, c, x - half, x + half, y - 0.5, y + 0.5, fabs(s->d[i * s->steps + k]));
            }
        plot_axes(&p, s->g.word, "step t");
        plot_colour_bar(&p, c, "magnitude");
    }
    return gradflow_draw(&p, path);
}

static int print_extremes(const surface *s)
{
    size_t most = 0, last = s->steps - 1;
    for (size_t i = 0; i < s->g.values * s->steps; i++)
        if (fabs(s->d[i]) > fabs(s->d[most])) most = i;
    printf("d %s[t] / d %s\n", s->output, s->g.word);
    printf("  largest: %.6g at %s = %.6g, t = %zu\n", s->d[most], s->g.word, value_at(&s->g, most / s->steps),
           most % s->steps + 1);
    printf("  at t = %zu: %.6g for %.6g, %.6g for %.6g\n", s->steps, s->d[last], s->g.from,
           s->d[(s->g.values - 1) * s->steps + last], s->g.to);
    return command_finish(EXIT_SUCCESS);
}

int gradflow_surface(const options *o, model_define *define, size_t defines)
{
    surface s = {.o = o, .output = o->value[OPTION_OUTPUT].text};
    uint32_t variable = 0;
    int code = probed_check(&s.m, o, o->operands.data[0], define, defines);
    if (!code) code = parse(&s);
    if (!code) code = find_output(&s, &variable);
    if (!code) {
        s.m.p.options.probes = (lower_probes){.seeded = variable};
        code = probed_load(&s.m, SURFACE_SEQUENCES, GRADFLOW_STEPS);
    }
    if (!code) code = find_component(&s);
    if (!code) code = compute(&s, variable);
    const char *csv = o->value[OPTION_CSV].text, *svg = o->value[OPTION_SVG].text;
    if (!code && csv) code = write_surface(&s, csv);
    if (!code && svg) code = draw_surface(&s, svg);
    if (!code) code = print_extremes(&s);
    probed_close(&s.m);
    return code;
}
