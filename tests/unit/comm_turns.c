/* The turns of an allgather: every group gets every part once. */
#include "check.h"

#include "../../src/comm/turns.h"

enum { MAX_GROUPS = 130 };

static int has[MAX_GROUPS][MAX_GROUPS]; /* [group][part] */

/* Moves the parts of one turn of all groups; a group sends only what it had before the turn. */
static int take_turn(int groups, int k)
{
    static int before[MAX_GROUPS][MAX_GROUPS];
    turn mine[TURN_WAYS], theirs[TURN_WAYS];
    memcpy(before, has, sizeof before);
    for (int g = 0; g < groups; g++) {
        const int ways = turns_find(groups, g, k, mine);
        if (!ways) return 0;
        for (int w = 0; w < ways; w++) {
            const turn *way = &mine[w];
            assert_int_equal(turns_find(groups, way->from, k, theirs), ways);
            assert_int_equal(theirs[w].to, g);
            assert_memory_equal(&theirs[w].sent, &way->received, sizeof way->received);
            for (int i = 0; i < TURN_PIECES; i++)
                for (int part = way->received.piece[i].lo; part < way->received.piece[i].hi;
                     part++) {
                    assert_true(before[way->from][part]);
                    has[g][part]++;
                }
        }
    }
    return 1;
}

static void every_part_comes_once(void **state)
{
    (void)state;
    for (int groups = 1; groups <= MAX_GROUPS; groups++) {
        int turns = 0, log4 = 0;
        CASE("%d groups", groups);
        memset(has, 0, sizeof has);
        for (int g = 0; g < groups; g++) has[g][g] = 1;
        while (take_turn(groups, turns)) turns++;
        while (1 << 2 * log4 < groups) log4++;
        assert_int_equal(turns, log4);
        for (int g = 0; g < groups; g++)
            for (int part = 0; part < groups; part++) assert_int_equal(has[g][part], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_part_comes_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
