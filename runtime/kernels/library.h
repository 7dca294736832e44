/* library.h: the kernels as functions of librnn.a, for one type and one instruction set.
 *
 * Each .c file of this folder sets `real`, REAL_IS_DOUBLE and LIBRARY(name), which gives the exported name, and
 * includes this text. f32.c and f64.c hold the portable version and choose between all at each call, from what the
 * processor says of itself. Files for a newer instruction set set the compiler's target first, which gcc alone
 * can do inside a file; other compilers build the portable version only. */
#ifndef RUNTIME_KERNELS_LIBRARY_H
#define RUNTIME_KERNELS_LIBRARY_H

#include "kernels/inline.h"
#include "kernels/compiler.h"
#include "kernels/functions.h"
#include "kernels/contract.h"
#include "kernels/outer.h"
#include "kernels/pack.h"
#include "kernels/rows.h"
#include "kernels/random.h"
#include "kernels/init.h"
#include "kernels/arrays.h"

#define KERNEL(name, parameters, arguments)                                                                            \
    void LIBRARY(name) parameters;                                                                                     \
    void LIBRARY(name) parameters { name arguments; }
#define KERNEL_REAL(name, parameters, arguments)                                                                       \
    real LIBRARY(name) parameters;                                                                                     \
    real LIBRARY(name) parameters { return name arguments; }
#include "kernels/kernels.def"
#include "kernels/arrays.def"
#undef KERNEL
#undef KERNEL_REAL

#endif
