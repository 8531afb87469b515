/* update.h - this rank's slices of the parameters follow their gradients.              room: train
 *
 *   clip         g *= most / |g| if the norm over all parameters is larger              (norms, one exchange of block sums)
 *   update       element-wise optimisers: one pass
 *   layer-wise   lars, lamb: direction, norms of each tensor's w and g, follow         (optim/optimizer.h)
 * Norms are sums over blocks in block order (optim/norm.h): every rank gives the sums of its blocks, and each rank adds all of
 * them in the same order.
 *
 * The updater owns what belongs to updates alone: the optimiser and its state, the schedule of the learning rate, the sums of
 * gradients. It borrows the session.
 *
 * Memory: the session's arena, all in update_new.   Errors: none.   Test: tests/mpi/train_same_bits.c
 */
#ifndef MNIST_DIST_TRAIN_UPDATE_H
#define MNIST_DIST_TRAIN_UPDATE_H

#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/session.h"

typedef struct updater {
    session *s;              /* borrowed                                  */
    optimizer_cfg optimizer; /* with the learning rate of the newest step */
    double base_rate;        /* that the schedule multiplies              */
    schedule schedule;
    plateau plateau; /* of the epochs so far */
    /* [m.buckets + 1] where each bucket's slice begins in a slot */
    size_t slice_offset[MODEL_BUCKETS + 1];
    int64_t iteration_offset; /* steps of the optimiser before the run: --optimizer-state */
    int slots;
    /* [slots] optimiser state of this rank's slices, bucket after bucket */
    float *slot[OPTIMIZER_MAX_SLOTS];
    float *gradient[MODEL_BUCKETS]; /* [m.buckets] sums of gradients of this rank's slice */
    struct norm_plan *norms;        /* NULL: neither clipping nor the optimiser asks for a norm */
} updater;

/* An updater of the session's parameters, at the start of its schedule; owned by the session's arena. Not collective. */
updater *update_new(session *s);

/* The learning rate of the next step. */
double update_rate(const updater *u);

/* Updates this rank's slices with the sums of gradients in u->gradient and the rate in u->optimizer. Every thread of the team
 * calls it, inside a region; it holds team barriers, and another one must follow. Collective over all ranks. */
void update_slices(updater *u, int thread);

#endif
