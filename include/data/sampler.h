/* sampler.h - which samples are in which batch: a function of (seed, epoch, step).   room: data
 *
 * An epoch is a permutation of the training samples, cut into batches; the last batch may be smaller. The permutation is a
 * Fisher-Yates shuffle (Knuth, TAOCP 2, 3.4.2, algorithm P) with the random numbers rng_below((seed, RNG_SHUFFLE, epoch, 0),
 * i). It is the same on every rank, and needs none of the epochs before it. Without shuffling it is the file's order.
 *
 * Threads: one for each sampler.   Collective: no.   Memory: the caller's, 4 bytes for each sample.   Errors: CHECK.
 * Test: tests/unit/data_sampler.c
 */
#ifndef MNIST_DIST_DATA_SAMPLER_H
#define MNIST_DIST_DATA_SAMPLER_H

#include <stdint.h>

typedef enum sampler_order { SAMPLER_SHUFFLED, SAMPLER_FILE_ORDER } sampler_order;

typedef struct sampler {
    sampler_order order;
    uint64_t seed;
    int count; /* samples                                    */
    int batch; /* samples of a batch, except of a last one   */
    int epoch; /* the epoch of `permutation`; -1: none yet   */
    int *permutation;
} sampler;

/* permutation: memory for `count` ints, borrowed. count and batch are at least 1. */
void sampler_init(sampler *s, sampler_order order, uint64_t seed, int count, int batch,
                  int *permutation);

enum { SAMPLER_SIZES = 2 };

/* The sizes that batches of an epoch have: `batch`, if there is a full one, and that of a smaller last one. Returns how many
 * sizes there are. */
int sampler_sizes(int count, int batch, int sizes[SAMPLER_SIZES]);

/* Batches of an epoch: ceil(count / batch). */
int sampler_steps(const sampler *s);

/* The batch of step `step` of epoch `epoch`, both counted from 0: *samples points at *n indices into the training set, in the
 * order in which leaves divide them. They are valid until the next call with another epoch. */
void sampler_batch(sampler *s, int epoch, int step, const int **samples, int *n);

#endif
