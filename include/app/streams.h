/* streams.h - standard output and standard error: open from the start, checked at the end.       room: app
 *
 * Threads: one, while no other writes.   Collective: no.   Memory: none.   Errors: none; the exit code tells.
 * Test: tests/e2e/streams.sh
 */
#ifndef MNIST_DIST_APP_STREAMS_H
#define MNIST_DIST_APP_STREAMS_H

/* Gives each of the descriptors 0, 1 and 2 that the caller has closed to /dev/null, so that no file that is opened later gets
 * it; writing to it fails. Call it before anything is opened. */
void streams_open(void);

/* fflush of standard output; an error is kept for streams_close. */
void streams_flush(void);

/* Writes what is buffered. If standard output did not take all that was printed, prints one line on standard error, which ends
 * with `rest`, and returns STATUS_CANNOT_WRITE instead of the exit code 0; other codes stay. A fault of standard error only
 * changes the exit code. Call it last. */
int streams_close(int exit_code, const char *rest);

#endif
