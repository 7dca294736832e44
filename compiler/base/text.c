/* text.c: a growing text with indentation; see text.h. */
#include "base/text.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { INDENT = 4, FIRST_CAPACITY = 32 };

text *text_new(arena *a)
{
    text *t = ARENA_NEW(a, text);
    t->arena = a;
    return t;
}

/* Room for `more` bytes and the final NUL. */
static void reserve(text *t, size_t more)
{
    size_t need;
    if (!size_add(t->len, more, &need) || !size_add(need, 1, &need)) BUG("a text larger than the address space");
    if (t->cap >= need) return;
    size_t cap = t->cap < FIRST_CAPACITY / 2 ? FIRST_CAPACITY : t->cap <= SIZE_MAX / 2 ? 2 * t->cap : need;
    if (cap < need) cap = need; /* at once: a text that takes another leaves no smaller copies behind */
    char *grown = arena_alloc(t->arena, cap);
    if (t->len) memcpy(grown, t->data, t->len + 1);
    t->data = grown;
    t->cap = cap;
}

static void append(text *t, const char *bytes, size_t length)
{
    reserve(t, length);
    if (length) memcpy(t->data + t->len, bytes, length);
    t->len += length;
    t->data[t->len] = '\0';
}

/* Most texts fit into the room that is there: one that does not is formatted twice. */
static void __attribute__((format(printf, 2, 0))) put(text *t, const char *format, va_list args)
{
    size_t before = t->len;
    if (!t->line_open)
        for (int i = 0; i < t->depth * INDENT; i++) append(t, " ", 1);
    size_t indented = t->len, room = t->cap - t->len;
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(room ? t->data + t->len : NULL, room, format, args);
    if (length < 0) BUG("bad format: %s", format);
    if ((size_t)length >= room) {
        reserve(t, (size_t)length);
        vsnprintf(t->data + t->len, (size_t)length + 1, format, again);
    }
    va_end(again);
    t->len = length ? indented + (size_t)length : before;
    if (t->cap) t->data[t->len] = '\0';
    if (length) t->line_open = t->data[t->len - 1] != '\n';
}

void text_put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(t, format, args);
    va_end(args);
}

void text_puts(text *t, const char *s)
{
    size_t length = strlen(s);
    append(t, s, length);
    if (length) t->line_open = s[length - 1] != '\n';
}

void text_line(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(t, format, args);
    va_end(args);
    text_puts(t, "\n");
}

/* Is the last line, which has ended, empty, or does it open a block? */
static bool needs_no_blank(const text *t)
{
    char last = t->len >= 2 ? t->data[t->len - 2] : '\n';
    return last == '\n' || (last == '{' && t->depth > 0);
}

void text_blank(text *t)
{
    if (t->line_open) text_puts(t, "\n");
    if (!needs_no_blank(t)) text_puts(t, "\n");
}

void text_open(text *t, const char *format, ...)
{
    size_t before = t->len;
    va_list args;
    va_start(args, format);
    put(t, format, args);
    va_end(args);
    text_put(t, t->len > before ? " {" : "{");
    text_puts(t, "\n");
    t->depth++;
}

void text_block(text *t)
{
    text_line(t, "{");
    t->depth++;
}

void text_end(text *t) { text_puts(t, "\n"); }

void text_close(text *t, const char *after)
{
    if (t->depth == 0) BUG("more closed than opened");
    if (t->len >= 2 && t->data[t->len - 1] == '\n' && t->data[t->len - 2] == '\n') t->data[--t->len] = '\0';
    t->depth--;
    text_line(t, "}%s", after ? after : "");
    size_t length = after ? strlen(after) : 0;
    if (length && after[length - 1] == '{') t->depth++;
}

const char *text_string(const text *t) { return t->data ? t->data : ""; }
