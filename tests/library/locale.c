/* locale.c NAME SPEC: a host that writes 0,5: the C must be the same as without, and the host's locale stay its own. */
#include "rnnc.h"
#include <locale.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char number[8];
    rnnc_model *plain = rnnc_compile_file(argv[argc - 1], NULL);
    if (!setlocale(LC_ALL, argv[1])) return 3;
    rnnc_model *abroad = rnnc_compile_file(argv[argc - 1], NULL);
    snprintf(number, sizeof number, "%.1f", 0.5);
    int good = rnnc_status_of(abroad) == RNNC_OK && strcmp(rnnc_c_source(plain), rnnc_c_source(abroad)) == 0;
    printf("%s: %s, %s\n", argv[1], number, good ? "the same C" : rnnc_report(abroad));
    rnnc_free(plain);
    rnnc_free(abroad);
    return !good || strcmp(number, "0,5") != 0;
}
