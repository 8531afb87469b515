/* Names of classes: from classes.txt, of Fashion-MNIST, or numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "data/class_names.h"
#include "unit/data_files.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static folder place;
static class_names names;

static dataset data_of(const char *name, int classes)
{
    dataset d = {.classes = classes};
    snprintf(d.name, sizeof d.name, "%s", name);
    snprintf(d.folder, sizeof d.folder, "%s", place.path);
    return d;
}

static void write_names(const char *text)
{
    char file_path[300];
    snprintf(file_path, sizeof file_path, "%s/classes.txt", place.path);
    FILE *file = fopen(file_path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void refused(const char *text, const char *words)
{
    failure why = {""};
    dataset d = data_of("own", 3);
    write_names(text);
    assert_int_equal(class_names_of(&d, &names, &why), STATUS_BAD_DATA);
    if (!strstr(why.text, words)) fail_msg("'%s' lacks '%s'", why.text, words);
}

static void without_a_file(void **state)
{
    (void)state;
    dataset d = data_of("MNIST", 10);
    assert_int_equal(class_names_of(&d, &names, NULL), STATUS_OK);
    assert_int_equal(names.count, 10);
    assert_string_equal(names.name[9], "9");
    d = data_of("Fashion-MNIST", 10);
    assert_int_equal(class_names_of(&d, &names, NULL), STATUS_OK);
    assert_string_equal(names.name[0], "T-shirt/top");
    assert_string_equal(names.name[9], "Ankle boot");
    d = data_of("Fashion-MNIST", 12); /* --classes 12 */
    assert_int_equal(class_names_of(&d, &names, NULL), STATUS_OK);
    assert_string_equal(names.name[0], "0");
}

static void emnist_file(dataset *d, const char *name, int classes)
{
    *d = data_of("emnist", classes);
    snprintf(d->file[0], sizeof d->file[0], "%s", name);
    assert_int_equal(class_names_of(d, &names, NULL), STATUS_OK);
}

static void of_emnist(void **state)
{
    (void)state;
    dataset d;
    emnist_file(&d, "emnist-letters-train-images-idx3-ubyte.gz", 27);
    assert_string_equal(names.name[1], "A");
    assert_string_equal(names.name[26], "Z");
    emnist_file(&d, "gzip/emnist-byclass-train-images-idx3-ubyte", 62);
    assert_string_equal(names.name[9], "9");
    assert_string_equal(names.name[10], "A");
    assert_string_equal(names.name[61], "z");
    emnist_file(&d, "emnist-balanced-train-images-idx3-ubyte", 47);
    assert_string_equal(names.name[46], "t");
    emnist_file(&d, "emnist-bymerge-train-images-idx3-ubyte", 47);
    assert_string_equal(names.name[36], "a");
    /* not for certain: other numbers of classes, other names of files */
    emnist_file(&d, "emnist-letters-train-images-idx3-ubyte", 26);
    assert_string_equal(names.name[1], "1");
    emnist_file(&d, "train-images-idx3-ubyte", 27);
    assert_string_equal(names.name[1], "1");
    emnist_file(&d, "emnist-digits-train-images-idx3-ubyte", 10);
    assert_string_equal(names.name[1], "1");
}

static void names_are_added(void **state)
{
    (void)state;
    names = class_names_numbers(3);
    assert_true(class_names_are_numbers(&names));
    assert_true(class_names_add(&names, "cat"));
    assert_false(class_names_are_numbers(&names));
    assert_int_equal(names.count, 4);
    assert_false(class_names_add(&names, ""));
    assert_false(class_names_add(&names, "two\nlines"));
    char text[CLASS_NAME_BYTES + 1];
    memset(text, 'x', sizeof text);
    text[CLASS_NAME_BYTES] = 0;
    assert_false(class_names_add(&names, text));
    text[CLASS_NAME_BYTES - 1] = 0;
    assert_true(class_names_add(&names, text));
    names = class_names_numbers(DATASET_MAX_CLASSES);
    assert_false(class_names_add(&names, "one more"));
}

static void from_a_file(void **state)
{
    (void)state;
    static const char *const texts[] = {"cat\ndog\nb\xc3\xa4r\n", "cat\r\ndog\r\nb\xc3\xa4r",
                                        "\xef\xbb\xbf"
                                        "cat\ndog\nb\xc3\xa4r\n"};
    dataset d = data_of("Fashion-MNIST", 3);
    for (int i = 0; i < 3; i++) {
        write_names(texts[i]);
        assert_int_equal(class_names_of(&d, &names, NULL), STATUS_OK);
        assert_int_equal(names.count, 3);
        assert_string_equal(names.name[0], "cat");
        assert_string_equal(names.name[2], "b\xc3\xa4r");
    }
    refused("cat\ndog\n", "2 names, but the data has 3 classes");
    refused("cat\ndog\ncow\nhen\n", "more than 3 names, but the data has 3 classes");
    refused("cat\n\ncow\n", "line 2 is no name");
    refused("cat\nd\xfcrr\ncow\n", "line 2 is no name");
    refused("cat\ncow\ncat\n", "line 3: cat is there twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file),
        cmocka_unit_test(of_emnist),
        cmocka_unit_test(names_are_added),
        cmocka_unit_test(from_a_file),
    };
    place = folder_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(&place);
    return failed;
}
