/* Tests of base/text: near names, whole-string conversions, thousands, hexadecimal. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char *const commands[] = {"train",   "evaluate", "predict",
                                       "summary", "inspect",  "verify"};

static void assert_near(const char *word, const char *expected)
{
    const char *near = text_nearest(word, commands, 6);
    if (expected) {
        assert_non_null(near);
        assert_string_equal(near, expected);
    } else {
        assert_null(near);
    }
}

static void typos_are_near(void **state)
{
    (void)state;
    assert_near("evalute", "evaluate");
    assert_near("evalaute", "evaluate"); /* neighbours swapped: one edit */
    assert_near("tarin", "train");
    assert_near("predicts", "predict");
    assert_near("verify", "verify");
    assert_near("inpect", "inspect");
}

static void strangers_are_not_near(void **state)
{
    (void)state;
    char endless[200];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    assert_near("zebra", NULL);
    assert_near("", NULL);
    assert_near("--help", NULL);
    assert_near(endless, NULL);
    assert_null(text_nearest("train", commands, 0));
}

static void integers_are_converted_whole(void **state)
{
    (void)state;
    int64_t value = -1;
    assert_int_equal(text_to_int("0", &value), 1);
    assert_int_equal(value, 0);
    assert_int_equal(text_to_int("-17", &value), 1);
    assert_int_equal(value, -17);
    assert_int_equal(text_to_int("9223372036854775807", &value), 1);
    assert_true(value == INT64_MAX);
    assert_int_equal(text_to_int("010", &value), 1);
    assert_int_equal(value, 10); /* decimal, not octal */
}

static void bad_integers_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "", " 1", "1 ", "1.5", "1e3", "0x10", "ten", "9223372036854775808", "--1", "-"};
    int64_t value = 42;
    for (int i = 0; i < 10; i++) assert_int_equal(text_to_int(bad[i], &value), 0);
    assert_int_equal(value, 42);
}

static void doubles_are_converted_whole(void **state)
{
    (void)state;
    double value;
    assert_int_equal(text_to_double("0.001", &value), 1);
    assert_true(value == 0.001);
    assert_int_equal(text_to_double("-2.5e-3", &value), 1);
    assert_true(value == -2.5e-3);
    assert_int_equal(text_to_double("7", &value), 1);
    assert_true(value == 7.0);
}

static void bad_doubles_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",    " 1",        "1 ",    "1,5",  "nan",
                               "inf", "-infinity", "1e999", "fast", "1e"};
    double value = 42;
    for (int i = 0; i < 10; i++) assert_int_equal(text_to_double(bad[i], &value), 0);
    assert_true(value == 42);
}

static void thousands_are_set_apart(void **state)
{
    (void)state;
    assert_string_equal(text_thousands(0).text, "0");
    assert_string_equal(text_thousands(999).text, "999");
    assert_string_equal(text_thousands(1000).text, "1,000");
    assert_string_equal(text_thousands(54000).text, "54,000");
    assert_string_equal(text_thousands(47040016).text, "47,040,016");
    assert_string_equal(text_thousands(-100).text, "-100");
    assert_string_equal(text_thousands(-1234567).text, "-1,234,567");
    assert_string_equal(text_thousands(INT64_MIN).text, "-9,223,372,036,854,775,808");
}

static void bytes_become_hexadecimal(void **state)
{
    (void)state;
    const unsigned char bytes[] = {0x00, 0x0f, 0xa5, 0xff};
    char out[9];
    text_hex(bytes, 4, out);
    assert_string_equal(out, "000fa5ff");
    text_hex(bytes, 0, out);
    assert_string_equal(out, "");
}

static void assert_duration(const char *text, double seconds)
{
    double value = -1;
    if (!text_to_duration(text, &value)) fail_msg("'%s' is refused", text);
    if (value != seconds) fail_msg("'%s' is %g s, not %g", text, value, seconds);
}

static void durations_have_units_or_colons(void **state)
{
    (void)state;
    assert_duration("90s", 90);
    assert_duration("90 s", 90);
    assert_duration("0.5s", 0.5);
    assert_duration("10min", 600);
    assert_duration("1.5h", 5400);
    assert_duration("2d", 172800);
    assert_duration("0", 0);
    assert_duration("05:30", 330);
    assert_duration("5:30", 330);
    assert_duration("90:00", 5400);
    assert_duration("00:30:00", 1800);
    assert_duration("100:00:01", 360001);
    assert_duration("1-02:03:04", 86400 + 2 * 3600 + 3 * 60 + 4);
    static const char *const bad[] = {"",       "90",       "s",      "-90s",      "90 minutes",
                                      "1e3s",   "90s ",     "5:3",    "5:60",      "1:2:3:4",
                                      "1-2:03", "1-24:0:0", "1-2",    "UNLIMITED", "10mins",
                                      ":30",    "1-",       "1.2.3s", "2h 30min",  "1-02:03:04:05"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double value = -1;
        if (text_to_duration(bad[i], &value)) fail_msg("'%s' is taken for %g s", bad[i], value);
        assert_true(value == -1);
    }
}

static void durations_are_written_as_they_are_read(void **state)
{
    (void)state;
    assert_string_equal(text_duration(60).text, "60s");
    assert_string_equal(text_duration(600).text, "10min");
    assert_string_equal(text_duration(7200).text, "2:00:00");
    assert_string_equal(text_duration(100000).text, "1-03:46:40");
    for (double seconds = 0; seconds < 1e7; seconds = 2 * seconds + 1)
        assert_duration(text_duration(seconds).text, seconds);
}

static void hints_name_the_nearest_and_all(void **state)
{
    (void)state;
    static const char *const few[] = {"sgd", "adam", "lamb"};
    assert_string_equal(text_suggest("adm", few, 3).text,
                        "; did you mean 'adam'? Known are sgd, adam, lamb");
    assert_string_equal(text_suggest("zzzzzz", few, 3).text, "; known are sgd, adam, lamb");
    assert_int_equal(text_index("lamb", few, 3), 2);
    assert_int_equal(text_index("lam", few, 3), -1);
    const char *many[60];
    for (int i = 0; i < 60; i++) many[i] = "a-name-of-18-chars";
    text_hint hint = text_suggest("zzzzzz", many, 60);
    assert_true(strlen(hint.text) < sizeof hint.text);
    assert_string_equal(hint.text + strlen(hint.text) - 7, "rs, ...");
}

static void assert_cut(const char *text, size_t size, const char *expected)
{
    char out[16];
    text_cut(text, out, size);
    assert_string_equal(out, expected);
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(text_character("a"), 1);
    assert_int_equal(text_character("\xc3\xbc"), 2);
    assert_int_equal(text_character("\xe3\x83\x87"), 3);
    assert_int_equal(text_character("\xf0\x9f\x98\x80"), 4);
    assert_int_equal(text_character(""), 0);
    assert_int_equal(text_character("\xfc"), 0);
    assert_int_equal(text_character("\x87"), 0);
    assert_int_equal(text_character("\xe3\x83"), 0);
    assert_int_equal(text_character("\xc0\x80"), 0);
    assert_int_equal(text_character("\xed\xa0\x80"), 0);
    assert_int_equal(text_character("\xf4\x90\x80\x80"), 0);
    assert_cut("data", 16, "data");
    assert_cut("data", 3, "da");
    assert_cut("x\xc3\xbc", 3, "x");
    assert_cut("x\xc3\xbc", 4, "x\xc3\xbc");
    assert_cut("\xe3\x83\x87\xe3\x83\xbc", 6, "\xe3\x83\x87");
    assert_cut("z\xfcrich", 4, "z\xfcr");
}

/* --monitor: a value of training is not one of validation, and neither is one of the test set. */
static void other_quantities_are_not_near(void **state)
{
    (void)state;
    static const char *const names[] = {"val_loss", "val_accuracy", "loss", "accuracy",
                                        "batch-size"};
    assert_string_equal(text_nearest("val_acuracy", names, 5), "val_accuracy");
    assert_string_equal(text_nearest("vl_accuracy", names, 5), "val_accuracy");
    assert_string_equal(text_nearest("acuracy", names, 5), "accuracy");
    assert_string_equal(text_nearest("batchsize", names, 5), "batch-size");
    assert_null(text_nearest("test_accuracy", names, 5));
    assert_null(text_nearest("test_loss", names, 5));
    assert_null(text_nearest("val_accuracy", names + 2, 2));
    assert_null(text_nearest("val_loss", names + 2, 2));
}

static void underscores_are_dashes(void **state)
{
    (void)state;
    assert_true(text_same_name("batch_size", "batch-size"));
    assert_true(text_same_name("seed", "seed"));
    assert_false(text_same_name("batch_size", "batch-siz"));
    assert_false(text_same_name("batchsize", "batch-size"));
    assert_false(text_same_name("a", "-"));
    assert_false(text_same_name("", "-"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typos_are_near),
        cmocka_unit_test(strangers_are_not_near),
        cmocka_unit_test(integers_are_converted_whole),
        cmocka_unit_test(bad_integers_are_refused),
        cmocka_unit_test(doubles_are_converted_whole),
        cmocka_unit_test(bad_doubles_are_refused),
        cmocka_unit_test(thousands_are_set_apart),
        cmocka_unit_test(bytes_become_hexadecimal),
        cmocka_unit_test(durations_have_units_or_colons),
        cmocka_unit_test(durations_are_written_as_they_are_read),
        cmocka_unit_test(hints_name_the_nearest_and_all),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(other_quantities_are_not_near),
        cmocka_unit_test(underscores_are_dashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
