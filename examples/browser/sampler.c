/* sampler.c: what a page calls of a network that writes: three functions and no struct. Everything lies in static
 * memory, so that JavaScript needs no allocator: it reads the probabilities where probabilities() says.
 *
 * Compiled with char_lm.c to WebAssembly, see demo.sh. */
#include "char_lm.h"

enum { CLASSES = 256 }; /* at most: characters are bytes */

static char_lm_state state;
static float p[CLASSES], work[CHAR_LM_STEP_WORK(1, 1)];

/* Begins a new text. */
__attribute__((export_name("reset"))) void reset(void) { char_lm_reset(&state); }

/* Reads a character by its number; 0, or below 0 where there is none of that number. */
__attribute__((export_name("feed"))) int feed(int symbol)
{
    const char_lm_args args = {.batch = 1, .T = 1, .x = &symbol, .p = p, .state = &state, .work = work};
    return char_lm_step(&args);
}

/* How probable each character is as the next one, after feed(). */
__attribute__((export_name("probabilities"))) const float *probabilities(void) { return p; }
