/* rng.h - random numbers as a function: value = f(seed, stream, epoch, sample, index).   room: base
 *
 * There is no generator with a state: a value depends on its key and index alone, so it is the same for every layout and
 * after every resume.
 * The function is Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11, from the
 * Random123 library: key = seed, counter = (index, sample, epoch, stream).
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: none.   Test: tests/unit/base_rng.c (known answers)
 */
#ifndef MNIST_DIST_BASE_RNG_H
#define MNIST_DIST_BASE_RNG_H

#include <stdint.h>

/* What the numbers are for. The values define the bits of a run: do not change them. */
typedef enum rng_stream {
    RNG_INITIALISE = 1, /* epoch 0, sample: the number of the tensor          */
    RNG_SHUFFLE = 2,    /* sample 0, index: the position                      */
    RNG_DROPOUT = 3,    /* index: the layer and the element, see dropout.c */
    RNG_AUGMENT = 4,
    RNG_SYNTHETIC = 5, /* epoch 0: training digits, 1: test digits           */
    RNG_NOISE = 6,     /* index: the layer and the element, see gaussian_noise.c */
    RNG_AUDIT = 7,     /* epoch and sample: the high and low half of the step's number */
} rng_stream;

typedef struct rng_key {
    uint64_t seed;
    rng_stream stream;
    uint32_t epoch;
    uint32_t sample;
} rng_key;

/* Four independent, uniform 32-bit words. */
typedef struct rng_words {
    uint32_t word[4];
} rng_words;

rng_words rng_draw(rng_key key, uint32_t index);

/* Uniform in [0,1), a multiple of 2^-24 (float) or 2^-53 (double). */
float rng_float(rng_key key, uint32_t index);
double rng_double(rng_key key, uint32_t index);

/* Uniform integer in [0, bound), bound >= 1: the high half of a 64-bit product, bias below 2^-32 * bound. */
uint32_t rng_below(rng_key key, uint32_t index, uint32_t bound);

#endif
