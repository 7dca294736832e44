/* tensor.c: the list of named arrays, its memory and its conversions; see tensor.h. */
#define _GNU_SOURCE 1
#include "train/tensor.h"
#include "train/fault.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weight and data files are read and written as little-endian without conversion"
#endif

static const char OUT_OF_MEMORY[] = "out of memory";

static const struct {
    const char *name, *numpy;
    size_t size;
} TYPES[] = {
#define ROW(name, size, numpy) {#name, numpy, size},
    DTYPES(ROW)
#undef ROW
};
enum { TYPE_COUNT = sizeof TYPES / sizeof *TYPES };

size_t dtype_size(dtype d) { return TYPES[d].size; }
const char *dtype_name(dtype d) { return TYPES[d].name; }
const char *dtype_numpy(dtype d) { return TYPES[d].numpy; }

bool dtype_is_real(dtype d) { return d == DTYPE_F64 || d == DTYPE_F32 || d == DTYPE_F16 || d == DTYPE_BF16; }
bool dtype_is_integer(dtype d) { return d >= DTYPE_I64 && d <= DTYPE_U8; }

bool dtype_from_name(const char *name, dtype *d)
{
    for (int i = 0; i < TYPE_COUNT; i++)
        if (strcmp(TYPES[i].name, name) == 0) return *d = (dtype)i, true;
    return false;
}

bool dtype_from_numpy(const char *code, dtype *d)
{
    for (int i = 0; i < TYPE_COUNT; i++)
        if (*code && strcmp(TYPES[i].numpy, code) == 0) return *d = (dtype)i, true;
    return false;
}

bool tensor_extent(dtype d, size_t rank, const size_t *dims, size_t *count, size_t *bytes)
{
    size_t n = 1;
    if (rank > TENSOR_MAX_RANK) return false;
    for (size_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(n, dims[i], &n)) return false;
    *count = n;
    return !__builtin_mul_overflow(n, dtype_size(d), bytes) && *bytes <= PTRDIFF_MAX;
}

char *shape_to_text(size_t rank, const size_t *dims)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (!f) return NULL;
    for (size_t i = 0; i < rank; i++) fprintf(f, "%s%zu", i ? ", " : "(", dims[i]);
    fputs(rank ? ")" : "()", f);
    fclose(f);
    return text;
}

/* A float of sign, exponent and mantissa bits, as IEEE 754 reads them; E4M3 alone has no infinities. */
static double small_float(unsigned bits, int exponent_bits, int mantissa_bits)
{
    bool e4m3 = exponent_bits == 4;
    int top = (1 << exponent_bits) - 1, ones = (1 << mantissa_bits) - 1, shift = top / 2 + mantissa_bits;
    int e = (int)(bits >> mantissa_bits) & top, m = (int)bits & ones;
    double v = e ? ldexp(m + ones + 1, e - shift) : ldexp(m, 1 - shift);
    if (e == top && e4m3 && m == ones) v = NAN;
    if (e == top && !e4m3) v = m ? NAN : INFINITY;
    return bits >> (exponent_bits + mantissa_bits) ? -v : v;
}

static double load(const tensor *t, size_t i)
{
    switch (t->dtype) {
    case DTYPE_F64: return ((const double *)t->data)[i];
    case DTYPE_F32: return ((const float *)t->data)[i];
    case DTYPE_F16: return small_float(((const uint16_t *)t->data)[i], 5, 10);
    case DTYPE_BF16: return small_float(((const uint16_t *)t->data)[i], 8, 7);
    case DTYPE_F8_E4M3: return small_float(((const uint8_t *)t->data)[i], 4, 3);
    case DTYPE_F8_E5M2: return small_float(((const uint8_t *)t->data)[i], 5, 2);
    case DTYPE_I64: return (double)((const int64_t *)t->data)[i];
    case DTYPE_I32: return ((const int32_t *)t->data)[i];
    case DTYPE_I16: return ((const int16_t *)t->data)[i];
    case DTYPE_I8: return ((const int8_t *)t->data)[i];
    case DTYPE_U64: return (double)((const uint64_t *)t->data)[i];
    case DTYPE_U32: return ((const uint32_t *)t->data)[i];
    case DTYPE_U16: return ((const uint16_t *)t->data)[i];
    case DTYPE_U8: return ((const uint8_t *)t->data)[i];
    case DTYPE_BOOL: return ((const uint8_t *)t->data)[i] != 0;
    }
    return NAN;
}

void tensor_to_double(const tensor *t, double *out)
{
    if (t->dtype == DTYPE_F64)
        memcpy(out, t->data, t->bytes);
    else
        for (size_t i = 0; i < t->count; i++) out[i] = load(t, i);
}

void tensor_to_float(const tensor *t, float *out)
{
    if (t->dtype == DTYPE_F32)
        memcpy(out, t->data, t->bytes);
    else if (t->dtype == DTYPE_I64) /* through double it would be rounded twice */
        for (size_t i = 0; i < t->count; i++) out[i] = (float)((const int64_t *)t->data)[i];
    else if (t->dtype == DTYPE_U64)
        for (size_t i = 0; i < t->count; i++) out[i] = (float)((const uint64_t *)t->data)[i];
    else
        for (size_t i = 0; i < t->count; i++) out[i] = (float)load(t, i);
}

bool tensor_is_finite(const tensor *t, size_t real_size, const char *remedy, char **why)
{
    size_t i = 0, index[TENSOR_MAX_RANK];
    bool narrow = real_size == sizeof(float);
    while (i < t->count && isfinite(narrow ? (double)(float)load(t, i) : load(t, i))) i++;
    if (i == t->count) return true;
    double value = load(t, i);
    for (size_t k = t->rank; k-- > 0; i /= t->dims[k]) index[k] = i % t->dims[k];
    char *place = shape_to_text(t->rank, index);
    *why = NULL;
    if (isfinite(value))
        fault_set(why, "'%s' holds %g at %s, which is more than a float can be%s", t->name, value, place ? place : "?",
                  remedy);
    else
        fault_set(why, "'%s' holds %s at %s: weights must be finite", t->name,
                  isnan(value) ? "NaN" : "an infinite number", place ? place : "?");
    free(place);
    return false;
}

static bool load_int64(const tensor *t, size_t i, int64_t *v)
{
    if (t->dtype == DTYPE_U64) {
        *v = ((const int64_t *)t->data)[i];
        return *v >= 0;
    }
    double x = load(t, i);
    if (!(x >= -0x1p63 && x < 0x1p63 && x == trunc(x))) return false;
    *v = (int64_t)x;
    return true;
}

bool tensor_to_int64(const tensor *t, int64_t *out, size_t *bad)
{
    if (t->dtype == DTYPE_I64) return memcpy(out, t->data, t->bytes), true;
    for (*bad = 0; *bad < t->count; ++*bad)
        if (!load_int64(t, *bad, &out[*bad])) return false;
    return true;
}

static void drop_error(tensors *t)
{
    if (!tensors_lack_memory(t)) free((char *)t->error);
    t->error = NULL;
}

bool tensors_lack_memory(const tensors *t) { return t->error == OUT_OF_MEMORY; }

bool tensors_no_memory(tensors *t)
{
    drop_error(t);
    t->error = OUT_OF_MEMORY;
    return false;
}

bool tensors_fault(const tensors *t, char **error)
{
    return fault_pass(error, tensors_lack_memory(t) ? NULL : t->error);
}

bool tensors_fail(tensors *t, const char *format, ...)
{
    char *message;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&message, format, args);
    va_end(args);
    if (n < 0) return tensors_no_memory(t);
    drop_error(t);
    t->error = message;
    for (int i = 0; i < n; i++)
        if ((unsigned char)message[i] < ' ' || message[i] == 127) message[i] = '?';
    return false;
}

tensor *tensors_add(tensors *t, const char *name, dtype d, size_t rank, const size_t *dims, const void *data)
{
    tensor x = {.dtype = d, .rank = rank};
    if (!tensor_extent(d, rank, dims, &x.count, &x.bytes)) {
        tensors_fail(t, "tensor '%s' has rank %zu or a size above what this machine holds", name, rank);
        return NULL;
    }
    if (rank) memcpy(x.dims, dims, rank * sizeof *dims);
    if (t->len == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        tensor *grown = realloc(t->data, cap * sizeof *grown);
        if (!grown) return tensors_no_memory(t), NULL;
        t->data = grown;
        t->cap = cap;
    }
    size_t room = x.bytes ? x.bytes : 1;
    x.name = strdup(name);
    x.data = data ? malloc(room) : calloc(1, room);
    if (!x.name || !x.data) {
        free(x.name);
        free(x.data);
        return tensors_no_memory(t), NULL;
    }
    if (data) memcpy(x.data, data, x.bytes);
    t->data[t->len] = x;
    return &t->data[t->len++];
}

const tensor *tensors_find(const tensors *t, const char *name)
{
    for (size_t i = 0; i < t->len; i++)
        if (strcmp(t->data[i].name, name) == 0) return &t->data[i];
    return NULL;
}

static tensor_note *find_note(const tensors *t, const char *key)
{
    for (size_t i = 0; i < t->note_count; i++)
        if (strcmp(t->notes[i].key, key) == 0) return &t->notes[i];
    return NULL;
}

const char *tensors_find_note(const tensors *t, const char *key)
{
    tensor_note *n = find_note(t, key);
    return n ? n->value : NULL;
}

bool tensors_note(tensors *t, const char *key, const char *value)
{
    tensor_note *n = find_note(t, key);
    char *v = strdup(value), *k = n ? NULL : strdup(key);
    tensor_note *grown = n ? t->notes : realloc(t->notes, (t->note_count + 1) * sizeof *grown);
    if (grown) t->notes = grown;
    if (!v || (!n && !k) || !grown) {
        free(v);
        free(k);
        return tensors_no_memory(t);
    }
    if (!n) {
        n = &t->notes[t->note_count++];
        *n = (tensor_note){.key = k};
    }
    free(n->value);
    n->value = v;
    return true;
}

void tensors_clear(tensors *t)
{
    for (size_t i = 0; i < t->len; i++) {
        free(t->data[i].name);
        free(t->data[i].data);
    }
    for (size_t i = 0; i < t->note_count; i++) {
        free(t->notes[i].key);
        free(t->notes[i].value);
    }
    free(t->data);
    free(t->notes);
    *t = (tensors){.error = t->error};
}

void tensors_free(tensors *t)
{
    tensors_clear(t);
    drop_error(t);
}
