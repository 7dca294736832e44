/* npz.c: reads and writes npz files; libzip does the zip part.
 *
 * A member is "\x93NUMPY", major, minor, a length (u16 in version 1, u32 in 2 and 3), a Python dict as text with the
 * keys descr, fortran_order and shape, and the elements. The dict is parsed here for just what numpy writes, keys in
 * any order; the size of the member must be what shape and type say. */
#define _GNU_SOURCE 1
#include "train/npz.h"
#include "train/atomic.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

enum {
    MAGIC_LENGTH = 6,
    HEADER_MAX = 1 << 20, /* of a member that is read */
    HEADER_ROOM = 512,    /* of one that is written: TENSOR_MAX_RANK sizes of 20 digits fit */
    HEADER_ALIGN = 64,
    DEFLATE_RATIO_MAX = 1032, /* the best that deflate can do */
    DOS_NEW_YEAR_1980 = 0x21, /* the date in every member, so that equal data give equal bytes */
    COPY_CHUNK = 1 << 20
};

static const char MAGIC[] = "\x93NUMPY";

typedef struct member {
    const char *path, *name; /* the archive; the member as it is called there */
    uint64_t left;           /* bytes of the member not yet read */
    zip_file_t *file;
    tensors *out;
    dtype dtype;
    bool big_endian, fortran;
    size_t rank, dims[TENSOR_MAX_RANK];
} member;

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool fail(member *m, const char *what)
{
    return tensors_fail(m->out, "%s: array '%s': %s", m->path, m->name, what);
}

static bool take(member *m, void *data, uint64_t n)
{
    char *p = data;
    if (n > m->left) return fail(m, "the member ends too early; the file is damaged: save it again");
    m->left -= n;
    while (n) {
        zip_int64_t k = zip_fread(m->file, p, n);
        if (k <= 0) return fail(m, k ? zip_file_strerror(m->file) : "the member is cut off: save the file again");
        p += k;
        n -= (zip_uint64_t)k;
    }
    return true;
}

static void skip_space(const char **s)
{
    while (isspace((unsigned char)**s)) ++*s;
}

static bool accept(const char **s, char c)
{
    skip_space(s);
    if (**s != c) return false;
    ++*s;
    return true;
}

static bool accept_word(const char **s, const char *word)
{
    skip_space(s);
    size_t n = strlen(word);
    if (strncmp(*s, word, n) != 0) return false;
    *s += n;
    return true;
}

/* 'text' or "text" without escapes; its length goes to *n. NULL: there is none. */
static const char *quoted(const char **s, size_t *n)
{
    skip_space(s);
    char quote = **s;
    const char *start = *s + 1, *end = quote == '\'' || quote == '"' ? strchr(start, quote) : NULL;
    if (!end) return NULL;
    *n = (size_t)(end - start);
    *s = end + 1;
    return start;
}

/* "<f4": byte order, kind, size. */
static bool parse_descr(member *m, const char **s)
{
    size_t n;
    const char *text = quoted(s, &n);
    if (!text) return fail(m, "has fields, which are not supported: save each field as an array of its own");
    const char *code = text + (n && strchr("<>=|", *text) != NULL);
    n -= (size_t)(code - text);
    if (n && *code == 'O')
        return fail(m, "holds Python objects: save it as numbers, numpy.asarray(x, dtype=\"float32\")");
    char *type = strndup(code, n);
    bool known = type && dtype_from_numpy(type, &m->dtype);
    free(type);
    m->big_endian = *text == '>';
    return known || tensors_fail(m->out, "%s: array '%s': type '%.*s' is not supported: save it as float32 or int64",
                                 m->path, m->name, (int)n, code);
}

static bool parse_shape(member *m, const char **s)
{
    if (!accept(s, '(')) return fail(m, "its shape is not a tuple; the file is damaged: save it again");
    while (!accept(s, ')')) {
        char *end;
        skip_space(s);
        if (!isdigit((unsigned char)**s)) return fail(m, "its shape has an entry that is not a size: save it again");
        if (m->rank == TENSOR_MAX_RANK) return fail(m, "has too many dimensions: save it reshaped");
        errno = 0;
        unsigned long long v = strtoull(*s, &end, 10);
        if (errno || v > PTRDIFF_MAX) return fail(m, "its shape overflows; the file is damaged: save it again");
        m->dims[m->rank++] = (size_t)v;
        *s = *end == 'L' ? end + 1 : end; /* Python 2 wrote 3L */
        if (!accept(s, ',')) {
            skip_space(s);
            if (**s != ')') return fail(m, "its shape lacks a ')'; the file is damaged: save it again");
        }
    }
    return true;
}

static bool parse_dict(member *m, const char *s)
{
    enum { DESCR = 1, FORTRAN = 2, SHAPE = 4 };
    int seen = 0;
    if (!accept(&s, '{')) return fail(m, "its header is not a dict; the file is damaged: save it again");
    while (!accept(&s, '}')) {
        size_t n;
        const char *key = quoted(&s, &n);
        int k = !key                                           ? 0
                : n == 5 && !strncmp(key, "descr", n)          ? DESCR
                : n == 5 && !strncmp(key, "shape", n)          ? SHAPE
                : n == 13 && !strncmp(key, "fortran_order", n) ? FORTRAN
                                                               : 0;
        if (!k || seen & k || !accept(&s, ':'))
            return fail(m, "its header has an unknown or repeated key; the file is damaged: save it again");
        seen |= k;
        if (k == DESCR && !parse_descr(m, &s)) return false;
        if (k == SHAPE && !parse_shape(m, &s)) return false;
        if (k == FORTRAN && !(m->fortran = accept_word(&s, "True")) && !accept_word(&s, "False"))
            return fail(m, "fortran_order is neither True nor False; the file is damaged: save it again");
        skip_space(&s);
        if (!accept(&s, ',') && *s != '}') return fail(m, "its header lacks a '}'; the file is damaged: save it again");
    }
    skip_space(&s);
    if (*s || seen != (DESCR | FORTRAN | SHAPE))
        return fail(m, "its header lacks descr, fortran_order or shape; the file is damaged: save it again");
    return true;
}

static bool read_header(member *m)
{
    unsigned char head[MAGIC_LENGTH + 2] = {0}, length[4] = {0};
    if (!take(m, head, sizeof head)) return false;
    if (memcmp(head, MAGIC, MAGIC_LENGTH) != 0) return fail(m, "is not an npy array: save it with numpy.savez");
    if (head[MAGIC_LENGTH] < 1 || head[MAGIC_LENGTH] > 3) return fail(m, "has an npy version above 3: save it as 1");
    if (!take(m, length, head[MAGIC_LENGTH] == 1 ? 2 : 4)) return false;
    size_t n = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (n > HEADER_MAX || n > m->left) return fail(m, "its header is too long; the file is damaged: save it again");
    char *text = calloc(1, n + 1);
    if (!text) return tensors_no_memory(m->out);
    bool ok = take(m, text, n) && (strlen(text) == n || fail(m, "its header holds a NUL byte: save it again")) &&
              parse_dict(m, text);
    free(text);
    return ok;
}

static void swap_bytes(tensor *t)
{
    size_t size = dtype_size(t->dtype);
    for (unsigned char *p = t->data, *end = p + t->bytes; p < end; p += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char c = p[i];
            p[i] = p[size - 1 - i];
            p[size - 1 - i] = c;
        }
}

/* From first index fastest to last index fastest: walks the result in order, `at` follows in the source. */
static bool reorder(member *m, tensor *t)
{
    size_t size = dtype_size(t->dtype), index[TENSOR_MAX_RANK] = {0}, stride[TENSOR_MAX_RANK], at = 0, step = size;
    if (t->rank < 2 || t->count == 0) return true;
    unsigned char *out = malloc(t->bytes), *in = t->data;
    if (!out) return tensors_no_memory(m->out);
    for (size_t k = 0; k < t->rank; step *= t->dims[k++]) stride[k] = step;
    for (size_t i = 0; i < t->count; i++) {
        memcpy(out + i * size, in + at, size);
        for (size_t k = t->rank; k-- > 0; index[k] = 0) {
            at += stride[k];
            if (++index[k] < t->dims[k]) break;
            at -= stride[k] * t->dims[k];
        }
    }
    free(in);
    t->data = out;
    return true;
}

static bool read_array(member *m)
{
    size_t count, bytes;
    char end;
    if (!read_header(m)) return false;
    if (!tensor_extent(m->dtype, m->rank, m->dims, &count, &bytes))
        return fail(m, "the product of its shape overflows; the file is damaged: save it again");
    if (bytes != m->left)
        return tensors_fail(m->out, "%s: array '%s': its shape needs %zu bytes, the member has %llu: save it again",
                            m->path, m->name, bytes, (unsigned long long)m->left);
    char *name = strndup(m->name, strlen(m->name) - strlen(".npy"));
    tensor *t = name ? tensors_add(m->out, name, m->dtype, m->rank, m->dims, NULL) : NULL;
    free(name);
    if (!t) return m->out->error ? false : tensors_no_memory(m->out);
    if (!take(m, t->data, bytes)) return false;
    if (zip_fread(m->file, &end, 1) != 0) return fail(m, "its checksum is wrong; the file is damaged: save it again");
    if (m->big_endian) swap_bytes(t);
    return !m->fortran || reorder(m, t);
}

static bool read_member(const char *path, zip_t *z, zip_uint64_t i, uint64_t file_size, tensors *out)
{
    zip_stat_t s;
    member m = {.path = path, .out = out, .name = "?"};
    if (zip_stat_index(z, i, 0, &s) != 0 || !(s.valid & ZIP_STAT_SIZE) || !(s.valid & ZIP_STAT_NAME))
        return fail(&m, zip_strerror(z));
    size_t n = strlen(s.name);
    m.name = s.name;
    m.left = s.size;
    if (n < 5 || strcmp(s.name + n - 4, ".npy") != 0)
        return fail(&m, "is not an .npy array: save only arrays in the file");
    if (zip_name_locate(z, s.name, ZIP_FL_ENC_GUESS) != (zip_int64_t)i)
        return fail(&m, "there are two of this name: save the file again");
    if (s.size / DEFLATE_RATIO_MAX > file_size)
        return fail(&m, "claims more data than the file can hold; the file is damaged: save it again");
    m.file = zip_fopen_index(z, i, 0);
    if (!m.file) return fail(&m, zip_strerror(z));
    bool ok = read_array(&m);
    zip_fclose(m.file);
    return ok;
}

static bool begins_as_zip(const char *path)
{
    char head[2] = {0};
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f) fclose(f);
    return n == sizeof head && memcmp(head, "PK", sizeof head) == 0;
}

bool npz_read(const char *path, tensors *out)
{
    struct stat s;
    int code;
    bool ok = true;
    if (stat(path, &s) != 0) return tensors_fail(out, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode)) return tensors_fail(out, "%s: is not a regular file: name an .npz file", path);
    if (s.st_size == 0) return tensors_fail(out, "%s: is empty: save it again", path);
    zip_t *z = zip_open(path, ZIP_RDONLY, &code);
    if (!z) {
        zip_error_t e;
        zip_error_init_with_code(&e, code);
        tensors_fail(out,
                     begins_as_zip(path) ? "%s: is cut off or damaged (%s): save it again"
                                         : "%s: %s: write it with numpy.savez(PATH, name=array)",
                     path, zip_error_strerror(&e));
        zip_error_fini(&e);
        return false;
    }
    zip_int64_t n = zip_get_num_entries(z, 0);
    for (zip_int64_t i = 0; i < n && ok; i++) ok = read_member(path, z, (zip_uint64_t)i, (uint64_t)s.st_size, out);
    zip_discard(z);
    if (!ok) tensors_clear(out);
    return ok;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Fills an npy version 1 header; returns its length, a multiple of HEADER_ALIGN. */
static size_t put_header(char *head, const tensor *t)
{
    const char *code = dtype_numpy(t->dtype);
    int n = sprintf(head + MAGIC_LENGTH + 4, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                    dtype_size(t->dtype) > 1 ? '<' : '|', code) +
            MAGIC_LENGTH + 4;
    for (size_t i = 0; i < t->rank; i++)
        n += sprintf(head + n, i ? " %zu%s" : "%zu%s", t->dims[i], i + 1 < t->rank || i == 0 ? "," : "");
    n += sprintf(head + n, "), }");
    size_t length = ((size_t)n + HEADER_ALIGN) / HEADER_ALIGN * HEADER_ALIGN, dict = length - MAGIC_LENGTH - 4;
    memset(head + n, ' ', length - (size_t)n);
    head[length - 1] = '\n';
    memcpy(head, MAGIC, MAGIC_LENGTH);
    head[MAGIC_LENGTH] = 1;
    head[MAGIC_LENGTH + 1] = 0;
    head[MAGIC_LENGTH + 2] = (char)(dict & 255);
    head[MAGIC_LENGTH + 3] = (char)(dict >> 8);
    return length;
}

/* Header and data stay with the caller until the archive is closed. */
static bool add_member(const char *path, zip_t *z, tensors *t, const tensor *x, char *head)
{
    if (!*dtype_numpy(x->dtype))
        return tensors_fail(t, "%s: array '%s': numpy has no type %s: convert it to F32", path, x->name,
                            dtype_name(x->dtype));
    zip_buffer_fragment_t parts[] = {{(zip_uint8_t *)head, put_header(head, x)}, {x->data, x->bytes}};
    zip_source_t *s = zip_source_buffer_fragment(z, parts, x->bytes ? 2 : 1, 0);
    char *name;
    if (asprintf(&name, "%s.npy", x->name) < 0) name = NULL;
    zip_int64_t i = s && name ? zip_file_add(z, name, s, ZIP_FL_ENC_UTF_8) : -1;
    free(name);
    if (i < 0) zip_source_free(s);
    if (i < 0 || zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(z, (zip_uint64_t)i, 0, DOS_NEW_YEAR_1980, 0) != 0)
        return tensors_fail(t, "%s: array '%s': %s: rename it", path, x->name, zip_strerror(z));
    return true;
}

/* Makes the archive in memory, in `archive`. */
static bool build(const char *path, tensors *t, zip_source_t *archive, char *heads)
{
    zip_error_t e;
    zip_error_init(&e);
    zip_source_keep(archive);
    zip_t *z = zip_open_from_source(archive, ZIP_TRUNCATE, &e);
    zip_error_fini(&e);
    if (!z) {
        zip_source_free(archive);
        return tensors_no_memory(t);
    }
    for (size_t i = 0; i < t->len; i++)
        if (!add_member(path, z, t, &t->data[i], heads + i * HEADER_ROOM)) {
            zip_discard(z);
            return false;
        }
    if (zip_close(z) == 0) return true;
    tensors_fail(t, "%s: the archive cannot be made: %s", path, zip_strerror(z));
    zip_discard(z);
    return false;
}

static bool save(const char *path, tensors *t, zip_source_t *archive)
{
    atomic_file f;
    zip_int64_t n = 0;
    char *chunk = malloc(COPY_CHUNK);
    if (!chunk || zip_source_open(archive) != 0) {
        free(chunk);
        return tensors_no_memory(t);
    }
    atomic_begin(&f, path);
    while (!f.fault && (n = zip_source_read(archive, chunk, COPY_CHUNK)) > 0) atomic_write(&f, chunk, (size_t)n);
    if (n < 0) atomic_fail(&f, EIO);
    zip_source_close(archive);
    free(chunk);
    int fault = atomic_commit(&f);
    return fault ? tensors_fail(t, "%s: cannot be written: %s", path, strerror(fault)) : true;
}

bool npz_write(const char *path, tensors *t)
{
    zip_error_t e;
    if (t->len == 0) return tensors_fail(t, "%s: there is no array to write", path);
    char *heads = malloc(t->len * HEADER_ROOM);
    zip_error_init(&e);
    zip_source_t *archive = heads ? zip_source_buffer_create(NULL, 0, 0, &e) : NULL;
    zip_error_fini(&e);
    bool ok = archive ? build(path, t, archive, heads) && save(path, t, archive) : tensors_no_memory(t);
    zip_source_free(archive);
    free(heads);
    return ok;
}
