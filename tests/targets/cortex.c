/* cortex.c: the program of a Cortex-M4 without an operating system and without a C library: vectors, startup, the two
 * functions that compilers call, and messages by semihosting. The stack that the call takes is painted and measured,
 * and the instructions of a step are counted, by a clock of 25 MHz and qemu's `-icount shift=6`: 64 ns each. */
#include "driver.h"
#include <stddef.h>
#include <stdint.h>

extern uint32_t data_from[], data_begin[], data_end[], bss_begin[], bss_end[], stack_low[], stack_top[];
void reset(void);
void fault(void);

typedef union vector { void (*code)(void); const uint32_t *stack; } vector;
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    { .stack = stack_top }, { reset }, { fault }, { fault }, { fault }, { fault }, { fault },
};

/* Their loops must not become calls of themselves. */
#define PLAIN_LOOP __attribute__((optimize("no-tree-loop-distribute-patterns")))

PLAIN_LOOP void *memcpy(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    while (n--) *t++ = *f++;
    return to;
}

PLAIN_LOOP void *memset(void *to, int byte, size_t n)
{
    unsigned char *t = to;
    while (n--) *t++ = (unsigned char)byte;
    return to;
}

/* Semihosting: 4 writes a text, 32 ends the program with a status. */
static void host(uint32_t call, const void *argument)
{
    register uint32_t r0 __asm__("r0") = call;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void leave(int status)
{
    const uint32_t words[2] = { 0x20026, (uint32_t)status };     /* the program itself ended */
    host(32, words);
    for (;;) continue;
}

void fault(void)
{
    host(4, "a fault of the processor\n");
    leave(3);
}

static volatile uint32_t *const SYSTICK = (volatile uint32_t *)0xe000e010;     /* control, reload, current */

unsigned long clock_now(void)
{
    return (0xffffff - SYSTICK[2]) * 40ul / 64;
}

enum { PAINT = 0x5eed5eed };

/* All below this function's own frame. */
__attribute__((noinline)) static void paint(void)
{
    uint32_t *end;
    __asm__ volatile("mov %0, sp" : "=r"(end));
    for (uint32_t *at = stack_low; at < end; at++) *at = PAINT;
}

void reset(void)
{
    static char said[SAID];
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;               /* CPACR: floating point on */
    __asm__ volatile("dsb\n isb" ::: "memory");
    for (uint32_t *to = data_begin, *from = data_from; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;) *to++ = 0;
    SYSTICK[1] = 0xffffff;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;     /* on, by the processor's clock */
    paint();
    const int failed = check(instances[0], said);
    const uint32_t *used = stack_low;
    while (used < stack_top && *used == PAINT) used++;
    say_number(said, ", stack ", (unsigned long)(stack_top - used) * sizeof *used);
    host(4, said);
    host(4, "\n");
    leave(failed);
}
