/* fault.c: lines about faults; see fault.h. */
#define _GNU_SOURCE 1
#include "train/fault.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fault_set(char **error, const char *format, ...)
{
    if (*error) return false;
    va_list args;
    va_start(args, format);
    int n = vasprintf(error, format, args);
    va_end(args);
    if (n < 0) *error = NULL;
    for (int i = 0; i < n; i++)
        if ((unsigned char)(*error)[i] < ' ' || (*error)[i] == 127) (*error)[i] = '?';
    return false;
}

bool fault_no_memory(char **error)
{
    (void)error; /* the first fault, if there is one already, stays the cause */
    return false;
}

bool fault_pass(char **error, const char *line) { return line ? fault_set(error, "%s", line) : fault_no_memory(error); }
