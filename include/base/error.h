/* error.h - status codes, messages for the user, and checks of invariants.          layer: base
 *
 * Two kinds of failure:
 *   the world      (files, options, disk, other ranks): a function returns a `status` and fills a `message` with what
 *                  failed, where, and what to do. Nobody prints but app.
 *   a broken invariant (a programmer's error): CHECK prints rank, file, line and values, and ends all ranks.
 *
 * A status is also the exit code of the program.
 */
#ifndef MNIST_DIST_BASE_ERROR_H
#define MNIST_DIST_BASE_ERROR_H

/* one table: enum name, exit code, meaning */
#define STATUS_TABLE(X)                                                                            \
    X(STATUS_OK, 0, "done")                                                                        \
    X(STATUS_DIFFERS, 1, "the results differ, or the loss is not a number")                        \
    X(STATUS_USAGE, 64, "the command line is wrong")                                               \
    X(STATUS_BAD_DATA, 65, "bad data or checkpoint")                                               \
    X(STATUS_NO_INPUT, 66, "an input is missing")                                                  \
    X(STATUS_RANK_LOST, 69, "a rank was lost or hangs")                                            \
    X(STATUS_INTERNAL, 70, "internal error")                                                       \
    X(STATUS_CANNOT_WRITE, 73, "an output cannot be written")                                      \
    X(STATUS_STOPPED, 75, "stopped early, resumable")                                              \
    X(STATUS_INTERRUPTED, 130, "interrupted twice")

typedef enum status {
#define STATUS_ENUM(name, code, meaning) name = code,
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
} status;

/* Meaning of a status in words; static storage. */
const char *status_text(status code);

/* What went wrong, in words for the user; one line without a newline. Caller owns it. */
typedef struct message {
    char text[1024];
} message;

/* Writes the formatted text (cut at the message's size) and returns `code`, so that a function can `return fail(...)`.
 * why may be NULL. Threads: any, on different messages. */
status fail(message *why, status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Called when a CHECK fails, instead of exit(STATUS_INTERNAL): comm points it at the abort of all ranks.
 * `rank` is printed in front. Not thread-safe: call once at start. */
void error_set_abort(int rank, void (*abort_all)(int exit_code));

/* Prints one line to stderr and ends the program (all ranks, where a hook is set). Does not return. */
_Noreturn void error_check_failed(const char *file, int line, const char *condition,
                                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Ends this process, and no other, with that status as exit code: at once, without what exit() does, since other threads may
 * be anywhere. For a rank that must leave because another one is lost. Threads: any. */
_Noreturn void error_leave(status code);
/* The same with STATUS_RANK_LOST, after one line to stderr. */
_Noreturn void error_rank_lost(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Always on: an invariant at the edge of a module. The arguments after the condition are a printf format and values. */
#define CHECK(condition, ...)                                                                      \
    ((condition) ? (void)0 : error_check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__))

/* On in debug builds only: an invariant inside a loop that is too hot for CHECK. */
#ifdef NDEBUG
#define ASSERT(condition, ...) ((void)0)
#else
#define ASSERT(condition, ...) CHECK(condition, __VA_ARGS__)
#endif

#endif
