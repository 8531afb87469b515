/* kernel/isa/table.c - this instruction set's tables. */
#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

#define KERNEL_STRING_(x) #x
#define KERNEL_STRING(x)  KERNEL_STRING_(x)

#define SIZES                                                                                      \
    .name = KERNEL_STRING(KERNEL_ISA), .vector_floats = SIMD_LEN, .panel = 2 * SIMD_LEN,           \
    .packed_row = 2 * SIMD_LEN

const kernels KERNEL(kernels) = {
    SIZES,
    .precision = PRECISION_FP32,
#define KERNEL_ENTRY(type, member, parameters) .member = KERNEL(member),
#include "kernel/list.inc"
};

const kernels KERNEL(kernels_bf16) = {
    SIZES,
    .precision = PRECISION_BF16,
#define KERNEL_ENTRY(type, member, parameters)   .member = KERNEL(member),
#define KERNEL_PRODUCT(type, member, parameters) .member = KERNEL(member##_bf16),
#include "kernel/list.inc"
};
