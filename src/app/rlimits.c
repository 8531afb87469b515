/* app/rlimits.c - enough stack and open files, and a signal before the CPU time is over. */
#include "app/rlimits.h"

#include <stddef.h>
#include <sys/resource.h>

enum {
    LEAST_STACK = 256 << 10, /* bytes; with half of it libhdf5 and Open MPI crash       */
    LEAST_FILES = 64,        /* with a third of it Open MPI does not start              */
    SHARE_OF_TIME = 20,      /* the signal comes when 1 / 20 of the CPU time is left    */
    MOST_TIME = 60           /* seconds, at most                                       */
};

static const struct {
    rlim_t least, unit;
    int resource;
    const char *what, *option;
} needs[] = {
    {LEAST_STACK, 1024, RLIMIT_STACK, "KiB of stack", "ulimit -s"},
    {LEAST_FILES, 1, RLIMIT_NOFILE, "open files", "ulimit -n"},
};

status rlimits_raise(failure *why)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        struct rlimit limit;
        if (getrlimit(needs[i].resource, &limit) || limit.rlim_cur >= needs[i].least) continue;
        rlim_t had = limit.rlim_cur, least = needs[i].least, unit = needs[i].unit;
        limit.rlim_cur = least < limit.rlim_max ? least : limit.rlim_max;
        if (limit.rlim_cur == least && setrlimit(needs[i].resource, &limit) == 0) continue;
        return fail(why, STATUS_NO_THREADS,
                    "only %llu %s are allowed, at least %llu are needed: raise the limit (%s)",
                    (unsigned long long)(had / unit), needs[i].what,
                    (unsigned long long)(least / unit), needs[i].option);
    }
    return STATUS_OK;
}

void rlimits_warn_early(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CPU, &limit) || limit.rlim_cur == RLIM_INFINITY) return;
    rlim_t most = limit.rlim_max / SHARE_OF_TIME;
    rlim_t early = most < 1 ? 1 : most < MOST_TIME ? most : MOST_TIME;
    if (limit.rlim_cur < limit.rlim_max || limit.rlim_cur <= early) return;
    limit.rlim_cur -= early;
    setrlimit(RLIMIT_CPU, &limit); /* if it fails, there is no signal before the end */
}
