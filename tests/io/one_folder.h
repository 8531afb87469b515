/* one_folder.h - a scratch folder that all tests of a program share: run the group with begin and end. */
#ifndef MNIST_DIST_TESTS_IO_ONE_FOLDER_H
#define MNIST_DIST_TESTS_IO_ONE_FOLDER_H

#include "io/checkpoint_fixture.h"

static const char *folder;

static inline int begin(void **state)
{
    (void)state;
    folder = fixture_folder();
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

#endif
