/* step.h - one optimiser step of all ranks.                                            room: train
 *
 *   forward, loss, backward   passes over this rank's leaves           (model/executor.h)
 *   sum                       this rank's slices, in tree order        (comm/exchange.h; joint sums: model/executor.h)
 *   vote                      each rank gives loss, counts, whether all of its values are finite, and whether it wants to stop
 *                             (base/stop.h) or a checkpoint; all ranks draw the same conclusion
 *   update                    this rank's slices                       (train/update.h)
 *   publish                   parameters to all ranks, then packed forms; between hosts, parameters of late buckets may arrive
 *                             in the next step, before the first stage that reads them (comm/exchange.h)
 *
 * Every Nth step is audited, where --audit=N is given (train/audit.h).
 * A step whose loss or gradient is not finite on any rank is applied on no rank (rule 8).
 *
 * Threads: the one that called comm_start; a step opens one region of the team.
 * Memory: the session's arena, all in step_new; a step takes none.   Errors: none; see step_result.finite.
 * Test: tests/mpi/train_same_bits.c, tests/prop/train_no_allocation.c, tests/e2e/same_bits.sh
 */
#ifndef MNIST_DIST_TRAIN_STEP_H
#define MNIST_DIST_TRAIN_STEP_H

#include "train/audit.h"
#include "train/session.h"
#include "train/update.h"

typedef enum step_phase {
    STEP_FORWARD,
    STEP_BACKWARD, /* joint sums included */
    STEP_EXCHANGE, /* waiting for partials, summing them, voting, publishing */
    STEP_UPDATE,
    STEP_OTHER, /* choosing samples, making packed forms */
    STEP_PHASES
} step_phase;
/* "forward"; a static string. */
const char *step_phase_name(step_phase phase);

/* Where thread 0 of a rank waits for other ranks in a step, in this order. */
typedef enum step_wait {
    STEP_WAIT_EXCHANGE, /* for the sums of other ranks                                             */
    STEP_WAIT_VOTE,
    STEP_WAIT_PUBLISH, /* for parameters, also for late ones, in the forward pass of the next step */
    STEP_WAIT_GROUP,   /* for packed forms, of the ranks that share memory                        */
    STEP_WAITS
} step_wait;

/* The seconds of a step by thread 0's clock, without gaps: their sum is the step. Only if the session has a trace. */
typedef struct step_parts {
    /* Before each wait, outside of MPI. Work after the last wait counts to the first, as does work before late parameters. */
    double work_s[STEP_WAITS];
    double wait_s[STEP_WAITS]; /* waiting and moving data */
    double send_s;             /* beginning an exchange during the backward pass */
} step_parts;

typedef struct stepper {
    session *s; /* borrowed */
    updater *u;
    audit *audit;             /* --audit; else NULL */
    struct step_state *state; /* of step.c */
} stepper;

typedef struct step_result {
    int samples;                 /* of the global batch                                      */
    int finite;                  /* 0: nothing was updated                                   */
    int audit_differs;           /* 1: likewise, since audit_agrees was 0: audit_tell        */
    double loss_sum;             /* of the samples' losses, over the global batch            */
    int64_t correct;             /* samples                                                  */
    int64_t nonfinite;           /* samples with a loss that is not finite                   */
    int nonfinite_rank;          /* the lowest rank that has such a sample                   */
    double phase_s[STEP_PHASES]; /* seconds, by this rank's clock                            */
    step_parts parts;            /* likewise; only if the session has a trace                */
    int stop;                    /* why to stop (base/stop.h), the same on all ranks; 0: not */
    int checkpoint;              /* 1: some rank wants one; the same on all ranks            */
    int leaves;                  /* of the global batch                                      */
    range own;                   /* this rank's leaves                                       */
} step_result;

/* A stepper with an updater, at the start of its schedule; owned by the session's arena. Not collective. */
stepper *step_new(session *s);

/* Bytes that every rank gives to comm_allgather in each step. */
size_t step_vote_bytes(void);

/* What a step may be told; to be added up. */
typedef enum step_wish {
    STEP_WANTS_CHECKPOINT = 1, /* this rank's vote */
    /* Another step follows, and before it nothing reads or changes the parameters: late ones may still be on their way when
     * step_run returns. All are there if a rank wants to stop or a checkpoint, or nothing was updated. The same on all ranks */
    STEP_IS_FOLLOWED = 2
} step_wish;

/* Step `step` of epoch `epoch`, both counted from 0. wishes: of step_wish, or 0. Collective over all ranks. */
step_result step_run(stepper *p, int epoch, int step, int wishes);

#endif
