/* help.c: rnnc help [COMMAND]. */
#include "driver/command.h"
#include <stdlib.h>

int command_help(const options *o)
{
    if (o->operands.len == 0) {
        options_help(stdout);
        return command_finish(EXIT_SUCCESS);
    }
    command c;
    const char *word = o->operands.data[0], *nearest;
    if (!command_find(word, &c, &nearest)) {
        if (nearest) return options_fault(o, "there is no command '%s'; did you mean '%s'?", word, nearest);
        return options_fault(o, "there is no command '%s'", word);
    }
    options_help_command(stdout, c);
    return command_finish(EXIT_SUCCESS);
}
