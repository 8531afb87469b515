/* kernel/amx/recurrent.c - the products of a time step by AMX, together with its gates; see include/kernel/kernels.h.
 *
 * A panel is the bias of its V vectors (lstm: 4, one for each gate; simple_rnn: 2), then for each block of terms, those of x
 * first, V tiles of W or U. Up to 16 rows of [x | h] are rounded together, and their products with a panel stay in V tiles. */
#include "kernel/amx/tiles.h"
#include "kernel/amx/variants.h"
#include "kernel/isa/recurrent_gates.h"

enum { BLOCKS = RECURRENT_BF16_COLUMNS / BF16_BLOCK, TILE_WORDS = TILE * TILE };

static int blocks_of(int terms)
{
    return (terms + BF16_BLOCK - 1) / BF16_BLOCK;
}

/* Floats from panel to panel, as in recurrent_fused.c: pairs need less room. */
static size_t panel_length(int inputs, int units, int vectors)
{
    return (size_t)(1 + inputs + units) * (size_t)vectors * SIMD_LEN;
}

/* ---- packing ---- */

/* A matrix of `rows` rows, whose columns for vector v begin at col + v * apart. */
typedef struct pack_columns {
    const float *matrix;
    int rows, cols, col, apart, vectors;
} pack_columns;

static simd_float row_of(const pack_columns *c, int k, int v)
{
    if (k >= c->rows) return simd_zero();
    return simd_load(c->matrix + (size_t)k * (size_t)c->cols + c->col + v * c->apart);
}

/* Its blocks; returns what follows them. */
static float *pack_blocks(const pack_columns *c, float *out)
{
    for (int block = 0; block < blocks_of(c->rows); block++)
        for (int v = 0; v < c->vectors; v++)
            for (int p = 0; p < BLOCK_PAIRS; p++, out += TILE) {
                int k = block * BF16_BLOCK + 2 * p;
                _mm512_storeu_si512(out, pairs_of_rows(row_of(c, k, v), row_of(c, k + 1, v)));
            }
    return out;
}

void KERNEL(recurrent_fused_pack_amx)(const recurrent_pack_args *p)
{
    int vectors = p->gates == 1 ? 2 : p->gates;
    size_t length = panel_length(p->inputs, p->units, vectors);
    for (int panel = p->panel_lo; panel < p->panel_hi; panel++) {
        float *out = p->packed + (size_t)panel * length;
        pack_columns c = {p->kernel,
                          p->inputs,
                          p->gates * p->units,
                          p->gates == 1 ? rnn_column(panel) : lstm_column(panel),
                          p->gates == 1 ? LANES : p->units,
                          vectors};
        for (int v = 0; v < vectors; v++, out += SIMD_LEN)
            simd_store(out, simd_load(p->bias + c.col + v * c.apart));
        out = pack_blocks(&c, out);
        c.matrix = p->recurrent;
        c.rows = p->units;
        pack_blocks(&c, out);
    }
}

/* ---- steps ---- */

/* Rows [first, first + count) of a step: pairs [blocks, 16 rows, 16] of [x | h]. */
typedef struct step_rows {
    int first, count, blocks;
    pair *pairs;
} step_rows;

/* The blocks of n terms of one row; returns what follows them. */
static pair *pair_terms(const float *x, int n, pair *out)
{
    for (; n > 0; n -= BF16_BLOCK, x += BF16_BLOCK, out += TILE_WORDS) {
        simd_float high = n > TILE ? simd_load_first(x + TILE, n - TILE) : simd_zero();
        _mm512_storeu_si512(out, pairs_of_row(simd_load_first(x, n), high));
    }
    return out;
}

static void pair_rows(const recurrent_fused *s, step_rows *m)
{
    m->blocks = blocks_of(s->inputs) + (s->is_first ? 0 : s->units / BF16_BLOCK);
    for (int r = 0; r < m->count; r++) {
        const float *z = s->z + (size_t)(m->first + r) * s->row_stride;
        pair *out = pair_terms(z, s->inputs, m->pairs + r * BLOCK_PAIRS);
        if (!s->is_first) pair_terms(z + s->inputs, s->units, out);
    }
}

/* sums [V, 16 rows, 16] = the products with a panel. */
INLINE void products(const step_rows *m, const float *panel, int vectors, float *sums)
{
    const pair *a = m->pairs;
    const float *w = panel + vectors * SIMD_LEN;
    tiles_see_stores();
    _tile_zero(0);
    _tile_zero(1);
    if (vectors == 4) {
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int block = 0; block < m->blocks; block++, a += TILE_WORDS, w += vectors * TILE_WORDS) {
        _tile_loadd(4, a, TILE_BYTES);
        _tile_loadd(5, w, TILE_BYTES);
        _tile_loadd(6, w + TILE_WORDS, TILE_BYTES);
        _tile_dpbf16ps(0, 4, 5);
        _tile_dpbf16ps(1, 4, 6);
        if (vectors == 2) continue;
        _tile_loadd(7, w + 2 * TILE_WORDS, TILE_BYTES);
        _tile_loadd(5, w + 3 * TILE_WORDS, TILE_BYTES);
        _tile_dpbf16ps(2, 4, 7);
        _tile_dpbf16ps(3, 4, 5);
    }
    _tile_stored(0, sums, TILE_BYTES);
    _tile_stored(1, sums + TILE_WORDS, TILE_BYTES);
    if (vectors == 2) return;
    _tile_stored(2, sums + 2 * TILE_WORDS, TILE_BYTES);
    _tile_stored(3, sums + 3 * TILE_WORDS, TILE_BYTES);
}

/* a [height, vectors] = the products of rows from r on, with the bias. */
INLINE void with_bias(const float *sums, const float *bias, int r, int height, int vectors,
                      simd_float *a)
{
    UNROLL for (int i = 0; i < height; i++) UNROLL for (int v = 0; v < vectors; v++)
        a[i * vectors + v] = simd_load(sums + v * TILE_WORDS + (r + i) * TILE) +
                             simd_load(bias + v * SIMD_LEN);
}

INLINE void lstm_rows(const recurrent_fused *s, const step_rows *m, const float *sums,
                      const float *panel, int u, int r, int height)
{
    simd_float a[4 * 4];
    with_bias(sums, panel, r, height, 4, a);
    lstm_finish(s, m->first + r, u, height, a);
}

INLINE void rnn_rows(const recurrent_fused *s, const step_rows *m, const float *sums,
                     const float *panel, int u, int r, int height)
{
    simd_float a[2 * 2];
    with_bias(sums, panel, r, height, 2, a);
    rnn_finish(s, m->first + r, u, height, a);
}

static void lstm_panel(const recurrent_fused *s, const step_rows *m, int p)
{
    _Alignas(64) float sums[4 * TILE_WORDS];
    const float *panel = s->packed + (size_t)p * panel_length(s->inputs, s->units, 4);
    int u = lstm_column(p), r = 0;
    products(m, panel, 4, sums);
    for (; r + 4 <= m->count; r += 4) lstm_rows(s, m, sums, panel, u, r, 4);
    for (; r < m->count; r++) lstm_rows(s, m, sums, panel, u, r, 1);
}

static void rnn_panel(const recurrent_fused *s, const step_rows *m, int p)
{
    _Alignas(64) float sums[2 * TILE_WORDS];
    const float *panel = s->packed + (size_t)p * panel_length(s->inputs, s->units, 2);
    int u = rnn_column(p), r = 0;
    products(m, panel, 2, sums);
    for (; r + 2 <= m->count; r += 2) rnn_rows(s, m, sums, panel, u, r, 2);
    if (r < m->count) rnn_rows(s, m, sums, panel, u, r, 1);
}

/* All rows times all panels. */
static void step(const recurrent_fused *s, int panels,
                 void (*each)(const recurrent_fused *s, const step_rows *m, int p))
{
    _Alignas(64) pair pairs[BLOCKS * TILE_WORDS];
    for (int first = 0; first < s->rows; first += TILE) {
        step_rows m = {.first = first,
                       .count = s->rows - first < TILE ? s->rows - first : TILE,
                       .pairs = pairs};
        pair_rows(s, &m);
        tiles_configure(m.count);
        for (int p = 0; p < panels; p++) each(s, &m, p);
    }
    _tile_release();
}

void KERNEL(lstm_fused_amx)(const recurrent_fused *s)
{
    step(s, s->units / SIMD_LEN, lstm_panel);
}

void KERNEL(simple_rnn_fused_amx)(const recurrent_fused *s)
{
    step(s, s->units / PANEL, rnn_panel);
}
