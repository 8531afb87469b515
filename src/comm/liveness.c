/* comm/liveness.c - ranks of a host see each other live, work and wait.
 *
 * Each rank has a PULSE in memory that the ranks of its host share, also where --share=off has them exchange messages: a
 * counter that grows with its work, and while it waits in here for others with every look around. And it holds a lock on
 * its byte of that memory's file: the kernel drops the lock when the process ends, however it ends, also before its
 * parent takes notice.
 *
 *   a rank that died   is found by ranks that wait, as they look around
 *   a rank that hangs  is one whose pulse stands still: comm_watch's thread on any rank of the host finds it, its own
 *                      rank's too, unless the process stands still as a whole. Those who wait for it have a pulse.
 * Whoever finds it first says so and ends its process with STATUS_RANK_LOST, at which the launcher ends the others; those
 * of the host leave by themselves. MPI_Abort may not be called beside the main thread, and needs a process that is well. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/timer.h"
#include "base/watchdog.h"
#include "private.h"

enum { LINE = 64 };
static const double look_around_s = 0.25;

struct pulse {
    _Alignas(64) atomic_llong beats;
    atomic_llong step;
    atomic_int phase, process, left; /* left: closed as it should be */
};

static liveness *current; /* of the comm that was opened last: its pulse is this process' */

/* ---- memory and locks ---- */

static struct flock byte_of(int rank)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = rank, .l_len = 1};
}

/* Maps the file that the first rank made, and locks the own byte. 0: done. */
static int map_and_lock(liveness *l, size_t bytes)
{
    struct flock own = byte_of(l->rank);
    if (l->file < 0 || posix_fallocate(l->file, 0, (off_t)bytes)) return 1;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, l->file, 0);
    if (at == MAP_FAILED) return 1;
    l->claimed = at;
    l->of = (struct pulse *)(void *)((char *)at + LINE);
    return fcntl(l->file, F_SETLK, &own) != 0;
}

/* Without shared memory a rank sees itself alone. */
static void alone(comm *c, liveness *l, size_t bytes)
{
    if (l->claimed) munmap((void *)l->claimed, bytes);
    if (l->file >= 0) close(l->file);
    l->file = -1;
    l->first += l->rank;
    l->rank = 0;
    l->ranks = 1;
    char *memory = arena_take(&c->memory, LINE + sizeof(struct pulse));
    l->claimed = (atomic_int *)(void *)memory;
    l->of = (struct pulse *)(void *)(memory + LINE);
}

void liveness_open(comm *c, MPI_Comm near)
{
    liveness *l = &c->life;
    char path[64] = "";
    *l = (liveness){.file = -1, .outer = current};
    MPI_Comm_rank(near, &l->rank);
    MPI_Comm_size(near, &l->ranks);
    l->first = c->layout.rank - l->rank;
    size_t bytes = LINE + (size_t)l->ranks * sizeof(struct pulse);
    if (l->rank == 0) l->file = group_file(path, sizeof path);
    wire_broadcast(near, path, sizeof path);
    if (l->rank != 0) l->file = open(path, O_RDWR | O_CLOEXEC);
    status own = map_and_lock(l, bytes) ? STATUS_CANNOT_WRITE : STATUS_OK;
    status all = wire_agree(near, own, NULL);
    if (all) alone(c, l, bytes);
    l->seen = arena_take(&c->memory, (size_t)l->ranks * sizeof *l->seen);
    l->since_s = arena_take(&c->memory, (size_t)l->ranks * sizeof *l->since_s);
    atomic_store(&l->of[l->rank].process, (int)getpid());
    current = l;
}

void liveness_close(comm *c)
{
    liveness *l = &c->life;
    atomic_store(&l->of[l->rank].left, 1);
    liveness **link = &current; /* comms need not close in the order in which they opened */
    while (*link != l) link = &(*link)->outer;
    *link = l->outer;
    if (l->file < 0) return;
    munmap((void *)l->claimed, LINE + (size_t)l->ranks * sizeof(struct pulse));
    close(l->file); /* and with it the lock goes */
}

void liveness_leave(void)
{
    for (liveness *l = current; l; l = l->outer) atomic_store(&l->of[l->rank].left, 1);
}

static void beat(struct pulse *own)
{
    atomic_store_explicit(&own->beats, atomic_load_explicit(&own->beats, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* ---- those that died ---- */

/* 1 for the first of the host that asks; the others leave without a word. */
static int claim(liveness *l)
{
    if (atomic_exchange(l->claimed, 1) != 0) error_leave(STATUS_RANK_LOST);
    return 1;
}

static int is_dead(const liveness *l, int rank)
{
    struct flock byte = byte_of(rank);
    if (rank == l->rank || atomic_load(&l->of[rank].left)) return 0;
    return fcntl(l->file, F_GETLK, &byte) == 0 && byte.l_type == F_UNLCK &&
           !atomic_load(&l->of[rank].left);
}

void liveness_look_around(void)
{
    liveness *l = current;
    if (!l) return;
    beat(&l->of[l->rank]);
    if (l->file < 0) return;
    double now_s = timer_now_s();
    if (now_s - l->looked_s < look_around_s) return;
    l->looked_s = now_s;
    if (atomic_load(l->claimed)) error_leave(STATUS_RANK_LOST);
    for (int r = 0; r < l->ranks; r++)
        if (is_dead(l, r) && claim(l))
            error_rank_lost("rank %d (process %d) has died: all ranks end; the last checkpoint is "
                            "kept: go on with --resume",
                            l->first + r, atomic_load(&l->of[r].process));
}

/* ---- those that hang ---- */

void comm_pulse(comm *c, int64_t step, int phase)
{
    struct pulse *own = &c->life.of[c->life.rank];
    atomic_store_explicit(&own->step, step, memory_order_relaxed);
    atomic_store_explicit(&own->phase, phase, memory_order_relaxed);
    beat(own);
}

static void tell_hang(liveness *l, int rank, double idle_s)
{
    const struct pulse *p = &l->of[rank];
    claim(l);
    error_rank_lost("rank %d (process %d) hangs: no progress for %.1f s; the last that it finished "
                    "is: step %lld, %s. All ranks end; the last checkpoint is kept: go on with "
                    "--resume",
                    l->first + rank, atomic_load(&p->process), idle_s,
                    (long long)atomic_load(&p->step), l->phase_name(atomic_load(&p->phase)));
}

static void look(void *context)
{
    liveness *l = context;
    double now_s = timer_now_s();
    if (atomic_load(l->claimed)) error_leave(STATUS_RANK_LOST);
    for (int r = 0; r < l->ranks; r++) {
        int64_t beats = atomic_load_explicit(&l->of[r].beats, memory_order_relaxed);
        if (beats != l->seen[r] || atomic_load(&l->of[r].left)) {
            l->seen[r] = beats;
            l->since_s[r] = now_s;
        }
        if (now_s - l->since_s[r] >= l->timeout_s) tell_hang(l, r, now_s - l->since_s[r]);
    }
}

void comm_watch(comm *c, double timeout_s, const char *(*phase_name)(int phase))
{
    liveness *l = &c->life;
    double period_s = timeout_s / 8 < 1 ? timeout_s / 8 : 1;
    CHECK(timeout_s > 0, "a time-out of %g s", timeout_s);
    l->timeout_s = timeout_s;
    l->phase_name = phase_name;
    for (int r = 0; r < l->ranks; r++) l->since_s[r] = timer_now_s();
    comm_barrier(c); /* who begins late would be taken for one that hangs */
    watchdog_start(period_s, look, l);
}

void comm_unwatch(comm *c)
{
    (void)c;
    watchdog_stop();
}
