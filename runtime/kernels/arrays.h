/* arrays.h: every elementwise operation of the language on n numbers at once, for callers whose own loops are slow:
 * the C that libtcc compiles calls these for each row, instead of computing component by component.
 *
 * array_ops.def is made from the compiler's table of operations; it lists ARRAY_1(name, expression of a),
 * ARRAY_2(name, expression of a and b), ARRAY_3(name, of a, b and c). Operand i of a is a[i * sa]: sa is 1 for a row, 0
 * for one number that meets all components, anything for a column. `to` overlaps no operand. */
#ifndef RUNTIME_KERNELS_ARRAYS_H
#define RUNTIME_KERNELS_ARRAYS_H

/* The loops are expanded for the usual strides, so that they become vector code. */
#define ARRAY_1(name, expression)                                                                                      \
    RNN_FORCE_INLINE void array_loop_##name(int n, real *restrict to, const real *x, size_t sx)                        \
    {                                                                                                                  \
        for (size_t i = 0; i < (size_t)n; i++) {                                                                       \
            const real a = x[i * sx];                                                                                  \
            to[i] = (real)(expression);                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    RNN_INLINE void array_##name(int n, real *to, const real *a, size_t sa)                                            \
    {                                                                                                                  \
        if (sa == 1)                                                                                                   \
            array_loop_##name(n, to, a, 1);                                                                            \
        else                                                                                                           \
            array_loop_##name(n, to, a, sa);                                                                           \
    }

#define ARRAY_2(name, expression)                                                                                      \
    RNN_FORCE_INLINE void array_loop_##name(int n, real *restrict to, const real *x, size_t sx, const real *y,         \
                                            size_t sy)                                                                 \
    {                                                                                                                  \
        for (size_t i = 0; i < (size_t)n; i++) {                                                                       \
            const real a = x[i * sx], b = y[i * sy];                                                                   \
            to[i] = (real)(expression);                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    RNN_INLINE void array_##name(int n, real *to, const real *a, size_t sa, const real *b, size_t sb)                  \
    {                                                                                                                  \
        if (sa == 1 && sb == 1)                                                                                        \
            array_loop_##name(n, to, a, 1, b, 1);                                                                      \
        else if (sa == 1 && sb == 0)                                                                                   \
            array_loop_##name(n, to, a, 1, b, 0);                                                                      \
        else if (sa == 0 && sb == 1)                                                                                   \
            array_loop_##name(n, to, a, 0, b, 1);                                                                      \
        else                                                                                                           \
            array_loop_##name(n, to, a, sa, b, sb);                                                                    \
    }

#define ARRAY_3(name, expression)                                                                                      \
    RNN_FORCE_INLINE void array_loop_##name(int n, real *restrict to, const real *x, size_t sx, const real *y,         \
                                            size_t sy, const real *z, size_t sz)                                       \
    {                                                                                                                  \
        for (size_t i = 0; i < (size_t)n; i++) {                                                                       \
            const real a = x[i * sx], b = y[i * sy], c = z[i * sz];                                                    \
            to[i] = (real)(expression);                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    RNN_INLINE void array_##name(int n, real *to, const real *a, size_t sa, const real *b, size_t sb, const real *c,   \
                                 size_t sc)                                                                            \
    {                                                                                                                  \
        if (sb == 1 && sc == 1) {                                                                                      \
            if (sa == 1)                                                                                               \
                array_loop_##name(n, to, a, 1, b, 1, c, 1);                                                            \
            else                                                                                                       \
                array_loop_##name(n, to, a, sa, b, 1, c, 1);                                                           \
        } else if (sb == 1 && sc == 0) {                                                                               \
            array_loop_##name(n, to, a, sa, b, 1, c, 0);                                                               \
        } else {                                                                                                       \
            array_loop_##name(n, to, a, sa, b, sb, c, sc);                                                             \
        }                                                                                                              \
    }

#include "kernels/array_ops.def"
#undef ARRAY_1
#undef ARRAY_2
#undef ARRAY_3

/* to[i * st] = a[i * sa]; to[i * st] += a[i * sa]. */
RNN_INLINE void array_store(int n, real *to, size_t st, const real *a, size_t sa)
{
    if (st == 1 && sa == 1)
        memmove(to, a, (size_t)n * sizeof(real));
    else
        for (size_t i = 0; i < (size_t)n; i++) to[i * st] = a[i * sa];
}

RNN_INLINE void array_add_to(int n, real *to, size_t st, const real *a, size_t sa)
{
    if (st == 1 && sa == 1)
        for (size_t i = 0; i < (size_t)n; i++) to[i] += a[i];
    else
        for (size_t i = 0; i < (size_t)n; i++) to[i * st] += a[i * sa];
}

/* to[i] = first + i. */
RNN_INLINE void array_iota(int n, real *to, int first)
{
    for (int i = 0; i < n; i++) to[i] = (real)(first + i);
}

/* Components first, first + 1, ... of a random row. */
RNN_INLINE void array_uniform(int n, real *to, uint64_t row, uint32_t first)
{
    for (int i = 0; i < n; i++) to[i] = random_uniform(row, first + (uint32_t)i);
}

#endif
