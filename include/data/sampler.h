/* sampler.h - which samples are in which batch: a function of (seed, epoch, step).   layer: data
 *
 * An epoch is a permutation of the training samples, cut into batches; the last, smaller batch is kept. The
 * permutation is a Fisher-Yates shuffle (Knuth, TAOCP 2, 3.4.2 P) whose draws are rng_below((seed, RNG_SHUFFLE,
 * epoch, 0), i): the same on every rank, and epoch 7 can be had without epochs 0..6. Without shuffling: file order.
 *
 * Threads: one.   Collective: no.   Memory: count * 4 bytes, the caller's.   Test: tests/unit/data_sampler.c
 */
#ifndef MNIST_DIST_DATA_SAMPLER_H
#define MNIST_DIST_DATA_SAMPLER_H

#include <stdint.h>

typedef enum sampler_order { SAMPLER_SHUFFLED, SAMPLER_FILE_ORDER } sampler_order;

typedef struct sampler {
    sampler_order order;
    uint64_t seed;
    int count, batch;
    int epoch;        /* whose permutation is in `permutation`; -1: none yet */
    int *permutation; /* [count], the caller's                               */
} sampler;

/* permutation: memory for count ints. */
void sampler_init(sampler *s, sampler_order order, uint64_t seed, int count, int batch,
                  int *permutation);

enum { SAMPLER_SIZES = 2 };

/* Sizes of the batches of every epoch: of all but the last, and of the last where it is smaller. Returns how many. */
int sampler_sizes(int count, int batch, int sizes[SAMPLER_SIZES]);

/* ceil(count / batch). */
int sampler_steps(const sampler *s);

/* The samples of step `step` (0-based) of epoch `epoch` (0-based): *samples points at *n sample indices, in the
 * order in which leaves cut them. Valid until another epoch is asked for. */
void sampler_batch(sampler *s, int epoch, int step, const int **samples, int *n);

#endif
