/* streams.c: three variables of libc for a libtcc that is part of a shared object.
 *
 * A static libtcc addresses stdout, stderr and environ as a program does, at a distance that is known when it is linked.
 * A shared object cannot: theirs is known when it is loaded. There libtcc is linked with these instead (Makefile). */
#include <stdio.h>

extern char **environ;

FILE *tcc_stdout, *tcc_stderr;
char **tcc_environ;

__attribute__((constructor)) static void begin(void)
{
    tcc_stdout = stdout;
    tcc_stderr = stderr;
    tcc_environ = environ;
}
