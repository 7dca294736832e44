/* kernels_double.c: the tests of the kernels for doubles. */
typedef double real;
#define REAL_IS_DOUBLE 1
#include "kernels_suite.h"

START_TEST(test_double_functions)
{
    for (int i = -4000; i <= 4000; i++) {
        const double x = i / 100.0;
        ck_assert_double_eq(real_exp(x), exp(x));
        ck_assert_double_eq(real_tanh(x), tanh(x));
        ck_assert_double_le(fabs(real_sigmoid(x) - 1 / (1 + exp(-x))), 3e-16);
        ck_assert_double_le(fabs(real_softplus(x) / log1p(exp(x)) - 1), 1e-15);
    }
}
END_TEST

int main(void) { return run_suite("kernels_double", test_double_functions); }
