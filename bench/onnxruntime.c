/* onnxruntime.c: a model of ONNX Runtime as a contestant of bench.py, through its C interface. The library is found
 * when this runs; its header is not needed, since the interface is a table of functions whose places never change.
 *
 * In:  the bytes of a model, and tensors over arrays of the caller: what is read and what is written, twice. Streaming
 *      alternates between the two sets, in which the states have changed places; otherwise the sets are the same.
 * Out: the arrays, and the seconds of the processor for some repetitions. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TENSORS = 12, RING = 64, VERSION = 12, FLOAT = 1, ARENA = 1, MEMORY_DEFAULT = 0, WARNING = 2, ALL = 99 };

/* Places in OrtApi, in the order of onnxruntime_c_api.h. */
enum {
    ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION_FROM_ARRAY = 8,
    RUN = 9,
    CREATE_OPTIONS = 10,
    SET_OPTIMISATION = 23,
    SET_INTRA_THREADS = 24,
    SET_INTER_THREADS = 25,
    TENSOR_OVER_DATA = 49,
    CREATE_CPU_MEMORY = 69
};
typedef struct {
    const void *(*api)(uint32_t version);
    const char *(*version)(void);
} api_base;
typedef void *status;

typedef struct tensor {
    const char *name;
    float *data;
    int64_t dims[4];
    size_t rank;
} tensor;

typedef struct onnxruntime {
    void (*const *api)(void);
    void *session, *memory;
    size_t ins, outs, step, width_x, width_h;
    const char *in_names[MAX_TENSORS], *out_names[MAX_TENSORS];
    void *in[2][MAX_TENSORS], *out[2][MAX_TENSORS];
    float *x, *h, *ring_x, *ring_h;
} onnxruntime;

static void must(const onnxruntime *o, status s, const char *what)
{
    if (!s) return;
    const char *(*message)(const void *) = (const char *(*)(const void *))o->api[ERROR_MESSAGE];
    fprintf(stderr, "ONNX Runtime: %s: %s\n", what, message(s));
    exit(3);
}

#define CALL(place, types, ...) must(o, ((status(*) types)o->api[place])(__VA_ARGS__), #place)

static const api_base *base(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "OrtGetApiBase") : NULL;
    if (!symbol) {
        fprintf(stderr, "ONNX Runtime: %s\n", dlerror());
        exit(3);
    }
    const api_base *(*get)(void);
    memcpy(&get, &symbol, sizeof get);
    return get();
}

const char *onnxruntime_version(const char *path);
const char *onnxruntime_version(const char *path) { return base(path)->version(); }

static void *over(onnxruntime *o, const tensor *t)
{
    size_t size = sizeof(float);
    void *made = NULL;
    for (size_t i = 0; i < t->rank; i++) size *= (size_t)t->dims[i];
    CALL(TENSOR_OVER_DATA, (const void *, void *, size_t, const int64_t *, size_t, int, void **), o->memory, t->data,
         size, t->dims, t->rank, FLOAT, &made);
    return made;
}

/* in, out: ins and outs tensors, then as many for every other step. The first of each are x and h. ring_x, ring_h: RING
 * steps of them for streaming, of width_x and width_h numbers; NULL: not streaming. */
onnxruntime *onnxruntime_create(const char *path, const void *model, size_t bytes, size_t ins, const tensor *in,
                                size_t outs, const tensor *out, float *ring_x, size_t width_x, float *ring_h,
                                size_t width_h);
onnxruntime *onnxruntime_create(const char *path, const void *model, size_t bytes, size_t ins, const tensor *in,
                                size_t outs, const tensor *out, float *ring_x, size_t width_x, float *ring_h,
                                size_t width_h)
{
    onnxruntime *o = calloc(1, sizeof *o);
    void *env = NULL, *options = NULL;
    if (!o || ins > MAX_TENSORS || outs > MAX_TENSORS) exit(3);
    o->api = base(path)->api(VERSION);
    if (!o->api) exit(3);
    CALL(CREATE_ENV, (int, const char *, void **), WARNING, "bench", &env);
    CALL(CREATE_OPTIONS, (void **), &options);
    CALL(SET_INTRA_THREADS, (void *, int), options, 1);
    CALL(SET_INTER_THREADS, (void *, int), options, 1);
    CALL(SET_OPTIMISATION, (void *, int), options, ALL);
    CALL(CREATE_SESSION_FROM_ARRAY, (const void *, const void *, size_t, const void *, void **), env, model, bytes,
         options, &o->session);
    CALL(CREATE_CPU_MEMORY, (int, int, void **), ARENA, MEMORY_DEFAULT, &o->memory);
    o->ins = ins, o->outs = outs, o->x = in[0].data, o->h = out[0].data;
    o->ring_x = ring_x, o->ring_h = ring_h, o->width_x = width_x, o->width_h = width_h;
    for (size_t i = 0; i < ins; i++) {
        o->in_names[i] = strdup(in[i].name);
        for (size_t k = 0; k < 2; k++) o->in[k][i] = over(o, &in[k * ins + i]);
    }
    for (size_t i = 0; i < outs; i++) {
        o->out_names[i] = strdup(out[i].name);
        for (size_t k = 0; k < 2; k++) o->out[k][i] = over(o, &out[k * outs + i]);
    }
    return o;
}

static void once(onnxruntime *o)
{
    const size_t k = o->step % 2, at = o->step % RING;
    if (o->ring_x) memcpy(o->x, o->ring_x + at * o->width_x, o->width_x * sizeof(float));
    CALL(RUN, (void *, const void *, const char *const *, void *const *, size_t, const char *const *, size_t, void **),
         o->session, NULL, o->in_names, o->in[k], o->ins, o->out_names, o->outs, o->out[k]);
    if (o->ring_h) memcpy(o->ring_h + at * o->width_h, o->h, o->width_h * sizeof(float));
    o->step++;
}

/* Seconds of the processor. */
double onnxruntime_run(onnxruntime *o, size_t times);
double onnxruntime_run(onnxruntime *o, size_t times)
{
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t n = 0; n < times; n++) once(o);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}
