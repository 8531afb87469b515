/* kernel/isa/gemm.c - register-blocked products; see include/kernel/gemm.h for the scheme and the order of sums.
 *
 * A tile of C, TILE_ROWS rows by one panel (two vectors), stays in registers: 12 x 2 of the 32 of AVX-512, 6 x 2 of the 16 of
 * AVX2 and SSE (NEON has 32, and uses the same). A step loads two vectors of the panel and broadcasts one float for each row:
 * the blocking of BLIS (Van Zee and van de Geijn, ACM TOMS 41:3, 2015). Vectors hold outputs; no sum is split.
 * gemm_narrow.c has the tiles of the last panel where one vector is enough. */
#include "kernel/gemm.h"

#include "kernel/isa/gemm_narrow.h"
#include "kernel/isa/simd.h"
#include "kernel/isa/tiles.h"
#include "kernel/isa/variants.h"

enum { PANEL = 2 * SIMD_LEN, TILE_ROWS = SIMD_LEN == 16 ? 12 : 6 };
/* Of gemm_nn where B is in place: rows of a panel that are copied at once, 16 KiB; tiles of rows from which on the copy pays.
 * Not with AVX-512, for whose processors it was not measured: their second-level caches are larger. */
enum { DEPTH = 4096 / PANEL, COPIES = SIMD_LEN != 16, COPY_TILES = 3 };
/* Tiles of gemm_tn_tree; with 32 registers two leaves of a tile are in them at once. */
enum { TREE_ROWS = 6, PAIRS = SIMD_LEN == 16 };

/* ---- packing ---- */

/* A panel of a row-major B: vectors are copied. n: the columns of B from here on. */
static void pack_rows(const gemm_pack_args *p, const float *b, int n, float *out)
{
    for (int k = 0; k < p->rows; k++, b += p->row_stride, out += PANEL) {
        simd_store(out, simd_load_first(b, n));
        simd_store(out + SIMD_LEN,
                   n > SIMD_LEN ? simd_load_first(b + SIMD_LEN, n - SIMD_LEN) : simd_zero());
    }
}

/* out [SIMD_LEN rows, PANEL apart] = SIMD_LEN columns of B from b on, col_stride apart. */
static void pack_square(const float *b, size_t col_stride, float *out)
{
    simd_float square[SIMD_LEN];
    UNROLL for (int i = 0; i < SIMD_LEN; i++) square[i] = simd_load(b + (size_t)i * col_stride);
    simd_transpose(square);
    UNROLL for (int i = 0; i < SIMD_LEN; i++) simd_store(out + (size_t)i * PANEL, square[i]);
}

/* Rows [rows.lo, rows.hi) and columns [first, PANEL) of a panel, one by one; 0 in the columns from n on, which B lacks. */
static void pack_rest(const gemm_pack_args *p, const float *b, int n, range rows, int first,
                      float *out)
{
    for (int k = rows.lo; k < rows.hi; k++)
        for (int j = first; j < PANEL; j++)
            out[(size_t)k * PANEL + (size_t)j] =
                j < n ? b[(size_t)k * p->row_stride + (size_t)j * p->col_stride] : 0.0f;
}

/* A panel of a column-major B: squares of SIMD_LEN x SIMD_LEN are transposed in registers, the rest goes one by one. */
static void pack_columns(const gemm_pack_args *p, const float *b, int n, float *out)
{
    int rows = p->rows / SIMD_LEN * SIMD_LEN, cols = n / SIMD_LEN * SIMD_LEN;
    for (int j = 0; j < cols; j += SIMD_LEN)
        for (int k = 0; k < rows; k += SIMD_LEN)
            pack_square(b + (size_t)j * p->col_stride + k, p->col_stride,
                        out + (size_t)k * PANEL + j);
    pack_rest(p, b, n, (range){0, rows}, cols, out);
    pack_rest(p, b, n, (range){rows, p->rows}, 0, out);
}

void KERNEL(gemm_pack)(const gemm_pack_args *p)
{
    for (int panel = p->panel_lo; panel < p->panel_hi; panel++) {
        int first = panel * PANEL, n = p->cols - first < PANEL ? p->cols - first : PANEL;
        const float *b = p->b + (size_t)first * p->col_stride;
        float *out = p->panels + (size_t)first * (size_t)p->rows;
        if (p->col_stride == 1)
            pack_rows(p, b, n, out);
        else if (p->row_stride == 1)
            pack_columns(p, b, n, out);
        else
            pack_rest(p, b, n, (range){0, p->rows}, 0, out);
    }
}

void KERNEL(gemm_pack_tn)(const gemm_pack_args *p)
{
    KERNEL(gemm_pack)(p);
}

void KERNEL(gemm_panel)(int rows, float *panel)
{
    (void)rows, (void)panel;
}

/* Operands of float need no rounding. */
void KERNEL(gemm_operand)(float *panels, size_t length)
{
    (void)panels;
    (void)length;
}

/* ---- tiles ---- */

/* The first n columns of a tile, from c; 0 in the others. */
static void load_part(const float *c, size_t row_stride, int height, simd_float sum[TILE_ROWS][2],
                      int n)
{
    for (int r = 0; r < height; r++, c += row_stride) {
        sum[r][0] = simd_load_first(c, n);
        sum[r][1] = n > SIMD_LEN ? simd_load_first(c + SIMD_LEN, n - SIMD_LEN) : simd_zero();
    }
}

/* The first n columns of a tile, to c. */
static void store_part(float *c, size_t row_stride, int height, simd_float sum[TILE_ROWS][2], int n)
{
    for (int r = 0; r < height; r++, c += row_stride) {
        simd_store_first(c, sum[r][0], n);
        if (n > SIMD_LEN) simd_store_first(c + SIMD_LEN, sum[r][1], n - SIMD_LEN);
    }
}

/* Stores a tile to c, where C has n more columns. Fewer than a panel are stored from a copy: `sum` stays in registers only as
 * long as its address is not taken. */
INLINE void tile_store(float *c, size_t row_stride, int height, simd_float sum[][2], int n)
{
    if (n < PANEL) {
        simd_float part[TILE_ROWS][2];
        UNROLL for (int r = 0; r < height; r++) part[r][0] = sum[r][0], part[r][1] = sum[r][1];
        store_part(c, row_stride, height, part, n);
        return;
    }
    UNROLL for (int r = 0; r < height; r++)
    {
        simd_store(c + (size_t)r * row_stride, sum[r][0]);
        simd_store(c + (size_t)r * row_stride + SIMD_LEN, sum[r][1]);
    }
}

INLINE void tile_clear(int height, simd_float sum[][2])
{
    UNROLL for (int r = 0; r < height; r++) sum[r][0] = sum[r][1] = simd_zero();
}

/* continues: the tile's sums go on from those at c, where C has n more columns; else from 0. The copy keeps `sum` in
 * registers, as in tile_store. */
INLINE void tile_begin(const float *c, size_t row_stride, int continues, int height,
                       simd_float sum[][2], int n)
{
    tile_clear(height, sum);
    if (!continues) return;
    simd_float before[TILE_ROWS][2];
    load_part(c, row_stride, height, before, n);
    UNROLL for (int r = 0; r < height; r++) sum[r][0] = before[r][0], sum[r][1] = before[r][1];
}

/* Adds the bias (unless NULL), where n columns are left of it, and applies the activation. */
INLINE void tile_finish(const float *bias, activation act, int height, simd_float sum[][2], int n)
{
    if (bias) {
        simd_float b0 = simd_load_first(bias, n), b1 = simd_zero();
        if (n > SIMD_LEN) b1 = simd_load_first(bias + SIMD_LEN, n - SIMD_LEN);
        UNROLL for (int r = 0; r < height; r++) sum[r][0] = sum[r][0] + b0,
                                                sum[r][1] = sum[r][1] + b1;
    }
    if (act == ACTIVATION_RELU) {
        UNROLL for (int r = 0; r < height; r++)
        {
            sum[r][0] = simd_relu(sum[r][0]);
            sum[r][1] = simd_relu(sum[r][1]);
        }
    }
}

/* sum[r][:] += x[r * stride] b[:] for each row of the tile: one step of all its chains. */
INLINE void tile_step(const float *x, size_t stride, const float *b, int height,
                      simd_float sum[][2])
{
    simd_float b0 = simd_load(b), b1 = simd_load(b + SIMD_LEN);
    UNROLL for (int r = 0; r < height; r++)
    {
        simd_float v = simd_set(x[(size_t)r * stride]);
        sum[r][0] = simd_fma(v, b0, sum[r][0]);
        sum[r][1] = simd_fma(v, b1, sum[r][1]);
    }
}

/* 1 if the leaves l and l + 1 are added to each other first, and may be in registers together. */
INLINE int is_pair(const gemm_tree_args *g, int l)
{
    return PAIRS && l + 1 < g->plan.items && g->merges[l] == 0 && g->merges[l + 1] > 0;
}

/* sum = left + sum; left [height, PANEL]. */
INLINE void tile_add(const float *left, int height, simd_float sum[][2])
{
    UNROLL for (int r = 0; r < height; r++, left += PANEL)
    {
        sum[r][0] = simd_load(left) + sum[r][0];
        sum[r][1] = simd_load(left + SIMD_LEN) + sum[r][1];
    }
}

/* A panel of B as the tiles of gemm_nn read it. */
typedef struct nn_columns {
    const float *b; /* its rows, `stride` floats apart */
    size_t stride;
    const float *bias; /* of its columns, or NULL                      */
    int n;             /* columns that C has from the panel's first on */
    int continues;     /* 1: C holds the sums so far                   */
} nn_columns;

/* The tile at c: R rows of A from `a` on times the panel p. */
#define NN_TILE(R)                                                                                 \
    static void nn_tile_##R(const gemm_nn_args *g, const nn_columns *p, const float *a, float *c)  \
    {                                                                                              \
        const gemm_rows *rows = &g->rows;                                                          \
        const float *b = p->b;                                                                     \
        size_t stride = p->stride;                                                                 \
        simd_float sum[R][2];                                                                      \
        tile_begin(c, g->c_row_stride, p->continues, R, sum, p->n);                                \
        for (int s = 0; s < rows->segments; s++) {                                                 \
            const float *x = a + (size_t)s * rows->segment_stride;                                 \
            _Pragma("GCC unroll 4") for (int k = 0; k < rows->length; k++, x++, b += stride)       \
                tile_step(x, rows->row_stride, b, R, sum);                                         \
        }                                                                                          \
        tile_finish(p->bias, g->act, R, sum, p->n);                                                \
        tile_store(c, g->c_row_stride, R, sum, p->n);                                              \
    }

/* sum += A' G for R columns of A from `a` on, all its outer x rows rows, and the panel b of G. */
#define TN_CHAIN(R)                                                                                \
    INLINE void tn_chain_##R(const gemm_rows *rows, const float *a, const float *b,                \
                             simd_float sum[R][2])                                                 \
    {                                                                                              \
        for (int o = 0; o < rows->outer; o++) {                                                    \
            const float *x = a + (size_t)o * rows->outer_stride;                                   \
            _Pragma("GCC unroll 4") for (int i = 0; i < rows->rows; i++, b += PANEL)               \
            {                                                                                      \
                tile_step(x, 1, b, R, sum);                                                        \
                x += rows->row_stride;                                                             \
            }                                                                                      \
        }                                                                                          \
    }

/* The tile at c, where C has n more columns: overwritten, or added to. */
#define TN_TILE(R)                                                                                 \
    static void tn_tile_##R(const gemm_tn_args *g, const float *a, const float *b, int n,          \
                            float *c)                                                              \
    {                                                                                              \
        simd_float sum[R][2];                                                                      \
        tile_begin(c, (size_t)g->cols, g->store == GEMM_ACCUMULATE, R, sum, n);                    \
        tn_chain_##R(&g->rows, a, b, sum);                                                         \
        tile_store(c, (size_t)g->cols, R, sum, n);                                                 \
    }

/* Two of these at once, for two leaves of `rows` that follow each other. */
#define PAIR_CHAIN(R)                                                                              \
    INLINE void pair_chain_##R(const gemm_rows *rows, const float *a, const float *b,              \
                               simd_float first[R][2], simd_float second[R][2])                    \
    {                                                                                              \
        const float *a2 = a + (size_t)rows->rows * rows->row_stride;                               \
        const float *b2 = b + (size_t)rows->rows * PANEL;                                          \
        _Pragma("GCC unroll 2") for (int i = 0; i < rows->rows; i++, b += PANEL, b2 += PANEL)      \
        {                                                                                          \
            tile_step(a, 1, b, R, first);                                                          \
            tile_step(a2, 1, b2, R, second);                                                       \
            a += rows->row_stride;                                                                 \
            a2 += rows->row_stride;                                                                \
        }                                                                                          \
    }

/* One tile of every result: the leaves' sums in order, merged as the plan says. Two leaves that are added first are added in
 * registers. The last result goes to c, where C has n more columns; the others stay in level[0], level[1] and so on. */
#define TREE_TILE(R)                                                                               \
    static void tree_tile_##R(const gemm_tree_args *g, const float *a, const float *b, int n,      \
                              float *c, float(*level)[TREE_ROWS * PANEL])                          \
    {                                                                                              \
        gemm_rows leaf = g->rows;                                                                  \
        int left = g->rows.rows, top = 0;                                                          \
        for (int l = 0, leaves; l < g->plan.items; l += leaves, left -= leaves * g->grain) {       \
            simd_float sum[R][2], first[R][2];                                                     \
            tile_clear(R, sum);                                                                    \
            leaves = left >= 2 * g->grain && is_pair(g, l) ? 2 : 1;                                \
            leaf.rows = left < g->grain ? left : g->grain;                                         \
            int merges = g->merges[l + leaves - 1] - (leaves - 1);                                 \
            if (leaves == 2) {                                                                     \
                tile_clear(R, first);                                                              \
                pair_chain_##R(&leaf, a, b, first, sum);                                           \
                UNROLL for (int r = 0; r < R; r++) sum[r][0] = first[r][0] + sum[r][0],            \
                                                   sum[r][1] = first[r][1] + sum[r][1];            \
            } else {                                                                               \
                tn_chain_##R(&leaf, a, b, sum);                                                    \
            }                                                                                      \
            for (int m = 0; m < merges; m++) tile_add(level[--top], R, sum);                       \
            if (l + leaves == g->plan.items)                                                       \
                tile_store(c, (size_t)g->cols, R, sum, n);                                         \
            else                                                                                   \
                tile_store(level[top++], PANEL, R, sum, PANEL);                                    \
            a += (size_t)(leaves * g->grain) * leaf.row_stride;                                    \
            b += (size_t)(leaves * g->grain) * PANEL;                                              \
        }                                                                                          \
    }

/* Each height of a tile up to TILE_ROWS has a function of its own, so that its sums stay in registers. */
#define EACH_HEIGHT_LOW(DO)  DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#define EACH_HEIGHT_HIGH(DO) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12)
#if SIMD_LEN == 16
#define EACH_HEIGHT(DO) EACH_HEIGHT_LOW(DO) EACH_HEIGHT_HIGH(DO)
#else
#define EACH_HEIGHT(DO) EACH_HEIGHT_LOW(DO)
#endif
EACH_HEIGHT(NN_TILE)
EACH_HEIGHT(TN_CHAIN)
EACH_HEIGHT(TN_TILE)
EACH_HEIGHT_LOW(PAIR_CHAIN)
EACH_HEIGHT_LOW(TREE_TILE)

/* Indexed by height; there are no tiles of height 0. */
typedef void nn_tile(const gemm_nn_args *g, const nn_columns *p, const float *a, float *c);
typedef void tn_tile(const gemm_tn_args *g, const float *a, const float *b, int n, float *c);
typedef void tree_tile(const gemm_tree_args *g, const float *a, const float *b, int n, float *c,
                       float (*level)[TREE_ROWS * PANEL]);
#define NN_NAME(R)   nn_tile_##R,
#define TN_NAME(R)   tn_tile_##R,
#define TREE_NAME(R) tree_tile_##R,
static nn_tile *const nn_tile_of[TILE_ROWS + 1] = {NULL, EACH_HEIGHT(NN_NAME)};
static tn_tile *const tn_tile_of[TILE_ROWS + 1] = {NULL, EACH_HEIGHT(TN_NAME)};
static tree_tile *const tree_tile_of[TREE_ROWS + 1] = {NULL, EACH_HEIGHT_LOW(TREE_NAME)};

/* All rows of A times the panel `panel`, which lies at p. */
static void nn_rows(const gemm_nn_args *g, const nn_columns *p, int panel)
{
    const gemm_rows *rows = &g->rows;
    for (int o = 0; o < rows->outer; o++) {
        const float *a = rows->a + (size_t)o * rows->outer_stride;
        float *c = g->c + (size_t)o * g->c_outer_stride + panel * PANEL;
        for (int i = 0, height; i < rows->rows; i += height) {
            height = tile_height(rows->rows - i, TILE_ROWS);
            nn_tile_of[height](g, p, a, c);
            a += (size_t)height * rows->row_stride;
            c += (size_t)height * g->c_row_stride;
        }
    }
}

static void nn_panel(const gemm_nn_args *g, int panel)
{
    size_t depth = (size_t)g->rows.segments * (size_t)g->rows.length;
    nn_columns p = {.b = g->panels + (size_t)panel * PANEL * (g->b_row_stride ? 1 : depth),
                    .stride = g->b_row_stride ? g->b_row_stride : PANEL,
                    .bias = g->bias ? g->bias + panel * PANEL : NULL,
                    .n = g->cols - panel * PANEL};
    if (p.n <= SIMD_LEN)
        KERNEL(gemm_nn_narrow)(g, panel * PANEL, p.b, p.stride);
    else
        nn_rows(g, &p, panel);
}

/* Rows [k, k + count) of panel `panel` of a B that is not packed. */
static void copy_rows(const gemm_nn_args *g, int panel, int k, int count, float *copy)
{
    const float *b = g->panels + (size_t)k * g->b_row_stride + panel * PANEL;
    for (int i = 0; i < count; i++, b += g->b_row_stride, copy += PANEL) {
        simd_store(copy, simd_load(b));
        simd_store(copy + SIMD_LEN, simd_load(b + SIMD_LEN));
    }
}

/* B in place, for many rows of A. The rows of B lie so far apart that a panel would not stay in a cache. So DEPTH rows of a
 * panel are copied, and all rows of A are multiplied by them; the next DEPTH rows go on from the sums in C. */
static void nn_in_place(const gemm_nn_args *g)
{
    _Alignas(64) float copy[DEPTH * PANEL];
    for (int k = 0; k < g->rows.length; k += DEPTH) {
        int is_last = g->rows.length - k <= DEPTH;
        gemm_nn_args piece = *g;
        piece.rows.a += k;
        piece.rows.length = smaller(DEPTH, g->rows.length - k);
        if (!is_last) piece.act = ACTIVATION_NONE;
        for (int panel = g->panel_lo; panel < g->panel_hi; panel++) {
            nn_columns p = {.b = copy,
                            .stride = PANEL,
                            .bias = g->bias && is_last ? g->bias + panel * PANEL : NULL,
                            .n = PANEL,
                            .continues = k > 0};
            copy_rows(g, panel, k, piece.rows.length, copy);
            nn_rows(&piece, &p, panel);
        }
    }
}

/* One row of A times W panels from b on, `apart` floats from each other, where C has n more columns: with one panel each step
 * would wait for the two sums of the step before. */
#define NN_ROW(W)                                                                                  \
    static void nn_row_##W(const gemm_nn_args *g, const float *a, const float *b, size_t stride,   \
                           size_t apart, const float *bias, int n, float *c)                       \
    {                                                                                              \
        simd_float sum[W][2];                                                                      \
        tile_clear(W, sum);                                                                        \
        for (int s = 0; s < g->rows.segments; s++) {                                               \
            const float *x = a + (size_t)s * g->rows.segment_stride;                               \
            for (int k = 0; k < g->rows.length; k++, b += stride)                                  \
                UNROLL for (int p = 0; p < W; p++)                                                 \
                    tile_step(x + k, 0, b + (size_t)p * apart, 1, sum + p);                        \
        }                                                                                          \
        UNROLL for (int p = 0; p < W; p++)                                                         \
        {                                                                                          \
            tile_finish(bias ? bias + p *PANEL : NULL, g->act, 1, sum + p, n - p * PANEL);         \
            tile_store(c + p * PANEL, 0, 1, sum + p, n - p * PANEL);                               \
        }                                                                                          \
    }
#define EACH_WIDTH(DO) DO(1) DO(2) DO(3) DO(4)
#define NN_ROW_NAME(W) nn_row_##W,
EACH_WIDTH(NN_ROW)

enum { ROW_PANELS = 4 };
typedef void nn_row(const gemm_nn_args *g, const float *a, const float *b, size_t stride,
                    size_t apart, const float *bias, int n, float *c);
static nn_row *const nn_row_of[ROW_PANELS + 1] = {NULL, EACH_WIDTH(NN_ROW_NAME)};

static void nn_row_of_panels(const gemm_nn_args *g)
{
    const gemm_rows *rows = &g->rows;
    size_t depth = (size_t)rows->segments * (size_t)rows->length;
    size_t stride = g->b_row_stride ? g->b_row_stride : PANEL;
    size_t apart = PANEL * (g->b_row_stride ? 1 : depth);
    for (int panel = g->panel_lo, width; panel < g->panel_hi; panel += width) {
        int left = g->panel_hi - panel, col = panel * PANEL;
        width = left < ROW_PANELS ? left : ROW_PANELS;
        for (int o = 0; o < rows->outer; o++)
            nn_row_of[width](g, rows->a + (size_t)o * rows->outer_stride,
                             g->panels + (size_t)panel * apart, stride, apart,
                             g->bias ? g->bias + col : NULL, g->cols - col,
                             g->c + (size_t)o * g->c_outer_stride + col);
    }
}

void KERNEL(gemm_nn)(const gemm_nn_args *g)
{
    if (g->rows.rows == 1) {
        nn_row_of_panels(g);
        return;
    }
    if (COPIES && g->b_row_stride && g->rows.outer == 1 && g->rows.segments == 1 &&
        g->rows.rows >= COPY_TILES * TILE_ROWS) {
        nn_in_place(g);
        return;
    }
    for (int panel = g->panel_lo; panel < g->panel_hi; panel++) nn_panel(g, panel);
}

void KERNEL(gemm_tn)(const gemm_tn_args *g)
{
    const gemm_rows *rows = &g->rows;
    const float *b = g->panels;
    size_t packed_length = (size_t)rows->outer * (size_t)rows->rows * PANEL;
    for (int col = 0; col < g->cols; col += PANEL) {
        float *c = g->c + col;
        if (g->cols - col <= SIMD_LEN) {
            KERNEL(gemm_tn_narrow)(g, col, b);
            return;
        }
        for (int s = 0; s < rows->segments; s++)
            for (int k = 0, height; k < rows->length; k += height) {
                height = tile_height(rows->length - k, TILE_ROWS);
                const float *a = rows->a + (size_t)s * rows->segment_stride + k;
                tn_tile_of[height](g, a, b, g->cols - col, c);
                c += (size_t)height * (size_t)g->cols;
            }
        b += g->panel_stride ? g->panel_stride : packed_length;
    }
}

/* The tile of rows [k, k + height) and panel `panel` of every result. The levels stay in the first-level cache. */
static void tree_results(const gemm_tree_args *g, int panel, int k, int height)
{
    _Alignas(64) float level[TREE_MAX_NODES][TREE_ROWS * PANEL];
    int col = panel * PANEL, n = g->cols - col, last = g->plan.results - 1;
    size_t at = (size_t)k * (size_t)g->cols + (size_t)col;
    tree_tile_of[height](g, g->rows.a + k, g->panels + (size_t)col * (size_t)g->rows.rows, n,
                         g->results[last] + at, level);
    for (int r = 0; r < last; r++) {
        simd_float sum[TILE_ROWS][2];
        load_part(level[r], PANEL, height, sum, PANEL);
        store_part(g->results[r] + at, (size_t)g->cols, height, sum, n);
    }
}

/* Tiles are numbered along the rows of C: a part reads only the columns of A of its rows, and these rows stay in its cache. */
void KERNEL(gemm_tn_tree)(const gemm_tree_args *g)
{
    int tiles = (g->rows.length + TREE_ROWS - 1) / TREE_ROWS;
    int panels = (g->cols + PANEL - 1) / PANEL;
    range share = range_share(panels * tiles, g->part, g->parts);
    if (g->plan.results == 0) return; /* no leaves */
    for (int t = share.lo; t < share.hi; t++) {
        int k = t / panels * TREE_ROWS;
        int height = g->rows.length - k < TREE_ROWS ? g->rows.length - k : TREE_ROWS;
        tree_results(g, t % panels, k, height);
    }
}
