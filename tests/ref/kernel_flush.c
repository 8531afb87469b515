/* Each processor flushes by one rule: a denormal operand counts as 0, and a result that is below 2^-126 after rounding to 24
 * bits, with any exponent, becomes the zero of its sign. The expected values are worked out in double, rounded towards zero,
 * where nothing is denormal. The kernels are those in which moments decay, and the products of plain C (kernel/product.h). What
 * the compiler makes of plain C is tested except where the processor flushes before it rounds (base/denormals.h). */
#include <fenv.h>

#include "base/denormals.h"
#include "check.h"
#include "kernel/kernels.h"
#include "kernel/product.h"

enum { LANES = 16, CASES = 200000 };

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

static int is_denormal(float x)
{
    uint32_t size = check_bits_of(x) & 0x7fffffffu;
    return size > 0 && size < 0x00800000u;
}

/* The operand as the rule takes it. */
static double taken(float x)
{
    return is_denormal(x) ? (check_bits_of(x) >> 31 ? -0.0 : 0.0) : (double)x;
}

typedef enum operation { MUL, DIV, FMA, ADD } operation;

static double in_double(operation op, double a, double b, double c)
{
    volatile double x = a, y = b, z = c, r;
    r = op == MUL ? x * y : op == DIV ? x / y : op == FMA ? fma(x, y, z) : x + y;
    return r;
}

/* The result of the rule; the sum that is 0 keeps the sign that rounding to nearest gives. */
static float expected(operation op, float a, float b, float c)
{
    double x = taken(a), y = taken(b), z = taken(c), nearest = in_double(op, x, y, z);
    fesetround(FE_TOWARDZERO);
    double cut = in_double(op, x, y, z);
    fesetround(FE_TONEAREST);
    if (fabs(cut) >= 0x1p-126) {
        float fx = (float)x, fy = (float)y, fz = (float)z;
        return op == FMA ? fmaf(fx, fy, fz) : (float)nearest;
    }
    if (cut == 0.0) return (float)nearest;
    return copysignf(fabs(cut) >= 0x1.ffffffp-127 ? 0x1p-126f : 0.0f, cut < 0 ? -1.0f : 1.0f);
}

static int differs(float x, float y)
{
    return isnan(x) ? !isnan(y) : check_bits_of(x) != check_bits_of(y);
}

/* A number of any sign whose exponent is between lo and hi; one of 16 is 2^exponent. */
static float draw_between(int lo, int hi)
{
    uint32_t r = draw(), exponent = (uint32_t)(lo + (int)(draw() % (uint32_t)(hi - lo + 1)) + 127);
    return of_bits((r & 0x80000000u) | exponent << 23 | (r % 16 ? r & 0x7fffffu : 0));
}

/* Operands whose result is near 2^-126: often, by choice, within 2^-22 of it, below or above; sometimes denormal. */
static void draw_operands(operation op, float *a, float *b, float *c)
{
    int e = (int)(draw() % 20) - 10;
    *a = draw_between(-63 + e, -63 + e);
    *b = draw_between(-64 - e, -62 - e);
    *c = draw_between(-130 + 4, -124);
    if (op == DIV) *a = draw_between(-100, -96), *b = draw_between(24, 31);
    if (op == ADD) *a = draw_between(-126, -120), *b = draw_between(-126, -120);
    if (draw() % 2) { /* the other operand for a result of 2^-126, and its neighbours */
        float other = op == DIV ? *a * 0x1p100f * 0x1p26f : 0x1p-63f / *a * 0x1p-63f;
        if (op == ADD) other = of_bits(check_bits_of(*a) ^ 0x80000000u);
        *b = of_bits(check_bits_of(other) + draw() % 5 - 2);
        if (op == FMA) *c = draw() % 2 ? 0.0f : draw() % 2 ? 0x1p-126f : -0x1p-125f;
    }
    if (op != DIV && draw() % 16 == 0) *a = of_bits(draw() & 0x807fffffu);
    if (draw() % 16 == 0) *c = of_bits(draw() & 0x807fffffu);
}

typedef void (*vector_operation)(const kernels *k, const float *a, float b, const float *c,
                                 float *r);

static void by_scale(const kernels *k, const float *a, float b, const float *c, float *r)
{
    (void)c;
    memcpy(r, a, LANES * sizeof *r);
    k->scale(r, b, LANES);
}

static void by_add_scaled(const kernels *k, const float *a, float b, const float *c, float *r)
{
    memcpy(r, c, LANES * sizeof *r);
    k->add_scaled(r, a, b, LANES);
}

/* lamb with m = g = a, v = 0, epsilon = 1: g becomes (a / b) / 1; a is not 0, whose sign m would lose. */
static void by_lamb(const kernels *k, const float *a, float b, const float *c, float *r)
{
    float m[LANES], v[LANES] = {0};
    (void)c;
    memcpy(m, a, sizeof m);
    memcpy(r, a, sizeof m);
    k->lamb(&(lamb_args){
        .m = m, .v = v, .g = r, .length = LANES, .correction1 = b, .correction2 = 1, .epsilon = 1});
}

static void by_tree_sum(const kernels *k, const float *a, float b, const float *c, float *r)
{
    (void)c;
    float other[LANES];
    for (int i = 0; i < LANES; i++) other[i] = b;
    k->tree_sum((tree_plan){.items = 2, .results = 1, .depth = 2}, (const unsigned char[]){0, 1},
                (const float *const[]){a, other}, LANES, (float *const[]){r});
}

static void by_product(const float *a, float b, float *r)
{
    for (int i = 0; i < LANES; i++) r[i] = product(a[i], b);
}

/* What the compiler makes of plain C. */
static void by_compiler(operation op, const float *a, float b, const float *c, float *r)
{
    for (int i = 0; i < LANES; i++) {
        volatile float x = a[i], y = b, z = c[i], s;
        s = op == MUL ? x * y : op == DIV ? x / y : op == FMA ? fmaf(x, y, z) : x + y;
        r[i] = s;
    }
}

typedef struct tally {
    int wrong, kept, flushed;
} tally;

static void compare(tally *t, operation op, const float *a, float b, const float *c, const float *r)
{
    for (int i = 0; i < LANES; i++) {
        float e = expected(op, a[i], b, c[i]);
        t->kept += fabsf(e) == 0x1p-126f;
        t->flushed += e == 0.0f;
        if (!differs(e, r[i])) continue;
        if (t->wrong++ < 3)
            print_error("operation %d: %a, %a, %a: %a, not %a\n", (int)op, (double)a[i], (double)b,
                        (double)c[i], (double)r[i], (double)e);
    }
}

/* b is one for all lanes: each case fills the lanes with operands that were drawn for this b. */
static void fill(operation op, float *a, float *b, float *c)
{
    draw_operands(op, &a[0], b, &c[0]);
    for (int i = 1; i < LANES; i++) {
        a[i] = of_bits(check_bits_of(a[0]) + draw() % 9 - 4);
        c[i] = draw() % 4 ? c[0] : -c[0];
    }
}

static void check_operation(operation op, vector_operation kernel)
{
    const kernels *tables[8];
    int count = kernels_available(tables);
    tally t = {0};
    for (int n = 0; n < CASES / LANES; n++) {
        float a[LANES], b, c[LANES], r[LANES];
        fill(op, a, &b, c);
        for (int i = 0; i < count; i++) {
            kernel(tables[i], a, b, c, r);
            compare(&t, op, a, b, c, r);
        }
        if (op == MUL) {
            by_product(a, b, r);
            compare(&t, op, a, b, c, r);
        }
        if (denormals_early()) continue;
        by_compiler(op, a, b, c, r);
        compare(&t, op, a, b, c, r);
    }
    print_message("%d results of 2^-126, %d of 0\n", t.kept, t.flushed);
    assert_int_equal(t.wrong, 0);
    assert_true(t.kept > CASES / 2000 && t.flushed > CASES / 2000);
}

static void products(void **state)
{
    (void)state;
    check_operation(MUL, by_scale);
}

static void quotients(void **state)
{
    (void)state;
    check_operation(DIV, by_lamb);
}

static void multiply_adds(void **state)
{
    (void)state;
    check_operation(FMA, by_add_scaled);
}

static void sums(void **state)
{
    (void)state;
    check_operation(ADD, by_tree_sum);
}

/* 2^-126 (1 - 2^-25) and its neighbours, by hand, as products of whole numbers of 24 bits. Kept from 2^47 - 2^22 on:
 *   (2^24 - 2) (2^23 + 1) = 2^47 - 2,   (2^24 - 2896) (2^23 + 1448) = 2^47 - 2^22 + 896
 *   (2^24 - 2898) (2^23 + 1449) = 2^47 - 2^22 - 4898 and (2^24 - 1) 2^23 = 2^47 - 2^23 are flushed. */
static const struct border_case {
    int below, above; /* (2^24 - below) (2^23 + above) */
    uint32_t bits;
} border_cases[] = {
    {0, 0, 0x00800000}, {2, 1, 0x00800000}, {2896, 1448, 0x00800000}, {2898, 1449, 0}, {1, 0, 0},
};

static void border(void **state)
{
    (void)state;
    const kernels *tables[8];
    int count = kernels_available(tables);
    for (size_t n = 0; n < sizeof border_cases / sizeof *border_cases; n++) {
        const struct border_case *t = &border_cases[n];
        float a = ldexpf((float)((1 << 24) - t->below), -87), r[LANES];
        float b = ldexpf((float)((1 << 23) + t->above), -86);
        assert_int_equal(check_bits_of(expected(MUL, a, b, 0)), t->bits);
        assert_int_equal(check_bits_of(expected(MUL, -a, b, 0)), t->bits | 0x80000000);
        assert_int_equal(check_bits_of(product(a, b)), t->bits);
        assert_int_equal(check_bits_of(product(a, -b)), t->bits | 0x80000000);
        assert_int_equal(check_bits_of(product_narrow((double)a * (double)b)), t->bits);
        for (int k = 0; k < count; k++) {
            for (int i = 0; i < LANES; i++) r[i] = i % 2 ? -a : a;
            tables[k]->scale(r, b, LANES);
            for (int i = 0; i < LANES; i++)
                assert_int_equal(check_bits_of(r[i]), t->bits | (i % 2 ? 0x80000000 : 0));
        }
    }
    assert_int_equal(check_bits_of(expected(MUL, 0x1p-149f, 0x1p100f, 0)), 0);
    assert_int_equal(check_bits_of(expected(FMA, 0x1p-63f, 0x1p-63f, 0x1p-149f)), 0x00800000);
    assert_int_equal(check_bits_of(expected(ADD, 0x1.8p-126f, -0x1p-126f, 0)), 0);
}

/* Between double and float, and in comparisons. */
static void conversions(void **state)
{
    (void)state;
    volatile double narrow[] = {0x1.ffffffp-127, 0x1.fffffefffffffp-127, -0x1.ffffffp-127,
                                0x1p-130};
    const uint32_t expects[] = {0x00800000, 0, 0x80800000, 0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(check_bits_of(product_narrow(narrow[i])), expects[i]);
        if (!denormals_early()) assert_int_equal(check_bits_of((float)narrow[i]), expects[i]);
    }
    volatile float tiny = of_bits(1), zero = 0.0f, minus = of_bits(0x80000001u);
    assert_true((double)tiny == 0.0 && (double)minus == 0.0);
    assert_true(tiny == zero);
    assert_false(tiny > zero);
    assert_false(minus < zero);
    assert_true(sqrtf(tiny) == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(border),        cmocka_unit_test(products), cmocka_unit_test(quotients),
        cmocka_unit_test(multiply_adds), cmocka_unit_test(sums),     cmocka_unit_test(conversions),
    };
    denormals_flush();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
