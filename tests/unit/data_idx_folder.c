/* Tests of the source of IDX files: the names and folders in which people have them. */
#include "base/arena.h"
#include "unit/data_set.h"

#include <sys/stat.h>

/* The data set is found here, with this name and this file of training images. */
static dataset_plan assert_found(const char *where, const char *name, const char *images)
{
    dataset_cfg cfg = cfg_of(where);
    dataset_plan plan;
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.name, name);
    assert_string_equal(plan.file[0], images);
    return plan;
}

/* The four files with `prefix` in front of their names and t10k replaced by test. */
static void rename_all(const char *prefix)
{
    static const char *const names[4][2] = {{"train-images-idx3-ubyte", "train-images-idx3-ubyte"},
                                            {"train-labels-idx1-ubyte", "train-labels-idx1-ubyte"},
                                            {"t10k-images-idx3-ubyte", "test-images-idx3-ubyte"},
                                            {"t10k-labels-idx1-ubyte", "test-labels-idx1-ubyte"}};
    for (int i = 0; i < 4; i++) {
        char to[128];
        snprintf(to, sizeof to, "%s%s", prefix, names[i][1]);
        assert_int_equal(rename(names[i][0], to), 0);
    }
}

static void emnist_as_downloaded_is_found_and_turned(void **state)
{
    (void)state;
    failure why;
    write_set("");
    rename_all("emnist-letters-");
    dataset_plan plan = assert_found(".", "emnist-letters",
                                     "./emnist-letters-train-images-idx3-ubyte");
    assert_non_null(strstr(plan.remark, "EMNIST's images lie on their side: turned upright"));
    uint8_t *memory = memory_take(plan.bytes);
    assert_int_equal(dataset_load(&plan, memory, &why), STATUS_OK);
    dataset d = dataset_view(&plan, memory);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            assert_int_equal(d.train.pixels[y * SIDE + x], ((x * SIDE + y) * 7 + 3) & 255);
    memory_free(memory);
    /* of two sets in one folder, one is chosen by its prefix */
    write_set("");
    rename_all("emnist-digits-");
    dataset_cfg cfg = cfg_of(".");
    assert_int_equal(dataset_find(&cfg, &plan, &why), STATUS_NO_INPUT);
    assert_non_null(strstr(why.text, ".: holds 2 data sets: choose one by -d ./emnist-"));
    assert_found("./emnist-digits", "emnist-digits", "./emnist-digits-train-images-idx3-ubyte");
    plan = assert_found("emnist-letters", "emnist-letters",
                        "./emnist-letters-train-images-idx3-ubyte");
    /* and by the path that a run keeps */
    char again[DATASET_PATH];
    memcpy(again, plan.folder, sizeof again);
    cfg = cfg_of(again);
    assert_finds(&cfg, &plan);
    assert_string_equal(plan.folder, again);
    /* files without a prefix are those of the folder */
    write_set("");
    assert_string_equal(
        assert_found(".", strrchr(scratch.path, '/') + 1, "./train-images-idx3-ubyte").remark, "");
}

static void a_file_in_a_folder_of_its_name_is_found(void **state)
{
    (void)state;
    write_set("");
    assert_int_equal(system("for f in *-ubyte; do mv $f x && mkdir $f && mv x $f/$f; done"), 0);
    assert_found(".", strrchr(scratch.path, '/') + 1,
                 "./train-images-idx3-ubyte/train-images-idx3-ubyte");
    /* beside the file itself, as in Kaggle's copy */
    assert_int_equal(
        system("cp train-images-idx3-ubyte/train-images-idx3-ubyte train-images.idx3-ubyte"), 0);
    assert_found(".", strrchr(scratch.path, '/') + 1,
                 "./train-images-idx3-ubyte/train-images-idx3-ubyte");
    assert_int_equal(system("rm -r *-ubyte"), 0);
}

static void the_folder_below_is_found(void **state)
{
    (void)state;
    failure why;
    dataset_cfg cfg = cfg_of(".");
    dataset_plan plan;
    write_set("");
    assert_int_equal(system("mkdir -p MNIST/raw empty && mv *-ubyte MNIST/raw"), 0);
    assert_found(".", "MNIST", "./MNIST/raw/train-images-idx3-ubyte");
    assert_found("MNIST", "MNIST", "MNIST/raw/train-images-idx3-ubyte");
    assert_found("MNIST/raw", "MNIST", "MNIST/raw/train-images-idx3-ubyte");
    write_set("");
    assert_int_equal(system("mkdir other && mv *-ubyte other"), 0);
    assert_int_equal(dataset_find(&cfg, &plan, &why), STATUS_NO_INPUT);
    assert_non_null(strstr(why.text, ".: holds 2 data sets: choose one by -d "));
    assert_non_null(strstr(why.text, "-d ./MNIST/raw"));
    assert_non_null(strstr(why.text, "-d ./other"));
    assert_int_equal(system("rm -r MNIST empty other"), 0);
}

static void other_files_are_no_data(void **state)
{
    (void)state;
    static const char *const names[] = {
        "train-images-idx3",        "train-images-idx9-ubyte",
        "xtrain-images-idx3-ubyte", "train-images-idx3-ubyte.zip",
        "train-images.npy",         "train-images-idx3-ubyte.gz.part"};
    failure why;
    dataset_plan plan;
    dataset_cfg cfg = cfg_of(".");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        file_write(&scratch, names[i], "x", 1);
    assert_int_equal(dataset_find(&cfg, &plan, &why), STATUS_NO_INPUT);
    assert_non_null(strstr(why.text, ".: no data is in this folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST_IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, enter_scratch, leave_scratch)
        TEST_IN_SCRATCH(emnist_as_downloaded_is_found_and_turned),
        TEST_IN_SCRATCH(a_file_in_a_folder_of_its_name_is_found),
        TEST_IN_SCRATCH(the_folder_below_is_found),
        TEST_IN_SCRATCH(other_files_are_no_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
