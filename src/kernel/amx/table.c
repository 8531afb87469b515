/* kernel/amx/table.c - AMX' table: AVX-512, with products by matrix instructions. */
#include "kernel/amx/variants.h"

/* AMX has none of its own: the chains of a leaf's few rows and the tree take as long in tiles; sums over maxima alone have no
 * tiles. */
#define gemm_tn_tree_amx              gemm_tn_tree_bf16
#define gemm_operand_amx              gemm_operand_bf16
#define conv_pixels_forward_amx       conv_pixels_forward_bf16
#define conv_pixels_backward_amx      conv_pixels_backward_bf16
#define conv_sparse_weights_amx       conv_sparse_weights_bf16
#define conv_sparse_pack_amx          conv_sparse_pack_bf16
#define simple_rnn_fused_backward_amx simple_rnn_fused_backward_bf16
#define lstm_fused_backward_amx       lstm_fused_backward_bf16

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
