/* Ranks, groups and the collectives, on groups of several sizes; what is left in /dev/shm; failing ranks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "comm/comm.h"

#include <cmocka.h>
#undef fail /* ours is error.h's */

static const int group_sizes[] = {0, 1, 2, 3};
enum { LAYOUTS = sizeof group_sizes / sizeof group_sizes[0] };

static comm *open_group(int group_size)
{
    comm_cfg cfg = comm_cfg_default();
    cfg.group_size = group_size;
    return comm_open(&cfg);
}

/* Makes ranks arrive at different times. */
static void stagger(const comm *c, int round)
{
    const comm_layout *l = comm_get_layout(c);
    struct timespec late = {0, 1000000};
    if ((l->rank + round) % 3 == 0 && round % 5 == 0) nanosleep(&late, NULL);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* What the launcher of Open MPI or MPICH told this process: "SIZE" ranks, or "RANK", its own number. Without one: `alone`. */
static int launched(const char *what, int alone)
{
    static const char *const announcers[] = {"OMPI_COMM_WORLD", "PMI"};
    for (size_t i = 0; i < sizeof announcers / sizeof announcers[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", announcers[i], what);
        const char *text = getenv(name);
        if (text) return atoi(text);
    }
    return alone;
}

static int world_ranks(void)
{
    return launched("SIZE", 1);
}

static void layout_is_as_asked(void **state)
{
    (void)state;
    for (int i = 0; i < LAYOUTS; i++) {
        comm *c = open_group(group_sizes[i]);
        const comm_layout *l = comm_get_layout(c);
        int ranks = world_ranks(), width = group_sizes[i] ? group_sizes[i] : ranks;
        assert_int_equal(l->ranks, ranks);
        assert_int_equal(l->rank, launched("RANK", 0)); /* one host: the launcher's order */
        assert_int_equal(l->hosts, 1);
        assert_int_equal(l->host_rank, l->rank);
        assert_int_equal(l->host_ranks, ranks);
        assert_int_equal(l->groups, (ranks + width - 1) / width);
        assert_int_equal(l->group, l->rank / width);
        assert_int_equal(l->group_first, l->group * width);
        assert_int_equal(l->group_rank, l->rank % width);
        assert_int_equal(l->group_ranks, smaller(width, ranks - l->group_first));
        assert_string_equal(l->sharing_note, "");
        comm_close(c);
    }
}

static void announced_ranks_are_the_launchers(void **state)
{
    (void)state;
    assert_int_equal(comm_announced_local_ranks(), world_ranks());
    assert_true(strlen(comm_library_version()) > 3);
    assert_null(strpbrk(comm_library_version(), "\n\t"));
}

static void oversubscription_is_known(void **state)
{
    (void)state;
    for (int cores = 0; cores <= world_ranks() + 1; cores++) {
        comm_cfg cfg = comm_cfg_default();
        cfg.cores = cores;
        comm *c = comm_open(&cfg);
        assert_int_equal(comm_get_layout(c)->oversubscribed, cores > 0 && cores < world_ranks());
        comm_barrier(c);
        comm_close(c);
    }
}

static void allgather_gives_every_rank_all(void **state)
{
    (void)state;
    for (int i = 0; i < LAYOUTS; i++) {
        comm *c = open_group(group_sizes[i]);
        const comm_layout *l = comm_get_layout(c);
        const size_t sizes[] = {1, 8, 63, 64, 65, 4096};
        unsigned char own[4096], *all = memory_take(4096 * (size_t)l->ranks);
        for (int round = 0; round < 60; round++) {
            size_t bytes = sizes[round % 6];
            stagger(c, round);
            memset(own, 7 * l->rank + round, bytes);
            comm_allgather(c, own, bytes, all);
            for (int r = 0; r < l->ranks; r++)
                for (size_t b = 0; b < bytes; b++)
                    assert_int_equal(all[(size_t)r * bytes + b], (7 * r + round) & 255);
        }
        memory_free(all);
        comm_close(c);
    }
}

static void sums_are_exact(void **state)
{
    (void)state;
    for (int i = 0; i < LAYOUTS; i++) {
        comm *c = open_group(group_sizes[i]);
        int64_t ranks = comm_get_layout(c)->ranks, rank = comm_get_layout(c)->rank, values[1000];
        for (int v = 0; v < 1000; v++) values[v] = ((int64_t)1 << 60) / ranks / (v + 1) - rank * v;
        comm_sum(c, values, 1000); /* more than one allgather takes */
        for (int v = 0; v < 1000; v++)
            assert_true(values[v] ==
                        ((int64_t)1 << 60) / ranks / (v + 1) * ranks - ranks * (ranks - 1) / 2 * v);
        comm_sum(c, values, 0);
        comm_close(c);
    }
}

static void broadcast_is_rank_0s(void **state)
{
    (void)state;
    enum { COUNT = 300000 };
    comm *c = open_group(2);
    int *data = memory_take(COUNT * sizeof *data), rank = comm_get_layout(c)->rank;
    for (int i = 0; i < COUNT; i++) data[i] = rank == 0 ? i * 3 : -1;
    comm_broadcast(c, data, COUNT * sizeof *data);
    for (int i = 0; i < COUNT; i++) assert_int_equal(data[i], i * 3);
    comm_broadcast(c, data, 0);
    memory_free(data);
    comm_close(c);
}

/* Rank r gives r * 1000 bytes of value r, the last rank nothing. */
static size_t gathered(int rank, int ranks)
{
    return rank == ranks - 1 ? 0 : (size_t)rank * 1000 + 1;
}

static void gather_puts_blocks_in_order(void **state)
{
    (void)state;
    comm *c = open_group(3);
    int rank = comm_get_layout(c)->rank, ranks = comm_get_layout(c)->ranks;
    unsigned char own[8000], all[64000] = {0};
    memset(own, rank + 1, sizeof own);
    for (int round = 0; round < 3; round++) {
        comm_gather(c, own, gathered(rank, ranks), rank == 0 ? all : NULL);
        size_t at = 0;
        for (int r = 0; rank == 0 && r < ranks; r++)
            for (size_t b = 0; b < gathered(r, ranks); b++) assert_int_equal(all[at++], r + 1);
    }
    comm_close(c);
}

static void barriers_hold(void **state)
{
    (void)state;
    for (int i = 0; i < LAYOUTS; i++) {
        comm *c = open_group(group_sizes[i]);
        const comm_layout *l = comm_get_layout(c);
        failure why;
        void *memory;
        assert_int_equal(comm_shared_take(c, 4096, &memory, &why), STATUS_OK);
        volatile int *at = memory; /* at[r]: rounds that the group's rank r has entered */
        for (int round = 1; round <= 100; round++) {
            stagger(c, round);
            at[l->group_rank * 16] = round;
            if (round % 2)
                comm_group_barrier(c);
            else
                comm_barrier(c);
            for (int r = 0; r < l->group_ranks; r++)
                assert_true(at[r * 16] == round || at[r * 16] == round + 1);
        }
        comm_close(c);
    }
}

/* ---- shared memory ---- */

static int own_files(void)
{
    char prefix[64];
    int count = 0;
    DIR *folder = opendir("/dev/shm");
    snprintf(prefix, sizeof prefix, "mnist_dist-%ld-", (long)getpid());
    for (struct dirent *e; folder && (e = readdir(folder));)
        count += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    if (folder) closedir(folder);
    return count;
}

static const size_t huge_page = 2 << 20;

static void shared_memory_is_shared_and_leaves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < LAYOUTS; i++) {
        comm *c = open_group(group_sizes[i]);
        const comm_layout *l = comm_get_layout(c);
        const size_t sizes[] = {0, 1, 100, 4096, 1000003, huge_page + 3};
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            void *memory;
            failure why;
            assert_int_equal(comm_shared_take(c, sizes[s], &memory, &why), STATUS_OK);
            assert_int_equal((uintptr_t)memory % (sizes[s] < huge_page ? 64 : huge_page), 0);
            unsigned char *bytes = memory;
            for (size_t b = 0; b < sizes[s]; b++) assert_int_equal(bytes[b], 0);
            comm_group_barrier(c);
            for (size_t b = (size_t)l->group_rank; b < sizes[s]; b += (size_t)l->group_ranks)
                bytes[b] = (unsigned char)(b % 251 + 1);
            comm_group_barrier(c);
            for (size_t b = 0; b < sizes[s]; b++) assert_int_equal(bytes[b], b % 251 + 1);
            assert_int_equal(own_files(), 0);
        }
        comm_close(c);
        assert_int_equal(own_files(), 0);
    }
}

static const size_t too_much = (size_t)1 << 50;

static void too_much_shared_memory_is_told_to_all(void **state)
{
    (void)state;
    comm *c = open_group(0);
    void *memory = NULL;
    failure why = {{0}};
    if (comm_get_layout(c)->group_ranks > 1) {
        assert_int_equal(comm_shared_take(c, too_much, &memory, &why), STATUS_CANNOT_WRITE);
        assert_non_null(strstr(why.text, "/dev/shm"));
        assert_null(memory);
        assert_int_equal(own_files(), 0);
    }
    assert_int_equal(comm_shared_take(c, 64, &memory, &why), STATUS_OK); /* the comm still works */
    comm_close(c);
}

static void a_host_without_enough_falls_back_to_messages(void **state)
{
    (void)state;
    comm_cfg cfg = comm_cfg_default();
    cfg.shared_bytes = too_much;
    if (world_ranks() == 1) cfg.shared_bytes = 0; /* a rank alone asks /dev/shm for nothing */
    comm *c = comm_open(&cfg);
    const comm_layout *l = comm_get_layout(c);
    assert_int_equal(l->groups, l->ranks);
    assert_int_equal(l->group_first, l->rank);
    assert_int_equal(l->sharing_note[0] != 0, l->ranks > 1);
    int64_t one = 1;
    comm_sum(c, &one, 1);
    assert_int_equal(one, l->ranks);
    comm_close(c);
    cfg = (comm_cfg){.sharing = COMM_SHARE_OFF};
    c = comm_open(&cfg);
    assert_int_equal(comm_get_layout(c)->groups, world_ranks());
    assert_string_equal(comm_get_layout(c)->sharing_note, "");
    comm_close(c);
}

/* ---- failures ---- */

static void all_leave_by_the_same_door(void **state)
{
    (void)state;
    comm *c = open_group(0);
    int rank = comm_get_layout(c)->rank, ranks = comm_get_layout(c)->ranks;
    /* ranks from `bad` on fail; none in the last round */
    for (int bad = 0; bad <= ranks; bad++) {
        failure why = {{0}};
        char expected[128], host[65] = "";
        gethostname(host, sizeof host - 1);
        status own = STATUS_OK;
        if (rank >= bad)
            own = fail(&why, rank == bad ? STATUS_NO_INPUT : STATUS_USAGE, "no file %d", rank);
        status all = comm_agree(c, own, &why);
        assert_int_equal(all, bad < ranks ? STATUS_NO_INPUT : STATUS_OK);
        snprintf(expected, sizeof expected, bad ? "rank %d on %s: no file %d" : "no file 0", bad,
                 host, bad);
        assert_string_equal(why.text, bad < ranks ? expected : "");
        assert_int_equal(comm_agree(c, own, NULL), all);
    }
    comm_close(c);
}

static void traffic_of_collectives_is_not_counted(void **state)
{
    (void)state;
    comm *c = open_group(2);
    comm_barrier(c);
    comm_traffic t = comm_get_traffic(c);
    assert_true(t.sent_bytes == 0 && t.read_bytes == 0);
    comm_close(c);
}

/* ---- watching ---- */

static const char *no_phase(int phase)
{
    (void)phase;
    return "nothing";
}

/* Ranks that wait raise no alarm. A rank that hangs is tested by e2e/hang.sh, since it ends the program. */
static void a_watch_lets_those_alone_who_wait(void **state)
{
    (void)state;
    for (int i = 0; i < LAYOUTS; i++) {
        comm *c = open_group(group_sizes[i]);
        struct timespec late = {0, 300000000};
        comm_watch(c, 30, no_phase);
        comm_pulse(c, 1, 0);
        if (comm_get_layout(c)->rank == 0) nanosleep(&late, NULL);
        comm_barrier(c);
        comm_unwatch(c);
        comm_close(c);
    }
}

static void comms_close_in_any_order(void **state)
{
    (void)state;
    comm *first = open_group(0), *second = open_group(1), *third = open_group(2);
    comm_close(second);
    comm_barrier(third);
    comm_close(first);
    comm_barrier(third);
    comm_close(third);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_as_asked),
        cmocka_unit_test(announced_ranks_are_the_launchers),
        cmocka_unit_test(oversubscription_is_known),
        cmocka_unit_test(allgather_gives_every_rank_all),
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(broadcast_is_rank_0s),
        cmocka_unit_test(gather_puts_blocks_in_order),
        cmocka_unit_test(barriers_hold),
        cmocka_unit_test(shared_memory_is_shared_and_leaves_nothing),
        cmocka_unit_test(too_much_shared_memory_is_told_to_all),
        cmocka_unit_test(a_host_without_enough_falls_back_to_messages),
        cmocka_unit_test(all_leave_by_the_same_door),
        cmocka_unit_test(traffic_of_collectives_is_not_counted),
        cmocka_unit_test(a_watch_lets_those_alone_who_wait),
        cmocka_unit_test(comms_close_in_any_order),
    };
    /* a rank that fails ends all, so that the others do not wait for it */
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    comm_start(&argc, &argv, 1);
    comm *keeper = open_group(0); /* MPI ends with the last comm */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_close(keeper);
    return failed;
}
