/* functions.h: the elementwise functions of the language, for one number.
 *
 * In doubles they are libm's. In floats exp, log, sigmoid, tanh, sqrt and floor are arithmetic without a branch, which
 * compilers turn into vector code inside a loop (gcc at -O3, clang at -O2) and which needs no libm; -DRNN_MATH_LIBM
 * takes libm's for them as well. NaN in gives NaN out everywhere (unless -ffast-math lets the compiler assume that
 * there is none).
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

/* What a condition chooses, and 1 where it holds. By their bits where there are vectors: without leave to forget floating
 * point exceptions, gcc makes branches of products with what ?: chose, and no vectors of loops with branches (but for
 * AVX-512). One at a time, what is not chosen is better not computed. */
#ifdef RNN_SCALAR
#define real_select(holds, yes, no) ((holds) ? (real)(yes) : (real)(no))
#define real_truth(holds) ((real)(holds))
#else
RNN_FORCE_INLINE real real_select(int holds, real yes, real no)
{
    const real_bits_t mask = -(real_bits_t)holds;
    return real_from_bits((real_to_bits(yes) & mask) | (real_to_bits(no) & ~mask));
}

RNN_FORCE_INLINE real real_truth(int holds) { return real_select(holds, 1, 0); }
#endif

/* Neither infinite nor NaN; isfinite is always true under -ffast-math. */
RNN_INLINE int real_is_finite(real x) { return (real_to_bits(x) & REAL_INFINITY_BITS) != REAL_INFINITY_BITS; }

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
RNN_FORCE_INLINE real real_log(real x) { return REAL_LIBM(log)(x); }
RNN_FORCE_INLINE real real_sqrt(real x) { return REAL_LIBM(sqrt)(x); }
RNN_FORCE_INLINE real real_floor(real x) { return REAL_LIBM(floor)(x); }

/* log(1 + e), 0 <= e <= 1. */
RNN_FORCE_INLINE real real_log_of_one_plus(real e) { return REAL_LIBM(log1p)(e); }

RNN_FORCE_INLINE real real_remainder(real x, real y) { return REAL_LIBM(fmod)(x, y); }

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

/* What sigmoid and tanh have in common. tanh(w) is nearly A/B with
 *     A = w + w^3 (p1 + p2 w^2),  B = 1 + q1 w^2 + q2 w^4 + q3 w^6,
 * and tanh(2w) = 2AB / (A^2 + B^2): the nearer to 1, the less of the errors of A and B is left. The coefficients make
 * the error of tanh(2w) least, 1e-8. x is w / s; A and B are scaled by powers of 2, so that the factor 2 vanishes. Few
 * operations wait for each other: a step of a small net is as long as they are.
 * x is cut at `last`, where the result is `limit`, both given by their bits. */
RNN_FORCE_INLINE float real_scaled_tanh(float x, const float s, const float scale_b, const float part_a,
                                        const int32_t last, const int32_t limit)
{
    const int32_t bits = real_to_bits(x);
    const int32_t magnitude = bits & INT32_MAX;
    const int32_t sign = bits & INT32_MIN;
    const int32_t nan = -(int32_t)(magnitude > 0x7f800000) & 0x7fc00000;
    const int32_t nearest = magnitude < last ? magnitude : last;
    const int32_t rest = magnitude - nearest; /* soon more than rounding may have left to the limit */
    const float z = real_from_bits(nearest);
    const float u = z * z, s2 = s * s, s4 = s2 * s2;
    const float a = z + z * u * (1.191134653e-01f * s2 + u * (1.829651971e-03f * s4));
    const float b = (scale_b + u * (4.524466621e-01f * s2 * scale_b)) +
                    u * u * (1.931244698e-02f * s4 * scale_b + u * (7.879133073e-05f * s4 * s2 * scale_b));
    const int32_t y = real_to_bits(a * b / (b * b + a * (a * part_a))) + rest;
    return real_from_bits((y < limit ? y : limit) | sign | nan);
}

/* Error below 3e-7, 4e-7 of the result. */
RNN_FORCE_INLINE float real_tanh(float x)
{
    return real_scaled_tanh(x, 0.5f, 1, 0.25f, 0x41100000 /* 9 */, 0x3f800000 /* 1 */);
}

/* 1 / (1 + e^-x) = 1/2 + 1/2 tanh(x/2), error below 2e-7. */
RNN_FORCE_INLINE float real_sigmoid(float x)
{
    return 0.5f + real_scaled_tanh(x, 0.25f, 4, 1, 0x41900000 /* 18 */, 0x3f000000 /* 1/2 */);
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

/* What log and sqrt give for x that is no positive finite number: y for those that are, `zero` for 0, NaN below. */
RNN_FORCE_INLINE float real_of_positive(float x, float y, int32_t zero)
{
    const int32_t bits = real_to_bits(x);
    const int32_t is_zero = -(int32_t)((bits & INT32_MAX) == 0), is_above = -(int32_t)(bits >= 0x7f800000);
    const int32_t is_below = -(int32_t)(bits < 0) & ~is_zero, usual = ~(is_zero | is_above | is_below);
    return real_from_bits((real_to_bits(y) & usual) | (zero & is_zero) | (bits & is_above) | (0x7fc00000 & is_below));
}

/* 2^24 for x so small that the bits of its exponent do not say it, else 1; as a power of 2. */
RNN_FORCE_INLINE int32_t real_shift_up(float x) { return -(int32_t)((real_to_bits(x) & INT32_MAX) < 0x00800000) & 24; }

/* x = 2^n m, sqrt(1/2) <= m < sqrt(2); log m = 2 artanh(s), s = (m - 1) / (m + 1), by its power series. Error below
 * 2e-7 of the result. */
RNN_FORCE_INLINE float real_log(float x)
{
    const int32_t up = real_shift_up(x);
    const int32_t bits = real_to_bits(x * real_from_bits((127 + up) * 0x800000)) & INT32_MAX;
    const int32_t n = (bits - 0x3f3504f3) >> 23;
    const float m = real_from_bits(bits - n * 0x800000);
    const float s = (m - 1) / (m + 1);
    const float u = s * s;
    float p = 1 / 9.0f;
    p = p * u + 1 / 7.0f;
    p = p * u + 1 / 5.0f;
    p = p * u + 1 / 3.0f;
    return real_of_positive(x, 2 * (s + s * u * p) + (float)(n - up) * 0.693147181f, -0x800000 /* -infinity */);
}

/* x = 2^n m, n even, 1 <= m < 4; sqrt(m) = m y, y = 1 / sqrt(m) by Newton's iteration from a guess on the bits of m.
 * Error below 2e-7 of the result. */
RNN_FORCE_INLINE float real_sqrt(float x)
{
    const int32_t up = real_shift_up(x);
    const int32_t bits = real_to_bits(x * real_from_bits((127 + up) * 0x800000)) & INT32_MAX;
    const int32_t n = ((bits >> 23) - 127) & ~1;
    const float m = real_from_bits(bits - n * 0x800000), half = m * 0.5f;
    float y = real_from_bits(0x5f375a86 - (real_to_bits(m) >> 1));
    y = y * (1.5f - half * y * y);
    y = y * (1.5f - half * y * y);
    y = y * (1.5f - half * y * y);
    const float root = m * y;
    const float exact = root + y * 0.5f * (m - root * root);
    return real_of_positive(x, exact * real_from_bits((127 + (n - up) / 2) * 0x800000), real_to_bits(x));
}

/* From 2^23 on floats are whole. */
RNN_FORCE_INLINE float real_floor(float x)
{
    const int32_t bits = real_to_bits(x);
    const int32_t is_whole = -(int32_t)((bits & INT32_MAX) >= 0x4b000000);
    const float z = real_from_bits(bits & ~is_whole);
    const int32_t n = (int32_t)z;
    const float y = (float)(n - ((float)n > z));
    return real_from_bits((bits & is_whole) | ((real_to_bits(y) | (bits & INT32_MIN)) & ~is_whole));
}

/* x - y * trunc(x / y), exactly: every doubling and every difference is. NaN for y = 0. */
RNN_INLINE float real_remainder(float x, float y)
{
    float rest = real_from_bits(real_to_bits(x) & INT32_MAX), part = real_from_bits(real_to_bits(y) & INT32_MAX);
    const float least = part;
    if (!real_is_finite(x) || !(part > 0)) return real_from_bits(0x7fc00000);
    if (!real_is_finite(y)) return x;
    while (part <= rest / 2) part *= 2;
    for (; part >= least; part /= 2) {
        if (rest >= part) rest -= part;
    }
    return x < 0 ? -rest : rest;
}

#endif

RNN_FORCE_INLINE real real_abs(real x) { return REAL_LIBM(fabs)(x); }
RNN_FORCE_INLINE real real_pow(real x, real y) { return REAL_LIBM(pow)(x, y); }
RNN_FORCE_INLINE real real_sin(real x) { return REAL_LIBM(sin)(x); }
RNN_FORCE_INLINE real real_cos(real x) { return REAL_LIBM(cos)(x); }
RNN_FORCE_INLINE real real_erf(real x) { return REAL_LIBM(erf)(x); }
RNN_FORCE_INLINE real real_square(real x) { return x * x; }

/* The smaller and the larger; NaN where either is NaN. */
RNN_FORCE_INLINE real real_min(real a, real b) { return a < b || a != a ? a : b; }
RNN_FORCE_INLINE real real_max(real a, real b) { return a > b || a != a ? a : b; }

/* -1, 0 or 1. */
RNN_FORCE_INLINE real real_sign(real x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which neither overflows nor cancels. */
RNN_FORCE_INLINE real real_softplus(real x) { return real_max(x, 0) + real_log_of_one_plus(real_exp(-real_abs(x))); }

/* x - y * floor(x / y): the remainder with the sign of the divisor, like Python's %. NaN for y = 0. */
RNN_INLINE real real_mod(real x, real y)
{
    const real r = real_remainder(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

#endif
