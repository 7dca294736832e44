/* embedded.c: look-up in the table of embedded texts. */
#include "base/embedded.h"
#include <string.h>

const char *embedded_text(const char *path, size_t *length)
{
    for (const embedded_file *f = embedded_files; f->path; f++) {
        if (strcmp(f->path, path) != 0) continue;
        if (length) *length = f->length;
        return (const char *)f->bytes;
    }
    return NULL;
}

const char *embedded_path(size_t index)
{
    for (const embedded_file *f = embedded_files; f->path; f++)
        if (index-- == 0) return f->path;
    return NULL;
}
