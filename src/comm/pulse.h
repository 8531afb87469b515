/* comm/pulse.h - what each rank of a host writes into shared memory to show that it lives.   room: comm (private)
 *
 * A rank's PULSE is a counter. It grows with the rank's work and, while the rank waits, with each call of pulse_look_around.
 * A rank also holds a lock on one byte of the file that backs the pulses, byte number `rank`: the kernel releases the lock
 * when the process ends, however it ends, also before its parent takes notice.
 *
 * Opening them is collective (liveness.c); everything here is not.   Errors: as said.   Test: tests/e2e/hang.sh
 */
#ifndef MNIST_DIST_SRC_COMM_PULSE_H
#define MNIST_DIST_SRC_COMM_PULSE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct pulse {
    _Alignas(64) atomic_llong beats;
    atomic_llong step; /* the newest step and phase that the rank has finished */
    atomic_int phase;
    atomic_int process;
    atomic_int left; /* 1: the rank has left in order */
} pulse;

/* The pulses of the ranks of one host, as one of them sees them. */
typedef struct pulses {
    int rank, ranks, first; /* place among them, and the comm's rank of their first    */
    int file;               /* -1: there is no shared memory, a rank sees itself alone */
    atomic_int *claimed;    /* 1: one of the ranks reports a lost rank                 */
    pulse *of;              /* [ranks]                                                 */
    double looked_s;        /* when pulse_look_around last checked for dead ranks      */
    struct pulses *outer;   /* those that were begun before                            */
    char host[64];          /* its name                                                */
} pulses;

/* Bytes of the file behind the pulses of `ranks` ranks. */
size_t pulse_bytes(int ranks);
/* Reserves and maps p->file for p->ranks ranks and locks this rank's byte. Returns 0, or 1 if that fails. */
int pulse_share(pulses *p);
/* Undoes pulse_share; from then on p holds this rank alone, in memory of the arena. */
void pulse_be_alone(pulses *p, arena *a);

/* From pulse_begin to pulse_end, pulse_look_around looks at these pulses. Several may be open; the newest one counts. They
 * may end in any order. */
void pulse_begin(pulses *p);
void pulse_end(pulses *p);

/* Marks this rank as one that leaves in order, in all open pulses. */
void pulse_leave(void);

/* One more beat. */
void pulse_beat(const pulses *p);

/* A rank that waits for others calls this again and again: it beats, and looks for ranks of the host that have died, four
 * times a second. If there is one, it ends this process with STATUS_RANK_LOST. */
void pulse_look_around(void);

/* Returns for the first rank of the host that calls it, which then reports the lost rank. The others end here, silently,
 * with STATUS_RANK_LOST. */
void pulse_claim_report(pulses *p);
/* Ends this process with STATUS_RANK_LOST if a rank of the host reports a lost rank. Threads: any. */
void pulse_follow_report(const pulses *p);

#endif
