/* bench_ranks.h - where the time of each rank goes while bench measures: --per-rank.      room: train
 *
 * Without it bench keeps the times of the slowest rank alone. With it every rank adds up what each of its threads did, and
 * keeps the parts of single steps. docs/scaling.md says what follows from them.
 *
 * Threads: the one that called comm_start.   Memory: the session's arena.   Errors: none.
 * Test: tests/e2e/bench_ranks.sh
 */
#ifndef MNIST_DIST_TRAIN_BENCH_RANKS_H
#define MNIST_DIST_TRAIN_BENCH_RANKS_H

#include "train/session.h"
#include "train/step.h"

/* Parts of a step of one rank, by the clock of its thread 0. STEP is the sum of the others. */
typedef enum bench_part {
    BENCH_STEP,
    BENCH_COMPUTE, /* forward, backward, and what comes before and between        */
    BENCH_SUM,     /* summing slices of the gradient                              */
    BENCH_UPDATE,
    BENCH_PREPARE,  /* packed forms, where the ranks of a group share them         */
    BENCH_SEND,     /* beginning an exchange during the backward pass              */
    BENCH_EXCHANGE, /* these four: waiting for other ranks, and moving data       */
    BENCH_VOTE,
    BENCH_PUBLISH,
    BENCH_GROUP,
    BENCH_PARTS
} bench_part;
/* "compute"; a static string. */
const char *bench_part_name(bench_part part);

/* Of one rank. Milliseconds are means of a measured step. */
typedef struct bench_rank {
    char host[64];
    int cores, threads; /* cores: that this rank's host may use for all of its ranks */
    double cpu_ms;      /* processor time of all threads */
    double part_ms[BENCH_PARTS], phase_ms[STEP_PHASES];
    const double *work_ms;   /* [threads] computing                           */
    const double *wait_ms;   /* [threads] waiting for other threads           */
    const double *sample_ms; /* [samples][BENCH_PARTS] of every Nth step      */
} bench_rank;

typedef struct bench_recorder bench_recorder;

/* A recorder for `steps` steps. */
bench_recorder *bench_recorder_new(session *s, int steps);
/* What was recorded so far is forgotten: the measured steps begin. */
void bench_recorder_begin(bench_recorder *p);
/* One step; parts: seconds, of all members but BENCH_STEP, which is their sum. p NULL: does nothing. */
void bench_recorder_add(bench_recorder *p, const double parts[BENCH_PARTS],
                        const double phases[STEP_PHASES]);
/* The parts of a training step. */
void bench_parts_of(const step_parts *step, double parts[BENCH_PARTS]);

/* All ranks' records [ranks] on rank 0, NULL on others. *samples: of each rank; *every: they are of every Nth step. Collective
 * over all ranks. */
const bench_rank *bench_recorder_gather(bench_recorder *p, int *samples, int *every);

#endif
