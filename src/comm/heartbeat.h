/* comm/heartbeat.h - messages by which hosts show each other that they live.        room: comm (private)
 *
 * While a watch runs (comm_watch), the first rank of each host sends a message to the first rank of every other host, about
 * four times in a time-out. It sends when it finishes a phase of its work and while it waits, so a host that works or waits
 * is heard. A host of which nothing was heard for twice the time-out is lost: it is stopped, cut off or switched off.
 * Between two messages of a host that works may be 1.25 time-outs: its own watchdog lets a rank be silent for one.
 *
 * Hosts here are the sets of ranks that share pulses (pulse.h); without shared memory each rank counts as a host.
 *
 * Threads: the one that called comm_start.   Errors: as said.   Test: tests/e2e/hang.sh, tests/hosts/vanish.sh
 */
#ifndef MNIST_DIST_SRC_COMM_HEARTBEAT_H
#define MNIST_DIST_SRC_COMM_HEARTBEAT_H

#include <mpi.h>

#include "base/arena.h"
#include "pulse.h"

struct heartbeat_peer;

/* Messages between the first ranks of hosts, as one of them sees them; all zero: not open. */
typedef struct heartbeat {
    int is_open;                 /* 1: on ranks that take part, between open and close */
    MPI_Comm over;               /* the first ranks of all hosts                       */
    int rank, hosts;             /* place among them                                   */
    struct heartbeat_peer *peer; /* [hosts]                                            */
    pulses *near;                /* of the own host                                    */
    double timeout_s;
    double sent_s, looked_s; /* when messages were last sent; when they were last looked for */
} heartbeat;

/* Collective over `world`, whose rank of this process is `rank`. Takes memory from a; near is kept. */
void heartbeat_open(heartbeat *h, MPI_Comm world, int rank, pulses *near, double timeout_s,
                    arena *a);
/* Tells the other hosts that no more messages come. Not collective. */
void heartbeat_end(heartbeat *h);
/* Waits for the end of all others, after heartbeat_end. Collective over the first ranks. */
void heartbeat_close(heartbeat *h);

/* A rank that works calls this now and then: it sends and receives what is due. If another host is lost, it says so and ends
 * this process with STATUS_RANK_LOST. */
void heartbeat_work(void);
/* The same for a rank that waits, which also looks around among the ranks of its host (pulse_look_around). */
void heartbeat_wait(void);

#endif
