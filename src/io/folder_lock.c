/* io/folder_lock.c - one process at a time writes into a folder: a POSIX record lock on a file in it. */
#include "io/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 100, HOLDER_BYTES = 256 };

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static void pause_10_ms(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* "process N on host H". */
static void describe_self(char *text, size_t size)
{
    char host[128] = "";
    if (gethostname(host, sizeof host - 1)) host[0] = 0;
    snprintf(text, size, "process %ld on host %s", (long)getpid(), host[0] ? host : "(unknown)");
}

/* Who holds the lock, as its file says; "another process" if it says nothing. The holder writes the text just after it has
 * taken the lock: until then the text is missing, or it is that of a process that was killed. */
static void describe_holder(int descriptor, char text[HOLDER_BYTES])
{
    for (int i = 0; i < TRIES; i++) {
        long named = -1;
        struct flock held = whole_file();
        ssize_t length = pread(descriptor, text, HOLDER_BYTES - 1, 0);
        text[length > 0 ? length : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        int is_local = fcntl(descriptor, F_GETLK, &held) == 0 && held.l_type != F_UNLCK;
        if (sscanf(text, "process %ld on", &named) == 1 && is_local && named == (long)held.l_pid)
            return;
        pause_10_ms(); /* the number that the system gives is another one in a container, or on another host */
    }
    if (!text[0]) snprintf(text, HOLDER_BYTES, "another process");
}

/* 1 if the path still leads to the open file: a process that releases the lock removes the file. */
static int is_still_there(int descriptor, const char *path)
{
    struct stat opened, found;
    return fstat(descriptor, &opened) == 0 && lstat(path, &found) == 0 &&
           opened.st_ino == found.st_ino && opened.st_dev == found.st_dev;
}

typedef enum attempt { TAKEN, HELD, GONE, NO_LOCKS } attempt;

static attempt try_lock(int descriptor, const char *path)
{
    struct flock wanted = whole_file();
    int code;
    do code = fcntl(descriptor, F_SETLK, &wanted);
    while (code && errno == EINTR);
    if (code) return errno == EACCES || errno == EAGAIN ? HELD : NO_LOCKS;
    return is_still_there(descriptor, path) ? TAKEN : GONE;
}

static status name_lock(const char *folder, char path[FILE_PATH], failure *why)
{
    char name[64];
    struct stat about;
    if (stat(folder, &about)) return file_cannot_write(folder, errno, why);
    snprintf(name, sizeof name, ".lock-%llu", (unsigned long long)about.st_ino);
    return file_join(folder, name, path, why);
}

/* O_NONBLOCK: a FIFO must not hang. */
static status open_lock(const char *path, int *descriptor, failure *why)
{
    struct stat about;
    *descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (*descriptor < 0) return file_cannot_write(path, errno, why);
    if (fstat(*descriptor, &about) == 0 && S_ISREG(about.st_mode)) return STATUS_OK;
    close(*descriptor);
    return fail(why, STATUS_CANNOT_WRITE, "%s: is no regular file: remove it", path);
}

/* A full disk costs the text, not the lock. */
static void sign(int descriptor)
{
    char text[HOLDER_BYTES];
    describe_self(text, sizeof text - 1);
    size_t length = strlen(text);
    text[length++] = '\n';
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, length, 0) > 0)
        fsync(descriptor); /* for other hosts */
}

status folder_lock_take(const char *folder, folder_lock *lock, failure *remark, failure *why)
{
    char path[FILE_PATH], holder[HOLDER_BYTES];
    int descriptor;
    attempt how = GONE;
    *lock = (folder_lock){0};
    status code = name_lock(folder, path, why);
    for (int i = 0; !code && how == GONE && i < TRIES; i++) {
        code = open_lock(path, &descriptor, why);
        if (code) return code;
        how = try_lock(descriptor, path);
        if (how == HELD) describe_holder(descriptor, holder);
        if (how != TAKEN) close(descriptor);
    }
    if (code) return code;
    if (how == NO_LOCKS) {
        unlink(path);
        fail(remark, STATUS_OK,
             "%.700s: this file system has no locks: let no other run write there", folder);
        return STATUS_OK;
    }
    if (how != TAKEN)
        return fail(why, STATUS_CANNOT_WRITE,
                    "%.700s: in use by %s: wait until that run has ended, or choose another --out",
                    folder, how == HELD ? holder : "several runs that begin");
    lock->descriptor = descriptor;
    memcpy(lock->path, path, sizeof path);
    sign(descriptor);
    return STATUS_OK;
}

void folder_lock_release(folder_lock *lock)
{
    if (!lock->descriptor) return;
    unlink(lock->path); /* before it is released: a file that another process has locked stays */
    close(lock->descriptor);
    lock->descriptor = 0;
}
