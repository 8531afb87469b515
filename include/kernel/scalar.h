/* scalar.h - exp, log, sin, cos, tanh in double, the same bits on every machine.      room: kernel
 *
 * libm chooses its code by the processor, so the last bits of its results depend on it; these functions are fixed polynomials
 * in plain IEEE arithmetic (fused multiply-adds only where written, by fma()). They serve schedules, bias corrections, losses,
 * initial values and the built-in digits, and are too slow for kernels.
 *
 * Accuracy: error below 2 ulp of double over the ranges given (tested against libm's long double functions), for sine and
 * cosine also next to their zeros. scalar_power: relative error below n * 2^-53.
 * Threads: any.   Collective: no.   Errors: none; NaN gives NaN, other arguments are named below.
 * Test: tests/unit/kernel_scalar.c
 */
#ifndef MNIST_DIST_KERNEL_SCALAR_H
#define MNIST_DIST_KERNEL_SCALAR_H

/* Inf above 709.78; 0 below -708.39, where libm gives denormals. */
double scalar_exp(double x);
/* -Inf for 0 and denormals, NaN for x < 0. */
double scalar_log(double x);
/* NaN for |x| > 1e5. */
double scalar_sin(double x);
double scalar_cos(double x);
double scalar_tanh(double x);

/* x^n by squaring, in a fixed order; n >= 0. */
double scalar_power(double x, int n);

#endif
