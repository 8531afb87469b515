/* comm/shared_file.c - files in /dev/shm that several processes map as memory. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/mman.h>
#endif

enum { HUGE_PAGE = 2 << 20 };

/* For file systems without O_TMPFILE: the file has a name until shm_unlink. */
static int create_and_unlink(void)
{
    static unsigned counter;
    char name[SHARED_FILE_PATH];
    snprintf(name, sizeof name, "/mnist_dist-%ld-%u", (long)getpid(), counter++);
    int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (file >= 0) shm_unlink(name);
    return file;
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t page_floor(size_t bytes)
{
    return bytes / page_size() * page_size();
}

/* ---- offers ---- */

static int write_secret(int file, const shared_file_offer *o)
{
    return pwrite(file, o->secret, sizeof o->secret, (off_t)o->secret_at) != sizeof o->secret;
}

int shared_file_create(size_t bytes, shared_file_offer *offer)
{
    struct stat is;
    *offer = (shared_file_offer){.secret_at = page_floor(bytes + page_size() - 1)};
    int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) file = create_and_unlink();
    if (file < 0) return -1;
    snprintf(offer->path, sizeof offer->path, "/proc/%ld/fd/%d", (long)getpid(), file);
    if (fstat(file, &is) || getrandom(offer->secret, sizeof offer->secret, 0) < 0 ||
        write_secret(file, offer)) {
        int error = errno;
        close(file);
        errno = error;
        return -1;
    }
    offer->device = (uint64_t)is.st_dev;
    offer->inode = (uint64_t)is.st_ino;
    return file;
}

static int is_offered(const struct stat *is, const shared_file_offer *o)
{
    return S_ISREG(is->st_mode) && (uint64_t)is->st_dev == o->device &&
           (uint64_t)is->st_ino == o->inode;
}

static int has_secret(int file, const shared_file_offer *o)
{
    unsigned char found[SHARED_FILE_SECRET];
    return pread(file, found, sizeof found, (off_t)o->secret_at) == sizeof found &&
           memcmp(found, o->secret, sizeof found) == 0;
}

/* The path is looked at before it is opened: to open a pipe or a device of another process may do something to it. */
int shared_file_open(const shared_file_offer *offer)
{
    struct stat is;
    if (stat(offer->path, &is)) return -1;
    int file = is_offered(&is, offer) ? open(offer->path, O_RDWR | O_CLOEXEC) : -1;
    if (file >= 0 && !fstat(file, &is) && is_offered(&is, offer) && has_secret(file, offer))
        return file;
    if (file >= 0) close(file);
    errno = ENOENT;
    return -1;
}

/* ---- memory ---- */

int shared_file_reserve(int file, size_t bytes, int part, int parts)
{
    size_t each = bytes / (size_t)parts;
    size_t lo = page_floor(each * (size_t)part);
    size_t hi = part + 1 == parts ? bytes : page_floor(each * (size_t)(part + 1));
    int error;
    if (lo == hi) return 0;
    do {
        error = posix_fallocate(file, (off_t)lo, (off_t)(hi - lo));
    } while (error == EINTR);
    return error;
}

void *shared_file_map(int file, size_t bytes)
{
    size_t pages = page_floor(bytes + page_size() - 1), room = pages + HUGE_PAGE;
    char *all = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return NULL;
    size_t skip = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE;
    void *at = mmap(all + skip, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
    if (at == MAP_FAILED) {
        int error = errno;
        munmap(all, room);
        errno = error;
        return NULL;
    }
    if (skip) munmap(all, skip);
    munmap(all + skip + pages, HUGE_PAGE - skip);
    return at;
}

void shared_file_unmap(void *memory, size_t bytes)
{
    munmap(memory, bytes);
}

void shared_file_use_huge_pages(void *memory, size_t bytes)
{
#ifdef MADV_COLLAPSE
    if (bytes >= HUGE_PAGE) madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_COLLAPSE);
#else
    (void)memory, (void)bytes;
#endif
}
