/* text.h: a buffer that text is written into, with indentation. The only way that generated text is built. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include <stdbool.h>

typedef struct text {
    arena *arena;
    char *data;
    size_t len, cap;
    int depth;
    bool line_open;
} text;

text *text_new(arena *a);
/* At a line's start, indents first. */
void text_put(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_puts(text *t, const char *s);                                                 /* verbatim, no indentation */
void text_line(text *t, const char *format, ...) __attribute__((format(printf, 2, 3))); /* put, then a newline */
void text_blank(text *t); /* an empty line; never two, nor one at an end of a block */
void text_open(text *t, const char *format, ...) __attribute__((format(printf, 2, 3))); /* "... {" and indent */
void text_block(text *t);                    /* the same without anything before "{" */
void text_end(text *t);                      /* a newline */
void text_close(text *t, const char *after); /* "}" + after, outdent; NULL is ""; " else {" opens again */
const char *text_string(const text *t);      /* NUL-terminated */

#endif
