/* tensors.c: tests of conversions, of safetensors and npz files, and of atomic writing. */
#define _GNU_SOURCE 1
#include "train/atomic.h"
#include "train/fault.h"
#include "train/npz.h"
#include "train/safetensors.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

static char folder[] = "/tmp/rnnc-tensors-XXXXXX";

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static size_t count_files(bool remove)
{
    size_t n = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' || e->d_name[1] == 'r') {
            n++;
            if (remove) unlink(e->d_name);
        }
    closedir(d);
    return n;
}

static void empty_folder(void) { count_files(true); }
static void remove_folder(void) { rmdir(folder); }

static void save(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
}

/* A whole file with room for a NUL; to be freed. */
static char *slurp(const char *path, size_t *n)
{
    struct stat s;
    ck_assert_int_eq(stat(path, &s), 0);
    FILE *f = fopen(path, "rb");
    char *data = calloc(1, (size_t)s.st_size + 1);
    *n = (size_t)s.st_size;
    ck_assert(f && data && fread(data, 1, *n, f) == *n && fclose(f) == 0);
    return data;
}

static void add(tensors *t, const char *name, dtype d, size_t rank, const size_t *dims, const void *data)
{
    ck_assert_msg(tensors_add(t, name, d, rank, dims, data) != NULL, "%s", t->error);
}

#define DIMS(...)                                                                                                      \
    sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), (size_t[]) { __VA_ARGS__ }

static tensors sample(void)
{
    tensors t = {0};
    add(&t, "w", DTYPE_F32, DIMS(2, 3), (float[]){1, -2, NAN, INFINITY, -INFINITY, 0.1f});
    add(&t, "flag", DTYPE_BOOL, DIMS(3), (uint8_t[]){1, 0, 1});
    add(&t, "a \"b\" \xc3\xa9", DTYPE_F64, 0, NULL, (double[]){0.1});
    add(&t, "none", DTYPE_I64, DIMS(4, 0), NULL);
    add(&t, "n", DTYPE_I16, DIMS(1, 1, 2), (int16_t[]){-3, 300});
    return t;
}

static void assert_same(const tensors *a, const tensors *b)
{
    ck_assert_uint_eq(a->len, b->len);
    for (size_t i = 0; i < a->len; i++) {
        const tensor *x = &a->data[i], *y = &b->data[i];
        ck_assert_str_eq(x->name, y->name);
        ck_assert_int_eq(x->dtype, y->dtype);
        ck_assert_uint_eq(x->rank, y->rank);
        ck_assert_mem_eq(x->dims, y->dims, x->rank * sizeof *x->dims);
        ck_assert_uint_eq(x->bytes, y->bytes);
        ck_assert_mem_eq(x->data, y->data, x->bytes);
    }
}

static void assert_refused(bool ok, tensors *t, const char *path, const char *why)
{
    ck_assert_msg(!ok, "'%s' was read, expected: %s", path, why);
    ck_assert_ptr_nonnull(t->error);
    ck_assert_msg(strstr(t->error, why) != NULL, "message '%s' lacks '%s'", t->error, why);
    ck_assert_ptr_null(strchr(t->error, '\n'));
    ck_assert_uint_eq(t->len, 0);
    tensors_free(t);
}

START_TEST(small_floats_are_exact)
{
    static const uint16_t half[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x03ff, 0x3555};
    static const double halves[] = {1, -2, 65504, 0x1p-24, -0.0, INFINITY, 1023 * 0x1p-24, 1365 * 0x1p-12};
    tensors t = {0};
    double d[8];
    float f[8];
    add(&t, "h", DTYPE_F16, DIMS(8), half);
    add(&t, "nan", DTYPE_F16, DIMS(1), (uint16_t[]){0x7e00});
    add(&t, "b", DTYPE_BF16, DIMS(4), (uint16_t[]){0x3f80, 0xff80, 0x0001, 0x4049});
    add(&t, "e4", DTYPE_F8_E4M3, DIMS(4), (uint8_t[]){0x7e, 0x7f, 0x01, 0xb8});
    add(&t, "e5", DTYPE_F8_E5M2, DIMS(3), (uint8_t[]){0x7b, 0xfc, 0x01});
    tensor_to_double(&t.data[0], d);
    tensor_to_float(&t.data[0], f);
    for (int i = 0; i < 8; i++) ck_assert(d[i] == halves[i] && (double)f[i] == halves[i]);
    ck_assert(signbit(d[4]) && signbit(f[4]));
    tensor_to_double(&t.data[1], d);
    ck_assert(isnan(d[0]));
    tensor_to_double(&t.data[2], d);
    ck_assert(d[0] == 1 && d[1] == -INFINITY && d[2] == 0x1p-133 && d[3] == 3.140625);
    tensor_to_double(&t.data[3], d);
    ck_assert(d[0] == 448 && isnan(d[1]) && d[2] == 0x1p-9 && d[3] == -1);
    tensor_to_double(&t.data[4], d);
    ck_assert(d[0] == 57344 && d[1] == -INFINITY && d[2] == 0x1p-16);
    tensors_free(&t);
}
END_TEST

START_TEST(integers_convert_only_when_whole)
{
    tensors t = {0};
    int64_t v[3];
    size_t bad;
    add(&t, "ok", DTYPE_F32, DIMS(3), (float[]){-3, 0, 1 << 24});
    add(&t, "half", DTYPE_F32, DIMS(3), (float[]){1, 2.5f, 3});
    add(&t, "big", DTYPE_F64, DIMS(1), (double[]){0x1p63});
    add(&t, "low", DTYPE_F64, DIMS(1), (double[]){-0x1p63});
    add(&t, "nan", DTYPE_F64, DIMS(1), (double[]){NAN});
    add(&t, "u", DTYPE_U64, DIMS(2), (uint64_t[]){INT64_MAX, UINT64_MAX});
    ck_assert(tensor_to_int64(&t.data[0], v, &bad) && v[0] == -3 && v[2] == 1 << 24);
    ck_assert(!tensor_to_int64(&t.data[1], v, &bad) && bad == 1);
    ck_assert(!tensor_to_int64(&t.data[2], v, &bad) && bad == 0);
    ck_assert(tensor_to_int64(&t.data[3], v, &bad) && v[0] == INT64_MIN);
    ck_assert(!tensor_to_int64(&t.data[4], v, &bad));
    ck_assert(!tensor_to_int64(&t.data[5], v, &bad) && bad == 1 && v[0] == INT64_MAX);
    tensors_free(&t);
}
END_TEST

START_TEST(extents_are_checked)
{
    tensors t = {0};
    size_t dims[TENSOR_MAX_RANK + 1] = {0}, big[] = {SIZE_MAX / 2, 3};
    ck_assert_ptr_null(tensors_add(&t, "x", DTYPE_F32, TENSOR_MAX_RANK + 1, dims, NULL));
    ck_assert_ptr_nonnull(tensors_add(&t, "x", DTYPE_F32, TENSOR_MAX_RANK, dims, NULL));
    ck_assert_ptr_null(tensors_add(&t, "y", DTYPE_F32, 2, big, NULL));
    ck_assert_ptr_null(tensors_add(&t, "y", DTYPE_F32, 1, (size_t[]){SIZE_MAX / 4}, NULL));
    ck_assert_ptr_nonnull(strstr(t.error, "'y'"));
    ck_assert_ptr_eq(tensors_find(&t, "x"), &t.data[0]);
    ck_assert_ptr_null(tensors_find(&t, "y"));
    tensors_free(&t);
}
END_TEST

/* Its kind is not read off a text: what else says "out of memory" is no lack of it. */
START_TEST(a_lack_of_memory_is_no_line)
{
    tensors t = {0};
    char *error = NULL;
    ck_assert(!tensors_fail(&t, "out of memory") && !tensors_lack_memory(&t));
    ck_assert(!tensors_no_memory(&t) && tensors_lack_memory(&t));
    ck_assert(!tensors_fault(&t, &error) && !error);
    ck_assert(!tensors_fail(&t, "a.npz: %d", 3) && !tensors_lack_memory(&t));
    ck_assert(!tensors_fault(&t, &error));
    ck_assert(!fault_no_memory(&error) && !fault_pass(&error, NULL) && !fault_pass(&error, "later"));
    ck_assert_str_eq(error, "a.npz: 3"); /* the first fault is the cause */
    free(error);
    tensors_free(&t);
}
END_TEST

START_TEST(safetensors_round_trip)
{
    tensors t = sample(), u = {0};
    size_t n, m;
    uint64_t header;
    ck_assert(tensors_note(&t, "step", "1") && tensors_note(&t, "spec", "a\nb") && tensors_note(&t, "step", "2"));
    ck_assert_msg(safetensors_write("a.safetensors", &t), "%s", t.error);
    ck_assert_msg(safetensors_read("a.safetensors", &u), "%s", u.error);
    assert_same(&t, &u);
    ck_assert_uint_eq(u.note_count, 2);
    ck_assert_str_eq(tensors_find_note(&u, "step"), "2");
    ck_assert_str_eq(tensors_find_note(&u, "spec"), "a\nb");
    ck_assert_msg(safetensors_write("b.safetensors", &u), "%s", u.error);
    char *a = slurp("a.safetensors", &n), *b = slurp("b.safetensors", &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(a, b, n);
    memcpy(&header, a, 8);
    ck_assert_uint_eq(header % 8, 0);
    free(a);
    free(b);
    tensors_free(&t);
    tensors_free(&u);
    ck_assert_msg(safetensors_write("a.safetensors", &t) && safetensors_read("a.safetensors", &t), "an empty file");
    ck_assert_uint_eq(t.len, 0);
}
END_TEST

#define T4(name, begin, end) "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" #begin "," #end "]}"
#define ONE(type, shape, offsets) "{\"w\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

/* Header, bytes of data, part of the message; NULL: it is fine. */
static const struct {
    const char *header;
    size_t data;
    const char *why;
} HEADERS[] = {
    {"{}", 0, NULL},
    {"{}    ", 0, NULL},
    {"{" T4("w", 0, 4) "}", 4, NULL},
    {"{" T4("w", 4, 8) "," T4("v", 0, 4) "}", 8, NULL},
    {ONE("F32", "[]", "[0,4]"), 4, NULL},
    {ONE("F32", "[0,3]", "[0,0]"), 0, NULL},
    {ONE("U8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]"), 1, NULL},
    {ONE("U8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]"), 1, "shape is not a list of at most 16"},
    {ONE("F32", "[-1]", "[0,4]"), 4, "shape is not"},
    {ONE("F32", "[1.0]", "[0,4]"), 4, "shape is not"},
    {ONE("F32", "3", "[0,4]"), 4, "shape is not"},
    {ONE("F32", "[99999999999999999999]", "[0,4]"), 4, "too big"},
    {ONE("F32", "[4294967296,4294967296]", "[0,0]"), 0, "overflows"},
    {ONE("F32", "[4611686018427387905]", "[0,4]"), 4, "overflows"},
    {ONE("F32", "[2]", "[0,4]"), 4, "needs 8 bytes, data_offsets give 4"},
    {ONE("C64", "[1]", "[0,8]"), 8, "dtype 'C64', which is not supported"},
    {"{\"w\":3}", 0, "has no dtype"},
    {ONE("F32", "[1]", "[4,0]"), 4, "data_offsets is not"},
    {ONE("F32", "[1]", "[0]"), 4, "data_offsets is not"},
    {ONE("F32", "[1]", "[0,4,8]"), 4, "data_offsets is not"},
    {ONE("F32", "[1]", "[0,8]"), 4, "ends at byte 8 of the data, which has 4"},
    {ONE("F32", "[1]", "[0,4]"), 5, "the tensors end at byte 4 of the data, the file at 5"},
    {"{}", 3, "the tensors end at byte 0"},
    {"{" T4("w", 0, 4) "," T4("v", 8, 12) "}", 12, "hole from byte 4"},
    {ONE("F32", "[1]", "[4,8]"), 8, "hole from byte 0"},
    {"{" T4("w", 0, 4) "," T4("v", 0, 4) "}", 4, "overlapping"},
    {"{" T4("w", 0, 4) "," T4("w", 4, 8) "}", 8, "duplicate"},
    {"{\"__metadata__\":{\"a\":\"b\"}}", 0, NULL},
    {"{\"__metadata__\":{\"a\":1}}", 0, "'a' is not a string"},
    {"{\"__metadata__\":[]}", 0, "is not an object"},
    {"[]", 0, "does not begin with '{'"},
    {" {}", 0, "does not begin with '{'"},
    {"", 0, "does not begin with '{'"},
    {"{\"w\":", 0, "header byte"},
    {"{} x", 0, "header byte"},
    {"{\"\xff\":1}", 0, "header byte"},
};

START_TEST(safetensors_headers)
{
    char file[600] = {0};
    tensors t = {0};
    uint64_t n = strlen(HEADERS[_i].header);
    memcpy(file, &n, 8);
    memcpy(file + 8, HEADERS[_i].header, n);
    save("h.safetensors", file, 8 + n + HEADERS[_i].data);
    bool ok = safetensors_read("h.safetensors", &t);
    if (HEADERS[_i].why)
        assert_refused(ok, &t, HEADERS[_i].header, HEADERS[_i].why);
    else
        ck_assert_msg(ok, "%s", t.error);
    tensors_free(&t);
}
END_TEST

static void assert_prefix_refused(const char *data, size_t n, const char *why)
{
    tensors t = {0};
    save("p.safetensors", data, n);
    assert_refused(safetensors_read("p.safetensors", &t), &t, "p.safetensors", why);
}

START_TEST(safetensors_refuses_what_is_none)
{
    tensors t = {0};
    assert_prefix_refused("", 0, "too few");
    assert_prefix_refused("\x01\xe1\xf5\x05\0\0\0\0{}", 10, "the limit is 100000000");
    assert_prefix_refused("\x00\xe1\xf5\x05\0\0\0\0{}", 10, "but the file ends after 2");
    assert_prefix_refused("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "the limit is");
    assert_prefix_refused("PK\3\4\0\0\0\0{}", 10, "zip archive");
    assert_refused(safetensors_read("missing", &t), &t, "missing", "missing: cannot be opened: No such file");
    assert_refused(safetensors_read(".", &t), &t, ".", "not a regular file");
    assert_refused(npz_read("missing", &t), &t, "missing", "No such file");
    assert_refused(npz_read(".", &t), &t, ".", "not a regular file");
    save("x.npz", "", 0);
    assert_refused(npz_read("x.npz", &t), &t, "x.npz", "x.npz: is empty");
    save("x.npz", "\x93NUMPY", 6);
    assert_refused(npz_read("x.npz", &t), &t, "x.npz", "write it with numpy.savez");
}
END_TEST

START_TEST(writers_refuse_what_readers_would)
{
    tensors t = {0};
    add(&t, "w", DTYPE_F32, DIMS(1), NULL);
    add(&t, "w", DTYPE_F32, DIMS(1), NULL);
    ck_assert(!safetensors_write("d", &t) && strstr(t.error, "named 'w'"));
    ck_assert(!npz_write("d", &t) && strstr(t.error, "'w'"));
    tensors_free(&t);
    add(&t, "__metadata__", DTYPE_F32, DIMS(1), NULL);
    ck_assert(!safetensors_write("d", &t));
    tensors_free(&t);
    add(&t, "\xff", DTYPE_F32, DIMS(1), NULL);
    ck_assert(!safetensors_write("d", &t) && strstr(t.error, "UTF-8"));
    ck_assert(!npz_write("d", &t));
    tensors_free(&t);
    add(&t, "b", DTYPE_BF16, DIMS(1), NULL);
    ck_assert(!npz_write("d", &t) && strstr(t.error, "numpy has no type BF16"));
    tensors_free(&t);
    ck_assert(!npz_write("d", &t) && strstr(t.error, "no array"));
    tensors_free(&t);
    ck_assert_uint_eq(count_files(false), 0);
}
END_TEST

typedef bool reader(const char *path, tensors *t);

static void assert_prefixes_refused(const char *path, reader *read)
{
    size_t n;
    char *data = slurp(path, &n);
    for (size_t i = 0; i < n; i++) {
        tensors t = {0};
        save("cut", data, i);
        assert_refused(read("cut", &t), &t, "cut", "cut: ");
    }
    free(data);
}

START_TEST(every_truncation_is_refused)
{
    tensors t = sample();
    ck_assert(safetensors_write("a", &t) && npz_write("b", &t));
    assert_prefixes_refused("a", safetensors_read);
    assert_prefixes_refused("b", npz_read);
    tensors_free(&t);
}
END_TEST

/* Any one byte changed: read or refused, never a crash; what was read fits its bytes. */
START_TEST(every_changed_byte_is_survived)
{
    tensors t = sample();
    reader *const readers[] = {safetensors_read, npz_read};
    ck_assert(safetensors_write("f0", &t) && npz_write("f1", &t));
    tensors_free(&t);
    for (int k = 0; k < 2; k++) {
        size_t n;
        char *data = slurp(k ? "f1" : "f0", &n);
        for (size_t i = 0; i < n; i++) {
            tensors u = {0};
            char old = data[i];
            data[i] = (char)(i % 3 ? old ^ 1 << i % 7 : 255);
            save("changed", data, n);
            data[i] = old;
            ck_assert(readers[k]("changed", &u) || (u.error && u.len == 0));
            tensors_free(&u);
        }
        free(data);
    }
}
END_TEST

START_TEST(npz_round_trip)
{
    tensors t = sample(), u = {0};
    size_t n, m;
    ck_assert_msg(npz_write("a.npz", &t), "%s", t.error);
    ck_assert_msg(npz_read("a.npz", &u), "%s", u.error);
    assert_same(&t, &u);
    ck_assert(npz_write("b.npz", &u));
    char *a = slurp("a.npz", &n), *b = slurp("b.npz", &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(a, b, n);
    free(a);
    free(b);
    tensors_free(&t);
    tensors_free(&u);
}
END_TEST

/* Puts members of the given names, all with the same bytes, into m.npz. */
static void save_members(const char *const *names, size_t count, const void *data, size_t n, bool deflate)
{
    zip_t *z = zip_open("m.npz", ZIP_CREATE | ZIP_TRUNCATE, NULL);
    for (size_t i = 0; i < count; i++) {
        zip_int64_t at = zip_file_add(z, names[i], zip_source_buffer(z, data, n, 0), 0);
        ck_assert_int_ge(at, 0);
        zip_set_file_compression(z, (zip_uint64_t)at, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    }
    ck_assert_int_eq(zip_close(z), 0);
}

/* An npy member: version, dict, bytes. */
static size_t make_npy(char *out, int version, const char *dict, const void *data, size_t n)
{
    size_t length = strlen(dict), at = version == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    memset(out + 6, 0, 6);
    out[6] = (char)version;
    out[8] = (char)length;
    memcpy(out + at, dict, length);
    memcpy(out + at + length, data, n);
    return at + length + n;
}

#define DICT(descr, fortran, shape) "{'descr': " descr ", 'fortran_order': " fortran ", 'shape': " shape ", }\n"

static const struct {
    int version;
    const char *dict;
    size_t data;
    const char *why;
} DICTS[] = {
    {1, DICT("'<f4'", "False", "(2,)"), 8, NULL},
    {2, DICT("'|u1'", "True", "(2, 3)"), 6, NULL},
    {3, DICT("\"|b1\"", "False", "()"), 1, NULL},
    {1, "{\"shape\":(3L,), 'fortran_order':False,'descr':'=i2'}", 6, NULL},
    {1, DICT("'<i8'", "False", "(0, 5)"), 0, NULL},
    {4, DICT("'<f4'", "False", "(2,)"), 8, "version above 3"},
    {0, DICT("'<f4'", "False", "(2,)"), 8, "version"},
    {1, DICT("'|O'", "False", "(2,)"), 8, "holds Python objects"},
    {1, DICT("'<c8'", "False", "(1,)"), 8, "type 'c8' is not supported"},
    {1, DICT("'<U4'", "False", "(1,)"), 16, "type 'U4'"},
    {1, DICT("''", "False", "(1,)"), 4, "type ''"},
    {1, DICT("[('a', '<f4')]", "False", "(1,)"), 4, "has fields"},
    {1, DICT("'<f4'", "False", "(3,)"), 8, "needs 12 bytes, the member has 8"},
    {1, DICT("'<f4'", "False", "(1,)"), 8, "needs 4 bytes, the member has 8"},
    {1, DICT("'<f4'", "0", "(2,)"), 8, "neither True nor False"},
    {1, DICT("'<f4'", "False", "[2]"), 8, "not a tuple"},
    {1, DICT("'<f4'", "False", "(-2,)"), 8, "not a size"},
    {1, DICT("'<f4'", "False", "(2 2)"), 8, "lacks a ')'"},
    {1, DICT("'<f4'", "False", "(99999999999999999999,)"), 8, "overflows"},
    {1, DICT("'<f4'", "False", "(4294967296, 4294967296)"), 0, "overflows"},
    {1, DICT("'<f4'", "False", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)"), 4, "too many dimensions"},
    {1, "{'descr': '<f4', 'shape': (1,)}", 4, "lacks descr, fortran_order or shape"},
    {1, "{'descr': '<f4', 'shape': (1,), 'shape': (1,)}", 4, "repeated key"},
    {1, "{'descr': '<f4', 'color': 3}", 4, "unknown"},
    {1, "{'descr': '<f4' 'shape': (1,)}", 4, "lacks a '}'"},
    {1, "{'descr': '<f4", 4, "has fields"},
    {1, "(1, 2)", 4, "not a dict"},
    {1, "", 0, "not a dict"},
};

START_TEST(npy_headers)
{
    char npy[300], data[32] = {0};
    tensors t = {0};
    size_t n = make_npy(npy, DICTS[_i].version, DICTS[_i].dict, data, DICTS[_i].data);
    save_members((const char *const[]){"x.npy"}, 1, npy, n, _i & 1);
    bool ok = npz_read("m.npz", &t);
    if (DICTS[_i].why)
        assert_refused(ok, &t, DICTS[_i].dict, DICTS[_i].why);
    else
        ck_assert_msg(ok, "%s", t.error);
    tensors_free(&t);
}
END_TEST

START_TEST(npy_orders)
{
    char npy[300];
    tensors t = {0};
    int64_t v[6];
    size_t bad;
    const unsigned char big[] = {0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 1, 6}; /* columns of [1 2 3; 4 5 262], big-endian */
    size_t n = make_npy(npy, 1, DICT("'>i2'", "True", "(2, 3)"), big, sizeof big);
    save_members((const char *const[]){"x.npy", "sub/y.npy"}, 2, npy, n, true);
    ck_assert_msg(npz_read("m.npz", &t), "%s", t.error);
    ck_assert_str_eq(t.data[1].name, "sub/y");
    ck_assert(tensor_to_int64(&t.data[0], v, &bad));
    for (int i = 0; i < 5; i++) ck_assert_int_eq(v[i], i + 1);
    ck_assert_int_eq(v[5], 262);
    tensors_free(&t);
}
END_TEST

START_TEST(npz_members_are_checked)
{
    char npy[300];
    tensors t = {0};
    size_t n = make_npy(npy, 1, DICT("'<f4'", "False", "(1,)"), "\0\0\0\0", 4), size;
    save_members((const char *const[]){"x.txt"}, 1, npy, n, false);
    assert_refused(npz_read("m.npz", &t), &t, "m.npz", "'x.txt': is not an .npy array");
    save_members((const char *const[]){"x.npy"}, 1, "hello", 5, false);
    assert_refused(npz_read("m.npz", &t), &t, "m.npz", "ends too early");
    save_members((const char *const[]){"x.npy"}, 1, "hello hello", 11, true);
    assert_refused(npz_read("m.npz", &t), &t, "m.npz", "is not an npy array");
    save_members((const char *const[]){"ab.npy", "cd.npy"}, 2, npy, n, false);
    char *data = slurp("m.npz", &size), *at;
    while ((at = memmem(data, size, "cd.npy", 6))) memcpy(at, "ab.npy", 6);
    save("m.npz", data, size);
    assert_refused(npz_read("m.npz", &t), &t, "m.npz", "two of this name");
    free(data);
    save_members((const char *const[]){"x.npy"}, 1, npy, n, false);
    data = slurp("m.npz", &size);
    at = memmem(data, size, "(1,)", 4);
    memcpy(at, "(1 )", 4); /* as good a shape, but the checksum is another's */
    save("m.npz", data, size);
    assert_refused(npz_read("m.npz", &t), &t, "m.npz", "'x.npy': its checksum is wrong");
    free(data);
}
END_TEST

START_TEST(full_disk_leaves_the_old_file)
{
    tensors t = {0};
    reader *const writers[] = {safetensors_write, npz_write};
    struct rlimit old, small;
    add(&t, "w", DTYPE_F32, DIMS(100, 100), NULL);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 20000;
    for (int k = 0; k < 2; k++) {
        size_t n;
        save("old", "precious", 8);
        setrlimit(RLIMIT_FSIZE, &small);
        bool ok = writers[k]("old", &t);
        setrlimit(RLIMIT_FSIZE, &old);
        ck_assert(!ok && strstr(t.error, "old: cannot be written: File too large"));
        char *data = slurp("old", &n);
        ck_assert_str_eq(data, "precious");
        free(data);
        ck_assert_uint_eq(count_files(false), 1);
        ck_assert(!writers[k]("/dev/full", &t) && strstr(t.error, "No space left"));
        ck_assert(!writers[k]("no/such/folder", &t) && strstr(t.error, "No such file"));
        ck_assert(!writers[k](".", &t) && strstr(t.error, "directory"));
        ck_assert_msg(writers[k]("old", &t), "%s", t.error);
        ck_assert_uint_eq(count_files(false), 1);
    }
    tensors_free(&t);
}
END_TEST

START_TEST(replacing_keeps_mode_and_links)
{
    struct stat s;
    atomic_file f;
    save("real", "old", 3);
    chmod("real", 0640);
    ck_assert_int_eq(symlink("real", "link"), 0);
    atomic_begin(&f, "link");
    atomic_write(&f, "new", 3);
    ck_assert_int_eq(atomic_commit(&f), 0);
    ck_assert(lstat("link", &s) == 0 && S_ISLNK(s.st_mode));
    ck_assert(stat("real", &s) == 0 && (s.st_mode & 07777) == 0640 && s.st_size == 3);
    atomic_begin(&f, "real");
    atomic_write(&f, "partial", 7);
    atomic_fail(&f, EINTR);
    ck_assert_int_eq(atomic_commit(&f), EINTR);
    ck_assert(stat("real", &s) == 0 && s.st_size == 3);
    ck_assert_uint_eq(count_files(false), 2);
}
END_TEST

START_TEST(what_killed_writers_left_goes)
{
    static const char *const left[] = {".rnnc-1-0.tmp", ".rnnc-99-12.tmp"}, *const others[] = {".rnnc-x", "old.tmp"};
    atomic_file f, g;
    for (int i = 0; i < 2; i++) {
        save(left[i], "half", 4);
        save(others[i], "mine", 4);
    }
    atomic_begin(&f, "a"); /* cleans up */
    for (int i = 0; i < 2; i++) ck_assert(access(left[i], F_OK) != 0 && access(others[i], F_OK) == 0);
    atomic_begin(&g, "b"); /* while f is being written */
    atomic_write(&f, "a", 1);
    atomic_write(&g, "b", 1);
    ck_assert_int_eq(atomic_commit(&f), 0);
    ck_assert_int_eq(atomic_commit(&g), 0);
    ck_assert_uint_eq(count_files(false), 4); /* a, b and the others */
}
END_TEST

START_TEST(what_is_being_written_has_no_name)
{
    atomic_file f;
    int fd = open(".", O_TMPFILE | O_WRONLY, 0600);
    if (fd < 0) return; /* not on this file system */
    close(fd);
    save("a", "before", 6);
    atomic_begin(&f, "a");
    atomic_write(&f, "after", 5);
    ck_assert_uint_eq(count_files(false), 1);
    ck_assert_int_eq(atomic_commit(&f), 0);
    ck_assert_uint_eq(count_files(false), 1);
    struct stat s;
    ck_assert(stat("a", &s) == 0 && s.st_size == 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tensors");
    TCase *c = tcase_create("files");
    tcase_set_timeout(c, 60);
    tcase_add_unchecked_fixture(c, make_folder, remove_folder);
    tcase_add_checked_fixture(c, NULL, empty_folder);
    tcase_add_test(c, small_floats_are_exact);
    tcase_add_test(c, integers_convert_only_when_whole);
    tcase_add_test(c, extents_are_checked);
    tcase_add_test(c, a_lack_of_memory_is_no_line);
    tcase_add_test(c, safetensors_round_trip);
    tcase_add_loop_test(c, safetensors_headers, 0, sizeof HEADERS / sizeof *HEADERS);
    tcase_add_test(c, safetensors_refuses_what_is_none);
    tcase_add_test(c, writers_refuse_what_readers_would);
    tcase_add_test(c, every_truncation_is_refused);
    tcase_add_test(c, every_changed_byte_is_survived);
    tcase_add_test(c, npz_round_trip);
    tcase_add_loop_test(c, npy_headers, 0, sizeof DICTS / sizeof *DICTS);
    tcase_add_test(c, npy_orders);
    tcase_add_test(c, npz_members_are_checked);
    tcase_add_test(c, full_disk_leaves_the_old_file);
    tcase_add_test(c, replacing_keeps_mode_and_links);
    tcase_add_test(c, what_killed_writers_left_goes);
    tcase_add_test(c, what_is_being_written_has_no_name);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
