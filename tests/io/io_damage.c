/* Damaged, cut, hostile and foreign files: each is refused with its reason, and none crashes the program. */
#include <hdf5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static arena memory;
static const char *folder;

/* A checkpoint's bytes, and a place to write changed copies to. */
typedef struct sample {
    unsigned char *bytes;
    size_t length;
} sample;

static sample sample_new(void)
{
    sample s;
    failure why;
    assert_int_equal(checkpoint_build(fixture_small(&memory), &s.bytes, &s.length, &why),
                     STATUS_OK);
    return s;
}

static void write_file(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(fixture_path(folder, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void write_bytes(const void *bytes, size_t length)
{
    write_file("x.weights.h5", bytes, length);
}

static void write_byte(const char *name, size_t at, unsigned char byte)
{
    FILE *file = fopen(fixture_path(folder, name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fclose(file), 0);
}

/* Opens the file, which must be refused; `words` (may be NULL): what the failure must hold. */
static void assert_file_refused(const char *name, const char *words)
{
    failure why = {""};
    checkpoint_file *file;
    const char *path = fixture_path(folder, name);
    assert_int_equal(checkpoint_open(path, &file, &why), STATUS_BAD_DATA);
    assert_null(file);
    assert_non_null(strstr(why.text, path));
    assert_null(strchr(why.text, '\n'));
    if (words && !strstr(why.text, words)) fail_msg("'%s' lacks '%s'", why.text, words);
}

static void assert_refused(const char *words)
{
    assert_file_refused("x.weights.h5", words);
}

static void test_each_field_of_the_user_block(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *words;
    } field[] = {{0, "magic is missing"}, {15, "magic is missing"}, {16, "format version"},
                 {19, "format version"},  {20, "zeros belong"},     {23, "zeros belong"},
                 {24, "its head says"},   {31, "its head says"},    {32, "digest"},
                 {47, "digest"},          {48, "zeros belong"},     {511, "zeros belong"},
                 {512, "digest"},         {600, "digest"}};
    sample s = sample_new();
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        s.bytes[field[i].at] ^= 0x40;
        write_bytes(s.bytes, s.length);
        assert_refused(field[i].words);
        s.bytes[field[i].at] ^= 0x40;
    }
    memory_free(s.bytes);
}

/* Every length of a small file. */
static void test_truncations(void **state)
{
    (void)state;
    sample s = sample_new();
    for (size_t length = 0; length < s.length; length++) {
        write_bytes(s.bytes, length);
        assert_refused(NULL);
    }
    memory_free(s.bytes);
}

static void test_one_byte_more(void **state)
{
    (void)state;
    sample s = sample_new();
    unsigned char *longer = memory_take(s.length + 1);
    memcpy(longer, s.bytes, s.length);
    write_bytes(longer, s.length + 1);
    assert_refused("its head says");
    memory_free(longer);
    memory_free(s.bytes);
}

/* Every byte of the head. */
static void test_flips_of_the_head(void **state)
{
    (void)state;
    sample s = sample_new();
    write_bytes(s.bytes, s.length);
    for (size_t at = 0; at < 512; at++) {
        write_byte("x.weights.h5", at, s.bytes[at] ^ 1);
        assert_refused(NULL);
        write_byte("x.weights.h5", at, s.bytes[at]);
    }
    memory_free(s.bytes);
}

/* What a run goes on from, and the name of a damaged file that is passed over. */
static void assert_taken(const char *name, const char *passed_over)
{
    failure note, why = {""};
    char path[FILE_PATH];
    checkpoint_file *file;
    assert_int_equal(checkpoint_open_run(folder, CHECKPOINT_LAST, &file, path, &note, &why),
                     STATUS_OK);
    assert_string_equal(path, fixture_path(folder, name));
    if (passed_over)
        assert_non_null(strstr(note.text, passed_over));
    else
        assert_string_equal(note.text, "");
    checkpoint_close(file);
}

/* Of the default model's checkpoint: refused, and the run goes on from the one before. */
static void test_random_flips(void **state)
{
    (void)state;
    failure why = {""};
    sample s;
    rng_key key = {.seed = 11, .stream = RNG_AUGMENT};
    assert_int_equal(checkpoint_build(fixture_cnn(&memory), &s.bytes, &s.length, &why), STATUS_OK);
    write_file("last.weights.h5", s.bytes, s.length);
    write_file("prev.weights.h5", s.bytes, s.length);
    for (uint32_t i = 0; i < 2000; i++) {
        size_t at = rng_below(key, 2 * i, (uint32_t)s.length);
        unsigned char change = (unsigned char)(1 + rng_below(key, 2 * i + 1, 255));
        write_byte("last.weights.h5", at, s.bytes[at] ^ change);
        assert_file_refused("last.weights.h5", NULL);
        if (i % 20 == 0) assert_taken("prev.weights.h5", "last.weights.h5");
        write_byte("last.weights.h5", at, s.bytes[at]);
    }
    assert_taken("last.weights.h5", NULL); /* the checker can also accept */
    memory_free(s.bytes);
}

/* Likewise, some hundred lengths. */
static void test_truncated_checkpoint(void **state)
{
    (void)state;
    failure why = {""};
    sample s;
    assert_int_equal(checkpoint_build(fixture_cnn(&memory), &s.bytes, &s.length, &why), STATUS_OK);
    write_file("last.weights.h5", s.bytes, s.length);
    write_file("prev.weights.h5", s.bytes, s.length);
    for (size_t length = s.length - 1; length > s.length / 200; length -= s.length / 200) {
        assert_int_equal(truncate(fixture_path(folder, "last.weights.h5"), (off_t)length), 0);
        assert_file_refused("last.weights.h5", "its head says");
    }
    assert_taken("prev.weights.h5", "last.weights.h5");
    memory_free(s.bytes);
}

/* Keras files have no digest: cut ones are refused by libhdf5 and our checks. */
static void test_truncated_plain_file(void **state)
{
    (void)state;
    const char *path = fixture_path(folder, "plain.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "group_%d", i);
        H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
    H5Fclose(file);
    unsigned char *bytes;
    size_t length;
    failure why;
    assert_int_equal(file_read_whole(path, SIZE_MAX, &bytes, &length, &why), STATUS_OK);
    for (size_t cut = 8; cut < length; cut += length / 50) {
        write_bytes(bytes, cut);
        assert_refused("libhdf5 cannot open it");
    }
    write_bytes(bytes, length);
    assert_refused("neither a group /layers");
    memory_free(bytes);
}

static void test_foreign_files(void **state)
{
    (void)state;
    write_bytes("PK\3\4 a zip archive", 18);
    assert_refused("zip archive");
    write_bytes("hello, world", 12);
    assert_refused("neither a checkpoint nor an HDF5 file");
    failure why;
    checkpoint_file *file;
    assert_int_equal(checkpoint_open(fixture_path(folder, "absent.weights.h5"), &file, &why),
                     STATUS_NO_INPUT);
    assert_non_null(strstr(why.text, "No such file or directory"));
    assert_int_equal(checkpoint_open(folder, &file, &why), STATUS_NO_INPUT);
    assert_non_null(strstr(why.text, "folder"));
}

typedef struct hostile {
    hid_t file, vars, space, creation;
} hostile;

/* A plain file with an empty /layers/dense/vars, and room to add to it. */
static hostile hostile_new(void)
{
    hostile h;
    hsize_t dim[2] = {6, 4};
    h.file = H5Fcreate(fixture_path(folder, "x.weights.h5"), H5F_ACC_TRUNC, H5P_DEFAULT,
                       H5P_DEFAULT);
    hid_t parents = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(parents, 1);
    h.vars = H5Gcreate2(h.file, "/layers/dense/vars", parents, H5P_DEFAULT, H5P_DEFAULT);
    H5Pclose(parents);
    h.space = H5Screate_simple(2, dim, NULL);
    h.creation = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(h.file >= 0 && h.vars >= 0 && h.space >= 0 && h.creation >= 0);
    return h;
}

static void hostile_add(hostile *h, const char *name, hid_t type)
{
    hid_t array = H5Dcreate2(h->vars, name, type, h->space, H5P_DEFAULT, h->creation, H5P_DEFAULT);
    assert_true(array >= 0);
    float values[24] = {0};
    if (H5Tget_class(type) != H5T_STRING && H5Pget_external_count(h->creation) == 0)
        assert_true(H5Dwrite(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(array);
}

static void hostile_close(hostile *h)
{
    H5Pclose(h->creation);
    H5Sclose(h->space);
    H5Gclose(h->vars);
    H5Fclose(h->file);
}

static void test_soft_link(void **state)
{
    (void)state;
    hostile h = hostile_new();
    assert_true(H5Lcreate_soft("/elsewhere", h.vars, "0", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    hostile_close(&h);
    assert_refused("/layers/dense/vars/0 is a soft link");
}

static void test_external_link(void **state)
{
    (void)state;
    hostile h = hostile_new();
    assert_true(H5Lcreate_external("/etc/other.h5", "/0", h.vars, "0", H5P_DEFAULT, H5P_DEFAULT) >=
                0);
    hostile_close(&h);
    assert_refused("/layers/dense/vars/0 is an external link");
}

static void test_external_storage(void **state)
{
    (void)state;
    hostile h = hostile_new();
    H5Pset_external(h.creation, "/etc/hostname", 0, 24 * sizeof(float));
    hostile_add(&h, "0", H5T_IEEE_F32LE);
    hostile_close(&h);
    assert_refused("outside of the file");
}

static void test_chunked_storage(void **state)
{
    (void)state;
    hsize_t chunk[2] = {2, 2};
    hostile h = hostile_new();
    H5Pset_chunk(h.creation, 2, chunk);
    hid_t array = H5Dcreate2(h.vars, "0", H5T_IEEE_F32LE, h.space, H5P_DEFAULT, h.creation,
                             H5P_DEFAULT);
    H5Dclose(array); /* nothing is written: all chunks are missing */
    hostile_close(&h);
    assert_refused("outside of the file, or not at all");
}

/* A shape of terabytes in a file of kilobytes must not become a request for memory. */
static void test_huge_shape(void **state)
{
    (void)state;
    hsize_t dim[2] = {1u << 20, 1u << 20};
    hostile h = hostile_new();
    H5Sclose(h.space);
    h.space = H5Screate_simple(2, dim, NULL);
    hid_t array = H5Dcreate2(h.vars, "0", H5T_IEEE_F32LE, h.space, H5P_DEFAULT, h.creation,
                             H5P_DEFAULT);
    H5Dclose(array);
    hostile_close(&h);
    assert_refused("has a shape that no tensor of such a file has");
}

static void test_text_type(void **state)
{
    (void)state;
    hostile h = hostile_new();
    hostile_add(&h, "0", H5T_C_S1);
    hostile_close(&h);
    assert_refused("holds no plain numbers");
}

/* A group that contains itself by a hard link would be walked for ever. */
static void test_endless_groups(void **state)
{
    (void)state;
    hostile h = hostile_new();
    assert_true(H5Lcreate_hard(h.file, "/layers", h.vars, "again", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    hostile_close(&h);
    assert_refused("/layers has more than one name");
}

/* Many names of one dataset would be as many tensors in memory. */
static void test_names_of_one_dataset(void **state)
{
    (void)state;
    hostile h = hostile_new();
    hostile_add(&h, "0", H5T_IEEE_F32LE);
    assert_true(H5Lcreate_hard(h.vars, "0", h.vars, "1", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    hostile_close(&h);
    assert_refused("/layers/dense/vars/0 has more than one name");
}

static void test_deep_groups(void **state)
{
    (void)state;
    hostile h = hostile_new();
    hid_t below = H5Gcreate2(h.vars, "1", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (int i = 0; i < 8; i++) {
        hid_t next = H5Gcreate2(below, "1", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(below);
        below = next;
    }
    H5Gclose(below);
    hostile_close(&h);
    assert_refused("more or deeper groups");
}

/* The type of an attribute says 1 GiB, in a file of some kilobytes. */
static void test_endless_text(void **state)
{
    (void)state;
    enum { SAID = 0x5a5a };
    sample s = {0};
    hostile h = hostile_new();
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, SAID);
    hid_t names = H5Acreate2(h.file, "layer_names", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Aclose(names);
    H5Tclose(type);
    H5Sclose(space);
    H5Ldelete(h.file, "layers", H5P_DEFAULT);
    hostile_close(&h);
    failure why = {""};
    const char *path = fixture_path(folder, "x.weights.h5");
    assert_int_equal(file_read_whole(path, SIZE_MAX, &s.bytes, &s.length, &why), STATUS_OK);
    static const unsigned char said[4] = {0x5a, 0x5a, 0, 0}, more[4] = {0, 0, 0, 0x40};
    int changed = 0;
    for (size_t at = 0; at + 4 <= s.length; at++)
        if (memcmp(s.bytes + at, said, 4) == 0) {
            memcpy(s.bytes + at, more, 4);
            changed++;
        }
    assert_int_equal(changed, 1);
    write_bytes(s.bytes, s.length);
    memory_free(s.bytes);
    assert_refused(NULL);
}

/* Opened, but no tensor for this model. */
static void test_whole_numbers(void **state)
{
    (void)state;
    failure why = {""};
    checkpoint_file *file;
    checkpoint *c = fixture_small(&memory);
    hostile h = hostile_new();
    hostile_add(&h, "0", H5T_STD_I32LE);
    hostile_close(&h);
    assert_int_equal(checkpoint_open(fixture_path(folder, "x.weights.h5"), &file, &why), STATUS_OK);
    assert_int_equal(checkpoint_has_state(file), 0);
    assert_string_equal(checkpoint_configuration(file), "");
    assert_int_equal(checkpoint_read(file, c, 0, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "/layers/dense/vars/0 (layer dense, tensor 0) is an integer"));
    checkpoint_close(file);
}

static int begin(void **state)
{
    (void)state;
    folder = fixture_folder();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_remove(folder);
    arena_free(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_field_of_the_user_block),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_one_byte_more),
        cmocka_unit_test(test_flips_of_the_head),
        cmocka_unit_test(test_random_flips),
        cmocka_unit_test(test_truncated_checkpoint),
        cmocka_unit_test(test_truncated_plain_file),
        cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_soft_link),
        cmocka_unit_test(test_external_link),
        cmocka_unit_test(test_external_storage),
        cmocka_unit_test(test_chunked_storage),
        cmocka_unit_test(test_huge_shape),
        cmocka_unit_test(test_text_type),
        cmocka_unit_test(test_endless_groups),
        cmocka_unit_test(test_names_of_one_dataset),
        cmocka_unit_test(test_deep_groups),
        cmocka_unit_test(test_endless_text),
        cmocka_unit_test(test_whole_numbers),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
