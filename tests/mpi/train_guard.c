/* Different copies of the parameters, and values that are not finite, are found and named by tensor and rank; a run that
 * stopped for it goes on from its last good checkpoint and ends as one in which nothing happened. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "train_run.h"

#include "train/digest.h"
#include "train/guard.h"

#include <cmocka.h>
#undef fail /* ours is error.h's */

static float *value_of(const session *s, int number, int tensor)
{
    return s->parameters + s->m.layer[number].tensor[tensor].at.offset + 5;
}

static void flip(float *value)
{
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    bits ^= 1u << 20;
    memcpy(value, &bits, sizeof bits);
}

static void says(const failure *why, const char *words)
{
    if (!strstr(why->text, words)) print_error("'%s' is not in '%s'\n", words, why->text);
    assert_non_null(strstr(why->text, words));
}

/* ---- copies ---- */

static void equal_copies_pass(void **state)
{
    (void)state;
    for (int width = 0; width <= 2; width++) {
        session s = {.step = 0};
        failure why = {""};
        char hex[33], digest[33];
        train_run_open(&s, train_run_settings(), 1, width);
        guard *g = guard_new(&s);
        stepper *p = step_new(&s);
        for (int step = 0; step < 2; step++) {
            assert_true(step_run(p, 0, step, 0).finite);
            assert_int_equal(guard_check(g, hex, &why), STATUS_OK);
            digest_parameters(&s.m, s.parameters, digest);
            assert_string_equal(hex, digest);
        }
        train_run_close(&s);
    }
}

/* Two tensors are wrong, the second one on a lower rank: the first tensor is named. */
static void a_flipped_bit_is_named(void **state)
{
    (void)state;
    session s = {.step = 0};
    failure why = {""};
    char hex[33], words[96];
    train_run_open(&s, train_run_settings(), 1, 1);
    int rank = s.layout->rank, ranks = s.layout->ranks, last = ranks - 1;
    guard *g = guard_new(&s);
    assert_true(step_run(step_new(&s), 0, 0, 0).finite);
    if (rank == last) flip(value_of(&s, 1, 1));
    if (rank == 0) flip(value_of(&s, 2, 0));
    status code = guard_check(g, hex, &why);
    assert_int_equal(code, ranks > 1 ? STATUS_STOPPED : STATUS_OK);
    if (ranks > 1) {
        snprintf(words, sizeof words, "step 1: rank %d's copy", last);
        says(&why, words);
        snprintf(words, sizeof words, "differs from rank 0's in dense/bias (%d of %d copies",
                 ranks - 1, ranks);
        says(&why, words);
    }
    if (rank == last) flip(value_of(&s, 1, 1));
    code = guard_check(g, hex, &why);
    assert_int_equal(code, ranks > 1 ? STATUS_STOPPED : STATUS_OK);
    /* of two copies the lower rank's counts as the right one */
    if (ranks > 1) says(&why, ranks > 2 ? "rank 0's copy" : "rank 1's copy");
    if (ranks > 1) says(&why, "in dense_1/kernel");
    if (rank == 0) flip(value_of(&s, 2, 0));
    assert_int_equal(guard_check(g, hex, &why), STATUS_OK);
    train_run_close(&s);
}

/* Groups of two ranks: a copy belongs to the group, and the group's first rank names it. */
static void a_groups_copy_is_named_by_its_first_rank(void **state)
{
    (void)state;
    session s = {.step = 0};
    failure why = {""};
    char hex[33], words[32];
    train_run_open(&s, train_run_settings(), 1, 2);
    const comm_layout *l = s.layout;
    guard *g = guard_new(&s);
    assert_true(step_run(step_new(&s), 0, 0, 0).finite);
    comm_barrier(s.c);
    if (l->rank == (l->groups - 1) * 2) flip(value_of(&s, 1, 0));
    comm_barrier(s.c);
    assert_int_equal(guard_check(g, hex, &why), l->groups > 1 ? STATUS_STOPPED : STATUS_OK);
    snprintf(words, sizeof words, "rank %d's copy", (l->groups - 1) * 2);
    if (l->groups > 1) says(&why, words);
    train_run_close(&s);
}

/* ---- a whole run ---- */

static int flip_at; /* step after which rank 0's copy is damaged; 0: never */

static void damage(void *context, const session *s, int epoch, int step, double loss,
                   double accuracy, double rate)
{
    (void)context, (void)epoch, (void)step, (void)loss, (void)accuracy, (void)rate;
    if (s->step == flip_at) flip(value_of(s, 1, 0));
}

static status train_once(settings cfg, const char *name, char digest[33], failure *why)
{
    session s = {.step = 0};
    char path[FILE_PATH], written[FILE_PATH];
    train_observer observer = {.stepped = damage};
    train_result result = {0};
    snprintf(path, sizeof path, "%.900s/%s", train_run_folder(), name);
    train_run_set(&cfg, "out", path);
    train_run_open(&s, cfg, 1, 1);
    status code = train_run(&s, NULL, &observer, &result, written, why);
    memcpy(digest, result.parameters_digest, 33);
    train_run_close(&s);
    return code;
}

static void a_run_stops_and_goes_on(void **state)
{
    (void)state;
    failure why = {""};
    char whole[33], parts[33];
    settings cfg = train_run_settings();
    train_run_set(&cfg, "digest-every", "2");
    train_run_set(&cfg, "reduce", "mpi"); /* every rank updates a copy of its own: damage stays */
    flip_at = 0;
    assert_int_equal(train_once(cfg, "whole", whole, &why), STATUS_OK);
    flip_at = 7; /* of 5 steps an epoch */
    int ranks = train_run_layout()->ranks;
    status code = train_once(cfg, "parts", parts, &why);
    assert_int_equal(code, ranks > 1 ? STATUS_STOPPED : STATUS_OK);
    flip_at = 0;
    if (ranks == 1) return;
    says(&why, ranks > 2 ? "step 8: rank 0's copy" : "step 8: rank 1's copy");
    train_run_set(&cfg, "resume", "yes");
    assert_int_equal(train_once(cfg, "parts", parts, &why), STATUS_OK);
    assert_string_equal(parts, whole);
}

/* Damage between two checks: no checkpoint is written from a damaged copy. */
static void no_checkpoint_of_a_damaged_copy(void **state)
{
    (void)state;
    failure why = {""};
    char digest[33], path[FILE_PATH];
    settings cfg = train_run_settings();
    train_run_set(&cfg, "digest-every", "100");
    train_run_set(&cfg, "reduce", "mpi");
    flip_at = 4;
    status code = train_once(cfg, "damaged", digest, &why);
    flip_at = 0;
    if (train_run_layout()->ranks == 1) return;
    assert_int_equal(code, STATUS_STOPPED);
    says(&why, "step 5: ");
    snprintf(path, sizeof path, "%.900s/damaged/last.weights.h5", train_run_folder());
    assert_false(file_exists(path));
}

/* ---- not finite ---- */

/* With this rate the update of one step overflows; its loss and gradient are finite. Nothing leaves the run: no checkpoint, no
 * digest in the record, no result. */
static void no_checkpoint_of_an_overflow(void **state)
{
    (void)state;
    for (int digests = 0; digests <= 1; digests++) {
        failure why = {""};
        char digest[33], path[FILE_PATH], text[4096] = "";
        settings cfg = train_run_settings();
        train_run_set(&cfg, "optimizer", "adamax");
        train_run_set(&cfg, "learning-rate", "3e38");
        train_run_set(&cfg, "max-steps", "1");
        if (digests) train_run_set(&cfg, "digest-every", "1");
        assert_int_equal(train_once(cfg, digests ? "digests" : "overflow", digest, &why),
                         STATUS_DIFFERS);
        says(&why, "step 1: its update made the parameters dense/kernel NaN or Inf: they are not "
                   "saved");
        assert_string_equal(digest, "");
        snprintf(path, sizeof path, "%.900s/%s/last.weights.h5", train_run_folder(),
                 digests ? "digests" : "overflow");
        assert_false(file_exists(path));
        snprintf(strrchr(path, '/'), 20, "/metrics.jsonl");
        FILE *record = fopen(path, "r");
        assert_non_null(record);
        assert_true(fread(text, 1, sizeof text - 1, record) < sizeof text - 1);
        fclose(record);
        assert_null(strstr(text, "digest\":\""));
    }
}

/* A NaN in any place of any tensor is found, on every rank, and it is named. */
static void every_tensor_is_looked_at(void **state)
{
    (void)state;
    session s = {.step = 0};
    train_run_open(&s, train_run_settings(), 1, 0);
    failure why = {""};
    const float bad[] = {(float)NAN, (float)INFINITY, -(float)INFINITY};
    const char *const names[] = {"dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"};
    assert_int_equal(guard_finite(&s, &why), STATUS_OK);
    for (int t = 0; t < 4; t++)
        for (int i = 0; i < 3; i++) {
            span at = s.m.layer[1 + t / 2].tensor[t % 2].at;
            float *value = s.parameters + at.offset + (i < 2 ? 0 : at.length - 1);
            float before = *value;
            comm_barrier(s.c);
            *value = bad[i];
            comm_barrier(s.c);
            assert_int_equal(guard_finite(&s, &why), STATUS_DIFFERS);
            says(&why, names[t]);
            comm_barrier(s.c);
            *value = before;
            comm_barrier(s.c);
        }
    assert_int_equal(guard_finite(&s, &why), STATUS_OK);
    train_run_close(&s);
}

static void a_poisoned_parameter_is_named(void **state)
{
    (void)state;
    session s = {.step = 0};
    failure why = {""};
    char words[96];
    train_run_open(&s, train_run_settings(), 1, 1);
    int last = s.layout->ranks - 1;
    stepper *p = step_new(&s);
    assert_true(step_run(p, 0, 0, 0).finite);
    if (s.layout->rank == last) *value_of(&s, 2, 1) = (float)NAN;
    step_result r = step_run(p, 0, 1, 0);
    assert_false(r.finite);
    assert_int_equal(guard_not_finite(p, &r, 0, &why), STATUS_DIFFERS);
    snprintf(words, sizeof words, "epoch 1, step 2: the loss is not finite");
    says(&why, words);
    snprintf(words, sizeof words,
             "of rank %d first; nor are the parameters dense_1/bias of rank %d:", last, last);
    says(&why, words);
    train_run_close(&s);
}

/* With a huge rate the first step is finite; then products of finite parameters overflow. The session stays open. */
static void fail_at_a_huge_rate(session *s, settings cfg, failure *why)
{
    train_run_set(&cfg, "optimizer", "sgd");
    train_run_set(&cfg, "learning-rate", "1e30");
    train_run_open(s, cfg, 1, 0);
    stepper *p = step_new(s);
    step_result r = {.finite = 1};
    for (int step = 0; r.finite && step < 4; step++) r = step_run(p, 0, step, 0);
    assert_false(r.finite);
    assert_int_equal(guard_not_finite(p, &r, 0, why), STATUS_DIFFERS);
}

static void a_huge_rate_names_a_gradient(void **state)
{
    (void)state;
    session s = {.step = 0};
    failure why = {""};
    fail_at_a_huge_rate(&s, train_run_settings(), &why);
    says(&why, "samples, of rank 0 first; first in the gradient of dense/kernel on rank 0:");
    train_run_close(&s);
}

/* No rank has a sum of its own of a kernel whose gradient the ranks form together. */
static void a_huge_rate_names_a_joint_gradient(void **state)
{
    (void)state;
    session s = {.step = 0};
    failure why = {""};
    settings cfg = train_run_settings();
    train_run_set(&cfg, "model", "flatten; dense 128 relu; dense 10");
    fail_at_a_huge_rate(&s, cfg, &why);
    assert_int_equal(s.joint, s.layout->ranks > 1);
    says(&why, s.joint ? "first in the sum over ranks of the gradients of dense/kernel:"
                       : "first in the gradient of dense/kernel on rank 0:");
    train_run_close(&s);
}

/* The sum of finite gradients is infinite. */
static void a_sum_is_named(void **state)
{
    (void)state;
    session s = {.step = 0};
    failure why = {""};
    train_run_open(&s, train_run_settings(), 1, 0);
    stepper *p = step_new(&s);
    step_result r = step_run(p, 0, 0, 0);
    span slice = exchange_slice(s.x, s.m.buckets - 1);
    r.nonfinite = 0;
    /* the slab's first tensor: the last of the buckets, rank 0's slice */
    if (s.layout->rank == 0 && slice.length > 0)
        p->u->gradient[s.m.buckets - 1][0] = (float)INFINITY;
    assert_int_equal(guard_not_finite(p, &r, 0, &why), STATUS_DIFFERS);
    says(&why, "the gradient is not finite (NaN, Inf or beyond 2^20); first in the ");
    /* with one rank its gradient is the sum */
    says(&why, s.layout->ranks == 1 ? "gradient of dense/kernel on rank 0:"
                                    : "sum over ranks of the gradients of dense/kernel:");
    train_run_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_copies_pass),
        cmocka_unit_test(a_flipped_bit_is_named),
        cmocka_unit_test(a_groups_copy_is_named_by_its_first_rank),
        cmocka_unit_test(a_run_stops_and_goes_on),
        cmocka_unit_test(no_checkpoint_of_a_damaged_copy),
        cmocka_unit_test(no_checkpoint_of_an_overflow),
        cmocka_unit_test(every_tensor_is_looked_at),
        cmocka_unit_test(a_poisoned_parameter_is_named),
        cmocka_unit_test(a_huge_rate_names_a_gradient),
        cmocka_unit_test(a_huge_rate_names_a_joint_gradient),
        cmocka_unit_test(a_sum_is_named),
    };
    train_run_begin(&argc, &argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return train_run_end(failed);
}
