/* kernel/isa/variants.h - the kernels of the instruction set that is compiled.         room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_VARIANTS_H
#define MNIST_DIST_KERNEL_ISA_VARIANTS_H

#include "kernel/isa/simd.h"
#include "kernel/kernels.h"

#define KERNEL_ENTRY(type, name, parameters) type KERNEL(name) parameters;
#include "kernel/list.inc"

extern const kernels KERNEL(kernels);

#endif
