/* profile.h - where the time of a run goes: --profile.                                 layer: train
 *
 * Every rank records its threads' spans (base/trace.h); when a run ends, or stops early, rank 0 gathers them and writes
 *   RUN/trace.json    the newest spans of every thread in Chrome's trace event format ("Trace Event Format", Google, 2016:
 *                     complete events "X", ts and dur in microseconds, pid = rank, tid = thread); Perfetto opens it. Its
 *                     size is bounded however many threads there are (profile_spans)
 *   RUN/profile.txt   seconds of each phase over the whole run, its share of the steps, and the nominal GFLOP/s of stages
 *                     beside the limits that the same cores reach in the same process (roofline.h)
 * Seconds of a phase are those of a rank's threads together, divided by their number: phases add up to the step, waiting
 * included. Ranks of a host share a clock; hosts are aligned by a barrier at the start.
 *
 * Collective over all ranks.   Memory: the session's arena, before the first step; at the end the text.
 * Errors: STATUS_CANNOT_WRITE.
 * Test: tests/unit/train_profile.c, tests/e2e/profile.sh, tests/prop/train_no_allocation.c
 */
#ifndef MNIST_DIST_TRAIN_PROFILE_H
#define MNIST_DIST_TRAIN_PROFILE_H

#include "train/roofline.h"
#include "train/session.h"

/* Phases of the trace; those of stages follow behind. */
typedef enum profile_phase {
    PROFILE_WAIT, /* for the other threads of the rank */
    PROFILE_EPOCH,
    PROFILE_VALIDATION,
    PROFILE_TEST,
    PROFILE_CHECKPOINT,
    PROFILE_STEP,
    PROFILE_SAMPLE,   /* which samples are in the batch */
    PROFILE_MERGE,    /* sums of several passes */
    PROFILE_EXCHANGE, /* partial sums on their way, other ranks waited for */
    PROFILE_SUM,      /* and is every gradient finite? */
    PROFILE_AGREE,
    PROFILE_UPDATE,
    PROFILE_PUBLISH,
    PROFILE_PREPARE,
    PROFILE_PHASES
} profile_phase;

/* Spans that each thread keeps where `threads` record in all: up to 65,536, and 2^22 of all threads together, a span being
 * some 100 bytes of trace.json. */
int profile_spans(int64_t threads);

/* A trace of all stages and phases; from now on s->trace is not NULL. */
void profile_begin(session *s);

/* Gathers what was recorded: rank 0's s->profile_table receives the table, and run_folder (NULL: none) both files.
 * limits: what roofline_measure says, or NULL after an early stop, which has no second to lose: the table is then without
 * them. Nothing where s->trace is NULL. */
status profile_end(session *s, const char *run_folder, const roofline *limits, message *why);

#endif
