/* One digit is found in a picture and framed as MNIST frames it; hand-worked cases, and pictures without a digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/picture.h"

#include <cmocka.h>

enum { SIDE = PICTURE_SIDE, MOST = 400 };

static uint8_t from[MOST * MOST], to[SIDE * SIDE];

static void paper(int height, int width, int grey)
{
    memset(from, grey, (size_t)(height * width));
}

static void bar(int width, int top, int bottom, int left, int right, int grey)
{
    for (int y = top; y < bottom; y++)
        memset(from + y * width + left, grey, (size_t)(right - left));
}

/* A 7: a bar of 80 x 12 and a stem of 12 x 100 under its right end, at (top, left). */
static void seven(int width, int top, int left, int grey)
{
    bar(width, top, top + 12, left, left + 80, grey);
    bar(width, top, top + 100, left + 68, left + 80, grey);
}

static int frame(int height, int width)
{
    memset(to, 77, sizeof to);
    return picture_frame((picture){height, width, from}, to);
}

/* The 7 of 100 x 80 becomes 20 x 16; strokes of 12 become 2.4, and corners a little rounded. Its mass: 80 * 12 at row 6, column
 * 40, and 88 * 12 at row 56, column 74: rows 32.2 / 5 = 6.4 of 20, columns 57.8 / 5 = 11.6 of 16. So it begins in row 14 - 6
 * and in column 14 - 11. */
static void check_seven(void)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int inside = y >= 8 && y < 28 && x >= 3 && x < 19;
            int on = inside && (y < 10 || x >= 17);
            int half = inside && (y == 10 || x == 16);
            uint8_t value = to[y * SIDE + x];
            if (on && value < 100) fail_msg("row %d column %d: %d is no ink", y, x, value);
            if (!on && !half && value > 60) fail_msg("row %d column %d: %d is ink", y, x, value);
        }
}

static void a_seven_is_framed(void **state)
{
    (void)state;
    static const struct {
        int paper, ink;
    } kinds[] = {{255, 0}, {0, 255}, {120, 30}, {175, 80}, {40, 200}, {0, 90}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int place = 0; place < 3; place++) {
            paper(300, 340, kinds[k].paper);
            seven(340, 10 + 80 * place, 20 + 110 * place, kinds[k].ink);
            assert_int_equal(frame(300, 340), 1);
            check_seven();
        }
}

static void a_shadow_is_divided_out(void **state)
{
    (void)state;
    for (int y = 0; y < 200; y++)
        for (int x = 0; x < 200; x++) from[y * 200 + x] = (uint8_t)(240 - y / 4 - x / 2);
    for (int y = 0; y < 100; y++)
        for (int x = 0; x < 80; x++)
            if (y < 12 || x >= 68) {
                uint8_t *pixel = &from[(y + 50) * 200 + x + 60];
                *pixel = (uint8_t)(*pixel / 8);
            }
    assert_int_equal(frame(200, 200), 1);
    check_seven();
}

static void what_is_framed_stays(void **state)
{
    (void)state;
    uint8_t image[SIDE * SIDE] = {0};
    srand(3);
    for (int y = 4; y < 24; y++)
        for (int x = 9; x < 20; x++) image[y * SIDE + x] = (uint8_t)(1 + rand() % 255);
    memcpy(from, image, sizeof image);
    assert_int_equal(frame(SIDE, SIDE), 1);
    assert_memory_equal(to, image, sizeof image);
    for (int i = 0; i < SIDE * SIDE; i++) from[i] = (uint8_t)(255 - image[i]);
    assert_int_equal(frame(SIDE, SIDE), 1);
    assert_memory_equal(to, image, sizeof image);
    for (int i = 0; i < 9 * SIDE * SIDE; i++)
        from[i] = (uint8_t)(255 - image[i / 3 / (3 * SIDE) * SIDE + i / 3 % SIDE]);
    assert_int_equal(frame(3 * SIDE, 3 * SIDE), 1);
    assert_memory_equal(to, image, sizeof image);
}

static void lines_and_frames_are_no_ink(void **state)
{
    (void)state;
    paper(240, 240, 250);
    for (int line = 15; line < 240; line += 40) bar(240, line, line + 2, 0, 240, 60);
    seven(240, 70, 80, 20);
    assert_int_equal(frame(240, 240), 1);
    check_seven();
    paper(240, 240, 250);
    bar(240, 10, 230, 10, 230, 10);
    bar(240, 14, 226, 14, 226, 250);
    seven(240, 70, 80, 20);
    assert_int_equal(frame(240, 240), 1);
    check_seven();
}

static void a_table_is_cut_off(void **state)
{
    (void)state;
    paper(300, 300, 60);
    bar(300, 30, 270, 40, 260, 230);
    seven(300, 90, 110, 25);
    assert_int_equal(frame(300, 300), 1);
    check_seven();
}

static void specks_are_no_ink(void **state)
{
    (void)state;
    paper(300, 300, 250);
    seven(300, 90, 110, 25);
    bar(300, 20, 25, 270, 274, 0);
    assert_int_equal(frame(300, 300), 1);
    check_seven();
}

static void no_digit(void **state)
{
    (void)state;
    paper(200, 150, 255);
    assert_int_equal(frame(200, 150), 0);
    bar(150, 30, 35, 70, 75, 0);
    assert_int_equal(frame(200, 150), 0);
    srand(5);
    for (int i = 0; i < 200 * 150; i++) from[i] = (uint8_t)(200 + rand() % 12);
    assert_int_equal(frame(200, 150), 0);
    for (int side = 1; side < 5; side++) {
        paper(side, side, 9);
        assert_int_equal(frame(side, side), 0);
    }
    paper(1, MOST, 200);
    assert_int_equal(frame(1, MOST), 0);
}

static void several_digits(void **state)
{
    (void)state;
    paper(240, 400, 255);
    for (int n = 1; n <= 3; n++) {
        seven(400, 60, 120 * n - 90, 0);
        assert_int_equal(frame(240, 400), n);
    }
}

/* Whatever the picture: no memory outside is touched, and the answer is a number of digits. */
static void any_picture(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        int height = 1 + rand() % 70, width = 1 + rand() % 70, step = 1 + rand() % 90;
        for (int i = 0; i < height * width; i++) from[i] = (uint8_t)(rand() % step * 255 / step);
        assert_true(frame(height, width) >= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seven_is_framed),
        cmocka_unit_test(a_shadow_is_divided_out),
        cmocka_unit_test(what_is_framed_stays),
        cmocka_unit_test(lines_and_frames_are_no_ink),
        cmocka_unit_test(a_table_is_cut_off),
        cmocka_unit_test(specks_are_no_ink),
        cmocka_unit_test(no_digit),
        cmocka_unit_test(several_digits),
        cmocka_unit_test(any_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
