/* exports.c: the table of exports.h, from the lists of kernels. */
#include "kernels/exports.h"
#include <stdint.h>

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

#define KERNEL(name, parameters, arguments) { #name, "void " #name #parameters, (void (*)(void))RNN_LIBRARY(name) },
#define KERNEL_REAL(name, parameters, arguments) { #name, "real " #name #parameters, (void (*)(void))RNN_LIBRARY(name) },

#define RNN_LIBRARY(name) rnn_f32_##name
static const kernel_export of_floats[] = {
#include "kernels/kernels.def"
#include "kernels/arrays.def"
};
#undef RNN_LIBRARY

#define RNN_LIBRARY(name) rnn_f64_##name
static const kernel_export of_doubles[] = {
#include "kernels/kernels.def"
#include "kernels/arrays.def"
};

const kernel_export *kernel_exports(int of_double, size_t *count)
{
    *count = sizeof of_floats / sizeof *of_floats;
    return of_double ? of_doubles : of_floats;
}
