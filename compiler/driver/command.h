/* command.h: the commands, and what they share. */
#ifndef DRIVER_COMMAND_H
#define DRIVER_COMMAND_H

#include "base/version.h"
#include "driver/options.h"
#include "driver/pipeline.h"

/* Each returns the exit status. */
#define COMMAND(name, ...) int command_##name(const options *o);
#include "driver/commands.def"
#undef COMMAND

/* Prints "rnnc: error: ..." in one line to stderr and returns `code`. */
int command_fault(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Can a file be put at this path? 0, or EXIT_SYSTEM after saying why not. Leaves everything as it was. */
int command_can_write(const char *path);

/* Can this file be read? 0, or EXIT_SYSTEM after saying why not. */
int command_can_read(const char *path);

/* What the options say about the spec and about how messages are printed. */
pipeline_options command_pipeline(const options *o, const char *path);

/* Prints the messages of a pipeline. */
void command_print_messages(const options *o, const pipeline *p);

/* Flushes stdout; `code`, or EXIT_SYSTEM when what was printed could not be written. */
int command_finish(int code);

#endif
