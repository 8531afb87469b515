/* PNG files of every kind are read as grey; what is no whole PNG is refused in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <png.h>

#include "io/png.h"
#include "io/one_folder.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

enum { SIDE = 16, PIXELS = SIDE * SIDE };

static uint8_t *grey;
static int height, width;

/* A ramp of 16 greys, or what stands for it in a format, written by libpng's plain interface. */
typedef struct kind {
    const char *name;
    int color, bits, interlace;
} kind;

static const kind kinds[] = {
    {"grey 1 bit", PNG_COLOR_TYPE_GRAY, 1, PNG_INTERLACE_NONE},
    {"grey 2 bits", PNG_COLOR_TYPE_GRAY, 2, PNG_INTERLACE_NONE},
    {"grey 4 bits", PNG_COLOR_TYPE_GRAY, 4, PNG_INTERLACE_ADAM7},
    {"grey 8 bits", PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE},
    {"grey 16 bits", PNG_COLOR_TYPE_GRAY, 16, PNG_INTERLACE_ADAM7},
    {"grey alpha 8 bits", PNG_COLOR_TYPE_GRAY_ALPHA, 8, PNG_INTERLACE_NONE},
    {"grey alpha 16 bits", PNG_COLOR_TYPE_GRAY_ALPHA, 16, PNG_INTERLACE_NONE},
    {"colours 8 bits", PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7},
    {"colours 16 bits", PNG_COLOR_TYPE_RGB, 16, PNG_INTERLACE_NONE},
    {"colours alpha 8 bits", PNG_COLOR_TYPE_RGB_ALPHA, 8, PNG_INTERLACE_NONE},
    {"palette 1 bit", PNG_COLOR_TYPE_PALETTE, 1, PNG_INTERLACE_NONE},
    {"palette 4 bits", PNG_COLOR_TYPE_PALETTE, 4, PNG_INTERLACE_NONE},
    {"palette 8 bits", PNG_COLOR_TYPE_PALETTE, 8, PNG_INTERLACE_ADAM7},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Grey of column x, as far as the bits allow. */
static int shade(const kind *k, int x)
{
    int levels = k->bits >= 4 ? 16 : 1 << k->bits;
    return x * levels / SIDE * 255 / (levels - 1);
}

static int channels_of(const kind *k)
{
    return (k->color & PNG_COLOR_MASK_COLOR && k->color != PNG_COLOR_TYPE_PALETTE ? 3 : 1) +
           (k->color & PNG_COLOR_MASK_ALPHA ? 1 : 0);
}

/* A row with one sample a byte (16 bits: two); libpng packs them. */
static void fill_row(const kind *k, png_byte *row)
{
    int channels = channels_of(k), bytes = k->bits == 16 ? 2 : 1;
    int alpha = k->color & PNG_COLOR_MASK_ALPHA ? channels - 1 : -1;
    int index = k->color == PNG_COLOR_TYPE_PALETTE || k->bits < 8;
    for (int x = 0; x < SIDE; x++)
        for (int c = 0; c < channels; c++)
            for (int b = 0; b < bytes; b++) {
                int value = c == alpha ? 255 : shade(k, x);
                if (index) value = value * ((1 << (k->bits < 4 ? k->bits : 4)) - 1) / 255;
                row[(x * channels + c) * bytes + b] = (png_byte)value;
            }
}

static void write_kind(const kind *k, const char *path)
{
    png_byte row[SIDE * 8];
    png_color palette[16];
    FILE *out = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(out);
    png_init_io(png, out);
    png_set_IHDR(png, info, SIDE, SIDE, k->bits, k->color, k->interlace, 0, 0);
    int entries = 1 << (k->bits < 4 ? k->bits : 4);
    for (int i = 0; i < entries; i++) {
        png_byte value = (png_byte)(i * 255 / (entries - 1));
        palette[i] = (png_color){value, value, value};
    }
    if (k->color == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, entries);
    png_write_info(png, info);
    png_set_packing(png);
    fill_row(k, row);
    int passes = png_set_interlace_handling(png);
    for (int i = 0; i < passes * SIDE; i++) png_write_row(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(out);
}

static void every_kind(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        failure why = {""};
        const char *path = fixture_path(folder, "kind.png");
        write_kind(&kinds[i], path);
        assert_true(png_present(path));
        status code = png_read(path, &height, &width, &grey, &why);
        if (code) fail_msg("%s: %s", kinds[i].name, why.text);
        assert_int_equal(height, SIDE);
        assert_int_equal(width, SIDE);
        for (int at = 0; at < PIXELS; at++) {
            int want = shade(&kinds[i], at % SIDE);
            if (abs(grey[at] - want) > 1)
                fail_msg("%s: pixel %d is %d, not %d", kinds[i].name, at, grey[at], want);
        }
        memory_free(grey);
    }
}

static void write_simple(const char *path, png_uint_32 format, int w, int h, const void *pixels)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = (png_uint_32)w, .height = (png_uint_32)h};
    image.format = format;
    assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

/* Ink of either colour on nothing: the ground takes the other one. */
static void transparent_paper(void **state)
{
    (void)state;
    for (int ink = 0; ink <= 255; ink += 255) {
        uint8_t pairs[2 * 9] = {0};
        const char *path = fixture_path(folder, "alpha.png");
        pairs[8] = (uint8_t)ink;
        pairs[9] = 255;
        write_simple(path, PNG_FORMAT_GA, 3, 3, pairs);
        assert_int_equal(png_read(path, &height, &width, &grey, NULL), STATUS_OK);
        assert_int_equal(grey[4], ink);
        assert_int_equal(grey[0], 255 - ink);
        memory_free(grey);
    }
}

static void assert_refused(const char *path, status want, const char *words)
{
    failure why = {""};
    assert_int_equal(png_read(path, &height, &width, &grey, &why), want);
    assert_null(grey);
    if (!strstr(why.text, words)) fail_msg("'%s' lacks '%s'", why.text, words);
    assert_non_null(strstr(why.text, path));
    assert_null(strchr(why.text, '\n'));
}

/* Cut anywhere, with a byte changed anywhere: never a crash, and never a picture of another size. */
static void damaged_files(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t length;
    const char *path = fixture_path(folder, "damaged.png");
    uint8_t rgb[3 * PIXELS];
    for (int i = 0; i < 3 * PIXELS; i++) rgb[i] = (uint8_t)(i * 7);
    write_simple(path, PNG_FORMAT_RGB, SIDE, SIDE, rgb);
    assert_int_equal(file_read_whole(path, 1 << 20, &bytes, &length, NULL), STATUS_OK);
    for (size_t cut = 0; cut + 16 < length; cut += 3) {
        assert_int_equal(file_write_whole(path, bytes, cut, NULL), STATUS_OK);
        assert_refused(path, STATUS_BAD_DATA, "PNG");
    }
    for (size_t at = 0; at < length; at++) {
        bytes[at] ^= 0x55;
        assert_int_equal(file_write_whole(path, bytes, length, NULL), STATUS_OK);
        if (png_read(path, &height, &width, &grey, NULL) == STATUS_OK) {
            assert_true(height == SIDE && width == SIDE);
            memory_free(grey);
        }
        bytes[at] ^= 0x55;
    }
    memory_free(bytes);
}

/* A header alone, with a right checksum, and the begin of the data: 60,000 x 60,000 pixels are refused before memory is
 * taken for them. */
static void absurd_sizes(void **state)
{
    (void)state;
    static const unsigned char head[] = {
        0x89, 'P',  'N',  'G',  13,   10,   26, 10, 0,    0,    0,   13,  'I', 'H',
        'D',  'R',  0,    0,    0xea, 0x60, 0,  0,  0xea, 0x60, 8,   0,   0,   0,
        0,    0xa5, 0xb9, 0x2a, 0x9e, 0,    0,  1,  0,    'I',  'D', 'A', 'T'};
    const char *path = fixture_path(folder, "huge.png");
    assert_int_equal(file_write_whole(path, head, sizeof head, NULL), STATUS_OK);
    assert_refused(path, STATUS_BAD_DATA, "60000 x 60000 pixels");
    uint8_t *line = memory_take(20000);
    write_simple(path, PNG_FORMAT_GRAY, 20000, 1, line);
    memory_free(line);
    assert_refused(path, STATUS_BAD_DATA, "20000 x 1 pixels");
}

static void no_pictures(void **state)
{
    (void)state;
    const char *path = fixture_path(folder, "text.png");
    assert_int_equal(file_write_whole(path, "hello", 5, NULL), STATUS_OK);
    assert_false(png_present(path));
    assert_refused(path, STATUS_BAD_DATA, "not a PNG");
    assert_refused(fixture_path(folder, "absent.png"), STATUS_NO_INPUT, "No such file");
    assert_refused(folder, STATUS_NO_INPUT, "folder");
    assert_false(png_present(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),    cmocka_unit_test(transparent_paper),
        cmocka_unit_test(damaged_files), cmocka_unit_test(absurd_sizes),
        cmocka_unit_test(no_pictures),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
