/* Tests of base/stop: the flag, signals that wait, the second SIGINT, the moment in time. */
#include "base/stop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/timer.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

/* The exit code of a process that does this: every test needs flags of its own. */
static int ends_with(void (*job)(void))
{
    int how = -1;
    pid_t child = fork();
    if (child == 0) {
        job();
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

static void needs(int condition)
{
    if (!condition) _exit(99);
}

static void each_signal(void)
{
    needs(stop_asked() == 0);
    stop_listen();
    needs(stop_asked() == 0);
    raise(SIGTERM);
    needs(stop_asked() == SIGTERM);
    raise(SIGUSR1);
    raise(SIGUSR1);
    needs(stop_asked() == SIGUSR1);
    raise(SIGINT);
    needs(stop_asked() == SIGINT);
}

static void ends_of_terminal_and_budget(void)
{
    stop_listen();
    raise(SIGHUP);
    needs(stop_asked() == SIGHUP);
    raise(SIGXCPU);
    needs(stop_asked() == SIGXCPU);
}

/* As nohup, or a script's `command &`, leaves them. */
static void ignored_by_the_parent(void)
{
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    stop_hold();
    raise(SIGINT);
    stop_listen();
    raise(SIGHUP);
    raise(SIGINT);
    raise(SIGINT);
    needs(stop_asked() == 0);
    raise(SIGTERM);
    needs(stop_asked() == SIGTERM);
}

static void waits_then_is_heard(void)
{
    stop_hold();
    raise(SIGUSR1);
    needs(stop_asked() == 0);
    stop_listen();
    needs(stop_asked() == SIGUSR1);
}

static void is_held(void)
{
    stop_hold();
    raise(SIGINT);
}

static void interrupted_twice(void)
{
    stop_listen();
    raise(SIGINT);
    raise(SIGINT);
}

static void is_not_held(void)
{
    raise(SIGUSR1);
}

static void signals_set_a_flag(void **state)
{
    (void)state;
    assert_int_equal(ends_with(each_signal), 0);
    assert_int_equal(ends_with(ends_of_terminal_and_budget), 0);
    assert_int_equal(ends_with(ignored_by_the_parent), 0);
    assert_int_equal(ends_with(waits_then_is_heard), 0);
    assert_int_equal(ends_with(is_held), 0);
    assert_int_equal(ends_with(is_not_held), -SIGUSR1);
    assert_int_equal(ends_with(interrupted_twice), STATUS_INTERRUPTED);
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void far_deadline(void)
{
    stop_set_deadline(timer_now_s() + 1000);
    needs(stop_asked() == 0);
    pause_ms(20);
    needs(stop_asked() == 0);
}

static void passed_deadline(void)
{
    stop_set_deadline(timer_now_s() - 1);
    needs(stop_asked() == STOP_TIME);
}

/* A pause of 100 ms was seen, and less is left: the next one may be too long. */
static void near_deadline(void)
{
    stop_set_deadline(timer_now_s() + 1000);
    needs(stop_asked() == 0);
    pause_ms(100);
    needs(stop_asked() == 0);
    stop_set_deadline(timer_now_s() + 0.09);
    needs(stop_asked() == STOP_TIME);
}

static void the_time_runs_out(void **state)
{
    (void)state;
    assert_int_equal(ends_with(far_deadline), 0);
    assert_int_equal(ends_with(passed_deadline), 0);
    assert_int_equal(ends_with(near_deadline), 0);
}

static void reasons_have_names(void **state)
{
    (void)state;
    assert_string_equal(stop_reason(SIGUSR1), "SIGUSR1");
    assert_string_equal(stop_reason(SIGTERM), "SIGTERM");
    assert_string_equal(stop_reason(SIGHUP), "SIGHUP");
    assert_string_equal(stop_reason(SIGXCPU), "SIGXCPU");
    assert_string_equal(stop_reason(SIGINT), "SIGINT");
    assert_string_equal(stop_reason(STOP_TIME), "the time limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_set_a_flag),
        cmocka_unit_test(the_time_runs_out),
        cmocka_unit_test(reasons_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
