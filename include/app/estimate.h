/* estimate.h - the memory that a run will take, before it takes it.                     layer: app
 *
 * Threads: one.   Collective: no.   Errors: as model_build and kernels_select.   Test: tests/unit/app_estimate.c
 */
#ifndef MNIST_DIST_APP_ESTIMATE_H
#define MNIST_DIST_APP_ESTIMATE_H

#include "base/arena.h"
#include "data/dataset.h"
#include "model/model.h"
#include "train/settings.h"

typedef struct estimate {
    size_t data_bytes;    /* images and labels, once per host                            */
    size_t partial_bytes; /* per rank: partial sums of the gradient                      */
    size_t state_bytes;   /* per rank: optimiser state and summed gradient of its slices */
    size_t pass_bytes;    /* per rank: activations of a pass, scratch                    */
    size_t
        host_bytes; /* once per host: parameters, their packed forms, the shared batch (as if there were one host).
                             With --reduce=mpi nothing but the data is shared: then all of it is in state_bytes */
    int leaves; /* of a batch: the most workers that can have work             */
} estimate;

/* The model of the settings for images of these sides. *m is zeroed, its memory is a's. classes 0: 10. */
status estimate_model(const settings *cfg, int height, int width, model *m, arena *a, message *why);

/* Of the training part. */
int estimate_samples(const settings *cfg, const dataset_plan *plan);

/* samples: of the training part; data_bytes: of dataset_plan; threads: of the rank that has most. Counts, and takes none of
 * that memory. */
estimate estimate_memory(const settings *cfg, const model *m, int samples, size_t data_bytes,
                         int ranks, int threads);

/* Per rank: message buffers of the exchange between `groups` groups of equally many ranks (--reduce=mpi: of MPI's sums). */
size_t estimate_message_bytes(const settings *cfg, const model *m, int samples, int ranks,
                              int groups);

/* Shared memory that a host with `ranks` ranks needs. */
size_t estimate_shared_bytes(const estimate *e, int ranks);

#endif
