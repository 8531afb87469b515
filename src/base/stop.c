/* base/stop.c - requests to stop: signals, and a time limit. */
#include "base/stop.h"

#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/error.h"
#include "base/timer.h"

static volatile sig_atomic_t signal_seen; /* its number */
static volatile sig_atomic_t interrupts;
static double deadline_s = (double)INFINITY;
static double asked_s = (double)NAN, longest_s; /* of stop_asked: last time, longest pause */

static const struct {
    int number;
    const char *name;
} heard[] = {{SIGUSR1, "SIGUSR1"},
             {SIGTERM, "SIGTERM"},
             {SIGHUP, "SIGHUP"},
             {SIGXCPU, "SIGXCPU"},
             {SIGINT, "SIGINT"}};
enum { HEARD = sizeof heard / sizeof heard[0] };

static void hear(int number)
{
    if (number == SIGINT && interrupts++) _exit(STATUS_INTERRUPTED);
    signal_seen = number;
}

static void mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < HEARD; i++) sigaddset(&set, heard[i].number);
    sigprocmask(how, &set, NULL);
}

void stop_hold(void)
{
    mask(SIG_BLOCK);
}

void stop_listen(void)
{
    struct sigaction action = {.sa_handler = hear, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < HEARD; i++) {
        struct sigaction before;
        int known = sigaction(heard[i].number, NULL, &before) == 0;
        if (known && before.sa_handler != SIG_IGN) sigaction(heard[i].number, &action, NULL);
    }
    mask(SIG_UNBLOCK);
}

void stop_set_deadline(double end_s)
{
    deadline_s = end_s;
}

int stop_asked(void)
{
    if (signal_seen) return signal_seen;
    if (isinf(deadline_s)) return 0;
    double now_s = timer_now_s();
    if (now_s - asked_s > longest_s) longest_s = now_s - asked_s; /* false at the first call */
    asked_s = now_s;
    return now_s + longest_s >= deadline_s ? STOP_TIME : 0;
}

const char *stop_reason(int asked)
{
    for (int i = 0; i < HEARD; i++)
        if (heard[i].number == asked) return heard[i].name;
    return asked == STOP_TIME ? "the time limit" : "no request";
}
