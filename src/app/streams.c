/* app/streams.c - standard output and standard error, by POSIX calls below stdio. */
#include "app/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

void streams_open(void)
{
    /* open() returns the lowest free number: that of the stream itself */
    for (int stream = 0; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0) open("/dev/null", stream ? O_RDONLY : O_WRONLY);
}

/* The error of the newest streams_flush; 0: none. stdio itself keeps only that there was one. */
static int seen;

void streams_flush(void)
{
    if (fflush(stdout)) seen = errno;
}

/* Writes what the stream holds. Returns 0 or an error's number; EIO for an earlier error of which the number is not known. */
static int end_stream(FILE *stream)
{
    if (fflush(stream)) return errno;
    if (ferror(stream)) return stream == stdout && seen ? seen : EIO;
    int copy = dup(fileno(stream));
    /* network file systems report a full disk at close */
    return copy >= 0 && close(copy) ? errno : 0;
}

int streams_close(int exit_code, const char *rest)
{
    int error = end_stream(stdout);
    if (error)
        fprintf(stderr, "mnist_dist: standard output: cannot write: %s: %s\n", strerror(error),
                rest);
    if (end_stream(stderr)) error = EIO;
    return error && !exit_code ? STATUS_CANNOT_WRITE : exit_code;
}
