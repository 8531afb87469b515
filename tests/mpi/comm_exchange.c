/* The exchange on groups of several sizes: sums with the bits of the tree, parameters back, bytes moved as computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "comm/exchange.h"
#include "comm/messages.h"
#include "exchange_values.h"

#include <cmocka.h>

/* A slab with blocks of odd lengths: 0 has more blocks than ranks, 1 has one block, 2 has four, 3 is empty; the slab's
 * order is not the buckets' order, and [995,1000) belongs to none. */
static const size_t block_start[] = {0,   37,  100, 101, 300,  333,  640,  660,
                                     700, 707, 720, 995, 1000, 1016, 1032, 1048};
enum {
    BLOCKS = sizeof block_start / sizeof block_start[0],
    LENGTH = 1051,
    BUCKETS = 4,
    MAX_RANKS = 8
};

/* More leaves than ranks, fewer, and none. */
static const exchange_steps steps = {{16, 13, 11, 7, 5, 3, 2, 1, 0}, 9, 16, 0};

static const span buckets[BUCKETS] = {{100, 895}, {0, 37}, {1000, 51}, {37, 63}};

/* ---- one exchange ---- */

typedef struct bench {
    comm *c;
    exchange *x;
    const comm_layout *l;
    int width; /* ranks of a group; the last may have fewer */
    exchange_cfg cfg;
    float sum[LENGTH];
} bench;

/* late: buckets whose parameters may arrive in the next step. */
static void bench_open_late(bench *b, int group_size, exchange_mode mode, exchange_way way,
                            exchange_add add, int late)
{
    comm_cfg comm_settings = comm_cfg_default();
    exchange_cfg cfg = {.mode = mode,
                        .way = way,
                        .length = LENGTH,
                        .buckets = BUCKETS,
                        .late = late,
                        .block_start = block_start,
                        .blocks = BLOCKS,
                        .steps = steps,
                        .add = add};
    failure why;
    comm_settings.group_size = group_size;
    comm_settings.cores = 1;
    memcpy(cfg.bucket, buckets, sizeof buckets);
    b->cfg = cfg;
    b->c = comm_open(&comm_settings);
    b->l = comm_get_layout(b->c);
    b->width = group_size ? group_size : b->l->ranks;
    assert_int_equal(exchange_open(b->c, &cfg, &b->x, &why), STATUS_OK);
}

static void bench_open_way(bench *b, int group_size, exchange_mode mode, exchange_way way,
                           exchange_add add)
{
    bench_open_late(b, group_size, mode, way, add, 0);
}

static void bench_open(bench *b, int group_size, exchange_mode mode, exchange_add add)
{
    bench_open_way(b, group_size, mode, EXCHANGE_AUTO, add);
}

static void bench_close(bench *b)
{
    exchange_close(b->x);
    comm_close(b->c);
}

static void stagger(const bench *b, int turn)
{
    struct timespec late = {0, 300000};
    if ((b->l->rank + turn) % 4 == 0) nanosleep(&late, NULL);
}

static void write_partials(bench *b, int step, int leaves, int bucket)
{
    tree_node nodes[TREE_MAX_NODES];
    int held = tree_maximal(leaves, exchange_leaves(b->x, leaves), nodes);
    assert_true(held <= exchange_max_partials(b->x));
    for (int k = 0; k < held; k++)
        for (size_t i = buckets[bucket].offset; i < buckets[bucket].offset + buckets[bucket].length;
             i++)
            exchange_partial(b->x, k)[i] = tree_value(step, nodes[k].lo, nodes[k].hi, i);
}

/* Sums into memory of the caller, and also in place if the sums have a place. */
static void sum_slice(bench *b, int bucket)
{
    span slice = exchange_slice(b->x, bucket);
    float *sum = b->sum + slice.offset, *there = exchange_in_place(b->x, bucket);
    size_t covered = 0;
    assert_true((there != NULL) == (b->l->ranks == 1));
    for (int part = 0; part < 3; part++) {
        span share = exchange_sum(b->x, bucket, part, 3, sum);
        assert_true(share.length == 0 || share.offset == covered);
        covered += share.length;
    }
    assert_int_equal(covered, slice.length);
    for (int part = 0; there && part < 3; part++) exchange_sum(b->x, bucket, part, 3, there);
    assert_true(!there || memcmp(there, sum, slice.length * sizeof *sum) == 0);
}

/* A step up to the sums, which are in b->sum at the offsets of the slices. */
static void sum_step(bench *b, int step, int leaves)
{
    exchange_step(b->x, leaves);
    exchange_arrive(b->x);
    for (int k = 0; k < BUCKETS; k++) {
        stagger(b, step + k);
        write_partials(b, step, leaves, k);
        exchange_begin(b->x, k);
        exchange_poll(b->x);
    }
    exchange_wait(b->x);
    for (int k = 0; k < BUCKETS; k++) sum_slice(b, k);
}

static void update(bench *b, int bucket)
{
    span s = exchange_slice(b->x, bucket);
    for (size_t i = s.offset; i < s.offset + s.length; i++)
        exchange_parameters(b->x)[i] = b->sum[i];
}

static int same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Elements of the buckets from `first` on whose parameter has other bits than the tree's sum. */
static int count_wrong_from(bench *b, int first, int step, int leaves)
{
    int wrong = 0;
    for (int k = first; k < BUCKETS; k++)
        for (size_t i = buckets[k].offset; i < buckets[k].offset + buckets[k].length; i++)
            wrong += !same_bits(exchange_parameters(b->x)[i], sum_value(step, leaves, i));
    return wrong;
}

static int count_wrong(bench *b, int step, int leaves)
{
    return count_wrong_from(b, 0, step, leaves);
}

/* ---- the bytes that should move, from the layout alone ---- */

static int group_ranks(const bench *b, int group)
{
    int left = b->l->ranks - group * b->width;
    return left < b->width ? left : b->width;
}

/* Blocks of a bucket go to ranks in equal runs; does not use the code under test. */
static size_t slice_length(const bench *b, int bucket, int rank)
{
    size_t starts[BLOCKS + 1], end = buckets[bucket].offset + buckets[bucket].length;
    int count = 0, ranks = b->l->ranks;
    for (int i = 0; i < BLOCKS; i++)
        if (block_start[i] >= buckets[bucket].offset && block_start[i] < end)
            starts[count++] = block_start[i];
    starts[count] = end;
    return starts[count * (rank + 1) / ranks] - starts[count * rank / ranks];
}

static size_t row(size_t length)
{
    return (length + 15) / 16 * 16;
}

static int held_by(const bench *b, int leaves, int first, int last)
{
    tree_node nodes[TREE_MAX_NODES], all = {0, leaves};
    tree_node held = {range_part(all, first, b->l->ranks).lo,
                      range_part(all, last, b->l->ranks).hi};
    return tree_maximal(leaves, held, nodes);
}

static int rank_nodes(const bench *b, int leaves, int rank)
{
    return held_by(b, leaves, rank, rank);
}

/* Nodes that the other members of a rank's group hold. */
static int foreign_nodes(const bench *b, int leaves, int rank)
{
    int first = rank / b->width * b->width, nodes = 0;
    for (int r = first; r < first + group_ranks(b, rank / b->width); r++)
        if (r != rank) nodes += rank_nodes(b, leaves, r);
    return nodes;
}

/* What all ranks send and read together. */
typedef struct traffic {
    int64_t sent, read_least, read_most;
} traffic;

/* Each group sends each slice of another group's rank once, and gets its parameters once, whichever ranks do it: directly all
 * nodes of the group. One rank of each group reads the other members' nodes of a slice. */
static traffic expected_traffic(const bench *b, int leaves)
{
    traffic t = {0};
    for (int g = 0; g < b->l->groups; g++) {
        const int first = g * b->width, last = first + group_ranks(b, g) - 1;
        int least = 1 << 30, most = 0;
        for (int r = first; r <= last; r++) {
            int nodes = foreign_nodes(b, leaves, r);
            least = nodes < least ? nodes : least;
            most = nodes > most ? nodes : most;
        }
        for (int k = 0; k < BUCKETS; k++) {
            t.read_least += (int64_t)(4 * buckets[k].length) * least;
            t.read_most += (int64_t)(4 * buckets[k].length) * most;
            for (int r = 0; r < b->l->ranks; r++) {
                size_t length = slice_length(b, k, r);
                if (r >= first && r <= last) continue;
                t.sent += 4 * (int64_t)(row(length) * (size_t)held_by(b, leaves, first, last));
                t.sent += 4 * (int64_t)length;
            }
        }
    }
    return t;
}

static void add_sent(void *context, const message *m)
{
    int64_t *sent = context;
    if (m->from == (int)sent[0]) sent[1] += (int64_t)m->bytes;
}

/* The bytes that this rank sends in a step, as messages_list has them. */
static int64_t listed_bytes(const bench *b, int leaves)
{
    int start[MAX_RANKS + 1];
    int64_t sent[2] = {b->l->rank, 0};
    for (int g = 0; g < b->l->groups; g++) start[g] = g * b->width;
    start[b->l->groups] = b->l->ranks;
    messages_list(&b->cfg, start, b->l->groups, leaves, b->l->rank, add_sent, sent);
    return sent[1];
}

/* ---- tests ---- */

static const int group_sizes[] = {0, 1, 2, 3};

static void slices_are_the_buckets(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 0, EXCHANGE_TREE, add_in_tree_order);
    for (int k = 0; k < BUCKETS; k++) {
        uint64_t mine[2] = {exchange_slice(b.x, k).offset, exchange_slice(b.x, k).length};
        uint64_t all[2 * MAX_RANKS], at = buckets[k].offset;
        assert_int_equal(mine[1], slice_length(&b, k, b.l->rank));
        comm_allgather(b.c, mine, sizeof mine, all);
        for (int r = 0; r < b.l->ranks; r++) {
            assert_true(all[2 * r] == at);
            at += all[2 * r + 1];
        }
        assert_true(at == buckets[k].offset + buckets[k].length);
    }
    bench_close(&b);
}

static void run_step(bench *b, int step, int leaves)
{
    sum_step(b, step, leaves);
    for (int k = 0; k < BUCKETS; k++) update(b, k);
    exchange_publish(b->x);
}

static int is_power_of_two(int n)
{
    return (n & (n - 1)) == 0;
}

/* Checks what moved since `before` in a step of some leaves. */
static void check_traffic(bench *b, exchange_way way, comm_traffic before, int leaves)
{
    comm_traffic after = comm_get_traffic(b->c);
    traffic want = expected_traffic(b, leaves);
    int64_t moved[] = {after.sent_bytes - before.sent_bytes, after.read_bytes - before.read_bytes};
    assert_int_equal(moved[0], listed_bytes(b, leaves));
    comm_sum(b->c, moved, 2);
    /* halving sends the same where every set of groups that adds up has one node */
    if (way == EXCHANGE_DIRECT || (leaves == 16 && is_power_of_two(b->l->ranks) && b->width < 3))
        assert_int_equal(moved[0], want.sent);
    assert_in_range(moved[1], want.read_least, want.read_most);
}

/* Steps of all sizes one after another, some twice: also with more ranks than leaves, and without leaves. */
static void sums_and_parameters_have_the_trees_bits(void **state)
{
    (void)state;
    const int leaves[] = {16, 16, 13, 5, 3, 2, 1, 0, 13, 16, 7, 11};
    for (exchange_way way = EXCHANGE_DIRECT; way <= EXCHANGE_HALVING; way++)
        for (size_t g = 0; g < sizeof group_sizes / sizeof group_sizes[0]; g++) {
            bench b;
            bench_open_way(&b, group_sizes[g], EXCHANGE_TREE, way, add_in_tree_order);
            for (int step = 0; step < (int)(sizeof leaves / sizeof leaves[0]); step++) {
                comm_traffic before = comm_get_traffic(b.c);
                size_t requests = memory_requests();
                run_step(&b, step, leaves[step]);
                assert_int_equal(memory_requests(), requests);
                assert_int_equal(count_wrong(&b, step, leaves[step]), 0);
                check_traffic(&b, way, before, leaves[step]);
            }
            bench_close(&b);
        }
}

/* A rank may be a step ahead of others; nothing is mixed up by messages of two steps. */
static void many_steps_without_a_pause(void **state)
{
    (void)state;
    for (exchange_way way = EXCHANGE_DIRECT; way <= EXCHANGE_HALVING; way++) {
        bench b;
        bench_open_way(&b, 1, EXCHANGE_TREE, way, add_in_tree_order);
        for (int step = 0; step < 60; step++) {
            run_step(&b, step, step % 2 ? 13 : 16);
            assert_int_equal(count_wrong(&b, step, step % 2 ? 13 : 16), 0);
        }
        bench_close(&b);
    }
}

/* The next step begins while some parameters are still on their way: those of the others are there at once, and all of them
 * after exchange_arrive. Every fourth step has no other behind it. */
static void late_parameters_arrive_in_the_next_step(bench *b, int late)
{
    const int leaves[] = {16, 13, 3, 1, 0, 16, 7, 11};
    const int count = sizeof leaves / sizeof leaves[0];
    comm_traffic before = comm_get_traffic(b->c);
    int64_t listed = 0;
    assert_int_equal(exchange_defers(b->x), late && b->l->groups > 1);
    for (int step = 0; step < count; step++) {
        sum_step(b, step, leaves[step]);
        for (int k = 0; k < BUCKETS; k++) update(b, k);
        if (step % 4 == 3)
            exchange_publish(b->x);
        else
            exchange_publish_first(b->x);
        assert_int_equal(count_wrong_from(b, step % 4 == 3 ? 0 : late, step, leaves[step]), 0);
        stagger(b, step);
        exchange_poll(b->x);
        if (step % 4 == 2) { /* also without a step that has begun */
            exchange_arrive(b->x);
            assert_int_equal(count_wrong(b, step, leaves[step]), 0);
            comm_barrier(b->c); /* all have read before the next update */
        }
        listed += listed_bytes(b, leaves[step]);
    }
    assert_int_equal(comm_get_traffic(b->c).sent_bytes - before.sent_bytes, listed);
}

static void late_parameters(void **state)
{
    (void)state;
    for (exchange_way way = EXCHANGE_DIRECT; way <= EXCHANGE_HALVING; way++)
        for (size_t g = 0; g < sizeof group_sizes / sizeof group_sizes[0]; g++)
            for (int late = 0; late < BUCKETS; late++) {
                bench b;
                bench_open_late(&b, group_sizes[g], EXCHANGE_TREE, way, add_in_tree_order, late);
                late_parameters_arrive_in_the_next_step(&b, late);
                bench_close(&b);
            }
}

/* The check above can fail: another order of the additions has other bits. */
static void a_wrong_order_is_seen(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 0, EXCHANGE_TREE, add_from_left);
    sum_step(&b, 5, 11);
    for (int k = 0; k < BUCKETS; k++) update(&b, k);
    exchange_publish(b.x);
    if (b.l->ranks > 1) /* with one rank the only node is the sum */
        assert_true(count_wrong(&b, 5, 11) > 100);
    else
        assert_int_equal(count_wrong(&b, 5, 11), 0);
    bench_close(&b);
}

/* A slice that is not updated keeps its parameters on all ranks, and the next step works. */
static void a_step_may_update_nothing(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 2, EXCHANGE_TREE, add_in_tree_order);
    if (exchange_fills_parameters(b.x))
        for (int i = 0; i < LENGTH; i++) exchange_parameters(b.x)[i] = (float)i;
    comm_group_barrier(b.c);
    sum_step(&b, 1, 16);
    exchange_publish(b.x);
    for (int i = 0; i < LENGTH; i++) assert_true(same_bits(exchange_parameters(b.x)[i], (float)i));
    comm_barrier(b.c); /* all have read before the next update */
    sum_step(&b, 2, 16);
    for (int k = 0; k < BUCKETS; k++) update(&b, k);
    exchange_publish(b.x);
    assert_int_equal(count_wrong(&b, 2, 16), 0);
    /* in no bucket, so it is not moved */
    assert_true(same_bits(exchange_parameters(b.x)[997], 997.0f));
    bench_close(&b);
}

/* Partial sums in which each leaf has the value i + 1 at element i. */
static void write_small_integers(bench *b, int leaves, int bucket)
{
    tree_node nodes[TREE_MAX_NODES];
    int held = tree_maximal(leaves, exchange_leaves(b->x, leaves), nodes);
    for (int k = 0; k < held; k++)
        for (size_t i = buckets[bucket].offset; i < buckets[bucket].offset + buckets[bucket].length;
             i++)
            exchange_partial(b->x, k)[i] = (float)((nodes[k].hi - nodes[k].lo) * (int)(i + 1));
}

/* Integers add up exactly in any order, which is all that --reduce=mpi promises. */
static void allreduce_sums_all_everywhere(void **state)
{
    (void)state;
    const int leaves[] = {16, 13, 3, 1, 0, 16};
    bench b;
    bench_open(&b, 2, EXCHANGE_ALLREDUCE, add_in_tree_order);
    assert_true(exchange_fills_parameters(b.x));
    for (size_t s = 0; s < sizeof leaves / sizeof leaves[0]; s++) {
        int64_t before = comm_get_traffic(b.c).sent_bytes, moved = 0;
        exchange_step(b.x, leaves[s]);
        for (int k = 0; k < BUCKETS; k++) {
            write_small_integers(&b, leaves[s], k);
            exchange_begin(b.x, k);
            moved += 4 * (int64_t)buckets[k].length;
        }
        exchange_wait(b.x);
        for (int k = 0; k < BUCKETS; k++) {
            span slice = exchange_slice(b.x, k);
            assert_memory_equal(&slice, &buckets[k], sizeof slice);
            for (int part = 0; part < 2; part++)
                exchange_sum(b.x, k, part, 2, b.sum + slice.offset);
            float *there = exchange_in_place(b.x, k);
            exchange_sum(b.x, k, 0, 1, there);
            assert_memory_equal(there, b.sum + slice.offset, slice.length * sizeof(float));
            for (size_t i = slice.offset; i < slice.offset + slice.length; i++)
                assert_true(same_bits(b.sum[i], (float)(leaves[s] * (int)(i + 1))));
        }
        exchange_publish(b.x);
        assert_int_equal(comm_get_traffic(b.c).sent_bytes - before, b.l->ranks > 1 ? moved : 0);
    }
    bench_close(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_the_buckets),
        cmocka_unit_test(sums_and_parameters_have_the_trees_bits),
        cmocka_unit_test(late_parameters),
        cmocka_unit_test(many_steps_without_a_pause),
        cmocka_unit_test(a_wrong_order_is_seen),
        cmocka_unit_test(a_step_may_update_nothing),
        cmocka_unit_test(allreduce_sums_all_everywhere),
    };
    /* a rank that fails ends all, so that the others do not wait for it */
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    comm_start(&argc, &argv, 1);
    comm_cfg cfg = comm_cfg_default();
    comm *keeper = comm_open(&cfg); /* MPI ends with the last comm */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_close(keeper);
    return failed;
}
