/* The spans that a thread keeps: those of all threads stay within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "train/profile.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void few_threads_keep_whole_rings(void **state)
{
    (void)state;
    assert_int_equal(profile_spans(1), 65536);
    assert_int_equal(profile_spans(2), 65536);
    assert_int_equal(profile_spans(64), 65536); /* 2^22 together */
}

static void many_threads_share_what_one_file_holds(void **state)
{
    (void)state;
    assert_int_equal(profile_spans(65), 64527); /* 2^22 / 65 = 64,527.7 */
    assert_int_equal(profile_spans(128), 32768);
    assert_int_equal(profile_spans(1000), 4194);
    assert_int_equal(profile_spans(4096 * 128), 8);
    for (int64_t threads = 1; threads <= 1 << 22; threads += 1 + threads / 7)
        assert_true(profile_spans(threads) * threads <= 1 << 22);
}

static void a_thread_keeps_a_span(void **state)
{
    (void)state;
    assert_int_equal(profile_spans(1 << 22), 1);
    assert_int_equal(profile_spans((int64_t)1 << 40), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_threads_keep_whole_rings),
        cmocka_unit_test(many_threads_share_what_one_file_holds),
        cmocka_unit_test(a_thread_keeps_a_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
