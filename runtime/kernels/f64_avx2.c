/* f64_avx2.c: the kernels for double in librnn.a, for processors with AVX2. */
typedef double real;
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#pragma GCC target("avx2,fma")
#pragma GCC optimize("fp-contract=fast")
#define REAL_IS_DOUBLE 1
#define LIBRARY(name) rnn_f64_avx2_##name
#include "kernels/library.h"
#endif
