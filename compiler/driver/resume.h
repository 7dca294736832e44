/* resume.h: how a training that goes on takes over what was asked for before, and says what has changed since. */
#ifndef DRIVER_RESUME_H
#define DRIVER_RESUME_H

#include "driver/options.h"

/* The flags of a training that its checkpoint keeps: all but files, definitions (which are kept by themselves) and what
 * concerns messages. NULL: none was given. */
const char *resume_flags(const options *o);

/* Those of them that say how data are cut and split: what is measured later is to be measured on the same parts. */
const char *resume_data_flags(const options *o);

/* Gives these where the command line says nothing, as far as they fit the data that it names. */
void resume_recall_data(options *o, const char *flags);

/* Gives the kept flags that the command line does not replace. *recalled: these as they would be written, "" for none.
 * 0, or the exit status after a message. */
int resume_recall(options *o, const char *path, const char *flags, const char **recalled);

/* Prints a line for each line "key = value" of `now` that `before` has otherwise. */
void resume_print_changes(arena *a, const char *before, const char *now, FILE *out);

#endif
