/* A child process takes the crash, the endless loop and the memory that a damaged file would cost. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/io/child.h"
#include "../../src/io/hdf5_probe.h"
#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static child_end ended(child_work work)
{
    return child_run(work, NULL, 0, NULL);
}

static void crashes(child_work work, int signal)
{
    child_end end = ended(work);
    assert_int_equal(end.well, 0);
    assert_int_equal(end.at_limit, 0);
    assert_int_equal(end.signal, signal);
}

static void do_nothing(void *context, int out)
{
    (void)context, (void)out;
}

static void crash(void *context, int out)
{
    (void)context, (void)out;
    raise(SIGSEGV);
}

static void abort_loudly(void *context, int out)
{
    (void)context, (void)out;
    (void)!write(STDERR_FILENO, "not to be seen\n", 15);
    raise(SIGABRT);
}

static void run_for_ever(void *context, int out)
{
    (void)context, (void)out;
    for (volatile unsigned n = 0;; n++) continue;
}

/* Crashes if it gets twice the limit. */
static void take_memory(void *context, int out)
{
    (void)context, (void)out;
    void *memory = mmap(NULL, (size_t)2 * CHILD_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) raise(SIGSEGV);
}

/* More than a pipe holds, with zeros in it. */
static void answer_at_length(void *context, int out)
{
    char piece[1000] = "begin";
    (void)context;
    for (int i = 0; i < 200; i++) child_write(out, piece, sizeof piece);
}

static void a_good_end(void **state)
{
    (void)state;
    assert_int_equal(ended(do_nothing).well, 1);
    assert_int_equal(ended(take_memory).well, 1);
}

static void an_answer(void **state)
{
    (void)state;
    text_buffer answer;
    assert_int_equal(child_run(answer_at_length, NULL, 0, &answer).well, 1);
    assert_int_equal(answer.length, 200 * 1000);
    assert_string_equal(answer.text, "begin");
    assert_string_equal(answer.text + 199 * 1000, "begin");
    text_buffer_free(&answer);
    assert_int_equal(child_run(crash, NULL, 0, &answer).well, 0);
    assert_null(answer.text);
}

static void a_crash(void **state)
{
    (void)state;
    crashes(crash, SIGSEGV);
    crashes(abort_loudly, SIGABRT);
}

static void an_endless_loop(void **state)
{
    (void)state;
    child_end end = ended(run_for_ever);
    assert_int_equal(end.well, 0);
    assert_int_equal(end.at_limit, 1);
}

/* The program's signals are not the child's: a signal that is handled or blocked here ends a crashed child. */
static void signals_of_the_program(void **state)
{
    (void)state;
    sigset_t all, before;
    void (*handler)(int) = signal(SIGSEGV, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    crashes(crash, SIGSEGV);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGSEGV, handler);
}

static void a_whole_image(void **state)
{
    (void)state;
    arena memory = {0};
    failure why = {""};
    unsigned char *bytes;
    size_t length;
    assert_int_equal(checkpoint_build(fixture_small(&memory), &bytes, &length, &why), STATUS_OK);
    assert_int_equal(hdf5_probe(bytes, length, "x.h5", &why), STATUS_OK);
    assert_int_equal(hdf5_probe(bytes, length / 2, "x.h5", &why), STATUS_OK); /* no crash */
    memory_free(bytes);
    arena_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_end),
        cmocka_unit_test(an_answer),
        cmocka_unit_test(a_crash),
        cmocka_unit_test(an_endless_loop),
        cmocka_unit_test(signals_of_the_program),
        cmocka_unit_test(a_whole_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
