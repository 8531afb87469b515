/* kernel/isa/variants.h - the functions that this folder defines, once per instruction set.  layer: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_VARIANTS_H
#define MNIST_DIST_KERNEL_ISA_VARIANTS_H

#include "kernel/kernels.h"

#define KERNEL_DECLARE(isa)                                                                        \
    void gemm_pack_##isa(const gemm_pack_args *p);                                                 \
    void gemm_nn_##isa(const gemm_nn_args *g);                                                     \
    void gemm_tn_##isa(const gemm_tn_args *g);                                                     \
    void gemm_tn_tree_##isa(const gemm_tree_args *g);                                              \
    void column_sums_##isa(int rows, int cols, const float *g, gemm_store store, float *sums);     \
    void scale_bytes_##isa(const uint8_t *src, size_t length, float *dst);                         \
    void conv_pixels_forward_##isa(const conv_forward_args *a);                                    \
    void conv_pixels_backward_##isa(const conv_backward_args *a);                                  \
    void winograd_pack_##isa(int channels, int filters, const float *w, int lo, int hi,            \
                             float *packed);                                                       \
    void winograd_forward_##isa(const conv_forward_args *a);                                       \
    void conv_sparse_weights_##isa(const conv_backward_args *a);                                   \
    void conv_sparse_unpack_##isa(int channels, int filters, const float *sums, float *dw);        \
    void conv_sparse_pack_##isa(int channels, int filters, const float *w, int lo, int hi,         \
                                float *packed);                                                    \
    void conv_sparse_input_##isa(const conv_input_args *a);                                        \
    void pool_forward_##isa(const pool_args *p, const float *x, float *y, uint8_t *argmax);        \
    void pool_backward_##isa(const pool_args *p, const float *dy, const float *y,                  \
                             const uint8_t *argmax, float *dx);                                    \
    void average_forward_##isa(const pool_args *p, const float *x, float *y);                      \
    void average_backward_##isa(const pool_args *p, const float *dy, float *dx);                   \
    void layer_norm_forward_##isa(const layer_norm_args *n, const float *x, float *y,              \
                                  float *stats);                                                   \
    void layer_norm_backward_##isa(const layer_norm_args *n, const float *x, const float *stats,   \
                                   const float *dy, float *dx, float *dgamma, float *dbeta);       \
    void activate_##isa(activation act, float slope, size_t length, float *y);                     \
    void activation_backward_##isa(activation act, float slope, size_t length, const float *dy,    \
                                   const float *y, float *dst);                                    \
    void softmax_loss_##isa(const softmax_args *s, loss_sums *sums);                               \
    void simple_rnn_forward_##isa(const recurrent_step *s);                                        \
    void simple_rnn_backward_##isa(const recurrent_step *s);                                       \
    void lstm_forward_##isa(const recurrent_step *s);                                              \
    void lstm_backward_##isa(const recurrent_step *s);                                             \
    void gru_forward_##isa(const recurrent_step *s);                                               \
    void gru_backward_##isa(const recurrent_step *s);                                              \
    void recurrent_fused_pack_##isa(const recurrent_pack_args *p);                                 \
    void simple_rnn_fused_##isa(const recurrent_fused *s);                                         \
    void simple_rnn_fused_backward_##isa(const recurrent_fused *s);                                \
    void lstm_fused_##isa(const recurrent_fused *s);                                               \
    void lstm_fused_backward_##isa(const recurrent_fused *s);                                      \
    void adam_##isa(const adam_args *a);                                                           \
    void sgd_##isa(const sgd_args *s);                                                             \
    void lamb_##isa(const lamb_args *a);                                                           \
    void scale_##isa(float *values, float factor, size_t length);                                  \
    void add_scaled_##isa(float *y, const float *x, float factor, size_t length);                  \
    double sum_squares_##isa(const float *values, size_t length);                                  \
    int all_finite_##isa(const float *values, size_t length);                                      \
    void tree_sum_##isa(tree_plan plan, const unsigned char *merges, const float *const *items,    \
                        size_t length, float *const *results);                                     \
    double fma_peak_##isa(long repeats, float *sink);                                              \
    extern const kernels kernels_##isa;

KERNEL_DECLARE(baseline)
KERNEL_DECLARE(avx2)
KERNEL_DECLARE(avx512)
#undef KERNEL_DECLARE

#endif
