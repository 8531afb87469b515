/* Checkpoints that stay: which names they get, and which of them are removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void put(const char *folder, const char *name, const char *text)
{
    failure why = {""};
    if (file_write_whole(fixture_path(folder, name), text, strlen(text), &why))
        fail_msg("%s", why.text);
}

static void holds(const char *folder, const char *name, const char *text)
{
    failure why = {""};
    unsigned char *bytes;
    size_t length;
    if (file_read_whole(fixture_path(folder, name), SIZE_MAX, &bytes, &length, &why))
        fail_msg("%s", why.text);
    assert_string_equal((const char *)bytes, text);
    memory_free(bytes);
}

static void keep(const char *folder, int64_t step)
{
    failure why = {""};
    if (checkpoint_keep(folder, step, &why)) fail_msg("%s", why.text);
}

static void test_last_gets_a_second_name(void **state)
{
    (void)state;
    struct stat last, kept;
    const char *folder = fixture_folder();
    keep(folder, 1); /* there is no last: nothing */
    assert_false(file_exists(fixture_path(folder, "step-00000001.weights.h5")));
    put(folder, "last.weights.h5", "one");
    keep(folder, 9);
    keep(folder, 9);
    assert_int_equal(stat(fixture_path(folder, "last.weights.h5"), &last), 0);
    assert_int_equal(stat(fixture_path(folder, "step-00000009.weights.h5"), &kept), 0);
    assert_true(last.st_ino == kept.st_ino && last.st_nlink == 2);
    put(folder, "last.weights.h5", "two"); /* a new file: the kept one stays as it was */
    holds(folder, "step-00000009.weights.h5", "one");
    keep(folder, 9); /* the same step of another try */
    holds(folder, "step-00000009.weights.h5", "two");
    assert_false(file_exists(fixture_path(folder, "step-00000009.weights.h5.partial")));
    fixture_remove(folder);
}

static void test_the_latest_steps_stay(void **state)
{
    (void)state;
    failure why = {""};
    static const char *const others[] = {"step-1.weights.h5", "step-0000000x.weights.h5",
                                         "step-00000001.weights.h5.partial", "prev.weights.h5"};
    const char *folder = fixture_folder();
    put(folder, "last.weights.h5", "last");
    for (int i = 0; i < 4; i++) put(folder, others[i], "other");
    static const int64_t steps[] = {100, 9, 1234567890, 20, 10};
    for (int i = 0; i < 5; i++) keep(folder, steps[i]);
    assert_int_equal(checkpoint_thin_out(folder, 5, &why), STATUS_OK);
    assert_true(file_exists(fixture_path(folder, "step-00000009.weights.h5")));
    assert_int_equal(checkpoint_thin_out(folder, 2, &why), STATUS_OK);
    assert_true(file_exists(fixture_path(folder, "step-1234567890.weights.h5")));
    assert_true(file_exists(fixture_path(folder, "step-00000100.weights.h5")));
    assert_false(file_exists(fixture_path(folder, "step-00000020.weights.h5")));
    assert_false(file_exists(fixture_path(folder, "step-00000010.weights.h5")));
    assert_false(file_exists(fixture_path(folder, "step-00000009.weights.h5")));
    for (int i = 0; i < 4; i++) holds(folder, others[i], "other");
    holds(folder, "last.weights.h5", "last");
    fixture_remove(folder);
    assert_int_equal(checkpoint_thin_out(folder, 2, &why), STATUS_CANNOT_WRITE);
}

/* More than the first room for names, in an order that is not theirs: 7 i mod 200 is each step once. */
static void test_many_are_thinned_out(void **state)
{
    (void)state;
    failure why = {""};
    const char *folder = fixture_folder();
    put(folder, "last.weights.h5", "last");
    for (int i = 0; i < 200; i++) keep(folder, 1000 * (7 * i % 200));
    assert_int_equal(checkpoint_thin_out(folder, 200, &why), STATUS_OK);
    assert_true(file_exists(fixture_path(folder, "step-00000000.weights.h5")));
    assert_int_equal(checkpoint_thin_out(folder, 3, &why), STATUS_OK);
    for (int i = 0; i < 200; i++) {
        char name[64];
        snprintf(name, sizeof name, "step-%08d.weights.h5", 1000 * i);
        assert_int_equal(file_exists(fixture_path(folder, name)), i >= 197);
    }
    assert_int_equal(checkpoint_thin_out(folder, 0, &why), STATUS_OK);
    assert_false(file_exists(fixture_path(folder, "step-00199000.weights.h5")));
    holds(folder, "last.weights.h5", "last");
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_gets_a_second_name),
        cmocka_unit_test(test_the_latest_steps_stay),
        cmocka_unit_test(test_many_are_thinned_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
