/* kernel/amx/gemm.c - products of operands rounded to bfloat16, by AMX; see include/kernel/bf16.h and tiles.h.
 *
 * A square of C, 32 x 32, stays in four tiles. Packed B: panels of [ceil(K/2), 32] pairs, in the room of [K, 32] floats. */
#include "kernel/amx/tiles.h"
#include "kernel/amx/variants.h"
#include "kernel/isa/tiles.h"

enum {
    PANEL = 2 * SIMD_LEN,
    DEPTH = 64,    /* blocks of columns of A that are rounded together, for all panels */
    TN_BLOCKS = 8, /* blocks of terms of gemm_tn, likewise                             */
    TN_COLS = 128  /* columns of A, likewise                                           */
};

/* ---- packing ---- */

/* Floats become pairs. */
void KERNEL(gemm_panel_amx)(int rows, float *panel)
{
    float *out = panel;
    for (int k = 0; k < rows; k += 2, out += PANEL) {
        const float *a = panel + (size_t)k * PANEL;
        simd_float a0 = simd_load(a), a1 = simd_load(a + TILE), b0 = simd_zero(), b1 = simd_zero();
        if (k + 1 < rows) b0 = simd_load(a + PANEL), b1 = simd_load(a + PANEL + TILE);
        _mm512_storeu_si512(out, pairs_of_rows(a0, b0));
        _mm512_storeu_si512(out + TILE, pairs_of_rows(a1, b1));
    }
}

void KERNEL(gemm_pack_amx)(const gemm_pack_args *p)
{
    KERNEL(gemm_pack)(p);
    for (int panel = p->panel_lo; panel < p->panel_hi; panel++)
        KERNEL(gemm_panel_amx)(p->rows, p->panels + (size_t)panel * (size_t)p->rows * PANEL);
}

/* ---- squares ---- */

/* The four tiles of C from and to c [32, 32]. */
INLINE void square_load(const float *c, size_t stride)
{
    tiles_see_stores();
    _tile_loadd(0, c, stride * sizeof *c);
    _tile_loadd(1, c + TILE, stride * sizeof *c);
    _tile_loadd(2, c + TILE * stride, stride * sizeof *c);
    _tile_loadd(3, c + TILE * stride + TILE, stride * sizeof *c);
}

INLINE void square_store(float *c, size_t stride)
{
    _tile_stored(0, c, stride * sizeof *c);
    _tile_stored(1, c + TILE, stride * sizeof *c);
    _tile_stored(2, c + TILE * stride, stride * sizeof *c);
    _tile_stored(3, c + TILE * stride + TILE, stride * sizeof *c);
}

INLINE void square_clear(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

/* Adds a block of terms: a [32 rows, 16 pairs], and b, [16 pairs, 32 columns]. Of rows up to 16 only the upper half. */
INLINE void square_block(const pair *a, const pair *b, int rows)
{
    tiles_see_stores();
    _tile_loadd(4, a, TILE_BYTES);
    _tile_loadd(6, b, 2 * TILE_BYTES);
    _tile_loadd(7, b + TILE, 2 * TILE_BYTES);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (rows <= TILE) return;
    _tile_loadd(5, a + TILE * BLOCK_PAIRS, TILE_BYTES);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/* ---- A B ---- */

/* Rows of A from `a` on, which C has at c; pairs [blocks, 32 rows, 16] of their first blocks. */
typedef struct nn_rows {
    const float *a;
    float *c;
    pair *pairs;
    int count, depth;
} nn_rows;

/* Columns [k, k + n) of the row of A at a, n <= 32, into x [32], then 0. */
static void gather(const gemm_rows *rows, const float *a, int k, int n, float *x)
{
    for (int i = 0; i < BF16_BLOCK; i++) {
        int s = (k + i) / rows->length, within = (k + i) % rows->length;
        x[i] = i < n ? a[(size_t)s * rows->segment_stride + (size_t)within] : 0.0f;
    }
}

/* Blocks [first, first + DEPTH) of a row, those that are there. */
static void pair_row(const gemm_rows *rows, const float *a, int first, int depth, pair *out)
{
    for (int block = first; block < first + DEPTH && block * BF16_BLOCK < depth; block++) {
        int k = block * BF16_BLOCK, n = smaller(BF16_BLOCK, depth - k), within = k % rows->length;
        const float *x = a + (size_t)(k / rows->length) * rows->segment_stride + within;
        float gathered[BF16_BLOCK];
        if (within + BF16_BLOCK > rows->length) {
            gather(rows, a, k, n, gathered);
            x = gathered;
        }
        _mm512_storeu_si512(out, pairs_of_row(simd_load(x), simd_load(x + TILE)));
        out += A_FLOATS;
    }
}

static void pair_rows(const gemm_rows *rows, const nn_rows *m, int first)
{
    for (int r = 0; r < m->count; r++)
        pair_row(rows, m->a + (size_t)r * rows->row_stride, first, m->depth,
                 m->pairs + r * BLOCK_PAIRS);
}

/* Blocks [first, first + DEPTH) of the square, those that are there; the last is padded. */
static void nn_blocks(const nn_rows *m, const pair *b, int first)
{
    const pair *a = m->pairs;
    for (int block = first; block < first + DEPTH && block * BF16_BLOCK < m->depth; block++) {
        _Alignas(64) pair last[BLOCK_PAIRS * PANEL];
        const pair *here = b + (size_t)block * BLOCK_PAIRS * PANEL;
        int left = (m->depth - block * BF16_BLOCK + 1) / 2;
        if (left < BLOCK_PAIRS) {
            memset(last, 0, sizeof last);
            memcpy(last, here, (size_t)left * PANEL * sizeof *last);
            here = last;
        }
        square_block(a, here, m->count);
        a += A_FLOATS;
    }
}

/* The rows of a square to C, where it has n more columns, with bias and activation. */
static void nn_finish(const gemm_nn_args *g, const nn_rows *m, int panel, const float *square)
{
    int col = panel * PANEL, n = g->cols - col;
    simd_float bias[2] = {simd_zero(), simd_zero()};
    if (g->bias) {
        bias[0] = simd_load_first(g->bias + col, n);
        if (n > TILE) bias[1] = simd_load_first(g->bias + col + TILE, n - TILE);
    }
    for (int r = 0; r < m->count; r++, square += SQUARE) {
        float *c = m->c + (size_t)r * g->c_row_stride + col;
        simd_float y[2] = {simd_load(square), simd_load(square + TILE)};
        for (int v = 0; v < 2; v++) {
            if (g->bias) y[v] = y[v] + bias[v];
            if (g->act == ACTIVATION_RELU) y[v] = simd_relu(y[v]);
        }
        simd_store_first(c, y[0], n);
        if (n > TILE) simd_store_first(c + TILE, y[1], n - TILE);
    }
}

static void nn_square(const gemm_nn_args *g, const nn_rows *m, int panel)
{
    _Alignas(64) float square[SQUARE * SQUARE];
    const float *panels = g->panels + (size_t)panel * PANEL * (size_t)m->depth;
    const pair *b = (const pair *)(const void *)panels;
    square_clear();
    for (int first = 0; first * BF16_BLOCK < m->depth; first += DEPTH) {
        if (m->depth > DEPTH * BF16_BLOCK) pair_rows(&g->rows, m, first);
        nn_blocks(m, b, first);
    }
    square_store(square, SQUARE);
    nn_finish(g, m, panel, square);
}

void KERNEL(gemm_nn_amx)(const gemm_nn_args *g)
{
    _Alignas(64) pair pairs[DEPTH * A_FLOATS];
    const gemm_rows *rows = &g->rows;
    tiles_configure(TILE);
    for (int o = 0; o < rows->outer; o++)
        for (int i = 0; i < rows->rows; i += SQUARE) {
            nn_rows m = {rows->a + (size_t)o * rows->outer_stride + (size_t)i * rows->row_stride,
                         g->c + (size_t)o * g->c_outer_stride + (size_t)i * g->c_row_stride, pairs,
                         smaller(SQUARE, rows->rows - i), rows->segments * rows->length};
            if (m.depth <= DEPTH * BF16_BLOCK) pair_rows(rows, &m, 0);
            for (int panel = g->panel_lo; panel < g->panel_hi; panel++) nn_square(g, &m, panel);
        }
    _tile_release();
}

/* ---- A' G ---- */

/* Terms [first, first + terms) of columns [0, cols) of A from `a` on. */
typedef struct tn_part {
    int first, terms, cols;
    const float *a;
    float *c;      /* the first row of C                                         */
    pair *a_pairs; /* [TN_COLS / 16, blocks, 16 columns, 16 pairs]              */
    pair *g_pairs; /* [blocks, 16 pairs, 32 columns], of the panel at hand      */
} tn_part;

static int blocks_of(const tn_part *p)
{
    return (p->terms + BF16_BLOCK - 1) / BF16_BLOCK;
}

/* The row of A of a term of the part; 0 past the last. */
static simd_float tn_term(const gemm_rows *rows, const tn_part *p, int term, int col)
{
    if (term >= p->terms) return simd_zero();
    int o = (p->first + term) / rows->rows, i = (p->first + term) % rows->rows;
    const float *x = p->a + (size_t)o * rows->outer_stride + (size_t)i * rows->row_stride;
    return simd_load_first(x + col, p->cols - col);
}

/* The part's A', tile by tile: pairs of two rows of A, transposed. */
static void tn_pair_a(const gemm_rows *rows, const tn_part *p)
{
    pair *out = p->a_pairs;
    for (int col = 0; col < p->cols; col += TILE)
        for (int block = 0; block < blocks_of(p); block++, out += TILE * BLOCK_PAIRS) {
            simd_float v[TILE];
            for (int k = 0; k < BLOCK_PAIRS; k++) {
                int term = block * BF16_BLOCK + 2 * k;
                v[k] = (simd_float)pairs_of_rows(tn_term(rows, p, term, col),
                                                 tn_term(rows, p, term + 1, col));
            }
            simd_transpose(v);
            for (int c = 0; c < TILE; c++) _mm512_store_si512(out + c * BLOCK_PAIRS, (__m512i)v[c]);
        }
}

static void tn_pair_g(const float *g, const tn_part *p)
{
    pair *out = p->g_pairs;
    for (int term = 0; term < blocks_of(p) * BF16_BLOCK; term += 2, g += 2 * PANEL)
        for (int half = 0; half < PANEL; half += TILE, out += TILE) {
            simd_float first = simd_zero(), second = simd_zero();
            if (term < p->terms) first = simd_load(g + half);
            if (term + 1 < p->terms) second = simd_load(g + PANEL + half);
            _mm512_store_si512(out, pairs_of_rows(first, second));
        }
}

/* Copies the rows x n corner between C and a square. */
static void corner(const float *from, size_t from_stride, float *to, size_t to_stride, int rows,
                   int n)
{
    for (int r = 0; r < rows; r++, from += from_stride, to += to_stride) {
        simd_store_first(to, simd_load_first(from, n), n);
        if (n > TILE) simd_store_first(to + TILE, simd_load_first(from + TILE, n - TILE), n - TILE);
    }
}

/* The square of C at c, with rows and n more columns: the part's columns of A from `col` on. */
static void tn_square(const gemm_tn_args *g, const tn_part *p, int col, int n, float *c)
{
    _Alignas(64) float square[SQUARE * SQUARE];
    int rows = smaller(SQUARE, p->cols - col), blocks = blocks_of(p);
    size_t stride = (size_t)g->cols;
    int whole = rows == SQUARE && n >= SQUARE;
    const pair *a = p->a_pairs + (size_t)(col / TILE * blocks) * TILE * BLOCK_PAIRS;
    const pair *a_below = a + (size_t)blocks * TILE * BLOCK_PAIRS, *b = p->g_pairs;
    if (p->first == 0 && g->store == GEMM_OVERWRITE) {
        square_clear();
    } else if (whole) {
        square_load(c, stride);
    } else {
        memset(square, 0, sizeof square);
        corner(c, stride, square, SQUARE, rows, smaller(n, SQUARE));
        square_load(square, SQUARE);
    }
    tiles_see_stores();
    for (int block = 0; block < blocks; block++) {
        size_t at = (size_t)block * TILE * BLOCK_PAIRS;
        _tile_loadd(4, a + at, TILE_BYTES);
        _tile_loadd(6, b + 2 * at, 2 * TILE_BYTES);
        _tile_loadd(7, b + 2 * at + TILE, 2 * TILE_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if (rows <= TILE) continue;
        _tile_loadd(5, a_below + at, TILE_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    if (whole) {
        square_store(c, stride);
        return;
    }
    square_store(square, SQUARE);
    corner(square, SQUARE, c, stride, rows, smaller(n, SQUARE));
}

static void tn_panels(const gemm_tn_args *g, const tn_part *p)
{
    size_t terms = (size_t)g->rows.outer * (size_t)g->rows.rows, stride = terms * PANEL;
    if (g->panel_stride) stride = g->panel_stride;
    for (int panel = 0; panel * PANEL < g->cols; panel++) {
        float *c = p->c + panel * PANEL;
        tn_pair_g(g->panels + (size_t)panel * stride + (size_t)p->first * PANEL, p);
        for (int col = 0; col < p->cols; col += SQUARE, c += (size_t)SQUARE * (size_t)g->cols)
            tn_square(g, p, col, g->cols - panel * PANEL, c);
    }
}

void KERNEL(gemm_tn_amx)(const gemm_tn_args *g)
{
    enum { TERMS = TN_BLOCKS * BF16_BLOCK };
    _Alignas(64) pair a_pairs[TN_COLS * TN_BLOCKS * BLOCK_PAIRS], g_pairs[TN_BLOCKS * A_FLOATS];
    const gemm_rows *rows = &g->rows;
    int terms = rows->outer * rows->rows;
    tiles_configure(TILE);
    for (int s = 0; s < rows->segments; s++)
        for (int k = 0; k < rows->length; k += TN_COLS)
            for (int t = 0; t == 0 || t < terms; t += TERMS) { /* without terms C becomes 0 */
                tn_part p = {t,
                             smaller(TERMS, terms - t),
                             smaller(TN_COLS, rows->length - k),
                             rows->a + (size_t)s * rows->segment_stride + k,
                             g->c + (size_t)(s * rows->length + k) * (size_t)g->cols,
                             a_pairs,
                             g_pairs};
                tn_pair_a(rows, &p);
                tn_panels(g, &p);
            }
    _tile_release();
}
