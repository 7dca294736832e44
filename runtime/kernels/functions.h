/* functions.h: the elementwise functions of the language, for one number.
 *
 * In doubles they are libm's. In floats exp, sigmoid and tanh are polynomials without a branch, which compilers turn
 * into vector code inside a loop (gcc at -O3, clang at -O2); -DRNN_MATH_LIBM takes libm's for them as well.
 * NaN in gives NaN out everywhere (unless -ffast-math lets the compiler assume that there is none).
 *
 * They must be right under -ffast-math, too, where a compiler reorders sums and may assume that there is no NaN and
 * no infinity. So clamping and selecting are done on the bits, as integers, and the argument of exp is reduced in
 * fixed point, since the usual (x - n*high) - n*low does not survive being reordered. */
#ifndef RUNTIME_KERNELS_FUNCTIONS_H
#define RUNTIME_KERNELS_FUNCTIONS_H

#if REAL_IS_DOUBLE
typedef int64_t real_bits_t;
#define REAL_INFINITY_BITS ((int64_t)0x7ff0000000000000)
#else
typedef int32_t real_bits_t;
#define REAL_INFINITY_BITS 0x7f800000
#endif

RNN_FORCE_INLINE real_bits_t real_to_bits(real x)
{
    real_bits_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

RNN_FORCE_INLINE real real_from_bits(real_bits_t bits)
{
    real x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Neither infinite nor NaN; isfinite is always true under -ffast-math. */
RNN_INLINE int real_is_finite(real x)
{
    return (real_to_bits(x) & REAL_INFINITY_BITS) != REAL_INFINITY_BITS;
}

/* -infinity, kept from the compiler's assumptions. */
RNN_INLINE real real_minus_infinity(void)
{
#if REAL_IS_DOUBLE
    return real_from_bits(REAL_INFINITY_BITS | INT64_MIN);
#else
    return real_from_bits(REAL_INFINITY_BITS | INT32_MIN);
#endif
}

#if REAL_IS_DOUBLE || defined RNN_MATH_LIBM

RNN_FORCE_INLINE real real_exp(real x) { return REAL_LIBM(exp)(x); }
RNN_FORCE_INLINE real real_tanh(real x) { return REAL_LIBM(tanh)(x); }

/* log(1 + e), 0 <= e <= 1. */
RNN_FORCE_INLINE real real_log_of_one_plus(real e) { return REAL_LIBM(log1p)(e); }

/* 1 / (1 + e^-x), by the exponential that does not overflow. */
RNN_FORCE_INLINE real real_sigmoid(real x)
{
    const real e = REAL_LIBM(exp)(-REAL_LIBM(fabs)(x));
    return (x < 0 ? e : 1) / (1 + e);
}

#else

/* e^x, relative error below 2e-7 where the result is a normal number; 0 below -103.97, infinite above 88.73.
 *     x = n ln 2 + r,  |r| <= ln 2 / 2,  e^x = 2^n (1 + r + r^2 p(r)),  p by least maximal error.
 * x is cut to 24 bits after the point; ln 2 is 11629080 of these units less 1.9046626e-9. */
RNN_FORCE_INLINE float real_exp(float x)
{
    const int32_t bits = real_to_bits(x);
    const int32_t magnitude = bits & INT32_MAX;
    const int32_t clamped = magnitude < 0x42dc0000 ? magnitude : 0x42dc0000; /* 110 */
    const int32_t sign = bits & INT32_MIN;
    const float z = real_from_bits(clamped | sign);
    const int32_t n = (int32_t)(z * 1.44269504f + real_from_bits(0x3f000000 | sign)); /* to the nearest */
    const int32_t fixed = (int32_t)(z * 16777216.0f) - n * 11629080;
    const float r = (float)fixed * (1 / 16777216.0f) + (float)n * 1.9046626e-9f;
    float p = 1.381165415e-03f;
    p = p * r + 8.370135651e-03f;
    p = p * r + 4.166852846e-02f;
    p = p * r + 1.666650871e-01f;
    p = p * r + 4.999999263e-01f;
    p = p * (r * r) + r + 1;
    /* 2^n in two steps, since n leaves the range of the exponent at both ends: the first on the bits of p, which
     * keeps compilers from multiplying the powers first */
    const int32_t half = n >> 1;
    const float y = real_from_bits(real_to_bits(p) + half * 0x800000) * real_from_bits((n - half + 127) * 0x800000);
    const int32_t nan = -(int32_t)(magnitude > 0x7f800000) & 0x7fc00000;
    return real_from_bits(real_to_bits(y) | nan);
}

/* a where the mask is -1, b where it is 0. */
RNN_FORCE_INLINE float real_select(int32_t mask, float a, float b)
{
    return real_from_bits((real_to_bits(a) & mask) | (real_to_bits(b) & ~mask));
}

/* 1 / (1 + e^-x), error below 2e-7: with e = e^-|x|, e/(1+e) for negative x and 1/(1+e) otherwise. */
RNN_FORCE_INLINE float real_sigmoid(float x)
{
    const int32_t bits = real_to_bits(x);
    const float e = real_exp(real_from_bits(bits | INT32_MIN));
    return real_select(-(int32_t)(bits < 0), e, 1) / (1 + e);
}

/* Error below 3e-7, also relative to the result:
 * x + x^3 p(x^2) below 0.625 and (1 - e) / (1 + e) with e = e^-2|x| above. */
RNN_FORCE_INLINE float real_tanh(float x)
{
    const int32_t bits = real_to_bits(x);
    const float a = real_from_bits(bits & INT32_MAX);
    const float e = real_exp(-2 * a);
    const float large = (1 - e) / (1 + e);
    const float u = x * x;
    float p = -5.713237339e-03f;
    p = p * u + 2.064733111e-02f;
    p = p * u - 5.374255060e-02f;
    p = p * u + 1.333148060e-01f;
    p = p * u - 3.333328356e-01f;
    p = p * u * a + a;
    const int32_t is_small = -(int32_t)((bits & INT32_MAX) < 0x3f200000);
    return real_from_bits(real_to_bits(real_select(is_small, p, large)) | (bits & INT32_MIN));
}

/* log(1 + e), 0 <= e <= 1: 2 artanh(s), s = e / (2 + e) <= 1/3, by its power series. */
RNN_FORCE_INLINE float real_log_of_one_plus(float e)
{
    const float s = e / (2 + e);
    const float u = s * s;
    float p = 1 / 13.0f;
    p = p * u + 1 / 11.0f;
    p = p * u + 1 / 9.0f;
    p = p * u + 1 / 7.0f;
    p = p * u + 1 / 5.0f;
    p = p * u + 1 / 3.0f;
    return 2 * (s + s * u * p);
}

#endif

RNN_FORCE_INLINE real real_log(real x) { return REAL_LIBM(log)(x); }
RNN_FORCE_INLINE real real_sqrt(real x) { return REAL_LIBM(sqrt)(x); }
RNN_FORCE_INLINE real real_abs(real x) { return REAL_LIBM(fabs)(x); }
RNN_FORCE_INLINE real real_pow(real x, real y) { return REAL_LIBM(pow)(x, y); }
RNN_FORCE_INLINE real real_sin(real x) { return REAL_LIBM(sin)(x); }
RNN_FORCE_INLINE real real_cos(real x) { return REAL_LIBM(cos)(x); }
RNN_FORCE_INLINE real real_floor(real x) { return REAL_LIBM(floor)(x); }
RNN_FORCE_INLINE real real_erf(real x) { return REAL_LIBM(erf)(x); }
RNN_FORCE_INLINE real real_square(real x) { return x * x; }

/* The smaller and the larger; NaN where either is NaN. */
RNN_FORCE_INLINE real real_min(real a, real b) { return a < b || a != a ? a : b; }
RNN_FORCE_INLINE real real_max(real a, real b) { return a > b || a != a ? a : b; }

/* -1, 0 or 1. */
RNN_FORCE_INLINE real real_sign(real x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which neither overflows nor cancels. */
RNN_FORCE_INLINE real real_softplus(real x)
{
    return real_max(x, 0) + real_log_of_one_plus(real_exp(-real_abs(x)));
}

/* x - y * floor(x / y): the remainder with the sign of the divisor, like Python's %. NaN for y = 0. */
RNN_INLINE real real_mod(real x, real y)
{
    const real r = REAL_LIBM(fmod)(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

#endif
