/* What a process may use: cgroup files of several shapes, and the advice with its exact words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/place.h"

/* ---- a root with files of one's own ---- */

static char root[64];

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_int_equal(system(command), 0);
}

static void put(const char *path, const char *text)
{
    run("mkdir -p \"$(dirname '%s%s')\" && printf '%%s\\n' '%s' > '%s%s'", root, path, text, root,
        path);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/place-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    run("rm -rf '%s'", root);
    return 0;
}

static void no_files_no_limit(void **state)
{
    (void)state;
    place p = place_read_below(root);
    assert_int_equal(p.quota, 0);
    assert_int_equal(p.affinity, place_mask_count(&p.mask));
    assert_true(p.affinity >= 1 && p.online >= 1);
    assert_int_equal(place_cores(&p), p.affinity);
}

static void version_2_quota_rounds_up(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/job/step");
    put("/sys/fs/cgroup/job/step/cpu.max", "150000 100000");
    assert_int_equal(place_read_below(root).quota, 2);
    put("/sys/fs/cgroup/job/step/cpu.max", "max 100000");
    assert_int_equal(place_read_below(root).quota, 0);
}

static void the_tightest_level_counts(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/job/step");
    put("/sys/fs/cgroup/job/step/cpu.max", "800000 100000");
    put("/sys/fs/cgroup/job/cpu.max", "300000 100000");
    put("/sys/fs/cgroup/cpu.max", "max 100000");
    assert_int_equal(place_read_below(root).quota, 3);
}

static void a_container_sees_its_own_root(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/docker/0123456789abcdef");
    put("/sys/fs/cgroup/cpu.max", "50000 100000");
    assert_int_equal(place_read_below(root).quota, 1);
}

static void version_1_quota(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "4:cpuacct,cpu:/job");
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000");
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000");
    assert_int_equal(place_read_below(root).quota, 3);
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1");
    assert_int_equal(place_read_below(root).quota, 0);
    put("/proc/self/cgroup", "4:cpuset:/job"); /* another controller: no quota of ours */
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000");
    assert_int_equal(place_read_below(root).quota, 0);
}

static void cpuset_limits_what_is_offered(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/job");
    put("/sys/fs/cgroup/job/cpuset.cpus.effective", "3");
    assert_int_equal(place_read_below(root).online, 1);
    int host = (int)sysconf(_SC_NPROCESSORS_ONLN);
    put("/sys/fs/cgroup/job/cpuset.cpus.effective", "0-511,600,700-701");
    assert_int_equal(place_read_below(root).online, host);
}

static void garbage_does_not_limit(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "nonsense");
    assert_int_equal(place_read_below(root).quota, 0);
    put("/proc/self/cgroup", "0::/job");
    put("/sys/fs/cgroup/job/cpu.max", "many");
    put("/sys/fs/cgroup/job/cpuset.cpus.effective", "all");
    place p = place_read_below(root);
    assert_int_equal(p.quota, 0);
    assert_int_equal(p.online, (int)sysconf(_SC_NPROCESSORS_ONLN));
}

/* ---- advice ---- */

static place_mask cores(int from, int count)
{
    place_mask m = {{0}};
    for (int i = from; i < from + count; i++) m.bit[i / 64] |= 1ull << i % 64;
    return m;
}

static place placed(int from, int count, int online)
{
    return (place){.mask = cores(from, count), .affinity = count, .online = online};
}

static void masks_join(void **state)
{
    (void)state;
    place_mask a = cores(60, 8), b = cores(64, 8);
    place_mask_join(&a, &b);
    assert_int_equal(place_mask_count(&a), 12);
}

static void threads_fill_the_cores(void **state)
{
    (void)state;
    place own = placed(0, 8, 8);
    const struct {
        int ranks, asked, threads, over;
    } rows[] = {{1, 0, 8, 0}, {2, 0, 4, 0}, {3, 0, 2, 0}, {8, 0, 1, 0},
                {9, 0, 1, 1}, {2, 8, 8, 1}, {4, 2, 2, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        place_advice a = place_advise(&own, &own.mask, rows[i].ranks, rows[i].asked);
        assert_int_equal(a.cores, 8);
        assert_int_equal(a.threads, rows[i].threads);
        assert_int_equal(a.oversubscribed, rows[i].over);
        const char *crowded = "2 ranks x 8 threads share 8 cores; fewer are faster, with the same "
                              "results: mpirun -n 8 with -t 1, or -n 1 with -t 8";
        assert_string_equal(a.warning, rows[i].over && rows[i].asked ? crowded : "");
    }
}

static void a_binding_of_openmp_is_named(void **state)
{
    (void)state;
    place own = placed(0, 1, 2);
    own.bound_by = "OMP_PLACES";
    assert_string_equal(place_advise(&own, &own.mask, 1, 0).warning,
                        "1 rank is bound to 1 of this host's 2 cores; to use all of them: unset "
                        "OMP_PLACES");
    assert_string_equal(place_advise(&own, &own.mask, 1, 2).warning,
                        "2 threads on 1 core: unset OMP_PLACES");
    assert_non_null(strstr(place_advise(&own, &own.mask, 2, 0).warning, ": unset OMP_PLACES"));
}

static void one_rank_on_half_the_host(void **state)
{
    (void)state;
    place own = placed(0, 1, 2);
    place_advice a = place_advise(&own, &own.mask, 1, 0);
    assert_int_equal(a.threads, 1);
    assert_non_null(strstr(a.warning, "bound to 1 of this host's 2 cores"));
    assert_non_null(strstr(a.warning, "--bind-to none"));
    assert_non_null(strstr(a.warning, "slot:PE=2"));
    assert_string_equal(place_advise(&own, &own.mask, 1, 1).warning, ""); /* asked for: no waste */
}

static void ranks_with_a_core_each(void **state)
{
    (void)state;
    place own = placed(1, 1, 2);
    place_mask both = cores(0, 2);
    place_advice a = place_advise(&own, &both, 2, 0);
    assert_int_equal(a.threads, 1);
    assert_string_equal(a.warning, "");
}

static void ranks_on_the_same_core(void **state)
{
    (void)state;
    place own = placed(0, 1, 4);
    place_advice a = place_advise(&own, &own.mask, 2, 0);
    assert_int_equal(a.oversubscribed, 1);
    assert_non_null(strstr(a.warning, "2 ranks share 1 of this host's 4 cores"));
    assert_non_null(strstr(a.warning, "--bind-to none"));
}

static void threads_on_the_same_core(void **state)
{
    (void)state;
    place own = placed(0, 1, 4);
    place_mask all = cores(0, 2);
    place_advice a = place_advise(&own, &all, 2, 2);
    assert_int_equal(a.threads, 2);
    assert_non_null(strstr(a.warning, "2 threads on 1 core: mpirun --map-by slot:PE=2"));
    own = placed(0, 2, 2);
    a = place_advise(&own, &own.mask, 1, 4);
    assert_non_null(strstr(a.warning, "4 threads on 2 cores: use -t 2"));
}

static void a_quota_is_all_there_is(void **state)
{
    (void)state;
    place own = placed(0, 64, 64);
    own.quota = 4;
    place_advice a = place_advise(&own, &own.mask, 2, 0);
    assert_int_equal(place_cores(&own), 4);
    assert_int_equal(a.cores, 4);
    assert_int_equal(a.threads, 2);
    assert_string_equal(a.warning, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_files_no_limit, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_2_quota_rounds_up, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_tightest_level_counts, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_container_sees_its_own_root, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_1_quota, make_root, remove_root),
        cmocka_unit_test_setup_teardown(cpuset_limits_what_is_offered, make_root, remove_root),
        cmocka_unit_test_setup_teardown(garbage_does_not_limit, make_root, remove_root),
        cmocka_unit_test(masks_join),
        cmocka_unit_test(threads_fill_the_cores),
        cmocka_unit_test(a_binding_of_openmp_is_named),
        cmocka_unit_test(one_rank_on_half_the_host),
        cmocka_unit_test(ranks_with_a_core_each),
        cmocka_unit_test(ranks_on_the_same_core),
        cmocka_unit_test(threads_on_the_same_core),
        cmocka_unit_test(a_quota_is_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
