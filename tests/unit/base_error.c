/* Tests of base/error: failures, codes, and that a failed CHECK ends the program with rank, place and values. */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h> /* after error.h: it has a macro named fail */
#undef fail

static void a_message_is_formatted_and_the_status_returned(void **state)
{
    (void)state;
    failure why;
    assert_int_equal(fail(&why, STATUS_BAD_DATA, "%s: %d bytes", "file", 12), STATUS_BAD_DATA);
    assert_string_equal(why.text, "file: 12 bytes");
    assert_int_equal(fail(NULL, STATUS_USAGE, "%s", "no text is wanted"), STATUS_USAGE);
}

static void a_long_message_is_cut(void **state)
{
    (void)state;
    failure why;
    fail(&why, STATUS_INTERNAL, "%2000d", 7);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
}

/* The codes are part of the command line's contract. */
static void codes_and_words_are_as_documented(void **state)
{
    (void)state;
    assert_int_equal(STATUS_OK, 0);
    assert_int_equal(STATUS_DIFFERS, 1);
    assert_int_equal(STATUS_USAGE, 64);
    assert_int_equal(STATUS_BAD_DATA, 65);
    assert_int_equal(STATUS_NO_INPUT, 66);
    assert_int_equal(STATUS_RANK_LOST, 69);
    assert_int_equal(STATUS_INTERNAL, 70);
    assert_int_equal(STATUS_CANNOT_WRITE, 73);
    assert_int_equal(STATUS_STOPPED, 75);
    assert_int_equal(STATUS_INTERRUPTED, 130);
    assert_string_equal(status_text(STATUS_STOPPED), "stopped early, resumable");
    assert_string_equal(status_text((status)99), "unknown status");
}

static void a_check_that_holds_does_nothing(void **state)
{
    (void)state;
    int evaluated = 0;
    CHECK(++evaluated == 1, "%d", evaluated);
    assert_int_equal(evaluated, 1);
}

static void abort_with_5(int exit_code)
{
    fprintf(stderr, "hook %d\n", exit_code);
    fflush(NULL);
    _exit(5);
}

static void break_plainly(void)
{
    int n = 3;
    CHECK(n == 4, "n is %d", n);
}

static void break_with_a_hook(void)
{
    error_set_abort(7, abort_with_5);
    break_plainly();
}

/* Runs act in a child process; returns its exit code, and what it wrote to stderr. */
static int outcome_of(void (*act)(void), char *heard, size_t room)
{
    int ends[2], code;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        act();
        _exit(0);
    }
    close(ends[1]);
    size_t at = 0;
    for (ssize_t n; (n = read(ends[0], heard + at, room - 1 - at)) > 0;) at += (size_t)n;
    heard[at] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &code, 0), child);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static void a_broken_check_names_place_and_values(void **state)
{
    (void)state;
    char heard[1024];
    assert_int_equal(outcome_of(break_plainly, heard, sizeof heard), STATUS_INTERNAL);
    assert_non_null(strstr(heard, "mnist_dist: internal error on rank 0 at "));
    assert_non_null(strstr(heard, "base_error.c:"));
    assert_non_null(strstr(heard, ": n == 4: n is 3\n"));
}

static void a_broken_check_calls_the_hook(void **state)
{
    (void)state;
    char heard[1024];
    assert_int_equal(outcome_of(break_with_a_hook, heard, sizeof heard), 5);
    assert_non_null(strstr(heard, "on rank 7 at "));
    assert_non_null(strstr(heard, "hook 70\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_formatted_and_the_status_returned),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(codes_and_words_are_as_documented),
        cmocka_unit_test(a_check_that_holds_does_nothing),
        cmocka_unit_test(a_broken_check_names_place_and_values),
        cmocka_unit_test(a_broken_check_calls_the_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
