/* fault.h: one clear line about what went wrong: place, fault, remedy. */
#ifndef TRAIN_FAULT_H
#define TRAIN_FAULT_H

#include <stdbool.h>

/* Sets *error (malloc'ed; control characters become '?', so that it stays one line) and returns false. An error that is
 * already there is kept: the first one is the cause of those after it. */
bool fault_set(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
