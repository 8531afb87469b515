/* comm/liveness.c - opening the pulses of a host, and the watch for ranks that hang.
 *
 *   a rank that died   is found by ranks that wait (pulse_look_around)
 *   a rank that hangs  has a pulse that does not grow: the watchdog thread of any rank of the host finds it, also its own
 *                      rank, unless the process stands still as a whole. Ranks that wait for it have a growing pulse.
 *   a host that is lost  is silent (heartbeat.h): the first ranks of other hosts find it
 *
 * The rank that finds the first one reports it and ends its process with STATUS_RANK_LOST. The launcher then ends the others;
 * those of the host also end by themselves. MPI_Abort is not used: another thread than the main one may not call it, and it
 * needs a working process. */
#include "base/timer.h"
#include "base/watchdog.h"
#include "private.h"
#include "shared_file.h"

void liveness_open(comm *c, MPI_Comm near)
{
    pulses *p = &c->pulses;
    shared_file_offer offer = {.path = ""};
    *p = (pulses){.file = -1};
    MPI_Comm_rank(near, &p->rank);
    MPI_Comm_size(near, &p->ranks);
    p->first = c->layout.rank - p->rank;
    if (p->rank == 0) p->file = shared_file_create(pulse_bytes(p->ranks), &offer);
    wire_broadcast(near, &offer, sizeof offer);
    if (p->rank != 0) p->file = shared_file_open(&offer);
    status own = pulse_share(p) ? STATUS_CANNOT_WRITE : STATUS_OK;
    if (wire_agree(near, own, NULL)) pulse_be_alone(p, &c->memory);
    c->watch.seen = arena_take(&c->memory, (size_t)p->ranks * sizeof *c->watch.seen);
    c->watch.since_s = arena_take(&c->memory, (size_t)p->ranks * sizeof *c->watch.since_s);
    pulse_begin(p);
}

void liveness_close(comm *c)
{
    heartbeat_close(&c->heartbeat);
    pulse_end(&c->pulses);
}

void comm_pulse(comm *c, int64_t step, int phase)
{
    pulse *own = &c->pulses.of[c->pulses.rank];
    atomic_store_explicit(&own->step, step, memory_order_relaxed);
    atomic_store_explicit(&own->phase, phase, memory_order_relaxed);
    pulse_beat(&c->pulses);
    heartbeat_work();
}

/* ---- ranks that hang ---- */

static void report_hang(comm *c, int rank, double idle_s)
{
    const pulse *of = &c->pulses.of[rank];
    pulse_claim_report(&c->pulses);
    error_rank_lost("rank %d (process %d on host %s) hangs: no progress for %.1f s; the last that "
                    "it finished is: step %lld, %s. All ranks end; the last checkpoint is kept: go "
                    "on with --resume",
                    c->pulses.first + rank, atomic_load(&of->process), c->pulses.host, idle_s,
                    (long long)atomic_load(&of->step),
                    c->watch.phase_name(atomic_load(&of->phase)));
}

/* The watchdog's thread calls this. */
static void look(void *context)
{
    comm *c = context;
    const pulses *p = &c->pulses;
    watch *w = &c->watch;
    /* time in which this process was stopped itself does not count */
    double now_s = timer_now_s(), stopped_s = now_s - w->looked_s - w->timeout_s / 4;
    w->looked_s = now_s;
    pulse_follow_report(p);
    for (int r = 0; r < p->ranks; r++) {
        int64_t beats = atomic_load_explicit(&p->of[r].beats, memory_order_relaxed);
        if (beats != w->seen[r] || atomic_load(&p->of[r].left)) {
            w->seen[r] = beats;
            w->since_s[r] = now_s;
        }
        if (stopped_s > 0) w->since_s[r] += stopped_s;
        if (now_s - w->since_s[r] >= w->timeout_s) report_hang(c, r, now_s - w->since_s[r]);
    }
}

void comm_watch(comm *c, double timeout_s, const char *(*phase_name)(int phase))
{
    double period_s = timeout_s / 8 < 1 ? timeout_s / 8 : 1;
    CHECK(timeout_s > 0, "a time-out of %g s", timeout_s);
    c->watch.timeout_s = timeout_s;
    c->watch.phase_name = phase_name;
    c->watch.looked_s = timer_now_s();
    for (int r = 0; r < c->pulses.ranks; r++) c->watch.since_s[r] = timer_now_s();
    heartbeat_close(&c->heartbeat); /* of an earlier watch */
    comm_barrier(c);                /* a rank that begins late would be taken for one that hangs */
    heartbeat_open(&c->heartbeat, c->world, c->layout.rank, &c->pulses, timeout_s, &c->memory);
    watchdog_start(period_s, look, c);
}

void comm_unwatch(comm *c)
{
    watchdog_stop();
    heartbeat_end(&c->heartbeat);
}
