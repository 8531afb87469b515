/* data_set.h - a small data set in a scratch folder, for the tests of data/dataset. */
#ifndef MNIST_DIST_TESTS_DATA_SET_H
#define MNIST_DIST_TESTS_DATA_SET_H

#include "data/dataset.h"
#include "unit/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* after error.h: it has a macro named fail */

enum { TRAIN = 6, TEST = 3, SIDE = 5 };

static const uint8_t train_labels[TRAIN] = {1, 0, 3, 2, 3, 0}, test_labels[TEST] = {3, 1, 2};

static folder scratch;
static char start[512];

/* Tests run in a scratch folder, without $MNIST_DIR, so that the search finds only what they put there. */
static inline int enter_scratch(void **state)
{
    (void)state;
    unsetenv("MNIST_DIR");
    if (!getcwd(start, sizeof start)) return -1;
    scratch = folder_make();
    return chdir(scratch.path);
}

static inline int leave_scratch(void **state)
{
    (void)state;
    int code = chdir(start);
    folder_remove(&scratch);
    return code;
}

/* The four files of a small data set, their names ending in `end`. */
static inline void write_set(const char *end)
{
    char name[4][64];
    const char *stem[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (int i = 0; i < 4; i++) snprintf(name[i], sizeof name[i], "%s%s", stem[i], end);
    images_write(&scratch, name[0], TRAIN, SIDE, SIDE);
    labels_write(&scratch, name[1], train_labels, TRAIN);
    images_write(&scratch, name[2], TEST, SIDE, SIDE);
    labels_write(&scratch, name[3], test_labels, TEST);
}

static inline dataset_cfg cfg_of(const char *where)
{
    dataset_cfg cfg = dataset_cfg_default();
    cfg.folder = where;
    return cfg;
}

static inline void assert_finds(const dataset_cfg *cfg, dataset_plan *plan)
{
    failure why = {{0}};
    status code = dataset_find(cfg, plan, &why);
    if (code) print_message("%s\n", why.text);
    assert_int_equal(code, STATUS_OK);
}

#endif
