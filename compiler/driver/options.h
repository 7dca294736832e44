/* options.h: the command line, read by two tables: commands.def and options.def. */
#ifndef DRIVER_OPTIONS_H
#define DRIVER_OPTIONS_H

#include "base/array.h"
#include "graph/graph.h"
#include <stdio.h>

enum { EXIT_SPEC = 1, EXIT_USAGE = 2, EXIT_NUMERIC = 4 }; /* beside EXIT_SYSTEM = 3; 0: done */
enum { EXIT_SIGNAL = 128 };                               /* + the number of the signal that stopped the work */
enum {
    ANY_NUMBER = 1 << 20,
    OPTIONS_MAX_NUMBER = 1 << 30,
    OPTIONS_MAX_STEPS = 1 << 24,
    OPTIONS_MAX_BEAM = 1024,
    OPTIONS_AUTO = 0
}; /* the number of `auto` */

typedef enum command {
#define COMMAND(name, ...) COMMAND_##name,
#include "driver/commands.def"
    COMMAND_COUNT
} command;

typedef enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "driver/options.def"
    OPTION_COUNT
} option_id;

typedef struct option_value {
    bool given;
    const char *text; /* as written */
    uint64_t number;  /* NUMBER, NUMBER_OR_AUTO; CHOICE: which word, 0 when not given */
    double decimal;   /* DECIMAL */
} option_value;

typedef struct options {
    arena *arena;
    command command;
    ARRAY(const char *) operands;
    ARRAY(const char *) defines; /* "NAME=VALUE" */
    option_value value[OPTION_COUNT];
    double started; /* the command, or what --verbose reports on: seconds of the monotonic clock */
} options;

/* Reads argv[2...] for a command. 0, or EXIT_USAGE after saying what is wrong. With --help nothing else is checked. */
int options_read(options *o, arena *a, command c, int argc, char **argv);

/* Says what is wrong with the command line and how it is written; returns EXIT_USAGE. */
int options_fault(const options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The long name of an option, without dashes; is its value a DECIMAL; is it a file that is read, or written? */
const char *options_name(option_id id);
bool options_is_decimal(option_id id);
bool options_is_read(option_id id);
bool options_is_written(option_id id);

const char *options_operand(const options *o); /* what the usage of the command calls an operand: "SPEC" */

/* The command of this name; false when there is none, and *nearest is the one that may be meant, or NULL. */
bool command_find(const char *word, command *c, const char **nearest);

/* --steps for the axes of a model: steps[axis], 0 where nothing is said. 0 or EXIT_USAGE. */
int options_steps(const options *o, const graph_axis *axis, int axes, int *steps);

/* The options that were given, files excepted, only those of `list` or all but them, as lines "name=value" in the
 * table's order (NULL: none); and back: gives an option that such a line names. False: this command has no such option, or not with such a
 * value. */
typedef enum options_choice { OPTIONS_ONLY, OPTIONS_ALL_BUT } options_choice;
const char *options_lines(const options *o, options_choice choice, const option_id *list, size_t count);
bool options_give(options *o, const char *word, const char *written);
/* The option of the command with this long name; OPTION_COUNT: there is none. */
option_id options_find(const options *o, const char *word);

/* The command line in one canonical form, without the places of files: the same on every machine. */
const char *options_text(const options *o);

void options_help(FILE *out);                    /* rnnc help */
void options_help_command(FILE *out, command c); /* rnnc help COMMAND */
void data_help(FILE *out);                       /* the tasks of rnnc data and their parameters */

#endif
