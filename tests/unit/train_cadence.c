/* unit/train_cadence.c - when a checkpoint is due, by epochs, steps and time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "train/cadence.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static cadence parsed(const char *text)
{
    cadence c;
    failure why = {""};
    if (cadence_parse(text, &c, &why)) fail_msg("%s", why.text);
    return c;
}

static void epochs_are_counted_over_the_run(void **state)
{
    (void)state;
    static const char *const two[] = {"2", "2epochs", "2 epochs", "2epoch", " 2  epochs "};
    for (int i = 0; i < 5; i++) {
        cadence c = parsed(two[i]);
        assert_int_equal(c.unit, CADENCE_EPOCHS);
        assert_false(cadence_counts(&c, 9, 1));
        assert_true(cadence_counts(&c, 18, 2));
        assert_false(cadence_counts(&c, 20, 0)); /* inside the third */
        assert_false(cadence_counts(&c, 27, 3));
        assert_true(cadence_counts(&c, 36, 4));
        assert_false(cadence_times(&c, 1e9));
    }
}

static void steps_are_counted_over_the_run(void **state)
{
    (void)state;
    cadence c = parsed("5steps");
    int due = 0;
    for (int64_t step = 1; step <= 36; step++) {
        int is = cadence_counts(&c, step, step % 9 == 0 ? (int)step / 9 : 0);
        assert_int_equal(is, step % 5 == 0);
        due += is;
    }
    assert_int_equal(due, 7);
    cadence each = parsed("1 step");
    assert_true(cadence_counts(&each, 1, 0) && cadence_counts(&each, 9, 1));
}

static void time_is_asked_for_apart(void **state)
{
    (void)state;
    cadence c = parsed("10min");
    assert_false(cadence_counts(&c, 600, 0) || cadence_counts(&c, 600, 1));
    assert_false(cadence_times(&c, 599));
    assert_true(cadence_times(&c, 600));
}

static void nought_is_only_at_the_end(void **state)
{
    (void)state;
    static const char *const never[] = {"0", "0epochs", "0steps"};
    for (int i = 0; i < 3; i++) {
        cadence c = parsed(never[i]);
        assert_false(cadence_counts(&c, 9, 1) || cadence_times(&c, 1e9));
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    "steps", "-1",          "2 hours",         "0s",      "epochs", "1.5", "2stepss",
        "2 3", "2;3",   "12345678901", "9999999999steps", "5steps 1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cadence c;
        failure why = {""};
        if (cadence_parse(bad[i], &c, &why) != STATUS_USAGE) fail_msg("'%s' is taken", bad[i]);
        assert_non_null(strstr(why.text, "500steps"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_are_counted_over_the_run),
        cmocka_unit_test(steps_are_counted_over_the_run),
        cmocka_unit_test(time_is_asked_for_apart),
        cmocka_unit_test(nought_is_only_at_the_end),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
