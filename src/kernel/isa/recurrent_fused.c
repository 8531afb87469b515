/* kernel/isa/recurrent_fused.c - the products of a time step together with its gates; see include/kernel/kernels.h.
 *
 * A tile, a few rows by one panel, stays in registers until its gates are done. lstm: AVX-512 has tiles of up to 6 rows by the
 * 4 gates of a vector of units (24 sums, 4 weights, 1 input), the others 3 x 4 (12 sums, 3 inputs, 1 weight: with 4 weights
 * the 16 registers would not suffice). simple_rnn: up to 12 rows by 2 vectors, and 6 x 2. Each height has a function of its
 * own. */
#include "kernel/isa/bf16.h"
#include "kernel/isa/recurrent_gates.h"
#include "kernel/isa/variants.h"

void KERNEL(recurrent_fused_pack)(const recurrent_pack_args *p)
{
    int vectors = p->gates == 1 ? 2 : p->gates, cols = p->gates * p->units;
    int apart = p->gates == 1 ? LANES : p->units;
    size_t panel_length = (size_t)(1 + p->inputs + p->units) * (size_t)vectors * SIMD_LEN;
    for (int panel = p->panel_lo; panel < p->panel_hi; panel++) {
        float *out = p->packed + (size_t)panel * panel_length;
        int col = p->gates == 1 ? rnn_column(panel) : lstm_column(panel);
        for (int k = -1; k < p->inputs + p->units; k++) {
            const float *row = k < 0 ? p->bias : p->kernel + (size_t)k * (size_t)cols;
            if (k >= p->inputs) row = p->recurrent + (size_t)(k - p->inputs) * (size_t)cols;
            for (int v = 0; v < vectors; v++, out += SIMD_LEN)
                simd_store(out, simd_load(row + col + v * apart));
        }
    }
}

/* sum[r][v] += x[r * stride] w[v]: one step of all chains of a tile. sum [height, vectors]. */
INLINE void tile_step(const float *x, size_t stride, const float *w, int height, int vectors,
                      simd_float *sum)
{
    if (SIMD_LEN == 16 || vectors == 2) {
        simd_float weight[4];
        UNROLL for (int v = 0; v < vectors; v++) weight[v] = simd_load(w + v * SIMD_LEN);
        UNROLL for (int r = 0; r < height; r++)
        {
            simd_float input = simd_set(x[(size_t)r * stride]);
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r * vectors + v] = simd_fma(input, weight[v], sum[r * vectors + v]);
        }
        return;
    }
    simd_float input[LSTM_ROWS];
    UNROLL for (int r = 0; r < height; r++) input[r] = simd_set(x[(size_t)r * stride]);
    UNROLL for (int v = 0; v < vectors; v++)
    {
        simd_float weight = simd_load(w + v * SIMD_LEN);
        UNROLL for (int r = 0; r < height; r++)
            sum[r * vectors + v] = simd_fma(input[r], weight, sum[r * vectors + v]);
    }
}

/* The products of a tile: rows [row, row + height) of z times a panel, the bias first. */
INLINE void tile_product(const recurrent_fused *s, const float *panel, int row, int height,
                         int vectors, simd_float *sum)
{
    int width = vectors * SIMD_LEN;
    const float *z = s->z + (size_t)row * s->row_stride, *w = panel + width;
    UNROLL for (int r = 0; r < height; r++) UNROLL for (int v = 0; v < vectors; v++)
        sum[r * vectors + v] = simd_load(panel + v * SIMD_LEN);
    const float *x = z + s->ink_lo, *wx = w + s->ink_lo * width;
    for (int k = s->ink_lo; k < s->ink_hi; k++, x++, wx += width)
        tile_step(x, s->row_stride, wx, height, vectors, sum);
    if (s->is_first) return;
    const float *h = z + s->inputs, *wh = w + s->inputs * width;
    _Pragma("GCC unroll 4") for (int k = 0; k < s->units; k++, h++, wh += width)
        tile_step(h, s->row_stride, wh, height, vectors, sum);
}

#define LSTM_TILE(R)                                                                               \
    static void lstm_tile_##R(const recurrent_fused *s, const float *panel, int u, int row)        \
    {                                                                                              \
        simd_float sum[R * 4];                                                                     \
        tile_product(s, panel, row, R, 4, sum);                                                    \
        lstm_finish(s, row, u, R, sum);                                                            \
    }
#define RNN_TILE(R)                                                                                \
    static void rnn_tile_##R(const recurrent_fused *s, const float *panel, int u, int row)         \
    {                                                                                              \
        simd_float sum[R * 2];                                                                     \
        tile_product(s, panel, row, R, 2, sum);                                                    \
        UNROLL for (int r = 0; r < R; r += 2)                                                      \
            rnn_finish(s, row + r, u, R - r < 2 ? 1 : 2, sum + r * 2);                             \
    }

#if SIMD_LEN == 16
#define EACH_LSTM_HEIGHT(DO) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#define EACH_RNN_HEIGHT(DO)                                                                        \
    DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12)
#else
#define EACH_LSTM_HEIGHT(DO) DO(1) DO(2) DO(3)
#define EACH_RNN_HEIGHT(DO)  DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#endif
EACH_LSTM_HEIGHT(LSTM_TILE)
EACH_RNN_HEIGHT(RNN_TILE)

/* Indexed by height; there are no tiles of height 0. */
typedef void fused_tile(const recurrent_fused *s, const float *panel, int u, int row);
#define LSTM_NAME(R) lstm_tile_##R,
#define RNN_NAME(R)  rnn_tile_##R,
static fused_tile *const lstm_tile_of[LSTM_ROWS + 1] = {NULL, EACH_LSTM_HEIGHT(LSTM_NAME)};
static fused_tile *const rnn_tile_of[RNN_ROWS + 1] = {NULL, EACH_RNN_HEIGHT(RNN_NAME)};

/* All rows times one panel, in as few tiles as possible, whose heights differ by one row at most. */
INLINE void panel_rows(const recurrent_fused *s, const float *panel, int u,
                       fused_tile *const *tile_of, int most)
{
    for (int row = 0, height; row < s->rows; row += height) {
        int left = s->rows - row, tiles = (left + most - 1) / most;
        height = (left + tiles - 1) / tiles;
        tile_of[height](s, panel, u, row);
    }
}

void KERNEL(lstm_fused)(const recurrent_fused *s)
{
    size_t length = (size_t)(1 + s->inputs + s->units) * 4 * SIMD_LEN;
    for (int p = 0; p < s->units / SIMD_LEN; p++)
        panel_rows(s, s->packed + (size_t)p * length, lstm_column(p), lstm_tile_of, LSTM_ROWS);
}

void KERNEL(simple_rnn_fused)(const recurrent_fused *s)
{
    size_t length = (size_t)(1 + s->inputs + s->units) * 2 * SIMD_LEN;
    for (int p = 0; p < s->units / PANEL; p++)
        panel_rows(s, s->packed + (size_t)p * length, rnn_column(p), rnn_tile_of, RNN_ROWS);
}

/* Derivatives from y = sigmoid(x), y = tanh(x). */
INLINE simd_float sigmoid_slope(simd_float y)
{
    return simd_mul(y, simd_set(1.0f) - y);
}

INLINE simd_float tanh_slope(simd_float y)
{
    return simd_fma(-y, y, simd_set(1.0f));
}

/* The gradient of a gate, as it is stored. */
INLINE void store_gate(float *gate, simd_float da, precision p)
{
    simd_store(gate, p == PRECISION_BF16 ? bf16_round(da) : da);
}

/* The outer loop is over units, so that the sums of the bias' gradient stay in registers. The arguments are copied, so that the
 * compiler knows that no store changes them. */
INLINE void simple_rnn_backward(const recurrent_fused *args, precision p)
{
    const recurrent_fused s = *args;
    for (int u = 0; u < s.units; u += SIMD_LEN) {
        const float *h = s.h + u, *dh = s.dh + u;
        float *gate = gate_at(&s, 0, u);
        simd_float sum = simd_load(s.bias_gradient + u);
        for (int row = 0; row < s.rows; row++, h += s.row_stride, dh += s.units, gate += PANEL) {
            simd_float da = simd_mul(simd_load(dh), tanh_slope(simd_load(h)));
            /* for the step before, whose states are no longer in a near cache */
            if (!s.is_first && u % PANEL == 0)
                __builtin_prefetch(h - (size_t)s.rows * s.row_stride, 0, 2);
            store_gate(gate, da, p);
            sum = sum + da;
        }
        simd_store(s.bias_gradient + u, sum);
    }
}

/* Loads what the step before has in the place of a row's gates and cells into the second-level cache: a leaf's steps do not fit
 * into it, and the panels of gates lie too far apart for the processor to foresee. The step before has as many rows, or
 * fewer; then some of what is loaded is not needed. */
INLINE void prefetch_before(const recurrent_fused *s, float *const gate[4], size_t at)
{
    size_t cells = (size_t)(s->rows * s->units);
    UNROLL for (int n = 0; n < 4; n++) __builtin_prefetch(gate[n] - s->rows * PANEL, 1, 2);
    __builtin_prefetch(s->cell_tanh + at - cells, 0, 2);
    __builtin_prefetch(s->cell_before + at - cells, 0, 2);
}

INLINE void lstm_backward(const recurrent_fused *args, precision p)
{
    const recurrent_fused s = *args;
    for (int u = 0; u < s.units; u += SIMD_LEN) {
        simd_float sum[4];
        float *gate[4];
        UNROLL for (int n = 0; n < 4; n++)
        {
            sum[n] = simd_load(s.bias_gradient + n * s.units + u);
            gate[n] = gate_at(&s, 0, n * s.units + u);
        }
        for (int row = 0; row < s.rows; row++) {
            size_t at = (size_t)row * (size_t)s.units + (size_t)u;
            simd_float i = simd_load(gate[0]), f = simd_load(gate[1]), g = simd_load(gate[2]);
            simd_float o = simd_load(gate[3]), t = simd_load(s.cell_tanh + at);
            simd_float dh = simd_load(s.dh + at);
            simd_float dc = simd_fma(simd_mul(dh, o), tanh_slope(t), simd_load(s.carry + at));
            simd_float da[4] = {
                simd_mul(simd_mul(dc, g), sigmoid_slope(i)),
                simd_mul(simd_mul(dc, simd_load(s.cell_before + at)), sigmoid_slope(f)),
                simd_mul(simd_mul(dc, i), tanh_slope(g)),
                simd_mul(simd_mul(dh, t), sigmoid_slope(o))};
            simd_store(s.carry + at, simd_mul(dc, f));
            if (!s.is_first && u % PANEL == 0) prefetch_before(&s, gate, at);
            UNROLL for (int n = 0; n < 4; n++)
            {
                store_gate(gate[n], da[n], p);
                gate[n] += PANEL;
                sum[n] = sum[n] + da[n];
            }
        }
        UNROLL for (int n = 0; n < 4; n++) simd_store(s.bias_gradient + n * s.units + u, sum[n]);
    }
}

void KERNEL(simple_rnn_fused_backward)(const recurrent_fused *s)
{
    simple_rnn_backward(s, PRECISION_FP32);
}

void KERNEL(simple_rnn_fused_backward_bf16)(const recurrent_fused *s)
{
    simple_rnn_backward(s, PRECISION_BF16);
}

void KERNEL(lstm_fused_backward)(const recurrent_fused *s)
{
    lstm_backward(s, PRECISION_FP32);
}

void KERNEL(lstm_fused_backward_bf16)(const recurrent_fused *s)
{
    lstm_backward(s, PRECISION_BF16);
}
