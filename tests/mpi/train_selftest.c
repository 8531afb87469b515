/* A training of selftest gives its published digest on every layout, twice in one process; a kernel that computes one bit
 * otherwise on one rank gives another digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train_run.h"

#include "train/selftest.h"

#include <cmocka.h>
#undef fail /* ours is error.h's */

static const numerics_row *row_of(const char *name)
{
    const numerics_row *row;
    for (int i = 0; (row = numerics_table(i)) != NULL; i++)
        if (strcmp(row->name, name) == 0) return row;
    abort();
}

static void the_published_digest(void **state)
{
    (void)state;
    static const char *const names[] = {"mlp", "gru-stack", "schedule-plateau", "mlp"};
    selftest_cfg cfg = {.c = train_run_comm(), .threads = 1, .cores = 1, .isa = "auto"};
    for (int i = 0; i < 4; i++) {
        selftest_result r;
        failure why = {""};
        if (i == 3) cfg.isa = "baseline";
        assert_int_equal(selftest_run(&cfg, row_of(names[i]), &r, &why), STATUS_OK);
        assert_int_equal(r.steps, 40);
        assert_string_equal(r.digest, row_of(names[i])->digest);
    }
}

/* The kernels of the last rank change the lowest bit of one gradient of one product. */
static kernels bad;
static const kernels *good;

static void wrong_sums(int rows, int cols, const float *g, gemm_store store, float *sums)
{
    uint32_t bits;
    good->column_sums(rows, cols, g, store, sums);
    memcpy(&bits, sums, sizeof bits);
    bits ^= 1;
    memcpy(sums, &bits, sizeof bits);
}

static void damage(session *s)
{
    good = s->m.k;
    bad = *good;
    bad.column_sums = wrong_sums;
    if (s->layout->rank + 1 < s->layout->ranks) return;
    for (int i = 0; i < s->m.stages; i++) s->m.stage[i].k = &bad;
}

static void a_kernel_of_one_rank_that_computes_otherwise(void **state)
{
    (void)state;
    selftest_cfg cfg = {
        .c = train_run_comm(), .threads = 1, .cores = 1, .isa = "auto", .opened = damage};
    selftest_result r;
    failure why = {""};
    const numerics_row *row = row_of("gru-stack");
    assert_int_equal(selftest_run(&cfg, row, &r, &why), STATUS_OK);
    assert_string_not_equal(r.digest, row->digest);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_digest),
        cmocka_unit_test(a_kernel_of_one_rank_that_computes_otherwise),
    };
    train_run_begin(&argc, &argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return train_run_end(failed);
}
