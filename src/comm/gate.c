/* comm/gate.c - places where ranks of a group wait for each other, asleep on a futex. */
#define _GNU_SOURCE /* syscall */
#include <sched.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

#include "private.h"

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "gates are shared between processes");
_Static_assert(sizeof(atomic_uint) == 4, "the futex is a word of 32 bits");

enum {
    SPINS = 5000, /* looks before the first sleep if every rank has a core: 0.1 to 0.2 ms */
    YIELDS = 40,  /* the same if ranks share cores: each look gives the core to others  */
    /* A sleep ends after this time, so that MPI moves on: others may wait for a message that it took from this rank but
     * could not send at once. */
    NAP_MIN_NS = 1000000,
    NAP_MAX_NS = 16000000
};

#ifdef __linux__
/* The processes differ, so the futex is not private. */
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
/* Without futexes nothing wakes a rank: it takes short naps instead. */
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
        /* only the last rank to enter wakes; an entry before it changes the word, so no sleep begins on an old count */
        unsigned seen = atomic_load_explicit(&g->count, memory_order_acquire);
        if (reached(seen, target)) return;
        sleep_while(g, seen, nap_ns);
        if (gate_passed(g, target)) return;
        heartbeat_wait();
        wire_poke(c->world);
    }
}
