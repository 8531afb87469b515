/* comm.h - the ranks of a run: who they are, and moving data between them.          layer: comm
 *
 * The only layer that knows MPI; no MPI type is in its headers. Ranks are numbered by (group, place in the group), so
 * that a group holds consecutive ranks also when the launcher placed them cyclically; rank 0 is the launcher's rank 0.
 *
 * A GROUP is the set of ranks that share memory: normally all ranks of a host. With sharing off, or where the host's
 * shared memory cannot be had, every rank is a group of its own and everything travels by messages: the same bits.
 *
 * Waiting inside a group sleeps on a futex; waiting for messages polls, and sleeps between polls when the ranks of a host
 * outnumber its cores. Spinning ranks would take the cores from those that work.
 *
 * Threads: only the thread that called comm_init may call anything here, but for what says otherwise (MPI_THREAD_FUNNELED).
 * Errors:  a failing MPI call ends all ranks (MPI_ERRORS_ARE_FATAL); others as said.
 * Tests:   tests/mpi/comm_*.c on 1, 2, 3, 4 and 8 ranks.
 */
#ifndef MNIST_DIST_COMM_COMM_H
#define MNIST_DIST_COMM_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum comm_sharing { COMM_SHARE_AUTO, COMM_SHARE_OFF } comm_sharing;

typedef struct comm_cfg {
    comm_sharing sharing;
    int group_size; /* 0: all ranks of a host. Otherwise the most ranks of one group: lets a test have several "hosts" */
    int cores; /* cores the ranks of this host may use together; 0: unknown (waits then sleep). Decides how to wait */
    size_t
        shared_bytes; /* shared memory that a group will take later: tried by comm_open, so that a host with too
                            little of it falls back to messages there instead of failing later. 0: no trial */
} comm_cfg;

comm_cfg comm_cfg_default(void);

typedef struct comm comm;

/* What a rank may know about the process group; constant after comm_init. */
typedef struct comm_layout {
    int rank, ranks;   /* in this library's order                                              */
    int group, groups; /* groups of shared memory                                              */
    int group_rank,
        group_ranks; /* place in the own group, and its size                                 */
    int group_first; /* rank of the group's first                                            */
    int host, hosts; /* ranks that MPI says could share memory                               */
    int host_rank, host_ranks;
    int oversubscribed; /* 1: more ranks on this host than cfg.cores                            */
    char sharing_note
        [160]; /* why sharing was given up; empty when it was not                      */
} comm_layout;

/* To be called before anything else of the process runs MPI.
 *   comm_start   sets what must be set before MPI_Init (yielding when oversubscribed), initialises MPI with
 *                MPI_THREAD_FUNNELED, points error.h's abort hook at MPI_Abort: afterwards comm_world_rank() is known
 *                and statuses can be agreed on. cores as in comm_cfg
 *   comm_open    orders the ranks and makes the groups with the user's settings; where the memory of any group cannot
 *                be had, groups of one, and sharing_note says why
 * Collective over all ranks. Both CHECK on misuse. */
void comm_start(int *argc, char ***argv, int cores);
comm *comm_open(const comm_cfg *cfg);

/* Frees everything and, with the last open comm, finalises MPI. Collective. c may be NULL (only comm_start was called). */
void comm_close(comm *c);

/* Before comm_open: this process' rank as MPI numbers it, and how many there are. */
int comm_world_rank(void);
int comm_world_size(void);

/* Ranks on this host as the launcher announced them before MPI_Init (OMPI_COMM_WORLD_LOCAL_SIZE, MPI_LOCALNRANKS,
 * SLURM's and PMI's names), and this process' place among them; 1 and 0 when nothing is announced. No MPI needed. */
int comm_announced_local_ranks(void);
int comm_announced_local_rank(void);

const comm_layout *comm_get_layout(const comm *c);

/* "Open MPI v4.1.4 ..." : the library's own words, one line; static storage. */
const char *comm_library_version(void);

/* Everybody waits for everybody. Collective. */
void comm_barrier(comm *c);
/* The same among the ranks of a group. Collective over the group. */
void comm_group_barrier(comm *c);

/* bytes of rank 0 to all. Collective. */
void comm_broadcast(comm *c, void *data, size_t bytes);

/* all[r * bytes ...] = what rank r gave; small (CHECK: at most 4 KiB a rank) and frequent: this is the step's one small
 * message. Inside a group it is one barrier and no message. Collective. all: ranks * bytes. */
void comm_allgather(comm *c, const void *own, size_t bytes, void *all);

/* Sum of integers over ranks, in place, exact. Collective. */
void comm_sum(comm *c, int64_t *values, int count);

/* Rank 0 receives the blocks of all ranks one behind the other in rank order; all may be NULL elsewhere. Blocks may
 * differ in size. Collective. */
void comm_gather(comm *c, const void *own, size_t bytes, void *all);

/* After a step that can fail on one rank: every rank gets the status of the lowest rank that failed, and its message
 * (prefixed with "rank N: " where that is not rank 0), so that all leave by the same door. Collective. */
status comm_agree(comm *c, status own, message *why);
/* The same between comm_start and comm_open. Collective. */
status comm_world_agree(status own, message *why);

/* ---- ranks that die or hang ----
 * A rank that died is seen by ranks of its host that wait in here for it, always: they say so, and end with
 * STATUS_RANK_LOST; the launcher ends the rest. A rank that hangs is looked for between comm_watch and comm_unwatch: one
 * that for `timeout_s` neither waited in here for others nor called comm_pulse ends all ranks likewise, with a line that
 * names it, its step and its phase. phase_name: of comm_pulse's phase; called by another thread. Both collective; one
 * watch at a time. */
void comm_watch(comm *c, double timeout_s, const char *(*phase_name)(int phase));
void comm_unwatch(comm *c);
/* This rank has just finished this phase of this step. Cheap: some stores. */
void comm_pulse(comm *c, int64_t step, int phase);

/* `bytes` of zeroed memory that all ranks of the group see (each at an address of its own), 64-byte aligned, freed by
 * comm_close. Backed by a file in /dev/shm that is reserved (posix_fallocate), mapped by all and never has a name, so
 * that nothing stays behind; 2 MiB and more begin on 2 MiB and ask for huge pages. Where the reserve fails on any rank:
 * STATUS_CANNOT_WRITE with a message, on all ranks alike. A group of one gets private memory. Collective over all ranks
 * (agrees over all); bytes may differ between groups, not inside one (CHECK). Several calls are allowed. */
status comm_shared_take(comm *c, size_t bytes, void **memory, message *why);

/* Bytes that this rank sent by messages, and read from other ranks' shared memory, in exchanges since comm_open (see
 * exchange.h); tests assert on them. */
typedef struct comm_traffic {
    int64_t sent_bytes, read_bytes;
} comm_traffic;
comm_traffic comm_get_traffic(const comm *c);

#endif
