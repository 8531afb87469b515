/* io/child.c - a child process with limits, and what it answers. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The address space that this process has, in bytes. */
static rlim_t memory_now(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%lu", &pages) != 1) pages = 0;
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void lower(int resource, rlim_t most)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit)) return;
    if (most < limit.rlim_cur) limit.rlim_cur = most;
    setrlimit(resource, &limit);
}

static void set_limits(size_t length)
{
    static const int deadly[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGABRT,
                                 SIGALRM, SIGXCPU, SIGTERM, SIGINT, SIGHUP};
    sigset_t none;
    unsigned seconds = CHILD_S + (unsigned)(length / CHILD_BYTES_PER_S);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    lower(RLIMIT_CORE, 0);
    lower(RLIMIT_CPU, seconds);
    rlim_t now = memory_now();
    if (now) lower(RLIMIT_AS, now + CHILD_BYTES + 8 * (rlim_t)length);
    alarm(20 * seconds); /* of a wait that takes no processor time */
}

static void be_silent(void)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO); /* the C library complains of a damaged heap */
}

static child_end judge(int ended)
{
    int number = WIFSIGNALED(ended) ? WTERMSIG(ended) : 0;
    return (child_end){.well = WIFEXITED(ended) && WEXITSTATUS(ended) == 0,
                       .at_limit = number == SIGXCPU || number == SIGALRM || number == SIGKILL,
                       .signal = number};
}

/* ---- both ---- */

void child_write(int out, const void *from, size_t length)
{
    const char *at = from;
    while (length > 0) {
        ssize_t n = write(out, at, length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        at += n;
        length -= (size_t)n;
    }
}

static void read_answer(int in, text_buffer *answer)
{
    enum { PIECE_BYTES = 1 << 16 };
    char piece[PIECE_BYTES];
    for (;;) {
        ssize_t n = read(in, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        text_buffer_add_bytes(answer, piece, (size_t)n);
    }
}

child_end child_run(child_work work, void *context, size_t bytes, text_buffer *answer)
{
    int ended = 0, way[2] = {-1, -1};
    if (answer) *answer = (text_buffer){0};
    if (answer && pipe(way)) return (child_end){.well = 1};
    pid_t child = fork();
    if (child == 0) {
        set_limits(bytes);
        be_silent();
        work(context, way[1]);
        _exit(0);
    }
    if (answer) {
        close(way[1]);
        if (child > 0) read_answer(way[0], answer);
        close(way[0]);
    }
    if (child < 0) return (child_end){.well = 1};
    while (waitpid(child, &ended, 0) < 0)
        if (errno != EINTR) return (child_end){.well = 1}; /* SIGCHLD is ignored */
    return judge(ended);
}
