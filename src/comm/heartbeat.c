/* comm/heartbeat.c - messages by which hosts show each other that they live. */
#include "heartbeat.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/timer.h"
#include "launcher.h"

enum { TAG_BEAT = 7, HOST_NAME = 64 };
enum { BEAT = 1, LAST_BEAT = 2 };

static const double longest_pause_s = 0.25;
static const double least_grace_s = 5, most_grace_s = 15; /* for mpirun, to end by itself */

/* The first rank of a host tells this about itself. */
typedef struct introduction {
    int rank; /* of all ranks */
    char host[HOST_NAME];
} introduction;

struct heartbeat_peer {
    introduction who;
    double silent_s; /* how long this rank listened and heard nothing */
    int left;        /* 1: it has sent its last message */
    char in, out, last;
    MPI_Request receive, send, send_last;
};

typedef struct heartbeat_peer peer;

static heartbeat *current; /* the one that is open and has not ended */

/* ---- opening ---- */

static void introduce(heartbeat *h, int rank, arena *a)
{
    introduction own = {.rank = rank}, *all = arena_take(a, (size_t)h->hosts * sizeof *all);
    gethostname(own.host, sizeof own.host - 1);
    MPI_Allgather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, h->over);
    for (int i = 0; i < h->hosts; i++) h->peer[i].who = all[i];
}

static void listen(heartbeat *h, int from)
{
    peer *p = &h->peer[from];
    MPI_Irecv(&p->in, 1, MPI_CHAR, from, TAG_BEAT, h->over, &p->receive);
}

void heartbeat_open(heartbeat *h, MPI_Comm world, int rank, pulses *near, double timeout_s,
                    arena *a)
{
    MPI_Comm over;
    *h = (heartbeat){.near = near, .timeout_s = timeout_s};
    MPI_Comm_split(world, near->rank == 0 ? 0 : MPI_UNDEFINED, rank, &over);
    if (over == MPI_COMM_NULL) return;
    MPI_Comm_rank(over, &h->rank);
    MPI_Comm_size(over, &h->hosts);
    h->over = over;
    h->is_open = 1;
    h->peer = arena_take(a, (size_t)h->hosts * sizeof *h->peer);
    introduce(h, rank, a);
    for (int i = 0; i < h->hosts; i++) {
        h->peer[i].receive = h->peer[i].send = h->peer[i].send_last = MPI_REQUEST_NULL;
        h->peer[i].left = i == h->rank;
        if (i != h->rank) listen(h, i);
    }
    h->sent_s = h->looked_s = timer_now_s();
    current = h;
}

/* ---- messages ---- */

/* Sends a message to every host whose last one has gone. */
static void send_all(heartbeat *h)
{
    for (int i = 0; i < h->hosts; i++) {
        peer *p = &h->peer[i];
        int gone;
        if (p->left) continue;
        MPI_Test(&p->send, &gone, MPI_STATUS_IGNORE);
        if (!gone) continue;
        p->out = BEAT;
        MPI_Isend(&p->out, 1, MPI_CHAR, i, TAG_BEAT, h->over, &p->send);
    }
}

/* Takes all messages of a host that are here; returns 1 if there was one. */
static int hear(heartbeat *h, int from)
{
    peer *p = &h->peer[from];
    int heard = 0, here = 1;
    while (!p->left) {
        MPI_Test(&p->receive, &here, MPI_STATUS_IGNORE);
        if (!here) break;
        heard = 1;
        p->left = p->in == LAST_BEAT;
        if (!p->left) listen(h, from);
    }
    return heard;
}

/* ---- hosts that are lost ---- */

/* The lowest host that is not silent speaks first. The others leave the launcher time to end them before they speak, too. */
static double limit_of(const heartbeat *h)
{
    int lowest = 0;
    while (lowest != h->rank && h->peer[lowest].silent_s >= h->timeout_s) lowest++;
    double first_s = 1.75 * h->timeout_s, next_s = 2 * h->timeout_s;
    if (lowest == h->rank) return first_s;
    return next_s > first_s + least_grace_s ? next_s : first_s + least_grace_s;
}

static int grace_of(const heartbeat *h)
{
    double grace_s = h->timeout_s / 4;
    if (grace_s < least_grace_s) return (int)least_grace_s;
    return (int)(grace_s < most_grace_s ? grace_s : most_grace_s);
}

static void report(heartbeat *h, int lost)
{
    const peer *p = &h->peer[lost], *own = &h->peer[h->rank];
    char more[48] = "";
    int others = 0;
    for (int i = 0; i < h->hosts; i++) others += i != lost && h->peer[i].silent_s >= h->timeout_s;
    if (others)
        snprintf(more, sizeof more, "; neither %s %d other host%s", others == 1 ? "does" : "do",
                 others, others == 1 ? "" : "s");
    pulse_claim_report(h->near);
    launcher_end_within(grace_of(h));
    error_rank_lost(
        "rank %d on host %s does not answer%s: rank %d on host %s has waited %.1f s for "
        "it. A host or the network is down, or the processes were stopped. All ranks "
        "end; the last checkpoint is kept: go on with --resume",
        p->who.rank, p->who.host, more, own->who.rank, own->who.host, p->silent_s);
}

/* Time in which this rank did not look is not held against the others: it may have been stopped itself. */
static void look(heartbeat *h)
{
    double now_s = timer_now_s(), since_s = now_s - h->looked_s, most_s = h->timeout_s / 8;
    double pause_s = most_s / 2 < longest_pause_s ? most_s / 2 : longest_pause_s;
    if (since_s < pause_s) return;
    h->looked_s = now_s;
    for (int i = 0; i < h->hosts; i++) {
        peer *p = &h->peer[i];
        p->silent_s += since_s < most_s ? since_s : most_s;
        if (hear(h, i) || p->left) p->silent_s = 0;
    }
    if (now_s - h->sent_s >= h->timeout_s / 4) {
        h->sent_s = now_s;
        send_all(h);
    }
    double limit_s = limit_of(h);
    for (int i = 0; i < h->hosts; i++)
        if (h->peer[i].silent_s >= limit_s) report(h, i);
}

void heartbeat_work(void)
{
    if (current) look(current);
}

void heartbeat_wait(void)
{
    pulse_look_around();
    heartbeat_work();
}

/* ---- the end ---- */

void heartbeat_end(heartbeat *h)
{
    if (!h->is_open || current != h) return;
    current = NULL;
    for (int i = 0; i < h->hosts; i++) {
        peer *p = &h->peer[i];
        if (i == h->rank) continue;
        p->last = LAST_BEAT;
        MPI_Isend(&p->last, 1, MPI_CHAR, i, TAG_BEAT, h->over, &p->send_last);
    }
}

/* 1 if all is sent and received. */
static int is_done(heartbeat *h)
{
    int all = 1;
    for (int i = 0; i < h->hosts; i++) {
        peer *p = &h->peer[i];
        int gone, last_gone;
        hear(h, i);
        MPI_Test(&p->send, &gone, MPI_STATUS_IGNORE);
        MPI_Test(&p->send_last, &last_gone, MPI_STATUS_IGNORE);
        all &= gone && last_gone && p->left;
    }
    return all;
}

void heartbeat_close(heartbeat *h)
{
    const struct timespec pause = {0, 100000};
    if (!h->is_open) return;
    while (!is_done(h)) {
        nanosleep(&pause, NULL);
        pulse_look_around();
    }
    MPI_Comm_free(&h->over);
    h->is_open = 0;
}
