/* tcc_host.c: libc for libtcc inside of librnnc; see tcc_host.h.
 *
 * libtcc is entered under one lock, and so is this: the reserve of the call under way is the one thing kept here. */
#include "jit/tcc_host.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVE = 64 << 20, ALIGNMENT = 16 }; /* bytes; untouched as long as there is memory */

extern char **environ;

/* What libtcc finds under the names of libc; the Makefile knows these names. */
FILE *tcc_host_stdout, *tcc_host_stderr;
char **tcc_host_environ;
void *tcc_host_malloc(size_t bytes);
void *tcc_host_calloc(size_t count, size_t size);
void *tcc_host_realloc(void *block, size_t bytes);
void tcc_host_free(void *block);
_Noreturn void tcc_host_exit(int code);

static struct {
    unsigned char *bytes; /* NULL: no call is under way */
    size_t used;
    bool lost;
    jmp_buf out;
} reserve;

bool tcc_host_run(void (*work)(void *context), void *context)
{
    tcc_host_stdout = stdout;
    tcc_host_stderr = stderr;
    tcc_host_environ = environ;
    reserve.used = 0;
    reserve.bytes = reserve.lost ? NULL : malloc(RESERVE);
    if (!reserve.bytes) return false;
    if (setjmp(reserve.out) != 0) {
        reserve.lost = true; /* libtcc holds locks of its own, and what points into the reserve: that stays, too */
        return false;
    }
    work(context);
    free(reserve.bytes);
    reserve.bytes = NULL;
    return true;
}

bool tcc_host_lost(void) { return reserve.lost; }

bool tcc_host_short(void) { return reserve.used > 0; }

/* ---- libc -------------------------------------------------------------------------------------------------------- */

/* A block of the reserve, its size in front; they are freed with it. */
static void *take(size_t bytes)
{
    if (!reserve.bytes || bytes > RESERVE - 2 * ALIGNMENT - reserve.used) return NULL;
    unsigned char *block = reserve.bytes + reserve.used + ALIGNMENT;
    memcpy(block - ALIGNMENT, &bytes, sizeof bytes);
    reserve.used += ALIGNMENT + (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return block;
}

static bool is_taken(const void *block)
{
    uintptr_t at = (uintptr_t)block, begin = (uintptr_t)reserve.bytes;
    return reserve.bytes && at >= begin && at < begin + RESERVE;
}

void *tcc_host_malloc(size_t bytes)
{
    void *block = malloc(bytes);
    return block ? block : take(bytes);
}

void *tcc_host_calloc(size_t count, size_t size)
{
    void *block = calloc(count, size);
    if (block || (size && count > SIZE_MAX / size)) return block;
    block = take(count * size);
    return block ? memset(block, 0, count * size) : NULL;
}

void *tcc_host_realloc(void *block, size_t bytes)
{
    size_t before = 0;
    void *larger = is_taken(block) ? NULL : realloc(block, bytes);
    if (larger || !bytes) return larger;
    larger = take(bytes);
    if (is_taken(block))
        memcpy(&before, (unsigned char *)block - ALIGNMENT, sizeof before);
    else if (block)
        before = malloc_usable_size(block);
    if (larger && block) memcpy(larger, block, before < bytes ? before : bytes);
    if (larger && !is_taken(block)) free(block);
    return larger;
}

void tcc_host_free(void *block)
{
    if (!is_taken(block)) free(block);
}

void tcc_host_exit(int code)
{
    if (reserve.bytes) longjmp(reserve.out, 1);
    exit(code);
}
