/* tests/unit/app_bar.c - the line of the bar in terminals of every width. */
#include "app/bar.h"
#include "check.h"

static const bar_figures usual = {.epoch = 1,
                                  .epochs = 5,
                                  .step = 211,
                                  .steps = 422,
                                  .images_per_second = 20000,
                                  .loss = 0.49,
                                  .accuracy = 0.83,
                                  .left_s = 9.2};

static void is(const bar_figures *f, int columns, const char *wanted)
{
    bar_line line = bar_draw(f, columns, 0);
    assert_string_equal(line.text, wanted);
    assert_int_equal(line.columns, strlen(wanted));
}

static void what_a_width_shows(void **state)
{
    (void)state;
    is(&usual, 120,
       "Epoch 1/5  211/422 ==========.......... 20,000 img/s, loss 0.4900, accuracy 0.8300, ETA "
       "10s");
    is(&usual, 80,
       "Epoch 1/5  211/422 ====.... 20,000 img/s, loss 0.4900, accuracy 0.8300, ETA 10s");
}

/* Every figure leaves in its turn, and no line is too wide. */
static void narrow_terminals(void **state)
{
    (void)state;
    static const char *const parts[] = {"accuracy", "loss", "ETA", "img/s", "Epoch"};
    int gone = 0;
    for (int columns = 200; columns >= 0; columns--) {
        for (int utf8 = 0; utf8 < 2; utf8++) {
            bar_line line = bar_draw(&usual, columns, utf8);
            int seen = 0;
            for (const char *at = line.text; *at; at++) seen += (*at & 0xc0) != 0x80;
            assert_int_equal(seen, line.columns);
            assert_true(seen < columns || seen == 0);
        }
        bar_line line = bar_draw(&usual, columns, 0);
        while (gone < 4 && !strstr(line.text, parts[gone])) gone++;
        for (int i = gone; i < 4; i++) assert_non_null(strstr(line.text, parts[i]));
    }
    assert_int_equal(gone, 4);
}

static void large_and_missing_figures(void **state)
{
    (void)state;
    bar_figures f = {.epoch = 1000000,
                     .epochs = 1000000,
                     .step = 2147483646,
                     .steps = 2147483647,
                     .images_per_second = (double)INFINITY,
                     .loss = (double)NAN,
                     .accuracy = 1,
                     .left_s = 100000};
    is(&f, 200,
       "Epoch 1000000/1000000  2147483646/2147483647 ===================. 0 img/s, loss -, "
       "accuracy 1.0000, ETA 1-03:46:40");
    f.steps = 0;
    assert_true(bar_draw(&f, 80, 1).columns < 80);
}

static void utf8_cells(void **state)
{
    (void)state;
    bar_line line = bar_draw(&usual, 32, 1);
    assert_string_equal(line.text, "Epoch 1/5  211/422 20,000 img/s");
    line = bar_draw(&usual, 38, 1);
    assert_string_equal(line.text, "Epoch 1/5  211/422 ━━─── 20,000 img/s");
}

static void long_lines_are_broken(void **state)
{
    (void)state;
    const char *text = "Epoch 1/5  9/9 0.1s 7,051 img/s - loss 4.4 - accuracy 0.1 - val_loss 2.2";
    assert_string_equal(bar_break(text, 80).text, text);
    assert_string_equal(bar_break(text, 60).text,
                        "Epoch 1/5  9/9 0.1s 7,051 img/s - loss 4.4 - accuracy 0.1\n"
                        "           val_loss 2.2");
    assert_string_equal(bar_break(text, 40).text, "Epoch 1/5  9/9 0.1s 7,051 img/s\n"
                                                  "           loss 4.4 - accuracy 0.1\n"
                                                  "           val_loss 2.2");
    assert_string_equal(bar_break(text, 20).text,
                        "Epoch 1/5  9/9 0.1s 7,051 img/s\nloss 4.4\naccuracy 0.1\nval_loss 2.2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_width_shows), cmocka_unit_test(narrow_terminals),
        cmocka_unit_test(large_and_missing_figures), cmocka_unit_test(utf8_cells),
        cmocka_unit_test(long_lines_are_broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
