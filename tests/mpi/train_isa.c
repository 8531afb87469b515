/* Each group of ranks computes with the best kernels that all of its ranks can run, whatever the other groups have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "train/session.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

/* Rank `slow` opens a session as if its processor had baseline alone. */
static void open_with(comm *c, int slow, const char *own, const char *all)
{
    session *s = memory_take(sizeof *s);
    session_cfg cfg = {.cfg = settings_default(), .c = c, .threads = 1, .cores = 1};
    failure why = {""};
    snprintf(cfg.cfg.model, sizeof cfg.cfg.model, "flatten; dense 10");
    snprintf(cfg.cfg.data, sizeof cfg.cfg.data, "synthetic");
    if (comm_get_layout(c)->rank == slow) snprintf(cfg.cfg.isa, sizeof cfg.cfg.isa, "baseline");
    cfg.cfg.limit = 100;
    assert_int_equal(settings_resolve(&cfg.cfg, &why), STATUS_OK);
    assert_int_equal(session_open(s, &cfg, &why), STATUS_OK);
    assert_string_equal(s->m.k->name, own);
    assert_string_equal(s->isa, all);
    session_close(s);
    memory_free(s);
}

/* group_size: most ranks of a group. */
static void slow_last_rank(int group_size)
{
    const kernels *best;
    char mixed[32];
    comm_cfg cfg = comm_cfg_default();
    cfg.group_size = group_size;
    comm *c = comm_open(&cfg);
    const comm_layout *l = comm_get_layout(c);
    int last = l->ranks - 1, beside = l->group_first + l->group_ranks == l->ranks;
    assert_int_equal(kernels_select("auto", PRECISION_FP32, &best, NULL), STATUS_OK);
    snprintf(mixed, sizeof mixed, "%s, baseline", best->name);
    if (l->groups == 1 || kernels_level(best) == 0) snprintf(mixed, sizeof mixed, "baseline");
    open_with(c, last, beside ? "baseline" : best->name, mixed);
    comm_close(c);
}

static void a_slow_host_does_not_slow_the_others(void **state)
{
    (void)state;
    slow_last_rank(2);
}

static void ranks_that_share_memory_use_the_same_kernels(void **state)
{
    (void)state;
    slow_last_rank(0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_host_does_not_slow_the_others),
        cmocka_unit_test(ranks_that_share_memory_use_the_same_kernels),
    };
    comm_cfg cfg = comm_cfg_default();
    comm_start(&argc, &argv, 0);
    comm *keeper = comm_open(&cfg); /* MPI ends with the last comm */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_close(keeper);
    return failed;
}
