/* The multiply-add that is made of SSE2 instructions gives the bits of fmaf, of which the C standard says that it rounds once;
 * both with denormals flushed to zero, as in every thread of the program. Nothing to check on other processors. */
#include "check.h"

#include "base/denormals.h"

#if defined __SSE2__
#include "../../src/kernel/isa/fused.h"

static uint64_t drawn = 1;

/* xorshift64* (Vigna, ACM TOMS 42:4, 2016) */
static uint32_t draw(void)
{
    drawn ^= drawn >> 12, drawn ^= drawn << 25, drawn ^= drawn >> 27;
    return (uint32_t)(drawn * 0x2545f4914f6cdd1dull >> 32);
}

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Between lo and hi powers of two; `bits` of the 23 bits of the fraction are drawn, the others are 0. */
static float draw_between(int lo, int hi, int bits)
{
    uint32_t r = draw(), fraction = (r & 0x7fffff) >> (23 - bits) << (23 - bits);
    int exponent = lo + (int)(draw() % (uint32_t)(hi - lo + 1));
    return of_bits((r & 0x80000000u) | (uint32_t)(exponent + 127) << 23 | fraction);
}

static int differs(float x, float y)
{
    return isnan(x) ? !isnan(y) : check_bits_of(x) != check_bits_of(y);
}

/* Lane i of the four has operands of its own: the others are c, a, b in turn. */
static void check_one(float a, float b, float c)
{
    float x[4] = {a, b, c, a}, y[4] = {b, c, a, a}, z[4] = {c, a, b, b};
    __m128 got = fused_multiply_add(_mm_loadu_ps(x), _mm_loadu_ps(y), _mm_loadu_ps(z));
    for (int i = 0; i < 4; i++)
        if (differs(got[i], fmaf(x[i], y[i], z[i]))) {
            print_error("%a * %a + %a = %a, not %a\n", (double)x[i], (double)y[i], (double)z[i],
                        (double)fmaf(x[i], y[i], z[i]), (double)got[i]);
            _fail(__FILE__, __LINE__);
        }
}

static void any_bits(void **state)
{
    (void)state;
    for (int i = 0; i < 2000000; i++) check_one(of_bits(draw()), of_bits(draw()), of_bits(draw()));
}

/* Sums in the middle of two floats, or so near to it that a double does not see on which side. The product is half a unit in
 * the last place of c times (1 + 2^-k) (1 - 2^-k) = 1 - 2^-2k, or (1 + 2^-k) (1 - 2^-k + 2^-2k) = 1 + 2^-3k. */
static void middles(void **state)
{
    (void)state;
    int wrong = 0, count = 1000000;
    for (int i = 0; i < count; i++) {
        float step = ldexpf(1.0f, -(int)(draw() % 24)), c = draw_between(0, 0, 23);
        float a = 0x1p-24f * (1.0f + step), b = i % 2 ? 1.0f - step : -1.0f + step;
        if (step >= 0x1p-12f && i % 3 == 0) b += (b > 0 ? 1.0f : -1.0f) * step * step;
        check_one(a, b, c);
        wrong += (float)((double)a * (double)b + (double)c) != fmaf(a, b, c);
    }
    print_message("%d of %d sums need the second rounding\n", wrong, count);
    assert_true(wrong > count / 10);
}

/* Few bits and near exponents: exact results, and ties. */
static void few_bits(void **state)
{
    (void)state;
    for (int i = 0; i < 2000000; i++) {
        int bits = 1 + (int)(draw() % 23);
        check_one(draw_between(-14, 0, bits), draw_between(-14, 0, 23 - bits + 1),
                  draw_between(0, 4, bits));
    }
}

/* Results next to the least normal float, 2^-126, on both sides: what is flushed is decided after the rounding. */
static void next_to_the_least(void **state)
{
    (void)state;
    for (int i = 0; i < 1000000; i++) {
        float a = draw_between(-70, -60, 23), b = draw_between(-70, -60, 23);
        check_one(a, b, draw_between(-126, -120, 23));
        check_one(a, b, 0.0f);
    }
    /* (2^23 + k) (2^23 - k): just below 2^46 */
    for (int k = 0; k < 5000; k++)
        for (int last = -2; last <= 2; last++) {
            float a = (float)(8388608 + k) * 0x1p-86f, b = (float)(16777216 - 2 * k + last);
            check_one(a, b * 0x1p-64f, 0.0f);
            check_one(-a, b * 0x1p-64f, 0x1p-126f);
            check_one(a, b * 0x1p-64f, -0x1p-126f);
            check_one(a, b * 0x1p-64f, 0x1p-149f); /* a denormal operand counts as 0 */
        }
}

static void special_values(void **state)
{
    (void)state;
    const float special[] = {0.0f,      -0.0f,           INFINITY,    -INFINITY, NAN,
                             0x1p-126f, -0x1p-126f,      0x1p-149f,   1.0f,      -1.0f,
                             0x1p127f,  0x1.fffffep127f, 0x1.8p-127f, 0x1p-63f,  0x1p64f};
    enum { COUNT = sizeof special / sizeof special[0] };
    for (int i = 0; i < COUNT * COUNT * COUNT; i++)
        check_one(special[i % COUNT], special[i / COUNT % COUNT], special[i / COUNT / COUNT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bits),       cmocka_unit_test(middles),
        cmocka_unit_test(few_bits),       cmocka_unit_test(next_to_the_least),
        cmocka_unit_test(special_values),
    };
    denormals_flush();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    return 0;
}
#endif
