/* The estimate of memory against numbers worked out for the CNN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "app/estimate.h"
#include "model/executor.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

/* Slices differ by a block in each of two buckets. */
static void assert_about(size_t bytes, size_t want, size_t slices)
{
    size_t off = slices * 2 * 1024 * sizeof(float);
    assert_in_range(bytes, want - off, want + off);
}

static void test_cnn(void **state)
{
    (void)state;
    settings cfg = settings_default();
    arena memory = {0};
    model *m = arena_take(&memory, sizeof *m);
    failure why;
    assert_int_equal(settings_resolve(&cfg, &why), STATUS_OK);
    assert_int_equal(
        estimate_model(&cfg,
                       &(dataset_plan){.height = 28, .width = 28, .channels = 1, .classes = 10}, m,
                       &memory, &why),
        STATUS_OK);
    assert_int_equal(m->parameters, 225034);
    size_t slab = m->slab_length * sizeof(float);
    estimate one = estimate_memory(&cfg, m, 54000, 1000, 1, 2);
    assert_int_equal(one.leaves, 16);            /* 128 samples in leaves of 8 */
    assert_int_equal(one.state_bytes, 3 * slab); /* m, v, and the sum of gradients */
    assert_int_equal(one.partial_bytes, slab);   /* the only rank's sum is the tree's */
    assert_true(one.host_bytes > slab && one.pass_bytes > 0);
    estimate eight = estimate_memory(&cfg, m, 54000, 1000, 8, 1);
    assert_int_equal(eight.state_bytes, slab / 8 * 3);
    /* x and g of the dense kernel, shared by ranks */
    size_t batch = 128 * (1600 + 128) * sizeof(float);
    assert_int_equal(eight.host_bytes, one.host_bytes + batch);
    settings by_mpi = cfg;
    by_mpi.reduce = REDUCE_MPI;
    estimate apart = estimate_memory(&by_mpi, m, 54000, 1000, 8, 1);
    size_t parameters = slab + m->packed_length * sizeof(float);
    assert_int_equal(apart.state_bytes, 2 * slab + parameters + eight.partial_bytes);
    assert_int_equal(estimate_shared_bytes(&apart, 8), 1000);
    cfg.batch_size = 60000; /* in several passes: nothing is shared */
    assert_int_equal(estimate_memory(&cfg, m, 54000, 1000, 8, 1).host_bytes, one.host_bytes);
    cfg.batch_size = 128;
    /* a rank has 2 leaves: a node of 16 leaves, but not always of the 14 of a last batch of 112 */
    assert_int_equal(eight.partial_bytes, 2 * slab);
    assert_int_equal(estimate_memory(&cfg, m, 53888, 1000, 8, 1).partial_bytes, slab);
    assert_int_equal(estimate_memory(&cfg, m, 54000, 1000, 2, 1).partial_bytes, 3 * slab);
    assert_int_equal(estimate_shared_bytes(&eight, 8), 1000 + eight.host_bytes + 16 * slab);
    estimate few = estimate_memory(&cfg, m, 20, 1000, 1, 1);
    assert_int_equal(few.leaves, 3); /* fewer samples than a batch */
    /* 2 groups, each with 8 of 16 leaves: one row each way; each with 7 of the 14 of a last batch: 3 and 2 rows */
    assert_int_equal(estimate_message_bytes(&cfg, m, 53888, 4, 1), 0);
    assert_about(estimate_message_bytes(&cfg, m, 53888, 4, 2), 2 * (slab / 4), 4);
    assert_about(estimate_message_bytes(&cfg, m, 54000, 4, 2), 5 * (slab / 4), 10);
    /* 64 hosts with a leaf each, by halves: the last one keeps half of what it sends and receives at each level */
    cfg.batch_size = 512;
    assert_about(estimate_message_bytes(&cfg, m, 51200, 64, 64), 2 * slab / 64 * 63, 16);
    cfg.reduce = REDUCE_MPI;
    assert_int_equal(estimate_message_bytes(&cfg, m, 54000, 4, 2), 2 * slab);
    const dataset_plan plan = {.train = 60000};
    assert_int_equal(estimate_samples(&cfg, &plan), 54000);
    cfg.limit = 1000;
    cfg.validation_split = 0;
    assert_int_equal(estimate_samples(&cfg, &plan), 1000);
    arena_free(&memory);
}

/* Passes of large images have fewer samples, to take at most PASS_BYTES; the estimate takes no memory. */
static void test_large_images(void **state)
{
    (void)state;
    settings cfg = settings_default();
    arena memory = {0};
    model *m = arena_take(&memory, sizeof *m);
    failure why;
    assert_int_equal(settings_resolve(&cfg, &why), STATUS_OK);
    assert_int_equal(
        estimate_model(&cfg,
                       &(dataset_plan){.height = 512, .width = 512, .channels = 1, .classes = 10},
                       m, &memory, &why),
        STATUS_OK);
    size_t before = memory_requests(), leaf = executor_bytes(m, 8, 8, 1),
           next = executor_bytes(m, 16, 8, 1) - leaf;
    size_t bytes = estimate_memory(&cfg, m, 54000, 1000, 1, 1).pass_bytes;
    assert_true(bytes < PASS_BYTES + leaf && bytes > PASS_BYTES - 2 * next);
    assert_int_equal(estimate_memory(&cfg, m, 54000, 1000, 16, 1).pass_bytes, bytes);
    size_t many = estimate_memory(&cfg, m, 54000, 1000, 1, 12).pass_bytes;
    assert_true(many > 12 * next); /* a leaf for each thread */
    assert_int_equal(memory_requests(), before);
    arena_free(&memory);
}

static void test_what_cannot_be_built_is_refused(void **state)
{
    (void)state;
    settings cfg = settings_default();
    arena memory = {0};
    model *m = arena_take(&memory, sizeof *m);
    failure why;
    assert_int_equal(settings_set(&cfg, "model", "cn", &why), STATUS_OK);
    assert_int_equal(
        estimate_model(&cfg,
                       &(dataset_plan){.height = 28, .width = 28, .channels = 1, .classes = 10}, m,
                       &memory, &why),
        STATUS_USAGE);
    assert_int_equal(settings_set(&cfg, "isa", "sse9", &why), STATUS_OK);
    assert_int_equal(
        estimate_model(&cfg,
                       &(dataset_plan){.height = 28, .width = 28, .channels = 1, .classes = 10}, m,
                       &memory, &why),
        STATUS_USAGE);
    arena_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cnn),
        cmocka_unit_test(test_large_images),
        cmocka_unit_test(test_what_cannot_be_built_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
