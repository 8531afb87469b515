/* base/watchdog.c - the one thread outside of the team. */
#include "base/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/error.h"

static struct {
    int runs;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    int stop; /* under the lock */
    double period_s;
    void (*look)(void *context);
    void *context;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct timespec after(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long long ns = t.tv_nsec + (long long)(seconds * 1e9);
    t.tv_sec += (time_t)(ns / 1000000000);
    t.tv_nsec = (long)(ns % 1000000000);
    return t;
}

static void *watch(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&dog.lock);
    while (!dog.stop) {
        struct timespec until = after(dog.period_s);
        pthread_cond_timedwait(&dog.stopped, &dog.lock, &until);
        if (!dog.stop) dog.look(dog.context);
    }
    pthread_mutex_unlock(&dog.lock);
    return NULL;
}

/* The watchdog takes no signal: the team's threads do. */
static int start_without_signals(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&dog.thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void watchdog_start(double period_s, void (*look)(void *context), void *context)
{
    pthread_condattr_t monotonic;
    CHECK(!dog.runs, "%s", "one watchdog at a time");
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&dog.stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    dog.stop = 0;
    dog.period_s = period_s;
    dog.look = look;
    dog.context = context;
    int error = start_without_signals();
    CHECK(!error, "no thread for the watchdog: error %d", error);
    dog.runs = 1;
}

void watchdog_stop(void)
{
    if (!dog.runs) return;
    pthread_mutex_lock(&dog.lock);
    dog.stop = 1;
    pthread_cond_signal(&dog.stopped);
    pthread_mutex_unlock(&dog.lock);
    pthread_join(dog.thread, NULL);
    pthread_cond_destroy(&dog.stopped);
    dog.runs = 0;
}
