/* io/file.c - folders and files by POSIX calls; a failure gives the system's reason and what to do. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

enum {
    LAST_NUMBER = 1000000,
    WRITE_CHUNK_BYTES = 1 << 30, /* Linux moves at most 2 GiB a call */
    COPY_BYTES = 1 << 20,
};

/* What to do about an error of the system. */
static const struct {
    int error;
    const char *hint;
} hints[] = {
    {ENOSPC, "free some space, or choose another folder with -o"},
    {EDQUOT, "free some space, or choose another folder with -o"},
    {EFBIG, "the limit of a file's size (ulimit -f, or the file system's) is too small"},
    {EACCES, "check the owner and the permissions"},
    {EPERM, "check the owner and the permissions"},
    {EROFS, "the file system is mounted read-only; choose another folder with -o"},
    {ENOTDIR, "a part of this path is a file, not a folder"},
    {EISDIR, "this is a folder; name a file in it"},
    {ENOENT, "check the path"},
    {EIO, "the disk or the network file system has a fault"},
};

static const char *hint_for(int error)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (hints[i].error == error) return hints[i].hint;
    return "choose another place";
}

static status cannot(failure *why, status code, const char *path, const char *verb, int error)
{
    return fail(why, code, "%s: cannot %s: %s: %s", path, verb, strerror(error), hint_for(error));
}

status file_cannot_write(const char *path, int error, failure *why)
{
    return cannot(why, STATUS_CANNOT_WRITE, path, "write", error);
}

status file_cannot_read(const char *path, int error, failure *why)
{
    return cannot(why, STATUS_NO_INPUT, path, "read", error);
}

status file_join(const char *folder, const char *name, char *path, failure *why)
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

status file_make_parents(const char *path, failure *why)
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

status file_make_folder(const char *path, failure *why)
{
    status code = file_make_parents(path, why);
    if (code) return code;
    if (mkdir(path, 0777) && errno != EEXIST)
        return cannot(why, STATUS_CANNOT_WRITE, path, "make this folder", errno);
    if (!file_is_folder(path))
        return cannot(why, STATUS_CANNOT_WRITE, path, "read this folder", ENOTDIR);
    if (access(path, W_OK | X_OK))
        return cannot(why, STATUS_CANNOT_WRITE, path, "write into this folder", errno);
    return STATUS_OK;
}

status file_make_numbered(const char *parent, const char *stem, char *path, failure *why)
{
    status code = file_make_folder(parent, why);
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

/* Makes a new file. What a run that was ended has left under this name is removed; a link of this name is not followed. */
static int create(const char *path)
{
    if (unlink(path) && errno != ENOENT) return -1;
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

static atomic_int lacks_sync;

/* fsync. A file system without it, such as some of FUSE and old network file systems, is no error. */
static int sync_file(int descriptor)
{
    if (fsync(descriptor) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return errno;
    lacks_sync = 1;
    return 0;
}

int file_sync_is_missing(void)
{
    return lacks_sync;
}

/* Closes a file whose writing ended with `error` (0 for none). Returns the first error, or 0. */
static int close_synced(int descriptor, int error)
{
    if (!error) error = sync_file(descriptor);
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

/* The same with the rest of the open file `from`; *is_unread: 1 if reading it failed. */
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

status file_sync_folder_of(const char *path, failure *why)
{
    char folder[FILE_PATH] = ".";
    const char *slash = strrchr(path, '/');
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return cannot(why, STATUS_CANNOT_WRITE, folder, "open this folder", errno);
    int error = fsync(descriptor) ? errno : 0;
    close(descriptor);
    /* many file systems sync files, but not folders: file_sync_is_missing is about files */
    if (error && error != EINVAL && error != ENOSYS && error != EOPNOTSUPP)
        return cannot(why, STATUS_CANNOT_WRITE, folder, "sync this folder", error);
    return STATUS_OK;
}

status file_rename(const char *from, const char *to, failure *why)
{
    if (rename(from, to)) return cannot(why, STATUS_CANNOT_WRITE, to, "be written", errno);
    return STATUS_OK;
}

/* The name that a file has until it is whole: path.partial, with `owner`, if it is not 0, behind it. */
static status name_partial_of(const char *path, long owner, char *partial, failure *why)
{
    struct stat about;
    char end[32] = "";
    /* a rename would replace a device such as /dev/null by a file */
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return fail(why, STATUS_CANNOT_WRITE, "%s: is no regular file: name another one", path);
    if (owner) snprintf(end, sizeof end, "-%ld", owner);
    if (snprintf(partial, FILE_PATH, "%s.partial%s", path, end) >= FILE_PATH)
        return file_cannot_write(path, ENAMETOOLONG, why);
    if (lstat(partial, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISLNK(about.st_mode))
        return fail(why, STATUS_CANNOT_WRITE,
                    "%s: is no regular file: remove it, the program writes there", partial);
    return STATUS_OK;
}

static status name_partial(const char *path, char *partial, failure *why)
{
    return name_partial_of(path, 0, partial, why);
}

/* Renames a file that was written to its name, or removes it if writing ended with `error`. */
static status name_whole(const char *partial, const char *path, int error, failure *why)
{
    if (!error && rename(partial, path)) error = errno;
    if (!error) return file_sync_folder_of(path, why);
    unlink(partial);
    return file_cannot_write(path, error, why);
}

status file_write_whole(const char *path, const void *bytes, size_t length, failure *why)
{
    char partial[FILE_PATH];
    status code = name_partial(path, partial, why);
    return code ? code : name_whole(partial, path, write_synced(partial, bytes, length), why);
}

/* rename(), which fails with EEXIST if there is a file of the new name; 0, or the error's number. */
static int rename_new(const char *from, const char *to)
{
    if (link(from, to) == 0) return unlink(from) ? errno : 0;
    if (errno == EEXIST || file_exists(to)) return EEXIST;
    return rename(from, to) ? errno : 0; /* a file system without hard links */
}

status file_write_shared(const char *path, const void *bytes, size_t length, int replaces,
                         failure *why)
{
    char partial[FILE_PATH];
    status code = name_partial_of(path, (long)getpid(), partial, why);
    if (code) return code;
    int error = write_synced(partial, bytes, length);
    if (error || replaces) return name_whole(partial, path, error, why);
    error = rename_new(partial, path);
    if (!error) return file_sync_folder_of(path, why);
    unlink(partial);
    if (error != EEXIST) return file_cannot_write(path, error, why);
    return fail(why, STATUS_CANNOT_WRITE, "%s: is there already: another process has written it",
                path);
}

status file_open(const char *path, FILE **file, failure *why)
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
                             size_t *length, failure *why)
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
                       failure *why)
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

static status copy_open_file(int descriptor, const char *from, const char *to, failure *why)
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

status file_copy(const char *from, const char *to, failure *why)
{
    FILE *file;
    status code = file_open(from, &file, why);
    if (code) return code;
    code = copy_open_file(fileno(file), from, to, why);
    fclose(file);
    return code;
}

/* `to` is replaced by rename(), so that it exists at every moment. (rename() does nothing if both names are the same file.) */
status file_link(const char *from, const char *to, failure *why)
{
    char partial[FILE_PATH];
    status code = name_partial(to, partial, why);
    if (code) return code;
    unlink(partial);
    if (link(from, partial) == 0) {
        code = file_rename(partial, to, why);
        unlink(partial);
        return code;
    }
    return file_copy(from, to, why);
}

/* ---- a file that grows ---- */

static status open_growing(const char *path, int *descriptor, failure *why)
{
    struct stat about;
    *descriptor = open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*descriptor < 0) return file_cannot_write(path, errno, why);
    if (fstat(*descriptor, &about) == 0 && S_ISREG(about.st_mode)) return STATUS_OK;
    close(*descriptor);
    *descriptor = -1;
    return fail(why, STATUS_CANNOT_WRITE, "%s: is no regular file: name another one", path);
}

status file_grow_begin(const char *path, const void *bytes, size_t length, int *descriptor,
                       failure *why)
{
    *descriptor = -1;
    status code = file_write_whole(path, bytes, length, why);
    return code ? code : open_growing(path, descriptor, why);
}

/* Replaces the file at `path` by a copy of the open one, and goes on with the copy. */
static status part_from_links(const char *path, int *descriptor, failure *why)
{
    if (lseek(*descriptor, 0, SEEK_SET) < 0) return file_cannot_read(path, errno, why);
    status code = copy_open_file(*descriptor, path, path, why);
    if (code) return code;
    close(*descriptor);
    return open_growing(path, descriptor, why);
}

status file_grow(const char *path, const void *bytes, size_t length, int *descriptor, failure *why)
{
    struct stat opened, found;
    status code = STATUS_OK;
    /* it was moved away, removed or replaced, or a snapshot by hard links shares it */
    int is_own = fstat(*descriptor, &opened) == 0 && lstat(path, &found) == 0 &&
                 opened.st_ino == found.st_ino && opened.st_nlink == 1;
    if (!is_own) code = part_from_links(path, descriptor, why);
    if (!code && write_all(*descriptor, bytes, length)) code = file_cannot_write(path, errno, why);
    return code;
}

status file_grow_sync(const char *path, int descriptor, failure *why)
{
    int error = sync_file(descriptor);
    return error ? file_cannot_write(path, error, why) : STATUS_OK;
}
