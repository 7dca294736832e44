/* dispatch.h: the functions that callers of librnn.a see: each picks the best version that this processor runs.
 * Expects what library.h expects, and DISPATCH(set, name), the exported name of one version. */
#ifndef RUNTIME_KERNELS_DISPATCH_H
#define RUNTIME_KERNELS_DISPATCH_H

#include "kernels/library.h"

#ifdef LIBRARY_HAS_SETS
#define DISPATCH_CALL(name, arguments)                                                                                 \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&  \
             __builtin_cpu_supports("avx512vl")                                                                        \
         ? DISPATCH(avx512, name) arguments                                                                            \
     : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? DISPATCH(avx2, name) arguments                \
                                                                       : DISPATCH(any, name) arguments)
#define DISPATCH_DECLARE(result, name, parameters)                                                                     \
    result DISPATCH(avx512, name) parameters;                                                                          \
    result DISPATCH(avx2, name) parameters;
#else
#define DISPATCH_CALL(name, arguments) DISPATCH(any, name) arguments
#define DISPATCH_DECLARE(result, name, parameters)
#endif

#define KERNEL(name, parameters, arguments)                                                                            \
    DISPATCH_DECLARE(void, name, parameters)                                                                           \
    void RNN_LIBRARY(name) parameters;                                                                                 \
    void RNN_LIBRARY(name) parameters { DISPATCH_CALL(name, arguments); }
#define KERNEL_REAL(name, parameters, arguments)                                                                       \
    DISPATCH_DECLARE(real, name, parameters)                                                                           \
    real RNN_LIBRARY(name) parameters;                                                                                 \
    real RNN_LIBRARY(name) parameters { return DISPATCH_CALL(name, arguments); }
#include "kernels/kernels.def"
#include "kernels/arrays.def"
#undef KERNEL
#undef KERNEL_REAL

#endif
