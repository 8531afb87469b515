/* Copies of the parameters that differ, and what is not finite, are found, and named by tensor and rank; a run that was stopped
 * for it goes on from its last good checkpoint and ends as one in which nothing happened. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/team.h"
#include "comm/comm.h"
#include "io/file.h"
#include "train/guard.h"
#include "train/trainer.h"

#include <cmocka.h>
#undef fail /* ours is error.h's */

typedef struct folder {
    char path[FILE_PATH];
} folder;
static folder scratch; /* the same on all ranks */

static void set(settings *cfg, const char *name, const char *value)
{
    message why;
    if (settings_set(cfg, name, value, &why)) print_error("%s\n", why.text), abort();
}

static settings small_settings(void)
{
    settings cfg = settings_default();
    set(&cfg, "data", "synthetic");
    set(&cfg, "model", "flatten; dense 12 relu; dense 10");
    set(&cfg, "limit", "300");
    set(&cfg, "batch-size", "64");
    set(&cfg, "epochs", "2");
    return cfg;
}

/* width 0: all ranks share memory. */
static void open_session(session *s, settings cfg, int width)
{
    message why;
    comm_cfg ranks = comm_cfg_default();
    ranks.cores = 1;
    ranks.group_size = width;
    *s = (session){.step = 0};
    status code = settings_resolve(&cfg, &why);
    session_cfg open = {.cfg = cfg, .c = comm_open(&ranks), .threads = 1, .cores = 1};
    if (!code) code = session_open(s, &open, &why);
    if (code) print_error("%s\n", why.text), abort();
}

static void close_session(session *s)
{
    session_close(s);
    comm_close(s->c);
}

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

static void says(const message *why, const char *words)
{
    if (!strstr(why->text, words)) print_error("'%s' is not in '%s'\n", words, why->text);
    assert_non_null(strstr(why->text, words));
}

/* ---- copies ---- */

static void equal_copies_pass(void **state)
{
    (void)state;
    for (int width = 0; width <= 2; width++) {
        session s;
        message why = {""};
        char hex[33], digest[33];
        open_session(&s, small_settings(), width);
        guard *g = guard_new(&s);
        for (int step = 0; step < 2; step++) {
            assert_true(step_run(&s, 0, step).finite);
            assert_int_equal(guard_check(g, &s, hex, &why), STATUS_OK);
            session_digest(&s, digest);
            assert_string_equal(hex, digest);
        }
        close_session(&s);
    }
}

/* Two tensors are wrong, the second one on a lower rank, too: the first tensor is named. */
static void a_flipped_bit_is_named(void **state)
{
    (void)state;
    session s;
    message why = {""};
    char hex[33], words[96];
    open_session(&s, small_settings(), 1);
    int rank = s.layout->rank, ranks = s.layout->ranks, last = ranks - 1;
    guard *g = guard_new(&s);
    assert_true(step_run(&s, 0, 0).finite);
    if (rank == last) flip(value_of(&s, 1, 1));
    if (rank == 0) flip(value_of(&s, 2, 0));
    status code = guard_check(g, &s, hex, &why);
    assert_int_equal(code, ranks > 1 ? STATUS_STOPPED : STATUS_OK);
    if (ranks > 1) {
        snprintf(words, sizeof words, "step 1: rank %d's copy", last);
        says(&why, words);
        snprintf(words, sizeof words, "differs from rank 0's in dense/bias (%d of %d copies",
                 ranks - 1, ranks);
        says(&why, words);
    }
    if (rank == last) flip(value_of(&s, 1, 1));
    code = guard_check(g, &s, hex, &why);
    assert_int_equal(code, ranks > 1 ? STATUS_STOPPED : STATUS_OK);
    /* of two copies the lower rank's is taken for the right one */
    if (ranks > 1) says(&why, ranks > 2 ? "rank 0's copy" : "rank 1's copy");
    if (ranks > 1) says(&why, "in dense_1/kernel");
    if (rank == 0) flip(value_of(&s, 2, 0));
    assert_int_equal(guard_check(g, &s, hex, &why), STATUS_OK);
    close_session(&s);
}

/* Groups of two: the copy is the group's, and named by its first rank. */
static void a_groups_copy_is_named_by_its_first_rank(void **state)
{
    (void)state;
    session s;
    message why = {""};
    char hex[33], words[32];
    open_session(&s, small_settings(), 2);
    const comm_layout *l = s.layout;
    guard *g = guard_new(&s);
    assert_true(step_run(&s, 0, 0).finite);
    comm_barrier(s.c);
    if (l->rank == (l->groups - 1) * 2) flip(value_of(&s, 1, 0));
    comm_barrier(s.c);
    assert_int_equal(guard_check(g, &s, hex, &why), l->groups > 1 ? STATUS_STOPPED : STATUS_OK);
    snprintf(words, sizeof words, "rank %d's copy", (l->groups - 1) * 2);
    if (l->groups > 1) says(&why, words);
    close_session(&s);
}

/* ---- a whole run ---- */

static int flip_at; /* step after which rank 0's copy is damaged; 0: never */

static void damage(void *context, const session *s, int epoch, int step, double loss,
                   double accuracy, double rate)
{
    (void)context, (void)epoch, (void)step, (void)loss, (void)accuracy, (void)rate;
    if (s->step == flip_at) flip(value_of(s, 1, 0));
}

static status train_once(settings cfg, const char *name, char digest[33], message *why)
{
    session s;
    char path[FILE_PATH], written[FILE_PATH];
    train_observer observer = {.stepped = damage};
    train_result result = {0};
    snprintf(path, sizeof path, "%.900s/%s", scratch.path, name);
    set(&cfg, "out", path);
    open_session(&s, cfg, 1);
    status code = train_run(&s, &observer, &result, written, why);
    memcpy(digest, result.parameters_digest, 33);
    close_session(&s);
    return code;
}

static void a_run_stops_and_goes_on(void **state)
{
    (void)state;
    message why = {""};
    char whole[33], parts[33];
    settings cfg = small_settings();
    set(&cfg, "digest-every", "2");
    set(&cfg, "reduce", "mpi"); /* every rank updates a copy of its own: damage stays */
    flip_at = 0;
    assert_int_equal(train_once(cfg, "whole", whole, &why), STATUS_OK);
    flip_at = 7; /* of 5 steps an epoch */
    int ranks = comm_world_size();
    status code = train_once(cfg, "parts", parts, &why);
    assert_int_equal(code, ranks > 1 ? STATUS_STOPPED : STATUS_OK);
    flip_at = 0;
    if (ranks == 1) return;
    says(&why, ranks > 2 ? "step 8: rank 0's copy" : "step 8: rank 1's copy");
    set(&cfg, "resume", "yes");
    assert_int_equal(train_once(cfg, "parts", parts, &why), STATUS_OK);
    assert_string_equal(parts, whole);
}

/* Between two checks: the checkpoint is not written from a damaged copy. */
static void no_checkpoint_of_a_damaged_copy(void **state)
{
    (void)state;
    message why = {""};
    char digest[33], path[FILE_PATH];
    settings cfg = small_settings();
    set(&cfg, "digest-every", "100");
    set(&cfg, "reduce", "mpi");
    flip_at = 4;
    status code = train_once(cfg, "damaged", digest, &why);
    flip_at = 0;
    if (comm_world_size() == 1) return;
    assert_int_equal(code, STATUS_STOPPED);
    says(&why, "step 5: ");
    snprintf(path, sizeof path, "%.900s/damaged/last.weights.h5", scratch.path);
    assert_false(file_exists(path));
}

/* ---- not finite ---- */

static void a_poisoned_parameter_is_named(void **state)
{
    (void)state;
    session s;
    message why = {""};
    char words[96];
    open_session(&s, small_settings(), 1);
    int last = s.layout->ranks - 1;
    assert_true(step_run(&s, 0, 0).finite);
    if (s.layout->rank == last) *value_of(&s, 2, 1) = (float)NAN;
    step_result r = step_run(&s, 0, 1);
    assert_false(r.finite);
    assert_int_equal(guard_not_finite(&s, &r, 0, &why), STATUS_DIFFERS);
    snprintf(words, sizeof words, "epoch 1, step 2: the loss is not finite");
    says(&why, words);
    snprintf(words, sizeof words,
             "of rank %d first; nor are the parameters dense_1/bias of rank %d:", last, last);
    says(&why, words);
    close_session(&s);
}

/* The parameters are finite, the first step of a huge rate is, too: then products overflow. The session stays open. */
static void fail_at_a_huge_rate(session *s, settings cfg, message *why)
{
    set(&cfg, "optimizer", "sgd");
    set(&cfg, "learning-rate", "1e30");
    open_session(s, cfg, 0);
    step_result r = {.finite = 1};
    for (int step = 0; r.finite && step < 4; step++) r = step_run(s, 0, step);
    assert_false(r.finite);
    assert_int_equal(guard_not_finite(s, &r, 0, why), STATUS_DIFFERS);
}

static void a_huge_rate_names_a_gradient(void **state)
{
    (void)state;
    session s;
    message why = {""};
    fail_at_a_huge_rate(&s, small_settings(), &why);
    says(&why, "samples, of rank 0 first; first in the gradient of dense/kernel on rank 0:");
    close_session(&s);
}

/* Of a kernel whose gradient the ranks form together no rank has a sum of its own. */
static void a_huge_rate_names_a_joint_gradient(void **state)
{
    (void)state;
    session s;
    message why = {""};
    settings cfg = small_settings();
    set(&cfg, "model", "flatten; dense 128 relu; dense 10");
    fail_at_a_huge_rate(&s, cfg, &why);
    assert_int_equal(s.joint, s.layout->ranks > 1);
    says(&why, s.joint ? "first in the sum over ranks of the gradients of dense/kernel:"
                       : "first in the gradient of dense/kernel on rank 0:");
    close_session(&s);
}

/* Nothing but the sum of two finite gradients is infinite. */
static void a_sum_is_named(void **state)
{
    (void)state;
    session s;
    message why = {""};
    open_session(&s, small_settings(), 0);
    step_result r = step_run(&s, 0, 0);
    span slice = exchange_slice(s.x, s.m.buckets - 1);
    r.nonfinite = 0;
    /* the slab's first tensor: the last of the buckets, rank 0's slice */
    if (s.layout->rank == 0 && slice.length > 0) s.gradient[s.m.buckets - 1][0] = (float)INFINITY;
    assert_int_equal(guard_not_finite(&s, &r, 0, &why), STATUS_DIFFERS);
    says(&why, "the gradient is not finite (NaN, Inf or beyond 2^20); first in the ");
    /* of one rank, its gradient is the sum */
    says(&why, s.layout->ranks == 1 ? "gradient of dense/kernel on rank 0:"
                                    : "sum over ranks of the gradients of dense/kernel:");
    close_session(&s);
}

static void make_folder(comm *c)
{
    if (comm_world_rank() == 0) {
        const char *base = getenv("TMPDIR");
        snprintf(scratch.path, sizeof scratch.path, "%s/mnist_dist_guard.XXXXXX",
                 base && base[0] ? base : "/tmp");
        CHECK(mkdtemp(scratch.path), "no folder %s", scratch.path);
    }
    comm_broadcast(c, &scratch, sizeof scratch);
}

static void remove_folder(void)
{
    char command[FILE_PATH + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch.path);
    CHECK(system(command) == 0, "%s", command);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_copies_pass),
        cmocka_unit_test(a_flipped_bit_is_named),
        cmocka_unit_test(a_groups_copy_is_named_by_its_first_rank),
        cmocka_unit_test(a_run_stops_and_goes_on),
        cmocka_unit_test(no_checkpoint_of_a_damaged_copy),
        cmocka_unit_test(a_poisoned_parameter_is_named),
        cmocka_unit_test(a_huge_rate_names_a_gradient),
        cmocka_unit_test(a_huge_rate_names_a_joint_gradient),
        cmocka_unit_test(a_sum_is_named),
    };
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* a rank that fails takes all down */
    team_flush_denormals();
    comm_start(&argc, &argv, 1);
    comm_cfg cfg = comm_cfg_default();
    comm *keeper = comm_open(&cfg); /* MPI ends with the last comm */
    make_folder(keeper);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_barrier(keeper);
    if (comm_world_rank() == 0) remove_folder();
    comm_close(keeper);
    return failed;
}
