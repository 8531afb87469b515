/* file.h - folders and files; a file that is written is there whole or not at all.   room: io
 *
 * Threads: any, on different paths.   Collective: no (in a run only rank 0 writes).
 * Errors: STATUS_CANNOT_WRITE or STATUS_NO_INPUT, if a system call fails; the failure has the path, the system's words and a
 * hint. STATUS_USAGE, if a path is too long.   Test: tests/io/io_file.c, tests/fault/disk.sh
 */
#ifndef MNIST_DIST_IO_FILE_H
#define MNIST_DIST_IO_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/* Bytes of a path, its last 0 included. */
enum { FILE_PATH = 1024 };

/* ---- paths ---- */

/* folder + "/" + name into path[FILE_PATH]. */
status file_join(const char *folder, const char *name, char *path, failure *why);

/* 1 if something has this path, a broken link included. */
int file_exists(const char *path);
/* 1 if it is a folder, or a link to one. */
int file_is_folder(const char *path);

/* ---- folders ---- */

/* Makes the folders before the last name of a path, if they do not exist. */
status file_make_parents(const char *path, failure *why);

/* Makes a folder and its parents, if they do not exist, and checks that files can be made in it. */
status file_make_folder(const char *path, failure *why);

/* Makes the first folder parent/stem-1, parent/stem-2, ... that does not exist; path[FILE_PATH] receives it. */
status file_make_numbered(const char *parent, const char *stem, char *path, failure *why);

/* ---- writing ---- */

/* Writes a file to path.partial, syncs it, renames it to path, and syncs the folder. If any of this fails (a short write, a
 * full disk), path.partial is removed and the old file at `path` is unchanged. Devices and other special files are refused. No
 * link is followed: a link of either name is replaced by the new file. */
status file_write_whole(const char *path, const void *bytes, size_t length, failure *why);

/* The same for a file that several processes may write at once: each writes under a name of its own, path.partial-PROCESS, and
 * the file at `path` is always whole. With `replaces` the last one wins; without, the first one, and the others fail. */
status file_write_shared(const char *path, const void *bytes, size_t length, int replaces,
                         failure *why);

/* As file_write_whole, with the bytes of the regular file `from`. Takes a buffer of 1 MiB. */
status file_copy(const char *from, const char *to, failure *why);

/* rename(): replaces `to` at once. The change survives a power failure after file_sync_folder_of(to). */
status file_rename(const char *from, const char *to, failure *why);

/* Gives a file a second name, which replaces a file of that name at once. Copies, if the file system has no hard links. */
status file_link(const char *from, const char *to, failure *why);

/* fsync of the folder that `path` is in. */
status file_sync_folder_of(const char *path, failure *why);

/* 1 if a file system could not fsync a file that this process has written: it has no fsync. Then these functions succeed
 * without it, and a power failure may lose what was written. */
int file_sync_is_missing(void);

/* ---- a file that grows ---- */

/* Writes a new file, as file_write_whole, and opens it. *descriptor is -1 after an error; else the caller closes it. */
status file_grow_begin(const char *path, const void *bytes, size_t length, int *descriptor,
                       failure *why);
/* Appends. If the file has another name by a hard link, or was moved away or removed, a copy of it takes its place first (and
 * *descriptor changes): the other name keeps what it has. */
status file_grow(const char *path, const void *bytes, size_t length, int *descriptor, failure *why);
/* fsync of the file. */
status file_grow_sync(const char *path, int descriptor, failure *why);

/* ---- reading ---- */

/* Reads a whole regular file; the caller frees *bytes, which has a 0 behind its *length bytes, with memory_free. More than
 * `limit` bytes are STATUS_BAD_DATA. */
status file_read_whole(const char *path, size_t limit, unsigned char **bytes, size_t *length,
                       failure *why);

/* Opens a regular file for reading; the caller ends with fclose. */
status file_open(const char *path, FILE **file, failure *why);

/* Reads the next line, without its newline, into line[size], and returns 1. Returns 0 if no newline follows (what stands behind
 * the last newline is an incomplete line), or if reading fails; then ferror is set. *length is the line's length in the file;
 * strlen(line) is less if the line holds a 0 or does not fit. */
int file_next_line(FILE *file, char *line, size_t size, size_t *length);

/* ---- errors ---- */

/* STATUS_CANNOT_WRITE and STATUS_NO_INPUT with the failures of the functions above, for other calls that fail. error: errno. */
status file_cannot_write(const char *path, int error, failure *why);
status file_cannot_read(const char *path, int error, failure *why);

#endif
