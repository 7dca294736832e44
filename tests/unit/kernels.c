/* kernels.c: the tests of the kernels for floats. */
typedef float real;
#define REAL_IS_DOUBLE 0
#include "kernels_suite.h"

/* 2^22 floats, infinities and all signs among them: each polynomial against libm in double. */
START_TEST(test_float_functions)
{
    double exp_error = 0, sigmoid_error = 0, tanh_error = 0, tanh_relative = 0, softplus_error = 0;
    for (uint64_t i = 0; i <= UINT32_MAX; i += 1024) {
        const uint32_t bits = (uint32_t)i + 317 * (uint32_t)(i >> 22 & 1);
        float x;
        memcpy(&x, &bits, sizeof x);
        const double X = (double)x;
        if ((bits & 0x7fffffff) > 0x7f800000) {
#ifndef __FAST_MATH__
            EXPECT(is_nan(real_exp(x)) && is_nan(real_sigmoid(x)) && is_nan(real_tanh(x)) && is_nan(real_softplus(x)),
                   "NaN %x is lost", bits);
#endif
            continue;
        }
        const double e = exp(X), y = (double)real_exp(x);
        if (e > 3.4028234e38) EXPECT(!(y < 3.4028e38), "exp(%g) = %g", X, y);
        else if (e > 1.2e-38) exp_error = fmax(exp_error, fabs(y / e - 1));
        else EXPECT(fabs(y - e) < 1.2e-38, "exp(%g) = %g", X, y);
        sigmoid_error = fmax(sigmoid_error, fabs((double)real_sigmoid(x) - 1 / (1 + exp(-X))));
        tanh_error = fmax(tanh_error, fabs((double)real_tanh(x) - tanh(X)));
        EXPECT(real_abs(real_tanh(x)) <= 1, "tanh(%g) is beyond 1", X);
        if (fabs(X) > 1e-30) tanh_relative = fmax(tanh_relative, fabs((double)real_tanh(x) / tanh(X) - 1));
        if (fabs(X) < 80) {
            const double softplus = X > 0 ? X + log1p(exp(-X)) : log1p(e);
            softplus_error = fmax(softplus_error, fabs((double)real_softplus(x) / softplus - 1));
        }
    }
    ck_assert_double_le(exp_error, 3e-7);
    ck_assert_double_le(sigmoid_error, 3e-7);
    ck_assert_double_le(tanh_error, 3e-7);
    ck_assert_double_le(tanh_relative, 4e-7);
    ck_assert_double_le(softplus_error, 6e-7);
}
END_TEST

int main(void) { return run_suite("kernels", test_float_functions); }
