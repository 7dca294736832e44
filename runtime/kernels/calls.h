/* calls.h: what opens text for libtcc, in place of compiler.h and of the C library's headers.
 *
 * Such text is there to run milliseconds later, and math.h, string.h and stdint.h take libtcc longer than a model. Its
 * kernels are functions of the program that loads it, and so is what it needs of the C library: exports.h has both.
 * Expected in front: a #define of REAL_LIBM. */
#ifndef RUNTIME_KERNELS_CALLS_H
#define RUNTIME_KERNELS_CALLS_H

typedef __SIZE_TYPE__ size_t;
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INT32_MAX 2147483647
#define INT32_MIN (-INT32_MAX - 1)
#define INT64_MAX 9223372036854775807ll
#define INT64_MIN (-INT64_MAX - 1)
#define UINT32_C(c) c##u
#define UINT64_C(c) c##ull
#define NULL ((void *)0)
#define INFINITY 1e10000f
#define NAN (0.0f / 0.0f)

#endif
