/* safetensors.c: reads and writes safetensors files.
 *
 * In: a path. Out: `tensors`, checked as the format demands: the header has at most 100 MB and lies in the file, no
 * key occurs twice, every shape fits its bytes, and the tensors cover the data exactly, without hole or overlap.
 * The writer pads the header with spaces to a multiple of 8, so that data begin aligned. */
#define _GNU_SOURCE 1
#include "train/safetensors.h"
#include "train/atomic.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_MAX = 100000000, PREFIX = 8, HEADER_ALIGN = 8 };

#define METADATA "__metadata__"
#define DAMAGED "the file is damaged: save it again"

typedef struct span {
    uint64_t begin, end;
    const char *name;
} span;

typedef struct reader {
    const char *path;
    int fd;
    uint64_t size, data; /* of the file; where tensor data begin */
    char *header;
    json_t *root;
    span *spans; /* of the tensors in out, in their order */
    tensors *out;
} reader;

static bool read_at(reader *r, void *data, size_t n, uint64_t at)
{
    char *p = data;
    while (n) {
        ssize_t k = pread(r->fd, p, n, (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return tensors_fail(r->out, "%s: cannot be read: %s", r->path, strerror(errno));
        if (k == 0) return tensors_fail(r->out, "%s: became shorter while it was read: read it again", r->path);
        p += k;
        at += (uint64_t)k;
        n -= (size_t)k;
    }
    return true;
}

static bool read_header(reader *r)
{
    struct stat s;
    uint64_t n;
    json_error_t e;
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &s) != 0)
        return tensors_fail(r->out, "%s: cannot be opened: %s", r->path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return tensors_fail(r->out, "%s: is not a regular file: name a .safetensors file", r->path);
    r->size = (uint64_t)s.st_size;
    if (r->size < PREFIX)
        return tensors_fail(r->out, "%s: has %" PRIu64 " bytes, too few for a safetensors file; %s", r->path, r->size,
                            DAMAGED);
    if (!read_at(r, &n, sizeof n, 0)) return false;
    if (memcmp(&n, "PK\3\4", 4) == 0)
        return tensors_fail(r->out,
                            "%s: is a zip archive, not safetensors: in Python, save a PyTorch state with "
                            "safetensors.torch.save_file(model.state_dict(), PATH)",
                            r->path);
    if (n > HEADER_MAX)
        return tensors_fail(r->out,
                            "%s: claims a header of %" PRIu64 " bytes, the limit is %d: this is not a "
                            "safetensors file, or it is damaged",
                            r->path, n, HEADER_MAX);
    if (n > r->size - PREFIX)
        return tensors_fail(r->out, "%s: claims a header of %" PRIu64 " bytes, but the file ends after %" PRIu64 "; %s",
                            r->path, n, r->size - PREFIX, DAMAGED);
    r->data = PREFIX + n;
    r->header = malloc(n + 1);
    if (!r->header) return tensors_no_memory(r->out);
    if (!read_at(r, r->header, n, PREFIX)) return false;
    if (n == 0 || r->header[0] != '{')
        return tensors_fail(r->out, "%s: the header does not begin with '{': this is not a safetensors file", r->path);
    r->root = json_loadb(r->header, n, JSON_REJECT_DUPLICATES, &e);
    if (!r->root) return tensors_fail(r->out, "%s: header byte %d: %s; %s", r->path, e.position, e.text, DAMAGED);
    return true;
}

static bool read_notes(reader *r, json_t *notes)
{
    const char *key;
    json_t *value;
    if (!json_is_object(notes)) return tensors_fail(r->out, "%s: " METADATA " is not an object; " DAMAGED, r->path);
    json_object_foreach(notes, key, value)
    {
        if (!json_is_string(value))
            return tensors_fail(r->out, "%s: " METADATA " '%s' is not a string: save it as text", r->path, key);
        if (!tensors_note(r->out, key, json_string_value(value))) return false;
    }
    return true;
}

/* A JSON list of integers that are not negative. */
static bool size_list(const json_t *list, size_t max, size_t *out, size_t *n)
{
    *n = json_array_size(list);
    if (!json_is_array(list) || *n > max) return false;
    for (size_t i = 0; i < *n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0) return false;
        out[i] = (size_t)json_integer_value(v);
    }
    return true;
}

static bool read_tensor(reader *r, const char *name, json_t *entry, span *where)
{
    size_t dims[TENSOR_MAX_RANK], rank, range[2], range_len, count, bytes;
    dtype d;
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (!type) return tensors_fail(r->out, "%s: tensor '%s' has no dtype; %s", r->path, name, DAMAGED);
    if (!dtype_from_name(type, &d))
        return tensors_fail(r->out, "%s: tensor '%s' has dtype '%s', which is not supported: save it as F32", r->path,
                            name, type);
    if (!size_list(json_object_get(entry, "shape"), TENSOR_MAX_RANK, dims, &rank))
        return tensors_fail(r->out, "%s: tensor '%s': shape is not a list of at most %d sizes: save it reshaped",
                            r->path, name, TENSOR_MAX_RANK);
    if (!tensor_extent(d, rank, dims, &count, &bytes))
        return tensors_fail(r->out, "%s: tensor '%s': the product of its shape overflows; %s", r->path, name, DAMAGED);
    if (!size_list(json_object_get(entry, "data_offsets"), 2, range, &range_len) || range_len != 2 ||
        range[0] > range[1])
        return tensors_fail(r->out, "%s: tensor '%s': data_offsets is not [begin, end]; %s", r->path, name, DAMAGED);
    if (range[1] > r->size - r->data)
        return tensors_fail(r->out, "%s: tensor '%s' ends at byte %zu of the data, which has %" PRIu64 "; %s", r->path,
                            name, range[1], r->size - r->data, DAMAGED);
    if (range[1] - range[0] != bytes)
        return tensors_fail(r->out, "%s: tensor '%s': its shape needs %zu bytes, data_offsets give %zu; %s", r->path,
                            name, bytes, range[1] - range[0], DAMAGED);
    tensor *t = tensors_add(r->out, name, d, rank, dims, NULL);
    *where = (span){range[0], range[1], name};
    return t && read_at(r, t->data, bytes, r->data + range[0]);
}

static int compare_spans(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static bool check_cover(reader *r)
{
    uint64_t at = 0;
    if (r->out->len) qsort(r->spans, r->out->len, sizeof *r->spans, compare_spans);
    for (size_t i = 0; i < r->out->len; i++) {
        const span *s = &r->spans[i];
        if (s->begin != at)
            return tensors_fail(
                r->out, "%s: tensor '%s' begins at byte %" PRIu64 " of the data, %s %" PRIu64 "; %s", r->path, s->name,
                s->begin, s->begin < at ? "overlapping the one up to byte" : "leaving a hole from byte", at, DAMAGED);
        at = s->end;
    }
    if (at != r->size - r->data)
        return tensors_fail(r->out, "%s: the tensors end at byte %" PRIu64 " of the data, the file at %" PRIu64 "; %s",
                            r->path, at, r->size - r->data, DAMAGED);
    return true;
}

static bool read_tensors(reader *r)
{
    const char *name;
    json_t *entry;
    r->spans = malloc((json_object_size(r->root) + 1) * sizeof *r->spans);
    if (!r->spans) return tensors_no_memory(r->out);
    json_object_foreach(r->root, name, entry)
    {
        bool notes = strcmp(name, METADATA) == 0;
        if (notes ? !read_notes(r, entry) : !read_tensor(r, name, entry, &r->spans[r->out->len])) return false;
    }
    return check_cover(r);
}

bool safetensors_read(const char *path, tensors *out)
{
    reader r = {.path = path, .fd = -1, .out = out};
    bool ok = read_header(&r) && read_tensors(&r);
    if (r.fd >= 0) close(r.fd);
    json_decref(r.root);
    free(r.header);
    free(r.spans);
    if (!ok) tensors_clear(out);
    return ok;
}

/* {"dtype": ..., "shape": [...], "data_offsets": [at, at + bytes]}, or NULL. */
static json_t *entry_of(const tensor *t, uint64_t at)
{
    json_t *shape = json_array();
    for (size_t i = 0; i < t->rank; i++) json_array_append_new(shape, json_integer((json_int_t)t->dims[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(t->dtype), "shape", shape, "data_offsets",
                     (json_int_t)at, (json_int_t)at + (json_int_t)t->bytes);
}

/* The header's text, without padding; NULL after a failure. */
static char *header_text(const char *path, tensors *t, json_t *root)
{
    uint64_t at = 0;
    if (t->note_count) {
        json_t *notes = json_object();
        json_object_set_new(root, METADATA, notes);
        for (size_t i = 0; i < t->note_count; i++)
            if (json_object_set_new(notes, t->notes[i].key, json_string(t->notes[i].value)) != 0)
                return tensors_fail(t, "%s: metadata '%s' is not UTF-8: use other text", path, t->notes[i].key), NULL;
    }
    for (size_t i = 0; i < t->len; i++) {
        const tensor *x = &t->data[i];
        if (strcmp(x->name, METADATA) == 0 || json_object_get(root, x->name))
            return tensors_fail(t, "%s: two entries are named '%s': rename one", path, x->name), NULL;
        if (json_object_set_new(root, x->name, entry_of(x, at)) != 0)
            return tensors_fail(t, "%s: the name of tensor '%s' is not UTF-8: rename it", path, x->name), NULL;
        at += x->bytes;
    }
    char *text = json_dumps(root, JSON_COMPACT);
    if (!text) return tensors_no_memory(t), NULL;
    if (strlen(text) <= HEADER_MAX - HEADER_ALIGN) return text;
    free(text);
    return tensors_fail(t, "%s: the header would exceed %d bytes: write fewer tensors", path, HEADER_MAX), NULL;
}

bool safetensors_write(const char *path, tensors *t)
{
    json_t *root = json_object();
    char *text = header_text(path, t, root);
    json_decref(root);
    if (!text) return false;
    size_t len = strlen(text), pad = (HEADER_ALIGN - len % HEADER_ALIGN) % HEADER_ALIGN;
    uint64_t n = len + pad;
    atomic_file f;
    atomic_begin(&f, path);
    atomic_write(&f, &n, sizeof n);
    atomic_write(&f, text, len);
    atomic_write(&f, "       ", pad);
    for (size_t i = 0; i < t->len; i++) atomic_write(&f, t->data[i].data, t->data[i].bytes);
    int fault = atomic_commit(&f);
    free(text);
    return fault ? tensors_fail(t, "%s: cannot be written: %s", path, strerror(fault)) : true;
}
