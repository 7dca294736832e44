/* f32.c: the kernels for float in librnn.a: the portable version, and the choice between all versions. */
typedef float real;
#define REAL_IS_DOUBLE 0
#define LIBRARY(name) rnn_f32_any_##name
#define DISPATCH(set, name) rnn_f32_##set##_##name
#define RNN_LIBRARY(name) rnn_f32_##name
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define LIBRARY_HAS_SETS 1
#endif
#include "kernels/dispatch.h"
