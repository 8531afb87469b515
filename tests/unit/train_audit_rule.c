/* unit/train_audit_rule.c - which leaf a step audits, and on which ranks: it follows from seed and step, and each leaf and each
 * pair of ranks comes as often as any other. */
#include "check.h"

#include "train/audit.h"

enum { STEPS = 20000 };

static void a_rule_without_state(void **state)
{
    (void)state;
    audit_draw a = audit_rule(1, 12345, 16, 4), b = audit_rule(1, 12345, 16, 4);
    assert_memory_equal(&a, &b, sizeof a);
    /* the leaf does not depend on the layout */
    for (int ranks = 1; ranks < 40; ranks++)
        assert_int_equal(audit_rule(1, 12345, 16, ranks).leaf, a.leaf);
    int same = 0;
    for (int64_t step = 1; step <= 1000; step++)
        same += audit_rule(1, step, 16, 4).leaf ==
                audit_rule(1, step + ((int64_t)1 << 32), 16, 4).leaf;
    assert_in_range(same, 20, 120); /* 1 in 16 */
}

static void each_leaf_and_each_pair_of_ranks(void **state)
{
    (void)state;
    static const int layouts[][2] = {{16, 1}, {16, 2}, {15, 4}, {3, 5}, {1, 2}};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        int leaves = layouts[i][0], ranks = layouts[i][1], leaf[16] = {0}, pair[5][5] = {{0}};
        CASE("%d leaves, %d ranks", leaves, ranks);
        for (int step = 1; step <= STEPS; step++) {
            audit_draw d = audit_rule(7, step, leaves, ranks);
            assert_in_range(d.leaf, 0, leaves - 1);
            assert_in_range(d.auditor, 0, ranks - 1);
            range own = range_share(leaves, d.owner, ranks);
            assert_true(own.lo <= d.leaf && d.leaf < own.hi);
            assert_int_equal(d.owner == d.auditor, ranks == 1);
            leaf[d.leaf]++;
            pair[d.owner][d.auditor]++;
        }
        /* five standard deviations of a binomial number */
        for (int l = 0; l < leaves; l++)
            NEAR(leaf[l], STEPS / leaves, 5 * sqrt((double)STEPS / leaves) + 1);
        for (int o = 0; o < ranks && ranks > 1; o++) {
            int held = range_share(leaves, o, ranks).hi - range_share(leaves, o, ranks).lo;
            double expected = (double)STEPS * held / leaves / (ranks - 1);
            for (int r = 0; r < ranks; r++)
                NEAR(pair[o][r], o == r ? 0 : expected, 5 * sqrt(expected));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_without_state),
        cmocka_unit_test(each_leaf_and_each_pair_of_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
