/* guard.h: work that may fail without ending the process.
 *
 * No stage tests whether there is memory, and a broken invariant (BUG) has no way back. In the program both end it,
 * with a line on stderr. Inside guard_run they end the work alone: the stack is unwound to guard_run, which says what
 * happened and frees what the work has made: its arenas, and what else comes from guard_alloc. So the work opens
 * nothing that has to be closed, and takes no lock, while it calls what may fail. What it makes before it returns
 * stays.
 *
 * The work runs with the locale "C", for a host may write 0.5 as 0,5. Guards nest; each thread has its own. */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

#include <stddef.h>

typedef enum guard_fault { GUARD_NONE, GUARD_MEMORY, GUARD_BUG } guard_fault;

enum { GUARD_MESSAGE = 256 }; /* bytes of a message, the NUL included */

/* Calls work(context), which may take `limit` bytes (0: any number). After a fault, `message` is one line about it. */
guard_fault guard_run(void (*work)(void *context), void *context, size_t limit, char message[GUARD_MESSAGE]);

/* The same on a stack of its own, of which the host's thread may have little. */
guard_fault guard_run_apart(void (*work)(void *context), void *context, size_t limit, char message[GUARD_MESSAGE]);

/* Ends the innermost guarded work of this thread; returns where there is none. */
void guard_raise(guard_fault fault, const char *message);

/* calloc, realloc and free that guards know of. */
void *guard_alloc(size_t bytes);
void *guard_realloc(void *block, size_t bytes);
void guard_free(void *block);

#endif
