/* exports.h: the kernels as functions that C compiled in memory may call by name, and what else it may: a part of the C
 * library. */
#ifndef RUNTIME_KERNELS_EXPORTS_H
#define RUNTIME_KERNELS_EXPORTS_H

#include <stddef.h>

typedef struct kernel_export {
    const char *name;      /* "contract" */
    const char *prototype; /* in terms of `real`, without a semicolon */
    void (*address)(void); /* the version for float or double */
} kernel_export;

/* All of them; *count how many. Each kernel chooses at every call what the processor runs. */
const kernel_export *kernel_exports(int of_double, size_t *count);

#endif
