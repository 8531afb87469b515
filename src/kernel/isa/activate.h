/* kernel/isa/activate.h - the activations of a vector; their formulas are in activation.c.      room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_ACTIVATE_H
#define MNIST_DIST_KERNEL_ISA_ACTIVATE_H

#include "kernel/gemm.h"
#include "kernel/isa/simd.h"

/* slope: of leaky ReLU below 0. */
INLINE simd_float activate(activation act, simd_float slope, simd_float x)
{
    switch (act) {
    case ACTIVATION_RELU:
        return simd_relu(x);
    case ACTIVATION_LEAKY_RELU:
        return simd_select(x > simd_zero(), x, simd_mul(slope, x));
    case ACTIVATION_TANH:
        return simd_tanh(x);
    case ACTIVATION_SIGMOID:
        return simd_sigmoid(x);
    case ACTIVATION_ELU:
        return simd_select(x > simd_zero(), x, simd_exp_less_1(x));
    case ACTIVATION_HARD_SIGMOID: /* in this order NaN stays NaN */
        return simd_min(simd_set(6.0f), simd_relu(x + simd_set(3.0f))) / simd_set(6.0f);
    case ACTIVATION_NONE:
        break;
    }
    return x;
}

#endif
