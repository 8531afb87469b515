/* predictions.h5: what is written is read back by libhdf5, and the same values give the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <hdf5.h>

#include "io/checkpoint_fixture.h"
#include "io/predictions.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

enum { COUNT = 5, CLASSES = 3 };

static const uint8_t labels[COUNT] = {0, 2, 1, 1, 0}, answers[COUNT] = {0, 2, 0, 1, 2};
static float p[COUNT * CLASSES];
static const char *const names[CLASSES] = {"cat", "b\xc3\xa4r", "guinea pig"};

static void build(unsigned char **bytes, size_t *length)
{
    predictions all = {COUNT, CLASSES, labels, answers, p, names};
    failure why = {""};
    if (predictions_build(&all, bytes, length, &why)) fail_msg("%s", why.text);
}

static void read_set(hid_t file, const char *name, hid_t type, size_t rank, void *values)
{
    hsize_t dim[2] = {0, 0};
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(set >= 0);
    hid_t space = H5Dget_space(set);
    assert_int_equal(H5Sget_simple_extent_dims(space, dim, NULL), rank);
    assert_int_equal(dim[0], COUNT);
    if (rank == 2) assert_int_equal(dim[1], CLASSES);
    assert_true(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Sclose(space);
    H5Dclose(set);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t length;
    float read[COUNT * CLASSES];
    uint8_t class[COUNT];
    for (int i = 0; i < COUNT * CLASSES; i++) p[i] = (float)(i + 1) / 7;
    build(&bytes, &length);
    const char *folder = fixture_folder(), *path = fixture_path(folder, "predictions.h5");
    assert_int_equal(file_write_whole(path, bytes, length, NULL), STATUS_OK);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    read_set(file, "probabilities", H5T_NATIVE_FLOAT, 2, read);
    assert_memory_equal(read, p, sizeof p);
    read_set(file, "labels", H5T_NATIVE_UINT8, 1, class);
    assert_memory_equal(class, labels, COUNT);
    read_set(file, "predicted", H5T_NATIVE_UINT8, 1, class);
    assert_memory_equal(class, answers, COUNT);
    hid_t set = H5Dopen2(file, "class_names", H5P_DEFAULT), type = H5Dget_type(set);
    char texts[CLASSES][10];
    assert_int_equal(H5Tget_size(type), sizeof texts[0]);
    assert_int_equal(H5Tget_cset(type), H5T_CSET_UTF8);
    assert_true(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) >= 0);
    for (int c = 0; c < CLASSES; c++) assert_memory_equal(texts[c], names[c], strlen(names[c]));
    assert_int_equal(texts[0][3] | texts[0][9] | texts[1][4], 0);
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(file);
    memory_free(bytes);
    fixture_remove(folder);
}

static void the_same_values_give_the_same_bytes(void **state)
{
    (void)state;
    unsigned char *bytes[2];
    size_t length[2];
    for (int i = 0; i < 2; i++) build(&bytes[i], &length[i]);
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(bytes[0], bytes[1], length[0]);
    memory_free(bytes[1]);
    p[7] += 1e-6f;
    build(&bytes[1], &length[1]);
    assert_true(length[0] != length[1] || memcmp(bytes[0], bytes[1], length[0]) != 0);
    memory_free(bytes[0]);
    memory_free(bytes[1]);
}

static void no_samples(void **state)
{
    (void)state;
    predictions none = {.classes = CLASSES, .names = names};
    unsigned char *bytes;
    size_t length;
    assert_int_equal(predictions_build(&none, &bytes, &length, NULL), STATUS_OK);
    memory_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_same_values_give_the_same_bytes),
        cmocka_unit_test(no_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
