/* kernel/scalar.c - elementary functions in double, in fixed arithmetic.
 *
 * Each reduces its argument by a constant that is split into two or three parts (Cody and Waite, "Software Manual for the
 * Elementary Functions", 1980), and sums a Taylor or atanh series by Horner's rule. */
#include "kernel/scalar.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Their sum is ln 2. */
static const double LN2_HIGH = 0x1.62e42fefap-1, LN2_LOW = 0x1.cf79abc9e3b3ap-40;
/* Their sum is pi / 2; the first two have 33 bits. */
static const double HALF_PI_1 = 0x1.921fb544p+0, HALF_PI_2 = 0x1.0b4611a6p-34,
                    HALF_PI_3 = 0x1.3198a2e037073p-69;

static double power_of_two(int e)
{
    uint64_t bits = (uint64_t)(e + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double scalar_exp(double x)
{
    if (isnan(x)) return x;
    if (x > 709.782712893384) return (double)INFINITY;
    if (x < -708.396418532264) return 0.0;
    double n = nearbyint(x * 0x1.71547652b82fep+0); /* 1 / ln 2 */
    double r = fma(-n, LN2_LOW, fma(-n, LN2_HIGH, x));
    double sum = 1.0;
    for (int k = 14; k >= 1; k--) sum = fma(sum, r / k, 1.0); /* |r| <= 0.347: r^15/15! < 1e-19 */
    int e = (int)n;
    return sum * power_of_two(e / 2) * power_of_two(e - e / 2);
}

double scalar_log(double x)
{
    if (isnan(x) || x < 0) return (double)NAN;
    if (x < 0x1p-1022) return -(double)INFINITY;
    if (isinf(x)) return x;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 0x1.6a09e667f3bcdp+0) m *= 0.5, e++; /* sqrt 2: m in [0.707, 1.414] */
    /* log m = 2 atanh s = 2s + s z (2/3 + 2/5 z + ...), s = (m - 1) / (m + 1), z = s^2 <= 0.0295 */
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, sum = 0.0;
    for (int k = 23; k >= 3; k -= 2) sum = fma(sum, z, 2.0 / k);
    /* 2s = f - s f, so that the large part f is exact */
    double small = fma(s * z, sum, e * LN2_LOW) - s * f;
    return fma(e, LN2_HIGH, f + small);
}

/* x reduced to r = high + low, |r| <= pi/4; |low| is below half an ulp of high. */
typedef struct reduced {
    double high, low;
    int64_t quarters; /* x = r + quarters pi/2 */
} reduced;

/* The product of n and a part of 33 bits is exact for n below 2^20. */
static reduced reduce(double x)
{
    double n = nearbyint(x * 0x1.45f306dc9c883p-1); /* 2 / pi */
    double a = fma(-n, HALF_PI_1, x), b = n * HALF_PI_2;
    double difference = a - b;
    double rest = ((a - difference) - b) - n * HALF_PI_3;
    double high = difference + rest;
    return (reduced){high, (difference - high) + rest, (int64_t)n};
}

/* sin(high + low), cos(high + low); the terms left out are below 1e-19. */
static double sine_series(reduced r)
{
    double z = r.high * r.high, sum = 0.0;
    for (int k = 19; k >= 3; k -= 2) sum = (1.0 + sum) * (-z / (k * (k - 1)));
    return r.high + fma(r.high, sum, r.low);
}

static double cosine_series(reduced r)
{
    double z = r.high * r.high, sum = 0.0;
    for (int k = 20; k >= 2; k -= 2) sum = (1.0 + sum) * (-z / (k * (k - 1)));
    return 1.0 + fma(-r.high, r.low, sum);
}

/* sin(x + turn pi/2) */
static double sine_turned(double x, int turn)
{
    if (!(fabs(x) <= 1e5)) return (double)NAN;
    reduced r = reduce(x);
    int64_t quadrant = (r.quarters + turn) & 3;
    double value = quadrant & 1 ? cosine_series(r) : sine_series(r);
    return quadrant & 2 ? -value : value;
}

double scalar_sin(double x)
{
    return sine_turned(x, 0);
}

double scalar_cos(double x)
{
    return sine_turned(x, 1);
}

double scalar_tanh(double x)
{
    double a = fabs(x);
    if (a > 20.0) return copysign(1.0, x);
    if (a < 0.625) { /* Lambert's continued fraction: 1 - 2 / (t + 1) would lose digits here */
        double z = x * x, d = 21.0;
        for (int k = 19; k >= 1; k -= 2) d = k + z / d;
        return x / d;
    }
    double t = scalar_exp(2.0 * a);
    return copysign(1.0 - 2.0 / (t + 1.0), x);
}

double scalar_power(double x, int n)
{
    double result = 1.0;
    for (; n > 0; n >>= 1) {
        if (n & 1) result *= x;
        x *= x;
    }
    return result;
}
