/* comm/private.h - what the files of this layer share; the only header that knows MPI.   layer: comm
 *
 *   wire.c    waiting for messages, agreeing, moving large blocks
 *   group.c   memory and gates shared by the ranks of a group
 *   liveness.c   who lives, works and waits
 *   comm.c    starting, ordering the ranks, making the groups
 *   collective.c   broadcast, allgather, sum, gather
 *   exchange.c     sums to their owners: set-up; exchange_plan.c: who holds and adds what; exchange_move.c: the step
 */
#ifndef MNIST_DIST_COMM_PRIVATE_H
#define MNIST_DIST_COMM_PRIVATE_H

#include <mpi.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "comm/comm.h"

/* A counter on its own cache line, in memory of the group. Every rank of the group enters it once per round; round k
 * is complete when the counter reaches k * ranks (modulo 2^32). A barrier enters and waits at once; the exchange enters
 * early and waits late. */
typedef struct gate {
    _Alignas(64) atomic_uint count;
} gate;

enum { COMM_BOARD_BYTES = 4096 }; /* the most that comm_allgather takes from a rank */

struct mapping;
struct pulse;

/* What a rank knows of the ranks of its host, [ranks] each; see liveness.c. */
typedef struct liveness {
    int rank, ranks, first; /* place among them, and the rank of their first */
    int file;               /* -1: shared memory was not to be had           */
    atomic_int *claimed;    /* 1: somebody told of a lost rank               */
    struct pulse *of;
    double looked_s; /* the newest look around                     */
    int64_t *seen;   /* of the watchdog: beats, and since when     */
    double *since_s; /*   there were no others                     */
    double timeout_s;
    const char *(*phase_name)(int phase);
    struct liveness *outer; /* of the comm that was opened before */
} liveness;

struct comm {
    comm_layout layout;
    MPI_Comm world;           /* all ranks, in this library's order                  */
    MPI_Comm host;            /* ranks that could share memory                       */
    MPI_Comm group;           /* ranks that do                                       */
    MPI_Comm leaders;         /* the first rank of every group; null on the others   */
    int *group_start;         /* [groups + 1]: first rank of each group              */
    int *counts, *starts;     /* [groups]: scratch of the collectives     */
    gate *barrier;            /* of the group                             */
    unsigned barriers;        /* passed so far                            */
    unsigned char *board;     /* 2 x ranks x COMM_BOARD_BYTES, group's    */
    unsigned boards;          /* used so far; the two halves take turns   */
    struct mapping *mappings; /* memory taken from group_take             */
    atomic_llong sent_bytes, read_bytes;
    arena memory;
    liveness life;
};

/* ---- wire.c ---- */

/* sleeps = 1: a wait soon sleeps between polls, because the cores are needed by other ranks. */
void wire_set_patience(int sleeps);
int wire_sleeps(void);
/* Waits until all requests are complete (and null). All waiting for messages goes through here. */
void wire_wait(int count, MPI_Request *requests);
/* Lets MPI move what is under way. */
void wire_poke(MPI_Comm over);
/* Sends or receives a block of any size; returns when it is done. */
void wire_send(MPI_Comm over, int to, const void *data, size_t bytes);
void wire_receive(MPI_Comm over, int from, void *data, size_t bytes);
void wire_broadcast(MPI_Comm over, void *data, size_t bytes);
/* One int of every rank. */
void wire_allgather_int(MPI_Comm over, int own, int *all);
status wire_agree(MPI_Comm over, status own, message *why);

/* ---- group.c ---- */

/* The barrier and the board of a new group, and a trial reserve of trial_bytes. Collective over all ranks. */
status group_open(comm *c, size_t trial_bytes, message *why);
/* A new file in /dev/shm without a name, so that nothing stays there however the ranks end; -1 with errno where there is none.
 * While it is open here, `path` opens it in other processes of this user and host too. */
int group_file(char *path, size_t size);
/* See comm_shared_take. */
status group_take(comm *c, size_t bytes, void **memory, message *why);
void group_give_back(comm *c, void *memory);
void group_close(comm *c);

/* ---- liveness.c ---- */

/* Collective over `near`, the ranks of this host. */
void liveness_open(comm *c, MPI_Comm near);
void liveness_close(comm *c);
/* This rank ends all ranks: nobody need tell of its death. */
void liveness_leave(void);
/* To be called again and again while waiting for others: shows that this rank is alive, and ends its process where a rank
 * of the host has died. Cheap. */
void liveness_look_around(void);

/* ---- gates, of group.c ---- */

void gate_enter(gate *g, unsigned target);
int gate_passed(const gate *g, unsigned target);
void gate_wait(comm *c, const gate *g, unsigned target);

#endif
