/* profile.h - where the time of a run goes: --profile.                                 room: train
 *
 * Every rank records its threads' spans (base/trace.h). When a run ends, or stops early, rank 0 gathers them and writes
 *   RUN/trace.json    the newest spans of every thread in Chrome's trace event format ("Trace Event Format", Google, 2016:
 *                     complete events "X", ts and dur in microseconds, pid = rank, tid = thread); Perfetto opens it. Its
 *                     size is bounded for any number of threads (profile_spans)
 *   RUN/profile.txt   seconds of each phase over the whole run, its share of the steps, and the nominal GFLOP/s of stages
 *                     beside the limits of the same cores, measured by the same process (roofline.h)
 * The seconds of a phase are the sum over a rank's threads, divided by their number: with waiting, the phases add up to the
 * step. Ranks of a host share a clock; hosts are aligned by a barrier at the start.
 *
 * Threads: the one that called comm_start.   Memory: the session's arena; profile_end also takes the text of trace.json.
 * Test: tests/unit/train_profile.c, tests/e2e/profile.sh, tests/prop/train_no_allocation.c
 */
#ifndef MNIST_DIST_TRAIN_PROFILE_H
#define MNIST_DIST_TRAIN_PROFILE_H

#include "train/roofline.h"
#include "train/session.h"

/* Phases of the trace; the executor's stages are numbered after them. */
typedef enum profile_phase {
    PROFILE_WAIT, /* for the other threads of the rank */
    PROFILE_EPOCH,
    PROFILE_VALIDATION,
    PROFILE_TEST,
    PROFILE_CHECKPOINT,
    PROFILE_STEP,
    PROFILE_SAMPLE,   /* which samples are in the batch                */
    PROFILE_MERGE,    /* sums of several passes                        */
    PROFILE_EXCHANGE, /* moving partial sums, waiting for other ranks  */
    PROFILE_SUM,      /* summing slices, checking that they are finite */
    PROFILE_VOTE,
    PROFILE_UPDATE,
    PROFILE_PUBLISH,
    PROFILE_PREPARE,
    PROFILE_PHASES
} profile_phase;

typedef struct profile {
    session *s;        /* borrowed */
    const char *table; /* profile.txt, on rank 0 after profile_end; else NULL */
} profile;

/* Spans that each thread keeps if `threads` (of all ranks) record: at most 65,536, and 2^22 of all threads together. A span is
 * some 100 bytes of trace.json. */
int profile_spans(int64_t threads);

/* With --profile: from now on the session's trace records all stages and phases. Without it: NULL. The session's arena owns the
 * profile. Collective over all ranks. */
profile *profile_attach(session *s);

/* From now on the session's trace adds up the time of all phases, without keeping spans. Does nothing if there is a trace. Not
 * collective. */
void profile_sums(session *s);

/* What a thread has done so far, by the session's trace. */
typedef struct profile_time {
    double work_s; /* computing: neither waiting nor communicating */
    double wait_s; /* for other threads of the rank                */
} profile_time;
profile_time profile_time_of(const session *s, int thread);

/* Gathers what was recorded: rank 0 sets p->table and writes both files into run_folder; run_folder NULL: no files. limits: of
 * roofline_measure; NULL after an early stop, when there is no time to measure: the table is then without them. p NULL: does
 * nothing. STATUS_CANNOT_WRITE on all ranks. Collective over all ranks. */
status profile_end(profile *p, const char *run_folder, const roofline *limits, failure *why);

#endif
