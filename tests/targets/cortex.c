/* cortex.c: main() of a Cortex-M4 without an operating system and without a C library; what comes before it, and how it
 * speaks, is that of examples/board. The stack that the call takes is painted and measured, and the instructions of a
 * step are counted, by a clock of 25 MHz and qemu's `-icount shift=6`: 64 ns each. */
#include "board.h"
#include "driver.h"
#include <stdint.h>

extern uint32_t stack_low[], stack_top[];
int main(void);

static volatile uint32_t *const SYSTICK = (volatile uint32_t *)0xe000e010; /* control, reload, current */

unsigned long clock_now(void) { return (0xffffff - SYSTICK[2]) * 40ul / 64; }

enum { PAINT = 0x5eed5eed };

/* All below this function's own frame. */
__attribute__((noinline)) static void paint(void)
{
    uint32_t *end;
    __asm__ volatile("mov %0, sp" : "=r"(end));
    for (uint32_t *at = stack_low; at < end; at++) *at = PAINT;
}

int main(void)
{
    static char said[SAID];
    SYSTICK[1] = 0xffffff;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5; /* on, by the processor's clock */
    paint();
    const int failed = check(instances[0], said);
    const uint32_t *used = stack_low;
    while (used < stack_top && *used == PAINT) used++;
    say_number(said, ", stack ", (unsigned long)(stack_top - used) * sizeof *used);
    board_text(said);
    board_text("\n");
    return failed;
}
