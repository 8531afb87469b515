/* tests/unit/base_range.c - shares of a range of numbers. */
#include "base/range.h"
#include "check.h"

static void shares_are_fair_and_complete(void **state)
{
    (void)state;
    range r = range_share(13, 0, 3);
    assert_true(r.lo == 0 && r.hi == 4);
    r = range_share(13, 1, 3);
    assert_true(r.lo == 4 && r.hi == 8);
    r = range_share(13, 2, 3);
    assert_true(r.lo == 8 && r.hi == 13);
    r = range_part((range){5, 5}, 1, 2);
    assert_true(r.lo == 5 && r.hi == 5);
    r = range_share(2000000000, 4, 5);
    assert_true(r.lo == 1600000000 && r.hi == 2000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shares_are_fair_and_complete)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
