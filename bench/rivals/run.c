/* run.c: around each contestant of rivals.py, which has compiled a step() of its own: time and stack.
 *
 * step() is one step of a layer of -DUNITS that carries its own state: UNITS numbers in, as many out. */
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { RING = 64, STACK = 1 << 24, PAINT = 0xa5 }; /* steps of data; bytes */

void step(const float *x, float *h);
double rivals_run(const float *x, float *h, size_t times);
size_t rivals_stack(const float *x, float *h);

/* Seconds of the processor for `times` steps. x, h: RING steps, around which it goes. */
double rivals_run(const float *x, float *h, size_t times)
{
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t n = 0; n < times; n++) step(x + n % RING * UNITS, h + n % RING * UNITS);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

static unsigned char stack[STACK] __attribute__((aligned(4096)));
typedef struct io {
    const float *x;
    float *h;
} io;

static void *nothing(void *unused) { return unused; }

static void *one_step(void *of)
{
    const io *data = of;
    step(data->x, data->h);
    return NULL;
}

/* How far down a thread that does this writes to its stack. */
static size_t depth(void *(*work)(void *), io *data)
{
    pthread_attr_t attributes;
    pthread_t thread;
    memset(stack, PAINT, STACK);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK);
    if (pthread_create(&thread, &attributes, work, data) != 0) return 0;
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    size_t untouched = 0;
    while (untouched < STACK && stack[untouched] == PAINT) untouched++;
    return STACK - untouched;
}

/* Bytes of stack of a step, functions that it calls included. It must have run before, so that all names are bound. */
size_t rivals_stack(const float *x, float *h)
{
    io data = {x, h};
    const size_t all = depth(one_step, &data), none = depth(nothing, NULL);
    return all > none ? all - none : 0;
}
