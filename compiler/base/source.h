/* source.h: the texts that are compiled, and places in them. */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include "base/arena.h"
#include <stdint.h>

enum { SOURCE_MAX_BYTES = 16 << 20 }; /* a larger spec file is refused */

typedef struct source {
    const char *path; /* as the user wrote it; "cells/lstm.rnn" for the standard cells */
    const char *text; /* NUL-terminated; may hold NULs before `length` */
    size_t length;
    uint32_t *line_start; /* byte offset of each line */
    uint32_t lines;
} source;

/* Bytes [begin, end) of sources.data[file - 1]; file 0 is "no place". */
typedef struct span {
    uint32_t file, begin, end;
} span;
#define NO_SPAN ((span){0, 0, 0})

typedef struct sources {
    source **data;
    size_t len, cap;
    arena *arena;
} sources;

sources *sources_new(arena *a);
/* Copies; returns the file number. */
uint32_t sources_add(sources *s, const char *path, const char *text, size_t length);
const source *source_of(const sources *s, span at); /* NULL for no place */
span span_join(span a, span b);                     /* from the start of a to the end of b */

typedef struct place {
    uint32_t line, column;
} place; /* from 1; the column counts characters (UTF-8), not bytes */
place source_place(const source *s, uint32_t offset);
uint32_t source_line_start(const source *s, uint32_t offset); /* of the line that holds this byte */
/* Bytes of the UTF-8 character at s, of which at most `left` are there; 0 when it is none. */
size_t source_character(const char *s, size_t left);
/* The text of a line without its newline; *length in bytes. */
const char *source_line(const source *s, uint32_t line, size_t *length);

#endif
