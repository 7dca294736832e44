/* guard.c: faults that end work instead of the process; see guard.h.
 *
 * The innermost guard of a thread is the one thing that a function cannot be given as an argument: an allocation deep
 * in a stage knows its arena, a broken invariant nothing at all. It is set only while guard_run runs. */
#define _GNU_SOURCE 1
#include "base/guard.h"
#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STACK_BYTES = 64 << 20 }; /* of guard_run_apart; what is not used is never touched */

/* In front of each block of guard_alloc; a list that any block can leave by itself. */
typedef struct held {
    struct held *next, **to_this; /* to_this: where the pointer to it stands */
    struct guard *guard;          /* whose list it is in; NULL: in none */
    size_t size;
    _Alignas(max_align_t) unsigned char bytes[];
} held;

typedef struct guard {
    jmp_buf back;
    struct guard *outer;
    held *blocks;
    size_t taken, limit; /* bytes of the blocks */
    guard_fault fault;
    char *message;
} guard;

static _Thread_local guard *innermost;

static void say(char *to, const char *message)
{
    snprintf(to, GUARD_MESSAGE, "%s", message);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < ' ') *c = '?';
}

void guard_raise(guard_fault fault, const char *message)
{
    guard *g = innermost;
    if (!g) return;
    g->fault = fault;
    say(g->message, message);
    longjmp(g->back, 1);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static held *head_of(void *block) { return (held *)((unsigned char *)block - offsetof(held, bytes)); }

/* Room for a header and so many bytes; false: more than there may be. */
static bool size_of(size_t bytes, size_t *size)
{
    *size = sizeof(held) + bytes;
    return bytes < SIZE_MAX - sizeof(held) && (!innermost || *size <= innermost->limit - innermost->taken);
}

static void *link_in(held *h, size_t size)
{
    h->guard = innermost;
    h->size = size;
    if (!innermost) return h->bytes;
    h->to_this = &innermost->blocks;
    h->next = innermost->blocks;
    if (h->next) h->next->to_this = &h->next;
    innermost->blocks = h;
    innermost->taken += size;
    return h->bytes;
}

static void link_out(held *h)
{
    if (!h->guard) return;
    *h->to_this = h->next;
    if (h->next) h->next->to_this = h->to_this;
    h->guard->taken -= h->size;
    h->guard = NULL;
}

void *guard_alloc(size_t bytes)
{
    size_t size;
    held *h = size_of(bytes, &size) ? calloc(1, size) : NULL;
    return h ? link_in(h, size) : NULL;
}

void *guard_realloc(void *block, size_t bytes)
{
    if (!block) return guard_alloc(bytes);
    held *h = head_of(block);
    size_t size, before = h->size;
    link_out(h);
    held *larger = size_of(bytes, &size) ? realloc(h, size) : NULL;
    if (larger) return link_in(larger, size);
    link_in(h, before);
    return NULL;
}

void guard_free(void *block)
{
    if (!block) return;
    held *h = head_of(block);
    link_out(h);
    free(h);
}

/* ---- guards ------------------------------------------------------------------------------------------------------ */

/* Apart from guard_run: what a fault changes in a variable of the function that called setjmp is lost, says C. */
static void attempt(guard *g, void (*work)(void *context), void *context)
{
    if (setjmp(g->back) == 0) work(context);
}

guard_fault guard_run(void (*work)(void *context), void *context, size_t limit, char message[GUARD_MESSAGE])
{
    guard g = {.outer = innermost, .limit = limit ? limit : SIZE_MAX, .message = message};
    *message = '\0';
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) {
        say(message, "out of memory");
        return GUARD_MEMORY;
    }
    locale_t hosts = uselocale(plain);
    innermost = &g;
    attempt(&g, work, context);
    for (held *h = g.blocks, *next; h; h = next) { /* the list ends here; after a fault its blocks do, too */
        next = h->next;
        h->guard = NULL;
        if (g.fault) free(h);
    }
    innermost = g.outer;
    uselocale(hosts);
    freelocale(plain);
    return g.fault;
}

/* ---- apart ------------------------------------------------------------------------------------------------------- */

typedef struct apart {
    void (*work)(void *context);
    void *context;
    size_t limit;
    char *message;
    guard_fault fault;
} apart;

static void *run(void *of)
{
    apart *a = of;
    a->fault = guard_run(a->work, a->context, a->limit, a->message);
    return NULL;
}

/* Signals are the host's: the new thread takes none. A host that may have no more threads gets the work on its own
 * stack. */
guard_fault guard_run_apart(void (*work)(void *context), void *context, size_t limit, char message[GUARD_MESSAGE])
{
    apart a = {.work = work, .context = context, .limit = limit, .message = message};
    pthread_attr_t how;
    pthread_t thread;
    sigset_t all, hosts;
    if (pthread_attr_init(&how) != 0) return guard_run(work, context, limit, message);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &hosts);
    int fault = pthread_attr_setstacksize(&how, STACK_BYTES);
    if (!fault) fault = pthread_create(&thread, &how, run, &a);
    pthread_sigmask(SIG_SETMASK, &hosts, NULL);
    pthread_attr_destroy(&how);
    if (fault) return guard_run(work, context, limit, message);
    pthread_join(thread, NULL);
    return a.fault;
}
