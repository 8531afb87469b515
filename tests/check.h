/* check.h - what every test includes: cmocka, and comparisons that say what failed.
 *
 * A test that sweeps shapes names the case it is in by CASE(...); every failure prints it, so that shape and seed are
 * known. NEAR and ALLCLOSE take the tolerance that theory gives, never a bare "small"; NaN is near to nothing.
 */
#ifndef MNIST_DIST_TESTS_CHECK_H
#define MNIST_DIST_TESTS_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* cmocka's macro of this name hides base/error.h's function; tests fail by assertions. */
#undef fail

static char check_case[256] __attribute__((unused)) = "";

/* TESTED(number, each): a long sweep tests all its cases; in an emulator, where one takes 30 times as long or more, every
 * `each`-th. `each` has no common factor with the lengths of the inner loops, so that each of their values comes. */
#ifdef MNIST_DIST_EMULATED
#define TESTED(number, each) ((number) % (each) == 0)
#else
#define TESTED(number, each) ((void)(number), (void)(each), 1)
#endif

/* CASE("isa %s rows %d seed %d", ...) */
#define CASE(...) ((void)snprintf(check_case, sizeof check_case, __VA_ARGS__))

#define NEAR(got, want, tolerance)                                                                 \
    check_near((double)(got), (double)(want), (double)(tolerance), #got, __FILE__, __LINE__)

/* got[i] (float) against want[i] (double), each within bound[i] (double). */
#define ALLCLOSE(got, want, bound, count)                                                          \
    check_all((got), (want), (bound), (size_t)(count), #got, __FILE__, __LINE__)

/* Two arrays of floats, bit by bit. */
#define SAME_BITS(got, want, count)                                                                \
    check_bits((got), (want), (size_t)(count), #got, __FILE__, __LINE__)

static inline void check_near(double got, double want, double tolerance, const char *what,
                              const char *file, int line)
{
    if (fabs(got - want) <= tolerance || got == want) return;
    print_error("%s = %.17g, expected %.17g +- %.3g (off by %.3g); case: %s\n", what, got, want,
                tolerance, got - want, check_case);
    _fail(file, line);
}

static inline void check_all(const float *got, const double *want, const double *bound,
                             size_t count, const char *what, const char *file, int line)
{
    for (size_t i = 0; i < count; i++) {
        if (fabs((double)got[i] - want[i]) <= bound[i]) continue;
        print_error("%s[%zu of %zu] = %.9g, expected %.17g +- %.3g; case: %s\n", what, i, count,
                    (double)got[i], want[i], bound[i], check_case);
        _fail(file, line);
    }
}

static inline uint32_t check_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline void check_bits(const float *got, const float *want, size_t count, const char *what,
                              const char *file, int line)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t a = check_bits_of(got[i]), b = check_bits_of(want[i]);
        if (a == b) continue;
        print_error("%s[%zu of %zu] = %.9g (%08x), expected the bits of %.9g (%08x); case: %s\n",
                    what, i, count, (double)got[i], a, (double)want[i], b, check_case);
        _fail(file, line);
    }
}

#endif
