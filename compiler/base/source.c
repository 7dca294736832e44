/* source.c: the texts that are compiled, their lines, and places in them. */
#include "base/source.h"
#include "base/array.h"
#include <stdbool.h>
#include <string.h>

sources *sources_new(arena *a)
{
    sources *s = ARENA_NEW(a, sources);
    s->arena = a;
    return s;
}

static void find_lines(arena *a, source *src)
{
    size_t count = 1;
    for (size_t i = 0; i < src->length; i++) count += src->text[i] == '\n';
    src->line_start = ARENA_ARRAY(a, uint32_t, count);
    src->lines = 1;
    for (size_t i = 0; i < src->length; i++)
        if (src->text[i] == '\n') src->line_start[src->lines++] = (uint32_t)i + 1;
}

uint32_t sources_add(sources *s, const char *path, const char *text, size_t length)
{
    if (length > SOURCE_MAX_BYTES) BUG("%s: a source of %zu bytes; the caller checks the size", path, length);
    source *src = ARENA_NEW(s->arena, source);
    src->path = arena_strndup(s->arena, path, strlen(path));
    src->text = arena_strndup(s->arena, text, length);
    src->length = length;
    find_lines(s->arena, src);
    array_push(s->arena, s, src);
    return (uint32_t)s->len;
}

const source *source_of(const sources *s, span at)
{
    return at.file && at.file <= s->len ? s->data[at.file - 1] : NULL;
}

span span_join(span a, span b)
{
    if (!a.file) return b;
    if (!b.file || a.file != b.file) return a;
    return (span){a.file, a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}

static uint32_t line_of(const source *s, uint32_t offset)
{
    uint32_t low = 0, high = s->lines; /* line_start[low] <= offset < line_start[high] */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->line_start[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t source_line_start(const source *s, uint32_t offset) { return s->line_start[line_of(s, offset)]; }

size_t source_character(const char *s, size_t left)
{
    unsigned char c = (unsigned char)s[0];
    size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s[i] & 0xC0) != 0x80) return 0;
    unsigned char next = n > 1 ? (unsigned char)s[1] : 0x80;
    bool overlong = (c == 0xE0 && next < 0xA0) || (c == 0xF0 && next < 0x90);
    bool surrogate = c == 0xED && next >= 0xA0, too_large = c == 0xF4 && next >= 0x90;
    return overlong || surrogate || too_large ? 0 : n;
}

place source_place(const source *s, uint32_t offset)
{
    if (offset > s->length) offset = (uint32_t)s->length;
    uint32_t line = line_of(s, offset);
    uint32_t column = 1;
    for (uint32_t i = s->line_start[line]; i < offset; i++)
        column += ((unsigned char)s->text[i] & 0xC0) != 0x80; /* continuation bytes of UTF-8 do not count */
    return (place){line + 1, column};
}

const char *source_line(const source *s, uint32_t line, size_t *length)
{
    if (line == 0 || line > s->lines) BUG("%s has no line %u", s->path, (unsigned)line);
    size_t begin = s->line_start[line - 1];
    size_t end = line < s->lines ? s->line_start[line] - 1 : s->length;
    if (end > begin && s->text[end - 1] == '\r') end--;
    *length = end - begin;
    return s->text + begin;
}
