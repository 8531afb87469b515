/* comm/launcher.c - the end of a launcher that waits for a lost host. */
#define _GNU_SOURCE /* syscall */
#include "launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#ifdef SYS_pidfd_open

static int is_mpirun(pid_t process)
{
    static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
    char path[48], name[32] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)process);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, name, sizeof name - 1);
    close(file);
    for (size_t i = 0; length > 0 && i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0) return 1;
    return 0;
}

/* mpirun waits for the end of a rank's output, so no descriptor may stay open. */
static void close_all_but(int kept)
{
    long count = sysconf(_SC_OPEN_MAX);
    if (count < 0 || count > 65536) count = 65536;
    for (int file = 0; file < (int)count; file++)
        if (file != kept) close(file);
}

/* The child of a process with threads: it calls only functions that are safe then. */
static void end_after(int launcher, int grace_s)
{
    struct pollfd ended = {.fd = launcher, .events = POLLIN};
    setsid();
    close_all_but(launcher);
    if (poll(&ended, 1, grace_s * 1000) == 0)
        syscall(SYS_pidfd_send_signal, launcher, SIGKILL, NULL, 0);
    _exit(0);
}

void launcher_end_within(int grace_s)
{
    pid_t parent = getppid();
    if (!is_mpirun(parent)) return;
    /* the descriptor stays this process' also if it ends */
    int launcher = (int)syscall(SYS_pidfd_open, parent, 0);
    if (launcher >= 0 && fork() == 0) end_after(launcher, grace_s);
}

#else
void launcher_end_within(int grace_s)
{
    (void)grace_s;
}
#endif
