/* product.h - the product of two floats in plain C, flushed alike everywhere.              room: kernel
 *
 * Kernels and layers whose products are written in plain C use it: AArch64 may flush before it rounds (base/denormals.h), and
 * only products can show that. It is a choice without a branch, so loops with it become vectors.
 * Threads: any.   Collective: no.   Errors: none.   Test: tests/ref/kernel_flush.c
 */
#ifndef MNIST_DIST_KERNEL_PRODUCT_H
#define MNIST_DIST_KERNEL_PRODUCT_H

/* exact, which may lie below 2^-126, as a float. */
static inline float product_narrow(double exact)
{
    float r = (float)exact;
#if defined __aarch64__
    double size = __builtin_fabs(exact);
    float kept = __builtin_copysignf(0x1p-126f, r);
    r = size >= 0x1.ffffffp-127 && size < 0x1p-126 ? kept : r; /* from 2^-126 (1 - 2^-25) on */
#endif
    return r;
}

/* a b; in double it is exact. */
static inline float product(float a, float b)
{
#if defined __aarch64__
    return product_narrow((double)a * (double)b);
#else
    return a * b;
#endif
}

#endif
