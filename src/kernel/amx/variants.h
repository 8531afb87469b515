/* kernel/amx/variants.h - the kernels of AMX; all others are those of AVX-512.        room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_AMX_VARIANTS_H
#define MNIST_DIST_KERNEL_AMX_VARIANTS_H

#include "kernel/isa/variants.h"

#define KERNEL_ENTRY(type, name, parameters)
#define KERNEL_PRODUCT(type, name, parameters) type KERNEL(name##_amx) parameters;
#include "kernel/list.inc"

extern const kernels kernels_amx;

#endif
