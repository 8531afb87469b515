/* kernel/amx/table.c - AMX' table: AVX-512, with products by matrix instructions. */
#include "kernel/amx/variants.h"

/* AMX has none of its own: the chains of a leaf's few rows and the tree take as long in tiles. */
#define gemm_tn_tree_amx gemm_tn_tree_bf16
#define gemm_operand_amx gemm_operand_bf16

const kernels kernels_amx = {
    .name = "amx",
    .precision = PRECISION_BF16,
    .vector_floats = SIMD_LEN,
    .panel = 2 * SIMD_LEN,
    .packed_row = SIMD_LEN,
#define KERNEL_ENTRY(type, member, parameters)   .member = KERNEL(member),
#define KERNEL_PRODUCT(type, member, parameters) .member = KERNEL(member##_amx),
#include "kernel/list.inc"
};
