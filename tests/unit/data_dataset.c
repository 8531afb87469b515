/* Tests of data/dataset: what is found where, what is loaded, what is refused, and the validation cut. */
#include "base/arena.h"
#include "data/dataset.h"
#include "data/synthetic.h"
#include "unit/data_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <sys/stat.h>
#include <xxhash.h>
#include <cmocka.h> /* after error.h: it has a macro named fail */

#include "base/text.h"
enum { PIXELS = SIDE * SIDE };

#define NAMES                                                                                      \
    "train-images-idx3-ubyte (idx4 with channels), train-labels-idx1-ubyte, "                      \
    "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or .gz"

static void assert_find_fails(const char *where, status expected, const char *part_of_message)
{
    dataset_cfg cfg = cfg_of(where);
    dataset_plan plan;
    failure why = {{0}};
    assert_int_equal(dataset_find(&cfg, &plan, &why), expected);
    print_message("%s\n", why.text);
    assert_non_null(strstr(why.text, part_of_message));
}

static void assert_labels_fail(const dataset_cfg *cfg, const char *expected)
{
    dataset_plan plan;
    failure why = {{0}};
    assert_int_equal(dataset_find(cfg, &plan, &why), STATUS_BAD_DATA);
    assert_string_equal(why.text, expected);
}

static void assert_small_set(const dataset *d)
{
    assert_int_equal(d->height, SIDE);
    assert_int_equal(d->width, SIDE);
    assert_int_equal(d->channels, 1);
    assert_int_equal(d->classes, 4);
    assert_int_equal(d->train.count, TRAIN);
    assert_int_equal(d->test.count, TEST);
    assert_memory_equal(d->train.labels, train_labels, TRAIN);
    assert_memory_equal(d->test.labels, test_labels, TEST);
    for (int i = 0; i < TRAIN * PIXELS; i++)
        assert_int_equal(d->train.pixels[i], (i * 7 + 3) & 255);
    for (int i = 0; i < TEST * PIXELS; i++) assert_int_equal(d->test.pixels[i], (i * 7 + 3) & 255);
}

/* The digest as dataset.h defines it, put together by hand. */
static void assert_small_digest(const dataset *d)
{
    uint8_t bytes[16 + (TRAIN + TEST) * (PIXELS + 1)] = {SIDE, 0,     0, 0, SIDE, 0,   0,
                                                         0,    TRAIN, 0, 0, 0,    TEST};
    uint8_t *at = bytes + 16;
    char expected[33];
    XXH128_canonical_t canonical;
    for (int i = 0; i < TRAIN * PIXELS; i++) *at++ = (uint8_t)(i * 7 + 3);
    for (int i = 0; i < TRAIN; i++) *at++ = train_labels[i];
    for (int i = 0; i < TEST * PIXELS; i++) *at++ = (uint8_t)(i * 7 + 3);
    for (int i = 0; i < TEST; i++) *at++ = test_labels[i];
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, sizeof bytes));
    text_hex(canonical.digest, sizeof canonical.digest, expected);
    assert_string_equal(d->digest, expected);
}

static void assert_loads_small_set(const char *end)
{
    dataset_cfg cfg = cfg_of(scratch.path);
    dataset_plan plan;
    failure why;
    write_set(end);
    assert_finds(&cfg, &plan);
    assert_string_equal(dataset_form(plan.source), "a folder of IDX files");
    assert_null(plan.cfg.folder);
    assert_string_equal(plan.name, strrchr(scratch.path, '/') + 1);
    assert_string_equal(plan.note, "");
    /* 150, 6, 75 and 3 bytes, each rounded up; spare bytes */
    assert_int_equal(plan.bytes, 4 * 64 + 192 + 64 + 128 + 64 + 64);
    void *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    dataset d = dataset_view(&plan, memory);
    assert_small_set(&d);
    assert_small_digest(&d);
    assert_int_equal((uintptr_t)d.train.pixels % 64, 0);
    assert_int_equal((uintptr_t)d.test.pixels % 64, 0);
    memory_free(memory);
}

static void files_are_loaded(void **state)
{
    (void)state;
    assert_loads_small_set("");
}

static void compressed_files_are_loaded(void **state)
{
    (void)state;
    assert_loads_small_set(".gz");
}

static void the_other_spelling_is_found(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    write_set("");
    assert_int_equal(rename("train-images-idx3-ubyte", "train-images.idx3-ubyte"), 0);
    assert_int_equal(rename("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"), 0);
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.file[0], "./train-images.idx3-ubyte");
    assert_string_equal(plan.file[3], "./t10k-labels.idx1-ubyte");
    assert_string_equal(plan.name, strrchr(scratch.path, '/') + 1);
}

static void a_missing_folder_or_file_is_no_input(void **state)
{
    (void)state;
    assert_find_fails("none", STATUS_NO_INPUT,
                      "none: no such folder; known are a folder of IDX files (" NAMES
                      "), synthetic: run tools/get_data.sh, or use -d synthetic");
    assert_find_fails(".", STATUS_NO_INPUT, ".: no data is in this folder; known are a folder of ");
    write_set("");
    assert_int_equal(unlink("t10k-labels-idx1-ubyte"), 0);
    assert_find_fails(".", STATUS_NO_INPUT,
                      ".: no file t10k-labels-idx1-ubyte; a data folder holds " NAMES ": run");
}

static void a_folder_of_the_environment_is_never_passed_over(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of(NULL);
    dataset_plan plan;
    setenv("MNIST_DIR", "none", 1);
    assert_find_fails(NULL, STATUS_NO_INPUT, "none: no such folder");
    write_set("");
    setenv("MNIST_DIR", ".", 1);
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.file[0], "./train-images-idx3-ubyte");
    unsetenv("MNIST_DIR");
}

static void the_search_finds_data_mnist(void **state)
{
    (void)state;
    folder whole = scratch;
    dataset_cfg cfg = cfg_of(NULL);
    dataset_plan plan;
    assert_int_equal(system("mkdir -p data/mnist"), 0);
    snprintf(scratch.path, sizeof scratch.path, "data/mnist");
    write_set(".gz");
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.file[2], "data/mnist/t10k-images-idx3-ubyte.gz");
    assert_string_equal(plan.name, "mnist");
    assert_int_equal(unlink("data/mnist/t10k-images-idx3-ubyte.gz"), 0);
    assert_find_fails(NULL, STATUS_NO_INPUT, "data/mnist: no file t10k-images-idx3-ubyte");
    assert_int_equal(system("rm -r data"), 0);
    scratch = whole;
}

static void a_folder_named_synthetic_is_a_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir("synthetic", 0777), 0);
    assert_find_fails("synthetic", STATUS_NO_INPUT, "synthetic: no data is in this folder");
    assert_int_equal(rmdir("synthetic"), 0);
}

static void places_and_forms_are_listed(void **state)
{
    (void)state;
    assert_string_equal(dataset_place(0), "$MNIST_DIR");
    assert_string_equal(dataset_place(1), "data/mnist");
    assert_string_equal(dataset_place(4), "/usr/share/datasets/fashion-mnist");
    assert_null(dataset_place(5));
    assert_null(dataset_place(-1));
    assert_string_equal(dataset_form(0), "a folder of IDX files");
    assert_null(dataset_form(2));
    assert_null(dataset_form(-1));
}

/* Two training images and one test image of 3 x 2 pixels in three colours. */
static void images_with_channels_are_loaded(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    failure why;
    colour_write(&scratch, "train-images-idx4-ubyte", 2, 3, 2, 3);
    labels_write(&scratch, "train-labels-idx1-ubyte", train_labels, 2);
    colour_write(&scratch, "t10k-images.idx4-ubyte.gz", 1, 3, 2, 3);
    labels_write(&scratch, "t10k-labels-idx1-ubyte", train_labels, 1);
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.file[0], "./train-images-idx4-ubyte");
    assert_string_equal(plan.file[2], "./t10k-images.idx4-ubyte.gz");
    assert_int_equal(plan.bytes, 4 * (64 + 64) + 64); /* 36, 2, 18 and 1 bytes; spare */
    void *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    dataset d = dataset_view(&plan, memory);
    assert_int_equal(d.height, 3);
    assert_int_equal(d.width, 2);
    assert_int_equal(d.channels, 3);
    assert_int_equal(dataset_image_bytes(&d), 18);
    for (int i = 0; i < 36; i++) assert_int_equal(d.train.pixels[i], (i * 7 + 3) & 255);
    for (int i = 0; i < 18; i++) assert_int_equal(d.test.pixels[i], (i * 7 + 3) & 255);
    dataset_split train, validation;
    dataset_cut(&d, 0, 0.5, &train, &validation);
    assert_ptr_equal(validation.pixels, d.train.pixels + 18);
    memory_free(memory);
    colour_write(&scratch, "t10k-images.idx4-ubyte.gz", 1, 3, 2, 4);
    assert_find_fails(".", STATUS_BAD_DATA,
                      "./t10k-images.idx4-ubyte.gz: images of 3 x 2 x 4, but 3 x 2 x 3 in "
                      "./train-images-idx4-ubyte");
}

/* One channel is one channel, in whichever of the two formats. */
static void a_fourth_dimension_of_one_changes_nothing(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    failure why;
    write_set("");
    colour_write(&scratch, "train-images-idx3-ubyte", TRAIN, SIDE, SIDE, 1);
    assert_finds(&cfg, &plan);
    void *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    dataset d = dataset_view(&plan, memory);
    assert_small_set(&d);
    assert_small_digest(&d);
    memory_free(memory);
}

static void counts_must_agree(void **state)
{
    (void)state;
    write_set("");
    labels_write(&scratch, "t10k-labels-idx1-ubyte", train_labels, 4);
    assert_find_fails(
        ".", STATUS_BAD_DATA,
        "./t10k-labels-idx1-ubyte: 4 labels, but 3 images in ./t10k-images-idx3-ubyte");
}

static void sizes_must_agree(void **state)
{
    (void)state;
    write_set("");
    images_write(&scratch, "t10k-images-idx3-ubyte", TEST, SIDE, SIDE + 1);
    assert_find_fails(
        ".", STATUS_BAD_DATA,
        "./t10k-images-idx3-ubyte: images of 5 x 6, but 5 x 5 in ./train-images-idx3-ubyte");
}

static void a_set_must_not_be_empty(void **state)
{
    (void)state;
    write_set("");
    images_write(&scratch, "train-images-idx3-ubyte", 0, SIDE, SIDE);
    labels_write(&scratch, "train-labels-idx1-ubyte", train_labels, 0);
    assert_find_fails(".", STATUS_BAD_DATA, "./train-images-idx3-ubyte: holds no images");
}

static void a_damaged_header_is_an_error(void **state)
{
    (void)state;
    write_set("");
    file_write(&scratch, "train-images-idx3-ubyte", "<html>", 6);
    assert_find_fails(".", STATUS_BAD_DATA,
                      "./train-images-idx3-ubyte: an HTML page, not an IDX file");
}

static void labels_out_of_range_are_named(void **state)
{
    (void)state;
    const uint8_t beyond[TEST] = {3, 4, 2};
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    write_set("");
    cfg.classes = 3;
    assert_labels_fail(&cfg, "./train-labels-idx1-ubyte: label 3 at position 2 (from 0), expected "
                             "0 to 2 (3 classes), as "
                             "--classes or the weights say");
    cfg.classes = 0;
    labels_write(&scratch, "t10k-labels-idx1-ubyte", beyond, TEST);
    assert_labels_fail(&cfg, "./t10k-labels-idx1-ubyte: label 4 at position 1 (from 0), expected 0 "
                             "to 3 (4 classes). Is it a "
                             "class without training images? Then give --classes 5");
    cfg.classes = 5;
    assert_finds(&cfg, &plan);
    assert_int_equal(plan.classes, 5);
}

static void one_class_is_nothing_to_tell_apart(void **state)
{
    (void)state;
    const uint8_t ones[TRAIN] = {1, 1, 1, 1, 1, 1};
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    write_set("");
    labels_write(&scratch, "train-labels-idx1-ubyte", ones, TRAIN);
    assert_labels_fail(&cfg,
                       "./train-labels-idx1-ubyte: all 6 labels are 1: with one class there is "
                       "nothing to tell apart. --classes N says that there are more");
    cfg.classes = 4;
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.remark, "labels begin at 1, so no image is of class 0");
}

static void a_test_set_alone_is_found_where_it_is_enough(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    failure why;
    char whole[33];
    write_set("");
    assert_finds(&cfg, &plan);
    uint8_t *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    dataset d = dataset_view(&plan, memory);
    memcpy(whole, d.test_digest, sizeof whole);
    assert_string_not_equal(d.digest, d.test_digest);
    memory_free(memory);
    assert_int_equal(unlink("train-images-idx3-ubyte") | unlink("train-labels-idx1-ubyte"), 0);
    assert_find_fails(".", STATUS_NO_INPUT, ".: only a test set is here, nothing to train on");
    cfg.test_only = 1;
    assert_finds(&cfg, &plan);
    assert_int_equal(plan.train, 0);
    memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    d = dataset_view(&plan, memory);
    assert_string_equal(d.test_digest, whole);
    memory_free(memory);
}

static void the_folder_is_kept_byte_for_byte(void **state)
{
    (void)state;
    folder whole = scratch;
    dataset_cfg cfg = cfg_of("./z\xfcrich");
    dataset_plan plan;
    char expected[PATH_MAX];
    assert_int_equal(mkdir("z\xfcrich", 0777), 0);
    snprintf(scratch.path, sizeof scratch.path, "z\xfcrich");
    write_set("");
    assert_finds(&cfg, &plan);
    assert_non_null(realpath("z\xfcrich", expected));
    assert_string_equal(plan.folder, expected);
    assert_string_equal(plan.name, "z\xfcrich");
    folder_remove(&scratch);
    scratch = whole;
}

static void a_file_that_changes_before_loading_is_an_error(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    failure why;
    write_set("");
    assert_finds(&cfg, &plan);
    images_write(&scratch, "t10k-images-idx3-ubyte", TEST + 1, SIDE, SIDE);
    void *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_BAD_DATA);
    memory_free(memory);
    assert_non_null(strstr(why.text, "holds 4 x 5 x 5 now, held 3 x 5 x 5 a moment ago"));
}

static void classes_can_be_set(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    failure why;
    write_set("");
    cfg.classes = 256;
    assert_finds(&cfg, &plan);
    void *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    assert_int_equal(dataset_view(&plan, memory).classes, 256);
    memory_free(memory);
    cfg.classes = 257;
    assert_int_equal(dataset_find(&cfg, &plan, &why), STATUS_USAGE);
    assert_string_equal(why.text, "257 classes, expected 1 to 256");
}

/* 28 x 28 images, 60000 and 10000, and the first labels: that is how data sets are known. */
static void assert_known_as(const uint8_t train[10], const uint8_t test[10], const char *name,
                            const char *note)
{
    static uint8_t pixels[16 + 60000 * 784], labels[60000];
    const uint32_t count[2] = {60000, 10000};
    const char *images_name[2] = {"train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"};
    const char *labels_name[2] = {"train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"};
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    for (int set = 0; set < 2; set++) {
        put_big_endian(pixels, 0x803);
        put_big_endian(pixels + 4, count[set]);
        put_big_endian(pixels + 8, 28);
        put_big_endian(pixels + 12, 28);
        if (access(images_name[set], F_OK) != 0)
            file_write(&scratch, images_name[set], pixels, 16 + (size_t)count[set] * 784);
        memcpy(labels, set ? test : train, 10);
        labels_write(&scratch, labels_name[set], labels, count[set]);
    }
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.name, name);
    assert_string_equal(plan.note, note);
}

static void known_data_sets_are_named(void **state)
{
    (void)state;
    const uint8_t mnist[2][10] = {{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}, {7, 2, 1, 0, 4, 1, 4, 9, 5, 9}};
    const uint8_t fashion[2][10] = {{9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, {9, 2, 1, 1, 6, 1, 4, 6, 5, 7}};
    assert_known_as(mnist[0], mnist[1], "MNIST", "");
    assert_known_as(fashion[0], fashion[1], "Fashion-MNIST", "NOT MNIST (expect about 0.91)");
    assert_known_as(mnist[0], fashion[1], strrchr(scratch.path, '/') + 1, "");
}

static void synthetic_digits_are_loaded(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of("synthetic");
    dataset_plan plan;
    failure why;
    uint8_t pixels[784];
    cfg.synthetic_train = 200, cfg.synthetic_test = 50;
    assert_finds(&cfg, &plan);
    assert_string_equal(dataset_form(plan.source), "synthetic");
    void *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    dataset d = dataset_view(&plan, memory);
    assert_string_equal(d.name, "synthetic");
    assert_non_null(strstr(d.note, "NOT MNIST"));
    assert_int_equal(d.classes, 10);
    assert_int_equal(d.train.count, 200);
    assert_int_equal(d.test.count, 50);
    assert_int_equal(synthetic_draw(cfg.seed, SYNTHETIC_TRAIN, 199, pixels), d.train.labels[199]);
    assert_memory_equal(pixels, d.train.pixels + 199 * 784, 784);
    assert_int_equal(synthetic_draw(cfg.seed, SYNTHETIC_TEST, 7, pixels), d.test.labels[7]);
    assert_memory_equal(pixels, d.test.pixels + 7 * 784, 784);
    memory_free(memory);
}

static void synthetic_digits_must_be_some(void **state)
{
    (void)state;
    dataset_cfg cfg = cfg_of("synthetic");
    dataset_plan plan;
    failure why;
    cfg.synthetic_test = 0;
    assert_int_equal(dataset_find(&cfg, &plan, &why), STATUS_USAGE);
    assert_string_equal(why.text, "12000 training and 0 test digits, expected at least 1 of each");
}

static void assert_cut(int count, int limit, double fraction, int train_count, int validation_count)
{
    static const uint8_t pixels[1], labels[1];
    dataset d = {.height = 2, .width = 3, .channels = 1, .train = {count, pixels, labels}};
    dataset_split train, validation;
    dataset_cut(&d, limit, fraction, &train, &validation);
    assert_int_equal(train.count, train_count);
    assert_int_equal(validation.count, validation_count);
    assert_ptr_equal(train.pixels, pixels);
    assert_ptr_equal(train.labels, labels);
    assert_int_equal((uintptr_t)validation.pixels - (uintptr_t)pixels, (uintptr_t)train_count * 6);
    assert_int_equal((uintptr_t)validation.labels - (uintptr_t)labels, train_count);
}

static void the_validation_part_is_cut_off_as_keras_does(void **state)
{
    (void)state;
    assert_cut(60000, 0, 0.1, 54000, 6000);
    assert_cut(60000, 0, 0.0, 60000, 0);
    assert_cut(60000, 1000, 0.1, 900, 100);
    assert_cut(60000, 70000, 0.2, 48000, 12000);
    assert_cut(7, 0, 0.5, 3, 4);
    assert_cut(10, 0, 0.3, 7, 3);
    assert_cut(1, 0, 0.1, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST_IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, enter_scratch, leave_scratch)
        TEST_IN_SCRATCH(files_are_loaded),
        TEST_IN_SCRATCH(compressed_files_are_loaded),
        TEST_IN_SCRATCH(the_other_spelling_is_found),
        TEST_IN_SCRATCH(a_missing_folder_or_file_is_no_input),
        TEST_IN_SCRATCH(a_folder_of_the_environment_is_never_passed_over),
        TEST_IN_SCRATCH(the_search_finds_data_mnist),
        TEST_IN_SCRATCH(a_folder_named_synthetic_is_a_folder),
        cmocka_unit_test(places_and_forms_are_listed),
        TEST_IN_SCRATCH(images_with_channels_are_loaded),
        TEST_IN_SCRATCH(a_fourth_dimension_of_one_changes_nothing),
        TEST_IN_SCRATCH(counts_must_agree),
        TEST_IN_SCRATCH(sizes_must_agree),
        TEST_IN_SCRATCH(a_set_must_not_be_empty),
        TEST_IN_SCRATCH(a_damaged_header_is_an_error),
        TEST_IN_SCRATCH(labels_out_of_range_are_named),
        TEST_IN_SCRATCH(one_class_is_nothing_to_tell_apart),
        TEST_IN_SCRATCH(a_test_set_alone_is_found_where_it_is_enough),
        TEST_IN_SCRATCH(the_folder_is_kept_byte_for_byte),
        TEST_IN_SCRATCH(a_file_that_changes_before_loading_is_an_error),
        TEST_IN_SCRATCH(classes_can_be_set),
        TEST_IN_SCRATCH(known_data_sets_are_named),
        TEST_IN_SCRATCH(synthetic_digits_are_loaded),
        TEST_IN_SCRATCH(synthetic_digits_must_be_some),
        cmocka_unit_test(the_validation_part_is_cut_off_as_keras_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
