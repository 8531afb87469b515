/* kernel/isa/recurrent_bf16.c - the products of a time step, of operands rounded to bfloat16, together with its gates; see
 *                               include/kernel/kernels.h.
 *
 * The packed form of recurrent_fused.c, with W and U rounded. Rows of [x | h] are rounded into a buffer that serves all
 * panels. */
#include "kernel/isa/bf16.h"
#include "kernel/isa/recurrent_gates.h"
#include "kernel/isa/variants.h"

enum { ROWS = 12 }; /* rows that are rounded together */

void KERNEL(recurrent_fused_pack_bf16)(const recurrent_pack_args *p)
{
    size_t width = (size_t)(p->gates == 1 ? 2 : p->gates) * SIMD_LEN;
    size_t length = (size_t)(p->inputs + p->units) * width;
    KERNEL(recurrent_fused_pack)(p);
    for (int panel = p->panel_lo; panel < p->panel_hi; panel++) {
        float *weights = p->packed + (size_t)panel * (width + length) + width;
        bf16_round_all(weights, length, weights);
    }
}

/* Rows [first, first + count) of a step: [x | h], rounded. */
typedef struct step_rows {
    int first, count;
    float *rounded; /* [ROWS, inputs + units] */
} step_rows;

static void round_rows(const recurrent_fused *s, const step_rows *m)
{
    size_t row = (size_t)(s->inputs + s->units);
    for (int r = 0; r < m->count; r++) /* x and h lie together */
        bf16_round_all(s->z + (size_t)(m->first + r) * s->row_stride, row,
                       m->rounded + (size_t)r * row);
}

/* sum [BF16_TILE_ROWS, vectors] = products and bias of `height` rows from row `row` of m on; vectors 2 or 4. */
INLINE void products(const recurrent_fused *s, const step_rows *m, const float *panel, int row,
                     int height, int vectors, simd_float *sum)
{
    size_t stride = (size_t)(s->inputs + s->units), width = (size_t)vectors * SIMD_LEN;
    const float *x = m->rounded + (size_t)row * stride, *w = panel + width;
    bf16_form form = vectors == 4 ? BF16_HALF : BF16_ROWS;
    int lo = 0, n = s->inputs;
    if (n <= BF16_BLOCK - 2) /* zeros are left out: 0 is then added to both chains */
        lo = s->ink_lo & ~1, n = s->ink_hi - lo;
    UNROLL for (int i = 0; i < BF16_TILE_ROWS * vectors; i++) sum[i] = simd_zero();
    UNROLL for (int v = 0; v < vectors; v += 2)
    {
        float *pair = (float *)(void *)(sum + v);
        const float *b = w + v * SIMD_LEN;
        bf16_tile_args in = {x + lo, stride, b + (size_t)lo * width, n, pair, width};
        bf16_tile_args state = {x + s->inputs, stride, b + (size_t)s->inputs * width,
                                s->units,      pair,   width};
        if (s->ink_hi > 0) KERNEL(bf16_tile)(form, height, &in);
        if (!s->is_first) KERNEL(bf16_tile)(form, height, &state);
    }
    for (int r = 0; r < height; r++)
        for (int v = 0; v < vectors; v++)
            sum[r * vectors + v] = sum[r * vectors + v] + simd_load(panel + v * SIMD_LEN);
}

static void lstm_tile(const recurrent_fused *s, const step_rows *m, const float *panel, int u,
                      int row, int height)
{
    simd_float sum[BF16_TILE_ROWS * 4];
    products(s, m, panel, row, height, 4, sum);
    int r = 0;
    for (; r + 2 <= height; r += 2) lstm_finish(s, m->first + row + r, u, 2, sum + r * 4);
    if (r < height) lstm_finish(s, m->first + row + r, u, 1, sum + r * 4);
}

static void rnn_tile(const recurrent_fused *s, const step_rows *m, const float *panel, int u,
                     int row, int height)
{
    simd_float sum[BF16_TILE_ROWS * 2];
    products(s, m, panel, row, height, 2, sum);
    int r = 0;
    for (; r + 2 <= height; r += 2) rnn_finish(s, m->first + row + r, u, 2, sum + r * 2);
    if (r < height) rnn_finish(s, m->first + row + r, u, 1, sum + r * 2);
}

void KERNEL(lstm_fused_bf16)(const recurrent_fused *s)
{
    _Alignas(64) float rounded[ROWS * RECURRENT_BF16_COLUMNS];
    size_t length = (size_t)(1 + s->inputs + s->units) * 4 * SIMD_LEN;
    for (int first = 0; first < s->rows; first += ROWS) {
        step_rows m = {first, smaller(ROWS, s->rows - first), rounded};
        round_rows(s, &m);
        for (int p = 0; p < s->units / SIMD_LEN; p++)
            for (int row = 0, height; row < m.count; row += height) {
                height = bf16_tile_height(m.count - row);
                lstm_tile(s, &m, s->packed + (size_t)p * length, lstm_column(p), row, height);
            }
    }
}

void KERNEL(simple_rnn_fused_bf16)(const recurrent_fused *s)
{
    _Alignas(64) float rounded[ROWS * RECURRENT_BF16_COLUMNS];
    size_t length = (size_t)(1 + s->inputs + s->units) * 2 * SIMD_LEN;
    for (int first = 0; first < s->rows; first += ROWS) {
        step_rows m = {first, smaller(ROWS, s->rows - first), rounded};
        round_rows(s, &m);
        for (int p = 0; p < s->units / PANEL; p++)
            for (int row = 0, height; row < m.count; row += height) {
                height = bf16_tile_height(m.count - row);
                rnn_tile(s, &m, s->packed + (size_t)p * length, rnn_column(p), row, height);
            }
    }
}
