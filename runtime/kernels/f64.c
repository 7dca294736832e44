/* f64.c: the kernels for double in librnn.a: the portable version, and the choice between all versions. */
typedef double real;
#define REAL_IS_DOUBLE 1
#define LIBRARY(name) rnn_f64_any_##name
#define DISPATCH(set, name) rnn_f64_##set##_##name
#define RNN_LIBRARY(name) rnn_f64_##name
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define LIBRARY_HAS_SETS 1
#endif
#include "kernels/dispatch.h"
