/* kernels.h - the table of hot kernels, one per instruction set.                      layer: kernel
 *
 * One portable binary: src/kernel/isa/ is compiled for the baseline (x86-64 or aarch64), for AVX2+FMA (x86-64-v3) and for
 * AVX-512 (x86-64-v4); the best that this processor has, or the one that the user pinned, is chosen once at start.
 * All functions: one thread's work, no allocation, no state.   Collective: no.   Errors: none at run time.
 */
#ifndef MNIST_DIST_KERNEL_KERNELS_H
#define MNIST_DIST_KERNEL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/tree.h"
#include "kernel/conv.h"
#include "kernel/gemm.h"

/* What a batch's rows gave; integers, so their sum has no order (rule 7 of src/README.md). */
typedef struct loss_sums {
    int64_t loss; /* sum of per-sample losses in units of 2^-32, each in [0, 2^20]; see loss_add */
    int64_t correct;   /* samples whose largest logit (the first of equals) is the label's */
    int64_t nonfinite; /* samples whose loss is NaN, Inf or above 2^20 */
} loss_sums;

/* min(a + b, INT64_MAX) of a, b >= 0, in any order and grouping: a training that diverges has a huge loss, above any other,
 * where a + b would wrap and be the least of all (from a sum of 2^31 on). Test: tests/unit/kernel_loss_sums.c */
static inline int64_t loss_add(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static inline void loss_sums_add(loss_sums *total, loss_sums more)
{
    total->loss = loss_add(total->loss, more.loss);
    total->correct += more.correct;
    total->nonfinite += more.nonfinite;
}

/* softmax cross-entropy of rows [lo,hi): z logits, p = softmax(z), loss = log(sum exp(z - max)) + max - z[label].
 * dlogits [row, classes] = (p - onehot) * scale, or not written where NULL. predicted, probability: per row, or NULL.
 * With smoothing a the target is (1 - a) onehot + a / classes instead of onehot, in loss and gradient (Szegedy et al., arXiv
 * 1512.00567, section 7; Keras' label_smoothing).
 * The sum over classes uses 16 lanes and a fixed tree over them. Source: Goodfellow et al., Deep Learning, 6.2.2.3. */
typedef struct softmax_args {
    int classes; /* 1..256 */
    int lo, hi;
    const float *logits;   /* [rows, classes] */
    const uint8_t *labels; /* [rows]          */
    float scale;
    float *dlogits;
    uint8_t *predicted;
    float *probability; /* of the predicted class */
    float smoothing;    /* 0: none */
} softmax_args;

/* Max pooling of one sample, channels last: y[p,q,c] = act(max_{r,s} x[p u + r - a, q u + s - a', c] + bias[c]); windows are
 * cut at the edges; of equal values the first counts. argmax [P,Q,C]: r * size + s of the maximum. */
typedef struct pool_args {
    int height, width, channels; /* of x                      */
    int out_height, out_width;
    int size, stride, pad_top, pad_left; /* size * size <= 256        */
    const float *bias;                   /* [channels], or NULL       */
    activation act;
} pool_args;

/* Layer normalisation (Ba, Kiros and Hinton, arXiv 1607.06450, eq. 3) of rows of `length` floats, without gaps:
 *   y = gamma (x - mean) s + beta,   s = 1 / sqrt(mean of (x - mean)^2 + epsilon),   stats [rows, 2] = mean, s
 *   with g = dy gamma and n = (x - mean) s:   dx = s (g - mean(g) - n mean(g n)),   dgamma += dy n,   dbeta += dy
 * Sums along a row use 16 lanes and a fixed tree over them; dgamma and dbeta add row after row. */
typedef struct layer_norm_args {
    int rows, length;
    const float *gamma, *beta; /* [length] */
    float epsilon;
} layer_norm_args;

/* Adam as Keras writes it: m += (g-m)(1-b1), v += (g^2-v)(1-b2), w -= alpha m / (sqrt(v) + eps) with
 * alpha = lr sqrt(1-b2^t)/(1-b1^t): "epsilon hat" of Kingma and Ba, arXiv 1412.6980, end of section 2. */
typedef struct adam_args {
    float *w, *m, *v;
    const float *g;
    size_t length; /* multiple of 16 */
    float alpha, one_minus_beta1, one_minus_beta2, epsilon;
} adam_args;

/* SGD: momentum 0: w -= lr g. Else m = momentum m - lr g; w += m, or (nesterov) w += momentum m - lr g. */
typedef struct sgd_args {
    float *w, *m; /* m NULL where momentum is 0 */
    const float *g;
    size_t length; /* multiple of 16 */
    float learning_rate, momentum;
    int nesterov;
} sgd_args;

/* One time step of a recurrent layer, `rows` samples; sigma = sigmoid, * element by element. Before: the products are done
 * (with bias), in packed panels of G units columns; forward turns them into the gates, backward those into the gradients
 * of the products, in place.
 *   simple_rnn  G = 1  h = tanh(a)                                                                        (Elman 1990)
 *   lstm        G = 4  i, f, o = sigma(a_i, a_f, a_o), g = tanh(a_g), order i f g o
 *                      c = f * c_before + i * g,  h = o * tanh(c)      (Hochreiter and Schmidhuber 1997; Gers et al. 2000)
 *   gru         G = 3  z, r = sigma(a_z + q_z, a_r + q_r),  n = tanh(a_n + r * q_n),  h = z * h_before + (1 - z) * n
 *                      a of the input, q of the state: Keras' reset_after                            (Cho et al. 2014)
 * sigma(x) = 1/2 + tanh(x/2)/2; tanh is a rational function, error below 3e-7 (tests/ref/layer_recurrent.c). */
typedef struct recurrent_step {
    int rows, units;
    size_t panel_stride;      /* floats from panel to panel                                       */
    float *gates;             /* the step's first row in the first panel                          */
    float *state_gates;       /* gru: q, the same layout; backward leaves its gradient            */
    const float *cell_before; /* lstm [rows, units]                                               */
    float *cell;
    const float *h_before; /* gru  [rows, units], rows h_stride apart                          */
    float *h;              /* [rows, units], rows h_stride apart; not read by backward         */
    size_t h_stride;
    /* backward alone */
    const float *dh; /* [rows, units] through the next step's products                   */
    const float *
        dy; /* [rows, units], rows dy_stride apart, of the layer's output; NULL: this step is none */
    size_t dy_stride;
    float *
        carry; /* [rows, units] lstm: gradient of c, gru: of h beside the products; to the step before */
} recurrent_step;

/* One time step of simple_rnn or lstm together with its product; equations as above, units a multiple of 32.
 *   forward    products = bias + [x | h_before] [W; U]: one chain, the bias, then the columns [ink_lo, ink_hi) of x, then
 *              those of h_before. The columns of x that are left out must be 0 in all rows, and h_before is 0 (and not read)
 *              in the first step: leaving them out changes nothing but signs of zeros.
 *   backward   gates -> gradients of the products, in place; the bias' gradient grows row by row; carry and dh as above
 * Gates of a unit share a division, as do units u and u + 16 of simple_rnn: tanh and sigma are off by less than 6e-7
 * (tests/ref/kernel_recurrent.c). simple_rnn needs no gates but h. */
typedef struct recurrent_fused {
    int rows, units, inputs;
    int ink_lo, ink_hi;
    int is_first;
    const float *z; /* [rows, inputs + units] = [x | h_before], rows row_stride apart     */
    size_t row_stride;
    const float *packed; /* by recurrent_fused_pack                                            */
    float *h;            /* [rows, units], rows row_stride apart                               */
    float *gates;        /* as in recurrent_step                                               */
    size_t panel_stride; /* floats from panel to panel of gates                                */
    const float
        *cell_before; /* lstm [rows, units], likewise cell and cell_tanh = tanh(cell)       */
    float *cell, *cell_tanh;
    /* backward alone */
    const float *dh;      /* [rows, units]         */
    float *carry;         /* lstm [rows, units]    */
    float *bias_gradient; /* [G units], added to   */
} recurrent_fused;

/* bias, W and U in the order in which a step reads them: panels [panel_lo, panel_hi) of units G / V, where a panel has V
 * vectors (lstm 4: a gate each; simple_rnn 2): [1 + inputs + units, V, vector_floats]. */
typedef struct recurrent_pack_args {
    const float *kernel, *recurrent, *bias; /* [inputs, G units], [units, G units], [G units] */
    int inputs, units, gates;               /* gates: 1 or 4 */
    int panel_lo, panel_hi;
    float *packed;
} recurrent_pack_args;

/* The direction of LAMB (You et al., arXiv 1904.00962, algorithm 2), as Keras writes it: m and v as adam's, then
 * g = (m / c1) / (sqrt(v / c2) + eps) with c1 = 1 - b1^t, c2 = 1 - b2^t. */
typedef struct lamb_args {
    float *m, *v;
    float *g;      /* in: the gradient, out: the direction */
    size_t length; /* multiple of 16 */
    float one_minus_beta1, one_minus_beta2, correction1, correction2, epsilon;
} lamb_args;

typedef struct kernels {
    const char *name;  /* "baseline", "avx2", "avx512" */
    int vector_floats; /* floats of a vector           */
    int panel;         /* columns of a packed panel    */

    void (*gemm_pack)(const gemm_pack_args *p);
    void (*gemm_nn)(const gemm_nn_args *g);
    void (*gemm_tn)(const gemm_tn_args *g);
    void (*gemm_tn_tree)(const gemm_tree_args *g);

    /* sums [cols] (+)= sum over rows of g [rows, cols], row by row. */
    void (*column_sums)(int rows, int cols, const float *g, gemm_store store, float *sums);

    /* dst[i] = (float)src[i] / 255. */
    void (*scale_bytes)(const uint8_t *src, size_t length, float *dst);

    /* Convolutions with the pooling behind them: see kernel/conv.h. winograd_pack: panels [lo, hi) of kernels.panel filters;
     * conv_sparse_pack: filters [lo, hi), multiples of 16; both packed forms belong to this table alone. */
    void (*conv_pixels_forward)(const conv_forward_args *a);
    void (*conv_pixels_backward)(const conv_backward_args *a);
    void (*winograd_pack)(int channels, int filters, const float *w, int lo, int hi, float *packed);
    void (*winograd_forward)(const conv_forward_args *a);
    void (*conv_sparse_weights)(const conv_backward_args *a);
    void (*conv_sparse_unpack)(int channels, int filters, const float *sums, float *dw);
    void (*conv_sparse_pack)(int channels, int filters, const float *w, int lo, int hi,
                             float *packed);
    void (*conv_sparse_input)(const conv_input_args *a);

    /* Pooling; argmax as pool_args says. */
    void (*pool_forward)(const pool_args *p, const float *x, float *y, uint8_t *argmax);
    /* dx [H,W,C] = dy routed to the maxima, 0 elsewhere; where y <= 0 and act is ReLU nothing passes. */
    void (*pool_backward)(const pool_args *p, const float *dy, const float *y,
                          const uint8_t *argmax, float *dx);

    /* Average pooling of one sample: y = the mean of the window's pixels inside the image, summed in row order. bias, act and
     * the bound on size are max pooling's alone. */
    void (*average_forward)(const pool_args *p, const float *x, float *y);
    void (*average_backward)(const pool_args *p, const float *dy, float *dx);

    void (*layer_norm_forward)(const layer_norm_args *n, const float *x, float *y, float *stats);
    /* dx may be NULL. */
    void (*layer_norm_backward)(const layer_norm_args *n, const float *x, const float *stats,
                                const float *dy, float *dx, float *dgamma, float *dbeta);

    /* y[i] = act(y[i]). slope: what leaky ReLU multiplies by below 0; >= 0. */
    void (*activate)(activation act, float slope, size_t length, float *y);
    /* dst[i] = dy[i] act'(x[i]) out of y[i] = act(x[i]) alone; dst may be dy. */
    void (*activation_backward)(activation act, float slope, size_t length, const float *dy,
                                const float *y, float *dst);

    void (*softmax_loss)(const softmax_args *s, loss_sums *sums);

    void (*simple_rnn_forward)(const recurrent_step *s);
    void (*simple_rnn_backward)(const recurrent_step *s);
    void (*lstm_forward)(const recurrent_step *s);
    void (*lstm_backward)(const recurrent_step *s);
    void (*gru_forward)(const recurrent_step *s);
    void (*gru_backward)(const recurrent_step *s);

    void (*recurrent_fused_pack)(const recurrent_pack_args *p);
    void (*simple_rnn_fused)(const recurrent_fused *s);
    void (*simple_rnn_fused_backward)(const recurrent_fused *s);
    void (*lstm_fused)(const recurrent_fused *s);
    void (*lstm_fused_backward)(const recurrent_fused *s);

    void (*adam)(const adam_args *a);
    void (*sgd)(const sgd_args *s);
    void (*lamb)(const lamb_args *a);

    /* values *= factor; length: a multiple of 16. */
    void (*scale)(float *values, float factor, size_t length);
    /* y += factor x, rounded once; x may be y; length: a multiple of 16. */
    void (*add_scaled)(float *y, const float *x, float factor, size_t length);

    /* Sum of squares in double, any length: lane l of 16 adds the elements l, l + 16, ...; then lanes l and l + 8, l and
     * l + 4, l and l + 2, 0 and 1. Squares of floats are exact in double, so every instruction set gives the same bits. */
    double (*sum_squares)(const float *values, size_t length);

    /* 1 if every value is finite. */
    int (*all_finite)(const float *values, size_t length);

    /* The stack machine of base/tree.h on arrays of `length` floats (any alignment): see exchange_add in comm/exchange.h.
     * results[r] may be an item that the results 0 ... r are made of: results are written in ascending order, piece by
     * piece, when all sums of the piece are known. */
    void (*tree_sum)(tree_plan plan, const unsigned char *merges, const float *const *items,
                     size_t length, float *const *results);

    /* Independent chains of fused multiply-adds, `repeats` long, out of registers; returns the number of floating-point
     * operations done, for the roofline. sink: [16], receives what keeps the compiler from leaving it out. */
    double (*fma_peak)(long repeats, float *sink);
} kernels;

/* The best table for this processor (name NULL or "auto"), or the named one. STATUS_USAGE with a message where the name is
 * unknown or the processor lacks the instructions. */
status kernels_select(const char *name, const kernels **chosen, message *why);

/* All tables that this processor can run, best first; returns their number (at most 3). */
int kernels_available(const kernels **tables);

/* Rank in speed of a table, so that ranks of different hosts can agree on the lowest: 0 baseline, 1 avx2, 2 avx512. */
int kernels_level(const kernels *k);
const kernels *kernels_of_level(int level);

static inline int kernels_panels(const kernels *k, int cols)
{
    return (cols + k->panel - 1) / k->panel;
}

#endif
