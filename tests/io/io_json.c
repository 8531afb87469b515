/* Values become text and members are read as io/json.h says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "io/json.h"

#include <cmocka.h>

static void assert_text(json_t *value, json_layout layout, int digits, const char *expected)
{
    char *text = json_to_text(value, layout, digits);
    assert_string_equal(text, expected);
    memory_free(text);
}

static json_t *sample(void)
{
    return json_pack("{s:i,s:[i,f],s:n,s:s,s:s*}", "b", 1, "a", 2, 0.5, "none", "text", "\"\n",
                     "left out", NULL);
}

static void test_layouts(void **state)
{
    (void)state;
    assert_text(sample(), JSON_ONE_LINE, 9,
                "{\"b\":1,\"a\":[2,0.5],\"none\":null,\"text\":\"\\\"\\n\"}");
    assert_text(sample(), JSON_INDENTED, 9,
                "{\n  \"b\": 1,\n  \"a\": [\n    2,\n    0.5\n  ],\n  \"none\": null,\n"
                "  \"text\": \"\\\"\\n\"\n}");
    assert_text(json_string("alone"), JSON_ONE_LINE, 9, "\"alone\"");
}

/* Of every length around the one that is written in one go. */
static void test_lengths(void **state)
{
    (void)state;
    char expected[603];
    for (int length = 500; length <= 600; length++) {
        memset(expected, 'x', sizeof expected);
        expected[0] = expected[length + 1] = '"';
        expected[length + 2] = 0;
        assert_text(json_stringn(expected + 1, (size_t)length), JSON_ONE_LINE, 9, expected);
    }
}

static void test_digits(void **state)
{
    (void)state;
    assert_text(json_real(1.0 / 3.0), JSON_ONE_LINE, 9, "0.333333333");
    assert_text(json_real(0.1), JSON_ONE_LINE, 17, "0.10000000000000001");
    assert_text(json_real(1), JSON_ONE_LINE, 9, "1.0");
    assert_text(json_real_or_null(-0.25), JSON_ONE_LINE, 9, "-0.25");
    assert_text(json_real_or_null((double)NAN), JSON_ONE_LINE, 9, "null");
    assert_text(json_real_or_null((double)INFINITY), JSON_ONE_LINE, 9, "null");
}

/* With 17 digits every double is read back, with 9 every float. */
static void test_round_trip(void **state)
{
    (void)state;
    const double values[] = {0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 2.5e-8, 123456789.125};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (int digits = 9; digits <= 17; digits += 8) {
            double value = digits == 17 ? values[i] : (double)(float)values[i];
            if (!isfinite(value)) continue;
            char *text = json_to_text(json_real(value), JSON_ONE_LINE, digits);
            double back = strtod(text, NULL);
            assert_true(digits == 17 ? back == value : (float)back == (float)value);
            memory_free(text);
        }
}

static void test_members(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:i,s:f,s:s}", "whole", 7, "real", 0.5, "text", "8");
    assert_true(json_real_of(object, "whole") == 7.0);
    assert_true(json_real_of(object, "real") == 0.5);
    assert_true(isnan(json_real_of(object, "text")));
    assert_true(isnan(json_real_of(object, "absent")));
    assert_true(isnan(json_real_of(NULL, "whole")));
    assert_int_equal(json_whole_of(object, "whole", -1), 7);
    assert_int_equal(json_whole_of(object, "real", -1), -1);
    assert_int_equal(json_whole_of(object, "absent", 3), 3);
    json_decref(object);
}

static void assert_path(const char *path, const char *text)
{
    char back[64];
    json_t *value = json_path(path);
    assert_string_equal(json_string_value(value), text);
    json_decref(value);
    assert_true(json_path_bytes(text, back, sizeof back));
    assert_string_equal(back, path);
}

/* A path is bytes, JSON is UTF-8: what is no UTF-8 is escaped, and every path comes back as it was. */
static void paths_keep_their_bytes(void **state)
{
    char four[4];
    (void)state;
    assert_path("", "");
    assert_path("data/\xc3\xbc 100% \xf0\x9f\x98\x80", "data/\xc3\xbc 100% \xf0\x9f\x98\x80");
    assert_path("z\xfcrich", "z%FCrich");
    assert_path("z%FCrich", "z%25FCrich"); /* a name with a percent sign is not the one above */
    assert_path("50%2", "50%2");
    assert_path("\xed\xa0\x80\xc0\x80", "%ED%A0%80%C0%80"); /* a surrogate, an overlong 0 */
    assert_path("cut \xe3\x83", "cut %E3%83");
    assert_true(json_path_bytes("%41%fc", four, sizeof four));
    assert_string_equal(four, "A\xfc");
    assert_false(json_path_bytes("abcd", four, sizeof four));
    assert_false(json_path_bytes("a%00", four, sizeof four));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_digits),  cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_members), cmocka_unit_test(paths_keep_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
