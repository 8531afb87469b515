/* values.h - inputs for kernels under test: drawn values, and memory in which accesses outside an array are found.
 *
 * A fence is memory that ends where no page is mapped: reading or writing past the end stops the test. Before the array lie 64
 * canaries (NaNs): when read they make the results NaN; whether they were overwritten, fence_intact says.
 */
#ifndef MNIST_DIST_TESTS_VALUES_H
#define MNIST_DIST_TESTS_VALUES_H

#include <stddef.h>
#include <stdint.h>

/* Uniform in [-1,1), a function of seed and index; never 0. */
float value_at(uint64_t seed, uint64_t index);
void values_fill(float *values, size_t count, uint64_t seed);
void values_widen(const float *values, size_t count, double *wide);

/* An integer in [0, below). */
int value_int(uint64_t seed, uint64_t index, int below);

/* Zeroed memory; the test fails where there is none. The caller frees it. */
void *values_take(size_t bytes);

/* A NaN that no arithmetic produces. */
float canary(void);
int is_canary(float x);
void canaries(float *values, size_t count);

typedef struct fence {
    char *base, *end;
    size_t mapped;
} fence;

/* Room for `floats` floats and the canaries before them, until fence_close. */
fence fence_open(size_t floats);
void fence_close(fence *f);
/* `count` floats (or bytes) that end at the fence, filled with canaries. Every call gives the same memory. */
float *fence_floats(const fence *f, size_t count);
uint8_t *fence_bytes(const fence *f, size_t count);
/* 1 if the canaries before the `count` floats are as they were. */
int fence_intact(const fence *f, size_t count);

#endif
