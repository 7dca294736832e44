/* embedded.h: the texts that rnnc carries inside itself.
 *
 * The standard cells ("cells/lstm.rnn") and the headers of the kernels ("kernels/NAME.h") are turned into a table of
 * bytes when rnnc is built, so that the program is one file. */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

typedef struct embedded_file {
    const char *path;
    const unsigned char *bytes;
    size_t length;
} embedded_file;

/* The table, made by the Makefile: sorted by path, ended by a path that is NULL; each text is followed by a NUL. */
extern const embedded_file embedded_files[];

/* The text under a path, NUL-terminated, and its length (unless NULL); NULL when there is none. */
const char *embedded_text(const char *path, size_t *length);

/* The path of text number `index` in alphabetical order; NULL after the last. */
const char *embedded_path(size_t index);

#endif
