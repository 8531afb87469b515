/* comm/pulse.c - what each rank of a host writes into shared memory to show that it lives. */
#include "pulse.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/timer.h"
#include "shared_file.h"

enum { LINE = 64 };
static const double look_around_s = 0.25;

static pulses *current; /* the newest that are open */

/* ---- memory and locks ---- */

static struct flock byte_of(int rank)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = rank, .l_len = 1};
}

size_t pulse_bytes(int ranks)
{
    return LINE + (size_t)ranks * sizeof(pulse);
}

static void place(pulses *p, void *memory)
{
    p->claimed = memory;
    p->of = (pulse *)(void *)((char *)memory + LINE);
}

int pulse_share(pulses *p)
{
    struct flock own = byte_of(p->rank);
    size_t bytes = pulse_bytes(p->ranks);
    if (p->file < 0 || shared_file_reserve(p->file, bytes, 0, 1)) return 1;
    void *memory = shared_file_map(p->file, bytes);
    if (!memory) return 1;
    place(p, memory);
    return fcntl(p->file, F_SETLK, &own) != 0;
}

static void unshare(pulses *p)
{
    if (p->claimed) shared_file_unmap((void *)p->claimed, pulse_bytes(p->ranks));
    if (p->file >= 0) close(p->file); /* this releases the lock */
    p->file = -1;
}

void pulse_be_alone(pulses *p, arena *a)
{
    unshare(p);
    p->first += p->rank;
    p->rank = 0;
    p->ranks = 1;
    place(p, arena_take(a, pulse_bytes(1)));
}

void pulse_begin(pulses *p)
{
    atomic_store(&p->of[p->rank].process, (int)getpid());
    gethostname(p->host, sizeof p->host - 1);
    p->outer = current;
    current = p;
}

void pulse_end(pulses *p)
{
    pulses **link = &current;
    atomic_store(&p->of[p->rank].left, 1);
    while (*link != p) link = &(*link)->outer;
    *link = p->outer;
    if (p->file >= 0) unshare(p);
}

void pulse_leave(void)
{
    for (pulses *p = current; p; p = p->outer) atomic_store(&p->of[p->rank].left, 1);
}

/* ---- beats, and ranks that died ---- */

void pulse_beat(const pulses *p)
{
    pulse *own = &p->of[p->rank];
    atomic_store_explicit(&own->beats, atomic_load_explicit(&own->beats, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void pulse_claim_report(pulses *p)
{
    if (atomic_exchange(p->claimed, 1) != 0) error_leave(STATUS_RANK_LOST);
}

void pulse_follow_report(const pulses *p)
{
    if (atomic_load(p->claimed)) error_leave(STATUS_RANK_LOST);
}

static int is_dead(const pulses *p, int rank)
{
    struct flock byte = byte_of(rank);
    if (rank == p->rank || atomic_load(&p->of[rank].left)) return 0;
    return fcntl(p->file, F_GETLK, &byte) == 0 && byte.l_type == F_UNLCK &&
           !atomic_load(&p->of[rank].left);
}

void pulse_look_around(void)
{
    pulses *p = current;
    if (!p) return;
    pulse_beat(p);
    if (p->file < 0) return;
    double now_s = timer_now_s();
    if (now_s - p->looked_s < look_around_s) return;
    p->looked_s = now_s;
    pulse_follow_report(p);
    for (int r = 0; r < p->ranks; r++) {
        if (!is_dead(p, r)) continue;
        pulse_claim_report(p);
        error_rank_lost("rank %d (process %d on host %s) has died: all ranks end; the last "
                        "checkpoint is kept: go on with --resume",
                        p->first + r, atomic_load(&p->of[r].process), p->host);
    }
}
