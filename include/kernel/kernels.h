/* kernels.h - tables of the kernels, one for each instruction set and precision.      room: kernel
 *
 * One binary serves all processors: src/kernel/isa/ is compiled for the baseline (x86-64 or aarch64), for AVX2 and FMA
 * (x86-64-v3) and for AVX-512 (x86-64-v4). Each has a table for either precision of products (kernel/bf16.h). AMX
 * (src/kernel/amx) is a fourth one for PRECISION_BF16: AVX-512, with products by matrix instructions. The best table that the
 * processor can run, or the one of --isa, is chosen once at the start. Kernels (list.inc): each call is the work of one
 * thread; they allocate nothing and keep no state, so calls may run at once.
 * Collective: no.   Errors: none, except kernels_select.   Test: tests/ref/kernel_*.c, tests/prop/kernel_bits.c
 */
#ifndef MNIST_DIST_KERNEL_KERNELS_H
#define MNIST_DIST_KERNEL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/tree.h"
#include "kernel/conv.h"
#include "kernel/gemm.h"

/* Sums over samples. They are integers, so their order does not matter (rule 7 of docs/reproducibility.md). */
typedef struct loss_sums {
    int64_t loss;      /* of the losses in units of 2^-32, each in [0, 2^20]; see loss_add      */
    int64_t correct;   /* samples whose largest logit (the first of equal ones) is the label's */
    int64_t nonfinite; /* samples whose loss is NaN, Inf or above 2^20                         */
} loss_sums;

/* min(a + b, INT64_MAX) for a, b >= 0; the order of several additions does not matter. If a + b wrapped (from a sum of 2^31
 * on), a training that diverges would have the least loss of all. Test: tests/unit/kernel_loss_sums.c */
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

/* Softmax cross-entropy of rows [lo,hi): z logits, p = softmax(z), loss = log(sum exp(z - max)) + max - z[label],
 * dlogits = (p - onehot) * scale (Goodfellow et al., Deep Learning, 6.2.2.3). With smoothing a the target is
 * (1 - a) onehot + a / classes instead of onehot, in loss and gradient (Szegedy et al., arXiv 1512.00567, section 7; Keras'
 * label_smoothing). The sum over classes uses 16 lanes and a fixed tree over them. The sums are added to. */
typedef struct softmax_args {
    int classes; /* 1..256 */
    int lo, hi;
    const float *logits;   /* [rows, classes]                              */
    const uint8_t *labels; /* [rows]                                       */
    float scale;
    float *dlogits;       /* [rows, classes], or NULL                   */
    uint8_t *predicted;   /* [rows], or NULL                            */
    float *probabilities; /* [rows, classes]: p, all NAN where a sum overflows; or NULL */
    float smoothing;      /* a; 0: none                                 */
} softmax_args;

/* Max pooling of one sample, channels last: y[p,q,c] = act(max_{r,s} x[p u + r - a, q u + s - a', c] + bias[c]); only the
 * pixels of a window inside the image count; of equal ones the first is the maximum. argmax [P,Q,C]: its r * size + s. */
typedef struct pool_args {
    int height, width, channels; /* of x */
    int out_height, out_width;
    int size, stride, pad_top, pad_left; /* size * size <= 256; a = pad_top, a' = pad_left */
    const float *bias;                   /* [channels], or NULL                            */
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

/* Adamax as Keras writes it: m as adam's, u = max(b2 u, |g|), w -= alpha m / (u + eps) with alpha = lr/(1-b1^t): Kingma and
 * Ba, arXiv 1412.6980, section 7.1. */
typedef struct adamax_args {
    float *w, *m, *u;
    const float *g;
    size_t length; /* multiple of 16 */
    float alpha, one_minus_beta1, beta2, epsilon;
} adamax_args;

/* RMSprop as Keras writes it: v = b2 v + (1-b2) g^2, d = lr g / sqrt(v + eps); momentum 0: w -= d, else m = momentum m + d and
 * w -= m. Hinton, Neural networks for machine learning, lecture 6e. */
typedef struct rmsprop_args {
    float *w, *v, *m; /* m NULL where momentum is 0 */
    const float *g;
    size_t length; /* multiple of 16 */
    float learning_rate, momentum, beta2, one_minus_beta2, epsilon;
} rmsprop_args;

/* SGD: momentum 0: w -= lr g. Else m = momentum m - lr g; w += m, or (nesterov) w += momentum m - lr g. */
typedef struct sgd_args {
    float *w, *m; /* m NULL where momentum is 0 */
    const float *g;
    size_t length; /* multiple of 16 */
    float learning_rate, momentum;
    int nesterov;
} sgd_args;

/* One time step of a recurrent layer for `rows` samples; s = gate_act, t = state_act, * element by element. Before it the
 * products, with bias, lie in packed panels of G units columns; forward turns them into the gates, backward turns the gates
 * into the gradients of the products, in place.
 *   simple_rnn  G = 1  h = t(a)                                                                           (Elman 1990)
 *   lstm        G = 4  i, f, o = s(a_i, a_f, a_o), g = t(a_g), order i f g o
 *                      c = f * c_before + i * g,  h = o * t(c)         (Hochreiter and Schmidhuber 1997; Gers et al. 2000)
 *   gru         G = 3  z, r = s(a_z + q_z, a_r + q_r),  n = t(a_n + r * q_n),  h = z * h_before + (1 - z) * n
 *                      a of the input, q of the state: Keras' reset_after          (Cho et al., arXiv 1406.1078v1)
 *   reset_before  gru with n = t(a_n + (r * h_before) U_n), in two parts with a product after each: Keras' reset_after=False
 *                      (Cho et al., arXiv 1406.1078v3)
 *                      forward 1: z, r, reset = r * h_before;  2: n and h, from candidate = reset U
 *                      backward 1: the gradients of z and n;  2: that of r, from dreset = n's gradient times U_n'
 * The usual s is sigmoid(x) = 1/2 + tanh(x/2)/2, the usual t tanh, a rational function, error below 3e-7
 * (tests/ref/layer_recurrent.c). t and s may not be leaky ReLU. */
typedef struct time_step_args {
    int rows, units;
    size_t panel_stride; /* floats from panel to panel                                     */
    float *gates;        /* the step's first row in the first panel                        */
    activation state_act, gate_act;
    float *state_gates; /* gru: q, the same layout; backward leaves the gradient of q           */
    /* reset_before: the product of `reset`, the same layout; backward leaves its gradient. There, columns of state_gates and
     * candidate that are not used become 0. */
    float *candidate;
    float *reset;             /* reset_before [rows, units]: r * h_before           */
    const float *dreset;      /* reset_before, backward 2: [rows, units]            */
    const float *cell_before; /* lstm [rows, units]                                             */
    float *cell;              /* lstm [rows, units]                                             */
    const float *h_before;    /* gru [rows, units], rows h_stride apart                         */
    float *h;                 /* [rows, units], rows h_stride apart; backward does not read it  */
    size_t h_stride;
    /* Only backward. dh: the gradient of h by the next step's products, [rows, units]. dy: by the layer's output, [rows,
     * units], rows dy_stride apart; NULL if the step is not part of the output. carry [rows, units], from the next step to the
     * one before: lstm: the gradient of c; gru: that part of the gradient of h that does not pass the products. */
    const float *dh, *dy;
    size_t dy_stride;
    float *carry;
} time_step_args;

/* One time step of simple_rnn or lstm together with its products; equations as above, units a multiple of 32.
 *   forward    products = bias + [x | h_before] [W; U]: one chain: the bias, then the columns [ink_lo, ink_hi) of x, then those
 *              of h_before. The other columns of x must be 0 in all rows; in the first step h_before is 0 and not read. Without
 *              these terms only signs of zeros can differ.
 *   backward   gates -> gradients of the products, in place; the bias' gradient is added to row by row; carry and dh as above
 *   PRECISION_BF16, forward: the terms of x in blocks of their own, then those of h_before; the bias is added last. At most
 *              RECURRENT_BF16_COLUMNS columns, each of the two rounded up to whole blocks (kernel/bf16.h). Backward: gates are
 *              rounded where they are stored, as operands of the products that follow; the bias' gradient adds them before.
 * The gates of a unit of lstm, and the units u and u + 16 of simple_rnn, share a division: the error of tanh and sigma is below
 * 6e-7 (tests/ref/kernel_recurrent.c). simple_rnn has no gates except h. */
enum { RECURRENT_BF16_COLUMNS = 2048 };
typedef struct recurrent_fused {
    int rows, units, inputs;
    int ink_lo, ink_hi;
    int is_first;
    const float *z; /* [rows, inputs + units] = [x | h_before], rows row_stride apart */
    size_t row_stride;
    const float *packed;      /* by recurrent_fused_pack                                        */
    float *h;                 /* [rows, units], rows row_stride apart                           */
    float *gates;             /* as in time_step_args                                           */
    size_t panel_stride;      /* floats from panel to panel of gates                            */
    const float *cell_before; /* lstm [rows, units]                                             */
    float *cell, *cell_tanh;  /* lstm [rows, units]; cell_tanh = tanh(cell)                     */
    /* Only backward. */
    const float *dh;      /* [rows, units]       */
    float *carry;         /* lstm [rows, units]  */
    float *bias_gradient; /* [G units], added to */
} recurrent_fused;

/* Packs bias, W and U in the order in which a step reads them. A panel has V vectors (lstm: 4, one for each gate; simple_rnn:
 * 2) and is [1 + inputs + units, V, vector_floats]; panels [panel_lo, panel_hi) are written. */
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

/* Of the operands of products. */
typedef enum precision { PRECISION_FP32, PRECISION_BF16 } precision;

typedef struct kernels {
    const char *name;    /* "baseline", "avx2", "avx512", "amx" */
    precision precision; /* of the products                     */
    int vector_floats;   /* floats of a vector                  */
    int panel;           /* columns of a packed panel           */
    /* Floats from row to row of a panel that gemm_pack or gemm_panel leaves: panel, or half of it where two rows share the room
     * of one. So rows from an even one on are a packed form of their own. */
    int packed_row;

    /* The kernels, each a pointer to a function. */
#define KERNEL_ENTRY(type, name, parameters) type(*name) parameters;
#include "kernel/list.inc"
} kernels;

/* The best table of this precision for this processor (name NULL or "auto"), or the one of this name. STATUS_USAGE if the name
 * is unknown, the precision has no such table, or the processor lacks the instructions. The first call with PRECISION_BF16
 * asks the operating system for AMX. */
status kernels_select(const char *name, precision p, const kernels **chosen, failure *why);

enum { KERNELS_LEVELS = 4 };

/* All tables of PRECISION_FP32 that this processor can run, best first; returns their number (at most 3). */
int kernels_available(const kernels **tables);
/* The same of any precision, at most KERNELS_LEVELS. */
int kernels_available_in(precision p, const kernels **tables);

/* NULL, or why this processor has AMX but cannot use it here. */
const char *kernels_amx_refused(void);

/* The level of a table: 0 baseline, 1 avx2, 2 avx512, 3 amx. All tables of a precision give the same bits; packed forms are a
 * table's own. */
int kernels_level(const kernels *k);
/* The table of a level, NULL if this binary or the precision has none. */
const kernels *kernels_of_level(precision p, int level);

/* Where this processor flushes before it rounds (base/denormals.h): the table that decides each product by the rule, slower,
 * with the packed forms of k; elsewhere k. */
const kernels *kernels_deciding(const kernels *k);

/* Panels of a packed matrix with `cols` columns. */
static inline int kernels_panels(const kernels *k, int cols)
{
    return (cols + k->panel - 1) / k->panel;
}

#endif
