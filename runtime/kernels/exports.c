/* exports.c: the table of exports.h, from the lists of kernels and of what functions.h, the emitted C and the compiler
 * itself take from the C library. */
#include "kernels/exports.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#define KERNEL(name, parameters, arguments) void RNN_LIBRARY(name) parameters;
#define KERNEL_REAL(name, parameters, arguments) real RNN_LIBRARY(name) parameters;
#define real float
#define RNN_LIBRARY(name) rnn_f32_##name
#include "kernels/kernels.def"
#include "kernels/arrays.def"
#undef real
#undef RNN_LIBRARY
#define real double
#define RNN_LIBRARY(name) rnn_f64_##name
#include "kernels/kernels.def"
#include "kernels/arrays.def"
#undef KERNEL
#undef KERNEL_REAL
#undef real
#undef RNN_LIBRARY

#define KERNEL(name, parameters, arguments) {#name, "void " #name #parameters, (void (*)(void))RNN_LIBRARY(name)},
#define KERNEL_REAL(name, parameters, arguments) {#name, "real " #name #parameters, (void (*)(void))RNN_LIBRARY(name)},

#define LIBC(type, name, parameters) {#name, type " " #name parameters, (void (*)(void))name},
#define BYTES                                                                                                          \
    LIBC("void *", memset, "(void *to, int byte, size_t bytes)")                                                       \
    LIBC("void *", memcpy, "(void *to, const void *from, size_t bytes)")                                               \
    LIBC("void *", memmove, "(void *to, const void *from, size_t bytes)")                                              \
    LIBC("int", memcmp, "(const void *a, const void *b, size_t bytes)")
#define OF_ONE(name) LIBC("real", name, "(real)")
#define OF_TWO(name) LIBC("real", name, "(real, real)")
/* clang-format off */
#define LIBM(f)                                                                                                        \
    OF_ONE(exp##f) OF_ONE(log##f) OF_ONE(log1p##f) OF_ONE(sqrt##f) OF_ONE(fabs##f) OF_ONE(floor##f) OF_ONE(sin##f)     \
    OF_ONE(cos##f) OF_ONE(tanh##f) OF_ONE(erf##f) OF_TWO(pow##f) OF_TWO(fmod##f)
/* clang-format on */

#define RNN_LIBRARY(name) rnn_f32_##name
static const kernel_export of_floats[] = {
#include "kernels/kernels.def"
#include "kernels/arrays.def"
    BYTES LIBM(f)};
#undef RNN_LIBRARY

#define RNN_LIBRARY(name) rnn_f64_##name
static const kernel_export of_doubles[] = {
#include "kernels/kernels.def"
#include "kernels/arrays.def"
    BYTES LIBM()};

const kernel_export *kernel_exports(int of_double, size_t *count)
{
    *count = sizeof of_floats / sizeof *of_floats;
    return of_double ? of_doubles : of_floats;
}
