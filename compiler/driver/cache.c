/* cache.c: rnnc cache [--clear]: what is kept of compiled C, and where. */
#include "jit/cache.h"
#include "driver/command.h"
#include <inttypes.h>
#include <stdlib.h>

int command_cache(const options *o)
{
    cache c;
    char *fault;
    if (!cache_open(&c, CACHE_USE, &fault)) {
        if (!fault) puts("there is no cache: RNNC_CACHE is off, or neither XDG_CACHE_HOME nor HOME is set");
        int code = fault ? command_fault(EXIT_SYSTEM, "%s", fault) : 0;
        free(fault);
        return code ? code : command_finish(EXIT_SUCCESS);
    }
    if (o->value[OPTION_CLEAR].given) {
        cache_size gone = cache_clear(&c);
        printf("%s: removed %zu entries, %" PRIu64 " bytes\n", c.folder, gone.entries, gone.bytes);
    } else {
        cache_size size = cache_measure(&c);
        printf("%s: %zu entries, %" PRIu64 " of at most %" PRIu64 " bytes\n", c.folder, size.entries, size.bytes,
               c.limit);
    }
    cache_close(&c);
    return command_finish(EXIT_SUCCESS);
}
