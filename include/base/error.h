/* error.h - status codes, failures for the user, and checks of invariants.          room: base
 *
 * Two kinds of failure:
 *   the world             files, options, disk, other ranks: a function returns a `status` and fills a `failure` with what
 *                         failed, where, and what to do. Only src/app prints it.
 *   a broken invariant    an error of the program: CHECK prints rank, file, line and values, and ends all ranks
 *
 * A status is also the exit code of the program.   Collective: no.   Memory: none.   Test: tests/unit/base_error.c
 */
#ifndef MNIST_DIST_BASE_ERROR_H
#define MNIST_DIST_BASE_ERROR_H

/* name, exit code, meaning */
#define STATUS_TABLE(X)                                                                            \
    X(STATUS_OK, 0, "done")                                                                        \
    X(STATUS_DIFFERS, 1, "the results differ, or the loss is not a number")                        \
    X(STATUS_USAGE, 64, "the command line is wrong")                                               \
    X(STATUS_BAD_DATA, 65, "bad data or checkpoint")                                               \
    X(STATUS_NO_INPUT, 66, "an input is missing")                                                  \
    X(STATUS_RANK_LOST, 69, "a rank was lost or hangs")                                            \
    X(STATUS_INTERNAL, 70, "internal error")                                                       \
    X(STATUS_NO_THREADS, 71, "the system gives too few threads, files or stack")                   \
    X(STATUS_CANNOT_WRITE, 73, "an output cannot be written")                                      \
    X(STATUS_STOPPED, 75, "stopped early, resumable")                                              \
    X(STATUS_INTERRUPTED, 130, "interrupted twice")

typedef enum status {
#define STATUS_ENUM(name, code, meaning) name = code,
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
} status;

/* The meaning of a status; a static string. */
const char *status_text(status code);

/* What failed, for the user: one line without a newline. The caller owns it. */
typedef struct failure {
    char text[1024];
} failure;

/* Writes the formatted text into *why and returns `code`, so that a function can `return fail(...)`. A longer text is cut;
 * why may be NULL. Threads: any, each with a `why` of its own. */
status fail(failure *why, status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A failed CHECK calls abort_all instead of exit(STATUS_INTERNAL); comm sets it to the abort of all ranks. The line
 * that it prints begins with `rank`. Call it once, before other threads start. */
void error_set_abort(int rank, void (*abort_all)(int exit_code));

/* What CHECK calls: prints one line to stderr and ends the program, on all ranks if error_set_abort was called. */
_Noreturn void error_check_failed(const char *file, int line, const char *condition,
                                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Ends this process alone, at once, with `code` as exit code. It skips exit handlers and stdio, since other threads may
 * hold their locks. A rank calls it when another rank is lost. Threads: any. */
_Noreturn void error_leave(status code);
/* Prints one line to stderr, then error_leave(STATUS_RANK_LOST). Threads: any. */
_Noreturn void error_rank_lost(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An invariant at the edge of a module, checked in all builds. After the condition: a printf format and its values. */
#define CHECK(condition, ...)                                                                      \
    ((condition) ? (void)0 : error_check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__))

/* The same in debug builds only, for code where CHECK would cost time. */
#ifdef NDEBUG
#define ASSERT(condition, ...) ((void)0)
#else
#define ASSERT(condition, ...) CHECK(condition, __VA_ARGS__)
#endif

#endif
