/* kernel_cases.h - the kernels that bench --kernel knows, with shapes.         room: train (private) */
#ifndef MNIST_DIST_TRAIN_KERNEL_CASES_H
#define MNIST_DIST_TRAIN_KERNEL_CASES_H

#include "kernel/kernels.h"

enum {
    RIG_LONG = 8 << 20,  /* floats of x and y: beyond the caches       */
    RIG_SHORT = 1 << 20, /* of w and z, and what is filled of x and y  */
    CASE_SIZES = 8
};

/* One thread's arrays. Filled: x and w with small positive numbers, z likewise with zeros in every third place, as
 * gradients behind ReLU have them; bytes with 0 to 3; picture: samples of 28 x 28 with ink in the inner 20 x 20. */
typedef struct rig {
    const kernels *k;
    float *x, *y, *w, *z, *picture;
    uint8_t *bytes; /* [RIG_SHORT] */
} rig;

/* What bounds a case; the limit itself is measured by the case of that number. */
typedef enum case_bound { BOUND_PEAK, BOUND_CACHE, BOUND_MEMORY, BOUNDS } case_bound;

enum { CASE_PEAK_REPEATS = 1 << 12 }; /* of the chains in a call of case BOUND_PEAK */

typedef struct kernel_case {
    const char *kernel, *shape;
    case_bound bound;
    /* Of a call: floating-point operations if the bound is BOUND_PEAK (0: what fma_peak returns), else bytes read and
     * written. */
    double amount;
    void (*call)(const rig *r, const int n[CASE_SIZES]);
    int n[CASE_SIZES]; /* see the call */
} kernel_case;

/* All cases, limits first. */
const kernel_case *kernel_cases(int *count);

#endif
