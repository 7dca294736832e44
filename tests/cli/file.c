/* file.c: makes and prints small files of arrays for run.sh.
 *
 *     file make OUT NAME:DTYPE:DIMS:VALUES ...     "x:I64:3,5:0,1,2": the values are repeated to fill the array
 *     file print IN NAME                           one value a line, after the shape
 *
 * .npz or .safetensors by the file's name. */
#include "train/npz.h"
#include "train/safetensors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 64 };

static bool is_npz(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".npz") == 0;
}

static void store(tensor *t, size_t i, double value)
{
    switch (t->dtype) {
    case DTYPE_F64: ((double *)t->data)[i] = value; return;
    case DTYPE_F32: ((float *)t->data)[i] = (float)value; return;
    case DTYPE_I64: ((int64_t *)t->data)[i] = (int64_t)value; return;
    case DTYPE_I32: ((int32_t *)t->data)[i] = (int32_t)value; return;
    case DTYPE_U64: ((uint64_t *)t->data)[i] = value < 0 ? UINT64_MAX : (uint64_t)value; return;
    case DTYPE_F16:
    case DTYPE_BF16:
    case DTYPE_F8_E4M3:
    case DTYPE_F8_E5M2:
    case DTYPE_I16:
    case DTYPE_I8:
    case DTYPE_U32:
    case DTYPE_U16:
    case DTYPE_U8:
    case DTYPE_BOOL: break;
    }
    fprintf(stderr, "%s: this type cannot be made here\n", t->name);
    exit(2);
}

static void add(tensors *to, char *spec)
{
    char *part[4] = {strtok(spec, ":"), strtok(NULL, ":"), strtok(NULL, ":"), strtok(NULL, ":")};
    dtype d = DTYPE_F32;
    if (!part[3] || !dtype_from_name(part[1], &d)) exit(2);
    size_t dims[TENSOR_MAX_RANK], rank = 0, count = 0;
    double values[MAX_VALUES];
    for (char *w = strtok(part[2], ","); w; w = strtok(NULL, ","))
        if (strcmp(w, "-") != 0) dims[rank++] = strtoul(w, NULL, 10); /* "-": a scalar */
    for (char *w = strtok(part[3], ","); w && count < MAX_VALUES; w = strtok(NULL, ","))
        values[count++] = strtod(w, NULL);
    tensor *t = tensors_add(to, part[0], d, rank, dims, NULL);
    for (size_t i = 0; t && i < t->count; i++) store(t, i, values[i % count]);
}

static void print(const tensors *from, const char *name)
{
    const tensor *t = tensors_find(from, name);
    if (!t) exit(1);
    double *values = calloc(t->count + 1, sizeof *values);
    tensor_to_double(t, values);
    printf("%s", dtype_name(t->dtype));
    for (size_t i = 0; i < t->rank; i++) printf(" %zu", t->dims[i]);
    for (size_t i = 0; i < t->count; i++) printf("\n%.9g", values[i]);
    printf("\n");
    free(values);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    tensors t = {0};
    bool ok, npz = is_npz(argv[2]);
    if (strcmp(argv[1], "make") == 0) {
        for (int i = 3; i < argc; i++) add(&t, argv[i]);
        ok = npz ? npz_write(argv[2], &t) : safetensors_write(argv[2], &t);
    } else {
        ok = argc == 4 && (npz ? npz_read(argv[2], &t) : safetensors_read(argv[2], &t));
        if (ok) print(&t, argv[3]);
    }
    if (!ok) fprintf(stderr, "%s\n", t.error ? t.error : "usage: file make OUT ARRAY... | file print IN NAME");
    tensors_free(&t);
    return !ok;
}
