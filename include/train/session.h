/* session.h - what train, evaluate and bench have in common: data, model, exchange, memory.   layer: train
 *
 * session_open is collective over all ranks and does everything that can fail for reasons of the world: rank 0 finds the
 * data, one rank of each group of shared memory loads it, all agree. On failure every rank returns the same status.
 *
 * Threads: the thread that called comm_start.   Memory: the session's own arena and comm's shared memory.
 */
#ifndef MNIST_DIST_TRAIN_SESSION_H
#define MNIST_DIST_TRAIN_SESSION_H

#include "base/arena.h"
#include "base/trace.h"
#include "comm/comm.h"
#include "comm/exchange.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/sampler.h"
#include "model/run.h"
#include "optim/optimizer.h"
#include "train/settings.h"

typedef struct session {
    settings cfg;
    comm *c;
    const comm_layout *layout;
    int threads;       /* of this rank           */
    int *rank_threads; /* [ranks] of every rank  */
    int cores;         /* of this host, together */
    arena memory;

    dataset data;
    dataset_split training, validation;
    augment_cfg augment; /* of training images     */
    const kernels *k;
    model m;
    exchange *x;
    float *parameters;               /* the group's one copy (--reduce=mpi: the rank's own) */
    float *packed;                   /* likewise */
    int prepare_part, prepare_parts; /* this rank's share of model_prepare, in threads */
    int pass_samples;                /* run_capacity, the same on all ranks */
    run *r;
    int joint;               /* 1: the ranks share the batch for run_joint_sum */
    trace *trace;            /* --profile, or NULL */
    char *profile_table;     /* rank 0, after profile_end */
    optimizer_cfg optimizer; /* with the learning rate of the newest step */
    double base_rate;        /* that the schedule starts from */
    schedule schedule;
    plateau plateau;           /* of the epochs so far */
    struct update_plan *norms; /* NULL: nothing asks for a norm */
    int slots;
    float
        *slot[OPTIMIZER_MAX_SLOTS]; /* optimiser state of this rank's slices, bucket after bucket */
    float *gradient[MODEL_BUCKETS]; /* sums of this rank's slice of each bucket */
    size_t slice_offset[MODEL_BUCKETS + 1]; /* where each bucket's slice begins in slot */
    sampler order;
    int64_t step;              /* steps done          */
    struct XXH3_state_s *hash; /* of session_digest: a step takes no memory */
    int wants_saving;          /* this rank's wish: the next step's message takes it to all */
} session;

typedef struct session_cfg {
    settings cfg; /* resolved            */
    comm *c;
    int threads, cores;
} session_cfg;

/* *s must be zeroed. */
status session_open(session *s, const session_cfg *cfg, message *why);
void session_close(session *s);

/* The data a run with these settings would use, without loading it (rank 0 alone). */
status session_find_data(const settings *cfg, dataset_plan *plan, message *why);

/* Samples of a pass, on every rank: run_capacity of a rank's part of a batch, or of what evaluation wants where that is more.
 * threads: of the rank that has most. */
int session_pass_samples(const settings *cfg, const model *m, int batch, int ranks, int threads);
/* The steps that can come, of so many training samples, for exchange_count. */
exchange_steps session_steps(const settings *cfg, int samples, int pass_samples);

/* After parameters were written (by one rank of each group; by each rank with --reduce=mpi): makes the packed forms.
 * Collective. */
void session_prepare(session *s);

/* The learning rate of the next step. */
double session_rate(const session *s);

/* XXH3-128 in hex of the parameters: float32 little-endian, Keras' variable order, no gaps. */
void session_digest(const session *s, char hex[33]);

#endif
