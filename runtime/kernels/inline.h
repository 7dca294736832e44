/* inline.h: how functions are defined and loops are marked, in the kernels and in generated C. Reads no header. */
#ifndef RUNTIME_KERNELS_INLINE_H
#define RUNTIME_KERNELS_INLINE_H

#if defined __GNUC__ && !defined __TINYC__
#define RNN_INLINE static inline __attribute__((unused))
#define RNN_FORCE_INLINE static inline __attribute__((unused, always_inline))
#define RNN_SHARED static __attribute__((unused, noinline)) /* one text for all callers */
#ifdef __clang__
#define RNN_NO_INLINE static __attribute__((unused, noinline))
#else
#define RNN_NO_INLINE static __attribute__((unused, noinline, noclone)) /* clones for constants triple gcc's time */
#endif
#else
#define RNN_INLINE static inline
#define RNN_FORCE_INLINE static inline
#define RNN_SHARED static inline
#define RNN_NO_INLINE static inline
#endif

/* The iterations of the loop that follows do not depend on each other. Short ones stay loops until compilers look for
 * vectors: unrolled before, they would become single numbers. */
#if defined __clang__
#pragma clang diagnostic ignored "-Wpass-failed" /* a loop that is not worth vectors is fine */
#define RNN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety) unroll(disable)")
#elif defined __GNUC__ && !defined __TINYC__
#define RNN_INDEPENDENT _Pragma("GCC ivdep") _Pragma("GCC unroll 1")
#else
#define RNN_INDEPENDENT
#endif

#endif
