/* arena.h: memory with one lifetime.
 *
 * Everything that a stage makes is allocated from an arena and freed with it, in view in the driver. Blocks come back
 * zeroed and aligned to 16 bytes. When the system has no memory left, the arena prints one line and exits with
 * EXIT_SYSTEM, or ends the guarded work (guard.h): no caller tests for NULL. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

enum { EXIT_SYSTEM = 3 }; /* exit code: the system failed (no memory, no such file) */

typedef struct arena arena;

arena *arena_new(void);
void arena_free(arena *a); /* NULL is allowed */

void *arena_alloc(arena *a, size_t bytes);              /* zeroed; 0 bytes give a valid, unique pointer */
void *arena_array(arena *a, size_t count, size_t size); /* checked product */
char *arena_strndup(arena *a, const char *text, size_t length);
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(arena *a, const char *format, va_list args);

#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_array((a), (n), sizeof(T)))

/* Product and sum of sizes; false when they overflow (then *out is untouched). */
__attribute__((warn_unused_result)) _Bool size_mul(size_t a, size_t b, size_t *out);
__attribute__((warn_unused_result)) _Bool size_add(size_t a, size_t b, size_t *out);

/* A broken invariant of ours, never a fault of the user: prints file, line and message, and aborts; or ends the guarded
 * work (guard.h). */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
__attribute__((noreturn, format(printf, 3, 4))) void bug_at(const char *file, int line, const char *format, ...);

#endif
