/* prop/layer_conv2d_bits.c - which bits the fused convolutions give, and that they depend on nothing else.
 *
 * The sums that are not Winograd's are chains in the order of kernel/conv.h, so scalar chains and the general convolution give
 * their bits; tables of one precision agree; a sample's results do not depend on the others of the call. */
#include "conv_fixture.h"
#include "reference/bf16.h"
#include "reference/bf16_tables.h"

typedef struct bits_case {
    int height, width, channels, filters, used_rows, used_cols;
    activation act;
    int ink;
} bits_case;

static const bits_case cases[] = {
    {28, 28, 1, 32, 12, 12, ACTIVATION_RELU, INK_SOME}, /* the preset cnn */
    {13, 13, 32, 64, 0, 0, ACTIVATION_RELU, INK_ALL},
    {12, 14, 1, 64, 0, 0, ACTIVATION_TANH, INK_SOME},
    {9, 23, 1, 96, 3, 7, ACTIVATION_NONE, INK_ALL},
    {8, 8, 1, 32, 0, 0, ACTIVATION_LEAKY_RELU, INK_NONE},
    {12, 22, 32, 96, 0, 0, ACTIVATION_NONE, INK_ALL},
    {15, 14, 64, 32, 5, 5, ACTIVATION_TANH, INK_SOME},
    {10, 13, 64, 96, 3, 4, ACTIVATION_LEAKY_RELU, INK_ALL},
    {20, 22, 32, 32, 0, 0, ACTIVATION_RELU, INK_ALL},
    {22, 22, 32, 64, 0, 0, ACTIVATION_RELU, INK_ALL},
};
enum { CASES = sizeof cases / sizeof *cases };

static void open_twin(twin *t, const bits_case *c, int samples)
{
    conv_case plain = {3,        1, c->channels,   c->filters, c->height,
                       c->width, 2, PADDING_VALID, c->act};
    twin_open(t, &plain, DRAWN, (uint64_t)(c - cases) * 10 + 3, samples, c->ink);
}

static void open_fast(fast *f, const twin *t, const bits_case *c, const kernels *k, stage_sums sums)
{
    const char *name = c->channels == 1 ? "conv2d_pixels" : "conv2d_pooled";
    stage wanted = {.type = stage_named("conv2d", name),
                    .k = k,
                    .sums = sums,
                    .want_input_gradient = c->channels > 1,
                    .used_rows = c->used_rows,
                    .used_cols = c->used_cols};
    CASE("case %d, %s, sums %d", (int)(c - cases), k->name, sums);
    fast_open(f, t, &wanted);
}

static void same_bytes(const uint8_t *got, const uint8_t *want, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (got[i] != want[i]) print_error("byte %zu of %zu; case: %s\n", i, count, check_case);
    assert_memory_equal(got, want, count);
}

/* Forward without Winograd gives the bits of the general stage, wherever the next stage reads. */
static void the_general_convolution_in(precision p)
{
    enum { SAMPLES = 2 };
    static twin t;
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables);
    for (int c = 0; c < CASES; c++)
        for (int i = 0; i < count; i++) {
            fast fused, general;
            open_twin(&t, &cases[c], SAMPLES);
            stage wanted = {.type = stage_named("conv2d", "conv2d"), .k = tables[i]};
            fast_open(&general, &t, &wanted);
            open_fast(&fused, &t, &cases[c], tables[i], STAGE_EXACT);
            fast_forward(&general, &t, 0, SAMPLES), fast_forward(&fused, &t, 0, SAMPLES);
            for (size_t j = 0; j < SAMPLES * t.out; j++) {
                if (!fast_used(&fused, &t, j % t.out)) continue;
                SAME_BITS(fused.io.y + j, general.io.y + j, 1);
                same_bytes(fused.io.saved + j, general.io.saved + j, 1);
            }
            fast_close(&fused), fast_close(&general), twin_close(&t);
        }
}

static void the_general_convolution(void **state)
{
    (void)state;
    the_general_convolution_in(PRECISION_FP32);
    the_general_convolution_in(PRECISION_BF16);
}

/* Packing is not compared: packed forms are a table's own. */
static void every_instruction_set_in(precision p)
{
    enum { SAMPLES = 3 }; /* an odd number of blocks where a sample is one */
    static twin t;
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables);
    for (int c = 0; c < CASES * (count - 1); c++)
        for (int sums = STAGE_FAST; sums <= STAGE_EXACT; sums++) {
            fast a, b;
            const bits_case *one = &cases[c % CASES];
            open_twin(&t, one, SAMPLES);
            open_fast(&a, &t, one, tables[0], (stage_sums)sums);
            open_fast(&b, &t, one, tables[1 + c / CASES], (stage_sums)sums);
            fast_forward(&a, &t, 0, SAMPLES), fast_forward(&b, &t, 0, SAMPLES);
            fast_backward(&a, &t, 0), fast_backward(&b, &t, 0);
            SAME_BITS(b.io.y, a.io.y, SAMPLES * t.out);
            same_bytes(b.io.saved, a.io.saved, SAMPLES * t.out);
            if (a.io.dx) SAME_BITS(b.io.dx, a.io.dx, SAMPLES * t.in);
            SAME_BITS(b.gradient, a.gradient, a.s.leaf_length);
            fast_close(&a), fast_close(&b), twin_close(&t);
        }
}

static void every_instruction_set(void **state)
{
    (void)state;
    every_instruction_set_in(PRECISION_FP32);
    every_instruction_set_in(PRECISION_BF16);
}

/* Any range of samples gives what all of them give: Winograd takes blocks two by two, so that the number of blocks before a
 * sample and whether their number is odd must not matter. */
static void samples_alone_in(precision p)
{
    static twin t;
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables);
    for (int c = 0; c < CASES; c++)
        for (int i = 0; i < count; i++) {
            fast all, some;
            open_twin(&t, &cases[c], CONV_MOST);
            open_fast(&all, &t, &cases[c], tables[i], STAGE_FAST);
            open_fast(&some, &t, &cases[c], tables[i], STAGE_FAST);
            fast_forward(&all, &t, 0, CONV_MOST), fast_backward(&all, &t, 0);
            for (int samples = 1; samples < CONV_MOST; samples += 1 + samples / 3)
                for (int first = 0; first + samples <= CONV_MOST; first++) {
                    size_t y = (size_t)first * t.out, x = (size_t)first * t.in;
                    fast_forward(&some, &t, first, samples), fast_backward(&some, &t, first);
                    SAME_BITS(some.io.y, all.io.y + y, (size_t)samples * t.out);
                    same_bytes(some.io.saved, all.io.saved + y, (size_t)samples * t.out);
                    if (all.io.dx) SAME_BITS(some.io.dx, all.io.dx + x, (size_t)samples * t.in);
                }
            fast_close(&all), fast_close(&some), twin_close(&t);
        }
}

static void samples_alone(void **state)
{
    (void)state;
    samples_alone_in(PRECISION_FP32);
    samples_alone_in(PRECISION_BF16);
}

/* Where a window's maximum lies, and its gradient. */
/* A position that sees only zeros has the sum 0 and nothing else, whatever lies beside it in its tile: the window's result
 * is the bias, to the bit, and of equal positions the first counts. */
static void blank_positions(void **state)
{
    (void)state;
    enum { SIDE = 13, CHANNELS = 32, FILTERS = 64, OUT = 5, BLANK_COLUMNS = 6, BLANK_WINDOWS = 2 };
    static const bits_case c = {SIDE, SIDE, CHANNELS, FILTERS, 0, 0, ACTIVATION_NONE, INK_ALL};
    static twin t;
    const kernels *tables[3];
    int count = kernels_available(tables);
    conv_case plain = {3, 1, CHANNELS, FILTERS, SIDE, SIDE, 2, PADDING_VALID, ACTIVATION_NONE};
    twin_open(&t, &plain, DRAWN, 7, 1, INK_ALL);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < BLANK_COLUMNS * CHANNELS; j++) t.x[i * SIDE * CHANNELS + j] = 0;
    const float *bias = t.w + t.conv.tensor[1].at.offset;
    for (int k = 0; k < count; k++) {
        fast f;
        open_fast(&f, &t, &c, tables[k], STAGE_FAST);
        CASE("%s", tables[k]->name);
        fast_forward(&f, &t, 0, 1);
        for (int w = 0; w < OUT * OUT; w++) {
            if (w % OUT >= BLANK_WINDOWS) continue;
            SAME_BITS(f.io.y + w * FILTERS, bias, FILTERS);
            for (int n = 0; n < FILTERS; n++) assert_int_equal(f.io.saved[w * FILTERS + n], 0);
        }
        fast_close(&f);
    }
    twin_close(&t);
}

typedef struct maximum {
    int row, col; /* of the sums */
    float d;
} maximum;

static maximum maximum_of(const twin *t, const fast *f, int n, int i, int j, int filter)
{
    size_t at = (size_t)n * t->out +
                (size_t)((i * t->pool.out.dim[1] + j) * t->conv.cfg.units + filter);
    int pick = f->io.saved[at];
    return (maximum){2 * i + pick / 2, 2 * j + pick % 2, f->io.dy[at]};
}

/* x as a product takes it. The stage has rounded dy where it lies. */
static float operand(const fast *f, float x)
{
    return f->s.k->precision == PRECISION_BF16 ? bf16_ref_round(x) : x;
}

/* dw [9, C, F] and db [F]: sample after sample, windows in row order. db is that of dy before it is rounded, which is gone. */
static void check_weights(const twin *t, const fast *f)
{
    int channels = t->conv.in.dim[2], filters = t->conv.cfg.units, width = t->conv.in.dim[1];
    int rows = (f->s.reads_rows - 2) / 2, cols = (f->s.reads_cols - 2) / 2;
    size_t kernel = t->conv.tensor[0].at.length;
    float *want = values_take((kernel + (size_t)filters) * sizeof *want);
    for (int n = 0; n < f->count; n++)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++)
                for (int u = 0; u < filters; u++) {
                    maximum m = maximum_of(t, f, n, i, j, u);
                    assert_true(m.d == operand(f, m.d));
                    want[kernel + (size_t)u] += m.d;
                    for (int tap = 0; tap < 9 * channels; tap++) {
                        int row = m.row + tap / channels / 3, col = m.col + tap / channels % 3;
                        float x = f->io
                                      .x[(size_t)n * t->in +
                                         (size_t)((row * width + col) * channels + tap % channels)];
                        float *sum = want + tap * filters + u;
                        *sum = fmaf(m.d, operand(f, x), *sum);
                    }
                }
    SAME_BITS(f->gradient, want, kernel);
    if (f->s.k->precision == PRECISION_FP32)
        SAME_BITS(f->gradient + (t->conv.tensor[1].at.offset - t->conv.tensor[0].at.offset),
                  want + kernel, filters);
    free(want);
}

/* dx of each sample: positions of the sums in row order, then filters. */
static void check_input(const twin *t, const fast *f)
{
    int channels = t->conv.in.dim[2], filters = t->conv.cfg.units, width = t->conv.in.dim[1];
    int rows = f->s.reads_rows - 2, cols = f->s.reads_cols - 2;
    const float *w = t->w + t->conv.tensor[0].at.offset;
    float *want = values_take(t->in * sizeof *want);
    for (int n = 0; n < f->count; n++) {
        memset(want, 0, t->in * sizeof *want);
        for (int at = 0; at < rows * cols * filters; at++) {
            int row = at / filters / cols, col = at / filters % cols, u = at % filters;
            maximum m = maximum_of(t, f, n, row / 2, col / 2, u);
            for (int tap = 0; m.row == row && m.col == col && tap < 9 * channels; tap++) {
                float *sum = want +
                             ((row + tap / channels / 3) * width + col + tap / channels % 3) *
                                 channels +
                             tap % channels;
                *sum = fmaf(m.d, operand(f, w[tap * filters + u]), *sum);
            }
        }
        SAME_BITS(f->io.dx + (size_t)n * t->in, want, t->in);
    }
    free(want);
}

static void gradients_are_chains_in(precision p)
{
    enum { SAMPLES = 3 };
    static twin t;
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables);
    for (int c = 0; c < CASES; c++)
        for (int i = 0; i < count; i++) {
            fast f;
            open_twin(&t, &cases[c], SAMPLES);
            open_fast(&f, &t, &cases[c], tables[i], STAGE_FAST);
            fast_forward(&f, &t, 0, SAMPLES), fast_backward(&f, &t, 0);
            check_weights(&t, &f);
            if (f.io.dx) check_input(&t, &f);
            fast_close(&f), twin_close(&t);
        }
}

static void gradients_are_chains(void **state)
{
    (void)state;
    gradients_are_chains_in(PRECISION_FP32);
    gradients_are_chains_in(PRECISION_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_general_convolution), cmocka_unit_test(every_instruction_set),
        cmocka_unit_test(samples_alone),           cmocka_unit_test(blank_positions),
        cmocka_unit_test(gradients_are_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
