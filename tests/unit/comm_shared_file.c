/* Files of other processes are opened only if they are those that were offered. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../src/comm/shared_file.h"

#include <cmocka.h>

enum { BYTES = 5000 };

static void point_to(shared_file_offer *o, int file)
{
    snprintf(o->path, sizeof o->path, "/proc/%ld/fd/%d", (long)getpid(), file);
}

static void what_is_offered_is_opened_and_zero(void **state)
{
    (void)state;
    shared_file_offer o;
    char found[BYTES] = {1};
    int file = shared_file_create(BYTES, &o), again = shared_file_open(&o);
    assert_true(file >= 0 && again >= 0);
    assert_int_equal(shared_file_reserve(file, BYTES, 0, 1), 0);
    assert_int_equal(pread(again, found, BYTES, 0), BYTES);
    for (int i = 0; i < BYTES; i++) assert_int_equal(found[i], 0);
    close(file);
    close(again);
}

static void refused(const shared_file_offer *o)
{
    errno = 0;
    assert_int_equal(shared_file_open(o), -1);
    assert_int_equal(errno, ENOENT);
}

static void another_file_is_refused(void **state)
{
    (void)state;
    shared_file_offer one, two, wrong;
    int first = shared_file_create(BYTES, &one), second = shared_file_create(BYTES, &two);
    assert_true(first >= 0 && second >= 0);
    wrong = one; /* the path leads to another file of the same kind */
    point_to(&wrong, second);
    refused(&wrong);
    wrong = two; /* ... or even one with the same device and inode, on another machine */
    wrong.secret[3] ^= 1;
    refused(&wrong);
    wrong.secret_at = 1 << 20;
    refused(&wrong);
    point_to(&wrong, 9999);
    refused(&wrong);
    close(first);
    refused(&one); /* it is no longer offered */
    close(second);
}

/* To open a pipe would wait for its other end. */
static void a_pipe_is_not_opened(void **state)
{
    (void)state;
    shared_file_offer o;
    int ends[2], file = shared_file_create(BYTES, &o);
    assert_true(file >= 0 && pipe(ends) == 0);
    point_to(&o, ends[0]);
    refused(&o);
    close(ends[0]);
    close(ends[1]);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_opened_and_zero),
        cmocka_unit_test(another_file_is_refused),
        cmocka_unit_test(a_pipe_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
