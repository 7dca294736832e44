/* signals.c: tasks whose data look as if they were measured: noisy_stream, strokes. */
#if defined __clang__
#pragma STDC FP_CONTRACT OFF
#endif
#include "tasks/tasks.h"

/* ---- a stream of symbols ----------------------------------------------------------------------------------------- */

/* Feature k of a symbol, -1 or 1 and a bit: no part of the seed's, so that files of different seeds speak one
 * language. */
static double feature_of(size_t symbol, size_t k)
{
    chance d = chance_open("noisy_stream features", symbol, k);
    double sign = chance_below(&d, 2) ? 1 : -1;
    return sign * (0.5 + chance_uniform(&d));
}

/* `steps` steps of a symbol; of 0, none. */
static void put_symbol(task_sequence *s, size_t symbol, size_t steps)
{
    size_t features = task_arrays[TASK_ARRAY_noisy_stream_x].width;
    double noise = s->parameter[TASK_PARAMETER_noisy_stream_noise];
    for (size_t t = 0; t < steps; t++)
        for (size_t k = 0; k < features; k++) {
            double clean = symbol ? feature_of(symbol, k) : 0;
            task_put(s, TASK_ARRAY_noisy_stream_x, clean + noise * chance_normal(&s->chance));
        }
}

void task_noisy_stream(task_sequence *s)
{
    enum { SHORTEST = 2, LONGEST = 6, LEAST_REST = 1, MOST_REST = 4 };
    size_t symbols = task_whole(s, TASK_PARAMETER_noisy_stream_symbols);
    put_symbol(s, 0, chance_between(&s->chance, LEAST_REST, MOST_REST));
    for (size_t i = chance_between(&s->chance, task_whole(s, TASK_PARAMETER_noisy_stream_fewest),
                                   task_whole(s, TASK_PARAMETER_noisy_stream_most));
         i > 0; i--) {
        size_t symbol = 1 + chance_below(&s->chance, symbols);
        put_symbol(s, symbol, chance_between(&s->chance, SHORTEST, LONGEST));
        put_symbol(s, 0, chance_between(&s->chance, LEAST_REST, MOST_REST));
        task_put(s, TASK_ARRAY_noisy_stream_y, (double)symbol);
    }
}

/* ---- a pen ------------------------------------------------------------------------------------------------------- */

typedef enum shape { LOW_LOOP, HIGH_LOOP, ARCH, POINT, SHAPES } shape;
enum { LEAST_SHAPES = 2, MOST_SHAPES = 4 }; /* of a stroke */

/* Points of a shape; where it is at u, from 0 to 1, within a box one wide and one high. */
static size_t points_of(shape k)
{
    static const size_t points[SHAPES] = {[LOW_LOOP] = 8, [HIGH_LOOP] = 10, [ARCH] = 6, [POINT] = 4};
    return points[k];
}

static void place_in(shape k, double u, double *x, double *y)
{
    double loop = 0.3 * sine_of_turns(u), rise = 0.5 - 0.5 * sine_of_turns(u + 0.25);
    switch (k) {
    case LOW_LOOP: *x = u + loop, *y = 0.5 * rise; return;
    case HIGH_LOOP: *x = u + loop, *y = 1.2 * rise; return;
    case ARCH: *x = u, *y = 0.5 * sine_of_turns(u / 2); return;
    case POINT: *x = u, *y = u < 0.5 ? u : 1 - u; return;
    case SHAPES: break;
    }
    *x = *y = 0;
}

typedef struct pen {
    task_sequence *s;
    double width, height, slant, noise; /* of this hand */
    size_t written, steps;
} pen;

static void put_point(pen *p, double dx, double dy, int end)
{
    double row[] = {dx, dy, end};
    for (int i = 0; i < 2; i++) row[i] += p->noise * chance_normal(&p->s->chance);
    for (int i = 0; i < 3 && p->written < p->steps; i++) task_put(p->s, TASK_ARRAY_strokes_y, row[i]);
    for (int i = 0; i < 3 && p->written + 1 < p->steps; i++) task_put(p->s, TASK_ARRAY_strokes_x, row[i]);
    p->written += p->written < p->steps;
}

static void put_shape(pen *p, shape k, int last)
{
    size_t points = points_of(k);
    double before_x = 0, before_y = 0;
    for (size_t i = 1; i <= points; i++) {
        double x, y;
        place_in(k, (double)i / (double)points, &x, &y);
        x = p->width * x + p->slant * y;
        y *= p->height;
        put_point(p, x - before_x, y - before_y, last && i == points);
        before_x = x;
        before_y = y;
    }
}

/* Strokes of some shapes each, a gap between them. Each hand has its size and slant. */
void task_strokes(task_sequence *s)
{
    chance *d = &s->chance;
    pen p = {
        .s = s, .noise = s->parameter[TASK_PARAMETER_strokes_noise], .steps = task_whole(s, TASK_PARAMETER_strokes_T)};
    p.width = 2 + chance_uniform(d);
    p.height = 3 + 2 * chance_uniform(d);
    p.slant = 2 * chance_uniform(d) - 0.5;
    for (int i = 0; i < 3; i++) task_put(s, TASK_ARRAY_strokes_x, i == 2);
    while (p.written < p.steps) {
        for (size_t left = chance_between(d, LEAST_SHAPES, MOST_SHAPES); left > 0; left--)
            put_shape(&p, (shape)chance_below(d, SHAPES), left == 1);
        put_point(&p, p.width / 2 + chance_uniform(d), 0, 0); /* the pen in the air: to where the next stroke begins */
    }
}
