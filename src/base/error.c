/* base/error.c - formats failures, and ends the program. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int own_rank = -1; /* -1: not known yet, or a program without ranks */
static void (*abort_hook)(int exit_code);

const char *status_text(status code)
{
    switch (code) {
#define STATUS_CASE(name, number, meaning)                                                         \
    case name:                                                                                     \
        return meaning;
        STATUS_TABLE(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

status fail(failure *why, status code, const char *format, ...)
{
    if (why) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(why->text, sizeof why->text, format, arguments);
        va_end(arguments);
    }
    return code;
}

void error_set_abort(int rank, void (*abort_all)(int exit_code))
{
    own_rank = rank;
    abort_hook = abort_all;
}

_Noreturn void error_check_failed(const char *file, int line, const char *condition,
                                  const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "mnist_dist: internal error on rank %d at %s:%d: %s: %s\n",
            own_rank < 0 ? 0 : own_rank, file, line, condition, text);
    fflush(NULL);
    if (abort_hook) abort_hook(STATUS_INTERNAL);
    exit(STATUS_INTERNAL);
}

_Noreturn void error_leave(status code)
{
    _exit(code);
}

/* Without stdio, since a thread that hangs may hold its locks. */
_Noreturn void error_rank_lost(const char *format, ...)
{
    char text[1024] = "mnist_dist: ";
    const int head = 12;
    va_list arguments;
    va_start(arguments, format);
    int length = head + vsnprintf(text + head, sizeof text - (size_t)head - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 2) length = (int)sizeof text - 2;
    text[length++] = '\n';
    if (write(2, text, (size_t)length) < 0) error_leave(STATUS_RANK_LOST);
    /* mpirun ends the job when it learns that this rank ended, and can lose what it has not read until then. */
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    error_leave(STATUS_RANK_LOST);
}
