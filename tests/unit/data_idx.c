/* Tests of data/idx: what is read, and every way in which a file can be wrong. */
#include "data/idx.h"
#include "unit/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* after error.h: it has a macro named fail */

static folder scratch;

static int make_scratch(void **state)
{
    (void)state;
    scratch = folder_make();
    return 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    folder_remove(&scratch);
    return 0;
}

static void assert_message(const failure *why, const path *file, const char *rest)
{
    size_t length = strlen(file->text);
    assert_memory_equal(why->text, file->text, length);
    assert_string_equal(why->text + length, rest);
}

static void assert_probe_fails(path file, idx_kind kind, status expected, const char *rest)
{
    idx_header header;
    failure why = {{0}};
    assert_int_equal(idx_probe(file.text, kind, &header, &why), expected);
    assert_message(&why, &file, rest);
}

/* Reading header and elements fails, in whichever part the damage shows. */
static void assert_read_fails(path file, idx_kind kind, const char *part_of_message)
{
    static uint8_t bytes[IDX_ROOM + (1 << 20)];
    idx_header header;
    failure why = {{0}};
    status code = idx_probe(file.text, kind, &header, &why);
    if (!code) code = idx_read(file.text, kind, &header, bytes + IDX_ROOM, &why);
    print_message("%s\n", why.text);
    assert_int_equal(code, STATUS_BAD_DATA);
    assert_memory_equal(why.text, file.text, strlen(file.text));
    assert_non_null(strstr(why.text, part_of_message));
}

/* Reads the file: these extents, `bytes` bytes of the pattern, and nothing is written behind them. */
static void assert_images_are_read(path file, int count, int height, int width, int channels,
                                   int bytes)
{
    idx_header header;
    uint8_t memory[IDX_ROOM + 100], *pixels = memory + IDX_ROOM;
    failure why;
    assert_true(bytes < 100);
    pixels[bytes] = 99;
    assert_int_equal(idx_probe(file.text, IDX_IMAGES, &header, &why), STATUS_OK);
    assert_int_equal(header.count, count);
    assert_int_equal(header.height, height);
    assert_int_equal(header.width, width);
    assert_int_equal(header.channels, channels);
    assert_int_equal(idx_bytes(&header), bytes);
    assert_int_equal(idx_read(file.text, IDX_IMAGES, &header, pixels, &why), STATUS_OK);
    for (int i = 0; i < bytes; i++) assert_int_equal(pixels[i], (i * 7 + 3) & 255);
    assert_int_equal(pixels[bytes], 99);
}

static void images_are_read(void **state)
{
    (void)state;
    assert_images_are_read(images_write(&scratch, "images", 3, 5, 4), 3, 5, 4, 1, 60);
    assert_images_are_read(images_write(&scratch, "images.gz", 3, 5, 4), 3, 5, 4, 1, 60);
}

static void images_with_channels_are_read(void **state)
{
    (void)state;
    assert_images_are_read(colour_write(&scratch, "colour.gz", 2, 3, 4, 3), 2, 3, 4, 3, 72);
}

static void channels_beyond_the_limits_are_refused(void **state)
{
    (void)state;
    assert_probe_fails(colour_write(&scratch, "five", 1, 2, 2, 5), IDX_IMAGES, STATUS_BAD_DATA,
                       ": says 5 channels, expected 1 to 4");
    assert_probe_fails(colour_write(&scratch, "zero", 1, 2, 2, 0), IDX_IMAGES, STATUS_BAD_DATA,
                       ": says 0 channels, expected 1 to 4");
    assert_probe_fails(colour_write(&scratch, "labels", 1, 2, 2, 3), IDX_LABELS, STATUS_BAD_DATA,
                       ": holds images, expected labels: are two files swapped?");
    uint8_t bytes[16] = {0, 0, 8, 4};
    assert_probe_fails(
        file_write(&scratch, "short", bytes, 16), IDX_IMAGES, STATUS_BAD_DATA,
        ": 16 bytes, expected 20 for the header alone: truncated download? Run tools/get_data.sh");
    path long_one = colour_write(&scratch, "long", 2, 3, 4, 3);
    assert_int_equal(truncate(long_one.text, 91), 0);
    assert_probe_fails(long_one, IDX_IMAGES, STATUS_BAD_DATA,
                       ": 91 bytes, expected 92 (2 x 3 x 4 x 3): truncated download? Run "
                       "tools/get_data.sh");
}

static void labels_are_read(void **state)
{
    (void)state;
    const uint8_t labels[4] = {9, 0, 255, 7};
    path file = labels_write(&scratch, "labels.gz", labels, 4);
    idx_header header;
    uint8_t bytes[4];
    failure why;
    assert_int_equal(idx_probe(file.text, IDX_LABELS, &header, &why), STATUS_OK);
    assert_int_equal(header.count, 4);
    assert_int_equal(header.height, 1);
    assert_int_equal(header.width, 1);
    assert_int_equal(idx_read(file.text, IDX_LABELS, &header, bytes, &why), STATUS_OK);
    assert_memory_equal(bytes, labels, 4);
}

static void first_elements_are_read(void **state)
{
    (void)state;
    const uint8_t labels[4] = {9, 0, 255, 7};
    path file = labels_write(&scratch, "labels", labels, 4);
    uint8_t bytes[8] = {0};
    failure why;
    assert_int_equal(idx_start(file.text, IDX_LABELS, bytes, 2, &why), STATUS_OK);
    assert_memory_equal(bytes, ((uint8_t[]){9, 0, 0, 0}), 4);
    assert_int_equal(idx_start(file.text, IDX_LABELS, bytes, 8, &why), STATUS_OK);
    assert_memory_equal(bytes, ((uint8_t[]){9, 0, 255, 7, 0, 0, 0, 0}), 8);
}

static void plain_content_under_a_gz_name_is_read(void **state)
{
    (void)state;
    path plain = images_write(&scratch, "images", 3, 5, 4),
         renamed = path_in(&scratch, "renamed.gz");
    idx_header header;
    failure why;
    assert_int_equal(rename(plain.text, renamed.text), 0);
    assert_int_equal(idx_probe(renamed.text, IDX_IMAGES, &header, &why), STATUS_OK);
    assert_int_equal(header.count, 3);
}

static void a_missing_file_is_no_input(void **state)
{
    (void)state;
    assert_probe_fails(path_in(&scratch, "none"), IDX_IMAGES, STATUS_NO_INPUT,
                       ": No such file or directory: run tools/get_data.sh");
    path folder_itself = {{0}};
    memcpy(folder_itself.text, scratch.path, sizeof scratch.path);
    assert_probe_fails(folder_itself, IDX_IMAGES, STATUS_NO_INPUT, ": not a regular file");
}

static void a_wrong_magic_is_named(void **state)
{
    (void)state;
    assert_probe_fails(
        file_write(&scratch, "text", "<html><head><title>", 19), IDX_IMAGES, STATUS_BAD_DATA,
        ": an HTML page, not an IDX file: the download failed. Run tools/get_data.sh");
    assert_probe_fails(file_write(&scratch, "words", "some text", 9), IDX_IMAGES, STATUS_BAD_DATA,
                       ": begins with 0x736f6d65, expected 0x00000803 or 0x00000804 (IDX images): "
                       "not an IDX file. Run tools/get_data.sh");
    assert_probe_fails(file_write(&scratch, "short", "words", 5), IDX_LABELS, STATUS_BAD_DATA,
                       ": begins with 0x776f7264, expected 0x00000801 (IDX labels): not an IDX "
                       "file. Run tools/get_data.sh");
}

static void swapped_files_are_named(void **state)
{
    (void)state;
    const uint8_t labels[20] = {0};
    assert_probe_fails(labels_write(&scratch, "labels", labels, 20), IDX_IMAGES, STATUS_BAD_DATA,
                       ": holds labels, expected images: are two files swapped?");
    assert_probe_fails(images_write(&scratch, "images", 1, 2, 2), IDX_LABELS, STATUS_BAD_DATA,
                       ": holds images, expected labels: are two files swapped?");
}

static void a_short_header_is_truncated(void **state)
{
    (void)state;
    assert_probe_fails(file_write(&scratch, "empty", "", 0), IDX_IMAGES, STATUS_BAD_DATA,
                       ": an empty file: truncated download? Run tools/get_data.sh");
    assert_probe_fails(
        file_write(&scratch, "seven", "\0\0\10\1\0\0\0", 7), IDX_LABELS, STATUS_BAD_DATA,
        ": 7 bytes, expected 8 for the header alone: truncated download? Run tools/get_data.sh");
}

static void a_truncated_plain_file_is_named(void **state)
{
    (void)state;
    uint8_t bytes[1024] = {0};
    put_big_endian(bytes, 0x803);
    put_big_endian(bytes + 4, 60000);
    put_big_endian(bytes + 8, 28);
    put_big_endian(bytes + 12, 28);
    assert_probe_fails(file_write(&scratch, "train", bytes, 1024), IDX_IMAGES, STATUS_BAD_DATA,
                       ": 1,024 bytes, expected 47,040,016 (60000 x 28 x 28): truncated download? "
                       "Run tools/get_data.sh");
    assert_read_fails(
        file_write(&scratch, "train.gz", bytes, 1024), IDX_IMAGES,
        " bytes cannot hold the 47,040,016 that its header promises (60000 x 28 x 28): "
        "truncated download? Run tools/get_data.sh");
}

static void extra_bytes_are_named(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 0, 8, 1, 0, 0, 0, 2, 5, 6, 7};
    assert_probe_fails(
        file_write(&scratch, "long", bytes, sizeof bytes), IDX_LABELS, STATUS_BAD_DATA,
        ": 11 bytes, expected 10 (2): extra bytes at the end. Run tools/get_data.sh");
    assert_read_fails(file_write(&scratch, "long.gz", bytes, sizeof bytes), IDX_LABELS,
                      ": more than the expected 10 bytes (2): extra bytes at the end");
}

static void content_shorter_than_promised_in_gz_is_named(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 0, 8, 1, 0, 0, 0, 9, 5, 6, 7};
    assert_read_fails(file_write(&scratch, "less.gz", bytes, sizeof bytes), IDX_LABELS,
                      ": 11 bytes, expected 17 (9): truncated download?");
}

/* A gzip file of 60000 labels that compress badly. */
static size_t compressed_labels(uint8_t *bytes, size_t room)
{
    static uint8_t labels[60000];
    uint32_t word = 1;
    for (int i = 0; i < 60000; i++)
        labels[i] = (uint8_t)((word = word * 1664525u + 1013904223u) >> 24);
    path whole = labels_write(&scratch, "whole.gz", labels, 60000);
    FILE *in = fopen(whole.text, "rb");
    size_t size = fread(bytes, 1, room, in);
    fclose(in);
    return size;
}

/* Writes as is, whatever the name's ending. */
static path raw_write(const char *name, const uint8_t *bytes, size_t count)
{
    path p = path_in(&scratch, name);
    FILE *out = fopen(p.text, "wb");
    fwrite(bytes, 1, count, out);
    fclose(out);
    return p;
}

static void a_truncated_gzip_stream_is_named(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 17];
    size_t size = compressed_labels(bytes, sizeof bytes);
    assert_in_range(size, 50000, sizeof bytes - 1);
    assert_read_fails(raw_write("half.gz", bytes, size / 2), IDX_LABELS,
                      ": the gzip stream is cut off after ");
    assert_read_fails(
        raw_write("no-sum.gz", bytes, size - 4), IDX_LABELS,
        ": the gzip stream is cut off after 60,008 bytes of content: truncated download?");
    idx_header header;
    failure why;
    path start = raw_write("start.gz", bytes, 14);
    assert_int_equal(idx_probe(start.text, IDX_LABELS, &header, &why), STATUS_BAD_DATA);
    assert_message(&why, &start,
                   ": the gzip stream is cut off after 0 bytes of content: truncated download? Run "
                   "tools/get_data.sh");
}

static void a_damaged_gzip_stream_is_named(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 17];
    size_t size = compressed_labels(bytes, sizeof bytes);
    bytes[size - 8] ^= 1; /* of the checksum: the elements are all there, and wrong */
    assert_read_fails(raw_write("sum.gz", bytes, size), IDX_LABELS,
                      "(incorrect data check): run tools/get_data.sh");
    bytes[size - 8] ^= 1;
    for (size_t i = size / 2; i < size / 2 + 64; i++) bytes[i] ^= 0x5a;
    assert_read_fails(raw_write("middle.gz", bytes, size), IDX_LABELS,
                      ": the gzip stream is damaged near byte ");
}

static void sides_beyond_the_limits_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[16];
    put_big_endian(bytes, 0x803);
    put_big_endian(bytes + 4, 0xffffffff);
    put_big_endian(bytes + 8, 28);
    put_big_endian(bytes + 12, 28);
    assert_probe_fails(
        file_write(&scratch, "many", bytes, 16), IDX_IMAGES, STATUS_BAD_DATA,
        ": says 4294967295 images of 28 x 28, expected at most 2147483647 of 1 x 1 to 4096 x 4096");
    put_big_endian(bytes + 4, 1);
    put_big_endian(bytes + 8, 0);
    assert_probe_fails(
        file_write(&scratch, "flat", bytes, 16), IDX_IMAGES, STATUS_BAD_DATA,
        ": says 1 images of 0 x 28, expected at most 2147483647 of 1 x 1 to 4096 x 4096");
    put_big_endian(bytes + 8, 4097);
    assert_probe_fails(
        file_write(&scratch, "tall", bytes, 16), IDX_IMAGES, STATUS_BAD_DATA,
        ": says 1 images of 4097 x 28, expected at most 2147483647 of 1 x 1 to 4096 x 4096");
}

static void a_file_that_changed_since_the_probe_is_refused(void **state)
{
    (void)state;
    path file = images_write(&scratch, "images", 3, 5, 4);
    idx_header before = {4, 5, 4, 1, 1, IDX_BYTES, 0};
    uint8_t bytes[IDX_ROOM + 80];
    failure why;
    assert_int_equal(idx_read(file.text, IDX_IMAGES, &before, bytes + IDX_ROOM, &why),
                     STATUS_BAD_DATA);
    assert_message(&why, &file,
                   ": holds 3 x 5 x 4 now, held 4 x 5 x 4 a moment ago: is it being written?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_read),
        cmocka_unit_test(images_with_channels_are_read),
        cmocka_unit_test(channels_beyond_the_limits_are_refused),
        cmocka_unit_test(labels_are_read),
        cmocka_unit_test(first_elements_are_read),
        cmocka_unit_test(plain_content_under_a_gz_name_is_read),
        cmocka_unit_test(a_missing_file_is_no_input),
        cmocka_unit_test(a_wrong_magic_is_named),
        cmocka_unit_test(swapped_files_are_named),
        cmocka_unit_test(a_short_header_is_truncated),
        cmocka_unit_test(a_truncated_plain_file_is_named),
        cmocka_unit_test(extra_bytes_are_named),
        cmocka_unit_test(content_shorter_than_promised_in_gz_is_named),
        cmocka_unit_test(a_truncated_gzip_stream_is_named),
        cmocka_unit_test(a_damaged_gzip_stream_is_named),
        cmocka_unit_test(sides_beyond_the_limits_are_refused),
        cmocka_unit_test(a_file_that_changed_since_the_probe_is_refused),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
