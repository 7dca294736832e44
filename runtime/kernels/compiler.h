/* compiler.h: what the kernels ask of the compiler.
 *
 * The text of the files of this folder is used in three ways: pasted into standalone output, included through rnn.h,
 * and compiled into librnn.a. It is C99 that is also C++, and it expects from whoever includes it
 *     typedef float real;           or double
 *     #define REAL_IS_DOUBLE 0      or 1
 * GNU syntax stands behind RNN_VECTOR only; other compilers (and everyone, with -DRNN_PLAIN) take plain loops.
 * -ffreestanding of gcc and clang: no header of a C library is read; memcpy and memset must be there to be linked,
 * unless the target has instructions for them. */
#ifndef RUNTIME_KERNELS_COMPILER_H
#define RUNTIME_KERNELS_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#if defined __GNUC__ && !defined __TINYC__ && !defined RNN_PLAIN
#define RNN_VECTOR 1
#endif

/* The processor takes numbers one at a time. On 32-bit ARM, gcc multiplies floats by NEON, which flushes what is denormal,
 * under -ffast-math only; s390x has vectors of floats from z14 on. A number that is multiplied in more than its own
 * precision does not fit to a vector (i386 without -mfpmath=sse, s390x with -std=c99). tcc knows no vectors. */
#if __FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2 ||                                                            \
    !(defined __SSE__ || defined __aarch64__ || defined __wasm_simd128__ || (defined __VX__ && __ARCH__ >= 12) ||      \
      (defined __ARM_NEON && (defined __clang__ || defined __FAST_MATH__) && !REAL_IS_DOUBLE))
#define RNN_SCALAR 1
#endif

/* libm's function for `real`: REAL_LIBM(sqrt) is sqrtf or sqrt. */
#if defined __STDC_HOSTED__ && !__STDC_HOSTED__
#define memcmp __builtin_memcmp
#define memcpy __builtin_memcpy
#define memset __builtin_memset
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#if REAL_IS_DOUBLE
#define REAL_LIBM(name) __builtin_##name
#else
#define REAL_LIBM(name) __builtin_##name##f
#endif
#else
#include <math.h>
#include <string.h>
#if REAL_IS_DOUBLE
#define REAL_LIBM(name) name
#else
#define REAL_LIBM(name) name##f
#endif
#endif

#endif
