/* generate.h: random well-formed specs. */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* The text of a spec, the same for the same seed on every machine. `terse`: few and small equations. */
const char *generate_spec(arena *a, uint64_t seed, bool terse);

#endif
