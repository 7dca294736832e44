/* version.h: the version of rnnc, printed by `rnnc --version` and at the head of generated files. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define RNNC_VERSION "0.1.0"

#endif
