/* kernel/isa/gemm_bf16.c - products of operands rounded to bfloat16, by fused multiply-adds; see include/kernel/bf16.h.
 *
 * The scheme of gemm.c, with the tiles of bf16_tile.c. Rows of A are rounded into a buffer that serves all panels of a call.
 * Rows that overlap, as those of a convolution, are rounded line by line: each float once. */
#include "kernel/isa/bf16.h"
#include "kernel/isa/variants.h"

#include <string.h>

enum {
    PANEL = 2 * SIMD_LEN,
    NN_ROWS = 12,            /* rows of A that are rounded together                      */
    NN_TERMS = 4096 / PANEL, /* terms of all of them in turn: whole blocks, 16 KiB of B  */
    NN_GAP = 16,             /* floats between them: powers of 2 share cache lines       */
    LINE_ROWS = 48,          /* rows of a line, rounded together                         */
    LINES = 24576,           /* floats of lines, likewise                                */
    DEPTH = 2048,            /* columns of A, likewise: a multiple of NN_TERMS           */
    TN_ROWS = 256,           /* terms of gemm_tn, likewise: whole blocks                 */
    TN_AHEAD = 4,            /* terms of which A is loaded into the cache before         */
    TN_COLS = 128,           /* columns of A, likewise                                   */
    TREE_ROWS = 512          /* terms of gemm_tn_tree whose A is rounded once            */
};

/* ---- packing ---- */

void KERNEL(gemm_operand_bf16)(float *values, size_t length)
{
    bf16_round_all(values, length, values);
}

void KERNEL(gemm_panel_bf16)(int rows, float *panel)
{
    bf16_round_all(panel, (size_t)rows * PANEL, panel);
}

void KERNEL(gemm_pack_bf16)(const gemm_pack_args *p)
{
    KERNEL(gemm_pack)(p);
    for (int panel = p->panel_lo; panel < p->panel_hi; panel++)
        KERNEL(gemm_panel_bf16)(p->rows, p->panels + (size_t)panel * (size_t)p->rows * PANEL);
}

/* ---- tiles ---- */

/* The first n columns of a tile from c, 0 in the others; and back. */
static void load_part(const float *c, size_t row_stride, int height, simd_float sum[][2], int n)
{
    for (int r = 0; r < height; r++, c += row_stride) {
        sum[r][0] = simd_load_first(c, n);
        sum[r][1] = n > SIMD_LEN ? simd_load_first(c + SIMD_LEN, n - SIMD_LEN) : simd_zero();
    }
}

static void store_part(float *c, size_t row_stride, int height, simd_float sum[][2], int n)
{
    for (int r = 0; r < height; r++, c += row_stride) {
        simd_store_first(c, sum[r][0], n);
        if (n > SIMD_LEN) simd_store_first(c + SIMD_LEN, sum[r][1], n - SIMD_LEN);
    }
}

/* Adds the bias (unless NULL), where n columns are left of it, and applies the activation. */
static void finish(const float *bias, activation act, int height, simd_float sum[][2], int n)
{
    if (bias) {
        simd_float b0 = simd_load_first(bias, n), b1 = simd_zero();
        if (n > SIMD_LEN) b1 = simd_load_first(bias + SIMD_LEN, n - SIMD_LEN);
        for (int r = 0; r < height; r++) sum[r][0] = sum[r][0] + b0, sum[r][1] = sum[r][1] + b1;
    }
    if (act != ACTIVATION_RELU) return;
    for (int r = 0; r < height; r++)
        sum[r][0] = simd_relu(sum[r][0]), sum[r][1] = simd_relu(sum[r][1]);
}

/* ---- A B ---- */

/* out[i] = x[i], any number of whole vectors. */
INLINE void copy_vectors(const float *x, int length, float *out)
{
    for (int i = 0; i < length; i += SIMD_LEN) simd_store(out + i, simd_load(x + i));
}

/* out = the rounded columns [lo, hi) of the row of A at a. */
static void round_row(const gemm_nn_args *g, const float *a, int lo, int hi, float *out)
{
    const gemm_rows *rows = &g->rows;
    int within = lo % rows->length, whole = rows->length % SIMD_LEN == 0 && lo % SIMD_LEN == 0;
    a += (size_t)(lo / rows->length) * rows->segment_stride;
    for (int n, left = hi - lo; left > 0; left -= n, out += n) {
        n = smaller(left, rows->length - within);
        if (g->a_is_operand && whole)
            copy_vectors(a + within, n, out);
        else
            bf16_round_all(a + within, (size_t)n, out);
        a += rows->segment_stride, within = 0;
    }
}

/* Rows of A from `a` on, which C has at c; `rounded` holds their first columns, rows `pitch` floats apart. */
typedef struct nn_rows {
    const float *a;
    float *c, *rounded;
    int count, depth, pitch;
} nn_rows;

/* Columns from `first` on, as many as fit. */
static void round_rows(const gemm_nn_args *g, const nn_rows *m, int first)
{
    for (int r = 0; r < m->count; r++)
        round_row(g, m->a + (size_t)r * g->rows.row_stride, first, smaller(first + DEPTH, m->depth),
                  m->rounded + r * m->pitch);
}

/* The rows of m times one panel: terms in turns, so that what they read of the panel stays in the first cache for all tiles. */
static void nn_panel(const gemm_nn_args *g, const nn_rows *m, int panel)
{
    simd_float sum[NN_ROWS][2];
    const float *b = g->panels + (size_t)panel * PANEL * (size_t)m->depth;
    bf16_tile_clear(m->count, sum);
    for (int k = 0, n; k < m->depth; k += n) {
        const float *x = m->rounded + k % DEPTH;
        n = smaller(NN_TERMS, m->depth - k);
        if (m->depth > DEPTH && k % DEPTH == 0) round_rows(g, m, k);
        for (int r = 0, height; r < m->count; r += height) {
            bf16_tile_args a = {x + r * m->pitch,        (size_t)m->pitch,
                                b + (size_t)k * PANEL,   n,
                                (float *)(void *)sum[r], PANEL};
            height = bf16_tile_height(m->count - r);
            KERNEL(bf16_tile)(BF16_ROWS, height, &a);
        }
    }
    int left = g->cols - panel * PANEL;
    finish(g->bias ? g->bias + panel * PANEL : NULL, g->act, m->count, sum, left);
    store_part(m->c + panel * PANEL, g->c_row_stride, m->count, sum, left);
}

/* Rows that overlap: rows i of [i, i + count) read the same lines of A, a line for each segment; the rows (o + 1, i) the lines
 * `step` further. `rounded` [lines, length]: the lines from that of (o, i) on. */
typedef struct nn_lines {
    int i, count, step;
    size_t length;
    float *rounded;
} nn_lines;

/* The rows of A overlap, and no block of terms crosses the end of a segment. */
static int nn_overlaps(const gemm_rows *r)
{
    return r->rows > 1 && r->row_stride < (size_t)r->length && r->length % BF16_BLOCK == 0 &&
           r->segment_stride > 0 && r->outer_stride % r->segment_stride == 0;
}

static nn_lines nn_lines_at(const gemm_rows *rows, int i, float *rounded)
{
    int count = smaller(LINE_ROWS, rows->rows - i);
    return (nn_lines){i, count, (int)(rows->outer_stride / rows->segment_stride),
                      (size_t)(count - 1) * rows->row_stride + (size_t)rows->length, rounded};
}

/* How many o fit in the buffer; 0: none. */
static int nn_lines_fit(const gemm_rows *rows, const nn_lines *m)
{
    int lines = (int)(LINES / m->length) - rows->segments;
    return lines < 0 ? 0 : m->step == 0 ? rows->outer : lines / m->step + 1;
}

/* The tile of rows [row, row + height) of the lines from `line` on; c: of row m->i. */
static void nn_line_tile(const gemm_nn_args *g, const nn_lines *m, int panel, int line, int row,
                         int height, float *c)
{
    simd_float sum[BF16_TILE_ROWS][2];
    const gemm_rows *rows = &g->rows;
    size_t segment = (size_t)rows->length * PANEL;
    bf16_tile_args a = {m->rounded + (size_t)line * m->length + (size_t)row * rows->row_stride,
                        rows->row_stride,
                        g->panels + (size_t)panel * segment * (size_t)rows->segments,
                        rows->length,
                        (float *)(void *)sum[0],
                        PANEL};
    bf16_tile_clear(height, sum);
    for (int s = 0; s < rows->segments; s++, a.x += m->length, a.b += segment)
        KERNEL(bf16_tile)(BF16_ROWS, height, &a);
    finish(g->bias ? g->bias + panel * PANEL : NULL, g->act, height, sum, g->cols - panel * PANEL);
    store_part(c + (size_t)row * g->c_row_stride + panel * PANEL, g->c_row_stride, height, sum,
               g->cols - panel * PANEL);
}

/* Rows (o, i) of the lines, o of [first, end). */
static void nn_line_rows(const gemm_nn_args *g, const nn_lines *m, int first, int end)
{
    const gemm_rows *rows = &g->rows;
    const float *a = rows->a + (size_t)first * rows->outer_stride + (size_t)m->i * rows->row_stride;
    for (int line = 0; line < (end - 1 - first) * m->step + rows->segments; line++)
        bf16_round_all(a + (size_t)line * rows->segment_stride, m->length,
                       m->rounded + (size_t)line * m->length);
    for (int panel = g->panel_lo; panel < g->panel_hi; panel++)
        for (int o = first; o < end; o++) {
            float *c = g->c + (size_t)o * g->c_outer_stride + (size_t)m->i * g->c_row_stride;
            for (int r = 0, height; r < m->count; r += height) {
                height = bf16_tile_height(m->count - r);
                nn_line_tile(g, m, panel, (o - first) * m->step, r, height, c);
            }
        }
}

/* 0, and nothing is done, if the lines of a row do not fit. */
static int nn_by_lines(const gemm_nn_args *g)
{
    _Alignas(64) float rounded[LINES];
    const gemm_rows *rows = &g->rows;
    if (!nn_overlaps(rows)) return 0;
    nn_lines m = nn_lines_at(rows, 0, rounded); /* the longest */
    int fit = nn_lines_fit(rows, &m);
    for (int i = 0; fit > 0 && i < rows->rows; i += LINE_ROWS) {
        m = nn_lines_at(rows, i, rounded);
        for (int o = 0; o < rows->outer; o += fit)
            nn_line_rows(g, &m, o, smaller(o + fit, rows->outer));
    }
    return fit > 0;
}

void KERNEL(gemm_nn_bf16)(const gemm_nn_args *g)
{
    _Alignas(64) float rounded[NN_ROWS * (DEPTH + NN_GAP)];
    const gemm_rows *rows = &g->rows;
    int depth = rows->segments * rows->length;
    if (nn_by_lines(g)) return;
    for (int o = 0; o < rows->outer; o++)
        for (int i = 0; i < rows->rows; i += NN_ROWS) {
            nn_rows m = {rows->a + (size_t)o * rows->outer_stride + (size_t)i * rows->row_stride,
                         g->c + (size_t)o * g->c_outer_stride + (size_t)i * g->c_row_stride,
                         rounded,
                         smaller(NN_ROWS, rows->rows - i),
                         depth,
                         smaller(depth, DEPTH) + NN_GAP};
            if (depth <= DEPTH) round_rows(g, &m, 0);
            for (int panel = g->panel_lo; panel < g->panel_hi; panel++) nn_panel(g, &m, panel);
        }
}

/* ---- A' G ---- */

/* Terms [first, first + terms) of columns [0, cols) of A from `a` on, rounded: a tile after the other, [terms, height] each,
 * TN_ROWS terms apart for each column. */
typedef struct tn_part {
    int first, terms, cols;
    const float *a;
    float *c;       /* the first row of C */
    float *rounded; /* [TN_COLS, TN_ROWS] */
} tn_part;

static void tn_round(const gemm_rows *rows, const tn_part *p)
{
    float line[TN_COLS];
    for (int t = 0; t < p->terms; t++) {
        int o = (p->first + t) / rows->rows, i = (p->first + t) % rows->rows;
        const float *x = p->a + (size_t)o * rows->outer_stride + (size_t)i * rows->row_stride;
        for (int k = 0; k < p->cols; k += 16)
            __builtin_prefetch(x + TN_AHEAD * rows->row_stride + k);
        bf16_round_all(x, (size_t)p->cols, line);
        for (int k = 0, height; k < p->cols; k += height) {
            float *out = p->rounded + (size_t)k * TN_ROWS;
            height = bf16_tile_height(p->cols - k);
            if (height == BF16_TILE_ROWS)
                memcpy(out + (size_t)t * BF16_TILE_ROWS, line + k, BF16_TILE_ROWS * sizeof *line);
            else
                for (int j = 0; j < height; j++) out[t * height + j] = line[k + j];
        }
    }
}

/* The part's tiles of one panel. */
static void tn_panel(const gemm_tn_args *g, const tn_part *p, int panel)
{
    int n = g->cols - panel * PANEL, continues = p->first > 0 || g->store == GEMM_ACCUMULATE;
    size_t terms = (size_t)g->rows.outer * (size_t)g->rows.rows, stride = terms * PANEL;
    if (g->panel_stride) stride = g->panel_stride;
    const float *b = g->panels + (size_t)panel * stride + (size_t)p->first * PANEL;
    float *c = p->c + panel * PANEL;
    for (int k = 0, height; k < p->cols; k += height, c += (size_t)height * (size_t)g->cols) {
        simd_float sum[BF16_TILE_ROWS][2];
        height = bf16_tile_height(p->cols - k);
        bf16_tile_args a = {.x = p->rounded + (size_t)k * TN_ROWS,
                            .b = b,
                            .n = p->terms,
                            .sum = c,
                            .sum_row = (size_t)g->cols};
        if (n >= PANEL && continues) {
            KERNEL(bf16_tile)(BF16_TURNED, height, &a);
            continue;
        }
        a.sum = (float *)(void *)sum[0], a.sum_row = PANEL;
        if (continues)
            load_part(c, (size_t)g->cols, height, sum, n);
        else
            bf16_tile_clear(height, sum);
        KERNEL(bf16_tile)(BF16_TURNED, height, &a);
        store_part(c, (size_t)g->cols, height, sum, n);
    }
}

void KERNEL(gemm_tn_bf16)(const gemm_tn_args *g)
{
    _Alignas(64) float rounded[TN_COLS * TN_ROWS];
    const gemm_rows *rows = &g->rows;
    int terms = rows->outer * rows->rows, panels = (g->cols + PANEL - 1) / PANEL;
    for (int s = 0; s < rows->segments; s++)
        for (int k = 0; k < rows->length; k += TN_COLS)
            for (int t = 0; t == 0 || t < terms; t += TN_ROWS) { /* without terms C becomes 0 */
                tn_part p = {t,
                             smaller(TN_ROWS, terms - t),
                             smaller(TN_COLS, rows->length - k),
                             rows->a + (size_t)s * rows->segment_stride + k,
                             g->c + (size_t)(s * rows->length + k) * (size_t)g->cols,
                             rounded};
                tn_round(rows, &p);
                for (int panel = 0; panel < panels; panel++) tn_panel(g, &p, panel);
            }
}

/* ---- the tree over leaves ---- */

/* Rows [k, k + height) of the results; `rounded` [TREE_ROWS, height] holds their columns of A if those fit. */
typedef struct tree_rows {
    int k, height;
    float *rounded;
} tree_rows;

static void tree_round(const gemm_tree_args *g, const tree_rows *m, int first, int count)
{
    const float *a = g->rows.a + m->k + (size_t)first * g->rows.row_stride;
    for (int i = 0; i < count; i++, a += g->rows.row_stride)
        bf16_round_all(a, (size_t)m->height, m->rounded + (size_t)(i * m->height));
}

/* sum = that of the leaf's rows [first, first + count), in the panel at b. */
static void tree_leaf(const gemm_tree_args *g, const tree_rows *m, range rows, const float *b,
                      simd_float sum[][2])
{
    int fits = g->rows.rows <= TREE_ROWS;
    bf16_tile_clear(m->height, sum);
    for (int at = rows.lo, n; at < rows.hi; at += n) {
        n = smaller(rows.hi - at, TREE_ROWS);
        if (!fits) tree_round(g, m, at, n);
        bf16_tile_args a = {.x = m->rounded + (fits ? (size_t)(at * m->height) : 0),
                            .b = b + (size_t)at * PANEL,
                            .n = n,
                            .sum = (float *)(void *)sum[0],
                            .sum_row = PANEL};
        KERNEL(bf16_tile)(BF16_TURNED, m->height, &a);
    }
}

/* One panel of every result: the leaves' sums in order, merged as the plan says. */
static void tree_panel(const gemm_tree_args *g, const tree_rows *m, int panel)
{
    simd_float level[TREE_MAX_NODES][BF16_TILE_ROWS][2];
    int col = panel * PANEL, n = g->cols - col, top = 0;
    size_t at = (size_t)m->k * (size_t)g->cols + (size_t)col;
    const float *b = g->panels + (size_t)col * (size_t)g->rows.rows;
    for (int l = 0; l < g->plan.items; l++) {
        range rows = {l * g->grain, smaller((l + 1) * g->grain, g->rows.rows)};
        simd_float(*sum)[2] = level[top++];
        tree_leaf(g, m, rows, b, sum);
        for (int merge = 0; merge < g->merges[l]; merge++, top--)
            for (int r = 0; r < m->height; r++)
                for (int v = 0; v < 2; v++)
                    level[top - 2][r][v] = level[top - 2][r][v] + level[top - 1][r][v];
    }
    for (int r = 0; r < g->plan.results; r++)
        store_part(g->results[r] + at, (size_t)g->cols, m->height, level[r], n);
}

void KERNEL(gemm_tn_tree_bf16)(const gemm_tree_args *g)
{
    _Alignas(64) float rounded[TREE_ROWS * BF16_TILE_ROWS];
    int tiles = (g->rows.length + BF16_TILE_ROWS - 1) / BF16_TILE_ROWS;
    int panels = (g->cols + PANEL - 1) / PANEL, k = -1;
    range share = range_share(panels * tiles, g->part, g->parts);
    if (g->plan.results == 0) return; /* no leaves */
    for (int t = share.lo; t < share.hi; t++) {
        int first = t / panels * BF16_TILE_ROWS;
        tree_rows m = {first, smaller(BF16_TILE_ROWS, g->rows.length - first), rounded};
        if (first != k && g->rows.rows <= TREE_ROWS) tree_round(g, &m, 0, g->rows.rows);
        k = first;
        tree_panel(g, &m, t % panels);
    }
}
