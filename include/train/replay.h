/* replay.h - the training steps of any layout as traces for a simulator, without starting a rank.   room: train
 *
 * An exchange is planned from the layout, the slab and the batch. So it is known who sends how many bytes to whom, and what is
 * computed before that. replay_write writes this as SimGrid's time-independent traces, which `smpirun -replay` reads: H.
 * Casanova, F. Desprez, G. S. Markomanolis, F. Suter: Simulation of MPI applications with time-independent traces (2015).
 *
 *   rank-R.trace    the actions of rank R: init, then in each step compute, isend, irecv, ..., at last finalize
 *   index.txt       the names of these files, in rank order
 *   hosts.txt       for each rank the name of its host, host-0, host-1, ...
 *   trace.json      the layout, the messages, and what the traces assume
 *
 * A line "R compute AMOUNT PART" has operations as AMOUNT: nominal floating-point operations of the parts forward and
 * backward; in the other parts one for each float that is added, updated or packed. SimGrid ignores PART; who knows how long a
 * part takes may write other amounts.
 *
 * Memory: scratch, freed before return.   Threads: any, one at a time.   Collective: no; rank 0 alone calls it.
 * Test: tests/mpi/train_replay.c (the bytes are those of real runs), tests/tools/simulate.sh
 */
#ifndef MNIST_DIST_TRAIN_REPLAY_H
#define MNIST_DIST_TRAIN_REPLAY_H

#include "base/shape.h"
#include "train/settings.h"

typedef struct replay_cfg {
    /* Resolved. Steps are of whole batches: batch_size may be more than the data has. */
    const settings *cfg;
    shape image;
    int classes;
    const char *dataset;
    int ranks, hosts; /* hosts <= ranks; neighbours are on one host */
    int threads;      /* of a rank                                  */
    int steps;
} replay_cfg;

/* What was written. Messages inside a host are not counted: they have 0 bytes and stand for its barriers. */
typedef struct replay_count {
    int64_t messages, bytes;           /* of all ranks in one step            */
    int64_t most_messages, most_bytes; /* that one rank sends in one step     */
    int64_t exchange_bytes;            /* of bytes, those that no vote sends  */
} replay_count;

/* Writes the files into `folder`, which is made if it does not exist. STATUS_USAGE with --reduce=mpi, whose messages MPI
 * plans; as kernels_select and model_build; STATUS_CANNOT_WRITE. */
status replay_write(const replay_cfg *cfg, const char *folder, replay_count *count, failure *why);

#endif
