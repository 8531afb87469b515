/* archive.h - zip archives in memory.                                                room: io
 *
 * Members are written without compression, in the order given, with the time 1980-01-01 00:00:00, the earliest that zip has:
 * the same members give the same bytes.
 *
 * Built without libzip, all functions give STATUS_USAGE and say so.
 *
 * Threads: any, each with archives of its own.   Collective: no.   Test: tests/io/io_archive.c
 */
#ifndef MNIST_DIST_IO_ARCHIVE_H
#define MNIST_DIST_IO_ARCHIVE_H

#include <stddef.h>

#include "base/error.h"

/* Name and bytes are borrowed. */
typedef struct archive_member {
    const char *name;
    const void *bytes;
    size_t length;
} archive_member;

/* The bytes of a member, stored or deflated, with a 0 behind them; it may lie in a folder of the archive. The caller frees
 * *bytes with memory_free. STATUS_BAD_DATA, if the member is missing, damaged, packed otherwise, or larger than 64 MiB and
 * 128 times the archive (so a small archive cannot ask for much memory). The failure does not name the archive. */
status archive_take(const void *archive, size_t archive_length, const char *name,
                    unsigned char **bytes, size_t *length, failure *why);

/* An archive of these members; the caller frees *bytes with memory_free. STATUS_CANNOT_WRITE, if libzip fails. */
status archive_build(const archive_member *members, int count, unsigned char **bytes,
                     size_t *length, failure *why);

#endif
