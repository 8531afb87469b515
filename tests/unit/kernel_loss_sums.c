/* unit/kernel_loss_sums.c - the sum of losses, which stays at the largest number instead of wrapping. */
#include "check.h"

#include "kernel/kernels.h"
#include "reference/values.h"

enum { TERMS = 8 };

static const int64_t MOST = INT64_MAX;

static void by_hand(void **state)
{
    (void)state;
    assert_true(loss_add(0, 0) == 0 && loss_add(3, 4) == 7);
    assert_true(loss_add(MOST - 1, 1) == MOST && loss_add(1, MOST - 1) == MOST);
    assert_true(loss_add(MOST - 1, 0) == MOST - 1 && loss_add(MOST - 2, 1) == MOST - 1);
    assert_true(loss_add(MOST, 0) == MOST && loss_add(0, MOST) == MOST);
    assert_true(loss_add(MOST, 1) == MOST && loss_add(MOST, MOST) == MOST);
}

/* Terms around an eighth of the most: some sums stay below it, some do not; every order and grouping gives the same. */
static void order_does_not_matter(void **state)
{
    (void)state;
    int saturated = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        int64_t term[TERMS], forth = 0, back = 0;
        double truth = 0;
        for (int i = 0; i < TERMS; i++) {
            term[i] = (int64_t)value_int(seed, (uint64_t)i, 1 << 28) << 33;
            truth += (double)term[i];
        }
        for (int i = 0; i < TERMS; i++) forth = loss_add(forth, term[i]);
        for (int i = TERMS; i-- > 0;) back = loss_add(back, term[i]);
        for (int half = TERMS / 2; half >= 1; half /= 2)
            for (int i = 0; i < half; i++) term[i] = loss_add(term[i], term[i + half]);
        CASE("seed %d: %g", (int)seed, truth);
        assert_true(forth == back && forth == term[0]);
        assert_true(truth < 0x1p63 ? (double)forth == truth : forth == MOST);
        saturated += forth == MOST;
    }
    assert_true(saturated > 100 && saturated < 900);
}

static void counts_are_added(void **state)
{
    (void)state;
    loss_sums sums = {MOST - 5, 2, 0};
    loss_sums_add(&sums, (loss_sums){5, 30, 1});
    assert_true(sums.loss == MOST && sums.correct == 32 && sums.nonfinite == 1);
    loss_sums_add(&sums, (loss_sums){5, 1, 0});
    assert_true(sums.loss == MOST && sums.correct == 33 && sums.nonfinite == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(counts_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
