/* board.c: a Cortex-M4 from reset to main(), without an operating system and without a C library; for a board of yours
 * its maker has such a file. Output goes to a debugger, or to qemu, by semihosting. */
#include "board.h"
#include <stddef.h>
#include <stdint.h>

extern uint32_t data_from[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];
int main(void);
void board_reset(void);

typedef union vector {
    void (*code)(void);
    const uint32_t *stack;
} vector;

/* Semihosting: 4 writes a text, 32 ends the program with a status. */
static void host(uint32_t call, const void *argument)
{
    register uint32_t r0 __asm__("r0") = call;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void leave(int status)
{
    const uint32_t words[2] = {0x20026, (uint32_t)status}; /* the program itself ended */
    host(32, words);
    for (;;) continue;
}

static void fault(void) { leave(3); }

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {.stack = stack_top}, {board_reset}, {fault}, {fault}, {fault}, {fault}, {fault},
};

void board_reset(void)
{
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* CPACR: floating point on */
    __asm__ volatile("dsb\n isb" ::: "memory");
    for (uint32_t *to = data_begin, *from = data_from; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;) *to++ = 0;
    leave(main());
}

void board_text(const char *text) { host(4, text); }

void board_say(const char *name, unsigned value)
{
    char digits[12];
    size_t at = sizeof digits - 2;
    digits[at] = '\n', digits[at + 1] = 0;
    do digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    board_text(name);
    board_text(": ");
    board_text(digits + at);
}

/* What compilers call by themselves. Their loops must not become calls of themselves. */
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
