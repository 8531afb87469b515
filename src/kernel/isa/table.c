/* kernel/isa/table.c - this instruction set's table. */
#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

#define KERNEL_STRING_(x) #x
#define KERNEL_STRING(x)  KERNEL_STRING_(x)

const kernels KERNEL(kernels) = {
    .name = KERNEL_STRING(KERNEL_ISA),
    .vector_floats = SIMD_LEN,
    .panel = 2 * SIMD_LEN,
#define KERNEL_ENTRY(type, member, parameters) .member = KERNEL(member),
#include "kernel/list.inc"
};
