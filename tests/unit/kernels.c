/* kernels.c: the tests of the kernels for floats. */
typedef float real;
#define REAL_IS_DOUBLE 0
#include "kernels_suite.h"

/* As libm has it, to 2e-7 of the value; NaN, infinities and zeros by their bits. */
static double error_of(const char *word, float x, float y, double expected)
{
    if (!(fabs(expected) < INFINITY) || expected == 0) {
        const float e = (float)expected;
        EXPECT(is_nan(e) ? is_nan(y) : memcmp(&y, &e, sizeof y) == 0, "%s(%g) = %g", word, (double)x, (double)y);
        return 0;
    }
    return fabs((double)y / expected - 1);
}

/* 2^22 floats, infinities and all signs among them: each polynomial against libm in double. */
START_TEST(test_float_functions)
{
    double log_error = 0, sqrt_error = 0, floor_error = 0;
    double exp_error = 0, sigmoid_error = 0, tanh_error = 0, tanh_relative = 0, softplus_error = 0;
    for (uint64_t i = 0; i <= UINT32_MAX; i += 1024) {
        const uint32_t bits = (uint32_t)i + 317 * (uint32_t)(i >> 22 & 1);
        float x;
        memcpy(&x, &bits, sizeof x);
        const double X = (double)x;
        if ((bits & 0x7fffffff) > 0x7f800000) {
#ifndef __FAST_MATH__
            EXPECT(is_nan(real_exp(x)) && is_nan(real_sigmoid(x)) && is_nan(real_tanh(x)) && is_nan(real_softplus(x)) &&
                       is_nan(real_log(x)) && is_nan(real_sqrt(x)) && is_nan(real_floor(x)),
                   "NaN %x is lost", bits);
#endif
            continue;
        }
        const double e = exp(X), y = (double)real_exp(x);
        if (e > 3.4028234e38)
            EXPECT(!(y < 3.4028e38), "exp(%g) = %g", X, y);
        else if (e > 1.2e-38)
            exp_error = fmax(exp_error, fabs(y / e - 1));
        else
            EXPECT(fabs(y - e) < 1.2e-38, "exp(%g) = %g", X, y);
        sigmoid_error = fmax(sigmoid_error, fabs((double)real_sigmoid(x) - 1 / (1 + exp(-X))));
        tanh_error = fmax(tanh_error, fabs((double)real_tanh(x) - tanh(X)));
        EXPECT(real_abs(real_tanh(x)) <= 1, "tanh(%g) is beyond 1", X);
        if (fabs(X) > 1e-30) tanh_relative = fmax(tanh_relative, fabs((double)real_tanh(x) / tanh(X) - 1));
        if (fabs(X) < 80) {
            const double softplus = X > 0 ? X + log1p(exp(-X)) : log1p(e);
            softplus_error = fmax(softplus_error, fabs((double)real_softplus(x) / softplus - 1));
        }
#ifdef __FAST_MATH__
        if (X < 0 || fabs(X) < 1.2e-38 || fabs(X) > 3.4028234e38) continue;
#endif
        log_error = fmax(log_error, error_of("log", x, real_log(x), log(X)));
        sqrt_error = fmax(sqrt_error, error_of("sqrt", x, real_sqrt(x), sqrt(X)));
        floor_error = fmax(floor_error, error_of("floor", x, real_floor(x), floor(X)));
    }
    ck_assert_double_le(exp_error, 3e-7);
    ck_assert_double_le(sigmoid_error, 3e-7);
    ck_assert_double_le(tanh_error, 3e-7);
    ck_assert_double_le(tanh_relative, 4e-7);
    ck_assert_double_le(softplus_error, 6e-7);
    ck_assert_double_le(log_error, 2e-7);
    ck_assert_double_le(sqrt_error, 2e-7);
    ck_assert_double_le(floor_error, 0);
}
END_TEST

int main(void) { return run_suite("kernels", test_float_functions); }
