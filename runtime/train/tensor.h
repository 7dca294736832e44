/* tensor.h: named arrays as they lie in weight and data files.
 *
 * A `tensors` is an ordered list with text metadata and, after a failure, one line of text in `error`. It owns all it
 * holds; start from {0}, end with tensors_free. Data are in C order (last dimension fastest) in the machine's byte
 * order, aligned for any type. Functions that can fail return false or NULL and set `error`: file, tensor, fault,
 * remedy. Nothing here prints or exits. NaN and infinities are data like any other. */
#ifndef TRAIN_TENSOR_H
#define TRAIN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Name in safetensors, bytes an element, numpy's type code ("" where numpy has none). */
/* clang-format off */
#define DTYPES(X)                                                                                                      \
    X(F64, 8, "f8") X(F32, 4, "f4") X(F16, 2, "f2") X(BF16, 2, "") X(F8_E4M3, 1, "") X(F8_E5M2, 1, "")                 \
    X(I64, 8, "i8") X(I32, 4, "i4") X(I16, 2, "i2") X(I8, 1, "i1")                                                     \
    X(U64, 8, "u8") X(U32, 4, "u4") X(U16, 2, "u2") X(U8, 1, "u1") X(BOOL, 1, "b1")
/* clang-format on */

#define DTYPE_ENUMERATOR(name, size, numpy) DTYPE_##name,
typedef enum dtype { DTYPES(DTYPE_ENUMERATOR) } dtype;
#undef DTYPE_ENUMERATOR

enum { TENSOR_MAX_RANK = 16 };

typedef struct tensor {
    char *name;
    dtype dtype;
    size_t rank, dims[TENSOR_MAX_RANK]; /* rank 0 is a scalar; a dimension may be 0 */
    size_t count, bytes;                /* elements; count * dtype_size(dtype) */
    void *data;                         /* never NULL */
} tensor;

typedef struct tensor_note {
    char *key, *value;
} tensor_note;

typedef struct tensors {
    tensor *data;
    size_t len, cap;
    tensor_note *notes; /* the metadata of a safetensors file */
    size_t note_count;
    const char *error; /* of the last call that failed, or NULL */
} tensors;

size_t dtype_size(dtype d);
const char *dtype_name(dtype d);  /* "F32" */
const char *dtype_numpy(dtype d); /* "f4", or "" */
bool dtype_is_real(dtype d);      /* F64, F32, F16 or BF16: what weights and data are stored in */
bool dtype_is_integer(dtype d);   /* of any size, with a sign or without; BOOL is none */
bool dtype_from_name(const char *name, dtype *d);
bool dtype_from_numpy(const char *code, dtype *d);

/* Elements and bytes of a shape; false when that overflows or the rank is above TENSOR_MAX_RANK. */
bool tensor_extent(dtype d, size_t rank, const size_t *dims, size_t *count, size_t *bytes);

/* "(3, 4)"; malloc'ed, NULL without memory. */
char *shape_to_text(size_t rank, const size_t *dims);

/* out has t->count elements. Every f16, bf16 and f8 value is exact; the rest is rounded to nearest. */
void tensor_to_double(const tensor *t, double *out);
void tensor_to_float(const tensor *t, float *out);

/* Are all elements finite in reals of `real_size` bytes? Else *why says which is not, and, of one that is merely too large
 * for them, `remedy`; malloc'ed, NULL without memory. */
#define REAL_REMEDY ": --real double computes with it"
bool tensor_is_finite(const tensor *t, size_t real_size, const char *remedy, char **why);

/* False at the first element that is no integer of 64 bits (2.5, NaN, 1e30); *bad is its index. */
bool tensor_to_int64(const tensor *t, int64_t *out, size_t *bad);

/* Appends a copy of `data`, or zeros where data is NULL. The pointer is valid until the next call of tensors_add. */
tensor *tensors_add(tensors *t, const char *name, dtype d, size_t rank, const size_t *dims, const void *data);
const tensor *tensors_find(const tensors *t, const char *name); /* NULL: there is none */

bool tensors_note(tensors *t, const char *key, const char *value); /* adds metadata, or replaces it */
const char *tensors_find_note(const tensors *t, const char *key);

/* Sets `error` (control characters become '?', so that it stays one line) and returns false. */
bool tensors_fail(tensors *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of a lack of memory. */
bool tensors_no_memory(tensors *t);
/* Hands the error on; see train/fault.h. Returns false. */
bool tensors_fault(const tensors *t, char **error);
bool tensors_lack_memory(const tensors *t); /* is that the error? */

void tensors_clear(tensors *t); /* frees all but the error */
void tensors_free(tensors *t);  /* and leaves {0} */

#endif
