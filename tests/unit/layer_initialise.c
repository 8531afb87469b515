/* unit/layer_initialise.c - initial values: limits, moments, zeros, and that they are a function of seed and tensor. */
#include "check.h"

#include <stdlib.h>

#include "layer_rows.h"
#include "reference/values.h"

enum { MOST = 1 << 18 };
static float *slab, *other;

static int set_up(void **state)
{
    (void)state;
    slab = values_take(MOST * sizeof *slab), other = values_take(MOST * sizeof *other);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(slab), free(other);
    return 0;
}

/* A layer whose bias lies behind its kernel, a gap between them. */
static layer planned(layer_cfg cfg, shape in)
{
    layer l = {.cfg = cfg, .in = in};
    failure why;
    assert_int_equal(layer_plan(&l, &why), STATUS_OK);
    size_t at = 0;
    for (int t = 0; t < l.tensors; t++) {
        l.tensor[t].at = (span){at, shape_length(l.tensor[t].shape)};
        at += slab_round_up(l.tensor[t].at.length) + SLAB_ALIGN;
    }
    assert_true(at <= MOST);
    return l;
}

static layer dense(int inputs, int units)
{
    return planned((layer_cfg){.type = kind_named("dense"), .units = units}, shape_vector(inputs));
}

/* Uniform in [-limit, limit): no value outside, some near both ends, mean and variance within five of their own
 * standard deviations: limit sqrt(1/3n) for the mean, limit^2/3 sqrt(4/5n) for the variance. */
static void check_kernel(const layer *l, double limit)
{
    const layer_tensor *t = &l->tensor[0];
    double n = (double)t->at.length, sum = 0, squares = 0, low = 0, high = 0;
    canaries(slab, MOST);
    layer_initialise(l, 42, 0, slab);
    for (size_t i = 0; i < t->at.length; i++) {
        double x = (double)slab[i];
        sum += x, squares += x * x;
        low = fmin(low, x), high = fmax(high, x);
    }
    NEAR(sum / n, 0, 5 * limit / sqrt(3 * n));
    NEAR(squares / n, limit * limit / 3, 5 * limit * limit / 3 * sqrt(0.8 / n));
    assert_true(low >= -limit * (1 + 1e-7) && high < limit * (1 + 1e-7));
    assert_true(low < -limit * (1 - 20 / n) && high > limit * (1 - 20 / n));
}

static void glorot_limits(void **state)
{
    (void)state;
    layer d = dense(1600, 128), small = dense(10, 20);
    layer c = planned(
        (layer_cfg){.type = kind_named("conv2d"), .units = 64, .size = 3, .stride = 1},
        shape_image(13, 13, 32));
    CASE("dense");
    check_kernel(&d, sqrt(6.0 / (1600 + 128)));
    CASE("small dense");
    check_kernel(&small, sqrt(6.0 / 30));
    CASE("conv2d");
    check_kernel(&c, sqrt(6.0 / (9 * 32 + 9 * 64))); /* fans count the taps */
}

static void zero_biases(void **state)
{
    (void)state;
    layer l = dense(33, 21);
    canaries(slab, MOST);
    layer_initialise(&l, 7, 0, slab);
    span kernel = l.tensor[0].at, bias = l.tensor[1].at;
    for (size_t i = 0; i < bias.length; i++)
        assert_int_equal(check_bits_of(slab[bias.offset + i]), 0);
    for (size_t i = kernel.length; i < bias.offset; i++)
        assert_true(is_canary(slab[i])); /* between: not its own */
    assert_true(is_canary(slab[bias.offset + bias.length]));
}

static int equal_values(const layer *l, uint64_t seed_a, int tensor_a, uint64_t seed_b,
                        int tensor_b)
{
    int equal = 0;
    layer_initialise(l, seed_a, tensor_a, slab);
    layer_initialise(l, seed_b, tensor_b, other);
    for (size_t i = 0; i < l->tensor[0].at.length; i++) equal += slab[i] == other[i];
    return equal;
}

static void function_of_seed_and_tensor(void **state)
{
    (void)state;
    layer l = dense(50, 40);
    assert_int_equal(equal_values(&l, 1, 0, 1, 0), 2000);
    assert_true(equal_values(&l, 1, 0, 2, 0) < 5);
    assert_true(equal_values(&l, 1, 0, 1, 2) < 5);
    assert_true(equal_values(&l, 1, 0, (uint64_t)1 << 32 | 1, 0) < 5); /* all of the seed counts */
    for (size_t i = 1; i < 2000; i++) assert_true(slab[i] != slab[i - 1]);
}

/* Values do not depend on where the tensor lies, nor on how many follow. */
static void place_does_not_matter(void **state)
{
    (void)state;
    layer l = dense(20, 30), moved = l;
    moved.tensor[0].at.offset += 160, moved.tensor[1].at.offset += 160;
    layer_initialise(&l, 3, 4, slab);
    layer_initialise(&moved, 3, 4, other);
    SAME_BITS(other + 160, slab, 600);
}

static void no_tensors(void **state)
{
    (void)state;
    layer l = planned((layer_cfg){.type = kind_named("flatten")}, shape_image(3, 4, 5));
    slab[0] = 5;
    layer_initialise(&l, 3, 4, slab);
    assert_true(slab[0] == 5);
    assert_int_equal(l.out.dim[0], 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glorot_limits),
        cmocka_unit_test(zero_biases),
        cmocka_unit_test(function_of_seed_and_tensor),
        cmocka_unit_test(place_does_not_matter),
        cmocka_unit_test(no_tensors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
