/* comm/group.c - what the ranks of a group share: memory, and gates to wait at. */
#define _GNU_SOURCE /* O_TMPFILE */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <linux/mman.h>
#include <sys/syscall.h>
#endif

#include "private.h"

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "gates are shared between processes");
_Static_assert(sizeof(atomic_uint) == 4, "the futex is a word of 32 bits");

enum {
    SPINS = 500, /* looks at a gate before sleeping, when every rank has a core: about 10 us  */
    YIELDS = 40, /* when ranks share cores: the core goes to the others so often before that  */
    NAP_MIN_NS =
        1000000, /* sleeps at a gate end after this, to let MPI move: a message that MPI took */
    NAP_MAX_NS =
        16000000, /*   from this rank but could not send at once may be what others wait for   */
    HUGE_PAGE = 2 << 20
};

struct mapping {
    struct mapping *next;
    void *memory;
    size_t bytes;
    int shared; /* 0: memory of this rank alone */
};

/* What the group's first rank tells the others. */
typedef struct offer {
    char path[64];
    int error; /* errno of its attempt to create the file */
    unsigned long long bytes;
} offer;

/* ---- memory ---- */

/* Where files without a name are not to be had: one that has it for a moment only. */
static int file_named_once(void)
{
    static unsigned counter;
    char name[64];
    snprintf(name, sizeof name, "/mnist_dist-%ld-%u", (long)getpid(), counter++);
    int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (file >= 0) shm_unlink(name);
    return file;
}

int group_file(char *path, size_t size)
{
    int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) file = file_named_once();
    snprintf(path, size, "/proc/%ld/fd/%d", (long)getpid(), file);
    return file;
}

static offer offer_create(size_t bytes, int *file)
{
    offer o = {.bytes = bytes};
    *file = group_file(o.path, sizeof o.path);
    if (*file < 0) o.error = errno;
    return o;
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t page_floor(size_t bytes)
{
    return bytes / page_size() * page_size();
}

/* Every rank reserves its share of the file: those pages then lie in the memory bank that is near to it. */
static int reserve_share(const comm *c, int file, size_t bytes)
{
    size_t rank = (size_t)c->layout.group_rank, ranks = (size_t)c->layout.group_ranks;
    size_t lo = page_floor(bytes / ranks * rank);
    size_t hi = rank + 1 == ranks ? bytes : page_floor(bytes / ranks * (rank + 1));
    int error;
    if (lo == hi) return 0;
    do {
        error = posix_fallocate(file, (off_t)lo, (off_t)(hi - lo));
    } while (error == EINTR);
    return error;
}

/* The whole file, at an address where its pages can become huge ones. */
static void *map_aligned(int file, size_t bytes)
{
    size_t pages = page_floor(bytes + page_size() - 1), room = pages + HUGE_PAGE;
    char *all = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return MAP_FAILED;
    size_t skip = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE;
    void *at = mmap(all + skip, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
    if (at == MAP_FAILED) {
        munmap(all, room);
        return MAP_FAILED;
    }
    if (skip) munmap(all, skip);
    munmap(all + skip + pages, HUGE_PAGE - skip);
    return at;
}

/* Asks for huge pages, which a file in /dev/shm does not get by itself; may be refused. */
static void ask_for_huge_pages(void *memory, size_t bytes)
{
#ifdef MADV_COLLAPSE
    if (bytes >= HUGE_PAGE) madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_COLLAPSE);
#else
    (void)memory, (void)bytes;
#endif
}

static status map_file(const comm *c, int file, size_t bytes, void **memory, message *why)
{
    int error = reserve_share(c, file, bytes);
    if (error)
        return fail(why, STATUS_CANNOT_WRITE,
                    "%zu bytes of shared memory (/dev/shm) cannot be reserved: %s; enlarge "
                    "/dev/shm (docker: --shm-size) or use --share=off",
                    bytes, strerror(error));
    void *at = map_aligned(file, bytes);
    if (at == MAP_FAILED)
        return fail(why, STATUS_CANNOT_WRITE, "%zu bytes of shared memory cannot be mapped: %s",
                    bytes, strerror(errno));
    *memory = at;
    return STATUS_OK;
}

/* Maps the group's new file; where that fails, *memory stays NULL. */
static status map_offer(const comm *c, const offer *o, int file, void **memory, message *why)
{
    CHECK(o->bytes == 0 || *memory == NULL, "%s", "memory is mapped once");
    if (o->error)
        return fail(why, STATUS_CANNOT_WRITE,
                    "shared memory cannot be created in /dev/shm: %s; --share=off does without",
                    strerror(o->error));
    int own = file < 0 ? open(o->path, O_RDWR | O_CLOEXEC) : file;
    if (own < 0)
        return fail(why, STATUS_CANNOT_WRITE,
                    "shared memory %s cannot be opened: %s; --share=off does without", o->path,
                    strerror(errno));
    status code = map_file(c, own, (size_t)o->bytes, memory, why);
    if (file < 0) close(own);
    return code;
}

static status share_memory(comm *c, size_t bytes, void **memory, message *why)
{
    int file = -1;
    offer o = {.bytes = bytes};
    if (c->layout.group_rank == 0) o = offer_create(bytes, &file);
    wire_broadcast(c->group, &o, sizeof o);
    CHECK(o.bytes == bytes, "the ranks of a group ask for %llu and %zu bytes", o.bytes, bytes);
    status code = wire_agree(c->world, map_offer(c, &o, file, memory, why), why);
    if (file >= 0) close(file);
    if (code != STATUS_OK && *memory) {
        munmap(*memory, bytes);
        *memory = NULL;
    }
    return code;
}

status group_take(comm *c, size_t bytes, void **memory, message *why)
{
    int shared = c->layout.group_ranks > 1;
    status code;
    *memory = NULL;
    if (bytes == 0) bytes = 1;
    if (shared) {
        code = share_memory(c, bytes, memory, why);
        /* once all have reserved their shares; the others' accesses then find them */
        if (code == STATUS_OK && c->layout.group_rank == 0) ask_for_huge_pages(*memory, bytes);
    } else {
        *memory = memory_take(bytes);
        code = wire_agree(c->world, STATUS_OK, why);
        if (code != STATUS_OK) memory_free(*memory);
    }
    if (code != STATUS_OK) return code;
    struct mapping *m = arena_take(&c->memory, sizeof *m);
    *m = (struct mapping){c->mappings, *memory, bytes, shared};
    c->mappings = m;
    return STATUS_OK;
}

static void mapping_release(struct mapping *m)
{
    if (m->shared)
        munmap(m->memory, m->bytes);
    else
        memory_free(m->memory);
}

void group_give_back(comm *c, void *memory)
{
    struct mapping **link = &c->mappings;
    while (*link && (*link)->memory != memory) link = &(*link)->next;
    CHECK(*link, "%s", "this memory was not taken here");
    mapping_release(*link);
    *link = (*link)->next;
}

void group_close(comm *c)
{
    while (c->mappings) group_give_back(c, c->mappings->memory);
}

/* Is there room? Pages are reserved, but not made huge ones: that would copy them all. */
static status try_reserve(comm *c, size_t bytes, message *why)
{
    void *memory = NULL;
    if (bytes == 0) return STATUS_OK;
    if (c->layout.group_ranks == 1) return wire_agree(c->world, STATUS_OK, why);
    status code = share_memory(c, bytes, &memory, why);
    if (code == STATUS_OK) munmap(memory, bytes);
    return code;
}

status group_open(comm *c, size_t trial_bytes, message *why)
{
    size_t board_bytes = 2 * (size_t)c->layout.ranks * COMM_BOARD_BYTES;
    void *memory;
    status code = group_take(c, sizeof(gate) + board_bytes, &memory, why);
    if (code != STATUS_OK) return code;
    c->barrier = memory;
    c->board = (unsigned char *)memory + sizeof(gate);
    return try_reserve(c, trial_bytes, why);
}

/* ---- gates ---- */

#ifdef __linux__
/* Both ends are in different processes, so the futex is not private. */
static void sleep_while(const gate *g, unsigned seen, long nap_ns)
{
    struct timespec nap = {0, nap_ns};
    syscall(SYS_futex, &g->count, FUTEX_WAIT, seen, &nap, NULL, 0);
}

static void wake_all(gate *g)
{
    syscall(SYS_futex, &g->count, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0);
}
#else
/* Without futexes nobody is woken: short naps instead. */
static void sleep_while(const gate *g, unsigned seen, long nap_ns)
{
    struct timespec nap = {0, nap_ns / 16};
    if (atomic_load(&g->count) == seen) nanosleep(&nap, NULL);
}

static void wake_all(gate *g)
{
    (void)g;
}
#endif

void gate_enter(gate *g, unsigned target)
{
    unsigned count = atomic_fetch_add_explicit(&g->count, 1, memory_order_acq_rel) + 1;
    if (count == target) wake_all(g);
}

static int reached(unsigned count, unsigned target)
{
    return (int)(count - target) >= 0;
}

int gate_passed(const gate *g, unsigned target)
{
    return reached(atomic_load_explicit(&g->count, memory_order_acquire), target);
}

static void relax(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#endif
}

void gate_wait(comm *c, const gate *g, unsigned target)
{
    for (int look = wire_sleeps() ? YIELDS : SPINS; look > 0; look--) {
        if (gate_passed(g, target)) return;
        wire_sleeps() ? (void)sched_yield() : relax();
    }
    for (long nap_ns = NAP_MIN_NS;; nap_ns = nap_ns < NAP_MAX_NS ? 2 * nap_ns : NAP_MAX_NS) {
        /* only the last to enter wakes; an entry before it changes the word, so no sleep begins on an old count */
        unsigned seen = atomic_load_explicit(&g->count, memory_order_acquire);
        if (reached(seen, target)) return;
        sleep_while(g, seen, nap_ns);
        if (gate_passed(g, target)) return;
        liveness_look_around();
        wire_poke(c->world);
    }
}

void comm_group_barrier(comm *c)
{
    unsigned target = ++c->barriers * (unsigned)c->layout.group_ranks;
    gate_enter(c->barrier, target);
    gate_wait(c, c->barrier, target);
}

status comm_shared_take(comm *c, size_t bytes, void **memory, message *why)
{
    return group_take(c, bytes, memory, why);
}
