/* command.h: the commands, and what they share. */
#ifndef DRIVER_COMMAND_H
#define DRIVER_COMMAND_H

#include "api/loaded.h"
#include "base/version.h"
#include "driver/options.h"
#include "train/tensor.h"
#include <stdlib.h>

/* Each returns the exit status. */
#define COMMAND(name, ...) int command_##name(const options *o);
#include "driver/commands.def"

/* Prints "rnnc: error: ..." in one line to stderr and returns `code`. */
int command_fault(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with the line of a fault, which it frees; NULL, of a lack of memory (train/fault.h), is EXIT_SYSTEM. Inline:
 * so whoever checks a caller sees that what comes back is never 0. */
static inline int command_fault_line(int code, char *line)
{
    int status = line ? code : EXIT_SYSTEM;
    command_fault(status, "%s", line ? line : "out of memory");
    free(line);
    return status;
}

/* Says why a file of tensors was not read; EXIT_SPEC, or EXIT_SYSTEM where memory ran out. */
int command_unread(const tensors *t);

/* Says why meter_part (train/metrics.h) returned this; EXIT_SYSTEM. 0 for 0. */
int command_measured(int code);

/* Prints "rnnc: note: ..." in one line to stderr: what went wrong, and the work goes on. */
void command_notice(const char *line);

/* With --verbose: a stage of what was begun at o->started is done. `o` is of options. */
void command_stage(const void *o, const char *what);

/* How commands compile in memory: initialisers of jit_options. */
#define COMMAND_JIT(which) .backend = (which), .cache = true, .notice = command_notice

/* Compiles the C in memory, with what --jit says or else with what suits the work (in multiplications; see
 * loaded_backend). 0: `l` is open; or the exit status after a message. */
int command_load(const options *o, loaded *l, arena *a, const pipeline *p, double work);
int command_lacks_compiler(void); /* says that there is none to compile in memory with; the exit status */

/* Reads the spec. 0, or the exit status after a message when the file cannot be read or is too large. */
int command_open(pipeline *p, arena *a, const pipeline_options *o);

/* Can a file be put at this path? 0, or EXIT_SYSTEM after saying why not. Leaves everything as it was. */
int command_can_write(const char *path);

/* Can this file be read? 0, or EXIT_SYSTEM after saying why not. */
int command_can_read(const char *path);

/* A file that a command writes, with what the command line calls it. */
typedef struct command_file {
    const char *what, *path;
} command_file;

/* Is every file that the command writes another one than those that it reads, and than the others that it writes? These
 * are its operands and the files among its options (options.def) and, written, too, `also` (those without a path do not
 * count). 0, or EXIT_USAGE after saying which are the same. */
int command_distinct(const options *o, const command_file *also, size_t count);

/* Can the files be put there that the options name? 0, or EXIT_SYSTEM after saying why not. */
int command_can_write_files(const options *o);

/* Says which sizes `from data` have a value that only stands in for the data's. */
void command_print_stand_ins(const model *m);

/* What the options say about the spec and about how messages are printed. */
pipeline_options command_pipeline(const options *o, const char *path);

/* After compiling: 0, or a message that names what stands in the way of --checkpoint, and its exit code. */
int command_segments(const pipeline *p);
/* For --checkpoint auto, before the plan: the steps of a segment, from those of a sequence: of --steps, else `steps`,
 * where 0 says that they are not known. */
int command_root(const options *o, pipeline *p, size_t steps);

/* Adds definitions, "H=16 C=gru", of names that are not defined yet; optional: where the model has such a name. */
void command_define(arena *a, pipeline_options *po, const char *definitions, bool optional);
/* The same, optional, with those that the checkpoint of --weights was trained with, if that is given and says so. */
void command_define_by_weights(const options *o, pipeline_options *po);

/* Prints the messages of a pipeline. */
void command_print_messages(const options *o, const pipeline *p);

/* Flushes stdout; `code`, or EXIT_SYSTEM when what was printed could not be written. */
int command_finish(int code);

#endif
