/* chain.h - one step of a sum as a table's kernels do it: fused where the instruction set is. */
#ifndef MNIST_DIST_TESTS_CHAIN_H
#define MNIST_DIST_TESTS_CHAIN_H

#include <math.h>

#include "kernel/kernels.h"

static inline float chain_step(const kernels *k, float x, float y, float sum)
{
#if defined __aarch64__
    (void)k;
    return fmaf(x, y, sum);
#else
    return kernels_level(k) > 0 ? fmaf(x, y, sum) : x * y + sum;
#endif
}

#endif
