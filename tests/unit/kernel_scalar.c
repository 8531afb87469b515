/* Tests of kernel/scalar: within 2 ulp of libm's long double functions, which have 11 more bits. */
#include "check.h"
#include "kernel/scalar.h"

enum { POINTS = 200000 };

typedef double (*function)(double);
typedef long double (*exact_function)(long double);

/* |got - exact| in units of the last place of the exact value. */
static double ulps(double got, long double exact)
{
    int exponent;
    frexpl(exact, &exponent);
    return (double)(fabsl((long double)got - exact) / ldexpl(1.0L, exponent - 53));
}

/* The largest error over POINTS points that cover [lo,hi] evenly but not regularly. */
static double worst_ulps(function f, exact_function exact, double lo, double hi)
{
    double worst = 0.0, place = 0.0;
    for (int i = 0; i < POINTS; i++) {
        place += 0.6180339887498949;
        place -= place >= 1.0;
        if (!TESTED(i, 21)) continue;
        double x = lo + (hi - lo) * place;
        double error = ulps(f(x), exact((long double)x));
        if (!(error <= worst)) worst = error; /* a NaN stays */
    }
    return worst;
}

typedef struct range {
    double lo, hi;
} range;

static void assert_accurate(function f, exact_function exact, const range *ranges, int count)
{
    for (int i = 0; i < count; i++) {
        double worst = worst_ulps(f, exact, ranges[i].lo, ranges[i].hi);
        print_message("[%g, %g]: %.3f ulp\n", ranges[i].lo, ranges[i].hi, worst);
        assert_true(worst < 2.0);
    }
}

static void exp_is_accurate(void **state)
{
    (void)state;
    const range ranges[] = {{-708.0, 709.7}, {-50, 50}, {-1, 1}, {-0.36, -0.33}, {-1e-8, 1e-8}};
    assert_accurate(scalar_exp, expl, ranges, 5);
}

static void exp_ends_as_libm_does(void **state)
{
    (void)state;
    assert_true(scalar_exp(0.0) == 1.0);
    assert_true(scalar_exp(-0.0) == 1.0);
    assert_true(isinf(scalar_exp(709.79)));
    assert_true(isinf(scalar_exp(INFINITY)));
    assert_true(scalar_exp(-708.4) == 0.0);
    assert_true(scalar_exp(-INFINITY) == 0.0);
    assert_true(isnan(scalar_exp(NAN)));
    assert_true(isfinite(scalar_exp(709.782712893383)));
    assert_true(scalar_exp(-708.396418532264) >= 0x1p-1022);
}

static void log_is_accurate(void **state)
{
    (void)state;
    const range ranges[] = {{1e-300, 1e-290}, {0.4, 2.1},    {0.99, 1.01},    {0.70, 0.72},
                            {1e-4, 1},        {1.0, 1000.0}, {1e300, 1.7e308}};
    assert_accurate(scalar_log, logl, ranges, 7);
}

static void log_ends_as_libm_does(void **state)
{
    (void)state;
    assert_true(scalar_log(1.0) == 0.0);
    assert_true(isinf(scalar_log(0.0)) && scalar_log(0.0) < 0);
    assert_true(isnan(scalar_log(-1.0)));
    assert_true(isnan(scalar_log(NAN)));
    assert_true(isinf(scalar_log(INFINITY)));
    assert_true(isfinite(scalar_log(0x1p-1022)));
}

static void sine_and_cosine_are_accurate(void **state)
{
    (void)state;
    const range ranges[] = {{-1e5, 1e5}, {-100, 100}, {-0.8, 0.8}, {-1e-6, 1e-6}, {1.5, 1.7}};
    assert_accurate(scalar_sin, sinl, ranges, 5);
    assert_accurate(scalar_cos, cosl, ranges, 5);
}

/* The doubles nearest to multiples of pi / 2, where the reduction loses most. */
static void sine_and_cosine_are_accurate_near_their_zeros(void **state)
{
    (void)state;
    const long double half_pi = acosl(0.0L);
    double worst = 0.0;
    for (int k = 1; k <= 63661; k++) {
        if (!TESTED(k, 21)) continue;
        double x = (double)(k * half_pi);
        double error = k % 2 ? ulps(scalar_cos(x), cosl(x)) : ulps(scalar_sin(x), sinl(x));
        if (!(error <= worst)) worst = error;
    }
    print_message("%.3f ulp\n", worst);
    assert_true(worst < 2.0);
}

static void sine_and_cosine_of_special_values(void **state)
{
    (void)state;
    assert_true(scalar_sin(0.0) == 0.0);
    assert_true(scalar_cos(0.0) == 1.0);
    assert_true(isnan(scalar_sin(INFINITY)));
    assert_true(isnan(scalar_cos(NAN)));
    assert_true(isnan(scalar_sin(1.1e5)));
}

static void tanh_is_accurate(void **state)
{
    (void)state;
    const range ranges[] = {{-20, 20},      {-1, 1},       {0.55, 0.7},
                            {-0.625, -0.6}, {-1e-5, 1e-5}, {15, 25}};
    assert_accurate(scalar_tanh, tanhl, ranges, 6);
}

static void tanh_of_special_values(void **state)
{
    (void)state;
    assert_true(scalar_tanh(0.0) == 0.0);
    assert_true(signbit(scalar_tanh(-0.0)));
    assert_true(scalar_tanh(INFINITY) == 1.0);
    assert_true(scalar_tanh(-1000.0) == -1.0);
    assert_true(isnan(scalar_tanh(NAN)));
}

static void power_squares(void **state)
{
    (void)state;
    assert_true(scalar_power(0.9, 0) == 1.0);
    assert_true(scalar_power(2.0, 62) == 0x1p62);
    assert_true(scalar_power(-3.0, 5) == -243.0);
    for (int n = 1; n < 3000; n += 7) {
        long double exact = powl((long double)0.999, n);
        assert_true(fabsl((long double)scalar_power(0.999, n) - exact) <= n * 0x1p-53L * exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_accurate),
        cmocka_unit_test(exp_ends_as_libm_does),
        cmocka_unit_test(log_is_accurate),
        cmocka_unit_test(log_ends_as_libm_does),
        cmocka_unit_test(sine_and_cosine_are_accurate),
        cmocka_unit_test(sine_and_cosine_are_accurate_near_their_zeros),
        cmocka_unit_test(sine_and_cosine_of_special_values),
        cmocka_unit_test(tanh_is_accurate),
        cmocka_unit_test(tanh_of_special_values),
        cmocka_unit_test(power_squares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
