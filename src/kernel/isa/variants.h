/* kernel/isa/variants.h - the kernels of the instruction set that is compiled.         room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_VARIANTS_H
#define MNIST_DIST_KERNEL_ISA_VARIANTS_H

#include "kernel/isa/simd.h"
#include "kernel/kernels.h"

#define KERNEL_ENTRY(type, name, parameters) type KERNEL(name) parameters;
#include "kernel/list.inc"

#define KERNEL_ENTRY(type, name, parameters)
#define KERNEL_PRODUCT(type, name, parameters) type KERNEL(name##_bf16) parameters;
#include "kernel/list.inc"

extern const kernels KERNEL(kernels), KERNEL(kernels_bf16);

#endif
