/* Tests of data/idx: files of other types, orders and shapes than MNIST's, and files that are something else. */
#include "data/idx.h"
#include "unit/data_files.h"

#include <math.h>
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

/* A file of `count` values of this type, [sizes], in either order. */
static path values_write(const char *name, int type, int little, const int *sizes, int dimensions,
                         const double *values, int count)
{
    static uint8_t bytes[4096];
    size_t at = 0;
    for (int i = 0; i <= dimensions; i++) {
        uint32_t number = i ? (uint32_t)sizes[i - 1] : (uint32_t)(type << 8 | dimensions);
        put_big_endian(bytes + at, little ? __builtin_bswap32(number) : number);
        at += 4;
    }
    for (int i = 0; i < count; i++) {
        float single = (float)values[i];
        uint64_t bits = 0;
        uint32_t low;
        int size = type == IDX_DOUBLES ? 8 : type >= IDX_INTEGERS ? 4 : type == IDX_SHORTS ? 2 : 1;
        memcpy(&low, &single, sizeof low);
        if (type == IDX_FLOATS)
            bits = low;
        else if (type == IDX_DOUBLES)
            memcpy(&bits, &values[i], sizeof bits);
        else
            bits = (uint64_t)(int64_t)values[i];
        for (int b = 0; b < size; b++)
            bytes[at++] = (uint8_t)(bits >> 8 * (little ? b : size - 1 - b));
    }
    return file_write(&scratch, name, bytes, at);
}

/* The file is read, and gives these bytes and these words about its header. */
static void assert_gives(path file, idx_kind kind, const uint8_t *expected, size_t count,
                         const char *words)
{
    idx_header header;
    failure why = {{0}};
    uint8_t memory[IDX_ROOM + 64] = {0}, *bytes = memory + IDX_ROOM;
    char said[128];
    status code = idx_probe(file.text, kind, &header, &why);
    if (!code) code = idx_read(file.text, kind, &header, bytes, &why);
    if (code) print_message("%s\n", why.text);
    assert_int_equal(code, STATUS_OK);
    assert_int_equal(idx_bytes(&header), count);
    assert_memory_equal(bytes, expected, count);
    idx_describe(&header, kind, said, sizeof said);
    assert_string_equal(said, words);
}

static void assert_refused(path file, idx_kind kind, const char *part_of_message)
{
    idx_header header;
    failure why = {{0}};
    uint8_t bytes[IDX_ROOM + 64];
    status code = idx_probe(file.text, kind, &header, &why);
    if (!code) code = idx_read(file.text, kind, &header, bytes + IDX_ROOM, &why);
    print_message("%s\n", why.text);
    assert_int_equal(code, STATUS_BAD_DATA);
    assert_memory_equal(why.text, file.text, strlen(file.text));
    assert_non_null(strstr(why.text, part_of_message));
}

static const int one_image[3] = {1, 2, 3}, six[1] = {6};

static void pixels_of_every_type_are_read(void **state)
{
    (void)state;
    const double whole[6] = {0, 1, 7, 127, 100, 5}, large[6] = {0, 1, 128, 255, 200, 5};
    double unit[6];
    const uint8_t small_bytes[6] = {0, 1, 7, 127, 100, 5}, bytes[6] = {0, 1, 128, 255, 200, 5};
    for (int i = 0; i < 6; i++) unit[i] = large[i] / 255;
    assert_gives(values_write("s", IDX_SIGNED_BYTES, 0, one_image, 3, whole, 6), IDX_IMAGES,
                 small_bytes, 6, "pixels are signed bytes, read as bytes");
    for (int little = 0; little < 2; little++) {
        const char *order = little ? " (little-endian)" : "";
        const struct {
            int type;
            const double *values;
            const char *words;
        } cases[] = {
            {IDX_SHORTS, large, "16-bit integers"}, {IDX_INTEGERS, large, "32-bit integers"},
            {IDX_FLOATS, large, "32-bit floats"},   {IDX_FLOATS, unit, "32-bit floats"},
            {IDX_DOUBLES, large, "64-bit floats"},  {IDX_DOUBLES, unit, "64-bit floats"}};
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            char words[96];
            snprintf(words, sizeof words, "pixels are %s%s, read as bytes", cases[c].words, order);
            assert_gives(values_write("v", cases[c].type, little, one_image, 3, cases[c].values, 6),
                         IDX_IMAGES, bytes, 6, words);
        }
    }
    assert_gives(values_write("b", IDX_BYTES, 1, one_image, 3, large, 6), IDX_IMAGES, bytes, 6,
                 "images have a little-endian header");
    assert_gives(values_write("z.gz", IDX_FLOATS, 0, one_image, 3, unit, 6), IDX_IMAGES, bytes, 6,
                 "pixels are 32-bit floats, read as bytes");
}

static void pixels_that_are_no_bytes_are_refused(void **state)
{
    (void)state;
    const double normalised[6] = {0, 0.5, 1, -0.42, 2, 1}, between[6] = {0, 1, 0.3, 0, 0, 0};
    const double mixed[6] = {0, 51.0 / 255, 200, 1, 1, 1}, negative[6] = {0, 1, 2, -3, 4, 5};
    assert_refused(values_write("a", IDX_FLOATS, 0, one_image, 3, normalised, 6), IDX_IMAGES,
                   ": pixel 1 of image 0 is 0.5 (1 x 2 x 3 32-bit floats): pixels must be whole "
                   "numbers from 0 to 255, or steps of 1/255 from 0 to 1.");
    assert_refused(values_write("b", IDX_DOUBLES, 0, one_image, 3, between, 6), IDX_IMAGES,
                   ": pixel 2 of image 0 is 0.3");
    assert_refused(values_write("c", IDX_FLOATS, 0, one_image, 3, mixed, 6), IDX_IMAGES,
                   ": pixel 2 of image 0 is 200");
    assert_refused(values_write("d", IDX_SIGNED_BYTES, 0, one_image, 3, negative, 6), IDX_IMAGES,
                   ": pixel 3 of image 0 is -3 (1 x 2 x 3 signed bytes)");
    const double nan[6] = {0, 1, (double)NAN, 0, 0, 0}, huge[6] = {0, 1, 1, 0, 0, 3e38};
    const double infinite[6] = {-(double)INFINITY, 1, 1, 0, 0, 0},
                 beyond[6] = {0, 1e300, 0, 0, 0, 0};
    assert_refused(values_write("g", IDX_FLOATS, 0, one_image, 3, nan, 6), IDX_IMAGES,
                   ": pixel 2 of image 0 is nan");
    assert_refused(values_write("h", IDX_FLOATS, 0, one_image, 3, huge, 6), IDX_IMAGES,
                   ": pixel 5 of image 0 is 3e+38");
    assert_refused(values_write("i", IDX_FLOATS, 0, one_image, 3, infinite, 6), IDX_IMAGES,
                   ": pixel 0 of image 0 is -inf");
    assert_refused(values_write("j", IDX_DOUBLES, 0, one_image, 3, beyond, 6), IDX_IMAGES,
                   ": pixel 1 of image 0 is 1e+300");
    const double nothing[1] = {0};
    assert_refused(
        values_write("e", IDX_BYTES, 0, one_image, 2, nothing, 1), IDX_IMAGES,
        ": holds rows, expected images: write it with the dimensions count, height, width");
    assert_refused(values_write("f", IDX_BYTES, 0, (int[]){1, 3, 5, 5}, 4, nothing, 1), IDX_IMAGES,
                   ": says 5 channels, expected 1 to 4: the channels must be the last dimension");
}

static void labels_of_every_type_are_read(void **state)
{
    (void)state;
    const double values[6] = {9, 0, 3, 100, 1, 1};
    const uint8_t bytes[6] = {9, 0, 3, 100, 1, 1};
    assert_gives(values_write("i", IDX_INTEGERS, 0, six, 1, values, 6), IDX_LABELS, bytes, 6,
                 "labels are 32-bit integers, read as bytes");
    assert_gives(values_write("d", IDX_DOUBLES, 1, six, 1, values, 6), IDX_LABELS, bytes, 6,
                 "labels are 64-bit floats (little-endian), read as bytes");
    assert_gives(values_write("l", IDX_BYTES, 1, six, 1, values, 6), IDX_LABELS, bytes, 6,
                 "labels have a little-endian header");
    assert_gives(values_write("c", IDX_BYTES, 0, (int[]){6, 1}, 2, values, 6), IDX_LABELS, bytes, 6,
                 "");
    assert_refused(values_write("n", IDX_INTEGERS, 0, six, 1, (double[]){1, 2, -1, 0, 0, 0}, 6),
                   IDX_LABELS,
                   ": label -1 at position 2 (from 0), expected a whole number from 0 to 255");
    assert_refused(values_write("h", IDX_FLOATS, 0, six, 1, (double[]){1, 2.5, 1, 0, 0, 0}, 6),
                   IDX_LABELS, ": label 2.5 at position 1");
    assert_refused(
        values_write("o", IDX_FLOATS, 0, six, 1, (double[]){1, (double)NAN, 1, 0, 0, 0}, 6),
        IDX_LABELS, ": label nan at position 1");
    assert_refused(values_write("p", IDX_DOUBLES, 0, six, 1, (double[]){1, 2, 1e300, 0, 0, 0}, 6),
                   IDX_LABELS, ": label 1e+300 at position 2");
}

static void rows_of_labels_are_read(void **state)
{
    (void)state;
    const double one_hot[9] = {0, 0, 1, 1, 0, 0, 0, 1, 0};
    assert_gives(values_write("o", IDX_BYTES, 0, (int[]){3, 3}, 2, one_hot, 9), IDX_LABELS,
                 (uint8_t[]){2, 0, 1}, 3, "labels are rows of 3 bytes, read as classes");
    assert_gives(values_write("f", IDX_FLOATS, 0, (int[]){3, 3}, 2, one_hot, 9), IDX_LABELS,
                 (uint8_t[]){2, 0, 1}, 3, "labels are rows of 3 32-bit floats, read as classes");
    /* QMNIST: class, series, writer, digit, code, number, two flags; the first two rows look like one-hot ones */
    const double qmnist[24] = {1, 0, 0, 0, 0, 0, 0,  0, 0,  1, 0, 0,
                               0, 0, 0, 0, 7, 4, 90, 2, 55, 9, 0, 0};
    assert_gives(values_write("q", IDX_INTEGERS, 0, (int[]){3, 8}, 2, qmnist, 24), IDX_LABELS,
                 (uint8_t[]){1, 0, 7}, 3, "labels are rows of 8 32-bit integers, read as classes");
    assert_refused(
        values_write("n", IDX_BYTES, 0, (int[]){2, 3}, 2, (double[]){0, 0, 1, 0, 2, 0}, 6),
        IDX_LABELS,
        ": row 1 of 2 x 3 has no single 1 among 0s: labels must be one number each, "
        "one-hot, or QMNIST's 8 columns");
}

static void what_is_no_idx_file_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *words;
    } cases[] = {
        {"version https://git-lfs.github.com/spec/v1\n",
         ": a Git LFS pointer, not the file itself: get it with git lfs pull"},
        {"<!DOCTYPE html>\n<html>", ": an HTML page, not an IDX file: the download failed."},
        {"\r\n <html>", ": an HTML page, not an IDX file"},
        {"{\"message\": \"Not Found\"}", ": JSON text, not an IDX file"},
        {"PK\3\4 zip", ": a zip archive: unpack it"},
        {"BZh91AY", ": compressed with bzip2: unpack it with bzip2 -d"},
        {"\xfd"
         "7zXZ",
         ": compressed with xz: unpack it with xz -d"},
        {"\x28\xb5\x2f\xfd ", ": compressed with zstd: unpack it with zstd -d"},
        {"\x93NUMPY", ": a NumPy array, not an IDX file"},
        {"\x89PNG\r\n", ": a PNG picture, not an IDX file"},
        {"\x89HDF\r\n", ": an HDF5 file, not an IDX file"},
        {"", ": an empty file: truncated download? Run tools/get_data.sh"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (idx_kind kind = IDX_LABELS; kind <= IDX_IMAGES; kind++)
            assert_refused(file_write(&scratch, "other", cases[c].begin, strlen(cases[c].begin)),
                           kind, cases[c].words);
}

/* ---- gzip as it comes from servers and tools ---- */

/* Writes the bytes of one file behind those of another. */
static void append(const path *to, const void *bytes, size_t count)
{
    FILE *out = fopen(to->text, "ab");
    assert_int_equal(fwrite(bytes, 1, count, out), count);
    fclose(out);
}

static void write_raw(const path *to, const void *bytes, size_t count)
{
    assert_int_equal(truncate(to->text, 0), 0);
    append(to, bytes, count);
}

static size_t slurp(path file, uint8_t *bytes, size_t room)
{
    FILE *in = fopen(file.text, "rb");
    size_t size = fread(bytes, 1, room, in);
    fclose(in);
    return size;
}

static void gzip_of_several_members_is_read(void **state)
{
    (void)state;
    const uint8_t whole[] = {0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7};
    uint8_t rest[256];
    size_t size = slurp(file_write(&scratch, "rest.gz", whole + 9, 2), rest, sizeof rest);
    path two = file_write(&scratch, "two.gz", whole, 9);
    append(&two, rest, size);
    assert_gives(two, IDX_LABELS, whole + 8, 3, "");
    size = slurp(file_write(&scratch, "rest.gz", whole, sizeof whole), rest, sizeof rest);
    path empty = file_write(&scratch, "empty.gz", "", 0);
    append(&empty, rest, size);
    assert_gives(empty, IDX_LABELS, whole + 8, 3, "");
    path garbage = file_write(&scratch, "garbage.gz", whole, sizeof whole);
    append(&garbage, "\r\n0\r\n\r\n", 7);
    assert_gives(garbage, IDX_LABELS, whole + 8, 3, "");
    path twice = path_in(&scratch, "twice.gz");
    size = slurp(file_write(&scratch, "once.gz", whole, sizeof whole), rest, sizeof rest);
    file_write(&scratch, "twice.gz", rest, size);
    assert_refused(twice, IDX_LABELS, ": compressed twice: unpack it once with gzip -d");
}

/* With their header in front of them, where the file is a single member. */
static void images_are_unpacked_at_once(void **state)
{
    (void)state;
    const uint8_t whole[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 5, 6, 7, 8, 9, 4};
    uint8_t memory[IDX_ROOM + 8] = {0}, *bytes = memory + IDX_ROOM;
    idx_header header;
    failure why;
    path file = file_write(&scratch, "at-once.gz", whole, sizeof whole);
    assert_int_equal(idx_probe(file.text, IDX_IMAGES, &header, &why), STATUS_OK);
    assert_int_equal(idx_read(file.text, IDX_IMAGES, &header, bytes, &why), STATUS_OK);
    assert_memory_equal(bytes, whole + 16, 6);
    assert_int_equal(bytes[6], 0);
    if (MNIST_DIST_DEFLATE) assert_memory_equal(bytes - 16, whole, 16);
}

/* Of several members, with more behind, or damaged. */
static void images_of_other_gzip_files_are_read_or_refused(void **state)
{
    (void)state;
    const uint8_t whole[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 5, 6, 7, 8, 9, 4};
    uint8_t packed[256];
    size_t size = slurp(file_write(&scratch, "rest.gz", whole + 18, 4), packed, sizeof packed);
    path file = file_write(&scratch, "two.gz", whole, 18);
    append(&file, packed, size);
    assert_gives(file, IDX_IMAGES, whole + 16, 6, "");
    file = file_write(&scratch, "garbage.gz", whole, sizeof whole);
    append(&file, "\r\n", 2);
    assert_gives(file, IDX_IMAGES, whole + 16, 6, "");
    size = slurp(file_write(&scratch, "one.gz", whole, sizeof whole), packed, sizeof packed);
    packed[size - 5] ^= 1; /* the checksum */
    file = path_in(&scratch, "one.gz");
    write_raw(&file, packed, size);
    assert_refused(file, IDX_IMAGES, ": the gzip stream is damaged near byte ");
    packed[size - 5] ^= 1;
    write_raw(&file, packed, size - 6);
    assert_refused(file, IDX_IMAGES, ": the gzip stream is cut off after ");
}

/* The header promises what the file could hold; its last bytes say that it does not. */
static void a_promise_is_checked_before_memory_is_taken(void **state)
{
    (void)state;
    uint8_t junk[4096];
    idx_header header;
    failure why = {{0}};
    for (size_t i = 0; i < sizeof junk; i++) junk[i] = (uint8_t)(i * i * 7 + i / 3);
    put_big_endian(junk, 0x803), put_big_endian(junk + 4, 50), put_big_endian(junk + 8, 100);
    put_big_endian(junk + 12, 100);
    path file = file_write(&scratch, "junk.gz", junk, sizeof junk);
    assert_int_equal(idx_probe(file.text, IDX_IMAGES, &header, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, ": 4,096 bytes, expected 500,016 (50 x 100 x 100)"));
}

static void emnist_is_turned(void **state)
{
    (void)state;
    const double image[4] = {1, 2, 3, 4};
    const int sizes[3] = {1, 2, 2};
    assert_gives(
        values_write("emnist-letters-test-images-idx3-ubyte", IDX_BYTES, 0, sizes, 3, image, 4),
        IDX_IMAGES, (uint8_t[]){1, 3, 2, 4}, 4, "");
    assert_gives(values_write("other-emnist-images", IDX_BYTES, 0, sizes, 3, image, 4), IDX_IMAGES,
                 (uint8_t[]){1, 2, 3, 4}, 4, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_of_every_type_are_read),
        cmocka_unit_test(pixels_that_are_no_bytes_are_refused),
        cmocka_unit_test(labels_of_every_type_are_read),
        cmocka_unit_test(rows_of_labels_are_read),
        cmocka_unit_test(what_is_no_idx_file_is_named),
        cmocka_unit_test(gzip_of_several_members_is_read),
        cmocka_unit_test(images_are_unpacked_at_once),
        cmocka_unit_test(images_of_other_gzip_files_are_read_or_refused),
        cmocka_unit_test(a_promise_is_checked_before_memory_is_taken),
        cmocka_unit_test(emnist_is_turned),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
