/* fault.h: one clear line about what went wrong: place, fault, remedy. */
#ifndef TRAIN_FAULT_H
#define TRAIN_FAULT_H

#include <stdbool.h>

/* Sets *error (malloc'ed; control characters become '?', so that it stays one line) and returns false. An error that is
 * already there is kept: the first one is the cause of those after it. */
bool fault_set(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of a lack of memory, which has no line: after a failure, an *error that is NULL is one. */
bool fault_no_memory(char **error);

/* The same of what another part has found: its line, or NULL. */
bool fault_pass(char **error, const char *line);

#endif
