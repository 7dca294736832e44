/* inline.h: how the functions of the kernels, and the helpers of generated C, are defined. Reads no header. */
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

#endif
