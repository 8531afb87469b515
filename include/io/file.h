/* file.h - folders and files that are there whole or not at all.                     layer: io
 *
 * Threads: one.   Collective: no (rank 0 alone writes).   Errors: STATUS_CANNOT_WRITE or STATUS_NO_INPUT with path, what
 * failed in the system's words, and what to do.   Test: tests/io/io_file.c
 */
#ifndef MNIST_DIST_IO_FILE_H
#define MNIST_DIST_IO_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

enum { FILE_PATH = 1024 };

/* STATUS_CANNOT_WRITE, STATUS_NO_INPUT, in the words of the functions below, for those who write or read by other calls;
 * error: errno. */
status file_cannot_write(const char *path, int error, message *why);
status file_cannot_read(const char *path, int error, message *why);

/* folder + "/" + name into path[FILE_PATH]; STATUS_USAGE where it does not fit. */
status file_join(const char *folder, const char *name, char *path, message *why);

/* 1 if the path exists. */
int file_exists(const char *path);
/* 1 if the path is a folder. */
int file_is_folder(const char *path);

typedef enum folder_state { FOLDER_CREATED, FOLDER_EMPTY, FOLDER_USED } folder_state;
/* Makes a folder and its parents; the last one by one mkdir(), so that of several processes exactly one gets
 * FOLDER_CREATED. FOLDER_EMPTY: it was there with nothing in it; FOLDER_USED: it holds something. Checks that it can be
 * written into. */
status file_make_folder(const char *path, folder_state *state, message *why);

/* The first free runs/STEM-N, N = 1, 2, ..., made by mkdir: path receives it. */
status file_make_numbered(const char *parent, const char *stem, char *path, message *why);

/* Writes path whole: to path.partial, fsync, rename, fsync of the folder. On any failure (short write, full disk) the
 * temporary file is removed and what was at `path` before is untouched. Devices and other special files are refused. */
status file_write_whole(const char *path, const void *bytes, size_t length, message *why);

/* The same with the bytes of the regular file `from`, which pass through a buffer of 1 MiB. */
status file_copy(const char *from, const char *to, message *why);

/* rename(): `to` is replaced at once. It is durable after file_sync_folder_of(to). */
status file_rename(const char *from, const char *to, message *why);
/* A second name for a file; what has the name `to` is replaced at once. A copy where the file system has no hard links. */
status file_link(const char *from, const char *to, message *why);
/* fsync of the folder in which `path` lies. */
status file_sync_folder_of(const char *path, message *why);

/* Reads a whole regular file; *bytes is freed with memory_free and has a 0 behind its *length bytes. Refuses more than
 * limit bytes (STATUS_BAD_DATA). */
status file_read_whole(const char *path, size_t limit, unsigned char **bytes, size_t *length,
                       message *why);

/* Opens a regular file for reading; it ends with fclose. */
status file_open(const char *path, FILE **file, message *why);
/* The next line, without its newline: 1; 0 where the file ends first, or cannot be read (ferror): a torn last line is none.
 * *length is the line's in the file; strlen(line) is another where the line holds a 0, or is too long for line[size]. */
int file_next_line(FILE *file, char *line, size_t size, size_t *length);

/* A growing text for files that are written whole: printf-like append; frees with text_buffer_free. */
typedef struct text_buffer {
    char *text;
    size_t length, size;
} text_buffer;
void text_buffer_add(text_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_buffer_free(text_buffer *b);

#endif
