/* session.h - what training, evaluating and timing have in common: data, model, exchange, memory.   room: train
 *
 * A session holds the parameters and all that runs samples through them. What changes the parameters is a stepper
 * (train/step.h).
 *
 * Threads: the one that called comm_start.   Test: tests/mpi/train_same_bits.c, tests/prop/train_no_allocation.c
 */
#ifndef MNIST_DIST_TRAIN_SESSION_H
#define MNIST_DIST_TRAIN_SESSION_H

#include "base/arena.h"
#include "base/trace.h"
#include "comm/comm.h"
#include "comm/exchange.h"
#include "data/dataset.h"
#include "data/sampler.h"
#include "model/executor.h"
#include "train/run_data.h"
#include "train/settings.h"

typedef struct session {
    settings cfg;
    comm *c;
    const comm_layout *layout; /* c's                    */
    int threads;               /* of this rank           */
    int cores;                 /* of this host, together */
    arena memory;

    dataset data;
    int is_other;         /* 1: not the data of session_cfg.known */
    class_names names;    /* of the classes, on rank 0                                    */
    failure names_remark; /* an evaluation: why classes.txt was not taken; "": nothing */
    /* Parts of data.train; in an evaluation data.test and nothing. */
    dataset_split training, validation;
    sampler order; /* of the training samples in batches */

    char isa[32]; /* the instruction sets of all ranks, "avx512, avx2" */
    model m;
    exchange *x;
    float *parameters; /* [m.slab_length] the group's one copy; --reduce=mpi: this rank's own */
    float *packed;     /* [m.packed_length] made from them by session_prepare, shared likewise */
    int prepare_parts; /* shares of model_prepare: a thread of a rank that shares `packed` does one */
    int prepare_part; /* of this rank's thread 0 */
    executor *r;
    int joint;    /* 1: the ranks share the batch for executor_joint_sum */
    int64_t step; /* updates that the parameters have had                */
    trace *trace; /* NULL, except with a profile (train/profile.h)       */
} session;

typedef struct session_cfg {
    settings cfg; /* resolved; copied */
    comm *c;      /* borrowed         */
    int threads, cores;
    /* The data of the weights or of the run, the same on all ranks; NULL: none. */
    const run_data *known;
    const dataset_plan *plan; /* data that was found already; NULL: rank 0 finds them */
    int evaluates;            /* 1: does not train, so that a test set alone will do  */
} session_cfg;

/* Opens *s, which must be zeroed, with parameters from the seed. Rank 0 finds the data, one rank of each group loads it;
 * s->cfg.data becomes its absolute path. Where cfg->known knows more classes than the data, s->cfg.classes becomes their
 * number. The session's arena and comm own all memory. Errors: as dataset_find, dataset_load, kernels_select, model_build
 * and exchange_open, run_data_find and run_data_check; STATUS_BAD_DATA if a host has other data than rank 0, and for a bad
 * classes.txt, except in an evaluation; STATUS_USAGE if
 * the settings do not fit the data or the hosts; the same status on all ranks. Collective over all ranks. */
status session_open(session *s, const session_cfg *cfg, failure *why);
/* Frees all of it; also after a session_open that failed. Not collective, but before comm_close on every rank. */
void session_close(session *s);

/* After one rank of each group (--reduce=mpi: each rank) wrote the parameters: makes the packed forms. Collective over all
 * ranks; opens a region of the team. */
void session_prepare(session *s);

/* ---- the plan of a session; not collective, needs no session ---- */

/* The data that a run with these settings would use, without loading it. Errors: as dataset_find. */
status session_find_data(const settings *cfg, dataset_plan *plan, failure *why);

/* The shape of one image of the data, {3, {H, W, C}}. */
shape session_image(const dataset_plan *plan);

/* Cuts data->train into the parts that train and validate, by --limit and --validation-split. STATUS_USAGE if the first is
 * empty. */
status session_cut_data(const settings *cfg, const dataset *data, dataset_split *training,
                        dataset_split *validation, failure *why);

/* Samples of a global batch, of `samples` that train: --batch-size, or all if they are fewer. */
int session_batch(const settings *cfg, int samples);

/* Samples of a pass, on every rank: executor_capacity of a rank's part of a batch, or of an evaluation's pass if that has more.
 * threads: of the rank that has most. */
int session_pass_samples(const settings *cfg, const model *m, int batch, int ranks, int threads);

/* The steps of a run in which `samples` train, for exchange_count. */
exchange_steps session_steps(const settings *cfg, int samples, int pass_samples);

/* What exchange_open takes for such a run; m is borrowed. */
exchange_cfg session_exchange(const settings *cfg, const model *m, int samples, int pass_samples);

#endif
