/* estimate.h - the memory that a run will take, before it takes it.                     room: app
 *
 * Threads: one.   Collective: no.   Memory: as said.   Errors: as said.   Test: tests/unit/app_estimate.c
 */
#ifndef MNIST_DIST_APP_ESTIMATE_H
#define MNIST_DIST_APP_ESTIMATE_H

#include "base/arena.h"
#include "data/dataset.h"
#include "model/model.h"
#include "train/settings.h"

typedef struct estimate {
    size_t data_bytes; /* once for a host: images and labels */
    /* For each rank. */
    size_t partial_bytes; /* partial sums of the gradient                      */
    size_t state_bytes;   /* optimiser state and summed gradient of its slices */
    size_t pass_bytes;    /* activations of a pass, scratch                    */
    /* Once for a host, as if there were one: parameters, their packed forms, the shared batch. With --reduce=mpi ranks share
     * only the data, and all of this is in state_bytes. */
    size_t host_bytes;
    int leaves; /* of a batch: the most workers that can have work */
} estimate;

/* Builds the model of the settings for the images and classes of this data. *m is zeroed; a owns its memory. Errors: as
 * kernels_select and model_build. */
status estimate_model(const settings *cfg, const dataset_plan *plan, model *m, arena *a,
                      failure *why);

/* Samples of the part that trains; may be 0. */
int estimate_samples(const settings *cfg, const dataset_plan *plan);

/* samples: of the part that trains; data_bytes: of dataset_plan; threads: of the rank that has most. Counts the memory without
 * taking it. */
estimate estimate_memory(const settings *cfg, const model *m, int samples, size_t data_bytes,
                         int ranks, int threads);

/* For each rank: bytes of the exchange's message buffers between `groups` groups of equally many ranks; with --reduce=mpi, of
 * MPI's sums. */
size_t estimate_message_bytes(const settings *cfg, const model *m, int samples, int ranks,
                              int groups);

/* Shared memory that a host with `ranks` ranks needs. */
size_t estimate_shared_bytes(const estimate *e, int ranks);

#endif
