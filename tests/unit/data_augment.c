/* Tests of data/augment: words, amounts, images against a double reference, the same bytes for ever. */
#include "base/text.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/synthetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <cmocka.h> /* after error.h: it has a macro named fail */

enum { SIDE = SYNTHETIC_SIDE, PIXELS = SIDE * SIDE, ONE = 1 << 16 };

static const augment_cfg usual = {{2, 10, 0.1, 6}};

typedef struct picture {
    uint8_t pixels[PIXELS];
} picture;

static picture digit(int index)
{
    picture p;
    synthetic_draw(DATASET_SYNTHETIC_SEED, SYNTHETIC_TRAIN, index, p.pixels);
    return p;
}

static rng_key key_of(uint32_t epoch, uint32_t sample)
{
    return (rng_key){1, RNG_AUGMENT, epoch, sample};
}

static picture under(const augment_cfg *cfg, rng_key key, const picture *in)
{
    picture out;
    augment_map map = augment_draw(cfg, key, SIDE, SIDE);
    augment_apply(&map, in->pixels, SIDE, SIDE, 1, out.pixels);
    return out;
}

/* ---- words ---- */

static void words_give_amounts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        augment_cfg cfg;
    } good[] = {
        {"none", {{0}}},
        {"  none\t", {{0}}},
        {"none;", {{0}}},
        {"shift 2; rotate 10; scale 0.1; erase 6", {{2, 10, 0.1, 6}}},
        {"erase 6;scale 1e-1 ;  rotate 10;shift 2;", {{2, 10, 0.1, 6}}},
        {"shift 1.5", {{1.5}}},
        {"rotate 180;; scale 0.5", {{0, 180, 0.5}}},
        {"shift 1024; erase 4096", {{1024, 0, 0, 4096}}},
        {"shift 0; erase 0", {{0}}},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        augment_cfg cfg, want = good[i].cfg;
        double sum = 0;
        assert_int_equal(augment_parse(good[i].text, &cfg, NULL), STATUS_OK);
        for (int k = 0; k < AUGMENT_KINDS; k++) {
            assert_true(cfg.amount[k] == want.amount[k]);
            sum += want.amount[k];
        }
        assert_int_equal(augment_is_on(&cfg), sum > 0);
    }
}

static void kinds_are_listed(void **state)
{
    (void)state;
    assert_string_equal(augment_form(AUGMENT_SHIFT), "shift PIXELS");
    assert_string_equal(augment_form(AUGMENT_ERASE), "erase SIDE");
    assert_string_equal(augment_form(AUGMENT_KINDS), "none");
    assert_null(augment_form(AUGMENT_KINDS + 1));
    assert_null(augment_form(-1));
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"shfit 2",
         "--augment='shfit 2': word 1, 'shfit': unknown; did you mean 'shift'? Known are "
         "shift, rotate, scale, erase, none"},
        {"rotate 10; zoom 0.1", "--augment='zoom 0.1': word 1, 'zoom': unknown; known are shift"},
        {"noen", "did you mean 'none'?"},
        {"none; shift 2", "'none': must be alone"},
        {"shift 2; none", "'none': must be alone"},
        {"none 2", "'none': must be alone"},
        {"shift 2; rotate 3; shift 2", "word 1, 'shift': appears twice"},
        {"rotate", "--augment='rotate': word 2, '': must be a number of degrees from 0 to 180"},
        {"shift ; rotate 3", "word 2, '': must be a number of pixels from 0 to 1024"},
        {"shift two", "word 2, 'two': must be a number of pixels from 0 to 1024"},
        {"shift -1", "word 2, '-1': must be a number of pixels"},
        {"shift nan", "'nan': must be"},
        {"rotate 181", "must be a number of degrees from 0 to 180"},
        {"scale 0.6", "must be a number from 0 to 0.5"},
        {"erase 2.5", "'2.5': must be a whole number of pixels from 0 to 4096"},
        {"shift 2 rotate 3", "word 3, 'rotate': one word too many; the form is shift PIXELS"},
        {"shift 2 3", "word 3, '3': one word too many"},
        {"", "--augment: empty; leave it out, or give none"},
        {" \n", "--augment: empty"},
        {";", "--augment: empty"},
        {"a-word-that-is-much-longer-than-any-known-word",
         "too long at word 1, 'a-word-that-is-much-longer-than"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        augment_cfg cfg;
        failure why = {""};
        assert_int_equal(augment_parse(bad[i][0], &cfg, &why), STATUS_USAGE);
        if (!strstr(why.text, bad[i][1])) print_error("'%s': %s\n", bad[i][0], why.text);
        assert_non_null(strstr(why.text, bad[i][1]));
        assert_ptr_equal(strstr(why.text, "--augment"), why.text);
    }
}

/* ---- amounts ---- */

/* A word as the amount that the header promises: uniform in [-most,most). */
static double amount(uint32_t word, double most)
{
    return most * (2 * (word / 0x1p32) - 1);
}

/* The map's equation with libm, from the same words. */
static void check_map(const augment_cfg *cfg, rng_key key, int height, int width)
{
    augment_map m = augment_draw(cfg, key, height, width);
    rng_words a = rng_draw(key, 0), b = rng_draw(key, 1);
    double angle = amount(a.word[0], cfg->amount[AUGMENT_ROTATE]) * acos(-1) / 180;
    double wide = 1 + amount(a.word[1], cfg->amount[AUGMENT_SCALE]),
           high = 1 + amount(a.word[2], cfg->amount[AUGMENT_SCALE]);
    double cx = 0.5 * (width - 1), cy = 0.5 * (height - 1);
    double x = -cx - amount(a.word[3], cfg->amount[AUGMENT_SHIFT]),
           y = -cy - amount(b.word[0], cfg->amount[AUGMENT_SHIFT]);
    double want[6] = {cx + (cos(angle) * x + sin(angle) * y) / wide,
                      cy + (-sin(angle) * x + cos(angle) * y) / high,
                      cos(angle) / wide,
                      sin(angle) / wide,
                      -sin(angle) / high,
                      cos(angle) / high};
    int32_t got[6] = {m.x, m.y, m.xx, m.xy, m.yx, m.yy};
    for (int i = 0; i < 6; i++) assert_true(fabs(want[i] * ONE - got[i]) < 0.5001);
}

static void maps_are_those_of_the_equation(void **state)
{
    (void)state;
    static const augment_cfg cfgs[] = {{{2, 10, 0.1, 6}},   {{0.5, 0, 0, 0}},
                                       {{0, 180, 0, 0}},    {{0, 0, 0.5, 0}},
                                       {{3.3, 45, 0.4, 0}}, {{1024, 180, 0.5, 0}}};
    static const int sizes[][2] = {{28, 28}, {1, 1}, {5, 32}, {4096, 4096}};
    for (uint32_t sample = 0; sample < 100; sample++)
        for (int c = 0; c < 6; c++)
            for (int s = 0; s < 4; s++)
                check_map(&cfgs[c], key_of(3, sample), sizes[s][0], sizes[s][1]);
}

/* Over many images every shift and every square comes up, and nothing beyond. */
static void amounts_fill_their_range(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    const augment_cfg cfg = {{2, 0, 0, 6}};
    int sides[7] = {0}, lefts[SIDE] = {0}, tops[SIDE] = {0};
    int32_t least = 0, most = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        augment_map m = augment_draw(&cfg, key_of(0, i), SIDE, SIDE);
        if (m.x < least) least = m.x;
        if (m.y > most) most = m.y;
        assert_in_range(m.side, 0, 6);
        assert_in_range(m.left, 0, SIDE - m.side);
        assert_in_range(m.top, 0, SIDE - m.side);
        sides[m.side]++, lefts[m.left % SIDE]++, tops[m.top % SIDE]++;
    }
    assert_in_range(-least, 2 * ONE - ONE / 100, 2 * ONE);
    assert_in_range(most, 2 * ONE - ONE / 100, 2 * ONE);
    for (int i = 0; i < 7; i++) assert_in_range(sides[i], DRAWS / 7 - 120, DRAWS / 7 + 120);
    for (int i = 0; i < SIDE; i++) assert_true(lefts[i] > 0 && tops[i] > 0);
}

static void a_square_fits_into_a_small_image(void **state)
{
    (void)state;
    const augment_cfg cfg = {{0, 0, 0, 4096}};
    for (uint32_t i = 0; i < 200; i++) {
        augment_map m = augment_draw(&cfg, key_of(0, i), 3, 5);
        assert_in_range(m.side, 0, 3);
        assert_in_range(m.left, 0, 5 - m.side);
        assert_in_range(m.top, 0, 3 - m.side);
    }
}

/* ---- images ---- */

static void nothing_is_the_identity(void **state)
{
    (void)state;
    static const int sizes[][2] = {{28, 28}, {1, 1}, {1, 9}, {7, 1}, {13, 6}};
    const augment_cfg zero = {{0}};
    picture in = digit(3), out;
    for (int s = 0; s < 5; s++) {
        int height = sizes[s][0], width = sizes[s][1];
        augment_map m = augment_draw(&zero, key_of(1, 2), height, width);
        augment_apply(&m, in.pixels, height, width, 1, out.pixels);
        assert_memory_equal(out.pixels, in.pixels, (size_t)(height * width));
    }
}

static uint8_t at(const picture *p, int row, int column)
{
    int inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
    return inside ? p->pixels[row * SIDE + column] : 0;
}

static void whole_shifts_move_pixels(void **state)
{
    (void)state;
    picture in = digit(4), out;
    for (int right = -30; right <= 30; right += 3)
        for (int down = -30; down <= 30; down += 3) {
            augment_map m = {.x = -right * ONE, .y = -down * ONE, .xx = ONE, .yy = ONE};
            augment_apply(&m, in.pixels, SIDE, SIDE, 1, out.pixels);
            for (int i = 0; i < PIXELS; i++)
                assert_int_equal(out.pixels[i], at(&in, i / SIDE - down, i % SIDE - right));
        }
}

static void half_shifts_are_means(void **state)
{
    (void)state;
    picture in = digit(5), out;
    augment_map m = {.x = ONE / 2, .y = -ONE / 2, .xx = ONE, .yy = ONE};
    augment_apply(&m, in.pixels, SIDE, SIDE, 1, out.pixels);
    for (int i = 0; i < PIXELS; i++) {
        int row = i / SIDE, column = i % SIDE;
        int sum = at(&in, row, column) + at(&in, row, column + 1) + at(&in, row - 1, column) +
                  at(&in, row - 1, column + 1);
        assert_int_equal(out.pixels[i], (sum + 2) / 4);
    }
}

/* Clockwise: what was on top is now on the right. */
static void quarter_turns_move_pixels(void **state)
{
    (void)state;
    picture in = digit(6), out;
    augment_map m = {.x = 0, .y = (SIDE - 1) * ONE, .xy = ONE, .yx = -ONE};
    augment_apply(&m, in.pixels, SIDE, SIDE, 1, out.pixels);
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++)
            assert_int_equal(at(&out, column, SIDE - 1 - row), at(&in, row, column));
}

/* A disc of radius 9 with a soft edge looks the same from every side. */
static void a_disc_turns_into_itself(void **state)
{
    (void)state;
    const augment_cfg cfg = {{0, 180, 0, 0}};
    picture in, out;
    for (int i = 0; i < PIXELS; i++) {
        double away = 9 + 2 - hypot(i / SIDE - 13.5, i % SIDE - 13.5);
        in.pixels[i] = (uint8_t)(255 * fmin(fmax(away / 4, 0), 1));
    }
    for (uint32_t sample = 0; sample < 50; sample++) {
        out = under(&cfg, key_of(0, sample), &in);
        for (int i = 0; i < PIXELS; i++) assert_in_range(out.pixels[i] + 20 - in.pixels[i], 0, 40);
    }
}

/* The bilinear value in double, from the map's numbers. */
static double reference(const augment_map *m, const picture *in, int row, int column)
{
    double x = ((double)m->x + (double)m->xx * column + (double)m->xy * row) / ONE;
    double y = ((double)m->y + (double)m->yx * column + (double)m->yy * row) / ONE;
    int left = (int)floor(x), top = (int)floor(y);
    double u = x - left, v = y - top;
    return (1 - v) * ((1 - u) * at(in, top, left) + u * at(in, top, left + 1)) +
           v * ((1 - u) * at(in, top + 1, left) + u * at(in, top + 1, left + 1));
}

/* Places are cut to 2^-8 pixels: one step of 255 along each axis at the steepest edge, and half a step of rounding. */
static void pixels_are_bilinear(void **state)
{
    (void)state;
    static const augment_cfg cfgs[] = {{{2, 10, 0.1, 0}}, {{0, 180, 0, 0}}, {{9, 90, 0.5, 0}}};
    for (int c = 0; c < 3; c++)
        for (uint32_t sample = 0; sample < 40; sample++) {
            picture in = digit((int)sample), out = under(&cfgs[c], key_of(2, sample), &in);
            augment_map m = augment_draw(&cfgs[c], key_of(2, sample), SIDE, SIDE);
            for (int i = 0; i < PIXELS; i++) {
                double want = reference(&m, &in, i / SIDE, i % SIDE);
                assert_true(fabs(out.pixels[i] - want) <= 2.5);
            }
        }
}

static void the_square_is_background_and_the_rest_is_not_touched(void **state)
{
    (void)state;
    picture in, out;
    memset(in.pixels, 200, PIXELS);
    augment_map m = {.xx = ONE, .yy = ONE, .left = 3, .top = 22, .side = 6};
    augment_apply(&m, in.pixels, SIDE, SIDE, 1, out.pixels);
    for (int i = 0; i < PIXELS; i++) {
        int inside = i / SIDE >= 22 && i % SIDE >= 3 && i % SIDE < 9;
        assert_int_equal(out.pixels[i], inside ? 0 : 200);
    }
}

/* Images of every shape, on memory that ends with them: what lies behind is neither read (sanitizer) nor written. */
static void images_end_where_they_end(void **state)
{
    (void)state;
    const augment_cfg wild = {{5, 180, 0.5, 9}};
    for (int height = 1; height <= 12; height++)
        for (int width = 1; width <= 12; width++) {
            size_t bytes = (size_t)(height * width);
            uint8_t *in = malloc(bytes), *out = malloc(bytes + 1);
            memset(in, 255, bytes);
            for (uint32_t sample = 0; sample < 20; sample++) {
                augment_map m = augment_draw(&wild, key_of(0, sample), height, width);
                out[bytes] = 77;
                augment_apply(&m, in, height, width, 1, out);
                assert_int_equal(out[bytes], 77);
            }
            free(in);
            free(out);
        }
}

/* Each channel is what the same map makes of it alone. */
static void channels_do_not_mix(void **state)
{
    (void)state;
    uint8_t in[3 * PIXELS], out[3 * PIXELS];
    picture plane[3];
    for (int c = 0; c < 3; c++) {
        plane[c] = digit(20 + c);
        for (int i = 0; i < PIXELS; i++) in[3 * i + c] = plane[c].pixels[i];
    }
    for (uint32_t sample = 0; sample < 20; sample++) {
        augment_map m = augment_draw(&usual, key_of(4, sample), SIDE, SIDE);
        augment_apply(&m, in, SIDE, SIDE, 3, out);
        for (int c = 0; c < 3; c++) {
            picture alone = under(&usual, key_of(4, sample), &plane[c]);
            for (int i = 0; i < PIXELS; i++) assert_int_equal(out[3 * i + c], alone.pixels[i]);
        }
    }
}

/* ---- randomness ---- */

static void an_image_depends_on_seed_epoch_and_sample(void **state)
{
    (void)state;
    picture in = digit(7), first = under(&usual, key_of(5, 9), &in);
    picture again = under(&usual, key_of(5, 9), &in);
    rng_key seed = key_of(5, 9);
    seed.seed = 2;
    picture other[3] = {under(&usual, key_of(6, 9), &in), under(&usual, key_of(5, 10), &in),
                        under(&usual, seed, &in)};
    assert_memory_equal(&first, &again, sizeof first);
    for (int i = 0; i < 3; i++) assert_memory_not_equal(&first, &other[i], sizeof first);
}

/* A change here changes what every augmented run gives. */
static void the_bytes_are_fixed_for_ever(void **state)
{
    (void)state;
    static picture pictures[200];
    XXH128_canonical_t canonical;
    char text[33];
    for (int i = 0; i < 200; i++) {
        picture in = digit(i);
        pictures[i] = under(&usual, key_of((uint32_t)i % 3, (uint32_t)i), &in);
    }
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(pictures, sizeof pictures));
    text_hex(canonical.digest, sizeof canonical.digest, text);
    assert_string_equal(text, "4e8867f6bd46fc15e15bb83cb69ddcf1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_give_amounts),
        cmocka_unit_test(kinds_are_listed),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(maps_are_those_of_the_equation),
        cmocka_unit_test(amounts_fill_their_range),
        cmocka_unit_test(a_square_fits_into_a_small_image),
        cmocka_unit_test(nothing_is_the_identity),
        cmocka_unit_test(whole_shifts_move_pixels),
        cmocka_unit_test(half_shifts_are_means),
        cmocka_unit_test(quarter_turns_move_pixels),
        cmocka_unit_test(a_disc_turns_into_itself),
        cmocka_unit_test(pixels_are_bilinear),
        cmocka_unit_test(the_square_is_background_and_the_rest_is_not_touched),
        cmocka_unit_test(images_end_where_they_end),
        cmocka_unit_test(channels_do_not_mix),
        cmocka_unit_test(an_image_depends_on_seed_epoch_and_sample),
        cmocka_unit_test(the_bytes_are_fixed_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
