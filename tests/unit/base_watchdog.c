/* The watchdog looks while the main thread does nothing, takes no signal, and is still after its stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/watchdog.h"

#include <cmocka.h>
#undef fail /* ours is error.h's */

static atomic_int looks;

static void count(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void looks_again_and_again(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        atomic_store(&looks, 0);
        watchdog_start(0.002, count, &looks);
        while (atomic_load(&looks) < 5) nap();
        watchdog_stop();
        int after = atomic_load(&looks);
        for (int i = 0; i < 20; i++) nap();
        assert_int_equal(atomic_load(&looks), after);
    }
    watchdog_stop(); /* without a start */
}

static pthread_t catcher;

static void catch (int number)
{
    (void)number;
    catcher = pthread_self();
}

static void signals_are_the_main_threads(void **state)
{
    (void)state;
    struct sigaction act = {.sa_handler = catch}, before;
    sigaction(SIGUSR1, &act, &before);
    watchdog_start(0.001, count, &looks);
    for (int i = 0; i < 50; i++) {
        memset(&catcher, 0, sizeof catcher);
        kill(getpid(), SIGUSR1);
        nap();
        assert_true(pthread_equal(catcher, pthread_self()));
    }
    watchdog_stop();
    sigaction(SIGUSR1, &before, NULL);
}

static void a_lost_rank_ends_the_process(void **state)
{
    (void)state;
    int ends[2], code;
    char text[2048] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char longest[1500];
        memset(longest, 'x', sizeof longest);
        longest[sizeof longest - 1] = 0;
        dup2(ends[1], 2);
        error_rank_lost("rank %d: %s", 3, longest);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; (got = read(ends[0], text + used, sizeof text - used - 1)) > 0;)
        used += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), STATUS_RANK_LOST);
    assert_int_equal(used, 1023); /* cut, but a whole line */
    assert_int_equal(strncmp(text, "mnist_dist: rank 3: xxx", 23), 0);
    assert_int_equal(text[used - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_again_and_again),
        cmocka_unit_test(signals_are_the_main_threads),
        cmocka_unit_test(a_lost_rank_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
