/* f64_avx512.c: the kernels for double in librnn.a, for processors with AVX-512. */
typedef double real;
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#pragma GCC optimize("fp-contract=fast")
#define REAL_IS_DOUBLE 1
#define LIBRARY(name) rnn_f64_avx512_##name
#include "kernels/library.h"
#endif
