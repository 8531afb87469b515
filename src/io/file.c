/* io/file.c - folders and files by plain POSIX calls, each failure in the system's words with what to do. */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

enum {
    LAST_NUMBER = 1000000,
    FIRST_TEXT_BYTES = 4096,
    WRITE_CHUNK_BYTES = 1 << 30, /* Linux moves at most 2 GiB a call */
    COPY_BYTES = 1 << 20,
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

status file_cannot_read(const char *path, int error, message *why)
{
    return cannot(why, STATUS_NO_INPUT, path, "read", error);
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

static int create(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

/* Ends a file whose writing had this error, 0 for none; 0, or the first error's number. */
static int close_synced(int descriptor, int error)
{
    if (!error && fsync(descriptor)) error = errno;
    if (close(descriptor) && !error)
        error = errno; /* network file systems report a full disk here */
    return error;
}

/* Writes and fsyncs a file under its own name; 0, or the error's number. */
static int write_synced(const char *path, const void *bytes, size_t length)
{
    int descriptor = create(path);
    if (descriptor < 0) return errno;
    return close_synced(descriptor, write_all(descriptor, bytes, length) ? errno : 0);
}

/* The same with all that is behind `from`; *is_unread: what failed was reading it. */
static int copy_synced(int from, const char *path, int *is_unread)
{
    int error = 0, descriptor = create(path);
    ssize_t got = COPY_BYTES;
    if (descriptor < 0) return errno;
    unsigned char *piece = memory_take(COPY_BYTES);
    while (!error && got == COPY_BYTES) {
        got = read_all(from, piece, COPY_BYTES);
        *is_unread = got < 0;
        if (got < 0 || write_all(descriptor, piece, (size_t)got)) error = errno;
    }
    memory_free(piece);
    return close_synced(descriptor, error);
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

/* The name that a file has until it is whole. */
static status name_partial(const char *path, char *partial, message *why)
{
    struct stat about;
    /* a rename would replace a device such as /dev/null by a file */
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return fail(why, STATUS_CANNOT_WRITE, "%s: is no regular file: name another one", path);
    if (snprintf(partial, FILE_PATH, "%s.partial", path) >= FILE_PATH)
        return file_cannot_write(path, ENAMETOOLONG, why);
    return STATUS_OK;
}

/* Gives a file its name, or removes it where its writing had this error. */
static status name_whole(const char *partial, const char *path, int error, message *why)
{
    if (!error && rename(partial, path)) error = errno;
    if (!error) return file_sync_folder_of(path, why);
    unlink(partial);
    return file_cannot_write(path, error, why);
}

status file_write_whole(const char *path, const void *bytes, size_t length, message *why)
{
    char partial[FILE_PATH];
    status code = name_partial(path, partial, why);
    return code ? code : name_whole(partial, path, write_synced(partial, bytes, length), why);
}

status file_open(const char *path, FILE **file, message *why)
{
    struct stat about;
    status code = STATUS_OK;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    *file = NULL;
    if (descriptor < 0) return file_cannot_read(path, errno, why);
    int looked = fstat(descriptor, &about) == 0;
    if (looked && S_ISDIR(about.st_mode))
        code = file_cannot_read(path, EISDIR, why);
    else if (looked && !S_ISREG(about.st_mode))
        code = fail(why, STATUS_NO_INPUT, "%s: is no regular file: name another one", path);
    else if (!looked || !(*file = fdopen(descriptor, "r")))
        code = file_cannot_read(path, errno, why);
    if (code) close(descriptor);
    return code;
}

static status read_open_file(int descriptor, const char *path, size_t limit, unsigned char **bytes,
                             size_t *length, message *why)
{
    struct stat about;
    if (fstat(descriptor, &about)) return file_cannot_read(path, errno, why);
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
    return file_cannot_read(path, error, why);
}

status file_read_whole(const char *path, size_t limit, unsigned char **bytes, size_t *length,
                       message *why)
{
    FILE *file;
    *bytes = NULL;
    *length = 0;
    status code = file_open(path, &file, why);
    if (code) return code;
    code = read_open_file(fileno(file), path, limit, bytes, length, why);
    fclose(file);
    return code;
}

int file_next_line(FILE *file, char *line, size_t size, size_t *length)
{
    int next;
    *length = 0;
    for (; (next = getc_unlocked(file)) != EOF && next != '\n'; ++*length)
        if (*length < size - 1) line[*length] = (char)next;
    line[*length < size ? *length : size - 1] = 0;
    return next == '\n';
}

static status copy_open_file(int descriptor, const char *from, const char *to, message *why)
{
    char partial[FILE_PATH];
    int is_unread = 0;
    status code = name_partial(to, partial, why);
    if (code) return code;
    int error = copy_synced(descriptor, partial, &is_unread);
    if (!is_unread) return name_whole(partial, to, error, why);
    unlink(partial);
    return file_cannot_read(from, error, why);
}

status file_copy(const char *from, const char *to, message *why)
{
    FILE *file;
    status code = file_open(from, &file, why);
    if (code) return code;
    code = copy_open_file(fileno(file), from, to, why);
    fclose(file);
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
    return file_copy(from, to, why);
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
