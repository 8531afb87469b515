/* Tests of data/sampler: batches partition the epoch; epochs and seeds differ; any epoch can be asked for. */
#include "data/sampler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 1000 };

/* Concatenates all batches of an epoch; checks their sizes. */
static void collect(sampler *s, int epoch, int *order)
{
    int at = 0;
    for (int step = 0; step < sampler_steps(s); step++) {
        const int *samples;
        int n, last = step == sampler_steps(s) - 1;
        sampler_batch(s, epoch, step, &samples, &n);
        assert_int_equal(n, last ? s->count - step * s->batch : s->batch);
        memcpy(order + at, samples, (size_t)n * sizeof *samples);
        at += n;
    }
    assert_int_equal(at, s->count);
}

static void assert_permutation(const int *order, int count)
{
    unsigned char seen[MOST] = {0};
    for (int i = 0; i < count; i++) {
        assert_in_range(order[i], 0, count - 1);
        assert_int_equal(seen[order[i]]++, 0);
    }
}

static void batches_partition_the_epoch(void **state)
{
    (void)state;
    const int counts[] = {1, 2, 7, 128, 129, 1000}, batches[] = {1, 3, 128, 2000};
    int permutation[MOST], order[MOST];
    sampler s;
    for (int c = 0; c < 6; c++)
        for (int b = 0; b < 4; b++)
            for (int kind = SAMPLER_SHUFFLED; kind <= SAMPLER_FILE_ORDER; kind++) {
                sampler_init(&s, (sampler_order)kind, 1, counts[c], batches[b], permutation);
                assert_int_equal(sampler_steps(&s), (counts[c] + batches[b] - 1) / batches[b]);
                collect(&s, 3, order);
                assert_permutation(order, counts[c]);
            }
}

static void the_last_batch_is_smaller(void **state)
{
    (void)state;
    int permutation[MOST], n;
    const int *samples;
    sampler s;
    sampler_init(&s, SAMPLER_SHUFFLED, 1, 1000, 128, permutation);
    assert_int_equal(sampler_steps(&s), 8);
    sampler_batch(&s, 0, 7, &samples, &n);
    assert_int_equal(n, 104);
    assert_ptr_equal(samples, permutation + 896);
}

static void sizes_are_those_of_the_batches(void **state)
{
    (void)state;
    int sizes[SAMPLER_SIZES];
    assert_int_equal(sampler_sizes(54000, 128, sizes), 2);
    assert_int_equal(sizes[0], 128);
    assert_int_equal(sizes[1], 112);
    assert_int_equal(sampler_sizes(1000, 100, sizes), 1);
    assert_int_equal(sizes[0], 100);
    assert_int_equal(sampler_sizes(20, 128, sizes), 1); /* fewer samples than a batch */
    assert_int_equal(sizes[0], 20);
    assert_int_equal(sampler_sizes(0, 128, sizes), 0);
}

static void file_order_is_the_identity(void **state)
{
    (void)state;
    int permutation[MOST], order[MOST];
    sampler s;
    sampler_init(&s, SAMPLER_FILE_ORDER, 1, 100, 7, permutation);
    for (int epoch = 0; epoch < 3; epoch++) {
        collect(&s, epoch, order);
        for (int i = 0; i < 100; i++) assert_int_equal(order[i], i);
    }
}

static int equal_places(const int *a, const int *b, int count)
{
    int equal = 0;
    for (int i = 0; i < count; i++) equal += a[i] == b[i];
    return equal;
}

/* Two random permutations agree in one place on average. */
static void epochs_and_seeds_differ(void **state)
{
    (void)state;
    int permutation[MOST], first[MOST], second[MOST], other[MOST], far[MOST];
    sampler s;
    sampler_init(&s, SAMPLER_SHUFFLED, 1, MOST, 10, permutation);
    collect(&s, 0, first);
    collect(&s, 1, second);
    sampler_init(&s, SAMPLER_SHUFFLED, 2, MOST, 10, permutation);
    collect(&s, 0, other);
    sampler_init(&s, SAMPLER_SHUFFLED, 1 + (UINT64_C(1) << 40), MOST, 10, permutation);
    collect(&s, 0, far);
    assert_in_range(equal_places(first, second, MOST), 0, 8);
    assert_in_range(equal_places(first, other, MOST), 0, 8);
    assert_in_range(equal_places(first, far, MOST), 0, 8);
}

static void an_epoch_does_not_depend_on_those_before(void **state)
{
    (void)state;
    int permutation[MOST], expected[MOST], order[MOST];
    sampler s;
    sampler_init(&s, SAMPLER_SHUFFLED, 9, MOST, 64, permutation);
    collect(&s, 7, expected);
    collect(&s, 2, order);
    collect(&s, 7, order);
    assert_memory_equal(order, expected, sizeof order);
    sampler_init(&s, SAMPLER_SHUFFLED, 9, MOST, 300, permutation); /* nor on the batch size */
    collect(&s, 7, order);
    assert_memory_equal(order, expected, sizeof order);
}

/* Where sample 0 lands over many epochs: each of 10 places 400 times, with a chi-squared of 9 degrees of freedom
 * that is above 27.9 once in 1000. The numbers are fixed, so the test does not flicker. */
static void places_are_uniform(void **state)
{
    (void)state;
    enum { COUNT = 10, EPOCHS = 4000 };
    int permutation[COUNT], order[COUNT], hits[COUNT] = {0};
    double chi2 = 0;
    sampler s;
    sampler_init(&s, SAMPLER_SHUFFLED, 5, COUNT, COUNT, permutation);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        collect(&s, epoch, order);
        for (int i = 0; i < COUNT; i++) hits[i] += order[i] == 0;
    }
    for (int i = 0; i < COUNT; i++) chi2 += (hits[i] - 400.0) * (hits[i] - 400.0) / 400.0;
    assert_true(chi2 < 27.9);
}

/* Part of every run's bits: must never change. */
static void the_order_is_fixed_for_ever(void **state)
{
    (void)state;
    const int expected[10] = {1, 9, 8, 3, 4, 0, 5, 7, 6, 2};
    int permutation[10], order[10];
    sampler s;
    sampler_init(&s, SAMPLER_SHUFFLED, 1, 10, 4, permutation);
    collect(&s, 0, order);
    assert_memory_equal(order, expected, sizeof order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_partition_the_epoch),
        cmocka_unit_test(the_last_batch_is_smaller),
        cmocka_unit_test(sizes_are_those_of_the_batches),
        cmocka_unit_test(file_order_is_the_identity),
        cmocka_unit_test(epochs_and_seeds_differ),
        cmocka_unit_test(an_epoch_does_not_depend_on_those_before),
        cmocka_unit_test(places_are_uniform),
        cmocka_unit_test(the_order_is_fixed_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
