/* tcc_host.h: what libtcc calls instead of libc where it is part of librnnc.
 *
 * A static libtcc is made for programs. It addresses stdout, stderr and environ as a program does, which a shared
 * object cannot; and without memory it exits. In librnnc its references to these names, and to malloc and its kin, lead
 * here (the Makefile renames them): when memory runs out it gets what it wants from a reserve, and the work fails after
 * it. Elsewhere libtcc calls libc, and the functions below do nothing. */
#ifndef JIT_TCC_HOST_H
#define JIT_TCC_HOST_H

#include <stdbool.h>

/* Calls work(context), which calls libtcc. For one thread at a time. False: it was not called, or the reserve ran out,
 * too; libtcc would have exited, and cannot be used any more: see tcc_host_lost. */
bool tcc_host_run(void (*work)(void *context), void *context);
bool tcc_host_lost(void);

/* Inside the work: has memory run out? Then what libtcc has made must be deleted before the work ends. */
bool tcc_host_short(void);

#endif
