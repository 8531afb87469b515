/* tests/unit/base_text_buffer.c - a growing text around the sizes at which it grows. */
#include "base/text_buffer.h"
#include "check.h"

static void text_grows(void **state)
{
    (void)state;
    text_buffer b = {0};
    for (int i = 0; i < 5000; i++) text_buffer_add(&b, "%04d,", i);
    assert_int_equal(b.length, 25000);
    assert_int_equal(strlen(b.text), 25000);
    assert_memory_equal(b.text + 5 * 4999, "4999,", 6);
    text_buffer_add(&b, "%*d", 100000, 7); /* longer than what it holds */
    assert_int_equal(b.length, 125000);
    assert_memory_equal(b.text + 124998, " 7", 3);
    text_buffer_free(&b);
    assert_null(b.text);
    text_buffer_add(&b, "%s", "");
    assert_string_equal(b.text, "");
    text_buffer_free(&b);
}

static void shows(const char *text, text_lines lines, const char *wanted)
{
    text_buffer b = {0};
    text_buffer_add(&b, "%s", "");
    text_buffer_add_visible(&b, text, lines);
    assert_string_equal(b.text, wanted);
    text_buffer_free(&b);
}

static void control_characters_are_shown(void **state)
{
    (void)state;
    shows("", TEXT_LINES, "");
    shows("runs/a b\\c", TEXT_LINES, "runs/a b\\c");
    shows("a\x1b[31mred\x07", TEXT_LINES, "a\\x1b[31mred\\x07");
    shows("a\tb\nc\rd\x7f", TEXT_LINES, "a\tb\nc\\x0dd\\x7f");
    shows("a\tb\nc", TEXT_ONE_LINE, "a\\x09b\\x0ac");
}

static void utf8_stays_and_other_bytes_are_shown(void **state)
{
    (void)state;
    shows("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", TEXT_LINES,
          "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    shows("\xc2\xa0", TEXT_LINES, "\xc2\xa0");
    /* U+009B begins an escape code too */
    shows("\xc2\x9b[m", TEXT_LINES, "\\xc2\\x9b[m");
    shows("caf\xe9", TEXT_LINES, "caf\\xe9");
    shows("\x9b\xe2\x82", TEXT_LINES, "\\x9b\\xe2\\x82");
    shows("\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80", TEXT_LINES,
          "\\xc0\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80");
}

static void words_are(const char *word, const char *wanted)
{
    text_buffer b = {0};
    text_buffer_add_word(&b, word);
    assert_string_equal(b.text, wanted);
    text_buffer_free(&b);
}

static void words_can_be_pasted(void **state)
{
    (void)state;
    words_are("runs/cnn-1", "runs/cnn-1");
    words_are("", "''");
    words_are("my runs/a", "'my runs/a'");
    words_are("it's", "'it'\\''s'");
    words_are("$HOME;x", "'$HOME;x'");
    words_are("a\x1b", "'a'$'\\x1b'''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(text_grows),
                                       cmocka_unit_test(control_characters_are_shown),
                                       cmocka_unit_test(utf8_stays_and_other_bytes_are_shown),
                                       cmocka_unit_test(words_can_be_pasted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
