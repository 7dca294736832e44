/* arena.c: blocks in a list, handed out from front to back.
 *
 * A block is at least BLOCK_BYTES; a larger request gets a block of its own. Memory comes from guard_alloc, which is
 * calloc, so that a fresh block is zero already. */
#include "base/arena.h"
#include "base/guard.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 << 10, ALIGNMENT = 16, SHORT = 256 };

typedef struct block {
    struct block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) unsigned char bytes[];
} block;

struct arena {
    block *blocks;
};

_Bool size_mul(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b) return 0;
    *out = a * b;
    return 1;
}

_Bool size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) return 0;
    *out = a + b;
    return 1;
}

static _Noreturn void out_of_memory(void)
{
    guard_raise(GUARD_MEMORY, "out of memory");
    fputs("rnnc: out of memory\n", stderr);
    exit(EXIT_SYSTEM);
}

void bug_at(const char *file, int line, const char *format, ...)
{
    char message[GUARD_MESSAGE];
    int n = snprintf(message, sizeof message, "bug at %s:%d: ", file, line);
    va_list args;
    va_start(args, format);
    if (n > 0 && n < GUARD_MESSAGE) vsnprintf(message + n, (size_t)(GUARD_MESSAGE - n), format, args);
    va_end(args);
    guard_raise(GUARD_BUG, message);
    fprintf(stderr, "rnnc: %s\n", message);
    abort();
}

arena *arena_new(void)
{
    arena *a = guard_alloc(sizeof *a);
    if (!a) out_of_memory();
    return a;
}

void arena_free(arena *a)
{
    if (!a) return;
    for (block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        guard_free(b);
    }
    guard_free(a);
}

static block *block_new(size_t size)
{
    size_t bytes;
    if (!size_add(size, sizeof(block), &bytes)) out_of_memory();
    block *b = guard_alloc(bytes);
    if (!b) out_of_memory();
    b->size = size;
    return b;
}

void *arena_alloc(arena *a, size_t bytes)
{
    size_t rounded;
    if (!size_add(bytes ? bytes : 1, ALIGNMENT - 1, &rounded)) out_of_memory();
    rounded -= rounded % ALIGNMENT;

    block *b = a->blocks;
    if (b && b->size - b->used >= rounded) {
        void *p = b->bytes + b->used;
        b->used += rounded;
        return p;
    }
    block *fresh = block_new(rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES);
    fresh->used = rounded;
    if (b && fresh->size - rounded < b->size - b->used) { /* keep filling the block with more room */
        fresh->next = b->next;
        b->next = fresh;
    } else {
        fresh->next = b;
        a->blocks = fresh;
    }
    return fresh->bytes;
}

void *arena_array(arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (!size_mul(count, size, &bytes)) out_of_memory();
    return arena_alloc(a, bytes);
}

char *arena_strndup(arena *a, const char *text, size_t length)
{
    size_t bytes;
    if (!size_add(length, 1, &bytes)) out_of_memory();
    char *copy = arena_alloc(a, bytes);
    if (length) memcpy(copy, text, length);
    return copy;
}

/* Most texts are short: only a long one is formatted twice. */
char *arena_vprintf(arena *a, const char *format, va_list args)
{
    char text[SHORT];
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(text, sizeof text, format, args);
    if (length < 0) BUG("bad format: %s", format);
    char *out = arena_alloc(a, (size_t)length + 1);
    if (length < SHORT)
        memcpy(out, text, (size_t)length + 1);
    else
        vsnprintf(out, (size_t)length + 1, format, again);
    va_end(again);
    return out;
}

char *arena_printf(arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *out = arena_vprintf(a, format, args);
    va_end(args);
    return out;
}
