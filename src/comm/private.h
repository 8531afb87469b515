/* comm/private.h - what the files of this room share; MPI's types are here.             room: comm (private)
 *
 * From the lowest file to the highest; each one calls only those above it in this list:
 *   shared_file.c   files in /dev/shm as memory
 *   pulse.c         what each rank writes into shared memory to show that it lives
 *   launcher.c      the end of a launcher that waits for a lost host
 *   heartbeat.c     messages by which hosts show each other that they live
 *   wire.c          waiting for messages, agreeing, moving large blocks
 *   gate.c          places where ranks of a group wait for each other
 *   group.c         memory that the ranks of a group share, and their barrier
 *   turns.c         who sends what to whom in an allgather between groups
 *   collective.c    barrier, broadcast, allgather, sum, gather
 *   liveness.c      opening the pulses; the watch for ranks that hang
 *   exchange_*.c    sums to their owners; see exchange_private.h
 *   messages.c      the messages of a step, listed
 *   messages_board.c   those of comm_allgather, listed
 *   comm.c          starting MPI, ordering the ranks, making the groups
 *
 * Threads: the one that called comm_start, except as said.   Test: tests/mpi/
 */
#ifndef MNIST_DIST_SRC_COMM_PRIVATE_H
#define MNIST_DIST_SRC_COMM_PRIVATE_H

#include <mpi.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "comm/comm.h"
#include "heartbeat.h"
#include "pulse.h"

/* A counter on its own cache line, in memory of the group. Every rank of the group enters it once in each round; round k
 * is complete when the counter reaches k * ranks (modulo 2^32). A barrier enters and waits at once; the exchange enters
 * early and waits late. */
typedef struct gate {
    _Alignas(64) atomic_uint count;
} gate;

/* What the watch for hanging ranks remembers of each rank of the host. */
typedef struct watch {
    int64_t *seen;              /* [ranks] beats at the last look */
    double *since_s;            /* [ranks] when they last grew    */
    double timeout_s, looked_s; /* looked_s: when the last look was */
    const char *(*phase_name)(int phase);
} watch;

struct mapping;

struct comm {
    comm_layout layout;
    MPI_Comm world;           /* all ranks, in this library's order                */
    MPI_Comm host;            /* ranks that could share memory                     */
    MPI_Comm group;           /* ranks that do                                     */
    MPI_Comm leaders;         /* the first rank of every group; null on the others */
    int *group_start;         /* [groups + 1] first rank of each group             */
    gate *barrier;            /* of the group                                      */
    unsigned barriers;        /* passed so far                                     */
    unsigned char *board;     /* [2, ranks, COMM_ALLGATHER_BYTES] of the group     */
    unsigned boards;          /* used so far; the two halves are used in turn      */
    struct mapping *mappings; /* memory of group_take                              */
    atomic_llong sent_bytes, read_bytes;
    arena memory;
    pulses pulses;
    watch watch;
    heartbeat heartbeat;
};

/* ---- wire.c: all waiting for messages is in it ---- */

/* sleeps 1: a wait soon sleeps between polls, because other ranks need the cores. */
void wire_set_patience(int sleeps);
int wire_sleeps(void);
/* A wait that has looked in vain rests: at first not at all, then it sleeps, longer and longer up to a limit. */
typedef struct wire_patience {
    int tests; /* looks before the first sleep */
    long pause_ns;
} wire_patience;
wire_patience wire_patient(void);
void wire_rest(wire_patience *p);
/* Waits until all requests are complete; they are null then. */
void wire_wait(int count, MPI_Request *requests);
/* Lets MPI move messages. */
void wire_poke(MPI_Comm over);
/* Sends or receives a block of any size; returns when that is done. */
void wire_send(MPI_Comm over, int to, const void *data, size_t bytes);
void wire_receive(MPI_Comm over, int from, void *data, size_t bytes);
/* bytes of rank 0 to all. Collective over `over`, as are the next two. */
void wire_broadcast(MPI_Comm over, void *data, size_t bytes);
/* all[r] = rank r's `own`. */
void wire_allgather_int(MPI_Comm over, int own, int *all);
/* As comm_agree. */
status wire_agree(MPI_Comm over, status own, failure *why);

/* ---- gate.c ---- */

/* This rank arrives; if it is the last of the round that ends at `target`, it wakes the others. */
void gate_enter(gate *g, unsigned target);
/* 1 if the counter has reached target. */
int gate_passed(const gate *g, unsigned target);
/* Waits until the counter has reached target. */
void gate_wait(comm *c, const gate *g, unsigned target);

/* ---- group.c ---- */

/* Takes the barrier and the board of a new group, and tries to reserve trial_bytes. Collective over all ranks; the status is
 * the same on all. */
status group_open(comm *c, size_t trial_bytes, failure *why);
/* As comm_shared_take; group_give_back frees one piece of such memory. */
status group_take(comm *c, size_t bytes, void **memory, failure *why);
void group_give_back(comm *c, void *memory);
/* Frees all of it. */
void group_close(comm *c);

/* ---- liveness.c ---- */

/* Shares the pulses of the ranks of `near`, which are on one host; without shared memory each rank sees itself alone.
 * Collective over near. */
void liveness_open(comm *c, MPI_Comm near);
void liveness_close(comm *c);

#endif
