/* driver.c: holds the C of one model, net.h, against the oracle's numbers in vectors.h. Any C99 or C++ compiler, no C
 * library: it reads no file and prints nothing.
 *
 * Every array that is passed begins one float behind an address that is a multiple of 64, the worst that a caller may
 * do, and stands between guards; work memory and outputs hold garbage before. */
#include "driver.h"
#include "net.h"
#include "vectors.h"
#ifdef BLOB
#include "blob.h"
#endif

enum { GUARD = 12, LINE = 64 };

static const float GUARD_REAL = -6.25e18f, GARBAGE = 3e38f;
static const int GUARD_TOKEN = -77077;
#ifndef INTEGERS
static const float BOUND = 1e-5f; /* times the largest number expected, or 1 */
#else
static const float BOUND = 5e-4f; /* of weights rounded to 16 bits */
#endif

/* ---- memory ------------------------------------------------------------------------------------------------------ */

#define ROOM(n) ((n) + 2 * GUARD + LINE / 4)
#define ROOM_OF(name, type, n, along) +ROOM(n)
#define ROOM_OF_LENGTHS(letter, length, steps) +ROOM(BATCH)
#define ONE(name, type, n, along) +1
#define ONE_AXIS(letter, length, steps) +1
enum { INPUT_COUNT = 0 INPUTS(ONE), OUTPUT_COUNT = 0 OUTPUTS(ONE), AXIS_COUNT = 0 AXES(ONE_AXIS) };

typedef struct region {
    size_t begin, count;
} region;

struct instance {
    net_args args;
    float reals[ROOM(WORK_OF(NET_FORWARD_WORK)) INPUTS(ROOM_OF) OUTPUTS(ROOM_OF)];
    int tokens[0 AXES(ROOM_OF_LENGTHS) INPUTS(ROOM_OF)]; /* and lengths */
    region real_regions[1 + INPUT_COUNT + OUTPUT_COUNT], token_regions[INPUT_COUNT + AXIS_COUNT];
    size_t real_count, token_count; /* regions */
    unsigned long step_time;        /* with -DSTREAMING */
#ifdef NET_STEP_WORK
    struct {
        float before[GUARD];
        net_state state;
        float after[GUARD];
    } kept;
#endif
};

static instance first, second;
instance *const instances[2] = {&first, &second};

/* The next n numbers behind the last region, one behind a multiple of LINE. */
static size_t take_from(const void *base, region *regions, size_t *count, size_t n)
{
    size_t at = GUARD;
    if (*count) at += regions[*count - 1].begin + regions[*count - 1].count;
    while (((uintptr_t)base + 4 * at) % LINE != 4) at++;
    regions[*count].begin = at;
    regions[(*count)++].count = n;
    return at;
}

static float *take_float(instance *own, size_t n)
{
    return own->reals + take_from(own->reals, own->real_regions, &own->real_count, n);
}

static int *take_int(instance *own, size_t n)
{
    return own->tokens + take_from(own->tokens, own->token_regions, &own->token_count, n);
}

static void spoil(instance *own)
{
    own->real_count = own->token_count = 0;
    for (size_t i = 0; i < sizeof own->reals / sizeof *own->reals; i++) own->reals[i] = GUARD_REAL;
    for (size_t i = 0; i < sizeof own->tokens / sizeof *own->tokens; i++) own->tokens[i] = GUARD_TOKEN;
#ifdef NET_STEP_WORK
    for (int i = 0; i < GUARD; i++) own->kept.before[i] = own->kept.after[i] = GUARD_REAL;
#endif
}

/* Whether everything outside of the regions is as spoil left it. */
static int is_whole(const instance *own)
{
    size_t at = 0;
    for (size_t r = 0; r <= own->real_count; r++) {
        const size_t end = r < own->real_count ? own->real_regions[r].begin : sizeof own->reals / sizeof *own->reals;
        for (; at < end; at++)
            if (own->reals[at] != GUARD_REAL) return 0;
        if (r < own->real_count) at += own->real_regions[r].count;
    }
    at = 0;
    for (size_t r = 0; r <= own->token_count; r++) {
        const size_t end =
            r < own->token_count ? own->token_regions[r].begin : sizeof own->tokens / sizeof *own->tokens;
        for (; at < end; at++)
            if (own->tokens[at] != GUARD_TOKEN) return 0;
        if (r < own->token_count) at += own->token_regions[r].count;
    }
#ifdef NET_STEP_WORK
    for (int i = 0; i < GUARD; i++)
        if (own->kept.before[i] != GUARD_REAL || own->kept.after[i] != GUARD_REAL) return 0;
#endif
    return 1;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

void say(char *said, const char *text)
{
    int at = 0;
    while (said[at]) at++;
    while (*text && at < SAID - 1) said[at++] = *text++;
    said[at] = '\0';
}

void say_number(char *said, const char *text, unsigned long number)
{
    char digits[24];
    int at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    say(said, text);
    say(said, digits + at);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static int bind(instance *own)
{
    net_args *args = &own->args;
    spoil(own);
    args->batch = BATCH;
#define AXIS(letter, length, steps)                                                                                    \
    {                                                                                                                  \
        int *to = take_int(own, BATCH);                                                                                \
        for (int i = 0; i < BATCH; i++) to[i] = steps;                                                                 \
        args->length = steps;                                                                                          \
        args->lengths_##letter = to;                                                                                   \
    }
    AXES(AXIS)
#undef AXIS
    args->work = take_float(own, WORK_OF(NET_FORWARD_WORK));
    for (size_t i = 0; i < WORK_OF(NET_FORWARD_WORK); i++) args->work[i] = GARBAGE;
#define INPUT(name, type, n, along)                                                                                    \
    {                                                                                                                  \
        type *to = take_##type(own, n);                                                                                \
        for (size_t i = 0; i < n; i++) to[i] = in_##name[i];                                                           \
        args->name = to;                                                                                               \
    }
    INPUTS(INPUT)
#undef INPUT
#define OUTPUT(name, type, n, along)                                                                                   \
    args->name = take_float(own, n);                                                                                   \
    for (size_t i = 0; i < n; i++) args->name[i] = GARBAGE;
    OUTPUTS(OUTPUT)
#undef OUTPUT
#ifdef BLOB
    return net_load(blob.bytes, sizeof blob.bytes, &args->weights);
#else
    return 0;
#endif
}

/* Adds to *off the largest difference, relative to the largest number. */
static void compare(const float *got, const float *want, size_t n, float *off)
{
    float most = 1;
    for (size_t i = 0; i < n; i++) {
        const float size = want[i] < 0 ? -want[i] : want[i];
        if (size > most) most = size;
    }
    for (size_t i = 0; i < n; i++) {
        const float d = (got[i] < want[i] ? want[i] - got[i] : got[i] - want[i]) / most;
        if (!(d <= *off)) *off = d;
    }
}

#if !defined NET_STEP_WORK || !defined STREAMING
static int run_forward(instance *own, float *off)
{
    const int code = net_forward(&own->args);
#define OUTPUT(name, type, n, along) compare(own->args.name, want_##name, n, off);
    OUTPUTS(OUTPUT)
#undef OUTPUT
    return code;
}
#endif

#ifdef NET_STEP_WORK
/* A second run of the steps begins anew, by net_reset. */
static int run_steps(instance *own, float *off)
{
    const net_args whole = own->args;
    net_args *args = &own->args;
    int code = 0;
    args->state = &own->kept.state;
    net_reset(args->state);
#define AXIS(letter, length, steps) args->lengths_##letter = NULL;
    AXES(AXIS)
#undef AXIS
    for (int t = 0; t < STEPS && code == 0; t++) {
#ifdef STREAMING
        const unsigned long before = clock_now();
        code = net_step(args);
        own->step_time = clock_now() - before;
#else
        code = net_step(args);
#endif
#define OUTPUT(name, type, n, along)                                                                                   \
    if (along)                                                                                                         \
        compare(args->name, want_##name + t * (n / STEPS), n / STEPS, off);                                            \
    else if (t == STEPS - 1)                                                                                           \
        compare(args->name, want_##name, n, off);                                                                      \
    if (along) args->name += n / STEPS;
        OUTPUTS(OUTPUT)
#undef OUTPUT
#define INPUT(name, type, n, along)                                                                                    \
    if (along) args->name += n / STEPS;
        INPUTS(INPUT)
#undef INPUT
    }
    *args = whole;
    return code;
}
#endif

/* What the inputs are after the calls. */
static int inputs_are_kept(const instance *own)
{
#define INPUT(name, type, n, along)                                                                                    \
    for (size_t i = 0; i < n; i++)                                                                                     \
        if (own->args.name[i] != in_##name[i]) return 0;
    INPUTS(INPUT)
#undef INPUT
    return 1;
}

#ifdef BLOB
static int is_big_endian(void)
{
    const uint32_t one = 1;
    return *(const unsigned char *)&one == 0;
}
#endif

int check(instance *own, char *said)
{
    float off = 0;
    int code = bind(own);
    said[0] = '\0';
#ifdef BLOB
    if (is_big_endian()) {
        say_number(said, "a file of weights is refused: ", (unsigned long)-code);
        return code != NET_OTHER_WEIGHTS;
    }
#endif
#ifdef NET_STEP_WORK
    for (int i = 0; i < 2 && code == 0; i++) code = run_steps(own, &off);
#endif
#if !defined NET_STEP_WORK || !defined STREAMING
    if (code == 0) code = run_forward(own, &off);
#endif
    if (code)
        say_number(said, "error ", (unsigned long)-code);
    else if (!is_whole(own))
        say(said, "writes beyond an array");
    else if (!inputs_are_kept(own))
        say(said, "writes to an input");
    else if (!(off < 4))
        say(said, "far off, or not a number");
    else
        say_number(said, off <= BOUND ? "ok: 1e-9 * " : "off by 1e-9 * ", (unsigned long)(off * 1e9f));
    if (own->step_time) say_number(said, ", step ", own->step_time);
    return said[0] != 'o' || said[1] != 'k';
}
