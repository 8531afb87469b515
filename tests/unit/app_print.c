/* unit/app_print.c - numbers in words, and texts as JSON. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "app/print.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void numbers_in_words(void **state)
{
    (void)state;
    assert_string_equal(print_fixed(0.98712, 4).text, "0.9871");
    assert_string_equal(print_fixed((double)NAN, 4).text, "-");
    assert_string_equal(print_fixed((double)INFINITY, 4).text, "-");
    assert_string_equal(print_bytes(0).text, "0 bytes");
    assert_string_equal(print_bytes(1023).text, "1023 bytes");
    assert_string_equal(print_bytes(123456789).text, "117.7 MiB");
    assert_string_equal(print_bytes(1024.0 * 1024 * 1024 * 1024 * 4096).text, "4096.0 TiB");
}

static void json_is(const char *text, const char *expected)
{
    json_t *value = print_json_text(text);
    assert_non_null(value);
    assert_string_equal(json_string_value(value), expected);
    json_decref(value);
}

/* File names need not be UTF-8; JSON does. */
static void bytes_that_are_no_text_are_escaped(void **state)
{
    (void)state;
    json_is("", "");
    json_is("three.png", "three.png");
    json_is("caf\xc3\xa9", "caf\xc3\xa9");
    json_is("caf\xe9.png", "caf%E9.png");
    json_is("\xff", "%FF");
    json_is("100%s\xe9", "100%s%E9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_words),
        cmocka_unit_test(bytes_that_are_no_text_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
