/* comm/slices.h - which part of a bucket each rank owns.                              room: comm (private) */
#ifndef MNIST_DIST_SRC_COMM_SLICES_H
#define MNIST_DIST_SRC_COMM_SLICES_H

#include "comm/exchange.h"

/* CHECKs what exchange_open demands of cfg, except cfg->add. */
void slices_check(const exchange_cfg *cfg);
/* slice: [buckets * ranks]; slice[b * ranks + r] is rank r's slice of bucket b, in the slab. */
void slices_cut(const exchange_cfg *cfg, int ranks, span *slice);

#endif
