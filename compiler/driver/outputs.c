/* outputs.c: a spec and its weights, written together; see outputs.h. */
#define _GNU_SOURCE 1 /* memmem */
#include "driver/outputs.h"
#include "driver/command.h"
#include "train/atomic.h"
#include "train/safetensors.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *outputs_path(arena *a, const char *folder, const char *word, const char *suffix)
{
    size_t n = strlen(folder);
    return arena_printf(a, "%s%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", word, suffix);
}

static int write_both(const char *spec_path, const char *spec, const char *weights_path, tensors *params)
{
    atomic_file f;
    if (spec) {
        atomic_begin(&f, spec_path); /* lies complete under another name before the weights take their place */
        atomic_write(&f, spec, strlen(spec));
        if (f.fault) {
            int failed = atomic_commit(&f);
            return command_fault(EXIT_SYSTEM, "%s: cannot be written: %s", spec_path, strerror(failed));
        }
    }
    bool written = safetensors_write(weights_path, params);
    if (spec && !written) atomic_fail(&f, ECANCELED);
    int failed = spec ? atomic_commit(&f) : 0;
    if (!written) return command_fault(EXIT_SYSTEM, "%s", params->error);
    return failed ? command_fault(EXIT_SYSTEM, "%s: cannot be written: %s", spec_path, strerror(failed)) : 0;
}

/* Is there a file at `path` with another text? */
static bool holds_other_text(const char *path, const char *expected)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    bool same = true;
    for (const char *at = expected; same && *at; at++) same = getc(f) == (unsigned char)*at;
    same = same && getc(f) == EOF;
    fclose(f);
    return !same;
}

bool outputs_is_foreign(const char *path, const char *mark)
{
    enum { FIRST_LINE = 256 }; /* as much of it as matters */
    char line[FIRST_LINE];
    struct stat s;
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return false;
    FILE *f = fopen(path, "rb");
    if (!f) return false; /* writing says why */
    size_t n = fread(line, 1, sizeof line, f);
    fclose(f);
    const char *end = memchr(line, '\n', n);
    return n > 0 && !memmem(line, end ? (size_t)(end - line) : n, mark, strlen(mark));
}

/* Is there a file at `path` that holds none of these tensors? */
static bool holds_other_tensors(const char *path, const tensors *expected)
{
    struct stat s;
    tensors found = {0};
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size == 0) return false;
    bool other = true;
    if (safetensors_read(path, &found)) other = found.len > 0;
    for (size_t i = 0; other && i < expected->len; i++) other = !tensors_find(&found, expected->data[i].name);
    tensors_free(&found);
    return other;
}

int outputs_write(arena *a, const char *folder, const char *word, const char *spec, tensors *params)
{
    bool made = mkdir(folder, 0777) == 0;
    if (!made && errno != EEXIST)
        return command_fault(EXIT_SYSTEM, "%s: cannot make this folder: %s", folder, strerror(errno));
    struct stat s;
    if (stat(folder, &s) != 0 || !S_ISDIR(s.st_mode)) return command_fault(EXIT_SYSTEM, "%s: is not a folder", folder);
    const char *spec_path = outputs_path(a, folder, word, ".rnn");
    const char *weights_path = outputs_path(a, folder, word, ".safetensors");
    if (holds_other_tensors(weights_path, params))
        return command_fault(EXIT_SPEC,
                             "%s: is there, and holds none of the tensors that would be written now; remove it or "
                             "choose another folder (-o)",
                             weights_path);
    if (spec && holds_other_text(spec_path, spec))
        return command_fault(
            EXIT_SPEC,
            "%s: is there, and is not what would be written now; with --spec %s it gets these weights; "
            "to have it anew, remove it or choose another folder",
            spec_path, spec_path);
    int code = write_both(spec_path, spec, weights_path, params);
    if (code && made) rmdir(folder);
    return code;
}

tensors *outputs_like(arena *a, const tensors *params, const tensors *like, tensors *to)
{
    bool wide = false;
    for (size_t i = 0; i < like->len; i++) wide = wide || like->data[i].dtype == DTYPE_F64;
    for (size_t i = 0; i < params->len; i++) {
        const tensor *t = &params->data[i];
        float *narrow = ARENA_ARRAY(a, float, t->count);
        tensor_to_float(t, narrow);
        if (!tensors_add(to, t->name, wide ? DTYPE_F64 : DTYPE_F32, t->rank, t->dims, wide ? t->data : narrow))
            return NULL;
    }
    return to;
}
