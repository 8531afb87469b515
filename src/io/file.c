/* io/file.c - folders and files by plain POSIX calls, each failure in the system's words with what to do. */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

enum {
    LAST_NUMBER = 1000000,
    FIRST_TEXT_BYTES = 4096,
    WRITE_CHUNK_BYTES = 1 << 30, /* Linux moves at most 2 GiB a call */
};

static const char *hint_for(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return "free some space, or choose another folder with -o";
    case EFBIG:
        return "the limit of a file's size (ulimit -f, or the file system's) is too small";
    case EACCES:
    case EPERM:
        return "check the owner and the permissions";
    case EROFS:
        return "the file system is mounted read-only; choose another folder with -o";
    case ENOTDIR:
        return "a part of this path is a file, not a folder";
    case EISDIR:
        return "this is a folder; name a file in it";
    case ENOENT:
        return "check the path";
    case EIO:
        return "the disk or the network file system has a fault";
    default:
        return "choose another place";
    }
}

static status cannot(message *why, status code, const char *path, const char *verb, int error)
{
    return fail(why, code, "%s: cannot %s: %s: %s", path, verb, strerror(error), hint_for(error));
}

status file_cannot_write(const char *path, int error, message *why)
{
    return cannot(why, STATUS_CANNOT_WRITE, path, "write", error);
}

status file_join(const char *folder, const char *name, char *path, message *why)
{
    int length = snprintf(path, FILE_PATH, "%s/%s", folder, name);
    if (length >= FILE_PATH)
        return fail(why, STATUS_USAGE,
                    "%.200s...: the path has more than %d letters: choose a shorter one", folder,
                    FILE_PATH - 1);
    return STATUS_OK;
}

int file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int file_exists(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

/* Makes every folder in front of the last name; one that is there already is fine. */
static status make_parents(const char *path, message *why)
{
    char part[FILE_PATH];
    if (strlen(path) >= FILE_PATH) return cannot(why, STATUS_USAGE, path, "be used", ENAMETOOLONG);
    memcpy(part, path, strlen(path) + 1);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/' || at[1] == 0) continue;
        *at = 0;
        if (mkdir(part, 0777) && errno != EEXIST)
            return cannot(why, STATUS_CANNOT_WRITE, part, "make this folder", errno);
        *at = '/';
    }
    return STATUS_OK;
}

/* 1: nothing but . and .. is in it; -1: it cannot be read. */
static int folder_is_empty(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) return -1;
    int entries = 0;
    while (entries < 3 && readdir(folder)) entries++;
    closedir(folder);
    return entries < 3;
}

status file_make_folder(const char *path, folder_state *state, message *why)
{
    status made = make_parents(path, why);
    if (made) return made;
    if (mkdir(path, 0777) == 0) {
        *state = FOLDER_CREATED;
    } else {
        if (errno != EEXIST)
            return cannot(why, STATUS_CANNOT_WRITE, path, "make this folder", errno);
        int empty = folder_is_empty(path);
        if (empty < 0) return cannot(why, STATUS_CANNOT_WRITE, path, "read this folder", errno);
        *state = empty ? FOLDER_EMPTY : FOLDER_USED;
    }
    if (access(path, W_OK | X_OK))
        return cannot(why, STATUS_CANNOT_WRITE, path, "write into this folder", errno);
    return STATUS_OK;
}

status file_make_numbered(const char *parent, const char *stem, char *path, message *why)
{
    folder_state ignored;
    status code = file_make_folder(parent, &ignored, why);
    for (int number = 1; !code && number < LAST_NUMBER; number++) {
        char name[FILE_PATH];
        int length = snprintf(name, sizeof name, "%s-%d", stem, number);
        if (length >= FILE_PATH) return cannot(why, STATUS_USAGE, stem, "be used", ENAMETOOLONG);
        code = file_join(parent, name, path, why);
        if (code || mkdir(path, 0777) == 0) return code;
        if (errno != EEXIST)
            return cannot(why, STATUS_CANNOT_WRITE, path, "make this folder", errno);
    }
    return code ? code
                : cannot(why, STATUS_CANNOT_WRITE, parent, "find a free number here", EEXIST);
}

static int write_all(int descriptor, const unsigned char *bytes, size_t length)
{
    while (length) {
        size_t chunk = length < WRITE_CHUNK_BYTES ? length : WRITE_CHUNK_BYTES;
        ssize_t written = write(descriptor, bytes, chunk);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Writes and fsyncs a file under its own name; 0, or the error's number. */
static int write_synced(const char *path, const void *bytes, size_t length)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) return errno;
    int error = write_all(descriptor, bytes, length) || fsync(descriptor) ? errno : 0;
    if (close(descriptor) && !error)
        error = errno; /* network file systems report a full disk here */
    return error;
}

status file_sync_folder_of(const char *path, message *why)
{
    char folder[FILE_PATH] = ".";
    const char *slash = strrchr(path, '/');
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return cannot(why, STATUS_CANNOT_WRITE, folder, "open this folder", errno);
    int error = fsync(descriptor) ? errno : 0;
    close(descriptor);
    if (error && error != EINVAL) /* EINVAL: a file system without fsync of folders */
        return cannot(why, STATUS_CANNOT_WRITE, folder, "sync this folder", error);
    return STATUS_OK;
}

status file_rename(const char *from, const char *to, message *why)
{
    if (rename(from, to)) return cannot(why, STATUS_CANNOT_WRITE, to, "be written", errno);
    return STATUS_OK;
}

status file_write_whole(const char *path, const void *bytes, size_t length, message *why)
{
    struct stat about;
    char partial[FILE_PATH];
    /* a rename would replace a device such as /dev/null by a file */
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return fail(why, STATUS_CANNOT_WRITE, "%s: is no regular file: name another one", path);
    if (snprintf(partial, sizeof partial, "%s.partial", path) >= FILE_PATH)
        return file_cannot_write(path, ENAMETOOLONG, why);
    int error = write_synced(partial, bytes, length);
    if (!error && rename(partial, path)) error = errno;
    if (error) {
        unlink(partial);
        return file_cannot_write(path, error, why);
    }
    return file_sync_folder_of(path, why);
}

/* Reads until `size` bytes are there; returns what it got, -1 on an error. */
static ssize_t read_all(int descriptor, unsigned char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(descriptor, bytes + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static status read_open_file(int descriptor, const char *path, size_t limit, unsigned char **bytes,
                             size_t *length, message *why)
{
    struct stat about;
    if (fstat(descriptor, &about)) return cannot(why, STATUS_NO_INPUT, path, "read", errno);
    if (S_ISDIR(about.st_mode)) return cannot(why, STATUS_NO_INPUT, path, "read", EISDIR);
    if (!S_ISREG(about.st_mode))
        return fail(why, STATUS_NO_INPUT, "%s: is no regular file: name another one", path);
    size_t size = (size_t)about.st_size;
    if (size > limit)
        return fail(why, STATUS_BAD_DATA,
                    "%s: %zu bytes, at most %zu are expected here: is it the right file?", path,
                    size, limit);
    *bytes = memory_take(size + 1); /* a 0 behind it, so that text can be parsed in place */
    ssize_t got = read_all(descriptor, *bytes, size);
    if (got >= 0) {
        *length = (size_t)got;
        return STATUS_OK;
    }
    int error = errno;
    memory_free(*bytes);
    *bytes = NULL;
    return cannot(why, STATUS_NO_INPUT, path, "read", error);
}

status file_read_whole(const char *path, size_t limit, unsigned char **bytes, size_t *length,
                       message *why)
{
    *bytes = NULL;
    *length = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (descriptor < 0) return cannot(why, STATUS_NO_INPUT, path, "read", errno);
    status code = read_open_file(descriptor, path, limit, bytes, length, why);
    close(descriptor);
    return code;
}

/* The old name `to`, if any, is there until the new one takes its place. rename() leaves both names of one file. */
status file_link(const char *from, const char *to, message *why)
{
    char partial[FILE_PATH];
    if (snprintf(partial, sizeof partial, "%s.partial", to) >= FILE_PATH)
        return file_cannot_write(to, ENAMETOOLONG, why);
    unlink(partial);
    if (link(from, partial) == 0) {
        status code = file_rename(partial, to, why);
        unlink(partial);
        return code;
    }
    unsigned char *bytes;
    size_t length;
    status code = file_read_whole(from, SIZE_MAX, &bytes, &length, why);
    if (code) return code;
    code = file_write_whole(to, bytes, length, why);
    memory_free(bytes);
    return code;
}

/* Room for `more` letters and the 0: the text moves to twice the memory. */
static void make_room(text_buffer *b, size_t more)
{
    if (b->text && b->size - b->length > more) return;
    size_t size = b->size ? b->size : FIRST_TEXT_BYTES;
    while (size - b->length <= more) size *= 2;
    char *text = memory_take(size);
    if (b->text) memcpy(text, b->text, b->length);
    memory_free(b->text);
    b->text = text;
    b->size = size;
}

void text_buffer_add(text_buffer *b, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    make_room(b, 0);
    int need = vsnprintf(b->text + b->length, b->size - b->length, format, arguments);
    CHECK(need >= 0, "format %s", format);
    if ((size_t)need >= b->size - b->length) {
        make_room(b, (size_t)need);
        vsnprintf(b->text + b->length, b->size - b->length, format, again);
    }
    b->length += (size_t)need;
    va_end(again);
    va_end(arguments);
}

void text_buffer_free(text_buffer *b)
{
    memory_free(b->text);
    *b = (text_buffer){0};
}
