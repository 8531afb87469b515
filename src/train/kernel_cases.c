/* train/kernel_cases.c - one call of each kernel, and the table of shapes: those of the models at batch 128, leaves of 8. */
#include "kernel_cases.h"

#include <string.h>

enum { IMAGE = 28, LEAF = 8, PART = RIG_SHORT / 4 };

/* ---- limits: n = floats of an array ---- */

static void fma_peak(const rig *r, const int *n)
{
    (void)n;
    r->k->fma_peak(CASE_PEAK_REPEATS, r->y);
}

static void copy(const rig *r, const int *n)
{
    memcpy(r->y, r->x, (size_t)n[0] * sizeof(float));
}

/* ---- products: n = outer, rows, segments, length, pitch, step, columns, as kernel/gemm.h has them ---- */

static gemm_rows rows_of(const rig *r, const int *n)
{
    return (gemm_rows){.a = r->x,
                       .outer = n[0],
                       .rows = n[1],
                       .segments = n[2],
                       .length = n[3],
                       .outer_stride = (size_t)n[4],
                       .row_stride = (size_t)n[5],
                       .segment_stride = (size_t)n[4]};
}

static void gemm_nn(const rig *r, const int *n)
{
    gemm_nn_args a = {.rows = rows_of(r, n),
                      .panels = r->w,
                      .cols = n[6],
                      .panel_hi = kernels_panels(r->k, n[6]),
                      .bias = r->z,
                      .act = ACTIVATION_RELU,
                      .c = r->y,
                      .c_outer_stride = (size_t)(n[1] * n[6]),
                      .c_row_stride = (size_t)n[6]};
    r->k->gemm_nn(&a);
}

static void gemm_tn(const rig *r, const int *n)
{
    gemm_tn_args a = {
        .rows = rows_of(r, n), .panels = r->w, .cols = n[6], .store = GEMM_ACCUMULATE, .c = r->y};
    r->k->gemm_tn(&a);
}

static void gemm_tn_tree(const rig *r, const int *n)
{
    tree_node leaf[256];
    unsigned char merges[256];
    int leaves = tree_leaves(n[1], LEAF);
    for (int i = 0; i < leaves; i++) leaf[i] = (tree_node){i, i + 1};
    gemm_tree_args a = {.rows = rows_of(r, n),
                        .panels = r->w,
                        .cols = n[6],
                        .grain = LEAF,
                        .plan = tree_plan_merges(leaves, leaf, leaves, merges, NULL),
                        .merges = merges,
                        .results = (float *const[]){r->y},
                        .parts = 1};
    r->k->gemm_tn_tree(&a);
}

/* ---- convolutions with their pooling: n = width, channels, filters, windows of a side, windows of a row of y ---- */

static conv_windows windows_of(const int *n)
{
    return (conv_windows){.width = n[0],
                          .channels = n[1],
                          .filters = n[2],
                          .rows = n[3],
                          .cols = n[3],
                          .out_width = n[4],
                          .in_length = (size_t)(n[0] * n[0] * n[1]),
                          .out_length = (size_t)(n[4] * n[4] * n[2])};
}

static conv_forward_args conv_forward(const rig *r, const int *n, const float *x)
{
    return (conv_forward_args){.g = windows_of(n),
                               .samples = LEAF,
                               .x = x,
                               .w = r->w,
                               .bias = r->z,
                               .act = ACTIVATION_RELU,
                               .y = r->y,
                               .argmax = r->bytes,
                               .scratch = r->y + RIG_LONG / 2};
}

static conv_backward_args conv_backward(const rig *r, const int *n, const float *x)
{
    return (conv_backward_args){.g = windows_of(n),
                                .samples = LEAF,
                                .x = x,
                                .dy = r->z,
                                .argmax = r->bytes,
                                .dw = r->y,
                                .scratch = r->y + RIG_LONG / 2};
}

static void conv_pixels_forward(const rig *r, const int *n)
{
    conv_forward_args a = conv_forward(r, n, r->picture);
    r->k->conv_pixels_forward(&a);
}

static void conv_pixels_backward(const rig *r, const int *n)
{
    conv_backward_args a = conv_backward(r, n, r->picture);
    r->k->conv_pixels_backward(&a);
}

static void winograd_forward(const rig *r, const int *n)
{
    conv_forward_args a = conv_forward(r, n, r->x);
    r->k->winograd_forward(&a);
}

static void conv_sparse_weights(const rig *r, const int *n)
{
    conv_backward_args a = conv_backward(r, n, r->x);
    r->k->conv_sparse_weights(&a);
}

static void conv_sparse_input(const rig *r, const int *n)
{
    conv_input_args a = {.g = windows_of(n),
                         .height = n[0],
                         .samples = LEAF,
                         .turned = r->w,
                         .dy = r->z,
                         .argmax = r->bytes,
                         .dx = r->y,
                         .scratch = r->y + RIG_LONG / 2};
    r->k->conv_sparse_input(&a);
}

/* ---- pooling of one sample: n = side, channels ---- */

static pool_args pooling(const int *n)
{
    return (pool_args){.height = n[0],
                       .width = n[0],
                       .channels = n[1],
                       .out_height = n[0] / 2,
                       .out_width = n[0] / 2,
                       .size = 2,
                       .stride = 2};
}

static void pool_forward(const rig *r, const int *n)
{
    pool_args a = pooling(n);
    r->k->pool_forward(&a, r->x, r->y, r->bytes);
}

static void pool_backward(const rig *r, const int *n)
{
    pool_args a = pooling(n);
    r->k->pool_backward(&a, r->z, r->x, r->bytes, r->y);
}

/* ---- time steps of recurrent layers: n = samples, units ---- */

static time_step_args time_step(const rig *r, const int *n)
{
    return (time_step_args){.rows = n[0],
                            .units = n[1],
                            .panel_stride = (size_t)(n[0] * r->k->panel),
                            .gates = r->x,
                            .state_act = ACTIVATION_TANH,
                            .gate_act = ACTIVATION_SIGMOID,
                            .state_gates = r->x + PART,
                            .cell_before = r->w,
                            .cell = r->y,
                            .h_before = r->w + PART,
                            .h = r->y + PART,
                            .h_stride = (size_t)n[1],
                            .dh = r->z,
                            .dy = r->z + PART,
                            .dy_stride = (size_t)n[1],
                            .carry = r->y + 2 * PART};
}

#define TIME_STEP(name)                                                                            \
    static void name(const rig *r, const int *n)                                                   \
    {                                                                                              \
        time_step_args s = time_step(r, n);                                                        \
        r->k->name(&s);                                                                            \
    }
TIME_STEP(simple_rnn_forward)
TIME_STEP(simple_rnn_backward)
TIME_STEP(lstm_forward)
TIME_STEP(lstm_backward)
TIME_STEP(gru_forward)
TIME_STEP(gru_backward)

/* ---- the rest ---- */

/* n = rows, classes */
static void softmax_loss(const rig *r, const int *n)
{
    loss_sums sums = {0};
    softmax_args a = {.classes = n[1],
                      .hi = n[0],
                      .logits = r->x,
                      .labels = r->bytes,
                      .scale = 1,
                      .dlogits = r->y};
    r->k->softmax_loss(&a, &sums);
}

/* n = parameters */
static void adam(const rig *r, const int *n)
{
    adam_args a = {.w = r->x,
                   .m = r->y,
                   .v = r->w,
                   .g = r->z,
                   .length = (size_t)n[0],
                   .alpha = 1e-3f,
                   .one_minus_beta1 = 0.1f,
                   .one_minus_beta2 = 1e-3f,
                   .epsilon = 1e-7f};
    r->k->adam(&a);
}

/* n = leaves, floats of each */
static void tree_sum(const rig *r, const int *n)
{
    tree_node leaf[16];
    unsigned char merges[16];
    const float *items[16];
    for (int i = 0; i < n[0]; i++) {
        leaf[i] = (tree_node){i, i + 1};
        items[i] = r->x + (size_t)i * (size_t)n[1];
    }
    tree_plan plan = tree_plan_merges(n[0], leaf, n[0], merges, NULL);
    r->k->tree_sum(plan, merges, items, (size_t)n[1], (float *const[]){r->y});
}

/* n = bytes */
static void scale_bytes(const rig *r, const int *n)
{
    r->k->scale_bytes(r->bytes, (size_t)n[0], r->y);
}

/* ---- the table ---- */

#define PRODUCT(rows, depth, cols) BOUND_PEAK, 2.0 * (rows) * (depth) * (cols)
#define FLOATS(count)              BOUND_CACHE, 4.0 * (count)

/* The convolutions of a leaf as direct products over the pixels under its windows: skipped operations count. */
#define CONV(windows, channels, filters)                                                           \
    PRODUCT((double)LEAF * 4 * (windows) * (windows), 9 * (channels), filters)

#define CONV1                                                                                      \
    {                                                                                              \
        28, 1, 32, 13, 13                                                                          \
    }
#define CONV2                                                                                      \
    {                                                                                              \
        13, 32, 64, 5, 5                                                                           \
    }
#define STRONG_CONV2                                                                               \
    {                                                                                              \
        26, 32, 32, 12, 12                                                                         \
    }

static const kernel_case table[] = {
    {"fma_peak", "registers", BOUND_PEAK, 0, fma_peak, {0}},
    {"copy", "256 KiB", BOUND_CACHE, 2.0 * (128 << 10), copy, {32 << 10}},
    {"copy", "64 MiB", BOUND_MEMORY, 8.0 * RIG_LONG, copy, {RIG_LONG}},
    {"gemm_nn", "strong conv2d", PRODUCT(676, 9, 32), gemm_nn, {26, 26, 3, 3, 28, 1, 32}},
    {"gemm_nn", "strong conv2d_1", PRODUCT(576, 288, 32), gemm_nn, {24, 24, 3, 96, 832, 32, 32}},
    {"gemm_nn",
     "strong conv2d_2, dx",
     PRODUCT(144, 576, 32),
     gemm_nn,
     {12, 12, 3, 192, 896, 64, 32}},
    {"gemm_nn", "lenet5 conv2d", PRODUCT(784, 25, 6), gemm_nn, {28, 28, 5, 5, 32, 1, 6}},
    {"gemm_nn", "lenet5 conv2d_1", PRODUCT(100, 150, 16), gemm_nn, {10, 10, 5, 30, 84, 6, 16}},
    {"gemm_nn", "lenet5 conv2d_1, dx", PRODUCT(196, 400, 6), gemm_nn, {14, 14, 5, 80, 288, 16, 6}},
    {"gemm_nn", "5 x 5 same, 3 to 32", PRODUCT(1024, 75, 32), gemm_nn, {32, 32, 5, 15, 108, 3, 32}},
    {"gemm_nn",
     "5 x 5 same, 32 to 32",
     PRODUCT(1024, 800, 32),
     gemm_nn,
     {32, 32, 5, 160, 1152, 32, 32}},
    {"gemm_nn", "cnn conv2d_1", PRODUCT(100, 288, 64), gemm_nn, {10, 10, 3, 96, 416, 32, 64}},
    {"gemm_nn", "cnn dense", PRODUCT(128, 1600, 128), gemm_nn, {1, 128, 1, 1600, 0, 1600, 128}},
    {"gemm_nn",
     "cnn dense, batch 1",
     PRODUCT(1, 1600, 128),
     gemm_nn,
     {1, 1, 1, 1600, 0, 1600, 128}},
    {"gemm_nn", "cnn dense_1", PRODUCT(128, 128, 10), gemm_nn, {1, 128, 1, 128, 0, 128, 10}},
    {"gemm_nn", "mlp dense", PRODUCT(128, 784, 128), gemm_nn, {1, 128, 1, 784, 0, 784, 128}},
    {"gemm_nn",
     "gru, input of all steps",
     PRODUCT(224, 28, 384),
     gemm_nn,
     {1, 224, 1, 28, 0, 28, 384}},
    {"gemm_nn", "gru step", PRODUCT(8, 128, 384), gemm_nn, {1, 8, 1, 128, 0, 156, 384}},
    {"gemm_nn", "gru step, dx", PRODUCT(8, 384, 128), gemm_nn, {1, 8, 1, 384, 0, 384, 128}},
    {"gemm_nn", "lstm step", PRODUCT(8, 156, 512), gemm_nn, {1, 8, 1, 156, 0, 156, 512}},
    {"gemm_tn", "strong conv2d", PRODUCT(676, 9, 32), gemm_tn, {26, 26, 3, 3, 28, 1, 32}},
    {"gemm_tn", "lenet5 conv2d", PRODUCT(784, 25, 6), gemm_tn, {28, 28, 5, 5, 32, 1, 6}},
    {"gemm_tn", "lenet5 conv2d_1", PRODUCT(100, 150, 16), gemm_tn, {10, 10, 5, 30, 84, 6, 16}},
    {"gemm_tn", "5 x 5 same, 3 to 32", PRODUCT(1024, 75, 32), gemm_tn, {32, 32, 5, 15, 108, 3, 32}},
    {"gemm_tn",
     "5 x 5 same, 32 to 32",
     PRODUCT(1024, 800, 32),
     gemm_tn,
     {32, 32, 5, 160, 1152, 32, 32}},
    {"gemm_tn", "cnn conv2d_1", PRODUCT(100, 288, 64), gemm_tn, {10, 10, 3, 96, 416, 32, 64}},
    {"gemm_tn", "lstm, all steps", PRODUCT(224, 156, 512), gemm_tn, {1, 224, 1, 156, 0, 156, 512}},
    {"gemm_tn", "gru, all steps", PRODUCT(224, 128, 384), gemm_tn, {1, 224, 1, 128, 0, 156, 384}},
    {"gemm_tn_tree",
     "mlp dense",
     PRODUCT(128, 784, 128),
     gemm_tn_tree,
     {1, 128, 1, 784, 0, 784, 128}},
    {"gemm_tn_tree",
     "cnn dense",
     PRODUCT(128, 1600, 128),
     gemm_tn_tree,
     {1, 128, 1, 1600, 0, 1600, 128}},
    {"gemm_tn_tree",
     "cnn dense_1",
     PRODUCT(128, 128, 10),
     gemm_tn_tree,
     {1, 128, 1, 128, 0, 128, 10}},
    {"conv_pixels_forward", "cnn conv2d, leaf", CONV(13, 1, 32), conv_pixels_forward, CONV1},
    {"conv_pixels_backward", "cnn conv2d, leaf", CONV(13, 1, 32), conv_pixels_backward, CONV1},
    {"winograd_forward", "cnn conv2d_1, leaf", CONV(5, 32, 64), winograd_forward, CONV2},
    {"conv_sparse_weights", "cnn conv2d_1, leaf", CONV(5, 32, 64), conv_sparse_weights, CONV2},
    {"conv_sparse_input", "cnn conv2d_1, leaf", CONV(5, 32, 64), conv_sparse_input, CONV2},
    {"conv_sparse_weights", "strong conv2d_1, leaf", CONV(12, 32, 32), conv_sparse_weights,
     STRONG_CONV2},
    {"conv_sparse_input", "strong conv2d_1, leaf", CONV(12, 32, 32), conv_sparse_input,
     STRONG_CONV2},
    {"pool_forward", "26 x 26 x 32", FLOATS(26 * 26 * 32 * 1.3125), pool_forward, {26, 32}},
    {"pool_backward", "26 x 26 x 32", FLOATS(26 * 26 * 32 * 1.5625), pool_backward, {26, 32}},
    {"simple_rnn_forward", "8 x 128", FLOATS(8 * 128 * 3), simple_rnn_forward, {8, 128}},
    {"simple_rnn_backward", "8 x 128", FLOATS(8 * 128 * 4), simple_rnn_backward, {8, 128}},
    {"lstm_forward", "8 x 128", FLOATS(8 * 128 * 11), lstm_forward, {8, 128}},
    {"lstm_backward", "8 x 128", FLOATS(8 * 128 * 14), lstm_backward, {8, 128}},
    {"gru_forward", "8 x 128", FLOATS(8 * 128 * 11), gru_forward, {8, 128}},
    {"gru_backward", "8 x 128", FLOATS(8 * 128 * 17), gru_backward, {8, 128}},
    {"softmax_loss", "128 x 10", FLOATS(128 * 10 * 2), softmax_loss, {128, 10}},
    {"adam", "cnn, half", FLOATS(112640 * 7), adam, {112640}},
    {"tree_sum", "2 x 18,496", FLOATS(18496 * 3), tree_sum, {2, 18496}},
    {"tree_sum", "8 x 18,496", FLOATS(18496 * 9), tree_sum, {8, 18496}},
    {"scale_bytes",
     "a leaf's pixels",
     BOUND_CACHE,
     5.0 * LEAF *IMAGE *IMAGE,
     scale_bytes,
     {LEAF * IMAGE * IMAGE}},
};

const kernel_case *kernel_cases(int *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}
