/* comm.h - the ranks of a run, their groups of shared memory, and moving data between them.   room: comm
 *
 * The only room that knows MPI; no header of it has an MPI type. Ranks are numbered by (group, place in the group): a group
 * holds consecutive ranks, also where the launcher placed them cyclically. Rank 0 is the launcher's rank 0.
 *
 * A GROUP is the set of ranks that share memory: normally all ranks of a host. With sharing off, or where the host has too
 * little shared memory, each rank is a group of its own and all data travels in messages; the bits are the same.
 *
 * A rank that waits for others of its group sleeps on a futex. A rank that waits for messages polls, and sleeps between polls
 * if the host has more ranks than cores: a spinning rank would take a core from one that works.
 *
 * Limits: COMM_ALLGATHER_BYTES from a rank in one allgather; 524,287 ranks, since MPI counts the bytes of an allgather in ints.
 * Threads: the thread that called comm_start, except as said (MPI_THREAD_FUNNELED).
 * Errors:  a failing MPI call ends all ranks (MPI_ERRORS_ARE_FATAL); others as said.
 * Memory:  a comm owns all that it gives out, until comm_close.
 * Test:    tests/mpi/comm_collectives.c on 1, 2, 3, 4 and 8 ranks, tests/e2e/hang.sh
 */
#ifndef MNIST_DIST_COMM_COMM_H
#define MNIST_DIST_COMM_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { COMM_ALLGATHER_BYTES = 4096 };

typedef enum comm_sharing { COMM_SHARE_AUTO, COMM_SHARE_OFF } comm_sharing;

typedef struct comm_cfg {
    comm_sharing sharing;
    int group_size; /* most ranks of a group; 0: all ranks of a host. With it a test has several "hosts" */
    int cores; /* that the ranks of this host may use together; 0: unknown, then waits sleep */
    /* What a group will take later. comm_open tries to reserve it: a host with less memory falls back to messages at once,
     * instead of failing later. 0: comm_open does not try. */
    size_t shared_bytes;
} comm_cfg;

/* Sharing, whole hosts as groups, cores unknown, no trial. */
comm_cfg comm_cfg_default(void);

typedef struct comm comm;

/* This rank's place among all; constant after comm_open. */
typedef struct comm_layout {
    int rank, ranks;
    int group, groups;
    int group_rank, group_ranks; /* place in the own group, and its size                      */
    int group_first;             /* the lowest rank of the own group                          */
    int host, hosts;             /* a host is a set of ranks that MPI says could share memory */
    int host_rank, host_ranks;
    int oversubscribed;     /* 1: this host has more ranks than cfg.cores */
    char sharing_note[160]; /* why sharing was given up; "" if it was not */
} comm_layout;

/* comm_start initialises MPI with MPI_THREAD_FUNNELED, after setting what must be set before (Open MPI yields if the host has
 * more ranks than `cores`; as in comm_cfg), and makes a failed CHECK call MPI_Abort. Call it before anything else of the
 * process uses MPI.
 * comm_open orders the ranks and makes the groups, and returns what comm_close frees. If the memory of any group cannot be had,
 * all groups have one rank, and sharing_note says why.
 * Both are collective over all ranks, and CHECK on misuse. */
void comm_start(int *argc, char ***argv, int cores);
comm *comm_open(const comm_cfg *cfg);

/* Frees the comm, and with the last open one finalises MPI. c NULL: only comm_start was called. Comms may close in any order.
 * Collective over all ranks. */
void comm_close(comm *c);

/* Ranks on this host as the launcher announces them in the environment (OMPI_COMM_WORLD_LOCAL_SIZE, MPI_LOCALNRANKS, SLURM's
 * and PMI's names); 1 if nothing is announced. May be called before comm_start. */
int comm_announced_local_ranks(void);

/* Ranks of the whole run as the launcher announces them in the environment; 0 if it announces none. A batch script of SLURM is
 * no task, so the tasks of its allocation do not count. Only MPI knows how many ranks there are. May be called before
 * comm_start, and not after it: MPI may set these variables itself. */
int comm_announced_ranks(void);

/* 1 if the environment says that this process may be one of several ranks: then only MPI can tell. May be called before
 * comm_start. */
int comm_may_have_ranks(void);

/* Owned by c. */
const comm_layout *comm_get_layout(const comm *c);

/* "Open MPI v4.1.4": the library's own words, one line; a static string. */
const char *comm_library_version(void);

/* ---- moving data; collective over all ranks ---- */

/* Returns when all ranks have called it; comm_group_barrier: all ranks of the group, over which it is collective. */
void comm_barrier(comm *c);
void comm_group_barrier(comm *c);

/* Copies rank 0's data[bytes] to all ranks. */
void comm_broadcast(comm *c, void *data, size_t bytes);

/* all[r * bytes ...] = the `own` of rank r. bytes: at most COMM_ALLGATHER_BYTES (CHECK), the same on all ranks. all: [ranks *
 * bytes] on every rank. Inside a group it costs one barrier and no message. */
void comm_allgather(comm *c, const void *own, size_t bytes, void *all);

/* values[count] of all ranks added element by element; every rank gets the exact sums in place. */
void comm_sum(comm *c, int64_t *values, int count);

/* Rank 0 receives own[bytes] of all ranks in `all`, one behind the other in rank order; on the other ranks all may be NULL.
 * bytes may differ from rank to rank. */
void comm_gather(comm *c, const void *own, size_t bytes, void *all);

/* After a step that can fail on single ranks: all ranks return the status of the lowest rank that failed, and get its text,
 * with "rank N on HOST: " in front if N > 0. STATUS_OK if none failed; *why then stays as it is. why may be NULL. */
status comm_agree(comm *c, status own, failure *why);

/* `bytes` of zeroed memory that all ranks of the group see, each at an address of its own, on a 64-byte boundary. comm_close
 * frees it. It is a file in /dev/shm that is reserved (posix_fallocate), mapped by all and has no name, so that nothing
 * remains; 2 MiB and more begin on 2 MiB and ask for huge pages. A group of one rank gets private memory. bytes may differ
 * between groups, not inside one (CHECK). STATUS_CANNOT_WRITE on all ranks if any rank cannot reserve its share; *memory is
 * NULL then. */
status comm_shared_take(comm *c, size_t bytes, void **memory, failure *why);

/* ---- ranks that die or hang ----
 *
 * Ranks that wait in this room for others notice when a rank of their host has died: one of them prints which, and they end
 * with STATUS_RANK_LOST; the launcher ends the rest.
 * Between comm_watch and comm_unwatch a rank that hangs is noticed, too: one that for `timeout_s` seconds neither waited in
 * this room nor called comm_pulse. All ranks end likewise, after a line with its number, its step and its phase. Ranks that
 * have waited 2 timeout_s for a host of which they heard nothing in that time end, too, after a line with its name.
 * phase_name(phase) is a static string; the watchdog's thread calls it. comm_watch is collective, and CHECKs that no watch
 * runs; comm_unwatch is not collective. */
void comm_watch(comm *c, double timeout_s, const char *(*phase_name)(int phase));
void comm_unwatch(comm *c);
/* This rank has finished this phase of this step. Costs a few stores, and during a watch a look at the clock. Not
 * collective. */
void comm_pulse(comm *c, int64_t step, int phase);

/* Bytes that this rank sent in messages, and read from other ranks' shared memory, in exchanges since comm_open (exchange.h).
 * Tests assert on them. Not collective. */
typedef struct comm_traffic {
    int64_t sent_bytes, read_bytes;
} comm_traffic;
comm_traffic comm_get_traffic(const comm *c);

#endif
