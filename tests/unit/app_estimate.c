/* The estimate of memory against what is known of the CNN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "app/estimate.h"
#include "model/run.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void test_cnn(void **state)
{
    (void)state;
    settings cfg = settings_default();
    arena memory = {0};
    model *m = arena_take(&memory, sizeof *m);
    message why;
    assert_int_equal(settings_resolve(&cfg, &why), STATUS_OK);
    assert_int_equal(estimate_model(&cfg, 28, 28, m, &memory, &why), STATUS_OK);
    assert_int_equal(m->parameters, 225034);
    size_t slab = m->slab_length * sizeof(float);
    estimate one = estimate_memory(&cfg, m, 54000, 1000, 1, 2);
    assert_int_equal(one.leaves, 16);            /* 128 samples in leaves of 8 */
    assert_int_equal(one.state_bytes, 3 * slab); /* m, v, and the sum of gradients */
    assert_int_equal(one.partial_bytes, slab);   /* the only rank's sum is the tree's */
    assert_true(one.host_bytes > slab && one.pass_bytes > 0);
    estimate eight = estimate_memory(&cfg, m, 54000, 1000, 8, 1);
    assert_int_equal(eight.state_bytes, slab / 8 * 3);
    size_t batch = 128 * (1600 + 128) *
                   sizeof(float); /* x and g of the dense kernel, shared by ranks */
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
    /* 2 leaves of 16 are a node, but 2 of the 14 of a last batch of 112 may be none */
    assert_int_equal(eight.partial_bytes, 2 * slab);
    assert_int_equal(estimate_memory(&cfg, m, 53888, 1000, 8, 1).partial_bytes, slab);
    assert_int_equal(estimate_memory(&cfg, m, 54000, 1000, 2, 1).partial_bytes, 3 * slab);
    assert_int_equal(estimate_shared_bytes(&eight, 8), 1000 + eight.host_bytes + 16 * slab);
    estimate few = estimate_memory(&cfg, m, 20, 1000, 1, 1);
    assert_int_equal(few.leaves, 3); /* fewer samples than a batch */
    /* 4 ranks in 2 groups, 8 of 16 leaves each: one row to and from the other; 7 of the 14 of a last batch are 3 nodes */
    assert_int_equal(estimate_message_bytes(&cfg, m, 53888, 4, 1), 0);
    assert_int_equal(estimate_message_bytes(&cfg, m, 53888, 4, 2), 2 * (slab / 4));
    assert_int_equal(estimate_message_bytes(&cfg, m, 54000, 4, 2), 6 * (slab / 4));
    cfg.reduce = REDUCE_MPI;
    assert_int_equal(estimate_message_bytes(&cfg, m, 54000, 4, 2), 2 * slab);
    const dataset_plan plan = {.train = 60000};
    assert_int_equal(estimate_samples(&cfg, &plan), 54000);
    cfg.limit = 1000;
    cfg.validation_split = 0;
    assert_int_equal(estimate_samples(&cfg, &plan), 1000);
    arena_free(&memory);
}

/* Passes of large images have fewer samples, so as not to take more than RUN_PASS_BYTES; the estimate takes nothing. */
static void test_large_images(void **state)
{
    (void)state;
    settings cfg = settings_default();
    arena memory = {0};
    model *m = arena_take(&memory, sizeof *m);
    message why;
    assert_int_equal(settings_resolve(&cfg, &why), STATUS_OK);
    assert_int_equal(estimate_model(&cfg, 512, 512, m, &memory, &why), STATUS_OK);
    size_t before = memory_requests(), leaf = run_bytes(m, 8, 8, 1),
           next = run_bytes(m, 16, 8, 1) - leaf;
    size_t bytes = estimate_memory(&cfg, m, 54000, 1000, 1, 1).pass_bytes;
    assert_true(bytes < RUN_PASS_BYTES + leaf && bytes > RUN_PASS_BYTES - 2 * next);
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
    message why;
    assert_int_equal(settings_set(&cfg, "model", "cn", &why), STATUS_OK);
    assert_int_equal(estimate_model(&cfg, 28, 28, m, &memory, &why), STATUS_USAGE);
    assert_int_equal(settings_set(&cfg, "isa", "sse9", &why), STATUS_OK);
    assert_int_equal(estimate_model(&cfg, 28, 28, m, &memory, &why), STATUS_USAGE);
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
