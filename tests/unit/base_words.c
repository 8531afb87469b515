/* tests/unit/base_words.c - option texts as words, and what is said of a wrong one. */
#include "base/words.h"
#include "check.h"

static words cut(const char *phrase)
{
    words w;
    failure why = {""};
    assert_int_equal(words_cut(&w, "option", phrase, strlen(phrase), &why), STATUS_OK);
    return w;
}

static void phrases_between_semicolons(void **state)
{
    (void)state;
    const char *at = " ;shift 2 ;; rotate\t10\n;", *phrase;
    size_t length;
    assert_true(words_next_phrase(&at, &phrase, &length));
    assert_int_equal(length, 7);
    assert_memory_equal(phrase, "shift 2", 7);
    assert_true(words_next_phrase(&at, &phrase, &length));
    assert_int_equal(length, 9);
    assert_memory_equal(phrase, "rotate\t10", 9);
    assert_false(words_next_phrase(&at, &phrase, &length));
}

static void words_between_blanks(void **state)
{
    (void)state;
    words w = cut("  conv2d\t32  3 ");
    assert_int_equal(w.count, 3);
    assert_string_equal(words_peek(&w), "conv2d");
    assert_false(words_accept(&w, "dense"));
    assert_true(words_accept(&w, "conv2d"));
    assert_true(words_accept(&w, "32") && words_accept(&w, "3"));
    assert_string_equal(words_peek(&w), "");
    assert_false(words_accept(&w, ""));
    w = cut("");
    assert_int_equal(w.count, 0);
    w = cut("cosine; 2"); /* no phrase, yet it is refused by its words */
    assert_int_equal(w.count, 2);
    assert_string_equal(words_peek(&w), "cosine;");
}

static void numbers(void **state)
{
    (void)state;
    words w = cut("0.25 7 x");
    double real = 0;
    int64_t whole = 0;
    failure why;
    assert_int_equal(words_take_real(&w, "must be small", 0, 1, &real, &why), STATUS_OK);
    assert_true(real == 0.25);
    assert_int_equal(words_take_int(&w, "must be 8 or more", 8, 9, &whole, &why), STATUS_USAGE);
    assert_string_equal(why.text, "--option='0.25 7 x': word 2, '7': must be 8 or more");
    assert_int_equal(words_take_int(&w, "must be 7", 7, 7, &whole, &why), STATUS_OK);
    assert_int_equal(whole, 7);
    assert_int_equal(words_take_real(&w, "must be a number", 0, 1, &real, &why), STATUS_USAGE);
    assert_int_equal(words_end(&w, "A B", &why), STATUS_USAGE);
    assert_string_equal(why.text,
                        "--option='0.25 7 x': word 3, 'x': one word too many; the form is A B");
    assert_true(words_accept(&w, "x"));
    assert_int_equal(words_end(&w, "A B", &why), STATUS_OK);
    assert_int_equal(words_take_int(&w, "must be there", 0, 9, &whole, &why), STATUS_USAGE);
    assert_string_equal(why.text, "--option='0.25 7 x': word 4, '': must be there");
}

static void lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t count;
        words_unit unit;
        int left; /* words that remain */
    } good[] = {{"2", 2, WORDS_EPOCHS, 0},          {"2epochs", 2, WORDS_EPOCHS, 0},
                {"1 epoch", 1, WORDS_EPOCHS, 0},    {"500steps 0.1", 500, WORDS_STEPS, 1},
                {"500 steps", 500, WORDS_STEPS, 0}, {"1step", 1, WORDS_STEPS, 0}};
    static const char *const bad[] = {"", "0", "x", "-1", "1.5", "2weeks", "99999999999steps"};
    words_length length;
    failure why;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        words w = cut(good[i].text);
        assert_int_equal(words_take_length(&w, 1, &length, &why), STATUS_OK);
        assert_int_equal(length.count, good[i].count);
        assert_int_equal(length.unit, good[i].unit);
        assert_int_equal(w.count - w.next, good[i].left);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        words w = cut(bad[i]);
        assert_int_equal(words_take_length(&w, 1, &length, &why), STATUS_USAGE);
        assert_non_null(strstr(why.text, "must be a length above 0: 2, 2epochs or 500steps"));
    }
    words w = cut("0");
    assert_int_equal(words_take_length(&w, 0, &length, &why), STATUS_OK);
    assert_int_equal(length.count, 0);
}

static void what_is_too_long(void **state)
{
    (void)state;
    words w;
    failure why;
    const char *many = "1 2 3 4 5 6 7 8 9 10 11 12 13",
               *wide = "a 0123456789012345678901234567890123456789";
    assert_int_equal(words_cut(&w, "option", many, strlen(many) - 3, &why), STATUS_OK);
    assert_int_equal(words_cut(&w, "option", many, strlen(many), &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, "too long at word 13, '13'"));
    assert_int_equal(words_cut(&w, "option", wide, strlen(wide) - 1, &why), STATUS_OK);
    assert_int_equal(strlen(w.word[1]), WORDS_LENGTH - 1);
    assert_int_equal(words_cut(&w, "option", wide, strlen(wide), &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, "too long at word 2"));
    assert_int_equal(words_cut(&w, "option", "one two", 5, &why), STATUS_OK);
    assert_string_equal(w.word[1], "t");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phrases_between_semicolons),
        cmocka_unit_test(words_between_blanks),
        cmocka_unit_test(numbers),
        cmocka_unit_test(lengths),
        cmocka_unit_test(what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
